"""What scikit-image does to images before and after its functions, in the words of its conventions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import _check


class _Deprecated:
    """Default of arguments that scikit-image has given up."""

    def __repr__(self) -> str:
        return "<DEPRECATED>"


DEPRECATED: Any = _Deprecated()


def refuse(function: str, argument: str, value: Any, accepted: Any) -> None:
    """Raise unless an argument that Cormack has no choice for has the one value it stands for."""
    if value is not accepted and not (np.isscalar(value) and value == accepted):
        raise _check.fail(function, argument, f"be {accepted!r}: Cormack has nothing else", value)


def float_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the floating type in which scikit-image works on images of a type."""
    return np.dtype(np.float32 if dtype in (np.float16, np.float32) else np.float64)


def floating(image: Any) -> np.ndarray[Any, Any]:
    """Return the image in that type, with its values."""
    array = np.asarray(image)
    return array.astype(float_type(array.dtype), copy=False)


def as_float(image: Any, preserve_range: bool = False) -> np.ndarray[Any, Any]:
    """Return the image in that type; integers divided by the largest value of theirs, as ``img_as_float`` does."""
    array = np.asarray(image)
    if preserve_range or array.dtype.kind not in "iu":
        return floating(array)
    scaled: np.ndarray[Any, Any] = np.asarray(np.multiply(array, 1.0 / np.iinfo(array.dtype).max, dtype=np.float64))
    if array.dtype.kind == "i":
        np.maximum(scaled, -1.0, out=scaled)
    return scaled


def narrow(image: Any) -> np.ndarray[Any, Any]:
    """Return an image of a type that Cormack takes: 64-bit integers in 32 bits where they fit, float16 in float32."""
    array = np.asarray(image)
    if array.dtype == np.float16:
        return array.astype(np.float32)
    if array.dtype.kind in "iu" and array.itemsize == 8:
        low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
        for dtype in (np.int32, np.uint32):
            if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
                return array.astype(dtype)
    return array


def into(out: np.ndarray[Any, Any] | None, result: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return `out`, filled with the result, or the result where there is none."""
    if out is None:
        return result
    out[...] = result
    return out


def each_channel(
    function: Callable[..., np.ndarray[Any, Any]], channel_axis: int | None, *images: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """Return function(*images), of each channel for itself where there is an axis of them."""
    if channel_axis is None:
        return function(*images)
    moved = [np.moveaxis(image, channel_axis, 0) for image in images]
    return np.stack([function(*channel) for channel in zip(*moved, strict=True)], axis=channel_axis)
