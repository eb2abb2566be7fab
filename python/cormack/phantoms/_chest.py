"""A chest CT with nodules at known places, and the score of what was found in it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _check
from .._files import replacing
from .._table import Table
from ..volume import Volume

FloatArray = npt.NDArray[np.floating[Any]]

# HU values of the phantom: textbook means, without contrast agent.
_AIR, _LUNG, _FAT, _MUSCLE, _HEART, _BLOOD, _BONE, _MARROW = -1000.0, -860.0, -95.0, 45.0, 42.0, 45.0, 550.0, 190.0
_TABLE_SHELL, _TABLE_FOAM, _MATTRESS = -120.0, -940.0, -850.0


@dataclass(frozen=True, eq=False)
class ChestPhantom:
    """A synthetic chest and the truth about it.

    Parameters
    ----------
    volume : Volume
        The CT, int16 Hounsfield units; axis 0 runs from feet to head, 1 from front to back, 2 from the patient's right
        to left.
    nodules : Table
        One row per nodule: ``nodule`` (its value in `nodule_labels`), ``centroid_z``, ``centroid_y``, ``centroid_x``
        (index coordinates), ``centre_z_mm``, ``centre_y_mm``, ``centre_x_mm`` (index times spacing), ``diameter_mm``,
        ``hu``, ``attachment`` (``"isolated"``, ``"vessel"`` or ``"pleura"``).
    lungs : ndarray of bool
        Everything inside the pleura, vessels and nodules included, the airway with its wall excluded.
    vessels : ndarray of bool
        Vessels inside the lungs.
    airways : ndarray of bool
        Lumen of trachea and main bronchi.
    nodule_labels : ndarray of int32
        0 outside, else the number of the nodule.
    """

    volume: Volume
    nodules: Table
    lungs: npt.NDArray[np.bool_]
    vessels: npt.NDArray[np.bool_]
    airways: npt.NDArray[np.bool_]
    nodule_labels: npt.NDArray[np.int32]


class _Canvas:
    """A float32 image that bodies are blended into, each by the share of a voxel that it covers."""

    def __init__(self, shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> None:
        self.shape, self.spacing = shape, spacing
        self.image = np.full(shape, _AIR, np.float32)
        # Open grids in millimetres about the centre of the volume.
        self.z, self.y, self.x = np.ogrid[tuple(slice(0, n) for n in shape)]
        half = [(n - 1) / 2 for n in shape]
        self.z = ((self.z - half[0]) * spacing[0]).astype(np.float32)
        self.y = ((self.y - half[1]) * spacing[1]).astype(np.float32)
        self.x = ((self.x - half[2]) * spacing[2]).astype(np.float32)
        self.edge = float(np.mean(spacing))
        self.origin = np.array([-h * s for h, s in zip(half, spacing, strict=True)])

    def cover(self, distance: FloatArray, edge: float | None = None) -> FloatArray:
        """Share of a voxel that lies inside, from the signed distance in mm (negative inside)."""
        cover: FloatArray = np.clip(0.5 - distance / (edge or self.edge), 0, 1).astype(np.float32, copy=False)
        return cover

    def paint(self, cover: FloatArray, hu: float | FloatArray, where: tuple[slice, ...] = (slice(None),) * 3) -> None:
        """Blend the value `hu` in, `cover` being 0 to 1."""
        part = self.image[where]
        part += cover * (hu - part)

    def box(self, low: FloatArray, high: FloatArray) -> tuple[slice, slice, slice] | None:
        """Index box that holds two corners in mm, with a margin of two voxels; None when it lies outside."""
        spacing = np.array(self.spacing)
        start = np.maximum(np.floor((low - self.origin) / spacing).astype(int) - 2, 0)
        stop = np.minimum(np.ceil((high - self.origin) / spacing).astype(int) + 3, self.shape)
        if (start >= stop).any():
            return None
        return slice(start[0], stop[0]), slice(start[1], stop[1]), slice(start[2], stop[2])


@dataclass(frozen=True)
class _Anatomy:
    """The sizes of the chest, from the field of view in mm; distances are signed, in mm, negative inside."""

    depth: float
    height: float
    width: float

    def body(self, y: FloatArray, x: FloatArray, shrink: float = 0.0) -> FloatArray:
        return _ellipse(y + 0.03 * self.height, x, 0.335 * self.height - shrink, 0.455 * self.width - shrink)

    def lung(self, z: FloatArray, y: FloatArray, x: FloatArray, side: int) -> FloatArray:
        """One lung: an ellipsoid, cut by the mediastinum, the heart and the dome of the diaphragm."""
        depth, height, width = self.depth, self.height, self.width
        centre = side * 0.205 * width
        half = (0.62 * depth, 0.245 * height, 0.175 * width)
        body = _ellipsoid(z + 0.20 * depth, y + 0.03 * height, x - centre, *half)
        dome = -0.30 * depth + (0.05 if side < 0 else 0.0) * depth  # the right half stands higher, over the liver
        dome_z = dome - ((x - centre) ** 2 / width + (y + 0.02 * height) ** 2 / height) * 1.6
        mediastinum = 0.055 * width - side * x
        return np.asarray(np.maximum(np.maximum(body, dome_z - z), np.maximum(mediastinum, -self.heart(z, y, x))))

    def heart(self, z: FloatArray, y: FloatArray, x: FloatArray) -> FloatArray:
        return _ellipsoid(
            z + 0.17 * self.depth,
            y + 0.10 * self.height,
            x - 0.06 * self.width,
            0.27 * self.depth,
            0.125 * self.height,
            0.15 * self.width,
        )

    def lungs(self, z: FloatArray, y: FloatArray, x: FloatArray) -> FloatArray:
        return np.minimum(self.lung(z, y, x, -1), self.lung(z, y, x, 1))


def _ellipse(y: FloatArray, x: FloatArray, half_y: float, half_x: float) -> FloatArray:
    """First-order signed distance of an ellipse: exact on its edge, which is where partial volume is."""
    u, v = y / half_y, x / half_x
    radius = np.sqrt(u * u + v * v)
    slope = np.sqrt((u / half_y) ** 2 + (v / half_x) ** 2)
    return np.asarray((radius - 1) * radius / np.maximum(slope, 1e-6))


def _ellipsoid(z: FloatArray, y: FloatArray, x: FloatArray, half_z: float, half_y: float, half_x: float) -> FloatArray:
    """First-order signed distance of an ellipsoid."""
    a, b, c = (z / half_z) ** 2, (y / half_y) ** 2, (x / half_x) ** 2
    square = a + b + c
    slope = np.sqrt(a / half_z**2 + b / half_y**2 + c / half_x**2)
    return np.asarray((square - np.sqrt(square)) / np.maximum(slope, 1e-6))


@dataclass(frozen=True)
class _Tube:
    """A straight round tube with a tapering radius, mm about the centre of the volume, (z, y, x)."""

    start: FloatArray
    stop: FloatArray
    radius_start: float
    radius_stop: float

    def distance(self, z: FloatArray, y: FloatArray, x: FloatArray) -> FloatArray:
        axis = self.stop - self.start
        dz, dy, dx = z - self.start[0], y - self.start[1], x - self.start[2]
        along = np.clip((dz * axis[0] + dy * axis[1] + dx * axis[2]) / max(float(axis @ axis), 1e-9), 0, 1)
        gap = np.sqrt((dz - along * axis[0]) ** 2 + (dy - along * axis[1]) ** 2 + (dx - along * axis[2]) ** 2)
        return np.asarray(gap - (self.radius_start + along * (self.radius_stop - self.radius_start)))

    def box(self, canvas: _Canvas, margin: float = 0.0) -> tuple[slice, slice, slice] | None:
        reach = max(self.radius_start, self.radius_stop) + margin
        return canvas.box(np.minimum(self.start, self.stop) - reach, np.maximum(self.start, self.stop) + reach)


_VESSEL_TIPS = 150


def _vessel_tree(rng: np.random.Generator, anatomy: _Anatomy, side: int, scale: float) -> list[_Tube]:
    """Branches from the hilum to points spread over the lung, each branch serving a group of them."""
    half = np.array([anatomy.depth, anatomy.height, anatomy.width]) / 2
    points = rng.uniform(-1, 1, (40 * _VESSEL_TIPS, 3)) * half
    points = points[anatomy.lung(points[:, 0], points[:, 1], points[:, 2], side) < -4.0][:_VESSEL_TIPS]
    hilum = np.array([0.04 * anatomy.depth, 0.02 * anatomy.height, side * 0.062 * anatomy.width])
    tubes: list[_Tube] = []
    groups = [(hilum, points, 7.0 * scale)]
    while groups:
        start, group, radius = groups.pop()
        if len(group) <= 1:
            tubes += [_Tube(start, tip, radius, 0.6 * scale) for tip in group]
            continue
        middle = group.mean(axis=0)
        stop = (
            start + rng.uniform(0.4, 0.6) * (middle - start) + rng.normal(0, 0.04, 3) * np.linalg.norm(middle - start)
        )
        # Cross-sections add up along the tree, a little more than Murray's law gives.
        thick = max(0.7 * scale, radius * 0.97)
        tubes.append(_Tube(start, stop, radius, thick))
        spread = group - middle
        axis = np.linalg.eigh(spread.T @ spread)[1][:, -1]
        order = np.argsort(spread @ axis, kind="stable")
        cut = int(len(order) * rng.uniform(0.35, 0.65)) or 1
        for half_group in (order[:cut], order[cut:]):
            share = (len(half_group) / len(group)) ** (1 / 2.7)
            groups.append((stop, group[half_group], max(0.7 * scale, thick * share)))
    return tubes


class _Tubes:
    """Distances of one point to many tubes at once."""

    def __init__(self, tubes: Sequence[_Tube]) -> None:
        self.start = np.array([tube.start for tube in tubes]).reshape(-1, 3)
        self.axis = np.array([tube.stop for tube in tubes]).reshape(-1, 3) - self.start
        self.radius = np.array([tube.radius_start for tube in tubes])
        self.taper = np.array([tube.radius_stop for tube in tubes]) - self.radius
        self.square = np.maximum((self.axis**2).sum(axis=1), 1e-9)

    def distances(self, point: FloatArray) -> FloatArray:
        gap = point - self.start
        along = np.clip((gap * self.axis).sum(axis=1) / self.square, 0, 1)
        across = gap - along[:, None] * self.axis
        return np.asarray(np.sqrt((across**2).sum(axis=1)) - (self.radius + along * self.taper))


def _at(anatomy: _Anatomy, point: FloatArray) -> float:
    return float(anatomy.lungs(*(np.asarray(v) for v in point)))


def _place_nodules(
    rng: np.random.Generator, anatomy: _Anatomy, tubes: list[_Tube], airway: list[_Tube], diameters: FloatArray
) -> list[tuple[FloatArray, float, str]]:
    """Centres in mm for nodules of the given diameters: a third each isolated, on a vessel, on the pleura."""
    placed: list[tuple[FloatArray, float, str]] = []
    kinds = ("isolated", "vessel", "pleura")
    limits = np.array([anatomy.depth, anatomy.height, anatomy.width]) / 2
    vessels, air = _Tubes(tubes), _Tubes(airway)
    for number, diameter in enumerate(diameters):
        radius = float(diameter) / 2
        kind = kinds[number % 3]
        for _ in range(4000):
            if kind == "vessel":
                tube = tubes[rng.integers(len(tubes))]
                if not 0.8 < tube.radius_start < 2.5:
                    continue
                axis = (tube.stop - tube.start) / np.linalg.norm(tube.stop - tube.start)
                off = np.cross(axis, rng.normal(size=3))
                off /= np.linalg.norm(off)
                middle = 0.5 * (tube.start + tube.stop)
                centre = middle + off * (radius + 0.5 * tube.radius_start)
                room = -_at(anatomy, centre) > radius + 4
            else:
                centre = rng.uniform(-0.9, 0.9, 3) * limits
                depth = -_at(anatomy, centre)
                if kind == "pleura":
                    if depth < radius:
                        continue
                    # March outwards, sideways and not to the mediastinum, until the pleura.
                    way = np.array([0.0, rng.normal(0, 0.4), np.sign(centre[2])])
                    way /= np.linalg.norm(way)
                    for _ in range(200):
                        depth = -_at(anatomy, centre)
                        if depth <= 0.85 * radius:
                            break
                        centre = centre + way * max(0.4 * (depth - 0.85 * radius), 0.1)
                    room = 0.6 * radius <= depth <= 0.95 * radius
                else:
                    room = depth > radius + 4
            if not room or not (np.abs(centre) < limits - radius - 2).all():
                continue
            near = vessels.distances(centre)
            free = (near < radius).any() if kind == "vessel" else (near > radius + 2.0).all()
            free = free and (air.distances(centre) > radius + 4).all()
            apart = all(np.linalg.norm(centre - c) > radius + r + 12 for c, r, _ in placed)
            if free and apart:
                placed.append((centre, radius, kind))
                break
        else:
            raise ValueError(
                f"no room for nodule {number + 1} of {len(diameters)}, {diameter:.1f} mm; ask for fewer or smaller ones"
            )
    return placed


def _paint_nodule(canvas: _Canvas, centre: FloatArray, radius: float, hu: float) -> tuple[Any, FloatArray] | None:
    """Paint a ball with its true partial volume: 5 x 5 x 5 samples per voxel."""
    box = canvas.box(centre - radius, centre + radius)
    if box is None:
        return None
    parts = np.linspace(-0.4, 0.4, 5)
    axes = [
        (np.arange(s.start, s.stop)[:, None] + parts).ravel() * step + start - c
        for s, step, start, c in zip(box, canvas.spacing, canvas.origin, centre, strict=True)
    ]
    inside = axes[0][:, None, None] ** 2 + axes[1][:, None] ** 2 + axes[2] ** 2 <= radius**2
    n = [s.stop - s.start for s in box]
    cover = inside.reshape(n[0], 5, n[1], 5, n[2], 5).mean(axis=(1, 3, 5), dtype=np.float32)
    canvas.paint(cover, hu, box)
    return box, cover


def chest_ct(
    shape: Sequence[int] = (96, 256, 256),
    spacing: Sequence[float] = (2.0, 1.3, 1.3),
    seed: int = 0,
    noise: float = 20.0,
    *,
    nodules: int = 9,
    diameters_mm: tuple[float, float] = (4.0, 20.0),
) -> ChestPhantom:
    """Draw a CT of a chest with nodules at known places.

    Body with fat, muscle, ribs, spine and sternum; heart and aorta; liver under the diaphragm; two lungs with a
    density that rises towards the back, branching vessels, trachea and main bronchi; a hollow table and a mattress
    under the body; nodules, a third each isolated, on a vessel, on the pleura; Gaussian noise.

    Parameters
    ----------
    shape : sequence of int, default (96, 256, 256)
        Voxels along (z, y, x).
    spacing : sequence of float, default (2.0, 1.3, 1.3)
        Voxel size in mm along (z, y, x). The anatomy fills the field of view, so `shape` times `spacing` should be
        about 190 x 330 x 330 mm.
    seed : int, default 0
        The same seed and arguments give the same voxels.
    noise : float, default 20
        Standard deviation of the noise, HU.
    nodules : int, default 9
        How many; their diameters are spread evenly over `diameters_mm`.
    diameters_mm : (float, float), default (4, 20)
        Smallest and largest diameter, mm.

    Returns
    -------
    ChestPhantom
        The CT as a Volume, and what is known of it: nodules, lungs, vessels, airways.

    Raises
    ------
    ValueError
        A shape or spacing that is not three positive numbers, or no room for the nodules.

    Examples
    --------
    >>> chest = chest_ct((48, 128, 128), spacing=(4.0, 2.6, 2.6), nodules=2)
    >>> chest.volume
    Volume(shape (48, 128, 128), int16, spacing (4, 2.6, 2.6) mm, origin (0, 0, 0) mm, axes LPS, CT)
    >>> chest.nodules["diameter_mm"].tolist()
    [20.0, 4.0]
    """
    size = tuple(int(n) for n in shape)
    step = tuple(float(s) for s in spacing)
    if len(size) != 3 or min(size) < 8:
        raise ValueError(f"shape must be three numbers of at least 8, got {tuple(shape)}")
    if len(step) != 3 or not all(np.isfinite(step)) or min(step) <= 0:
        raise ValueError(f"spacing must be three positive numbers in mm, got {tuple(spacing)}")
    if not noise >= 0:
        raise ValueError(f"noise must be 0 or more, HU, got {noise}")
    if nodules < 0 or not 0 < diameters_mm[0] <= diameters_mm[1]:
        raise ValueError(f"nodules must be 0 or more and diameters_mm rise, got {nodules} and {diameters_mm}")
    rng = np.random.default_rng(seed)
    canvas = _Canvas((size[0], size[1], size[2]), (step[0], step[1], step[2]))
    depth, height, width = (n * s for n, s in zip(size, step, strict=True))
    anatomy = _Anatomy(depth, height, width)
    z, y, x = canvas.z, canvas.y, canvas.x

    _paint_body(canvas, anatomy)
    in_lungs = canvas.cover(anatomy.lungs(z, y, x))
    # Blood and water sink: 60 HU more at the back than at the front.
    canvas.paint(in_lungs, _LUNG + 60.0 * (y / (0.5 * height)))

    scale = min(1.0, width / 333.0)
    tubes = [tube for side in (-1, 1) for tube in _vessel_tree(rng, anatomy, side, scale)]
    vessels = np.zeros(size, bool)
    for tube in tubes:
        box = tube.box(canvas)
        if box is None:
            continue
        local = (z[box[0]], y[:, box[1]], x[:, :, box[2]])
        # A vessel thinner than a voxel fills only its share of it: an edge as wide as the voxel says so.
        cover = canvas.cover(tube.distance(*local)) * in_lungs[box]
        canvas.paint(cover, _BLOOD, box)
        vessels[box] |= cover > 0.5

    airway, airways, walls = _paint_airway(canvas, anatomy, scale)

    diameters = rng.permutation(np.linspace(*diameters_mm, nodules))
    labels = np.zeros(size, np.int32)
    rows: list[dict[str, Any]] = []
    placed = _place_nodules(rng, anatomy, tubes, airway, diameters)
    for number, (centre, radius, kind) in enumerate(placed, start=1):
        hu = float(np.round(rng.uniform(-10.0, 90.0)))
        painted = _paint_nodule(canvas, centre, radius, hu)
        if painted is None:  # _place_nodules keeps them inside; this is for the type checker
            continue
        box, share = painted
        labels[box][share > 0.5] = number
        index = (centre - canvas.origin) / np.array(step)
        rows.append({
            "nodule": number,
            **{f"centroid_{a}": float(v) for a, v in zip("zyx", index, strict=True)},
            **{f"centre_{a}_mm": float(v * s) for a, v, s in zip("zyx", index, step, strict=True)},
            "diameter_mm": 2 * radius,
            "hu": hu,
            "attachment": kind,
        })  # fmt: skip

    image = canvas.image
    if noise:
        image += rng.standard_normal(size, dtype=np.float32) * np.float32(noise)
    array = np.clip(np.rint(image), -1024, 3071).astype(np.int16)
    volume = Volume(array, spacing=step, meta={"modality": "CT", "units": "HU"})
    numbers = ("nodule", *(f"centroid_{a}" for a in "zyx"), *(f"centre_{a}_mm" for a in "zyx"), "diameter_mm", "hu")
    table = Table({name: np.array([row[name] for row in rows], float) for name in numbers})
    table["nodule"] = table["nodule"].astype(np.int64)
    table["attachment"] = np.array([row["attachment"] for row in rows], str)
    lungs = (in_lungs > 0.5) & ~walls
    return ChestPhantom(volume, table, lungs, vessels & lungs & (labels == 0), airways, labels)


def _paint_body(canvas: _Canvas, anatomy: _Anatomy) -> None:
    """Everything except lungs, vessels, airway and nodules."""
    z, y, x = canvas.z, canvas.y, canvas.x
    depth, height, width = anatomy.depth, anatomy.height, anatomy.width
    # Under the body: a mattress, and a table that is a shell around foam. It must not be taken for lung.
    bottom = 0.303 * height
    mattress = np.maximum(np.abs(y - bottom - 0.022 * height) - 0.022 * height, np.abs(x) - 0.36 * width)
    canvas.paint(canvas.cover(mattress), _MATTRESS)
    table = np.maximum(np.abs(y - bottom - 0.09 * height) - 0.044 * height, np.abs(x) - 0.38 * width)
    canvas.paint(canvas.cover(table), _TABLE_SHELL)
    canvas.paint(canvas.cover(table + 2.5), _TABLE_FOAM)

    canvas.paint(canvas.cover(anatomy.body(y, x)), _MUSCLE)  # skin
    canvas.paint(canvas.cover(anatomy.body(y, x, 2.0)), _FAT)
    canvas.paint(canvas.cover(anatomy.body(y, x, 0.035 * height)), _MUSCLE)

    # Ribs: rods on an ellipse between lung and skin that sink towards the front, 27 mm apart.
    cage = anatomy.body(y, x, 0.06 * height)
    pitch = 27.0
    wave = np.mod(z + 0.28 * (y + 0.3 * height) + depth, pitch) - pitch / 2
    near = np.abs(cage) < 8  # a 2D test: the distances in 3D are worked out only where ribs can be
    rows, columns = np.nonzero(near[0])
    rods = np.sqrt(cage[0, rows, columns] ** 2 + (wave[:, rows, 0] * 0.75) ** 2)
    image = canvas.image[:, rows, columns]
    for radius, hu in ((4.5, _BONE), (2.8, _MARROW)):
        cover = canvas.cover(rods - radius)
        image += cover * (hu - image)
    canvas.image[:, rows, columns] = image

    spine_y = 0.165 * height
    for shrink, hu in ((0.0, _BONE), (2.0, _MARROW)):
        vertebra = _ellipse(y - spine_y, x, 0.052 * height - shrink, 0.062 * width - shrink)
        canvas.paint(canvas.cover(vertebra), hu)
    disc = np.abs(np.mod(z + depth, 25.0) - 12.5) - 3.0
    canvas.paint(canvas.cover(np.maximum(_ellipse(y - spine_y, x, 0.052 * height, 0.062 * width), disc)), 90.0)
    canal = _ellipse(y - spine_y - 0.068 * height, x, 0.026 * height, 0.03 * width)
    canvas.paint(canvas.cover(np.abs(canal) - 3.0), _BONE)
    canvas.paint(canvas.cover(canal), 25.0)
    sternum = np.maximum(np.abs(y + 0.318 * height) - 4.5, np.abs(x) - 0.05 * width)
    canvas.paint(canvas.cover(sternum), _MARROW)

    # Mediastinal fat, heart, aorta.
    fat = np.maximum(_ellipse(y + 0.12 * height, x, 0.16 * height, 0.07 * width), -z - 0.3 * depth)
    canvas.paint(canvas.cover(fat), _FAT)
    canvas.paint(canvas.cover(anatomy.heart(z, y, x)), _HEART)
    aorta = _ellipse(y - 0.07 * height, x - 0.035 * width, 0.036 * height, 0.036 * width)
    canvas.paint(canvas.cover(aorta), _BLOOD)


def _paint_airway(
    canvas: _Canvas, anatomy: _Anatomy, scale: float
) -> tuple[list[_Tube], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Trachea and two main bronchi with walls of 2 mm; tubes, lumen, lumen with wall."""
    depth, height, width = anatomy.depth, anatomy.height, anatomy.width
    carina = np.array([0.16 * depth, -0.01 * height, 0.0])
    top = np.array([0.60 * depth, -0.03 * height, 0.0])
    tubes = [_Tube(carina, top, 8.5 * scale, 9.0 * scale)]
    for side in (-1, 1):
        hilum = np.array([0.02 * depth, 0.02 * height, side * 0.085 * width])
        deep = np.array([-0.12 * depth, 0.05 * height, side * 0.14 * width])
        tubes += [_Tube(carina, hilum, 6.8 * scale, 5.6 * scale), _Tube(hilum, deep, 4.6 * scale, 3.2 * scale)]
    lumen = np.zeros(canvas.shape, bool)
    walls = np.zeros(canvas.shape, bool)
    # All walls first: a wall drawn later would close the lumen of its neighbour.
    for outer in (True, False):
        for tube in tubes:
            box = tube.box(canvas, 2.0)
            if box is None:
                continue
            local = (canvas.z[box[0]], canvas.y[:, box[1]], canvas.x[:, :, box[2]])
            cover = canvas.cover(tube.distance(*local) - (2.0 if outer else 0.0))
            canvas.paint(cover, _MUSCLE if outer else _AIR, box)
            (walls if outer else lumen)[box] |= cover > 0.5
    return tubes, lumen, walls | lumen


