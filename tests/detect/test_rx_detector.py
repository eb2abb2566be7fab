"""Reed and Xiaoli's detector against its definition, voxel by voxel."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cormack import Volume, _cormack_cpu
from cormack.detect import rx_detector

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


def random_image(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    low, high = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return rng.integers(low, high, shape, endpoint=True).astype(dtype)


def definition(channels, inner, outer, mask=None, regularization=1e-6):
    """`channels`: (k, ...). Windows in voxels, one extent per axis; an outer one of None is the image."""
    k, shape = len(channels), channels.shape[1:]
    values = channels.astype(np.float64)
    counts = np.isfinite(values).all(0) if mask is None else np.isfinite(values).all(0) & mask
    result = np.empty(shape)
    for at in itertools.product(*map(range, shape)):

        def window(extents, at=at):
            return tuple(slice(max(0, i - e // 2), i + e // 2 + 1) for i, e in zip(at, extents, strict=True))

        ring = np.zeros(shape, bool)
        ring[window(outer) if outer else ...] = True
        if outer:
            ring[window(inner)] = False
        ring &= counts
        x, y = values[(slice(None), *at)], values[:, ring]
        if ring.sum() <= k or not np.isfinite(x).all():
            result[at] = np.nan
            continue
        mean = y.mean(1)
        covariance = (y - mean[:, None]) @ (y - mean[:, None]).T / ring.sum()
        covariance = covariance + regularization * np.trace(covariance) / k * np.eye(k)
        difference = x - mean
        if np.trace(covariance) == 0:
            result[at] = np.inf if (difference != 0).any() else 0
        else:
            result[at] = np.sqrt(difference @ np.linalg.solve(covariance, difference))
    return result


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(17, 33), (5, 9, 16), (1, 65), (21, 4, 3)])
def test_one_channel(dtype, shape, isa):
    image = random_image(shape, dtype)
    for inner, outer in ((1, 3), (3, 7), (5, 99)):
        expected = definition(image[np.newaxis], [inner] * image.ndim, [outer] * image.ndim)
        result = rx_detector(image, inner, outer)
        wide = dtype in ("uint32", "int32", "float64")
        assert result.dtype == (np.float64 if wide else np.float32)
        np.testing.assert_allclose(result, expected, rtol=1e-7 if wide else 1e-6)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
@pytest.mark.parametrize("shape", [(13, 17), (6, 7, 9)])
def test_channels(k, shape):
    rng = np.random.default_rng(k)
    mixing = rng.standard_normal((k, k))
    channels = np.tensordot(mixing, rng.standard_normal((k, *shape)), 1) + 100 * np.arange(k).reshape(
        -1, *[1] * len(shape)
    )
    expected = definition(channels, [3] * len(shape), [7] * len(shape))
    for axis in (0, -1, 1):
        result = rx_detector(np.moveaxis(channels, 0, axis), 3, 7, channel_axis=axis)
        np.testing.assert_allclose(result, expected, rtol=1e-7)
    mask = rng.random(shape) > 0.3
    np.testing.assert_allclose(
        rx_detector(channels, 1, 5, channel_axis=0, mask=mask, regularization=0.1),
        definition(channels, [1] * len(shape), [5] * len(shape), mask, 0.1),
        rtol=1e-7,
    )


@given(
    st.lists(st.integers(1, 8), min_size=2, max_size=3),
    st.sampled_from(["uint8", "int16", "float32", "float64"]),
    st.integers(0, 2**31),
    st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_windows_per_axis(shape, dtype, seed, masked):
    rng = np.random.default_rng(seed)
    image = random_image(shape, dtype, seed)
    inner = [int(2 * n + 1) for n in rng.integers(0, 3, len(shape))]
    outer = [e + 2 * int(n) for e, n in zip(inner, rng.integers(0, 3, len(shape)), strict=True)]
    outer[-1] += 2
    mask = rng.random(shape) > 0.4 if masked else None
    result = rx_detector(image, inner, outer, mask=mask)
    expected = definition(image[np.newaxis], inner, outer, mask)
    # Rings of a few equal values: a variance of 0 there is one of rounding in the definition.
    known = np.isnan(expected) | (expected < 1e5)
    np.testing.assert_allclose(result[known], expected[known], rtol=2e-6, atol=1e-6)


def test_the_whole_image():
    channels = random_image((3, 9, 11, 10), "float64")
    mask = random_image((9, 11, 10), "bool", 1)
    mean = channels.reshape(3, -1)
    for inside in (None, mask):
        values = mean if inside is None else mean[:, inside.ravel()]
        covariance = np.cov(values, ddof=0)
        covariance += 1e-6 * np.trace(covariance) / 3 * np.eye(3)
        difference = mean - values.mean(1, keepdims=True)
        expected = np.sqrt((difference * np.linalg.solve(covariance, difference)).sum(0)).reshape(9, 11, 10)
        np.testing.assert_allclose(rx_detector(channels, outer=None, channel_axis=0, mask=inside), expected, rtol=1e-9)
    image = random_image((30, 40), "int16")
    expected = np.abs(image - image.mean()) / (image.std() * np.sqrt(1 + 1e-6))
    np.testing.assert_allclose(rx_detector(image, outer=None), expected, rtol=1e-6)
    flat = np.full((5, 6), 3.5)
    assert (rx_detector(flat, outer=None) == 0).all()


def test_flat_surroundings():
    image = np.full((12, 13, 14), -1000, np.int16)
    assert (rx_detector(image, 1, 5) == 0).all()
    image[6, 6, 6] = 50
    result = rx_detector(image, 3, 5)
    assert np.isinf(result[6, 6, 6])
    far = np.ones(image.shape, bool)
    far[4:9, 4:9, 4:9] = False
    assert (result[far] == 0).all()
    # Two channels that are the same say no more than one.
    single = random_image((15, 16), "float64")
    np.testing.assert_allclose(
        rx_detector(np.stack([single, single]), 3, 7, channel_axis=0), rx_detector(single, 3, 7), rtol=1e-5
    )


def test_nan_does_not_count():
    image = random_image((20, 25), "float32")
    image[5, 6], image[13, 20] = np.nan, np.inf
    result = rx_detector(image, 3, 7)
    expected = definition(image[np.newaxis], (3, 3), (7, 7))
    np.testing.assert_allclose(result, expected, rtol=1e-5)
    assert np.isnan(result).sum() == 2
    assert np.isnan(rx_detector(image, outer=None)).sum() == 2


def test_bits_do_not_depend_on_instructions():
    image = random_image((3, 9, 20, 131), "float32")
    best = _cormack_cpu.isa()
    try:
        for channels, axis in ((image, 0), (image[0], None)):
            results = []
            for level in _cormack_cpu.available_isas():
                _cormack_cpu.use_isa(level)
                results.append(rx_detector(channels, 3, 9, channel_axis=axis).tobytes())
            assert len(set(results)) == 1
    finally:
        _cormack_cpu.use_isa(best)


def test_threads_strides_and_volumes():
    image = random_image((37, 20, 21), "float32")
    expected = rx_detector(image, 3, 7)
    for workers in (1, 2, 3):
        assert rx_detector(image, 3, 7, workers=workers).tobytes() == expected.tobytes()
    for view in (np.asfortranarray(image), image[::-1].copy()[::-1], image.repeat(2, 2)[:, :, ::2]):
        np.testing.assert_array_equal(rx_detector(view, 3, 7), expected)
    wide = rx_detector(image, (1, 3, 3), (3, 9, 7))
    np.testing.assert_array_equal(rx_detector(image, (4, 3, 3), (12, 9, 7), spacing=(4, 1, 1), unit="mm"), wide)
    volume = rx_detector(Volume(image, (4, 1, 1)), (4, 3, 3), (12, 9, 7), unit="mm")
    assert volume.spacing == (4, 1, 1)
    np.testing.assert_array_equal(volume.array, wide)
    for shape in ((0, 5), (3, 0, 4)):
        assert rx_detector(np.empty(shape)).shape == shape


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"inner": 2}, ValueError, "`inner` must be odd"),
        ({"inner": 0}, ValueError, "`inner` must be at least 1"),
        ({"inner": 10**30 + 1}, ValueError, "`inner` must be at most"),
        ({"outer": 2**62 + 1}, ValueError, "`outer` must be at most"),
        ({"outer": 3}, ValueError, "`outer` must be larger than `inner`"),
        ({"outer": 9.5}, TypeError, "`outer` must be an int"),
        ({"regularization": -1}, ValueError, "`regularization` must be at least 0"),
        ({"mask": np.ones((2, 2))}, ValueError, "`mask` must have shape"),
        ({"channel_axis": 0}, ValueError, "`image` must be 3-D or 4-D"),
        ({"unit": "mm"}, ValueError, "`spacing` must be given"),
    ],
)
def test_wrong_arguments_are_named(keywords, error, message):
    with pytest.raises(error, match=f"rx_detector: {message}"):
        rx_detector(np.zeros((8, 8)), **keywords)
    with pytest.raises(ValueError, match="1 to 32 channels"):
        rx_detector(np.zeros((33, 3, 3)), channel_axis=0)


@pytest.mark.parametrize("regularization", [0.0, 1e-9])
def test_units_of_channels_do_not_matter(regularization):
    rng = np.random.default_rng(5)
    channels = np.tensordot(rng.standard_normal((3, 3)), rng.standard_normal((3, 20, 30)), 1)
    expected = rx_detector(channels, outer=None, channel_axis=0, regularization=0.0)
    for factors in ((1, 1e-7, 1e9), (1e-30, 1, 1e20), (1e200, 1e-200, 1)):
        scaled = channels * np.reshape(factors, (3, 1, 1))
        result = rx_detector(scaled, outer=None, channel_axis=0, regularization=0.0)
        np.testing.assert_allclose(result, expected, rtol=1e-9)
    # One factor for all of them changes nothing, whatever is added.
    expected = rx_detector(channels, outer=None, channel_axis=0, regularization=regularization)
    around = rx_detector(channels, 3, 7, channel_axis=0, regularization=regularization)
    holed = channels.copy()
    holed[1, 3, 4] = np.inf
    beside = rx_detector(holed, outer=None, channel_axis=0, regularization=regularization)
    assert np.isnan(beside[3, 4])
    for factor in (1e200, 1e-200, 1e7):
        result = rx_detector(channels * factor, outer=None, channel_axis=0, regularization=regularization)
        np.testing.assert_allclose(result, expected, rtol=1e-7)
        result = rx_detector(holed * factor, outer=None, channel_axis=0, regularization=regularization)
        np.testing.assert_allclose(result, beside, rtol=1e-7)
        result = rx_detector(channels * factor, 3, 7, channel_axis=0, regularization=regularization)
        np.testing.assert_allclose(result, around, rtol=1e-6)
    with np.errstate(over="ignore"):
        assert np.isfinite(rx_detector(channels * 1e307, outer=None, channel_axis=0)).all()


def test_the_whole_image_with_channels_that_depend_on_each_other():
    rng = np.random.default_rng(6)
    first = rng.standard_normal((12, 14)) + 40
    image = np.stack([first, 3 * first + 1, np.full_like(first, 1e6)])
    expected = rx_detector(image[:1], outer=None, channel_axis=0, regularization=0)
    result = rx_detector(image, outer=None, channel_axis=0, regularization=0)
    np.testing.assert_allclose(result, expected, rtol=1e-6)
    for channel, change in ((1, 0.5), (2, 1e-3)):
        other = image.copy()
        inside = np.ones(first.shape, bool)
        inside[5, 6] = False
        other[channel, 5, 6] += change
        result = rx_detector(other, outer=None, channel_axis=0, regularization=0, mask=inside)
        assert np.isinf(result[5, 6])
        assert np.isfinite(result[inside]).all()
