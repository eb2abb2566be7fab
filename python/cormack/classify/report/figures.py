"""Where every line, mark and word of the plots stands."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from ..._report.axes import tick, ticks
from ..._report.reading import Json
from .curves import Floats, area, average_precision, calibration, precision_recall, roc, wilson
from .numbers import interval, share
from .records import Judged

__all__ = ["calibration_plot", "distribution_plots", "precision_recall_plot", "roc_area", "roc_plot"]

_SIDE = 330.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 54.0, 14.0, 12.0, 46.0  # margins
_MOST_CURVES = 12  # as many as colours and dashes tell apart
_MOST_FOLDS = 60  # thin lines
_BINS = 20  # of the distributions


def roc_plot(rows: Judged) -> Json:
    """True against false positive rate: all folds together, each fold as a thin line, and where the cases were cut."""
    plot = _square("ROC curve", "False positive rate (1 − specificity)", "True positive rate (sensitivity)")
    plot["chance"] = [{"path": _line((0.0, 1.0), (0.0, 1.0)), "style": ""}]
    for order, index in enumerate(_most_cases(rows)):
        positive, scores = rows.truth == index, rows.probabilities[:, index]
        for members in _fold_rows(rows, index):
            fpr, tpr, _ = roc(positive[members], scores[members])
            plot["thin"].append({"path": _line(fpr, tpr), "style": _style(order, rows)})
        if positive.all() or not positive.any():
            continue
        fpr, tpr, _ = roc(positive, scores)
        plot["series"].append(
            {
                "path": _line(fpr, tpr),
                "style": _style(order, rows),
                "name": rows.classes[index],
                "value": share(roc_area(rows, index)),
            }
        )
    if rows.positive is not None and plot["series"]:
        positive, chosen = rows.truth == rows.positive, rows.predicted == rows.positive
        at = float(chosen[~positive].mean()), float(chosen[positive].mean())
        plot["mark"] = {"x": _x(at[0]), "y": _y(at[1]), "sensitivity": share(at[1]), "specificity": share(1 - at[0])}
    plot["omitted"] = len(rows.shown) - len(plot["series"])
    return plot


def roc_area(rows: Judged, index: int) -> float:
    """Area under the ROC curve of a class against the rest; with repeats the mean of theirs, as the metrics are."""
    return _mean_over_repeats(rows, index, lambda positive, scores: area(*roc(positive, scores)[:2]))


def _precision_area(positive: npt.NDArray[np.bool_], scores: Floats) -> float:
    return average_precision(*precision_recall(positive, scores)[:2])


def _mean_over_repeats(rows: Judged, index: int, of: Callable[[npt.NDArray[np.bool_], Floats], float]) -> float:
    members = [rows.repeat == repeat for repeat in np.unique(rows.repeat)]
    return float(np.mean([of(rows.truth[part] == index, rows.probabilities[part, index]) for part in members]))


def precision_recall_plot(rows: Judged) -> Json:
    """Precision against recall as steps; by chance precision is the share of the class, whatever the recall."""
    plot = _square("Precision-recall curve", "Recall (sensitivity)", "Precision (positive predictive value)")
    for order, index in enumerate(_most_cases(rows)):
        positive, scores = rows.truth == index, rows.probabilities[:, index]
        for members in _fold_rows(rows, index):
            precision, recall, _ = precision_recall(positive[members], scores[members])
            plot["thin"].append({"path": _steps(recall, precision), "style": _style(order, rows)})
        if positive.all() or not positive.any():
            continue
        precision, recall, _ = precision_recall(positive, scores)
        prevalence = float(positive.mean())
        plot["chance"].append({"path": _line((0.0, 1.0), (prevalence, prevalence)), "style": _style(order, rows)})
        plot["series"].append(
            {
                "path": _steps(recall, precision),
                "style": _style(order, rows),
                "name": rows.classes[index],
                "value": share(_mean_over_repeats(rows, index, _precision_area)),
                "chance": share(prevalence),
            }
        )
    if rows.positive is not None and plot["series"]:
        positive, chosen = rows.truth == rows.positive, rows.predicted == rows.positive
        if chosen.any():
            at = float(chosen[positive].mean()), float(positive[chosen].mean())
            plot["mark"] = {"x": _x(at[0]), "y": _y(at[1]), "recall": share(at[0]), "precision": share(at[1])}
    return plot


def calibration_plot(rows: Judged) -> Json:
    """Observed share against mean probability in bins of equal width, with Wilson's intervals and the counts."""
    bins = 10 if rows.case_count >= 100 else 5
    plot = _square("Calibration", "Predicted probability, mean of the bin", "Observed share")
    plot["chance"] = [{"path": _line((0.0, 1.0), (0.0, 1.0)), "style": ""}]
    plot["bins"] = bins
    plot["rows"] = []
    for order, index in enumerate(_most_cases(rows)):
        positive, scores = rows.truth == index, rows.probabilities[:, index]
        observed, predicted, counts = calibration(positive, scores, bins)
        line = []
        for value, mean, count in zip(observed.tolist(), predicted.tolist(), counts.tolist(), strict=True):
            # A case that several repeats judged is still one case.
            low, high = wilson(value, count / rows.repeats)
            item = {
                "name": rows.classes[index],
                "mean": share(mean),
                "observed": share(value),
                "interval": interval({"low": low, "high": high}),
                "count": count,
            }
            plot["rows"].append(item)
            line.append({**item, "x": _x(mean), "y": _y(value), "low": _y(low), "high": _y(high)})
        path = "M" + " ".join(f"{point['x']:.1f},{point['y']:.1f}" for point in line)
        plot["series"].append(
            {"path": path, "points": line, "style": _style(order, rows), "name": rows.classes[index], "value": ""}
        )
    return plot