def score_nodules(candidates: Any, phantom: ChestPhantom, *, tolerance_mm: float = 3.0) -> dict[str, Any]:
    """Compare nodule candidates with the truth of a phantom: `cormack.detect.score_lesions` with its nodules.

    Parameters
    ----------
    candidates : mapping of columns or ndarray of int
        A table as for `cormack.detect.score_lesions`, or a label image of the phantom's shape.
    phantom : ChestPhantom
        The truth.
    tolerance_mm : float, default 3
        Slack of the centroid, mm.

    Returns
    -------
    dict
        As of `cormack.detect.score_lesions`; its ``lesions`` are the phantom's nodules.
    """
    from .. import detect, segment

    if isinstance(candidates, np.ndarray):
        if candidates.shape != phantom.lungs.shape:
            raise ValueError(f"candidates of shape {candidates.shape} do not fit a phantom of {phantom.lungs.shape}")
        candidates = segment.label_statistics(candidates, spacing=phantom.volume.spacing)
    return detect.score_lesions(candidates, phantom.nodules, spacing=phantom.volume.spacing, tolerance_mm=tolerance_mm)


def write_chests(
    folder: str | os.PathLike[str],
    count: int = 20,
    *,
    nodules: tuple[int, int] = (3, 8),
    seed: int = 0,
    **chest: Any,
) -> Path:
    """Write generated chests and the truth about them: a cohort to measure detection with.

    Parameters
    ----------
    folder : path-like
        Where; made when it is not there.
    count : int, default 20
        How many chests: ``chest-01.nii.gz`` and so on.
    nodules : (int, int), default (3, 8)
        Fewest and most nodules of a chest; drawn evenly.
    seed : int, default 0
        The same seed and arguments give the same files.
    **chest
        Other arguments of `chest_ct`.

    Returns
    -------
    pathlib.Path
        ``nodules.csv``, for ``cormack run --truth``: a row per nodule with ``case``, ``x_mm``, ``y_mm``, ``z_mm``
        (world coordinates, LPS) and ``diameter_mm``.

    Raises
    ------
    ValueError
        If `count` is below 1, or as `chest_ct`.

    Examples
    --------
    >>> from cormack import phantoms
    >>> phantoms.write_chests("chests", 20)  # doctest: +SKIP
    PosixPath('chests/nodules.csv')
    """
    from .. import io

    count = _check.integer("write_chests", "count", count, minimum=1)
    fewest, most = nodules
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    width = max(2, len(str(count)))
    lines = ["case,x_mm,y_mm,z_mm,diameter_mm"]
    for number in range(1, count + 1):
        case = f"chest-{number:0{width}d}"
        drawn = int(generator.integers(fewest, most, endpoint=True))
        phantom = chest_ct(seed=int(generator.integers(2**31)), nodules=drawn, **chest)
        io.write(phantom.volume, target / f"{case}.nii.gz")
        index = np.stack([phantom.nodules[f"centroid_{axis}"] for axis in "zyx"], axis=1)
        for (z, y, x), diameter in zip(
            phantom.volume.index_to_world(index), phantom.nodules["diameter_mm"], strict=True
        ):
            lines.append(f"{case},{x:.3f},{y:.3f},{z:.3f},{diameter:.3f}")
    path = target / "nodules.csv"
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
