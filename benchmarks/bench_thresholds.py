"""Thresholds beside scikit-image and SimpleITK, and a copy of the volume."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from skimage import filters

from benchmarks.data import ct_volume
from cormack import segment

GLOBAL = ("otsu", "multiotsu", "li", "yen", "isodata", "triangle", "mean")  # no two maxima, no minimum
LOCAL: dict[str, dict[str, Any]] = {
    "local mean": {"block_size": 15, "method": "mean"},
    "local gaussian": {"block_size": 15},
    "local median": {"block_size": 5, "method": "median"},
    "niblack": {"window_size": 15},
    "sauvola": {"window_size": 15},
}
HYSTERESIS = (-300.0, 200.0)
# Where scikit-image takes minutes: medians of 125 values as float64.
WITHOUT_SKIMAGE = ("local median",)
DTYPES = {"otsu": ("int16", "float32"), "li": ("int16", "float32")}
OPERATIONS = (*GLOBAL, *LOCAL, "hysteresis")


@functools.cache
def image_of(dtype: str) -> np.ndarray:
    return ct_volume(dtype)


def function_of(module: Any, operation: str) -> Callable[[np.ndarray], Any]:
    if operation == "hysteresis":
        return lambda image: module.apply_hysteresis_threshold(image, *HYSTERESIS)
    if operation in LOCAL:
        name = operation.split()[0]
        return lambda image: getattr(module, f"threshold_{name}")(image, **LOCAL[operation])
    return getattr(module, f"threshold_{operation}")


def contender_of(name: str, operation: str, dtype: str) -> Callable[[], Any] | None:
    image = image_of(dtype)
    if name == "memcpy":
        copy = np.empty_like(image)
        return lambda: np.copyto(copy, image)
    if name == "SimpleITK":
        kinds = {"otsu": sitk.OtsuThreshold, "li": sitk.LiThreshold, "yen": sitk.YenThreshold}
        kinds |= {"isodata": sitk.IsoDataThreshold, "triangle": sitk.TriangleThreshold}
        other = sitk.GetImageFromArray(image)
        return None if operation not in kinds else lambda: kinds[operation](other)
    if name == "scikit-image" and operation in WITHOUT_SKIMAGE:
        return None
    call = function_of(segment if name == "cormack" else filters, operation)
    return lambda: call(image)


@functools.cache
def checked(operation: str, dtype: str) -> bool:
    """Compare with scikit-image, once; whole planes where the neighbourhood is 2-D would be another method."""
    image = image_of(dtype)[60:68, :64, :64] if operation in LOCAL else image_of(dtype)
    found, expected = function_of(segment, operation)(image), function_of(filters, operation)(image)
    tolerance = {"rtol": 1e-5} if dtype == "float32" or operation == "mean" else {"rtol": 1e-9, "atol": 1e-4}
    np.testing.assert_allclose(found, expected, **tolerance)
    return True


@pytest.mark.parametrize("contender", ["cormack", "scikit-image", "SimpleITK", "memcpy"])
@pytest.mark.parametrize(
    ("operation", "dtype"), [(name, dtype) for name in OPERATIONS for dtype in DTYPES.get(name, ("int16",))]
)
def test_thresholds(benchmark: Any, operation: str, dtype: str, contender: str) -> None:
    call = contender_of(contender, operation, dtype)
    if call is None:
        pytest.skip(f"{contender} does not do this, or not in a minute")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if contender == "cormack":
            checked(operation, dtype)
        benchmark.group = f"{operation} {dtype} 128x256x256"
        quick = contender in ("cormack", "memcpy")
        benchmark.pedantic(call, rounds=9 if quick else 1, warmup_rounds=int(quick))
