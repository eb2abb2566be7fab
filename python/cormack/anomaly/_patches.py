"""Patches that resemble no patch of normal images: a memory of normal patches and the distance to its nearest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _check
from .._config import get_num_threads
from .._errors import BackendUnavailable
from ._calibration import Calibration, folds_of, share_of
from ._descriptors import CHANNELS, describe, grid_of
from ._heat import (
    AnomalyMap,
    Distribution,
    Prepared,
    finished,
    load,
    prepared,
    same_spacing,
    to_grid,
    with_masks,
)

__all__ = ["PatchMemory", "fit_patches"]

_TOP = 10  # patches that make the score of an image
_CANDIDATES = 10  # times the size of the memory
_QUERY = 1 << 16  # patches looked up at a time

Floats = npt.NDArray[np.float64]


def fit_patches(
    images: Sequence[Any],
    *,
    masks: Sequence[Any] | Callable[[Any], Any] | None = None,
    patch: int = 9,
    stride: int | None = None,
    spacing: float | Sequence[float] | None = None,
    intensity: str = "none",
    memory: int = 3000,
    subsampling: str = "k-centre",
    neighbours: int = 3,
    position: float = 0.0,
    folds: int = 4,
    contamination: float = 0.05,
    seed: int = 0,
    workers: int | None = None,
) -> PatchMemory:
    """Remember what patches of normal images look like.

    Parameters
    ----------
    images : sequence of array_like, Volume, path-like or Source
        At least two normal images, all 2D or all 3D. Each is read (twice) when it is its turn.
    masks : sequence or callable, optional
        For each image the region to look at, or None: arrays, volumes, paths, functions of the image. One function is
        for all: ``masks=anatomy.lungs``.
    patch : int, default 9
        Edge of a patch in voxels, odd: about the size of what is looked for.
    stride : int, optional
        Distance between the centres of patches, in voxels; default: about a third of `patch`.
    spacing : float or sequence of float, optional
        Voxel size in mm, in array order, at which images are looked at; they are resampled to it. By default their own,
        which must then be the same in all.
    intensity : {"none", "zscore", "robust", "minmax"}, default "none"
        How intensities are brought to one scale (`cormack.enhance.normalize`); CT needs nothing.
    memory : int, default 3000
        Patches to remember.
    subsampling : {"k-centre", "random"}, default "k-centre"
        How they are chosen: each as unlike those chosen before as possible, or by chance.
    neighbours : int, default 3
        The distance of a patch is the mean over so many of the most similar ones in memory.
    position : float, default 0
        Weight of the place within the image among the features, for images that show the same thing at the same place;
        1 weighs an extent of the image as 10 standard deviations of a feature.
    folds : int, default 4
        Groups of normal images of which each is scored with a memory of the others.
    contamination : float, default 0.05
        Share of normal images that may be called outliers, above 0 and at most 0.5.
    seed : int, default 0
        The same seed and images give the same memory.
    workers : int, optional
        Number of threads; default: the library's setting. The result does not depend on it.

    Returns
    -------
    PatchMemory
        Its ``score`` says of an image how unusual it is, and where.

    Raises
    ------
    ValueError
        Fewer than two images, different spacings without `spacing`, or an argument out of its range.
    BackendUnavailable
        scikit-learn is not installed.

    See Also
    --------
    cormack.detect.rx_detector : Pixels that differ from their surroundings; needs no normal images.
    cormack.detect.asymmetry_map : What differs from the other side of the body.

    Notes
    -----
    Patches are described by eight numbers (`CHANNELS`), in units of their standard deviations over normal patches; the
    memory is a coreset of them. One image at a time is in memory, with some copies of up to 8 million voxels.

    References
    ----------
    K. Roth et al., "Towards total recall in industrial anomaly detection", CVPR 2022: the memory and its coreset, there
    of features of a network.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> normal = [rng.normal(0, 1, (64, 64)).astype(np.float32) for _ in range(4)]
    >>> memory = fit_patches(normal, memory=100)
    >>> odd = rng.normal(0, 1, (64, 64)).astype(np.float32)
    >>> odd[20:30, 40:50] += 5
    >>> found = memory.score(odd)
    >>> found.outlier, found.heat.shape, all(18 <= i < 52 for i in found.peak)
    (True, (64, 64), True)
    """
    name = "fit_patches"
    recipe = recipe_of(name, patch, stride, (), intensity, position)
    _check.choice(name, "subsampling", subsampling, ("k-centre", "random"))
    size = _check.integer(name, "memory", memory, minimum=10)
    near = _check.integer(name, "neighbours", neighbours, minimum=1, maximum=size)
    groups = _check.integer(name, "folds", folds, minimum=2)
    share = share_of(name, "contamination", contamination)
    seed = _check.integer(name, "seed", seed, minimum=0)
    _check.workers(name, workers)
    listed, at = with_masks(name, images, masks)

    recipe = replace(recipe, spacing=_grid_spacing(name, listed[0], spacing))

    def described(number: int) -> npt.NDArray[np.float32]:
        image = load(listed[number])
        own = getattr(image, "spacing", None)
        if spacing is None and own is not None and not same_spacing(own, recipe.spacing):
            raise ValueError(
                f"{name}: image {number + 1} has the spacing {tuple(own)} mm and the first one {recipe.spacing} mm; "
                "give `spacing`, to which all are resampled"
            )
        return recipe.patches(recipe.prepared(name, image, at[number], workers), workers)[0]

    drawn = []
    for number in range(len(listed)):
        rows = described(number)
        count = -(-_CANDIDATES * size // len(listed))
        picked = np.random.default_rng([seed, number]).permutation(len(rows))[:count]
        drawn.append(rows[np.sort(picked)].astype(np.float64))
    everything = np.concatenate(drawn)
    centre, scale = everything.mean(axis=0), everything.std(axis=0)
    scale[~(scale > 1e-6 * np.abs(centre))] = 1.0
    scale[len(CHANNELS) :] = 1.0
    drawn = [(rows - centre) / scale for rows in drawn]

    # What a normal image looks like to a memory that does not know it.
    assigned = folds_of(len(listed), groups, seed)
    distribution, tops = Distribution(seed), []
    for fold in range(int(assigned.max()) + 1):
        others = np.concatenate([rows for rows, group in zip(drawn, assigned, strict=True) if group != fold])
        bank = _coreset(others, size, subsampling, seed)
        for own in np.flatnonzero(assigned == fold).tolist():
            found = _distances(bank, near, (described(own) - centre) / scale, workers)
            tops.append(_top(found))
            distribution.add(found)
    unit, levels = distribution.result()
    return PatchMemory(
        recipe=recipe,
        neighbours=near,
        bank=_coreset(np.concatenate(drawn), size, subsampling, seed),
        centre=centre,
        scale=scale,
        unit=unit,
        levels=levels,
        calibration=Calibration(np.array(tops) / unit, share),
        images=len(listed),
        seed=seed,
    )


@dataclass(frozen=True)
class Recipe:
    """How an image becomes patches."""

    patch: int
    stride: int
    spacing: tuple[float, ...]
    intensity: str
    position: float

    def prepared(self, function: str, image: Any, mask: Any, workers: int | None) -> Prepared:
        return prepared(function, image, mask, self.spacing, self.intensity, workers)

    def patches(
        self, ready: Prepared, workers: int | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_] | None]:
        """Rows of features, of the patches whose centres are inside the mask; and which of the grid these are."""
        counts, start = grid_of(ready.array.shape, self.stride)
        features = describe(ready.array, self.patch, self.stride, workers)
        if self.position:
            places = np.meshgrid(*(np.linspace(-0.5, 0.5, n) if n > 1 else [0.0] for n in counts), indexing="ij")
            where = 10 * self.position * np.stack(places, axis=-1)
            features = np.concatenate([features, where.astype(np.float32)], axis=-1)
        if ready.mask is None:
            return features.reshape(-1, features.shape[-1]), None
        inside = ready.mask[tuple(slice(s, None, self.stride) for s in start)]
        if not inside.any():
            # A region between the centres of patches.
            inside = np.ones_like(inside)
        return features[inside], inside


def recipe_of(
    function: str, patch: Any, stride: Any, spacing: tuple[float, ...], intensity: Any, position: Any
) -> Recipe:
    """Return a recipe whose numbers are checked, but for the spacing; without a stride a third of the patch."""
    edge = _check.integer(function, "patch", patch, minimum=3, maximum=255)
    if edge % 2 == 0:
        raise _check.fail(function, "patch", "be odd", patch)
    step = max(1, edge // 3) if stride is None else _check.integer(function, "stride", stride, minimum=1)
    _check.choice(function, "intensity", intensity, ("none", "zscore", "robust", "minmax"))
    return Recipe(edge, step, spacing, intensity, _check.real(function, "position", position, minimum=0.0))


@dataclass(frozen=True, eq=False)
class PatchMemory:
    """What patches of normal images look like; made by `fit_patches`.

    Parameters
    ----------
    recipe : object
        Size, stride, spacing and features of patches.
    neighbours : int
        See `fit_patches`.
    bank : (n, f) ndarray
        Features of the patches that are remembered.
    centre, scale : (f,) ndarray
        What features were centred on and divided by.
    unit : float
        The distance that 99 of 100 held-out normal patches stay below; it is 1 in heat maps.
    levels : (1001,) ndarray
        Quantiles of the distances of held-out normal patches, in this unit.
    calibration : Calibration
        Scores of normal images, each with a memory without it.
    images, seed : int
        Number of normal images; the seed.

    Examples
    --------
    >>> import numpy as np
    >>> flat = [np.random.default_rng(i).normal(0, 1, (32, 32)).astype(np.float32) for i in range(3)]
    >>> memory = fit_patches(flat, memory=50)
    >>> memory.bank.shape, memory.images
    ((50, 8), 3)
    """

    recipe: Any
    neighbours: int
    bank: Floats
    centre: Floats
    scale: Floats
    unit: float
    levels: Floats
    calibration: Calibration
    images: int
    seed: int = 0

    def score(self, image: Any, mask: Any = None, *, workers: int | None = None) -> AnomalyMap:
        """Say where an image differs from normal ones.

        Parameters
        ----------
        image : array_like, Volume, path-like or Source
            Like the normal images.
        mask : array_like, Volume or path-like, optional
            Where to look: patches whose centres are inside.
        workers : int, optional
            Number of threads; default: the library's setting.

        Returns
        -------
        AnomalyMap
            The heat of a patch is its distance in the unit of `PatchMemory`; between centres it is interpolated. The
            score is the mean over the ten hottest patches.
        """
        image = load(image)
        ready = self.recipe.prepared("score", image, mask, workers)
        rows, inside = self.recipe.patches(ready, workers)
        found = _distances(self.bank, self.neighbours, (rows - self.centre) / self.scale, workers) / self.unit
        score = _top(found)
        counts, start = grid_of(ready.array.shape, self.recipe.stride)
        values = np.zeros(counts, np.float32)
        values[... if inside is None else inside] = found.reshape(counts) if inside is None else found
        ratio, first = _onto(ready, self.recipe.stride, start)
        heat = to_grid(values, ready.shape, ratio, first, workers)
        if inside is not None and not inside.all():
            # Patches outside have no heat and must not cool those beside them.
            known = to_grid(inside.astype(np.float32), ready.shape, ratio, first, workers)
            np.divide(heat, known, out=heat, where=known > 1e-3)
        result, peak = finished(heat, ready)
        return AnomalyMap(
            heat=result,
            score=score,
            p_value=float(self.calibration.p_values(score)),
            outlier=bool(self.calibration.outliers(score)),
            peak=peak,
        )

    def p_values(self, heat: npt.ArrayLike) -> Floats:
        """Return the share of held-out normal patches that are at least as hot, to 0.001."""
        return 1.0 - np.searchsorted(self.levels, np.asarray(heat, np.float64), side="left") / len(self.levels)


def _onto(ready: Prepared, stride: int, start: Sequence[int]) -> tuple[list[float], list[float]]:
    """Stride and first centre of patches in voxels of the image as it was given; the middles of both coincide."""
    first = [
        (begin - (looked - 1) / 2) * step + (own - 1) / 2
        for begin, looked, step, own in zip(start, ready.array.shape, ready.step, ready.shape, strict=True)
    ]
    return [stride * step for step in ready.step], first


def _grid_spacing(function: str, first: Any, spacing: Any) -> tuple[float, ...]:
    image = load(first)
    ndim = np.ndim(image.array if hasattr(image, "spacing") else image)
    if spacing is None:
        return tuple(getattr(image, "spacing", (1.0,) * ndim))
    return _check.spacing(function, spacing, ndim)


def _coreset(rows: Floats, size: int, subsampling: str, seed: int) -> Floats:
    """At most `size` rows that stand for all."""
    if len(rows) <= size:
        return rows
    generator = np.random.default_rng([seed, len(rows)])
    if subsampling == "random":
        return rows[np.sort(generator.permutation(len(rows))[:size])]
    if len(rows) > _CANDIDATES * size:
        rows = rows[np.sort(generator.permutation(len(rows))[: _CANDIDATES * size])]
    # Gonzalez' greedy k-centre: the next is the row that is farthest from all that were taken.
    columns = np.ascontiguousarray(rows.T)
    nearest = np.full(len(rows), np.inf)
    squares, difference = np.empty(len(rows)), np.empty(len(rows))
    taken = np.empty(size, np.int64)
    taken[0] = generator.integers(len(rows))
    for number in range(size):
        squares[:] = 0
        for column in columns:
            np.subtract(column, column[taken[number]], out=difference)
            np.multiply(difference, difference, out=difference)
            squares += difference
        np.minimum(nearest, squares, out=nearest)
        if number + 1 < size:
            taken[number + 1] = nearest.argmax()
    return rows[np.sort(taken)]


def _distances(bank: Floats, neighbours: int, rows: Floats, workers: int | None) -> Floats:
    """Mean distance of each row to its nearest ones in the bank."""
    try:
        from sklearn.neighbors import NearestNeighbors
    except ImportError as error:
        raise BackendUnavailable(
            'anomaly detection needs scikit-learn; install it with: pip install "cormack[ml]"'
        ) from error
    near = min(neighbours, len(bank))
    # A tree compares row by row; matrix products would depend in their last digits on the number of threads.
    threads = get_num_threads() if workers in (None, -1) else workers
    tree = NearestNeighbors(n_neighbors=near, algorithm="kd_tree", n_jobs=threads).fit(bank)
    parts = [tree.kneighbors(rows[at : at + _QUERY])[0].mean(axis=1) for at in range(0, len(rows), _QUERY)]
    return np.concatenate(parts)


def _top(distances: Floats) -> float:
    """The score of an image: the mean over its oddest patches."""
    count = min(_TOP, distances.size)
    return float(np.sort(np.partition(distances, distances.size - count)[-count:]).mean())
