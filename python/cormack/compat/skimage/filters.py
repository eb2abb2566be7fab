"""`skimage.filters` by Cormack: see `cormack.compat.skimage` for the rules."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ... import _check, filters, segment
from ..._docs import named_after
from ._common import as_float, floating, narrow, refuse

__all__ = [
    "apply_hysteresis_threshold",
    "frangi",
    "gabor",
    "gaussian",
    "median",
    "meijering",
    "prewitt",
    "prewitt_h",
    "prewitt_v",
    "sato",
    "scharr",
    "scharr_h",
    "scharr_v",
    "sobel",
    "sobel_h",
    "sobel_v",
    "threshold_isodata",
    "threshold_li",
    "threshold_local",
    "threshold_mean",
    "threshold_minimum",
    "threshold_multiotsu",
    "threshold_niblack",
    "threshold_otsu",
    "threshold_sauvola",
    "threshold_triangle",
    "threshold_yen",
    "unsharp_mask",
]


def gaussian(
    image: Any,
    sigma: Any = 1.0,
    *,
    mode: str = "nearest",
    cval: float = 0,
    preserve_range: bool = False,
    truncate: float = 4.0,
    channel_axis: int | None = None,
    out: Any = None,
) -> Any:
    """`cormack.filters.gaussian_filter` of the image in floating point, integers divided by their largest value."""
    array = as_float(image, preserve_range)
    if out is not None and out.dtype.kind != "f":
        raise _check.fail("gaussian", "out", "be of a floating type", out.dtype)
    axes = None
    if channel_axis is not None and (np.isscalar(sigma) or len(sigma) == array.ndim - 1):
        axes = [axis for axis in range(array.ndim) if axis != channel_axis % array.ndim]
    return filters.gaussian_filter(array, sigma, 0, out, mode, cval, truncate, axes=axes)


def median(
    image: Any,
    footprint: Any = None,
    out: Any = None,
    mode: str = "nearest",
    cval: float = 0.0,
    behavior: str = "ndimage",
) -> Any:
    """`cormack.filters.median_filter`; `behavior` is ``"ndimage"``."""
    refuse("median", "behavior", behavior, "ndimage")
    size = 3 if footprint is None else None
    return filters.median_filter(np.asarray(image), size, footprint, out, mode, cval)


def _edges(
    derivative: Callable[..., Any], image: Any, mask: Any, axis: Any, mode: str, cval: float
) -> np.ndarray[Any, Any]:
    name = derivative.__name__
    array = as_float(image)
    if mode == "constant" and cval != 0:
        # Beyond the border every pass would see `cval`; scikit-image has one kernel.
        array, cval = array - array.dtype.type(cval), 0.0
    axes = list(range(array.ndim)) if axis is None else np.atleast_1d(axis).tolist()
    if len(axes) == 1:
        # Differences over two voxels, which Cormack halves and scikit-image does not.
        result = 2.0 * derivative(array, axes[0], None, mode, cval, normalize=True)
    elif sorted(axis % array.ndim for axis in axes) == list(range(array.ndim)):
        result = filters.gradient_magnitude(array, name, None, mode, cval)
        result *= 2.0 / math.sqrt(array.ndim)
    else:
        squares = sum(derivative(array, one, None, mode, cval, normalize=True) ** 2 for one in axes)
        result = np.sqrt(squares) * (2.0 / math.sqrt(array.ndim))
    if mask is not None:
        inside = segment.binary_erosion(np.asarray(mask), size=3, border_value=False)
        result = result * inside
    return np.asarray(result)


def _in_plane(function: str, image: Any) -> Any:
    if np.ndim(image) != 2:
        raise _check.fail(function, "image", "have 2 axes", np.shape(image))
    return image


def sobel(image: Any, mask: Any = None, *, axis: Any = None, mode: str = "reflect", cval: float = 0.0) -> Any:
    """`cormack.filters.sobel` or the length of the gradient, with scikit-image's weights."""
    return _edges(filters.sobel, image, mask, axis, mode, cval)


