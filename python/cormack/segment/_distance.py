"""Distances to the background."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _check, _cormack_cpu, _slabs
from .._arrays import DTYPES, MASK_DTYPES, check_output, take, whole_items
from .._backends import OnDevice, cannot, is_on_device, run

# Beyond this squares of one spacing would vanish beside those of another.
WIDEST_RATIO = 1e12
_DISTANCES = (np.dtype(np.float64), np.dtype(np.float32))


def distance_transform_edt(
    input: Any,
    sampling: Any = None,
    return_distances: bool = True,
    return_indices: bool = False,
    distances: np.ndarray | None = None,
    indices: np.ndarray | None = None,
    *,
    dtype: Any = None,
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Give every voxel that is not zero its Euclidean distance to the nearest one that is.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        1-D, 2-D or 3-D, of any dtype; what is not zero is foreground, and NaN is not zero.
    sampling : float or sequence of float, optional
        Size of a voxel along each axis, in array order: the unit of the distances. Default: the spacing of a `Volume`,
        whose distances are in mm, otherwise 1.
    return_distances : bool, default True
        Whether to return the distances.
    return_indices : bool, default False
        Whether to return where the nearest zero is.
    distances : ndarray, optional
        Where the distances go, float64 or float32 of the input's shape; they are then not returned.
    indices : ndarray, optional
        Where the indices go, int32 of shape ``(input.ndim, *input.shape)``; they are then not returned.
    dtype : {"float64", "float32"}, optional
        Of the distances; float64 by default, as in SciPy. float32 takes half the memory and less time.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the mask is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies a mask from the host to the GPU and the distances back. There are no
        indices on a GPU.

    Returns
    -------
    distances : ndarray, Volume or torch.Tensor
        Of the input's kind and shape. Background is 0. Without any background all distances are infinite.
    indices : ndarray of int32
        ``indices[:, z, y, x]`` is the voxel of the background that is nearest to voxel (z, y, x), one of them where
        several are; -1 without any background. Only with `return_indices`, alone or second in a tuple.

    Raises
    ------
    TypeError
        If `dtype`, or that of `distances` or `indices`, is not one of those above.
    ValueError
        If `input` has another number of dimensions, `sampling` is not above 0 or differs by more than a factor of 1e12
        between axes, an output has another shape or nothing is to be returned.

    See Also
    --------
    scipy.ndimage.distance_transform_edt, SimpleITK.SignedMaurerDistanceMap, ball

    Notes
    -----
    Equal to ``scipy.ndimage.distance_transform_edt`` to rounding (within 1e-15 of the distance; squares of distances
    with one spacing for all axes are exact whole numbers). Without any background SciPy gives distances to a voxel
    outside the array. With float32 squares are rounded between the axes: distances are within 1e-7 of their size.

    Distances along x come from runs of bits. Along y and z every voxel looks at those around it as far out as one of
    them could still be nearer, eight columns at a time; where that goes far, and for indices, each column is the lower
    envelope of one parabola a voxel [1]_, [2]_. The time is linear in the voxels, whatever the image. Beyond the
    results the transform needs one bit a voxel and 1 kB a thread for each voxel of the longest column. The same result,
    bit for bit, comes from any number of threads and any processor; with indices distances may differ in the last bit.

    On a GPU every voxel searches; spacings that are all equal give the CPU's bits, others what it gives to rounding.
    Beside the result it takes 4 bytes a voxel and, of volumes, one array like the result.

    References
    ----------
    .. [1] A. Meijster, J. B. T. M. Roerdink, W. H. Hesselink, "A general algorithm for computing distance transforms in
       linear time", Mathematical Morphology and its Applications to Image and Signal Processing, 2000.
    .. [2] P. Felzenszwalb, D. Huttenlocher, "Distance transforms of sampled functions", Theory of Computing 8, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import distance_transform_edt
    >>> mask = np.array([[0, 1, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1]])
    >>> distance_transform_edt(mask, sampling=(3.0, 4.0))
    array([[ 0.        ,  4.        ,  7.21110255, 10.        ],
           [ 0.        ,  3.        ,  5.        ,  8.54400375],
           [ 0.        ,  0.        ,  4.        ,  8.        ]])
    """
    name = "distance_transform_edt"
    taken = take(name, "input", input, ndim=(1, 2, 3), dtypes=MASK_DTYPES, device=device)
    threads = _check.workers(name, workers)
    if is_on_device(taken.array):
        if not return_distances or return_indices or distances is not None:
            raise cannot(name, "distances alone are returned, in a new array")
        sizes = taken.spacing if sampling is None else sampling
        return taken.give_back(_slabs.whole(name, [taken.array], lambda mask: _on_device(name, mask, sizes, dtype)))
    mask = taken.array if taken.array.dtype in DTYPES else taken.array != 0
    spacing = _sampling_of(name, taken.spacing if sampling is None else sampling, mask.ndim)
    if not (return_distances or return_indices):
        raise _check.fail(name, "return_distances", "be True where `return_indices` is not", return_distances)
    give_distances = return_distances and distances is None
    give_indices = return_indices and indices is None
    where = _distances_of(name, distances if return_distances else None, dtype, mask.shape)
    places = _indices_of(name, indices, mask.shape) if return_indices else None

    # The extension takes two or three axes, and indices of three.
    extended = mask[np.newaxis] if mask.ndim == 1 else mask
    written = where if where.ndim > 1 and where.strides[-1] == where.itemsize and whole_items(where) else None
    if written is None:
        written = np.empty(extended.shape, where.dtype)
    shape = (3, *extended.shape)
    direct = places is not None and places.shape == shape and places.flags.c_contiguous and whole_items(places)
    planes = places if direct else np.empty(shape, np.int32) if places is not None else None
    full = (1.0,) * (3 - mask.ndim) + spacing
    _cormack_cpu.distance_transform_edt(extended, written, full, planes, threads)
    if not np.may_share_memory(written, where):
        where[...] = written.reshape(where.shape)
    if places is not None and planes is not None and not direct:
        places[...] = planes[3 - mask.ndim :].reshape(places.shape)
    result: list[Any] = []
    if give_distances:
        result.append(taken.give_back(where))
    if give_indices:
        result.append(places)
    if not result:
        return None
    return result[0] if len(result) == 1 else tuple(result)


