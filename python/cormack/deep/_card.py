"""The card beside a network: what it takes, what it gives, what it was made for."""

from __future__ import annotations

import difflib
import json
import math
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from .._errors import BackendUnavailable, ModelRefused
from .._files import bytes_in_words
from .._yaml import unique_loader

TASKS = ("segment", "classify", "detect", "reconstruct")
ACTIVATIONS = ("softmax", "sigmoid", "none")
_FORMAT = 1
_MOST_BYTES = 1 << 20
_MOST_LABELS = 100_000
# Of a patch along one axis: more is no patch.
_LONGEST = 1 << 14
_MOST_CHANNELS = 1024
_WORLD_AXIS = {"R": 0, "L": 0, "A": 1, "P": 1, "S": 2, "I": 2}
_INTENSITY: dict[str, tuple[str, ...]] = {
    "none": (),
    "window": ("low", "high", "out"),
    "zscore": ("mean", "std", "low", "high", "nonzero"),
    "percentile": ("low", "high", "out", "nonzero"),
}


@dataclass(frozen=True, slots=True)
class Card:
    """What the card beside an ``.onnx`` file says; docs/models.md describes each field.

    Parameters
    ----------
    name : str
        What the network is called.
    task : {"segment", "classify", "detect", "reconstruct"}
        What its outputs are.
    patch : tuple of int
        What goes in at once, in voxels, (z, y, x); (y, x) for a network that looks at slices.
    intensity : mapping
        How grey values are brought to the network's: ``type`` is "none", "window", "zscore" or "percentile".
    labels : tuple of str
        A name for each channel of the output; none for "reconstruct".
    background : str, optional
        The label that is no object. Without the field: ``"background"`` where that is a label.
    spacing_mm : tuple of float, optional
        Voxel size that the network was trained with, in the order of `patch`, mm; None: any.
    orientation : str, optional
        Where the axes run to, as `Volume.orientation` says; None: any.
    channels : int, default 1
        Images that go in together.
    activation : {"softmax", "sigmoid", "none"}
        What turns the output into probabilities; "none" where the network does so itself.
    threshold : float, default 0.5
        From which probability a label is there, where labels do not exclude each other.
    fit : {"resize", "crop"}
        "classify": how a whole image comes to the shape of the patch. Default: "resize" where `spacing_mm` is None.
    boxes : mapping
        "detect": ``format`` is "corners" or "center", ``order`` "zyx" or "xyz".
    sha256 : str, optional
        Of the ``.onnx`` file; another file is refused.
    version, licence, trained_on, intended_use, note : str
        For people.
    metrics : mapping
        What was measured, for people.
    """

    name: str
    task: str
    patch: tuple[int, ...]
    intensity: Mapping[str, Any]
    labels: tuple[str, ...] = ()
    background: str | None = None
    spacing_mm: tuple[float, ...] | None = None
    orientation: str | None = None
    channels: int = 1
    activation: str = "none"
    threshold: float = 0.5
    fit: str = "resize"
    boxes: Mapping[str, str] = field(default_factory=lambda: {"format": "corners", "order": "zyx"})
    sha256: str | None = None
    version: str = ""
    licence: str = ""
    trained_on: str = ""
    intended_use: str = ""
    note: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ndim(self) -> int:
        """2 for a network that looks at slices, else 3."""
        return len(self.patch)

    @property
    def exclusive(self) -> bool:
        """Whether a voxel, image or box has one label, the most probable, and not any number of them."""
        return self.activation == "softmax" or (self.activation == "none" and self.background is not None)

    @property
    def objects(self) -> dict[str, int]:
        """The labels but the background, with their numbers in label maps: from 1, in the order of the card."""
        return {label: number for number, label in enumerate((x for x in self.labels if x != self.background), 1)}


def find_card(model: Path) -> Path:
    """Return the card of an ``.onnx`` file: of its name, else ``model.json``, ``.yaml`` or ``.yml``."""
    for stem in dict.fromkeys((model.stem, "model")):
        found = [path for end in (".json", ".yaml", ".yml") if (path := model.with_name(stem + end)).exists()]
        if len(found) > 1:
            raise ModelRefused(model, f"has several cards: {', '.join(path.name for path in found)}; keep one")
        if found:
            return found[0]
    raise ModelRefused(
        model, f"has no card: {model.stem}.json or .yaml beside it says what goes in and out (docs/models.md)"
    )


def read_bytes(path: Path, most: int, limit: str = "") -> bytes:
    """Return a regular file, once: what is checked is what is run."""
    try:
        # A named pipe would be waited for.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ModelRefused(path, "is no regular file")
            data = file.read(most + 1)
    except OSError as error:
        raise ModelRefused(path, f"cannot be read: {error.strerror}") from None
    if len(data) > most:
        raise ModelRefused(path, f"is larger than {bytes_in_words(most)}, the limit{limit}")
    return data


