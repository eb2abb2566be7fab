"""Means whose weights come from the image: bilateral and non-local."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import take
from .._neighbourhood import Halo, PerAxis, apply
from ._kernels import LARGEST_WINDOW, number_outside, radii_of, sigmas_of

# Memory of non_local_means grows with the product of these; more than 10 to 50 are of no use.
_LARGEST_PATCH, _LARGEST_DISTANCE = 1023, 1024


def bilateral_filter(
    input: Any,
    sigma_spatial: float | Sequence[float],
    sigma_intensity: float,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    truncate: float = 2.5,
    *,
    window: str = "ball",
    radius: int | Sequence[int] | None = None,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Smooth without blurring edges: a mean weighted by closeness in space and in intensity.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions, axis order (z, y, x) or (y, x); of more than 3 axes, at most 3 are filtered
        (`axes`). bool, 8-, 16- or 32-bit integers, float32 or float64.
    sigma_spatial : float or sequence of float
        Standard deviation of the Gaussian in space, at least 0, one value or one per filtered axis, in `unit`. 0 leaves
        an axis as it is. (ITK: ``domainSigma``; OpenCV: ``sigmaSpace``.)
    sigma_intensity : float
        Standard deviation of the Gaussian of differences, above 0, in the image's own unit, such as HU: the image is
        never rescaled. (ITK: ``rangeSigma``; scikit-image: ``sigma_color``; OpenCV: ``sigmaColor``.)
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: the input's, float32 or float64. Default: the input's.
    mode : str or sequence of str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`, one or one per
        filtered axis.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``. NaN, in floating images: what lies beyond has no weight.
    truncate : float, default 2.5
        Radius of the window in standard deviations, rounded to voxels; 2.5 is ITK's.
    window : {"ball", "box"}, default "ball"
        The ellipse or ellipsoid with the radii as its half axes (OpenCV's window), or the whole box around it (ITK's
        and scikit-image's, which in 3-D has twice the voxels and takes twice the time).
    radius : int or sequence of int, optional
        Radius of the window in voxels, one or one per filtered axis; `truncate` is then ignored.
    axes : int or sequence of int, optional
        Axes to filter; the others are batches. Default: all.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `sigma_spatial`.
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
        A negative `sigma_spatial`, `truncate` or `radius`, a window of more than 2**24 voxels, a `sigma_intensity` that
        is not positive, an unknown `mode`, `window` or `unit`; ``unit="mm"`` without a spacing, or a spacing without
        ``unit="mm"``.

    See Also
    --------
    non_local_means, gaussian_filter

    Notes
    -----
    The filter of [1]_ by brute force: every voxel of the window takes part with its own weight, without bins or tables.
    8- and 16-bit integers and float32 are computed in float32, where a weight is off by at most 4e-6 of itself, the
    others in float64 (1e-12); the weight of a difference of more than 13.2 (37.7) sigmas is 0. The result is the voxel
    plus the weighted mean of the differences from it, so flat regions stay as they are, bit for bit. Integer results
    are rounded (half to even).
    The same result, bit for bit, comes from any number of threads and any processor.

    NaN and infinities keep their value and have no weight for others. The cost is proportional to the voxels of the
    window. Memory: per thread the planes of a window, by some rows, in float32 or float64; an image whose last axis is
    not contiguous is copied once.

    References
    ----------
    .. [1] C. Tomasi, R. Manduchi, "Bilateral filtering for gray and color images", ICCV 1998.

    Examples
    --------
    >>> import numpy as np
    >>> edge = np.array([[10, 12, 10, 12, 90, 92, 90, 92]], np.uint8)
    >>> bilateral_filter(edge, (0, 2), 10)
    array([[11, 11, 11, 11, 91, 91, 91, 91]], dtype=uint8)
    """
    function = "bilateral_filter"
    taken = take(function, "input", input, ndim=())
    filtered = _check.axes(function, axes, taken.array.ndim)
    count = len(filtered)
    sigmas, _ = sigmas_of(function, "sigma_spatial", sigma_spatial, taken, filtered, spacing, unit)
    sigma = _check.real(function, "sigma_intensity", sigma_intensity, above=0)
    borders = [_check.border(function, value) for value in _check.per_axis(function, "mode", mode, count)]
    radii = radii_of(function, "sigma_spatial", sigma_spatial, sigmas, truncate, radius)
    # As in gaussian_filter, a sigma of 0 is "no filter".
    radii = [extent if value > 1e-15 else 0 for value, extent in zip(sigmas, radii, strict=True)]
    if math.prod(2 * extent + 1 for extent in radii) > LARGEST_WINDOW:
        name, value = ("sigma_spatial", sigma_spatial) if radius is None else ("radius", radius)
        raise _check.fail(function, name, f"make a window of at most {LARGEST_WINDOW} voxels", value)
    ball = _check.choice(function, "window", window, ("ball", "box")) == "ball"
    threads = _check.workers(function, workers)

    neutral = (0.0, 0, 0)
    settings = [values if values[1] > 0 else neutral for values in zip(sigmas, radii, borders, strict=True)]

    def kernel(source: np.ndarray, target: np.ndarray, values: list[list[Any]]) -> None:
        outside = number_outside(function, cval, source.dtype)
        sigmas, radii, borders = map(list, zip(*values[0], strict=True))
        _cormack_cpu.bilateral_filter(source, target, sigmas, radii, borders, sigma, ball, outside, threads)

    halo = Halo.centred(radii, borders)
    return apply(function, taken, output, filtered, [PerAxis(settings, neutral)], kernel, halo)


