"""uniform_filter and gaussian_filter with `mask` and `ignore_nan`: SciPy's quotient in float64."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from cormack import _cormack_cpu
from cormack.filters import gaussian_filter, uniform_filter

INTEGERS = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32"]
FLOATS = ["float32", "float64"]
IN_FLOAT32 = ["bool", "uint8", "int8", "uint16", "int16", "float32"]
WIDTHS = [1, 2, 7, 15, 16, 17, 31, 33, 63, 64, 65, 129]
SHAPES = [(1,), (33,), (1, 1), (1, 7), (5, 17), (9, 33), (1, 1, 1), (3, 1, 9), (2, 5, 31), (5, 40, 33)]

both = pytest.mark.parametrize("function", [uniform_filter, gaussian_filter])


def random_image(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    return (rng.standard_normal(shape) * 100).astype(dtype)


def random_mask(shape, inside=0.3, seed=1):
    return np.random.default_rng(seed).random(shape) < inside


def expectation(image, inside, size, origin=0, **arguments):
    """Return the exact sum of uniform weights, their exact number: SciPy's sums in float64, which holds them."""
    sizes = size if np.ndim(size) else (size,) * image.ndim
    origins = origin if np.ndim(origin) else (origin,) * image.ndim
    total, count = np.where(inside, image, 0).astype(np.float64), inside.astype(np.float64)
    for axis, (extent, shift) in enumerate(zip(sizes, origins, strict=True)):
        total, count = (
            scipy.ndimage.correlate1d(part, np.ones(extent), axis, origin=shift, **arguments) for part in (total, count)
        )
    if image.dtype.kind == "f":
        return total, count
    assert np.abs(total).max(initial=0) < 2**53
    return total.astype(np.int64), count.astype(np.int64)


def check_uniform(image, mask, size, **arguments):
    result = uniform_filter(image, size, mask=mask, **arguments)
    assert result.dtype == image.dtype
    total, count = expectation(image, mask, size, **arguments)
    some = count > 0
    assert (np.isnan(result[~some]) if image.dtype.kind == "f" else result[~some] == 0).all()
    if image.dtype.kind == "f":
        # Sums in float64, divided and rounded once; SciPy adds in another order.
        unit = 2.0**-24 if image.dtype == np.float32 else 2.0**-53
        error = (unit + np.prod(size) * 2.0**-50) * np.abs(image[mask]).max(initial=0)
        assert (np.abs(result[some] - total[some] / count[some]) <= error).all()
        return
    # Twice the remainder against the divisor: up, down, or a tie that goes to the even neighbour.
    whole, rest = np.divmod(total[some], count[some])
    up = (2 * rest > count[some]) | ((2 * rest == count[some]) & (whole % 2 == 1))
    np.testing.assert_array_equal(result[some].astype(np.int64), whole + up)


def check_gaussian(image, mask, sigma, **arguments):
    result = gaussian_filter(image, sigma, mask=mask, **arguments)
    assert result.dtype == image.dtype
    values = np.where(mask, image, 0).astype(np.float64)
    total = scipy.ndimage.gaussian_filter(values, sigma, **arguments)
    weight = scipy.ndimage.gaussian_filter(mask.astype(np.float64), sigma, **arguments)
    some = weight > 0
    assert (np.isnan(result[~some]) if image.dtype.kind == "f" else result[~some] == 0).all()
    expected = total[some] / weight[some]
    unit = 2.0**-24 if image.dtype.name in IN_FLOAT32 else 2.0**-53
    radius = int(arguments.get("truncate", 4.0) * np.max(sigma) + 0.5)
    own = 1 if unit > 1e-10 else 2
    error = own * (4 * radius + 12) * image.ndim * unit * np.abs(image[mask].astype(float)).max(initial=0)
    rounding = 0 if image.dtype.kind == "f" else 0.5
    assert (np.abs(result[some].astype(float) - expected) <= error + rounding).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
def test_uniform_matches_the_quotient(dtype, shape):
    image = random_image(shape, dtype)
    for inside in (0.0, 0.05, 0.6, 1.0):
        for size in (3, (4, 1, 7)[: len(shape)]):
            check_uniform(image, random_mask(shape, inside), size)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
