"""Filters: SciPy's names, arguments and boundary modes, on the pixel types of medical images.

The type that comes in goes out; integer results are rounded to nearest and saturate. An image whose last axis is not
contiguous in memory is copied once.
"""

from __future__ import annotations

from typing import Any

from . import _check, _cormack_cpu
from ._arrays import take
from ._neighbourhood import PerAxis, apply

__all__: list[str] = []
