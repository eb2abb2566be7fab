"""What the texture families share: the region, how matrices are combined, and features of levels and sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

from .. import _backends, _check, _cormack_cpu
from .._arrays import MASK_DTYPES, take, take_mask
from . import _on_device
from ._definitions import definitions

LEVEL_DTYPES = tuple(dtype for dtype in MASK_DTYPES if dtype.kind in "biu")
# Levels are uint16 in the extension.
MOST_LEVELS = 65535
# Of neighbours that are all looked at: 31^3 fit into 16 bits.
MOST_DISTANCE = 15
# Steps of one voxel (z, y, x), of which the opposite ones are left out: within slices, and in space.
DIRECTIONS_2D = ((0, 0, 1), (0, 1, -1), (0, 1, 0), (0, 1, 1))
DIRECTIONS_3D = (
    *DIRECTIONS_2D,
    *((1, -1, -1), (1, -1, 0), (1, -1, 1), (1, 0, -1), (1, 0, 0), (1, 0, 1), (1, 1, -1), (1, 1, 0), (1, 1, 1)),
)
BY_DIRECTION = ("2D averaged", "2D slice-merged", "2.5D direction-merged", "2.5D merged", "3D averaged", "3D merged")
BY_SLICE = ("2D", "2.5D", "3D")

# In space, for all threads; 2-D images have one slice.
_LARGEST_NEIGHBOUR_TABLE = 1 << 24


@dataclass(frozen=True, slots=True)
class Region:
    """The voxels inside, cropped, padded and checked by the extension; what every texture family computes on."""

    levels: _cormack_cpu.Levels | _on_device.DeviceLevels
    level_count: int
    voxels: np.ndarray
    """Voxels inside, of each slice of the bounding box."""
    total: np.ndarray
    """All of them, in an array of one."""
    first_slice: int
    slices: int
    """Of the image that the region comes from."""
    ndim: int
    workers: int
    reach: int = 1
    """How far the padding lets neighbours be looked for."""


def region_of(
    function: str,
    levels: Any,
    mask: Any = None,
    *,
    level_count: int | None = None,
    reach: int = 1,
    within_box: bool = False,
    morphological_mask: Any = None,
    workers: int | None = None,
    device: str | None = None,
) -> Region:
    """Check the arguments that all texture functions have, and prepare the region.

    `within_box` says that what lies further away than the region is long is never looked at.
    """
    array: Any = take(function, "levels", levels, dtypes=LEVEL_DTYPES, device=device).array
    threads = _check.workers(function, workers)
    inside: Any
    edges: Any
    on_gpu = isinstance(array, _backends.OnDevice)
    if on_gpu:
        inside = _on_device.mask_of(function, "mask", mask, array, "levels")
        edges = _on_device.mask_of(function, "morphological_mask", morphological_mask, array, "levels")
        found = _on_device.level_range(function, array, inside, edges)
    else:
        inside = take_mask(function, "mask", mask, array.shape, levels, "levels")
        edges = take_mask(function, "morphological_mask", morphological_mask, array.shape, levels, "levels")
        if array.itemsize == 8:
            # Beyond int32 there is no level, and the range says so below.
            limits = np.array([0 if array.dtype.kind == "u" else -1, MOST_LEVELS + 1], array.dtype)
            array = np.clip(array, *limits).astype(np.int32)
        found = _cormack_cpu.level_range(array, inside, edges, threads)
    if found is None:
        where = "levels" if mask is None else "mask"
        raise ValueError(f"{function}: `{where}` must contain a voxel, got none")
    lowest, highest, begin, end = found
    if lowest < 1:
        where = "in the region" if mask is not None else "in the region and 0 outside"
        raise _check.fail(function, "levels", f"be at least 1 {where}", lowest)
    if highest > MOST_LEVELS:
        raise _check.fail(function, "levels", f"be at most {MOST_LEVELS}", highest)
    count = highest if level_count is None else _check.integer(function, "level_count", level_count)
    if not highest <= count <= MOST_LEVELS:
        raise _check.fail(function, "level_count", f"be from the highest level, {highest}, to {MOST_LEVELS}", count)
    box = tuple(slice(b, e) for b, e in zip(begin, end, strict=True))[3 - array.ndim :]
    if within_box:
        reach = min(reach, max(part.stop - part.start for part in box))
    slices = array.shape[0] if array.ndim == 3 else 1
    if on_gpu:
        region = _on_device.packed(function, array, inside, edges, count, begin, end)
        return on_device(region, count, array.ndim, threads, reach, first_slice=begin[0], slices=slices)
    return prepared(
        function,
        array[box],
        None if inside is None else inside[box],
        None if edges is None else edges[box],
        count,
        reach,
        threads,
        first_slice=begin[0],
        slices=slices,
    )


def prepared(
    function: str,
    levels: np.ndarray,
    inside: np.ndarray | None,
    edges: np.ndarray | None,
    level_count: int,
    reach: int,
    workers: int,
    *,
    first_slice: int = 0,
    slices: int | None = None,
) -> Region:
    """Prepare levels that are known to be from 1 to `level_count` in the region, whose bounding box they are."""
    # Places are uint16 along an axis, and uint32 in all.
    padded = [n + 2 * reach for n in (*levels.shape, *(1,) * (3 - levels.ndim))]
    if max(padded) > MOST_LEVELS or math.prod(padded) >= 1 << 32:
        rule = f"at most {MOST_LEVELS} voxels along an axis and fewer than 2^32 in all, with margins of {reach}"
        raise ValueError(f"{function}: the box of the region must have {rule}, got shape {levels.shape}")
    found = _cormack_cpu.Levels(levels, inside, edges, level_count, reach, workers)
    voxels = np.array(found.counts, np.int64)
    return Region(
        levels=found,
        level_count=level_count,
        voxels=voxels,
        total=voxels.sum(keepdims=True),
        first_slice=first_slice,
        slices=len(voxels) if slices is None else slices,
        ndim=levels.ndim,
        workers=workers,
        reach=reach,
    )


def on_device(
    levels: _on_device.DeviceLevels,
    level_count: int,
    ndim: int,
    workers: int,
    reach: int = 1,
    *,
    first_slice: int = 0,
    slices: int | None = None,
) -> Region:
    """Prepare a region that lies on a GPU."""
    voxels = levels.batch.voxels(levels.number)
    return Region(
        levels=levels,
        level_count=level_count,
        voxels=voxels,
        total=voxels.sum(keepdims=True),
        first_slice=first_slice,
        slices=len(voxels) if slices is None else slices,
        ndim=ndim,
        workers=workers,
        reach=reach,
    )


def check_count(function: str, level_count: int) -> None:
    """Refuse more grey levels than textures take, where they are no argument of the caller's."""
    if level_count > MOST_LEVELS:
        raise ValueError(f"{function}: textures take at most {MOST_LEVELS} grey levels, got {level_count}; make fewer")


