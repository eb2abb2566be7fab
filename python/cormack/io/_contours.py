"""DICOM structure sets: contours of regions, and the voxels inside them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .._errors import ReadError
from ..volume import Volume
from ._region_objects import Object, Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"

# How far from the plane of a slice its contours may lie, as a fraction of the distance between slices.
PLANE_TOLERANCE = 0.1
_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
_FURTHEST = 1e9
# Crossings of edges and rows that are worked on at a time.
_MOST_CROSSINGS = 1 << 20
# Voxel indices are rounded to this many digits: a voxel centre that lies on a contour is then told by the rule of
# `fill`, not by the last bits of the matrix from the patient to the voxels.
_DIGITS = 6


@dataclass(frozen=True)
class Roi:
    """A region and its contours, which have not been looked at yet."""

    region: Region
    contours: Sequence[Object]


def rois(dataset: Object) -> list[Roi]:
    """The regions of a structure set; walking through thousands of contours takes long, so once will do."""
    return list(_rois(dataset))


def _rois(dataset: Object) -> Iterator[Roi]:
    contours: dict[int, Sequence[Object]] = {}
    for item in dataset.items("ROIContourSequence"):
        number = item.whole("ReferencedROINumber")
        if number in contours:
            raise dataset.fail("ReferencedROINumber", f"region {number} has two lists of contours")
        contours[number] = item.items("ContourSequence")
    known: set[int] = set()
    for item in dataset.items("StructureSetROISequence"):
        number = item.whole("ROINumber")
        if number in known:
            raise dataset.fail("ROINumber", f"two regions have the number {number}")
        known.add(number)
        own = contours.get(number, [])
        kinds = sorted({contour.text("ContourGeometricType") for contour in own})
        yield Roi(Region(number, item.text("ROIName"), ", ".join(kinds)), own)


def has_area(region: Region) -> bool:
    """Whether a region of a structure set has closed contours."""
    return any(kind in _CLOSED for kind in region.kind.split(", "))


def voxels(dataset: Object, chosen: Iterable[Roi], reference: Volume) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Number and flat indices of the voxels of regions."""
    for roi in chosen:
        yield roi.region.number, _voxels(dataset, roi, reference)


def _voxels(dataset: Object, roi: Roi, reference: Volume) -> NDArray[np.intp]:
    what = f"region {roi.region.number}"
    if not roi.contours:
        raise ReadError(dataset.path, f"{what} has no contours", tag=dataset.label("ContourSequence"))
    slices: dict[int, list[NDArray[np.float64]]] = {}
    seen: set[tuple[int, bytes]] = set()
    for number, contour in enumerate(roi.contours, 1):
        k, points = _on_slice(contour, f"contour {number} of {what}", reference)
        key = k, hashlib.blake2b(points.tobytes()).digest()
        if key in seen:
            raise ReadError(
                dataset.path,
                f"contour {number} of {what} is there twice: the exclusive or of both is empty",
                tag=dataset.label("ContourData"),
            )
        seen.add(key)
        slices.setdefault(k, []).append(points)
    depth, rows, columns = reference.shape
    outside = sorted(k for k in slices if not 0 <= k < depth)
    if outside:
        raise ReadError(
            dataset.path,
            f"{what} has contours on slices {outside[0]} to {outside[-1]} of an image with slices 0 to {depth - 1}",
            tag=dataset.label("ContourData"),
            suggestion="give the whole image that it was drawn on as reference",
        )
    found = [_inside(contours, rows, columns) + k * rows * columns for k, contours in sorted(slices.items())]
    inside = np.concatenate(found)
    if not inside.size:
        raise ReadError(
            dataset.path, f"{what} has contours, but no voxel centre lies inside", tag=dataset.label("ContourData")
        )
    return inside


