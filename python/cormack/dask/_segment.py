"""Segmentation of dask arrays: morphology, components, and what grows from seeds."""

from __future__ import annotations

from functools import partial
from typing import Any

import dask.array as da
import numpy as np

from .. import _check, segment
from ..segment._checks import bound_of, connectivity_of
from ..segment._region_growing import _flood_range, _radius_of, _range_of
from ._blocks import Lazy, beside
from ._components import Components, inside, nonzero
from ._filters import bind, local, wrapped

_LOCAL = (
    "binary_closing",
    "binary_dilation",
    "binary_erosion",
    "binary_opening",
    "threshold_local",
    "threshold_niblack",
    "threshold_sauvola",
)
# Functions of `segment` that there are none of here, and why.
NOT_IN_BLOCKS = {
    "ball": "it takes no image",
    "binary_threshold": "dask.array compares with two limits by itself",
    "chan_vese": "every iteration looks at the whole image",
    "checkerboard_level_set": "it takes no image",
    "confidence_connected": "mean and deviation of its region are sums of floats, whose bits depend on their order",
    "disk_level_set": "it takes no image",
    "distance_transform_edt": "the nearest voxel may be any",
    "inverse_gaussian_gradient": "an active contour, which it is for, looks at the whole image",
    "isolated_connected": "its search grows the region again and again",
    "label_statistics": "not written yet",
    "morphological_chan_vese": "every iteration looks at the whole image",
    "morphological_geodesic_active_contour": "every iteration looks at the whole image",
    "relabel_sequential": "not written yet",
    "screen": "not written yet",
    "seeded_region_growing": "voxels are taken in an order over the whole image",
    "watershed": "voxels are taken in an order over the whole image",
}


def _image(function: Any, args: Any, kwargs: Any) -> tuple[Lazy, dict[str, Any]]:
    image, arguments = bind(function, args, kwargs)
    if image.array.ndim not in (2, 3):
        raise ValueError(f"{function.__name__}: images must be 2-D or 3-D, got shape {image.array.shape}")
    return image, arguments


def _label(*args: Any, **kwargs: Any) -> tuple[Any, int]:
    image, arguments = _image(segment.label, args, kwargs)
    if arguments["output"] is not None:
        raise TypeError("label: `output` must be None, for results are dask arrays: store them")
    found = Components("label", nonzero(image.array), arguments["connectivity"])
    return image.give_back(found.labels()), found.count


def _remove_small_objects(*args: Any, **kwargs: Any) -> Any:
    image, arguments = _image(segment.remove_small_objects, args, kwargs)
    # Says what is wrong with the arguments.
    segment.remove_small_objects(np.zeros((1,) * image.array.ndim, bool), **arguments)
    least = arguments["min_size"] if arguments["max_size"] is None else arguments["max_size"] + 1
    found = Components("remove_small_objects", nonzero(image.array, "remove_small_objects"), arguments["connectivity"])
    return image.give_back(found.kept(found.sizes >= least))


def _largest_component(*args: Any, **kwargs: Any) -> Any:
    image, arguments = _image(segment.largest_component, args, kwargs)
    found = Components("largest_component", nonzero(image.array, "largest_component"), arguments["connectivity"])
    kept = np.zeros(found.count, bool)
    if found.count:
        kept[np.argmax(found.sizes)] = True
    return image.give_back(found.kept(kept))


def _clear_border(*args: Any, **kwargs: Any) -> Any:
    image, arguments = _image(segment.clear_border, args, kwargs)
    found = Components("clear_border", nonzero(image.array, "clear_border"), arguments["connectivity"])
    return image.give_back(found.kept(~found.border))


def _fill_holes(*args: Any, **kwargs: Any) -> Any:
    image, arguments = _image(segment.fill_holes, args, kwargs)
    found = Components("fill_holes", ~nonzero(image.array, "fill_holes"), arguments["connectivity"])
    return image.give_back(found.kept(found.border, inverted=True))


def _remove_small_holes(*args: Any, **kwargs: Any) -> Any:
    image, arguments = _image(segment.remove_small_holes, args, kwargs)
    most = _check.integer("remove_small_holes", "max_size", arguments["max_size"], minimum=0)
    found = Components("remove_small_holes", ~nonzero(image.array, "remove_small_holes"), arguments["connectivity"])
    return image.give_back(found.kept(found.sizes > most, inverted=True))


def _connected_threshold(*args: Any, **kwargs: Any) -> Any:
    name = "connected_threshold"
    image, arguments = _image(segment.connected_threshold, args, kwargs)
    low, high = _range_of(name, arguments["lower"], arguments["upper"])
    allowed = beside(name, "mask", arguments["mask"], image.array)
    seeds = _check.seeds(name, arguments["seeds"], image.array.shape)
    allowed = None if allowed is None else nonzero(allowed, name)
    found = Components(name, inside(image.array, low, high, allowed), arguments["connectivity"], seeds=seeds)
    return image.give_back(found.kept(found.marked))


