"""Contours that move: active contours without edges, and geodesic ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu, _intensity
from .._arrays import Taken, take, take_matching
from ..filters import gaussian_gradient_magnitude

_MOST_STEPS = 2**31 - 1
_SLICE_VALUES = 65536


def checkerboard_level_set(image_shape: Sequence[int], square_size: int = 5) -> np.ndarray:
    """Make a level set of squares or cubes that are inside and outside in turn.

    Parameters
    ----------
    image_shape : sequence of int
        Shape of the image, 2-D or 3-D.
    square_size : int, default 5
        Pixels along the side of a square.

    Returns
    -------
    ndarray of bool
        The level set; the first square is outside.

    Raises
    ------
    ValueError
        If the shape is not 2-D or 3-D or `square_size` is not positive.

    See Also
    --------
    disk_level_set, morphological_chan_vese

    Notes
    -----
    Equal to ``skimage.segmentation.checkerboard_level_set``, which has int8.

    Examples
    --------
    >>> from cormack.segment import checkerboard_level_set
    >>> checkerboard_level_set((2, 4), 2).astype(int)
    array([[0, 0, 1, 1],
           [0, 0, 1, 1]])
    """
    name = "checkerboard_level_set"
    shape = _shape_of(name, image_shape)
    size = _check.integer(name, "square_size", square_size, minimum=1)
    result = np.zeros(shape, bool)
    for axis, length in enumerate(shape):
        odd = (np.arange(length) // size) % 2 == 1
        result ^= odd.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return result


def disk_level_set(
    image_shape: Sequence[int], *, center: Sequence[float] | None = None, radius: float | None = None
) -> np.ndarray:
    """Make a level set that is a disk or a ball.

    Parameters
    ----------
    image_shape : sequence of int
        Shape of the image, 2-D or 3-D.
    center : sequence of float, optional
        Index of the centre, in array order; by default half of the shape, rounded down.
    radius : float, optional
        In pixels; by default three eighths of the shortest side.

    Returns
    -------
    ndarray of bool
        Pixels closer to the centre than `radius`.

    Raises
    ------
    ValueError
        If the shape is not 2-D or 3-D or `center` does not suit it.

    See Also
    --------
    checkerboard_level_set, morphological_geodesic_active_contour

    Notes
    -----
    Equal to ``skimage.segmentation.disk_level_set``, which has int8.

    Examples
    --------
    >>> from cormack.segment import disk_level_set
    >>> disk_level_set((3, 4), radius=1.1).astype(int)
    array([[0, 0, 1, 0],
           [0, 1, 1, 1],
           [0, 0, 1, 0]])
    """
    name = "disk_level_set"
    shape = _shape_of(name, image_shape)
    middle = [n // 2 for n in shape] if center is None else _check.per_axis(name, "center", center, len(shape))
    middle = [_check.real(name, "center", c) for c in middle]
    reach = min(shape) * 3.0 / 8.0 if radius is None else _check.real(name, "radius", radius)
    squares = [(np.arange(length) - place) ** 2 for length, place in zip(shape, middle, strict=True)]
    result = np.empty(shape, bool)
    # A slice at a time stays in the cache.
    for row, first in zip(result, squares[0], strict=True):
        square = first + squares[1] if len(shape) == 2 else (first + squares[1])[:, None] + squares[2]
        np.greater(reach - np.sqrt(square), 0, out=row)
    return result


def inverse_gaussian_gradient(
    image: Any, alpha: float = 100.0, sigma: float | Sequence[float] = 5.0, *, workers: int | None = None
) -> Any:
    """Turn an image into one that is close to 0 on edges and to 1 where there are none.

    Parameters
    ----------
    image : array_like or Volume
        2-D or 3-D.
    alpha : float, default 100
        How steeply values fall beside an edge, at least 0; depends on the unit of the image.
    sigma : float or sequence of float, default 5
        Standard deviation of the Gaussian whose gradient is taken, in pixels.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray of float32 or float64, or Volume
        ``1 / sqrt(1 + alpha * |gradient|)``; float64 for float64.

    Raises
    ------
    ValueError
        If the image is not 2-D or 3-D, `alpha` negative or `sigma` not positive.

    See Also
    --------
    morphological_geodesic_active_contour, cormack.filters.gaussian_gradient_magnitude

    Notes
    -----
    As ``skimage.segmentation.inverse_gaussian_gradient`` of an image in floating point; of integers, scikit-image
    rounds the gradient down to integers. Precision and NaN are those of `gaussian_gradient_magnitude`.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import inverse_gaussian_gradient
    >>> inverse_gaussian_gradient(np.repeat([[0.0] * 4 + [1.0] * 4], 3, axis=0), sigma=1)[0].round(2)
    array([0.97, 0.65, 0.28, 0.16, 0.16, 0.28, 0.65, 0.97])
    """
    name = "inverse_gaussian_gradient"
    steep = _check.real(name, "alpha", alpha, minimum=0.0)
    taken = take(name, "image", image)
    for value in _check.per_axis(name, "sigma", sigma, taken.array.ndim):
        _check.real(name, "sigma", value, minimum=0.0)
    _check.workers(name, workers)
    result = gaussian_gradient_magnitude(taken.array, sigma, mode="nearest", workers=workers)
    # Parts that stay in the cache from one operation to the next.
    rows = max(1, _SLICE_VALUES // max(1, math.prod(result.shape[1:])))
    for first in range(0, len(result), rows):
        part = result[first : first + rows]
        part *= steep
        part += 1
        np.sqrt(part, out=part)
        np.divide(1, part, out=part)
    return taken.give_back(result)


def morphological_chan_vese(
    image: Any,
    num_iter: int,
    init_level_set: Any = "checkerboard",
    smoothing: int = 1,
    lambda1: float = 1.0,
    lambda2: float = 1.0,
    iter_callback: Callable[[np.ndarray], None] | None = None,
    *,
    workers: int | None = None,
) -> Any:
    """Divide an image into an inside and an outside that differ in their averages, without need for edges.

    Parameters
    ----------
    image : array_like or Volume
        2-D or 3-D.
    num_iter : int
        Iterations.
    init_level_set : {"checkerboard", "disk"} or array_like, default "checkerboard"
        Where to begin: by name, or an array whose positive values are inside.
    smoothing : int, default 1
        How often the contour is smoothed in an iteration.
    lambda1, lambda2 : float, default 1
        Weights of the difference from the average inside and outside: the side of the larger weight gets the narrower
        range of values.
    iter_callback : callable, optional
        Called with the level set before the first iteration and after each.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray of bool, or Volume
        The inside.

    Raises
    ------
    ValueError
        If the image is not 2-D or 3-D, `init_level_set` has another shape, or a number is negative.

    See Also
    --------
    chan_vese, morphological_geodesic_active_contour, checkerboard_level_set

    Notes
    -----
    Active contours without edges by morphological operators [1]_. For integers the result is identical to that of
    ``skimage.segmentation.morphological_chan_vese``, for floating point up to pixels that lie between both averages
    within rounding: sums are exact for integers and in float64 for floating point. scikit-image's two smoothing
    operators take turns through all calls of a process; here, and for its first call, a call begins with the first. NaN
    has no part in averages and stays on its side. An axis of one pixel has no gradient.

    References
    ----------
    .. [1] P. Marquez-Neila, L. Baumela, L. Alvarez, "A morphological approach to curvature-based evolution of curves
           and surfaces", IEEE TPAMI 36(1), 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import morphological_chan_vese
    >>> image = np.zeros((20, 20), np.int16)
    >>> image[5:15, 6:14] = 100
    >>> int(np.count_nonzero(morphological_chan_vese(image, 10, "disk")))
    76
    """
    name = "morphological_chan_vese"
    taken = take(name, "image", image)
    inner, outer = _check.real(name, "lambda1", lambda1), _check.real(name, "lambda2", lambda2)
    threads = _check.workers(name, workers)

    def run(level_set: np.ndarray, result: np.ndarray, count: int, smooth: int, swapped: bool) -> None:
        _cormack_cpu.morphological_chan_vese(
            taken.array, level_set, result, count, smooth, swapped, inner, outer, threads
        )

    return _evolve(name, taken, num_iter, init_level_set, smoothing, iter_callback, run)


def morphological_geodesic_active_contour(
    gimage: Any,
    num_iter: int,
    init_level_set: Any = "disk",
    smoothing: int = 1,
    threshold: float | str = "auto",
    balloon: float = 0,
    iter_callback: Callable[[np.ndarray], None] | None = None,
    *,
    workers: int | None = None,
) -> Any:
    """Move a contour to the edges of an image.

    Parameters
    ----------
    gimage : array_like or Volume
        2-D or 3-D, small on edges, as `inverse_gaussian_gradient` gives it.
    num_iter : int
        Iterations.
    init_level_set : {"disk", "checkerboard"} or array_like, default "disk"
        Where to begin: by name, or an array whose positive values are inside.
    smoothing : int, default 1
        How often the contour is smoothed in an iteration.
    threshold : float or "auto", default "auto"
        The contour is on an edge where `gimage` is below; "auto" is the 40th percentile. For the balloon alone.
    balloon : float, default 0
        Above 0 the contour grows where there is no edge, below 0 it shrinks: where `gimage` is above
        ``threshold / abs(balloon)``.
    iter_callback : callable, optional
        Called with the level set before the first iteration and after each.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray of bool, or Volume
        The inside.

    Raises
    ------
    ValueError
        If the image is not 2-D or 3-D, `init_level_set` has another shape, or a number is out of range.

    See Also
    --------
    inverse_gaussian_gradient, morphological_chan_vese, disk_level_set

    Notes
    -----
    Geodesic active contours by morphological operators [1]_. Identical to
    ``skimage.segmentation.morphological_geodesic_active_contour`` for float32 and float64; it takes no integers, which
    are converted to float64 here. scikit-image's two smoothing operators take turns through all calls of a process;
    here, and for its first call, a call begins with the first. Where the gradient of `gimage` is NaN the contour
    stands. An axis of one pixel has no gradient.

    References
    ----------
    .. [1] P. Marquez-Neila, L. Baumela, L. Alvarez, "A morphological approach to curvature-based evolution of curves
           and surfaces", IEEE TPAMI 36(1), 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import disk_level_set, inverse_gaussian_gradient, morphological_geodesic_active_contour
    >>> image = np.zeros((40, 40))
    >>> image[10:30, 12:28] = 1
    >>> edges = inverse_gaussian_gradient(image, sigma=1)
    >>> start = disk_level_set(image.shape, radius=5)
    >>> inside = morphological_geodesic_active_contour(edges, 40, start, threshold=0.4, balloon=1)
    >>> bool(inside[14:26, 15:25].all()), bool(inside[:8].any())
    (True, False)
    """
    name = "morphological_geodesic_active_contour"
    taken = take(name, "gimage", gimage)
    force = _check.real(name, "balloon", balloon)
    array = taken.array if taken.array.dtype.kind == "f" else taken.array.astype(np.float64)
    threads = _check.workers(name, workers)
    if isinstance(threshold, str):
        _check.choice(name, "threshold", threshold, ("auto",))
        found = _intensity.quantiles(array, None, (0.4,), threads) if force else np.zeros(0)
        edge = float(found.astype(array.dtype)[0]) if found.size else 0.0
    else:
        edge = _check.real(name, "threshold", threshold)
    edge = edge / abs(force) if force else 0.0
    direction = (force > 0) - (force < 0)

    def run(level_set: np.ndarray, result: np.ndarray, count: int, smooth: int, swapped: bool) -> None:
        _cormack_cpu.morphological_geodesic_active_contour(
            array, level_set, result, count, smooth, swapped, direction, edge, threads
        )

    return _evolve(name, taken, num_iter, init_level_set, smoothing, iter_callback, run)


def _evolve(
    name: str,
    taken: Taken,
    num_iter: Any,
    init_level_set: Any,
    smoothing: Any,
    iter_callback: Callable[[np.ndarray], None] | None,
    run: Callable[[np.ndarray, np.ndarray, int, int, bool], None],
) -> Any:
    count = _check.integer(name, "num_iter", num_iter, minimum=0, maximum=_MOST_STEPS)
    smooth = _check.integer(name, "smoothing", smoothing, minimum=0, maximum=_MOST_STEPS)
    shape = taken.array.shape
    if isinstance(init_level_set, str):
        kind = _check.choice(name, "init_level_set", init_level_set, ("checkerboard", "disk"))
        level_set = checkerboard_level_set(shape) if kind == "checkerboard" else disk_level_set(shape)
    else:
        argument = "gimage" if name == "morphological_geodesic_active_contour" else "image"
        level_set = take_matching(name, "init_level_set", init_level_set, shape, taken.volume, argument).array
        level_set = level_set if level_set.dtype == bool else level_set > 0
    if iter_callback is None:
        result = np.empty(shape, bool)
        run(level_set, result, count, smooth, False)
        return taken.give_back(result)
    result = level_set.copy()
    iter_callback(result)
    for step in range(count):
        level_set, result = result, np.empty(shape, bool)
        run(level_set, result, 1, smooth, step * smooth % 2 == 1)
        iter_callback(result)
    return taken.give_back(result)


def _shape_of(name: str, value: Any) -> tuple[int, ...]:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence | np.ndarray) or len(value) not in (2, 3):
        raise _check.fail(name, "image_shape", "be the shape of a 2-D or 3-D image", value)
    return tuple(_check.integer(name, "image_shape", n, minimum=0) for n in value)
