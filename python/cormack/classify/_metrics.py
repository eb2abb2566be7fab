"""How good predictions are: every metric at once, for many weightings of the rows, so that intervals cost little."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np

LEVEL = 0.95
RESAMPLES = 1000
INTERVALS = (
    f"95 % intervals: percentile bootstrap, {RESAMPLES} resamples of whole groups (of rows where there are no groups); "
    "where all resamples give the same, Wilson's for as many trials as there are groups with such rows (for areas, of "
    "the rarer class), and none for other metrics"
)
_SMALLEST = 1e-15
# Rows times resamples that are looked at in one go.
_CHUNK = 4_000_000


def measure(
    truth: np.ndarray, probabilities: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Compute all metrics of one set of predictions under each of several weightings of its rows.

    Parameters
    ----------
    truth, predicted : ndarray of int, shape (n,)
        Numbers of classes.
    probabilities : ndarray, shape (n, classes)
        With two classes the second is the positive one; with more, metrics are means over one class against the rest.
    weights : ndarray, shape (m, n), optional
        Weights of rows, 0 or more; all 1 by default.

    Returns
    -------
    dict of str to ndarray, shape (m,)
        NaN where a metric is not defined, as a sensitivity without positives.

    Notes
    -----
    Definitions are scikit-learn's. The Brier score of several classes is the sum over classes, that of two classes the
    squared error of the positive one.
    """
    if weights is None:
        weights = np.ones((1, len(truth)))
    classes = probabilities.shape[1]
    positives = [1] if classes == 2 else list(range(classes))
    one_hot = truth[:, None] == np.arange(classes)
    guess = predicted[:, None] == np.arange(classes)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = weights.sum(axis=1)
        confusion = np.stack(
            [[weights @ (one_hot[:, i] & guess[:, j]).astype(float) for j in range(classes)] for i in range(classes)]
        )
        diagonal = confusion[range(classes), range(classes)]
        actual, called = confusion.sum(axis=1), confusion.sum(axis=0)
        recall, precision = diagonal / actual, diagonal / called
        outside = total - actual
        specificity = (outside - called + diagonal) / outside
        absent = (outside - called + diagonal) / (total - called)
        ranked = [_ranked(one_hot[:, k], probabilities[:, k], weights) for k in positives]

        def mean(values: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
            result: np.ndarray = np.mean([values[k] for k in positives], axis=0)
            return result

        correct = diagonal.sum(axis=0)
        numerator = correct * total - (actual * called).sum(axis=0)
        mcc = numerator / np.sqrt((total**2 - (called**2).sum(axis=0)) * (total**2 - (actual**2).sum(axis=0)))
        squares = (probabilities - one_hot) ** 2
        squares = squares[:, 1] if classes == 2 else squares.sum(axis=1)
        chosen = np.clip(probabilities[np.arange(len(truth)), truth], _SMALLEST, 1.0)
        f1 = 2 * diagonal / (actual + called)
        return {
            "auc": np.mean([pair[0] for pair in ranked], axis=0),
            "average_precision": np.mean([pair[1] for pair in ranked], axis=0),
            "accuracy": correct / total,
            "balanced_accuracy": recall.mean(axis=0),
            "sensitivity": mean(recall),
            "specificity": mean(specificity),
            "ppv": mean(precision),
            "npv": mean(absent),
            "f1": mean(f1),
            "mcc": mcc,
            "brier": weights @ squares / total,
            "log_loss": weights @ -np.log(chosen) / total,
        }


def auc(truth: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the ROC curve, for scores of one class against the rest in each column, their mean."""
    if scores.ndim == 1:
        scores = np.column_stack([-scores, scores])
    positives = [1] if scores.shape[1] == 2 else range(scores.shape[1])
    ones = np.ones((1, len(truth)))
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.mean([_ranked(truth == k, scores[:, k], ones)[0][0] for k in positives]))


def _ranked(positive: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Area under the ROC curve and average precision; rows of the same score count as one step."""
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) != 0])
    ordered = weights[:, order]
    found = np.add.reduceat(ordered * positive[order], starts, axis=1)
    wrong = np.add.reduceat(ordered * ~positive[order], starts, axis=1)
    hits, misses = np.cumsum(found, axis=1), np.cumsum(wrong, axis=1)
    all_found, all_wrong = hits[:, -1], misses[:, -1]
    area = (found * (all_wrong[:, None] - misses + wrong / 2)).sum(axis=1) / (all_found * all_wrong)
    steps = hits + misses
    precision = np.divide(hits, steps, out=np.zeros_like(hits), where=steps > 0)
    return area, (found * precision).sum(axis=1) / all_found


def with_intervals(
    sets: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], groups: np.ndarray, seed: int
) -> dict[str, dict[str, float | None]]:
    """Compute metrics and their intervals.

    Parameters
    ----------
    sets : sequence of (truth, probabilities, predicted)
        Predictions of the same rows, once for each repeat of the cross-validation, whose metrics are averaged.
    groups : ndarray
        The group of each row; groups are resampled as a whole.
    seed : int

    Returns
    -------
    dict
        ``value``, ``low`` and ``high`` by name; None where a metric is not defined.
    """
    names, members = np.unique(groups.astype(str), return_inverse=True)
    rng = np.random.default_rng(seed)
    rows = len(members)
    values = _mean([measure(*each) for each in sets])
    samples: dict[str, list[np.ndarray]] = {name: [] for name in values}
    left = RESAMPLES
    while left:
        count = max(1, min(left, _CHUNK // rows))
        drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=count)
        weights = drawn[:, members].astype(np.float64)
        for name, found in _mean([measure(*each, weights) for each in sets]).items():
            samples[name].append(found)
        left -= count
    truth, _, predicted = sets[0]
    result: dict[str, dict[str, float | None]] = {}
    for name, value in values.items():
        found = np.concatenate(samples[name])
        found = found[np.isfinite(found)]
        low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if len(found) else (math.nan, math.nan)
        if low == high:
            # A hundred of a hundred is no proof that there is no error.
            among = _TRIALS[name](truth, predicted) if name in _TRIALS else []
            trials = min((len(np.unique(members[rows])) for rows in among), default=0)
            low, high = _wilson(float(value[0]), trials)
        result[name] = {
            key: float(number) if math.isfinite(number) else None
            for key, number in (("value", value[0]), ("low", low), ("high", high))
        }
    return result


def _each(numbers: np.ndarray) -> list[np.ndarray]:
    return [numbers == number for number in np.unique(numbers)]


# The rows among which a metric is a share of successes.
_TRIALS: dict[str, Callable[[np.ndarray, np.ndarray], list[np.ndarray]]] = {
    "auc": lambda truth, predicted: _each(truth),
    "average_precision": lambda truth, predicted: _each(truth),
    "accuracy": lambda truth, predicted: [truth >= 0],
    "balanced_accuracy": lambda truth, predicted: _each(truth),
    "sensitivity": lambda truth, predicted: _each(truth)[1:],
    "specificity": lambda truth, predicted: [truth != number for number in np.unique(truth)[1:]],
    "ppv": lambda truth, predicted: _each(predicted)[1:],
    "npv": lambda truth, predicted: [predicted != number for number in np.unique(predicted)[1:]],
    "f1": lambda truth, predicted: _each(truth)[1:],
}


def _wilson(share: float, count: int) -> tuple[float, float]:
    if count == 0 or not math.isfinite(share):
        return math.nan, math.nan
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, centre - half), min(1.0, centre + half)


def _mean(found: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.mean([each[name] for each in found], axis=0) for name in found[0]}
