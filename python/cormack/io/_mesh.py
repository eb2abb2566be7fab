"""Meshes of triangles to STL, PLY and OBJ."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .. import _check
from .._arrays import take
from .._files import replacing
from ..volume import Volume
from ._common import suffix

MESH_SUFFIXES = (".stl", ".ply", ".obj")
_INDICES = tuple(np.dtype(name) for name in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"))
_REALS = (np.dtype("float32"), np.dtype("float64"))
_TO_SPACE = {"LPS": np.array([1.0, 1.0, 1.0]), "RAS": np.array([-1.0, -1.0, 1.0])}
_LINES_AT_ONCE = 65536


def write_mesh(
    path: str | os.PathLike[str],
    verts: Any,
    faces: Any,
    normals: Any = None,
    *,
    volume: Volume | None = None,
    space: str = "LPS",
) -> None:
    """Write a mesh to binary STL, binary PLY or OBJ.

    The file appears under its name only when it is complete. Equal meshes give equal files.

    Parameters
    ----------
    path : path-like
        Ends in .stl, .ply or .obj; an existing file is replaced.
    verts : (V, 3) array_like of float
        Positions (z, y, x) in mm along the axes of the array, from the centre of its first voxel, as
        `cormack.detect.marching_cubes` gives them.
    faces : (F, 3) array_like of int
        Vertices of each triangle.
    normals : (V, 3) array_like of float, optional
        Directions (z, y, x) for PLY and OBJ. STL has those of its triangles.
    volume : Volume, optional
        3-D; its origin and direction put the mesh into the patient. What is written then are world coordinates.
    space : {"LPS", "RAS"}, default "LPS"
        With a volume: the world's axes. "LPS" is DICOM's, and what 3D Slicer expects in files like these.

    Raises
    ------
    ValueError
        Another suffix, wrong shapes, positions that are not finite, or vertices that do not exist.
    FileNotFoundError
        The folder does not exist.

    See Also
    --------
    cormack.detect.marching_cubes

    Notes
    -----
    Files hold coordinates in the order (x, y, z), in mm: without a volume ``verts[:, ::-1]``, with one ::

        world = origin + direction @ verts

    where `verts` must have been found with the volume's spacing. Triangles of `marching_cubes` run counter-clockwise
    seen from outside in the file, also where the direction is a reflection: they are turned round then. STL and PLY
    have float32, OBJ nine digits. With a volume, the header says ``SPACE=LPS`` or ``SPACE=RAS``.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp(), "triangle.obj")
    >>> write_mesh(path, [[0.0, 0, 0], [0, 0, 1], [0, 2, 0]], [[0, 1, 2]])
    >>> print(path.read_text(), end="")
    # Cormack, mm
    v 0 0 0
    v 1 0 0
    v 0 2 0
    f 1 2 3
    """
    name = "write_mesh"
    target = Path(path)
    kind = suffix(target)
    if kind not in MESH_SUFFIXES:
        raise ValueError(f"{name}: `path` must end in {', '.join(MESH_SUFFIXES)}, got {target.name!r}")
    axes = _TO_SPACE[_check.choice(name, "space", space, _TO_SPACE)]
    points = _triples(name, "verts", verts, _REALS)[:, ::-1].astype(np.float64)
    triangles = _triples(name, "faces", faces, _INDICES)
    if triangles.size and not 0 <= int(triangles.min()) <= int(triangles.max()) < len(points):
        raise ValueError(f"{name}: `faces` must be indices of {len(points)} vertices")
    if len(points) >= 2**31:
        raise ValueError(f"{name}: `verts` must be fewer than 2**31, got {len(points)}")
    arrows = None if normals is None else _triples(name, "normals", normals, _REALS)[:, ::-1].astype(np.float64)
    if arrows is not None and len(arrows) != len(points):
        raise ValueError(f"{name}: `normals` must be one for each of {len(points)} vertices, got {len(arrows)}")
    title = "Cormack, mm"
    if volume is not None:
        if not isinstance(volume, Volume) or volume.ndim != 3:
            raise _check.fail(name, "volume", "be a 3-D Volume", type(volume), TypeError)
        title += f", SPACE={space}"
        matrix = volume.direction_xyz * axes[:, None]
        points = points @ matrix.T + np.asarray(volume.origin_xyz) * axes
        arrows = None if arrows is None else arrows @ matrix.T
        if np.linalg.det(matrix) < 0:
            triangles = triangles[:, ::-1]
    if points.size and not float(np.abs(points).max()) <= float(np.finfo(np.float32).max):
        raise ValueError(f"{name}: `verts` must fit into float32, got {float(np.abs(points).max()):g}")
    # No -0 in files.
    points += 0.0
    if not target.parent.is_dir():
        raise FileNotFoundError(f"the folder {target.parent} does not exist")
    parts = {".stl": _stl, ".ply": _ply, ".obj": _obj}[kind](title, points, triangles.astype(np.int32), arrows)
    with replacing(target) as temporary, open(temporary, "xb") as file:
        for part in parts:
            file.write(part)


def _triples(name: str, argument: str, value: Any, dtypes: tuple[np.dtype[Any], ...]) -> np.ndarray:
    array = np.asarray(value)
    if not array.size:
        return np.empty((0, 3), dtypes[0])
    if array.dtype.kind in "iu" and dtypes is _REALS:
        array = array.astype(np.float64)
    array = take(name, argument, array, ndim=(2,), dtypes=dtypes).array
    if array.shape[1] != 3:
        raise ValueError(f"{name}: `{argument}` must have shape (n, 3), got {array.shape}")
    if dtypes is _REALS and not np.isfinite(array).all():
        raise ValueError(f"{name}: `{argument}` must be finite")
    return array


def _stl(title: str, points: np.ndarray, triangles: np.ndarray, normals: np.ndarray | None) -> Iterator[bytes]:
    corners = points.astype(np.float32)[triangles]
    a, b, c = (corners[:, k].astype(np.float64) for k in range(3))
    directions = np.cross(b - a, c - a)
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    np.divide(directions, lengths, out=directions, where=lengths > 0)
    facets = np.zeros(len(triangles), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])
    facets["normal"] = directions + 0.0
    facets["corners"] = corners
    # A file that begins with "solid" would be taken for text.
    yield title.encode().ljust(80)
    yield np.array(len(facets), "<u4").tobytes()
    yield facets.tobytes()


def _ply(title: str, points: np.ndarray, triangles: np.ndarray, normals: np.ndarray | None) -> Iterator[bytes]:
    columns = ["x", "y", "z"] + ([] if normals is None else ["nx", "ny", "nz"])
    header = ["ply", "format binary_little_endian 1.0", f"comment {title}", f"element vertex {len(points)}"]
    header += [f"property float {column}" for column in columns]
    header += [f"element face {len(triangles)}", "property list uchar int vertex_indices", "end_header"]
    yield ("\n".join(header) + "\n").encode()
    yield (points if normals is None else np.hstack((points, normals))).astype("<f4").tobytes()
    faces = np.empty(len(triangles), [("count", "u1"), ("vertices", "<i4", 3)])
    faces["count"] = 3
    faces["vertices"] = triangles
    yield faces.tobytes()


def _obj(title: str, points: np.ndarray, triangles: np.ndarray, normals: np.ndarray | None) -> Iterator[bytes]:
    yield f"# {title}\n".encode()
    yield from _lines("v %.9g %.9g %.9g\n", points)
    numbers = triangles + 1
    if normals is None:
        yield from _lines("f %d %d %d\n", numbers)
        return
    yield from _lines("vn %.9g %.9g %.9g\n", normals + 0.0)
    yield from _lines("f %d//%d %d//%d %d//%d\n", np.repeat(numbers, 2, axis=1))


def _lines(line: str, rows: np.ndarray) -> Iterator[bytes]:
    for first in range(0, len(rows), _LINES_AT_ONCE):
        part = rows[first : first + _LINES_AT_ONCE]
        yield (line * len(part) % tuple(part.ravel().tolist())).encode()
