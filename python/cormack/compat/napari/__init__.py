"""Cormack in napari: a reader of medical volumes, and widgets that enhance, grow regions and measure them.

``pip install "cormack[napari]"`` is all: napari finds the plugin by its manifest, and has **Plugins > Cormack**.

- The reader takes a folder with a DICOM series, DICOM, NIfTI, NRRD, MetaImage and OME-Zarr. Layers lie where the
  patient lies, in mm, axes (z, y, x): their scale is the spacing. Volumes are turned so that their axes run as a
  radiologist looks at them (LPS, by flips and transposition alone); what is oblique beyond that is in the affine.
- *Enhance* adds an image layer; *Grow a region* adds to a labels layer what a click reaches; *Radiomics* writes IBSI's
  features of the selected label into the layer's features, shows them, and saves them as CSV.

What widgets do is here as functions of layers, or of whatever has `data`, `name` and `data_to_world`, without Qt.

Examples
--------
>>> import os, tempfile
>>> import numpy as np
>>> from cormack import Volume, io
>>> path = os.path.join(tempfile.mkdtemp(), "ct.nii")
>>> io.write(Volume(np.zeros((4, 5, 6), np.int16), spacing=(3, 1, 1)), path)
>>> data, about, kind = get_reader(path)(path)[0]
>>> data.shape, about["name"], about["scale"], kind
((4, 5, 6), 'ct', (3.0, 1.0, 1.0), 'image')
"""

from __future__ import annotations

from ._layers import (
    ENHANCEMENTS,
    enhance_layer,
    get_reader,
    grow_region,
    layer_of,
    measure_label,
    read_layers,
    volume_of,
    write_features,
)

__all__ = [
    "ENHANCEMENTS",
    "enhance_layer",
    "get_reader",
    "grow_region",
    "layer_of",
    "measure_label",
    "read_layers",
    "volume_of",
    "write_features",
]
