"""Pixels of DICOM frames to the slices of a volume.

Uncompressed and run-length encoded ones are read, rescaled and converted by the compiled core, all slices in parallel;
the others go through decoders, and what is odd through pydicom.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _cormack_cpu
from .._errors import ReadError
from . import _dicom_codecs
from ._common import luma
from ._decoders import decoded_file, decoded_size
from ._dicom_header import RLE_SYNTAX, File, Frame
from ._limits import check_ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What becomes of stored values: they stay; slope and intercept in integers, modulo 2^16 or 2^32; in float64, rounded to
# float32.
STORED, WHOLE, REAL = range(3)
_DONE, _CUT_OFF, _NOT_DECODED, _NOT_READ = range(4)

_Source = tuple[bytes, int, int, int, int, int | None, float, float, int, int]
Ends = tuple[int, int]


def load(stack: Sequence[Frame], out: NDArray[Any], rescale: int) -> list[Ends]:
    """Fill each slice of a contiguous volume from its frame; the smallest and largest stored value of each.

    The values before the rescale are those that the bits in the file say: sign, unused bits and MONOCHROME1 taken care
    of. With STORED the ends mean nothing.
    """
    sources = _Sources()
    pixels = _Pixels()
    ends: list[Ends] = []
    found = [sources.of(frame, out.dtype if rescale == STORED else None) for frame in stack]
    kinds = [_kind(frame, source) for frame, source in zip(stack, found, strict=True)]
    for kind, run in itertools.groupby(range(len(stack)), key=kinds.__getitem__):
        numbers = list(run)
        part = out[numbers[0] : numbers[-1] + 1]
        if kind is None:
            done = _load_decoded([stack[i] for i in numbers], part, rescale)
            for i, both in zip(numbers, done, strict=True):
                ends.append(both or _load_one(pixels, stack[i], out[i], rescale))
            continue
        results = _cormack_cpu.dicom_frames([found[i] for i in numbers], kind, rescale, part)  # type: ignore[misc]
        for i, (state, error, low, high) in zip(numbers, results, strict=True):
            path = stack[i].file.path
            if state == _NOT_READ:
                raise OSError(error, os.strerror(error), os.fspath(path))
            if state == _CUT_OFF:
                raise _cut_off(path)
            # What the fast decoder does not take, another may.
            ends.append((low, high) if state == _DONE else _load_one(pixels, stack[i], out[i], rescale))
    return ends


def check_packed(stack: Sequence[Frame]) -> None:
    """Refuse frames that no compressed pixels of their files' sizes can hold."""
    packed = {frame.file.path: frame.file for frame in stack if frame.file.offset is None}
    for path, file in packed.items():
        try:
            size = os.stat(path).st_size
        except OSError as error:
            raise ReadError(path, f"cannot be read: {error.strerror or error}") from error
        check_ratio(path, decoded_size(file), size)


def _cut_off(path: Path) -> ReadError:
    return ReadError(path, "truncated while it was read", tag="(7FE0,0010) PixelData")


def _kind(frame: Frame, source: _Source | None) -> str | None:
    file = frame.file
    return None if source is None else f"{'i' if file.signed else 'u'}{file.bits_allocated // 8}"