def test_gaussian_matches_the_quotient(dtype, shape):
    image = random_image(shape, dtype)
    for inside in (0.0, 0.05, 0.6, 1.0):
        for sigma in (0.7, (2, 0, 0.4)[: len(shape)]):
            check_gaussian(image, random_mask(shape, inside), sigma)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_every_level_matches_around_vector_widths(isa, dtype):
    for width in WIDTHS:
        image, mask = random_image((3, width), dtype, width), random_mask((3, width), seed=width)
        check_uniform(image, mask, (3, 5))
        check_gaussian(image, mask, 1.2)


@pytest.mark.parametrize("mode", ["reflect", "nearest", "mirror", "wrap"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64"])
def test_borders_match_the_quotient(dtype, mode):
    image, mask = random_image((6, 11, 9), dtype), random_mask((6, 11, 9))
    check_uniform(image, mask, (3, 4, 12), mode=mode)
    check_uniform(image, mask, (3, 4, 5), mode=mode, origin=(1, -2, 2))
    check_gaussian(image, mask, (1, 3, 0.5), mode=mode, truncate=3)


@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
@pytest.mark.parametrize("mode", ["reflect", "wrap", "constant"])
def test_wide_windows_match_the_quotient(dtype, mode):
    """Sums that slide along z and y, and that double along x, through several tiles."""
    image, mask = random_image((19, 70, 65), dtype), random_mask((19, 70, 65))
    check_uniform(image, mask, (9, 15, 20), mode=mode, origin=(2, -3, 5))
    check_uniform(image[0], mask[0], (21, 9), mode=mode)
    check_uniform(image, mask, (5, 1, 2), mode=mode)


@both
def test_what_lies_beyond_a_constant_border_does_not_count(function):
    """The quotient of SciPy's filters with zeros around image and mask; `cval` has no say."""
    image, mask = random_image((6, 11, 9), "float64"), random_mask((6, 11, 9))
    oracle = getattr(scipy.ndimage, function.__name__)
    with np.errstate(invalid="ignore"):
        expected = oracle(image * mask, 3, mode="constant") / oracle(mask.astype(float), 3, mode="constant")
    for cval in (0, 100):
        result = function(image, 3, mode="constant", cval=cval, mask=mask)
        some = ~np.isnan(result)
        np.testing.assert_allclose(result[some], expected[some], atol=1e-8)
    result = function(np.full((5, 6), 7, np.int16), 3, mode="constant", mask=np.ones((5, 6)))
    np.testing.assert_array_equal(result, 7)


@both
@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
def test_values_outside_have_no_influence(function, dtype):
    mask = random_mask((8, 20, 33))
    image, other = random_image(mask.shape, dtype, 0), random_image(mask.shape, dtype, 1)
    other[mask] = image[mask]
    if dtype in FLOATS:
        other[~mask] = np.resize([np.nan, np.inf, -np.inf], (~mask).sum())
    expected = function(image, 2, mask=mask).tobytes()
    assert function(other, 2, mask=mask).tobytes() == expected
    assert function(image, 2, mask=mask.astype(np.int64) * 7).tobytes() == expected


@both
@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_that_is_ignored_is_a_mask(function, dtype):
    image, mask = random_image((8, 20, 33), dtype), random_mask((8, 20, 33), 0.7)
    holes = random_mask(image.shape, 0.2, 5)
    image[holes] = np.nan
    expected = function(image, 2, mask=~holes)
    np.testing.assert_array_equal(function(image, 2, ignore_nan=True), expected)
    np.testing.assert_array_equal(
        function(image, 2, ignore_nan=True, mask=mask), function(image, 2, mask=mask & ~holes)
    )
    # NaN inside the mask counts unless ignored.
    reach = scipy.ndimage.maximum_filter(holes & mask, 3)
    result = uniform_filter(image, 3, mask=mask, fill_value=0)
    np.testing.assert_array_equal(np.isnan(result), reach)


@both
def test_integers_have_no_nan(function):
    image = random_image((9, 20), "int16")
    np.testing.assert_array_equal(function(image, 3, ignore_nan=True), function(image, 3, mask=np.ones_like(image)))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int32"])
@pytest.mark.parametrize("size", [3, 5, 9])
def test_sliding_sums_count_what_a_constant_border_leaves(dtype, size):
    image = random_image((12, 11, 20), dtype)
    ignored = uniform_filter(image, size, mode="constant", ignore_nan=True)
    np.testing.assert_array_equal(ignored, uniform_filter(image, size, mode="constant", mask=np.ones_like(image)))


@both
@pytest.mark.parametrize("mode", ["reflect", "constant", "nearest", "mirror", "wrap"])
def test_kernels_longer_than_lines_match_repeated_lines(function, mode):
    """Long enough lines, repeated as the border does, need no border."""
    image, mask = random_image((3, 7), "float64"), random_mask((3, 7))
    width = 20 if function is gaussian_filter else 101
    result = function(image, width, mode=mode, mask=mask)
    pad = {"reflect": "symmetric", "nearest": "edge", "mirror": "reflect"}.get(mode, mode)
    padded, around = (np.pad(values, 90, pad) for values in (image, mask))
    expected = function(padded, width, mask=around)[90:-90, 90:-90]
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12 * np.abs(image).max())


def test_absurd_widths_take_no_time():
    np.testing.assert_allclose(
        gaussian_filter(np.eye(3), 1e300, radius=2, mask=np.ones((3, 3))), uniform_filter(np.eye(3), 5)
    )
    ramp = np.arange(12.0).reshape(3, 4)
    np.testing.assert_allclose(gaussian_filter(ramp, 3e5, mask=np.ones((3, 4))), ramp.mean(), rtol=1e-5)


@both
@pytest.mark.parametrize(("dtype", "fill"), [("int16", -1024), ("bool", 1), ("float32", -1.5), ("float64", np.inf)])
def test_fill_value_stands_where_nothing_counts(function, dtype, fill):
    mask = np.zeros((20, 40), bool)
    mask[5, 5] = True
    image = random_image(mask.shape, dtype)
    result = function(image, 1, mask=mask, fill_value=fill)
    reach = np.zeros_like(mask)
    if function is uniform_filter:
        reach[5, 5] = True
    else:
        reach[1:10, 1:10] = True
    np.testing.assert_array_equal(result[~reach], np.asarray(fill, dtype))
    np.testing.assert_allclose(result[reach].astype(float), float(image[5, 5]), rtol=1e-6)


@both
def test_neutral_settings_fill_too(function):
    image, mask = random_image((4, 6), "int16"), random_mask((4, 6))
    neutral = 1 if function is uniform_filter else 0
    np.testing.assert_array_equal(function(image, neutral, mask=mask), np.where(mask, image, 0))


def test_far_weights_are_as_precise_as_near_ones():
    """Where the mask is reached by the tails of the kernel alone, weights of 1e-12 divide as well as others."""
    image, mask = random_image((30, 30, 30), "int16"), np.zeros((30, 30, 30), bool)
    mask[:8, :8, :8] = True
    check_gaussian(image, mask, 3)
    assert (gaussian_filter(image.astype("float32"), 3, mask=mask) < 4e4).any()


@both
def test_constant_images_stay_constant(function):
    for dtype, value in (("uint8", 255), ("int16", -32768), ("uint16", 65535), ("int32", 2**31 - 1)):
        image, mask = np.full((9, 20, 35), value, dtype), random_mask((9, 20, 35), 0.5)
        np.testing.assert_array_equal(function(image, (1, 2, 4), mask=mask, fill_value=value), image)


@both
def test_axes_and_batches(function):
    image, mask = random_image((2, 3, 8, 17), "float32"), random_mask((2, 3, 8, 17), 0.7)
    result = function(image, 3, axes=(1, 3), mask=mask)
    for first in range(2):
        for third in range(8):
            part = (first, slice(None), third)
            np.testing.assert_array_equal(result[part], function(image[part], 3, mask=mask[part]))
    np.testing.assert_array_equal(
        function(image, 3, axes=3, mask=mask)[1, 2, 3], function(image[1, 2, 3], 3, mask=mask[1, 2, 3])
    )


VIEWS = {
    "reversed": lambda a: a[::-1, ::-1, ::-1],
    "transposed": lambda a: a.transpose(2, 0, 1),
    "sliced": lambda a: a[1:, ::2, 3::3],
    "broadcast along x": lambda a: np.broadcast_to(a[:, :, :1], a.shape),
}


@both
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64"])
def test_strides_do_not_matter(function, view, dtype):
    image, mask = VIEWS[view](random_image((8, 21, 40), dtype)), VIEWS[view](random_mask((8, 21, 40)))
    expected = function(np.ascontiguousarray(image), 3, mask=np.ascontiguousarray(mask))
    assert function(image, 3, mask=mask).tobytes() == expected.tobytes()
    output = np.zeros((image.shape[1], image.shape[2], image.shape[0]), dtype)[::-1].transpose(2, 0, 1)
    assert function(image, 3, output=output, mask=mask) is output
    assert output.tobytes() == expected.tobytes()


@both
def test_in_place(function):
    image, mask = random_image((8, 21, 40), "int16"), random_mask((8, 21, 40))
    expected = function(image, 3, mask=mask)
    assert function(image, 3, output=image, mask=mask) is image
    np.testing.assert_array_equal(image, expected)
    expected = function(mask, 3, mask=mask)
    np.testing.assert_array_equal(function(mask, 3, output=mask, mask=mask), expected)


@both
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_bits_do_not_depend_on_threads_or_level(function, dtype):
    image, mask = random_image((30, 50, 129), dtype), random_mask((30, 50, 129))
    before = _cormack_cpu.isa()
    results = set()
    try:
        for level in _cormack_cpu.available_isas():
            _cormack_cpu.use_isa(level)
            for size in (3, 9):
                results.update((size, function(image, size, mask=mask, workers=n).tobytes()) for n in (1, 2, 3))
    finally:
        _cormack_cpu.use_isa(before)
    assert len(results) == 2


@both
def test_volume_comes_back(function):
    volume = pytest.importorskip("cormack.volume").Volume(random_image((4, 5, 6), "int16"), spacing=(3, 1, 0.5))
    result = function(volume, 2, mask=np.ones((4, 5, 6)))
    assert type(result) is type(volume)
    assert result.spacing == volume.spacing


@both
@pytest.mark.parametrize("shape", [(0,), (0, 4), (3, 0), (2, 0, 5)], ids=str)
def test_empty_images_stay_empty(function, shape):
    assert function(np.empty(shape, np.int16), 3, mask=np.ones(shape)).shape == shape


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.integers(1, 14), min_size=1, max_size=3),
    st.sampled_from(INTEGERS + FLOATS),
    st.sampled_from([0.02, 0.3, 0.9]),
    st.integers(1, 9),
    st.sampled_from(["reflect", "nearest", "mirror", "wrap"]),
    st.integers(0, 99),
)
def test_random_calls_match_the_quotient(shape, dtype, inside, size, mode, seed):
    image, mask = random_image(shape, dtype, seed), random_mask(shape, inside, seed + 1)
    check_uniform(image, mask, size, mode=mode)
    check_gaussian(image, mask, size / 3, mode=mode)


