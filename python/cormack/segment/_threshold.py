"""Thresholds from histograms."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _check, _intensity
from .._arrays import take, take_mask


def threshold_otsu(image: Any, nbins: int = 256, *, mask: Any = None, workers: int | None = None) -> float:
    """Return the threshold that separates two classes of intensities best: Otsu's method.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    nbins : int, default 256
        Number of bins of the histogram of a floating image. In an integer image every value is its own bin.
    mask : array_like, optional
        Only voxels where it is not zero are looked at.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    float
        Voxels above it are the upper class. The value itself where all voxels have one value.

    Raises
    ------
    ValueError
        If there is no voxel, `nbins` is below 1, or the image holds an infinity.

    See Also
    --------
    skimage.filters.threshold_otsu

    Notes
    -----
    Equal to `skimage.filters.threshold_otsu`, whose arithmetic this is, on a histogram that is made faster. NaN is left
    out.

    References
    ----------
    .. [1] N. Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. SMC 9(1), 1979.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import segment
    >>> segment.threshold_otsu(np.array([[1, 2, 2], [90, 91, 92]], np.uint8))
    2.0
    """
    name = "threshold_otsu"
    array = take(name, "image", image, ndim=()).array
    nbins = _check.integer(name, "nbins", nbins, minimum=1)
    inside = take_mask(name, "mask", mask, array.shape)
    threads = _check.workers(name, workers)
    if array.dtype.kind == "f":
        extremes = _intensity.finite_range(name, array, inside, threads, "or NaN")
        if extremes is not None and extremes[0] == extremes[1]:
            return extremes[0]
        if extremes is not None:
            edges = _intensity.uniform_edges(name, *extremes, array.dtype, nbins)
            counts = _intensity.bin_counts(array, inside, edges, threads)
            return _otsu(counts, (edges[:-1] + edges[1:]) / 2.0)
    else:
        values, counts = _intensity.levels(array, inside, threads)
        if len(values):
            # Values that do not occur would repeat the variance of the value before: the first maximum is the same.
            return _otsu(counts, values.astype(np.int64))
    where = "image" if mask is None else "mask"
    raise ValueError(f"{name}: `{where}` must contain a voxel, got none")


def _otsu(counts: np.ndarray, centers: np.ndarray) -> float:
    """Return the centre with the largest variance between classes; types and order as in scikit-image."""
    if len(centers) == 1:
        return float(centers[0])
    weights = counts.astype(np.float32)
    weight1 = np.cumsum(weights)
    weight2 = np.cumsum(weights[::-1])[::-1]
    mean1 = np.cumsum(weights * centers) / weight1
    mean2 = (np.cumsum((weights * centers)[::-1]) / weight2[::-1])[::-1]
    variance = weight1[:-1] * weight2[1:] * (mean1[:-1] - mean2[1:]) ** 2
    return float(centers[np.argmax(variance)])
