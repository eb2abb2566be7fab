"""Pixels that pydicom's decoders take apart, in a process of their own where those may crash.

GDCM ends its process on some damaged code streams, so what it may be asked for happens in a worker that may die.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _workers
from .._errors import BackendUnavailable, ReadError
from . import _dicom_codecs
from ._common import quiet, require
from ._dicom_header import RLE_SYNTAX, File
from ._limits import check_size, read_dataset

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Uncompressed, deflated and run-length encoded: Python and NumPy alone. Without a syntax pydicom finds one of these.
_HARMLESS_SYNTAXES = ("", *(f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".1.99", ".2")), RLE_SYNTAX)
# Decoders take a few times what they give, and this much more to start with.
_MEMORY = 512 << 20
_TIMES_MEMORY = 10
# The slowest (JPEG 2000) do 20 MB/s; a machine under load is slower.
_SECONDS = 3.0
_BYTES_PER_SECOND = 2e6


def decoded_size(file: File) -> int:
    """Bytes of all frames of a file."""
    return file.rows * file.columns * max(1, file.frame_count) * file.samples * (file.bits_allocated // 8)


def decoded_file(file: File) -> NDArray[Any]:
    """All frames of a file, as pydicom gives them."""
    size = decoded_size(file)
    check_size(file.path, size, "its frames")
    if file.syntax in _HARMLESS_SYNTAXES:
        return _decode_file(file)
    return np.asarray(_outcome(_file_decoder(), file, file, size))


def decoded_frames(dataset: Any, path: Any, indices: Sequence[int]) -> list[NDArray[Any]]:
    """Some frames of a file that has been read."""
    syntax = _syntax(dataset)
    if syntax in _HARMLESS_SYNTAXES:
        return _decode_frames(dataset, indices)
    sizes = (dataset.get(name) or 1 for name in ("Rows", "Columns", "NumberOfFrames", "BitsAllocated"))
    rows, columns, frames, bits = map(int, sizes)
    size = rows * columns * frames * bits // 8
    check_size(path, size, "its frames")
    return list(_outcome(_frame_decoder(), path, (path, list(indices)), size))


def _outcome(decoder: Any, owner: Any, argument: Any, size: int) -> Any:
    try:
        outcome = decoder(
            argument,
            timeout_s=_SECONDS + size / _BYTES_PER_SECOND,
            max_memory_bytes=_MEMORY + _TIMES_MEMORY * size,
        )
    except (RuntimeError, OSError) as error:
        path = getattr(owner, "path", owner)
        raise BackendUnavailable(f"{path}: its decoder needs a process of its own, and none can be started") from error
    if outcome.error is not None:
        raise outcome.error
    if outcome.failure:
        raise ReadError(
            getattr(owner, "path", owner),
            f"pixel data cannot be decoded: the decoder {outcome.failure}",
            tag="(7FE0,0010) PixelData",
            suggestion="copy or export it again",
        )
    return outcome.value


@functools.cache
def _file_decoder() -> _workers.Isolated[File, NDArray[Any]]:
    return _workers.Isolated(_decode_file)


@functools.cache
def _frame_decoder() -> _workers.Isolated[tuple[Any, list[int]], list[NDArray[Any]]]:
    return _workers.Isolated(_read_and_decode_frames)


def _decode_file(file: File) -> NDArray[Any]:
    pydicom = require("pydicom", "pydicom")
    with quiet():
        try:
            dataset = read_dataset(file.path)
            if "TransferSyntaxUID" not in dataset.file_meta:
                implicit, little = dataset.original_encoding
                dataset.file_meta.TransferSyntaxUID = (
                    pydicom.uid.ImplicitVRLittleEndian
                    if implicit
                    else pydicom.uid.ExplicitVRLittleEndian
                    if little
                    else pydicom.uid.ExplicitVRBigEndian
                )
            syntax = _syntax(dataset)
            if file.syntax in _HARMLESS_SYNTAXES and syntax not in _HARMLESS_SYNTAXES:
                # The fast parser and pydicom disagree: nothing to be tried here.
                raise ReadError(file.path, f"has two transfer syntaxes, {file.syntax!r} and {syntax!r}")
            if syntax not in _HARMLESS_SYNTAXES:
                frames = pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=file.frame_count)
                _check_streams(file, frames)
            return np.asarray(dataset.pixel_array)
        except ReadError:
            raise
        except Exception as error:
            # Decoders raise nearly anything on damaged data.
            found = dataset.file_meta.get("TransferSyntaxUID") if "dataset" in locals() else None
            name = getattr(found, "name", "unknown")
            if "missing dependencies" in str(error):
                package = "pylibjpeg-openjpeg" if "High-Throughput" in name else '"cormack[io]"'
                raise BackendUnavailable(f"{file.path}: no decoder for {name}; pip install {package}") from error
            reason = " ".join(str(error).split())[:300]
            raise ReadError(file.path, f"pixel data ({name}) cannot be decoded: {reason}") from error


def _check_streams(file: File, frames: Iterable[bytes]) -> None:
    """Refuse code streams that are larger than the header says: decoders take memory for what they find there."""
    for frame in frames:
        if not _dicom_codecs.has_end(file.syntax, frame):
            raise ReadError(file.path, "truncated: compressed pixels without an end", tag="(7FE0,0010) PixelData")
        rows, columns, components = _dicom_codecs.stream_size(frame)
        if not 0 < rows * columns * components <= file.rows * file.columns * file.samples:
            raise ReadError(
                file.path,
                f"compressed pixels of {columns} x {rows} in {components} components, where the header has "
                f"{file.columns} x {file.rows} in {file.samples}",
                tag="(7FE0,0010) PixelData",
            )


def _syntax(dataset: Any) -> str:
    return str(getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", ""))


def _read_and_decode_frames(argument: tuple[Any, list[int]]) -> list[NDArray[Any]]:
    path, indices = argument
    return _decode_frames(read_dataset(path), indices)


def _decode_frames(dataset: Any, indices: Sequence[int]) -> list[NDArray[Any]]:
    iter_pixels = require("pydicom.pixels", "pydicom").iter_pixels
    with quiet():
        return [np.asarray(frame) for frame in iter_pixels(dataset, indices=indices)]
