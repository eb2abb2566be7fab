"""PyRadiomics' shape features, in space and in a plane."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from .. import _cormack_cpu, features


def shape(mask: np.ndarray, spacing: tuple[float, ...]) -> dict[str, float]:
    """Return the features of class shape of a region (z, y, x)."""
    ours = features.morphology(mask, spacing=spacing)
    volume, area = _mesh(mask, spacing) or (ours["morph_volume"], ours["morph_area_mesh"])
    sphericity = (36 * math.pi * volume * volume) ** (1 / 3) / area
    count = int(np.count_nonzero(mask))
    # IBSI divides the covariance by N - 1, PyRadiomics by N.
    biased = math.sqrt((count - 1) / count)
    slices, columns, rows = _diameters_in_planes(mask, spacing)
    return {
        "Compactness1": volume / (math.sqrt(math.pi) * area**1.5),
        "Compactness2": 36 * math.pi * volume**2 / area**3,
        "Elongation": ours["morph_pca_elongation"],
        "Flatness": ours["morph_pca_flatness"],
        "LeastAxisLength": ours["morph_pca_least_axis"] * biased,
        "MajorAxisLength": ours["morph_pca_maj_axis"] * biased,
        "Maximum2DDiameterColumn": columns,
        "Maximum2DDiameterRow": rows,
        "Maximum2DDiameterSlice": slices,
        "Maximum3DDiameter": ours["morph_diam"],
        "MeshVolume": volume,
        "MinorAxisLength": ours["morph_pca_min_axis"] * biased,
        "SphericalDisproportion": 1 / sphericity,
        "Sphericity": sphericity,
        "SurfaceArea": area,
        "SurfaceVolumeRatio": area / volume,
        "VoxelVolume": ours["morph_vol_approx"],
    }


# Corners of a cell, and of its edges, as (z, y, x); see Cormack's table of triangles.
_CORNERS = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 1], [0, 1, 0], [1, 0, 0], [1, 0, 1], [1, 1, 1], [1, 1, 0]])
_EDGES = np.array([[0, 1], [1, 2], [2, 3], [3, 0], [4, 5], [5, 6], [6, 7], [7, 4], [0, 4], [1, 5], [2, 6], [3, 7]])
_FACES = np.array([[0, 1, 2, 3], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]])


@cache
def _ambiguous() -> np.ndarray:
    """Return by pattern of a cell whether a face has its inside corners on a diagonal."""
    inside = (np.arange(256)[:, np.newaxis, np.newaxis] >> _FACES) & 1
    result: np.ndarray = ((inside.sum(axis=2) == 2) & (inside[..., 0] == inside[..., 2])).any(axis=1)
    return result


def _mesh(mask: np.ndarray, spacing: tuple[float, ...]) -> tuple[float, float] | None:
    """Return volume and area of PyRadiomics' mesh of a region; None where Cormack's mesh is the same.

    PyRadiomics has triangles for the 128 patterns of a cell without its last corner, and takes the complement of the
    others. Where inside corners of a face lie on its diagonal, that joins them in some cells and parts them in others:
    the mesh has holes, and its volume depends on where it lies. As there, the region has its box's corner at 1.
    """
    padded = np.pad(mask, 1).astype(np.uint8)
    size = [n - 1 for n in padded.shape]
    patterns = np.zeros(size, np.uint8)
    for bit, (z, y, x) in enumerate(_CORNERS):
        patterns |= padded[z : z + size[0], y : y + size[1], x : x + size[2]] << np.uint8(bit)
    counts = np.bincount(patterns.ravel(), minlength=256)
    if not counts[_ambiguous()].any():
        return None
    place = np.argwhere((patterns > 0) & (patterns < 255))
    which = patterns[tuple(place.T)]
    scale = np.array(spacing, np.float64)
    midpoints = _CORNERS[_EDGES].mean(axis=1) * scale
    table = _cormack_cpu.cell_triangles()
    areas, fluxes, normals = np.zeros(256), np.zeros(256), np.zeros((256, 3))
    for pattern in np.unique(which):
        flipped = pattern >= 128
        digits = [int(digit, 16) for digit in table[pattern ^ 0xFF if flipped else pattern]]
        a, b, c = midpoints[digits].reshape(-1, 3, 3).swapaxes(0, 1)
        normal = np.cross(b - a, c - a) * (-1 if flipped else 1)
        areas[pattern] = np.sqrt((normal * normal).sum(axis=1)).sum() / 2
        fluxes[pattern] = (a * normal).sum() / 6
        normals[pattern] = normal.sum(axis=0) / 6
    volume = fluxes[which].sum() + ((place * scale) * normals[which]).sum()
    return abs(float(volume)), float(areas[which].sum())


def shape_2d(mask: np.ndarray, spacing: tuple[float, ...]) -> dict[str, float]:
    """Return the features of class shape2D of a region (y, x)."""
    dy, dx = spacing
    padded = np.pad(mask, 1)
    corners = np.stack([padded[:-1, :-1], padded[:-1, 1:], padded[1:, 1:], padded[1:, :-1]]).astype(np.int64)
    inside = corners.sum(axis=0)
    diagonal = (inside == 2) & (corners[0] == corners[2])
    along_x = (inside == 2) & (corners[0] == corners[1])
    along_y = (inside == 2) & (corners[0] == corners[3])
    cut = int(np.count_nonzero((inside == 1) | (inside == 3))) + 2 * int(np.count_nonzero(diagonal))
    perimeter = cut * math.hypot(dy, dx) / 2 + np.count_nonzero(along_x) * dx + np.count_nonzero(along_y) * dy
    # Eighths of a pixel; pixels that meet in a corner are apart.
    eighths = np.array([0, 1, 4, 7, 8])[inside].sum() - 2 * np.count_nonzero(diagonal)
    surface = float(eighths) / 8 * dy * dx
    points = np.argwhere(mask) * np.array(spacing)
    points -= points.mean(axis=0)
    minor, major = np.sqrt(np.maximum(np.linalg.eigvalsh(points.T @ points / len(points)), 0)).tolist()
    sphericity = 2 * math.sqrt(math.pi * surface) / perimeter
    return {
        "Elongation": minor / major if major > 0 else math.nan,
        "MajorAxisLength": 4 * major,
        "MaximumDiameter": _diameters_in_planes(mask[np.newaxis], (1.0, dy, dx))[0],
        "MeshSurface": surface,
        "MinorAxisLength": 4 * minor,
        "Perimeter": float(perimeter),
        "PerimeterSurfaceRatio": float(perimeter) / surface,
        "PixelSurface": len(points) * dy * dx,
        "SphericalDisproportion": 1 / sphericity,
        "Sphericity": sphericity,
    }


def _diameters_in_planes(mask: np.ndarray, spacing: tuple[float, ...]) -> tuple[float, float, float]:
    """Return the largest distance of vertices of the mesh that lie in one plane across z, across y, across x."""
    padded = np.pad(mask, 1)
    found = []
    for axis in range(3):
        # Twice the coordinates: a vertex lies halfway between a voxel inside and one outside.
        vertices = 2 * np.argwhere(np.diff(padded, axis=axis))
        vertices[:, axis] += 1
        found.append(vertices)
    vertices = np.concatenate(found)
    z, y, x = (_diameter_in_planes(vertices, spacing, axis) for axis in range(3))
    return z, y, x


def _diameter_in_planes(vertices: np.ndarray, spacing: tuple[float, ...], axis: int) -> float:
    rows, columns = (other for other in range(3) if other != axis)
    ordered = vertices[np.lexsort((vertices[:, columns], vertices[:, rows], vertices[:, axis]))][
        :, (axis, rows, columns)
    ]
    # Of a row only its ends can be furthest from anything, and of those the corners of the convex hull.
    change = (ordered[1:, 0] != ordered[:-1, 0]) | (ordered[1:, 1] != ordered[:-1, 1])
    left, right = ordered[np.append(True, change)], ordered[np.append(change, True)]
    ends = np.concatenate((_corners(left, 1), _corners(right, -1)))
    ends = ends[np.argsort(ends[:, 0], kind="stable")]
    start = np.flatnonzero(np.append(True, ends[1:, 0] != ends[:-1, 0]))
    points = ends[:, 1:] * (np.array([spacing[rows], spacing[columns]]) / 2)
    box = np.maximum.reduceat(points, start) - np.minimum.reduceat(points, start)
    diagonals = np.hypot(box[:, 0], box[:, 1])
    bounds = np.append(start, len(points))
    most = 0.0
    for which in np.argsort(-diagonals, kind="stable"):
        if diagonals[which] ** 2 <= most:
            break
        row, column = points[bounds[which] : bounds[which + 1]].T
        squares = (row[:, np.newaxis] - row) ** 2 + (column[:, np.newaxis] - column) ** 2
        most = max(most, float(squares.max()))
    return math.sqrt(most)


def _corners(ends: np.ndarray, side: int) -> np.ndarray:
    """Return (plane, row, column) without most of what is no corner of the hull; side 1 for least columns, else -1."""
    for _ in range(_PASSES):
        before, here, after = ends[:-2], ends[1:-1], ends[2:]
        in_plane = before[:, 0] == after[:, 0]
        # A point not beyond the line of two others is no corner, whether they stay or not.
        turn = (here[:, 2] - before[:, 2]) * (after[:, 1] - before[:, 1])
        turn -= (after[:, 2] - before[:, 2]) * (here[:, 1] - before[:, 1])
        drop = in_plane & (turn * side >= 0)
        if not drop.any():
            break
        ends = ends[np.concatenate(([True], ~drop, [True]))]
    return ends


_PASSES = 32
