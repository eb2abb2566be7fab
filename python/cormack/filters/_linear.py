"""Weighted sums of neighbourhoods: means, Gaussians and their derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import take
from .._backends import OnDevice, is_on_device, run
from .._neighbourhood import Halo, PerAxis, apply, origins_of
from ._device import separable
from ._kernels import LARGEST_WINDOW, box_of, gaussian_taps, number_outside, radii_of, sigmas_of
from ._masked import masked_mean, refuse_fill_value

# Beyond this the kernel has lost its precision.
_HIGHEST_ORDER = 20


def gaussian_filter(
    input: Any,
    sigma: float | Sequence[float],
    order: int | Sequence[int] = 0,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    truncate: float = 4.0,
    *,
    radius: int | Sequence[int] | None = None,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    tolerance: float = 0.0,
    mask: Any = None,
    ignore_nan: bool = False,
    fill_value: float | None = None,
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Smooth with a Gaussian, or take derivatives of the smoothed image.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions, axis order (z, y, x) or (y, x); of more than 3 axes, at most 3 are filtered
        (`axes`). bool, 8-, 16- or 32-bit integers, float32 or float64.
    sigma : float or sequence of float
        Standard deviation, at least 0, one value or one per filtered axis, in `unit`. 0 leaves an axis as it is.
    order : int or sequence of int, default 0
        Order of the derivative along each axis; 0 smooths. The image of an unsigned type has no negative derivatives:
        give ``output=np.float32``.
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: the input's, float32 or float64. Default: the input's.
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
        Axes to filter; the others are batches. Default: all.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `sigma`.
    tolerance : float, default 0
        Largest accepted error, relative to the range of the input (0 and `cval` count as part of it). Where it allows
        so and `sigma` is large, a recursive filter whose cost does not depend on `sigma` takes the place of the kernel.
    mask : array_like, optional
        Voxels that count, of the input's shape; any dtype, not zero is inside; a copy is made of one that is not bool.
        For smoothing alone (`order` 0).
    ignore_nan : bool, default False
        Whether NaN does not count.
    fill_value : float, optional
        With `mask` or `ignore_nan`: the result where no voxel of the window counts. Default: NaN, 0 for integers.
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
        A `sigma`, `order`, `truncate`, `radius` or `tolerance` that is negative or beyond use; an unknown `mode` or
        `unit`; ``unit="mm"`` without a spacing, or a spacing without ``unit="mm"``.

    See Also
    --------
    uniform_filter

    Notes
    -----
    The kernel is SciPy's [1]_: the sampled Gaussian with sum 1, times a polynomial for derivatives. Axes are filtered
    in the order z, y, x. SciPy rounds to the output's type after every axis; here an integer result is rounded (half
    to even) and saturated once.

    8- and 16-bit integers and float32 are computed in float32, the others in float64. With ``u = 2**-24``, or
    ``2**-53``, smoothing along one axis is off by at most ``(sigma + 5) * u`` times the largest magnitude of the input,
    before an integer is rounded. The same result, bit for bit, comes from any number of threads and any processor.

    NaN and infinities reach the outputs whose window holds them; so do values of more than half the largest number of
    the type, whose sum is infinite. The cost is linear in the radius, up to the length of the axis: beyond, the kernel
    is folded onto it.

    With `tolerance`, a sum of three damped oscillations [2]_ may stand for the kernel. For every call a bound on its
    error is computed: half of the sum of the differences of the two kernels, and the roundings, for all axes together.
    It is about 7e-5 for each axis, nearly all of it what ``truncate=4`` cuts off and the recursion does not, plus
    ``12 * sigma * u``; 3e-4 serves all volumes up to a `sigma` of 40. The recursion is taken if the bound is at most
    `tolerance`, every order is 0, and the radii are 32 voxels and more on average (on short axes folded kernels are
    faster). All modes continue the lines without end, as for the kernel. NaN and infinities then reach whole lines. As
    for every filter here, the error of an integer result comes before it is rounded.

    On a GPU the bits are the same, and `tolerance` has no effect. Kernels of a radius of at most 7 voxels (4 where sums
    are float64) take one pass, others one for each axis, with up to two images of float32 or float64 between them.

    Memory: for each thread half a megabyte, or four planes of ``2 * radius + 16`` rows where that is more; one copy of
    an input whose last axis is not contiguous. A floating output of an integer input is computed from the integers. The
    recursion along several axes holds an image of float32 or float64, whichever it computes in, beyond the output,
    unless the output is such an image.

    With `mask` or `ignore_nan`, the result is the mean of the voxels that count, weighted by the Gaussian (normalised
    convolution [3]_): ``filter(input * mask) / filter(mask)``, at about three times the cost and no more memory. Values
    outside the mask have no influence. The result is defined outside too, as far as the window reaches the mask:
    ``np.where(mask, result, input)`` keeps the input there. What lies beyond the border of ``mode="constant"`` does not
    count, whatever `cval`. The result is off by at most ``(4 * radius + 12) * u`` times the largest magnitude that
    counts for each axis, before an integer is rounded; weights whose sum is below the smallest number of the type are
    none. `tolerance` then has no effect.

    References
    ----------
    .. [1] `scipy.ndimage.gaussian_filter`
    .. [2] R. Deriche, "Recursively implementing the Gaussian and its derivatives", INRIA report 1893, 1993.
    .. [3] H. Knutsson, C.-F. Westin, "Normalized and differential convolution", CVPR 1993.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((5, 5), np.int16)
    >>> image[2, 2] = 1000
    >>> gaussian_filter(image, 0.7)
    array([[  0,   2,   6,   2,   0],
           [  2,  42, 117,  42,   2],
           [  6, 117, 325, 117,   6],
           [  2,  42, 117,  42,   2],
           [  0,   2,   6,   2,   0]], dtype=int16)
    """
    function = "gaussian_filter"
    taken = take(function, "input", input, ndim=(), device=device)
    filtered = _check.axes(function, axes, taken.array.ndim)
    count = len(filtered)
    sigmas, _ = sigmas_of(function, "sigma", sigma, taken, filtered, spacing, unit)
    orders = [
        _check.integer(function, "order", value, minimum=0)
        for value in _check.per_axis(function, "order", order, count)
    ]
    borders = [_check.border(function, value) for value in _check.per_axis(function, "mode", mode, count)]
    radii = radii_of(function, "sigma", sigma, sigmas, truncate, radius)
    if max(orders, default=0) > _HIGHEST_ORDER:
        raise _check.fail(function, "order", f"be at most {_HIGHEST_ORDER}", order)
    accepted = _check.real(function, "tolerance", tolerance, minimum=0)
    threads = _check.workers(function, workers)

    if mask is not None or ignore_nan is not False:
        if any(orders):
            raise _check.fail(function, "order", "be 0 with `mask` or `ignore_nan`", order)
        taps = gaussian_taps(sigmas, radii, borders, [taken.array.shape[axis] for axis in filtered])
        return masked_mean(function, taken, output, filtered, taps, mask, ignore_nan, fill_value, threads, exact=False)
    refuse_fill_value(function, fill_value)

    neutral = (0.0, 0, 0, 0)
    # SciPy's limit for "no filter".
    settings = [values if values[0] > 1e-15 else neutral for values in zip(sigmas, orders, radii, borders, strict=True)]

    def kernel(source: np.ndarray, target: np.ndarray, values: list[list[Any]]) -> None:
        outside = number_outside(function, cval, target.dtype)
        sigma, order, radius, border = map(list, zip(*values[0], strict=True))
        _cormack_cpu.gaussian_filter(source, target, sigma, order, radius, border, outside, accepted, threads)

    def on_device(source: OnDevice, target: OnDevice, values: list[list[Any]]) -> None:
        outside = number_outside(function, cval, target.dtype)
        sigma, order, radius, border = map(list, zip(*[neutral] * (3 - source.ndim), *values[0], strict=True))
        separable(function, source, target, gaussian=(sigma, order, radius), border=border, cval=outside)

    halo = (
        Halo.centred([values[2] for values in settings], borders)
        if accepted == 0 or is_on_device(taken.array)
        else "a recursive filter, which `tolerance` allows, reaches whole lines: give `tolerance` 0"
    )
    return apply(
        function,
        taken,
        output,
        filtered,
        [PerAxis(settings, neutral)],
        kernel,
        halo,
        converts=True,
        on_device=on_device,
    )


