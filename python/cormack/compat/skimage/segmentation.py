"""`skimage.segmentation` by Cormack: see `cormack.compat.skimage` for the rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import _check, detect, segment
from ..._docs import named_after
from ._common import floating, into, narrow, refuse
from .measure import label

__all__ = [
    "chan_vese",
    "checkerboard_level_set",
    "clear_border",
    "disk_level_set",
    "find_boundaries",
    "flood",
    "flood_fill",
    "inverse_gaussian_gradient",
    "morphological_chan_vese",
    "morphological_geodesic_active_contour",
    "relabel_sequential",
    "watershed",
]


def _nothing(level_set: Any) -> None:
    return None


def flood(
    image: Any,
    seed_point: Any,
    *,
    footprint: Any = None,
    connectivity: int | None = None,
    tolerance: float | None = None,
) -> Any:
    """`cormack.segment.flood`; neighbours are said by `connectivity`, not `footprint`."""
    refuse("flood", "footprint", footprint, None)
    return segment.flood(narrow(image), _point(seed_point), connectivity=connectivity, tolerance=tolerance)


def flood_fill(
    image: Any,
    seed_point: Any,
    new_value: Any,
    *,
    footprint: Any = None,
    connectivity: int | None = None,
    tolerance: float | None = None,
    in_place: bool = False,
) -> Any:
    """`cormack.segment.flood` and the new value there; neighbours are said by `connectivity`, not `footprint`."""
    refuse("flood_fill", "footprint", footprint, None)
    region = segment.flood(narrow(image), _point(seed_point), connectivity=connectivity, tolerance=tolerance)
    filled = image if in_place else np.array(image)
    filled[region] = new_value
    return filled


def _point(seed_point: Any) -> tuple[int, ...]:
    return (seed_point,) if np.ndim(seed_point) == 0 else tuple(seed_point)


def watershed(
    image: Any,
    markers: Any = None,
    connectivity: Any = 1,
    offset: Any = None,
    mask: Any = None,
    compactness: float = 0,
    watershed_line: bool = False,
) -> Any:
    """`cormack.segment.watershed`; `connectivity` is a number or what it stands for, and `offset` is None.

    Voxels equally near to two markers of equal value may go to the other one.
    """
    refuse("watershed", "offset", offset, None)
    array = narrow(image)
    seeds = markers if markers is None or np.isscalar(markers) else narrow(markers)
    basins = segment.watershed(
        array,
        seeds,
        _steps(connectivity, array.ndim),
        mask=mask,
        compactness=compactness,
        watershed_line=watershed_line,
    )
    return basins if seeds is None or np.isscalar(seeds) else basins.astype(np.asarray(markers).dtype, copy=False)


def _steps(connectivity: Any, ndim: int) -> int:
    """Return the number that a neighbourhood, as scikit-image takes it, stands for."""
    if np.ndim(connectivity) == 0:
        return int(connectivity)
    given = np.asarray(connectivity) != 0
    if given.shape == (3,) * ndim:
        axes = np.abs(np.indices(given.shape) - 1).sum(axis=0)
        for number in range(1, ndim + 1):
            if np.array_equal(given, axes <= number):
                return number
    raise _check.fail("watershed", "connectivity", "be a number, or the neighbourhood of one", connectivity)


def chan_vese(
    image: Any,
    mu: float = 0.25,
    lambda1: float = 1.0,
    lambda2: float = 1.0,
    tol: float = 0.001,
    max_num_iter: int = 500,
    dt: float = 0.5,
    init_level_set: Any = "checkerboard",
    extended_output: bool = False,
) -> Any:
    """`cormack.segment.chan_vese`."""
    array = narrow(image)
    result = segment.chan_vese(array, mu, lambda1, lambda2, tol, max_num_iter, dt, init_level_set, extended_output)
    if not extended_output:
        return result
    inside, phi, energies = result
    return inside, phi, [phi.dtype.type(energy) for energy in energies]


def checkerboard_level_set(image_shape: Sequence[int], square_size: int = 5) -> Any:
    """`cormack.segment.checkerboard_level_set`, as int8."""
    return segment.checkerboard_level_set(image_shape, square_size).astype(np.int8)


def disk_level_set(image_shape: Sequence[int], *, center: Any = None, radius: float | None = None) -> Any:
    """`cormack.segment.disk_level_set`, as int8."""
    return segment.disk_level_set(image_shape, center=center, radius=radius).astype(np.int8)


def inverse_gaussian_gradient(image: Any, alpha: float = 100.0, sigma: float = 5.0) -> Any:
    """`cormack.segment.inverse_gaussian_gradient` of the image in floating point.

    scikit-image rounds the gradient of an image of integers to integers.
    """
    return segment.inverse_gaussian_gradient(floating(image), alpha, sigma)


def morphological_chan_vese(
    image: Any,
    num_iter: int,
    init_level_set: Any = "checkerboard",
    smoothing: int = 1,
    lambda1: float = 1,
    lambda2: float = 1,
    iter_callback: Callable[[Any], None] = _nothing,
) -> Any:
    """`cormack.segment.morphological_chan_vese`, as int8; smoothing begins with the same operator in every call."""
    follow = None if iter_callback is _nothing else iter_callback
    inside = segment.morphological_chan_vese(
        narrow(image), num_iter, init_level_set, smoothing, lambda1, lambda2, follow
    )
    return inside.astype(np.int8)


def morphological_geodesic_active_contour(
    gimage: Any,
    num_iter: int,
    init_level_set: Any = "disk",
    smoothing: int = 1,
    threshold: Any = "auto",
    balloon: float = 0,
    iter_callback: Callable[[Any], None] = _nothing,
) -> Any:
    """`cormack.segment.morphological_geodesic_active_contour`, as int8, with the same first operator in every call."""
    follow = None if iter_callback is _nothing else iter_callback
    inside = segment.morphological_geodesic_active_contour(
        narrow(gimage), num_iter, init_level_set, smoothing, threshold, balloon, follow
    )
    return inside.astype(np.int8)


def find_boundaries(label_img: Any, connectivity: int = 1, mode: str = "thick", background: int = 0) -> Any:
    """`cormack.detect.find_boundaries`."""
    return detect.find_boundaries(narrow(label_img), connectivity, mode, background)


def clear_border(labels: Any, buffer_size: int = 0, bgval: Any = 0, mask: Any = None, *, out: Any = None) -> Any:
    """Set what touches the border to `bgval`: components over corners, by `measure.label` of this package."""
    array = np.asarray(labels)
    if mask is None:
        if any(buffer_size >= length for length in array.shape):
            raise _check.fail("clear_border", "buffer_size", f"be below every length of {array.shape}", buffer_size)
        border = np.ones(array.shape, bool)
        border[tuple(slice(buffer_size + 1, -buffer_size - 1) for _ in array.shape)] = False
    else:
        if np.shape(mask) != array.shape:
            raise _check.fail("clear_border", "mask", f"have the shape {array.shape}", np.shape(mask))
        border = ~np.asarray(mask, bool)
    components, count = label(array, background=0, return_num=True)
    touching = np.zeros(count + 1, bool)
    touching[components[border]] = True
    # As scikit-image: the background is set to `bgval` too where it reaches the border.
    result = into(out, np.array(array))
    result[touching[components]] = bgval
    return result


def relabel_sequential(label_field: Any, offset: int = 1) -> tuple[Any, Any, Any]:
    """`cormack.segment.relabel_sequential`; both maps are arrays, which scikit-image's ArrayMap converts to."""
    field = narrow(label_field)
    # Any number of axes: places do not matter.
    plane = field if field.ndim in (2, 3) else field.reshape(1, -1)
    labels, forward, inverse = segment.relabel_sequential(plane, offset)
    kind = np.asarray(label_field).dtype
    if kind.kind in "iu" and max(forward.values(), default=0) >= np.iinfo(kind).max:
        kind = labels.dtype
    table = np.zeros(max(forward, default=0) + 1, kind)
    table[list(forward)] = list(forward.values())
    return labels.reshape(field.shape).astype(kind, copy=False), table, inverse.astype(kind, copy=False)


named_after("skimage.segmentation", globals(), "Parameters and results; what differs is in `cormack.compat.skimage`.")
