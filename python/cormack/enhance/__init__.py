"""Enhancement: windows, contrast and histogram equalization. scikit-image's names where it has one.

- Ranges: `window`, `rescale_intensity`, `stretch_contrast`, `threshold_enhance`.
- Tone curves: `adjust_gamma`, `adjust_log`, `adjust_sigmoid`.
- Histograms: `histogram`, `equalize_hist`, `equalize_adapthist`, `match_histograms`.
- Normalization: `normalize`, `fit_nyul_standard`, `NyulStandard`.

Images may have any number of axes (for `equalize_adapthist` two or three), any strides and both byte orders. Results
are new arrays with the memory layout of the image, or `out`; integers round half to even and saturate, never wrap. An
image with more than three axes that do not join in memory is copied once, other images never, but for
`equalize_adapthist` where the last axis is not contiguous.

`out` may have any strides and be the image itself, which then is mapped in place (`equalize_adapthist` makes the result
beside it). Where the two overlap otherwise, or `out` is not aligned, the result is made in a new array and copied.
Nothing is written when an argument is wrong.
"""

from __future__ import annotations

from ._adapthist import equalize_adapthist
from ._contrast import rescale_intensity, stretch_contrast, window
from ._histogram import equalize_hist, histogram
from ._match import match_histograms
from ._normalize import normalize
from ._nyul import NyulStandard, fit_nyul_standard
from ._threshold import threshold_enhance
from ._tone import adjust_gamma, adjust_log, adjust_sigmoid

__all__ = [
    "NyulStandard",
    "adjust_gamma",
    "adjust_log",
    "adjust_sigmoid",
    "equalize_adapthist",
    "equalize_hist",
    "fit_nyul_standard",
    "histogram",
    "match_histograms",
    "normalize",
    "rescale_intensity",
    "stretch_contrast",
    "threshold_enhance",
    "window",
]
