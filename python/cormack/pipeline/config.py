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
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator

from .._yaml import unique_loader
from .step_models import (
    METHODS,
    SINGLE,
    ClassifyStep,
    DisplayWindow,
    ExportStep,
    FeaturesStep,
    MakesImage,
    MakesLabels,
    Model,
    ScreenStep,
    Step,
)

__all__ = ["Config", "ConfigError", "list_presets", "load_config", "preset_path"]

_PRESETS = Path(__file__).resolve().parent.parent / "presets"


class ConfigError(ValueError):
    """A configuration that cannot be used; the message is one line that says what to change."""


def _upper(value: str) -> str:
    return value.strip().upper()


class Config(Model):
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
    device : {"cpu", "cuda"}, optional
        Where steps compute that can: ``cuda`` uploads an image once and keeps it on the GPU from step to step. What has
        no GPU form is done on the CPU, which the log and the record say. Default: the CPU.
    """

    name: Annotated[str, Field(min_length=1, max_length=80)]
    description: str = ""
    modality: Annotated[str, AfterValidator(_upper)] | None = None
    steps: Annotated[list[Step], Field(min_length=1)]
    device: Literal["cpu", "cuda"] | None = None

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
            if isinstance(step, MakesImage):
                if step.output == "original":
                    raise ValueError(f"steps[{index}] ({_title(step)}): output: 'original' is never changed")
                images += [step.output] if step.output not in images else []
            for key in ("response", "probability"):
                if (given := getattr(step, key, None)) == "original":
                    raise ValueError(f"steps[{index}] ({_title(step)}): {key}: 'original' is never changed")
                if given is not None and given not in images:
                    images.append(given)
            made = step.output or step.input if isinstance(step, ScreenStep) else getattr(step, "output", None)
            if isinstance(step, MakesLabels | ScreenStep) and made and made not in maps:
                maps.append(made)
            if made is not None:
                if made in makers and not _works_in_place(step, made):
                    first = makers[made]
                    raise ValueError(
                        f"steps[{index}] ({_title(step)}): output: {made!r} is the output of steps[{first}] "
                        f"({_title(self.steps[first])}) already and would replace it; choose another name"
                    )
                makers.setdefault(made, index)
        deciding = [index for index, step in enumerate(self.steps) if isinstance(step, ClassifyStep)]
        if len(deciding) > 1:
            raise ValueError(f"steps[{deciding[1]}] (classify): model: there is one already, in steps[{deciding[0]}]")
        if deciding and not any(isinstance(step, FeaturesStep) for step in self.steps[: deciding[0]]):
            raise ValueError(f"steps[{deciding[0]}] (classify): model: a features step must come before")
        for step in self.steps:
            if isinstance(step, ClassifyStep):
                from .results import extraction

                step.follows((extraction(self, masked=False), extraction(self, masked=True)))
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
    for key in ("input", "image", "histogram", "score_image"):
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
    if isinstance(step, MakesImage):
        return made in ("image", step.input)
    return isinstance(step, ScreenStep) and made == step.input


def _title(step: Any) -> str:
    return " ".join(str(v) for v in (step.step, getattr(step, "method", None)) if v)


# --- Reading -----------------------------------------------------------------------------------------------------


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
    ['ct-lung', 'ct-lung-deep', 'generic', 'mr-brain', 'radiomics']
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
        return _validate(dict(source), "configuration", None, "")
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
        data = yaml.load(content, Loader=unique_loader())
        tree = yaml.compose(content, Loader=unique_loader())
    except (yaml.YAMLError, ValueError) as error:
        # Not YAML alone: a date may not exist.
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not readable"
        raise ConfigError(f"{path}{where}: not valid YAML: {problem}") from None
    except RecursionError:
        raise ConfigError(f"{path}: not valid YAML: nested too deeply") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: a configuration is a mapping with the keys name, description, modality and steps")
    return _validate(data, str(path), tree, os.path.dirname(path))


def _validate(data: dict[str, Any], file: str, tree: Any, folder: str) -> Config:
    try:
        return Config.model_validate(data, context={"folder": folder})
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
        if rest and rest[0] in (*METHODS, *SINGLE):
            tags.append(rest.pop(0))
            if tags[0] in METHODS and rest and rest[0] in _method_names(tags[0]):
                tags.append(rest.pop(0))
        return f"steps[{loc[1]}]" + (f" ({' '.join(tags)})" if tags else ""), [*tags, "", *rest]
    return "", ["", *(str(part) for part in loc)]


def _method_names(step: str) -> list[str]:
    return [str(model.model_fields["method"].default) for model in METHODS.get(step, ())]


def _fields(tags: Sequence[str], inner: Sequence[str]) -> list[str]:
    """Keys accepted at a place."""
    model: type[BaseModel] = Config
    if tags:
        model = SINGLE.get(tags[0], Config)
        for candidate in METHODS.get(tags[0], ()):
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
        accepted = [*METHODS, *SINGLE] if key == "step" else _method_names(tags[0])
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
