"""Segmentation: region growing, connected components, what they measure, and which of them to keep.

A segmentation is an array of bool, a label image one of int32 with 0 as background. ``connectivity`` is scikit-image's:
how many coordinates may change by one between neighbours, so 1, 2 and 3 are the 6, 18 and 26 neighbours of a voxel, and
1 and 2 the 4 and 8 neighbours of a pixel.
"""

from __future__ import annotations

from ._active_contours import (
    checkerboard_level_set,
    disk_level_set,
    inverse_gaussian_gradient,
    morphological_chan_vese,
    morphological_geodesic_active_contour,
)
from ._binary_threshold import binary_threshold
from ._chan_vese import chan_vese
from ._distance import distance_transform_edt
from ._label_statistics import label_statistics
from ._labels import label, relabel_sequential
from ._local_threshold import apply_hysteresis_threshold, threshold_local, threshold_niblack, threshold_sauvola
from ._masks import clear_border, fill_holes, largest_component, remove_small_holes, remove_small_objects
from ._morphology import ball, binary_closing, binary_dilation, binary_erosion, binary_opening
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
from ._threshold import (
    threshold_isodata,
    threshold_li,
    threshold_mean,
    threshold_minimum,
    threshold_multiotsu,
    threshold_otsu,
    threshold_triangle,
    threshold_yen,
)
from ._watershed import watershed

__all__ = [
    "apply_hysteresis_threshold",
    "ball",
    "binary_closing",
    "binary_dilation",
    "binary_erosion",
    "binary_opening",
    "binary_threshold",
    "chan_vese",
    "checkerboard_level_set",
    "clear_border",
    "confidence_connected",
    "connected_threshold",
    "disk_level_set",
    "distance_transform_edt",
    "fill_holes",
    "flood",
    "flood_fill",
    "inverse_gaussian_gradient",
    "isolated_connected",
    "label",
    "label_statistics",
    "largest_component",
    "morphological_chan_vese",
    "morphological_geodesic_active_contour",
    "neighborhood_connected",
    "relabel_sequential",
    "remove_small_holes",
    "remove_small_objects",
    "screen",
    "seeded_region_growing",
    "threshold_isodata",
    "threshold_li",
    "threshold_local",
    "threshold_mean",
    "threshold_minimum",
    "threshold_multiotsu",
    "threshold_niblack",
    "threshold_otsu",
    "threshold_sauvola",
    "threshold_triangle",
    "threshold_yen",
    "watershed",
]
