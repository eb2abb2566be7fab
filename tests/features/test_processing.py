"""resample, resample_mask, round_intensities, resegment, discretise: SciPy, the formulas, layouts, threads, errors."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given
from hypothesis import strategies as st

from cormack import Volume, features

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
SHAPES = [(1, 1), (1, 7), (5, 1), (9, 33), (2, 3, 5), (1, 40, 17), (7, 16, 65), (18, 35, 4)]


def image_of(dtype, shape, seed=0):
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return rng.integers(max(limits.min, -3000), min(limits.max, 3000), shape).astype(dtype)
    return rng.normal(100, 500, shape).astype(dtype)


def positions_of(shape, spacing, new):
    axes = []
    for n, s, t in zip(shape, spacing, new, strict=True):
        count = math.ceil(n * s / t - 1e-9)
        axes.append(np.clip((np.arange(count) - (count - 1) / 2) * t / s + (n - 1) / 2, 0, n - 1))
    return np.meshgrid(*axes, indexing="ij")


def by_scipy(image, spacing, new, order):
    x = image.astype(np.float64)
    return scipy.ndimage.map_coordinates(x, positions_of(image.shape, spacing, new), order=order, mode="mirror")


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
@pytest.mark.parametrize("new", [0.7, 1.3, 2.6, 5.0])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_resample_matches_scipy(shape, new, interpolation, isa):
    spacing = (2.0, 0.9, 1.1)[-len(shape) :]
    order = {"linear": 1, "cubic": 3}[interpolation]
    for dtype in DTYPES:
        image = image_of(dtype, shape)
        result = features.resample(image, spacing, new, interpolation=interpolation)
        wanted = by_scipy(image, spacing, [new] * len(shape), order)
        assert result.dtype == (np.float64 if dtype in ("uint32", "int32", "float64") else np.float32)
        assert result.shape == wanted.shape
        # Positions are rounded to 2^-32 voxel, values once to the dtype; the spline's slope is a few times the range.
        size = np.abs(image.astype(np.float64)).max()
        bound = size * (2.0**-29 + (2.0**-24 if result.dtype == np.float32 else 0) * 2)
        np.testing.assert_allclose(result, wanted, rtol=0, atol=bound)


@given(st.integers(1, 40), st.floats(0.3, 5), st.floats(0.3, 5))
def test_resample_nearest_takes_the_nearest_voxel(n, spacing, new):
    image = np.arange(n, dtype=np.int32)[np.newaxis]
    result = features.resample(image, (1.0, spacing), (1.0, new), interpolation="nearest")[0]
    positions = positions_of((n,), (spacing,), (new,))[0]
    assert len(result) == len(positions)
    assert (np.abs(result - positions) <= 0.5 + 1e-9).all()


@pytest.mark.parametrize("interpolation", ["nearest", "linear", "cubic"])
def test_resample_to_the_same_spacing_changes_nothing(interpolation):
    image = image_of("int16", (5, 6, 7))
    np.testing.assert_array_equal(features.resample(image, 0.3, 0.3, interpolation=interpolation), image)


def test_sizes_are_rounded_up_but_not_for_rounding_errors():
    assert features.resample(np.zeros((1, 10)), (1.0, 0.3), (1.0, 0.1)).shape == (1, 30)
    assert features.resample(np.zeros((1, 10)), (1.0, 1.0), (1.0, 0.99)).shape == (1, 11)


def test_half_way_is_exactly_half_way():
    # 3 mm to 2 mm: every other node lies half way between voxels, at positions that float64 does not hold exactly.
    mask = np.repeat([0, 1, 0, 1, 1, 0], 1)[np.newaxis]
    values = features.resample(mask.astype(np.float64), (1.0, 3.0), (1.0, 2.0))[0]
    inside = features.resample_mask(mask, (1.0, 3.0), (1.0, 2.0))[0]
    np.testing.assert_array_equal(inside, np.round(values, 6) >= 0.5)
    assert (np.round(values, 6) == 0.5).any()


def test_2d_leaves_slices_alone():
    image = image_of("int16", (4, 9, 8))
    result = features.resample(image, (3.0, 1.0, 1.0), (2.0, 1.5), dimension="2D")
    for plane, wanted in zip(result, image, strict=True):
        np.testing.assert_array_equal(plane, features.resample(wanted, 1.0, (2.0, 1.5)))
    np.testing.assert_array_equal(result, features.resample(image, (3.0, 1.0, 1.0), (9.0, 2.0, 1.5), dimension="2D"))


def test_a_nan_stays_where_it_has_a_weight():
    image = np.zeros((1, 9))
    image[0, 4] = np.nan
    result = features.resample(image, 1.0, (1.0, 0.5))[0]
    positions = positions_of((9,), (1.0,), (0.5,))[0]
    np.testing.assert_array_equal(np.isnan(result), np.abs(positions - 4) < 1)
    assert not np.isnan(features.resample(image, 1.0, 1.0)[0, [0, 3, 5]]).any()


@pytest.mark.parametrize("interpolation", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_layouts_threads_and_levels_do_not_change_a_bit(dtype, interpolation, isa):
    image = image_of(dtype, (20, 37, 41))
    wanted = features.resample(image, (2.0, 1.0, 1.0), 1.3, interpolation=interpolation, workers=1)
    views = (np.asfortranarray(image), image[::-1][::-1], np.ascontiguousarray(image[..., ::-1])[..., ::-1],
             np.repeat(image, 2, axis=2)[..., ::2])  # fmt: skip
    for view in views:
        for workers in (1, 2, 3):
            result = features.resample(view, (2.0, 1.0, 1.0), 1.3, interpolation=interpolation, workers=workers)
            assert result.tobytes() == wanted.tobytes()


def test_a_volume_keeps_its_place():
    direction = np.array([[1.0, 0, 0], [0, 0, 1], [0, 1, 0]])
    volume = Volume(image_of("int16", (6, 7, 8)), (3.0, 1.0, 2.0), (5.0, 6.0, 7.0), direction, {"modality": "CT"})
    result = features.resample(volume, None, 1.5)
    assert result.spacing == (1.5, 1.5, 1.5)
    assert result.meta == volume.meta

    def centre(v):
        return np.asarray(v.origin) + v.direction @ ((np.array(v.shape) - 1) / 2 * np.asarray(v.spacing))

    np.testing.assert_allclose(centre(result), centre(volume), atol=1e-12)
    assert features.resample_mask(volume.replace(volume.array > 0), None, 1.5).shape == result.shape


def test_a_mask_of_numbers_is_a_mask_of_ones():
    labels = np.random.default_rng(3).integers(0, 4, (5, 9, 9))
    wanted = features.resample_mask(labels > 0, 1.0, 0.8)
    for dtype in ("int64", "uint8", "float32"):
        np.testing.assert_array_equal(features.resample_mask(labels.astype(dtype), 1.0, 0.8), wanted)


def test_round_intensities_rounds_half_to_even():
    values = np.array([-1.5, -0.5, -0.2, 0.5, 1.5, 2.4, np.nan, np.inf], np.float32)
    result = features.round_intensities(values)
    np.testing.assert_array_equal(result, np.array([-2, 0, 0, 0, 2, 2, np.nan, np.inf], np.float32))
    assert result.dtype == np.float32
    assert not np.signbit(result[2])
    integers = np.arange(3)
    assert features.round_intensities(integers.astype(np.int16)).dtype == np.int16


@pytest.mark.parametrize("ends", [(0.7, None), (0.1, 0.2), (None, 0.7), (0.3, 0.7), (-1e300, 1e300), (1e39, 1e40)])
def test_resegment_compares_float32_exactly(ends):
    image = np.array([-np.inf, 0.1, 0.2, 0.3, 0.7, 3e38, np.inf, np.nan], np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept = features.resegment(image, intensity_range=ends)
    assert kept.tolist() == features.resegment(image.astype(np.float64), intensity_range=ends).tolist()


def test_resegmented_float32_has_bins_from_the_limit():
    image = np.tile(np.array([0.7, 0.8, 1.5], np.float32), (2, 2, 1))
    settings = {"discretisation": "fixed bin size", "bin_size": 0.1, "resegmentation_range": (0.7, None)}
    settings |= {"families": ["first_order", "intensity_histogram"]}
    table = features.radiomics(image, image > 0, settings=settings)
    # The nearest float32 to 0.7 is below it.
    assert table == features.radiomics(image.astype(np.float64), image > 0, settings=settings)
    assert table["stat_min"] == np.float32(0.8)


def test_resegment_keeps_the_closed_range_and_the_sigmas():
    rng = np.random.default_rng(0)
    image = rng.normal(0, 100, (4, 5, 6))
    mask = rng.random(image.shape) < 0.7
    x = image[mask]
    low, high = x.mean() - 1.5 * x.std(), x.mean() + 1.5 * x.std()
    np.testing.assert_array_equal(features.resegment(image, mask, intensity_range=(-50, 80)),
                                  mask & (image >= -50) & (image <= 80))  # fmt: skip
    np.testing.assert_array_equal(features.resegment(image, mask, intensity_range=(None, 80)), mask & (image <= 80))
    np.testing.assert_array_equal(features.resegment(image, mask, sigma=1.5), mask & (image >= low) & (image <= high))
    both = features.resegment(image, mask, intensity_range=(-50, math.inf), sigma=1.5)
    np.testing.assert_array_equal(both, mask & (image >= max(-50, low)) & (image <= high))
    np.testing.assert_array_equal(features.resegment(image, mask), mask)


def formula(image, mask, bin_size=None, bin_number=None, lower=None):
    x = image.astype(np.float64)
    inside = x[mask]
    low, high = inside.min(), inside.max()
    if bin_size is not None:
        levels = np.floor((x - (low if lower is None else lower)) / bin_size) + 1
    elif high == low:
        levels = np.ones_like(x)
    else:
        levels = np.minimum(np.floor((x - low) * bin_number / (high - low)) + 1, bin_number)
    return np.where(mask, levels, 0).astype(np.int64)


@pytest.mark.parametrize("rule", [{"bin_size": 25}, {"bin_size": 0.3, "lower": -4000.5}, {"bin_number": 32},
                                  {"bin_number": 1}, {"bin_number": 100000}])  # fmt: skip
@pytest.mark.parametrize("dtype", DTYPES)
def test_discretise_matches_the_formula(dtype, rule):
    rng = np.random.default_rng(1)
    for shape in [(1,), (37,), (5, 67), (4, 9, 17), (2, 3, 4, 5)]:
        image, mask = image_of(dtype, shape), rng.random(shape) < 0.6
        mask.flat[0] = True
        levels, count = features.discretise(image, mask, **rule)
        assert levels.dtype == np.int32
        np.testing.assert_array_equal(levels, formula(image, mask, **rule))
        assert count == rule.get("bin_number", levels.max())
        views = np.asfortranarray(image), np.asfortranarray(mask)
        for workers in (1, 2):
            np.testing.assert_array_equal(features.discretise(*views, **rule, workers=workers)[0], levels)
        np.testing.assert_array_equal(
            features.discretise(image, **rule)[0], formula(image, np.ones(shape, bool), **rule)
        )


def test_what_lies_outside_the_region_does_not_matter():
    image = np.array([[np.nan, 1.0, 5.0, np.inf, -np.inf]])
    levels, count = features.discretise(image, np.isfinite(image), bin_number=4)
    assert levels.tolist() == [[0, 1, 4, 0, 0]]
    assert count == 4


IMAGE = np.zeros((3, 4), np.int16)
BAD = [
    (lambda: features.resample(IMAGE, 0, 1), "`spacing` must be above 0, got 0"),
    (lambda: features.resample(IMAGE, -1, 1), "`spacing` must be above 0"),
    (lambda: features.resample(IMAGE, math.nan, 1), "`spacing` must be finite, got nan"),
    (lambda: features.resample(IMAGE, None, 1), "`spacing` must be given where the image is no Volume"),
    (lambda: features.resample(IMAGE, 1, (1, 2, 3)), "`new_spacing` must be one value or one for each of 2 axes"),
    (lambda: features.resample(IMAGE, 1, 1e-9), "`new_spacing` must leave at most 1048576 voxels"),
    (lambda: features.resample(IMAGE, 1, 1, interpolation="spline"), "`interpolation` must be one of 'nearest'"),
    (lambda: features.resample(IMAGE, 1, 1, dimension="2.5D"), "`dimension` must be one of '2D', '3D'"),
    (lambda: features.resample(np.zeros((0, 3)), 1, 1), "`image` must contain a voxel, got shape (0, 3)"),
    (lambda: features.resample_mask(IMAGE, 1, 1, threshold=0), "`threshold` must be above 0"),
    (lambda: features.resample_mask(IMAGE, 1, 1, threshold=1.5), "`threshold` must be at most 1"),
    (lambda: features.resegment(IMAGE, intensity_range=(3, 3)), "`intensity_range` must increase"),
    (lambda: features.resegment(IMAGE, intensity_range=3), "`intensity_range` must be two numbers"),
    (lambda: features.resegment(IMAGE, sigma=0), "`sigma` must be above 0"),
    (lambda: features.discretise(IMAGE, bin_size=0), "`bin_size` must be above 0, got 0"),
    (lambda: features.discretise(IMAGE, bin_size=math.nan), "`bin_size` must be finite"),
    (lambda: features.discretise(IMAGE, bin_number=0), "`bin_number` must be at least 1, got 0"),
    (lambda: features.discretise(IMAGE, bin_size=1, lower=2), "`lower` must be at most the lowest intensity"),
    (lambda: features.discretise(IMAGE + np.arange(4.0), bin_size=1e-9), "`bin_size` must leave at most 2147483647"),
    (lambda: features.discretise(IMAGE, IMAGE, bin_size=1), "`mask` must contain a voxel, got none"),
    (lambda: features.discretise(IMAGE, IMAGE[:2], bin_size=1), "`mask` must have shape (3, 4), got (2, 4)"),
    (lambda: features.discretise(IMAGE * np.nan, bin_size=1), "`image` must be finite in the region, got 12 voxels"),
]


@pytest.mark.parametrize(("call", "message"), BAD, ids=[message for _, message in BAD])
def test_rejects(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert message in str(error.value)


def test_exactly_one_kind_of_bins():
    for keywords in ({}, {"bin_size": 1, "bin_number": 2}, {"bin_number": 2, "lower": 0}):
        with pytest.raises(TypeError):
            features.discretise(IMAGE, **keywords)
