"""marching_cubes: scikit-image's vertices, analytic bodies, closed meshes, the same bytes however it is computed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import measure

import cormack
from cormack import Volume
from cormack.detect import marching_cubes

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
WIDTHS = [2, 7, 31, 32, 63, 64, 65, 66, 127, 128, 129, 130]


def area(verts, faces):
    a, b, c = (verts[faces[:, k]].astype(float) for k in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2


def enclosed(verts, faces):
    """Return the volume inside, positive where triangles run counter-clockwise seen from outside in (x, y, z)."""
    a, b, c = (verts[faces[:, k], ::-1].astype(float) for k in range(3))
    return np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6


def ellipsoid(shape, centre, radii, spacing=(1, 1, 1)):
    """Return the distance inwards, about, from an ellipsoid given in mm."""
    axes = np.meshgrid(
        *(s * np.arange(n) - c for n, c, s in zip(shape, centre, spacing, strict=True)), indexing="ij", sparse=True
    )
    return 1 - np.sqrt(sum((x / r) ** 2 for x, r in zip(axes, radii, strict=True)))


def edges_of(faces):
    """Return directed edges, three a face."""
    return np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])


def assert_closed(faces):
    """Every edge belongs to two faces, which run along it in opposite directions."""
    edges = edges_of(faces).astype(np.int64)
    keys = edges[:, 0] << 32 | edges[:, 1]
    back = edges[:, 1] << 32 | edges[:, 0]
    assert len(np.unique(keys)) == len(keys)
    np.testing.assert_array_equal(np.sort(keys), np.sort(back))


def noise(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if dtype.startswith("f"):
        return rng.standard_normal(shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(max(info.min, -1000), min(info.max, 1000), shape, dtype=dtype, endpoint=True)


def padded(array):
    """Noise with a frame below any level, so that the surface is closed."""
    return np.pad(array, 1, constant_values=array.min())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(2, 2, 2), (5, 6, 7), (4, 5, 64), (3, 4, 65)], ids=str)
def test_vertices_match_scikit_image(isa, dtype, shape):
    volume = noise(shape, dtype)
    level = 0.5 if dtype == "bool" else float(np.sort(volume, axis=None)[volume.size // 2]) + 0.25
    verts, _, _, values = marching_cubes(volume, level)
    expected, _, _, expected_values = measure.marching_cubes(volume.astype(np.float32), level, method="lorensen")
    assert len(verts) == len(expected)
    # Both round to float32; scikit-image adds 2^-52 to the weights, and interpolates the float32 copy.
    ours, theirs = (np.lexsort(np.rint(points * 2000).T) for points in (verts, expected))
    np.testing.assert_allclose(verts[ours], expected[theirs], rtol=0, atol=shape[2] * 2e-7 + 2e-6)
    np.testing.assert_allclose(values[ours], expected_values[theirs], rtol=3e-7, atol=0)


@pytest.mark.parametrize("method", ["lewiner", "lorensen"])
def test_area_of_a_smooth_volume_matches_scikit_image(method):
    rng = np.random.default_rng(4)
    volume = np.pad(rng.standard_normal((24, 24, 24)), 3)
    from scipy import ndimage

    volume = ndimage.gaussian_filter(volume, 2.0)
    level = float(np.quantile(volume, 0.7))
    spacing = (2.5, 0.7, 0.9)
    verts, faces, _, _ = marching_cubes(volume, level, spacing=spacing)
    points, triangles, _, _ = measure.marching_cubes(volume.astype(np.float32), level, spacing=spacing, method=method)
    assert area(verts, faces) == pytest.approx(area(points, triangles), rel=1e-3)


@pytest.mark.parametrize("spacing", [(1, 1, 1), (2.5, 0.8, 0.8), (0.5, 1.5, 1)], ids=str)
@pytest.mark.parametrize("radii", [(20, 20, 20), (25, 18, 30)], ids=str)
def test_area_and_volume_match_the_ellipsoid(spacing, radii):
    centre = tuple(r + 3.3 for r in radii)
    shape = tuple(int(2 * c / s) + 2 for c, s in zip(centre, spacing, strict=True))
    verts, faces, normals, _ = marching_cubes(ellipsoid(shape, centre, radii, spacing), 0.0, spacing=spacing)
    a, b, c = radii
    # Planes inside a curved surface: both are low by the order of (voxel / radius)^2.
    error = (max(spacing) / min(radii)) ** 2
    assert enclosed(verts, faces) == pytest.approx(4 / 3 * np.pi * a * b * c, rel=error)
    if a == b == c:
        assert area(verts, faces) == pytest.approx(4 * np.pi * a**2, rel=error)
        outwards = (verts - np.array(centre)) / a
        np.testing.assert_allclose(np.einsum("ij,ij->i", normals, outwards), 1, atol=2 * error)
    assert_closed(faces)
    assert len(verts) - len(faces) // 2 == 2  # Euler, with three half edges a face
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("width", WIDTHS)
def test_noise_is_closed_and_every_vertex_is_used_once(isa, width):
    volume = padded(noise((5, 6, width), "int16", width))
    verts, faces, _, _ = marching_cubes(volume, 10.5)
    assert_closed(faces)
    assert len(np.unique(faces)) == len(verts)
    assert len(np.unique(verts, axis=0)) == len(verts)
    assert enclosed(verts, faces) > 0


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_random_masks_are_closed(data):
    shape = data.draw(st.tuples(*[st.integers(1, 6)] * 3))
    count = math.prod(shape)
    bits = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    mask = np.pad(np.array(bits).reshape(shape), 1)
    if not mask.any():
        return
    verts, faces, normals, values = marching_cubes(mask)
    assert_closed(faces)
    assert len(np.unique(faces)) == len(verts)
    assert np.isfinite(normals).all()
    assert (values == 1).all()
    assert enclosed(verts, faces) > 0


def test_all_patterns_of_a_cell_are_closed():
    for pattern in range(1, 256):
        mask = np.zeros((4, 4, 4), bool)
        mask[1:3, 1:3, 1:3] = np.array([pattern >> k & 1 for k in range(8)]).reshape(2, 2, 2)
        assert_closed(marching_cubes(mask)[1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_result_does_not_depend_on_threads_levels_or_strides(dtype):
    volume = noise((9, 12, 70), dtype)
    level = 0.5 if dtype == "bool" else 0.25
    best = cormack._cormack_cpu.isa()
    reference = [a.tobytes() for a in marching_cubes(volume, level, workers=1)]
    reversed_rows = volume[:, :, ::-1].copy()[:, :, ::-1]
    wide = np.repeat(volume, 2, axis=2)[:, :, ::2]
    try:
        for name in cormack._cormack_cpu.available_isas():
            cormack._cormack_cpu.use_isa(name)
            for workers in (1, 2, 3):
                for same in (volume, np.asfortranarray(volume), reversed_rows, wide):
                    assert [a.tobytes() for a in marching_cubes(same, level, workers=workers)] == reference
    finally:
        cormack._cormack_cpu.use_isa(best)


def test_ascent_is_descent_of_the_negative():
    volume = noise((6, 7, 8), "float64")
    dark = marching_cubes(-volume, 0.0, gradient_direction="ascent")
    verts, faces, normals, _ = marching_cubes(volume, 0.0, gradient_direction="ascent")
    down = marching_cubes(volume, 0.0)
    np.testing.assert_array_equal(verts, down[0])
    np.testing.assert_array_equal(faces, down[1][:, [0, 2, 1]])
    np.testing.assert_array_equal(normals, -down[2])
    np.testing.assert_allclose(dark[2], down[2], atol=1e-6)


def test_mask_matches_scikit_image():
    volume = ellipsoid((12, 13, 70), (5.2, 6.1, 33.0), (4, 4.5, 25))
    mask = np.zeros(volume.shape, bool)
    mask[:7, 3:, 20:66] = True
    verts, faces, _, _ = marching_cubes(volume, 0.0, mask=mask)
    expected, triangles, _, _ = measure.marching_cubes(volume.astype(np.float32), 0.0, mask=mask)
    assert (len(verts), len(faces)) == (len(expected), len(triangles))
    assert area(verts, faces) == pytest.approx(area(expected, triangles), rel=1e-5)
    assert len(np.unique(faces)) == len(verts)


@pytest.mark.parametrize("step", [2, 3, 5])
def test_steps_match_scikit_image(step):
    volume = ellipsoid((21, 24, 70), (10.2, 12.1, 33.0), (9, 10, 30))
    verts, faces, _, _ = marching_cubes(volume, 0.0, step_size=step, spacing=(2, 1, 1))
    expected, triangles, _, _ = measure.marching_cubes(
        volume.astype(np.float32), 0.0, step_size=step, spacing=(2, 1, 1)
    )
    assert len(faces) == len(triangles)
    np.testing.assert_allclose(np.sort(verts, axis=0), np.sort(expected, axis=0), atol=3e-5)


def test_cells_with_nan_do_not_count():
    volume = ellipsoid((12, 12, 70), (6, 6, 34), (4, 4, 28)).astype(np.float32)
    whole = marching_cubes(volume, 0.0)
    volume[6, 2, 34] = np.nan
    verts, faces, normals, values = marching_cubes(volume, 0.0)
    assert 0 < len(faces) < len(whole[1])
    for array in (verts, normals, values):
        assert np.isfinite(array).all()
    assert len(np.unique(faces)) == len(verts)
    assert {tuple(v) for v in verts.tolist()} <= {tuple(v) for v in whole[0].tolist()}
    assert len(marching_cubes(np.full((3, 3, 3), np.nan))[0]) == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_one_infinite_voxel_has_its_vertices_halfway(value, dtype):
    volume = (np.zeros if value > 0 else np.ones)((3, 3, 3), dtype)
    volume[1, 1, 1] = value
    verts, faces, _, _ = marching_cubes(volume, 0.5)
    assert len(faces) == 8
    np.testing.assert_array_equal(np.sort(np.abs(verts - 1), axis=1), [[0, 0, 0.5]] * 6)


def test_infinite_voxels_have_vertices_halfway():
    volume = np.full((3, 3, 3), -np.inf)
    volume[1, 1, 1] = np.inf
    verts, faces, normals, _ = marching_cubes(volume, 0.0)
    assert verts[0].tolist() == [0.5, 1, 1]
    assert np.isfinite(normals).all()
    assert_closed(faces)


def test_comparison_with_the_level_is_exact():
    volume = np.full((3, 3, 3), 2**24, np.int32)
    volume[1, 1, 1] += 1
    assert len(marching_cubes(volume, 2**24)[1]) == 8
    assert len(marching_cubes(volume, 2**24 + 1)[1]) == 0


def test_a_volume_brings_its_spacing():
    array = np.zeros((3, 3, 3), np.int16)
    array[1, 1, 1] = 100
    volume = Volume(array, spacing=(3.0, 2.0, 1.0))
    assert marching_cubes(volume)[0][0].tolist() == [1.5, 2.0, 1.0]
    assert marching_cubes(volume, spacing=1)[0][0].tolist() == [0.5, 1.0, 1.0]


@pytest.mark.parametrize("shape", [(0, 3, 3), (3, 3, 0), (1, 4, 4), (4, 1, 4), (4, 4, 1)], ids=str)
def test_without_cells_there_is_no_surface(shape):
    volume = np.zeros(shape, np.int16)
    verts, faces, normals, values = marching_cubes(volume, 0)
    assert (verts.shape, faces.shape, normals.shape, values.shape) == ((0, 3), (0, 3), (0, 3), (0,))
    assert (verts.dtype, faces.dtype) == (np.float32, np.int32)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"level": 3}, "marching_cubes: `level` must lie between 0 and 1, the range of the values, got 3"),
        ({"level": np.nan}, "marching_cubes: `level` must be finite, got nan"),
        ({"level": "a"}, "marching_cubes: `level` must be a number, got 'a'"),
        ({"spacing": (1, 2)}, "marching_cubes: `spacing` must be one value or one for each of 3 axes, got (1, 2)"),
        ({"spacing": 0}, "marching_cubes: `spacing` must be above 0, got 0"),
        ({"step_size": 0}, "marching_cubes: `step_size` must be at least 1, got 0"),
        (
            {"gradient_direction": "up"},
            "marching_cubes: `gradient_direction` must be one of 'descent', 'ascent', got 'up'",
        ),
        ({"mask": np.ones((2, 2, 2))}, "marching_cubes: `mask` must have shape (3, 3, 3), got (2, 2, 2)"),
    ],
)
def test_rejects(arguments, message):
    volume = np.zeros((3, 3, 3))
    volume[1] = 1
    with pytest.raises((TypeError, ValueError)) as caught:
        marching_cubes(volume, **arguments)
    assert str(caught.value) == message


def test_rejects_images_of_other_dimensions():
    with pytest.raises(ValueError, match="must be 3-D"):
        marching_cubes(np.zeros((3, 3)))
