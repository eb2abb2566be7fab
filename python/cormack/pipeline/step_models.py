"""The steps that a pipeline may have: one small model each, whose fields are the keys of the YAML file.

Lengths are in mm, sizes that count voxels are whole numbers. ``within`` names a label map.
"""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)

if TYPE_CHECKING:
    from ..features import RadiomicsSettings

__all__ = [
    "METHODS",
    "SINGLE",
    "ClassifyStep",
    "DisplayWindow",
    "EnhanceStep",
    "ExportStep",
    "FeaturesStep",
    "FilterStep",
    "MakesImage",
    "MakesLabels",
    "Model",
    "ScreenStep",
    "SegmentStep",
    "Step",
]

_T = TypeVar("_T")


# --- Values ------------------------------------------------------------------------------------------------------


def _range(value: tuple[float | None, float | None]) -> tuple[float | None, float | None]:
    low, high = value
    if low is None and high is None:
        raise ValueError("a range needs at least one number: [smallest, largest], null for none")
    if low is not None and high is not None and low > high:
        raise ValueError(f"a range rises: [smallest, largest], got [{low:g}, {high:g}]")
    return value


def _rising(value: tuple[float, float]) -> tuple[float, float]:
    low, high = value
    if not low < high:
        raise ValueError(f"the first number must be smaller than the second, got [{low:g}, {high:g}]")
    return value


def _per_axis(value: _T) -> _T:
    if isinstance(value, list) and len(value) not in (2, 3):
        raise ValueError(f"one number for all axes, or one per axis, 2 or 3 in brackets; got {len(value)}: {value}")
    return value


def _odd(value: int | list[int]) -> int | list[int]:
    sizes = [value] if isinstance(value, int) else value
    if not sizes or any(n < 1 or n % 2 == 0 for n in sizes):
        raise ValueError(f"a window size is an odd number of voxels, 1, 3, 5, ..., got {value}")
    return value


def _image_or_two(value: Any) -> Any:
    if value != "image" and not (isinstance(value, list | tuple) and len(value) == 2):
        raise ValueError(f"image, or two numbers in brackets, [smallest, largest]; got {value!r}")
    return value


def _image_or_rising(value: tuple[float, float] | Literal["image"]) -> tuple[float, float] | Literal["image"]:
    return value if value == "image" else _rising(value)


def _one_or_two(value: Any) -> Any:
    if isinstance(value, list | tuple) and len(value) != 2:
        raise ValueError(f"one number, or two in brackets, [for what is below, for what is above]; got {value!r}")
    return value


Range = Annotated[tuple[float | None, float | None], AfterValidator(_range)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
OddSize = Annotated[int | list[int], AfterValidator(_odd), AfterValidator(_per_axis)]
Reach = Annotated[Annotated[int, Field(ge=0)] | list[Annotated[int, Field(ge=0)]], AfterValidator(_per_axis)]
Sigma = Annotated[Positive | list[Positive], AfterValidator(_per_axis)]
Pair = Annotated[tuple[float, float], AfterValidator(_rising)]
PositivePair = Annotated[tuple[Positive, Positive], AfterValidator(_rising)]
PercentPair = Annotated[tuple[Percent, Percent], AfterValidator(_rising)]
InRange = Annotated[
    tuple[float, float] | Literal["image"], BeforeValidator(_image_or_two), AfterValidator(_image_or_rising)
]
Outside = Annotated[float | tuple[float | None, float | None] | None, BeforeValidator(_one_or_two)]
Name = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z][A-Za-z0-9 _-]*$")]
Limit = float | Literal["otsu"] | None


def _limits_rise(lower: Limit, upper: Limit) -> None:
    # Equal ones select one value, as in a map of labels.
    if isinstance(lower, float) and isinstance(upper, float) and lower > upper:
        raise ValueError(f"lower must not exceed upper, no voxel is between them: got {lower:g} and {upper:g}")


