"""Curves of a classifier, computed exactly: ROC, precision against recall, calibration."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = [
    "Floats",
    "Ints",
    "area",
    "average_precision",
    "brier",
    "calibration",
    "precision_recall",
    "roc",
    "wilson",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


def roc(positive: npt.NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats, Floats]:
    """False positive rate, true positive rate and threshold at every distinct score, from the strictest on.

    Parameters
    ----------
    positive : array of bool
        Which cases are positive; both kinds must be there.
    scores : array of float
        Larger where a case looks more positive; equal scores make one point.

    Notes
    -----
    `sklearn.metrics.roc_curve` with ``drop_intermediate=False``.
    """
    true, false, thresholds = _counts(positive, scores)
    none = np.zeros(1)
    tpr = np.concatenate((none, true / true[-1]))
    fpr = np.concatenate((none, false / false[-1]))
    return fpr, tpr, np.concatenate(([math.inf], thresholds))


def precision_recall(positive: npt.NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Precision, recall and threshold at every distinct score, from the most lenient on, and the end at recall 0.

    Notes
    -----
    `sklearn.metrics.precision_recall_curve`.
    """
    true, false, thresholds = _counts(positive, scores)
    precision, recall = true / (true + false), true / true[-1]
    return np.append(precision[::-1], 1.0), np.append(recall[::-1], 0.0), thresholds[::-1]


def _counts(positive: npt.NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats, Floats]:
    """True and false positives when every score from a threshold on counts as positive, highest threshold first."""
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], positive[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    true = np.cumsum(hits)[last].astype(np.float64)
    return true, 1.0 + last - true, ranked[last]


def area(fpr: Floats, tpr: Floats) -> float:
    """Area under a curve of straight pieces."""
    return float(np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2))


def average_precision(precision: Floats, recall: Floats) -> float:
    """Area under the steps of `precision_recall`, as `sklearn.metrics.average_precision_score`."""
    return float(-np.sum(np.diff(recall) * precision[:-1]))


def calibration(positive: npt.NDArray[np.bool_], probabilities: Floats, bins: int) -> tuple[Floats, Floats, Ints]:
    """Observed share of positives, mean probability and number of cases in bins of equal width that are not empty.

    Notes
    -----
    The first two are `sklearn.calibration.calibration_curve` with ``strategy="uniform"``: a bin holds its upper edge.
    """
    edges = np.linspace(0.0, 1.0, bins + 1)
    index = np.searchsorted(edges[1:-1], probabilities)
    counts = np.bincount(index, minlength=bins)
    full = counts > 0
    observed = np.bincount(index, weights=positive, minlength=bins)[full] / counts[full]
    predicted = np.bincount(index, weights=probabilities, minlength=bins)[full] / counts[full]
    return observed, predicted, counts[full].astype(np.intp)


def brier(truth: Ints, probabilities: Floats) -> float:
    """Mean squared distance of the probabilities from the truth: 0 is best.

    With two classes it is that of the positive one (0.25 for a coin), with more the sum over classes.
    """
    target = np.zeros(probabilities.shape)
    target[np.arange(len(truth)), truth] = 1.0
    per_case = np.sum((probabilities - target) ** 2, axis=1)
    return float(np.mean(per_case)) / (2.0 if probabilities.shape[1] == 2 else 1.0)


def wilson(share: float, count: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share seen in `count` independent cases."""
    z = 1.959963984540054
    middle = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)
