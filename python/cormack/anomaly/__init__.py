"""What differs from normal: rows of a table, places of an image, whole images.

Three levels, one idea: a score is worth what normal things score that took no part in making it (`Calibration`).

Functions
---------
fit_table
    Rows: isolation forest, robust distance, local outlier factor, PyOD's detectors.
fit_patches
    Places of an image: patches that resemble none of the normal images'; a heat map on the image's grid.

fit_residual
    Images: what a network that reconstructs normal ones cannot reconstruct; a heat map too.
score_folder
    A folder of images against a folder of normal ones: maps, table, report. ``cormack anomaly`` on the command line.
save_detector, load_detector
    Detectors on disk, without pickle.

They need scikit-learn: ``pip install "cormack[ml]"``. What needs no normal images is in
`cormack.detect`: `rx_detector`, `asymmetry_map`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._calibration import Calibration
from ._heat import AnomalyMap
from ._model import load_detector, save_detector
from ._patches import PatchMemory, fit_patches
from ._residual import ResidualDetector, fit_residual
from ._table import METHODS, PYOD, TableDetector, fit_table

if TYPE_CHECKING:
    from ._cohort import score_folder

__all__ = [
    "METHODS",
    "PYOD",
    "AnomalyMap",
    "Calibration",
    "PatchMemory",
    "ResidualDetector",
    "TableDetector",
    "fit_patches",
    "fit_residual",
    "fit_table",
    "load_detector",
    "save_detector",
    "score_folder",
]


def __getattr__(name: str) -> Any:
    # What the pipeline is built on stays away from those who only want arrays.
    if name == "score_folder":
        from ._cohort import score_folder

        return score_folder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
