"""The level of a surface or of lines."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _check, _cormack_cpu


def level_of(name: str, array: np.ndarray, level: Any, threads: int) -> tuple[float, bool]:
    """Return the level, and whether the image may have NaN; refuse a level outside the range of its values."""
    value = None if level is None else _check.real(name, "level", level)
    low, high, has_nan = _cormack_cpu.minmax(array, None, threads) if array.size else (0.0, -1.0, False)
    if low > high:
        # Nothing, or nothing but NaN: there is nothing to find.
        return (0.0 if value is None else value), has_nan
    if value is None:
        middle = (low + high) / 2
        if not np.isfinite(middle):
            raise ValueError(f"{name}: `level` must be given for an image with values from {low:g} to {high:g}")
        return middle, has_nan
    if not low <= value <= high:
        raise ValueError(f"{name}: `level` must lie between {low:g} and {high:g}, the range of the values, got {level}")
    return value, has_nan
