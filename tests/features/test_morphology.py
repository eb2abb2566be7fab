"""morphology: IBSI reference values, meshes and hulls of other libraries, sums over all pairs, analytic bodies."""

from __future__ import annotations

import csv
from math import floor, isfinite, isnan, log10, pi, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cormack import Volume, _cormack_cpu, features, io

SPACING = (2.0, 0.7, 0.9)
HALF_STEPS = np.concatenate([np.eye(3), -np.eye(3)]) / 2
DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


def blob(shape=(14, 20, 70), seed=0):
    z, y, x = (np.linspace(-1, 1, n) for n in shape)
    noise = np.random.default_rng(seed).normal(0, 0.15, shape)
    return (z[:, None, None] ** 2 + y[:, None] ** 2 + x**2 + noise) < 0.7


def image_of(shape, seed=0):
    return np.rint(np.random.default_rng(seed).gamma(2, 300, shape) - 500).astype(np.int16)


def mesh_points(mask, spacing):
    """Return points whose convex hull is that of the mesh: half a voxel from each voxel along each axis."""
    return ((np.argwhere(mask)[:, None] + HALF_STEPS).reshape(-1, 3)) * spacing


def random_masks(count, longest, seed):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        mask = rng.random(rng.integers(1, longest + 1, 3)) < rng.uniform(0.05, 0.95)
        if mask.any():
            yield mask, tuple(rng.uniform(0.3, 3, 3))


def pairs(image, mask, spacing):
    """Moran's I and Geary's C over all pairs."""
    points, x = np.argwhere(mask) * spacing, image[mask].astype(np.float64)
    x -= x.mean()
    distance = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))
    weights = np.divide(1, distance, out=np.zeros_like(distance), where=distance > 0)
    n, scale = x.size, weights.sum() * (x * x).sum()
    return n * (weights * np.outer(x, x)).sum() / scale, (n - 1) * (weights * (x[:, None] - x) ** 2).sum() / 2 / scale


def matches(x, value, tolerance):
    """The rule of the reference tables: three significant digits."""
    if x and isfinite(x):
        x = round(x, 2 - floor(log10(abs(x))))
    return abs(x - value) <= tolerance + 1e-9 * max(1.0, abs(value))


@pytest.mark.parametrize(
    ("table", "folder", "values"),
    [("ibsi1_digital_phantom", "ibsi_digital_phantom", 25), ("ibsi1_ct_config_A", "ibsi_ct_phantom", 25)],
)
def test_matches_ibsi(shared, table, folder, values):
    mask, image = (io.read(shared / "data" / folder / f"{name}.nii.gz") for name in ("mask", "image"))
    intensities = np.rint(image.array.astype(np.float64))
    inside = mask.array != 0
    if table.endswith("config_A"):
        inside &= (intensities >= -500) & (intensities <= 400)
    result = features.morphology(mask, intensities, inside)
    assert list(result) == list(features.definitions("HCUG"))
    with (shared / "reference" / "ibsi" / f"{table}.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["name"] in result and row["value"]]
    assert len(rows) == values
    wrong = [r["name"] for r in rows if not matches(result[r["name"]], float(r["value"]), float(r["tolerance"]))]
    assert not wrong


@pytest.mark.parametrize("seed", range(3))
def test_mesh_matches_skimage(seed):
    measure = pytest.importorskip("skimage.measure")
    for mask, spacing in [*random_masks(12, 7, seed), (blob(seed=seed), SPACING)]:
        padded = np.pad(mask, 1).astype(np.float32)
        points, triangles, _, _ = measure.marching_cubes(padded, 0.5, spacing=spacing, method="lorensen")
        corners = points.astype(np.float64)[triangles]
        volume = abs(np.einsum("ij,ij", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))) / 6
        result = features.morphology(mask, spacing=spacing)
        # Their vertices are float32.
        assert result["morph_volume"] == pytest.approx(volume, rel=1e-5)
        assert result["morph_area_mesh"] == pytest.approx(measure.mesh_surface_area(corners.reshape(-1, 3),
                np.arange(3 * len(corners)).reshape(-1, 3)), rel=1e-5)  # fmt: skip


def test_hull_and_diameter_match_scipy():
    spatial = pytest.importorskip("scipy.spatial")
    for mask, spacing in random_masks(250, 8, 5):
        points = mesh_points(mask, spacing)
        hull = spatial.ConvexHull(points)
        result = features.morphology(mask, spacing=spacing)
        assert result["morph_volume"] / result["morph_vol_dens_conv_hull"] == pytest.approx(hull.volume, rel=1e-12)
        assert result["morph_area_mesh"] / result["morph_area_dens_conv_hull"] == pytest.approx(hull.area, rel=1e-12)
        assert result["morph_diam"] == pytest.approx(spatial.distance.pdist(points).max(), rel=1e-12)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 9), (9, 1, 1), (1, 5, 1), (1, 6, 7), (6, 1, 7), (6, 7, 1)])
