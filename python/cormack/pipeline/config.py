"""What a pipeline may say: typed steps, presets, and errors of one readable line.

A configuration is a YAML file: a name, a description and a list of steps. Each step names what it does (``step``), how
(``method``) and the parameters of the library function behind it. Every key is checked; an unknown one is an error that
names the file, the line, the place and the nearest spelling that would have been accepted.

Images and label maps have names. ``original`` is the image as imported, ``image`` the working copy that `filter` and
`enhance` change unless they are told another ``output``.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, ValidationError, model_validator

__all__ = [
    "Config",
    "ConfigError",
    "EnhanceStep",
    "ExportStep",
    "FeaturesStep",
    "FilterStep",
    "ScreenStep",
    "SegmentStep",
    "Step",
    "list_presets",
    "load_config",
    "preset_path",
]

_T = TypeVar("_T")
_PRESETS = Path(__file__).resolve().parent.parent / "presets"


class ConfigError(ValueError):
    """A configuration that cannot be used; the message is one line that says what to change."""


# --- Steps -------------------------------------------------------------------------------------------------------


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


def _upper(value: str) -> str:
    return value.strip().upper()


Range = Annotated[tuple[float | None, float | None], AfterValidator(_range)]
Positive = Annotated[float, Field(gt=0)]
Percent = Annotated[float, Field(ge=0, le=100)]
OddSize = Annotated[int | list[int], AfterValidator(_odd), AfterValidator(_per_axis)]
Sigma = Annotated[Positive | list[Positive], AfterValidator(_per_axis)]
Pair = Annotated[tuple[float, float], AfterValidator(_rising)]
PositivePair = Annotated[tuple[Positive, Positive], AfterValidator(_rising)]
PercentPair = Annotated[tuple[Percent, Percent], AfterValidator(_rising)]
Name = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z][A-Za-z0-9 _-]*$")]
Limit = float | Literal["otsu"] | None


def _limits_rise(lower: Limit, upper: Limit) -> None:
    # Equal ones select one value, as in a map of labels.
    if isinstance(lower, float) and isinstance(upper, float) and lower > upper:
        raise ValueError(f"lower must not exceed upper, no voxel is between them: got {lower:g} and {upper:g}")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)


class _ImageStep(_Model):
    """A step that makes an image from an image."""

    input: Name = "image"
    output: Name = "image"


class MedianFilter(_ImageStep):
    """`cormack.filters.median_filter`; sizes in voxels."""

    step: Literal["filter"] = "filter"
    method: Literal["median"] = "median"
    size: OddSize = 3


class GaussianFilter(_ImageStep):
    """`cormack.filters.gaussian_filter`; sigma in mm unless ``unit: voxel``."""

    step: Literal["filter"] = "filter"
    method: Literal["gaussian"] = "gaussian"
    sigma: Sigma = 1.0
    unit: Literal["mm", "voxel"] = "mm"


class UniformFilter(_ImageStep):
    """`cormack.filters.uniform_filter`; sizes in voxels."""

    step: Literal["filter"] = "filter"
    method: Literal["uniform"] = "uniform"
    size: OddSize = 3


class Window(_ImageStep):
    """`cormack.enhance.window`: the display window of DICOM, to 8 bits unless ``bits: 16``."""

    step: Literal["enhance"] = "enhance"
    method: Literal["window"] = "window"
    center: float
    width: Positive
    bits: Literal[8, 16] = 8


class Rescale(_ImageStep):
    """`cormack.enhance.rescale_intensity` from the given percentiles to the given range."""

    step: Literal["enhance"] = "enhance"
    method: Literal["rescale"] = "rescale"
    percentiles: PercentPair = (0.5, 99.5)
    out_range: tuple[float, float] = (0.0, 1.0)


class Equalize(_ImageStep):
    """`cormack.enhance.equalize_hist`, with the histogram of a label map when ``within`` names one."""

    step: Literal["enhance"] = "enhance"
    method: Literal["equalize"] = "equalize"
    nbins: Annotated[int, Field(ge=2, le=65536)] = 256
    within: Name | None = None


class _SegmentStep(_Model):
    """A step that makes a label map, called ``output``, from an image."""

    input: Name = "image"
    output: Name


class Threshold(_SegmentStep):
    """Voxels from ``lower`` to ``upper``; a number, ``otsu`` (`cormack.segment.threshold_otsu`) or null for none."""

    step: Literal["segment"] = "segment"
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


class RegionGrowing(_SegmentStep):
    """`cormack.segment.connected_threshold` from seeds: ``center``, or voxel indices in array order."""

    step: Literal["segment"] = "segment"
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


class Lungs(_SegmentStep):
    """`cormack.anatomy.lungs`."""

    step: Literal["segment"] = "segment"
    method: Literal["lungs"] = "lungs"
    output: Name = "lungs"
    threshold: float = -400.0
    min_volume_mm3: Annotated[float, Field(ge=0)] = 20_000.0
    mean_hu: Pair = (-940.0, -400.0)
    exclude_airways: bool = True


class NoduleCandidates(_SegmentStep):
    """`cormack.anatomy.nodule_candidates` in the label map that ``lungs`` names."""

    step: Literal["segment"] = "segment"
    method: Literal["nodule-candidates"] = "nodule-candidates"
    output: Name = "nodules"
    lungs: Name = "lungs"
    threshold: float = -400.0
    diameter_mm: PositivePair = (3.0, 35.0)
    min_roundness: Annotated[float, Field(ge=0, le=1)] = 0.2


class Brain(_SegmentStep):
    """`cormack.anatomy.brain`."""

    step: Literal["segment"] = "segment"
    method: Literal["brain"] = "brain"
    output: Name = "brain"
    stripped: bool | None = None
    neck_mm: Positive = 4.0


class ScreenStep(_Model):
    """`cormack.segment.screen`: measure the objects of a label map and keep those within every range.

    A map that is no labelling yet is split into its connected components first. Intensities are those of ``image``.
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

    @property
    def criteria(self) -> dict[str, tuple[float | None, float | None] | bool]:
        """The criteria that were given, as keyword arguments of `cormack.segment.screen`."""
        other = {"step", "input", "output", "image", "connectivity"}
        values = {name: getattr(self, name) for name in type(self).model_fields if name not in other}
        return {name: value for name, value in values.items() if value is not None}


