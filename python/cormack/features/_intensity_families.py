"""Features of a region's intensities besides their statistics: local peaks, histogram, intensity-volume histogram."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .. import _check, _cormack_cpu, _intensity
from .._arrays import take, take_mask
from ._processing import Binning, binning, check_bin_number, levels_of, range_in, range_of
from ._texture import names_of

# A ball of 1 cm3, in mm.
PEAK_RADIUS = 10 * (3 / (4 * math.pi)) ** (1 / 3)
# Histograms of integers have a bin for each; more of them than this is an image that was not discretised.
MOST_BINS = 1 << 22


def local_intensity(
    image: Any, mask: Any = None, *, spacing: Any = None, workers: int | None = None
) -> dict[str, float]:
    """Find the local and the global intensity peak of a region: means over balls of 1 cm3.

    Parameters
    ----------
    image : array_like or Volume
        2-D or 3-D image. Give all of it: balls reach beyond the region.
    mask : array_like, optional
        The region: where it is not zero. Default: the whole image.
    spacing : float or sequence of float, optional
        Voxel size in mm, in array order. Default: the Volume's, else 1 mm.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    dict of str to float
        ``loc_peak_loc``: the mean of the ball around the voxel of highest intensity, the largest one where several
        voxels have it; ``loc_peak_glob``: the largest mean of a ball around any voxel of the region.

    Raises
    ------
    ValueError
        If there is no voxel in the region, or one that is NaN or infinite, or a spacing is not positive and finite.

    See Also
    --------
    first_order, definitions

    Notes
    -----
    A ball is the voxels of the image, in the region or not, whose centres lie within 6.2 mm; those outside the image
    and those that are NaN or infinite are left out of its mean. In a 2-D image it is a disc of that radius. Sums of 8
    and 16 bit images are exact; others are float64 differences of running sums (plain sums where an intensity is larger
    than 1024 times the region's highest, as padding is), in a fixed order, so that results have the same bits for any
    number of threads and any strides. No copy is made.

    References
    ----------
    .. [1] A. Zwanenburg et al., "Image biomarker standardisation initiative reference manual", arXiv:1612.07003,
       section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> pet = np.zeros((9, 9, 9))
    >>> pet[4, 4, 4] = 81.0
    >>> features.local_intensity(pet, pet > 0, spacing=4.0)
    {'loc_peak_loc': 4.2631578947368425, 'loc_peak_glob': 4.2631578947368425}
    """
    name = "local_intensity"
    taken = take(name, "image", image)
    array = taken.array
    inside = take_mask(name, "mask", mask, array.shape, image)
    sizes = _check.spacing(name, taken.spacing if spacing is None else spacing, array.ndim)
    threads = _check.workers(name, workers)
    if inside is not None:
        box = region_box(inside, None, threads)
        reach = [math.floor(PEAK_RADIUS / size) + 1 for size in sizes]
        box = tuple(slice(max(0, part.start - more), part.stop + more) for part, more in zip(box, reach, strict=True))
        array, inside = array[box], inside[box]
    _, high = range_in(name, array, inside, threads)
    return peaks(array, inside, sizes, high, threads)


def region_box(labels: np.ndarray, label: float | None, workers: int) -> tuple[slice, ...]:
    """Return the bounding box of a label, or of what is not zero; empty slices where there is no voxel."""
    begin, end = _cormack_cpu.region_box(labels, label, workers)
    return tuple(slice(first, last) for first, last in zip(begin[-labels.ndim :], end[-labels.ndim :], strict=True))


def peaks(
    array: np.ndarray, inside: np.ndarray | None, spacing: tuple[float, ...], high: float, workers: int
) -> dict[str, float]:
    """Return both peaks of a region whose highest intensity is known; `array` reaches a ball's radius beyond it."""
    z, y, x = (1.0, *spacing) if array.ndim == 2 else spacing
    local, everywhere = _cormack_cpu.local_intensity(array, inside, (z, y, x), PEAK_RADIUS, high, workers)
    return {"loc_peak_loc": local, "loc_peak_glob": everywhere}


def intensity_histogram(
    levels: Any, mask: Any = None, *, level_count: int | None = None, workers: int | None = None
) -> dict[str, float]:
    """Describe how often each grey level occurs in a region: the 23 intensity histogram features of IBSI.

    Parameters
    ----------
    levels : array_like or Volume
        Discretised image of any shape, of integers: levels from 1 in the region.
    mask : array_like, optional
        The region: where it is not zero. Default: where `levels` is not 0.
    level_count : int, optional
        Number of levels, of which some may not occur: see `discretise`. Default: the highest one.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    dict of str to float
        Keys in the order of `definitions`, from ``ih_mean`` to ``ih_min_grad_g``.

    Raises
    ------
    ValueError
        If there is no voxel in the region, a level is below 1 or above `level_count`, or there are more than 4194304
        levels.
    TypeError
        If `levels` is not of integers.

    See Also
    --------
    discretise, first_order

    Notes
    -----
    Variance, skewness and kurtosis as in `first_order`. The mode is, of several levels that occur most often, the one
    closest to the mean, and of two such the lower one. Gradients are central differences of the counts of levels 1 to
    `level_count`, one-sided at the ends, and 0 where there is one level; their levels are the lowest ones that have
    them. ``ih_rmad`` is NaN for two voxels of different levels, none of which lies between the 10th and the 90th
    percentile.

    References
    ----------
    .. [1] A. Zwanenburg et al., "Image biomarker standardisation initiative reference manual", arXiv:1612.07003,
       section 3.4.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> histogram = features.intensity_histogram(np.array([[0, 1, 1, 2], [1, 4, 0, 0]]).astype(np.int32))
    >>> histogram["ih_mode"], histogram["ih_mean"], histogram["ih_max_grad"], histogram["ih_max_grad_g"]
    (1.0, 1.8, 1.0, 4.0)
    """
    name = "intensity_histogram"
    array = take(name, "levels", levels, ndim=()).array
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}: `levels` must be of integers (see `discretise`), got {array.dtype}")
    inside = take_mask(name, "mask", mask, array.shape, levels, "levels")
    most = None if level_count is None else check_bin_number(name, "level_count", level_count)
    threads = _check.workers(name, workers)
    table = _intensity.value_counts(array, inside, threads)
    if table is None:
        raise ValueError(f"{name}: `levels` must span at most {MOST_BINS} levels")
    first, counts = table
    if inside is None and first <= 0 and first + len(counts) > 0:
        counts[-first] = 0
        first, counts = _trimmed(first, counts)
    if not len(counts):
        raise ValueError(f"{name}: `{'levels' if mask is None else 'mask'}` must contain a voxel, got none")
    if first < 1:
        raise _check.fail(name, "levels", "be at least 1 in the region", first)
    highest = first + len(counts) - 1
    if most is not None and highest > most:
        raise _check.fail(name, "level_count", f"be at least the highest level, {highest}", most)
    return of_levels(counts_from_one(name, first, counts, most or highest))


