"""confidence_connected: equal to SimpleITK; what ITK leaves open; masks, layouts, threads, levels; errors."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from cormack import _cormack_cpu, io
from cormack.segment import confidence_connected

from .growing import ITK_DTYPES, LAYOUTS, random_image, random_seeds, run, xyz


def by_itk(image, seeds, multiplier=2.5, iterations=4, radius=1):
    """Return SimpleITK's region and the variance it ended with."""
    itk = sitk.ConfidenceConnectedImageFilter()
    itk.SetSeedList(xyz(seeds))
    itk.SetMultiplier(multiplier)
    itk.SetNumberOfIterations(iterations)
    itk.SetInitialNeighborhoodRadius(radius)
    return run(itk, image), itk.GetVariance()


@pytest.mark.parametrize("dtype", ITK_DTYPES)
def test_matches_simpleitk_on_random_images(dtype):
    rng = np.random.default_rng(7)
    compared = 0
    for _ in range(40):
        image = random_image(rng, dtype)
        seeds = random_seeds(rng, image.shape)
        seeds += seeds[: int(rng.integers(2))]  # A seed named twice counts twice.
        how = float(rng.choice([0.5, 1, 1.7, 2.5, 3])), int(rng.integers(6)), int(rng.integers(3))
        expected, variance = by_itk(image, seeds, *how)
        if np.isnan(variance):
            continue  # Zero divided by zero: tested below.
        found = confidence_connected(image, seeds, multiplier=how[0], iterations=how[1], initial_radius=how[2])
        np.testing.assert_array_equal(found, expected)
        compared += 1
    assert compared > 25


@pytest.mark.parametrize(("seed", "multiplier"), [((30, 60, 60), 2.0), ((30, 27, 39), 3.0)])
@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_matches_simpleitk_on_a_ct(data, dtype, seed, multiplier):
    image = io.read(data / "ibsi_ct_phantom" / "image.nii.gz").array.astype(dtype)
    expected, _ = by_itk(image, [seed], multiplier)
    np.testing.assert_array_equal(confidence_connected(image, seed, multiplier=multiplier), expected)


def test_matches_simpleitk_on_an_mr(data):
    image = io.read(next((data / "mni152").glob("*.nii.gz"))).array
    seeds = [tuple(n // 2 + 10 for n in image.shape), tuple(n // 3 for n in image.shape)]
    expected, _ = by_itk(image, seeds, 2.0, 3)
    assert expected.sum() > 1000
    np.testing.assert_array_equal(confidence_connected(image, seeds, multiplier=2.0, iterations=3), expected)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "uint16", "uint32", "int32"])
def test_integers_agree_on_values_they_share(isa, dtype):
    image = (np.random.default_rng(1).random((9, 20, 70)) < 0.9).astype("uint8")
    expected = confidence_connected(image.astype("int16"), (4, 9, 9), multiplier=1.0)
    np.testing.assert_array_equal(confidence_connected(image.astype(dtype), (4, 9, 9), multiplier=1.0), expected)


@pytest.mark.parametrize("dtype", ["uint16", "int16", "uint32", "int32"])
def test_sums_of_extreme_values_are_exact(isa, dtype):
    # Half the region is the least value and half the greatest: mean and variance are known.
    info = np.iinfo(dtype)
    image = np.full((3, 40, 200), info.max, dtype)
    image[:, ::2] = info.min
    image[:, :, 100:] = 0 if info.min < 0 else info.max // 2
    assert confidence_connected(image, (1, 1, 1), multiplier=10).all()
    found = confidence_connected(image, [(1, 1, 1), (1, 2, 1)], multiplier=0, iterations=3, connectivity=1)
    assert found.all()
    if info.min < 0:
        # Zero is within one deviation of the mean, which is -1/2; the extremes are kept for the seeds' sake.
        assert by_itk(image, [(1, 1, 1), (1, 2, 1)], 0.1, 3)[0].sum() == found.sum()


@pytest.mark.parametrize("dtype", ["uint16", "int16"])
def test_long_rows_match_simpleitk(isa, dtype):
    # More words in a row than the lanes of partial sums hold.
    info = np.iinfo(dtype)
    image = np.full((2, 300001), info.max - 3, dtype)
    image[:, ::5] = info.max - 900
    image[:, 299000:] = info.max - 2100
    seeds = [(0, 0), (1, 299500)]
    expected, _ = by_itk(image, seeds, 0.2, 3)
    assert expected.any()
    np.testing.assert_array_equal(confidence_connected(image, seeds, multiplier=0.2, iterations=3), expected)
    image[0, 4:299000:5] = info.min
    np.testing.assert_array_equal(confidence_connected(image, seeds), by_itk(image, seeds)[0])


def test_a_region_of_one_voxel_stays():
    image = (np.arange(64).reshape(8, 8) * 100).astype(np.int16)
    for radius in (0, 1):
        found = confidence_connected(image, (3, 4), multiplier=0.01, initial_radius=radius)
        assert found.sum() == 1
        assert found[3, 4]
    # ITK divides by zero and casts the NaN.
    assert not by_itk(image, [(3, 4)], 0.01)[0].any()


def test_iterations_and_radius_have_effect():
    rng = np.random.default_rng(3)
    image = (rng.normal(0, 10, (20, 60)) + np.linspace(0, 80, 60)).astype(np.int16)
    sizes = [confidence_connected(image, (10, 30), iterations=n, connectivity=2).sum() for n in range(4)]
    assert sizes == [by_itk_full(image, (10, 30), n) for n in range(4)]
    assert len(set(sizes)) > 1
    wide = confidence_connected(image, (10, 30), initial_radius=(0, 9), iterations=0)
    assert wide.sum() > confidence_connected(image, (10, 30), initial_radius=(3, 0), iterations=0).sum()


