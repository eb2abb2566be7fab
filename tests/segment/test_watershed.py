"""watershed: scikit-image's labels, and those of a queue written down plainly; markers, masks, lines, compactness."""

from __future__ import annotations

import heapq
import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage
from skimage import data, filters, segmentation

from cormack import Volume, segment
from cormack.segment import watershed

SHAPES = [(14, 17), (1, 30), (20, 1), (1, 1), (6, 7, 8), (3, 40, 5), (1, 6, 7)]
DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


def reference(image, markers, connectivity=1, mask=None):
    """Flood by a priority queue in which markers of one value stand in the order of the array."""
    labels = markers.astype(np.int32) if mask is None else np.where(mask, markers, 0).astype(np.int32)
    steps = [
        step for step in itertools.product((-1, 0, 1), repeat=image.ndim) if 0 < np.abs(step).sum() <= connectivity
    ]
    steps.sort(key=lambda step: np.abs(step).sum())
    ages = itertools.count()
    queue = [(image[tuple(p)], next(ages), tuple(p)) for p in np.argwhere(labels)]
    heapq.heapify(queue)
    while queue:
        level, _, p = heapq.heappop(queue)
        for step in steps:
            q = tuple(a + b for a, b in zip(p, step, strict=True))
            if not all(0 <= a < n for a, n in zip(q, image.shape, strict=True)) or labels[q]:
                continue
            if mask is None or mask[q]:
                labels[q] = labels[p]
                heapq.heappush(queue, (max(level, image[q]), next(ages), q))
    return labels


def scene(shape, dtype, seed, levels=9, markers=3):
    """Return an image with plateaus, and markers of different values: scikit-image's heap shuffles equal ones."""
    rng = np.random.default_rng(seed)
    levels = 2 if dtype == "bool" else levels
    image = rng.integers(0, levels, shape).astype(dtype)
    places = rng.choice(image.size, min(markers, levels, image.size), replace=False)
    labels = np.zeros(shape, np.int32)
    labels.flat[places] = rng.permutation(len(places)) + 1
    image.flat[places] = np.arange(len(places))
    return image, labels


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_scikit_image(shape, dtype):
    rng = np.random.default_rng(1)
    for seed in range(6):
        image, markers = scene(shape, dtype, seed, levels=(4, 100)[seed % 2])
        mask = rng.random(shape) < 0.8 if seed % 3 == 0 else None
        for connectivity in range(1, len(shape) + 1):
            expected = segmentation.watershed(image, markers, connectivity, mask=mask)
            result = watershed(image, markers, connectivity, mask=mask)
            assert result.dtype == np.int32
            np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("shape", [(14, 17), (5, 6, 8)], ids=str)
def test_lines_match_scikit_image(shape):
    # Small: on plateaus scikit-image's queue grows without bound.
    for seed in range(20):
        image, markers = scene(shape, "int16", seed, levels=50)
        for connectivity in (1, len(shape)):
            expected = segmentation.watershed(image, markers, connectivity, watershed_line=True)
            np.testing.assert_array_equal(watershed(image, markers, connectivity, watershed_line=True), expected)


