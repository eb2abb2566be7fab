"""Detection: edges, boundaries, objects and anomalies, in 2-D and 3-D."""

from __future__ import annotations

from ._boundary import find_boundaries
from ._canny import canny, canny_points
from ._contours import find_contours
from ._lesions import froc, score_lesions
from ._surface import marching_cubes

__all__ = [
    "canny",
    "canny_points",
    "find_boundaries",
    "find_contours",
    "froc",
    "marching_cubes",
    "score_lesions",
]
