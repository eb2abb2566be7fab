"""Values of a rank in a neighbourhood: medians and their kin."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import Taken, take
from .._backends import OnDevice, run
from .._neighbourhood import Halo, PerAxis, apply, origins_of
from ._kernels import LARGEST_WINDOW, box_of


def median_filter(
    input: Any,
    size: float | Sequence[float] | None = None,
    footprint: Any = None,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Replace every pixel by the median of its neighbourhood.

    Parameters
    ----------
    input : array_like or Volume
        Image of any number of dimensions: bool, 8, 16 or 32 bit integers, float32 or float64.
    size : int or sequence of int, or of float in mm, optional
        Extent of the box, in `unit`, for every axis or for each of `axes`. Either `size` or `footprint` is needed.
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
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `size`. In mm it becomes the nearest odd number of voxels along each axis, the larger one of two.
    workers : int, optional
        Threads; by default `cormack.get_num_threads`.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back.

    Returns
    -------
    ndarray or Volume
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
    [1]_, other boxes of up to 32768 places through merges of sorted lists that neighbouring windows share [2]_: in
    about k (log k)^2 operations for k x k pixels, in a time that does not depend on the image. Footprints and larger
    boxes are served by a vectorised selection.

    Beyond the result, each thread needs the sorted rows of a window, one vector of 16 to 64 bytes for each value and a
    few times as many for their merges (0.5 MB for 31 x 31, at most about 25 MB): nothing that grows with the image.
    Rows of `input` or `output` that are not contiguous in memory cost one copy of that array.

    On a GPU the values are the CPU's, in any memory layout without a copy: networks for the same boxes (that of 5 x 5 x
    5 not in float64), and a selection, bit by bit, for all other boxes and for footprints.

    References
    ----------
    .. [1] K. E. Batcher, "Sorting networks and their applications", AFIPS 1968.
    .. [2] A. Adams, "Fast median filters using separable sorting networks", ACM Transactions on Graphics 40(4), 2021.

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
    taken = take(function, "input", input, ndim=(), device=device)
    chosen = _check.axes(function, axes, taken.array.ndim)
    box, places = window_of(function, size, footprint, taken, chosen, spacing, unit)
    border = _check.border(function, mode)
    origins = origins_of(function, origin, box)
    threads = _check.workers(function, workers)

    def kernel(source: np.ndarray, target: np.ndarray, settings: list[list[Any]]) -> None:
        outside = value_outside(function, border, cval, source.dtype)
        extents, shifts = (
            [neutral] * (3 - source.ndim) + values for neutral, values in zip((1, 0), settings, strict=True)
        )
        _cormack_cpu.median_filter(source, target, extents, shifts, places, border, outside, threads)

    count = math.prod(box) if places is None else int(np.count_nonzero(places))
    on_device = _select_on_device(function, count // 2, places, border, cval)
    halo = Halo.of_box(box, origins, [border] * len(box))
    settings = [PerAxis(box, 1), PerAxis(origins, 0)]
    return apply(function, taken, output, chosen, settings, kernel, halo, on_device=on_device)


def minimum_filter(
    input: Any,
    size: float | Sequence[float] | None = None,
    footprint: Any = None,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Replace every voxel by the smallest value of its neighbourhood.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions: bool, 8, 16 or 32 bit integers, float32 or float64.
    size : int or sequence of int, or of float in mm, optional
        Extent of the box, in `unit`, for every axis or for each of `axes`. Either `size` or `footprint` is needed.
    footprint : array_like, optional
        Bool array with one dimension for each of `axes`: the places of the window that take part.
    output : ndarray or dtype, optional
        Where the result goes, or its type: the input's, float32 or float64.
    mode : str or sequence of str, default "reflect"
        What lies outside the image: ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in
        `scipy.ndimage`; for a box, also one for each of `axes`.
    cval : float, default 0.0
        The value outside for ``mode="constant"``; one that the dtype of the output holds exactly, or, for floating
        dtypes, to rounding.
    origin : int or sequence of int, default 0
        Shift of the window against the voxel, towards smaller indices where it is positive, as in `scipy.ndimage`.
    axes : int or sequence of int, optional
        The axes to filter, all by default; the others are batch. In an array with more than three axes, at most three.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `size`. In mm it becomes the nearest odd number of voxels along each axis, the larger one of two.
    workers : int, optional
        Threads; by default `cormack.get_num_threads`.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape and, unless `output` says otherwise, its dtype; `output` where it is an array.

    Raises
    ------
    TypeError
        If a dtype is not supported or an argument is of the wrong kind.
    ValueError
        If neither or both of `size` and `footprint` are given, the window is empty, `origin` leaves the window, `cval`
        does not fit the dtype, there is a `mode` per axis but no box, or `output` has another shape.

    See Also
    --------
    maximum_filter, rank_filter, scipy.ndimage.minimum_filter

    Notes
    -----
    Identical to ``scipy.ndimage.minimum_filter``, bit for bit, for images without NaN, except that `axes` pairs with
    `footprint` in the order in which it is given. -0.0 counts as smaller than 0.0, and NaN as larger than every number
    as in `rank_filter`: where a window holds a number, NaN does not show in the result.

    A box is separated into its axes: along z and y the time does not depend on the size [1]_, along x it goes with the
    size's logarithm. Any other footprint is separated into runs along x; its time goes with their number. Beyond the
    output, each thread needs about 1 MB, for tall windows at most one slice, for a footprint some rows of the image for
    each row of the footprint; an image whose last axis is not contiguous is copied once. The same result, bit for bit,
    comes from any number of threads and any processor.

    References
    ----------
    .. [1] M. van Herk, "A fast algorithm for local minimum and maximum filters on rectangular and octagonal kernels",
       Pattern Recognition Letters 13(7), 1992.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import filters
    >>> image = np.array([[3, 1, 4], [1, 5, 9], [2, 6, 5]], np.int16)
    >>> filters.minimum_filter(image, 2)
    array([[3, 1, 1],
           [1, 1, 1],
           [1, 1, 5]], dtype=int16)
    """
    return _filter(
        "minimum_filter",
        lambda count: 0,
        input,
        size,
        footprint,
        output,
        mode,
        cval,
        origin,
        axes,
        spacing,
        unit,
        workers,
        device,
    )


