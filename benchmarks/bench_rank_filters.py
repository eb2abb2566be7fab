"""Rank filters beside SciPy, SimpleITK and OpenCV."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.ndimage

from cormack import filters

from .cases import Case, Contenders, memcpy, rows, run


def sitk_median(case: Case, image: Any, output: np.ndarray) -> Any:
    import SimpleITK

    return SimpleITK.Median(image, [int(case.parameter) // 2] * image.GetDimension())


def cv2_median(case: Case, image: np.ndarray, output: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.medianBlur(image, int(case.parameter), output)


CONTENDERS: Contenders = {
    "median_filter": {
        "cormack": lambda case, image, output: filters.median_filter(image, int(case.parameter), output=output),
        "cormack, new output": lambda case, image, output: filters.median_filter(image, int(case.parameter)),
        "scipy": lambda case, image, output: scipy.ndimage.median_filter(image, int(case.parameter), output=output),
        "SimpleITK": sitk_median,
        "cv2": cv2_median,
        "memcpy": memcpy,
    }
}
CASES = [
    *(Case("median_filter", "int16", "volume", size) for size in (3, 5, 4)),
    *(Case("median_filter", dtype, "volume", 3) for dtype in ("uint8", "uint16", "float32")),
    *(Case("median_filter", dtype, "radiograph", size) for size in (3, 5) for dtype in ("uint8", "uint16", "float32")),
    *(Case("median_filter", dtype, "radiograph", size) for size in (7, 9) for dtype in ("uint8", "uint16")),
]


def assert_right(case: Case, image: np.ndarray, result: np.ndarray) -> None:
    # A slab: SciPy needs seconds for the whole volume.
    size = int(case.parameter)
    oracle = scipy.ndimage.median_filter(image[:32], size)
    np.testing.assert_array_equal(result[: 32 - size], oracle[: 32 - size])


def takes(contender: str, case: Case) -> bool:
    """Whether a contender can do what is asked: OpenCV filters images alone, above 5 x 5 in uint8 alone."""
    if contender == "SimpleITK":
        return case.parameter % 2 == 1
    return contender != "cv2" or (case.image == "radiograph" and (case.parameter <= 5 or case.dtype == "uint8"))


@pytest.mark.parametrize(("case", "contender"), rows(CASES, CONTENDERS, takes))
def test_rank_filters(benchmark, case, contender):
    rounds = 15
    if contender in ("scipy", "SimpleITK"):
        rounds = 1 if case.image == "volume" else 5
    run(benchmark, case, contender, CONTENDERS, assert_right, rounds)
