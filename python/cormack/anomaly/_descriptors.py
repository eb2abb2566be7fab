"""Numbers that describe the patch around each point of a grid, part by part of the image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from .. import filters

__all__ = ["CHANNELS", "describe", "grid_of"]

CHANNELS = ("mean", "deviation", "minimum", "maximum", "centre", "gradient", "fine", "coarse")
"""Of a patch: mean, standard deviation, extremes; mean of its inner half less its mean; mean gradient magnitude (of a
Gaussian of 1 voxel); mean magnitude of the Laplacians of Gaussians of 1 and 2 voxels."""

_COARSE = 2.0
_PART = 1 << 23  # voxels of a part, without its halo

Floats = npt.NDArray[np.float32]


def grid_of(shape: Sequence[int], stride: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Number of patches along each axis and the first centre: as far from one end as from the other."""
    counts = tuple((n - 1) // stride + 1 for n in shape)
    return counts, tuple((n - 1 - (count - 1) * stride) // 2 for n, count in zip(shape, counts, strict=True))


def describe(array: Floats, patch: int, stride: int, workers: int | None) -> Floats:
    """Describe the patches of an image.

    Parameters
    ----------
    array : ndarray of float32
        2D or 3D.
    patch, stride : int
        Edge of a patch (odd), distance between centres, in voxels.
    workers : int or None
        Threads.

    Returns
    -------
    ndarray of float32
        Shape of the grid of `grid_of`, then `CHANNELS`.

    Notes
    -----
    Parts of 8 million voxels, chosen by the shape alone, and what filters need around them: memory beside the image and
    the result does not grow with the image, unless a single plane is larger.
    """
    counts, start = grid_of(array.shape, stride)
    result = np.empty((*counts, len(CHANNELS)), np.float32)
    halo = patch // 2 + int(np.ceil(4 * _COARSE)) + 1
    planes = max(1, _PART // max(1, int(np.prod(array.shape[1:]))) // stride)
    # Deviations of values far from zero would drown in rounding.
    middle = np.float32(array.mean(dtype=np.float64))
    for first in range(0, counts[0], planes):
        last = min(first + planes, counts[0])
        begin = max(0, start[0] + first * stride - halo)
        end = min(array.shape[0], start[0] + (last - 1) * stride + halo + 1)
        rows = slice(start[0] + first * stride - begin, start[0] + (last - 1) * stride - begin + 1, stride)
        at = (rows, *(slice(s, None, stride) for s in start[1:]))
        part = array[begin:end] - middle
        for number, values in enumerate(_channels(part, patch, workers)):
            result[first:last, ..., number] = values[at]
        result[first:last, ..., 0] += middle
        result[first:last, ..., 2:4] += middle
    return result


def _channels(part: Floats, patch: int, workers: int | None) -> Iterator[Floats]:
    def window(values: Floats) -> Floats:
        mean: Floats = filters.uniform_filter(values, patch, workers=workers)
        return mean

    mean = window(part)
    yield mean
    yield np.sqrt(np.maximum(window(part * part) - mean * mean, 0))
    yield filters.minimum_filter(part, patch, workers=workers)
    yield filters.maximum_filter(part, patch, workers=workers)
    inner = max(1, patch // 2) | 1
    yield filters.uniform_filter(part, inner, workers=workers) - mean
    yield window(filters.gaussian_gradient_magnitude(part, 1.0, workers=workers))
    yield window(np.abs(filters.gaussian_laplace(part, 1.0, workers=workers)))
    yield window(np.abs(filters.gaussian_laplace(part, _COARSE, workers=workers)))
