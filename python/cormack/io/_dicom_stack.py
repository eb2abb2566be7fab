"""DICOM geometry: from the frames of a series to volumes, and what is wrong with their places."""

from __future__ import annotations

import filecmp
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .._errors import ReadError
from ..volume import PERPENDICULAR_TOLERANCE
from ._dicom_header import SPLIT_KEYS, Frame, label

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SAME_PLACE_MM = 1e-3


def series_of(frames: Iterable[Frame]) -> list[tuple[str, list[Frame]]]:
    """Frames by SeriesInstanceUID, in the order of the series' numbers."""
    series: dict[str, list[Frame]] = {}
    for frame in frames:
        series.setdefault(frame.file.series_uid, []).append(frame)
    return sorted(series.items(), key=lambda item: (item[1][0].file.series_number, item[0]))


def volumes_of(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Split the frames of one series into volumes, each in the order of its positions.

    First by orientation, pixel spacing and size; where several images share a position, by what tells them apart (echo,
    b-value, time, acquisition). Images without a place are a volume each.
    """
    frames = sorted(
        _without_copies(frames), key=lambda frame: (frame.file.instance_number, str(frame.file.path), frame.index)
    )
    stacks: list[list[Frame]] = []
    with_place: list[list[Frame]] = []
    for frame in frames:
        for stack in with_place if frame.has_place else ():
            if _same_stack(stack[0], frame):
                stack.append(frame)
                break
        else:
            stacks.append([frame])
            if frame.has_place:
                with_place.append(stacks[-1])
    return [part for stack in stacks for part in (_split(_sorted(stack)) if stack[0].has_place else [stack])]


def _without_copies(frames: Sequence[Frame]) -> list[Frame]:
    """Leave out second copies of a file; two different images with one SOPInstanceUID are an error."""
    first: dict[tuple[str, int], Frame] = {}
    kept = []
    for frame in frames:
        key = (frame.file.sop_uid, frame.index)
        known = first.setdefault(key, frame) if frame.file.sop_uid else frame
        if known is frame:
            kept.append(frame)
        elif not filecmp.cmp(known.file.path, frame.file.path, shallow=False):
            raise ReadError(
                frame.file.path,
                f"has the same SOPInstanceUID as {known.file.path.name}, but other contents",
                tag=label("SOPInstanceUID"),
                suggestion="remove one of the two",
            )
    return kept


def _same_stack(a: Frame, b: Frame) -> bool:
    return (
        b.has_place
        and (a.file.rows, a.file.columns, a.file.samples) == (b.file.rows, b.file.columns, b.file.samples)
        and _close(a.orientation, b.orientation, 1e-3)
        and _close(a.spacing, b.spacing, 1e-4 * min(a.spacing or (1.0,)))
    )


def _close(a: Sequence[float] | None, b: Sequence[float] | None, tolerance: float) -> bool:
    if a is b:
        return True
    if a is None or b is None:
        return False
    return all(abs(x - y) <= tolerance for x, y in zip(a, b, strict=True))


def axes(frame: Frame) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors (world x, y, z) along the columns' index (x), the rows' index (y) and the slice normal (z)."""
    matrix = np.asarray(frame.orientation, np.float64).reshape(2, 3)
    lengths = np.sqrt((matrix**2).sum(axis=1))
    if np.abs(lengths - 1).max() > 1e-2:
        raise ReadError(
            frame.file.path,
            f"directions of rows and columns have lengths {lengths[0]:.4g} and {lengths[1]:.4g} instead of 1",
            tag=label("ImageOrientationPatient"),
        )
    x, y = matrix / lengths[:, None]
    if abs(float(x @ y)) > PERPENDICULAR_TOLERANCE:
        raise ReadError(frame.file.path, "rows and columns are not perpendicular", tag=label("ImageOrientationPatient"))
    normal = np.cross(x, y)
    return x, y, normal / np.sqrt(normal @ normal)


def _along(stack: Sequence[Frame]) -> NDArray[np.float64]:
    """Distance of each frame from the world's origin along the slice normal, in mm."""
    return np.array([frame.position for frame in stack], np.float64) @ axes(stack[0])[2]


def _sorted(stack: list[Frame]) -> list[Frame]:
    # A stable sort: images at one position stay in the order of their instance numbers.
    return [stack[i] for i in np.argsort(_along(stack), kind="stable")]


def _places(stack: Sequence[Frame]) -> NDArray[np.intp]:
    """Number of the position of each frame of a sorted stack: equal for frames at one position."""
    return np.concatenate([[0], np.cumsum(np.diff(_along(stack)) > _SAME_PLACE_MM)])


def _split(stack: list[Frame]) -> list[list[Frame]]:
    """Split a sorted stack until no position occurs twice."""
    parts = _try_split(stack)
    if parts is not None:
        return parts
    places = _places(stack).tolist()
    where = next(i for i in range(1, len(stack)) if places[i] == places[i - 1])
    first, second = stack[where - 1], stack[where]
    raise ReadError(
        second.file.path,
        f"lies at the same position as {first.name}, {_place(second)}, and nothing in the header tells what the "
        "difference is (echo, b-value, time, acquisition)",
        tag=label("ImagePositionPatient"),
        suggestion="put the images of each volume into a folder of their own",
    )


def _try_split(stack: list[Frame]) -> list[list[Frame]] | None:
    places = _places(stack)
    if places[-1] + 1 == len(stack):
        return [stack]
    candidates = []
    for key in SPLIT_KEYS:
        parts: dict[str, list[Frame]] = {}
        for frame in stack:
            parts.setdefault(frame.keys.get(key, ""), []).append(frame)
        if len(parts) > 1:
            candidates.append([parts[value] for value in sorted(parts, key=_value_order)])
    # A field that differs from slice to slice (times often do) tears volumes apart; so first those fields that give
    # parts which all cover every position, then those that at least give evenly spaced parts.
    for complete in (True, False):
        for groups in candidates:
            if complete and any(_places(part)[-1] != places[-1] for part in groups):
                continue
            split = [_try_split(part) for part in groups]
            done = [part for parts in split if parts is not None for part in parts]
            if None not in split and (complete or all(len(part) > 1 and _is_even(part) for part in done)):
                return done
    return None


def _value_order(value: str) -> tuple[int, float, str]:
    try:
        return 0, float(value), value
    except ValueError:
        return 1, 0.0, value


def _gap_tolerance(spacing: float) -> float:
    """1 % of the spacing or 0.01 mm, whichever is more, but never more than 10 % of the spacing."""
    # Positions written with two decimals differ by exactly 0.01 mm, plus rounding.
    return 1.001 * max(0.01 * spacing, min(0.01, 0.1 * spacing))


def _is_even(stack: Sequence[Frame]) -> bool:
    gaps = np.diff(_along(stack))
    spacing = float(np.median(gaps))
    return bool((np.abs(gaps - spacing) <= _gap_tolerance(spacing)).all())


def _place(frame: Frame) -> str:
    return "(" + ", ".join(f"{value:g}" for value in frame.position or ()) + ") mm"


def slice_spacing(stack: Sequence[Frame], *, tilted: bool = False) -> float:
    """Distance between slices from their positions; refuses gaps, shifted slices and, unless `tilted`, gantry tilt."""
    along = _along(stack)
    gaps = np.diff(along)
    spacing = float(np.median(gaps))
    tolerance = _gap_tolerance(spacing)
    wrong = np.flatnonzero(np.abs(gaps - spacing) > tolerance)
    if wrong.size:
        shown = "; ".join(
            f"{gaps[i]:.4g} mm between {_place(stack[i])} [{stack[i].name}] and {_place(stack[i + 1])} "
            f"[{stack[i + 1].name}]"
            for i in wrong[:3]
        )
        more = f"; and {wrong.size - 3} more" if wrong.size > 3 else ""
        raise ReadError(
            stack[0].file.path.parent,
            f"slices are not evenly spaced: {spacing:.4g} mm apart, but {shown}{more}",
            tag=label("ImagePositionPatient"),
            suggestion="slices are missing or belong to another volume; export the series again",
        )

    shift = tilt_of(stack)
    if shift is not None and not tilted:
        angle = np.degrees(np.arctan2(np.sqrt(shift @ shift), spacing))
        raise ReadError(
            stack[0].file.path.parent,
            f"gantry tilt: the stack is sheared by {angle:.3g} degrees",
            tag=label("ImagePositionPatient"),
            suggestion='cormack.io.read(..., gantry_tilt="shear") moves each slice onto a perpendicular grid',
        )
    return float(along[-1] - along[0]) / (len(stack) - 1)


def tilt_of(stack: Sequence[Frame]) -> NDArray[np.float64] | None:
    """By how much each slice lies further aside than the one before, in mm (world x, y, z); None for straight stacks.

    Slices that are shifted sideways, but not all by the same amount, are refused.
    """
    along = _along(stack)
    tolerance = _gap_tolerance(float(np.median(np.diff(along))))
    positions = np.array([frame.position for frame in stack], np.float64)
    offsets = positions - positions[0]
    lateral = offsets - np.outer(along - along[0], axes(stack[0])[2])
    drift = np.sqrt((lateral**2).sum(axis=1))
    if not (drift > tolerance + PERPENDICULAR_TOLERANCE * (along - along[0])).any():
        return None
    share = (along - along[0]) / (along[-1] - along[0])
    residual = lateral - np.outer(share, lateral[-1])
    if np.sqrt((residual**2).sum(axis=1)).max() > max(tolerance, 0.01 * drift[-1]):
        worst = int(np.argmax(drift))
        raise ReadError(
            stack[worst].file.path,
            f"the slice at {_place(stack[worst])} is shifted sideways by {drift[worst]:.4g} mm against the first, at "
            f"{_place(stack[0])}",
            tag=label("ImagePositionPatient"),
        )
    shift: NDArray[np.float64] = lateral[-1] / (len(stack) - 1)
    return shift
