"""Texture families beside NumPy and SciPy, on the body of a CT in 64 grey levels."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from cormack import features

from .data import ct_volume

SHAPE = (64, 128, 128)
LEVELS = 64
DIRECTIONS = [(z, y, x) for z in (0, 1) for y in (-1, 0, 1) for x in (-1, 0, 1) if (z, y, x) > (0, 0, 0)]


@functools.cache
def levels() -> np.ndarray:
    """Grey levels from 1 inside a ball, 0 outside."""
    image = ct_volume("int16", SHAPE)
    z, y, x = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in SHAPE)]
    ball = z * z + y * y + x * x < 0.9
    low, high = np.percentile(image[ball], [1, 99])
    return np.where(ball, np.clip((image - low) / (high - low) * LEVELS, 0, LEVELS - 1) + 1, 0).astype(np.int32)


def numpy_glcm(image: np.ndarray) -> np.ndarray:
    """Count pairs with shifted views and bincount."""
    padded = np.pad(image, 1)
    size = LEVELS + 1
    counts = np.zeros(size * size, np.int64)
    for step in DIRECTIONS:
        moved = padded[tuple(slice(1 + s, 1 + s + n) for s, n in zip(step, image.shape, strict=True))]
        counts += np.bincount((image * size + moved).ravel(), minlength=size * size)
    table = counts.reshape(size, size)[1:, 1:]
    return table + table.T


def scipy_zones(image: np.ndarray) -> np.ndarray:
    """Count zones with one labelling for each level."""
    sizes = []
    for level in range(1, LEVELS + 1):
        labels, _ = ndimage.label(image == level, np.ones((3, 3, 3)))
        sizes.append(np.bincount(np.bincount(labels.ravel())[1:]))
    table = np.zeros((LEVELS, max(map(len, sizes)) - 1), np.int64)
    for row, counts in zip(table, sizes, strict=True):
        row[: max(0, len(counts) - 1)] = counts[1:]
    return table


Contender = Callable[[np.ndarray], Any]
CONTENDERS: dict[str, dict[str, Contender]] = {
    "glcm_matrix": {"cormack": lambda x: features.glcm_matrix(x, level_count=LEVELS), "numpy": numpy_glcm},
    "glszm_matrix": {"cormack": lambda x: features.glszm_matrix(x, level_count=LEVELS), "scipy": scipy_zones},
    **{
        name: {"cormack": functools.partial(getattr(features, name), aggregation=ways)}
        for name, ways in (
            *((name, ("3D averaged", "3D merged")) for name in ("glcm", "glrlm")),
            *((name, ("3D",)) for name in ("glszm", "gldzm", "ngtdm", "ngldm")),
        )
    },
}
ROWS = [(operation, name) for operation, contenders in CONTENDERS.items() for name in (*contenders, "memcpy")]


@pytest.mark.parametrize(("operation", "contender"), ROWS)
def test_texture(benchmark: Any, operation: str, contender: str) -> None:
    image = levels()
    benchmark.group = f"{operation} int32 {'x'.join(map(str, SHAPE))}"
    benchmark.extra_info["voxels"] = int((image > 0).sum())
    if contender == "memcpy":
        benchmark(np.copyto, np.empty_like(image), image)
        return
    function = CONTENDERS[operation][contender]
    if contender != "cormack":
        np.testing.assert_array_equal(function(image), CONTENDERS[operation]["cormack"](image))
    benchmark(function, image)
