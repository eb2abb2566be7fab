"""gaussian_filter: SciPy's float64 result within the documented bound, rounded once; strides, threads, levels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage._filters import _gaussian_kernel1d

from cormack import _cormack_cpu
from cormack.filters import gaussian_filter

INTEGERS = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32"]
FLOATS = ["float32", "float64"]
IN_FLOAT32 = ["bool", "uint8", "int8", "uint16", "int16", "float32"]
MODES = ["reflect", "constant", "nearest", "mirror", "wrap"]
WIDTHS = [1, 2, 7, 15, 16, 17, 31, 33, 63, 64, 65, 129]
SHAPES = [(1, 1), (1, 7), (5, 17), (9, 33), (40, 65), (1, 1, 1), (3, 1, 9), (2, 5, 31), (7, 6, 64), (5, 40, 33)]


def random_image(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    return (rng.standard_normal(shape) * 100).astype(dtype)


def per_axis(value, count):
    return list(value) if np.ndim(value) else [value] * count


def bound(image, arguments):
    """Return how far a result may be from the exact one, before it is rounded to an integer.

    With u the rounding unit, a pass makes an error of u for the rounded weights, for sums of pairs, for products and
    for the value beyond the border, relative to the sum of the weights' magnitudes, and u times every partial sum.
    Partial sums grow from the outermost pair inwards: for a Gaussian they are the tails of the kernel, which add up to
    1 plus the mean magnitude of an offset, 0.8 sigma. For derivatives every partial sum is taken as the whole one.
    """
    count = np.size(arguments["axes"]) if arguments.get("axes") is not None else image.ndim
    sigmas, orders = per_axis(arguments["sigma"], count), per_axis(arguments.get("order", 0), count)
    unit = 2.0**-24 if image.dtype.name in IN_FLOAT32 else 2.0**-53
    gain, steps = 1.0, 0.0
    for sigma, order in zip(sigmas, orders, strict=True):
        if sigma > 0:
            radius = int(arguments.get("truncate", 4.0) * sigma + 0.5)
            gain *= max(1.0, np.abs(_gaussian_kernel1d(sigma, order, radius)).sum())
            steps += sigma + 5 if order == 0 else radius + 6
    # In float64 SciPy's own error is of the same size.
    own = 1 if unit > 1e-10 else 3
    largest = max(np.abs(image.astype(float)).max(initial=0), abs(arguments.get("cval", 0.0)))
    return own * steps * unit * gain * largest * 1.001


def assert_matches_scipy(result, image, **arguments):
    expected = scipy.ndimage.gaussian_filter(image.astype(np.float64), **arguments)
    assert result.dtype == image.dtype
    assert result.shape == image.shape
    error = bound(image, arguments)
    if image.dtype.kind == "f":
        # The last addition is the rounding to the output's type.
        assert (np.abs(result - expected) <= error).all()
        return
    limits = np.iinfo(image.dtype) if image.dtype != bool else None
    low, high = (limits.min, limits.max) if limits else (0, 1)
    clipped = np.clip(expected, low, high)
    assert (np.abs(result.astype(float) - clipped) <= 0.5 + error).all()
    # Away from halves there is only one right answer.
    certain = np.abs(np.abs(clipped - np.floor(clipped)) - 0.5) > error
    np.testing.assert_array_equal(result[certain], np.rint(clipped[certain]).astype(image.dtype))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
def test_matches_scipy(dtype, shape):
    image = random_image(shape, dtype)
    for sigma in (0.4, 1, 2.3, (0.5, 0, 1.5)[: image.ndim], (0, 3, 0)[: image.ndim]):
        assert_matches_scipy(gaussian_filter(image, sigma), image, sigma=sigma)


def test_error_bound_of_common_use_is_small():
    """CT in int16, sigma 1: the float32 engine decides roundings as float64 does, but for one in a thousand."""
    image = np.random.default_rng(0).integers(-1024, 3072, (40, 64, 65)).astype(np.int16)
    exact = np.rint(scipy.ndimage.gaussian_filter(image, 1, output=np.float64))
    different = gaussian_filter(image, 1) != exact
    assert different.mean() < 1e-3
    assert np.abs(gaussian_filter(image, 1) - exact).max() <= 1


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_every_level_matches_scipy_around_vector_widths(isa, dtype):
    for width, order in itertools.product(WIDTHS, (0, 1)):
        image = random_image((3, width), dtype, width)
        assert_matches_scipy(gaussian_filter(image, 1.5, order), image, sigma=1.5, order=order)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_borders_match_scipy(dtype, mode):
    image = random_image((6, 11, 9), dtype)
    for sigma in (1, 3, (6, 0.5, 2)):
        arguments = {"sigma": sigma, "mode": mode, "cval": -7.5}
        assert_matches_scipy(gaussian_filter(image, **arguments), image, **arguments)


@pytest.mark.parametrize("modes", [("wrap", "constant", "mirror"), ("constant", "reflect", "nearest")], ids=str)
def test_a_mode_per_axis_matches_scipy(modes):
    image = random_image((8, 9, 20), "float32")
    arguments = {"sigma": (1, 2, 0.7), "mode": modes, "cval": 300}
    assert_matches_scipy(gaussian_filter(image, **arguments), image, **arguments)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("order", [1, 2, 3, 5, (1, 0, 2), (0, 1, 0), (2, 3, 1)], ids=str)
def test_derivatives_match_scipy(order, mode):
    for dtype in ("int16", "float32", "float64"):
        image = random_image((7, 12, 19), dtype)
        arguments = {"sigma": (1, 1.4, 2), "order": order, "mode": mode, "cval": 5}
        assert_matches_scipy(gaussian_filter(image, **arguments), image, **arguments)


def test_derivatives_match_the_polynomial():
    """Sampled Gaussians wider than a pixel derive 3 x^2 - 2 y + z x without error."""
    z, y, x = np.indices((35, 36, 50)).astype(float)
    image = 3 * x**2 - 2 * y + z * x
    inside = (slice(16, -16),) * 3
    for order, expected in (
        ((0, 0, 1), 6 * x + z),
        ((0, 1, 0), -2 + 0 * x),
        ((0, 0, 2), 6 + 0 * x),
        ((1, 0, 1), 1 + 0 * x),
    ):
        result = gaussian_filter(image, 2, order, radius=16)
        np.testing.assert_allclose(result[inside], expected[inside], rtol=1e-9, atol=1e-9)


def test_negative_derivatives_saturate_in_unsigned_types():
    image = np.arange(200, 0, -10, dtype=np.uint8)[np.newaxis]
    assert not gaussian_filter(image, 1, (0, 1)).any()
    assert (gaussian_filter(image, 1, (0, 1), np.float32)[:, 5:-5] < -9).all()


def test_bool_stays_bool():
    image = random_image((20, 33), "bool")
    for order in (0, 1, 2):
        result = gaussian_filter(image, 0.3, order, mode="constant", cval=100)
        assert set(np.unique(result.view(np.uint8))) <= {0, 1}


@pytest.mark.parametrize("arguments", [{"truncate": 2}, {"truncate": 0}, {"truncate": 7.3}], ids=str)
def test_truncate_matches_scipy(arguments):
    image = random_image((9, 30), "float32")
    assert_matches_scipy(gaussian_filter(image, 1.3, **arguments), image, sigma=1.3, **arguments)


@pytest.mark.parametrize("radius", [0, 1, 9, (2, 5)], ids=str)
@pytest.mark.parametrize("order", [0, 1])
def test_radius_matches_scipy(radius, order):
    image = random_image((9, 30), "float64")
    result = gaussian_filter(image, 1.3, order, radius=radius)
    expected = scipy.ndimage.gaussian_filter(image, 1.3, order, radius=radius)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-11)


def test_wide_kernels_match_scipy():
    image = random_image((30, 41, 50), "int16")
    for sigma in (11, (20, 1, 1), (1, 20, 0)):
        assert_matches_scipy(gaussian_filter(image, sigma), image, sigma=sigma)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sigma", [3, 8.3, 60, 1000])
def test_kernels_longer_than_the_axis_match_scipy(sigma, mode):
    for dtype, order in (("float64", 0), ("float64", 1), ("float64", 2), ("float32", 0), ("int16", 0)):
        for shape in ((1, 2), (5, 1), (4, 3), (7, 8)):
            image = random_image(shape, dtype)
            arguments = {"sigma": sigma, "order": order, "mode": mode, "cval": 12.5}
            assert_matches_scipy(gaussian_filter(image, **arguments), image, **arguments)


LONG = (66, 70, 75)


@pytest.mark.host
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("sigma", [8, 11.7, 25, 140, (9, 0, 30), (0, 40, 8)], ids=str)
def test_recursion_stays_within_its_tolerance(dtype, mode, sigma):
    image = random_image(LONG, dtype)
    # Values that differ along the whole image, beside noise, bring out what borders do.
    image[:, :35] = image.max() if dtype == "uint8" else image.max() // 2
    low, high = min(image.min(), 0), max(image.max(), 100)
    arguments = {"mode": mode, "cval": 100.0}
    exact = gaussian_filter(image.astype(float), sigma, **arguments)
    for tolerance in (3e-4, 2e-3):
        result = gaussian_filter(image, sigma, tolerance=tolerance, **arguments)
        rounding = 0.5 if image.dtype.kind in "iu" else 0
        error = tolerance * (float(high) - float(low)) + rounding + bound(image, {"sigma": sigma, **arguments})
        assert np.abs(result - exact).max() <= error
    if dtype == "float64":
        # It was taken, and is far better than promised: most of the bound is the kernel's truncation.
        assert not np.array_equal(result, exact)
        assert np.abs(result - exact).max() <= 2e-4 * (high - low)


@pytest.mark.host
@pytest.mark.parametrize("mode", MODES)
def test_recursion_matches_an_untruncated_kernel(mode):
    line = random_image((1, 200), "float64")
    line[:, :60] += 300
    for sigma in (8, 33, 150, 700):
        result = gaussian_filter(line, (0, sigma), mode=mode, cval=50, tolerance=1e-3)
        expected = gaussian_filter(line, (0, sigma), mode=mode, cval=50, truncate=9)
        assert 0 < np.abs(result - expected).max() <= 1e-5 * np.ptp(line)


@pytest.mark.parametrize(
    "arguments",
    [
        {"sigma": 12, "tolerance": 1e-5},
        {"sigma": 12, "tolerance": 1e-2, "order": (0, 1, 0)},
        {"sigma": 12, "tolerance": 3e-3, "truncate": 2},
        {"sigma": 2, "tolerance": 1e-2},
        {"sigma": 1e5, "tolerance": 1e-3},
    ],
    ids=str,
)
def test_without_room_in_the_tolerance_the_kernel_is_taken(arguments):
    image = random_image(LONG, "float32")
    exact = gaussian_filter(image, **{**arguments, "tolerance": 0})
    assert gaussian_filter(image, **arguments).tobytes() == exact.tobytes()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_bits_of_the_recursion_do_not_depend_on_threads_level_or_strides(dtype):
    image = random_image(LONG, dtype)
    before = _cormack_cpu.isa()
    results = set()
    try:
        for level in _cormack_cpu.available_isas():
            _cormack_cpu.use_isa(level)
            for workers in (1, 2, 3):
                results.add(gaussian_filter(image, 9, tolerance=1e-2, workers=workers).tobytes())
    finally:
        _cormack_cpu.use_isa(before)
    output = np.zeros(LONG[::-1], dtype).T[::-1]
    gaussian_filter(np.asfortranarray(image), 9, output=output, tolerance=1e-2)
    results.add(output.tobytes())
    assert len(results) == 1


def test_recursion_writes_floats_from_integers_and_in_place():
    image = random_image(LONG, "int16")
    expected = gaussian_filter(image.astype(np.float32), 9, tolerance=1e-2)
    np.testing.assert_array_equal(gaussian_filter(image, 9, output=np.float32, tolerance=1e-2), expected)
    floating = image.astype(np.float32)
    gaussian_filter(floating, 9, output=floating, tolerance=1e-2)
    np.testing.assert_array_equal(floating, expected)


def test_recursion_keeps_constant_images_and_bool():
    for dtype, value in (("uint8", 255), ("int16", -32768), ("uint16", 65535), ("int32", 2**31 - 1)):
        image = np.full(LONG, value, dtype)
        np.testing.assert_array_equal(gaussian_filter(image, 10, tolerance=1e-2), image)
    result = gaussian_filter(random_image(LONG, "bool"), 10, mode="constant", cval=100, tolerance=1e-2)
    assert set(np.unique(result.view(np.uint8))) <= {0, 1}


def test_constant_images_stay_constant():
    for dtype, value in (
        ("uint8", 255),
        ("int16", -32768),
        ("uint16", 65535),
        ("int32", 2**31 - 1),
        ("uint32", 2**32 - 1),
    ):
        image = np.full((9, 20, 35), value, dtype)
        np.testing.assert_array_equal(gaussian_filter(image, (0.6, 1, 4)), image)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("order", [0, 1])
def test_nan_and_infinities_match_scipy(dtype, order):
    image = random_image((20, 21, 40), dtype)
    clean = gaussian_filter(image, 1, order)
    image[10, 3, 20], image[4, 15, 5], image[15, 18, 30] = np.nan, np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        expected = scipy.ndimage.gaussian_filter(image.astype(float), 1, order)
    result = gaussian_filter(image, 1, order)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(expected))
    np.testing.assert_array_equal(np.isposinf(result), np.isposinf(expected))
    np.testing.assert_array_equal(np.isneginf(result), np.isneginf(expected))
    finite = np.isfinite(result)
    np.testing.assert_array_equal(result[finite], clean[finite])


def test_cval_may_be_nan_for_floats():
    image = random_image((19, 19), "float32")
    result = gaussian_filter(image, 1, mode="constant", cval=np.nan)
    assert np.isnan(result).sum() == 19 * 19 - 11 * 11
    np.testing.assert_array_equal(result[4:-4, 4:-4], gaussian_filter(image, 1)[4:-4, 4:-4])


def test_millimetres_are_divided_by_the_spacing():
    image = random_image((12, 20, 21), "float32")
    expected = gaussian_filter(image, (2 / 3, 2 / 0.8, 4 / 0.8))
    sigma, spacing = (2, 2, 4), (3, 0.8, 0.8)
    result = gaussian_filter(image, sigma, spacing=spacing, unit="mm")
    np.testing.assert_array_equal(result, expected)
    # spacing is that of the array, sigma that of the filtered axes.
    result = gaussian_filter(image, (4, 2), axes=(2, 0), spacing=spacing, unit="mm")
    np.testing.assert_array_equal(result, gaussian_filter(image, (2 / 3, 0, 4 / 0.8)))
    np.testing.assert_array_equal(gaussian_filter(image, 2, spacing=2, unit="mm"), gaussian_filter(image, 1))


def test_volume_supplies_its_spacing():
    volume = pytest.importorskip("cormack.volume").Volume(random_image((4, 15, 16), "int16"), spacing=(3, 1, 0.5))
    result = gaussian_filter(volume, 1.5, unit="mm")
    assert type(result) is type(volume)
    assert result.spacing == volume.spacing
    np.testing.assert_array_equal(result.array, gaussian_filter(volume.array, (0.5, 1.5, 3)))
    np.testing.assert_array_equal(gaussian_filter(volume, 1).array, gaussian_filter(volume.array, 1))
    result = gaussian_filter(volume, 1.5, unit="mm", spacing=1.5)
    np.testing.assert_array_equal(result.array, gaussian_filter(volume.array, 1))


VIEWS = {
    "reversed": lambda a: a[::-1, ::-1, ::-1],
    "transposed": lambda a: a.transpose(2, 0, 1),
    "Fortran": np.asfortranarray,
    "sliced": lambda a: a[1:, ::2, 3::3],
    "rows sliced": lambda a: a[::2, ::3],
    "broadcast": lambda a: np.broadcast_to(a[0], (5, *a.shape[1:])),
    "broadcast along x": lambda a: np.broadcast_to(a[:, :, :1], a.shape),
    "big endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "unaligned": lambda a: np.frombuffer(b"x" + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_strides_do_not_matter(view, dtype):
    image = VIEWS[view](random_image((8, 21, 40), dtype))
    plain = np.ascontiguousarray(image.astype(dtype))
    for sigma in (1, (0, 2, 1), (1, 0, 0)):
        expected = gaussian_filter(plain, sigma).tobytes()
        assert gaussian_filter(image, sigma).tobytes() == expected
        output = VIEWS["transposed"](np.zeros((image.shape[1], image.shape[2], image.shape[0]), dtype)[::-1])
        assert output.shape == image.shape
        assert gaussian_filter(image, sigma, output=output) is output
        assert output.tobytes() == expected


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("sigma", [1, (5, 2, 0.5), (0, 3, 1), (2, 0, 0)], ids=str)
def test_bits_do_not_depend_on_threads_or_level(dtype, sigma):
    image = random_image((30, 90, 129), dtype)
    before = _cormack_cpu.isa()
    results = set()
    try:
        for level in _cormack_cpu.available_isas():
            _cormack_cpu.use_isa(level)
            for order in (0, 1):
                results.update(
                    (order, gaussian_filter(image, sigma, order, workers=workers).tobytes()) for workers in (1, 2, 3)
                )
    finally:
        _cormack_cpu.use_isa(before)
    assert len(results) == 2


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_output_may_be_the_input(dtype):
    image = random_image((12, 30, 33), dtype)
    expected = gaussian_filter(image, 1.5)
    assert gaussian_filter(image, 1.5, output=image) is image
    np.testing.assert_array_equal(image, expected)


def test_output_may_be_a_field_of_records():
    records = np.zeros((8, 9), np.dtype([("flag", "u1"), ("value", "<f4")]))
    image = random_image((8, 9), "float32")
    gaussian_filter(image, 1, output=records["value"])
    np.testing.assert_array_equal(records["value"], gaussian_filter(image, 1))
    assert not records["flag"].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_output_dtype_converts_the_input(dtype):
    image = random_image((9, 31), "int16")
    np.testing.assert_array_equal(gaussian_filter(image, 1, output=dtype), gaussian_filter(image.astype(dtype), 1))


@pytest.mark.parametrize("axes", [(0,), (1, 3), (-1, 0, 2), 2], ids=str)
def test_axes_match_scipy(axes):
    image = random_image((5, 6, 7, 18), "float32")
    count = np.size(axes)
    arguments = {
        "sigma": (1, 2, 0.6)[:count],
        "order": (0, 1, 0)[:count],
        "mode": ("wrap", "nearest", "mirror")[:count],
    }
    result = gaussian_filter(image, axes=axes, **arguments)
    assert_matches_scipy(result, image, axes=axes if isinstance(axes, tuple) else (axes,), **arguments)


def test_one_dimension_matches_scipy():
    image = random_image(77, "float32")
    for sigma in (1, 6):
        assert_matches_scipy(gaussian_filter(image, sigma), image, sigma=sigma)


@pytest.mark.parametrize("shape", [(0,), (0, 4), (3, 0), (2, 0, 5), (2, 3, 0), (0, 0, 0)], ids=str)
def test_empty_images_stay_empty(shape):
    assert gaussian_filter(np.empty(shape, np.int16), 3).shape == shape


def test_sigma_zero_copies():
    image = random_image((4, 5), "float32")
    image[0, 0] = -0.0
    result = gaussian_filter(image, 0, 1)
    assert result is not image
    assert result.tobytes() == image.tobytes()


@st.composite
def calls(draw):
    ndim = draw(st.integers(1, 4))
    shape = tuple(draw(st.integers(1, 40 if axis == ndim - 1 else 12)) for axis in range(ndim))
    dtype = draw(st.sampled_from(INTEGERS + FLOATS))
    axes = tuple(draw(st.permutations(range(ndim)))[: draw(st.integers(1, min(3, ndim)))])
    arguments = {
        "sigma": [draw(st.sampled_from([0, 0.3, 0.5, 1, 1.7, 4])) for _ in axes],
        "mode": [draw(st.sampled_from(MODES)) for _ in axes],
        "cval": draw(st.sampled_from([0, -3, 100.25])),
        "truncate": draw(st.sampled_from([1, 3, 4.0])),
        "axes": axes,
    }
    # With derivatives, the order of the axes decides what lies beyond the border in "constant" mode.
    if "constant" not in arguments["mode"] or arguments["cval"] == 0:
        arguments["order"] = [draw(st.integers(0, 3)) for _ in axes]
    return random_image(shape, dtype, draw(st.integers(0, 99))), arguments


@settings(deadline=None, max_examples=150)
@given(calls())
def test_random_calls_match_scipy(call):
    image, arguments = call
    assert_matches_scipy(gaussian_filter(image, **arguments), image, **arguments)


IMAGE = np.zeros((4, 5), np.int16)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"sigma": -1}, ValueError, "gaussian_filter: `sigma` must be at least 0, got -1"),
        ({"sigma": np.inf}, ValueError, "gaussian_filter: `sigma` must be finite, got inf"),
        ({"sigma": 1e308}, ValueError, "gaussian_filter: `sigma` must reach less than 16777216 voxels, got 1e+308"),
        ({"radius": 2**40}, ValueError, "gaussian_filter: `radius` must be at most 16777216, got 1099511627776"),
        ({"order": 21}, ValueError, "gaussian_filter: `order` must be at most 20, got 21"),
        ({"sigma": "1"}, TypeError, "gaussian_filter: `sigma` must be a number, got '1'"),
        ({"sigma": (1, 1, 1)}, ValueError, "gaussian_filter: `sigma` must be one value or one for each of 2 axes"),
        ({"order": -1}, ValueError, "gaussian_filter: `order` must be at least 0, got -1"),
        ({"order": 0.5}, TypeError, "gaussian_filter: `order` must be an int, got 0.5"),
        ({"mode": "mirrored"}, ValueError, "gaussian_filter: `mode` must be one of 'reflect', "),
        ({"truncate": -1}, ValueError, "gaussian_filter: `truncate` must be at least 0, got -1"),
        ({"tolerance": -1}, ValueError, "gaussian_filter: `tolerance` must be at least 0, got -1"),
        ({"tolerance": np.nan}, ValueError, "gaussian_filter: `tolerance` must be finite, got nan"),
        ({"radius": -1}, ValueError, "gaussian_filter: `radius` must be at least 0, got -1"),
        ({"radius": 1.5}, TypeError, "gaussian_filter: `radius` must be an int, got 1.5"),
        ({"cval": np.inf}, ValueError, "gaussian_filter: `cval` must be finite, got inf"),
        ({"axes": (0, 0)}, ValueError, "gaussian_filter: `axes` must name each axis once, got (0, 0)"),
        ({"unit": "cm"}, ValueError, "gaussian_filter: `unit` must be one of 'voxel', 'mm', got 'cm'"),
        ({"unit": "mm"}, ValueError, 'gaussian_filter: `spacing` must be given for unit="mm"'),
        ({"spacing": 1}, ValueError, "gaussian_filter: `unit` must be 'mm' where `spacing` is given, got 'voxel'"),
        ({"unit": "mm", "spacing": 0}, ValueError, "gaussian_filter: `spacing` must be above 0, got 0"),
        ({"workers": 0}, ValueError, "gaussian_filter: `workers` must be at least 1, got 0"),
        ({"output": np.zeros((5, 4), np.int16)}, ValueError, "gaussian_filter: `output` must have shape (4, 5)"),
        ({"output": np.uint8}, TypeError, "gaussian_filter: `output` must have the input's dtype int16, float32 or"),
    ],
    ids=str,
)
def test_wrong_arguments_are_named(arguments, error, message):
    with pytest.raises(error) as caught:
        gaussian_filter(IMAGE, **{"sigma": 1, **arguments})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("dtype", ["int64", "float16", "complex64", "object"])
def test_unsupported_dtypes_are_named(dtype):
    with pytest.raises(TypeError, match="gaussian_filter: `input` must have one of the dtypes bool, uint8"):
        gaussian_filter(np.zeros((3, 3), dtype), 1)