class FeaturesStep(_Model):
    """`cormack.features`: statistics of ``image`` in every label map, or in those that ``regions`` lists."""

    step: Literal["features"] = "features"
    families: Annotated[list[Literal["first_order"]], Field(min_length=1)] = ["first_order"]
    image: Name = "original"
    regions: Literal["all"] | list[Name] = "all"


class DisplayWindow(_Model):
    """Centre and width of a grey-value window for pictures."""

    center: float
    width: Positive


class ExportStep(_Model):
    """What is written beside the tables: label maps (NIfTI) and overlay pictures (PNG) of the image ``image``."""

    step: Literal["export"] = "export"
    labels: bool = True
    pictures: bool = True
    image: Name = "original"
    window: DisplayWindow | None = None
    histogram: Name = "image"


FilterStep = Annotated[MedianFilter | GaussianFilter | UniformFilter, Discriminator("method")]
EnhanceStep = Annotated[Window | Rescale | Equalize, Discriminator("method")]
SegmentStep = Annotated[Threshold | RegionGrowing | Lungs | NoduleCandidates | Brain, Discriminator("method")]
Step = Annotated[FilterStep | EnhanceStep | SegmentStep | ScreenStep | FeaturesStep | ExportStep, Discriminator("step")]

_METHODS: dict[str, tuple[type[BaseModel], ...]] = {
    "filter": (MedianFilter, GaussianFilter, UniformFilter),
    "enhance": (Window, Rescale, Equalize),
    "segment": (Threshold, RegionGrowing, Lungs, NoduleCandidates, Brain),
}
_SINGLE: dict[str, type[BaseModel]] = {"screen": ScreenStep, "features": FeaturesStep, "export": ExportStep}


