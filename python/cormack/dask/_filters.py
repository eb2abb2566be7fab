"""Filters that read a neighbourhood: blocks with what their plan says around them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .. import filters
from .._cuts import Plan
from .._neighbourhood import NotLocal, plan_of, whole_shape
from ..filters import _ridges
from ._blocks import Lazy, beside, blockwise, large_enough, reduced, stub, take


@dataclass(frozen=True)
class Local:
    """Runs a function of one block with what is around it, as it would on the whole image."""

    function: Callable[..., Any]
    arguments: dict[str, Any]
    whole: tuple[int, ...]
    beside: tuple[str, ...] = ()
    maxima: tuple[float, ...] | None = None

    def __call__(self, part: np.ndarray, *others: np.ndarray) -> np.ndarray:
        token, found = whole_shape.set(self.whole), _ridges.maxima_of_whole.set(self.maxima)
        try:
            result: np.ndarray = self.function(part, **self.arguments, **dict(zip(self.beside, others, strict=True)))
        finally:
            whole_shape.reset(token)
            _ridges.maxima_of_whole.reset(found)
        return result


@dataclass(frozen=True)
class Largest:
    """The largest number of what a function makes of a block, and the largest magnitude in the block."""

    work: Local

    def __call__(self, inner: tuple[slice, ...], part: np.ndarray) -> tuple[float, float]:
        return _ridges.largest_of(self.work(part)[inner]), _ridges.magnitude_of(part[inner])


@dataclass(frozen=True, slots=True)
class Call:
    """A function's checked arguments, without the image."""

    function: Callable[..., Any]
    image: Lazy
    arguments: dict[str, Any]
    beside: dict[str, Any]
    plan: Plan

    def run(self, **changes: Any) -> Any:
        """Return the result, as lazy as the image."""
        arrays = {name: value for name, value in self.beside.items() if value is not None}
        image = self.image.array
        work = Local(self.function, {**self.arguments, **changes}, image.shape, tuple(arrays))
        return self.finished(work, *arrays.values())

    def finished(self, work: Local, *others: Any) -> Any:
        """Return what `work` makes of every block."""
        result = blockwise(self.function.__name__, [self.image.array, *others], self.plan, work)
        return result if self.plan.leading else self.image.give_back(result)


# Arguments that are arrays of the image's shape.
BESIDE = ("mask",)


def bind(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Lazy, dict[str, Any]]:
    """Return the image and the other arguments by name; lengths in mm get the spacing of a volume."""
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    arguments = dict(bound.arguments)
    name = function.__name__
    argument = next(iter(arguments))
    image = take(name, argument, arguments.pop(argument))
    for written in ("output", "out"):
        if isinstance(arguments.get(written), np.ndarray):
            raise TypeError(f"{name}: `{written}` must not be an array, for results are dask arrays: store them")
    in_mm = arguments.get("unit") == "mm" or arguments.get("radius_mm") is not None
    if in_mm and arguments.get("spacing") is None:
        arguments["spacing"] = image.spacing
    if arguments.get("workers") is None and "workers" in arguments:
        # Dask's threads take a block each.
        arguments["workers"] = 1
    return image, arguments


