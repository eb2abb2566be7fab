"""Region growing from seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import take, take_mask
from ._checks import bound_of, connectivity_of


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
    low, high = bound_of(name, "lower", lower), bound_of(name, "upper", upper)
    if high < low:
        raise _check.fail(name, "upper", f"be at least `lower`, which is {low:g}", upper)
    steps = connectivity_of(name, connectivity, array.ndim)
    allowed = take_mask(name, "mask", mask, array.shape)
    points = [(0, *point)[-3:] for point in _check.seeds(name, seeds, array.shape)]
    result = np.empty(array.shape, bool)
    _cormack_cpu.connected_threshold(array, result, points, low, high, steps, allowed, _check.workers(name, workers))
    return taken.give_back(result)
