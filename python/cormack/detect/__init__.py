"""Detection: edges, boundaries, objects and anomalies, in 2-D and 3-D."""

from __future__ import annotations

from ._canny import canny, canny_points

__all__: list[str] = ["canny", "canny_points"]
