"""Mirrors of known place, and maps against the definition."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage as ndi

from cormack import Volume, _cormack_cpu
from cormack.detect import asymmetry_map, symmetry_plane

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


def head(shape, middle, tangent_y, tangent_z, spacing=(1.0, 1.0, 1.0)):
    """An ellipsoid with pairs of spheres, its plane through `middle` mm from the centre; and that plane."""
    z, y, x = np.meshgrid(
        *((np.arange(n) - n // 2) * size for n, size in zip(shape, spacing, strict=True)), indexing="ij"
    )
    normal = np.array([-tangent_z, -tangent_y, 1.0])
    normal /= np.linalg.norm(normal)
    up = np.array([1.0, 0, tangent_z])
    up /= np.linalg.norm(up)
    back = np.cross(normal, up)
    p, q, r = (axis[0] * z + axis[1] * y + axis[2] * (x - middle) for axis in (up, back, normal))
    image = np.where((r / 28) ** 2 + (q / 38) ** 2 + (p / 31) ** 2 < 1, 1000.0, 0.0)
    for place, radius, value in (((10, -15, 5), 8, 1400), ((15, 20, -10), 6, 500), ((8, 5, 18), 5, 1700)):
        for side in (1, -1):
            far = (side * r - place[0]) ** 2 + (q - place[1]) ** 2 + (p - place[2]) ** 2
            image[far < radius**2] = value
    dz, dy, dx = spacing
    slopes = [tangent_z * dz / dx, tangent_y * dy / dx]
    start = middle / dx + shape[2] // 2 - slopes[0] * (shape[0] // 2) - slopes[1] * (shape[1] // 2)
    return image, np.array([start, *slopes])


@pytest.mark.parametrize("shape", [(9, 20), (5, 8, 11), (1, 3, 64)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_mirrors_against_scipy(shape, dtype):
    rng = np.random.default_rng(0)
    image = (rng.random(shape) * 100).astype(dtype)
    ndim = len(shape)
    for _ in range(5):
        side, step, offset = rng.uniform(-0.3, 0.3, ndim), rng.uniform(-1, 1, ndim), rng.uniform(-1, 1)
        places = np.indices(shape).astype(float)
        f = np.tensordot(side, places, 1) + offset
        places += f * step.reshape(-1, *[1] * ndim)
        result = np.empty(shape)
        _cormack_cpu.reflect(image, result, side.tolist(), offset, step.tolist(), -7.0)
        expected = ndi.map_coordinates(image.astype(float), places, order=1, mode="constant", cval=-7.0)
        limits = np.array(shape).reshape(-1, *[1] * ndim) - 1.0
        outside = ((places < 0) | (places > limits)).any(0)
        expected[outside] = -7
        np.testing.assert_allclose(result, expected, atol=1e-4 * 100)


def test_offsets_are_found():
    rng = np.random.default_rng(1)
    for extent, twice in ((81, 77), (80, 79), (80, 86), (200, 170)):
        half = ndi.gaussian_filter(rng.random((40, 400)), 2)
        x = np.arange(extent)
        far = np.abs(2 * x - twice)
        image = half[:, far] * np.exp(-((far / extent) ** 8) * 50)
        for dtype in ("float64", "int16"):
            plane = symmetry_plane((image * 1000).astype(dtype), tilt=False)
            assert plane[0] == pytest.approx(twice / 2, abs=0.1)
            assert plane[1] == 0
            plane = symmetry_plane((image * 1000).astype(dtype).T, 0, tilt=True)
            assert abs(plane[0] + 100 * plane[1] - twice / 2) < 0.5
            assert abs(plane[1]) < 0.01


@pytest.mark.parametrize(
    ("shape", "spacing", "tangents"),
    [
        ((80, 96, 90), (1, 1, 1), (0.1, -0.07)),
        ((80, 96, 90), (1, 1, 1), (-0.25, 0.15)),
        ((28, 100, 80), (3, 1, 1), (0.1, 0.1)),
    ],
)
def test_tilted_planes_are_found(shape, spacing, tangents):
    image, truth = head(shape, 4.3, *tangents, spacing)
    for axis in (2, 0):
        moved = np.moveaxis(image, 2, axis)
        sizes = np.moveaxis(np.broadcast_to(spacing, (3,)), 0, 0).tolist()
        sizes.insert(axis, sizes.pop(2))
        plane = symmetry_plane(moved, axis, spacing=sizes, unit="mm")
        # Half a degree, and half a voxel in the middle.
        tangent = (plane[1:] - truth[1:]) * spacing[2] / np.array(spacing[:2])
        assert np.abs(tangent).max() < 0.012
        middle = np.array([1, shape[0] // 2, shape[1] // 2])
        assert plane @ middle == pytest.approx(truth @ middle, abs=0.5)


def test_a_lesion_stands_out():
    image, truth = head((40, 96, 90), 2.0, 0.05, 0.0)
    image += np.random.default_rng(0).normal(0, 20, image.shape)
    z, y, x = np.indices(image.shape)
    lesion = (z - 20) ** 2 + (y - 60) ** 2 + (x - 65) ** 2 < 16
    image[lesion] += 300
    result = asymmetry_map(image.astype(np.float32), plane=truth)
    assert np.hypot(*(np.unravel_index(result.argmax(), result.shape) - np.array([20, 60, 65]))[1:]) < 3
    assert result[lesion].mean() > 10 * np.abs(result).mean()
    found = asymmetry_map(image.astype(np.float32))
    assert found[lesion].mean() > 0.7 * result[lesion].mean()


def test_the_map_is_its_definition():
    rng = np.random.default_rng(2)
    image = rng.random((20, 31)) * 100
    mask = rng.random(image.shape) > 0.2
    mirrored, other = image[:, 28::-1], mask[:, 28::-1]
    both = np.zeros(image.shape, bool)
    both[:, :29] = mask[:, :29] & other
    padded = np.zeros_like(image)
    padded[:, :29] = mirrored
    sigma, regularization = (1.5, 2.0), 0.1

    def mean(values):
        weight = ndi.gaussian_filter(both.astype(float), sigma, mode="constant")
        return ndi.gaussian_filter(np.where(both, values, 0), sigma, mode="constant") / np.maximum(weight, 1e-30)

    variance = (mean(image**2) - mean(image) ** 2 + mean(padded**2) - mean(padded) ** 2) / 2
    overall = np.concatenate([image[both], padded[both]]).var()
    expected = (mean(image) - mean(padded)) / np.sqrt(variance + regularization**2 * overall)
    expected[~both] = 0
    for dtype, bound in (("float64", 1e-9), ("float32", 1e-4)):
        result = asymmetry_map(image.astype(dtype), plane=14.0, sigma=sigma, mask=mask, regularization=regularization)
        assert result.dtype == dtype
        np.testing.assert_allclose(result, expected, atol=bound)


def test_symmetric_images_have_no_asymmetry_and_mirrored_ones_the_opposite():
    rng = np.random.default_rng(3)
    half = rng.random((12, 15, 20))
    even = np.concatenate([half, half[..., ::-1]], -1)
    assert (asymmetry_map(even, plane=19.5) == 0).all()
    image = rng.random((12, 15, 40)).astype(np.float32)
    result = asymmetry_map(image, plane=19.5)
    np.testing.assert_allclose(asymmetry_map(image[..., ::-1], plane=19.5), -result, atol=1e-5)
    np.testing.assert_allclose(result, -result[..., ::-1], atol=1e-5)


def test_strides_threads_nan_and_volumes():
    image, truth = head((20, 48, 50), 1.0, 0.05, 0.0)
    image = (image + np.random.default_rng(0).random(image.shape)).astype(np.float32)
    expected = asymmetry_map(image, plane=truth)
    for workers in (1, 2, 3):
        assert asymmetry_map(image, plane=truth, workers=workers).tobytes() == expected.tobytes()
        assert symmetry_plane(image, workers=workers).tobytes() == symmetry_plane(image).tobytes()
    for view in (np.asfortranarray(image), image[::-1].copy()[::-1], image.repeat(2, 2)[:, :, ::2]):
        np.testing.assert_array_equal(asymmetry_map(view, plane=truth), expected)
    holed = image.copy()
    holed[10, 24, 30] = np.nan
    result = asymmetry_map(holed, plane=truth)
    assert np.isfinite(result).all()
    assert result[10, 24, 30] == 0
    assert np.isfinite(symmetry_plane(holed)).all()
    volume = asymmetry_map(Volume(image, (2, 1, 1)), unit="mm")
    assert volume.spacing == (2, 1, 1)
    for shape in ((0, 5), (3, 0, 4)):
        assert asymmetry_map(np.empty(shape)).shape == shape
    assert (asymmetry_map(np.full((9, 10), np.nan)) == 0).all()
    assert (asymmetry_map(np.full((9, 10), 3, np.uint8)) == 0).all()


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"axis": 2}, ValueError, "`axis` must name an axis"),
        ({"sigma": 0}, ValueError, "`sigma` must be above 0"),
        ({"plane": (1, 2, 3)}, ValueError, "`plane` must be one value"),
        ({"plane": np.nan}, ValueError, "`plane` must be finite"),
        ({"regularization": -1}, ValueError, "`regularization` must be at least 0"),
        ({"mask": np.ones((2, 2))}, ValueError, "`mask` must have shape"),
        ({"unit": "mm"}, ValueError, "`spacing` must be given"),
    ],
)
def test_wrong_arguments_are_named(keywords, error, message):
    with pytest.raises(error, match=f"asymmetry_map: {message}"):
        asymmetry_map(np.zeros((8, 8)), **keywords)
    with pytest.raises(ValueError, match="symmetry_plane: `image` must have a voxel"):
        symmetry_plane(np.empty((0, 4)))
