"""Memory layouts that every operation must take."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest


def _strided(array: np.ndarray) -> np.ndarray:
    wide = np.zeros([2 * n + 1 for n in array.shape], array.dtype)
    part = wide[tuple(slice(1, 2 * n + 1, 2) for n in array.shape)]
    part[...] = array
    return part


def _padded(array: np.ndarray) -> np.ndarray:
    wide = np.zeros([n + 2 for n in array.shape], array.dtype)
    part = wide[tuple(slice(1, n + 1) for n in array.shape)]
    part[...] = array
    return part


def _reversed(array: np.ndarray) -> np.ndarray:
    every = (slice(None, None, -1),) * array.ndim
    return np.ascontiguousarray(array[every])[every]


def _last_axis_first(array: np.ndarray) -> np.ndarray:
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, -1, 0)), 0, -1)


def _unaligned(array: np.ndarray) -> np.ndarray:
    raw = np.zeros(array.nbytes + 1, np.uint8)
    view = raw[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "fortran": np.asfortranarray,
    "strided": _strided,
    "padded": _padded,
    "reversed": _reversed,
    "last_axis_first": _last_axis_first,
    "swapped": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "unaligned": _unaligned,
}


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that gives an array of equal values laid out differently."""
    return LAYOUTS[request.param]
