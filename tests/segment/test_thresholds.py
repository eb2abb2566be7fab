"""Thresholds of whole images and of neighbourhoods: scikit-image's numbers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage import filters

import cormack
from cormack import _cormack_cpu, segment

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
FROM_HISTOGRAM = ["otsu", "yen", "isodata", "minimum", "triangle"]


def image_of(dtype, shape=(40, 131), seed=0, separation=60.0):
    rng = np.random.default_rng(seed)
    image = rng.normal(20, 8, shape) + separation * (rng.random(shape) < 0.3)
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return np.clip(np.rint(image), limits.min, limits.max).astype(dtype)
    return image.astype(dtype)


def ours_and_theirs(method):
    return getattr(segment, f"threshold_{method}"), getattr(filters, f"threshold_{method}")


def outcome(function, *arguments, **settings):
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*arguments, **settings)
    except (RuntimeError, ValueError, IndexError):
        return None


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", FROM_HISTOGRAM)
def test_matches_skimage(method, dtype):
    ours, theirs = ours_and_theirs(method)
    for seed in range(3):
        for separation in (0, 30, 70):
            image = image_of(dtype, seed=seed, separation=separation)
            assert outcome(ours, image) == outcome(theirs, image)
            mask = np.random.default_rng(1).random(image.shape) < 0.2
            assert outcome(ours, image, mask=mask) == outcome(theirs, image[mask])
            assert outcome(ours, image, 33) == outcome(theirs, image, 33)


@pytest.mark.parametrize("method", FROM_HISTOGRAM)
@pytest.mark.parametrize("dtype", ["uint16", "int16", "int32"])
def test_wide_ranges_match_skimage(method, dtype):
    ours, theirs = ours_and_theirs(method)
    rng = np.random.default_rng(3)
    image = (rng.normal(3000, 900, (50, 77)) + 9000 * (rng.random((50, 77)) < 0.4)).astype(dtype)
    settings = {"max_num_iter": 150} if method == "minimum" else {}
    assert outcome(ours, image, **settings) == outcome(theirs, image, **settings)


@given(
    hnp.arrays(
        st.sampled_from(["uint8", "int8", "int16", "uint32"]),
        hnp.array_shapes(min_dims=1, max_dims=2, min_side=1, max_side=20),
        elements={"min_value": 0, "max_value": 100},
    ),
    st.sampled_from(FROM_HISTOGRAM),
)
def test_any_integers_match_skimage(image, method):
    ours, theirs = ours_and_theirs(method)
    if method in ("minimum", "isodata") and image.min() == image.max():
        return
    assert outcome(ours, image) == outcome(theirs, image)


@pytest.mark.parametrize("method", ["otsu", "yen", "isodata", "minimum", "multiotsu"])
def test_given_histograms_match_skimage(method):
    ours, theirs = ours_and_theirs(method)
    counts = np.array([0, 0, 3, 9, 20, 8, 2, 1, 4, 14, 6, 1, 0])
    centers = np.linspace(-3, 8, len(counts))
    for hist in (counts, (counts, centers), counts.astype(np.float64)):
        np.testing.assert_array_equal(ours(hist=hist), theirs(hist=hist))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [2, 3, 4])
def test_multiotsu_matches_skimage(dtype, classes):
    rng = np.random.default_rng(5)
    for seed in range(3):
        image = image_of(dtype, seed=seed)
        image[rng.random(image.shape) < 0.2] += 25
        np.testing.assert_array_equal(
            segment.threshold_multiotsu(image, classes, 60), filters.threshold_multiotsu(image, classes, 60)
        )
    few = np.arange(classes, dtype=dtype).repeat(5)[np.newaxis] * 7
    np.testing.assert_array_equal(segment.threshold_multiotsu(few, classes), filters.threshold_multiotsu(few, classes))


def test_planned_multiotsu_is_as_good_as_trying_all():
    """Beyond four classes the sum of scikit-image's float32 variances is as large as what it finds."""
    rng = np.random.default_rng(6)
    image = np.concatenate([rng.normal(30 * k, 5, 400) for k in range(6)]).reshape(40, 60)
    for classes in (5, 6):
        bins = 40 if classes == 5 else 30
        ours = segment.threshold_multiotsu(image, classes, bins)
        np.testing.assert_array_equal(ours, filters.threshold_multiotsu(image, classes, bins))
    rounded = np.rint(image * 10).astype(np.int16)  # some 1800 levels, 6 classes
    levels = segment.threshold_multiotsu(rounded, 6)
    assert np.all(np.abs(levels - (150 + 300 * np.arange(5))) < 60)


