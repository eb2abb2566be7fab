"""Blobs: those of scikit-image, a plain form of the pruning, and balls of known size."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.ndimage as ndi
import skimage.data
import skimage.feature
from skimage.feature.blob import _blob_overlap

from cormack import Volume, _cormack_cpu
from cormack.detect import blob_dog, blob_doh, blob_log

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


def array_of(table):
    """scikit-image's form of the result."""
    axes = [axis for axis in "zyx" if axis in table]
    return np.stack([*(table[axis] for axis in axes), table["sigma"]], axis=1)


def noise(shape, seed=0, smooth=1.0):
    return ndi.gaussian_filter(np.random.default_rng(seed).random(shape), smooth)


def pruned(blobs, overlap):
    """The pairs of scikit-image, the largest winner first."""
    blobs = blobs.copy()
    order = sorted(range(len(blobs)), key=lambda i: (-blobs[i, -1], -i))
    for rank, i in enumerate(order):
        for j in order[rank + 1 :]:
            if blobs[i, -1] > 0 and blobs[j, -1] > 0 and _blob_overlap(blobs[i], blobs[j]) > overlap:
                blobs[j, -1] = 0
    return blobs[blobs[:, -1] > 0]


def everything(function, image, **keywords):
    """All maxima of scikit-image: an overlap of more than 1 does not exist."""
    return function(image, overlap=1.5, **keywords)


CASES = [
    (blob_log, skimage.feature.blob_log, {"min_sigma": 1, "max_sigma": 4, "num_sigma": 6}),
    (blob_log, skimage.feature.blob_log, {"min_sigma": 1, "max_sigma": 5, "num_sigma": 5, "log_scale": True}),
    (blob_log, skimage.feature.blob_log, {"min_sigma": 2, "max_sigma": 2, "num_sigma": 1}),
    (blob_dog, skimage.feature.blob_dog, {"min_sigma": 1, "max_sigma": 6}),
    (blob_dog, skimage.feature.blob_dog, {"min_sigma": 0.8, "max_sigma": 5, "sigma_ratio": 1.3}),
    (blob_doh, skimage.feature.blob_doh, {"min_sigma": 2, "max_sigma": 9, "num_sigma": 6}),
]


@pytest.mark.parametrize(("ours", "theirs", "keywords"), CASES)
@pytest.mark.parametrize("shape", [(70, 81), (16, 25, 33)])
def test_maxima_match_scikit_image(ours, theirs, keywords, shape, isa):
    if ours is blob_doh and len(shape) == 3:
        pytest.skip("scikit-image's is 2-D")
    image = noise(shape)
    for bounds in (
        {"threshold": 0.002},
        {"threshold": None, "threshold_rel": 0.4},
        {"threshold": 0.001, "threshold_rel": 0.1},
    ):
        expected = everything(theirs, image, **keywords, **bounds)
        result = everything(ours, image, **keywords, **bounds)
        np.testing.assert_allclose(array_of(result), expected, rtol=0, atol=1e-6)
        assert len(expected) > 2
        if ours is not blob_doh:
            borders = {**keywords, **bounds, "exclude_border": 3}
            np.testing.assert_allclose(
                array_of(everything(ours, image, **borders)), everything(theirs, image, **borders), atol=1e-6
            )


@pytest.mark.parametrize(("ours", "theirs", "keywords"), CASES)
def test_pruning_is_that_of_scikit_image(ours, theirs, keywords):
    for shape in ((70, 81), (16, 25, 33)):
        if ours is blob_doh and len(shape) == 3:
            continue
        image = noise(shape, 4)
        bound = {"threshold": 0.0005 if ours is blob_doh else 0.01}
        blobs = everything(theirs, image, **keywords, **bound)
        for overlap in (0.1, 0.5):
            result = array_of(ours(image, overlap=overlap, **keywords, **bound))
            np.testing.assert_allclose(result, pruned(blobs, overlap), rtol=0, atol=1e-6)
            if overlap < 0.5 or ours is blob_doh:
                continue
            # Its own order of pairs matters where chains are long: seldom here.
            theirs_pruned = theirs(image, overlap=overlap, **keywords, **bound)
            shared = {tuple(row) for row in result.round(6)} & {tuple(row) for row in theirs_pruned.round(6)}
            assert len(shared) >= 0.95 * max(len(result), len(theirs_pruned))


def test_photographs_match_scikit_image():
    for image, scale in ((skimage.data.coins(), 255), (skimage.data.coins() / 255, 1)):
        theirs = skimage.feature.blob_doh(image)
        np.testing.assert_allclose(array_of(blob_doh(image)), theirs, atol=1e-6)
        theirs = skimage.feature.blob_dog(image, min_sigma=10, max_sigma=40, threshold=0.05, overlap=1.5)
        result = array_of(blob_dog(image, min_sigma=10, max_sigma=40, threshold=0.05 * scale, overlap=1.5))
        assert {tuple(row) for row in result} == {tuple(row) for row in theirs}


