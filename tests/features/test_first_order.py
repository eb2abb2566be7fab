"""first_order: IBSI reference values, NumPy and SciPy on random regions, exact arithmetic, layouts, levels, threads."""

from __future__ import annotations

import csv
from fractions import Fraction
from math import floor, isfinite, log10, sqrt

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cormack import _cormack_cpu, features

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
SHAPES = [(1,), (2,), (3,), (7,), (8,), (9,), (15,), (17,), (33,), (65,), (129,), (5, 67), (2, 3, 5), (2, 2, 3, 35),
          (2047,), (2048,), (2049,), (3, 4099)]  # fmt: skip


def image_of(dtype, shape, seed=0):
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return np.clip(np.rint(rng.gamma(2, 300, shape) - 50), limits.min, limits.max).astype(dtype)
    return (rng.gamma(2, 300, shape) - 50).astype(dtype)


def reference(values):
    """The reference manual's formulas, section 3.3, in NumPy and SciPy."""
    x = np.sort(values.astype(np.float64), axis=None)
    p10, p25, median, p75, p90 = np.percentile(x, [10, 25, 50, 75, 90])
    constant = x[0] == x[-1]
    robust = x[(x >= p10) & (x <= p90)]
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "stat_mean": x.mean(),
            "stat_var": 0.0 if constant else x.var(),
            "stat_skew": 0.0 if constant else scipy.stats.skew(x),
            "stat_kurt": 0.0 if constant else scipy.stats.kurtosis(x),
            "stat_median": median,
            "stat_min": x[0],
            "stat_p10": p10,
            "stat_p90": p90,
            "stat_max": x[-1],
            "stat_iqr": p75 - p25,
            "stat_range": x[-1] - x[0],
            "stat_mad": np.abs(x - x.mean()).mean(),
            "stat_rmad": np.abs(robust - robust.mean()).mean() if robust.size else np.nan,
            "stat_medad": np.abs(x - median).mean(),
            "stat_cov": np.float64(0.0 if constant else x.std()) / x.mean(),
            "stat_qcod": (p75 - p25) / (p75 + p25),
            "stat_energy": (x * x).sum(),
            "stat_rms": sqrt((x * x).mean()),
        }


# Taken from the values themselves and one interpolation: no sum, so no rounding to differ in.
EXACT = ("stat_median", "stat_min", "stat_p10", "stat_p90", "stat_max", "stat_iqr", "stat_range", "stat_qcod")


def assert_matches(result, values):
    expected = reference(values)
    assert list(result) == list(expected)
    x = values.astype(np.float64)
    # Sums of n float64 terms differ by a small multiple of log2(n) ulp of the sum of their magnitudes.
    ulp = 2.0**-52 * (8 + np.log2(x.size))
    size = np.abs(x).mean() + np.ptp(x)
    for name, value in expected.items():
        assert type(result[name]) is float
        if name in EXACT:
            np.testing.assert_equal(result[name], value, err_msg=name)
        elif name in ("stat_skew", "stat_kurt"):
            spread = expected["stat_var"]
            cancelled = (size * size / spread if spread else 1) * (1 + abs(value))
            np.testing.assert_allclose(result[name], value, rtol=0, atol=8 * ulp * max(1, cancelled), err_msg=name)
        elif name in ("stat_energy", "stat_rms", "stat_cov"):
            np.testing.assert_allclose(
                result[name], value, rtol=32 * ulp * (1 + size / abs(x.mean() or 1)), err_msg=name
            )
        else:
            bound = ulp * (size * size if name == "stat_var" else size)
            np.testing.assert_allclose(result[name], value, rtol=0, atol=8 * bound, err_msg=name)


def matches_ibsi(x, value, tolerance):
    """Three significant digits, as the reference values have."""
    if x and isfinite(x):
        x = round(x, 2 - floor(log10(abs(x))))
    return abs(x - value) <= tolerance + 1e-9 * max(1.0, abs(value))


