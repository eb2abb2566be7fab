"""What looks at one voxel at a time, and at statistics of the whole image in a pass before that."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import dask.array as da
import numpy as np

from .. import _arrays, enhance, segment
from ._adapthist import equalized
from ._blocks import Lazy, beside, blockwise, nothing_around, reduced
from ._filters import bind, wrapped


def _sound(part: np.ndarray) -> np.ndarray:
    """Return a block as the extension takes it."""
    return _arrays.take("block", "image", part, ndim=(), dtypes=(*_arrays.MASK_DTYPES,)).array


@dataclass(frozen=True)
class _Reduce:
    function: Callable[..., Any]
    rest: tuple[Any, ...]

    def __call__(self, inner: tuple[slice, ...], part: np.ndarray, mask: np.ndarray | None = None) -> Any:
        inside = None if mask is None else np.ascontiguousarray(mask != 0)
        return self.function(_sound(part), inside, *self.rest)


@dataclass(frozen=True)
class _Map:
    run: Callable[[np.ndarray, np.ndarray], None]
    dtype: np.dtype[Any]
    # Functions made on the spot have no name to tell them apart.
    unique: str

    def __call__(self, part: np.ndarray) -> np.ndarray:
        source = np.ascontiguousarray(_sound(part))
        target = np.empty(source.shape, self.dtype)
        if source.size:
            self.run(source.reshape(1, -1), target.reshape(1, -1))
        return target

    def __dask_tokenize__(self) -> Any:
        return self.unique


def _any(part: np.ndarray, mask: None) -> bool:
    return bool(part.any())


class Blocks(_arrays.Blocked):
    """A dask array as `_intensity` takes it."""

    def __init__(self, image: Lazy) -> None:
        self.lazy = image
        self.array = image.array
        self.shape, self.ndim, self.size = tuple(map(int, image.array.shape)), image.array.ndim, int(image.array.size)
        self.dtype = image.array.dtype.newbyteorder("=")
        self.itemsize, self.spacing = self.dtype.itemsize, image.spacing

    def give_back(self, result: Any) -> Any:
        """Return the image that the input came as."""
        return self.lazy.give_back(result)

    def reduced(self, function: Callable[..., Any], merge: Callable[[list[Any]], Any], mask: Any, *rest: Any) -> Any:
        """Compute one pass over the image."""
        arrays = [self.array] if mask is None else [self.array, mask.array]
        return reduced(function.__name__, arrays, nothing_around(self.array), _Reduce(function, rest), merge)

    def mapped(self, run: Callable[[np.ndarray, np.ndarray], None], dtype: np.dtype[Any]) -> da.Array:
        """Return the mapped image, not computed yet."""
        plan = nothing_around(self.array, dtype)
        return blockwise("mapped", [self.array], plan, _Map(run, np.dtype(dtype), uuid.uuid4().hex))

    def adapted(
        self, mask: Any, kernel: list[int], settings: tuple[float, int, float, float, float, float]
    ) -> da.Array:
        """Return the locally equalized image."""
        return equalized(self.array, None if mask is None else mask.array, kernel, settings)

    def astype(self, dtype: Any) -> Blocks:
        """Return the image in another type."""
        return Blocks(Lazy(self.array.astype(dtype), self.lazy.give_back, self.spacing))

    def any(self) -> bool:
        """Return whether there is anything but zeros."""
        return bool(self.reduced(_any, any, None))


def whole(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Run a function that asks `_intensity` for all it needs of the whole image."""
    if not args and "image" not in kwargs:
        return function(**kwargs)
    image, arguments = bind(function, args, kwargs)
    name = function.__name__
    if arguments.get("out") is not None:
        raise TypeError(f"{name}: `out` must be None, for results are dask arrays: store them")
    if arguments.get("mask") is not None:
        mask = beside(name, "mask", arguments["mask"], image.array)
        arguments["mask"] = Blocks(Lazy(mask != 0, lambda result: result, None))
    return function(Blocks(image), **arguments)


_NAMES = {
    enhance: (
        "adjust_gamma",
        "adjust_log",
        "adjust_sigmoid",
        "equalize_adapthist",
        "equalize_hist",
        "histogram",
        "normalize",
        "rescale_intensity",
        "stretch_contrast",
        "threshold_enhance",
        "window",
    ),
    segment: (
        "threshold_isodata",
        "threshold_li",
        "threshold_mean",
        "threshold_minimum",
        "threshold_multiotsu",
        "threshold_otsu",
        "threshold_triangle",
        "threshold_yen",
    ),
}
FUNCTIONS = {
    name: wrapped(function, partial(whole, function), family.__name__.rpartition(".")[2])
    for family, names in _NAMES.items()
    for name in names
    if (function := getattr(family, name))
}

__all__ = ["FUNCTIONS", "Blocks"]
