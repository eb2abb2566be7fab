"""The planes of a case for a viewer whose window can be changed: grey codes and label numbers in one small PNG.

A display has 256 greys and an image thousands of values. The codes of a sheet stand for 256 values that lie close where
the image has many voxels, half of them at quantiles and half evenly over the range, so that narrow windows stay smooth.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..volume import Volume
from .pictures import COLOURS, Cut, axial_slices, contour, cuts, limits

__all__ = ["Planes", "planes_of"]

_LONG_SIDE = 384  # pixels of a plane
_MAX_BYTES = 256 * 1024  # of a sheet; one that is larger is made of smaller planes
_SLICES, _SLICES_IN_ROW, _SLICE_SIDE = 24, 6, 128
_THUMBNAIL = 72  # pixels of its longer side


@dataclass(frozen=True)
class Planes:
    """A sheet, a thumbnail and coarse axial slices (empty for a 2D image), as PNG; what ``case.json`` says of them."""

    sheet: bytes
    thumbnail: bytes
    slices: bytes
    entry: dict[str, Any]


def planes_of(
    volume: Volume,
    label_maps: Mapping[str, npt.NDArray[Any]],
    objects: Sequence[Mapping[str, Any]] = (),
    *,
    window: tuple[float, float] | None = None,
) -> Planes:
    """Make the sheet of a case.

    Parameters
    ----------
    volume, label_maps, objects, window
        As for `overlay_pictures`, whose planes these are.

    Returns
    -------
    Planes
        The sheet has two rows: planes as codes, and below each one the number of its label map, later ones over earlier
        ones.
    """
    views = cuts(volume, label_maps, objects)
    values = [_finite(view.image) for view in views]
    levels = _levels(np.concatenate([value.ravel() for value in values]))
    side = _LONG_SIDE
    while True:
        sheet, boxes = _sheet(views, values, levels, side)
        if len(sheet) <= _MAX_BYTES or side <= 64:
            break
        side = max(64, int(side * min(0.9, (_MAX_BYTES / len(sheet)) ** 0.5)))
    low, high = limits(np.asarray(volume.array), window)
    if not np.isfinite(high - low):
        low, high = 0.0, 1.0
    entry: dict[str, Any] = {
        "file": "planes.png",
        "thumbnail": "thumbnail.png",
        "levels": [float(f"{level:.6g}") for level in levels],
        "window": {"center": (low + high) / 2, "width": high - low},
        "units": str(volume.meta.get("units", "")),
        "labels": list(label_maps),
        "views": [
            {
                "plane": view.plane,
                "box": box,
                "size_mm": [n * length for n, length in zip(view.image.shape, view.spacing, strict=True)],
                "letters": view.letters,
                "caption": view.where,
            }
            for view, box in zip(views, boxes, strict=True)
        ],
    }
    slices, entry["slices"] = b"", None
    if views[0].plane == "axial":
        slices, entry["slices"] = _slices(volume, label_maps, levels)
    return Planes(sheet, _thumbnail(views[0], values[0], (low, high)), slices, entry)


def _finite(image: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return np.nan_to_num(image.astype(np.float32), nan=0, posinf=0, neginf=0)


def _levels(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    low, high = float(values.min()), float(values.max())
    if high - low < 256 and np.array_equal(values, np.rint(values)):
        return np.arange(low, high + 1, dtype=np.float64)
    even = np.linspace(low, high, 128)
    # A sample is enough for quantiles of which only the density counts.
    dense = np.quantile(values[:: max(1, values.size // 65536)], np.linspace(0, 1, 128))
    return np.unique(np.concatenate([even, dense]).astype(np.float64))


def _sheet(
    views: Sequence[Cut], values: Sequence[npt.NDArray[np.float32]], levels: npt.NDArray[np.float64], side: int
) -> tuple[bytes, list[list[int]]]:
    from PIL import Image

    tiles = [_tile(value, view.masks, levels, side) for view, value in zip(views, values, strict=True)]
    height, width = max(t.shape[0] for t, _ in tiles), sum(t.shape[1] for t, _ in tiles)
    sheet = np.zeros((2 * height, width), np.uint8)
    boxes, left = [], 0
    for codes, numbers in tiles:
        rows, columns = codes.shape
        sheet[:rows, left : left + columns] = codes
        sheet[height : height + rows, left : left + columns] = numbers
        boxes.append([left, 0, columns, rows])
        left += columns
    return _png(Image.fromarray(sheet)), boxes


def _tile(
    value: npt.NDArray[np.float32], masks: Sequence[npt.NDArray[np.bool_]], levels: npt.NDArray[np.float64], side: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Codes of the pixels, and numbers of the label maps, no larger than `side`."""
    from PIL import Image

    rows, columns = value.shape
    scale = min(1.0, side / max(rows, columns))
    numbers = np.zeros(value.shape, np.uint8)
    for number, mask in enumerate(masks, start=1):
        numbers[mask] = min(number, 255)
    if scale < 1:
        size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
        value = np.asarray(Image.fromarray(value).resize(size, Image.Resampling.BOX))
        numbers = np.asarray(Image.fromarray(numbers).resize(size, Image.Resampling.NEAREST))
    middles = ((levels[1:] + levels[:-1]) / 2).astype(np.float32)
    return np.searchsorted(middles, value).astype(np.uint8), numbers


