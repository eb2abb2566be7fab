"""normalize: NumPy, intensity-normalization's white stripe and Nyul scale, written out; standards saved and loaded."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cormack import _cormack_cpu, enhance

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
SHAPES = [(2,), (7,), (16,), (65,), (5, 67), (2, 3, 5), (2, 2, 3, 35), (2049,), (3, 2047)]
LINEAR = ["zscore", "robust", "minmax"]


def image_of(dtype, shape=(7, 131), seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(60, 20, shape)
    values.flat[:2] = [10, 90][: values.size]
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return np.clip(np.rint(values), limits.min, limits.max).astype(dtype)
    return values.astype(dtype)


def brain(dtype=np.float32, scale=1.0, seed=0, shape=(30, 60, 60)):
    """CSF, grey and white matter in the shares of a T1 image, and a background of zeros."""
    rng = np.random.default_rng(seed)
    tissue = rng.choice(4, shape, p=[0.3, 0.1, 0.3, 0.3])
    values = np.array([0, 150, 420, 600])[tissue] + np.array([0, 40, 35, 25])[tissue] * rng.standard_normal(shape)
    return (scale * np.maximum(values, 0)).astype(dtype), tissue > 0


def expected_linear(image, values, method):
    values = values.astype(np.float64)
    if method == "zscore":
        center, scale = values.mean(), values.std()
    elif method == "robust":
        first, center, third = np.percentile(values, [25, 50, 75])
        scale = third - first
    else:
        center, scale = values.min(), values.max() - values.min()
    return (image.astype(np.float64) - center) / scale


def assert_close(result, exact, dtype):
    """Mean and deviation differ from NumPy's by the order of their sums: 1e-12 of the deviation."""
    assert result.dtype == (np.float64 if dtype == "float64" else np.float32)
    slack = 0.0 if dtype == "float64" else 2.0**-24
    assert np.all(np.abs(result - exact) <= slack * np.abs(exact) + 1e-12 * (1 + np.abs(exact)))


