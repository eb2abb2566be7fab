"""PyRadiomics' intensity and texture features of one image of a discretised region."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .. import features
from ..features import _tone_difference

# Of textures in the extension, less some at the ends.
_MOST_LEVELS = 65_000
_EPSILON = float(np.spacing(1))
# Of all matrices of co-occurrences together, 8 bytes each and several times.
_MOST_CELLS = 1 << 26
_STEPS_2D = ((0, 0, 1), (0, 1, -1), (0, 1, 0), (0, 1, 1))
_STEPS_3D = (*_STEPS_2D, *((1, y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)))
# Names of the features by level and size, in the order of IBSI's short names.
BY_SIZE = {
    "glszm": {
        "SmallAreaEmphasis": "szm_sze",
        "LargeAreaEmphasis": "szm_lze",
        "LowGrayLevelZoneEmphasis": "szm_lgze",
        "HighGrayLevelZoneEmphasis": "szm_hgze",
        "SmallAreaLowGrayLevelEmphasis": "szm_szlge",
        "SmallAreaHighGrayLevelEmphasis": "szm_szhge",
        "LargeAreaLowGrayLevelEmphasis": "szm_lzlge",
        "LargeAreaHighGrayLevelEmphasis": "szm_lzhge",
        "GrayLevelNonUniformity": "szm_glnu",
        "GrayLevelNonUniformityNormalized": "szm_glnu_norm",
        "SizeZoneNonUniformity": "szm_zsnu",
        "SizeZoneNonUniformityNormalized": "szm_zsnu_norm",
        "ZonePercentage": "szm_z_perc",
        "GrayLevelVariance": "szm_gl_var",
        "ZoneVariance": "szm_zs_var",
        "ZoneEntropy": "szm_zs_entr",
    },
    "gldm": {
        "DependenceEntropy": "ngl_dc_entr",
        "DependenceNonUniformity": "ngl_dcnu",
        "DependenceNonUniformityNormalized": "ngl_dcnu_norm",
        "DependenceVariance": "ngl_dc_var",
        "GrayLevelNonUniformity": "ngl_glnu",
        "GrayLevelVariance": "ngl_gl_var",
        "HighGrayLevelEmphasis": "ngl_hgce",
        "LargeDependenceEmphasis": "ngl_hde",
        "LargeDependenceHighGrayLevelEmphasis": "ngl_hdhge",
        "LargeDependenceLowGrayLevelEmphasis": "ngl_hdlge",
        "LowGrayLevelEmphasis": "ngl_lgce",
        "SmallDependenceEmphasis": "ngl_lde",
        "SmallDependenceHighGrayLevelEmphasis": "ngl_ldhge",
        "SmallDependenceLowGrayLevelEmphasis": "ngl_ldlge",
    },
}


@dataclass(frozen=True)
class Region:
    """Image and region (z, y, x), cropped to the region, with the settings of the image type."""

    image: np.ndarray
    mask: np.ndarray
    spacing: tuple[float, ...]
    settings: Mapping[str, Any]

    @cached_property
    def values(self) -> np.ndarray:
        """Intensities inside."""
        inside: np.ndarray = self.image[self.mask].astype(np.float64)
        return inside

    @cached_property
    def edges(self) -> np.ndarray:
        """Edges of the bins: multiples of the bin width, or equal parts of the range."""
        low, high = float(self.values.min()), float(self.values.max())
        count = self.settings["binCount"]
        if count is not None:
            if count > _MOST_LEVELS:
                raise ValueError(f"`binCount` must be at most {_MOST_LEVELS}, got {count}")
            # In the type of the image, whose precision decides the bins of intensities at their edges.
            parts: np.ndarray = np.histogram_bin_edges(self.image[self.mask], count)
            parts[-1] += 1  # the last bin holds its upper edge
            return parts
        width = self.settings["binWidth"]
        if (high - low) / width > _MOST_LEVELS:
            raise ValueError(
                f"`binWidth` {width:g} makes more than {_MOST_LEVELS} grey levels of intensities from {low:g} to "
                f"{high:g}"
            )
        edges: np.ndarray = np.arange(low - low % width, high + 2 * width, width)
        return edges

    @cached_property
    def level_values(self) -> np.ndarray:
        """Grey levels inside."""
        levels: np.ndarray = np.digitize(self.values, self.edges).astype(np.int32)
        return levels

    @cached_property
    def levels(self) -> np.ndarray:
        """Grey levels from 1, and 0 outside; the axis across forced planes comes first."""
        result = np.zeros(self.mask.shape, np.int32)
        result[self.mask] = self.level_values
        moved: np.ndarray = np.moveaxis(result, self.plane_axis, 0)
        return moved

    @property
    def plane_axis(self) -> int:
        """The axis across the planes of 2-D textures; 0 in space, where it does not matter."""
        return int(self.settings["force2Ddimension"]) if self.flat else 0

    @property
    def flat(self) -> bool:
        """Whether textures stay in planes."""
        return bool(self.settings["force2D"])

    @property
    def texture_spacing(self) -> np.ndarray:
        """Spacing in the order of the axes of `levels`."""
        first = self.spacing[self.plane_axis]
        return np.array([first, *(s for axis, s in enumerate(self.spacing) if axis != self.plane_axis)])

    @property
    def by_slice(self) -> str:
        """How zones and neighbours of slices come together."""
        return "2.5D" if self.flat else "3D"


def first_order(region: Region) -> dict[str, float]:
    """Return the features of class firstorder."""
    x = region.values
    shifted = x + region.settings["voxelArrayShift"]
    energy = float((shifted * shifted).sum())
    mean = float(x.mean())
    centred = x - mean
    squares = centred * centred
    variance = float(squares.mean())
    p10, p25, median, p75, p90 = np.percentile(x, (10, 25, 50, 75, 90)).tolist()
    middle = x[(x >= p10) & (x <= p90)]
    p = np.bincount(region.level_values) / x.size
    return {
        "10Percentile": p10,
        "90Percentile": p90,
        "Energy": energy,
        "Entropy": float(-(p * np.log2(p + _EPSILON)).sum()),
        "InterquartileRange": p75 - p25,
        "Kurtosis": float((squares * squares).mean()) / variance**2 if variance > 0 else 0.0,
        "Maximum": float(x.max()),
        "Mean": mean,
        "MeanAbsoluteDeviation": float(np.abs(centred).mean()),
        "Median": median,
        "Minimum": float(x.min()),
        "Range": float(x.max() - x.min()),
        "RobustMeanAbsoluteDeviation": float(np.abs(middle - middle.mean()).mean()) if middle.size else math.nan,
        "RootMeanSquared": math.sqrt(energy / x.size),
        "Skewness": float((squares * centred).mean()) / variance**1.5 if variance > 0 else 0.0,
        "StandardDeviation": math.sqrt(variance),
        "TotalEnergy": energy * math.prod(region.spacing),
        "Uniformity": float((p * p).sum()),
        "Variance": variance,
    }


# --- Matrices of directions ----------------------------------------------------------------------------------------


def offsets_of(region: Region) -> list[tuple[int, ...]]:
    """Return one of each two opposite steps to the voxels at the distances (of the largest component)."""
    result: list[tuple[int, ...]] = []
    for distance in region.settings["distances"]:
        reach = range(-distance, distance + 1)
        for step in itertools.product((0,) if region.flat else reach, reach, reach):
            if max(map(abs, step)) == distance and step > (0, 0, 0):
                result.append(step)
    return result


def _pairs(levels: np.ndarray, step: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return where the first and the second voxel of all pairs a step apart lie."""
    here = tuple(slice(max(0, -s), max(0, n - max(0, s))) for s, n in zip(step, levels.shape, strict=True))
    there = tuple(slice(max(0, s), max(0, n + min(0, s))) for s, n in zip(step, levels.shape, strict=True))
    return here, there


