"""Feature maps: what a feature is in the neighbourhood of each voxel of a region."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np

from .. import _check
from . import _texture
from ._region import box_of, region_of, settings_of, taken_with_mask
from ._settings import RadiomicsSettings

_NAME = "feature_map"
_Array = np.ndarray
# Windows of more voxels than this are regions of their own.
_LARGEST_RADIUS = 7


def feature_map(
    image: Any,
    mask: Any,
    feature: str,
    *,
    radius: int = 1,
    settings: RadiomicsSettings | Mapping[str, Any] | None = None,
    label: int | None = None,
) -> Any:
    """Compute a feature in the neighbourhood of every voxel of a region.

    Parameters
    ----------
    image : array_like or Volume
        2-D or 3-D image, (y, x) or (z, y, x).
    mask : array_like or Volume
        The region, of the image's shape.
    feature : str
        Intensities: ``"stat_mean"``, ``"stat_var"``, ``"stat_skew"``, ``"stat_kurt"``, ``"stat_min"``, ``"stat_max"``,
        ``"stat_range"``, ``"stat_mad"``, ``"stat_energy"``, ``"stat_rms"``. Co-occurrence, merged over directions:
        ``"cm_joint_avg"``, ``"cm_joint_var"``, ``"cm_diff_avg"``, ``"cm_diff_var"``, ``"cm_sum_avg"``,
        ``"cm_sum_var"``, ``"cm_contrast"``, ``"cm_dissimilarity"``, ``"cm_inv_diff"``, ``"cm_inv_diff_norm"``,
        ``"cm_inv_diff_mom"``, ``"cm_inv_diff_mom_norm"``, ``"cm_inv_var"``, ``"cm_corr"``, ``"cm_auto_corr"``,
        ``"cm_clust_tend"``.
    radius : int, default 1
        The neighbourhood is the cube (square) of ``2 * radius + 1`` voxels along each axis, at most 15, as far as it
        lies in the region; with the setting ``dimension="2D"``, the square in the slice.
    settings : RadiomicsSettings or mapping, optional
        Re-segmentation, discretisation, distance and dimension, as in `radiomics`; grey levels are made once, for the
        whole region. There is no resampling here: `resample` first.
    label : int, optional
        The region is where the mask has this value. Default: where it is not zero.

    Returns
    -------
    ndarray of float64 or Volume
        Same shape as `image`. NaN outside the region, and for co-occurrence where no two voxels of a neighbourhood are
        at the distance.

    Raises
    ------
    ValueError
        If there is no map of the feature, and as `radiomics` about the region and the settings.

    See Also
    --------
    radiomics, glcm, first_order

    Notes
    -----
    Sums over shifted copies of the box around the region, which take some ten arrays of its size in float64: no
    neighbourhood is visited twice. Features that need the whole matrix of each neighbourhood, as entropies, have no
    map. Intensities are summed in a fixed order, and what the features of co-occurrence sum up of whole numbers is
    exact.

    References
    ----------
    .. [1] A. Zwanenburg et al., "Image biomarker standardisation initiative reference manual", arXiv:1612.07003.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> ct = np.array([[1, 1, 7], [1, 4, 4], [9, 4, 4]], np.int16)
    >>> features.feature_map(ct, ct < 9, "stat_mean")
    array([[1.75, 3.  , 4.  ],
           [2.2 , 3.25, 4.  ],
           [ nan, 3.4 , 4.  ]])
    """
    known = [*_OF_INTENSITIES, *_OF_PAIRS]
    _check.choice(_NAME, "feature", feature, known)
    reach = _check.integer(_NAME, "radius", radius, minimum=1)
    if reach > _LARGEST_RADIUS:
        raise _check.fail(_NAME, "radius", f"be at most {_LARGEST_RADIUS}", radius)
    taken, regions = taken_with_mask(_NAME, image, mask)
    how = settings_of(_NAME, settings)
    if how.new_spacing is not None:
        raise ValueError(f"{_NAME}: `settings` must have no new spacing, got {how.new_spacing}; call resample first")
    number = None if label is None else _check.integer(_NAME, "label", label)
    box = box_of(regions.array, number, 0)
    region = region_of(taken.array, regions.array, (1.0,) * taken.array.ndim, how, number, box, 0)
    inside = region.intensity_mask
    in_slice = region.settings.dimension == "2D" or inside.ndim == 2
    shape = (1, *inside.shape) if inside.ndim == 2 else inside.shape
    radii = (0 if in_slice else reach, reach, reach)
    there = inside.reshape(shape)
    if feature in _OF_INTENSITIES:
        values = np.where(inside, region.image, 0).astype(np.float64).reshape(shape)
        found = _OF_INTENSITIES[feature](values, there, radii)
    else:
        levels, count = region.levels
        steps = _texture.DIRECTIONS_2D if in_slice else _texture.DIRECTIONS_3D
        distance = region.settings.distance
        pairs = _Pairs(levels.reshape(shape).astype(np.int64), there, radii, steps, distance)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = _OF_PAIRS[feature](pairs, count)
        found = np.where(pairs.count > 0, found, np.nan)
    result = np.full(taken.array.shape, np.nan)
    result[box] = np.where(there, found, np.nan).reshape(inside.shape)
    return taken.give_back(result)


def _part(n: int, shift: int) -> tuple[slice, slice]:
    """Return where values go and where they come from, if result[i] is values[i + shift]."""
    return slice(max(0, -shift), max(0, n - max(0, shift))), slice(max(0, shift), max(0, n + min(0, shift)))


def _shifts(radii: tuple[int, ...], shape: tuple[int, ...]) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Yield, for each neighbour, the voxels that have it and where it is."""
    for shift in product(*(range(-radius, radius + 1) for radius in radii)):
        to, source = zip(*(_part(n, step) for n, step in zip(shape, shift, strict=True)), strict=True)
        yield to, source