@pytest.mark.parametrize("method", LINEAR)
@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_numpy(dtype, method, isa):
    for shape in SHAPES:
        image = image_of(dtype, shape)
        assert_close(enhance.normalize(image, method), expected_linear(image, image, method), dtype)
        mask = np.random.default_rng(1).random(shape) < 0.4
        mask.flat[:2] = True
        expected = expected_linear(image, image[mask], method)
        assert_close(enhance.normalize(image, method, mask=mask), expected, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_zscore_of_a_large_offset(dtype):
    image = (np.random.default_rng(0).normal(0, 3, (50, 777)) + 1e6).astype(dtype)
    exact = expected_linear(image, image, "zscore")
    result = enhance.normalize(image)
    # What is left of float64 beside an offset of a million: NumPy's own sums.
    np.testing.assert_allclose(result, exact, rtol=2.0**-23, atol=1e-9)


@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_large_images_equal_small_ones(dtype):
    image = image_of(dtype, (5, 65536))
    for method in LINEAR:
        expected = expected_linear(image, image, method)
        assert_close(enhance.normalize(image, method), expected, dtype)


def white_stripe(image, mask, peak="last", width=0.05):
    """intensity-normalization 2.2: kernel density by direct summation, its local maxima, the stripe."""
    voi = image[mask].astype(np.float64)
    kept = voi[voi <= np.percentile(voi, 96)] if peak == "last" else voi
    kept = voi[voi <= np.percentile(voi, 99)] if peak == "first" else kept
    bandwidth = kept.max() / 80
    grid = np.linspace(kept.min() - 3 * bandwidth, kept.max() + 3 * bandwidth, 128)
    density = np.array([np.exp(-0.5 * ((kept - point) / bandwidth) ** 2).sum() for point in grid])
    peaks = [i for i in range(1, 127) if density[i] > density[i - 1] and density[i] > density[i + 1]]
    mode = grid[{"last": peaks[-1], "first": peaks[0], "largest": int(np.argmax(density))}[peak]]
    quantile = np.mean(voi < mode)
    lower, upper = np.quantile(voi, [max(quantile - width, 0), min(quantile + width, 1)])
    stripe = voi[(voi > lower) & (voi < upper)]
    return (image.astype(np.float64) - stripe.mean()) / stripe.std(), mode


@pytest.mark.parametrize("peak", ["last", "largest", "first"])
@pytest.mark.parametrize("dtype", ["uint16", "int16", "int32", "float32", "float64"])
def test_white_stripe_matches_its_definition(dtype, peak, isa):
    image, mask = brain(dtype)
    expected, mode = white_stripe(image, mask, peak)
    assert_close(enhance.normalize(image, "white_stripe", mask=mask, peak=peak), expected, dtype)
    if peak == "last":
        assert abs(mode - 600) < 10
    background = np.where(mask, image, np.nan) if np.dtype(dtype).kind == "f" else None
    if background is not None:
        result = enhance.normalize(background, "white_stripe", peak=peak)
        assert_close(result[mask], expected[mask], dtype)


def test_white_stripe_does_not_depend_on_the_scale():
    image, mask = brain("float64")
    result = enhance.normalize(image, "white_stripe", mask=mask)
    np.testing.assert_allclose(enhance.normalize(image * 8, "white_stripe", mask=mask), result, atol=1e-10)
    white = result[mask & (image > 580) & (image < 620)]
    assert abs(white.mean()) < 1


def nyul_landmarks(values, percentiles):
    return np.percentile(values.astype(np.float64), percentiles)


def test_nyul_matches_its_definition(isa):
    cohort = [
        brain(dtype, scale, seed) for seed, (dtype, scale) in enumerate([("int16", 1), ("float32", 0.3), ("uint16", 7)])
    ]
    standard = enhance.fit_nyul_standard((image for image, _ in cohort), [mask for _, mask in cohort])
    percentiles = [1, *range(10, 91, 10), 99]
    assert standard.percentiles == tuple(map(float, percentiles))
    scales = []
    for image, mask in cohort:
        marks = nyul_landmarks(image[mask], percentiles)
        scales.append(np.interp(marks, marks[[0, -1]], [1, 100]))
    np.testing.assert_allclose(standard.landmarks, np.mean(scales, 0), rtol=1e-13)
    for image, mask in cohort:
        marks = nyul_landmarks(image[mask], percentiles)
        slope = np.diff(standard.landmarks) / np.diff(marks)
        x = image.astype(np.float64)
        piece = np.clip(np.searchsorted(marks, x, side="right") - 1, 0, len(slope) - 1)
        expected = (x - marks[piece]) * slope[piece] + np.array(standard.landmarks)[piece]
        assert_close(enhance.normalize(image, "nyul", mask=mask, standard=standard), expected, image.dtype.name)


def test_nyul_makes_cohorts_alike():
    standard = enhance.fit_nyul_standard([brain(scale=1)[0]], [brain(scale=1)[1]])
    a, mask = brain(scale=1)
    b, _ = brain(scale=5)
    results = [enhance.normalize(image, "nyul", mask=mask, standard=standard) for image in (a, b)]
    np.testing.assert_allclose(*results, atol=1e-3)


def test_nyul_landmarks_that_coincide():
    image = np.array([0] * 60 + [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] * 4, np.uint8)
    standard = enhance.NyulStandard((0, 25, 50, 75, 100), (0, 10, 20, 30, 50))
    result = enhance.normalize(image, "nyul", standard=standard)
    assert np.isfinite(result).all()
    assert np.all(np.diff(result[np.argsort(image, kind="stable")]) >= 0)
    assert (result[0], result[-1]) == (20, 50)


def test_standard_is_saved_and_loaded(tmp_path, monkeypatch):
    standard = enhance.fit_nyul_standard([image_of("float64", (30, 40)) / 3, image_of("int16", (30, 40))])
    path = tmp_path / "standard.json"
    standard.save(path)
    assert enhance.NyulStandard.load(str(path)) == standard
    assert [item.name for item in tmp_path.iterdir()] == ["standard.json"]
    before = path.read_bytes()

    def broken(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", broken)
    with pytest.raises(OSError, match="disk full"):
        standard.save(path)
    assert [item.name for item in tmp_path.iterdir()] == ["standard.json"]
    assert path.read_bytes() == before
    with pytest.raises(AttributeError):
        standard.landmarks = (1, 2)


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "{}", '{"format": "other", "version": 1}',
        json.dumps({"format": "cormack.NyulStandard", "version": 2, "percentiles": [0, 1], "landmarks": [0, 1]}),
        json.dumps({"format": "cormack.NyulStandard", "version": 1, "percentiles": [0, 1], "landmarks": [0]}),
        json.dumps({"format": "cormack.NyulStandard", "version": 1, "percentiles": [0, 1], "landmarks": [1, 0]}),
        json.dumps({"format": "cormack.NyulStandard", "version": 1, "percentiles": ["a", 1], "landmarks": [1, 2]}),
        json.dumps({"format": "cormack.NyulStandard", "version": 1, "percentiles": 3, "landmarks": [1, 2]}),
        json.dumps({"format": "cormack.NyulStandard", "version": 1, "percentiles": [0, 1], "landmarks": [0, 1e999]}),
    ],
)  # fmt: skip
def test_load_refuses_anything_else(tmp_path, content):
    path = tmp_path / "standard.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"NyulStandard.load: .*standard.json' must be a saved standard"):
        enhance.NyulStandard.load(path)