def read_card(path: Path) -> Card:
    """Read and check a card; ModelRefused says what is wrong with it."""
    try:
        text = read_bytes(path, _MOST_BYTES, " of a card").decode("utf-8")
    except UnicodeDecodeError:
        raise ModelRefused(path, "is not UTF-8 text") from None
    data = _parsed(path, text)
    if not isinstance(data, dict):
        raise ModelRefused(path, "is no card: it must be a mapping with the keys name, task, patch, intensity, ...")
    return card_of(data, path)


def _parsed(path: Path, text: str) -> Any:
    if path.suffix == ".json":
        try:
            return json.loads(text, object_pairs_hook=lambda pairs: _unique(path, pairs))
        except ModelRefused:
            raise
        except (ValueError, RecursionError) as error:
            # Not JSON alone: a number may have too many digits.
            raise ModelRefused(path, f"is not valid JSON: {error}") from None
    try:
        import yaml
    except ImportError as error:
        raise BackendUnavailable('PyYAML is needed for cards in YAML; pip install "cormack[onnx]"') from error
    try:
        return yaml.load(text, unique_loader())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # Not YAML alone: a date may not exist, a number may have too many digits.
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        words = " ".join(str(getattr(error, "problem", None) or error).split())
        raise ModelRefused(path, f"is not valid YAML{where}: {words}") from None