class Model(BaseModel):
    """What is written in YAML: no unknown keys, no infinities."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)


class MakesImage(Model):
    """A step that makes an image from an image."""

    input: Name = "image"
    output: Name = "image"


# --- Filters -----------------------------------------------------------------------------------------------------


class _Filter(MakesImage):
    step: Literal["filter"] = "filter"


class _FilterInMillimetres(_Filter):
    """Lengths are in mm unless ``unit: voxel``."""

    unit: Literal["mm", "voxel"] = "mm"


class MedianFilter(_Filter):
    """`cormack.filters.median_filter`; sizes in voxels."""

    method: Literal["median"] = "median"
    size: OddSize = 3


class MinimumFilter(_Filter):
    """`cormack.filters.minimum_filter`; sizes in voxels."""

    method: Literal["minimum"] = "minimum"
    size: OddSize = 3


class MaximumFilter(_Filter):
    """`cormack.filters.maximum_filter`; sizes in voxels."""

    method: Literal["maximum"] = "maximum"
    size: OddSize = 3


class PercentileFilter(_Filter):
    """`cormack.filters.percentile_filter`; sizes in voxels."""

    method: Literal["percentile"] = "percentile"
    percentile: Percent
    size: OddSize = 3


class UniformFilter(_Filter):
    """`cormack.filters.uniform_filter`; sizes in voxels. ``within``: the means of a label map, which alone changes."""

    method: Literal["uniform"] = "uniform"
    size: OddSize = 3
    within: Name | None = None


class GaussianFilter(_FilterInMillimetres):
    """`cormack.filters.gaussian_filter`. ``within``: the means of a label map, which alone changes."""

    method: Literal["gaussian"] = "gaussian"
    sigma: Sigma = 1.0
    within: Name | None = None


class UnsharpFilter(_FilterInMillimetres):
    """`cormack.filters.unsharp_mask`; the radius is the standard deviation of its Gaussian."""

    method: Literal["unsharp"] = "unsharp"
    radius: Sigma = 1.0
    amount: float = 1.0


class LaplacianFilter(_FilterInMillimetres):
    """`cormack.filters.gaussian_laplace`: dark where a blob of the size of sigma is bright."""

    method: Literal["laplacian"] = "laplacian"
    sigma: Sigma = 1.0


class GradientFilter(_FilterInMillimetres):
    """`cormack.filters.gaussian_gradient_magnitude`: bright at edges."""

    method: Literal["gradient"] = "gradient"
    sigma: Sigma = 1.0


class BilateralFilter(_FilterInMillimetres):
    """`cormack.filters.bilateral_filter`; ``sigma_intensity`` in the units of the image."""

    method: Literal["bilateral"] = "bilateral"
    sigma_spatial: Sigma = 1.0
    sigma_intensity: Positive


class DiffusionFilter(_FilterInMillimetres):
    """`cormack.filters.anisotropic_diffusion`; ``kind`` is its method, ``unit`` that of gradients."""

    method: Literal["diffusion"] = "diffusion"
    kind: Literal["gradient", "curvature"] = "gradient"
    iterations: Annotated[int, Field(ge=1)] = 5
    conductance: Positive = 3.0


class TotalVariationFilter(_FilterInMillimetres):
    """`cormack.filters.total_variation`; ``weight`` in the units of the image, times mm unless ``unit: voxel``."""

    method: Literal["total-variation"] = "total-variation"
    weight: Positive


class NonLocalMeansFilter(_Filter):
    """`cormack.filters.non_local_means`; patches in voxels, ``h`` and ``sigma`` in the units of the image."""

    method: Literal["non-local-means"] = "non-local-means"
    patch_size: OddSize = 5
    patch_distance: Reach = 6
    h: Positive | None = None
    sigma: NotNegative = 0.0

    @model_validator(mode="after")
    def _has_a_strength(self) -> NonLocalMeansFilter:
        if self.h is None and self.sigma == 0:
            raise ValueError("h or sigma is needed: how different patches may be, or the noise of the image")
        return self


# --- Enhancement -------------------------------------------------------------------------------------------------


class _Enhancement(MakesImage):
    step: Literal["enhance"] = "enhance"


class _Tone(_Enhancement):
    """A curve on ``in_range`` scaled to [0, 1]: two numbers, or ``image``, from its smallest to its largest value."""

    in_range: InRange = "image"


class Window(_Enhancement):
    """`cormack.enhance.window`: the display window of DICOM, to 8 bits unless ``bits: 16``."""

    method: Literal["window"] = "window"
    center: float
    width: Positive
    bits: Literal[8, 16] = 8


class Stretch(_Enhancement):
    """`cormack.enhance.stretch_contrast`: a window that follows the image, or the part of it that ``within`` names."""

    method: Literal["stretch"] = "stretch"
    percentiles: PercentPair = (1.0, 99.0)
    bits: Literal[8, 16] = 8
    within: Name | None = None


class Rescale(_Enhancement):
    """`cormack.enhance.rescale_intensity` from the given percentiles to the given range."""

    method: Literal["rescale"] = "rescale"
    percentiles: PercentPair = (0.5, 99.5)
    out_range: tuple[float, float] = (0.0, 1.0)


class Normalize(_Enhancement):
    """`cormack.enhance.normalize`; ``kind`` is its method. Statistics of the label map that ``within`` names."""

    method: Literal["normalize"] = "normalize"
    kind: Literal["zscore", "robust", "minmax", "white-stripe"] = "zscore"
    peak: Literal["last", "largest", "first"] | None = None
    width: Annotated[float, Field(gt=0, le=0.5)] | None = None
    within: Name | None = None

    @model_validator(mode="after")
    def _uses_all(self) -> Normalize:
        for key in ("peak", "width"):
            if self.kind != "white-stripe" and getattr(self, key) is not None:
                raise ValueError(f"{key} belongs to kind white-stripe, the kind here is {self.kind}")
        return self


class Equalize(_Enhancement):
    """`cormack.enhance.equalize_hist`, with the histogram of a label map when ``within`` names one."""

    method: Literal["equalize"] = "equalize"
    nbins: Annotated[int, Field(ge=2, le=65536)] = 256
    within: Name | None = None


class Clahe(_Enhancement):
    """`cormack.enhance.equalize_adapthist`; tiles in mm unless ``unit: voxel``, by default an eighth of each axis.

    ``within``: the histograms of a label map, which alone changes.
    """

    method: Literal["clahe"] = "clahe"
    kernel_size: Sigma | None = None
    unit: Literal["mm", "voxel"] = "mm"
    clip_limit: Share = 0.01
    nbins: Annotated[int, Field(ge=2, le=16384)] = 256
    within: Name | None = None

    @model_validator(mode="after")
    def _counts_voxels(self) -> Clahe:
        sizes = self.kernel_size if isinstance(self.kernel_size, list) else [self.kernel_size or 1.0]
        if self.unit == "voxel" and not all(size.is_integer() for size in sizes):
            raise ValueError(f"kernel_size is a whole number of voxels for unit voxel, got {self.kernel_size}")
        return self


class Gamma(_Tone):
    """`cormack.enhance.adjust_gamma`."""

    method: Literal["gamma"] = "gamma"
    gamma: NotNegative
    gain: Positive = 1.0


class Log(_Tone):
    """`cormack.enhance.adjust_log`; ``inv: true`` is its inverse."""

    method: Literal["log"] = "log"
    gain: Positive = 1.0
    inv: bool = False


class Sigmoid(_Tone):
    """`cormack.enhance.adjust_sigmoid`; ``inv: true`` falls."""

    method: Literal["sigmoid"] = "sigmoid"
    cutoff: Share = 0.5
    gain: Positive = 10.0
    inv: bool = False


class ThresholdEnhance(_Enhancement):
    """`cormack.enhance.threshold_enhance`: replace what is from ``lower`` to ``upper``, or what is not."""

    method: Literal["threshold"] = "threshold"
    lower: float | None = None
    upper: float | None = None
    inside: float | None = None
    outside: Outside = None
    softness: NotNegative = 0.0

    @model_validator(mode="after")
    def _changes_something(self) -> ThresholdEnhance:
        if self.lower is None and self.upper is None:
            raise ValueError("lower or upper is needed, a number")
        if self.inside is None and self.outside in (None, (None, None)):
            raise ValueError("inside or outside is needed, what the values there become; without both nothing changes")
        _limits_rise(self.lower, self.upper)
        if self.lower is not None and self.upper is not None and self.softness > self.upper - self.lower:
            raise ValueError(
                f"softness must not exceed upper - lower, {self.upper - self.lower:g}: got {self.softness:g}"
            )
        return self


# --- Label maps and measurements ---------------------------------------------------------------------------------


class MakesLabels(Model):
    """A step that makes a label map, called ``output``, from an image."""

    step: Literal["segment"] = "segment"
    input: Name = "image"
    output: Name


class Threshold(MakesLabels):
    """Voxels from ``lower`` to ``upper``; a number, ``otsu`` (`cormack.segment.threshold_otsu`) or null for none."""

    method: Literal["threshold"] = "threshold"
    lower: Limit = None
    upper: Limit = None
    within: Name | None = None
    keep: Literal["all", "largest"] = "all"
    fill_holes: bool = False

    @model_validator(mode="after")
    def _selects_something(self) -> Threshold:
        """Some voxels can be inside and some outside."""
        if self.lower is None and self.upper is None:
            # Without limits there is still work on another label map: its largest part, its holes.
            if self.within is None or (self.keep == "all" and not self.fill_holes):
                raise ValueError("lower or upper is needed, a number or otsu; without both every voxel is selected")
        elif self.lower == self.upper == "otsu":
            raise ValueError("lower and upper are both otsu: no voxel is on both sides of it; give one of them")
        else:
            _limits_rise(self.lower, self.upper)
        return self


class RegionGrowing(MakesLabels):
    """`cormack.segment.connected_threshold` from seeds: ``center``, or voxel indices in array order."""

    method: Literal["region-growing"] = "region-growing"
    seeds: Literal["center"] | Annotated[list[list[int]], Field(min_length=1)] = "center"
    lower: float
    upper: float
    connectivity: Annotated[int, Field(ge=1, le=3)] = 1
    within: Name | None = None

    @model_validator(mode="after")
    def _selects_something(self) -> RegionGrowing:
        """Some voxels can be inside."""
        _limits_rise(self.lower, self.upper)
        return self


class Lungs(MakesLabels):
    """`cormack.anatomy.lungs`; ``threshold`` and ``mean_hu`` in Hounsfield units."""

    method: Literal["lungs"] = "lungs"
    output: Name = "lungs"
    threshold: float = -400.0
    min_volume_mm3: NotNegative = 20_000.0
    mean_hu: Pair = (-940.0, -400.0)
    exclude_airways: bool = True


class NoduleCandidates(MakesLabels):
    """`cormack.anatomy.nodule_candidates` in the label map ``lungs``; the image ``response`` ranks them.

    ``threshold`` and ``min_response`` in Hounsfield units.
    """

    method: Literal["nodule-candidates"] = "nodule-candidates"
    output: Name = "nodules"
    lungs: Name = "lungs"
    threshold: float = -400.0
    diameter_mm: PositivePair = (3.0, 35.0)
    min_roundness: Share = 0.2
    min_response: Annotated[float, Field(ge=0)] = 45.0
    response: Name = "nodule-response"


class Brain(MakesLabels):
    """`cormack.anatomy.brain` of a T1-weighted MR; ``stripped`` says whether the skull is gone, null finds out."""

    method: Literal["brain"] = "brain"
    output: Name = "brain"
    stripped: bool | None = None
    neck_mm: Positive = 4.0


def _last_part(model: str) -> str:
    """Folders may be named after people: records have the model's own name and its checksum."""
    return os.path.basename(model)


