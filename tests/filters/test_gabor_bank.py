"""gabor_bank against skimage.filters.gabor of the image in floating point."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.filters import gabor

from cormack import Volume, filters
from cormack._arrays import DTYPES

RNG = np.random.default_rng(5)
IMAGE = RNG.normal(0, 30, (33, 41))


def by_skimage(image, frequencies, thetas, response, **keywords):
    real, imaginary = np.moveaxis(
        [[gabor(image.astype(np.float64), f, t, **keywords) for t in thetas] for f in frequencies], 2, 0
    )
    return {"real": real, "imaginary": imaginary, "modulus": np.hypot(real, imaginary)}[response]


@pytest.mark.parametrize("response", ["modulus", "real", "imaginary"])
@pytest.mark.parametrize(
    "keywords",
    [{}, {"bandwidth": 1.7}, {"sigma_x": 1.2, "sigma_y": 3}, {"sigma_y": 2.5, "n_stds": 2}, {"mode": "wrap"}],
    ids=str,
)
def test_matches_skimage(response, keywords):
    frequencies, thetas = (0.1, 0.23), (0, 0.4, np.pi / 2, 2.5)
    wanted = by_skimage(IMAGE, frequencies, thetas, response, **keywords)
    found = filters.gabor_bank(IMAGE, frequencies, thetas, response=response, **keywords)
    assert found.dtype == np.float64
    # Sums of some thousand products of the image and weights that sum up to at most 1.
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12 * np.abs(IMAGE).max())


@pytest.mark.parametrize("dtype", [dtype.name for dtype in DTYPES])
def test_matches_skimage_for_every_dtype(dtype):
    image = (IMAGE > 0) if dtype == "bool" else np.abs(IMAGE).astype(dtype)
    found = filters.gabor_bank(image, 0.2, 3)
    assert found.dtype == (np.float64 if dtype == "float64" else np.float32)
    assert found.shape == (1, 3, *image.shape)
    wanted = by_skimage(image, [0.2], [0, np.pi / 3, 2 * np.pi / 3], "modulus")
    # float32 sums of some hundred products.
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * float(np.abs(image).max()))


def test_slices_and_planes_match_skimage():
    volume = RNG.normal(0, 30, (5, 21, 22))
    found = filters.gabor_bank(volume, [0.2], [0.3], mode="constant", cval=2)
    for z in range(5):
        wanted = by_skimage(volume[z], [0.2], [0.3], "modulus", mode="constant", cval=2)
        np.testing.assert_allclose(found[:, :, z], wanted, rtol=0, atol=1e-10)
    turned = filters.gabor_bank(volume.T, [0.2], [0.3], axes=(2, 0))
    found = filters.gabor_bank(volume, [0.2], [0.3], axes=(0, 2))
    np.testing.assert_allclose(turned, found.transpose(0, 1, 4, 3, 2), atol=1e-5 * np.abs(found).max())
    np.testing.assert_allclose(
        found[0, 0, :, 4], by_skimage(volume[:, 4], [0.2], [0.3], "modulus")[0, 0], rtol=0, atol=1e-10
    )
    assert isinstance(filters.gabor_bank(Volume(volume, (3, 1, 1)), 0.2), np.ndarray)


def test_the_same_bits_for_any_threads_and_strides():
    wanted = filters.gabor_bank(IMAGE, [0.1, 0.2])
    for image, workers in ((IMAGE, 2), (np.asfortranarray(IMAGE), 1), (np.ascontiguousarray(IMAGE[::-1])[::-1], 3)):
        np.testing.assert_array_equal(filters.gabor_bank(image, [0.1, 0.2], workers=workers), wanted)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"frequencies": 0}, "gabor_bank: `frequencies` must be above 0"),
        ({"frequencies": []}, "gabor_bank: `frequencies` must hold at least one number"),
        ({"frequencies": 1e-5}, "gabor_bank: `frequencies` must keep kernels within"),
        ({"thetas": 0}, "gabor_bank: `thetas` must be at least 1, got 0"),
        ({"thetas": []}, "gabor_bank: `thetas` must hold at least one number"),
        ({"bandwidth": 0}, "gabor_bank: `bandwidth` must be above 0"),
        ({"bandwidth": 1e-20}, "gabor_bank: `bandwidth` must be 0.000001 to 1000 octaves"),
        ({"bandwidth": 1e5}, "gabor_bank: `bandwidth` must be 0.000001 to 1000 octaves"),
        ({"frequencies": 1e200}, "gabor_bank: `frequencies` must keep sigmas"),
        ({"sigma_x": -1}, "gabor_bank: `sigma_x` must be above 0"),
        ({"response": "phase"}, "gabor_bank: `response` must be one of"),
        ({"axes": (0,)}, "gabor_bank: `axes` must name 2 axes"),
    ],
)
def test_rejects(arguments, message):
    with pytest.raises(ValueError) as error:
        filters.gabor_bank(**{"input": IMAGE, "frequencies": 0.1} | arguments)
    assert message in str(error.value)
