"""Where dots, bars, ticks and words of the report's plots stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..._report.axes import tick, ticks
from ..._report.formatting import number

__all__ = ["histogram", "sorted_scores"]

_WIDTH, _HEIGHT = 560.0, 260.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 12.0, 16.0, 44.0
_MOST_DOTS = 300
_BINS = 24

Json = dict[str, Any]


def _range(values: Sequence[Sequence[float]], threshold: float) -> tuple[float, float]:
    every = [value for part in values for value in part] + [threshold]
    low, high = min(every), max(every)
    margin = 0.04 * (high - low) or max(0.5, 0.1 * abs(low))
    return (max(0.0, low - margin) if low >= 0 else low - margin), high + margin


def _dots(scores: Sequence[float]) -> list[float]:
    """Scores from the lowest to the highest; of very many evenly chosen ones, both ends among them."""
    ordered = sorted(scores)
    if len(ordered) <= _MOST_DOTS:
        return ordered
    at = np.rint(np.linspace(0, len(ordered) - 1, _MOST_DOTS)).astype(int)
    return [ordered[i] for i in at]


def sorted_scores(normal: Sequence[float], scored: Sequence[tuple[float, str]], threshold: float) -> Json:
    """Normal scores and those of the cases, each sorted, on one axis.

    Parameters
    ----------
    normal : sequence of float
        Held-out scores.
    scored : sequence of (float, str)
        Score and name of each case.
    threshold : float
        Above it cases are outliers.

    Returns
    -------
    dict
        What the template draws.
    """
    low, high = _range([normal, [score for score, _ in scored]], threshold)

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    middle = _LEFT + 0.38 * (_WIDTH - _LEFT - _RIGHT)
    names = dict(scored) if len(scored) <= _MOST_DOTS else {}
    dots = []
    parts = ((_dots(normal), _LEFT, middle, "normal"), (_dots([s for s, _ in scored]), middle, _WIDTH - _RIGHT, "case"))
    for values, left, right, kind in parts:
        step = (right - left) / (len(values) + 1) if values else 0.0
        for place, value in enumerate(values, 1):
            name = names.get(value, "") if kind == "case" else "normal"
            words = f"{name}: {number(value)}" if name else number(value)
            state = "far" if kind == "case" and value > threshold else kind
            dots.append({"x": left + place * step, "y": y(value), "kind": state, "title": words})
    return {
        **_frame("Scores, each sorted", "", "Score"),
        "x_ticks": [],
        "dots": dots,
        "divide": middle,
        "threshold": y(threshold),
        "parts": [
            {"at": (_LEFT + middle) / 2, "text": "normal, held out"},
            {"at": (middle + _WIDTH - _RIGHT) / 2, "text": "scored here"},
        ],
        "y_ticks": [{"at": y(value), "text": tick(value)} for value in ticks(low, high, 6)],
    }


def histogram(normal: Sequence[float], scored: Sequence[float], threshold: float) -> Json:
    """How scores are distributed: normal ones and those of the cases, in percent of each.

    Parameters
    ----------
    normal, scored : sequence of float
        Scores.
    threshold : float
        Above it cases are outliers.

    Returns
    -------
    dict
        What the template draws.
    """
    low, high = _range([normal, scored], threshold)
    edges = np.linspace(low, high, _BINS + 1)
    shares = [np.histogram(part, edges)[0] * (100 / max(1, len(part))) for part in (normal, scored)]
    peak = max(1.0, *(float(share.max()) for share in shares))

    def x(value: float) -> float:
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    def y(share: float) -> float:
        return _HEIGHT - _BOTTOM - share / peak * (_HEIGHT - _TOP - _BOTTOM)

    series = []
    for key, label, part in (("before", "Normal, held out", shares[0]), ("after", "Scored here", shares[1])):
        points = " ".join(
            f"{x(a):.1f},{y(share):.1f} {x(b):.1f},{y(share):.1f}"
            for share, a, b in zip(part.tolist(), edges, edges[1:], strict=False)
        )
        path = f"M{x(low):.1f},{y(0):.1f} L{points} {x(high):.1f},{y(0):.1f}"
        series.append({"key": key, "label": label, "path": path})
    return {
        **_frame("Distribution of scores", "Score", "Share of each [%]"),
        "series": series,
        "threshold": x(threshold),
        "x_ticks": [{"at": x(value), "text": tick(value)} for value in ticks(low, high, 7)],
        "y_ticks": [{"at": y(value), "text": tick(value)} for value in ticks(0.0, peak, 5)],
    }


def _frame(title: str, x_label: str, y_label: str) -> Json:
    return {
        "title": title,
        "x_label": x_label,
        "y_label": y_label,
        "width": _WIDTH,
        "height": _HEIGHT,
        "left": _LEFT,
        "right": _WIDTH - _RIGHT,
        "top": _TOP,
        "bottom": _HEIGHT - _BOTTOM,
    }