def _lengths(region: Region, steps: list[tuple[int, ...]]) -> np.ndarray | None:
    """Return the lengths of steps in mm by the norm that is asked for; None where there is none."""
    norm = region.settings["weightingNorm"]
    if norm is None or norm == "no_weighting":
        return None
    apart = np.abs(np.array(steps)) * region.texture_spacing
    if norm == "manhattan":
        lengths: np.ndarray = apart.sum(axis=1)
    else:
        lengths = apart.max(axis=1) if norm == "infinity" else np.sqrt((apart * apart).sum(axis=1))
    return lengths


def _merged(region: Region, counts: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Return matrices that count, the weighted sum where there is a norm."""
    if region.settings["weightingNorm"] is not None:
        weights = np.ones(len(counts)) if weights is None else weights
        counts = (counts * weights[:, np.newaxis, np.newaxis]).sum(axis=0, keepdims=True)
    kept: np.ndarray = counts[counts.any(axis=(1, 2))]
    return kept


def _means(values: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return means over the directions that have a value; NaN where none has."""
    result = {}
    for name, value in values.items():
        known = value[~np.isnan(value)]
        result[name] = float(known.mean()) if known.size else math.nan
    return result


def _co_occurrences(region: Region) -> tuple[np.ndarray, np.ndarray, int]:
    """Return probabilities (direction, level, level), the levels that occur, and the highest of them."""
    levels = region.levels
    steps = offsets_of(region)
    present = np.unique(region.level_values)
    highest, n = int(present[-1]), len(present)
    if len(steps) * n * n > _MOST_CELLS:
        raise ValueError(f"glcm: {n} grey levels are too many; use a larger `binWidth`")
    # Levels that occur nowhere would only take memory.
    index = np.zeros(highest + 1, np.int32)
    index[present] = np.arange(1, n + 1)
    ranks = index[levels]
    symmetric = region.settings["symmetricalGLCM"]
    if symmetric and region.settings["distances"] == [1]:
        how = "2.5D direction-merged" if region.flat else "3D averaged"
        counts = features.glcm_matrix(ranks, aggregation=how).astype(np.float64)
        steps = list(_STEPS_2D if region.flat else _STEPS_3D)
    else:
        counts = np.zeros((len(steps), n, n))
        for which, step in enumerate(steps):
            here, there = _pairs(levels, step)
            first, second = ranks[here].astype(np.int64), ranks[there]
            both = (first > 0) & (second > 0)
            pairs = (first[both] - 1) * n + (second[both] - 1)
            counts[which] = np.bincount(pairs, minlength=n * n).reshape(n, n)
        if symmetric:
            counts = counts + counts.swapaxes(1, 2)
    lengths = _lengths(region, steps)
    counts = _merged(region, counts, None if lengths is None else np.exp(-(lengths**2)))
    return counts / counts.sum(axis=(1, 2), keepdims=True), present, highest


def glcm(region: Region) -> dict[str, float]:
    """Return the features of class glcm: means over the directions; NaN where no voxels are a distance apart."""
    p, present, highest = _co_occurrences(region)
    level = present.astype(np.float64)
    px, py = p.sum(axis=2), p.sum(axis=1)
    ux, uy = px @ level, py @ level
    dx, dy = level - ux[:, np.newaxis], level - uy[:, np.newaxis]
    sigma = np.sqrt((px * dx * dx).sum(axis=1) * (py * dy * dy).sum(axis=1))
    total = (present[:, np.newaxis] + present).ravel()
    apart = np.abs(present[:, np.newaxis] - present).ravel()
    flat = p.reshape(len(p), len(level) ** 2)
    p_sum, p_apart = np.zeros((len(p), 2 * highest + 1)), np.zeros((len(p), highest))
    for which, one in enumerate(flat):
        p_sum[which] = np.bincount(total, one, 2 * highest + 1)
        p_apart[which] = np.bincount(apart, one, highest)
    sums, k = np.arange(p_sum.shape[1], dtype=np.float64), np.arange(p_apart.shape[1], dtype=np.float64)

    def entropy(q: np.ndarray) -> np.ndarray:
        bits: np.ndarray = -(q * np.log2(q + _EPSILON)).sum(axis=tuple(range(1, q.ndim)))
        return bits

    independent = px[:, :, np.newaxis] * py[:, np.newaxis, :]
    hx, hy, hxy = entropy(px), entropy(py), entropy(p)
    hxy1 = -(p * np.log2(independent + _EPSILON)).sum(axis=(1, 2))
    hxy2 = entropy(independent)
    around = sums - (ux + uy)[:, np.newaxis]
    product = np.einsum("aij,i,j->a", p, level, level)
    correlation = np.where(sigma > 0, (product - ux * uy) / (sigma + _EPSILON), 1.0)
    largest = np.maximum(hx, hy)
    imc1 = np.divide(hxy - hxy1, largest, out=np.zeros_like(hx), where=largest != 0)
    imc2 = np.sqrt(np.where(hxy2 > hxy, 1 - np.exp(-2 * np.maximum(hxy2 - hxy, 0)), 0.0))
    mean_apart = p_apart @ k
    values = {
        "Autocorrelation": product,
        "ClusterProminence": (p_sum * around**4).sum(axis=1),
        "ClusterShade": (p_sum * around**3).sum(axis=1),
        "ClusterTendency": (p_sum * around**2).sum(axis=1),
        "Contrast": p_apart @ k**2,
        "Correlation": correlation,
        "DifferenceAverage": mean_apart,
        "DifferenceEntropy": entropy(p_apart),
        "DifferenceVariance": (p_apart * (k - mean_apart[:, np.newaxis]) ** 2).sum(axis=1),
        "Id": p_apart @ (1 / (1 + k)),
        "Idm": p_apart @ (1 / (1 + k * k)),
        "Idmn": p_apart @ (1 / (1 + (k / highest) ** 2)),
        "Idn": p_apart @ (1 / (1 + k / highest)),
        "Imc1": imc1,
        "Imc2": imc2,
        "InverseVariance": p_apart[:, 1:] @ (1 / k[1:] ** 2),
        "JointAverage": ux,
        "JointEnergy": (flat * flat).sum(axis=1),
        "JointEntropy": hxy,
        "MCC": _maximal_correlation(p, px, py),
        "MaximumProbability": flat.max(axis=1),
        "SumAverage": p_sum @ sums,
        "SumEntropy": entropy(p_sum),
        "SumSquares": (px * dx * dx).sum(axis=1),
    }
    return _means(values)


def _maximal_correlation(p: np.ndarray, px: np.ndarray, py: np.ndarray) -> np.ndarray:
    """Return the root of the second largest eigenvalue of Q(i, j) = sum over k of p(i, k) p(j, k) / (px(i) py(k))."""
    if p.shape[1] < 2:
        return np.ones(len(p))
    # Q is similar to B B^T, whose eigenvalues are the squares of B's singular values.
    scale = np.sqrt(px[:, :, np.newaxis] * py[:, np.newaxis, :])
    b = np.divide(p, scale, out=np.zeros_like(p), where=scale > 0)
    if np.array_equal(b, b.swapaxes(1, 2)):
        singular = np.sort(np.abs(np.linalg.eigvalsh(b)), axis=1)
    else:
        singular = np.linalg.svd(b, compute_uv=False)[:, ::-1]
    second: np.ndarray = singular[:, -2]
    return second


def _has_neighbours(inside: np.ndarray, step: tuple[int, ...]) -> bool:
    """Return whether a line along a step holds two voxels, near or far."""
    voxels = np.argwhere(inside)
    axis = int(np.flatnonzero(step)[0])
    starts = voxels - voxels[:, axis, np.newaxis] * np.array(step) * step[axis]
    return len(np.unique(starts, axis=0)) < len(starts)


# --- Matrices of levels and sizes ----------------------------------------------------------------------------------


def glrlm(region: Region) -> dict[str, float]:
    """Return the features of class glrlm: means over the directions."""
    how = "2.5D direction-merged" if region.flat else "3D averaged"
    counts = features.glrlm_matrix(region.levels, aggregation=how).astype(np.float64)
    steps: list[tuple[int, ...]] = list(_STEPS_2D if region.flat else _STEPS_3D)
    for which, step in enumerate(steps):
        if not counts[which, :, 1:].any() and not _has_neighbours(region.levels > 0, step):
            counts[which] = 0
    # Unlike co-occurrences, runs weigh as much as their direction is long.
    counts = _merged(region, counts, _lengths(region, steps))
    i = np.arange(1.0, counts.shape[1] + 1)
    j = np.arange(1.0, counts.shape[2] + 1)
    total = counts.sum(axis=(1, 2))
    of_level, of_length = counts.sum(axis=2), counts.sum(axis=1)
    p_level, p_length = of_level / total[:, np.newaxis], of_length / total[:, np.newaxis]
    p = counts / total[:, np.newaxis, np.newaxis]
    i2, j2 = i * i, j * j
    values = {
        "GrayLevelNonUniformity": (of_level**2).sum(axis=1) / total,
        "GrayLevelNonUniformityNormalized": (p_level**2).sum(axis=1),
        "GrayLevelVariance": (p_level * (i - (p_level @ i)[:, np.newaxis]) ** 2).sum(axis=1),
        "HighGrayLevelRunEmphasis": p_level @ i2,
        "LongRunEmphasis": p_length @ j2,
        "LongRunHighGrayLevelEmphasis": np.einsum("aij,i,j->a", p, i2, j2),
        "LongRunLowGrayLevelEmphasis": np.einsum("aij,i,j->a", p, 1 / i2, j2),
        "LowGrayLevelRunEmphasis": p_level @ (1 / i2),
        "RunEntropy": -(p * np.log2(p + _EPSILON)).sum(axis=(1, 2)),
        "RunLengthNonUniformity": (of_length**2).sum(axis=1) / total,
        "RunLengthNonUniformityNormalized": (p_length**2).sum(axis=1),
        "RunPercentage": total / (of_length @ j),
        "RunVariance": (p_length * (j - (p_length @ j)[:, np.newaxis]) ** 2).sum(axis=1),
        "ShortRunEmphasis": p_length @ (1 / j2),
        "ShortRunHighGrayLevelEmphasis": np.einsum("aij,i,j->a", p, i2, 1 / j2),
        "ShortRunLowGrayLevelEmphasis": np.einsum("aij,i,j->a", p, 1 / i2, 1 / j2),
    }
    return _means(values)


def _renamed(family: str, ours: Mapping[str, float]) -> dict[str, float]:
    names = BY_SIZE[family]
    return {name: ours[names[name]] for name in sorted(names)}


def glszm(region: Region) -> dict[str, float]:
    """Return the features of class glszm."""
    return _renamed("glszm", features.glszm(region.levels, aggregation=region.by_slice))


def reach_of(region: Region) -> int | None:
    """Return the size of the neighbourhood: the distances up to the largest; None where one of them is left out."""
    distances = sorted(region.settings["distances"])
    return len(distances) if distances == list(range(1, len(distances) + 1)) else None


def _neighbours(region: Region) -> Iterator[tuple[tuple[slice, ...], np.ndarray, np.ndarray]]:
    """Give for each neighbour where voxels have it, which of those are inside with it, and its levels."""
    levels = region.levels
    for step in offsets_of(region):
        for here, there in (_pairs(levels, step), _pairs(levels, tuple(-s for s in step))):
            yield here, (levels[here] > 0) & (levels[there] > 0), levels[there]


def gldm(region: Region) -> dict[str, float]:
    """Return the features of class gldm."""
    reach, apart = reach_of(region), math.floor(region.settings["gldm_a"])
    if reach is not None:
        found = features.ngldm(region.levels, aggregation=region.by_slice, distance=reach, coarseness=apart)
        return _renamed("gldm", found)
    levels = region.levels
    dependent = np.zeros(levels.shape, np.int64)
    for here, both, there in _neighbours(region):
        dependent[here] += both & (np.abs(levels[here] - there) <= apart)
    place, counts = np.unique(np.stack((levels[levels > 0], dependent[levels > 0] + 1)), axis=1, return_counts=True)
    i, j = place.astype(np.float64)
    p = counts / counts.sum()
    of_level, of_size = np.bincount(place[0], counts), np.bincount(place[1], counts)
    i2, j2 = i * i, j * j
    return {
        "DependenceEntropy": float(-(p * np.log2(p + _EPSILON)).sum()),
        "DependenceNonUniformity": float((of_size**2).sum() / counts.sum()),
        "DependenceNonUniformityNormalized": float((of_size**2).sum() / counts.sum() ** 2),
        "DependenceVariance": float((p * (j - p @ j) ** 2).sum()),
        "GrayLevelNonUniformity": float((of_level**2).sum() / counts.sum()),
        "GrayLevelVariance": float((p * (i - p @ i) ** 2).sum()),
        "HighGrayLevelEmphasis": float(p @ i2),
        "LargeDependenceEmphasis": float(p @ j2),
        "LargeDependenceHighGrayLevelEmphasis": float(p @ (i2 * j2)),
        "LargeDependenceLowGrayLevelEmphasis": float(p @ (j2 / i2)),
        "LowGrayLevelEmphasis": float(p @ (1 / i2)),
        "SmallDependenceEmphasis": float(p @ (1 / j2)),
        "SmallDependenceHighGrayLevelEmphasis": float(p @ (i2 / j2)),
        "SmallDependenceLowGrayLevelEmphasis": float(p @ (1 / (i2 * j2))),
    }


def ngtdm(region: Region) -> dict[str, float]:
    """Return the features of class ngtdm: IBSI's, but of all voxels, also of those without a neighbour."""
    levels, reach = region.levels, reach_of(region)
    voxels = np.bincount(region.level_values).astype(np.float64)
    if reach is not None:
        differences = features.ngtdm_matrix(levels, aggregation=region.by_slice, distance=reach)[:, 0]
    else:
        total, count = np.zeros(levels.shape), np.zeros(levels.shape, np.int64)
        for here, both, there in _neighbours(region):
            total[here] += np.where(both, there, 0)
            count[here] += both
        inside = count > 0
        apart = np.abs(levels[inside] - total[inside] / count[inside])
        differences = np.bincount(levels[inside], apart, len(voxels))[1:]
    values = _tone_difference.features_of(np.stack((differences, voxels[1:]), axis=1)[np.newaxis])
    names = ("Coarseness", "Contrast", "Busyness", "Complexity", "Strength")
    return dict(zip(names, values, strict=True))