@pytest.mark.parametrize("shape", [(14, 17), (5, 6, 8)], ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_compact_basins_match_scikit_image(shape, dtype):
    for seed in range(6):
        image, markers = scene(shape, dtype, seed, levels=20)
        mask = np.random.default_rng(seed).random(shape) < 0.9 if seed % 2 else None
        for compactness in (0.1, 0.7, 30):
            expected = segmentation.watershed(image, markers, compactness=compactness, mask=mask)
            np.testing.assert_array_equal(watershed(image, markers, compactness=compactness, mask=mask), expected)


def test_a_real_image_matches_scikit_image():
    coins = data.coins()
    elevation = filters.sobel(coins)
    markers = np.zeros(coins.shape, np.int32)
    markers[coins < 30], markers[coins > 150] = 1, 2
    result = watershed(elevation, markers)
    expected = segmentation.watershed(elevation, markers)
    np.testing.assert_array_equal(result, reference(elevation, markers))
    # Markers of equal value, which stand in another order.
    assert (result != expected).mean() < 1e-4


@given(
    hnp.arrays(
        st.sampled_from([np.dtype(name) for name in ("uint8", "int16", "int32", "float32")]),
        hnp.array_shapes(min_dims=2, max_dims=3, max_side=8),
        elements=st.integers(0, 5),
    ),
    st.data(),
)
def test_matches_the_plain_queue(image, data):
    markers = data.draw(hnp.arrays(np.int32, image.shape, elements=st.integers(-2, 3), fill=st.just(0)))
    mask = data.draw(st.none() | hnp.arrays(bool, image.shape))
    connectivity = data.draw(st.integers(1, image.ndim))
    result = watershed(image, markers, connectivity, mask=mask)
    np.testing.assert_array_equal(result, reference(image, markers, connectivity, mask))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_without_markers_local_minima_flood(shape):
    rng = np.random.default_rng(2)
    from skimage.morphology import local_minima

    for levels in (3, 1000):
        image = rng.integers(0, levels, shape).astype(np.int16)
        mask = rng.random(shape) < 0.8
        for connectivity in (1, len(shape)):
            minima = local_minima(image, connectivity=connectivity) & mask
            structure = ndimage.generate_binary_structure(image.ndim, connectivity)
            expected = reference(image, ndimage.label(minima, structure)[0], connectivity, mask)
            np.testing.assert_array_equal(watershed(image, connectivity=connectivity, mask=mask), expected)


@pytest.mark.parametrize("count", [1, 4, 9, 10**6])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_number_of_markers_matches_scikit_image(shape, count):
    image = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    mask = np.random.default_rng(3).random(shape) < 0.7
    mask.flat[0] = True
    for inside in (None, mask):
        expected = segmentation.watershed(image, count, mask=inside)
        np.testing.assert_array_equal(watershed(image, count, mask=inside), expected)


def test_lines_part_basins_on_noise():
    image = np.random.default_rng(4).integers(0, 3, (40, 50)).astype(np.uint8)
    labels = watershed(image, watershed_line=True)
    for axis in (0, 1):
        one, other = np.moveaxis(labels, axis, 0)[:-1], np.moveaxis(labels, axis, 0)[1:]
        assert not ((one != other) & (one != 0) & (other != 0)).any()


def test_ranks_keep_the_order_of_all_numbers():
    rng = np.random.default_rng(5)
    for dtype in ("float32", "float64"):
        image = rng.choice(np.array([-np.inf, -1e30, -2.5, -0.0, 0.0, 1e-30, 3, np.inf], dtype), (12, 13))
        markers = np.zeros(image.shape, int)
        markers[3, 4], markers[9, 9] = 1, 2
        np.testing.assert_array_equal(watershed(image, markers), reference(image, markers))
        nan = np.where(image == np.inf, np.nan, image).astype(dtype)
        np.testing.assert_array_equal(watershed(nan, markers), watershed(image, markers))
    for dtype in ("int32", "uint32"):
        info = np.iinfo(dtype)
        image = rng.choice(np.array([info.min, info.max, 0, 1, 7], dtype), (12, 13))
        np.testing.assert_array_equal(watershed(image, markers), reference(image, markers))


def test_strides_and_marker_dtypes_do_not_matter():
    image, markers = scene((12, 14, 16), "int16", 6, levels=300, markers=9)
    expected = watershed(image, markers)
    for dtype in ("int8", "uint8", "int16", "int64", "uint64", ">i4"):
        np.testing.assert_array_equal(watershed(image, markers.astype(dtype)), expected)
    for a, b in ((image[::-1, ::2, ::-1], markers[::-1, ::2, ::-1]), (image.T, np.asfortranarray(markers.T))):
        np.testing.assert_array_equal(watershed(a, b), watershed(a.copy(), b.copy()))
    before = markers.copy()
    watershed(image, markers)
    np.testing.assert_array_equal(markers, before)


def test_threads_and_volumes():
    image, markers = scene((12, 14, 16), "uint16", 7, levels=300, markers=9)
    one = watershed(image, markers, workers=1)
    for workers in (2, 3):
        np.testing.assert_array_equal(watershed(image, markers, workers=workers), one)
    volume = watershed(Volume(image, (2, 1, 1)), Volume(markers, (2, 1, 1)))
    assert isinstance(volume, Volume)
    np.testing.assert_array_equal(volume.array, one)


@pytest.mark.parametrize("compactness", [0.0, 0.5, 3.0])
def test_nan_is_larger_than_every_number(compactness):
    rng = np.random.default_rng(5)
    for shape in [(30, 40), (9, 10, 11)]:
        image = rng.integers(-9, 9, shape).astype(np.float32)
        markers = np.where(rng.random(shape) < 0.02, 1 + np.arange(image.size).reshape(shape), 0)
        image[rng.random(shape) < 0.2] = np.nan
        highest = np.where(np.isnan(image), np.inf, image)
        for seeds in (markers, None):
            result = watershed(image, seeds, compactness=compactness)
            np.testing.assert_array_equal(result, watershed(highest, seeds, compactness=compactness))
    assert not watershed(np.full((4, 5), np.nan)).any()
    np.testing.assert_array_equal(watershed(np.array([[np.nan, 3, 1, np.nan, np.nan]])), [[1, 1, 1, 1, 1]])


def test_nothing_to_flood():
    assert not watershed(np.ones((4, 5)), np.zeros((4, 5), int)).any()
    assert not watershed(np.ones((4, 5))).any()
    assert not watershed(np.ones((4, 5)), 3, mask=np.zeros((4, 5))).any()
    for shape in [(0, 5), (4, 0, 3)]:
        assert watershed(np.ones(shape), np.ones(shape, int)).shape == shape


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"markers": np.ones((3, 3), int)}, ValueError, "`markers` must have shape (4, 5), got (3, 3)"),
        ({"markers": np.ones((4, 5))}, TypeError, "`markers` must have one of the dtypes bool, uint8"),
        ({"markers": np.full((4, 5), 2**31)}, ValueError, "`markers` must be from -2147483647 to 2147483647"),
        ({"markers": np.full((4, 5), -(2**31))}, ValueError, "`markers` must be from -2147483647 to 2147483647"),
        ({"markers": 0}, ValueError, "`markers` must be at least 1, got 0"),
        ({"markers": 1.5}, TypeError, "`markers` must be an int, got 1.5"),
        ({"mask": np.ones(3)}, ValueError, "`mask` must have shape (4, 5), got (3,)"),
        ({"connectivity": 3}, ValueError, "`connectivity` must be 1 to 2 for 2-D, got 3"),
        ({"compactness": -1}, ValueError, "`compactness` must be at least 0, got -1"),
        ({"compactness": np.nan}, ValueError, "`compactness` must be finite, got nan"),
        (
            {"compactness": 1, "watershed_line": True},
            ValueError,
            "`watershed_line` must be False where `compactness` is above 0, got True",
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_rejects(keywords, error, message):
    with pytest.raises(error, match="^watershed: " + re.escape(message)):
        segment.watershed(np.ones((4, 5)), **keywords)
