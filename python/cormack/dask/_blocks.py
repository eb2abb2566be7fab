"""Cuts images into blocks with what a filter reads around them, and puts results together."""

from __future__ import annotations

import itertools
import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph

from .. import _arrays, _check
from .._cuts import Cut, Plan, cuts
from ..volume import Volume


@dataclass(frozen=True, slots=True)
class Lazy:
    """A dask array from an argument, and what else it brought."""

    array: da.Array
    give_back: Callable[[da.Array], Any]
    spacing: tuple[float, ...] | None


def take(function: str, argument: str, value: Any) -> Lazy:
    """Return the dask array in `value`, maybe of a Volume or a store; others become one block."""
    if all(hasattr(value, name) for name in ("array", "spacing", "chunks")):
        value = _of_store(value)
    if hasattr(value, "array") and hasattr(value, "spacing"):
        array, give_back, spacing = value.array, value.replace, tuple(value.spacing)
    else:
        array, give_back, spacing = value, lambda result: result, None
    if not isinstance(array, da.Array):
        array = da.from_array(array if isinstance(array, np.ndarray) else np.asarray(array), chunks=-1)
    if any(not isinstance(n, (int, np.integer)) for n in array.shape):
        raise ValueError(
            f"{function}: `{argument}` must have chunks of known size (call its compute_chunk_sizes()), got {array}"
        )
    return Lazy(array, give_back, spacing)


# Of a block that is read from a store, unless the store's own are larger.
_BLOCK_BYTES = 16 << 20


@dataclass(frozen=True)
class _Reader:
    """A volume in a store, as an array that Dask takes parts of."""

    lazy: Any
    shape: tuple[int, ...]
    ndim: int
    dtype: np.dtype[Any]

    def __getitem__(self, box: Any) -> np.ndarray:
        part: np.ndarray = self.lazy[box].array
        return part


def _of_store(lazy: Any) -> Volume:
    """Return the volume of a dask array that reads an `io.LazyVolume`."""
    one = lazy[(slice(0, 1),) * lazy.ndim]
    reader = _Reader(lazy, tuple(lazy.shape), lazy.ndim, one.array.dtype)
    chunks = da.core.normalize_chunks(
        "auto", reader.shape, limit=_BLOCK_BYTES, dtype=reader.dtype, previous_chunks=lazy.chunks
    )
    array = da.from_array(reader, chunks=chunks, asarray=False, name=f"store-{uuid.uuid4().hex}")
    return Volume(array, lazy.spacing, lazy.origin, lazy.direction, lazy.meta)


def beside(function: str, argument: str, value: Any, image: da.Array) -> da.Array | None:
    """Return a mask or another array of the image's shape in the image's blocks."""
    if value is None:
        return None
    array = take(function, argument, value).array
    if array.shape != image.shape:
        raise ValueError(f"{function}: `{argument}` must have shape {image.shape}, got {array.shape}")
    return array.rechunk(image.chunks)


@dataclass(frozen=True, slots=True)
class _Task:
    """What is done for one block: put together what it needs, work on it, cut off what is around."""

    work: Callable[..., Any]
    cuts: tuple[Cut, ...]
    inputs: int
    crops: bool

    def __call__(self, *blocks: Any) -> Any:
        per_input = len(blocks) // self.inputs
        parts = [self._assembled(blocks[i * per_input : (i + 1) * per_input]) for i in range(self.inputs)]
        inner = tuple(cut.inner for cut in self.cuts)
        if not self.crops:
            return self.work(inner, *parts)
        result = self.work(*parts)
        shape = tuple(cut.length for cut in self.cuts)
        if tuple(result.shape[result.ndim - len(shape) :]) != shape:
            raise ValueError(f"a block of shape {shape} came back as {result.shape}")
        # A view would keep what is around the block in memory.
        return np.ascontiguousarray(result[(..., *inner)])

    def _assembled(self, blocks: Sequence[Any]) -> np.ndarray:
        shape = tuple(cut.length for cut in self.cuts)
        if len(blocks) == 1:
            whole: np.ndarray = np.asarray(blocks[0])[tuple(cut.pieces[0][1] for cut in self.cuts)]
            return whole
        blocks = [np.asarray(block) for block in blocks]
        result = _arrays.empty(shape, blocks[0].dtype)
        for block, pieces in zip(blocks, itertools.product(*(cut.pieces for cut in self.cuts)), strict=True):
            result[tuple(to for _, _, to in pieces)] = block[tuple(source for _, source, _ in pieces)]
        return result


def without_empty_blocks(array: da.Array) -> da.Array:
    """Return the same image without blocks of no voxel."""
    return array.rechunk(tuple(tuple(size for size in sizes if size) or (0,) for sizes in array.chunks))


def large_enough(array: da.Array, plan: Plan) -> da.Array:
    """Join blocks that are smaller than what is read around them; an axis that is all needed becomes one block."""
    chunks: list[tuple[int, ...]] = []
    array = without_empty_blocks(array)
    for sizes, n, reach, align in zip(array.chunks, array.shape, plan.reach, plan.align, strict=True):
        least = max(*reach, align if max(reach) > 0 else 1)
        if len(sizes) == 1 or (max(reach) == 0 and align == 1):
            chunks.append(sizes)
        elif max(reach) >= n or sum(reach) + max(sizes) >= n:
            chunks.append((n,))
        elif min(sizes[:-1]) >= least:
            chunks.append(sizes)
        else:
            size = max(least, max(sizes))
            full, rest = divmod(n, size)
            chunks.append((size,) * full + ((rest,) if rest else ()))
    return array.rechunk(tuple(chunks))


