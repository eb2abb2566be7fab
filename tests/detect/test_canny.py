"""Canny's edges: pixel by pixel those of scikit-image in 2-D, analytic surfaces and a plain NumPy form in 3-D."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.ndimage
import skimage.data
import skimage.feature
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erf

from cormack import Volume, _cormack_cpu
from cormack.detect import canny, canny_points

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
MODES = ["constant", "reflect", "nearest", "mirror", "wrap"]
SIDES = (1, 2, 3, 4, 7, 15, 16, 17, 31, 33, 63, 64, 65, 66, 129)


def random_image(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    low, high = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return rng.integers(low, high, shape, endpoint=True).astype(dtype)


def check(image, *arguments, **keywords):
    expected = skimage.feature.canny(image, *arguments, **keywords)
    result = canny(image, *arguments, **keywords)
    assert result.dtype == bool
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_random_images_match_scikit_image(dtype, isa):
    image = random_image((90, 131), dtype)
    unit = float(np.iinfo(dtype).max) if np.dtype(dtype).kind in "iu" else 1.0
    for sigma, low, high in ((1, 0.3, 0.6), (0, 0, 1.5), (1.7, 0, 0), (2.5, 0.1, 0.2)):
        check(image, sigma, low * unit, high * unit)
    check(image)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_a_photograph_matches_scikit_image(dtype, mode):
    image = skimage.data.camera()[50:350, 80:380]
    unit = 255 if dtype == "uint8" else 1
    image = image if dtype == "uint8" else (image / 255).astype(dtype)
    for sigma in (0.8, 2):
        check(image, sigma, 0.1 * unit, 0.25 * unit, mode=mode)
    check(image, 1.3, 0.6, 0.93, use_quantiles=True, mode=mode)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "float32", "float64"])
def test_ties_fall_as_in_scikit_image(dtype):
    """Steps between pixels have the same strength on both sides: rounding decides which is the edge."""
    y, x = np.indices((80, 90))
    shapes = [
        (abs(y - 40) < 20) & (abs(x - 44) < 25),
        (y - 40) ** 2 + (x - 45) ** 2 < 900,
        x + y > 85,
        (x // 9 + y // 7) % 2 == 0,
    ]
    for shape, sigma in itertools.product(shapes, (0, 0.7, 1, 2, 3.3)):
        image = shape if dtype == "bool" else (shape * (100 if dtype[0] in "ui" else 0.75)).astype(dtype)
        unit = float(np.iinfo(dtype).max) if dtype[0] in "ui" else 1.0
        check(image, sigma, 0.02 * unit, 0.1 * unit)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_masks_match_scikit_image(dtype):
    image = random_image((70, 81), dtype)
    rng = np.random.default_rng(1)
    mask = scipy.ndimage.uniform_filter(rng.random(image.shape), 9) > 0.48
    for mode in MODES:
        check(image, 1.2, 0, 0, mask=mask, mode=mode)
    np.testing.assert_array_equal(
        canny(image, 1, 0, 0, mask=mask.astype(np.int64) * 7), canny(image, 1, 0, 0, mask=mask)
    )


@pytest.mark.parametrize("side", SIDES)
def test_odd_sizes_match_scikit_image(side):
    for shape in ((side, 9), (9, side), (side, side)):
        check(random_image(shape, "uint8"), 1, 0, 10)


@settings(deadline=None, max_examples=60)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 80)),
    dtype=st.sampled_from(DTYPES),
    sigma=st.sampled_from([0, 0.5, 1, 2.2]),
    low=st.floats(0, 1),
    more=st.floats(0, 1),
    mode=st.sampled_from(MODES),
    seed=st.integers(0, 99),
)
def test_random_calls_match_scikit_image(shape, dtype, sigma, low, more, mode, seed):
    unit = float(np.iinfo(dtype).max) if np.dtype(dtype).kind in "iu" else 1.0
    check(random_image(shape, dtype, seed), sigma, low * unit, (low + more) * unit, mode=mode)


def plain_canny(image, sigma, low, high, spacing, mask=None):
    """The same in 3-D, voxel by voxel, with SciPy in float64."""
    image = image.astype(np.float64)
    inside = np.ones(image.shape) if mask is None else mask.astype(float)
    widths = [sigma / size for size in spacing]
    share = scipy.ndimage.gaussian_filter(inside, widths, mode="constant")
    smooth = scipy.ndimage.gaussian_filter(image * inside, widths, mode="constant") / (share + 1e-16)
    gradient = [scipy.ndimage.sobel(smooth, axis) / 4 / spacing[axis] for axis in range(3)]
    strength = np.sqrt(sum(g * g for g in gradient))
    eroded = scipy.ndimage.binary_erosion(inside > 0, np.ones((3, 3, 3)), border_value=0)
    weak = np.zeros(image.shape, bool)
    margin = np.inf
    for place in np.argwhere(eroded & (strength >= max(low, 1e-14))):
        step = np.array([gradient[axis][tuple(place)] / spacing[axis] for axis in range(3)])
        step /= np.abs(step).max()
        here = strength[tuple(place)]
        sides = [
            scipy.ndimage.map_coordinates(
                strength[tuple(slice(i - 1, i + 2) for i in place)], (1 + d)[:, None], order=1
            )[0]
            for d in (step, -step)
        ]
        margin = min(margin, abs(max(sides) / here - 1))
        weak[tuple(place)] = max(sides) <= here
    labels, _ = scipy.ndimage.label(weak, np.ones((3, 3, 3)))
    return weak & np.isin(labels, np.unique(labels[weak & (strength >= high)])), margin


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
@pytest.mark.parametrize("spacing", [(1, 1, 1), (2.5, 0.7, 1.1)])
def test_volumes_match_the_plain_form(dtype, spacing):
    image = random_image((9, 12, 20), dtype)
    unit = float(image.std())
    mask = scipy.ndimage.uniform_filter(np.random.default_rng(3).random(image.shape), 5) > 0.48
    for inside in (None, mask):
        expected, margin = plain_canny(image, 1, 0.6 * unit, 1.2 * unit, spacing, inside)
        # The comparison is of float32 for the small types: no two strengths of this image are that close.
        assert margin > 2e-6
        result = canny(image, 1, 0.6 * unit, 1.2 * unit, spacing=spacing, unit="mm", mask=inside)
        np.testing.assert_array_equal(result, expected)
        assert 20 < expected.sum() < image.size / 3


def test_a_stack_of_one_slice_repeated_has_the_edges_of_the_slice():
    plane = scipy.ndimage.gaussian_filter(random_image((40, 50), "float64"), 2) * 100
    stack = np.broadcast_to(plane, (5, 40, 50))
    result = canny(stack, (0, 1, 1), 2, 5)
    np.testing.assert_array_equal(result[1:-1], np.broadcast_to(canny(plane, 1, 2, 5), (3, 40, 50)))
    assert not result[[0, -1]].any()


SPACING = np.array((1.5, 0.8, 0.6))


def ball(shape, radius, blur):
    """Return a ball blurred across its surface, and its centre in mm."""
    centre = np.array(shape) * SPACING / 2 + 0.13
    places = np.moveaxis(np.indices(shape), 0, -1) * SPACING
    distance = np.linalg.norm(places - centre, axis=-1) - radius
    return (500 * (1 - erf(distance / blur))).astype(np.float32), centre


@pytest.mark.parametrize("sigma", [1.0, 1.2])
def test_edges_of_a_ball_lie_on_its_surface(sigma):
    radius = 28.0
    image, centre = ball((46, 84, 110), radius, 1.0)
    arguments = {"spacing": SPACING, "unit": "mm"}
    edges = canny(image, sigma, 50, 100, **arguments)
    points = canny_points(image, sigma, 50, 100, **arguments)
    normals = (points - centre) / np.linalg.norm(points - centre, axis=1)[:, None]
    # Smoothing moves a surface of this curvature towards the centre; a step leads to the faces of the cell around.
    shift = sigma**2 / radius
    step = 1 / np.abs(normals / SPACING).max(axis=1)
    voxel = 1 / np.linalg.norm(normals / SPACING, axis=1)
    distance = np.linalg.norm(np.argwhere(edges) * SPACING - centre, axis=1) - radius
    # Half a step, but for what the linear interpolation between voxels of 1.5 mm takes off.
    assert np.all(np.abs(distance + shift) < 0.75 * step)
    assert np.quantile(np.abs(distance + shift) / step, 0.9) < 0.505
    error = np.linalg.norm(points - centre, axis=1) - radius
    assert np.all(np.abs(error + shift) < 0.1 * voxel)
    # No hole: what is inside stays inside.
    labels, _ = scipy.ndimage.label(~edges)
    assert labels[23, 42, 55] != labels[0, 0, 0] != 0


@pytest.mark.parametrize("normal", [(1, 2, 3), (3, 1, 1), (1, 0.2, 0.1), (1, 1, 1), (0.3, 1, 0.9), (0, 0, 1)])
def test_points_lie_on_a_plane(normal):
    normal = np.array(normal) / np.linalg.norm(normal)
    shape = (24, 40, 50)
    places = np.moveaxis(np.indices(shape), 0, -1) * SPACING
    centre = np.array(shape) * SPACING / 2 + 0.13
    image = (500 * (1 - erf((places - centre) @ normal / 0.7))).astype(np.float32)
    points = canny_points(image, 1.2, 50, 100, spacing=SPACING, unit="mm")
    inner = np.all((points > 6) & (points < np.array(shape) * SPACING - 7), axis=1)
    voxel = 1 / np.linalg.norm(normal / SPACING)
    assert inner.sum() > 50
    assert np.abs((points[inner] - centre) @ normal).max() < 0.1 * voxel


def test_points_in_2d_lie_on_a_circle():
    y, x = np.indices((90, 100))
    distance = np.hypot(y - 44.3, x - 50.6) - 30
    image = np.rint(100 * (1 - erf(distance / 0.8))).astype(np.uint8)
    points = canny_points(image, 1.0, 50, 100)
    assert len(points) == canny(image, 1.0, 50, 100).sum()
    error = np.linalg.norm(points - (44.3, 50.6), axis=1) - 30
    assert np.abs(error + 0.5 / 30).max() < 0.1
    volume = Volume(np.broadcast_to(image, (4, 90, 100)), spacing=(3, 0.5, 0.5))
    in_mm = canny_points(volume, 0.5, 100, 200, unit="mm")
    assert np.abs(np.linalg.norm(in_mm[:, 1:] / 0.5 - (44.3, 50.6), axis=1) - 30).max() < 0.12
    np.testing.assert_allclose(in_mm[:, 0], 3 * np.rint(in_mm[:, 0] / 3), atol=1e-6)


VIEWS = {
    "reversed": lambda a: a[::-1, ::-1, ::-1],
    "transposed": lambda a: a.transpose(2, 0, 1),
    "sliced": lambda a: a[:, ::2, 1::3],
    "broadcast": lambda a: np.broadcast_to(a[0], (5, *a.shape[1:])),
}


@pytest.mark.parametrize("view", VIEWS)
def test_strides_do_not_matter(view):
    image = VIEWS[view](random_image((9, 21, 60), "int16"))
    plain = np.ascontiguousarray(image)
    mask = VIEWS[view](random_image((9, 21, 60), "uint8") > 20)
    for arguments in ({}, {"mask": mask}):
        expected = canny(plain, 1, 0, 9000, **arguments)
        assert expected.any()
        assert canny(image, 1, 0, 9000, **arguments).tobytes() == expected.tobytes()
        assert canny(image[1], 1, 0, 90).tobytes() == canny(plain[1], 1, 0, 90).tobytes()


@pytest.mark.parametrize("shape", [(130, 200), (30, 70, 65)])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_bits_do_not_depend_on_threads_or_level(dtype, shape):
    image = random_image(shape, dtype)
    high = 2.0 * float(image.std())
    before = _cormack_cpu.isa()
    results, points = set(), set()
    try:
        for level in _cormack_cpu.available_isas():
            _cormack_cpu.use_isa(level)
            for workers in (1, 2, 3):
                results.add(canny(image, 1, high / 2, high, workers=workers).tobytes())
                points.add(canny_points(image, 1, high / 2, high, workers=workers).tobytes())
    finally:
        _cormack_cpu.use_isa(before)
    assert len(results) == len(points) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_is_no_edge_and_reaches_no_further_than_its_window(dtype):
    image = random_image((40, 50), dtype)
    clean = canny(image, 1, 0, 0)
    image[20, 25] = np.nan
    reached = scipy.ndimage.maximum_filter(np.isnan(image), 2 * (4 + 2) + 1)
    result = canny(image, 1, 0, 0)
    np.testing.assert_array_equal(result[~reached], clean[~reached])
    assert not result[19:22, 24:27].any()


@pytest.mark.parametrize("shape", [(70, 60), (9, 40, 50)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_quantiles_are_of_what_is_finite(shape, dtype):
    rng = np.random.default_rng(0)
    image = rng.standard_normal(shape).astype(dtype)
    image[..., 0, 0] = np.nan
    edges = canny(image, 1.0, 0.8, 0.9, use_quantiles=True, mode="reflect")
    assert edges[..., 20:, 20:].any()
    assert not edges[..., :5, :5].any()
    assert not canny(np.full(shape, np.nan, dtype), 1.0, 0.1, 0.9, use_quantiles=True).any()


def test_a_threshold_beyond_float32_has_no_edges():
    image = np.random.default_rng(0).standard_normal((20, 20))
    assert not canny(image, 1.0, 1e300, 1e300).any()


@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (2, 0, 5), (0, 0, 0)], ids=str)
def test_empty_images_have_no_edges(shape):
    assert canny(np.empty(shape, np.int16)).shape == shape
    assert canny_points(np.empty(shape, np.int16), use_quantiles=True).shape == (0, len(shape))


def test_a_volume_comes_back_as_one():
    volume = Volume(random_image((6, 9, 9), "int16"), spacing=(2, 1, 1))
    result = canny(volume, 1, 100, 200, unit="mm")
    assert isinstance(result, Volume)
    np.testing.assert_array_equal(result.array, canny(volume.array, 1, 100, 200, unit="mm", spacing=(2, 1, 1)))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"low_threshold": -1}, ValueError, "`low_threshold` must be at least 0, got -1"),
        ({"low_threshold": 9, "high_threshold": 8}, ValueError, "`high_threshold` must be at least `low_threshold`"),
        ({"high_threshold": 2, "use_quantiles": True}, ValueError, "`high_threshold` must be at most 1 with"),
        ({"sigma": -1}, ValueError, "`sigma` must be at least 0, got -1"),
        ({"sigma": (1, 2, 3)}, ValueError, "`sigma` must be one value or one for each of 2 axes"),
        ({"mask": np.ones((3, 3))}, ValueError, "`mask` must have shape (4, 5), got (3, 3)"),
        ({"mode": "edge"}, ValueError, "`mode` must be one of"),
        ({"unit": "mm"}, ValueError, '`spacing` must be given for unit="mm"'),
        ({"workers": 0}, ValueError, "`workers` must be at least 1, got 0"),
    ],
    ids=str,
)
def test_wrong_arguments_are_named(arguments, error, message):
    for function in (canny, canny_points):
        with pytest.raises(error) as caught:
            function(np.zeros((4, 5), np.int16), **arguments)
        assert str(caught.value).startswith(f"{function.__name__}: {message}")