class DeepSegmentation(MakesLabels):
    """`cormack.deep.segment` with the network ``model``: a path, or the name of one that comes with Cormack.

    A path is relative to the folder of the configuration file.

    Gives the voxels of ``label``, by default of every label but the background, whose probability is at least
    ``threshold`` (the card's if not given), and that probability as an image. ``within`` names a label map that limits
    both; with ``closing_mm`` its holes are filled and it is closed by a ball, so that a map of aerated lung spans the
    nodules in it and on it. ``sha256`` and ``card_sha256`` are those of the file and of its card: filled in, so that
    every record says which network made it; those that are given have to fit.
    """

    method: Literal["deep"] = "deep"
    model: Annotated[str, Field(min_length=1)]
    label: str | None = None
    within: Name | None = None
    closing_mm: NotNegative = 0.0
    threshold: Share | None = None
    overlap: Annotated[float, Field(ge=0, lt=1)] = 0.25
    probability: Name = "probability"
    sha256: Annotated[str | None, Field(validate_default=True, pattern="^[0-9a-f]{64}$")] = None
    card_sha256: Annotated[str | None, Field(validate_default=True, pattern="^[0-9a-f]{64}$")] = None

    @field_validator("model")
    @classmethod
    def _segments(cls, model: str, info: ValidationInfo) -> str:
        from . import networks

        folder = (info.context or {}).get("folder", "")
        card = networks.card_of(networks.model_path(model, folder))
        if card.task != "segment":
            raise ValueError(f"the network {card.name!r} is made to {card.task}, not to segment")
        return model if model in networks.shipped_models() else os.path.abspath(os.path.join(folder, model))

    @field_validator("label")
    @classmethod
    def _is_known(cls, label: str | None, info: ValidationInfo) -> str | None:
        from . import networks

        if label is not None and (model := info.data.get("model")) is not None:
            card = networks.card_of(networks.model_path(model))
            if label not in card.objects:
                raise ValueError(f"the network {card.name!r} has no label {label!r}; it has {', '.join(card.objects)}")
        return label

    @field_validator("sha256", "card_sha256")
    @classmethod
    def _is_the_file(cls, given: str | None, info: ValidationInfo) -> str | None:
        from . import networks

        if (model := info.data.get("model")) is None:
            return given
        path = networks.model_path(model)
        what = "network" if info.field_name == "sha256" else "card of the network"
        found = networks.checksum_of(path if info.field_name == "sha256" else networks.card_path(path))
        if given not in (None, found):
            raise ValueError(f"the {what} {model!r} is another file than this one: its checksum is {found}")
        return found

    @field_serializer("model")
    def _name(self, model: str) -> str:
        return _last_part(model)