def test_hull_of_points_lines_and_planes_matches_scipy(shape):
    spatial = pytest.importorskip("scipy.spatial")
    hull = spatial.ConvexHull(mesh_points(np.ones(shape), SPACING))
    result = _cormack_cpu.shape(np.ones(shape, bool), SPACING)
    assert result["hull_volume"] == pytest.approx(hull.volume, rel=1e-12)
    assert result["hull_area"] == pytest.approx(hull.area, rel=1e-12)
    np.testing.assert_allclose(result["box"], np.multiply(shape, SPACING), rtol=1e-12)


def test_hull_of_many_points_in_few_planes_matches_scipy():
    spatial = pytest.importorskip("scipy.spatial")
    rng = np.random.default_rng(2)
    for _ in range(40):
        i, j, k = np.ogrid[:13, :14, :15]
        normal = rng.integers(-3, 4, 3)
        mask = np.abs(normal[0] * i + normal[1] * j + normal[2] * k - rng.integers(0, 20)) <= rng.integers(0, 3)
        mask &= rng.random(mask.shape) < rng.choice([0.2, 1.0])
        if mask.any():
            hull = spatial.ConvexHull(mesh_points(mask, SPACING))
            result = _cormack_cpu.shape(mask, SPACING)
            assert result["hull_volume"] == pytest.approx(hull.volume, rel=1e-12)
            assert result["hull_area"] == pytest.approx(hull.area, rel=1e-12)


def test_oriented_box_matches_a_search_over_faces():
    spatial = pytest.importorskip("scipy.spatial")
    for mask, spacing in random_masks(40, 7, 7):
        points = mesh_points(mask, spacing)
        hull = spatial.ConvexHull(points)
        corners = points[hull.vertices]
        best = np.prod(np.ptp(corners, axis=0))
        for normal in np.concatenate([hull.equations[:, :3], np.eye(3)]):
            u = np.cross(normal, np.eye(3)[np.argmin(np.abs(normal))])
            u /= np.linalg.norm(u)
            flat = corners @ np.stack([u, np.cross(normal, u)]).T
            ring = flat[spatial.ConvexHull(flat).vertices]
            for edge in np.roll(ring, -1, axis=0) - ring:
                a = edge / np.linalg.norm(edge)
                area = np.ptp(ring @ a) * np.ptp(ring @ [-a[1], a[0]])
                best = min(best, np.ptp(corners @ normal) * area)
        result = _cormack_cpu.shape(mask, spacing)
        assert np.prod(result["oriented_box"]) == pytest.approx(best, rel=1e-9)


def least_ellipsoid_volume(points):
    """A lower bound that is close: the dual of the smallest ellipsoid, by Titterington's multiplicative steps."""
    lifted = np.concatenate([points, np.ones((len(points), 1))], axis=1)
    weights = np.full(len(points), 1 / len(points))
    for _ in range(4000):
        heights = np.einsum("ij,ij->i", lifted, np.linalg.solve((lifted.T * weights) @ lifted, lifted.T).T)
        weights *= heights / 4
    center = weights @ points
    covariance = (points.T * weights) @ points - np.outer(center, center)
    return 4 / 3 * pi * sqrt(np.linalg.det(3 * covariance))


def test_smallest_ellipsoid_matches_its_dual():
    spatial = pytest.importorskip("scipy.spatial")
    for mask, spacing in [*random_masks(12, 6, 9), (np.ones((1, 1, 1)), SPACING), (np.ones((1, 1, 9)), SPACING)]:
        points = mesh_points(mask, spacing)
        points = points[spatial.ConvexHull(points).vertices]
        result = features.morphology(mask, spacing=spacing)
        volume = result["morph_volume"] / result["morph_vol_dens_mvee"]
        least = least_ellipsoid_volume(points - points.mean(axis=0))
        assert least * (1 - 1e-9) <= volume <= least * (1 + 1e-4)


