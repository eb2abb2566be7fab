"""Connected components across blocks: each block's own, joined where blocks touch, by rules for whole components.

A first pass labels every block and keeps what its components are (first voxel, voxels, whether they touch the border
or a seed) and which of two blocks touch; a second pass labels again and looks up what becomes of them. No labels of
more than a few blocks are in memory at any time.
"""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass
from typing import Any, NamedTuple

import dask.array as da
import numpy as np
from dask.delayed import Delayed
from dask.highlevelgraph import HighLevelGraph

from .. import _cormack_cpu
from ..segment._checks import connectivity_of, mask_of
from ..segment._joined import roots_of, touching
from ._blocks import without_empty_blocks

# For one voxel: which block it is, and the number of its component there.
Seeds = tuple[tuple[int, ...], ...]


class Found(NamedTuple):
    """What a block's components are; their numbers in the block start at 1."""

    number: int
    firsts: np.ndarray  # in the whole image
    sizes: np.ndarray
    border: np.ndarray  # whether they touch the image's border
    marked: np.ndarray  # whether they hold something that is marked: a seed, or a voxel of a second mask
    faces: dict[tuple[int, bool], np.ndarray]  # labels along (axis, whether at its end)


@dataclass(frozen=True)
class _Label:
    """Finds the components of one block."""

    shape: tuple[int, ...]  # of the image
    origin: tuple[int, ...]
    steps: int
    seeds: Seeds  # in the block

    def __call__(self, mask: np.ndarray, marks: np.ndarray | None = None) -> Found:
        shape = mask.shape
        first, sizes, marked, planes = _cormack_cpu.block_components(
            _sound(mask),
            None if marks is None else _sound(marks),
            [(0, *seed)[-3:] for seed in self.seeds],
            self.steps,
            1,
        )
        place = np.unravel_index(first, shape)
        firsts = np.ravel_multi_index([p + o for p, o in zip(place, self.origin, strict=True)], self.shape)
        border = np.zeros(len(first) + 1, bool)
        faces = {}
        for axis in range(len(shape)):
            for end in (False, True):
                plane = planes[2 * (axis + 3 - len(shape)) + end]
                outer = self.origin[axis] + shape[axis] == self.shape[axis] if end else self.origin[axis] == 0
                if outer:
                    border[plane] = True
                else:
                    faces[axis, end] = plane.reshape([n for a, n in enumerate(shape) if a != axis])
        return Found(len(first), firsts.astype(np.int64), sizes, border[1:], marked != 0, faces)


def _sound(mask: np.ndarray) -> np.ndarray:
    """Return a block of a mask as the extension takes it."""
    return mask_of("components", "mask", mask).array


@dataclass(frozen=True)
class _Touch:
    """Finds which components of two blocks touch, the second of which lies in `direction` from the first."""

    direction: tuple[int, ...]
    steps: int

    def __call__(self, first: Found, second: Found) -> np.ndarray:
        across = [axis for axis, step in enumerate(self.direction) if step]
        axis = across[0]
        one, other = first.faces[axis, self.direction[axis] > 0], second.faces[axis, self.direction[axis] < 0]
        # Of a block beside an edge or a corner, only that of the face matters.
        at = tuple(
            slice(None) if step == 0 else (-1 if step > 0 else 0) for a, step in enumerate(self.direction) if a != axis
        )
        to = tuple(
            slice(None) if step == 0 else (0 if step > 0 else -1) for a, step in enumerate(self.direction) if a != axis
        )
        one, other = np.atleast_1d(one[at]), np.atleast_1d(other[to])
        free = one.ndim if len(across) < len(self.direction) else 0
        return touching(one, other, self.steps - len(across), free)


