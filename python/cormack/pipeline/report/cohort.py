"""Features over the cohort: how they are distributed, which cases lie far out, which features go together."""

from __future__ import annotations

import base64
import io
import math
import warnings
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._report.formatting import number, real
from .reading import Json

__all__ = ["FAR", "Features", "Outliers", "cohort_view"]

FAR = 3.5
"""Robust z-score from which on a value lies far out, after Iglewicz and Hoaglin (1993)."""
_FEWEST = 5  # cases; of fewer nobody can say what is usual
_MAX_HEAT = 60  # features in the map of correlations
_MAX_SHOWN = 1000  # features in the table of distributions
_NO_FEATURES = {"case", "status", "reason", "region", "label", "voxel_count"}

_Floats = npt.NDArray[np.float64]


class Features:
    """Collects the features of regions, case by case; one column per feature and, where there are several, region."""

    def __init__(self) -> None:
        self._columns: dict[tuple[str, str], array[float]] = {}
        self._count = 0

    def add(self, rows: Iterable[Any]) -> None:
        """Take the rows of the next case; objects have none of their own here."""
        for row in rows:
            if not isinstance(row, dict) or row.get("label") is not None:
                continue
            for name, value in row.items():
                known = None if name in _NO_FEATURES or name.startswith("probability_") else real(value)
                if known is not None and math.isfinite(known):
                    column = self._columns.setdefault((str(row.get("region") or ""), str(name)), array("d"))
                    column.extend([math.nan] * (self._count - len(column)))
                    if len(column) == self._count:
                        column.append(known)
        self._count += 1

    def table(self) -> tuple[list[tuple[str, str]], _Floats]:
        """Region and name of each feature, and the values: one row per case, one column per feature."""
        values = np.full((self._count, len(self._columns)), np.nan)
        for index, column in enumerate(self._columns.values()):
            values[: len(column), index] = column
        return list(self._columns), values


class Outliers:
    """Robust z-scores, 0.6745 |x - median| / MAD, of every case and feature."""

    def __init__(self, features: Features) -> None:
        self.names, values = features.table()
        known = np.isfinite(values)
        # Constant features, and those that more than half of the cases share a value of, have no MAD.
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)  # columns without a value
            median = np.nanmedian(values, axis=0) if values.size else np.zeros(values.shape[1])
            spread = np.nanmedian(abs(values - median), axis=0) if values.size else median
            scores = 0.6745 * abs(values - median) / spread
        usable = (spread > 1e-12 * abs(median)) & (known.sum(axis=0) >= _FEWEST)
        self.values, self.median, self.known = values, median, known
        self.scores = np.where(known & usable, scores, 0.0)
        self.usable = usable
        self.several_regions = len({region for region, _ in self.names}) > 1

    def label(self, index: int) -> str:
        """A feature as the page calls it."""
        region, name = self.names[index]
        return f"{region}: {name}" if self.several_regions and region else name

    def of(self, case: int) -> Json | None:
        """The largest score of a case, where it is, and how many are far out; None where nothing can be said."""
        if not self.usable.any() or not self.known[case].any():
            return None
        scores = self.scores[case]
        worst = int(np.argmax(scores))
        return {
            "score": float(scores[worst]),
            "text": number(float(scores[worst])) if scores[worst] >= 0.05 else "0",
            "feature": self.label(worst),
            "far": int((scores > FAR).sum()),
            "is_far": bool(scores[worst] > FAR),
        }


def cohort_view(outliers: Outliers, rows: Sequence[Json]) -> Json | None:
    """What the page says of features over all cases; None where fewer than five cases have any."""
    measured = np.flatnonzero(outliers.known.any(axis=1))
    if len(measured) < _FEWEST or not outliers.names:
        return None
    values, names = outliers.values[measured], outliers.names
    shown = [i for i in range(len(names)) if np.isfinite(values[:, i]).sum() >= _FEWEST][:_MAX_SHOWN]
    listed = []
    for i in shown:
        column = values[:, i]
        finite = column[np.isfinite(column)]
        low, first, middle, third, high = np.quantile(finite, (0, 0.25, 0.5, 0.75, 1))
        listed.append(
            {
                "name": outliers.label(i),
                "count": len(finite),
                "cells": [_cell(value) for value in (low, first, middle, third, high)],
                "far": int((outliers.scores[measured, i] > FAR).sum()),
                "picture": _small(finite, first, middle, third),
                "data": ",".join("" if math.isnan(value) else f"{value:.5g}" for value in column),
                "constant": bool(high - low <= 1e-12 * max(abs(low), abs(high))),
            }
        )
    varying = [i for i, item in zip(shown, listed, strict=True) if not item["constant"]]
    return {
        "count": len(measured),
        "features": listed,
        "total": len(names),
        "anchors": ",".join(rows[case]["anchor"].removeprefix("case-") for case in measured.tolist()),
        "first": next((n for n, item in enumerate(listed) if not item["constant"]), 0),
        "constant": len(listed) - len(varying),
        "far": FAR,
        "heat": _heat(values, varying, outliers),
    }


