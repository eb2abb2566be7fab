"""How good predictions are: every metric at once, for many weightings of the rows, so that intervals cost little."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

LEVEL = 0.95
RESAMPLES = 1000
INTERVALS = (
    "95 % intervals: Wilson's; of shares of rows with as many trials as there are rows, of other metrics, and of all "
    f"where there are groups, with as many as give the variance of {RESAMPLES} bootstrap resamples of whole groups (at "
    "most as many as rows); of Brier score and log loss percentiles of these resamples. They leave out how training "
    "varies with its rows"
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
    alone = len(names) == rows
    result: dict[str, dict[str, float | None]] = {}
    for name, value in values.items():
        found = np.concatenate(samples[name])
        found = found[np.isfinite(found)]
        at, low, high = float(value[0]), math.nan, math.nan
        if name in _UNBOUNDED:
            if len(found) and np.ptp(found) > 0:
                low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        elif math.isfinite(at):
            lowest = -1.0 if name == "mcc" else 0.0
            among = _among(name, sets[0])
            share, spread = (at - lowest) / (1 - lowest), float(np.std(found)) / (1 - lowest) if len(found) else 0.0
            trials = _together([int(each.sum()) for each in among])
            if name in _SHARES and len(among) == 1 and alone and len(sets) == 1:
                quantile = _normal()
            elif spread > 0 and 0 < share < 1:
                units = min(len(np.unique(members[each])) for each in among)
                variance = spread**2 * units / max(units - 1, 1)
                trials = min(trials, share * (1 - share) / variance)
                quantile = _normal() if alone else _student(units - 1)
            else:
                # A hundred of a hundred is no proof that there is no error.
                trials = _together([len(np.unique(members[each])) for each in among])
                quantile = _normal()
            low, high = (lowest + (1 - lowest) * end for end in _wilson(share, trials, quantile))
        result[name] = {
            key: float(number) if math.isfinite(number) else None
            for key, number in (("value", at), ("low", low), ("high", high))
        }
    return result


_UNBOUNDED = ("brier", "log_loss")
_SHARES = ("accuracy", "sensitivity", "specificity", "ppv", "npv")


def _among(name: str, one: tuple[np.ndarray, np.ndarray, np.ndarray]) -> list[np.ndarray]:
    """The rows among which a metric is a share of successes, for each class that it is a mean over."""
    truth, probabilities, predicted = one
    classes = range(probabilities.shape[1])
    positives = [1] if len(classes) == 2 else list(classes)
    if name == "accuracy":
        return [np.ones(len(truth), bool)]
    if name in ("sensitivity", "average_precision"):
        return [truth == k for k in positives]
    if name == "specificity":
        return [truth != k for k in positives]
    if name == "ppv":
        return [predicted == k for k in positives]
    if name == "npv":
        return [predicted != k for k in positives]
    if name == "f1":
        return [(truth == k) | (predicted == k) for k in positives]
    return [truth == k for k in classes]


def _together(counts: Sequence[int]) -> float:
    """The number of trials whose share varies as the mean of shares of so many does."""
    return 0.0 if 0 in counts else len(counts) ** 2 / sum(1 / count for count in counts)


def _normal() -> float:
    return NormalDist().inv_cdf((1 + LEVEL) / 2)


def _student(freedom: int) -> float:
    """Quantile of Student's distribution: few groups tell little of how much they vary. Cornish and Fisher, 1960."""
    z, n = _normal(), max(freedom, 1)
    return z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n * n)


def _wilson(share: float, count: float, z: float) -> tuple[float, float]:
    if count == 0:
        return math.nan, math.nan
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, centre - half), min(1.0, centre + half)


def _mean(found: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.mean([each[name] for each in found], axis=0) for name in found[0]}
