"""Detection over all cases whose lesions are known: sensitivity against false candidates, as a table and a curve."""

from __future__ import annotations

from ..._report.formatting import number
from .reading import Json

__all__ = ["detection_view"]

_WIDTH, _HEIGHT = 560.0, 250.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 12.0, 12.0, 44.0  # margins


def detection_view(detection: Json) -> Json | None:
    """What the page says of detection; None where no lesion is known."""
    if not detection.get("lesions"):
        return None
    found, lesions, cases = detection["found"], detection["lesions"], detection["cases"]
    view: Json = {
        "cases": cases,
        "lesions": lesions,
        "found": found,
        "false_per_case": number(detection["false_candidates"] / cases) if cases else number(0),
        "rates": [],
        "plot": None,
    }
    if table := detection.get("sensitivity"):
        view["rates"] = [
            {
                "rate": f"{rate:g}",
                "sensitivity": number(sensitivity),
                "threshold": number(threshold),
            }
            for rate, sensitivity, threshold in zip(
                table["false_positives_per_case"], table["sensitivity"], table["threshold"], strict=True
            )
        ]
    if curve := detection.get("curve"):
        view["plot"] = _plot(curve["false_positives_per_case"], curve["sensitivity"])
    return view


def _plot(rates: list[float], sensitivities: list[float]) -> Json:
    """The curve as steps, from no false candidate to all of them."""
    right = max(1.0, float(-(-max(rates) // 1)))  # whole candidates

    def x(rate: float) -> float:
        return _LEFT + rate / right * (_WIDTH - _LEFT - _RIGHT)

    def y(sensitivity: float) -> float:
        return _HEIGHT - _BOTTOM - sensitivity * (_HEIGHT - _TOP - _BOTTOM)

    points = [f"M{x(rates[0]):.1f},{y(sensitivities[0]):.1f}"]
    points += [f"H{x(rate):.1f} V{y(value):.1f}" for rate, value in zip(rates[1:], sensitivities[1:], strict=True)]
    points.append(f"H{x(right):.1f}")
    step = max(1, int(right) // 8)
    return {
        "title": "Sensitivity",
        "width": _WIDTH,
        "height": _HEIGHT,
        "left": _LEFT,
        "right": _WIDTH - _RIGHT,
        "top": _TOP,
        "bottom": _HEIGHT - _BOTTOM,
        "series": [{"key": "curve", "label": "Sensitivity", "path": " ".join(points)}],
        "cuts": [],
        "x_ticks": [{"at": x(tick), "text": str(tick)} for tick in range(0, int(right) + 1, step)],
        "y_ticks": [{"at": y(tick / 5), "text": f"{tick / 5:g}"} for tick in range(6)],
        "x_label": "False candidates per case",
        "y_label": "Sensitivity",
    }