def non_local_means(
    input: Any,
    patch_size: int | Sequence[int] = 5,
    patch_distance: int | Sequence[int] = 6,
    h: float | None = None,
    sigma: float = 0.0,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    *,
    axes: int | Sequence[int] | None = None,
    workers: int | None = None,
) -> Any:
    """Remove noise by averaging voxels whose surroundings look alike.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions, axis order (z, y, x) or (y, x); of more than 3 axes, at most 3 are filtered
        (`axes`). bool, 8-, 16- or 32-bit integers, float32 or float64.
    patch_size : int or sequence of int, default 5
        Edge of the patches that are compared, odd, one value or one per filtered axis.
    patch_distance : int or sequence of int, default 6
        Largest distance, along an axis, to a voxel that takes part, one value or one per filtered axis.
    h : float, optional
        Root mean square difference of patches whose weight is 1 / e, above 0, in the image's own unit, such as HU: the
        image is never rescaled. Larger values smooth more. Default: ``0.8 * sigma``.
    sigma : float, default 0
        Standard deviation of the noise, in the image's unit; what it alone would contribute to the difference of two
        patches is subtracted.
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: the input's, float32 or float64. Default: the input's.
    mode : str or sequence of str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`, one or one per
        filtered axis. ``"mirror"`` is what scikit-image does (and calls reflect).
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    axes : int or sequence of int, optional
        Axes to filter; the others are batches. Default: all.
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
        A `patch_size` that is even or above 1023, a `patch_distance` that is negative or above 1024, more than 2**24
        voxels in a patch or to look at, an `h` that is not positive or is missing where `sigma` is 0, a negative
        `sigma`, or an unknown `mode`.

    See Also
    --------
    bilateral_filter, skimage.restoration.denoise_nl_means

    Notes
    -----
    With ``mode="mirror"`` the result is that of ``skimage.restoration.denoise_nl_means(fast_mode=True,
    preserve_range=True)`` on the image in float64, to within 2e-6 of the range of intensities (but for patches
    whose weight is e**-5 to rounding). That includes what is particular about it: a patch of size s covers s - 1
    voxels along an axis, from (s - 3) / 2 before to (s - 1) / 2 behind its voxel, but its sum of squared
    differences is divided by s (a patch of size 1 is the voxel alone); the exponential of the weights is piecewise
    linear, right to 4 percent; weights below e**-5 are 0.

    8- and 16-bit integers and float32 are computed in float32, the others in float64. The result is the voxel plus the
    weighted mean of differences from it, so flat regions stay as they are, bit for bit; integers are rounded (half to
    even). The same result, bit for bit, comes from any number of threads and any processor. A patch with NaN or an
    infinity is like no other: voxels around one keep their value.

    The cost is proportional to the voxels to look at, times a constant plus the edge of a patch [1]_; of two opposite
    shifts one is computed. Memory: tiles of about a megabyte per thread (more for `patch_distance` above 10); an image
    whose last axis is not contiguous is copied once.

    References
    ----------
    .. [1] J. Darbon, A. Cunha, T. F. Chan, S. Osher, G. J. Jensen, "Fast nonlocal filtering applied to electron
       cryomicroscopy", ISBI 2008.

    Examples
    --------
    >>> import numpy as np
    >>> stripes = np.tile(np.array([10, 10, 90, 90], np.uint8), (6, 3))
    >>> noisy = stripes + np.random.default_rng(0).integers(-4, 5, (6, 12)).astype(np.uint8)
    >>> denoised = non_local_means(noisy, 3, 4, h=8)
    >>> bool(np.abs(denoised - 1.0 * stripes).mean() < 0.5 * np.abs(noisy - 1.0 * stripes).mean())
    True
    """
    function = "non_local_means"
    taken = take(function, "input", input, ndim=())
    filtered = _check.axes(function, axes, taken.array.ndim)
    count = len(filtered)
    sizes = [
        _check.integer(function, "patch_size", value, minimum=1, maximum=_LARGEST_PATCH)
        for value in _check.per_axis(function, "patch_size", patch_size, count)
    ]
    if not all(size % 2 for size in sizes):
        raise _check.fail(function, "patch_size", "be odd", patch_size)
    if math.prod(sizes) > LARGEST_WINDOW:
        raise _check.fail(function, "patch_size", f"make a patch of at most {LARGEST_WINDOW} voxels", patch_size)
    distances = [
        _check.integer(function, "patch_distance", value, minimum=0, maximum=_LARGEST_DISTANCE)
        for value in _check.per_axis(function, "patch_distance", patch_distance, count)
    ]
    if math.prod(2 * distance + 1 for distance in distances) > LARGEST_WINDOW:
        raise _check.fail(function, "patch_distance", f"reach at most {LARGEST_WINDOW} voxels", patch_distance)
    noise = _check.real(function, "sigma", sigma, minimum=0)
    if h is None and noise == 0:
        raise _check.fail(function, "h", "be given where `sigma` is 0", h)
    strength = 0.8 * noise if h is None else _check.real(function, "h", h, above=0)
    borders = [_check.border(function, value) for value in _check.per_axis(function, "mode", mode, count)]
    threads = _check.workers(function, workers)

    neutral = (0, 0, 0)
    settings = [
        (size // 2, distance, border) if size > 1 or distance > 0 else neutral
        for size, distance, border in zip(sizes, distances, borders, strict=True)
    ]

    def kernel(source: np.ndarray, target: np.ndarray, values: list[list[Any]]) -> None:
        outside = number_outside(function, cval, source.dtype)
        halves, distances, borders = map(list, zip(*values[0], strict=True))
        _cormack_cpu.non_local_means(source, target, halves, distances, borders, strength, noise, outside, threads)

    halo = Halo.centred([size // 2 + distance for size, distance in zip(sizes, distances, strict=True)], borders)
    return apply(function, taken, output, filtered, [PerAxis(settings, neutral)], kernel, halo)
