"""What the objects of a label image measure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import DTYPES, HOST_ONLY, WIDE_INTEGERS, Taken, take, take_mask, take_matching
from .._backends import borrow, cannot, is_on_device, is_on_gpu, run
from .._table import Table
from ._label_sums import sums_on_device

_LABEL_DTYPES = (*DTYPES, *WIDE_INTEGERS)
_AXIS_NAMES = ("major", "minor", "least")
_PERCENTILE = re.compile(r"intensity_p(\d+(?:\.\d+)?)")
_MOMENTS = ("intensity_mean", "intensity_std", "intensity_min", "intensity_max")
_OF_MOMENTS = ("elongation", "flatness", "roundness")
_OF_VALUES = ("intensity_skewness", "intensity_kurtosis", "intensity_median")


def label_statistics(
    labels: Any,
    image: Any = None,
    *,
    spacing: Any = None,
    properties: str | Iterable[str] | None = None,
    distance_to: Any = None,
    workers: int | None = None,
    device: str | None = None,
) -> Table:
    """Measure every object of a label image: size, place, shape, surface, and the values of an image in it.

    Parameters
    ----------
    labels : array_like or Volume
        2-D or 3-D, of any integer dtype or bool; 0 is background. Numbers may have gaps, and an object need not be
        connected.
    image : array_like or Volume, optional
        Values to summarize, of the same shape.
    spacing : float or sequence of float, optional
        Voxel size in mm, in array order. By default that of the Volume, else 1.
    properties : 'all' or iterable of str, optional
        Names of columns, or of groups of them, in the order wanted. By default those of one pass: all down to
        ``roundness`` below, and with an image ``intensity_mean`` to ``intensity_max``.
    distance_to : array_like, optional
        A mask of the same shape, of any dtype, for the column ``distance_mm``.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.
    device : {"cpu", "cuda"}, optional
        Where to measure. Default: where the labels are, which may be a CuPy array or another array on a GPU;
        ``"cuda"`` copies them from the host to the GPU. There only the columns of one pass are measured, of labels of
        at most 32 bits below 2^22 and, in floating images, of values that are not infinite, whose mean and standard
        deviation may differ in the last bits.

    Returns
    -------
    Table
        One row per label that occurs, in increasing order, with ``label`` and the columns

        - ``voxel_count``, and ``volume_mm3`` (2-D: ``area_mm2``);
        - ``equivalent_diameter_mm``: of the ball (2-D: disc) of that volume;
        - ``centroid``: ``centroid_z``, ``centroid_y``, ``centroid_x``: in voxels, as indices (2-D: without z, as all
          that follows);
        - ``bbox``: ``bbox_z_start``, ``bbox_z_stop``, ...: the bounding box, half open;
        - ``touches_border``: the bounding box reaches the border of the array;
        - ``axis_major_mm``, ``axis_minor_mm``, ``axis_least_mm`` (3-D): four times the square roots of the principal
          moments, which for an ellipsoid are its full axes times ``2 / sqrt(5)`` (2-D: exactly its full axes);
        - ``elongation``, ``flatness`` (3-D): ``sqrt(minor / major)`` and ``sqrt(least / major)`` of the moments, as
          IBSI: 1 for a ball, small for a rod;
        - ``roundness``: volume over that of the ball (2-D: disc) whose major axis is the object's: 1 for a ball, small
          for long, flat, branched or hollow objects;
        - ``centroid_mm``: ``centroid_z_mm``, ...: the centroid times `spacing`;
        - ``principal_axes``: ``axis_major_z``, ``axis_major_y``, ..., ``axis_minor_z``, ...: directions in mm, of
          length 1, each with its largest component positive;
        - ``surface_area_mm2`` and ``sphericity`` (3-D): area of the object's mesh, by marching cubes at 0.5, and the
          area of a ball of the mesh's volume over it, as IBSI;
        - ``perimeter_mm`` and ``circularity`` (2-D): length of its border, by marching squares at 0.5, and
          ``4 pi area / perimeter**2`` of the polygon;
        - ``distance_mm``: from the nearest voxel of the object to the nearest of `distance_to`, between centres; 0
          where they overlap, infinite where there is none;

        and with an image, NaN where one of the values is:

        - ``intensity_mean``, ``intensity_std`` (of the population), ``intensity_min``, ``intensity_max``;
        - ``intensity_centroid``: ``intensity_centroid_z``, ...: mean of the voxels' indices with their values as
          weights; NaN where the values' sum is 0;
        - ``intensity_skewness`` and ``intensity_kurtosis`` (of the population; 0 for a normal distribution, and where
          all values are equal, as IBSI and ITK);
        - ``intensity_median``, and percentiles by linear interpolation, as `numpy.percentile`: ``intensity_p10``,
          ``intensity_p97.5`` or any other; ``all`` has ``intensity_p10``, 25, 75 and 90.

    Raises
    ------
    TypeError
        If `labels` is not of an integer dtype, or `image` of one that is not supported.
    ValueError
        If a label is negative, the shapes differ, an axis is longer than 1048576, `spacing` does not suit, or a
        property is unknown, of another number of dimensions, or needs an image or a mask.

    See Also
    --------
    screen : Keep the objects that satisfy criteria.

    Notes
    -----
    Voxels are boxes, not points: their own variance, ``spacing**2 / 12`` along each axis, is part of the moments, so
    that the axes of a box or an ellipse are exact and those of a single voxel are not zero. ITK's LabelShapeStatistics,
    scikit-image and IBSI take the centres alone. Coordinates and integer images are summed exactly;
    values of floating images in float64, in an order that depends on the shape alone. Time does not depend on the
    number of labels as long as their table fits into the cache.

    Surfaces take one more pass, each object meshed as if it were alone; the array ends in background. Skewness,
    kurtosis, median and percentiles take another, in which the values of all objects are brought together: one copy of
    them, and 24 bytes for each run of a label along the last axis. Distances take a distance transform, as large as the
    image in float64.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import label_statistics
    >>> labels = np.array([[1, 1, 0], [0, 0, 0], [0, 4, 4]])
    >>> table = label_statistics(labels, labels.astype(np.float32) * 10, spacing=(2.0, 0.5))
    >>> table["label"], table["area_mm2"], table["intensity_mean"]
    (array([1, 4]), array([2., 2.]), array([10., 40.]))
    >>> label_statistics(labels, properties=["centroid", "perimeter_mm"])
    {'label': array([1, 4]), 'centroid_y': array([0., 2.]), 'centroid_x': array([0.5, 1.5]), 'perimeter_mm': \
array([4.82842712, 4.82842712])}
    """
    measured = measure("label_statistics", labels, image, spacing, workers, properties, distance_to, device=device)
    return measured.table


class Measured(NamedTuple):
    taken: Taken
    array: np.ndarray  # the labels as the extension takes them
    numbers: np.ndarray  # those that occur in `array`; a row of the table each
    table: Table


def measure(
    name: str,
    labels: Any,
    image: Any,
    spacing: Any,
    workers: int | None,
    properties: str | Iterable[str] | None = None,
    distance_to: Any = None,
    criteria: Iterable[str] = (),
    device: Any = HOST_ONLY,
) -> Measured:
    """Return a table with the properties and, beside them, those of the criteria."""
    taken = take(name, "labels", labels, dtypes=_LABEL_DTYPES, device=device)
    array = taken.array
    ndim = array.ndim
    if array.dtype.kind == "f":
        raise TypeError(f"{name}: `labels` must have an integer dtype, got {array.dtype}")
    if max(array.shape) > 1 << 20:
        raise _check.fail(name, "labels", "have no axis longer than 1048576", array.shape)
    threads = _check.workers(name, workers)
    if is_on_device(array):
        return _measure_on_device(name, taken, image, spacing, properties, distance_to, criteria)
    beside = (array.shape, labels, "labels")
    values = None if image is None else take_matching(name, "image", image, *beside, dtypes=DTYPES)
    target = take_mask(name, "distance_to", distance_to, *beside)
    if spacing is None:
        spacing = taken.spacing if taken.spacing is not None or values is None else values.spacing
    size = _check.spacing(name, spacing, ndim)
    columns = _chosen(name, properties, criteria, ndim, values is not None, target is not None)
    originals = None
    if array.dtype in WIDE_INTEGERS:
        array, originals = _narrow(array)
    passes = _Passes(array, None if values is None else values.array, target, size, threads, columns)
    if passes.negative:
        raise _check.fail(name, "labels", "have no negative values", int(taken.array.min()))
    numbers = passes.numbers
    table = Table({"label": numbers if originals is None else originals[numbers]})
    for column in columns:
        table[column] = passes.column(column)
    return Measured(taken, array, numbers, table)


def renumbered(name: str, measured: Measured, new: np.ndarray, workers: int | None) -> Any:
    """Give back the labels with the new number of each that occurs."""
    labels: Any = measured.array
    if is_on_device(labels):
        result = labels.empty(dtype=np.int32)
        if labels.size:
            table = np.zeros(int(max(measured.numbers, default=0)) + 1, np.int32)
            table[measured.numbers] = new
            run(name, "lut_map", [labels, labels.from_host(table), result], first=0)
        return measured.taken.give_back(result)  # type: ignore[arg-type]
    target = np.empty(labels.shape, np.int32)
    _cormack_cpu.relabel(labels, target, measured.numbers, new, _check.workers(name, workers))
    return measured.taken.give_back(target)


def _chosen(
    name: str,
    properties: str | Iterable[str] | None,
    criteria: Iterable[str],
    ndim: int,
    image: bool,
    target: bool,
) -> list[str]:
    """Return the columns that are asked for and, behind them, those of the criteria."""
    columns = _columns_of(name, properties, ndim, image, target)
    for criterion in criteria:
        if criterion in _groups(ndim):
            raise _check.fail(name, "criteria", "name columns, not groups of them", criterion)
        _check_column(name, criterion, ndim, image, target, "criteria")
        columns += [criterion] if criterion not in columns else []
    return columns


def _measure_on_device(
    name: str,
    taken: Taken,
    image: Any,
    spacing: Any,
    properties: str | Iterable[str] | None,
    distance_to: Any,
    criteria: Iterable[str],
) -> Measured:
    labels: Any = taken.array
    ndim = labels.ndim
    if labels.dtype not in DTYPES:
        raise cannot(name, "labels have at most 32 bits")
    if distance_to is not None:
        raise cannot(name, "`distance_to` is None")
    values: Any = None
    if image is not None:
        values = borrow(name, "image", image)[0] if is_on_gpu(image) else labels.from_host(np.asarray(image))
        if values.shape != labels.shape:
            raise ValueError(f"{name}: `image` must have shape {labels.shape}, got {values.shape}")
        if values.dtype not in DTYPES:
            raise cannot(name, f"`image` is no array of {values.dtype}")
    size = _check.spacing(name, spacing if spacing is not None else taken.spacing, ndim)
    columns = _chosen(name, properties, criteria, ndim, values is not None, False)
    known = {*_of_one_pass(ndim), *_MOMENTS, *_groups(ndim)["centroid_mm"], *_groups(ndim)["principal_axes"]}
    if not known.issuperset(columns):
        raise cannot(name, f"`{next(column for column in columns if column not in known)}` is not measured")
    passes = _Passes(labels, values, None, size, 1, columns)
    if passes.negative:
        raise _check.fail(name, "labels", "have no negative values", passes.negative)
    table = Table({"label": passes.numbers})
    for column in columns:
        table[column] = passes.column(column)
    return Measured(taken, labels, passes.numbers, table)


def _narrow(array: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return labels of 64 bits as int32: the same numbers if they fit, else their ranks and what those stand for."""
    if array.size == 0 or (array.min() >= -(2**31) and array.max() < 2**31):
        return array.astype(np.int32), None
    originals, ranks = np.unique(np.append(array.ravel(), array.dtype.type(0)), return_inverse=True)
    ranks -= np.searchsorted(originals, 0)
    return ranks[:-1].reshape(array.shape).astype(np.int32), originals


