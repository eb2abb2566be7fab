"""What each feature is: one table for names, codes and units. A family adds its rows to `_FAMILIES`."""

from __future__ import annotations

from dataclasses import dataclass

from .. import _check


@dataclass(frozen=True, slots=True)
class Definition:
    """One feature of the IBSI reference manual.

    Attributes
    ----------
    name : str
        Short name, the key in results, for instance ``"stat_mean"``.
    feature : str
        Name in the reference manual.
    code : str
        Its four-character identifier there; ``"BC2M:NK6P"`` where its parameters have one too.
    family, family_code : str
        The feature family and its identifier.
    unit : str
        Unit of the value: ``"intensity"`` is the image's own unit (for CT, Hounsfield units), ``"1"`` none.

    Examples
    --------
    >>> from cormack import features
    >>> features.definitions()["stat_p10"].feature
    '10th percentile'
    """

    name: str
    feature: str
    code: str
    family: str
    family_code: str
    unit: str


# Family, its code, and rows of short name, name, code (with the code of its parameters, where it has some), unit.
_FAMILIES: tuple[tuple[str, str, tuple[tuple[str, str, str, str], ...]], ...] = (
    (
        "Morphology",
        "HCUG",
        (
            ("morph_volume", "Volume (mesh)", "RNU0", "mm^3"),
            ("morph_vol_approx", "Volume (voxel counting)", "YEKZ", "mm^3"),
            ("morph_area_mesh", "Surface area (mesh)", "C0JK", "mm^2"),
            ("morph_av", "Surface to volume ratio", "2PR5", "1/mm"),
            ("morph_comp_1", "Compactness 1", "SKGS", "1"),
            ("morph_comp_2", "Compactness 2", "BQWJ", "1"),
            ("morph_sph_dispr", "Spherical disproportion", "KRCK", "1"),
            ("morph_sphericity", "Sphericity", "QCFX", "1"),
            ("morph_asphericity", "Asphericity", "25C7", "1"),
            ("morph_com", "Centre of mass shift", "KLMA", "mm"),
            ("morph_diam", "Maximum 3D diameter", "L0JK", "mm"),
            ("morph_pca_maj_axis", "Major axis length", "TDIC", "mm"),
            ("morph_pca_min_axis", "Minor axis length", "P9VJ", "mm"),
            ("morph_pca_least_axis", "Least axis length", "7J51", "mm"),
            ("morph_pca_elongation", "Elongation", "Q3CK", "1"),
            ("morph_pca_flatness", "Flatness", "N17B", "1"),
            ("morph_vol_dens_aabb", "Volume density (AABB)", "PBX1", "1"),
            ("morph_area_dens_aabb", "Area density (AABB)", "R59B", "1"),
            ("morph_vol_dens_ombb", "Volume density (OMBB)", "ZH1A", "1"),
            ("morph_area_dens_ombb", "Area density (OMBB)", "IQYR", "1"),
            ("morph_vol_dens_aee", "Volume density (AEE)", "6BDE", "1"),
            ("morph_area_dens_aee", "Area density (AEE)", "RDD2", "1"),
            ("morph_vol_dens_mvee", "Volume density (MVEE)", "SWZ1", "1"),
            ("morph_area_dens_mvee", "Area density (MVEE)", "BRI8", "1"),
            ("morph_vol_dens_conv_hull", "Volume density (convex hull)", "R3ER", "1"),
            ("morph_area_dens_conv_hull", "Area density (convex hull)", "7T7F", "1"),
            ("morph_integ_int", "Integrated intensity", "99N0", "intensity mm^3"),
            ("morph_moran_i", "Moran's I index", "N365", "1"),
            ("morph_geary_c", "Geary's C measure", "NPT7", "1"),
        ),
    ),
    (
        "Local intensity",
        "9ST6",
        (
            ("loc_peak_loc", "Local intensity peak", "VJGA", "intensity"),
            ("loc_peak_glob", "Global intensity peak", "0F91", "intensity"),
        ),
    ),
    (
        "Intensity-based statistics",
        "UHIW",
        (
            ("stat_mean", "Mean", "Q4LE", "intensity"),
            ("stat_var", "Variance", "ECT3", "intensity^2"),
            ("stat_skew", "Skewness", "KE2A", "1"),
            ("stat_kurt", "(Excess) kurtosis", "IPH6", "1"),
            ("stat_median", "Median", "Y12H", "intensity"),
            ("stat_min", "Minimum", "1GSF", "intensity"),
            ("stat_p10", "10th percentile", "QG58", "intensity"),
            ("stat_p90", "90th percentile", "8DWT", "intensity"),
            ("stat_max", "Maximum", "84IY", "intensity"),
            ("stat_iqr", "Interquartile range", "SALO", "intensity"),
            ("stat_range", "Range", "2OJQ", "intensity"),
            ("stat_mad", "Mean absolute deviation", "4FUA", "intensity"),
            ("stat_rmad", "Robust mean absolute deviation", "1128", "intensity"),
            ("stat_medad", "Median absolute deviation", "N72L", "intensity"),
            ("stat_cov", "Coefficient of variation", "7TET", "1"),
            ("stat_qcod", "Quartile coefficient of dispersion", "9S40", "1"),
            ("stat_energy", "Energy", "N8CA", "intensity^2"),
            ("stat_rms", "Root mean square", "5ZWQ", "intensity"),
        ),
    ),
    (
        "Intensity histogram",
        "ZVCW",
        (
            ("ih_mean", "Mean", "X6K6", "1"),
            ("ih_var", "Variance", "CH89", "1"),
            ("ih_skew", "Skewness", "88K1", "1"),
            ("ih_kurt", "(Excess) kurtosis", "C3I7", "1"),
            ("ih_median", "Median", "WIFQ", "1"),
            ("ih_min", "Minimum", "1PR8", "1"),
            ("ih_p10", "10th percentile", "GPMT", "1"),
            ("ih_p90", "90th percentile", "OZ0C", "1"),
            ("ih_max", "Maximum", "3NCY", "1"),
            ("ih_mode", "Mode", "AMMC", "1"),
            ("ih_iqr", "Interquartile range", "WR0O", "1"),
            ("ih_range", "Range", "5Z3W", "1"),
            ("ih_mad", "Mean absolute deviation", "D2ZX", "1"),
            ("ih_rmad", "Robust mean absolute deviation", "WRZB", "1"),
            ("ih_medad", "Median absolute deviation", "4RNL", "1"),
            ("ih_cov", "Coefficient of variation", "CWYJ", "1"),
            ("ih_qcod", "Quartile coefficient of dispersion", "SLWD", "1"),
            ("ih_entropy", "Entropy", "TLU2", "1"),
            ("ih_uniformity", "Uniformity", "BJ5W", "1"),
            ("ih_max_grad", "Maximum histogram gradient", "12CE", "1"),
            ("ih_max_grad_g", "Maximum histogram gradient intensity", "8E6O", "1"),
            ("ih_min_grad", "Minimum histogram gradient", "VQB3", "1"),
            ("ih_min_grad_g", "Minimum histogram gradient intensity", "RHQZ", "1"),
        ),
    ),
    (
        "Intensity-volume histogram",
        "P88C",
        (
            ("ivh_v10", "Volume fraction at 10% intensity", "BC2M:NK6P", "1"),
            ("ivh_v90", "Volume fraction at 90% intensity", "BC2M:4279", "1"),
            ("ivh_i10", "Intensity at 10% volume", "GBPN:PWN1", "intensity"),
            ("ivh_i90", "Intensity at 90% volume", "GBPN:BOHI", "intensity"),
            ("ivh_diff_v10_v90", "Volume fraction difference between 10% and 90% intensity", "DDTU:WITY", "1"),
            ("ivh_diff_i10_i90", "Intensity difference between 10% and 90% volume", "CNV2:JXJA", "intensity"),
            ("ivh_auc", "Area under the IVH curve", "9CMM", "1"),
        ),
    ),
    (
        "Grey level co-occurrence matrix",
        "LFYI",
        (
            ("cm_joint_max", "Joint maximum", "GYBY", "1"),
            ("cm_joint_avg", "Joint average", "60VM", "1"),
            ("cm_joint_var", "Joint variance", "UR99", "1"),
            ("cm_joint_entr", "Joint entropy", "TU9B", "1"),
            ("cm_diff_avg", "Difference average", "TF7R", "1"),
            ("cm_diff_var", "Difference variance", "D3YU", "1"),
            ("cm_diff_entr", "Difference entropy", "NTRS", "1"),
            ("cm_sum_avg", "Sum average", "ZGXS", "1"),
            ("cm_sum_var", "Sum variance", "OEEB", "1"),
            ("cm_sum_entr", "Sum entropy", "P6QZ", "1"),
            ("cm_energy", "Angular second moment", "8ZQL", "1"),
            ("cm_contrast", "Contrast", "ACUI", "1"),
            ("cm_dissimilarity", "Dissimilarity", "8S9J", "1"),
            ("cm_inv_diff", "Inverse difference", "IB1Z", "1"),
            ("cm_inv_diff_norm", "Normalised inverse difference", "NDRX", "1"),
            ("cm_inv_diff_mom", "Inverse difference moment", "WF0Z", "1"),
            ("cm_inv_diff_mom_norm", "Normalised inverse difference moment", "1QCO", "1"),
            ("cm_inv_var", "Inverse variance", "E8JP", "1"),
            ("cm_corr", "Correlation", "NI2N", "1"),
            ("cm_auto_corr", "Autocorrelation", "QWB0", "1"),
            ("cm_clust_tend", "Cluster tendency", "DG8W", "1"),
            ("cm_clust_shade", "Cluster shade", "7NFM", "1"),
            ("cm_clust_prom", "Cluster prominence", "AE86", "1"),
            ("cm_info_corr1", "Information correlation 1", "R8DG", "1"),
            ("cm_info_corr2", "Information correlation 2", "JN9H", "1"),
        ),
    ),
    (
        "Grey level run length matrix",
        "TP0I",
        (
            ("rlm_sre", "Short runs emphasis", "22OV", "1"),
            ("rlm_lre", "Long runs emphasis", "W4KF", "1"),
            ("rlm_lgre", "Low grey level run emphasis", "V3SW", "1"),
            ("rlm_hgre", "High grey level run emphasis", "G3QZ", "1"),
            ("rlm_srlge", "Short run low grey level emphasis", "HTZT", "1"),
            ("rlm_srhge", "Short run high grey level emphasis", "GD3A", "1"),
            ("rlm_lrlge", "Long run low grey level emphasis", "IVPO", "1"),
            ("rlm_lrhge", "Long run high grey level emphasis", "3KUM", "1"),
            ("rlm_glnu", "Grey level non-uniformity", "R5YN", "1"),
            ("rlm_glnu_norm", "Normalised grey level non-uniformity", "OVBL", "1"),
            ("rlm_rlnu", "Run length non-uniformity", "W92Y", "1"),
            ("rlm_rlnu_norm", "Normalised run length non-uniformity", "IC23", "1"),
            ("rlm_r_perc", "Run percentage", "9ZK5", "1"),
            ("rlm_gl_var", "Grey level variance", "8CE5", "1"),
            ("rlm_rl_var", "Run length variance", "SXLW", "1"),
            ("rlm_rl_entr", "Run entropy", "HJ9O", "1"),
        ),
    ),
    (
        "Grey level size zone matrix",
        "9SAK",
        (
            ("szm_sze", "Small zone emphasis", "5QRC", "1"),
            ("szm_lze", "Large zone emphasis", "48P8", "1"),
            ("szm_lgze", "Low grey level emphasis", "XMSY", "1"),
            ("szm_hgze", "High grey level emphasis", "5GN9", "1"),
            ("szm_szlge", "Small zone low grey level emphasis", "5RAI", "1"),
            ("szm_szhge", "Small zone high grey level emphasis", "HW1V", "1"),
            ("szm_lzlge", "Large zone low grey level emphasis", "YH51", "1"),
            ("szm_lzhge", "Large zone high grey level emphasis", "J17V", "1"),
            ("szm_glnu", "Grey level non-uniformity", "JNSA", "1"),
            ("szm_glnu_norm", "Normalised grey level non-uniformity", "Y1RO", "1"),
            ("szm_zsnu", "Zone size non-uniformity", "4JP3", "1"),
            ("szm_zsnu_norm", "Normalised zone size non-uniformity", "VB3A", "1"),
            ("szm_z_perc", "Zone percentage", "P30P", "1"),
            ("szm_gl_var", "Grey level variance", "BYLV", "1"),
            ("szm_zs_var", "Zone size variance", "3NSA", "1"),
            ("szm_zs_entr", "Zone size entropy", "GU8N", "1"),
        ),
    ),
    (
        "Grey level distance zone matrix",
        "VMDZ",
        (
            ("dzm_sde", "Small distance emphasis", "0GBI", "1"),
            ("dzm_lde", "Large distance emphasis", "MB4I", "1"),
            ("dzm_lgze", "Low grey level emphasis", "S1RA", "1"),
            ("dzm_hgze", "High grey level emphasis", "K26C", "1"),
            ("dzm_sdlge", "Small distance low grey level emphasis", "RUVG", "1"),
            ("dzm_sdhge", "Small distance high grey level emphasis", "DKNJ", "1"),
            ("dzm_ldlge", "Large distance low grey level emphasis", "A7WM", "1"),
            ("dzm_ldhge", "Large distance high grey level emphasis", "KLTH", "1"),
            ("dzm_glnu", "Grey level non-uniformity", "VFT7", "1"),
            ("dzm_glnu_norm", "Normalised grey level non-uniformity", "7HP3", "1"),
            ("dzm_zdnu", "Zone distance non-uniformity", "V294", "1"),
            ("dzm_zdnu_norm", "Normalised zone distance non-uniformity", "IATH", "1"),
            ("dzm_z_perc", "Zone percentage", "VIWW", "1"),
            ("dzm_gl_var", "Grey level variance", "QK93", "1"),
            ("dzm_zd_var", "Zone distance variance", "7WT1", "1"),
            ("dzm_zd_entr", "Zone distance entropy", "GBDU", "1"),
        ),
    ),
    (
        "Neighbourhood grey tone difference matrix",
        "IPET",
        (
            ("ngt_coarseness", "Coarseness", "QCDE", "1"),
            ("ngt_contrast", "Contrast", "65HE", "1"),
            ("ngt_busyness", "Busyness", "NQ30", "1"),
            ("ngt_complexity", "Complexity", "HDEZ", "1"),
            ("ngt_strength", "Strength", "1X9X", "1"),
        ),
    ),
    (
        "Neighbouring grey level dependence matrix",
        "REK0",
        (
            ("ngl_lde", "Low dependence emphasis", "SODN", "1"),
            ("ngl_hde", "High dependence emphasis", "IMOQ", "1"),
            ("ngl_lgce", "Low grey level count emphasis", "TL9H", "1"),
            ("ngl_hgce", "High grey level count emphasis", "OAE7", "1"),
            ("ngl_ldlge", "Low dependence low grey level emphasis", "EQ3F", "1"),
            ("ngl_ldhge", "Low dependence high grey level emphasis", "JA6D", "1"),
            ("ngl_hdlge", "High dependence low grey level emphasis", "NBZI", "1"),
            ("ngl_hdhge", "High dependence high grey level emphasis", "9QMG", "1"),
            ("ngl_glnu", "Grey level non-uniformity", "FP8K", "1"),
            ("ngl_glnu_norm", "Normalised grey level non-uniformity", "5SPA", "1"),
            ("ngl_dcnu", "Dependence count non-uniformity", "Z87G", "1"),
            ("ngl_dcnu_norm", "Normalised dependence count non-uniformity", "OKJI", "1"),
            ("ngl_dc_perc", "Dependence count percentage", "6XV8", "1"),
            ("ngl_gl_var", "Grey level variance", "1PFV", "1"),
            ("ngl_dc_var", "Dependence count variance", "DNX2", "1"),
            ("ngl_dc_entr", "Dependence count entropy", "FCBV", "1"),
            ("ngl_dc_energy", "Dependence count energy", "CAS9", "1"),
        ),
    ),
)

