"""SciPy's filters: `cormack.filters` with SciPy's dtypes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from .. import _check, filters
from ._images import constant_of, filtered, image_of, in_order_of_axes, is_complex, linear, one_window

Numbers = int | Sequence[int]
Modes = str | Sequence[str]
Axes = int | Sequence[int] | None


def uniform_filter(
    input: Any,
    size: Numbers = 3,
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    origin: Numbers = 0,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Replace every voxel by the mean of a box around it: `cormack.filters.uniform_filter`."""
    keywords: dict[str, Any] = {"mode": mode, "cval": cval, "origin": origin, "axes": axes}
    return linear(filters.uniform_filter, input, output, size, workers=workers, **keywords)


def uniform_filter1d(
    input: Any,
    size: int,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: int = 0,
    *,
    workers: int | None = None,
) -> Any:
    """Replace every voxel by the mean along one axis: `cormack.filters.uniform_filter` with `axes`."""
    return uniform_filter(input, size, output, mode, cval, origin, axes=axis, workers=workers)


def gaussian_filter(
    input: Any,
    sigma: float | Sequence[float],
    order: Numbers = 0,
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    truncate: float = 4.0,
    *,
    radius: Numbers | None = None,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Smooth by a Gaussian, or take its derivatives: `cormack.filters.gaussian_filter`."""
    keywords: dict[str, Any] = {
        "order": order,
        "mode": mode,
        "cval": cval,
        "truncate": truncate,
        "radius": radius,
        "axes": axes,
    }
    return linear(filters.gaussian_filter, input, output, sigma, workers=workers, **keywords)


def gaussian_filter1d(
    input: Any,
    sigma: float,
    axis: int = -1,
    order: int = 0,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    truncate: float = 4.0,
    *,
    radius: int | None = None,
    workers: int | None = None,
) -> Any:
    """Smooth along one axis: `cormack.filters.gaussian_filter` with `axes`."""
    return gaussian_filter(input, sigma, order, output, mode, cval, truncate, radius=radius, axes=axis, workers=workers)


def gaussian_laplace(
    input: Any,
    sigma: float | Sequence[float],
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    *,
    axes: Axes = None,
    truncate: float = 4.0,
    radius: Numbers | None = None,
    workers: int | None = None,
) -> Any:
    """Laplacian of the smoothed image, in the image's dtype: `cormack.filters.gaussian_laplace`."""
    keywords: dict[str, Any] = {"mode": mode, "cval": cval, "axes": axes, "truncate": truncate, "radius": radius}
    return _of_derivatives(filters.gaussian_laplace, input, output, sigma, workers=workers, **keywords)


def gaussian_gradient_magnitude(
    input: Any,
    sigma: float | Sequence[float],
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    *,
    axes: Axes = None,
    truncate: float = 4.0,
    radius: Numbers | None = None,
    workers: int | None = None,
) -> Any:
    """Length of the smoothed image's gradient, in its dtype: `cormack.filters.gaussian_gradient_magnitude`."""
    keywords: dict[str, Any] = {"mode": mode, "cval": cval, "axes": axes, "truncate": truncate, "radius": radius}
    return _of_derivatives(filters.gaussian_gradient_magnitude, input, output, sigma, workers=workers, **keywords)


def sobel(
    input: Any,
    axis: int = -1,
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    *,
    workers: int | None = None,
) -> Any:
    """Sobel's derivative along one axis, in the image's dtype: `cormack.filters.sobel`."""
    return _of_derivatives(filters.sobel, input, output, axis, mode=mode, cval=cval, workers=workers)


def prewitt(
    input: Any,
    axis: int = -1,
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    *,
    workers: int | None = None,
) -> Any:
    """Prewitt's derivative along one axis, in the image's dtype: `cormack.filters.prewitt`."""
    return _of_derivatives(filters.prewitt, input, output, axis, mode=mode, cval=cval, workers=workers)


def laplace(
    input: Any,
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Sum of the second differences along the axes: `cormack.filters.correlate` with -2 and 1 on both sides."""
    image = image_of(input)
    weights = _second_differences(len(_check.axes("laplace", axes, image.ndim)))
    return linear(filters.correlate, image, output, weights, mode=mode, cval=cval, axes=axes, workers=workers)


def correlate(
    input: Any,
    weights: Any,
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    origin: Numbers = 0,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Replace every voxel by a weighted sum of its neighbourhood: `cormack.filters.correlate`."""
    return _weighted(filters.correlate, input, weights, output, mode, cval, origin, axes, workers)


def convolve(
    input: Any,
    weights: Any,
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    origin: Numbers = 0,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Correlate with the mirror image of the weights: `cormack.filters.convolve`."""
    return _weighted(filters.convolve, input, weights, output, mode, cval, origin, axes, workers)


def correlate1d(
    input: Any,
    weights: Any,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: int = 0,
    *,
    workers: int | None = None,
) -> Any:
    """Correlate along one axis: `cormack.filters.correlate1d`."""
    keywords: dict[str, Any] = {"axis": axis, "mode": mode, "cval": cval, "origin": origin}
    return linear(filters.correlate1d, input, output, weights, workers=workers, **keywords)


def convolve1d(
    input: Any,
    weights: Any,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: int = 0,
    *,
    workers: int | None = None,
) -> Any:
    """Convolve along one axis: `cormack.filters.convolve1d`."""
    keywords: dict[str, Any] = {"axis": axis, "mode": mode, "cval": cval, "origin": origin}
    return linear(filters.convolve1d, input, output, weights, workers=workers, **keywords)


def median_filter(
    input: Any,
    size: Numbers | None = None,
    footprint: Any = None,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: Numbers = 0,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Replace every voxel by the median of its neighbourhood: `cormack.filters.median_filter`."""
    return _ranked(filters.median_filter, input, (), size, footprint, output, mode, cval, origin, axes, workers)


def rank_filter(
    input: Any,
    rank: int,
    size: Numbers | None = None,
    footprint: Any = None,
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    origin: Numbers = 0,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Replace every voxel by the value of a rank in its neighbourhood: `cormack.filters.rank_filter`."""
    return _ranked(filters.rank_filter, input, (rank,), size, footprint, output, mode, cval, origin, axes, workers)


def percentile_filter(
    input: Any,
    percentile: float,
    size: Numbers | None = None,
    footprint: Any = None,
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    origin: Numbers = 0,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Replace every voxel by a percentile of its neighbourhood: `cormack.filters.percentile_filter`."""
    first = (percentile,)
    return _ranked(filters.percentile_filter, input, first, size, footprint, output, mode, cval, origin, axes, workers)


def minimum_filter(
    input: Any,
    size: Numbers | None = None,
    footprint: Any = None,
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    origin: Numbers = 0,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Replace every voxel by the least value of its neighbourhood: `cormack.filters.minimum_filter`."""
    return _ranked(filters.minimum_filter, input, (), size, footprint, output, mode, cval, origin, axes, workers)


def maximum_filter(
    input: Any,
    size: Numbers | None = None,
    footprint: Any = None,
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    origin: Numbers = 0,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Replace every voxel by the largest value of its neighbourhood: `cormack.filters.maximum_filter`."""
    return _ranked(filters.maximum_filter, input, (), size, footprint, output, mode, cval, origin, axes, workers)


def minimum_filter1d(
    input: Any,
    size: int,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: int = 0,
    *,
    workers: int | None = None,
) -> Any:
    """Replace every voxel by the least value along one axis: `cormack.filters.minimum_filter` with `axes`."""
    return minimum_filter(input, size, None, output, mode, cval, origin, axes=axis, workers=workers)


def maximum_filter1d(
    input: Any,
    size: int,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: int = 0,
    *,
    workers: int | None = None,
) -> Any:
    """Replace every voxel by the largest value along one axis: `cormack.filters.maximum_filter` with `axes`."""
    return maximum_filter(input, size, None, output, mode, cval, origin, axes=axis, workers=workers)


@cache
def _second_differences(count: int) -> np.ndarray:
    """Return the weights of the Laplacian along so many axes."""
    weights = np.zeros((3,) * count)
    for axis in range(count):
        weights[(1,) * axis + (slice(None),) + (1,) * (count - axis - 1)] += (1.0, -2.0, 1.0)
    return weights if count else np.ones(())


def _of_derivatives(run: Any, input: Any, output: Any, *args: Any, **keywords: Any) -> Any:
    return linear(run, input, output, *args, **keywords, natural=False)


def _weighted(
    run: Any, input: Any, weights: Any, output: Any, mode: Any, cval: Any, origin: Any, axes: Any, workers: Any
) -> Any:
    image = image_of(input)
    keywords: dict[str, Any] = {"mode": mode, "cval": cval, "origin": origin, "axes": axes}
    if axes is not None and not is_complex(image) and not is_complex(weights):
        weights = in_order_of_axes(run.__name__, weights, axes, image.ndim)
    return linear(run, image, output, weights, workers=workers, **keywords)


def _ranked(
    run: Any,
    input: Any,
    first: tuple[Any, ...],
    size: Any,
    footprint: Any,
    output: Any,
    mode: Any,
    cval: Any,
    origin: Any,
    axes: Any,
    workers: Any,
) -> Any:
    image = image_of(input)
    size = one_window(size, footprint)
    if axes is not None:
        footprint = in_order_of_axes(run.__name__, footprint, axes, image.ndim)
    outside = constant_of(cval, image)
    return filtered(
        run,
        image,
        output,
        *first,
        wide=False,
        size=size,
        footprint=footprint,
        mode=mode,
        cval=outside,
        origin=origin,
        axes=axes,
        workers=workers,
    )
