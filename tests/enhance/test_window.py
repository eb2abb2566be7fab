"""window: DICOM's formulas in exact arithmetic, pydicom, any dtype to any dtype, layouts, levels, threads, errors."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cormack import _cormack_cpu, enhance

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
SHAPES = [(0,), (1,), (7,), (15,), (16,), (17,), (31,), (33,), (63,), (64,), (65,), (129,), (3, 1), (5, 67), (2, 3, 5),
          (2, 2, 3, 35), (3, 2, 1, 2, 2), (2049,), (3, 2047)]  # fmt: skip
WINDOWS = [(40, 400), (40.5, 399), (-600, 1500.25), (127, 1), (30000, 5000), (0, 65536)]


def image_of(dtype, shape, seed=0):
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        image = rng.integers(max(limits.min, -2000), min(limits.max, 40000), shape, endpoint=True).astype(dtype)
        image.flat[:2] = [limits.min, limits.max][: image.size]
        return image
    image = rng.normal(100, 500, shape).astype(dtype)
    image.flat[:3] = [np.inf, -np.inf, 1e30][: image.size]
    return image


def dicom(x, center, width, function, low, high):
    """PS3.3 C.11.2.1.2.1, C.11.2.1.3.2, C.11.2.1.3.1, in float64."""
    x = np.asarray(x, np.float64)
    with np.errstate(all="ignore"):
        if function == "linear":
            inside = ((x - (center - 0.5)) / (width - 1) + 0.5) * (high - low) + low
            lower, upper = center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2
        elif function == "linear_exact":
            inside = ((x - center) / width + 0.5) * (high - low) + low
            lower, upper = center - width / 2, center + width / 2
        else:
            return (high - low) / (1 + np.exp(-4 * (x - center) / width)) + low
    return np.where(x <= lower, low, np.where(x > upper, high, inside))


def assert_rounded_once(result, exact, dtype, span):
    """Either neighbour where float64 cannot tell which is nearer: its own error is below 8 ulp of the range."""
    slack = span * 2.0**-50
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        exact = np.clip(exact, limits.min, limits.max)
        assert np.all(np.abs(result.astype(np.float64) - exact) <= 0.5 + slack)
    elif dtype == "bool":
        assert np.all(np.abs(result.astype(np.float64) - exact) <= 0.5 + slack)
    else:
        ulp = np.spacing(np.abs(exact).astype(dtype)).astype(np.float64)
        assert np.all(np.abs(result.astype(np.float64) - exact) <= 0.5 * ulp + slack)


@pytest.mark.parametrize("function", ["linear", "linear_exact", "sigmoid"])
@pytest.mark.parametrize("out", DTYPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_the_formula_of_dicom(dtype, out, function):
    image = image_of(dtype, (7, 131))
    for center, width in WINDOWS:
        result = enhance.window(image, center, width, function=function, dtype=out)
        assert result.dtype == out
        assert result.shape == image.shape
        low, high = (0, 1) if out == "bool" or out[0] == "f" else (np.iinfo(out).min, np.iinfo(out).max)
        assert_rounded_once(result, dicom(image, center, width, function, low, high), out, high - low)


@pytest.mark.parametrize("out", ["uint8", "int8", "uint16", "int16"])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
def test_large_images_equal_small_ones(dtype, out, isa):
    """The integer path of large images is proven against float64 at run time; here it is compared."""
    limits = np.iinfo(dtype)
    values = np.arange(limits.min, limits.max + 1).astype(dtype)
    large = np.resize(values, (5, 65536))
    for center, width in [(40, 400), (40.5, 399), (127, 1), (0, 65536), (0.3, 77.7), (12, 2), (100, 256)]:
        for out_range in (None, (10, 90), (120, -3), (5, 5)):
            for function in ("linear", "linear_exact") if out_range else ("linear", "sigmoid"):
                arguments = {"function": function, "dtype": out, "out_range": out_range}
                small = enhance.window(values, center, width, **arguments)
                result = enhance.window(large, center, width, **arguments)
                assert result.tobytes() == np.resize(small, large.shape).tobytes()


@pytest.mark.parametrize("function", ["linear", "linear_exact", "sigmoid"])
def test_matches_pydicom(function):
    pixels = pytest.importorskip("pydicom.pixels")
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.PhotometricInterpretation = "MONOCHROME2"
    data.PixelRepresentation, data.BitsStored, data.BitsAllocated, data.SamplesPerPixel = 0, 12, 16, 1
    data.WindowCenter, data.WindowWidth, data.VOILUTFunction = 1040, 399, function.upper()
    image = np.arange(4096, dtype=np.uint16)
    expected = pixels.apply_windowing(image, data)
    result = enhance.window(image, 1040, 399, function=function, out_range=(0, 4095), dtype="float64")
    np.testing.assert_allclose(result, expected, rtol=0, atol=4096 * 2.0**-50)


@pytest.mark.parametrize(("center", "width"), [(40, 400), (1040, 401), (7, 3), (2048, 4096)])
def test_matches_exact_arithmetic(center, width):
    image = np.arange(-200, 4096).astype(np.int16)
    result = enhance.window(image, center, width, dtype="uint8")
    for x, y in zip(image.tolist(), result.tolist(), strict=True):
        exact = ((Fraction(x) - (Fraction(center) - Fraction(1, 2))) / (width - 1) + Fraction(1, 2)) * 255
        assert abs(y - min(max(exact, 0), 255)) <= Fraction(1, 2)


def test_ends_are_exact():
    for low, high in [(0.0, 1.0), (0.1, 0.7), (1 / 3, -1 / 7)]:
        for center, width in [(0.1, 0.3), (1e6, 0.7), (-3.3, 1e-3), (7, 1e9)]:
            edges = np.array([-np.inf, center - 0.50001 * width, center + 0.50001 * width, np.inf])
            inside = np.linspace(center - width / 2, center + width / 2, 1001)
            result = enhance.window(edges, center, width, function="linear_exact", out_range=(low, high))
            np.testing.assert_array_equal(result, [low, low, high, high])
            result = enhance.window(inside, center, width, function="linear_exact", out_range=(low, high))
            assert result.min() >= min(low, high)
            assert result.max() <= max(low, high)
            assert np.all(np.diff(result) * np.sign(high - low) >= 0)


def test_width_one_is_a_step():
    image = np.array([[38, 39, 40, 41]], np.float64) + np.array([[0.0], [0.5], [0.75]])
    result = enhance.window(image, 40, 1, dtype="uint8")
    np.testing.assert_array_equal(result, np.where(image <= 39.5, 0, 255))


def test_inverted_range_is_the_mirror_image():
    image = image_of("int16", (9, 77))
    np.testing.assert_array_equal(
        enhance.window(image, 40, 400, dtype="uint8", out_range=(255, 0)),
        255 - enhance.window(image, 40, 400, dtype="uint8"),
    )


@pytest.mark.parametrize("function", ["linear", "linear_exact", "sigmoid"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_stays_or_becomes_the_lower_end(dtype, function):
    image = np.array([[np.nan, 0, 40, 1000, np.nan]], dtype)
    result = enhance.window(image, 40, 400, function=function)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(image))
    for out, out_range, expected in [("uint8", (7, 200), 7), ("int16", None, -32768), ("int32", (100, -100), 100)]:
        result = enhance.window(image, 40, 400, function=function, dtype=out, out_range=out_range)
        assert result[0, 0] == result[0, 4] == expected


def test_saturates():
    image = np.array([0, 50, 100])
    image = image.astype(np.uint8)
    result = enhance.window(image, 50, 100, function="linear_exact", out_range=(-1000, 1000))
    np.testing.assert_array_equal(result, [0, 0, 255])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("dtype", "out"), [("int16", "uint8"), ("float32", "float32"), ("float64", "uint16")])
def test_shapes(shape, dtype, out, isa):
    image = image_of(dtype, shape)
    result = enhance.window(image, 40, 400, dtype=out)
    assert result.shape == shape
    low, high = _limits(out)
    assert_rounded_once(result, dicom(image, 40, 400, "linear", low, high), out, high - low)


def _limits(dtype):
    return (0, 1) if dtype[0] == "f" else (np.iinfo(dtype).min, np.iinfo(dtype).max)


@pytest.mark.parametrize("function", ["linear", "sigmoid"])
@pytest.mark.parametrize("shape", [(65,), (5, 67), (3, 5, 65), (2, 3, 4, 17), (2, 3, 2, 3, 5)], ids=str)
def test_result_does_not_depend_on_layout(layout, shape, function):
    for dtype in ("int16", "float32", "uint8"):
        image = image_of(dtype, shape)
        view = layout(image)
        np.testing.assert_array_equal(view, image)
        expected = enhance.window(image, 40, 400, function=function, dtype="uint8")
        np.testing.assert_array_equal(enhance.window(view, 40, 400, function=function, dtype="uint8"), expected)


@pytest.mark.host
def test_keeps_the_memory_layout():
    image = np.asfortranarray(image_of("int16", (4, 5, 6)))
    assert enhance.window(image, 40, 400).flags.f_contiguous


def test_repeated_values():
    image = np.broadcast_to(np.arange(5, dtype=np.int16)[:, np.newaxis, np.newaxis], (5, 4, 300))
    expected = enhance.window(image.copy(), 2, 4)
    np.testing.assert_array_equal(enhance.window(image, 2, 4), expected)
    image = np.broadcast_to(np.int16(3), (2, 3, 4, 5))
    np.testing.assert_array_equal(enhance.window(image, 2, 4), np.full((2, 3, 4, 5), enhance.window(np.int16(3), 2, 4)))


@pytest.mark.parametrize("function", ["linear", "sigmoid"])
@pytest.mark.parametrize(("dtype", "out"), [("int16", "uint8"), ("float32", "float32"), ("int32", "int16")])
def test_same_bits_for_threads_and_levels(dtype, out, function):
    image = image_of(dtype, (70, 65, 129))
    results = {}
    before = _cormack_cpu.isa()
    for isa in _cormack_cpu.available_isas():
        _cormack_cpu.use_isa(isa)
        for workers in (1, 2, 3):
            result = enhance.window(image, 40, 400, function=function, dtype=out, workers=workers)
            results[isa, workers] = result.tobytes()
    _cormack_cpu.use_isa(before)
    assert len(set(results.values())) == 1


@given(
    st.floats(-1e6, 1e6), st.floats(1, 1e6), st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.integers(0, 2**32),
    st.sampled_from(DTYPES[1:]), st.sampled_from(DTYPES[1:]), st.sampled_from(["linear", "linear_exact", "sigmoid"]),
)  # fmt: skip
def test_any_window_matches_the_formula(center, width, low, high, seed, dtype, out, function):
    image = image_of(dtype, (3, 50), seed)
    result = enhance.window(image, center, width, function=function, dtype=out, out_range=(low, high))
    exact = dicom(image, center, width, function, low, high)
    # The formula itself loses what a centre far from the values costs: a few ulp of the largest term.
    with np.errstate(invalid="ignore", over="ignore"):
        scale = np.abs(image.astype(np.float64)).clip(max=2**31) + abs(center) + width
        slack = abs(high - low) * (scale / max(width - 1, 1e-3) + 4) * 2.0**-50
    inside = np.isfinite(slack)
    if np.issubdtype(out, np.integer):
        exact = np.clip(exact, np.iinfo(out).min, np.iinfo(out).max)
        bound = 0.5 + slack
    else:
        bound = 0.5 * np.spacing(np.abs(exact).astype(out)).astype(np.float64) + slack
    assert np.all((np.abs(result.astype(np.float64) - exact) <= bound)[inside])


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"width": 0.5}, ValueError, r"window: `width` must be at least 1, got 0.5"),
        ({"width": 0, "function": "sigmoid"}, ValueError, r"window: `width` must be above 0, got 0"),
        ({"width": -1, "function": "linear_exact"}, ValueError, r"window: `width` must be above 0, got -1"),
        ({"center": np.nan}, ValueError, r"window: `center` must be finite, got nan"),
        ({"center": "40"}, TypeError, r"window: `center` must be a number, got '40'"),
        ({"function": "cubic"}, ValueError, r"`function` must be one of 'linear', 'linear_exact', 'sigmoid', got"),
        ({"out_range": (0, 1, 2)}, ValueError, r"window: `out_range` must be two numbers, got \(0, 1, 2\)"),
        ({"out_range": 5}, TypeError, r"window: `out_range` must be two numbers, got 5"),
        ({"out_range": (0, np.inf)}, ValueError, r"window: `out_range` must be finite, got inf"),
        ({"dtype": "complex64"}, TypeError, r"window: `dtype` must be one of bool, .*float64, got 'complex64'"),
        ({"dtype": "no"}, TypeError, r"window: `dtype` must be a dtype or None, got 'no'"),
        ({"dtype": bool, "out_range": (0, 255)}, ValueError, r"`out_range` must lie in \[0, 1\] for a bool result"),
        ({"workers": 0}, ValueError, r"window: `workers` must be at least 1, got 0"),
        ({"image": np.zeros((2, 2), complex)}, TypeError, r"window: `image` must have one of the dtypes"),
    ],
)
def test_rejects(arguments, kind, message):
    with pytest.raises(kind, match=message):
        enhance.window(**{"image": np.zeros((2, 2), np.int16), "center": 40, "width": 400, **arguments})


def test_does_not_write_to_the_image():
    image = image_of("int16", (6, 70))
    before = image.copy()
    image.flags.writeable = False
    enhance.window(image, 40, 400)
    np.testing.assert_array_equal(image, before)


def test_sigmoid_of_a_tiny_width_is_a_step():
    result = enhance.window(np.array([[-1.0, 0.0, 1.0]]), 0, 1e-308, function="sigmoid")
    np.testing.assert_array_equal(result, [[0.0, 0.5, 1.0]])