def test_sigmas_per_axis_match_scikit_image():
    image = noise((60, 71), 2)
    keywords = {"min_sigma": (1, 2), "max_sigma": (3, 5), "threshold": 0.01}
    for ours, theirs in ((blob_log, skimage.feature.blob_log), (blob_dog, skimage.feature.blob_dog)):
        table = everything(ours, image, **keywords)
        result = np.stack([table[name] for name in ("y", "x", "sigma_y", "sigma_x")], 1)
        np.testing.assert_allclose(result, everything(theirs, image, **keywords), atol=1e-6)
        np.testing.assert_allclose(table["radius_x"], math.sqrt(2) * table["sigma_x"])


@pytest.mark.parametrize("function", [blob_log, blob_dog, blob_doh])
def test_a_ball_has_its_size_in_mm(function):
    spacing = (3.0, 1.0, 0.7)
    z, y, x = np.ogrid[:24, :60, :80]
    place, radius = (11, 31, 40), 7.0
    far = sum(((axis - at) * size) ** 2 for axis, at, size in zip((z, y, x), place, spacing, strict=True))
    # Partial volume, so that the surface is not one of voxels.
    image = np.clip((radius + 0.5 - np.sqrt(far)) / 1.0, 0, 1) * 400
    keywords = {"min_sigma": 2, "max_sigma": 8, "spacing": spacing, "unit": "mm", "threshold": 40}
    if function is not blob_dog:
        keywords["num_sigma"] = 25 if function is blob_log else 9
    else:
        keywords["sigma_ratio"] = 1.1
    for dtype in ("int16", "float32", "float64"):
        table = function(image.astype(dtype), **keywords)
        assert table.row_count == 1
        assert (table["z"][0], table["y"][0], table["x"][0]) == place
        assert table["radius"][0] == pytest.approx(radius, rel=0.15 if function is blob_log else 0.25)
        if function is not blob_doh:
            assert 0.3 * 400 < table["response"][0] < 400
    again = function(Volume(image, spacing), **{**keywords, "spacing": None})
    for name, column in function(image, **keywords).items():
        np.testing.assert_array_equal(again[name], column)
    dark = function(-image, **keywords)
    strongest = {name: column[:1] for name, column in dark.items()}
    assert (function is blob_doh) == (
        dark.row_count > 0 and (strongest["z"][0], strongest["y"][0], strongest["x"][0]) == place
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_integers_keep_their_scale(dtype):
    y, x = np.ogrid[:50, :60]
    blob = 80 * np.exp(-((y - 20) ** 2 + (x - 33) ** 2) / (2 * 16))
    image = blob.astype(dtype)
    for function in (blob_log, blob_dog, blob_doh):
        threshold = 10 if function is not blob_doh else 100
        table = function(image, 2, 8, threshold=threshold)
        assert table.row_count == 1
        assert abs(table["y"][0] - 20) <= 1
        assert abs(table["x"][0] - 33) <= 1
        if image.dtype.kind == "f":
            tenth = function(
                image / image.dtype.type(10), 2, 8, threshold=threshold / (100 if threshold == 100 else 10)
            )
            np.testing.assert_array_equal(tenth["sigma"], table["sigma"])


def test_strides_threads_and_nan():
    image = noise((20, 33, 41)).astype(np.float32)
    for function in (blob_log, blob_dog, blob_doh):
        arguments = {"min_sigma": 1, "max_sigma": 3, "threshold": 1e-5 if function is blob_doh else 0.02}
        expected = function(image, **arguments)
        assert expected.row_count > 5
        for view in (np.asfortranarray(image), image[::-1].copy()[::-1], image.repeat(2, 2)[:, :, ::2]):
            for name, column in function(view, **arguments).items():
                np.testing.assert_array_equal(column, expected[name])
        for workers in (1, 2, 3):
            for name, column in function(image, **arguments, workers=workers).items():
                assert column.tobytes() == expected[name].tobytes()
        holed = image.copy()
        holed[10, 15, 20] = np.nan
        table = function(holed, **arguments)
        assert 0 < table.row_count < expected.row_count
        assert np.isfinite(table["response"]).all()


@pytest.mark.parametrize("ndim", [2, 3])
def test_pruning_with_sigmas_per_axis_is_that_of_all_pairs(ndim):
    rng = np.random.default_rng(ndim)
    for overlap in (0.05, 0.5):
        # Of three equal last sigmas each has others along the other axes.
        sigmas = rng.choice([1.0, 2.0, 9.0], (300, ndim))
        places = rng.integers(0, 60, (300, ndim)).astype(float)
        kept = _cormack_cpu.keep_blobs(places, sigmas, overlap)
        expected = np.ones(300, bool)
        order = sorted(range(300), key=lambda i: (-sigmas[i, -1], -i))
        for rank, i in enumerate(order):
            if not expected[i]:
                continue
            for j in order[rank + 1 :]:
                # Of equals the second one is the larger for scikit-image.
                pair = [np.concatenate([places[k], sigmas[k]]) for k in (j, i)]
                if expected[j] and _blob_overlap(*pair, sigma_dim=ndim) > overlap:
                    expected[j] = False
        np.testing.assert_array_equal(kept != 0, expected)
        assert 0 < expected.sum() < 300


def test_what_lies_along_a_fixed_sigma_overlaps():
    y, x = np.ogrid[:61, :61]
    image = np.exp(-((y - 30) ** 2) / (2 * 36) - (x - 30) ** 2 / (2 * 4))
    assert blob_log(image, (1, 2), (8, 2), 8, threshold=0.05).row_count == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_boxes_leave_out_what_touches_nan(bad):
    image = noise((90, 101), 7)
    sigma = 4.0
    arguments = {"min_sigma": sigma, "max_sigma": sigma, "num_sigma": 1, "threshold": 1e-4}
    expected = blob_doh(image, **arguments)
    holed = image.copy()
    holed[40, 50] = bad
    table = blob_doh(holed, **arguments)
    places = set(zip(table["y"], table["x"], strict=True))
    # The boxes reach int(3 sigma) pixels at most; everything further away is as before, and near it nothing is new.
    for y, x in places ^ set(zip(expected["y"], expected["x"], strict=True)):
        assert max(abs(y - 40), abs(x - 50)) <= int(3 * sigma)
    assert not any(max(abs(y - 40), abs(x - 50)) <= 2 for y, x in places)
    assert any(y > 60 and x > 70 for y, x in places)
    assert np.isfinite(table["response"]).all()


def test_flat_and_empty_images_have_no_blobs():
    for function in (blob_log, blob_dog, blob_doh):
        for image in (np.zeros((20, 21)), np.full((9, 10, 11), 7, np.int16), np.empty((0, 4)), np.empty((3, 0, 2))):
            table = function(image, 1, 3, threshold=-np.inf if image.size == 0 else 0.1)
            assert table.row_count == 0
            assert list(table) == ["z", "y", "x", "sigma", "radius", "response"][3 - image.ndim :]


def test_the_kernel_compares_four_axes():
    rng = np.random.default_rng(3)
    for shape in ((5, 9, 17), (7, 33), (1, 1, 65), (2, 3)):
        for dtype in (np.float32, np.float64):
            scales = rng.integers(0, 6, (3, *shape)).astype(dtype)
            maximum = ndi.maximum_filter(scales, 3, mode="nearest")
            expected = np.flatnonzero((scales == maximum)[1] & (scales[1] > 1))
            index, values, _ = _cormack_cpu.scale_maxima(scales[1], scales[0], scales[2], 1.0, [0] * len(shape))
            np.testing.assert_array_equal(index, expected)
            np.testing.assert_array_equal(values, scales[1].ravel()[expected])


@pytest.mark.parametrize(
    ("function", "keywords", "error", "message"),
    [
        (blob_log, {"min_sigma": 0}, ValueError, "`min_sigma` must be above 0"),
        (blob_log, {"max_sigma": 0.5}, ValueError, "`max_sigma` must not be below"),
        (blob_log, {"min_sigma": (1, 2, 3)}, ValueError, "`min_sigma` must be one value"),
        (blob_log, {"num_sigma": 0}, ValueError, "`num_sigma` must be at least 1"),
        (blob_log, {"overlap": -1}, ValueError, "`overlap` must be at least 0"),
        (blob_log, {"threshold": "a"}, TypeError, "`threshold` must be a number"),
        (blob_dog, {"sigma_ratio": 1}, ValueError, "`sigma_ratio` must be above 1"),
        (blob_dog, {"unit": "mm"}, ValueError, "`spacing` must be given"),
        (blob_doh, {"min_sigma": (1, 2)}, TypeError, "`min_sigma` must be one number"),
        (blob_doh, {"spacing": (1, 2), "unit": "mm"}, ValueError, "`spacing` must be that of square pixels"),
    ],
)
def test_wrong_arguments_are_named(function, keywords, error, message):
    with pytest.raises(error, match=f"{function.__name__}: {message}"):
        function(np.zeros((8, 8)), **keywords)


def test_a_ball_is_one_blob_of_its_size_in_millimetres():
    spacing = (2.0, 0.8, 0.8)
    z, y, x = np.meshgrid(*(np.arange(-20, 20 + 1e-9, size) for size in spacing), indexing="ij")
    ball = np.where(z**2 + y**2 + x**2 <= 6**2, 100, 0).astype(np.int16)
    blobs = blob_log(ball, min_sigma=2, max_sigma=5, num_sigma=7, threshold=20, spacing=spacing, unit="mm")
    assert blobs.row_count == 1
    place = [blobs[axis][0] for axis in "zyx"]
    np.testing.assert_allclose(place, (np.array(ball.shape) - 1) / 2, atol=0.5)
    assert blobs["radius"][0] == pytest.approx(6, rel=0.15)
