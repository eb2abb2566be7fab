"""Segmentation: region growing, connected components, what they measure, and which of them to keep.

A segmentation is an array of bool, a label image one of int32 with 0 as background. ``connectivity`` is scikit-image's:
how many coordinates may change by one between neighbours, so 1, 2 and 3 are the 6, 18 and 26 neighbours of a voxel, and
1 and 2 the 4 and 8 neighbours of a pixel.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import _check, _cormack_cpu
from ._arrays import DTYPES, MASK_DTYPES, WIDE_INTEGERS, Taken, take, take_mask
from ._table import Table
from ._threshold import threshold_otsu

__all__ = [
    "clear_border",
    "connected_threshold",
    "fill_holes",
    "label",
    "label_statistics",
    "largest_component",
    "remove_small_objects",
    "screen",
    "threshold_otsu",
]

_LABEL_DTYPES = (*DTYPES, *WIDE_INTEGERS)

_Range = tuple[float | None, float | None] | None


def connected_threshold(
    image: Any,
    seeds: Sequence[Sequence[int]] | Sequence[int],
    lower: float,
    upper: float,
    *,
    connectivity: int = 1,
    mask: Any = None,
    workers: int | None = None,
) -> Any:
    """Grow regions from seed points over the voxels whose values lie between two bounds.

    Parameters
    ----------
    image : array_like or Volume
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)`` of any supported dtype.
    seeds : sequence of index tuples, or one tuple
        Points in array order. A seed whose value is outside the range, or that `mask` excludes, grows nothing.
    lower, upper : float
        Inclusive bounds, compared exactly with the values of every dtype; infinities leave a side open.
    connectivity : int, default 1
        How many coordinates may change by one in a step, from 1 (faces) to the number of dimensions (corners).
    mask : array_like, optional
        Where the region may be: not zero.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray of bool
        The union of the regions of all seeds.

    Raises
    ------
    TypeError
        If the dtype is not supported or an argument is of the wrong kind.
    ValueError
        If a seed lies outside the image, `upper` is below `lower`, a bound is NaN, or `connectivity` or the shape of
        `mask` does not suit the image.

    See Also
    --------
    label : Number all regions at once.
    largest_component : Keep the largest of them.

    Notes
    -----
    Identical, voxel by voxel, to ITK's ConnectedThresholdImageFilter for face and full connectivity. NaN is outside
    every range. The image is read once, to bits; the region then grows by words of 64 voxels, in time at most
    proportional to its size, however long or twisted it is. Images whose rows are not contiguous are read row by row
    without a copy.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import connected_threshold
    >>> image = np.array([[5, 6, 0, 5], [0, 7, 0, 5], [9, 0, 6, 0]], np.int16)
    >>> connected_threshold(image, (0, 0), 5, 7).astype(int)
    array([[1, 1, 0, 0],
           [0, 1, 0, 0],
           [0, 0, 0, 0]])
    >>> connected_threshold(image, (0, 0), 5, 7, connectivity=2).astype(int)
    array([[1, 1, 0, 1],
           [0, 1, 0, 1],
           [0, 0, 1, 0]])
    """
    name = "connected_threshold"
    taken = take(name, "image", image)
    array = taken.array
    low, high = _bound(name, "lower", lower), _bound(name, "upper", upper)
    if high < low:
        raise _check.fail(name, "upper", f"be at least `lower`, which is {low:g}", upper)
    steps = _connectivity(name, connectivity, array.ndim)
    allowed = take_mask(name, "mask", mask, array.shape)
    points = [(0, *point)[-3:] for point in _check.seeds(name, seeds, array.shape)]
    result = np.empty(array.shape, bool)
    _cormack_cpu.connected_threshold(array, result, points, low, high, steps, allowed, _check.workers(name, workers))
    return taken.give_back(result)


def label(mask: Any, *, connectivity: int = 1, workers: int | None = None) -> tuple[Any, int]:
    """Number the connected components of a mask.

    Parameters
    ----------
    mask : array_like or Volume
        2-D or 3-D, of any dtype; what is not zero is foreground.
    connectivity : int, default 1
        How many coordinates may change by one in a step, from 1 (faces) to the number of dimensions (corners).
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    labels : ndarray of int32
        0 where the mask is zero, elsewhere the number of the component, from 1 in the order in which the components
        first appear in the array.
    count : int
        The number of components.

    Raises
    ------
    ValueError
        If `mask` is not 2-D or 3-D or `connectivity` does not suit it.
    OverflowError
        If the mask has more runs of voxels along its last axis than int32 can number.

    See Also
    --------
    label_statistics : Measure the components.
    screen : Keep those that satisfy criteria.

    Notes
    -----
    Identical to ``scipy.ndimage.label`` with ``generate_binary_structure(ndim, connectivity)``. NaN is not zero.

    References
    ----------
    .. [1] L. He, Y. Chao, K. Suzuki, "A run-based two-scan labeling algorithm", IEEE TIP 17(5), 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import label
    >>> labels, count = label(np.array([[1, 0, 1], [1, 0, 0], [0, 1, 1]]))
    >>> labels
    array([[1, 0, 2],
           [1, 0, 0],
           [0, 3, 3]], dtype=int32)
    >>> count
    3
    """
    taken = _take_mask("label", "mask", mask)
    steps = _connectivity("label", connectivity, taken.array.ndim)
    labels = np.empty(taken.array.shape, np.int32)
    count = _cormack_cpu.label(taken.array, labels, steps, _check.workers("label", workers))
    return taken.give_back(labels), count


def label_statistics(labels: Any, image: Any = None, *, spacing: Any = None, workers: int | None = None) -> Table:
    """Measure every object of a label image in one pass: size, place, shape, and the values of an image in it.

    Parameters
    ----------
    labels : array_like or Volume
        2-D or 3-D, of any integer dtype or bool; 0 is background. Numbers may have gaps, and an object need not be
        connected.
    image : array_like or Volume, optional
        Values to summarize, of the same shape.
    spacing : float or sequence of float, optional
        Voxel size in mm, in array order. By default that of the Volume, else 1.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    Table
        One row per label that occurs, in increasing order, with the columns

        - ``label``, ``voxel_count``, and ``volume_mm3`` (2-D: ``area_mm2``);
        - ``equivalent_diameter_mm``: of the ball (2-D: disc) of that volume;
        - ``centroid_z``, ``centroid_y``, ``centroid_x``: in voxels, as indices (2-D: without z, as all that follows);
        - ``bbox_z_start``, ``bbox_z_stop``, ...: the bounding box, half open;
        - ``touches_border``: the bounding box reaches the border of the array;
        - ``axis_major_mm``, ``axis_minor_mm``, ``axis_least_mm`` (3-D): four times the square roots of the principal
          moments, which for an ellipsoid are its full axes times ``2 / sqrt(5)`` (2-D: exactly its full axes);
        - ``elongation``, ``flatness`` (3-D): ``sqrt(minor / major)`` and ``sqrt(least / major)`` of the moments, as
          IBSI: 1 for a ball, small for a rod;
        - ``roundness``: volume over that of the ball (2-D: disc) whose major axis is the object's: 1 for a ball, small
          for long, flat, branched or hollow objects;
        - with an image, ``intensity_mean``, ``intensity_std`` (of the population), ``intensity_min``,
          ``intensity_max``; NaN where one of the values is.

    Raises
    ------
    TypeError
        If `labels` is not of an integer dtype, or `image` of one that is not supported.
    ValueError
        If a label is negative, the shapes differ, an axis is longer than 1048576 or `spacing` does not suit.

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

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import label_statistics
    >>> labels = np.array([[1, 1, 0], [0, 0, 0], [0, 4, 4]])
    >>> table = label_statistics(labels, labels.astype(np.float32) * 10, spacing=(2.0, 0.5))
    >>> table["label"], table["area_mm2"], table["intensity_mean"]
    (array([1, 4]), array([2., 2.]), array([10., 40.]))
    """
    return _measure("label_statistics", labels, image, spacing, workers).table


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
    touches_border: bool | None = None,
    spacing: Any = None,
    workers: int | None = None,
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
    touches_border : bool, optional
        True keeps only objects at the border of the array, False only those away from it.
    spacing : float or sequence of float, optional
        Voxel size in mm, in array order. By default that of the Volume, else 1.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    labels : ndarray of int32
        The objects that were kept, numbered from 1 in the order of their old numbers.
    table : Table
        All objects, with the columns of `label_statistics` and

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
    }
    bounds = {name: _range("screen", name, value) for name, value in ranges.items() if value is not None}
    if touches_border is not None and not isinstance(touches_border, bool | np.bool_):
        raise _check.fail("screen", "touches_border", "be a bool or None", touches_border, TypeError)
    measured = _measure("screen", labels, image, spacing, workers, criteria=bounds)
    table = measured.table
    decided_by = np.full(table.row_count, "", dtype="U22")
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
    result = np.empty(measured.array.shape, np.int32)
    _cormack_cpu.relabel(measured.array, result, measured.numbers, new_label, _check.workers("screen", workers))
    return measured.taken.give_back(result), table


def remove_small_objects(mask: Any, min_size: int, *, connectivity: int = 1, workers: int | None = None) -> Any:
    """Remove the connected components with fewer voxels than `min_size`.

    Parameters
    ----------
    mask : array_like or Volume
        2-D or 3-D, of any dtype; what is not zero is foreground.
    min_size : int
        Components with at least so many voxels stay.
    connectivity : int, default 1
        How many coordinates may change by one in a step, from 1 (faces) to the number of dimensions (corners).
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray of bool
        The mask without them.

    Raises
    ------
    ValueError
        If `min_size` is negative, `mask` not 2-D or 3-D, or `connectivity` does not suit it.

    See Also
    --------
    largest_component, screen

    Notes
    -----
    As ``skimage.morphology.remove_small_objects(mask, min_size)`` of a bool mask.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import remove_small_objects
    >>> remove_small_objects(np.array([[1, 0, 1], [1, 0, 0]]), 2).astype(int)
    array([[1, 0, 0],
           [1, 0, 0]])
    """
    name = "remove_small_objects"
    size = min(_check.integer(name, "min_size", min_size, minimum=0), np.iinfo(np.int64).max)
    taken = _take_mask(name, "mask", mask)
    steps = _connectivity(name, connectivity, taken.array.ndim)
    result = np.empty(taken.array.shape, bool)
    _cormack_cpu.remove_small_objects(taken.array, result, size, steps, _check.workers(name, workers))
    return taken.give_back(result)


def largest_component(mask: Any, *, connectivity: int = 1, workers: int | None = None) -> Any:
    """Keep the connected component with most voxels.

    Parameters
    ----------
    mask : array_like or Volume
        2-D or 3-D, of any dtype; what is not zero is foreground.
    connectivity : int, default 1
        How many coordinates may change by one in a step, from 1 (faces) to the number of dimensions (corners).
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray of bool
        The largest component, the one that comes first in the array among equals; empty if the mask is.

    Raises
    ------
    ValueError
        If `mask` is not 2-D or 3-D or `connectivity` does not suit it.

    See Also
    --------
    remove_small_objects, screen

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import largest_component
    >>> largest_component(np.array([[1, 0, 1], [1, 0, 0]])).astype(int)
    array([[1, 0, 0],
           [1, 0, 0]])
    """
    return _mask_operation("largest_component", mask, connectivity, workers)


def fill_holes(mask: Any, *, connectivity: int = 1, workers: int | None = None) -> Any:
    """Fill the holes of a mask: background that no path joins to the border of the array.

    Parameters
    ----------
    mask : array_like or Volume
        2-D or 3-D, of any dtype; what is not zero is foreground.
    connectivity : int, default 1
        How many coordinates may change by one in a step of a path through the background. With 1, objects that are
        closed up to corners enclose holes.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray of bool
        The mask and its holes.

    Raises
    ------
    ValueError
        If `mask` is not 2-D or 3-D or `connectivity` does not suit it.

    See Also
    --------
    clear_border

    Notes
    -----
    Identical to ``scipy.ndimage.binary_fill_holes`` with ``generate_binary_structure(ndim, connectivity)``.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import fill_holes
    >>> fill_holes(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])).astype(int)
    array([[0, 1, 0],
           [1, 1, 1],
           [0, 1, 0]])
    """
    return _mask_operation("fill_holes", mask, connectivity, workers)


def clear_border(mask: Any, *, connectivity: int = 1, workers: int | None = None) -> Any:
    """Remove the connected components that touch the border of the array.

    Parameters
    ----------
    mask : array_like or Volume
        2-D or 3-D, of any dtype; what is not zero is foreground.
    connectivity : int, default 1
        How many coordinates may change by one in a step, from 1 (faces) to the number of dimensions (corners).
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray of bool
        The mask without them.

    Raises
    ------
    ValueError
        If `mask` is not 2-D or 3-D or `connectivity` does not suit it.

    See Also
    --------
    fill_holes, screen

    Notes
    -----
    With ``connectivity=mask.ndim`` identical to ``skimage.segmentation.clear_border`` of a bool mask.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import clear_border
    >>> clear_border(np.array([[1, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]])).astype(int)
    array([[0, 0, 0, 0],
           [0, 0, 1, 0],
           [0, 0, 0, 0]])
    """
    return _mask_operation("clear_border", mask, connectivity, workers)


def _mask_operation(name: str, mask: Any, connectivity: Any, workers: int | None) -> Any:
    taken = _take_mask(name, "mask", mask)
    steps = _connectivity(name, connectivity, taken.array.ndim)
    result = np.empty(taken.array.shape, bool)
    getattr(_cormack_cpu, name)(taken.array, result, steps, _check.workers(name, workers))
    return taken.give_back(result)


def _take_mask(name: str, argument: str, value: Any) -> Taken:
    """Borrow a mask of any dtype as an array that the extension takes."""
    taken = take(name, argument, value, dtypes=MASK_DTYPES)
    if taken.array.dtype in DTYPES:
        return taken
    return Taken(taken.array != 0, taken.give_back, taken.spacing)


def _connectivity(name: str, value: Any, ndim: int) -> int:
    steps = _check.integer(name, "connectivity", value)
    if not 1 <= steps <= ndim:
        raise _check.fail(name, "connectivity", f"be 1 to {ndim} for {ndim}-D", value)
    return steps


def _bound(name: str, argument: str, value: Any) -> float:
    """Return a bound as a float, which may be infinite."""
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        raise _check.fail(name, argument, "be a number", value, TypeError) from None
    except OverflowError:
        raise _check.fail(name, argument, "fit into a float", value) from None
    if math.isnan(number):
        raise _check.fail(name, argument, "not be NaN", value)
    return number


def _range(name: str, argument: str, value: Any) -> tuple[float, float]:
    """Return a criterion as two floats, with infinities for open sides."""
    try:
        low, high = value
    except (TypeError, ValueError):
        raise _check.fail(name, argument, "be a pair (low, high)", value, TypeError) from None
    low = -math.inf if low is None else _bound(name, argument, low)
    high = math.inf if high is None else _bound(name, argument, high)
    if high < low:
        raise _check.fail(name, argument, "be a pair (low, high) with low <= high", value)
    return low, high


class _Measured(NamedTuple):
    taken: Taken
    array: np.ndarray  # the labels as the extension takes them
    numbers: np.ndarray  # those that occur in `array`; a row of the table each
    table: Table


def _measure(
    name: str, labels: Any, image: Any, spacing: Any, workers: int | None, criteria: Iterable[str] = ()
) -> _Measured:
    taken = take(name, "labels", labels, dtypes=_LABEL_DTYPES)
    array = taken.array
    ndim = array.ndim
    if array.dtype.kind == "f":
        raise TypeError(f"{name}: `labels` must have an integer dtype, got {array.dtype}")
    values = None if image is None else take(name, "image", image, ndim=())
    if values is not None and values.array.shape != array.shape:
        raise ValueError(f"{name}: `image` must have shape {array.shape}, got {values.array.shape}")
    if spacing is None:
        spacing = taken.spacing if taken.spacing is not None or values is None else values.spacing
    size = _check.spacing(name, spacing, ndim)
    for criterion in criteria:
        if criterion.startswith("intensity_") and values is None:
            raise ValueError(f"{name}: `{criterion}` must come with `image`, got None")
        if criterion in (("area_mm2",) if ndim == 3 else ("volume_mm3", "axis_least_mm", "flatness")):
            raise ValueError(f"{name}: `{criterion}` must be None for {ndim}-D labels")
    if max(array.shape) > 1 << 20:
        raise _check.fail(name, "labels", "have no axis longer than 1048576", array.shape)
    originals = None
    if array.dtype in WIDE_INTEGERS:
        array, originals = _narrow(array)
    raw, negative = _cormack_cpu.label_statistics(
        array, None if values is None else values.array, (1.0, *size)[-3:], _check.workers(name, workers)
    )
    if negative:
        raise _check.fail(name, "labels", "have no negative values", int(taken.array.min()))
    numbers = raw["label"]
    table = _table(numbers if originals is None else originals[numbers], raw, array.shape, size, values is not None)
    return _Measured(taken, array, numbers, table)


def _narrow(array: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return labels of 64 bits as int32: the same numbers if they fit, else their ranks and what those stand for."""
    if array.size == 0 or (array.min() >= -(2**31) and array.max() < 2**31):
        return array.astype(np.int32), None
    originals, ranks = np.unique(np.append(array.ravel(), array.dtype.type(0)), return_inverse=True)
    ranks -= np.searchsorted(originals, 0)
    return ranks[:-1].reshape(array.shape).astype(np.int32), originals


