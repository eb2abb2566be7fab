"""What keeps persons out of imported images: burned-in text is looked for, free text is left out."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from .. import _cormack_cpu
from ..volume import Volume
from . import _terms
from ._catalog import Place
from ._common import quiet
from ._dicom_header import fields_of

_SOP_CLASS, _MODALITY, _BURNED_IN, _PATIENT_ID = 0x00080016, 0x00080060, 0x00280301, 0x00100020
_UNSURE = 4
_STORAGE = "1.2.840.10008.5.1.4.1.1."
# Secondary captures, ultrasound, photographs and films: devices and people write names into these.
_TOLD_CLASSES = tuple(_STORAGE + end for end in ("7", "6", "3", "77.1.1", "77.1.2", "77.1.4"))
_TOLD_MODALITIES = ("BDUS", "DD", "DOC", "EC", "ES", "GM", "IVUS", "SC", "US", "XC")
_KEPT_META = ("format", "rescaled", "inverted", "colour", "spacing_source", "orientation_source")


def burned_in(files: Sequence[Place]) -> str:
    """Why text in the pixels may name a person, or "": what headers say of it."""
    for fields in _fields(files, (_SOP_CLASS, _MODALITY, _BURNED_IN)):
        told = fields.get(_BURNED_IN, "").upper()
        if told == "YES":
            return "text is burned into the pixels, says its header [(0028,0301) BurnedInAnnotation]"
        sop_class, modality = fields.get(_SOP_CLASS, ""), fields.get(_MODALITY, "")
        if told != "NO" and (_is_told(sop_class) or modality in _TOLD_MODALITIES):
            return (
                "images of this kind often have text burned in, and its header does not say that there is none "
                "[(0028,0301) BurnedInAnnotation]"
            )
    return ""


def _is_told(sop_class: str) -> bool:
    return any(sop_class == known or sop_class.startswith(f"{known}.") for known in _TOLD_CLASSES)


def patient_id(file: Place) -> str:
    """PatientID of a DICOM file, or ""."""
    return next(iter(_fields([file], (_PATIENT_ID,)))).get(_PATIENT_ID, "")


def _fields(files: Sequence[Place], tags: tuple[int, ...]) -> list[dict[int, str]]:
    headers = _cormack_cpu.dicom_headers([os.fsencode(file) for file in files], sorted(tags), [])
    result = []
    for file, (kind, _, _, shared, _) in zip(files, headers, strict=True):
        found = _with_pydicom(file, tags) if kind == _UNSURE else dict(_split(shared))
        result.append({tag: value.decode("latin-1").strip(" \0") for tag, value in found.items()})
    return result


def _split(shared: bytes) -> list[tuple[int, bytes]]:
    result, position = [], 0
    while position < len(shared):
        tag, length = struct.unpack_from("<II", shared, position)
        result.append((tag, shared[position + 8 : position + 8 + length]))
        position += 8 + length
    return result


def _with_pydicom(file: Place, tags: tuple[int, ...]) -> dict[int, bytes]:
    result: dict[int, bytes] = {}
    with open(file, "rb") as stream, quiet():
        dataset = fields_of(cast("Path", file), stream, list(tags), last=max(tags))
        for tag in tags:
            element: Any = dataset.get_item(tag) if tag in dataset else None
            if element is not None:
                value = element.value
                result[tag] = value if isinstance(value, bytes) else str(value or "").encode("latin-1", "replace")
    return result


def without_identity(volume: Volume) -> Volume:
    """The same voxels and place; of what is known beside them only what names nobody."""
    meta = {name: volume.meta[name] for name in _KEPT_META if name in volume.meta}
    meta["modality"] = _terms.modality(str(volume.meta.get("modality", "")))
    meta["units"] = _terms.unit(str(volume.meta.get("units", "")))
    return Volume(volume.array, volume.spacing, volume.origin, volume.direction, meta)


# What libraries add to a message after these words quotes the file.
_TAILS = re.compile(r"(cannot be decoded|damaged [\w ]+|failed with \w+): .*", re.DOTALL)
_PLAIN = re.compile(r"[a-z]*|.{,3}")


def without_names(text: str, paths: Sequence[str]) -> str:
    """A message without what libraries quoted, and without any part of these paths."""
    text = _TAILS.sub(lambda match: cast("str", match[1]), text)
    parts = {part for path in paths for part in (path, *path.split("/"), os.path.splitext(path.split("/")[-1])[0])}
    for part in sorted(parts, key=len, reverse=True):
        if not _PLAIN.fullmatch(part):
            text = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", "...", text)
    return text
