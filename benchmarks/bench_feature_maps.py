"""Features around every voxel, and local binary patterns, beside scikit-image and the functions for one region."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from skimage import feature

from cormack import features, filters

from .data import ct_volume

SETTINGS = {"discretisation": "fixed bin size", "bin_size": 25}
FAMILIES = ("first_order", "intensity_histogram", "glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm")
PATTERNS = ((8, 1.0, "default"), (8, 1.0, "uniform"), (24, 3.0, "uniform"), (8, 1.0, "var"))


@functools.cache
def region() -> tuple[np.ndarray, np.ndarray]:
    """Return a ball of 47 488 voxels and its box."""
    image = ct_volume("int16", (96, 256, 256))
    z, y, x = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in image.shape)]
    mask = z * z + y * y + x * x < 0.06
    box = tuple(slice(int(at.min()), int(at.max()) + 1) for at in np.nonzero(mask))
    return image[box].copy(), mask[box]


@pytest.mark.parametrize("contender", ["cormack", "memcpy"])
@pytest.mark.parametrize("name", [*FAMILIES, "stat_mean", "cm_contrast", "all"])
def test_feature_map(benchmark: Any, name: str, contender: str) -> None:
    image, mask = region()
    benchmark.group = f"feature_map {name} of {mask.sum()} voxels int16"
    benchmark.extra_info["voxels"] = int(mask.sum())
    if contender == "memcpy":
        benchmark(np.copyto, np.empty_like(image), image)
        return
    wanted: Any = list(FAMILIES) if name == "all" else name
    benchmark(functools.partial(features.feature_map, image, mask, wanted, settings=SETTINGS))


@pytest.mark.parametrize("contender", ["cormack", "glcm of each"])
def test_feature_map_against_each_neighbourhood(benchmark: Any, contender: str) -> None:
    """A slice, of which the function for one region is called for each neighbourhood."""
    image, mask = (array[12] for array in region())
    levels, count = features.discretise(image, mask, bin_size=25)

    def each() -> np.ndarray:
        result = np.full(image.shape, np.nan)
        for y, x in np.argwhere(mask):
            box = (slice(max(0, y - 1), y + 2), slice(max(0, x - 1), x + 2))
            result[y, x] = features.glcm(levels[box], mask[box], level_count=count)["cm_joint_entr"]
        return result

    def at_once() -> Any:
        return features.feature_map(image, mask, "cm_joint_entr", settings=SETTINGS)

    np.testing.assert_allclose(at_once(), each(), rtol=1e-10, atol=1e-10)
    benchmark.group = f"feature_map cm_joint_entr of {mask.sum()} pixels int16"
    benchmark(at_once if contender == "cormack" else each)


def by_skimage(image: np.ndarray, points: int, radius: float, method: str) -> np.ndarray:
    return np.stack([feature.local_binary_pattern(plane, points, radius, method) for plane in image])


@pytest.mark.parametrize("contender", ["cormack", "skimage", "memcpy"])
@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_local_binary_pattern(benchmark: Any, pattern: tuple[int, float, str], contender: str) -> None:
    image = ct_volume("int16", (64, 128, 128))
    functions: dict[str, Callable[..., Any]] = {"cormack": features.local_binary_pattern, "skimage": by_skimage}
    points, radius, method = pattern
    benchmark.group = f"local_binary_pattern {method} P {points} R {radius:g} int16 64x128x128"
    if contender == "memcpy":
        benchmark(np.copyto, np.empty_like(image), image)
        return
    if contender != "cormack":
        np.testing.assert_array_equal(
            functions[contender](image[:4], *pattern), functions["cormack"](image[:4], *pattern)
        )
    benchmark(functions[contender], image, *pattern)


@pytest.mark.parametrize("contender", ["cormack", "memcpy"])
@pytest.mark.parametrize("points", [6, 26])
def test_local_binary_pattern_3d(benchmark: Any, points: int, contender: str) -> None:
    image = ct_volume("int16", (64, 128, 128))
    benchmark.group = f"local_binary_pattern_3d P {points} int16 64x128x128"
    if contender == "memcpy":
        benchmark(np.copyto, np.empty_like(image), image)
        return
    benchmark(features.local_binary_pattern_3d, image, points, 1.0)


@pytest.mark.parametrize("contender", ["cormack", "skimage"])
def test_gabor_bank(benchmark: Any, contender: str) -> None:
    from skimage.filters import gabor

    image = ct_volume("int16", (8, 256, 256)).astype(np.float32)
    frequencies, thetas = [0.1, 0.2], 4

    def by_planes() -> np.ndarray:
        angles = [np.pi * k / thetas for k in range(thetas)]
        return np.array(
            [[[np.hypot(*gabor(plane, f, theta)) for plane in image] for theta in angles] for f in frequencies]
        )

    benchmark.group = "gabor_bank 2 x 4 float32 8x256x256"
    if contender == "cormack":
        benchmark(filters.gabor_bank, image, frequencies, thetas)
        return
    found = filters.gabor_bank(image[:1], frequencies, thetas)
    image = image[:1]
    np.testing.assert_allclose(found, by_planes(), rtol=0, atol=1e-4 * float(np.abs(image).max()))
    image = ct_volume("int16", (8, 256, 256)).astype(np.float32)
    benchmark(by_planes)