def _count(there: _Array, radii: tuple[int, ...]) -> _Array:
    return _window(there.astype(np.int64), [(-radius, radius) for radius in radii])


def _window(values: _Array, ends: list[tuple[int, int]]) -> _Array:
    """Sum over a box of neighbours, axis by axis."""
    for axis, (first, last) in enumerate(ends):
        result = np.zeros_like(values)
        for shift in range(first, last + 1):
            to, source = _part(values.shape[axis], shift)
            index = (slice(None),) * axis
            result[(*index, to)] += values[(*index, source)]
        values = result
    return values


def _mean(values: _Array, there: _Array, radii: tuple[int, ...]) -> _Array:
    mean: _Array = _window(values, [(-r, r) for r in radii]) / np.maximum(_count(there, radii), 1)
    return mean


def _central(values: _Array, there: _Array, radii: tuple[int, ...], of: Callable[[_Array], _Array]) -> _Array:
    """Return the mean of a function of what intensities are above the neighbourhood's mean."""
    mean, total = _mean(values, there, radii), np.zeros(values.shape)
    for to, source in _shifts(radii, values.shape):
        total[to] += np.where(there[source], of(values[source] - mean[to]), 0.0)
    result: _Array = total / np.maximum(_count(there, radii), 1)
    return result


def _extreme(values: _Array, there: _Array, radii: tuple[int, ...], least: bool) -> _Array:
    chosen, none = (np.minimum, np.inf) if least else (np.maximum, -np.inf)
    values = np.where(there, values, none)
    result = np.full(values.shape, none)
    for to, source in _shifts(radii, values.shape):
        chosen(result[to], values[source], out=result[to])
    return result


def _standardised(values: _Array, there: _Array, radii: tuple[int, ...], power: int) -> _Array:
    variance = _central(values, there, radii, np.square)
    # One intensity has no skewness, whatever rounding leaves of its variance.
    varies = _extreme(values, there, radii, True) < _extreme(values, there, radii, False)
    moment = _central(values, there, radii, lambda d: d**power)
    result: _Array = moment / np.where(varies, variance, 1.0) ** (power / 2) - (3.0 if power == 4 else 0.0)
    return np.where(varies, result, 0.0)


_OF_INTENSITIES: dict[str, Callable[[_Array, _Array, tuple[int, ...]], _Array]] = {
    "stat_mean": _mean,
    "stat_var": lambda v, m, r: _central(v, m, r, np.square),
    "stat_skew": lambda v, m, r: _standardised(v, m, r, 3),
    "stat_kurt": lambda v, m, r: _standardised(v, m, r, 4),
    "stat_min": lambda v, m, r: _extreme(v, m, r, True),
    "stat_max": lambda v, m, r: _extreme(v, m, r, False),
    "stat_range": lambda v, m, r: _extreme(v, m, r, False) - _extreme(v, m, r, True),
    "stat_mad": lambda v, m, r: _central(v, m, r, np.abs),
    "stat_energy": lambda v, m, r: _window(v * v, [(-k, k) for k in r]),
    "stat_rms": lambda v, m, r: np.sqrt(_mean(v * v, m, r)),
}


