"""A tilted gantry: slices that lie one behind the other along a slanting line, moved onto a perpendicular grid."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .._resampling import INTERPOLATIONS, VOXELS, transformed
from ..volume import Volume
from ._limits import empty

if TYPE_CHECKING:
    from numpy.typing import NDArray


def upright(path: Path, volume: Volume, shift_mm: NDArray[np.float64]) -> Volume:
    """Move each slice in its plane, by linear interpolation, to where it lies.

    `volume` has the slices as if they lay straight behind the first; each lies by `shift_mm` (world z, y, x) further
    aside than the one before. The grid grows so that it holds all of them; where none is stands the smallest value.
    """
    array = np.asarray(volume.array)
    steps = [float(shift_mm @ volume.direction[:, axis]) / volume.spacing[axis] for axis in (1, 2)]
    ends = [step * (len(array) - 1) for step in steps]
    # Rows and columns before the first, and in all.
    before = [math.floor(min(0.0, end) + 1e-6) for end in ends]
    counts = [
        n - first + math.ceil(max(0.0, end) - 1e-6) for n, first, end in zip(array.shape[1:], before, ends, strict=True)
    ]
    result = empty(path, (len(array), *counts), array.dtype)
    matrix = np.array([[1.0, 0.0, 0.0], [-steps[0], 1.0, 0.0], [-steps[1], 0.0, 1.0]])
    offset = np.array([0.0, *before])
    transformed(array, matrix, offset, result, INTERPOLATIONS["linear"], VOXELS, float(array.min()), 0)
    degrees = math.degrees(math.atan2(float(np.sqrt(shift_mm @ shift_mm)), volume.spacing[0]))
    return Volume(
        result,
        volume.spacing,
        volume.index_to_world(offset),
        volume.direction,
        {**volume.meta, "gantry_tilt_degrees": round(degrees, 3)},
    )
