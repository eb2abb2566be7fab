"""Normalization of intensities between images of one kind."""

from __future__ import annotations

import itertools
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu, _intensity
from .._arrays import take, take_mask

_METHODS = ("zscore", "robust", "minmax", "white_stripe", "nyul")
_PERCENTILES = (1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 99.0)
_FORMAT = "cormack.NyulStandard"
# The grid of the density on which white stripe looks for peaks, and the part of the values that it looks at.
_GRID = 128
_KEPT = {"last": 96.0, "largest": 100.0, "first": 99.0}


@dataclass(frozen=True, slots=True)
class NyulStandard:
    """A standard scale of intensities: what `fit_nyul_standard` learns and ``normalize(method="nyul")`` applies.

    Parameters
    ----------
    percentiles : tuple of float
        Increasing, at least two, in [0, 100].
    landmarks : tuple of float
        The standard intensity of each percentile, not decreasing.

    Raises
    ------
    ValueError
        If the numbers are not such.

    Examples
    --------
    >>> from cormack import enhance
    >>> enhance.NyulStandard((1, 50, 99), (0, 40, 100))
    NyulStandard(percentiles=(1.0, 50.0, 99.0), landmarks=(0.0, 40.0, 100.0))
    """

    percentiles: tuple[float, ...]
    landmarks: tuple[float, ...]

    def __post_init__(self) -> None:
        percentiles = _percentiles("NyulStandard", self.percentiles)
        landmarks = tuple(_check.real("NyulStandard", "landmarks", value) for value in self.landmarks)
        if len(landmarks) != len(percentiles):
            raise _check.fail("NyulStandard", "landmarks", "be one for each percentile", self.landmarks)
        if any(after < before for before, after in itertools.pairwise(landmarks)):
            raise _check.fail("NyulStandard", "landmarks", "not decrease", self.landmarks)
        object.__setattr__(self, "percentiles", percentiles)
        object.__setattr__(self, "landmarks", landmarks)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the standard to a JSON file: under a temporary name, which is renamed when all is written."""
        path = Path(path)
        content = {
            "format": _FORMAT,
            "version": 1,
            "percentiles": self.percentiles,
            "landmarks": self.landmarks,
        }
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(content, file, indent=2)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> NyulStandard:
        """Read what `save` wrote; ValueError for anything else."""
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            if content["format"] != _FORMAT or content["version"] != 1:
                raise ValueError(f"format {content['format']!r}, version {content['version']!r}")
            return cls(tuple(content["percentiles"]), tuple(content["landmarks"]))
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"NyulStandard.load: {os.fspath(path)!r} must be a saved standard: {error}") from None


def fit_nyul_standard(
    images: Iterable[Any],
    masks: Iterable[Any] | None = None,
    *,
    percentiles: Iterable[float] = _PERCENTILES,
    out_range: tuple[float, float] = (1.0, 100.0),
    workers: int | None = None,
) -> NyulStandard:
    """Learn a standard scale of intensities from images of one kind: Nyul and Udupa's training.

    Parameters
    ----------
    images : iterable of array_like or Volume
        At least one image; they are taken one after the other, so that a generator needs the memory of one.
    masks : iterable of array_like, optional
        One for each image (None for a whole image): the voxels that count, for instance those of the brain.
    percentiles : iterable of float, default 1, 10, 20, ..., 90, 99
        Where the landmarks of a histogram lie: at least two and at most 64, increasing.
    out_range : (float, float), default (1, 100)
        Standard intensities of the first and the last percentile.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    NyulStandard
        Percentiles, and for each the mean of the landmarks of all images, of which each image's first and last are
        mapped linearly to `out_range`.

    Raises
    ------
    ValueError
        If there is no image, numbers of images and masks differ, percentiles do not increase, or the first and last
        percentile of an image are one value.

    See Also
    --------
    normalize

    References
    ----------
    .. [1] L. G. Nyul, J. K. Udupa, X. Zhang, "New variants of a method of MRI scale standardization", IEEE Transactions
       on Medical Imaging 19, 143-150 (2000).

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import enhance
    >>> images = [np.arange(101.0), 10 * np.arange(101.0)]
    >>> enhance.fit_nyul_standard(images, percentiles=(0, 50, 100), out_range=(0, 10)).landmarks
    (0.0, 5.0, 10.0)
    """
    name = "fit_nyul_standard"
    wanted = _percentiles(name, percentiles)
    low, high = _intensity.pair(name, "out_range", out_range)
    if low >= high:
        raise _check.fail(name, "out_range", "increase", out_range)
    _intensity.check_width(name, "out_range", (low, high))
    threads = _check.workers(name, workers)
    total, count = np.zeros(len(wanted)), 0
    for image, mask in _pairs(name, images, masks):
        array = take(name, "images", image, ndim=()).array
        inside = take_mask(name, "masks", mask, array.shape)
        landmarks = _landmarks(name, array, inside, wanted, threads)
        first, last = float(landmarks[0]), float(landmarks[-1])
        if first == last:
            raise ValueError(
                f"{name}: image {count} must vary: its percentiles {wanted[0]:g} and {wanted[-1]:g} are both {first:g}"
            )
        if not np.isfinite(last - first):
            raise ValueError(f"{name}: percentiles of image {count} must be finite, got {first:g} to {last:g}")
        total += (landmarks - first) / (last - first)
        count += 1
    if count == 0:
        raise _check.fail(name, "images", "be at least one image", [])
    return NyulStandard(wanted, tuple((total / count * (high - low) + low).tolist()))


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
    inside = take_mask(name, "mask", mask, array.shape)
    threads = _check.workers(name, workers)
    kind = np.dtype(np.float64 if array.dtype == np.float64 else np.float32)
    result = _intensity.Result.of(name, taken, kind, out)
    if array.size == 0:
        return result.unchanged()
    if method == "nyul":
        assert standard is not None
        return result.mapped(_nyul(array, inside, standard, threads), threads)
    low, high = _finite(name, array, inside, threads)
    if low == high:
        raise ValueError(f"{name}: `image` must vary{_where(inside)}, got only the value {low:g}")
    if method == "zscore":
        center, scale = _center(array, inside, -np.inf, np.inf, threads)
    elif method == "robust":
        first, center, third = _intensity.quantiles(array, inside, (0.25, 0.5, 0.75), threads).tolist()
        scale = third - first
        if scale == 0:
            raise ValueError(
                f"{name}: quartiles of `image` must differ{_where(inside)}, got {first:g} for both "
                "(a mask leaves out the background)"
            )
    elif method == "minmax":
        center, scale = low, high - low
    else:
        center, scale = _white_stripe(array, inside, low, high, peak, width, threads)
    if not (np.isfinite(scale) and scale > 0):
        rule = f"have a finite spread that is not 0{_where(inside)}"
        raise ValueError(f"{name}: values of `image` must {rule}, got values from {low:g} to {high:g}")

    def run(source: np.ndarray, target: np.ndarray) -> None:
        _cormack_cpu.standardize_map(source, target, center, scale, threads)

    return result.mapped(run, threads)


def _where(inside: np.ndarray | None) -> str:
    return "" if inside is None else " inside the mask"


def _finite(function: str, array: np.ndarray, inside: np.ndarray | None, threads: int) -> tuple[float, float]:
    """Return the smallest and largest value, refusing infinities and the absence of values."""
    found = _intensity.finite_range(function, array, inside, threads, "or NaN")
    if found is None:
        raise ValueError(f"{function}: `image` must hold a number{_where(inside)}, got none")
    return found


def _center(
    array: np.ndarray, inside: np.ndarray | None, above: float, below: float, threads: int
) -> tuple[float, float]:
    """Return mean and standard deviation of the values strictly between two bounds; NaN where there is none."""
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


def _nyul(
    array: np.ndarray, inside: np.ndarray | None, standard: NyulStandard, threads: int
) -> Callable[[np.ndarray, np.ndarray], None]:
    landmarks = _landmarks("normalize", array, inside, standard.percentiles, threads)
    # Of landmarks that coincide the last one.
    kept = np.append(landmarks[1:] > landmarks[:-1], True)
    if kept.sum() < 2:
        raise ValueError(f"normalize: percentiles of `image` must differ{_where(inside)}, got only {landmarks[0]:g}")
    knots, wanted = landmarks[kept].tolist(), np.array(standard.landmarks)[kept].tolist()
    return lambda source, target: _cormack_cpu.piecewise_map(source, target, knots, wanted, threads)


def _landmarks(
    function: str, array: np.ndarray, inside: np.ndarray | None, percentiles: tuple[float, ...], threads: int
) -> np.ndarray:
    _finite(function, array, inside, threads)
    return _intensity.quantiles(array, inside, [number / 100 for number in percentiles], threads)


def _percentiles(function: str, values: Iterable[float]) -> tuple[float, ...]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise _check.fail(function, "percentiles", "be numbers", values, TypeError)
    result = tuple(_check.real(function, "percentiles", value, minimum=0.0) for value in values)
    if not 2 <= len(result) <= 64:
        raise _check.fail(function, "percentiles", "be 2 to 64 numbers", values)
    if any(after <= before for before, after in itertools.pairwise(result)) or result[-1] > 100:
        raise _check.fail(function, "percentiles", "increase and end at 100 at most", values)
    return result


def _pairs(function: str, images: Iterable[Any], masks: Iterable[Any] | None) -> Iterable[tuple[Any, Any]]:
    if masks is None:
        for image in images:
            yield image, None
        return
    try:
        yield from zip(images, masks, strict=True)
    except ValueError as error:
        if "zip()" not in str(error):
            raise
        raise ValueError(f"{function}: `masks` must be one for each image: {error}") from None