def maximum_filter(
    input: Any,
    size: float | Sequence[float] | None = None,
    footprint: Any = None,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Replace every voxel by the largest value of its neighbourhood.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions: bool, 8, 16 or 32 bit integers, float32 or float64.
    size : int or sequence of int, or of float in mm, optional
        Extent of the box, in `unit`, for every axis or for each of `axes`. Either `size` or `footprint` is needed.
    footprint : array_like, optional
        Bool array with one dimension for each of `axes`: the places of the window that take part.
    output : ndarray or dtype, optional
        Where the result goes, or its type: the input's, float32 or float64.
    mode : str or sequence of str, default "reflect"
        What lies outside the image: ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in
        `scipy.ndimage`; for a box, also one for each of `axes`.
    cval : float, default 0.0
        The value outside for ``mode="constant"``; one that the dtype of the output holds exactly, or, for floating
        dtypes, to rounding.
    origin : int or sequence of int, default 0
        Shift of the window against the voxel, towards smaller indices where it is positive, as in `scipy.ndimage`.
    axes : int or sequence of int, optional
        The axes to filter, all by default; the others are batch. In an array with more than three axes, at most three.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `size`. In mm it becomes the nearest odd number of voxels along each axis, the larger one of two.
    workers : int, optional
        Threads; by default `cormack.get_num_threads`.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape and, unless `output` says otherwise, its dtype; `output` where it is an array.

    Raises
    ------
    TypeError
        If a dtype is not supported or an argument is of the wrong kind.
    ValueError
        If neither or both of `size` and `footprint` are given, the window is empty, `origin` leaves the window, `cval`
        does not fit the dtype, there is a `mode` per axis but no box, or `output` has another shape.

    See Also
    --------
    minimum_filter, rank_filter, scipy.ndimage.maximum_filter

    Notes
    -----
    Identical to ``scipy.ndimage.maximum_filter``, bit for bit, for images without NaN, except that `axes` pairs with
    `footprint` in the order in which it is given. -0.0 counts as smaller than 0.0, and NaN as larger than every number
    as in `rank_filter`: the result is NaN where a window holds one.

    A box is separated into its axes: along z and y the time does not depend on the size [1]_, along x it goes with the
    size's logarithm. Any other footprint is separated into runs along x; its time goes with their number. Beyond the
    output, each thread needs about 1 MB, for tall windows at most one slice, for a footprint some rows of the image for
    each row of the footprint; an image whose last axis is not contiguous is copied once. The same result, bit for bit,
    comes from any number of threads and any processor.

    References
    ----------
    .. [1] M. van Herk, "A fast algorithm for local minimum and maximum filters on rectangular and octagonal kernels",
       Pattern Recognition Letters 13(7), 1992.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import filters
    >>> image = np.array([[3, 1, 4], [1, 5, 9], [2, 6, 5]], np.int16)
    >>> filters.maximum_filter(image, 2)
    array([[3, 3, 4],
           [3, 5, 9],
           [2, 6, 9]], dtype=int16)
    """
    return _filter(
        "maximum_filter",
        lambda count: count - 1,
        input,
        size,
        footprint,
        output,
        mode,
        cval,
        origin,
        axes,
        spacing,
        unit,
        workers,
        device,
    )


def rank_filter(
    input: Any,
    rank: int,
    size: float | Sequence[float] | None = None,
    footprint: Any = None,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Replace every voxel by the value of a given rank in its neighbourhood.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions: bool, 8, 16 or 32 bit integers, float32 or float64.
    rank : int
        Place in the sorted window of n voxels, from 0 (the smallest) to n - 1, or from -n to -1 (the largest).
    size : int or sequence of int, or of float in mm, optional
        Extent of the box, in `unit`, for every axis or for each of `axes`. Either `size` or `footprint` is needed.
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
        Shift of the window against the voxel, towards smaller indices where it is positive, as in `scipy.ndimage`.
    axes : int or sequence of int, optional
        The axes to filter, all by default; the others are batch. In an array with more than three axes, at most three.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `size`. In mm it becomes the nearest odd number of voxels along each axis, the larger one of two.
    workers : int, optional
        Threads; by default `cormack.get_num_threads`.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape and, unless `output` says otherwise, its dtype; `output` where it is an array.

    Raises
    ------
    TypeError
        If a dtype is not supported or an argument is of the wrong kind.
    ValueError
        If neither or both of `size` and `footprint` are given, the window is empty, `origin` leaves the window, `cval`
        does not fit the dtype, `rank` lies outside the window, or `output` has another shape.

    See Also
    --------
    median_filter, minimum_filter, maximum_filter, scipy.ndimage.rank_filter

    Notes
    -----
    Identical to ``scipy.ndimage.rank_filter``, bit for bit, for images of two and more dimensions without NaN (-0.0
    equals 0.0: which of the two comes out is not specified), except that `axes` pairs with `size` and `footprint` in
    the order in which it is given. (SciPy 1.17 has a path of its own for one dimension, which differs from its
    definition where the window is longer than the line.) NaN counts as larger than every number, as in `numpy.sort`.

    The first and the last rank are `minimum_filter` and `maximum_filter` (and take, as in SciPy, a `mode` per axis
    where the window is a box), the middle one is `median_filter`; the others take the same merges, or, in
    footprints and boxes of more than 32768 places, a vectorised bisection. Beyond the output, each thread needs one
    row of the image for each row of the window, or what `median_filter` needs; an image whose last axis is not
    contiguous is copied once.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import filters
    >>> image = np.array([[3, 1, 4], [1, 5, 9], [2, 6, 5]], np.int16)
    >>> filters.rank_filter(image, -2, size=3)
    array([[3, 5, 9],
           [5, 6, 9],
           [6, 6, 9]], dtype=int16)
    """
    function = "rank_filter"
    place = _check.integer(function, "rank", rank)

    def rank_of(count: int) -> int:
        if not -count <= place < count:
            raise _check.fail(function, "rank", f"be at least {-count} and less than {count}", rank)
        return place % count

    return _filter(
        function, rank_of, input, size, footprint, output, mode, cval, origin, axes, spacing, unit, workers, device
    )


def percentile_filter(
    input: Any,
    percentile: float,
    size: float | Sequence[float] | None = None,
    footprint: Any = None,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Replace every voxel by a percentile of its neighbourhood.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions: bool, 8, 16 or 32 bit integers, float32 or float64.
    percentile : float
        From 0 (the smallest value) to 100 (the largest); negative ones count from 100, so that -20 means 80.
    size : int or sequence of int, or of float in mm, optional
        Extent of the box, in `unit`, for every axis or for each of `axes`. Either `size` or `footprint` is needed.
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
        Shift of the window against the voxel, towards smaller indices where it is positive, as in `scipy.ndimage`.
    axes : int or sequence of int, optional
        The axes to filter, all by default; the others are batch. In an array with more than three axes, at most three.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `size`. In mm it becomes the nearest odd number of voxels along each axis, the larger one of two.
    workers : int, optional
        Threads; by default `cormack.get_num_threads`.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape and, unless `output` says otherwise, its dtype; `output` where it is an array.

    Raises
    ------
    TypeError
        If a dtype is not supported or an argument is of the wrong kind.
    ValueError
        If neither or both of `size` and `footprint` are given, the window is empty, `origin` leaves the window, `cval`
        does not fit the dtype, `percentile` is not in [-100, 100], or `output` has another shape.

    See Also
    --------
    median_filter, minimum_filter, maximum_filter, scipy.ndimage.percentile_filter

    Notes
    -----
    The value of rank ``int(n * percentile / 100)`` of the window's n sorted values, the largest one for 100: there is
    no interpolation. Identical to ``scipy.ndimage.percentile_filter``, bit for bit, for images of two and more
    dimensions without NaN (-0.0 equals 0.0: which of the two comes out is not specified), except that `axes` pairs with
    `size` and `footprint` in the order in which it is given. (SciPy 1.17 has a path of its own for one dimension, which
    differs from its definition where the window is longer than the line.) NaN counts as larger than every number, as in
    `numpy.sort`.

    The first and the last rank are `minimum_filter` and `maximum_filter` (and take, as in SciPy, a `mode` per axis
    where the window is a box), the middle one is `median_filter`; the others take the same merges, or, in
    footprints and boxes of more than 32768 places, a vectorised bisection. Beyond the output, each thread needs one
    row of the image for each row of the window, or what `median_filter` needs; an image whose last axis is not
    contiguous is copied once.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import filters
    >>> image = np.array([[3, 1, 4], [1, 5, 9], [2, 6, 5]], np.int16)
    >>> filters.percentile_filter(image, 20, size=3)
    array([[1, 1, 1],
           [1, 1, 4],
           [1, 2, 5]], dtype=int16)
    """
    function = "percentile_filter"
    percent = _check.real(function, "percentile", percentile, minimum=-100.0)
    if percent > 100:
        raise _check.fail(function, "percentile", "be at most 100", percentile)
    percent += 100.0 if percent < 0 else 0.0

    def rank_of(count: int) -> int:
        return min(count - 1, int(count * percent / 100.0))

    return _filter(
        function, rank_of, input, size, footprint, output, mode, cval, origin, axes, spacing, unit, workers, device
    )


def _filter(
    function: str,
    rank_of: Callable[[int], int],
    input: Any,
    size: Any,
    footprint: Any,
    output: Any,
    mode: Any,
    cval: Any,
    origin: Any,
    axes: Any,
    spacing: Any,
    unit: str,
    workers: Any,
    device: Any,
) -> Any:
    """Run the kernel that serves the rank `rank_of(number of places)`."""
    taken = take(function, "input", input, ndim=(), device=device)
    chosen = _check.axes(function, axes, taken.array.ndim)
    box, places = window_of(function, size, footprint, taken, chosen, spacing, unit)
    count = math.prod(box) if places is None else int(np.count_nonzero(places))
    rank = rank_of(count)
    origins = origins_of(function, origin, box)
    threads = _check.workers(function, workers)
    if rank in (0, count - 1):
        return _extremum(function, taken, rank == 0, chosen, box, places, output, mode, cval, origins, threads)
    border = _check.border(function, mode)

    def kernel(source: np.ndarray, target: np.ndarray, settings: list[list[Any]]) -> None:
        outside = value_outside(function, border, cval, source.dtype)
        extents, shifts = (
            [neutral] * (3 - source.ndim) + values for neutral, values in zip((1, 0), settings, strict=True)
        )
        if rank == count // 2:
            _cormack_cpu.median_filter(source, target, extents, shifts, places, border, outside, threads)
        else:
            _cormack_cpu.rank_filter(source, target, rank, extents, shifts, places, border, outside, threads)

    halo = Halo.of_box(box, origins, [border] * len(box))
    on_device = _select_on_device(function, rank, places, border, cval)
    settings = [PerAxis(box, 1), PerAxis(origins, 0)]
    return apply(function, taken, output, chosen, settings, kernel, halo, on_device=on_device)


# Boxes whose medians a GPU has networks for, sorted; the last one not in float64.
_NETWORKS = ([1, 3, 3], [3, 3, 3], [1, 5, 5], [1, 7, 7], [5, 5, 5])


def _select_on_device(
    function: str, rank: int, places: np.ndarray | None, border: int, cval: Any
) -> Callable[[OnDevice, OnDevice, list[list[Any]]], None]:
    """Return the kernel of a rank for arrays on a GPU."""

    def kernel(source: OnDevice, target: OnDevice, settings: list[list[Any]]) -> None:
        outside = value_outside(function, border, cval, source.dtype)
        extents, shifts = (
            [neutral] * (3 - source.ndim) + values for neutral, values in zip((1, 0), settings, strict=True)
        )
        common: dict[str, Any] = {"size": extents, "origin": shifts, "border": border, "cval": outside}
        networks = _NETWORKS if source.itemsize < 8 else _NETWORKS[:-1]
        if places is None and sorted(extents) in networks and rank == math.prod(extents) // 2:
            run(function, "median_filter", [source, target], **common)
        else:
            run(function, "rank_filter", [source, target], [_bytes_of(places)], rank=rank, **common)

    return kernel


def _bytes_of(places: np.ndarray | None) -> np.ndarray:
    return np.zeros(0, np.uint8) if places is None else places


def _extremum(
    function: str,
    taken: Taken,
    minimum: bool,
    axes: tuple[int, ...],
    box: list[int],
    places: np.ndarray | None,
    output: Any,
    mode: Any,
    cval: Any,
    origins: list[int],
    threads: int,
) -> Any:
    if places is not None and not isinstance(mode, str):
        raise _check.fail(function, "mode", "be one mode where `footprint` is not a box", mode)
    borders = [_check.border(function, value) for value in _check.per_axis(function, "mode", mode, len(axes))]
    constant = _check.BORDERS["constant"]
    neutral = (1, 0, 0)
    settings = [
        (extent, shift, border) if extent > 1 else neutral
        for extent, shift, border in zip(box, origins, borders, strict=True)
    ]
    run_on_cpu = _cormack_cpu.minimum_filter if minimum else _cormack_cpu.maximum_filter

    def kernel(source: np.ndarray, target: np.ndarray, values: list[list[Any]]) -> None:
        outside = value_outside(function, constant if constant in borders else 0, cval, source.dtype)
        extents, shifts, modes = map(list, zip(*[neutral] * (3 - source.ndim), *values[0], strict=True))
        run_on_cpu(source, target, extents, shifts, places, modes, outside, threads)

    def on_device(source: OnDevice, target: OnDevice, values: list[list[Any]]) -> None:
        outside = value_outside(function, constant if constant in borders else 0, cval, source.dtype)
        extents, shifts, modes = map(list, zip(*[neutral] * (3 - source.ndim), *values[0], strict=True))
        shape: dict[str, Any] = {"size": extents, "origin": shifts, "cval": outside}
        if places is None:
            run(function, "extremum_filter", [source, target], **shape, border=modes, least=minimum)
        else:
            rank = 0 if minimum else int(np.count_nonzero(places)) - 1
            run(function, "rank_filter", [source, target], [_bytes_of(places)], **shape, border=borders[0], rank=rank)

    halo = Halo.of_box(box, origins, borders)
    return apply(function, taken, output, axes, [PerAxis(settings, neutral)], kernel, halo, on_device=on_device)


def window_of(
    function: str, size: Any, footprint: Any, taken: Taken, axes: tuple[int, ...], spacing: Any, unit: str
) -> tuple[list[int], np.ndarray | None]:
    """Return the box's extents for each of `axes`, and in the order of the array's axes the places that take part."""
    if (size is None) == (footprint is None):
        raise _check.fail(function, "size", "be given, or `footprint`, but not both", size)
    if footprint is None:
        box = box_of(function, size, taken, axes, spacing, unit)
        if math.prod(box) > LARGEST_WINDOW:
            raise _check.fail(function, "size", f"have at most {LARGEST_WINDOW} places", size)
        return box, None
    if unit != "voxel" or spacing is not None:
        raise _check.fail(function, "unit", "be 'voxel', and `spacing` None, where `footprint` is given", unit)
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


def value_outside(function: str, border: int, cval: Any, dtype: np.dtype) -> float:
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
