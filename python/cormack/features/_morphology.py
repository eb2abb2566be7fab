"""Morphology: the shape of a region, and how its intensities lie in space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from .. import _backends, _check, _cormack_cpu
from .._arrays import MASK_DTYPES, check_grids, take, take_labels, take_mask
from . import _on_device
from ._texture import names_of


def morphology(
    mask: Any,
    image: Any = None,
    intensity_mask: Any = None,
    *,
    spacing: Any = None,
    workers: int | None = None,
    device: str | None = None,
) -> dict[str, float]:
    """Describe the shape of a region: the 29 morphological features of IBSI.

    Parameters
    ----------
    mask : array_like or Volume, (z, y, x)
        The region, IBSI's morphological mask: any dtype, inside where not zero. What lies beyond the array is outside.
    image : array_like or Volume, (z, y, x), optional
        Intensities. Without them the four features that need intensities are left out.
    intensity_mask : array_like, (z, y, x), optional
        The voxels whose intensities count, IBSI's intensity mask: what re-segmentation leaves. Default: `mask`.
    spacing : float or sequence of 3 floats, optional
        Voxel size in mm along (z, y, x). Default: that of `mask` or `image` where one is a Volume, else 1 mm.
    workers : int, optional
        Number of threads; default: the library's setting.
    device : {None, "cpu", "cuda"}, optional
        Where the mask is counted. Default: where it is. On a GPU without an image, and masks of bool or integers of at
        most 32 bits.

    Returns
    -------
    dict of str to float
        Keys in the order of `definitions`; without an image, less ``morph_com``, ``morph_integ_int``,
        ``morph_moran_i`` and ``morph_geary_c``. NaN for what is not defined: all of ``morph_pca_elongation``,
        ``morph_pca_flatness``, ``morph_vol_dens_aee`` and ``morph_area_dens_aee`` whose denominator is zero (of a
        region of one voxel, or whose voxels lie in a line or a plane); ``morph_moran_i`` and ``morph_geary_c`` where
        all intensities are equal; ``morph_com`` where they sum to zero.

    Raises
    ------
    ValueError
        If a mask has no voxel, shapes differ, a spacing is not above 0 (nor from 1e-6 to 1e6 mm, nor at most 1000 times
        another), or an intensity inside `intensity_mask` is NaN or infinite.
    GeometryError
        If two of them are Volumes on different grids.

    See Also
    --------
    definitions, first_order

    Notes
    -----
    Volume and area are those of the mesh of marching cubes at 0.5, computed without building it: a cell's part follows
    from the pattern of its eight corners [2]_, so that one pass counts patterns. The table of triangles keeps voxels
    that meet in an edge or a corner apart, so that the mesh has no holes. Diameter, boxes, hull and smallest ellipsoid
    are those of the vertices of this mesh. The convex hull is computed in integers, exact for regions in a line or a
    plane too; the diameter is the largest distance between its corners.

    Axis lengths are four times the square roots of the eigenvalues of the covariance of voxel centres, divided by N - 1
    (0 for one voxel). The oriented box (OMBB) is the smallest one with a face in the plane of a face of the hull, or
    along the axes of the image. The enclosing ellipsoid (MVEE) holds all vertices, and its volume is at most 1e-6 above
    the least. IBSI has no reference value for these two. Areas of ellipsoids are IBSI's series of Legendre polynomials
    up to the 20th, on which its reference values rest; the exact area is larger, by 4 % for axes of 11, 9 and 8.5 mm.

    Moran's I and Geary's C are exact sums over all pairs of voxels with weights 1 / distance in mm, by the
    autocorrelation of the region.

    Arrays are not copied, whatever their strides. The result has the same bits for any number of threads and any
    strides.

    References
    ----------
    .. [1] A. Zwanenburg et al., "Image biomarker standardisation initiative reference manual", arXiv:1612.07003,
       section 3.1.
    .. [2] W. E. Lorensen, H. E. Cline, "Marching cubes: a high resolution 3D surface construction algorithm",
       SIGGRAPH 1987.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> mask = np.zeros((6, 7, 8), bool)
    >>> mask[1:5, 1:6, 1:7] = True
    >>> shape = features.morphology(mask, spacing=(2, 1, 1))
    >>> shape["morph_vol_approx"], round(shape["morph_diam"], 3)
    (240.0, 10.247)
    """
    name = _NAME
    if device is not None:
        _check.choice(name, "device", device, _backends.DEVICES)
    if device == "cuda" or (not isinstance(mask, np.ndarray) and _backends.is_on_gpu(mask)):
        if device == "cpu" or image is not None or intensity_mask is not None:
            raise _backends.cannot(name, "the shape of `mask` alone is computed")
        return _of_device(mask, spacing, workers)
    taken = take_labels(name, "mask", mask, ndim=(3,))
    region = _as_bool(taken.array)
    taken_image = None if image is None else take(name, "image", image, ndim=(3,))
    check_grids(("image", image), ("mask", mask))
    if spacing is None:
        spacing = taken.spacing
        if spacing is None and taken_image is not None:
            spacing = taken_image.spacing
    size = _check.spacing(name, spacing, 3)
    threads = _check.workers(name, workers)
    if taken_image is None and intensity_mask is not None:
        raise ValueError(f"{name}: `image` must be given where `intensity_mask` is, got None")
    array = None if taken_image is None else taken_image.array
    if array is not None and array.shape != region.shape:
        raise ValueError(f"{name}: `image` must have shape {region.shape} as `mask`, got {array.shape}")
    inside = take_mask(name, "intensity_mask", intensity_mask, region.shape, image)
    check_grids(("mask", mask), ("intensity_mask", intensity_mask))
    return of_region(region, array, region if inside is None else inside, size, threads)


def of_region(
    region: np.ndarray, image: np.ndarray | None, intensity_mask: np.ndarray, size: tuple[float, ...], threads: int
) -> dict[str, float]:
    """Return the features of a bool array, and of intensities of the same shape."""
    check_size(region.shape, size)
    shape = _cormack_cpu.shape(region, size, threads)
    return of_counts(shape, None if image is None else _cormack_cpu.spatial(image, intensity_mask, size, threads), size)


def of_counts(shape: dict[str, Any], spatial: dict[str, Any] | None, size: tuple[float, ...]) -> dict[str, float]:
    """Return the features from what `_cormack_cpu.shape` and, of intensities, `_cormack_cpu.spatial` say."""
    result = _of_shape(shape, size)
    if spatial is not None:
        result |= _of_intensities(spatial, shape, size)
    return {key: result[key] for key in names_of("HCUG") if key in result}


def _of_device(mask: Any, spacing: Any, workers: int | None) -> dict[str, float]:
    name = _NAME
    threads = _check.workers(name, workers)
    if isinstance(mask, np.ndarray) or not _backends.is_on_gpu(mask):
        taken = take_labels(name, "mask", mask, ndim=(3,))
        size = _check.spacing(name, taken.spacing if spacing is None else spacing, 3)
        region: Any = _backends.uploaded(name, _as_bool(taken.array))
    else:
        array = take(name, "mask", mask, ndim=(3,), dtypes=MASK_DTYPES, device="cuda").array
        size = _check.spacing(name, spacing, 3)
        region = _on_device.mask_of(name, "mask", mask, cast(_backends.OnDevice, array), "mask")
    check_size(region.shape, size)
    return of_counts(_on_device.shape(name, region, size, threads), None, size)


def check_size(shape: tuple[int, ...], size: tuple[float, ...]) -> None:
    """Refuse voxels and masks that arithmetic cannot follow."""
    name = _NAME
    if not _FINEST <= min(size) <= max(size) <= _COARSEST or max(size) > _FLATTEST * min(size):
        raise ValueError(
            f"{name}: `spacing` must be from {_FINEST:g} to {_COARSEST:g} mm, the largest at most {_FLATTEST} times "
            f"the smallest, got {size}"
        )
    if max(shape) > _LONGEST:
        raise ValueError(f"{name}: `mask` must have at most {_LONGEST} voxels along an axis, got shape {shape}")


_NAME = "morphology"
_LONGEST = 200_000
# Between these, no product of volumes leaves the range of float64, and no axis is lost beside another.
_FINEST, _COARSEST, _FLATTEST = 1e-6, 1e6, 1000


def _as_bool(array: np.ndarray) -> np.ndarray:
    return array if array.dtype == bool else array != 0


def _of_shape(shape: dict[str, Any], size: tuple[float, ...]) -> dict[str, float]:
    if shape["count"] == 0:
        raise ValueError(f"{_NAME}: `mask` must contain a voxel, got none")
    volume, area, count = shape["volume"], shape["area"], shape["count"]
    sphericity = (36 * math.pi * volume * volume) ** (1 / 3) / area
    axes, ellipsoid = _semi_axes([value / max(count - 1, 1) for value in shape["scatter"]], shape["ellipsoid"])
    major, minor, least = (2 * axis for axis in axes)
    return {
        "morph_volume": volume,
        "morph_vol_approx": count * math.prod(size),
        "morph_area_mesh": area,
        "morph_av": area / volume,
        "morph_comp_1": volume / math.sqrt(math.pi * area**3),
        "morph_comp_2": 36 * math.pi * volume * volume / area**3,
        "morph_sph_dispr": 1 / sphericity,
        "morph_sphericity": sphericity,
        "morph_asphericity": 1 / sphericity - 1,
        "morph_diam": shape["diameter"],
        "morph_pca_maj_axis": 2 * major,
        "morph_pca_min_axis": 2 * minor,
        "morph_pca_least_axis": 2 * least,
        "morph_pca_elongation": _ratio(minor, major),
        "morph_pca_flatness": _ratio(least, major),
        **_densities("aabb", volume, area, *_box(shape["box"])),
        **_densities("ombb", volume, area, *_box(shape["oriented_box"])),
        **_densities("aee", volume, area, *_ellipsoid(major, minor, least)),
        **_densities("mvee", volume, area, *_ellipsoid(*ellipsoid)),
        **_densities("conv_hull", volume, area, shape["hull_volume"], shape["hull_area"]),
    }


def _ratio(value: float, whole: float) -> float:
    return value / whole if whole > 0 else math.nan


def _densities(body: str, volume: float, area: float, of_body: float, area_of_body: float) -> dict[str, float]:
    return {
        f"morph_vol_dens_{body}": _ratio(volume, of_body),
        f"morph_area_dens_{body}": _ratio(area, area_of_body),
    }


def _box(edges: tuple[float, float, float]) -> tuple[float, float]:
    """Return volume and area."""
    a, b, c = edges
    return a * b * c, 2 * (a * b + b * c + c * a)


def _semi_axes(*matrices: Sequence[float]) -> list[tuple[float, ...]]:
    """Return square roots of the eigenvalues of (zz, yy, xx, zy, zx, yx), largest first; rounding is not an extent."""
    full = [((zz, zy, zx), (zy, yy, yx), (zx, yx, xx)) for zz, yy, xx, zy, zx, yx in matrices]
    result = []
    for values in np.linalg.eigvalsh(np.array(full)).tolist():
        floor = 1e-14 * max(values[2], 0.0)
        result.append(tuple(math.sqrt(value) if value > floor else 0.0 for value in reversed(values)))
    return result


def _ellipsoid(a: float, b: float, c: float) -> tuple[float, float]:
    """Return volume of the ellipsoid with semi-axes a >= b >= c, and IBSI's series for its area, terms 0 to 20."""
    if b == 0:
        return 0.0, 0.0
    alpha, beta = 1 - (b / a) ** 2, 1 - (c / a) ** 2
    # Legendre polynomials P_k of (alpha + beta) / (2 sqrt(alpha beta)), times the k-th power of sqrt(alpha beta).
    total, before, term = 0.0, 0.0, 1.0
    for k in range(21):
        total += term / (1 - 4 * k * k)
        before, term = term, ((2 * k + 1) * (alpha + beta) / 2 * term - k * alpha * beta * before) / (k + 1)
    return 4 / 3 * math.pi * a * b * c, 4 * math.pi * a * b * total


def _of_intensities(spatial: dict[str, Any], shape: dict[str, Any], size: tuple[float, ...]) -> dict[str, float]:
    name = _NAME
    if spatial["count"] == 0:
        raise ValueError(f"{name}: `intensity_mask` must contain a voxel, got none")
    if wrong := spatial["not_finite"]:
        raise ValueError(f"{name}: `image` must be finite in the region, got {wrong} voxels that are NaN or infinite")
    offsets = [(a - b) * mm for a, b, mm in zip(shape["center"], spatial["center"], size, strict=True)]
    return {
        "morph_com": math.hypot(*offsets),
        "morph_integ_int": shape["volume"] * spatial["mean"],
        "morph_moran_i": spatial["moran"],
        "morph_geary_c": spatial["geary"],
    }
