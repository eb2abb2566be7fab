"""Segmentation: region growing, connected components, what they measure, and which of them to keep.

A segmentation is an array of bool, a label image one of int32 with 0 as background. ``connectivity`` is scikit-image's:
how many coordinates may change by one between neighbours, so 1, 2 and 3 are the 6, 18 and 26 neighbours of a voxel, and
1 and 2 the 4 and 8 neighbours of a pixel.
"""

from __future__ import annotations

from ._labels import label, label_statistics
from ._masks import clear_border, fill_holes, largest_component, remove_small_objects
from ._region_growing import (
    confidence_connected,
    connected_threshold,
    flood,
    flood_fill,
    isolated_connected,
    neighborhood_connected,
    seeded_region_growing,
)
from ._screen import screen
from ._threshold import threshold_otsu

__all__ = [
    "clear_border",
    "confidence_connected",
    "connected_threshold",
    "fill_holes",
    "flood",
    "flood_fill",
    "isolated_connected",
    "label",
    "label_statistics",
    "largest_component",
    "neighborhood_connected",
    "remove_small_objects",
    "screen",
    "seeded_region_growing",
    "threshold_otsu",
]
