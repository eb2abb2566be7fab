"""Training and its honest measure: nested cross-validation in which no group is on both sides of any split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from .. import __version__, _check
from .._config import get_num_threads
from .._model_folder import versions
from . import _estimators, _metrics
from ._folder import FORMAT
from ._model import NOTE, Model, decide
from ._rows import Data, key_of, prepare
from ._search import Fitter, Plan, Progress, Split, Told, one_thread, scorer_of, splits_of

_MOST_CLASSES = 20
_PERMUTATIONS = 5
# Rows of permuted features that a model is shown at a time.
_CHUNK = 20_000
_LARGEST_SEED = 2**31 - 1


def train(
    table: Any,
    target: str,
    *,
    model: str = "svm",
    groups: str | None = None,
    labels: Any = None,
    positive: Any = None,
    features: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    seed: int = 0,
    folds: int = 5,
    inner_folds: int = 3,
    repeats: int = 1,
    scoring: str | None = None,
    calibration: str = "sigmoid",
    extraction: Mapping[str, Any] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Model:
    """Train a classifier on a table of features, and measure it by nested cross-validation.

    Medians for what is missing, constant and correlated features, scaling, selection, parameters and calibration are
    fitted within the training rows of each fold alone. The model that is returned is fitted to all rows in the same
    way; its metrics are those of the folds, which it did not see.

    Parameters
    ----------
    table : path-like, mapping, pandas or Polars frame
        One row for each case: a path of ``.parquet`` or ``.csv``, or columns by name. A table of `cormack.pipeline.run`
        has a row for each region and object; it becomes one row for each case, with columns ``region__feature``.
        Failed cases, and cases without target or without any feature, are left out and counted in the card.
    target : str
        The column of classes: text, integers or bools, at most 20 of them.
    model : {"svm", "random-forest", "boosting", "logistic"}
        Linear and Gaussian support vectors, a random forest, gradient boosting of histograms, or logistic regression.
        Rare classes count as much as frequent ones.
    groups : str, optional
        The column of groups, as patients: rows of one group are never on both sides of a split. Without it, rows of
        the same ``case`` (or another column of ids) are a group, where there are such.
    labels : path-like, mapping or frame, optional
        A table with ``case`` and the columns `target` and `groups`, where `table` lacks them.
    positive : object, optional
        Of two classes, the one that is looked for; by default the last in order.
    features : sequence of str, optional
        Patterns (``stat_*``) of the columns that are features; by default all of numbers that do not look like ids.
    exclude : sequence of str
        Patterns of columns that are none.
    seed : int, default 0
        The same seed gives the same numbers, to the last digit, for any number of threads and any order of rows.
    folds, inner_folds : int
        Parts of the outer cross-validation, which measures, and of the inner one, which chooses and calibrates.
    repeats : int, default 1
        Outer cross-validations with different splits; metrics are means.
    scoring : str, optional
        scikit-learn's name of what the inner one maximises; by default the area under the ROC curve, for several
        classes balanced accuracy.
    calibration : {"sigmoid", "isotonic"}
        How scores become probabilities.
    extraction : mapping, optional
        The settings under which the features were computed, where the table does not say.
    workers : int, optional
        Threads; by default the library's number.
    progress : callable, optional
        Called as ``progress(done, total, what)``.

    Returns
    -------
    Model
        Fitted to all rows. Its ``card`` has metrics, settings and features, ``save`` keeps it in a folder, and
        `predict` applies it.

    Raises
    ------
    ValueError, TypeError
        What is wrong with the table or an argument.
    BackendUnavailable
        scikit-learn is not installed.

    Notes
    -----
    A row is called positive where its calibrated probability is above the share of positives among the training rows
    (the card's ``threshold``), which is the best choice where both errors weigh the same for either class.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import classify
    >>> rng = np.random.default_rng(0)
    >>> malignant = np.arange(60) % 2 == 1
    >>> table = {"size": malignant + rng.normal(0, 0.3, 60), "noise": rng.normal(size=60), "malignant": malignant}
    >>> model = classify.train(table, "malignant", model="logistic", folds=3)
    >>> model.card["metrics"]["auc"]["value"] > 0.9
    True
    """
    name = "train"
    _check.choice(name, "model", model, _estimators.MODELS)
    _check.choice(name, "calibration", calibration, ("sigmoid", "isotonic"))
    seed = _check.integer(name, "seed", seed, minimum=0, maximum=_LARGEST_SEED)
    folds = _check.integer(name, "folds", folds, minimum=2)
    inner_folds = _check.integer(name, "inner_folds", inner_folds, minimum=2)
    repeats = _check.integer(name, "repeats", repeats, minimum=1)
    threads = _check.workers(name, workers) or get_num_threads()
    data = prepare(table, target, groups=groups, labels=labels, features=features, exclude=exclude)
    classes, y = _classes(data, target, positive)
    # Splits and sums follow the order of rows: one that does not depend on how the table was sorted.
    order = _canonical(data, y)
    x, y = data.values[order], y[order]
    units = None if data.groups is None else data.groups[order]
    _check_counts(y, units, classes, folds, inner_folds)
    scorer = None if scoring is None else scorer_of(scoring)
    steps = len(_estimators.preparations(model)) * len(_estimators.candidates(model)) * inner_folds + inner_folds + 1
    told = Told(progress, steps * (folds * repeats + 1))
    with threadpool_limits(1), ThreadPoolExecutor(threads, initializer=one_thread) as pool:
        fitter = Fitter(model, seed, inner_folds, len(classes), calibration, scorer, pool, told)
        tested = list(_folds(fitter, x, y, units, folds, repeats, seed))
        told.what = "final model"
        plan = fitter.plan(x, y, units, seed)
        final, chosen = fitter.fitted(x, y, plan), plan.chosen
        sets = [_joined([fold for fold in tested if fold.repeat == repeat], y) for repeat in range(repeats)]
        metrics = _metrics.with_intervals(sets, np.arange(len(y)) if units is None else units, seed)
    unused = [{"feature": a, "why": b} for a, b in _estimators.unused_by(_pipeline_of(final), data.names)]
    counts = np.bincount(y, minlength=len(classes))
    priors = (counts / len(y)).tolist()
    card: dict[str, Any] = {
        "format": FORMAT,
        "cormack": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "kind": "classifier",
        "task": "binary" if len(classes) == 2 else "multiclass",
        "target": target,
        "classes": classes,
        "positive": classes[1] if len(classes) == 2 else None,
        "model": model,
        "parameters": chosen,
        "calibration": calibration,
        "features": data.names,
        "extraction": dict(extraction) if extraction is not None else data.extraction,
        "rows": len(y),
        "groups": None if units is None else len(set(units)),
        "group_column": data.group_column,
        "left_out": data.left_out,
        "seed": seed,
        "folds": {"outer": folds, "inner": inner_folds, "repeats": repeats},
        "scoring": scoring or ("roc_auc" if len(classes) == 2 else "balanced_accuracy"),
        "versions": versions(),
        "metrics": metrics,
        "intervals": _metrics.INTERVALS,
        "threshold": priors[1] if len(classes) == 2 else None,
        "priors": priors,
        "notes": [*data.notes, *_notes(x, y, units)],
        "files": {},
        "note": NOTE,
    }
    evaluation = {
        "classes": classes,
        "positive": card["positive"],
        "predictions": [row for fold in tested for row in _rows(fold, data, order, classes)],
        "folds": [_fold_entry(fold, y, units, len(classes)) for fold in tested],
        "metrics": metrics,
        "importances": _importances(tested, data.names),
        "class_counts": {str(name): int(count) for name, count in zip(classes, counts, strict=True)},
        "dropped_features": data.dropped + unused,
    }
    return Model(final, card, evaluation)


# --- Rows ------------------------------------------------------------------------------------------------------------


def _classes(data: Data, target: str, positive: Any) -> tuple[list[Any], np.ndarray]:
    """Return the classes, the positive one last of two, and the number of each row's."""
    values = data.target.tolist()
    if all(isinstance(value, float) for value in values):
        if not all(value.is_integer() for value in values):
            raise ValueError(
                f"column {target!r} must hold classes (text, integers or bools), got measurements such as "
                f"{next(value for value in values if not value.is_integer())!r}"
            )
        values = [int(value) for value in values]
    kinds = {type(value) for value in values}
    if len(kinds) > 1:
        values = [str(value) for value in values]
    classes = sorted(set(values))
    if len(classes) < 2:
        raise ValueError(f"column {target!r} has one class only, {classes[0]!r}; a classifier needs at least two")
    if len(classes) > _MOST_CLASSES:
        raise ValueError(f"column {target!r} has {len(classes)} classes, at most {_MOST_CLASSES} are accepted")
    if positive is not None:
        named = [name for name in classes if key_of(name) == key_of(positive)]
        if not named or len(classes) > 2:
            rule = "be one of " + ", ".join(map(repr, classes)) if len(classes) == 2 else "be left out: several classes"
            raise _check.fail("train", "positive", rule, positive)
        classes = [name for name in classes if name != named[0]] + named
    numbers = {name: number for number, name in enumerate(classes)}
    return classes, np.array([numbers[value] for value in values])


def _canonical(data: Data, y: np.ndarray) -> np.ndarray:
    """An order of rows that follows from what they hold; rows that are alike in all of it may stand in any."""
    ids = np.unique([str(name) for name in data.ids], return_inverse=True)[1]
    named = [ids] if data.named else []
    units = [] if data.groups is None else [np.unique(data.groups.astype(str), return_inverse=True)[1]]
    return np.lexsort([*data.values.T[::-1], y, *named, *units])


def _check_counts(y: np.ndarray, units: np.ndarray | None, classes: list[Any], folds: int, inner_folds: int) -> None:
    """Refuse folds in which a class would be missing."""
    what = "rows" if units is None else "groups"
    for number, name in enumerate(classes):
        there = int((y == number).sum()) if units is None else len(set(units[y == number]))
        # What the largest outer test leaves for the inner folds.
        left = there - -(-there // folds)
        if there < folds or left < inner_folds:
            raise ValueError(
                f"class {name!r} has {there} {what}, too few for {folds} outer and {inner_folds} inner folds: every "
                f"fold needs one of each class; ask for fewer folds, or give more {what}"
            )


def _notes(x: np.ndarray, y: np.ndarray, units: np.ndarray | None) -> list[str]:
    notes = []
    if units is None:
        twice = len(x) - len(np.unique(x, axis=0))
        if twice:
            notes.append(
                f"{twice} rows repeat the features of another and no groups are given: metrics may be too good"
            )
    else:
        mixed = sum(len(set(y[units == unit])) > 1 for unit in set(units))
        if mixed:
            notes.append(f"{mixed} of {len(set(units))} groups have rows of several classes")
    return notes


# --- Folds -----------------------------------------------------------------------------------------------------------


@dataclass
class _Fold:
    """One test of the outer cross-validation."""

    repeat: int
    fold: int
    train: np.ndarray
    test: np.ndarray
    probabilities: np.ndarray
    predicted: np.ndarray
    parameters: dict[str, Any]
    importances: np.ndarray
    kept: int


def _folds(
    fitter: Fitter,
    x: np.ndarray,
    y: np.ndarray,
    units: np.ndarray | None,
    folds: int,
    repeats: int,
    seed: int,
) -> Iterator[_Fold]:
    planned: list[tuple[int, int, Split, Plan]] = []
    for repeat in range(repeats):
        splits = splits_of(y, units, folds, seed + 104729 * repeat, "outer")
        for fold, (train, test) in enumerate(splits):
            fitter.told.what = f"fold {fold + 1} of {folds}" + (f", repeat {repeat + 1}" if repeats > 1 else "")
            plan = fitter.plan(x[train], y[train], None if units is None else units[train], seed + fold)
            planned.append((repeat, fold, (train, test), plan))

    def tested(task: tuple[int, int, Split, Plan]) -> _Fold:
        repeat, fold, (train, test), plan = task
        fitted = fitter.fitted(x[train], y[train], plan)
        probabilities = fitted.predict_proba(x[test])
        priors = np.bincount(y[train], minlength=fitter.classes) / len(train)
        rng = np.random.default_rng([seed, repeat, fold])
        importances, kept = _permuted(fitted, x[test], y[test], rng)
        predicted = decide(probabilities, priors)
        return _Fold(repeat, fold, train, test, probabilities, predicted, plan.chosen, importances, kept)

    fitter.told.what = "calibration"
    yield from fitter.pool.map(tested, planned)


def _pipeline_of(fitted: Any) -> Any:
    return fitted.calibrated_classifiers_[0].estimator


def _permuted(fitted: Any, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """By how much the area under the ROC curve falls where a feature is shuffled among the test rows."""
    pipeline = _pipeline_of(fitted)
    prepare, model = pipeline[:-1], pipeline[-1]
    # Which column of the prepared table is which feature; all steps work on columns one by one.
    column = np.arange(x.shape[1])
    for name in ("varying", "uncorrelated", "selection"):
        if name in pipeline.named_steps:
            column = column[pipeline.named_steps[name].get_support()]
    prepared = prepare.transform(x)
    whole = _metrics.auc(y, _two(_estimators.scores_of(model, prepared)))
    result = np.zeros(x.shape[1])
    at_a_time = max(1, _CHUNK // (len(x) * _PERMUTATIONS))
    shuffles = [rng.permutation(len(x)) for _ in range(_PERMUTATIONS)]
    for start in range(0, len(column), at_a_time):
        chosen = range(start, min(start + at_a_time, len(column)))
        many = np.tile(prepared, (len(chosen) * _PERMUTATIONS, 1)).reshape(len(chosen), _PERMUTATIONS, *prepared.shape)
        for place, index in enumerate(chosen):
            for number, shuffle in enumerate(shuffles):
                many[place, number, :, index] = prepared[shuffle, index]
        scores = _estimators.scores_of(model, many.reshape(-1, prepared.shape[1]))
        scores = scores.reshape(len(chosen), _PERMUTATIONS, len(x), *scores.shape[1:])
        for place, index in enumerate(chosen):
            result[column[index]] = whole - np.mean([_metrics.auc(y, _two(each)) for each in scores[place]])
    return result, len(column)


def _two(scores: np.ndarray) -> np.ndarray:
    return scores[:, 1] if scores.ndim == 2 and scores.shape[1] == 2 else scores


def _joined(folds: Sequence[_Fold], y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictions of all rows, each by the fold that had not seen it."""
    rows = np.argsort(np.concatenate([fold.test for fold in folds]))
    probabilities = np.concatenate([fold.probabilities for fold in folds])[rows]
    predicted = np.concatenate([fold.predicted for fold in folds])[rows]
    return y, probabilities, predicted


def _rows(fold: _Fold, data: Data, order: np.ndarray, classes: list[Any]) -> list[dict[str, Any]]:
    back = {name: number for number, name in enumerate(classes)}
    rows = []
    for place, probabilities, predicted in zip(fold.test, fold.probabilities, fold.predicted, strict=True):
        row = int(order[place])
        truth = data.target[row : row + 1].tolist()[0]
        rows.append(
            {
                "row": int(data.rows[row]),
                "id": data.ids[row],
                "group": None if data.groups is None else data.groups[row],
                "fold": fold.fold,
                "repeat": fold.repeat,
                "truth": truth if truth in back else next(name for name in classes if key_of(name) == key_of(truth)),
                "probabilities": probabilities.tolist(),
                "predicted": classes[predicted],
            }
        )
    return rows


def _fold_entry(fold: _Fold, y: np.ndarray, units: np.ndarray | None, classes: int) -> dict[str, Any]:
    found = _metrics.measure(y[fold.test], fold.probabilities, fold.predicted)
    return {
        "repeat": fold.repeat,
        "fold": fold.fold,
        "train_rows": len(fold.train),
        "test_rows": len(fold.test),
        "test_groups": len(fold.test) if units is None else len(set(units[fold.test])),
        "parameters": fold.parameters,
        "metrics": {name: float(value[0]) if np.isfinite(value[0]) else None for name, value in found.items()},
        "features_kept": fold.kept,
    }


def _importances(folds: Sequence[_Fold], names: Sequence[str]) -> list[dict[str, Any]]:
    every = np.array([fold.importances for fold in folds])
    means, spreads = every.mean(axis=0), every.std(axis=0)
    return [
        {"feature": names[column], "mean": float(means[column]), "std": float(spreads[column])}
        for column in np.argsort(-means, kind="stable")
    ]
