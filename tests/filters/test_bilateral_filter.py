"""bilateral_filter: its definition in float64 within a bound, rounded once; SimpleITK, OpenCV; threads, levels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from cormack import Volume, _cormack_cpu
from cormack.filters import bilateral_filter

INTEGERS = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32"]
FLOATS = ["float32", "float64"]
IN_FLOAT32 = ["bool", "uint8", "int8", "uint16", "int16", "float32"]
PAD_MODES = {"reflect": "symmetric", "constant": "constant", "nearest": "edge", "mirror": "reflect", "wrap": "wrap"}
WIDTHS = [1, 2, 7, 15, 16, 17, 31, 33, 63, 64, 65, 129]
SHAPES = [(1, 1), (1, 7), (5, 17), (9, 33), (1, 1, 1), (3, 1, 9), (2, 5, 31), (6, 7, 16)]


def random_image(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    return (rng.standard_normal(shape) * 100).astype(dtype)


def spread_of(image):
    """Return a sigma_intensity that lets about half of the differences count."""
    return max(float(np.std(image.astype(float))), 0.3)


def exact(image, sigma, sigma_intensity, radius, window="ball", mode="reflect", cval=0.0):
    """Return the filter's definition in float64, and how far the documented arithmetic may be from it."""
    sigma, radius = np.broadcast_to(sigma, image.ndim), np.broadcast_to(radius, image.ndim)
    values = image.astype(np.float64)
    arguments = {"constant_values": cval} if mode == "constant" else {}
    padded = values
    for axis, reach in enumerate(radius):
        # Beyond an axis of length 1 numpy's "reflect" is an edge, as it is in scipy.ndimage.
        widths = [(reach, reach) if axis == other else (0, 0) for other in range(image.ndim)]
        padded = np.pad(padded, widths, PAD_MODES[mode], **arguments)
    unit = 2.0**-24 if image.dtype.name in IN_FLOAT32 else 2.0**-53
    base, lowest = (4e-6, -126) if unit > 1e-10 else (1e-12, -1022)
    finite = np.abs(values[np.isfinite(values)])
    largest = max(finite.max(initial=0), abs(cval) if np.isfinite(cval) else 0)
    scale = np.sqrt(0.5 * np.log2(np.e)) / sigma_intensity
    # Sums over a row, over the rows of a plane, over planes.
    additions = 2 * sum(radius) + 8
    total, weighted, deviation, doubt, weighted_doubt = (np.zeros(image.shape) for _ in range(5))
    for offset in itertools.product(*(range(-reach, reach + 1) for reach in radius)):
        inside = sum((o / r) ** 2 for o, r in zip(offset, radius, strict=True) if o)
        if window == "ball" and inside > 1 + 1e-9:
            continue
        place = tuple(slice(reach + o, reach + o + n) for reach, o, n in zip(radius, offset, image.shape, strict=True))
        with np.errstate(invalid="ignore"):
            difference = padded[place] - values
        known = np.isfinite(difference)
        difference = np.where(known, difference, 0)
        apart = sum((o / s) ** 2 for o, s in zip(offset, sigma, strict=True) if o)
        exponent = -((difference * scale) ** 2) - 0.5 * np.log2(np.e) * apart
        weight = np.where(known, np.exp2(exponent), 0)
        # The scaled values and their difference are rounded, so is the exponent.
        error = base + np.log(2) * (2 * np.abs(difference) * scale * 4 * unit * largest * scale + 4 * unit * -exponent)
        error = error + additions * unit
        # What is below the cut-off is left out.
        error = np.where(exponent < lowest + 1, 1, error)
        total += weight
        weighted += weight * difference
        deviation += weight * np.abs(difference)
        doubt += weight * error
        weighted_doubt += weight * error * np.abs(difference)
    with np.errstate(invalid="ignore", divide="ignore"):
        change = weighted / total
        bound = 1.01 * (weighted_doubt + doubt * deviation / total) / total + 6 * unit * largest
    # What has no finite value stays what it is.
    return values + np.where(np.isfinite(values), change, 0), np.where(np.isfinite(values), bound, 0)


