"""uniform_filter: exact for integers, float64 sums for floats, SciPy's windows; strides, threads, levels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

import cormack
from cormack import _cormack_cpu
from cormack.filters import uniform_filter

INTEGERS = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32"]
FLOATS = ["float32", "float64"]
MODES = ["reflect", "constant", "nearest", "mirror", "wrap"]
PAD_MODES = {"reflect": "symmetric", "nearest": "edge", "mirror": "reflect", "wrap": "wrap", "constant": "constant"}
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


def exact_sums(image, sizes, modes, cval, origins, kind=np.int64):
    """Return the sum over every window, by summing every window."""
    sums = image.astype(kind)
    for axis, (size, mode, origin) in enumerate(zip(sizes, modes, origins, strict=True)):
        left = size // 2 + origin
        width = [(0, 0)] * sums.ndim
        width[axis] = (left, size - 1 - left)
        scale = int(np.prod(sizes[:axis], dtype=np.int64))
        extra = {"constant_values": cval * scale} if mode == "constant" else {}
        padded = np.pad(sums, width, PAD_MODES[mode], **extra)
        sums = np.lib.stride_tricks.sliding_window_view(padded, size, axis).sum(-1, dtype=kind)
    return sums


def exact_mean(image, size, mode="reflect", cval=0, origin=0):
    sizes, modes, origins = (
        [value] * image.ndim if np.ndim(value) == 0 else list(value) for value in (size, mode, origin)
    )
    sums = exact_sums(image, sizes, modes, cval, origins)
    count = int(np.prod(sizes, dtype=np.int64))
    quotient, rest = np.divmod(sums, count)
    quotient += (2 * rest > count) | ((2 * rest == count) & (quotient % 2 != 0))
    if image.dtype == bool:
        return np.clip(quotient, 0, 1).astype(bool)
    limits = np.iinfo(image.dtype)
    return np.clip(quotient, limits.min, limits.max).astype(image.dtype)


def assert_correctly_rounded(result, image, **arguments):
    """Assert that a floating result is SciPy's float64 one, rounded once; SciPy's running sums drift a little."""
    expected = scipy.ndimage.uniform_filter(image.astype(np.float64), **arguments)
    largest = max(np.abs(image).max(initial=0), abs(arguments.get("cval", 0)))
    assert result.dtype == image.dtype
    half_ulp = 0.5 * np.spacing(np.abs(expected).astype(image.dtype)).astype(np.float64)
    assert (np.abs(result - expected) <= half_ulp + 1e-13 * largest).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_match_the_exact_mean(dtype, shape):
    image = random_image(shape, dtype)
    for size in (2, 3, 5, 6, 8, 9, 16, (4, 1, 7)[: image.ndim], (1, 12, 3)[: image.ndim]):
        np.testing.assert_array_equal(uniform_filter(image, size), exact_mean(image, size))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_match_scipy_before_its_rounding(dtype):
    image = random_image((9, 20, 37), dtype)
    largest = np.abs(image.astype(float)).max()
    for size in (3, 5, (1, 3, 6)):
        expected = scipy.ndimage.uniform_filter(image.astype(float), size)
        assert np.abs(uniform_filter(image, size) - expected).max() <= 0.5 + 1e-13 * largest


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", FLOATS)
def test_floats_match_scipy(dtype, shape):
    image = random_image(shape, dtype)
    for size in (2, 3, 5, 8, 9, 10, 17, (4, 1, 7)[: image.ndim], (1, 12, 3)[: image.ndim]):
        assert_correctly_rounded(uniform_filter(image, size), image, size=size)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_every_level_matches_around_vector_widths(isa, dtype):
    for width, size in itertools.product(WIDTHS, (3, 5, 11)):
        image = random_image((3, width), dtype, width)
        result = uniform_filter(image, size)
        if dtype in FLOATS:
            assert_correctly_rounded(result, image, size=size)
        else:
            np.testing.assert_array_equal(result, exact_mean(image, size))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_borders_and_origins_match_scipy(dtype, mode):
    image = random_image((6, 11, 9), dtype)
    for size, origins in ((3, (-1, 0, 1)), (4, (-2, 0, 1)), (9, (-4, 1, 4)), (25, (0, -12, 12))):
        for origin in origins:
            result = uniform_filter(image, size, mode=mode, cval=-7, origin=origin)
            if dtype == "int16":
                expected = exact_mean(image, size, mode, -7, origin)
                np.testing.assert_array_equal(result, expected)
                scipys = scipy.ndimage.uniform_filter(image, size, np.float64, mode, -7, origin)
                assert np.abs(result - scipys).max() <= 0.5 + 1e-9
            else:
                assert_correctly_rounded(result, image, size=size, mode=mode, cval=-7, origin=origin)


@pytest.mark.parametrize("modes", [("wrap", "constant", "mirror"), ("constant", "reflect", "nearest")], ids=str)
def test_a_mode_per_axis_matches_scipy(modes):
    sizes, origins = (7, 3, 4), (2, 0, -1)
    image = random_image((8, 9, 20), "int16")
    result = uniform_filter(image, sizes, mode=modes, cval=300, origin=origins)
    np.testing.assert_array_equal(result, exact_mean(image, sizes, modes, 300, origins))
    image = random_image((8, 9, 20), "float32")
    arguments = {"size": sizes, "mode": modes, "cval": 300, "origin": origins}
    assert_correctly_rounded(uniform_filter(image, **arguments), image, **arguments)


@pytest.mark.parametrize("alias", [("grid-mirror", "reflect"), ("grid-wrap", "wrap"), ("grid-constant", "constant")])
def test_modes_with_two_names_agree(alias):
    image = random_image((5, 6), "int16")
    np.testing.assert_array_equal(uniform_filter(image, 3, mode=alias[0]), uniform_filter(image, 3, mode=alias[1]))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_values_beyond_the_type_saturate(dtype):
    image = random_image((6, 7), dtype)
    for cval in (-100_000, 100_000, -(2**40), 2**40):
        result = uniform_filter(image, (3, 6), mode="constant", cval=cval)
        np.testing.assert_array_equal(result, exact_mean(image, (3, 6), "constant", cval))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_fractional_cval_matches_scipy(dtype):
    image = random_image((6, 17), dtype)
    for size in (2, 3, 9):
        result = uniform_filter(image, size, mode="constant", cval=0.3)
        expected = scipy.ndimage.uniform_filter(image.astype(float), size, mode="constant", cval=0.3)
        assert np.abs(result - expected).max() <= 0.5 + 1e-13 * np.abs(image.astype(float)).max()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "int32"])
@pytest.mark.parametrize("size", [2, (3, 4), (5, 25), (8, 16), (15, 15), (31, 33)], ids=str)
def test_ties_round_to_even(dtype, size):
    """Images whose window sums lie on halves, and one beside them, near the ends of the type."""
    limits = np.iinfo(dtype)
    count = int(np.prod(size)) if isinstance(size, tuple) else size * size
    rng = np.random.default_rng(count)
    for base in (limits.max - 3, limits.min, (limits.max + limits.min) // 2):
        image = (base + rng.integers(0, 4, (40, 41))).astype(dtype)
        np.testing.assert_array_equal(uniform_filter(image, size), exact_mean(image, size))
    # Half of every window is one more than the other half.
    image = (limits.max - 1 + np.indices((40, 40)).sum(0) % 2).astype(dtype)
    np.testing.assert_array_equal(uniform_filter(image, size), exact_mean(image, size))


@pytest.mark.parametrize("dtype", ["int8", "uint16", "uint32", "int32"])
@pytest.mark.parametrize("size", [(300, 301), (1026, 1024), (1500, 1401)], ids=str)
def test_huge_windows_stay_exact(dtype, size):
    """32-bit sums beyond 2**53, 16-bit ones beyond 2**31: a small image, mirrored again and again."""
    image = random_image((5, 6), dtype)
    image[0, 0] = np.iinfo(dtype).max
    np.testing.assert_array_equal(uniform_filter(image, size), exact_mean(image, size))
    full = np.full((4, 5), np.iinfo(dtype).max, dtype)
    np.testing.assert_array_equal(uniform_filter(full, size), full)


def test_every_sum_of_bytes_is_rounded_right(isa):
    """The windows of a line whose pixels are 0 0 .. 1 1 .. 255 255 have the sums 0, 1, .. 255 size."""
    for size in range(2, 258):
        line = np.repeat(np.arange(256, dtype=np.uint8), size)
        result = uniform_filter(line, size, origin=-(size // 2))[: 255 * size + 1]
        sums = np.arange(255 * size + 1)
        quotient, rest = np.divmod(sums, size)
        expected = quotient + ((2 * rest > size) | ((2 * rest == size) & (quotient % 2 == 1)))
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("floating", FLOATS)
def test_floating_means_of_integers_are_rounded_once(dtype, floating):
    image = random_image((12, 14, 40), dtype)
    for size in (3, 6, 9):
        result = uniform_filter(image, size, output=floating)
        exact = uniform_filter(image.astype(np.float64), size)
        assert result.dtype == floating
        spacing = np.spacing(np.abs(exact).astype(floating)).astype(float)
        assert (np.abs(result - exact) <= 0.5001 * spacing + 1e-13 * np.abs(image.astype(float)).max()).all()


@pytest.mark.parametrize("size", [9, 33, (70, 5, 1), (3, 81, 9)], ids=str)
def test_sliding_sums_stay_within_their_bound(size):
    image = random_image((150, 130, 21), "float64") + 1e4
    expected = np.longdouble(1) * image
    for axis, window in enumerate(np.broadcast_to(size, 3)):
        left = int(window) // 2
        padded = np.pad(expected, [(left, window - 1 - left) if a == axis else (0, 0) for a in range(3)], "symmetric")
        sums = np.cumsum(np.insert(padded, 0, 0, axis), axis)
        ends, starts = np.arange(image.shape[axis]) + window, np.arange(image.shape[axis])
        expected = (np.take(sums, ends, axis) - np.take(sums, starts, axis)) / window
    bound = sum(2 * max(64, int(window)) for window in np.broadcast_to(size, 3)) * 2.0**-53 * np.abs(image).max()
    assert np.abs(uniform_filter(image, size) - expected).max() <= bound


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", [3, 8, 9, 20], ids=str)
def test_nan_and_infinities_stay_in_their_windows(dtype, size):
    image = random_image((30, 31, 33), dtype)
    clean = uniform_filter(image, size)
    image[15, 3, 20], image[4, 20, 5], image[25, 25, 30] = np.nan, np.inf, -np.inf
    result = uniform_filter(image, size)
    # maximum_filter mirrors its origin for even sizes: the largest value over the same window.
    touched = {
        value: scipy.ndimage.maximum_filter(image_of.astype(np.uint8), size)
        for value, image_of in (("nan", np.isnan(image)), ("+", image == np.inf), ("-", image == -np.inf))
    }
    nan = (touched["nan"] | (touched["+"] & touched["-"])).astype(bool)
    np.testing.assert_array_equal(np.isnan(result), nan)
    np.testing.assert_array_equal(np.isposinf(result), touched["+"].astype(bool) & ~nan)
    np.testing.assert_array_equal(np.isneginf(result), touched["-"].astype(bool) & ~nan)
    # Another order of additions.
    finite = np.isfinite(result)
    rounding = 3 * 2 * 64 * 2.0**-53 * np.abs(image[np.isfinite(image)]).max()
    rtol = 2.0**-23 if dtype == "float32" else 0
    np.testing.assert_allclose(result[finite], clean[finite], rtol=rtol, atol=rounding)


def test_large_values_do_not_wash_out_small_ones():
    """A running sum would keep the rounding errors of the large values."""
    image = np.zeros((50, 60, 200))
    image[20:25, 20:25, 50:60] = 1e300
    image += 1e-3
    result = uniform_filter(image, 11)
    np.testing.assert_allclose(result[:, :, 80:], 1e-3, rtol=1e-14)


def test_cval_may_be_nan_for_floats():
    image = random_image((9, 9), "float32")
    result = uniform_filter(image, 3, mode="constant", cval=np.nan)
    assert np.isnan(result).sum() == 81 - 49
    np.testing.assert_array_equal(result[1:-1, 1:-1], uniform_filter(image, 3)[1:-1, 1:-1])


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
    for size in (3, 7, (9, 10, 11)):
        expected = uniform_filter(plain, size).tobytes()
        assert uniform_filter(image, size).tobytes() == expected
        output = VIEWS["transposed"](np.zeros((image.shape[1], image.shape[2], image.shape[0]), dtype)[::-1])
        assert output.shape == image.shape
        assert uniform_filter(image, size, output) is output
        assert output.tobytes() == expected


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("size", [3, 7, (31, 17, 9), (2, 1, 40), (9, 12, 1)], ids=str)
def test_bits_do_not_depend_on_threads_or_level(dtype, size):
    image = random_image((70, 90, 129), dtype)
    before = _cormack_cpu.isa()
    results = set()
    try:
        for level in _cormack_cpu.available_isas():
            _cormack_cpu.use_isa(level)
            results.update(uniform_filter(image, size, workers=workers).tobytes() for workers in (1, 2, 3))
    finally:
        _cormack_cpu.use_isa(before)
    assert len(results) == 1


def test_a_part_of_the_image_gives_the_same_bits():
    """Sums of blocks are laid over windows, not over tiles or threads, along the axes that are cut here."""
    image = random_image((64, 300, 70), "float32")
    size = (12, 15, 3)
    whole = uniform_filter(image, size)
    part = uniform_filter(image[:, :180], size)
    assert whole[:, :170].tobytes() == part[:, :170].tobytes()


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_output_may_be_the_input(dtype):
    image = random_image((12, 30, 33), dtype)
    expected = uniform_filter(image, 5)
    assert uniform_filter(image, 5, image) is image
    np.testing.assert_array_equal(image, expected)


def test_output_may_overlap_the_input():
    memory = random_image((21, 33), "int16")
    expected = uniform_filter(memory[:20].copy(), 3)
    np.testing.assert_array_equal(uniform_filter(memory[:20], 3, memory[1:]), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_output_dtype_converts_the_input(dtype):
    image = random_image((9, 31), "int16")
    result = uniform_filter(image, 3, dtype)
    np.testing.assert_array_equal(result, uniform_filter(image.astype(dtype), 3))


@pytest.mark.parametrize("axes", [(0,), (1, 3), (-1, 0, 2), 2], ids=str)
def test_axes_match_scipy(axes):
    image = random_image((5, 6, 7, 18), "int16")
    count = np.size(axes)
    size, origin, mode = (3, 6, 2)[:count], (-1, 2, 0)[:count], ("wrap", "nearest", "mirror")[:count]
    result = uniform_filter(image, size, mode=mode, origin=origin, axes=axes)
    expected = scipy.ndimage.uniform_filter(
        image, size, np.float64, mode, origin=origin, axes=axes if isinstance(axes, tuple) else (axes,)
    )
    assert np.abs(result - expected).max() <= 0.5 + 1e-9


def test_axes_of_a_volume_are_batches():
    image = random_image((5, 16, 17), "uint16")
    result = uniform_filter(image, 5, axes=(1, 2))
    for plane, filtered in zip(image, result, strict=True):
        np.testing.assert_array_equal(filtered, uniform_filter(plane, 5))


def test_one_dimension_matches_scipy():
    image = random_image(77, "float32")
    for size in (3, 20):
        assert_correctly_rounded(uniform_filter(image, size), image, size=size)


@pytest.mark.parametrize("shape", [(0,), (0, 4), (3, 0), (2, 0, 5), (2, 3, 0), (0, 0, 0)], ids=str)
def test_empty_images_stay_empty(shape):
    assert uniform_filter(np.empty(shape, np.int16), 3).shape == shape


def test_size_one_copies():
    image = random_image((4, 5), "float32")
    image[0, 0] = -0.0
    result = uniform_filter(image, 1)
    assert result is not image
    assert result.tobytes() == image.tobytes()


def test_volume_comes_back_as_a_volume():
    volume = pytest.importorskip("cormack.volume").Volume(random_image((4, 5, 6), "int16"), spacing=(3, 1, 1))
    result = uniform_filter(volume, 3)
    assert type(result) is type(volume)
    assert result.spacing == volume.spacing
    np.testing.assert_array_equal(result.array, uniform_filter(volume.array, 3))


@st.composite
def calls(draw):
    ndim = draw(st.integers(1, 4))
    shape = tuple(draw(st.integers(1, 40 if axis == ndim - 1 else 12)) for axis in range(ndim))
    dtype = draw(st.sampled_from(INTEGERS + FLOATS))
    axes = tuple(draw(st.permutations(range(ndim)))[: draw(st.integers(1, min(3, ndim)))])
    sizes = [draw(st.integers(1, 20)) for _ in axes]
    origins = [draw(st.integers(-(size // 2), size - 1 - size // 2)) for size in sizes]
    modes = [draw(st.sampled_from(MODES)) for _ in axes]
    return random_image(shape, dtype, draw(st.integers(0, 99))), axes, sizes, origins, modes, draw(st.integers(-9, 300))


@settings(deadline=None, max_examples=150)
@given(calls())
def test_random_calls_match_the_exact_mean_or_scipy(call):
    image, axes, sizes, origins, modes, cval = call
    result = uniform_filter(image, sizes, mode=modes, cval=cval, origin=origins, axes=axes)
    if image.dtype.kind == "f":
        arguments = {"size": sizes, "mode": modes, "cval": cval, "origin": origins, "axes": axes}
        assert_correctly_rounded(result, image, **arguments)
    else:
        full = [[1] * image.ndim, ["reflect"] * image.ndim, [0] * image.ndim]
        for axis, *values in zip(axes, sizes, modes, origins, strict=True):
            for setting, value in zip(full, values, strict=True):
                setting[axis] = value
        np.testing.assert_array_equal(result, exact_mean(image, full[0], full[1], cval, full[2]))


IMAGE = np.zeros((4, 5), np.int16)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"size": 0}, ValueError, "uniform_filter: `size` must be at least 1, got 0"),
        ({"size": 2**62}, ValueError, "uniform_filter: `size` must be at most 16777216, got 4611686018427387904"),
        ({"size": 2.5}, TypeError, "uniform_filter: `size` must be an int, got 2.5"),
        ({"size": (3, 3, 3)}, ValueError, "uniform_filter: `size` must be one value or one for each of 2 axes"),
        ({"mode": "mirrored"}, ValueError, "uniform_filter: `mode` must be one of 'reflect', "),
        ({"mode": ("wrap",)}, ValueError, "uniform_filter: `mode` must be one value or one for each of 2 axes"),
        (
            {"origin": 2},
            ValueError,
            "uniform_filter: `origin` must keep the voxel inside its window of size (3, 3), got 2",
        ),
        (
            {"origin": -2},
            ValueError,
            "uniform_filter: `origin` must keep the voxel inside its window of size (3, 3), got -2",
        ),
        ({"cval": "x", "mode": "constant"}, TypeError, "uniform_filter: `cval` must be a number, got 'x'"),
        ({"cval": np.nan}, ValueError, "uniform_filter: `cval` must be finite, got nan"),
        ({"axes": 2}, ValueError, "uniform_filter: `axes` must name axes of a 2-D array, got 2"),
        ({"axes": (0, 0)}, ValueError, "uniform_filter: `axes` must name each axis once, got (0, 0)"),
        ({"workers": 0}, ValueError, "uniform_filter: `workers` must be at least 1, got 0"),
        (
            {"output": np.zeros((5, 4), np.int16)},
            ValueError,
            "uniform_filter: `output` must have shape (4, 5), got (5, 4)",
        ),
        (
            {"output": np.uint8},
            TypeError,
            "uniform_filter: `output` must have the input's dtype int16, float32 or float64",
        ),
    ],
    ids=str,
)
def test_wrong_arguments_are_named(arguments, error, message):
    with pytest.raises(error) as caught:
        uniform_filter(IMAGE, **arguments)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("dtype", ["int64", "float16", "complex64", "object"])
def test_unsupported_dtypes_are_named(dtype):
    with pytest.raises(TypeError, match="uniform_filter: `input` must have one of the dtypes bool, uint8"):
        uniform_filter(np.zeros((3, 3), dtype))


def test_a_scalar_has_no_axes():
    with pytest.raises(ValueError, match="uniform_filter: `input` must have at least one axis"):
        uniform_filter(np.float32(3))


def test_the_thread_setting_is_used():
    before = cormack.get_num_threads()
    cormack.set_num_threads(2)
    try:
        image = random_image((20, 64, 65), "float32")
        assert uniform_filter(image, 9).tobytes() == uniform_filter(image, 9, workers=1).tobytes()
    finally:
        cormack.set_num_threads(before)


@pytest.mark.parametrize("shape", [(60, 30, 33), (64, 20, 40), (20, 200, 100), (70, 25, 30)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sliding_sums_along_few_planes_start_alike_for_any_number_of_threads(dtype, shape):
    image = np.random.default_rng(3).normal(size=shape).astype(dtype)
    for size in ((9, 1, 1), (15, 9, 9)):
        one = uniform_filter(image, size, workers=1).tobytes()
        for workers in (2, 3, 5):
            assert uniform_filter(image, size, workers=workers).tobytes() == one
