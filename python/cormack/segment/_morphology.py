"""Erosion and dilation of binary masks, and what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._neighbourhood import LARGEST_WINDOW, Halo, ball_of, origins_of, publish
from ._checks import mask_of

# (dilate, what lies outside: None for what does not matter)
EROSION, DILATION = (False, True), (True, False)


def ball(radius: float, spacing: float | Sequence[float] = 1.0, *, ndim: int | None = None) -> np.ndarray:
    """Return the footprint of a ball with a radius in mm.

    Parameters
    ----------
    radius : float
        Radius in mm, or in voxels where the spacing is 1.
    spacing : float or sequence of float, default 1.0
        Size of a voxel in mm along each axis, in array order.
    ndim : int, optional
        Number of axes: that of `spacing` where it is a sequence, otherwise 3.

    Returns
    -------
    ndarray of bool
        True where the centre of a voxel is at most `radius` away from that of the voxel in the middle. Every extent is
        odd and as small as the ball allows.

    Raises
    ------
    ValueError
        If `radius` is negative, `spacing` is not above 0, or the ball has more than 2**24 places.

    See Also
    --------
    binary_erosion, skimage.morphology.ball, skimage.morphology.disk

    Notes
    -----
    As ``skimage.morphology.ball(radius)`` where `spacing` is 1. A voxel counts as within the radius up to a relative
    error of 1e-9, so that a radius of three voxels of 0.7 mm, 2.1 mm, holds the third.

    Examples
    --------
    >>> from cormack.segment import ball
    >>> ball(2.0, spacing=(2.0, 1.0)).astype(int)
    array([[0, 0, 1, 0, 0],
           [1, 1, 1, 1, 1],
           [0, 0, 1, 0, 0]])
    """
    name = "ball"
    if ndim is not None:
        count = _check.integer(name, "ndim", ndim, minimum=1)
    else:
        count = np.size(spacing) if np.ndim(spacing) > 0 else 3
    return ball_of(name, "radius", radius, _check.spacing(name, spacing, count))


def binary_erosion(
    mask: Any,
    footprint: Any = None,
    *,
    size: int | Sequence[int] | None = None,
    radius_mm: float | None = None,
    spacing: float | Sequence[float] | None = None,
    iterations: int = 1,
    border_value: bool | None = None,
    origin: int | Sequence[int] = 0,
    workers: int | None = None,
) -> Any:
    """Keep the voxels around which the whole footprint is foreground.

    Parameters
    ----------
    mask : array_like, Volume or torch.Tensor
        2-D or 3-D, of any dtype; what is not zero is foreground.
    footprint : array_like, optional
        Places that take part, with as many dimensions as `mask`. Without `footprint`, `size` and `radius_mm`: the voxel
        and its neighbours along the axes.
    size : int or sequence of int, optional
        Extent of a box in voxels, for all axes or for each.
    radius_mm : float, optional
        Radius of a `ball`.
    spacing : float or sequence of float, optional
        Size of a voxel in mm, in array order, for `radius_mm`. Default: that of a `Volume`.
    iterations : int, default 1
        How often each step is repeated.
    border_value : bool, optional
        What lies outside the image. By default it plays no part, as in scikit-image: True for erosions and False for
        dilations. SciPy's default is False for both.
    origin : int or sequence of int, default 0
        Shift of the footprint's centre, ``size // 2``, towards larger indices, as in `scipy.ndimage`.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray, Volume or torch.Tensor of bool
        The eroded mask, of the input's kind and shape.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If more than one of `footprint`, `size` and `radius_mm` is given, `radius_mm` without a spacing, the footprint
        is empty or has another number of dimensions, or `mask` is not 2-D or 3-D.

    See Also
    --------
    binary_dilation, binary_opening, ball, scipy.ndimage.binary_erosion, skimage.morphology.binary_erosion

    Notes
    -----
    As SciPy's function with ``structure=footprint``; its `border_value` is False unless given. A footprint without
    symmetry is reflected by dilations, as in SciPy.

    64 voxels move at a time. A box is separated into its axes, each in steps whose number is the logarithm of the
    extent. Any other footprint costs one operation on 64 voxels for each run of places along the last axis, once for
    all its slices that are the same. Beyond the result that takes at most 10 bits a voxel, of the mask and of a margin
    as wide as the footprint reaches; a mask whose last axis is not contiguous in memory is gathered row by row. The
    same result comes from any number of threads and any processor.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import binary_erosion
    >>> mask = np.zeros((5, 7), bool)
    >>> mask[1:4, 1:6] = True
    >>> binary_erosion(mask).astype(int)
    array([[0, 0, 0, 0, 0, 0, 0],
           [0, 0, 0, 0, 0, 0, 0],
           [0, 0, 1, 1, 1, 0, 0],
           [0, 0, 0, 0, 0, 0, 0],
           [0, 0, 0, 0, 0, 0, 0]])
    """
    return _morphology(
        "binary_erosion",
        [EROSION],
        mask,
        footprint,
        size,
        radius_mm,
        spacing,
        iterations,
        border_value,
        origin,
        workers,
    )


def binary_dilation(
    mask: Any,
    footprint: Any = None,
    *,
    size: int | Sequence[int] | None = None,
    radius_mm: float | None = None,
    spacing: float | Sequence[float] | None = None,
    iterations: int = 1,
    border_value: bool | None = None,
    origin: int | Sequence[int] = 0,
    workers: int | None = None,
) -> Any:
    """Add the footprint around every voxel of the foreground.

    Parameters
    ----------
    mask : array_like, Volume or torch.Tensor
        2-D or 3-D, of any dtype; what is not zero is foreground.
    footprint : array_like, optional
        Places that take part, with as many dimensions as `mask`. Without `footprint`, `size` and `radius_mm`: the voxel
        and its neighbours along the axes.
    size : int or sequence of int, optional
        Extent of a box in voxels, for all axes or for each.
    radius_mm : float, optional
        Radius of a `ball`.
    spacing : float or sequence of float, optional
        Size of a voxel in mm, in array order, for `radius_mm`. Default: that of a `Volume`.
    iterations : int, default 1
        How often each step is repeated.
    border_value : bool, optional
        What lies outside the image. By default it plays no part, as in scikit-image: True for erosions and False for
        dilations. SciPy's default is False for both.
    origin : int or sequence of int, default 0
        Shift of the footprint's centre, ``size // 2``, towards larger indices, as in `scipy.ndimage`.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray, Volume or torch.Tensor of bool
        The dilated mask, of the input's kind and shape.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If more than one of `footprint`, `size` and `radius_mm` is given, `radius_mm` without a spacing, the footprint
        is empty or has another number of dimensions, or `mask` is not 2-D or 3-D.

    See Also
    --------
    binary_erosion, binary_closing, ball, scipy.ndimage.binary_dilation, skimage.morphology.binary_dilation

    Notes
    -----
    As SciPy's function with ``structure=footprint``; its `border_value` is False unless given. A footprint without
    symmetry is reflected by dilations, as in SciPy.

    64 voxels move at a time. A box is separated into its axes, each in steps whose number is the logarithm of the
    extent. Any other footprint costs one operation on 64 voxels for each run of places along the last axis, once for
    all its slices that are the same. Beyond the result that takes at most 10 bits a voxel, of the mask and of a margin
    as wide as the footprint reaches; a mask whose last axis is not contiguous in memory is gathered row by row. The
    same result comes from any number of threads and any processor.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import binary_dilation
    >>> mask = np.zeros((3, 7), bool)
    >>> mask[1, 3] = True
    >>> binary_dilation(mask, [[1, 1, 0]]).astype(int)
    array([[0, 0, 0, 0, 0, 0, 0],
           [0, 0, 1, 1, 0, 0, 0],
           [0, 0, 0, 0, 0, 0, 0]])
    """
    return _morphology(
        "binary_dilation",
        [DILATION],
        mask,
        footprint,
        size,
        radius_mm,
        spacing,
        iterations,
        border_value,
        origin,
        workers,
    )


def binary_opening(
    mask: Any,
    footprint: Any = None,
    *,
    size: int | Sequence[int] | None = None,
    radius_mm: float | None = None,
    spacing: float | Sequence[float] | None = None,
    iterations: int = 1,
    border_value: bool | None = None,
    origin: int | Sequence[int] = 0,
    workers: int | None = None,
) -> Any:
    """Keep what the footprint reaches without leaving the foreground: erosion, then dilation.

    Parameters
    ----------
    mask : array_like, Volume or torch.Tensor
        2-D or 3-D, of any dtype; what is not zero is foreground.
    footprint : array_like, optional
        Places that take part, with as many dimensions as `mask`. Without `footprint`, `size` and `radius_mm`: the voxel
        and its neighbours along the axes.
    size : int or sequence of int, optional
        Extent of a box in voxels, for all axes or for each.
    radius_mm : float, optional
        Radius of a `ball`.
    spacing : float or sequence of float, optional
        Size of a voxel in mm, in array order, for `radius_mm`. Default: that of a `Volume`.
    iterations : int, default 1
        How often each step is repeated.
    border_value : bool, optional
        What lies outside the image. By default it plays no part, as in scikit-image: True for erosions and False for
        dilations. SciPy's default is False for both.
    origin : int or sequence of int, default 0
        Shift of the footprint's centre, ``size // 2``, towards larger indices, as in `scipy.ndimage`.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray, Volume or torch.Tensor of bool
        The opened mask, of the input's kind and shape.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If more than one of `footprint`, `size` and `radius_mm` is given, `radius_mm` without a spacing, the footprint
        is empty or has another number of dimensions, or `mask` is not 2-D or 3-D.

    See Also
    --------
    binary_closing, remove_small_objects, scipy.ndimage.binary_opening, skimage.morphology.binary_opening

    Notes
    -----
    As SciPy's function with ``structure=footprint``; its `border_value` is False unless given. A footprint without
    symmetry is reflected by dilations, as in SciPy.

    64 voxels move at a time. A box is separated into its axes, each in steps whose number is the logarithm of the
    extent. Any other footprint costs one operation on 64 voxels for each run of places along the last axis, once for
    all its slices that are the same. Beyond the result that takes at most 10 bits a voxel, of the mask and of a margin
    as wide as the footprint reaches; a mask whose last axis is not contiguous in memory is gathered row by row. The
    same result comes from any number of threads and any processor.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import binary_opening
    >>> mask = np.array([[0, 0, 0, 0, 0], [1, 1, 1, 0, 1], [1, 1, 1, 0, 0], [1, 1, 1, 0, 0]])
    >>> binary_opening(mask, size=3).astype(int)
    array([[0, 0, 0, 0, 0],
           [1, 1, 1, 0, 0],
           [1, 1, 1, 0, 0],
           [1, 1, 1, 0, 0]])
    """
    steps = [EROSION, DILATION]
    return _morphology(
        "binary_opening", steps, mask, footprint, size, radius_mm, spacing, iterations, border_value, origin, workers
    )


def binary_closing(
    mask: Any,
    footprint: Any = None,
    *,
    size: int | Sequence[int] | None = None,
    radius_mm: float | None = None,
    spacing: float | Sequence[float] | None = None,
    iterations: int = 1,
    border_value: bool | None = None,
    origin: int | Sequence[int] = 0,
    workers: int | None = None,
) -> Any:
    """Fill the background that the footprint does not reach without touching the foreground: dilation, then erosion.

    Parameters
    ----------
    mask : array_like, Volume or torch.Tensor
        2-D or 3-D, of any dtype; what is not zero is foreground.
    footprint : array_like, optional
        Places that take part, with as many dimensions as `mask`. Without `footprint`, `size` and `radius_mm`: the voxel
        and its neighbours along the axes.
    size : int or sequence of int, optional
        Extent of a box in voxels, for all axes or for each.
    radius_mm : float, optional
        Radius of a `ball`.
    spacing : float or sequence of float, optional
        Size of a voxel in mm, in array order, for `radius_mm`. Default: that of a `Volume`.
    iterations : int, default 1
        How often each step is repeated.
    border_value : bool, optional
        What lies outside the image. By default it plays no part, as in scikit-image: True for erosions and False for
        dilations. SciPy's default is False for both.
    origin : int or sequence of int, default 0
        Shift of the footprint's centre, ``size // 2``, towards larger indices, as in `scipy.ndimage`.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray, Volume or torch.Tensor of bool
        The closed mask, of the input's kind and shape.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If more than one of `footprint`, `size` and `radius_mm` is given, `radius_mm` without a spacing, the footprint
        is empty or has another number of dimensions, or `mask` is not 2-D or 3-D.

    See Also
    --------
    binary_opening, fill_holes, scipy.ndimage.binary_closing, skimage.morphology.binary_closing

    Notes
    -----
    As SciPy's function with ``structure=footprint``; its `border_value` is False unless given. A footprint without
    symmetry is reflected by dilations, as in SciPy.

    64 voxels move at a time. A box is separated into its axes, each in steps whose number is the logarithm of the
    extent. Any other footprint costs one operation on 64 voxels for each run of places along the last axis, once for
    all its slices that are the same. Beyond the result that takes at most 10 bits a voxel, of the mask and of a margin
    as wide as the footprint reaches; a mask whose last axis is not contiguous in memory is gathered row by row. The
    same result comes from any number of threads and any processor.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import binary_closing
    >>> binary_closing([[0, 0, 1, 1, 0, 1, 1, 0, 0]], size=(1, 3)).astype(int)
    array([[0, 0, 1, 1, 1, 1, 1, 0, 0]])
    """
    steps = [DILATION, EROSION]
    return _morphology(
        "binary_closing", steps, mask, footprint, size, radius_mm, spacing, iterations, border_value, origin, workers
    )


def _morphology(
    name: str,
    steps: list[tuple[bool, bool]],
    mask: Any,
    footprint: Any,
    size: Any,
    radius_mm: Any,
    spacing: Any,
    iterations: Any,
    border_value: Any,
    origin: Any,
    workers: Any,
) -> Any:
    taken = mask_of(name, "mask", mask)
    ndim = taken.array.ndim
    if sum(value is not None for value in (footprint, size, radius_mm)) > 1:
        raise _check.fail(name, "footprint", "be given alone, without `size` and `radius_mm`", footprint)
    if spacing is not None and radius_mm is None:
        raise _check.fail(name, "spacing", "be None where `radius_mm` is", spacing)
    if radius_mm is not None:
        sizes = taken.spacing if spacing is None else spacing
        if sizes is None:
            raise ValueError(f"{name}: `spacing` must be given for `radius_mm` where `mask` is no Volume, got None")
        places = ball_of(name, "radius_mm", radius_mm, _check.spacing(name, sizes, ndim))
    elif size is not None:
        box = [_check.integer(name, "size", n, minimum=1) for n in _check.per_axis(name, "size", size, ndim)]
        if np.prod(box, dtype=float) > LARGEST_WINDOW:
            raise _check.fail(name, "size", f"have at most {LARGEST_WINDOW} places", size)
        places = np.ones(box, bool)
    elif footprint is not None:
        places = _footprint_of(name, footprint, ndim)
    else:
        places = np.sum(np.abs(np.indices((3,) * ndim) - 1), axis=0) <= 1
    count = _check.integer(name, "iterations", iterations, minimum=1, maximum=2**31 - 1)
    if border_value is not None and (np.ndim(border_value) > 0 or border_value not in (0, 1)):
        raise _check.fail(name, "border_value", "be True, False or None", border_value)
    shifts = origins_of(name, origin, places.shape)
    threads = _check.workers(name, workers)
    window = Halo.of_box(places.shape, shifts, [_check.BORDERS["constant"]] * ndim)
    # Of a dilation the window is mirrored.
    far = [count * len(steps) * max(pair) for pair in window.reach]
    publish(Halo.centred(far, window.borders), range(ndim), ndim, np.dtype(bool))
    result = np.empty(taken.array.shape, bool)
    first = (1,) * (3 - ndim)
    footprint = np.ascontiguousarray(places.reshape(first + places.shape), dtype=np.uint8)
    centre = [0] * len(first) + [n // 2 + shift for n, shift in zip(places.shape, shifts, strict=True)]
    plan = [(dilate, outside if border_value is None else bool(border_value), count) for dilate, outside in steps]
    _cormack_cpu.binary_morphology(taken.array, result, footprint, centre, plan, threads)
    return taken.give_back(result)


def _footprint_of(name: str, value: Any, ndim: int) -> np.ndarray:
    try:
        places = np.asarray(value, dtype=bool)
    except (TypeError, ValueError):
        raise _check.fail(name, "footprint", "be an array", value) from None
    if places.ndim != ndim:
        raise ValueError(f"{name}: `footprint` must have {ndim} dimensions as `mask`, got shape {places.shape}")
    if not places.any():
        raise _check.fail(name, "footprint", "have a place that takes part", value)
    return places
