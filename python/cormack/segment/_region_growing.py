"""Region growing from seeds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu, _slabs
from .._arrays import DTYPES, WIDE_INTEGERS, take, take_mask, take_matching
from .._backends import OnDevice, Waiting, is_on_device, mask_beside, run
from ._binary_threshold import binary_threshold
from ._checks import bound_of, connectivity_of
from ._labels import components_on_device

# Read again and again, it would take more than a second.
_LARGEST_BOX = 2**28


def connected_threshold(
    image: Any,
    seeds: Sequence[Sequence[int]] | Sequence[int],
    lower: float,
    upper: float,
    *,
    connectivity: int = 1,
    mask: Any = None,
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Grow regions from seed points over the voxels whose values lie between two bounds.

    Parameters
    ----------
    image : array_like or Volume
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)`` of any supported dtype.
    seeds : sequence of index tuples, or one tuple
        Points in array order. A seed whose value is outside the range, or that `mask` excludes, grows nothing.
    lower, upper : float
        Inclusive bounds, compared exactly with the values of every dtype; infinities leave a side open.
    connectivity : int, default 1
        How many coordinates may change by one in a step, from 1 (faces) to the number of dimensions (corners).
    mask : array_like, optional
        Where the region may be: not zero.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back.

    Returns
    -------
    ndarray of bool, or Volume
        The union of the regions of all seeds.

    Raises
    ------
    TypeError
        If the dtype is not supported or an argument is of the wrong kind.
    ValueError
        If a seed lies outside the image, `upper` is below `lower`, a bound is NaN, or `connectivity` or the shape of
        `mask` does not suit the image.

    See Also
    --------
    label : Number all regions at once.
    largest_component : Keep the largest of them.

    Notes
    -----
    Identical, voxel by voxel, to ITK's ConnectedThresholdImageFilter for face and full connectivity. NaN is outside
    every range. The image is read once, to bits; the region then grows by words of 64 voxels, in time at most
    proportional to its size, however long or twisted it is. Images whose rows are not contiguous are read row by row
    without a copy.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import connected_threshold
    >>> image = np.array([[5, 6, 0, 5], [0, 7, 0, 5], [9, 0, 6, 0]], np.int16)
    >>> connected_threshold(image, (0, 0), 5, 7).astype(int)
    array([[1, 1, 0, 0],
           [0, 1, 0, 0],
           [0, 0, 0, 0]])
    >>> connected_threshold(image, (0, 0), 5, 7, connectivity=2).astype(int)
    array([[1, 1, 0, 1],
           [0, 1, 0, 1],
           [0, 0, 1, 0]])
    """
    name = "connected_threshold"
    taken = take(name, "image", image, device=device)
    array = taken.array
    low, high = _range_of(name, lower, upper)
    steps = connectivity_of(name, connectivity, array.ndim)
    points = _points(_check.seeds(name, seeds, array.shape))
    threads = _check.workers(name, workers)
    if is_on_device(array):
        region = _connected_on_device(name, array, points, mask, low, high, steps)
        return taken.give_back(region)  # type: ignore[arg-type]
    allowed = take_mask(name, "mask", mask, array.shape, image)
    result = np.empty(array.shape, bool)
    _cormack_cpu.connected_threshold(array, result, points, low, high, steps, allowed, workers=threads)
    return taken.give_back(result)


def _connected_on_device(
    name: str, image: OnDevice, points: list[tuple[int, ...]], mask: Any, low: float, high: float, steps: int
) -> OnDevice:
    if not image.size:
        return image.empty(dtype=bool)

    def grown(part: OnDevice, *beside: OnDevice) -> OnDevice:
        inside = part.empty(dtype=bool)
        table = np.array(points, np.int32).reshape(-1)
        run(name, name, [part, inside, *beside], [table], lower=low, upper=high, connectivity=steps)
        return inside

    arrays = [image, *mask_beside(name, mask, image)]
    region = _slabs.at_once(name, arrays, grown) if isinstance(image, Waiting) else grown(*arrays)
    if region is not None:
        return region
    assert isinstance(image, Waiting)
    good = binary_threshold(image.host, low, high)
    for allowed in arrays[1:]:
        good &= allowed.to_host() != 0
    image.leave()
    labels, count = components_on_device(name, Waiting(name, good, image.library), steps)
    numbers = labels.to_host()
    kept = np.zeros(count + 1, bool)
    kept[[numbers[point[-image.ndim :]] for point in points]] = True
    kept[0] = False
    return Waiting(name, kept[numbers], image.library)


