"""The shim finds what it is there to find: a test that could not fail would prove nothing."""

from __future__ import annotations

import numpy as np
import pytest

from cormack import _backends, enhance

from ..on_device import OnDevice
from .shim import SCHEDULES, ShimArray, ShimLibrary

VALUES = np.arange(64, dtype=np.int32)


def run(monkeypatch: pytest.MonkeyPatch, fault: int, schedule: int) -> np.ndarray:
    monkeypatch.setitem(_backends.OPERATIONS, "faults", "../tests/gpu/faults")
    library = ShimLibrary()
    library.engine.schedule = schedule
    source = _backends.OnDevice.of(ShimArray(VALUES), library)
    target = source.empty()
    _backends.run("test", "faults", [source, target], fault=fault)
    return target.to_host()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_right_kernel_is_right(monkeypatch: pytest.MonkeyPatch, schedule: int) -> None:
    np.testing.assert_array_equal(run(monkeypatch, 0, schedule), VALUES[::-1])


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_barrier_that_some_threads_miss_is_found(monkeypatch: pytest.MonkeyPatch, schedule: int) -> None:
    with pytest.raises(RuntimeError, match="__syncthreads is reached by a part of the block"):
        run(monkeypatch, 1, schedule)


@pytest.mark.parametrize("fault", [2, 3], ids=["value never written", "barrier missing"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_what_was_never_written_shows(monkeypatch: pytest.MonkeyPatch, fault: int, schedule: int) -> None:
    found = run(monkeypatch, fault, schedule)
    poison = np.int32(-0x5A5A5A5B)
    assert (found == poison).any()


def test_the_option_device_computes_there(monkeypatch: pytest.MonkeyPatch) -> None:
    option = OnDevice(["shim"])
    image = np.arange(12, dtype=np.int16).reshape(3, 4)
    expected = enhance.window(image, 4, 6)
    with option.elsewhere("shim", monkeypatch):
        np.testing.assert_array_equal(enhance.window(image, 4, 6), expected)
    assert option.uploads == 1
    enhance.window(image, 4, 6)
    assert option.uploads == 1