class Config(_Model):
    """A pipeline: steps in order, with a name and what it is for.

    Parameters
    ----------
    name : str
        Short name, shown in reports.
    description : str
        What it does, for whom, and its limits.
    modality : str, optional
        DICOM modality it is made for (``CT``, ``MR``), stored in upper case; a case of another known modality fails
        instead of being measured wrongly.
    steps : list of Step
        At least one.
    """

    name: Annotated[str, Field(min_length=1, max_length=80)]
    description: str = ""
    modality: Annotated[str, AfterValidator(_upper)] | None = None
    steps: Annotated[list[Step], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_exist(self) -> Config:
        """Every image and label map that a step takes is made by an earlier one."""
        images, maps = ["original", "image"], list[str]()
        makers: dict[str, int] = {}
        for index, step in enumerate(self.steps):
            for key, name, known, what in _uses(step, images, maps):
                if name not in known:
                    raise ValueError(
                        f"steps[{index}] ({_title(step)}): {key}: there is no {what} {name!r} yet"
                        f"{_nearest(name, known)}; "
                        + (f"known here: {', '.join(known)}" if known else "a segment step must come before")
                    )
            if isinstance(step, _ImageStep):
                if step.output == "original":
                    raise ValueError(f"steps[{index}] ({_title(step)}): output: 'original' is never changed")
                images += [step.output] if step.output not in images else []
            made = step.output or step.input if isinstance(step, ScreenStep) else getattr(step, "output", None)
            if isinstance(step, _SegmentStep | ScreenStep) and made and made not in maps:
                maps.append(made)
            if made is not None:
                if made in makers and not _works_in_place(step, made):
                    first = makers[made]
                    raise ValueError(
                        f"steps[{index}] ({_title(step)}): output: {made!r} is the output of steps[{first}] "
                        f"({_title(self.steps[first])}) already and would replace it; choose another name"
                    )
                makers.setdefault(made, index)
        exports = [index for index, step in enumerate(self.steps) if isinstance(step, ExportStep)]
        if exports and exports != [len(self.steps) - 1]:
            raise ValueError(f"steps[{exports[0]}] (export): export comes once, as the last step")
        return self

    @property
    def export(self) -> ExportStep:
        """The export step; its defaults when the configuration has none."""
        last = self.steps[-1]
        return last if isinstance(last, ExportStep) else ExportStep()


def _uses(step: Any, images: list[str], maps: list[str]) -> Iterator[tuple[str, str, list[str], str]]:
    """Names that a step takes: key, name, the names it may be, what it is."""
    for key in ("input", "image", "histogram"):
        if (name := getattr(step, key, None)) is not None:
            is_map = key == "input" and isinstance(step, ScreenStep)
            yield key, name, maps if is_map else images, "label map" if is_map else "image"
    for key in ("within", "lungs"):
        if (name := getattr(step, key, None)) is not None:
            yield key, name, maps, "label map"
    if isinstance(step, FeaturesStep) and step.regions != "all":
        for name in step.regions:
            yield "regions", name, maps, "label map"


def _works_in_place(step: Any, made: str) -> bool:
    """Whether a step may give its result a name that is taken: it changes what has it, or the working copy."""
    if isinstance(step, _ImageStep):
        return made in ("image", step.input)
    return isinstance(step, ScreenStep) and made == step.input


def _title(step: Any) -> str:
    return " ".join(str(v) for v in (step.step, getattr(step, "method", None)) if v)


# --- Reading -----------------------------------------------------------------------------------------------------


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML (no objects), in which a key that is written twice is an error and not the last one wins."""


def _unique_mapping(loader: Any, node: Any, deep: bool = False) -> Any:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is no word", key_node.start_mark)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _unique_mapping)


def preset_path(name: str) -> Path:
    """Path of the YAML file of a preset.

    Raises
    ------
    ConfigError
        There is no such preset; the message lists those that exist.
    """
    names = _preset_names()
    if name not in names:
        raise ConfigError(f"there is no preset {name!r}{_nearest(name, names)}; presets: {', '.join(names)}")
    return _PRESETS / f"{name}.yaml"


def _preset_names() -> list[str]:
    return sorted(path.stem for path in _PRESETS.glob("*.yaml"))


def list_presets() -> dict[str, Config]:
    """All presets of the package by name, validated.

    Examples
    --------
    >>> from cormack import pipeline
    >>> list(pipeline.list_presets())
    ['ct-lung', 'generic', 'mr-brain']
    """
    return {name: load_config(name) for name in _preset_names()}


def load_config(source: str | os.PathLike[str] | Mapping[str, Any] | Config) -> Config:
    """Read and check a configuration.

    Parameters
    ----------
    source : str, path, mapping or Config
        The name of a preset; the path of a YAML file (anything with a folder, a ``.yaml`` or ``.yml`` ending, or a path
        object); or the content itself.

    Returns
    -------
    Config

    Raises
    ------
    ConfigError
        One line with the file, the line, the place and what would be accepted.

    Examples
    --------
    >>> from cormack import pipeline
    >>> pipeline.load_config("ct-lung").modality
    'CT'
    """
    if isinstance(source, Config):
        return source
    if isinstance(source, Mapping):
        return _validate(dict(source), "configuration", None)
    text = os.fspath(source)
    is_path = not isinstance(source, str) or text.endswith((".yaml", ".yml")) or os.path.basename(text) != text
    path = Path(text) if is_path else preset_path(text)
    try:
        content = path.read_text("utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: there is no such file; give a YAML file or one of the presets: {', '.join(_preset_names())}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"{path}: cannot be read: {reason}") from None
    try:
        data = yaml.load(content, Loader=_Loader)
        tree = yaml.compose(content, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not readable"
        raise ConfigError(f"{path}{where}: not valid YAML: {problem}") from None
    except RecursionError:
        raise ConfigError(f"{path}: not valid YAML: nested too deeply") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: a configuration is a mapping with the keys name, description, modality and steps")
    return _validate(data, str(path), tree)


def _validate(data: dict[str, Any], file: str, tree: Any) -> Config:
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        # A misspelt key usually causes a second error about the key that is missing: say the cause first.
        order = {"extra_forbidden": 0, "union_tag_invalid": 0, "union_tag_not_found": 1, "missing": 2}
        problems = sorted(error.errors(include_url=False), key=lambda item: order.get(item["type"], 1))
        first = problems[0]
        if first["type"] == "extra_forbidden":
            parent = first["loc"][:-1]
            problems = [item for item in problems if item["type"] != "missing" or item["loc"][:-1] != parent]
        message = _explain(first)
        loc: tuple[str | int, ...] = first["loc"]
        if not loc and (match := re.match(r"steps\[(\d+)\] \(.*?\): (\w+)", message)):
            loc = ("steps", int(match[1]), match[2])
        line = _line(tree, loc) if tree is not None else None
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise ConfigError(f"{file}{f':{line}' if line else ''}: {message}{more}") from None


def _nearest(word: str, known: Sequence[str]) -> str:
    match = difflib.get_close_matches(str(word), known, n=1, cutoff=0.5)
    return f" (did you mean {match[0]!r}?)" if match else ""


def _place(loc: Sequence[str | int]) -> tuple[str, list[str]]:
    """``steps[1] (filter median)`` and what follows, from pydantic's location with its union tags."""
    if len(loc) >= 2 and loc[0] == "steps" and isinstance(loc[1], int):
        rest = [str(part) for part in loc[2:]]
        tags = []
        if rest and rest[0] in (*_METHODS, *_SINGLE):
            tags.append(rest.pop(0))
            if tags[0] in _METHODS and rest and rest[0] in _method_names(tags[0]):
                tags.append(rest.pop(0))
        return f"steps[{loc[1]}]" + (f" ({' '.join(tags)})" if tags else ""), [*tags, "", *rest]
    return "", ["", *(str(part) for part in loc)]


def _method_names(step: str) -> list[str]:
    return [str(model.model_fields["method"].default) for model in _METHODS.get(step, ())]


def _fields(tags: Sequence[str], inner: Sequence[str]) -> list[str]:
    """Keys accepted at a place."""
    model: type[BaseModel] = Config
    if tags:
        model = _SINGLE.get(tags[0], Config)
        for candidate in _METHODS.get(tags[0], ()):
            if len(tags) > 1 and candidate.model_fields["method"].default == tags[1]:
                model = candidate
    if "window" in inner and model is ExportStep:
        model = DisplayWindow
    return list(model.model_fields)


def _explain(error: Any) -> str:
    """One pydantic error as one line."""
    place, parts = _place(error["loc"])
    cut = parts.index("")
    tags, inner = (
        parts[:cut],
        [part for part in parts[cut + 1 :] if not part.startswith(("list[", "constrained", "tuple["))],
    )
    prefix = f"{place}: " if place else ""
    kind, context = error["type"], error.get("ctx") or {}
    if kind == "extra_forbidden":
        key = inner[-1]
        accepted = _fields(tags, inner[:-1])
        return f"{prefix}unknown key {key!r}{_nearest(key, accepted)}; accepted: {', '.join(accepted)}"
    if kind == "tuple_type" or (
        kind in ("missing", "too_long") and inner and (kind == "too_long" or inner[-1].isdigit())
    ):
        key = inner[-2] if kind == "missing" else inner[-1]
        return f"{prefix}{key}: expected two numbers in brackets, [smallest, largest], got {error.get('input')!r}"
    if kind == "missing":
        return f"{prefix}key {inner[-1]!r} is missing"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        key = str(context["discriminator"]).strip("'")
        accepted = [*_METHODS, *_SINGLE] if key == "step" else _method_names(tags[0])
        if kind == "union_tag_not_found":
            given = error.get("input")
            near = _nearest_key(given, key)
            return f"{prefix}key {key!r} is missing{near}; accepted: {', '.join(accepted)}"
        value = str(context["tag"])
        return f"{prefix}{key} {value!r} is not known{_nearest(value, accepted)}; accepted: {', '.join(accepted)}"
    if kind == "value_error":
        text = str(context.get("error", error["msg"]))
        where = ".".join(inner)
        return f"{prefix}{where + ': ' if where and not text.startswith('steps[') else ''}{text}"
    message = error["msg"][:1].lower() + error["msg"][1:]
    shown = repr(error.get("input"))
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    names = [part for part in inner if part not in ("otsu", "float", "int", "literal['otsu']", "literal['center']")]
    return f"{prefix}{'.'.join(names)}: {message}, got {shown}"


def _nearest_key(given: Any, key: str) -> str:
    if isinstance(given, Mapping):
        match = difflib.get_close_matches(key, [str(k) for k in given], n=1, cutoff=0.6)
        if match:
            return f" (is {match[0]!r} meant to be it?)"
    return ""


def _line(node: Any, loc: Sequence[str | int]) -> int | None:
    """Line of a place in the YAML file, as far as the place exists."""
    line: int | None = None
    for part in loc:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == part:
                    node, line = value, key.start_mark.line + 1
                    break
    return line