def _groups(ndim: int) -> dict[str, list[str]]:
    """Return the columns of each group."""
    axes = "zyx"[-ndim:]
    return {
        "centroid": [f"centroid_{axis}" for axis in axes],
        "bbox": [f"bbox_{axis}_{end}" for axis in axes for end in ("start", "stop")],
        "centroid_mm": [f"centroid_{axis}_mm" for axis in axes],
        "principal_axes": [f"axis_{name}_{axis}" for name in _AXIS_NAMES[:ndim] for axis in axes],
        "intensity_centroid": [f"intensity_centroid_{axis}" for axis in axes],
    }


def _of_one_pass(ndim: int) -> list[str]:
    groups = _groups(ndim)
    solid = ndim == 3
    return [
        *("voxel_count", "volume_mm3" if solid else "area_mm2", "equivalent_diameter_mm"),
        *groups["centroid"],
        *groups["bbox"],
        "touches_border",
        *(f"axis_{name}_mm" for name in _AXIS_NAMES[:ndim]),
        *(("elongation", "flatness") if solid else ("elongation",)),
        "roundness",
    ]


def _of_surface(ndim: int) -> tuple[str, str]:
    return ("surface_area_mm2", "sphericity") if ndim == 3 else ("perimeter_mm", "circularity")


def _of_image(ndim: int) -> list[str]:
    percentiles = [f"intensity_p{q}" for q in (10, 25, 75, 90)]
    return [*_MOMENTS, *_groups(ndim)["intensity_centroid"], *_OF_VALUES, *percentiles]