def _neighborhood_connected(*args: Any, **kwargs: Any) -> Any:
    name = "neighborhood_connected"
    image, arguments = _image(segment.neighborhood_connected, args, kwargs)
    array = image.array
    low, high = _range_of(name, arguments["lower"], arguments["upper"])
    reach = _radius_of(name, "radius", arguments["radius"], array.shape)[-array.ndim :]
    allowed = beside(name, "mask", arguments["mask"], array)
    seeds = _check.seeds(name, arguments["seeds"], array.shape)
    steps = connectivity_of(name, arguments["connectivity"], array.ndim)
    size = [2 * min(r, n) + 1 for r, n in zip(reach, array.shape, strict=True)]
    good = local(segment.binary_erosion, inside(array, low, high, None), size=size)
    return image.give_back(_grown(name, good, allowed, seeds, steps))


def _grown(name: str, good: da.Array, allowed: da.Array | None, seeds: list[tuple[int, ...]], steps: int) -> da.Array:
    """Return the region of seeds, which belong to it at any value where they are allowed."""
    if allowed is not None:
        allowed = nonzero(allowed, name).rechunk(good.chunks)
        good = good & allowed
        seeds = [seed for seed in seeds if bool(allowed[seed].compute())]
    good = da.map_blocks(_set_points, good, points=seeds, dtype=bool, meta=np.zeros((0,) * good.ndim, bool))
    found = Components(name, good, steps, seeds=seeds)
    return found.kept(found.marked)


def _set_points(block: np.ndarray, points: list[tuple[int, ...]], block_info: Any = None) -> np.ndarray:
    where = block_info[0]["array-location"]
    result = block.copy()
    for point in points:
        if all(start <= p < stop for p, (start, stop) in zip(point, where, strict=True)):
            result[tuple(p - start for p, (start, _) in zip(point, where, strict=True))] = True
    return result


def _region(name: str, image: Lazy, arguments: dict[str, Any]) -> da.Array:
    array = image.array
    steps = array.ndim
    if arguments["connectivity"] is not None:
        steps = connectivity_of(name, arguments["connectivity"], array.ndim)
    distance = None if arguments["tolerance"] is None else abs(bound_of(name, "tolerance", arguments["tolerance"]))
    allowed = beside(name, "mask", arguments["mask"], array)
    point = tuple(_check.integer(name, "seed_point", i) for i in arguments["seed_point"])
    if len(point) != array.ndim or not all(-n <= i < n for i, n in zip(point, array.shape, strict=True)):
        raise _check.fail(name, "seed_point", f"be one index inside shape {array.shape}, in array order", point)
    point = tuple(i % n for i, n in zip(point, array.shape, strict=True))
    low, high = _flood_range(np.asarray(array[point].compute())[()], distance)
    return _grown(name, inside(array, low, high, None), allowed, [point], steps)


def _flood(*args: Any, **kwargs: Any) -> Any:
    image, arguments = _image(segment.flood, args, kwargs)
    return image.give_back(_region("flood", image, arguments))


def _flood_fill(*args: Any, **kwargs: Any) -> Any:
    image, arguments = _image(segment.flood_fill, args, kwargs)
    array, value = image.array, arguments["new_value"]
    # Says what is wrong with the value.
    segment.flood_fill(np.zeros((1,) * array.ndim, array.dtype), (0,) * array.ndim, value)
    region = _region("flood_fill", image, arguments)
    return image.give_back(da.where(region, array.dtype.type(value), array))


def _hysteresis(*args: Any, **kwargs: Any) -> Any:
    name = "apply_hysteresis_threshold"
    image, arguments = _image(segment.apply_hysteresis_threshold, args, kwargs)
    if np.ndim(arguments["low"]) or np.ndim(arguments["high"]):
        raise NotImplementedError(f"{name}: `low` and `high` must be numbers for an image in blocks")
    high = bound_of(name, "high", arguments["high"])
    low = min(bound_of(name, "low", arguments["low"]), high)
    weak, strong = (
        inside(image.array, np.nextafter(bound, np.inf) if bound < np.inf else np.nan, np.inf, None)
        if bound < np.inf
        else inside(image.array, 1.0, 0.0, None)
        for bound in (low, high)
    )
    found = Components(name, weak, arguments["connectivity"], marks=strong)
    return image.give_back(found.kept(found.marked))


_OWN: dict[str, Any] = {
    "apply_hysteresis_threshold": _hysteresis,
    "clear_border": _clear_border,
    "connected_threshold": _connected_threshold,
    "fill_holes": _fill_holes,
    "flood": _flood,
    "flood_fill": _flood_fill,
    "label": _label,
    "largest_component": _largest_component,
    "neighborhood_connected": _neighborhood_connected,
    "remove_small_holes": _remove_small_holes,
    "remove_small_objects": _remove_small_objects,
}
_TWICE = "The mask is computed twice, once in the call: store what takes long."
FUNCTIONS = {
    name: wrapped(getattr(segment, name), partial(local, getattr(segment, name)), "segment") for name in _LOCAL
} | {name: wrapped(getattr(segment, name), run, "segment", _TWICE) for name, run in _OWN.items()}

__all__ = ["FUNCTIONS", "NOT_IN_BLOCKS"]