_Score = Literal[
    "voxel_count",
    "equivalent_diameter_mm",
    "elongation",
    "roundness",
    "intensity_mean",
    "intensity_std",
    "intensity_min",
    "intensity_max",
]


class ScreenStep(Model):
    """`cormack.segment.screen`: measure the objects of a label map and keep those within every range.

    A range is ``[smallest, largest]``, null where there is no bound. A map that is no labelling yet is split into its
    connected components first. Intensities are those of ``image``. ``score`` names the column that ranks candidates, of
    ``score_image`` where that is given, for sensitivity against false candidates where lesions are known.
    """

    step: Literal["screen"] = "screen"
    input: Name
    output: Name | None = None
    image: Name = "original"
    connectivity: Annotated[int, Field(ge=1, le=3)] = 1
    voxel_count: Range | None = None
    volume_mm3: Range | None = None
    area_mm2: Range | None = None
    equivalent_diameter_mm: Range | None = None
    axis_major_mm: Range | None = None
    axis_minor_mm: Range | None = None
    axis_least_mm: Range | None = None
    elongation: Range | None = None
    flatness: Range | None = None
    roundness: Range | None = None
    intensity_mean: Range | None = None
    intensity_std: Range | None = None
    intensity_min: Range | None = None
    intensity_max: Range | None = None
    touches_border: bool | None = None
    score: _Score | None = None
    score_image: Name | None = None

    @property
    def criteria(self) -> dict[str, tuple[float | None, float | None] | bool]:
        """The criteria that were given, as keyword arguments of `cormack.segment.screen`."""
        other = {"step", "input", "output", "image", "connectivity", "score", "score_image"}
        values = {name: getattr(self, name) for name in type(self).model_fields if name not in other}
        return {name: value for name, value in values.items() if value is not None}


