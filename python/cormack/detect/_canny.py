"""Canny's edge detector in 2-D and 3-D, with spacing and, where wanted, beyond the grid of voxels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu, _slabs
from .._arrays import Taken, take, take_mask
from .._backends import OnDevice, is_on_device, mask_on_device, run
from .._neighbourhood import spacing_of_axes
from ..features._on_device import percentiles_of_finite
from ..filters._kernels import _gaussian, radii_of


@dataclass(frozen=True, slots=True)
class _Settings:
    """What the extension takes after the image, and the thresholds in its units."""

    filter: dict[str, Any]
    low: float
    high: float
    threads: int
    spacing: list[float]


def _settings(
    name: str,
    taken: Taken,
    sigma: Any,
    low_threshold: Any,
    high_threshold: Any,
    mask: Any,
    use_quantiles: Any,
    mode: Any,
    truncate: Any,
    spacing: Any,
    unit: Any,
    workers: Any,
) -> _Settings:
    array = taken.array
    axes = tuple(range(array.ndim))
    sizes = spacing_of_axes(name, taken, axes, spacing, unit)
    widths = [
        _check.real(name, "sigma", item, minimum=0) / size
        for item, size in zip(_check.per_axis(name, "sigma", sigma, array.ndim), sizes, strict=True)
    ]
    radii = radii_of(name, "sigma", sigma, widths, truncate, None)
    # SciPy's limit for "no filter".
    weights: list[list[float]] = [
        _gaussian(width, radius)[radius:].tolist() if width > 1e-15 else [1.0]
        for width, radius in zip(widths, radii, strict=True)
    ]
    border = _check.border(name, mode)
    allowed: Any
    if is_on_device(array):
        allowed = mask_on_device(name, mask, array)
    else:
        allowed = take_mask(name, "mask", mask, array.shape, taken.volume)
    threads = _check.workers(name, workers)
    largest = float(np.iinfo(array.dtype).max) if array.dtype.kind in "iu" else 1.0
    low = _threshold(name, "low_threshold", low_threshold, use_quantiles, 0.1, largest)
    high = _threshold(name, "high_threshold", high_threshold, use_quantiles, 0.2, largest)
    if high < low:
        raise _check.fail(name, "high_threshold", f"be at least `low_threshold`, which is {low:g}", high)
    # In 2-D integers are computed with as scikit-image does, as fractions of their largest value: where strengths are
    # equal, which ridge wins depends on the rounding.
    scale = 1.0 / largest if array.ndim == 2 else 1.0
    filter: dict[str, Any] = {
        "weights": weights,
        "border": [border] * array.ndim,
        "spacing": sizes,
        "scale": scale,
        "corrected": allowed is not None or border == _check.BORDERS["constant"],
        "mask": allowed,
    }
    if use_quantiles:
        single = array.dtype == np.float32 or (array.ndim == 3 and array.dtype.itemsize <= 2)
        dtype = np.dtype(np.float32 if single else np.float64)
        if is_on_device(array):
            images = [array] if allowed is None else [array, allowed]
            strengths = _slabs.whole(name, images, lambda *parts: _strength_on_device(name, parts, filter, dtype))
            found = percentiles_of_finite(name, strengths, (100.0 * low, 100.0 * high))
            low, high = found or (low, high)
        elif array.size:
            strength = np.empty(array.shape, dtype)
            _cormack_cpu.canny_strength(array, strength, **filter, workers=threads)
            # NaN is no edge: it must not take those of the rest of the image.
            numbers = strength if np.isfinite(strength.max()) else strength[np.isfinite(strength)]
            if numbers.size:
                low, high = (float(value) for value in np.percentile(numbers, [100.0 * low, 100.0 * high]))
    elif array.ndim == 2:
        low, high = low / largest, high / largest
    # scikit-image's lower threshold is a float32.
    with np.errstate(over="ignore"):
        return _Settings(filter, float(np.float32(low)), high, threads, sizes)


def _threshold(name: str, argument: str, value: Any, use_quantiles: Any, default: float, largest: float) -> float:
    if value is None:
        return default if use_quantiles else default * largest
    number = _check.real(name, argument, value, minimum=0)
    if use_quantiles and number > 1:
        raise _check.fail(name, argument, "be at most 1 with `use_quantiles`", value)
    return number


def canny(
    image: Any,
    sigma: float | Sequence[float] = 1.0,
    low_threshold: float | None = None,
    high_threshold: float | None = None,
    *,
    mask: Any = None,
    use_quantiles: bool = False,
    mode: str = "constant",
    truncate: float = 4.0,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Find edges: thin ridges of the gradient of the smoothed image, linked by hysteresis.

    Parameters
    ----------
    image : array_like or Volume
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)`` of any supported dtype.
    sigma : float or sequence of float, default 1
        Standard deviation of the Gaussian, at least 0, one value or one per axis, in `unit`.
    low_threshold, high_threshold : float, optional
        Bounds of the edge strength (see Notes) for hysteresis, inclusive, in units of the image: nothing is rescaled.
        Default: 10 % and 20 % of the largest value of the dtype, for floating point 0.1 and 0.2, as in scikit-image;
        medical images want others.
    mask : array_like, optional
        Where edges may be, not zero; pixels outside have no influence, those at its border are no edges.
    use_quantiles : bool, default False
        The thresholds are quantiles, 0 to 1, of the strength of all pixels where it is finite.
    mode : {"constant", "reflect", "nearest", "mirror", "wrap"}, default "constant"
        What the smoothing sees beyond the border; ``"constant"``: nothing, the mean is of the pixels there are.
    truncate : float, default 4
        Radius of the Gaussian in standard deviations.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of length: of `sigma`, of the gradient's direction, and of the strength, which is per voxel or per mm.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back.

    Returns
    -------
    ndarray of bool, or Volume
        The edges, thinned to about one voxel.

    Raises
    ------
    TypeError
        If the dtype is not supported or an argument is of the wrong kind.
    ValueError
        If a threshold is negative, above 1 for quantiles, or `high_threshold` below `low_threshold`; if `sigma` is
        negative or beyond use, `mask` has another shape, `mode` or `unit` is unknown; for ``unit="mm"`` without a
        spacing, or a spacing without ``unit="mm"``.

    See Also
    --------
    canny_points : The same edges as points between the voxels.
    zero_crossings : Edges where the Laplacian changes its sign.

    Notes
    -----
    In 2-D the edges of `skimage.feature.canny` with the same thresholds, pixel by pixel, also where strengths are
    equal. The strength is the length of Sobel's gradient, whose kernels have the weight 8: a ramp of 1 per voxel has a
    strength of 8. In 3-D the same steps with kernels of 3 x 3 x 3 voxels, scaled to the same weight, ridges
    against the strength interpolated bilinearly on the 26 neighbours, and hysteresis over corners: surfaces without
    holes, on slopes up to two voxels thick (an edge voxel lies within half the way to the faces of the cell of its
    neighbours, a few at three quarters). With ``unit="mm"`` the gradient, its direction and the strength are per mm.
    Voxels on the border of the image are never edges; NaN is none, nor what it is smoothed into.

    One pass from pixels to bits: neither the smoothed image nor its gradients are stored, only rows of a few planes for
    each thread. 2-D images are computed in float64 (float32 for float32), 3-D ones of 8- and 16-bit integers and
    float32 in float32, others in float64. The same result comes from any number of threads and any processor. Images
    whose last axis is not contiguous are copied once.

    References
    ----------
    J. Canny, A computational approach to edge detection, IEEE PAMI 8 (1986) 679-698.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.detect import canny
    >>> image = np.zeros((7, 9), np.int16)
    >>> image[:, 5:] = 100
    >>> canny(image, 1.0, 50, 100).astype(int)[3]
    array([0, 0, 0, 0, 1, 0, 0, 0, 0])
    """
    name = "canny"
    taken = take(name, "image", image, device=device)
    settings = _settings(
        name,
        taken,
        sigma,
        low_threshold,
        high_threshold,
        mask,
        use_quantiles,
        mode,
        truncate,
        spacing,
        unit,
        workers,
    )
    if is_on_device(taken.array):
        images = [taken.array] if settings.filter["mask"] is None else [taken.array, settings.filter["mask"]]
        edges = _slabs.whole(name, images, lambda *parts: _edges_on_device(name, parts, settings))
        return taken.give_back(edges)  # type: ignore[arg-type]
    result = np.empty(taken.array.shape, bool)
    _cormack_cpu.canny(
        taken.array, result, **settings.filter, low=settings.low, high=settings.high, workers=settings.threads
    )
    return taken.give_back(result)


