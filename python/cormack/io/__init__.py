"""Images in and out: DICOM series, NIfTI, and 2D images become `cormack.Volume`.

pydicom, nibabel and Pillow do the work behind it and are imported at first use; ``pip install "cormack[io]"`` brings
them.

Functions
---------
read, read_all
    One volume, or all, of a file or a folder with DICOM.
write
    A volume to NIfTI.
find_studies
    What there is to read under a folder.
"""

from __future__ import annotations

from .._errors import ReadError
from ._studies import SUPPORTED_SUFFIXES, Source, find_studies, read, read_all, write

__all__ = ["SUPPORTED_SUFFIXES", "ReadError", "Source", "find_studies", "read", "read_all", "write"]
