"""Lines of equal value in images."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import take, take_mask
from ._levels import level_of


def find_contours(
    image: Any,
    level: float | None = None,
    fully_connected: str = "low",
    positive_orientation: str = "low",
    *,
    mask: Any = None,
    spacing: Any = None,
    workers: int | None = None,
) -> list[Any]:
    """Find the lines where an image passes through a level.

    Parameters
    ----------
    image : array_like or Volume
        2-D, or 3-D for the lines of each slice along the first axis; of any dtype.
    level : float, optional
        Value on the lines; by default the middle between the smallest and the largest value.
    fully_connected : {"low", "high"}, default "low"
        Which pixels are connected where two of each kind meet in diagonals: those at most at the level, or those above.
    positive_orientation : {"low", "high"}, default "low"
        Which pixels lines run round counter-clockwise, as seen with the first axis downwards.
    mask : array_like, optional
        Of the image's shape; squares between four pixels count where all of them are not zero.
    spacing : float or sequence of float, optional
        Size of a pixel along each axis of the image, in mm, in array order. By default that of a `Volume`, else 1.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    list of (K, 2) ndarray of float64
        Points (y, x) of each line in mm, in pixels without a spacing; the first is the last again where a line is
        closed. For a 3-D image a list of such lists, one for each slice.

    Raises
    ------
    ValueError
        If `image` is not 2-D or 3-D or `level` lies outside the range of its values.

    See Also
    --------
    marching_cubes

    Notes
    -----
    Without a spacing the lines, their order and every coordinate are those of ``skimage.measure.find_contours`` of the
    image in float64, which is linear interpolation on the sides of squares (marching squares [1]_). Lines are open
    where they meet the border of the image or of the mask, or a square with NaN. Beside infinite pixels, whose lines
    scikit-image leaves at NaN, they pass halfway. Images of one pixel along an axis have no lines.

    References
    ----------
    .. [1] W. E. Lorensen, H. E. Cline, "Marching cubes: a high resolution 3D surface construction algorithm", SIGGRAPH
           1987.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.detect import find_contours
    >>> find_contours(np.array([[4.0, 0, 0], [0, 0, 0]]), 1)
    [array([[0.  , 0.75],
           [0.75, 0.  ]])]
    """
    name = "find_contours"
    taken = take(name, "image", image)
    array = taken.array
    lengths = _check.spacing(name, taken.spacing if spacing is None else spacing, array.ndim)
    high = _check.choice(name, "fully_connected", fully_connected, ("low", "high")) == "high"
    turned = _check.choice(name, "positive_orientation", positive_orientation, ("low", "high")) == "high"
    inside = take_mask(name, "mask", mask, array.shape, image)
    threads = _check.workers(name, workers)
    value, has_nan = level_of(name, array, level, threads)
    slices = []
    for points, first in _cormack_cpu.find_contours(array, value, high, turned, inside, has_nan, threads):
        points *= np.array(lengths[-2:])
        slices.append([points[a:b] for a, b in itertools.pairwise(first)])
    return slices[0] if array.ndim == 2 else slices
