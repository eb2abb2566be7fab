"""Arrays on a GPU: how libraries allocate them, views of them, and arrays on the host that wait to go there."""

from __future__ import annotations

import contextlib
import importlib
import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from . import _gpu_memory
from ._errors import GpuMemoryError

if TYPE_CHECKING:
    from ._backends import Engine


class Library(ABC):
    """Arrays on a GPU, and how one library allocates them. Where `like` is None, that is on the current device."""

    # Who runs kernels on these arrays, where that is not CORMACK_BACKEND's choice.
    engine: Engine | None = None

    @abstractmethod
    def owns(self, value: Any) -> bool:
        """Return whether `value` is an array of this library, on a GPU; imports nothing."""

    @abstractmethod
    def describe(self, value: Any) -> tuple[int, tuple[int, ...], tuple[int, ...], str]:
        """Return address, shape, strides in elements and the dtype's name."""

    @abstractmethod
    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any], like: Any) -> Any:
        """Return a new array beside `like`, in C order."""

    @abstractmethod
    def from_host(self, array: np.ndarray, like: Any) -> Any:
        """Copy to the device of `like`, in stream order."""

    @abstractmethod
    def takes_uploads(self) -> bool:
        """Return whether images on the host may go to the current device through this library, which is imported."""

    @abstractmethod
    def copy(self, value: Any) -> Any:
        """Copy an array."""

    @abstractmethod
    def to_host(self, value: Any) -> np.ndarray:
        """Copy to the host, and wait for it."""

    @abstractmethod
    def on(self, value: Any) -> tuple[contextlib.AbstractContextManager[Any], int, int]:
        """Return what makes the array's device current, its number, and the handle of its current stream."""

    @abstractmethod
    def used(self) -> int:
        """Return the bytes of all arrays on the current device."""

    @abstractmethod
    def free(self) -> int:
        """Return the bytes that further arrays on the current device may take."""

    def room(self, like: Any) -> int:
        """Return the bytes that further arrays beside `like` may take, as far as the limit allows."""
        with self.on(like)[0]:
            limit, free = _gpu_memory.get_gpu_memory_limit(), self.free()
            return free if limit is None else min(free, limit - self.used())

    def ran_out(self, error: BaseException) -> bool:
        """Return whether this is what the allocator raises where there is no memory."""
        return isinstance(error, MemoryError)

    def part(self, value: Any, box: tuple[slice, ...]) -> Any:
        """View a part of an array."""
        return value[box]

    def assign(self, target: Any, value: Any) -> None:
        """Copy between arrays of one shape, in stream order."""
        target[...] = value


class CupyLibrary(Library):
    """cupy.ndarray."""

    def owns(self, value: Any) -> bool:
        cupy = sys.modules.get("cupy")
        return cupy is not None and isinstance(value, cupy.ndarray)

    def describe(self, value: Any) -> tuple[int, tuple[int, ...], tuple[int, ...], str]:
        strides = tuple(step // value.itemsize for step in value.strides)
        return value.data.ptr, value.shape, strides, str(value.dtype)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any], like: Any) -> Any:
        return sys.modules["cupy"].empty(shape, dtype)

    def from_host(self, array: np.ndarray, like: Any) -> Any:
        return sys.modules["cupy"].asarray(array)

    def copy(self, value: Any) -> Any:
        return value.copy()

    def to_host(self, value: Any) -> np.ndarray:
        array: np.ndarray = value.get()
        return array

    def takes_uploads(self) -> bool:
        return _can_import("cupy")

    def on(self, value: Any) -> tuple[contextlib.AbstractContextManager[Any], int, int]:
        cuda = sys.modules["cupy"].cuda
        device = cuda.Device() if value is None else value.device
        return device, device.id, cuda.get_current_stream(device.id).ptr

    def used(self) -> int:
        return int(sys.modules["cupy"].get_default_memory_pool().used_bytes())

    def free(self) -> int:
        cupy = sys.modules["cupy"]
        pool = cupy.get_default_memory_pool()
        # What it holds for later, it gives back before it says that there is nothing left.
        free = int(cupy.cuda.Device().mem_info[0]) + int(pool.free_bytes())
        limit = int(pool.get_limit())
        return min(free, limit - int(pool.used_bytes())) if limit else free