class Components:
    """The components of a mask in blocks, numbered as if it were whole."""

    def __init__(self, function: str, mask: da.Array, connectivity: Any, *, seeds: Any = (), marks: Any = None) -> None:
        self.mask = mask = without_empty_blocks(mask)
        marks = None if marks is None else marks.rechunk(mask.chunks)
        self.steps = connectivity_of(function, connectivity, mask.ndim)
        self.grid = tuple(len(sizes) for sizes in mask.chunks)
        self.index = list(itertools.product(*map(range, self.grid)))
        starts = [np.concatenate([[0], np.cumsum(sizes)]) for sizes in mask.chunks]
        held: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        for seed in seeds:
            block = tuple(int(np.searchsorted(s, p, side="right")) - 1 for s, p in zip(starts, seed, strict=True))
            place = tuple(int(p - s[b]) for s, p, b in zip(starts, seed, block, strict=True))
            held.setdefault(block, []).append(place)
        key = f"components-{uuid.uuid4().hex}"
        graph: dict[Any, Any] = {}
        summaries = []
        for block in self.index:
            origin = tuple(int(s[b]) for s, b in zip(starts, block, strict=True))
            work = _Label(mask.shape, origin, self.steps, tuple(held.get(block, ())))
            graph[key, "found", *block] = (
                work,
                (mask.name, *block),
                *(() if marks is None else ((marks.name, *block),)),
            )
            graph[key, "summary", *block] = (_without_faces, (key, "found", *block))
            summaries.append((key, "summary", *block))
        touching, sides = [], []
        for direction in itertools.product((-1, 0, 1), repeat=mask.ndim):
            if direction <= (0,) * mask.ndim or sum(map(abs, direction)) > self.steps:
                continue
            for block in self.index:
                beside = tuple(b + d for b, d in zip(block, direction, strict=True))
                if not all(0 <= b < n for b, n in zip(beside, self.grid, strict=True)):
                    continue
                graph[key, "touch", *block, *direction] = (
                    _Touch(direction, self.steps),
                    (key, "found", *block),
                    (key, "found", *beside),
                )
                touching.append((key, "touch", *block, *direction))
                sides.append((block, beside))
        graph[key] = (_listed, summaries, touching)
        sources = [mask] if marks is None else [mask, marks]
        found, pairs = Delayed(key, HighLevelGraph.from_collections(key, graph, dependencies=sources)).compute()
        self._join(found, pairs, sides)

    def _join(self, found: list[Found], pairs: list[np.ndarray], sides: list[Any]) -> None:
        place = {block: i for i, block in enumerate(self.index)}
        self.offsets = np.concatenate([[0], np.cumsum([one.number for one in found])]).astype(np.int64)
        total = int(self.offsets[-1])
        edges = [np.zeros((0, 2), np.int64)]
        for (block, beside), some in zip(sides, pairs, strict=True):
            edges.append(some - 1 + [self.offsets[place[block]], self.offsets[place[beside]]])
        firsts = np.concatenate([np.zeros(0, np.int64), *(one.firsts for one in found)])
        root = roots_of(total, np.concatenate(edges))
        # The first voxel of the whole decides the number.
        least = np.full(total, np.iinfo(np.int64).max)
        np.minimum.at(least, root, firsts)
        roots = np.flatnonzero(root == np.arange(total))
        order = roots[np.argsort(least[roots], kind="stable")]
        self.count = len(order)
        number = np.zeros(total, np.int64)
        number[order] = np.arange(self.count)
        self.of_block = number[root]  # from 0
        self.sizes = np.zeros(self.count, np.int64)
        np.add.at(self.sizes, self.of_block, np.concatenate([np.zeros(0, np.int64), *(one.sizes for one in found)]))
        self.border, self.marked = np.zeros(self.count, bool), np.zeros(self.count, bool)
        none = np.zeros(0, bool)
        self.border[self.of_block[np.concatenate([none, *(one.border for one in found)])]] = True
        self.marked[self.of_block[np.concatenate([none, *(one.marked for one in found)])]] = True

    def labels(self) -> da.Array:
        """Return the numbers of the components, from 1."""
        if self.count >= np.iinfo(np.int32).max:
            raise OverflowError("label: there are more components than int32 can number")
        return self._mapped(np.arange(1, self.count + 1, dtype=np.int32), inverted=False)

    def kept(self, chosen: np.ndarray, *, inverted: bool = False) -> da.Array:
        """Return where the chosen components are, or where they are not."""
        return self._mapped(chosen.astype(bool), inverted)

    def _mapped(self, entries: np.ndarray, inverted: bool) -> da.Array:
        key = f"of-components-{uuid.uuid4().hex}"
        graph: dict[Any, Any] = {}
        for i, block in enumerate(self.index):
            table = entries[self.of_block[self.offsets[i] : self.offsets[i + 1]]]
            graph[key, *block] = (_LookUp(self.steps, table, inverted), (self.mask.name, *block))
        full = HighLevelGraph.from_collections(key, graph, dependencies=[self.mask])
        return da.Array(full, key, self.mask.chunks, dtype=entries.dtype)


