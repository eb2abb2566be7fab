"""Correlation and convolution with any weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import take
from .._backends import OnDevice, is_on_device, run
from .._neighbourhood import Halo, PerAxis, apply, origins_of, whole_shape
from . import _fft
from ._kernels import LARGEST_WINDOW, factors_of, number_outside

# The types that are computed in float32; all others in float64.
_IN_FLOAT32 = tuple(np.dtype(name) for name in ("bool", "uint8", "int8", "uint16", "int16", "float32"))


def _weights_of(function: str, weights: Any) -> np.ndarray:
    try:
        array = np.asarray(weights)
    except ValueError:
        raise _check.fail(function, "weights", "be an array", weights) from None
    if array.dtype.kind not in "biuf":
        raise _check.fail(function, "weights", "be real numbers", weights, TypeError)
    array = array.astype(np.float64, order="C")
    if array.size == 0 or array.size > LARGEST_WINDOW:
        raise ValueError(f"{function}: `weights` must have 1 to {LARGEST_WINDOW} values, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise _check.fail(function, "weights", "be finite", weights)
    return array


def _seen_beyond(outside: float, factors: list[np.ndarray]) -> list[float]:
    """Return what stands beyond the border for each pass: what the passes before it make of the value there."""
    around = [outside]
    for factor in factors[:-1]:
        with np.errstate(over="ignore"):
            total = float(factor.sum())
        around.append(around[-1] * total if around[-1] != 0 else 0.0)
    return around


def _correlate(
    function: str,
    input: Any,
    weights: Any,
    output: Any,
    mode: Any,
    cval: Any,
    origin: Any,
    axes: Any,
    workers: Any,
    *,
    device: Any,
    mirrored: bool,
    one_axis: bool,
) -> Any:
    taken = take(function, "input", input, ndim=(), device=device)
    ndim = taken.array.ndim
    if one_axis:
        axis = _check.integer(function, "axis", axes)
        if not -ndim <= axis < ndim:
            raise _check.fail(function, "axis", f"name an axis of a {ndim}-D array", axis)
        filtered: tuple[int, ...] = (axis % ndim,)
    else:
        filtered = _check.axes(function, axes, ndim)
    window = _weights_of(function, weights)
    count = 1 if one_axis else len(filtered)
    if window.ndim != count:
        raise ValueError(f"{function}: `weights` must be {count}-D, got shape {window.shape}")
    borders = [_check.border(function, value) for value in _check.per_axis(function, "mode", mode, count)]
    shifts = origins_of(function, origin, window.shape)
    threads = _check.workers(function, workers)
    if mirrored:
        window = np.ascontiguousarray(np.flip(window))
        # The window of an even extent has its extra voxel on the other side.
        shifts = [-shift - (extent % 2 == 0) for shift, extent in zip(shifts, window.shape, strict=True)]
    left = [extent // 2 + shift for shift, extent in zip(shifts, window.shape, strict=True)]

    extents = window.shape
    # From here on in the order of the array's axes; weights belong to axes in the caller's order.
    order = sorted(range(count), key=filtered.__getitem__)
    settings = [(window.shape[k], left[k], borders[k]) if window.shape[k] > 1 else None for k in range(count)]
    window = np.ascontiguousarray(window.transpose(order))
    taps = int(np.count_nonzero(window))
    tolerance = 2.0**-22 if taken.array.dtype in _IN_FLOAT32 else 2.0**-50
    # Of a part of an image, the way is that of the whole.
    whole = whole_shape.get() or taken.array.shape

    def kernel(source: np.ndarray, target: np.ndarray, values: list[list[Any]]) -> None:
        outside = number_outside(function, cval, source.dtype)
        sizes, lefts, modes = map(list, zip(*(value or (1, 0, 0) for value in values[0]), strict=True))
        weights = window.reshape(sizes)
        shape = whole if len(whole) == source.ndim else source.shape
        factors = factors_of(weights, tolerance)
        if factors is not None and not _fft.is_faster(shape, sizes, sum(map(np.count_nonzero, factors))):
            around = _seen_beyond(outside, factors)
            _cormack_cpu.correlate_axes(source, target, [f.tolist() for f in factors], lefts, modes, around, threads)
        elif _fft.is_faster(shape, sizes, taps) and _fft.is_safe(weights, outside):
            _fft.correlate(source, target, weights, lefts, modes, outside, threads, shape)
        else:
            _cormack_cpu.correlate_window(source, target, weights, lefts, modes, outside, threads)

    def on_device(source: OnDevice, target: OnDevice, values: list[list[Any]]) -> None:
        outside = number_outside(function, cval, source.dtype)
        sizes, lefts, modes = map(
            list, zip(*[(1, 0, 0)] * (3 - source.ndim), *(value or (1, 0, 0) for value in values[0]), strict=True)
        )
        factors = factors_of(window.reshape(sizes), tolerance)
        run(
            function,
            "correlate",
            [source, target],
            [np.concatenate(factors or [window.ravel()])],
            shape=sizes,
            left=lefts,
            border=modes,
            product=factors is not None,
            outside=[outside] if factors is None else _seen_beyond(outside, factors),
        )

    def halo() -> Halo | str:
        reach = [(before, extent - 1 - before) for before, extent in zip(left, extents, strict=True)]
        direct = Halo(reach, borders)
        if taps < _fft.FEWEST_TAPS or is_on_device(taken.array):
            return direct
        if len(whole) not in (2, 3):
            return "in this number of dimensions, so many weights may go through transforms"
        box = [1] * len(whole)
        for k, axis in enumerate(filtered):
            box[axis] = extents[k]
        factors = factors_of(window.reshape(box), tolerance)
        fewest = taps if factors is None else min(taps, sum(map(np.count_nonzero, factors)))
        if not _fft.is_faster(whole, box, fewest):
            return direct
        lengths = _fft.block_lengths(whole, box)
        steps = [lengths[axis] - box[axis] + 1 for axis in filtered]
        far = [lengths[axis] + step for axis, step in zip(filtered, steps, strict=True)]
        return Halo([(n, n) for n in far], borders, steps)

    return apply(
        function,
        taken,
        output,
        filtered,
        [PerAxis(settings, None)],
        kernel,
        halo(),
        neutral_copies=False,
        on_device=on_device,
    )


def correlate1d(
    input: Any,
    weights: Any,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: int = 0,
    *,
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Correlate along one axis with any weights.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions; bool, 8-, 16- or 32-bit integers, float32 or float64.
    weights : array_like
        Vector of finite real numbers. The voxel itself gets the one at index ``len(weights) // 2``.
    axis : int, default -1
        Axis of the image.
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: the input's, float32 or float64. Default: the input's. Unsigned types
        have no negative values: give ``np.float32`` for differences.
    mode : str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    origin : int, default 0
        Shift of the window in voxels, positive towards the first voxel; the window must hold its own voxel.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind, shape and dtype; `output` where it is an array.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        Weights that are empty, not finite or not a vector; an `origin` outside the window; an unknown `mode`.

    See Also
    --------
    convolve1d, correlate, gaussian_filter, uniform_filter

    Notes
    -----
    As `scipy.ndimage.correlate1d`, but an integer result is rounded (half to even) and saturated, where SciPy cuts off
    and wraps. Precision, cost and NaN: see `correlate`.

    Examples
    --------
    >>> import numpy as np
    >>> correlate1d(np.array([0, 0, 10, 0, 0], np.int16), [1, 2, 5])
    array([ 0, 50, 20, 10,  0], dtype=int16)
    """
    return _correlate(
        "correlate1d",
        input,
        weights,
        output,
        mode,
        cval,
        origin,
        axis,
        workers,
        device=device,
        mirrored=False,
        one_axis=True,
    )


