"""Morphology beside scikit-image's mesh, SciPy's hull and NumPy's transforms: a smooth region and a rough one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import scipy.spatial
from skimage import measure

from cormack import features

SPACING = (2.0, 0.8, 0.8)
SHAPE = (96, 256, 256)


def region(kind: str) -> np.ndarray:
    """Return an ellipsoid of 442 633 voxels, or one with a rough surface: fewer corners of its hull, a larger box."""
    z, y, x = np.ogrid[tuple(slice(n) for n in SHAPE)]
    distance = ((z - 48) / 28.3) ** 2 + ((y - 128) / 61.1) ** 2 + ((x - 130) / 61.1) ** 2
    if kind == "rough":
        noise = scipy.ndimage.gaussian_filter(np.random.default_rng(1).normal(size=SHAPE), 3)
        distance = distance + 0.1 * noise / noise.std()
    return distance < 1


def peers(mask: np.ndarray, image: np.ndarray) -> dict[str, float]:
    box = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in scipy.ndimage.find_objects(mask.astype(np.uint8))[0])
    mask, image = mask[box], image[box]
    points, triangles, _, _ = measure.marching_cubes(mask.astype(np.float32), 0.5, spacing=SPACING, method="lorensen")
    hull = scipy.spatial.ConvexHull(points)
    x = np.where(mask, image - image[mask].mean(), 0)
    shape = [2 * n for n in mask.shape]
    lags = [np.minimum(np.arange(n), n - np.arange(n)) * s for n, s in zip(shape, SPACING, strict=True)]
    distance = np.sqrt(lags[0][:, None, None] ** 2 + lags[1][:, None] ** 2 + lags[2] ** 2)
    distance[0, 0, 0] = np.inf
    axes = (0, 1, 2)
    kernel = np.fft.rfftn(1 / distance, axes=axes)
    inside = tuple(slice(n) for n in mask.shape)
    potential, around = (
        np.fft.irfftn(np.fft.rfftn(field, shape, axes=axes) * kernel, shape, axes=axes)[inside] for field in (x, mask)
    )
    scale = (around * mask).sum() * (x * x).sum()
    return {
        "morph_area_mesh": measure.mesh_surface_area(points, triangles),
        "morph_diam": scipy.spatial.distance.pdist(points[hull.vertices]).max(),
        "morph_moran_i": mask.sum() * (potential * x).sum() / scale,
        "morph_geary_c": (mask.sum() - 1) * ((around * x * x).sum() - (potential * x).sum()) / scale,
    }


@pytest.mark.parametrize("contender", ["cormack", "cormack without image", "skimage+scipy+numpy, 4 features", "memcpy"])
@pytest.mark.parametrize("kind", ["smooth", "rough"])
def test_morphology(benchmark: Any, kind: str, contender: str) -> None:
    benchmark.group = f"morphology {kind} int16 96x256x256"
    mask = region(kind)
    image = np.random.default_rng(2).integers(-500, 500, SHAPE).astype(np.int16)
    if contender == "memcpy":
        benchmark(np.copyto, np.empty_like(image), image)
    elif contender == "cormack":
        result = features.morphology(mask, image, spacing=SPACING)
        for name, value in peers(mask, image).items():
            assert result[name] == pytest.approx(value, rel=1e-5, abs=1e-9), name
        benchmark(features.morphology, mask, image, spacing=SPACING)
    elif contender == "cormack without image":
        benchmark(features.morphology, mask, spacing=SPACING)
    else:
        benchmark(peers, mask, image)
