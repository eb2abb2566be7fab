"""Settings shared by the benchmarks: the number of threads for everybody, and what each row reports."""

from __future__ import annotations

import importlib.metadata
import os

import pytest

import cormack

PEERS = (
    *("numpy", "scipy", "scikit-image", "SimpleITK", "opencv-python-headless", "connected-components-3d", "edt"),
    *("pydicom", "nibabel", "PyWavelets"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--threads", type=int, default=0, help="threads for Cormack and its peers; 0: all of this process")


def pytest_configure(config: pytest.Config) -> None:
    threads = config.getoption("--threads") or len(os.sched_getaffinity(0))
    cormack.set_num_threads(threads)
    try:
        import SimpleITK

        SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    except ImportError:
        pass
    try:
        import cv2

        cv2.setNumThreads(threads)
    except ImportError:
        pass


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec is not None and "contender" not in callspec.params:
            raise pytest.UsageError(f"{item.nodeid}: benchmarks.report needs to know the contender of a row")


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, object]) -> None:
    machine_info["cormack"] = cormack.show_config("dict")
    machine_info["peers"] = {name: _version(name) for name in PEERS if _version(name)}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
