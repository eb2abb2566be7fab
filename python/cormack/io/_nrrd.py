"""NRRD: a text header and raw or gzip voxels in one file.

Format: http://teem.sourceforge.net/nrrd/format.html
"""

from __future__ import annotations

import contextlib
import math
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
from ._gzip import write_gzip
from ._limits import empty

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LARGEST_HEADER = 1 << 20
_MOST_AXES = 16
_TYPES = {
    name: dtype
    for dtype, names in {
        "i1": "signed char|int8|int8_t",
        "u1": "unsigned char|uchar|uint8|uint8_t",
        "i2": "short|short int|signed short|signed short int|int16|int16_t",
        "u2": "unsigned short|ushort|unsigned short int|uint16|uint16_t",
        "i4": "int|signed int|int32|int32_t",
        "u4": "unsigned int|uint|uint32|uint32_t",
        "i8": "long long|longlong|long long int|signed long long|signed long long int|int64|int64_t",
        "u8": "unsigned long long|ulonglong|unsigned long long int|uint64|uint64_t",
        "f4": "float",
        "f8": "double",
    }.items()
    for name in names.split("|")
}
_TYPE_NAMES = {
    **{f"{kind}{size}": f"{word}{8 * size}" for kind, word in (("i", "int"), ("u", "uint")) for size in (1, 2, 4)},
    "f4": "float",
    "f8": "double",
}
# The fields whose values matter.
_READ = frozenset(
    (
        *("type", "dimension", "sizes", "endian", "encoding", "kinds", "spacings", "space", "space dimension"),
        *("space units", "space directions", "space origin", "line skip", "byte skip", "data file", "axis mins"),
        *("lineskip", "byteskip", "datafile", "axismins"),
    )
)
# Signs that turn the axes of a space into LPS.
_SPACES = {
    "left-posterior-superior": (1, 1, 1),
    "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
}
# Spaces without sides; as in ITK their axes are taken as they are.
_SPACES_WITHOUT_SIDES = ("scanner-xyz", "3d-right-handed", "3d-left-handed")
_MM_PER_UNIT = {"": 1.0, "mm": 1.0, "millimeter": 1.0, "cm": 10.0, "m": 1000.0, "um": 1e-3, "µm": 1e-3, "micron": 1e-3}
# Kinds of an axis along which whole images follow one another; others (colours, vectors) make one voxel.
_IMAGE_KINDS = ("list", "time", "stub", "none", "???", "")


@dataclass(frozen=True)
class _Header:
    path: Path
    fields: dict[str, str]
    # Lines "key:=value": what programs add of their own.
    keys: dict[str, str]
    sizes: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int
    skip: int
    packed: str
    # Which axis, the fastest first, counts images; None when there is one.
    list_axis: int | None
    spacing: NDArray[np.float64]
    origin: NDArray[np.float64]
    direction: NDArray[np.float64]
    orientation_source: str

    @property
    def volume_count(self) -> int:
        return 1 if self.list_axis is None else self.sizes[self.list_axis]


def looks_like_nrrd(head: bytes) -> bool:
    """Whether a file starts as an NRRD file does."""
    return head.startswith(b"NRRD0")


@contextlib.contextmanager
def _open(path: Path) -> Iterator[tuple[Bytes, _Header]]:
    try:
        with open(path, "rb") as file:
            header = _parse(path, file)
            yield Bytes(path, file, header.start, header.packed), header
    except OSError as error:
        raise ReadError(path, f"cannot be read: {error.strerror or type(error).__name__}") from error


