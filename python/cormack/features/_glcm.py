"""Grey level co-occurrence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from . import _on_device, _texture

FAMILY = "LFYI"
# Of all matrices together, 4 bytes each.
_MOST_CELLS = 1 << 28


def glcm(
    levels: Any,
    mask: Any = None,
    *,
    level_count: int | None = None,
    aggregation: str | Sequence[str] | None = None,
    distance: int = 1,
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Describe which grey levels occur next to each other: the 25 co-occurrence (GLCM) features of IBSI.

    Parameters
    ----------
    levels : array_like or Volume
        Discretised image ``(z, y, x)`` or ``(y, x)`` of integers: levels from 1 in the region, at most 65535.
    mask : array_like, optional
        The region: where it is not zero. Default: where `levels` is not 0.
    level_count : int, optional
        Number of levels of the discretisation. Default: the highest level in the region.
    aggregation : str or sequence of str, optional
        How the matrices of directions and slices become one number: ``"2D averaged"``, ``"2D slice-merged"``,
        ``"2.5D direction-merged"``, ``"2.5D merged"``, ``"3D averaged"`` or ``"3D merged"``. Default: ``"3D merged"``,
        for a 2-D image ``"2.5D merged"``.
    distance : int, default 1
        Voxels between the two of a pair: the steps of one voxel, 13 in space or 4 in a slice, times this.
    workers : int, optional
        Number of threads; default: the library's setting.
    device : {None, "cpu", "cuda"}, optional
        Where to count. Default: where `levels` are: arrays on a GPU are counted there, and counts come to the host.

    Returns
    -------
    dict of str to float
        Keys ``cm_joint_max`` to ``cm_info_corr2`` in the order of `definitions`. Where `aggregation` is a sequence: a
        dictionary of such dictionaries, by aggregation.

    Raises
    ------
    TypeError
        If `levels` are not integers.
    ValueError
        If the region is empty, holds a level below 1 or above `level_count`, or has no pair of voxels; if there are
        more levels than fit into matrices of 1 GiB together.

    See Also
    --------
    glcm_matrix, HARALICK, glrlm, glszm, ngtdm

    Notes
    -----
    Matrices are symmetric. Averages leave out matrices without any pair. A region of one level has ``cm_corr`` 1 and
    ``cm_info_corr1`` 0, where the formulas divide 0 by 0. Counts are integers, and sums are in a fixed order: the
    result has the same bits for any number of threads and any strides.

    References
    ----------
    .. [1] A. Zwanenburg et al., "Image biomarker standardisation initiative reference manual", arXiv:1612.07003,
       section 3.6.
    .. [2] R. M. Haralick, K. Shanmugam, I. Dinstein, "Textural features for image classification", IEEE Transactions
       on Systems, Man, and Cybernetics 3(6), 1973.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> levels = np.array([[1, 1, 2], [1, 1, 2]])
    >>> round(features.glcm(levels)["cm_joint_avg"], 3)
    1.273
    """
    region = _region("glcm", levels, mask, level_count, distance, workers, device)
    return _texture.one_or_each(
        "glcm", aggregation, _texture.BY_DIRECTION, region, lambda r, names: of_region(r, names, distance)
    )


