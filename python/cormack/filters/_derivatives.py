"""What Gaussians make of differences: Laplacian, gradient, sharpening."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import Taken, take
from .._backends import OnDevice
from .._neighbourhood import Halo, PerAxis, apply
from ._device import separable
from ._kernels import gaussian_taps, number_outside, radii_of, sigmas_of


def _derivatives(
    function: str,
    input: Any,
    sigma: Any,
    output: Any,
    mode: Any,
    cval: Any,
    axes: Any,
    truncate: Any,
    radius: Any,
    spacing: Any,
    unit: Any,
    workers: Any,
    device: Any,
) -> Any:
    taken = take(function, "input", input, ndim=(), device=device)
    filtered = _check.axes(function, axes, taken.array.ndim)
    sigmas, scales = sigmas_of(function, "sigma", sigma, taken, filtered, spacing, unit)
    if not all(value > 1e-15 for value in sigmas):
        raise _check.fail(function, "sigma", "be above 0 (`axes` leaves axes out)", sigma)
    radii = radii_of(function, "sigma", sigma, sigmas, truncate, radius)
    borders = [_check.border(function, value) for value in _check.per_axis(function, "mode", mode, len(filtered))]
    threads = _check.workers(function, workers)
    run = getattr(_cormack_cpu, function)

    def kernel(source: np.ndarray, target: np.ndarray, values: list[list[Any]]) -> None:
        outside = number_outside(function, cval, source.dtype)
        # The extension filters the last axes.
        order = sorted(range(source.ndim), key=lambda axis: values[0][axis] is not None)
        ordered = [values[0][axis] for axis in order]
        count = sum(value is not None for value in ordered)
        sigma, scale, radius, border = map(list, zip(*(value or (1.0, 1.0, 0, 0) for value in ordered), strict=True))
        run(source.transpose(order), target.transpose(order), sigma, scale, radius, border, count, outside, threads)

    def on_device(source: OnDevice, target: OnDevice, values: list[list[Any]]) -> None:
        outside = number_outside(function, cval, source.dtype)
        order = sorted(range(source.ndim), key=lambda axis: values[0][axis] is not None)
        ordered = [None] * (3 - source.ndim) + [values[0][axis] for axis in order]
        count = sum(value is not None for value in ordered)
        sigma, scale, radius, border = map(list, zip(*(value or (1.0, 1.0, 0, 0) for value in ordered), strict=True))
        separable(
            function,
            source.transpose(order),
            target.transpose(order),
            kind="laplace" if function == "gaussian_laplace" else "gradient",
            gaussian=(sigma, [0] * 3, radius),
            scale=scale,
            count=count,
            border=border,
            cval=outside,
        )

    settings = [PerAxis(list(zip(sigmas, scales, radii, borders, strict=True)), None)]
    halo = Halo.centred(radii, borders)
    return apply(function, taken, output, filtered, settings, kernel, halo, dtype=_floating(taken), on_device=on_device)


def _floating(taken: Taken) -> np.dtype[Any]:
    return np.dtype(np.float64 if taken.array.dtype == np.float64 else np.float32)


def gaussian_laplace(
    input: Any,
    sigma: float | Sequence[float],
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    *,
    truncate: float = 4.0,
    radius: int | Sequence[int] | None = None,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Laplacian of the smoothed image: the sum of its second Gaussian derivatives.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions, axis order (z, y, x) or (y, x); of more than 3 axes, at most 3 are filtered
        (`axes`). bool, 8-, 16- or 32-bit integers, float32 or float64.
    sigma : float or sequence of float
        Standard deviation of the Gaussian, above 0, one value or one per filtered axis, in `unit`.
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: float32 (for all but float64) or float64.
    mode : str or sequence of str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`, one or one per
        filtered axis.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    truncate : float, default 4
        Radius of the kernel in standard deviations.
    radius : int or sequence of int, optional
        Radius of the kernel in voxels, one or one per filtered axis; `truncate` is then ignored.
    axes : int or sequence of int, optional
        Axes to smooth and to derive along; the others are batches. (SciPy smooths along all.) Default: all.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of length: of `sigma`, and of the result, which is per square voxel or per square millimetre.
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
        A `sigma` of 0 or below, a `truncate` or `radius` that is negative or beyond use; an unknown `mode` or `unit`;
        ``unit="mm"`` without a spacing, or a spacing without ``unit="mm"``.

    See Also
    --------
    gaussian_filter, gaussian_gradient_magnitude

    Notes
    -----
    As `scipy.ndimage.gaussian_laplace` of the image in floating point; SciPy gives integers for integers. Negative on
    bright blobs; times the square of `sigma` it compares scales.

    IBSI 2's Laplacian of Gaussian (tests 2.a to 2.c, cut off at 4 sigma) is this one per square voxel: divide a sigma
    in mm by the spacing and keep ``unit="voxel"``. SciPy scales the samples of the Gaussian to sum 1, IBSI does
    not: its map is this one times their sum for each axis, from 0.75 voxels on a difference below 0.02 %.

    8- and 16-bit integers and float32 are computed in float32, the others in float64. With ``u = 2**-24`` or
    ``2**-53``, each of the derivatives is off by at most ``3 * (radius + 6) * u`` times the largest magnitude of the
    input, times the sum of magnitudes of its kernel (about ``1 / sigma**2``; above 1 for small sigma). The same result,
    bit for bit, comes from any number of threads and any processor. NaN and infinities reach the outputs whose window
    holds them.

    On a GPU the bits are the same; kernels of a radius of at most 7 voxels (4 where sums are float64) take one pass,
    others up to eight, with four images of sums between them.

    All derivatives share their passes, whose cost is linear in the radius; nothing but the result is stored, beside
    the rows of a window for each thread. A copy of the input is made where the last filtered axis is not contiguous.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((5, 5), np.int16)
    >>> image[2, 2] = 1000
    >>> gaussian_laplace(image, 1.0)[2].round(1)
    array([  55.5,  -95.8, -318.3,  -95.8,   55.5], dtype=float32)
    """
    return _derivatives(
        "gaussian_laplace", input, sigma, output, mode, cval, axes, truncate, radius, spacing, unit, workers, device
    )


