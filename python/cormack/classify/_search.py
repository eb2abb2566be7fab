"""The inner cross-validation: which parameters, and how scores become probabilities."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.metrics import get_scorer
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from threadpoolctl import threadpool_limits

from .. import _check
from . import _estimators, _metrics

Progress = Callable[[int, int, str], None]
"""``progress(done, total, what)``: fits that were done, of how many, and what for."""

Split = tuple[np.ndarray, np.ndarray]

_ATTEMPTS = 20


def splits_of(y: np.ndarray, units: np.ndarray | None, count: int, seed: int, which: str) -> list[Split]:
    """Return train and test rows of each fold; every class is in all of them, no group is in both."""
    kind = StratifiedKFold if units is None else StratifiedGroupKFold
    for attempt in range(_ATTEMPTS):
        folds = kind(count, shuffle=True, random_state=(seed + 7919 * attempt) % 2**32)
        splits = list(folds.split(y[:, None], y, units))
        every = len(np.unique(y))
        if all(len(np.unique(y[part])) == every for split in splits for part in split):
            return splits
    what = "rows" if units is None else "groups"
    raise ValueError(f"there are too few {what} of each class for {count} {which} folds; ask for fewer folds")


def one_thread() -> None:
    # OpenMP's number belongs to each thread: parallel sums would depend on it.
    threadpool_limits(1, user_api="openmp")


class Told:
    """Counts fits, and tells them."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0
        self._lock = Lock()
        self.what = ""

    def add(self, count: int = 1) -> None:
        with self._lock:
            self._done += count
            if self._progress is not None:
                self._progress(self._done, self._total, self.what)


def scorer_of(scoring: str) -> Any:
    try:
        return get_scorer(scoring)
    except (ValueError, TypeError):
        raise _check.fail("train", "scoring", "be a name of sklearn.metrics.get_scorer_names()", scoring) from None


@dataclass
class Plan:
    """What was chosen for some rows, and their inner folds."""

    splits: list[Split]
    settings: dict[str, Any]
    parameters: dict[str, Any]

    @property
    def chosen(self) -> dict[str, Any]:
        return {**self.settings, **self.parameters}


@dataclass
class Fitter:
    """Chooses parameters, fits and calibrates."""

    model: str
    seed: int
    inner_folds: int
    classes: int
    calibration: str
    scorer: Any
    pool: ThreadPoolExecutor
    told: Told

    def plan(self, x: np.ndarray, y: np.ndarray, units: np.ndarray | None, seed: int) -> Plan:
        """Choose preparation and parameters."""
        splits = splits_of(y, units, self.inner_folds, seed, "inner")
        return Plan(splits, *self._search(x, y, splits))

    def fitted(self, x: np.ndarray, y: np.ndarray, plan: Plan) -> Any:
        """Fit and calibrate what was chosen."""
        pipeline = _estimators.whole(self.model, plan.settings, plan.parameters, self.seed)
        # One model for all rows, and one curve from scores to probabilities, fitted to scores of rows it did not see.
        final = CalibratedClassifierCV(pipeline, method=self.calibration, cv=plan.splits, ensemble=False)
        final.fit(x, y)
        self.told.add(self.inner_folds + 1)
        # Rows of the training have no place in a model that is kept.
        final.cv = None
        return final

    def _search(self, x: np.ndarray, y: np.ndarray, splits: list[Split]) -> tuple[dict[str, Any], dict[str, Any]]:
        preparations = _estimators.preparations(self.model)
        candidates = _estimators.candidates(self.model)

        def prepared(task: tuple[int, Split]) -> tuple[np.ndarray, np.ndarray]:
            number, (train, test) = task
            fitted = _estimators.preparation(preparations[number], self.seed).fit(x[train], y[train])
            return fitted.transform(x[train]), fitted.transform(x[test])

        first = [(number, split) for number in range(len(preparations)) for split in splits]
        matrices = list(self.pool.map(prepared, first))

        def scored(task: tuple[int, int]) -> float:
            place, candidate = task
            train, test = first[place][1]
            known, unknown = matrices[place]
            fitted = _estimators.estimator(self.model, candidates[candidate], self.seed, final=False)
            fitted.fit(known, y[train])
            return self._score(fitted, unknown, y[test])

        tasks = [(place, candidate) for place in range(len(first)) for candidate in range(len(candidates))]
        scores = np.empty((len(preparations), len(splits), len(candidates)))
        for task, score in zip(tasks, self.pool.map(scored, tasks), strict=True):
            scores[task[0] // len(splits), task[0] % len(splits), task[1]] = score
            self.told.add()
        means = scores.mean(axis=1)
        # The first of those that are as good; rounding keeps the last digit of a sum from choosing.
        number, candidate = np.unravel_index(np.argmax(np.round(means, 9)), means.shape)
        return preparations[number], candidates[candidate]

    def _score(self, fitted: Any, x: np.ndarray, y: np.ndarray) -> float:
        if self.scorer is not None:
            try:
                return float(self.scorer(fitted, x, y))
            except (AttributeError, ValueError) as error:
                message = f"train: this score cannot be computed with model {self.model!r}: {error}"
                raise ValueError(message) from error
        if self.classes == 2:
            scores = _estimators.scores_of(fitted, x)
            return _metrics.auc(y, scores if scores.ndim == 1 else scores[:, 1])
        predicted = fitted.predict(x)
        return float(np.mean([(predicted[y == number] == number).mean() for number in np.unique(y)]))
