"""What every call may take beside its input: the output, and the images that its docstring states."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cormack import enhance, filters

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process can be reset on Linux alone")

# Long in every axis, and large against what threads keep for themselves.
SHAPE = (96, 224, 224)
THREADS_AND_NOISE = 3 << 20

# Images of the output's type beyond the output, and the call.
CALLS: dict[str, tuple[float, Callable[[np.ndarray], Any]]] = {
    "median 3": (0, lambda image: filters.median_filter(image, 3)),
    "median 4": (0, lambda image: filters.median_filter(image, 4)),
    "uniform 5": (0, lambda image: filters.uniform_filter(image, 5)),
    "uniform 31": (0, lambda image: filters.uniform_filter(image, 31)),
    "gaussian 1": (0, lambda image: filters.gaussian_filter(image, 1)),
    "gaussian 8": (0, lambda image: filters.gaussian_filter(image, 8)),
    "window": (0, lambda image: enhance.window(image, 40, 400)),
    "rescale_intensity": (0, lambda image: enhance.rescale_intensity(image)),
    "equalize_hist": (0, lambda image: enhance.equalize_hist(image)),
}


def status(field: str) -> int:
    """Return a field of this process's memory in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) << 10
    raise LookupError(field)


@pytest.fixture(scope="module")
def volume() -> np.ndarray:
    return np.random.default_rng(3).integers(-1000, 1000, SHAPE).astype(np.int16)


@pytest.mark.parametrize("dtype", ["int16", "float32"])
@pytest.mark.parametrize("name", CALLS)
def test_peak_memory(name, dtype, volume):
    images, call = CALLS[name]
    image = volume.astype(dtype)
    call(image[:8])  # libraries and tables that are made once
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # memory that was freed but kept would hide what the call takes
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pytest.skip("this process may not reset its peak")
    before = status("VmRSS")
    result = call(image)
    beyond = status("VmHWM") - before - result.nbytes
    assert beyond <= images * result.nbytes + THREADS_AND_NOISE, f"{beyond / result.nbytes:.2f} images"