def uniform_filter(
    input: Any,
    size: float | Sequence[float] = 3,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    mask: Any = None,
    ignore_nan: bool = False,
    fill_value: float | None = None,
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Replace every voxel by the mean of a box around it.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions, axis order (z, y, x) or (y, x); of more than 3 axes, at most 3 are filtered
        (`axes`). bool, 8-, 16- or 32-bit integers, float32 or float64.
    size : int or sequence of int, or of float in mm, default 3
        Extent of the window in `unit`, one value or one per filtered axis. 1 voxel leaves an axis as it is. The window
        of an even size has its extra voxel before the centre.
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: the input's, float32 or float64. Default: the input's.
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
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `size`. In mm it becomes the nearest odd number of voxels along each axis, the larger one of two.
    mask : array_like, optional
        Voxels that count, of the input's shape; any dtype, not zero is inside; a copy is made of one that is not bool.
    ignore_nan : bool, default False
        Whether NaN does not count.
    fill_value : float, optional
        With `mask` or `ignore_nan`: the result where no voxel of the window counts. Default: NaN, 0 for integers.
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
        A `size` below 1 or above 2**24, an `origin` outside the window, or an unknown `mode`.

    See Also
    --------
    gaussian_filter

    Notes
    -----
    Integers: the exact mean, rounded half to even, saturated where `cval` takes it out of the type's range. (SciPy
    rounds towards zero after every axis.) A floating output of an integer input is that mean, rounded to the output's
    type. float32 and float64: sums in float64, divided and rounded once; they are off by at most
    ``2 * max(64, size) * 2**-53`` times the largest magnitude of the input for each axis; a sum beyond the largest
    float64 is infinite.

    The cost per voxel does not depend on the size, but for floating point along x, where it grows with its logarithm.
    Windows of more than 8 voxels use running sums, which start anew after max(64, size) voxels along an axis of a
    floating image. Where such an image has NaN, infinities or magnitudes above 1e20, sums of blocks are joined
    instead [1]_, which never subtracts, at up to three times the cost: NaN and infinities reach the outputs whose
    window holds them, no others, and large values leave nothing behind. The same result, bit for bit, comes from any
    number of threads and any processor.

    On a GPU integers have the same bits; floating results are within 1e-6, relative to the largest magnitude of the
    input. Windows of at most 9 voxels take one pass, larger ones a pass for each axis and, between them, two images of
    sums. Integer images take an integer `cval` there.

    Memory: a tile of rows for each thread, a few hundred kilobytes for windows of up to 31 voxels; one copy of an input
    whose last axis is not contiguous. Joined blocks along z hold as many tiles as the window has planes.

    With `mask` or `ignore_nan`, the result is the mean of the voxels that count, of integers the exact mean as above.
    It takes about three times as long and no more memory; for floating point, time grows with the size along z and y.
    Values outside the mask have no influence. The result is defined outside too, as far as the window reaches the mask:
    ``np.where(mask, result, input)`` keeps the input there. What lies beyond the border of ``mode="constant"`` does not
    count, whatever `cval`.

    References
    ----------
    .. [1] M. van Herk, "A fast algorithm for local minimum and maximum filters on rectangular and octagonal kernels",
       Pattern Recognition Letters 13(7), 1992.

    Examples
    --------
    >>> import numpy as np
    >>> uniform_filter(np.array([[0, 0, 9, 0, 0]], np.uint8), (1, 3))
    array([[0, 3, 3, 3, 0]], dtype=uint8)
    >>> uniform_filter(np.array([3, 4], np.int16), 2)
    array([3, 4], dtype=int16)
    """
    function = "uniform_filter"
    taken = take(function, "input", input, ndim=(), device=device)
    filtered = _check.axes(function, axes, taken.array.ndim)
    count = len(filtered)
    sizes = box_of(function, size, taken, filtered, spacing, unit)
    if max(sizes, default=1) > LARGEST_WINDOW:
        raise _check.fail(function, "size", f"be at most {LARGEST_WINDOW}", size)
    borders = [_check.border(function, value) for value in _check.per_axis(function, "mode", mode, count)]
    origins = origins_of(function, origin, sizes)
    threads = _check.workers(function, workers)

    if mask is not None or ignore_nan is not False:
        taps = [
            ([1.0] * window, window // 2 + shift, border) if window > 1 else None
            for window, shift, border in zip(sizes, origins, borders, strict=True)
        ]
        return masked_mean(function, taken, output, filtered, taps, mask, ignore_nan, fill_value, threads, exact=True)
    refuse_fill_value(function, fill_value)

    neutral = (1, 0, 0)
    settings = [
        (window, window // 2 + shift, border) if window > 1 else neutral
        for window, shift, border in zip(sizes, origins, borders, strict=True)
    ]

    def kernel(source: np.ndarray, target: np.ndarray, values: list[list[Any]]) -> None:
        outside = number_outside(function, cval, target.dtype)
        size, left, border = map(list, zip(*values[0], strict=True))
        _cormack_cpu.uniform_filter(source, target, size, left, border, outside, threads)

    def on_device(source: OnDevice, target: OnDevice, values: list[list[Any]]) -> None:
        outside = number_outside(function, cval, target.dtype)
        size, left, border = map(list, zip(*[neutral] * (3 - source.ndim), *values[0], strict=True))
        run(function, "uniform_filter", [source, target], size=size, left=left, border=border, cval=outside)

    window_halo = Halo.of_box(sizes, origins, borders)
    # Where running sums of floats start anew.
    runs = [max(64, size) if size > 8 and taken.array.dtype.kind == "f" else 1 for size in sizes]
    halo = Halo(window_halo.reach, borders, runs)
    return apply(
        function,
        taken,
        output,
        filtered,
        [PerAxis(settings, neutral)],
        kernel,
        halo,
        converts=True,
        on_device=on_device,
    )
