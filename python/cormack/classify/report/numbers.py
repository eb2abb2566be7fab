"""Metrics as text: shares to three decimals, intervals, names and meanings."""

from __future__ import annotations

from typing import Any

from ..._report.formatting import DASH, number, real, words
from ..._report.reading import Json

__all__ = ["interval", "metric", "parameters", "share"]

_MINUS = "\u2212"
_EQUALS = "\u00a0=\u00a0"  # stays on one line
_OTHER = "; mean over classes, each against the rest"
# Name, short name, what it is in one line, and how it is made of several classes.
_METRICS = {
    "auc": (
        "Area under the ROC curve",
        "AUC",
        "how often a case of the class has a higher probability than another case; 0.5 by chance",
        _OTHER,
    ),
    "average_precision": (
        "Average precision",
        "AP",
        "area under the precision-recall curve; by chance the share of the class",
        _OTHER,
    ),
    "accuracy": ("Accuracy", "Accuracy", "share of cases that were called what they are", ""),
    "balanced_accuracy": (
        "Balanced accuracy",
        "Balanced accuracy",
        "share of each class that was found, mean over classes",
        "",
    ),
    "sensitivity": ("Sensitivity", "Sensitivity", "share of the class that was found", _OTHER),
    "specificity": ("Specificity", "Specificity", "share of the other cases that were not taken for it", _OTHER),
    "ppv": ("Positive predictive value", "PPV", "of the cases that were called so, the share that are", _OTHER),
    "npv": ("Negative predictive value", "NPV", "of the cases that were not called so, the share that are not", _OTHER),
    "f1": ("F1 score", "F1", "harmonic mean of sensitivity and positive predictive value", _OTHER),
    "mcc": ("Matthews correlation", "MCC", "of truth and prediction; 0 by chance, 1 at best", ""),
    "brier": (
        "Brier score",
        "Brier",
        "squared distance of the probabilities from the truth; 0 at best",
        "; sum over classes",
    ),
    "log_loss": ("Log loss", "Log loss", "surprise at the truth; 0 at best", ""),
}


def metric(name: str, classes: int = 2) -> Json:
    """Label, short name and meaning of a metric."""
    label, short, meaning, several = _METRICS.get(name, (words(name), words(name), "", ""))
    return {
        "label": label,
        "short": short,
        "is_short": short.isupper() and short not in label,
        "meaning": meaning + (several if classes > 2 else ""),
    }


def share(value: Any) -> str:
    """A number between 0 and 1 to three decimals; what is not quite 1 is not called 1."""
    known = real(value)
    if known is None:
        return DASH
    if abs(known) >= 10:
        return number(known)
    if known < 1 and f"{known:.3f}" == "1.000":
        return "> 0.999"
    return f"{known:.3f}".replace("-", _MINUS)


def interval(entry: Any) -> str:
    """``0.983 to 0.997``; empty where it is not known."""
    low, high = (real(entry.get(end)) for end in ("low", "high")) if isinstance(entry, dict) else (None, None)
    return "" if low is None or high is None else f"{low:.3f} to {high:.3f}".replace("-", _MINUS)


def parameters(values: Any) -> str:
    """``C = 1, gamma = 0.01``, without the steps of the chain that they belong to (``model__C``)."""
    if not isinstance(values, dict):
        return ""
    return ", ".join(f"{name.rpartition('__')[2]}{_EQUALS}{_parameter(value)}" for name, value in values.items())


def _parameter(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "none" if value is None else str(value)