@pytest.mark.parametrize("dtype", DTYPES[1:])
def test_matches_ibsi_on_the_digital_phantom(shared, dtype, isa):
    nibabel = pytest.importorskip("nibabel")
    folder = shared / "data" / "ibsi_digital_phantom"
    image = np.asarray(nibabel.load(folder / "image.nii.gz").dataobj).astype(dtype)
    mask = np.asarray(nibabel.load(folder / "mask.nii.gz").dataobj) != 0
    with (shared / "reference" / "ibsi" / "ibsi1_digital_phantom.csv").open() as file:
        rows = {row["name"]: row for row in csv.DictReader(file) if row["family_id"] == "UHIW"}
    result = features.first_order(image, mask)
    assert result.keys() == rows.keys()
    for name, row in rows.items():
        assert matches_ibsi(result[name], float(row["value"]), float(row["tolerance"])), name


def test_codes_match_the_ibsi_table(shared):
    with (shared / "reference" / "ibsi" / "ibsi1_digital_phantom.csv").open() as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    definitions = features.definitions("UHIW")
    assert list(definitions) == [name for name, row in rows.items() if row["family_id"] == "UHIW"]
    for name, definition in definitions.items():
        row = rows[name]
        assert definition.name == name
        found = definition.feature, definition.code, definition.family_code
        assert found == (row["feature"], row["ibsi_tag"], row["family_id"])


def test_definitions_are_a_copy_and_know_their_families():
    features.definitions().clear()
    assert len(features.definitions()) >= 18
    with pytest.raises(ValueError, match=r"definitions: `family` must be one of .*'UHIW'"):
        features.definitions("XXXX")


# The digital phantom's region as values and counts, so that the IBSI values are checked without the files too.
PHANTOM = np.repeat([1, 3, 4, 6], [50, 1, 16, 7])
PHANTOM_VALUES = {
    "stat_mean": 2.15, "stat_var": 3.05, "stat_skew": 1.08, "stat_kurt": -0.355, "stat_median": 1, "stat_min": 1,
    "stat_p10": 1, "stat_p90": 4, "stat_max": 6, "stat_iqr": 3, "stat_range": 5, "stat_mad": 1.55, "stat_rmad": 1.11,
    "stat_medad": 1.15, "stat_cov": 0.812, "stat_qcod": 0.6, "stat_energy": 567, "stat_rms": 2.77,
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES[1:])
def test_matches_ibsi_values(dtype):
    result = features.first_order(PHANTOM.astype(dtype))
    for name, value in PHANTOM_VALUES.items():
        assert matches_ibsi(result[name], value, 0), name


@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_numpy_and_scipy(dtype, isa):
    for shape in SHAPES:
        image = image_of(dtype, shape)
        assert_matches(features.first_order(image), image)
        mask = np.random.default_rng(1).random(shape) < 0.4
        mask.flat[0] = True
        assert_matches(features.first_order(image, mask), image[mask])


@pytest.mark.parametrize("dtype", ["uint16", "int16", "int32", "uint32", "float32", "float64"])
def test_matches_exact_arithmetic(dtype):
    image = image_of(dtype, (300,))
    x = [Fraction(value) for value in image.tolist()]
    n, mean = len(x), sum(x) / len(x)
    second, third, fourth = (sum((v - mean) ** k for v in x) / n for k in (2, 3, 4))
    result = features.first_order(image)
    for name, exact in [
        ("stat_mean", mean),
        ("stat_var", second),
        ("stat_energy", sum(v * v for v in x)),
        ("stat_mad", sum(abs(v - mean) for v in x) / n),
    ]:
        assert abs(Fraction(result[name]) - exact) <= abs(exact) * Fraction(1, 2**48), name
    assert result["stat_skew"] == pytest.approx(float(third) / float(second) ** 1.5, rel=1e-13)
    assert result["stat_kurt"] == pytest.approx(float(fourth) / float(second) ** 2 - 3, rel=1e-13)