@pytest.mark.parametrize("dtype", DTYPES)
def test_li_matches_skimage(dtype):
    for seed in range(5):
        image = image_of(dtype, seed=seed)
        if dtype == "int8":
            image = np.maximum(image, 0)
        expected = filters.threshold_li(image)
        found = segment.threshold_li(image)
        # In float32 means are wrong by some 1e-7 of themselves, and steps below half a difference end the search.
        tolerance = {"float32": 1e-4, "float64": 1e-9}.get(dtype, 0)
        assert found == pytest.approx(float(expected), rel=tolerance, abs=0)
        mask = np.random.default_rng(1).random(image.shape) < 0.2
        assert segment.threshold_li(image, mask=mask) == pytest.approx(
            float(filters.threshold_li(image[mask])), rel=tolerance, abs=0
        )


def test_li_arguments_match_skimage():
    image = image_of("int16")
    seen, expected = [], []
    found = segment.threshold_li(image, tolerance=0.01, initial_guess=40, iter_callback=seen.append)
    assert found == filters.threshold_li(image, tolerance=0.01, initial_guess=40, iter_callback=expected.append)
    assert seen == expected
    guess = np.median
    assert segment.threshold_li(image, initial_guess=guess) == filters.threshold_li(image, initial_guess=guess)
    floats = image_of("float64")
    floats[0, :3] = np.nan, np.inf, -np.inf
    assert segment.threshold_li(floats) == pytest.approx(filters.threshold_li(floats), rel=1e-9)
    wide = np.array([-30000, -29000, 30000, 29000], np.int16)
    assert segment.threshold_li(wide) == filters.threshold_li(wide.astype(np.int32))


@pytest.mark.parametrize("dtype", [*DTYPES, "bool"])
def test_mean_matches_numpy(dtype):
    image = image_of("int8") > 30 if dtype == "bool" else image_of(dtype)
    mask = np.random.default_rng(1).random(image.shape) < 0.2
    assert segment.threshold_mean(image) == pytest.approx(
        float(filters.threshold_mean(image.astype(np.float64))), 1e-14
    )
    assert segment.threshold_mean(image, mask=mask) == pytest.approx(float(image[mask].mean(dtype=np.float64)), 1e-14)
    if dtype.startswith("float"):
        image[0] = np.nan
        assert segment.threshold_mean(image) == pytest.approx(float(np.nanmean(image.astype(np.float64))), 1e-14)


@pytest.mark.parametrize("method", [*FROM_HISTOGRAM, "li", "mean"])
@pytest.mark.parametrize("dtype", [*DTYPES, "bool"])
def test_one_value_is_the_threshold(method, dtype):
    if method == "minimum":
        return
    assert getattr(segment, f"threshold_{method}")(np.ones((3, 5), dtype)) == 1.0


@pytest.mark.parametrize("method", [*FROM_HISTOGRAM, "li", "mean", "multiotsu"])
def test_result_does_not_depend_on_layout_and_threads(method):
    function = getattr(segment, f"threshold_{method}")
    for dtype in ("int16", "float32"):
        image = image_of(dtype, (20, 70, 129), separation=70)
        results = [np.asarray(function(image, workers=workers)) for workers in (1, 2, 3)]
        if method != "mean":
            results += [np.asarray(function(np.asfortranarray(image))), np.asarray(function(image[::-1, :, ::-1]))]
        for result in results:
            np.testing.assert_array_equal(result, results[0])


LOCAL_TOLERANCE = {"float32": 2e-6}  # of the largest value: sums of float32 images may be float32


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("shape", [(33, 47), (9, 17, 31)])
@pytest.mark.parametrize("method", ["gaussian", "mean", "median"])
def test_local_matches_skimage(method, shape, dtype):
    image = image_of(dtype, shape)
    size = 5 if len(shape) == 2 else (1, 5, 3)
    for settings in ({}, {"offset": 2.5}, {"mode": "nearest"}, {"mode": "constant", "cval": 7.5}, {"mode": "mirror"}):
        expected = filters.threshold_local(image, size, method, **settings)
        found = segment.threshold_local(image, size, method, **settings)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=0, atol=LOCAL_TOLERANCE.get(dtype, 1e-12) * 100)
    if method == "gaussian":
        np.testing.assert_allclose(
            segment.threshold_local(image, size, param=1.7), filters.threshold_local(image, size, param=1.7), atol=2e-4
        )


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("shape", [(33, 47), (9, 17, 31)])
@pytest.mark.parametrize("method", ["niblack", "sauvola"])
def test_niblack_and_sauvola_match_skimage(method, shape, dtype):
    image = image_of(dtype, shape)
    ours, theirs = ours_and_theirs(method)
    for size, k in ((15, 0.2), (3, 0.7), ((1, 5, 7)[-len(shape) :], -0.3)):
        r = {} if method == "niblack" or dtype in ("int32",) else {"r": 12.0}
        for settings in ({}, r):
            found, expected = ours(image, size, k, **settings), theirs(image, size, k, **settings)
            assert found.dtype == expected.dtype
            # The variance is a difference of squares of up to 1e4, and its root may be that of what rounding leaves.
            scale = 1 if method == "niblack" else 100 / min(settings.get("r", 1 if "float" in dtype else 1e9), 100)
            bound = abs(k) * np.sqrt(1e4 * (3e-7 if dtype == "float32" else 1e-15)) * max(scale, 1) + 1e-9
            np.testing.assert_allclose(found, expected, rtol=0, atol=bound * 4)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint16"])
