"""What lies in zip and tar archives: the start of each file, with bounds on all that an archive may claim.

Nothing is ever written under a name from an archive, so no name in it can lead anywhere.
"""

from __future__ import annotations

import bz2
import copy
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import IO, Any, Protocol, cast

from .._errors import ReadError

ARCHIVE_SUFFIXES = frozenset((".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".tbz", ".xz", ".txz"))

_CHUNK = 1 << 16
# Of a member no more is inflated than its header; where that does not end before this, it is no image's.
_LARGEST_HEADER = 64 << 20
# An archive may grow to this many times its size, and small ones to this many bytes: images hardly shrink 20 times.
_LARGEST_RATIO = 200
_SMALLEST_ALLOWANCE = 256 << 20
_LARGEST_DIRECTORY = 64 << 20
_LARGEST_TAR_RECORD = 1 << 20
_LARGEST_DICTIONARY = 128 << 20
_MOST_MEMBERS = 1_000_000


class Member:
    """A file in an archive whose start can be read once, before the next one is asked for."""

    def __init__(self, name: str, size: int, start: Callable[[int], bytes] | None, problem: str = "") -> None:
        self.name = name
        self.size = size
        self._start = start
        self.problem = problem

    def copy(self, target: IO[bytes]) -> None:
        """Write all of the member."""
        assert self._start is not None
        left = self.size
        while left:
            piece = self._start(min(_CHUNK << 4, left))
            if not piece:
                raise ReadError(self.name, "truncated: the archive ends within it")
            target.write(piece)
            left -= len(piece)

    def copy_start(self, target: IO[bytes], enough: Callable[[bytes], bool]) -> int:
        """Write the member's start until it is enough; returns how much that was.

        The file becomes as long as the member, the rest of it a hole that takes no room.
        """
        assert self._start is not None
        head, want = b"", _CHUNK
        while len(head) < self.size and not (complete := enough(head)) and len(head) < _LARGEST_HEADER:
            piece = self._start(min(want, self.size - len(head)))
            if not piece:
                raise ReadError(self.name, "truncated: the archive ends within it")
            head += piece
            # Twice as much each time: searching the start again and again stays linear.
            want = len(head)
        target.write(head)
        if len(head) < self.size and complete:
            # A header that did not end must not seem to go on in the hole.
            target.truncate(self.size)
        return len(head)


def is_archive(head: bytes) -> bool:
    """Whether the first 512 bytes of a file are those of an archive, or of what may hold one."""
    return head.startswith((b"PK\3\4", b"PK\5\6", *_PACKERS)) or head[257:262] == b"ustar"


def members(path: str, wanted: Callable[[str], bool]) -> Iterator[Member]:
    """Files of an archive whose names are wanted, in their order there.

    Raises ReadError for a damaged archive, and for one that grows beyond all bounds, after what came before.
    """
    with open(path, "rb") as file:
        head = file.read(512)
        size = os.fstat(file.fileno()).st_size
        file.seek(0)
        allowance = _Allowance(path, max(_SMALLEST_ALLOWANCE, _LARGEST_RATIO * size))
        try:
            if head.startswith((b"PK\3\4", b"PK\5\6")):
                yield from _zip(path, file, allowance, wanted)
            elif head[257:262] == b"ustar":
                with tarfile.open(fileobj=file, mode="r:", tarinfo=_TarInfo) as tar:
                    yield from _tar(tar, wanted, allowance)
            else:
                packed = _Unpacked(path, file, head, allowance)
                if packed.peek(512)[257:262] != b"ustar":
                    # One packed file, which no reader takes.
                    return
                stream = cast("IO[bytes]", packed)
                with tarfile.open(fileobj=stream, mode="r|", tarinfo=_TarInfo) as tar:
                    yield from _tar(tar, wanted, allowance, packed=True)
        except (ReadError, GeneratorExit):
            raise
        except Exception as error:
            # Their parsers raise nearly anything on damaged data.
            raise ReadError(path, f"damaged archive: {' '.join(str(error).split())[:200]}") from error


class _Allowance:
    """How many bytes may still come out of an archive."""

    def __init__(self, path: str, left: int) -> None:
        self._path = path
        self._left = left

    def take(self, piece: bytes) -> bytes:
        self._left -= len(piece)
        if self._left < 0:
            raise ReadError(
                self._path,
                f"the archive unpacks to more than {_LARGEST_RATIO} times its size",
                suggestion="unpack it yourself when you trust it",
            )
        return piece


def _leads_outside(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or name[1:2] == ":"


def _zip(path: str, file: IO[bytes], allowance: _Allowance, wanted: Callable[[str], bool]) -> Iterator[Member]:
    # zipfile reads the whole directory at once, as long as it says it is. Element 5 of the record at the end.
    record = cast("Any", zipfile)._EndRecData(file)
    if record and record[5] > _LARGEST_DIRECTORY:
        raise ReadError(path, f"the archive's directory has {record[5]} bytes, more than Cormack reads")
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            name = info.filename
            if info.is_dir() or stat.S_ISLNK(info.external_attr >> 16) or not wanted(name):
                continue
            problem = ""
            if _leads_outside(name):
                problem = "its path leads out of the archive; not read"
            elif info.flag_bits & 1:
                problem = "encrypted; unpack the archive with its password first"
            elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
                problem = f"packed by method {info.compress_type}, which is not supported"
            if problem:
                yield Member(name, info.file_size, None, problem)
                continue
            try:
                source = _member(archive, info)
            except Exception as error:
                yield Member(name, info.file_size, None, f"damaged in the archive: {type(error).__name__}")
                continue
            with source:
                yield Member(name, info.file_size, _reader(source, allowance))


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    if info.compress_type != zipfile.ZIP_BZIP2:
        return archive.open(info)
    # zipfile unpacks what it reads of bzip2 as a whole, which may be 20000 times as much.
    packed = copy.copy(info)
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, info.compress_size
    del packed.CRC
    return cast("IO[bytes]", _Bzip2(archive.open(packed), info))


class _Bzip2:
    """A file of a zip archive packed by bzip2, no more of which is unpacked at a time than is asked for."""

    def __init__(self, packed: IO[bytes], info: zipfile.ZipInfo) -> None:
        self._packed = packed
        self._left = info.file_size
        self._expected, self._check = info.CRC, 0
        self._unpack = bz2.BZ2Decompressor()

    def read(self, count: int) -> bytes:
        pieces = []
        count = min(count, self._left)
        while count and not self._unpack.eof:
            data = self._packed.read(_CHUNK) if self._unpack.needs_input else b""
            piece = self._unpack.decompress(data, count)
            if not piece and not data and self._unpack.needs_input:
                raise EOFError("the packed data end early")
            pieces.append(piece)
            count -= len(piece)
            self._left -= len(piece)
            self._check = zlib.crc32(piece, self._check)
        if not self._left and self._check != self._expected:
            raise zipfile.BadZipFile("its checksum differs")
        return b"".join(pieces)

    def __enter__(self) -> _Bzip2:
        return self

    def __exit__(self, *error: object) -> None:
        self._packed.close()


def _reader(source: IO[bytes], allowance: _Allowance | None) -> Callable[[int], bytes]:
    def read(count: int) -> bytes:
        try:
            piece = source.read(count)
        except ReadError:
            raise
        except (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile, tarfile.TarError) as error:
            raise ReadError("", f"damaged in the archive: {type(error).__name__}") from error
        return allowance.take(piece) if allowance else piece

    return read


class _TarInfo(tarfile.TarInfo):
    """A header of a tar archive whose extra records (long names) stay small: tarfile reads them as a whole."""

    def _checked(self, kind: str, tar: Any) -> Any:
        if self.size > _LARGEST_TAR_RECORD:
            raise tarfile.ReadError(f"a name of {self.size} bytes")
        return getattr(super(), kind)(tar)

    def _proc_pax(self, tar: Any) -> Any:
        return self._checked("_proc_pax", tar)

    def _proc_gnulong(self, tar: Any) -> Any:
        return self._checked("_proc_gnulong", tar)


def _tar(
    tar: tarfile.TarFile, wanted: Callable[[str], bool], allowance: _Allowance, *, packed: bool = False
) -> Iterator[Member]:
    count = 0
    while (info := tar.next()) is not None:
        # tarfile keeps every header that it has seen.
        cast("Any", tar).members = []
        count += 1
        if count > _MOST_MEMBERS:
            raise tarfile.ReadError(f"more than {_MOST_MEMBERS} members")
        # Links, devices and pipes are no images, and are never followed.
        if not info.isreg() or not wanted(info.name):
            continue
        if _leads_outside(info.name):
            yield Member(info.name, info.size, None, "its path leads out of the archive; not read")
            continue
        source = tar.extractfile(info)
        if source is not None:
            # What is packed has been counted when it was unpacked, but for the holes of sparse files.
            counted = None if packed and not info.issparse() else allowance
            yield Member(info.name, info.size, _reader(source, counted))


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


_PACKERS: dict[bytes, Callable[[], Any]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(31),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\0": lambda: lzma.LZMADecompressor(memlimit=_LARGEST_DICTIONARY),
}


class _Unpacked:
    """Bytes of a gzip, bzip2 or xz file, a piece at a time, as far as the allowance goes."""

    def __init__(self, path: str, file: IO[bytes], head: bytes, allowance: _Allowance) -> None:
        makers = [make for magic, make in _PACKERS.items() if head.startswith(magic)]
        if not makers:
            raise ReadError(path, "not an archive that Cormack reads: neither zip nor tar (.gz, .bz2, .xz)")
        self._make = makers[0]
        self._unpack: _Decompressor = self._make()
        self._file = file
        self._allowance = allowance
        self._rest = b""
        self._peeked = b""

    def peek(self, count: int) -> bytes:
        while len(self._peeked) < count and (piece := self._piece(count - len(self._peeked))):
            self._peeked += piece
        return self._peeked

    def read(self, count: int) -> bytes:
        if self._peeked:
            piece, self._peeked = self._peeked[:count], self._peeked[count:]
            return piece
        return self._piece(count)

    def _piece(self, count: int) -> bytes:
        while True:
            if self._unpack.eof:
                # Several packed files one after the other are one; zeros are padding.
                self._rest = (self._unpack.unused_data or self._file.read(_CHUNK)).lstrip(b"\0")
                if not self._rest:
                    return b""
                self._unpack = self._make()
            data = self._rest or (self._file.read(_CHUNK) if getattr(self._unpack, "needs_input", True) else b"")
            piece = self._unpack.decompress(data, count)
            # zlib gives back what it did not take; the others keep it.
            self._rest = getattr(self._unpack, "unconsumed_tail", b"")
            if piece:
                return self._allowance.take(piece)
            if not data and not self._unpack.eof:
                raise EOFError("the packed data end early")