class FeaturesStep(Model):
    """`cormack.features.radiomics` of ``image`` in every label map, or in those that ``regions`` lists.

    ``settings`` are those of `cormack.features.RadiomicsSettings`; ``objects`` asks for the same of every object that a
    screen kept.
    """

    step: Literal["features"] = "features"
    families: Literal["all"] | Annotated[list[str], Field(min_length=1)] = ["first_order"]
    settings: dict[str, Any] = {}
    image: Name = "original"
    regions: Literal["all"] | list[Name] = "all"
    objects: bool = False

    @model_validator(mode="after")
    def _are_settings(self) -> FeaturesStep:
        if self.families == ["first_order"] and not self.settings:
            return self
        from .. import features

        if "families" in self.settings:
            raise ValueError("settings: families has a key of its own, beside settings")
        known = features.FAMILIES
        for name in () if self.families == "all" else self.families:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f", did you mean {near[0]!r}?" if near else f": {', '.join(known)}"
                raise ValueError(f"families: there is no family {name!r}{hint}")
        self.radiomics_settings()
        return self

    def radiomics_settings(self) -> RadiomicsSettings:
        """What `radiomics` is given."""
        # At first use: presets are read without paying for the kernels.
        from .. import features

        families = None if self.families == "all" else self.families
        try:
            return features.RadiomicsSettings.from_dict({**self.settings, "families": families})
        except (TypeError, ValueError) as error:
            raise ValueError(f"settings: {error}") from error


