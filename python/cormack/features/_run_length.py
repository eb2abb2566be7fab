"""Grey level run lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _cormack_cpu
from . import _on_device, _texture

FAMILY = "TP0I"


def glrlm(
    levels: Any,
    mask: Any = None,
    *,
    level_count: int | None = None,
    aggregation: str | Sequence[str] | None = None,
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Describe how far grey levels stay the same along lines: the 16 run length (GLRLM) features of IBSI.

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
    workers : int, optional
        Number of threads; default: the library's setting.
    device : {None, "cpu", "cuda"}, optional
        Where to count. Default: where `levels` are: arrays on a GPU are counted there, and counts come to the host.

    Returns
    -------
    dict of str to float
        Keys ``rlm_sre`` to ``rlm_rl_entr`` in the order of `definitions`. Where `aggregation` is a sequence: a
        dictionary of such dictionaries, by aggregation.

    Raises
    ------
    TypeError
        If `levels` are not integers.
    ValueError
        If the region is empty, or holds a level below 1 or above `level_count`.

    See Also
    --------
    glrlm_matrix, glcm, glszm

    Notes
    -----
    The run percentage divides by the voxels of the region times the number of directions that are merged. Slices
    without a voxel are left out of averages. The result has the same bits for any number of threads and any strides.

    References
    ----------
    .. [1] A. Zwanenburg et al., "Image biomarker standardisation initiative reference manual", arXiv:1612.07003,
       section 3.7.
    .. [2] M. M. Galloway, "Texture analysis using gray level run lengths", Computer Graphics and Image Processing 4,
       1975.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> levels = np.array([[1, 1, 2], [1, 1, 2]])
    >>> round(features.glrlm(levels)["rlm_sre"], 3)
    0.691
    """
    region = _texture.region_of("glrlm", levels, mask, level_count=level_count, workers=workers, device=device)
    return _texture.one_or_each("glrlm", aggregation, _texture.BY_DIRECTION, region, of_region)


def glrlm_matrix(
    levels: Any,
    mask: Any = None,
    *,
    level_count: int | None = None,
    aggregation: str | None = None,
    workers: int | None = None,
    device: str | None = None,
) -> np.ndarray:
    """Count the runs of each grey level and length.

    Parameters
    ----------
    levels, mask, level_count, workers, device
        As for `glrlm`.
    aggregation : str, optional
        As for `glrlm`: which matrices are added up.

    Returns
    -------
    ndarray of int64
        Runs of level ``i + 1`` and length ``j + 1`` in the last two axes, up to the longest run. The axes before them
        are those of `glcm_matrix`.

    Raises
    ------
    TypeError, ValueError
        As for `glrlm`.

    See Also
    --------
    glrlm, glcm_matrix

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> features.glrlm_matrix(np.array([[1, 1, 2], [1, 1, 2]]))
    array([[4, 6],
           [6, 1]])
    """
    name = "glrlm_matrix"
    region = _texture.region_of(name, levels, mask, level_count=level_count, workers=workers, device=device)
    how = _texture.one_aggregation(name, aggregation, _texture.BY_DIRECTION, region)
    in_space = how.startswith("3D")
    groups = _texture.groups_of(len(region.voxels), how)
    cells = _cormack_cpu.merge_cells(_runs(region, in_space), groups)
    result = _texture.dense(cells, int(groups.max()) + 1, region.level_count)
    if how == "2D averaged":
        result = result.reshape(-1, len(_texture.DIRECTIONS_2D), *result.shape[1:])
    if how in ("2D averaged", "2D slice-merged"):
        return _texture.in_slices_of_image(region, result)
    return result[0] if how in ("2.5D merged", "3D merged") else result


def of_region(region: _texture.Region, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return the features of a prepared region, by aggregation."""
    found: dict[bool, np.ndarray] = {}
    result = {}
    for how in names:
        in_space = how.startswith("3D")
        if in_space not in found:
            found[in_space] = _runs(region, in_space)
        groups = _texture.groups_of(len(region.voxels), how)
        # Voxels of each matrix before merging: those of its slice, or all.
        each = region.total if in_space else region.voxels
        voxels = each.repeat(len(groups) // len(each))
        result[how] = _texture.size_features(FAMILY, found[in_space], voxels, groups)
    return result


def _runs(region: _texture.Region, in_space: bool) -> np.ndarray:
    directions = _texture.DIRECTIONS_3D if in_space else _texture.DIRECTIONS_2D
    if isinstance(region.levels, _on_device.DeviceLevels):
        return region.levels.batch.runs(region.levels.number, directions, not in_space)
    return _cormack_cpu.glrlm(region.levels, directions, not in_space, region.workers)
