"""Enhancement: windows, contrast and histogram equalization. scikit-image's names where it has one."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _check, _cormack_cpu
from ._arrays import take

__all__: list[str] = []
