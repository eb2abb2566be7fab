"""What this installation can do and how it runs: instruction set, threads, devices."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from typing import Any, Literal, overload

import numpy as np

from . import _backends, _cormack_cpu
from ._check import MOST_THREADS


def _threads_from_environment() -> tuple[int, str]:
    """Return the number of threads to start with and where it comes from."""
    for variable in ("CORMACK_NUM_THREADS", "OMP_NUM_THREADS"):
        text = os.environ.get(variable, "").split(",")[0].strip()
        if not text:
            continue
        if text.isascii() and text.isdigit() and int(text) >= 1:
            return min(int(text), MOST_THREADS), variable
        # OMP_NUM_THREADS belongs to others too, and they ignore what they cannot read.
        if variable == "CORMACK_NUM_THREADS":
            raise ValueError(f"CORMACK_NUM_THREADS must be a whole number of at least 1, got {text!r}")
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_processors()
    if quota is not None and quota < usable:
        return quota, "container limit"
    return usable, "processors of this process"


def _cgroup_processors() -> int | None:
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:
            limit, period = file.read().split()
        return None if limit == "max" else max(1, round(int(limit) / int(period)))
    except (OSError, ValueError):
        return None


def memory_of_machine() -> int | None:
    """Return the bytes that this machine, or its container, has; None where that is not known."""
    sizes = []
    with contextlib.suppress(AttributeError, OSError, ValueError):
        sizes.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(OSError, ValueError), open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
        # "max" is a ValueError.
        sizes.append(int(file.read()))
    return max(1, min(sizes)) if sizes else None


def _register_with_threadpoolctl() -> None:
    try:
        import threadpoolctl
    except ImportError:
        return

    class CormackController(threadpoolctl.LibController):  # type: ignore[misc]
        """Lets ``threadpoolctl.threadpool_limits`` reach Cormack's pool."""

        user_api = "cormack"
        internal_api = "cormack"
        filename_prefixes = ("_cormack_cpu",)

        def get_num_threads(self) -> int:
            return int(self.dynlib.cormack_get_num_threads())

        def set_num_threads(self, num_threads: int) -> None:
            self.dynlib.cormack_set_num_threads(num_threads)

        def get_version(self) -> str | None:
            return None

        def set_additional_attributes(self) -> None:
            self.instruction_set = _cormack_cpu.isa()

    threadpoolctl.register(CormackController)


_default_threads, _default_source = _threads_from_environment()
_cormack_cpu.set_num_threads(_default_threads)
if _level := os.environ.get("CORMACK_ISA"):
    _cormack_cpu.use_isa(_level)
_register_with_threadpoolctl()


def get_num_threads() -> int:
    """Return the number of threads that operations use when ``workers`` is not given.

    Returns
    -------
    int
        From `set_num_threads` or threadpoolctl, else ``CORMACK_NUM_THREADS``, else ``OMP_NUM_THREADS``, else the
        processors that this process may use.

    Examples
    --------
    >>> import cormack
    >>> cormack.get_num_threads() >= 1
    True
    """
    return _cormack_cpu.get_num_threads()


def set_num_threads(count: int | None) -> None:
    """Set the number of threads that operations use when ``workers`` is not given.

    Results are the same, bit for bit, for any number.

    Parameters
    ----------
    count : int or None
        At least 1, and 256 at most take part; None returns to the number of the environment.

    Raises
    ------
    ValueError
        If `count` is below 1.

    Examples
    --------
    >>> import cormack
    >>> cormack.set_num_threads(1)
    >>> cormack.get_num_threads()
    1
    >>> cormack.set_num_threads(None)
    """
    if count is None:
        count = _default_threads
    if isinstance(count, bool) or not hasattr(count, "__index__"):
        raise TypeError(f"set_num_threads: `count` must be an int or None, got {count!r}")
    if int(count) < 1:
        raise ValueError(f"set_num_threads: `count` must be at least 1, got {count!r}")
    _cormack_cpu.set_num_threads(min(int(count), MOST_THREADS))


def _cuda() -> dict[str, Any]:
    if importlib.util.find_spec("cormack._cormack_cuda") is None:
        return {"built": False, "devices": [], "reason": "not looked for, the CUDA extension is not built"}
    from . import _cormack_cuda

    devices = _cormack_cuda.devices()
    return {
        "built": True,
        "runtime_version": _cormack_cuda.runtime_version(),
        "devices": devices,
        "reason": "" if devices else "no CUDA device or driver found",
    }


@overload
def show_config(mode: Literal["stdout"] = "stdout") -> None: ...
@overload
def show_config(mode: Literal["dict"]) -> dict[str, Any]: ...


def show_config(mode: Literal["stdout", "dict"] = "stdout") -> dict[str, Any] | None:
    """Say what was built, what was chosen, how many threads run and which GPU is there.

    Parameters
    ----------
    mode : {"stdout", "dict"}, default "stdout"
        Print it, or return it as a dictionary.

    Returns
    -------
    dict or None
        Keys ``version``, ``python``, ``numpy``, ``compiler``, ``build_type``, ``instruction_sets`` (what this
        processor runs), ``instruction_set`` (the one in use; ``CORMACK_ISA`` forces one), ``threads``,
        ``threads_source``, ``cuda`` and ``backends`` (``CORMACK_BACKEND``, why each cannot run, what runs
        on a GPU, and `get_gpu_memory_limit`).

    Raises
    ------
    ValueError
        If `mode` is neither.

    Examples
    --------
    >>> import cormack
    >>> sorted(cormack.show_config("dict"))[:3]
    ['backends', 'build_type', 'compiler']
    """
    if mode not in ("stdout", "dict"):
        raise ValueError(f"show_config: `mode` must be 'stdout' or 'dict', got {mode!r}")
    threads = get_num_threads()
    config: dict[str, Any] = {
        "version": _cormack_cpu.version,
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "compiler": _cormack_cpu.compiler,
        "build_type": _cormack_cpu.build_type,
        "instruction_sets": _cormack_cpu.available_isas(),
        "instruction_set": _cormack_cpu.isa(),
        "threads": threads,
        "threads_source": _default_source if threads == _default_threads else "set_num_threads or threadpoolctl",
        "cuda": _cuda(),
        "backends": _backends.report(),
    }
    if mode == "dict":
        return config
    from ._files import bytes_in_words

    cuda = config["cuda"]
    gpus = ", ".join(f"{device['name']} ({device['compute_capability']})" for device in cuda["devices"])
    print(f"cormack {config['version']} on Python {config['python']} with NumPy {config['numpy']}")
    print(f"built with {config['compiler']}, {config['build_type']}")
    print(f"instruction set {config['instruction_set']} of {', '.join(config['instruction_sets'])}")
    print(f"threads {threads} ({config['threads_source']})")
    print(f"GPU {gpus or cuda['reason']}")
    missing = config["backends"]["missing"]
    states = "; ".join(f"{name}: {missing[name] or 'runs'}" for name in missing)
    print(f"backend {config['backends']['choice']} ({states})")
    most = config["backends"]["memory_limit"]
    print(f"GPU memory limit {'none but its own' if most is None else bytes_in_words(most)}")
    return None
