"""DICOM headers: from a file to its frames.

A *frame* is one 2D image with its place: a classic file holds one, an enhanced multi-frame file many.
"""

from __future__ import annotations

import functools
import math
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import _cormack_cpu
from .._errors import BackendUnavailable, ReadError
from ._common import DICOM_SUFFIXES, quiet, require, suffix
from ._limits import read_dataset, read_partial

TAGS = {
    "ImageType": 0x00080008,
    "SOPClassUID": 0x00080016,
    "SOPInstanceUID": 0x00080018,
    "Modality": 0x00080060,
    "BodyPartExamined": 0x00180015,
    "SequenceName": 0x00180024,
    "SliceThickness": 0x00180050,
    "EchoTime": 0x00180081,
    "InversionTime": 0x00180082,
    "EchoNumbers": 0x00180086,
    "TriggerTime": 0x00181060,
    "ImagerPixelSpacing": 0x00181164,
    "FlipAngle": 0x00181314,
    "DiffusionBValue": 0x00189087,
    "DiffusionGradientOrientation": 0x00189089,
    "SeriesInstanceUID": 0x0020000E,
    "SeriesNumber": 0x00200011,
    "AcquisitionNumber": 0x00200012,
    "InstanceNumber": 0x00200013,
    "ImagePositionPatient": 0x00200032,
    "ImageOrientationPatient": 0x00200037,
    "TemporalPositionIdentifier": 0x00200100,
    "SamplesPerPixel": 0x00280002,
    "PhotometricInterpretation": 0x00280004,
    "NumberOfFrames": 0x00280008,
    "Rows": 0x00280010,
    "Columns": 0x00280011,
    "PixelSpacing": 0x00280030,
    "BitsAllocated": 0x00280100,
    "BitsStored": 0x00280101,
    "HighBit": 0x00280102,
    "PixelRepresentation": 0x00280103,
    "RescaleIntercept": 0x00281052,
    "RescaleSlope": 0x00281053,
    "RescaleType": 0x00281054,
    "Units": 0x00541001,
    "FrameReferenceTime": 0x00541300,
}

# What may tell two images at one position apart, the most telling first.
SPLIT_KEYS = (
    "EchoNumbers",
    "EchoTime",
    "DiffusionBValue",
    "DiffusionGradientOrientation",
    "SequenceName",
    "TemporalPositionIdentifier",
    "FrameReferenceTime",
    "TriggerTime",
    "InversionTime",
    "FlipAngle",
    "ImageType",
    "AcquisitionNumber",
)
_BINARY_DOUBLES = ("DiffusionBValue", "DiffusionGradientOrientation")

_STORAGE = "1.2.840.10008.5.1.4.1.1."
# CT, MR and PET, classic, enhanced and converted: slices of a body, useless without a place.
_SLICE_CLASSES = tuple(_STORAGE + end for end in ("2", "2.1", "2.2", "4", "4.1", "4.3", "4.4", "128", "128.1", "130"))
# Their geometry is in functional groups, even when they hold a single frame.
_ENHANCED_CLASSES = tuple(_STORAGE + end for end in ("2.1", "2.2", "4.1", "4.3", "4.4", "128.1", "130"))
_SLICE_MODALITIES = ("CT", "MR", "PT")
# Presentation states, waveforms, structured reports, documents, RT objects other than RT images, registrations,
# segmentations, surfaces, parametric maps, DICOMDIR.
_NON_IMAGE_CLASSES = (
    *(_STORAGE + end for end in ("11.", "9.", "88.", "104.", "66", "67", "68.", "30", "79.1")),
    *(f"{_STORAGE}481.{number}" for number in (*range(2, 10), *range(10, 26))),
    "1.2.840.10008.5.1.4.34.",
    "1.2.840.10008.1.3.10",
)
_NON_IMAGE_MODALITIES = ("RTSTRUCT", "RTPLAN", "RTDOSE", "SEG", "SR", "PR", "KO")
# Modalities whose numbers are measurements: MONOCHROME1 then only says how to display them.
_QUANTITATIVE_MODALITIES = ("CT", "PT", "NM")

