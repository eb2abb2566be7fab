"""threshold_otsu: scikit-image's number exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.filters import threshold_otsu as skimage_otsu

from cormack import _cormack_cpu
from cormack.segment import threshold_otsu

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


def image_of(dtype, shape=(40, 131), seed=0, separation=100.0):
    rng = np.random.default_rng(seed)
    image = rng.normal(60, 30, shape) + separation * rng.integers(0, 2, shape)
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return np.clip(np.rint(image), limits.min, limits.max).astype(dtype)
    return image.astype(dtype)


@pytest.mark.parametrize("nbins", [2, 16, 256, 1000])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_skimage(dtype, seed, nbins):
    for separation in (0, 30, 1000):
        image = image_of(dtype, seed=seed, separation=separation)
        result = threshold_otsu(image, nbins)
        assert isinstance(result, float)
        assert result == skimage_otsu(image, nbins)
        mask = np.random.default_rng(1).random(image.shape) < 0.2
        assert threshold_otsu(image, nbins, mask=mask) == skimage_otsu(image[mask], nbins)


@pytest.mark.parametrize("dtype", ["uint16", "int16", "int32"])
def test_wide_ranges_match_skimage(dtype):
    """Thousands of levels, most of them empty, with variances that differ in the last bits."""
    rng = np.random.default_rng(0)
    limits = np.iinfo(dtype)
    for low, high in [(max(limits.min, -30000), 30000), (0, 200), (limits.max - 60000 if dtype == "int32" else 0, 3e4)]:
        image = rng.integers(low, min(high, limits.max) if high > low else limits.max, (50, 77)).astype(dtype)
        assert threshold_otsu(image) == skimage_otsu(image)


def test_integers_without_a_table_match_skimage_on_a_shift():
    values = np.array([-(2**31), -(2**31) + 5, 2**31 - 9, 2**31 - 1, 2**31 - 1], np.int32)
    assert threshold_otsu(values) == -(2**31) + 5
    mask = np.array([0, 0, 1, 1, 0], bool)
    assert threshold_otsu(values, mask=mask) == 2**31 - 9


@pytest.mark.parametrize("dtype", [*DTYPES, "bool"])
def test_one_value_is_the_threshold(dtype):
    assert threshold_otsu(np.ones((3, 5), dtype)) == 1.0


def test_bool_separates_the_two_values():
    assert threshold_otsu(np.array([[False, True, True]])) == 0.0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_is_left_out(dtype):
    image = image_of(dtype)
    expected = skimage_otsu(image[1:])
    image[0] = np.nan
    assert threshold_otsu(image) == expected


@pytest.mark.parametrize("dtype", DTYPES)
def test_result_does_not_depend_on_layout_threads_and_levels(dtype):
    image = image_of(dtype, (20, 70, 129))
    mask = np.random.default_rng(1).random(image.shape) < 0.5
    before = _cormack_cpu.isa()
    results = set()
    for isa in _cormack_cpu.available_isas():
        _cormack_cpu.use_isa(isa)
        results |= {threshold_otsu(image, mask=mask, workers=workers) for workers in (1, 2, 3)}
        results.add(threshold_otsu(np.asfortranarray(image), mask=mask))
        results.add(threshold_otsu(image[::-1, :, ::-1], mask=mask[::-1, :, ::-1]))
    _cormack_cpu.use_isa(before)
    assert results == {skimage_otsu(image[mask])}


@given(
    hnp.arrays(
        st.sampled_from(DTYPES),
        hnp.array_shapes(min_dims=1, max_dims=2, min_side=1, max_side=20),
        elements={"allow_nan": False, "allow_infinity": False, "min_value": 0, "max_value": 100},
    ),
    st.integers(1, 64),
)
def test_any_image_matches_skimage(image, nbins):
    try:
        expected = skimage_otsu(image, nbins)
    except ValueError:  # too many bins
        return
    if image.dtype.kind == "f":
        width = (float(image.max()) - float(image.min())) / nbins
        if width < 64 * np.spacing(image.max()) or nbins == 1:
            return
    assert threshold_otsu(image, nbins) == expected


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"nbins": 0}, ValueError, r"threshold_otsu: `nbins` must be at least 1, got 0"),
        ({"mask": np.zeros((2, 2))}, ValueError, r"threshold_otsu: `mask` must contain a voxel, got none"),
        ({"image": np.zeros((0, 2))}, ValueError, r"threshold_otsu: `image` must contain a voxel, got none"),
        ({"image": np.full((2, 2), np.nan)}, ValueError, r"threshold_otsu: `image` must contain a voxel, got none"),
        ({"image": np.array([[0, np.inf]])}, ValueError, r"`image` must be finite or NaN, got values from 0.0 to inf"),
    ],
)
def test_rejects(arguments, kind, message):
    with pytest.raises(kind, match=message):
        threshold_otsu(**{"image": np.zeros((2, 2), np.int16), **arguments})
