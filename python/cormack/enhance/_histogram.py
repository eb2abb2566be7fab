"""Histograms, and maps made from them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu, _intensity
from .._arrays import DTYPES, take, take_mask, take_matching
from .._backends import cannot, is_on_device, mask_on_device

# What float32 can tell apart; a mistyped number should not take all memory.
_MOST_BINS = 1 << 24


def histogram(
    image: Any,
    bins: Any = 256,
    range: tuple[float, float] | None = None,
    mask: Any = None,
    *,
    weights: Any = None,
    workers: int | None = None,
    device: str | None = None,
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
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; ``"cuda"``
        copies an image from the host to the GPU. Counts and edges are NumPy arrays in any case.

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
    wide = (*DTYPES, np.dtype(np.int64), np.dtype(np.uint64))
    array = take(name, "image", image, ndim=(), dtypes=wide, device=device).array
    on_device = is_on_device(array)
    if on_device and (weights is not None or array.dtype not in DTYPES):
        raise cannot(name, "images have at most 32 bits, or floats, and there are no `weights`")
    if array.dtype.kind in "iu" and array.itemsize == 8:
        array = array.astype(np.float64)  # as in numpy.histogram
    inside = mask_on_device(name, mask, array) if on_device else take_mask(name, "mask", mask, array.shape, image)
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
        factors = take_matching(name, "weights", weights, array.shape, image, dtypes=wide).array
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
    device: str | None = None,
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
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back.

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

    No copy of the image is made, but for integers that spread over more than 4194304 values: these are sorted, in one
    copy, which takes far longer than to count them.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import enhance
    >>> enhance.equalize_hist(np.array([[0, 1, 2, 3, 100]], np.uint8), out_range=(0, 10))
    array([[ 2,  4,  6,  8, 10]], dtype=uint8)
    """
    name = "equalize_hist"
    taken = take(name, "image", image, ndim=(), device=device)
    array = taken.array
    nbins = _check.integer(name, "nbins", nbins, minimum=1, maximum=_MOST_BINS)
    on_device = is_on_device(array)
    inside = mask_on_device(name, mask, array) if on_device else take_mask(name, "mask", mask, array.shape, image)
    threads = _check.workers(name, workers)
    if isinstance(out_range, str):
        _check.choice(name, "out_range", out_range, ("image", "dtype"))
    else:
        out_range = _intensity.pair(name, "out_range", out_range)
        _intensity.check_fits(name, "out_range", out_range, array.dtype)
    result = _intensity.Result.of(name, taken, array.dtype, out)
    if array.size == 0:
        return result.unchanged()
    if inside is not None and not (_intensity.minmax(inside, None, threads)[1] if on_device else inside.any()):
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
    if is_on_device(array):
        raise cannot("equalize_hist", f"integers spread over at most {_intensity.WIDEST_TABLE} values")
    values = _intensity.sorted_values(array, inside)
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
                # In increasing order searches stay in the cache.
                order = np.argsort(some)
                ranks = np.empty(some.shape, np.int64)
                ranks[order] = np.maximum(np.searchsorted(values, some[order], side="right"), least)
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
    if is_on_device(array):
        return result.filled_on_device(name, "interpolation_map", tables=knots)
    return result.filled(lambda source, target: _cormack_cpu.interpolation_map(source, target, *knots, threads))


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
