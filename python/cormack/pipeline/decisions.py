"""What a trained model says about a case: `cormack.classify` on the rows that the case has in the feature table."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._table import Table

if TYPE_CHECKING:
    from ..classify import Model
    from .config import Config

__all__ = ["Decision", "check", "checksum_of", "decide", "load"]


_MOST_SHOWN = 5


@dataclass(frozen=True)
class Decision:
    """What a model says about a case, and which model it was.

    Parameters
    ----------
    predicted : str
        The class.
    probabilities : mapping of str to float
        By class, in the order of the model.
    shown : str
        The class whose probability tables show: of two the positive one, else the predicted one.
    target : str
        What the classes are of.
    model, sha256 : str
        Name of the model's folder, and SHA-256 of its card, which has those of its files.
    learner : str
        Kind of the learner, as ``svm``.
    auc : mapping of str to float
        ``value``, ``low`` and ``high`` in the model's own cross-validation; empty where it does not say.
    """

    predicted: str
    probabilities: Mapping[str, float]
    shown: str
    target: str
    model: str
    sha256: str
    learner: str
    auc: Mapping[str, float]

    @property
    def columns(self) -> dict[str, Any]:
        """Columns of the feature table, as `cormack.classify.predict` names them."""
        return {"predicted": self.predicted} | {f"probability_{k}": v for k, v in self.probabilities.items()}

    def to_dict(self) -> dict[str, Any]:
        """The entry ``decision`` of ``case.json``."""
        return asdict(self)


def checksum_of(folder: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a model's card, which has those of its other files.

    Parameters
    ----------
    folder : path-like
        The folder of a model.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        There is none.
    """
    try:
        return hashlib.sha256((Path(folder) / "card.json").read_bytes()).hexdigest()
    except OSError:
        words = "has no card.json" if os.path.isdir(folder) else "is no folder"
        raise ValueError(f"model: {folder} {words}; give the folder that `cormack train` wrote") from None


@lru_cache(maxsize=4)
def load(folder: str, checksum: str) -> Model:
    """Read a model, once per process.

    Parameters
    ----------
    folder : str
        Its folder.
    checksum : str
        What `checksum_of` gave for it.

    Returns
    -------
    Model

    Raises
    ------
    ModelRefused
        See `cormack.classify.load_model`; or it is another one by now.
    """
    from .. import classify

    model = classify.load_model(folder)
    if checksum_of(folder) != checksum:
        raise classify.ModelRefused(os.path.basename(folder), "it was changed while it was in use")
    return model


def check(config: Config, masked: bool) -> None:
    """Refuse a configuration whose features are not made as those that its model was trained with.

    Parameters
    ----------
    config : Config
        What is to be done.
    masked : bool
        Whether masks are given.

    Raises
    ------
    ConfigError
        Naming the settings that differ.
    """
    from ..classify._rows import differences
    from .config import ConfigError

    for index, step in enumerate(config.steps):
        if step.step == "classify":
            theirs, ours = load(step.model, str(step.sha256)).card["extraction"], step.extraction(masked)
            if theirs is not None and (found := differences(theirs, ours)):
                shown = "; ".join(f"{place}: model {a!r}, here {b!r}" for place, a, b in found[:_MOST_SHOWN])
                name = os.path.basename(step.model)
                raise ConfigError(
                    f"steps[{index}] (classify): {name} was trained on features of other settings: {shown}"
                )


def decide(
    folder: str, checksum: str, rows: Sequence[Mapping[str, Any]], extraction: Mapping[str, Any] | None = None
) -> Decision:
    """Apply a model to the rows of one case.

    Parameters
    ----------
    folder, checksum : str
        As for `load`.
    rows : sequence of mapping
        See `cormack.pipeline.results.feature_rows`.
    extraction : mapping, optional
        The settings under which they were computed, where they are known.

    Returns
    -------
    Decision

    Raises
    ------
    ValueError
        The features are not those that the model was trained with, or made in another way.
    """
    from ..classify._rows import SEPARATOR
    from ..classify._tables import Source
    from .results import COLUMN_TYPES

    model = load(folder, checksum)
    wanted = dict.fromkeys(name.partition(SEPARATOR)[0] for name in model.features if SEPARATOR in name)
    found = dict.fromkeys(str(row["region"]) for row in rows)
    if wanted and not wanted.keys() & found.keys():
        # What is missing would be filled with medians, and those of nothing are no case.
        raise ValueError(
            f"the model decides by {', '.join(wanted)}, and the case has {', '.join(found) or 'no region'}"
        )
    names = dict.fromkeys([*COLUMN_TYPES, *(name for row in rows for name in row)])
    columns = {name: _column([row.get(name) for row in rows], COLUMN_TYPES.get(name, float)) for name in names}
    # What it was not trained with may be there: a row has the size of its region always.
    (result,) = model.predict(Source(Table(columns), extraction, "the case"), ignore_extra=True).rows()
    if result["predicted"] is None:
        raise ValueError("the case has no feature that the model uses")
    card = model.card
    probabilities = {str(name): float(result[f"probability_{name}"]) for name in card["classes"]}
    predicted = str(result["predicted"])
    positive = card.get("positive")
    return Decision(
        predicted,
        probabilities,
        predicted if positive is None else str(positive),
        card["target"],
        os.path.basename(folder),
        checksum,
        card["model"],
        {key: value for key, value in card["metrics"]["auc"].items() if value is not None},
    )


def _column(values: list[Any], kind: type) -> np.ndarray:
    if kind is str:
        return np.array([*values, None], object)[:-1]
    return np.array([np.nan if value is None else float(value) for value in values])