@pytest.mark.parametrize("radius", [(14.2, 14.2, 14.2), (20.3, 12.1, 9.2)])
def test_an_ellipsoid_has_the_values_of_geometry(radius):
    size = (1.5, 0.5, 0.75)
    half = [int(r / s) + 2 for r, s in zip(radius, size, strict=True)]
    z, y, x = np.ogrid[tuple(slice(-n, n + 1) for n in half)]
    inside = (z * size[0] / radius[0]) ** 2 + (y * size[1] / radius[1]) ** 2 + (x * size[2] / radius[2]) ** 2 < 1
    result = features.morphology(inside, spacing=size)
    volume = 4 / 3 * pi * np.prod(radius)
    # Vertices lie at most half a step outside the body.
    outside = 1 + max(size) / 2 / min(radius)
    assert result["morph_volume"] == pytest.approx(volume, rel=0.02)
    assert result["morph_vol_approx"] == pytest.approx(volume, rel=0.02)
    assert 2 * max(radius) - max(size) <= result["morph_diam"] <= 2 * max(radius) + max(size)
    assert result["morph_pca_maj_axis"] == pytest.approx(4 * max(radius) / sqrt(5), rel=0.02)
    assert result["morph_pca_flatness"] == pytest.approx(min(radius) / max(radius), rel=0.02)
    for body, value in {"aabb": pi / 6, "ombb": pi / 6, "mvee": 1, "conv_hull": 1, "aee": 5**1.5 / 8}.items():
        assert value / outside**3 * 0.98 <= result[f"morph_vol_dens_{body}"] <= value * 1.02


def test_a_cuboid_has_the_values_of_geometry():
    mask = np.zeros((12, 14, 16), bool)
    mask[2:10, 3:13, 1:15] = True
    result = features.morphology(mask, spacing=(1.5, 2, 0.5))
    size = np.array([8, 10, 14]) * (1.5, 2, 0.5)
    assert result["morph_vol_approx"] == pytest.approx(np.prod(size))
    # Marching cubes cut edges by half a voxel.
    assert 0.9 * np.prod(size) < result["morph_volume"] < np.prod(size)
    assert result["morph_vol_dens_aabb"] == pytest.approx(result["morph_volume"] / np.prod(size), rel=1e-12)
    assert result["morph_vol_dens_ombb"] >= result["morph_vol_dens_aabb"]
    assert result["morph_vol_dens_conv_hull"] == pytest.approx(1, rel=1e-12)
    assert result["morph_area_dens_conv_hull"] == pytest.approx(1, rel=1e-12)
    axes = np.sort(4 * np.sqrt((np.array([64, 100, 196]) - 1) / 12 * np.square((1.5, 2, 0.5)) * 1120 / 1119))
    keys = ("morph_pca_least_axis", "morph_pca_min_axis", "morph_pca_maj_axis")
    np.testing.assert_allclose([result[key] for key in keys], axes, rtol=1e-12)


def test_moran_and_geary_match_all_pairs():
    rng = np.random.default_rng(3)
    for mask, spacing in random_masks(60, 11, 11):
        if mask.sum() < 2:
            continue
        image = rng.normal(1000, 30, mask.shape)
        result = features.morphology(np.ones(mask.shape), image, mask, spacing=spacing)
        expected = pairs(image, mask, spacing)
        np.testing.assert_allclose((result["morph_moran_i"], result["morph_geary_c"]), expected, rtol=0, atol=1e-12)


def test_moran_and_geary_in_parts_match_all_at_once():
    # So many rows that their spectra do not fit into the memory at once.
    rng = np.random.default_rng(4)
    image = rng.normal(0, 1, (40, 180, 190)) + np.linspace(0, 3, 190)
    mask = rng.random(image.shape) < 0.9
    result = _cormack_cpu.spatial(image, mask, SPACING)
    x = np.where(mask, image - image[mask].mean(), 0)
    shape = [2 * n for n in mask.shape]
    lags = [np.minimum(np.arange(n), n - np.arange(n)) * s for n, s in zip(shape, SPACING, strict=True)]
    distance = np.sqrt(lags[0][:, None, None] ** 2 + lags[1][:, None] ** 2 + lags[2] ** 2)
    distance[0, 0, 0] = np.inf
    kernel = np.fft.rfftn(1 / distance)
    potential = np.fft.irfftn(np.fft.rfftn(x, shape, axes=(0, 1, 2)) * kernel, shape, axes=(0, 1, 2))[
        : x.shape[0], : x.shape[1], : x.shape[2]
    ]
    around = np.fft.irfftn(np.fft.rfftn(mask * 1.0, shape, axes=(0, 1, 2)) * kernel, shape, axes=(0, 1, 2))[
        : x.shape[0], : x.shape[1], : x.shape[2]
    ]
    scale = (around * mask).sum() * (x * x).sum()
    product, n = (potential * x).sum(), mask.sum()
    assert result["moran"] == pytest.approx(n * product / scale, abs=1e-12)
    assert result["geary"] == pytest.approx((n - 1) * ((around * x * x).sum() - product) / scale, abs=1e-12)


