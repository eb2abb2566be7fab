"""find_boundaries: identical to scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import segmentation

from cormack import Volume
from cormack.detect import find_boundaries

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "uint64"]
SHAPES = [
    (1, 1),
    (1, 9),
    (9, 1),
    (5, 15),
    (4, 16),
    (3, 17),
    (6, 33),
    (5, 64),
    (4, 65),
    (3, 2100),
    (1, 4, 5),
    (4, 5, 6),
    (5, 4, 33),
    (3, 1, 129),
]


def reference(labels, connectivity, mode, background=0):
    # SciPy's grey erosion of 64-bit integers goes through float64, where the largest of them overflows.
    if labels.dtype.itemsize == 8 and mode == "outer":
        labels = labels.astype(np.int32)
    return segmentation.find_boundaries(labels, connectivity, mode, background)


def regions(shape, dtype, seed=0):
    """Labels in blocks of two, so that there are insides."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 2 if dtype == "bool" else 4, [(n + 1) // 2 for n in shape])
    for axis in range(len(shape)):
        small = np.repeat(small, 2, axis)
    return small[tuple(slice(n) for n in shape)].astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_scikit_image(isa, dtype, shape):
    labels = regions(shape, dtype)
    for connectivity in range(1, len(shape) + 1):
        for mode in ("thick", "inner", "outer"):
            expected = reference(labels, connectivity, mode)
            found = find_boundaries(labels, connectivity, mode)
            assert found.dtype == bool
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", [(1, 4), (5, 7), (3, 4, 5), (1, 3, 2)], ids=str)
def test_places_between_pixels_match_scikit_image(shape):
    for dtype in ("uint8", "int32"):
        labels = regions(shape, dtype, 3)
        expected = segmentation.find_boundaries(labels, mode="subpixel")
        np.testing.assert_array_equal(find_boundaries(labels, mode="subpixel"), expected)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.one_of(st.tuples(*[st.integers(1, 9)] * 2), st.tuples(*[st.integers(1, 6)] * 3)),
    seed=st.integers(0, 2**32 - 1),
    mode=st.sampled_from(["thick", "inner", "outer"]),
    connectivity=st.integers(1, 2),
    dtype=st.sampled_from(DTYPES),
)
def test_random_labels_match_scikit_image(shape, seed, mode, connectivity, dtype):
    labels = np.random.default_rng(seed).integers(0, 2 if dtype == "bool" else 3, shape).astype(dtype)
    expected = reference(labels, connectivity, mode)
    np.testing.assert_array_equal(find_boundaries(labels, connectivity, mode), expected)


@pytest.mark.parametrize("dtype", ["bool", "int16", "int32"])
def test_strides_and_threads_do_not_matter(dtype):
    labels = regions((9, 12, 40), dtype)
    for mode in ("thick", "outer"):
        expected = find_boundaries(labels, 2, mode, workers=1)
        for same in (np.asfortranarray(labels), labels[..., ::-1].copy()[..., ::-1], np.repeat(labels, 2, 1)[:, ::2]):
            for workers in (1, 2, 3):
                np.testing.assert_array_equal(find_boundaries(same, 2, mode, workers=workers), expected)
    flat = np.broadcast_to(labels[0], labels.shape)
    np.testing.assert_array_equal(find_boundaries(flat), find_boundaries(flat.copy()))


def test_another_background():
    labels = np.array([[7, 7, 7, 7], [7, 8, 9, 7], [7, 7, 7, 7]], np.int16)
    for mode in ("inner", "outer"):
        expected = segmentation.find_boundaries(labels, 1, mode, 7)
        np.testing.assert_array_equal(find_boundaries(labels, 1, mode, 7), expected)
    # No pixel is background.
    thick = find_boundaries(labels)
    for background in (3, 10**6, -1, 2**70):
        np.testing.assert_array_equal(find_boundaries(labels, 1, "inner", background), thick)


def test_background_may_be_any_label():
    labels = np.array([[9, 9, 9, 9], [9, 1, 2, 9], [9, 9, 9, 9]], np.uint8)
    found = find_boundaries(labels, 1, "outer", 9)
    np.testing.assert_array_equal(found, find_boundaries(np.where(labels == 9, 0, labels), 1, "outer", 0))


def test_wide_labels():
    labels = regions((6, 7), "int64")
    for mode in ("thick", "inner", "outer"):
        expected = reference(labels, 1, mode)
        np.testing.assert_array_equal(find_boundaries(labels * 2**40, 1, mode), expected)


def test_volumes_and_empty_images():
    labels = regions((4, 5, 6), "uint8")
    found = find_boundaries(Volume(labels, spacing=(3, 1, 1)))
    assert isinstance(found, Volume)
    assert found.spacing == (3, 1, 1)
    for mode, shape in (("thick", (0, 4)), ("subpixel", (0, 7))):
        assert find_boundaries(np.zeros((0, 4), np.uint8), mode=mode).shape == shape


@pytest.mark.parametrize(
    ("labels", "arguments", "message"),
    [
        (np.zeros((3, 3), int), {"mode": "x"}, "`mode` must be one of 'thick', 'inner', 'outer', 'subpixel', got 'x'"),
        (np.zeros((3, 3), int), {"connectivity": 3}, "`connectivity` must be 1 to 2 for 2-D, got 3"),
        (np.zeros((3, 3), int), {"background": 0.5}, "`background` must be an int, got 0.5"),
        (np.zeros(3, int), {}, "`label_img` must be 2-D or 3-D, got shape (3,)"),
    ],
)
def test_rejects(labels, arguments, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        find_boundaries(labels, **arguments)
    assert str(caught.value) == "find_boundaries: " + message


def test_rejects_floats():
    with pytest.raises(TypeError, match="must have one of the dtypes bool, uint8"):
        find_boundaries(np.zeros((3, 3)))
