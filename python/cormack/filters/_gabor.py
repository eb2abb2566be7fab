"""Gabor filters: the response maps of IBSI 2, and banks of them as scikit-image has them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .. import _check
from .._arrays import float_for, take
from .._neighbourhood import PerAxis, apply, publish
from ._convolution import convolve
from ._kernels import LARGEST_WINDOW, number_outside, sigmas_of
from ._responses import floating

# Of kernels, in pixels; far below, where their squares vanish, there is nothing but division by 0.
_LEAST_SIGMA = 1e-6
_IN_TRANSFORMS = "each direction's window goes through transforms of parts of the image of its own size"


def _gabor_kernel(
    sigma: float, wavelength: float, gamma: float, theta: float, sizes: Sequence[float], truncate: float
) -> np.ndarray:
    """Return the complex kernel over (second axis, first axis), cut to the box around its ellipse."""
    cosine, sine = math.cos(theta), math.sin(theta)
    along, across = truncate * sigma, truncate * sigma / gamma
    second, first = (
        np.arange(-reach, reach + 1) * size
        for reach, size in zip(
            (
                int(math.hypot(along * sine, across * cosine) / sizes[0]),
                int(math.hypot(along * cosine, across * sine) / sizes[1]),
            ),
            sizes,
            strict=True,
        )
    )
    x = first * cosine + second[:, np.newaxis] * sine
    y = second[:, np.newaxis] * cosine - first * sine
    kernel: np.ndarray = np.exp(-(x * x + (gamma * y) ** 2) / (2 * sigma**2) + 2j * np.pi * x / wavelength)
    return kernel


def gabor_filter(
    input: Any,
    sigma: float,
    wavelength: float,
    gamma: float = 1.0,
    theta: float = 0.0,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    *,
    theta_step: float | None = None,
    pooling: str = "average",
    orthogonal_planes: bool = False,
    response: str = "modulus",
    truncate: float = 6.0,
    axes: Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Convolve the slices of an image with a complex Gabor kernel: waves under a Gaussian.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image, axis order (z, y, x) or (y, x), or with batches before these. bool, 8-, 16- or 32-bit integers, float32
        or float64.
    sigma : float
        Standard deviation of the Gaussian along the wave, above 0, in `unit`.
    wavelength : float
        Wavelength, above 0, in `unit`.
    gamma : float, default 1
        Aspect ratio: across the wave the standard deviation is ``sigma / gamma``.
    theta : float, default 0
        Direction of the wave in radians, from the first axis of the plane (x) to the second (y).
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: float32 (for all but float64) or float64.
    mode : str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`. IBSI calls them
        mirror, zero padding, nearest, (none) and periodic.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    theta_step : float, optional
        For rotation invariance: the responses at ``theta + k * theta_step`` over the full circle are pooled. Must
        divide the circle.
    pooling : {"average", "max"}, default "average"
        How the responses of all directions become one.
    orthogonal_planes : bool, default False
        Whether to average the (pooled) responses in the planes (x, y), (x, z) and (y, z) of a volume.
    response : {"modulus", "real", "imaginary"}, default "modulus"
        What to take of the complex response.
    truncate : float, default 6
        Radius of the kernel in standard deviations, along and across the wave.
    axes : sequence of int, optional
        The plane, two axes in array order (y, x); with `orthogonal_planes` three. The others are batches. Default: the
        last ones.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`. It may differ between axes: the
        kernel is sampled where voxels are.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `sigma` and `wavelength`.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape; float32, or float64 for a float64 input; `output` where it is an array.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        A `sigma`, `wavelength`, `gamma` or `truncate` of 0 or below, or a kernel beyond use; a `theta_step` that does
        not divide the circle; not two `axes` (three); an unknown name; ``unit="mm"`` without a spacing.

    See Also
    --------
    gaussian_laplace, laws_filter, simoncelli_filter

    Notes
    -----
    The filter of IBSI 2 [1]_ (tests 4.a and 4.b): ``exp(-(u**2 + gamma**2 * v**2) / (2 * sigma**2) + 2j * pi * u /
    wavelength)`` with ``u = x * cos(theta) + y * sin(theta)`` and ``v = y * cos(theta) - x * sin(theta)``, not
    normalised. The kernel of the opposite direction is the complex conjugate: the modulus is computed for half of the
    circle where `theta_step` divides it.

    Each direction costs two calls of `convolve`, which takes the Fourier transform for large kernels; precision, NaN
    and the agreement of processors are described there. Memory beyond the output: the input in floating point unless it
    is, and up to four response maps.

    References
    ----------
    .. [1] A. Depeursinge et al., "Standardised convolutional filtering for radiomics", arXiv:2006.05470.

    Examples
    --------
    >>> import numpy as np
    >>> waves = np.cos(np.arange(64) * np.pi / 4) * np.ones((64, 1))
    >>> along, across = (gabor_filter(waves, 4, 8, theta=angle)[32, 32] for angle in (0, np.pi / 2))
    >>> bool(along > 50 and across < 0.01)
    True
    """
    function = "gabor_filter"
    taken = take(function, "input", input, ndim=())
    ndim = taken.array.ndim
    planes = 3 if orthogonal_planes else 2
    if ndim < planes:
        raise ValueError(f"{function}: `input` must have at least {planes} axes, got shape {taken.array.shape}")
    filtered = tuple(sorted(_check.axes(function, range(-planes, 0) if axes is None else axes, ndim)))
    if len(filtered) != planes:
        raise _check.fail(function, "axes", f"name {planes} axes", axes)
    width = _check.real(function, "sigma", sigma, above=0)
    _, scales = sigmas_of(function, "sigma", width, taken, filtered, spacing, unit)
    length = _check.real(function, "wavelength", wavelength, above=0)
    aspect = _check.real(function, "gamma", gamma, above=0)
    reach = _check.real(function, "truncate", truncate, above=0)
    start = _check.real(function, "theta", theta)
    if reach * width * max(1, 1 / aspect) * max(scales) * 2 > math.isqrt(LARGEST_WINDOW):
        raise _check.fail(function, "sigma", f"keep the kernel within {LARGEST_WINDOW} voxels", sigma)
    directions = 1
    if theta_step is not None:
        step = _check.real(function, "theta_step", theta_step, above=0)
        directions = round(2 * math.pi / step)
        if not 1 <= directions <= 3600 or abs(directions * step - 2 * math.pi) > 1e-6:
            raise _check.fail(function, "theta_step", "divide the circle, 2 * pi", theta_step)
    _check.choice(function, "pooling", pooling, ("average", "max"))
    part = _check.choice(function, "response", response, ("modulus", "real", "imaginary"))
    _check.border(function, mode)
    outside = number_outside(function, cval, floating(taken))
    threads = _check.workers(function, workers)
    angles = [start + 2 * math.pi * k / directions for k in range(directions)]
    if part == "modulus" and directions % 2 == 0:
        angles = angles[: directions // 2]

    def one(image: np.ndarray, weights: np.ndarray, plane: tuple[int, ...]) -> np.ndarray:
        result: np.ndarray = convolve(image, weights, None, mode, outside, axes=plane, workers=threads or None)
        return result

    def pooled(image: np.ndarray, plane: tuple[int, ...], sizes: list[float]) -> np.ndarray:
        total: np.ndarray | None = None
        for angle in angles:
            weights = _gabor_kernel(width, length, aspect, angle, sizes, reach)
            if part == "modulus":
                found = one(image, weights.real, plane)
                np.hypot(found, one(image, weights.imag, plane), out=found)
            else:
                found = one(image, weights.real if part == "real" else weights.imag, plane)
            if total is None:
                total = found
            else:
                (np.add if pooling == "average" else np.maximum)(total, found, out=total)
        assert total is not None
        if pooling == "average":
            total /= len(angles)
        return total

    def kernel(source: np.ndarray, target: np.ndarray, settings: list[list[Any]]) -> None:
        wide = target.dtype == np.float64
        image = source.astype(np.float64 if wide else float_for(source.dtype), copy=False)
        inside = [axis for axis, size in enumerate(settings[0]) if size is not None]
        maps = [
            pooled(image, plane, [settings[0][axis] for axis in plane]) for plane in itertools.combinations(inside, 2)
        ]
        target[...] = sum(maps[1:], maps[0]) / len(maps)

    sizes = [1 / scale for scale in scales]
    return apply(
        function,
        taken,
        output,
        filtered,
        [PerAxis(sizes, None)],
        kernel,
        _IN_TRANSFORMS,
        dtype=floating(taken),
        converts=True,
    )


def gabor_bank(
    input: Any,
    frequencies: float | Sequence[float],
    thetas: int | Sequence[float] = 4,
    *,
    bandwidth: float = 1.0,
    sigma_x: float | None = None,
    sigma_y: float | None = None,
    n_stds: float = 3.0,
    response: str = "modulus",
    mode: str = "reflect",
    cval: float = 0.0,
    axes: Sequence[int] | None = None,
    workers: int | None = None,
) -> Any:
    """Convolve the slices of an image with Gabor kernels of many frequencies and directions, as scikit-image has them.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image, axis order (y, x), or (z, y, x) or more, of which each slice is an image of its own.
    frequencies : float or sequence of float
        Waves per pixel, above 0.
    thetas : int or sequence of float, default 4
        Directions of the waves in radians, from x to y; a number of directions is that many, evenly over the half
        circle.
    bandwidth : float, default 1
        In octaves, from which standard deviations follow where they are not given: the lower the frequency, the wider.
    sigma_x, sigma_y : float, optional
        Standard deviations along and across the wave in pixels, of all frequencies.
    n_stds : float, default 3
        Radius of kernels in standard deviations.
    response : {"modulus", "real", "imaginary"}, default "modulus"
        What to take of the complex response. The modulus does not tell where in a wave a pixel is.
    mode : str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    axes : sequence of int, optional
        The plane, two axes in the order (y, x). Default: the last ones.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.

    Returns
    -------
    ndarray or torch.Tensor
        Shape ``(frequencies, directions, *input.shape)``; float32, or float64 for a float64 input. Of a `Volume` an
        ndarray.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        No frequency or direction, a number of 0 or below, a kernel beyond use, not two `axes`, an unknown name.

    See Also
    --------
    gabor_filter, laws_filter, wavelet_filter

    Notes
    -----
    Each response is that of `skimage.filters.gabor` of the image in floating point: the kernel ``exp(-(u**2 /
    sigma_x**2 + v**2 / sigma_y**2) / 2 + 2j * pi * frequency * u) / (2 * pi * sigma_x * sigma_y)`` with ``u = x *
    cos(theta) + y * sin(theta)`` and ``v = y * cos(theta) - x * sin(theta)``. `gabor_filter` is the one of IBSI 2: not
    normalised, wider, with lengths in mm where that is wanted, and with its directions pooled.

    References
    ----------
    .. [1] J. G. Daugman, "Uncertainty relation for resolution in space, spatial frequency, and orientation optimized by
       two-dimensional visual cortical filters", Journal of the Optical Society of America A 2(7), 1985.

    Examples
    --------
    >>> import numpy as np
    >>> waves = np.cos(np.arange(64) * np.pi / 4) * np.ones((64, 1))
    >>> bank = gabor_bank(waves, [0.125, 0.25], 4)
    >>> bank.shape
    (2, 4, 64, 64)
    >>> np.unravel_index(bank[:, :, 32, 32].argmax(), (2, 4))
    (np.int64(0), np.int64(0))
    """
    function = "gabor_bank"
    taken = take(function, "input", input, ndim=())
    ndim = taken.array.ndim
    if ndim < 2:
        raise ValueError(f"{function}: `input` must have at least 2 axes, got shape {taken.array.shape}")
    plane = _check.axes(function, (-2, -1) if axes is None else axes, ndim)
    if len(plane) != 2:
        raise _check.fail(function, "axes", "name 2 axes", axes)
    waves = _numbers(function, "frequencies", frequencies, above=0)
    if isinstance(thetas, (int, np.integer)) and not isinstance(thetas, bool):
        count = _check.integer(function, "thetas", thetas, minimum=1)
        angles = [math.pi * k / count for k in range(count)]
    else:
        angles = _numbers(function, "thetas", thetas)
    octaves = _check.real(function, "bandwidth", bandwidth, above=0)
    if not 1e-6 <= octaves <= 1000:
        raise _check.fail(function, "bandwidth", "be 0.000001 to 1000 octaves", bandwidth)
    given = [
        None if value is None else _check.real(function, name, value, above=0)
        for name, value in (("sigma_x", sigma_x), ("sigma_y", sigma_y))
    ]
    reach = _check.real(function, "n_stds", n_stds, above=0)
    part = _check.choice(function, "response", response, ("modulus", "real", "imaginary"))
    _check.border(function, mode)
    dtype = floating(taken)
    outside = number_outside(function, cval, dtype)
    threads = _check.workers(function, workers)
    # The standard deviation of a Gaussian whose half maximum lies half of the octaves beside the frequency.
    spread = math.sqrt(math.log(2) / 2) / math.pi * (2**octaves + 1) / (2**octaves - 1)
    publish(_IN_TRANSFORMS, plane, ndim, dtype)
    image = taken.array.astype(float_for(taken.array.dtype), copy=False)
    result = np.empty((len(waves), len(angles), *image.shape), dtype)

    def one(weights: np.ndarray) -> np.ndarray:
        # Kernels lie along the axes in the array's order.
        placed = weights if plane[0] < plane[1] else weights.T
        found: np.ndarray = convolve(image, placed, None, mode, outside, axes=sorted(plane), workers=threads or None)
        return found

    for i, frequency in enumerate(waves):
        along, across = (spread / frequency if sigma is None else sigma for sigma in given)
        if 2 * reach * max(along, across) > math.isqrt(LARGEST_WINDOW):
            raise _check.fail(function, "frequencies", f"keep kernels within {LARGEST_WINDOW} pixels", frequency)
        if min(along, across) < _LEAST_SIGMA:
            raise _check.fail(function, "frequencies", f"keep sigmas at {_LEAST_SIGMA:g} pixels or above", frequency)
        for j, angle in enumerate(angles):
            weights = _normalised_kernel(along, across, frequency, angle, reach)
            found = one(weights.imag if part == "imaginary" else weights.real)
            if part == "modulus":
                np.hypot(found, one(weights.imag), out=found)
            result[i, j] = found
    return taken.give_back(result) if taken.spacing is None else result


def _numbers(function: str, argument: str, value: Any, above: float | None = None) -> list[float]:
    single = not isinstance(value, Iterable) or isinstance(value, (str, bytes)) or getattr(value, "ndim", 1) == 0
    values = [value] if single else value
    result = [_check.real(function, argument, one, above=above) for one in values]
    if not result:
        raise _check.fail(function, argument, "hold at least one number", value)
    return result


def _normalised_kernel(along: float, across: float, frequency: float, theta: float, reach: float) -> np.ndarray:
    """Return the complex kernel over (y, x) that scikit-image cuts out."""
    cosine, sine = math.cos(theta), math.sin(theta)
    wide = math.ceil(max(abs(reach * along * cosine), abs(reach * across * sine), 1))
    high = math.ceil(max(abs(reach * across * cosine), abs(reach * along * sine), 1))
    y, x = np.arange(-high, high + 1)[:, np.newaxis], np.arange(-wide, wide + 1)
    u, v = x * cosine + y * sine, y * cosine - x * sine
    wave = np.exp(-(u**2 / along**2 + v**2 / across**2) / 2 + 2j * np.pi * frequency * u)
    kernel: np.ndarray = wave / (2 * np.pi * along * across)
    return kernel
