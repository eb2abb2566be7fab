"""find_contours: scikit-image's lines, to the last bit and in its order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import measure

import cormack
from cormack import Volume
from cormack.detect import find_contours

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
SHAPES = [(2, 2), (2, 7), (9, 2), (12, 31), (7, 63), (8, 64), (9, 65), (5, 66), (6, 129), (40, 40)]


def noise(shape, dtype, seed=0, span=6):
    """Few values, so that many are at the level."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 2 if dtype == "bool" else span, shape)
    return values.astype(dtype) + (rng.random(shape) * (rng.random(shape) < 0.5) if dtype.startswith("f") else 0)


def assert_equal(found, expected):
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_scikit_image(dtype, shape):
    image = noise(shape, dtype).astype(dtype)
    for level in (None, float(image.min()), float(image.max()), (int(image.min()) + int(image.max())) // 2):
        for connected in ("low", "high"):
            for orientation in ("low", "high"):
                expected = measure.find_contours(image.astype(float), level, connected, orientation)
                assert_equal(find_contours(image, level, connected, orientation), expected)


@settings(max_examples=150, deadline=None)
@given(
    shape=st.tuples(st.integers(2, 12), st.integers(2, 12)),
    seed=st.integers(0, 2**32 - 1),
    span=st.integers(2, 5),
    connected=st.sampled_from(["low", "high"]),
    dtype=st.sampled_from(["int16", "float32"]),
    holes=st.floats(0, 0.2),
)
def test_random_images_match_scikit_image(shape, seed, span, connected, dtype, holes):
    image = noise(shape, dtype, seed, span).astype(dtype)
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) >= holes
    if dtype == "float32":
        image[rng.random(shape) < holes / 2] = np.nan
    if np.isnan(image).all():
        return
    level = float(np.nanmax(image) // 2)
    if level < np.nanmin(image):
        level = None
    expected = measure.find_contours(image.astype(float), level, connected, mask=mask)
    assert_equal(find_contours(image, level, connected, mask=mask), expected)


def test_levels_of_instruction_sets_strides_and_threads_agree(isa):
    volume = noise((6, 33, 70), "int16")
    expected = [measure.find_contours(one.astype(float), 2.5) for one in volume]
    for same in (
        volume,
        np.asfortranarray(volume),
        volume[:, ::-1].copy()[:, ::-1],
        volume[..., ::-1].copy()[..., ::-1],
    ):
        for workers in (1, 2, 3):
            found = find_contours(same, 2.5, workers=workers)
            assert len(found) == 6
            for ours, theirs in zip(found, expected, strict=True):
                assert_equal(ours, theirs)


def test_circle():
    y, x = np.mgrid[:101, :120]
    (line,) = find_contours(np.hypot(y - 50, (x - 55) * 0.5), 25.0, spacing=(1, 0.5))
    assert line[0].tolist() == line[-1].tolist()
    np.testing.assert_allclose(np.hypot(line[:, 0] - 50, line[:, 1] - 27.5), 25, atol=0.02)


def test_a_volume_brings_its_spacing():
    array = np.zeros((2, 3, 3), np.uint8)
    array[1, 1, 1] = 1
    found = find_contours(Volume(array, spacing=(5.0, 2.0, 3.0)), 0.5)
    assert [len(lines) for lines in found] == [0, 1]
    expected = measure.find_contours(array[1].astype(float), 0.5)[0] * (2, 3)
    np.testing.assert_array_equal(found[1][0], expected)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (1, 4), (4, 1), (1, 1)], ids=str)
def test_without_squares_there_are_no_lines(shape):
    assert find_contours(np.zeros(shape, np.int16), 0) == []
    assert find_contours(np.zeros((0, 3, 3), np.int16), 0) == []


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_one_infinite_pixel_has_its_line_halfway(value):
    image = np.zeros((3, 3)) if value > 0 else np.ones((3, 3))
    image[1, 1] = value
    (line,) = find_contours(image, 0.5)
    assert {tuple(point) for point in line} == {(0.5, 1), (1, 0.5), (1.5, 1), (1, 1.5)}


def test_infinite_pixels_have_lines_halfway():
    image = np.full((3, 3), -np.inf)
    image[1, 1] = np.inf
    (line,) = find_contours(image, 0)
    assert sorted(map(tuple, line[1:].tolist())) == [(0.5, 1), (1, 0.5), (1, 1.5), (1.5, 1)]


def test_only_nan_has_no_lines():
    assert find_contours(np.full((4, 4), np.nan)) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"level": 2}, "find_contours: `level` must lie between 0 and 1, the range of the values, got 2"),
        ({"fully_connected": 1}, "find_contours: `fully_connected` must be one of 'low', 'high', got 1"),
        (
            {"positive_orientation": "up"},
            "find_contours: `positive_orientation` must be one of 'low', 'high', got 'up'",
        ),
        ({"mask": np.ones((2, 2))}, "find_contours: `mask` must have shape (3, 3), got (2, 2)"),
        ({"spacing": (1, 1, 1)}, "find_contours: `spacing` must be one value or one for each of 2 axes, got (1, 1, 1)"),
    ],
)
def test_rejects(arguments, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        find_contours(np.eye(3), **arguments)
    assert str(caught.value) == message


def test_a_large_image_does_not_depend_on_anything():
    rng = np.random.default_rng(1)
    image = rng.integers(0, 100, (300, 257)).astype(np.float32)
    expected = measure.find_contours(image.astype(float), 80.0)
    best = cormack._cormack_cpu.isa()
    assert_equal(find_contours(image, 80.0), expected)
    assert cormack._cormack_cpu.isa() == best
