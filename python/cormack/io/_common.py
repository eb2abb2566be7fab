"""What the readers share: optional libraries, file names, grey values of colours."""

from __future__ import annotations

import contextlib
import importlib
import logging
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import BackendUnavailable, ReadError

if TYPE_CHECKING:
    from numpy.typing import NDArray

DICOM_SUFFIXES = (".dcm", ".dicom", ".dic", ".ima")
NIFTI_SUFFIXES = (".nii", ".nii.gz")
# A .nhdr has its voxels in another file and is refused, with words, rather than passed over.
NRRD_SUFFIXES = (".nrrd", ".nhdr")
# Folders, not files.
ZARR_SUFFIXES = (".ome.zarr", ".zarr")
METAIMAGE_SUFFIXES = (".mha", ".mhd")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")

# Neighbours of images that are never opened. Names without a suffix, or with one that looks like a number (UIDs), are
# opened instead: DICOM files often have no suffix at all.
OTHER_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        # text, tables, documents
        *("txt", "md", "rst", "csv", "tsv", "json", "jsonl", "xml", "html", "htm", "yaml", "yml", "toml", "ini", "cfg"),
        *("log", "pdf", "doc", "docx", "xls", "xlsx", "ods", "ppt", "pptx", "bval", "bvec"),
        # programs
        *("py", "ipynb", "r", "m", "c", "cpp", "h", "hpp", "sh", "bat", "exe", "dll", "so", "inf"),
        # archives and arrays
        *("zip", "tar", "gz", "tgz", "bz2", "xz", "7z", "rar", "npy", "npz", "mat", "pkl", "h5", "hdf5", "parquet"),
        *("sqlite", "db", "hdr", "img", "raw", "zraw"),
        # pictures and films that are no medical images, and leftovers
        *("gif", "webp", "svg", "mp4", "avi", "mov", "tmp", "part", "lock", "bak"),
    )
)


def suffix(path: Path) -> str:
    """Suffix in lower case, ``.nii.gz`` and ``.ome.zarr`` counting as one."""
    return suffix_of_name(path.name)


def suffix_of_name(name: str) -> str:
    """`suffix` of a file's name: a Path for each of thousands of names takes longer than reading their headers."""
    name = name.lower()
    for double in (".nii.gz", ".ome.zarr"):
        if name.endswith(double):
            return double
    dot = name.rfind(".")
    return name[dot:] if 0 < dot < len(name) - 1 else ""


def chosen_volume(path: Path, index: int | None, count: int, size: str, tag: str) -> int:
    """Which of the volumes of a file is wanted; ReadError where that is not said, or there is none such."""
    if index is None and count > 1:
        raise ReadError(
            path,
            f"{count} volumes in one file, {size}",
            tag=tag,
            suggestion=f"choose one with volume=0 to volume={count - 1}, or use cormack.io.read_all",
        )
    index = index or 0
    if not 0 <= index < count:
        raise ReadError(path, f"no volume {index}; the file has {count}", suggestion=f"volume=0 to {count - 1}")
    return index


def require(module: str, package: str) -> Any:
    """Import a library of the extra ``io``."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise BackendUnavailable(f'{package} is needed to read this file; pip install "cormack[io]"') from error


# warnings.catch_warnings changes the state of the whole process: one lock for all readers, one thread at a time.
_warnings_lock = threading.RLock()
# Their remarks quote the values they are about.
_TALKATIVE = ("pydicom", "nibabel.global", "PIL.Image", "PIL.PngImagePlugin", "PIL.TiffImagePlugin")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep libraries' remarks on sloppy files off the user's console, and what headers say out of logs.

    What matters is checked here.
    """
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        silenced = [log for log in map(logging.getLogger, _TALKATIVE) if not log.disabled]
        for log in silenced:
            log.disabled = True
        try:
            yield
        finally:
            for log in silenced:
                log.disabled = False


def luma(rgb: NDArray[Any]) -> NDArray[Any]:
    """Grey value of 8 or 16 bit colours (..., 3): ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B, rounded to nearest.

    Equal red, green and blue come out as they are, so a grey picture saved in colour loses nothing.
    """
    red, green, blue = (rgb[..., channel].astype(np.uint32) for channel in range(3))
    # 1000 * 65535 fits in uint32: exact, without floating point.
    total = 299 * red + 587 * green + 114 * blue
    return np.asarray((total + 500) // 1000).astype(rgb.dtype)
