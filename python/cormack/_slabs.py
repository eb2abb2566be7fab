"""Operations on a GPU whose memory does not hold an image with all that they make of it: slab by slab.

What an operation takes is found by a rehearsal: the same Python code, with arrays that are only counted and with plans
that are made but not launched. There is no second list of what an operation allocates, nor of what it reads around a
voxel: filters publish that (`Halo`).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from . import _gpu_memory
from ._arrays import empty
from ._backends import Engine, Library, OnDevice, Waiting, engine
from ._cuts import Cut, Plan, cuts
from ._errors import GpuMemoryError

T = TypeVar("T")
Box = tuple[slice, ...]


class _Counted:
    """An array of a rehearsal: a shape that counts while it lives."""

    def __init__(self, ledger: _Rehearsal, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.ledger, self.shape, self.dtype = ledger, shape, dtype
        self.size = _gpu_memory.taken_by(math.prod(shape) * dtype.itemsize)
        ledger.take(self.size)

    def __del__(self) -> None:
        self.ledger.held -= self.size


class _RehearsalEngine(Engine):
    name = "rehearsal"

    def __init__(self, ledger: _Rehearsal, real: Engine) -> None:
        self.ledger, self.real = ledger, real

    def missing(self) -> str:
        return ""

    def run(self, operation: str, images: Sequence[OnDevice], parameters: str, tables: tuple[bytes, ...]) -> None:
        plan = self.real.plan(operation, images, parameters, tables)
        size = sum(map(_gpu_memory.taken_by, [*plan.scratch, *map(len, plan.constants)]))
        self.ledger.take(size)
        self.ledger.held -= size


class _Rehearsal(Library):
    """Counts what is allocated, and what is alive at once at most."""

    def __init__(self, function: str, real: Library) -> None:
        self.held = self.most = 0
        self.engine = _RehearsalEngine(self, real.engine or engine(function))

    def take(self, size: int) -> None:
        self.held += size
        self.most = max(self.most, self.held)

    def owns(self, value: Any) -> bool:
        return isinstance(value, _Counted)

    def describe(self, value: Any) -> tuple[int, tuple[int, ...], tuple[int, ...], str]:
        strides = [math.prod(value.shape[axis + 1 :]) for axis in range(len(value.shape))]
        return 0, value.shape, tuple(strides), str(value.dtype)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any], like: Any) -> Any:
        return _Counted(self, shape, dtype)

    def from_host(self, array: np.ndarray, like: Any) -> Any:
        return _Counted(self, array.shape, array.dtype)

    def takes_uploads(self) -> bool:
        return False

    def copy(self, value: Any) -> Any:
        return _Counted(self, value.shape, value.dtype)

    def to_host(self, value: Any) -> np.ndarray:
        return np.zeros(value.shape, value.dtype)

    def on(self, value: Any) -> tuple[contextlib.AbstractContextManager[Any], int, int]:
        return contextlib.nullcontext(), 0, 0

    def used(self) -> int:
        # The limit is for real arrays.
        return -(1 << 62)

    def free(self) -> int:
        return 1 << 62


@dataclass(frozen=True)
class _Work:
    """What is done to some arrays of one shape, on the GPU."""

    function: str
    arrays: Sequence[OnDevice]
    call: Callable[..., Any]

    @property
    def library(self) -> Library:
        return self.arrays[0].library

    def most(self, shape: tuple[int, ...], copied: bool = True) -> int:
        """Return the bytes that parts of this shape take with all that is made of them."""
        ledger = _Rehearsal(self.function, self.library)

        def rehearse() -> None:
            parts = [OnDevice.of(_Counted(ledger, shape, array.dtype), ledger, self.function) for array in self.arrays]
            self.call(*parts)

        rehearse()
        given = 0
        if not copied:
            sizes = [math.prod(shape) * array.itemsize for array in self.arrays if _is_there(array)]
            given = sum(map(_gpu_memory.taken_by, sizes))
        return ledger.most - given

    def room(self) -> int:
        """Return the bytes that further arrays may take."""
        return self.library.room(self.arrays[0].like)

    def fits(self) -> bool:
        """Return whether all goes at once; of arrays on the GPU that is only found out by trying."""
        return all(map(_is_there, self.arrays)) or self.most(self.arrays[0].shape, copied=False) <= self.room()

    def leave(self) -> None:
        """Free what can be uploaded again."""
        for array in self.arrays:
            if isinstance(array, Waiting):
                array.leave()

    def slabs(self, plan: Plan, room: int, both_ends: bool) -> tuple[int, list[tuple[slice, Cut]]]:
        """Return an axis and what to cut along it, so that no slab takes more than `room`."""
        shape = self.arrays[0].shape
        known: dict[tuple[int, ...], int] = {}

        def most(axis: int, length: int) -> int:
            parts = {(*shape[:axis], cut.length, *shape[axis + 1 :]) for _, cut in along(axis, length)}
            known.update((part, self.most(part)) for part in parts if part not in known)
            return max(known[part] for part in parts)

        def along(axis: int, length: int) -> list[tuple[slice, Cut]]:
            n = shape[axis]
            starts = range(0, n, length)
            chunks = [min(length, n - start) for start in starts]
            found = cuts(chunks, plan.reach[axis], plan.borders[axis], plan.align[axis], both_ends)
            return [(slice(start, start + size), cut) for start, size, cut in zip(starts, chunks, found, strict=True)]

        best: tuple[float, int, list[tuple[slice, Cut]]] | None = None
        least = None
        for axis, n in enumerate(shape):
            step = plan.align[axis]
            low, high = 0, -(-n // step) - 1  # slabs of low steps fit, of more than high ones are the whole
            while low < high:
                middle = (low + high + 1) // 2
                if most(axis, middle * step) <= room:
                    low = middle
                else:
                    high = middle - 1
            if low:
                found = along(axis, low * step)
                # What is read again and again.
                cost = sum(cut.length for _, cut in found) / n
                best = min(best or (cost, axis, found), (cost, axis, found), key=lambda one: one[0])
            elif n > step:
                smallest = most(axis, step)
                least = smallest if least is None else min(least, smallest)
        if best is None:
            needed = self.most(shape) if least is None else least
            raise _gpu_memory.not_enough(self.function, needed, room, "the smallest slab of the image")
        return best[1:]

    def made_of(self, axis: int, cut: Cut, starts: Sequence[int]) -> Any:
        """Run on one slab."""
        return self.call(*(self._part(array, axis, cut, starts) for array in self.arrays))

    def _part(self, array: OnDevice, axis: int, cut: Cut, starts: Sequence[int]) -> OnDevice:
        before = (slice(None),) * axis
        sources = [
            (*before, slice(starts[block] + source.start, starts[block] + source.stop))
            for block, source, _ in cut.pieces
        ]
        if isinstance(array, Waiting):
            parts = [array.host[source] for source in sources]
            return array.from_host(np.ascontiguousarray(parts[0]) if len(parts) == 1 else np.concatenate(parts, axis))
        library = array.library
        if len(sources) == 1:
            return OnDevice.of(library.part(array.owner, sources[0]), library, self.function)
        whole = array.empty((*array.shape[:axis], cut.length, *array.shape[axis + 1 :]))
        with library.on(array.owner)[0]:
            for source, (_, _, to) in zip(sources, cut.pieces, strict=True):
                library.assign(library.part(whole.owner, (*before, to)), library.part(array.owner, source))
        return whole


def _is_there(array: OnDevice) -> bool:
    return not isinstance(array, Waiting) or array.is_there()


def _in_slabs(work: _Work, plan: Plan, both_ends: bool, take: Callable[[Any, Box, Box], T]) -> list[T]:
    """Return take(what is made of a slab, where it lies in the whole, where its own part is) of each of them."""
    work.leave()
    room = work.room()
    while True:
        axis, found = work.slabs(plan, room, both_ends)
        starts = [at.start for at, _ in found]
        before = (slice(None),) * axis
        with contextlib.suppress(GpuMemoryError):
            return [take(work.made_of(axis, cut, starts), (*before, at), (*before, cut.inner)) for at, cut in found]
        # What is free may lie in pieces, or belong to somebody else by now.
        room = room // 2


def at_once(function: str, arrays: Sequence[OnDevice], call: Callable[..., T]) -> T | None:
    """Return what `call` makes of an image and what lies beside it; None where slabs of them should go instead."""
    image, work = arrays[0], _Work(function, arrays, call)
    if image.size and not work.fits():
        return None
    try:
        return call(*arrays)
    except GpuMemoryError:
        # Of a view that is turned or a part, nothing is cut.
        if image.size == 0 or not (isinstance(image, Waiting) or _is_whole(image)):
            raise
    return None


def _is_whole(array: OnDevice) -> bool:
    return array.library.describe(array.owner)[1:3] == (array.shape, array.strides)


def whole(function: str, arrays: Sequence[OnDevice], call: Callable[..., T]) -> T:
    """Return what `call` makes of an image that it looks at as a whole, or say what that would take."""
    image, work = arrays[0], _Work(function, arrays, call)
    if image.size and not work.fits():
        raise _gpu_memory.not_enough(
            function, work.most(image.shape), work.room(), "the image, with all that it takes,"
        )
    return call(*arrays)


def filtered(
    function: str,
    arrays: Sequence[OnDevice],
    plan: Plan,
    call: Callable[..., OnDevice],
    *,
    both_ends: bool = False,
) -> OnDevice:
    """Return what `call` makes of an image and what lies beside it, of the image's shape, in slabs if all does not fit.

    Parameters
    ----------
    function : str
        For error messages.
    arrays : sequence of OnDevice
        The image first.
    plan : Plan
        What is read around a voxel, and the dtype of the result.
    call : callable
        Takes parts of `arrays` and returns a new array in C order; runs in rehearsals too.
    both_ends : bool
        Whether parts end at multiples of the plan's `align`, too.
    """
    made = at_once(function, arrays, call)
    if made is not None:
        return made
    image, work = arrays[0], _Work(function, arrays, call)
    if isinstance(image, Waiting):
        result = empty(image.shape, plan.dtype)
        _in_slabs(work, plan, both_ends, lambda made, at, inner: _download(made, result, at, inner))
        return Waiting(function, result, image.library)
    target = image.empty(dtype=plan.dtype)
    library = target.library

    def copy(made: OnDevice, at: Box, inner: Box) -> None:
        with library.on(target.owner)[0]:
            library.assign(library.part(target.owner, at), library.part(made.owner, inner))

    _in_slabs(work, plan, both_ends, copy)
    return target


def _download(made: OnDevice, result: np.ndarray, at: Box, inner: Box) -> None:
    # A part that has gaps would first be copied there.
    if len(at) == 1:
        result[at] = made.library.to_host(made.library.part(made.owner, inner))
    else:
        result[at] = made.to_host()[inner]


def mapped(function: str, image: OnDevice, dtype: np.dtype[Any], call: Callable[[OnDevice], OnDevice]) -> OnDevice:
    """Return what `call`, which looks at one voxel at a time, makes of an image; see `filtered`."""
    return filtered(function, [image], nothing_around(image, dtype), call)


def reduced(function: str, arrays: Sequence[OnDevice], call: Callable[..., T], merge: Callable[[list[T]], T]) -> T:
    """Return what `call` finds in an image and what lies beside it, of each slab and merged if all does not fit."""
    found = at_once(function, arrays, call)
    if found is not None:
        return found
    work, plan = _Work(function, arrays, call), nothing_around(arrays[0], arrays[0].dtype)
    return merge(_in_slabs(work, plan, False, lambda one, at, inner: one))


def layers(
    function: str, image: Waiting, call: Callable[[OnDevice], tuple[OnDevice, T]], result: np.ndarray
) -> list[tuple[slice, T]]:
    """Fill `result` by what `call` makes of slabs along the first axis; return where they are, and what it adds."""
    plan = nothing_around(image, result.dtype)
    plan.align[1:] = image.shape[1:]

    def take(made: tuple[OnDevice, T], at: Box, inner: Box) -> tuple[slice, T]:
        _download(made[0], result, at, inner)
        return at[0], made[1]

    return _in_slabs(_Work(function, [image], call), plan, False, take)


def windows(
    function: str,
    image: Waiting,
    window: Callable[[slice], tuple[slice, Callable[[OnDevice], OnDevice]]],
    result: np.ndarray,
) -> None:
    """Fill `result`, of any shape, part by part along its first axis.

    Parameters
    ----------
    function : str
        For error messages.
    image : Waiting
        What it is made of.
    window : callable
        Takes a part of the result's first axis; returns the part of the image's that it is made of, and what makes it.
    result : ndarray
        On the host.
    """
    if not result.size:
        return
    image.leave()

    def most(source: slice, call: Callable[[OnDevice], OnDevice]) -> int:
        return _Work(function, [image], call).most((source.stop - source.start, *image.shape[1:]))

    room = _Work(function, [image], window).room()
    length = n = len(result)
    while True:
        parts = [(at, *window(at)) for at in (slice(i, min(n, i + length)) for i in range(0, n, length))]
        needed = max(most(source, call) for _, source, call in parts)
        if needed <= room:
            break
        if length == 1:
            raise _gpu_memory.not_enough(function, needed, room, "the smallest slab of the result")
        length = (length + 1) // 2
    for at, source, call in parts:
        _download(call(image.from_host(np.ascontiguousarray(image.host[source]))), result, (at,), (slice(None),))


def nothing_around(image: OnDevice, dtype: np.dtype[Any]) -> Plan:
    """Return the plan of what looks at one voxel at a time."""
    ndim = image.ndim
    return Plan([(0, 0)] * ndim, [0] * ndim, [1] * ndim, dtype)
