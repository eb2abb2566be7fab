"""Overlay pictures of a case: three planes through the most interesting point, contours, numbered objects.

Radiological orientation: the patient's right is on the left of axial and coronal pictures, sagittal ones look from the
patient's left with the face to the left. Pixels have their physical shape. Colours are the labels' own, so a picture
can be read without its caption.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..anatomy import _quantiles
from ..volume import Volume

__all__ = ["COLOURS", "Cut", "Picture", "axial_slices", "contour", "cuts", "draw", "limits", "overlay_pictures"]

COLOURS = ((76, 201, 240), (255, 159, 28), (144, 220, 90), (247, 110, 160), (178, 140, 255), (250, 220, 80))
"""Contour colours of label maps, by order: blue, orange, green, pink, violet, yellow; then again."""

# The colour of rejected objects is none of the image's greys.
_KEPT, _REJECTED = (255, 214, 10), (190, 140, 140)
_LONG_SIDE = 560
_MIN_SIDE = 8  # voxels; what is narrower is a strip and no picture
_MAX_BOXES = 40  # more would hide the picture


@dataclass(frozen=True)
class Picture:
    """One picture: ``plane`` (axial, coronal, sagittal, image), PNG bytes, caption, size in pixels."""

    plane: str
    png: bytes
    caption: str
    size: tuple[int, int]

    @property
    def file(self) -> str:
        """File name."""
        return f"{self.plane}.png"


@dataclass(frozen=True)
class _View:
    """A volume seen along patient axes: array axes run to the head, to the back, to the left; views, no copies."""

    order: tuple[int, ...]
    flips: tuple[bool, ...]
    spacing: tuple[float, ...]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, volume: Volume) -> _View:
        letters = volume.orientation[::-1]  # per array axis
        order, flips = [], []
        for wanted, opposite in (("S", "I"), ("P", "A"), ("L", "R")):
            axis = next(i for i, letter in enumerate(letters) if letter in (wanted, opposite))
            order.append(axis)
            flips.append(letters[axis] == opposite)
        return cls(
            tuple(order),
            tuple(flips),
            tuple(volume.spacing[axis] for axis in order),
            tuple(volume.shape[axis] for axis in order),
        )

    def turn(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return array.transpose(self.order)[tuple(slice(None, None, -1 if f else 1) for f in self.flips)]

    def point(self, index: Sequence[float]) -> tuple[float, ...]:
        """A point in array indices as one of this view."""
        values = [index[axis] for axis in self.order]
        return tuple(n - 1 - v if f else v for v, f, n in zip(values, self.flips, self.shape, strict=True))


def overlay_pictures(
    volume: Volume,
    label_maps: Mapping[str, npt.NDArray[Any]] | None = None,
    objects: Sequence[Mapping[str, Any]] = (),
    *,
    window: tuple[float, float] | None = None,
) -> list[Picture]:
    """Draw a case.

    Parameters
    ----------
    volume : Volume
        The image, 2D or 3D.
    label_maps : mapping of str to ndarray, optional
        Masks or labellings on its grid; their contours are drawn in `COLOURS`.
    objects : sequence of mapping, optional
        Rows of a screened table (:func:`cormack.segment.screen`), most important first: kept ones get a numbered box,
        rejected ones a dull cross, each in the slices that it touches.
    window : (float, float), optional
        Centre and width of the grey-value window, in the image's units; by default from the 0.5 % to the 99.5 %
        percentile.

    Returns
    -------
    list of Picture
        One for a 2D image. For a volume axial, coronal and sagittal, of these the planes with at least 8 voxels in both
        directions, axial alone if there is none. The planes cut the most important kept object; without one, each cuts
        the last label map that is not empty as near to its centre of mass as it reaches; without one, the middle.
    """
    label_maps = label_maps or {}
    low, high = limits(np.asarray(volume.array), window)
    return [
        draw(
            cut.plane,
            cut.image,
            cut.masks,
            cut.boxes,
            cut.spacing,
            cut.letters or None,
            (low, high),
            _legend(label_maps, cut.where),
        )
        for cut in cuts(volume, label_maps, objects)
    ]


@dataclass(frozen=True, eq=False)
class Cut:
    """A plane through a volume as it is looked at: pixels, masks and objects in it.

    ``spacing`` is (row, column) distance, in mm (for a 2D image in pixels); ``letters`` are the directions left, right,
    top and bottom; ``where`` says which slice it is.
    """

    plane: str
    image: npt.NDArray[Any]
    masks: Sequence[npt.NDArray[np.bool_]]
    boxes: Sequence[_Box]
    spacing: tuple[float, float]
    letters: str
    where: str


def cuts(
    volume: Volume, label_maps: Mapping[str, npt.NDArray[Any]], objects: Sequence[Mapping[str, Any]] = ()
) -> list[Cut]:
    """The planes that `overlay_pictures` draws.

    Parameters
    ----------
    volume, label_maps, objects
        As for `overlay_pictures`.

    Returns
    -------
    list of Cut
    """
    array = np.asarray(volume.array)
    if array.ndim == 2:
        height_mm = volume.spacing[0] / volume.spacing[1]
        masks = [np.asarray(m) > 0 if m.dtype != bool else m for m in label_maps.values()]
        boxes = [_box(row, ("y", "x")) for row in objects]
        return [Cut("image", array, masks, boxes, (height_mm, 1.0), "", "")]

    view = _View.of(volume)
    image = view.turn(array)
    masks = [view.turn(m if m.dtype == bool else m > 0) for m in label_maps.values()]
    boxes_3d = [_box3d(row, view) for row in objects]
    point = _interesting(image.shape, masks, boxes_3d)
    planes = (
        # plane, axis that is cut, flip rows, letters left, right, top, bottom
        ("axial", 0, False, "RLAP"),
        ("coronal", 1, True, "RLSI"),
        ("sagittal", 2, True, "APSI"),
    )
    wide = [plane for plane in planes if min(np.delete(image.shape, plane[1])) >= _MIN_SIDE]
    found = []
    for plane, axis, upside_down, letters in wide or planes[:1]:
        at = point[axis]
        rows, columns = (a for a in range(3) if a != axis)
        cut = [np.take(part, at, axis=axis) for part in (image, *masks)]
        if upside_down:
            cut = [part[::-1] for part in cut]
        boxes = []
        for box in boxes_3d:
            start, stop = box.start, box.stop
            if not start[axis] <= at < stop[axis]:
                continue
            y0, y1 = start[rows], stop[rows]
            if upside_down:
                y0, y1 = image.shape[rows] - y1, image.shape[rows] - y0
            boxes.append(_Box(box.number, box.kept, (y0, start[columns]), (y1, stop[columns])))
        spacing = (view.spacing[rows], view.spacing[columns])
        where = f"slice {at + 1} of {image.shape[axis]} {('from the feet', 'from the front', 'from the right')[axis]}"
        found.append(Cut(plane, cut[0], cut[1:], boxes, spacing, letters, where))
    return found


def axial_slices(
    volume: Volume, label_maps: Mapping[str, npt.NDArray[Any]], most: int
) -> list[tuple[int, npt.NDArray[Any], list[npt.NDArray[np.bool_]]]]:
    """Axial slices, evenly from the feet to the head, at most `most`: number, pixels, masks; none of a 2D image."""
    if volume.ndim != 3:
        return []
    view = _View.of(volume)
    image = view.turn(np.asarray(volume.array))
    masks = [view.turn(m if m.dtype == bool else m > 0) for m in label_maps.values()]
    at = np.unique(np.rint(np.linspace(0, len(image) - 1, min(most, len(image)))).astype(int))
    return [(int(n), image[n], [mask[n] for mask in masks]) for n in at]


@dataclass(frozen=True)
class _Box:
    number: int
    kept: bool
    start: tuple[float, ...]
    stop: tuple[float, ...]


def _box(row: Mapping[str, Any], axes: Sequence[str]) -> _Box:
    kept = bool(row.get("kept", True))
    return _Box(
        int(row.get("new_label") or row.get("label") or 0) if kept else 0,
        kept,
        tuple(float(row[f"bbox_{a}_start"]) for a in axes),
        tuple(float(row[f"bbox_{a}_stop"]) for a in axes),
    )


def _box3d(row: Mapping[str, Any], view: _View) -> _Box:
    box = _box(row, ("z", "y", "x"))
    # The last voxel, not the stop: a flip turns first and last around.
    ends = view.point(box.start), view.point([s - 1 for s in box.stop])
    start = tuple(min(a, b) for a, b in zip(*ends, strict=True))
    stop = tuple(max(a, b) + 1 for a, b in zip(*ends, strict=True))
    return _Box(box.number, box.kept, start, stop)


def _interesting(
    shape: Sequence[int], masks: Sequence[npt.NDArray[np.bool_]], boxes: Sequence[_Box]
) -> tuple[int, ...]:
    """Index that the three planes cut."""
    for box in boxes:
        if box.kept:
            return tuple(int((a + b) // 2) for a, b in zip(box.start, box.stop, strict=True))
    for mask in reversed(masks):
        if mask.any():
            sums = [mask.sum(axis=tuple(a for a in range(3) if a != axis)) for axis in range(3)]
            return tuple(_central(s) for s in sums)
    return tuple(n // 2 for n in shape)


def _central(counts: npt.NDArray[Any]) -> int:
    """The slice with a part of the mask that is nearest to its centre of mass; `counts` has its voxels by slice."""
    used = np.flatnonzero(counts)
    centre = np.average(used, weights=counts[used])
    return int(used[np.argmin(np.abs(used - centre))])


def limits(array: npt.NDArray[Any], window: tuple[float, float] | None) -> tuple[float, float]:
    """Smallest and largest value shown: those of the window, else the 0.5 % and 99.5 % percentiles."""
    if window is not None:
        center, width = window
        return center - width / 2, center + width / 2
    low, high = _quantiles(array, (0.005, 0.995))
    if not low < high:
        low, high = float(array.min()), float(array.max())
    # A constant image is grey; half a step must be more than the rounding of a huge value.
    half = max(0.5, abs(low) * 1e-6)
    return (low, high) if low < high else (low - half, low + half)


def _legend(label_maps: Mapping[str, Any], where: str) -> str:
    words = ("blue", "orange", "green", "pink", "violet", "yellow")
    names = [f"{name} ({words[i % len(words)]})" for i, name in enumerate(label_maps)]
    return "; ".join(part for part in (where, "contours: " + ", ".join(names) if names else "") if part)


def draw(
    plane: str,
    image: npt.NDArray[Any],
    masks: Sequence[npt.NDArray[np.bool_]],
    boxes: Sequence[_Box],
    spacing: tuple[float, float],
    letters: str | None,
    limits: tuple[float, float],
    caption: str,
) -> Picture:
    """Draw one plane: `limits` are the values shown black and white, `letters` the directions at its four sides."""
    from PIL import Image, ImageDraw

    rows, columns = image.shape
    extent = (rows * spacing[0], columns * spacing[1])
    scale = _LONG_SIDE / max(extent)  # pixels per mm
    # A small image is not blown up beyond 8 pixels per voxel, a large one never shown larger than it is.
    scale = min(scale, 8 / min(spacing))
    height, width = (max(8, round(e * scale)) for e in extent)
    low, high = limits
    with np.errstate(invalid="ignore", over="ignore"):
        grey = np.nan_to_num((image.astype(np.float32) - low) * (255 / (high - low)), nan=0, posinf=255, neginf=0)
    grey8 = np.clip(grey, 0, 255).astype(np.uint8)
    picture = Image.fromarray(grey8).resize((width, height), Image.Resampling.BILINEAR).convert("RGB")
    pixels = np.array(picture)
    for number, mask in enumerate(masks):
        if mask.any():
            # Interpolated and cut at one half: the contour follows the voxels' edges without their staircase.
            soft = Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).resize(
                (width, height), Image.Resampling.BILINEAR
            )
            pixels[contour(np.asarray(soft) >= 128)] = COLOURS[number % len(COLOURS)]
    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    zoom = (height / rows, width / columns)
    shown = sorted(boxes, key=lambda box: box.kept)[-_MAX_BOXES:]
    for box in shown:
        top, bottom = (box.start[0] * zoom[0], box.stop[0] * zoom[0])
        left, right = (box.start[1] * zoom[1], box.stop[1] * zoom[1])
        if box.kept:
            if (bottom - top) * (right - left) > 0.2 * height * width:
                continue  # a box around an organ says nothing that its contour does not
            draw.rectangle((left - 4, top - 4, right + 3, bottom + 3), outline=_KEPT)
            _text(draw, (min(right + 6, width - 16), max(top - 8, 0)), str(box.number), _KEPT, 15)
        else:
            y, x = (top + bottom) / 2, (left + right) / 2
            draw.line((x - 4, y - 4, x + 4, y + 4), fill=_REJECTED)
            draw.line((x - 4, y + 4, x + 4, y - 4), fill=_REJECTED)
    if letters and min(width, height) >= 100:
        x, y = width / 2 - 5, height / 2 - 8
        for letter, at in zip(letters, ((4, y), (width - 15, y), (x, 2), (x, height - 18)), strict=True):
            _text(draw, at, letter, (220, 220, 220), 15)
    length = next((mm for mm in (100, 50, 20, 10, 5) if mm * scale < 0.35 * width), 0) if letters else 0
    if length:
        left, base = 10, height - 10
        draw.line((left, base, left + length * scale, base), fill=(240, 240, 240), width=2)
        _text(draw, (left, base - 20), f"{length / 10:g} cm", (240, 240, 240), 13)
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=3)
    return Picture(plane, stream.getvalue(), caption, (width, height))


def contour(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Pixels of the mask that touch its outside; the border of the picture is no outside."""
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    return mask & ~inner


@lru_cache(maxsize=4)
def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _text(draw: Any, at: tuple[float, float], text: str, colour: tuple[int, int, int], size: int) -> None:
    # A dark rim keeps it readable on bone and on air.
    draw.text(at, text, fill=colour, font=_font(size), stroke_width=2, stroke_fill=(0, 0, 0))
