"""Bilateral filter and non-local means beside SimpleITK, OpenCV and scikit-image."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from cormack import filters

from .cases import Case, Contenders, memcpy, rows, run

PATCH_SIZE, PATCH_DISTANCE = 3, 3


def intensity(case: Case) -> float:
    """Return the sigma of intensities, and the h of patches: noise and a little more."""
    if case.image == "small volume":
        return 5.0 if case.dtype == "uint8" else 50.0
    return {"uint8": 15.0, "uint16": 4000.0, "float32": 0.06}[case.dtype]


def radius(case: Case) -> int:
    return int(2.5 * case.parameter + 0.5)


def sitk_bilateral(case: Case, image: Any, output: np.ndarray) -> Any:
    import SimpleITK

    return SimpleITK.Bilateral(image, case.parameter, intensity(case))


def cv2_bilateral(case: Case, image: np.ndarray, output: np.ndarray) -> np.ndarray:
    import cv2

    diameter = 2 * radius(case) + 1
    return cv2.bilateralFilter(image, diameter, intensity(case), case.parameter, output, cv2.BORDER_REFLECT)


def skimage_bilateral(case: Case, image: np.ndarray, output: np.ndarray) -> np.ndarray:
    from skimage.restoration import denoise_bilateral

    largest = 255 if image.dtype == np.uint8 else 1
    return denoise_bilateral(image, 2 * radius(case) + 1, intensity(case) / largest, case.parameter, mode="symmetric")


def skimage_non_local_means(case: Case, image: np.ndarray, output: np.ndarray) -> np.ndarray:
    from skimage.restoration import denoise_nl_means

    return denoise_nl_means(
        image.astype(np.float64), PATCH_SIZE, int(case.parameter), intensity(case), preserve_range=True
    )


CONTENDERS: Contenders = {
    "bilateral_filter": {
        "cormack": lambda case, image, output: filters.bilateral_filter(image, case.parameter, intensity(case), output),
        "cormack box": lambda case, image, output: filters.bilateral_filter(
            image, case.parameter, intensity(case), output, window="box"
        ),
        "SimpleITK": sitk_bilateral,
        "cv2": cv2_bilateral,
        "scikit-image": skimage_bilateral,
        "memcpy": memcpy,
    },
    "non_local_means": {
        "cormack": lambda case, image, output: filters.non_local_means(
            image, PATCH_SIZE, int(case.parameter), intensity(case), output=output
        ),
        "scikit-image": skimage_non_local_means,
        "memcpy": memcpy,
    },
}
CASES = [
    *(Case("bilateral_filter", "int16", "small volume", sigma) for sigma in (1, 2, 3, 4)),
    *(Case("bilateral_filter", dtype, "small volume", 2) for dtype in ("uint8", "float32")),
    *(Case("bilateral_filter", dtype, "radiograph", 2) for dtype in ("uint8", "uint16", "float32")),
    *(Case("non_local_means", dtype, "small volume", PATCH_DISTANCE) for dtype in ("int16", "uint8", "float32")),
    Case("non_local_means", "float32", "radiograph", 6),
]


def assert_right(case: Case, image: np.ndarray, result: np.ndarray) -> None:
    """Compare a piece from the middle with the definition, or with scikit-image, in float64."""
    around = radius(case) if case.operation == "bilateral_filter" else int(case.parameter) + 3
    inner = tuple(slice(n // 2, n // 2 + 7) for n in image.shape)
    piece = image[tuple(slice(s.start - around, s.stop + around) for s in inner)].astype(np.float64)
    if case.operation == "non_local_means":
        oracle = skimage_non_local_means(case, piece, piece)[(slice(around, -around),) * image.ndim]
    else:
        oracle = bilateral(piece, around, case.parameter, intensity(case))
    rounding = 0.5 if image.dtype.kind in "iu" else 0.0
    assert np.abs(result[inner] - oracle).max() <= rounding + 2e-6 * np.abs(image.astype(float)).max()


def bilateral(piece: np.ndarray, reach: int, sigma: float, sigma_intensity: float) -> np.ndarray:
    centre = piece[(slice(reach, -reach),) * piece.ndim]
    total, weighted = np.zeros(centre.shape), np.zeros(centre.shape)
    for offset in itertools.product(range(-reach, reach + 1), repeat=piece.ndim):
        distance = sum(o * o for o in offset)
        if distance > reach**2:
            continue
        values = piece[tuple(slice(reach + o, reach + o + n) for o, n in zip(offset, centre.shape, strict=True))]
        weight = np.exp(-0.5 * (distance / sigma**2 + ((values - centre) / sigma_intensity) ** 2))
        total += weight
        weighted += weight * values
    return weighted / total


def takes(contender: str, case: Case) -> bool:
    """Whether a contender can do what is asked: OpenCV and scikit-image have the bilateral filter for images alone."""
    if case.operation == "non_local_means":
        return True
    if contender == "cv2":
        return case.image == "radiograph" and case.dtype != "uint16"
    if contender == "scikit-image":
        return case.image == "radiograph" and case.dtype == "float32"
    return contender != "SimpleITK" or case.image == "small volume"


@pytest.mark.parametrize(("case", "contender"), rows(CASES, CONTENDERS, takes))
def test_weighted_means(benchmark, case, contender):
    run(benchmark, case, contender, CONTENDERS, assert_right, 1 if contender in ("scikit-image", "SimpleITK") else 7)
