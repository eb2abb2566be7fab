"""The HTML report of a classifier, built from ``card.json`` and ``evaluation.json`` alone, and that of predictions."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..._check import fail
from ..._files import replacing
from ..._report import style_and_script, template
from ..._report.formatting import number, when, words
from ..._report.reading import Json
from .._metrics import with_intervals
from .curves import brier
from .figures import calibration_plot, distribution_plots, precision_recall_plot, roc_plot
from .numbers import parameters, share
from .records import Judged, card_fields, judged, read_model
from .tables import confusion_table, dropped_table, fold_table, importance_table, metric_table, worst_table
from .text import REFERENCES, group_word, has_groups, kind_of_model, limits, methods, summary, warnings

__all__ = ["write_prediction_report", "write_report"]

_HERE = Path(__file__).parent
_MOST_TILES = 6  # classes with a number of their own at the top


def write_report(folder: str | os.PathLike[str]) -> Path:
    """Build ``FOLDER/report.html`` from the ``card.json`` and ``evaluation.json`` of a model.

    The page holds everything and refers to nothing outside itself. The model is not loaded, and all curves are computed
    from the out-of-fold predictions. The page is written under a temporary name and renamed.

    Parameters
    ----------
    folder : path-like
        The folder of a model, as `Model.save` and ``cormack train`` write it.

    Returns
    -------
    pathlib.Path
        The report that was written.

    Raises
    ------
    cormack.io.ReadError
        If one of the two files is missing or holds something else.
    BackendUnavailable
        If Jinja2 is not installed.

    Examples
    --------
    >>> from cormack.classify.report import write_report
    >>> write_report("model")  # doctest: +SKIP
    PosixPath('model/report.html')
    """
    folder = Path(folder)
    card, evaluation, rows = read_model(folder)
    metrics = evaluation["metrics"] or card["metrics"]
    title = f"{words(kind_of_model(card['model']))} for {card['target'] or 'an unnamed target'}"
    context = {
        **_common(rows, metrics, card, evaluation["folds"], title, trained=True),
        "importances": importance_table(evaluation["importances"]),
        "dropped": dropped_table(evaluation["dropped_features"]),
        "left_out": ", ".join(f"{number(count)} {why}" for why, count in card["left_out"].items()),
        "methods": methods(card, evaluation, rows),
        "references": REFERENCES,
        "model": kind_of_model(card["model"]),
        "parameters": parameters(card["parameters"]),
        "extraction": json.dumps(card["extraction"], indent=2, ensure_ascii=False) if card["extraction"] else "",
    }
    return _write(folder / "report.html", context)


def write_prediction_report(
    path: str | os.PathLike[str],
    predictions: Iterable[Mapping[str, Any]],
    *,
    classes: Sequence[Any],
    positive: Any = None,
    metrics: Mapping[str, Any] | None = None,
    card: Mapping[str, Any] | None = None,
    title: str = "Predictions against the truth",
) -> Path:
    """Write a report of predictions on cases whose truth is known.

    Parameters
    ----------
    path : path-like
        The HTML file to write or to replace.
    predictions : iterable of mappings
        Rows as those of ``evaluation.json``: ``truth``, ``predicted``, ``probabilities`` (one for each class, in the
        order of `classes`), and, where they are known, ``id`` and ``group``.
    classes : sequence
        All classes of the model.
    positive : optional
        The positive one of two classes; the second by default.
    metrics : mapping, optional
        ``{"value", "low", "high"}`` of each metric by its name; by default those of `cormack.classify.train`, with
        intervals that know of groups where the rows have them.
    card : mapping, optional
        The model's ``card.json``, for its kind, target, threshold and versions.
    title : str, default "Predictions against the truth"
        Heading of the page.

    Returns
    -------
    pathlib.Path
        The report that was written.

    Raises
    ------
    ValueError
        If there are no predictions, or one of them has no truth or no probability for each class.
    BackendUnavailable
        If Jinja2 is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from cormack.classify.report import write_prediction_report
    >>> rows = [
    ...     {"id": "a", "truth": "benign", "predicted": "benign", "probabilities": [0.9, 0.1]},
    ...     {"id": "b", "truth": "malignant", "predicted": "benign", "probabilities": [0.6, 0.4]},
    ... ]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_prediction_report(f"{folder}/report.html", rows, classes=["benign", "malignant"])
    ...     path.name
    'report.html'
    """
    known = card_fields(dict(card or {}))
    try:
        rows = judged(map(dict, predictions), classes, positive, known["target"])
    except ValueError as error:
        raise fail("write_prediction_report", "predictions", f"be usable ({error})", predictions) from None
    measured = _measured(rows) if metrics is None else dict(metrics)
    return _write(Path(path), _common(rows, measured, known, (), title, trained=False))


def _measured(rows: Judged) -> Json:
    # The positive class of two comes last, as these metrics have it.
    order = [1, 0] if rows.positive == 0 else list(range(len(rows.classes)))
    place = np.argsort(order)
    groups = np.array([group or f"row {number}" for number, group in enumerate(rows.groups)])
    once = place[rows.truth], rows.probabilities[:, order], place[rows.predicted]
    return dict(with_intervals([once], groups, seed=0))


def _common(
    rows: Judged, metrics: Json, card: Json, folds: Sequence[Any], title: str, *, trained: bool
) -> dict[str, Any]:
    """What both pages show."""
    several = rows.positive is None
    threshold = None if several else card["threshold"]
    groups = None
    if has_groups(card):
        known = len(set(rows.groups))
        groups = {"name": words(group_word(card)), "one": group_word(card, many=False), "count": known}
    counts = [
        {
            "name": name,
            "count": rows.of_class(index),
            "percent": number(100 * rows.of_class(index) / rows.case_count, "%"),
        }
        for index, name in enumerate(rows.classes)
    ]
    contents = [("metrics", "Performance"), ("curves", "Discrimination"), ("confusion", "Confusion matrix")]
    contents += [("calibration", "Calibration"), ("probabilities", "Probabilities")]
    contents += [("importances", "Importance")] if trained else []
    contents += [("folds", "Folds")] if trained and folds else []
    contents += [("worst", "Most wrong cases")]
    contents += [("dropped", "Left out"), ("methods", "How this was made")] if trained else []
    return {
        "title": title,
        "trained": trained,
        "card": card,
        "created": when(card["created"]) if card["created"] else "",
        "summary": summary(metrics, rows, card, trained),
        "warnings": warnings(metrics, rows, card, trained),
        "contents": [*contents, ("limits", "Limits")],
        "case_count": rows.case_count,
        "groups": groups,
        "class_counts": counts if len(counts) <= _MOST_TILES else [],
        "class_count": len(counts),
        "several": several,
        "positive": "" if rows.positive is None else rows.classes[rows.positive],
        "threshold": "" if threshold is None else share(threshold),
        "metrics": metric_table(metrics, folds, len(rows.classes)),
        "roc": roc_plot(rows),
        "precision_recall": precision_recall_plot(rows),
        "confusion": confusion_table(rows),
        "decision": _decision(rows, card),
        "calibration": calibration_plot(rows),
        "calibration_text": _calibration_text(rows),
        "distributions": distribution_plots(rows, threshold),
        "folds": fold_table(folds),
        "worst": worst_table(rows),
        "importances": None,
        "limits": limits(card, rows, trained),
    }


def _decision(rows: Judged, card: Json) -> str:
    """How probabilities became classes."""
    by_share = isinstance(card.get("priors"), list)
    if rows.positive is None:
        if by_share:
            return "A case is called the class whose probability stands highest over its share of the training cases."
        largest = bool((rows.probabilities.argmax(axis=1) == rows.predicted).all())
        return "A case is called what is most probable." if largest else ""
    name, threshold = rows.classes[rows.positive], card["threshold"]
    if threshold is None:
        return ""
    if by_share:
        return (
            f"A case is called {name} where its probability is above the share of {name} among the training cases, "
            f"{share(threshold)} for the final model."
        )
    return f"A case is called {name} where its probability is above {share(threshold)}."


def _calibration_text(rows: Judged) -> str:
    text = f"Brier score {share(brier(rows.truth, rows.probabilities))}."
    if rows.positive is None:
        return text + " It is the sum over classes; 0 is best, 2 is worst."
    prevalence = float((rows.truth == rows.positive).mean())
    mean = float(rows.probabilities[:, rows.positive].mean())
    return (
        f"{text} Predicting {share(prevalence)} for every case, the share of {rows.classes[rows.positive]}, "
        f"would have {share(prevalence * (1 - prevalence))}. The mean of the predicted probabilities is {share(mean)}."
    )


def _write(path: Path, context: dict[str, Any]) -> Path:
    page = template(_HERE, "page.html.jinja")
    look = style_and_script(_HERE, ("page.js",), ("page.css", "classifier.css"))
    # Names may carry lone surrogates, which UTF-8 refuses; a question mark in the page is the lesser evil.
    with replacing(path) as temporary:
        temporary.write_text(page.render(look, **context), "utf-8", errors="replace", newline="\n")
    return path
