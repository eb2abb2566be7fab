"""Drop-in replacements for other programs' interfaces, computed by Cormack.

Modules
-------
radiomics
    PyRadiomics' feature extractor: its parameter files, its names, its definitions.
skimage
    scikit-image's modules: its names, signatures and scale of intensities.
"""

from __future__ import annotations

from . import radiomics, skimage

__all__ = ["radiomics", "skimage"]
