"""Histograms, and maps made from them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu, _intensity
from .._arrays import DTYPES, take, take_mask

# What float32 can tell apart; a mistyped number should not take all memory.
_MOST_BINS = 1 << 24
# So that slopes between values of the reference, a rank apart, are numbers.
_LARGEST_REFERENCE = 1e290


def histogram(
    image: Any,
    bins: Any = 256,
    range: tuple[float, float] | None = None,
    mask: Any = None,
    *,
    weights: Any = None,
    workers: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Count voxels per bin of intensity: `numpy.histogram`, for images.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape, also of 64-bit integers.
    bins : int or sequence of float, default 256
        Number of equal bins, at most 16777216, or edges that do not decrease.
    range : (float, float), optional
        Lower end of the first and upper end of the last of equal bins. Default: smallest and largest value inside the
        mask. Ignored where `bins` are edges.
    mask : array_like, optional
        Only voxels where it is not zero are counted.
    weights : array_like, optional
        What each voxel counts, of the shape of `image`.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    counts : ndarray of int64, or of float64 with `weights`
        Voxels per bin, or the sum of their weights.
    edges : ndarray of float64
        One more than counts. Bins contain their lower edge; the last one its upper edge too.

    Raises
    ------
    ValueError
        If `bins` is below 1, edges decrease, `range` decreases or is not finite, or there is no `range` and the image
        holds a NaN or an infinity.

    See Also
    --------
    numpy.histogram, equalize_hist

    Notes
    -----
    Edges and counts equal those of `numpy.histogram`; for float32 images edges are float32 numbers, as there. Values
    outside the range and NaN are not counted. Weights are summed in float64, in an order that does not depend on the
    number of threads. The result does not depend on it either; no memory in proportion to the image is used.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import enhance
    >>> counts, edges = enhance.histogram(np.array([[0, 1, 1], [2, 3, 4]], np.uint8), bins=2)
    >>> counts, edges
    (array([3, 3]), array([0., 2., 4.]))
    """
    name = "histogram"
    array = take(name, "image", image, ndim=(), dtypes=(*DTYPES, np.dtype(np.int64), np.dtype(np.uint64))).array
    if array.dtype.kind in "iu" and array.itemsize == 8:
        array = array.astype(np.float64)  # as in numpy.histogram
    inside = take_mask(name, "mask", mask, array.shape)
    threads = _check.workers(name, workers)
    by_number = isinstance(bins, str) or not isinstance(bins, Iterable) or getattr(bins, "ndim", 1) == 0
    if by_number:
        bins = _check.integer(name, "bins", bins, minimum=1, maximum=_MOST_BINS)
        if range is not None:
            low, high = _intensity.pair(name, "range", range)
            if low > high:
                raise _check.fail(name, "range", "not decrease", range)
            _intensity.check_width(name, "range", (low, high))
    else:
        bins, range = _edges(name, bins), None
    factors: np.ndarray | None = None
    if weights is not None:
        wide = (*DTYPES, np.dtype(np.int64), np.dtype(np.uint64))
        factors = take(name, "weights", weights, ndim=(), dtypes=wide).array
        if factors.shape != array.shape:
            raise ValueError(f"{name}: `weights` must have shape {array.shape}, got {factors.shape}")
        if factors.itemsize == 8 and factors.dtype.kind in "iu":
            factors = factors.astype(np.float64)
    levels: tuple[np.ndarray, np.ndarray] | None = None
    if factors is None and array.dtype.kind in "biu" and array.itemsize <= 2:
        levels = _intensity.levels(array, inside, threads)
        sample = levels[0][[0, -1]] if levels[0].size else levels[0]
    else:
        by_image = by_number and range is None
        ends = _extremes(name, array, inside, threads) if by_image else []
        # Numbers of float32 may lie further apart than it can say.
        wide_ends = bool(ends) and array.dtype.kind == "f" and ends[1] - ends[0] > float(np.finfo(array.dtype).max)
        sample = np.array(ends, np.float64 if wide_ends else array.dtype)
        sample = sample.view(np.uint8) if sample.dtype.kind == "b" else sample
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            edges = np.histogram_bin_edges(sample, bins, range)
            if not np.isfinite(edges).all():
                # A range beyond float32; infinite edges that were given stay.
                edges = np.histogram_bin_edges(sample.astype(np.float64), bins, range)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if factors is not None:
        counts = _intensity.bin_sums(array, inside, factors, edges, threads)
    elif levels is not None:
        # Sums of counts are exact in float64.
        values, numbers = levels
        counts = _intensity.bin_sums(values, None, numbers.astype(np.float64), edges, 1).astype(np.int64)
    else:
        counts = _intensity.bin_counts(array, inside, edges, threads)
    return counts, edges.astype(np.float64)


