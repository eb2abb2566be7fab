"""Local maxima of an image as a list of points."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import DTYPES, take, take_matching
from .._neighbourhood import LARGEST_WINDOW, ball_of, spacing_of_axes
from ..segment._morphology import binary_opening

_LABELS = (*(dtype for dtype in DTYPES if dtype.kind in "biu"), np.dtype("int64"))


def limit_of(function: str, argument: str, value: Any) -> float:
    """Return how many results are wanted: a number of at least 0, or infinity."""
    if isinstance(value, (float, np.floating)) and value == math.inf:
        return math.inf
    return float(_check.integer(function, argument, value, minimum=0, maximum=2**63 - 1))


def margins_of(function: str, value: Any, default: Sequence[int], ndim: int) -> list[int]:
    """Return how many voxels at each border are left out; True stands for `default`."""
    if isinstance(value, (bool, np.bool_)):
        return list(default) if value else [0] * ndim
    return [
        _check.integer(function, "exclude_border", item, minimum=0, maximum=LARGEST_WINDOW)
        for item in _check.per_axis(function, "exclude_border", value, ndim)
    ]


def strength_bound(function: str, argument: str, value: Any) -> float | None:
    """Return a threshold; None stays None, and infinities are numbers here."""
    if value is None:
        return None
    if isinstance(value, (float, np.floating)) and math.isinf(value):
        return float(value)
    return _check.real(function, argument, value)


def peak_local_max(
    image: Any,
    min_distance: float = 1,
    threshold_abs: float | None = None,
    threshold_rel: float | None = None,
    exclude_border: bool | int | Sequence[int] = True,
    num_peaks: float = math.inf,
    footprint: Any = None,
    labels: Any = None,
    num_peaks_per_label: float = math.inf,
    p_norm: float = math.inf,
    *,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> np.ndarray:
    """Find local maxima: voxels as large as all others of their neighbourhood, the largest first.

    Parameters
    ----------
    image : array_like or Volume
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)`` of any supported dtype.
    min_distance : int, or float in mm, default 1
        Least distance of two peaks, and reach of the neighbourhood, in `unit`.
    threshold_abs : float, optional
        Peaks are larger than this. Default: the smallest value of the image.
    threshold_rel : float, optional
        Peaks are larger than this fraction of the largest value; the larger one of both thresholds counts.
    exclude_border : bool, int or sequence of int, default True
        How many voxels at each border hold no peaks, for all axes or for each; True: as many as `min_distance`.
    num_peaks : int, optional
        At most so many peaks, the largest. Default: all.
    footprint : array_like, optional
        The neighbourhood as a bool array, in voxels, centred; default: see Notes.
    labels : array_like, optional
        Integers of the image's shape: each value above 0 is searched for itself, as if nothing were around it.
    num_peaks_per_label : int, optional
        At most so many peaks in each label.
    p_norm : float, default infinity
        Norm of the distance, at least 1: infinity for boxes, 2 for balls.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `min_distance`, which must be a whole number of voxels otherwise.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray of int64, shape (n, ndim)
        Indices in array order: by value, the largest first, equal ones in raster order. With `labels` label by label.

    Raises
    ------
    TypeError
        If the dtype is not supported or an argument is of the wrong kind.
    ValueError
        If a distance, a border or a number is negative, `p_norm` below 1, the shape of `labels` or `footprint` wrong;
        for ``unit="mm"`` without a spacing, or a spacing without ``unit="mm"``.

    Notes
    -----
    In voxels the peaks of `skimage.feature.peak_local_max`, in its order, where the image holds no NaN. The
    neighbourhood is the box of ``2 * min_distance + 1`` voxels, beyond the border the outermost voxel continues, and
    a constant image has no peaks. Of equal values on a plateau the first in raster order stays; for
    ``min_distance=1`` they all stay, as neighbours are 1 apart. A labelled voxel without labelled neighbours
    (outside every opening of its label) is a peak of a constant label.

    In mm the neighbourhood holds the voxels whose centre is at most `min_distance` away, in a box, or for
    ``p_norm=2`` in a ball; neighbours of the voxel itself always belong to it. Peaks nearer than `min_distance` to a
    larger one are then dropped by distances in mm in the norm `p_norm`.

    NaN is no peak, and what a neighbourhood with NaN holds is not defined. One maximum filter, one comparison, and for
    the distances a grid: O(voxels + n).

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((7, 7))
    >>> image[3, 4], image[3, 2] = 1, 1.5
    >>> peak_local_max(image)
    array([[3, 2],
           [3, 4]])
    >>> peak_local_max(image, min_distance=2)
    array([[3, 2]])
    """
    name = "peak_local_max"
    taken = take(name, "image", image)
    array = taken.array
    ndim = array.ndim
    sizes = spacing_of_axes(name, taken, tuple(range(ndim)), spacing, unit)
    norm = math.inf if p_norm == math.inf else _check.real(name, "p_norm", p_norm, minimum=1)
    if unit == "voxel":
        distance: float = _check.integer(name, "min_distance", min_distance, minimum=0, maximum=LARGEST_WINDOW)
        reach = [int(distance)] * ndim
    else:
        distance = _check.real(name, "min_distance", min_distance, minimum=0)
        reach = [int(min(distance / size * (1 + 1e-9), LARGEST_WINDOW)) for size in sizes]
    margin = margins_of(name, exclude_border, reach, ndim)
    lower = strength_bound(name, "threshold_abs", threshold_abs)
    fraction = strength_bound(name, "threshold_rel", threshold_rel)
    most = limit_of(name, "num_peaks", num_peaks)
    most_each = limit_of(name, "num_peaks_per_label", num_peaks_per_label)
    threads = _check.workers(name, workers)
    window: list[int] | np.ndarray
    if footprint is not None:
        window = np.asarray(footprint).astype(bool)
        if window.ndim != ndim or not window.any():
            raise ValueError(
                f"{name}: `footprint` must have {ndim} axes and a voxel that counts, got shape {window.shape}"
            )
    elif unit == "mm" and norm == 2:
        window = ball_of(name, "min_distance", distance, sizes)
        # Coarse axes too have neighbours.
        window = np.pad(window, [(int(r < 1),) * 2 for r in reach])
        centre = np.array(window.shape) // 2
        for axis in range(ndim):
            for step in (-1, 1):
                place = centre.copy()
                place[axis] += step
                window[tuple(place)] = True
    else:
        window = [2 * max(r, int(unit == "mm")) + 1 for r in reach]
        if math.prod(window) > LARGEST_WINDOW:
            raise _check.fail(name, "min_distance", f"hold at most {LARGEST_WINDOW} voxels", min_distance)
    if array.size == 0:
        return np.empty((0, ndim), np.int64)
    threshold = _threshold(array, lower, fraction, threads)
    # Below this every two voxels are far enough apart.
    closest = distance if distance > (1 if unit == "voxel" else min(sizes)) else 0.0
    search = _Search(window, threshold, closest, norm, sizes, threads)
    if labels is None:
        return search.run(array, margin, most, None)
    given = take_matching(name, "labels", labels, array.shape, image, dtypes=_LABELS).array
    inner = np.zeros(array.shape, np.int64)
    centre_part = tuple(slice(m, max(m, n - m)) for m, n in zip(margin, array.shape, strict=True))
    inner[centre_part] = given[centre_part]
    found = []
    for label, box in _boxes_of(inner):
        inside = np.asarray(given[box] == label)
        part = array[box].copy()
        part[~inside] = _lowest(array.dtype)
        points = search.run(part, [0] * ndim, most_each, inside)
        found.append(points + [side.start for side in box])
    result = np.concatenate(found) if found else np.empty((0, ndim), np.int64)
    if len(result) > most:
        # As scikit-image: by value again, and by distance between labels.
        result = result[np.lexsort(result.T[::-1])]
        result = search.spaced(result, array[tuple(result.T)].astype(np.float64), most)
    return result


def _threshold(array: np.ndarray, lower: float | None, fraction: float | None, threads: int) -> float:
    low, high = (float(value) for value in _cormack_cpu.minmax(array, None, threads)[:2])
    # The numbers are those of the image's own type, as NumPy would compare them.
    kind = array.dtype.type if array.dtype.kind == "f" else float
    threshold = low if lower is None else lower
    if fraction is not None:
        threshold = max(threshold, float(kind(fraction) * kind(high)))
    return float(kind(threshold))


def _lowest(dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "b":
        return False
    return np.finfo(dtype).min if dtype.kind == "f" else np.iinfo(dtype).min


def _boxes_of(labels: np.ndarray) -> Iterator[tuple[int, tuple[slice, ...]]]:
    """Give each label above 0 with the box around its voxels."""
    index = np.flatnonzero(labels > 0)
    if not len(index):
        return
    values = labels.ravel()[index]
    order = np.argsort(values, kind="stable")
    values = values[order]
    first = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    places = [place[order] for place in np.unravel_index(index, labels.shape)]
    starts = [np.minimum.reduceat(place, first) for place in places]
    stops = [np.maximum.reduceat(place, first) + 1 for place in places]
    for i, label in enumerate(values[first]):
        box = tuple(slice(int(start[i]), int(stop[i])) for start, stop in zip(starts, stops, strict=True))
        yield int(label), box


class _Search:
    """What is looked for, in the whole image or in the box of a label."""

    def __init__(
        self,
        window: list[int] | np.ndarray,
        threshold: float,
        closest: float,
        norm: float,
        sizes: list[float],
        threads: int,
    ) -> None:
        self.window = window
        self.threshold = threshold
        self.closest = closest
        self.norm = norm
        self.sizes = sizes
        self.threads = threads

    def run(self, array: np.ndarray, margin: list[int], most: float, inside: np.ndarray | None) -> np.ndarray:
        """Return the peaks of an image; `inside` is its label, which only tells whether it is constant."""
        mask = self.window if isinstance(self.window, np.ndarray) else None
        extents = list(self.window.shape if isinstance(self.window, np.ndarray) else self.window)
        if math.prod(extents) == 1 or array.size == 1:
            maximum = array
            trivial = False
        else:
            maximum = np.empty(array.shape, array.dtype)
            ndim = array.ndim
            nearest = _check.BORDERS["nearest"]
            _cormack_cpu.maximum_filter(
                array,
                maximum,
                [1] * (3 - ndim) + extents,
                [0] * 3,
                None if mask is None or mask.all() else np.ascontiguousarray(mask, np.uint8),
                [nearest] * 3,
                0.0,
                self.threads,
            )
            trivial = bool((array == maximum)[inside].all()) if inside is not None else False
        if trivial and inside is not None:
            lone = inside & ~binary_opening(inside)
            index = np.flatnonzero(lone & (array > self.threshold))
            values = array.ravel()[index].astype(np.float64)
        else:
            index, values, everywhere = _cormack_cpu.equal_places(array, maximum, self.threshold, margin, self.threads)
            if everywhere and maximum is not array:
                index, values = index[:0], values[:0]
        points = np.stack(np.unravel_index(index, array.shape), axis=-1).astype(np.int64, copy=False)
        return self.spaced(points, values, most)

    def spaced(self, points: np.ndarray, values: np.ndarray, most: float) -> np.ndarray:
        """Return the points by value, without those that are too near to a larger one."""
        points = points[np.argsort(-values, kind="stable")]
        count = int(min(most, len(points)))
        if self.closest and len(points):
            places = np.ascontiguousarray(points * np.asarray(self.sizes), np.float64)
            points = points[_cormack_cpu.keep_spaced(places, self.closest, self.norm, count) != 0]
        return points[:count]
