"""What differs from normal: rows of a table, places of an image, whole images.

Three levels, one idea: a score is worth what normal things score that took no part in making it (`Calibration`).

Functions
---------
fit_table
    Rows: isolation forest, robust distance, local outlier factor, PyOD's detectors.
fit_patches
    Places of an image: patches that resemble none of the normal images'; a heat map on the image's grid.

They need scikit-learn: ``pip install "cormack[ml]"``. What needs no normal images is in `cormack.detect`: `rx_detector`,
`asymmetry_map`.
"""

from __future__ import annotations

from ._calibration import Calibration
from ._heat import AnomalyMap
from ._patches import PatchMemory, fit_patches
from ._table import METHODS, PYOD, TableDetector, fit_table

__all__ = [
    "METHODS",
    "PYOD",
    "AnomalyMap",
    "Calibration",
    "PatchMemory",
    "TableDetector",
    "fit_patches",
    "fit_table",
]