_NATIVE_SYNTAXES = ("", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1")
_DEFLATED_SYNTAX = "1.2.840.10008.1.2.1.99"
RLE_SYNTAX = "1.2.840.10008.1.2.5"
_ENCAPSULATED_SYNTAXES = ("1.2.840.10008.1.2.4.", RLE_SYNTAX)
_UNDEFINED_LENGTH = 0xFFFFFFFF


@functools.cache
def _integers(signed: bool, count: int) -> np.dtype[Any]:
    return np.dtype(f"{'i' if signed else 'u'}{count}")


@dataclass(frozen=True, slots=True)
class NonImage:
    """A DICOM object that holds no image: a structure set, a report, a segmentation."""

    path: Path
    kind: str


# Neither changes once it is made: frozen ones, of which there are thousands, would take three times as long to make.
@dataclass(slots=True)
class File:
    """Everything that all frames of one file share."""

    path: Path
    sop_class: str
    sop_uid: str
    series_uid: str
    series_number: float
    instance_number: float
    modality: str
    rows: int
    columns: int
    frame_count: int
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    rescale_type: str
    # Where the pixels start in the file; None: they have to be decoded.
    offset: int | None
    syntax: str = ""
    # Where the items of encapsulated pixels start in the file.
    items: int | None = None
    body_part: str = ""
    units: str = ""

    @property
    def stored_dtype(self) -> np.dtype[Any]:
        return _integers(self.signed, self.bits_allocated // 8)

    @property
    def inverted(self) -> bool:
        return self.photometric == "MONOCHROME1" and self.modality not in _QUANTITATIVE_MODALITIES


@dataclass(slots=True)
class Frame:
    """One 2D image and its place; position and orientation are None for a plain radiograph."""

    file: File
    index: int
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    # (row, column) distance, that is (y, x); None where the header has none and the kind of image allows that.
    spacing: tuple[float, ...] | None
    spacing_source: str
    thickness: float | None
    slope: float
    intercept: float
    rescaled: bool
    keys: dict[str, str]

    @property
    def has_place(self) -> bool:
        return self.position is not None and self.orientation is not None

    @property
    def name(self) -> str:
        return self.file.path.name + (f" frame {self.index + 1}" if self.file.frame_count > 1 else "")


def looks_like_dicom(head: bytes) -> bool:
    """Whether the first 140 bytes of a file are DICOM, with or without preamble."""
    if head[128:132] == b"DICM":
        return True
    # Files from before DICOM Part 10 start with a data element of group 0002 or 0008 right away.
    if len(head) < 140 or head[:2] not in (b"\x02\x00", b"\x08\x00", b"\x00\x08"):
        return False
    # Explicit VR is recognised by its letters; implicit VR by a small element number and a small length.
    return head[4:6] in (b"UL", b"UI", b"CS", b"OB", b"SH", b"DA", b"TM", b"LO") or (
        head[3] == 0 and head[6:8] == b"\x00\x00"
    )


class Header:
    """Raw header fields: converting the few that are needed ourselves is fast and never warns."""

    def __init__(self, path: Path, dataset: Any) -> None:
        self.path = path
        self._dataset = dataset

    def _raw(self, name: str) -> tuple[Any, bool]:
        try:
            element = self._dataset.get_item(TAGS[name])
        except KeyError:
            return None, True
        return (None, True) if element is None else (element.value, getattr(element, "is_little_endian", True))

    def meta_uid(self, name: str) -> str:
        """UID in the file's group 0002, or ""."""
        return str(self._dataset.file_meta.get(name, ""))

    def text(self, name: str) -> str:
        value, _ = self._raw(name)
        if isinstance(value, bytes):
            return _text(value)
        return "" if value is None else _joined(value)

    def numbers(self, name: str, count: int) -> tuple[float, ...] | None:
        """Decimal strings; None when absent or empty."""
        text = self.text(name)
        if not text:
            return None
        return _floats(self.path, name, text.split("\\"), count)

    def number(self, name: str, default: float) -> float:
        values = self.numbers(name, 1)
        return default if values is None else values[0]

    def optional_number(self, name: str, default: float) -> float:
        """For fields that only help to sort or describe: nonsense counts as absent."""
        try:
            return self.number(name, default)
        except ReadError:
            return default

    def doubles(self, name: str) -> str:
        value, little = self._raw(name)
        if isinstance(value, bytes) and value and len(value) % 8 == 0:
            values = struct.unpack(f"{'<' if little else '>'}{len(value) // 8}d", value)
            return "\\".join(f"{number:g}" for number in values)
        return self.text(name)

    def integer(self, name: str, default: int | None = None) -> int:
        value, little = self._raw(name)
        if isinstance(value, bytes) and len(value) in (2, 4):
            return int.from_bytes(value, "little" if little else "big")
        if isinstance(value, int):
            return value
        if default is None:
            raise ReadError(self.path, "a field that every DICOM image has is missing or unreadable", tag=label(name))
        return default


class _PlainHeader(Header):
    """Fields that the compiled parser took from a file; always little endian."""

    def __init__(self, path: Path, fields: dict[int, bytes]) -> None:
        super().__init__(path, None)
        self._fields = fields

    def _raw(self, name: str) -> tuple[Any, bool]:
        return self._fields.get(TAGS[name]), True

    def meta_uid(self, name: str) -> str:
        return self._fields.get(_META_TAGS[name], b"").decode("ascii").rstrip("\0")


def _text(value: bytes) -> str:
    return value.decode("latin-1").strip(" \0")


def _joined(value: Any) -> str:
    """One or more values as they would stand in a text field."""
    return "\\".join(map(str, [value] if isinstance(value, str) else np.atleast_1d(value)))


def label(name: str) -> str:
    """Tag as in the standard: ``(0028,0030) PixelSpacing``."""
    tag = TAGS[name]
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {name}"


def _floats(path: Path, name: str, values: Iterable[Any], count: int) -> tuple[float, ...]:
    values = list(values)
    try:
        numbers = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        shown = "\\".join(map(str, values))
        raise ReadError(path, f"expected {count} finite number{'s'[: count > 1]}, found {shown!r}", tag=label(name))
    return numbers


class _PixelData(NamedTuple):
    present: bool
    # None: pydicom has to decode them.
    offset: int | None
    length: int
    syntax: str = ""
    items: int | None = None


# What differs between the slices of any series; all else is shared by many, and converted once.
_OWN = ("SOPInstanceUID", "InstanceNumber", "ImagePositionPatient")
_OWN_TAGS = sorted(TAGS[name] for name in _OWN)
_SHARED_TAGS = sorted(set(TAGS.values()) - set(_OWN_TAGS))
_META_TAGS = {"MediaStorageSOPClassUID": 0x00020002, "TransferSyntaxUID": 0x00020010}
_NATIVE, _ENCAPSULATED, _NO_PIXELS, _NOT_DICOM, _UNSURE = range(5)
# Files whose headers are read together: enough to keep every thread busy, few enough to keep their bytes small.
_BATCH = 2048

Parsed = list[Frame] | NonImage | None


def parse(path: Path) -> Parsed:
    """Frames of a DICOM file, what else it is, or None for a file that is not DICOM at all.

    Raises ReadError for a broken DICOM file, and for any file named like one.
    """
    _, result = next(parse_all([path]))
    if isinstance(result, ReadError):
        raise result
    return result


def parse_all(paths: Iterable[Path], workers: int = 0) -> Iterator[tuple[Path, Parsed | ReadError]]:
    """`parse` for many files, in their order; an error is given, not raised.

    The compiled parser reads plain headers, many files at once; pydicom reads all it is not sure of.
    """
    paths = list(paths)
    if paths:
        require("pydicom", "pydicom")
    # Frames by the fields that they share with others, to start from.
    known: dict[tuple[int, bytes], Frame] = {}
    for begin in range(0, len(paths), _BATCH):
        batch = paths[begin : begin + _BATCH]
        headers = _cormack_cpu.dicom_headers([os.fsencode(path) for path in batch], _SHARED_TAGS, _OWN_TAGS, workers)
        for path, header in zip(batch, headers, strict=True):
            try:
                yield path, _from_plain(path, header, known)
            except ReadError as error:
                yield path, error


def _from_plain(path: Path, header: _PlainFile, known: dict[tuple[int, bytes], Frame]) -> Parsed:
    kind, offset, length, shared, own = header
    if kind == _UNSURE or (kind == _NOT_DICOM and suffix(path) in DICOM_SUFFIXES):
        return parse_with_pydicom(path)
    if kind == _NOT_DICOM:
        return None
    template = known.get((kind, shared))
    if template is not None:
        frame = _like(template, path, offset, length, own)
        if frame is not None:
            return [frame]
    fields = dict(_split_fields(shared))
    fields.update((tag, value) for tag, value in zip(_OWN_TAGS, own, strict=True) if value is not None)
    plain = _PlainHeader(path, fields)
    syntax = plain.meta_uid("TransferSyntaxUID")
    pixels = _PixelData(
        present=kind != _NO_PIXELS,
        offset=offset if kind == _NATIVE else None,
        length=length,
        syntax=syntax,
        items=offset if kind == _ENCAPSULATED else None,
    )
    try:
        frames = _frames(plain, pixels)
    except (ReadError, BackendUnavailable):
        raise
    except OSError as error:
        raise _unreadable(path, error) from error
    except Exception as error:
        raise _damaged(path, error) from error
    if isinstance(frames, list) and _is_classic(frames[0].file):
        known[kind, shared] = frames[0]
    return frames


_PlainFile = tuple[int, int, int, bytes, tuple[bytes | None, ...]]


def _split_fields(shared: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(shared):
        tag, length = struct.unpack_from("<II", shared, position)
        position += 8
        yield tag, shared[position : position + length]
        position += length


def _like(template: Frame, path: Path, offset: int, length: int, own: Sequence[bytes | None]) -> Frame | None:
    """The frame of a file whose shared fields are those of another; None where its own ones need a closer look."""
    model = template.file
    uid, number, place = own
    if model.offset is not None and length < _needed(model):
        return None
    position = template.position
    if position is None:
        if place:
            return None
    else:
        try:
            x, y, z = map(float, _text(place or b"").split("\\"))
        except ValueError:
            return None
        position = (x, y, z)
        if not all(map(math.isfinite, position)):
            return None
    try:
        instance_number = float(_text(number or b"0"))
    except ValueError:
        return None
    if not math.isfinite(instance_number):
        return None
    # dataclasses.replace takes three times as long.
    file = File(
        path,
        model.sop_class,
        _text(uid or b""),
        model.series_uid,
        model.series_number,
        instance_number,
        model.modality,
        model.rows,
        model.columns,
        model.frame_count,
        model.samples,
        model.photometric,
        model.bits_allocated,
        model.bits_stored,
        model.high_bit,
        model.signed,
        model.rescale_type,
        None if model.offset is None else offset,
        model.syntax,
        None if model.items is None else offset,
        model.body_part,
        model.units,
    )
    return Frame(
        file,
        0,
        position,
        template.orientation,
        template.spacing,
        template.spacing_source,
        template.thickness,
        template.slope,
        template.intercept,
        template.rescaled,
        template.keys,
    )


def parse_with_pydicom(path: Path) -> Parsed:
    """`parse` for any file at all."""
    require("pydicom", "pydicom")
    named = suffix(path) in DICOM_SUFFIXES
    try:
        with open(path, "rb") as file:
            head = file.read(140)
            if not looks_like_dicom(head):
                if not named:
                    return None
                raise ReadError(path, "not a DICOM file: no 'DICM' after the first 128 bytes" if head else "empty file")
            with quiet():
                dataset = fields_of(path, file, list(TAGS.values()), last=0x7FE00007)
                header = Header(path, dataset)
                syntax = header.meta_uid("TransferSyntaxUID")
                _, little = dataset.original_encoding
                # Within the quiet part: values are converted, and remarked on, when they are asked for.
                return _frames(header, _find_pixels(file, dataset, syntax, bool(little)))
    except (ReadError, BackendUnavailable):
        raise
    except OSError as error:
        raise _unreadable(path, error) from error
    except Exception as error:
        # A damaged header makes pydicom raise nearly anything; none of it may end a cohort.
        raise _damaged(path, error) from error


def fields_of(path: Path, file: Any, tags: Sequence[int], last: int) -> Any:
    """Return pydicom's data set of some elements, those after `last` unread.

    Elements of group 0000 are an error: they are not in files, and zeros, where a copy broke off, would be read as
    millions of them.
    """
    require("pydicom", "pydicom")
    file.seek(128)
    head = file.read(16)
    if head[:4] == b"DICM":
        # Where the file meta information says that it ends, if there is any.
        length = int.from_bytes(head[12:16], "little") if head[4:10] == b"\x02\0\0\0UL" else -12
        file.seek(144 + length)
        if file.read(4) == bytes(4):
            raise ValueError("an element of group 0000 where the data set begins")
    file.seek(0)

    def ends(tag: int) -> bool:
        if tag >> 16 == 0:
            raise ValueError("an element of group 0000 in the data set")
        return tag > last

    return read_partial(path, file, ends, tags)


def _unreadable(path: Path, error: OSError) -> ReadError:
    return ReadError(path, f"cannot be read: {error.strerror or type(error).__name__}")


def _damaged(path: Path, error: Exception) -> ReadError:
    return ReadError(path, f"damaged DICOM header: {error}")


def _find_pixels(file: Any, dataset: Any, syntax: str, little: bool) -> _PixelData:
    if syntax == _DEFLATED_SYNTAX:
        # The whole data set is compressed, so the position in the file says nothing.
        return _PixelData(True, None, 0, syntax)
    start = file.tell()
    element = file.read(12)
    order: Any = "little" if little else "big"
    if len(element) < 8 or (int.from_bytes(element[:2], order), int.from_bytes(element[2:4], order)) != (0x7FE0, 0x10):
        return _PixelData(False, None, 0, syntax)
    implicit, _ = dataset.original_encoding
    size = 8 if implicit else 12
    length = int.from_bytes(element[size - 4 : size], order)
    if syntax not in _NATIVE_SYNTAXES or not little or length == _UNDEFINED_LENGTH:
        encapsulated = little and length == _UNDEFINED_LENGTH and syntax.startswith(_ENCAPSULATED_SYNTAXES)
        return _PixelData(True, None, 0, syntax, start + size if encapsulated else None)
    available = os.fstat(file.fileno()).st_size - start - size
    return _PixelData(True, start + size, min(length, available), syntax)


def _frames(header: Header, pixels: _PixelData) -> list[Frame] | NonImage:
    path = header.path
    sop_class = header.text("SOPClassUID") or header.meta_uid("MediaStorageSOPClassUID")
    modality = header.text("Modality")
    is_slice = sop_class in _SLICE_CLASSES or (modality in _SLICE_MODALITIES and not sop_class)
    if sop_class.startswith(_NON_IMAGE_CLASSES) or modality in _NON_IMAGE_MODALITIES:
        return NonImage(path, modality or uid_name(sop_class))
    if not header.text("Rows") and not pixels.present and not is_slice:
        if not sop_class and not modality:
            raise ReadError(path, "damaged or empty DICOM file: it says nothing about what it holds")
        return NonImage(path, modality or uid_name(sop_class))
    if not pixels.present:
        raise ReadError(
            path,
            "no pixel data; the file is cut off or holds the header alone",
            tag="(7FE0,0010) PixelData",
            suggestion="copy or export the series again",
        )

    bits = header.integer("BitsAllocated")
    stored = header.integer("BitsStored", bits)
    high = header.integer("HighBit", stored - 1)
    file = File(
        path=path,
        sop_class=sop_class,
        sop_uid=header.text("SOPInstanceUID"),
        series_uid=header.text("SeriesInstanceUID"),
        series_number=header.optional_number("SeriesNumber", 0),
        instance_number=header.optional_number("InstanceNumber", 0),
        modality=modality,
        rows=header.integer("Rows"),
        columns=header.integer("Columns"),
        frame_count=int(header.number("NumberOfFrames", 1)) or 1,
        samples=header.integer("SamplesPerPixel", 1),
        photometric=header.text("PhotometricInterpretation"),
        bits_allocated=bits,
        bits_stored=stored,
        high_bit=high,
        signed=header.integer("PixelRepresentation", 0) == 1,
        rescale_type=header.text("RescaleType"),
        offset=pixels.offset,
        syntax=pixels.syntax,
        items=pixels.items,
        body_part=header.text("BodyPartExamined"),
        units=header.text("Units"),
    )
    _check_pixel_format(file, pixels.length if pixels.offset is not None else None)
    if not _is_classic(file):
        return _multi_frame(file)

    position = header.numbers("ImagePositionPatient", 3)
    orientation = header.numbers("ImageOrientationPatient", 6)
    spacing, source = header.numbers("PixelSpacing", 2), "PixelSpacing"
    if is_slice:
        _require_place(path, position, orientation, spacing)
    if position is None or orientation is None:
        position = orientation = None
        if spacing is None:
            spacing, source = header.numbers("ImagerPixelSpacing", 2), "ImagerPixelSpacing"
        if spacing is None:
            source = "absent"
    rescaled = bool(header.text("RescaleSlope") or header.text("RescaleIntercept"))
    keys = {name: header.doubles(name) if name in _BINARY_DOUBLES else header.text(name) for name in SPLIT_KEYS}
    thickness = header.optional_number("SliceThickness", 0.0)
    frame = Frame(
        file=file,
        index=0,
        position=position,
        orientation=orientation,
        spacing=_positive_spacing(path, spacing, source),
        spacing_source=source,
        thickness=thickness if thickness > 0 else None,
        slope=_slope(file, header.number("RescaleSlope", 1.0)),
        intercept=header.number("RescaleIntercept", 0.0),
        rescaled=rescaled,
        keys=keys,
    )
    return [frame]


def _is_classic(file: File) -> bool:
    """Whether the header describes the one frame directly, not in functional groups."""
    return file.frame_count <= 1 and file.sop_class not in _ENHANCED_CLASSES


def _check_pixel_format(file: File, length: int | None) -> None:
    """Refuse what cannot be decoded, before any memory is allocated for it."""
    if file.rows < 1 or file.columns < 1:
        raise ReadError(file.path, f"image of {file.rows} x {file.columns} pixels", tag=label("Rows"))
    if file.samples == 3:
        if file.bits_allocated not in (8, 16):
            raise ReadError(file.path, f"colour image with {file.bits_allocated} bits", tag=label("BitsAllocated"))
        return
    if file.samples != 1:
        raise ReadError(file.path, f"{file.samples} samples per pixel are not supported", tag=label("SamplesPerPixel"))
    if file.photometric not in ("MONOCHROME1", "MONOCHROME2", ""):
        raise ReadError(
            file.path,
            f"colour model {file.photometric!r} is not supported",
            tag=label("PhotometricInterpretation"),
            suggestion="convert it to RGB or MONOCHROME2 first",
        )
    if file.bits_allocated not in (8, 16, 32):
        raise ReadError(
            file.path, f"{file.bits_allocated} bits per pixel are not supported", tag=label("BitsAllocated")
        )
    if not 1 <= file.bits_stored <= file.high_bit + 1 <= file.bits_allocated:
        raise ReadError(
            file.path,
            f"{file.bits_stored} bits ending at bit {file.high_bit} do not fit in {file.bits_allocated}",
            tag=label("BitsStored"),
        )
    needed = _needed(file)
    if length is not None and length < needed:
        raise ReadError(
            file.path,
            f"truncated: {length} of {needed} bytes of pixels are there",
            tag="(7FE0,0010) PixelData",
            suggestion="copy or export the series again",
        )


def _needed(file: File) -> int:
    return file.rows * file.columns * file.frame_count * (file.bits_allocated // 8)


def _require_place(path: Path, position: Any, orientation: Any, spacing: Any) -> None:
    for name, value in (
        ("ImagePositionPatient", position),
        ("ImageOrientationPatient", orientation),
        ("PixelSpacing", spacing),
    ):
        if value is None:
            raise ReadError(path, "the slice does not say where it lies in the patient", tag=label(name))


def _positive_spacing(path: Path, spacing: tuple[float, ...] | None, source: str) -> tuple[float, ...] | None:
    if spacing is not None and min(spacing) <= 0:
        raise ReadError(path, f"pixel spacing {spacing[0]:g} x {spacing[1]:g} mm is not positive", tag=label(source))
    return spacing


def _slope(file: File, slope: float) -> float:
    if slope == 0:
        raise ReadError(file.path, "a rescale slope of 0 would make every voxel equal", tag=label("RescaleSlope"))
    if abs(slope) > 1e25:
        raise ReadError(file.path, f"a rescale slope of {slope:g} exceeds float32", tag=label("RescaleSlope"))
    return slope


def _multi_frame(file: File) -> list[Frame]:
    """Frames of an enhanced multi-frame file, from its functional groups."""
    require("pydicom", "pydicom")
    with quiet():
        dataset = read_dataset(file.path, stop_before_pixels=True)
        shared = (dataset.get("SharedFunctionalGroupsSequence") or [None])[0]
        groups = dataset.get("PerFrameFunctionalGroupsSequence")
        if not groups or file.samples != 1:
            raise ReadError(
                file.path,
                f"multi-frame {uid_name(file.sop_class)} ({file.frame_count} frames) is not supported yet; only "
                "enhanced CT, MR and PET with a position for each frame are",
                suggestion="export it as single slices",
            )
        if len(groups) != file.frame_count:
            raise ReadError(
                file.path,
                f"{file.frame_count} frames but {len(groups)} descriptions of frames",
                tag="(5200,9230) PerFrameFunctionalGroupsSequence",
            )
        return [_enhanced_frame(file, index, group, shared) for index, group in enumerate(groups)]


def _enhanced_frame(file: File, index: int, group: Any, shared: Any) -> Frame:
    def find(sequence: str, name: str) -> Any:
        for owner in (group, shared):
            items = owner.get(sequence) if owner is not None else None
            if items and items[0].get(name) is not None:
                return items[0].get(name)
        return None

    def numbers(sequence: str, name: str, count: int) -> tuple[float, ...] | None:
        value = find(sequence, name)
        return None if value is None else _floats(file.path, name, np.atleast_1d(value), count)

    position = numbers("PlanePositionSequence", "ImagePositionPatient", 3)
    orientation = numbers("PlaneOrientationSequence", "ImageOrientationPatient", 6)
    spacing = numbers("PixelMeasuresSequence", "PixelSpacing", 2)
    _require_place(file.path, position, orientation, spacing)
    slope = numbers("PixelValueTransformationSequence", "RescaleSlope", 1)
    intercept = numbers("PixelValueTransformationSequence", "RescaleIntercept", 1)
    thickness = numbers("PixelMeasuresSequence", "SliceThickness", 1)
    direction = find("MRDiffusionSequence", "DiffusionGradientDirectionSequence")
    fields = {
        "EchoTime": find("MREchoSequence", "EffectiveEchoTime"),
        "DiffusionBValue": find("MRDiffusionSequence", "DiffusionBValue"),
        "DiffusionGradientOrientation": direction[0].get("DiffusionGradientOrientation") if direction else None,
        "TemporalPositionIdentifier": find("FrameContentSequence", "TemporalPositionIndex"),
        "TriggerTime": find("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
        "ImageType": find("MRImageFrameTypeSequence", "FrameType") or find("CTImageFrameTypeSequence", "FrameType"),
        "AcquisitionNumber": find("FrameContentSequence", "FrameAcquisitionNumber"),
    }
    return Frame(
        file=file,
        index=index,
        position=position,
        orientation=orientation,
        spacing=_positive_spacing(file.path, spacing, "PixelSpacing"),
        spacing_source="PixelSpacing",
        thickness=thickness[0] if thickness and thickness[0] > 0 else None,
        slope=_slope(file, slope[0] if slope else 1.0),
        intercept=intercept[0] if intercept else 0.0,
        rescaled=slope is not None,
        keys={name: "" if value is None else _joined(value) for name, value in fields.items()},
    )


def uid_name(uid: str) -> str:
    if not uid:
        return "DICOM object"
    with quiet():
        name = str(require("pydicom", "pydicom").uid.UID(uid).name)
    # Private ones have no name.
    return repr(uid) if name == uid else name.removesuffix(" Storage")
