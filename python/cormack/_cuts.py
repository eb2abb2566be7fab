"""How an image is cut into blocks, each with what a filter reads around it: for `cormack.dask` and for GPUs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _check

_WRAP = _check.BORDERS["wrap"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a filter would read and return: one value for each axis of the array."""

    reach: list[tuple[int, int]]
    borders: list[int]
    align: list[int]
    dtype: np.dtype[Any]
    leading: tuple[int, ...] = ()  # axes of the result before those of the image


@dataclass(frozen=True, slots=True)
class Cut:
    """Along one axis: what is put together for a block, and where the block lies in that."""

    pieces: tuple[tuple[int, slice, slice], ...]  # block, where it is in the block, where it goes to
    length: int
    inner: slice


def cuts(chunks: Sequence[int], reach: tuple[int, int], border: int, align: int, both_ends: bool) -> list[Cut]:
    """Return what each block of one axis needs.

    Parameters
    ----------
    chunks : sequence of int
        Extents of the blocks.
    reach : (int, int)
        What is read before and after a voxel.
    border : int
        The extension's boundary mode.
    align : int
        What is put together starts at multiples of this.
    both_ends : bool
        Whether it ends there too.
    """
    starts = [0, *itertools.accumulate(chunks)]
    n = starts[-1]
    result = []
    for start, size in itertools.pairwise(starts):
        begin, end = start - reach[0], size + reach[1]
        if border != _WRAP:
            # Modes that turn back at the border read there as far as the window reaches beyond it.
            begin = min(begin, n - 1 - reach[1]) if end >= n else begin
            end = max(end, 1 + reach[0]) if begin <= 0 else end
        if begin < start or align > 1:
            begin = begin // align * align
        if both_ends:
            end = -(-end // align) * align
        around = border == _WRAP and len(chunks) > 1 and max(reach) > 0
        if not around:
            begin, end = max(0, begin), min(n, end)
        pieces = []
        at = begin
        while at < end:
            place = at % n
            block = next(i for i in range(len(chunks)) if starts[i] <= place < starts[i + 1])
            count = min(end - at, starts[block + 1] - place)
            first = place - starts[block]
            pieces.append((block, slice(first, first + count), slice(at - begin, at - begin + count)))
            at += count
        result.append(Cut(tuple(pieces), end - begin, slice(start - begin, size - begin)))
    return result
