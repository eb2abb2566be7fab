"""unsharp_mask: scikit-image's formula on SciPy's float64 Gaussian, within the documented bound, rounded once."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
import skimage.filters
from hypothesis import given, settings
from hypothesis import strategies as st

from cormack import _cormack_cpu
from cormack.filters import unsharp_mask

INTEGERS = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32"]
FLOATS = ["float32", "float64"]
IN_FLOAT32 = ["bool", "uint8", "int8", "uint16", "int16", "float32"]
MODES = ["reflect", "constant", "nearest", "mirror", "wrap"]
WIDTHS = [1, 2, 7, 15, 16, 17, 31, 33, 63, 64, 65, 129]
SHAPES = [(1,), (33,), (1, 1), (1, 7), (5, 17), (9, 33), (1, 1, 1), (3, 1, 9), (2, 5, 31), (5, 40, 33)]


def random_image(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    return (rng.standard_normal(shape) * 100).astype(dtype)


def check(image, radius=1.0, amount=1.0, **arguments):
    result = unsharp_mask(image, radius, amount, **arguments)
    assert result.dtype == image.dtype
    assert result.shape == image.shape
    exact = image.astype(np.float64)
    expected = exact + amount * (exact - scipy.ndimage.gaussian_filter(exact, radius, **arguments))
    largest = max(np.abs(exact).max(initial=0), abs(arguments.get("cval", 0.0)))
    unit = 2.0**-24 if image.dtype.name in IN_FLOAT32 else 2.0**-53
    reach = np.max(radius) * arguments.get("truncate", 4.0) + 0.5
    error = ((reach / 8 + 21) * image.ndim * abs(amount) + 4 * (1 + abs(amount))) * unit * largest
    # SciPy's own error, in float64, grows with the radius.
    error += (2 * reach + 6) * image.ndim * abs(amount) * 2.0**-53 * largest
    if image.dtype.kind == "f":
        assert (np.abs(result - expected) <= error).all()
        return
    low, high = (0, 1) if image.dtype == bool else (np.iinfo(image.dtype).min, np.iinfo(image.dtype).max)
    clipped = np.clip(expected, low, high)
    assert (np.abs(result.astype(float) - clipped) <= 0.5 + error).all()
    certain = np.abs(np.abs(clipped - np.floor(clipped)) - 0.5) > error
    np.testing.assert_array_equal(result[certain], np.rint(clipped[certain]).astype(image.dtype))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
def test_matches_the_formula(dtype, shape):
    image = random_image(shape, dtype)
    for radius in (0.4, 1, (0.5, 0, 3)[: image.ndim]):
        for amount in (1.0, -0.5, 3.25):
            check(image, radius, amount)


def test_matches_skimage():
    image = random_image((20, 31, 33), "float64") / 1000
    expected = skimage.filters.unsharp_mask(image, 1.5, 2, preserve_range=True)
    np.testing.assert_allclose(unsharp_mask(image, 1.5, 2), expected, atol=1e-12)
    colours = random_image((20, 31, 3), "uint8")
    expected = skimage.filters.unsharp_mask(colours, 2, 0.5, preserve_range=True, channel_axis=2)
    result = unsharp_mask(colours, 2, 0.5, axes=(0, 1))
    assert (np.abs(result - np.clip(expected, 0, 255)) <= 0.501).all()


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_every_level_matches_around_vector_widths(isa, dtype):
    for width in WIDTHS:
        check(random_image((3, width), dtype, width), 0.8, 1.5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_borders_match_scipy(dtype, mode):
    check(random_image((6, 11, 9), dtype), (3, 0.5, 1), 1.0, mode=mode, cval=-7.5, truncate=3)


def test_integers_saturate():
    step = np.zeros((1, 20), np.uint8)
    step[:, 10:] = 255
    np.testing.assert_array_equal(unsharp_mask(step, 2, 5, axes=1), step)


def test_radius_or_amount_of_zero_copies():
    image = random_image((9, 20), "int16")
    np.testing.assert_array_equal(unsharp_mask(image, 0, 3), image)
    np.testing.assert_array_equal(unsharp_mask(image, 2, 0), image)


def test_millimetres_are_divided_by_the_spacing():
    image = random_image((12, 20, 21), "float32")
    result = unsharp_mask(image, 2, spacing=(3, 0.8, 0.5), unit="mm")
    np.testing.assert_array_equal(result, unsharp_mask(image, (2 / 3, 2 / 0.8, 2 / 0.5)))
    volume = pytest.importorskip("cormack.volume").Volume(image, spacing=(3, 0.8, 0.5))
    np.testing.assert_array_equal(unsharp_mask(volume, 2, unit="mm").array, result)


VIEWS = {
    "reversed": lambda a: a[::-1, ::-1, ::-1],
    "transposed": lambda a: a.transpose(2, 0, 1),
    "sliced": lambda a: a[1:, ::2, 3::3],
    "broadcast along x": lambda a: np.broadcast_to(a[:, :, :1], a.shape),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64"])
def test_strides_do_not_matter(view, dtype):
    image = VIEWS[view](random_image((8, 21, 40), dtype))
    expected = unsharp_mask(np.ascontiguousarray(image)).tobytes()
    assert unsharp_mask(image).tobytes() == expected
    output = np.zeros((image.shape[1], image.shape[2], image.shape[0]), dtype)[::-1].transpose(2, 0, 1)
    assert unsharp_mask(image, output=output) is output
    assert output.tobytes() == expected


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_bits_do_not_depend_on_threads_or_level(dtype):
    image = random_image((30, 50, 129), dtype)
    before = _cormack_cpu.isa()
    results = set()
    try:
        for level in _cormack_cpu.available_isas():
            _cormack_cpu.use_isa(level)
            results.update(unsharp_mask(image, 1.5, 0.7, workers=workers).tobytes() for workers in (1, 2, 3))
    finally:
        _cormack_cpu.use_isa(before)
    assert len(results) == 1


def test_nan_reaches_what_its_window_holds():
    image = random_image((20, 21, 40), "float32")
    clean = unsharp_mask(image)
    image[10, 3, 20], image[15, 18, 30] = np.nan, np.inf
    reach = scipy.ndimage.maximum_filter(~np.isfinite(image), 9)
    result = unsharp_mask(image)
    np.testing.assert_array_equal(np.isfinite(result), ~reach)
    np.testing.assert_array_equal(result[~reach], clean[~reach])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=3),
    st.sampled_from(INTEGERS + FLOATS),
    st.sampled_from([0.3, 1, 2.5]),
    st.sampled_from([-1.0, 0.3, 2.0]),
    st.sampled_from(MODES),
)
def test_random_calls_match_the_formula(shape, dtype, radius, amount, mode):
    check(random_image(shape, dtype), radius, amount, mode=mode)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"radius": -1}, ValueError, "unsharp_mask: `radius` must be at least 0, got -1"),
        ({"radius": 1e308}, ValueError, "unsharp_mask: `radius` must reach less than 16777216 voxels, got 1e+308"),
        ({"amount": np.nan}, ValueError, "unsharp_mask: `amount` must be finite, got nan"),
        ({"amount": "1"}, TypeError, "unsharp_mask: `amount` must be a number, got '1'"),
        ({"mode": "mirrored"}, ValueError, "unsharp_mask: `mode` must be one of 'reflect', "),
        ({"truncate": -1}, ValueError, "unsharp_mask: `truncate` must be at least 0, got -1"),
        ({"unit": "mm"}, ValueError, 'unsharp_mask: `spacing` must be given for unit="mm"'),
        ({"spacing": 1}, ValueError, "unsharp_mask: `unit` must be 'mm' where `spacing` is given, got 'voxel'"),
        ({"workers": 0}, ValueError, "unsharp_mask: `workers` must be at least 1, got 0"),
    ],
    ids=str,
)
def test_wrong_arguments_are_named(arguments, error, message):
    with pytest.raises(error) as caught:
        unsharp_mask(np.zeros((4, 5), np.int16), **arguments)
    assert str(caught.value).startswith(message)
