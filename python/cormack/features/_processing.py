"""Image processing before features, as IBSI defines it: resampling, rounding, re-segmentation, discretisation."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, cast

import numpy as np

from .. import _backends, _check, _cormack_cpu, _intensity
from .._arrays import float_for, take, take_labels, take_mask
from .._backends import is_on_device
from .._resampling import INTERPOLATIONS, centred_nodes, resampled_on_device
from .._resampling import resampled as _resampled
from . import _on_device

DIMENSIONS = ("2D", "3D")
# Levels are int32, and so is what counts them.
MOST_LEVELS = (1 << 31) - 1


class Grid(NamedTuple):
    """The nodes of a resampled image, in voxels of its source, one array per axis, and its spacing."""

    positions: tuple[np.ndarray, ...]
    spacing: tuple[float, ...]


def grid_of(
    function: str, shape: tuple[int, ...], spacing: tuple[float, ...], new_spacing: Any, dimension: str
) -> Grid:
    """Return IBSI's grid: its centre is the image's, it has ceil(n * spacing / new_spacing) nodes along each axis."""
    _check.choice(function, "dimension", dimension, DIMENSIONS)
    ndim = len(shape)
    in_plane = ndim == 3 and dimension == "2D"
    sizes = _per_axis_of_plane(function, new_spacing, ndim) if in_plane else None
    if sizes is None:
        sizes = _check.per_axis(function, "new_spacing", new_spacing, ndim)
    news = [_check.real(function, "new_spacing", size, above=0.0) for size in sizes]
    if in_plane:
        news[0] = spacing[0]
    positions = (centred_nodes(function, n, old, new) for n, old, new in zip(shape, spacing, news, strict=True))
    return Grid(tuple(positions), tuple(news))


def _per_axis_of_plane(function: str, new_spacing: Any, ndim: int) -> list[Any] | None:
    """Return sizes along (z, y, x) where those of (y, x) were given; the first is a placeholder."""
    sizes = (
        _check.per_axis(function, "new_spacing", new_spacing, ndim) if np.ndim(new_spacing) == 0 else list(new_spacing)
    )
    return [1.0, *sizes] if len(sizes) == ndim - 1 else sizes


def resampled(
    array: np.ndarray, positions: tuple[np.ndarray, ...], interpolation: str, dtype: np.dtype, workers: int
) -> np.ndarray:
    """Interpolate an array at a grid's nodes, as float32 or float64."""
    return _resampled(array, positions, INTERPOLATIONS[interpolation], dtype, workers)


