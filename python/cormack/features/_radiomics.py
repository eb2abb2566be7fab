"""All features of a region in one call: IBSI's processing, then every family on the same crop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from .. import _backends, _check, _cormack_cpu
from . import _dependence, _first_order, _glcm, _morphology, _run_length, _tone_difference, _zones
from ._device_regions import BYTES_PER_VOXEL, DeviceRegion, automatic_bins, is_computed, regions_on_device, size_of
from ._feature_table import FeatureTable, FeatureTables
from ._intensity_families import check_bins, counts_from_one, level_counts, of_levels, of_volume, peaks
from ._on_device import Crops
from ._region import OnDevice, Region, box_of, boxes_of, closed, region_of, settings_of, taken_with_mask
from ._settings import RadiomicsSettings

_NAME = "radiomics"
# Voxels in the box of a region that is not worth a thread.
_FEW = 1 << 15
# Voxels in the boxes of the regions that go to a GPU together.
_MANY = 1 << 26


def _shape(region: Region) -> Mapping[str, float]:
    return _morphology.of_region(region.mask, region.image, region.intensity_mask, region.spacing, region.workers)


def _local_intensity(region: Region) -> Mapping[str, float]:
    inside = np.zeros(region.surroundings.shape, bool)
    inside[region.box] = region.intensity_mask
    return peaks(region.surroundings, inside, region.spacing, region.limits[1], region.workers)


def _statistics(region: Region) -> Mapping[str, float]:
    return _first_order.of_region(region.image, region.intensity_mask, region.workers)[0]


def _intensity_histogram(region: Region) -> Mapping[str, float]:
    levels, count = region.levels
    check_bins(_NAME, count)
    first, counts = level_counts(_NAME, levels, region.intensity_mask, region.workers)
    return of_levels(counts_from_one(_NAME, first, counts, count))


def _intensity_volume_histogram(region: Region) -> Mapping[str, float]:
    settings = region.settings
    how, ends = settings.ivh_discretisation, closed(settings.resegmentation_range)
    if how == "automatic":
        how = automatic_bins(ends, region.limits, lambda: _are_integers(region))
    return of_volume(
        _NAME,
        region.image,
        region.intensity_mask,
        region.limits,
        ends,
        settings.ivh_bin_size if how == "fixed bin size" else None,
        settings.ivh_bin_number if how == "fixed bin number" else None,
        region.workers,
        "ivh_bin_size",
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
    compute: Callable[[Any], Mapping[str, Mapping[str, float]]]
    axes: tuple[int, ...] = (2, 3)


def _either(name: str, compute: Callable[[Region], Mapping[str, float]], on_device: str, **given: Any) -> _Family:
    """Return a family that a GPU computes for many regions at once, where regions are there."""

    def of(region: Region | DeviceRegion) -> Mapping[str, Mapping[str, float]]:
        return {"": region.family(on_device) if isinstance(region, DeviceRegion) else compute(region)}

    return _Family(name, of, **given)


# A family is one row, in IBSI's order.
_FAMILIES = (
    _either("morphology", _shape, "morphology", axes=(3,)),
    _either("local_intensity", _local_intensity, "peaks"),
    _either("first_order", _statistics, "statistics"),
    _either("intensity_histogram", _intensity_histogram, "histograms"),
    _either("intensity_volume_histogram", _intensity_volume_histogram, "volume_histograms"),
    _Family("glcm", lambda r: _glcm.of_region(r.texture, r.by_direction, r.settings.distance)),
    _Family("glrlm", lambda r: _run_length.of_region(r.texture, r.by_direction)),
    _Family("glszm", lambda r: r.zones[_zones.SIZE_FAMILY]),
    _Family("gldzm", lambda r: r.zones[_zones.DISTANCE_FAMILY]),
    _Family("ngtdm", lambda r: _tone_difference.of_region(r.texture, r.by_slice, r.settings.distance)),
    _Family(
        "ngldm", lambda r: _dependence.of_region(r.texture, r.by_slice, r.settings.distance, r.settings.coarseness)
    ),
)

FAMILIES: tuple[str, ...] = tuple(family.name for family in _FAMILIES)
"""The families of features, in IBSI's order."""

_Found = Mapping[str, Mapping[str, float]]


