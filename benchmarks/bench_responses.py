"""Response maps of IBSI 2 beside the same filters in SciPy and NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.ndimage

from cormack import filters
from cormack.filters._wavelets import LAWS, analysis_filters

from .cases import Case, Contenders, memcpy, rows, run


def by_scipy(image: np.ndarray, kernels: Any, dtype: Any = np.float32) -> np.ndarray:
    result = image.astype(dtype)
    for axis, kernel in zip((2, 1, 0), kernels, strict=True):
        result = scipy.ndimage.convolve1d(result, kernel, axis)
    return result


def laws_kernels(case: Case) -> list[np.ndarray]:
    return [LAWS["E5"], LAWS["L5"], LAWS["S5"]]


def wavelet_kernels(case: Case) -> list[np.ndarray]:
    kernels = analysis_filters("coif1")
    return [kernels[letter] for letter in "LLH"]


def numpy_simoncelli(case: Case, image: np.ndarray, output: Any = None) -> np.ndarray:
    f = np.meshgrid(*(np.fft.ifftshift(np.linspace(-1, 1, n)) for n in image.shape), indexing="ij")
    radius = np.sqrt(sum(k * k for k in f)) * 2 ** (case.parameter - 1)
    with np.errstate(divide="ignore"):
        transfer = np.where((radius >= 0.25) & (radius <= 1), np.cos(np.pi / 2 * np.log2(2 * radius)), 0)
    return np.fft.ifftn(np.fft.fftn(image) * transfer).real


CONTENDERS: Contenders = {
    "laws_filter": {
        "cormack": lambda case, image, output: filters.laws_filter(image),
        "scipy": lambda case, image, output: by_scipy(image, laws_kernels(case)),
        "memcpy": memcpy,
    },
    "wavelet_filter": {
        "cormack": lambda case, image, output: filters.wavelet_filter(image, "coif1", "LLH", int(case.parameter)),
        "scipy": lambda case, image, output: by_scipy(image, wavelet_kernels(case)),
        "memcpy": memcpy,
    },
    "simoncelli_filter": {
        "cormack": lambda case, image, output: filters.simoncelli_filter(image, int(case.parameter), mode="wrap"),
        "numpy": numpy_simoncelli,
        "memcpy": memcpy,
    },
}
CASES = [
    Case("laws_filter", "int16", "volume", 5),
    Case("wavelet_filter", "int16", "volume", 1),
    *(Case("simoncelli_filter", "int16", "small volume", level) for level in (1, 3)),
]


def assert_right(case: Case, image: np.ndarray, result: np.ndarray) -> None:
    if case.operation == "simoncelli_filter":
        expected = numpy_simoncelli(case, image)
    else:
        kernels = laws_kernels(case) if case.operation == "laws_filter" else wavelet_kernels(case)
        expected = by_scipy(image, kernels, np.float64)
    assert np.abs(result - expected).max() <= 1e-5 * np.abs(image.astype(float)).max()


@pytest.mark.parametrize(("case", "contender"), rows(CASES, CONTENDERS, lambda contender, case: True))
def test_responses(benchmark, case, contender):
    run(benchmark, case, contender, CONTENDERS, assert_right, 5 if contender in ("cormack", "memcpy") else 1)