def _trimmed(first: int, counts: np.ndarray) -> tuple[int, np.ndarray]:
    occupied = np.flatnonzero(counts)
    return (first + int(occupied[0]), counts[occupied[0] : occupied[-1] + 1]) if len(occupied) else (0, counts[:0])


def check_bins(function: str, level_count: int) -> None:
    """Refuse more levels than a histogram has bins."""
    if level_count > MOST_BINS:
        raise ValueError(f"{function}: there must be at most {MOST_BINS} levels, got {level_count}")


def counts_from_one(function: str, first: int, counts: np.ndarray, level_count: int) -> np.ndarray:
    """Return the counts of levels 1 to `level_count`."""
    check_bins(function, level_count)
    result = np.zeros(level_count, np.int64)
    result[first - 1 : first - 1 + len(counts)] = counts
    return result


def of_levels(counts: np.ndarray) -> dict[str, float]:
    """Return the intensity histogram features from the counts of levels 1, 2, ...; some level occurs."""
    return dict(zip(names_of("ZVCW"), _cormack_cpu.histogram_features(counts), strict=True))


def intensity_volume_histogram(
    image: Any,
    mask: Any = None,
    *,
    bin_size: float | None = None,
    bin_number: int | None = None,
    intensity_range: Any = None,
    workers: int | None = None,
) -> dict[str, float]:
    """Describe which fraction of a region has at least an intensity: the intensity-volume histogram features of IBSI.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    mask : array_like, optional
        The region: where it is not zero. Default: the whole image.
    bin_size : float, optional
        For calibrated units that are not integers: bins of this size, whose centres stand for their intensities.
    bin_number : int, optional
        For arbitrary units: this many bins between the lowest and the highest intensity, IBSI proposes 1000; results
        are in bins, from 1. Default with neither: for calibrated units of integers, which are taken as they are.
    intensity_range : (lower, upper), optional
        The range that re-segmentation left, which the fractions of intensity refer to. None or an infinity at an end,
        the default: the lowest or highest intensity of the region.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    dict of str to float
        ``ivh_v10``, ``ivh_v90``: the fraction of the volume that has at least 10 % (90 %) of the intensity range;
        ``ivh_i10``, ``ivh_i90``: the lowest intensity that at most 10 % (90 %) of the volume reach;
        ``ivh_diff_v10_v90``, ``ivh_diff_i10_i90`` and ``ivh_auc``, the area under the curve by trapezia.

    Raises
    ------
    ValueError
        If there is no voxel in the region, one that is NaN or infinite, one outside the range; intensities that are no
        integers, where no bins are given; or more than 4194304 bins.

    See Also
    --------
    discretise, resegment

    Notes
    -----
    Where more than 10 % (90 %) of the volume has the highest intensity of the range, ``ivh_i10`` (``ivh_i90``) is one
    step above it: by IBSI's definition it need not occur. Where the range is one intensity, volume fractions and the
    area are 1. ``ivh_auc`` is not standardised by IBSI.

    References
    ----------
    .. [1] A. Zwanenburg et al., "Image biomarker standardisation initiative reference manual", arXiv:1612.07003,
       section 3.5.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> ivh = features.intensity_volume_histogram(np.arange(101).astype(np.int16))
    >>> round(ivh["ivh_v10"], 3), ivh["ivh_i90"], ivh["ivh_auc"]
    (0.901, 11.0, 0.504950495049505)
    """
    name = "intensity_volume_histogram"
    array = take(name, "image", image, ndim=()).array
    inside = take_mask(name, "mask", mask, array.shape, image)
    if bin_size is not None and bin_number is not None:
        raise TypeError(f"{name}: at most one of `bin_size` and `bin_number` must be given")
    size = None if bin_size is None else _check.real(name, "bin_size", bin_size, above=0.0)
    number = None if bin_number is None else check_bin_number(name, "bin_number", bin_number)
    ends = range_of(name, intensity_range)
    threads = _check.workers(name, workers)
    limits = range_in(name, array, inside, threads)
    return of_volume(name, array, inside, limits, ends, size, number, threads)


