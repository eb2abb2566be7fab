"""Axes of plots: where their ticks are and how they read."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .formatting import group_digits, number

__all__ = ["nice", "tick", "ticks"]


def nice(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, ... at or above the value."""
    scale = 10.0 ** math.floor(math.log10(value))
    return next(step * scale for step in (1.0, 2.0, 5.0, 10.0) if step * scale >= value * (1 - 1e-9))


def ticks(low: float, high: float, count: int) -> Iterator[float]:
    """About `count` round values from `low` to `high`."""
    step = nice((high - low) / count)
    for index in range(math.ceil(low / step), math.floor(high / step) + 1):
        yield index * step


def tick(value: float) -> str:
    """A value at a tick: no more digits than it has."""
    text = f"{value:.6g}"
    return number(value) if "e" in text else group_digits(text)
