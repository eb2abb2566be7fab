"""NIfTI: voxels straight into the array, and back."""

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
from . import _nifti_header
from ._bytes import Bytes, narrowed, storable
from ._common import chosen_volume
from ._gzip import in_parallel, write_gzip
from ._limits import check_size, empty

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Voxels that are scaled at a time: as float64 they stay in a cache of the processor.
_SCALED = 1 << 15
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

    @property
    def result_dtype(self) -> np.dtype[Any]:
        """Of the voxels in memory, as far as the header tells."""
        if not self.scaled:
            return self.dtype.newbyteorder("=")
        return np.dtype(np.float64 if self.dtype.kind == "f" and self.dtype.itemsize == 8 else np.float32)


def looks_like_nifti(head: bytes) -> bool:
    """Whether the first 540 uncompressed bytes are the header of a single-file NIfTI."""
    size = _nifti_header.size_of(head)
    return size is not None and len(head) >= size and _nifti_header.is_single_file(_nifti_header.parse(head))


@contextlib.contextmanager
def _open(path: Path) -> Iterator[tuple[Bytes, _Header]]:
    try:
        with open(path, "rb") as file:
            data = Bytes(path, file)
            head = memoryview(bytearray(540))
            got = data.fill(head[:348])
            if _nifti_header.size_of(bytes(head)) == 540:
                got += data.fill(head[348:])
            yield data, _parse(path, bytes(head[:got]), data.largest_size)
    except OSError as error:
        raise ReadError(path, f"cannot be read: {error.strerror or type(error).__name__}") from error


def _parse(path: Path, head: bytes, largest_size: int) -> _Header:
    size = _nifti_header.size_of(head)
    if size is None or len(head) < size:
        raise ReadError(path, "not a NIfTI file" if len(head) >= 348 else "truncated: shorter than a NIfTI header")
    header = _nifti_header.parse(head)
    if not _nifti_header.is_single_file(header):
        magic = _nifti_header.magic_of(header)
        if magic[:2] == b"ni":
            raise ReadError(path, "header of a NIfTI pair (.hdr, .img)", suggestion="convert it to one .nii file")
        raise ReadError(path, f"not a NIfTI file: its magic is {magic!r}")

    dims = [int(n) for n in header["dim"]]
    if not 1 <= dims[0] <= 7 or min(dims[1 : dims[0] + 1]) < 1:
        raise ReadError(path, f"impossible size {dims[1 : max(1, min(dims[0], 7)) + 1]}", tag="dim")
    shape = tuple(dims[1 : dims[0] + 1])
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) < 2:
        raise ReadError(path, f"neither 2D nor 3D: {shape}", tag="dim")

    code = int(header["datatype"])
    if code not in _nifti_header.DATATYPES:
        known = _nifti_header.REFUSED_DATATYPES.get(code)
        raise ReadError(path, f"{known} are not supported" if known else f"unknown data type {code}", tag="datatype")
    dtype = np.dtype(_nifti_header.DATATYPES[code]).newbyteorder(header.dtype["datatype"].byteorder)

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


def _affine(path: Path, header: np.void, ndim: int) -> tuple[NDArray[np.float64], str]:
    """Index to RAS world in mm: the sform when its code is set, else the qform, else the pixel sizes alone."""
    pixdim = np.abs(np.asarray(header["pixdim"], np.float64))
    if ndim == 2 and not (np.isfinite(pixdim[3]) and pixdim[3] > 0):
        pixdim[3] = 1
    if int(header["sform_code"]) > 0:
        affine = np.eye(4)
        affine[:3] = header["srow"]
        if ndim == 2 and not affine[:3, 2].any():
            affine[:3, 2] = np.cross(affine[:3, 0], affine[:3, 1])
        source = "sform"
    else:
        if not (np.isfinite(pixdim[1:4]).all() and (pixdim[1:4] > 0).all()):
            raise ReadError(path, f"pixel sizes {pixdim[1:4].tolist()} are not positive", tag="pixdim")
        if int(header["qform_code"]) > 0:
            affine = np.eye(4)
            try:
                affine[:3, :3] = _nifti_header.rotation(header) * pixdim[1:4]
            except ValueError as error:
                raise ReadError(path, f"no valid rotation: {error}", tag="quatern_b, quatern_c, quatern_d") from error
            # The sign of the third axis; anything but -1 means 1, says the standard.
            affine[:3, 2] *= -1 if float(header["pixdim"][0]) == -1 else 1
            affine[:3, 3] = header["qoffset"]
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
    scaled = empty(header.path, shape, header.result_dtype)
    rows = array.reshape(math.prod(shape[:-1]), -1), scaled.reshape(math.prod(shape[:-1]), -1)
    step = max(1, _SCALED // shape[-1])

    def scale(number: int) -> None:
        source, result = (part[number * step : (number + 1) * step] for part in rows)
        # Infinities and NaN in the file stay what they are, without a warning. In float64 and rounded once.
        with np.errstate(all="ignore"):
            exact = np.multiply(source, header.slope, dtype=np.float64)
            result[...] = np.add(exact, header.intercept, out=exact)

    for _ in in_parallel(scale, -(-len(rows[0]) // step)):
        pass
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
        index = chosen_volume(path, index, header.volume_count, f"shape {header.shape}", "dim")
        return _volume(data, header, index)


def read_all(path: Path) -> list[Volume]:
    """Every volume of a file."""
    with _open(path) as (data, header):
        count = header.volume_count
        check_size(path, math.prod(header.shape) * header.result_dtype.itemsize, f"{count} volumes")
        # From one end to the other: from the beginning for each would inflate most of the file many times.
        return [_volume(data, header, index) for index in range(count)]


def check(path: Path) -> tuple[tuple[int, ...], str]:
    """Shape and type of a volume; ReadError for a file whose header is no good. The voxels are not looked at."""
    with _open(path) as (_, header):
        scaled = np.dtype(np.float64 if header.dtype.itemsize == 8 and header.dtype.kind == "f" else np.float32)
        return header.shape[2::-1], (scaled if header.scaled else header.dtype).name


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
    array = storable(np.asarray(volume.array))
    start = _nifti_header.make(array.shape[::-1], array.dtype.newbyteorder("="), volume.affine)
    array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    with replacing(path) as temporary, open(temporary, "xb") as file:
        if path.name.lower().endswith(".gz"):
            write_gzip(file, start, array)
        else:
            file.write(start)
            file.write(array.reshape(-1).view(np.uint8).data)
