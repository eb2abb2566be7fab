"""Zarr arrays on a disk: their metadata, and chunks, read with every size known beforehand, and written.

The formats are small, and what is read here may be hostile: no codec is looked up by its name in a registry, nothing is
unpacked beyond the size that the metadata gives its chunk, no link is followed, and nothing but a regular file is read.
Files that are written depend on the voxels alone, not on the version of a library.
"""

from __future__ import annotations

import bz2
import contextlib
import itertools
import json
import math
import os
import re
import stat
import threading
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _cormack_cpu
from .._errors import ReadError
from ._common import require
from ._limits import check_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

METADATA_FILES = frozenset(("zarr.json", ".zgroup", ".zarray"))

_LARGEST_METADATA = 16 << 20
_LONGEST_AXIS = 1 << 40
_MOST_AXES = 8
# Reading more pieces than this in one go takes minutes whatever they hold; real chunks are thousands of voxels.
_MOST_CHUNKS = 1 << 18
_MOST_PER_TASK = 16
# What packing may add to data that cannot be packed.
_SLACK = 1 << 16

_TYPES = {name: np.dtype(name) for name in ("bool", "int8", "int16", "int32", "int64", "float16", "float32", "float64")}
_TYPES |= {name: np.dtype(name) for name in ("uint8", "uint16", "uint32", "uint64")}
_KNOWN_FIELDS = frozenset(
    (
        *("zarr_format", "node_type", "shape", "data_type", "chunk_grid", "chunk_key_encoding", "fill_value", "codecs"),
        *("attributes", "storage_transformers", "dimension_names", "consolidated_metadata"),
    )
)
_PACKERS = ("blosc", "zstd", "gzip", "zlib", "bz2", "crc32c")


@dataclass(frozen=True)
class _Shards:
    """Chunks of chunks: several in one file, with an index of where each begins."""

    shape: tuple[int, ...]
    layout: _Layout
    index_dtype: np.dtype[Any]
    index_checksum: bool
    index_at_end: bool


@dataclass(frozen=True)
class _Layout:
    """How the voxels of a chunk become bytes: their order, their type, what packs them; first come, first used."""

    order: tuple[int, ...]
    dtype: np.dtype[Any]
    packers: tuple[str, ...] = ()
    shards: _Shards | None = None


