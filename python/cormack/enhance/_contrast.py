"""Maps from one range of intensities to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu, _intensity
from .._arrays import take, take_mask
from .._backends import cannot, is_on_device


def window(
    image: Any,
    center: float,
    width: float,
    *,
    function: str = "linear",
    out_range: tuple[float, float] | None = None,
    dtype: Any = None,
    out: np.ndarray | None = None,
    workers: int | None = None,
    device: str | None = None,
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
    Values are those of float64 arithmetic rounded once to `dtype`, whatever the processor and number of threads. Beside
    the result no memory in proportion to the image is used.

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
    taken = take("window", "image", image, ndim=(), device=device)
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
    result = _intensity.Result.of("window", taken, kind, out)
    on_device = is_on_device(taken.array)
    if function == "sigmoid":
        if on_device:
            raise cannot("window", "`function` is 'linear' or 'linear_exact'")
        return result.mapped(_sigmoid(center, width, low, high, threads), threads)
    middle, half = (center - 0.5, (width - 1) / 2) if function == "linear" else (center, width / 2)
    if on_device:
        lower, upper = middle - half, middle + half
        return result.filled_on_device("window", "linear_map", lower=lower, upper=upper, low=low, high=high)
    return result.filled(_linear(middle - half, middle + half, low, high, threads))


def rescale_intensity(
    image: Any,
    in_range: Any = "image",
    out_range: Any = "dtype",
    *,
    dtype: Any = None,
    out: np.ndarray | None = None,
    workers: int | None = None,
    device: str | None = None,
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
    where it wraps; and NaN does not spread. A range of one value turns all into this value, clipped to `out_range`.
    Values are those of float64 arithmetic rounded once. Beside the result no memory in proportion to the image is used.

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
    taken = take(name, "image", image, ndim=(), device=device)
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
    _intensity.check_width(name, "in_range", (lower, upper))
    low, high = limits("out_range", out_range)
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
    result = _intensity.Result.of(name, taken, kind, out)
    if is_on_device(array):
        return result.filled_on_device(name, "linear_map", lower=lower, upper=upper, low=low, high=high)
    return result.filled(_linear(lower, upper, low, high, threads))


def stretch_contrast(
    image: Any,
    low: float = 1.0,
    high: float = 99.0,
    *,
    out_range: Any = "dtype",
    dtype: Any = None,
    out: np.ndarray | None = None,
    mask: Any = None,
    workers: int | None = None,
) -> Any:
    """Map the intensities between two percentiles linearly to a range; what lies outside is clipped.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    low, high : float, default 1 and 99
        Percentiles of the intensities that become the ends of `out_range`, 0 <= low < high <= 100.
    out_range : {"dtype", "image"} or (float, float), default "dtype"
        Range of the result: the limits of its type if that is an integer one, else (0, 1); the smallest and largest
        value of the whole `image`; or two numbers, of which (255, 0) inverts.
    dtype : dtype, optional
        Type of the result, for instance ``numpy.uint8`` for display. Default: that of `image`.
    out : ndarray, optional
        Filled and returned instead of a new array; of the shape and dtype of the result, any strides, maybe `image`.
    mask : array_like, optional
        Only voxels where it is not zero make the percentiles; the whole image is mapped.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    array
        Shape and kind of `image`, `dtype`. NaN is left out of the percentiles, stays NaN in a floating result and
        becomes the lower end in an integer one.

    Raises
    ------
    ValueError
        If the percentiles do not increase or leave [0, 100], one of them is infinite, or there is no number inside the
        mask.
    TypeError
        If a dtype is not supported.

    See Also
    --------
    window, rescale_intensity

    Notes
    -----
    Percentiles are exact, those of `numpy.percentile` in float64: from the counts of every value for 8 and 16 bit
    integers, by radix selection otherwise, which reads a 32-bit image twice and sorts nothing. Then the image is mapped
    in one pass; values are those of float64 arithmetic rounded once. Where both percentiles are the same value, as in a
    constant image, values up to it become the lower end and others the upper one. Beside the result no memory in
    proportion to the image is used.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import enhance
    >>> enhance.stretch_contrast(np.array([[0, 100, 101, 102, 9000]], np.uint16), 25, 75, dtype=np.uint8)
    array([[  0,   0, 128, 255, 255]], dtype=uint8)
    """
    name = "stretch_contrast"
    taken = take(name, "image", image, ndim=())
    array = taken.array
    low, high = _check.real(name, "low", low, minimum=0.0), _check.real(name, "high", high, minimum=0.0)
    if high > 100:
        raise _check.fail(name, "high", "be at most 100", high)
    if low >= high:
        raise _check.fail(name, "low", f"be below `high`, {high:g}", low)
    inside = take_mask(name, "mask", mask, array.shape, image)
    kind = _intensity.output_dtype(name, dtype, array.dtype)
    threads = _check.workers(name, workers)
    if isinstance(out_range, str):
        _check.choice(name, "out_range", out_range, ("dtype", "image"))
        ends = _intensity.full_range(kind)
    else:
        ends = _intensity.pair(name, "out_range", out_range)
    result = _intensity.Result.of(name, taken, kind, out)
    if array.size == 0:
        return result.unchanged()
    if isinstance(out_range, str) and out_range == "image":
        ends = _intensity.finite_range(name, array, None, threads, "or NaN where `out_range` is 'image'") or (0.0, 0.0)
    _intensity.check_fits(name, "out_range", ends, kind)
    percentiles = _intensity.quantiles(array, inside, (low / 100, high / 100), threads)
    if not percentiles.size:
        raise ValueError(
            f"{name}: `image` must hold a number{' inside the mask' if inside is not None else ''}, got none"
        )
    lower, upper = (float(percentile) for percentile in percentiles)
    if not np.isfinite(upper - lower):
        raise ValueError(f"{name}: percentiles of `image` must be finite, got {lower:g} and {upper:g}")
    return result.filled(_linear(lower, upper, *ends, threads))


def _linear(
    lower: float, upper: float, low: float, high: float, threads: int
) -> Callable[[np.ndarray, np.ndarray], None]:
    return lambda source, target: _cormack_cpu.linear_map(source, target, lower, upper, low, high, threads)


def _sigmoid(
    center: float, width: float, low: float, high: float, threads: int
) -> Callable[[np.ndarray, np.ndarray], None]:
    return lambda source, target: _cormack_cpu.sigmoid_map(source, target, center, width, low, high, threads)


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
