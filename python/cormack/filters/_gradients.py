"""Derivatives by the kernels of Sobel, Prewitt and Scharr, and the length of the gradient from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import take
from .._backends import OnDevice
from .._neighbourhood import Halo, PerAxis, apply, spacing_of_axes
from ._derivatives import _floating
from ._device import separable
from ._kernels import number_outside

# Weights of the voxel itself and of its two neighbours, across the derivative.
SMOOTHING = {"sobel": (2.0, 1.0), "prewitt": (1.0, 1.0), "scharr": (10.0, 3.0), "central": (1.0, 0.0)}
_WIDE = (np.dtype(np.int32), np.dtype(np.uint32))
_NEUTRAL = ([1.0], False, 0)


def _difference(
    function: str,
    input: Any,
    axis: Any,
    output: Any,
    mode: Any,
    cval: Any,
    normalize: Any,
    axes: Any,
    spacing: Any,
    unit: Any,
    workers: Any,
    device: Any,
) -> Any:
    taken = take(function, "input", input, ndim=(), device=device)
    ndim = taken.array.ndim
    filtered = _check.axes(function, axes, ndim)
    along = _check.integer(function, "axis", axis)
    if not -ndim <= along < ndim or along % ndim not in filtered:
        raise _check.fail(function, "axis", f"be one of the axes {filtered} that are filtered", axis)
    along %= ndim
    size = spacing_of_axes(function, taken, (along,), spacing, unit)[0]
    borders = [_check.border(function, value) for value in _check.per_axis(function, "mode", mode, len(filtered))]
    threads = _check.workers(function, workers)
    centre, beside = SMOOTHING[function]
    scale = 1.0 / size
    if normalize:
        scale /= 2 * (centre + 2 * beside) ** (len(filtered) - 1)
    settings = [
        ([0.0, scale], True, border) if each == along else ([centre, beside], False, border)
        for each, border in zip(filtered, borders, strict=True)
    ]

    def kernel(source: np.ndarray, target: np.ndarray, values: list[list[Any]]) -> None:
        outside = number_outside(function, cval, source.dtype)
        # In float32 the differences of large integers would lose their last digits.
        narrow = target if source.dtype not in _WIDE or target.dtype == np.float64 else None
        written = np.empty(target.shape) if narrow is None else narrow
        order = list(range(source.ndim))
        if outside != 0:
            # Where `cval` is not 0 the order of the passes matters: SciPy's begins with the derivative.
            order.sort(key=lambda each: not (values[0][each] or _NEUTRAL)[1])
        weights, odd, border = map(list, zip(*(values[0][each] or _NEUTRAL for each in order), strict=True))
        _cormack_cpu.correlate_separable(
            source.transpose(order), written.transpose(order), weights, odd, border, outside, threads
        )
        if written is not target:
            target[...] = written

    def on_device(source: OnDevice, target: OnDevice, values: list[list[Any]]) -> None:
        outside = number_outside(function, cval, source.dtype)
        order = list(range(source.ndim))
        if outside != 0:
            order.sort(key=lambda each: not (values[0][each] or _NEUTRAL)[1])
        ordered = [_NEUTRAL] * (3 - source.ndim) + [values[0][each] or _NEUTRAL for each in order]
        smooth, odd, border = map(list, zip(*ordered, strict=True))
        separable(
            function,
            source.transpose(order),
            target.transpose(order),
            smooth=smooth,
            odd=odd,
            border=border,
            cval=outside,
        )

    halo = Halo.centred([1] * len(filtered), borders)
    return apply(
        function,
        taken,
        output,
        filtered,
        [PerAxis(settings, None)],
        kernel,
        halo,
        dtype=_floating(taken),
        converts=True,
        on_device=on_device,
    )


def sobel(
    input: Any,
    axis: int = -1,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    *,
    normalize: bool = False,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Sobel's derivative along one axis: a difference, smoothed with 1, 2, 1 along the other axes.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions, axis order (z, y, x) or (y, x); of more than 3 axes, at most 3 are filtered
        (`axes`). bool, 8-, 16- or 32-bit integers, float32 or float64.
    axis : int, default -1
        Axis to derive along.
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: float32 (for all but float64) or float64.
    mode : str or sequence of str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`, one or one per
        filtered axis.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``; as in SciPy each pass sees it beyond its own input.
    normalize : bool, default False
        Divide by the sum of the weights, so that a ramp of 1 per voxel (or per millimetre) gives 1.
    axes : int or sequence of int, optional
        Axes to derive and to smooth along, `axis` among them; the others are batches. Default: all.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of length of the derivative: ``"mm"`` divides the result by the voxel size along `axis`.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape; float32, or float64 for a float64 input; `output` where it is an array.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        An `axis` that is not among `axes`, an unknown `mode` or `unit`; ``unit="mm"`` without a spacing, or a spacing
        without ``unit="mm"``.

    See Also
    --------
    gradient_magnitude, prewitt, scharr

    Notes
    -----
    As `scipy.ndimage.sobel` of the image in float64 (SciPy gives integers, which wrap, for integers): differences
    ``x[i + 1] - x[i - 1]``, weights 1, 2, 1 along the other axes. ``normalize=True`` divides by the sum of
    their magnitudes, 8 for 2-D, 32 for 3-D images.

    Exact for 8- and 16-bit integers without `normalize` and ``unit="mm"``. Else computed in float32 for these and
    float32, in float64 for the others; each of the passes rounds. NaN and infinities reach the voxels whose window
    holds them. The same result, bit for bit, comes from any number of threads, any processor and a GPU. A copy
    of the input is made where its last axis is not contiguous.

    Examples
    --------
    >>> import numpy as np
    >>> step = np.zeros((3, 4), np.uint8)
    >>> step[:, 2:] = 100
    >>> sobel(step)[1]
    array([  0., 400., 400.,   0.], dtype=float32)
    """
    return _difference("sobel", input, axis, output, mode, cval, normalize, axes, spacing, unit, workers, device)


