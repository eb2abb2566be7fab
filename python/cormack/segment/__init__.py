"""Segmentation: region growing, connected components, what they measure, and which of them to keep.

A segmentation is an array of bool, a label image one of int32 with 0 as background. ``connectivity`` is scikit-image's:
how many coordinates may change by one between neighbours, so 1, 2 and 3 are the 6, 18 and 26 neighbours of a voxel, and
1 and 2 the 4 and 8 neighbours of a pixel.
"""

from __future__ import annotations

from ._distance import distance_transform_edt
from ._labels import label, label_statistics
from ._masks import clear_border, fill_holes, largest_component, remove_small_objects
from ._morphology import ball, binary_closing, binary_dilation, binary_erosion, binary_opening
from ._region_growing import connected_threshold
from ._screen import screen
from ._threshold import threshold_otsu
from ._watershed import watershed

__all__ = [
    "ball",
    "binary_closing",
    "binary_dilation",
    "binary_erosion",
    "binary_opening",
    "clear_border",
    "connected_threshold",
    "distance_transform_edt",
    "fill_holes",
    "label",
    "label_statistics",
    "largest_component",
    "remove_small_objects",
    "screen",
    "threshold_otsu",
    "watershed",
]
