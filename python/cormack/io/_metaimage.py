"""MetaImage of ITK: a text header, and voxels in the same file (.mha) or in one beside it (.mhd with .raw or .zraw).

Format: https://docs.itk.org/en/latest/learn/metaio.html
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from .._errors import ReadError
from .._files import replacing
from ..volume import Volume
from ._bytes import Bytes, narrowed, storable
from ._common import chosen_volume
from ._gzip import GZIP_MAGIC, write_zlib
from ._limits import check_size, empty

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LARGEST_HEADER = 1 << 20
_STARTS = re.compile(rb"\s*(ObjectType|Comment|NDims)\s*[=:]", re.IGNORECASE)
# LONG has 4 bytes, as on the machines that the format comes from.
_TYPES = {
    "MET_CHAR": "i1",
    "MET_ASCII_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_TYPE_NAMES = {
    "i1": "MET_CHAR",
    "u1": "MET_UCHAR",
    "i2": "MET_SHORT",
    "u2": "MET_USHORT",
    "i4": "MET_INT",
    "u4": "MET_UINT",
    "f4": "MET_FLOAT",
    "f8": "MET_DOUBLE",
}
# Names of the same thing.
_ORIGINS = ("Offset", "Position", "Origin")
_MATRICES = ("TransformMatrix", "Orientation", "Rotation")
_BYTE_ORDERS = ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")
# The fields whose values matter, by their names in lower case.
_READ = {
    name.lower(): name
    for name in (
        *("ObjectType", "NDims", "DimSize", "ElementType", "ElementNumberOfChannels", "BinaryData", *_BYTE_ORDERS),
        *("CompressedData", "HeaderSize", "DistanceUnits", "ElementSpacing", "ElementSize", *_ORIGINS, *_MATRICES),
        *("ElementToIntensityFunctionSlope", "ElementToIntensityFunctionOffset"),
    )
}
_SIZE_DIGITS = 20


@dataclass(frozen=True)
class _Header:
    path: Path
    # x, y, z; with a fourth axis, a list of volumes.
    sizes: tuple[int, ...]
    dtype: np.dtype[Any]
    # Where the voxels are, and from which byte on.
    file: Path
    start: int
    packed: str
    # Of the axes of one volume, in the order x, y, z.
    spacing: NDArray[np.float64]
    origin: NDArray[np.float64]
    direction: NDArray[np.float64]
    spacing_source: str
    orientation_source: str

    @property
    def volume_count(self) -> int:
        return self.sizes[3] if len(self.sizes) > 3 else 1

    @property
    def volume_bytes(self) -> int:
        return math.prod(self.sizes[:3]) * self.dtype.itemsize


def looks_like_metaimage(head: bytes) -> bool:
    """Whether a file starts as a MetaImage does; ``head`` is a few hundred bytes."""
    return _STARTS.match(head) is not None


@contextlib.contextmanager
def _open(path: Path) -> Iterator[tuple[Bytes, _Header]]:
    try:
        with open(path, "rb") as file:
            header = _parse(path, file)
        with open(header.file, "rb") as file:
            yield Bytes(path, file, header.start, header.packed), header
    except OSError as error:
        raise ReadError(path, f"cannot be read: {error.strerror or type(error).__name__}") from error


class _Fields:
    """Fields of a header; names without regard to case."""

    def __init__(self, path: Path, file: Any) -> None:
        self.path = path
        self._fields: dict[str, str] = {}
        number = 0
        while "elementdatafile" not in self._fields:
            number += 1
            line = file.readline(_LARGEST_HEADER)
            if not line or file.tell() > _LARGEST_HEADER:
                if number == 1 or not self._fields:
                    raise ReadError(path, "not a MetaImage" if line else "empty file")
                raise ReadError(path, "damaged: the header does not say where the voxels are", tag="ElementDataFile")
            text = line.decode("utf-8", "replace").strip()
            name, mark, value = re.match(r"([^=:]*)([=:]?)(.*)", text).groups()  # type: ignore[union-attr]
            if mark:
                name, value = name.strip().lower(), value.strip()
                # ITK takes the last, others the first.
                if self._fields.setdefault(name, value) != value and name in _READ:
                    self.refuse(_READ[name], "is there twice, with different values")
            elif text:
                raise ReadError(path, f"not a MetaImage: line {number} is no 'name = value'")

    def refuse(self, name: str, why: str, suggestion: str | None = None) -> NoReturn:
        raise ReadError(self.path, why, tag=name, suggestion=suggestion)

    def get(self, name: str, default: str | None = None) -> str:
        value = self._fields.get(name.lower(), default)
        if value is None:
            self.refuse(name, "a field that every MetaImage needs is missing")
        return value

    def has(self, name: str) -> bool:
        return name.lower() in self._fields

    def whole(self, name: str, default: str | None = None) -> int:
        word = self.get(name, default)
        try:
            return int(word)
        except ValueError:
            self.refuse(name, f"expected a whole number, found {word[:40]!r}")

    def is_true(self, name: str) -> bool:
        word = self.get(name, "False").lower()
        # ITK takes any other word, "yes" too, for False.
        if word not in ("true", "false", "t", "f", "1", "0"):
            self.refuse(name, f"expected True or False, found {word[:40]!r}")
        return word in ("true", "t", "1")

    def numbers(self, name: str, count: int) -> NDArray[np.float64]:
        words = self.get(name)
        try:
            numbers = np.array([float(word) for word in words.split()])
        except ValueError:
            numbers = np.array([np.nan])
        if len(numbers) != count or not np.isfinite(numbers).all():
            self.refuse(name, f"expected {count} finite numbers, found {words[:60]!r}")
        return numbers

    def one_of(self, names: tuple[str, ...], count: int) -> tuple[NDArray[np.float64] | None, str]:
        """What fields with the same meaning say, and the first of them; they must agree."""
        given = [name for name in names if self.has(name)]
        if not given:
            return None, "absent"
        values = [self.numbers(name, count) for name in given]
        for name, value in zip(given[1:], values[1:], strict=True):
            if not np.array_equal(value, values[0]):
                self.refuse(name, f"contradicts {given[0]}, which has the same meaning")
        return values[0], given[0]


def _parse(path: Path, file: Any) -> _Header:
    fields = _Fields(path, file)
    if (kind := fields.get("ObjectType", "Image")).lower() != "image":
        fields.refuse("ObjectType", f"{kind[:40]!r} is no image")
    count = fields.whole("NDims")
    try:
        sizes = tuple(int(word) for word in fields.get("DimSize").split())
    except ValueError:
        sizes = ()
    if len(sizes) != count or not sizes or min(sizes) < 1:
        fields.refuse("DimSize", f"impossible size {fields.get('DimSize')[:60]!r} for {count} dimensions")
    if count not in (2, 3, 4):
        fields.refuse("NDims", f"neither 2D nor 3D: size {list(sizes)}")
    if (channels := fields.whole("ElementNumberOfChannels", "1")) != 1:
        fields.refuse("ElementNumberOfChannels", f"each voxel has {channels} values: no image of grey values")
    if (kind := fields.get("ElementType").upper()) not in _TYPES:
        fields.refuse("ElementType", f"voxels of type {kind[:40]!r} are not supported")
    if not fields.is_true("BinaryData") and fields.has("BinaryData"):
        fields.refuse("BinaryData", "voxels written as text are not supported", "save it again as binary")
    big = {fields.is_true(name) for name in _BYTE_ORDERS if fields.has(name)}
    if len(big) > 1:
        fields.refuse(_BYTE_ORDERS[1], f"contradicts {_BYTE_ORDERS[0]}, which has the same meaning")
    for name, neutral in (("ElementToIntensityFunctionSlope", 1), ("ElementToIntensityFunctionOffset", 0)):
        # ITK passes over it, others apply it.
        if fields.has(name) and fields.numbers(name, 1)[0] != neutral:
            fields.refuse(name, "values that are to be scaled are not supported", "save it again with final values")
    dtype = np.dtype(_TYPES[kind]).newbyteorder(">" if True in big else "<")
    voxels, start, packed = _place(fields, file, math.prod(sizes) * dtype.itemsize)
    sizes = sizes[:3] if sizes[3:] == (1,) else sizes
    return _Header(path, sizes, dtype, voxels, start, packed, *_geometry(fields, count))


def _place(fields: _Fields, file: Any, size: int) -> tuple[Path, int, str]:
    """The file that has the voxels, the byte that they begin at, and how they are packed."""
    tag = "ElementDataFile"
    name, skip = fields.get(tag), fields.whole("HeaderSize", "0")
    packed = "zlib" if fields.is_true("CompressedData") else ""
    if skip < -1 or (skip and packed):
        fields.refuse("HeaderSize", f"cannot be {skip}{' for compressed voxels' if packed else ''}")
    if name.upper() == "LOCAL":
        if skip > 0:
            fields.refuse("HeaderSize", f"cannot be {skip} where the voxels follow the header")
        path, start = fields.path, file.tell()
    else:
        if name.upper().startswith("LIST") or "%" in name:
            fields.refuse(tag, "voxels in several files are not supported", "save it as one .mha file")
        if not name or name in (".", "..") or any(mark in name for mark in "/\\\0") or name[1:2] == ":":
            fields.refuse(tag, "only a file in the same folder is read", "save it as one .mha file")
        path, start = fields.path.with_name(name), skip
        try:
            status = os.stat(path)
        except OSError as error:
            fields.refuse(tag, f"the file of the voxels, {name!r}, cannot be read: {error.strerror}")
        if not stat.S_ISREG(status.st_mode):
            fields.refuse(tag, f"{name!r} is no file")
    with open(path, "rb") as source:
        length = os.fstat(source.fileno()).st_size
        if skip == -1:
            start = length - size
        elif packed:
            source.seek(start)
            packed = "gzip" if source.read(2) == GZIP_MAGIC else packed
        if start < 0 or size > Bytes(path, source, max(start, 0), packed).largest_size:
            raise ReadError(
                fields.path,
                f"truncated: the header announces {size} bytes of voxels, more than the file can hold",
                tag="DimSize",
                suggestion="copy or export it again",
            )
    return path, start, packed


def _geometry(
    fields: _Fields, count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], str, str]:
    """Spacing, origin and direction of one volume, and where the spacing and the direction come from."""
    unit = fields.get("DistanceUnits", "mm").lower()
    if unit not in ("mm", "?", ""):
        # ITK passes over it.
        fields.refuse("DistanceUnits", f"lengths must be in mm, found {unit[:20]!r}", "save it again in mm")
    n = min(count, 3)
    names = tuple(name for name in ("ElementSpacing", "ElementSize") if fields.has(name))[:1]
    spacing, spacing_source = fields.one_of(names, count)
    spacing = np.ones(n) if spacing is None else spacing[:n]
    if not spacing.all():
        fields.refuse(spacing_source, f"spacing {spacing.tolist()} is zero")
    origin, _ = fields.one_of(_ORIGINS, count)
    matrix, source = fields.one_of(_MATRICES, count * count)
    # Each row of the field is an axis of the image; as in ITK in LPS, whatever AnatomicalOrientation says.
    direction = np.eye(n) if matrix is None else matrix.reshape(count, count)[:n, :n].T
    if count == 4 and matrix is not None:
        rest = matrix.reshape(4, 4)
        if rest[3, :3].any() or rest[:3, 3].any():
            fields.refuse(source, "the fourth axis turns into the others")
    # As in ITK a negative spacing turns the axis.
    direction = direction * np.sign(spacing)
    return abs(spacing), np.zeros(n) if origin is None else origin[:n], direction, spacing_source, source


def _array(data: Bytes, header: _Header, index: int) -> NDArray[Any]:
    array = empty(header.path, header.sizes[:3][::-1], header.dtype)
    target = array.reshape(-1).view(np.uint8).data
    ahead = index * header.volume_bytes - data.position
    if not (data.skip(ahead) and data.fill(target) == len(target)):
        raise ReadError(header.path, "truncated: voxels are missing at the end", suggestion="copy or export it again")
    if index == header.volume_count - 1:
        data.check_end()
    if not header.dtype.isnative:
        array = array.byteswap(inplace=True).view(header.dtype.newbyteorder("="))
    return narrowed(array, header.path, "ElementType") if array.dtype in (np.int64, np.uint64) else array


def read(path: Path, index: int | None) -> Volume:
    """The volume of a file; ``index`` chooses one of a 4D file."""
    with _open(path) as (data, header):
        index = chosen_volume(path, index, header.volume_count, f"size {list(header.sizes)}", "DimSize")
        return _volume(data, header, index)


def _volume(data: Bytes, header: _Header, index: int) -> Volume:
    array = _array(data, header, index)
    meta = {
        "format": "metaimage",
        "modality": "",
        "units": "",
        "series_uid": "",
        "rescaled": False,
        "inverted": False,
        "spacing_source": header.spacing_source,
        "orientation_source": header.orientation_source,
    }
    try:
        return Volume(array, header.spacing[::-1], header.origin[::-1], header.direction[::-1, ::-1], meta)
    except ValueError as error:
        raise ReadError(
            header.path,
            f"geometry: {error}",
            tag=header.orientation_source,
            suggestion="resample it to a grid with perpendicular axes",
        ) from error


def read_all(path: Path) -> list[Volume]:
    """Every volume of a file."""
    with _open(path) as (data, header):
        count = header.volume_count
        check_size(path, count * header.volume_bytes, f"{count} volumes")
        # From one end to the other: from the beginning for each would inflate most of the file many times.
        return [_volume(data, header, index) for index in range(count)]


def check(path: Path) -> tuple[tuple[Path, ...], tuple[int, ...], str]:
    """The header and, for .mhd, the file of the voxels; shape and type; ReadError for a header that is no good."""
    with _open(path) as (_, header):
        return tuple(dict.fromkeys((path, header.file))), tuple(header.sizes[2::-1]), header.dtype.name


def write(volume: Volume, path: Path) -> None:
    """Write .mha, zlib inside, under a temporary name, then rename."""
    array = storable(np.asarray(volume.array))

    def words(values: NDArray[np.float64]) -> str:
        return " ".join(repr(float(value)) for value in values.reshape(-1))

    lines = [
        "ObjectType = Image",
        f"NDims = {array.ndim}",
        "BinaryData = True",
        "BinaryDataByteOrderMSB = False",
        "CompressedData = True",
        # ITK reads no compressed voxels without it; known when they are written.
        "CompressedDataSize = " + " " * _SIZE_DIGITS,
        f"TransformMatrix = {words(volume.direction_xyz.T)}",
        f"Offset = {words(np.asarray(volume.origin_xyz))}",
        f"CenterOfRotation = {words(np.zeros(array.ndim))}",
        f"ElementSpacing = {words(np.asarray(volume.spacing_xyz))}",
        "DimSize = " + " ".join(map(str, array.shape[::-1])),
        f"ElementType = {_TYPE_NAMES[f'{array.dtype.kind}{array.dtype.itemsize}']}",
        "ElementDataFile = LOCAL",
    ]
    gap = sum(len(line) + 1 for line in lines[:6]) - 1 - _SIZE_DIGITS
    array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    with replacing(path) as temporary, open(temporary, "xb") as file:
        file.write(("\n".join(lines) + "\n").encode())
        size = write_zlib(file, array)
        file.seek(gap)
        file.write(f"{size:>{_SIZE_DIGITS}}".encode())
