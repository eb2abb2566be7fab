"""chan_vese: scikit-image's level sets in 2-D, symmetry and bodies in 3-D."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from scipy import ndimage
from skimage import segmentation

import cormack
from cormack import Volume
from cormack.segment import chan_vese, disk_level_set

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
SETTINGS = {"mu": 0.2, "lambda1": 1.2, "max_num_iter": 10, "extended_output": True}
STARTS = ["checkerboard", "disk", "small disk"]


def blobs(shape, dtype, seed=0):
    image = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 2) * 300
    if dtype == "bool":
        return image > 0
    if not dtype.startswith("f"):
        info = np.iinfo(dtype)
        image = np.clip(np.rint(image if info.min else image + 100), info.min, info.max)
    return image.astype(dtype)


@functools.cache
def reference(shape, dtype, start):
    image = blobs(shape, dtype)
    return segmentation.chan_vese(image.astype(float) if dtype == "bool" else image, init_level_set=start, **SETTINGS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(6, 7), (9, 15), (8, 16), (7, 17), (12, 33), (5, 65), (40, 60)], ids=str)
def test_matches_scikit_image(isa, dtype, shape):
    image = blobs(shape, dtype)
    for start in STARTS:
        expected, phi, energies = reference(shape, dtype, start)
        found, own, own_energies = chan_vese(image, init_level_set=start, **SETTINGS)
        assert own.dtype == (np.float32 if dtype == "float32" else np.float64)
        # Averages are rounded differently; ten steps amplify that (float32: from 6e-8).
        np.testing.assert_allclose(own, phi, atol=1e-3 if dtype == "float32" else 1e-9)
        np.testing.assert_allclose(own_energies, energies, rtol=1e-5 if dtype == "float32" else 1e-9)
        np.testing.assert_array_equal(found[abs(own) > 2e-3], expected[abs(own) > 2e-3])
        np.testing.assert_array_equal(
            chan_vese(image, **{**SETTINGS, "init_level_set": start, "extended_output": False}), found
        )


def test_stops_when_scikit_image_does():
    image = blobs((60, 70), "int16")
    expected, _, energies = segmentation.chan_vese(image, extended_output=True)
    found, _, own = chan_vese(image, extended_output=True)
    assert len(own) == len(energies)
    np.testing.assert_array_equal(found, expected)
    start = np.random.default_rng(0).standard_normal(image.shape)
    np.testing.assert_array_equal(
        chan_vese(image, init_level_set=start), segmentation.chan_vese(image, init_level_set=start)
    )


def test_every_axis_of_a_volume_is_alike():
    volume = blobs((9, 12, 15), "float64")
    start = np.random.default_rng(1).standard_normal(volume.shape)
    _, phi, _ = chan_vese(volume, max_num_iter=5, tol=0, init_level_set=start, extended_output=True)
    for axes in ((2, 0, 1), (1, 0, 2), (2, 1, 0)):
        _, turned, _ = chan_vese(
            volume.transpose(axes), max_num_iter=5, tol=0, init_level_set=start.transpose(axes), extended_output=True
        )
        np.testing.assert_allclose(turned, phi.transpose(axes), atol=1e-9)


def test_a_volume_of_equal_slices_keeps_them_equal():
    image, start = blobs((30, 33), "float64"), np.random.default_rng(0).standard_normal((30, 33))
    volume, level_set = (np.stack([a] * 4) for a in (image, start))
    arguments = {"max_num_iter": 8, "tol": 0, "init_level_set": level_set, "extended_output": True}
    _, phi, _ = chan_vese(volume, **arguments)
    np.testing.assert_array_equal(phi, np.broadcast_to(phi[:1], phi.shape))


def test_ball_is_found():
    ball = disk_level_set((30, 32, 34), radius=9)
    image = np.where(ball, 100, 20) + np.random.default_rng(0).normal(0, 15, ball.shape)
    found = chan_vese(image.astype(np.int16), mu=0.1, init_level_set="disk")
    assert np.count_nonzero(found ^ ball) < 0.02 * np.count_nonzero(ball)


@pytest.mark.parametrize("dtype", ["int16", "float32"])
@pytest.mark.parametrize("shape", [(40, 600), (12, 33, 200)], ids=str)
def test_levels_threads_and_strides_do_not_matter(dtype, shape):
    image = blobs(shape, dtype)
    best = cormack._cormack_cpu.isa()
    run = {"max_num_iter": 5, "tol": 0.0, "extended_output": True}
    expected = chan_vese(image, workers=1, **run)[1].tobytes()
    try:
        for name in cormack._cormack_cpu.available_isas():
            cormack._cormack_cpu.use_isa(name)
            for same in (image, np.asfortranarray(image), image[..., ::-1].copy()[..., ::-1]):
                for workers in (1, 2, 3):
                    assert chan_vese(same, workers=workers, **run)[1].tobytes() == expected
    finally:
        cormack._cormack_cpu.use_isa(best)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (1, 5, 6), (4, 1, 1), (0, 4), (3, 0, 2)], ids=str)
def test_narrow_and_empty_images(shape):
    image = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    for start in STARTS:
        found, phi, _ = chan_vese(image, init_level_set=start, max_num_iter=3, extended_output=True)
        assert found.shape == shape
        assert np.isfinite(phi).all()


def test_constant_images_and_volumes():
    found = chan_vese(Volume(np.full((4, 5, 6), 7, np.int16), spacing=(3, 1, 1)), max_num_iter=3)
    assert isinstance(found, Volume)
    assert found.spacing == (3, 1, 1)


@pytest.mark.parametrize(
    ("image", "arguments", "message"),
    [
        (np.eye(3), {"mu": -1}, "`mu` must be at least 0, got -1"),
        (np.eye(3), {"dt": 0}, "`dt` must be above 0, got 0"),
        (np.eye(3), {"tol": -1}, "`tol` must be at least 0, got -1"),
        (np.eye(3), {"max_num_iter": 1.5}, "`max_num_iter` must be an int, got 1.5"),
        (
            np.eye(3),
            {"init_level_set": "x"},
            "`init_level_set` must be one of 'checkerboard', 'disk', 'small disk', got 'x'",
        ),
        (np.eye(3), {"init_level_set": np.eye(2)}, "`init_level_set` must have shape (3, 3), got (2, 2)"),
        (np.full((3, 3), np.nan), {}, "`image` must be finite"),
        (np.diag([1, np.inf]), {}, "`image` must be finite"),
        (np.zeros(3), {}, "`image` must be 2-D or 3-D, got shape (3,)"),
    ],
)
def test_rejects(image, arguments, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        chan_vese(image, **arguments)
    assert str(caught.value) == "chan_vese: " + message
