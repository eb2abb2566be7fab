"""Feature maps: what features are in the neighbourhood of each voxel of a region."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import take_mask
from . import _texture
from ._haralick import HARALICK
from ._region import box_of, region_of, settings_of, taken_with_mask
from ._settings import RadiomicsSettings

_NAME = "feature_map"
# Windows of more voxels than this are regions of their own.
_LARGEST_RADIUS = 7
# Function and IBSI code of the families that have maps, in the order of the extension.
_FAMILIES = {
    "first_order": "UHIW",
    "intensity_histogram": "ZVCW",
    "glcm": "LFYI",
    "glrlm": "TP0I",
    "glszm": "9SAK",
    "gldzm": "VMDZ",
    "ngtdm": "IPET",
    "ngldm": "REK0",
}
# Of each feature: family and place in it.
_FEATURES = {
    name: (family, index)
    for family, code in enumerate(_FAMILIES.values())
    for index, name in enumerate(_texture.names_of(code))
}
# Haralick's 14th feature of co-occurrence, which is not in IBSI.
MAXIMAL_CORRELATION = "maximal correlation coefficient"
_FEATURES[MAXIMAL_CORRELATION] = (_FEATURES["cm_info_corr2"][0], _FEATURES["cm_info_corr2"][1] + 1)


def feature_map(
    image: Any,
    mask: Any,
    feature: str | Iterable[str],
    *,
    radius: int = 1,
    settings: RadiomicsSettings | Mapping[str, Any] | None = None,
    label: int | None = None,
    neighbourhood_mask: Any = None,
    workers: int | None = None,
) -> Any:
    """Compute features in the neighbourhood of every voxel of a region.

    Parameters
    ----------
    image : array_like or Volume
        2-D or 3-D image, (y, x) or (z, y, x).
    mask : array_like or Volume
        The region, of the image's shape.
    feature : str or sequence of str
        Short names of features, as ``"stat_mean"`` or ``"cm_contrast"``; names of `HARALICK`, as ``"entropy"``, and his
        14th, ``"maximal correlation coefficient"``; or whole families: ``"first_order"``, ``"intensity_histogram"``,
        ``"glcm"``, ``"glrlm"``, ``"glszm"``, ``"gldzm"``, ``"ngtdm"``, ``"ngldm"``.
        Features of one family share its matrix: ask for them in one call.
    radius : int, default 1
        The neighbourhood is the cube (square) of ``2 * radius + 1`` voxels along each axis, at most 15, as far as it
        lies in the region; with the setting ``dimension="2D"``, the square in the slice.
    settings : RadiomicsSettings or mapping, optional
        Re-segmentation, discretisation, distance, coarseness and dimension, as in `radiomics`; grey levels are made
        once, for the whole region. One of `aggregations` says whether directions are merged, the default, or averaged.
        There is no resampling here: `resample` first.
    label : int, optional
        The region is where the mask has this value. Default: where it is not zero.
    neighbourhood_mask : array_like, optional
        The voxels that neighbourhoods consist of and grey levels are made for: where it is not zero. It must hold the
        region. Default: the region.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    ndarray of float64 or Volume
        Same shape as `image`. NaN outside the region, for co-occurrence where no two voxels of a neighbourhood are at
        the distance, and where the feature is NaN for a region, as ``stat_rmad`` of two intensities.
    dict of str to these
        For a family, or a sequence: by the names that were asked for, families by their features' names.

    Raises
    ------
    ValueError
        If there is no map of the feature, and as `radiomics` about the region and the settings.

    See Also
    --------
    radiomics, definitions, HARALICK

    Notes
    -----
    Each value is what `first_order`, `intensity_histogram`, `glcm`, ... give for the neighbourhood as a region of its
    own, with the number of levels of the whole region; zones end, and edges are, where the neighbourhood ends. Sums run
    in another order than there: values agree to about 1e-12 of their size, those that are differences of larger ones
    to that of these (``cm_info_corr2``, a square root, to 1e-7 near 0).

    The maximal correlation coefficient is the root of the second largest eigenvalue of a matrix of all levels of the
    neighbourhood [2]_, 0 where it has one level; it takes some ten times as long as all other features.

    Each neighbourhood is copied and counted in tables of the levels that occur in it; a map of radius 1 takes about a
    microsecond for each voxel and family. The same bits for any number of threads and any strides. Memory beyond the
    maps, which are of the whole image: 2 bytes for each voxel of the box around the region.

    References
    ----------
    .. [1] A. Zwanenburg et al., "Image biomarker standardisation initiative reference manual", arXiv:1612.07003.
    .. [2] R. M. Haralick, K. Shanmugam, I. Dinstein, "Textural features for image classification", IEEE Transactions
       on Systems, Man, and Cybernetics 3(6), 1973.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> ct = np.array([[1, 1, 7], [1, 4, 4], [9, 4, 4]], np.int16)
    >>> features.feature_map(ct, ct < 9, "stat_mean")
    array([[1.75, 3.  , 4.  ],
           [2.2 , 3.25, 4.  ],
           [ nan, 3.4 , 4.  ]])
    >>> maps = features.feature_map(ct, ct < 9, ["entropy", "rlm_sre"], settings={"bin_number": 4})
    >>> maps["entropy"].round(2)[0]
    array([1.5 , 2.75, 2.75])
    >>> len(features.feature_map(ct, ct < 9, "glcm"))
    25
    """
    wanted = _wanted(feature)
    reach = _check.integer(_NAME, "radius", radius, minimum=1)
    if reach > _LARGEST_RADIUS:
        raise _check.fail(_NAME, "radius", f"be at most {_LARGEST_RADIUS}", radius)
    taken, regions = taken_with_mask(_NAME, image, mask)
    how = settings_of(_NAME, settings)
    if how.new_spacing is not None:
        raise ValueError(f"{_NAME}: `settings` must have no new spacing, got {how.new_spacing}; call resample first")
    ndim = taken.array.ndim
    averaged = _averages(how, ndim)
    number = None if label is None else _check.integer(_NAME, "label", label)
    threads = _check.workers(_NAME, workers)
    box = box_of(_NAME, regions.array, number, threads)
    labels, centers = regions.array, None
    around = take_mask(_NAME, "neighbourhood_mask", neighbourhood_mask, taken.array.shape, image)
    if around is not None:
        centers = labels != 0 if number is None else labels == number
        if (centers & (around == 0)).any():
            raise ValueError(f"{_NAME}: `neighbourhood_mask` must hold the region, got voxels of it outside")
        labels, number, box = around, None, box_of(_NAME, around, None, threads)
    region = region_of(_NAME, taken.array, labels, (1.0,) * ndim, how, number, box, threads)
    in_slice = how.dimension == "2D" or ndim == 2
    steps = _texture.DIRECTIONS_2D if in_slice else _texture.DIRECTIONS_3D
    names = list(dict.fromkeys(wanted.values()))
    maps = {name: np.full(taken.array.shape, np.nan) for name in names}
    fill_maps(
        {name: values[box] for name, values in maps.items()},
        region.image,
        Masks(
            region.intensity_mask if centers is None else centers[box],
            region.intensity_mask,
            region.mask,
        ),
        lambda: region.levels,
        Neighbourhood(
            reach,
            in_slice,
            tuple(tuple(how.distance * axis for axis in step) for step in steps),
            how.distance,
            how.coarseness,
            averaged,
        ),
        threads,
    )
    if isinstance(feature, str) and feature not in _FAMILIES:
        return taken.give_back(maps[names[0]])
    return {asked: taken.give_back(maps[name]) for asked, name in wanted.items()}


@dataclass(frozen=True, slots=True)
class Masks:
    """The voxels that have a map, those that neighbourhoods consist of, and those whose edge distances go to."""

    centers: np.ndarray
    inside: np.ndarray
    edges: np.ndarray


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """What is looked at around each voxel."""

    radius: int
    in_slice: bool
    offsets: tuple[tuple[int, ...], ...]
    """Of pairs that co-occur, one of each two opposite ones."""
    distance: int
    coarseness: int
    averaged: bool
    as_pyradiomics: bool = False
    """Whether tone differences count voxels without a neighbour, and runs leave out directions without neighbours."""


def fill_maps(
    maps: Mapping[str, np.ndarray],
    image: np.ndarray,
    masks: Masks,
    levels: Callable[[], tuple[np.ndarray, int]],
    neighbourhood: Neighbourhood,
    workers: int,
) -> None:
    """Write the features of each voxel's neighbourhood into maps by name, all of one box, that `masks.edges` fills.

    `levels` gives grey levels, 0 outside, and their number, for features that need them.
    """
    places = [_FEATURES[name] for name in maps]
    prepared: _cormack_cpu.Levels | None = None
    if any(family for family, _ in places):
        found, count = levels()
        _texture.check_count(_NAME, count)
        region = _texture.region_of(
            _NAME,
            found,
            masks.inside,
            level_count=count,
            reach=neighbourhood.radius,
            morphological_mask=masks.edges,
            workers=workers or None,
        )
        # Whose levels are on the CPU, as `found` is.
        assert isinstance(region.levels, _cormack_cpu.Levels)
        prepared = region.levels
    _cormack_cpu.feature_map(
        image,
        masks.centers,
        masks.inside,
        masks.edges,
        prepared,
        places,
        list(maps.values()),
        neighbourhood.radius,
        neighbourhood.in_slice,
        neighbourhood.offsets,
        neighbourhood.distance,
        neighbourhood.coarseness,
        neighbourhood.averaged,
        neighbourhood.as_pyradiomics,
        workers,
    )


def _wanted(feature: Any) -> dict[str, str]:
    """Return the short names of features by the names that were asked for."""
    if isinstance(feature, str):
        asked = [feature]
    elif isinstance(feature, Iterable):
        asked = list(feature)
    else:
        raise _check.fail(_NAME, "feature", "be a name or a sequence of names", feature, TypeError)
    if not asked:
        raise _check.fail(_NAME, "feature", "name at least one", feature)
    result: dict[str, str] = {}
    for name in asked:
        if name in _FAMILIES:
            result.update((each, each) for each in _texture.names_of(_FAMILIES[name]))
        elif name in _FEATURES:
            result[name] = name
        elif isinstance(name, str) and name.lower() in HARALICK:
            result[name] = HARALICK[name.lower()]
        else:
            close = difflib.get_close_matches(str(name), [*_FEATURES, *_FAMILIES, *HARALICK], 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            rule = f"name features, or families of {', '.join(_FAMILIES)}"
            raise ValueError(f"{_NAME}: `feature` must {rule}, got {name!r}{hint}")
    return result


def _averages(settings: RadiomicsSettings, ndim: int) -> bool:
    """Return whether the matrices of directions are averaged, which are merged by default."""
    if settings.aggregations is None:
        return False
    ways = settings.aggregations_of(ndim, _NAME)
    in_space = settings.dimension == "3D" and ndim == 3
    if len(ways) > 1 or ways[0].startswith("3D") != in_space:
        rule = f"name one way to combine matrices of {'3D' if in_space else '2D or 2.5D'}"
        raise _check.fail(_NAME, "aggregations", rule, settings.aggregations)
    return ways[0] in ("3D averaged", "2D averaged", "2.5D direction-merged")
