"""What PyRadiomics does to image and mask before features: reading, checks, resampling, filters."""

from __future__ import annotations

import itertools
import logging
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import features, filters
from .._errors import BackendUnavailable, GeometryError, ReadError
from ..filters._wavelets import WAVELETS, analysis_filters
from ..volume import Volume

# Of a resampled box: more of them is a spacing in the wrong unit.
_MOST_VOXELS = 1 << 32

_logger = logging.getLogger(__name__)


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


def as_labels(mask: Volume) -> Volume:
    """Return a mask with whole numbers, cut off as PyRadiomics cuts them."""
    array = np.asarray(mask.array)
    if array.dtype == np.uint32:
        return mask
    # What is no number is no label.
    whole = np.where(np.isfinite(array), array, 0).astype(np.int64) if array.dtype.kind == "f" else array
    return mask.replace(whole.astype(np.uint32))


def check_label(mask: Volume, label: int) -> None:
    """Raise unless the label is in the mask."""
    array = np.asarray(mask.array)
    if not (array == label).any():
        present = np.unique(array)
        shown = ", ".join(f"{value:g}" for value in present[:20]) + (", ..." if len(present) > 20 else "")
        raise ValueError(f"`label` {label} must be in the mask, which has {shown}")


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
    check_label(mask, label)
    inside = np.asarray(mask.array) == label
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


def on_grid_of(image: Volume, mask: Volume, settings: Mapping[str, Any]) -> tuple[Volume, bool]:
    """Return the mask on the grid of the image, and whether it had to be resampled; raise where that is not wanted."""
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
            return mask, False
    if not settings["correctMask"]:
        if image.ndim == mask.ndim:
            image.check_geometry(mask, tolerance=min(tolerance, 1e-6), names=("image", "mask"))
        raise GeometryError(f"image and mask do not share one grid: shapes {image.shape} and {mask.shape}")
    check_inside(image, mask, settings)
    return resampled_labels(mask, image), True


def check_inside(image: Volume, mask: Volume, settings: Mapping[str, Any]) -> None:
    """Raise unless the box around the region lies inside the image."""
    check_label(mask, settings["label"])
    if image.ndim != mask.ndim:
        raise GeometryError(f"image and mask must have one number of axes, got {image.ndim} and {mask.ndim}")
    box = box_of(np.asarray(mask.array) == settings["label"])
    corners = [mask.index_to_world([getattr(part, end) - 0.5 for part in box]) for end in ("start", "stop")]
    indices = np.array([image.world_to_index(corner) for corner in corners])
    if (indices.min(axis=0) < -0.501).any() or (indices.max(axis=0) > np.array(image.shape) - 0.499).any():
        raise GeometryError("the region must lie inside the image; its box reaches beyond it")


def resampled_labels(mask: Volume, image: Volume) -> Volume:
    """Return a mask on the grid of an image, by nearest neighbours."""
    sitk = simpleitk("to resample a mask")
    moved = sitk.Resample(
        mask.to_sitk(), image.to_sitk(), sitk.Transform(image.ndim, sitk.sitkIdentity), sitk.sitkNearestNeighbor
    )
    return image.replace(sitk.GetArrayFromImage(moved))


def normalised(image: Volume, settings: Mapping[str, Any]) -> Volume:
    """Return intensities in standard deviations of the whole image around its mean."""
    given = np.asarray(image.array)
    array = given.astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError("`normalize` needs an image without NaN and infinities, in the region or not")
    spread = float(array.std(ddof=1))
    if not spread > 0:
        raise ValueError("`normalize` needs an image of more than one intensity")
    # SimpleITK's precision, which decides the bins of intensities at their edges.
    result = ((array - array.mean()) * (1 / spread)).astype(np.float32 if given.dtype == np.float32 else np.float64)
    limit = settings["removeOutliers"]
    if limit is not None:
        result = np.clip(result, -limit, limit)
    return image.replace(result * result.dtype.type(settings["normalizeScale"]))


