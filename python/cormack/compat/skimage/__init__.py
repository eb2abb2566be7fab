"""scikit-image's names and signatures, computed by Cormack: change one import and keep the calls.

``from skimage import filters`` becomes ``from cormack.compat.skimage import filters``. Names, order and defaults of
parameters are those of scikit-image 0.26; scikit-image need not be installed. What is not here, Cormack does not have.

Modules
-------
exposure, feature, filters, measure, morphology, restoration, segmentation, transform
    The functions of the module of that name that Cormack offers.

Rules
-----
- **scikit-image's scale, not Cormack's.** Where scikit-image turns integers into floating values in [0, 1] or [-1, 1],
  as in ``gaussian(image)`` without `preserve_range`, so do these functions: thresholds and weights keep their meaning.
  An int16 scan comes out divided by 32767. Cormack's own functions keep values and types: prefer them in new code.
- **The same result within the rounding of floating point**, with the exceptions that the functions' lines name. Where
  an integer image comes out as integers, values are rounded to nearest and saturate; scikit-image cuts off and wraps.
- **An argument that Cormack cannot honour raises ValueError**, with its name and what is accepted; it is never ignored.
- **NumPy arrays in and out**, of bool, 8-, 16- and 32-bit integers and floating point; 64-bit integers where their
  values fit into 32 bits and the result is of another type. A `Volume` counts as its array, without its spacing.
- 2-D and 3-D images; other numbers of axes only where Cormack's function takes them. Colours are channels like others:
  nothing is turned into another colour space. scikit-image's warnings are not given.

Examples
--------
>>> import numpy as np
>>> from cormack.compat.skimage import exposure, filters
>>> image = np.array([[0, 50], [100, 255]], np.uint8)
>>> exposure.equalize_hist(image)
array([[0.25, 0.5 ],
       [0.75, 1.  ]])
>>> float(filters.threshold_otsu(image))
100.0
"""

from __future__ import annotations

from . import exposure, feature, filters, measure, morphology, restoration, segmentation, transform

__all__ = [
    "exposure",
    "feature",
    "filters",
    "measure",
    "morphology",
    "restoration",
    "segmentation",
    "transform",
]
