"""Screening of candidates: which objects to keep, by what they measure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import _check
from .._table import Table
from ._checks import bound_of
from ._label_statistics import measure, renumbered

_Range = tuple[float | None, float | None] | None


def screen(
    labels: Any,
    image: Any = None,
    *,
    voxel_count: _Range = None,
    volume_mm3: _Range = None,
    area_mm2: _Range = None,
    equivalent_diameter_mm: _Range = None,
    axis_major_mm: _Range = None,
    axis_minor_mm: _Range = None,
    axis_least_mm: _Range = None,
    elongation: _Range = None,
    flatness: _Range = None,
    roundness: _Range = None,
    intensity_mean: _Range = None,
    intensity_std: _Range = None,
    intensity_min: _Range = None,
    intensity_max: _Range = None,
    intensity_skewness: _Range = None,
    intensity_kurtosis: _Range = None,
    intensity_median: _Range = None,
    surface_area_mm2: _Range = None,
    sphericity: _Range = None,
    perimeter_mm: _Range = None,
    circularity: _Range = None,
    distance_mm: _Range = None,
    criteria: Mapping[str, _Range] | None = None,
    touches_border: bool | None = None,
    distance_to: Any = None,
    spacing: Any = None,
    workers: int | None = None,
    device: str | None = None,
) -> tuple[Any, Table]:
    """Keep the objects of a label image that satisfy every criterion, and say why each of the others went.

    Parameters
    ----------
    labels : array_like or Volume
        2-D or 3-D, of any integer dtype or bool; 0 is background.
    image : array_like or Volume, optional
        Values for the criteria on intensity, of the same shape.
    voxel_count, volume_mm3, area_mm2, equivalent_diameter_mm : (low, high), optional
        Range, inclusive, of a column of `label_statistics`; None leaves a side open. ``area_mm2`` is for 2-D,
        ``volume_mm3`` for 3-D.
    axis_major_mm, axis_minor_mm, axis_least_mm, elongation, flatness, roundness : (low, high), optional
        The same for shape; ``axis_least_mm`` and ``flatness`` are for 3-D.
    intensity_mean, intensity_std, intensity_min, intensity_max : (low, high), optional
        The same for the values of `image`. NaN is in no range.
    intensity_skewness, intensity_kurtosis, intensity_median : (low, high), optional
        The same, from one more pass.
    surface_area_mm2, sphericity, perimeter_mm, circularity : (low, high), optional
        The same for the surface (2-D: border), from one more pass; the first two are for 3-D, the others for 2-D.
    distance_mm : (low, high), optional
        The same for the distance to the mask `distance_to`.
    criteria : mapping of str to (low, high), optional
        The same for any column of `label_statistics` by its name, as ``{"centroid_z": (10, 50)}`` or
        ``{"intensity_p90": (100, None)}``; judged after those above.
    touches_border : bool, optional
        True keeps only objects at the border of the array, False only those away from it. Judged last.
    distance_to : array_like, optional
        A mask of the shape of `labels`, of any dtype, that `distance_mm` is measured to.
    spacing : float or sequence of float, optional
        Voxel size in mm, in array order. By default that of the Volume, else 1.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.
    device : {"cpu", "cuda"}, optional
        Where to measure. Default: where the labels are, which may be a CuPy array or another array on a GPU, as the
        result then is;
        ``"cuda"`` copies them from the host to the GPU. There only the columns of one pass are measured, of labels of
        at most 32 bits below 2^22 and, in floating images, of values that are not infinite, whose mean and standard
        deviation may differ in the last bits.

    Returns
    -------
    labels : ndarray of int32, or Volume
        The objects that were kept, numbered from 1 in the order of their old numbers.
    table : Table
        All objects, with the default columns of `label_statistics`, those of the criteria, and

        - ``kept``: bool;
        - ``decided_by``: the criterion that rejected the object, the first in the order of the signature; empty where
          it was kept;
        - ``new_label``: int32, 0 where it was rejected.

    Raises
    ------
    TypeError
        If a range is not a pair of numbers or None, or `labels` not of an integer dtype.
    ValueError
        If a range is empty, or needs an image or another number of dimensions; and as `label_statistics`.

    See Also
    --------
    label, label_statistics

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import label, screen
    >>> labels, _ = label(np.array([[1, 1, 0, 1], [1, 1, 0, 0], [0, 0, 0, 1]]))
    >>> kept, table = screen(labels, area_mm2=(1.0, None), spacing=0.7)
    >>> kept
    array([[1, 1, 0, 0],
           [1, 1, 0, 0],
           [0, 0, 0, 0]], dtype=int32)
    >>> table["decided_by"].tolist()
    ['', 'area_mm2', 'area_mm2']
    """
    ranges = {
        "voxel_count": voxel_count,
        "volume_mm3": volume_mm3,
        "area_mm2": area_mm2,
        "equivalent_diameter_mm": equivalent_diameter_mm,
        "axis_major_mm": axis_major_mm,
        "axis_minor_mm": axis_minor_mm,
        "axis_least_mm": axis_least_mm,
        "elongation": elongation,
        "flatness": flatness,
        "roundness": roundness,
        "intensity_mean": intensity_mean,
        "intensity_std": intensity_std,
        "intensity_min": intensity_min,
        "intensity_max": intensity_max,
        "intensity_skewness": intensity_skewness,
        "intensity_kurtosis": intensity_kurtosis,
        "intensity_median": intensity_median,
        "surface_area_mm2": surface_area_mm2,
        "sphericity": sphericity,
        "perimeter_mm": perimeter_mm,
        "circularity": circularity,
        "distance_mm": distance_mm,
    }
    if criteria is not None:
        if not isinstance(criteria, Mapping) or not all(isinstance(name, str) for name in criteria):
            raise _check.fail("screen", "criteria", "map names to ranges", criteria, TypeError)
        for name, value in criteria.items():
            if ranges.get(name) is not None:
                raise _check.fail("screen", "criteria", "name no criterion that is given by itself", name)
            if name == "touches_border":
                raise _check.fail("screen", "criteria", "leave `touches_border` to the argument", name)
            ranges[name] = value
    bounds = {name: _range("screen", name, value) for name, value in ranges.items() if value is not None}
    if touches_border is not None and not isinstance(touches_border, bool | np.bool_):
        raise _check.fail("screen", "touches_border", "be a bool or None", touches_border, TypeError)
    measured = measure(
        "screen", labels, image, spacing, workers, distance_to=distance_to, criteria=bounds, device=device
    )
    table = measured.table
    longest = max(len(name) for name in ("touches_border", *bounds))
    decided_by = np.full(table.row_count, "", dtype=f"U{longest}")
    undecided = np.ones(table.row_count, bool)
    for name, (low, high) in bounds.items():
        passes = (table[name] >= low) & (table[name] <= high)
        decided_by[undecided & ~passes] = name
        undecided &= passes
    if touches_border is not None:
        passes = table["touches_border"] == touches_border
        decided_by[undecided & ~passes] = "touches_border"
        undecided &= passes
    new_label = np.where(undecided, np.cumsum(undecided), 0).astype(np.int32)
    table["kept"], table["decided_by"], table["new_label"] = undecided, decided_by, new_label
    return renumbered("screen", measured, new_label, workers), table


def _range(name: str, argument: str, value: Any) -> tuple[float, float]:
    """Return a criterion as two floats, with infinities for open sides."""
    try:
        low, high = value
    except (TypeError, ValueError):
        raise _check.fail(name, argument, "be a pair (low, high)", value, TypeError) from None
    low = -math.inf if low is None else bound_of(name, argument, low)
    high = math.inf if high is None else bound_of(name, argument, high)
    if high < low:
        raise _check.fail(name, argument, "be a pair (low, high) with low <= high", value)
    return low, high
