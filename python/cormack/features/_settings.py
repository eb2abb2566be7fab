"""How radiomics processes an image before features, in IBSI's words."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from .. import _check
from .._resampling import INTERPOLATIONS
from ._processing import DIMENSIONS, check_bin_number, mask_threshold, range_of
from ._texture import MOST_DISTANCE

DISCRETISATIONS = ("none", "fixed bin size", "fixed bin number")
# The ways in which IBSI combines texture matrices: suffix of columns and identifier.
AGGREGATIONS = {
    "2D averaged": ("2D_avg", "BTW3"),
    "2D slice-merged": ("2D_smrg", "SUJT"),
    "2.5D direction-merged": ("2.5D_dmrg", "JJUI"),
    "2.5D merged": ("2.5D_vmrg", "ZW7Z"),
    "3D averaged": ("3D_avg", "ITBB"),
    "3D merged": ("3D_mrg", "IAZD"),
    "2D": ("2D", "8QNN"),
    "2.5D": ("2.5D", "62GR"),
    "3D": ("3D", "KOBO"),
}
BY_DIRECTION = tuple(AGGREGATIONS)[:6]
_NAME = "RadiomicsSettings"


@dataclass(frozen=True, slots=True, kw_only=True)
class RadiomicsSettings:
    """How `radiomics` processes an image and which features it computes, in the words of IBSI.

    Parameters
    ----------
    dimension : {"3D", "2D"}
        Whether the region is a volume, or slices that are looked at one by one: interpolation and textures follow it.
        An image of two axes is one slice.
    new_spacing : float or sequence of float, optional
        Resample to this voxel size in mm, in array order; see `resample`. Default: not at all.
    image_interpolation, mask_interpolation : {"linear", "nearest", "cubic"}
        Of intensities and of the mask.
    mask_threshold : float
        Partial volume threshold: an interpolated mask belongs to the region from this value on.
    intensity_rounding : bool, optional
        Round intensities to integers. Default: where an image of integers was resampled.
    resegmentation_range : (lower, upper), optional
        Leave out intensities outside this range; None at an end leaves it open.
    resegmentation_sigma : float, optional
        Leave out intensities further from the region's mean than this many standard deviations.
    discretisation : {"fixed bin number", "fixed bin size", "none"}
        How grey levels are made, for textures and the intensity histogram; ``"none"`` takes intensities, which must be
        integers from 1, as they are.
    bin_size, bin_number : float, int
        The size of a bin with ``"fixed bin size"``; bins start at the lower limit of re-segmentation, else at the
        region's lowest intensity. The number of bins with ``"fixed bin number"``.
    ivh_discretisation : {"automatic", "none", "fixed bin size", "fixed bin number"}
        The same for the intensity-volume histogram; ``"automatic"`` is none for intensities that are integers, and
        a fixed number of bins otherwise.
    ivh_bin_size, ivh_bin_number : float, int
        As `bin_size` and `bin_number`.
    distance : int
        Chebyshev distance of neighbours in GLCM, NGTDM and NGLDM, at most 15.
    coarseness : int
        Levels that differ by at most this are dependent in the NGLDM.
    aggregations : sequence of str, optional
        How texture matrices are combined: some of ``"2D averaged"``, ``"2D slice-merged"``,
        ``"2.5D direction-merged"``, ``"2.5D merged"``, ``"3D averaged"``, ``"3D merged"``; families without directions
        follow the first word. Default: all that fit the dimension.
    families : sequence of str, optional
        Names of the functions whose features are wanted, as ``"first_order"``. Default: all.

    Raises
    ------
    ValueError, TypeError
        Naming the setting that is wrong.

    Examples
    --------
    >>> from cormack import features
    >>> settings = features.RadiomicsSettings(new_spacing=2, resegmentation_range=(-1000, 400),
    ...                                       discretisation="fixed bin size", bin_size=25)
    >>> settings.to_dict()["resegmentation_range"]
    [-1000.0, 400.0]
    >>> features.RadiomicsSettings.from_dict(settings.to_dict()) == settings
    True
    """

    dimension: str = "3D"
    new_spacing: float | tuple[float, ...] | None = None
    image_interpolation: str = "linear"
    mask_interpolation: str = "linear"
    mask_threshold: float = 0.5
    intensity_rounding: bool | None = None
    resegmentation_range: tuple[float | None, float | None] | None = None
    resegmentation_sigma: float | None = None
    discretisation: str = "fixed bin number"
    bin_size: float = 25.0
    bin_number: int = 32
    ivh_discretisation: str = "automatic"
    ivh_bin_size: float = 2.5
    ivh_bin_number: int = 1000
    distance: int = 1
    coarseness: int = 0
    aggregations: tuple[str, ...] | None = None
    families: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Check every setting, and give each one type, so that equal settings compare equal."""
        checked: dict[str, Any] = {}
        _check.choice(_NAME, "dimension", self.dimension, DIMENSIONS)
        if self.new_spacing is not None:
            checked["new_spacing"] = _sizes(self.new_spacing)
        for key in ("image_interpolation", "mask_interpolation"):
            _check.choice(_NAME, key, getattr(self, key), INTERPOLATIONS)
        checked["mask_threshold"] = mask_threshold(_NAME, "mask_threshold", self.mask_threshold)
        rounds: Any = self.intensity_rounding
        if rounds is not None:
            if not isinstance(rounds, (bool, np.bool_)):
                raise _check.fail(_NAME, "intensity_rounding", "be True, False or None", rounds, TypeError)
            checked["intensity_rounding"] = bool(rounds)
        limits = range_of(_NAME, self.resegmentation_range, "resegmentation_range")
        if limits is not None:
            checked["resegmentation_range"] = tuple(None if math.isinf(end) else end for end in limits)
        if self.resegmentation_sigma is not None:
            checked["resegmentation_sigma"] = _check.real(
                _NAME, "resegmentation_sigma", self.resegmentation_sigma, above=0.0
            )
        _check.choice(_NAME, "discretisation", self.discretisation, DISCRETISATIONS)
        _check.choice(_NAME, "ivh_discretisation", self.ivh_discretisation, ("automatic", *DISCRETISATIONS))
        for key in ("bin_size", "ivh_bin_size"):
            checked[key] = _check.real(_NAME, key, getattr(self, key), above=0.0)
        for key in ("bin_number", "ivh_bin_number"):
            checked[key] = check_bin_number(_NAME, key, getattr(self, key))
        checked["distance"] = _check.integer(_NAME, "distance", self.distance, minimum=1)
        if checked["distance"] > MOST_DISTANCE:
            raise _check.fail(_NAME, "distance", f"be at most {MOST_DISTANCE}", self.distance)
        checked["coarseness"] = _check.integer(_NAME, "coarseness", self.coarseness, minimum=0)
        for key, accepted in (("aggregations", BY_DIRECTION), ("families", None)):
            if getattr(self, key) is not None:
                checked[key] = _names(key, getattr(self, key), accepted)
        for key, value in checked.items():
            object.__setattr__(self, key, value)

    def to_dict(self) -> dict[str, Any]:
        """Return all settings as numbers, strings and lists: what JSON and YAML hold."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> RadiomicsSettings:
        """Return settings from a mapping; what it leaves out takes its default.

        Raises
        ------
        ValueError
            If a key names no setting.
        """
        known = [field.name for field in fields(cls)]
        for key in settings:
            if key not in known:
                close = difflib.get_close_matches(str(key), known, 1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise ValueError(f"{_NAME}: there is no setting {key!r}{hint}")
        return cls(**settings)

    def aggregations_of(self, ndim: int, function: str = "radiomics") -> tuple[str, ...]:
        """Return how matrices with directions are combined for an image of 2 or 3 axes."""
        in_space = self.dimension == "3D" and ndim == 3
        if self.aggregations is None:
            return tuple(name for name in BY_DIRECTION if name.startswith("3D") == in_space)
        if ndim == 2 and any(name.startswith("3D") for name in self.aggregations):
            raise _check.fail(function, "aggregations", "name no 3D ones for a 2-D image", self.aggregations)
        return self.aggregations


def _sizes(value: Any) -> float | tuple[float, ...]:
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) and getattr(value, "ndim", 1) != 0:
        sizes = tuple(_check.real(_NAME, "new_spacing", size, above=0.0) for size in value)
        if len(sizes) not in (2, 3):
            raise _check.fail(_NAME, "new_spacing", "be one, two or three values", value)
        return sizes
    return _check.real(_NAME, "new_spacing", value, above=0.0)


def _names(key: str, value: Any, accepted: Iterable[str] | None) -> tuple[str, ...]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise _check.fail(_NAME, key, "be a sequence of names", value, TypeError)
    given = list(value)
    for name in given:
        if not isinstance(name, str):
            raise _check.fail(_NAME, key, "be a sequence of names", value, TypeError)
    names = tuple(dict.fromkeys(given))
    if not names:
        raise _check.fail(_NAME, key, "name at least one", value)
    if accepted is not None:
        for name in names:
            _check.choice(_NAME, key, name, accepted)
    return names
