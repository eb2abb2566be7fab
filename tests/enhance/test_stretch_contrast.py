"""stretch_contrast: numpy.percentile, then the linear map between the percentiles, rounded once."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cormack import _cormack_cpu, _intensity, enhance

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
SHAPES = [(1,), (2,), (7,), (16,), (65,), (5, 67), (2, 3, 5), (2, 2, 3, 35), (2049,), (3, 2047)]


def image_of(dtype, shape=(7, 131), seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(60, 40, shape) + 300 * rng.integers(0, 2, shape)
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return np.clip(np.rint(values), limits.min, limits.max).astype(dtype)
    return values.astype(dtype)


def limits_of(dtype):
    return (0.0, 1.0) if np.dtype(dtype).kind == "f" else (np.iinfo(dtype).min, np.iinfo(dtype).max)


def assert_stretched(result, image, ends, out, low, high):
    exact = image.astype(np.float64)
    lower, upper = ends
    if lower == upper:
        exact = np.where(exact <= lower, low, high)
    else:
        exact = np.clip((exact - lower) / (upper - lower), 0, 1) * (high - low) + low
    bound = 0.5 if np.issubdtype(out, np.integer) else np.finfo(out).eps * max(abs(low), abs(high))
    assert result.dtype == out
    assert np.all(np.abs(result.astype(np.float64) - exact) <= bound + abs(high - low) * 2.0**-48)


@pytest.mark.parametrize("out", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_numpy_percentile(dtype, out, isa):
    for shape in SHAPES:
        image = image_of(dtype, shape)
        mask = np.random.default_rng(1).random(shape) < 0.4
        mask.flat[0] = True
        for low, high in [(1, 99), (0, 100), (2.5, 37.1), (0, 0.001)]:
            for inside in (None, mask):
                values = image.astype(np.float64)
                ends = np.percentile(values if inside is None else values[inside], [low, high])
                result = enhance.stretch_contrast(image, low, high, mask=inside, dtype=out)
                assert_stretched(result, image, ends, out, *limits_of(out))


@pytest.mark.parametrize("dtype", DTYPES)
def test_quantiles_equal_numpy(dtype, isa):
    rng = np.random.default_rng(3)
    for size in (1, 2, 3, 64, 1000, 5000):
        bits = rng.integers(0, 256, size * np.dtype(dtype).itemsize, dtype=np.uint8)
        with np.errstate(all="ignore"):
            image = bits.view(dtype) if size != 1000 else image_of(dtype, (size,))
            image = np.where(np.isfinite(image), image, 0).astype(dtype)
            wide = image.astype(np.float64)
            image = image[np.abs(wide) < 1e300]
            expected = np.quantile(image.astype(np.float64), np.linspace(0, 1, 64))
        np.testing.assert_array_equal(_intensity.quantiles(image, None, np.linspace(0, 1, 64), 2), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_quantiles_of_special_values(dtype):
    image = np.array([np.nan, -np.inf, np.inf, -0.0, 0.0, 1e-40, -1e-40, np.nan, -np.nan], dtype)
    small = float(np.array(1e-40, dtype))
    np.testing.assert_array_equal(_intensity.quantiles(image, None, [0, 0.2, 0.4, 0.6, 0.8, 1], 1),
                                  np.array([-np.inf, -small, 0, 0, small, np.inf]))  # fmt: skip
    assert _intensity.quantiles(image[:1], None, [0.5], 1).size == 0


@given(
    st.integers(0, 2**32), st.sampled_from(DTYPES), st.integers(1, 400), st.integers(1, 3),
    st.floats(0, 1), st.floats(0, 1), st.integers(1, 40),
)  # fmt: skip
def test_any_quantile_equals_numpy(seed, dtype, size, workers, first, second, levels):
    image = image_of(dtype, (size,), seed)
    if seed % 2:
        image = (image.astype(np.float64) // (400 / levels)).astype(dtype)
    q = sorted([first, second])
    expected = np.quantile(image.astype(np.float64), q)
    np.testing.assert_array_equal(_intensity.quantiles(image, None, q, workers), expected)


@pytest.mark.parametrize("out_range", ["dtype", "image", (0, 100), (250, 10)], ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_out_range(dtype, out_range):
    image = image_of(dtype)
    low, high = {"dtype": limits_of(dtype), "image": (float(image.min()), float(image.max()))}.get(
        out_range if isinstance(out_range, str) else "", out_range
    )
    if not np.issubdtype(dtype, np.floating):
        limits = np.iinfo(dtype)
        low, high = (min(max(end, limits.min), limits.max) for end in (low, high))
        if isinstance(out_range, tuple) and (low, high) != out_range:
            return
    result = enhance.stretch_contrast(image, 5, 90, out_range=out_range)
    assert_stretched(result, image, np.percentile(image.astype(np.float64), [5, 90]), dtype, low, high)


def test_bool():
    image = np.array([[True, False, True, False]])
    np.testing.assert_array_equal(enhance.stretch_contrast(image, 0, 100), image)
    np.testing.assert_array_equal(enhance.stretch_contrast(image, dtype=np.uint8), image * np.uint8(255))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_is_left_out(dtype, isa):
    image = image_of(dtype, (9, 133))
    expected = enhance.stretch_contrast(image[1:])
    image[0] = np.nan
    result = enhance.stretch_contrast(image)
    assert np.isnan(result[0]).all()
    np.testing.assert_array_equal(result[1:], expected)
    assert (enhance.stretch_contrast(image, dtype=np.uint8)[0] == 0).all()


def test_infinities_beyond_the_percentiles_saturate():
    image = np.arange(1001, dtype=np.float32)
    image[[0, -1]] = -np.inf, np.inf
    result = enhance.stretch_contrast(image)
    assert (result[0], result[-1]) == (0, 1)
    with pytest.raises(ValueError, match="percentiles of `image` must be finite, got -inf and 990"):
        enhance.stretch_contrast(image, 0, 99)


@pytest.mark.parametrize("dtype", ["bool", *DTYPES])
def test_constant_and_empty(dtype):
    low, _ = limits_of("float32" if dtype == "bool" else dtype)
    assert (enhance.stretch_contrast(np.ones((3, 50), dtype)) == low).all()
    for shape in [(0,), (3, 0)]:
        result = enhance.stretch_contrast(np.zeros(shape, dtype), dtype=np.uint8)
        assert (result.shape, result.dtype) == (shape, np.uint8)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_result_does_not_depend_on_layout(layout, dtype):
    for shape in [(65,), (5, 67), (3, 5, 65), (2, 3, 4, 17), (2, 3, 2, 3, 5)]:
        image = image_of(dtype, shape)
        mask = np.random.default_rng(1).random(shape) < 0.5
        mask.flat[0] = True
        np.testing.assert_array_equal(enhance.stretch_contrast(layout(image)), enhance.stretch_contrast(image))
        expected = enhance.stretch_contrast(image, mask=mask)
        np.testing.assert_array_equal(enhance.stretch_contrast(layout(image), mask=layout(mask)), expected)
    image = np.broadcast_to(image_of(dtype, (5, 1, 40)), (5, 6, 40))
    np.testing.assert_array_equal(enhance.stretch_contrast(image), enhance.stretch_contrast(image.copy()))


@pytest.mark.parametrize("dtype", DTYPES)
def test_same_bits_for_threads_and_levels(dtype):
    image = image_of(dtype, (70, 65, 129))
    results = set()
    before = _cormack_cpu.isa()
    for isa in _cormack_cpu.available_isas():
        _cormack_cpu.use_isa(isa)
        for workers in (1, 2, 3):
            results.add(enhance.stretch_contrast(image, workers=workers).tobytes())
    _cormack_cpu.use_isa(before)
    assert len(results) == 1


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_peak_memory(dtype):
    """Counted by NumPy's allocator; the extension's own tables are stated beside the kernel."""
    image = image_of(dtype, (64, 100, 200))
    enhance.stretch_contrast(image)
    tracemalloc.start()
    enhance.stretch_contrast(image)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.2 * image.nbytes + 2**20


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"low": -1}, ValueError, r"stretch_contrast: `low` must be at least 0, got -1"),
        ({"high": 101}, ValueError, r"stretch_contrast: `high` must be at most 100, got 101"),
        ({"low": 60, "high": 40}, ValueError, r"stretch_contrast: `low` must be below `high`, 40, got 60"),
        ({"low": "1"}, TypeError, r"stretch_contrast: `low` must be a number, got '1'"),
        ({"mask": np.zeros((2, 2))}, ValueError, r"`image` must hold a number inside the mask, got none"),
        ({"mask": np.zeros((2, 3))}, ValueError, r"stretch_contrast: `mask` must have shape \(2, 2\)"),
        ({"image": np.full((2, 2), np.nan)}, ValueError, r"stretch_contrast: `image` must hold a number, got none"),
        ({"out_range": "uint8"}, ValueError, r"`out_range` must be one of 'dtype', 'image', got 'uint8'"),
        ({"dtype": bool, "out_range": (0, 5)}, ValueError, r"`out_range` must lie in \[0, 1\] for a bool result"),
        ({"image": np.zeros((2, 2), complex)}, TypeError, r"`image` must have one of the dtypes"),
        ({"image": np.zeros((2, 2), object)}, TypeError, r"`image` must have one of the dtypes"),
    ],
)
def test_rejects(arguments, kind, message):
    with pytest.raises(kind, match=message):
        enhance.stretch_contrast(**{"image": np.zeros((2, 2), np.int16), **arguments})
