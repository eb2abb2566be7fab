"""What differs between the two sides of a body."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import float_for, take, take_mask
from .._neighbourhood import spacing_of_axes
from ..filters import gaussian_filter

# The plane is looked for in an image of about so many voxels.
_SEARCHED = 2**18
# Tangents of tilts: beyond the last there is no tilt but another axis; the search starts at the best of the others.
_STEEPEST = 0.5
_STARTS = (-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3)


def symmetry_plane(
    image: Any,
    axis: int = -1,
    *,
    tilt: bool = True,
    mask: Any = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> np.ndarray:
    """Find the plane in which an image is most like its mirror image: the mid-sagittal plane of a head or a body.

    Parameters
    ----------
    image : array_like or Volume
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)`` of any supported dtype.
    axis : int, default -1
        The axis from left to right, which the plane crosses.
    tilt : bool, default True
        Whether the plane may be tilted, up to about 25 degrees.
    mask : array_like, optional
        Of the image's shape: the voxels that are compared, not zero, the head without its rest for instance.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        In mm a tilted mirror reflects rightly for voxels that are no cubes; in voxels they are taken for cubes.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray of float64, shape (ndim,)
        Where the plane crosses the line of voxels that starts at index 0 of all other axes, as an index along `axis`,
        and for each of the other axes in array order how much this index grows from voxel to voxel.

    Raises
    ------
    TypeError
        If the dtype is not supported or an argument is of the wrong kind.
    ValueError
        If the image is empty, `mask` has another shape; for ``unit="mm"`` without a spacing, or a spacing without
        ``unit="mm"``.

    Notes
    -----
    The plane makes the sum of squares of the difference between the image and its mirror image smallest, both about
    the image's smallest value, which is also what lies outside. So the whole object should be in the image, on a dark
    ground. The offset comes from a correlation of all lines with themselves by Fourier transforms, refined together
    with the slopes in an image of at most some 100 000 voxels: to about a tenth of a voxel, and half a degree, of that
    image for symmetric objects. A ball or a cylinder has no tilt. NaN and infinities are not compared.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:60, :80]
    >>> head = 100.0 * ((y - 30) ** 2 / 20**2 + (x - 41.5) ** 2 / 15**2 < 1)
    >>> symmetry_plane(head, tilt=False).round(1)
    array([41.5,  0. ])
    """
    name = "symmetry_plane"
    taken = take(name, "image", image)
    array = taken.array
    across, sizes, inside, threads = _settings(name, taken, axis, mask, spacing, unit, workers)
    if array.size == 0:
        raise ValueError(f"{name}: `image` must have a voxel, got shape {array.shape}")
    return _find(array, inside, across, sizes, bool(tilt), threads)


def asymmetry_map(
    image: Any,
    axis: int = -1,
    *,
    plane: float | Sequence[float] | None = None,
    sigma: float | Sequence[float] = 2.0,
    regularization: float = 0.05,
    mask: Any = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Compare each side of an image with the other one.

    Parameters
    ----------
    image : array_like or Volume
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)`` of any supported dtype.
    axis : int, default -1
        The axis from left to right.
    plane : float or sequence of float, optional
        The mirror: an index along `axis`, half voxels and all, or what `symmetry_plane` returns. Default: that.
    sigma : float or sequence of float, default 2
        Standard deviation of the Gaussian that smooths, above 0, one value or one per axis, in `unit`. It must exceed
        the natural differences of both sides, and not the lesions that are looked for.
    regularization : float, default 0.05
        This part of the standard deviation of all compared voxels is added to the local one, in squares.
    mask : array_like, optional
        Of the image's shape: voxels that are not zero, and whose mirror image is one of them, are compared.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `sigma`, and the geometry of a tilted mirror.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray or Volume
        The map, float32, or float64 for 32-bit integers and float64: positive where the voxel is brighter than its
        opposite one, and 0 where there is nothing to compare.

    Raises
    ------
    TypeError
        If the dtype is not supported or an argument is of the wrong kind.
    ValueError
        If `sigma` is not above 0, `regularization` negative, `plane` of the wrong length or `mask` of another shape;
        for ``unit="mm"`` without a spacing, or a spacing without ``unit="mm"``.

    See Also
    --------
    symmetry_plane : The mirror.

    Notes
    -----
    With the image I, its mirror image M (linear interpolation), and means over the Gaussian window, of voxels that have
    a partner: ``(mean(I) - mean(M)) / sqrt((var(I) + var(M)) / 2 + (regularization * S)**2)``, where S is the standard
    deviation of all compared voxels. In other words the difference of both sides in units of their own texture. The map
    of a mirrored image is the map with the other sign.

    What it cannot know: which side is the ill one, nor a lesion that crosses the plane or has a twin. Patients who
    turn or bend, one lung larger than the other, the heart and the liver are asymmetric too: register the image to its
    mirror image first, or compare with maps of healthy ones.

    Squares are taken about the image's mean, in float32 for 8- and 16-bit integers and float32, else in float64. NaN
    and infinities are not compared. Memory: about six images of float32.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:60, :80]
    >>> head = 100.0 * ((y - 30) ** 2 / 20**2 + (x - 40) ** 2 / 15**2 < 1)
    >>> head[(y - 30) ** 2 + (x - 48) ** 2 < 9] += 30
    >>> difference = asymmetry_map(head, plane=40)
    >>> bool(difference[30, 48] > 1), bool(difference[30, 48] == -difference[30, 32])
    (True, True)
    """
    name = "asymmetry_map"
    taken = take(name, "image", image)
    array = taken.array
    ndim = array.ndim
    across, sizes, inside, threads = _settings(name, taken, axis, mask, spacing, unit, workers)
    widths = [
        _check.real(name, "sigma", item, above=0) / size
        for item, size in zip(_check.per_axis(name, "sigma", sigma, ndim), sizes, strict=True)
    ]
    floor = _check.real(name, "regularization", regularization, minimum=0)
    dtype = float_for(array.dtype)
    if plane is None:
        mirror = None
    elif np.ndim(plane) == 0:
        mirror = np.array([_check.real(name, "plane", plane)] + [0.0] * (ndim - 1))
    else:
        mirror = np.array([_check.real(name, "plane", item) for item in _check.per_axis(name, "plane", plane, ndim)])
    result = np.zeros(array.shape, dtype)
    if array.size == 0:
        return taken.give_back(result)
    if mirror is None:
        mirror = _find(array, inside, across, sizes, True, threads)
    values, valid = _centred(array, inside, dtype)
    values[~valid] = np.nan
    opposite = np.empty_like(values)
    _reflect(values, opposite, mirror, across, sizes, math.nan, threads)
    valid &= np.isfinite(opposite)
    values[~valid] = 0
    opposite[~valid] = 0
    count = int(np.count_nonzero(valid))
    if count == 0:
        return taken.give_back(result)

    def smooth(part: np.ndarray) -> np.ndarray:
        # Voxels without a partner have no weight, nor has what lies outside.
        smoothed: np.ndarray = gaussian_filter(part, widths, mode="constant", workers=workers)
        return smoothed

    weight = smooth(valid.astype(dtype))
    np.maximum(weight, dtype.type(1e-30), out=weight)
    squares = values * values
    squares += opposite * opposite
    overall = float(np.sum(squares, dtype=np.float64)) / (2 * count)
    overall -= (float(np.sum(values, dtype=np.float64) + np.sum(opposite, dtype=np.float64)) / (2 * count)) ** 2
    variance = smooth(squares)
    variance /= weight
    own, other = smooth(values), smooth(opposite)
    own /= weight
    other /= weight
    # In an order that does not tell one side from the other.
    power = own * own
    power += other * other
    variance -= power
    np.maximum(variance, 0, out=variance)
    variance *= dtype.type(0.5)
    variance += dtype.type(floor**2 * max(overall, 0.0))
    np.sqrt(variance, out=variance)
    own -= other
    valid &= variance > 0
    np.divide(own, variance, out=result, where=valid)
    return taken.give_back(result)


