"""Intensity-based statistics."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _backends, _check, _cormack_cpu, _intensity
from .._arrays import take, take_mask
from . import _on_device

_NAME = "first_order"


def first_order(
    image: Any, mask: Any = None, *, workers: int | None = None, device: str | None = None
) -> dict[str, float]:
    """Describe the intensities inside a region: the 18 intensity-based statistics of IBSI.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape. IBSI asks for intensities in calibrated units; none are discretised here.
    mask : array_like, optional
        The region: where it is not zero. Default: the whole image.
    workers : int, optional
        Number of threads; default: the library's setting.
    device : {None, "cpu", "cuda"}, optional
        Where to compute. Default: where `image` is.

    Returns
    -------
    dict of str to float
        Keys in the order of `definitions`: ``stat_mean``, ``stat_var``, ``stat_skew``, ``stat_kurt``, ``stat_median``,
        ``stat_min``, ``stat_p10``, ``stat_p90``, ``stat_max``, ``stat_iqr``, ``stat_range``, ``stat_mad``,
        ``stat_rmad``, ``stat_medad``, ``stat_cov``, ``stat_qcod``, ``stat_energy``, ``stat_rms``.

    Raises
    ------
    ValueError
        If there is no voxel in the region, or one that is NaN or infinite: statistics of it would be NaN without
        saying why.

    See Also
    --------
    definitions, cormack.enhance.histogram

    Notes
    -----
    Variance, skewness and kurtosis divide by the number of voxels; kurtosis is excess kurtosis; both are 0 where all
    voxels have one value. Percentiles interpolate linearly (`numpy.percentile`). ``stat_medad`` is IBSI's: the mean
    absolute deviation from the median. ``stat_rmad`` is NaN for two voxels of different values, none of which lies
    between the 10th and the 90th percentile; ``stat_cov`` and ``stat_qcod`` divide as IEEE 754 does where the mean or
    the sum of the quartiles is 0. Intensities whose squares (for ``stat_kurt``, fourth powers) leave the range of
    float64 make what has them NaN or infinite.

    Images of 8 and 16 bits go through their exact histogram. Others are summed in float64 around the mean in blocks of
    fixed order, so that the result has the same bits for any number of threads and any strides; an image whose last
    axis is not contiguous, or a part of an image, is copied once. On a GPU images of 8 and 16 bits give the same bits;
    sums of others are in an order of their own, which is fixed too.

    References
    ----------
    .. [1] A. Zwanenburg et al., "Image biomarker standardisation initiative reference manual", arXiv:1612.07003,
       section 3.3.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> ct = np.array([[1, 1, 4], [4, 1, 7]], np.int16)
    >>> statistics = features.first_order(ct, ct > 1)
    >>> statistics["stat_mean"], statistics["stat_max"]
    (5.0, 7.0)
    """
    name = _NAME
    array: Any = take(name, "image", image, ndim=(), device=device).array
    threads = _check.workers(name, workers)
    if isinstance(array, _backends.OnDevice):
        region = _on_device.mask_of(name, "mask", mask, array, "image")
        result, count = _of_device(array, region)
    else:
        result, count = of_region(array, take_mask(name, "mask", mask, array.shape, image), threads)
    if not count:
        where = "image" if mask is None else "mask"
        raise ValueError(f"{name}: `{where}` must contain a voxel, got none")
    return result


def of_region(array: np.ndarray, inside: np.ndarray | None, workers: int) -> tuple[dict[str, float], int]:
    """Return the features of a region, and the number of its voxels, without which there are none."""
    if array.itemsize <= 2:
        source, region = _intensity.for_reduction(array, inside)
    else:
        source, region = _in_order(array), None if inside is None else _in_order(inside)
    result = _cormack_cpu.first_order(source, region, workers)
    count = result.pop("count")
    _refuse(result.pop("not_finite"))
    return result, count


def _of_device(image: _backends.OnDevice, inside: _backends.OnDevice | None) -> tuple[dict[str, float], int]:
    if image.ndim > 3:
        raise _backends.cannot(_NAME, "`image` has at most three axes")
    result, count, wrong = _on_device.first_order(_NAME, image, inside)
    _refuse(wrong)
    return {key: value for key, value in result.items() if key not in ("count", "not_finite")}, count


def _refuse(wrong: int) -> None:
    if wrong:
        rule = f"be finite in the region, got {wrong} voxels that are NaN or infinite"
        raise ValueError(f"{_NAME}: `image` must {rule}")


def _in_order(array: np.ndarray) -> np.ndarray:
    """Return a view with two or three axes in which voxels keep their order, or a copy where there is none."""
    if array.ndim in (2, 3):
        return array
    return array.reshape(1, -1) if array.ndim < 2 else array.reshape(-1, *array.shape[-2:])
