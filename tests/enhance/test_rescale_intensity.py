"""rescale_intensity: scikit-image's ranges and types, with rounding, saturation and NaN handled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import exposure
from skimage.exposure.exposure import intensity_range

from cormack import _cormack_cpu, enhance

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
NAMED = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64", "float", "uint10", "uint12",
         "uint14"]  # fmt: skip


def image_of(dtype, shape=(7, 67), seed=0):
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return rng.integers(max(limits.min, -100), min(limits.max, 3000), shape, endpoint=True).astype(dtype)
    return rng.normal(0.2, 3, shape).astype(dtype)


def skimage_rounded(image, in_range, out_range, dtype):
    """scikit-image's result before its last step, which cuts off and wraps; rounded instead."""
    low, high = map(float, intensity_range(image, in_range))
    out = tuple(map(float, intensity_range(image, out_range, clip_negative=low >= 0)))
    exact = exposure.rescale_intensity(image.astype(np.float64), (low, high), out)
    return exact, out


def assert_close(result, exact, span):
    if result.dtype.kind == "f":
        ulp = np.spacing(np.abs(exact).astype(result.dtype)).astype(np.float64)
        np.testing.assert_array_less(np.abs(result.astype(np.float64) - exact), 0.5 * ulp + span * 2.0**-50 + 1e-300)
    else:
        limits = (0, 1) if result.dtype == bool else (np.iinfo(result.dtype).min, np.iinfo(result.dtype).max)
        assert np.all(np.abs(result.astype(np.float64) - np.clip(exact, *limits)) <= 0.5 + span * 2.0**-50)


@pytest.mark.parametrize("out_range", ["image", "dtype", *NAMED, (0, 1), (-7.5, 250), (255, 0)], ids=str)
@pytest.mark.parametrize("dtype", DTYPES[1:])
def test_matches_skimage(dtype, out_range):
    image = image_of(dtype)
    for in_range in ["image", "dtype", "uint12", "int16", "float", (-3, 40), (0.25, 0.75), (5, 5)]:
        if in_range == (5, 5) and out_range == (255, 0):  # scikit-image clips to a range that decreases
            continue
        result = enhance.rescale_intensity(image, in_range, out_range)
        exact, out = skimage_rounded(image, in_range, out_range, dtype)
        with np.errstate(invalid="ignore"):
            assert result.dtype == exposure.rescale_intensity(image, in_range, out_range).dtype
        assert_close(result, exact, abs(out[1] - out[0]))


@pytest.mark.parametrize("dtype", DTYPES[1:])
@pytest.mark.parametrize("out", DTYPES)
def test_dtype_is_kept_apart_from_the_range(dtype, out):
    image = image_of(dtype)
    result = enhance.rescale_intensity(image, out_range=(0, 1), dtype=out)
    assert result.dtype == out
    exact, _ = skimage_rounded(image, "image", (0, 1), dtype)
    assert_close(result, exact, 1)


@pytest.mark.parametrize("value", [np.uint8, np.dtype("uint8"), "uint8"], ids=str)
def test_types_name_ranges(value):
    image = image_of("int16")
    expected = enhance.rescale_intensity(image, out_range=(-100, 255), dtype="uint8")
    np.testing.assert_array_equal(enhance.rescale_intensity(image, (-100, 3000), value).dtype, expected.dtype)
    result = enhance.rescale_intensity(image, value, (0, 1))
    np.testing.assert_allclose(result, np.clip(image, 0, 255) / 255, rtol=0, atol=1e-15)


