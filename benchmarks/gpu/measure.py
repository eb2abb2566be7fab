"""Time the rows on a GPU, compare each result with the CPU's, and write what is known after every row."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import platform
import re
import signal
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import cormack
from cormack import _backends

from . import report
from .rows import Row

PEERS = ("cupyx", "cucim", "torch")
_LEAST_RUNS, _MOST_RUNS = 5, 50
# Seconds for which a call is timed again and again.
_TIMED = 0.4


class Unusable(Exception):
    """The device, after an error of a kernel: only a new process can go on."""


class Times(NamedTuple):
    """Milliseconds of a call: on the device, and as Python waits for it; the first call compiles."""

    median: float
    least: float
    host: float
    first: float
    runs: int


class Peers:
    """The peers' libraries, each imported when a row asks for it: ModuleNotFoundError says that one is absent."""

    def __init__(self, array_module: str, ndimage: str, skimage: str) -> None:
        self._names = {"xp": array_module, "ndimage": ndimage, "torch": "torch"}
        self._skimage = skimage

    def __getattr__(self, name: str) -> Any:
        if name not in self._names:
            raise AttributeError(name)
        return importlib.import_module(self._names[name])

    def skimage(self, part: str) -> Any:
        """Return a module of scikit-image or of its twin."""
        return importlib.import_module(f"{self._skimage}.{part}")

    def tensor(self, array: Any) -> Any:
        """View an array as a tensor."""
        return self.torch.from_dlpack(array)


class Gpu:
    """The current CUDA device, with arrays of CuPy on its default stream, which is also that of torch."""

    # Seconds of a row until it is given up, compilation included; a peer has a third.
    patience = 75.0

    def __init__(self) -> None:
        self.cupy = importlib.import_module("cupy")
        if not self.cupy.cuda.is_available():
            raise SystemExit("benchmarks.gpu: CuPy finds no CUDA device or driver")
        self.tiny = False
        self.peers = Peers("cupy", "cupyx.scipy.ndimage", "cucim.skimage")
        runtime = self.cupy.cuda.runtime
        self.name = runtime.getDeviceProperties(0)["name"].decode()
        # Says what is missing where kernels cannot run.
        engine = _backends.engine("benchmarks.gpu").name
        driver = _version(runtime.driverGetVersion())
        self.versions = {"backend": engine, "CUDA driver": driver, "CuPy": self.cupy.__version__}
        for name in ("cucim", "torch"):
            with contextlib.suppress(ImportError):
                self.versions[name] = importlib.import_module(name).__version__

    def put(self, array: np.ndarray) -> Any:
        return self.cupy.asarray(array)

    def get(self, value: Any) -> Any:
        """Copy an array of CuPy or torch to the host; leave anything else."""
        if isinstance(value, self.cupy.ndarray):
            return value.get()
        return value.cpu().numpy() if type(value).__module__ == "torch" else value

    def lend(self, array: Any) -> Any:
        """Return an array as peers take it."""
        return array

    def wait(self) -> None:
        self.cupy.cuda.Device().synchronize()

    def clock(self, function: Callable[[], Any]) -> tuple[float, float]:
        """Return milliseconds between two events around a call, and until Python knew that it was over."""
        before, after = self.cupy.cuda.Event(), self.cupy.cuda.Event()
        start = time.perf_counter()
        before.record()
        function()
        after.record()
        after.synchronize()
        return self.cupy.cuda.get_elapsed_time(before, after), 1e3 * (time.perf_counter() - start)

    def copy_rate(self) -> float:
        """Return bytes per second, read and written, of a copy from device memory to device memory."""
        size = 1 << 30
        source, target = self.cupy.ones(size, "uint8"), self.cupy.empty(size, "uint8")
        stream = self.cupy.cuda.get_current_stream()
        times = timed(self, lambda: target.data.copy_from_device_async(source.data, size, stream))[1]
        return 2e3 * size / times.median

    def free(self) -> None:
        self.cupy.get_default_memory_pool().free_all_blocks()

    def check(self) -> None:
        """Raise Unusable where an error of a kernel has left the device so."""
        try:
            self.cupy.zeros(1).sum().get()
        except Exception as error:
            raise Unusable(str(error)) from error


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"


