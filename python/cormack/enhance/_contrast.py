"""Maps from one range of intensities to another."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _check, _cormack_cpu, _intensity
from .._arrays import take

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