def distribution_plots(rows: Judged, threshold: float | None) -> list[Json]:
    """For each true class the probabilities of the positive class, or with several classes those of the true one."""
    plots = []
    # A class has the colour that it has in the curves.
    classes = _most_cases(rows) if rows.positive is None else sorted((0, 1), key=lambda index: index != rows.positive)
    for order, index in enumerate(classes):
        of = index if rows.positive is None else rows.positive
        counts, edges = np.histogram(rows.probabilities[rows.truth == index, of], _BINS, (0.0, 1.0))
        plots.append(_histogram(rows, index, of, counts.tolist(), edges.tolist(), order, threshold))
    return plots


def _histogram(
    rows: Judged, index: int, of: int, counts: list[int], edges: list[float], order: int, threshold: float | None
) -> Json:
    width, height, top, bottom = 420.0, 150.0, 10.0, 44.0
    left, right = 46.0, 12.0
    peak = max(counts) or 1

    def x(value: float) -> float:
        return left + value * (width - left - right)

    def y(count: float) -> float:
        # The square root lets the few that matter, the wrong ones, be seen beside the many.
        return height - bottom - math.sqrt(count / peak) * (height - top - bottom)

    middle = _below(peak / 4)
    levels = sorted({0, middle, peak} if peak > 3 * middle else {0, peak})
    bars = [
        {
            "path": f"M{x(a) + 0.5:.1f},{y(0):.1f}V{min(y(count), y(0) - 1.5):.1f}H{x(b) - 0.5:.1f}V{y(0):.1f}z",
            "says": f"{a:.2f} to {b:.2f}: {count}",
        }
        for count, a, b in zip(counts, edges[:-1], edges[1:], strict=True)
        if count
    ]
    return {
        "title": f"{rows.classes[index]}: probability of {rows.classes[of]}",
        "name": rows.classes[index],
        "count": rows.of_class(index),
        "width": width,
        "height": height,
        "left": left,
        "right": width - right,
        "top": top,
        "bottom": height - bottom,
        "bars": bars,
        "style": f"s{order % 6}",
        "threshold": None if threshold is None or rows.positive is None else x(threshold),
        "x_ticks": [{"at": x(value), "text": tick(value)} for value in ticks(0.0, 1.0, 5)],
        "y_ticks": [{"at": y(level), "text": tick(level)} for level in levels],
        "x_label": f"Predicted probability of {_short(rows.classes[of])}",
        "y_label": "Cases" if rows.repeats == 1 else "Judgements",
    }