def _columns_of(name: str, properties: str | Iterable[str] | None, ndim: int, image: bool, target: bool) -> list[str]:
    """Return the columns that are asked for, each once."""
    if properties is None:
        return _of_one_pass(ndim) + (list(_MOMENTS) if image else [])
    groups = _groups(ndim)
    if isinstance(properties, str):
        if properties != "all":
            raise _check.fail(name, "properties", "be 'all' or several names", properties)
        columns = [*_of_one_pass(ndim), *groups["centroid_mm"], *groups["principal_axes"], *_of_surface(ndim)]
        return columns + (["distance_mm"] if target else []) + (_of_image(ndim) if image else [])
    columns = []
    for item in properties if isinstance(properties, Iterable) else [properties]:
        if not isinstance(item, str):
            raise _check.fail(name, "properties", "be names of columns", item, TypeError)
        if item in groups and item.startswith("intensity_") and not image:
            raise ValueError(f"{name}: `{item}` must come with `image`, got None")
        if item != "label" and item not in groups:
            _check_column(name, item, ndim, image, target, "properties")
        columns += [column for column in groups.get(item, [item]) if column not in columns and column != "label"]
    return columns


def _check_column(name: str, column: str, ndim: int, image: bool, target: bool, argument: str) -> None:
    """Refuse a column that does not exist, or not for these labels."""

    def exists(ndim: int) -> bool:
        known = (*_of_one_pass(ndim), *_of_surface(ndim), *_of_image(ndim), "distance_mm")
        groups = _groups(ndim)
        return column in known or column in groups["centroid_mm"] or column in groups["principal_axes"]

    percentile = _PERCENTILE.fullmatch(column)
    if percentile is not None and float(percentile[1]) > 100:
        raise _check.fail(name, argument, "name percentiles up to 100", column)
    if percentile is None and not exists(ndim):
        if exists(5 - ndim):
            raise ValueError(f"{name}: `{column}` must be None for {ndim}-D labels")
        raise _check.fail(name, argument, "name what label_statistics measures", column)
    if column.startswith("intensity_") and not image:
        raise ValueError(f"{name}: `{column}` must come with `image`, got None")
    if column == "distance_mm" and not target:
        raise ValueError(f"{name}: `distance_mm` must come with `distance_to`, got None")


