"""Reading of ``card.json`` and ``evaluation.json``, and of predictions beside their truth."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..._errors import ReadError
from ..._report.formatting import real
from ..._report.reading import Json, fields, load
from .curves import Floats, Ints

__all__ = ["Judged", "card_fields", "judged", "read_model"]

_CARD = {
    "cormack": str,
    "created": str,
    "target": str,
    "classes": list,
    "model": str,
    "parameters": dict,
    "features": list,
    "extraction": dict,
    "rows": float,
    "groups": float,
    "group_column": str,
    "versions": dict,
    "calibration": str,
    "folds": dict,
    "scoring": str,
    "intervals": str,
    "left_out": dict,
    "metrics": dict,
    "threshold": float,
    "notes": list,
}
_EVALUATION = {
    "predictions": list,
    "folds": list,
    "metrics": dict,
    "importances": list,
    "dropped_features": list,
}


@dataclass(frozen=True)
class Judged:
    """Cases with their truth and the probabilities that a model gave them; classes by their index.

    With repeats of the cross-validation a case has one row for each of them.
    """

    classes: tuple[str, ...]
    positive: int | None
    ids: tuple[str, ...]
    groups: tuple[str, ...]
    truth: Ints
    predicted: Ints
    probabilities: Floats
    fold: Ints
    repeat: Ints

    @property
    def repeats(self) -> int:
        """How many times each case was judged."""
        return len(np.unique(self.repeat)) or 1

    @property
    def case_count(self) -> int:
        """Number of cases, each counted once."""
        return len(self.ids) // self.repeats

    @property
    def shown(self) -> tuple[int, ...]:
        """Classes that get a curve of their own: the positive one of two, each of several, against the rest."""
        return tuple(range(len(self.classes))) if self.positive is None else (self.positive,)

    def of_class(self, index: int) -> int:
        """How many cases are of a class."""
        return int(np.sum(self.truth == index)) // self.repeats

    def folds(self) -> list[Ints]:
        """Rows of each fold of each repeat."""
        keys = np.stack((self.repeat, self.fold), axis=1)
        return [np.flatnonzero((keys == key).all(axis=1)) for key in np.unique(keys, axis=0)]


def read_model(folder: Path) -> tuple[Json, Json, Judged]:
    """The card, the evaluation and its predictions; a field that is missing or of another kind is empty."""
    card_file, evaluation_file = folder / "card.json", folder / "evaluation.json"
    card, evaluation = _load(card_file), _load(evaluation_file)
    whole = {**evaluation, **fields(evaluation, _EVALUATION)}
    known = card_fields(card)
    classes = evaluation.get("classes") or known["classes"]
    try:
        rows = judged(whole["predictions"], classes, evaluation.get("positive"), known["target"])
    except ValueError as error:
        raise ReadError(evaluation_file, str(error), suggestion="train the model again") from None
    return known, whole, rows


def card_fields(card: Json) -> Json:
    """A card of which each field that the page uses is there and of its kind."""
    known = {**card, **fields(card, _CARD)}
    known["features"] = [str(name) for name in known["features"]]
    return known


def _load(path: Path) -> Json:
    try:
        return load(path)
    except FileNotFoundError:
        raise ReadError(
            path, "there is no such file", suggestion="give the folder of a model that `cormack train` wrote"
        ) from None
    except (OSError, ValueError) as error:
        raise ReadError(path, f"is not a record of a model ({error})", suggestion="train the model again") from error


def judged(rows: Iterable[Json], classes: Sequence[Any], positive: Any = None, target: str = "") -> Judged:
    """Predictions as arrays; ValueError says what is wrong with them.

    Of two classes one is positive: the second where none is named. Classes that are no text are called by the target's
    name too: ``True`` alone says nothing.
    """
    names = tuple(str(name) for name in classes)
    index = {name: number for number, name in enumerate(names)}
    if len(names) < 2 or len(index) < len(names):
        raise ValueError(f"two or more different classes are needed, got {list(names)}")
    chosen = index.get(str(positive), 1) if len(names) == 2 else None
    parts: list[tuple[str, str, int, int, list[float], int, int]] = []
    for number, row in enumerate(rows):
        probabilities = row.get("probabilities") if isinstance(row, dict) else None
        if not isinstance(probabilities, list | tuple) or len(probabilities) != len(names):
            raise ValueError(f"prediction {number} has not one probability for each of {len(names)} classes")
        values = [real(value) for value in probabilities]
        if not all(value is not None and math.isfinite(value) and -1e-6 <= value <= 1 + 1e-6 for value in values):
            raise ValueError(f"prediction {number} has probabilities outside 0 to 1")
        for field in ("truth", "predicted"):
            if str(row.get(field)) not in index:
                raise ValueError(f"prediction {number} has {field} {row.get(field)!r}, which is none of the classes")
        parts.append(
            (
                str(row.get("id", row.get("row", number))),
                "" if row.get("group") is None else str(row["group"]),
                index[str(row["truth"])],
                index[str(row["predicted"])],
                [min(1.0, max(0.0, value or 0.0)) for value in values],
                _whole(row.get("fold")),
                _whole(row.get("repeat")),
            )
        )
    if not parts:
        raise ValueError("there are no predictions")
    ids, groups, truth, predicted, probability, fold, repeat = zip(*parts, strict=True)
    shown = (
        name if isinstance(known, str) or not target else f"{target} = {name}"
        for name, known in zip(names, classes, strict=True)
    )
    return Judged(
        tuple(shown),
        chosen,
        ids,
        groups,
        np.array(truth, np.intp),
        np.array(predicted, np.intp),
        np.array(probability, np.float64),
        np.array(fold, np.intp),
        np.array(repeat, np.intp),
    )


def _whole(value: Any) -> int:
    known = real(value)
    return 0 if known is None else int(known)