@pytest.mark.parametrize("method", [*LINEAR, "white_stripe", "nyul"])
@pytest.mark.parametrize("dtype", ["uint16", "int16", "int32", "float32", "float64"])
def test_result_does_not_depend_on_layout(layout, dtype, method):
    """But for the order of the sums of floating images."""
    standard = enhance.NyulStandard((1, 50, 99), (0, 40, 100)) if method == "nyul" else None
    for shape in [(965,), (15, 67), (3, 5, 65), (2, 3, 14, 17), (5, 3, 2, 7, 5)]:
        image, _ = brain(dtype, shape=shape)
        mask = image > 30
        expected = enhance.normalize(image, method, mask=mask, standard=standard)
        result = enhance.normalize(layout(image), method, mask=layout(mask), standard=standard)
        np.testing.assert_allclose(result, expected, rtol=1e-6 if dtype != "float64" else 1e-12, atol=1e-12)


@pytest.mark.parametrize("method", [*LINEAR, "white_stripe", "nyul"])
@pytest.mark.parametrize("dtype", ["int16", "int32", "float32", "float64"])
def test_same_bits_for_threads_and_levels(dtype, method):
    image, mask = brain(dtype, shape=(40, 65, 129))
    standard = enhance.NyulStandard((1, 50, 99), (0, 40, 100)) if method == "nyul" else None
    results = set()
    before = _cormack_cpu.isa()
    for isa in _cormack_cpu.available_isas():
        _cormack_cpu.use_isa(isa)
        for workers in (1, 2, 3):
            results.add(enhance.normalize(image, method, mask=mask, standard=standard, workers=workers).tobytes())
    _cormack_cpu.use_isa(before)
    assert len(results) == 1


@pytest.mark.parametrize("method", [*LINEAR, "nyul"])
def test_nan_is_left_out_and_stays(method):
    standard = enhance.NyulStandard((1, 50, 99), (0, 40, 100)) if method == "nyul" else None
    for dtype in ("float32", "float64"):
        image = image_of(dtype, (9, 133))
        expected = enhance.normalize(image[1:], method, standard=standard)
        image[0] = np.nan
        result = enhance.normalize(image, method, standard=standard)
        assert np.isnan(result[0]).all()
        np.testing.assert_allclose(result[1:], expected, rtol=1e-6 if dtype == "float32" else 1e-12, atol=1e-14)


@given(st.integers(0, 2**32), st.sampled_from(DTYPES), st.integers(2, 400), st.sampled_from(LINEAR))
def test_any_matches_numpy(seed, dtype, size, method):
    image = image_of(dtype, (size,), seed)
    exact = expected_linear(image, image, method)
    if np.isfinite(exact).all():
        assert_close(enhance.normalize(image, method), exact, dtype)