class TorchLibrary(Library):
    """torch.Tensor on a CUDA device."""

    def owns(self, value: Any) -> bool:
        torch = sys.modules.get("torch")
        return torch is not None and isinstance(value, torch.Tensor) and value.device.type == "cuda"

    def describe(self, value: Any) -> tuple[int, tuple[int, ...], tuple[int, ...], str]:
        return value.data_ptr(), tuple(value.shape), tuple(value.stride()), str(value.dtype).removeprefix("torch.")

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any], like: Any) -> Any:
        torch = sys.modules["torch"]
        return torch.empty(shape, dtype=getattr(torch, dtype.name), device=self._device(like))

    def from_host(self, array: np.ndarray, like: Any) -> Any:
        # torch warns of what is read-only, such as a table of a plan.
        own = np.require(array, requirements=["C", "W"])
        return sys.modules["torch"].from_numpy(own).to(self._device(like))

    def takes_uploads(self) -> bool:
        return _can_import("torch") and bool(sys.modules["torch"].cuda.is_available())

    def copy(self, value: Any) -> Any:
        return value.clone()

    def to_host(self, value: Any) -> np.ndarray:
        array: np.ndarray = value.cpu().numpy()
        return array

    def on(self, value: Any) -> tuple[contextlib.AbstractContextManager[Any], int, int]:
        cuda = sys.modules["torch"].cuda
        device = self._device(value)
        return cuda.device(device), device.index, cuda.current_stream(device).cuda_stream

    @staticmethod
    def _device(like: Any) -> Any:
        torch = sys.modules["torch"]
        return torch.device("cuda", torch.cuda.current_device()) if like is None else like.device

    def used(self) -> int:
        return int(sys.modules["torch"].cuda.memory_allocated())

    def free(self) -> int:
        cuda = sys.modules["torch"].cuda
        return int(cuda.mem_get_info()[0]) + int(cuda.memory_reserved()) - int(cuda.memory_allocated())

    def ran_out(self, error: BaseException) -> bool:
        return isinstance(error, sys.modules["torch"].cuda.OutOfMemoryError)


def _can_import(name: str) -> bool:
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
        return True
    return False