def timed(device: Any, function: Callable[[], Any]) -> tuple[Any, Times]:
    """Return what a call gives, and how long it takes."""
    start = time.perf_counter()
    result = function()
    device.wait()
    first = 1e3 * (time.perf_counter() - start)
    start = time.perf_counter()
    clocked = [device.clock(function)]
    while len(clocked) < _MOST_RUNS and (len(clocked) < _LEAST_RUNS or time.perf_counter() - start < _TIMED):
        # Three are enough of what is slow.
        if time.perf_counter() - start > 4 * _TIMED and len(clocked) > 2:
            break
        clocked.append(device.clock(function))
    on_device = [one for one, _ in clocked]
    host = statistics.median(one for _, one in clocked)
    return result, Times(statistics.median(on_device), min(on_device), host, first, len(clocked))


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Interrupt Python code, such as a peer's loop, that takes too long."""

    def over(*_: Any) -> None:
        raise TimeoutError(f"more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def parts(device: Any, result: Any) -> list[np.ndarray]:
    """Return all arrays and numbers of a result, on the host."""
    result = device.get(result)
    if isinstance(result, Mapping):
        values = [result[name] for name in result]
        if all(isinstance(value, int | float) for value in values):
            return [np.array(values, np.float64)]
        return [one for value in values for one in parts(device, value)]
    if isinstance(result, Sequence) and not isinstance(result, str):
        return [one for value in result for one in parts(device, value)]
    return [np.asarray(result)]


def compare(found: Sequence[np.ndarray], expected: Sequence[np.ndarray], tolerance: float) -> str:
    """Return "equal", the largest difference where it is within the tolerance, or raise what differs."""
    if len(found) != len(expected):
        raise AssertionError(f"{len(found)} results, not {len(expected)}")
    largest = 0.0
    for got, wanted in zip(found, expected, strict=True):
        if got.shape != wanted.shape or got.dtype != wanted.dtype:
            raise AssertionError(f"{got.dtype}{list(got.shape)}, not {wanted.dtype}{list(wanted.shape)}")
        if np.array_equal(got, wanted, equal_nan=wanted.dtype.kind == "f"):
            continue
        if wanted.dtype.kind != "f":
            raise AssertionError(f"{np.count_nonzero(got != wanted)} of {wanted.size} integers differ")
        finite = np.isfinite(wanted)
        if not np.array_equal(got[~finite], wanted[~finite], equal_nan=True):
            raise AssertionError("NaN or infinity in other places")
        away, size = np.abs(got[finite] - wanted[finite]), np.abs(wanted[finite])
        # Of an image the whole range counts, of numbers each.
        ratio = away.max() / size.max() if wanted.ndim > 1 else (away / np.where(size > 0, size, 1)).max()
        if not ratio <= tolerance:
            raise AssertionError(f"floats differ by {ratio:.1e}, more than {tolerance:g}")
        largest = max(largest, float(ratio))
    return f"{largest:.0e}" if largest else "equal"


def measured(device: Any, row: Row, rate: float) -> dict[str, Any]:
    """Return all that is known of a row; what fails says why, and the rest goes on."""
    found: dict[str, Any] = {"row": row.name}
    host = list(row.inputs(device.tiny))
    arrays = [device.put(array) for array in host]
    start = time.perf_counter()
    expected = parts(device, row.call(*host))
    found["cpu_ms"] = 1e3 * (time.perf_counter() - start)
    result = None
    with _errors(found, "error"), limited(device.patience):
        result, times = timed(device, lambda: row.call(*arrays))
        found["cormack"] = times._asdict()
        if row.has_floor:
            outputs = [one for one in parts(device, result) if one.ndim]
            moved = sum(one.nbytes for one in (*host, *outputs))
            found.update(bytes=moved, floor_ms=1e3 * moved / rate, times_floor=times.median / (1e3 * moved / rate))
        found["agrees"] = compare(parts(device, result), expected, row.tolerance)
    result = None
    for name in PEERS:
        peer = getattr(row, name)
        if peer is None:
            continue
        found[name] = {}
        with _errors(found[name], "error"), limited(device.patience / 3):
            _, times = timed(device, lambda peer=peer: peer(device.peers, *map(device.lend, arrays)))
            found[name] = times._asdict()
        device.free()
    return found


@contextlib.contextmanager
def _errors(found: dict[str, Any], key: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        found[key] = f"absent: {error.name}"
    except Exception as error:
        # Whatever it is, the other rows matter more.
        found[key] = f"{type(error).__name__}: {error}"[:300]


def machine_of(device: Any) -> dict[str, Any]:
    """Return what a table must say of where it comes from."""
    return {
        "gpu": device.name,
        "cpus": len(os.sched_getaffinity(0)),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "cormack": cormack.__version__,
        **device.versions,
    }


def slug(name: str) -> str:
    """Return a machine's name as that of a file."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def bench(device: Any, rows: Sequence[Row], out: Path, seconds: float, again: bool = True) -> Path:
    """Measure rows until the time is over, and return the file of results; `again`: also those that it has."""
    deadline = time.monotonic() + seconds
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{slug(device.name)}.json"
    known = json.loads(path.read_text()) if path.exists() else {"rows": []}
    results = {one["row"]: one for one in known["rows"]}
    if again:
        # What is not reached shall not look measured.
        results = {name: one for name, one in results.items() if name not in {row.name for row in rows}}
    known.update(machine=machine_of(device), when=time.strftime("%Y-%m-%d"))
    rate = device.copy_rate()
    known["copy_rate"] = rate
    for row in rows:
        if row.name in results:
            continue
        if time.monotonic() > deadline:
            print(f"no time left for {row.name} and later rows")
            break
        # What stays if the process dies.
        results[row.name] = {"row": row.name, "error": "the process ended in this row"}
        _write(path, known, results)
        try:
            results[row.name] = measured(device, row, rate)
        except Exception as error:
            results[row.name] = {"row": row.name, "error": f"{type(error).__name__}: {error}"[:300]}
        _write(path, known, results)
        print(report.line(results[row.name], row), flush=True)
        device.check()
        device.free()
    return path


def _write(path: Path, known: dict[str, Any], results: dict[str, Any]) -> None:
    known["rows"] = list(results.values())
    for target, text in ((path, json.dumps(known, indent=1) + "\n"), (path.with_suffix(".md"), report.markdown(known))):
        part = target.with_name(f".{target.name}.part")
        part.write_text(text)
        part.replace(target)
