"""Sobel, Prewitt, Scharr and gradient magnitudes against SciPy, scikit-image, OpenCV and ramps."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
import skimage.filters
from hypothesis import given, settings
from hypothesis import strategies as st

from cormack import Volume, _cormack_cpu, filters
from cormack.filters import gradient_magnitude, prewitt, scharr, sobel

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
MODES = ["reflect", "constant", "nearest", "mirror", "wrap"]
OPERATORS = {"sobel": sobel, "prewitt": prewitt, "scharr": scharr}
SIDES = (1, 2, 7, 15, 16, 17, 31, 33, 63, 64, 65, 129)


def random_image(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return (1000 * rng.standard_normal(shape)).astype(dtype)
    low, high = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return rng.integers(low, high, shape, endpoint=True).astype(dtype)


def oracle(name, image, axis, **keywords):
    """SciPy in float64: the derivative first, then the sums along the other axes."""
    image = image.astype(np.float64)
    if name != "scharr":
        return getattr(scipy.ndimage, name)(image, axis, **keywords)
    modes = keywords.get("mode", "reflect")
    cval = keywords.get("cval", 0)
    result = scipy.ndimage.correlate1d(image, [-1, 0, 1], axis, mode=modes, cval=cval)
    for other in range(image.ndim):
        if other != axis % image.ndim:
            result = scipy.ndimage.correlate1d(result, [3, 10, 3], other, mode=modes, cval=cval)
    return result


def check(name, image, axis, **keywords):
    result = OPERATORS[name](image, axis, **keywords)
    expected = oracle(name, image, axis, **keywords)
    assert result.dtype == (np.float64 if image.dtype == np.float64 else np.float32)
    if image.dtype.kind in "bui" and image.dtype.itemsize <= 2:
        # Integers below 2**24 all the way.
        np.testing.assert_array_equal(result, expected)
        return
    # Of a window's sum of magnitudes three passes keep all but a few units in the last place.
    weight = {"sobel": 4, "prewitt": 3, "scharr": 16}[name] ** (image.ndim - 1) * 2
    largest = max(np.abs(image.astype(float)).max(initial=0), abs(keywords.get("cval", 0)))
    unit = 2.0**-24 if result.dtype == np.float32 else 2.0**-53
    np.testing.assert_allclose(result, expected, rtol=0, atol=12 * unit * weight * largest)


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_and_axis_matches_scipy(name, dtype, isa):
    for shape in ((5, 6, 33), (17, 65), (40,)):
        image = random_image(shape, dtype)
        for axis in range(-1, len(shape)):
            check(name, image, axis)


@pytest.mark.parametrize("side", SIDES)
def test_odd_sizes_match_scipy(side):
    for dtype in ("uint8", "int16", "float64"):
        check("sobel", random_image((2, 3, side), dtype), -1)
        check("prewitt", random_image((side, 3), dtype), 0)


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cval", [0, 37])
def test_borders_match_scipy(name, mode, cval):
    for shape in ((4, 5, 6), (7, 3), (1, 2)):
        for axis in range(len(shape)):
            check(name, random_image(shape, "int16"), axis, mode=mode, cval=cval)


def test_scharr_matches_opencv():
    cv2 = pytest.importorskip("cv2")
    image = random_image((20, 31), "uint8")
    for axis in (0, 1):
        expected = cv2.Scharr(image, cv2.CV_32F, int(axis == 1), int(axis == 0), borderType=cv2.BORDER_REFLECT)
        np.testing.assert_array_equal(scharr(image, axis), expected)


@pytest.mark.parametrize("name", OPERATORS)
def test_one_axis_matches_scikit_image(name):
    image = random_image((9, 12, 11), "float64")
    for axis in range(3):
        expected = getattr(skimage.filters, name)(image, axis=axis)
        # Its kernels smooth with weights of sum 1, and are convolved.
        result = OPERATORS[name](image, axis, normalize=True)
        np.testing.assert_allclose(2 * result, expected * np.sign((expected * result).sum()), atol=1e-10)


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_magnitude_matches_scikit_image(name, dtype, isa):
    for shape in ((6, 9, 65), (21, 33)):
        image = random_image(shape, dtype)
        expected = getattr(skimage.filters, name)(image.astype(np.float64)) * np.sqrt(len(shape)) / 2
        result = gradient_magnitude(image, name)
        largest = np.abs(image.astype(float)).max()
        unit = 2.0**-24 if result.dtype == np.float32 else 2.0**-53
        np.testing.assert_allclose(result, expected, rtol=4 * unit, atol=16 * np.sqrt(3) * unit * largest)


@pytest.mark.parametrize("operator", ["sobel", "prewitt", "scharr", "central"])
def test_ramps_in_millimetres(operator):
    spacing = (3.0, 0.8, 0.5)
    z, y, x = (size * index for size, index in zip(spacing, np.indices((6, 7, 9)), strict=True))
    image = 3 * x - 2 * y + 6 * z
    inside = (slice(1, -1),) * 3
    result = gradient_magnitude(image, operator, spacing=spacing, unit="mm")
    np.testing.assert_allclose(result[inside], 7.0, rtol=1e-12)
    volume = Volume(image, spacing=spacing)
    assert isinstance(gradient_magnitude(volume, operator, unit="mm"), Volume)
    if operator != "central":
        for axis, slope in enumerate((6, -2, 3)):
            derived = OPERATORS[operator](volume, axis, normalize=True, unit="mm")
            np.testing.assert_allclose(derived.array[inside], slope, rtol=1e-12)


def test_axes_are_batches():
    series = random_image((3, 4, 5, 6), "int16")
    expected = np.stack([sobel(volume, 1) for volume in series])
    np.testing.assert_array_equal(sobel(series, 2, axes=(1, 2, 3)), expected)
    expected = np.stack([gradient_magnitude(image) for image in series.reshape(-1, 5, 6)])
    np.testing.assert_array_equal(gradient_magnitude(series, axes=(2, 3)), expected.reshape(series.shape))


VIEWS = {
    "reversed": lambda a: a[::-1, ::-1, ::-1],
    "transposed": lambda a: a.transpose(2, 0, 1),
    "sliced": lambda a: a[1:, ::2, 3::3],
    "broadcast": lambda a: np.broadcast_to(a[0], (5, *a.shape[1:])),
}


@pytest.mark.parametrize("view", VIEWS)
def test_strides_do_not_matter(view):
    image = VIEWS[view](random_image((8, 21, 40), "int16"))
    plain = np.ascontiguousarray(image)
    for run in (sobel, prewitt, gradient_magnitude):
        assert run(image).tobytes() == run(plain).tobytes()
        output = np.zeros((image.shape[1], image.shape[2], image.shape[0]), np.float32)[::-1].transpose(2, 0, 1)
        assert run(image, output=output) is output
        assert output.tobytes() == run(plain).tobytes()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_bits_do_not_depend_on_threads_or_level(dtype):
    image = random_image((30, 50, 129), dtype)
    before = _cormack_cpu.isa()
    for run in (sobel, scharr, gradient_magnitude):
        results = set()
        try:
            for level in _cormack_cpu.available_isas():
                _cormack_cpu.use_isa(level)
                results.update(run(image, workers=workers).tobytes() for workers in (1, 2, 3))
        finally:
            _cormack_cpu.use_isa(before)
        assert len(results) == 1


def test_nan_reaches_what_its_window_holds():
    image = random_image((9, 11, 40), "float32")
    image[4, 5, 20] = np.nan
    assert np.isnan(gradient_magnitude(image)).sum() == 27
    assert np.isnan(gradient_magnitude(image, "central")).sum() <= 27
    assert not np.isnan(np.delete(sobel(image), slice(19, 22), axis=2)).any()


def test_outputs():
    image = random_image((9, 31), "int32")
    np.testing.assert_array_equal(sobel(image, output=np.float64), scipy.ndimage.sobel(image.astype(float)))
    with pytest.raises(TypeError, match="sobel: `output` must have the dtype float32 or float64, got int16"):
        sobel(image, output=np.int16)
    assert sobel(np.empty((0, 3), np.int16)).shape == (0, 3)
    assert prewitt(np.empty((3, 0))).dtype == np.float64
    assert gradient_magnitude(np.empty((2, 0, 3), np.uint8)).shape == (2, 0, 3)


@settings(deadline=None, max_examples=60)
@given(
    name=st.sampled_from(list(OPERATORS)),
    dtype=st.sampled_from(DTYPES),
    shape=st.lists(st.integers(1, 12), min_size=1, max_size=3),
    mode=st.sampled_from(MODES),
    cval=st.sampled_from([0, -3, 100.25]),
    axis=st.integers(0, 2),
)
def test_random_calls_match_scipy(name, dtype, shape, mode, cval, axis):
    if dtype == "bool" or dtype.startswith("u"):
        cval = abs(cval)
    image = random_image(shape, dtype)
    if float(cval).is_integer() or np.dtype(dtype).kind == "f":
        check(name, image, axis % len(shape), mode=mode, cval=cval)


@pytest.mark.parametrize(
    ("run", "arguments", "error", "message"),
    [
        (sobel, {"axis": 2}, ValueError, "sobel: `axis` must be one of the axes (0, 1) that are filtered, got 2"),
        (scharr, {"axis": 0, "axes": 1}, ValueError, "scharr: `axis` must be one of the axes (1,)"),
        (prewitt, {"axis": 0.5}, TypeError, "prewitt: `axis` must be an int, got 0.5"),
        (prewitt, {"mode": "around"}, ValueError, "prewitt: `mode` must be one of 'reflect'"),
        (sobel, {"unit": "mm"}, ValueError, 'sobel: `spacing` must be given for unit="mm"'),
        (
            gradient_magnitude,
            {"operator": "Sobel"},
            ValueError,
            "gradient_magnitude: `operator` must be one of 'sobel'",
        ),
        (gradient_magnitude, {"cval": "a"}, TypeError, "gradient_magnitude: `cval` must be a number, got 'a'"),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value),
)
def test_wrong_arguments_are_named(run, arguments, error, message):
    with pytest.raises(error) as caught:
        run(np.zeros((4, 5), np.int16), **arguments)
    assert str(caught.value).startswith(message)


def test_all_are_exported():
    assert {"sobel", "prewitt", "scharr", "gradient_magnitude"} <= set(filters.__all__)
