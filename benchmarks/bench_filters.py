"""Filters beside SciPy, SimpleITK and OpenCV."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.ndimage

from cormack import filters

from .data import ct_volume, radiograph

SHAPES = {"volume": "128x256x256", "radiograph": "2048x2048"}


class Case(NamedTuple):
    """One group of rows: an image and what is done to it."""

    operation: str
    dtype: str
    image: str  # a key of SHAPES
    parameter: float  # a size or a sigma

    def __str__(self) -> str:
        return f"{self.operation} {self.parameter:g} {self.dtype} {SHAPES[self.image]}"

    def load(self) -> np.ndarray:
        return (ct_volume if self.image == "volume" else radiograph)(self.dtype)


Contender = Callable[[Case, np.ndarray, np.ndarray], Any]
CONTENDERS: dict[str, dict[str, Contender]] = {}
CASES: list[Case] = []


def memcpy(case: Case, image: np.ndarray, output: np.ndarray) -> None:
    np.copyto(output, image)


# --- uniform_filter, gaussian_filter ---


def sitk_of(image: np.ndarray) -> Any:
    import SimpleITK

    return SimpleITK.GetImageFromArray(image)


def sitk_uniform(case: Case, image: Any, output: np.ndarray) -> Any:
    import SimpleITK

    return SimpleITK.BoxMean(image, [int(case.parameter) // 2] * image.GetDimension())


def sitk_gaussian(case: Case, image: Any, output: np.ndarray) -> Any:
    import SimpleITK

    return SimpleITK.DiscreteGaussian(image, case.parameter**2, 64, 1e-4)


def cv2_uniform(case: Case, image: np.ndarray, output: np.ndarray) -> np.ndarray:
    import cv2

    size = (int(case.parameter),) * 2
    return cv2.blur(image, size, output, borderType=cv2.BORDER_REFLECT)


def cv2_gaussian(case: Case, image: np.ndarray, output: np.ndarray) -> np.ndarray:
    import cv2

    size = (2 * int(4 * case.parameter + 0.5) + 1,) * 2
    return cv2.GaussianBlur(image, size, case.parameter, output, borderType=cv2.BORDER_REFLECT)


CONTENDERS["uniform_filter"] = {
    "cormack": lambda case, image, output: filters.uniform_filter(image, int(case.parameter), output),
    "scipy": lambda case, image, output: scipy.ndimage.uniform_filter(image, int(case.parameter), output),
    "SimpleITK": sitk_uniform,
    "cv2": cv2_uniform,
    "memcpy": memcpy,
}
CONTENDERS["gaussian_filter"] = {
    "cormack": lambda case, image, output: filters.gaussian_filter(image, case.parameter, output=output),
    "scipy": lambda case, image, output: scipy.ndimage.gaussian_filter(image, case.parameter, output=output),
    "SimpleITK": sitk_gaussian,
    "cv2": cv2_gaussian,
    "memcpy": memcpy,
}
CASES += [
    *(Case("uniform_filter", "int16", "volume", size) for size in (3, 5, 15)),
    *(Case("uniform_filter", dtype, "volume", 3) for dtype in ("uint8", "uint16", "float32")),
    Case("uniform_filter", "float32", "volume", 15),
    *(Case("uniform_filter", dtype, "radiograph", 5) for dtype in ("uint8", "uint16", "float32")),
    Case("uniform_filter", "uint16", "radiograph", 31),
    *(Case("gaussian_filter", "int16", "volume", sigma) for sigma in (1, 2, 4)),
    *(Case("gaussian_filter", dtype, "volume", 1) for dtype in ("uint8", "uint16", "float32")),
    *(Case("gaussian_filter", dtype, "radiograph", 2) for dtype in ("uint8", "uint16", "float32")),
]


def assert_linear_filters_right(case: Case, image: np.ndarray, result: np.ndarray) -> None:
    oracle = getattr(scipy.ndimage, case.operation)(image, case.parameter, output=np.float64)
    rounding = 0.5 if image.dtype.kind in "iu" else 0.0
    assert np.abs(result - oracle).max() <= rounding + 2e-6 * np.abs(image.astype(float)).max()


# --- median_filter ---


def sitk_median(case: Case, image: Any, output: np.ndarray) -> Any:
    import SimpleITK

    return SimpleITK.Median(image, [int(case.parameter) // 2] * image.GetDimension())


def cv2_median(case: Case, image: np.ndarray, output: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.medianBlur(image, int(case.parameter), output)


CONTENDERS["median_filter"] = {
    "cormack": lambda case, image, output: filters.median_filter(image, int(case.parameter), output=output),
    "cormack, new output": lambda case, image, output: filters.median_filter(image, int(case.parameter)),
    "scipy": lambda case, image, output: scipy.ndimage.median_filter(image, int(case.parameter), output=output),
    "SimpleITK": sitk_median,
    "cv2": cv2_median,
    "memcpy": memcpy,
}
CASES += [
    *(Case("median_filter", "int16", "volume", size) for size in (3, 5, 4)),
    *(Case("median_filter", dtype, "volume", 3) for dtype in ("uint8", "uint16", "float32")),
    *(Case("median_filter", dtype, "radiograph", size) for size in (3, 5) for dtype in ("uint8", "uint16", "float32")),
    *(Case("median_filter", dtype, "radiograph", size) for size in (7, 9) for dtype in ("uint8", "uint16")),
]


def assert_median_right(case: Case, image: np.ndarray, result: np.ndarray) -> None:
    # A slab: SciPy needs seconds for the whole volume.
    size = int(case.parameter)
    oracle = scipy.ndimage.median_filter(image[:32], size)
    np.testing.assert_array_equal(result[: 32 - size], oracle[: 32 - size])


# --- all ---

CHECKS = {
    "uniform_filter": assert_linear_filters_right,
    "gaussian_filter": assert_linear_filters_right,
    "median_filter": assert_median_right,
}


@functools.cache
def checked(case: Case) -> bool:
    """Whether Cormack's result is right; once for all contenders of a case."""
    image = case.load()
    output = np.empty_like(image)
    CONTENDERS[case.operation]["cormack"](case, image, output)
    CHECKS[case.operation](case, image, output)
    return True


def takes(contender: str, case: Case) -> bool:
    """Whether a contender can do what is asked: OpenCV filters images alone, and medians above 5 x 5 in uint8 alone."""
    if contender == "SimpleITK" and case.operation == "median_filter":
        return case.parameter % 2 == 1
    if contender != "cv2":
        return True
    small = case.operation != "median_filter" or case.parameter <= 5 or case.dtype == "uint8"
    return case.image == "radiograph" and small


ROWS = [
    pytest.param(case, contender, id=f"{case}-{contender}")
    for case in CASES
    for contender in CONTENDERS[case.operation]
    if takes(contender, case)
]


@pytest.mark.parametrize(("case", "contender"), ROWS)
def test_filters(benchmark, case, contender):
    assert checked(case)
    benchmark.group = str(case)
    image = case.load()
    output = np.empty_like(image)
    function = CONTENDERS[case.operation][contender]
    if contender == "SimpleITK":
        image = sitk_of(image)
    rounds = 15
    if contender in ("scipy", "SimpleITK"):
        rounds = 1 if case.operation == "median_filter" and case.image == "volume" else 5
    benchmark.pedantic(function, (case, image, output), rounds=rounds, warmup_rounds=int(rounds > 1))