def test_center_of_mass_shift_and_integrated_intensity():
    mask, image = blob(), image_of((14, 20, 70))
    inside = mask & (image < 700)
    result = features.morphology(mask, image, inside, spacing=SPACING)
    values = image[inside].astype(np.float64)
    shift = np.argwhere(mask).mean(axis=0) - (np.argwhere(inside) * values[:, None]).sum(axis=0) / values.sum()
    assert result["morph_com"] == pytest.approx(np.linalg.norm(shift * SPACING), rel=1e-10)
    assert result["morph_integ_int"] == pytest.approx(result["morph_volume"] * values.mean(), rel=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_gives_the_values_of_float64(dtype):
    rng = np.random.default_rng(8)
    image = rng.integers(0, 2 if dtype == "bool" else 100, (6, 9, 20)).astype(dtype)
    mask = rng.random(image.shape) < 0.7
    assert features.morphology(mask, image) == features.morphology(mask, image.astype(np.float64))
    assert features.morphology(mask.astype(dtype), image) == features.morphology(mask, image)


@pytest.mark.parametrize("view", ["reversed", "transposed", "fortran", "sliced", "repeated"])
def test_strides_do_not_matter(view):
    mask, image = blob((9, 14, 70)), image_of((9, 14, 70))
    apply = {
        "reversed": lambda a: a[::-1, ::-1, ::-1],
        "transposed": lambda a: a.transpose(2, 0, 1),
        "fortran": np.asfortranarray,
        "sliced": lambda a: a[1::2, :, ::3],
        "repeated": lambda a: np.broadcast_to(a[:, :, 30:31], (9, 14, 5)),
    }[view]
    mask, image = apply(mask), apply(image)
    expected = features.morphology(mask.copy("C"), image.copy("C"), spacing=SPACING)
    assert features.morphology(mask, image, spacing=SPACING) == expected


def test_every_level_and_number_of_threads_gives_the_same_bits(isa):
    mask, image = blob((30, 40, 150), seed=1), image_of((30, 40, 150))
    before = _cormack_cpu.isa()
    _cormack_cpu.use_isa(_cormack_cpu.available_isas()[0])
    expected = features.morphology(mask, image, spacing=SPACING, workers=1)
    _cormack_cpu.use_isa(before)
    for workers in (1, 2, 3):
        assert features.morphology(mask, image, spacing=SPACING, workers=workers) == expected


@given(
    mask=hnp.arrays(bool, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6)),
    spacing=st.tuples(*[st.floats(0.1, 10)] * 3),
)
def test_densities_of_enclosing_bodies_are_ordered(mask, spacing):
    if not mask.any():
        return
    result = features.morphology(mask, spacing=spacing)
    hull, ombb = result["morph_vol_dens_conv_hull"], result["morph_vol_dens_ombb"]
    assert 0 < result["morph_vol_dens_aabb"] <= ombb * (1 + 1e-12)
    assert ombb <= hull * (1 + 1e-9)
    assert result["morph_vol_dens_mvee"] <= hull * (1 + 1e-9)
    assert hull <= 1 + 1e-12
    assert all(isfinite(result[key]) for key in ("morph_area_dens_mvee", "morph_sphericity", "morph_diam"))


@pytest.mark.parametrize("spacing", [(0.001, 1, 0.03), (1, 0.001, 1), (1, 1, 1000), 1e-6, 1e6])
def test_voxels_of_any_size_have_finite_features(spacing):
    for mask, _ in random_masks(20, 7, 13):
        image = image_of(mask.shape)
        result = features.morphology(mask, image, spacing=spacing)
        allowed = ("morph_pca", "morph_vol_dens_aee", "morph_area_dens_aee", "morph_moran", "morph_geary")
        assert all(isfinite(value) for key, value in result.items() if not key.startswith(allowed)), result
        assert 0 < result["morph_vol_dens_ombb"] <= result["morph_vol_dens_conv_hull"] * (1 + 1e-6)
        assert 0 < result["morph_vol_dens_mvee"] <= result["morph_vol_dens_conv_hull"] * (1 + 1e-6)


def test_borders_and_position_do_not_matter():
    mask = blob((9, 14, 63))
    padded = np.pad(mask, ((3, 1), (0, 5), (65, 2)))
    a, b = features.morphology(mask, spacing=SPACING), features.morphology(padded, spacing=SPACING)
    np.testing.assert_allclose(list(a.values()), list(b.values()), rtol=1e-12)