def convolve1d(
    input: Any,
    weights: Any,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: int = 0,
    *,
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Convolve along one axis with any weights: correlate with their mirror image.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions; bool, 8-, 16- or 32-bit integers, float32 or float64.
    weights : array_like
        Vector of finite real numbers.
    axis : int, default -1
        Axis of the image.
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: the input's, float32 or float64. Default: the input's.
    mode : str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    origin : int, default 0
        Shift of the window in voxels, positive towards the last voxel; the window must hold its own voxel.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind, shape and dtype; `output` where it is an array.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        Weights that are empty, not finite or not a vector; an `origin` outside the window; an unknown `mode`.

    See Also
    --------
    correlate1d, convolve

    Notes
    -----
    As `scipy.ndimage.convolve1d`, but an integer result is rounded (half to even) and saturated, where SciPy cuts off
    and wraps. Precision, cost and NaN: see `correlate`.

    Examples
    --------
    >>> import numpy as np
    >>> convolve1d(np.array([0, 0, 10, 0, 0], np.int16), [1, 2, 5])
    array([ 0, 10, 20, 50,  0], dtype=int16)
    """
    return _correlate(
        "convolve1d",
        input,
        weights,
        output,
        mode,
        cval,
        origin,
        axis,
        workers,
        device=device,
        mirrored=True,
        one_axis=True,
    )


def correlate(
    input: Any,
    weights: Any,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    axes: int | Sequence[int] | None = None,
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Replace every voxel by a weighted sum of its neighbourhood.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions, axis order (z, y, x) or (y, x); of more than 3 axes, at most 3 are filtered
        (`axes`). bool, 8-, 16- or 32-bit integers, float32 or float64.
    weights : array_like
        Finite real numbers, with an axis for each filtered axis, in the order of `axes` (SciPy: of the image). The
        voxel itself gets the one at index ``extent // 2``.
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: the input's, float32 or float64. Default: the input's. Unsigned types
        have no negative values: give ``np.float32`` for differences.
    mode : str or sequence of str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`, one or one per
        filtered axis.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    origin : int or sequence of int, default 0
        Shift of the window in voxels, positive towards the first voxel, one value or one per filtered axis; the window
        must hold its own voxel.
    axes : int or sequence of int, optional
        Axes to filter; the others are batches. Default: all.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind, shape and dtype; `output` where it is an array.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        Weights that are empty, not finite or of the wrong number of dimensions; an `origin` outside the window; an
        unknown `mode`.

    See Also
    --------
    convolve, correlate1d, gaussian_filter, uniform_filter

    Notes
    -----
    As `scipy.ndimage.correlate`, but an integer result is rounded (half to even) and saturated, where SciPy cuts off
    and wraps. Three ways lead to it; which one is taken depends on the shapes, the weights and the dtype alone:

    - Weights that are a product of one kernel per axis run as one pass per axis. They count as a product where all
      their differences from it add up to at most ``2**-22`` (where sums are float32) or ``2**-50`` times the sum of
      their magnitudes, and both are zero in the same places.
    - Others are summed directly.
    - Large windows go through the Fourier transform, in blocks [1]_.

    8- and 16-bit integers and float32 are summed in float32, the others in float64. With ``u = 2**-24`` or ``2**-53``,
    n non-zero weights and m the largest magnitude of the input (and of `cval`), a direct sum is off by at most
    ``(n / 16 + 24) * u * m`` times the sum of the weights' magnitudes; passes, by the sum of that for each axis; before
    an integer is rounded. The transform runs in float64: off by at most 1e-12 times m and the sum of magnitudes, before
    the result is rounded to its type. Integer images and integer weights give exact results while m times the sum of
    magnitudes is at most ``2**24`` or ``2**53`` (``2**38`` by the transform).

    On a GPU there are the first two ways, with the CPU's bits. Every pass reads and writes each voxel once, and its
    window through the caches.

    The same result, bit for bit, comes from any number of threads, and on any processor except by the transform. A
    weight of 0 leaves its voxel out; NaN and infinities reach the outputs that give them another weight, no others.

    Memory beyond the output: for each thread the rows of a window, or some 10 MB for the transform of a block (more for
    windows of more than 2**15 weights); a copy of the input where its last axis is not
    contiguous or its type is not the output's.

    References
    ----------
    .. [1] A. V. Oppenheim, R. W. Schafer, "Discrete-Time Signal Processing", overlap-save.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((3, 4), np.int16)
    >>> image[1, 1] = 100
    >>> correlate(image, [[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    array([[900, 800, 700,   0],
           [600, 500, 400,   0],
           [300, 200, 100,   0]], dtype=int16)
    """
    return _correlate(
        "correlate",
        input,
        weights,
        output,
        mode,
        cval,
        origin,
        axes,
        workers,
        device=device,
        mirrored=False,
        one_axis=False,
    )


def convolve(
    input: Any,
    weights: Any,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    axes: int | Sequence[int] | None = None,
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Convolve with any weights: correlate with their mirror image.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions, axis order (z, y, x) or (y, x); of more than 3 axes, at most 3 are filtered
        (`axes`). bool, 8-, 16- or 32-bit integers, float32 or float64.
    weights : array_like
        Finite real numbers, with an axis for each filtered axis, in the order of `axes` (SciPy: of the image).
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: the input's, float32 or float64. Default: the input's.
    mode : str or sequence of str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`, one or one per
        filtered axis.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    origin : int or sequence of int, default 0
        Shift of the window in voxels, positive towards the last voxel, one value or one per filtered axis; the window
        must hold its own voxel.
    axes : int or sequence of int, optional
        Axes to filter; the others are batches. Default: all.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind, shape and dtype; `output` where it is an array.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        Weights that are empty, not finite or of the wrong number of dimensions; an `origin` outside the window; an
        unknown `mode`.

    See Also
    --------
    correlate, convolve1d

    Notes
    -----
    As `scipy.ndimage.convolve`, but an integer result is rounded (half to even) and saturated, where SciPy cuts off
    and wraps. Precision, cost and NaN: see `correlate`.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((3, 4), np.int16)
    >>> image[1, 1] = 100
    >>> convolve(image, [[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    array([[100, 200, 300,   0],
           [400, 500, 600,   0],
           [700, 800, 900,   0]], dtype=int16)
    """
    return _correlate(
        "convolve",
        input,
        weights,
        output,
        mode,
        cval,
        origin,
        axes,
        workers,
        device=device,
        mirrored=True,
        one_axis=False,
    )
