"""equalize_hist: scikit-image's cdf, mapped to the range and rounded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import exposure

from cormack import _cormack_cpu, enhance

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
SHAPES = [(1,), (7,), (16,), (65,), (5, 67), (2, 3, 5), (2, 2, 3, 35), (2049,), (3, 2047)]


def image_of(dtype, shape=(7, 131), seed=0):
    rng = np.random.default_rng(seed)
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        image = rng.normal(60, 40, shape) + 200 * rng.integers(0, 2, shape)
        return np.clip(np.rint(image), limits.min, limits.max).astype(dtype)
    return (rng.normal(0.2, 3, shape) + 9 * rng.integers(0, 2, shape)).astype(dtype)


def skimage_cdf(image, nbins=256, mask=None):
    return exposure.equalize_hist(image, nbins, mask).astype(np.float64)


def limits_of(image, out_range):
    if out_range == "image":
        return float(image.min()), float(image.max())
    if out_range == "dtype":
        return (0.0, 1.0) if image.dtype.kind == "f" else (np.iinfo(image.dtype).min, np.iinfo(image.dtype).max)
    return out_range


def assert_mapped(result, cdf, low, high, dtype):
    """Integers: rounded once. Floats: a few ulp of cdf's type, which scikit-image rounds before and we after."""
    exact = cdf * (high - low) + low
    assert result.dtype == dtype
    if np.issubdtype(dtype, np.integer):
        assert np.all(np.abs(result.astype(np.float64) - exact) <= 0.5 + abs(high - low) * 2.0**-50)
    else:
        ulp = np.finfo(dtype).eps
        assert np.all(np.abs(result - exact) <= 4 * ulp * (abs(high - low) + abs(low)))


