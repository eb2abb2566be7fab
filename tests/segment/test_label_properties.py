"""What label_statistics measures beyond one pass: equal to NumPy, SciPy, scikit-image and radiomics' shapes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage, stats
from skimage.measure import regionprops_table

from cormack import _cormack_cpu, features
from cormack.segment import label, label_statistics, screen

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
SHAPES = [(1, 1), (1, 7), (7, 1), (5, 63), (40, 129), (1, 1, 1), (3, 4, 5), (4, 1, 70), (9, 7, 64), (20, 30, 33)]
SPACING = (2.0, 0.7, 1.3)


def blobs(shape, dtype="int32", seed=0):
    rng = np.random.default_rng(seed)
    numbers = np.array([0, 1, 2, 5, 100, 7])
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


VALUES = ["intensity_skewness", "intensity_kurtosis", "intensity_median", "intensity_p0", "intensity_p12.5"]
VALUES += ["intensity_p90", "intensity_p100"]


def check_values(labels, image, **keywords):
    table = label_statistics(labels, image, properties=VALUES, **keywords)
    assert list(table) == ["label", *VALUES]
    for row in table.rows():
        inside = image[labels == row["label"]].astype(np.float64)
        for name, q in (("median", 50), ("p0", 0), ("p12.5", 12.5), ("p90", 90), ("p100", 100)):
            assert row[f"intensity_{name}"] == np.percentile(inside, q), name
        if inside.min() == inside.max():
            assert row["intensity_skewness"] == row["intensity_kurtosis"] == 0
        else:
            assert row["intensity_skewness"] == pytest.approx(stats.skew(inside), rel=1e-11, abs=1e-11)
            assert row["intensity_kurtosis"] == pytest.approx(stats.kurtosis(inside), rel=1e-11, abs=1e-11)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_values_match_numpy_and_scipy(dtype, shape):
    check_values(blobs(shape), values_of(shape, dtype))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
def test_values_of_large_objects_match_numpy_and_scipy(dtype):
    """Objects that are counted, selected and sorted; in several slabs."""
    rng = np.random.default_rng(0)
    labels = (rng.random((30, 60, 70)) < 0.9) * (1 + (np.arange(70) > 68))
    narrow = np.clip(rng.normal(60, 12, labels.shape), 0, 127).astype(dtype)
    for image in (narrow, values_of(labels.shape, dtype)):
        check_values(labels, image)
        check_values(labels[::-1, :, ::-1], np.asfortranarray(image)[::-1, :, ::-1])


@given(
    hnp.arrays(np.int8, (6, 9), elements=st.integers(0, 3)),
    hnp.arrays(np.float64, (6, 9), elements=st.floats(-1e6, 1e6)),
    st.lists(st.integers(0, 1000), min_size=1, max_size=4, unique=True),
)
@settings(max_examples=40, deadline=None)
def test_any_percentiles_match_numpy(labels, image, tenths):
    names = {f"intensity_p{tenth / 10:g}": tenth / 10 for tenth in tenths}
    table = label_statistics(labels, image, properties=names)
    for row in table.rows():
        inside = image[labels == row["label"]]
        for name, q in names.items():
            # numpy divides by 100 and multiplies by the count in another order where that is not exact.
            assert row[name] == pytest.approx(np.percentile(inside, q), rel=1e-12, abs=1e-9)


def test_nan_reaches_its_own_object_alone():
    labels = np.array([[1, 1, 2, 2, 2]])
    image = np.array([[np.nan, 1.0, 3.0, 4.0, 8.0]])
    table = label_statistics(labels, image, properties="all")
    for name in (*VALUES[:3], "intensity_p90", "intensity_mean", "intensity_std", "intensity_centroid_x"):
        assert np.isnan(table[name]).tolist() == [True, False], name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(20, 31, 40), (70, 80)], ids=str)
def test_intensity_centroid_matches_regionprops(shape, dtype):
    labels = blobs(shape)
    image = values_of(shape, dtype)
    if dtype != "bool":
        image = np.abs(image.astype(np.float64)).astype(dtype) if dtype != "int8" else np.maximum(image, 0)
    expected = regionprops_table(labels, image.astype(np.float64), properties=("label", "centroid_weighted"))
    table = label_statistics(labels, image, properties=["intensity_centroid"])
    assert table["label"].tolist() == expected["label"].tolist()
    for k, axis in enumerate("zyx"[-len(shape) :]):
        # Values that are not negative: no cancellation, and both sums are good to a few ulp.
        np.testing.assert_allclose(table[f"intensity_centroid_{axis}"], expected[f"centroid_weighted-{k}"], rtol=1e-11)


def test_intensity_centroid_without_weight_is_nan():
    table = label_statistics(np.array([[1, 1]]), np.array([[-2, 2]], np.int8), properties=["intensity_centroid"])
    assert np.isnan(table["intensity_centroid_x"]).all()


@pytest.mark.parametrize("shape", [(15, 20, 30), (40, 60)], ids=str)
def test_principal_axes_are_eigenvectors(shape):
    labels, _ = label(np.random.default_rng(3).random(shape) < 0.4)
    spacing = SPACING[-len(shape) :]
    table = label_statistics(labels, spacing=spacing, properties="all")
    axes = "zyx"[-len(shape) :]
    names = ("major", "minor", "least")[: len(shape)]
    for row in table.rows():
        points = np.argwhere(labels == row["label"]) * spacing
        covariance = np.cov(points.T, bias=True).reshape(len(shape), -1) if len(points) > 1 else 0
        covariance = covariance + np.diag(np.square(spacing) / 12)
        for name in names:
            vector = np.array([row[f"axis_{name}_{axis}"] for axis in axes])
            assert np.linalg.norm(vector) == pytest.approx(1, rel=1e-14)
            assert vector[np.abs(vector).argmax()] > 0
            moment = (row[f"axis_{name}_mm"] / 4) ** 2
            np.testing.assert_allclose(covariance @ vector, moment * vector, atol=1e-11 * np.abs(covariance).max())
        for axis, step in zip(axes, spacing, strict=True):
            assert row[f"centroid_{axis}_mm"] == row[f"centroid_{axis}"] * step


@pytest.mark.parametrize("shape", [(9, 11, 13), (5, 7, 70), (1, 1, 1), (2, 1, 130)], ids=str)
@pytest.mark.parametrize("density", [0.2, 0.6, 1.0])
def test_surfaces_match_radiomics(shape, density):
    """Objects that touch each other are meshed as if alone; radiomics meshes one mask at a time."""
    rng = np.random.default_rng(4)
    labels = (rng.integers(1, 4, shape) * (rng.random(shape) < density)).astype(np.uint8)
    labels[rng.random(shape) < 0.3] = 2
    table = label_statistics(labels, spacing=SPACING, properties=["surface_area_mm2", "sphericity"])
    for row in table.rows():
        shapes = features.morphology(labels == row["label"], spacing=SPACING)
        assert row["surface_area_mm2"] == pytest.approx(shapes["morph_area_mesh"], rel=1e-12)
        assert row["sphericity"] == pytest.approx(shapes["morph_sphericity"], rel=1e-12)


def polygon_of(mask, spacing):
    """Reference: cells of four pixels, one at a time."""
    padded = np.pad(mask, 1).astype(int)
    y, x = spacing
    length = area = 0.0
    for i in range(padded.shape[0] - 1):
        for j in range(padded.shape[1] - 1):
            (a, b), (c, d) = padded[i : i + 2, j : j + 2]
            corner = math.hypot(y / 2, x / 2)
            count = a + b + c + d
            straight = x if a == b else y
            length += [0, corner, 2 * corner if a == d else straight, corner, 0][count]
            area += [0, 1 / 8, 1 / 4 if a == d else 1 / 2, 7 / 8, 1][count] * x * y
    return length, area


@pytest.mark.parametrize("shape", [(1, 1), (5, 9), (12, 70)], ids=str)
def test_borders_match_cells_one_at_a_time(shape):
    labels = blobs(shape)
    table = label_statistics(labels, spacing=(0.7, 1.3), properties=["perimeter_mm", "circularity"])
    for row in table.rows():
        length, area = polygon_of(labels == row["label"], (0.7, 1.3))
        assert row["perimeter_mm"] == pytest.approx(length, rel=1e-12)
        assert row["circularity"] == pytest.approx(4 * math.pi * area / length**2, rel=1e-12)


def test_a_ball_is_round():
    z, y, x = np.ogrid[-20:21, -20:21, -20:21]
    table = label_statistics((z**2 + y**2 + x**2 <= 15**2).astype(np.uint8), spacing=0.5, properties="all")
    # Midpoints between voxels make steps, not a smooth surface.
    assert table["surface_area_mm2"][0] == pytest.approx(4 * math.pi * 7.5**2, rel=0.1)
    assert 0.9 < table["sphericity"][0] < 1


@pytest.mark.parametrize("dtype", ["uint8", "int64", "uint64"])
@pytest.mark.parametrize("shape", [(40, 30, 33), (90, 129)], ids=str)
def test_result_does_not_depend_on_layout_threads_and_levels(shape, dtype):
    labels = blobs(shape, dtype)
    if dtype == "uint64":
        labels = np.where(labels == 100, np.uint64(2**63 + 5), labels)
    elif dtype == "int64":
        labels = np.where(labels == 5, 2**31 + 7, labels)
    for image in (values_of(shape, "int16"), values_of(shape, "float32")):
        expected = label_statistics(labels, image, properties="all", workers=1)
        assert expected["label"].dtype == (np.int64 if dtype == "uint8" else dtype)
        for level in _cormack_cpu.available_isas():
            _cormack_cpu.use_isa(level)
            for workers in (1, 2, 3):
                table = label_statistics(labels, image, properties="all", workers=workers)
                assert list(table) == list(expected)
                for name, column in table.items():
                    np.testing.assert_array_equal(column, expected[name], err_msg=name)
        table = label_statistics(np.asfortranarray(labels), np.asfortranarray(image), properties="all")
        for name, column in table.items():
            np.testing.assert_array_equal(column, expected[name], err_msg=name)


def test_labels_with_gaps_and_many_labels():
    labels = np.arange(1, 30 * 40 * 5 + 1).reshape(30, 40, 5).astype(np.uint32) * 700001
    table = label_statistics(labels, values_of(labels.shape, "int16"), properties="all")
    assert table.row_count == labels.size
    # An octahedron around each voxel.
    np.testing.assert_allclose(table["surface_area_mm2"], math.sqrt(3), rtol=1e-12)
    np.testing.assert_array_equal(table["intensity_median"], values_of(labels.shape, "int16").ravel())


@pytest.mark.parametrize("shape", [(0, 5), (3, 0, 2), (4, 5)], ids=str)
def test_no_objects(shape):
    labels = np.zeros(shape, np.int32)
    table = label_statistics(labels, np.zeros(shape), properties="all")
    assert table.row_count == 0
    assert "intensity_median" in table
    kept, table = screen(labels, np.zeros(shape), criteria={"intensity_p90": (0, 1)})
    assert kept.shape == shape
    assert table.row_count == 0


def test_properties_choose_columns_in_order():
    labels = np.array([[0, 3]])
    assert list(label_statistics(labels, properties=[])) == ["label"]
    names = ["perimeter_mm", "bbox", "voxel_count", "bbox_x_start", "label"]
    expected = ["label", "perimeter_mm", "bbox_y_start", "bbox_y_stop", "bbox_x_start", "bbox_x_stop", "voxel_count"]
    assert list(label_statistics(labels, properties=names)) == expected
    default = list(label_statistics(labels))
    assert set(default) < set(label_statistics(labels, properties="all"))


def distances_or_skip():
    return pytest.importorskip("cormack.segment._distance").distance_transform_edt


def test_distance_matches_scipy():
    distances_or_skip()
    rng = np.random.default_rng(0)
    labels, _ = label(rng.random((12, 20, 30)) < 0.1)
    target = ndimage.binary_dilation(rng.random(labels.shape) < 0.002)
    expected = ndimage.distance_transform_edt(~target, sampling=SPACING)
    table = label_statistics(labels, spacing=SPACING, distance_to=target, properties=["distance_mm"])
    found = ndimage.minimum(expected, labels, table["label"])
    np.testing.assert_allclose(table["distance_mm"], found, rtol=1e-12)
    _, table = screen(labels, spacing=SPACING, distance_to=target, distance_mm=(None, 4.0))
    np.testing.assert_array_equal(table["kept"], found <= 4)
    assert set(table["decided_by"]) == {"", "distance_mm"}
    assert np.isinf(label_statistics(labels, distance_to=target * 0, properties=["distance_mm"])["distance_mm"]).all()


def test_screen_by_any_property():
    labels, _ = label(np.random.default_rng(2).random((20, 30, 40)) < 0.25)
    image = values_of(labels.shape, "int16")
    table = label_statistics(labels, image, properties="all", spacing=SPACING)
    ranges = {"sphericity": (0.6, 0.95), "intensity_median": (None, 9000), "surface_area_mm2": (6, None)}
    others = {"intensity_p75": (0, None), "centroid_z_mm": (4, 30), "axis_major_x": (0.1, None)}
    kept, screened = screen(labels, image, spacing=SPACING, criteria=others, **ranges)
    decided = np.full(table.row_count, "", "U40")
    order = ("intensity_median", "surface_area_mm2", "sphericity", *others)
    for name in order:
        low, high = (ranges | others)[name]
        inside = (table[name] >= (-np.inf if low is None else low)) & (
            table[name] <= (np.inf if high is None else high)
        )
        decided[(decided == "") & ~inside] = name
    np.testing.assert_array_equal(screened["decided_by"], decided)
    assert {*decided} > {"", "sphericity", "intensity_p75"}
    np.testing.assert_array_equal(np.unique(labels[kept > 0]), table["label"][decided == ""])


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda a: label_statistics(a, properties="some"), ValueError, "`properties` must be 'all' or several names"),
        (lambda a: label_statistics(a, properties=["nothing"]), ValueError, "`properties` must name what"),
        (lambda a: label_statistics(a, properties=[3]), TypeError, "`properties` must be names of columns"),
        (lambda a: label_statistics(a, properties=3), TypeError, "`properties` must be names of columns"),
        (lambda a: label_statistics(a, properties=["intensity_p50"]), ValueError, "`intensity_p50` must come with"),
        (lambda a: label_statistics(a, properties=["intensity_centroid"]), ValueError, "must come with `image`"),
        (lambda a: label_statistics(a, a, properties=["intensity_p101"]), ValueError, "name percentiles up to 100"),
        (lambda a: label_statistics(a, properties=["sphericity"]), ValueError, "must be None for 2-D labels"),
        (lambda a: label_statistics(a, properties=["distance_mm"]), ValueError, "must come with `distance_to`"),
        (lambda a: label_statistics(a, distance_to=a[:1]), ValueError, r"`distance_to` must have shape \(2, 3\)"),
        (lambda a: label_statistics(a - 2, properties="all"), ValueError, "`labels` must have no negative values"),
        (lambda a: label_statistics(a, spacing=0), ValueError, "`spacing` must be above 0"),
        (lambda a: screen(a, criteria={"bbox": (0, 1)}), ValueError, "`criteria` must name columns, not groups"),
        (lambda a: screen(a, criteria={"x": (0, 1)}), ValueError, "`criteria` must name what"),
        (lambda a: screen(a, criteria=[1]), TypeError, "`criteria` must map names to ranges"),
        (lambda a: screen(a, criteria={"touches_border": (0, 1)}), ValueError, "`criteria` must leave"),
        (lambda a: screen(a, voxel_count=(1, 2), criteria={"voxel_count": (0, 1)}), ValueError, "given by itself"),
        (lambda a: screen(a, sphericity=(0, 1)), ValueError, "screen: `sphericity` must be None for 2-D labels"),
        (lambda a: screen(a, distance_mm=(0, 1)), ValueError, "screen: `distance_mm` must come with `distance_to`"),
        (lambda a: screen(a, circularity=(1, 0)), ValueError, "low <= high"),
    ],
)
def test_rejects(call, kind, message):
    with pytest.raises(kind, match=message):
        call(np.array([[1, 0, 2], [0, 3, 3]], np.int16))
