"""Thresholds that enhance or suppress."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu, _intensity
from .._arrays import take
from .._backends import is_on_device


def threshold_enhance(
    image: Any,
    lower: float | None = None,
    upper: float | None = None,
    *,
    inside: float | None = None,
    outside: Any = None,
    softness: float = 0,
    out: np.ndarray | None = None,
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Enhance or suppress ranges of intensity: grey-level slicing with or without background, thresholds, soft knees.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    lower, upper : float, optional
        What is not below `lower` and not above `upper` is inside. At least one is needed: `lower` alone separates what
        is below it, `upper` alone what is above.
    inside : float, optional
        What values inside become. Default: they stay as they are.
    outside : float or (float, float), optional
        What values outside become: one number, or one for those below `lower` and one for those above `upper`, each of
        which may be None to keep the values. Default: they stay as they are.
    softness : float, default 0
        Width, in intensity, over which the two sides of a threshold blend into each other, centred on it. At most
        upper - lower.
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
        Shape, dtype and kind of `image`. Integers round half to even and saturate. NaN stays NaN.

    Raises
    ------
    ValueError
        If there is no threshold, `lower` is above `upper`, nothing is to be replaced, or `softness` is negative or
        above upper - lower.

    See Also
    --------
    window

    Notes
    -----
    With a number for `inside` and none for `outside` this is grey-level slicing with background, with both numbers
    slicing without it (a binary image); ``outside=0`` suppresses what is outside, and ``outside=(lower, upper)`` clips.
    ITK's ThresholdImageFilter is ``outside=OutsideValue``.

    With a softness s the result at x near a threshold t is a + (b - a) * w, where a and b are what x becomes below and
    above t, w = 3 u^2 - 2 u^3 and u = (x - t) / s + 1/2 in [0, 1]: smooth, and unchanged beyond t - s/2 and t + s/2.
    Values are those of float64 arithmetic rounded once. No copy of the image is made.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import enhance
    >>> ct = np.array([[-1000, -200, 40, 300, 1500]], np.int16)
    >>> enhance.threshold_enhance(ct, -160, 240, inside=1000)
    array([[-1000,  -200,  1000,   300,  1500]], dtype=int16)
    >>> enhance.threshold_enhance(ct, lower=-160, outside=-1000)
    array([[-1000, -1000,    40,   300,  1500]], dtype=int16)
    >>> enhance.threshold_enhance(ct, lower=-160, outside=-1000, softness=200)
    array([[-1000,  -827,    40,   300,  1500]], dtype=int16)
    """
    name = "threshold_enhance"
    taken = take(name, "image", image, ndim=(), device=device)
    array = taken.array
    if lower is None and upper is None:
        raise _check.fail(name, "lower", "be a number where `upper` is None", lower)
    least = -np.inf if lower is None else _check.real(name, "lower", lower)
    most = np.inf if upper is None else _check.real(name, "upper", upper)
    if least > most:
        raise _check.fail(name, "lower", f"not be above `upper`, {most:g}", lower)
    softness = _check.real(name, "softness", softness, minimum=0.0)
    if softness > most - least:
        raise _check.fail(name, "softness", f"be at most upper - lower, {most - least:g}", softness)
    sides = outside if isinstance(outside, Iterable) and not isinstance(outside, (str, bytes)) else (outside, outside)
    sides = tuple(sides)
    if len(sides) != 2:
        raise _check.fail(name, "outside", "be a number, None, or one for each side", outside)
    if inside is None and all(side is None for side in sides):
        raise _check.fail(name, "inside", "be a number where `outside` is None: nothing would change", inside)
    numbers = []
    for argument, value in (("inside", inside), ("outside", sides[0]), ("outside", sides[1])):
        number = np.nan if value is None else _check.real(name, argument, value)
        if value is not None:
            _intensity.check_fits(name, argument, (number, number), array.dtype)
        numbers.append(number)
    replaced = (numbers[0], numbers[1], numbers[2])
    threads = _check.workers(name, workers)
    result = _intensity.Result.of(name, taken, array.dtype, out)
    if is_on_device(array):
        return result.filled_on_device(
            name, "threshold_map", lower=least, upper=most, values=replaced, softness=softness
        )

    def run(source: np.ndarray, target: np.ndarray) -> None:
        _cormack_cpu.threshold_map(source, target, least, most, *replaced, softness, threads)

    return result.mapped(run, threads)
