"""How much memory a file may ask for, and what stands between its length fields and the libraries that trust them."""

from __future__ import annotations

import contextlib
import functools
import io
import math
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import IO, TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from .. import _arrays, _check
from .._config import memory_of_machine
from .._errors import ReadError
from .._files import bytes_in_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

P = ParamSpec("P")
R = TypeVar("R")

# 2048 x 2048 x 2048 voxels of 16 bits: more than any scanner of patients gives, and what a work station still holds.
DEFAULT_MAX_BYTES = 16 << 30

# Empty slices shrink thousands of times in good codecs; whole volumes do not, beyond a size that harms nobody.
_LARGEST_RATIO = 10_000
_SMALLEST_ALLOWANCE = 256 << 20
# pydicom inflates a deflated data set as a whole, also for its header alone.
_LARGEST_DEFLATED = 1 << 30
_CHUNK = 1 << 20
# Headers have some hundred elements beside those in sequences; pydicom takes microseconds for each.
_MOST_ELEMENTS = 100_000
_PIXEL_TAGS = (0x7FE00008, 0x7FE00009, 0x7FE00010)

_in_force: ContextVar[int | None] = ContextVar("max_bytes", default=None)


def max_bytes_in_force() -> int:
    """What one volume may take: as `limited` says, else 16 GiB, or this machine's memory where that is less."""
    chosen = _in_force.get()
    return _default() if chosen is None else chosen


@functools.cache
def _default() -> int:
    return min(DEFAULT_MAX_BYTES, memory_of_machine() or DEFAULT_MAX_BYTES)


@contextlib.contextmanager
def limited(max_bytes: int | None, function: str = "limited") -> Iterator[None]:
    """Set what a volume that is read within the block may take; None leaves it as it is."""
    if max_bytes is None:
        yield
        return
    token = _in_force.set(_check.integer(function, "max_bytes", max_bytes, minimum=1))
    try:
        yield
    finally:
        _in_force.reset(token)


def takes_max_bytes(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function under the cap in its keyword argument ``max_bytes``."""

    @functools.wraps(function)
    def under_cap(*args: P.args, **kwargs: P.kwargs) -> R:
        max_bytes: Any = kwargs.get("max_bytes")
        with limited(max_bytes, function.__name__):
            return function(*args, **kwargs)

    return under_cap


def check_size(path: str | os.PathLike[str], nbytes: int, what: str = "the volume") -> None:
    """Raise ReadError when something of a file would take more memory than the cap in force."""
    most = max_bytes_in_force()
    if nbytes > most:
        raise ReadError(
            path,
            f"{what} would take {bytes_in_words(nbytes)} of memory; the limit is {bytes_in_words(most)}",
            suggestion="raise it (max_bytes=, --max-bytes) if the header is right; a damaged one may say so too",
        )


def check_ratio(path: str | os.PathLike[str], nbytes: int, packed: int) -> None:
    """Raise ReadError when compressed pixels would grow as only those of a forged header do."""
    if nbytes > max(_SMALLEST_ALLOWANCE, _LARGEST_RATIO * packed):
        raise ReadError(
            path,
            f"{bytes_in_words(packed)} of compressed pixels would become {bytes_in_words(nbytes)}",
            suggestion="copy or export it again: the size in its header is wrong",
        )


def empty(path: str | os.PathLike[str], shape: Sequence[int], dtype: Any, what: str = "the volume") -> NDArray[Any]:
    """An array to fill, within the cap in force; large ones as `_arrays.empty` gives them."""
    dtype = np.dtype(dtype)
    check_size(path, math.prod(shape) * dtype.itemsize, what)
    return _arrays.empty(tuple(shape), dtype)


class BoundedFile(io.RawIOBase):
    """A file for pydicom, which gives no more than there is, however much is asked for.

    Its length fields would otherwise have gigabytes allocated before the end of the file is seen.
    """

    def __init__(self, path: str | os.PathLike[str], file: IO[bytes]) -> None:
        self._path = path
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        # As open files have it: pydicom makes it the data set's.
        self.name = os.fspath(path)
        self.tell = file.tell  # type: ignore[method-assign]
        self.seek = file.seek  # type: ignore[method-assign]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            # pydicom asks for all the rest for one purpose: to inflate it, whatever it becomes.
            rest = self._file.read()
            check_inflated(self._path, rest)
            return rest
        if size > _CHUNK:
            size = max(0, min(size, self._size - self._file.tell()))
        return self._file.read(size)


def check_inflated(path: str | os.PathLike[str], packed: bytes) -> None:
    """Raise ReadError for deflated data that become too large; damaged ones are left to who inflates them."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    most = min(_LARGEST_DEFLATED, max_bytes_in_force())
    size = 0
    rest = packed
    with contextlib.suppress(zlib.error):
        while rest and not inflate.eof:
            size += len(inflate.decompress(rest, _CHUNK))
            rest = inflate.unconsumed_tail
            if size > most:
                raise ReadError(path, f"its deflated data set inflates to more than {bytes_in_words(most)}")


def read_dataset(path: str | os.PathLike[str], *, stop_before_pixels: bool = False) -> Any:
    """`pydicom.dcmread` within bounds."""
    with open(path, "rb") as file:
        return read_partial(path, file, lambda tag: stop_before_pixels and tag in _PIXEL_TAGS)


def read_partial(
    path: str | os.PathLike[str], file: IO[bytes], ends: Callable[[int], bool], tags: Sequence[int] | None = None
) -> Any:
    """Data set of pydicom up to an element, within bounds; of some elements alone where `tags` are given."""
    from pydicom import filereader

    count = 0

    def stop_when(tag: int, vr: str | None, length: int) -> bool:
        nonlocal count
        count += 1
        if count > _MOST_ELEMENTS:
            raise ReadError(path, f"damaged DICOM header: more than {_MOST_ELEMENTS} elements")
        return ends(tag)

    bounded: Any = BoundedFile(path, file)
    return filereader.read_partial(
        bounded, stop_when=stop_when, force=True, specific_tags=None if tags is None else list(tags)
    )
