"""What PyRadiomics does to image and mask before features: reading, checks, resampling, filters."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import filters
from .._errors import BackendUnavailable, ReadError
from ..volume import Volume


def simpleitk(purpose: str) -> Any:
    """Return SimpleITK, which is not a dependency; `purpose` says what for."""
    try:
        import SimpleITK
    except ImportError as error:
        raise BackendUnavailable(f"SimpleITK is needed {purpose}; pip install SimpleITK") from error
    return SimpleITK


# --- Reading and checks --------------------------------------------------------------------------------------------


def load(source: Any, name: str, channel: int | None = None) -> Volume:
    """Return an image as a volume; `channel` is that of a mask with several segmentations per voxel."""
    if isinstance(source, Volume):
        return source
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if not path.exists():
            raise ReadError(path, f"no such file ({name})")
        try:
            sitk = simpleitk("")
        except BackendUnavailable:
            from .. import io

            return io.read(path)
        try:
            source = sitk.ReadImage(os.fspath(path))
        except RuntimeError as error:
            raise ReadError(
                path, f"SimpleITK cannot read it ({name}): {str(error).strip().splitlines()[-1]}"
            ) from error
    if not hasattr(source, "GetNumberOfComponentsPerPixel"):
        raise TypeError(
            f"RadiomicsFeatureExtractor: `{name}` must be a path, SimpleITK.Image or Volume, got {source!r}"
        )
    if source.GetNumberOfComponentsPerPixel() > 1:
        sitk = simpleitk("for images of several channels")
        if channel is None:
            raise ValueError(f"RadiomicsFeatureExtractor: `{name}` must have one value per voxel, got several")
        if not 0 <= channel < source.GetNumberOfComponentsPerPixel():
            count = source.GetNumberOfComponentsPerPixel()
            raise ValueError(f"RadiomicsFeatureExtractor: `label_channel` must be below {count}, got {channel}")
        source = sitk.VectorIndexSelectionCast(source, channel)
    return Volume.from_sitk(source)


def box_of(mask: np.ndarray) -> tuple[slice, ...]:
    """Return the bounding box of a region that is not empty."""
    result = []
    for axis in range(mask.ndim):
        used = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        result.append(slice(int(used[0]), int(used[-1]) + 1))
    return tuple(result)


def check_mask(mask: Volume, settings: Mapping[str, Any]) -> Volume:
    """Return the mask as bool; raise unless the label is there in the size that is asked for."""
    label = settings["label"]
    inside = np.asarray(mask.array) == label
    if not inside.any():
        present = np.unique(mask.array)
        shown = ", ".join(f"{value:g}" for value in present[:20])
        raise ValueError(f"`label` {label} must be in the mask, which has {shown}")
    sizes = [part.stop - part.start for part in box_of(inside)]
    extended = sum(size > 1 for size in sizes)
    if extended == 0:
        raise ValueError("the region must have more than one voxel, got one")
    if extended < settings["minimumROIDimensions"]:
        raise ValueError(
            f"the region must extend along `minimumROIDimensions` {settings['minimumROIDimensions']} axes, got "
            f"{extended} (its box has {' x '.join(map(str, sizes))} voxels)"
        )
    least, count = settings["minimumROISize"], int(np.count_nonzero(inside))
    if least is not None and count <= least:
        raise ValueError(f"the region must have more than `minimumROISize` {least} voxels, got {count}")
    return mask.replace(inside)


def on_grid_of(image: Volume, mask: Volume, settings: Mapping[str, Any]) -> Volume:
    """Return the mask if it is on the grid of the image; else raise, or resample it where that is asked for."""
    tolerance = settings["geometryTolerance"]
    tolerance = 1e-6 if tolerance is None else tolerance
    if image.shape == mask.shape:
        near = tolerance * image.spacing_xyz[0]
        pairs = (
            (image.origin_xyz, mask.origin_xyz, near),
            (image.spacing_xyz, mask.spacing_xyz, near),
            (image.direction_xyz, mask.direction_xyz, tolerance),
        )
        if all(np.allclose(ours, theirs, rtol=0, atol=limit) for ours, theirs, limit in pairs):
            return mask
    if not settings["correctMask"]:
        image.check_geometry(mask, tolerance=min(tolerance, 1e-6), names=("image", "mask"))
        return mask
    sitk = simpleitk("for `correctMask`")
    moved = sitk.Resample(
        mask.to_sitk(), image.to_sitk(), sitk.Transform(), sitk.sitkNearestNeighbor, 0.0, sitk.sitkUnknown
    )
    return image.replace(sitk.GetArrayFromImage(moved))


def normalised(image: Volume, settings: Mapping[str, Any]) -> Volume:
    """Return intensities in standard deviations of the whole image around its mean."""
    array = np.asarray(image.array, np.float64)
    spread = float(array.std(ddof=1))
    if not spread > 0:
        raise ValueError("`normalize` needs an image of more than one intensity")
    array = (array - array.mean()) / spread
    limit = settings["removeOutliers"]
    if limit is not None:
        array = np.clip(array, -limit, limit)
    return image.replace(array * settings["normalizeScale"])


def resampled(image: Volume, mask: Volume, settings: Mapping[str, Any]) -> tuple[Volume, Volume]:
    """Return image and mask on PyRadiomics' grid: corners aligned, cropped to the region and some voxels around it."""
    new = np.array(settings["resampledPixelSpacing"], np.float64)
    old = np.array(image.spacing_xyz)
    box = box_of(np.asarray(mask.array) == settings["label"])[::-1]
    first, after = (np.array([getattr(part, end) for part in box]) for end in ("start", "stop"))
    new = np.where((new == 0) | (after - first == 1), old, new)
    pad = settings["padDistance"]
    size = np.array(image.shape[::-1])
    if np.allclose(old, new):
        crop = tuple(slice(max(0, part.start - pad), part.stop + pad) for part in box[::-1])
        return _cropped(image, crop), _cropped(mask, crop)
    ratio = old / new
    low = np.maximum(np.floor((first - 0.5) * ratio - pad), 0)
    high = np.minimum(np.ceil((after - 0.5) * ratio + pad), np.ceil(size * ratio) - 1)
    sitk = simpleitk("for `resampledPixelSpacing`")
    source = image.to_sitk()
    origin = source.TransformContinuousIndexToPhysicalPoint(((new - old) / (2 * old) + low / ratio).tolist())
    filter_ = sitk.ResampleImageFilter()
    filter_.SetOutputSpacing(new.tolist())
    filter_.SetOutputDirection(source.GetDirection())
    filter_.SetSize([int(n) for n in high - low + 1])
    filter_.SetOutputOrigin(origin)
    result = []
    for volume, interpolator in ((source, settings["interpolator"]), (mask.to_sitk(), "sitkNearestNeighbor")):
        filter_.SetOutputPixelType(volume.GetPixelID())
        filter_.SetInterpolator(getattr(sitk, interpolator) if isinstance(interpolator, str) else interpolator)
        result.append(Volume.from_sitk(filter_.Execute(volume)))
    return result[0], result[1]


