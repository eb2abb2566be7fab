"""flood and flood_fill: equal to scikit-image; NaN and infinities; a long way; errors."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import segmentation

from cormack.segment import flood, flood_fill

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
SHAPES = [(1, 1), (1, 9), (6, 65), (11, 12), (3, 5, 7), (1, 6, 130), (4, 1, 64)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_skimage(isa, dtype, shape):
    rng = np.random.default_rng(3)
    image = rng.integers(0, 2 if dtype == "bool" else 5, shape).astype(dtype)
    if dtype.startswith("float"):
        image += dtype == "float64" and 0.1
    for connectivity in (None, *range(1, len(shape) + 1)):
        for tolerance in (None, 0, 1, 2, -3):
            seed = tuple(int(rng.integers(-n, n)) for n in shape)
            expected = segmentation.flood(image, seed, connectivity=connectivity, tolerance=tolerance)
            found = flood(image, seed, connectivity=connectivity, tolerance=tolerance)
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32", "float64"])
def test_matches_skimage_at_the_ends_of_the_type(dtype):
    info = np.finfo(dtype) if dtype.startswith("f") else np.iinfo(dtype)
    image = np.array([[info.max, info.max - 1, info.min, info.min + 1, 0, 0.1, 0.3, 0.2]]).astype(dtype)
    for x in range(image.shape[1]):
        for tolerance in (None, 1, 300, 0.2 if dtype.startswith("f") else 2):
            expected = segmentation.flood(image, (0, x), tolerance=tolerance)
            np.testing.assert_array_equal(flood(image, (0, x), tolerance=tolerance), expected)


def test_floats_round_as_in_skimage():
    rng = np.random.default_rng(8)
    image = rng.integers(0, 12, (40, 40)).astype(np.float32) / np.float32(10)
    for _ in range(30):
        seed = tuple(int(i) for i in rng.integers(0, 40, 2))
        tolerance = float(rng.integers(1, 6)) / 10
        expected = segmentation.flood(image, seed, tolerance=tolerance)
        np.testing.assert_array_equal(flood(image, seed, tolerance=tolerance), expected)


def test_nan_and_infinities():
    image = np.array([[1, np.nan, np.nan, np.inf, np.inf, 3]], np.float32)
    assert flood(image, (0, 1)).tolist() == [[False, True, False, False, False, False]]
    assert flood(image, (0, 1), tolerance=9).tolist() == [[False, True, False, False, False, False]]
    assert flood(image, (0, 3)).tolist() == [[False, False, False, True, True, False]]
    np.testing.assert_array_equal(flood(image, (0, 3), tolerance=1), segmentation.flood(image, (0, 3), tolerance=1))
    assert flood(image, (0, 5), tolerance=np.inf).tolist() == [[False, False, False, False, False, True]]


def test_signed_zeros_are_equal():
    assert flood(np.array([[0.0, -0.0, 0.0]]), (0, 1)).all()


def test_mask_bounds_the_region():
    image = np.zeros((5, 9), np.uint8)
    mask = np.ones(image.shape)
    mask[:, 4] = 0
    assert flood(image, (0, 0), mask=mask).sum() == 20
    assert not flood(image, (0, 4), mask=mask).any()


def test_empty_images_give_empty_masks():
    assert flood(np.zeros((0, 4)), (0, 0)).shape == (0, 4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_fill_matches_skimage(dtype):
    rng = np.random.default_rng(3)
    image = rng.integers(0, 2 if dtype == "bool" else 5, (6, 9, 70)).astype(dtype)
    before = image.copy()
    found = flood_fill(image, (1, 2, 3), 1)
    np.testing.assert_array_equal(found, segmentation.flood_fill(image, (1, 2, 3), 1))
    assert found.dtype == image.dtype
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(
        flood_fill(image[::-1, :, ::2], (1, 2, 3), 0, connectivity=1, tolerance=1),
        segmentation.flood_fill(image[::-1, :, ::2], (1, 2, 3), 0, connectivity=1, tolerance=1),
    )


def test_fill_takes_nan_for_floats():
    assert np.isnan(flood_fill(np.zeros((2, 2)), (0, 0), np.nan)).all()


@pytest.mark.slow
def test_a_hundred_million_voxels_need_no_stack():
    image = np.zeros((400, 500, 500), np.uint8)
    assert flood(image, (200, 200, 200)).all()


IMAGE = np.zeros((3, 4), np.int16)


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        (((3, 0),), {}, ValueError, "flood: `seed_point` must be one index inside shape (3, 4), in array order"),
        (((0, -5),), {}, ValueError, "`seed_point` must be one index inside shape (3, 4)"),
        (((0,),), {}, ValueError, "`seed_point` must be one index inside shape (3, 4)"),
        ((0,), {}, TypeError, "`seed_point` must be one index inside shape (3, 4)"),
        (((0, 1.5),), {}, TypeError, "`seed_point` must be an int, got 1.5"),
        (((0, 0),), {"tolerance": np.nan}, ValueError, "`tolerance` must not be NaN"),
        (((0, 0),), {"connectivity": 3}, ValueError, "`connectivity` must be 1 to 2 for 2-D, got 3"),
    ],
)
def test_rejects(arguments, keywords, error, message):
    with pytest.raises(error) as caught:
        flood(IMAGE, *arguments, **keywords)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("uint8", 256), ("uint8", -1), ("int16", 0.5), ("bool", 2), ("int8", np.nan), ("float32", -1e39)],
)
def test_fill_rejects_what_the_dtype_cannot_hold(dtype, value):
    with pytest.raises(ValueError, match=f"flood_fill: `new_value` must be a value of {dtype}"):
        flood_fill(IMAGE.astype(dtype), (0, 0), value)
