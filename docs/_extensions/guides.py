"""The guides in the order in which images go through them, and how their pictures look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

ORDER = (
    "first_steps",
    "import_images",
    "enhance",
    "filter",
    "grow_regions",
    "threshold_and_screen",
    "radiomics",
    "edges_and_surfaces",
    "find_objects",
    "find_anomalies",
    "run_a_cohort",
)


class GuideOrder:
    """Sort key of sphinx-gallery: ORDER, not the alphabet."""

    def __init__(self, folder: str) -> None:
        """Take what sphinx-gallery gives and needs not be known."""

    def __call__(self, name: str) -> int:
        """Return the place of a guide."""
        return ORDER.index(Path(name).stem)


def set_up_pictures(gallery: dict[str, Any], name: str) -> None:
    """Give every guide the same fresh matplotlib settings."""
    import matplotlib

    matplotlib.rcParams.update({"figure.dpi": 100, "savefig.dpi": 100, "axes.titlesize": 11, "font.size": 10})