def _unique(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ModelRefused(path, f"gives {twice!r} twice")
    return result


def card_of(data: Mapping[str, Any], path: Path) -> Card:
    """Make a card of what a file says, or say which field is wrong; `path` is for the message."""
    given = _Fields(dict(data), path)
    known = {item.name for item in fields(Card)} | {"format"}
    for name in data:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            raise ModelRefused(
                path, f"has an unknown field {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
            )
    if given.data.get("format", _FORMAT) != _FORMAT:
        raise given.wrong("format", f"be {_FORMAT}, the one that this version knows")
    task = given.choice("task", TASKS)
    patch = given.whole_numbers("patch")
    ndim = len(patch)
    spacing = given.data.get("spacing_mm")
    if spacing is not None:
        spacing = given.numbers("spacing_mm", ndim)
        if min(spacing) <= 0:
            raise given.wrong("spacing_mm", "be above 0")
    labels = given.labels(task)
    background = given.data.get("background", "background" if "background" in labels else None)
    if background is not None and background not in labels:
        raise given.wrong("background", "be one of the labels or null")
    channels = given.whole("channels", 1, _MOST_CHANNELS, default=1)
    threshold = given.data.get("threshold", 0.5)
    if not _is_number(threshold) or not 0 <= threshold <= 1:
        raise given.wrong("threshold", "be a number from 0 to 1")
    words = ("version", "licence", "trained_on", "intended_use", "note")
    return Card(
        name=given.text("name", required=True),
        task=task,
        patch=patch,
        intensity=given.intensity(),
        labels=labels,
        background=background,
        spacing_mm=spacing,
        orientation=given.orientation(),
        channels=channels,
        activation=given.choice("activation", ACTIVATIONS, default="none"),
        threshold=float(threshold),
        fit=given.choice("fit", ("resize", "crop"), default="resize" if spacing is None else "crop"),
        boxes=given.boxes(),
        sha256=given.digest(),
        metrics=given.mapping("metrics"),
        **{word: given.text(word) for word in words},
    )


def _is_number(value: Any) -> bool:
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        # A whole number beyond all that are float.
        return False


class _Fields:
    """Fields of a card, each with its rule."""

    def __init__(self, data: dict[str, Any], path: Path) -> None:
        self.data, self.path = data, path

    def wrong(self, name: str, rule: str, values: Mapping[str, Any] | None = None) -> ModelRefused:
        value = (self.data if values is None else values).get(name.rsplit(".", 1)[-1])
        # YAML can say in a few lines what takes the machine's memory to print.
        shallow = isinstance(value, (list, tuple)) and not any(isinstance(item, (list, dict)) for item in value[:99])
        said = type(value).__name__ if isinstance(value, (list, tuple, dict)) and not shallow else repr(value)[:80]
        return ModelRefused(self.path, f"`{name}` must {rule}, got {said}")

    def text(self, name: str, required: bool = False) -> str:
        value = self.data.get(name, "")
        # `version: 1.0` is a number in YAML.
        value = str(value) if name == "version" and _is_number(value) else value
        if not isinstance(value, str) or (required and not value.strip()):
            raise self.wrong(name, "be text")
        # Control characters steer terminals, and half of a character cannot be written.
        if not all(letter.isprintable() or letter in "\n\t" for letter in value) or (required and "\n" in value):
            raise self.wrong(name, "be printable text")
        return value

    def choice(self, name: str, accepted: tuple[str, ...], default: str | None = None) -> str:
        value = self.data.get(name, default)
        if not isinstance(value, str) or value not in accepted:
            raise self.wrong(name, "be one of " + ", ".join(accepted))
        return value

    def whole(self, name: str, least: int, most: int, default: int) -> int:
        value = self.data.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.wrong(name, f"be a whole number from {least} to {most}")
        return value

    def whole_numbers(self, name: str) -> tuple[int, ...]:
        value = self.data.get(name)
        right = isinstance(value, (list, tuple)) and len(value) in (2, 3)
        if not right or not all(type(n) is int and 1 <= n <= _LONGEST for n in value or ()):
            raise self.wrong(name, f"be two or three whole numbers, (y, x) or (z, y, x), from 1 to {_LONGEST}")
        return tuple(value or ())

    def numbers(self, name: str, count: int, values: Mapping[str, Any] | None = None) -> tuple[float, ...]:
        value = (self.data if values is None else values).get(name.rsplit(".", 1)[-1])
        if not isinstance(value, (list, tuple)) or len(value) != count or not all(map(_is_number, value)):
            raise self.wrong(name, f"be {count} numbers", values)
        return tuple(map(float, value))

    def mapping(self, name: str) -> dict[str, Any]:
        value = self.data.get(name, {})
        if not isinstance(value, dict):
            raise self.wrong(name, "be a mapping")
        return value

    def labels(self, task: str) -> tuple[str, ...]:
        value = self.data.get("labels", [])
        if not isinstance(value, list) or not all(
            isinstance(label, str) and label.strip() and label.isprintable() for label in value
        ):
            raise self.wrong("labels", "be a list of printable names, one for each channel of the output")
        if len(set(value)) != len(value) or len(value) > _MOST_LABELS:
            raise self.wrong("labels", f"be different names, at most {_MOST_LABELS}")
        if bool(value) == (task == "reconstruct"):
            raise self.wrong("labels", f"{'be left out' if value else 'name the channels'} where the task is {task!r}")
        return tuple(value)

    def orientation(self) -> str | None:
        value = self.data.get("orientation")
        if value is None:
            return None
        if not isinstance(value, str) or not re.fullmatch("[RLAPSI]{3}", value.upper()):
            raise self.wrong("orientation", "be three letters such as 'LPS', where the axes x, y and z run to")
        if {_WORLD_AXIS[letter] for letter in value.upper()} != {0, 1, 2}:
            raise self.wrong("orientation", "have one letter of each pair R/L, A/P, S/I")
        return value.upper()

    def boxes(self) -> dict[str, str]:
        value = {"format": "corners", "order": "zyx"} | self.mapping("boxes")
        accepted = {"format": ("corners", "center"), "order": ("zyx", "xyz")}
        for name, words in value.items():
            if name not in accepted or words not in accepted[name]:
                raise ModelRefused(self.path, "`boxes` takes format (corners, center) and order (zyx, xyz)")
        return value

    def digest(self) -> str | None:
        value = self.data.get("sha256")
        if value is None:
            return None
        if not isinstance(value, str) or not re.fullmatch("[0-9a-fA-F]{64}", value):
            raise self.wrong("sha256", "be 64 hexadecimal digits")
        return value.lower()

    def intensity(self) -> dict[str, Any]:
        value = self.data.get("intensity")
        kinds = ", ".join(_INTENSITY)
        if not isinstance(value, dict) or not isinstance(value.get("type"), str) or value["type"] not in _INTENSITY:
            raise self.wrong("intensity", f"be a mapping with a `type`, one of {kinds}")
        kind = value["type"]
        if unknown := [str(name) for name in value if name not in ("type", *_INTENSITY[kind])]:
            accepted = ", ".join(_INTENSITY[kind]) or "nothing else"
            raise ModelRefused(self.path, f"`intensity.{unknown[0]}` is unknown; {kind!r} takes {accepted}")
        result: dict[str, Any] = {"type": kind}
        for name in ("low", "high", "mean", "std"):
            if name in value:
                if not _is_number(value[name]):
                    raise self.wrong(f"intensity.{name}", "be a number", value)
                result[name] = float(value[name])
        if kind in ("window", "percentile") and not {"low", "high"} <= set(result):
            raise ModelRefused(self.path, f"`intensity` of type {kind!r} needs `low` and `high`")
        if kind == "percentile" and not 0 <= result["low"] < result["high"] <= 100:
            raise self.wrong("intensity.low", "lie below `high`, both from 0 to 100", value)
        if not result.get("low", -math.inf) < result.get("high", math.inf):
            raise self.wrong("intensity.low", "lie below `high`", value)
        if ("mean" in result) != ("std" in result) or result.get("std", 1.0) <= 0:
            raise ModelRefused(self.path, "`intensity` needs `mean` and a `std` above 0, or none of both")
        if kind in ("window", "percentile"):
            result["out"] = self.numbers("intensity.out", 2, {"out": (0.0, 1.0)} | value)
        nonzero = value.get("nonzero", False)
        if not isinstance(nonzero, bool):
            raise self.wrong("intensity.nonzero", "be true or false", value)
        return result | ({"nonzero": nonzero} if "nonzero" in _INTENSITY[kind] else {})