class ClassifyStep(Model):
    """`cormack.classify.predict` of the case's features, by the folder of a trained model.

    ``model`` is relative to the folder of the configuration file. ``sha256`` is that of its ``card.json``, which has
    those of its other files: filled in, so that every record says which model it was; one that is given has to fit.
    """

    step: Literal["classify"] = "classify"
    model: Annotated[str, Field(min_length=1)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    # How the features are made that it gets, without and with given masks: the configuration knows.
    _extractions: tuple[dict[str, Any], dict[str, Any]] | None = None

    @model_validator(mode="after")
    def _is_a_model(self, info: ValidationInfo) -> ClassifyStep:
        from .decisions import checksum_of, load

        folder = os.path.abspath(os.path.join((info.context or {}).get("folder", ""), self.model))
        found = checksum_of(folder)
        if self.sha256 not in (None, found):
            raise ValueError(f"the model {self.model!r} is another one than this: its checksum is {found}")
        load(folder, found)
        # Frozen for everyone else.
        object.__setattr__(self, "model", folder)
        object.__setattr__(self, "sha256", found)
        return self

    def follows(self, extractions: tuple[dict[str, Any], dict[str, Any]]) -> None:
        """Take note of how the features are made, without and with given masks."""
        self._extractions = extractions

    def extraction(self, masked: bool) -> dict[str, Any] | None:
        """How the features are made; None for a step that is in no configuration."""
        return None if self._extractions is None else self._extractions[masked]

    @field_serializer("model")
    def _name(self, model: str) -> str:
        return _last_part(model)


class DisplayWindow(Model):
    """Centre and width of a grey-value window for pictures."""

    center: float
    width: Positive


class ExportStep(Model):
    """What is written beside the tables: label maps (NIfTI) and overlay pictures (PNG) of the image ``image``."""

    step: Literal["export"] = "export"
    labels: bool = True
    pictures: bool = True
    image: Name = "original"
    window: DisplayWindow | None = None
    histogram: Name = "image"


FilterStep = Annotated[
    MedianFilter
    | MinimumFilter
    | MaximumFilter
    | PercentileFilter
    | UniformFilter
    | GaussianFilter
    | UnsharpFilter
    | LaplacianFilter
    | GradientFilter
    | BilateralFilter
    | DiffusionFilter
    | TotalVariationFilter
    | NonLocalMeansFilter,
    Discriminator("method"),
]
EnhanceStep = Annotated[
    Window | Stretch | Rescale | Normalize | Equalize | Clahe | Gamma | Log | Sigmoid | ThresholdEnhance,
    Discriminator("method"),
]
SegmentStep = Annotated[
    Threshold | RegionGrowing | Lungs | NoduleCandidates | Brain | DeepSegmentation, Discriminator("method")
]
Step = Annotated[
    FilterStep | EnhanceStep | SegmentStep | ScreenStep | FeaturesStep | ClassifyStep | ExportStep,
    Discriminator("step"),
]


def _members(union: Any) -> tuple[type[Model], ...]:
    return get_args(get_args(union)[0])


METHODS = {"filter": _members(FilterStep), "enhance": _members(EnhanceStep), "segment": _members(SegmentStep)}
"""Kinds of steps that have methods, with the models of these."""
SINGLE: dict[str, type[Model]] = {
    "screen": ScreenStep,
    "features": FeaturesStep,
    "classify": ClassifyStep,
    "export": ExportStep,
}
"""Kinds of steps without methods."""
