"""Morphological active contours: the masks of scikit-image, pixel for pixel."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage import segmentation
from skimage.segmentation import morphsnakes

import cormack
from cormack import Volume
from cormack.segment import (
    checkerboard_level_set,
    disk_level_set,
    inverse_gaussian_gradient,
    morphological_chan_vese,
    morphological_geodesic_active_contour,
)

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
SHAPES = [(2, 2), (20, 31), (9, 63), (9, 64), (10, 65), (17, 129), (2, 2, 2), (8, 9, 10), (5, 6, 64), (6, 7, 65)]


@pytest.fixture(autouse=True)
def first_operator():
    """scikit-image's smoothing begins where the last call stopped."""
    restart()


def restart():
    up, down = morphsnakes.sup_inf, morphsnakes.inf_sup
    morphsnakes._curvop = morphsnakes._fcycle([lambda u: up(down(u)), lambda u: down(up(u))])


def blobs(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    image = ndimage.gaussian_filter(rng.standard_normal(shape), 1.5) * 300
    if dtype == "bool":
        return image > 0
    if not dtype.startswith("f"):
        info = np.iinfo(dtype)
        image = np.clip(np.rint(image if info.min else image + 100), info.min, info.max)
    return image.astype(dtype)


def rough(shape, dtype, sigma):
    image = np.random.default_rng(1).random(shape).astype(dtype)
    return ndimage.gaussian_filter(image, sigma) if sigma else image


@functools.cache
def chan_vese_of(shape, dtype, *arguments):
    restart()
    image = blobs(shape, dtype)
    # scikit-image cannot take the negative of bool.
    return segmentation.morphological_chan_vese(image.astype(np.uint8) if dtype == "bool" else image, *arguments)


@functools.cache
def geodesic_of(shape, dtype, sigma, *arguments):
    restart()
    return segmentation.morphological_geodesic_active_contour(rough(shape, dtype, sigma), *arguments)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_chan_vese_matches_scikit_image(isa, dtype, shape):
    image = blobs(shape, dtype)
    for arguments in ((1, "checkerboard", 0, 1, 1), (4, "checkerboard", 1, 1, 1), (3, "disk", 3, 1, 1.5)):
        found = morphological_chan_vese(image, *arguments)
        assert found.dtype == bool
        np.testing.assert_array_equal(found, chan_vese_of(shape, dtype, *arguments))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("balloon", [0, 1, -1, 2.5])
def test_geodesic_matches_scikit_image(isa, dtype, shape, balloon):
    for sigma, start, smoothing, threshold in (
        (0, "checkerboard", 1, "auto"),
        (1, "disk", 2, "auto"),
        (1, "disk", 0, 0.6),
    ):
        arguments = (4, start, smoothing, threshold, balloon)
        found = morphological_geodesic_active_contour(rough(shape, dtype, sigma), *arguments)
        np.testing.assert_array_equal(found, geodesic_of(shape, dtype, sigma, *arguments))


@settings(max_examples=40, deadline=None)
@given(
    shape=st.one_of(st.tuples(*[st.integers(2, 70)] * 2), st.tuples(*[st.integers(2, 12)] * 3)),
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(0, 4),
    smoothing=st.integers(0, 3),
)
def test_random_level_sets_match_scikit_image(shape, seed, count, smoothing):
    rng = np.random.default_rng(seed)
    image = rng.integers(-5, 6, shape).astype(np.int16)
    start = rng.standard_normal(shape)
    restart()
    expected = segmentation.morphological_chan_vese(image, count, start, smoothing)
    np.testing.assert_array_equal(morphological_chan_vese(image, count, start, smoothing), expected)
    edges = rng.random(shape)
    restart()
    expected = segmentation.morphological_geodesic_active_contour(edges, count, start, smoothing, 0.5, 1)
    np.testing.assert_array_equal(
        morphological_geodesic_active_contour(edges, count, start, smoothing, 0.5, 1), expected
    )


@pytest.mark.parametrize("dtype", ["int16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(40, 600), (12, 33, 200)], ids=str)
def test_strides_and_threads_do_not_matter(dtype, shape):
    image = blobs(shape, dtype)
    best = cormack._cormack_cpu.isa()
    chan_vese = morphological_chan_vese(image, 6, workers=1)
    geodesic = morphological_geodesic_active_contour(image, 6, balloon=1, workers=1)
    try:
        for name in cormack._cormack_cpu.available_isas():
            cormack._cormack_cpu.use_isa(name)
            for same in (image, np.asfortranarray(image), image[..., ::-1].copy()[..., ::-1]):
                for workers in (1, 2, 3):
                    np.testing.assert_array_equal(morphological_chan_vese(same, 6, workers=workers), chan_vese)
                    found = morphological_geodesic_active_contour(same, 6, balloon=1, workers=workers)
                    np.testing.assert_array_equal(found, geodesic)
    finally:
        cormack._cormack_cpu.use_isa(best)


def test_large_integers_are_summed_exactly():
    rng = np.random.default_rng(0)
    image = rng.integers(2**31 - 100, 2**31 - 1, (60, 70), dtype=np.int32)
    expected = segmentation.morphological_chan_vese(image.astype(np.int64), 5)
    np.testing.assert_array_equal(morphological_chan_vese(image, 5), expected)


def test_ball_is_found():
    ball = disk_level_set((40, 40, 40), radius=11)
    image = np.where(ball, 100, 20) + np.random.default_rng(0).normal(0, 5, ball.shape)
    start = disk_level_set(image.shape, center=(18, 22, 20), radius=5)
    found = morphological_chan_vese(image.astype(np.int16), 30, start)
    assert np.count_nonzero(found ^ ball) < 0.03 * np.count_nonzero(ball)
    edges = inverse_gaussian_gradient(image, 10.0, 1.5)
    found = morphological_geodesic_active_contour(edges, 60, start, threshold=0.3, balloon=1)
    assert np.count_nonzero(found ^ ball) < 0.2 * np.count_nonzero(ball)


def test_callback_sees_every_level_set():
    image = blobs((20, 30), "int16")
    seen, expected = [], []
    found = morphological_chan_vese(image, 5, smoothing=1, iter_callback=lambda u: seen.append(u.copy()))
    segmentation.morphological_chan_vese(image, 5, smoothing=1, iter_callback=lambda u: expected.append(u.copy()))
    assert len(seen) == 6
    for ours, theirs in zip(seen, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(found, seen[-1])


def test_nan_has_no_part():
    image = blobs((20, 30), "float32")
    image[3, 4] = np.nan
    start = disk_level_set(image.shape)
    found = morphological_chan_vese(image, 3, start, 0)
    assert found[3, 4] == start[3, 4]
    assert found.any()
    assert not found.all()


@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (1, 1), (1, 8, 9), (8, 1, 9), (5, 6, 1)], ids=str)
def test_axes_of_one_pixel(shape):
    image = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    assert morphological_chan_vese(image, 3).shape == shape
    assert morphological_geodesic_active_contour(image, 3, balloon=1).shape == shape
    # One slice of a volume is erased by smoothing over planes across it, as if it lay in a larger one.
    if shape[0] == 1 and len(shape) == 3:
        around = np.pad(np.ones(shape, bool), ((1, 1), (0, 0), (0, 0)))
        expected = morphsnakes.inf_sup(morphsnakes.sup_inf(morphsnakes.sup_inf(morphsnakes.inf_sup(around))))[1:2]
        found = morphological_chan_vese(np.zeros(shape, np.int16), 2, np.ones(shape))
        assert found.shape == expected.shape


@pytest.mark.parametrize("shape", [(0, 4), (3, 0, 4)], ids=str)
def test_empty(shape):
    assert morphological_chan_vese(np.zeros(shape, np.int16), 3).shape == shape
    assert morphological_geodesic_active_contour(np.zeros(shape), 3, balloon=1).shape == shape
    assert inverse_gaussian_gradient(np.zeros(shape)).shape == shape


def test_volumes_come_back():
    volume = Volume(blobs((5, 6, 7), "int16"), spacing=(3, 1, 1))
    for found in (morphological_chan_vese(volume, 2), inverse_gaussian_gradient(volume)):
        assert isinstance(found, Volume)
        assert found.spacing == (3, 1, 1)


@pytest.mark.parametrize("shape", [(7, 9), (20, 12), (5, 6, 7)], ids=str)
def test_level_sets_match_scikit_image(shape):
    for size in (1, 3, 5):
        expected = segmentation.checkerboard_level_set(shape, size)
        np.testing.assert_array_equal(checkerboard_level_set(shape, size), expected)
    for center in (None, tuple(n / 3 for n in shape)):
        for radius in (None, 2.5):
            expected = segmentation.disk_level_set(shape, center=center, radius=radius)
            np.testing.assert_array_equal(disk_level_set(shape, center=center, radius=radius), expected)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(30, 40), (9, 12, 65)], ids=str)
