"""Thresholds of a whole image: one pass makes a histogram, which is all that most methods look at."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import _check, _intensity
from .._arrays import HOST_ONLY, Blocked, take, take_mask
from .._backends import is_on_device, mask_on_device


class _Histogram(NamedTuple):
    counts: np.ndarray  # int64, or what the caller gave; neither the first nor the last is 0
    centers: np.ndarray  # float64 of floating images, int64 of others: then every value from the least to the greatest


def threshold_otsu(
    image: Any = None,
    nbins: int = 256,
    *,
    hist: Any = None,
    mask: Any = None,
    workers: int | None = None,
    device: str | None = None,
) -> float:
    """Return the threshold that separates two classes of intensities best: Otsu's method.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    nbins : int, default 256
        Number of bins of the histogram of a floating image. In an integer image every value is its own bin.
    hist : array_like, or pair of them, optional
        Counts, or counts and the centres of their bins, instead of an image.
    mask : array_like, optional
        Only voxels where it is not zero are looked at.
    workers : int, optional
        Number of threads; default: the library's setting.
    device : {"cpu", "cuda"}, optional
        Where the histogram is made. Default: where the image is, which may be a CuPy array or another array on a GPU;
        ``"cuda"`` copies an image from the host to the GPU.

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
    binary_threshold, threshold_multiotsu, threshold_li, skimage.filters.threshold_otsu

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
    # Values that do not occur would repeat the variance of the value before: the first maximum is the same.
    histogram = _histogram("threshold_otsu", image, nbins, hist, mask, workers, gaps=False, device=device)
    if len(histogram.centers) == 1:
        return float(histogram.centers[0])
    weights, centers = histogram.counts.astype(np.float32), histogram.centers
    weight1 = np.cumsum(weights)
    weight2 = np.cumsum(weights[::-1])[::-1]
    mean1 = np.cumsum(weights * centers) / weight1
    mean2 = (np.cumsum((weights * centers)[::-1]) / weight2[::-1])[::-1]
    variance = weight1[:-1] * weight2[1:] * (mean1[:-1] - mean2[1:]) ** 2
    return float(centers[np.argmax(variance)])


def threshold_multiotsu(
    image: Any = None,
    classes: int = 3,
    nbins: int = 256,
    *,
    hist: Any = None,
    mask: Any = None,
    workers: int | None = None,
) -> np.ndarray:
    """Return the thresholds that separate several classes of intensities best: Otsu's method for many.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    classes : int, default 3
        How many classes.
    nbins, hist, mask, workers
        As `threshold_otsu`.

    Returns
    -------
    ndarray of float64
        ``classes - 1`` thresholds, increasing: a class is what lies above one and not above the next, as
        ``numpy.digitize(image, thresholds, right=True)`` numbers them.

    Raises
    ------
    ValueError
        If there are fewer different values (of floating images: occupied bins) than classes; as `threshold_otsu`.

    See Also
    --------
    threshold_otsu, skimage.filters.threshold_multiotsu

    Notes
    -----
    Equal to `skimage.filters.threshold_multiotsu` for two and three classes, and for four up to some 400 bins: all
    combinations are tried, in float32 as there. Beyond that, where trying all would take minutes, the best combination
    is found by dynamic programming, in time proportional to ``classes * bins**2``, with sums in float64; it can differ
    where float32 cannot tell combinations apart. NaN is left out.

    References
    ----------
    .. [1] P.-S. Liao, T.-S. Chen, P.-C. Chung, "A fast algorithm for multilevel thresholding", J. Inf. Sci. Eng. 17(5),
       2001.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import segment
    >>> segment.threshold_multiotsu(np.array([[1, 2, 2], [40, 41, 42], [90, 91, 92]], np.uint8))
    array([ 2., 42.])
    """
    name = "threshold_multiotsu"
    classes = _check.integer(name, "classes", classes, minimum=2)
    counts, centers = _histogram(name, image, nbins, hist, mask, workers)
    probability = (counts / np.sum(counts)).astype(np.float32)
    occupied = np.flatnonzero(probability)
    if len(occupied) < classes:
        raise _check.fail(name, "classes", f"be at most the number of different values, {len(occupied)}", classes)
    best = occupied[:-1] if len(occupied) == classes else _best_splits(probability, classes - 1)
    result: np.ndarray = centers[best].astype(np.float64)
    return result


