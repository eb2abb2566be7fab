"""Volumes larger than memory: Cormack's operations on `dask.array`, with the results of those on arrays in memory."""

from __future__ import annotations

from ._filters import FUNCTIONS as _FILTERS

globals().update(_FILTERS)
__all__ = sorted(_FILTERS)
