"""non_local_means: scikit-image's fast mode in float64 within the documented bound, rounded once; threads, levels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.restoration import denoise_nl_means

from cormack import _cormack_cpu
from cormack.filters import non_local_means

INTEGERS = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32"]
FLOATS = ["float32", "float64"]
PAD_MODES = {"reflect": "symmetric", "constant": "constant", "nearest": "edge", "mirror": "reflect", "wrap": "wrap"}
WIDTHS = [1, 2, 7, 15, 16, 17, 31, 33, 63, 64, 65, 129, 255, 256, 257, 272]
SHAPES = [(1, 1), (1, 7), (5, 17), (9, 33), (40, 65), (1, 1, 1), (3, 1, 9), (2, 5, 31), (12, 7, 16), (19, 40, 9)]


def random_image(shape, dtype, seed=0):
    """Return smooth structure and noise, so that weights are neither all 0 nor all 1."""
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random(shape) < 0.5
    noise = 40 * np.sin(sum(np.ogrid[tuple(slice(0, n / 3, n * 1j) for n in shape)])) + 15 * rng.standard_normal(shape)
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        scale = (limits.max / 2 - limits.min / 2) / 128
        return np.clip(np.rint(noise * scale + (limits.max / 2 + limits.min / 2)), limits.min, limits.max).astype(dtype)
    return noise.astype(dtype)


def noise_of(image):
    return max(float(np.std(image.astype(float))) / 2, 0.2)


def skimage_result(image, size, distance, h, sigma=0.0, mode="reflect", cval=0.0):
    """Return scikit-image's result; for other borders, that of an image to which they were added."""
    values = image.astype(np.float64)
    around = 0 if mode == "mirror" else distance + size // 2 + 1
    arguments = {"constant_values": cval} if mode == "constant" else {}
    values = np.pad(values, around, PAD_MODES[mode], **arguments)
    # It squeezes a last axis of length 1 away.
    result = denoise_nl_means(values, size, distance, h, sigma=sigma, preserve_range=True).reshape(values.shape)
    return result[tuple(slice(around, around + n) for n in image.shape)]


def assert_right(result, image, expected, cval=0.0):
    assert result.dtype == image.dtype
    assert result.shape == image.shape
    values = image.astype(np.float64)
    reach = max(np.ptp(values), abs(values.max() - cval), abs(values.min() - cval))
    # Weights have 20 bits: one that is rounded the other way is off by 2**-20 of itself.
    bound = 2e-6 * reach + (2.0**-23 if image.dtype != np.float64 else 2.0**-52) * np.abs(expected)
    if image.dtype.kind != "f":
        low, high = (0, 1) if image.dtype == bool else (np.iinfo(image.dtype).min, np.iinfo(image.dtype).max)
        expected, bound = np.clip(expected, low, high), bound + 0.5
    error = np.abs(result.astype(float) - expected)
    # A patch whose distance is 5 to rounding has a weight of 0.0067 or none.
    assert (error > bound).sum() <= 1 + image.size // 1000
    assert (error <= bound + 0.0067 * reach).all()


def assert_matches_skimage(image, size, distance, h, **arguments):
    result = non_local_means(image, size, distance, h, **arguments)
    assert_right(result, image, skimage_result(image, size, distance, h, **arguments), arguments.get("cval", 0.0))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
def test_matches_skimage(dtype, shape):
    image = random_image(shape, dtype)
    noise = noise_of(image)
    assert_matches_skimage(image, 3, 2, noise, mode="mirror")
    assert_matches_skimage(image, 5, 3, noise, sigma=0.8 * noise, mode="mirror")


def test_integers_in_float64_match_skimage_to_the_last_bits():
    """Sums of squares of integers are exact, so the weights are identical, for an h whose square is a power of two."""
    for shape in ((40, 50), (9, 20, 21)):
        image = np.rint(random_image(shape, "float64"))
        result = non_local_means(image, 3, 4, 16.0)
        expected = skimage_result(image, 3, 4, 16.0)
        assert (np.abs(result - expected) < 1e-6 * np.ptp(image)).all()
        assert np.median(np.abs(result - expected)) < 1e-14 * np.ptp(image)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_every_level_matches_skimage_around_vector_widths(isa, dtype):
    for width in WIDTHS:
        image = random_image((3, width), dtype, width)
        assert_matches_skimage(image, 3, 3, noise_of(image))


