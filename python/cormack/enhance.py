"""Enhancement: windows, contrast and histogram equalization. scikit-image's names where it has one.

Images may have any number of axes, any strides and both byte orders. Results are new arrays with the memory layout of
the image; integers round half to even and saturate, never wrap. An image with more than three axes that do not join in
memory is copied once, other images never.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _check, _cormack_cpu, _intensity
from ._arrays import DTYPES, take, take_mask

__all__ = ["equalize_hist", "histogram", "rescale_intensity", "window"]

# Below this many voxels a table of every value costs more than it saves.
_WORTH_A_TABLE = 1 << 18


def window(
    image: Any,
    center: float,
    width: float,
    *,
    function: str = "linear",
    out_range: tuple[float, float] | None = None,
    dtype: Any = None,
    workers: int | None = None,
) -> Any:
    """Map a window of intensities to the range of a display: DICOM's VOI LUT functions.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape, in the units of `center` and `width` (for CT, Hounsfield units).
    center, width : float
        Window Center (0028,1050) and Window Width (0028,1051). `width` is above 0, and at least 1 for ``"linear"``.
    function : {"linear", "linear_exact", "sigmoid"}, default "linear"
        VOI LUT Function (0028,1056). ``"linear"`` maps center - 0.5 - (width - 1) / 2 and below to the lower end and
        center - 0.5 + (width - 1) / 2 and above to the upper end, ``"linear_exact"`` center - width / 2 and
        center + width / 2; both are straight in between. ``"sigmoid"`` is
        lower + (upper - lower) / (1 + exp(-4 (x - center) / width)).
    out_range : (float, float), optional
        The ends of the display's range; (255, 0) inverts. Default: all of an integer `dtype`, (0, 1) for floating ones.
    dtype : dtype, optional
        Type of the result, for instance ``numpy.uint8`` for display. Default: that of `image`.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    array
        Shape and kind of `image`, `dtype`. NaN stays NaN in a floating result and becomes the lower end in an integer
        one.

    Raises
    ------
    ValueError
        If `width` is too small, or `out_range` leaves [0, 1] for a bool result.
    TypeError
        If a dtype is not supported.

    See Also
    --------
    rescale_intensity

    Notes
    -----
    Values are those of float64 arithmetic rounded once to `dtype`, whatever the processor and number of threads.

    References
    ----------
    .. [1] DICOM PS3.3, C.11.2.1.2 and C.11.2.1.3, "VOI LUT function".

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import enhance
    >>> ct = np.array([[-1000, -160, 40, 240, 1000]], np.int16)
    >>> enhance.window(ct, center=40, width=400, dtype=np.uint8)
    array([[  0,   0, 128, 255, 255]], dtype=uint8)
    """
    taken = take("window", "image", image, ndim=())
    _check.choice("window", "function", function, ("linear", "linear_exact", "sigmoid"))
    center = _check.real("window", "center", center)
    if function == "linear":
        width = _check.real("window", "width", width, minimum=1.0)
    else:
        width = _check.real("window", "width", width, above=0.0)
    kind = _intensity.output_dtype("window", dtype, taken.array.dtype)
    low, high = _intensity.full_range(kind) if out_range is None else _intensity.pair("window", "out_range", out_range)
    _intensity.check_fits("window", "out_range", (low, high), kind)
    threads = _check.workers("window", workers)
    if function == "sigmoid":
        return taken.give_back(_sigmoid(taken.array, center, width, low, high, kind, threads))
    middle, half = (center - 0.5, (width - 1) / 2) if function == "linear" else (center, width / 2)
    return taken.give_back(_linear(taken.array, middle - half, middle + half, low, high, kind, threads))


def rescale_intensity(
    image: Any, in_range: Any = "image", out_range: Any = "dtype", *, dtype: Any = None, workers: int | None = None
) -> Any:
    """Stretch or shrink intensities linearly from one range to another; what lies outside is clipped.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    in_range, out_range : str, dtype or (float, float)
        Ranges of the input and of the result: ``"image"``, the smallest and largest value of `image`, NaN left out;
        ``"dtype"``, the limits of its type; the limits of another type, named or given (for floating types -1 and 1;
        ``"uint10"``, ``"uint12"`` and ``"uint14"`` too); or two numbers, of which those of `out_range` may decrease.
        Where an `out_range` is given by a type it starts at 0 if `in_range` does not start below 0.
    dtype : dtype, optional
        Type of the result. Default, as in scikit-image: that of `image`, or the type that `out_range` names, or a
        floating type if `out_range` is two numbers (float32 for a float32 image, else float64).
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    array
        Shape and kind of `image`. NaN stays NaN in a floating result and becomes the lower end in an integer one.

    Raises
    ------
    ValueError
        If `in_range` decreases, or is ``"image"`` and the image holds an infinity.
    TypeError
        If a dtype is not supported.

    See Also
    --------
    window, skimage.exposure.rescale_intensity

    Notes
    -----
    As `skimage.exposure.rescale_intensity`, but results round to nearest, where scikit-image cuts off, and saturate,
    where it wraps; and NaN does not spread. A range of one value turns all into this value,
    clipped to `out_range`. Values are those of
    float64 arithmetic rounded once.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import enhance
    >>> enhance.rescale_intensity(np.array([[51, 102, 153]], np.uint8))
    array([[  0, 128, 255]], dtype=uint8)
    >>> enhance.rescale_intensity(np.array([[0.0, 100.0, 300.0]]), in_range=(0, 200))
    array([[0. , 0.5, 1. ]])
    """
    name = "rescale_intensity"
    taken = take(name, "image", image, ndim=())
    array = taken.array
    threads = _check.workers(name, workers)
    extremes: list[tuple[float, float]] = []

    def limits(argument: str, value: Any) -> tuple[float, float]:
        if isinstance(value, str) and value == "image":
            if not extremes:
                found = _intensity.finite_range(name, array, None, threads, "where a range is 'image'")
                extremes.append((0.0, 0.0) if found is None else found)
            return extremes[0]
        if isinstance(value, str) and value == "dtype":
            return _limits_of_type(array.dtype)
        if isinstance(value, (str, type, np.dtype)):
            return _named_range(name, argument, value)[0]
        return _intensity.pair(name, argument, value)

    lower, upper = limits("in_range", in_range)
    if lower > upper:
        raise _check.fail(name, "in_range", "not decrease", in_range)
    low, high = limits("out_range", out_range)
    for argument, value, width in (("in_range", in_range, upper - lower), ("out_range", out_range, high - low)):
        if not np.isfinite(width):
            raise _check.fail(name, argument, "have a finite width", value)
    default = array.dtype
    if isinstance(out_range, (str, type, np.dtype)):
        if not (isinstance(out_range, str) and out_range == "image") and lower >= 0:
            low = 0.0
        if not (isinstance(out_range, str) and out_range in ("image", "dtype")):
            default = _named_range(name, "out_range", out_range)[1]
    else:
        default = np.dtype(np.float32 if array.dtype == np.float32 else np.float64)
    kind = _intensity.output_dtype(name, default if dtype is None else dtype, default)
    _intensity.check_fits(name, "out_range", (low, high), kind)
    if lower == upper:
        low = high = min(max(lower, min(low, high)), max(low, high))
    return taken.give_back(_linear(array, lower, upper, low, high, kind, threads))


def histogram(
    image: Any,
    bins: Any = 256,
    range: tuple[float, float] | None = None,
    mask: Any = None,
    *,
    workers: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Count voxels per bin of intensity: `numpy.histogram`, for images.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape, also of 64-bit integers.
    bins : int or sequence of float, default 256
        Number of equal bins, or edges that do not decrease.
    range : (float, float), optional
        Lower end of the first and upper end of the last of equal bins. Default: smallest and largest value inside the
        mask. Ignored where `bins` are edges.
    mask : array_like, optional
        Only voxels where it is not zero are counted.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    counts : ndarray of int64
        Voxels per bin.
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
    outside the range and NaN are not counted. The result does not depend on the number of threads.

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
    if np.ndim(bins) == 0:
        bins = _check.integer(name, "bins", bins, minimum=1)
        if range is not None:
            low, high = _intensity.pair(name, "range", range)
            if low > high:
                raise _check.fail(name, "range", "not decrease", range)
    else:
        bins, range = _edges(name, bins), None
    weights: np.ndarray | None = None
    if array.dtype.kind in "biu" and array.itemsize <= 2:
        sample, weights = _intensity.levels(array, inside, threads)
    else:
        by_image = np.ndim(bins) == 0 and range is None
        sample = np.array(_extremes(name, array, inside, threads) if by_image else [], array.dtype)
    try:
        if weights is None:
            edges = np.histogram_bin_edges(sample, bins, range)
            counts = _intensity.bin_counts(array, inside, edges, threads)
        else:
            counts, edges = np.histogram(sample, bins, range, weights=weights)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return counts.astype(np.int64, copy=False), edges.astype(np.float64)


def equalize_hist(
    image: Any,
    nbins: int = 256,
    mask: Any = None,
    *,
    out_range: Any = "image",
    workers: int | None = None,
) -> Any:
    """Spread intensities so that every range of the result holds equally many voxels.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    nbins : int, default 256
        Number of bins of the histogram of a floating image. In an integer image every value is its own bin.
    mask : array_like, optional
        Only voxels where it is not zero make the histogram; the whole image is mapped.
    out_range : {"image", "dtype"} or (float, float), default "image"
        Range of the result: smallest and largest value of the whole `image`; the limits of an integer type, (0, 1) for
        floating ones; or two numbers.
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
    nbins = _check.integer(name, "nbins", nbins, minimum=1)
    inside = take_mask(name, "mask", mask, array.shape)
    threads = _check.workers(name, workers)
    if isinstance(out_range, str):
        _check.choice(name, "out_range", out_range, ("image", "dtype"))
    else:
        out_range = _intensity.pair(name, "out_range", out_range)
        _intensity.check_fits(name, "out_range", out_range, array.dtype)
    if array.size == 0:
        return taken.give_back(array.copy())
    if inside is not None and not inside.any():
        raise ValueError(f"{name}: `mask` must contain a voxel, got none")
    equalize = _equalize_real if array.dtype.kind == "f" else _equalize_integers
    return taken.give_back(equalize(array, nbins, inside, out_range, threads))


