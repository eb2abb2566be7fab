"""label_statistics: equal to SimpleITK, scikit-image and NumPy; analytic bodies; exact sums; errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.measure import regionprops_table

from cormack import _cormack_cpu
from cormack.segment import label, label_statistics

LABEL_DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "uint64"]
DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
SHAPES = [(1, 1), (1, 7), (7, 1), (5, 63), (4, 64), (3, 65), (40, 129), (1, 1, 1), (3, 4, 5), (4, 1, 70), (9, 7, 64)]


def blobs(shape, dtype="int32", count=5, seed=0):
    """Labels with gaps in their numbers, in runs of several lengths."""
    rng = np.random.default_rng(seed)
    numbers = np.array([0, 1, 2, 5, 100, 7, 60][: count + 1]) if dtype != "bool" else np.array([0, 1])
    lengths = rng.integers(1, 12, math.prod(shape))
    return np.repeat(rng.choice(numbers, len(lengths)), lengths)[: math.prod(shape)].reshape(shape).astype(dtype)


def values_of(shape, dtype, seed=1):
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if dtype.startswith("float"):
        return (rng.normal(40, 300, shape)).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


def by_numpy(labels, image, spacing):
    """Reference: one object at a time, two passes."""
    axes = "zyx"[-labels.ndim :]
    columns = {}
    for number in np.unique(labels[labels != 0]):
        points = np.array(np.nonzero(labels == number))
        mean = points.mean(1)
        row = {"label": number, "voxel_count": points.shape[1]}
        for axis, centre, where, extent in zip(axes, mean, points, labels.shape, strict=True):
            row[f"centroid_{axis}"] = centre
            row[f"bbox_{axis}_start"], row[f"bbox_{axis}_stop"] = where.min(), where.max() + 1
            row["touches_border"] = row.get("touches_border", False) | (where.min() == 0) | (where.max() == extent - 1)
        size = np.array(spacing)[:, np.newaxis]
        offsets = (points - mean[:, np.newaxis]) * size
        covariance = offsets @ offsets.T / points.shape[1] + np.diag(np.array(spacing) ** 2 / 12)
        for name, moment in zip(("major", "minor", "least"), np.linalg.eigvalsh(covariance)[::-1], strict=False):
            row[f"axis_{name}_mm"] = 4 * np.sqrt(moment)
        if image is not None:
            inside = image[labels == number].astype(np.float64)
            row |= {"intensity_mean": inside.mean(), "intensity_std": inside.std()}
            row |= {"intensity_min": inside.min(), "intensity_max": inside.max()}
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return columns


def check(labels, image=None, spacing=(2.0, 0.7, 1.3), **keywords):
    spacing = spacing[-labels.ndim :]
    table = label_statistics(labels, image, spacing=spacing, **keywords)
    expected = by_numpy(labels, image, spacing)
    assert table.row_count == len(expected.get("label", []))
    for name, column in expected.items():
        if name.startswith(("centroid", "axis", "intensity_mean", "intensity_std")):
            # NumPy's own sums are good to a few ulp times the root of the number of terms; axes and standard deviations
            # are roots of differences, of order eps times the values squared.
            scale = 1 if image is None else np.abs(image).max(initial=1).astype(float)
            absolute = scale * 1e-12 if name.startswith("intensity") else 1e-11
            np.testing.assert_allclose(table[name], column, rtol=1e-12, atol=absolute, err_msg=name)
        else:
            np.testing.assert_array_equal(table[name], column, err_msg=name)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", LABEL_DTYPES)
def test_matches_numpy_for_every_label_type(isa, dtype, shape):
    check(blobs(shape, dtype), values_of(shape, "int16"))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_numpy_for_every_image_type(isa, dtype, shape):
    check(blobs(shape), values_of(shape, dtype))


def test_matches_numpy_in_several_slabs():
    shape = (40, 60, 100)
    for dtype in ("int16", "float32"):
        check(blobs(shape, count=6), values_of(shape, dtype))


@pytest.mark.parametrize("shape", [(30, 41, 50), (200, 310)], ids=str)
def test_matches_simpleitk(shape):
    rng = np.random.default_rng(3)
    labels, count = label(rng.random(shape) < (0.2 if len(shape) == 3 else 0.5))
    assert count > 100
    spacing = (3.0, 0.4, 1.7)[-len(shape) :]
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing(spacing[::-1])
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.Execute(image)
    table = label_statistics(labels, spacing=spacing)
    assert table["label"].tolist() == list(shapes.GetLabels())
    moments = np.array([shapes.GetPrincipalMoments(k)[::-1] for k in shapes.GetLabels()])
    # ITK takes centres of voxels: their boxes are added to the matrix that its moments and axes describe.
    axes = np.array([shapes.GetPrincipalAxes(k) for k in shapes.GetLabels()])
    axes = axes.reshape(-1, len(shape), len(shape))[:, ::-1]
    matrices = np.einsum("nk,nki,nkj->nij", moments, axes, axes) + np.diag(np.array(spacing[::-1]) ** 2 / 12)
    moments = np.linalg.eigvalsh(matrices)[:, ::-1]
    names = ["axis_major_mm", "axis_minor_mm", "axis_least_mm"][: len(shape)]
    rounding = 16 * np.finfo(float).eps * max(n * s for n, s in zip(shape, spacing, strict=True)) ** 2
    for name, moment in zip(names, moments.T, strict=True):
        # ITK subtracts squares of coordinates in mm from each other, in float64.
        np.testing.assert_allclose(table[name] ** 2 / 16, moment, rtol=1e-11, atol=rounding)
    size = "volume_mm3" if len(shape) == 3 else "area_mm2"
    np.testing.assert_allclose(table[size], [shapes.GetPhysicalSize(k) for k in shapes.GetLabels()], rtol=1e-13)
    radius = [shapes.GetEquivalentSphericalRadius(k) for k in shapes.GetLabels()]
    np.testing.assert_allclose(table["equivalent_diameter_mm"], 2 * np.array(radius), rtol=1e-13)
    centroids = np.array([shapes.GetCentroid(k)[::-1] for k in shapes.GetLabels()]) / spacing
    for axis, centroid in zip("zyx"[-len(shape) :], centroids.T, strict=True):
        np.testing.assert_allclose(table[f"centroid_{axis}"], centroid, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("shape", [(20, 31, 40), (70, 80)], ids=str)
def test_matches_regionprops(shape):
    labels = blobs(shape)
    image = values_of(shape, "int16")
    spacing = (2.0, 0.5, 0.7)[-len(shape) :]
    names = ("label", "area", "bbox", "centroid", "intensity_mean", "intensity_min", "intensity_max", "intensity_std")
    expected = regionprops_table(labels, image, properties=names, spacing=spacing)
    table = label_statistics(labels, image, spacing=spacing)
    np.testing.assert_array_equal(table["label"], expected["label"])
    np.testing.assert_allclose(table["volume_mm3" if len(shape) == 3 else "area_mm2"], expected["area"], rtol=1e-13)
    for k, axis in enumerate("zyx"[-len(shape) :]):
        np.testing.assert_allclose(table[f"centroid_{axis}"] * spacing[k], expected[f"centroid-{k}"], rtol=1e-12)
        np.testing.assert_array_equal(table[f"bbox_{axis}_start"], expected[f"bbox-{k}"])
        np.testing.assert_array_equal(table[f"bbox_{axis}_stop"], expected[f"bbox-{k + len(shape)}"])
    for name in ("intensity_mean", "intensity_std", "intensity_min", "intensity_max"):
        np.testing.assert_allclose(table[name], expected[name], rtol=1e-12)


def rotation(rng, ndim):
    return np.linalg.qr(rng.standard_normal((ndim, ndim)))[0]


@pytest.mark.parametrize("axes", [(20, 20, 20), (30, 18, 10), (30, 8, 8), (26, 25, 6)], ids=str)
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 0.8, 0.8)], ids=str)
def test_ellipsoids_have_their_analytic_axes(axes, spacing):
    shape = [int(72 / s) for s in spacing]
    grid = np.stack(
        np.meshgrid(*((np.arange(n) - n / 2 + 0.3) * s for n, s in zip(shape, spacing, strict=True)), indexing="ij")
    )
    turned = np.tensordot(rotation(np.random.default_rng(1), 3), grid, 1)
    body = sum((x / a) ** 2 for x, a in zip(turned, axes, strict=True)) <= 1
    row = next(label_statistics(body, spacing=spacing).rows())
    # Semi-axes of at least three voxels: the boundary moves moments by less than a few per cent.
    tolerance = 0.02
    assert row["volume_mm3"] == pytest.approx(4 / 3 * math.pi * math.prod(axes), rel=tolerance)
    for name, semi in zip(("major", "minor", "least"), sorted(axes, reverse=True), strict=True):
        assert row[f"axis_{name}_mm"] == pytest.approx(4 * semi / math.sqrt(5), rel=tolerance)
    ordered = sorted(axes, reverse=True)
    assert row["elongation"] == pytest.approx(ordered[1] / ordered[0], rel=2 * tolerance)
    assert row["flatness"] == pytest.approx(ordered[2] / ordered[0], rel=2 * tolerance)
    assert row["roundness"] == pytest.approx(math.prod(axes) / ordered[0] ** 3, rel=3 * tolerance)
    assert row["equivalent_diameter_mm"] == pytest.approx(2 * math.prod(axes) ** (1 / 3), rel=tolerance)


@pytest.mark.parametrize("axes", [(40, 40), (60, 15)], ids=str)
def test_ellipses_have_their_analytic_axes(axes):
    spacing = (0.5, 0.25)
    y, x = np.meshgrid((np.arange(280) - 140.2) * 0.5, (np.arange(560) - 280.4) * 0.25, indexing="ij")
    u, v = 0.6 * y + 0.8 * x, 0.8 * y - 0.6 * x
    row = next(label_statistics((u / axes[0]) ** 2 + (v / axes[1]) ** 2 <= 1, spacing=spacing).rows())
    assert row["axis_major_mm"] == pytest.approx(2 * axes[0], rel=1e-3)
    assert row["axis_minor_mm"] == pytest.approx(2 * axes[1], rel=1e-3)
    assert row["area_mm2"] == pytest.approx(math.pi * axes[0] * axes[1], rel=1e-3)
    assert row["elongation"] == pytest.approx(axes[1] / axes[0], rel=1e-3)
    assert row["roundness"] == pytest.approx(axes[1] / axes[0], rel=2e-3)


def test_boxes_are_exact():
    labels = np.zeros((10, 12, 14), np.uint8)
    labels[1:5, 2:8, 3:13] = 1
    row = next(label_statistics(labels, spacing=(1.0, 2.0, 0.5)).rows())
    # A box of side a has variance a ** 2 / 12.
    assert row["axis_major_mm"] == pytest.approx(4 * 12 / math.sqrt(12), rel=1e-14)
    assert row["axis_minor_mm"] == pytest.approx(4 * 5 / math.sqrt(12), rel=1e-14)
    assert row["axis_least_mm"] == pytest.approx(4 * 4 / math.sqrt(12), rel=1e-14)
    assert row["volume_mm3"] == 240
    assert row["centroid_x"] == 7.5
    assert not row["touches_border"]


def test_columns_and_their_order():
    names = list(label_statistics(np.ones((2, 2, 2), int), np.zeros((2, 2, 2))))
    assert names[:7] == [
        "label",
        "voxel_count",
        "volume_mm3",
        "equivalent_diameter_mm",
        "centroid_z",
        "centroid_y",
        "centroid_x",
    ]
    assert names[7:14] == [*(f"bbox_{a}_{end}" for a in "zyx" for end in ("start", "stop")), "touches_border"]
    assert names[14:20] == ["axis_major_mm", "axis_minor_mm", "axis_least_mm", "elongation", "flatness", "roundness"]
    assert names[20:] == ["intensity_mean", "intensity_std", "intensity_min", "intensity_max"]
    flat = list(label_statistics(np.ones((2, 2), int)))
    assert flat[2] == "area_mm2"
    assert not {"centroid_z", "bbox_z_start", "axis_least_mm", "flatness", "volume_mm3"} & set(flat)


def test_moments_far_from_the_origin_lose_nothing():
    near, far = np.zeros((3, 64), np.uint8), np.zeros((3, 1 << 20), np.uint8)
    near[0, 3:7] = near[1, 5:6] = 1
    far[0, -63:-59] = far[1, -61:-60] = 1
    a, b = next(label_statistics(near).rows()), next(label_statistics(far).rows())
    for name in ("axis_major_mm", "axis_minor_mm", "elongation", "roundness"):
        assert a[name] == pytest.approx(b[name], rel=1e-14)


def test_integer_values_are_summed_exactly():
    labels = np.ones((70, 1000), np.int32)
    top = np.full(labels.shape, 2**32 - 1, np.uint32)
    row = next(label_statistics(labels, top).rows())
    assert row["intensity_mean"] == 2**32 - 1
    assert row["intensity_std"] == 0
    top[0, :35000] -= 0
    top.ravel()[:35000] -= 2
    row = next(label_statistics(labels, top).rows())
    assert row["intensity_mean"] == 2**32 - 2
    assert row["intensity_std"] == 1
    low = np.full(labels.shape, -(2**31), np.int32)
    assert next(label_statistics(labels, low).rows())["intensity_mean"] == -(2**31)


def test_float_values_keep_small_deviations_of_large_values():
    labels = np.ones((300, 1001), np.int32)
    image = 1e9 + np.random.default_rng(0).normal(0, 1e-3, labels.shape)
    row = next(label_statistics(labels, image).rows())
    assert row["intensity_std"] == pytest.approx((image - 1e9).std(), rel=1e-11)
    assert next(label_statistics(labels, np.full(labels.shape, 0.1)).rows())["intensity_std"] == 0


def test_nan_and_infinity_stay_in_their_objects():
    labels = np.repeat(np.arange(1, 6), 40)[np.newaxis].repeat(2000, 0)
    image = np.ones(labels.shape, np.float32)
    image[1500, 50] = np.nan
    image[0, 80] = np.inf
    image[1900, 125] = -np.inf
    image[3, 170], image[4, 175] = np.inf, -np.inf
    table = label_statistics(labels, image)
    np.testing.assert_array_equal(table["intensity_mean"], [1, np.nan, np.inf, -np.inf, np.nan])
    np.testing.assert_array_equal(table["intensity_std"], [0, np.nan, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(table["intensity_min"], [1, np.nan, 1, -np.inf, -np.inf])
    np.testing.assert_array_equal(table["intensity_max"], [1, np.nan, np.inf, 1, np.inf])


@pytest.mark.parametrize("dtype", ["int16", "uint32", "float32", "float64"])
def test_result_does_not_depend_on_threads_or_level(dtype):
    shape = (64, 64, 100)
    labels = blobs(shape)
    labels[:, ::2] = 3
    image = values_of(shape, dtype)
    expected = label_statistics(labels, image, workers=1)
    for level in _cormack_cpu.available_isas():
        _cormack_cpu.use_isa(level)
        for workers in (1, 2, 3, -1):
            table = label_statistics(labels, image, workers=workers)
            for name, column in expected.items():
                assert table[name].tobytes() == column.tobytes(), (name, level, workers)


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::-1, ::-1, ::-1],
        lambda a: a.transpose(2, 0, 1),
        lambda a: a[1::2, ::3, 5::2],
        lambda a: np.asfortranarray(a),
        lambda a: np.broadcast_to(a[..., :1], a.shape),
        lambda a: a[:, :, 9],
    ],
)
def test_matches_numpy_for_any_strides(view):
    check(view(blobs((8, 13, 80))), view(values_of((8, 13, 80), "float32")))


@given(hnp.arrays("int16", hnp.array_shapes(min_dims=2, max_dims=3, max_side=12), elements=st.integers(0, 4)))
@settings(max_examples=60, deadline=None)
def test_matches_numpy_on_random_input(labels):
    check(labels, values_of(labels.shape, "int32"))


@pytest.mark.parametrize(
    ("dtype", "numbers"),
    [
        ("uint32", [1, 2**31, 2**32 - 1]),
        ("int32", [3, 2**31 - 1]),
        ("int64", [7, 2**31, 2**62]),
        ("uint64", [2**64 - 1, 5]),
        ("uint64", [2**63]),
    ],
)
def test_labels_may_be_huge(dtype, numbers):
    labels = np.zeros((4, 70), dtype)
    for k, number in enumerate(numbers):
        labels[k, 2 + k : 9] = number
    table = label_statistics(labels)
    assert [int(n) for n in table["label"]] == sorted(numbers)
    assert sorted(table["voxel_count"].tolist()) == sorted(7 - k for k in range(len(numbers)))


def test_spacing_is_one_by_default():
    assert label_statistics(np.ones((2, 3, 4), np.uint8))["volume_mm3"].tolist() == [24]
    assert label_statistics(np.ones((3, 4), np.uint8), spacing=0.5)["area_mm2"].tolist() == [3]


@pytest.mark.parametrize("shape", [(0, 5), (3, 0, 4), (2, 3), (2, 3, 4)], ids=str)
def test_no_objects(shape):
    table = label_statistics(np.zeros(shape, np.int32), np.zeros(shape, np.int16))
    assert table.row_count == 0
    assert len(table) == (24 if len(shape) == 3 else 19)


ONES = np.ones((3, 4), np.int32)


@pytest.mark.parametrize(
    ("labels", "keywords", "error", "message"),
    [
        (-ONES, {}, ValueError, "label_statistics: `labels` must have no negative values, got -1"),
        (ONES.astype(np.int64) * -(2**40), {}, ValueError, "`labels` must have no negative values, got -1099511627776"),
        (-ONES.astype(np.int8), {}, ValueError, "`labels` must have no negative values, got -1"),
        (ONES * 1.0, {}, TypeError, "label_statistics: `labels` must have an integer dtype, got float64"),
        (ONES[0], {}, ValueError, "`labels` must be 2-D or 3-D, got shape (4,)"),
        (ONES, {"image": np.zeros((4, 3))}, ValueError, "`image` must have shape (3, 4), got (4, 3)"),
        (ONES, {"image": ONES.astype(complex)}, TypeError, "`image` must have one of the dtypes"),
        (ONES, {"spacing": (1, 1, 1)}, ValueError, "`spacing` must be one value or one for each of 2 axes"),
        (ONES, {"spacing": 0}, ValueError, "`spacing` must be above 0, got 0"),
        (ONES, {"workers": 0}, ValueError, "`workers` must be at least 1, got 0"),
        (np.ones((1, 2**20 + 1), bool), {}, ValueError, "`labels` must have no axis longer than 1048576"),
    ],
)
def test_rejects(labels, keywords, error, message):
    with pytest.raises(error) as caught:
        label_statistics(labels, **keywords)
    assert message in str(caught.value)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_first_negative_label_is_named_for_any_number_of_threads(workers):
    labels = np.ones((64, 64, 64), np.int32)
    labels[5, 3, 2], labels[40, 0, 0], labels[-1, -1, -1] = -3, -4, -5
    assert _cormack_cpu.label_statistics(labels, None, (1.0, 1.0, 1.0), workers=workers)[1] == -3