def glcm_matrix(
    levels: Any,
    mask: Any = None,
    *,
    level_count: int | None = None,
    aggregation: str | None = None,
    distance: int = 1,
    workers: int | None = None,
    device: str | None = None,
) -> np.ndarray:
    """Count which grey levels occur next to each other.

    Parameters
    ----------
    levels, mask, level_count, distance, workers, device
        As for `glcm`.
    aggregation : str, optional
        As for `glcm`: which matrices are added up.

    Returns
    -------
    ndarray of int64
        How often level ``i + 1`` and level ``j + 1`` are neighbours, symmetric, in the last two axes. Before them: an
        axis for the slices of the image and one for the 4 directions for ``"2D averaged"``, for the slices for ``"2D
        slice-merged"``, for the 4 directions for ``"2.5D direction-merged"``, for the 13 directions for ``"3D
        averaged"``, none where all are merged. Directions are the steps (z, y, x) from (0, 0, 1), (0, 1, -1),
        (0, 1, 0), (0, 1, 1), (1, -1, -1) to (1, 1, 1), the last axis changing fastest.

    Raises
    ------
    TypeError, ValueError
        As for `glcm`.

    See Also
    --------
    glcm

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> features.glcm_matrix(np.array([[1, 1, 2], [1, 1, 2]]))
    array([[12,  4],
           [ 4,  2]])
    """
    name = "glcm_matrix"
    region = _region(name, levels, mask, level_count, distance, workers, device)
    how = _texture.one_aggregation(name, aggregation, _texture.BY_DIRECTION, region)
    counts = _combined(_pairs(name, region, how.startswith("3D"), distance), how)
    if how in ("2D averaged", "2D slice-merged"):
        return _texture.in_slices_of_image(region, counts)
    return counts


def of_region(region: _texture.Region, names: Sequence[str], distance: int = 1) -> dict[str, dict[str, float]]:
    """Return the features of a prepared region, by aggregation."""
    found: dict[bool, np.ndarray] = {}
    result = {}
    for how in names:
        in_space = how.startswith("3D")
        if in_space not in found:
            found[in_space] = _pairs("glcm", region, in_space, distance)
        values = _cormack_cpu.pair_features(found[in_space], _texture.groups_of(len(region.voxels), how))
        if values is None:
            raise ValueError(f"glcm: the region must have two voxels {distance} apart ({how}), got none")
        result[how] = dict(zip(_texture.names_of(FAMILY), values, strict=True))
    return result


def _region(
    function: str,
    levels: Any,
    mask: Any,
    level_count: int | None,
    distance: int,
    workers: int | None,
    device: str | None,
) -> _texture.Region:
    reach = _check.integer(function, "distance", distance, minimum=1)
    if reach > 1000:
        raise _check.fail(function, "distance", "be at most 1000", distance)
    return _texture.region_of(
        function, levels, mask, level_count=level_count, reach=reach, within_box=True, workers=workers, device=device
    )


def _pairs(function: str, region: _texture.Region, in_space: bool, distance: int) -> np.ndarray:
    """Return counts of ordered pairs (slice or one, direction, level, level)."""
    steps = _texture.DIRECTIONS_3D if in_space else _texture.DIRECTIONS_2D
    matrices = len(steps) * (1 if in_space else len(region.voxels))
    most = math.isqrt(_MOST_CELLS // matrices)
    if region.level_count > most:
        raise ValueError(
            f"{function}: there must be at most {most} levels for {matrices} co-occurrence matrices, "
            f"got {region.level_count}"
        )
    # Where the region is shorter than the distance along all axes, any offset out of it does.
    distance = min(distance, region.reach)
    if isinstance(region.levels, _on_device.DeviceLevels):
        # Pairs of both orders are added up, as they are in the end.
        offsets = _offsets(steps, distance)
        return region.levels.batch.pairs(region.levels.number, offsets, not in_space)
    return _cormack_cpu.glcm(region.levels, _offsets(steps, distance), not in_space, region.workers)


@lru_cache(maxsize=32)
def _offsets(steps: tuple[tuple[int, int, int], ...], distance: int) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(distance * step for step in direction) for direction in steps)


def _combined(counts: np.ndarray, how: str) -> np.ndarray:
    """Add up the matrices that an aggregation merges, in both orders of pairs; what it averages stays apart."""
    groups = _texture.groups_of(len(counts), how)
    merged: np.ndarray = np.zeros((int(groups[-1]) + 1, *counts.shape[2:]), np.int64)
    for matrix, group in zip(counts.reshape(-1, *counts.shape[2:]), groups, strict=True):
        merged[group] += matrix
    merged += merged.swapaxes(1, 2).copy()
    shape = {"2D averaged": counts.shape, "2.5D merged": merged.shape[1:], "3D merged": merged.shape[1:]}
    return merged.reshape(shape.get(how, merged.shape))
