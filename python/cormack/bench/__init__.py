"""How fast Cormack is on this machine, beside a copy of the image in memory and what else is installed."""

from __future__ import annotations

from ._measure import measure
from ._page import write_page
from ._rows import OPERATIONS

__all__ = ["OPERATIONS", "measure", "write_page"]
