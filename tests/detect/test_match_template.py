"""Normalised correlation: scikit-image's, NumPy's coefficient at each place, and what must not disturb it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.feature import match_template as reference

from cormack import Volume
from cormack.detect import match_template

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


def random_image(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    low, high = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return rng.integers(low, high, shape, endpoint=True).astype(dtype)


def coefficients(image, template, mask=None):
    """The definition."""
    inside = np.ones(template.shape, bool) if mask is None else mask
    windows = np.lib.stride_tricks.sliding_window_view(image.astype(float), template.shape)
    values = windows[..., inside]
    values = values - values.mean(-1, keepdims=True)
    weights = template[inside] - template[inside].mean()
    with np.errstate(invalid="ignore", divide="ignore"):
        result = values @ weights / np.sqrt((values**2).sum(-1) * (weights**2).sum())
    result[np.isclose((values**2).sum(-1), 0, atol=1e-20)] = 0
    return result


@pytest.mark.parametrize("dtype", DTYPES)
def test_results_match_scikit_image(dtype, isa):
    for shape, extents in (((60, 71), (9, 12)), ((40, 33), (2, 3)), ((20, 25, 31), (5, 6, 7)), ((9, 65), (1, 16))):
        image = random_image(shape, dtype)
        template = image[tuple(slice(n // 3, n // 3 + m) for n, m in zip(shape, extents, strict=True))].astype(float)
        number = image.astype(float)
        for keywords in ({}, {"pad_input": True}, {"pad_input": True, "constant_values": 3.0}):
            expected = reference(number, template, **keywords)
            result = match_template(image, template, **keywords)
            assert result.dtype == (np.float64 if dtype in ("uint32", "int32", "float64") else np.float32)
            np.testing.assert_allclose(result, expected, rtol=0, atol=1e-9 if result.dtype == np.float64 else 1e-6)
        assert result.max() == pytest.approx(1)


@pytest.mark.parametrize("mode", ["edge", "reflect", "symmetric", "wrap"])
def test_modes_match_scikit_image(mode):
    for shape, extents in (((30, 41), (8, 9)), ((9, 12, 14), (5, 12, 3)), ((5, 7), (5, 7))):
        image, template = random_image(shape, "float64"), random_image(extents, "float64", 1)
        expected = reference(image, template, pad_input=True, mode=mode)
        np.testing.assert_allclose(match_template(image, template, True, mode), expected, atol=1e-9)


def test_many_blocks():
    image = random_image((70, 130, 150), "int16")
    template = random_image((9, 11, 13), "int16", 1)
    result = match_template(image, template)
    expected = reference(image.astype(float), template.astype(float))
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-6)
    for workers in (1, 2, 3):
        assert match_template(image, template, workers=workers).tobytes() == result.tobytes()
    image = random_image((900, 1100), "float64")
    template = random_image((31, 40), "float64", 1)
    np.testing.assert_allclose(match_template(image, template), reference(image, template), rtol=0, atol=1e-9)


@given(
    st.lists(st.integers(1, 20), min_size=2, max_size=3),
    st.randoms(use_true_random=False),
    st.sampled_from(DTYPES),
    st.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_random_shapes_are_the_definition(shape, random, dtype, masked):
    extents = [random.randint(1, n) for n in shape]
    rng = np.random.default_rng(random.randint(0, 2**31))
    image, template = random_image(shape, dtype, random.randint(0, 2**31)), rng.standard_normal(extents)
    mask = rng.random(extents) > 0.4 if masked and np.prod(extents) > 8 else None
    if mask is not None and mask.sum() < 3:
        mask = None
    expected = coefficients(image, template, mask) if np.prod(extents) > 1 else np.zeros(shape)
    if mask is None:
        np.testing.assert_allclose(match_template(image, template), expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(match_template(image, template, mask=mask), expected, rtol=0, atol=1e-6)


def test_masks_by_transforms():
    ball = sum(axis**2 for axis in np.ogrid[-7:8, -7:8, -7:8]) <= 49
    image, template = random_image((30, 40, 41), "float32"), random_image((15, 15, 15), "float64", 1)
    result = match_template(image, template, mask=ball)
    np.testing.assert_allclose(result, coefficients(image, template, ball), rtol=0, atol=1e-6)
    changed = np.where(ball, template, 1e6)
    np.testing.assert_array_equal(match_template(image, changed, mask=ball), result)


def test_an_offset_does_not_matter():
    image, template = random_image((50, 60), "float64"), random_image((9, 9), "float64", 1)
    expected = coefficients(image, template)
    np.testing.assert_allclose(match_template(image + 1e5, template - 1e5), expected, rtol=0, atol=1e-8)
    np.testing.assert_allclose(match_template(image * 1e-30, template * 1e30), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("masked", [False, True])
def test_neither_offset_nor_scale_of_a_template_matters(masked):
    image, template = random_image((30, 40), "float64"), random_image((7, 8), "float64", 1)
    mask = random_image((7, 8), "bool", 2) if masked else None
    expected = coefficients(image, template, mask)
    # Of a value with an offset of 1e10 six digits are left.
    for shift, scale, tolerance in (
        (1e8, 1, 1e-7),
        (1e10, 1, 1e-5),
        (0, 1e200, 1e-9),
        (0, 1e-200, 1e-9),
        (1, 1e-7, 1e-8),
    ):
        result = match_template(image, template * scale + shift, mask=mask)
        np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance)
    if masked:
        template[~mask] = 1e308
        np.testing.assert_allclose(match_template(image, template, mask=mask), expected, atol=1e-9)


def test_flat_parts_are_like_nothing():
    image = np.full((40, 50), -1000, np.int16)
    image[20:, 25:] += random_image((20, 25), "uint8").astype(np.int16)
    template = random_image((6, 7), "uint8", 1)
    result = match_template(image, template)
    assert (result[:15, :19] == 0).all()
    assert (match_template(image, np.full((5, 5), 0.1)) == 0).all()
    assert match_template(image, template, True, constant_values=-1000).shape == image.shape


def test_nan_reaches_its_windows_alone():
    for shape, extents in (((80, 90), (25, 20)), ((40, 41), (3, 3))):
        image, template = random_image(shape, "float32"), random_image(extents, "float64", 1)
        expected = match_template(image, template)
        for bad in (np.nan, np.inf, -np.inf):
            holed = image.copy()
            holed[30, 22] = bad
            result = match_template(holed, template)
            touched = np.zeros(result.shape, bool)
            touched[max(0, 31 - extents[0]) : 31, max(0, 23 - extents[1]) : 23] = True
            np.testing.assert_array_equal(np.isnan(result), touched)
            np.testing.assert_allclose(result[~touched], expected[~touched], rtol=0, atol=1e-6)


def test_strides_and_volumes():
    image, template = random_image((12, 20, 21), "int16"), random_image((3, 4, 5), "float64")
    expected = match_template(image, template, True)
    for view in (np.asfortranarray(image), image[::-1].copy()[::-1], image.repeat(2, 2)[:, :, ::2]):
        np.testing.assert_array_equal(match_template(view, template, True), expected)
    volume = match_template(Volume(image, (2, 1, 1)), template, True)
    assert volume.spacing == (2, 1, 1)
    np.testing.assert_array_equal(volume.array, expected)


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        (([[1.0]] * 9,), {}, ValueError, "`template` must fit into shape"),
        (([1.0, 2.0],), {}, ValueError, "`template` must fit into shape"),
        ((np.empty((0, 2)),), {}, ValueError, "`template` must fit into shape"),
        (([[1.0, np.nan]],), {}, ValueError, "`template` must be finite"),
        (([["a"]],), {}, TypeError, "`template` must be numbers"),
        (([[1.0, 2.0]],), {"mode": "mean"}, ValueError, "`mode` must be one of"),
        (([[1.0, 2.0]],), {"mask": [[1]]}, ValueError, "`mask` must have shape"),
        (([[1.0, 2.0]],), {"mask": [[0, 0]]}, ValueError, "`mask` must have a voxel"),
        (([[1.0, 2.0]],), {"constant_values": np.nan}, ValueError, "`constant_values` must be finite"),
    ],
)
def test_wrong_arguments_are_named(arguments, keywords, error, message):
    with pytest.raises(error, match=f"match_template: {message}"):
        match_template(np.zeros((8, 8)), *arguments, **keywords)