def aggregations(function: str, value: Any, accepted: Sequence[str], ndim: int) -> tuple[str, ...]:
    """Return the names of the ways to combine matrices; None means merged over all directions and slices."""
    possible = accepted if ndim == 3 else [name for name in accepted if not name.startswith("3D")]
    if value is None:
        return (possible[-1],)
    names = value if isinstance(value, Iterable) and not isinstance(value, str) else (value,)
    result = tuple(_check.choice(function, "aggregation", name, possible) for name in names)
    if not result:
        raise _check.fail(function, "aggregation", "name at least one way", value)
    return result


def one_aggregation(function: str, value: Any, accepted: Sequence[str], region: Region) -> str:
    """Return the name of one way to combine matrices."""
    if value is not None and not isinstance(value, str):
        raise _check.fail(function, "aggregation", "be one name", value)
    return aggregations(function, value, accepted, region.ndim)[0]


def one_or_each(
    function: str,
    value: Any,
    accepted: Sequence[str],
    region: Region,
    compute: Callable[[Region, Sequence[str]], Mapping[str, dict[str, float]]],
) -> Any:
    """Return the features of one aggregation, or a dictionary of them where several were asked for."""
    names = aggregations(function, value, accepted, region.ndim)
    result = compute(region, names)
    if value is None or isinstance(value, str):
        return result[names[0]]
    return {name: result[name] for name in names}


