"""Numbers that no one means: a clear error, never a crash, a hang, all memory or a silent NaN."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from cormack import enhance

IMAGE = np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: enhance.histogram(IMAGE, 10**9), "`bins` must be at most 16777216"),
        (lambda: enhance.histogram(IMAGE, [0, 1, 10**400]), "`bins` must fit into floats"),
        (lambda: enhance.histogram(IMAGE, 4, (-1e308, 1e308)), "`range` must have a finite width"),
        (lambda: enhance.histogram(np.array([-1e308, 1e308]), 4), "`image` must have a finite spread"),
        (lambda: enhance.equalize_hist(IMAGE, 10**9), "`nbins` must be at most 16777216"),
        (lambda: enhance.equalize_hist(np.array([-1e308, 1e308])), "`image` must have a finite spread"),
        (lambda: enhance.equalize_hist(IMAGE, out_range=(0, 1e300)), "`out_range` must fit into float32"),
        (lambda: enhance.equalize_adapthist(IMAGE, nbins=10**9), "`nbins` must be at most 16384"),
        (lambda: enhance.equalize_adapthist(IMAGE, clip_limit=-0.1), "`clip_limit` must be at least 0"),
        (lambda: enhance.match_histograms(IMAGE, np.array([0, 1e300])), "`reference` must hold values from -1e.290"),
        (lambda: enhance.window(IMAGE, 0, np.inf), "`width` must be finite"),
        (lambda: enhance.window(IMAGE, 0, 4, out_range=(0, 1e300)), "`out_range` must fit into float32"),
        (lambda: enhance.window(IMAGE, 0, 4, out_range=(-1e308, 1e308)), "`out_range` must fit into float32"),
        (lambda: enhance.rescale_intensity(IMAGE, (-1e308, 1e308)), "`in_range` must have a finite width"),
        (lambda: enhance.threshold_enhance(IMAGE, 3, inside=1e300), "`inside` must fit into float32"),
        (lambda: enhance.adjust_gamma(IMAGE, in_range=(0, 1e300)), "`in_range` must fit into float32"),
        (lambda: enhance.adjust_gamma(IMAGE, 2, 1e308, in_range=(0, 10)), "`gain` must leave a range of the width 10"),
        (lambda: enhance.adjust_log(np.array([0, 1e308]), 100, in_range="image"), "`gain` must leave a range"),
        (lambda: enhance.normalize(np.array([1e308, 1, 0, 1e308]), "white_stripe"), "must have a peak"),
        (lambda: enhance.normalize(np.array([0, 5e-324, 1e-308])), "values of `image` must have a finite spread"),
        (lambda: enhance.normalize(np.array([-1e308, 1e308]), "minmax"), "values of `image` must have a finite spread"),
        (lambda: enhance.fit_nyul_standard([IMAGE], out_range=(-1e308, 1e308)), "`out_range` must have a finite width"),
        (lambda: enhance.fit_nyul_standard([np.array([-1e308, 1e308])]), "percentiles of image 0 must be finite"),
        (lambda: enhance.stretch_contrast(IMAGE, 1, 101), "`high` must be at most 100"),
    ],
)
def test_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_edges_that_are_no_vector_are_refused():
    with pytest.raises(TypeError, match="`bins` must be an int or edges"):
        enhance.histogram(IMAGE, [0, [1, 2]])


def test_powers_that_leave_the_type_are_infinite_or_saturate():
    np.testing.assert_array_equal(enhance.adjust_gamma(IMAGE[:1], 1e300), [[0, 1, np.inf, np.inf]])
    np.testing.assert_array_equal(enhance.adjust_gamma(np.array([[0, 254, 255]], np.uint8), 1e300), [[0, 0, 255]])
    result = enhance.adjust_gamma(np.array([[0, 1, 255]], np.uint8), gain=1e300)
    np.testing.assert_array_equal(result, [[0, 255, 255]])


def test_nothing_times_an_infinite_power_is_nothing():
    image = np.array([[0, 1, 1e9]])
    np.testing.assert_array_equal(enhance.adjust_log(image, 0, inv=True), np.zeros((1, 3)))
    np.testing.assert_array_equal(enhance.adjust_gamma(image, 1000, 0), np.zeros((1, 3)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_widest_images_have_histograms(dtype):
    largest = np.finfo(dtype).max / (1 if dtype == "float32" else 2)
    image = np.array([-largest, 0, largest, largest], dtype)
    counts, edges = enhance.histogram(image, 2)
    np.testing.assert_array_equal(counts, [1, 3])
    np.testing.assert_array_equal(edges, [-largest, 0, largest])
    np.testing.assert_allclose(enhance.equalize_hist(image, 3, out_range=(0, 1)), [0.25, 0.5, 1, 1])


def test_a_sum_of_standards_may_be_larger_than_a_float():
    standard = enhance.fit_nyul_standard([IMAGE, IMAGE], out_range=(0, 1.5e308))
    assert standard.landmarks[-1] == 1.5e308
