"""write_mesh: what a reader of each format gets, in the world, with triangles seen from outside."""

from __future__ import annotations

import numpy as np
import pytest

from cormack import Volume
from cormack.detect import marching_cubes
from cormack.io import write_mesh

SPACING = (3.0, 0.8, 0.9)


def read_stl(path):
    data = path.read_bytes()
    assert not data.startswith(b"solid")
    count = int(np.frombuffer(data, "<u4", 1, 80)[0])
    assert len(data) == 84 + 50 * count
    facets = np.frombuffer(data, [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("rest", "<u2")], count, 84)
    return facets["corners"].reshape(-1, 3), np.arange(3 * count).reshape(-1, 3), facets["normal"], data[:80]


def read_ply(path):
    data = path.read_bytes()
    header, _, body = data.partition(b"end_header\n")
    lines = header.decode().splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    vertices, faces = (int(line.split()[2]) for line in lines if line.startswith("element"))
    columns = sum(line.startswith("property float") for line in lines)
    table = np.frombuffer(body, "<f4", vertices * columns).reshape(vertices, columns)
    triangles = np.frombuffer(body, [("n", "u1"), ("v", "<i4", 3)], faces, table.nbytes)
    assert len(body) == table.nbytes + triangles.nbytes
    assert (triangles["n"] == 3).all()
    return table[:, :3], triangles["v"], table[:, 3:], header


def read_obj(path):
    text = path.read_text()
    rows = {key: [] for key in ("v", "vn", "f")}
    for line in text.splitlines()[1:]:
        key, *words = line.split()
        rows[key].append(words)
    faces = [[int(word.split("//")[0]) - 1 for word in words] for words in rows["f"]]
    assert all(len(set(word.split("//"))) == 1 for words in rows["f"] for word in words)
    return np.array(rows["v"], float), np.array(faces), np.array(rows["vn"], float), text[:60].encode()


READERS = {".stl": read_stl, ".ply": read_ply, ".obj": read_obj}


def body():
    z, y, x = np.meshgrid(np.arange(10), np.arange(20), np.arange(24), indexing="ij")
    inside = 1 - np.sqrt(((z - 4) / 3) ** 2 + ((y - 9) / 7) ** 2 + ((x - 11) / 9) ** 2)
    return inside.astype(np.float32)


def rotation():
    """A rotation about an oblique axis, as a direction matrix in array order."""
    a, b = 0.3, -0.5
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return (about_z @ about_x)[::-1, ::-1]


def enclosed(verts, faces):
    a, b, c = (verts[faces[:, k]].astype(float) for k in range(3))
    return np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6


@pytest.mark.parametrize("suffix", READERS)
@pytest.mark.parametrize("place", ["none", "identity", "rotated", "mirrored"])
def test_file_holds_the_mesh_in_the_world(tmp_path, suffix, place):
    direction = {"rotated": rotation(), "mirrored": np.diag([-1.0, 1, 1])}.get(place, np.eye(3))
    volume = Volume(body(), SPACING, origin=(-100.0, 50.0, 7.0), direction=direction)
    verts, faces, normals, _ = marching_cubes(volume, 0.0)
    path = tmp_path / ("mesh" + suffix)
    write_mesh(path, verts, faces, normals, volume=None if place == "none" else volume)
    points, triangles, arrows, header = READERS[suffix](path)
    expected = verts[:, ::-1].astype(float)
    if place != "none":
        expected = np.asarray(volume.origin_xyz) + expected @ volume.direction_xyz.T
        assert b"SPACE=LPS" in header
    turned = faces[:, ::-1] if place == "mirrored" else faces
    if suffix == ".stl":
        np.testing.assert_allclose(points, expected[turned.ravel()], rtol=1e-6, atol=1e-6)
        outwards = points.reshape(-1, 3, 3).mean(axis=1) - expected.mean(axis=0)
        assert (np.einsum("ij,ij->i", arrows, outwards) > 0).mean() > 0.99
    else:
        np.testing.assert_allclose(points, expected, rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(triangles, turned)
        assert (np.einsum("ij,ij->i", arrows, points - points.mean(axis=0)) > 0).all()
    assert enclosed(points, triangles) > 0
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", READERS)
def test_ras_turns_x_and_y(tmp_path, suffix):
    volume = Volume(body(), SPACING, origin=(-100.0, 50.0, 7.0), direction=rotation())
    verts, faces, _, _ = marching_cubes(volume, 0.0)
    for space in ("LPS", "RAS"):
        write_mesh(tmp_path / (space + suffix), verts, faces, volume=volume, space=space)
    lps, ras = (READERS[suffix](tmp_path / (space + suffix)) for space in ("LPS", "RAS"))
    np.testing.assert_allclose(ras[0], lps[0] * [-1, -1, 1], rtol=1e-6)
    assert enclosed(ras[0], ras[1]) == pytest.approx(enclosed(lps[0], lps[1]), rel=1e-5)
    affine = volume.affine
    expected = (verts / SPACING)[:, ::-1] @ affine[:3, :3].T + affine[:3, 3]
    np.testing.assert_allclose(ras[0], expected if suffix != ".stl" else expected[faces.ravel()], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("suffix", READERS)
def test_empty_mesh(tmp_path, suffix):
    path = tmp_path / ("mesh" + suffix)
    write_mesh(path, np.empty((0, 3), np.float32), np.empty((0, 3), np.int32))
    assert path.stat().st_size > 0


def test_a_file_stays_when_the_new_one_fails(tmp_path):
    path = tmp_path / "mesh.stl"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="faces"):
        write_mesh(path, np.zeros((3, 3)), [[0, 1, 3]])
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (("m.txt", np.zeros((3, 3)), [[0, 1, 2]]), ValueError, "write_mesh: `path` must end in .stl, .ply, .obj"),
        (("m.stl", np.zeros((3, 2)), [[0, 1, 2]]), ValueError, "write_mesh: `verts` must have shape"),
        (("m.stl", np.full((3, 3), np.nan), [[0, 1, 2]]), ValueError, "write_mesh: `verts` must be finite"),
        (("m.ply", np.full((3, 3), 1e300), [[0, 1, 2]]), ValueError, "write_mesh: `verts` must fit into float32"),
        (("m.stl", np.zeros((3, 3)), [[0, 1, -1]]), ValueError, "write_mesh: `faces` must be indices of 3 vertices"),
        (("m.stl", np.zeros((3, 3)), [[0.0, 1, 2]]), TypeError, "write_mesh: `faces` must have one of the dtypes"),
        (("m.stl", np.zeros((3, 3)), [[0, 1, 2]], np.zeros((2, 3))), ValueError, "write_mesh: `normals` must be one"),
        (("no/m.stl", np.zeros((3, 3)), [[0, 1, 2]]), FileNotFoundError, "does not exist"),
    ],
)
def test_rejects(tmp_path, arguments, kind, message):
    with pytest.raises(kind, match=message):
        write_mesh(tmp_path / arguments[0], *arguments[1:])