@pytest.mark.parametrize("mode", PAD_MODES)
@pytest.mark.parametrize("shape", [(20, 23), (11, 3, 9)], ids=str)
def test_borders_match_skimage_of_padded_images(shape, mode):
    image = random_image(shape, "float32")
    assert_matches_skimage(image, 3, 2, 20, mode=mode, cval=-7.5)
    assert_matches_skimage(image, 5, 6, 20, mode=mode, cval=10)


@pytest.mark.parametrize(("size", "distance"), [(3, 0), (3, 11), (7, 11), (9, 1), (21, 2)])
def test_sizes_match_skimage(size, distance):
    image = random_image((45, 60), "float32")
    assert_matches_skimage(image, size, distance, 15)
    assert_matches_skimage(image[:10], size, distance, 15)
    if distance < 5 and size < 10:
        assert_matches_skimage(random_image((7, 9, 21), "float32"), size, distance, 15)


def test_several_tiles_match_skimage():
    image = random_image((70, 300), "int16")
    assert_matches_skimage(image, 3, 7, noise_of(image))
    image = random_image((30, 70, 40), "float32")
    assert_matches_skimage(image, 3, 2, 20)


def test_a_patch_of_one_voxel_and_sizes_per_axis():
    """An axis that is neither compared nor searched is a batch; a patch of one voxel compares voxels."""
    image = random_image((4, 12, 20), "float32")
    slices = np.stack([non_local_means(plane, 3, 4, 20) for plane in image])
    np.testing.assert_array_equal(non_local_means(image, (1, 3, 3), (0, 4, 4), 20), slices)
    line = np.array([[0, 1, 0, 50, 1, 0]], np.float32)
    np.testing.assert_allclose(
        non_local_means(line, 1, (0, 5), 5, mode="constant", cval=1e6)[0, [0, 3]], [0.4, 50], atol=0.01
    )
    np.testing.assert_array_equal(non_local_means(image, 1, 0, 5), image)


def test_flat_regions_do_not_change():
    image = np.full((5, 30), 123.456, np.float32)
    image[:, 17:] += 100
    np.testing.assert_array_equal(non_local_means(image, 3, 5, 10), image)
    for dtype in ("uint8", "int16", "int32"):
        flat = np.full((4, 6, 18), np.iinfo(dtype).min, dtype)
        np.testing.assert_array_equal(non_local_means(flat, 3, 2, 10), flat)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_around_nan_and_infinities_keep_their_value(dtype, value):
    image = random_image((20, 33), dtype)
    clean = non_local_means(image, 3, 3, 20)
    broken = image.copy()
    broken[9, 20] = value
    result = non_local_means(broken, 3, 3, 20)
    # The patch of a voxel is the voxel and those behind it.
    np.testing.assert_array_equal(result[8:10, 19:21], broken[8:10, 19:21])
    assert np.isfinite(np.delete(result.ravel(), 9 * 33 + 20)).all()
    # Beyond the reach of shifts and patches nothing changes.
    far = np.ones(image.shape, bool)
    far[5:13, 16:24] = False
    np.testing.assert_array_equal(result[far], clean[far])


def test_extreme_strengths():
    image = random_image((9, 20), "float32")
    np.testing.assert_array_equal(non_local_means(image, 3, 2, 1e-30), image)
    np.testing.assert_array_equal(non_local_means(image, 3, 2, 1e-300), image)
    for h in (1e20, 1e37, 1e300):
        assert_right(non_local_means(image, 3, 2, h), image, skimage_result(image, 3, 2, 1e9))
    for scale in (1e30, 1e-30):
        small = non_local_means((image * np.float32(scale)), 3, 2, 20 * scale)
        np.testing.assert_allclose(small / np.float32(scale), non_local_means(image, 3, 2, 20), rtol=0, atol=1e-3)


