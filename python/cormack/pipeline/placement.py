"""Where the steps of a case compute: what a GPU computes on goes there once, and stays there from step to step."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _backends

__all__ = ["DEVICES", "Placement", "require_device"]

DEVICES = _backends.DEVICES


def require_device(function: str, device: str | None) -> None:
    """Raise `BackendUnavailable`, with what to install, where a GPU is asked for and none can compute here.

    Parameters
    ----------
    function : str
        For the message.
    device : {None, "cpu", "cuda"}
        What was asked for.
    """
    if device == "cuda":
        _backends.uploaded(function, np.zeros(1, np.uint8))


class Placement:
    """Arrays of one case on a GPU and on the host: of what is asked for on both sides, one copy is made.

    Arrays are not written to while a case goes from step to step, so that both copies stay equal.
    """

    def __init__(self) -> None:
        """Begin without any array."""
        # By the identity of either; holding both keeps these identities theirs.
        self._pairs: dict[int, tuple[npt.NDArray[Any], Any]] = {}

    def on_gpu(self, array: Any) -> Any:
        """Return an array on the GPU.

        Parameters
        ----------
        array : ndarray or array on a GPU
            On either side.

        Returns
        -------
        array on a GPU
        """
        if not isinstance(array, np.ndarray) and _backends.is_on_gpu(array):
            return array
        if id(array) not in self._pairs:
            self._keep(array, _backends.uploaded("run", np.ascontiguousarray(array)).owner)
        return self._pairs[id(array)][1]

    def on_host(self, array: Any) -> npt.NDArray[Any]:
        """Return an array on the host.

        Parameters
        ----------
        array : ndarray or array on a GPU
            On either side.

        Returns
        -------
        ndarray
        """
        if isinstance(array, np.ndarray) or not _backends.is_on_gpu(array):
            return np.asarray(array)
        if id(array) not in self._pairs:
            self._keep(_backends.borrow("run", "image", array)[0].to_host(), array)
        return self._pairs[id(array)][0]

    def _keep(self, host: npt.NDArray[Any], gpu: Any) -> None:
        self._pairs[id(host)] = self._pairs[id(gpu)] = (host, gpu)
