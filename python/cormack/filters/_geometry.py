"""Filters that move an image: `affine_transform`."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _check
from .._arrays import DTYPES, check_output, empty, output_dtype, take
from .._backends import cannot, is_on_device
from .._resampling import CENTRES, ENDLESS, fill_value, transformed, transformed_on_device

_EDGES = {"constant": CENTRES, "nearest": ENDLESS}
_ORDERS = (0, 1, 3)


def affine_transform(
    input: Any,
    matrix: Any,
    offset: Any = 0.0,
    output_shape: Any = None,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: float = 0.0,
    *,
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Rotate, shift, stretch and shear an image: ``output[i] = input[matrix @ i + offset]``.

    SciPy's function, with its arguments and their order.

    Parameters
    ----------
    input : array_like or Volume
        2-D or 3-D image, (y, x) or (z, y, x), of any supported dtype.
    matrix : array_like
        From indices of the output to indices of the input, both in array order: (ndim, ndim), the diagonal alone
        (ndim,), or homogeneous, (ndim + 1, ndim + 1) or (ndim, ndim + 1), which contains the offset.
    offset : float or sequence of float, default 0
        The place in the input of the output's first voxel; ignored where the matrix is homogeneous, as in SciPy.
    output_shape : sequence of int, optional
        Shape of the output; default: that of `output` where it is an array, else the input's.
    output : ndarray or dtype, optional
        Where to write, or the dtype of the result; default: the input's.
    order : {3, 1, 0}, default 3
        Cubic B-spline, linear, nearest voxel.
    mode : {"constant", "nearest"}, default "constant"
        What lies beyond the centres of the outermost voxels: `cval`, or the nearest voxel.
    cval : float, default 0
        For ``mode="constant"``; for images of integers a value of their dtype.
    workers : int, optional
        Number of threads; default: the library's setting.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back. On a GPU
        the result has the image's dtype or is float32.

    Returns
    -------
    ndarray or Volume
        For a Volume one with the geometry that keeps every value where it was in the world.

    Raises
    ------
    ValueError
        If the matrix or the offset is not finite or has another shape, an argument is none of its choices, or the input
        is a Volume and the output's axes would not be perpendicular.
    TypeError
        If a dtype is not supported.

    See Also
    --------
    cormack.Volume.resample_to, cormack.Volume.resample

    Notes
    -----
    Equal to ``scipy.ndimage.affine_transform`` for these orders and modes, but for this. Places are taken to 2^-32
    voxel, so that one that should lie on the border, or half way, does; what differs is at most 2^-32 of the difference
    between neighbours along each axis. Integers are rounded to nearest, half way to the even one, and saturate; bool is
    true above one half. ``mode="nearest"`` with order 3 differs by 1e-6 of the image's range: SciPy ends the spline of
    the image continued by 12 voxels in another way.

    Computed in float64 in a fixed order: the same bits for any number of threads and on a GPU. The spline takes 8
    bytes per voxel of working memory; an input whose last axis is not contiguous is copied once.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import filters
    >>> filters.affine_transform(np.array([[0, 10, 20, 30]], np.int16), [1, 0.5], 0, (1, 6), order=1).tolist()
    [[0, 5, 10, 15, 20, 25]]
    """
    name = "affine_transform"
    taken = take(name, "input", input, device=device)
    array = taken.array
    linear, shift = _map_of(name, matrix, offset, array.ndim)
    order = _check.integer(name, "order", order)
    if order not in _ORDERS:
        raise _check.fail(name, "order", "be one of 0, 1, 3", order)
    edge = _EDGES[_check.choice(name, "mode", mode, _EDGES)]
    threads = _check.workers(name, workers)
    given = output if isinstance(output, np.ndarray) else None
    shape = _shape_of(name, output_shape, array.shape if given is None else given.shape, array.ndim)
    dtype = _dtype_of(name, array.dtype if output is None else output.dtype if given is not None else output)
    value = fill_value(name, "cval", cval, dtype)
    if is_on_device(array):
        if given is not None:
            raise cannot(name, "`output` is None or a dtype")
        place: Any
        if array.size == 0:
            place = array.from_host(np.full(shape, value, dtype))
        else:
            place = array.empty(shape, dtype)
            if place.size:
                transformed_on_device(name, array, linear, shift, place, order, edge, value)
        if taken.spacing is None:
            return taken.give_back(place)
        return _moved(name, input, place.to_host(), linear, shift)
    if given is not None:
        check_output(name, "output", given, shape)
    result = empty(shape, dtype)
    transformed(array, linear, shift, result, order, edge, value, threads)
    if given is not None:
        given[...] = result
        return given
    if taken.spacing is None:
        return taken.give_back(result)
    return _moved(name, input, result, linear, shift)


def _map_of(function: str, matrix: Any, offset: Any, ndim: int) -> tuple[np.ndarray, np.ndarray]:
    try:
        if np.iscomplexobj(matrix) or np.iscomplexobj(offset):
            raise TypeError
        linear = np.asarray(matrix, np.float64)
        shift = np.asarray(offset, np.float64)
    except (TypeError, ValueError):
        raise _check.fail(function, "matrix", "be an array of numbers, and `offset` too", matrix, TypeError) from None
    if linear.shape in ((ndim, ndim + 1), (ndim + 1, ndim + 1)):
        if len(linear) > ndim and not np.array_equal(linear[ndim], [0] * ndim + [1]):
            raise _check.fail(function, "matrix", "end with the row 0 ... 0 1 where it is homogeneous", matrix)
        linear, shift = linear[:ndim, :ndim], linear[:ndim, ndim]
    elif linear.shape == (ndim,):
        linear = np.diag(linear)
    if linear.shape != (ndim, ndim):
        rule = f"have one of the shapes {(ndim, ndim)}, {(ndim,)}, {(ndim, ndim + 1)}, {(ndim + 1, ndim + 1)}"
        raise ValueError(f"{function}: `matrix` must {rule}, got {np.shape(matrix)}")
    if shift.shape not in ((), (1,), (ndim,)):
        raise _check.fail(function, "offset", f"be one number or one for each of {ndim} axes", offset)
    for argument, values, given in (("matrix", linear, matrix), ("offset", shift, offset)):
        if not np.isfinite(values).all():
            raise _check.fail(function, argument, "be finite", given)
    return linear, np.broadcast_to(shift, (ndim,))


def _shape_of(function: str, value: Any, default: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    if value is None:
        return default
    sizes = _check.per_axis(function, "output_shape", value, ndim)
    return tuple(_check.integer(function, "output_shape", size, minimum=0, maximum=(1 << 30) - 1) for size in sizes)


def _dtype_of(function: str, value: Any) -> np.dtype[Any]:
    dtype = output_dtype(function, value)
    if dtype not in DTYPES:
        accepted = ", ".join(map(str, DTYPES))
        raise TypeError(f"{function}: `output` must have one of the dtypes {accepted}, got {dtype}")
    return dtype


def _moved(function: str, volume: Any, array: np.ndarray, linear: np.ndarray, shift: np.ndarray) -> Any:
    """Return a volume of values that lie where they lay."""
    axes = volume.direction * np.asarray(volume.spacing) @ linear
    spacing = np.sqrt((axes * axes).sum(axis=0))
    if not spacing.all():
        raise ValueError(f"{function}: `matrix` must not be singular where `input` is a Volume, got\n{linear}")
    return type(volume)(array, spacing, volume.index_to_world(shift), axes / spacing, volume.meta)
