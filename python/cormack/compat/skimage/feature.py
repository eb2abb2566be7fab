"""`skimage.feature` by Cormack: see `cormack.compat.skimage` for the rules."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import _check, detect, features, filters
from ..._docs import named_after
from ._common import as_float, floating, narrow, refuse

__all__ = [
    "blob_dog",
    "blob_doh",
    "blob_log",
    "canny",
    "hessian_matrix",
    "local_binary_pattern",
    "match_template",
    "peak_local_max",
]


def _rows(table: Any, axes: str, per_axis: bool) -> np.ndarray[Any, Any]:
    sigmas = [f"sigma_{axis}" for axis in axes] if per_axis else ["sigma"]
    return np.stack([np.asarray(table[name], np.float64) for name in (*axes, *sigmas)], axis=1)


def blob_dog(
    image: Any,
    min_sigma: Any = 1,
    max_sigma: Any = 50,
    sigma_ratio: float = 1.6,
    threshold: float | None = 0.5,
    overlap: float = 0.5,
    *,
    threshold_rel: float | None = None,
    exclude_border: Any = False,
) -> Any:
    """`cormack.detect.blob_dog` of the image in floating point, as an array; the strongest blob first."""
    array = as_float(image)
    table = detect.blob_dog(
        array,
        min_sigma,
        max_sigma,
        sigma_ratio,
        threshold,
        overlap,
        threshold_rel=threshold_rel,
        exclude_border=exclude_border,
    )
    return _rows(table, "zyx"[-array.ndim :], not (np.isscalar(min_sigma) and np.isscalar(max_sigma)))


def blob_log(
    image: Any,
    min_sigma: Any = 1,
    max_sigma: Any = 50,
    num_sigma: int = 10,
    threshold: float | None = 0.2,
    overlap: float = 0.5,
    log_scale: bool = False,
    *,
    threshold_rel: float | None = None,
    exclude_border: Any = False,
) -> Any:
    """`cormack.detect.blob_log` of the image in floating point, as an array; the strongest blob first."""
    array = as_float(image)
    table = detect.blob_log(
        array,
        min_sigma,
        max_sigma,
        num_sigma,
        threshold,
        overlap,
        log_scale,
        threshold_rel=threshold_rel,
        exclude_border=exclude_border,
    )
    return _rows(table, "zyx"[-array.ndim :], not (np.isscalar(min_sigma) and np.isscalar(max_sigma)))


def blob_doh(
    image: Any,
    min_sigma: float = 1,
    max_sigma: float = 30,
    num_sigma: int = 10,
    threshold: float | None = 0.01,
    overlap: float = 0.5,
    log_scale: bool = False,
    *,
    threshold_rel: float | None = None,
) -> Any:
    """`cormack.detect.blob_doh` of a 2-D image in floating point, as an array; the strongest blob first."""
    array = as_float(image)
    if array.ndim != 2:
        raise _check.fail("blob_doh", "image", "have 2 axes", array.shape)
    table = detect.blob_doh(
        array, min_sigma, max_sigma, num_sigma, threshold, overlap, log_scale, threshold_rel=threshold_rel
    )
    return _rows(table, "yx", False)


def canny(
    image: Any,
    sigma: float = 1.0,
    low_threshold: float | None = None,
    high_threshold: float | None = None,
    mask: Any = None,
    use_quantiles: bool = False,
    *,
    mode: str = "constant",
    cval: float = 0.0,
) -> Any:
    """`cormack.detect.canny` of a 2-D image; with ``mode="constant"`` `cval` is 0."""
    array = np.asarray(image)
    if array.ndim != 2:
        raise _check.fail("canny", "image", "have 2 axes", array.shape)
    if mode == "constant":
        refuse("canny", "cval", cval, 0.0)
    array = array.astype(np.float32) if array.dtype == np.float16 else array
    if use_quantiles:
        low_threshold = 0.1 if low_threshold is None else low_threshold
        high_threshold = 0.2 if high_threshold is None else high_threshold
    return detect.canny(array, sigma, low_threshold, high_threshold, mask=mask, use_quantiles=use_quantiles, mode=mode)


def hessian_matrix(
    image: Any,
    sigma: Any = 1,
    mode: str = "constant",
    cval: float = 0,
    order: str = "rc",
    use_gaussian_derivatives: bool | None = None,
) -> Any:
    """`cormack.filters.hessian_matrix` of the image in floating point, as a list.

    `use_gaussian_derivatives` is True, which None stands for; scikit-image's default is to be that, and still is False.
    """
    if use_gaussian_derivatives is not None:
        refuse("hessian_matrix", "use_gaussian_derivatives", use_gaussian_derivatives, True)
    _check.choice("hessian_matrix", "order", order, ("rc", "xy"))
    array = as_float(image)
    if order == "rc":
        return list(filters.hessian_matrix(array, sigma, mode, cval))
    if array.ndim > 2:
        raise _check.fail("hessian_matrix", "order", "be 'rc' for 3-D images", order)
    sigma = sigma if np.isscalar(sigma) else list(sigma)[::-1]
    return [element.T for element in filters.hessian_matrix(array.T, sigma, mode, cval)]


def local_binary_pattern(image: Any, P: int, R: float, method: str = "default") -> Any:
    """`cormack.features.local_binary_pattern`, in float64."""
    return np.asarray(features.local_binary_pattern(narrow(image), P, R, method), dtype=np.float64)


def match_template(
    image: Any, template: Any, pad_input: bool = False, mode: str = "constant", constant_values: float = 0
) -> Any:
    """`cormack.detect.match_template`."""
    return detect.match_template(floating(image), floating(template), pad_input, mode, constant_values)


def peak_local_max(
    image: Any,
    min_distance: int = 1,
    threshold_abs: float | None = None,
    threshold_rel: float | None = None,
    exclude_border: Any = True,
    num_peaks: float = np.inf,
    footprint: Any = None,
    labels: Any = None,
    num_peaks_per_label: float = np.inf,
    p_norm: float = np.inf,
) -> Any:
    """`cormack.detect.peak_local_max`."""
    return detect.peak_local_max(
        narrow(image),
        min_distance,
        threshold_abs,
        threshold_rel,
        exclude_border,
        num_peaks,
        footprint,
        labels,
        num_peaks_per_label,
        p_norm,
    )


named_after("skimage.feature", globals(), "Parameters and results; what differs is in `cormack.compat.skimage`.")