def test_spacing_comes_from_volumes():
    mask, image = blob(), image_of((14, 20, 70))
    expected = features.morphology(mask, image, spacing=SPACING)
    assert features.morphology(Volume(mask, SPACING), image) == expected
    assert features.morphology(mask, Volume(image, SPACING)) == expected


def test_one_voxel():
    result = features.morphology(np.ones((1, 1, 1)), np.full((1, 1, 1), 7.0), spacing=(2, 1, 1))
    assert result["morph_vol_approx"] == 2
    assert result["morph_volume"] == pytest.approx(1 / 3)
    assert result["morph_diam"] == 2
    assert result["morph_com"] == 0
    assert result["morph_pca_maj_axis"] == 0
    undefined = {key for key, value in result.items() if isnan(value)}
    assert undefined == {
        "morph_pca_elongation", "morph_pca_flatness", "morph_vol_dens_aee", "morph_area_dens_aee", "morph_moran_i",
        "morph_geary_c",
    }  # fmt: skip


def test_equal_intensities_have_no_moran_and_geary():
    result = features.morphology(blob(), np.full((14, 20, 70), 0.1))
    assert isnan(result["morph_moran_i"])
    assert isnan(result["morph_geary_c"])
    assert result["morph_com"] == pytest.approx(0, abs=1e-12)
    assert isnan(features.morphology(blob(), np.zeros((14, 20, 70)))["morph_com"])


def test_nan_outside_does_not_matter():
    mask = blob()
    image = image_of(mask.shape).astype(np.float64)
    expected = features.morphology(mask, image)
    image[~mask] = np.nan
    assert features.morphology(mask, image) == expected


def test_intensities_near_the_largest_float():
    mask = blob((5, 6, 7))
    image = image_of(mask.shape).astype(np.float64)
    a, b = features.morphology(mask, image), features.morphology(mask, image * 1e200)
    assert a["morph_moran_i"] == pytest.approx(b["morph_moran_i"], rel=1e-9)


def call(mask=None, image=None, inside=None, **keywords):
    return features.morphology(np.ones((3, 4, 5)) if mask is None else mask, image, inside, **keywords)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"mask": np.zeros((3, 4, 5))}, ValueError, "morphology: `mask` must contain a voxel, got none"),
        ({"mask": np.zeros((0, 4, 5))}, ValueError, "morphology: `mask` must contain a voxel, got none"),
        ({"mask": np.ones((4, 5))}, ValueError, "morphology: `mask` must be 3-D"),
        ({"image": np.ones((3, 4, 6))}, ValueError, "morphology: `image` must have shape"),
        ({"image": np.ones((3, 4, 5)), "inside": np.ones((3, 4, 1))}, ValueError, "`intensity_mask` must have shape"),
        ({"image": np.ones((3, 4, 5)), "inside": np.zeros((3, 4, 5))}, ValueError, "`intensity_mask` must contain"),
        ({"inside": np.ones((3, 4, 5))}, ValueError, "`image` must be given where `intensity_mask` is"),
        ({"image": np.full((3, 4, 5), np.nan)}, ValueError, "`image` must be finite in the region, got 60 voxels"),
        ({"image": np.full((3, 4, 5), -np.inf)}, ValueError, "`image` must be finite in the region, got 60 voxels"),
        ({"spacing": 0}, ValueError, "morphology: `spacing` must be above 0"),
        ({"spacing": (1, -2, 1)}, ValueError, "morphology: `spacing` must be above 0"),
        ({"spacing": (1, 1, np.nan)}, ValueError, "morphology: `spacing` must be finite"),
        ({"spacing": 1e-9}, ValueError, "morphology: `spacing` must be from 1e-06 to 1e[+]06 mm"),
        ({"spacing": (1, 1, 1001)}, ValueError, "the largest at most 1000 times the smallest"),
        ({"spacing": (1, 1)}, ValueError, "morphology: `spacing` must be one value or one for each of 3 axes"),
        ({"mask": np.ones((3, 4, 5), complex)}, TypeError, "morphology: `mask` must have one of the dtypes"),
        ({"mask": np.ones((1, 1, 200_001), bool)}, ValueError, "at most 200000 voxels along an axis"),
        ({"workers": 0}, ValueError, "morphology: `workers` must be at least 1"),
    ],
)
def test_wrong_arguments_are_named(arguments, kind, message):
    with pytest.raises(kind, match=message.replace("(", r"\(")):
        call(**arguments)
