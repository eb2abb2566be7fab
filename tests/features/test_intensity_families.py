"""local_intensity, intensity_histogram, intensity_volume_histogram: brute force and NumPy; layouts, threads, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from cormack import features

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
RADIUS = 10 * (3 / (4 * math.pi)) ** (1 / 3)


def image_of(dtype, shape, seed=0):
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return rng.integers(max(limits.min, -30000), min(limits.max, 30000), shape).astype(dtype)
    return rng.normal(100, 500, shape).astype(dtype)


def brute_force(image, mask, spacing):
    grid = np.stack(np.meshgrid(*(np.arange(n) * s for n, s in zip(image.shape, spacing, strict=True)), indexing="ij"))
    means = {}
    for voxel in np.argwhere(mask):
        centre = grid[(slice(None), *voxel)].reshape(-1, *[1] * image.ndim)
        ball = image[((grid - centre) ** 2).sum(axis=0) <= RADIUS**2].astype(np.float64)
        means[tuple(voxel)] = ball[np.isfinite(ball)].mean()
    highest = image[mask].max()
    return {
        "loc_peak_loc": max(mean for voxel, mean in means.items() if image[voxel] == highest),
        "loc_peak_glob": max(means.values()),
    }


@pytest.mark.parametrize(("shape", "spacing"), [((1, 1), (1, 1)), ((9, 33), (1.3, 0.7)), ((5, 6, 7), (3, 2, 2)),
                                                ((40, 3, 5), (2.0, 9.0, 1.0)), ((3, 70, 9), (2.5, 1.5, 2.0)),
                                                ((12, 11, 20), (1.7, 1.1, 1.9))], ids=str)  # fmt: skip
@pytest.mark.parametrize("dtype", DTYPES)
def test_local_intensity_matches_brute_force(dtype, shape, spacing, isa):
    image = image_of(dtype, shape)
    mask = np.random.default_rng(1).random(shape) < 0.2
    mask.flat[-1] = True
    result = features.local_intensity(image, mask, spacing=spacing)
    wanted = brute_force(image, mask, spacing)
    for name, value in wanted.items():
        assert type(result[name]) is float
        # Differences of running sums of at most a row, against a sum over the ball.
        assert result[name] == pytest.approx(value, rel=0, abs=1e-11 * max(1, np.abs(image.astype(float)).max()))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("spacing", [(3, 2, 2), (9, 3, 1), (2, 9, 0.4), (7, 7, 7)], ids=str)
def test_local_intensity_keeps_its_digits_beside_padding(dtype, spacing, isa):
    rng = np.random.default_rng(3)
    image = rng.normal(5, 1, (4, 11, 45)).astype(dtype)
    image[rng.random(image.shape) < 0.01] = -3.4e38
    image[:, :, 20:27] = rng.normal(5, 1, (4, 11, 7))
    mask = (np.arange(45) >= 20) & (np.arange(45) < 27) & np.ones(image.shape, bool)
    wanted = brute_force(image, mask, spacing)
    assert wanted["loc_peak_glob"] > 0
    for workers in (1, 2, 3):
        assert features.local_intensity(image, mask, spacing=spacing, workers=workers) == pytest.approx(
            wanted, rel=1e-13
        )


def test_local_intensity_of_a_whole_image():
    image = image_of("int16", (6, 7, 9))
    wanted = brute_force(image, np.ones(image.shape, bool), (2, 2, 2))
    assert features.local_intensity(image, spacing=2) == pytest.approx(wanted, rel=1e-13)


def test_local_intensity_leaves_out_what_is_not_finite():
    image = image_of("float32", (8, 9, 10))
    image[2, 3, 4], image[5, 5, 5], image[0, 0, 0] = np.nan, np.inf, -np.inf
    mask = np.isfinite(image) & (np.random.default_rng(0).random(image.shape) < 0.3)
    wanted = brute_force(image, mask, (2, 2, 2))
    assert features.local_intensity(image, mask, spacing=2) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
def test_local_intensity_does_not_depend_on_layout_or_threads(dtype, isa):
    image = image_of(dtype, (37, 70, 33))
    mask = np.zeros(image.shape, bool)
    mask[2:36, 5:60, 3:30] = np.random.default_rng(0).random((34, 55, 27)) < 0.5
    wanted = features.local_intensity(image, mask, spacing=(2, 0.9, 1.1), workers=1)
    for one, other in ((np.asfortranarray(image), mask), (image, np.asfortranarray(mask)),
                       (image[:, ::-1].copy()[:, ::-1], np.repeat(mask, 2, axis=2)[..., ::2])):  # fmt: skip
        for workers in (1, 2, 3):
            assert features.local_intensity(one, other, spacing=(2, 0.9, 1.1), workers=workers) == wanted


def by_numpy(x, count):
    x = np.sort(x).astype(np.float64)
    counts = np.bincount(x.astype(int), minlength=count + 1)[1:]
    p10, p25, median, p75, p90 = np.percentile(x, [10, 25, 50, 75, 90])
    robust = x[(x >= p10) & (x <= p90)]
    share = counts[counts > 0] / x.size
    constant = x[0] == x[-1]
    gradient = np.gradient(counts.astype(float)) if count > 1 else np.zeros(1)
    modes = np.flatnonzero(counts == counts.max()) + 1
    return {
        "ih_mean": x.mean(), "ih_var": x.var(),
        "ih_skew": 0 if constant else scipy.stats.skew(x), "ih_kurt": 0 if constant else scipy.stats.kurtosis(x),
        "ih_median": median, "ih_min": x[0], "ih_p10": p10, "ih_p90": p90, "ih_max": x[-1],
        "ih_mode": min(modes, key=lambda mode: (abs(mode - x.mean()), mode)),
        "ih_iqr": p75 - p25, "ih_range": np.ptp(x), "ih_mad": np.abs(x - x.mean()).mean(),
        "ih_rmad": np.abs(robust - robust.mean()).mean() if robust.size else np.nan,
        "ih_medad": np.abs(x - median).mean(), "ih_cov": x.std() / x.mean(), "ih_qcod": (p75 - p25) / (p75 + p25),
        "ih_entropy": -(share * np.log2(share)).sum(), "ih_uniformity": (share**2).sum(),
        "ih_max_grad": gradient.max(), "ih_max_grad_g": gradient.argmax() + 1,
        "ih_min_grad": gradient.min(), "ih_min_grad_g": gradient.argmin() + 1,
    }  # fmt: skip


@given(st.lists(st.integers(1, 12), min_size=1, max_size=60), st.integers(0, 3))
def test_intensity_histogram_matches_numpy(values, more):
    levels = np.array(values, np.int32)
    count = int(levels.max()) + more
    result = features.intensity_histogram(levels, level_count=count)
    assert list(result) == list(features.definitions("ZVCW"))
    assert result == pytest.approx(by_numpy(levels, count), rel=1e-9, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32"])
def test_intensity_histogram_counts_inside_the_mask(dtype):
    rng = np.random.default_rng(0)
    levels = rng.integers(1, 30, (5, 6, 7)).astype(dtype)
    mask = rng.random(levels.shape) < 0.5
    wanted = features.intensity_histogram(np.where(mask, levels, 0).astype(dtype))
    assert features.intensity_histogram(levels, mask) == wanted
    assert features.intensity_histogram(np.asfortranarray(levels), mask, workers=2) == wanted


def curve(x, low, high, step=1.0):
    grid = np.arange(low, high + step / 2, step)
    reached = np.array([(x >= g - 1e-9).mean() for g in grid])
    gamma = (grid - low) / (high - low)
    result = {f"ivh_v{p}": reached[gamma >= p / 100 - 1e-12].max() for p in (10, 90)}
    for p in (10, 90):
        rare = grid[reached <= p / 100]
        result[f"ivh_i{p}"] = rare.min() if rare.size else high + step
    area = ((reached[1:] + reached[:-1]) / 2 * np.diff(gamma)).sum()
    return result | {
        "ivh_diff_v10_v90": result["ivh_v10"] - result["ivh_v90"],
        "ivh_diff_i10_i90": result["ivh_i10"] - result["ivh_i90"],
        "ivh_auc": area,
    }


@given(st.lists(st.integers(-20, 20), min_size=2, max_size=60).filter(lambda x: len(set(x)) > 1))
def test_intensity_volume_histogram_matches_its_definition(values):
    x = np.array(values, np.int16)
    result = features.intensity_volume_histogram(x)
    assert list(result) == list(features.definitions("P88C"))
    assert result == pytest.approx(curve(x, x.min(), x.max()), abs=1e-12)
    for other in (x.astype(np.float32), x.astype(np.int32)):
        assert features.intensity_volume_histogram(other) == result
    assert features.intensity_volume_histogram(x, intensity_range=(-25, 30)) == pytest.approx(
        curve(x, -25, 30), abs=1e-12
    )


def test_intensity_volume_histogram_of_bins():
    x = np.random.default_rng(0).normal(0, 10, 500)
    levels, count = features.discretise(x, bin_size=0.5, lower=-50.0)
    result = features.intensity_volume_histogram(x, bin_size=0.5, intensity_range=(-50, 50))
    centres = -50 + (levels - 0.5) * 0.5
    wanted = curve(centres, -49.75, 50.25, 0.5)
    assert result == pytest.approx(wanted, abs=1e-9)
    levels, count = features.discretise(x, bin_number=1000)
    assert features.intensity_volume_histogram(x, bin_number=1000) == pytest.approx(curve(levels, 1, count), abs=1e-9)


def test_one_voxel_and_one_intensity_have_values():
    one = np.full((1, 1, 1), 7, np.int16)
    for image in (one, np.repeat(one, 9, axis=0)):
        assert features.local_intensity(image) == {"loc_peak_loc": 7.0, "loc_peak_glob": 7.0}
        histogram = features.intensity_histogram(np.ones_like(image))
        assert all(math.isfinite(value) for value in histogram.values())
        assert histogram["ih_entropy"] == histogram["ih_max_grad"] == histogram["ih_var"] == 0
        ivh = features.intensity_volume_histogram(image)
        assert ivh == {"ivh_v10": 1, "ivh_v90": 1, "ivh_i10": 8, "ivh_i90": 8, "ivh_diff_v10_v90": 0,
                       "ivh_diff_i10_i90": 0, "ivh_auc": 1}  # fmt: skip
        binned = features.intensity_volume_histogram(image, bin_number=1000)
        assert all(math.isfinite(value) for value in binned.values())


IMAGE = np.ones((3, 4), np.int16)
HALF = IMAGE + 0.5
NAN = np.where(np.eye(3, 4) > 0, np.nan, 1.0)
BAD = [
    (lambda: features.local_intensity(IMAGE, IMAGE == 0), "local_intensity: `mask` must contain a voxel, got none"),
    (lambda: features.local_intensity(IMAGE, spacing=0), "`spacing` must be above 0"),
    (lambda: features.local_intensity(IMAGE, spacing=(1, -2)), "`spacing` must be above 0"),
    (lambda: features.local_intensity(IMAGE, spacing=math.nan), "`spacing` must be finite"),
    (lambda: features.local_intensity(NAN), "`image` must be finite in the region, got 3 voxels"),
    (lambda: features.local_intensity(IMAGE, IMAGE[0]), "`mask` must have shape (3, 4), got (4,)"),
    (lambda: features.intensity_histogram(IMAGE * 0), "`levels` must contain a voxel, got none"),
    (lambda: features.intensity_histogram(IMAGE, IMAGE == 0), "`mask` must contain a voxel, got none"),
    (lambda: features.intensity_histogram(IMAGE * 0, IMAGE), "`levels` must be at least 1 in the region, got 0"),
    (lambda: features.intensity_histogram(-IMAGE), "`levels` must be at least 1 in the region, got -1"),
    (lambda: features.intensity_histogram(IMAGE * 3, level_count=2), "`level_count` must be at least the highest"),
    (lambda: features.intensity_volume_histogram(HALF), "`image` must be of integers in the region"),
    (lambda: features.intensity_volume_histogram(IMAGE, intensity_range=(2, 9)), "must hold the region's intensities"),
    (lambda: features.intensity_volume_histogram(HALF, bin_size=0), "`bin_size` must be above 0"),
    (lambda: features.intensity_volume_histogram(NAN), "`image` must be finite in the region, got 3 voxels"),
    (lambda: features.intensity_volume_histogram(np.array([0, 10**9], np.int32)), "must span at most 4194304 integers"),
    (lambda: features.intensity_volume_histogram(np.arange(9.0), bin_size=1e-9), "must leave at most 4194304 bins"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), BAD, ids=[message for _, message in BAD])
def test_rejects(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert message in str(error.value)


def test_levels_are_integers():
    with pytest.raises(TypeError, match="must be of integers"):
        features.intensity_histogram(HALF)
