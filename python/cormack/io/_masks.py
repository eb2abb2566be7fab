"""Masks: regions of label maps, DICOM structure sets and DICOM segmentations, on the grid of an image."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import ReadError
from .._resampling import INTERPOLATIONS, VOXELS, transformed
from ..volume import Volume
from . import _contours, _dicom, _nrrd
from ._limits import check_size, takes_max_bytes
from ._region_objects import Object, Region, open_object
from ._segmentation import SEGMENTATIONS, Segmentation
from ._studies import existing, kind_of, read

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Where a voxel centre lies half-way between two voxels of the mask, rounding must not decide which is taken: the upper
# one, by this share of a voxel.
_UP = 1e-6
# An object for every voxel of an image would fill the memory.
_MOST_LABELS = 100_000


@takes_max_bytes
def list_regions(path: str | os.PathLike[str], *, max_bytes: int | None = None) -> list[Region]:
    """List the regions of a mask, without rasterising anything.

    Parameters
    ----------
    path : path-like
        As for `read_mask`.
    max_bytes : int, optional
        What its voxels may take in memory; see `cormack.io.read`.

    Returns
    -------
    list of Region
        Number, name and kind of each, in the order of the file (label maps: of their values). Number or name is what
        `read_mask` takes as ``label``.

    Raises
    ------
    ReadError
        As for `read_mask`.

    Examples
    --------
    >>> import tempfile, os, numpy as np
    >>> from cormack.io import write
    >>> path = os.path.join(tempfile.mkdtemp(), "labels.nrrd")
    >>> write(Volume(np.array([[[0, 1, 3]]], np.uint8)), path)
    >>> list_regions(path)
    [Region(number=1, name='', kind='label'), Region(number=3, name='', kind='label')]
    """
    path = existing(path)
    if (kind := kind_of(path)) == "dicom":
        dataset = _region_object(path)
        if _is_structure_set(dataset):
            return [roi.region for roi in _contours.rois(dataset)]
        return Segmentation(dataset).regions
    if kind == "nrrd" and (segments := _nrrd.segments(path)):
        return _regions_of(segments)
    return _label_regions(path, _labels(path, read(path)))


@takes_max_bytes
def read_mask(
    path: str | os.PathLike[str],
    *,
    reference: Volume | None = None,
    label: int | str | Sequence[int | str] | None = None,
    resample: bool = False,
    threshold: float = 0.5,
    max_bytes: int | None = None,
) -> Volume:
    """Read a mask or label map from anywhere, on the grid of the image that it belongs to.

    Parameters
    ----------
    path : path-like
        NIfTI, NRRD, MetaImage, OME-Zarr or a 2D image with whole numbers; a DICOM structure set (RTSTRUCT) or
        segmentation (SEG), or a folder with one of these.
    reference : Volume, optional
        The image. A structure set needs it; other masks are checked against it, and keep their own grid without it.
    label : int, str, or sequence of them, optional
        Which regions, by number or by name; see `list_regions`. By default all of them.
    resample : bool, default False
        What to do with a mask on another grid than the image's: refuse it, or give every voxel of the image the value
        of the nearest voxel of the mask, 0 outside the mask's grid. Contours are not resampled, they are rasterised.
    threshold : float, default 0.5
        For fractional segmentations: the smallest share, of 1, that belongs to the region.
    max_bytes : int, optional
        What the mask may take in memory; see `cormack.io.read`.

    Returns
    -------
    Volume
        For one label bool. For several or all a label map with the regions' numbers and 0 outside them, uint8, else
        uint16, else int32, the first that holds every number. ``meta["regions"]`` has the names by number.

    Raises
    ------
    ReadError
        The file is damaged or no mask, has no such region, or has regions that overlap, which no label map can show;
        and what is said below. The message names file and tag.
    GeometryError
        The mask is on another grid than the reference and ``resample`` is False; the message prints both.
    TypeError, ValueError
        An argument makes no sense.
    BackendUnavailable
        pydicom or Pillow is not installed.

    Notes
    -----
    **RTSTRUCT.** A voxel belongs to a region when its centre is inside the polygon, even-odd over all contours of a
    slice, so holes are left out by exclusive or, whether they are contours of their own or joined by a channel. A
    centre exactly on an edge is inside where the region continues to larger x or, on horizontal edges, to larger y.
    Points are taken to the grid through the direction matrix of the reference, so oblique images work. Every point must
    lie within 0.1 slice distances of one slice of the reference; other contours, contours beyond the first and last
    slice, a contour that is there twice, points and open contours of a chosen region, and a region without a voxel
    centre inside are a ReadError. Without ``label`` regions that have no closed contour (points, lines, nothing) are
    left out. Parts outside the field of view are cut off. That structure set and image belong to one patient and frame
    of reference is not checked.

    **SEG.** Binary, fractional and label map segmentations. Frames are placed by position; where all their pixels are
    voxels of the reference within 0.1 voxels, also flipped or turned by 90 degrees, they come on its grid, and slices
    without a frame are 0. Otherwise the mask has the smallest grid that holds every frame, with SpacingBetweenSlices,
    else the smallest gap, as the distance between slices. A segment that is declared and has no frames is empty.

    **Label maps.** Floats must be whole numbers. Names come from the segments that 3D Slicer writes into .seg.nrrd,
    in several layers too; these are often cropped, and then need ``resample=True``, which is exact for them.

    Examples
    --------
    >>> import tempfile, os, numpy as np
    >>> from cormack.io import write
    >>> path = os.path.join(tempfile.mkdtemp(), "labels.nrrd")
    >>> image = Volume(np.zeros((1, 1, 3), np.int16), spacing=(3, 1, 1))
    >>> write(image.replace(np.array([[[0, 1, 3]]], np.uint8)), path)
    >>> read_mask(path, reference=image, label=3).array.tolist()
    [[[False, False, True]]]
    """
    wanted = _wanted("label", label)
    _check_arguments(reference, threshold)
    path = existing(path)
    kind = kind_of(path)
    if kind == "dicom":
        mask = _painted(path, *_dicom_parts(_region_object(path), reference, wanted, threshold))
    elif kind == "nrrd" and (segments := _nrrd.segments(path)):
        mask = _painted(path, *_slicer_parts(path, segments, wanted))
    else:
        mask = _label_map(path, wanted)
    if isinstance(label, int | str | np.integer):
        mask = mask.replace(mask.array != 0)
    return _on_reference(path, mask, reference, resample)


@takes_max_bytes
def read_masks(
    path: str | os.PathLike[str],
    *,
    reference: Volume | None = None,
    labels: Sequence[int | str] | None = None,
    resample: bool = False,
    threshold: float = 0.5,
    max_bytes: int | None = None,
) -> dict[str, Volume]:
    """Read every region of a mask as a mask of its own; the file is read once, and regions may overlap.

    Parameters
    ----------
    path, reference, resample, threshold
        As for `read_mask`.
    labels : sequence of int or str, optional
        Which regions, by number or by name. By default all of them, as for `read_mask`.
    max_bytes : int, optional
        What all masks together may take in memory; see `cormack.io.read`.

    Returns
    -------
    dict of str to Volume
        Masks (bool) by name, in the order of the file or of ``labels``. Regions without a name go by their number, and
        those that share one by ``"name (number)"``. ``meta["regions"]`` of each has its number and name. Each takes
        a byte for every voxel of the image.

    Raises
    ------
    ReadError, GeometryError, TypeError, ValueError, BackendUnavailable
        As for `read_mask`, but overlaps are no error.

    Examples
    --------
    >>> import tempfile, os, numpy as np
    >>> from cormack.io import write
    >>> path = os.path.join(tempfile.mkdtemp(), "labels.nrrd")
    >>> write(Volume(np.array([[[0, 1, 3]]], np.uint8)), path)
    >>> {name: mask.array.tolist() for name, mask in read_masks(path).items()}
    {'1': [[[False, True, False]]], '3': [[[False, False, True]]]}
    """
    wanted = _wanted("labels", labels)
    _check_arguments(reference, threshold)
    path = existing(path)
    kind = kind_of(path)
    if kind == "dicom":
        found = _dicom_parts(_region_object(path), reference, wanted, threshold)
    elif kind == "nrrd" and (segments := _nrrd.segments(path)):
        found = _slicer_parts(path, segments, wanted)
    else:
        found = _label_parts(path, wanted)
    grid, meta, regions, parts = found
    check_size(path, len(regions) * math.prod(grid.shape), f"{len(regions)} masks")
    counts = Counter(region.name for region in regions)
    masks: dict[str, Volume] = {}
    for region, (number, voxels) in zip(regions, parts, strict=True):
        array = np.zeros(math.prod(grid.shape), bool)
        array[voxels] = True
        own = {**meta, "regions": {number: region.name}}
        mask = Volume(array.reshape(grid.shape), grid.spacing, grid.origin, grid.direction, own)
        name = region.name if counts[region.name] == 1 else f"{region.name} ({number})"
        masks[name if region.name else str(number)] = _on_reference(path, mask, reference, resample)
    return masks


def _check_arguments(reference: Volume | None, threshold: float) -> None:
    if reference is not None and not isinstance(reference, Volume):
        kind = type(reference).__name__  # type: ignore[unreachable]
        raise TypeError(f"reference must be a cormack.Volume, such as cormack.io.read gives; got {kind}")
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must be above 0 and at most 1; got {threshold!r}")


def _on_reference(path: Path, mask: Volume, reference: Volume | None, resample: bool) -> Volume:
    if reference is None:
        return mask
    if resample and reference.ndim == mask.ndim and not reference.same_geometry(mask):
        return _nearest(path, mask, reference)
    reference.check_geometry(mask, names=("image", "mask"))
    # The image's own numbers, not those that the mask's file rounded.
    return reference.replace(mask.array, meta=mask.meta)


def _wanted(name: str, label: Any) -> list[int | str] | None:
    if label is None:
        return None
    wanted = list(label) if isinstance(label, Iterable) and not isinstance(label, str) else [label]
    if not wanted or any(isinstance(one, bool) or not isinstance(one, int | str | np.integer) for one in wanted):
        raise TypeError(f"{name} must be a number or name of a region, or several; got {label!r}")
    return [one if isinstance(one, str) else int(one) for one in wanted]


def _choose(path: Path, regions: Sequence[Region], wanted: Sequence[int | str]) -> list[int]:
    """Places of the wanted regions, each once."""
    chosen = []
    for one in wanted:
        found = [i for i, region in enumerate(regions) if one in (region.number, region.name)]
        if len(found) != 1:
            known = ", ".join(f"{r.number} {r.name!r}" if r.name else str(r.number) for r in regions[:100])
            what = "no region" if not found else f"{len(found)} regions"
            raise ReadError(path, f"{what} {one!r} here", suggestion=f"there are: {known or 'none'}")
        chosen += found
    return list(dict.fromkeys(chosen))


def _is_structure_set(dataset: Object) -> bool:
    return dataset.text("SOPClassUID") == _contours.STRUCTURE_SET or (
        not dataset.text("SOPClassUID") and dataset.text("Modality") == "RTSTRUCT"
    )


def _region_object(path: Path) -> Object:
    if path.is_dir():
        found = [o.path for o in _dicom.scan(_dicom.candidates(path)).non_images if o.kind in ("RTSTRUCT", "SEG")]
        if len(found) != 1:
            raise ReadError(
                path,
                f"{len(found) or 'no'} DICOM structure sets or segmentations in this folder; one is needed",
                suggestion=f"there are: {', '.join(file.name for file in found)}" if found else None,
            )
        path = found[0]
    dataset = open_object(path)
    if not _is_structure_set(dataset) and dataset.text("SOPClassUID") not in SEGMENTATIONS:
        what = dataset.text("Modality") or "unknown"
        raise ReadError(
            path,
            f"DICOM of modality {what[:16]!r}, neither a structure set (RTSTRUCT) nor a segmentation (SEG)",
            tag=Object.label("SOPClassUID"),
        )
    return dataset


# A grid, what is known of the file, the regions, and for each of them in their order number and flat voxel indices.
_Parts = tuple[Volume, dict[str, Any], list[Region], Iterable[tuple[int, "NDArray[np.intp]"]]]


def _dicom_parts(
    dataset: Object, reference: Volume | None, wanted: Sequence[int | str] | None, threshold: float
) -> _Parts:
    path = dataset.path
    if not _is_structure_set(dataset):
        segmentation = Segmentation(dataset)
        regions = segmentation.regions
        chosen = range(len(regions)) if wanted is None else _choose(path, regions, wanted)
        numbers = [regions[i].number for i in chosen]
        if len(set(numbers)) < len(numbers):
            raise dataset.fail("SegmentNumber", "two segments have one number")
        fits = reference is not None and segmentation.fits(reference)
        grid = reference if reference is not None and fits else segmentation.own_grid()
        parts: Iterable[tuple[int, NDArray[np.intp]]] = segmentation.voxels(numbers, grid, threshold).items()
        return grid, _meta("dicom", "SEG"), [regions[i] for i in chosen], parts

    if reference is None:
        raise ReadError(
            path,
            "a structure set holds contours and no voxels",
            suggestion="give the image that it was drawn on: reference=cormack.io.read(...)",
        )
    if reference.ndim != 3:
        raise ValueError(f"reference must be a 3D volume for a structure set; its shape is {reference.shape}")
    rois = _contours.rois(dataset)
    regions = [roi.region for roi in rois]
    if wanted is None:
        chosen = [i for i, region in enumerate(regions) if _contours.has_area(region)]
        if not chosen:
            raise dataset.fail("ROIContourSequence", "no region has closed contours")
    else:
        chosen = _choose(path, regions, wanted)
    parts = _contours.voxels(dataset, [rois[i] for i in chosen], reference)
    return reference, _meta("dicom", "RTSTRUCT"), [regions[i] for i in chosen], parts


def _painted(
    path: Path,
    grid: Volume,
    meta: Mapping[str, Any],
    regions: Sequence[Region],
    parts: Iterable[tuple[int, NDArray[np.intp]]],
) -> Volume:
    """A label map of regions given by their voxels; regions that overlap are refused."""
    numbers = [region.number for region in regions]
    dtype = _label_dtype(path, min(numbers, default=0), max(numbers, default=0))
    size = math.prod(grid.shape)
    check_size(path, size * dtype.itemsize, "the label map")
    labels = np.zeros(size, dtype)
    for number, voxels in parts:
        if number == 0 and len(regions) > 1:
            raise ReadError(path, "a region with number 0 cannot be told from the background", suggestion="choose one")
        under = labels[voxels]
        if under.any():
            other = int(under[np.flatnonzero(under)[0]])
            raise ReadError(
                path,
                f"regions {other} and {number} overlap in {np.count_nonzero(under == other)} voxels: one label map "
                "cannot hold both",
                suggestion="choose one with label=",
            )
        # ROI number 0 exists; alone it is drawn as 1 and comes out as True.
        labels[voxels] = number or 1
    named = {**meta, "regions": {region.number: region.name for region in regions}}
    return Volume(labels.reshape(grid.shape), grid.spacing, grid.origin, grid.direction, named)


def _meta(kind: str, modality: str) -> dict[str, Any]:
    return {
        "format": kind,
        "modality": modality,
        "units": "",
        "series_uid": "",
        "rescaled": False,
        "inverted": False,
    }


def _label_dtype(path: Path, low: int, high: int) -> np.dtype[Any]:
    for dtype in (np.uint8, np.uint16, np.int32):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return np.dtype(dtype)
    raise ReadError(path, f"labels from {low} to {high} do not fit in 32 bits")


def _labels(path: Path, volume: Volume) -> NDArray[Any]:
    """Voxels as labels, in the smallest type."""
    array = volume.array
    if array.dtype == bool:
        return array.view(np.uint8)
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and np.array_equal(array, np.rint(array))):
        raise ReadError(path, "has values that are no whole numbers: it is an image, not a mask")
    if array.dtype == np.uint8:
        return array
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    return array.astype(_label_dtype(path, low, high), copy=False)


def _label_regions(path: Path, labels: NDArray[Any]) -> list[Region]:
    values = np.flatnonzero(np.bincount(labels.ravel())) if labels.dtype.kind == "u" else np.unique(labels)
    values = values[values != 0]
    if len(values) > _MOST_LABELS:
        raise ReadError(path, f"has {len(values)} different values: it is an image, not a mask")
    return [Region(int(value), "", "label") for value in values]


def _label_map(path: Path, wanted: Sequence[int | str] | None) -> Volume:
    volume = read(path)
    labels = _labels(path, volume)
    if wanted is not None:
        regions = _label_regions(path, labels)
        numbers = [regions[i].number for i in _choose(path, regions, wanted)]
        labels = np.where(np.isin(labels, numbers), labels, labels.dtype.type(0))
    return volume.replace(labels, meta={**volume.meta, "regions": {}})


def _regions_of(segments: Sequence[tuple[int, int, str]]) -> list[Region]:
    """Segments of 3D Slicer by value; where layers repeat a value, counted from 1."""
    values = [value for _, value, _ in segments]
    unique = len(set(values)) == len(values)
    return [Region(value if unique else i, name, "label") for i, (_, value, name) in enumerate(segments, 1)]


def _label_parts(path: Path, wanted: Sequence[int | str] | None) -> _Parts:
    volume = read(path)
    labels = _labels(path, volume)
    regions = _label_regions(path, labels)
    if wanted is not None:
        regions = [regions[i] for i in _choose(path, regions, wanted)]
    parts = ((region.number, np.flatnonzero(labels == region.number)) for region in regions)
    return volume, volume.meta, regions, parts


def _slicer_parts(path: Path, segments: Sequence[tuple[int, int, str]], wanted: Sequence[int | str] | None) -> _Parts:
    regions = _regions_of(segments)
    chosen = list(range(len(regions))) if wanted is None else _choose(path, regions, wanted)
    layers = _nrrd.read_all(path)
    parts = []
    for i in chosen:
        layer, value, _ = segments[i]
        if not 0 <= layer < len(layers):
            raise ReadError(path, f"layer {layer} is not there", tag=f"Segment{i}_Layer")
        parts.append((regions[i].number, np.flatnonzero(_labels(path, layers[layer]) == value)))
    return layers[0], layers[0].meta, [regions[i] for i in chosen], parts


def _nearest(path: Path, mask: Volume, reference: Volume) -> Volume:
    """The nearest voxel of a mask for every voxel of an image, 0 outside."""
    own = mask.direction * np.asarray(mask.spacing)
    matrix = np.linalg.solve(own, reference.direction * np.asarray(reference.spacing))
    start = np.linalg.solve(own, np.subtract(reference.origin, mask.origin))
    result = np.empty(reference.shape, mask.dtype)
    transformed(np.asarray(mask.array), matrix, start + _UP, result, INTERPOLATIONS["nearest"], VOXELS, 0.0, 0)
    if mask.array.any() and not result.any():
        raise ReadError(path, "no voxel of the mask lies inside the image")
    return reference.replace(result, meta={**mask.meta, "resampled": True})
