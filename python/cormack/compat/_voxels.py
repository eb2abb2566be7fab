"""PyRadiomics' features of the neighbourhood of every voxel: its voxel-based extraction."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .._arrays import DTYPES
from ..features._feature_map import MAXIMAL_CORRELATION, Masks, Neighbourhood, fill_maps
from . import _textures

_FIRST_ORDER = {
    "10Percentile": "stat_p10",
    "90Percentile": "stat_p90",
    "Energy": "stat_energy",
    "Entropy": "ih_entropy",
    "InterquartileRange": "stat_iqr",
    "Kurtosis": "stat_kurt",
    "Maximum": "stat_max",
    "Mean": "stat_mean",
    "MeanAbsoluteDeviation": "stat_mad",
    "Median": "stat_median",
    "Minimum": "stat_min",
    "Range": "stat_range",
    "RobustMeanAbsoluteDeviation": "stat_rmad",
    "RootMeanSquared": "stat_rms",
    "Skewness": "stat_skew",
    "StandardDeviation": "stat_var",
    "TotalEnergy": "stat_energy",
    "Uniformity": "ih_uniformity",
    "Variance": "stat_var",
}
_CO_OCCURRENCE = {
    "Autocorrelation": "cm_auto_corr",
    "ClusterProminence": "cm_clust_prom",
    "ClusterShade": "cm_clust_shade",
    "ClusterTendency": "cm_clust_tend",
    "Contrast": "cm_contrast",
    "Correlation": "cm_corr",
    "DifferenceAverage": "cm_diff_avg",
    "DifferenceEntropy": "cm_diff_entr",
    "DifferenceVariance": "cm_diff_var",
    "Id": "cm_inv_diff",
    "Idm": "cm_inv_diff_mom",
    "Idmn": "cm_inv_diff_mom_norm",
    "Idn": "cm_inv_diff_norm",
    "Imc1": "cm_info_corr1",
    "Imc2": "cm_info_corr2",
    "InverseVariance": "cm_inv_var",
    "JointAverage": "cm_joint_avg",
    "JointEnergy": "cm_energy",
    "JointEntropy": "cm_joint_entr",
    "MCC": MAXIMAL_CORRELATION,
    "MaximumProbability": "cm_joint_max",
    "SumAverage": "cm_sum_avg",
    "SumEntropy": "cm_sum_entr",
    "SumSquares": "cm_joint_var",
}
_RUN_LENGTH = {
    "GrayLevelNonUniformity": "rlm_glnu",
    "GrayLevelNonUniformityNormalized": "rlm_glnu_norm",
    "GrayLevelVariance": "rlm_gl_var",
    "HighGrayLevelRunEmphasis": "rlm_hgre",
    "LongRunEmphasis": "rlm_lre",
    "LongRunHighGrayLevelEmphasis": "rlm_lrhge",
    "LongRunLowGrayLevelEmphasis": "rlm_lrlge",
    "LowGrayLevelRunEmphasis": "rlm_lgre",
    "RunEntropy": "rlm_rl_entr",
    "RunLengthNonUniformity": "rlm_rlnu",
    "RunLengthNonUniformityNormalized": "rlm_rlnu_norm",
    "RunPercentage": "rlm_r_perc",
    "RunVariance": "rlm_rl_var",
    "ShortRunEmphasis": "rlm_sre",
    "ShortRunHighGrayLevelEmphasis": "rlm_srhge",
    "ShortRunLowGrayLevelEmphasis": "rlm_srlge",
}
_TONE = {
    "Busyness": "ngt_busyness",
    "Coarseness": "ngt_coarseness",
    "Complexity": "ngt_complexity",
    "Contrast": "ngt_contrast",
    "Strength": "ngt_strength",
}
_NAMES = {"ngtdm": _TONE, "firstorder": _FIRST_ORDER, "glcm": _CO_OCCURRENCE, "glrlm": _RUN_LENGTH, **_textures.BY_SIZE}


def maps(region: _textures.Region, centers: np.ndarray, family: str, features: Iterable[str]) -> dict[str, np.ndarray]:
    """Return maps of features of a class, written at centers alone, in PyRadiomics' definitions.

    `region.mask` is where neighbourhoods lie; it holds the centers.
    """
    settings, names = region.settings, _NAMES[family]
    chosen = [name for name in features if name in names]
    _check(region, family)
    reach = _textures.reach_of(region)
    # In planes the axis across them comes first.
    across = region.plane_axis
    neighbourhood = Neighbourhood(
        radius=settings["kernelRadius"],
        in_slice=region.flat,
        offsets=tuple(_textures.offsets_of(region)),
        distance=reach or 1,
        coarseness=math.floor(settings["gldm_a"]),
        averaged=settings["weightingNorm"] is None,
        as_pyradiomics=True,
    )
    inside = np.moveaxis(region.mask, across, 0)
    masks = Masks(np.moveaxis(centers, across, 0), inside, np.ones(inside.shape, bool))

    def levels() -> tuple[np.ndarray, int]:
        return region.levels, int(region.level_values.max())

    def of(image: np.ndarray, wanted: Iterable[str]) -> dict[str, np.ndarray]:
        found = {name: np.full(region.mask.shape, np.nan) for name in dict.fromkeys(wanted)}
        views = {name: np.moveaxis(values, across, 0) for name, values in found.items()}
        if views:
            # Integers of 64 bits are none of the extension's types.
            source = image.astype(np.float64) if image.dtype not in DTYPES else image
            fill_maps(views, np.moveaxis(source, across, 0), masks, levels, neighbourhood, 0)
        return found

    if family != "firstorder":
        found = of(region.image, (names[name] for name in chosen))
        result = {name: found[names[name]] for name in chosen}
        if "MCC" in result and len(np.unique(region.level_values)) < 2:
            result["MCC"][centers] = 1.0
        return result
    shift = settings["voxelArrayShift"]
    shifted = [name for name in chosen if shift and name in ("Energy", "TotalEnergy", "RootMeanSquared")]
    found = of(region.image, [names[name] for name in chosen if name not in shifted] + ["stat_range"])
    above = of(region.image.astype(np.float64) + shift, (names[name] for name in shifted))
    result = {name: (above if name in shifted else found)[names[name]] for name in chosen}
    if "Kurtosis" in result:
        result["Kurtosis"] = np.where(found["stat_range"] > 0, result["Kurtosis"] + 3, result["Kurtosis"])
    if "StandardDeviation" in result:
        result["StandardDeviation"] = np.sqrt(result["StandardDeviation"])
    if "TotalEnergy" in result:
        result["TotalEnergy"] = result["TotalEnergy"] * math.prod(region.spacing)
    return result


def _check(region: _textures.Region, family: str) -> None:
    """Refuse settings whose matrices have no maps."""
    settings: Mapping[str, Any] = region.settings
    if family in ("glcm", "glrlm") and settings["weightingNorm"] not in (None, "no_weighting"):
        raise ValueError(
            f"`weightingNorm` must be none or no_weighting for maps of {family}, got {settings['weightingNorm']}"
        )
    if family == "glcm" and not settings["symmetricalGLCM"]:
        raise ValueError("`symmetricalGLCM` must be true for maps of glcm, got False")
    if family in ("gldm", "ngtdm") and _textures.reach_of(region) is None:
        raise ValueError(f"`distances` must be 1, 2, ... for maps of {family}, got {settings['distances']}")
