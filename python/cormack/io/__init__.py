"""Images and masks in and out: DICOM, NIfTI, NRRD, MetaImage, OME-Zarr and 2D images become `cormack.Volume`.

NIfTI, NRRD and MetaImage need nothing else, and are faster with isal; pydicom reads DICOM and Pillow 2D images. They
are imported at first use, as is imagecodecs for OME-Zarr and highdicom for DICOM segmentations out;
``pip install "cormack[io]"`` brings them.

Functions
---------
read, read_all
    One volume, or all, of a file or a folder with DICOM.
read_mask, read_masks, list_regions
    Regions of a label map, a DICOM structure set or a DICOM segmentation, on the grid of an image: as one label map, or
    each as a mask; and their names.
open_zarr
    An OME-Zarr image, of which parts are read.
write
    A volume to NIfTI, NRRD, MetaImage or OME-Zarr.
write_segmentation
    Label maps and masks to a DICOM segmentation that refers to its series.
write_mesh
    A surface to STL, PLY or OBJ.
find_studies
    What there is to read under a folder.
scan
    A table of the volumes under a folder, in archives too, without anything that says whose they are.
import_archive
    Each of these volumes as a NIfTI or OME-Zarr file that names nobody.
"""

from __future__ import annotations

from .._errors import ReadError
from ._import import Imported, ImportRefused, import_archive
from ._masks import list_regions, read_mask, read_masks
from ._mesh import write_mesh
from ._region_objects import Region
from ._scan import Catalog, scan
from ._segmentation_out import Segment, write_segmentation
from ._studies import SUPPORTED_SUFFIXES, Source, find_studies, read, read_all, write
from ._zarr import LazyVolume, open_zarr

__all__ = [
    "SUPPORTED_SUFFIXES",
    "Catalog",
    "ImportRefused",
    "Imported",
    "LazyVolume",
    "ReadError",
    "Region",
    "Segment",
    "Source",
    "find_studies",
    "import_archive",
    "list_regions",
    "open_zarr",
    "read",
    "read_all",
    "read_mask",
    "read_masks",
    "scan",
    "write",
    "write_mesh",
    "write_segmentation",
]