class _Pairs:
    """Sums over the pairs of neighbours that lie in each voxel's neighbourhood."""

    def __init__(self, levels: _Array, there: _Array, radii: tuple[int, ...], steps: Any, distance: int) -> None:
        self._levels, self._there, self._radii = levels, there, radii
        self._steps = [tuple(distance * axis for axis in step) for step in steps]
        self.count = self.sum(lambda i, j: np.ones_like(i))
        self.levels = self.sum(lambda i, j: i + j)

    def sum(self, of: Callable[[_Array, _Array], _Array]) -> _Array:
        """Return the sums of a symmetric function of both levels."""
        total: Any = 0
        for step in self._steps:
            to, source = zip(*(_part(n, k) for n, k in zip(self._levels.shape, step, strict=True)), strict=True)
            both = self._there[to] & self._there[source]
            values = np.where(both, of(self._levels[to], self._levels[source]), 0)
            pairs = np.zeros(self._levels.shape, values.dtype)
            pairs[to] = values
            ends = [(-r + max(0, -k), r - max(0, k)) for r, k in zip(self._radii, step, strict=True)]
            total = total + _window(pairs, ends)
        result: _Array = total
        return result

    def mean(self, of: Callable[[_Array, _Array], _Array]) -> _Array:
        """Return the means of a symmetric function of both levels."""
        result: _Array = self.sum(of) / self.count
        return result

    def of_difference(self, of: Callable[[_Array], _Array]) -> _Array:
        """Return the means of a function of how far levels are apart."""
        return self.mean(lambda i, j: of(np.abs(i - j)))


def _joint_variance(p: _Pairs) -> _Array:
    squares = p.sum(lambda i, j: i * i + j * j)
    result: _Array = (2 * p.count * squares - p.levels**2) / (4.0 * p.count**2)
    return result


def _tendency(p: _Pairs) -> _Array:
    result: _Array = (p.count * p.sum(lambda i, j: (i + j) ** 2) - p.levels**2) / (1.0 * p.count**2)
    return result


def _contrast(p: _Pairs) -> _Array:
    return p.of_difference(np.square)


def _difference_variance(p: _Pairs) -> _Array:
    apart, squares = p.sum(lambda i, j: np.abs(i - j)), p.sum(lambda i, j: (i - j) ** 2)
    result: _Array = (p.count * squares - apart**2) / (1.0 * p.count**2)
    return result


def _correlation(p: _Pairs) -> _Array:
    variance = _joint_variance(p)
    return np.where(variance > 0, (_tendency(p) - _contrast(p)) / (4 * variance), 1.0)


_OF_PAIRS: dict[str, Callable[[_Pairs, int], _Array]] = {
    "cm_joint_avg": lambda p, n: p.levels / (2.0 * p.count),
    "cm_joint_var": lambda p, n: _joint_variance(p),
    "cm_diff_avg": lambda p, n: p.of_difference(np.abs),
    "cm_diff_var": lambda p, n: _difference_variance(p),
    "cm_sum_avg": lambda p, n: p.levels / p.count,
    "cm_sum_var": lambda p, n: _tendency(p),
    "cm_contrast": lambda p, n: _contrast(p),
    "cm_dissimilarity": lambda p, n: p.of_difference(np.abs),
    "cm_inv_diff": lambda p, n: p.of_difference(lambda d: 1 / (1 + d)),
    "cm_inv_diff_norm": lambda p, n: p.of_difference(lambda d: 1 / (1 + d / n)),
    "cm_inv_diff_mom": lambda p, n: p.of_difference(lambda d: 1 / (1 + d * d)),
    "cm_inv_diff_mom_norm": lambda p, n: p.of_difference(lambda d: 1 / (1 + d * d / n**2)),
    "cm_inv_var": lambda p, n: p.of_difference(lambda d: np.where(d > 0, 1 / np.maximum(d, 1) ** 2, 0.0)),
    "cm_corr": lambda p, n: _correlation(p),
    "cm_auto_corr": lambda p, n: p.mean(lambda i, j: i * j),
    "cm_clust_tend": lambda p, n: _tendency(p),
}