def _equalize_integers(
    array: np.ndarray, nbins: int, inside: np.ndarray | None, out_range: Any, threads: int
) -> np.ndarray:
    kind = array.dtype
    table = _intensity.value_counts(array, inside, threads)
    if table is None or inside is not None:
        low, high, _ = _intensity.minmax(array, None, threads)
    else:
        low, high = float(table[0]), float(table[0] + len(table[1]) - 1)
    if out_range != "image":
        low, high = _intensity.full_range(kind) if out_range == "dtype" else out_range
    if table is None:
        values, counts = _intensity.levels(array, inside, threads)
        entries = _intensity.rounded(_mapped(_cumulative(counts), low, high), kind)
        return entries[np.maximum(np.searchsorted(values, array, side="right") - 1, 0)]
    first, counts = table
    entries = _intensity.rounded(_mapped(_cumulative(counts), low, high), kind)
    result, source, target = _intensity.for_map(array, kind)
    _cormack_cpu.lut_map(source, target, entries, first, threads)
    return result


def _equalize_real(
    array: np.ndarray, nbins: int, inside: np.ndarray | None, out_range: Any, threads: int
) -> np.ndarray:
    name = "equalize_hist"
    whole = _intensity.finite_range(name, array, None, threads, "or NaN")
    if whole is None:
        return array.copy()
    smallest, largest = whole if inside is None else _intensity.minmax(array, inside, threads)[:2]
    if smallest > largest:
        raise ValueError(f"{name}: `mask` must contain a voxel that is not NaN, got none")
    low, high = whole
    if out_range != "image":
        low, high = _intensity.full_range(array.dtype) if out_range == "dtype" else out_range
    edges = _intensity.uniform_edges(name, smallest, largest, array.dtype, nbins)
    centers = (edges[:-1] + edges[1:]) / 2
    if np.any(centers[:-1] >= centers[1:]):
        edges = edges.astype(np.float64)
        centers = (edges[:-1] + edges[1:]) / 2
    counts = _intensity.bin_counts(array, inside, edges, threads)
    cdf = _cumulative(counts).astype(array.dtype).astype(np.float64)
    result, source, target = _intensity.for_map(array, array.dtype)
    _cormack_cpu.interpolation_map(source, target, centers.astype(np.float64), _mapped(cdf, low, high), threads)
    return result


