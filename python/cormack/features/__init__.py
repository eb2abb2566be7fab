"""Features of images and regions, as the Image Biomarker Standardisation Initiative (IBSI) names and defines them.

Every function returns a flat dictionary from IBSI's short names to numbers; `definitions` says what they mean.
"""

from __future__ import annotations

from ._definitions import Definition as Definition
from ._definitions import definitions
from ._first_order import first_order
from ._morphology import morphology

__all__ = ["definitions", "first_order", "morphology"]