def prewitt(
    input: Any,
    axis: int = -1,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    *,
    normalize: bool = False,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Prewitt's derivative along one axis: a difference, summed over 3 voxels along the other axes.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions, axis order (z, y, x) or (y, x); of more than 3 axes, at most 3 are filtered
        (`axes`). bool, 8-, 16- or 32-bit integers, float32 or float64.
    axis : int, default -1
        Axis to derive along.
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: float32 (for all but float64) or float64.
    mode : str or sequence of str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`, one or one per
        filtered axis.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``; as in SciPy each pass sees it beyond its own input.
    normalize : bool, default False
        Divide by the sum of the weights, so that a ramp of 1 per voxel (or per millimetre) gives 1.
    axes : int or sequence of int, optional
        Axes to derive and to smooth along, `axis` among them; the others are batches. Default: all.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of length of the derivative: ``"mm"`` divides the result by the voxel size along `axis`.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape; float32, or float64 for a float64 input; `output` where it is an array.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        An `axis` that is not among `axes`, an unknown `mode` or `unit`; ``unit="mm"`` without a spacing, or a spacing
        without ``unit="mm"``.

    See Also
    --------
    gradient_magnitude, scharr, sobel

    Notes
    -----
    As `scipy.ndimage.prewitt` of the image in float64 (SciPy gives integers for integers, and lets them wrap):
    differences ``x[i + 1] - x[i - 1]``, weights 1, 1, 1 along the other axes. ``normalize=True`` divides by the sum of
    their magnitudes, 6 for 2-D, 18 for 3-D images.

    Exact for 8- and 16-bit integers without `normalize` and ``unit="mm"``. Else computed in float32 for these and
    float32, in float64 for the others; each of the passes rounds. NaN and infinities reach the voxels whose window
    holds them. The same result, bit for bit, comes from any number of threads, any processor and a GPU. A copy
    of the input is made where its last axis is not contiguous.

    Examples
    --------
    >>> import numpy as np
    >>> step = np.zeros((3, 4), np.uint8)
    >>> step[:, 2:] = 100
    >>> prewitt(step)[1]
    array([  0., 300., 300.,   0.], dtype=float32)
    """
    return _difference("prewitt", input, axis, output, mode, cval, normalize, axes, spacing, unit, workers, device)


def scharr(
    input: Any,
    axis: int = -1,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    *,
    normalize: bool = False,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Scharr's derivative along one axis: a difference, smoothed with 3, 10, 3 along the other axes.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions, axis order (z, y, x) or (y, x); of more than 3 axes, at most 3 are filtered
        (`axes`). bool, 8-, 16- or 32-bit integers, float32 or float64.
    axis : int, default -1
        Axis to derive along.
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: float32 (for all but float64) or float64.
    mode : str or sequence of str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`, one or one per
        filtered axis.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``; as in SciPy each pass sees it beyond its own input.
    normalize : bool, default False
        Divide by the sum of the weights, so that a ramp of 1 per voxel (or per millimetre) gives 1.
    axes : int or sequence of int, optional
        Axes to derive and to smooth along, `axis` among them; the others are batches. Default: all.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of length of the derivative: ``"mm"`` divides the result by the voxel size along `axis`.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape; float32, or float64 for a float64 input; `output` where it is an array.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        An `axis` that is not among `axes`, an unknown `mode` or `unit`; ``unit="mm"`` without a spacing, or a spacing
        without ``unit="mm"``.

    See Also
    --------
    gradient_magnitude, prewitt, sobel

    Notes
    -----
    As `cv2.Scharr`, in any number of dimensions: differences ``x[i + 1] - x[i - 1]``, weights 3, 10, 3 along the other
    axes, whose response depends less on direction than Sobel's. `skimage.filters.scharr` of one axis is this divided by
    16 for each other axis, with the sign changed. ``normalize=True`` divides by the sum of
    their magnitudes, 32 for 2-D, 512 for 3-D images.

    Exact for 8- and 16-bit integers without `normalize` and ``unit="mm"``. Else computed in float32 for these and
    float32, in float64 for the others; each of the passes rounds. NaN and infinities reach the voxels whose window
    holds them. The same result, bit for bit, comes from any number of threads, any processor and a GPU. A copy
    of the input is made where its last axis is not contiguous.

    Examples
    --------
    >>> import numpy as np
    >>> step = np.zeros((3, 4), np.uint8)
    >>> step[:, 2:] = 100
    >>> scharr(step)[1]
    array([   0., 1600., 1600.,    0.], dtype=float32)
    """
    return _difference("scharr", input, axis, output, mode, cval, normalize, axes, spacing, unit, workers, device)


def gradient_magnitude(
    input: Any,
    operator: str = "sobel",
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    *,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Length of the gradient, from the derivatives of Sobel, Prewitt, Scharr or central differences.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions, axis order (z, y, x) or (y, x); of more than 3 axes, at most 3 are filtered
        (`axes`). bool, 8-, 16- or 32-bit integers, float32 or float64.
    operator : {"sobel", "prewitt", "scharr", "central"}, default "sobel"
        How each derivative is smoothed along the other axes: 1, 2, 1; 1, 1, 1; 3, 10, 3; or not.
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: float32 (for all but float64) or float64.
    mode : str or sequence of str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`, one or one per
        filtered axis.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    axes : int or sequence of int, optional
        Axes to derive and to smooth along; the others are batches. Default: all.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of length: the result is per voxel or per millimetre.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape; float32, or float64 for a float64 input; `output` where it is an array.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        An unknown `operator`, `mode` or `unit`; ``unit="mm"`` without a spacing, or a spacing
        without ``unit="mm"``.

    See Also
    --------
    sobel, gaussian_gradient_magnitude

    Notes
    -----
    Kernels are normalised: a ramp of 1 per voxel (or millimetre) along any direction of an axis gives 1. scikit-image's
    functions differ by a factor: `skimage.filters.sobel` (`prewitt`, `scharr`) of a floating image is this times
    ``2 / sqrt(ndim)``; the root of the sum of squares of `scipy.ndimage.sobel` is this times 8 in 2-D and 32 in 3-D.

    All derivatives share their passes and nothing but the result is stored. 8- and 16-bit integers and float32 are
    computed in float32, the others in float64; with ``u = 2**-24`` or ``2**-53`` each derivative is off by at most
    ``16 * u`` times the largest magnitude of the input per unit of length. NaN and infinities reach the voxels whose
    window holds them. The same result, bit for bit, comes from any number of threads, any processor and a GPU. A copy
    of the input is made where its last filtered axis is not contiguous.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.indices((5, 5))
    >>> gradient_magnitude((3 * x + 4 * y).astype(np.int16))[2, 1:4]
    array([5., 5., 5.], dtype=float32)
    """
    function = "gradient_magnitude"
    taken = take(function, "input", input, ndim=(), device=device)
    filtered = _check.axes(function, axes, taken.array.ndim)
    centre, beside = SMOOTHING[_check.choice(function, "operator", operator, SMOOTHING)]
    sizes = spacing_of_axes(function, taken, filtered, spacing, unit)
    borders = [_check.border(function, value) for value in _check.per_axis(function, "mode", mode, len(filtered))]
    threads = _check.workers(function, workers)
    total = centre + 2 * beside
    settings = [
        ([centre / total, beside / total], [0.0, 0.5 / size], border)
        for size, border in zip(sizes, borders, strict=True)
    ]

    def kernel(source: np.ndarray, target: np.ndarray, values: list[list[Any]]) -> None:
        outside = number_outside(function, cval, source.dtype)
        # The extension filters the last axes.
        order = sorted(range(source.ndim), key=lambda axis: values[0][axis] is not None)
        ordered = [values[0][axis] for axis in order]
        count = sum(value is not None for value in ordered)
        smooth, derive, border = map(list, zip(*(value or ([1.0], [0.0], 0) for value in ordered), strict=True))
        _cormack_cpu.gradient_magnitude(
            source.transpose(order), target.transpose(order), smooth, derive, border, count, outside, threads
        )

    def on_device(source: OnDevice, target: OnDevice, values: list[list[Any]]) -> None:
        outside = number_outside(function, cval, source.dtype)
        order = sorted(range(source.ndim), key=lambda axis: values[0][axis] is not None)
        ordered = [None] * (3 - source.ndim) + [values[0][axis] for axis in order]
        count = sum(value is not None for value in ordered)
        smooth, derive, border = map(list, zip(*(value or ([1.0], [0.0], 0) for value in ordered), strict=True))
        separable(
            function,
            source.transpose(order),
            target.transpose(order),
            kind="gradient",
            count=count,
            smooth=smooth,
            derive=derive,
            border=border,
            cval=outside,
        )

    halo = Halo.centred([1] * len(filtered), borders)
    return apply(
        function,
        taken,
        output,
        filtered,
        [PerAxis(settings, None)],
        kernel,
        halo,
        dtype=_floating(taken),
        on_device=on_device,
    )
