"""Local maxima: scikit-image's points in scikit-image's order, and distances in mm against a plain form."""

from __future__ import annotations

import itertools
import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.feature import peak_local_max as reference

from cormack import Volume
from cormack.detect import peak_local_max

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


def random_image(shape, dtype, seed=0, levels=None):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    if dtype == "bool":
        return rng.random(shape) > 0.9
    # scikit-image sorts by the negative: the smallest value of a type has none.
    low, high = (1, levels + 1) if levels else (np.iinfo(dtype).min + 1, np.iinfo(dtype).max)
    return rng.integers(low, high, shape, endpoint=True).astype(dtype)


def check(image, *arguments, **keywords):
    expected = reference(image.astype(np.int8) if image.dtype == bool else image, *arguments, **keywords)
    result = peak_local_max(image, *arguments, **keywords)
    assert result.dtype == np.int64
    np.testing.assert_array_equal(result, expected.reshape(-1, image.ndim))


@pytest.mark.parametrize("shape", [(40, 65), (9, 17, 31), (1, 129), (3, 1, 64), (2, 2)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_points_match_scikit_image(shape, dtype, isa):
    image = random_image(shape, dtype)
    for distance, border in itertools.product((1, 2, 5), (True, False, 1)):
        check(image, distance, exclude_border=border)
    check(random_image(shape, dtype, levels=5), 2, exclude_border=False)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_settings_match_scikit_image(dtype):
    image = random_image((50, 61), dtype, 3)
    disk = np.hypot(*np.ogrid[-3:4, -3:4]) <= 3
    for keywords in (
        {"threshold_abs": 0.1},
        {"threshold_rel": 0.7},
        {"threshold_abs": 0.1, "threshold_rel": 0.3},
        {"num_peaks": 7},
        {"num_peaks": 3, "min_distance": 4},
        {"exclude_border": (2, 7)},
        {"footprint": disk},
        {"footprint": disk, "min_distance": 3, "p_norm": 2},
        {"min_distance": 4, "p_norm": 1},
        {"min_distance": 4, "p_norm": 3.5},
        {"num_peaks": 0},
    ):
        check(image, **keywords)


def test_labels_match_scikit_image():
    rng = np.random.default_rng(1)
    for shape in ((40, 50), (12, 20, 22)):
        image = random_image(shape, "int16", 2)
        labels = rng.integers(0, 4, [-(-n // 5) for n in shape]).astype(np.int32)
        for axis, n in enumerate(shape):
            labels = labels.repeat(5, axis)[(slice(None),) * axis + (slice(n),)]
        check(image, 2, labels=labels)
        check(image, 1, labels=labels, num_peaks_per_label=2, exclude_border=False)
        check(image, 3, labels=labels, num_peaks=3)
        check(np.ones(shape), 1, labels=(rng.random(shape) > 0.9).astype(int), threshold_abs=0)


@given(
    st.lists(st.integers(1, 12), min_size=2, max_size=3),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from(DTYPES[1:]),
    st.integers(0, 2**31),
)
@settings(max_examples=60, deadline=None)
@pytest.mark.filterwarnings("ignore:When min_distance")
def test_random_settings_match_scikit_image(shape, distance, border, dtype, seed):
    check(random_image(shape, dtype, seed, 3 if seed % 2 else None), distance, exclude_border=border)


def test_distances_in_mm():
    spacing = (2.5, 0.8, 0.7)
    image = np.random.default_rng(5).random((8, 16, 17))
    for norm in (2, math.inf):
        points = peak_local_max(image, 3.0, p_norm=norm, spacing=spacing, unit="mm", exclude_border=False)
        assert len(points) > 5
        order = np.argsort(-image.ravel(), kind="stable")
        grid = np.stack(np.unravel_index(np.arange(image.size), image.shape), -1) * spacing
        kept, is_peak = [], np.zeros(image.size, bool)
        for i in order:
            difference = np.abs(grid - grid[i])
            far = difference.max(1) if norm == math.inf else np.sqrt((difference**2).sum(1))
            is_peak[i] = image.ravel()[i] == image.ravel()[far <= 3.0 * (1 + 1e-9)].max()
            if is_peak[i] and all(far[j] >= 3.0 for j in kept):
                kept.append(i)
        np.testing.assert_array_equal(points, np.stack(np.unravel_index(kept, image.shape), -1))
    volume = Volume(image, spacing)
    np.testing.assert_array_equal(
        peak_local_max(volume, 3.0, unit="mm"), peak_local_max(image, 3.0, spacing=spacing, unit="mm")
    )


def test_coarse_axes_have_neighbours_too():
    image = np.zeros((5, 9, 9))
    image[1, 4, 4], image[2, 4, 4] = 1, 2
    for norm in (2, math.inf):
        points = peak_local_max(image, 1.0, p_norm=norm, spacing=(5, 1, 1), unit="mm", exclude_border=False)
        assert points.tolist() == [[2, 4, 4]]


def test_strides_threads_and_empty_arrays():
    image = random_image((20, 40, 51), "int16", 9)
    expected = reference(image, 2)
    for view in (np.asfortranarray(image), image[::-1, ::-1, ::-1][::-1, ::-1, ::-1], image.repeat(2, 2)[:, :, ::2]):
        np.testing.assert_array_equal(peak_local_max(view, 2), expected)
    for workers in (1, 2, 3):
        np.testing.assert_array_equal(peak_local_max(image, 2, workers=workers), expected)
    for shape in ((0, 5), (3, 0, 4)):
        assert peak_local_max(np.empty(shape, np.float32)).shape == (0, len(shape))
    assert len(peak_local_max(np.full((9, 9), 7, np.int16))) == 0
    image = random_image((30, 30), "float64")
    image[4, 4] = np.nan
    assert [4, 4] not in peak_local_max(image).tolist()


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"min_distance": 1.5}, TypeError, "`min_distance` must be an int"),
        ({"min_distance": -1}, ValueError, "`min_distance` must be at least 0"),
        ({"p_norm": 0.5}, ValueError, "`p_norm` must be at least 1"),
        ({"exclude_border": -1}, ValueError, "`exclude_border` must be at least 0"),
        ({"exclude_border": 10**30}, ValueError, "`exclude_border` must be at most"),
        ({"min_distance": 2**63, "footprint": np.ones((3, 3))}, ValueError, "`min_distance` must be at most"),
        ({"num_peaks": 10**400}, ValueError, "`num_peaks` must be at most"),
        ({"num_peaks_per_label": 2**63}, ValueError, "`num_peaks_per_label` must be at most"),
        ({"exclude_border": (1, 2, 3)}, ValueError, "`exclude_border` must be one value"),
        ({"num_peaks": 2.5}, TypeError, "`num_peaks` must be an int"),
        ({"labels": np.ones((2, 2), int)}, ValueError, "`labels` must have shape"),
        ({"labels": np.ones((8, 8))}, TypeError, "`labels` must have one of the dtypes"),
        ({"footprint": np.ones(3)}, ValueError, "`footprint` must have 2 axes"),
        ({"unit": "mm"}, ValueError, "`spacing` must be given"),
        ({"spacing": 2}, ValueError, "`unit` must be 'mm'"),
    ],
)
def test_wrong_arguments_are_named(keywords, error, message):
    with pytest.raises(error, match=f"peak_local_max: {message}"):
        peak_local_max(np.zeros((8, 8)), **keywords)


def test_the_largest_number_of_peaks_is_all_of_them():
    image = np.random.default_rng(0).random((30, 40))
    np.testing.assert_array_equal(peak_local_max(image, 3, num_peaks=sys.maxsize), peak_local_max(image, 3))