def _each(families: Sequence[_Family], region: Region | DeviceRegion) -> list[_Found | ValueError]:
    """Return what each family computes, or why it is not defined for the region.

    The first one, as a rule morphology, shares nothing with the others but the image: where there are processors for
    two, it goes beside them, as all have parts that one thread must do.
    """

    def result(family: _Family) -> _Found | ValueError:
        try:
            return family.compute(region)
        except ValueError as error:
            return error

    if isinstance(region, DeviceRegion):
        return [result(family) for family in families]
    threads = region.workers or _cormack_cpu.get_num_threads()
    if len(families) < 2 or families[0].name != _FAMILIES[0].name or threads < 2 or region.mask.size <= _FEW:
        return [result(family) for family in families]
    with ThreadPoolExecutor(1) as beside:
        first = beside.submit(result, families[0])
        others = [result(family) for family in families[1:]]
        return [first.result(), *others]


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
    device: str | None = ...,
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
    device: str | None = ...,
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
    device: str | None = None,
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
    device : {None, "cpu", "cuda"}, optional
        Where to compute. Default: where `image` is. ``"cuda"`` copies image and mask from the host to the GPU, once.

    Returns
    -------
    FeatureTable
        A mapping from column names, such as ``stat_mean``, to numbers, with the definition of each. Where a feature is
        not defined for a region, as Moran's I of one intensity, it is NaN, or infinite as ``stat_cov`` of the mean 0,
        and its column is in ``undefined``.
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

    On a GPU voxels stay there: interpolation, re-segmentation, discretisation, counts and sums are made of all regions
    together, in one launch of each kernel for as many as fit into memory, and at most 64 million voxels. What comes to
    the host are the boxes of labels, extremes, sums and counts of levels of each region, texture matrices (cells of
    zones), and, for shapes, how often each pattern of eight voxels occurs and where the rows of the mask begin and end,
    from which the host finds hull, diameter and ellipsoid; features follow by the CPU's formulas. Counts, matrices,
    shapes and what integers of at most 16 bits give have the CPU's bits; sums of other intensities, and those over
    pairs of voxels (Moran's I and Geary's C), are added in an order of their own, the same for one region and for many.
    Pairs are added up one by one where a region has at most 2^36 of them, counting the voxels of its box; of a larger
    region the box comes to the host. So does what lies around regions where a spline is asked for, or where the mask is
    not of integers of at most 32 bits: there the GPU counts textures alone.

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
    if device is not None:
        _check.choice(_NAME, "device", device, _backends.DEVICES)
    taken, regions = taken_with_mask(_NAME, image, mask, device)
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
    settings.aggregations_of(taken.array.ndim, _NAME)
    threads = _check.workers(_NAME, workers)
    array, inside = taken.array, regions.array
    on_device = _on_device_both(array, inside, settings, device)

    def prepared(wanted: list[tuple[int | None, Any]]) -> list[Any]:
        """Return regions, processed; together those that are on a GPU."""
        if on_device is not None:
            return regions_on_device(_NAME, *on_device, wanted, sizes, settings, threads)
        together = _together(array, device)
        found: list[Region | ValueError] = []
        for chosen, box in wanted:
            few = 1 if labels is not None and _voxels(box) <= _FEW else threads
            try:
                region = region_of(_NAME, array, inside, sizes, settings, chosen, box, few)
                found.append(region if together is None else together.add(region))
            except ValueError as error:
                found.append(error)
        return found

    if labels is None:
        region = prepared([(number, box_of(_NAME, inside, number, threads))])[0]
        pairs: list[tuple[str, Mapping[str, float]]] = []
        for one in [region] if isinstance(region, ValueError) else _each(families, region):
            if isinstance(one, ValueError):
                raise one
            pairs.extend(one.items())
        return FeatureTable(pairs, number)
    boxes = boxes_of(_NAME, inside, threads) if inside.size else {}
    if isinstance(labels, str):
        _check.choice(_NAME, "labels", labels, ("all",))
        if not boxes:
            raise ValueError(f"{_NAME}: `mask` must contain a voxel, got none")
    wanted = list(boxes) if isinstance(labels, str) else [_check.integer(_NAME, "labels", one) for one in labels]
    # One by one, or as many as go to a GPU together.
    most = _MANY if on_device is not None or _together(array, device) is not None else 1
    if on_device is not None:
        most = max(1, min(most, on_device[0].library.room(on_device[0].owner) // BYTES_PER_VOXEL))
    tables: list[FeatureTable] = []
    for some in _batches(wanted, lambda chosen: size_of(array.shape, boxes[chosen], sizes, settings), boxes, most):
        found: list[Any] = []
        placed: list[tuple[int | None, Any]] = []
        for chosen in some:
            try:
                # The background has no box yet; what is absent is refused.
                placed.append((chosen, boxes.get(chosen) or box_of(_NAME, inside, chosen, threads)))
                found.append(None)
            except ValueError as error:
                found.append(error)
        done = iter(prepared(placed))
        found = [next(done) if error is None else error for error in found]
        tables.extend(_table_of(families, region, chosen) for chosen, region in zip(some, found, strict=True))
    return FeatureTables(tables)


def _voxels(box: tuple[slice, ...]) -> int:
    return math.prod(part.stop - part.start for part in box)


def _batches(
    wanted: Sequence[int], size: Callable[[int], int], known: Mapping[int, Any], most: int
) -> Iterator[list[int]]:
    """Cut labels into runs of at most so many voxels, or of one label."""
    some: list[int] = []
    total = 0
    for chosen in wanted:
        own = size(chosen) if chosen in known else 0
        if some and (total + own > most or most == 1):
            yield some
            some, total = [], 0
        some.append(chosen)
        total += own
    if some:
        yield some


def _table_of(families: Sequence[_Family], region: Any, label: int) -> FeatureTable:
    """Return the features of one of many regions, or what is wrong with it."""
    found: list[tuple[str, Mapping[str, float]]] = []
    errors: dict[str, None] = {}
    for one in [region] if isinstance(region, ValueError) else _each(families, region):
        if isinstance(one, ValueError):
            errors[str(one)] = None
        else:
            found.extend(one.items())
    return FeatureTable(found, label, error="; ".join(errors) or None)


def _together(image: Any, device: str | None) -> OnDevice | None:
    """Return what counts textures on a GPU of regions that the host processes, if any does."""
    if isinstance(image, Crops):
        return OnDevice(image.image)
    return OnDevice(None) if device == "cuda" else None


def _on_device_both(
    image: Any, mask: Any, settings: RadiomicsSettings, device: str | None
) -> tuple[_backends.OnDevice, _backends.OnDevice] | None:
    """Return image and mask on a GPU, where all is computed there."""
    if not is_computed(settings) or (not isinstance(image, Crops) and device != "cuda"):
        return None
    if mask.dtype.kind not in "bui" or mask.dtype.itemsize > 4:
        return None
    values = image.image if isinstance(image, Crops) else _backends.uploaded(_NAME, image)
    return values, mask.image if isinstance(mask, Crops) else values.from_host(np.ascontiguousarray(mask))