def equalize_hist(
    image: Any,
    nbins: int = 256,
    mask: Any = None,
    *,
    out_range: Any = "image",
    out: np.ndarray | None = None,
    workers: int | None = None,
) -> Any:
    """Spread intensities so that every range of the result holds equally many voxels.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    nbins : int, default 256
        Number of bins of the histogram of a floating image, at most 16777216. In an integer image every value is its
        own bin.
    mask : array_like, optional
        Only voxels where it is not zero make the histogram; the whole image is mapped.
    out_range : {"image", "dtype"} or (float, float), default "image"
        Range of the result: smallest and largest value of the whole `image`; the limits of an integer type, (0, 1) for
        floating ones; or two numbers.
    out : ndarray, optional
        Filled and returned instead of a new array; of the shape and dtype of the result, any strides, maybe `image`.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    array
        Shape, dtype and kind of `image`. NaN is left out of the histogram and stays NaN.

    Raises
    ------
    ValueError
        If the mask is empty, the image holds an infinity, or `nbins` is below 1 or too many for the image's values.

    See Also
    --------
    rescale_intensity, skimage.exposure.equalize_hist

    Notes
    -----
    A voxel becomes lower + cdf * (upper - lower), where cdf is what `skimage.exposure.equalize_hist` returns, in
    [0, 1]: for an integer image the part of the voxels that are not above this one, for a floating one the cumulative
    histogram, interpolated linearly between the centres of its bins and constant beyond them. As there, the smallest
    value of the image gets more than the lower end: the part of the voxels that have it.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import enhance
    >>> enhance.equalize_hist(np.array([[0, 1, 2, 3, 100]], np.uint8), out_range=(0, 10))
    array([[ 2,  4,  6,  8, 10]], dtype=uint8)
    """
    name = "equalize_hist"
    taken = take(name, "image", image, ndim=())
    array = taken.array
    nbins = _check.integer(name, "nbins", nbins, minimum=1, maximum=_MOST_BINS)
    inside = take_mask(name, "mask", mask, array.shape)
    threads = _check.workers(name, workers)
    if isinstance(out_range, str):
        _check.choice(name, "out_range", out_range, ("image", "dtype"))
    else:
        out_range = _intensity.pair(name, "out_range", out_range)
        _intensity.check_fits(name, "out_range", out_range, array.dtype)
    result = _intensity.Result.of(name, taken, array.dtype, out)
    if array.size == 0:
        return result.unchanged()
    if inside is not None and not inside.any():
        raise ValueError(f"{name}: `mask` must contain a voxel, got none")
    if array.dtype.kind == "f":
        return _equalize_real(result, nbins, inside, out_range, threads)
    return _equalize_integers(result, inside, out_range, threads)


def _equalize_integers(result: _intensity.Result, inside: np.ndarray | None, out_range: Any, threads: int) -> Any:
    array = result.taken.array
    table = _intensity.value_counts(array, inside, threads)
    if table is None or inside is not None:
        low, high, _ = _intensity.minmax(array, None, threads)
    else:
        low, high = float(table[0]), float(table[0] + len(table[1]) - 1)
    if out_range != "image":
        low, high = _intensity.full_range(array.dtype) if out_range == "dtype" else out_range
    if table is not None:
        first, counts = table
        entries = _intensity.rounded(_mapped(_cumulative(counts), low, high), array.dtype)
        return result.looked_up(entries, first, threads)
    values = _sorted(array, inside)
    least = int(np.searchsorted(values, values[0], side="right"))

    def run(source: np.ndarray, target: np.ndarray) -> None:
        # Ranks take eight bytes each.
        parts = np.nditer(
            [source, target],
            ["external_loop", "buffered"],
            [["readonly"], ["writeonly"]],
            buffersize=1 << 16,
        )
        with parts:
            for some, to in parts:
                ranks = np.maximum(np.searchsorted(values, some, side="right"), least)
                to[...] = _intensity.rounded(_mapped(ranks / float(len(values)), low, high), array.dtype)

    return result.filled(run)