@pytest.mark.parametrize("offset", [0, 1e3, 6e4, 1e6])
@pytest.mark.parametrize("method", ["niblack", "sauvola"])
def test_niblack_and_sauvola_lose_no_digits_far_from_zero(method, offset, dtype):
    if dtype == "uint16" and offset > 6e4:
        pytest.skip("not in this type")
    image = (np.random.default_rng(5).normal(20, 3, (40, 50)) + offset).astype(dtype)
    ours, _ = ours_and_theirs(method)
    found = ours(image, 7, 0.2, **({} if method == "niblack" else {"r": 12.0}))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, 3, "reflect").astype(np.float64), (7, 7))
    mean, deviation = windows.mean((2, 3)), windows.std((2, 3))
    expected = mean - 0.2 * deviation if method == "niblack" else mean * (1 + 0.2 * (deviation / 12 - 1))
    # The result is rounded once to its type; a variance about 9 of squares about 1e8 keeps 9 digits.
    eps = np.finfo(found.dtype).eps
    np.testing.assert_allclose(found, expected, rtol=eps + (1e-8 if dtype == "uint16" else 1e-12), atol=1e-8)


def test_values_that_are_not_finite_do_not_move_the_rest():
    image = np.random.default_rng(5).normal(1e6, 3, (40, 50))
    expected = segment.threshold_niblack(image, 3)
    image[5, 6], image[20, 30] = np.nan, np.inf
    found = segment.threshold_niblack(image, 3)
    np.testing.assert_allclose(found[25:], expected[25:], rtol=1e-14)
    assert np.isnan(segment.threshold_niblack(np.full((4, 5), np.nan), 3)).all()
    assert segment.threshold_niblack(np.full((4, 5), 1e300), 3).shape == (4, 5)
    assert segment.threshold_niblack(np.empty((0, 5)), 3).shape == (0, 5)


def test_windows_in_millimetres():
    image = image_of("int16", (9, 17, 31))
    for function in (segment.threshold_local, segment.threshold_niblack, segment.threshold_sauvola):
        expected = function(image, (3, 5, 9))
        np.testing.assert_array_equal(function(image, 5.0, spacing=(2.5, 1.0, 0.6), unit="mm"), expected)
        volume = cormack.Volume(image, spacing=(2.5, 1.0, 0.6))
        np.testing.assert_array_equal(function(volume, 5.0, unit="mm").array, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(33, 47), (9, 17, 131)])
def test_hysteresis_matches_skimage(dtype, shape, isa):
    image = image_of(dtype, shape)
    for low, high in ((30, 85), (20, 20), (50, 10), (19.5, 90.25), (-np.inf, 90), (10, np.inf)):
        expected = filters.apply_hysteresis_threshold(image, low, high)
        for workers in (1, 2, 3):
            np.testing.assert_array_equal(
                segment.apply_hysteresis_threshold(image, low, high, workers=workers), expected
            )
    lows = np.random.default_rng(0).normal(40, 10, shape)
    highs = lows + np.random.default_rng(1).normal(20, 20, shape)
    expected = filters.apply_hysteresis_threshold(image, lows, highs)
    np.testing.assert_array_equal(segment.apply_hysteresis_threshold(image, lows, highs), expected)
    reverse = tuple(slice(None, None, -1) for _ in shape)
    turned = segment.apply_hysteresis_threshold(np.asfortranarray(image)[reverse], 30, 85)
    np.testing.assert_array_equal(turned[reverse], filters.apply_hysteresis_threshold(image, 30, 85))