def confidence_connected(
    image: Any,
    seeds: Sequence[Sequence[int]] | Sequence[int],
    *,
    multiplier: float = 2.5,
    iterations: int = 4,
    initial_radius: int | Sequence[int] = 1,
    connectivity: int = 1,
    mask: Any = None,
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Grow a region over the voxels that are like it: within some standard deviations of its mean.

    The first range of values is that of boxes around the seeds; each iteration takes the range of the region that the
    one before gave, and grows again from the seeds. Every range is widened to hold the values of all seeds.

    Parameters
    ----------
    image : array_like or Volume
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)`` of any supported dtype.
    seeds : sequence of index tuples, or one tuple
        Points in array order. A seed that is NaN or infinite, or that `mask` excludes, counts for nothing.
    multiplier : float, default 2.5
        How many standard deviations the range reaches on each side of the mean.
    iterations : int, default 4
        How often the range is taken anew from the region.
    initial_radius : int or tuple of int, default 1
        Of the boxes around the seeds, in voxels on each side, one value or one per axis. 0 takes the seeds alone.
    connectivity : int, default 1
        How many coordinates may change by one in a step, from 1 (faces) to the number of dimensions (corners).
    mask : array_like, optional
        Which voxels count: not zero. The others belong neither to the boxes nor to the region.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back. There the boxes of
        all seeds have at most 2^18 voxels.

    Returns
    -------
    ndarray of bool, or Volume
        The region; without any voxel if no seed counts.

    Raises
    ------
    TypeError
        If the dtype is not supported or an argument is of the wrong kind.
    ValueError
        If a seed lies outside the image, `multiplier`, `iterations` or `initial_radius` is negative, or `connectivity`
        or the shape of `mask` does not suit the image.

    See Also
    --------
    connected_threshold : Where the range is known.

    Notes
    -----
    Identical, voxel by voxel, to ITK's ConfidenceConnectedImageFilter for integers of 8 and 16 bits. For 32 bits and
    floating images the range may differ by the rounding of ITK's sums, which it adds in the order of its walk. ITK
    rounds the bounds towards zero to the image's type, and so does this function. Where ITK divides zero by zero, for a
    region (or, with `initial_radius` 0, a seed) of one voxel, it usually returns no voxel at all; here the variance of
    one value is 0. Voxels beyond the border of the image repeat those on it. NaN and infinities are outside every range
    and every sum.

    Sums over integers are exact. Each iteration reads the image once and the region once; they end when the range no
    longer changes. An image whose last axis is not contiguous is copied once.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import confidence_connected
    >>> image = np.array([[5, 6, 5, 20], [6, 5, 7, 20], [5, 6, 8, 20]], np.int16)
    >>> confidence_connected(image, (1, 1)).astype(int)
    array([[1, 1, 1, 0],
           [1, 1, 1, 0],
           [1, 1, 1, 0]])
    """
    name = "confidence_connected"
    taken = take(name, "image", image, device=device)
    array = taken.array
    deviations = _check.real(name, "multiplier", multiplier, minimum=0.0)
    rounds = _check.integer(name, "iterations", iterations, minimum=0, maximum=2**62)
    radius = _radius_of(name, "initial_radius", initial_radius, array.shape)
    if math.prod(2 * r + 1 for r in radius) > _LARGEST_BOX:
        raise _check.fail(name, "initial_radius", "make boxes of at most 2^28 voxels", initial_radius)
    steps = connectivity_of(name, connectivity, array.ndim)
    points = _points(_check.seeds(name, seeds, array.shape))
    threads = _check.workers(name, workers)
    if is_on_device(array):
        how: dict[str, Any] = {"multiplier": deviations, "radius": radius, "steps": steps}
        images = [array, *mask_beside(name, mask, array)]
        region = _slabs.whole(name, images, lambda *parts: _confidence_on_device(parts, points, rounds, **how))
        return taken.give_back(region)  # type: ignore[arg-type]
    inside = take_mask(name, "mask", mask, array.shape, image)
    result = np.empty(array.shape, bool)
    _cormack_cpu.confidence_connected(array, result, points, deviations, rounds, radius, steps, inside, threads)
    return taken.give_back(result)


def _confidence_on_device(
    given: Sequence[OnDevice],
    points: list[tuple[int, ...]],
    rounds: int,
    *,
    multiplier: float,
    radius: tuple[int, ...],
    steps: int,
) -> OnDevice:
    name = "confidence_connected"
    image, *inside = given
    region, state = image.empty(dtype=bool), image.empty((5,), np.float64)
    if not image.size:
        return region
    images = [image, region, state, *inside]
    ordered = sorted(points)
    again = [point for before, point in itertools.pairwise(ordered) if before == point]
    tables = [np.array(group, np.int32).reshape(-1) for group in (points, again)]
    settings = {"connectivity": steps, "multiplier": multiplier, "radius": radius}
    for number in range(rounds + 1):
        run(name, name, images, tables, **settings, first=number == 0, last=number == rounds)
        if number < rounds and state.to_host()[4]:
            break
    return region


def neighborhood_connected(
    image: Any,
    seeds: Sequence[Sequence[int]] | Sequence[int],
    lower: float,
    upper: float,
    *,
    radius: int | Sequence[int] = 1,
    connectivity: int = 1,
    mask: Any = None,
    workers: int | None = None,
) -> Any:
    """Grow regions from seed points over the voxels whose whole neighbourhoods lie between two bounds.

    Passages narrower than the neighbourhood are not followed, so that less leaks out than with `connected_threshold`.

    Parameters
    ----------
    image : array_like or Volume
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)`` of any supported dtype.
    seeds : sequence of index tuples, or one tuple
        Points in array order. They belong to the region, and it grows from them, whatever their values, as in ITK.
    lower, upper : float
        Inclusive bounds, compared exactly with the values of every dtype; infinities leave a side open.
    radius : int or tuple of int, default 1
        Of the neighbourhood, a box: voxels on each side, one value or one per axis. What is beyond the image counts
        as within the bounds.
    connectivity : int, default 1
        How many coordinates may change by one in a step, from 1 (faces) to the number of dimensions (corners).
    mask : array_like, optional
        Where the region may be: not zero. Neighbourhoods may reach out of it. A seed outside it grows nothing.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray of bool, or Volume
        The union of the regions of all seeds.

    Raises
    ------
    TypeError
        If the dtype is not supported or an argument is of the wrong kind.
    ValueError
        If a seed lies outside the image, `upper` is below `lower`, a bound is NaN, `radius` is negative, or
        `connectivity` or the shape of `mask` does not suit the image.

    See Also
    --------
    connected_threshold : The same for single voxels, ``radius=0`` but for the seeds.

    Notes
    -----
    Identical, voxel by voxel, to ITK's NeighborhoodConnectedImageFilter. NaN is outside every range. The image is read
    once, to bits, which are eroded by the box, in time that grows with the logarithm of its size, and then grown over
    as in `connected_threshold`. Images whose rows are not contiguous are read row by row without a copy.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import neighborhood_connected
    >>> image = np.array([[5, 5, 5, 0, 0, 5, 5], [5, 5, 5, 5, 5, 5, 5], [5, 5, 5, 0, 0, 5, 5]], np.int16)
    >>> neighborhood_connected(image, (0, 0), 5, 7).astype(int)
    array([[1, 1, 0, 0, 0, 0, 0],
           [1, 1, 0, 0, 0, 0, 0],
           [1, 1, 0, 0, 0, 0, 0]])
    """
    name = "neighborhood_connected"
    taken = take(name, "image", image)
    array = taken.array
    low, high = _range_of(name, lower, upper)
    reach = _radius_of(name, "radius", radius, array.shape)
    reach = tuple(min(r, n) for r, n in zip(reach, (1, *array.shape)[-3:], strict=True))
    steps = connectivity_of(name, connectivity, array.ndim)
    allowed = take_mask(name, "mask", mask, array.shape, image)
    points = _points(_check.seeds(name, seeds, array.shape))
    threads = _check.workers(name, workers)
    result = np.empty(array.shape, bool)
    _cormack_cpu.connected_threshold(array, result, points, low, high, steps, allowed, True, reach, threads)
    return taken.give_back(result)


def isolated_connected(
    image: Any,
    seeds1: Sequence[Sequence[int]] | Sequence[int],
    seeds2: Sequence[Sequence[int]] | Sequence[int],
    lower: float = -math.inf,
    upper: float = math.inf,
    *,
    find_upper: bool = True,
    isolated_value_tolerance: float = 1,
    connectivity: int = 1,
    mask: Any = None,
    workers: int | None = None,
) -> tuple[Any, float]:
    """Grow a region from one set of seeds with the widest range of values that keeps it off another set.

    Parameters
    ----------
    image : array_like or Volume
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)`` of any supported dtype.
    seeds1, seeds2 : sequence of index tuples, or one tuple
        Points in array order: where the region grows from, and where it must not arrive.
    lower, upper : float, optional
        Inclusive bounds to search between; by default those of the dtype. The bound that is not searched stays.
    find_upper : bool, default True
        Search the upper bound, to separate dark regions; False searches the lower one, to separate bright regions.
    isolated_value_tolerance : float, default 1
        The search stops when it knows the bound this well. A whole number for integer images.
    connectivity : int, default 1
        How many coordinates may change by one in a step, from 1 (faces) to the number of dimensions (corners).
    mask : array_like, optional
        Where the region may be: not zero.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    mask : ndarray of bool, or Volume
        The region within the bound that was found. Where no bound separates the seeds it holds some of `seeds2`, or
        lacks some of `seeds1`.
    isolated_value : float
        That bound.

    Raises
    ------
    TypeError
        If the dtype is not supported or an argument is of the wrong kind.
    ValueError
        If a seed lies outside the image, `upper` is below `lower`, a bound is NaN, no value of an integer dtype lies
        between the bounds, the tolerance is not positive (for an integer image: below 1), or `connectivity` or the
        shape of `mask` does not suit the image.

    See Also
    --------
    connected_threshold : With both bounds given.

    Notes
    -----
    Identical, voxel by voxel, to ITK's IsolatedConnectedImageFilter, whose binary search this is: it takes the time of
    a `connected_threshold` for each halving. Where the tolerance is finer than the numbers of a floating dtype, ITK
    does not return; here the search ends. An image whose last axis is not contiguous is copied once.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import isolated_connected
    >>> image = np.array([[5, 6, 9, 4, 5]], np.int16)
    >>> region, bound = isolated_connected(image, (0, 0), (0, 4), 0, 20)
    >>> region.astype(int), bound
    (array([[1, 1, 0, 0, 0]]), 7.0)
    """
    name = "isolated_connected"
    taken = take(name, "image", image)
    array = taken.array
    low, high = _range_of(name, lower, upper)
    tolerance = _check.real(name, "isolated_value_tolerance", isolated_value_tolerance, above=0.0)
    if array.dtype.kind != "f" and tolerance < 1:
        raise _check.fail(name, "isolated_value_tolerance", "be at least 1 for integers", isolated_value_tolerance)
    if array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        if not np.ceil(max(low, limits.min)) <= min(high, limits.max):
            raise _check.fail(name, "upper", f"leave a value of {array.dtype} from `lower` on, {low:g}", upper)
    steps = connectivity_of(name, connectivity, array.ndim)
    allowed = take_mask(name, "mask", mask, array.shape, image)
    points = _points(_check.seeds(name, seeds1, array.shape, "seeds1"))
    others = _points(_check.seeds(name, seeds2, array.shape, "seeds2"))
    threads = _check.workers(name, workers)
    result = np.empty(array.shape, bool)
    bound = _cormack_cpu.isolated_connected(
        array, result, points, others, low, high, bool(find_upper), min(tolerance, 2.0**62), steps, allowed, threads
    )
    return taken.give_back(result), bound


def flood(
    image: Any,
    seed_point: Sequence[int],
    *,
    connectivity: int | None = None,
    tolerance: float | None = None,
    mask: Any = None,
    workers: int | None = None,
) -> Any:
    """Return the voxels that a flood fill from a point would change: connected ones of the same value.

    Parameters
    ----------
    image : array_like or Volume
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)`` of any supported dtype.
    seed_point : tuple of int
        Where to start, in array order; a negative index counts from the end.
    connectivity : int, optional
        How many coordinates may change by one in a step, from 1 (faces) to the number of dimensions (corners), which
        is the default.
    tolerance : float, optional
        How far from the value at `seed_point` a value may be. By default it must be equal.
    mask : array_like, optional
        Where the region may be: not zero.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray of bool, or Volume
        The region. It holds the seed point, whatever its value, unless `mask` excludes it.

    Raises
    ------
    TypeError
        If the dtype is not supported or an argument is of the wrong kind.
    ValueError
        If the point lies outside the image, `tolerance` is NaN, or `connectivity` or the shape of `mask` does not suit
        the image.

    See Also
    --------
    flood_fill : Change the values there.
    connected_threshold : Between two bounds, from several seeds.
    skimage.segmentation.flood

    Notes
    -----
    Identical to `skimage.segmentation.flood`, bounds rounded to float32 for such an image included, but for two cases:
    from a NaN, which equals nothing, only the seed is returned with a tolerance too; and a tolerance that is not whole
    is compared exactly with an integer image. NaN and, with a tolerance, infinities are never reached. Images whose
    rows are not contiguous are read row by row without a copy.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import flood
    >>> image = np.array([[1, 1, 0, 3], [0, 0, 1, 2]], np.uint8)
    >>> flood(image, (0, 0)).astype(int)
    array([[1, 1, 0, 0],
           [0, 0, 1, 0]])
    >>> flood(image, (0, 0), tolerance=1, connectivity=1).astype(int)
    array([[1, 1, 1, 0],
           [1, 1, 1, 1]])
    """
    return _flood("flood", image, seed_point, connectivity, tolerance, mask, workers)


def flood_fill(
    image: Any,
    seed_point: Sequence[int],
    new_value: float,
    *,
    connectivity: int | None = None,
    tolerance: float | None = None,
    mask: Any = None,
    workers: int | None = None,
) -> Any:
    """Return a copy of an image in which the voxels around a point have a new value.

    Parameters
    ----------
    image : array_like or Volume
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)`` of any supported dtype. It is not changed.
    seed_point : tuple of int
        Where to start, in array order; a negative index counts from the end.
    new_value : float
        The value, which the dtype must be able to hold.
    connectivity, tolerance, mask, workers
        As for `flood`, which says where the value is set.

    Returns
    -------
    ndarray or Volume
        The image with `new_value` where `flood` is True.

    Raises
    ------
    TypeError
        If the dtype is not supported or an argument is of the wrong kind.
    ValueError
        As `flood`, and if the dtype cannot hold `new_value`.

    See Also
    --------
    flood : The region itself.
    skimage.segmentation.flood_fill

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import flood_fill
    >>> flood_fill(np.array([[1, 1, 0, 3], [0, 0, 1, 2]], np.uint8), (0, 0), 9)
    array([[9, 9, 0, 3],
           [0, 0, 9, 2]], dtype=uint8)
    """
    name = "flood_fill"
    region = take(name, "image", _flood(name, image, seed_point, connectivity, tolerance, mask, workers)).array
    taken = take(name, "image", image)
    dtype = taken.array.dtype
    value = bound_of(name, "new_value", new_value) if new_value == new_value else float("nan")
    if not _holds(dtype, value):
        raise _check.fail(name, "new_value", f"be a value of {dtype}", new_value)
    result = taken.array.copy()
    np.copyto(result, dtype.type(new_value), where=region)
    return taken.give_back(result)


def seeded_region_growing(image: Any, markers: Any, *, connectivity: int = 1, mask: Any = None) -> Any:
    """Divide an image among marked regions that grow at once, each over the values nearest to its mean.

    Parameters
    ----------
    image : array_like or Volume
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)`` of any supported dtype.
    markers : array_like
        Integers of the shape of `image`: where the regions begin, and their labels. 0 is not marked.
    connectivity : int, default 1
        How many coordinates may change by one in a step, from 1 (faces) to the number of dimensions (corners).
    mask : array_like, optional
        Where regions may be: not zero. Markers outside it count for nothing.

    Returns
    -------
    ndarray of int32, or Volume
        The label of the region that each voxel belongs to; 0 where none arrives.

    Raises
    ------
    TypeError
        If the dtype is not supported or an argument is of the wrong kind.
    ValueError
        If `markers` holds a negative label, one beyond int32, or none, or a shape or `connectivity` does not suit the
        image.

    See Also
    --------
    confidence_connected : One region against the rest.

    Notes
    -----
    The algorithm of Adams and Bischof [1]_ without its boundary label. A voxel that touches a region waits, with the
    distance of its value from the region's mean at that time (at the start from the mean of the closest of the regions
    it touches). The one with the smallest distance comes next; of several such the one that has waited longest, those
    that wait from the start in raster order. It joins the region, among those it touches, whose mean is now closest; of
    equally close ones that of the smallest label. Means are exact for integers. Since the rules say everything, results
    are the same everywhere and for every dtype that can hold the values.

    NaN and infinities belong to no region. Runs on one thread, in time O(n log n) at worst; any strides are read
    without a copy in the caller's layout. Memory: about eight bytes for each voxel.

    References
    ----------
    .. [1] R. Adams, L. Bischof, "Seeded region growing", IEEE TPAMI 16(6), 1994.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import seeded_region_growing
    >>> image = np.array([[1, 2, 3, 8, 9, 9]], np.int16)
    >>> seeded_region_growing(image, [[1, 0, 0, 0, 0, 2]])
    array([[1, 1, 1, 2, 2, 2]], dtype=int32)
    """
    name = "seeded_region_growing"
    taken = take(name, "image", image)
    array = taken.array
    steps = connectivity_of(name, connectivity, array.ndim)
    inside = take_mask(name, "mask", mask, array.shape, image)
    marks = take_matching(name, "markers", markers, array.shape, image, dtypes=(*DTYPES, *WIDE_INTEGERS)).array
    if marks.dtype.kind == "f":
        raise TypeError(f"{name}: `markers` must be integers, got {marks.dtype}")
    if marks.size:
        least, most = int(marks.min()), int(marks.max())
        if least < 0 or most > np.iinfo(np.int32).max:
            raise _check.fail(name, "markers", "be labels from 0 to 2147483647", least if least < 0 else most)
        if most == 0:
            raise ValueError(f"{name}: `markers` must mark at least one voxel, got none")
    result = np.empty(array.shape, np.int32)
    _cormack_cpu.seeded_region_growing(array, marks.astype(np.int32, copy=False), result, steps, inside)
    return taken.give_back(result)


def _points(seeds: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return points as (z, y, x), which the extension takes."""
    return [(0, *point)[-3:] for point in seeds]


