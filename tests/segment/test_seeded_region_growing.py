"""seeded_region_growing: equal to the algorithm written plainly; ties; masks; NaN; errors."""

from __future__ import annotations

import heapq
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cormack import Volume
from cormack.segment import seeded_region_growing

from .growing import LAYOUTS

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


def plainly(image, markers, connectivity=1, mask=None):
    """Reference: Adams and Bischof with one heap, as the docstring says it."""
    steps = [s for s in itertools.product((-1, 0, 1), repeat=image.ndim) if 0 < sum(map(abs, s)) <= connectivity]
    values = image.astype(np.float64)
    allowed = np.isfinite(values) if mask is None else np.isfinite(values) & (np.asarray(mask) != 0)
    labels = np.where(allowed, markers, 0).astype(np.int32)
    sums = {int(k): [float(values[labels == k].sum()), int((labels == k).sum())] for k in np.unique(labels) if k}

    def around(p):
        for step in steps:
            q = tuple(a + b for a, b in zip(p, step, strict=True))
            if all(0 <= a < n for a, n in zip(q, image.shape, strict=True)) and allowed[q]:
                yield q

    def nearest(p):
        near = {int(labels[q]) for q in around(p)} - {0}
        return min(((abs(values[p] - sums[k][0] / sums[k][1]), k) for k in near), default=None)

    queue, waiting, order = [], set(), itertools.count()
    for p in np.ndindex(image.shape):
        if allowed[p] and labels[p] == 0 and (best := nearest(p)) is not None:
            heapq.heappush(queue, (best[0], next(order), p))
            waiting.add(p)
    while queue:
        _, _, p = heapq.heappop(queue)
        label = nearest(p)[1]
        labels[p] = label
        sums[label][0] += values[p]
        sums[label][1] += 1
        for q in around(p):
            if labels[q] == 0 and q not in waiting:
                waiting.add(q)
                heapq.heappush(queue, (abs(values[q] - sums[label][0] / sums[label][1]), next(order), q))
    return labels


def some_markers(rng, shape, count=4, largest=3):
    markers = np.zeros(shape, np.int32)
    for _ in range(count):
        markers[tuple(rng.integers(n) for n in shape)] = rng.integers(1, largest + 1)
    return markers


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (13, 11), (4, 5, 6), (1, 5, 7), (3, 1, 20)], ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_plain_reference(dtype, shape):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)
    for connectivity in range(1, len(shape) + 1):
        markers = some_markers(rng, shape)
        mask = rng.random(shape) < 0.85
        found = seeded_region_growing(image, markers, connectivity=connectivity)
        assert found.dtype == np.int32
        np.testing.assert_array_equal(found, plainly(image, markers, connectivity))
        found = seeded_region_growing(image, markers, connectivity=connectivity, mask=mask)
        np.testing.assert_array_equal(found, plainly(image, markers, connectivity, mask))


@st.composite
def cases(draw):
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=3, max_side=6))
    image = draw(hnp.arrays(draw(st.sampled_from(["uint8", "int16", "float32"])), shape, elements=st.integers(0, 4)))
    markers = draw(hnp.arrays("int32", shape, elements=st.sampled_from([0, 0, 0, 0, 1, 2, 7])))
    markers.flat[0] = 1
    return image, markers, draw(st.integers(1, len(shape)))


@given(cases())
@settings(max_examples=60, deadline=None)
def test_matches_plain_reference_with_many_ties(case):
    image, markers, connectivity = case
    found = seeded_region_growing(image, markers, connectivity=connectivity)
    np.testing.assert_array_equal(found, plainly(image, markers, connectivity))


def test_every_voxel_that_is_reached_has_a_label():
    rng = np.random.default_rng(4)
    image = rng.normal(0, 50, (20, 30, 70)).astype(np.int16)
    found = seeded_region_growing(image, some_markers(rng, image.shape, 12, 9))
    assert (found > 0).all()


def test_finds_two_bodies():
    rng = np.random.default_rng(2)
    truth = np.ones((30, 40, 50), np.int32)
    truth[8:20, 10:30, 10:40] = 2
    image = (np.where(truth == 2, 200, 100) + rng.normal(0, 8, truth.shape)).astype(np.int16)
    markers = np.zeros_like(truth)
    markers[1, 1, 1], markers[12, 20, 20] = 1, 2
    assert (seeded_region_growing(image, markers) == truth).mean() > 0.999


def test_nan_infinities_and_walls_belong_to_no_region():
    image = np.array([[1, 2, np.nan, 3, np.inf, 4, -np.inf]], np.float32)
    found = seeded_region_growing(image, [[5, 0, 0, 6, 0, 0, 0]])
    assert found.tolist() == [[5, 5, 0, 6, 0, 0, 0]]
    assert seeded_region_growing(image, [[0, 0, 5, 0, 0, 6, 0]]).tolist() == [[0, 0, 0, 0, 0, 6, 0]]


def test_huge_values_and_labels():
    image = np.array([[1e308, -1e308, 1e308, -1e308]])
    found = seeded_region_growing(image, np.array([[2**31 - 1, 0, 0, 4]], np.int64))
    assert (found > 0).all()
    assert found[0, 0] == 2**31 - 1


@pytest.mark.parametrize("view", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64"])
def test_strides_do_not_matter(view, dtype):
    rng = np.random.default_rng(0)
    image = view(rng.integers(0, 100, (8, 13, 80)).astype(dtype))
    markers = view(rng.integers(0, 900, (8, 13, 80)))
    markers = np.where(markers < 4, markers, 0)
    markers.flat[0] = 1
    expected = seeded_region_growing(image.copy("C"), markers)
    np.testing.assert_array_equal(seeded_region_growing(image, np.asfortranarray(markers)), expected)


def test_empty_images_and_volumes():
    assert seeded_region_growing(np.zeros((0, 4)), np.zeros((0, 4), int)).shape == (0, 4)
    volume = Volume(np.zeros((2, 3, 4), np.int16), spacing=(3.0, 1.0, 1.0))
    markers = np.zeros((2, 3, 4), np.uint8)
    markers[0, 0, 0] = 9
    found = seeded_region_growing(volume, markers)
    assert found.spacing == volume.spacing
    assert (found.array == 9).all()


IMAGE = np.zeros((3, 4), np.int16)


@pytest.mark.parametrize(
    ("markers", "keywords", "error", "message"),
    [
        (np.zeros((3, 4), int), {}, ValueError, "`markers` must mark at least one voxel, got none"),
        (np.full((3, 4), -1), {}, ValueError, "`markers` must be labels from 0 to 2147483647, got -1"),
        (np.full((3, 4), 2**31), {}, ValueError, "`markers` must be labels from 0 to 2147483647, got 2147483648"),
        (np.ones((3, 4)), {}, TypeError, "`markers` must be integers, got float64"),
        (np.ones((4, 3), int), {}, ValueError, "`markers` must have shape (3, 4), got (4, 3)"),
        (np.ones((3, 4), int), {"connectivity": 3}, ValueError, "`connectivity` must be 1 to 2 for 2-D, got 3"),
        (np.ones((3, 4), int), {"mask": [[1]]}, ValueError, "`mask` must have shape (3, 4), got (1, 1)"),
    ],
)
def test_rejects(markers, keywords, error, message):
    with pytest.raises(error) as caught:
        seeded_region_growing(IMAGE, markers, **keywords)
    assert f"seeded_region_growing: {message}" in str(caught.value)
