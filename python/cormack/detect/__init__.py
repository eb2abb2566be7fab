"""Detection: edges, boundaries, objects and anomalies, in 2-D and 3-D."""

from __future__ import annotations

from ._anomaly import rx_detector
from ._asymmetry import asymmetry_map, symmetry_plane
from ._blobs import blob_dog, blob_doh, blob_log
from ._boundary import find_boundaries
from ._boxes import non_maximum_suppression
from ._canny import canny, canny_points
from ._contours import find_contours
from ._lesions import froc, score_lesions
from ._peaks import peak_local_max
from ._surface import marching_cubes
from ._template import match_template
from ._zero_crossings import zero_crossings

__all__ = [
    "asymmetry_map",
    "blob_dog",
    "blob_doh",
    "blob_log",
    "canny",
    "canny_points",
    "find_boundaries",
    "find_contours",
    "froc",
    "marching_cubes",
    "match_template",
    "non_maximum_suppression",
    "peak_local_max",
    "rx_detector",
    "score_lesions",
    "symmetry_plane",
    "zero_crossings",
]
