"""NIfTI: headers with nibabel, voxels straight into the array."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import ReadError
from .._files import replacing
from ..volume import Volume
from ._bytes import Bytes, narrowed, storable
from ._gzip import write_gzip
from ._common import require
from ._limits import check_size, empty

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAGICS = {348: (b"n+1\0", slice(344, 348)), 540: (b"n+2\0", slice(4, 8))}
_MM_PER_UNIT = {1: 1000.0, 3: 0.001}


@dataclass(frozen=True)
class _Header:
    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    slope: float
    intercept: float
    affine: NDArray[np.float64]
    orientation_source: str

    @property
    def volume_count(self) -> int:
        return math.prod(self.shape[3:])

    @property
    def scaled(self) -> bool:
        return (self.slope, self.intercept) != (1.0, 0.0)


def looks_like_nifti(head: bytes) -> bool:
    """Whether the first 540 uncompressed bytes are the header of a single-file NIfTI."""
    size = _header_size(head)
    return size is not None and head[_MAGICS[size][1]] == _MAGICS[size][0]


def _header_size(head: bytes) -> int | None:
    for order in ("little", "big"):
        size = int.from_bytes(head[:4], order)
        if size in _MAGICS:
            return size
    return None


@contextlib.contextmanager
def _open(path: Path) -> Iterator[tuple[Bytes, _Header]]:
    try:
        with open(path, "rb") as file:
            data = Bytes(path, file)
            head = memoryview(bytearray(540))
            got = data.fill(head[:348])
            if _header_size(bytes(head)) == 540:
                got += data.fill(head[348:])
            yield data, _parse(path, bytes(head[:got]), data.largest_size)
    except OSError as error:
        raise ReadError(path, f"cannot be read: {error.strerror or error}") from error


def _parse(path: Path, head: bytes, largest_size: int) -> _Header:
    size = _header_size(head)
    if size is None or len(head) < size:
        raise ReadError(path, "not a NIfTI file" if len(head) >= 348 else "truncated: shorter than a NIfTI header")
    magic = head[_MAGICS[size][1]]
    if magic[:2] == b"ni":
        raise ReadError(path, "header of a NIfTI pair (.hdr, .img)", suggestion="convert it to one .nii file")
    if magic != _MAGICS[size][0]:
        raise ReadError(path, f"not a NIfTI file: its magic is {magic!r}")

    nibabel = require("nibabel", "nibabel")
    kind = nibabel.Nifti1Header if size == 348 else nibabel.Nifti2Header
    # Its own check prints what it corrects; what matters is checked below.
    header = kind(head[:size], check=False)
    dims = [int(n) for n in header["dim"]]
    if not 1 <= dims[0] <= 7 or min(dims[1 : dims[0] + 1]) < 1:
        raise ReadError(path, f"impossible size {dims[1 : max(1, min(dims[0], 7)) + 1]}", tag="dim")
    shape = tuple(dims[1 : dims[0] + 1])
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) < 2:
        raise ReadError(path, f"neither 2D nor 3D: {shape}", tag="dim")

    try:
        dtype = header.get_data_dtype()
    except Exception as error:
        raise ReadError(path, f"unknown data type {int(header['datatype'])}", tag="datatype") from error
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise ReadError(path, f"voxels of type {dtype} are not supported", tag="datatype")

    # Some writers leave 0, which can only mean right after the header.
    offset = float(header["vox_offset"]) or float(size + 4)
    if not (offset >= size and offset.is_integer()):
        raise ReadError(path, f"voxels cannot start at byte {offset:g}", tag="vox_offset")
    needed = int(offset) + math.prod(shape) * dtype.itemsize
    if needed > largest_size:
        raise ReadError(
            path,
            f"truncated: the header announces {needed} bytes, more than the file can hold",
            suggestion="copy or export it again",
        )

    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or not math.isfinite(slope):
        slope, intercept = 1.0, 0.0
    elif not math.isfinite(intercept):
        raise ReadError(path, f"intercept is {intercept}", tag="scl_inter")
    affine, source = _affine(path, header, len(shape))
    return _Header(path, shape, dtype, int(offset), slope, intercept, affine, source)


def _affine(path: Path, header: Any, ndim: int) -> tuple[NDArray[np.float64], str]:
    """Index to RAS world in mm: the sform when its code is set, else the qform, else the pixel sizes alone."""
    pixdim = np.abs(np.asarray(header["pixdim"], np.float64))
    if ndim == 2 and not (np.isfinite(pixdim[3]) and pixdim[3] > 0):
        pixdim[3] = 1
    if int(header["sform_code"]) > 0:
        affine = np.eye(4)
        affine[:3] = [header["srow_x"], header["srow_y"], header["srow_z"]]
        if ndim == 2 and not affine[:3, 2].any():
            affine[:3, 2] = np.cross(affine[:3, 0], affine[:3, 1])
        source = "sform"
    else:
        if not (np.isfinite(pixdim[1:4]).all() and (pixdim[1:4] > 0).all()):
            raise ReadError(path, f"pixel sizes {pixdim[1:4].tolist()} are not positive", tag="pixdim")
        if int(header["qform_code"]) > 0:
            header["pixdim"][1:4] = pixdim[1:4]
            # The sign of the third axis; anything but -1 means 1, says the standard.
            header["pixdim"][0] = -1 if float(header["pixdim"][0]) == -1 else 1
            try:
                affine = np.asarray(header.get_qform(), np.float64)
            except Exception as error:
                raise ReadError(path, f"no valid rotation: {error}", tag="quatern_b, quatern_c, quatern_d") from error
            source = "qform"
        else:
            # Without codes the file does not know which side is left. Identity in LPS is what ITK takes.
            affine = np.diag([-pixdim[1], -pixdim[2], pixdim[3], 1.0])
            source = "absent"
    affine[:3] *= _MM_PER_UNIT.get(int(header["xyzt_units"]) & 7, 1.0)
    if not np.isfinite(affine).all() or np.linalg.det(affine[:3, :3]) == 0:
        raise ReadError(path, f"the matrix from voxels to the patient is not usable:\n{affine}", tag=source)
    return affine, source


def _voxels(data: Bytes, header: _Header, index: int) -> NDArray[Any]:
    shape = header.shape[:3][::-1]
    size = math.prod(shape) * header.dtype.itemsize
    array = empty(header.path, shape, header.dtype)
    ahead = header.offset + index * size - data.position
    target = array.reshape(-1).view(np.uint8).data
    complete = data.skip(ahead) and data.fill(target) == size
    if not complete:
        raise ReadError(header.path, "truncated: voxels are missing at the end", suggestion="copy or export it again")
    if index == header.volume_count - 1:
        data.check_end()
    if not header.dtype.isnative:
        array = array.byteswap(inplace=True).view(header.dtype.newbyteorder("="))
    if not header.scaled:
        return narrowed(array, header.path, "datatype") if array.dtype in (np.int64, np.uint64) else array
    scaled = empty(header.path, shape, np.float64 if array.dtype == np.float64 else np.float32)
    # Infinities and NaN in the file stay what they are, without a warning.
    with np.errstate(all="ignore"):
        for source, result in zip(array, scaled, strict=True):
            # In float64 and rounded once, a slice at a time.
            exact = source.astype(np.float64)
            exact *= header.slope
            exact += header.intercept
            result[...] = exact
    return scaled


def _volume(data: Bytes, header: _Header, index: int) -> Volume:
    array = _voxels(data, header, index)
    meta = {
        "format": "nifti",
        "modality": "",
        "units": "",
        "series_uid": "",
        "rescaled": header.scaled,
        "inverted": False,
        "spacing_source": header.orientation_source if header.orientation_source != "absent" else "pixdim",
        "orientation_source": header.orientation_source,
    }
    if array.ndim == 2:
        affine = header.affine
        if affine[2, [0, 1, 3]].any() or affine[:2, 2].any():
            # A slice somewhere in the body: only as a volume of one slice can it say where.
            array = array[np.newaxis]
    try:
        return Volume.from_affine(array, header.affine, meta=meta)
    except ValueError as error:
        raise ReadError(
            header.path,
            f"geometry: {error}",
            tag=header.orientation_source,
            suggestion="resample it to a grid with perpendicular axes",
        ) from error


def read(path: Path, index: int | None) -> Volume:
    """The volume of a file; ``index`` chooses one of a 4D file."""
    with _open(path) as (data, header):
        count = header.volume_count
        if index is None and count > 1:
            raise ReadError(
                path,
                f"{count} volumes in one file, shape {header.shape}",
                tag="dim",
                suggestion=f"choose one with volume=0 to volume={count - 1}, or use cormack.io.read_all",
            )
        index = index or 0
        if not 0 <= index < count:
            raise ReadError(path, f"no volume {index}; the file has {count}", suggestion=f"volume=0 to {count - 1}")
        return _volume(data, header, index)


def read_all(path: Path) -> list[Volume]:
    """Every volume of a file."""
    with _open(path) as (_, header):
        count = header.volume_count
        check_size(path, math.prod(header.shape) * header.dtype.itemsize, f"{count} volumes")
    return [read(path, index) for index in range(count)]


def check(path: Path) -> None:
    """Raise ReadError for a file whose header is no good; the voxels are not looked at."""
    with _open(path):
        pass


def sniff(path: Path) -> bool:
    """Whether a gzip file holds a NIfTI."""
    head = memoryview(bytearray(540))
    try:
        with open(path, "rb") as file:
            return looks_like_nifti(bytes(head[: Bytes(path, file).fill(head)]))
    except ReadError:
        return False


def write(volume: Volume, path: Path) -> None:
    """Write .nii or .nii.gz under a temporary name, then rename."""
    nibabel = require("nibabel", "nibabel")
    array = storable(np.asarray(volume.array))
    shape = array.shape[::-1]
    kind = nibabel.Nifti1Header if max(shape) < 1 << 15 else nibabel.Nifti2Header
    header = kind(endianness="<")
    header.set_data_dtype(array.dtype)
    header.set_data_shape(shape)
    affine = volume.affine
    header.set_qform(affine, code=1, strip_shears=True)
    # After the qform, which sets the pixel sizes from a rotation; both say the same within float32.
    header.set_sform(affine, code=1)
    header.set_xyzt_units("mm")
    header["scl_slope"], header["scl_inter"] = 1, 0
    header["vox_offset"] = header.single_vox_offset
    header["magic"] = header.single_magic
    array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))

    with replacing(path) as temporary, open(temporary, "xb") as file:
        # Four zeros after the header: no extensions.
        start = header.binaryblock + bytes(4)
        if path.name.lower().endswith(".gz"):
            write_gzip(file, start, array)
        else:
            file.write(start)
            file.write(array.reshape(-1).view(np.uint8).data)