@dataclass(frozen=True, slots=True)
class OnDevice:
    """A view of an array on a GPU. Stands where a NumPy array does in `Taken`, for operations that ask for it."""

    owner: Any
    library: Library
    pointer: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]  # elements
    dtype: np.dtype[Any]
    function: str = ""  # that works on it, for messages

    @staticmethod
    def of(owner: Any, library: Library, function: str = "") -> OnDevice:
        """View an array of a library."""
        pointer, shape, strides, dtype = library.describe(owner)
        try:
            kind = np.dtype(dtype)
        except TypeError:
            # bfloat16 and its like: no operation takes it, and its name goes into the message.
            kind = np.dtype([(dtype, "V1")])
        return OnDevice(owner, library, pointer, shape, strides, kind, function)

    @staticmethod
    def made(function: str, library: Library, like: Any, size: int, make: Callable[[], Any]) -> OnDevice:
        """View what `make()` allocates beside `like`, some `size` bytes, or say that there is no memory for it."""
        limit = _gpu_memory.get_gpu_memory_limit()
        with library.on(like)[0]:
            if limit is not None and library.used() + _gpu_memory.taken_by(size) > limit:
                raise _gpu_memory.not_enough(function, size, limit - library.used())
            try:
                return OnDevice.of(make(), library, function)
            except Exception as error:
                if isinstance(error, GpuMemoryError) or not library.ran_out(error):
                    raise
            raise _gpu_memory.not_enough(function, size, None)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def itemsize(self) -> int:
        """Bytes of a value."""
        return self.dtype.itemsize

    def view(self, **changes: Any) -> OnDevice:
        """View the same memory with another pointer, shape or strides."""
        return replace(self, **changes)

    @property
    def like(self) -> Any:
        """An array on the device where this is, or will be; None for the current one."""
        return self.owner

    def transpose(self, axes: Sequence[int]) -> OnDevice:
        """View the axes in another order."""
        return self.view(shape=tuple(self.shape[a] for a in axes), strides=tuple(self.strides[a] for a in axes))

    def __getitem__(self, index: Any) -> OnDevice:
        """View the part at whole numbers along the first axes, or with a new first axis for None."""
        if index is None:
            return self.view(shape=(1, *self.shape), strides=(0, *self.strides))
        steps = zip(index, self.strides, strict=False)
        pointer = self.pointer + sum(int(at) * step for at, step in steps) * self.itemsize
        return self.view(pointer=pointer, shape=self.shape[len(index) :], strides=self.strides[len(index) :])

    def flat(self) -> OnDevice:
        """View as one line what has no gaps, so that its shape costs nothing; else as it is."""
        length = 1
        for extent, step in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if extent != 1 and step != length:
                return self
            length *= extent
        return self.view(shape=(length,), strides=(1,))

    def empty(self, shape: tuple[int, ...] | None = None, dtype: Any = None) -> OnDevice:
        """Return a new array on the same device: of this one's shape and dtype by default, in C order."""
        kind = self.dtype if dtype is None else np.dtype(dtype)
        extents = self.shape if shape is None else shape
        library, like = self.library, self.like
        size = math.prod(extents) * kind.itemsize
        return OnDevice.made(self.function, library, like, size, lambda: library.empty(extents, kind, like))

    def from_host(self, array: np.ndarray) -> OnDevice:
        """Copy an array to the same device."""
        library, like = self.library, self.like
        return OnDevice.made(self.function, library, like, array.nbytes, lambda: library.from_host(array, like))

    def copy(self) -> OnDevice:
        """Copy the whole array that this is a view of, on its device."""
        library, owner = self.library, self.owner
        return OnDevice.made(self.function, library, owner, self.size * self.itemsize, lambda: library.copy(owner))

    def to_host(self) -> np.ndarray:
        """Copy a whole array to the host, and wait for it."""
        return self.library.to_host(self.owner)


class Waiting(OnDevice):
    """An array on the host that goes to the GPU when something there looks at it; or slabs of it go, see `_slabs`."""

    __slots__ = ("_there", "host")
    host: np.ndarray
    _there: OnDevice | None

    def __init__(self, function: str, host: np.ndarray, library: Library) -> None:
        fields = {"library": library, "shape": host.shape, "dtype": host.dtype, "function": function}
        for name, value in {**fields, "host": host, "_there": None}.items():
            object.__setattr__(self, name, value)

    def there(self) -> OnDevice:
        """Return the whole array on the GPU."""
        if self._there is None:
            size, upload = self.host.nbytes, self.library.from_host
            found = OnDevice.made(self.function, self.library, None, size, lambda: upload(self.host, None))
            object.__setattr__(self, "_there", found)
        assert self._there is not None
        return self._there

    def is_there(self) -> bool:
        """Return whether it takes memory on the GPU."""
        return self._there is not None

    def leave(self) -> None:
        """Free its memory on the GPU."""
        object.__setattr__(self, "_there", None)

    @property
    def owner(self) -> Any:
        """The whole array, uploaded when first asked for."""
        return self.there().owner

    @property
    def pointer(self) -> int:
        """Its address there."""
        return self.there().pointer

    @property
    def strides(self) -> tuple[int, ...]:
        """Its strides there."""
        return self.there().strides

    @property
    def like(self) -> Any:
        """None: the current device."""
        return None

    def view(self, **changes: Any) -> OnDevice:
        """View what is on the GPU."""
        return self.there().view(**changes)

    def copy(self) -> OnDevice:
        """Copy what is on the host."""
        return Waiting(self.function, self.host.copy(), self.library)

    def to_host(self) -> np.ndarray:
        """Return what is on the host."""
        return self.host


def is_on_device(array: object) -> TypeGuard[OnDevice]:
    """Return whether what `take` gave, in the place of a NumPy array, is on a GPU."""
    return isinstance(array, OnDevice)