def by_itk_full(image, seed, iterations):
    """Return the size of the region by ITK's rules in plain NumPy, for corners too, which ITK has not."""
    from scipy import ndimage

    padded = np.pad(image.astype(float), 1, "edge")
    values = padded[seed[0] : seed[0] + 3, seed[1] : seed[1] + 3].ravel()
    seed_value = float(image[seed])
    for step in range(iterations + 1):
        mean = values.mean()
        deviation = np.sqrt(((values**2).sum() - mean**2 * values.size) / (values.size - 1))
        low = np.trunc(min(mean - 2.5 * deviation, seed_value))
        high = np.trunc(max(mean + 2.5 * deviation, seed_value))
        labels, _ = ndimage.label((image >= low) & (image <= high), np.ones((3, 3)))
        region = labels == labels[seed]
        if step == iterations:
            return region.sum()
        values = image[region].astype(float)


def test_mask_bounds_boxes_and_region():
    image = np.full((9, 9), 10, np.int16)
    image[:, 5:] = 500
    image[::2, ::2] += 1
    mask = np.ones((9, 9), bool)
    mask[:, 5:] = False
    found = confidence_connected(image, (4, 4), mask=mask)
    np.testing.assert_array_equal(found, mask)
    mask[:, 3] = False
    assert confidence_connected(image, (4, 4), mask=mask).sum() == 9
    mask[4, 4] = False
    assert not confidence_connected(image, (4, 4), mask=mask).any()


def test_nan_and_infinities_count_for_nothing():
    image = np.full((7, 9), 5, np.float32)
    image[::2, ::3] = 6
    expected = confidence_connected(image, (3, 4))
    assert expected.all()
    image[2, 4], image[0, 0], image[6, 6] = np.nan, np.inf, -np.inf
    expected[2, 4] = expected[0, 0] = expected[6, 6] = False
    np.testing.assert_array_equal(confidence_connected(image, (3, 4)), expected)
    np.testing.assert_array_equal(confidence_connected(image, [(3, 4), (2, 4), (0, 0)]), expected)
    assert not confidence_connected(image, (2, 4)).any()


def test_huge_doubles_do_not_fail():
    image = np.array([[1e308, -1e308, 1e308, 3.0]])
    assert confidence_connected(image, (0, 1))[0, 1]


@pytest.mark.parametrize("view", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64"])
def test_strides_do_not_matter(view, dtype):
    rng = np.random.default_rng(0)
    image = view(rng.integers(0, 9, (8, 13, 80)).astype(dtype))
    mask = view(rng.random((8, 13, 80)) < 0.8)
    seeds = random_seeds(rng, image.shape, 5)
    expected = confidence_connected(image.copy("C"), seeds, multiplier=1.5, mask=mask.copy("C"))
    np.testing.assert_array_equal(confidence_connected(image, seeds, multiplier=1.5, mask=mask), expected)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_result_does_not_depend_on_threads_or_level(dtype):
    image = np.random.default_rng(2).normal(100, 12, (40, 70, 131)).astype(dtype)
    expected = confidence_connected(image, (20, 30, 30), multiplier=2.0, workers=1)
    assert expected.sum() > 1000
    before = _cormack_cpu.isa()
    for level in _cormack_cpu.available_isas():
        _cormack_cpu.use_isa(level)
        for workers in (1, 2, 3):
            found = confidence_connected(image, (20, 30, 30), multiplier=2.0, workers=workers)
            np.testing.assert_array_equal(found, expected)
    _cormack_cpu.use_isa(before)


IMAGE = np.zeros((3, 4), np.int16)


@pytest.mark.parametrize(
    ("image", "seeds", "keywords", "error", "message"),
    [
        (IMAGE, (0, 4), {}, ValueError, "confidence_connected: `seeds` must be indices inside shape (3, 4)"),
        (IMAGE, [], {}, ValueError, "`seeds` must name at least one point"),
        (IMAGE, (0, 0), {"multiplier": -1}, ValueError, "`multiplier` must be at least 0, got -1"),
        (IMAGE, (0, 0), {"multiplier": np.nan}, ValueError, "`multiplier` must be finite"),
        (IMAGE, (0, 0), {"iterations": -1}, ValueError, "`iterations` must be at least 0, got -1"),
        (IMAGE, (0, 0), {"iterations": 1.5}, TypeError, "`iterations` must be an int"),
        (IMAGE, (0, 0), {"initial_radius": -1}, ValueError, "`initial_radius` must be at least 0, got -1"),
        (IMAGE, (0, 0), {"initial_radius": 10**9}, ValueError, "`initial_radius` must make boxes of at most 2^28"),
        (IMAGE, (0, 0), {"initial_radius": (1, 1, 1)}, ValueError, "`initial_radius` must be one value or one for"),
        (IMAGE, (0, 0), {"connectivity": 3}, ValueError, "`connectivity` must be 1 to 2 for 2-D, got 3"),
        (IMAGE, (0, 0), {"mask": np.ones((4, 3))}, ValueError, "`mask` must have shape (3, 4), got (4, 3)"),
        (np.zeros((0, 4)), (0, 0), {}, ValueError, "`seeds` must be indices inside shape (0, 4)"),
    ],
)
def test_rejects(image, seeds, keywords, error, message):
    with pytest.raises(error) as caught:
        confidence_connected(image, seeds, **keywords)
    assert message in str(caught.value)
