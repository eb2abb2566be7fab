"""The clock: every row beside a copy of the image, in one run."""

from __future__ import annotations

import importlib
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from .. import _check
from .._config import get_num_threads, memory_of_machine, set_num_threads, show_config
from ._rows import OPERATIONS, PEERS, Row, Subject

__all__ = ["measure"]

_SHAPES = {False: (128, 256, 256), True: (64, 128, 128)}
_MOST_ROUNDS = 15
_SECONDS = {False: 2.0, True: 0.25}  # per contender; three rounds in any case, of what takes longer one

Json = dict[str, Any]


def measure(
    *,
    quick: bool = False,
    peers: bool = True,
    only: str | None = None,
    threads: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Json:
    """Time the operations on a chest CT phantom, beside a copy of it in memory and what else is installed.

    Parameters
    ----------
    quick : bool, default False
        A volume of 64 x 128 x 128 instead of 128 x 256 x 256 int16 voxels, and fewer rounds.
    peers : bool, default True
        Time SciPy, scikit-image and SimpleITK too, where they are installed and do the same.
    only : str, optional
        Rows whose family or name has this text in it; all if not given.
    threads : int, optional
        For Cormack and for peers that have threads; all that this process may use if not given.
    progress : callable, optional
        Called with the name of a row, how many are done and how many there are.

    Returns
    -------
    dict
        ``machine`` (processor, system, threads, instruction set, bytes of memory; no name of it or of its user),
        ``versions``, ``image`` (shape, dtype, bytes), ``copy`` (ms, GB/s read and written) and ``rows``: ``family``,
        ``name``, ``ms`` (median), ``ms_low``, ``ms_high``, ``rounds``, ``copies`` (ms as a multiple of the copy) and
        ``peers`` by name: ``ms``, ``rounds``, ``times_slower``, ``equal`` (whether every voxel is Cormack's; None where
        peers define the operation in another way). JSON can hold all of it.

    Raises
    ------
    ValueError
        If no row has the text of `only` in it, or `threads` is less than 1.

    Notes
    -----
    Results are allocated anew in every round, as in a program. Each contender runs once before it is timed. Other work
    on the machine makes all figures of that time larger: compare those of one run.

    Examples
    --------
    >>> from cormack import bench
    >>> result = bench.measure(quick=True, peers=False, only="threshold_otsu")
    >>> [row["name"] for row in result["rows"]]
    ['threshold_otsu']
    """
    rows = [row for row in OPERATIONS if only is None or only in row.family or only in row.name]
    if not rows:
        names = ", ".join(row.name for row in OPERATIONS)
        raise ValueError(f"measure: `only` must be part of a name of a row ({names}), got {only!r}")
    if threads is not None:
        threads = _check.integer("measure", "threads", threads, minimum=1)
    before = get_num_threads()
    if threads is not None:
        set_num_threads(threads)
    try:
        return _measure(rows, quick, _installed() if peers else {}, progress)
    finally:
        set_num_threads(before)


def _measure(
    rows: list[Row], quick: bool, peers: dict[str, str], progress: Callable[[str, int, int], None] | None
) -> Json:
    subject = Subject(_SHAPES[quick])
    target = np.empty_like(subject.image)
    with _threads_of_simpleitk("SimpleITK" in peers):
        copies = _times(lambda: np.copyto(target, subject.image), _SECONDS[quick])
        copy = statistics.median(copies)
        measured = []
        for done, row in enumerate(rows):
            if progress is not None:
                progress(row.name, done, len(rows))
            measured.append(_measure_row(row, subject, copy, peers, _SECONDS[quick]))
        if progress is not None:
            progress("", len(rows), len(rows))
    config = show_config("dict")
    return {
        "format": 1,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "machine": {
            "processor": _processor(),
            "system": f"{platform.system()} {platform.machine()}",
            "threads": config["threads"],
            "instruction_set": config["instruction_set"],
            "memory_bytes": memory_of_machine(),
        },
        "versions": {"cormack": config["version"], "Python": config["python"], "NumPy": config["numpy"], **peers},
        "image": {"shape": list(subject.image.shape), "dtype": str(subject.image.dtype), "bytes": subject.image.nbytes},
        "copy": {"ms": copy, "gb_per_s": 2 * subject.image.nbytes / copy / 1e6},
        "rows": measured,
    }


def _measure_row(row: Row, subject: Subject, copy: float, peers: dict[str, str], seconds: float) -> Json:
    result: Any = row.ours(subject) if row.same else None
    times = _times(lambda: row.ours(subject), seconds)
    ours = statistics.median(times)
    beside = {}
    for name, call in row.peers.items():
        if name in peers:
            equal = bool(np.array_equal(_as_array(call(subject)), result)) if row.same else None
            theirs = _times(lambda call=call: call(subject), seconds)  # type: ignore[misc]
            median = statistics.median(theirs)
            beside[name] = {"ms": median, "rounds": len(theirs), "times_slower": median / ours, "equal": equal}
    return {
        "family": row.family,
        "name": row.name,
        "ms": ours,
        "ms_low": min(times),
        "ms_high": max(times),
        "rounds": len(times),
        "copies": ours / copy,
        "peers": beside,
    }


def _as_array(result: Any) -> Any:
    if isinstance(result, np.ndarray):
        return result
    return importlib.import_module("SimpleITK").GetArrayFromImage(result)


def _times(function: Callable[[], Any], seconds: float) -> list[float]:
    """Milliseconds of each round."""
    begun = time.perf_counter()
    function()
    first = time.perf_counter() - begun
    rounds = 1 if first > seconds else max(3, min(_MOST_ROUNDS, int(seconds / max(first, 1e-9))))
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        function()
        times.append(1e3 * (time.perf_counter() - begun))
    return times


def _installed() -> dict[str, str]:
    """Versions of the peers by name."""
    found = {}
    for name, module in PEERS.items():
        try:
            importlib.import_module(module)
            found[name] = version(name)
        except (ImportError, PackageNotFoundError):
            continue
    return found


@contextmanager
def _threads_of_simpleitk(present: bool) -> Iterator[None]:
    """As many for SimpleITK as for Cormack, for a while."""
    if not present:
        yield
        return
    process = importlib.import_module("SimpleITK").ProcessObject
    before = process.GetGlobalDefaultNumberOfThreads()
    process.SetGlobalDefaultNumberOfThreads(get_num_threads())
    try:
        yield
    finally:
        process.SetGlobalDefaultNumberOfThreads(before)


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith(("model name", "Model")):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or f"{os.cpu_count()} processors"
