"""Filters: SciPy's names, arguments and boundary modes, on the pixel types of medical images.

The type that comes in goes out; integer results are rounded to nearest and saturate. An image whose last axis is not
contiguous in memory is copied once.
"""

from __future__ import annotations

from ._diffusion import anisotropic_diffusion, total_variation
from ._linear import gaussian_filter, uniform_filter
from ._rank import median_filter

__all__ = ["anisotropic_diffusion", "gaussian_filter", "median_filter", "total_variation", "uniform_filter"]
