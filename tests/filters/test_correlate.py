"""correlate, convolve, correlate1d, convolve1d: SciPy's float64 result within the documented bound, rounded once."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from cormack import _cormack_cpu
from cormack.filters import _fft, convolve, convolve1d, correlate, correlate1d
from cormack.filters._kernels import factors_of

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


def random_weights(shape, seed=0):
    weights = np.random.default_rng(seed).standard_normal(shape)
    return weights / np.abs(weights).sum()


def assert_close(result, expected, image, weights, cval=0.0):
    """Assert the bound of correlate's docstring; `expected` is SciPy's, in float64."""
    assert result.dtype == image.dtype
    assert result.shape == image.shape
    weights = np.asarray(weights, float)
    unit = 2.0**-24 if image.dtype.name in IN_FLOAT32 else 2.0**-53
    steps = sum(extent / 16 + 24 for extent in weights.shape) + weights.size / 16
    if unit < 1e-10:
        # SciPy's own error: it adds up one product after the other.
        steps += weights.size + 2
    largest = max(np.abs(image.astype(float)).max(initial=0), abs(cval))
    error = np.abs(weights).sum() * largest * (steps * unit + 1e-12)
    if image.dtype.kind == "f":
        rounding = np.abs(expected) * 2.0**-24 if image.dtype == np.float32 else 0
        assert (np.abs(result - expected) <= error + rounding).all()
        return
    low, high = (0, 1) if image.dtype == bool else (np.iinfo(image.dtype).min, np.iinfo(image.dtype).max)
    clipped = np.clip(expected, low, high)
    assert (np.abs(result.astype(float) - clipped) <= 0.5 + error).all()
    # Away from halves there is only one right answer.
    certain = np.abs(np.abs(clipped - np.floor(clipped)) - 0.5) > error
    np.testing.assert_array_equal(result[certain], np.rint(clipped[certain]).astype(image.dtype))


def check(function, image, weights, **arguments):
    result = function(image, weights, **arguments)
    oracle = getattr(scipy.ndimage, function.__name__)
    expected = oracle(image.astype(np.float64), weights, output=np.float64, **arguments)
    assert_close(result, expected, image, weights, arguments.get("cval", 0.0))


def product(*lines):
    result = np.ones(())
    for axis, line in enumerate(lines):
        result = result * np.reshape(line, [-1 if a == axis else 1 for a in range(len(lines))])
    return result


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
def test_matches_scipy(dtype, shape):
    image = random_image(shape, dtype)
    for extents in ((3,) * len(shape), (1, 2, 5)[: len(shape)], (4, 1, 3)[: len(shape)]):
        check(correlate, image, random_weights(extents))
        check(convolve, image, random_weights(extents))
    lines = [random_weights(extent, extent) for extent in (3, 6, 5)[: len(shape)]]
    check(correlate, image, product(*lines))
    for axis in range(len(shape)):
        check(correlate1d, image, random_weights(5), axis=axis)
        check(convolve1d, image, random_weights(4), axis=axis)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_every_level_matches_scipy_around_vector_widths(isa, dtype):
    for width in WIDTHS:
        image = random_image((3, width), dtype, width)
        check(correlate, image, random_weights((3, 3)))
        check(correlate1d, image, random_weights(35))
        check(correlate1d, image, random_weights(3), axis=0)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_borders_match_scipy(dtype, mode):
    image = random_image((6, 11, 9), dtype)
    lines = [random_weights(extent, extent) for extent in (3, 4, 15)]
    for weights in (random_weights((5, 2, 13)), product(*lines), random_weights((13, 21, 3))):
        for function in (correlate, convolve):
            check(function, image, weights, mode=mode, cval=-7.5)
    for axis in range(3):
        check(correlate1d, image, random_weights(40), axis=axis, mode=mode, cval=300.25)


@pytest.mark.parametrize("modes", [("wrap", "constant", "mirror"), ("constant", "reflect", "nearest")], ids=str)
def test_a_mode_per_axis_matches_padding(modes):
    """SciPy has one mode for all axes: its result on an image that NumPy continued, cut out."""
    image = random_image((8, 9, 20), "float64")
    numpy_modes = {"reflect": "symmetric", "mirror": "reflect", "nearest": "edge", "wrap": "wrap", "constant": None}
    padded = image
    for axis, mode in enumerate(modes):
        width = [(2, 2) if a == axis else (0, 0) for a in range(3)]
        if mode == "constant":
            padded = np.pad(padded, width, constant_values=3.0)
        else:
            padded = np.pad(padded, width, numpy_modes[mode])
    # What stands beyond two borders at once depends on their order where one of them is constant.
    for weights in (random_weights((3, 1, 1)), random_weights((1, 5, 1)), random_weights((1, 1, 4))):
        expected = scipy.ndimage.correlate(padded, weights)[2:-2, 2:-2, 2:-2]
        np.testing.assert_allclose(correlate(image, weights, mode=modes, cval=3.0), expected, atol=1e-12)


@pytest.mark.parametrize("extent", [3, 4, 7])
def test_origins_match_scipy(extent):
    image = random_image((9, 14, 21), "float64")
    for origin in range(-(extent // 2), (extent - 1) // 2 + 1):
        for function in (correlate, convolve):
            check(function, image, random_weights((extent, 2, extent)), origin=(origin, -1, 0), mode="wrap")
            check(function, image, product([1, 2, 1], random_weights(extent), [1.0, 3]), origin=(1, origin, 0))
        for function in (correlate1d, convolve1d):
            check(function, image, random_weights(extent), axis=1, origin=origin)


@pytest.mark.parametrize("axes", [(0,), (1, 3), (0, 1, 2), (-1, 0), 2], ids=str)
def test_axes_match_scipy(axes):
    image = random_image((5, 6, 7, 18), "float32")
    ordered = sorted(axis % 4 for axis in np.atleast_1d(axes))
    count = len(ordered)
    for weights in (random_weights((3, 4, 5)[:count]), product(*[random_weights(3, k) for k in range(count)])):
        # Weights follow the caller's axes; SciPy's always follow the array's.
        order = np.argsort([axis % 4 for axis in np.atleast_1d(axes)])
        expected = scipy.ndimage.correlate(image.astype(float), weights.transpose(order), axes=tuple(ordered))
        assert_close(correlate(image, weights, axes=axes), expected, image, weights)


def test_convolution_matches_scipy_in_one_dimension():
    for dtype in ("int16", "float64"):
        image = random_image(77, dtype)
        check(correlate, image, random_weights(6))
        np.testing.assert_array_equal(convolve(image, random_weights(6)), convolve1d(image, random_weights(6)))
        check(convolve1d, image, random_weights(6))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32"])
def test_integer_weights_are_exact(dtype):
    """Sums below 2**24 (2**53 for 32 bits) match those of int64, whichever way leads there."""
    image = random_image((7, 20, 33), dtype)
    rng = np.random.default_rng(1)
    limits = np.iinfo(dtype)
    for weights in (
        rng.integers(-3, 4, (3, 3, 3)),
        product([1, 2, 1], [1, 0, -1], [1, 2, 1]).astype(int),
        product([2, 6], [3, 9, 3], [1, 1]).astype(int),
        np.ones((5, 5, 5), int),
    ):
        assert np.abs(weights).sum() * max(-limits.min, limits.max) <= (2**24 if image.itemsize < 4 else 2**53)
        exact = scipy.ndimage.correlate(image.astype(np.int64), weights, output=np.int64)
        expected = np.clip(exact, limits.min, limits.max).astype(dtype)
        np.testing.assert_array_equal(correlate(image, weights), expected)


def test_integers_round_half_to_even_and_saturate():
    image = np.array([[1, 3, 5, 200, 255]], np.uint8)
    np.testing.assert_array_equal(correlate1d(image, [0.5]), [[0, 2, 2, 100, 128]])
    np.testing.assert_array_equal(correlate1d(image, [2]), [[2, 6, 10, 255, 255]])
    np.testing.assert_array_equal(correlate1d(image, [-1]), np.zeros((1, 5)))
    np.testing.assert_array_equal(correlate1d(image, [-1], output=np.float32), -image.astype(np.float32))
    assert set(np.unique(correlate1d(image > 2, [5.0]).view(np.uint8))) <= {0, 1}


LARGE = [((30, 41, 50), (13, 12, 11)), ((200, 130), (41, 38)), ((3, 90, 120), (1, 31, 30)), ((2, 3000), (1, 1500))]


@pytest.mark.parametrize(("shape", "extents"), LARGE, ids=str)
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int32", "float32", "float64"])
def test_large_windows_match_scipy(dtype, shape, extents):
    image = random_image(shape, dtype)
    weights = random_weights(extents)
    assert _fft.is_faster(shape, extents, weights.size)
    check(correlate, image, weights, mode="mirror")


@pytest.mark.parametrize("mode", MODES)
def test_transforms_in_many_blocks_match_direct_sums(mode, monkeypatch):
    image = random_image((20, 45, 60), "float64")
    monkeypatch.setattr(_fft, "_BLOCK", 1)
    for extents, left in (
        ((5, 7, 6), (2, 0, 5)),
        ((1, 9, 8), (0, 8, 3)),
        ((4, 1, 1), (3, 0, 0)),
        ((1, 1, 70), (0, 0, 9)),
    ):
        weights = random_weights(extents)
        border = [MODES.index(mode)] * 3
        direct, transformed = np.empty_like(image), np.empty_like(image)
        _cormack_cpu.correlate_window(image, direct, weights, left, border, 2.5)
        for workers in (1, 2):
            _fft.correlate(image, transformed, weights, left, border, 2.5, workers)
            np.testing.assert_allclose(transformed, direct, rtol=0, atol=1e-11)


def test_transforms_keep_nan_and_infinities_where_they_belong():
    image = random_image((30, 60, 70), "float32")
    weights = random_weights((11, 12, 13))
    clean = correlate(image, weights)
    image[10, 3, 20], image[4, 55, 5], image[25, 18, 60] = np.nan, np.inf, -np.inf
    assert _fft.is_faster(image.shape, weights.shape, weights.size)
    result = correlate(image, weights)
    with np.errstate(invalid="ignore"):
        reach = scipy.ndimage.maximum_filter(~np.isfinite(image), weights.shape)
    np.testing.assert_array_equal(np.isfinite(result), ~reach)
    np.testing.assert_allclose(result[~reach], clean[~reach], rtol=0, atol=400 * 2e-6)


@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_what_a_transform_cannot_hold_is_summed(dtype):
    image = random_image((60, 60), dtype)
    weights = np.abs(random_weights((41, 40)))
    assert _fft.is_faster(image.shape, weights.shape, weights.size)
    for factor, cval in ((1, 1e250), (1e290, 3.5)):
        expected = np.empty_like(image)
        _cormack_cpu.correlate_window(image, expected, factor * weights, (20, 20), (1, 1), cval)
        np.testing.assert_array_equal(correlate(image, factor * weights, mode="constant", cval=cval), expected)


def test_a_window_around_one_voxel_ends():
    """Blocks cannot be cut along axes of length 1, even where transforms are longer than a block should be."""
    weights = random_weights((1, 1024, 1024))
    result = correlate(np.full((1, 1, 1), 3.0), weights)
    np.testing.assert_allclose(result, 3 * weights.sum(), atol=1e-9 * np.abs(weights).sum())


@pytest.mark.filterwarnings("error")
def test_extreme_weights_are_no_product_of_kernels():
    weights = np.array([[1e308, -1e308], [1e308, 1e308]])
    assert factors_of(weights, 2.0**-50) is None
    image = np.array([[1e-308, 2e-308], [3e-308, 4e-308]])
    np.testing.assert_allclose(correlate(image, weights, origin=-1)[0, 0], 1 - 2 + 3 + 4)
    # Their sum is infinite, and zeros beyond the border stay zeros.
    result = correlate(np.full((2, 2), 1e-308), np.full((3, 3), 1e308), mode="constant")
    np.testing.assert_allclose(result, 4)


def test_transforms_need_little_memory():
    image = random_image((64, 128, 128), "int16")
    weights = random_weights((9, 15, 15))
    assert _fft.is_faster(image.shape, weights.shape, weights.size)
    output = np.empty_like(image)
    correlate(image, weights, output, workers=1)
    tracemalloc.start()
    correlate(image, weights, output, workers=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12e6


@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_and_infinities_match_scipy(dtype):
    image = random_image((20, 21, 40), dtype)
    weights = random_weights((3, 5, 3))
    clean = correlate(image, weights)
    image[10, 3, 20], image[4, 15, 5], image[15, 18, 30] = np.nan, np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        expected = scipy.ndimage.correlate(image.astype(float), weights)
    result = correlate(image, weights)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(expected))
    np.testing.assert_array_equal(np.isposinf(result), np.isposinf(expected))
    np.testing.assert_array_equal(np.isneginf(result), np.isneginf(expected))
    finite = np.isfinite(result)
    np.testing.assert_array_equal(result[finite], clean[finite])


def test_weights_of_zero_leave_nan_out():
    image = np.array([[1.0, np.nan, 3, 4, 5]])
    np.testing.assert_array_equal(correlate1d(image, [1, 0, 1])[0, 1], 4)
    np.testing.assert_array_equal(correlate(image, [[1, 0, 2]])[0, 1], 7)


def test_cval_may_be_nan_for_floats():
    image = random_image((19, 19), "float32")
    for weights in (random_weights((3, 5)), product([1, 1, 1], [1, 2, 1, 2, 1]), random_weights((19, 33))):
        result = correlate(image, weights, mode="constant", cval=np.nan)
        up, left = weights.shape[0] // 2, weights.shape[1] // 2
        inside = np.zeros(image.shape, bool)
        inside[up : 19 - up, left : 19 - left] = True
        np.testing.assert_array_equal(np.isnan(result), ~inside)


def test_products_of_kernels_are_found():
    lines = [random_weights(extent, extent) for extent in (3, 4, 5)]
    for weights in (product(*lines), product(*lines).astype(np.float32).astype(float)):
        factors = factors_of(weights, 2.0**-22)
        np.testing.assert_allclose(product(*factors), weights, rtol=2.0**-21)
    assert factors_of(product(*lines).astype(np.float32).astype(float), 2.0**-50) is None
    assert factors_of(product(*lines) + 1e-6, 2.0**-22) is None
    assert factors_of(random_weights((3, 3)), 2.0**-22) is None
    np.testing.assert_array_equal(product(*factors_of(np.zeros((3, 2)), 2.0**-50)), np.zeros((3, 2)))
    # A tiny weight where the product is 0 would count for NaN.
    almost = product([1.0, 0, 1], [1, 2, 1])
    almost[1, 1] = 1e-30
    assert factors_of(almost, 2.0**-22) is None
    # Integers, exactly or not at all.
    large = product([2.0**25, 1], [1, 2.0**25])
    large[0, 0] += 1
    assert factors_of(large, 2.0**-22) is None
    for factor in factors_of(product([3, 9, 3], [2, 6], [5, 1]), 2.0**-50):
        np.testing.assert_array_equal(factor, np.rint(factor))


VIEWS = {
    "reversed": lambda a: a[::-1, ::-1, ::-1],
    "transposed": lambda a: a.transpose(2, 0, 1),
    "Fortran": np.asfortranarray,
    "sliced": lambda a: a[1:, ::2, 3::3],
    "broadcast": lambda a: np.broadcast_to(a[0], (5, *a.shape[1:])),
    "broadcast along x": lambda a: np.broadcast_to(a[:, :, :1], a.shape),
}
KERNELS = {
    "window": random_weights((3, 2, 5)),
    "product": product([1, 2, 1], [0.5, 2], [1, 5, 3.25]),
    "along x": random_weights((1, 1, 9)),
    "transform": random_weights((9, 17, 19)),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64"])
def test_strides_do_not_matter(view, dtype):
    image = VIEWS[view](random_image((8, 21, 40), dtype))
    plain = np.ascontiguousarray(image)
    for weights in KERNELS.values():
        expected = correlate(plain, weights).tobytes()
        assert correlate(image, weights).tobytes() == expected
        output = np.zeros((image.shape[1], image.shape[2], image.shape[0]), dtype)[::-1].transpose(2, 0, 1)
        assert correlate(image, weights, output) is output
        assert output.tobytes() == expected


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("kernel", ["window", "product", "along x"])
def test_bits_do_not_depend_on_threads_or_level(dtype, kernel):
    image = random_image((30, 60, 129), dtype)
    before = _cormack_cpu.isa()
    results = set()
    try:
        for level in _cormack_cpu.available_isas():
            _cormack_cpu.use_isa(level)
            results.update(correlate(image, KERNELS[kernel], workers=workers).tobytes() for workers in (1, 2, 3))
    finally:
        _cormack_cpu.use_isa(before)
    assert len(results) == 1


def test_bits_of_transforms_do_not_depend_on_threads():
    image = random_image((20, 60, 129), "float64")
    weights = random_weights((9, 15, 17))
    assert _fft.is_faster(image.shape, weights.shape, weights.size)
    assert len({correlate(image, weights, workers=workers).tobytes() for workers in (1, 2, 3)}) == 1


def test_weights_of_one_value_scale():
    image = random_image((4, 5), "float32")
    np.testing.assert_array_equal(correlate(image, [[2.0]]), 2 * image)
    np.testing.assert_array_equal(correlate1d(image, [0.0]), 0 * image)


@st.composite
def calls(draw):
    ndim = draw(st.integers(1, 3))
    shape = tuple(draw(st.integers(1, 40 if axis == ndim - 1 else 12)) for axis in range(ndim))
    image = random_image(shape, draw(st.sampled_from(INTEGERS + FLOATS)), draw(st.integers(0, 99)))
    extents = [draw(st.integers(1, 7)) for _ in shape]
    arguments = {
        "mode": draw(st.sampled_from(MODES)),
        "cval": draw(st.sampled_from([0, -3, 100.25])),
        "origin": [draw(st.integers(-(extent // 2), (extent - 1) // 2)) for extent in extents],
    }
    if draw(st.booleans()):
        weights = random_weights(extents, draw(st.integers(0, 99)))
    else:
        weights = product(*[random_weights(extent, draw(st.integers(0, 99))) for extent in extents])
    return draw(st.sampled_from([correlate, convolve])), image, weights, arguments


@settings(deadline=None, max_examples=150)
@given(calls())
def test_random_calls_match_scipy(call):
    function, image, weights, arguments = call
    check(function, image, weights, **arguments)


@pytest.mark.parametrize("shape", [(0,), (0, 4), (3, 0), (2, 0, 5), (0, 0, 0)], ids=str)
def test_empty_images_stay_empty(shape):
    assert correlate(np.empty(shape, np.int16), np.ones((3,) * len(shape))).shape == shape
    assert correlate1d(np.empty(shape, np.int16), [1, 2]).shape == shape


def test_volume_comes_back():
    volume = pytest.importorskip("cormack.volume").Volume(random_image((4, 5, 6), "int16"), spacing=(3, 1, 0.5))
    for result in (correlate(volume, np.ones((1, 2, 1))), convolve1d(volume, [1, 2])):
        assert type(result) is type(volume)
        assert result.spacing == volume.spacing


IMAGE = np.zeros((4, 5), np.int16)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"weights": [1, 2]}, ValueError, "correlate: `weights` must be 2-D, got shape (2,)"),
        ({"weights": np.ones((0, 3))}, ValueError, "correlate: `weights` must have 1 to 16777216 values, got shape"),
        ({"weights": [[np.nan]]}, ValueError, "correlate: `weights` must be finite, got [[nan]]"),
        ({"weights": [[1, 2], [3]]}, ValueError, "correlate: `weights` must be an array, got [[1, 2], [3]]"),
        ({"weights": [[1j]]}, TypeError, "correlate: `weights` must be real numbers, got [[1j]]"),
        ({"weights": [["a"]]}, TypeError, "correlate: `weights` must be real numbers, got [['a']]"),
        ({"origin": 2}, ValueError, "correlate: `origin` must keep the voxel inside its window of size (3, 3), got 2"),
        ({"origin": 0.5}, TypeError, "correlate: `origin` must be an int, got 0.5"),
        ({"mode": "mirrored"}, ValueError, "correlate: `mode` must be one of 'reflect', "),
        ({"mode": ("wrap",)}, ValueError, "correlate: `mode` must be one value or one for each of 2 axes"),
        ({"cval": np.inf}, ValueError, "correlate: `cval` must be finite, got inf"),
        ({"axes": (0, 0)}, ValueError, "correlate: `axes` must name each axis once, got (0, 0)"),
        ({"workers": 0}, ValueError, "correlate: `workers` must be at least 1, got 0"),
        ({"output": np.uint8}, TypeError, "correlate: `output` must have the input's dtype int16, float32 or"),
    ],
    ids=str,
)
def test_wrong_arguments_are_named(arguments, error, message):
    with pytest.raises(error) as caught:
        correlate(IMAGE, **{"weights": np.ones((3, 3)), **arguments})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"axis": 2}, ValueError, "correlate1d: `axis` must name an axis of a 2-D array, got 2"),
        ({"input": 3.0}, ValueError, "correlate1d: `axis` must name an axis of a 0-D array, got -1"),
        ({"axis": None}, TypeError, "correlate1d: `axis` must be an int, got None"),
        ({"weights": [[1]]}, ValueError, "correlate1d: `weights` must be 1-D, got shape (1, 1)"),
        (
            {"origin": -2},
            ValueError,
            "correlate1d: `origin` must keep the voxel inside its window of size (3,), got -2",
        ),
    ],
    ids=str,
)
def test_wrong_arguments_along_one_axis_are_named(arguments, error, message):
    with pytest.raises(error) as caught:
        correlate1d(**{"input": IMAGE, "weights": [1, 2, 1], **arguments})
    assert str(caught.value).startswith(message)
