"""Neighbourhood grey tone differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _cormack_cpu
from . import _on_device, _texture

FAMILY = "IPET"


def ngtdm(
    levels: Any,
    mask: Any = None,
    *,
    level_count: int | None = None,
    aggregation: str | Sequence[str] | None = None,
    distance: int = 1,
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Describe how levels differ from their neighbours' mean: the 5 grey tone difference (NGTDM) features of IBSI.

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
    workers : int, optional
        Number of threads; default: the library's setting.
    device : {None, "cpu", "cuda"}, optional
        Where to count. Default: where `levels` are: arrays on a GPU are counted there, and counts come to the host.

    Returns
    -------
    dict of str to float
        Keys ``ngt_coarseness`` to ``ngt_strength`` in the order of `definitions`. Where `aggregation` is a sequence:
        a dictionary of such dictionaries, by aggregation.

    Raises
    ------
    TypeError
        If `levels` are not integers.
    ValueError
        If the region is empty, or holds a level below 1 or above `level_count`.

    See Also
    --------
    ngtdm_matrix, ngldm, glcm

    Notes
    -----
    Neighbours outside the region are left out of the mean, and voxels without any neighbour out of the matrix. A matrix
    without any voxel is left out of the average over slices. Where the formulas divide by zero: coarseness is 1e6,
    the other features are 0. Differences are added up as exact fractions: the result has the same bits for any number
    of threads and any strides.

    References
    ----------
    .. [1] A. Zwanenburg et al., "Image biomarker standardisation initiative reference manual", arXiv:1612.07003,
       section 3.10.
    .. [2] M. Amadasun, R. King, "Textural features corresponding to textural properties", IEEE Transactions on Systems,
       Man, and Cybernetics 19(5), 1989.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> features.ngtdm(np.array([[1, 1], [1, 5]]))["ngt_strength"]
    4.0
    """
    reach = _texture.reach_of("ngtdm", distance)
    region = _texture.region_of(
        "ngtdm", levels, mask, level_count=level_count, reach=reach, workers=workers, device=device
    )
    return _texture.one_or_each(
        "ngtdm", aggregation, _texture.BY_SLICE, region, lambda r, names: of_region(r, names, reach)
    )


def ngtdm_matrix(
    levels: Any,
    mask: Any = None,
    *,
    level_count: int | None = None,
    aggregation: str | None = None,
    distance: int = 1,
    workers: int | None = None,
    device: str | None = None,
) -> np.ndarray:
    """Sum up how much the voxels of each grey level differ from the mean of their neighbours.

    Parameters
    ----------
    levels, mask, level_count, distance, workers, device
        As for `ngtdm`.
    aggregation : str, optional
        As for `ngtdm`; ``"2D"`` gives the matrix of each slice.

    Returns
    -------
    ndarray of float64
        For level ``i + 1`` in the last axis but one: the sum of differences, and the number of voxels that have a
        neighbour; for ``"2D"`` after an axis for the slices of the image.

    Raises
    ------
    TypeError, ValueError
        As for `ngtdm`.

    See Also
    --------
    ngtdm

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> features.ngtdm_matrix(np.array([[1, 1], [1, 2]]))
    array([[1., 3.],
           [1., 1.]])
    """
    name = "ngtdm_matrix"
    reach = _texture.reach_of(name, distance)
    region = _texture.region_of(
        name, levels, mask, level_count=level_count, reach=reach, workers=workers, device=device
    )
    how = _texture.one_aggregation(name, aggregation, _texture.BY_SLICE, region)
    matrices = _matrices(_tables(region, how == "3D", reach, name), how)
    return _texture.in_slices_of_image(region, matrices) if how == "2D" else matrices[0]


def of_region(region: _texture.Region, names: Sequence[str], distance: int = 1) -> dict[str, dict[str, float]]:
    """Return the features of a prepared region, by aggregation."""
    found: dict[bool, np.ndarray] = {}
    result = {}
    for how in names:
        in_space = how == "3D"
        if in_space not in found:
            found[in_space] = _tables(region, in_space, distance)
        result[how] = dict(zip(_texture.names_of(FAMILY), features_of(_matrices(found[in_space], how)), strict=True))
    return result


def _tables(region: _texture.Region, in_space: bool, distance: int, function: str = "ngtdm") -> np.ndarray:
    """Return (slice or one, level, neighbours, 2): voxels, and the sums of their differences times the neighbours."""
    _texture.check_table(function, region, distance)
    if isinstance(region.levels, _on_device.DeviceLevels):
        return region.levels.batch.tones(region.levels.number, 3 if in_space else 2, distance)
    return _cormack_cpu.ngtdm(region.levels, 3 if in_space else 2, distance, region.workers)


def _matrices(tables: np.ndarray, how: str) -> np.ndarray:
    return _cormack_cpu.tone_matrices(tables, how == "2.5D")


def features_of(matrices: np.ndarray) -> list[float]:
    """Return the features, in IBSI's order, of matrices (matrix, level - 1, 2), in the mean over those with a voxel."""
    return _cormack_cpu.tone_features(matrices)
