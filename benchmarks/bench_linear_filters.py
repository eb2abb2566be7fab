"""Linear filters beside SciPy, scikit-image, SimpleITK and OpenCV."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.ndimage

from cormack import filters

from .cases import Case, Contenders, memcpy, rows, run


def sitk_uniform(case: Case, image: Any, output: np.ndarray) -> Any:
    import SimpleITK

    return SimpleITK.BoxMean(image, [int(case.parameter) // 2] * image.GetDimension())


def sitk_gaussian(case: Case, image: Any, output: np.ndarray) -> Any:
    import SimpleITK

    return SimpleITK.DiscreteGaussian(image, case.parameter**2, 64, 1e-4)


def skimage_gaussian(case: Case, image: np.ndarray, output: np.ndarray) -> Any:
    import skimage.filters

    return skimage.filters.gaussian(image, case.parameter, preserve_range=True)


def cv2_uniform(case: Case, image: np.ndarray, output: np.ndarray) -> np.ndarray:
    import cv2

    size = (int(case.parameter),) * 2
    return cv2.blur(image, size, output, borderType=cv2.BORDER_REFLECT)


def cv2_gaussian(case: Case, image: np.ndarray, output: np.ndarray) -> np.ndarray:
    import cv2

    size = (2 * int(4 * case.parameter + 0.5) + 1,) * 2
    return cv2.GaussianBlur(image, size, case.parameter, output, borderType=cv2.BORDER_REFLECT)


CONTENDERS: Contenders = {
    "uniform_filter": {
        "cormack": lambda case, image, output: filters.uniform_filter(image, int(case.parameter), output),
        "scipy": lambda case, image, output: scipy.ndimage.uniform_filter(image, int(case.parameter), output),
        "SimpleITK": sitk_uniform,
        "cv2": cv2_uniform,
        "memcpy": memcpy,
    },
    "gaussian_filter": {
        "cormack": lambda case, image, output: filters.gaussian_filter(image, case.parameter, output=output),
        "cormack, tolerance 3e-4": lambda case, image, output: filters.gaussian_filter(
            image, case.parameter, output=output, tolerance=3e-4
        ),
        "scipy": lambda case, image, output: scipy.ndimage.gaussian_filter(image, case.parameter, output=output),
        "scikit-image": skimage_gaussian,
        "SimpleITK": sitk_gaussian,
        "cv2": cv2_gaussian,
        "memcpy": memcpy,
    },
}
CASES = [
    *(Case("uniform_filter", "int16", "volume", size) for size in (3, 5, 7, 15, 31)),
    *(Case("uniform_filter", "float32", "volume", size) for size in (3, 5, 7, 15, 31)),
    *(Case("uniform_filter", dtype, "volume", 3) for dtype in ("uint8", "uint16")),
    *(Case("uniform_filter", dtype, "radiograph", 5) for dtype in ("uint8", "uint16", "float32")),
    *(Case("uniform_filter", dtype, "radiograph", 31) for dtype in ("uint8", "uint16")),
    *(Case("gaussian_filter", "int16", "volume", sigma) for sigma in (1, 2, 4, 8, 16)),
    *(Case("gaussian_filter", dtype, "volume", sigma) for dtype in ("uint8", "float32") for sigma in (1, 2, 4, 8)),
    *(Case("gaussian_filter", dtype, "radiograph", 2) for dtype in ("uint8", "uint16", "float32")),
    Case("gaussian_filter", "uint8", "radiograph", 30),
]


def assert_right(case: Case, image: np.ndarray, result: np.ndarray) -> None:
    oracle = getattr(scipy.ndimage, case.operation)(image, case.parameter, output=np.float64)
    rounding = 0.5 if image.dtype.kind in "iu" else 0.0
    assert np.abs(result - oracle).max() <= rounding + 2e-6 * np.abs(image.astype(float)).max()


def takes(contender: str, case: Case) -> bool:
    """Whether a contender can do what is asked: OpenCV filters images alone; a tolerance is for wide kernels."""
    if "tolerance" in contender:
        return case.parameter >= 8
    return contender != "cv2" or case.image == "radiograph"


@pytest.mark.parametrize(("case", "contender"), rows(CASES, CONTENDERS, takes))
def test_linear_filters(benchmark, case, contender):
    run(benchmark, case, contender, CONTENDERS, assert_right, 15 if contender[:3] in ("cor", "cv2", "mem") else 5)
