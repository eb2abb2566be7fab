"""SciPy's `scipy.ndimage` on Cormack's kernels: its names, arguments and dtypes, one import to switch.

``from cormack import ndimage`` instead of ``from scipy import ndimage``. Every argument is as `scipy.ndimage` has it,
and every function that is Cormack's takes `workers` beside them, the number of threads. What differs, by Cormack's
rules:

- Integer results are rounded to nearest, half to even, and saturate, once; SciPy cuts off and wraps around, also
  between the axes.
- Wrong arguments raise ValueError or TypeError, which name them, where SciPy often has RuntimeError; windows have at
  least one voxel.
- Images of float32 and of integers of 8 and 16 bits are summed in float32, within the bounds that `cormack.filters`
  states; SciPy sums in float64.
- A `mode` or `size` for each axis is that of this axis. SciPy's `gaussian_laplace` and `gaussian_gradient_magnitude`
  take a mode for all axes of the derivative along it, and its medians and ranks take sizes in the image's order.
- With `axes`, `gaussian_gradient_magnitude` smooths along these alone, as `gaussian_laplace`; SciPy's along all.

Names that Cormack has no function for are SciPy's own, where it is installed, and so are a few arguments of others;
`provided_by` lists both. Spacings, masks and the GPU: `cormack.filters` and `cormack.segment`, on which all this is
built. Images of 64-bit integers are computed in float64, as SciPy computes all.

Examples
--------
>>> import numpy as np
>>> from cormack import ndimage
>>> ndimage.uniform_filter(np.array([1, 2, 6, 3]), 3)
array([1, 3, 4, 4])
>>> ndimage.sobel(np.array([[10, 0, 200]], np.uint8))
array([[  0, 255, 255]], dtype=uint8)
>>> labels, count = ndimage.label([[1, 0, 1], [1, 0, 1]])
>>> ndimage.mean([[1.0, 0.0, 2.0], [3.0, 0.0, 4.0]], labels, range(1, count + 1))
array([2., 3.])
>>> ndimage.provided_by()["median_filter"], ndimage.provided_by()["geometric_transform"]
('cormack', 'scipy')
"""

from __future__ import annotations

from typing import Any

from .._docs import named_after
from ._binary import (
    binary_closing,
    binary_dilation,
    binary_erosion,
    binary_fill_holes,
    binary_hit_or_miss,
    binary_opening,
    distance_transform_edt,
    generate_binary_structure,
    iterate_structure,
)
from ._filters import (
    convolve,
    convolve1d,
    correlate,
    correlate1d,
    gaussian_filter,
    gaussian_filter1d,
    gaussian_gradient_magnitude,
    gaussian_laplace,
    laplace,
    maximum_filter,
    maximum_filter1d,
    median_filter,
    minimum_filter,
    minimum_filter1d,
    percentile_filter,
    prewitt,
    rank_filter,
    sobel,
    uniform_filter,
    uniform_filter1d,
)
from ._grey import (
    black_tophat,
    grey_closing,
    grey_dilation,
    grey_erosion,
    grey_opening,
    morphological_gradient,
    morphological_laplace,
    white_tophat,
)
from ._interpolation import affine_transform, rotate, shift, zoom
from ._measurements import (
    center_of_mass,
    find_objects,
    label,
    maximum,
    mean,
    median,
    minimum,
    standard_deviation,
    sum,
    sum_labels,
    variance,
)
from ._scipy import HANDED_ON, names_of_scipy, scipys

__all__ = [
    "affine_transform",
    "binary_closing",
    "binary_dilation",
    "binary_erosion",
    "binary_fill_holes",
    "binary_hit_or_miss",
    "binary_opening",
    "black_tophat",
    "center_of_mass",
    "convolve",
    "convolve1d",
    "correlate",
    "correlate1d",
    "distance_transform_edt",
    "find_objects",
    "gaussian_filter",
    "gaussian_filter1d",
    "gaussian_gradient_magnitude",
    "gaussian_laplace",
    "generate_binary_structure",
    "grey_closing",
    "grey_dilation",
    "grey_erosion",
    "grey_opening",
    "iterate_structure",
    "label",
    "laplace",
    "maximum",
    "maximum_filter",
    "maximum_filter1d",
    "mean",
    "median",
    "median_filter",
    "minimum",
    "minimum_filter",
    "minimum_filter1d",
    "morphological_gradient",
    "morphological_laplace",
    "percentile_filter",
    "prewitt",
    "provided_by",
    "rank_filter",
    "rotate",
    "shift",
    "sobel",
    "standard_deviation",
    "sum",
    "sum_labels",
    "uniform_filter",
    "uniform_filter1d",
    "variance",
    "white_tophat",
    "zoom",
]


def provided_by() -> dict[str, str]:
    """Return who computes each function of `scipy.ndimage`.

    Returns
    -------
    dict of str
        For each name "cormack"; "cormack; scipy: ..." with the arguments that are handed on to SciPy; or "scipy", where
        it is installed.

    Examples
    --------
    >>> provided_by()["label"]
    'cormack; scipy: a `structure` that `generate_binary_structure` does not make, images of more than 3 dimensions'
    """
    ours = {name: "cormack" for name in __all__ if name != "provided_by"}
    ours |= {name: f"cormack; scipy: {what}" for name, what in HANDED_ON.items()}
    return dict(sorted(({name: "scipy" for name in names_of_scipy()} | ours).items()))


def __getattr__(name: str) -> Any:
    if not name.startswith("_"):
        if name in names_of_scipy():
            return scipys(name, "it")
        raise AttributeError(
            f"module {__name__!r} has no attribute {name!r} of its own, and scipy.ndimage has none or is not installed"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *names_of_scipy()})


named_after(
    "scipy.ndimage",
    {**globals(), "__all__": [name for name in __all__ if name != "provided_by"]},
    "Parameters and results; what differs is in `cormack.ndimage`.",
)
