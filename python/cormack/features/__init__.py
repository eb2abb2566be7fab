"""Features of images and regions, as the Image Biomarker Standardisation Initiative (IBSI) names and defines them.

Every function returns a flat dictionary from IBSI's short names to numbers; `definitions` says what they mean.
"""

from __future__ import annotations

from ._definitions import Definition as Definition
from ._definitions import definitions
from ._dependence import ngldm, ngldm_matrix
from ._feature_map import feature_map
from ._feature_table import Feature as Feature
from ._feature_table import FeatureTable, FeatureTables
from ._first_order import first_order
from ._glcm import glcm, glcm_matrix
from ._haralick import HARALICK
from ._intensity_families import intensity_histogram, intensity_volume_histogram, local_intensity
from ._local_binary_pattern import local_binary_pattern, local_binary_pattern_3d
from ._morphology import morphology
from ._processing import discretise, resample, resample_mask, resegment, round_intensities
from ._radiomics import FAMILIES, radiomics
from ._run_length import glrlm, glrlm_matrix
from ._settings import RadiomicsSettings
from ._tone_difference import ngtdm, ngtdm_matrix
from ._zones import gldzm, gldzm_matrix, glszm, glszm_matrix

__all__ = [
    "FAMILIES",
    "HARALICK",
    "FeatureTable",
    "FeatureTables",
    "RadiomicsSettings",
    "definitions",
    "discretise",
    "feature_map",
    "first_order",
    "glcm",
    "glcm_matrix",
    "gldzm",
    "gldzm_matrix",
    "glrlm",
    "glrlm_matrix",
    "glszm",
    "glszm_matrix",
    "intensity_histogram",
    "intensity_volume_histogram",
    "local_binary_pattern",
    "local_binary_pattern_3d",
    "local_intensity",
    "morphology",
    "ngldm",
    "ngldm_matrix",
    "ngtdm",
    "ngtdm_matrix",
    "radiomics",
    "resample",
    "resample_mask",
    "resegment",
    "round_intensities",
]