def test_bool_and_empty():
    image = np.array([True, False, True, False])
    np.testing.assert_array_equal(enhance.normalize(image), np.array([1, -1, 1, -1], np.float32))
    for dtype in ("bool", *DTYPES):
        result = enhance.normalize(np.zeros((0, 3), dtype))
        assert (result.shape, result.dtype) == ((0, 3), np.float64 if dtype == "float64" else np.float32)


STANDARD = enhance.NyulStandard((1, 99), (0, 1))


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"method": "other"}, ValueError, r"`method` must be one of 'zscore', .*'nyul', got 'other'"),
        ({"image": np.ones((3, 3))}, ValueError, r"`image` must vary, got only the value 1"),
        ({"mask": [[1, 0], [0, 0]]}, ValueError, r"`image` must vary inside the mask, got only the value 1"),
        ({"mask": np.zeros((2, 2))}, ValueError, r"`image` must hold a number inside the mask, got none"),
        ({"image": np.full((2, 2), np.nan)}, ValueError, r"`image` must hold a number, got none"),
        ({"image": np.full((2, 2), np.nan), "method": "nyul", "standard": STANDARD}, ValueError, "must hold a number"),
        ({"image": np.array([1, np.inf])}, ValueError, r"`image` must be finite or NaN, got values from 1.0 to inf"),
        ({"image": np.array([1, np.inf]), "method": "nyul", "standard": STANDARD}, ValueError, "must be finite or NaN"),
        ({"image": np.array([0, 0, 0, 0, 9]), "method": "robust"}, TypeError, r"dtypes"),
        (
            {"image": np.array([0.0, 0, 0, 0, 9]), "method": "robust"},
            ValueError,
            r"quartiles of `image` must differ, got 0",
        ),
        ({"method": "nyul"}, TypeError, r"`standard` must be a NyulStandard for method 'nyul', got None"),
        ({"standard": STANDARD}, ValueError, r"`standard` must be None unless the method is 'nyul'"),
        (
            {"method": "nyul", "standard": STANDARD, "image": np.ones(9)},
            ValueError,
            r"percentiles of `image` must differ",
        ),
        ({"method": "white_stripe", "peak": "middle"}, ValueError, r"`peak` must be one of 'last', 'largest', 'first'"),
        ({"method": "white_stripe", "width": 0.6}, ValueError, r"`width` must be at most 0.5, got 0.6"),
        ({"method": "white_stripe", "image": np.array([0.0, 0, 0, 9])}, ValueError, r"white stripe"),
        ({"image": np.array([[-1.7e308, 1.7e308]]), "method": "minmax"}, ValueError, r"must have a finite spread"),
        ({"image": np.zeros((2, 2), complex)}, TypeError, r"`image` must have one of the dtypes"),
    ],
)
def test_rejects(arguments, kind, message):
    with pytest.raises(kind, match="normalize: .*" + message):
        enhance.normalize(**{"image": np.array([[1, 2], [3, 4]], np.int16), **arguments})


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"images": []}, ValueError, r"`images` must be at least one image"),
        ({"masks": []}, ValueError, r"`masks` must be one for each image"),
        ({"masks": [None, None]}, ValueError, r"`masks` must be one for each image"),
        ({"images": [np.ones((3, 3))]}, ValueError, r"image 0 must vary: its percentiles 1 and 99 are both 1"),
        ({"percentiles": (50,)}, ValueError, r"`percentiles` must be 2 to 64 numbers"),
        ({"percentiles": (50, 40)}, ValueError, r"`percentiles` must increase and end at 100 at most"),
        ({"percentiles": 5}, TypeError, r"`percentiles` must be numbers, got 5"),
        ({"out_range": (3, 3)}, ValueError, r"`out_range` must increase, got \(3, 3\)"),
    ],
)
def test_fit_rejects(arguments, kind, message):
    with pytest.raises(kind, match="fit_nyul_standard: " + message):
        enhance.fit_nyul_standard(**{"images": [np.arange(9.0)], **arguments})