def _edges_on_device(name: str, given: Sequence[OnDevice], settings: _Settings) -> OnDevice:
    edges = given[0].empty(dtype=bool)
    if edges.size:
        _run_on_device(name, given, edges, settings.filter, settings.low, settings.high)
    return edges


def _strength_on_device(name: str, given: Sequence[OnDevice], how: dict[str, Any], dtype: np.dtype[Any]) -> OnDevice:
    strength = given[0].empty(dtype=dtype)
    if strength.size:
        _run_on_device(name, given, strength, how, 0.0, 0.0)
    return strength


def _run_on_device(
    name: str, given: Sequence[OnDevice], target: OnDevice, how: dict[str, Any], low: float, high: float
) -> None:
    image, *inside = given
    missing = 3 - image.ndim
    weights = [[1.0]] * missing + how["weights"]
    run(
        name,
        "canny",
        [image, target, *inside],
        [np.array(of_axis, np.float64) for of_axis in weights],
        flat=image.ndim == 2,
        spacing=[1.0] * missing + list(how["spacing"]),
        border=[int(how["border"][0])] * 3,
        low=low,
        high=high,
        scale=how["scale"],
        corrected=how["corrected"],
    )


def canny_points(
    image: Any,
    sigma: float | Sequence[float] = 1.0,
    low_threshold: float | None = None,
    high_threshold: float | None = None,
    *,
    mask: Any = None,
    use_quantiles: bool = False,
    mode: str = "constant",
    truncate: float = 4.0,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> np.ndarray:
    """Find edges as points between the voxels: those of `canny`, moved to the top of their ridge.

    Parameters
    ----------
    image : array_like or Volume
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)`` of any supported dtype.
    sigma : float or sequence of float, default 1
        Standard deviation of the Gaussian, at least 0, one value or one per axis, in `unit`.
    low_threshold, high_threshold : float, optional
        Bounds of the edge strength (see Notes) for hysteresis, inclusive, in units of the image: nothing is rescaled.
        Default: 10 % and 20 % of the largest value of the dtype, for floating point 0.1 and 0.2, as in scikit-image;
        medical images want others.
    mask : array_like, optional
        Where edges may be, not zero; pixels outside have no influence, those at its border are no edges.
    use_quantiles : bool, default False
        The thresholds are quantiles, 0 to 1, of the strength of all pixels where it is finite.
    mode : {"constant", "reflect", "nearest", "mirror", "wrap"}, default "constant"
        What the smoothing sees beyond the border; ``"constant"``: nothing, the mean is of the pixels there are.
    truncate : float, default 4
        Radius of the Gaussian in standard deviations.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of length: of `sigma`, of the gradient's direction, and of the strength, which is per voxel or per mm.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray of float64, shape (n, ndim)
        One point for each voxel of `canny`, in raster order: coordinates in array order, in voxels, or in mm from the
        centre of the first voxel for ``unit="mm"``.

    Raises
    ------
    TypeError
        If the dtype is not supported or an argument is of the wrong kind.
    ValueError
        If a threshold is negative, above 1 for quantiles, or `high_threshold` below `low_threshold`; if `sigma` is
        negative or beyond use, `mask` has another shape, `mode` or `unit` is unknown; for ``unit="mm"`` without a
        spacing, or a spacing without ``unit="mm"``.

    See Also
    --------
    canny : The edges as a mask; its notes hold here.

    Notes
    -----
    A parabola goes through the logarithms of three strengths: of the voxel, and of the points before and behind it
    where the line along the gradient leaves the cell of its neighbours, interpolated there by parabolas through the
    nine voxels of the face. The point is its vertex, at most at those points: exact for a straight blurred step, whose
    strength is a bell curve. On flat edges it is off by a few hundredths of a voxel where sigma is above 1 voxel; a
    curved edge moves towards its centre with the smoothing, by about ``sigma**2 / radius`` on a sphere.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.detect import canny_points
    >>> x = np.arange(9)
    >>> image = np.tile(100 / (1 + np.exp(4.3 - x)), (5, 1))
    >>> canny_points(image, 1.0, 50, 100).round(1)
    array([[1. , 4.3],
           [2. , 4.3],
           [3. , 4.3]])
    """
    name = "canny_points"
    taken = take(name, "image", image)
    settings = _settings(
        name,
        taken,
        sigma,
        low_threshold,
        high_threshold,
        mask,
        use_quantiles,
        mode,
        truncate,
        spacing,
        unit,
        workers,
    )
    points = _cormack_cpu.canny_points(
        taken.array, **settings.filter, low=settings.low, high=settings.high, workers=settings.threads
    )
    result: np.ndarray = points[:, 3 - taken.array.ndim :] * settings.spacing
    return result
