"""Rank filters beside SciPy, SimpleITK and OpenCV."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import scipy.ndimage

from cormack import filters

from .cases import Case, Contender, Contenders, memcpy, rows, run


def sitk_median(case: Case, image: Any, output: np.ndarray) -> Any:
    import SimpleITK

    return SimpleITK.Median(image, [int(case.parameter) // 2] * image.GetDimension())


def cv2_median(case: Case, image: np.ndarray, output: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.medianBlur(image, int(case.parameter), output)


def sitk_extremum(case: Case, image: Any, output: np.ndarray) -> Any:
    import SimpleITK

    erode = case.operation == "minimum_filter"
    function = SimpleITK.GrayscaleErode if erode else SimpleITK.GrayscaleDilate
    radius = [int(case.parameter) // 2] * image.GetDimension()
    return function(image, radius, SimpleITK.sitkBox)


def cv2_extremum(case: Case, image: np.ndarray, output: np.ndarray) -> np.ndarray:
    import cv2

    function = cv2.erode if case.operation == "minimum_filter" else cv2.dilate
    kernel = np.ones((int(case.parameter),) * 2, np.uint8)
    return function(image, kernel, output, borderType=cv2.BORDER_REFLECT)


def ball(case: Case) -> np.ndarray:
    radius = int(case.parameter)
    offsets = np.arange(-radius, radius + 1) ** 2
    return np.add.outer(np.add.outer(offsets, offsets), offsets) <= radius**2


def extremum(name: str) -> Mapping[str, Contender]:
    ours, scipys = getattr(filters, name), getattr(scipy.ndimage, name)
    return {
        "cormack": lambda case, image, output: ours(image, int(case.parameter), output=output),
        "cormack, 1 thread": lambda case, image, output: ours(image, int(case.parameter), output=output, workers=1),
        "scipy": lambda case, image, output: scipys(image, int(case.parameter), output=output),
        "SimpleITK": sitk_extremum,
        "cv2": cv2_extremum,
        "memcpy": memcpy,
    }


CONTENDERS: Contenders = {
    "minimum_filter": extremum("minimum_filter"),
    "maximum_filter": extremum("maximum_filter"),
    "minimum_filter ball": {
        "cormack": lambda case, image, output: filters.minimum_filter(image, footprint=ball(case), output=output),
        "scipy": lambda case, image, output: scipy.ndimage.minimum_filter(image, footprint=ball(case), output=output),
        "memcpy": memcpy,
    },
    "percentile_filter 20": {
        "cormack": lambda case, image, output: filters.percentile_filter(image, 20, int(case.parameter), output=output),
        "scipy": lambda case, image, output: scipy.ndimage.percentile_filter(
            image, 20, int(case.parameter), output=output
        ),
        "memcpy": memcpy,
    },
    "median_filter": {
        "cormack": lambda case, image, output: filters.median_filter(image, int(case.parameter), output=output),
        "cormack, new output": lambda case, image, output: filters.median_filter(image, int(case.parameter)),
        "scipy": lambda case, image, output: scipy.ndimage.median_filter(image, int(case.parameter), output=output),
        "SimpleITK": sitk_median,
        "cv2": cv2_median,
        "memcpy": memcpy,
    },
}
CASES = [
    *(Case("minimum_filter", "int16", "volume", size) for size in (3, 5, 15, 31)),
    *(Case("maximum_filter", dtype, "volume", 5) for dtype in ("uint8", "uint16", "float32")),
    *(
        Case("maximum_filter", dtype, "radiograph", size)
        for size in (5, 31)
        for dtype in ("uint8", "uint16", "float32")
    ),
    *(Case("minimum_filter ball", "int16", "volume", radius) for radius in (2, 5)),
    *(Case("percentile_filter 20", dtype, "volume", 3) for dtype in ("uint8", "int16", "float32")),
    *(Case("median_filter", "int16", "volume", size) for size in (3, 5, 7, 4, 9)),
    *(Case("median_filter", dtype, "volume", size) for size in (3, 5, 7) for dtype in ("uint8", "float32")),
    Case("median_filter", "uint16", "volume", 3),
    *(
        Case("median_filter", dtype, "radiograph", size)
        for size in (3, 5, 7, 9, 11, 13, 15, 31)
        for dtype in ("uint8", "uint16", "float32")
    ),
    *(Case("median_filter", "int16", "radiograph", size) for size in (3, 5)),
]


def assert_right(case: Case, image: np.ndarray, result: np.ndarray) -> None:
    # A slab: SciPy needs seconds for the whole volume.
    size = int(case.parameter)
    rows = 2 * size + 8
    oracle = np.empty_like(image[:rows])
    CONTENDERS[case.operation]["scipy"](case, image[:rows], oracle)
    np.testing.assert_array_equal(result[: rows - size], oracle[: rows - size])


def takes(contender: str, case: Case) -> bool:
    """Whether a contender can do what is asked: OpenCV filters images alone, medians above 5 x 5 in uint8 alone."""
    if contender == "SimpleITK":
        return case.parameter % 2 == 1
    if contender != "cv2":
        return True
    return case.image == "radiograph" and (
        case.operation != "median_filter" or case.parameter <= 5 or case.dtype == "uint8"
    )


@pytest.mark.parametrize(("case", "contender"), rows(CASES, CONTENDERS, takes))
def test_rank_filters(benchmark, case, contender):
    rounds = 15
    if contender in ("scipy", "SimpleITK"):
        rounds = 1 if case.image == "volume" else 5
    run(benchmark, case, contender, CONTENDERS, assert_right, rounds)