def _cell(value: float) -> Json:
    return {"text": number(float(value)), "raw": repr(float(value)), "title": ""}


def _small(values: _Floats, first: float, middle: float, third: float) -> Json:
    """A histogram of 120 x 24 with the quartiles as a box below it, in one path each."""
    low, high = float(values.min()), float(values.max())
    if not low < high:
        return {"bars": "M58,20V2h4V20z", "box": ""}
    counts, _ = np.histogram(values, 24, (low, high))
    bars = "".join(f"M{5 * n},20v-{18 * count / counts.max():.1f}h4.5V20z" for n, count in enumerate(counts) if count)
    a, m, b = (120 * (q - low) / (high - low) for q in (first, middle, third))
    return {"bars": bars, "box": f"M0,25H{a:.1f}M{b:.1f},25H120M{a:.1f},22.5h{b - a:.1f}v5h-{b - a:.1f}zM{m:.1f},22v6"}


# --- Correlation -------------------------------------------------------------------------------------------------


def _heat(values: _Floats, varying: Sequence[int], outliers: Outliers) -> Json | None:
    chosen = _spread(varying, outliers.names)
    if len(chosen) < 2:
        return None
    matrix = _spearman(values[:, chosen])
    labels = [outliers.label(i) for i in chosen]
    pairs = sorted(
        ((i, j) for i in range(len(chosen)) for j in range(i) if math.isfinite(matrix[i, j])),
        key=lambda pair: -abs(matrix[pair]),
    )
    percent = np.where(np.isfinite(matrix), np.rint(100 * matrix), 101).astype(int)
    left_out = [outliers.label(i) for i in varying if i not in set(chosen)]
    return {
        "labels": labels,
        "data": ",".join(str(percent[i, j]) for i in range(len(chosen)) for j in range(i + 1)),
        "picture": _colours(matrix),
        "pairs": [{"a": labels[j], "b": labels[i], "value": f"{matrix[i, j]:.2f}"} for i, j in pairs[:10]],
        "strong": sum(abs(matrix[pair]) > 0.9 for pair in pairs),
        "all_pairs": len(pairs),
        "left_out": left_out,
    }


def _spread(varying: Sequence[int], names: Sequence[tuple[str, str]]) -> list[int]:
    """At most 60 features, the families (region and first word of the name) in turn, so that each has a share."""
    families: dict[tuple[str, str], list[int]] = {}
    for i in varying:
        region, name = names[i]
        families.setdefault((region, name.split("_")[0]), []).append(i)
    chosen: list[int] = []
    rank = 0
    while len(chosen) < min(_MAX_HEAT, len(varying)):
        chosen += [members[rank] for members in families.values() if rank < len(members)]
        rank += 1
    return sorted(chosen[:_MAX_HEAT])


def _spearman(values: _Floats) -> _Floats:
    """Rank correlation of every two columns, over the cases that have both."""
    count = values.shape[1]
    matrix = np.full((count, count), np.nan)
    whole = bool(np.isfinite(values).all())
    if whole:
        ranks = np.stack([_ranks(values[:, i]) for i in range(count)])
        return np.clip(np.corrcoef(ranks), -1, 1)
    for i in range(count):
        for j in range(i + 1):
            both = np.isfinite(values[:, i]) & np.isfinite(values[:, j])
            a, b = _ranks(values[both, i]), _ranks(values[both, j])
            if len(a) >= _FEWEST and a.std() > 0 and b.std() > 0:
                matrix[i, j] = matrix[j, i] = float(np.clip(np.corrcoef(a, b)[0, 1], -1, 1))
    return matrix


def _ranks(values: _Floats) -> _Floats:
    """Ranks; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], np.float64)


def _colours(matrix: _Floats) -> str:
    """The matrix as a tiny PNG: blue for -1, white for 0, orange-red for +1, grey where nothing is known."""
    from PIL import Image

    rho = np.nan_to_num(matrix)[..., None]
    low, high = np.array((33, 102, 172)), np.array((190, 60, 20))
    colours = np.where(rho < 0, 255 + (255 - low) * rho, 255 - (255 - high) * rho)
    colours[~np.isfinite(matrix)] = 190
    stream = io.BytesIO()
    Image.fromarray(np.rint(colours).astype(np.uint8)).save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