def _slices(
    volume: Volume, label_maps: Mapping[str, npt.NDArray[Any]], levels: npt.NDArray[np.float64]
) -> tuple[bytes, dict[str, Any]]:
    """Slices in rows of six, codes above and label numbers below."""
    from PIL import Image

    stack = axial_slices(volume, label_maps, _SLICES)
    tiles = [_tile(_finite(image), masks, levels, _SLICE_SIDE) for _, image, masks in stack]
    rows, columns = tiles[0][0].shape
    lines = -(-len(tiles) // _SLICES_IN_ROW)
    sheet = np.zeros((2, lines, rows, _SLICES_IN_ROW, columns), np.uint8)
    for n, tile in enumerate(tiles):
        for part in range(2):
            sheet[part, n // _SLICES_IN_ROW, :, n % _SLICES_IN_ROW] = tile[part]
    entry = {
        "file": "slices.png",
        "size": [columns, rows],
        "in_row": _SLICES_IN_ROW,
        "at": [number for number, _, _ in stack],
        "count": volume.shape[_axial_axis(volume)],
    }
    return _png(Image.fromarray(sheet.reshape(2 * lines * rows, _SLICES_IN_ROW * columns))), entry


def _axial_axis(volume: Volume) -> int:
    return next(axis for axis, letter in enumerate(volume.orientation[::-1]) if letter in "SI")


def _thumbnail(view: Cut, value: npt.NDArray[np.float32], window: tuple[float, float]) -> bytes:
    from PIL import Image

    extent = [n * length for n, length in zip(value.shape, view.spacing, strict=True)]
    height, width = (max(4, round(_THUMBNAIL * length / max(extent))) for length in extent)
    low, high = window
    grey = np.clip((value.astype(np.float64) - low) * (31 / (high - low)), 0, 31)
    picture = Image.fromarray(grey.astype(np.float32)).resize((width, height), Image.Resampling.BOX)
    # 32 greys, then the colours of the contours: a palette keeps it small.
    codes = np.rint(np.asarray(picture)).astype(np.uint8)
    for number, mask in enumerate(view.masks):
        soft = Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).resize((width, height), Image.Resampling.BOX)
        codes[contour(np.asarray(soft) >= 128)] = 32 + number % len(COLOURS)
    image = Image.fromarray(codes)
    image.putpalette([round(n * 255 / 31) for n in range(32) for _ in range(3)] + [c for rgb in COLOURS for c in rgb])
    return _png(image)


def _png(image: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=6)
    return stream.getvalue()
