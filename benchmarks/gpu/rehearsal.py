"""A stand-in for a GPU: kernels on the CPU through the tests' shim, peers that are the libraries that theirs copy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from tests.gpu.shim import ShimArray, ShimLibrary

from cormack import _backends

from .measure import Peers


class Rehearsal:
    """Computes every row on tiny images. Its times mean nothing."""

    # The shim is compiled too.
    patience = 900.0

    def __init__(self) -> None:
        self.tiny = True
        self.name = "rehearsal"
        self.versions: dict[str, str] = {}
        self.peers = _HostPeers()
        self.shim = ShimLibrary()
        _backends.LIBRARIES.insert(0, self.shim)

    def close(self) -> None:
        """Put things back."""
        _backends.LIBRARIES.remove(self.shim)

    def put(self, array: np.ndarray) -> Any:
        return ShimArray(array.copy())

    def get(self, value: Any) -> Any:
        if isinstance(value, ShimArray):
            return value.host
        return value.numpy() if type(value).__module__ == "torch" else value

    def lend(self, array: Any) -> Any:
        return array.host

    def wait(self) -> None:
        """There is nothing to wait for."""

    def clock(self, function: Callable[[], Any]) -> tuple[float, float]:
        start = time.perf_counter()
        function()
        return (1e3 * (time.perf_counter() - start),) * 2

    def copy_rate(self) -> float:
        return 1e9

    def free(self) -> None:
        """There is no pool."""

    def check(self) -> None:
        """It cannot break."""


class _HostPeers(Peers):
    """SciPy and scikit-image, whose functions CuPy's and cuCIM's copy."""

    def __init__(self) -> None:
        super().__init__("numpy", "scipy.ndimage", "skimage")
