"""neighborhood_connected: equal to SimpleITK and to an erosion followed by labelling; errors."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from cormack import _cormack_cpu, io
from cormack.segment import neighborhood_connected

from .growing import ITK_DTYPES, LAYOUTS, random_image, random_seeds, run, xyz


def by_itk(image, seeds, lower, upper, radius):
    itk = sitk.NeighborhoodConnectedImageFilter()
    itk.SetSeedList(xyz(seeds))
    itk.SetLower(lower)
    itk.SetUpper(upper)
    itk.SetRadius(radius[::-1])
    return run(itk, image)


def by_scipy(image, seeds, lower, upper, radius, connectivity, mask=None):
    inside = (image >= lower) & (image <= upper)
    inside = ndimage.binary_erosion(inside, np.ones([2 * r + 1 for r in radius]), border_value=1)
    for seed in seeds:
        inside[seed] = True
    if mask is not None:
        inside &= mask
    labels, _ = ndimage.label(inside, ndimage.generate_binary_structure(image.ndim, connectivity))
    return np.isin(labels, sorted({int(labels[seed]) for seed in seeds} - {0}))


@pytest.mark.parametrize("dtype", ITK_DTYPES)
def test_matches_simpleitk_on_random_images(dtype):
    rng = np.random.default_rng(11)
    for _ in range(30):
        image = random_image(rng, dtype)
        seeds = random_seeds(rng, image.shape)
        low, high = float(np.floor(image.min())), float(np.ceil(image.max()))
        lower = float(rng.integers(int(low), int(low + (high - low) // 3) + 1))
        upper = float(rng.integers(int(high - (high - low) // 3), int(high) + 1))
        radius = [int(r) for r in rng.integers(0, 3, image.ndim)]
        expected = by_itk(image, seeds, lower, upper, radius)
        np.testing.assert_array_equal(neighborhood_connected(image, seeds, lower, upper, radius=radius), expected)


def test_matches_simpleitk_on_a_ct(isa, data):
    image = io.read(data / "ibsi_ct_phantom" / "image.nii.gz").array.astype(np.int16)
    for seed, lower, upper, radius in [((30, 27, 39), -1000, -600, (1, 2, 1)), ((22, 41, 161), -150, 200, (0, 1, 1))]:
        expected = by_itk(image, [seed], lower, upper, radius)
        assert expected.sum() > 1000
        np.testing.assert_array_equal(neighborhood_connected(image, seed, lower, upper, radius=radius), expected)


@pytest.mark.parametrize(
    "radius", [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (2, 1, 3), (3, 9, 0), (0, 1, 40), (0, 0, 64), (1, 0, 100)]
)
def test_matches_scipy_for_any_radius(isa, radius):
    rng = np.random.default_rng(5)
    for width in (63, 64, 65, 200):
        image = (rng.random((6, 9, width)) < 1 - 0.3 / np.prod(np.array(radius) + 1)).astype(np.int16)
        seeds = random_seeds(rng, image.shape, 9)
        for connectivity in (1, 2, 3):
            found = neighborhood_connected(image, seeds, 1, 1, radius=radius, connectivity=connectivity)
            np.testing.assert_array_equal(found, by_scipy(image, seeds, 1, 1, radius, connectivity))


def test_matches_scipy_within_a_mask():
    rng = np.random.default_rng(6)
    image = (rng.random((9, 20, 70)) < 0.97).astype(np.uint8)
    mask = rng.random(image.shape) < 0.8
    seeds = random_seeds(rng, image.shape, 20)
    found = neighborhood_connected(image, seeds, 1, 1, mask=mask)
    np.testing.assert_array_equal(found, by_scipy(image, seeds, 1, 1, (1, 1, 1), 1, mask))
    assert not found[~mask].any()


def test_radius_beyond_the_image_asks_for_all_of_it():
    image = np.full((5, 6), 3, np.int16)
    assert neighborhood_connected(image, (2, 2), 3, 3, radius=10**30).all()
    image[4, 5] = 4
    assert neighborhood_connected(image, (2, 2), 3, 3, radius=100).sum() == 1


def test_nan_is_outside():
    image = np.full((5, 9), 3, np.float32)
    image[2, 4] = np.nan
    found = neighborhood_connected(image, (0, 0), -np.inf, np.inf)
    assert not found[1:4, 3:6].any()
    assert found.sum() == 45 - 9


@pytest.mark.parametrize("view", LAYOUTS.values(), ids=LAYOUTS)
def test_strides_do_not_matter(view):
    rng = np.random.default_rng(0)
    image = view(rng.integers(0, 30, (8, 13, 80)).astype(np.int16))
    seeds = random_seeds(rng, image.shape, 9)
    expected = neighborhood_connected(image.copy("C"), seeds, 1, 40)
    np.testing.assert_array_equal(neighborhood_connected(image, seeds, 1, 40), expected)


def test_result_does_not_depend_on_threads_or_level():
    rng = np.random.default_rng(2)
    image = rng.integers(0, 60, (40, 70, 131)).astype(np.int16)
    expected = neighborhood_connected(image, (20, 30, 30), 1, 60, workers=1)
    before = _cormack_cpu.isa()
    for level in _cormack_cpu.available_isas():
        _cormack_cpu.use_isa(level)
        for workers in (1, 2, 3):
            found = neighborhood_connected(image, (20, 30, 30), 1, 60, workers=workers)
            np.testing.assert_array_equal(found, expected)
    _cormack_cpu.use_isa(before)


IMAGE = np.zeros((3, 4), np.int16)


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        (((3, 0), 0, 1), {}, ValueError, "neighborhood_connected: `seeds` must be indices inside shape (3, 4)"),
        (((0, 0), 2, 1), {}, ValueError, "`upper` must be at least `lower`, which is 2, got 1"),
        (((0, 0), np.nan, 1), {}, ValueError, "`lower` must not be NaN"),
        (((0, 0), 0, 1), {"radius": -1}, ValueError, "`radius` must be at least 0, got -1"),
        (((0, 0), 0, 1), {"radius": 0.5}, TypeError, "`radius` must be an int, got 0.5"),
        (((0, 0), 0, 1), {"radius": (1, 2, 3)}, ValueError, "`radius` must be one value or one for each of 2 axes"),
        (((0, 0), 0, 1), {"connectivity": 0}, ValueError, "`connectivity` must be 1 to 2 for 2-D, got 0"),
    ],
)
def test_rejects(arguments, keywords, error, message):
    with pytest.raises(error) as caught:
        neighborhood_connected(IMAGE, *arguments, **keywords)
    assert message in str(caught.value)