def test_inverse_gradient_matches_scikit_image(dtype, shape):
    image = blobs(shape, dtype)
    found = inverse_gaussian_gradient(image, 50.0, 1.5)
    expected = segmentation.inverse_gaussian_gradient(image.astype(float), 50.0, 1.5)
    assert found.dtype == (np.float64 if dtype == "float64" else np.float32)
    # float32: the gradient is a sum of some 500 products (relative 1e-5), its inverse root halves that.
    np.testing.assert_allclose(found, expected, rtol=2e-5 if found.dtype == np.float32 else 1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda i: morphological_chan_vese(i, -1), "morphological_chan_vese: `num_iter` must be at least 0, got -1"),
        (
            lambda i: morphological_chan_vese(i, 1, "square"),
            "morphological_chan_vese: `init_level_set` must be one of 'checkerboard', 'disk', got 'square'",
        ),
        (
            lambda i: morphological_chan_vese(i, 1, np.ones((2, 2))),
            "morphological_chan_vese: `init_level_set` must have shape (3, 3), got (2, 2)",
        ),
        (
            lambda i: morphological_chan_vese(i, 1, smoothing=-1),
            "morphological_chan_vese: `smoothing` must be at least 0, got -1",
        ),
        (
            lambda i: morphological_geodesic_active_contour(i, 1, threshold="low"),
            "morphological_geodesic_active_contour: `threshold` must be one of 'auto', got 'low'",
        ),
        (lambda i: inverse_gaussian_gradient(i, -1), "inverse_gaussian_gradient: `alpha` must be at least 0, got -1"),
        (
            lambda i: checkerboard_level_set((3,)),
            "checkerboard_level_set: `image_shape` must be the shape of a 2-D or 3-D image, got (3,)",
        ),
        (
            lambda i: disk_level_set((3, 3), center=(1, 2, 3)),
            "disk_level_set: `center` must be one value or one for each of 2 axes, got (1, 2, 3)",
        ),
    ],
)
def test_rejects(call, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        call(np.zeros((3, 3)))
    assert str(caught.value) == message