def _on_device(name: str, mask: OnDevice, sampling: Any, dtype: Any) -> Any:
    spacing = _sampling_of(name, sampling, mask.ndim)
    if mask.dtype not in DTYPES:
        raise cannot(name, f"masks have one of the dtypes {', '.join(map(str, DTYPES))}")
    where = mask.empty(dtype=_dtype_of(name, dtype) or np.float64)
    if mask.size:
        full = [1.0] * (3 - mask.ndim) + list(spacing)
        run(name, "distance_transform", [mask, where], spacing=full)
    return where


def _sampling_of(name: str, value: Any, ndim: int) -> tuple[float, ...]:
    if value is None:
        return (1.0,) * ndim
    sizes = tuple(
        _check.real(name, "sampling", item, above=0.0) for item in _check.per_axis(name, "sampling", value, ndim)
    )
    if max(sizes) / min(sizes) > WIDEST_RATIO:
        raise _check.fail(name, "sampling", f"differ by at most a factor of {WIDEST_RATIO:g} between axes", value)
    return sizes


def _dtype_of(name: str, dtype: Any) -> np.dtype[Any] | None:
    try:
        wanted = None if dtype is None else np.dtype(dtype)
    except TypeError:
        wanted = np.dtype(object)
    if wanted is not None and wanted not in _DISTANCES:
        raise _check.fail(name, "dtype", "be float64 or float32", dtype, TypeError)
    return wanted


def _distances_of(name: str, given: Any, dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
    wanted = _dtype_of(name, dtype)
    if given is None:
        return np.empty(shape, wanted or np.float64)
    if not isinstance(given, np.ndarray):
        raise _check.fail(name, "distances", "be an array", given, TypeError)
    check_output(name, "distances", given, shape)
    if given.dtype not in _DISTANCES or wanted not in (None, given.dtype):
        rule = "float64 or float32" if wanted is None else f"`dtype` {wanted}"
        raise TypeError(f"{name}: `distances` must be {rule}, got {given.dtype}")
    return given


def _indices_of(name: str, given: Any, shape: tuple[int, ...]) -> np.ndarray:
    if given is None:
        return np.empty((len(shape), *shape), np.int32)
    if not isinstance(given, np.ndarray):
        raise _check.fail(name, "indices", "be an array", given, TypeError)
    check_output(name, "indices", given, (len(shape), *shape))
    if given.dtype != np.int32:
        raise TypeError(f"{name}: `indices` must be int32, got {given.dtype}")
    return given
