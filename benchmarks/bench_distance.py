"""Distance transforms and watersheds beside SciPy, scikit-image, SimpleITK, OpenCV and edt (which is not required)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage
from skimage import segmentation

from benchmarks.data import ct_volume, radiograph
from cormack import filters, segment

SPACING = (2.5, 0.7, 0.7)
MASKS = {"body": (-300, 3071), "lung": (-950, -700), "noisy soft tissue": (20, 60)}
Contenders = dict[str, Callable[[], Any]]


@functools.cache
def mask_of(data: str) -> np.ndarray:
    if data == "radiograph":
        return radiograph("uint16") > 30000
    low, high = MASKS[data]
    volume = ct_volume("int16")
    return (volume >= low) & (volume <= high)


def distance_contenders(data: str) -> Contenders:
    mask = mask_of(data)
    spacing = SPACING[-mask.ndim :]
    as_bytes = mask.view(np.uint8)
    background = sitk.GetImageFromArray(1 - as_bytes)
    background.SetSpacing(spacing[::-1])
    doubles, floats, copy = np.empty(mask.shape), np.empty(mask.shape, np.float32), np.empty_like(mask)
    transform = segment.distance_transform_edt
    result: Contenders = {
        "cormack": lambda: transform(mask, spacing),
        "cormack, 1 thread": lambda: transform(mask, spacing, workers=1),
        "cormack, given output": lambda: transform(mask, spacing, distances=doubles),
        "cormack, given float32": lambda: transform(mask, spacing, distances=floats),
        "cormack, indices": lambda: transform(mask, spacing, return_indices=True),
        "scipy": lambda: ndimage.distance_transform_edt(mask, spacing),
        "SimpleITK": lambda: sitk.SignedMaurerDistanceMap(
            background, insideIsPositive=False, squaredDistance=False, useImageSpacing=True
        ),
        "memcpy": lambda: np.copyto(copy, mask),
    }
    try:
        import edt
    except ImportError:
        pass
    else:
        result["edt, 1 thread"] = lambda: edt.edt(mask, anisotropy=spacing, parallel=1)
        result["edt, 2 threads"] = lambda: edt.edt(mask, anisotropy=spacing, parallel=2)
    if mask.ndim == 2:
        result["cv2, spacing 1"] = lambda: cv2.distanceTransform(as_bytes, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return result


@functools.cache
def distances_checked(data: str) -> None:
    mask = mask_of(data)
    result = segment.distance_transform_edt(mask, SPACING[-mask.ndim :])
    np.testing.assert_allclose(result, ndimage.distance_transform_edt(mask, SPACING[-mask.ndim :]), rtol=4e-15)


DISTANCE_ROWS = (
    *("cormack", "cormack, 1 thread", "cormack, given output", "cormack, given float32", "cormack, indices"),
    *("scipy", "SimpleITK", "edt, 1 thread", "edt, 2 threads", "cv2, spacing 1", "memcpy"),
)


@pytest.mark.parametrize("contender", DISTANCE_ROWS)
@pytest.mark.parametrize("data", [*MASKS, "radiograph"])
def test_distance_transform(benchmark: Any, data: str, contender: str) -> None:
    distances_checked(data)
    call = distance_contenders(data).get(contender)
    if call is None:
        pytest.skip(f"{contender} does not do this")
    benchmark.group = f"distance_transform_edt {data} {'x'.join(map(str, mask_of(data).shape))}"
    benchmark.pedantic(call, rounds=1 if contender == "scipy" else 7, warmup_rounds=int(contender != "scipy"))


@functools.cache
def flooded(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a gradient magnitude, and markers of air, lung, soft tissue and bone where it is low."""
    volume = ct_volume("int16", (64, 128, 128))
    gradient = filters.gaussian_gradient_magnitude(volume, 1.0)
    markers = np.zeros(volume.shape, np.int32)
    for label, (low, high) in enumerate([(-1024, -950), (-900, -800), (0, 80), (450, 3071)], 1):
        markers[(volume >= low) & (volume <= high) & (gradient < 60)] = label
    return np.rint(gradient).astype(dtype) if dtype == "uint16" else gradient.astype(dtype), markers


@pytest.mark.parametrize("contender", ["cormack", "scikit-image", "SimpleITK", "memcpy"])
@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_watershed(benchmark: Any, dtype: str, contender: str) -> None:
    image, markers = flooded(dtype)
    copy = np.empty_like(image)
    pictures = sitk.GetImageFromArray(image), sitk.GetImageFromArray(markers.astype(np.uint8))
    contenders: Contenders = {
        "cormack": lambda: segment.watershed(image, markers),
        "scikit-image": lambda: segmentation.watershed(image, markers),
        "SimpleITK": lambda: sitk.MorphologicalWatershedFromMarkers(*pictures, markWatershedLine=False),
        "memcpy": lambda: np.copyto(copy, image),
    }
    if contender == "cormack":
        # Markers of equal value stand in another order there.
        assert (contenders["cormack"]() != contenders["scikit-image"]()).mean() < 1e-3
    benchmark.group = f"watershed {dtype} {'x'.join(map(str, image.shape))}"
    benchmark.pedantic(contenders[contender], rounds=3, warmup_rounds=1)