def in_slices_of_image(region: Region, matrices: np.ndarray) -> np.ndarray:
    """Return matrices of the slices of the bounding box as those of all slices of the image."""
    result = np.zeros((region.slices, *matrices.shape[1:]), matrices.dtype)
    result[region.first_slice : region.first_slice + len(matrices)] = matrices
    return result


@lru_cache(maxsize=256)
def groups_of(slices: int, how: str) -> np.ndarray:
    """Return which merged matrix each matrix of a slice and direction, or of a direction in space, belongs to."""
    kinds = len(DIRECTIONS_2D)
    matrices = np.arange(slices * kinds)
    match how:
        case "2D averaged":
            groups = matrices
        case "2D slice-merged":
            groups = matrices // kinds
        case "2.5D direction-merged":
            groups = matrices % kinds
        case "2.5D merged":
            groups = np.zeros_like(matrices)
        case "3D averaged":
            groups = np.arange(len(DIRECTIONS_3D))
        case _:
            groups = np.zeros(len(DIRECTIONS_3D), np.int64)
    groups.flags.writeable = False
    return groups


def merge_slices(region: Region, cells: np.ndarray) -> np.ndarray:
    """Add up the counts of cells (slice, level, size, count) of all slices."""
    return _cormack_cpu.merge_cells(cells, np.zeros(len(region.voxels), np.int64))


def features_by_slice(family: str, region: Region, cells: np.ndarray, how: str) -> dict[str, float]:
    """Return features of cells of each slice (one of `BY_SLICE` says what becomes of them), or of all of space."""
    if how == "2D":
        return size_features(family, cells, region.voxels)
    if how == "3D":
        return size_features(family, cells, region.total)
    return size_features(family, cells, region.voxels, np.zeros(len(region.voxels), np.int64))


def reach_of(function: str, distance: Any) -> int:
    """Return the distance of neighbours that are all looked at."""
    reach = _check.integer(function, "distance", distance, minimum=1)
    if reach > MOST_DISTANCE:
        raise _check.fail(function, "distance", f"be at most {MOST_DISTANCE}", distance)
    return reach


def check_table(function: str, region: Region, distance: int) -> None:
    """Refuse a table of levels and numbers of neighbours that memory might not hold."""
    if region.level_count * (2 * distance + 1) ** region.ndim > _LARGEST_NEIGHBOUR_TABLE:
        raise _check.fail(function, "distance", f"be smaller for {region.level_count} levels", distance)


def dense(cells: np.ndarray, matrices: int, level_count: int) -> np.ndarray:
    """Return cells as an array (matrix, level - 1, size - 1)."""
    widest = int(cells[:, 2].max()) if len(cells) else 0
    result = np.zeros((matrices, level_count, widest), np.int64)
    result[cells[:, 0], cells[:, 1] - 1, cells[:, 2] - 1] = cells[:, 3]
    return result


@cache
def names_of(family: str) -> tuple[str, ...]:
    """Return the short names of a family's features, in IBSI's order."""
    return tuple(definitions(family))


def size_features(
    family: str, cells: np.ndarray, voxels: np.ndarray, group_of: np.ndarray | None = None
) -> dict[str, float]:
    """Return the features of a family whose matrices count levels and sizes, in the mean over the matrices.

    Parameters
    ----------
    family : str
        IBSI code of the family; its definitions must be in the order of the grey level run length features.
    cells : ndarray of int64, (cells, 4)
        Matrix, level, size and count.
    voxels : ndarray of int64
        Voxels that each matrix describes, for the percentage. Matrices without cells are left out of the mean.
    group_of : ndarray of int64, optional
        Which matrices are added up first, cells and voxels.
    """
    # Not every family has all.
    return dict(zip(names_of(family), _cormack_cpu.size_features(cells, voxels, group_of), strict=False))