@pytest.mark.parametrize("out_range", ["image", "dtype", (0, 100), (100.5, 7)], ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_skimage(dtype, out_range, isa):
    image = image_of(dtype)
    for nbins in (1, 2, 16, 256, 1000):
        result = enhance.equalize_hist(image, nbins, out_range=out_range)
        assert_mapped(result, skimage_cdf(image, nbins), *limits_of(image, out_range), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_skimage_for_shapes(dtype, isa):
    for shape in SHAPES:
        image = image_of(dtype, shape)
        mask = np.random.default_rng(1).random(shape) < 0.4
        mask.flat[0] = True
        for inside in (None, mask):
            result = enhance.equalize_hist(image, mask=inside, out_range=(0, 100))
            assert result.shape == shape
            assert_mapped(result, skimage_cdf(image, mask=inside), 0, 100, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_skimage_with_a_narrow_mask(dtype):
    """Values outside the mask's range take the nearest end of its cdf."""
    image = image_of(dtype, (30, 67))
    mask = (image > np.percentile(image, 30)) & (image < np.percentile(image, 70))
    result = enhance.equalize_hist(image, mask=mask, out_range=(0, 90))
    assert_mapped(result, skimage_cdf(image, mask=mask), 0, 90, dtype)


@pytest.mark.parametrize("dtype", ["uint32", "int32"])
def test_wide_integers_match_ranks(dtype):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 2**31, (9, 77)).astype(dtype)
    image[0, :5] = np.iinfo(dtype).min
    image[1, :5] = np.iinfo(dtype).max
    ranks = np.searchsorted(np.sort(image, axis=None), image, side="right") / image.size
    result = enhance.equalize_hist(image, out_range=(0, 1_000_000))
    np.testing.assert_array_equal(result, np.rint(ranks * 1_000_000))
    mask = np.abs(image.astype(np.float64) - 2**30) < 2**28
    inside = np.sort(image[mask])
    ranks = np.maximum(np.searchsorted(inside, image, side="right"), np.count_nonzero(inside == inside[0]))
    result = enhance.equalize_hist(image, mask=mask, out_range=(0, 1_000_000))
    np.testing.assert_array_equal(result, np.rint(ranks / len(inside) * 1_000_000))


@pytest.mark.parametrize("dtype", ["uint16", "int16", "uint8"])
def test_every_value_matches_skimage(dtype):
    limits = np.iinfo(dtype)
    image = np.arange(limits.min, limits.max + 1).astype(dtype)
    image = np.concatenate([image, image[100:200], image[:7]])
    for out_range in ("image", "dtype", (3, 99)):
        result = enhance.equalize_hist(image, out_range=out_range)
        assert_mapped(result, skimage_cdf(image), *limits_of(image, out_range), dtype)


def test_bool_counts_both_values():
    image = np.array([[True, False, False, False]])
    np.testing.assert_array_equal(enhance.equalize_hist(image), [[True, True, True, True]])
    np.testing.assert_array_equal(enhance.equalize_hist(~image), [[False, True, True, True]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_is_left_out_and_stays(dtype, isa):
    image = image_of(dtype, (9, 133))
    expected = enhance.equalize_hist(image[1:])
    image[0] = np.nan
    result = enhance.equalize_hist(image)
    assert np.isnan(result[0]).all()
    np.testing.assert_array_equal(result[1:], expected)
    assert np.isnan(enhance.equalize_hist(np.full((3, 4), np.nan, dtype))).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_as_close_as_rounding_keep_their_order(dtype):
    one = np.ones(1, dtype)
    image = (one + np.spacing(one) * np.arange(9)).astype(dtype)
    for nbins in (2, 4, 8):
        result = enhance.equalize_hist(image, nbins, out_range=(0, 1))
        assert np.all(np.diff(result) >= 0)
    assert np.all(np.diff(enhance.equalize_hist(np.float32(image), 256, out_range=(0, 1))) >= 0)


@pytest.mark.parametrize("dtype", ["bool", *DTYPES])
def test_one_value_stays(dtype):
    image = np.full((3, 50), 1, dtype)
    np.testing.assert_array_equal(enhance.equalize_hist(image), image)


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 4, 5)], ids=str)
@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_empty(shape, dtype):
    result = enhance.equalize_hist(np.zeros(shape, dtype))
    assert result.shape == shape
    assert result.dtype == dtype


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_result_does_not_depend_on_layout(layout, dtype):
    for shape in [(65,), (5, 67), (3, 5, 65), (2, 3, 4, 17), (2, 3, 2, 3, 5)]:
        image = image_of(dtype, shape)
        mask = np.random.default_rng(1).random(shape) < 0.5
        mask.flat[0] = True
        np.testing.assert_array_equal(enhance.equalize_hist(layout(image)), enhance.equalize_hist(image))
        expected = enhance.equalize_hist(image, mask=mask)
        np.testing.assert_array_equal(enhance.equalize_hist(layout(image), mask=mask), expected)
        np.testing.assert_array_equal(enhance.equalize_hist(image, mask=layout(mask)), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_same_bits_for_threads_and_levels(dtype):
    image = image_of(dtype, (70, 65, 129))
    results = set()
    before = _cormack_cpu.isa()
    for isa in _cormack_cpu.available_isas():
        _cormack_cpu.use_isa(isa)
        for workers in (1, 2, 3):
            results.add(enhance.equalize_hist(image, workers=workers).tobytes())
    _cormack_cpu.use_isa(before)
    assert len(results) == 1


@given(st.integers(0, 2**32), st.sampled_from(DTYPES), st.integers(2, 300), st.integers(1, 300))
def test_never_changes_the_order(seed, dtype, size, nbins):
    image = np.sort(image_of(dtype, (size,), seed))
    result = enhance.equalize_hist(image, nbins)
    assert np.all(np.diff(result.astype(np.float64)) >= 0)
    assert result[-1] == image[-1]


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"nbins": 0}, ValueError, r"equalize_hist: `nbins` must be at least 1, got 0"),
        ({"mask": np.zeros((2, 2))}, ValueError, r"equalize_hist: `mask` must contain a voxel, got none"),
        ({"mask": np.zeros((2, 3))}, ValueError, r"equalize_hist: `mask` must have shape \(2, 2\)"),
        ({"out_range": "uint8"}, ValueError, r"`out_range` must be one of 'image', 'dtype', got 'uint8'"),
        ({"out_range": (0, np.nan)}, ValueError, r"equalize_hist: `out_range` must be finite, got nan"),
        ({"image": np.array([[0, np.inf]])}, ValueError, r"`image` must be finite or NaN, got values from 0.0 to inf"),
        (
            {"image": np.array([[0, np.nan]]), "mask": np.array([[False, True]])},
            ValueError,
            r"`mask` must contain a voxel that is not",
        ),
        ({"image": np.array([[0, 1e-320]])}, ValueError, r"equalize_hist: `nbins` must leave each bin a width, got"),
    ],
)
def test_rejects(arguments, kind, message):
    with pytest.raises(kind, match=message):
        enhance.equalize_hist(**{"image": np.zeros((2, 2), np.int16), **arguments})