def assert_right(result, image, expected, bound):
    assert result.dtype == image.dtype
    assert result.shape == image.shape
    if image.dtype.kind == "f":
        same = np.isnan(expected) & np.isnan(result) | (result == expected)
        with np.errstate(invalid="ignore"):
            assert (same | (np.abs(result - expected) <= bound)).all()
        return
    low, high = (0, 1) if image.dtype == bool else (np.iinfo(image.dtype).min, np.iinfo(image.dtype).max)
    clipped = np.clip(expected, low, high)
    assert (np.abs(result.astype(float) - clipped) <= 0.5 + bound).all()


def assert_matches_definition(image, sigma, sigma_intensity, radius, **arguments):
    result = bilateral_filter(image, sigma, sigma_intensity, radius=radius, **arguments)
    assert_right(result, image, *exact(image, sigma, sigma_intensity, radius, **arguments))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
def test_matches_definition(dtype, shape):
    image = random_image(shape, dtype)
    for sigma, radius in ((1, 2), ((0.7, 1.5, 2)[-image.ndim :], (1, 3, 2)[-image.ndim :])):
        assert_matches_definition(image, sigma, spread_of(image), radius)


def test_error_bound_of_common_use_is_small():
    image = np.random.default_rng(0).integers(-1024, 3072, (9, 20, 33)).astype(np.int16).astype(np.float32)
    expected, bound = exact(image, 1.5, 60, 4)
    assert bound.max() < 2e-6 * np.ptp(image)
    assert np.abs(bilateral_filter(image, 1.5, 60, radius=4) - expected).max() < 5e-7 * np.ptp(image)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_every_level_matches_definition_around_vector_widths(isa, dtype):
    for width in WIDTHS:
        image = random_image((3, width), dtype, width)
        assert_matches_definition(image, 1.2, spread_of(image), 2)


@pytest.mark.parametrize("mode", PAD_MODES)
@pytest.mark.parametrize("dtype", ["int16", "float32", "float64"])
def test_borders_match_definition(dtype, mode):
    image = random_image((4, 7, 5), dtype)
    for radius in (2, (6, 1, 9)):
        assert_matches_definition(image, 2, spread_of(image), radius, mode=mode, cval=-7.5)


@pytest.mark.parametrize("window", ["ball", "box"])
@pytest.mark.parametrize("radius", [1, 5, (0, 3, 2), (3, 0, 0)], ids=str)
def test_windows_match_definition(window, radius):
    image = random_image((7, 9, 12), "float32")
    assert_matches_definition(image, 2, 80, radius, window=window)


def test_volume_matches_simpleitk():
    """SimpleITK's weights are too large by up to 4 / 25: it rounds differences down to multiples of sigma / 25, and
    drops those beyond 4 sigma. With a finer table only the latter remains: weights of e^-8 or less."""
    SimpleITK = pytest.importorskip("SimpleITK")
    rng = np.random.default_rng(1)
    image = (np.cumsum(rng.standard_normal((14, 15, 20)), axis=2) * 20).astype(np.float32)
    sigma, sigma_intensity = 1.0, 50.0
    result = bilateral_filter(image, sigma, sigma_intensity, window="box", mode="nearest")
    source = SimpleITK.GetImageFromArray(image)
    for samples, largest, typical in ((100, 0.04, 0.01), (100000, 0.01, 0.001)):
        expected = SimpleITK.GetArrayFromImage(SimpleITK.Bilateral(source, sigma, sigma_intensity, samples))
        assert np.abs(result - expected).max() < largest * sigma_intensity
        assert np.sqrt(np.mean((result - expected) ** 2)) < typical * sigma_intensity
    other = bilateral_filter(image, sigma, sigma_intensity, window="ball", mode="nearest")
    assert np.sqrt(np.mean((other - expected) ** 2)) > 3 * typical * sigma_intensity


