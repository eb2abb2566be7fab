"""Regions that stay on a GPU from image and mask to numbers, many in one launch of each kernel.

Voxels do not come to the host. What does is small: extremes, sums and counts of each region, texture matrices, and the
ends of the rows of its mask, from which the host computes features by the CPU's own formulas.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from .. import _backends, _cormack_cpu
from .._arrays import float_for
from . import _morphology, _texture
from ._intensity_families import (
    MOST_BINS,
    PEAK_RADIUS,
    check_bins,
    check_integers,
    counts_from_one,
    fractions,
    of_levels,
    volume_bins,
)
from ._on_device import Batch, shape_counts
from ._processing import Binning
from ._region import (
    Nodes,
    Ways,
    check_levels,
    closed,
    grown,
    level_rule,
    none_kept,
    nothing_left,
    rounds_resampled,
)
from ._settings import RadiomicsSettings

# What a voxel of a region's surroundings takes at most: its intensity, masks, levels, and what zones are found with.
BYTES_PER_VOXEL = 32
# Voxels of one region that a block takes, or one of each thread: the order of its sums does not depend on the regions
# beside it.
_CHUNK, _FEW = 4096, 256
# Counts of all regions that are in memory at once.
_MOST_CELLS = 1 << 24
# Up to so many pairs of voxels are added up on the GPU one by one.
_MOST_PAIRS = 1 << 36
# Intensities of fewer values are counted one by one.
_MOST_VALUES = 1 << 16
_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
_RANKS = 10
(
    _VALUES,
    _MASK,
    _NODES,
    _MASK_NODES,
    _BOUNDS,
    _CROP,
    _SUMS,
    _KEPT,
    _LEVELS,
    _COUNTS,
    _MOMENTS,
    _DEVIATION,
    _SELECT,
    _PEAKS,
    _PAIRS,
) = range(15)
# Columns of what kernels know of a region.
_AT_VALUES, _AT_MASK, _AT_NODES, _LABEL = range(4)
_AROUND, _BEGIN, _EXTENT, _SOURCE = slice(4, 7), slice(7, 10), slice(10, 13), slice(13, 16)

Box = tuple[slice, ...]
Spacing = tuple[float, ...]


def is_computed(settings: RadiomicsSettings) -> bool:
    """Return whether regions can be processed on a GPU: there is no spline."""
    cubic = "cubic" in (settings.image_interpolation, settings.mask_interpolation)
    return settings.new_spacing is None or not cubic


def size_of(shape: tuple[int, ...], box: Box, spacing: Spacing, settings: RadiomicsSettings) -> int:
    """Return about how many voxels a region's surroundings have."""
    extents: list[int] = [part.stop - part.start for part in grown(box, spacing, shape)]
    if settings.new_spacing is None:
        return math.prod(extents)
    sizes = np.ravel(settings.new_spacing)
    news = [float(sizes[0])] * len(extents) if len(sizes) == 1 else [spacing[0], *sizes.tolist()][-len(extents) :]
    volume: float = math.prod(n * old / new for n, old, new in zip(extents, spacing, news, strict=True))
    return math.ceil(volume)


def regions_on_device(
    function: str,
    image: _backends.OnDevice,
    labels: _backends.OnDevice,
    wanted: Sequence[tuple[int | None, Box]],
    spacing: Spacing,
    settings: RadiomicsSettings,
    workers: int,
) -> list[DeviceRegion | ValueError]:
    """Process regions, given by label, None for all that is not zero, and box; or say what is wrong with them."""
    found: list[DeviceRegion | ValueError] = [nothing_left(function)] * len(wanted)
    if not wanted:
        return found
    if settings.new_spacing is None:
        numbers = list(range(len(wanted)))
        packed = _packed(function, image, labels, wanted, spacing, bool(settings.intensity_rounding))
    else:
        nodes: list[Nodes] = []
        numbers = []
        for number, (_, box) in enumerate(wanted):
            try:
                nodes.append(Nodes.around(function, image.shape, box, spacing, settings))
                numbers.append(number)
            except ValueError as error:
                found[number] = error
        if not nodes:
            return found
        spacing = nodes[0].spacing
        given = [wanted[number][0] for number in numbers]
        packed, kept = _resampled(function, image, labels, given, nodes, settings)
        numbers = [numbers[i] for i in kept]
        if not numbers:
            return found
    regions = DeviceRegions(function, packed, image.ndim, spacing, settings, workers)
    for i, number in enumerate(numbers):
        wrong = regions.errors[i]
        found[number] = DeviceRegion(regions, i) if wrong is None else wrong
    return found


