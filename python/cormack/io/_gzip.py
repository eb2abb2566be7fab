"""Deflate on all threads: gzip and zlib data that any reader takes, in pieces that can be read at the same time.

What Cormack writes is one gzip member (RFC 1952) of pieces, each deflated by itself, that end at whole bytes; how long
they are stands in the extra field of the header. Several members would be simpler, but readers in browsers stop after
the first. Files of several members that say how long these are (BGZF of bgzip and htslib, mgzip) are read in parallel
too.

isal does the work where it is installed, else zlib: the same data, three times slower to write and twice to read.
"""

from __future__ import annotations

import collections
import functools
import io
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from .. import _cormack_cpu

if TYPE_CHECKING:
    from numpy.typing import NDArray

GZIP_MAGIC = b"\x1f\x8b"

# A quarter of the time of level 6 and about 10 % larger. Of isal's own levels 0 to 3 that which is never slow.
_LEVELS = {"zlib": 1, "isal": 2}
_PIECE = 1 << 20
_LARGEST_PIECE = 1 << 30
# More are as slow to list as to inflate.
_MOST_MEMBERS = 1 << 17
# What is inflated at a time: it stays in a cache of the processor.
_STEP = 1 << 18
_EXTRA = b"Cm"
_INDEX = struct.Struct("<QI")
_ENTRY = struct.Struct("<II")
_LARGEST_EXTRA = 0xFFFF
_MOST_PIECES = (_LARGEST_EXTRA - 4 - _INDEX.size) // _ENTRY.size
_HEADER = struct.Struct("<2sBBIBB")
_TRAILER = struct.Struct("<II")
_HAS_EXTRA = 4
_FAST, _UNKNOWN_SYSTEM = 4, 255
_ZLIB_HEADER = b"\x78\x01"

T = TypeVar("T")


@functools.cache
def codec() -> Any:
    """The zlib of isal where it is installed, else Python's."""
    try:
        from isal import isal_zlib
    except ImportError:
        return zlib
    return isal_zlib


def in_parallel(function: Callable[[int], T], count: int) -> Iterator[T]:
    """function(0), function(1), ... in order, on all threads, only a few of them ahead of what is taken."""
    threads = min(_cormack_cpu.get_num_threads(), count)
    if threads < 2:
        yield from map(function, range(count))
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: collections.deque[Future[T]] = collections.deque()
        try:
            for number in range(count):
                waiting.append(pool.submit(function, number))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


# --- Checksums of parts ----------------------------------------------------------------------------------------------


def _times(a: int, b: int) -> int:
    """Product of polynomials modulo that of CRC-32; the highest bit is the power 0."""
    product, bit = 0, 1 << 31
    while bit:
        if a & bit:
            product ^= b
        bit >>= 1
        b = (b >> 1) ^ 0xEDB88320 if b & 1 else b >> 1
    return product


@functools.lru_cache(maxsize=64)
def _shift(count: int) -> int:
    """The power 8 * count of x: what so many bytes behind a part do to its CRC-32."""
    power, square = 1 << 31, 1 << 23
    while count:
        if count & 1:
            power = _times(square, power)
        square = _times(square, square)
        count >>= 1
    return power


def joined_crc32(first: int, second: int, count: int) -> int:
    """CRC-32 of two parts, from those of each; the second has so many bytes."""
    return _times(_shift(count), first) ^ second


def joined_adler32(first: int, second: int, count: int) -> int:
    """Adler-32 of two parts, from those of each; the second has so many bytes."""
    base = 65521
    low, high = first & 0xFFFF, first >> 16
    # The sums of the first part started at 1, and so did those of the second.
    total = (low + (second & 0xFFFF) - 1) % base
    return ((high + (second >> 16) + count * (low - 1)) % base) << 16 | total


# --- Writing ---------------------------------------------------------------------------------------------------------


