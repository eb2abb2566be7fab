"""local_binary_pattern equals scikit-image; local_binary_pattern_3d follows its definition, written out in NumPy."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage import feature

from cormack import Volume
from cormack._arrays import DTYPES
from cormack.features import local_binary_pattern, local_binary_pattern_3d
from cormack.features._local_binary_pattern import _sphere

RNG = np.random.default_rng(11)
METHODS = ("default", "ror", "uniform", "nri_uniform", "var")
WIDTHS = (1, 2, 7, 8, 15, 16, 17, 31, 33, 64, 65)


def picture(shape, dtype="int16"):
    image = RNG.normal(0, 3, shape) + np.linspace(-4, 4, shape[-1])
    return (image > 0) if dtype == "bool" else np.rint(np.abs(image) if dtype[0] == "u" else image).astype(dtype)


def by_skimage(image, *arguments):
    with warnings.catch_warnings():
        # Of images of real numbers it says that their noise matters.
        warnings.simplefilter("ignore")
        return feature.local_binary_pattern(image, *arguments)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("points", "radius"),
    [(8, 1), (4, 1), (1, 1), (2, 0.4), (8, 1.3), (16, 2), (24, 3), (31, 9.7), (7, 5.191508957798028)],
)
def test_equals_skimage(isa, method, points, radius):
    for shape in ((13, 33), (40, 21), (3, 2)):
        image = picture(shape)
        np.testing.assert_array_equal(
            local_binary_pattern(image, points, radius, method), by_skimage(image, points, radius, method)
        )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [dtype.name for dtype in DTYPES])
def test_equals_skimage_for_every_dtype(method, dtype):
    image = picture((19, 23), dtype)
    np.testing.assert_array_equal(local_binary_pattern(image, 8, 1.5, method), by_skimage(image, 8, 1.5, method))


@pytest.mark.parametrize("method", ["uniform", "nri_uniform", "var"])
def test_equals_skimage_for_many_points(method):
    image = picture((12, 17))
    for points in (32, 50, 64):
        # There weights of 32 points and more overflow, which these methods do not use.
        with np.errstate(over="ignore"):
            wanted = by_skimage(image, points, 4, method)
        np.testing.assert_array_equal(local_binary_pattern(image, points, 4, method), wanted)


@pytest.mark.parametrize("width", WIDTHS)
def test_equals_skimage_for_odd_widths(isa, width):
    image = picture((5, width))
    for method in METHODS:
        np.testing.assert_array_equal(local_binary_pattern(image, 8, 1, method), by_skimage(image, 8, 1, method))


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    points=st.integers(1, 31),
    radius=st.floats(0.1, 30),
    method=st.sampled_from(METHODS),
    dtype=st.sampled_from(DTYPES),
)
def test_equals_skimage_for_any_image(shape, points, radius, method, dtype):
    image = picture(shape, dtype.name)
    wanted = by_skimage(image, points, radius, method)
    np.testing.assert_array_equal(local_binary_pattern(image, points, radius, method), wanted)


def test_equals_skimage_where_values_are_nan():
    image = picture((15, 16)).astype(np.float64)
    image[4, 5] = np.nan
    for method in METHODS[:4]:
        np.testing.assert_array_equal(local_binary_pattern(image, 8, 1, method), by_skimage(image, 8, 1, method))


@pytest.mark.parametrize("axes", [(1, 2), (0, 2), (0, 1), (2, 1), (-2, -1)])
def test_planes_of_a_volume_equal_skimage(axes):
    image = picture((6, 7, 9))
    found = np.moveaxis(local_binary_pattern(image, 8, 1, "uniform", axes=axes), axes, (-2, -1))
    for ours, plane in zip(found, np.moveaxis(image, axes, (-2, -1)), strict=True):
        np.testing.assert_array_equal(ours, by_skimage(plane, 8, 1, "uniform"))


def test_batches_of_volumes_equal_skimage():
    image = picture((2, 3, 7, 9))
    found = local_binary_pattern(image, 8, 1, "ror")
    for index in np.ndindex(2, 3):
        np.testing.assert_array_equal(found[index], by_skimage(image[index], 8, 1, "ror"))


def views(image):
    yield np.asfortranarray(image)
    yield np.ascontiguousarray(image[..., ::-1])[..., ::-1]
    yield np.ascontiguousarray(image.swapaxes(-1, -2)).swapaxes(-1, -2)
    wide = np.zeros((*image.shape[:-1], 2 * image.shape[-1]), image.dtype)
    wide[..., ::2] = image
    yield wide[..., ::2]


def test_has_the_same_bits_for_any_threads_and_strides():
    image = picture((70, 37))
    volume = picture((20, 9, 13))
    wanted, in_space = local_binary_pattern(image, 8, 1.5, "var"), local_binary_pattern_3d(volume, 12, 1.5)
    for workers in (1, 2, 3):
        np.testing.assert_array_equal(local_binary_pattern(image, 8, 1.5, "var", workers=workers), wanted)
        np.testing.assert_array_equal(local_binary_pattern_3d(volume, 12, 1.5, workers=workers), in_space)
    for view in views(image):
        np.testing.assert_array_equal(local_binary_pattern(view, 8, 1.5, "var"), wanted)
    for view in views(volume):
        np.testing.assert_array_equal(local_binary_pattern_3d(view, 12, 1.5), in_space)
    repeated = np.broadcast_to(image[:, :1], image.shape)
    np.testing.assert_array_equal(local_binary_pattern(repeated, 8, 1), by_skimage(repeated, 8, 1))


def on_a_sphere(image, points, radii):
    """Return the patterns by SciPy's interpolation and a search over the hull's edges."""
    directions, touch = _sphere(points)
    grid = np.indices(image.shape)
    values = [
        ndimage.map_coordinates(
            image.astype(np.float64),
            [axis + offset * radius for axis, offset, radius in zip(grid, direction, radii, strict=True)],
            order=1,
            mode="nearest",
        )
        for direction in directions
    ]
    bright = np.array(values) >= image - 1e-9
    result = np.zeros(image.shape)
    for at in np.ndindex(image.shape):
        here = bright[(slice(None), *at)]
        pieces = 0
        for value in (True, False):
            left = set(np.flatnonzero(here == value).tolist())
            while left:
                pieces += 1
                front = [left.pop()]
                while front:
                    one = front.pop()
                    near = {other for other in left if touch[one] >> other & 1}
                    left -= near
                    front.extend(near)
        both = here.any() and not here.all()
        result[at] = here.sum() if pieces == 1 + both else points + 1
    return result


@pytest.mark.parametrize("points", [4, 6, 12, 26, 64])
def test_3d_matches_its_definition_in_scipy(isa, points):
    # Smooth and real: no point is as bright as the voxel, so that rounding does not matter.
    image = ndimage.gaussian_filter(RNG.normal(0, 1, (6, 7, 9)), 0.8)
    np.testing.assert_array_equal(local_binary_pattern_3d(image, points, 1.7), on_a_sphere(image, points, [1.7] * 3))


def test_3d_radius_in_mm_matches_its_definition_in_scipy():
    image = ndimage.gaussian_filter(RNG.normal(0, 1, (6, 7, 9)), 0.8)
    wanted = on_a_sphere(image, 12, [0.75, 1.5, 2])
    np.testing.assert_array_equal(local_binary_pattern_3d(image, 12, 3, spacing=(4, 2, 1.5), unit="mm"), wanted)
    found = local_binary_pattern_3d(Volume(image, (4, 2, 1.5)), 12, 3, unit="mm")
    np.testing.assert_array_equal(found.array, wanted)


@pytest.mark.parametrize("dtype", [dtype.name for dtype in DTYPES])
def test_3d_matches_float64_for_every_dtype(dtype):
    image = picture((5, 6, 7), dtype)
    wanted = local_binary_pattern_3d(image.astype(np.float64), 12, 1.3)
    np.testing.assert_array_equal(local_binary_pattern_3d(image, 12, 1.3), wanted)


def test_3d_does_not_depend_on_turns_where_points_do_not():
    # The ends of the axes are turned into each other.
    image = picture((8, 8, 8))
    wanted = local_binary_pattern_3d(image, 6, 1)
    for axes in itertools.permutations(range(3)):
        turned = local_binary_pattern_3d(image.transpose(axes)[::-1], 6, 1)
        np.testing.assert_array_equal(turned[::-1], wanted.transpose(axes))


def test_3d_of_a_flat_volume_is_bright():
    assert (local_binary_pattern_3d(np.full((4, 5, 6), 0.1), 26, 1.5) == 26).all()


def test_a_sphere_far_beyond_the_volume_takes_its_nearest_voxels():
    volume = np.random.default_rng(0).normal(size=(5, 9, 11))
    # Ends of the axes: one voxel of each face of the volume, whichever the distance.
    np.testing.assert_array_equal(local_binary_pattern_3d(volume, 6, 1000), local_binary_pattern_3d(volume, 6, 12))


def test_hull_of_points_is_a_sphere():
    for points in (4, 6, 9, 12, 40, 64):
        # Euler: 3 n - 6 edges where all faces are triangles.
        assert sum(bits.bit_count() for bits in _sphere(points)[1]) == 2 * (3 * points - 6)


def test_empty_images_and_volumes():
    assert local_binary_pattern(np.zeros((0, 5)), 8, 1).shape == (0, 5)
    assert local_binary_pattern_3d(np.zeros((3, 0, 5)), 8, 1).shape == (3, 0, 5)
    found = local_binary_pattern(Volume(picture((2, 5, 6)), (3, 1, 1)), 8, 1)
    assert found.spacing == (3, 1, 1)


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (local_binary_pattern, (0, 1), "local_binary_pattern: `P` must be at least 1, got 0"),
        (local_binary_pattern, (32, 1), "local_binary_pattern: `P` must be at most 31, got 32"),
        (local_binary_pattern, (65, 1, "var"), "local_binary_pattern: `P` must be at most 64, got 65"),
        (local_binary_pattern, (8, 0), "local_binary_pattern: `R` must be above 0"),
        (local_binary_pattern, (8, 1001), "local_binary_pattern: `R` must be at most 1000, got 1001"),
        (local_binary_pattern, (8, 1, "rot"), "local_binary_pattern: `method` must be one of 'default'"),
        (local_binary_pattern_3d, (3, 1), "local_binary_pattern_3d: `P` must be at least 4, got 3"),
        (local_binary_pattern_3d, (8, 0), "local_binary_pattern_3d: `R` must be above 0"),
        (local_binary_pattern_3d, (8, 1001), "local_binary_pattern_3d: `R` must be at most 1000 voxels, got 1001"),
    ],
)
def test_rejects(function, arguments, message):
    with pytest.raises(ValueError) as error:
        function(np.zeros((4, 4, 4)), *arguments)
    assert message in str(error.value)


def test_rejects_axes_and_units():
    with pytest.raises(ValueError, match="`axes` must name 2 axes"):
        local_binary_pattern(np.zeros((4, 4, 4)), 8, 1, axes=(0,))
    with pytest.raises(ValueError, match="must have at least 2 axes"):
        local_binary_pattern(np.zeros(4), 8, 1)
    with pytest.raises(ValueError, match="`spacing` must be given"):
        local_binary_pattern_3d(np.zeros((4, 4, 4)), 8, 1, unit="mm")
