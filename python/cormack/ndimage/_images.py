"""SciPy's images and outputs on Cormack's filters: every real dtype in, every dtype out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _check, enhance
from .._arrays import DTYPES, WIDE_INTEGERS, check_output, float_for, output_dtype, take
from .._backends import is_on_gpu
from .._neighbourhood import TooManyAxes
from ._scipy import scipys

_TAKEN = frozenset(DTYPES)
_OUTPUTS = frozenset((*DTYPES, *WIDE_INTEGERS))
_NARROW = frozenset(map(np.dtype, (np.uint8, np.int8, np.uint16, np.int16)))
_FLOATS = frozenset((np.dtype(np.float32), np.dtype(np.float64)))


def image_of(value: Any) -> Any:
    """Return lists and numbers as arrays, those of another order of bytes in the machine's, all others as they are."""
    if not hasattr(value, "shape"):
        value = np.asarray(value)
    return in_native_order(value) if isinstance(value, np.ndarray) else value


def in_native_order(array: np.ndarray) -> np.ndarray:
    """Return an array whose numbers have the machine's order of bytes."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def is_complex(value: Any) -> bool:
    """Return whether an array, a sequence or a number is complex."""
    if isinstance(value, np.ndarray):
        return bool(value.dtype.kind == "c")
    return isinstance(value, complex) or (isinstance(value, list | tuple) and np.iscomplexobj(value))


def filtered(
    run: Callable[..., Any],
    input: Any,
    output: Any,
    *args: Any,
    wide: bool = True,
    natural: bool = True,
    **keywords: Any,
) -> Any:
    """Return what a filter of `cormack.filters` gives, in SciPy's dtype: the input's, or that of `output`.

    Parameters
    ----------
    run : callable
        The filter; takes an image, the other arguments, and `output`.
    input, output : object
        The caller's.
    *args, **keywords
        The filter's other arguments.
    wide : bool
        Whether results for another dtype are computed in float64, since they may not fit into the input's.
    natural : bool
        Whether the filter's result has the input's dtype; otherwise it is float32 or float64.
    """
    input = image_of(input)
    if not isinstance(input, np.ndarray):
        if is_on_gpu(input):
            return run(input, *args, output=output, **keywords)
        if not isinstance(input, np.ndarray):
            taken = take(run.__name__, "input", input, ndim=(), dtypes=(*DTYPES, *WIDE_INTEGERS))
            result = filtered(run, taken.array, output, *args, wide=wide, natural=natural, **keywords)
            return result if result is output else taken.give_back(result)
    try:
        if output is None and natural and input.dtype in _TAKEN:
            return run(input, *args, **keywords)
        return _in_dtype(run, input, output, args, keywords, wide, natural)
    except TooManyAxes:
        del keywords["workers"]
        axes = keywords.get("axes")
        args = tuple(_in_order_of_image(one, axes, input.ndim) for one in args)
        for key in ("footprint", "structure"):
            if key in keywords:
                keywords[key] = _in_order_of_image(keywords[key], axes, input.ndim)
        theirs = scipys(run.__name__, "a filter along more than 3 axes")
        wanted = input.dtype.newbyteorder("=") if output is None else output
        # So that it is ours to round.
        values = input.astype(np.float64) if input.dtype.kind in "iu" else input
        return _in_dtype(theirs, values, wanted, args, keywords, wide=True, natural=True)


def _in_dtype(
    run: Callable[..., Any],
    input: np.ndarray,
    output: Any,
    args: tuple[Any, ...],
    keywords: dict[str, Any],
    wide: bool,
    natural: bool,
) -> Any:
    given, wanted = output_of(run.__name__, output, input.dtype)
    if input.dtype in WIDE_INTEGERS:
        # As SciPy, which computes everything in it.
        input = input.astype(np.float64)
    direct = (input.dtype, *_FLOATS) if natural else (float_for(input.dtype), np.dtype(np.float64))
    if wanted in direct:
        return run(input, *args, output=wanted if given is None else given, **keywords)
    result = run(input, *args, output=np.float64 if wide and natural else None, **keywords)
    result = converted(result, wanted, keywords.get("workers"))
    if given is None:
        return result
    check_output(run.__name__, "output", given, result.shape)
    given[...] = result
    return given


def linear(
    run: Callable[..., Any],
    input: Any,
    output: Any,
    *args: Any,
    workers: int | None,
    natural: bool = True,
    **keywords: Any,
) -> Any:
    """Return what a linear filter gives; complex images and weights are SciPy's."""
    if is_complex(input) or is_complex(keywords.get("cval")) or any(map(is_complex, args)):
        return scipys(run.__name__, "a complex image")(input, *args, output=output, **keywords)
    return filtered(run, input, output, *args, workers=workers, natural=natural, **keywords)


