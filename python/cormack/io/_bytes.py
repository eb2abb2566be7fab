"""Bytes of image files: with gzip or without, and written under a temporary name."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import ReadError

if TYPE_CHECKING:
    from numpy.typing import NDArray

GZIP_MAGIC = b"\x1f\x8b"
# Deflate cannot shrink anything further than this, so a header that promises more lies.
_LARGEST_COMPRESSION = 1040
_CHUNK = 1 << 18


class Bytes:
    """Bytes of a file from a position on, with gzip or not; unless it is said, its first two bytes tell."""

    def __init__(self, path: Path, file: io.BufferedReader, start: int = 0, compressed: bool | None = None) -> None:
        self._path = path
        self._file = file
        file.seek(start)
        self.compressed = file.read(2) == GZIP_MAGIC if compressed is None else compressed
        file.seek(start)
        size = os.fstat(file.fileno()).st_size - start
        self.largest_size = size * _LARGEST_COMPRESSION if self.compressed else size
        self.position = 0
        self._inflate = zlib.decompressobj(31)

    def fill(self, target: memoryview) -> int:
        """Fill the target; the number of bytes is smaller only at the end of the file."""
        done = 0
        while done < len(target):
            count = self._inflate_into(target[done:]) if self.compressed else self._file.readinto(target[done:])
            if not count:
                break
            done += count
        self.position += done
        return done

    def _inflate_into(self, target: memoryview) -> int:
        while True:
            if self._inflate.eof:
                # A gzip file may be several, one after the other (bgzip); zeros at the end are padding.
                rest = (self._inflate.unused_data or self._file.read(_CHUNK)).lstrip(b"\0")
                if not rest:
                    return 0
                self._inflate = zlib.decompressobj(31)
            else:
                rest = self._inflate.unconsumed_tail or self._file.read(_CHUNK)
            try:
                piece = self._inflate.decompress(rest, len(target))
            except zlib.error as error:
                raise ReadError(self._path, f"damaged gzip data: {error}") from error
            if piece:
                target[: len(piece)] = piece
                return len(piece)
            if not rest and not self._inflate.eof:
                raise ReadError(self._path, "truncated: the gzip data end early")

    def skip(self, count: int) -> bool:
        """Pass over bytes; False when the file ends before."""
        scratch = memoryview(bytearray(min(count, _CHUNK)))
        while count > 0:
            got = self.fill(scratch[: min(count, len(scratch))])
            if not got:
                return False
            count -= got
        return True

    def check_end(self) -> None:
        """Let gzip compare its checksum, which it does at the end of the data only."""
        if self.compressed:
            self.skip(1)


def narrowed(array: NDArray[Any], path: Path, tag: str) -> NDArray[Any]:
    """The same whole numbers in a type that operations take: NumPy users store label maps as int64."""
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    for dtype in (np.int32, np.uint32):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return array.astype(dtype)
    if low >= -(2**53) and high <= 2**53:
        return array.astype(np.float64)
    raise ReadError(path, f"64-bit integers from {low} to {high} fit no type that holds them exactly", tag=tag)


def write_gzip(file: io.BufferedWriter, start: bytes, array: NDArray[Any]) -> None:
    """Write some bytes and a contiguous array, compressed."""
    # No name and no time inside, so equal volumes give equal files. Level 1, as nibabel: a quarter of the time of
    # level 6 and about 10 % larger.
    with gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0) as packed:
        packed.write(start)
        packed.write(array.reshape(-1).view(np.uint8).data)


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
