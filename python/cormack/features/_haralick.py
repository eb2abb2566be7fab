"""Names of co-occurrence features in other works, for those who look for them."""

from __future__ import annotations

from types import MappingProxyType

# The 14 of the paper by their names there, 1 to 14, then those of other works.
HARALICK = MappingProxyType(
    {
        "angular second moment": "cm_energy",
        "contrast": "cm_contrast",
        "correlation": "cm_corr",
        "sum of squares: variance": "cm_joint_var",
        "inverse difference moment": "cm_inv_diff_mom",
        "sum average": "cm_sum_avg",
        "sum variance": "cm_sum_var",
        "sum entropy": "cm_sum_entr",
        "entropy": "cm_joint_entr",
        "difference variance": "cm_diff_var",
        "difference entropy": "cm_diff_entr",
        "information measure of correlation 1": "cm_info_corr1",
        "information measure of correlation 2": "cm_info_corr2",
        "asm": "cm_energy",
        "homogeneity": "cm_inv_diff_mom",
        "dissimilarity": "cm_dissimilarity",
        "autocorrelation": "cm_auto_corr",
        "cluster prominence": "cm_clust_prom",
        "cluster shade": "cm_clust_shade",
        "cluster tendency": "cm_clust_tend",
        "inverse difference": "cm_inv_diff",
        "inverse difference normalized": "cm_inv_diff_norm",
        "inverse difference moment normalized": "cm_inv_diff_mom_norm",
        "maximum probability": "cm_joint_max",
    }
)
"""IBSI's short names, keys of `glcm`, by the names of R. M. Haralick et al. (1973) and of later works, in lower case.

Entropies are in bits. The sum variance is around the sum average (the paper prints the sum entropy there). The paper's
14th, the maximal correlation coefficient, is not in IBSI; `feature_map` has it. ``"asm"``, ``"homogeneity"`` and
``"dissimilarity"`` are as in scikit-image's ``graycoprops``, whose ``"energy"`` is the square root of ``cm_energy``.
"""
