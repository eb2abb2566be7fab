"""Morphology of masks and grey values beside SciPy, scikit-image, SimpleITK and OpenCV."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage
from skimage import morphology

from benchmarks.data import ct_volume, radiograph
from cormack import filters, segment

Contenders = dict[str, Callable[[], Any]]
FOOTPRINTS = {
    "cross": lambda ndim: ndimage.generate_binary_structure(ndim, 1),
    "box 3": lambda ndim: np.ones((3,) * ndim, bool),
    "box 11": lambda ndim: np.ones((11,) * ndim, bool),
    "ball 5": lambda ndim: segment.ball(5, ndim=ndim),
    "ball 15": lambda ndim: segment.ball(15, ndim=ndim),
}
SLOW = {("scipy", "box 11"), ("scipy", "ball 5"), ("scikit-image", "box 11"), ("scikit-image", "ball 5")}
TOO_SLOW = {("scipy", "ball 15"), ("scikit-image", "ball 15")}
IMAGES = {"volume": lambda: ct_volume("int16"), "radiograph": lambda: radiograph("uint16")}


@functools.cache
def image_of(data: str) -> np.ndarray:
    return IMAGES[data]()


@functools.cache
def mask_of(data: str) -> np.ndarray:
    return image_of(data) > (-300 if data == "volume" else 30000)


def kernel_of(footprint: str) -> tuple[int, int]:
    """Return SimpleITK's radius and shape."""
    if footprint == "cross":
        return 1, sitk.sitkCross
    kind, extent = footprint.split()
    return (int(extent) // 2, sitk.sitkBox) if kind == "box" else (int(extent), sitk.sitkBall)


def contenders(operation: str, data: str, footprint: str) -> Contenders:
    binary = operation.startswith("binary_")
    image = mask_of(data) if binary else image_of(data)
    places = FOOTPRINTS[footprint](image.ndim)
    copy = np.empty_like(image)
    radius, kind = kernel_of(footprint)
    pixels = image.view(np.uint8) if binary else image
    picture = sitk.GetImageFromArray(pixels)
    ours = getattr(segment if binary else filters, operation)
    scipys = getattr(ndimage, operation)
    if binary:
        keywords = {"size": places.shape[0]} if footprint.startswith("box") else {"footprint": places}
        step = operation.removeprefix("binary_")
        itk = {
            "erosion": functools.partial(
                sitk.BinaryErode, backgroundValue=0, foregroundValue=1, boundaryToForeground=True
            ),
            "opening": functools.partial(sitk.BinaryMorphologicalOpening, backgroundValue=0, foregroundValue=1),
        }[step]
        result: Contenders = {
            "cormack": lambda: ours(image, **keywords),
            "cormack, 1 thread": lambda: ours(image, workers=1, **keywords),
            "scipy": lambda: scipys(image, places, border_value=int(step == "erosion")),
            "scikit-image": lambda: getattr(morphology, operation)(image, places),
            "SimpleITK": lambda: itk(picture, [radius] * image.ndim, kind),
        }
    else:
        itk = {"grey_opening": sitk.GrayscaleMorphologicalOpening, "white_tophat": sitk.WhiteTopHat}[operation]
        result = {
            "cormack": lambda: ours(image, footprint=places),
            "cormack, 1 thread": lambda: ours(image, footprint=places, workers=1),
            "scipy": lambda: scipys(image, footprint=places),
            "SimpleITK": lambda: itk(picture, [radius] * image.ndim, kind),
        }
    if image.ndim == 2:
        code = {
            "binary_erosion": cv2.MORPH_ERODE,
            "binary_opening": cv2.MORPH_OPEN,
            "grey_opening": cv2.MORPH_OPEN,
        }.get(operation, cv2.MORPH_TOPHAT)
        element = places.astype(np.uint8)
        result["cv2"] = lambda: cv2.morphologyEx(pixels, code, element)
    result["memcpy"] = lambda: np.copyto(copy, image)
    return result


@functools.cache
def checked(operation: str, data: str, footprint: str) -> None:
    """Compare a part: SciPy needs seconds for the whole, and minutes for large balls."""
    part = np.s_[:24, 60:160, 40:200] if data == "volume" else np.s_[600:900, 600:1000]
    image = (mask_of if operation.startswith("binary_") else image_of)(data)[part]
    places = FOOTPRINTS["ball 5" if footprint == "ball 15" else footprint](image.ndim)
    if operation.startswith("binary_"):
        expected = getattr(ndimage, operation)(image, places)
        result = getattr(segment, operation)(image, places, border_value=False)
    else:
        expected = getattr(ndimage, operation)(image, footprint=places)
        result = getattr(filters, operation)(image, footprint=places)
    np.testing.assert_array_equal(result, expected)


ROWS = ("cormack", "cormack, 1 thread", "scipy", "scikit-image", "SimpleITK", "cv2", "memcpy")


@pytest.mark.parametrize("contender", ROWS)
@pytest.mark.parametrize("footprint", FOOTPRINTS)
@pytest.mark.parametrize("data", IMAGES)
@pytest.mark.parametrize("operation", ["binary_erosion", "binary_opening", "grey_opening", "white_tophat"])
def test_morphology(benchmark: Any, operation: str, data: str, footprint: str, contender: str) -> None:
    checked(operation, data, footprint)
    call = contenders(operation, data, footprint).get(contender)
    if call is None or (contender, footprint) in TOO_SLOW:
        pytest.skip(f"{contender} does not do this, or not within a minute")
    benchmark.group = f"{operation} {footprint} {'x'.join(map(str, image_of(data).shape))}"
    once = (contender, footprint) in SLOW or contender == "SimpleITK"
    with warnings.catch_warnings():
        # scikit-image renames these.
        warnings.simplefilter("ignore", FutureWarning)
        benchmark.pedantic(call, rounds=1 if once else 7, warmup_rounds=int(not once))
