"""GPU kernels on the CPU: each operation's plan and kernels are compiled by the C++ compiler, and their threads are
fibers (cpp/cuda/shim.hpp). An array of this "device" is a NumPy array in disguise."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import functools
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cormack import _arrays, _backends

REPOSITORY = Path(__file__).resolve().parents[2]
CPP = REPOSITORY / "cpp"
SCHEDULES = (0, 1, 2, 3)


class Memory:
    """What an allocator counts: bytes of arrays that it made, now and at most."""

    def __init__(self) -> None:
        self.held = self.most = 0
        # It runs out of memory where more would be held.
        self.capacity = 1 << 40

    def take(self, size: int) -> None:
        """Allocate."""
        size = -(-size // 512) * 512
        if self.held + size > self.capacity:
            raise MemoryError("out of the shim's memory")
        self.held += size
        self.most = max(self.most, self.held)

    def give(self, size: int) -> None:
        """Free."""
        self.held -= -(-size // 512) * 512


class ShimArray:
    """Stands for an array on a GPU, which NumPy cannot read."""

    __array__ = None

    def __init__(self, array: np.ndarray, memory: Memory | None = None) -> None:
        self.host = array
        if memory is not None:
            memory.take(array.nbytes)
            weakref.finalize(self, memory.give, array.nbytes)

    @property
    def shape(self) -> tuple[int, ...]:
        """As every library's arrays have."""
        return self.host.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.host.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of values."""
        return self.host.dtype

    def __getitem__(self, box: Any) -> ShimArray:
        return ShimArray(self.host[box])

    def __setitem__(self, box: Any, value: ShimArray) -> None:
        self.host[box] = value.host


class _CallImage(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("dtype", ctypes.c_int64),
        ("ndim", ctypes.c_int64),
        ("shape", ctypes.c_int64 * 3),
        ("stride", ctypes.c_int64 * 3),
    )


class _Call(ctypes.Structure):
    _fields_ = (
        ("images", ctypes.POINTER(_CallImage)),
        ("image_count", ctypes.c_int64),
        ("parameters", ctypes.c_char_p),
        ("tables", ctypes.POINTER(ctypes.c_char_p)),
        ("table_bytes", ctypes.POINTER(ctypes.c_int64)),
        ("table_count", ctypes.c_int64),
        ("schedule", ctypes.c_int64),
        ("error", ctypes.c_char_p),
        ("launches", ctypes.POINTER(ctypes.c_int64)),
    )


def included(path: Path, seen: dict[Path, bytes]) -> None:
    """Collect a source and all that it includes from the repository."""
    if path in seen or not path.is_file():
        return
    seen[path] = path.read_bytes()
    for line in seen[path].decode().splitlines():
        if line.startswith('#include "'):
            included(CPP / line.split('"')[1], seen)


@functools.cache
def library_of(operation: str) -> ctypes.CDLL:
    """Compile an operation for the shim, or take what was compiled from the same sources."""
    compiler = shlex.split(os.environ.get("CXX", "")) or [shutil.which("c++") or shutil.which("g++") or ""]
    if not compiler[0] or shutil.which(compiler[0]) is None:
        pytest.skip("no C++ compiler to build the shim with (CXX names one)")
    flags = shlex.split(os.environ.get("CORMACK_SHIM_FLAGS", "-O0"))
    command = [*compiler, "-std=c++20", "-ffp-contract=off", "-shared", "-fPIC", "-fvisibility=hidden", *flags]
    source = CPP / f"{_backends.OPERATIONS[operation]}.plan.cpp"
    seen: dict[Path, bytes] = {}
    included(source, seen)
    content = repr(command).encode() + b"".join(text for _, text in sorted(seen.items()))
    key = hashlib.sha256(content).hexdigest()[:24]
    folder = Path(os.environ.get("CORMACK_SHIM_CACHE", Path(tempfile.gettempdir()) / f"cormack-shim-{os.getuid()}"))
    folder.mkdir(mode=0o700, exist_ok=True)
    target = folder / f"{operation}-{key}.so"
    # Processes of pytest-xdist that need the same wait for the one that makes it.
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=folder) as work:
                made = Path(work) / "made.so"
                subprocess.run([*command, "-DCORMACK_SHIM", f"-I{CPP}", str(source), "-o", str(made)], check=True)
                made.replace(target)
    library = ctypes.CDLL(str(target))
    library.cormack_shim.argtypes = [ctypes.POINTER(_Call)]
    return library


class ShimEngine(_backends.Engine):
    """Runs plans on the CPU, with threads in the order of `schedule`."""

    name = "shim"

    def __init__(self) -> None:
        self.schedule = 0
        self.operations: list[str] = []
        self.memory = Memory()
        self.counts = False

    def missing(self) -> str:
        return ""

    def run(
        self, operation: str, images: Sequence[_backends.OnDevice], parameters: str, tables: tuple[bytes, ...]
    ) -> None:
        library = library_of(operation)
        sizes = []
        # The shim's own scratch is only counted, by plans of the extension, which then must not be older than sources.
        if self.counts:
            plan = self.plan(operation, images, parameters, tables)
            sizes = [*plan.scratch, *map(len, plan.constants)]
        counted = [images[0].empty((size,), np.uint8) for size in sizes]
        given = (_CallImage * len(images))()
        for entry, image in zip(given, images, strict=True):
            dtype, shape, strides = _backends.shape_for_plan(image)
            missing = 3 - len(shape)
            entry.data, entry.ndim = image.pointer, len(shape)
            entry.dtype = _arrays.DTYPES.index(np.dtype(dtype))
            entry.shape[:] = [1] * missing + list(shape)
            entry.stride[:] = [0] * missing + list(strides)
        error, launches = ctypes.create_string_buffer(512), ctypes.c_int64()
        call = _Call(
            given,
            len(images),
            parameters.encode(),
            (ctypes.c_char_p * len(tables))(*tables),
            (ctypes.c_int64 * len(tables))(*map(len, tables)),
            len(tables),
            self.schedule,
            ctypes.cast(error, ctypes.c_char_p),
            ctypes.pointer(launches),
        )
        code = library.cormack_shim(call)
        if code:
            kind = NotImplementedError if code == 1 else RuntimeError
            raise kind(error.value.decode())
        del counted
        self.operations.append(operation)


class ShimLibrary(_backends.Library):
    """Arrays of the shim."""

    engine: ShimEngine

    def __init__(self) -> None:
        self.engine = ShimEngine()
        # Whether device="cuda" means this.
        self.uploads = False

    @property
    def memory(self) -> Memory:
        """What its arrays take."""
        return self.engine.memory

    def owns(self, value: Any) -> bool:
        return isinstance(value, ShimArray)

    def describe(self, value: Any) -> tuple[int, tuple[int, ...], tuple[int, ...], str]:
        array = value.host
        return array.ctypes.data, array.shape, tuple(step // array.itemsize for step in array.strides), str(array.dtype)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any], like: Any) -> Any:
        # Poisoned: what no kernel writes is seen.
        array = np.empty(shape, dtype)
        array.reshape(-1).view(np.uint8)[:] = 0xA5 if dtype.kind != "b" else 1
        return ShimArray(array, self.memory)

    def from_host(self, array: np.ndarray, like: Any) -> Any:
        return ShimArray(array.copy(), self.memory)

    def takes_uploads(self) -> bool:
        return self.uploads

    def copy(self, value: Any) -> Any:
        return ShimArray(value.host.copy(), self.memory)

    def to_host(self, value: Any) -> np.ndarray:
        return value.host

    def on(self, value: Any) -> tuple[contextlib.AbstractContextManager[Any], int, int]:
        return contextlib.nullcontext(), 0, 0

    def used(self) -> int:
        return self.memory.held

    def free(self) -> int:
        return self.memory.capacity - self.memory.held


class Device:
    """Where a test computes: `put` copies an array there, `get` back."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.shim = ShimLibrary() if name == "shim" else None

    def put(self, array: np.ndarray) -> Any:
        """Copy to the device, with the array's strides."""
        if self.shim is not None:
            return ShimArray(array)
        import cupy

        base = array
        while isinstance(base.base, np.ndarray):
            base = base.base
        if base is array:
            return cupy.asarray(array)
        whole = cupy.asarray(np.ascontiguousarray(base)).reshape(-1)
        offset = array.ctypes.data - base.ctypes.data
        return cupy.ndarray(array.shape, array.dtype, memptr=whole.data + offset, strides=array.strides)

    def get(self, value: Any) -> np.ndarray:
        """Copy to the host, from an array of the device."""
        if self.shim is not None:
            assert isinstance(value, ShimArray)
            return value.host
        import cupy

        assert isinstance(value, cupy.ndarray)
        return value.get()

    def schedules(self) -> Sequence[int]:
        """Return the orders of threads to run a kernel in."""
        return SCHEDULES if self.shim is not None else (0,)

    @contextlib.contextmanager
    def uploads(self) -> Any:
        """Make device="cuda" mean this device."""
        if self.shim is not None:
            self.shim.uploads = True
        yield
        if self.shim is not None:
            self.shim.uploads = False

    @contextlib.contextmanager
    def schedule(self, number: int) -> Any:
        """Run kernels in another order of threads."""
        if self.shim is None:
            yield
            return
        self.shim.engine.schedule = number
        yield
        self.shim.engine.schedule = 0
