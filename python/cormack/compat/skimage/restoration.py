"""`skimage.restoration` by Cormack: see `cormack.compat.skimage` for the rules."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import _check, filters
from ..._docs import named_after
from ._common import as_float, refuse

__all__ = ["denoise_bilateral", "denoise_nl_means", "denoise_tv_chambolle"]

_MODES = {"constant": "constant", "edge": "nearest", "symmetric": "reflect", "reflect": "mirror", "wrap": "wrap"}


def denoise_bilateral(
    image: Any,
    win_size: int | None = None,
    sigma_color: float | None = None,
    sigma_spatial: float = 1,
    bins: int = 10000,
    mode: str = "constant",
    cval: float = 0,
    *,
    channel_axis: int | None = None,
) -> Any:
    """`cormack.filters.bilateral_filter` of a 2-D image, with exact weights: `bins` changes nothing.

    scikit-image 0.26 takes its weights in space from a table of one row and column too many, so that they belong to
    other places of the window; the two differ by as much as the filter does. `channel_axis` is None: distances between
    colours are nothing that Cormack has.
    """
    name = "denoise_bilateral"
    refuse(name, "channel_axis", channel_axis, None)
    _check.choice(name, "mode", mode, _MODES)
    array = as_float(image)
    if array.ndim != 2:
        raise _check.fail(name, "image", "have 2 axes", array.shape)
    if array.size == 0 or array.min() == array.max():
        return image
    size = max(5, 2 * math.ceil(3 * sigma_spatial) + 1) if win_size is None else win_size
    if size % 2 == 0:
        raise _check.fail(name, "win_size", "be odd: windows have a centre", size)
    return filters.bilateral_filter(
        array,
        sigma_spatial,
        sigma_color or float(array.std()),
        None,
        _MODES[mode],
        cval,
        window="box",
        radius=size // 2,
    )


def denoise_nl_means(
    image: Any,
    patch_size: int = 7,
    patch_distance: int = 11,
    h: float = 0.1,
    fast_mode: bool = True,
    sigma: float = 0.0,
    *,
    preserve_range: bool = False,
    channel_axis: int | None = None,
) -> Any:
    """`cormack.filters.non_local_means` of the image in floating point; `fast_mode` True, `channel_axis` None."""
    refuse("denoise_nl_means", "fast_mode", fast_mode, True)
    refuse("denoise_nl_means", "channel_axis", channel_axis, None)
    array = as_float(image, preserve_range)
    return filters.non_local_means(array, patch_size, patch_distance, h, sigma, mode="mirror")


def denoise_tv_chambolle(
    image: Any, weight: float = 0.1, eps: float = 0.0002, max_num_iter: int = 200, *, channel_axis: int | None = None
) -> Any:
    """`cormack.filters.total_variation` of the image in floating point, of each channel for itself."""
    array = as_float(image)
    if channel_axis is None:
        return filters.total_variation(array, weight, eps, max_num_iter)
    channels = [filters.total_variation(one, weight, eps, max_num_iter) for one in np.moveaxis(array, channel_axis, 0)]
    return np.stack(channels, axis=channel_axis)


named_after("skimage.restoration", globals(), "Parameters and results; what differs is in `cormack.compat.skimage`.")