class _Packer:
    """Pieces of some bytes and a contiguous array after them, deflated."""

    def __init__(self, start: bytes, array: NDArray[Any]) -> None:
        self._start = start
        self._voxels = array.reshape(-1).view(np.uint8)
        self.size = len(start) + len(self._voxels)
        self.piece = max(_PIECE, -(-self.size // (_MOST_PIECES * _PIECE)) * _PIECE)
        self.count = max(1, -(-self.size // self.piece))
        self._codec = codec()
        self._level = _LEVELS["zlib" if self._codec is zlib else "isal"]

    def _parts(self, number: int) -> tuple[bytes, NDArray[np.uint8]]:
        first = number * self.piece
        begin = first - len(self._start)
        end = begin + self.piece
        return self._start[first : first + self.piece], self._voxels[max(begin, 0) : max(end, 0)]

    def pack(self, number: int, checksum: Callable[..., int], value: int) -> tuple[bytes, int, int]:
        """Piece of a number, its checksum, and how long it was."""
        head, rest = self._parts(number)
        packer = self._codec.compressobj(self._level, zlib.DEFLATED, -zlib.MAX_WBITS)
        # A piece that is not the last ends at a whole byte, with an empty block.
        end = zlib.Z_FINISH if number == self.count - 1 else zlib.Z_SYNC_FLUSH
        packed = b"".join((packer.compress(head), packer.compress(rest), packer.flush(end)))
        return packed, checksum(rest, checksum(head, value)), len(head) + len(rest)


def write_gzip(file: io.BufferedWriter, start: bytes, array: NDArray[Any]) -> None:
    """Write some bytes and a contiguous array as one gzip member."""
    packer = _Packer(start, array)
    # No name and no time inside, so equal volumes give equal files.
    header = _HEADER.pack(GZIP_MAGIC, zlib.DEFLATED, _HAS_EXTRA, 0, _FAST, _UNKNOWN_SYSTEM)
    length = _INDEX.size + packer.count * _ENTRY.size
    header += struct.pack("<H2sH", 4 + length, _EXTRA, length) + _INDEX.pack(packer.size, packer.piece)
    begin = file.tell()
    file.write(header + bytes(packer.count * _ENTRY.size))
    entries, total = [], 0
    for packed, crc, count in in_parallel(lambda i: packer.pack(i, packer._codec.crc32, 0), packer.count):
        file.write(packed)
        entries.append(_ENTRY.pack(len(packed), crc))
        total = joined_crc32(total, crc, count)
    file.write(_TRAILER.pack(total, packer.size & 0xFFFFFFFF))
    end = file.tell()
    file.seek(begin + len(header))
    file.write(b"".join(entries))
    file.seek(end)


def write_zlib(file: io.BufferedWriter, array: NDArray[Any]) -> int:
    """Write a contiguous array as zlib data (RFC 1950); returns how many bytes they are."""
    packer = _Packer(b"", array)
    written, total = file.write(_ZLIB_HEADER), 1
    for packed, adler, count in in_parallel(lambda i: packer.pack(i, packer._codec.adler32, 1), packer.count):
        written += file.write(packed)
        total = joined_adler32(total, adler, count)
    return written + file.write(struct.pack(">I", total))


# --- Reading ---------------------------------------------------------------------------------------------------------


class Piece(NamedTuple):
    """Deflated bytes that stand for themselves."""

    offset: int
    length: int
    begin: int
    size: int
    crc: int
    # Whether the last block is marked so; within a member only its last piece is.
    whole: bool


def pieces_of(file: int, start: int) -> Sequence[Piece]:
    """What can be inflated by itself, when all of the file from ``start`` on is made of it; else nothing."""
    length = os.fstat(file).st_size
    head = os.pread(file, 12, start)
    if len(head) < 12 or head[:4] != GZIP_MAGIC + bytes((zlib.DEFLATED, _HAS_EXTRA)):
        return []
    fields = dict(_fields(os.pread(file, int.from_bytes(head[10:12], "little"), start + 12)))
    if _EXTRA in fields:
        return _own_pieces(file, start, length, fields[_EXTRA])
    return _members(file, start, length) if fields.keys() & _LENGTHS.keys() else []


def _fields(extra: bytes) -> Iterator[tuple[bytes, bytes]]:
    while len(extra) >= 4:
        length = int.from_bytes(extra[2:4], "little")
        yield extra[:2], extra[4 : 4 + length]
        extra = extra[4 + length :]


def _own_pieces(file: int, start: int, length: int, index: bytes) -> list[Piece]:
    if len(index) < _INDEX.size or (len(index) - _INDEX.size) % _ENTRY.size:
        return []
    size, piece = _INDEX.unpack_from(index)
    entries = list(_ENTRY.iter_unpack(index[_INDEX.size :]))
    if not 0 < piece <= _LARGEST_PIECE or len(entries) != max(1, -(-size // piece)):
        return []
    pieces: list[Piece] = []
    offset, total = start + 16 + len(index), 0
    for number, (packed, crc) in enumerate(entries):
        count = min(piece, size - number * piece)
        pieces.append(Piece(offset, packed, number * piece, count, crc, number == len(entries) - 1))
        offset += packed
        total = joined_crc32(total, crc, count)
    # Anything else than one member that ends with the file is for the reader who looks at every byte.
    if offset + _TRAILER.size != length or os.pread(file, _TRAILER.size, offset) != _TRAILER.pack(
        total, size & 0xFFFFFFFF
    ):
        return []
    return pieces


# Extra fields that give the length of a member, and what they give: BGZF's is one less, in 16 bits; mgzip's is whole.
_LENGTHS: dict[bytes, tuple[int, int]] = {b"BC": (2, 1), b"SZ": (4, 0)}


def _members(file: int, start: int, length: int) -> list[Piece]:
    pieces: list[Piece] = []
    offset, begin = start, 0
    while offset < length:
        head = os.pread(file, 64, offset)
        if len(head) < 12 or head[:4] != GZIP_MAGIC + bytes((zlib.DEFLATED, _HAS_EXTRA)):
            return []
        extra = int.from_bytes(head[10:12], "little")
        fields = dict(_fields(head[12 : 12 + extra]))
        known = fields.keys() & _LENGTHS.keys()
        if len(known) != 1:
            return []
        name = known.pop()
        width, less = _LENGTHS[name]
        member = int.from_bytes(fields[name][:width], "little") + less
        data = 12 + extra
        packed = member - data - _TRAILER.size
        trailer = os.pread(file, _TRAILER.size, offset + member - _TRAILER.size)
        if packed < 2 or len(trailer) < _TRAILER.size:
            return []
        crc, size = _TRAILER.unpack(trailer)
        # An empty one, as bgzip's last is, is not inflated: it must be as it should.
        empty = crc == 0 and os.pread(file, packed, offset + data) == b"\3\0" if size == 0 else True
        if size > _LARGEST_PIECE or not empty or len(pieces) == _MOST_MEMBERS:
            return []
        pieces.append(Piece(offset + data, packed, begin, size, crc, True))
        offset, begin = offset + member, begin + size
    return pieces


def fill(file: int, pieces: Sequence[Piece], position: int, target: memoryview) -> int | None:
    """Inflate into the target what begins at a position; the number of bytes, or None when a piece is damaged."""
    end = min(position + len(target), pieces[-1].begin + pieces[-1].size)
    wanted = [piece for piece in pieces if piece.begin < end and position < piece.begin + piece.size]
    # Small ones together: handing over work takes time.
    groups: list[list[Piece]] = []
    for piece in wanted:
        if groups and piece.begin + piece.size - groups[-1][0].begin <= _PIECE:
            groups[-1].append(piece)
        else:
            groups.append([piece])

    def inflate(number: int) -> bool:
        return all(_inflate(file, piece, target, position) for piece in groups[number])

    if not all(in_parallel(inflate, len(groups))):
        return None
    return max(0, end - position)


def _inflate(file: int, piece: Piece, target: memoryview, position: int) -> bool:
    """Put what a piece has for the target, which begins at a position, into it; False when it is damaged."""
    inflater = codec().decompressobj(-zlib.MAX_WBITS)
    place, end = piece.offset, piece.offset + piece.length
    rest = b""
    done = crc = 0
    try:
        while not inflater.eof:
            if not rest:
                rest = os.pread(file, min(_STEP, end - place), place)
                place += len(rest)
            found = inflater.decompress(rest, _STEP)
            if not found and (place == end or not rest):
                break
            crc = codec().crc32(found, crc)
            begin = piece.begin + done - position
            done += len(found)
            if done > piece.size:
                return False
            if begin >= 0 and begin + len(found) <= len(target):
                target[begin : begin + len(found)] = found
            elif (first := max(begin, 0)) < (last := min(begin + len(found), len(target))):
                target[first:last] = memoryview(found)[first - begin : last - begin]
            rest = inflater.unconsumed_tail
    except codec().error:
        return False
    return done == piece.size and crc == piece.crc and inflater.eof == piece.whole and not inflater.unused_data
