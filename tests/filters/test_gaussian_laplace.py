"""gaussian_laplace and gaussian_gradient_magnitude: SciPy's float64 result within the documented bound."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage._filters import _gaussian_kernel1d

from cormack import _cormack_cpu
from cormack.filters import gaussian_filter, gaussian_gradient_magnitude, gaussian_laplace

INTEGERS = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32"]
FLOATS = ["float32", "float64"]
IN_FLOAT32 = ["bool", "uint8", "int8", "uint16", "int16", "float32"]
MODES = ["reflect", "constant", "nearest", "mirror", "wrap"]
WIDTHS = [1, 2, 7, 15, 16, 17, 31, 33, 63, 64, 65, 129]
SHAPES = [(1,), (33,), (1, 1), (1, 7), (5, 17), (9, 33), (40, 65), (1, 1, 1), (3, 1, 9), (2, 5, 31), (5, 40, 33)]

both = pytest.mark.parametrize("function", [gaussian_laplace, gaussian_gradient_magnitude])


def random_image(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    return (rng.standard_normal(shape) * 100).astype(dtype)


def bound(function, image, sigmas, truncate, cval):
    """Return how far a result may be from the exact one, by the docstring of gaussian_laplace.

    The gradient's length differs by no more than the length of the differences, and by its own roundings: three for
    the squares and sums, half of which reaches the root, and one for the root.
    """
    unit = 2.0**-24 if image.dtype.name in IN_FLOAT32 else 2.0**-53
    order = 2 if function is gaussian_laplace else 1
    total = 0.0
    for axis in range(len(sigmas)):
        gain = 1.0
        for other, width in enumerate(sigmas):
            kernel = _gaussian_kernel1d(width, order if other == axis else 0, int(truncate * width + 0.5))
            gain *= np.abs(kernel).sum()
        reach = max(int(truncate * width + 0.5) for width in sigmas)
        total += len(sigmas) * (reach + 6) * gain
    own = 1 if unit > 1e-10 else 3
    largest = max(np.abs(image.astype(float)).max(initial=0), abs(cval))
    return own * total * unit * largest * 1.001


def check(function, image, sigma, **arguments):
    oracle = getattr(scipy.ndimage, function.__name__)
    expected = oracle(image.astype(np.float64), sigma, **arguments)
    result = function(image, sigma, **arguments)
    assert result.dtype == (np.float64 if image.dtype == np.float64 else np.float32)
    assert result.shape == image.shape
    sigmas = list(sigma) if np.ndim(sigma) else [sigma] * image.ndim
    error = bound(function, image, sigmas, arguments.get("truncate", 4.0), arguments.get("cval", 0.0))
    rounding = 4 * np.finfo(result.dtype).eps * np.abs(expected)
    assert (np.abs(result - expected) <= error + rounding).all()


@both
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
def test_matches_scipy(function, dtype, shape):
    image = random_image(shape, dtype)
    for sigma in (0.4, 1, 2.3, (0.5, 3, 1.5)[: image.ndim]):
        check(function, image, sigma)


@both
@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_every_level_matches_scipy_around_vector_widths(isa, function, dtype):
    for width in WIDTHS:
        check(function, random_image((3, width), dtype, width), 1.5)
        check(function, random_image((2, 3, width), dtype, width), 0.7)
        check(function, random_image((width,), dtype, width), 1.1)


@both
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["int16", "float32", "float64"])
def test_borders_match_scipy(function, dtype, mode):
    for shape in ((6, 11, 9), (11, 9), (14,)):
        image = random_image(shape, dtype)
        for sigma in (1, 3, (6, 0.5, 2)[: len(shape)]):
            check(function, image, sigma, mode=mode, cval=-7.5)


@both
def test_a_mode_per_axis_matches_scipy(function):
    image = random_image((8, 9, 20), "float64")
    modes = ("wrap", "reflect", "mirror")
    terms = []
    for axis in range(3):
        order = [0] * 3
        order[axis] = 2 if function is gaussian_laplace else 1
        terms.append(scipy.ndimage.gaussian_filter(image, (1, 2, 0.7), order, mode=modes))
    expected = sum(terms) if function is gaussian_laplace else np.sqrt(sum(term**2 for term in terms))
    np.testing.assert_allclose(function(image, (1, 2, 0.7), mode=modes), expected, atol=1e-11)


@both
def test_truncate_and_radius_match_scipy(function):
    image = random_image((9, 30), "float64")
    check(function, image, 1.3, truncate=2.5)
    oracle = getattr(scipy.ndimage, function.__name__)
    np.testing.assert_allclose(function(image, 1.3, radius=2), oracle(image, 1.3, radius=2), atol=1e-11)


def test_laplacian_matches_the_polynomial():
    z, y, x = np.indices((35, 36, 50)).astype(float)
    inside = (slice(16, -16),) * 3
    result = gaussian_laplace(3 * x**2 - 2 * y**2 + z * x, 2, radius=16)
    np.testing.assert_allclose(result[inside], 2.0, rtol=1e-9)
    result = gaussian_gradient_magnitude(3 * x - 2 * y + 6 * z, 2, radius=16)
    np.testing.assert_allclose(result[inside], 7.0, rtol=1e-9)


def test_derivatives_are_per_millimetre():
    """A ramp and a parabola in millimetres, on voxels that are not cubes."""
    spacing = (3.0, 0.8, 0.5)
    z, y, x = (size * index for size, index in zip(spacing, np.indices((24, 76, 118)), strict=True))
    inside = (slice(9, -9), slice(35, -35), slice(56, -56))
    arguments = {"spacing": spacing, "unit": "mm", "truncate": 7}
    result = gaussian_gradient_magnitude(3 * x - 2 * y + 6 * z, 4, **arguments)
    np.testing.assert_allclose(result[inside], 7.0, rtol=1e-6)
    result = gaussian_laplace(3 * x**2 - 2 * y**2 + z**2, 4, **arguments)
    np.testing.assert_allclose(result[inside], 4.0, rtol=1e-6)


@both
def test_volume_supplies_its_spacing(function):
    image = random_image((9, 15, 16), "int16")
    volume = pytest.importorskip("cormack.volume").Volume(image, spacing=(3, 1, 0.5))
    result = function(volume, 2, unit="mm")
    assert type(result) is type(volume)
    assert result.spacing == volume.spacing
    np.testing.assert_array_equal(result.array, function(image, 2, unit="mm", spacing=(3, 1, 0.5)))
    np.testing.assert_array_equal(function(volume, 2).array, function(image, 2))


@both
@pytest.mark.parametrize("axes", [(0,), (1, 3), (-1, 0, 2), 2, (3, 1, 2)], ids=str)
def test_axes_match_slices(function, axes):
    image = random_image((5, 6, 7, 18), "float64")
    listed = [axis % 4 for axis in np.atleast_1d(axes)]
    sigma = (1, 2, 0.6)[: len(listed)]
    result = function(image, sigma, axes=axes)
    others = [axis for axis in range(4) if axis not in listed]
    moved, found = image.transpose(others + listed), result.transpose(others + listed)
    oracle = getattr(scipy.ndimage, function.__name__)
    for index in np.ndindex(moved.shape[: len(others)]):
        np.testing.assert_allclose(found[index], oracle(moved[index], sigma), atol=1e-11)


@both
@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_and_infinities_reach_what_their_window_holds(function, dtype):
    image = random_image((20, 21, 40), dtype)
    clean = function(image, 1)
    image[10, 3, 20], image[15, 18, 30] = np.nan, np.inf
    with np.errstate(invalid="ignore"):
        result = function(image, 1)
    reach = scipy.ndimage.maximum_filter(~np.isfinite(image), 9)
    # A weight of 0, in the middle of a first derivative, makes NaN of infinity as it does in SciPy.
    np.testing.assert_array_equal(np.isfinite(result), ~reach)
    np.testing.assert_array_equal(result[~reach], clean[~reach])


VIEWS = {
    "reversed": lambda a: a[::-1, ::-1, ::-1],
    "transposed": lambda a: a.transpose(2, 0, 1),
    "Fortran": np.asfortranarray,
    "sliced": lambda a: a[1:, ::2, 3::3],
    "broadcast": lambda a: np.broadcast_to(a[0], (5, *a.shape[1:])),
    "broadcast along x": lambda a: np.broadcast_to(a[:, :, :1], a.shape),
    "big endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
}


@both
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64"])
def test_strides_do_not_matter(function, view, dtype):
    image = VIEWS[view](random_image((8, 21, 40), dtype))
    plain = np.ascontiguousarray(image.astype(dtype))
    for axes in (None, (0, 1), 2, (2, 0)):
        expected = function(plain, 1, axes=axes)
        assert function(image, 1, axes=axes).tobytes() == expected.tobytes()
        output = np.zeros((image.shape[1], image.shape[2], image.shape[0]), expected.dtype)[::-1].transpose(2, 0, 1)
        assert function(image, 1, axes=axes, output=output) is output
        assert output.tobytes() == expected.tobytes()


@both
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("axes", [None, (1, 2), 2], ids=str)
def test_bits_do_not_depend_on_threads_or_level(function, dtype, axes):
    image = random_image((30, 50, 129), dtype)
    before = _cormack_cpu.isa()
    results = set()
    try:
        for level in _cormack_cpu.available_isas():
            _cormack_cpu.use_isa(level)
            results.update(function(image, 1.5, axes=axes, workers=workers).tobytes() for workers in (1, 2, 3))
    finally:
        _cormack_cpu.use_isa(before)
    assert len(results) == 1


@both
def test_output_is_float32_or_float64(function):
    image = random_image((9, 31), "int16")
    np.testing.assert_array_equal(function(image, 1, np.float64), function(image.astype(float), 1))
    output = np.empty((9, 31), np.float32)
    assert function(image, 1, output) is output
    np.testing.assert_array_equal(output, function(image, 1))
    same = image.astype(np.float32)
    assert function(same, 1, same) is same
    np.testing.assert_allclose(same, output, atol=0.1)
    with pytest.raises(TypeError, match="`output` must have the dtype float32 or float64, got int16"):
        function(image, 1, np.int16)
    with pytest.raises(TypeError, match="`output` must have the dtype float64, got float32"):
        function(image.astype(float), 1, np.float32)


@both
@pytest.mark.parametrize("shape", [(0,), (0, 4), (3, 0), (2, 0, 5), (2, 3, 0)], ids=str)
def test_empty_images_stay_empty(function, shape):
    result = function(np.empty(shape, np.int16), 3)
    assert result.shape == shape
    assert result.dtype == np.float32


@st.composite
def calls(draw):
    ndim = draw(st.integers(1, 3))
    shape = tuple(draw(st.integers(1, 40 if axis == ndim - 1 else 12)) for axis in range(ndim))
    image = random_image(shape, draw(st.sampled_from(INTEGERS + FLOATS)), draw(st.integers(0, 99)))
    sigma = [draw(st.sampled_from([0.3, 0.5, 1, 1.7, 4])) for _ in shape]
    arguments = {
        "mode": draw(st.sampled_from(MODES)),
        "cval": draw(st.sampled_from([0, -3, 100.25])),
        "truncate": draw(st.sampled_from([1, 3, 4.0])),
    }
    return draw(st.sampled_from([gaussian_laplace, gaussian_gradient_magnitude])), image, sigma, arguments


@settings(deadline=None, max_examples=150)
@given(calls())
def test_random_calls_match_scipy(call):
    function, image, sigma, arguments = call
    check(function, image, sigma, **arguments)


@both
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"sigma": 0}, ValueError, "`sigma` must be above 0 (`axes` leaves axes out), got 0"),
        ({"sigma": -1}, ValueError, "`sigma` must be at least 0, got -1"),
        ({"sigma": 1e308}, ValueError, "`sigma` must reach less than 16777216 voxels, got 1e+308"),
        ({"sigma": (1, 1, 1)}, ValueError, "`sigma` must be one value or one for each of 2 axes"),
        ({"mode": "mirrored"}, ValueError, "`mode` must be one of 'reflect', "),
        ({"truncate": -1}, ValueError, "`truncate` must be at least 0, got -1"),
        ({"radius": 1.5}, TypeError, "`radius` must be an int, got 1.5"),
        ({"cval": np.inf}, ValueError, "`cval` must be finite, got inf"),
        ({"axes": (0, 0)}, ValueError, "`axes` must name each axis once, got (0, 0)"),
        ({"unit": "mm"}, ValueError, '`spacing` must be given for unit="mm"'),
        ({"spacing": 1}, ValueError, "`unit` must be 'mm' where `spacing` is given, got 'voxel'"),
        ({"workers": 0}, ValueError, "`workers` must be at least 1, got 0"),
    ],
    ids=str,
)
def test_wrong_arguments_are_named(function, arguments, error, message):
    with pytest.raises(error) as caught:
        function(np.zeros((4, 5), np.int16), **{"sigma": 1, **arguments})
    assert str(caught.value).startswith(f"{function.__name__}: {message}")


def test_derivatives_match_those_of_gaussian_filter():
    image = random_image((9, 20, 21), "float64")
    terms = [gaussian_filter(image, 1.2, order) for order in ((2, 0, 0), (0, 2, 0), (0, 0, 2))]
    np.testing.assert_allclose(gaussian_laplace(image, 1.2), sum(terms), atol=1e-11)
