"""Enhancement: windows, contrast and histogram equalization. scikit-image's names where it has one.

Images may have any number of axes (for `equalize_adapthist` two or three), any strides and both byte orders. Results
are new arrays with the memory layout of the image; integers round half to even and saturate, never wrap. An image with
more than three axes that do not join in memory is copied once, other images never, but for `equalize_adapthist` where
the last axis is not contiguous.
"""

from __future__ import annotations

from ._adapthist import equalize_adapthist
from ._contrast import rescale_intensity, window
from ._histogram import equalize_hist, histogram

__all__ = ["equalize_adapthist", "equalize_hist", "histogram", "rescale_intensity", "window"]