def test_image_matches_opencv():
    """OpenCV's float filter interpolates a table of weights; its window is the ball."""
    cv2 = pytest.importorskip("cv2")
    image = random_image((40, 53), "float32")
    expected = cv2.bilateralFilter(image, 9, 60.0, 2.5, borderType=cv2.BORDER_REFLECT)
    np.testing.assert_allclose(bilateral_filter(image, 2.5, 60, radius=4), expected, rtol=0, atol=1e-2)
    image = random_image((40, 53), "uint8")
    expected = cv2.bilateralFilter(image, 9, 60.0, 2.5, borderType=cv2.BORDER_REFLECT)
    result = bilateral_filter(image, 2.5, 60, radius=4)
    assert np.abs(result.astype(int) - expected).max() <= 1
    assert (result != expected).mean() < 1e-3


def test_flat_regions_do_not_change():
    image = np.full((5, 9, 20), 123.456, np.float32)
    np.testing.assert_array_equal(bilateral_filter(image, 2, 10), image)
    # Beyond an edge of 14 sigma there are no neighbours at all.
    image[:, :, 11:] += 140
    np.testing.assert_array_equal(bilateral_filter(image, 2, 10), image)
    for dtype in ("uint8", "int16", "int32"):
        flat = np.full((4, 6, 18), np.iinfo(dtype).min, dtype)
        np.testing.assert_array_equal(bilateral_filter(flat, 2, 10), flat)


@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_and_infinities_keep_their_value_and_have_no_weight(dtype):
    image = random_image((8, 11, 20), dtype)
    image[3, 4, 5], image[4, 4, 6], image[7, 0, 19], image[3, 3, 5] = np.nan, np.inf, -np.inf, np.nan
    image[5, 5, 9] = np.finfo(dtype).max
    expected, bound = exact(np.where(image == np.finfo(dtype).max, np.inf, image), 1.5, 80, 2)
    expected[5, 5, 9] = np.finfo(dtype).max
    result = bilateral_filter(image, 1.5, 80, radius=2)
    assert_right(result, image, expected, bound)
    assert np.isnan(result).sum() == 2
    for value in (np.nan, np.inf):
        np.testing.assert_array_equal(bilateral_filter(np.full((4, 5), value, dtype), 1, 1), np.full((4, 5), value))


def test_nan_beyond_the_border_has_no_weight():
    image = random_image((6, 7), "float32")
    expected, bound = exact(image, 1.5, 80, 3, mode="constant", cval=np.nan)
    assert_right(bilateral_filter(image, 1.5, 80, radius=3, mode="constant", cval=np.nan), image, expected, bound)


def test_extreme_sigmas():
    image = random_image((5, 9), "float32")
    np.testing.assert_array_equal(bilateral_filter(image, 1, 1e-30), image)
    np.testing.assert_array_equal(bilateral_filter(image, 0, 10), image)
    np.testing.assert_array_equal(bilateral_filter(image, 1e-3, 10, radius=2), image)
    expected = scipy.ndimage.uniform_filter(image.astype(float), 41)
    for sigma in (1e20, 1e37, 1e308):
        result = bilateral_filter(image, 1e9, sigma, radius=20, window="box")
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-3)
    for sigma in (1, 1e-30, 1e30):
        assert np.isfinite(bilateral_filter(random_image((5, 9), "float64") * 1e300, 1, sigma)).all()


def test_millimetres_are_divided_by_the_spacing():
    image = random_image((6, 12, 13), "float32")
    expected = bilateral_filter(image, (2 / 3, 2 / 0.8, 4 / 0.8), 90)
    sigma, spacing = (2, 2, 4), (3, 0.8, 0.8)
    result = bilateral_filter(image, sigma, 90, spacing=spacing, unit="mm")
    np.testing.assert_array_equal(result, expected)
    volume = bilateral_filter(Volume(image, spacing=spacing), sigma, 90, unit="mm")
    assert volume.spacing == spacing
    np.testing.assert_array_equal(volume.array, expected)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_bits_do_not_depend_on_threads_or_level(dtype):
    image = random_image((9, 70, 35), dtype)
    before = _cormack_cpu.isa()
    results = set()
    try:
        for level in _cormack_cpu.available_isas():
            _cormack_cpu.use_isa(level)
            results.update(
                bilateral_filter(image, 1, spread_of(image) / 3, workers=workers).tobytes() for workers in (1, 2, 3)
            )
    finally:
        _cormack_cpu.use_isa(before)
    assert len(results) == 1