def _cropped(volume: Volume, box: tuple[slice, ...]) -> Volume:
    origin = volume.index_to_world([part.start for part in box])
    return Volume(np.asarray(volume.array)[box], volume.spacing, origin, volume.direction, volume.meta)


def pre_cropped(image: Volume, mask: Volume, settings: Mapping[str, Any]) -> tuple[Volume, Volume]:
    """Return image and mask around the region."""
    pad = settings["padDistance"]
    box = box_of(np.asarray(mask.array) == settings["label"])
    crop = tuple(slice(max(0, part.start - pad), part.stop + pad) for part in box)
    return _cropped(image, crop), _cropped(mask, crop)


def resegmented(image: Volume, mask: Volume, settings: Mapping[str, Any]) -> Volume:
    """Return the part of the region whose intensities lie within `resegmentRange`."""
    inside = np.asarray(mask.array, bool)
    array = np.asarray(image.array)
    values = array[inside].astype(np.float64)
    ends = sorted(settings["resegmentRange"])
    if settings["resegmentMode"] == "relative":
        ends = [float(values.max()) * end for end in ends]
    elif settings["resegmentMode"] == "sigma":
        ends = [float(values.mean()) + float(values.std()) * end for end in ends]
    kept = inside & (array >= ends[0])
    if len(ends) == 2:
        kept &= array <= ends[1]
    if np.count_nonzero(kept) <= 1:
        raise ValueError(f"`resegmentRange` {settings['resegmentRange']} must leave more than one voxel")
    return mask.replace(kept)


# --- Filters -------------------------------------------------------------------------------------------------------