class _Passes:
    """The passes over a label image, each made where one of its columns is asked for."""

    def __init__(
        self,
        labels: np.ndarray,
        image: np.ndarray | None,
        target: np.ndarray | None,
        spacing: tuple[float, ...],
        workers: int,
        columns: list[str],
    ) -> None:
        self._labels, self._image, self._target, self._workers = labels, image, target, workers
        self._columns, self._spacing, self._ndim = columns, spacing, labels.ndim
        self._axes = "zyx"[-labels.ndim :]
        self._voxel = (1.0, *spacing)[-3:]
        weighted = any(column.startswith("intensity_centroid") for column in columns)
        values = image if any(column.startswith("intensity_") for column in columns) else None
        principal = any(column.startswith("axis_") or column in _OF_MOMENTS for column in columns)
        if is_on_device(labels):
            self._raw, self.negative = sums_on_device(labels, values, self._voxel, principal)
        else:
            self._raw, self.negative = _cormack_cpu.label_statistics(
                labels, values, self._voxel, principal, weighted, workers
            )
        self.numbers: np.ndarray = self._raw["label"]

    def column(self, name: str) -> np.ndarray:
        """Return a column of the table."""
        for known in (self._of_counts, self._of_axes, self._of_surfaces, self._of_image):
            found = known(name)
            if found is not None:
                return found
        raise AssertionError(name)

    @cached_property
    def _size(self) -> np.ndarray:
        result: np.ndarray = self._raw["count"] * math.prod(self._spacing)
        return result

    @property
    def _ball(self) -> float:
        """Return the volume of the ball, or the area of the disc, of radius 1."""
        return 4 / 3 * math.pi if self._ndim == 3 else math.pi

    def _along(self, raw: str, axis: str) -> np.ndarray:
        result: np.ndarray = self._raw[raw]["zyx".index(axis)]
        return result

    def _of_counts(self, name: str) -> np.ndarray | None:
        if name == "voxel_count":
            return self._raw["count"]
        if name in ("volume_mm3", "area_mm2"):
            return self._size
        if name == "equivalent_diameter_mm":
            result: np.ndarray = 2 * (self._size / self._ball) ** (1 / self._ndim)
            return result
        if name == "touches_border":
            start, stop = self._raw["start"][-self._ndim :], self._raw["stop"][-self._ndim :]
            touches: np.ndarray = ((start == 0) | (stop == np.array(self._labels.shape)[:, np.newaxis])).any(axis=0)
            return touches
        parts = name.split("_")
        if parts[0] == "bbox":
            return self._along(parts[2], parts[1])
        if parts[0] == "centroid":
            index = self._along("centroid", parts[1])
            return index * self._spacing[self._axes.index(parts[1])] if parts[-1] == "mm" else index
        return None

    def _of_axes(self, name: str) -> np.ndarray | None:
        moments = self._raw["principal_moments"]
        if name in ("elongation", "flatness"):
            ratio: np.ndarray = np.sqrt(moments[1 if name == "elongation" else 2] / moments[0])
            return ratio
        if name == "roundness":
            ball = self._ball * np.sqrt((self._ndim + 2) * moments[0]) ** self._ndim
            return np.asarray(self._size / ball)
        if not name.startswith("axis_"):
            return None
        _, which, what = name.split("_")
        k = _AXIS_NAMES.index(which)
        if what == "mm":
            return np.asarray(4 * np.sqrt(moments[k]))
        vector: np.ndarray = self._raw["principal_axes"][3 * k + "zyx".index(what)]
        return vector

    @cached_property
    def _surfaces(self) -> tuple[np.ndarray, np.ndarray]:
        areas, volumes = _cormack_cpu.label_surfaces(self._labels, self.numbers, self._voxel, self._workers)
        return areas, volumes + self._size

    def _of_surfaces(self, name: str) -> np.ndarray | None:
        if name in ("surface_area_mm2", "perimeter_mm"):
            return self._surfaces[0]
        if name == "sphericity":
            area, volume = self._surfaces
            return np.asarray((36 * math.pi * volume**2) ** (1 / 3) / area)
        if name == "circularity":
            length, area = self._surfaces
            return np.asarray(4 * math.pi * area / length**2)
        if name == "distance_mm":
            return self._distances
        return None

    @cached_property
    def _distances(self) -> np.ndarray:
        from ._distance import distance_transform_edt

        if self._target is None or not self._target.any():
            return np.full(len(self.numbers), np.inf)
        outside = distance_transform_edt(self._target == 0, sampling=self._spacing, workers=self._workers or None)
        raw, _ = _cormack_cpu.label_statistics(self._labels, outside, self._voxel, False, False, self._workers)
        least: np.ndarray = raw["min"]
        return least

    @cached_property
    def _values(self) -> dict[str, np.ndarray]:
        """Return all columns that come from the values of each object brought together."""
        places = {"intensity_median": 0.5}
        for column in self._columns:
            percentile = _PERCENTILE.fullmatch(column)
            if percentile is not None:
                places[column] = float(percentile[1]) / 100
        if "intensity_median" not in self._columns:
            del places["intensity_median"]
        assert self._image is not None
        moments = "intensity_skewness" in self._columns or "intensity_kurtosis" in self._columns
        skewness, kurtosis, found = _cormack_cpu.label_values(
            self._labels, self._image, self.numbers, list(places.values()), moments, self._workers
        )
        result = {"intensity_skewness": skewness, "intensity_kurtosis": kurtosis}
        return result | dict(zip(places, found.reshape(len(places), len(self.numbers)), strict=True))

    def _of_image(self, name: str) -> np.ndarray | None:
        if name in _MOMENTS:
            return self._raw[name.removeprefix("intensity_")]
        if name.startswith("intensity_centroid"):
            return self._along("weighted_centroid", name[-1])
        return self._values.get(name)
