"""The region that features are computed on: found in its mask, processed as IBSI says, cropped."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, cast

import numpy as np

from .. import _backends, _check, _cormack_cpu
from .._arrays import DTYPES, HOST_ONLY, Taken, float_for, take, take_matching
from .._resampling import MOST_NODES
from . import _on_device, _texture, _zones
from ._intensity_families import MOST_BINS, PEAK_RADIUS, region_box
from ._processing import Binning, binning, grid_of, levels_of, range_in, resampled, resampled_mask, resegmented
from ._settings import RadiomicsSettings

# Coefficients of a spline depend on values this far away by less than half an ulp of them.
_SPLINE_REACH = 40
# Voxels of an image that is copied sooner than described.
_SMALL = 1 << 12


class Ways:
    """How the matrices of a region are combined, and what families share, wherever the region lies."""

    settings: RadiomicsSettings

    @property
    def ndim(self) -> int:
        """Axes of the image."""
        raise NotImplementedError

    @property
    def texture(self) -> _texture.Region:
        """The grey levels as texture families take them."""
        raise NotImplementedError

    @cached_property
    def zones(self) -> dict[str, dict[str, dict[str, float]]]:
        """Features of size zones and distance zones, which take one search."""
        return _zones.of_region(self.texture, self.by_slice)

    @cached_property
    def by_direction(self) -> tuple[str, ...]:
        """How matrices with directions are combined."""
        return self.settings.aggregations_of(self.ndim)

    @cached_property
    def by_slice(self) -> tuple[str, ...]:
        """How matrices without directions are combined: the first words of those with directions."""
        return tuple(dict.fromkeys(name.split()[0] for name in self.by_direction))


@dataclass(frozen=True)
class Region(Ways):
    """What every family computes on: an image after processing, cropped, and the region in it.

    `image`, `mask` and `intensity_mask` are the bounding box of the region; `surroundings` is the image as far as balls
    of 1 cm3 around the region reach, and `box` the bounding box in it.
    """

    surroundings: np.ndarray
    box: tuple[slice, ...]
    mask: np.ndarray
    intensity_mask: np.ndarray
    limits: tuple[float, float]
    spacing: tuple[float, ...]
    settings: RadiomicsSettings
    workers: int
    function: str
    """The public one, which errors name."""
    together: OnDevice | None = None
    """Where textures are counted on a GPU: what does it for many regions."""

    @cached_property
    def image(self) -> np.ndarray:
        """The image in the bounding box."""
        return _packed(self.surroundings[self.box])

    @cached_property
    def levels(self) -> tuple[np.ndarray, int]:
        """Grey levels, 0 outside the intensity mask, and their number."""
        rule = level_rule(self.function, self.settings, self.limits)
        if self.settings.discretisation == "none":
            inside = np.where(self.intensity_mask, self.image, 0)
            levels = inside.astype(np.int32)
            check_levels(self.function, np.array_equal(levels, inside))
        else:
            levels = levels_of(self.image, self.intensity_mask, self.limits, rule, self.workers)
        return levels, rule.level_count

    @property
    def ndim(self) -> int:
        """Axes of the image."""
        return self.mask.ndim

    @cached_property
    def texture(self) -> _texture.Region:
        """The grey levels as texture families take them."""
        levels, count = self.levels
        if self.together is not None:
            return self.together.texture(self)
        _texture.check_count(self.function, count)
        if self.settings.discretisation != "none":
            # As discretisation gives them: there is nothing to check.
            return _texture.prepared(
                self.function,
                levels,
                self.intensity_mask,
                self.mask,
                count,
                self.settings.distance,
                self.workers,
            )
        return _texture.region_of(
            self.function,
            levels,
            self.intensity_mask,
            level_count=count,
            reach=self.settings.distance,
            morphological_mask=self.mask,
            workers=self.workers or None,
        )


class OnDevice:
    """Regions whose levels go to a GPU together, when textures of the first are asked for."""

    def __init__(self, beside: _backends.OnDevice | None) -> None:
        """Take an array of the device; None: the current one."""
        self._beside = beside
        self._regions: list[Region] = []
        self._numbers: dict[int, int] | None = None
        self._batch: _on_device.Batch | None = None

    def add(self, region: Region) -> Region:
        """Return a region whose textures are counted here."""
        region = replace(region, together=self)
        self._regions.append(region)
        return region

    def texture(self, region: Region) -> _texture.Region:
        """Return levels on the device."""
        levels, count = region.levels
        _texture.check_count(region.function, count)
        if self._numbers is None:
            self._upload(region.function)
        assert self._batch is not None
        assert self._numbers is not None
        on_device = self._batch.region(self._numbers[id(region)])
        return _texture.on_device(on_device, count, levels.ndim, region.workers, region.settings.distance)

    def _upload(self, function: str) -> None:
        able = []
        for region in self._regions:
            try:
                _texture.check_count(function, region.levels[1])
                able.append(region)
            except ValueError:
                # Said when its own textures are asked for.
                continue
        edges = None
        if any(region.mask is not region.intensity_mask for region in able):
            edges = [region.mask for region in able]
        levels = [region.levels[0] for region in able]
        counts = [region.levels[1] for region in able]
        self._numbers = {id(region): i for i, region in enumerate(able)}
        self._batch = _on_device.Batch.of_host(function, self._beside, levels, counts, edges)


def taken_with_mask(function: str, image: Any, mask: Any, device: Any = HOST_ONLY) -> tuple[Taken, Taken]:
    """Check that an image and its mask fit each other; with `device`, both may be on a GPU, as `Crops`."""
    if device is not HOST_ONLY and not isinstance(image, np.ndarray) and _backends.is_on_gpu(image):
        taken = take(function, "image", image, device=device)
        taken = replace(taken, array=cast(Any, _on_device.Crops(function, cast(Any, taken.array))))
        if isinstance(mask, np.ndarray) or not _backends.is_on_gpu(mask):
            return taken, take_matching(function, "mask", mask, taken.array.shape, image)
        labels, give_back = _backends.borrow(function, "mask", mask)
        if labels.shape != taken.array.shape:
            raise ValueError(f"{function}: `mask` must have shape {taken.array.shape}, got {labels.shape}")
        crops: Any = _on_device.Crops(function, labels)
        return taken, Taken(crops, give_back, None)
    taken = take(function, "image", image)
    return taken, take_matching(function, "mask", mask, taken.array.shape, image)


def level_rule(function: str, settings: RadiomicsSettings, limits: tuple[float, float]) -> Binning:
    """Return how a region whose lowest and highest intensities are known becomes grey levels."""
    how = settings.discretisation
    if how == "none":
        low, high = limits
        if low < 1 or high > MOST_BINS:
            raise ValueError(
                f"{function}: intensities must be levels from 1 to {MOST_BINS} without discretisation, "
                f"got {low:g} to {high:g}"
            )
        return Binning(1.0, 1.0, 1.0, int(high), int(high))
    if how == "fixed bin number":
        return binning(function, limits, None, settings.bin_number, None)
    ends = settings.resegmentation_range
    return binning(function, limits, settings.bin_size, None, None if ends is None else ends[0])


def check_levels(function: str, are_integers: bool) -> None:
    """Refuse intensities that are no levels where they are not discretised."""
    if not are_integers:
        raise ValueError(f"{function}: intensities must be integers without discretisation")


def settings_of(function: str, settings: RadiomicsSettings | Mapping[str, Any] | None) -> RadiomicsSettings:
    """Return settings that may have come as a mapping."""
    if settings is None:
        return RadiomicsSettings()
    if isinstance(settings, Mapping):
        return RadiomicsSettings.from_dict(settings)
    if not isinstance(settings, RadiomicsSettings):
        raise _check.fail(function, "settings", "be RadiomicsSettings or a mapping", settings, TypeError)
    return settings


def region_of(
    function: str,
    image: np.ndarray,
    labels: np.ndarray,
    spacing: tuple[float, ...],
    settings: RadiomicsSettings,
    label: int | None,
    box: tuple[slice, ...],
    workers: int,
) -> Region:
    if settings.new_spacing is None:
        around = grown(box, spacing, image.shape)
        inside, mask = image[around], _is_inside(labels[box], label)
        box = tuple(slice(own.start - all_.start, own.stop - all_.start) for own, all_ in zip(box, around, strict=True))
        if settings.intensity_rounding:
            inside = _rounded(inside)
    else:
        inside, mask, spacing = _resampled(function, image, labels, label, box, spacing, settings, workers)
        box = region_box(mask, None, workers)
        mask = mask[box]
    crop = _packed(inside[box])
    limits = range_in(function, crop, mask, workers)
    intensity_mask = mask
    ends, sigma = closed(settings.resegmentation_range), settings.resegmentation_sigma
    if sigma is not None or (ends is not None and not ends[0] <= limits[0] <= limits[1] <= ends[1]):
        intensity_mask = resegmented(function, crop, mask, ends, sigma)
        if not intensity_mask.any():
            raise none_kept(function, limits)
        limits = range_in(function, crop, intensity_mask, workers)
    return Region(inside, box, mask, intensity_mask, limits, spacing, settings, workers, function)


def box_of(function: str, labels: np.ndarray | _on_device.Crops, label: int | None, workers: int) -> tuple[slice, ...]:
    """Return the bounding box of a label, or of all that is not zero."""
    if isinstance(labels, _on_device.Crops):
        found = labels.box_of(label)
        box = (slice(0, 0),) if found is None else found
    elif labels.dtype in DTYPES:
        box = region_box(labels, label, workers)
    else:
        box = region_box(_is_inside(labels, label), None, workers)
    if box[0].start == box[0].stop:
        if label is None:
            raise ValueError(f"{function}: `mask` must contain a voxel, got none")
        raise ValueError(f"{function}: `label` must be in the mask, got {label}")
    return box


def boxes_of(function: str, labels: np.ndarray | _on_device.Crops, workers: int) -> dict[int, tuple[slice, ...]]:
    """Return the bounding boxes of all labels, in increasing order, from one pass."""
    if max(labels.shape) > MOST_NODES:
        raise _check.fail(function, "mask", f"have no axis longer than {MOST_NODES} with `labels`", labels.shape)
    if isinstance(labels, _on_device.Crops):
        return labels.boxes()
    values: np.ndarray | None = None
    if labels.dtype not in DTYPES or labels.dtype.kind == "f" or (labels.dtype.kind == "i" and labels.min() < 0):
        # The search takes labels from 1: give it their ranks.
        values, ranks = np.unique(labels, return_inverse=True)
        for value in values if labels.dtype.kind == "f" else ():
            if not float(value).is_integer():
                raise _check.fail(function, "mask", "hold integers where `labels` are wanted", float(value))
        labels = ranks.reshape(labels.shape).astype(np.int32) + np.int32(1)
    found, _ = _cormack_cpu.label_statistics(labels, None, (1.0, 1.0, 1.0), False, False, workers)
    numbers = found["label"] if values is None else values[found["label"] - 1]
    begin, end = (found[key][-labels.ndim :].T.tolist() for key in ("start", "stop"))
    return {
        int(number): tuple(map(slice, first, last))
        for number, first, last in zip(numbers.tolist(), begin, end, strict=True)
        if number
    }


def closed(ends: tuple[float | None, float | None] | None) -> tuple[float, float] | None:
    """Return a range with infinities for its open ends."""
    if ends is None:
        return None
    return -math.inf if ends[0] is None else ends[0], math.inf if ends[1] is None else ends[1]


def _packed(image: np.ndarray) -> np.ndarray:
    """Return a small part of an image in memory of its own: to find an order for its axes would take longer."""
    return np.ascontiguousarray(image) if image.size <= _SMALL else image


def _is_inside(labels: np.ndarray, label: int | None) -> np.ndarray:
    result: np.ndarray = labels != 0 if label is None else labels == label
    return result


def grown(box: tuple[slice, ...], spacing: tuple[float, ...], shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Return a box as far as balls around its voxels reach inside an image."""
    more = [math.floor(PEAK_RADIUS / size) + 1 for size in spacing]
    return tuple(
        slice(max(0, part.start - reach), min(n, part.stop + reach))
        for part, reach, n in zip(box, more, shape, strict=True)
    )


