"""Tables of the report: metrics, confusion, folds, importances, the most wrong cases, what was dropped."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..._report.formatting import DASH, number, real, words
from ..._report.reading import Json
from .numbers import interval, metric, parameters, share
from .records import Judged

__all__ = ["confusion_table", "dropped_table", "fold_table", "importance_table", "metric_table", "worst_table"]

_UNDRAWN = {"brier", "log_loss", "mcc"}  # where 1 is not the best, or 0 not the worst
_MOST_IMPORTANCES = 20
_MOST_WORST = 20
_MOST_CONFUSED = 30  # classes of the confusion matrix


def metric_table(metrics: Json, folds: Sequence[Any], classes: int) -> Json:
    """Each metric with its interval and the range over folds; `scale` is where the drawings of them begin."""
    known = {name: entry if isinstance(entry, dict) else {"value": entry} for name, entry in metrics.items()}
    ends = {name: [real(entry.get(key)) for key in ("value", "low", "high")] for name, entry in known.items()}
    drawn = {name for name in known if name not in _UNDRAWN and ends[name][0] is not None}
    least = min((end for name in drawn for end in ends[name] if end is not None), default=0.0)
    scale = 0.5 if least >= 0.5 else 0.0
    rows = []
    for name, entry in known.items():
        seen = [found for fold in folds if (found := _fold_metric(fold, name)) is not None]
        at, low, high = (
            100 * (min(1.0, end) - scale) / (1 - scale) if end is not None and name in drawn else None
            for end in ends[name]
        )
        rows.append(
            {
                **metric(name, classes),
                "value": share(ends[name][0]),
                "raw": "" if ends[name][0] is None else repr(ends[name][0]),
                "interval": interval(entry) or DASH,
                "folds": f"{share(min(seen))} to {share(max(seen))}" if len(seen) > 1 else DASH,
                "at": at,
                "low": low,
                "high": high,
            }
        )
    return {"rows": rows, "scale": f"{scale:g}"}


def _fold_metric(fold: Any, name: str) -> float | None:
    metrics = fold.get("metrics") if isinstance(fold, dict) else None
    value = metrics.get(name) if isinstance(metrics, dict) else None
    # Both ways of writing a metric, with an interval and without.
    return real(value.get("value")) if isinstance(value, dict) else real(value)


def confusion_table(rows: Judged) -> Json:
    """Counts and shares of each true class, and what each class was found and called rightly."""
    count = len(rows.classes)
    matrix = np.zeros((count, count), np.int64)
    np.add.at(matrix, (rows.truth, rows.predicted), 1)
    of_truth, called = matrix.sum(axis=1), matrix.sum(axis=0)
    lines = [
        {
            "name": name,
            "total": int(of_truth[i]),
            "cells": [
                {
                    "count": int(matrix[i, j]),
                    "share": 100 * matrix[i, j] / of_truth[i] if of_truth[i] else None,
                    "right": i == j,
                }
                for j in range(count)
            ],
            "called": int(called[i]),
            "found": share(float(matrix[i, i] / of_truth[i])) if of_truth[i] else DASH,
            "precision": share(float(matrix[i, i] / called[i])) if called[i] else DASH,
        }
        for i, name in enumerate(rows.classes)
    ]
    return {
        "classes": rows.classes,
        "rows": lines,
        "drawn": count <= _MOST_CONFUSED,
        "right": int(np.trace(matrix)),
        "total": int(matrix.sum()),
        "repeats": rows.repeats,
    }


def fold_table(folds: Sequence[Any]) -> Json | None:
    """One line per fold: sizes, chosen parameters, metrics; and their mean and spread."""
    known = [fold for fold in folds if isinstance(fold, dict)]
    if not known:
        return None
    names = list(
        dict.fromkeys(name for fold in known if isinstance(fold.get("metrics"), dict) for name in fold["metrics"])
    )
    lines = [
        {
            "repeat": _ordinal(fold.get("repeat")),
            "fold": _ordinal(fold.get("fold")),
            "sizes": [number(fold.get(key)) for key in ("train_rows", "test_rows", "test_groups", "features_kept")],
            "parameters": parameters(fold.get("parameters")) or DASH,
            "metrics": [{"text": share(value), "raw": "" if value is None else repr(value)} for value in values],
        }
        for fold in known
        for values in [[_fold_metric(fold, name) for name in names]]
    ]
    spread = []
    for name in names:
        values = [value for fold in known if (value := _fold_metric(fold, name)) is not None]
        enough = len(values) > 1
        spread.append((share(statistics.fmean(values)), share(statistics.stdev(values))) if enough else (DASH, DASH))
    return {
        "metrics": [metric(name) for name in names],
        "rows": lines,
        "spread": spread,
        "repeated": len({line["repeat"] for line in lines}) > 1,
        "features": any(fold.get("features_kept") is not None for fold in known),
    }


def _ordinal(value: Any) -> str:
    """Records count from 0, people from 1."""
    return number(value + 1) if isinstance(value, int) else DASH


def importance_table(importances: Sequence[Any]) -> Json | None:
    """The features whose shuffling costs most, with their spread, on one scale."""
    known = [
        (str(item.get("feature")), mean, real(item.get("std")) or 0.0)
        for item in importances
        if isinstance(item, dict) and (mean := real(item.get("mean"))) is not None and math.isfinite(mean)
    ]
    if not known:
        return None
    known.sort(key=lambda item: -item[1])
    # Those that no fold kept say nothing, unless there are no others.
    shown = [item for item in known if item[1] or item[2]][:_MOST_IMPORTANCES] or known[:1]
    low = min(0.0, *(mean - std for _, mean, std in shown))
    high = max(1e-12, *(mean + std for _, mean, std in shown))

    def x(value: float) -> float:
        return 1 + 98 * (value - low) / (high - low)

    decimals = max(3, min(6, 2 - math.floor(math.log10(max(1e-6, shown[0][1])))))
    rows = [
        {
            "feature": feature,
            "mean": f"{round(mean, decimals) + 0.0:.{decimals}f}".replace("-", "\u2212"),
            "std": f"{std:.{decimals}f}",
            "raw": repr(mean),
            "bar": (min(x(0.0), x(mean)), abs(x(mean) - x(0.0))),
            "spread": (x(mean - std), x(mean + std)),
        }
        for feature, mean, std in shown
    ]
    return {"rows": rows, "zero": x(0.0), "total": len(known), "useless": sum(mean <= 0 for _, mean, _ in known)}


def worst_table(rows: Judged) -> Json:
    """Wrongly classified cases, those first whose truth was given the smallest probability; over repeats the mean."""
    of_truth = rows.probabilities[np.arange(len(rows.truth)), rows.truth]
    cases: dict[tuple[str, str, int], list[int]] = {}
    for index, key in enumerate(zip(rows.ids, rows.groups, rows.truth.tolist(), strict=True)):
        cases.setdefault(key, []).append(index)
    wrong = []
    for (name, group, truth), members in cases.items():
        errors = [index for index in members if rows.predicted[index] != truth]
        if errors:
            called = np.bincount(rows.predicted[errors]).argmax()
            wrong.append((float(of_truth[members].mean()), name, group, truth, int(called), members, len(errors)))
    wrong.sort(key=lambda item: item[:3])
    shown = [
        {
            "id": name,
            "group": group,
            "truth": rows.classes[truth],
            "called": rows.classes[called],
            "probability": share(probability),
            "raw": repr(probability),
            "given": share(float(rows.probabilities[members, called].mean())),
            "fold": ", ".join(_ordinal(int(rows.fold[index])) for index in members) if len(members) <= 5 else DASH,
            "times": f"{errors} of {len(members)}",
        }
        for probability, name, group, truth, called, members, errors in wrong[:_MOST_WORST]
    ]
    return {
        "rows": shown,
        "wrong": len(wrong),
        "cases": len(cases),
        "repeats": rows.repeats,
        "groups": any(item["group"] and item["group"] != item["id"] for item in shown),
    }


def dropped_table(dropped: Sequence[Any]) -> list[Json]:
    """Features that were left out, by the reason."""
    reasons: dict[str, list[str]] = {}
    for item in dropped:
        if isinstance(item, dict):
            reasons.setdefault(words(str(item.get("why", ""))) or DASH, []).append(str(item.get("feature")))
    return [{"why": why, "features": names, "count": len(names)} for why, names in reasons.items()]