@dataclass(frozen=True)
class _LookUp:
    """Makes of the components of one block what becomes of them."""

    steps: int
    table: np.ndarray
    inverted: bool

    def __call__(self, mask: np.ndarray) -> np.ndarray:
        result = np.zeros(mask.shape, self.table.dtype)
        if self.table.any():
            try:
                if result.dtype == bool:
                    chosen = self.table.astype(np.uint8)
                    _cormack_cpu.choose_components(_sound(mask), result, chosen, self.steps, 1)
                else:
                    _cormack_cpu.number_components(_sound(mask), result, self.table, self.steps, 1)
            except ValueError:
                raise RuntimeError("the mask was another one when its blocks were read again: store it") from None
        return np.logical_not(result, out=result) if self.inverted else result


def _without_faces(found: Found) -> Found:
    return found._replace(faces={})


def _listed(*lists: Any) -> Any:
    return lists


def nonzero(mask: da.Array, name: str = "") -> da.Array:
    """Return a mask of bool; for the function of this name, if any, NaN in it is an error when it is computed."""
    if name and mask.dtype.kind == "f":
        return da.map_blocks(_NonzeroNumbers(name), mask, dtype=bool, meta=np.zeros((0,) * mask.ndim, bool))
    return mask if mask.dtype == bool else mask != 0


@dataclass(frozen=True)
class _NonzeroNumbers:
    name: str

    def __call__(self, part: np.ndarray) -> np.ndarray:
        result: np.ndarray = mask_of(self.name, "mask", part).array != 0
        return result


def inside(image: da.Array, low: float, high: float, allowed: da.Array | None) -> da.Array:
    """Return where values lie between two bounds, which need not be numbers of the image's type."""
    lower, upper = _bounds(image.dtype, low, high)
    arrays = [image] if allowed is None else [image, allowed]
    return da.map_blocks(_Inside(lower, upper), *arrays, dtype=bool, meta=np.zeros((0,) * image.ndim, bool))


@dataclass(frozen=True)
class _Inside:
    lower: Any  # None where nothing is inside
    upper: Any

    def __call__(self, part: np.ndarray, allowed: np.ndarray | None = None) -> np.ndarray:
        if self.lower is None:
            return np.zeros(part.shape, bool)
        part = part.view(np.uint8) if part.dtype == bool else part
        result: np.ndarray = part >= self.lower
        result &= part <= self.upper
        if allowed is not None:
            result &= allowed != 0
        return result


def _bounds(dtype: np.dtype[Any], low: float, high: float) -> tuple[Any, Any]:
    if low > high:
        return None, None
    if dtype.kind == "f":
        lower, upper = (dtype.type(np.clip(bound, -np.inf, np.inf)) for bound in (low, high))
        if float(lower) < low:
            lower = np.nextafter(lower, dtype.type(np.inf))
        if float(upper) > high:
            upper = np.nextafter(upper, dtype.type(-np.inf))
        return lower, upper
    kind = np.dtype(np.uint8) if dtype.kind == "b" else dtype
    limits = np.iinfo(kind)
    lower, upper = max(np.ceil(low), limits.min), min(np.floor(high), limits.max)
    return (None, None) if lower > upper else (kind.type(lower), kind.type(upper))
