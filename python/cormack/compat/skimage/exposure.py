"""`skimage.exposure` by Cormack: see `cormack.compat.skimage` for the rules."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import _check, _intensity, enhance
from ..._arrays import take
from ..._docs import named_after
from ._common import as_float, each_channel, float_type, narrow

__all__ = [
    "adjust_gamma",
    "adjust_log",
    "adjust_sigmoid",
    "cumulative_distribution",
    "equalize_adapthist",
    "equalize_hist",
    "histogram",
    "match_histograms",
    "rescale_intensity",
]


def adjust_gamma(image: Any, gamma: float = 1, gain: float = 1) -> Any:
    """`cormack.enhance.adjust_gamma`: integers are rounded and saturate; scikit-image cuts off and wraps."""
    return enhance.adjust_gamma(np.asarray(image), gamma, gain)


def adjust_log(image: Any, gain: float = 1, inv: bool = False) -> Any:
    """`cormack.enhance.adjust_log`: integers are rounded and saturate; scikit-image cuts off and wraps."""
    return enhance.adjust_log(np.asarray(image), gain, inv)


def adjust_sigmoid(image: Any, cutoff: float = 0.5, gain: float = 10, inv: bool = False) -> Any:
    """`cormack.enhance.adjust_sigmoid`: integers are rounded; scikit-image cuts off."""
    return enhance.adjust_sigmoid(np.asarray(image), cutoff, gain, inv)


def histogram(
    image: Any,
    nbins: int = 256,
    source_range: str = "image",
    normalize: bool = False,
    *,
    channel_axis: int | None = None,
) -> Any:
    """Return counts and the centres of bins, which for integers are their values: `cormack.enhance.histogram`."""
    array = _counted(image)
    name = "histogram"
    _check.choice(name, "source_range", source_range, ("image", "dtype"))
    integers = array.dtype.kind in "biu"
    if source_range == "dtype":
        low, high = _dtype_range(np.asarray(image).dtype)
    else:
        low, high = (array.min(), array.max()) if array.size else (0, 1)
    if integers:
        first, last = int(low), int(high)
        if last - first >= 1 << 24:
            raise _check.fail(name, "image", "spread over at most 16777216 values", (first, last))
        edges: Any = np.arange(first, last + 2) - 0.5
        centers = np.arange(first, last + 1)
    else:
        edges = np.histogram_bin_edges(np.array([low, high], array.dtype), nbins, (low, high))
        centers = (edges[:-1] + edges[1:]) / 2.0

    def counted(channel: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if integers:
            counts, _ = enhance.histogram(channel, edges)
        else:
            counts, _ = enhance.histogram(channel, nbins, (float(low), float(high)))
        return counts / counts.sum() if normalize else counts

    if channel_axis is None:
        return counted(array), centers
    return np.stack([counted(channel) for channel in np.moveaxis(array, channel_axis, 0)]), centers


def _counted(image: Any) -> np.ndarray[Any, Any]:
    """Return the image as it is counted: masks, as in scikit-image, as floating values of 0 and 1."""
    array = narrow(image)
    return array.astype(np.float64) if array.dtype == bool else array


def _dtype_range(dtype: np.dtype[Any]) -> tuple[int, int]:
    if dtype.kind in "iu":
        return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    return (0, 1) if dtype.kind == "b" else (-1, 1)


def cumulative_distribution(image: Any, nbins: int = 256) -> Any:
    """Return the cumulative histogram, up to 1, and the centres of its bins: `cormack.enhance.histogram`."""
    counts, centers = histogram(image, nbins)
    up_to = counts.cumsum()
    return (up_to / float(up_to[-1])).astype(float_type(np.asarray(image).dtype), copy=False), centers


def equalize_hist(image: Any, nbins: int = 256, mask: Any = None) -> Any:
    """Return floating values from 0 to 1, as scikit-image does; `cormack.enhance.equalize_hist` keeps the type."""
    array = _counted(image)
    kind = float_type(array.dtype)
    if array.dtype.kind == "f":
        return enhance.equalize_hist(array, nbins, mask, out_range=(0.0, 1.0))
    inside = None if mask is None else np.asarray(mask, bool)
    cdf, centers = cumulative_distribution(array if inside is None else array[inside], nbins)
    # The extension's table, which integers with floating results go through.
    result = _intensity.Result.of("equalize_hist", take("equalize_hist", "image", array, ndim=()), kind, None)
    return result.looked_up(cdf, int(centers[0]), 0)


def equalize_adapthist(image: Any, kernel_size: Any = None, clip_limit: float = 0.01, nbins: int = 256) -> Any:
    """Return floating values from 0 to 1: `cormack.enhance.equalize_adapthist`, stretched as scikit-image does.

    Without the 14 bits to which scikit-image cuts maps and sums: the two differ by up to 1 / 2000 where the equalized
    values fill half of the range. Negative values count as 0, and floating images lie in [-1, 1].
    """
    scaled = as_float(image)
    if scaled.size and (scaled.min() < -1 or scaled.max() > 1):
        raise ValueError("equalize_adapthist: `image` of a floating type must lie between -1 and 1")
    # scikit-image's 16 bits, so that voxels fall into its bins.
    levels = np.rint(np.maximum(scaled, 0) * 65535).astype(scaled.dtype)
    equalized = enhance.equalize_adapthist(levels, kernel_size, clip_limit, nbins)
    return enhance.rescale_intensity(equalized, out_range=(0.0, 1.0))


def match_histograms(image: Any, reference: Any, *, channel_axis: int | None = None) -> Any:
    """`cormack.enhance.match_histograms` with floating results; with `channel_axis` of the image's type, rounded."""
    source, target = narrow(image), narrow(reference)
    if source.ndim != target.ndim:
        raise ValueError(
            f"match_histograms: `reference` must have as many axes as `image`, {source.ndim}, got {target.ndim}"
        )
    kind = float_type(source.dtype) if channel_axis is None else None
    return each_channel(lambda a, b: enhance.match_histograms(a, b, dtype=kind), channel_axis, source, target)


def rescale_intensity(image: Any, in_range: Any = "image", out_range: Any = "dtype") -> Any:
    """`cormack.enhance.rescale_intensity`: integers are rounded and saturate; scikit-image cuts off and wraps.

    NaN stay where they are; they make all NaN in scikit-image.
    """
    array = np.asarray(image)
    same = isinstance(out_range, str) and out_range in ("dtype", "image")
    # The range of 64-bit integers is not that of the 32 bits in which they would be computed.
    source = array if array.dtype.kind in "iu" and same and out_range == "dtype" else narrow(array)
    result = enhance.rescale_intensity(source, in_range, out_range)
    return result.astype(array.dtype, copy=False) if same else result


named_after("skimage.exposure", globals(), "Parameters and results; what differs is in `cormack.compat.skimage`.")
