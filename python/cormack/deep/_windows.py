"""Windows over an image, marched along z: what is done is handed on, so that a slab is all there is in memory."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _check
from ._image import Source
from ._network import Network

WEIGHTINGS = ("gaussian", "constant")
_SIGMA = 0.125
_LEAST_WEIGHT = 1e-3


@dataclass(frozen=True, slots=True)
class Plan:
    """How windows cover an image: the arguments that `apply`, `segment` and `detect` share, checked."""

    overlap: tuple[float, float, float]
    weighting: str
    flips: tuple[tuple[int, ...], ...]
    batch_size: int


def plan(
    function: str, network: Network, overlap: float | Sequence[float], weighting: str, flips: Iterable[int], batch: int
) -> Plan:
    """Check the arguments; axes of a network that looks at slices are those of a slice."""
    ndim = network.card.ndim
    overlaps = [_check.real(function, "overlap", o, 0) for o in _check.per_axis(function, "overlap", overlap, ndim)]
    if max(overlaps) >= 1:
        raise _check.fail(function, "overlap", "be below 1", overlap)
    return Plan(
        tuple([0.0] * (3 - ndim) + overlaps),  # type: ignore[arg-type]
        _check.choice(function, "weighting", weighting, WEIGHTINGS),
        flip_sets(function, flips, ndim),
        _check.integer(function, "batch_size", batch, 1),
    )


def flip_sets(function: str, flips: Any, ndim: int) -> tuple[tuple[int, ...], ...]:
    """Return every combination of the axes of a patch along which it is flipped, none of them first."""
    if not isinstance(flips, Iterable):
        raise _check.fail(function, "flips", "be a sequence of axes", flips, TypeError)
    axes = sorted({_check.integer(function, "flips", axis, 0, ndim - 1) for axis in flips})
    return tuple(itertools.chain.from_iterable(itertools.combinations(axes, n) for n in range(len(axes) + 1)))


def starts(size: int, patch: int, overlap: float) -> list[int]:
    """Return where windows start along an axis that is no shorter than the patch: MONAI's, the last one moved in."""
    step = patch if patch == size else max(1, int(patch * (1 - overlap)))
    count = 1 + max(0, math.ceil((size - patch) / step))
    return [min(i * step, size - patch) for i in range(count)]


def importance(patch: Sequence[int], weighting: str) -> np.ndarray:
    """Return the weight of each voxel of a patch: 1, or MONAI's Gaussian with a sigma of an eighth of the patch."""
    result = np.ones(tuple(patch), np.float32)
    if weighting == "constant":
        return result
    for axis, n in enumerate(patch):
        x = np.arange(-(n - 1) / 2, (n - 1) / 2 + 1, dtype=np.float32)
        curve = np.exp(x**2 / np.float32(-2 * (n * _SIGMA) ** 2))
        result *= curve.reshape([-1 if other == axis else 1 for other in range(len(patch))])
    return np.maximum(result, max(float(result.min()), _LEAST_WEIGHT), out=result)


@dataclass(frozen=True, slots=True)
class Row:
    """Windows that start in the same planes: those of one layer, or of some slices."""

    start: int
    stop: int
    windows: list[tuple[int, int, int]]