def _equalize_real(
    result: _intensity.Result, nbins: int, inside: np.ndarray | None, out_range: Any, threads: int
) -> Any:
    name = "equalize_hist"
    array = result.taken.array
    whole = _intensity.finite_range(name, array, None, threads, "or NaN")
    if whole is None:
        return result.unchanged()
    smallest, largest = whole if inside is None else _intensity.minmax(array, inside, threads)[:2]
    if smallest > largest:
        raise ValueError(f"{name}: `mask` must contain a voxel that is not NaN, got none")
    low, high = whole
    if out_range != "image":
        low, high = _intensity.full_range(array.dtype) if out_range == "dtype" else out_range
    if not np.isfinite(whole[1] - whole[0]):
        raise ValueError(f"{name}: `image` must have a finite spread, got values from {whole[0]} to {whole[1]}")
    edges = _intensity.uniform_edges(name, smallest, largest, array.dtype, nbins)
    with np.errstate(over="ignore"):
        centers = (edges[:-1] + edges[1:]) / 2
    if np.any(centers[:-1] >= centers[1:]) or not np.isfinite(centers).all():
        edges = edges.astype(np.float64)
        centers = edges[:-1] / 2 + edges[1:] / 2
    counts = _intensity.bin_counts(array, inside, edges, threads)
    cdf = _cumulative(counts).astype(array.dtype).astype(np.float64)
    knots = centers.astype(np.float64), _mapped(cdf, low, high)
    return result.filled(lambda source, target: _cormack_cpu.interpolation_map(source, target, *knots, threads))


def match_histograms(
    image: Any,
    reference: Any,
    *,
    dtype: Any = None,
    out: np.ndarray | None = None,
    mask: Any = None,
    reference_mask: Any = None,
    workers: int | None = None,
) -> Any:
    """Map intensities so that their cumulative histogram becomes that of a reference image.

    Parameters
    ----------
    image, reference : array_like or Volume
        Images of any shapes and dtypes.
    dtype : dtype, optional
        Type of the result: a floating one keeps the fractions of what an integer image becomes. Default: that of
        `image`.
    out : ndarray, optional
        Filled and returned instead of a new array; of the shape and dtype of the result, any strides, maybe `image`.
    mask, reference_mask : array_like, optional
        Only voxels where they are not zero make the histograms; the whole image is mapped.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    array
        Shape and kind of `image`, `dtype`. Integers round half to even and saturate. NaN is left out of the histograms
        and stays NaN.

    Raises
    ------
    ValueError
        If the reference holds an infinity or a number beyond 1e290, or there is no number in an image or inside its
        mask.
    TypeError
        If `dtype` is neither floating nor that of `image`.

    See Also
    --------
    equalize_hist, skimage.exposure.match_histograms

    Notes
    -----
    A voxel with the part q of the image's voxels not above it becomes the value at q of the reference's cumulative
    histogram, linearly between the values that occur: as `skimage.exposure.match_histograms`, to which the result with
    ``dtype=float64`` is equal. Integer images go through exact counts; floating and widely spread 32-bit images are
    sorted, which takes a copy of the image and one of the reference (in float64 unless that is float32).

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import enhance
    >>> image = np.array([[0, 1, 2, 3]], np.uint8)
    >>> enhance.match_histograms(image, np.array([[10, 20, 30, 40]], np.uint8))
    array([[10, 20, 30, 40]], dtype=uint8)
    """
    name = "match_histograms"
    taken = take(name, "image", image, ndim=())
    array = taken.array
    target = take(name, "reference", reference, ndim=()).array
    inside = take_mask(name, "mask", mask, array.shape)
    target_inside = take_mask(name, "reference_mask", reference_mask, target.shape)
    kind = _intensity.output_dtype(name, dtype, array.dtype)
    if kind != array.dtype and kind.kind != "f":
        raise _check.fail(name, "dtype", "be a floating type or None", dtype, TypeError)
    threads = _check.workers(name, workers)
    result = _intensity.Result.of(name, taken, kind, out)
    found = _intensity.finite_range(name, target, target_inside, threads, "or NaN in the reference")
    if found is None:
        raise ValueError(f"{name}: `reference` must hold a number inside its mask, got none")
    if max(abs(found[0]), abs(found[1])) > _LARGEST_REFERENCE:
        rule = f"hold values from {-_LARGEST_REFERENCE:g} to {_LARGEST_REFERENCE:g}"
        raise ValueError(f"{name}: `reference` must {rule}, got values from {found[0]} to {found[1]}")
    if array.size == 0:
        return result.unchanged()
    table = None if array.dtype.kind == "f" else _intensity.value_counts(array, inside, threads)
    if table is None:
        return _match_sorted(name, result, inside, target, target_inside, threads)
    first, counts = table
    if not counts.size:
        raise ValueError(f"{name}: `mask` must contain a voxel, got none")
    up_to = counts.cumsum()
    target_table = None if target.dtype.kind == "f" else _intensity.value_counts(target, target_inside, threads)
    if target_table is None:
        entries = _at_ranks(_sorted(target, target_inside), up_to)
    else:
        low, numbers = target_table
        present = np.flatnonzero(numbers)
        passed = numbers[present].cumsum()
        entries = np.interp(up_to / float(up_to[-1]), passed / float(passed[-1]), present + low)
    return result.looked_up(_intensity.rounded(entries, kind), first, threads)


