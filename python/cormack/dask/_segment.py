"""Segmentation of dask arrays: morphology, components, and what grows from seeds."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .. import _check, segment
from ..segment._checks import bound_of
from ..segment._region_growing import _flood_range, _range_of
from ._blocks import Lazy, beside
from ._components import Components, inside, nonzero, seeds_of
from ._filters import bind, local, wrapped

_MORPHOLOGY = ("binary_closing", "binary_dilation", "binary_erosion", "binary_opening")


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
    found = Components("remove_small_objects", nonzero(image.array), arguments["connectivity"])
    return image.give_back(found.kept(found.sizes >= least))


def _largest_component(*args: Any, **kwargs: Any) -> Any:
    image, arguments = _image(segment.largest_component, args, kwargs)
    found = Components("largest_component", nonzero(image.array), arguments["connectivity"])
    kept = np.zeros(found.count, bool)
    if found.count:
        kept[np.argmax(found.sizes)] = True
    return image.give_back(found.kept(kept))


def _clear_border(*args: Any, **kwargs: Any) -> Any:
    image, arguments = _image(segment.clear_border, args, kwargs)
    found = Components("clear_border", nonzero(image.array), arguments["connectivity"])
    return image.give_back(found.kept(~found.border))


def _fill_holes(*args: Any, **kwargs: Any) -> Any:
    image, arguments = _image(segment.fill_holes, args, kwargs)
    found = Components("fill_holes", ~nonzero(image.array), arguments["connectivity"])
    return image.give_back(found.kept(found.border, inverted=True))


def _remove_small_holes(*args: Any, **kwargs: Any) -> Any:
    image, arguments = _image(segment.remove_small_holes, args, kwargs)
    most = _check.integer("remove_small_holes", "max_size", arguments["max_size"], minimum=0)
    found = Components("remove_small_holes", ~nonzero(image.array), arguments["connectivity"])
    return image.give_back(found.kept(found.sizes > most, inverted=True))


def _connected_threshold(*args: Any, **kwargs: Any) -> Any:
    name = "connected_threshold"
    image, arguments = _image(segment.connected_threshold, args, kwargs)
    low, high = _range_of(name, arguments["lower"], arguments["upper"])
    allowed = beside(name, "mask", arguments["mask"], image.array)
    seeds = seeds_of(name, arguments["seeds"], image.array.shape)
    found = Components(name, inside(image.array, low, high, allowed), arguments["connectivity"], seeds=seeds)
    return image.give_back(found.kept(found.marked))


def _flood(*args: Any, **kwargs: Any) -> Any:
    name = "flood"
    image, arguments = _image(segment.flood, args, kwargs)
    array = image.array
    steps = array.ndim if arguments["connectivity"] is None else arguments["connectivity"]
    distance = None if arguments["tolerance"] is None else abs(bound_of(name, "tolerance", arguments["tolerance"]))
    allowed = beside(name, "mask", arguments["mask"], array)
    point = tuple(_check.integer(name, "seed_point", i) for i in arguments["seed_point"])
    if len(point) != array.ndim or not all(-n <= i < n for i, n in zip(point, array.shape, strict=True)):
        raise _check.fail(name, "seed_point", f"be one index inside shape {array.shape}, in array order", point)
    point = tuple(i % n for i, n in zip(point, array.shape, strict=True))
    low, high = _flood_range(np.asarray(array[point].compute())[()], distance)
    if low > high:
        raise NotImplementedError(f"{name}: the value at `seed_point` must be a number that its region can have")
    found = Components(name, inside(array, low, high, allowed), steps, seeds=[point])
    return image.give_back(found.kept(found.marked))


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


_OWN = {
    "apply_hysteresis_threshold": _hysteresis,
    "clear_border": _clear_border,
    "connected_threshold": _connected_threshold,
    "fill_holes": _fill_holes,
    "flood": _flood,
    "label": _label,
    "largest_component": _largest_component,
    "remove_small_holes": _remove_small_holes,
    "remove_small_objects": _remove_small_objects,
}
_TWICE = "The mask is computed twice, once in the call: store what takes long."
FUNCTIONS = {
    name: wrapped(getattr(segment, name), partial(local, getattr(segment, name)), "segment") for name in _MORPHOLOGY
} | {name: wrapped(getattr(segment, name), run, "segment", _TWICE) for name, run in _OWN.items()}

__all__ = ["FUNCTIONS"]
