"""The pool as seen from Python: settings, environment, threadpoolctl, fork, concurrent callers, the GIL."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import cormack
from cormack import filters

IMAGE = np.random.default_rng(0).integers(-1000, 1000, (40, 96, 96)).astype(np.int16)


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"CORMACK_NUM_THREADS": "3"}, "3"),
        ({"OMP_NUM_THREADS": "5"}, "5"),
        ({"OMP_NUM_THREADS": "5,2"}, "5"),
        ({"CORMACK_NUM_THREADS": "2", "OMP_NUM_THREADS": "5"}, "2"),
    ],
    ids=str,
)
def test_environment_sets_the_number(environment, expected):
    clean = {"CORMACK_NUM_THREADS": "", "OMP_NUM_THREADS": "", **environment}
    result = run_python("import cormack; print(cormack.get_num_threads())", **clean)
    assert result.stdout.strip() == expected, result.stderr


def test_environment_that_is_no_number_is_refused():
    result = run_python("import cormack", CORMACK_NUM_THREADS="many")
    assert result.returncode != 0
    assert "CORMACK_NUM_THREADS must be a whole number of at least 1, got 'many'" in result.stderr


def test_unknown_instruction_set_is_refused():
    result = run_python("import cormack", CORMACK_ISA="v9")
    assert result.returncode != 0
    assert "must be one of those this processor runs" in result.stderr


def test_set_num_threads():
    before = cormack.get_num_threads()
    cormack.set_num_threads(7)
    assert cormack.get_num_threads() == 7
    assert cormack.show_config("dict")["threads_source"] == "set_num_threads or threadpoolctl"
    cormack.set_num_threads(None)
    assert cormack.get_num_threads() == before


@pytest.mark.parametrize("count", [0, -1])
def test_set_num_threads_rejects_numbers_below_one(count):
    with pytest.raises(ValueError, match="`count` must be at least 1, got"):
        cormack.set_num_threads(count)


@pytest.mark.parametrize("count", [1.5, "2", True])
def test_set_num_threads_rejects_what_is_no_int(count):
    with pytest.raises(TypeError, match="`count` must be an int or None, got"):
        cormack.set_num_threads(count)


@pytest.mark.parametrize("workers", [0, -2])
def test_workers_must_be_positive(workers):
    with pytest.raises(ValueError, match="`workers` must be at least 1, got"):
        filters.median_filter(IMAGE, 3, workers=workers)


def test_threadpoolctl_limits_the_pool():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    cormack.set_num_threads(4)
    try:
        with threadpoolctl.threadpool_limits(1):
            assert cormack.get_num_threads() == 1
        assert cormack.get_num_threads() == 4
        info = [entry for entry in threadpoolctl.threadpool_info() if entry["internal_api"] == "cormack"]
        assert [entry["num_threads"] for entry in info] == [4]
    finally:
        cormack.set_num_threads(None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_computes():
    expected = filters.median_filter(IMAGE, 3, workers=4)
    child = os.fork()
    if child == 0:
        same = np.array_equal(filters.median_filter(IMAGE, 3, workers=4), expected)
        os._exit(0 if same else 1)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert status == 0
            return
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    pytest.fail("the forked child did not finish")


def test_concurrent_callers_get_their_own_results():
    images = [IMAGE + np.int16(i) for i in range(6)]
    expected = [filters.median_filter(image, 3, workers=1) for image in images]
    results: list[list[np.ndarray]] = [[] for _ in images]

    def work(i: int) -> None:
        for _ in range(5):
            results[i].append(filters.median_filter(images[i], 3, workers=2))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(images))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for got, want in zip(results, expected, strict=True):
        assert len(got) == 5
        for array in got:
            np.testing.assert_array_equal(array, want)


def test_the_gil_is_released():
    volume = np.tile(IMAGE, (8, 2, 2))
    ticks = 0
    stop = threading.Event()

    def count() -> None:
        nonlocal ticks
        while not stop.is_set():
            ticks += 1
            time.sleep(0.0005)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        before = ticks
        for _ in range(3):
            filters.median_filter(volume, 7, workers=1)
        during = ticks - before
    finally:
        stop.set()
        thread.join()
    # With the GIL held for the whole time of three calls, the counter would move between them alone.
    assert during > 6
