"""Weights: of Gaussians in voxels or millimetres, and of windows that are products of one kernel per axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _check
from .._arrays import Taken
from .._neighbourhood import spacing_of_axes

# Beyond this a call would only exhaust the memory.
LARGEST_WINDOW = 2**24


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
    if _check.choice(function, "unit", unit, ("voxel", "mm")) == "voxel":
        if spacing is not None:
            raise _check.fail(function, "unit", "be 'mm' where `spacing` is given", unit)
        return sigmas, [1.0] * len(axes)
    sizes = spacing_of_axes(function, taken.spacing if spacing is None else spacing, taken.array.ndim, axes)
    return [sigma / size for sigma, size in zip(sigmas, sizes, strict=True)], [1 / size for size in sizes]


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


def gaussian_weights(sigma: float, radius: int) -> list[float]:
    """Return SciPy's sampled Gaussian; below its limit for "no filter", a single 1."""
    if not sigma > 1e-15:
        return [1.0]
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 / sigma**2 * offsets**2)
    return [float(weight) for weight in weights / weights.sum()]


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
    tolerance = 0.0 if integral else tolerance
    if np.abs(weights - product).sum() > tolerance * np.abs(weights).sum() or ((weights == 0) != (product == 0)).any():
        return None
    return [factor.ravel() for factor in factors]