def _cumulative(counts: np.ndarray) -> np.ndarray:
    total = counts.cumsum()
    return total / float(total[-1])


def _mapped(cdf: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return [0, 1] on [low, high], whose ends rounding neither misses nor leaves."""
    values = np.clip(cdf * (high - low) + low, min(low, high), max(low, high))
    values[cdf == 1] = high
    return values


def _linear(
    array: np.ndarray, lower: float, upper: float, low: float, high: float, kind: np.dtype, threads: int
) -> np.ndarray:
    result, source, target = _intensity.for_map(array, kind)
    _cormack_cpu.linear_map(source, target, lower, upper, low, high, threads)
    return result


def _sigmoid(
    array: np.ndarray, center: float, width: float, low: float, high: float, kind: np.dtype, threads: int
) -> np.ndarray:
    result, source, target = _intensity.for_map(array, kind)
    if array.dtype.kind in "iu" and array.itemsize <= 2 and array.size >= _WORTH_A_TABLE:
        limits = np.iinfo(array.dtype)
        values = np.arange(limits.min, limits.max + 1).astype(array.dtype)[np.newaxis]
        entries = np.empty(values.shape, kind)
        _cormack_cpu.sigmoid_map(values, entries, center, width, low, high, threads)
        _cormack_cpu.lut_map(source, target, entries[0], int(limits.min), threads)
    else:
        _cormack_cpu.sigmoid_map(source, target, center, width, low, high, threads)
    return result


def _extremes(function: str, array: np.ndarray, inside: np.ndarray | None, threads: int) -> list[float]:
    """Return the smallest and largest value, which must be finite; nothing where there is no value."""
    low, high, has_nan = _intensity.minmax(array, inside, threads)
    if has_nan or (low <= high and not (np.isfinite(low) and np.isfinite(high))):
        raise ValueError(f"{function}: `image` must be finite where `range` is not given")
    return [low, high] if low <= high else []


def _edges(function: str, bins: Any) -> np.ndarray:
    try:
        edges = np.asarray(bins, dtype=np.float64)
    except (TypeError, ValueError):
        raise _check.fail(function, "bins", "be an int or edges", bins, TypeError) from None
    if edges.ndim != 1 or len(edges) < 2:
        raise _check.fail(function, "bins", "be an int or at least two edges", bins)
    if not np.all(edges[:-1] <= edges[1:]):
        raise _check.fail(function, "bins", "not decrease", bins)
    return edges


def _limits_of_type(dtype: np.dtype) -> tuple[float, float]:
    """Return scikit-image's range of a type."""
    if dtype.kind == "f":
        return -1.0, 1.0
    return _intensity.full_range(dtype)


def _named_range(function: str, argument: str, value: Any) -> tuple[tuple[float, float], np.dtype]:
    """Return the range that a type stands for, and the type of a result that is given by it."""
    bits = {"uint10": 10, "uint12": 12, "uint14": 14}
    if isinstance(value, str) and value in bits:
        return (0.0, float((1 << bits[value]) - 1)), np.dtype(np.uint16)
    try:
        dtype = np.dtype(value)
    except TypeError:
        dtype = np.dtype(object)
    if dtype.kind not in "biuf":
        rule = "be 'image', 'dtype', the name of a dtype or two numbers"
        raise _check.fail(function, argument, rule, value)
    return _limits_of_type(dtype), dtype
