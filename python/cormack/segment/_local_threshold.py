"""Thresholds that follow the neighbourhood of each voxel, and the one that follows connections."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import Taken, take
from .._neighbourhood import LARGEST_WINDOW, Halo, publish, spacing_of_axes
from ..filters import gaussian_filter, median_filter, uniform_filter
from ._checks import bound_of, connectivity_of

_Size = int | float | Sequence[float]


def threshold_local(
    image: Any,
    block_size: _Size = 3,
    method: str = "gaussian",
    offset: float = 0,
    mode: str = "reflect",
    param: float | Sequence[float] | None = None,
    cval: float = 0,
    *,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Return a threshold for each voxel: a mean or median of its neighbourhood, less an offset.

    Parameters
    ----------
    image : array_like or Volume
        Image of 1 to 3 dimensions.
    block_size : odd int, float or sequence
        Size of the neighbourhood, along all axes or along each, in `unit`. In mm it may be any number, and the
        neighbourhood holds the voxels whose centres lie within half of it.
    method : {'gaussian', 'mean', 'median'}
        What to take of the neighbourhood.
    offset : float, default 0
        Subtracted from it.
    mode : str
        What lies beyond the border: 'reflect', 'constant', 'nearest', 'mirror' or 'wrap', as in SciPy.
    param : float or sequence of float, optional
        Standard deviation of the Gaussian in `unit`; by default ``(block_size - 1) / 6`` voxels.
    cval : float
        What lies beyond the border for ``mode="constant"``.
    spacing : float or sequence of float, optional
        Voxel size in mm, in array order, for ``unit="mm"``; by default that of the Volume.
    unit : {'voxel', 'mm'}
        Unit of `block_size` and `param`.
    workers : int, optional
        Number of threads; default: the library's setting. The result does not depend on it.

    Returns
    -------
    ndarray of float32 for float32, else of float64, or Volume
        Voxels above it are foreground.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or `block_size` an even number of voxels.

    See Also
    --------
    threshold_niblack, threshold_sauvola, skimage.filters.threshold_local

    Notes
    -----
    As `skimage.filters.threshold_local`, whose method 'generic' is left out, and which filters float32 in float32: the
    results agree up to the rounding of sums. NaN spreads as in the filters: `uniform_filter`, `gaussian_filter`,
    `median_filter`.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import segment
    >>> segment.threshold_local(np.array([[1, 1, 1, 9, 1, 1]], np.uint8), (1, 3), "mean", offset=1)
    array([[0.        , 0.        , 2.66666667, 2.66666667, 2.66666667,
            0.        ]])
    """
    name = "threshold_local"
    taken = take(name, "image", image, ndim=(1, 2, 3))
    _check.choice(name, "method", method, ("gaussian", "mean", "median"))
    sizes = _window(name, "block_size", block_size, taken, spacing, unit)
    constant = _check.real(name, "offset", offset)
    outside = _check.real(name, "cval", cval)
    _check.border(name, mode)
    _check.workers(name, workers)
    array, dtype = taken.array, _float_of(taken.array)
    if method == "gaussian":
        sigmas = [(size - 1) / 6 for size in sizes]
        if param is not None:
            voxels = spacing_of_axes(name, taken, tuple(range(array.ndim)), spacing, unit)
            given = _check.per_axis(name, "param", param, array.ndim)
            sigmas = [_check.real(name, "param", s, minimum=0) / v for s, v in zip(given, voxels, strict=True)]
        result = gaussian_filter(array, sigmas, output=dtype, mode=mode, cval=outside, workers=workers)
    elif param is not None:
        raise _check.fail(name, "param", f"be None for method {method!r}", param)
    elif method == "mean":
        result = uniform_filter(array, sizes, output=dtype, mode=mode, cval=outside, workers=workers)
    else:
        borders = [_check.border(name, mode)] * array.ndim
        publish(Halo.centred([size // 2 for size in sizes], borders), range(array.ndim), array.ndim, dtype)
        # A number beyond the border that the image's type cannot hold needs a type that can.
        source = array.astype(dtype) if mode.endswith("constant") and array.dtype.kind != "f" else array
        result = median_filter(source, sizes, mode=mode, cval=outside, workers=workers).astype(dtype, copy=False)
    if constant:
        result -= dtype.type(constant)
    return taken.give_back(result)


def threshold_niblack(
    image: Any,
    window_size: _Size = 15,
    k: float = 0.2,
    *,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Return a threshold for each voxel: mean - k * standard deviation of its neighbourhood.

    Parameters
    ----------
    image : array_like or Volume
        Image of 1 to 3 dimensions.
    window_size : odd int, float or sequence
        Size of the neighbourhood, a box, as `threshold_local`'s `block_size`.
    k : float, default 0.2
        How many standard deviations below the mean.
    spacing, unit, workers
        As `threshold_local`.

    Returns
    -------
    ndarray of float32 for float32, else of float64, or Volume
        Voxels above it are foreground.

    Raises
    ------
    TypeError, ValueError
        As `threshold_local`.

    See Also
    --------
    threshold_sauvola, skimage.filters.threshold_niblack

    Notes
    -----
    As `skimage.filters.threshold_niblack` of the image in float64, up to rounding: the image continues as its mirror
    image about the centres of its last voxels. Sums are in float64, those of floats about the image's mean, so that
    float32 and values far from zero lose no digits. NaN reaches the voxels whose window holds it; scikit-image's
    reaches all that follow.

    References
    ----------
    .. [1] W. Niblack, An Introduction to Digital Image Processing, Prentice-Hall, 1986.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import segment
    >>> segment.threshold_niblack(np.array([[1, 1, 1, 7, 1, 1]], np.uint8), (1, 3), k=0.5).round(3)
    array([[1.   , 1.   , 1.586, 1.586, 1.586, 1.   ]])
    """
    name = "threshold_niblack"
    taken = take(name, "image", image, ndim=(1, 2, 3))
    factor = _check.real(name, "k", k)
    mean, deviation = _mean_std(name, taken, window_size, spacing, unit, workers)
    deviation *= factor
    mean -= deviation
    return taken.give_back(mean.astype(_float_of(taken.array), copy=False))


def threshold_sauvola(
    image: Any,
    window_size: _Size = 15,
    k: float = 0.2,
    r: float | None = None,
    *,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Return a threshold for each voxel: mean * (1 + k * (standard deviation / r - 1)) of its neighbourhood.

    Parameters
    ----------
    image : array_like or Volume
        Image of 1 to 3 dimensions. The method is for values that are not negative.
    window_size : odd int, float or sequence
        Size of the neighbourhood, a box, as `threshold_local`'s `block_size`.
    k : float, default 0.2
        Weight of the standard deviation.
    r : float, optional
        The greatest standard deviation there may be; by default half the range of an integer type, 1 for floats.
    spacing, unit, workers
        As `threshold_local`.

    Returns
    -------
    ndarray of float32 for float32, else of float64, or Volume
        Voxels above it are foreground.

    Raises
    ------
    TypeError, ValueError
        As `threshold_local`, or if `r` is not above 0.

    See Also
    --------
    threshold_niblack, skimage.filters.threshold_sauvola

    Notes
    -----
    As `skimage.filters.threshold_sauvola` up to rounding; see `threshold_niblack`.

    References
    ----------
    .. [1] J. Sauvola, M. Pietikainen, "Adaptive document image binarization", Pattern Recognition 33(2), 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import segment
    >>> segment.threshold_sauvola(np.array([[1, 1, 1, 7, 1, 1]], np.uint8), (1, 3)).round(3)
    array([[0.8  , 0.8  , 2.413, 2.413, 2.413, 0.8  ]])
    """
    name = "threshold_sauvola"
    taken = take(name, "image", image, ndim=(1, 2, 3))
    weight = _check.real(name, "k", k)
    kind = taken.array.dtype.kind
    if r is not None:
        range_ = _check.real(name, "r", r, above=0)
    elif kind in "iu":
        limits = np.iinfo(taken.array.dtype)
        range_ = 0.5 * (int(limits.max) - int(limits.min))
    else:
        range_ = 1.0 if kind == "f" else 0.5
    mean, deviation = _mean_std(name, taken, window_size, spacing, unit, workers)
    # In place: each of them may be as large as four int16 images.
    deviation /= range_
    deviation -= 1
    deviation *= weight
    deviation += 1
    mean *= deviation
    return taken.give_back(mean.astype(_float_of(taken.array), copy=False))


def apply_hysteresis_threshold(
    image: Any, low: Any, high: Any, *, connectivity: int = 1, workers: int | None = None
) -> Any:
    """Find the voxels above a low threshold that are connected to one above a high threshold.

    Parameters
    ----------
    image : array_like or Volume
        2-D or 3-D image of any supported dtype.
    low, high : float or array_like
        Thresholds, of which voxels lie above, not at them; infinities are fine. Arrays of the image's shape give each
        voxel its own. Where `low` is above `high`, `high` takes its place.
    connectivity : int, default 1
        How many coordinates may change by one in a step, from 1 (faces) to the number of dimensions (corners).
    workers : int, optional
        Number of threads; default: the library's setting. The result does not depend on it.

    Returns
    -------
    ndarray of bool, or Volume
        True in the components of ``image > low`` that hold a voxel of ``image > high``.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, shape or dtype, or a threshold is NaN.

    See Also
    --------
    connected_threshold : From given seeds.
    skimage.filters.apply_hysteresis_threshold

    Notes
    -----
    Identical to `skimage.filters.apply_hysteresis_threshold`, which has no `connectivity`. Comparisons with numbers are
    exact in every dtype. NaN is above nothing. The image is read twice, to bits.

    References
    ----------
    .. [1] J. Canny, "A computational approach to edge detection", IEEE TPAMI 8, 1986.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import segment
    >>> image = np.array([[1, 2, 3, 2, 1, 2, 1, 3, 2]])
    >>> segment.apply_hysteresis_threshold(image.astype(np.uint8), 1.5, 2.5).astype(int)
    array([[0, 1, 1, 1, 0, 0, 0, 1, 1]])
    """
    name = "apply_hysteresis_threshold"
    taken = take(name, "image", image)
    array = taken.array
    steps = connectivity_of(name, connectivity, array.ndim)
    result = np.empty(array.shape, bool)
    threads = _check.workers(name, workers)
    if np.ndim(low) == 0 and np.ndim(high) == 0:
        above = bound_of(name, "high", high)
        below = min(bound_of(name, "low", low), above)
        # All that is greater than a number is at least the next one; there is none beyond infinity.
        weak = strong = array
        limits = [math.nextafter(bound, math.inf) if bound < math.inf else math.nan for bound in (below, above)]
        if above == np.inf:
            result[...] = False
            return taken.give_back(result)
    else:
        lower, upper = (_limits(name, argument, value, array) for argument, value in (("low", low), ("high", high)))
        weak, strong = array > np.minimum(lower, upper), array > upper
        limits = [1.0, 1.0]
    _cormack_cpu.hysteresis_threshold(weak, float(limits[0]), strong, float(limits[1]), result, steps, threads)
    return taken.give_back(result)


def _limits(name: str, argument: str, value: Any, array: np.ndarray) -> np.ndarray:
    if np.ndim(value) == 0:
        return np.full((), bound_of(name, argument, value))
    limits = take(name, argument, value, ndim=()).array
    if limits.shape != array.shape:
        raise ValueError(f"{name}: `{argument}` must be a number or have shape {array.shape}, got {limits.shape}")
    if limits.dtype.kind == "f" and np.isnan(limits).any():
        raise _check.fail(name, argument, "not hold NaN", limits)
    return limits


def _float_of(array: np.ndarray) -> np.dtype:
    return array.dtype if array.dtype == np.float32 else np.dtype(np.float64)


def _window(name: str, argument: str, value: Any, taken: Taken, spacing: Any, unit: str) -> list[int]:
    """Return odd sizes in voxels along all axes."""
    ndim = taken.array.ndim
    voxels = spacing_of_axes(name, taken, tuple(range(ndim)), spacing, unit)
    given = _check.per_axis(name, argument, value, ndim)
    if unit == "voxel":
        sizes = [_check.integer(name, argument, size, minimum=1) for size in given]
        if any(size % 2 == 0 for size in sizes):
            raise _check.fail(name, argument, "be odd", value)
    else:
        lengths = [
            _check.real(name, argument, size, above=0) / voxel for size, voxel in zip(given, voxels, strict=True)
        ]
        sizes = [2 * int(min(length, LARGEST_WINDOW) / 2) + 1 for length in lengths]
    if max(sizes) > LARGEST_WINDOW:
        raise _check.fail(name, argument, f"be at most {LARGEST_WINDOW} voxels", value)
    return sizes


def _mean_std(
    name: str, taken: Taken, window_size: Any, spacing: Any, unit: str, workers: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of the box around each voxel, in float64."""
    _check.workers(name, workers)
    sizes = _window(name, "window_size", window_size, taken, spacing, unit)
    array = taken.array
    # Where running sums start anew.
    runs = [max(64, size) if size > 8 else 1 for size in sizes]
    mirror = [_check.BORDERS["mirror"]] * array.ndim
    halo: Halo | str = Halo([(size // 2, size // 2) for size in sizes], mirror, runs)
    if array.itemsize > 2:
        halo = "values of more than 16 bits are taken about the mean of the whole image"
    publish(halo, range(array.ndim), array.ndim, _float_of(array))
    values = taken.array.astype(np.float64)
    centre = 0.0
    # Infinities, and squares beyond float64, become NaN where their windows reach.
    with np.errstate(all="ignore"):
        if taken.array.itemsize > 2:
            # Far from zero the difference of two large squares would have no digits left. Those of 16 bits are exact.
            finite = np.isfinite(values)
            average = float(np.sum(values, where=finite)) / max(int(np.count_nonzero(finite)), 1)
            centre = average if math.isfinite(average) else 0.0
            values -= centre
        mean = uniform_filter(values, sizes, mode="mirror", workers=workers)
        values *= values
        square = uniform_filter(values, sizes, mode="mirror", workers=workers)
        del values
        square -= mean * mean
    np.clip(square, 0, None, out=square)
    mean += centre
    return mean, np.sqrt(square, out=square)