def _settings(
    name: str, taken: Any, axis: Any, mask: Any, spacing: Any, unit: Any, workers: Any
) -> tuple[int, list[float], np.ndarray | None, int]:
    array = taken.array
    across = _check.integer(name, "axis", axis)
    if not -array.ndim <= across < array.ndim:
        raise _check.fail(name, "axis", f"name an axis of a {array.ndim}-D array", axis)
    across %= array.ndim
    sizes = spacing_of_axes(name, taken, tuple(range(array.ndim)), spacing, unit)
    return across, sizes, take_mask(name, "mask", mask, array.shape, taken.volume), _check.workers(name, workers)


def _centred(array: np.ndarray, inside: np.ndarray | None, dtype: np.dtype[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the image about its mean, and which of its voxels count."""
    valid = np.isfinite(array) if array.dtype.kind == "f" else np.ones(array.shape, bool)
    if inside is not None:
        valid &= inside
    mean = float(np.mean(array, dtype=np.float64, where=valid)) if valid.any() else 0.0
    return array.astype(dtype) - dtype.type(mean), valid


def _reflect(
    values: np.ndarray,
    into: np.ndarray,
    plane: np.ndarray,
    across: int,
    sizes: Sequence[float],
    outside: float,
    threads: int,
) -> None:
    """Mirror in a plane, in the geometry of voxels of the given sizes."""
    side = -np.insert(plane[1:], across, -1.0)
    gradient = side / sizes
    step = -2 * gradient / (np.asarray(sizes) * (gradient**2).sum())
    _cormack_cpu.reflect(values, into, side.tolist(), -float(plane[0]), step.tolist(), outside, threads)


def _find(
    array: np.ndarray, inside: np.ndarray | None, across: int, sizes: list[float], tilt: bool, threads: int
) -> np.ndarray:
    ndim = array.ndim
    values, valid = _centred(array, inside, np.dtype(np.float64))
    values[~valid] = np.inf
    lowest = float(values.min()) if valid.any() else 0.0
    values -= lowest
    values[~valid] = 0
    # Means of boxes, as near to cubes as can be.
    factors = [1] * ndim
    while math.prod(n / f for n, f in zip(array.shape, factors, strict=True)) > _SEARCHED:
        extents = [s * f if n >= 2 * f else math.inf for n, s, f in zip(array.shape, sizes, factors, strict=True)]
        factors[extents.index(min(extents))] += 1
    small = values
    for a, factor in enumerate(factors):
        starts = np.arange(0, array.shape[a], factor)
        counts = np.diff([*starts, array.shape[a]]).reshape([-1 if b == a else 1 for b in range(ndim)])
        small = np.add.reduceat(small, starts, axis=a) / counts
    small = np.ascontiguousarray(small)
    coarse = [size * factor for size, factor in zip(sizes, factors, strict=True)]
    # The best offset: the peak of the sum of all lines' products with their mirror images.
    n = small.shape[across]
    spectrum = np.fft.rfft(np.moveaxis(small, across, -1), 2 * n)
    products = np.fft.irfft((spectrum * spectrum).reshape(-1, spectrum.shape[-1]).sum(0), 2 * n)[: 2 * n - 1]
    best = int(np.argmax(products))
    position = (best + _vertex(products, best)) / 2
    plane = np.zeros(ndim)
    plane[0] = position
    if tilt:
        # Interpolation blurs; where the image is blurred already, that makes no difference between planes.
        widths = [max(coarse) / size for size in coarse]
        small = gaussian_filter(small, widths, mode="nearest", workers=threads or None)
        plane = _refine(small, plane, across, coarse, threads)
    # From the indices of boxes to those of voxels; a box's centre lies half a box behind its first voxel.
    centre = [(factor - 1) / 2 for factor in factors]
    others = [a for a in range(ndim) if a != across]
    slopes = [plane[1 + k] * factors[across] / factors[a] for k, a in enumerate(others)]
    start = plane[0] * factors[across] + centre[across]
    start -= sum(slope * centre[a] for slope, a in zip(slopes, others, strict=True))
    return np.array([start, *slopes])


def _vertex(values: np.ndarray, best: int) -> float:
    """Return how far beside the largest of its neighbours a parabola's vertex lies."""
    if not 0 < best < len(values) - 1:
        return 0.0
    before, at, after = values[best - 1 : best + 2]
    bend = before - 2 * at + after
    return float(0.5 * (before - after) / bend) if bend < 0 else 0.0


def _refine(small: np.ndarray, plane: np.ndarray, across: int, sizes: list[float], threads: int) -> np.ndarray:
    """Turn and move the plane until no step makes the difference smaller."""
    others = [a for a in range(small.ndim) if a != across]
    total = float(small.sum())
    if total <= 0:
        return plane
    # About the centre of mass, so that turning does not move the plane.
    pivot = []
    for a in others:
        profile = small.sum(tuple(b for b in range(small.ndim) if b != a))
        pivot.append(float(profile @ np.arange(len(profile))) / total)
    mirrored = np.empty_like(small)

    # From tangents to voxels along the axis for each voxel of another one.
    scale = np.array([1.0] + [sizes[a] / sizes[across] for a in others])

    def difference(parameters: np.ndarray) -> float:
        if np.abs(parameters[1:]).max() > _STEEPEST:
            return math.inf
        moved = parameters * scale
        moved[0] -= float(moved[1:] @ pivot)
        _reflect(small, mirrored, moved, across, sizes, 0.0, threads)
        np.subtract(mirrored, small, out=mirrored)
        return float(np.einsum("i,i->", mirrored.ravel(), mirrored.ravel()))

    starts = [np.array([plane[0], *tangents]) for tangents in itertools.product(_STARTS, repeat=len(others))]
    values = [difference(start) for start in starts]
    parameters, least = starts[int(np.argmin(values))], min(values)
    steps = np.array([1.0] + [0.05] * len(others))
    for _ in range(8):
        for _ in range(12):
            moved = False
            for k in range(len(parameters)):
                for sign in (1, -1):
                    trial = parameters.copy()
                    trial[k] += sign * steps[k]
                    value = difference(trial)
                    if value < least:
                        parameters, least, moved = trial, value, True
                        break
            if not moved:
                break
        steps /= 2
    parameters *= scale
    parameters[0] -= float(parameters[1:] @ pivot)
    return parameters