def _match_sorted(
    function: str,
    result: _intensity.Result,
    inside: np.ndarray | None,
    target: np.ndarray,
    target_inside: np.ndarray | None,
    threads: int,
) -> Any:
    values = _sorted(result.taken.array, inside)
    if not values.size:
        raise ValueError(f"{function}: `image` must hold a number inside the mask, got none")
    wanted = _sorted(target, target_inside)
    wanted = wanted.astype(wanted.dtype if wanted.dtype == np.float32 else np.float64, copy=False)
    return result.filled(
        lambda source, drain: _cormack_cpu.match_sorted(source, drain, values[np.newaxis], wanted[np.newaxis], threads)
    )


def _sorted(array: np.ndarray, inside: np.ndarray | None) -> np.ndarray:
    """Return the values inside the mask, increasing, without NaN."""
    values = array[inside] if inside is not None else array.flatten(order="K")
    values.sort()
    return values[: np.searchsorted(values, np.inf, side="right")] if values.dtype.kind == "f" else values


def _at_ranks(values: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Return numpy.interp of ranks / last rank in the cumulative histogram of sorted values."""
    count, total = len(values), int(ranks[-1])
    passed = np.array([rank * count // total for rank in ranks.tolist()])
    upper = values[np.minimum(passed, count - 1)]
    first, end = np.searchsorted(values, upper, side="left"), np.searchsorted(values, upper, side="right")
    lower = values[np.maximum(first - 1, 0)].astype(np.float64)
    start = first / float(count)
    slope = (upper.astype(np.float64) - lower) / (end / float(count) - start)
    between = slope * (ranks / float(total) - start) + lower
    result: np.ndarray = np.where((passed >= count) | (first == 0), upper, between)
    return result


def _cumulative(counts: np.ndarray) -> np.ndarray:
    total = counts.cumsum()
    return total / float(total[-1])


def _mapped(cdf: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return [0, 1] on [low, high], whose ends rounding neither misses nor leaves."""
    values = np.clip(cdf * (high - low) + low, min(low, high), max(low, high))
    values[cdf == 1] = high
    return values


def _extremes(function: str, array: np.ndarray, inside: np.ndarray | None, threads: int) -> list[float]:
    """Return the smallest and largest value, which must be finite; nothing where there is no value."""
    low, high, has_nan = _intensity.minmax(array, inside, threads)
    if has_nan or (low <= high and not (np.isfinite(low) and np.isfinite(high))):
        raise ValueError(f"{function}: `image` must be finite where `range` is not given")
    if low <= high and not np.isfinite(high - low):
        raise ValueError(
            f"{function}: `image` must have a finite spread where `range` is not given, got values from {low} to {high}"
        )
    return [low, high] if low <= high else []


def _edges(function: str, bins: Any) -> np.ndarray:
    try:
        edges = np.asarray(bins, dtype=np.float64)
    except (TypeError, ValueError):
        raise _check.fail(function, "bins", "be an int or edges", bins, TypeError) from None
    except OverflowError:
        raise _check.fail(function, "bins", "fit into floats", bins) from None
    if edges.ndim != 1 or len(edges) < 2:
        raise _check.fail(function, "bins", "be an int or at least two edges", bins)
    if not np.all(edges[:-1] <= edges[1:]):
        raise _check.fail(function, "bins", "not decrease", bins)
    return edges
