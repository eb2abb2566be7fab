"""Normalization of intensities between images of one kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu, _intensity
from .._arrays import Blocked, take, take_mask
from ._nyul import NyulStandard, nyul_map

_METHODS = ("zscore", "robust", "minmax", "white_stripe", "nyul")
# The grid of the density on which white stripe looks for peaks, and the part of the values that it looks at.
_GRID = 128
_KEPT = {"last": 96.0, "largest": 100.0, "first": 99.0}


def normalize(
    image: Any,
    method: str = "zscore",
    *,
    standard: NyulStandard | None = None,
    peak: str = "last",
    width: float = 0.05,
    out: np.ndarray | None = None,
    mask: Any = None,
    workers: int | None = None,
) -> Any:
    """Bring intensities, which in MR have no unit, to a scale that images share.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    method : {"zscore", "robust", "minmax", "white_stripe", "nyul"}, default "zscore"
        ``"zscore"``: (x - mean) / standard deviation (1/N). ``"robust"``: (x - median) / interquartile range.
        ``"minmax"``: (x - smallest) / (largest - smallest). ``"white_stripe"``: z-score with the mean and deviation of
        the white stripe, the values within `width` of the quantile of a peak of the histogram. ``"nyul"``: linearly
        between the landmarks of the image and those of `standard`, and straight on beyond the outer ones.
    standard : NyulStandard
        For ``"nyul"``: made by `fit_nyul_standard`.
    peak : {"last", "largest", "first"}, default "last"
        For ``"white_stripe"``: which peak of the histogram is white matter. The last one below the 96th percentile for
        T1; the largest for T2 and FLAIR; or the first below the 99th.
    width : float, default 0.05
        For ``"white_stripe"``: half the width of the stripe in quantiles, above 0 and at most 0.5.
    out : ndarray, optional
        Filled and returned instead of a new array; of the shape and dtype of the result, any strides, maybe `image`.
    mask : array_like, optional
        Only voxels where it is not zero make the statistics, for instance the brain; the whole image is mapped, without
        clipping. Default: every voxel. White stripe wants one, unless the background is NaN.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    array
        Shape and kind of `image`; float64 for a float64 image, else float32. NaN is left out of the statistics and
        stays NaN.

    Raises
    ------
    ValueError
        If there is no number inside the mask or an infinity, or what the method divides by is zero: a constant image,
        equal quartiles, no peak, an empty stripe, one landmark.

    See Also
    --------
    fit_nyul_standard, rescale_intensity

    Notes
    -----
    Statistics and maps are float64, rounded once; sums have one order for any number of threads. Quantiles are those of
    `numpy.quantile`. The white stripe follows the package intensity-normalization: a Gaussian kernel density with
    bandwidth largest / 80 (of the range where values are negative) on 128 points, its strict local maxima, and the
    values strictly between the quantiles ``quantile of the peak +- width``. Where landmarks of an image coincide, the
    last of them counts. Beside the result no memory in proportion to the image is used.

    References
    ----------
    .. [1] R. T. Shinohara et al., "Statistical normalization techniques for magnetic resonance imaging", NeuroImage:
       Clinical 6, 9-19 (2014).
    .. [2] L. G. Nyul, J. K. Udupa, "On standardizing the MR image intensity scale", Magnetic Resonance in Medicine 42,
       1072-1081 (1999).

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import enhance
    >>> enhance.normalize(np.array([[1, 2, 3]], np.int16), "minmax")
    array([[0. , 0.5, 1. ]], dtype=float32)
    """
    name = "normalize"
    taken = take(name, "image", image, ndim=())
    array = taken.array
    _check.choice(name, "method", method, _METHODS)
    _check.choice(name, "peak", peak, _KEPT)
    width = _check.real(name, "width", width, above=0.0)
    if width > 0.5:
        raise _check.fail(name, "width", "be at most 0.5", width)
    if method == "nyul" and not isinstance(standard, NyulStandard):
        raise _check.fail(name, "standard", "be a NyulStandard for method 'nyul'", standard, TypeError)
    if method != "nyul" and standard is not None:
        raise _check.fail(name, "standard", "be None unless the method is 'nyul'", standard)
    inside = take_mask(name, "mask", mask, array.shape, image)
    threads = _check.workers(name, workers)
    kind = np.dtype(np.float64 if array.dtype == np.float64 else np.float32)
    result = _intensity.Result.of(name, taken, kind, out)
    if array.size == 0:
        return result.unchanged()
    if method == "nyul":
        assert standard is not None
        return result.mapped(nyul_map(array, inside, standard, threads), threads)
    low, high = _intensity.some_range(name, array, inside, threads)
    if low == high:
        raise ValueError(f"{name}: `image` must vary{_intensity.where_inside(inside)}, got only the value {low:g}")
    if method == "zscore":
        center, scale = _center(array, inside, -np.inf, np.inf, threads)
    elif method == "robust":
        first, center, third = _intensity.quantiles(array, inside, (0.25, 0.5, 0.75), threads).tolist()
        scale = third - first
        if scale == 0:
            raise ValueError(
                f"{name}: quartiles of `image` must differ{_intensity.where_inside(inside)}, got {first:g} for both "
                "(a mask leaves out the background)"
            )
    elif method == "minmax":
        center, scale = low, high - low
    else:
        center, scale = _white_stripe(array, inside, low, high, peak, width, threads)
    if not (np.isfinite(scale) and scale > 0):
        rule = f"have a finite spread that is not 0{_intensity.where_inside(inside)}"
        raise ValueError(f"{name}: values of `image` must {rule}, got values from {low:g} to {high:g}")

    def run(source: np.ndarray, target: np.ndarray) -> None:
        _cormack_cpu.standardize_map(source, target, center, scale, threads)

    return result.mapped(run, threads)


def _center(
    array: np.ndarray, inside: np.ndarray | None, above: float, below: float, threads: int
) -> tuple[float, float]:
    """Return mean and standard deviation of the values strictly between two bounds; NaN where there is none."""
    if isinstance(array, Blocked):
        raise NotImplementedError(
            "normalize: cannot sum the values of an image in blocks, for bits depend on the order"
        )
    image, mask = _intensity.for_reduction(array, inside)
    count, mean, variance = _cormack_cpu.moments(image, mask, above, below, threads)
    return (mean, float(np.sqrt(variance))) if count else (np.nan, np.nan)


def _white_stripe(
    array: np.ndarray, inside: np.ndarray | None, low: float, high: float, peak: str, width: float, threads: int
) -> tuple[float, float]:
    """Return mean and standard deviation of the white stripe."""
    name = "normalize"
    top = high
    if _KEPT[peak] < 100:
        # The largest value up to the percentile.
        top = float(_intensity.neighbours(array, inside, (_KEPT[peak] / 100,), threads)[1][0])
    sample = _Sample.of(array, inside, threads)
    # Numbers near the ends of float64 give a density that is not finite, and no peak.
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        grid, density = _density(sample, low, top)
    inner = density[1:-1]
    peaks = 1 + np.flatnonzero((inner > density[:-2]) & (inner > density[2:]))
    if not peaks.size:
        raise ValueError(f"{name}: the histogram of `image` must have a peak for white stripe, got none")
    at = peaks[{"last": -1, "first": 0, "largest": int(np.argmax(density[peaks]))}[peak]]
    mode = float(grid[at])
    below = sample.count(np.array([low, np.nextafter(mode, -np.inf)]))[0] if mode > low else 0
    quantile = float(below / sample.count(np.array([low, high]))[0])
    ends = (max(quantile - width, 0.0), min(quantile + width, 1.0))
    lower, upper = _intensity.quantiles(array, inside, ends, threads).tolist()
    center, scale = _center(array, inside, lower, upper, threads)
    if not scale > 0:
        raise ValueError(
            f"{name}: the white stripe must hold values that differ, got those strictly between {lower:g} and {upper:g}"
        )
    return center, scale


@dataclass(frozen=True, slots=True)
class _Sample:
    """The values inside a mask, to be counted and summed per interval; of small integers their exact counts."""

    array: np.ndarray
    inside: np.ndarray | None
    counts: np.ndarray | None
    threads: int

    @classmethod
    def of(cls, array: np.ndarray, inside: np.ndarray | None, threads: int) -> _Sample:
        if array.dtype.kind in "biu" and array.itemsize <= 2:
            values, counts = _intensity.levels(array, inside, threads)
            return cls(values, None, counts.astype(np.float64), 1)
        return cls(array, inside, None, threads)

    def count(self, edges: np.ndarray) -> np.ndarray:
        if self.counts is None:
            return _intensity.bin_counts(self.array, self.inside, edges, self.threads)
        return _intensity.bin_sums(self.array, None, self.counts, edges, 1)

    def sum(self, edges: np.ndarray) -> np.ndarray:
        factors = self.array if self.counts is None else self.counts * self.array
        return _intensity.bin_sums(self.array, self.inside, factors, edges, self.threads)


def _density(sample: _Sample, low: float, top: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a Gaussian kernel density of the values in [low, top] on a grid: Silverman's algorithm AS 176."""
    bandwidth = (top - min(low, 0.0)) / 80
    if not bandwidth > 0:
        raise ValueError(f"normalize: the histogram of `image` must have a peak for white stripe, got only {top:g}")
    grid, step = np.linspace(low - 3 * bandwidth, top + 3 * bandwidth, _GRID, retstep=True)
    # Shares of the two neighbours of a value on the grid, from number and sum of the values in each interval: those
    # below the point before `top`, and those from there to `top`.
    counts, sums = np.zeros(_GRID - 1), np.zeros(_GRID - 1)
    last = int(np.searchsorted(grid, top, side="right")) - 1
    for where, edges in ((slice(0, last), grid[: last + 1]), (slice(last, last + 1), np.array([grid[last], top]))):
        # The upper edge of the first part belongs to the second one.
        edges = np.append(edges[:-1], np.nextafter(edges[-1], -np.inf)) if where.start == 0 else edges
        counts[where] = sample.count(edges)
        sums[where] = sample.sum(edges)
    total = counts.sum()
    upper = (sums - counts * grid[:-1]) / step
    binned = np.append(counts - upper, 0.0) + np.append(0.0, upper)
    frequency = np.arange(_GRID // 2 + 1)
    spread = np.exp(-2 * (np.pi * bandwidth * frequency / (grid[-1] - grid[0])) ** 2)
    correction = 1 - (frequency / _GRID * np.pi) ** 2 / 3
    return grid, np.fft.irfft(np.fft.rfft(binned / (step * total)) * spread / correction, _GRID)
