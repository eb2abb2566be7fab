"""Radiomics and its processing, on the region that radiomics packages are compared with, beside SciPy and SimpleITK."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import SimpleITK as sitk

from cormack import features

SHAPE, SPACING, NEW_SPACING = (96, 256, 256), (2.0, 0.8, 0.8), 1.3
SETTINGS = {"discretisation": "fixed bin size", "bin_size": 25}


@cache
def region() -> tuple[np.ndarray, np.ndarray]:
    """Return an int16 image and an ellipsoid of 442 291 voxels in it."""
    noise = np.random.default_rng(0).normal(0, 1, SHAPE)
    image = (scipy.ndimage.gaussian_filter(noise, 1.5) * 900 + 40).astype(np.int16)
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    return image, ((z - 48) / 40) ** 2 + ((y - 128) / 60) ** 2 + ((x - 128) / 44) ** 2 < 1


@cache
def labels() -> tuple[np.ndarray, np.ndarray]:
    """Return the image, and labels: the ellipsoid, and 99 cubes of up to 343 voxels around it."""
    image, inside = region()
    result = np.zeros(SHAPE, np.int16)
    for k in range(99):
        z, y, x = 4 + 9 * (k // 10), 12 + 24 * (k % 10), 20 if k % 2 else 228
        result[z : z + 7, y : y + 7, x : x + 7] = k + 2
    result[inside] = 1
    return image, result


def by_cormack(interpolation: str) -> Callable[[], np.ndarray]:
    image, _ = region()
    return lambda: features.resample(image, SPACING, NEW_SPACING, interpolation=interpolation)


def nodes() -> list[np.ndarray]:
    shape = features.resample(region()[0], SPACING, NEW_SPACING, interpolation="nearest").shape
    return [
        np.clip((np.arange(m) - (m - 1) / 2) * NEW_SPACING / s + (n - 1) / 2, 0, n - 1)
        for m, n, s in zip(shape, SHAPE, SPACING, strict=True)
    ]


def by_scipy(order: int) -> Callable[[], np.ndarray]:
    image = region()[0].astype(np.float32)
    grid = np.stack(np.meshgrid(*nodes(), indexing="ij"))
    return lambda: scipy.ndimage.map_coordinates(image, grid, order=order, mode="mirror")


def by_simpleitk(interpolator: int) -> Callable[[], np.ndarray]:
    image = sitk.GetImageFromArray(region()[0])
    image.SetSpacing(SPACING[::-1])
    resampler = sitk.ResampleImageFilter()
    positions = nodes()
    resampler.SetSize([len(p) for p in positions][::-1])
    resampler.SetOutputSpacing([NEW_SPACING] * 3)
    # Clipped nodes would move the origin: the first one as it is.
    first = [
        ((n - 1) - (len(p) - 1) * NEW_SPACING / s) / 2 * s for n, p, s in zip(SHAPE, positions, SPACING, strict=True)
    ]
    resampler.SetOutputOrigin(first[::-1])
    resampler.SetInterpolator(interpolator)
    resampler.SetOutputPixelType(sitk.sitkFloat32)
    return lambda: sitk.GetArrayFromImage(resampler.Execute(image))


def peaks_by_convolution() -> Callable[[], tuple[float, float]]:
    image, mask = region()
    radius = 10 * (3 / (4 * np.pi)) ** (1 / 3)
    axes = [np.arange(-int(radius / s), int(radius / s) + 1) * s for s in SPACING]
    ball = sum(axis**2 for axis in np.ix_(*axes)) <= radius**2
    inner = tuple(slice(int(where.min()) - 8, int(where.max()) + 9) for where in np.nonzero(mask))
    image, mask = image[inner].astype(np.float64), mask[inner]

    def peaks() -> tuple[float, float]:
        means = scipy.signal.fftconvolve(image, ball / ball.sum(), mode="same")[mask]
        return means[image[mask] == image[mask].max()].max(), means.max()

    return peaks


def numpy_discretise() -> Callable[[], np.ndarray]:
    image, mask = region()
    low = image[mask].min()
    return lambda: np.where(mask, np.floor((image - np.float64(low)) / 25) + 1, 0).astype(np.int32)


CONTENDERS: dict[str, dict[str, Callable[[], Callable[[], Any]]]] = {
    "resample linear": {
        "cormack": lambda: by_cormack("linear"),
        "simpleitk": lambda: by_simpleitk(sitk.sitkLinear),
        "scipy": lambda: by_scipy(1),
    },
    "resample cubic": {
        "cormack": lambda: by_cormack("cubic"),
        "simpleitk": lambda: by_simpleitk(sitk.sitkBSpline),
        "scipy": lambda: by_scipy(3),
    },
    "discretise": {
        "cormack": lambda: lambda: features.discretise(*region(), bin_size=25)[0],
        "numpy": numpy_discretise,
    },
    "local_intensity": {
        "cormack": lambda: lambda: tuple(features.local_intensity(*region(), spacing=SPACING).values()),
        "scipy fft": peaks_by_convolution,
    },
    "radiomics of 100 labels": {
        "cormack": lambda: lambda: features.radiomics(*labels(), spacing=SPACING, settings=SETTINGS, labels="all"),
    },
    "radiomics": {"cormack": lambda: lambda: features.radiomics(*region(), spacing=SPACING, settings=SETTINGS)},
}
ROWS = [(operation, name) for operation, contenders in CONTENDERS.items() for name in [*contenders, "memcpy"]]


@pytest.mark.parametrize(("operation", "contender"), ROWS, ids=[" ".join(row) for row in ROWS])
def test_radiomics(benchmark: Any, operation: str, contender: str) -> None:
    benchmark.group = f"{operation} int16 96x256x256"
    if contender == "memcpy":
        image, _ = region()
        benchmark(np.copyto, np.empty_like(image), image)
        return
    function = CONTENDERS[operation][contender]()
    if contender != "cormack":
        ours, theirs = np.asarray(CONTENDERS[operation]["cormack"]()()), np.asarray(function())
        if contender == "simpleitk":
            # Outside the outermost voxel centres SimpleITK has no value.
            ours, theirs = (array[2:-2, 2:-2, 2:-2] for array in (ours, theirs))
        np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=5e-3)
    benchmark.pedantic(function, rounds=7, warmup_rounds=1)
