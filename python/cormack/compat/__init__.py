"""Drop-in replacements for other programs' interfaces, computed by Cormack.

Modules
-------
radiomics
    PyRadiomics' feature extractor: its parameter files, its names, its definitions.
sitk
    SimpleITK images in and out, and its names for what is the same.
skimage
    scikit-image's modules: its names, signatures and scale of intensities.
monai
    MONAI transforms, for arrays and dictionaries, that keep geometry. Imported by its name alone: it needs MONAI.
napari
    What napari's plugin does: layers of volumes, and what is measured of layers.
"""

from __future__ import annotations

from . import napari, radiomics, sitk, skimage

__all__ = ["napari", "radiomics", "sitk", "skimage"]