def threshold_li(
    image: Any,
    *,
    tolerance: float | None = None,
    initial_guess: float | Callable[[np.ndarray], float] | None = None,
    iter_callback: Callable[[float], Any] | None = None,
    mask: Any = None,
    workers: int | None = None,
) -> float:
    """Return the threshold of least cross entropy between the image and its two classes: Li's iteration.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    tolerance : float, optional
        The iteration ends when the threshold changes by no more. By default 0.5 for integer images, else half the
        smallest difference between two values.
    initial_guess : float or callable, optional
        Where to start, or a function of the values (above their smallest, increasing) that says it. By default the
        mean.
    iter_callback : callable, optional
        Called with the threshold in every iteration.
    mask, workers
        As `threshold_otsu`.

    Returns
    -------
    float
        Voxels above it are the upper class. The value itself where all voxels have one value.

    Raises
    ------
    ValueError
        If there is no voxel, `tolerance` is not positive, or `initial_guess` not between the smallest and the largest
        value.

    See Also
    --------
    skimage.filters.threshold_li

    Notes
    -----
    Equal to `skimage.filters.threshold_li` for integer images, from one histogram, except that values above the
    smallest are counted in 64 bits: scikit-image's wrap around where they do not fit into the image's type. Of floating
    images the values are sorted once, means are sums in float64, and the result agrees with scikit-image's, which sums
    float32 in float32, up to that rounding. NaN and infinities are left out.

    References
    ----------
    .. [1] C. H. Li, P. K. S. Tam, "An iterative algorithm for minimum cross entropy thresholding", Pattern Recognition
       Letters 18(8), 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import segment
    >>> round(segment.threshold_li(np.array([[1, 2, 2], [90, 91, 92]], np.uint8)), 3)
    19.212
    """
    name = "threshold_li"
    array = take(name, "image", image, ndim=()).array
    inside = take_mask(name, "mask", mask, array.shape, image)
    threads = _check.workers(name, workers)
    least_change = 0.5 if tolerance is None else _check.real(name, "tolerance", tolerance, above=0)
    if array.dtype.kind == "f":
        values = _intensity.sorted_values(array, inside)
        values = values[np.searchsorted(values, -np.inf, "right") : np.searchsorted(values, np.inf, "left")]
        weights = None
    else:
        values, weights = _intensity.levels(array, inside, threads)
        values = values.astype(np.int64)
    if not len(values):
        raise _no_voxel(name, mask)
    lowest, highest = values[0].item(), values[-1].item()
    if lowest == highest:
        return float(lowest)
    above = values - values[0]
    if weights is None and tolerance is None:
        steps = np.diff(above)
        # The bits of floats that are not negative are in the order of their values, and 0 - 1 is beyond all.
        bits = steps.view(f"u{steps.itemsize}")
        least_change = float((np.min(bits - bits.dtype.type(1)) + bits.dtype.type(1)).view(steps.dtype)) / 2
    sums = _Sums(above, weights)
    following = _initial_guess(name, initial_guess, above, weights, sums.total, lowest, highest)
    if not 0 <= following < highest - lowest:
        raise _check.fail(name, "initial_guess", f"lie between {lowest} and {highest}", initial_guess)
    if iter_callback is not None:
        iter_callback(following + lowest)
    current = -2 * least_change
    while abs(following - current) > least_change:
        current = following
        below = int(np.searchsorted(above, current, "right"))
        count, total = sums.below(below)
        mean_below = total / count
        mean_above = (sums.total - total) / (sums.count - count)
        if mean_below == 0:
            break
        following = float((mean_below - mean_above) / (np.log(mean_below) - np.log(mean_above)))
        if iter_callback is not None:
            iter_callback(following + lowest)
    return float(following + lowest)


