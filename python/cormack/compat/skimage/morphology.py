"""`skimage.morphology` by Cormack: see `cormack.compat.skimage` for the rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import _check, filters, segment
from ..._docs import named_after
from ._common import DEPRECATED, into, refuse
from .measure import label
from .segmentation import flood, flood_fill

__all__ = [
    "ball",
    "binary_closing",
    "binary_dilation",
    "binary_erosion",
    "binary_opening",
    "black_tophat",
    "closing",
    "dilation",
    "disk",
    "erosion",
    "flood",
    "flood_fill",
    "label",
    "opening",
    "remove_small_holes",
    "remove_small_objects",
    "white_tophat",
]

_MODES = ("reflect", "constant", "nearest", "mirror", "wrap", "max", "min", "ignore")
_Footprints = list[tuple[np.ndarray[Any, Any], int]]


def ball(radius: float, dtype: Any = np.uint8, *, strict_radius: bool = True, decomposition: str | None = None) -> Any:
    """`cormack.segment.ball` of a radius in voxels; `decomposition` is None."""
    refuse("ball", "decomposition", decomposition, None)
    return _ball("ball", radius, 3, strict_radius).astype(dtype)


def disk(radius: float, dtype: Any = np.uint8, *, strict_radius: bool = True, decomposition: str | None = None) -> Any:
    """`cormack.segment.ball` of two dimensions and a radius in pixels; `decomposition` is None."""
    refuse("disk", "decomposition", decomposition, None)
    return _ball("disk", radius, 2, strict_radius).astype(dtype)


def _ball(function: str, radius: float, ndim: int, strict_radius: bool) -> np.ndarray[Any, Any]:
    size = _check.real(function, "radius", radius, minimum=0)
    if size != int(size):
        raise _check.fail(function, "radius", "be a whole number of voxels", radius)
    return segment.ball(size if strict_radius else size + 0.5, ndim=ndim)


def _footprints(footprint: Any, ndim: int, *, at_end: bool) -> _Footprints:
    """Return odd footprints and how often each comes, padded with background on one side where they are even."""
    if footprint is None:
        footprint = segment.ball(1, ndim=ndim)
    sequence = footprint if isinstance(footprint, (list, tuple)) and _is_sequence(footprint) else [(footprint, 1)]
    result = []
    for one, times in sequence:
        array = np.asarray(one) != 0
        more = [((0, 1) if at_end else (1, 0)) if length % 2 == 0 else (0, 0) for length in array.shape]
        result.append((np.pad(array, more), int(times)))
    return result


def _is_sequence(footprint: Any) -> bool:
    return bool(footprint) and all(
        isinstance(one, tuple) and len(one) == 2 and np.ndim(one[0]) > 0 for one in footprint
    )


def _mirrored(footprints: _Footprints) -> _Footprints:
    return [(np.flip(one), times) for one, times in footprints]


def _border(function: str, dtype: np.dtype[Any], mode: str, cval: float, ignored: str) -> tuple[str, Any]:
    """Return mode and cval of `cormack.filters`; beyond the border ``"max"`` is the largest value of the type."""
    _check.choice(function, "mode", mode, _MODES)
    mode = ignored if mode == "ignore" else mode
    if mode not in ("max", "min"):
        return mode, cval
    if dtype.kind == "b":
        return "constant", mode == "max"
    if dtype.kind == "f":
        return "constant", np.inf if mode == "max" else -np.inf
    limits = np.iinfo(dtype)
    return "constant", limits.max if mode == "max" else limits.min


def _repeated(function: Callable[..., Any], image: Any, footprints: _Footprints, **arguments: Any) -> Any:
    for footprint, times in footprints:
        for _ in range(times):
            image = function(image, footprint=footprint, **arguments)
    return image


def erosion(image: Any, footprint: Any = None, out: Any = None, *, mode: str = "reflect", cval: float = 0.0) -> Any:
    """`cormack.filters.grey_erosion` with flat footprints, by default neighbours over faces."""
    array = np.asarray(image)
    mode, cval = _border("erosion", array.dtype, mode, cval, "max")
    footprints = _footprints(footprint, array.ndim, at_end=False)
    return into(out, _repeated(filters.grey_erosion, array, footprints, mode=mode, cval=cval))


def dilation(image: Any, footprint: Any = None, out: Any = None, *, mode: str = "reflect", cval: float = 0.0) -> Any:
    """`cormack.filters.grey_dilation` with flat footprints, by default neighbours over faces."""
    array = np.asarray(image)
    mode, cval = _border("dilation", array.dtype, mode, cval, "min")
    footprints = _mirrored(_footprints(footprint, array.ndim, at_end=False))
    return into(out, _repeated(filters.grey_dilation, array, footprints, mode=mode, cval=cval))


def opening(image: Any, footprint: Any = None, out: Any = None, *, mode: str = "reflect", cval: float = 0.0) -> Any:
    """`erosion`, then `dilation`."""
    footprints = _footprints(footprint, np.ndim(image), at_end=False)
    eroded = erosion(image, footprints, mode=mode, cval=cval)
    return dilation(eroded, _mirrored(footprints), out, mode=mode, cval=cval)


def closing(image: Any, footprint: Any = None, out: Any = None, *, mode: str = "reflect", cval: float = 0.0) -> Any:
    """`dilation`, then `erosion`."""
    footprints = _footprints(footprint, np.ndim(image), at_end=False)
    dilated = dilation(image, footprints, mode=mode, cval=cval)
    return erosion(dilated, _mirrored(footprints), out, mode=mode, cval=cval)


def _difference(larger: Any, smaller: Any) -> Any:
    return larger ^ smaller if larger.dtype == bool else larger - smaller


def white_tophat(
    image: Any, footprint: Any = None, out: Any = None, *, mode: str = "reflect", cval: float = 0.0
) -> Any:
    """Return the image less its `opening`."""
    array = np.asarray(image)
    return into(out, _difference(array, opening(array, footprint, mode=mode, cval=cval)))


def black_tophat(
    image: Any, footprint: Any = None, out: Any = None, *, mode: str = "reflect", cval: float = 0.0
) -> Any:
    """Return the `closing` of the image less the image."""
    array = np.asarray(image)
    return into(out, _difference(closing(array, footprint, mode=mode, cval=cval), array))


def binary_erosion(image: Any, footprint: Any = None, out: Any = None, *, mode: str = "ignore") -> Any:
    """`cormack.segment.binary_erosion`; beyond the border is foreground, but for ``mode="min"``."""
    _check.choice("binary_erosion", "mode", mode, ("max", "min", "ignore"))
    footprints = _footprints(footprint, np.ndim(image), at_end=True)
    return into(out, _repeated(segment.binary_erosion, np.asarray(image), footprints, border_value=mode != "min"))


def binary_dilation(image: Any, footprint: Any = None, out: Any = None, *, mode: str = "ignore") -> Any:
    """`cormack.segment.binary_dilation`; beyond the border is background, but for ``mode="max"``."""
    _check.choice("binary_dilation", "mode", mode, ("max", "min", "ignore"))
    footprints = _footprints(footprint, np.ndim(image), at_end=True)
    return into(out, _repeated(segment.binary_dilation, np.asarray(image), footprints, border_value=mode == "max"))


def binary_opening(image: Any, footprint: Any = None, out: Any = None, *, mode: str = "ignore") -> Any:
    """`binary_erosion`, then `binary_dilation`."""
    return binary_dilation(binary_erosion(image, footprint, mode=mode), footprint, out, mode=mode)


def binary_closing(image: Any, footprint: Any = None, out: Any = None, *, mode: str = "ignore") -> Any:
    """`binary_dilation`, then `binary_erosion`."""
    return binary_erosion(binary_dilation(image, footprint, mode=mode), footprint, out, mode=mode)


def remove_small_objects(
    ar: Any, min_size: Any = DEPRECATED, connectivity: int = 1, *, max_size: int = 64, out: Any = None
) -> Any:
    """`cormack.segment.remove_small_objects` of a bool image; objects of a label image by `label_statistics`.

    `min_size` is another name of `max_size`, as in scikit-image 0.26: objects of that size go too.
    """
    array = np.asarray(ar)
    max_size = max_size if min_size is DEPRECATED else min_size
    if array.dtype == bool:
        return into(out, segment.remove_small_objects(array, connectivity=connectivity, max_size=max_size))
    if array.dtype.kind not in "iu":
        raise _check.fail("remove_small_objects", "ar", "be of bool or integers", array.dtype, TypeError)
    table = segment.label_statistics(array, properties=["voxel_count"])
    small = np.asarray(table["label"])[np.asarray(table["voxel_count"]) <= max_size]
    return into(out, np.where(np.isin(array, small), array.dtype.type(0), array))


def remove_small_holes(
    ar: Any, area_threshold: Any = DEPRECATED, connectivity: int = 1, *, max_size: int = 64, out: Any = None
) -> Any:
    """`cormack.segment.remove_small_holes`; a label image counts as its mask.

    `area_threshold` is another name of `max_size`, as in scikit-image 0.26: holes of that size are filled too.
    """
    max_size = max_size if area_threshold is DEPRECATED else area_threshold
    return into(out, segment.remove_small_holes(np.asarray(ar), max_size=max_size, connectivity=connectivity))


named_after("skimage.morphology", globals(), "Parameters and results; what differs is in `cormack.compat.skimage`.")
