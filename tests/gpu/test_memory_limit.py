"""A cap on GPU memory: what does not fit goes in slabs, with the CPU's result; allocations stay below the cap."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

import cormack
from cormack import _backends, detect, enhance, features, filters, segment

from .shim import ShimArray, ShimLibrary

hypothesis = pytest.importorskip("hypothesis")
st = pytest.importorskip("hypothesis.strategies")

VOLUME = (16, 10, 13)


@pytest.fixture
def shim(monkeypatch: pytest.MonkeyPatch) -> Iterator[ShimLibrary]:
    """Where device="cuda" leads."""
    library = ShimLibrary()
    library.uploads = library.engine.counts = True
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
    ("mean of mask", partial(filters.uniform_filter, size=3, mask=MASK), "int16"),
    ("gaussian of mask", partial(filters.gaussian_filter, sigma=0.6, mask=MASK, mode="wrap"), "float32"),
    ("footprint", partial(filters.median_filter, footprint=np.ones((3, 3, 3)) - np.eye(3)), "int16"),
    ("laplace", partial(filters.gaussian_laplace, sigma=1), "int16"),
    ("gradient", partial(filters.gradient_magnitude, mode="nearest"), "int16"),
    ("sobel", partial(filters.sobel, axis=0), "int16"),
    ("correlate", partial(filters.correlate, weights=np.arange(36.0).reshape(3, 3, 4) % 7 - 3), "int16"),
    ("correlate 1-D", partial(filters.correlate1d, weights=range(9), axis=1, mode="wrap"), "float32"),
    ("clahe", partial(enhance.equalize_adapthist, kernel_size=(3, 6, 7), nbins=40), "int16"),
    ("clahe mask", partial(enhance.equalize_adapthist, kernel_size=(1, 6, 7), mask=MASK, nbins=40), "int16"),
    ("clahe floats", partial(enhance.equalize_adapthist, kernel_size=(1, 5, 7), nbins=40), "float32"),
]


CALLS += [
    (f"nodes {by} {new}", partial(features.resample, spacing=1, new_spacing=new, interpolation=by), "int16")
    for by, new in (("linear", (0.7, 1.3, 0.8)), ("nearest", (0.3, 1, 1)), ("linear", (2.3, 1, 1)))
]
CALLS += [(f"label {steps}", partial(segment.label, connectivity=steps), "mask") for steps in (1, 2, 3)] + [
    ("connected", partial(segment.connected_threshold, seeds=[(0, 3, 3), (15, 9, 9)], lower=20, upper=70), "int16"),
    ("connected mask", partial(segment.connected_threshold, seeds=(9, 9, 9), lower=5, upper=80, mask=MASK), "float32"),
]


@pytest.mark.parametrize(("call", "dtype"), [pytest.param(*row[1:], id=row[0].replace(" ", "_")) for row in CALLS])
def test_in_slabs_matches_cpu(shim: ShimLibrary, call: Callable[..., Any], dtype: str) -> None:
    image = np.random.default_rng(3).random(VOLUME) < 0.3 if dtype == "mask" else image_of(dtype)
    on_device = partial(call, image, device="cuda")
    whole = limited(shim, None, on_device)[1]
    runs = len(shim.engine.operations)
    found, most = limited(shim, int(whole * 0.6), on_device)
    check(found, call(image))
    assert most <= int(whole * 0.6)
    assert len(shim.engine.operations) > 2 * runs


@pytest.mark.slow
@pytest.mark.parametrize(("call", "dtype"), [pytest.param(*row[1:], id=row[0].replace(" ", "_")) for row in CALLS])
def test_any_limit_matches_cpu_or_is_refused(shim: ShimLibrary, call: Callable[..., Any], dtype: str) -> None:
    image = np.random.default_rng(3).random(VOLUME) < 0.3 if dtype == "mask" else image_of(dtype)
    expected = call(image)
    refused = 0
    whole = limited(shim, None, partial(call, image, device="cuda"))[1]
    for part in (0.95, 0.7, 0.5, 0.3, 0.2, 0.1):
        limit = int(whole * part)
        try:
            found, most = limited(shim, limit, partial(call, image, device="cuda"))
        except cormack.GpuMemoryError:
            refused += 1
            continue
        # What fits into less fits into more.
        assert refused == 0
        check(found, expected)
        assert most <= limit
    assert refused < 6


@pytest.mark.parametrize("shape", [(40, 30), (2, 3, 9, 10)])
def test_other_dimensions(shim: ShimLibrary, shape: tuple[int, ...]) -> None:
    image = image_of("int16", shape)
    for call in (
        partial(filters.gaussian_filter, sigma=1, axes=(-1, -2)),
        partial(filters.median_filter, size=3, axes=(0, 1)),
        partial(enhance.window, center=40, width=60),
    ):
        whole = limited(shim, None, partial(call, image, device="cuda"))[1]
        found, most = limited(shim, whole * 3 // 4, partial(call, image, device="cuda"))
        check(found, call(image))
        assert most <= whole * 3 // 4


@hypothesis.settings(max_examples=10)
@hypothesis.given(
    shape=st.tuples(st.integers(1, 14), st.integers(1, 9), st.integers(1, 9)),
    mode=st.sampled_from(("reflect", "wrap", "constant", "mirror", "nearest")),
    box=st.tuples(st.integers(1, 7), st.integers(1, 3), st.integers(1, 3)),
    order=st.permutations((0, 1, 2)),
    limit=st.integers(1500, 9000),
)
def test_any_window_in_slabs(
    shape: tuple[int, ...], mode: str, box: tuple[int, ...], order: list[int], limit: int
) -> None:
    image = image_of("int16", shape).transpose(order)
    library = ShimLibrary()
    library.uploads = library.engine.counts = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_backends, "LIBRARIES", [library])
        origin = [-((extent - 1) // 2) for extent in box]
        call = partial(filters.maximum_filter, image, box, mode=mode, origin=origin)
        try:
            found, most = limited(library, limit, partial(call, device="cuda"))
        except cormack.GpuMemoryError:
            return
        finally:
            cormack.set_gpu_memory_limit(None)
        check(found, call())
        assert most <= limit


@pytest.mark.parametrize("size", [0.45, 0.6])
def test_an_allocator_that_runs_out_means_slabs(shim: ShimLibrary, size: float) -> None:
    image = image_of("int16", (16, 30, 40))
    call = partial(filters.gaussian_filter, image, (0.5, 3, 3))
    whole = limited(shim, None, partial(call, device="cuda"))[1]
    shim.memory.capacity = int(whole * size)
    check(call(device="cuda"), call())
    # Less than it says is free: smaller slabs are tried.
    shim.free = lambda: whole  # type: ignore[method-assign]
    check(call(device="cuda"), call())


def test_an_image_on_the_gpu_takes_less_scratch_in_slabs(shim: ShimLibrary) -> None:
    host = image_of("int16", (16, 30, 40))
    image = ShimArray(host)
    call = partial(filters.gaussian_filter, sigma=(0.5, 3, 3), mode="wrap")
    whole = limited(shim, None, lambda: call(image).host)[1]
    limit = whole * 8 // 10
    found, most = limited(shim, limit, lambda: call(image).host)
    check(found, call(host))
    assert most <= limit
    with pytest.raises(cormack.GpuMemoryError, match=r"median_filter: on a GPU .* takes [\d.]+ KiB and 1000 bytes"):
        limited(shim, 1000, lambda: filters.median_filter(image, 3))


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("distance_transform_edt", segment.distance_transform_edt),
        ("canny", partial(detect.canny, low_threshold=10, high_threshold=30, mask=MASK)),
        ("confidence_connected", partial(segment.confidence_connected, seeds=(3, 3, 3), mask=MASK)),
        ("affine_transform", partial(filters.affine_transform, matrix=(0.5, 0.75, 1.3), order=1)),
        ("label_statistics", segment.label_statistics),
        ("median_filter", partial(filters.median_filter, size=3)),
    ],
)
def test_what_cannot_fit_names_function_bytes_and_limit(shim: ShimLibrary, name: str, call: Callable[..., Any]) -> None:
    image = image_of("int16")
    words = rf"{name}: on a GPU .* takes [\d.]+ KiB and [\d.]+ \w+ are left of the limit of [\d.]+ \w+ \(set_gpu_mem"
    with pytest.raises(cormack.GpuMemoryError, match=words) as error:
        limited(shim, 800, partial(call, image, device="cuda"))
    assert isinstance(error.value, MemoryError)
    del error
    assert shim.memory.held == 0


def test_limits_are_said_in_bytes_and_words(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, count in ((1, 1), ("4 GiB", 4 << 30), ("500MB", 500_000_000), (None, None)):
        cormack.set_gpu_memory_limit(limit)
        assert cormack.get_gpu_memory_limit() == count
        assert cormack.show_config("dict")["backends"]["memory_limit"] == count
    for limit, kind, words in (
        (0, ValueError, "`limit` must be at least 1, got 0"),
        (1.5, TypeError, "`limit` must be an int, got 1.5"),
        ("much", ValueError, "`limit` must be a number of bytes, but 'much' is no size such as 500MB or 2GiB"),
    ):
        with pytest.raises(kind, match=f"set_gpu_memory_limit: {words}"):
            cormack.set_gpu_memory_limit(limit)  # type: ignore[arg-type]
    code = "import cormack; print(cormack.get_gpu_memory_limit())"
    for text, expected in (("2KiB", "2048"), ("0", "CORMACK_GPU_MEMORY_LIMIT must be a number of bytes")):
        monkeypatch.setenv("CORMACK_GPU_MEMORY_LIMIT", text)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert expected in done.stdout + done.stderr