def resampled(image: Volume, mask: Volume, settings: Mapping[str, Any]) -> tuple[Volume, Volume]:
    """Return image and mask on PyRadiomics' grid: the mask's corners, cropped to some voxels around the region."""
    new = np.array(settings["resampledPixelSpacing"], np.float64)
    if len(new) != mask.ndim:
        raise ValueError(f"`resampledPixelSpacing` must be {mask.ndim} numbers for this mask, got {len(new)}")
    check_inside(image, mask, settings)
    old = np.array(mask.spacing_xyz)
    box = box_of(np.asarray(mask.array) == settings["label"])[::-1]
    first, after = (np.array([getattr(part, end) for part in box]) for end in ("start", "stop"))
    new = np.where((new == 0) | (after - first == 1), old, new)
    pad = settings["padDistance"]
    if np.allclose(image.spacing_xyz, new):
        return pre_cropped(image, on_grid_of(image, mask, {**settings, "correctMask": True})[0], settings)
    size = np.array(mask.shape[::-1])
    ratio = old / new
    low = np.maximum(np.floor((first - 0.5) * ratio - pad), 0)
    high = np.minimum(np.ceil((after - 0.5) * ratio + pad), np.ceil(size * ratio) - 1)
    if not math.prod((high - low + 1).tolist()) < _MOST_VOXELS:
        raise ValueError(
            f"`resampledPixelSpacing` {settings['resampledPixelSpacing']} makes the box of the region larger than "
            f"{_MOST_VOXELS} voxels"
        )
    sitk = simpleitk("for `resampledPixelSpacing`")
    labels = mask.to_sitk()
    origin = labels.TransformContinuousIndexToPhysicalPoint(((new - old) / (2 * old) + low / ratio).tolist())
    filter_ = sitk.ResampleImageFilter()
    filter_.SetOutputSpacing(new.tolist())
    filter_.SetOutputDirection(labels.GetDirection())
    filter_.SetSize([int(n) for n in high - low + 1])
    filter_.SetOutputOrigin(origin)
    result = []
    for volume, interpolator in ((image.to_sitk(), settings["interpolator"]), (labels, "sitkNearestNeighbor")):
        filter_.SetOutputPixelType(volume.GetPixelID())
        filter_.SetInterpolator(getattr(sitk, interpolator) if isinstance(interpolator, str) else interpolator)
        result.append(Volume.from_sitk(filter_.Execute(volume)))
    return result[0], result[1]


def cropped(volume: Volume, box: tuple[slice, ...]) -> Volume:
    origin = volume.index_to_world([part.start for part in box])
    return Volume(np.asarray(volume.array)[box], volume.spacing, origin, volume.direction, volume.meta)


def pre_cropped(image: Volume, mask: Volume, settings: Mapping[str, Any]) -> tuple[Volume, Volume]:
    """Return image and mask around the region."""
    pad = settings["padDistance"]
    box = box_of(np.asarray(mask.array) == settings["label"])
    crop = tuple(slice(max(0, part.start - pad), part.stop + pad) for part in box)
    return cropped(image, crop), cropped(mask, crop)


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
        case "LBP2D":
            yield from _binary_patterns(image, settings)
        case "Gradient":
            spacing = image.spacing if settings["gradientUseSpacing"] else (1.0,) * array.ndim
            # SimpleITK gives float32 whatever the image is.
            yield image.replace(_gradient(array, spacing).astype(np.float32)), "gradient"
        case _:
            values = array.astype(np.float64)
            with np.errstate(divide="ignore", invalid="ignore"):
                yield image.replace(_POINTWISE[kind](values)), kind.lower()


def _laplacians(image: Volume, settings: Mapping[str, Any]) -> Iterator[tuple[Volume, str]]:
    # No error, as in PyRadiomics: one parameter file serves large and small regions.
    if not settings["sigma"]:
        _logger.warning("LoG features left out: they need the setting sigma")
        return
    size, spacing = np.array(image.shape), np.array(image.spacing)
    sitk = simpleitk("for the image type LoG")
    source = image.to_sitk()
    for sigma in settings["sigma"]:
        if not (size >= np.ceil(sigma / spacing) + 1).all() or size.min() < 4:
            _logger.warning(
                "LoG features of sigma %g left out: too large for an image of %s voxels", sigma, image.shape
            )
            continue
        laplacian = sitk.LaplacianRecursiveGaussianImageFilter()
        laplacian.SetNormalizeAcrossScale(True)
        laplacian.SetSigma(sigma)
        name = f"log-sigma-{str(sigma).replace('.', '-')}-mm-3D"
        yield Volume.from_sitk(laplacian.Execute(source)), name


