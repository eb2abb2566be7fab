"""Enhancement and histograms beside NumPy, scikit-image, SimpleITK and OpenCV."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from cormack import enhance
from cormack.segment import threshold_otsu

from .data import ct_volume, radiograph

SHAPES = {"volume": "128x256x256", "radiograph": "2048x2048"}


class Case(NamedTuple):
    """One group of rows: an image and what is done to it."""

    operation: str
    dtype: str
    image: str = "volume"  # a key of SHAPES
    detail: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.operation, self.detail, self.dtype, SHAPES[self.image])))

    def load(self) -> np.ndarray:
        return (ct_volume if self.image == "volume" else radiograph)(self.dtype)


# A contender takes the case and the image, or what its `prepare` made of it.
Contender = Callable[[Case, Any], Any]


def sitk(function: str, *arguments: float) -> Contender:
    import SimpleITK

    return lambda case, image: getattr(SimpleITK, function)(image, *arguments)


def skimage_of(module: str, function: str, **arguments: Any) -> Contender:
    import importlib

    return lambda case, image: getattr(importlib.import_module(f"skimage.{module}"), function)(image, **arguments)


def cv2_equalize(case: Case, image: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.equalizeHist(image)


def cv2_clahe(case: Case, image: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.createCLAHE(2.56, (8, 8)).apply(image)  # 0.01 of a tile's pixels, in units of 1 / 256


def numpy_window(case: Case, image: np.ndarray) -> np.ndarray:
    scaled = (np.clip(image, -160, 239).astype(np.float32) + 160) * (255 / 399)
    return np.rint(scaled, out=scaled).astype(np.uint8)


def display_of(image: np.ndarray) -> np.dtype:
    return image.dtype if image.dtype.kind == "f" else np.dtype(np.uint8)


def numpy_stretch(image: np.ndarray) -> np.ndarray:
    low, high = np.percentile(image, [1, 99])
    scaled = (np.clip(image, low, high).astype(np.float32) - np.float32(low)) / np.float32(high - low)
    return scaled if image.dtype.kind == "f" else np.rint(scaled * 255).astype(np.uint8)


def numpy_normalize(image: np.ndarray, method: str) -> np.ndarray:
    if method == "zscore":
        center, scale = image.mean(dtype=np.float64), image.std(dtype=np.float64)
    else:
        first, center, third = np.percentile(image.astype(np.float64), [25, 50, 75])
        scale = third - first
    return ((image - center) / scale).astype(np.float32)


# The window's ends lie on whole numbers, so that every library means the same.
CONTENDERS: dict[str, dict[str, Contender]] = {
    "window": {
        "cormack": lambda case, image: enhance.window(
            image, 40, 400, function=case.detail, dtype=image.dtype if image.dtype.kind == "f" else np.uint8
        ),
        "numpy": numpy_window,
        "SimpleITK": sitk("IntensityWindowing", -160.0, 239.0, 0.0, 255.0),
    },
    "rescale_intensity": {
        "cormack": lambda case, image: enhance.rescale_intensity(image),
        "scikit-image": skimage_of("exposure", "rescale_intensity"),
        "SimpleITK": lambda case, image: sitk("RescaleIntensity", *limits_of(case.dtype))(case, image),
    },
    "histogram": {
        "cormack": lambda case, image: enhance.histogram(image, int(case.detail)),
        "numpy": lambda case, image: np.histogram(image, int(case.detail)),
    },
    "equalize_hist": {
        "cormack": lambda case, image: enhance.equalize_hist(image, out_range="dtype"),
        "scikit-image": skimage_of("exposure", "equalize_hist"),
        "cv2": cv2_equalize,
    },
    "equalize_adapthist": {
        "cormack": lambda case, image: enhance.equalize_adapthist(image),
        "scikit-image": skimage_of("exposure", "equalize_adapthist"),
        "cv2": cv2_clahe,
    },
    "stretch_contrast": {
        "cormack": lambda case, image: enhance.stretch_contrast(image, dtype=display_of(image)),
        "numpy": lambda case, image: numpy_stretch(image),
    },
    "adjust_gamma": {
        "cormack": lambda case, image: enhance.adjust_gamma(image, 0.7),
        "scikit-image": skimage_of("exposure", "adjust_gamma", gamma=0.7),
    },
    "adjust_sigmoid": {
        "cormack": lambda case, image: enhance.adjust_sigmoid(image),
        "scikit-image": skimage_of("exposure", "adjust_sigmoid"),
    },
    "threshold_enhance": {
        "cormack": lambda case, image: enhance.threshold_enhance(image, -160, 240, outside=-1000),
        "numpy": lambda case, image: np.where((image >= -160) & (image <= 240), image, image.dtype.type(-1000)),
        "SimpleITK": sitk("Threshold", -160.0, 240.0, -1000.0),
    },
    "match_histograms": {
        "cormack": lambda case, image: enhance.match_histograms(image, image[::-1, ::2, ::2]),
        "scikit-image": lambda case, image: skimage_of("exposure", "match_histograms", reference=image[::-1, ::2, ::2])(
            case, image
        ),
    },
    "normalize": {
        "cormack": lambda case, image: enhance.normalize(image, case.detail),
        "numpy": lambda case, image: numpy_normalize(image, case.detail),
    },
    "weighted_histogram": {
        "cormack": lambda case, image: enhance.histogram(image, int(case.detail), weights=image),
        "numpy": lambda case, image: np.histogram(image, int(case.detail), weights=image),
    },
    "threshold_otsu": {
        "cormack": lambda case, image: threshold_otsu(image),
        "scikit-image": skimage_of("filters", "threshold_otsu"),
        "SimpleITK": sitk("OtsuThreshold"),
    },
}
CASES = [
    *(Case("window", dtype, detail="linear") for dtype in ("int16", "uint16", "float32")),
    *(Case("window", dtype, detail="sigmoid") for dtype in ("int16", "float32")),
    *(Case("rescale_intensity", dtype) for dtype in ("uint8", "int16", "float32")),
    *(Case("histogram", dtype, detail="256") for dtype in ("uint8", "int16", "float32", "float64")),
    Case("histogram", "int16", detail="4096"),
    *(Case("equalize_hist", dtype) for dtype in ("uint8", "uint16", "int16", "float32")),
    *(Case("equalize_hist", dtype, "radiograph") for dtype in ("uint8", "uint16")),
    *(Case("equalize_adapthist", dtype) for dtype in ("uint8", "uint16", "int16", "float32")),
    *(Case("equalize_adapthist", dtype, "radiograph") for dtype in ("uint8", "uint16", "float32")),
    *(Case("stretch_contrast", dtype) for dtype in ("uint8", "int16", "float32")),
    *(Case("adjust_gamma", dtype) for dtype in ("uint8", "uint16")),
    Case("adjust_gamma", "float32", "radiograph"),
    Case("adjust_sigmoid", "float32", "radiograph"),
    *(Case("threshold_enhance", dtype) for dtype in ("int16", "float32")),
    *(Case("match_histograms", dtype) for dtype in ("uint16", "int16", "float32")),
    *(Case("normalize", dtype, detail=method) for dtype in ("int16", "float32") for method in ("zscore", "robust")),
    Case("weighted_histogram", "float32", detail="256"),
    *(Case("threshold_otsu", dtype) for dtype in ("uint8", "int16", "float32")),
]


CV2_DTYPES = {"equalize_hist": ("uint8",), "equalize_adapthist": ("uint8", "uint16")}


def limits_of(dtype: str) -> tuple[float, float]:
    return (-1.0, 1.0) if dtype[0] == "f" else (float(np.iinfo(dtype).min), float(np.iinfo(dtype).max))


def rows() -> list[Any]:
    result = []
    for case in CASES:
        for name in [*CONTENDERS[case.operation], "memcpy"]:
            if name == "cv2" and (case.image != "radiograph" or case.dtype not in CV2_DTYPES[case.operation]):
                continue
            # scikit-image takes floats from -1 to 1 alone, and negative integers for 0.
            if name == "scikit-image" and case.operation == "equalize_adapthist" and case.dtype in ("int16", "float32"):
                continue
            if name in ("numpy", "SimpleITK") and case.operation == "window" and case.detail != "linear":
                continue
            if name == "numpy" and case.operation == "window" and case.dtype == "float32":
                continue
            result.append(pytest.param(case, name, id=f"{case}-{name}"))
    return result


def assert_right(case: Case, image: np.ndarray, result: Any) -> None:
    """Compare with the oracle on a slab where the whole would take long."""
    if case.operation == "window":
        x = image.astype(np.float64)
        if case.detail == "linear":
            exact = (np.clip(x, -160, 239) + 160) / 399
        else:
            exact = 1 / (1 + np.exp(-4 * (x - 40) / 400))
        if image.dtype.kind == "f":
            np.testing.assert_allclose(result, exact, rtol=1e-6, atol=1e-6)
        else:
            assert np.all(np.abs(result - exact * 255) <= 0.5 + 1e-9)
    elif case.operation == "rescale_intensity":
        low, high = limits_of(case.dtype)
        smallest, largest = float(image.min()), float(image.max())
        exact = (image.astype(np.float64) - smallest) / (largest - smallest) * (high - low) + low
        assert np.all(np.abs(result - exact) <= (1e-6 if image.dtype.kind == "f" else 0.5 + 1e-9))
    elif case.operation == "stretch_contrast":
        low, high = np.percentile(image.astype(np.float64), [1, 99])
        exact = np.clip((image.astype(np.float64) - low) / (high - low), 0, 1)
        exact, bound = (exact, 1e-6) if image.dtype.kind == "f" else (exact * 255, 0.5 + 1e-9)
        assert np.all(np.abs(result - exact) <= bound)
    elif case.operation in ("adjust_gamma", "adjust_sigmoid", "threshold_enhance", "match_histograms"):
        # scikit-image cuts off what we round.
        peer = next(name for name in CONTENDERS[case.operation] if name in ("numpy", "scikit-image"))
        part = image[:8] if case.image == "volume" else image[:256]
        exact = CONTENDERS[case.operation][peer](case, part).astype(np.float64)
        mine = CONTENDERS[case.operation]["cormack"](case, part)
        np.testing.assert_allclose(mine, exact, rtol=1e-5, atol=1e-6 if image.dtype.kind == "f" else 1)
    elif case.operation == "normalize":
        np.testing.assert_allclose(result, numpy_normalize(image, case.detail), rtol=1e-6, atol=1e-6)
    elif case.operation == "weighted_histogram":
        exact, _ = np.histogram(image, int(case.detail), weights=image.astype(np.float64))
        np.testing.assert_allclose(result[0], exact, rtol=1e-9)
    elif case.operation == "histogram":
        counts, edges = np.histogram(image, int(case.detail))
        np.testing.assert_array_equal(result[0], counts)
        np.testing.assert_array_equal(result[1], edges)
    elif case.operation == "equalize_hist":
        from skimage.exposure import equalize_hist

        part = image[:8] if case.image == "volume" else image[:256]
        low, high = (0.0, 1.0) if image.dtype.kind == "f" else limits_of(case.dtype)
        exact = equalize_hist(part).astype(np.float64) * (high - low) + low
        bound = 1e-6 if image.dtype.kind == "f" else 0.5 + 1e-9
        assert np.all(np.abs(enhance.equalize_hist(part, out_range="dtype") - exact) <= bound)
    elif case.operation == "equalize_adapthist":
        from skimage.exposure import equalize_adapthist

        part = image[:16, :64] if case.image == "volume" else image[:256]
        mine = enhance.equalize_adapthist(part.astype(np.float64))
        bound = 1e-6 * float(np.ptp(part)) if image.dtype.kind == "f" else 0.51
        assert np.all(np.abs(enhance.equalize_adapthist(part) - mine) <= bound)
        if image.dtype.kind != "f":
            # Its last step stretches; maps and sums are cut to whole numbers of 16383.
            span = np.ptp(mine)
            exact = equalize_adapthist((part.astype(np.int32) - part.min()).astype(np.uint16))
            bound = 4 / (16383 * span / np.ptp(part.astype(np.int32)) - 2)
            assert np.all(np.abs((mine - mine.min()) / span - exact) <= bound)
    else:
        from skimage.filters import threshold_otsu as oracle

        assert result == oracle(image)


@pytest.mark.parametrize(("case", "contender"), rows())
def test_enhance(benchmark: Any, case: Case, contender: str) -> None:
    benchmark.group = str(case)
    image = case.load()
    if contender == "memcpy":
        target = np.empty_like(image)
        benchmark(np.copyto, target, image)
        return
    prepared: Any = image
    if contender == "SimpleITK":
        import SimpleITK

        prepared = SimpleITK.GetImageFromArray(image)
    function = CONTENDERS[case.operation][contender]
    if contender == "cormack":
        assert_right(case, image, function(case, prepared))
    benchmark(function, case, prepared)
