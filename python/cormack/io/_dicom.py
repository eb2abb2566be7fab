"""DICOM: pixels of frames to the array of a volume, and files and folders to lists of frames.

Headers are read with pydicom (`_dicom_header`), frames put in order by their places (`_dicom_stack`); uncompressed
pixels are read straight into the volume, compressed ones through pydicom's decoders.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import BackendUnavailable, ReadError
from ..volume import Volume
from ._common import IMAGE_SUFFIXES, NIFTI_SUFFIXES, NRRD_SUFFIXES, OTHER_SUFFIXES, luma, quiet, require, suffix
from ._dicom_header import TAGS, File, Frame, Header, NonImage, label, parse_all
from ._dicom_stack import axes, series_of, slice_spacing, volumes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
                        raise ReadError(file.path, "truncated while it was read", tag="(7FE0,0010) PixelData")
                    view = view[count:]
            if out.dtype.itemsize > 1 and not np.little_endian:
                out.byteswap(inplace=True)
        _unused_bits(file, out)
        if file.inverted:
            # The full stored range turned over: 0 becomes the largest value that the stored bits can hold.
            np.subtract(-1 if file.signed else (1 << file.bits_stored) - 1, out, out=out, casting="unsafe")

    def _decode(self, frame: Frame) -> NDArray[Any]:
        file = frame.file
        if self._decoded is None or self._decoded[0] != file.path:
            self._decoded = (file.path, _decode_file(file))
        frames = self._decoded[1]
        return np.asarray(frames[frame.index]) if file.frame_count > 1 else frames


def _decode_file(file: File) -> NDArray[Any]:
    pydicom = require("pydicom", "pydicom")
    with quiet():
        try:
            dataset = pydicom.dcmread(file.path, force=True)
            if "TransferSyntaxUID" not in dataset.file_meta:
                implicit, little = dataset.original_encoding
                dataset.file_meta.TransferSyntaxUID = (
                    pydicom.uid.ImplicitVRLittleEndian
                    if implicit
                    else pydicom.uid.ExplicitVRLittleEndian
                    if little
                    else pydicom.uid.ExplicitVRBigEndian
                )
            return np.asarray(dataset.pixel_array)
        except Exception as error:
            # Decoders raise nearly anything on damaged data.
            syntax = dataset.file_meta.get("TransferSyntaxUID") if "dataset" in locals() else None
            name = getattr(syntax, "name", "unknown")
            if "missing dependencies" in str(error):
                package = "pylibjpeg-openjpeg" if "High-Throughput" in name else '"cormack[io]"'
                raise BackendUnavailable(f"{file.path}: no decoder for {name}; pip install {package}") from error
            reason = " ".join(str(error).split())[:300]
            raise ReadError(file.path, f"pixel data ({name}) cannot be decoded: {reason}") from error


def _unused_bits(file: File, values: NDArray[Any]) -> None:
    """Clear what lies outside the stored bits (old overlays, garbage) and extend the sign, in place."""
    above = file.bits_allocated - 1 - file.high_bit
    below = file.high_bit + 1 - file.bits_stored
    if file.signed and above + below:
        # Shifting up and arithmetically down again copies the sign bit into the unused ones.
        np.left_shift(values, above, out=values)
        np.right_shift(values, above + below, out=values)
    elif above + below:
        np.right_shift(values, below, out=values)
        np.bitwise_and(values, values.dtype.type((1 << file.bits_stored) - 1), out=values)


def _voxels(stack: Sequence[Frame]) -> NDArray[Any]:
    """Rescaled values of a stack, (frames, rows, columns).

    Integer slopes and intercepts give the stored type when they are all 1 and 0, else the first of int16, uint16, int32
    that holds every value; anything else float32, each value computed in float64 and rounded once.
    """
    first = stack[0].file
    shape = (len(stack), first.rows, first.columns)
    stored: np.dtype[Any] = np.result_type(*{frame.file.stored_dtype for frame in stack})
    pixels = _Pixels()
    identity = all(frame.slope == 1 and frame.intercept == 0 for frame in stack)
    integral = all(frame.slope.is_integer() and frame.intercept.is_integer() for frame in stack)

    def load(frame: Frame, out: NDArray[Any]) -> None:
        if frame.file.stored_dtype == out.dtype:
            pixels.load(frame, out)
        else:
            part = np.empty(out.shape, frame.file.stored_dtype)
            pixels.load(frame, part)
            out[...] = part

    if not integral:
        result = np.empty(shape, np.float32)
        plane, exact = np.empty(shape[1:], stored), np.empty(shape[1:], np.float64)
        for frame, target in zip(stack, result, strict=True):
            load(frame, plane)
            np.multiply(plane, frame.slope, out=exact)
            np.add(exact, frame.intercept, out=exact)
            target[...] = exact
        return result

    values = np.empty(shape, stored)
    low, high = np.inf, -np.inf
    for frame, target in zip(stack, values, strict=True):
        load(frame, target)
        if not identity:
            ends = [int(end) * int(frame.slope) + int(frame.intercept) for end in (target.min(), target.max())]
            low, high = min(low, *ends), max(high, *ends)
    if identity:
        return values
    for dtype in (np.int16, np.uint16, np.int32):
        limits = np.iinfo(dtype)
        if limits.min <= low and high <= limits.max:
            return _rescale_integers(stack, values, np.dtype(dtype))
    raise ReadError(
        first.path.parent, f"rescaled values from {low:g} to {high:g} do not fit in 32 bits", tag=label("RescaleSlope")
    )


def _rescale_integers(stack: Sequence[Frame], values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    # Unsigned arithmetic modulo 2^n is exact whenever the true result fits into n bits, which the caller has checked;
    # so it can run in place, even where an intermediate product does not fit.
    unsigned = np.dtype(f"u{dtype.itemsize}")
    if values.dtype.itemsize == dtype.itemsize:
        work = values.view(unsigned)
    else:
        work = values.astype(dtype, casting="unsafe").view(unsigned)
    modulus = 1 << (8 * dtype.itemsize)
    for frame, plane in zip(stack, work, strict=True):
        if frame.slope != 1:
            np.multiply(plane, unsigned.type(int(frame.slope) % modulus), out=plane)
        if frame.intercept != 0:
            np.add(plane, unsigned.type(int(frame.intercept) % modulus), out=plane)
    return work.view(dtype)


def build(stack: Sequence[Frame]) -> Volume:
    """Volume of a sorted stack of frames with a place, or of one plain image."""
    first = stack[0]
    modality = first.file.modality
    rescaled = any(frame.rescaled for frame in stack)
    hounsfield = modality == "CT" and rescaled and first.file.rescale_type in ("", "HU", "US")
    meta: dict[str, Any] = {
        "format": "dicom",
        "modality": modality,
        "units": "HU" if hounsfield else "",
        "series_uid": first.file.series_uid,
        "rescaled": rescaled,
        "inverted": first.file.inverted,
    }
    if first.file.samples == 3:
        meta["colour"] = "luma BT.601"
    if not first.has_place:
        return Volume(_voxels(stack)[0], first.spacing, meta={**meta, "spacing_source": first.spacing_source})

    x, y, normal = axes(first)
    if len(stack) > 1:
        distance, source = slice_spacing(stack), "positions"
    elif first.thickness is not None:
        distance, source = first.thickness, "SliceThickness"
    else:
        distance, source = 1.0, "absent"
    if first.spacing is None or first.position is None:
        raise ReadError(first.file.path, "the slice does not say how large its pixels are", tag=label("PixelSpacing"))
    direction_xyz = np.stack([x, y, normal], axis=1)
    return Volume(
        _voxels(stack),
        (distance, *first.spacing),
        first.position[::-1],
        direction_xyz[::-1, ::-1],
        {**meta, "spacing_source": source},
    )


@dataclass(slots=True)
class Found:
    """What a list of files turned out to hold."""

    frames: list[Frame] = field(default_factory=list)
    non_images: list[NonImage] = field(default_factory=list)
    # With the SeriesInstanceUID of the broken file where that can still be read, else "".
    errors: list[tuple[ReadError, str]] = field(default_factory=list)


def scan(paths: Iterable[Path]) -> Found:
    """Read the headers of files; those that are not DICOM are passed over."""
    found = Found()
    for path, parsed in parse_all(paths):
        if isinstance(parsed, ReadError):
            found.errors.append((parsed, _series_uid(path)))
        elif isinstance(parsed, NonImage):
            found.non_images.append(parsed)
        elif parsed:
            found.frames.extend(parsed)
    return found


def _series_uid(path: Path) -> str:
    """SeriesInstanceUID of a file that could not be used, or ""."""
    pydicom = require("pydicom", "pydicom")
    try:
        with quiet():
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[TAGS["SeriesInstanceUID"]])
        return Header(path, header).text("SeriesInstanceUID")
    except Exception:
        # It is broken, that much was known before.
        return ""


def candidates(folder: Path) -> list[Path]:
    """Files of a folder that may be DICOM, by name alone, in a fixed order."""
    passed_over = {*OTHER_SUFFIXES, *IMAGE_SUFFIXES, *NIFTI_SUFFIXES, *NRRD_SUFFIXES}
    with os.scandir(folder) as entries:
        names = sorted(
            entry.name
            for entry in entries
            if not entry.name.startswith(".") and entry.name.upper() != "DICOMDIR" and entry.is_file()
        )
    return [folder / name for name in names if suffix(Path(name)) not in passed_over]


def kinds_of(objects: Iterable[NonImage]) -> str:
    """Say which objects there are: ``RTSTRUCT (1), SR (2)``."""
    return ", ".join(f"{kind} ({count})" for kind, count in sorted(Counter(o.kind for o in objects).items()))


def nothing_found(path: Path, found: Found) -> ReadError:
    """The error for a folder or file without a DICOM image."""
    if found.non_images:
        regions = any(o.kind in ("RTSTRUCT", "SEG") for o in found.non_images)
        return ReadError(
            path,
            f"DICOM objects, but no image among them: {kinds_of(found.non_images)}",
            suggestion="cormack.io.read_mask reads regions" if regions else None,
        )
    return ReadError(
        path, "no DICOM image in this folder", suggestion="use cormack.io.find_studies to look through subfolders"
    )


def read_stacks(path: Path, paths: Iterable[Path], series: str | None) -> list[list[Frame]]:
    """Frames of every volume in some files, after the checks that make a partial result impossible."""
    found = scan(paths)
    for error, uid in found.errors:
        if series is None or uid in ("", series):
            raise error
    if not found.frames:
        raise nothing_found(path, found)
    groups = series_of(found.frames)
    if series is not None:
        chosen = [frames for uid, frames in groups if uid == series]
        if not chosen:
            known = ", ".join(uid for uid, _ in groups)
            raise ReadError(path, f"no series {series!r} here", suggestion=f"there are: {known}")
        return volumes_of(chosen[0])
    return [stack for _, frames in groups for stack in volumes_of(frames)]


def choose(path: Path, stacks: list[list[Frame]]) -> ReadError:
    """The error for a folder with several volumes, which lists them."""
    lines = []
    for number, stack in enumerate(stacks):
        file = stack[0].file
        size = f"{file.columns} x {file.rows} pixels, {len(stack)} slice{'s'[: len(stack) > 1]}"
        lines.append(f"  volume {number}: {file.modality or 'unknown modality'}, {size}, series {file.series_uid}")
    several = len({stack[0].file.series_uid for stack in stacks}) > 1
    how = "choose one with series= or volume=" if several else "choose one with volume="
    count = len(stacks)
    return ReadError(
        path,
        f"{count} volumes" + (" of several series" if several else " in one series"),
        suggestion=f"{how}, or use cormack.io.read_all:\n" + "\n".join(lines),
    )
