"""What is SciPy's work: names that Cormack has no function for, and arguments that its functions do not take."""

from __future__ import annotations

import importlib
from typing import Any

from .._errors import BackendUnavailable

# Where a function of this module hands a call on to SciPy's, beside complex images, which all linear ones do, and
# filters along more than three axes, which all do.
HANDED_ON: dict[str, str] = {
    "affine_transform": "`order` 2, 4, 5; `mode` other than constant and nearest; `prefilter=False` above order 1; "
    "images that are not 2-D or 3-D; a matrix that changes the number of dimensions",
    "binary_closing": "`mask`, `iterations` below 1, images of more than 3 dimensions",
    "binary_dilation": "`mask`, `iterations` below 1, images of more than 3 dimensions",
    "binary_erosion": "`mask`, `iterations` below 1, images of more than 3 dimensions",
    "binary_fill_holes": "`origin`, `axes`, a `structure` that `generate_binary_structure` does not make, images that "
    "are not 2-D or 3-D",
    "binary_hit_or_miss": "images of more than 3 dimensions",
    "binary_opening": "`mask`, `iterations` below 1, images of more than 3 dimensions",
    "center_of_mass": "what `mean` hands on; images that are not 2-D or 3-D",
    "distance_transform_edt": "images of more than 3 dimensions",
    **dict.fromkeys(
        ("black_tophat", "grey_closing", "grey_dilation", "grey_erosion", "grey_opening", "morphological_gradient"),
        "masks of bool with `structure`",
    ),
    "find_objects": "labels that are negative, or not 2-D or 3-D",
    "iterate_structure": "structures of more than 3 dimensions",
    "label": "a `structure` that `generate_binary_structure` does not make, images of more than 3 dimensions",
    "maximum": "what `mean` hands on; images of 64-bit integers",
    "mean": "an `index` that is not a sequence; labels that are negative, not integers or of another shape than the "
    "image",
    "median": "what `mean` hands on; images of 64-bit integers",
    "minimum": "what `mean` hands on; images of 64-bit integers",
    "rotate": "what `affine_transform` hands on",
    "shift": "what `affine_transform` hands on",
    "standard_deviation": "what `mean` hands on",
    "sum": "what `mean` hands on",
    "sum_labels": "what `mean` hands on",
    "variance": "what `mean` hands on",
    "white_tophat": "masks of bool with `structure`",
    "zoom": "what `affine_transform` hands on; `grid_mode`",
}


def scipys(name: str, what: str) -> Any:
    """Return SciPy's function of a name, or say what needs it."""
    try:
        return getattr(importlib.import_module("scipy.ndimage"), name)
    except ImportError as error:
        raise BackendUnavailable(
            f"{name}: {what} is computed by scipy.ndimage; install it with: pip install scipy"
        ) from error


def names_of_scipy() -> list[str]:
    """Return the public functions of scipy.ndimage, none where it is not installed."""
    try:
        module = importlib.import_module("scipy.ndimage")
    except ImportError:
        return []
    return [name for name in module.__all__ if callable(getattr(module, name))]
