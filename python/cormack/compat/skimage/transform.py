"""`skimage.transform` by Cormack: see `cormack.compat.skimage` for the rules."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import _check, filters
from ..._docs import named_after
from ._common import as_float

__all__ = ["rescale", "resize"]

# numpy.pad's names, as scikit-image has them, and those of the filters.
_MODES = {"constant": "constant", "edge": "nearest", "symmetric": "reflect", "reflect": "mirror"}


def resize(
    image: Any,
    output_shape: Any,
    order: int | None = None,
    mode: str = "reflect",
    cval: float = 0,
    clip: bool = True,
    preserve_range: bool = False,
    anti_aliasing: bool | None = None,
    anti_aliasing_sigma: Any = None,
) -> Any:
    """`cormack.filters.affine_transform` to a shape, smoothed before where the image becomes smaller.

    `order` is 0 or 1 (None: 1, for bool images 0) and `mode` not ``"wrap"``; images have 2 or 3 axes.
    """
    name = "resize"
    array = np.asarray(image)
    lengths = tuple(int(length) for length in output_shape)
    if len(lengths) == array.ndim - 1:
        lengths += array.shape[-1:]
    if len(lengths) != array.ndim or array.ndim not in (2, 3):
        raise _check.fail(name, "output_shape", f"suit an image of 2 or 3 axes, here {array.shape}", output_shape)
    if order not in (None, 0, 1):
        raise _check.fail(name, "order", "be 0, 1 or None", order)
    _check.choice(name, "mode", mode, _MODES)
    factors = np.divide(array.shape, lengths)
    if anti_aliasing is None:
        nearest = array.dtype == bool or (array.dtype.kind in "iu" and order == 0)
        anti_aliasing = not nearest and bool((factors > 1).any())
    if order is None:
        order = 0 if array.dtype == bool else 1
    if array.dtype == bool and (anti_aliasing or order):
        raise _check.fail(name, "image", "not be bool for `anti_aliasing` or order 1", array.dtype)
    array = as_float(array, preserve_range) if order or array.dtype == np.float16 else array
    low, high = np.fmin.reduce(array, axis=None), np.fmax.reduce(array, axis=None)
    if anti_aliasing:
        sigma = np.maximum(0, (factors - 1) / 2) if anti_aliasing_sigma is None else anti_aliasing_sigma
        array = filters.gaussian_filter(array, np.broadcast_to(sigma, array.ndim).tolist(), 0, None, _MODES[mode], cval)
    # One voxel beyond the border, for places up to half a voxel outside.
    beyond: dict[str, Any] = {"constant_values": cval} if mode == "constant" else {}
    array = np.pad(array, 1, mode=mode, **beyond)  # type: ignore[call-overload]
    offset = 0.5 * factors + 0.5
    result = filters.affine_transform(array, np.diag(factors), offset, lengths, None, order, "nearest")
    if clip:
        ends = np.fmin.reduce(result, axis=None), np.fmax.reduce(result, axis=None)
        if mode == "constant" and not low <= cval <= high and ends[0] <= cval <= ends[1]:
            low, high = min(low, cval), max(high, cval)
        np.clip(result, low, high, out=result)
    return result


def rescale(
    image: Any,
    scale: Any,
    order: int | None = None,
    mode: str = "reflect",
    cval: float = 0,
    clip: bool = True,
    preserve_range: bool = False,
    anti_aliasing: bool | None = None,
    anti_aliasing_sigma: Any = None,
    *,
    channel_axis: int | None = None,
) -> Any:
    """`resize` by a factor, one or one per axis that is not `channel_axis`."""
    shape = np.array(np.shape(image))
    axes = [axis for axis in range(len(shape)) if channel_axis is None or axis != channel_axis % len(shape)]
    lengths = shape.copy()
    factors = np.asarray(_check.per_axis("rescale", "scale", scale, len(axes)), float)
    lengths[axes] = np.maximum(np.round(factors * shape[axes]), 1)
    return resize(image, lengths.tolist(), order, mode, cval, clip, preserve_range, anti_aliasing, anti_aliasing_sigma)


named_after("skimage.transform", globals(), "Parameters and results; what differs is in `cormack.compat.skimage`.")
