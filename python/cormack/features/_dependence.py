"""Dependence of neighbouring grey levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from . import _on_device, _texture

FAMILY = "REK0"


def ngldm(
    levels: Any,
    mask: Any = None,
    *,
    level_count: int | None = None,
    aggregation: str | Sequence[str] | None = None,
    distance: int = 1,
    coarseness: int = 0,
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Describe how many neighbours have the level of a voxel: the 17 grey level dependence (NGLDM) features of IBSI.

    Parameters
    ----------
    levels : array_like or Volume
        Discretised image ``(z, y, x)`` or ``(y, x)`` of integers: levels from 1 in the region, at most 65535.
    mask : array_like, optional
        The region: where it is not zero. Default: where `levels` is not 0.
    level_count : int, optional
        Number of levels of the discretisation. Default: the highest level in the region.
    aggregation : str or sequence of str, optional
        ``"2D"``: the mean over slices; ``"2.5D"``: their matrices added up; ``"3D"``: neighbours in space. Default:
        ``"3D"``, for a 2-D image ``"2.5D"``.
    distance : int, default 1
        How many voxels away, along each axis, neighbours may lie: from 1 to 15.
    coarseness : int, default 0
        Largest difference of levels that depend on each other.
    workers : int, optional
        Number of threads; default: the library's setting.
    device : {None, "cpu", "cuda"}, optional
        Where to count. Default: where `levels` are: arrays on a GPU are counted there, and counts come to the host.

    Returns
    -------
    dict of str to float
        Keys ``ngl_lde`` to ``ngl_dc_energy`` in the order of `definitions`. Where `aggregation` is a sequence:
        a dictionary of such dictionaries, by aggregation.

    Raises
    ------
    TypeError
        If `levels` are not integers.
    ValueError
        If the region is empty, or holds a level below 1 or above `level_count`.

    See Also
    --------
    ngldm_matrix, ngtdm, glszm

    Notes
    -----
    A voxel counts among those that depend on it, so that the smallest dependence is 1. ``ngl_dc_perc`` is always 1.
    Slices without a voxel are left out of averages. The result has the same bits
    for any number of threads and any strides.

    References
    ----------
    .. [1] A. Zwanenburg et al., "Image biomarker standardisation initiative reference manual", arXiv:1612.07003,
       section 3.11.
    .. [2] C. Sun, W. G. Wee, "Neighboring gray level dependence matrix for texture classification", Computer Vision,
       Graphics, and Image Processing 23(3), 1983.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> features.ngldm(np.array([[1, 1], [1, 5]]))["ngl_hde"]
    7.0
    """
    reach = _texture.reach_of("ngldm", distance)
    alike = _check.integer("ngldm", "coarseness", coarseness, minimum=0)
    region = _texture.region_of(
        "ngldm", levels, mask, level_count=level_count, reach=reach, workers=workers, device=device
    )
    return _texture.one_or_each(
        "ngldm", aggregation, _texture.BY_SLICE, region, lambda r, names: of_region(r, names, reach, alike)
    )


def ngldm_matrix(
    levels: Any,
    mask: Any = None,
    *,
    level_count: int | None = None,
    aggregation: str | None = None,
    distance: int = 1,
    coarseness: int = 0,
    workers: int | None = None,
    device: str | None = None,
) -> np.ndarray:
    """Count the voxels of each grey level by how many neighbours depend on them.

    Parameters
    ----------
    levels, mask, level_count, distance, coarseness, workers, device
        As for `ngldm`.
    aggregation : str, optional
        As for `ngldm`; ``"2D"`` gives the matrix of each slice.

    Returns
    -------
    ndarray of int64
        Voxels of level ``i + 1`` on which ``j + 1`` voxels depend, itself included, in the last two axes, up to the
        number of voxels of a neighbourhood; for ``"2D"`` after an axis for the slices of the image.

    Raises
    ------
    TypeError, ValueError
        As for `ngldm`.

    See Also
    --------
    ngldm

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> features.ngldm_matrix(np.array([[1, 1], [1, 2]]))
    array([[0, 0, 3, 0, 0, 0, 0, 0, 0],
           [1, 0, 0, 0, 0, 0, 0, 0, 0]])
    """
    name = "ngldm_matrix"
    reach = _texture.reach_of(name, distance)
    alike = _check.integer(name, "coarseness", coarseness, minimum=0)
    region = _texture.region_of(
        name, levels, mask, level_count=level_count, reach=reach, workers=workers, device=device
    )
    how = _texture.one_aggregation(name, aggregation, _texture.BY_SLICE, region)
    counts = _counts(region, how == "3D", reach, alike, name).astype(np.int64)
    return _texture.in_slices_of_image(region, counts) if how == "2D" else counts.sum(axis=0)


def of_region(
    region: _texture.Region, names: Sequence[str], distance: int = 1, coarseness: int = 0
) -> dict[str, dict[str, float]]:
    """Return the features of a prepared region, by aggregation."""
    found: dict[bool, np.ndarray] = {}
    result = {}
    for how in names:
        in_space = how == "3D"
        if in_space not in found:
            found[in_space] = _cormack_cpu.cells_of(_counts(region, in_space, distance, coarseness))
        result[how] = _texture.features_by_slice(FAMILY, region, found[in_space], how)
    return result


def _counts(
    region: _texture.Region, in_space: bool, distance: int, coarseness: int, function: str = "ngldm"
) -> np.ndarray:
    """Return (slice or one, level, dependence)."""
    _texture.check_table(function, region, distance)
    dimensions = 3 if in_space else 2
    if isinstance(region.levels, _on_device.DeviceLevels):
        return region.levels.batch.dependences(region.levels.number, dimensions, distance, coarseness)[..., 0]
    counts = _cormack_cpu.ngldm(region.levels, dimensions, distance, min(coarseness, 1 << 16), region.workers)
    return counts[..., 0]
