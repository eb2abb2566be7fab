"""Detection: edges, boundaries, objects and anomalies, in 2-D and 3-D."""

from __future__ import annotations

__all__: list[str] = []
