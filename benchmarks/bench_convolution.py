"""Correlation, Gaussian derivatives, sharpening and masked means beside SciPy, scikit-image, SimpleITK and OpenCV."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import scipy.ndimage

from cormack import filters

from .cases import Case, Contenders, memcpy, rows, run


@cache
def window(extent: int, ndim: int) -> np.ndarray:
    """Weights that are no product of kernels, with sum of magnitudes 1."""
    weights = np.random.default_rng(0).standard_normal((extent,) * ndim)
    return weights / np.abs(weights).sum()


@cache
def product(extent: int, ndim: int) -> np.ndarray:
    line = np.random.default_rng(0).standard_normal(extent)
    weights = np.ones(())
    for axis in range(ndim):
        weights = weights * line.reshape([-1 if a == axis else 1 for a in range(ndim)])
    return weights / np.abs(weights).sum()


@cache
def floating(shape: tuple[int, ...]) -> np.ndarray:
    """Room for derivatives, which are floating point whatever the image is."""
    return np.empty(shape, np.float32)


@cache
def mask(case: Case) -> np.ndarray:
    image = case.load()
    return image > np.median(image)


def quotient(function: Any, case: Case, image: np.ndarray, dtype: Any = np.float32) -> np.ndarray:
    """Return the usual expression for a masked mean: two filters and a division."""
    inside = mask(case)
    weight = function(inside.astype(dtype), case.parameter)
    total = function(np.where(inside, image, 0).astype(dtype), case.parameter)
    return np.divide(total, weight, where=weight > 1e-6, out=np.zeros_like(total))


def sitk_laplace(case: Case, image: Any, output: np.ndarray) -> Any:
    import SimpleITK

    return SimpleITK.LaplacianRecursiveGaussian(image, case.parameter)


def sitk_gradient(case: Case, image: Any, output: np.ndarray) -> Any:
    import SimpleITK

    return SimpleITK.GradientMagnitudeRecursiveGaussian(image, case.parameter)


def cv2_correlate(case: Case, image: np.ndarray, output: np.ndarray) -> np.ndarray:
    import cv2

    weights = window(int(case.parameter), 2)
    return cv2.filter2D(image, -1, weights, output, borderType=cv2.BORDER_REFLECT)


def skimage_unsharp(case: Case, image: np.ndarray, output: np.ndarray) -> np.ndarray:
    import skimage.filters

    return skimage.filters.unsharp_mask(image, case.parameter, preserve_range=True)


CONTENDERS: Contenders = {
    "correlate": {
        "cormack": lambda case, image, output: filters.correlate(
            image, window(int(case.parameter), image.ndim), output
        ),
        "scipy": lambda case, image, output: scipy.ndimage.correlate(
            image, window(int(case.parameter), image.ndim), output
        ),
        "cv2": cv2_correlate,
        "memcpy": memcpy,
    },
    "convolve": {
        "cormack": lambda case, image, output: filters.convolve(
            image, product(int(case.parameter), image.ndim), output
        ),
        "scipy": lambda case, image, output: scipy.ndimage.convolve(
            image, product(int(case.parameter), image.ndim), output
        ),
        "memcpy": memcpy,
    },
    "gaussian_laplace": {
        "cormack": lambda case, image, output: filters.gaussian_laplace(image, case.parameter, floating(image.shape)),
        "scipy": lambda case, image, output: scipy.ndimage.gaussian_laplace(
            image, case.parameter, floating(image.shape)
        ),
        "SimpleITK": sitk_laplace,
        "memcpy": memcpy,
    },
    "gaussian_gradient_magnitude": {
        "cormack": lambda case, image, output: filters.gaussian_gradient_magnitude(
            image, case.parameter, floating(image.shape)
        ),
        "scipy": lambda case, image, output: scipy.ndimage.gaussian_gradient_magnitude(
            image, case.parameter, floating(image.shape)
        ),
        "SimpleITK": sitk_gradient,
        "memcpy": memcpy,
    },
    "unsharp_mask": {
        "cormack": lambda case, image, output: filters.unsharp_mask(image, case.parameter, output=output),
        "scikit-image": skimage_unsharp,
        "memcpy": memcpy,
    },
    "masked gaussian_filter": {
        "cormack": lambda case, image, output: filters.gaussian_filter(
            image, case.parameter, output=output, mask=mask(case)
        ),
        "scipy": lambda case, image, output: quotient(scipy.ndimage.gaussian_filter, case, image),
        "memcpy": memcpy,
    },
    "masked uniform_filter": {
        "cormack": lambda case, image, output: filters.uniform_filter(
            image, int(case.parameter), output, mask=mask(case)
        ),
        "scipy": lambda case, image, output: quotient(scipy.ndimage.uniform_filter, case, image),
        "memcpy": memcpy,
    },
}
CASES = [
    *(Case("correlate", "int16", "volume", extent) for extent in (3, 5, 15)),
    *(Case("correlate", dtype, "radiograph", extent) for dtype in ("uint8", "uint16") for extent in (5, 31)),
    *(Case("convolve", "int16", "volume", extent) for extent in (3, 7)),
    *(Case("gaussian_laplace", "int16", "volume", sigma) for sigma in (1, 2)),
    *(Case("gaussian_gradient_magnitude", "int16", "volume", sigma) for sigma in (1, 2)),
    Case("unsharp_mask", "int16", "volume", 1),
    Case("unsharp_mask", "uint16", "radiograph", 2),
    Case("masked gaussian_filter", "int16", "volume", 1),
    *(Case("masked uniform_filter", "int16", "volume", size) for size in (3, 15)),
]


def exact(case: Case, image: np.ndarray) -> np.ndarray:
    image = image.astype(np.float64)
    operation, parameter = case.operation, case.parameter
    if operation == "unsharp_mask":
        return 2 * image - scipy.ndimage.gaussian_filter(image, parameter)
    if operation.startswith("masked"):
        return quotient(getattr(scipy.ndimage, operation.split()[1]), case, image, np.float64)
    if operation in ("correlate", "convolve"):
        weights = (window if operation == "correlate" else product)(int(parameter), image.ndim)
        if parameter > 7:
            # SciPy's sum would take minutes.
            from scipy.signal import fftconvolve

            padded = np.pad(image, int(parameter) // 2, "symmetric")
            return fftconvolve(padded, np.flip(weights), "valid")
        return getattr(scipy.ndimage, operation)(image, weights)
    return getattr(scipy.ndimage, operation)(image, parameter)


def assert_right(case: Case, image: np.ndarray, result: np.ndarray) -> None:
    expected = exact(case, image)
    rounding = 0.0
    if result.dtype.kind in "iu":
        limits = np.iinfo(result.dtype)
        expected, rounding = np.clip(expected, limits.min, limits.max), 0.5
    if case.operation.startswith("masked"):
        # The quotient is unreliable where hardly a weight is left.
        expected = np.where(mask(case), expected, result)
    assert np.abs(result - expected).max() <= rounding + 2e-6 * np.abs(image.astype(float)).max()


def takes(contender: str, case: Case) -> bool:
    """Whether a contender can do what is asked, in less than a minute."""
    if contender == "cv2":
        return case.image == "radiograph"
    return (
        contender != "scipy"
        or (case.parameter < 31 and (case.image, case.operation) != ("volume", "correlate"))
        or (case.parameter < 7)
    )


@pytest.mark.parametrize(("case", "contender"), rows(CASES, CONTENDERS, takes))
def test_convolution(benchmark, case, contender):
    run(benchmark, case, contender, CONTENDERS, assert_right, 5 if contender in ("cormack", "memcpy", "cv2") else 1)
