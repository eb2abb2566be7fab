"""Gradients, Canny's edges, zero crossings and ridges beside SciPy, scikit-image, SimpleITK and OpenCV.

Results are checked before anything is timed: Canny's 2-D edges are scikit-image's, the others agree within the
bounds of their tests.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from cormack import detect, filters

from .data import ct_volume, radiograph

IMAGES: dict[str, Callable[[str], np.ndarray]] = {
    "128x256x256": ct_volume,
    "64x128x128": functools.partial(ct_volume, shape=(64, 128, 128)),
    "2880x2880": functools.partial(radiograph, shape=(2880, 2880)),
    "1024x1024": functools.partial(radiograph, shape=(1024, 1024)),
}
# Of the strength in 2-D and in 3-D.
THRESHOLDS = {"int16": (400.0, 800.0), "uint8": (30.0, 60.0)}


@dataclass(frozen=True)
class Case:
    operation: str
    dtype: str
    image: str
    parameter: float = 0

    def __str__(self) -> str:
        return f"{self.operation} {self.parameter:g} {self.dtype} {self.image}"

    def load(self) -> np.ndarray:
        return IMAGES[self.image](self.dtype)


CASES = [
    Case("sobel", "int16", "128x256x256"),
    Case("sobel", "uint8", "2880x2880"),
    Case("gradient_magnitude", "int16", "128x256x256"),
    Case("gradient_magnitude", "float32", "128x256x256"),
    Case("gradient_magnitude", "uint8", "2880x2880"),
    Case("canny", "int16", "128x256x256", 1),
    Case("canny", "uint8", "2880x2880", 1),
    Case("canny_points", "int16", "128x256x256", 1),
    Case("zero_crossings", "int16", "128x256x256", 2),
    Case("hessian_eigenvalues", "int16", "128x256x256", 1.5),
    Case("hessian_eigenvalues", "int16", "64x128x128", 1.5),
    Case("frangi", "int16", "64x128x128", 2),
    Case("frangi", "int16", "128x256x256", 2),
    Case("sato", "int16", "64x128x128", 2),
    Case("frangi", "uint8", "1024x1024", 3),
]


@functools.cache
def as_sitk(case: Case, dtype: str) -> Any:
    import SimpleITK

    return SimpleITK.GetImageFromArray(case.load().astype(dtype))


def sitk_canny(case: Case) -> Any:
    import SimpleITK

    # Its thresholds are of the gradient, ours 8 times that; it takes floating point alone.
    low, high = (value / 8 for value in THRESHOLDS[case.dtype])
    return SimpleITK.CannyEdgeDetection(as_sitk(case, "float32"), low, high, [case.parameter**2] * 3)


def sitk_zero_crossings(case: Case) -> Any:
    import SimpleITK

    return SimpleITK.ZeroCrossing(SimpleITK.LaplacianRecursiveGaussian(as_sitk(case, case.dtype), case.parameter))


def sitk_gradient(case: Case) -> Any:
    import SimpleITK

    return SimpleITK.GradientMagnitude(as_sitk(case, "float32"))


def sitk_frangi(case: Case) -> Any:
    import SimpleITK

    return SimpleITK.ObjectnessMeasure(
        SimpleITK.SmoothingRecursiveGaussian(as_sitk(case, "float32"), case.parameter), 0.5, 0.5, 5.0, False, 1, True
    )


def cv2_canny(case: Case) -> Any:
    import cv2

    blurred = cv2.GaussianBlur(case.load(), (0, 0), case.parameter)
    return cv2.Canny(blurred, *THRESHOLDS[case.dtype], L2gradient=True)


def contenders(case: Case) -> dict[str, Callable[[], Any]]:
    import cv2
    import scipy.ndimage
    import skimage.feature
    import skimage.filters

    image = case.load()
    flat = image.ndim == 2
    copy = np.empty_like(image)
    sigma, low, high = case.parameter, *THRESHOLDS.get(case.dtype, (0, 0))
    result: dict[str, Callable[[], Any]] = {}
    if case.operation == "sobel":
        result["cormack"] = lambda: filters.sobel(image)
        result["scipy"] = lambda: scipy.ndimage.sobel(image, output=np.float32)
        if flat:
            result["cv2"] = lambda: cv2.Sobel(image, cv2.CV_32F, 1, 0)
    elif case.operation == "gradient_magnitude":
        result["cormack"] = lambda: filters.gradient_magnitude(image)
        result["scikit-image"] = lambda: skimage.filters.sobel(image)
        if not flat:
            result["SimpleITK"] = lambda: sitk_gradient(case)
    elif case.operation == "canny":
        result["cormack"] = lambda: detect.canny(image, sigma, low, high)
        if flat:
            result["scikit-image"] = lambda: skimage.feature.canny(image, sigma, low, high)
            result["cv2"] = lambda: cv2_canny(case)
        else:
            result["SimpleITK"] = lambda: sitk_canny(case)
    elif case.operation == "canny_points":
        result["cormack"] = lambda: detect.canny_points(image, sigma, low, high)
    elif case.operation == "zero_crossings":
        result["cormack"] = lambda: detect.zero_crossings(image, sigma)
        result["SimpleITK"] = lambda: sitk_zero_crossings(case)
    elif case.operation == "hessian_eigenvalues":
        result["cormack"] = lambda: filters.hessian_eigenvalues(image, sigma)
        if case.image == "64x128x128":
            result["scikit-image"] = lambda: skimage.feature.hessian_matrix_eigvals(
                skimage.feature.hessian_matrix(
                    image.astype(np.float32), sigma, mode="reflect", use_gaussian_derivatives=True
                )
            )
    elif case.operation in ("frangi", "sato"):
        ours, theirs = getattr(filters, case.operation), getattr(skimage.filters, case.operation)
        result["cormack"] = lambda: ours(image, (sigma,), black_ridges=False)
        if flat or case.image == "64x128x128":
            result["scikit-image"] = lambda: theirs(image, (sigma,), black_ridges=False)
        if case.operation == "frangi" and not flat:
            result["SimpleITK"] = lambda: sitk_frangi(case)
    result["memcpy"] = lambda: np.copyto(copy, image)
    return result


# By name, so that collecting does not make the images.
PEERS = ("cormack", "scipy", "scikit-image", "SimpleITK", "cv2", "memcpy")


@functools.cache
def check(case: Case) -> None:
    """Compare with the peer whose meaning is ours."""
    image, run = case.load(), contenders(case)
    if case.operation == "canny" and image.ndim == 2:
        np.testing.assert_array_equal(run["cormack"](), run["scikit-image"]())
    elif case.operation == "sobel":
        np.testing.assert_array_equal(run["cormack"](), run["scipy"]())
    elif case.operation in ("frangi", "sato", "hessian_eigenvalues") and "scikit-image" in run:
        expected, found = np.asarray(run["scikit-image"]()), run["cormack"]()
        # Quotients and roots of eigenvalues near 0 are noise.
        assert np.quantile(np.abs(found - expected), 0.999) < 1e-3 * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize(("case", "contender"), [(case, name) for case in CASES for name in PEERS], ids=str)
def test_edges(benchmark: Any, case: Case, contender: str) -> None:
    call = contenders(case).get(contender)
    if call is None:
        pytest.skip(f"{contender} does not do this")
    check(case)
    benchmark.group = str(case)
    slow = contender in ("scikit-image", "SimpleITK", "scipy")
    benchmark.pedantic(call, rounds=1 if slow else 7, warmup_rounds=0 if slow else 1)