def filtered(kind: str, image: Volume, settings: Mapping[str, Any]) -> Iterator[tuple[Volume, str]]:
    """Give the images of an image type, each with the prefix of its columns."""
    array = np.asarray(image.array)
    match kind:
        case "Original":
            yield image, "original"
        case "LoG":
            yield from _laplacians(image, settings)
        case "Wavelet":
            yield from _wavelets(image, settings)
        case "Gradient":
            spacing = image.spacing if settings["gradientUseSpacing"] else (1.0,) * array.ndim
            yield image.replace(_gradient(array, spacing)), "gradient"
        case _:
            values = array.astype(np.float64)
            with np.errstate(divide="ignore", invalid="ignore"):
                yield image.replace(_POINTWISE[kind](values)), kind.lower()


def _laplacians(image: Volume, settings: Mapping[str, Any]) -> Iterator[tuple[Volume, str]]:
    sitk = simpleitk("for the image type LoG")
    if not settings["sigma"]:
        raise ValueError("`sigma` must be given for the image type LoG")
    size, spacing = np.array(image.shape), np.array(image.spacing)
    source = image.to_sitk()
    for sigma in settings["sigma"]:
        if not (size >= np.ceil(sigma / spacing) + 1).all() or size.min() < 4:
            raise ValueError(f"`sigma` {sigma:g} mm is too large for an image of {image.shape} voxels")
        laplacian = sitk.LaplacianRecursiveGaussianImageFilter()
        laplacian.SetNormalizeAcrossScale(True)
        laplacian.SetSigma(sigma)
        name = f"log-sigma-{str(sigma).replace('.', '-')}-mm-3D"
        yield Volume.from_sitk(laplacian.Execute(source)), name


def _wavelets(image: Volume, settings: Mapping[str, Any]) -> Iterator[tuple[Volume, str]]:
    array = np.asarray(image.array, np.float64)
    shape = array.shape
    axes = [axis for axis in range(3) if not (settings["force2D"] and axis == settings["force2Ddimension"])]
    # An even number of voxels, as the transform needs.
    data = np.pad(array, [(0, n % 2) for n in shape], mode="wrap")
    unpadded = tuple(slice(0, n) for n in shape)
    low = "L" * len(axes)

    def band(source: np.ndarray, letters: str) -> np.ndarray:
        result: np.ndarray = filters.wavelet_filter(source, settings["wavelet"], letters, mode="wrap", axes=axes)
        return result

    for _ in range(settings["start_level"]):
        data = band(data, low)
    for level in range(1, settings["level"] + 1):
        number = "" if level == 1 else str(level)
        for letters in map("".join, itertools.product("LH", repeat=len(axes))):
            if letters != low:
                yield image.replace(band(data, letters)[unpadded]), f"wavelet{number}-{letters}"
        data = band(data, low)
    number = "" if settings["level"] == 1 else str(settings["level"])
    yield image.replace(data[unpadded]), f"wavelet{number}-{low}"


def _gradient(array: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    values = np.pad(array.astype(np.float64), 1, mode="edge")
    squares = np.zeros(array.shape)
    for axis, size in enumerate(spacing):
        inner = tuple(slice(1, -1) if other != axis else slice(None) for other in range(array.ndim))
        along = np.moveaxis(values[inner], axis, 0)
        step = np.moveaxis((along[2:] - along[:-2]) / (2 * size), 0, axis)
        squares += step * step
    return np.sqrt(squares)


def _scaled_square(x: np.ndarray) -> np.ndarray:
    result: np.ndarray = (x / math.sqrt(np.abs(x).max())) ** 2
    return result


def _scaled_root(x: np.ndarray) -> np.ndarray:
    result: np.ndarray = np.sign(x) * np.sqrt(np.abs(x) * np.abs(x).max())
    return result


def _scaled_logarithm(x: np.ndarray) -> np.ndarray:
    logarithm = np.sign(x) * np.log(np.abs(x) + 1)
    result: np.ndarray = logarithm * (np.abs(x).max() / np.abs(logarithm).max())
    return result


def _scaled_exponential(x: np.ndarray) -> np.ndarray:
    most = float(np.abs(x).max())
    result: np.ndarray = np.exp(x * (math.log(most) / most))
    return result


_POINTWISE = {
    "Square": _scaled_square,
    "SquareRoot": _scaled_root,
    "Logarithm": _scaled_logarithm,
    "Exponential": _scaled_exponential,
}
IMAGE_TYPES = ("Original", "LoG", "Wavelet", "Gradient", *_POINTWISE)
