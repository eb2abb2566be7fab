"""Watersheds: basins that markers flood."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import DTYPES, WIDE_INTEGERS, take, take_mask, take_matching
from ._checks import connectivity_of
from ._labels import label

_MARKER_DTYPES = tuple(dtype for dtype in (*DTYPES, *WIDE_INTEGERS) if dtype.kind != "f")


def watershed(
    image: Any,
    markers: Any = None,
    connectivity: int = 1,
    *,
    mask: Any = None,
    compactness: float = 0.0,
    watershed_line: bool = False,
    workers: int | None = None,
) -> Any:
    """Flood an image from markers: every voxel joins the basin that reaches it at the lowest level.

    Parameters
    ----------
    image : array_like or Volume
        2-D or 3-D: bool, 8, 16 or 32 bit integers, float32 or float64. Low values are flooded first. NaN counts as
        larger than every number.
    markers : array_like of int, or int, optional
        Where basins start: labels of the image's shape, 0 where there is no marker. A number asks for about so many
        markers on a regular grid. By default the local minima of `image` are numbered.
    connectivity : int, default 1
        How many coordinates may change by one in a step, from 1 (faces) to the number of dimensions (corners).
    mask : array_like, optional
        Of the image's shape, any dtype: only voxels where it is not zero are labelled.
    compactness : float, default 0.0
        Cost of every voxel of distance from the marker; above 0, basins are more regular [2]_.
    watershed_line : bool, default False
        Whether to leave a line one voxel wide between basins.
    workers : int, optional
        Threads for reading and writing the images; the flood itself runs on one.

    Returns
    -------
    ndarray or Volume of int32
        The label of each voxel's basin; 0 outside the mask, where no marker reaches, and on lines.

    Raises
    ------
    TypeError
        If a dtype is not supported.
    ValueError
        If `image` is not 2-D or 3-D, `markers` or `mask` has another shape, a marker does not fit into int32,
        `compactness` is negative, or `watershed_line` is combined with it.

    See Also
    --------
    label, connected_threshold, skimage.segmentation.watershed

    Notes
    -----
    Voxels wait in queues by their level, which is their value but at least that of the voxel they were reached from,
    and within a level by the time they were reached; neighbours along fewer axes are reached first. That is the order
    of scikit-image (0.25 and later), and so are the labels, but for one case: markers of equal value flood in the order
    of the array here, and in an order that its heap happens to give there, so that voxels equally near to two such
    markers may go to the other one. scikit-image ignores `watershed_line` where `compactness` is above 0.

    8 and 16 bit integers have a queue for each value; values of other dtypes are replaced by their ranks first. The
    time is linear in the voxels; with `compactness` it is that of a heap. Needs 10 to 12 bytes a voxel, 20 to 36 while
    values are ranked.

    References
    ----------
    .. [1] L. Vincent, P. Soille, "Watersheds in digital spaces: an efficient algorithm based on immersion simulations",
       IEEE TPAMI 13(6), 1991.
    .. [2] P. Neubert, P. Protzel, "Compact watershed and preemptive SLIC", ICPR 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import watershed
    >>> watershed(np.array([[0, 3, 5, 2, 1], [1, 2, 4, 2, 0]], np.uint8))
    array([[1, 1, 2, 2, 2],
           [1, 1, 2, 2, 2]], dtype=int32)
    """
    name = "watershed"
    taken = take(name, "image", image)
    shape = taken.array.shape
    steps = connectivity_of(name, connectivity, taken.array.ndim)
    inside = take_mask(name, "mask", mask, shape, image)
    cost = _check.real(name, "compactness", compactness, minimum=0.0)
    if watershed_line and cost > 0:
        raise _check.fail(name, "watershed_line", "be False where `compactness` is above 0", watershed_line)
    threads = _check.workers(name, workers)
    if markers is None:
        minima = np.empty(shape, bool)
        _cormack_cpu.local_minima(taken.array, minima, steps, threads)
        if inside is not None:
            minima &= inside
        labels = label(minima, connectivity=steps, workers=workers)[0]
    elif np.ndim(markers) == 0 and not hasattr(markers, "array"):
        labels = _regular_markers(name, markers, shape, inside)
    else:
        labels = _labels_of(name, markers, shape, image)
    _cormack_cpu.watershed(taken.array, labels, inside, steps, bool(watershed_line), cost, threads)
    return taken.give_back(labels)


def _labels_of(name: str, markers: Any, shape: tuple[int, ...], image: Any) -> np.ndarray:
    """Return a copy of the markers that is free to become the result."""
    given = take_matching(name, "markers", markers, shape, image, dtypes=_MARKER_DTYPES).array
    limits = np.iinfo(np.int32)
    if given.size and given.dtype.itemsize >= 4 and given.dtype.kind in "iu":
        low, high = given.min(), given.max()
        # The lowest int32 stands for voxels without a label.
        if low <= limits.min or high > limits.max:
            value = low if low <= limits.min else high
            raise _check.fail(name, "markers", f"be from {limits.min + 1} to {limits.max}", value)
    return given.astype(np.int32, order="C")


def _regular_markers(name: str, count: Any, shape: tuple[int, ...], inside: np.ndarray | None) -> np.ndarray:
    """Return about `count` markers inside the mask on the grid of scikit-image's ``regular_seeds``."""
    wanted = _check.integer(name, "markers", count, minimum=1)
    labels = np.zeros(shape, np.int32)
    if inside is not None:
        if not inside.any():
            return labels
        wanted = int(wanted / (np.count_nonzero(inside) / inside.size))
    grid = labels[_grid(shape, wanted)]
    grid[...] = 1 + np.arange(grid.size).reshape(grid.shape)
    if inside is not None:
        labels *= inside
    return labels


def _grid(shape: tuple[int, ...], count: int) -> tuple[slice, ...]:
    if math.prod(shape) <= count:
        return (slice(None),) * len(shape)
    # Axes that are shorter than a step of the grid have one point; the others share the rest.
    order = sorted(range(len(shape)), key=lambda axis: shape[axis])
    steps = [0.0] * len(shape)
    for k, axis in enumerate(order):
        rest = [shape[other] for other in order[k:]]
        step = (math.prod(rest) / count) ** (1 / len(rest))
        if shape[axis] >= step:
            for other in order[k:]:
                steps[other] = step
            break
        steps[axis] = shape[axis]
    return tuple(slice(int(step // 2), None, round(step)) for step in steps)