class _Sources:
    """Where the compiled core finds frames, in its terms."""

    def __init__(self) -> None:
        self._fragments: tuple[Path, list[tuple[int, int]] | None] | None = None

    def of(self, frame: Frame, dtype: np.dtype[Any] | None) -> _Source | None:
        """None: the frame has to be decoded by others, or converted to the dtype."""
        file = frame.file
        if not np.little_endian or file.samples != 1 or (dtype is not None and dtype != file.stored_dtype):
            return None
        path = os.fsencode(file.path)
        if file.offset is not None:
            offset = file.offset + frame.index * (file.rows * file.columns * (file.bits_allocated // 8))
            packed = 0
        elif file.syntax == RLE_SYNTAX and file.items is not None:
            fragments = self.fragments(file, path)
            if fragments is None or len(fragments) != max(1, file.frame_count):
                return None
            offset, packed = fragments[frame.index]
            if not packed:
                return None
        else:
            return None
        above, below = _unused(file)
        return (
            path,
            offset,
            packed,
            above,
            below,
            _turned_over(file) if file.inverted else None,
            frame.slope,
            frame.intercept,
            int(frame.slope) & 0xFFFFFFFF,
            int(frame.intercept) & 0xFFFFFFFF,
        )

    def fragments(self, file: File, path: bytes) -> list[tuple[int, int]] | None:
        if self._fragments is None or self._fragments[0] != file.path:
            items = None if file.items is None else _cormack_cpu.dicom_fragments(path, file.items)
            self._fragments = (file.path, items)
        return self._fragments[1]


def _unused(file: File) -> tuple[int, int]:
    """Bits above and below the stored ones."""
    return file.bits_allocated - 1 - file.high_bit, file.high_bit + 1 - file.bits_stored


def _turned_over(file: File) -> int:
    # The full stored range turned over: 0 becomes the largest value that the stored bits can hold.
    return -1 if file.signed else (1 << file.bits_stored) - 1


def _load_decoded(frames: Sequence[Frame], out: NDArray[Any], rescale: int) -> list[Ends | None]:
    """`load` for frames that imagecodecs can decode, in parallel; None for those that it cannot."""
    sources = _Sources()
    fragments = [_fragments_of(sources, frame) for frame in frames]

    def work(i: int) -> Ends | None:
        file = frames[i].file
        try:
            with open(file.path, "rb") as source:
                packed = b"".join(_piece(source, *fragment) for fragment in fragments[i])
        except OSError:
            return None
        plane = _dicom_codecs.decode(file, packed)
        if plane is None:
            return None
        plane = _as_stored(file, plane)
        return _rescale(frames[i], plane, out[i], rescale)

    if not any(fragments):
        return [None] * len(frames)
    with ThreadPoolExecutor(_cormack_cpu.get_num_threads()) as pool:
        return list(pool.map(lambda i: work(i) if fragments[i] else None, range(len(frames))))


def _piece(source: Any, offset: int, length: int) -> bytes:
    source.seek(offset)
    return bytes(source.read(length))


def _fragments_of(sources: _Sources, frame: Frame) -> list[tuple[int, int]]:
    """The fragments of one frame; none where that is not plain to see."""
    file = frame.file
    if not _dicom_codecs.is_known(file):
        return []
    fragments = sources.fragments(file, os.fsencode(file.path)) or []
    if file.frame_count <= 1:
        return fragments
    return [fragments[frame.index]] if len(fragments) == file.frame_count else []


def _load_one(pixels: _Pixels, frame: Frame, out: NDArray[Any], rescale: int) -> Ends:
    plane = np.empty(out.shape, frame.file.stored_dtype)
    pixels.load(frame, plane)
    return _rescale(frame, plane, out, rescale)


def _rescale(frame: Frame, plane: NDArray[Any], out: NDArray[Any], rescale: int) -> Ends:
    if rescale == REAL:
        exact = np.multiply(plane, frame.slope, dtype=np.float64)
        out[...] = np.add(exact, frame.intercept, out=exact)
    elif rescale == WHOLE:
        # Unsigned arithmetic modulo 2^n is exact whenever the true result fits into n bits, which the caller looks to.
        unsigned = np.dtype(f"u{out.dtype.itemsize}")
        modulus = 1 << (8 * out.dtype.itemsize)
        work = out.view(unsigned)
        work[...] = plane.astype(unsigned, casting="unsafe")
        np.multiply(work, unsigned.type(int(frame.slope) % modulus), out=work)
        np.add(work, unsigned.type(int(frame.intercept) % modulus), out=work)
    else:
        out[...] = plane
    return int(plane.min()), int(plane.max())


class _Pixels:
    """Stored values of frames, as the bits in the file say: sign, unused bits and MONOCHROME1 taken care of."""

    def __init__(self) -> None:
        self._decoded: tuple[Path, NDArray[Any]] | None = None

    def load(self, frame: Frame, out: NDArray[Any]) -> None:
        """Write the stored values into a contiguous (rows, columns) array of the file's stored dtype."""
        file = frame.file
        if file.samples == 3 or file.offset is None:
            decoded = self._decode(frame)
            shape = (*out.shape, 3) if file.samples == 3 else out.shape
            if decoded.shape != shape or decoded.dtype.itemsize != out.dtype.itemsize:
                raise ReadError(file.path, f"decoded to {decoded.shape} {decoded.dtype}, expected {shape} {out.dtype}")
            if file.samples == 3:
                out[...] = luma(decoded)
                return
            out[...] = decoded.view(out.dtype.newbyteorder(decoded.dtype.byteorder))
        else:
            with open(file.path, "rb", buffering=0) as source:
                source.seek(file.offset + frame.index * out.nbytes)
                view = out.reshape(-1).view(np.uint8).data
                while view:
                    count = source.readinto(view)
                    if not count:
                        raise _cut_off(file.path)
                    view = view[count:]
            if out.dtype.itemsize > 1 and not np.little_endian:
                out.byteswap(inplace=True)
        _as_stored(file, out)

    def _decode(self, frame: Frame) -> NDArray[Any]:
        file = frame.file
        if self._decoded is None or self._decoded[0] != file.path:
            self._decoded = (file.path, decoded_file(file))
        frames = self._decoded[1]
        return np.asarray(frames[frame.index]) if file.frame_count > 1 else frames


def _as_stored(file: File, values: NDArray[Any]) -> NDArray[Any]:
    """Clear unused bits and turn MONOCHROME1 over, in place where possible."""
    if not values.flags.writeable:
        values = values.copy()
    _unused_bits(file, values)
    if file.inverted:
        np.subtract(_turned_over(file), values, out=values, casting="unsafe")
    return values


def _unused_bits(file: File, values: NDArray[Any]) -> None:
    """Clear what lies outside the stored bits (old overlays, garbage) and extend the sign, in place."""
    above, below = _unused(file)
    if file.signed and above + below:
        # Shifting up and arithmetically down again copies the sign bit into the unused ones.
        np.left_shift(values, above, out=values)
        np.right_shift(values, above + below, out=values)
    elif above + below:
        np.right_shift(values, below, out=values)
        np.bitwise_and(values, values.dtype.type((1 << file.bits_stored) - 1), out=values)
