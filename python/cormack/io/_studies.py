"""Which reader a path needs, and which images lie under a folder."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import _check
from .._errors import ReadError
from ..volume import Volume
from . import _dicom, _dicom_header, _dicom_stack, _image, _metaimage, _nifti, _nrrd, _zarr
from ._common import (
    DICOM_SUFFIXES,
    IMAGE_SUFFIXES,
    METAIMAGE_SUFFIXES,
    NIFTI_SUFFIXES,
    NRRD_SUFFIXES,
    OTHER_SUFFIXES,
    ZARR_SUFFIXES,
    suffix,
)
from ._gzip import GZIP_MAGIC
from ._limits import takes_max_bytes
from ._pet import SUV
from ._zarr_array import METADATA_FILES

SUPPORTED_SUFFIXES: tuple[str, ...] = (
    *DICOM_SUFFIXES,
    *NIFTI_SUFFIXES,
    *NRRD_SUFFIXES,
    *METAIMAGE_SUFFIXES,
    *ZARR_SUFFIXES,
    *IMAGE_SUFFIXES,
)
_READERS = {"nifti": _nifti.read, "nrrd": _nrrd.read, "metaimage": _metaimage.read, "zarr": _zarr.read}
_READERS_OF_ALL = {
    "nifti": _nifti.read_all,
    "nrrd": _nrrd.read_all,
    "metaimage": _metaimage.read_all,
    "zarr": _zarr.read_all,
}
_WRITERS = {"nifti": _nifti.write, "nrrd": _nrrd.write, "metaimage": _metaimage.write}
_CHECKS = {"nifti": _nifti.check, "nrrd": _nrrd.check, "zarr": _zarr.check, "image": _image.check}

_READER_OF = {
    suffix: kind
    for kind, suffixes in (
        ("nifti", NIFTI_SUFFIXES),
        ("nrrd", NRRD_SUFFIXES),
        ("metaimage", METAIMAGE_SUFFIXES),
        ("image", IMAGE_SUFFIXES),
    )
    for suffix in suffixes
}
_LONGEST_ID = 120


@takes_max_bytes
def read(
    path: str | os.PathLike[str],
    *,
    series: str | None = None,
    volume: int | None = None,
    units: str | None = None,
    gantry_tilt: str = "refuse",
    max_bytes: int | None = None,
) -> Volume:
    """Read one volume from a file or a folder with a DICOM series.

    What a file is, its content decides, not its name.

    Parameters
    ----------
    path : path-like
        A folder with the files of a DICOM series, a DICOM file, a NIfTI file (.nii, .nii.gz), an NRRD file, a MetaImage
        (.mha, or .mhd with its voxels beside it), the folder of an OME-Zarr image (.ome.zarr), or a 2D image (PNG,
        JPEG, TIFF, BMP).
    series : str, optional
        SeriesInstanceUID, for a folder with several series.
    volume : int, optional
        Which volume, from 0 in the order of `read_all`, where there are several: the echoes of a series, the time
        points of a 4D NIfTI or MetaImage, the images of an NRRD list, the times and channels of a Zarr.
    units : {"SUVbw"}, optional
        For PET: standardised uptake values by body weight, in g/ml. Default: what the file holds, mostly Bq/ml
        ("BQML").
    gantry_tilt : {"refuse", "shear"}, default "refuse"
        What becomes of DICOM slices that a tilted gantry left one behind the other along a slanting line: an error, or
        slices that are moved in their planes, by linear interpolation, onto a perpendicular grid. It grows so that it
        holds them all; where none is stands the smallest value. ``meta["gantry_tilt_degrees"]`` then says the angle.
    max_bytes : int, optional
        What the volume may take in memory; by default 16 GiB, or all the memory of this machine where that is less. A
        header that asks for more is a ReadError before anything is allocated.

    Returns
    -------
    Volume
        Array (z, y, x), or (y, x) for 2D images and radiographs; contiguous and writable; spacing, origin and direction
        in mm. 64-bit integers become int32, uint32 or float64, the first that holds all of them exactly. ``meta`` says
        ``format``, ``modality``, ``units`` ("HU" for CT with a rescale, for PET what its field Units says, where DICOM
        defines that, or "SUVbw", else ""), ``series_uid``, ``rescaled`` (slope and intercept were in the header and
        have been applied), ``inverted`` and ``spacing_source``. It never says who the patient is.

    Raises
    ------
    ReadError
        The path does not exist, is not an image, is damaged, or does not hold exactly one volume. The message names the
        file, the header field and what to do.
    TypeError, ValueError
        An argument makes no sense.
    BackendUnavailable
        pydicom or Pillow is not installed.

    Notes
    -----
    **DICOM.** Slices are ordered, and their spacing measured, by ImagePositionPatient along the slice normal. Distances
    may differ by 1 % of the spacing or 0.01 mm, whichever is more, but never by more than 10 %; a gap, a slice shifted
    sideways or a tilted gantry (see `gantry_tilt`) is refused. A single slice takes SliceThickness as its spacing along
    z, else 1, and ``spacing_source`` says so. Radiographs take PixelSpacing, else ImagerPixelSpacing, else 1 and
    ``spacing_source`` "absent". Enhanced multi-frame CT, MR and PET are read as series are.

    Bits outside BitsStored are cleared. RescaleSlope and RescaleIntercept are applied slice by slice: when all are
    integers the voxels are int16, else uint16, else int32, the first that holds every value; else float32. Without them
    the stored type stays. MONOCHROME1 is turned over within the range of the stored bits, so that bright means more, as
    in MONOCHROME2; not for CT, PET and NM, whose numbers are measurements. Colours become grey, see below.

    **PET.** SUV follow the pseudo-code of QIBA [1]_: values in Bq/ml that are corrected for attenuation and decay, to
    the start of the scan or to the injection, over the dose per body weight that is left by then. The scan starts at
    the series' time; where that lies after the acquisition, since the series was made again, at GE's private field,
    else at what FrameReferenceTime counts from, else at the earliest acquisition. An injection time without a date lies
    in the 24 hours before. Philips's counts have factors of their own; values in g/ml stay. What is missing, zero or
    unlikely, or differs between slices, is an error that names the field. Weight, dose and times are not kept.

    **NIfTI.** The place comes from the sform when its code is set, else the qform, else from the pixel sizes with
    identity direction (``orientation_source`` "absent"). The stored type stays when slope and intercept are 1 and 0,
    else float32 (float64 for float64).

    **NRRD.** Raw and gzip encodings with the header attached; spaces LPS, RAS and LAS. A space without sides
    (``scanner-xyz``, a bare ``space dimension``) is taken as LPS, as ITK does, and ``orientation_source`` is "absent".
    The stored type stays.

    **MetaImage.** The place is in LPS, as ITK takes it; AnatomicalOrientation is passed over. The voxels of an .mhd
    must be one file in its folder. Fields that contradict each other or themselves, units other than mm and values that
    are to be scaled are refused. The stored type stays.

    **OME-Zarr.** Versions 0.4 and 0.5 (Zarr 2 and 3), axes z, y, x or y, x, and t, c; lengths become mm, and are taken
    as mm where no axis has another unit. The format knows scale and translation and no directions: stores that Cormack
    wrote come back exactly as they were, others with identity direction and ``orientation_source`` "absent". So do
    plain Zarr arrays, with spacing 1; of more than three axes the last three are z, y, x. Codecs: blosc, zstd, gzip,
    zlib, bz2, crc32c, transpose and shards. Links in a store are not followed. `open_zarr` reads parts.

    **2D images.** Grey values as stored (bool, uint8, uint16, int32, float32). Colours become grey, 0.299 R + 0.587 G +
    0.114 B (ITU-R BT.601) rounded to nearest, and ``meta["colour"]`` says so. The EXIF orientation of photographs is
    applied. The spacing is 1.

    References
    ----------
    .. [1] Quantitative Imaging Biomarkers Alliance, "SUV vendor neutral pseudo-code (happy path only)",
       https://qibawiki.rsna.org/index.php/Standardized_Uptake_Value_%28SUV%29.

    Examples
    --------
    >>> import tempfile, os, numpy as np
    >>> path = os.path.join(tempfile.mkdtemp(), "ct.nii.gz")
    >>> write(Volume(np.zeros((4, 5, 6), np.int16), spacing=(3, 1, 1)), path)
    >>> read(path)
    Volume(shape (4, 5, 6), int16, spacing (3, 1, 1) mm, origin (0, 0, 0) mm, axes LPS)
    """
    _check_units(units)
    volume = None if volume is None else _check.integer("read", "volume", volume)
    shear = _shear(gantry_tilt)
    path = existing(path)
    kind = kind_of(path)
    if kind == "dicom":
        files = _dicom.candidates(path) if path.is_dir() else [path]
        return _read_dicom(path, files, series, volume, units, shear=shear)
    _no_series(path, series, units)
    if kind in _READERS:
        return _READERS[kind](path, volume)
    if volume not in (None, 0):
        raise ReadError(path, f"no volume {volume}; the file has one")
    return _image.read(path)


@takes_max_bytes
def read_all(
    path: str | os.PathLike[str],
    *,
    series: str | None = None,
    units: str | None = None,
    gantry_tilt: str = "refuse",
    max_bytes: int | None = None,
) -> list[Volume]:
    """Read every volume of a file or folder.

    DICOM is split by SeriesInstanceUID, then by orientation, pixel spacing and size, and where several images lie at
    one position by what tells them apart: echo, b-value, time, inversion time, flip angle, image type, acquisition.
    Each radiograph, and each localizer of one slice, is a volume of its own.

    Parameters
    ----------
    path : path-like
        As for `read`.
    series : str, optional
        SeriesInstanceUID, to read the volumes of one series only.
    units : {"SUVbw"}, optional
        For PET; see `read`.
    gantry_tilt : {"refuse", "shear"}, default "refuse"
        For DICOM; see `read`.
    max_bytes : int, optional
        What all of them together may take in memory; see `read`.

    Returns
    -------
    list of Volume
        In the order of SeriesNumber, then of the images' numbers and of what tells them apart; always the same.

    Raises
    ------
    ReadError
        As for `read`, and when two different images lie at one position and nothing tells them apart.

    Examples
    --------
    >>> import tempfile, os, numpy as np
    >>> path = os.path.join(tempfile.mkdtemp(), "ct.nii")
    >>> write(Volume(np.zeros((4, 5, 6), np.int16)), path)
    >>> len(read_all(path))
    1
    """
    _check_units(units)
    shear = _shear(gantry_tilt)
    path = existing(path)
    kind = kind_of(path)
    if kind == "dicom":
        files = _dicom.candidates(path) if path.is_dir() else [path]
        return _dicom.build_all(path, _dicom.read_stacks(path, files, series), units, shear=shear)
    _no_series(path, series, units)
    return _READERS_OF_ALL[kind](path) if kind in _READERS else [_image.read(path)]


def write(volume: Volume, path: str | os.PathLike[str], *, levels: int = 1) -> None:
    """Write a volume to NIfTI, NRRD, MetaImage or OME-Zarr.

    The file appears under its name only when it is complete. Equal volumes give equal files.

    Parameters
    ----------
    volume : Volume
        bool is written as uint8, float16 as float32, int64 and uint64 as int32 when every value fits.
    path : path-like
        Ends in .nii, .nii.gz, .nrrd, .mha, .ome.zarr or .zarr (a folder); an existing file or store is replaced.
    levels : int, default 1
        For OME-Zarr: how many resolutions to write, each half of the one before, which viewers of large images want;
        fewer where nothing is left to halve. Axes along which voxels are twice as long as along others stay as they
        are. Means; for bool and for masks of `read_mask` every second voxel.

    Raises
    ------
    ValueError
        Another suffix, integers that do not fit in 32 bits, levels for another format, or nothing to write.
    TypeError
        Not a Volume, or a type that the format does not have.
    FileNotFoundError
        The folder does not exist.
    FileExistsError
        A Zarr store is to replace a file, or a folder that is none.

    Notes
    -----
    Voxels come back exactly. NIfTI stores the geometry as sform and qform (code 1, in mm), in float32; NRRD and
    MetaImage in LPS with every digit, their voxels always compressed. Compressed voxels are as compact as those of
    nibabel, and read in parallel by `read`. Files are equal to the byte when they come from equal processors and
    versions of isal.

    **OME-Zarr** is version 0.5 (Zarr 3) in millimetres, in equal chunks of at most 128 voxels along each axis, packed
    by blosc with zstd and bit shuffling. The format cannot say how the axes lie in the patient. Scale and translation
    are along the image's own axes, so that images of one orientation lie right beside one another in any viewer; the
    attribute ``cormack`` holds spacing, origin and direction exactly, and what ``meta`` says about the image (modality,
    units), never names or UIDs. On Linux a store is replaced in one step.

    Examples
    --------
    >>> import tempfile, os, numpy as np
    >>> path = os.path.join(tempfile.mkdtemp(), "mask.nii.gz")
    >>> write(Volume(np.ones((4, 5, 6), bool), spacing=(3, 1, 1)), path)
    >>> read(path).dtype
    dtype('uint8')
    """
    if not isinstance(volume, Volume):
        given = type(volume).__name__  # type: ignore[unreachable]
        raise TypeError(f"volume must be a cormack.Volume, such as Volume(array, spacing=...); got {given}")
    path = Path(path)
    kind = suffix(path)
    if kind not in (*NIFTI_SUFFIXES, ".nrrd", ".mha", *ZARR_SUFFIXES):
        raise ValueError(f"path must end in .nii, .nii.gz, .nrrd, .mha, .ome.zarr or .zarr; got {path.name!r}")
    if isinstance(levels, bool) or not isinstance(levels, int) or levels < 1:
        raise ValueError(f"levels must be a whole number of at least 1; got {levels!r}")
    if levels > 1 and kind not in ZARR_SUFFIXES:
        raise ValueError(f"levels={levels} needs a path that ends in .ome.zarr or .zarr; got {path.name!r}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} does not exist")
    if kind in ZARR_SUFFIXES:
        _zarr.write(volume, path, levels)
    else:
        _WRITERS[_READER_OF[kind]](volume, path)


@dataclass(frozen=True)
class Source:
    """An image found by `find_studies`, not read yet.

    Parameters
    ----------
    id : str
        Unique name made from the path below the folder that was searched; safe as a file name.
    path : Path
        The file, or the folder of a series.
    kind : {"dicom", "nifti", "nrrd", "metaimage", "zarr", "image"}
        Which reader it needs.
    files : tuple of Path
        Every file that it is read from; of a Zarr store its folder.
    series_uid : str
        SeriesInstanceUID, or "".
    modality : str
        DICOM modality, or "".
    volume : int or None
        Which volume, for a file that holds several.
    error : ReadError or None
        Why it cannot be read, as far as its header tells; `read` raises it.
    shape : tuple of int
        Voxels in array order as the header says, or () where it was not understood.
    dtype : str
        Type that the voxels will have, as the header says; rescaled DICOM may need a wider one. Or "".

    Examples
    --------
    >>> source = Source("a", Path("a.nii"), "nifti", (Path("a.nii"),), error=ReadError("a.nii", "truncated"))
    >>> source.read()
    Traceback (most recent call last):
    cormack._errors.ReadError: a.nii: truncated
    """

    id: str
    path: Path
    kind: str
    files: tuple[Path, ...]
    series_uid: str = ""
    modality: str = ""
    volume: int | None = None
    error: ReadError | None = None
    shape: tuple[int, ...] = ()
    dtype: str = ""

    def __post_init__(self) -> None:
        """Let go of what caused the error: sources travel, and causes of foreign libraries need not be picklable."""
        if self.error is not None:
            self.error.__cause__ = self.error.__context__ = self.error.__traceback__ = None

    @takes_max_bytes
    def read(self, *, units: str | None = None, max_bytes: int | None = None) -> Volume:
        """Read the image; see `cormack.io.read`.

        Parameters
        ----------
        units : {"SUVbw"}, optional
            For PET.
        max_bytes : int, optional
            What it may take in memory.

        Returns
        -------
        Volume
        """
        if self.error is not None:
            raise self.error
        if self.kind == "dicom":
            _check_units(units)
            return _read_dicom(self.path, self.files, self.series_uid or None, self.volume, units)
        return read(self.path, volume=self.volume, units=units)


def find_studies(root: str | os.PathLike[str]) -> list[Source]:
    """Find the images under a folder, without reading their voxels.

    Every NIfTI, NRRD and MetaImage file, every Zarr store, every 2D image and every DICOM series of every folder, at
    any depth, is one source. A series that holds several volumes (a localizer, echoes; see `read_all`) is one source
    for each. Hidden files and files of other kinds (text, tables, archives) are passed over, and so are DICOM objects
    that hold no image. A file that should be an image and is broken becomes a source with its ``error`` set, so that
    one bad file never ends a cohort.

    Parameters
    ----------
    root : path-like
        A folder; or one file, or one folder with a series, which gives just that.

    Returns
    -------
    list of Source
        In natural order of their paths (``case2`` before ``case10``); always the same.

    Raises
    ------
    ReadError
        Nothing was found, or ``root`` is a single file that cannot be read.

    Examples
    --------
    >>> import tempfile, os, numpy as np
    >>> root = tempfile.mkdtemp()
    >>> for name in ("case10.nii", "case2.nii"):
    ...     write(Volume(np.zeros((4, 5, 6), np.int16)), os.path.join(root, name))
    >>> [source.id for source in find_studies(root)]
    ['case2', 'case10']
    """
    root = existing(root)
    if not root.is_dir() or _zarr.looks_like_zarr(root):
        return _unique(_single(root), root)
    sources: list[Source] = []
    non_images: list[_dicom_header.NonImage] = []

    def unreadable(error: OSError) -> None:
        folder = Path(error.filename or root)
        reason = ReadError(folder, f"the folder cannot be read: {error.strerror}")
        sources.append(Source("", folder, "dicom", (), error=reason))

    for name, folders, files in os.walk(root, onerror=unreadable):
        folders[:] = sorted((f for f in folders if not f.startswith(".") and f != "__MACOSX"), key=_natural)
        folder = Path(name)
        if METADATA_FILES & set(files) or suffix(folder) in ZARR_SUFFIXES:
            sources += _checked(folder, "zarr")
            folders[:] = []
            continue
        found_here, objects = _in_folder(folder, files)
        sources += found_here
        non_images += objects
    if not sources:
        kinds = _dicom.kinds_of(non_images)
        raise ReadError(
            root,
            "no image found; looked for DICOM series, NIfTI (.nii, .nii.gz), NRRD, MetaImage (.mha, .mhd), OME-Zarr "
            "and 2D images (.png, .jpg, .tif, .bmp) in it and all folders below"
            + (f"; DICOM objects without an image: {kinds}" if kinds else ""),
        )
    return _unique(sources, root)


def _single(path: Path) -> list[Source]:
    kind = kind_of(path)
    if kind == "metaimage":
        files, shape, dtype = _metaimage.check(path)
        return [Source("", path, kind, files, shape=shape, dtype=dtype)]
    if kind in _CHECKS:
        shape, dtype = _CHECKS[kind](path)
        return [Source("", path, kind, (path,), shape=shape, dtype=dtype)]
    found = _dicom.scan([path])
    if found.errors:
        raise found.errors[0][0]
    if not found.frames:
        raise _dicom.nothing_found(path, found)
    return _dicom_sources(path, found)


def _checked(path: Path, reader: str) -> list[Source]:
    """The sources of a file, or one with what is wrong with it."""
    try:
        return _single(path)
    except ReadError as error:
        return [Source("", path, reader, (path,), error=error)]


def _in_folder(folder: Path, names: Iterable[str]) -> tuple[list[Source], list[_dicom_header.NonImage]]:
    sources: list[Source] = []
    maybe_dicom = []
    for name in sorted(names, key=_natural):
        path = folder / name
        kind = suffix(path)
        if name.startswith(".") or name.upper() == "DICOMDIR" or not path.is_file():
            continue
        if kind in _READER_OF:
            sources += _checked(path, _READER_OF[kind])
        elif kind not in OTHER_SUFFIXES:
            maybe_dicom.append(path)
    found = _dicom.scan(maybe_dicom)
    return sources + _dicom_sources(folder, found), found.non_images


def _dicom_sources(path: Path, found: _dicom.Found) -> list[Source]:
    sources: list[Source] = []
    for uid, frames in _dicom_stack.series_of(found.frames):
        modality = frames[0].file.modality
        files = _files(frames)
        where = files[0] if len(files) == 1 else path
        # A stack of slices with a broken file is not complete without it, even where no gap would show.
        is_stack = any(frame.has_place for frame in frames)
        broken = [reason for reason, owner in found.errors if owner and owner == uid and is_stack]
        try:
            stacks = _dicom_stack.volumes_of(frames)
            for stack in stacks:
                if len(stack) > 1:
                    _dicom_stack.slice_spacing(stack)
        except ReadError as error:
            broken.append(error)
        if broken:
            sources.append(Source("", where, "dicom", files, uid, modality, error=broken[0]))
            continue
        for stack in stacks:
            own = _files(stack)
            sharing = [other for other in stacks if _files(other)[0] in own]
            index = sharing.index(stack) if len(sharing) > 1 else None
            here = own[0] if len(own) == 1 else path
            shape, dtype = _dicom_grid(stack)
            sources.append(Source("", here, "dicom", own, uid, modality, index, shape=shape, dtype=dtype))
    uids = {frame.file.series_uid for frame in found.frames if frame.has_place}
    for reason, owner in found.errors:
        if not owner or owner not in uids:
            file = Path(reason.path)
            sources.append(Source("", file, "dicom", (file,), owner, error=reason))
    return sources


def _dicom_grid(stack: Sequence[_dicom_header.Frame]) -> tuple[tuple[int, ...], str]:
    file = stack[0].file
    slices = (len(stack),) if stack[0].has_place else ()
    scales = [(frame.slope, frame.intercept) for frame in stack]
    if all(scale == (1.0, 0.0) for scale in scales):
        dtype = file.stored_dtype.name
    elif all(float(value).is_integer() for scale in scales for value in scale):
        dtype = "int16" if file.stored_dtype.itemsize <= 2 else "int32"
    else:
        dtype = "float32"
    return (*slices, file.rows, file.columns), dtype


def _files(frames: Iterable[_dicom_header.Frame]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(frame.file.path for frame in frames))


def _check_units(units: str | None) -> None:
    if units not in (None, SUV):
        raise ValueError(f"units must be {SUV!r} or None; got {units!r}")


def _shear(gantry_tilt: str) -> bool:
    if gantry_tilt not in ("refuse", "shear"):
        raise ValueError(f"gantry_tilt must be 'refuse' or 'shear'; got {gantry_tilt!r}")
    return gantry_tilt == "shear"


def _read_dicom(
    path: Path,
    files: Sequence[Path],
    series: str | None,
    volume: int | None,
    units: str | None = None,
    *,
    shear: bool = False,
) -> Volume:
    stacks = _dicom.read_stacks(path, files, series)
    if volume is None:
        if len(stacks) > 1:
            raise _dicom.choose(path, stacks)
        volume = 0
    if not 0 <= volume < len(stacks):
        raise ReadError(path, f"no volume {volume}; there are {len(stacks)}", suggestion="they count from 0")
    return _dicom.build(stacks[volume], units, _dicom.of_series(stacks[volume], stacks), shear=shear)


def existing(path: str | os.PathLike[str]) -> Path:
    """The path; raises ReadError, with a name like it, for what is not there."""
    path = Path(path)
    if path.exists():
        return path
    parent = path.parent
    # Down to the part that is wrong: a missing folder is more telling than a missing file in it.
    while not parent.exists() and parent != parent.parent:
        path, parent = parent, parent.parent
    close: list[str] = []
    if parent.is_dir():
        close = difflib.get_close_matches(path.name, sorted(os.listdir(parent)), n=1)
    raise ReadError(path, "no such file or folder", suggestion=f"did you mean {close[0]!r}?" if close else None)


def kind_of(path: Path) -> str:
    """Reader for a path, by content; raises ReadError for what no reader knows."""
    if path.is_dir():
        return "zarr" if _zarr.looks_like_zarr(path) else "dicom"
    try:
        with open(path, "rb") as file:
            head = file.read(540)
    except OSError as error:
        raise ReadError(path, f"cannot be read: {error.strerror or error}") from error
    # Before the others: the first 128 bytes of DICOM are free, and some writers put a TIFF header there.
    if head[128:132] == b"DICM":
        return "dicom"
    if _nifti.looks_like_nifti(head):
        return "nifti"
    if _nrrd.looks_like_nrrd(head):
        return "nrrd"
    if _metaimage.looks_like_metaimage(head):
        return "metaimage"
    if _image.looks_like_image(head):
        return "image"
    if head[:2] == GZIP_MAGIC and (suffix(path) in NIFTI_SUFFIXES or _nifti.sniff(path)):
        return "nifti"
    if _dicom_header.looks_like_dicom(head):
        return "dicom"
    # Not what it should be; the reader that its name asks for says what is wrong.
    ending = suffix(path)
    if ending in _READER_OF:
        return _READER_OF[ending]
    if ending in DICOM_SUFFIXES:
        return "dicom"
    if ending in (".hdr", ".img"):
        raise ReadError(path, "one of a pair of files (.hdr, .img)", suggestion="convert them to one .nii file")
    raise ReadError(
        path,
        "not an image that Cormack reads: neither DICOM, NIfTI, NRRD, MetaImage, PNG, JPEG, TIFF nor BMP"
        if head
        else "empty file",
    )


def _no_series(path: Path, series: str | None, units: str | None) -> None:
    if units is not None:
        raise ReadError(path, f"no {units}: it is not DICOM and does not say what its values are")
    if series is not None:
        raise ReadError(path, f"no series {series!r} here: it is not DICOM")


def _natural(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    parts = re.split(r"(\d+)", name.casefold())
    # Equal but for case or leading zeros: the name itself decides.
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part), name


def _unique(sources: Iterable[Source], root: Path) -> list[Source]:
    """Give every source an id that says where it lies and that no other has."""
    ordered = sorted(sources, key=lambda s: [_natural(part) for part in _relative(s.path, root).parts])
    names = [_readable(source, root) for source in ordered]
    counts = Counter(name.casefold() for name in names)
    taken = {name for name, count in counts.items() if count == 1}
    result = []
    for source, name in zip(ordered, names, strict=True):
        if counts[name.casefold()] > 1:
            # From what it is, not from its rank: another image beside it must not change its name.
            what = f"{_relative(source.path, root).as_posix()}|{source.series_uid}|{source.volume}|" + (
                "" if source.volume is not None else source.files[0].name if source.files else ""
            )
            modality = f"-{source.modality}" if source.modality else ""
            stem = f"{name}{modality}-{hashlib.sha256(what.encode()).hexdigest()[:6]}"
            name, number = stem, 2
            while name.casefold() in taken:
                name, number = f"{stem}-{number}", number + 1
            taken.add(name.casefold())
        result.append(replace(source, id=name))
    return result


def _relative(path: Path, root: Path) -> Path:
    return Path(path.name) if path == root else path.relative_to(root)


def _readable(source: Source, root: Path) -> str:
    parts = list(_relative(source.path, root).parts)
    if source.path.is_file() or source.kind == "zarr":
        kind = suffix(source.path)
        if kind in SUPPORTED_SUFFIXES:
            parts[-1] = parts[-1][: -len(kind)]
    name = "_".join(re.sub(r"[^\w.-]+", "_", part).strip("._-") for part in parts)
    name = name.strip("_") or (source.modality or source.kind)
    if len(name.encode()) > _LONGEST_ID:
        digest = hashlib.sha256(name.encode()).hexdigest()[:6]
        name = name.encode()[:_LONGEST_ID].decode(errors="ignore") + "-" + digest
    return name
