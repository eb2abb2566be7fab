"""Values of a rank in a neighbourhood: medians and their kin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import take
from .._neighbourhood import PerAxis, apply, origins_of

# Beyond this a call would only exhaust the memory.
_LARGEST_WINDOW = 2**24


def median_filter(
    input: Any,
    size: int | Sequence[int] | None = None,
    footprint: Any = None,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    axes: int | Sequence[int] | None = None,
    workers: int | None = None,
) -> Any:
    """Replace every pixel by the median of its neighbourhood.

    Parameters
    ----------
    input : array_like or Volume
        Image of any number of dimensions: bool, 8, 16 or 32 bit integers, float32 or float64.
    size : int or sequence of int, optional
        Extent of the box, in pixels, for every axis or for each of `axes`. Either `size` or `footprint` is needed.
    footprint : array_like, optional
        Bool array with one dimension for each of `axes`: the places of the window that take part.
    output : ndarray or dtype, optional
        Where the result goes, or its type: the input's, float32 or float64.
    mode : {"reflect", "constant", "nearest", "mirror", "wrap"}, default "reflect"
        What lies outside the image, as in `scipy.ndimage`.
    cval : float, default 0.0
        The value outside for ``mode="constant"``; one that the dtype of the output holds exactly, or, for floating
        dtypes, to rounding.
    origin : int or sequence of int, default 0
        Shift of the window against the pixel, towards smaller indices where it is positive, as in `scipy.ndimage`.
    axes : int or sequence of int, optional
        The axes to filter, all by default; the others are batch. In an array with more than three axes, at most three.
    workers : int, optional
        Threads; by default `cormack.get_num_threads`.

    Returns
    -------
    ndarray
        The medians: shape and, unless `output` says otherwise, dtype of `input`. Of an even number n of values it is
        the larger one in the middle, rank n // 2.

    Raises
    ------
    TypeError
        If a dtype is not supported or an argument is of the wrong kind.
    ValueError
        If neither or both of `size` and `footprint` are given, the window is empty, `origin` leaves the window, `cval`
        does not fit the dtype, or `output` has another shape.

    See Also
    --------
    scipy.ndimage.median_filter, SimpleITK.Median

    Notes
    -----
    Identical to ``scipy.ndimage.median_filter``, bit for bit, for images of two and more dimensions without NaN (-0.0
    equals 0.0: which of the two comes out is not specified), except that `axes` pairs with `size` and `footprint` in
    the order in which it is given. (SciPy 1.17 has a path of its own for one dimension, which differs from its
    definition where the window is longer than the line.)
    NaN counts as larger than every number, as in `numpy.sort`.

    Boxes of 3 x 3, 5 x 5 and 7 x 7 pixels and of 3 x 3 x 3 and 5 x 5 x 5 voxels run through compare-exchange networks
    [1]_, in a time that does not depend on the image; every other window is served by a vectorised selection.

    References
    ----------
    .. [1] K. E. Batcher, "Sorting networks and their applications", AFIPS 1968.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import filters
    >>> image = np.array([[1, 1, 1], [1, 9, 1], [1, 1, 2]], np.uint8)
    >>> filters.median_filter(image, size=3)
    array([[1, 1, 1],
           [1, 1, 1],
           [1, 1, 2]], dtype=uint8)
    """
    function = "median_filter"
    taken = take(function, "input", input, ndim=())
    chosen = _check.axes(function, axes, taken.array.ndim)
    box, places = _window(function, size, footprint, chosen)
    border = _check.border(function, mode)
    origins = origins_of(function, origin, box)
    threads = _check.workers(function, workers)

    def kernel(source: np.ndarray, target: np.ndarray, settings: list[list[Any]]) -> None:
        outside = _value_outside(function, border, cval, source.dtype)
        extents, shifts = (
            [neutral] * (3 - source.ndim) + values for neutral, values in zip((1, 0), settings, strict=True)
        )
        _cormack_cpu.median_filter(source, target, extents, shifts, places, border, outside, threads)

    return apply(function, taken, output, chosen, [PerAxis(box, 1), PerAxis(origins, 0)], kernel)


def _window(function: str, size: Any, footprint: Any, axes: tuple[int, ...]) -> tuple[list[int], np.ndarray | None]:
    """Return the box's extents for each of `axes`, and in the order of the array's axes the places that take part."""
    if (size is None) == (footprint is None):
        raise _check.fail(function, "size", "be given, or `footprint`, but not both", size)
    if footprint is None:
        sizes = _check.per_axis(function, "size", size, len(axes))
        box = [_check.integer(function, "size", extent, minimum=1) for extent in sizes]
        if math.prod(box) > _LARGEST_WINDOW:
            raise _check.fail(function, "size", f"have at most {_LARGEST_WINDOW} places", size)
        return box, None
    try:
        places = np.asarray(footprint, dtype=bool)
    except ValueError:
        raise _check.fail(function, "footprint", "be an array", footprint) from None
    if places.ndim != len(axes):
        raise ValueError(
            f"{function}: `footprint` must have one dimension for each of {len(axes)} axes, got shape {places.shape}"
        )
    if not places.any():
        raise _check.fail(function, "footprint", "have a place that takes part", footprint)
    box = list(places.shape)
    if places.all():
        return box, None
    return box, np.ascontiguousarray(places.transpose(np.argsort(axes)), dtype=np.uint8)


def _value_outside(function: str, border: int, cval: Any, dtype: np.dtype) -> float:
    """Return the value outside the image, refusing one that the pixel type cannot hold: SciPy lets it wrap."""
    if border != _check.BORDERS["constant"]:
        return 0.0
    try:
        value = float(cval)
    except (TypeError, ValueError):
        raise _check.fail(function, "cval", "be a number", cval, TypeError) from None
    except OverflowError:
        raise _check.fail(function, "cval", "fit into a float", cval) from None
    if dtype.kind == "f":
        fits = not math.isfinite(value) or abs(value) <= float(np.finfo(dtype).max)
    else:
        low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        fits = low <= value <= high and value.is_integer()
    if not fits:
        raise _check.fail(function, "cval", f"be a value of {dtype}", cval)
    return value