def blockwise(
    name: str,
    arrays: Sequence[da.Array],
    plan: Plan,
    work: Callable[..., Any],
    *,
    both_ends: bool = False,
) -> da.Array:
    """Run `work(part, ...)` on every block of `arrays`, each with what `plan` says around it.

    `work` returns an array of the part's shape, maybe with leading axes, which is cut to the block.
    """
    first = large_enough(arrays[0], plan)
    arrays = [first, *(array.rechunk(first.chunks) for array in arrays[1:])]
    if first.size == 0:
        result = da.from_array(np.zeros((*plan.leading, *first.shape), plan.dtype), chunks=-1)
        return result
    key = f"{name}-{tokenize([array.name for array in arrays], plan, work, both_ends)}"
    graph = {
        (key, *(0,) * len(plan.leading), *index): task
        for index, task in _tasks(arrays, plan, work, both_ends, crops=True)
    }
    chunks = (*((n,) for n in plan.leading), *first.chunks)
    return da.Array(HighLevelGraph.from_collections(key, graph, dependencies=arrays), key, chunks, dtype=plan.dtype)


def reduced(
    name: str,
    arrays: Sequence[da.Array],
    plan: Plan,
    work: Callable[..., Any],
    merge: Callable[[list[Any]], Any],
    *,
    both_ends: bool = False,
) -> Any:
    """Compute merge([work(inner, part, ...) for every block]), in the order of the blocks, a few at a time."""
    from dask.delayed import Delayed

    first = large_enough(arrays[0], plan)
    arrays = [first, *(array.rechunk(first.chunks) for array in arrays[1:])]
    if first.size == 0:
        return merge([work((slice(None),) * first.ndim, *(np.zeros(array.shape, array.dtype) for array in arrays))])
    key = f"{name}-{tokenize([array.name for array in arrays], plan, work, merge, both_ends)}"
    graph: dict[Any, Any] = {}
    level: list[Any] = []
    for index, task in _tasks(arrays, plan, work, both_ends, crops=False):
        graph[key, 0, *index] = task
        level.append((key, 0, *index))
    depth = 0
    while len(level) > 1 or depth == 0:
        depth += 1
        above = []
        for place, start in enumerate(range(0, len(level), 8)):
            graph[key, depth, place] = (merge, level[start : start + 8])
            above.append((key, depth, place))
        level = above
    graph[key] = level[0]
    full = HighLevelGraph.from_collections(key, graph, dependencies=arrays)
    return Delayed(key, full).compute()


def _tasks(arrays: Sequence[da.Array], plan: Plan, work: Any, both_ends: bool, crops: bool) -> Any:
    first = arrays[0]
    along = [
        cuts(sizes, reach, border, align, both_ends)
        for sizes, reach, border, align in zip(first.chunks, plan.reach, plan.borders, plan.align, strict=True)
    ]
    for index in itertools.product(*(range(len(sizes)) for sizes in first.chunks)):
        box = tuple(some[i] for some, i in zip(along, index, strict=True))
        sources = list(itertools.product(*(tuple(block for block, _, _ in cut.pieces) for cut in box)))
        keys = [(array.name, *source) for array in arrays for source in sources]
        yield index, (_Task(work, box, len(arrays), crops), *keys)


def nothing_around(array: da.Array, dtype: Any = None) -> Plan:
    """Return the plan of what looks at one voxel at a time."""
    ndim = array.ndim
    return Plan([(0, 0)] * ndim, [0] * ndim, [1] * ndim, np.dtype(array.dtype if dtype is None else dtype))


def stub(array: da.Array) -> np.ndarray:
    """Return an array of the same shape and dtype that takes no memory."""
    return np.broadcast_to(np.zeros((), array.dtype), array.shape)


def store(image: Any, target: Any, *, most_bytes: int = 256 << 20) -> None:
    """Compute an image in blocks and write it, slab by slab along its first axis.

    Parameters
    ----------
    image : dask array or Volume of one
        What to compute.
    target : array_like
        Where it goes, of its shape: a `zarr.Array` or anything else that slices can be assigned to, from several
        threads for different blocks.
    most_bytes : int, default 256 MiB
        Results of one slab, where they are more than those of one layer of blocks.

    Notes
    -----
    `dask.array.store` may read far ahead of what it writes, in an order that depends on the whole graph. Here no more
    than what a slab is made of is in memory, at the cost of reading again, and computing again, what lies around slabs:
    store the result of each filter with a large halo by itself.
    """
    array = take("store", "image", image).array
    if tuple(target.shape) != tuple(array.shape):
        raise ValueError(f"store: `target` must have shape {array.shape}, got {tuple(target.shape)}")
    most = _check.integer("store", "most_bytes", most_bytes, minimum=1)
    plane = array.dtype.itemsize * math.prod(array.shape[1:])
    begin = end = 0
    for size in (*array.chunks[0], 0):
        if end > begin and (size == 0 or (end + size - begin) * plane > most):
            region = (slice(begin, end), *(slice(None) for _ in array.shape[1:]))
            da.store(array[begin:end], target, regions=region, lock=False)
            begin = end
        end += size