IMAGE = np.zeros((4, 5), np.int16)
MASK = np.ones((4, 5), bool)


@both
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"mask": np.ones((5, 4))}, ValueError, "`mask` must have shape (4, 5), got (5, 4)"),
        ({"mask": "all"}, TypeError, "`mask` must have one of the dtypes bool, "),
        ({"ignore_nan": 1}, TypeError, "`ignore_nan` must be a bool, got 1"),
        ({"fill_value": 3}, ValueError, "`fill_value` must be None without `mask` or `ignore_nan`, got 3"),
        ({"mask": MASK, "fill_value": 40000}, ValueError, "`fill_value` must be a value of int16, got 40000"),
        ({"mask": MASK, "fill_value": 0.5}, ValueError, "`fill_value` must be a value of int16, got 0.5"),
        ({"mask": MASK, "fill_value": np.nan}, ValueError, "`fill_value` must be finite, got nan"),
        ({"mask": MASK, "fill_value": "x"}, TypeError, "`fill_value` must be a number, got 'x'"),
    ],
    ids=str,
)
def test_wrong_arguments_are_named(function, arguments, error, message):
    with pytest.raises(error) as caught:
        function(IMAGE, 3, **arguments)
    assert str(caught.value).startswith(f"{function.__name__}: {message}")


def test_derivatives_have_no_mask():
    with pytest.raises(ValueError, match="gaussian_filter: `order` must be 0 with `mask` or `ignore_nan`, got 1"):
        gaussian_filter(IMAGE, 1, 1, mask=MASK)
