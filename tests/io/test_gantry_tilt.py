"""Gantry tilt: an analytic body, sampled on the tilted grid, against the same body where the upright voxels lie."""

from __future__ import annotations

import re

import numpy as np
import pytest

from cormack import io

SPACING = (2.0, 0.8, 0.7)


def plane(world):
    """A function that linear interpolation does not change; world is (..., xyz) in mm."""
    return 500 + 3 * world[..., 0] + 4 * world[..., 1] - 2 * world[..., 2]


def waves(world):
    return 1000 + 800 * np.sin(world[..., 0] / 9) * np.cos(world[..., 1] / 7) * np.sin(world[..., 2] / 11)


@pytest.fixture
def tilted(tmp_path, write_series):
    def make(body, angle_y, angle_x=0.0, rotation=None, count=9, **fields):
        rotation = np.eye(3) if rotation is None else rotation
        axes = np.eye(3)
        axes[:, 2] = np.tan(angle_x), np.tan(angle_y), 1
        axes = rotation @ axes
        z, y, x = np.indices((count, 20, 24))
        index = np.stack([x * SPACING[2], y * SPACING[1], z * SPACING[0]], axis=-1)
        world = np.array([-8.0, -9.0, 5.0]) + index @ axes.T
        stored = np.rint(body(world)).astype(np.int16)
        # The fixture lays slices along the third column.
        write_series(tmp_path / "ct", stored, spacing=SPACING, origin=(-8.0, -9.0, 5.0), rotation=axes, **fields)
        return tmp_path / "ct", stored

    return make


def turned(angle):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def worlds(volume):
    return volume.index_to_world(np.moveaxis(np.indices(volume.shape), 0, -1))[..., ::-1]


@pytest.mark.parametrize("angles", [(0.3, 0), (-0.3, 0), (0.1, 0.2), (-0.2, -0.1), (0, 0.25)], ids=str)
@pytest.mark.parametrize("rotation", [np.eye(3), turned(0.3)], ids=["axial", "oblique"])
@pytest.mark.parametrize(("body", "curvature"), [(plane, 0.0), (waves, 800 * (0.8**2 / 7**2 + 0.7**2 / 9**2))])
def test_matches_the_body(tilted, angles, rotation, body, curvature):
    path, stored = tilted(body, *angles, rotation=rotation)
    volume = io.read(path, gantry_tilt="shear")
    assert volume.dtype == stored.dtype
    assert volume.shape[0] == len(stored)
    assert all(n >= m for n, m in zip(volume.shape, stored.shape, strict=True))
    np.testing.assert_allclose(volume.spacing, SPACING, rtol=1e-6)
    np.testing.assert_allclose(volume.direction.T @ volume.direction, np.eye(3), atol=1e-8)
    tangent = np.hypot(*np.tan(angles))
    assert volume.meta["gantry_tilt_degrees"] == pytest.approx(np.degrees(np.arctan(tangent)), abs=1e-3)
    # Where the slices' outermost voxels are, half a voxel around, values stand still.
    where = volume.array != stored.min()
    assert where.sum() >= 0.95 * stored.size
    expected = body(worlds(volume))
    inner = where.copy()
    for axis in (1, 2):
        for step in (1, -1):
            neighbour = np.roll(where, step, axis)
            edge = [slice(None)] * 3
            edge[axis] = 0 if step == 1 else -1
            neighbour[tuple(edge)] = False
            inner &= neighbour
    assert inner.sum() > 0.75 * stored.size
    # Rounded when stored and once more; a chord lies an eighth of the curvature off.
    assert np.abs(volume.array - expected)[inner].max() <= 1.01 + curvature / 8 + 0.05


def test_every_voxel_of_every_slice_is_there(tilted):
    # By a whole voxel per slice nothing is interpolated.
    path, stored = tilted(waves, np.arctan(0.8 / 2.0))
    volume = io.read(path, gantry_tilt="shear")
    assert volume.shape == (9, 28, 24)
    for k, plane_ in enumerate(stored):
        np.testing.assert_array_equal(volume.array[k, k : k + 20], plane_)
        rest = np.delete(volume.array[k], slice(k, k + 20), axis=0)
        assert (rest == stored.min()).all()


def test_default_refuses_and_names_the_option(tilted):
    path, _ = tilted(waves, 0.2)
    with pytest.raises(io.ReadError, match=re.escape('gantry_tilt="shear"')):
        io.read(path)
    assert len(io.read_all(path, gantry_tilt="shear")) == 1
    with pytest.raises(ValueError, match="gantry_tilt must be 'refuse' or 'shear'; got 'correct'"):
        io.read(path, gantry_tilt="correct")


def test_what_is_upright_stays_as_it_is(tilted):
    path, stored = tilted(waves, 0.0)
    volume = io.read(path, gantry_tilt="shear")
    np.testing.assert_array_equal(volume.array, stored)
    assert "gantry_tilt_degrees" not in volume.meta
    volume.check_geometry(io.read(path), 0)