def output_of(name: str, output: Any, dtype: np.dtype[Any]) -> tuple[np.ndarray | None, np.dtype[Any]]:
    """Return the caller's array, if there is one, and the dtype of the result."""
    if isinstance(output, np.ndarray):
        wanted = output.dtype
    else:
        wanted = dtype.newbyteorder("=") if output is None else output_dtype(name, output)
    if wanted.newbyteorder("=") not in _OUTPUTS and output is not None:
        accepted = ", ".join(map(str, (*DTYPES, *WIDE_INTEGERS)))
        raise TypeError(f"{name}: `output` must have one of the dtypes {accepted}, got {wanted}")
    return (output if isinstance(output, np.ndarray) else None), wanted


def converted(values: np.ndarray, dtype: np.dtype[Any], workers: int | None = None) -> np.ndarray:
    """Return values in another dtype: integers are rounded, half to even, and saturate; NaN becomes the least."""
    if values.dtype == dtype:
        return values
    if dtype.kind == "f":
        return values.astype(dtype)
    if values.dtype == np.float32 and dtype in _NARROW:
        ends = (np.iinfo(dtype).min, np.iinfo(dtype).max)
        mapped: np.ndarray = enhance.rescale_intensity(values, ends, ends, dtype=dtype, workers=workers)
        return mapped
    if values.dtype.kind == "f":
        values = np.rint(values, out=np.empty(values.shape, values.dtype))
    if dtype.kind == "b":
        return values > 0
    limits = np.iinfo(dtype)
    if values.dtype.kind == "f" and float(values.dtype.type(limits.max)) == limits.max:
        # fmax passes over NaN.
        np.fmin(np.fmax(values, limits.min, out=values), limits.max, out=values)
        return values.astype(dtype)
    if values.dtype.kind != "f":
        clipped: np.ndarray = np.clip(values, limits.min, limits.max).astype(dtype)
        return clipped
    # The largest integer of 64 bits is no float64.
    inside = (values >= limits.min) & (values < float(limits.max + 1))
    result = np.where(inside, values, 0).astype(dtype)
    result[~inside] = np.where(values[~inside] > 0, dtype.type(limits.max), dtype.type(limits.min))
    return result


def constant_of(cval: Any, input: Any) -> Any:
    """Return what stands outside as a value of the image's dtype: for ranks, the same as to round the result."""
    dtype = getattr(input, "dtype", None)
    if not cval or cval != cval or not isinstance(dtype, np.dtype) or dtype.kind not in "biu" or dtype in WIDE_INTEGERS:
        return cval
    return converted(np.asarray(cval, np.float64), dtype)[()] if np.isreal(cval) and np.ndim(cval) == 0 else cval


def in_order_of_axes(name: str, window: Any, axes: Any, ndim: int) -> Any:
    """Return a window, whose axes SciPy takes in the image's order, in the order of `axes`."""
    if _is_in_any_order(window, axes):
        return window
    places = [_check.integer(name, "axes", axis) % ndim for axis in axes]
    return np.asarray(window).transpose(np.argsort(np.argsort(places)))


def _in_order_of_image(window: Any, axes: Any, ndim: int) -> Any:
    """Undo `in_order_of_axes`."""
    if _is_in_any_order(window, axes):
        return window
    return window.transpose(np.argsort([axis % ndim for axis in axes]))


def _is_in_any_order(window: Any, axes: Any) -> bool:
    return window is None or axes is None or np.ndim(axes) == 0 or np.ndim(window) != len(axes) or len(axes) < 2


def one_window(size: Any, footprint: Any) -> Any:
    """Return `size`, or None with SciPy's warning where a footprint is given too."""
    if size is None or footprint is None:
        return size
    warnings.warn("ignoring size because footprint is set", UserWarning, stacklevel=3)
    return None
