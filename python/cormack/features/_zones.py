"""Zones of one grey level, by size and by distance to the edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _cormack_cpu
from . import _on_device, _texture

SIZE_FAMILY = "9SAK"
DISTANCE_FAMILY = "VMDZ"


def glszm(
    levels: Any,
    mask: Any = None,
    *,
    level_count: int | None = None,
    aggregation: str | Sequence[str] | None = None,
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Describe how large the zones of one grey level are: the 16 size zone (GLSZM) features of IBSI.

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
    workers : int, optional
        Number of threads; default: the library's setting.
    device : {None, "cpu", "cuda"}, optional
        Where to count. Default: where `levels` are: arrays on a GPU are counted there, and counts come to the host.

    Returns
    -------
    dict of str to float
        Keys ``szm_sze`` to ``szm_zs_entr`` in the order of `definitions`. Where `aggregation` is a sequence:
        a dictionary of such dictionaries, by aggregation.

    Raises
    ------
    TypeError
        If `levels` are not integers.
    ValueError
        If the region is empty, or holds a level below 1 or above `level_count`.

    See Also
    --------
    glszm_matrix, gldzm, glrlm

    Notes
    -----
    Voxels of a zone touch: 8 neighbours in a slice, 26 in space. Slices without a voxel are left out of averages.
    The result has the same bits for any number of threads and any strides.

    References
    ----------
    .. [1] A. Zwanenburg et al., "Image biomarker standardisation initiative reference manual", arXiv:1612.07003,
       section 3.8.
    .. [2] G. Thibault et al., "Shape and texture indexes: application to cell nuclei classification", International
       Journal of Pattern Recognition and Artificial Intelligence 27(1), 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> features.glszm(np.array([[1, 1, 2], [1, 1, 2]]))["szm_z_perc"]
    0.3333333333333333
    """
    region = _texture.region_of("glszm", levels, mask, level_count=level_count, workers=workers, device=device)

    def compute(region: _texture.Region, names: Sequence[str]) -> dict[str, dict[str, float]]:
        return of_region(region, names, distances=False)[SIZE_FAMILY]

    return _texture.one_or_each("glszm", aggregation, _texture.BY_SLICE, region, compute)


