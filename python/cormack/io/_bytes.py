"""Bytes of image files: with gzip or without, and written under a temporary name."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import ReadError
from . import _gzip

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Deflate cannot shrink anything further than this, so a header that promises more lies.
_LARGEST_COMPRESSION = 1040
_CHUNK = 1 << 18
_LARGEST_REST = 64 << 20
# What is worth more than one thread, and how much of it each takes at a time.
_LARGE = 4 << 20
_PART = 4 << 20
_WBITS = {"gzip": 31, "zlib": 15}


class Bytes:
    """Bytes of a file from a position on.

    Parameters
    ----------
    path : Path
        For errors.
    file : io.BufferedReader
        Opened file.
    start : int, default 0
        Where the bytes begin.
    packed : {"gzip", "zlib", ""}, optional
        How they are compressed; unless it is said, the first two bytes tell gzip from none.
    """

    def __init__(self, path: Path, file: io.BufferedReader, start: int = 0, packed: str | None = None) -> None:
        self._path = path
        self._file = file
        self._start = start
        file.seek(start)
        if packed is None:
            packed = "gzip" if file.read(2) == _gzip.GZIP_MAGIC else ""
            file.seek(start)
        self._packed = packed
        size = os.fstat(file.fileno()).st_size - start
        self.largest_size = size * _LARGEST_COMPRESSION if packed else size
        self.position = 0
        self._pieces: Sequence[_gzip.Piece] | None = None
        if packed:
            self._inflate = _gzip.codec().decompressobj(_WBITS[packed])

    def fill(self, target: memoryview) -> int:
        """Fill the target; the number of bytes is smaller only at the end of the file."""
        if self._pieces is None and len(target) >= _LARGE:
            self._pieces = _gzip.pieces_of(self._file.fileno(), self._start) if self._packed == "gzip" else []
        if self._pieces:
            got = _gzip.fill(self._file.fileno(), self._pieces, self.position, target)
            if got is not None:
                self.position += got
                return got
            # Something is wrong; going through all from the beginning tells what.
            ahead, self.position, self._pieces = self.position, 0, []
            self._file.seek(self._start)
            self._inflate = _gzip.codec().decompressobj(_WBITS[self._packed])
            self.skip(ahead)
        done = 0
        if not self._packed and len(target) >= _LARGE:
            done = self._read_parts(target)
        while done < len(target):
            count = self._inflate_into(target[done:]) if self._packed else self._file.readinto(target[done:])
            if not count:
                break
            done += count
        self.position += done
        return done

    def _read_parts(self, target: memoryview) -> int:
        file, begin = self._file.fileno(), self._start + self.position

        def read(number: int) -> int:
            part = number * _PART
            return os.preadv(file, [target[part : part + _PART]], begin + part)

        done = 0
        for number, count in enumerate(_gzip.in_parallel(read, -(-len(target) // _PART))):
            done += count
            if count < min(_PART, len(target) - number * _PART):
                break
        self._file.seek(begin + done)
        return done

    def _inflate_into(self, target: memoryview) -> int:
        codec = _gzip.codec()
        while True:
            if self._inflate.eof:
                if self._packed != "gzip":
                    return 0
                # A gzip file may be several, one after the other (bgzip); zeros at the end are padding.
                rest = (self._inflate.unused_data or self._file.read(_CHUNK)).lstrip(b"\0")
                if not rest:
                    return 0
                if not _gzip.GZIP_MAGIC.startswith(rest[:2]):
                    raise ReadError(self._path, "damaged gzip data: something else follows them")
                self._inflate = codec.decompressobj(_WBITS["gzip"])
            else:
                rest = self._inflate.unconsumed_tail or self._file.read(_CHUNK)
            try:
                piece = self._inflate.decompress(rest, min(len(target), _CHUNK))
            except codec.error as error:
                raise ReadError(self._path, f"damaged {self._packed} data: {error}") from error
            if piece:
                target[: len(piece)] = piece
                return len(piece)
            if not rest and not self._inflate.eof:
                raise ReadError(self._path, f"truncated: the {self._packed} data end early")

    def skip(self, count: int) -> bool:
        """Pass over bytes; False when the file ends before."""
        if not self._packed:
            left = self.largest_size - self.position
            self.position += min(count, left)
            self._file.seek(self._start + self.position)
            return count <= left
        scratch = memoryview(bytearray(min(count, _CHUNK)))
        while count > 0:
            got = self.fill(scratch[: min(count, len(scratch))])
            if not got:
                return False
            count -= got
        return True

    def check_end(self) -> None:
        """Let the checksum be compared, which compressed data have at their end only."""
        # Damage may have made the data longer, so one byte more is not enough.
        if self._packed and self.skip(_LARGEST_REST):
            raise ReadError(self._path, "damaged: far more bytes than its header announces")


def narrowed(array: NDArray[Any], path: Path, tag: str) -> NDArray[Any]:
    """The same whole numbers in a type that operations take: NumPy users store label maps as int64."""
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    for dtype in (np.int32, np.uint32):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return array.astype(dtype)
    if low >= -(2**53) and high <= 2**53:
        return array.astype(np.float64)
    raise ReadError(path, f"64-bit integers from {low} to {high} fit no type that holds them exactly", tag=tag)


def storable(array: NDArray[Any]) -> NDArray[Any]:
    """The same values in a type that tools read."""
    if array.dtype == bool:
        return array.view(np.uint8)
    if array.dtype == np.float16:
        return array.astype(np.float32)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        limits = np.iinfo(np.int32)
        if array.size and not (limits.min <= int(array.min()) and int(array.max()) <= limits.max):
            raise ValueError(f"{array.dtype} values do not fit in int32, the largest integers that tools share")
        return array.astype(np.int32)
    if array.dtype.kind not in "iuf" or array.dtype.itemsize > 8:
        raise TypeError(f"cannot write voxels of type {array.dtype}")
    return array