def _wavelets(image: Volume, settings: Mapping[str, Any]) -> Iterator[tuple[Volume, str]]:
    array = np.asarray(image.array)
    # PyWavelets computes float32 images in float32, all others in float64.
    array = array.astype(np.float32 if array.dtype == np.float32 else np.float64)
    shape = array.shape
    axes = [axis for axis in range(array.ndim) if not (settings["force2D"] and axis == settings["force2Ddimension"])]
    # An even number of voxels, as the transform needs.
    data = np.pad(array, [(0, n % 2) for n in shape], mode="wrap")
    unpadded = tuple(slice(0, n) for n in shape)
    taps = _taps(settings["wavelet"])
    low = "L" * len(axes)

    def bands(source: np.ndarray, wanted: list[str], letters: str = "") -> Iterator[tuple[str, np.ndarray]]:
        """Give the bands by name, in the order of letters; the first letter is of the last axis."""
        if len(letters) == len(axes):
            yield letters, source
            return
        for letter in "LH":
            if any(name.startswith(letters + letter) for name in wanted):
                axis = axes[-1 - len(letters)]
                part = filters.convolve1d(source, taps[letter], axis, mode="wrap")
                yield from bands(part, wanted, letters + letter)

    for _ in range(settings["start_level"]):
        ((_, data),) = bands(data, [low])
    names = ["".join(letters) for letters in itertools.product("LH", repeat=len(axes))]
    for level in range(1, settings["level"] + 1):
        number = "" if level == 1 else str(level)
        for name, part in bands(data, names):
            if name == low:
                data = part
            else:
                yield image.replace(part[unpadded]), f"wavelet{number}-{name}"
    number = "" if settings["level"] == 1 else str(settings["level"])
    yield image.replace(data[unpadded]), f"wavelet{number}-{low}"


def _taps(name: str) -> dict[str, np.ndarray]:
    """Return the decomposition filters "L" and "H" of a wavelet; PyWavelets knows those that Cormack does not."""
    if name in ("haar", "db1"):
        # Exact: haar's bands of whole numbers lie on the edges of bins.
        half = math.sqrt(0.5)
        return {"L": np.array([half, half]), "H": np.array([-half, half])}
    if name in WAVELETS:
        return analysis_filters(name)
    try:
        import pywt
    except ImportError as error:
        raise BackendUnavailable(f"PyWavelets is needed for the wavelet {name}; pip install PyWavelets") from error
    try:
        wavelet = pywt.Wavelet(name)
    except ValueError as error:
        raise ValueError(f"`wavelet` must be one that PyWavelets has, got {name!r}") from error
    return {"L": np.array(wavelet.dec_lo), "H": np.array(wavelet.dec_hi)}


def _binary_patterns(image: Volume, settings: Mapping[str, Any]) -> Iterator[tuple[Volume, str]]:
    array = np.asarray(image.array)
    flat = array.ndim == 2
    if not flat and not settings["force2D"]:
        _logger.warning("LBP2D patterns are of planes, but features are extracted in space")
    # Swapped, as there: the axes of the plane across y are x, z in turn.
    across = 0 if flat else settings["force2Ddimension"]
    planes = array if flat else np.swapaxes(array, 0, across)
    found = features.local_binary_pattern(
        planes, settings["lbp2DSamples"], settings["lbp2DRadius"], settings["lbp2DMethod"]
    )
    # Patterns of a volume keep the type of the image, those of a picture are float64.
    yield image.replace(found if flat else np.swapaxes(found, 0, across).astype(array.dtype)), "lbp-2D"


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
    result: np.ndarray = ((1 / np.sqrt(np.abs(x).max())) * x) ** 2
    return result


def _scaled_root(x: np.ndarray) -> np.ndarray:
    result: np.ndarray = np.sign(x) * np.sqrt(np.abs(x) * np.abs(x).max())
    return result


def _scaled_logarithm(x: np.ndarray) -> np.ndarray:
    logarithm = np.sign(x) * np.log(np.abs(x) + 1)
    result: np.ndarray = logarithm * (np.abs(x).max() / np.abs(logarithm).max())
    return result


def _scaled_exponential(x: np.ndarray) -> np.ndarray:
    most = np.abs(x).max()
    result: np.ndarray = np.exp((np.log(most) / most) * x)
    return result


_POINTWISE = {
    "Square": _scaled_square,
    "SquareRoot": _scaled_root,
    "Logarithm": _scaled_logarithm,
    "Exponential": _scaled_exponential,
}
IMAGE_TYPES = ("Original", "LoG", "Wavelet", "Gradient", *_POINTWISE, "LBP2D")