def sobel_h(image: Any, mask: Any = None) -> Any:
    """`sobel` along y: horizontal edges of a 2-D image."""
    return sobel(_in_plane("sobel_h", image), mask, axis=0)


def sobel_v(image: Any, mask: Any = None) -> Any:
    """`sobel` along x: vertical edges of a 2-D image."""
    return sobel(_in_plane("sobel_v", image), mask, axis=1)


def prewitt(image: Any, mask: Any = None, *, axis: Any = None, mode: str = "reflect", cval: float = 0.0) -> Any:
    """`cormack.filters.prewitt` or the length of the gradient, with scikit-image's weights."""
    return _edges(filters.prewitt, image, mask, axis, mode, cval)


def prewitt_h(image: Any, mask: Any = None) -> Any:
    """`prewitt` along y: horizontal edges of a 2-D image."""
    return prewitt(_in_plane("prewitt_h", image), mask, axis=0)


def prewitt_v(image: Any, mask: Any = None) -> Any:
    """`prewitt` along x: vertical edges of a 2-D image."""
    return prewitt(_in_plane("prewitt_v", image), mask, axis=1)


def scharr(image: Any, mask: Any = None, *, axis: Any = None, mode: str = "reflect", cval: float = 0.0) -> Any:
    """`cormack.filters.scharr` or the length of the gradient, with scikit-image's weights."""
    return _edges(filters.scharr, image, mask, axis, mode, cval)


def scharr_h(image: Any, mask: Any = None) -> Any:
    """`scharr` along y: horizontal edges of a 2-D image."""
    return scharr(_in_plane("scharr_h", image), mask, axis=0)


def scharr_v(image: Any, mask: Any = None) -> Any:
    """`scharr` along x: vertical edges of a 2-D image."""
    return scharr(_in_plane("scharr_v", image), mask, axis=1)


def frangi(
    image: Any,
    sigmas: Iterable[float] = range(1, 10, 2),
    scale_range: None = None,
    scale_step: None = None,
    alpha: float = 0.5,
    beta: float = 0.5,
    gamma: float | None = None,
    black_ridges: bool = True,
    mode: str = "reflect",
    cval: float = 0,
) -> Any:
    """`cormack.filters.frangi`: 0 where curvatures have the wrong sign, also on perfectly straight tubes."""
    refuse("frangi", "scale_range", scale_range, None)
    refuse("frangi", "scale_step", scale_step, None)
    return filters.frangi(floating(image), sigmas, alpha, beta, gamma, black_ridges, mode, cval)


def sato(
    image: Any,
    sigmas: Iterable[float] = range(1, 10, 2),
    black_ridges: bool = True,
    mode: str = "reflect",
    cval: float = 0,
) -> Any:
    """`cormack.filters.sato`."""
    return filters.sato(floating(image), sigmas, black_ridges, mode, cval)


def meijering(
    image: Any,
    sigmas: Iterable[float] = range(1, 10, 2),
    alpha: float | None = None,
    black_ridges: bool = True,
    mode: str = "reflect",
    cval: float = 0,
) -> Any:
    """`cormack.filters.meijering`."""
    return filters.meijering(floating(image), sigmas, alpha, black_ridges, mode, cval)


def unsharp_mask(
    image: Any,
    radius: float = 1.0,
    amount: float = 1.0,
    preserve_range: bool = False,
    *,
    channel_axis: int | None = None,
) -> Any:
    """`cormack.filters.unsharp_mask` of the image in floating point, clipped unless `preserve_range`."""
    array = as_float(image, preserve_range)
    axes = None if channel_axis is None else [axis for axis in range(array.ndim) if axis != channel_axis % array.ndim]
    result = filters.unsharp_mask(array, radius, amount, axes=axes)
    if not preserve_range:
        np.clip(result, -1.0 if np.any(array < 0) else 0.0, 1.0, out=result)
    return result


