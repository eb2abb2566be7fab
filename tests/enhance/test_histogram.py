"""histogram: numpy.histogram bin for bin, on every dtype, layout, level and number of threads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cormack import _cormack_cpu, enhance

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
SHAPES = [(0,), (1,), (7,), (15,), (16,), (17,), (31,), (33,), (64,), (65,), (129,), (5, 67), (2, 3, 5),
          (2, 2, 3, 35), (2049,), (3, 2047), (2, 4097)]  # fmt: skip


def image_of(dtype, shape, seed=0):
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return rng.integers(max(limits.min, -2000), min(limits.max, 40000), shape, endpoint=True).astype(dtype)
    # Many equal values and many on edges.
    image = rng.normal(100, 500, shape)
    return np.where(rng.random(shape) < 0.5, np.rint(image), image).astype(dtype)


def numpy_histogram(image, bins, range=None, mask=None):
    values = image.astype(np.uint8) if image.dtype == bool else image
    return np.histogram(values if mask is None else values[mask], bins, range)


def assert_same(result, expected):
    assert result[0].dtype == np.int64
    assert result[1].dtype == np.float64
    np.testing.assert_array_equal(result[1], expected[1].astype(np.float64))
    np.testing.assert_array_equal(result[0], expected[0])


RANGES = [None, (0, 255), (-1000.0, 1000.0), (0.1, 77.7), (5, 5), (np.float64(-0.3), np.float64(512.7)), (-1e9, 1e9)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_numpy(dtype, isa):
    image = image_of(dtype, (17, 129))
    for bins in (1, 2, 10, 100, 256, 1000, 4096, 100_000):
        for limits in RANGES:
            assert_same(enhance.histogram(image, bins, limits), numpy_histogram(image, bins, limits))


@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_numpy_for_shapes(dtype, isa):
    for shape in SHAPES:
        image = image_of(dtype, shape)
        mask = np.random.default_rng(1).random(shape) < 0.3
        for limits in (None, (0, 100)):
            assert_same(enhance.histogram(image, 32, limits), numpy_histogram(image, 32, limits))
            assert_same(enhance.histogram(image, 32, limits, mask), numpy_histogram(image, 32, limits, mask))


EDGES = [
    [0, 1],
    [-100, 0, 1, 2, 50, 1000],
    [0, 0, 5, 5, 5, 100, 100],
    [-np.inf, 0.0, np.inf],
    [0.1, 0.2, 0.30000000000000004, 77, 1e300],
    np.linspace(-1000, 1000, 257).tolist(),
    np.geomspace(1, 1e4, 40).tolist(),
]


@pytest.mark.parametrize("edges", EDGES, ids=lambda e: f"{len(e)}")
@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_numpy_for_edges(dtype, edges, isa):
    image = image_of(dtype, (3, 1000))
    mask = np.random.default_rng(1).random(image.shape) < 0.5
    assert_same(enhance.histogram(image, edges), numpy_histogram(image, edges))
    assert_same(enhance.histogram(image, np.array(edges), mask=mask), numpy_histogram(image, edges, mask=mask))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint32"])
@pytest.mark.parametrize(("first", "width"), [(0.0, 1.0), (0.0, 0.1), (-1000.0, 1 / 3), (1e6, 0.25), (0.7, 16.1)])
def test_values_on_edges_match_numpy(dtype, first, width, isa):
    """Edges, their neighbours and the middle of every bin."""
    bins = 300
    last = first + width * bins
    edges = np.histogram_bin_edges(np.zeros(1, dtype), bins, (first, last))
    values = np.concatenate([edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf), edges + width / 2])
    values = np.clip(values, 0 if dtype == "uint32" else -(2**31), 2**31 - 1).astype(dtype)
    assert_same(enhance.histogram(values, bins, (first, last)), numpy_histogram(values, bins, (first, last)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bins_as_narrow_as_rounding_match_their_definition(dtype):
    low = np.array(1e6, dtype)
    image = (low + np.spacing(low) * np.arange(64)).astype(dtype)
    for bins in (1, 7, 32, 63):
        counts, edges = enhance.histogram(image, bins)
        np.testing.assert_array_equal(edges, np.histogram_bin_edges(image, bins))
        inner = np.searchsorted(edges[1:-1], image, side="right")
        np.testing.assert_array_equal(counts, np.bincount(inner, minlength=bins))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_and_infinity_are_not_counted(dtype, isa):
    image = image_of(dtype, (5, 77))
    image[0, ::7] = np.nan
    image[1, ::5] = np.inf
    image[2, ::3] = -np.inf
    for bins in (256, [0, 1, 100, 500]):
        expected = np.histogram(image[np.isfinite(image)], bins, (-500, 500))
        assert_same(enhance.histogram(image, bins, (-500, 500)), expected)
    expected = np.histogram(image[np.isfinite(image)], 10)
    assert_same(enhance.histogram(image, 10, mask=np.isfinite(image)), expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_need_a_range(value):
    image = np.array([[0, 1, value]], np.float32)
    with pytest.raises(ValueError, match="histogram: `image` must be finite where `range` is not given"):
        enhance.histogram(image)
    with pytest.raises(ValueError, match="histogram: `image` must be finite"):
        enhance.histogram(np.full((2, 2), value))


@pytest.mark.parametrize("dtype", DTYPES)
def test_result_does_not_depend_on_layout(layout, dtype):
    for shape in [(65,), (5, 67), (3, 5, 65), (2, 3, 4, 17), (2, 3, 2, 3, 5)]:
        check_layout(layout, image_of(dtype, shape))


def check_layout(layout, image):
    shape = image.shape
    mask = np.random.default_rng(1).random(shape) < 0.5
    expected = numpy_histogram(image, 50), numpy_histogram(image, 50, mask=mask)
    view = layout(image)
    assert_same(enhance.histogram(view, 50), expected[0])
    assert_same(enhance.histogram(view, 50, mask=mask), expected[1])
    assert_same(enhance.histogram(view, 50, mask=layout(mask)), expected[1])
    assert_same(enhance.histogram(image, 50, mask=layout(mask.astype(np.int64) << 40)), expected[1])


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_wide_integers_match_numpy(dtype):
    image = image_of("int32", (3, 77)).astype(dtype) % 5000
    for bins, limits in [(10, None), (256, (0, 100)), (3, (0.5, 2000.5)), ([1, 5, 1000], None)]:
        assert_same(enhance.histogram(image, bins, limits), numpy_histogram(image, bins, limits))


def test_native_byte_order_by_name():
    image = np.arange(12, dtype=np.dtype(np.int16).newbyteorder("<")).reshape(3, 4)
    assert_same(enhance.histogram(image, 5), numpy_histogram(image, 5))


def test_repeated_values_match_numpy():
    image = np.broadcast_to(np.arange(7, dtype=np.int16)[:, np.newaxis], (7, 1000))
    assert_same(enhance.histogram(image, 5), numpy_histogram(image, 5))
    image = np.broadcast_to(np.float32(3.5), (3, 4, 5, 6))
    assert_same(enhance.histogram(image, 5), numpy_histogram(image, 5))


@pytest.mark.parametrize("dtype", DTYPES)
def test_counts_do_not_depend_on_threads_and_levels(dtype):
    image = image_of(dtype, (70, 65, 129))
    image[:20] = image[0, 0, 0]
    mask = np.zeros(image.shape, bool)
    mask[10:60, 5:60, 3:100] = True
    mask[15] ^= np.random.default_rng(0).random(mask[15].shape) < 0.3
    results = set()
    before = _cormack_cpu.isa()
    for isa in _cormack_cpu.available_isas():
        _cormack_cpu.use_isa(isa)
        for workers in (1, 2, 3):
            counts, edges = enhance.histogram(image, 256, workers=workers)
            inside, _ = enhance.histogram(image, 20_000, (-100, 900), mask, workers=workers)
            results.add(counts.tobytes() + edges.tobytes() + inside.tobytes())
    _cormack_cpu.use_isa(before)
    assert len(results) == 1
    assert_same(enhance.histogram(image, 20_000, (-100, 900), mask), numpy_histogram(image, 20_000, (-100, 900), mask))


@given(
    hnp.arrays(
        st.sampled_from(DTYPES[1:]),
        hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=9),
        elements={"allow_nan": False, "allow_infinity": False, "min_value": 0, "max_value": 100},
    ),
    st.integers(1, 300),
    st.one_of(st.none(), st.tuples(st.integers(-50, 50), st.integers(51, 150)),
              st.tuples(st.floats(-50, 50), st.floats(51, 150))),
)  # fmt: skip
def test_any_image_matches_numpy(image, bins, limits):
    try:
        expected = np.histogram(image, bins, limits)
    except ValueError:  # too many bins between two numbers that are almost equal
        with pytest.raises(ValueError, match="histogram: Too many bins"):
            enhance.histogram(image, bins, limits)
        return
    # NumPy looks at a bin and its neighbours, which is not enough where rounding moved edges further than a bin.
    width = np.diff(expected[1].astype(np.float64)).min()
    assume(image.dtype.kind != "f" or width > 64 * np.spacing(np.abs(expected[1]).max()))
    assert_same(enhance.histogram(image, bins, limits), expected)


@given(hnp.arrays(np.float64, st.integers(0, 60)), st.lists(st.floats(allow_nan=False), min_size=2, max_size=20))
def test_any_edges_match_numpy(image, edges):
    edges = sorted(edges)
    assert_same(enhance.histogram(image, edges), np.histogram(image, np.array(edges)))


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"bins": 0}, ValueError, r"histogram: `bins` must be at least 1, got 0"),
        ({"bins": 2.5}, TypeError, r"histogram: `bins` must be an int, got 2.5"),
        ({"bins": "auto"}, TypeError, r"histogram: `bins` must be an int, got 'auto'"),
        ({"bins": [1]}, ValueError, r"histogram: `bins` must be an int or at least two edges, got \[1\]"),
        ({"bins": [[1, 2]]}, ValueError, r"histogram: `bins` must be an int or at least two edges"),
        ({"bins": [2, 1]}, ValueError, r"histogram: `bins` must not decrease, got \[2, 1\]"),
        ({"bins": [0, np.nan]}, ValueError, r"histogram: `bins` must not decrease"),
        ({"bins": ["a", "b"]}, TypeError, r"histogram: `bins` must be an int or edges"),
        ({"range": (2, 1)}, ValueError, r"histogram: `range` must not decrease, got \(2, 1\)"),
        ({"range": (0, np.inf)}, ValueError, r"histogram: `range` must be finite, got inf"),
        ({"range": 3}, TypeError, r"histogram: `range` must be two numbers, got 3"),
        ({"mask": np.ones((2, 3))}, ValueError, r"histogram: `mask` must have shape \(2, 2\), got \(2, 3\)"),
        ({"workers": 1.5}, TypeError, r"histogram: `workers` must be an int, got 1.5"),
        ({"image": np.ma.zeros((2, 2))}, TypeError, r"histogram: `image` must be a plain array"),
    ],
)
def test_rejects(arguments, kind, message):
    with pytest.raises(kind, match=message):
        enhance.histogram(**{"image": np.zeros((2, 2), np.int16), **arguments})


@pytest.mark.parametrize("bins", [1, 10, 256, [0, 20, 20, 33.5, 90]], ids=str)
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_weights_match_numpy(dtype, bins, isa):
    """Up to the order of the sums: 2^-53 of the sum of absolute weights, times their number in a row."""
    rng = np.random.default_rng(0)
    for shape in [(1,), (65,), (5, 67), (3, 2047), (2, 3, 5, 7)]:
        image = rng.integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)
        for kind in ("float64", "float32", "int16", "uint8", "int64"):
            weights = (100 * rng.random(shape)).astype(kind)
            for span in (None, (5.0, 80.0)):
                counts, edges = enhance.histogram(image, bins, span, weights=weights)
                sample = image.astype(np.uint8) if dtype == "bool" else image
                expected = np.histogram(sample, bins, span, weights=weights.astype(np.float64))
                assert counts.dtype == np.float64
                np.testing.assert_array_equal(edges, expected[1])
                np.testing.assert_allclose(counts, expected[0], rtol=1e-12, atol=1e-9)


def test_weights_with_mask_layout_threads_and_nan(layout):
    rng = np.random.default_rng(0)
    for shape in [(65,), (5, 67), (3, 5, 65), (2, 3, 4, 17), (2, 3, 2, 3, 5)]:
        image, weights = rng.normal(0, 10, shape).astype(np.float32), rng.random(shape)
        mask = rng.random(shape) < 0.6
        mask.flat[:2] = True
        expected = np.histogram(image[mask], 20, (-10, 15), weights=weights[mask])[0]
        result = enhance.histogram(layout(image), 20, (-10, 15), mask=layout(mask), weights=layout(weights))[0]
        np.testing.assert_allclose(result, expected, rtol=1e-12)
    image = rng.normal(0, 10, (40, 65, 129)).astype(np.float32)
    weights = rng.normal(0, 10, image.shape).astype(np.float32)
    results = [enhance.histogram(image, 20, weights=weights, workers=n)[0].tobytes() for n in (1, 2, 3)]
    assert len(set(results)) == 1
    image[0] = np.nan
    expected = np.histogram(image[1:], 20, (-10, 15), weights=weights[1:].astype(np.float64))[0]
    result = enhance.histogram(image, 20, (-10, 15), weights=weights)[0]
    np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-8)


def test_rejects_weights():
    image = np.zeros((2, 2), np.int16)
    with pytest.raises(ValueError, match=r"histogram: `weights` must have shape \(2, 2\), got \(2, 3\)"):
        enhance.histogram(image, weights=np.ones((2, 3)))
    with pytest.raises(TypeError, match=r"histogram: `weights` must have one of the dtypes"):
        enhance.histogram(image, weights=np.ones((2, 2), complex))
    assert enhance.histogram(np.zeros((0, 2)), 3, (0, 1), weights=np.zeros((0, 2)))[0].tolist() == [0, 0, 0]
