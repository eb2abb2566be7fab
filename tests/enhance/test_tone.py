"""adjust_gamma, adjust_log and adjust_sigmoid: scikit-image within its truncation, and the formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import exposure

from cormack import _cormack_cpu, enhance

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
SHAPES = [(1,), (7,), (16,), (65,), (5, 67), (2, 3, 5), (2, 2, 3, 35), (2049,), (3, 2047)]
CURVES = {
    "gamma 1": (enhance.adjust_gamma, exposure.adjust_gamma, {}),
    "gamma 0": (enhance.adjust_gamma, exposure.adjust_gamma, {"gamma": 0}),
    "gamma 2.2": (enhance.adjust_gamma, exposure.adjust_gamma, {"gamma": 2.2}),
    "gamma 0.4": (enhance.adjust_gamma, exposure.adjust_gamma, {"gamma": 0.4, "gain": 0.8}),
    "log": (enhance.adjust_log, exposure.adjust_log, {}),
    "log gain": (enhance.adjust_log, exposure.adjust_log, {"gain": 0.7}),
    "log inv": (enhance.adjust_log, exposure.adjust_log, {"inv": True}),
    "sigmoid": (enhance.adjust_sigmoid, exposure.adjust_sigmoid, {}),
    "sigmoid inv": (enhance.adjust_sigmoid, exposure.adjust_sigmoid, {"cutoff": 0.3, "gain": 5, "inv": True}),
    "sigmoid falling": (enhance.adjust_sigmoid, exposure.adjust_sigmoid, {"cutoff": 0.3, "gain": -5}),
    "sigmoid flat": (enhance.adjust_sigmoid, exposure.adjust_sigmoid, {"gain": 0}),
}


def image_of(dtype, shape=(7, 131), seed=0):
    rng = np.random.default_rng(seed)
    if np.issubdtype(dtype, np.integer):
        image = rng.integers(0, np.iinfo(dtype).max, shape, endpoint=True).astype(dtype)
        image.flat[:2] = [0, np.iinfo(dtype).max][: image.size]
    else:
        image = (1.1 * rng.random(shape)).astype(dtype)
        image.flat[:4] = [0, 1, 1e-30, 1e-40][: image.size]
    return image


def exact_of(curve, image, in_range=None, **arguments):
    """The formula in float64, and what it is a multiple of."""
    x = image.astype(np.float64)
    low, high = in_range or (0.0, 1.0 if image.dtype.kind == "f" else float(np.iinfo(image.dtype).max))
    if in_range and curve is not enhance.adjust_sigmoid:
        x = np.clip(x, low, high)
    t = (x - low) / (high - low)
    gain = arguments.get("gain", 10 if curve is enhance.adjust_sigmoid else 1)
    if curve is enhance.adjust_gamma:
        y = gain * t ** arguments.get("gamma", 1)
    elif curve is enhance.adjust_log:
        y = gain * ((2**t - 1) if arguments.get("inv") else np.log2(1 + t))
    else:
        with np.errstate(over="ignore"):
            y = 1 / (1 + np.exp(gain * (arguments.get("cutoff", 0.5) - t)))
        y = 1 - y if arguments.get("inv") else y
    return low + (high - low) * y, high - low


def assert_rounded_once(result, exact, dtype, span):
    """1e-13 covers the powers of numbers down to 1e-40: 2 gamma |ln t| ulp."""
    slack = 1e-13 * np.maximum(span, np.abs(exact))
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        assert np.all(np.abs(result - np.clip(exact, limits.min, limits.max)) <= 0.5 + slack)
    else:
        assert np.all(np.abs(result - exact) <= 0.5 * np.spacing(np.abs(exact).astype(dtype)) + slack)


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_skimage(dtype, name, isa):
    """scikit-image cuts off what we round (but for uint8), and rounds powers of float32 in float32."""
    curve, oracle, arguments = CURVES[name]
    for shape in SHAPES:
        image = image_of(dtype, shape)
        result = curve(image, **arguments)
        assert (result.dtype, result.shape) == (image.dtype, shape)
        exact, span = exact_of(curve, image, **arguments)
        assert_rounded_once(result, exact, dtype, span)
        expected = oracle(image, **arguments).astype(np.float64)
        if np.issubdtype(dtype, np.integer):
            assert np.abs(result - expected).max() <= 1 + 1e-9 * np.iinfo(dtype).max * (dtype in ("uint32", "int32"))
        else:
            tolerance = 1e-12 if dtype == "float64" else 8 * 2.0**-23
            np.testing.assert_allclose(result, expected, rtol=20 * tolerance, atol=tolerance)


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("dtype", ["int16", "int32", "float32", "float64"])
def test_ranges_match_the_formula(dtype, name):
    curve, _, arguments = CURVES[name]
    rng = np.random.default_rng(1)
    image = np.rint(rng.normal(0, 800, (7, 131))).astype(dtype)
    exact, span = exact_of(curve, image, (-1000.0, 1000.0), **arguments)
    assert_rounded_once(curve(image, in_range=(-1000, 1000), **arguments), exact, dtype, span)
    ends = (float(image.min()), float(image.max()))
    exact, span = exact_of(curve, image, ends, **arguments)
    assert_rounded_once(curve(image, in_range="image", **arguments), exact, dtype, span)


@pytest.mark.parametrize("curve", [enhance.adjust_gamma, enhance.adjust_log, enhance.adjust_sigmoid])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
def test_large_images_equal_small_ones(dtype, curve, isa):
    limits = np.iinfo(dtype)
    values = np.arange(limits.min, limits.max + 1).astype(dtype)
    large = np.resize(values, (5, 65536))
    for in_range in ("image", (-20, 100)):
        small = curve(values, gain=1.3, in_range=in_range)
        np.testing.assert_array_equal(curve(large, gain=1.3, in_range=in_range), np.resize(small, large.shape))


@given(
    st.integers(0, 2**32), st.sampled_from(DTYPES), st.floats(0, 20), st.floats(-3, 3), st.floats(-1e4, 1e4),
    st.floats(1e-3, 1e5),
)  # fmt: skip
def test_any_gamma_matches_the_formula(seed, dtype, gamma, gain, low, width):
    image = image_of(dtype, (3, 50), seed)
    in_range = (low, low + width)
    result = enhance.adjust_gamma(image, gamma, gain, in_range=in_range)
    exact, span = exact_of(enhance.adjust_gamma, image, in_range, gamma=gamma, gain=gain)
    assert_rounded_once(result, exact, dtype, 10 * (span + abs(low)))


def test_saturates():
    np.testing.assert_array_equal(enhance.adjust_gamma(np.array([0, 100, 200], np.uint8), 1, 2), [0, 200, 255])
    np.testing.assert_array_equal(enhance.adjust_gamma(np.array([0, 100, 20000], np.int16), 1, -2), [0, -200, -32768])


def test_rounds_half_to_even():
    image = np.array([1, 3, 5, 7], np.int16)
    np.testing.assert_array_equal(enhance.adjust_gamma(image, 1, 0.5), [0, 2, 2, 4])


def test_ends_are_exact():
    for dtype in ("float32", "float64"):
        for gamma in (0.1, 0.45, 1, 2.2, 17):
            np.testing.assert_array_equal(enhance.adjust_gamma(np.array([0, 1], dtype), gamma), [0, 1])
        np.testing.assert_array_equal(enhance.adjust_log(np.array([0, 1], dtype)), [0, 1])
        np.testing.assert_array_equal(enhance.adjust_log(np.array([0, 1], dtype), inv=True), [0, 1])


@pytest.mark.parametrize("curve", [enhance.adjust_gamma, enhance.adjust_log, enhance.adjust_sigmoid])
def test_nan_stays_and_infinity_follows(curve):
    for dtype in ("float32", "float64"):
        image = np.array([np.nan, 0.25, np.inf, 1e30, -np.nan], dtype)
        result = curve(image)
        np.testing.assert_array_equal(np.isnan(result), np.isnan(image))
        assert result[2] == (1 if curve is enhance.adjust_sigmoid else np.inf)
        assert np.isnan(curve(np.full((2, 3), np.nan, dtype), in_range="image")).all()
        assert np.isnan(curve(np.full((2, 3), np.nan, dtype))).all()


def test_powers_of_extremes():
    image = np.array([0, 5e-324, 1e-310, 1e-300, 1e-10, 1e300, 1.7e308, np.inf])
    with np.errstate(all="ignore"):
        for gamma in (0, 0.01, 0.5, 1, 1.5, 3, 1000):
            expected = image**gamma
            result = enhance.adjust_gamma(image, gamma)
            normal = (expected >= 1e-300) | (expected == 0)
            np.testing.assert_allclose(result[normal], expected[normal], rtol=1e-12)
            assert np.all(np.abs(result[~normal] - expected[~normal]) <= 1e-300)


@pytest.mark.parametrize("curve", [enhance.adjust_gamma, enhance.adjust_log])
@pytest.mark.parametrize("dtype", ["bool", *DTYPES])
def test_constant_and_empty(dtype, curve):
    image = np.ones((3, 50), dtype)
    np.testing.assert_array_equal(curve(image, gain=3, in_range="image"), image)
    for shape in [(0,), (3, 0)]:
        for in_range in ("dtype", "image"):
            result = curve(np.zeros(shape, dtype), in_range=in_range)
            assert (result.shape, result.dtype) == (shape, dtype)


def test_bool():
    image = np.array([True, False, True])
    for gain, expected in [(1, [1, 0, 1]), (7, [1, 0, 1]), (0.3, [0, 0, 0]), (-1, [0, 0, 0])]:
        result = enhance.adjust_gamma(image, 2, gain)
        assert result.dtype == bool
        np.testing.assert_array_equal(result.view(np.uint8), expected)


@pytest.mark.parametrize("curve", [enhance.adjust_gamma, enhance.adjust_log, enhance.adjust_sigmoid])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_result_does_not_depend_on_layout(layout, dtype, curve):
    for shape in [(65,), (5, 67), (3, 5, 65), (2, 3, 4, 17), (2, 3, 2, 3, 5)]:
        image = image_of(dtype, shape)
        np.testing.assert_array_equal(curve(layout(image)), curve(image))


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("dtype", ["int16", "int32", "float32", "float64"])
def test_same_bits_for_threads_and_levels(dtype, name):
    curve, _, arguments = CURVES[name]
    image = image_of(dtype, (30, 65, 129))
    results = set()
    before = _cormack_cpu.isa()
    for isa in _cormack_cpu.available_isas():
        _cormack_cpu.use_isa(isa)
        for workers in (1, 2, 3):
            results.add(curve(image, workers=workers, **arguments).tobytes())
    _cormack_cpu.use_isa(before)
    assert len(results) == 1


@pytest.mark.parametrize("curve", ["adjust_gamma", "adjust_log", "adjust_sigmoid"])
def test_rejects(curve):
    call = getattr(enhance, curve)
    ct = np.array([[-1024, 0, 3071]], np.int16)
    for arguments, kind, message in [
        ({}, ValueError, rf"{curve}: `image` must not be negative where `in_range` is 'dtype' .* got -1024"),
        ({"in_range": (5, 5)}, ValueError, rf"{curve}: `in_range` must increase, got \(5, 5\)"),
        ({"in_range": "uint8"}, ValueError, r"`in_range` must be one of 'dtype', 'image', got 'uint8'"),
        ({"in_range": (0, np.inf)}, ValueError, r"`in_range` must be finite, got inf"),
        ({"gain": np.nan}, ValueError, r"`gain` must be finite, got nan"),
        ({"workers": 0}, ValueError, r"`workers` must be at least 1, got 0"),
    ]:
        with pytest.raises(kind, match=message):
            call(ct, **arguments)
    with pytest.raises(ValueError, match=r"`image` must be finite or NaN where `in_range` is 'image'"):
        call(np.array([0, np.inf]), in_range="image")
    for dtype in (complex, object):
        with pytest.raises(TypeError, match="`image` must have one of the dtypes"):
            call(np.zeros((2, 2), dtype))
    with pytest.raises(ValueError, match="`gamma` must be at least 0, got -1"):
        enhance.adjust_gamma(ct, -1)


def test_sigmoid_halves_at_the_cutoff():
    ct = np.array([[-1000, -160, 40, 240, 1000]], np.int16)
    result = enhance.adjust_sigmoid(ct, in_range=(-160, 240))
    np.testing.assert_array_equal(result[0, [0, 2, 4]], [-160, 40, 240])
    np.testing.assert_array_equal(enhance.adjust_sigmoid(ct, inv=True, in_range=(-160, 240)), result[:, ::-1])