def call_of(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
    """Check the arguments as the function does, and ask it for its halo."""
    image, arguments = bind(function, args, kwargs)
    name = function.__name__
    others = {key: beside(name, key, arguments.pop(key), image.array) for key in BESIDE if key in arguments}
    others = {key: value if value is None or value.dtype == bool else value != 0 for key, value in others.items()}
    stubs = {key: None if value is None else stub(value) for key, value in others.items()}
    try:
        plan = plan_of(lambda: function(stub(image.array), **arguments, **stubs))
    except NotLocal as error:
        raise NotImplementedError(f"{name}: cannot work in blocks, for {error}") from None
    return Call(function, image, arguments, others, plan)


def local(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Run a filter that publishes its halo."""
    return call_of(function, args, kwargs).run()


def _frangi(*args: Any, **kwargs: Any) -> Any:
    call = call_of(filters.frangi, args, kwargs)
    arguments = call.arguments
    if arguments["gamma"] is not None or call.image.array.size == 0 or np.size(arguments["sigmas"]) == 0:
        return call.run()
    needed = {key: arguments[key] for key in ("sigmas", "mode", "cval", "spacing", "unit", "workers")}
    norm = Largest(Local(_ridges.square_norm, needed, call.image.array.shape))
    largest, magnitude = reduced("frangi-gamma", [call.image.array], call.plan, norm, _largest)
    sigma = float(np.atleast_1d(needed.pop("sigmas"))[0])
    noise = _ridges.noise_of(magnitude, stub(call.image.array), sigma, **needed)
    return call.run(gamma=_ridges.frangi_gamma(_ridges.unless_noise(math.sqrt(largest), noise)))


def _meijering(*args: Any, **kwargs: Any) -> Any:
    call = call_of(filters.meijering, args, kwargs)
    image, arguments = call.image.array, call.arguments
    sigmas = np.atleast_1d(arguments["sigmas"]).tolist()
    maxima: tuple[float, ...] = ()
    if image.size:
        maxima = tuple(_maximum(call, sigma) for sigma in sigmas)
    return call.finished(Local(filters.meijering, {**arguments, "sigmas": sigmas}, image.shape, maxima=maxima))


def _maximum(call: Call, sigma: float) -> float:
    """Return what `meijering` divides a scale by."""
    image, arguments = call.image.array, call.arguments
    work = Local(filters.meijering, {**arguments, "sigmas": [sigma]}, image.shape, maxima=(0.0,))
    largest, magnitude = reduced("meijering-maximum", [image], call.plan, Largest(work), _largest)
    shared = {key: arguments[key] for key in ("mode", "cval", "spacing", "unit", "workers")}
    mixture = _ridges.mixture(_ridges.mixing_of(arguments["alpha"], image.ndim))
    return _ridges.unless_noise(largest, _ridges.noise_of(magnitude, stub(image), sigma, **shared) * mixture)


def _largest(values: list[tuple[float, float]]) -> tuple[float, float]:
    largest, magnitudes = zip(*values, strict=True)
    return max(largest), max(magnitudes)


# Functions of `filters` that need more than their halo.
_OWN = {"frangi": _frangi, "meijering": _meijering}
# Functions of `filters` that there are none of here, and why.
NOT_LOCAL = {
    "affine_transform": "where it reads depends on where it writes",
    "gabor_bank": "its windows go through transforms of parts of the image, each of its own size",
    "gabor_filter": "its windows go through transforms of parts of the image, each of its own size",
    "riesz_filter": "it is made in the frequencies of the whole image",
    "simoncelli_filter": "it is made in the frequencies of the whole image",
    "total_variation": "the rule by which it stops looks at the whole image",
}


def wrapped(function: Callable[..., Any], run: Callable[..., Any] | None, family: str, note: str = "") -> Any:
    """Return the function for dask arrays, with the same name and signature."""
    name = function.__name__

    def blocked(*args: Any, **kwargs: Any) -> Any:
        return (partial(local, function) if run is None else run)(*args, **kwargs)

    blocked.__name__ = blocked.__qualname__ = name
    blocked.__module__ = "cormack.dask"
    blocked.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    summary = (function.__doc__ or "").partition("\n")[0]
    blocked.__doc__ = (
        f"{summary}\n\n`cormack.{family}.{name}` of a dask array, or of a Volume that holds one: same arguments, same "
        f"result, block by block.{' ' + note if note else ''}\n"
    )
    return blocked


FUNCTIONS = {
    name: wrapped(getattr(filters, name), _OWN.get(name), "filters")
    for name in filters.__all__
    if name not in NOT_LOCAL
}

__all__ = ["FUNCTIONS", "NOT_LOCAL", "large_enough"]
