"""Pictures of an image with its heat map over it, through the hottest place."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..pipeline.pictures import Picture, cuts, draw, limits
from ..volume import Volume

__all__ = ["COLOURS", "heat_pictures"]

COLOURS = ((106, 0, 168), (177, 42, 144), (225, 100, 98), (252, 166, 54), (240, 249, 33))
"""From a heat of 1 (violet) to the end of the scale (yellow), equally spaced: matplotlib's plasma, without its blue."""

_OPACITY = 0.8


def heat_pictures(image: Volume, heat: Volume, peak: Sequence[int], top: float) -> list[Picture]:
    """Draw the planes through the hottest place.

    Parameters
    ----------
    image, heat : Volume
        On one grid.
    peak : sequence of int
        Index of the hottest voxel, in array order.
    top : float
        Where the scale of colours, which begins at 1, ends.

    Returns
    -------
    list of Picture
        One for a 2D image, else axial, coronal and sagittal as far as they are no strips.
    """
    from PIL import Image

    axes = "zyx"[-image.ndim :]
    place = {f"bbox_{axis}_start": at for axis, at in zip(axes, peak, strict=True)}
    place |= {f"bbox_{axis}_stop": at + 1 for axis, at in zip(axes, peak, strict=True)}
    shown = limits(np.asarray(image.array), None)
    pictures = []
    for grey, hot in zip(cuts(image, {}, [place]), cuts(heat, {}, [place]), strict=True):
        drawn = draw(grey.plane, grey.image, [], [], grey.spacing, grey.letters or None, shown, grey.where)
        base = np.asarray(Image.open(io.BytesIO(drawn.png)).convert("RGB"), np.float32)
        values = Image.fromarray(np.ascontiguousarray(hot.image, np.float32)).resize(
            drawn.size, Image.Resampling.BILINEAR
        )
        pixels = _blended(base, np.asarray(values), top)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG", compress_level=6)
        pictures.append(Picture(drawn.plane, stream.getvalue(), drawn.caption, drawn.size))
    return pictures


def _blended(base: npt.NDArray[np.float32], heat: npt.NDArray[np.float32], top: float) -> npt.NDArray[np.uint8]:
    """Colours over greys; nothing below 1, which normal places reach, and a soft edge there."""
    at = np.clip((heat - 1) / (top - 1), 0, 1) * (len(COLOURS) - 1)
    table = np.array(COLOURS, np.float32)
    colours = np.stack([np.interp(at, np.arange(len(COLOURS)), table[:, channel]) for channel in range(3)], axis=-1)
    opacity: Any = (_OPACITY * np.clip((heat - 0.95) / 0.15, 0, 1))[..., np.newaxis]
    mixed: npt.NDArray[np.uint8] = np.rint(base * (1 - opacity) + colours * opacity).astype(np.uint8)
    return mixed
