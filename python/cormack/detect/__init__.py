"""Detection: edges, boundaries, objects and anomalies, in 2-D and 3-D."""

from __future__ import annotations

from ._lesions import froc, score_lesions

__all__ = [
    "froc",
    "score_lesions",
]