def _parse(path: Path, file: Any) -> _Header:
    fields, keys = _lines(path, file)

    def refuse(name: str, why: str, suggestion: str | None = None) -> NoReturn:
        raise ReadError(path, why, tag=name, suggestion=suggestion)

    def get(name: str) -> str:
        if name not in fields:
            refuse(name, "a field that every NRRD file needs is missing")
        return fields[name]

    if "data file" in fields:
        refuse(
            "data file", "detached header, its voxels are in another file", "save it as one .nrrd file, header attached"
        )
    words = get("sizes").split()
    if len(words) > _MOST_AXES:
        refuse("sizes", f"{len(words)} axes, more than the format has")
    sizes = tuple(_whole(path, "sizes", word) for word in words)
    dimension = _whole(path, "dimension", get("dimension"))
    if dimension != len(sizes) or not sizes or min(sizes) < 1:
        refuse("sizes", f"impossible size {list(sizes)} for dimension {dimension}")
    kind = get("type").lower()
    if kind not in _TYPES:
        refuse("type", f"voxels of type {kind!r} are not supported")
    dtype = np.dtype(_TYPES[kind])
    if dtype.itemsize > 1:
        endian = get("endian").lower()
        if endian not in ("little", "big"):
            refuse("endian", f"expected little or big, found {endian!r}")
        dtype = dtype.newbyteorder("<" if endian == "little" else ">")
    encoding = get("encoding").lower()
    if encoding not in ("raw", "gzip", "gz"):
        refuse("encoding", f"{encoding!r} is not supported, only raw and gzip", "save it again with gzip")
    packed = "" if encoding == "raw" else "gzip"
    if _whole(path, "line skip", fields.get("line skip", "0")):
        refuse("line skip", "lines before the voxels are not supported")

    start = file.tell()
    size = math.prod(sizes) * dtype.itemsize
    skip = _whole(path, "byte skip", fields.get("byte skip", "0"))
    if skip == -1 and not packed:
        skip = Bytes(path, file, start, packed).largest_size - size
    elif skip < 0:
        refuse("byte skip", f"cannot be {skip}")
    if skip < 0 or skip + size > Bytes(path, file, start, packed).largest_size:
        raise ReadError(
            path,
            f"truncated: the header announces {size} bytes of voxels, more than the file can hold",
            tag="sizes",
            suggestion="copy or export it again",
        )
    return _Header(path, fields, keys, sizes, dtype, start, skip, packed, *_geometry(path, fields, sizes))


