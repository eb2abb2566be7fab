"""Weights: of Gaussians in voxels or millimetres, and of windows that are products of one kernel per axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _check
from .._arrays import Taken
from .._neighbourhood import LARGEST_WINDOW as LARGEST_WINDOW
from .._neighbourhood import spacing_of_axes


def number_outside(function: str, cval: Any, dtype: np.dtype[Any]) -> float:
    """Return the value beyond the border: any number for floating images, a finite one for integers."""
    if dtype.kind != "f" or isinstance(cval, (str, bytes)):
        return _check.real(function, "cval", cval)
    try:
        return float(cval)
    except (TypeError, ValueError):
        raise _check.fail(function, "cval", "be a number", cval, TypeError) from None
    except OverflowError:
        raise _check.fail(function, "cval", "fit into a float", cval) from None


def sigmas_of(
    function: str, argument: str, value: Any, taken: Taken, axes: tuple[int, ...], spacing: Any, unit: str
) -> tuple[list[float], list[float]]:
    """Return the standard deviation in voxels and the voxels per unit of length, one each for each filtered axis."""
    sigmas = [
        _check.real(function, argument, item, minimum=0)
        for item in _check.per_axis(function, argument, value, len(axes))
    ]
    sizes = spacing_of_axes(function, taken, axes, spacing, unit)
    return [sigma / size for sigma, size in zip(sigmas, sizes, strict=True)], [1 / size for size in sizes]


def box_of(function: str, size: Any, taken: Taken, axes: tuple[int, ...], spacing: Any, unit: str) -> list[int]:
    """Return the extents of a box in voxels, one for each filtered axis."""
    sizes = _check.per_axis(function, "size", size, len(axes))
    voxels = spacing_of_axes(function, taken, axes, spacing, unit)
    if unit == "voxel":
        return [_check.integer(function, "size", extent, minimum=1) for extent in sizes]
    lengths = [_check.real(function, "size", extent, above=0) for extent in sizes]
    if not all(length / voxel < LARGEST_WINDOW for length, voxel in zip(lengths, voxels, strict=True)):
        raise _check.fail(function, "size", f"reach less than {LARGEST_WINDOW} voxels", size)
    return [2 * int(length / voxel / 2) + 1 for length, voxel in zip(lengths, voxels, strict=True)]


def radii_of(
    function: str, argument: str, value: Any, sigmas: Sequence[float], truncate: Any, radius: Any
) -> list[int]:
    """Return the radius of each Gaussian in voxels; `argument` and `value` are those of its width, for messages."""
    if radius is None:
        reach = _check.real(function, "truncate", truncate, minimum=0)
        if not all(reach * sigma < LARGEST_WINDOW for sigma in sigmas):
            raise _check.fail(function, argument, f"reach less than {LARGEST_WINDOW} voxels", value)
        return [int(reach * sigma + 0.5) for sigma in sigmas]
    radii = [
        _check.integer(function, "radius", item, minimum=0)
        for item in _check.per_axis(function, "radius", radius, len(sigmas))
    ]
    if max(radii, default=0) > LARGEST_WINDOW:
        raise _check.fail(function, "radius", f"be at most {LARGEST_WINDOW}", radius)
    return radii


def gaussian_taps(
    sigmas: Sequence[float], radii: Sequence[int], borders: Sequence[int], lengths: Sequence[int]
) -> list[tuple[list[float], int, int] | None]:
    """Return the weights, the index of the voxel's own, and the border for each axis; None where it stays as it is."""
    return [
        # SciPy's limit for "no filter".
        (*_folded(_gaussian(sigma, radius), length, border), border) if sigma > 1e-15 else None
        for sigma, radius, border, length in zip(sigmas, radii, borders, lengths, strict=True)
    ]


def _gaussian(sigma: float, radius: int) -> np.ndarray:
    offsets = np.arange(-radius, radius + 1)
    # Not `sigma**2`, which raises where the product is infinite.
    weights = np.exp(-0.5 / (sigma * sigma) * offsets**2)
    result: np.ndarray = weights / weights.sum()
    return result


def _folded(weights: np.ndarray, length: int, border: int) -> tuple[list[float], int]:
    """Return the kernel that does the same to lines of `length` voxels, and its centre: no longer than two lines."""
    radius, length = len(weights) // 2, max(1, length)
    if radius <= length:
        return weights.tolist(), radius
    offsets = np.arange(-radius, radius + 1)
    if border in (_check.BORDERS["constant"], _check.BORDERS["nearest"]):
        half, places = length, offsets.clip(-length, length)
    else:
        period = {
            _check.BORDERS["reflect"]: 2 * length,
            _check.BORDERS["mirror"]: max(1, 2 * length - 2),
            _check.BORDERS["wrap"]: length,
        }[border]
        half = period // 2
        places = (offsets + half) % period - half
    return np.bincount(places + half, weights).tolist(), half


def factors_of(weights: np.ndarray, tolerance: float) -> list[np.ndarray] | None:
    """Return one kernel per axis whose product is `weights`, or None where there are none.

    The product may miss the weights by `tolerance` times the sum of their magnitudes, all differences together, and
    must be zero where they are. Weights that are integers must be met exactly; their factors are integers.
    """
    pivot = tuple(map(int, np.unravel_index(np.argmax(np.abs(weights)), weights.shape)))
    largest = weights[pivot]
    if largest == 0:
        return [np.zeros(weights.shape[0]), *(np.ones(extent) for extent in weights.shape[1:])]
    integral = bool((weights == np.rint(weights)).all()) and abs(largest) < 2**53
    factors = []
    for axis, extent in enumerate(weights.shape):
        index: list[Any] = list(pivot)
        index[axis] = slice(None)
        line = weights[tuple(index)]
        line = line / (np.gcd.reduce(line.astype(np.int64)) if integral else largest)
        factors.append(line.reshape([extent if a == axis else 1 for a in range(weights.ndim)]))
    scale = largest / np.prod([factor.flat[position] for factor, position in zip(factors, pivot, strict=True)])
    factors[0] = factors[0] * scale
    product = np.ones(())
    for factor in factors:
        product = product * factor
    if integral:
        met = bool((weights == product).all())
    else:
        # Relative to the largest weight, for sums of large ones are infinite.
        relative = weights / largest
        missed = np.abs(relative - product / largest).sum()
        met = missed <= tolerance * np.abs(relative).sum() and bool(((weights == 0) == (product == 0)).all())
    if not met:
        return None
    return [factor.ravel() for factor in factors]
