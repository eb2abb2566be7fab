"""Filters: SciPy's names, arguments and boundary modes, on the pixel types of medical images.

The type that comes in goes out; integer results are rounded to nearest and saturate. An image whose last axis is not
contiguous in memory is copied once.
"""

from __future__ import annotations

from ._linear import gaussian_filter, uniform_filter
from ._rank import maximum_filter, median_filter, minimum_filter, percentile_filter, rank_filter

__all__ = [
    "gaussian_filter",
    "maximum_filter",
    "median_filter",
    "minimum_filter",
    "percentile_filter",
    "rank_filter",
    "uniform_filter",
]
