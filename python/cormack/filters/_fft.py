"""Correlation with large windows: blocks of the image, continued beyond its border, through the Fourier transform."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np

from .. import _cormack_cpu

# What a voxel costs: for each tap of a direct sum, and for each level of the two transforms; ns on one core.
FEWEST_TAPS = 64
_DIRECT = 0.05
_TRANSFORM = 1.2
# Values in a block, unless the window is larger: 2 MB each for the block, its spectrum and the way back.
_BLOCK = 2**18
# Values and weights from which the transform of a block could overflow.
_LARGEST, _LARGEST_WEIGHTS = 1e200, 1e100


@cache
def fast_length(least: int) -> int:
    """Return the smallest length of factors 2, 3 and 5 that is at least so long."""
    best = 1 << (least - 1).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            best = min(best, three << max(0, -(-least // three) - 1).bit_length())
            three *= 3
        five *= 5
    return best


def block_lengths(shape: Sequence[int], extents: Sequence[int]) -> list[int]:
    """Return the extents of a transform: the image where it fits, else blocks not much smaller than the window."""
    lengths = [fast_length(n + extent - 1) if extent > 1 else n for n, extent in zip(shape, extents, strict=True)]
    while math.prod(lengths) > _BLOCK:
        ratios = [length / extent for length, extent in zip(lengths, extents, strict=True)]
        if max(ratios) <= 1:
            break
        axis = ratios.index(max(ratios))
        if extents[axis] == 1:
            lengths[axis] = -(-lengths[axis] // 2)
            continue
        shorter = fast_length(max(2 * extents[axis], -(-lengths[axis] // 2)))
        if shorter >= lengths[axis]:
            break
        lengths[axis] = shorter
    return lengths


def is_faster(shape: Sequence[int], extents: Sequence[int], taps: float) -> bool:
    """Whether transforms beat `taps` multiplications and additions per voxel; depends on nothing else."""
    if taps < FEWEST_TAPS:
        return False
    lengths = block_lengths(shape, extents)
    transformed = 1
    for n, extent, length in zip(shape, extents, lengths, strict=True):
        transformed *= length * -(-n // (length - extent + 1))
    levels = sum(math.log2(length) for length, extent in zip(lengths, extents, strict=True) if extent > 1)
    return _TRANSFORM * levels * transformed < _DIRECT * taps * math.prod(shape)


def is_safe(weights: np.ndarray, outside: float) -> bool:
    """Whether `correlate` takes such weights, and such a value beyond the border."""
    return abs(outside) < _LARGEST and weights.size * float(np.abs(weights).max()) < _LARGEST_WEIGHTS


def _positions(start: int, stop: int, n: int, border: int) -> slice | np.ndarray:
    """Return where the values of positions start .. stop - 1 stand; -1 for those of the constant border."""
    if start >= 0 and stop <= n:
        return slice(start, stop)
    position = np.arange(start, stop)
    inside = (position >= 0) & (position < n)
    if border == 1:
        return np.where(inside, position, -1)
    if border == 2:
        return position.clip(0, n - 1)
    period = {0: 2 * n, 3: max(1, 2 * n - 2), 4: n}[border]
    position %= period
    if border == 0:
        return np.minimum(position, period - 1 - position)
    return np.minimum(position, period - position) if border == 3 else position


def _cut(source: np.ndarray, places: list[slice | np.ndarray], outside: float, dtype: Any) -> np.ndarray:
    """Copy a block, continued beyond the border."""
    block = source
    for axis, place in enumerate(places):
        block = block[(slice(None),) * axis + (place,)]
    block = block.astype(dtype)
    for axis, place in enumerate(places):
        if isinstance(place, np.ndarray):
            block[(slice(None),) * axis + (place < 0,)] = outside
    return block


def correlate(
    source: np.ndarray,
    target: np.ndarray,
    weights: np.ndarray,
    left: Sequence[int],
    border: Sequence[int],
    outside: float,
    threads: int,
    whole: Sequence[int] | None = None,
) -> None:
    """Correlate by overlap-save in float64; what `_cormack_cpu.correlate_window` does, which takes blocks with NaN.

    A block's transform mixes all of its values: the error is relative to the largest of them, not of the window. Of a
    part of an image, `whole` is the image's shape, which decides what blocks there are.
    """
    lengths = block_lengths(whole or source.shape, weights.shape)
    axes = [axis for axis, extent in enumerate(weights.shape) if extent > 1]
    steps = [length - extent + 1 for length, extent in zip(lengths, weights.shape, strict=True)]
    spectrum = np.fft.rfftn(weights, [lengths[axis] for axis in axes], axes).conj()

    def run(corner: tuple[int, ...]) -> None:
        sizes = [min(step, n - start) for start, step, n in zip(corner, steps, source.shape, strict=True)]
        places = [
            _positions(start - shift, start - shift + length, n, mode)
            for start, shift, length, n, mode in zip(corner, left, lengths, source.shape, border, strict=True)
        ]
        if 1 in weights.shape:
            # A batch has no border: its last block may be short.
            places = [
                slice(start, start + size) if extent == 1 else place
                for place, start, size, extent in zip(places, corner, sizes, weights.shape, strict=True)
            ]
        block = _cut(source, places, outside, np.float64)
        inner = tuple(slice(size) for size in sizes)
        into = target[tuple(slice(start, start + size) for start, size in zip(corner, sizes, strict=True))]
        # NaN fails the comparison. A maximum and a minimum need no copy of magnitudes.
        if not (block.max() < _LARGEST and block.min() > -_LARGEST):
            _direct(source, places, outside, weights, sizes, into)
            return
        transform = np.fft.rfftn(block, axes=axes)
        transform *= spectrum
        block = np.fft.irfftn(transform, [lengths[axis] for axis in axes], axes)
        _round_into(into, block[inner])

    corners: Iterator[tuple[int, ...]] = itertools.product(
        *(range(0, n, step) for n, step in zip(source.shape, steps, strict=True))
    )
    workers = threads or _cormack_cpu.get_num_threads()
    blocks = math.prod(-(-n // step) for n, step in zip(source.shape, steps, strict=True))
    if min(workers, blocks) <= 1:
        for corner in corners:
            run(corner)
        return
    with ThreadPoolExecutor(min(workers, blocks)) as pool:
        for _ in pool.map(run, corners):
            pass


def _direct(
    source: np.ndarray,
    places: list[slice | np.ndarray],
    outside: float,
    weights: np.ndarray,
    sizes: Sequence[int],
    into: np.ndarray,
) -> None:
    block = _cut(source, places, outside, into.dtype)
    result = np.empty_like(block)
    # The block holds all that its results need, so whatever stands beyond its border is cut off.
    _cormack_cpu.correlate_window(block, result, weights, [0] * block.ndim, [2] * block.ndim, 0.0, 1)
    into[...] = result[tuple(slice(size) for size in sizes)]


def _round_into(target: np.ndarray, values: np.ndarray) -> None:
    """Store float64 values in any type: integers round half to even and saturate."""
    if target.dtype.kind == "f":
        with np.errstate(over="ignore"):
            target[...] = values
        return
    np.rint(values, out=values)
    if target.dtype == bool:
        np.clip(values, 0, 1, out=values)
    else:
        limits = np.iinfo(target.dtype)
        np.clip(values, limits.min, limits.max, out=values)
    np.copyto(target, values, casting="unsafe")
