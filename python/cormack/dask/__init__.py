"""Volumes larger than memory: Cormack's operations on `dask.array`, with the results of those on arrays in memory."""

from __future__ import annotations

from ._filters import FUNCTIONS as _FILTERS
from ._whole import FUNCTIONS as _WHOLE

globals().update(_FILTERS | _WHOLE)
__all__ = sorted(_FILTERS | _WHOLE)
