"""DICOM segmentations: frames of regions, placed by their positions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import BackendUnavailable, ReadError
from ..volume import PERPENDICULAR_TOLERANCE, Volume
from ._decoders import decoded_frames
from ._limits import check_size
from ._region_objects import Object, Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")

# How far the pixels of a frame may lie from the voxels of a grid, in voxels.
PLACE_TOLERANCE = 0.1
_SMALLEST_SPACING = 1e-6
_SAME_PLACE_MM = 0.01
_MOST_SLICES = 10_000
_NATIVE_SYNTAXES = ("", *(f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".2", ".1.99")))
_KINDS = ("BINARY", "FRACTIONAL", "LABELMAP")


@dataclass(frozen=True)
class _Frame:
    index: int
    # 0 for a frame with labels.
    segment: int
    # World x, y, z; a step along the columns' index and along the rows' index.
    position: NDArray[np.float64]
    x_step: NDArray[np.float64]
    y_step: NDArray[np.float64]
    slice_spacing: float
    thickness: float


class Segmentation:
    """A segmentation whose frames have been looked at, not decoded."""

    def __init__(self, dataset: Object) -> None:
        self._object = dataset
        self.kind = dataset.text("SegmentationType").upper()
        if self.kind not in _KINDS:
            raise dataset.fail("SegmentationType", f"{self.kind!r} is none of {', '.join(_KINDS)}")
        self.rows, self.columns = dataset.whole("Rows"), dataset.whole("Columns")
        if min(self.rows, self.columns) < 1:
            raise dataset.fail("Rows", f"frames of {self.rows} x {self.columns} pixels")
        self.regions = [
            Region(item.whole("SegmentNumber"), item.text("SegmentLabel"), self.kind)
            for item in dataset.items("SegmentSequence")
        ]
        self._frames = self._all_frames()

    def _all_frames(self) -> list[_Frame]:
        dataset = self._object
        groups = dataset.items("PerFrameFunctionalGroupsSequence")
        count = dataset.whole("NumberOfFrames", 1)
        if not groups or len(groups) != count:
            raise dataset.fail(
                "PerFrameFunctionalGroupsSequence", f"{count} frames but {len(groups)} descriptions of frames"
            )
        shared = dataset.items("SharedFunctionalGroupsSequence")

        def find(group: Object, sequence: str) -> Object | None:
            for owner in (group, *shared[:1]):
                if items := owner.items(sequence):
                    return items[0]
            return None

        def numbers(item: Object | None, name: str, count: int) -> NDArray[np.float64]:
            values = item.numbers(name, count) if item else np.empty(0)
            if not values.size:
                raise dataset.fail(name, f"frame {index + 1} does not have it")
            return values

        frames = []
        for index, group in enumerate(groups):
            position = numbers(find(group, "PlanePositionSequence"), "ImagePositionPatient", 3)
            axes = numbers(find(group, "PlaneOrientationSequence"), "ImageOrientationPatient", 6).reshape(2, 3)
            measures = find(group, "PixelMeasuresSequence")
            spacing = numbers(measures, "PixelSpacing", 2)
            if not (spacing > _SMALLEST_SPACING).all():
                raise dataset.fail("PixelSpacing", "must be positive")
            lengths = np.sqrt((axes**2).sum(axis=1))
            if np.abs(lengths - 1).max() > 1e-2:
                raise dataset.fail("ImageOrientationPatient", "directions of rows and columns are not of length 1")
            x, y = axes / lengths[:, None]
            if abs(float(x @ y)) > PERPENDICULAR_TOLERANCE:
                raise dataset.fail("ImageOrientationPatient", "rows and columns are not perpendicular")
            segment = 0
            if self.kind != "LABELMAP":
                item = find(group, "SegmentIdentificationSequence")
                if item is None:
                    raise dataset.fail("ReferencedSegmentNumber", f"frame {index + 1} does not have it")
                segment = item.whole("ReferencedSegmentNumber")
            between, thickness = (
                max([0.0, *(measures.numbers(name, 1) if measures else ())])
                for name in ("SpacingBetweenSlices", "SliceThickness")
            )
            frames.append(_Frame(index, segment, position, x * spacing[1], y * spacing[0], between, thickness))
        return frames

    def own_grid(self) -> Volume:
        """The smallest grid with a place for every frame; its voxels are all 0 and take no memory."""
        dataset, first = self._object, self._frames[0]
        steps = np.array([[*frame.x_step, *frame.y_step] for frame in self._frames])
        extent = max(self.rows, self.columns)
        if np.abs(steps - steps[0]).max() * extent > PLACE_TOLERANCE * np.abs(steps[0]).max():
            raise dataset.fail("ImageOrientationPatient", "frames have different orientations or pixel spacings")
        spacing = np.sqrt([first.y_step @ first.y_step, first.x_step @ first.x_step])
        x, y = first.x_step / spacing[1], first.y_step / spacing[0]
        normal = np.cross(x, y)
        normal /= np.sqrt(normal @ normal)
        along = np.array([frame.position for frame in self._frames]) @ normal
        lowest = self._frames[int(np.argmin(along))]
        offsets = np.unique(along - along.min())
        gaps = np.diff(offsets)
        gaps = gaps[gaps > min(_SAME_PLACE_MM, PLACE_TOLERANCE * (first.slice_spacing or 1.0))]
        distance, count = self._slices(offsets, gaps)
        if count > _MOST_SLICES:
            raise dataset.fail("ImagePositionPatient", f"frames lie {offsets[-1]:.4g} mm apart: {count} slices")
        check_size(dataset.path, count * self.rows * self.columns, f"a grid of {count} slices")
        grid = Volume(
            np.broadcast_to(np.uint8(0), (count, self.rows, self.columns)),
            (distance, *spacing),
            lowest.position[::-1],
            np.stack([x, y, normal], axis=1)[::-1, ::-1],
        )
        if self._places(grid) is None:
            raise dataset.fail("ImagePositionPatient", "frames are shifted sideways or not evenly spaced")
        return grid

    def _slices(self, offsets: NDArray[np.float64], gaps: NDArray[np.float64]) -> tuple[float, int]:
        """Distance and number of slices: as the header says where that fits, else the smallest gap."""
        first = self._frames[0]
        if not gaps.size:
            return first.slice_spacing or first.thickness or 1.0, 1
        # Empty slices have no frames, so gaps may be multiples of the distance.
        for distance in (first.slice_spacing, float(gaps.min())):
            if distance > _SMALLEST_SPACING:
                places = offsets / distance
                count = int(np.rint(places[-1]))
                if count and np.abs(places - np.rint(places)).max() <= PLACE_TOLERANCE:
                    return float(offsets[-1]) / count, count + 1
        raise self._object.fail("ImagePositionPatient", f"frames are not evenly spaced: {gaps.min():.4g} mm and others")

    def fits(self, grid: Volume) -> bool:
        """Whether the pixels of every frame are voxels of a grid."""
        return grid.ndim == 3 and self._places(grid) is not None

    def _places(self, grid: Volume) -> list[NDArray[np.intp]] | None:
        """Voxel of each frame's first pixel, and steps along its rows and columns; None when one does not fit."""
        places = []
        counts = np.array([self.rows - 1, self.columns - 1])
        for frame in self._frames:
            corners = np.array(
                [
                    frame.position,
                    frame.position + frame.y_step,
                    frame.position + frame.x_step,
                    frame.position + frame.y_step * counts[0],
                    frame.position + frame.x_step * counts[1],
                ]
            )
            index = grid.world_to_index(corners[:, ::-1])
            if not np.abs(index).max() < 1e9:
                return None
            start = np.rint(index[0])
            steps = np.rint(index[1:3] - index[0])
            ends = start + steps * counts[:, None]
            if (np.abs(steps).sum(axis=1) != 1).any() or abs(steps[0] @ steps[1]) > 0:
                return None
            if max(np.abs(index[0] - start).max(), np.abs(index[3:] - ends).max()) > PLACE_TOLERANCE:
                return None
            furthest = np.array([start, *ends, ends.sum(axis=0) - start])
            if furthest.min() < 0 or (furthest >= grid.shape).any():
                return None
            places.append(np.array([start, *steps]).astype(np.intp))
        return places

    def voxels(self, chosen: Collection[int], grid: Volume, threshold: float) -> dict[int, NDArray[np.intp]]:
        """Flat indices, in a grid that fits, of the voxels of segments by their numbers."""
        places = self._places(grid)
        assert places is not None
        found: dict[int, list[NDArray[np.intp]]] = {number: [] for number in chosen}
        wanted = [frame for frame in self._frames if self.kind == "LABELMAP" or frame.segment in found]
        taken: set[tuple[int, ...]] = set()
        lowest = 1.0
        if self.kind == "FRACTIONAL":
            lowest = threshold * self._object.whole("MaximumFractionalValue", 255)
        for frame, pixels in zip(wanted, self._pixels([frame.index for frame in wanted]), strict=True):
            start, *steps = places[frame.index]
            key = (frame.segment, *start.tolist())
            if key in taken:
                raise self._object.fail(
                    "ImagePositionPatient", f"frame {frame.index + 1} lies where another frame of its segment lies"
                )
            taken.add(key)
            at = np.nonzero(pixels >= lowest)
            index = tuple(start[axis] + at[0] * steps[0][axis] + at[1] * steps[1][axis] for axis in range(3))
            flat = np.asarray(np.ravel_multi_index(index, grid.shape), np.intp)
            if self.kind == "LABELMAP":
                values = pixels[at]
                for number, parts in found.items():
                    parts.append(flat[values == number])
            else:
                found[frame.segment].append(flat)
        return {number: np.concatenate([np.empty(0, np.intp), *parts]) for number, parts in found.items()}

    def _pixels(self, indices: Sequence[int]) -> Iterator[NDArray[Any]]:
        if not indices:
            return
        dataset = self._object
        bits = dataset.whole("BitsAllocated")
        if bits not in (1, 8, 16) or dataset.whole("SamplesPerPixel", 1) != 1:
            raise dataset.fail("BitsAllocated", f"{bits} bits per pixel are not supported")
        syntax = dataset.syntax
        if bits == 1 and syntax in _NATIVE_SYNTAXES:
            yield from self._bits(indices)
            return
        try:
            frames = decoded_frames(dataset.dataset, dataset.path, indices)
        except ReadError:
            raise
        except Exception as error:
            if "missing dependencies" in str(error):
                raise BackendUnavailable(
                    f'{dataset.path}: no decoder for its pixels; pip install "cormack[io]"'
                ) from error
            raise ReadError(
                dataset.path,
                f"pixel data cannot be decoded ({type(error).__name__})",
                tag="(7FE0,0010) PixelData",
                suggestion="copy or export it again",
            ) from error
        for frame in frames:
            if frame.shape != (self.rows, self.columns):
                raise ReadError(dataset.path, f"decoded to frames of {frame.shape}", tag="(7FE0,0010) PixelData")
        yield from frames

    def _bits(self, indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        """Frames of one bit per pixel: each begins right after the last, within a byte too, which pydicom misses."""
        dataset = self._object
        content = dataset.stored("PixelData")
        size = self.rows * self.columns
        needed = (len(self._frames) * size + 7) // 8
        if not isinstance(content, bytes) or len(content) < needed:
            found = len(content) if isinstance(content, bytes) else 0
            raise ReadError(
                dataset.path,
                f"truncated: {len(self._frames)} frames need {needed} bytes, there are {found}",
                tag="(7FE0,0010) PixelData",
                suggestion="copy or export it again",
            )
        stored = np.frombuffer(content, np.uint8)
        for index in indices:
            first = index * size
            part = np.unpackbits(stored[first // 8 : (first + size + 7) // 8], bitorder="little")
            yield part[first % 8 : first % 8 + size].reshape(self.rows, self.columns)