def test_hysteresis_connects_as_told():
    image = np.array([[5, 0, 0], [0, 3, 0], [0, 0, 3]], np.uint8)
    assert segment.apply_hysteresis_threshold(image, 2, 4).sum() == 1
    assert segment.apply_hysteresis_threshold(image, 2, 4, connectivity=2).sum() == 3
    assert segment.apply_hysteresis_threshold(np.array([[np.nan, 5.0]]), 2, 4).tolist() == [[False, True]]
    assert segment.apply_hysteresis_threshold(np.zeros((0, 5)), 1, 2).shape == (0, 5)
    assert not hasattr(_cormack_cpu, "apply_hysteresis_threshold")


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: segment.threshold_yen(np.zeros((2, 0))), ValueError, "yen: `image` must contain a voxel, got none"),
        (lambda: segment.threshold_yen(), ValueError, "yen: `image` or `hist` must be given, got neither"),
        (lambda: segment.threshold_yen(hist=[0, 0]), ValueError, "`hist` must hold counts"),
        (lambda: segment.threshold_yen(hist=[[0, 1]]), ValueError, "`hist` must be counts"),
        (lambda: segment.threshold_yen(hist=[1, 1], mask=[1, 1]), ValueError, "`mask` must be None where `hist`"),
        (lambda: segment.threshold_yen(np.array([0, 2**30], np.int32)), ValueError, "must span fewer than 4194304"),
        (lambda: segment.threshold_yen(np.array([0, np.inf])), ValueError, "must be finite or NaN"),
        (lambda: segment.threshold_li(np.zeros(0)), ValueError, "li: `image` must contain a voxel"),
        (lambda: segment.threshold_li(np.zeros(3), mask=np.zeros(3)), ValueError, "li: `mask` must contain a voxel"),
        (lambda: segment.threshold_li(np.arange(3), tolerance=0), TypeError, "must have one of the dtypes"),
        (lambda: segment.threshold_li(np.eye(3), tolerance=0), ValueError, "`tolerance` must be above 0"),
        (lambda: segment.threshold_li(np.eye(3), initial_guess=7), ValueError, "`initial_guess` must lie between"),
        (lambda: segment.threshold_mean(np.full((2, 2), np.nan)), ValueError, "must contain a voxel"),
        (lambda: segment.threshold_isodata(np.eye(3), return_all=1), TypeError, "`return_all` must be a bool"),
        (lambda: segment.threshold_minimum(np.eye(3), max_num_iter=0), ValueError, "`max_num_iter` must be at least 1"),
        (lambda: segment.threshold_minimum(np.ones((3, 3))), RuntimeError, "the histogram has"),
        (lambda: segment.threshold_triangle(np.eye(3), 0), ValueError, "triangle: `nbins` must be at least 1, got 0"),
        (lambda: segment.threshold_multiotsu(np.eye(3), 1), ValueError, "`classes` must be at least 2"),
        (lambda: segment.threshold_multiotsu(np.eye(3), 3), ValueError, "number of different values, 2, got 3"),
        (lambda: segment.threshold_local(np.eye(5), 4), ValueError, "`block_size` must be odd, got 4"),
        (lambda: segment.threshold_local(np.eye(5), 3, "mode"), ValueError, "`method` must be one of"),
        (lambda: segment.threshold_local(np.eye(5), 3, "mean", param=2), ValueError, "`param` must be None"),
        (lambda: segment.threshold_local(np.eye(5), 3.0, unit="mm"), ValueError, "`spacing` must be given"),
        (lambda: segment.threshold_local(np.eye(5), 3, mode="x"), ValueError, "`mode` must be one of"),
        (lambda: segment.threshold_niblack(np.eye(5), (3, 3, 3)), ValueError, "`window_size` must be one value"),
        (lambda: segment.threshold_sauvola(np.eye(5), r=0), ValueError, "`r` must be above 0"),
        (lambda: segment.threshold_sauvola(np.eye(5), k=np.nan), ValueError, "`k` must be finite"),
        (lambda: segment.apply_hysteresis_threshold(np.eye(3), np.nan, 1), ValueError, "`low` must not be NaN"),
        (lambda: segment.apply_hysteresis_threshold(np.eye(3), 0, np.eye(2)), ValueError, "`high` must be a number or"),
        (lambda: segment.apply_hysteresis_threshold(np.eye(3), 0, 1, connectivity=3), ValueError, "must be 1 to 2"),
        (lambda: segment.apply_hysteresis_threshold(np.ones(3), 0, 1), ValueError, "must be 2-D or 3-D"),
        (lambda: segment.threshold_sauvola(np.ones((4, 5)), workers=0), ValueError, "threshold_sauvola: `workers`"),
        (lambda: segment.threshold_local(np.ones((4, 5)), workers=0), ValueError, "threshold_local: `workers`"),
        (
            lambda: segment.threshold_niblack(np.ones((4, 5)), 2**24 + 1),
            ValueError,
            "threshold_niblack: `window_size` must be at",
        ),
        (
            lambda: segment.threshold_local(np.ones((4, 5)), 3, unit="mm", spacing=1e-300),
            ValueError,
            "threshold_local: `block_size` must be at most",
        ),
        (
            lambda: segment.inverse_gaussian_gradient(np.ones((4, 5)), sigma=-1),
            ValueError,
            "inverse_gaussian_gradient: `sigma`",
        ),
    ],
)
def test_rejects(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
