"""isolated_connected: equal to SimpleITK; several seeds; searches that ITK does not end; errors."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from cormack import io
from cormack.segment import connected_threshold, isolated_connected

from .growing import ITK_DTYPES, LAYOUTS, random_image, random_seeds, run


def by_itk(image, seed1, seed2, lower, upper, find_upper, tolerance):
    itk = sitk.IsolatedConnectedImageFilter()
    itk.SetSeed1(seed1[::-1])
    itk.SetSeed2(seed2[::-1])
    itk.SetLower(lower)
    itk.SetUpper(upper)
    itk.SetFindUpperThreshold(find_upper)
    itk.SetIsolatedValueTolerance(tolerance)
    return run(itk, image), itk.GetIsolatedValue()


@pytest.mark.parametrize("dtype", ITK_DTYPES)
def test_matches_simpleitk_on_random_images(dtype):
    rng = np.random.default_rng(13)
    for _ in range(25):
        image = random_image(rng, dtype)
        (seed1,), (seed2,) = random_seeds(rng, image.shape, 1), random_seeds(rng, image.shape, 1)
        # ITK subtracts the tolerance from unsigned numbers without looking, and may then search for ever.
        lower = 6 if dtype.startswith("u") else -int(rng.integers(30, 127))
        upper = int(rng.integers(30, 127))
        tolerance = float(rng.choice([1, 2, 5] if dtype[0] != "f" else [0.01, 1, 2.5]))
        find_upper = bool(rng.integers(2))
        expected, bound = by_itk(image, seed1, seed2, lower, upper, find_upper, tolerance)
        found = isolated_connected(
            image, seed1, seed2, lower, upper, find_upper=find_upper, isolated_value_tolerance=tolerance
        )
        np.testing.assert_array_equal(found[0], expected)
        assert found[1] == bound


def test_matches_simpleitk_on_a_ct(data):
    image = io.read(data / "ibsi_ct_phantom" / "image.nii.gz").array[20:40].astype(np.int16)
    for find_upper in (True, False):
        expected, bound = by_itk(image, (10, 27, 39), (10, 100, 140), -1000, 2000, find_upper, 1)
        found = isolated_connected(image, (10, 27, 39), (10, 100, 140), -1000, 2000, find_upper=find_upper)
        np.testing.assert_array_equal(found[0], expected)
        assert found[1] == bound


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "uint32", "float32", "float64"])
def test_separates_sets_of_seeds(isa, dtype):
    # Two valleys, joined over passes of 60 and 40.
    row = [5, 9, 60, 8, 40, 7, 90]
    image = np.tile(np.array(row, dtype), (5, 1))
    region, bound = isolated_connected(image, [(0, 0), (2, 1)], [(1, 3), (3, 5)])
    assert region[:, :2].all()
    assert not region[:, 2:].any()
    assert 58 <= bound < 60
    region, bound = isolated_connected(image, (0, 3), [(3, 5), (3, 6)])
    assert region[:, 3].all()
    assert region.sum() == 5
    assert 38 <= bound < 40
    assert np.array_equal(region, connected_threshold(image, (0, 3), -np.inf, bound))


def test_finds_lower_bounds_of_bright_regions():
    image = np.array([[90, 30, 95, 60, 99]], np.uint16)
    region, bound = isolated_connected(image, (0, 2), (0, 0), find_upper=False)
    assert region.tolist() == [[False, False, True, True, True]]
    assert 30 < bound <= 32
    region, bound = isolated_connected(image, (0, 2), (0, 4), find_upper=False)
    assert region.tolist() == [[False, False, True, False, False]]


def test_where_nothing_separates_the_region_shows_it():
    image = np.zeros((3, 5), np.int16)
    region, bound = isolated_connected(image, (0, 0), (2, 4), 0, 100)
    assert region[2, 4]
    assert bound == 0
    region, bound = isolated_connected(image, (0, 0), (2, 4), 50, 100)
    assert not region.any()


def test_searches_end_that_itk_does_not():
    image = np.array([[1.0, 1.5, 2.0]])
    region, bound = isolated_connected(image, (0, 0), (0, 2), 0.0, 9.0, isolated_value_tolerance=1e-300)
    assert region.tolist() == [[True, True, False]]
    assert bound == np.nextafter(2.0, 0)
    region, bound = isolated_connected(np.array([[3, 3]], np.uint32), (0, 0), (0, 1), find_upper=False)
    assert region.all() or bound > 3


def test_mask_limits_the_region():
    image = np.zeros((5, 9), np.int16)
    mask = np.ones(image.shape, np.uint8)
    mask[:, 4] = 0
    region, bound = isolated_connected(image, (0, 0), (0, 8), mask=mask)
    assert region[:, :4].all()
    assert region.sum() == 20
    assert bound == 32767


@pytest.mark.parametrize("view", LAYOUTS.values(), ids=LAYOUTS)
def test_strides_do_not_matter(view):
    rng = np.random.default_rng(0)
    image = view(rng.integers(0, 200, (8, 13, 80)).astype(np.int16))
    seeds1, seeds2 = random_seeds(rng, image.shape, 1), random_seeds(rng, image.shape, 1)
    expected, bound = isolated_connected(image.copy("C"), seeds1, seeds2, workers=1)
    for workers in (1, 2):
        found = isolated_connected(image, seeds1, seeds2, workers=workers)
        np.testing.assert_array_equal(found[0], expected)
        assert found[1] == bound


IMAGE = np.zeros((3, 4), np.int16)


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        (((3, 0), (0, 0)), {}, ValueError, "isolated_connected: `seeds1` must be indices inside shape (3, 4)"),
        (((0, 0), (0, 4)), {}, ValueError, "`seeds2` must be indices inside shape (3, 4)"),
        (((0, 0), []), {}, ValueError, "`seeds2` must name at least one point"),
        (((0, 0), (0, 1), 2, 1), {}, ValueError, "`upper` must be at least `lower`, which is 2, got 1"),
        (((0, 0), (0, 1), 0, np.nan), {}, ValueError, "`upper` must not be NaN"),
        (((0, 0), (0, 1), 0.2, 0.8), {}, ValueError, "`upper` must leave a value of int16 from `lower` on, 0.2"),
        (((0, 0), (0, 1), 4e4, np.inf), {}, ValueError, "`upper` must leave a value of int16 from `lower` on, 40000"),
        (((0, 0), (0, 1)), {"isolated_value_tolerance": 0}, ValueError, "`isolated_value_tolerance` must be above 0"),
        (((0, 0), (0, 1)), {"isolated_value_tolerance": 0.5}, ValueError, "must be at least 1 for integers, got 0.5"),
    ],
)
def test_rejects(arguments, keywords, error, message):
    with pytest.raises(error) as caught:
        isolated_connected(IMAGE, *arguments, **keywords)
    assert message in str(caught.value)