_DEFINITIONS = {
    name: Definition(name, feature, code, family, family_code, unit)
    for family, family_code, rows in _FAMILIES
    for name, feature, code, unit in rows
}


def definitions(family: str | None = None) -> dict[str, Definition]:
    """Return what every feature means, by short name, in the order of the IBSI reference manual.

    Parameters
    ----------
    family : str, optional
        IBSI code of one family, for instance ``"UHIW"``. Default: all that Cormack computes.

    Returns
    -------
    dict of str to Definition
        Name, identifier, family and unit of each feature. The dictionary is the caller's.

    Raises
    ------
    ValueError
        If no family has that code.

    References
    ----------
    .. [1] A. Zwanenburg et al., "The Image Biomarker Standardization Initiative", Radiology 295(2), 2020, and the
       reference manual, arXiv:1612.07003.

    Examples
    --------
    >>> from cormack import features
    >>> mean = features.definitions("UHIW")["stat_mean"]
    >>> mean.feature, mean.code, mean.unit
    ('Mean', 'Q4LE', 'intensity')
    """
    if family is None:
        return dict(_DEFINITIONS)
    _check.choice("definitions", "family", family, [code for _, code, _ in _FAMILIES])
    return {name: definition for name, definition in _DEFINITIONS.items() if definition.family_code == family}
