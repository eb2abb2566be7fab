"""Changes of sign against ITK, and the Laplacian's against an analytic ball."""

from __future__ import annotations

import numpy as np
import pytest

from cormack import Volume, _cormack_cpu
from cormack.detect import zero_crossings
from cormack.filters import gaussian_laplace

sitk = pytest.importorskip("SimpleITK")
DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


def random_image(shape, dtype, seed=0):
    """Small integers: ties and zeros are frequent."""
    values = np.random.default_rng(seed).integers(-3, 4, shape)
    return (np.abs(values) if dtype == "bool" or dtype[0] == "u" else values).astype(dtype)


def itk(image):
    result = sitk.ZeroCrossing(sitk.GetImageFromArray(image.astype(np.float64)), 1, 0)
    return sitk.GetArrayFromImage(result).astype(bool)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_matches_itk(dtype, isa):
    for shape in ((5, 6, 33), (9, 65), (2, 3, 4), (1, 17), (129, 2)):
        image = random_image(shape, dtype)
        np.testing.assert_array_equal(zero_crossings(image), itk(image))


@pytest.mark.parametrize("cols", [1, 2, 7, 15, 16, 17, 31, 33, 63, 64, 65])
def test_odd_sizes_match_itk(cols):
    for dtype in ("int16", "float32"):
        image = random_image((4, cols), dtype)
        np.testing.assert_array_equal(zero_crossings(image), itk(image))


def test_extreme_integers():
    image = np.array([[-(2**31), 2**31 - 1, -(2**31)]], np.int32)
    np.testing.assert_array_equal(zero_crossings(image), [[False, True, False]])
    image = np.array([[-128, 127, -128, 0]], np.int8)
    np.testing.assert_array_equal(zero_crossings(image), [[False, True, False, True]])


@pytest.mark.parametrize("dtype", ["int16", "float32", "float64"])
def test_marr_hildreth_of_a_ball(dtype):
    spacing = np.array((1.5, 0.8, 0.6))
    shape = (30, 56, 76)
    centre = np.array(shape) * spacing / 2 + 0.13
    distance = np.linalg.norm(np.moveaxis(np.indices(shape), 0, -1) * spacing - centre, axis=-1) - 17
    image = (1000 / (1 + np.exp(distance / 0.7))).astype(dtype)
    result = zero_crossings(image, 1.5, threshold=10, spacing=spacing, unit="mm")
    laplace = gaussian_laplace(image, 1.5, spacing=spacing, unit="mm")
    np.testing.assert_array_equal(result, zero_crossings(laplace, threshold=10))
    np.testing.assert_array_equal(zero_crossings(image, 1.5, spacing=spacing, unit="mm"), itk(laplace))
    # The smoothing moves the surface inwards by about sigma^2 / radius; a crossing lies within one voxel of it.
    assert result.any()
    assert np.abs(distance[result] + 1.5**2 / 17).max() < 1.5
    volume = Volume(image, spacing=tuple(spacing))
    found = zero_crossings(volume, 1.5, threshold=10, unit="mm")
    assert isinstance(found, Volume)
    np.testing.assert_array_equal(found.array, result)


def test_threshold_is_of_the_difference():
    image = np.array([[1.0, -1.0, 4.0, -6.0]])
    np.testing.assert_array_equal(zero_crossings(image, threshold=2), [[True, True, True, False]])
    np.testing.assert_array_equal(zero_crossings(image, threshold=5), [[False, True, True, False]])
    np.testing.assert_array_equal(zero_crossings(image, threshold=10.5), [[False] * 4])


def test_nan_is_no_crossing():
    image = np.array([[1.0, np.nan, 0.0, np.nan, -1.0, 2.0]], np.float32)
    np.testing.assert_array_equal(zero_crossings(image), [[False] * 4 + [True, False]])


def test_strides_and_threads():
    image = random_image((12, 40, 130), "int16")
    expected = zero_crossings(image)
    for view in (image.transpose(2, 0, 1), image[::-1, ::2, ::-3], np.broadcast_to(image[0], (4, 40, 130))):
        np.testing.assert_array_equal(zero_crossings(view), zero_crossings(np.ascontiguousarray(view)))
    before = _cormack_cpu.isa()
    try:
        for level in _cormack_cpu.available_isas():
            _cormack_cpu.use_isa(level)
            for workers in (1, 2, 3):
                np.testing.assert_array_equal(zero_crossings(image, workers=workers), expected)
    finally:
        _cormack_cpu.use_isa(before)


@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (2, 0, 5)], ids=str)
def test_empty_images_have_no_crossings(shape):
    assert zero_crossings(np.empty(shape, np.int16)).shape == shape


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"threshold": -1}, ValueError, "`threshold` must be at least 0, got -1"),
        ({"sigma": 0}, ValueError, "`sigma` must be above 0, got 0"),
        ({"sigma": (1, -1)}, ValueError, "`sigma` must be above 0, got -1"),
        ({"sigma": "a"}, TypeError, "`sigma` must be a number, got 'a'"),
        ({"sigma": 1, "unit": "mm"}, ValueError, '`spacing` must be given for unit="mm"'),
    ],
    ids=str,
)
def test_wrong_arguments_are_named(arguments, error, message):
    with pytest.raises(error) as caught:
        zero_crossings(np.zeros((4, 5), np.int16), **arguments)
    assert str(caught.value).startswith(f"zero_crossings: {message}")
