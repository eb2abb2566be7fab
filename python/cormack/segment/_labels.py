"""Connected components, and what they measure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import DTYPES, WIDE_INTEGERS, Taken, check_output, take, whole_items
from .._table import Table
from ._checks import connectivity_of, mask_of

_LABEL_DTYPES = (*DTYPES, *WIDE_INTEGERS)


# From this size on memory comes as pages of zeros from the system, with malloc as it is unless told otherwise.
_FRESH_BYTES = 32 << 20


def label(
    mask: Any, *, connectivity: int = 1, output: np.ndarray | None = None, workers: int | None = None
) -> tuple[Any, int]:
    """Number the connected components of a mask.

    Parameters
    ----------
    mask : array_like or Volume
        2-D or 3-D, of any dtype; what is not zero is foreground.
    connectivity : int, default 1
        How many coordinates may change by one in a step, from 1 (faces) to the number of dimensions (corners).
    output : ndarray of int32, optional
        Where to write the labels: an array of the shape of `mask` that shares no memory with it. Large volumes take
        half the time where the system need not find new memory for each.
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
        If `mask` is not 2-D or 3-D or `connectivity` does not suit it, or `output` does not.
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
    taken = mask_of("label", "mask", mask)
    steps = connectivity_of("label", connectivity, taken.array.ndim)
    threads = _check.workers("label", workers)
    if output is not None:
        if not isinstance(output, np.ndarray) or output.dtype != np.int32:
            got = output.dtype if isinstance(output, np.ndarray) else type(output)
            raise _check.fail("label", "output", "be an array of int32", got, TypeError)
        check_output("label", "output", output, taken.array.shape)
        if np.may_share_memory(output, taken.array) or not whole_items(output):
            raise _check.fail("label", "output", "be aligned and share no memory with `mask`", type(output))
        return output, _cormack_cpu.label(taken.array, output, steps, False, threads)
    fresh = taken.array.size * 4 > _FRESH_BYTES
    labels = np.zeros(taken.array.shape, np.int32) if fresh else np.empty(taken.array.shape, np.int32)
    return taken.give_back(labels), _cormack_cpu.label(taken.array, labels, steps, fresh, threads)


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
    return measure("label_statistics", labels, image, spacing, workers).table


class Measured(NamedTuple):
    taken: Taken
    array: np.ndarray  # the labels as the extension takes them
    numbers: np.ndarray  # those that occur in `array`; a row of the table each
    table: Table


def measure(
    name: str, labels: Any, image: Any, spacing: Any, workers: int | None, criteria: Iterable[str] = ()
) -> Measured:
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
    return Measured(taken, array, numbers, table)


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