def _rounded(image: np.ndarray) -> np.ndarray:
    """Round to integers, and store them as integers where all are finite and small."""
    if image.dtype.kind != "f":
        return image
    rounded = np.rint(image)
    low, high = (float(rounded.min()), float(rounded.max())) if rounded.size else (0.0, 0.0)
    for dtype in (np.int16, np.int32):
        # False for NaN.
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return np.asarray(rounded.astype(dtype))
    return np.asarray(rounded)


def rounds_resampled(settings: RadiomicsSettings, dtype: np.dtype[Any]) -> bool:
    """Return whether interpolated intensities are rounded: as was asked for, or where they were integers before."""
    rounds = settings.intensity_rounding
    return dtype.kind != "f" if rounds is None else rounds


def none_kept(function: str, limits: tuple[float, float]) -> ValueError:
    """Return the error for a region that re-segmentation leaves no voxel of."""
    span = f"{limits[0]:g} to {limits[1]:g}"
    return ValueError(f"{function}: re-segmentation must leave a voxel, got none of intensities from {span}")


def nothing_left(function: str) -> ValueError:
    """Return the error for a region between the nodes of a coarse grid."""
    return ValueError(f"{function}: `mask` must contain a voxel after resampling, got none")


class Nodes(NamedTuple):
    """The nodes of a grid around a region, in voxels of the image, one array per axis, and their spacing."""

    positions: tuple[np.ndarray, ...]
    spacing: tuple[float, ...]

    @classmethod
    def around(
        cls,
        function: str,
        shape: tuple[int, ...],
        box: tuple[slice, ...],
        spacing: tuple[float, ...],
        settings: RadiomicsSettings,
    ) -> Nodes:
        """Return the nodes of IBSI's grid as far as features of a region with this box look."""
        grid = grid_of(function, shape, spacing, settings.new_spacing, settings.dimension)
        # An interpolated mask reaches less than a voxel beyond the mask, a spline's less than four.
        beyond = 4 if settings.mask_interpolation == "cubic" else 1
        window = []
        for nodes, part in zip(grid.positions, box, strict=True):
            first, last = np.searchsorted(nodes, (part.start - beyond, part.stop - 1 + beyond))
            window.append(slice(int(first), min(len(nodes), int(last) + 1)))
        # Nodes of a coarse grid may all miss a small region.
        if any(part.start >= part.stop for part in window):
            raise nothing_left(function)
        parts = grown(tuple(window), grid.spacing, tuple(len(nodes) for nodes in grid.positions))
        return cls(tuple(nodes[part] for nodes, part in zip(grid.positions, parts, strict=True)), grid.spacing)

    def within(self, shape: tuple[int, ...], reach: int) -> tuple[tuple[slice, ...], tuple[np.ndarray, ...]]:
        """Return the part of the image that interpolation needs, and the nodes in its voxels."""
        source, shifted = [], []
        for nodes, n in zip(self.positions, shape, strict=True):
            low, high = np.clip((nodes[0], nodes[-1]), 0, n - 1)
            first, last = max(0, math.floor(low) - reach), min(n, math.floor(high) + 2 + reach)
            source.append(slice(first, last))
            shifted.append(np.clip(nodes, 0, n - 1) - first)
        return tuple(source), tuple(shifted)


def _resampled(
    function: str,
    image: np.ndarray,
    labels: np.ndarray,
    label: int | None,
    box: tuple[slice, ...],
    spacing: tuple[float, ...],
    settings: RadiomicsSettings,
    workers: int,
) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """Return image and mask at the nodes around the region, and their spacing."""
    nodes = Nodes.around(function, image.shape, box, spacing, settings)
    dtype = float_for(image.dtype)
    source, shifted = nodes.within(image.shape, _SPLINE_REACH if settings.image_interpolation == "cubic" else 0)
    values = resampled(image[source], shifted, settings.image_interpolation, dtype, workers)
    source, shifted = nodes.within(image.shape, _SPLINE_REACH if settings.mask_interpolation == "cubic" else 0)
    inside = _is_inside(labels[source], label)
    mask = resampled_mask(inside, shifted, settings.mask_interpolation, settings.mask_threshold, workers)
    if not mask.any():
        raise nothing_left(function)
    if rounds_resampled(settings, image.dtype):
        values = _rounded(values)
    return values, mask, nodes.spacing