def _table(
    label: np.ndarray, raw: dict[str, np.ndarray], shape: tuple[int, ...], spacing: tuple[float, ...], values: bool
) -> Table:
    ndim = len(shape)
    axes = "zyx"[-ndim:]
    count = raw["count"]
    size = count * math.prod(spacing)
    table = Table({"label": label, "voxel_count": count, "volume_mm3" if ndim == 3 else "area_mm2": size})
    # The radius of the ball (disc) of each object's volume (area), and of the one that has its major axis.
    ball = 4 / 3 * math.pi if ndim == 3 else math.pi
    table["equivalent_diameter_mm"] = 2 * (size / ball) ** (1 / ndim)
    start, stop = raw["start"][-ndim:], raw["stop"][-ndim:]
    for axis, centroid in zip(axes, raw["centroid"][-ndim:], strict=True):
        table[f"centroid_{axis}"] = centroid
    for k, axis in enumerate(axes):
        table[f"bbox_{axis}_start"], table[f"bbox_{axis}_stop"] = start[k], stop[k]
    extents = np.array(shape)[:, np.newaxis]
    table["touches_border"] = ((start == 0) | (stop == extents)).any(axis=0)
    moments = raw["principal_moments"][:ndim]
    for name, moment in zip(("axis_major_mm", "axis_minor_mm", "axis_least_mm"), moments, strict=False):
        table[name] = 4 * np.sqrt(moment)
    for name, moment in zip(("elongation", "flatness"), moments[1:], strict=False):
        table[name] = np.sqrt(moment / moments[0])
    table["roundness"] = size / (ball * np.sqrt((ndim + 2) * moments[0]) ** ndim)
    if values:
        for name in ("mean", "std", "min", "max"):
            table[f"intensity_{name}"] = raw[name]
    return table
