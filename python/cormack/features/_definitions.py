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
        Its four-character identifier there.
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


# Family, its code, and rows of short name, name, code, unit.
_FAMILIES: tuple[tuple[str, str, tuple[tuple[str, str, str, str], ...]], ...] = (
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
