"""Components of parts of a mask, joined where the parts touch."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from .. import _slabs
from .._backends import OnDevice, Waiting


def touching(one: np.ndarray, other: np.ndarray, steps: int, free: int) -> np.ndarray:
    """Return which labels of two faces, one behind the other, touch: pairs in increasing order, each once.

    Parameters
    ----------
    one, other : ndarray of int
        The faces, 0 where there is nothing.
    steps : int
        How many coordinates along the faces may differ by one, beside those that differ anyway.
    free : int
        How many of the faces' axes there are along which they may.
    """
    pairs = [np.zeros((0, 2), np.int64)]
    for shift in itertools.product((-1, 0, 1), repeat=free):
        if sum(map(abs, shift)) > steps:
            continue
        here = tuple(slice(max(0, -s), n - max(0, s)) for s, n in zip(shift, one.shape, strict=False))
        there = tuple(slice(max(0, s), n - max(0, -s)) for s, n in zip(shift, one.shape, strict=False))
        a, b = one[here].reshape(-1), other[there].reshape(-1)
        both = (a != 0) & (b != 0)
        if both.any():
            pairs.append(np.unique(np.stack([a[both], b[both]], axis=1).astype(np.int64), axis=0))
    return np.unique(np.concatenate(pairs), axis=0)


def roots_of(total: int, edges: np.ndarray) -> np.ndarray:
    """Return for each of `total` nodes the least one that edges join it to."""
    root = np.arange(total)
    while len(edges):
        one, other = root[edges[:, 0]], root[edges[:, 1]]
        apart = one != other
        if not apart.any():
            break
        edges, one, other = edges[apart], one[apart], other[apart]
        low, high = np.minimum(one, other), np.maximum(one, other)
        np.minimum.at(root, high, low)
        while True:
            above = root[root]
            if np.array_equal(above, root):
                break
            root = above
    return root


def labels_in_layers(
    function: str, mask: Waiting, connectivity: int, label: Callable[[OnDevice], tuple[OnDevice, OnDevice]]
) -> tuple[np.ndarray, int]:
    """Label a mask slab by slab and join the components; numbers are those of the whole, in the order of first voxels.

    Parameters
    ----------
    function : str
        For error messages.
    mask : Waiting
        On the host.
    connectivity : int
        How many coordinates may change by one in a step.
    label : callable
        Returns the labels of a part, and their number.
    """

    def counted(part: OnDevice) -> tuple[OnDevice, int]:
        labels, count = label(part)
        return labels, int(count.to_host()[0])

    result = np.empty(mask.shape, np.int32)
    found = _slabs.layers(function, mask, counted, result)
    offsets = np.cumsum([0, *(count for _, count in found)])
    edges = [np.zeros((0, 2), np.int64)]
    for (at, _), (first, second) in zip(found[1:], itertools.pairwise(offsets[:-1]), strict=True):
        before, behind = result[at.start - 1], result[at.start]
        edges.append(touching(before, behind, connectivity - 1, before.ndim) - 1 + [first, second])
    total = int(offsets[-1])
    root = roots_of(total, np.concatenate(edges))
    # A slab's numbers are in the order of first voxels, and so are slabs.
    first_of = root == np.arange(total)
    numbers = np.cumsum(first_of)[root]
    if total and numbers.max() >= np.iinfo(np.int32).max:
        raise OverflowError(f"{function}: there are more components than int32 can number")
    for (at, count), offset in zip(found, offsets[:-1], strict=True):
        table = np.zeros(count + 1, np.int32)
        table[1:] = numbers[offset : offset + count]
        result[at] = table[result[at]]
    return result, int(np.count_nonzero(first_of))