class Layout:
    """Where the windows of a network lie in an image."""

    def __init__(self, source: Source, network: Network, how: Plan) -> None:
        flat = network.card.ndim == 2
        self.patch = (1, *network.card.patch) if flat else network.card.patch
        size = source.padded
        across = [starts(n, p, o) for n, p, o in zip(size[1:], self.patch[1:], how.overlap[1:], strict=True)]
        # Slices are taken together for a full batch of windows.
        self.depth = max(1, min(size[0], how.batch_size // math.prod(map(len, across)))) if flat else self.patch[0]
        first = range(0, size[0], self.depth) if flat else starts(size[0], self.depth, how.overlap[0])
        self.rows = []
        for start in first:
            stop = min(start + self.depth, size[0])
            slices = range(stop - start) if flat else range(1)
            windows = [(z, y, x) for z in slices for y in across[0] for x in across[1]]
            self.rows.append(Row(start, stop, windows))


def slabs(source: Source, layout: Layout) -> Iterator[tuple[Row, np.ndarray]]:
    """Yield the rows of windows with their planes of the image, as the network takes them: (channels, z, y, x)."""
    slab = np.empty((source.channels, layout.depth, *source.padded[1:]), np.float32)
    end = 0
    for row in layout.rows:
        kept = max(0, end - row.start)
        first = slab.shape[1] - kept
        for plane in range(kept):
            slab[:, plane] = slab[:, first + plane]
        source.read(row.start + kept, row.stop, slab[:, kept : row.stop - row.start])
        end = row.stop
        yield row, slab


def batches(
    row: Row, slab: np.ndarray, patch: tuple[int, ...], size: int, flat: bool
) -> Iterator[tuple[list[tuple[slice, ...]], np.ndarray]]:
    """Yield windows of a row with their voxels, some at a time."""
    for first in range(0, len(row.windows), size):
        places = [
            tuple(slice(start, start + n) for start, n in zip(window, patch, strict=True))
            for window in row.windows[first : first + size]
        ]
        batch = np.empty((len(places), slab.shape[0], *patch), np.float32)
        for target, place in zip(batch, places, strict=True):
            target[...] = slab[:, *place]
        yield places, batch[:, :, 0] if flat else batch


def mean_of_flips(
    network: Network, batch: np.ndarray, flips: tuple[tuple[int, ...], ...], images: bool = True
) -> np.ndarray:
    """Run a network on all flipped forms of a batch; the mean of what comes out, turned back where it is `images`."""
    total = None
    for axes in flips:
        turned = tuple(axis + 2 for axis in axes)
        (output,) = network.run(np.flip(batch, turned) if axes else batch)
        # The first is the one that is not flipped.
        if total is None:
            total = output if output.flags.writeable else output.copy()
        else:
            total += np.flip(output, turned) if images else output
    assert total is not None
    if len(flips) > 1:
        total *= np.float32(1 / len(flips))
    return total


def blended(source: Source, network: Network, how: Plan) -> Iterator[tuple[int, np.ndarray]]:
    """Yield what a network makes of an image: the first plane, and (channels, z, y, x) that is the caller's to change.

    Planes come in order, without padding. One layer of windows is held: values of it all and the sum of weights.
    """
    layout = Layout(source, network, how)
    flat = network.card.ndim == 2
    weight = importance(layout.patch, how.weighting)
    thick, across = layout.patch[0], source.padded[1:]
    ones = how.weighting == "constant"
    # Every row adds the same weights.
    of_row = np.zeros((thick, *across), np.float32)
    for _, y, x in layout.rows[0].windows if not flat else [w for w in layout.rows[0].windows if w[0] == 0]:
        of_row[:, y : y + layout.patch[1], x : x + layout.patch[2]] += weight
    weights = np.zeros((layout.depth, *across), np.float32)
    sums: np.ndarray | None = None
    nexts = [row.start for row in layout.rows[1:]] + [source.padded[0]]
    for (row, slab), after in zip(slabs(source, layout), nexts, strict=True):
        for places, batch in batches(row, slab, layout.patch, how.batch_size, flat):
            outputs = mean_of_flips(network, batch, how.flips)
            if flat:
                outputs = outputs[:, :, None]
            if sums is None:
                sums = np.zeros((outputs.shape[1], layout.depth, *across), np.float32)
            for output, place in zip(outputs, places, strict=True):
                if not ones:
                    output *= weight
                target = sums[:, *place]
                target += output
        assert sums is not None
        for plane in range(0, row.stop - row.start, thick):
            weights[plane : plane + thick] += of_row
        done = after - row.start
        finished = sums[:, :done]
        finished /= weights[:done]
        yield from _without_padding(source, row.start, finished)
        _move_up(sums, done)
        _move_up(weights[None], done)


def _without_padding(source: Source, start: int, block: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    lead, shape = source.lead, source.shape
    first = max(0, lead[0] - start)
    last = min(block.shape[1], lead[0] + shape[0] - start)
    if first < last:
        inside = (slice(first, last), *(slice(a, a + n) for a, n in zip(lead[1:], shape[1:], strict=True)))
        yield start + first - lead[0], block[:, *inside]


def _move_up(array: np.ndarray, planes: int) -> None:
    """Move planes to the front and make the rest zero."""
    for plane in range(array.shape[1] - planes):
        array[:, plane] = array[:, plane + planes]
    array[:, max(0, array.shape[1] - planes) :] = 0