@pytest.mark.parametrize("offset", [1e3, 1e6, 1e8])
def test_an_offset_does_not_cancel(offset):
    values = np.random.default_rng(0).normal(0, 1, 10_000)
    shifted = values + offset
    exact = features.first_order(shifted - offset)
    result = features.first_order(shifted)
    for name in ("stat_var", "stat_skew", "stat_kurt", "stat_mad", "stat_rmad", "stat_medad", "stat_iqr"):
        # The mean is known to an ulp of the offset, and so is every deviation.
        assert result[name] == pytest.approx(exact[name], rel=1e-10, abs=16 * np.spacing(offset)), name


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_order_statistics_of_awkward_distributions_match_numpy(dtype):
    rng = np.random.default_rng(0)
    n = 200_000
    cases = [
        np.zeros(n),
        np.where(rng.random(n) < 0.5, -1000, rng.normal(0, 100, n)),  # half of the values are equal
        np.where(rng.random(n) < 1e-4, 1e9, rng.normal(0, 100, n)),  # outliers: all others in one interval
        rng.integers(0, 3, n),
        np.sort(rng.normal(0, 1000, n)),
        np.concatenate([np.full(n // 2, 3.0), np.full(n // 2, 5.0)]),
    ]
    if dtype != "int32":
        cases.append(np.exp(rng.uniform(-80, 80, n)))  # two thirds of all magnitudes of float32
        cases.append(np.where(rng.random(n) < 0.9, rng.normal(0, 1e-30, n), 1e30 * rng.random(n)))
    for values in cases:
        image = values.astype(dtype)
        result = features.first_order(image)
        expected = np.percentile(image.astype(np.float64), [10, 25, 50, 75, 90])
        found = [result["stat_p10"], result["stat_median"], result["stat_p90"], result["stat_iqr"]]
        np.testing.assert_array_equal(found, [expected[0], expected[2], expected[4], expected[3] - expected[1]])


@pytest.mark.parametrize("scale", [1.5e308, 3e-322, 1e-310])
def test_order_statistics_of_extreme_ranges_match_numpy(scale):
    values = np.random.default_rng(0).uniform(-1, 1, 200_000) * scale
    result = features.first_order(values)
    expected = np.percentile(values, [10, 50, 90])
    np.testing.assert_array_equal([result["stat_p10"], result["stat_median"], result["stat_p90"]], expected)


def test_zero_has_one_sign():
    values = np.where(np.arange(100_001) % 2, -0.0, 0.0)
    for workers in (1, 2, 3):
        result = features.first_order(values, workers=workers)
        assert not any(np.signbit(value) for value in result.values() if value == value)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [0, 1, 77])
def test_one_value(dtype, value):
    if dtype == "bool":
        value = min(value, 1)
    for shape in ((1,), (3, 5), (3, 1000)):
        result = features.first_order(np.full(shape, value, dtype))
        for name in ("stat_mean", "stat_median", "stat_min", "stat_max", "stat_p10", "stat_p90", "stat_rms"):
            assert result[name] == value
        for name in ("stat_var", "stat_skew", "stat_kurt", "stat_iqr", "stat_range", "stat_mad", "stat_rmad"):
            assert result[name] == 0
        assert result["stat_medad"] == 0
        np.testing.assert_equal(result["stat_cov"], 0.0 if value else np.nan)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e300, -7e-300])
def test_one_real_value_has_no_spread(value):
    result = features.first_order(np.full(1001, value))
    assert result["stat_mean"] == value
    for name in ("stat_var", "stat_skew", "stat_kurt", "stat_mad", "stat_rmad", "stat_medad"):
        assert result[name] == 0, name


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_two_values_have_no_robust_part(dtype):
    result = features.first_order(np.array([1, 2], dtype))
    assert np.isnan(result["stat_rmad"])
    assert result["stat_var"] == 0.25


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("shape", [(65,), (5, 67), (3, 5, 65), (2, 3, 4, 17), (2, 3, 2, 3, 5)], ids=str)
def test_same_bits_for_any_layout(shape, dtype):
    image = image_of(dtype, shape)
    mask = np.random.default_rng(1).random(shape) < 0.5
    expected = features.first_order(image), features.first_order(image, mask)
    every = (slice(None, None, -1),) * image.ndim
    wide = np.zeros([2 * n for n in shape], dtype)
    wide[tuple(slice(None, None, 2) for _ in shape)] = image
    for view in (
        np.asfortranarray(image),
        np.ascontiguousarray(image[every])[every],
        wide[tuple(slice(None, None, 2) for _ in shape)],
        image.astype(image.dtype.newbyteorder(">")),
    ):
        assert features.first_order(view) == expected[0]
        assert features.first_order(view, mask) == expected[1]
        assert features.first_order(view, np.asfortranarray(mask)) == expected[1]
        assert features.first_order(view, mask.astype(np.float32) * 0.5) == expected[1]


