"""threshold_enhance: its definition in NumPy, for every combination of thresholds, replacements and softness."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cormack import _cormack_cpu, enhance

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
SHAPES = [(1,), (7,), (16,), (65,), (5, 67), (2, 3, 5), (2, 2, 3, 35), (2049,), (3, 2047)]
COMBINATIONS = [
    {"lower": lower, "upper": upper, "inside": inside, "outside": outside, "softness": softness}
    for lower, upper in [(20, None), (None, 90), (20, 90), (20.5, 80.25), (50, 50)]
    for inside in (None, 100)
    for outside in (None, 0, -7.5, (3, 120), (None, 5), (5, None))
    for softness in (0, 10, 29.5)
    if not (inside is None and outside is None) and not (lower == upper and softness)
]


def image_of(dtype, shape=(7, 131), seed=0):
    rng = np.random.default_rng(seed)
    if np.issubdtype(dtype, np.integer):
        return rng.integers(0, 120, shape).astype(dtype)
    image = rng.uniform(-20, 140, shape)
    image.flat[:7] = [20, 90, 50, np.inf, -np.inf, 20.5, 1e30][: image.size]
    return image.astype(dtype)


def limits_of(dtype):
    return (-np.inf, np.inf) if np.dtype(dtype).kind == "f" else (np.iinfo(dtype).min, np.iinfo(dtype).max)


def definition(image, lower=None, upper=None, inside=None, outside=None, softness=0):
    x = image.astype(np.float64)
    below, above = outside if isinstance(outside, tuple) else (outside, outside)
    middle, under, over = (x if value is None else np.full_like(x, value) for value in (inside, below, above))
    result = middle.copy()
    with np.errstate(invalid="ignore"):
        for threshold, left, right, outer in ((lower, under, middle, "left"), (upper, middle, over, "right")):
            if threshold is None:
                continue
            if softness == 0:
                chosen = x < threshold if outer == "left" else x > threshold
                result = np.where(chosen, left if outer == "left" else right, result)
                continue
            u = np.clip((x - threshold) / softness + 0.5, 0, 1)
            w = 3 * u**2 - 2 * u**3
            knee = np.abs(x - threshold) <= softness / 2
            result = np.where(knee, left + (right - left) * w, result)
            beyond = x < threshold - softness / 2 if outer == "left" else x > threshold + softness / 2
            result = np.where(beyond, left if outer == "left" else right, result)
    return np.where(np.isnan(x), x, result)


def assert_rounded_once(result, exact, dtype):
    assert result.dtype == dtype
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        assert np.all(np.abs(result - np.clip(exact, limits.min, limits.max)) <= 0.5 + 1e-9)
    else:
        np.testing.assert_allclose(result, exact, rtol=2 * np.finfo(dtype).eps, atol=300 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_the_definition(dtype, isa):
    image = image_of(dtype)
    for arguments in COMBINATIONS:
        result = enhance.threshold_enhance(image, **arguments)
        assert_rounded_once(result, definition(image, **arguments), dtype)
        if arguments["softness"] == 0 and image.dtype.kind == "f":
            np.testing.assert_array_equal(result, definition(image, **arguments).astype(dtype))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shapes(shape, isa):
    for dtype in ("int16", "float32"):
        image = image_of(dtype, shape)
        result = enhance.threshold_enhance(image, 20, 90, inside=100, outside=0, softness=10)
        assert result.shape == shape
        assert_rounded_once(result, definition(image, 20, 90, 100, 0, 10), dtype)


def test_ct():
    ct = np.arange(-1024, 3072).astype(np.int16)
    clipped = enhance.threshold_enhance(ct, -160, 240, outside=(-160, 240))
    np.testing.assert_array_equal(clipped, np.clip(ct, -160, 240))
    sliced = enhance.threshold_enhance(ct, -160, 240, inside=1000)
    np.testing.assert_array_equal(sliced, np.where((ct >= -160) & (ct <= 240), 1000, ct))
    air = enhance.threshold_enhance(ct, lower=-160, outside=-1000)
    np.testing.assert_array_equal(air, np.where(ct < -160, -1000, ct))
    bone = enhance.threshold_enhance(ct, upper=240, outside=0)
    np.testing.assert_array_equal(bone, np.where(ct > 240, 0, ct))
    # A knee is smooth: nowhere steeper than it must be, and without a jump.
    soft = enhance.threshold_enhance(ct, lower=0, outside=-1000, softness=400).astype(int)
    assert np.abs(np.diff(soft)).max() <= 1 + 1.5 * 1200 / 400 + 1
    assert np.all(np.diff(soft) >= 0)


def test_matches_itk():
    sitk = pytest.importorskip("SimpleITK")
    image = image_of("int16", (9, 77))
    expected = sitk.Threshold(sitk.GetImageFromArray(image), 20.0, 90.0, -5.0)
    result = enhance.threshold_enhance(image, 20, 90, outside=-5)
    np.testing.assert_array_equal(result, sitk.GetArrayFromImage(expected))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
def test_large_images_equal_small_ones(dtype, isa):
    limits = np.iinfo(dtype)
    values = np.arange(limits.min, limits.max + 1).astype(dtype)
    large = np.resize(values, (5, 65536))
    for arguments in COMBINATIONS[::7]:
        small = enhance.threshold_enhance(values, **arguments)
        np.testing.assert_array_equal(enhance.threshold_enhance(large, **arguments), np.resize(small, large.shape))


def test_saturates_and_bool():
    result = enhance.threshold_enhance(np.array([10, 200], np.uint8), 100, inside=999, outside=-5)
    np.testing.assert_array_equal(result, [0, 255])
    image = np.array([True, False])
    np.testing.assert_array_equal(enhance.threshold_enhance(image, 0.5, inside=0, outside=1), ~image)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_stays(dtype, isa):
    image = np.full((3, 40), np.nan, dtype)
    for inside, softness in itertools.product((None, 5), (0, 3)):
        assert np.isnan(enhance.threshold_enhance(image, 1, 7, inside=inside, outside=0, softness=softness)).all()


@given(
    st.integers(0, 2**32), st.sampled_from(DTYPES), st.floats(-50, 150), st.floats(0, 100), st.floats(0, 1),
    st.sampled_from([None, 7, 33.25]), st.sampled_from([None, 0, 99.5]), st.sampled_from([0, 50]),
)  # fmt: skip
def test_any_matches_the_definition(seed, dtype, lower, width, part, inside, below, above):
    image = image_of(dtype, (2, 60), seed)
    # Softness of no sense beside the thresholds makes 1 / softness inexact by more than the bound.
    softness = part * width if part * width > 1e-3 else 0
    arguments = {"lower": lower, "upper": lower + width, "inside": inside, "outside": (below, above)}
    if softness > (lower + width) - lower:
        softness = (lower + width) - lower
    result = enhance.threshold_enhance(image, softness=softness, **arguments)
    exact = definition(image, softness=softness, **arguments)
    if softness:
        # 1 / softness and the thresholds are rounded: what that moves a value by, times the steepest slope.
        finite = np.isfinite(exact) & (np.abs(exact) < 1e6)
        bound = 1e-4 if result.dtype.kind == "f" else 0.5 + 1e-6
        assert np.all(np.abs(result[finite] - np.clip(exact[finite], *limits_of(dtype))) <= bound)
    else:
        assert_rounded_once(result, exact, dtype)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_result_does_not_depend_on_layout(layout, dtype):
    for shape in [(65,), (5, 67), (3, 5, 65), (2, 3, 4, 17), (2, 3, 2, 3, 5)]:
        image = image_of(dtype, shape)
        arguments = {"lower": 20, "upper": 90, "outside": 0, "softness": 20}
        expected = enhance.threshold_enhance(image, **arguments)
        np.testing.assert_array_equal(enhance.threshold_enhance(layout(image), **arguments), expected)


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32", "float64"])
def test_same_bits_for_threads_and_levels(dtype):
    image = image_of(dtype, (70, 65, 129))
    results = set()
    before = _cormack_cpu.isa()
    for isa in _cormack_cpu.available_isas():
        _cormack_cpu.use_isa(isa)
        for workers in (1, 2, 3):
            result = enhance.threshold_enhance(image, 20, 90, outside=(0, 77), softness=33, workers=workers)
            results.add(result.tobytes())
    _cormack_cpu.use_isa(before)
    assert len(results) == 1


def test_empty():
    for dtype in ("bool", *DTYPES):
        assert enhance.threshold_enhance(np.zeros((3, 0), dtype), 0.5, inside=1).shape == (3, 0)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"inside": 1}, ValueError, r"`lower` must be a number where `upper` is None, got None"),
        ({"lower": 5, "upper": 1, "inside": 1}, ValueError, r"`lower` must not be above `upper`, 1, got 5"),
        ({"lower": 5}, ValueError, r"`inside` must be a number where `outside` is None: nothing would change"),
        ({"lower": 1, "inside": 1, "softness": -1}, ValueError, r"`softness` must be at least 0, got -1"),
        (
            {"lower": 1, "upper": 3, "inside": 1, "softness": 3},
            ValueError,
            r"`softness` must be at most upper - lower, 2",
        ),
        ({"lower": np.nan, "inside": 1}, ValueError, r"`lower` must be finite, got nan"),
        ({"lower": 1, "inside": np.inf}, ValueError, r"`inside` must be finite, got inf"),
        ({"lower": 1, "inside": "a"}, TypeError, r"`inside` must be a number, got 'a'"),
        ({"lower": 1, "outside": (1, 2, 3)}, ValueError, r"`outside` must be a number, None, or one for each side"),
        (
            {"lower": 1, "inside": 2, "image": np.zeros(2, bool)},
            ValueError,
            r"`inside` must lie in \[0, 1\] for a bool",
        ),
        ({"lower": 1, "inside": 2, "image": np.zeros(2, complex)}, TypeError, r"`image` must have one of the dtypes"),
    ],
)
def test_rejects(arguments, kind, message):
    with pytest.raises(kind, match="threshold_enhance: " + message):
        enhance.threshold_enhance(**{"image": np.zeros((2, 2), np.int16), **arguments})