def gaussian_gradient_magnitude(
    input: Any,
    sigma: float | Sequence[float],
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    *,
    truncate: float = 4.0,
    radius: int | Sequence[int] | None = None,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Length of the gradient of the smoothed image, from first Gaussian derivatives.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions, axis order (z, y, x) or (y, x); of more than 3 axes, at most 3 are filtered
        (`axes`). bool, 8-, 16- or 32-bit integers, float32 or float64.
    sigma : float or sequence of float
        Standard deviation of the Gaussian, above 0, one value or one per filtered axis, in `unit`.
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: float32 (for all but float64) or float64.
    mode : str or sequence of str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`, one or one per
        filtered axis.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    truncate : float, default 4
        Radius of the kernel in standard deviations.
    radius : int or sequence of int, optional
        Radius of the kernel in voxels, one or one per filtered axis; `truncate` is then ignored.
    axes : int or sequence of int, optional
        Axes to smooth and to derive along; the others are batches. (SciPy smooths along all.) Default: all.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of length: of `sigma`, and of the result, which is per voxel or per millimetre.
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
        A `sigma` of 0 or below, a `truncate` or `radius` that is negative or beyond use; an unknown `mode` or `unit`;
        ``unit="mm"`` without a spacing, or a spacing without ``unit="mm"``.

    See Also
    --------
    gaussian_filter, gaussian_laplace

    Notes
    -----
    As `scipy.ndimage.gaussian_gradient_magnitude` of the image in floating point; SciPy gives integers for integers.
    Precision, NaN and memory are those of `gaussian_laplace`; squares of derivatives beyond the range of the type that
    is computed in are infinite or 0. The cost is linear in the radius.

    Examples
    --------
    >>> import numpy as np
    >>> step = np.zeros((1, 9), np.uint8)
    >>> step[:, 5:] = 100
    >>> gaussian_gradient_magnitude(step, 1.0, axes=1).round(1)
    array([[ 0. ,  0.1,  1.4, 12.2, 36.4, 36.4, 12.2,  1.4,  0.1]], dtype=float32)
    """
    return _derivatives(
        "gaussian_gradient_magnitude",
        input,
        sigma,
        output,
        mode,
        cval,
        axes,
        truncate,
        radius,
        spacing,
        unit,
        workers,
        device,
    )


def unsharp_mask(
    input: Any,
    radius: float | Sequence[float] = 1.0,
    amount: float = 1.0,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    *,
    truncate: float = 4.0,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Sharpen: add what a Gaussian takes away, ``input + amount * (input - smoothed)``.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions, axis order (z, y, x) or (y, x); of more than 3 axes, at most 3 are filtered
        (`axes`). bool, 8-, 16- or 32-bit integers, float32 or float64.
    radius : float or sequence of float, default 1
        Standard deviation of the Gaussian, at least 0, one value or one per filtered axis, in `unit`. Details about
        this size are amplified.
    amount : float, default 1
        How much of the details is added; negative amounts blur.
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: the input's, float32 or float64. Default: the input's.
    mode : str or sequence of str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`, one or one per
        filtered axis.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    truncate : float, default 4
        Radius of the kernel in standard deviations.
    axes : int or sequence of int, optional
        Axes to filter; the others are batches, channels for instance. Default: all.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `radius`.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind, shape and dtype; `output` where it is an array.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        A `radius` or `truncate` that is negative or beyond use, an unknown `mode` or `unit`; ``unit="mm"`` without a
        spacing, or a spacing without ``unit="mm"``.

    See Also
    --------
    gaussian_filter

    Notes
    -----
    The formula of `skimage.filters.unsharp_mask`, which converts images to floating point in [0, 1] and clips there.
    Here values keep their scale and type; integers are rounded (half to even) and saturated, floating point is not
    clipped. That is scikit-image's ``preserve_range=True`` but for the type.

    8- and 16-bit integers and float32 are computed in float32, the others in float64. The smoothed image is not
    rounded, nor stored: no memory beyond the output but a few rows, and a copy of the input where its last axis is not
    contiguous. The cost is linear in the kernel's radius, up to the length of the axis. With ``u = 2**-24`` or
    ``2**-53``, r the kernel's radius in voxels and d axes, the result is off by at most ``((r / 8 + 21) * d *
    abs(amount) + 4 * (1 + abs(amount))) * u`` times the largest magnitude of the input, before an integer is rounded.
    The same result, bit for bit, comes from any number of threads and any processor. NaN and infinities reach the
    outputs whose window holds them.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.full((5, 5), 100, np.uint8)
    >>> image[2, 2] = 120
    >>> unsharp_mask(image, radius=0.5, amount=2)
    array([[100, 100, 100, 100, 100],
           [100, 100,  97, 100, 100],
           [100,  97, 135,  97, 100],
           [100, 100,  97, 100, 100],
           [100, 100, 100, 100, 100]], dtype=uint8)
    """
    function = "unsharp_mask"
    taken = take(function, "input", input, ndim=())
    filtered = _check.axes(function, axes, taken.array.ndim)
    sigmas, _ = sigmas_of(function, "radius", radius, taken, filtered, spacing, unit)
    radii = radii_of(function, "radius", radius, sigmas, truncate, None)
    strength = _check.real(function, "amount", amount)
    borders = [_check.border(function, value) for value in _check.per_axis(function, "mode", mode, len(filtered))]
    threads = _check.workers(function, workers)
    settings = gaussian_taps(sigmas, radii, borders, [taken.array.shape[axis] for axis in filtered])

    def kernel(source: np.ndarray, target: np.ndarray, values: list[list[Any]]) -> None:
        outside = [number_outside(function, cval, source.dtype)] * source.ndim
        weights, left, border = map(list, zip(*(value or ([1.0], 0, 0) for value in values[0]), strict=True))
        _cormack_cpu.unsharp_mask(source, target, weights, left, border, outside, strength, threads)

    halo = Halo.centred([radius if sigma > 1e-15 else 0 for sigma, radius in zip(sigmas, radii, strict=True)], borders)
    return apply(function, taken, output, filtered, [PerAxis(settings, None)], kernel, halo)