def test_rounds_and_saturates_where_skimage_cuts_and_wraps():
    image = np.array([[51, 102, 153]], np.uint8)
    np.testing.assert_array_equal(enhance.rescale_intensity(image), [[0, 128, 255]])
    result = enhance.rescale_intensity(image, out_range=(-50, 300), dtype="uint8")
    np.testing.assert_array_equal(result, [[0, 125, 255]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_is_left_out_and_stays(dtype, isa):
    image = image_of(dtype, (9, 131))
    image[::2, ::3] = np.nan
    known = ~np.isnan(image)
    result = enhance.rescale_intensity(image)
    np.testing.assert_array_equal(np.isnan(result), ~known)
    np.testing.assert_array_equal(result[known], enhance.rescale_intensity(image[known], out_range=(-1, 1)))
    assert np.all(enhance.rescale_intensity(image, out_range=(3, 9), dtype="uint8")[~known] == 3)
    assert np.isnan(enhance.rescale_intensity(np.full((2, 3), np.nan, dtype))).all()


def test_infinity_needs_a_range():
    image = np.array([[0, 1, np.inf]])
    with pytest.raises(
        ValueError, match=r"`image` must be finite where a range is 'image', got values from 0.0 to inf"
    ):
        enhance.rescale_intensity(image)
    np.testing.assert_array_equal(enhance.rescale_intensity(image, (0, 2)), [[0, 0.5, 1]])


@pytest.mark.parametrize("dtype", DTYPES[1:])
def test_one_value_is_clipped_like_skimage(dtype):
    image = np.full((3, 4), 100, dtype)
    for out_range in ("dtype", (0, 7), (0, 200), "image"):
        result = enhance.rescale_intensity(image, out_range=out_range)
        np.testing.assert_array_equal(result, exposure.rescale_intensity(image, out_range=out_range))


def test_clipping_keeps_values():
    image = np.random.default_rng(0).normal(0, 1, (5, 100)) * 1e-7 + 0.3
    np.testing.assert_array_equal(enhance.rescale_intensity(image, (0.1, 0.9), (0.1, 0.9)), image)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(0,), (0, 5), (1,), (17,), (2, 2, 3, 35), (2049,)], ids=str)
def test_shapes(shape, dtype, isa):
    image = image_of(dtype, shape)
    result = enhance.rescale_intensity(image)
    assert result.shape == shape
    assert result.dtype == dtype
    if image.size > 1:
        exact, out = skimage_rounded(image, "image", dtype, dtype)
        assert_close(result, exact, out[1] - out[0])


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_result_does_not_depend_on_layout(layout, dtype):
    for shape in [(65,), (5, 67), (3, 5, 65), (2, 3, 4, 17), (2, 3, 2, 3, 5)]:
        image = image_of(dtype, shape)
        np.testing.assert_array_equal(enhance.rescale_intensity(layout(image)), enhance.rescale_intensity(image))


@pytest.mark.parametrize("dtype", DTYPES)
def test_same_bits_for_threads_and_levels(dtype):
    image = image_of(dtype, (70, 65, 129))
    results = set()
    before = _cormack_cpu.isa()
    for isa in _cormack_cpu.available_isas():
        _cormack_cpu.use_isa(isa)
        for workers in (1, 2, 3):
            results.add(enhance.rescale_intensity(image, workers=workers).tobytes())
    _cormack_cpu.use_isa(before)
    assert len(results) == 1


@given(st.integers(0, 2**32), st.sampled_from(DTYPES[1:]), st.integers(1, 200))
def test_extremes_go_to_the_ends(seed, dtype, size):
    image = image_of(dtype, (size,), seed)
    result = enhance.rescale_intensity(image, out_range=(10, 20))
    if image.min() < image.max():
        assert result[image.argmin()] == 10
        assert result[image.argmax()] == 20
    assert np.all((result >= 10) & (result <= 20))


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"in_range": (2, 1)}, ValueError, r"rescale_intensity: `in_range` must not decrease, got \(2, 1\)"),
        ({"in_range": "images"}, ValueError, r"`in_range` must be 'image', 'dtype', the name of a dtype or two numb"),
        ({"out_range": "complex64"}, ValueError, r"`out_range` must be 'image', 'dtype', the name of a dtype or two"),
        ({"out_range": 3}, TypeError, r"rescale_intensity: `out_range` must be two numbers, got 3"),
        ({"out_range": "int64"}, TypeError, r"`dtype` must be one of bool"),
        ({"in_range": (0, np.nan)}, ValueError, r"rescale_intensity: `in_range` must be finite, got nan"),
        ({"dtype": "float16"}, TypeError, r"rescale_intensity: `dtype` must be one of bool, .*, got 'float16'"),
    ],
)
def test_rejects(arguments, kind, message):
    with pytest.raises(kind, match=message):
        enhance.rescale_intensity(**{"image": np.zeros((2, 2), np.int16), **arguments})
