"""Benign and malignant lesions with masks: a cohort to train a classifier on, whose best possible score is known."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _check
from .._files import replacing
from ..volume import Volume

FloatArray = npt.NDArray[np.floating[Any]]

_DIAGNOSES = ("benign", "malignant")
_TRAITS = ("lobulation", "spiculation", "heterogeneity", "necrosis", "blur")
# HU of the organ and how much brighter a lesion is; neither says anything about the diagnosis.
_TISSUE, _CONTRAST = 45.0, 45.0
# How far a lesion may reach from its centre in parts of its radius, and how far the centre lies off the image's, mm.
_REACH, _OFFSET_MM = 1.95, 2.0
# The share of a trait's variance that two lesions of one patient have in common.
_SHARED = 0.5
# Every so many patients have two lesions, and as many are of one diagnosis as `malignant` says.
_TWO_LESIONS, _BLOCK = 4, 10


@dataclass(frozen=True, eq=False)
class LesionPhantom:
    """A synthetic lesion in tissue, with its mask and what it was drawn from.

    Parameters
    ----------
    volume : Volume
        int16, Hounsfield units.
    mask : ndarray of bool
        Where the lesion is.
    diagnosis : {"benign", "malignant"}
        What it stands for.
    diameter_mm : float
        Of the ball that it was made of, without lobes and spicules.
    traits : dict of str to float
        ``lobulation``, ``spiculation``, ``heterogeneity``, ``necrosis``, ``blur`` as standard scores.
    """

    volume: Volume
    mask: npt.NDArray[np.bool_]
    diagnosis: str
    diameter_mm: float
    traits: dict[str, float]


def lesion(
    diagnosis: str = "malignant",
    shape: Sequence[int] = (32, 48, 48),
    spacing: Sequence[float] = (1.5, 1.0, 1.0),
    seed: int = 0,
    noise: float = 12.0,
    *,
    diameters_mm: tuple[float, float] = (12.0, 22.0),
    separation: float = 4.5,
    traits: Mapping[str, float] | None = None,
) -> LesionPhantom:
    """Draw a lesion in noisy tissue: round, smooth and even when benign; lobed, spiculated and uneven when malignant.

    Five traits carry the diagnosis: lobes, spicules, uneven texture, a dark core and a blurred margin. Each is a
    normally distributed score of variance 1 whose mean is higher in malignant lesions, so the two kinds overlap. Size,
    place, contrast, the tissue around and the noise say nothing about the diagnosis.

    Parameters
    ----------
    diagnosis : {"malignant", "benign"}
        Which kind.
    shape : sequence of int, default (32, 48, 48)
        Voxels along (z, y, x).
    spacing : sequence of float, default (1.5, 1, 1)
        Voxel size in mm along (z, y, x).
    seed : int, default 0
        The same seed and arguments give the same voxels.
    noise : float, default 12
        Standard deviation of the noise, HU.
    diameters_mm : (float, float), default (12, 22)
        Smallest and largest diameter, mm; drawn evenly.
    separation : float, default 4.5
        Standard deviations between the two kinds along the best direction of the five scores together. Whoever saw the
        scores themselves would be right in a share of ``norm.cdf(separation / 2)`` of lesions, 0.988 by default: no
        classifier does better in the long run, and one that sees the image alone does a little worse.
    traits : mapping of str to float, optional
        Scores to take instead of those that would be drawn; see `LesionPhantom`.

    Returns
    -------
    LesionPhantom

    Raises
    ------
    ValueError
        A wrong argument, or an image too small for the lesion: its sides must be about 2.1 of the largest diameter.

    Examples
    --------
    >>> from cormack import phantoms
    >>> mass = phantoms.lesion("malignant", seed=3)
    >>> mass.volume.shape, mass.mask.dtype, round(mass.diameter_mm, 1)
    ((32, 48, 48), dtype('bool'), 16.3)
    """
    name = "lesion"
    _check.choice(name, "diagnosis", diagnosis, _DIAGNOSES)
    size = tuple(_check.integer(name, "shape", n, minimum=8) for n in shape)
    if len(size) != 3:
        raise _check.fail(name, "shape", "be three numbers", tuple(shape))
    step = _check.spacing(name, spacing, 3)
    sigma = _check.real(name, "noise", noise, minimum=0.0)
    apart = _check.real(name, "separation", separation, minimum=0.0)
    smallest, largest = (_check.real(name, "diameters_mm", value, above=0.0) for value in diameters_mm)
    if smallest > largest:
        raise _check.fail(name, "diameters_mm", "rise", diameters_mm)
    need = _REACH * largest + 2 * _OFFSET_MM
    if min(n * s for n, s in zip(size, step, strict=True)) < need:
        sides = " x ".join(f"{n * s:g}" for n, s in zip(size, step, strict=True))
        raise ValueError(f"{name}: lesions of {largest:g} mm need an image of {need:g} mm along each axis, got {sides}")
    for key in traits or {}:
        _check.choice(name, "traits", key, _TRAITS)
    rng = np.random.default_rng(seed)
    drawn = _scores(rng, diagnosis, apart) | {key: float(value) for key, value in (traits or {}).items()}
    diameter = float(rng.uniform(smallest, largest))
    image, mask = _draw(rng, size, step, diameter / 2, drawn)
    image += rng.standard_normal(size) * sigma
    array = np.clip(np.rint(image), -1024, 3071).astype(np.int16)
    volume = Volume(array, spacing=step, meta={"modality": "CT", "units": "HU"})
    return LesionPhantom(volume, mask, diagnosis, diameter, drawn)


def _scores(
    rng: np.random.Generator, diagnosis: str, separation: float, common: FloatArray | None = None
) -> dict[str, float]:
    """Draw the traits of a lesion; `common` is what it shares with the other lesions of its patient."""
    scores = rng.standard_normal(len(_TRAITS))
    if common is not None:
        scores = np.sqrt(_SHARED) * common + np.sqrt(1 - _SHARED) * scores
    # The five together are apart by the root of five times what each one is.
    shift = separation / 2 / np.sqrt(len(_TRAITS)) * (1 if diagnosis == "malignant" else -1)
    return dict(zip(_TRAITS, (scores + shift).tolist(), strict=True))


def _draw(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    spacing: tuple[float, ...],
    radius: float,
    scores: Mapping[str, float],
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Draw tissue with a lesion, without noise; and the mask."""
    grade = {key: 1 / (1 + np.exp(-1.25 * score)) for key, score in scores.items()}
    axes = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(shape, spacing, strict=True)]
    tissue = _TISSUE + 5 * rng.standard_normal() + 6 * _waves(rng, axes, 8, (15.0, 40.0))
    contrast = _CONTRAST + 8 * rng.standard_normal()
    texture = (3 + 22 * grade["heterogeneity"]) * _waves(rng, axes, 24, (3.0, 9.0))

    centre = rng.uniform(-_OFFSET_MM, _OFFSET_MM, 3) / np.sqrt(3)
    z, y, x = np.meshgrid(*(axis - c for axis, c in zip(axes, centre, strict=True)), indexing="ij", sparse=True)
    distance = np.sqrt(z * z + y * y + x * x)
    far = np.maximum(distance, 1e-6)
    unit = (z / far, y / far, x / far)

    surface = np.ones(shape)
    for _ in range(6):
        way, phase = _direction(rng) * rng.uniform(2.0, 4.5), rng.uniform(0, 2 * np.pi)
        along = way[0] * unit[0] + way[1] * unit[1] + way[2] * unit[2]
        surface += (0.01 + 0.09 * grade["lobulation"]) / np.sqrt(3) * np.cos(along + phase)
    for _ in range(10):
        way, length = _direction(rng), rng.uniform(0.5, 1.0)
        along = way[0] * unit[0] + way[1] * unit[1] + way[2] * unit[2]
        surface += 0.6 * grade["spiculation"] * length * np.exp(40 * (along - 1))
    # Spicules that meet must not leave the image.
    edge_at = radius * np.minimum(surface, _REACH - 0.1)
    depth = edge_at - distance

    width = float(np.mean(spacing)) + 4.5 * grade["blur"]
    core = np.clip((0.75 * grade["necrosis"] * edge_at - distance) / 2.0 + 0.5, 0, 1)
    inside = contrast * (1 - 0.7 * core) + texture
    return np.asarray(tissue + np.clip(0.5 + depth / width, 0, 1) * inside), depth >= 0