def _below(value: float) -> int:
    """A round number at or below the value, at least 1."""
    scale = 10.0 ** math.floor(math.log10(max(1.0, value)))
    return int(max(step * scale for step in (1, 2, 5) if step * scale <= max(1.0, value)))


def _short(name: str) -> str:
    return name if len(name) <= 40 else name[:39] + "…"


# --- Curves in the unit square ---------------------------------------------------------------------------------------


def _square(title: str, x_label: str, y_label: str) -> Json:
    return {
        "title": title,
        "width": _LEFT + _SIDE + _RIGHT,
        "height": _TOP + _SIDE + _BOTTOM,
        "left": _LEFT,
        "right": _LEFT + _SIDE,
        "top": _TOP,
        "bottom": _TOP + _SIDE,
        "x_ticks": [{"at": _x(value), "text": tick(value)} for value in ticks(0.0, 1.0, 5)],
        "y_ticks": [{"at": _y(value), "text": tick(value)} for value in ticks(0.0, 1.0, 5)],
        "x_label": x_label,
        "y_label": y_label,
        "series": [],
        "thin": [],
        "chance": [],
        "mark": None,
    }


def _x(value: float) -> float:
    return _LEFT + value * _SIDE


def _y(value: float) -> float:
    return _TOP + (1 - value) * _SIDE


def _style(order: int, rows: Judged) -> str:
    """Colour and dash of a curve; the only curve of two classes is plain."""
    return "s0 d0" if rows.positive is not None else f"s{order % 6} d{order % 4}"


def _most_cases(rows: Judged) -> list[int]:
    """The classes with a curve: all, or the most frequent ones."""
    frequent = sorted(rows.shown, key=lambda index: -rows.of_class(index))[:_MOST_CURVES]
    return sorted(frequent)


def _fold_rows(rows: Judged, index: int) -> list[Sequence[int]]:
    """Rows of each fold that holds cases of a class and others; none where that would be a thicket."""
    folds = rows.folds()
    if not 1 < len(folds) * len(_most_cases(rows)) <= _MOST_FOLDS:
        return []
    of_class = rows.truth == index
    return [members.tolist() for members in folds if 0 < of_class[members].sum() < len(members)]


def _line(x: Sequence[float] | Floats, y: Sequence[float] | Floats) -> str:
    points = _thinned([(round(_x(float(a)), 1), round(_y(float(b)), 1)) for a, b in zip(x, y, strict=True)])
    return "M" + " ".join(f"{a:g},{b:g}" for a, b in points)


def _steps(recall: Floats, precision: Floats) -> str:
    """The precision of a recall holds down to the next smaller one, as the area under the steps counts it."""
    corners: list[tuple[float, float]] = []
    for a, b in zip(recall.tolist(), precision.tolist(), strict=True):
        if corners:
            corners.append((round(_x(a), 1), corners[-1][1]))
        corners.append((round(_x(a), 1), round(_y(b), 1)))
    return "M" + " ".join(f"{a:g},{b:g}" for a, b in _thinned(corners))


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Without points that lie on the way, and without steps too small to be seen where there are very many."""
    if len(points) > 4000:
        kept = points[:1]
        for point in points[1:-1]:
            if max(abs(point[0] - kept[-1][0]), abs(point[1] - kept[-1][1])) >= 0.4:
                kept.append(point)
        points = [*kept, points[-1]]
    result: list[tuple[float, float]] = []
    for point in points:
        if result and point == result[-1]:
            continue
        if len(result) > 1 and any(result[-2][axis] == result[-1][axis] == point[axis] for axis in (0, 1)):
            other = 1 if result[-1][0] == point[0] else 0
            if (result[-1][other] - result[-2][other]) * (point[other] - result[-1][other]) > 0:
                result[-1] = point
                continue
        result.append(point)
    return result