class VolumeBins(NamedTuple):
    """The bins of an intensity-volume histogram: `number` of them, whose intensities are `start`, `start` + `step`, ...

    Without a `rule` they are the integers themselves.
    """

    start: float
    step: float
    number: int
    rule: Binning | None


def volume_bins(
    function: str,
    limits: tuple[float, float],
    ends: tuple[float, float] | None,
    bin_size: float | None,
    bin_number: int | None,
    bin_argument: str = "bin_size",
) -> VolumeBins:
    """Return the bins for a region whose lowest and highest intensities are known."""
    low, high = limits
    if ends is not None:
        low, high = (end if math.isfinite(end) else own for end, own in zip(ends, limits, strict=True))
    if not low <= limits[0] <= limits[1] <= high:
        raise _check.fail(function, "intensity_range", f"hold the region's intensities, {limits}", ends)
    if bin_number is not None:
        rule = binning(function, limits, None, bin_number, None)
        return VolumeBins(1.0, 1.0, 1 if limits[0] == limits[1] else bin_number, rule)
    if bin_size is not None:
        bins = math.floor(min((high - low) / bin_size, 2.0**31)) + 1
        if bins > MOST_BINS:
            raise _check.fail(function, bin_argument, f"leave at most {MOST_BINS} bins", bin_size)
        return VolumeBins(low + 0.5 * bin_size, bin_size, bins, binning(function, limits, bin_size, None, low))
    low, high = math.ceil(low), math.floor(high)
    if high - low >= MOST_BINS:
        raise ValueError(
            f"{function}: `image` or its range must span at most {MOST_BINS} integers, got {low:g} to {high:g}; "
            "give bins"
        )
    return VolumeBins(low, 1.0, high - low + 1, None)


def of_volume(
    function: str,
    array: np.ndarray,
    inside: np.ndarray | None,
    limits: tuple[float, float],
    ends: tuple[float, float] | None,
    bin_size: float | None,
    bin_number: int | None,
    workers: int,
    bin_argument: str = "bin_size",
) -> dict[str, float]:
    """Return the intensity-volume histogram features of a region whose lowest and highest intensities are known."""
    bins = volume_bins(function, limits, ends, bin_size, bin_number, bin_argument)
    if bins.rule is not None:
        levels = levels_of(array, inside, limits, bins.rule, workers)
        first, counts = level_counts(function, levels, inside, workers)
        return fractions(bins, counts_from_one(function, first, counts, bins.number))
    low = int(bins.start)
    if array.dtype.kind == "f":
        values = (array if inside is None else array[inside]).astype(np.float64)
        check_integers(function, np.array_equal(values, np.rint(values)))
        return fractions(bins, np.bincount((values - low).astype(np.int64), minlength=bins.number))
    first, counts = level_counts(function, array, inside, workers)
    return fractions(bins, counts_from_one(function, first - low + 1, counts, bins.number))


def check_integers(function: str, are_integers: bool) -> None:
    """Refuse intensities that are no integers, where there are no bins."""
    if not are_integers:
        rule = "be of integers in the region where neither `bin_size` nor `bin_number` is given"
        raise ValueError(f"{function}: `image` must {rule}")


def level_counts(function: str, array: np.ndarray, inside: np.ndarray | None, workers: int) -> tuple[int, np.ndarray]:
    """Return the lowest value of a region and the counts of the values up to the highest."""
    table = _intensity.value_counts(array, inside, workers)
    if table is None:
        raise ValueError(f"{function}: there must be at most {MOST_BINS} levels")
    return table


def fractions(bins: VolumeBins, counts: np.ndarray) -> dict[str, float]:
    """Return the features from the counts of all bins."""
    v10, v90, *steps, area = _cormack_cpu.volume_fractions(counts)
    i10, i90 = (bins.start + bins.step * number for number in steps)
    return {
        "ivh_v10": v10,
        "ivh_v90": v90,
        "ivh_i10": i10,
        "ivh_i90": i90,
        "ivh_diff_v10_v90": v10 - v90,
        "ivh_diff_i10_i90": i10 - i90,
        "ivh_auc": area,
    }