def threshold_yen(
    image: Any = None, nbins: int = 256, *, hist: Any = None, mask: Any = None, workers: int | None = None
) -> float:
    """Return the threshold of greatest correlation of the two classes with the image: Yen's method.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    nbins, hist, mask, workers
        As `threshold_otsu`.

    Returns
    -------
    float
        Voxels above it are the upper class. The value itself where all voxels have one value.

    Raises
    ------
    ValueError
        As `threshold_otsu`, or if an integer image spans 4194304 values or more.

    See Also
    --------
    skimage.filters.threshold_yen

    Notes
    -----
    Equal to `skimage.filters.threshold_yen`. NaN is left out.

    References
    ----------
    .. [1] J. C. Yen, F. J. Chang, S. Chang, "A new criterion for automatic multilevel thresholding", IEEE TIP 4(3),
       1995.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import segment
    >>> segment.threshold_yen(np.array([[1, 2, 2], [90, 91, 92]], np.uint8))
    2.0
    """
    counts, centers = _histogram("threshold_yen", image, nbins, hist, mask, workers)
    if len(centers) == 1:
        return float(centers[0])
    weights = counts.astype(np.float32)
    probability = weights / weights.sum()
    share = np.cumsum(probability)
    below = np.cumsum(probability**2)
    above = np.cumsum(probability[::-1] ** 2)[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        criterion = np.log(((below[:-1] * above[1:]) ** -1) * (share[:-1] * (1.0 - share[:-1])) ** 2)
    return float(centers[criterion.argmax()])


def threshold_isodata(
    image: Any = None,
    nbins: int = 256,
    return_all: bool = False,
    *,
    hist: Any = None,
    mask: Any = None,
    workers: int | None = None,
) -> float | np.ndarray:
    """Return the threshold midway between the means of the two classes it makes: isodata, or Ridler and Calvard.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    nbins, hist, mask, workers
        As `threshold_otsu`.
    return_all : bool, default False
        Return all such thresholds instead of the lowest.

    Returns
    -------
    float, or ndarray of float64
        Voxels above it are the upper class. The value itself where all voxels have one value.

    Raises
    ------
    ValueError
        As `threshold_yen`, or if no bin is such a threshold.

    See Also
    --------
    skimage.filters.threshold_isodata

    Notes
    -----
    Equal to `skimage.filters.threshold_isodata`. NaN is left out.

    References
    ----------
    .. [1] T. W. Ridler, S. Calvard, "Picture thresholding using an iterative selection method", IEEE Trans. SMC 8,
       1978.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import segment
    >>> segment.threshold_isodata(np.array([[1, 2, 2], [90, 91, 92]], np.uint8))
    46.0
    """
    name = "threshold_isodata"
    if not isinstance(return_all, bool | np.bool_):
        raise _check.fail(name, "return_all", "be a bool", return_all, TypeError)
    counts, centers = _histogram(name, image, nbins, hist, mask, workers)
    if len(centers) == 1:
        found = centers
    else:
        weights = counts.astype(np.float32)
        below = np.cumsum(weights)
        above = below[-1] - below
        sums = np.cumsum(weights * centers)
        with np.errstate(divide="ignore", invalid="ignore"):
            midway = (sums[:-1] / below[:-1] + (sums[-1] - sums[:-1]) / above[:-1]) / 2.0
        distances = midway - centers[:-1]
        found = centers[:-1][(distances >= 0) & (distances < centers[1] - centers[0])]
    if return_all:
        return found.astype(np.float64)
    if not len(found):
        raise ValueError(f"{name}: `image` must have a threshold midway between the means of its classes, got none")
    return float(found[0])


def threshold_minimum(
    image: Any = None,
    nbins: int = 256,
    max_num_iter: int = 10000,
    *,
    hist: Any = None,
    mask: Any = None,
    workers: int | None = None,
) -> float:
    """Return the lowest point between the two maxima of the histogram, smoothed until it has no more.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    nbins, hist, mask, workers
        As `threshold_otsu`.
    max_num_iter : int, default 10000
        How often to smooth, at most.

    Returns
    -------
    float
        Voxels above it are the upper class.

    Raises
    ------
    ValueError
        As `threshold_yen`.
    RuntimeError
        If smoothing leaves one maximum, or more than two after `max_num_iter` times.

    See Also
    --------
    skimage.filters.threshold_minimum

    Notes
    -----
    Equal to `skimage.filters.threshold_minimum`. NaN is left out.

    References
    ----------
    .. [1] C. A. Glasbey, "An analysis of histogram-based thresholding algorithms", CVGIP: Graphical Models and Image
       Processing 55, 1993.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import segment
    >>> segment.threshold_minimum(np.array([0, 1, 1, 1, 2, 5, 6, 6, 6, 7, 9], np.uint8))
    3.0
    """
    name = "threshold_minimum"
    most = _check.integer(name, "max_num_iter", max_num_iter, minimum=1)
    counts, centers = _histogram(name, image, nbins, hist, mask, workers)
    smooth = counts.astype(np.float32)
    rounds = 0
    while rounds < most:
        rounds += 1
        smooth = _mean_of_three(smooth)
        maxima = _local_maxima(smooth)
        if len(maxima) < 3:
            break
    if len(maxima) != 2:
        raise RuntimeError(f"{name}: the histogram has {len(maxima)} maxima after {rounds} rounds of smoothing, not 2")
    if rounds == most:
        raise RuntimeError(f"{name}: the histogram still had more than two maxima before round {most} of smoothing")
    first, second = maxima
    return float(centers[first + np.argmin(smooth[first : second + 1])])


def threshold_triangle(image: Any, nbins: int = 256, *, mask: Any = None, workers: int | None = None) -> float:
    """Return the value where the histogram lies farthest below the line from its peak to its longer tail's end.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    nbins, mask, workers
        As `threshold_otsu`.

    Returns
    -------
    float
        Voxels above it are the upper class. The value itself where all voxels have one value.

    Raises
    ------
    ValueError
        As `threshold_yen`.

    See Also
    --------
    skimage.filters.threshold_triangle

    Notes
    -----
    Equal to `skimage.filters.threshold_triangle`. NaN is left out.

    References
    ----------
    .. [1] G. W. Zack, W. E. Rogers, S. A. Latt, "Automatic measurement of sister chromatid exchange frequency", J.
       Histochem. Cytochem. 25(7), 1977.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import segment
    >>> segment.threshold_triangle(np.array([[1, 1, 1, 1], [2, 2, 3, 9]], np.uint8))
    4.0
    """
    counts, centers = _histogram("threshold_triangle", image, nbins, None, mask, workers)
    if len(centers) == 1:
        return float(centers[0])
    peak, last = int(np.argmax(counts)), len(counts) - 1
    # The longer tail is to end at 0.
    flip = peak < last - peak
    if flip:
        counts, peak = counts[::-1], last - peak
    height: Any = counts[peak]
    norm = np.sqrt(height**2 + peak**2)
    place = np.arange(peak)
    distance = height / norm * place - peak / norm * counts[:peak]
    farthest = int(np.argmax(distance))
    return float(centers[last - farthest if flip else farthest])


def threshold_mean(image: Any, *, mask: Any = None, workers: int | None = None) -> float:
    """Return the mean of the image.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    mask, workers
        As `threshold_otsu`.

    Returns
    -------
    float
        Voxels above it are the upper class.

    Raises
    ------
    ValueError
        If there is no voxel.

    See Also
    --------
    skimage.filters.threshold_mean

    Notes
    -----
    As `skimage.filters.threshold_mean`; the sum is exact for integers and float64 for floats, where NumPy's of float32
    is float32. NaN is left out.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import segment
    >>> segment.threshold_mean(np.array([[1, 2], [3, 8]], np.uint8))
    3.5
    """
    name = "threshold_mean"
    array = take(name, "image", image, ndim=()).array
    inside = take_mask(name, "mask", mask, array.shape, image)
    threads = _check.workers(name, workers)
    if array.dtype.kind == "f" and isinstance(array, Blocked):
        raise NotImplementedError(f"{name}: cannot sum floats of an image in blocks, for bits depend on the order")
    if array.dtype.kind == "f":
        values = array if inside is None else array[inside]
        absent = np.isnan(values)
        count = values.size - int(np.count_nonzero(absent))
        total: float = float(np.sum(values, dtype=np.float64, where=~absent))
    else:
        found, counts = _intensity.levels(array, inside, threads)
        count = int(counts.sum())
        # In Python's integers where int64 might not do.
        wide = count and int(np.abs(found.astype(np.float64)).max()) * count >= 2**62
        total = sum(map(math.prod, zip(found.tolist(), counts.tolist(), strict=True))) if wide else int(found @ counts)
    if not count:
        raise _no_voxel(name, mask)
    return total / count


def _histogram(
    name: str,
    image: Any,
    nbins: Any,
    hist: Any,
    mask: Any,
    workers: int | None,
    gaps: bool = True,
    device: Any = HOST_ONLY,
) -> _Histogram:
    """Return the histogram of an image, or the given one; a single bin where all values are equal.

    Of integers every value between the extremes is a bin, with `gaps` also those that do not occur.
    """
    nbins = _check.integer(name, "nbins", nbins, minimum=1)
    threads = _check.workers(name, workers)
    if hist is not None:
        if mask is not None:
            raise _check.fail(name, "mask", "be None where `hist` is given", type(mask))
        return _given(name, hist)
    if image is None:
        raise ValueError(f"{name}: `image` or `hist` must be given, got neither")
    array = take(name, "image", image, ndim=(), device=device).array
    on_device = is_on_device(array)
    inside = mask_on_device(name, mask, array) if on_device else take_mask(name, "mask", mask, array.shape, image)
    if on_device and not array.size:
        raise _no_voxel(name, None)
    if array.dtype.kind == "f":
        extremes = _intensity.finite_range(name, array, inside, threads, "or NaN")
        if extremes is None:
            raise _no_voxel(name, mask)
        if extremes[0] == extremes[1]:
            return _Histogram(np.ones(1, np.int64), np.array(extremes[:1]))
        edges = _intensity.uniform_edges(name, *extremes, array.dtype, nbins)
        return _Histogram(_intensity.bin_counts(array, inside, edges, threads), (edges[:-1] + edges[1:]) / 2.0)
    if not gaps:
        values, counts = _intensity.levels(array, inside, threads)
        if not len(values):
            raise _no_voxel(name, mask)
        return _Histogram(counts, values.astype(np.int64))
    table = _intensity.value_counts(array, inside, threads)
    if table is None:
        most = _intensity.WIDEST_TABLE
        raise ValueError(f"{name}: `image` must span fewer than {most} integers, got more (convert it to float32)")
    first, counts = table
    if not len(counts):
        raise _no_voxel(name, mask)
    return _Histogram(counts, np.arange(first, first + len(counts)))


def _given(name: str, hist: Any) -> _Histogram:
    pair = isinstance(hist, tuple | list) and len(hist) == 2 and np.ndim(hist[0]) == 1
    counts = np.asarray(hist[0] if pair else hist)
    centers = np.asarray(hist[1]) if pair else np.arange(counts.size)
    if counts.ndim != 1 or counts.dtype.kind not in "iuf" or centers.shape != counts.shape:
        raise _check.fail(name, "hist", "be counts, or counts and as many centres", hist)
    if centers.dtype.kind not in "iuf" or not (np.isfinite(counts).all() and (counts >= 0).all() and counts.any()):
        raise _check.fail(name, "hist", "hold counts that are not negative, and not all 0", hist)
    occupied = np.flatnonzero(counts)
    part = slice(occupied[0], occupied[-1] + 1)
    return _Histogram(counts[part], centers[part])


def _no_voxel(name: str, mask: Any) -> Exception:
    where = "image" if mask is None else "mask"
    return ValueError(f"{name}: `{where}` must contain a voxel, got none")


class _Sums:
    """Counts and sums of the values below a place in an increasing sequence, in float64."""

    _BLOCK = 4096

    def __init__(self, values: np.ndarray, weights: np.ndarray | None) -> None:
        self._values, self._counts = values, None
        if weights is not None:
            # Integers that float64 holds exactly, so that their order does not matter; counts in float32 as there.
            self._counts = np.cumsum(weights.astype(np.float32), dtype=np.float64)
            self._values = values * weights.astype(np.float32)
        blocks = np.add.reduceat(self._values, np.arange(0, len(values), self._BLOCK), dtype=np.float64)
        self._before = np.concatenate([[0.0], np.cumsum(blocks)])
        self.count, self.total = self.below(len(values))

    def below(self, place: int) -> tuple[float, float]:
        block = place // self._BLOCK
        rest = self._values[block * self._BLOCK : place].sum(dtype=np.float64)
        count = place if self._counts is None else float(self._counts[place - 1])
        return count, float(self._before[block] + rest)


def _initial_guess(
    name: str,
    guess: Any,
    above: np.ndarray,
    weights: np.ndarray | None,
    total: float,
    lowest: float,
    highest: float,
) -> float:
    """Return where Li's iteration starts, above the smallest value."""
    if guess is None:
        return total / (len(above) if weights is None else int(weights.sum()))
    if callable(guess):
        return float(guess(above if weights is None else np.repeat(above, weights)))
    value = _check.real(name, "initial_guess", guess) - lowest
    if not 0 < value < highest - lowest:
        raise _check.fail(name, "initial_guess", f"lie between {lowest} and {highest}", guess)
    return float(above.dtype.type(value))


def _mean_of_three(values: np.ndarray) -> np.ndarray:
    """Return the mean of each value and its neighbours, ends mirrored, rounded once to float32."""
    wide = np.concatenate([values[:1], values, values[-1:]]).astype(np.float64)
    result: np.ndarray = ((wide[:-2] + wide[1:-1] + wide[2:]) / 3).astype(np.float32)
    return result


def _local_maxima(values: np.ndarray) -> np.ndarray:
    """Return where values begin to fall, the last of equal ones; ends count, a fall at the beginning too."""
    steps = np.diff(values)
    moves = np.flatnonzero(steps)
    falls = steps[moves] < 0
    falls[1:] &= ~falls[:-1]
    return moves[falls]


# More rows of combinations than this are not tried one by one.
_MOST_ROWS = 100_000


def _best_splits(probability: np.ndarray, splits: int) -> np.ndarray:
    """Return the last bins of all classes but one that maximize the variance between classes."""
    bins = len(probability)
    weight = np.cumsum(probability)
    # scikit-image's first moment takes the first bin as 1, as the second.
    terms = np.arange(bins, dtype=np.float32) * probability
    terms[0] = probability[0]
    moment = np.cumsum(terms)

    def variance(first: int) -> np.ndarray:
        """Of the classes from bin `first` to each bin from there on."""
        w, m = (
            (weight[first:], moment[first:])
            if first == 0
            else (
                weight[first:] - weight[first - 1],
                moment[first:] - moment[first - 1],
            )
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            result: np.ndarray = np.where(w > 0, m * m / w, np.float32(0))
        if first == 0:
            result[0] = 0
        return result

    from_start = variance(0)
    last = np.empty(bins, np.float32)  # of the class from each bin to the end
    w, m = weight[-1] - weight[:-1], moment[-1] - moment[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        last[1:] = np.where(w > 0, m * m / w, np.float32(0))
    if splits == 1 or math.comb(bins - 2, splits - 1) <= _MOST_ROWS:
        return _try_all(bins, splits, from_start, last, variance)
    return _plan_splits(bins, splits, from_start, variance)


def _try_all(
    bins: int, splits: int, from_start: np.ndarray, last: np.ndarray, variance: Callable[[int], np.ndarray]
) -> np.ndarray:
    """Return the first of all combinations with the largest sum, added in float32 in scikit-image's order."""
    if splits == 1:
        return np.array([np.argmax(from_start[: bins - 1] + last[1:])])
    best, found = np.float32(0), np.arange(splits)
    rows: dict[int, np.ndarray] = {}

    def row(first: int) -> np.ndarray:
        if first not in rows:
            if len(rows) * bins > 1 << 22:
                rows.clear()
            rows[first] = variance(first)
        return rows[first]

    for heads in itertools.combinations(range(bins - 2), splits - 1):
        at = heads[-1] + 1
        sums = from_start[heads[0]] + last[at + 1 :]
        for before, here in itertools.pairwise(heads):
            sums = sums + row(before + 1)[here - before - 1]
        sums = sums + row(at)[: bins - 1 - at]
        k = int(np.argmax(sums))
        if sums[k] > best:
            best, found = sums[k], np.array([*heads, at + k])
    return found


def _plan_splits(bins: int, splits: int, from_start: np.ndarray, variance: Callable[[int], np.ndarray]) -> np.ndarray:
    """Return the combination with the largest sum by dynamic programming, the first of equal ones."""
    best = from_start.astype(np.float64)  # of the bins up to each, as one more class in every round
    ends = np.zeros((splits, bins), np.int64)  # where the class before ends
    tables = [best]
    for _ in range(splits):
        tables.append(np.full(bins, -1.0))
    for first in range(1, bins):
        row = variance(first)
        for k in range(splits):
            if first - 1 < k:
                continue
            sums = tables[k][first - 1] + row
            better = sums > tables[k + 1][first:]
            tables[k + 1][first:][better] = sums[better]
            ends[k, first:][better] = first - 1
    result = np.empty(splits, np.int64)
    at = bins - 1
    for k in range(splits - 1, -1, -1):
        at = result[k] = ends[k, at]
    return result