@st.composite
def calls(draw):
    ndim = draw(st.integers(1, 3))
    shape = tuple(draw(st.integers(1, 25 if axis == ndim - 1 else 7)) for axis in range(ndim))
    image = random_image(shape, draw(st.sampled_from(INTEGERS + FLOATS)), draw(st.integers(0, 99)))
    arguments = {
        "sigma": [draw(st.sampled_from([0.3, 1, 4.5])) for _ in shape],
        "sigma_intensity": draw(st.sampled_from([0.02, 0.5, 3])) * spread_of(image),
        "radius": [draw(st.integers(0, 4)) for _ in shape],
        "mode": draw(st.sampled_from(list(PAD_MODES))),
        "cval": draw(st.sampled_from([0, -3, 100.25])),
        "window": draw(st.sampled_from(["ball", "box"])),
    }
    return image, arguments


@settings(deadline=None, max_examples=80)
@given(calls())
def test_random_calls_match_definition(call):
    image, arguments = call
    assert_matches_definition(image, **arguments)


IMAGE = np.zeros((4, 5), np.int16)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"sigma_spatial": -1}, ValueError, "`sigma_spatial` must be at least 0, got -1"),
        ({"sigma_spatial": np.nan}, ValueError, "`sigma_spatial` must be finite, got nan"),
        ({"sigma_spatial": "1"}, TypeError, "`sigma_spatial` must be a number, got '1'"),
        ({"sigma_spatial": (1, 1, 1)}, ValueError, "`sigma_spatial` must be one value or one for each of 2 axes"),
        ({"sigma_spatial": 1e308}, ValueError, "`sigma_spatial` must reach less than 16777216 voxels, got 1e+308"),
        ({"sigma_spatial": 5000}, ValueError, "`sigma_spatial` must make a window of at most 16777216 voxels"),
        ({"sigma_intensity": 0}, ValueError, "`sigma_intensity` must be above 0, got 0"),
        ({"sigma_intensity": -1}, ValueError, "`sigma_intensity` must be above 0, got -1"),
        ({"sigma_intensity": np.inf}, ValueError, "`sigma_intensity` must be finite, got inf"),
        ({"sigma_intensity": None}, TypeError, "`sigma_intensity` must be a number, got None"),
        ({"radius": 2**40}, ValueError, "`radius` must be at most 16777216, got 1099511627776"),
        ({"radius": 2**20}, ValueError, "`radius` must make a window of at most 16777216 voxels, got 1048576"),
        ({"radius": -1}, ValueError, "`radius` must be at least 0, got -1"),
        ({"radius": 1.5}, TypeError, "`radius` must be an int, got 1.5"),
        ({"truncate": -1}, ValueError, "`truncate` must be at least 0, got -1"),
        ({"window": "circle"}, ValueError, "`window` must be one of 'ball', 'box', got 'circle'"),
        ({"mode": "mirrored"}, ValueError, "`mode` must be one of 'reflect', "),
        ({"cval": np.nan}, ValueError, "`cval` must be finite, got nan"),
        ({"unit": "mm"}, ValueError, '`spacing` must be given for unit="mm"'),
        ({"spacing": 1}, ValueError, "`unit` must be 'mm' where `spacing` is given, got 'voxel'"),
        ({"workers": 0}, ValueError, "`workers` must be at least 1, got 0"),
    ],
    ids=str,
)
def test_wrong_arguments_are_named(arguments, error, message):
    with pytest.raises(error) as caught:
        bilateral_filter(IMAGE, **{"sigma_spatial": 1, "sigma_intensity": 1, **arguments})
    assert str(caught.value).startswith("bilateral_filter: " + message)


@pytest.mark.parametrize("dtype", ["int64", "float16", "complex64", "object"])
def test_unsupported_dtypes_are_named(dtype):
    with pytest.raises(TypeError, match="bilateral_filter: `input` must have one of the dtypes bool, uint8"):
        bilateral_filter(np.zeros((3, 3), dtype), 1, 1)
