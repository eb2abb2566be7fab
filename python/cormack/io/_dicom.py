"""DICOM: stacks of frames to volumes, and files and folders to lists of frames.

Headers are read in `_dicom_header`, frames put in order by their places in `_dicom_stack`, pixels in `_dicom_pixels`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import ReadError
from ..volume import Volume
from . import _terms
from ._common import (
    IMAGE_SUFFIXES,
    METAIMAGE_SUFFIXES,
    NIFTI_SUFFIXES,
    NRRD_SUFFIXES,
    OTHER_SUFFIXES,
    quiet,
    suffix_of_name,
)
from ._dicom_header import TAGS, Frame, Header, NonImage, fields_of, label, parse_all
from ._dicom_pixels import REAL, STORED, WHOLE, check_packed, load
from ._dicom_stack import axes, series_of, slice_spacing, tilt_of, volumes_of
from ._gantry import upright
from ._limits import check_size, empty
from ._pet import with_suv

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _voxels(stack: Sequence[Frame]) -> NDArray[Any]:
    """Rescaled values of a stack, (frames, rows, columns).

    Integer slopes and intercepts give the stored type when they are all 1 and 0, else the first of int16, uint16, int32
    that holds every value; anything else float32, each value computed in float64 and rounded once.
    """
    first = stack[0].file
    shape = (len(stack), first.rows, first.columns)
    check_packed(stack)
    stored: np.dtype[Any] = np.result_type(*{frame.file.stored_dtype for frame in stack})
    if all(frame.slope == 1 and frame.intercept == 0 for frame in stack):
        values = empty(first.path, shape, stored)
        load(stack, values, STORED)
        return values
    if not all(frame.slope.is_integer() and frame.intercept.is_integer() for frame in stack):
        values = empty(first.path, shape, np.float32)
        load(stack, values, REAL)
        return values

    # The bits of int16 and uint16 are the same, so which of the two it becomes may be seen afterwards.
    values = empty(first.path, shape, np.int16 if stored.itemsize <= 2 else np.int32)
    ends = [
        int(end) * int(frame.slope) + int(frame.intercept)
        for frame, both in zip(stack, load(stack, values, WHOLE), strict=True)
        for end in both
    ]
    low, high = min(ends), max(ends)
    for dtype in (np.int16, np.uint16, np.int32):
        limits = np.iinfo(dtype)
        if limits.min <= low and high <= limits.max:
            break
    else:
        raise ReadError(
            first.path.parent,
            f"rescaled values from {low:g} to {high:g} do not fit in 32 bits",
            tag=label("RescaleSlope"),
        )
    if values.itemsize == np.dtype(dtype).itemsize:
        return values.view(dtype)
    if values.itemsize > np.dtype(dtype).itemsize:
        return values.astype(dtype)
    del values
    values = empty(first.path, shape, dtype)
    load(stack, values, WHOLE)
    return values


def build(
    stack: Sequence[Frame], units: str | None = None, series: Iterable[Frame] = (), *, shear: bool = False
) -> Volume:
    """Volume of a sorted stack of frames with a place, or of one plain image.

    With units of SUVbw those; what the scan's time is may depend on all frames of the `series`. `shear` puts a stack
    from a tilted gantry upright.
    """
    if units is not None:
        stack = with_suv(stack, series)
    first = stack[0]
    modality = first.file.modality
    rescaled = any(frame.rescaled for frame in stack)
    hounsfield = modality == "CT" and rescaled and first.file.rescale_type in ("", "HU", "US")
    meta: dict[str, Any] = {
        "format": "dicom",
        "modality": modality,
        # Of a text in the header only what DICOM defines: a report shows it.
        "units": units or ("HU" if hounsfield else _terms.unit(first.file.units) if modality == "PT" else ""),
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
        distance, source = slice_spacing(stack, tilted=shear), "positions"
    elif first.thickness is not None:
        distance, source = first.thickness, "SliceThickness"
    else:
        distance, source = 1.0, "absent"
    if first.spacing is None or first.position is None:
        raise ReadError(first.file.path, "the slice does not say how large its pixels are", tag=label("PixelSpacing"))
    direction_xyz = np.stack([x, y, normal], axis=1)
    volume = Volume(
        _voxels(stack),
        (distance, *first.spacing),
        first.position[::-1],
        direction_xyz[::-1, ::-1],
        {**meta, "spacing_source": source},
    )
    shift = tilt_of(stack) if shear and len(stack) > 1 else None
    return volume if shift is None else upright(first.file.path, volume, shift[::-1])


def build_all(
    path: Path, stacks: Sequence[Sequence[Frame]], units: str | None = None, *, shear: bool = False
) -> list[Volume]:
    """Volumes of several stacks."""
    files = [(frames[0].file, len(frames)) for frames in stacks]
    size = sum(file.rows * file.columns * count * file.stored_dtype.itemsize for file, count in files)
    check_size(path, size, f"{len(stacks)} volumes")
    return [build(stack, units, of_series(stack, stacks), shear=shear) for stack in stacks]


def of_series(stack: Sequence[Frame], stacks: Iterable[Sequence[Frame]]) -> list[Frame]:
    """Frames of all the stacks that belong to the series of one."""
    uid = stack[0].file.series_uid
    return [frame for other in stacks if other[0].file.series_uid == uid for frame in other]


@dataclass(slots=True)
class Found:
    """What a list of files turned out to hold."""

    frames: list[Frame] = field(default_factory=list)
    non_images: list[NonImage] = field(default_factory=list)
    # With the SeriesInstanceUID of the broken file where that can still be read, else "".
    errors: list[tuple[ReadError, str]] = field(default_factory=list)


def scan(paths: Iterable[Path], workers: int = 0) -> Found:
    """Read the headers of files; those that are not DICOM are passed over."""
    found = Found()
    for path, parsed in parse_all(paths, workers):
        if isinstance(parsed, ReadError):
            found.errors.append((parsed, _series_uid(path)))
        elif isinstance(parsed, NonImage):
            found.non_images.append(parsed)
        elif parsed:
            found.frames.extend(parsed)
    return found


def _series_uid(path: Path) -> str:
    """SeriesInstanceUID of a file that could not be used, or ""."""
    tag = TAGS["SeriesInstanceUID"]
    try:
        with open(path, "rb") as file, quiet():
            return Header(path, fields_of(path, file, [tag], last=tag)).text("SeriesInstanceUID")
    except Exception:
        # It is broken, that much was known before.
        return ""


def candidates(folder: Path) -> list[Path]:
    """Files of a folder that may be DICOM, by name alone, in a fixed order."""
    passed_over = {*OTHER_SUFFIXES, *IMAGE_SUFFIXES, *NIFTI_SUFFIXES, *NRRD_SUFFIXES, *METAIMAGE_SUFFIXES}
    with os.scandir(folder) as entries:
        names = sorted(
            entry.name
            for entry in entries
            if not entry.name.startswith(".") and entry.name.upper() != "DICOMDIR" and entry.is_file()
        )
    return [folder / name for name in names if suffix_of_name(name) not in passed_over]


def kinds_of(objects: Iterable[NonImage]) -> str:
    """Say which objects there are: ``RTSTRUCT (1), SR (2)``."""
    return counted(o.kind for o in objects)


def counted(kinds: Iterable[str]) -> str:
    """Say how many of each kind there are, in alphabetical order."""
    return ", ".join(f"{kind} ({count})" for kind, count in sorted(Counter(kinds).items()))


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