def test_h_follows_sigma():
    image = random_image((20, 30), "float32")
    np.testing.assert_array_equal(non_local_means(image, 3, 3, sigma=10), non_local_means(image, 3, 3, h=8, sigma=10))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("shape", [(150, 290), (19, 50, 35)], ids=str)
def test_bits_do_not_depend_on_threads_or_level(dtype, shape):
    image = random_image(shape, dtype)
    before = _cormack_cpu.isa()
    results = set()
    try:
        for level in _cormack_cpu.available_isas():
            _cormack_cpu.use_isa(level)
            results.update(
                non_local_means(image, 3, 2, noise_of(image), workers=workers).tobytes() for workers in (1, 2, 3)
            )
    finally:
        _cormack_cpu.use_isa(before)
    assert len(results) == 1


def test_bits_do_not_depend_on_tiles():
    """A voxel far from every border has the result that it has in a piece of the image."""
    image = random_image((60, 80, 40), "float32")
    whole = non_local_means(image, 3, 2, 20)
    piece = non_local_means(image[5:47, 9:, 3:], 3, 2, 20)
    np.testing.assert_array_equal(piece[4:-4, 4:-4, 4:-4], whole[9:43, 13:-4, 7:-4])


@st.composite
def calls(draw):
    ndim = draw(st.integers(2, 3))
    shape = tuple(draw(st.integers(1, 40 if axis == ndim - 1 else 12)) for axis in range(ndim))
    image = random_image(shape, draw(st.sampled_from(INTEGERS + FLOATS)), draw(st.integers(0, 99)))
    noise = noise_of(image)
    arguments = {
        "size": draw(st.sampled_from([3, 5, 7])),
        "distance": draw(st.integers(0, 4)),
        "h": noise * draw(st.sampled_from([0.1, 1, 10])),
        "sigma": noise * draw(st.sampled_from([0, 0.5, 1])),
    }
    return image, arguments


@settings(deadline=None, max_examples=60)
@given(calls())
def test_random_calls_match_skimage(call):
    image, arguments = call
    assert_matches_skimage(image, **arguments)


IMAGE = np.zeros((4, 5), np.int16)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"patch_size": 4}, ValueError, "`patch_size` must be odd, got 4"),
        ({"patch_size": 0}, ValueError, "`patch_size` must be at least 1, got 0"),
        ({"patch_size": 3.0}, TypeError, "`patch_size` must be an int, got 3.0"),
        ({"patch_size": (3, 3, 3)}, ValueError, "`patch_size` must be one value or one for each of 2 axes"),
        ({"patch_size": 9999}, ValueError, "`patch_size` must be at most 1023, got 9999"),
        ({"patch_distance": -1}, ValueError, "`patch_distance` must be at least 0, got -1"),
        ({"patch_distance": 2100}, ValueError, "`patch_distance` must be at most 1024, got 2100"),
        ({"h": 0}, ValueError, "`h` must be above 0, got 0"),
        ({"h": -1}, ValueError, "`h` must be above 0, got -1"),
        ({"h": None}, ValueError, "`h` must be given where `sigma` is 0, got None"),
        ({"h": np.nan}, ValueError, "`h` must be finite, got nan"),
        ({"sigma": -1}, ValueError, "`sigma` must be at least 0, got -1"),
        ({"mode": "mirrored"}, ValueError, "`mode` must be one of 'reflect', "),
        ({"workers": 0}, ValueError, "`workers` must be at least 1, got 0"),
        ({"output": np.uint8}, TypeError, "`output` must have the input's dtype int16, float32 or"),
    ],
    ids=str,
)
def test_wrong_arguments_are_named(arguments, error, message):
    with pytest.raises(error) as caught:
        non_local_means(IMAGE, **{"h": 1, **arguments})
    assert str(caught.value).startswith("non_local_means: " + message)


@pytest.mark.parametrize("dtype", ["int64", "float16", "complex64", "object"])
def test_unsupported_dtypes_are_named(dtype):
    with pytest.raises(TypeError, match="non_local_means: `input` must have one of the dtypes bool, uint8"):
        non_local_means(np.zeros((3, 3), dtype), h=1)