def _lines(path: Path, file: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Fields and keys of the header; the file stands at the voxels afterwards."""
    magic = file.readline(16)
    if not looks_like_nrrd(magic):
        raise ReadError(path, "not an NRRD file" if magic else "empty file")
    fields: dict[str, str] = {}
    keys: dict[str, str] = {}
    while True:
        line = file.readline(_LARGEST_HEADER)
        if not line.endswith(b"\n") or file.tell() > _LARGEST_HEADER:
            # A detached header ends with the file, without the empty line before the voxels.
            if any(name in fields for name in ("data file", "datafile")):
                break
            raise ReadError(path, "damaged: the header has no end")
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if not text:
            break
        if text.startswith("#"):
            continue
        field, colon, value = text.partition(":")
        if not colon:
            raise ReadError(path, f"damaged: line {len(fields) + len(keys) + 2} of the header is no 'field: value'")
        if value.startswith("="):
            keys[field] = value[1:]
        else:
            name = field.strip().lower()
            if fields.setdefault(name, value.strip()) != value.strip() and name in _READ:
                raise ReadError(path, "is there twice, with different values", tag=name)
    for short in ("data file", "line skip", "byte skip", "axis mins"):
        if short.replace(" ", "") in fields:
            fields[short] = fields.pop(short.replace(" ", ""))
    return fields, keys


def _whole(path: Path, name: str, word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise ReadError(path, f"expected a whole number, found {word[:40]!r}", tag=name) from None


def _numbers(path: Path, name: str, words: str) -> NDArray[np.float64]:
    try:
        numbers = np.array([float(word) for word in words.strip("() ").replace(",", " ").split()])
    except ValueError:
        numbers = np.array([np.nan])
    if not np.isfinite(numbers).all():
        raise ReadError(path, f"expected finite numbers, found {words[:60]!r}", tag=name)
    return numbers


def _geometry(
    path: Path, fields: dict[str, str], sizes: tuple[int, ...]
) -> tuple[int | None, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], str]:
    """Axis of images, spacing, origin, direction, all in the order x, y, z, and where they come from."""
    kinds = fields.get("kinds", "").lower().split() or ["domain"] * len(sizes)
    if len(kinds) != len(sizes):
        raise ReadError(path, f"{len(kinds)} kinds for {len(sizes)} axes", tag="kinds")
    name = fields.get("space", "").lower()
    if name in _SPACES:
        flip, source = np.array(_SPACES[name], np.float64), "space directions"
    elif not name or name in _SPACES_WITHOUT_SIDES:
        n = _whole(path, "space dimension", fields.get("space dimension", "3" if name else "0"))
        if n not in (0, 2, 3):
            raise ReadError(path, f"a space of {n} dimensions is neither 2D nor 3D", tag="space dimension")
        flip, source = np.ones(n), "absent"
    else:
        raise ReadError(
            path,
            f"the space {name!r} is not supported",
            tag="space",
            suggestion="save it in left-posterior-superior or right-anterior-superior",
        )
    n = len(flip)

    vectors: list[NDArray[np.float64] | None]
    if n:
        words = _vectors(fields.get("space directions", ""))
        vectors = [None if word == "none" else _numbers(path, "space directions", word) for word in words]
        if len(vectors) != len(sizes) or any(v is not None and len(v) != n for v in vectors):
            raise ReadError(
                path, f"needs a vector of {n} numbers, or none, for each of {len(sizes)} axes", tag="space directions"
            )
        origin = _numbers(path, "space origin", fields.get("space origin", "0 " * n))
        if len(origin) != n:
            raise ReadError(path, f"expected {n} numbers, found {len(origin)}", tag="space origin")
    else:
        if "axis mins" in fields:
            raise ReadError(path, "axis mins without a space are not supported", tag="axis mins")
        n = sum(kind in ("domain", "space") for kind in kinds)
        # A spacing of NaN says that the axis has none.
        steps = np.ones(len(sizes))
        if "spacings" in fields:
            try:
                steps = np.array([float(word) for word in fields["spacings"].split()])
            except ValueError:
                steps = np.empty(0)
            if len(steps) != len(sizes) or np.isinf(steps).any():
                raise ReadError(path, f"needs a number for each of {len(sizes)} axes", tag="spacings")
        spatial = [i for i, kind in enumerate(kinds) if kind in ("domain", "space")]
        vectors = [None] * len(sizes)
        for row, axis in enumerate(spatial):
            step = steps[axis] if np.isfinite(steps[axis]) else 1.0
            vectors[axis] = step * np.eye(n)[row]
        origin, flip = np.zeros(n), np.ones(n)

    axes = [vector for vector in vectors if vector is not None]
    lists = [i for i, vector in enumerate(vectors) if vector is None]
    list_axis = lists[0] if lists else None
    if list_axis is not None and kinds[list_axis] not in _IMAGE_KINDS and sizes[list_axis] > 1:
        raise ReadError(
            path, f"each voxel has several values ({kinds[list_axis]!r}): no image of grey values", tag="kinds"
        )
    if len(lists) > 1 or len(axes) not in (2, 3) or (n == 2 and len(axes) == 3):
        raise ReadError(
            path, f"neither a 2D or 3D image nor a list of them: size {list(sizes)} in {n} dimensions", tag="sizes"
        )
    matrix = np.stack(axes, axis=1) * flip[:, None]
    units = fields.get("space units", "").replace('"', " ").split()
    factors = {_MM_PER_UNIT.get(unit.lower()) for unit in units} or {1.0}
    factor = factors.pop()
    if factors or factor is None:
        raise ReadError(path, "lengths must be in mm, cm, m or um, the same for all axes", tag="space units")
    matrix, origin = matrix * factor, origin * flip * factor
    if matrix.shape == (3, 2):
        # A slice somewhere in the body: only as a volume of one slice can it say where.
        normal = np.cross(matrix[:, 0], matrix[:, 1])
        length = np.sqrt(normal @ normal)
        matrix = np.column_stack([matrix, normal / length if length else normal])
    spacing = np.sqrt((matrix**2).sum(axis=0))
    if not spacing.all():
        raise ReadError(path, "an axis has length zero", tag="space directions" if source != "absent" else "spacings")
    return list_axis, spacing, origin, matrix / spacing, source


def _vectors(text: str) -> list[str]:
    """What is between each pair of brackets, blanks and all, and the words between them."""
    found: list[str] = []
    rest = text.strip()
    while rest:
        if rest[:1] == "(":
            inside, _, rest = rest[1:].partition(")")
            found.append(inside)
        else:
            word, _, rest = rest.partition(" ")
            found.append(word.lower())
        rest = rest.strip()
    return found


def _array(data: Bytes, header: _Header) -> NDArray[Any]:
    array = empty(header.path, header.sizes[::-1], header.dtype)
    target = array.reshape(-1).view(np.uint8).data
    # The images of a list may lie voxel by voxel beside one another, so all are read.
    if not (data.skip(header.skip) and data.fill(target) == len(target)):
        raise ReadError(header.path, "truncated: voxels are missing at the end", suggestion="copy or export it again")
    data.check_end()
    if not header.dtype.isnative:
        array = array.byteswap(inplace=True).view(header.dtype.newbyteorder("="))
    return narrowed(array, header.path, "type") if array.dtype in (np.int64, np.uint64) else array


def read(path: Path, index: int | None) -> Volume:
    """The volume of a file; ``index`` chooses one of a list."""
    with _open(path) as (data, header):
        index = chosen_volume(path, index, header.volume_count, f"size {list(header.sizes)}", "sizes")
        array = _array(data, header)
    return _volume(header, array, index)


def _volume(header: _Header, array: NDArray[Any], index: int) -> Volume:
    path = header.path
    if header.list_axis is not None:
        # A copy: one volume must not keep the others alive.
        array = np.take(array, index, axis=array.ndim - 1 - header.list_axis)
    if array.ndim < len(header.spacing):
        array = array[np.newaxis]
    meta = {
        "format": "nrrd",
        "modality": "",
        "units": "",
        "series_uid": "",
        "rescaled": False,
        "inverted": False,
        "spacing_source": next((n for n in ("space directions", "spacings") if n in header.fields), "absent"),
        "orientation_source": header.orientation_source,
    }
    try:
        return Volume(array, header.spacing[::-1], header.origin[::-1], header.direction[::-1, ::-1], meta)
    except ValueError as error:
        raise ReadError(
            path,
            f"geometry: {error}",
            tag="space directions",
            suggestion="resample it to a grid with perpendicular axes",
        ) from error


def read_all(path: Path) -> list[Volume]:
    """Every volume of a file."""
    with _open(path) as (data, header):
        array = _array(data, header)
    return [_volume(header, array, index) for index in range(header.volume_count)]


def check(path: Path) -> tuple[tuple[int, ...], str]:
    """Shape and type of a volume; ReadError for a file whose header is no good. The voxels are not looked at."""
    with _open(path) as (_, header):
        sizes = [size for axis, size in enumerate(header.sizes) if axis != header.list_axis]
        return tuple(sizes[::-1]), header.dtype.name


def segments(path: Path) -> list[tuple[int, int, str]]:
    """Layer, value and name of the segments that 3D Slicer notes in its .seg.nrrd files; empty for other files."""
    with _open(path) as (_, header):
        keys = header.keys
    found: list[tuple[int, int, str]] = []
    while (start := f"Segment{len(found)}_") + "Name" in keys:
        layer, value = (
            _whole(path, start + name, keys.get(start + name, default))
            for name, default in (("Layer", "0"), ("LabelValue", "1"))
        )
        found.append((layer, value, keys[start + "Name"].strip()))
    return found


def write(volume: Volume, path: Path) -> None:
    """Write .nrrd, gzip inside, under a temporary name, then rename."""
    array = storable(np.asarray(volume.array))
    code = f"{array.dtype.kind}{array.dtype.itemsize}"
    if code not in _TYPE_NAMES:
        raise TypeError(f"cannot write voxels of type {array.dtype}")
    matrix = volume.direction_xyz * np.asarray(volume.spacing_xyz)

    def vector(values: Any) -> str:
        return "(" + ",".join(repr(float(value)) for value in values) + ")"

    lines = [
        "NRRD0004",
        "# Complete NRRD file format specification at:",
        "# http://teem.sourceforge.net/nrrd/format.html",
        f"type: {_TYPE_NAMES[code]}",
        f"dimension: {array.ndim}",
        "space: left-posterior-superior" if array.ndim == 3 else "space dimension: 2",
        "sizes: " + " ".join(map(str, array.shape[::-1])),
        "space directions: " + " ".join(vector(column) for column in matrix.T),
        "kinds: " + " ".join(["domain"] * array.ndim),
        "endian: little",
        "encoding: gzip",
        f"space origin: {vector(volume.origin_xyz)}",
    ]
    array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    with replacing(path) as temporary, open(temporary, "xb") as file:
        file.write(("\n".join(lines) + "\n\n").encode())
        write_gzip(file, b"", array)
