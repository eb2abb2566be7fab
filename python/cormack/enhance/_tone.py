"""Tone curves: gamma, logarithm and sigmoid."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _check, _cormack_cpu, _intensity
from .._arrays import take

_POWER, _LOG, _EXP = 0, 1, 2


def adjust_gamma(
    image: Any,
    gamma: float = 1,
    gain: float = 1,
    *,
    in_range: Any = "dtype",
    out: np.ndarray | None = None,
    workers: int | None = None,
) -> Any:
    """Raise intensities, scaled to [0, 1], to a power.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    gamma : float, default 1
        Exponent, not negative: above 1 darkens, below 1 brightens.
    gain : float, default 1
        Factor of the result.
    in_range : {"dtype", "image"} or (float, float), default "dtype"
        The range [a, b] that is scaled to [0, 1] and back. ``"dtype"``, as in scikit-image: from 0 to the largest value
        of an integer type or to 1; the image must not hold negative values, and what is above 1 follows the curve too.
        ``"image"``: from the smallest to the largest value, NaN left out. Two numbers: values outside are clipped. For
        CT in Hounsfield units give two numbers, for instance (-1000, 1000).
    out : ndarray, optional
        Filled and returned instead of a new array; of the shape and dtype of the result, any strides, maybe `image`.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    array
        Shape, dtype and kind of `image`. NaN stays NaN.

    Raises
    ------
    ValueError
        If `gamma` is negative, `gain` times the width of `in_range` is infinite, `in_range` does not increase, or is
        ``"dtype"`` and the image holds negative values, or is ``"image"`` and it holds an infinity.

    See Also
    --------
    adjust_log, adjust_sigmoid, skimage.exposure.adjust_gamma

    Notes
    -----
    A voxel x becomes a + (b - a) * gain * ((x - a) / (b - a)) ** gamma. As `skimage.exposure.adjust_gamma`, but
    integers round half to even and saturate, where scikit-image cuts off and wraps for all types but uint8. Powers are
    within 4 + 2 gamma abs(ln t) ulp of float64, and have the same bits on every processor; what is too large for a
    floating type becomes an infinity. An image of one value stays as it is where `in_range` is ``"image"``. No copy of
    the image is made.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import enhance
    >>> enhance.adjust_gamma(np.array([[0, 64, 128, 255]], np.uint8), 2)
    array([[  0,  16,  64, 255]], dtype=uint8)
    >>> enhance.adjust_gamma(np.array([[-1000, 0, 1000]], np.int16), 2, in_range=(-1000, 1000))
    array([[-1000,  -500,  1000]], dtype=int16)
    """
    name = "adjust_gamma"
    taken = take(name, "image", image, ndim=())
    gamma = _check.real(name, "gamma", gamma, minimum=0.0)
    gain = _check.real(name, "gain", gain)
    threads = _check.workers(name, workers)
    limits = _limits(name, in_range, taken.array, threads)
    return _tone(name, _intensity.Result.of(name, taken, taken.array.dtype, out), limits, gain, _POWER, gamma, threads)


def adjust_log(
    image: Any,
    gain: float = 1,
    inv: bool = False,
    *,
    in_range: Any = "dtype",
    out: np.ndarray | None = None,
    workers: int | None = None,
) -> Any:
    """Map intensities, scaled to [0, 1], by a logarithm or its inverse.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    gain : float, default 1
        Factor of the result.
    inv : bool, default False
        Whether to take 2 ** t - 1 instead of log2(1 + t).
    in_range : {"dtype", "image"} or (float, float), default "dtype"
        The range that is scaled to [0, 1] and back, as for `adjust_gamma`.
    out : ndarray, optional
        Filled and returned instead of a new array; of the shape and dtype of the result, any strides, maybe `image`.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    array
        Shape, dtype and kind of `image`. NaN stays NaN.

    Raises
    ------
    ValueError
        As for `adjust_gamma`.

    See Also
    --------
    adjust_gamma, adjust_sigmoid, skimage.exposure.adjust_log

    Notes
    -----
    As `skimage.exposure.adjust_log`, but integers round half to even and saturate, where scikit-image cuts off and
    wraps. Logarithms and powers are within 4 ulp of float64 of the range, and have the same bits on every processor;
    what is too large for a floating type becomes an infinity. No copy of the image is made.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import enhance
    >>> enhance.adjust_log(np.array([[0, 64, 128, 255]], np.uint8))
    array([[  0,  82, 150, 255]], dtype=uint8)
    """
    name = "adjust_log"
    taken = take(name, "image", image, ndim=())
    gain = _check.real(name, "gain", gain)
    threads = _check.workers(name, workers)
    limits = _limits(name, in_range, taken.array, threads)
    result = _intensity.Result.of(name, taken, taken.array.dtype, out)
    return _tone(name, result, limits, gain, _EXP if inv else _LOG, 1.0, threads)


def adjust_sigmoid(
    image: Any,
    cutoff: float = 0.5,
    gain: float = 10,
    inv: bool = False,
    *,
    in_range: Any = "dtype",
    out: np.ndarray | None = None,
    workers: int | None = None,
) -> Any:
    """Map intensities, scaled to [0, 1], by a sigmoid: more contrast around the cutoff.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    cutoff : float, default 0.5
        Where in [0, 1] the curve passes 1/2.
    gain : float, default 10
        Steepness of the curve; a negative one falls.
    inv : bool, default False
        Whether to take 1 minus the curve.
    in_range : {"dtype", "image"} or (float, float), default "dtype"
        The range that is scaled to [0, 1] and back, as for `adjust_gamma`; but values outside follow the curve.
    out : ndarray, optional
        Filled and returned instead of a new array; of the shape and dtype of the result, any strides, maybe `image`.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    array
        Shape, dtype and kind of `image`. NaN stays NaN.

    Raises
    ------
    ValueError
        If `in_range` does not increase, or is ``"dtype"`` and the image holds negative values, or is ``"image"`` and it
        holds an infinity.

    See Also
    --------
    window, adjust_gamma, skimage.exposure.adjust_sigmoid

    Notes
    -----
    A voxel x becomes a + (b - a) / (1 + exp(gain * (cutoff - (x - a) / (b - a)))). As
    `skimage.exposure.adjust_sigmoid`, but integers round half to even, where scikit-image cuts off. No copy of the
    image is made.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import enhance
    >>> enhance.adjust_sigmoid(np.array([[0, 64, 128, 255]], np.uint8))
    array([[  2,  20, 129, 253]], dtype=uint8)
    """
    name = "adjust_sigmoid"
    taken = take(name, "image", image, ndim=())
    array = taken.array
    cutoff = _check.real(name, "cutoff", cutoff)
    gain = _check.real(name, "gain", gain)
    threads = _check.workers(name, workers)
    _, _, low, span = _limits(name, in_range, array, threads)
    high = low + span
    if inv != (gain < 0):
        low, high = high, low
    # Where there is no width there is one value, and both ends are it.
    width = np.finfo(float).max if gain == 0 else min(4 * (span or 1.0) / abs(gain), np.finfo(float).max)

    def run(source: np.ndarray, target: np.ndarray) -> None:
        center = min(low, high) + cutoff * span
        _cormack_cpu.sigmoid_map(source, target, center, float(width), low, high, threads)

    return _intensity.Result.of(name, taken, array.dtype, out).mapped(run, threads)


def _limits(function: str, in_range: Any, array: np.ndarray, threads: int) -> tuple[float, float, float, float]:
    """Return what values are clipped to, where the range starts, and how wide it is (0 where there is one value)."""
    if isinstance(in_range, str):
        _check.choice(function, "in_range", in_range, ("dtype", "image"))
        if in_range == "image":
            rule = "or NaN where `in_range` is 'image'"
            low, high = _intensity.finite_range(function, array, None, threads, rule) or (0.0, 0.0)
        else:
            smallest = _intensity.minmax(array, None, threads)[0] if array.dtype.kind in "if" else 0.0
            if smallest < 0:
                raise ValueError(
                    f"{function}: `image` must not be negative where `in_range` is 'dtype' "
                    f"(give the range, or 'image'), got {smallest:g}"
                )
            return -np.inf, np.inf, 0.0, _intensity.full_range(array.dtype)[1]
    else:
        low, high = _intensity.pair(function, "in_range", in_range)
        if low >= high:
            raise _check.fail(function, "in_range", "increase", in_range)
    if array.dtype.kind == "f":
        _intensity.check_fits(function, "in_range", (low, high), array.dtype)
    _intensity.check_width(function, "in_range", (low, high))
    return low, high, low, high - low


def _tone(
    function: str,
    result: _intensity.Result,
    limits: tuple[float, float, float, float],
    gain: float,
    curve: int,
    exponent: float,
    threads: int,
) -> Any:
    lower, upper, origin, width = limits
    if gain == 0:
        # Powers may be infinite, and nothing times that is no number.
        curve, exponent = _LOG, 1.0
    if not np.isfinite(width * gain):
        raise _check.fail(function, "gain", f"leave a range of the width {width:g} finite", gain)

    def run(source: np.ndarray, target: np.ndarray) -> None:
        places = (lower, upper, origin, width or 1.0)
        _cormack_cpu.tone_map(source, target, places, origin, width * gain, curve, exponent, threads)

    return result.mapped(run, threads)
