"""Images and masks in and out: DICOM, NIfTI, NRRD, MetaImage and 2D images become `cormack.Volume`.

NIfTI, NRRD and MetaImage need nothing else, and are faster with isal; pydicom reads DICOM and Pillow 2D images. They
are imported at first use; ``pip install "cormack[io]"`` brings them.

Functions
---------
read, read_all
    One volume, or all, of a file or a folder with DICOM.
read_mask, list_regions
    Regions of a label map, a DICOM structure set or a DICOM segmentation, on the grid of an image; and their names.
write
    A volume to NIfTI, NRRD or MetaImage.
write_mesh
    A surface to STL, PLY or OBJ.
find_studies
    What there is to read under a folder.
scan
    A table of the volumes under a folder, in archives too, without anything that says whose they are.
"""

from __future__ import annotations

from .._errors import ReadError
from ._masks import list_regions, read_mask
from ._mesh import write_mesh
from ._region_objects import Region
from ._scan import Catalog, scan
from ._studies import SUPPORTED_SUFFIXES, Source, find_studies, read, read_all, write

__all__ = [
    "SUPPORTED_SUFFIXES",
    "Catalog",
    "ReadError",
    "Region",
    "Source",
    "find_studies",
    "list_regions",
    "read",
    "read_all",
    "read_mask",
    "scan",
    "write",
    "write_mesh",
]
