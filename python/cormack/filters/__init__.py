"""Filters: SciPy's names, arguments and boundary modes, on the pixel types of medical images.

Ranks: `median_filter`, `rank_filter`, `percentile_filter`, `minimum_filter`, `maximum_filter`. Weighted sums:
`uniform_filter`, `gaussian_filter`, `correlate`, `convolve`, `correlate1d`, `convolve1d`. From derivatives and
differences: `gaussian_laplace`, `gaussian_gradient_magnitude`, `sobel`, `prewitt`, `scharr`, `gradient_magnitude`,
`unsharp_mask`; tubes and ridges from second ones: `hessian_matrix`, `hessian_eigenvalues`, `frangi`, `sato`,
`meijering`, `dot_enhancement`. Morphology: `grey_erosion`, `grey_dilation`, `grey_opening`, `grey_closing`,
`white_tophat`, `black_tophat`, `morphological_gradient`. Denoising that keeps edges: `bilateral_filter`,
`non_local_means`, `anisotropic_diffusion`, `total_variation`. The response maps of IBSI 2: `laws_filter`,
`gabor_filter`, `gabor_bank`, `wavelet_filter`, `simoncelli_filter`, `riesz_filter`. Images on other grids:
`affine_transform`.

The type that comes in goes out; integer results are rounded to nearest and saturate. Laplacians and gradients give
float32, or float64 for float64. An image whose last axis is not contiguous in memory is copied once.
"""

from __future__ import annotations

from ._convolution import convolve, convolve1d, correlate, correlate1d
from ._derivatives import gaussian_gradient_magnitude, gaussian_laplace, unsharp_mask
from ._diffusion import anisotropic_diffusion, total_variation
from ._gabor import gabor_bank, gabor_filter
from ._geometry import affine_transform
from ._gradients import gradient_magnitude, prewitt, scharr, sobel
from ._grey_morphology import (
    black_tophat,
    grey_closing,
    grey_dilation,
    grey_erosion,
    grey_opening,
    morphological_gradient,
    white_tophat,
)
from ._linear import gaussian_filter, uniform_filter
from ._rank import maximum_filter, median_filter, minimum_filter, percentile_filter, rank_filter
from ._responses import laws_filter, wavelet_filter
from ._ridges import dot_enhancement, frangi, hessian_eigenvalues, hessian_matrix, meijering, sato
from ._spectral import riesz_filter, simoncelli_filter
from ._weighted_means import bilateral_filter, non_local_means

__all__ = [
    "affine_transform",
    "anisotropic_diffusion",
    "bilateral_filter",
    "black_tophat",
    "convolve",
    "convolve1d",
    "correlate",
    "correlate1d",
    "dot_enhancement",
    "frangi",
    "gabor_bank",
    "gabor_filter",
    "gaussian_filter",
    "gaussian_gradient_magnitude",
    "gaussian_laplace",
    "gradient_magnitude",
    "grey_closing",
    "grey_dilation",
    "grey_erosion",
    "grey_opening",
    "hessian_eigenvalues",
    "hessian_matrix",
    "laws_filter",
    "maximum_filter",
    "median_filter",
    "meijering",
    "minimum_filter",
    "morphological_gradient",
    "non_local_means",
    "percentile_filter",
    "prewitt",
    "rank_filter",
    "riesz_filter",
    "sato",
    "scharr",
    "simoncelli_filter",
    "sobel",
    "total_variation",
    "uniform_filter",
    "unsharp_mask",
    "wavelet_filter",
    "white_tophat",
]
