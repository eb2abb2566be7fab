"""A cap on GPU memory: what does not fit goes in slabs, with the CPU's result; allocations stay below the cap."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

import cormack
from cormack import _backends, enhance, filters, segment

from .shim import ShimLibrary

VOLUME = (24, 18, 20)
OF_LABELS = np.random.default_rng(3).random(VOLUME) < 0.4


@pytest.fixture
def shim(monkeypatch: pytest.MonkeyPatch) -> Iterator[ShimLibrary]:
    """Where device="cuda" leads."""
    library = ShimLibrary()
    library.uploads = True
    monkeypatch.setattr(_backends, "LIBRARIES", [library, *_backends.LIBRARIES])
    yield library
    cormack.set_gpu_memory_limit(None)


def image_of(dtype: Any, shape: tuple[int, ...] = VOLUME) -> np.ndarray:
    random = np.random.default_rng(len(shape))
    if np.dtype(dtype).kind == "f":
        return random.normal(20, 30, shape).astype(dtype)
    return random.integers(0, 90, shape).astype(dtype)


def limited(shim: ShimLibrary, limit: int | None, call: Callable[[], Any]) -> tuple[Any, int]:
    """Return what a call gives within a limit, and the most bytes that were allocated."""
    gc.collect()
    cormack.set_gpu_memory_limit(limit)
    before = shim.memory.held
    shim.memory.most = before
    result = call()
    assert shim.memory.held == before
    return result, shim.memory.most


def check(found: Any, expected: Any) -> None:
    both = zip(*(result if isinstance(result, tuple) else (result,) for result in (found, expected)), strict=True)
    for got, wanted in both:
        assert np.asarray(got).dtype == np.asarray(wanted).dtype
        np.testing.assert_array_equal(got, wanted)


MASK = np.indices(VOLUME).sum(axis=0) % 3 > 0
# Name, call, dtype.
CALLS: list[tuple[str, Callable[..., Any], str]] = [
    ("window", partial(enhance.window, center=40, width=60, dtype="uint8"), "int16"),
    ("rescale", partial(enhance.rescale_intensity, out_range=(0, 1)), "int16"),
    ("equalize", enhance.equalize_hist, "int16"),
    ("equalize mask", partial(enhance.equalize_hist, mask=MASK), "int16"),
    ("equalize floats", enhance.equalize_hist, "float32"),
    ("threshold", partial(segment.binary_threshold, lower=20, upper=60), "int16"),
    ("soft", partial(enhance.threshold_enhance, lower=10, upper=60, inside=1, softness=20), "float32"),
    ("otsu", segment.threshold_otsu, "int16"),
    ("otsu floats", partial(segment.threshold_otsu, mask=MASK), "float64"),
    ("histogram", partial(enhance.histogram, bins=13), "float32"),
    ("histogram mask", partial(enhance.histogram, bins=13, mask=MASK), "uint16"),
    *(
        (f"median {mode}", partial(filters.median_filter, size=3, mode=mode), "int16")
        for mode in ("reflect", "wrap", "constant", "mirror", "nearest")
    ),
    ("rank", partial(filters.rank_filter, rank=4, size=(4, 3, 3), origin=(-2, 0, 1)), "uint8"),
    ("maximum", partial(filters.maximum_filter, size=(1, 9, 2), mode="wrap"), "int16"),
    ("minimum", partial(filters.minimum_filter, size=3), "float32"),
    ("box", partial(filters.uniform_filter, size=5, mode="mirror"), "int16"),
    ("long box", partial(filters.uniform_filter, size=(1, 11, 9)), "float32"),
    ("gaussian", partial(filters.gaussian_filter, sigma=0.7), "int16"),
    ("large gaussian", partial(filters.gaussian_filter, sigma=(0.5, 3, 3), mode="wrap"), "float32"),
    ("tolerant", partial(filters.gaussian_filter, sigma=1, tolerance=1e-7), "int16"),
    ("laplace", partial(filters.gaussian_laplace, sigma=1), "int16"),
    ("gradient", partial(filters.gradient_magnitude, mode="nearest"), "int16"),
    ("sobel", partial(filters.sobel, axis=0), "int16"),
    ("correlate", partial(filters.correlate, weights=np.arange(36.0).reshape(3, 3, 4) % 7 - 3), "int16"),
    ("correlate 1-D", partial(filters.correlate1d, weights=range(9), axis=1, mode="wrap"), "float32"),
    ("clahe", partial(enhance.equalize_adapthist, kernel_size=(3, 6, 7), nbins=40), "int16"),
    ("clahe mask", partial(enhance.equalize_adapthist, kernel_size=(2, 6, 7), mask=MASK, nbins=40), "int16"),
    ("clahe floats", partial(enhance.equalize_adapthist, kernel_size=(2, 5, 7), nbins=40), "float32"),
]


@pytest.mark.parametrize(("call", "dtype"), [pytest.param(*row[1:], id=row[0].replace(" ", "_")) for row in CALLS])
def test_in_slabs_matches_cpu(shim: ShimLibrary, call: Callable[..., Any], dtype: str) -> None:
    image = image_of(dtype)
    expected = call(image)
    on_device = partial(call, image, device="cuda")
    found, whole = limited(shim, None, on_device)
    check(found, expected)
    runs = len(shim.engine.operations)
    for part in (0.8, 0.6):
        limit = int(whole * part)
        found, most = limited(shim, limit, on_device)
        check(found, expected)
        assert most <= limit
        assert len(shim.engine.operations) > 2 * runs