@dataclass(frozen=True, eq=False)
class _Packed:
    """Surroundings and masks of regions, one after the other, and where they lie."""

    function: str
    values: _backends.OnDevice
    masks: _backends.OnDevice
    rows: np.ndarray

    def run(self, kind: int, images: Sequence[Any], tables: Sequence[np.ndarray] = (), **settings: Any) -> None:
        """Run a kernel over all regions."""
        settings = {"kind": kind, "chunk": _CHUNK, **settings}
        _backends.run(self.function, "regions", images, [self.rows, *tables], **settings)

    def sums(self, kind: int, each: int, tables: Sequence[np.ndarray], **settings: Any) -> list[np.ndarray]:
        """Return (part, sum) of each region."""
        parts = -(-self.rows[:, _EXTENT].prod(axis=1) // settings.get("chunk", _CHUNK))
        result = self.masks.empty((8 * each * max(int(parts.sum()), 1),), np.uint8)
        self.run(kind, [self.values, self.masks, result], tables, **settings)
        numbers = result.to_host().view(np.float64).reshape(-1, each)[: int(parts.sum())]
        return np.split(numbers, np.cumsum(parts)[:-1])


def _offsets(sizes: np.ndarray) -> tuple[np.ndarray, int]:
    ends = np.cumsum(sizes)
    return ends - sizes, int(ends[-1])


def _in_space(values: Sequence[int], fill: int) -> list[int]:
    return [fill] * (3 - len(values)) + list(values)


def _packed(
    function: str,
    image: _backends.OnDevice,
    labels: _backends.OnDevice,
    wanted: Sequence[tuple[int | None, Box]],
    spacing: Spacing,
    rounds: bool,
) -> _Packed:
    rows = np.zeros((len(wanted), 16), np.int64)
    for row, (label, box) in zip(rows, wanted, strict=True):
        around = grown(box, spacing, image.shape)
        row[_LABEL] = label or 0
        row[_AROUND] = _in_space([part.stop - part.start for part in around], 1)
        row[_SOURCE] = _in_space([part.start for part in around], 0)
        row[_BEGIN] = _in_space([own.start - part.start for own, part in zip(box, around, strict=True)], 0)
        row[_EXTENT] = _in_space([part.stop - part.start for part in box], 1)
    rows[:, _AT_VALUES], total = _offsets(rows[:, _AROUND].prod(axis=1))
    rows[:, _AT_MASK], inside = _offsets(rows[:, _EXTENT].prod(axis=1))
    packed = _Packed(function, image.empty((total,), np.float64), image.empty((inside,), np.uint8), rows)
    packed.run(_VALUES, [image, packed.values], rounds=rounds)
    packed.run(_MASK, [labels, packed.masks], any=wanted[0][0] is None)
    return packed


def _resampled(
    function: str,
    image: _backends.OnDevice,
    labels: _backends.OnDevice,
    given: Sequence[int | None],
    nodes: Sequence[Nodes],
    settings: RadiomicsSettings,
) -> tuple[_Packed, list[int]]:
    """Return what the nodes around regions see, and which regions are still there."""
    rows = np.zeros((len(nodes), 16), np.int64)
    rows[:, _LABEL] = [label or 0 for label in given]
    rows[:, _AROUND] = [_in_space([len(each) for each in own.positions], 1) for own in nodes]
    rows[:, _AT_NODES], _ = _offsets(rows[:, _AROUND].sum(axis=1))
    rows[:, _AT_VALUES], total = _offsets(rows[:, _AROUND].prod(axis=1))
    wide = _Packed(function, image.empty((total,), np.float64), image.empty((total,), np.uint8), rows)
    dtype = float_for(image.dtype)
    linear = settings.image_interpolation == "linear"
    wide.run(
        _NODES,
        [image, wide.values],
        _places(image.shape, nodes, linear),
        linear=linear,
        single=dtype == np.float32,
        rounds=rounds_resampled(settings, image.dtype),
    )
    linear = settings.mask_interpolation == "linear"
    wide.run(
        _MASK_NODES,
        [labels, wide.masks],
        _places(image.shape, nodes, linear),
        linear=linear,
        threshold=settings.mask_threshold - 1e-12,
        any=given[0] is None,
    )
    bounds = image.empty((24 * len(rows),), np.uint8)
    wide.run(_BOUNDS, [wide.masks, bounds])
    box = bounds.to_host().view(np.int32).reshape(-1, 6).astype(np.int64)
    kept = np.flatnonzero(box[:, 3] >= 0)
    rows = rows[kept]
    if not len(kept):
        return wide, []
    rows[:, _BEGIN] = -box[kept, :3]
    rows[:, _EXTENT] = box[kept, 3:] + 1 - rows[:, _BEGIN]
    rows[:, _AT_MASK], inside = _offsets(rows[:, _EXTENT].prod(axis=1))
    packed = _Packed(function, wide.values, image.empty((inside,), np.uint8), rows)
    packed.run(_CROP, [wide.masks, packed.masks])
    return packed, kept.tolist()


def _places(shape: tuple[int, ...], nodes: Sequence[Nodes], linear: bool) -> list[np.ndarray]:
    """Return the voxels before all nodes, and how far behind these they lie: as the CPU's kernel places them."""
    voxels, parts = [], []
    for own in nodes:
        source, shifted = own.within(shape, 0)
        for _ in range(3 - len(shape)):
            voxels.append(np.zeros(1, np.int32))
            parts.append(np.zeros(1))
        for axis, positions in zip(source, shifted, strict=True):
            last = axis.stop - axis.start - 1
            places = np.rint(positions.clip(0, last) * 2.0**32) / 2.0**32
            whole = np.floor(places)
            if linear:
                whole = np.minimum(whole, max(0, last - 1))
            else:
                whole += places - whole >= 0.5
            voxels.append((whole + axis.start).astype(np.int32))
            parts.append(places - whole)
    return [np.concatenate(voxels), np.concatenate(parts)]


class DeviceRegions:
    """Regions on a device. Each family is computed for all of them when it is first asked for."""

    def __init__(
        self,
        function: str,
        packed: _Packed,
        ndim: int,
        spacing: Spacing,
        settings: RadiomicsSettings,
        workers: int,
    ) -> None:
        """Take packed regions; those that features cannot be computed of are in `errors`."""
        self.function = function
        self.ndim = ndim
        self.spacing = spacing
        self.settings = settings
        self.workers = workers
        self.errors: list[ValueError | None] = [None] * len(packed.rows)
        self.limits: list[tuple[float, float]] = [(0.0, 0.0)] * len(packed.rows)
        self.shapes = packed
        self._measure(packed)
        self.packed = self._resegmented(packed)

    def _measure(self, packed: _Packed) -> None:
        """Find the extremes of regions, and what makes the region unfit."""
        found = packed.sums(_SUMS, 9, ())
        low, high = (np.array([pick(own[:, i]) for own in found]) for i, pick in enumerate((np.min, np.max)))
        self.sums = np.array([[math.fsum(column) for column in own[:, 2:].T] for own in found])
        for i, (wrong, count, *_) in enumerate(self.sums):
            if self.errors[i] is not None:
                continue
            # Zero is positive, whichever voxel it is of.
            before, self.limits[i] = self.limits[i], (float(low[i]) + 0.0, float(high[i]) + 0.0)
            if wrong:
                self.errors[i] = ValueError(
                    f"{self.function}: `image` must be finite in the region, got {int(wrong)} voxels that are NaN or "
                    "infinite"
                )
            elif not count:
                self.errors[i] = none_kept(self.function, before)

    def _resegmented(self, packed: _Packed) -> _Packed:
        ends, sigma = closed(self.settings.resegmentation_range), self.settings.resegmentation_sigma
        if ends is None and sigma is None:
            return packed
        rules = np.tile([-math.inf, math.inf, -math.inf, math.inf], (len(packed.rows), 1))
        if ends is not None:
            rules[:, :2] = ends
        if sigma is not None:
            means = self.sums[:, 3] / np.maximum(self.sums[:, 1], 1)
            squares = packed.sums(_MOMENTS, 7, [self._centers(means)])
            spread = [math.fsum(own[:, 0]) for own in squares] / np.maximum(self.sums[:, 1], 1)
            rules[:, 2] = means - sigma * np.sqrt(spread)
            rules[:, 3] = means + sigma * np.sqrt(spread)
        elif all(rules[0, 0] <= low <= high <= rules[0, 1] for low, high in self.limits):
            return packed
        kept = replace(packed, masks=packed.masks.empty(packed.masks.shape, np.uint8))
        packed.run(_KEPT, [packed.values, packed.masks, kept.masks], [rules])
        self._measure(kept)
        return kept

    @staticmethod
    def _centers(*columns: Any) -> np.ndarray:
        """Return a table of centers: what is not given is 0."""
        length = len(columns[0])
        return np.column_stack([*columns, *[np.zeros(length)] * (4 - len(columns))]).astype(np.float64)

    # --- What families are computed from ---

    def counts(self, rules: Sequence[Binning | None]) -> list[np.ndarray]:
        """Return how many voxels of regions have each level."""
        sizes = np.array([1 if rule is None else rule.most for rule in rules], np.int64)
        table = np.array([_of(rule) for rule in rules])
        result: list[np.ndarray] = []
        while len(result) < len(sizes):
            first = len(result)
            last = first + max(1, int(np.searchsorted(np.cumsum(sizes[first:]), _MOST_CELLS, "right")))
            some = replace(self.packed, rows=self.packed.rows[first:last])
            counts = self.packed.masks.empty((4 * int(sizes[first:last].sum()),), np.uint8)
            images = [some.values, some.masks, counts]
            some.run(_COUNTS, images, [table[first:last], sizes[first:last]])
            found = counts.to_host().view(np.uint32).astype(np.int64)
            result += np.split(found, np.cumsum(sizes[first:last])[:-1])
        return result

    def _tried(self, compute: Callable[[int], Any]) -> list[Any]:
        """Return what is computed of each region, or why it is not."""

        def result(i: int) -> Any:
            error = self.errors[i]
            if error is not None:
                return error
            try:
                return compute(i)
            except ValueError as wrong:
                return wrong

        return [result(i) for i in range(len(self.errors))]

    def _of_counts(self, rules: list[Any], conclude: Callable[[int, np.ndarray], Any]) -> list[Any]:
        """Return what follows from the counts of levels, of regions that have a rule instead of an error."""
        counts = self.counts([None if isinstance(rule, ValueError) else rule for rule in rules])
        return [rule if isinstance(rule, ValueError) else conclude(i, counts[i]) for i, rule in enumerate(rules)]

    def _are_integers(self, i: int) -> bool:
        return not self.sums[i, 2]

    # --- Families, of all regions ---

    @cached_property
    def statistics(self) -> list[Any]:
        """Intensity-based statistics: from counts of values where they are integers, else from sums."""
        count = self.sums[:, 1]
        counted = [
            self._are_integers(i) and high - low < _MOST_VALUES and bool(count[i])
            for i, (low, high) in enumerate(self.limits)
        ]
        rules = [
            Binning(low, 1.0, 1.0, int(high - low) + 1, int(high - low) + 1) if yes else None
            for yes, (low, high) in zip(counted, self.limits, strict=True)
        ]
        tables = self.counts(rules) if any(counted) else []
        moments = None if all(counted) else self._from_sums()

        def result(i: int) -> dict[str, float]:
            if counted[i]:
                found = _cormack_cpu.first_order_of_counts(tables[i], int(self.limits[i][0]))
            else:
                assert moments is not None
                found = moments[i]()
            return {key: value for key, value in found.items() if key not in ("count", "not_finite")}

        return self._tried(result)

    def _from_sums(self) -> list[Callable[[], dict[str, Any]]]:
        count = self.sums[:, 1]
        low, high = np.array(self.limits).T
        means = np.clip(self.sums[:, 3] / np.maximum(count, 1), low, high)
        quantiles = self._quantiles(count)
        ends = quantiles[:, 0], quantiles[:, 4]
        sums = self.packed.sums(_MOMENTS, 7, [self._centers(means, quantiles[:, 2], *ends)])
        added = np.array([[math.fsum(column) for column in own.T] for own in sums])
        middle = means + added[:, 6] / np.where(added[:, 5] > 0, added[:, 5], np.nan)
        rest = self.packed.sums(_DEVIATION, 2, [self._centers(middle, means, *ends)])
        robust = np.array([[math.fsum(column) for column in own.T] for own in rest])

        def of(i: int) -> Callable[[], dict[str, Any]]:
            return lambda: _cormack_cpu.first_order_of_sums(
                int(count[i]),
                *self.limits[i],
                means[i],
                robust[i, 1],
                quantiles[i].tolist(),
                added[i].tolist(),
                robust[i, 0],
            )

        return [of(i) for i in range(len(count))]

    def _quantiles(self, count: np.ndarray) -> np.ndarray:
        """Return (region, quantile), interpolated as by numpy.percentile."""
        most = np.maximum(count - 1, 0)[:, None]
        positions = most * np.array(_QUANTILES)
        below = np.floor(positions)
        ranks = np.stack((below, np.minimum(below + 1, most)), axis=2).astype(np.uint32)
        places = self.packed.masks.empty((8 * ranks.size,), np.uint8)
        images = [self.packed.values, self.packed.masks, places]
        self.packed.run(_SELECT, images, [ranks.reshape(-1)])
        keys = places.to_host().view(np.uint64)
        top = np.uint64(1 << 63)
        values = np.where(keys >= top, keys ^ top, ~keys).view(np.float64).reshape(-1, len(_QUANTILES), 2)
        part = positions - below
        low, high = values[..., 0], values[..., 1]
        with np.errstate(invalid="ignore", over="ignore"):
            result: np.ndarray = np.where(part < 0.5, low + (high - low) * part, high - (high - low) * (1 - part))
        return result

    @cached_property
    def rules(self) -> list[Any]:
        """How regions become grey levels, or why they do not."""

        def rule(i: int) -> Binning:
            found = level_rule(self.function, self.settings, self.limits[i])
            if self.settings.discretisation == "none":
                check_levels(self.function, self._are_integers(i))
            return found

        return self._tried(rule)

    @cached_property
    def histograms(self) -> list[Any]:
        """Intensity histogram."""

        def checked(i: int) -> Binning:
            rule = self.rules[i]
            if isinstance(rule, ValueError):
                raise rule
            check_bins(self.function, rule.level_count)
            return rule  # type: ignore[no-any-return]

        def conclude(i: int, counts: np.ndarray) -> dict[str, float]:
            return of_levels(counts_from_one(self.function, 1, counts, self.rules[i].level_count))

        return self._of_counts(self._tried(checked), conclude)

    @cached_property
    def volume_histograms(self) -> list[Any]:
        """Intensity-volume histogram."""
        settings = self.settings
        ends = closed(settings.resegmentation_range)

        def bins_of(i: int) -> Any:
            how = settings.ivh_discretisation
            if how == "automatic":
                how = automatic_bins(ends, self.limits[i], lambda: self._are_integers(i))
            return volume_bins(
                self.function,
                self.limits[i],
                ends,
                settings.ivh_bin_size if how == "fixed bin size" else None,
                settings.ivh_bin_number if how == "fixed bin number" else None,
                "ivh_bin_size",
            )

        bins = self._tried(bins_of)

        def rule(i: int) -> Binning:
            if isinstance(bins[i], ValueError):
                raise bins[i]
            if bins[i].rule is not None:
                return bins[i].rule  # type: ignore[no-any-return]
            check_integers(self.function, self._are_integers(i))
            return Binning(bins[i].start, 1.0, 1.0, bins[i].number, bins[i].number)

        def conclude(i: int, counts: np.ndarray) -> dict[str, float]:
            return fractions(bins[i], counts_from_one(self.function, 1, counts[: bins[i].number], bins[i].number))

        return self._of_counts(self._tried(rule), conclude)

    @cached_property
    def peaks(self) -> list[Any]:
        """Local intensity."""
        spacing = (1.0, *self.spacing) if self.ndim == 2 else self.spacing
        most = self.packed.rows[:, _AROUND].max(axis=0) - 1
        depth, height, halves = _ball(spacing, most)
        result = self.packed.masks.empty((16 * len(self.errors),), np.uint8)
        highest = np.array([high for _, high in self.limits])
        self.packed.run(
            _PEAKS,
            [self.packed.values, self.packed.masks, result],
            [highest, halves],
            chunk=_FEW,
            depth=depth,
            height=height,
        )
        order = result.to_host().view(np.int64)
        means = np.where(order < 0, order ^ np.int64(0x7FFFFFFFFFFFFFFF), order).view(np.float64).reshape(-1, 2)
        return self._tried(lambda i: {"loc_peak_loc": float(means[i, 0]), "loc_peak_glob": float(means[i, 1])})

    @cached_property
    def morphology(self) -> list[Any]:
        """Morphology, of masks before re-segmentation, and how intensities lie in space."""
        counts = shape_counts(self.function, self.shapes.masks, self.shapes.rows)
        spatial = self._spatial()

        def result(i: int) -> dict[str, float]:
            _morphology.check_size(tuple(self.packed.rows[i, _EXTENT].tolist()), self.spacing)
            return _morphology.of_counts(counts[i].measured(self.spacing, self.workers), spatial[i](), self.spacing)

        return self._tried(result)

    def _spatial(self) -> list[Callable[[], dict[str, Any]]]:
        """Return what gives what `_cormack_cpu.spatial` does."""
        rows, count = self.packed.rows, self.sums[:, 1]
        low, high = np.array(self.limits).T
        mean = np.clip(self.sums[:, 3] / np.maximum(count, 1), low, high)
        few = (count * rows[:, _EXTENT].prod(axis=1) <= _MOST_PAIRS) & (low < high)
        with np.errstate(divide="ignore", invalid="ignore"):
            unit = np.where(low < high, 1 / np.maximum(high - mean, mean - low), 0.0)
            centers = self.sums[:, 4:7] / np.where(self.sums[:, 3] == 0, np.nan, self.sums[:, 3])[:, None]
        numbers = np.flatnonzero(few)
        pairs = np.full((len(rows), 4), math.nan)
        if len(numbers):
            some = replace(self.packed, rows=rows[numbers])
            table = self._centers(mean[numbers], unit[numbers])
            found = some.sums(_PAIRS, 4, [table], chunk=_FEW, spacing=self.spacing)
            pairs[numbers] = [[math.fsum(column) for column in own.T] for own in found]

        def of(i: int) -> Callable[[], dict[str, Any]]:
            if low[i] < high[i] and not few[i]:
                return lambda: _cormack_cpu.spatial(*self._on_host(i), self.spacing, self.workers)
            ones, products, squares, variance = pairs[i].tolist()
            whole = ones * variance
            # One voxel is as a region of one intensity.
            known = bool(low[i] < high[i]) and whole > 0
            return lambda: {
                "count": int(count[i]),
                "not_finite": 0,
                "mean": float(mean[i]),
                "center": centers[i].tolist(),
                "moran": count[i] * products / whole if known else math.nan,
                "geary": (count[i] - 1) * (squares - products) / whole if known else math.nan,
            }

        return [of(i) for i in range(len(rows))]

    def _on_host(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Copy the box of a region, and its intensity mask."""
        row, packed = self.packed.rows[i], self.packed
        _, y, x = row[_AROUND].tolist()
        extents = tuple(row[_EXTENT].tolist())
        values = _part(packed.values, int(row[_AT_VALUES]), (y * x, x, 1), tuple((row[_BEGIN] + row[_EXTENT]).tolist()))
        masks = _part(packed.masks, int(row[_AT_MASK]), (extents[1] * extents[2], extents[2], 1), extents)
        result = []
        for array, begin in ((values, row[_BEGIN].tolist()), (masks, (0, 0, 0))):
            target = array.empty((math.prod(extents),))
            _backends.run(self.function, "texture_levels", [array, target], kind=3, box=(*begin, *extents))
            result.append(target.to_host().reshape(extents))
        return result[0], result[1]

    @cached_property
    def textures(self) -> Batch:
        """Grey levels of all regions."""
        rules = [
            rule if isinstance(rule, Binning) and rule.level_count <= _texture.MOST_LEVELS else None
            for rule in self.rules
        ]
        packed = self.packed
        levels = packed.masks.empty((max(int(packed.rows[:, _EXTENT].prod(axis=1).sum()), 1),), np.int16)
        table = np.array([_of(rule) for rule in rules])
        packed.run(_LEVELS, [packed.values, packed.masks, levels], [table], chunk=_FEW)
        edges = None if packed is self.shapes else self.shapes.masks
        shapes = [tuple(row[_EXTENT].tolist()) for row in packed.rows]
        counts = [1 if rule is None else rule.level_count for rule in rules]
        return Batch(self.function, levels, shapes, counts, edges)


def _part(array: _backends.OnDevice, at: int, strides: tuple[int, ...], shape: tuple[int, ...]) -> _backends.OnDevice:
    return replace(array, pointer=array.pointer + at * array.itemsize, shape=shape, strides=strides)


def _of(rule: Binning | None) -> tuple[float, float, float, float]:
    """Return a rule as kernels take it; without one everything has level 1."""
    return (0.0, 1.0, 1.0, 0.0) if rule is None else (rule.start, rule.factor, rule.width, rule.most - 1.0)


def automatic_bins(
    ends: tuple[float, float] | None, limits: tuple[float, float], are_integers: Callable[[], bool]
) -> str:
    """Return the bins of an intensity-volume histogram where they are not chosen."""
    # The range of re-segmentation is what fractions refer to, where it has ends.
    low, high = (end if math.isfinite(end) else own for end, own in zip(ends or limits, limits, strict=True))
    return "none" if high - low < MOST_BINS and are_integers() else "fixed bin number"


def _ball(spacing: Spacing, most: np.ndarray) -> tuple[int, int, np.ndarray]:
    """Return the radii of a ball of 1 cm3 along z and y, and its chords' half lengths, -1 where there is none."""
    square = PEAK_RADIUS * PEAK_RADIUS

    def reach(axis: int, rest: float) -> int:
        # Beyond the image's end there is nothing to reach.
        return int(min(float(most[axis]), math.floor(math.sqrt(rest) / spacing[axis])))

    depth, height = reach(0, square), reach(1, square)
    halves = []
    for dz in range(depth + 1):
        for dy in range(height + 1):
            z, y = dz * spacing[0], dy * spacing[1]
            rest = square - z * z - y * y
            halves.append(-1 if rest < 0 else reach(2, rest))
    return depth, height, np.array(halves, np.int32)


@dataclass(frozen=True)
class DeviceRegion(Ways):
    """One region of a batch: what every family computes on."""

    regions: DeviceRegions
    number: int

    @property
    def settings(self) -> RadiomicsSettings:  # type: ignore[override]
        """Processing and choice of features."""
        return self.regions.settings

    @property
    def ndim(self) -> int:
        """Axes of the image."""
        return self.regions.ndim

    def family(self, name: str) -> dict[str, float]:
        """Return the features of a family, `name` of `DeviceRegions`."""
        found = getattr(self.regions, name)[self.number]
        if isinstance(found, ValueError):
            raise found
        return found  # type: ignore[no-any-return]

    @cached_property
    def texture(self) -> _texture.Region:
        """The grey levels as texture families take them."""
        regions = self.regions
        rule = regions.rules[self.number]
        if isinstance(rule, ValueError):
            raise rule
        _texture.check_count(regions.function, rule.level_count)
        levels = regions.textures.region(self.number)
        return _texture.on_device(levels, rule.level_count, self.ndim, regions.workers, self.settings.distance)