@dataclass(frozen=True)
class StoredArray:
    """An array whose metadata has been read.

    Parameters
    ----------
    store : Path
        What messages name.
    folder : Path
        Its folder, without links.
    shape, chunks : tuple of int
        Sizes of the whole and of what lies in one file.
    dtype : dtype
        Of the voxels, in the order of bytes of this machine.
    fill : scalar
        Value of voxels whose chunk has no file.
    """

    store: Path
    folder: Path
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any]
    fill: Any
    key_prefix: str
    separator: str
    layout: _Layout
    complete: bool = False
    _folders: set[str] = field(default_factory=set)

    def read(self, region: Sequence[tuple[int, int]]) -> NDArray[Any]:
        """Voxels of a box, from the first to before the last index of each axis."""
        shape = tuple(high - low for low, high in region)
        check_size(self.store, math.prod(shape) * self.dtype.itemsize, "the array")
        check_size(self.store, math.prod(self.chunks) * self.dtype.itemsize, "a chunk")
        ranges = [range(low // size, -(-high // size)) for (low, high), size in zip(region, self.chunks, strict=True)]
        if math.prod(map(len, ranges)) > _MOST_CHUNKS:
            raise ReadError(
                self.store,
                f"{math.prod(map(len, ranges))} chunks of {self.chunks} voxels are too many to read at once",
                suggestion="rewrite it with larger chunks",
            )
        out = np.empty(shape, self.dtype)
        lows = [low for low, _ in region]
        # One place for each thread to unpack to: new memory costs more than filling it.
        scratch = threading.local()

        def some(indices: Sequence[tuple[int, ...]]) -> None:
            for index in indices:
                self._read_chunk(index, out, lows, scratch)

        if out.size:
            threads = _cormack_cpu.get_num_threads()
            per_task = max(1, min(_MOST_PER_TASK, math.prod(map(len, ranges)) // (4 * threads)))
            with ThreadPoolExecutor(threads) as pool:
                for _ in pool.map(some, _batches(itertools.product(*ranges), per_task)):
                    pass
        return out

    def _read_chunk(self, index: tuple[int, ...], out: NDArray[Any], lows: Sequence[int], scratch: Any) -> None:
        key = self.key_prefix + self.separator.join(map(str, index))
        start = [i * size - low for i, size, low in zip(index, self.chunks, lows, strict=True)]
        with self._opened(key) as number:
            if number is None:
                if self.complete:
                    raise ReadError(self.store, f"chunk {key} is missing", suggestion="copy or export it again")
                _place(out, start, self.chunks, self.fill)
                return
            if self.layout.shards is not None:
                self._read_shard(key, number, self.layout.shards, start, out, scratch)
                return
            size = os.fstat(number).st_size
            full = math.prod(self.chunks) * self.dtype.itemsize
            if size > full + full // 16 + _SLACK:
                raise ReadError(self.store, f"chunk {key} has {size} bytes, too many for {full} bytes of voxels")
            voxels = self._unpacked(key, os.pread(number, size, 0), self.layout, self.chunks, scratch)
        _place(out, start, self.chunks, voxels)

    def _read_shard(
        self, key: str, number: int, shards: _Shards, start: Sequence[int], out: NDArray[Any], scratch: Any
    ) -> None:
        counts = [size // inner for size, inner in zip(self.chunks, shards.shape, strict=True)]
        size = os.fstat(number).st_size
        length = 16 * math.prod(counts) + 4 * shards.index_checksum
        if length > size:
            raise ReadError(self.store, f"shard {key} is shorter than its index")
        content = os.pread(number, length, size - length if shards.index_at_end else 0)
        try:
            content = _without_checksum(content) if shards.index_checksum else content
        except ValueError as error:
            raise ReadError(self.store, f"damaged index of shard {key}") from error
        entries = np.frombuffer(content, shards.index_dtype).reshape(-1, 2)
        full = math.prod(shards.shape) * self.dtype.itemsize
        for inner, (offset, count) in zip(itertools.product(*map(range, counts)), entries.tolist(), strict=True):
            at = [s + i * n for s, i, n in zip(start, inner, shards.shape, strict=True)]
            if any(a >= n or a + m <= 0 for a, n, m in zip(at, out.shape, shards.shape, strict=True)):
                continue
            if offset == count == (1 << 64) - 1:
                _place(out, at, shards.shape, self.fill)
                continue
            if offset + count > size or count > full + full // 16 + _SLACK:
                raise ReadError(self.store, f"damaged index of shard {key}")
            packed = os.pread(number, count, offset)
            _place(out, at, shards.shape, self._unpacked(key, packed, shards.layout, shards.shape, scratch))

    @contextlib.contextmanager
    def _opened(self, key: str) -> Iterator[int | None]:
        """Open the file of a chunk: a regular file below the folder, reached without a link; None if there is none."""
        parent, _, _ = key.rpartition("/")
        if parent and parent not in self._folders:
            if os.path.realpath(self.folder / parent) != os.path.join(self.folder, parent):
                raise ReadError(self.store, f"{parent} is a link; links are not followed")
            self._folders.add(parent)
        number = _open_regular(self.store, self.folder / key, key)
        try:
            yield number
        except OSError as error:
            raise ReadError(self.store, f"chunk {key} cannot be read: {error.strerror or error}") from error
        finally:
            if number is not None:
                os.close(number)

    def _unpacked(self, key: str, packed: bytes, layout: _Layout, shape: tuple[int, ...], scratch: Any) -> NDArray[Any]:
        size = math.prod(shape) * self.dtype.itemsize
        data: Any = packed
        try:
            room = getattr(scratch, "room", None)
            if room is None:
                room = scratch.room = np.empty(size, np.uint8)
            for left, name in zip(reversed(range(len(layout.packers))), reversed(layout.packers), strict=True):
                # The last one tells, by the size of the room, when there is more than the chunk holds.
                data = _unpack(name, data, np.empty(size + size // 16 + _SLACK, np.uint8) if left else room)
        except ReadError:
            raise
        except Exception as error:
            raise ReadError(
                self.store, f"chunk {key} is damaged ({type(error).__name__})", suggestion="copy or export it again"
            ) from error
        if len(data) != size:
            raise ReadError(self.store, f"chunk {key} has {len(data)} bytes of voxels, expected {size}")
        voxels = np.frombuffer(data, layout.dtype).reshape([shape[axis] for axis in layout.order])
        return voxels.transpose(np.argsort(layout.order))


def _batches(items: Iterator[tuple[int, ...]], count: int) -> Iterator[list[tuple[int, ...]]]:
    while batch := list(itertools.islice(items, count)):
        yield batch


def _place(out: NDArray[Any], start: Sequence[int], size: Sequence[int], voxels: Any) -> None:
    """Put the part of a chunk that lies in the result where it belongs."""
    low = [max(s, 0) for s in start]
    high = [min(s + n, m) for s, n, m in zip(start, size, out.shape, strict=True)]
    target = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    if isinstance(voxels, np.ndarray):
        voxels = voxels[tuple(slice(a - s, b - s) for a, b, s in zip(low, high, start, strict=True))]
        if out.dtype == bool:
            voxels = voxels != 0
    out[target] = voxels


def _open_regular(store: Path, path: Path, name: str) -> int | None:
    # Not blocking, so that a pipe does not wait for a writer before it is refused.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        number = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        what = "is a link; links are not followed" if path.is_symlink() else f"cannot be read: {error.strerror}"
        raise ReadError(store, f"{name} {what}") from error
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise ReadError(store, f"{name} is no file")
    return number


_MOST_PARTS = 100


def _unpack(name: str, data: Any, out: NDArray[np.uint8]) -> Any:
    """Undo a codec of bytes, where it can into the given room; an exception when more comes out."""
    if name == "crc32c":
        return _without_checksum(data)
    if name in ("blosc", "zstd"):
        imagecodecs = require("imagecodecs", "imagecodecs")
        if name == "blosc":
            _check_blosc(data, len(out))
            return imagecodecs.blosc_decode(data, numthreads=1, out=out)
        return imagecodecs.zstd_decode(data, out=out)
    make: Any = bz2.BZ2Decompressor if name == "bz2" else lambda: zlib.decompressobj(31 if name == "gzip" else 15)
    parts: list[bytes] = []
    room = len(out)
    rest = bytes(data)
    while rest:
        # Packed data may be several, one after the other.
        inflate = make()
        # One byte more than there is room for tells that it is too much; 0 would mean no limit.
        parts.append(inflate.decompress(rest, room + 1))
        room -= len(parts[-1])
        if len(parts) > _MOST_PARTS:
            # Each is a copy of all that follows it.
            raise ValueError("too many parts")
        if room < 0 or not inflate.eof:
            raise ValueError("more data than the chunk holds" if room < 0 else "data end early")
        rest = inflate.unused_data
    return b"".join(parts)


def _check_blosc(data: Any, room: int) -> None:
    """Refuse a header of blosc that would lead the library, which believes it, past the end of the data."""
    head = bytes(data[:16])
    if len(head) < 16:
        raise ValueError("no header")
    size, block, packed = (int.from_bytes(head[at : at + 4], "little") for at in (4, 8, 12))
    if packed != len(data) or not 0 < size <= room or not 0 < block <= size or not head[3]:
        raise ValueError("wrong header")
    if head[2] & 2:
        # Stored as it is.
        if packed != size + 16:
            raise ValueError("wrong size")
        return
    count = -(-size // block)
    starts = np.frombuffer(data, "<i4", count, 16) if packed >= 16 + 4 * count else np.array([-1])
    if (starts < 16 + 4 * count).any() or (starts > packed - 4).any():
        raise ValueError("wrong places of blocks")


def _without_checksum(data: Any) -> Any:
    crc = require("google_crc32c", "google-crc32c")
    body, expected = bytes(data[:-4]), int.from_bytes(bytes(data[-4:]), "little")
    if len(data) < 4 or crc.value(body) != expected:
        raise ValueError("wrong checksum")
    return body


# --- Metadata --------------------------------------------------------------------------------------------------------


def inside(store: Path, path: Any) -> Path:
    """Folder of a node from its path in the metadata; refuses paths that lead out of the store, and links."""
    parts = path.split("/") if isinstance(path, str) else [""]
    if (path != "" and not all(parts)) or any(part in (".", "..") or "\\" in part or "\0" in part for part in parts):
        raise ReadError(store, f"the path {str(path)[:60]!r} does not lead to an array inside", tag="path")
    try:
        os.fsencode(str(path))
    except UnicodeEncodeError as error:
        raise ReadError(store, f"the path {str(path)[:60]!r} is no text", tag="path") from error
    root = Path(os.path.realpath(store))
    folder = root.joinpath(*filter(None, parts))
    if os.path.realpath(folder) != str(folder):
        raise ReadError(store, f"{path[:60]!r} is a link; links are not followed", tag="path")
    return folder


def metadata(store: Path, folder: Path) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """Version of the format, metadata of the array (empty for a group), attributes."""
    node = _json(store, folder / "zarr.json")
    if node is not None:
        if node.get("zarr_format") != 3 or node.get("node_type") not in ("array", "group"):
            raise ReadError(store, "zarr.json is no metadata of Zarr version 3", tag="zarr_format")
        attributes = node.get("attributes", {})
        if not isinstance(attributes, dict):
            raise ReadError(store, "attributes are no table of names and values", tag="attributes")
        return 3, node if node["node_type"] == "array" else {}, attributes
    array = _json(store, folder / ".zarray")
    if array is None and _json(store, folder / ".zgroup") is None:
        raise ReadError(store, f"no Zarr metadata (zarr.json, .zgroup or .zarray) in {folder.name!r}")
    if array is not None and array.get("zarr_format") != 2:
        raise ReadError(store, ".zarray is no metadata of Zarr version 2", tag="zarr_format")
    return 2, array or {}, _json(store, folder / ".zattrs") or {}


def _json(store: Path, path: Path) -> dict[str, Any] | None:
    number = _open_regular(store, path, path.name)
    if number is None:
        return None
    with open(number, "rb") as file:
        text = file.read(_LARGEST_METADATA + 1)
    if len(text) > _LARGEST_METADATA:
        raise ReadError(store, f"{path.name} is larger than {_LARGEST_METADATA >> 20} MiB")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReadError(store, f"{path.name} is damaged: no JSON ({type(error).__name__})") from error
    if not isinstance(value, dict):
        raise ReadError(store, f"{path.name} is no table of names and values")
    return value


def stored_array(store: Path, folder: Path, *, complete: bool = False) -> StoredArray:
    """Read the metadata of an array; every field that is no good is a ReadError."""
    version, node, _ = metadata(store, folder)
    if not node:
        raise ReadError(store, f"{folder.name!r} is a group, not an array", tag="node_type")
    shape = _sizes(store, "shape", node.get("shape"))
    if not 1 <= len(shape) <= _MOST_AXES:
        raise ReadError(store, f"{len(shape)} axes", tag="shape")
    make = _of_version_3 if version == 3 else _of_version_2
    dtype, chunks, prefix, separator, layout = make(store, node, len(shape))
    fill = _fill(store, node.get("fill_value"), dtype)
    return StoredArray(store, folder, shape, chunks, dtype, fill, prefix, separator, layout, complete)


def _sizes(store: Path, name: str, value: Any, count: int | None = None) -> tuple[int, ...]:
    good = isinstance(value, list) and all(type(n) is int and 0 < n < _LONGEST_AXIS for n in value)
    if not good or (count is not None and len(value) != count):
        # Numbers are shown; text could be anything, and is quoted as such.
        shown = str(value)[:60] if good else repr(str(value)[:60])
        raise ReadError(store, f"impossible size {shown}", tag=name)
    return tuple(value)


def _named(store: Path, name: str, value: Any) -> tuple[str, dict[str, Any]]:
    """Name and configuration of an extension point of version 3."""
    if isinstance(value, str):
        value = {"name": value}
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        configuration = value.get("configuration", {})
        if isinstance(configuration, dict):
            return value["name"], configuration
    raise ReadError(store, "expected a name with a configuration", tag=name)


_Parsed = tuple[np.dtype[Any], tuple[int, ...], str, str, _Layout]


def _of_version_3(store: Path, node: dict[str, Any], ndim: int) -> _Parsed:
    for name in node.keys() - _KNOWN_FIELDS:
        if not (isinstance(node[name], dict) and node[name].get("must_understand") is False):
            raise ReadError(store, f"the extension {name[:40]!r} is not supported")
    if node.get("storage_transformers"):
        raise ReadError(store, "storage transformers are not supported", tag="storage_transformers")
    kind = node.get("data_type")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise ReadError(store, f"voxels of type {str(kind)[:40]!r} are not supported", tag="data_type")
    grid, options = _named(store, "chunk_grid", node.get("chunk_grid"))
    if grid != "regular":
        raise ReadError(store, f"chunks in a {grid[:40]!r} grid are not supported", tag="chunk_grid")
    chunks = _sizes(store, "chunk_shape", options.get("chunk_shape"), ndim)
    encoding, options = _named(store, "chunk_key_encoding", node.get("chunk_key_encoding"))
    separator = options.get("separator", "/" if encoding == "default" else ".")
    if encoding not in ("default", "v2") or separator not in ("/", "."):
        raise ReadError(store, f"{encoding[:40]!r} is not supported", tag="chunk_key_encoding")
    prefix = f"c{separator}" if encoding == "default" else ""
    return _TYPES[kind], chunks, prefix, separator, _layout(store, node.get("codecs"), _TYPES[kind], chunks)


def _layout(store: Path, codecs: Any, dtype: np.dtype[Any], chunks: tuple[int, ...], *, inner: bool = False) -> _Layout:
    def refuse(name: str) -> ReadError:
        known = ", ".join(("transpose", "bytes", "sharding_indexed", *_PACKERS))
        return ReadError(
            store, f"the codec {name[:40]!r} is not supported here", tag="codecs", suggestion=f"of {known}"
        )

    if not isinstance(codecs, list) or not codecs:
        raise ReadError(store, "no list of codecs", tag="codecs")
    order = tuple(range(len(chunks)))
    packers: list[str] = []
    stored: np.dtype[Any] | None = None
    shards: _Shards | None = None
    for name, options in (_named(store, "codecs", codec) for codec in codecs):
        if name == "transpose" and stored is None:
            turn = options.get("order")
            if not isinstance(turn, list) or sorted(map(repr, turn)) != sorted(map(repr, range(len(order)))):
                raise ReadError(store, "no permutation of the axes", tag="transpose")
            order = tuple(order[axis] for axis in turn)
        elif name == "bytes" and stored is None:
            endian = options.get("endian", "little" if dtype.itemsize == 1 else None)
            if endian not in ("little", "big"):
                raise ReadError(store, "expected little or big", tag="endian")
            # As bytes, so that what is stored as a truth value need not be 0 or 1.
            stored = np.dtype(np.uint8) if dtype.kind == "b" else dtype.newbyteorder("<" if endian == "little" else ">")
        elif name == "sharding_indexed" and stored is None and not inner and order == tuple(range(len(chunks))):
            shards = _shards(store, options, dtype, chunks)
            stored = shards.layout.dtype
        elif name in _PACKERS and name not in ("zlib", "bz2") and stored is not None and shards is None:
            packers.append(name)
        else:
            raise refuse(name)
    if stored is None:
        raise ReadError(store, "no codec turns voxels into bytes", tag="codecs")
    return _Layout(order, stored, tuple(packers), shards)


def _shards(store: Path, options: dict[str, Any], dtype: np.dtype[Any], chunks: tuple[int, ...]) -> _Shards:
    shape = _sizes(store, "chunk_shape", options.get("chunk_shape"), len(chunks))
    if any(size % inner for size, inner in zip(chunks, shape, strict=True)):
        raise ReadError(store, f"chunks of {shape} do not fill shards of {chunks}", tag="chunk_shape")
    if math.prod(chunks) // math.prod(shape) > _MOST_CHUNKS:
        raise ReadError(store, f"shards of {chunks} hold too many chunks of {shape}", tag="chunk_shape")
    place = options.get("index_location", "end")
    index = _layout(store, options.get("index_codecs"), np.dtype(np.uint64), (1, 2), inner=True)
    if place not in ("start", "end") or index.packers not in ((), ("crc32c",)) or index.order != (0, 1):
        raise ReadError(store, "this index of shards is not supported", tag="index_codecs")
    layout = _layout(store, options.get("codecs"), dtype, shape, inner=True)
    return _Shards(shape, layout, index.dtype, bool(index.packers), place == "end")


def _of_version_2(store: Path, node: dict[str, Any], ndim: int) -> _Parsed:
    kind = node.get("dtype")
    if not isinstance(kind, str) or not re.fullmatch(r"[<>|]([iu][1248]|f[248]|b1)", kind):
        raise ReadError(store, f"voxels of type {str(kind)[:40]!r} are not supported", tag="dtype")
    if node.get("filters"):
        raise ReadError(store, "filters are not supported", tag="filters", suggestion="save it without")
    stored = np.dtype(kind)
    dtype = stored.newbyteorder("=")
    packer = node.get("compressor")
    packers: tuple[str, ...] = ()
    if packer is not None:
        name = packer.get("id") if isinstance(packer, dict) else packer
        if not isinstance(name, str) or name not in _PACKERS or name == "crc32c":
            raise ReadError(store, f"the codec {str(name)[:40]!r} is not supported", tag="compressor")
        packers = (name,)
    chunks = _sizes(store, "chunks", node.get("chunks"), ndim)
    separator = node.get("dimension_separator", ".")
    if separator not in ("/", "."):
        raise ReadError(store, "expected / or .", tag="dimension_separator")
    order = node.get("order")
    if order not in ("C", "F"):
        raise ReadError(store, "expected C or F", tag="order")
    axes = tuple(range(ndim)) if order == "C" else tuple(range(ndim))[::-1]
    return dtype, chunks, "", separator, _Layout(axes, np.dtype(np.uint8) if dtype.kind == "b" else stored, packers)


def _fill(store: Path, value: Any, dtype: np.dtype[Any]) -> Any:
    try:
        if value is None:
            return dtype.type(0)
        if isinstance(value, str):
            if dtype.kind != "f":
                raise ValueError
            if value.startswith("0x"):
                bits = np.array(int(value, 16), f"u{dtype.itemsize}")
                return bits.view(dtype)[()]
            return dtype.type(float({"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}[value]))
        if not isinstance(value, bool | int | float):
            raise ValueError
        if dtype.kind in "iub":
            limits = np.iinfo(dtype) if dtype.kind != "b" else np.iinfo(np.uint8)
            if value != int(value) or not limits.min <= value <= limits.max:
                raise ValueError
            return dtype.type(int(value))
        with np.errstate(over="ignore"):
            return dtype.type(value)
    except (ValueError, KeyError, OverflowError, TypeError) as error:
        raise ReadError(store, f"{str(value)[:40]!r} is no {dtype}", tag="fill_value") from error


# --- Writing ---------------------------------------------------------------------------------------------------------


def even_chunks(shape: Sequence[int], largest: int) -> tuple[int, ...]:
    """Chunks of at most so many voxels along each axis, as equal as they can be: none is mostly padding."""
    return tuple(-(-n // -(-n // largest)) for n in shape)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write metadata, always with the same bytes."""
    path.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def write_array(folder: Path, array: NDArray[Any], chunks: tuple[int, ...], names: Sequence[str]) -> None:
    """Write an array of version 3; chunks are packed by as many threads as Cormack uses, each by one."""
    imagecodecs = require("imagecodecs", "imagecodecs")
    itemsize = array.dtype.itemsize
    stored = array.dtype.newbyteorder("<")
    options = {"level": 3, "compressor": "zstd", "shuffle": 2, "typesize": itemsize, "blocksize": 0, "numthreads": 1}
    folder.mkdir()

    def some(indices: Sequence[tuple[int, ...]]) -> None:
        for index in indices:
            part = array[tuple(slice(i * n, (i + 1) * n) for i, n in zip(index, chunks, strict=True))]
            if part.shape == chunks:
                chunk = np.ascontiguousarray(part, stored)
            else:
                chunk = np.zeros(chunks, stored)
                chunk[tuple(slice(0, n) for n in part.shape)] = part
            path = folder.joinpath("c", *map(str, index))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(imagecodecs.blosc_encode(chunk, **options))

    counts = [range(-(-n // size)) for n, size in zip(array.shape, chunks, strict=True)]
    with ThreadPoolExecutor(_cormack_cpu.get_num_threads()) as pool:
        for _ in pool.map(some, _batches(itertools.product(*counts), 1)):
            pass
    blosc = {"typesize": itemsize, "cname": "zstd", "clevel": 3, "shuffle": "bitshuffle", "blocksize": 0}
    write_json(
        folder / "zarr.json",
        {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(array.shape),
            "data_type": array.dtype.name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunks)}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": 0,
            "codecs": [
                {"name": "bytes", "configuration": {"endian": "little"}} if itemsize > 1 else {"name": "bytes"},
                {"name": "blosc", "configuration": blosc},
            ],
            "attributes": {},
            "dimension_names": list(names),
        },
    )