def _on_slice(contour: Object, what: str, reference: Volume) -> tuple[int, NDArray[np.float64]]:
    """Slice of a contour, and its points (y, x) in voxels."""
    kind = contour.text("ContourGeometricType")
    if kind not in _CLOSED:
        raise ReadError(
            contour.path,
            f"{what} is of type {kind or 'unknown'!r}; only closed contours enclose voxels",
            tag=contour.label("ContourGeometricType"),
        )
    values = contour.numbers("ContourData")
    count = contour.whole("NumberOfContourPoints", values.size // 3)
    if values.size == 0 or values.size != 3 * count:
        raise ReadError(
            contour.path,
            f"{what} has {values.size} coordinates for {count} points",
            tag=contour.label("ContourData"),
        )
    index = reference.world_to_index(values.reshape(-1, 3)[:, ::-1])
    height = index[:, 0]
    if not np.abs(index).max() < _FURTHEST:
        raise contour.fail("ContourData", f"{what} lies far outside the image")
    # Half-way in the range of heights, so that the message says how far the worst point is from the slice.
    k = int(np.rint((height.min() + height.max()) / 2))
    away = float(np.abs(height - k).max())
    if away > PLANE_TOLERANCE:
        spacing = reference.spacing[0]
        raise ReadError(
            contour.path,
            f"{what} lies up to {away * spacing:.4g} mm from the nearest slice of the image; "
            f"{PLANE_TOLERANCE * spacing:.4g} mm are allowed",
            tag=contour.label("ContourData"),
            suggestion="give the image that it was drawn on as reference",
        )
    return k, np.round(index[:, 1:], _DIGITS) + 0.0


def _inside(contours: Sequence[NDArray[np.float64]], rows: int, columns: int) -> NDArray[np.intp]:
    """Flat indices of the pixels inside; only the box around the polygons is filled."""
    points = np.concatenate(contours)
    low = np.clip(np.floor(points.min(axis=0)), 0, (rows, columns)).astype(np.intp)
    high = np.clip(np.floor(points.max(axis=0)) + 1, low, (rows, columns)).astype(np.intp)
    # Exact: what is taken off is not negative and not larger than the coordinates that it is taken off from.
    y, x = np.nonzero(fill([part - low for part in contours], *(high - low).tolist()))
    return np.asarray((y + low[0]) * columns + x + low[1], np.intp)


def fill(contours: Sequence[NDArray[np.float64]], rows: int, columns: int) -> NDArray[np.bool_]:
    """Pixels whose centres lie inside closed polygons, even-odd over all of them: holes by exclusive or.

    Points are (y, x) in pixels. A centre on an edge is inside where the inside is to the right of it or below, so
    polygons that share an edge share no pixel. Runs along each row: every edge turns over the pixels to its right.
    """
    start = np.concatenate(contours)
    end = np.concatenate([np.roll(points, -1, axis=0) for points in contours])
    # From the upper to the lower end, so that an edge that is passed twice (the channel to a hole) cancels exactly.
    swap = (start[:, 0] > end[:, 0])[:, None]
    (y0, x0), (y1, x1) = np.where(swap, end, start).T, np.where(swap, start, end).T
    first = np.clip(np.ceil(y0), 0, rows).astype(np.intp)
    count = np.clip(np.ceil(y1), 0, rows).astype(np.intp) - first
    crossings = np.cumsum(count)
    turns = np.zeros(rows * (columns + 1), np.intp)
    begin, done = 0, 0
    while begin < len(first):
        # Some edges at a time: polygons that go to and fro over all rows cross far more of them than they have points.
        end_of_part = max(begin + 1, int(np.searchsorted(crossings, done + _MOST_CROSSINGS, "right")))
        part = slice(begin, end_of_part)
        edge = np.repeat(np.arange(begin, begin + len(count[part])), count[part])
        row = np.arange(len(edge)) - np.repeat(crossings[part] - count[part] - done, count[part]) + first[edge]
        crossing = x0[edge] + (row - y0[edge]) * ((x1 - x0)[edge] / (y1 - y0)[edge])
        column = np.clip(np.ceil(np.round(crossing, _DIGITS)), 0, columns).astype(np.intp)
        turns += np.bincount(row * (columns + 1) + column, minlength=len(turns))
        begin, done = end_of_part, int(crossings[end_of_part - 1])
    inside = np.cumsum(turns.reshape(rows, columns + 1)[:, :columns], axis=1) & 1
    return np.asarray(inside, bool)
