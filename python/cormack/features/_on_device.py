"""Regions on a GPU, many in one launch: texture matrices are counted there, and only they come to the host.

Counts are integers and equal the CPU's, so that features, which the host computes from them, have the CPU's bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _backends, _cormack_cpu
from .._arrays import take_mask

# Counts of all regions that are in memory at once.
_MOST_CELLS = 1 << 24
_SMALL_ZONE = 64
_MOST_LABELS = 1 << 20
# Bits by which order statistics are narrowed down in a pass.
_DIGIT = 11
_PAIRS, _RUNS, _NEIGHBOURS, _VOXELS = range(4)

Steps = Sequence[tuple[int, ...]]


class Batch:
    """Packed regions on a device: levels, 0 outside, each region in C order, and where they lie."""

    def __init__(
        self,
        function: str,
        levels: _backends.OnDevice,
        shapes: Sequence[tuple[int, ...]],
        level_counts: Sequence[int],
        edges: _backends.OnDevice | None = None,
    ) -> None:
        """Take levels, of 16 bits, of regions one after the other, and, as uint8, the regions whose edges count."""
        self._function = function
        self._levels = levels
        self._edges = edges
        extents = np.array([(1,) * (3 - len(shape)) + tuple(shape) for shape in shapes], np.int64).reshape(-1, 3)
        sizes = extents.prod(axis=1)
        begins = np.concatenate(([0], sizes.cumsum()[:-1])).astype(np.int64)
        self._regions = np.column_stack((begins, extents, np.array(level_counts, np.int64)))
        self._found: dict[Any, tuple[int, list[Any]]] = {}

    @classmethod
    def of_host(
        cls,
        function: str,
        beside: _backends.OnDevice | None,
        levels: Sequence[np.ndarray],
        level_counts: Sequence[int],
        edges: Sequence[np.ndarray] | None,
    ) -> Batch:
        """Copy regions to the device of an array, or to the current one."""

        def copied(arrays: Sequence[np.ndarray], dtype: Any) -> _backends.OnDevice:
            one = np.concatenate([array.astype(dtype).reshape(-1) for array in arrays])
            return _backends.uploaded(function, one) if beside is None else beside.from_host(one)

        masks = None if edges is None else copied(edges, np.uint8)
        shapes = [array.shape for array in levels]
        return cls(function, copied(levels, np.uint16), shapes, level_counts, masks)

    def region(self, number: int) -> DeviceLevels:
        """Return one of the regions."""
        return DeviceLevels(self, number)

    def voxels(self, number: int) -> np.ndarray:
        """Return the voxels inside of each slice of a region."""

        def count(regions: np.ndarray) -> list[np.ndarray]:
            boxes = _boxes(regions, True)
            counts = self._run(regions, _VOXELS, True, [4 * len(boxes)])[0].view(np.uint32).astype(np.int64)
            return np.split(counts, np.cumsum(regions[:, 1])[:-1])

        found: np.ndarray = self._of(number, ("voxels",), lambda row: int(row[1]), count)
        return found

    def pairs(self, number: int, steps: Steps, per_slice: bool) -> np.ndarray:
        """Return (slice or one, step, level, level), the upper triangles, as uint32."""

        def cells(row: np.ndarray) -> int:
            return int(_slices(row, per_slice) * len(steps) * row[4] ** 2)

        def count(regions: np.ndarray) -> list[np.ndarray]:
            total = sum(map(cells, regions))
            counts = self._run(regions, _PAIRS, per_slice, [4 * total], steps=np.ravel(steps))[0].view(np.uint32)
            parts = np.split(counts, np.cumsum([cells(row) for row in regions])[:-1])
            return [part.reshape(-1, len(steps), row[4], row[4]) for part, row in zip(parts, regions, strict=True)]

        found: np.ndarray = self._of(number, ("pairs", tuple(steps), per_slice), cells, count)
        return found

    def runs(self, number: int, steps: Steps, per_slice: bool) -> np.ndarray:
        """Return cells (slice and step, or step; level; length; count)."""

        def longest(row: np.ndarray) -> int:
            return int(max(1 if per_slice else row[1], *row[2:4]))

        def cells(row: np.ndarray) -> int:
            return int(_slices(row, per_slice) * len(steps) * row[4] * longest(row))

        def count(regions: np.ndarray) -> list[np.ndarray]:
            total = sum(map(cells, regions))
            counts = self._run(regions, _RUNS, per_slice, [4 * total], steps=np.ravel(steps))[0].view(np.uint32)
            parts = np.split(counts, np.cumsum([cells(row) for row in regions])[:-1])
            return [_cells_of(p.reshape(-1, row[4], longest(row)), 1) for p, row in zip(parts, regions, strict=True)]

        found: np.ndarray = self._of(number, ("runs", tuple(steps), per_slice), cells, count)
        return found

    def tones(self, number: int, dimensions: int, distance: int) -> np.ndarray:
        """Return (slice or one, level, neighbours, 2), as uint64."""
        return self._neighbours(number, dimensions, distance, 0, 2)

    def dependences(self, number: int, dimensions: int, distance: int, coarseness: int) -> np.ndarray:
        """Return (slice or one, level, dependence, 1), as uint64."""
        return self._neighbours(number, dimensions, distance, coarseness, 1)

    def _neighbours(self, number: int, dimensions: int, distance: int, coarseness: int, each: int) -> np.ndarray:
        most, per_slice = (2 * distance + 1) ** dimensions, dimensions == 2

        def cells(row: np.ndarray) -> int:
            return int(_slices(row, per_slice) * row[4] * most * each * 2)

        def count(regions: np.ndarray) -> list[np.ndarray]:
            total = 4 * sum(map(cells, regions))
            settings = (distance, min(coarseness, 1 << 16), each == 2, each == 1)
            sizes = [total, 0] if each == 2 else [0, total]
            counts = self._run(regions, _NEIGHBOURS, per_slice, sizes, neighbours=settings)[2 - each].view(np.uint64)
            parts = np.split(counts, np.cumsum([cells(row) // 2 for row in regions])[:-1])
            return [part.reshape(-1, row[4], most, each) for part, row in zip(parts, regions, strict=True)]

        found: np.ndarray = self._of(number, ("neighbours", dimensions, distance, coarseness, each), cells, count)
        return found

    def zones(self, number: int, dimensions: int, distances: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return cells (slice or 0, level, size, count) and (slice or 0, level, distance, count)."""
        per_slice = dimensions == 2

        def deepest(row: np.ndarray) -> int:
            return int(min(row[2:4] if per_slice else row[1:4]) + 1) // 2

        def cells(row: np.ndarray) -> int:
            return int(_slices(row, per_slice) * row[4] * (_SMALL_ZONE + deepest(row)))

        def count(regions: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
            slices = [_slices(row, per_slice) for row in regions]
            sizes = [n * int(row[4]) * _SMALL_ZONE for n, row in zip(slices, regions, strict=True)]
            edges = [n * int(row[4]) * deepest(row) for n, row in zip(slices, regions, strict=True)]
            most = int(regions[:, 1:4].prod(axis=1).sum()) // _SMALL_ZONE
            tables = self._zones(regions, per_slice, distances, [4 * sum(sizes), 4 * sum(edges), 12 * most + 4])
            small = np.split(tables[0].view(np.uint32), np.cumsum(sizes)[:-1])
            near = np.split(tables[1].view(np.uint32), np.cumsum(edges)[:-1])
            listed = tables[2].view(np.uint32)
            large, counts = np.unique(listed[1 : 1 + 3 * listed[0]].reshape(-1, 3), axis=0, return_counts=True)
            large = np.column_stack((large, counts)).astype(np.int64)
            starts = np.cumsum([0, *slices])
            result = []
            for i, row in enumerate(regions):
                mine = large[np.searchsorted(large[:, 0], starts[i]) : np.searchsorted(large[:, 0], starts[i + 1])]
                found = np.concatenate((_cells_of(small[i].reshape(slices[i], -1, _SMALL_ZONE), 0), mine))
                found[len(found) - len(mine) :, 0] -= starts[i]
                found = found[np.lexsort((found[:, 2], found[:, 1], found[:, 0]))]
                by_edge = near[i].reshape(slices[i], -1, deepest(row)) if distances else np.zeros((0, 1, 1), np.uint32)
                result.append((found, _cells_of(by_edge, 1)))
            return result

        found: tuple[np.ndarray, np.ndarray] = self._of(number, ("zones", dimensions, distances), cells, count)
        return found

    def _zones(self, regions: np.ndarray, per_slice: bool, distances: bool, sizes: list[int]) -> list[np.ndarray]:
        results = [self._levels.empty((max(size, 8),), np.uint8) for size in sizes]
        images = [self._levels, self._edges or self._levels, *results]
        settings = {"per_slice": per_slice, "distances": distances, "region": self._edges is not None}
        _backends.run(self._function, "texture_zones", images, [np.ascontiguousarray(regions)], **settings)
        return [result.to_host()[:size] for result, size in zip(results, sizes, strict=True)]

    def _run(self, regions: np.ndarray, kind: int, per_slice: bool, sizes: list[int], **settings: Any) -> Any:
        results = [self._levels.empty((size,), np.uint8) if size else None for size in sizes]
        images = [self._levels, *(self._levels if result is None else result for result in results)]
        tables = [np.ascontiguousarray(regions)]
        _backends.run(self._function, "texture_matrices", images, tables, kind=kind, per_slice=per_slice, **settings)
        return [None if result is None else result.to_host() for result in results]

    def _of(self, number: int, key: Any, cells: Any, count: Any) -> Any:
        """Return what `count` finds for a region, together with as many after it as fit into memory."""
        first, found = self._found.get(key, (0, []))
        if not first <= number < first + len(found):
            first, total = number, 0
            last = number
            while last < len(self._regions) and (last == number or total <= _MOST_CELLS):
                total += cells(self._regions[last])
                last += 1
            found = count(self._regions[first:last])
            self._found[key] = (first, found)
        return found[number - first]


@dataclass(frozen=True, slots=True)
class DeviceLevels:
    """One region of a batch: stands where `_cormack_cpu.Levels` does."""

    batch: Batch
    number: int


def _slices(row: np.ndarray, per_slice: bool) -> int:
    return int(row[1]) if per_slice else 1


def _boxes(regions: np.ndarray, per_slice: bool) -> range:
    return range(sum(_slices(row, per_slice) for row in regions))


def _cells_of(counts: np.ndarray, first: int) -> np.ndarray:
    """Return (matrix, level, size, count) of a table (matrix, level - 1, size - first) where counts are not zero."""
    matrix, level, size = np.nonzero(counts)
    return np.column_stack((matrix, level + 1, size + first, counts[matrix, level, size])).astype(np.int64)


def mask_of(
    function: str, argument: str, value: Any, beside: _backends.OnDevice, of_argument: str
) -> _backends.OnDevice | None:
    """Return a mask as bytes that are not zero inside, on the device of an array of its shape."""
    if value is None:
        return None
    if isinstance(value, np.ndarray) or not _backends.is_on_gpu(value):
        inside = take_mask(function, argument, value, beside.shape, None, of_argument)
        assert inside is not None
        return beside.from_host(inside.view(np.uint8))
    mask, _ = _backends.borrow(function, argument, value)
    if mask.shape != beside.shape:
        raise ValueError(f"{function}: `{argument}` must have shape {beside.shape}, got {mask.shape}")
    if mask.dtype.name in ("bool", "uint8"):
        return mask
    if mask.dtype.name not in ("int8", "int16", "uint16", "int32", "uint32"):
        raise _backends.cannot(function, f"`{argument}` is of bool or integers of at most 32 bits")
    result = mask.empty(dtype=np.uint8)
    if mask.size:
        _backends.run(function, "texture_levels", [mask, result], kind=0)
    return result


def level_range(
    function: str,
    levels: _backends.OnDevice,
    inside: _backends.OnDevice | None,
    edges: _backends.OnDevice | None,
) -> tuple[int, int, list[int], list[int]] | None:
    """Return the lowest and highest level inside, and the box of all masks; None where nothing is inside."""
    if levels.dtype.itemsize > 4:
        raise _backends.cannot(function, "`levels` are integers of at most 32 bits")
    if not levels.size:
        return None
    result = levels.empty((64,), np.uint8)
    masks = [inside or levels, edges or levels]
    _backends.run(function, "texture_levels", [levels, *masks, result], kind=1, **_given(inside, edges))
    low, high, *box = result.to_host().view(np.int64).tolist()
    if high < -(1 << 61):
        return None
    return -low, high, [-begin for begin in box[:3]], [end + 1 for end in box[3:]]


def packed(
    function: str,
    levels: _backends.OnDevice,
    inside: _backends.OnDevice | None,
    edges: _backends.OnDevice | None,
    level_count: int,
    begin: Sequence[int],
    end: Sequence[int],
) -> DeviceLevels:
    """Pack the region in a box, whose levels are known to be from 1 to `level_count`."""
    shape = tuple(b - a for a, b in zip(begin, end, strict=True))
    size = int(np.prod(shape, dtype=np.int64))
    target = levels.empty((size,), np.int16)
    region = None if edges is None else levels.empty((size,), np.uint8)
    images = [levels, inside or levels, edges or levels, target, region or target]
    _backends.run(function, "texture_levels", images, kind=2, box=(*begin, *shape), **_given(inside, edges))
    return Batch(function, target, [shape], [level_count], region).region(0)


def _given(inside: _backends.OnDevice | None, edges: _backends.OnDevice | None) -> dict[str, Any]:
    return {"has_inside": inside is not None, "has_region": edges is not None}


class Crops:
    """An image on a device, of which parts are asked for: they come to the host."""

    def __init__(self, function: str, image: _backends.OnDevice) -> None:
        """Take an image of two or three axes."""
        self._function = function
        self.image = image
        self.shape = image.shape
        self.ndim = image.ndim
        self.dtype = image.dtype
        self.size = image.size

    def __getitem__(self, part: tuple[slice, ...]) -> np.ndarray:
        begin = [axis.start for axis in part]
        shape = tuple(axis.stop - axis.start for axis in part)
        size = int(np.prod(shape, dtype=np.int64))
        if not size:
            return np.zeros(shape, self.dtype)
        target = self.image.empty((size,))
        flat = 3 - self.ndim
        box = (*(0,) * flat, *begin, *(1,) * flat, *shape)
        _backends.run(self._function, "texture_levels", [self.image, target], kind=3, box=box)
        return target.to_host().reshape(shape)

    def box_of(self, label: int | None) -> tuple[slice, ...] | None:
        """Return the bounding box of a label, or of all that is not zero; None where there is none."""
        if label is None:
            found = level_range(self._function, self.image, None, None)
            return None if found is None else _parts(found[2], found[3], self.ndim)
        return self._boxes(label, 1).get(label) if self.size else None

    def boxes(self) -> dict[int, tuple[slice, ...]]:
        """Return the bounding boxes of all labels."""
        found = level_range(self._function, self.image, None, None)
        if found is None:
            return {}
        if found[0] < 0 or found[1] > _MOST_LABELS:
            raise _backends.cannot(self._function, f"labels are from 0 to {_MOST_LABELS}, got {found[0]} to {found[1]}")
        return self._boxes(1, found[1])

    def _boxes(self, first: int, count: int) -> dict[int, tuple[slice, ...]]:
        if self.dtype.kind not in "bui" or self.dtype.itemsize > 4:
            raise _backends.cannot(self._function, "`mask` is of bool or integers of at most 32 bits")
        result = self.image.empty((24 * count,), np.uint8)
        _backends.run(self._function, "texture_levels", [self.image, result], kind=4, first=first, count=count)
        boxes = result.to_host().view(np.int32).reshape(-1, 6)
        present = np.flatnonzero(boxes[:, 3] >= 0).tolist()
        return {first + i: _parts((-boxes[i, :3]).tolist(), (boxes[i, 3:] + 1).tolist(), self.ndim) for i in present}


def _parts(begin: Sequence[int], end: Sequence[int], ndim: int) -> tuple[slice, ...]:
    return tuple(map(slice, begin, end))[3 - ndim :]


def first_order(
    function: str, image: _backends.OnDevice, inside: _backends.OnDevice | None
) -> tuple[dict[str, float], int, int]:
    """Return the statistics of a region, its voxels, and how many of them are NaN or infinite; see `first_order`."""
    if not image.size:
        return {}, 0, 0
    region = _Intensities(function, image, inside)
    found = region.sums(0, 6)
    count, wrong = int(found[:, 3].sum()), int(found[:, 2].sum())
    if not count or wrong:
        return {}, count, wrong
    low, high = float(found[:, 4].min()), float(found[:, 5].max())
    if image.dtype.itemsize <= 2:
        # Every value has its count, which say all: the result has the CPU's bits.
        first = 0 if image.dtype.kind in "bu" else -int(np.iinfo(image.dtype).min)
        counts = region.counts([int(low) + first], 0, int(high - low) + 1)
        return _cormack_cpu.first_order_of_counts(counts[0].astype(np.int64), int(low)), count, 0
    mean = min(max(math.fsum(found[:, 0]) / count, low), high)
    quantiles = region.quantiles((0.1, 0.25, 0.5, 0.75, 0.9), count)
    ends = {"low": quantiles[0], "high": quantiles[4]}
    sums = [math.fsum(column) for column in region.sums(1, 7, mean=mean, median=quantiles[2], **ends).T]
    # Of two values none lies between the 10th and the 90th percentile.
    robust = math.fsum(region.sums(2, 1, center=mean + sums[6] / sums[5], **ends)[:, 0]) if sums[5] else 0.0
    energy = math.fsum(found[:, 1])
    return _cormack_cpu.first_order_of_sums(count, low, high, mean, energy, quantiles, sums, robust), count, 0


def intensity_range(
    function: str, image: _backends.OnDevice, inside: _backends.OnDevice | None, where: str
) -> tuple[float, float]:
    """Return the lowest and highest intensity of a region that has voxels, all finite; else say what is wrong."""
    if image.ndim > 3:
        raise _backends.cannot(function, "`image` has at most three axes")
    found = _Intensities(function, image, inside).sums(0, 6) if image.size else np.zeros((1, 6))
    if wrong := int(found[:, 2].sum()):
        raise ValueError(
            f"{function}: `image` must be finite in the region, got {wrong} voxels that are NaN or infinite"
        )
    if not found[:, 3].sum():
        raise ValueError(f"{function}: `{where}` must contain a voxel, got none")
    return float(found[:, 4].min()), float(found[:, 5].max())


def grey_levels(
    function: str,
    image: _backends.OnDevice,
    inside: _backends.OnDevice | None,
    start: float,
    factor: float,
    width: float,
    count: int,
) -> _backends.OnDevice:
    """Discretise a region."""
    return _Intensities(function, image, inside).levels((start, factor, width, count - 1.0))


# What threshold_map makes a mask with.
_INSIDE: dict[str, Any] = {"values": (1.0, 0.0, 0.0), "softness": 0.0}


def percentiles_of_finite(function: str, image: _backends.OnDevice, wanted: Sequence[float]) -> list[float]:
    """Return what numpy.percentile makes of the finite values of a floating image; nothing where there are none."""
    if not image.size:
        return []
    everywhere = _Intensities(function, image, None).sums(0, 6)
    count = int(everywhere[:, 3].sum() - everywhere[:, 2].sum())
    inside = None
    if count < image.size:
        inside = image.empty(dtype=bool)
        top = float(np.finfo(image.dtype).max)
        _backends.run(function, "threshold_map", [image, inside], lower=-top, upper=top, **_INSIDE)
    if not count:
        return []
    places = [(count - 1) * (percent / 100.0) for percent in wanted]
    ranks = {rank for at in places for rank in (int(at), min(int(at) + 1, count - 1))}
    values = _Intensities(function, image, inside).ranked(ranks)
    result = []
    for at in places:
        low, high = (image.dtype.type(values[rank]) for rank in (int(at), min(int(at) + 1, count - 1)))
        step, part = float(high - low), at - int(at)
        result.append(float(low) + step * part if part < 0.5 else float(high) - step * (1 - part))
    return result


class _Intensities:
    """Passes over the voxels of a region."""

    def __init__(self, function: str, image: _backends.OnDevice, inside: _backends.OnDevice | None) -> None:
        self._function = function
        self._image = image
        self._inside = inside
        rows = int(np.prod(image.shape[:-1], dtype=np.int64))
        # How many does not depend on the GPU, nor then the order of sums.
        self._blocks = max(1, min((rows + 7) // 8, 1024))

    def sums(self, kind: int, each: int, **settings: float) -> np.ndarray:
        """Return (block, sum)."""
        result = self._run(8 * each * self._blocks, kind, None, **settings)
        return result.view(np.float64).reshape(-1, each)

    def counts(self, firsts: Sequence[int], shift: int, size: int) -> np.ndarray:
        """Return (first, number) of the values whose place in order, less `first`, is this times 2**shift."""
        table = np.array(firsts, np.uint64)
        return self._run(4 * len(firsts) * size, 3, table, shift=shift, size=size).view(np.uint32).reshape(-1, size)

    def levels(self, rule: Sequence[float]) -> _backends.OnDevice:
        """Return grey levels."""
        result = self._image.empty(dtype=np.int32)
        self._launch(result, 4, None, level=rule)
        return result

    def quantiles(self, wanted: Sequence[float], count: int) -> list[float]:
        """Return quantiles, interpolated as by numpy.percentile."""
        positions = [(count - 1) * quantile for quantile in wanted]
        values = self.ranked({rank for at in positions for rank in (int(at), min(int(at) + 1, count - 1))})
        result = []
        for position in positions:
            low, high = values[int(position)], values[min(int(position) + 1, count - 1)]
            part = position - int(position)
            result.append(low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part))
        return result

    def ranked(self, wanted: Iterable[int]) -> dict[int, float]:
        """Return the values of ranks, from 0 for the smallest."""
        ranks = sorted(wanted)
        # Of each rank: the lowest place in order that its value may have, and how many values are below that.
        place, below = dict.fromkeys(ranks, 0), dict.fromkeys(ranks, 0)
        shift = 8 * self._image.itemsize
        while shift:
            bits = min(_DIGIT, shift)
            shift -= bits
            firsts = sorted(set(place.values()))
            up_to = self.counts(firsts, shift, 1 << bits).astype(np.int64).cumsum(axis=1)
            for rank in ranks:
                line = up_to[firsts.index(place[rank])]
                digit = int(np.searchsorted(line, rank - below[rank], "right"))
                place[rank] += digit << shift
                below[rank] += int(line[digit - 1]) if digit else 0
        return {rank: self._value(at) for rank, at in place.items()}

    def _value(self, place: int) -> float:
        """Return the value that has a place in order."""
        dtype = self._image.dtype
        if dtype.kind != "f":
            return float(place + np.iinfo(dtype).min)
        bits = 8 * dtype.itemsize
        top = 1 << (bits - 1)
        place = place - top if place >= top else (1 << bits) - 1 - place
        # Zero is positive: which of -0 and +0 was found must not matter.
        return float(np.array(place, f"u{dtype.itemsize}").view(dtype)) + 0.0

    def _run(self, length: int, kind: int, table: np.ndarray | None, **settings: Any) -> np.ndarray:
        result = self._image.empty((length,), np.uint8)
        self._launch(result, kind, table, **settings)
        return result.to_host()

    def _launch(self, result: _backends.OnDevice, kind: int, table: np.ndarray | None, **settings: Any) -> None:
        images = [self._image, self._image if self._inside is None else self._inside, result]
        given: dict[str, Any] = {"kind": kind, "masked": self._inside is not None, "blocks": self._blocks, **settings}
        _backends.run(self._function, "intensities", images, [] if table is None else [table], **given)


def shape(function: str, mask: _backends.OnDevice, spacing: tuple[float, ...], workers: int) -> dict[str, Any]:
    """Return what `_cormack_cpu.shape` does of a mask of bytes, with its bits: the GPU counts, the host concludes."""
    if not mask.size:
        return {"count": 0}
    extents = list(mask.shape)
    packed = mask.empty((mask.size,))
    _backends.run(function, "texture_levels", [mask, packed], kind=3, box=(0, 0, 0, *extents))
    region = np.array([[0, 0, 0, 0, *extents, 0, 0, 0, *extents, 0, 0, 0]], np.int64)
    return shape_counts(function, packed, region)[0].measured(spacing, workers)


@dataclass(frozen=True, slots=True)
class ShapeCounts:
    """What the shape of a region follows from: a few numbers, and the ends of its rows."""

    ends: np.ndarray
    sums: list[int]
    patterns: list[int]

    def measured(self, spacing: tuple[float, ...], workers: int) -> dict[str, Any]:
        """Return what `_cormack_cpu.shape` does."""
        return _cormack_cpu.shape_of_counts(self.ends, self.sums, self.patterns, spacing, workers)


def shape_counts(function: str, masks: _backends.OnDevice, regions: np.ndarray) -> list[ShapeCounts]:
    """Count for the shapes of packed regions, in one launch; see region_boxes in cpp/features/region_plan.hpp."""
    regions = regions.copy()
    rows = regions[:, 10] * regions[:, 11]
    regions[:, 2] = np.cumsum(rows) - rows
    counts = masks.empty((266 * 8 * len(regions),), np.uint8)
    ends = masks.empty((8 * int(rows.sum()),), np.uint8)
    _backends.run(function, "mask_shape", [masks, counts, ends], [regions])
    found = counts.to_host().view(np.int64).reshape(-1, 266)
    each = np.split(ends.to_host().view(np.int32), np.cumsum(2 * rows)[:-1])
    return [
        ShapeCounts(own.reshape(row[10], row[11], 2), numbers[256:].tolist(), numbers[:256].tolist())
        for own, row, numbers in zip(each, regions, found, strict=True)
    ]
