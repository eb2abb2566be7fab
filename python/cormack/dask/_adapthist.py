"""Local histogram equalization of dask arrays: maps of all tiles in a first pass, or of those around a block."""

from __future__ import annotations

import itertools
import math
import uuid
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
from dask.highlevelgraph import HighLevelGraph

from .. import _arrays, _cormack_cpu
from .._cuts import Plan
from ..enhance._adapthist import entries_of, plan_of_tiles
from ._blocks import blockwise, large_enough, reduced

# Maps that take more are not kept: each block makes those of the tiles around it.
MOST_MAP_BYTES = 64 << 20

# Clip limit, number of bins, range of the bins, range of the result.
Settings = tuple[float, int, float, float, float, float]


def equalized(image: da.Array, mask: da.Array | None, kernel: list[int], settings: Settings) -> da.Array:
    """Return what `equalize_adapthist` of the extension, with these settings, makes of the image."""
    dtype = image.dtype.newbyteorder("=")
    tiles = [-(-n // k) for n, k in zip(image.shape, kernel, strict=True)]
    entries = entries_of(dtype, mask is not None, settings[1])
    real = _arrays.float_for(dtype)
    # A voxel may count in no tile: these take the maps of their neighbours.
    partial = mask is not None or dtype.kind == "f"
    arrays = [image] if mask is None else [image, mask]
    none = [0] * image.ndim
    if math.prod(tiles) * entries * real.itemsize > MOST_MAP_BYTES:
        around = plan_of_tiles(dtype, mask is not None, kernel)
        return blockwise("equalize_adapthist", arrays, around, _Around(kernel, settings), both_ends=True)
    aligned = [array.rechunk(tuple(map(_whole_tiles, array.chunks, kernel))) for array in arrays]
    # The last tile is filled up with what lies before it.
    reach = [(k if n % k else 0, 0) for n, k in zip(image.shape, kernel, strict=True)]
    behind = Plan(reach, none, kernel, dtype)
    aligned = [large_enough(array, behind) for array in aligned]
    found = reduced("adapthist-maps", aligned, behind, _Maps(kernel, settings, entries, real), _joined)
    maps, filled = np.empty((*tiles, entries), real), np.empty(tiles, np.uint8)
    starts = [
        [0, *itertools.accumulate(-(-size // k) for size in sizes)]
        for sizes, k in zip(aligned[0].chunks, kernel, strict=True)
    ]
    for part, (some, count) in zip(itertools.product(*map(itertools.pairwise, starts)), found, strict=True):
        at = tuple(slice(*ends) for ends in part)
        maps[at], filled[at] = some, count
    if partial:
        _fill_empty(maps, filled)
    key = f"equalize_adapthist-{uuid.uuid4().hex}"
    graph: dict[Any, Any] = {(key, "maps"): maps}
    begins = [[0, *itertools.accumulate(sizes)] for sizes in image.chunks]
    for index in itertools.product(*(range(len(sizes)) for sizes in image.chunks)):
        origin = [begin[i] for begin, i in zip(begins, index, strict=True)]
        work = _Apply(kernel, settings, origin, list(image.shape))
        graph[key, *index] = (work, (key, "maps"), *((array.name, *index) for array in arrays))
    return da.Array(HighLevelGraph.from_collections(key, graph, dependencies=arrays), key, image.chunks, dtype=dtype)


def _whole_tiles(sizes: tuple[int, ...], kernel: int) -> tuple[int, ...]:
    """Return chunks about as large that hold whole tiles."""
    n = sum(sizes)
    size = max(1, max(sizes) // kernel) * kernel
    full, rest = divmod(n, size)
    return (size,) * full + ((rest,) if rest else ())


def _inside(mask: np.ndarray | None) -> np.ndarray | None:
    return None if mask is None else np.ascontiguousarray(mask != 0)


def _image(part: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(_arrays.take("equalize_adapthist", "image", part).array)


@dataclass(frozen=True)
class _Around:
    kernel: list[int]
    settings: Settings

    def __call__(self, part: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        image = _image(part)
        result = np.empty_like(image)
        _cormack_cpu.equalize_adapthist(image, _inside(mask), result, self.kernel, *self.settings, 1)
        return result


@dataclass(frozen=True)
class _Maps:
    kernel: list[int]
    settings: Settings
    entries: int
    real: np.dtype[Any]

    def __call__(self, inner: tuple[slice, ...], part: np.ndarray, mask: np.ndarray | None = None) -> Any:
        tiles = [-(-n // k) for n, k in zip(part.shape, self.kernel, strict=True)]
        maps, filled = np.empty((math.prod(tiles), self.entries), self.real), np.empty((1, math.prod(tiles)), np.uint8)
        image = _image(part)
        _cormack_cpu.adapthist_maps(image, _inside(mask), maps, filled, self.kernel, *self.settings, 1)
        own = tuple(slice(at.start // k, -(-at.stop // k)) for at, k in zip(inner, self.kernel, strict=True))
        return [(maps.reshape(*tiles, -1)[own].copy(), filled.reshape(tiles)[own].copy())]


@dataclass(frozen=True)
class _Apply:
    kernel: list[int]
    settings: Settings
    origin: list[int]
    whole: list[int]

    def __call__(self, maps: np.ndarray, part: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        image = _image(part)
        result = np.empty_like(image)
        flat = maps.reshape(-1, maps.shape[-1])
        _cormack_cpu.adapthist_apply(
            image,
            _inside(mask),
            result,
            flat,
            self.origin,
            self.whole,
            self.kernel,
            *self.settings,
            1,
        )
        return result


def _joined(lists: list[list[Any]]) -> list[Any]:
    return [item for some in lists for item in some]


def _fill_empty(maps: np.ndarray, filled: np.ndarray) -> None:
    """Give a tile without voxels that count the mean of its nearest neighbours' maps, as the extension does."""
    ndim = filled.ndim
    empty = [tuple(index) for index in np.argwhere(filled == 0).tolist()]
    means = {}
    for index in empty:
        for distance in (1, 2, 3):
            total, count = np.zeros(maps.shape[-1]), 0
            for step in itertools.product((-1, 0, 1), repeat=ndim):
                if sum(s * s for s in step) != distance:
                    continue
                beside = tuple(i + s for i, s in zip(index, step, strict=True))
                if all(0 <= b < n for b, n in zip(beside, filled.shape, strict=True)) and filled[beside]:
                    total += maps[beside]
                    count += 1
            if count:
                means[index] = (total / count).astype(maps.dtype)
                break
    for index, mean in means.items():
        maps[index] = mean
