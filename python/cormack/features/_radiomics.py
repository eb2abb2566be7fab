"""All features of a region in one call: IBSI's processing, then every family on the same crop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from .. import _backends, _check, _cormack_cpu
from . import _dependence, _first_order, _glcm, _morphology, _run_length, _tone_difference, _zones
from ._feature_table import FeatureTable, FeatureTables
from ._intensity_families import MOST_BINS, counts_from_one, level_counts, of_levels, of_volume, peaks
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
    first, counts = level_counts(_NAME, levels, region.intensity_mask, region.workers)
    return of_levels(counts_from_one(_NAME, first, counts, count))


def _intensity_volume_histogram(region: Region) -> Mapping[str, float]:
    settings = region.settings
    how = settings.ivh_discretisation
    if how == "automatic":
        # The range of re-segmentation is what fractions refer to, where it has ends.
        ends = closed(settings.resegmentation_range) or region.limits
        low, high = (end if math.isfinite(end) else own for end, own in zip(ends, region.limits, strict=True))
        span = high - low
        how = "none" if span < MOST_BINS and _are_integers(region) else "fixed bin number"
    return of_volume(
        _NAME,
        region.image,
        region.intensity_mask,
        region.limits,
        closed(settings.resegmentation_range),
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
    compute: Callable[[Region], Mapping[str, Mapping[str, float]]]
    axes: tuple[int, ...] = (2, 3)


# A family is one row, in IBSI's order.
_FAMILIES = (
    _Family("morphology", lambda region: {"": _shape(region)}, axes=(3,)),
    _Family("local_intensity", lambda region: {"": _local_intensity(region)}),
    _Family("first_order", lambda region: {"": _statistics(region)}),
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

FAMILIES: tuple[str, ...] = tuple(family.name for family in _FAMILIES)
"""The families of features, in IBSI's order."""

_Found = Mapping[str, Mapping[str, float]]


def _each(families: Sequence[_Family], region: Region) -> list[_Found | ValueError]:
    """Return what each family computes, or why it is not defined for the region.

    The first one, as a rule morphology, shares nothing with the others but the image: where there are processors for
    two, it goes beside them, as all have parts that one thread must do.
    """

    def result(family: _Family) -> _Found | ValueError:
        try:
            return family.compute(region)
        except ValueError as error:
            return error

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
        Where texture matrices are counted, those of many regions together. Default: on the GPU that `image` is on, or
        else on the CPU. Of an image on a GPU only what lies around regions comes to the host.

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
    The same bits for any number of threads, any strides and on a GPU.

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
    if labels is None:
        box = box_of(_NAME, inside, number, threads)
        region = region_of(_NAME, array, inside, sizes, settings, number, box, threads)
        if (together := _together(array, device)) is not None:
            region = together.add(region)
        pairs: list[tuple[str, Mapping[str, float]]] = []
        for one in _each(families, region):
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
    tables: list[FeatureTable] = []
    while wanted:
        together = _together(array, device)
        prepared: list[tuple[int, Region | ValueError]] = []
        voxels = 0
        # One by one, or as many as go to a GPU together.
        while wanted and (not prepared or (together is not None and voxels < _MANY)):
            chosen = wanted.pop(0)
            try:
                # The background has no box yet; what is absent is refused.
                box = boxes.get(chosen) or box_of(_NAME, inside, chosen, threads)
                size = math.prod(part.stop - part.start for part in box)
                few = 1 if size <= _FEW else threads
                region = region_of(_NAME, array, inside, sizes, settings, chosen, box, few)
                voxels += region.mask.size
                prepared.append((chosen, region if together is None else together.add(region)))
            except ValueError as error:
                prepared.append((chosen, error))
        tables.extend(_table_of(families, found, chosen) for chosen, found in prepared)
    return FeatureTables(tables)


def _table_of(families: Sequence[_Family], region: Region | ValueError, label: int) -> FeatureTable:
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
    """Return what counts textures on a GPU, if any does."""
    if isinstance(image, Crops):
        return OnDevice(image.image)
    return OnDevice(None) if device == "cuda" else None
