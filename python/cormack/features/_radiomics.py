"""All features of a region in one call: IBSI's processing, then every family on the same crop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import DTYPES, MASK_DTYPES, Taken, take
from . import _dependence, _glcm, _run_length, _texture, _tone_difference, _zones
from ._feature_table import FeatureTable, FeatureTables
from ._first_order import first_order
from ._intensity_families import (
    MOST_BINS,
    PEAK_RADIUS,
    counts_from_one,
    level_counts,
    of_levels,
    of_volume,
    peaks,
    region_box,
)
from ._morphology import morphology
from ._processing import MOST_NODES, discretised, grid_of, range_in, resampled, resampled_mask, resegmented
from ._settings import RadiomicsSettings

_NAME = "radiomics"
# Coefficients of a spline depend on values this far away by less than half an ulp of them.
_SPLINE_REACH = 40
_FEW = 1 << 15


@dataclass(frozen=True)
class Region:
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

    @property
    def image(self) -> np.ndarray:
        """The image in the bounding box."""
        return self.surroundings[self.box]

    @cached_property
    def levels(self) -> tuple[np.ndarray, int]:
        """Grey levels, 0 outside the intensity mask, and their number."""
        how = self.settings.discretisation
        if how == "none":
            low, high = self.limits
            if low < 1 or high > MOST_BINS:
                raise ValueError(
                    f"{_NAME}: intensities must be levels from 1 to {MOST_BINS} without discretisation, "
                    f"got {low:g} to {high:g}"
                )
            inside = np.where(self.intensity_mask, self.image, 0)
            levels = inside.astype(np.int32)
            if not np.array_equal(levels, inside):
                raise ValueError(f"{_NAME}: intensities must be integers without discretisation")
            return levels, int(high)
        size, number, start = self._bins(how, self.settings.bin_size, self.settings.bin_number)
        return discretised(_NAME, self.image, self.intensity_mask, self.limits, size, number, start, self.workers)

    @cached_property
    def texture(self) -> _texture.Region:
        """The grey levels as texture families take them."""
        levels, count = self.levels
        return _texture.region_of(
            _NAME,
            levels,
            self.intensity_mask,
            level_count=count,
            reach=self.settings.distance,
            morphological_mask=self.mask,
            workers=self.workers or None,
        )

    @cached_property
    def zones(self) -> dict[str, dict[str, dict[str, float]]]:
        """Features of size zones and distance zones, which take one search."""
        return _zones.of_region(self.texture, self.by_slice)

    @property
    def by_direction(self) -> tuple[str, ...]:
        """How matrices with directions are combined."""
        return self.settings.aggregations_of(self.mask.ndim)

    @property
    def by_slice(self) -> tuple[str, ...]:
        """How matrices without directions are combined: the first words of those with directions."""
        return tuple(dict.fromkeys(name.split()[0] for name in self.by_direction))

    def _bins(self, how: str, size: float, number: int) -> tuple[float | None, int | None, float | None]:
        if how == "fixed bin number":
            return None, number, None
        ends = self.settings.resegmentation_range
        return size, None, None if ends is None else ends[0]


def _morphology(region: Region) -> Mapping[str, float]:
    return morphology(
        region.mask, region.image, region.intensity_mask, spacing=region.spacing, workers=region.workers or None
    )


def _local_intensity(region: Region) -> Mapping[str, float]:
    inside = np.zeros(region.surroundings.shape, bool)
    inside[region.box] = region.intensity_mask
    return peaks(region.surroundings, inside, region.spacing, region.limits[1], region.workers)


def _first_order(region: Region) -> Mapping[str, float]:
    return first_order(region.image, region.intensity_mask, workers=region.workers or None)


def _intensity_histogram(region: Region) -> Mapping[str, float]:
    levels, count = region.levels
    first, counts = level_counts(_NAME, levels, region.intensity_mask, region.workers)
    return of_levels(counts_from_one(_NAME, first, counts, count))


def _intensity_volume_histogram(region: Region) -> Mapping[str, float]:
    settings = region.settings
    how = settings.ivh_discretisation
    if how == "automatic":
        span = region.limits[1] - region.limits[0]
        how = "none" if span < MOST_BINS and _are_integers(region) else "fixed bin number"
    return of_volume(
        _NAME,
        region.image,
        region.intensity_mask,
        region.limits,
        _closed(settings.resegmentation_range),
        settings.ivh_bin_size if how == "fixed bin size" else None,
        settings.ivh_bin_number if how == "fixed bin number" else None,
        region.workers,
    )


def _are_integers(region: Region) -> bool:
    if region.image.dtype.kind != "f":
        return True
    values = region.image[region.intensity_mask]
    return bool((values == np.rint(values)).all())


@dataclass(frozen=True, slots=True)
class _Family:
    """A family: what it computes, by how texture matrices are combined ("" where there are none)."""

    name: str
    compute: Callable[[Region], Mapping[str, Mapping[str, float]]]
    axes: tuple[int, ...] = (2, 3)


# A family is one row, in IBSI's order.
_FAMILIES = (
    _Family("morphology", lambda region: {"": _morphology(region)}, axes=(3,)),
    _Family("local_intensity", lambda region: {"": _local_intensity(region)}),
    _Family("first_order", lambda region: {"": _first_order(region)}),
    _Family("intensity_histogram", lambda region: {"": _intensity_histogram(region)}),
    _Family("intensity_volume_histogram", lambda region: {"": _intensity_volume_histogram(region)}),
    _Family("glcm", lambda r: _glcm.of_region(r.texture, r.by_direction, r.settings.distance)),
    _Family("glrlm", lambda r: _run_length.of_region(r.texture, r.by_direction)),
    _Family("glszm", lambda r: r.zones[_zones.SIZE_FAMILY]),
    _Family("gldzm", lambda r: r.zones[_zones.DISTANCE_FAMILY]),
    _Family("ngtdm", lambda r: _tone_difference.of_region(r.texture, r.by_slice, r.settings.distance)),
    _Family(
        "ngldm", lambda r: _dependence.of_region(r.texture, r.by_slice, r.settings.distance, r.settings.coarseness)
    ),
)


@overload
def radiomics(
    image: Any,
    mask: Any,
    *,
    spacing: Any = ...,
    settings: RadiomicsSettings | Mapping[str, Any] | None = ...,
    label: int | None = ...,
    labels: None = ...,
    workers: int | None = ...,
) -> FeatureTable: ...


@overload
def radiomics(
    image: Any,
    mask: Any,
    *,
    spacing: Any = ...,
    settings: RadiomicsSettings | Mapping[str, Any] | None = ...,
    label: None = ...,
    labels: str | Iterable[int],
    workers: int | None = ...,
) -> FeatureTables: ...


def radiomics(
    image: Any,
    mask: Any,
    *,
    spacing: Any = None,
    settings: RadiomicsSettings | Mapping[str, Any] | None = None,
    label: int | None = None,
    labels: Any = None,
    workers: int | None = None,
) -> FeatureTable | FeatureTables:
    """Compute the radiomics features of a region, as the Image Biomarker Standardisation Initiative defines them.

    Parameters
    ----------
    image : array_like or Volume
        2-D or 3-D image, (y, x) or (z, y, x).
    mask : array_like or Volume
        The region, of the image's shape. If both are Volumes they must share one grid.
    spacing : float or sequence of float, optional
        Voxel size in mm, in array order. Default: that of `image` or `mask` where one is a Volume, else 1 mm.
    settings : RadiomicsSettings or mapping, optional
        Processing and choice of features. Default: no resampling, 32 bins, every family.
    label : int, optional
        The region is where the mask has this value. Default: where it is not zero.
    labels : "all" or sequence of int, optional
        Many regions in one call, each as with `label`: all that the mask has, in increasing order, or these.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    FeatureTable
        A mapping from column names, such as ``stat_mean``, to numbers, with the definition of each. Where a feature is
        not defined for a region, as Moran's I of one intensity, it is NaN and its column is in ``undefined``.
    FeatureTables
        With `labels`: a sequence of one such table per label, equal to the one of a call with `label`, which turns into
        rows. What a call with `label` would raise about its region is the ``error`` of its table, which then lacks the
        families concerned.

    Raises
    ------
    ValueError
        If the region has no voxel, before or after resampling and re-segmentation, or one that is NaN or infinite; if a
        family is not defined for it, as the co-occurrence of one voxel; or for a wrong setting.
    GeometryError
        If image and mask are Volumes on different grids: both are printed.

    See Also
    --------
    RadiomicsSettings, FeatureTable, FeatureTables, definitions

    Notes
    -----
    The steps are IBSI's: resampling of image and mask, rounding, re-segmentation (of the intensity mask alone),
    discretisation. Only what lies around the region is processed. NaN and infinities outside the region do not matter,
    unless interpolation carries them into it. An image of two axes has no morphology, which IBSI defines for volumes.
    The same bits for any number of threads and any strides.

    `image` may be the response of a filter: features of IBSI 2 are those of ``radiomics(response, mask)``, where IBSI
    asks for resampling before the filter and for a fixed number of bins, as a response has no unit.

    References
    ----------
    .. [1] A. Zwanenburg et al., "The Image Biomarker Standardization Initiative", Radiology 295(2), 2020, and the
       reference manual, arXiv:1612.07003.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> ct = np.add.outer(np.arange(12) ** 2, np.outer(np.arange(9), np.arange(8))).astype(np.int16)
    >>> mask = np.zeros(ct.shape, np.uint8)
    >>> mask[3:9, 2:7, 2:6] = 2
    >>> table = features.radiomics(ct, mask, spacing=(3, 1, 1), label=2,
    ...                            settings={"discretisation": "fixed bin size", "bin_size": 10})
    >>> table["stat_median"], table["ih_max"], table["rlm_r_perc_3D_mrg"]
    (45.0, 9.0, 0.8051282051282052)

    All labels of a mask, as rows of a data frame, and features of a filter's response:

    >>> from cormack import filters
    >>> mask[9, 7, 7] = 5
    >>> tables = features.radiomics(ct, mask, labels="all", settings={"families": ["first_order"]})
    >>> [(table.label, table["stat_max"]) for table in tables]
    [(2, 94.0), (5, 130.0)]
    >>> tables.to_pandas().shape
    (2, 20)
    >>> response = filters.laws_filter(ct, "E5L5S5", mode="mirror", energy_distance=3)
    >>> round(features.radiomics(response, mask, label=2)["cm_joint_avg_3D_mrg"], 2)
    14.2
    """
    taken, regions = taken_with_mask(_NAME, image, mask)
    known = regions.spacing if taken.spacing is None else taken.spacing
    sizes = _check.spacing(_NAME, known if spacing is None else spacing, taken.array.ndim)
    settings = settings_of(_NAME, settings)
    number = None if label is None else _check.integer(_NAME, "label", label)
    if labels is not None and number is not None:
        raise ValueError(f"{_NAME}: `label` must be None where `labels` is given, got {label}")
    if labels is not None and not isinstance(labels, str) and not np.iterable(labels):
        raise _check.fail(_NAME, "labels", "be 'all' or a sequence of integers", labels, TypeError)
    families = [family for family in _FAMILIES if taken.array.ndim in family.axes]
    for name in settings.families or ():
        _check.choice(_NAME, "families", name, [family.name for family in families])
    if settings.families is not None:
        families = [family for family in families if family.name in settings.families]
    settings.aggregations_of(taken.array.ndim)
    threads = _check.workers(_NAME, workers)
    array, inside = taken.array, regions.array
    if labels is None:
        box = box_of(inside, number, threads)
        region = region_of(array, inside, sizes, settings, number, box, threads)
        return FeatureTable((result for family in families for result in family.compute(region).items()), number)
    boxes = _boxes_of(inside, threads) if inside.size else {}
    if isinstance(labels, str):
        _check.choice(_NAME, "labels", labels, ("all",))
        if not boxes:
            raise ValueError(f"{_NAME}: `mask` must contain a voxel, got none")
    tables = []
    for wanted in boxes if isinstance(labels, str) else [_check.integer(_NAME, "labels", one) for one in labels]:
        found: list[tuple[str, Mapping[str, float]]] = []
        errors: dict[str, None] = {}
        try:
            # The background has no box yet; what is absent is refused.
            box = boxes.get(wanted) or box_of(inside, wanted, threads)
            # Threads take longer to wake than a small region takes.
            few = math.prod(part.stop - part.start for part in box) <= _FEW
            region = region_of(array, inside, sizes, settings, wanted, box, 1 if few else threads)
        except ValueError as error:
            errors[str(error)] = None
        else:
            for family in families:
                try:
                    found.extend(family.compute(region).items())
                except ValueError as error:
                    errors[str(error)] = None
        tables.append(FeatureTable(found, wanted, error="; ".join(errors) or None))
    return FeatureTables(tables)


def taken_with_mask(function: str, image: Any, mask: Any) -> tuple[Taken, Taken]:
    """Check that an image and its mask fit each other."""
    taken = take(function, "image", image)
    regions = take(function, "mask", mask, ndim=(), dtypes=MASK_DTYPES)
    if taken.spacing is not None and regions.spacing is not None:
        image.check_geometry(mask, names=("image", "mask"))
    if regions.array.shape != taken.array.shape:
        raise ValueError(f"{function}: `mask` must have shape {taken.array.shape}, got {regions.array.shape}")
    return taken, regions


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
    image: np.ndarray,
    labels: np.ndarray,
    spacing: tuple[float, ...],
    settings: RadiomicsSettings,
    label: int | None,
    box: tuple[slice, ...],
    workers: int,
) -> Region:
    if settings.new_spacing is None:
        around = _grown(box, spacing, image.shape)
        inside, mask = image[around], _is_inside(labels[box], label)
        box = tuple(slice(own.start - all_.start, own.stop - all_.start) for own, all_ in zip(box, around, strict=True))
        if settings.intensity_rounding:
            inside = _rounded(inside)
    else:
        inside, mask, spacing = _resampled(image, labels, label, box, spacing, settings, workers)
        box = region_box(mask, None, workers)
        mask = mask[box]
    limits = range_in(_NAME, inside[box], mask, workers)
    intensity_mask = mask
    if settings.resegmentation_range is not None or settings.resegmentation_sigma is not None:
        ends = _closed(settings.resegmentation_range)
        intensity_mask = resegmented(_NAME, inside[box], mask, ends, settings.resegmentation_sigma)
        if not intensity_mask.any():
            span = f"{limits[0]:g} to {limits[1]:g}"
            raise ValueError(f"{_NAME}: re-segmentation must leave a voxel, got none of intensities from {span}")
        limits = range_in(_NAME, inside[box], intensity_mask, workers)
    return Region(inside, box, mask, intensity_mask, limits, spacing, settings, workers)


def box_of(labels: np.ndarray, label: int | None, workers: int) -> tuple[slice, ...]:
    """Return the bounding box of a label, or of all that is not zero."""
    if labels.dtype in DTYPES:
        box = region_box(labels, label, workers)
    else:
        box = region_box(_is_inside(labels, label), None, workers)
    if box[0].start == box[0].stop:
        if label is None:
            raise ValueError(f"{_NAME}: `mask` must contain a voxel, got none")
        raise ValueError(f"{_NAME}: `label` must be in the mask, got {label}")
    return box


def _boxes_of(labels: np.ndarray, workers: int) -> dict[int, tuple[slice, ...]]:
    """Return the bounding boxes of all labels, in increasing order, from one pass."""
    if max(labels.shape) > MOST_NODES:
        raise _check.fail(_NAME, "mask", f"have no axis longer than {MOST_NODES} with `labels`", labels.shape)
    values: np.ndarray | None = None
    if labels.dtype not in DTYPES or labels.dtype.kind == "f" or (labels.dtype.kind == "i" and labels.min() < 0):
        # The search takes labels from 1: give it their ranks.
        values, ranks = np.unique(labels, return_inverse=True)
        for value in values if labels.dtype.kind == "f" else ():
            if not float(value).is_integer():
                raise _check.fail(_NAME, "mask", "hold integers where `labels` are wanted", float(value))
        labels = ranks.reshape(labels.shape).astype(np.int32) + np.int32(1)
    found, _ = _cormack_cpu.label_statistics(labels, None, (1.0, 1.0, 1.0), workers)
    numbers = found["label"] if values is None else values[found["label"] - 1]
    begin, end = (found[key][-labels.ndim :].T.tolist() for key in ("start", "stop"))
    return {
        int(number): tuple(map(slice, first, last))
        for number, first, last in zip(numbers.tolist(), begin, end, strict=True)
        if number
    }


def _closed(ends: tuple[float | None, float | None] | None) -> tuple[float, float] | None:
    """Return a range with infinities for its open ends."""
    if ends is None:
        return None
    return -math.inf if ends[0] is None else ends[0], math.inf if ends[1] is None else ends[1]


def _is_inside(labels: np.ndarray, label: int | None) -> np.ndarray:
    result: np.ndarray = labels != 0 if label is None else labels == label
    return result


def _grown(box: tuple[slice, ...], spacing: tuple[float, ...], shape: tuple[int, ...]) -> tuple[slice, ...]:
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


def _resampled(
    image: np.ndarray,
    labels: np.ndarray,
    label: int | None,
    box: tuple[slice, ...],
    spacing: tuple[float, ...],
    settings: RadiomicsSettings,
    workers: int,
) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """Return image and mask at the nodes around the region, and their spacing."""
    grid = grid_of(_NAME, image.shape, spacing, settings.new_spacing, settings.dimension)
    # An interpolated mask reaches less than a voxel beyond the mask, a spline's less than four.
    beyond = 4 if settings.mask_interpolation == "cubic" else 1
    window = []
    for nodes, part in zip(grid.positions, box, strict=True):
        first, last = np.searchsorted(nodes, (part.start - beyond, part.stop - 1 + beyond))
        window.append(slice(int(first), min(len(nodes), int(last) + 1)))
    # Nodes of a coarse grid may all miss a small region.
    if any(part.start >= part.stop for part in window):
        raise ValueError(f"{_NAME}: `mask` must contain a voxel after resampling, got none")
    parts = _grown(tuple(window), grid.spacing, tuple(len(nodes) for nodes in grid.positions))
    positions = tuple(nodes[part] for nodes, part in zip(grid.positions, parts, strict=True))

    def around(reach: int) -> tuple[tuple[slice, ...], tuple[np.ndarray, ...]]:
        source, shifted = [], []
        for nodes, n in zip(positions, image.shape, strict=True):
            low, high = np.clip((nodes[0], nodes[-1]), 0, n - 1)
            first, last = max(0, math.floor(low) - reach), min(n, math.floor(high) + 2 + reach)
            source.append(slice(first, last))
            shifted.append(np.clip(nodes, 0, n - 1) - first)
        return tuple(source), tuple(shifted)

    dtype = np.dtype(np.float32) if image.itemsize <= 2 or image.dtype == np.float32 else np.dtype(np.float64)
    source, shifted = around(_SPLINE_REACH if settings.image_interpolation == "cubic" else 0)
    values = resampled(image[source], shifted, settings.image_interpolation, dtype, workers)
    source, shifted = around(_SPLINE_REACH if settings.mask_interpolation == "cubic" else 0)
    inside = _is_inside(labels[source], label)
    mask = resampled_mask(inside, shifted, settings.mask_interpolation, settings.mask_threshold, workers)
    if not mask.any():
        raise ValueError(f"{_NAME}: `mask` must contain a voxel after resampling, got none")
    rounds = settings.intensity_rounding
    if rounds or (rounds is None and image.dtype.kind != "f"):
        values = _rounded(values)
    return values, mask, grid.spacing