def gldzm(
    levels: Any,
    mask: Any = None,
    *,
    morphological_mask: Any = None,
    level_count: int | None = None,
    aggregation: str | Sequence[str] | None = None,
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Describe how far from the edge zones of one grey level lie: the 16 distance zone (GLDZM) features of IBSI.

    Parameters
    ----------
    levels : array_like or Volume
        Discretised image ``(z, y, x)`` or ``(y, x)`` of integers: levels from 1 in the region, at most 65535.
    mask : array_like, optional
        The region: where it is not zero. Default: where `levels` is not 0.
    morphological_mask : array_like, optional
        The region to whose edge distances are measured, where voxels were left out of `mask` by their intensity.
        Default: `mask`. Voxels of `mask` always belong to it.
    level_count : int, optional
        Number of levels of the discretisation. Default: the highest level in the region.
    aggregation : str or sequence of str, optional
        ``"2D"``: the mean over slices; ``"2.5D"``: their matrices added up; ``"3D"``: neighbours in space. Default:
        ``"3D"``, for a 2-D image ``"2.5D"``.
    workers : int, optional
        Number of threads; default: the library's setting.
    device : {None, "cpu", "cuda"}, optional
        Where to count. Default: where `levels` are: arrays on a GPU are counted there, and counts come to the host.

    Returns
    -------
    dict of str to float
        Keys ``dzm_sde`` to ``dzm_zd_entr`` in the order of `definitions`. Where `aggregation` is a sequence:
        a dictionary of such dictionaries, by aggregation.

    Raises
    ------
    TypeError
        If `levels` are not integers.
    ValueError
        If the region is empty, or holds a level below 1 or above `level_count`.

    See Also
    --------
    gldzm_matrix, glszm

    Notes
    -----
    Voxels of a zone touch: 8 neighbours in a slice, 26 in space. Its distance is that of its nearest voxel to outside
    of the region or of the image, in steps along the axes, 1 at the edge; for ``"2D"`` and ``"2.5D"`` within the slice.
    Slices without a voxel are left out of averages. The result has the same bits
    for any number of threads and any strides.

    References
    ----------
    .. [1] A. Zwanenburg et al., "Image biomarker standardisation initiative reference manual", arXiv:1612.07003,
       section 3.9.
    .. [2] G. Thibault, J. Angulo, F. Meyer, "Advanced statistical matrices for texture characterization: application to
       cell classification", IEEE Transactions on Biomedical Engineering 61(3), 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> features.gldzm(np.array([[1, 1, 1], [1, 2, 1], [1, 1, 1]]))["dzm_lde"]
    2.5
    """
    region = _texture.region_of(
        "gldzm",
        levels,
        mask,
        level_count=level_count,
        morphological_mask=morphological_mask,
        workers=workers,
        device=device,
    )

    def compute(region: _texture.Region, names: Sequence[str]) -> dict[str, dict[str, float]]:
        return of_region(region, names)[DISTANCE_FAMILY]

    return _texture.one_or_each("gldzm", aggregation, _texture.BY_SLICE, region, compute)


def glszm_matrix(
    levels: Any,
    mask: Any = None,
    *,
    level_count: int | None = None,
    aggregation: str | None = None,
    workers: int | None = None,
    device: str | None = None,
) -> np.ndarray:
    """Count the zones of each grey level and size.

    Parameters
    ----------
    levels, mask, level_count, workers, device
        As for `glszm`.
    aggregation : str, optional
        As for `glszm`; ``"2D"`` gives the matrix of each slice.

    Returns
    -------
    ndarray of int64
        Zones of level ``i + 1`` and size ``j + 1`` in the last two axes, up to the largest zone; for ``"2D"`` after
        an axis for the slices of the image.

    Raises
    ------
    TypeError, ValueError
        As for `glszm`.

    See Also
    --------
    glszm

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> features.glszm_matrix(np.array([[1, 1, 2], [1, 2, 2]]))
    array([[0, 0, 1],
           [0, 0, 1]])
    """
    name = "glszm_matrix"
    region = _texture.region_of(name, levels, mask, level_count=level_count, workers=workers, device=device)
    how = _texture.one_aggregation(name, aggregation, _texture.BY_SLICE, region)
    return _matrix(region, _zones(region, how == "3D", False)[0], how)


def gldzm_matrix(
    levels: Any,
    mask: Any = None,
    *,
    morphological_mask: Any = None,
    level_count: int | None = None,
    aggregation: str | None = None,
    workers: int | None = None,
    device: str | None = None,
) -> np.ndarray:
    """Count the zones of each grey level and distance to the edge.

    Parameters
    ----------
    levels, mask, morphological_mask, level_count, workers, device
        As for `gldzm`.
    aggregation : str, optional
        As for `gldzm`; ``"2D"`` gives the matrix of each slice.

    Returns
    -------
    ndarray of int64
        Zones of level ``i + 1`` and distance ``j + 1`` in the last two axes, up to the largest distance; for ``"2D"``
        after an axis for the slices of the image.

    Raises
    ------
    TypeError, ValueError
        As for `gldzm`.

    See Also
    --------
    gldzm

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> features.gldzm_matrix(np.array([[1, 1, 1], [1, 2, 1], [1, 1, 1]]))
    array([[1, 0],
           [0, 1]])
    """
    name = "gldzm_matrix"
    region = _texture.region_of(
        name,
        levels,
        mask,
        level_count=level_count,
        morphological_mask=morphological_mask,
        workers=workers,
        device=device,
    )
    how = _texture.one_aggregation(name, aggregation, _texture.BY_SLICE, region)
    return _matrix(region, _zones(region, how == "3D", True)[1], how)


def of_region(
    region: _texture.Region, names: Sequence[str], *, distances: bool = True
) -> dict[str, dict[str, dict[str, float]]]:
    """Return the features of a prepared region, by family and aggregation; both families take one search."""
    found: dict[bool, tuple[np.ndarray, np.ndarray]] = {}
    families = (SIZE_FAMILY, DISTANCE_FAMILY) if distances else (SIZE_FAMILY,)
    result: dict[str, dict[str, dict[str, float]]] = {family: {} for family in families}
    for how in names:
        in_space = how == "3D"
        if in_space not in found:
            found[in_space] = _zones(region, in_space, distances)
        for family, cells in zip(families, found[in_space], strict=False):
            result[family][how] = _texture.features_by_slice(family, region, cells, how)
    return result


def _zones(region: _texture.Region, in_space: bool, distances: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return cells of sizes and of distances; the matrix is the slice unless zones lie in space."""
    if isinstance(region.levels, _on_device.DeviceLevels):
        return region.levels.batch.zones(region.levels.number, 3 if in_space else 2, distances)
    return _cormack_cpu.zones(region.levels, 3 if in_space else 2, distances, region.workers)


def _matrix(region: _texture.Region, cells: np.ndarray, how: str) -> np.ndarray:
    if how == "2D":
        return _texture.in_slices_of_image(region, _texture.dense(cells, len(region.voxels), region.level_count))
    matrix: np.ndarray = _texture.dense(_texture.merge_slices(region, cells), 1, region.level_count)[0]
    return matrix