@pytest.mark.parametrize("dtype", DTYPES)
def test_same_bits_for_threads_and_levels(dtype):
    image = image_of(dtype, (70, 65, 129))
    mask = np.zeros(image.shape, bool)
    mask[10:60, 5:60, 3:100] = True
    mask[15] ^= np.random.default_rng(0).random(mask[15].shape) < 0.3
    results = []
    before = _cormack_cpu.isa()
    for isa in _cormack_cpu.available_isas():
        _cormack_cpu.use_isa(isa)
        for workers in (1, 2, 3):
            results.append(
                (features.first_order(image, workers=workers), features.first_order(image, mask, workers=workers))
            )
    _cormack_cpu.use_isa(before)
    assert all(result == results[0] for result in results)
    assert_matches(results[0][0], image)
    assert_matches(results[0][1], image[mask])


def test_repeated_values():
    image = np.broadcast_to(np.arange(7, dtype=np.float32)[:, np.newaxis], (7, 1000))
    assert features.first_order(image) == features.first_order(image.copy())


@given(
    hnp.arrays(
        st.sampled_from(DTYPES[1:]),
        hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=9),
        elements={"allow_nan": False, "allow_infinity": False, "min_value": 0, "max_value": 100},
    )
)
def test_any_region_matches_numpy(image):
    result = features.first_order(image)
    x = image.astype(np.float64)
    expected = np.percentile(x, [10, 25, 50, 75, 90])
    found = [result["stat_p10"], result["stat_median"], result["stat_p90"], result["stat_iqr"]]
    np.testing.assert_array_equal(found, [expected[0], expected[2], expected[4], expected[3] - expected[1]])
    assert result["stat_mean"] == pytest.approx(x.mean(), rel=1e-14, abs=1e-300)
    assert result["stat_var"] == pytest.approx(x.var(), rel=1e-10, abs=1e-26)
    assert result["stat_energy"] == pytest.approx((x * x).sum(), rel=1e-14, abs=1e-300)
    assert result["stat_min"] <= result["stat_p10"] <= result["stat_median"] <= result["stat_p90"] <= result["stat_max"]
    assert result["stat_min"] <= result["stat_mean"] <= result["stat_max"]


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"mask": np.zeros((2, 2))}, ValueError, r"first_order: `mask` must contain a voxel, got none"),
        ({"image": np.zeros((0, 2))}, ValueError, r"first_order: `image` must contain a voxel, got none"),
        ({"image": np.zeros((0, 2), np.int8)}, ValueError, r"first_order: `image` must contain a voxel, got none"),
        ({"mask": np.zeros((2, 3))}, ValueError, r"first_order: `mask` must have shape \(2, 2\), got \(2, 3\)"),
        ({"image": np.array([[0, np.nan, np.inf]])}, ValueError, r"finite in the region, got 2 voxels that are NaN or"),
        ({"image": np.array([[0, -np.inf]], np.float32)}, ValueError, r"`image` must be finite in the region, got 1"),
        ({"workers": 0}, ValueError, r"first_order: `workers` must be at least 1, got 0"),
    ],
)
def test_rejects(arguments, kind, message):
    with pytest.raises(kind, match=message):
        features.first_order(**{"image": np.zeros((2, 2), np.int16), **arguments})


def test_nan_outside_the_region_does_not_matter():
    image = np.array([[1.0, np.nan, 3.0]])
    assert features.first_order(image, ~np.isnan(image))["stat_mean"] == 2.0