def resample(
    image: Any,
    spacing: Any,
    new_spacing: Any,
    *,
    interpolation: str = "linear",
    dimension: str = "3D",
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Interpolate an image at the nodes of a grid with another spacing.

    The centres of both grids coincide, and there are ``ceil(n * spacing / new_spacing)`` nodes along an axis: IBSI's
    alignment, which treats both ends of an axis alike. Nodes beyond the outermost voxel centres take the nearest voxel.

    Parameters
    ----------
    image : array_like or Volume
        2-D or 3-D image, (y, x) or (z, y, x).
    spacing : float or sequence of float, or None
        Voxel size in mm, in array order; None for a Volume, which knows it.
    new_spacing : float or sequence of float
        Voxel size of the result; one value means every axis.
    interpolation : {"nearest", "linear", "cubic"}, default "linear"
        ``"linear"`` is trilinear (bilinear for a 2-D image), ``"cubic"`` the interpolating cubic B-spline.
    dimension : {"3D", "2D"}, default "3D"
        ``"2D"`` leaves the first axis of a volume alone, so that slices do not mix; `new_spacing` may then have two
        values, (y, x).
    workers : int, optional
        Number of threads; default: the library's setting.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back. There is no
        spline on a GPU.

    Returns
    -------
    ndarray or Volume
        float32 for images of 8 and 16 bits and float32, float64 for others; a Volume, with the spacing and origin of
        the new grid, if the input is one.

    Raises
    ------
    ValueError
        If a spacing is not a positive finite number, the image has no voxel, or the result would be larger than
        1048576 voxels along an axis.

    See Also
    --------
    resample_mask, round_intensities

    Notes
    -----
    Computed in float64 in a fixed order, one axis after the other: the same bits for any number of threads, any
    strides and on a GPU; an image whose last axis is not contiguous is copied once. NaN reaches the nodes whose
    interpolation has a weight for it; the spline spreads it along lines. The spline is that of
    ``scipy.ndimage.map_coordinates`` with ``mode="mirror"``.

    References
    ----------
    .. [1] A. Zwanenburg et al., "Image biomarker standardisation initiative reference manual", arXiv:1612.07003,
       section 2.4.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> features.resample(np.array([[0, 10, 20, 30]], np.int16), 1.0, (1.0, 2.0))
    array([[ 5., 25.]], dtype=float32)
    """
    name = "resample"
    taken = take(name, "image", image, device=device)
    array = taken.array
    sizes = _spacing_of(name, spacing, taken.spacing, array.ndim)
    grid = grid_of(name, array.shape, sizes, new_spacing, dimension)
    _check.choice(name, "interpolation", interpolation, INTERPOLATIONS)
    threads = _check.workers(name, workers)
    if array.size == 0:
        raise ValueError(f"{name}: `image` must contain a voxel, got shape {array.shape}")
    kind = float_for(array.dtype)
    if is_on_device(array):
        placed: Any = resampled_on_device(name, array, grid.positions, INTERPOLATIONS[interpolation], kind)
        return taken.give_back(placed) if taken.spacing is None else _on_grid(image, placed.to_host(), grid)
    result = resampled(array, grid.positions, interpolation, kind, threads)
    return _on_grid(image, result, grid) if taken.spacing is not None else taken.give_back(result)


def resample_mask(
    mask: Any,
    spacing: Any,
    new_spacing: Any,
    *,
    interpolation: str = "linear",
    threshold: float = 0.5,
    dimension: str = "3D",
    workers: int | None = None,
) -> Any:
    """Interpolate a mask at the nodes of a grid with another spacing.

    Parameters
    ----------
    mask : array_like or Volume
        2-D or 3-D region: where it is not zero.
    spacing, new_spacing, dimension, workers
        As in `resample`.
    interpolation : {"linear", "nearest", "cubic"}, default "linear"
        How the mask, as 0 and 1, is interpolated.
    threshold : float, default 0.5
        A node belongs to the region from this value on, in (0, 1]: IBSI's partial volume threshold.

    Returns
    -------
    ndarray of bool or Volume
        The region on the grid that `resample` gives an image of this shape.

    Raises
    ------
    ValueError
        As `resample`, and if the threshold is not in (0, 1].

    See Also
    --------
    resample

    Notes
    -----
    Positions are taken to 2^-32 voxel, so that what lies half way between voxels is inside at the default threshold
    whatever the spacing, and not where rounding happens to put it.

    References
    ----------
    .. [1] A. Zwanenburg et al., "Image biomarker standardisation initiative reference manual", arXiv:1612.07003,
       section 2.4.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> features.resample_mask(np.array([[0, 1, 0, 0, 1, 1]]), 1.0, (1.0, 2.0))
    array([[ True, False,  True]])
    """
    name = "resample_mask"
    taken = take_labels(name, "mask", mask)
    inside = taken.array if taken.array.dtype == bool else taken.array != 0
    sizes = _spacing_of(name, spacing, taken.spacing, inside.ndim)
    grid = grid_of(name, inside.shape, sizes, new_spacing, dimension)
    _check.choice(name, "interpolation", interpolation, INTERPOLATIONS)
    limit = mask_threshold(name, "threshold", threshold)
    threads = _check.workers(name, workers)
    if inside.size == 0:
        raise ValueError(f"{name}: `mask` must contain a voxel, got shape {inside.shape}")
    result = resampled_mask(inside, grid.positions, interpolation, limit, threads)
    return _on_grid(mask, result, grid) if taken.spacing is not None else taken.give_back(result)


def mask_threshold(function: str, argument: str, value: Any) -> float:
    """Return a partial volume threshold."""
    limit = _check.real(function, argument, value, above=0.0)
    if limit > 1:
        raise _check.fail(function, argument, "be at most 1", value)
    return limit


def resampled_mask(
    inside: np.ndarray, positions: tuple[np.ndarray, ...], interpolation: str, threshold: float, workers: int
) -> np.ndarray:
    """Interpolate a bool array at a grid's nodes and threshold it."""
    values = resampled(inside, positions, interpolation, np.dtype(np.float64), workers)
    # Three sums of products of weights: a fraction of exactly one half may come out a few ulp short.
    result: np.ndarray = values >= threshold - 1e-12
    return result


def round_intensities(image: Any) -> Any:
    """Round intensities to the nearest integer, half way to the even one.

    IBSI asks for it after interpolation where intensities were integers before, as Hounsfield units are.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.

    Returns
    -------
    ndarray or Volume
        Same shape and dtype; an image of integers is returned as it is. NaN and infinities stay.

    Raises
    ------
    TypeError
        If the dtype is not supported.

    See Also
    --------
    resample

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> features.round_intensities(np.array([-0.7, 0.5, 1.5]))
    array([-1.,  0.,  2.])
    """
    taken = take("round_intensities", "image", image, ndim=())
    if taken.array.dtype.kind != "f":
        return image
    # Adding zero turns -0 into 0, which prints and hashes like the integer it is.
    return taken.give_back(np.rint(taken.array) + taken.array.dtype.type(0))


def resegment(image: Any, mask: Any = None, *, intensity_range: Any = None, sigma: float | None = None) -> np.ndarray:
    """Leave out the voxels of a region whose intensities do not belong to it.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    mask : array_like, optional
        The region: where it is not zero. Default: the whole image.
    intensity_range : (lower, upper), optional
        Keep intensities in this closed range; None or an infinity at an end leaves that end open.
    sigma : float, optional
        Keep intensities within this many standard deviations of the region's mean; IBSI uses 3.

    Returns
    -------
    ndarray of bool
        The intensity mask. With both rules, voxels that both keep; the mean and the standard deviation (1/N) are those
        of the whole region. May be empty. NaN is left out as soon as there is a rule.

    Raises
    ------
    ValueError
        If the range is no increasing pair or sigma is not positive, or where sigma is given, if the region contains NaN
        or infinities.

    Notes
    -----
    IBSI re-segments the intensity mask alone: shape features are those of the mask as it was.

    References
    ----------
    .. [1] A. Zwanenburg et al., "Image biomarker standardisation initiative reference manual", arXiv:1612.07003,
       section 2.6.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> features.resegment(np.array([-900, -20, 40, 600], np.int16), intensity_range=(-500, 400))
    array([False,  True,  True, False])
    """
    name = "resegment"
    array = take(name, "image", image, ndim=()).array
    inside = take_mask(name, "mask", mask, array.shape, image)
    limits = range_of(name, intensity_range)
    width = None if sigma is None else _check.real(name, "sigma", sigma, above=0.0)
    return resegmented(name, array, inside, limits, width)


def resegmented(
    function: str,
    array: np.ndarray,
    inside: np.ndarray | None,
    limits: tuple[float, float] | None,
    sigma: float | None,
) -> np.ndarray:
    """Return the intensity mask; a new array, or the mask itself where there is no rule."""
    result = np.ones(array.shape, bool) if inside is None else inside
    rules = [] if limits is None else [_limits_in(array.dtype, *limits)]
    if sigma is not None and result.any():
        # Integers sum exactly, floats in NumPy's fixed pairwise order.
        values = array[result].astype(np.float64)
        if not np.isfinite(values).all():
            raise ValueError(f"{function}: `image` must be finite in the region where `sigma` is given")
        mean, spread = float(values.mean()), float(values.std())
        rules.append(_limits_in(array.dtype, mean - sigma * spread, mean + sigma * spread))
    for low, high in rules:
        kept = _between(array, low, high)
        kept &= result
        result = kept
    return result


def _between(array: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return where values lie in a closed range."""
    if array.dtype.kind in "iu":
        # Compared as they are: NumPy would turn integers into float64 first.
        limits = np.iinfo(array.dtype)
        if not (low <= limits.max and high >= limits.min):
            return np.zeros(array.shape, bool)
        low, high = math.ceil(max(low, limits.min)), math.floor(min(high, limits.max))
    result: np.ndarray = array >= low
    result &= array <= high
    return result


def _limits_in(dtype: np.dtype, low: float, high: float) -> tuple[float, float]:
    """Return a closed range whose ends are of float32 where values are: NumPy would round them to the nearest."""
    if dtype != np.float32:
        return low, high
    with np.errstate(over="ignore"):
        first, last = np.float32(low), np.float32(high)
    if float(first) < low:
        first = np.nextafter(first, np.float32(np.inf))
    if float(last) > high:
        last = np.nextafter(last, np.float32(-np.inf))
    return float(first), float(last)


def range_of(function: str, value: Any, argument: str = "intensity_range") -> tuple[float, float] | None:
    """Return a closed range of intensities whose ends may be infinite; None where there is none."""
    if value is None:
        return None
    try:
        low, high = value
    except (TypeError, ValueError):
        raise _check.fail(function, argument, "be two numbers", value) from None
    ends = []
    for end, default in ((low, -math.inf), (high, math.inf)):
        infinite = end is None or (isinstance(end, float) and math.isinf(end))
        ends.append((default if end is None else end) if infinite else _check.real(function, argument, end))
    if not ends[0] < ends[1]:
        raise _check.fail(function, argument, "increase", value)
    return float(ends[0]), float(ends[1])


def discretise(
    image: Any,
    mask: Any = None,
    *,
    bin_size: float | None = None,
    bin_number: int | None = None,
    lower: float | None = None,
    workers: int | None = None,
    device: str | None = None,
) -> tuple[Any, int]:
    """Turn the intensities of a region into grey levels 1, 2, ..., with bins of fixed size or of fixed number.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    mask : array_like, optional
        The region: where it is not zero. Default: the whole image.
    bin_size : float, optional
        Width of a bin; level 1 starts at `lower`.
    bin_number : int, optional
        Number of bins between the lowest and the highest intensity of the region. Exactly one of both is needed.
    lower : float, optional
        Start of the first bin, with `bin_size` alone: the lower limit of re-segmentation, if there was one. Default:
        the lowest intensity of the region.
    workers : int, optional
        Number of threads; default: the library's setting.
    device : {None, "cpu", "cuda"}, optional
        Where to compute. Default: where `image` is; levels are there, too.

    Returns
    -------
    levels : ndarray of int32
        Same shape; 0 outside the region.
    level_count : int
        The highest level with `bin_size`, `bin_number` otherwise. A region of one intensity has level 1 alone.

    Raises
    ------
    ValueError
        If the region is empty or contains NaN or infinities, a bin has no width, `lower` is above an intensity, or
        there would be more than 2147483647 levels.

    Notes
    -----
    Fixed size: ``floor((x - lower) / bin_size) + 1``. Fixed number N: ``floor(N (x - min) / (max - min)) + 1``, and N
    for the highest intensity. In float64, in this order of operations. Strides of any kind, without a copy for 2-D and
    3-D images.

    References
    ----------
    .. [1] A. Zwanenburg et al., "Image biomarker standardisation initiative reference manual", arXiv:1612.07003,
       section 2.7.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> features.discretise(np.array([[-500, -480, -475, 30]], np.int16), bin_size=25)
    (array([[ 1,  1,  2, 22]], dtype=int32), 22)
    """
    name = "discretise"
    taken = take(name, "image", image, ndim=(), device=device)
    array: Any = taken.array
    on_gpu = isinstance(array, _backends.OnDevice)
    inside = None if on_gpu else take_mask(name, "mask", mask, array.shape, image)
    if (bin_size is None) == (bin_number is None):
        raise TypeError(f"{name}: exactly one of `bin_size` and `bin_number` must be given")
    if bin_size is not None:
        bin_size = _check.real(name, "bin_size", bin_size, above=0.0)
    else:
        bin_number = check_bin_number(name, "bin_number", bin_number)
        if lower is not None:
            raise TypeError(f"{name}: `lower` goes with `bin_size`; bins of a fixed number span the region's range")
    start = None if lower is None else _check.real(name, "lower", lower)
    threads = _check.workers(name, workers)
    if on_gpu:
        region = _on_device.mask_of(name, "mask", mask, array, "image")
        low, high = _on_device.intensity_range(name, array, region, "image" if mask is None else "mask")
        rule = binning(name, (low, high), bin_size, bin_number, start)
        levels = _on_device.grey_levels(name, array, region, rule.start, rule.factor, rule.width, rule.most)
        return taken.give_back(cast(Any, levels)), rule.level_count
    low, high = range_in(name, array, inside, threads)
    rule = binning(name, (low, high), bin_size, bin_number, start)
    return levels_of(array, inside, (low, high), rule, threads), rule.level_count


def check_bin_number(function: str, argument: str, value: Any) -> int:
    """Return a number of bins."""
    number = _check.integer(function, argument, value, minimum=1)
    if number > MOST_LEVELS:
        raise _check.fail(function, argument, f"be at most {MOST_LEVELS}", value)
    return number


def range_in(function: str, array: np.ndarray, inside: np.ndarray | None, workers: int) -> tuple[float, float]:
    """Return the lowest and highest intensity of a region that has voxels, all finite; else say what is wrong."""
    low, high, has_nan = _intensity.minmax(array, inside, workers)
    if has_nan or (low <= high and not (math.isfinite(low) and math.isfinite(high))):
        values = array if inside is None else array[inside]
        wrong = int(values.size - np.isfinite(values).sum())
        raise ValueError(
            f"{function}: `image` must be finite in the region, got {wrong} voxels that are NaN or infinite"
        )
    if low > high:
        where = "image" if inside is None else "mask"
        raise ValueError(f"{function}: `{where}` must contain a voxel, got none")
    return low, high


def levels_of(
    array: np.ndarray, inside: np.ndarray | None, limits: tuple[float, float], rule: Binning, workers: int
) -> np.ndarray:
    """Discretise a region by a rule that its lowest and highest intensities fit."""
    shape = array.shape
    if array.ndim not in (2, 3):
        flat = (1, -1) if array.ndim < 2 else (-1, *shape[-2:])
        array = array.reshape(flat)
        inside = None if inside is None else inside.reshape(flat)
    levels = np.empty(array.shape, np.int32)
    _cormack_cpu.discretise(array, inside, levels, *limits, rule.start, rule.factor, rule.width, rule.most, workers)
    return levels.reshape(shape)


class Binning(NamedTuple):
    """How intensities become levels: ``min((x - start) * factor / width, most - 1) + 1``, of `level_count`."""

    start: float
    factor: float
    width: float
    most: int
    level_count: int


def binning(
    function: str, limits: tuple[float, float], bin_size: float | None, bin_number: int | None, lower: float | None
) -> Binning:
    """Return how the intensities of a range become levels."""
    low, high = limits
    if bin_size is not None:
        start = low if lower is None else lower
        if start > low:
            raise _check.fail(function, "lower", f"be at most the lowest intensity of the region, {low:g}", start)
        top = (high - start) / bin_size
        if not top < MOST_LEVELS:
            raise _check.fail(function, "bin_size", f"leave at most {MOST_LEVELS} levels", bin_size)
        count = math.floor(top) + 1
        factor, width = 1.0, bin_size
    else:
        assert bin_number is not None
        start, count, factor, width = low, bin_number, float(bin_number), high - low
        if width == 0:
            width, count = 1.0, 1
        elif not math.isfinite(width):
            raise ValueError(f"{function}: `image` must span less than the largest float64 in the region")
    # A region of one intensity has level 1, and as many levels as were asked for.
    return Binning(start, factor, width, count, count if bin_size is not None else (bin_number or count))


def _spacing_of(function: str, spacing: Any, known: tuple[float, ...] | None, ndim: int) -> tuple[float, ...]:
    if spacing is None and known is None:
        raise ValueError(f"{function}: `spacing` must be given where the image is no Volume, got None")
    return _check.spacing(function, known if spacing is None else spacing, ndim)


def _on_grid(volume: Any, array: np.ndarray, grid: Grid) -> Any:
    """Return a volume like the given one with voxels on another grid."""
    first = np.array([nodes[0] for nodes in grid.positions]) * np.asarray(volume.spacing)
    origin = np.asarray(volume.origin) + volume.direction @ first
    return type(volume)(array, grid.spacing, origin, volume.direction, volume.meta)
