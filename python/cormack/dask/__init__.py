"""Volumes larger than memory: Cormack's operations on `dask.array`, with the results of those on arrays in memory."""

from __future__ import annotations

from ._filters import FUNCTIONS as _FILTERS
from ._segment import FUNCTIONS as _SEGMENT
from ._whole import FUNCTIONS as _WHOLE

_FUNCTIONS = _FILTERS | _SEGMENT | _WHOLE
globals().update(_FUNCTIONS)
__all__ = sorted(_FUNCTIONS)