def gabor(
    image: Any,
    frequency: float,
    theta: float = 0,
    bandwidth: float = 1,
    sigma_x: float | None = None,
    sigma_y: float | None = None,
    n_stds: float = 3,
    offset: float = 0,
    mode: str = "reflect",
    cval: float = 0,
) -> Any:
    """Return real and imaginary part of one filter of `cormack.filters.gabor_bank`; `offset` is 0.

    Floating also for integer images, for which scikit-image rounds down and wraps.
    """
    refuse("gabor", "offset", offset, 0)
    array = floating(_in_plane("gabor", image))
    real, imaginary = (
        filters.gabor_bank(
            array,
            [frequency],
            [theta],
            bandwidth=bandwidth,
            sigma_x=sigma_x,
            sigma_y=sigma_y,
            n_stds=n_stds,
            response=response,
            mode=mode,
            cval=cval,
        )[0, 0]
        for response in ("real", "imaginary")
    )
    return real, imaginary


def apply_hysteresis_threshold(image: Any, low: Any, high: Any) -> Any:
    """`cormack.segment.apply_hysteresis_threshold`; the thresholds are numbers."""
    return segment.apply_hysteresis_threshold(narrow(image), min(low, high), high)


def threshold_isodata(image: Any = None, nbins: int = 256, return_all: bool = False, *, hist: Any = None) -> Any:
    """`cormack.segment.threshold_isodata`."""
    return segment.threshold_isodata(_given(image), nbins, return_all, hist=hist)


def threshold_li(image: Any, *, tolerance: Any = None, initial_guess: Any = None, iter_callback: Any = None) -> Any:
    """`cormack.segment.threshold_li`."""
    return segment.threshold_li(
        narrow(image), tolerance=tolerance, initial_guess=initial_guess, iter_callback=iter_callback
    )


def threshold_local(
    image: Any,
    block_size: Any = 3,
    method: str = "gaussian",
    offset: float = 0,
    mode: str = "reflect",
    param: Any = None,
    cval: float = 0,
) -> Any:
    """`cormack.segment.threshold_local`, which has no `method` ``"generic"``."""
    return segment.threshold_local(narrow(image), block_size, method, offset, mode, param, cval)


def threshold_mean(image: Any) -> Any:
    """`cormack.segment.threshold_mean`."""
    return segment.threshold_mean(narrow(image))


def threshold_minimum(image: Any = None, nbins: int = 256, max_num_iter: int = 10000, *, hist: Any = None) -> Any:
    """`cormack.segment.threshold_minimum`."""
    return segment.threshold_minimum(_given(image), nbins, max_num_iter, hist=hist)


def threshold_multiotsu(image: Any = None, classes: int = 3, nbins: int = 256, *, hist: Any = None) -> Any:
    """`cormack.segment.threshold_multiotsu`."""
    return segment.threshold_multiotsu(_given(image), classes, nbins, hist=hist)


def threshold_niblack(image: Any, window_size: Any = 15, k: float = 0.2) -> Any:
    """`cormack.segment.threshold_niblack`."""
    return segment.threshold_niblack(narrow(image), window_size, k)


def threshold_otsu(image: Any = None, nbins: int = 256, *, hist: Any = None) -> Any:
    """`cormack.segment.threshold_otsu`."""
    return segment.threshold_otsu(_given(image), nbins, hist=hist)


def threshold_sauvola(image: Any, window_size: Any = 15, k: float = 0.2, r: float | None = None) -> Any:
    """`cormack.segment.threshold_sauvola`."""
    return segment.threshold_sauvola(narrow(image), window_size, k, r)


def threshold_triangle(image: Any, nbins: int = 256) -> Any:
    """`cormack.segment.threshold_triangle`."""
    return segment.threshold_triangle(narrow(image), nbins)


def threshold_yen(image: Any = None, nbins: int = 256, *, hist: Any = None) -> Any:
    """`cormack.segment.threshold_yen`."""
    return segment.threshold_yen(_given(image), nbins, hist=hist)


def _given(image: Any) -> Any:
    return None if image is None else narrow(image)


named_after("skimage.filters", globals(), "Parameters and results; what differs is in `cormack.compat.skimage`.")
