"""Compressed DICOM frames through imagecodecs, which is fast and lets other threads run.

Only grey images whose code stream says the same size as the header: so a stream cannot ask for more memory or time than
its header, and pydicom judges all that does not fit together.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from ._dicom_header import File

if TYPE_CHECKING:
    from numpy.typing import NDArray

# JPEG baseline is left to pydicom's decoders: its result is a matter of rounding, and stays what it was.
_DECODERS = {
    "1.2.840.10008.1.2.4.51": "jpeg",
    "1.2.840.10008.1.2.4.57": "ljpeg",
    "1.2.840.10008.1.2.4.70": "ljpeg",
    "1.2.840.10008.1.2.4.80": "jpegls",
    "1.2.840.10008.1.2.4.81": "jpegls",
    "1.2.840.10008.1.2.4.90": "jpeg2k",
    "1.2.840.10008.1.2.4.91": "jpeg2k",
    "1.2.840.10008.1.2.4.201": "jpeg2k",
    "1.2.840.10008.1.2.4.202": "jpeg2k",
    "1.2.840.10008.1.2.4.203": "jpeg2k",
}
_JPEG_2000_START = b"\xff\x4f\xff\x51"
_JP2_START = b"\0\0\0\x0cjP  "
_END_OF_IMAGE = b"\xff\xd9"
# Start of frame: every one of JPEG, that of JPEG-LS.
_FRAME_MARKERS = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), 0xF7)


@functools.cache
def _library() -> Any:
    try:
        import imagecodecs
    except ImportError:
        return None
    return imagecodecs


def is_known(file: File) -> bool:
    """Whether the frames of a file may be worth a try."""
    name = _DECODERS.get(file.syntax)
    if name is None or file.samples != 1 or file.items is None:
        return False
    return not (name == "jpeg" and file.bits_allocated == 8) and _library() is not None


def decode(file: File, packed: bytes) -> NDArray[Any] | None:
    """Stored values of a frame, (rows, columns); None for what somebody else has to judge."""
    if _size(packed) != (file.rows, file.columns):
        return None
    name = _DECODERS[file.syntax]
    if not has_end(file.syntax, packed):
        return None
    try:
        decoded = getattr(_library(), f"{name}_decode")(packed)
    except Exception:
        # Decoders raise nearly anything on damaged data; pydicom has its own words for it.
        return None
    if decoded.shape != (file.rows, file.columns) or decoded.dtype.itemsize != file.bits_allocated // 8:
        return None
    return np.asarray(decoded).view(file.stored_dtype) if decoded.dtype.kind in "iu" else None


def has_end(syntax: str, packed: bytes) -> bool:
    """Whether a JPEG-LS stream has its last marker: CharLS takes seconds to find that it is missing."""
    return _DECODERS.get(syntax) != "jpegls" or packed.rstrip(b"\0").endswith(_END_OF_IMAGE)


def _size(packed: bytes) -> tuple[int, int] | None:
    """Rows and columns of a code stream of one component."""
    if packed.startswith(_JP2_START):
        # It may have a palette.
        return None
    rows, columns, components = stream_size(packed)
    return (rows, columns) if components == 1 else None


def stream_size(packed: bytes) -> tuple[int, int, int]:
    """Rows, columns and components of a JPEG, JPEG-LS or JPEG 2000 code stream; zeros where they are not to be found.

    What decoders take memory for, whatever the DICOM header says.
    """

    def number(position: int, count: int) -> int:
        return int.from_bytes(packed[position : position + count], "big")

    start = _code_stream(packed) if packed.startswith(_JP2_START) else 0
    if packed[start : start + 4] == _JPEG_2000_START:
        if len(packed) < start + 42:
            return 0, 0, 0
        rows, columns = (number(start + 8 + i, 4) - number(start + 16 + i, 4) for i in (4, 0))
        return max(0, rows), max(0, columns), number(start + 40, 2)
    position = 2
    while position + 9 < len(packed) and packed[position] == 0xFF:
        marker = packed[position + 1]
        if marker == 0xFF:
            # Bytes to fill up.
            position += 1
        elif marker in _FRAME_MARKERS:
            return number(position + 5, 2), number(position + 7, 2), packed[position + 9]
        else:
            position += 2 + number(position + 2, 2)
    return 0, 0, 0


def _code_stream(packed: bytes) -> int:
    """Where the code stream of a JP2 file starts; its end where the boxes do not lead there."""
    position = len(_JP2_START) + 4
    while position + 8 <= len(packed):
        if packed[position + 4 : position + 8] == b"jp2c":
            return position + 8
        length = int.from_bytes(packed[position : position + 4], "big")
        if length < 8:
            # pydicom goes round for ever in a box of no length.
            break
        position += length
    return len(packed)
