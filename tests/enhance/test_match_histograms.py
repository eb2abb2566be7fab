"""match_histograms: scikit-image's result, rounded for integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import exposure

from cormack import _cormack_cpu, enhance

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


def image_of(dtype, shape=(7, 131), seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    values = rng.normal(60, 40 * scale, shape) + 30 * rng.integers(0, 2, shape)
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return np.clip(np.rint(values), limits.min, limits.max).astype(dtype)
    return values.astype(dtype)


def skimage_match(image, reference):
    """In float64, of values that float64 holds, so that it neither rounds nor wraps."""
    matched = exposure.match_histograms(image.astype(np.float64).ravel(), reference.astype(np.float64).ravel())
    return matched.reshape(image.shape)


def assert_rounded_once(result, exact, dtype):
    assert result.dtype == dtype
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        np.testing.assert_array_equal(result, np.clip(np.rint(exact), limits.min, limits.max))
    else:
        np.testing.assert_array_equal(result, exact.astype(dtype))


@pytest.mark.parametrize("other", ["uint8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_skimage(dtype, other):
    for shape, size in [
        ((7, 131), (50, 61)),
        ((1,), (5,)),
        ((3, 2047), (2,)),
        ((2, 2, 3, 35), (3, 1, 1)),
        ((65,), (1,)),
    ]:
        image, reference = image_of(dtype, shape), image_of(other, size, 1, 0.6)
        exact = skimage_match(image, reference)
        assert_rounded_once(enhance.match_histograms(image, reference), exact, dtype)
        np.testing.assert_array_equal(enhance.match_histograms(image, reference, dtype=np.float64), exact)


@pytest.mark.parametrize("dtype", ["uint32", "int32", "float32", "float64"])
def test_wide_values_match_skimage(dtype):
    rng = np.random.default_rng(0)
    if dtype[0] == "f":
        image = (rng.standard_normal(5000) * 10.0 ** rng.integers(-30, 30, 5000)).astype(dtype)
        reference = (rng.standard_normal(3000) * 10.0 ** rng.integers(-5, 5, 3000)).astype(dtype)
    else:
        limits = np.iinfo(dtype)
        image, reference = (rng.integers(limits.min, limits.max, n, endpoint=True).astype(dtype) for n in (5000, 3000))
    image[:500] = image[0]
    reference[:900] = reference[5]
    assert_rounded_once(enhance.match_histograms(image, reference), skimage_match(image, reference), dtype)


@given(
    st.integers(0, 2**32), st.sampled_from(DTYPES), st.sampled_from(DTYPES), st.integers(1, 300), st.integers(1, 300),
    st.integers(1, 50),
)  # fmt: skip
def test_any_matches_skimage(seed, dtype, other, n, m, step):
    image, reference = image_of(dtype, (n,), seed), image_of(other, (m,), seed + 1)
    if seed % 2:
        image, reference = (a // np.array(step, a.dtype) for a in (image, reference))
    assert_rounded_once(enhance.match_histograms(image, reference), skimage_match(image, reference), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_masks(dtype):
    image, reference = image_of(dtype, (40, 67)), image_of(dtype, (30, 50), 1, 0.5)
    mask = np.abs(image.astype(float) - 70) < 20
    reference_mask = np.random.default_rng(2).random(reference.shape) < 0.3
    result = enhance.match_histograms(image, reference, mask=mask, reference_mask=reference_mask)
    inside = skimage_match(image[mask], reference[reference_mask])
    assert_rounded_once(result[mask], inside, dtype)
    # Values outside the mask's range take the nearest of its ends.
    for side, end in (
        (image < image[mask].min(), image[mask].argmin()),
        (image > image[mask].max(), image[mask].argmax()),
    ):
        assert side.any()
        assert np.all(result[side] == result[mask][end])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_is_left_out_and_stays(dtype):
    image, reference = image_of(dtype, (9, 133)), image_of(dtype, (5, 100), 1)
    expected = enhance.match_histograms(image[1:], reference[1:])
    image[0] = reference[0] = np.nan
    result = enhance.match_histograms(image, reference)
    assert np.isnan(result[0]).all()
    np.testing.assert_array_equal(result[1:], expected)


def test_infinities_of_the_image_are_values():
    image = np.array([-np.inf, 0, 1, np.inf])
    np.testing.assert_array_equal(enhance.match_histograms(image, np.array([5.0, 6, 7, 8])), [5, 6, 7, 8])


@pytest.mark.parametrize("dtype", ["bool", *DTYPES])
def test_one_value_and_empty(dtype):
    image = np.ones((3, 50), dtype)
    np.testing.assert_array_equal(enhance.match_histograms(image, image), image)
    np.testing.assert_array_equal(enhance.match_histograms(image, np.zeros((2, 2), dtype)), np.zeros((3, 50)))
    result = enhance.match_histograms(np.zeros((0, 3), dtype), image)
    assert (result.shape, result.dtype) == ((0, 3), dtype)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_result_does_not_depend_on_layout(layout, dtype):
    for shape in [(65,), (5, 67), (3, 5, 65), (2, 3, 4, 17), (2, 3, 2, 3, 5)]:
        image, reference = image_of(dtype, shape), image_of(dtype, shape, 1)
        mask = np.random.default_rng(1).random(shape) < 0.5
        mask.flat[0] = True
        expected = enhance.match_histograms(image, reference, mask=mask, reference_mask=mask)
        result = enhance.match_histograms(
            layout(image), layout(reference), mask=layout(mask), reference_mask=layout(mask)
        )
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("dtype", ["int16", "float32", "float64"])
def test_same_bits_for_threads_and_levels(dtype):
    image, reference = image_of(dtype, (40, 65, 129)), image_of(dtype, (10, 100, 100), 1)
    results = set()
    before = _cormack_cpu.isa()
    for isa in _cormack_cpu.available_isas():
        _cormack_cpu.use_isa(isa)
        for workers in (1, 2, 3):
            results.add(enhance.match_histograms(image, reference, workers=workers).tobytes())
    _cormack_cpu.use_isa(before)
    assert len(results) == 1
    assert_rounded_once(
        np.frombuffer(results.pop(), dtype).reshape(image.shape), skimage_match(image, reference), dtype
    )


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"mask": np.zeros((2, 2))}, ValueError, r"`mask` must contain a voxel, got none"),
        ({"image": np.full((2, 2), np.nan)}, ValueError, r"`image` must hold a number inside the mask, got none"),
        ({"reference": np.zeros((0, 2))}, ValueError, r"`reference` must hold a number inside its mask, got none"),
        ({"reference": np.array([0, np.inf])}, ValueError, r"`image` must be finite or NaN in the reference"),
        ({"reference_mask": np.zeros((2, 3))}, ValueError, r"`reference_mask` must have shape \(2, 2\)"),
        ({"dtype": "uint8"}, TypeError, r"`dtype` must be a floating type or None, got 'uint8'"),
        ({"image": np.zeros((2, 2), complex)}, TypeError, r"`image` must have one of the dtypes"),
        ({"reference": np.zeros((2, 2), object)}, TypeError, r"`reference` must have one of the dtypes"),
    ],
)
def test_rejects(arguments, kind, message):
    zeros = np.zeros((2, 2), np.int16)
    with pytest.raises(kind, match="match_histograms: " + message):
        enhance.match_histograms(**{"image": zeros, "reference": zeros, **arguments})