def _direction(rng: np.random.Generator) -> FloatArray:
    way = rng.standard_normal(3)
    return np.asarray(way / np.linalg.norm(way))


def _waves(
    rng: np.random.Generator, axes: Sequence[FloatArray], count: int, lengths_mm: tuple[float, float]
) -> FloatArray:
    """Sum plane waves of random directions, lengths and phases to a texture of variance 1."""
    lengths = rng.uniform(*lengths_mm, count)
    ways = np.stack([_direction(rng) for _ in range(count)], axis=1) * (2 * np.pi / lengths)
    phases = np.exp(1j * rng.uniform(0, 2 * np.pi, count))
    # A plane wave is a product of one factor for each axis; summed by a plain loop, whose order no library changes.
    along_z, along_y, along_x = (np.exp(1j * way[:, None] * axis) for way, axis in zip(ways, axes, strict=True))
    planes = along_z[:, :, None] * (phases[:, None] * along_y)[:, None, :]
    return np.asarray(np.einsum("nzy,nx->zyx", planes, along_x).real * np.sqrt(2 / count))


def write_lesions(
    folder: str | os.PathLike[str],
    count: int = 200,
    seed: int = 0,
    *,
    malignant: float = 0.5,
    **settings: Any,
) -> Path:
    """Write generated lesions, their masks and their diagnoses: a cohort to train a classifier on.

    Every fourth patient has two lesions, of one diagnosis and alike: whoever trains on one and tests on the other sees
    a better score than there is.

    Parameters
    ----------
    folder : path-like
        Where; made when it is not there. ``images/lesion-001.nii.gz`` and so on, and ``masks/`` with the same names.
    count : int, default 200
        How many lesions.
    seed : int, default 0
        The same seed and arguments give the same files, and of a smaller count the first ones.
    malignant : float, default 0.5
        Share of patients with malignant lesions.
    **settings
        Other arguments of `lesion`, as ``shape``, ``spacing``, ``noise`` and ``separation``.

    Returns
    -------
    pathlib.Path
        ``labels.csv``, for ``cormack train --labels``: a row per lesion with ``case``, ``diagnosis`` (``benign`` or
        ``malignant``) and ``patient``.

    Raises
    ------
    ValueError
        If `count` is below 1, or as `lesion`.

    Examples
    --------
    >>> from cormack import phantoms
    >>> phantoms.write_lesions("lesions", 200)  # doctest: +SKIP
    PosixPath('lesions/labels.csv')
    """
    from .. import io

    name = "write_lesions"
    count = _check.integer(name, "count", count, minimum=1)
    seed = _check.integer(name, "seed", seed, minimum=0)
    share = _check.real(name, "malignant", malignant, minimum=0.0)
    if share > 1:
        raise _check.fail(name, "malignant", "be at most 1", malignant)
    separation = settings.pop("separation", 4.5)
    fixed = dict(settings.pop("traits", None) or {})
    target = Path(folder)
    for part in ("images", "masks"):
        (target / part).mkdir(parents=True, exist_ok=True)
    lines = ["case,diagnosis,patient"]
    number = patient = 0
    while number < count:
        # Each patient has a generator of its own: what comes later changes nothing of what is there.
        rng = np.random.default_rng([seed, 1, patient])
        block = np.random.default_rng([seed, 0, patient // _BLOCK]).permutation(_BLOCK)
        diagnosis = _DIAGNOSES[int(block[patient % _BLOCK] < round(_BLOCK * share))]
        common = rng.standard_normal(len(_TRAITS))
        patient += 1
        for _ in range(2 if patient % _TWO_LESIONS == 0 else 1):
            scores = _scores(rng, diagnosis, separation, common) | fixed
            phantom = lesion(diagnosis, seed=int(rng.integers(2**31)), traits=scores, **settings)
            number += 1
            case = f"lesion-{number:03d}"
            io.write(phantom.volume, target / "images" / f"{case}.nii.gz")
            io.write(phantom.volume.replace(phantom.mask.astype(np.uint8)), target / "masks" / f"{case}.nii.gz")
            lines.append(f"{case},{diagnosis},patient-{patient:03d}")
            if number == count:
                break
    path = target / "labels.csv"
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