def _range_of(name: str, lower: Any, upper: Any) -> tuple[float, float]:
    low, high = bound_of(name, "lower", lower), bound_of(name, "upper", upper)
    if high < low:
        raise _check.fail(name, "upper", f"be at least `lower`, which is {low:g}", upper)
    return low, high


def _radius_of(name: str, argument: str, value: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a radius for each of the axes (z, y, x)."""
    values = [_check.integer(name, argument, item, 0) for item in _check.per_axis(name, argument, value, len(shape))]
    return (0, *values)[-3:]


def _holds(dtype: np.dtype[Any], value: float) -> bool:
    if dtype.kind == "b":
        return value in (0.0, 1.0)
    if dtype.kind == "f":
        return not math.isfinite(value) or abs(value) <= float(np.finfo(dtype).max)
    info = np.iinfo(dtype)
    return info.min <= value <= info.max and value == int(value)


def _flood(
    name: str,
    image: Any,
    seed_point: Any,
    connectivity: Any,
    tolerance: Any,
    mask: Any,
    workers: Any,
) -> Any:
    taken = take(name, "image", image)
    array = taken.array
    steps = array.ndim if connectivity is None else connectivity_of(name, connectivity, array.ndim)
    distance = None if tolerance is None else abs(bound_of(name, "tolerance", tolerance))
    allowed = take_mask(name, "mask", mask, array.shape, image)
    threads = _check.workers(name, workers)
    result = np.empty(array.shape, bool)
    if array.size:
        rule = f"be one index inside shape {array.shape}, in array order"
        if not isinstance(seed_point, Iterable):
            raise _check.fail(name, "seed_point", rule, seed_point, TypeError)
        point = tuple(_check.integer(name, "seed_point", i) for i in seed_point)
        if len(point) != array.ndim or not all(-n <= i < n for i, n in zip(point, array.shape, strict=True)):
            raise _check.fail(name, "seed_point", rule, seed_point)
        point = tuple(i % n for i, n in zip(point, array.shape, strict=True))
        low, high = _flood_range(array[point], distance)
        _cormack_cpu.connected_threshold(
            array, result, _points([point]), low, high, steps, allowed, True, workers=threads
        )
    return taken.give_back(result)


def _flood_range(seed: Any, distance: float | None) -> tuple[float, float]:
    """Return the bounds of a flood fill; the lower one above the upper one where no value is within."""
    value = float(seed)
    if distance is None and value == value:
        return value, value
    if distance is None or not math.isfinite(value):
        return 1.0, 0.0
    if seed.dtype.kind != "f":
        return value - distance, value + distance
    info = np.finfo(seed.dtype)
    low, high = max(float(info.min), value - distance), min(float(info.max), value + distance)
    return float(seed.dtype.type(low)), float(seed.dtype.type(high))
