"""Histograms as SVG: where every bar, tick and word of a plot stands."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..._report.axes import nice, tick, ticks
from ..._report.formatting import number
from .reading import Json

__all__ = ["plots"]

_WIDTH, _HEIGHT = 560.0, 250.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 12.0, 12.0, 44.0  # margins


@dataclass(frozen=True)
class _Series:
    key: str
    edges: Sequence[float]
    counts: Sequence[float]
    units: str

    def shares(self, width: float) -> list[float]:
        """Percent of the voxels per `width` of intensity, bin by bin."""
        total = sum(self.counts)
        bins = zip(self.counts, itertools.pairwise(self.edges), strict=True)
        return [100 * count / total / (b - a) * width for count, (a, b) in bins]


def plots(histograms: Json, units: str) -> list[Json]:
    """One plot with both histograms on the same axes; two plots where a step changed the scale altogether.

    `units` are those of the image, for a histogram that names none.
    """
    series = [
        _Series(key, data["edges"], data["counts"], data.get("units", units))
        for key in ("before", "after")
        if (data := histograms.get(key)) and data["counts"]
    ]
    if not series:
        return []
    spans = [item.edges[-1] - item.edges[0] for item in series]
    union = max(item.edges[-1] for item in series) - min(item.edges[0] for item in series)
    if series[0].units != series[-1].units or min(spans) < 0.04 * union:
        return [_plot([item]) for item in series]
    return [_plot(series)]


def _plot(series: Sequence[_Series]) -> Json:
    """Everything the template draws. All series are in the same units."""
    units = series[0].units
    low, high = _visible_range(series)
    # Bins differ in width between the two, so shares are given per a common width.
    per = nice(max(b - a for item in series for a, b in itertools.pairwise(item.edges)))
    shares = [item.shares(per) for item in series]
    peak = _peak(shares)

    def x(value: float) -> float:
        return _LEFT + (min(max(value, low), high) - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    def y(share: float) -> float:
        # The square root keeps a lung visible beside the air around the patient.
        return _HEIGHT - _BOTTOM - math.sqrt(min(1.0, share / peak)) * (_HEIGHT - _TOP - _BOTTOM)

    paths, cuts = [], []
    for item, heights in zip(series, shares, strict=True):
        bins = list(zip(heights, itertools.pairwise(item.edges), strict=True))
        points = [
            f"{x(a):.1f},{y(share):.1f} {x(b):.1f},{y(share):.1f}" for share, (a, b) in bins if b > low and a < high
        ]
        first, last, base = x(item.edges[0]), x(item.edges[-1]), y(0.0)
        label = item.key.capitalize()
        path = f"M{first:.1f},{base:.1f} L{' '.join(points)} {last:.1f},{base:.1f}"
        paths.append({"key": item.key, "label": label, "path": path})
        highest, (a, b) = max(bins, key=lambda bin: bin[0])
        if highest > peak * (1 + 1e-9):
            on_the_left = x(a) < (_LEFT + _WIDTH - _RIGHT) / 2
            cuts.append(
                {
                    "where": f"{number(a)} to {number(b)} {units}".rstrip(),
                    "percent": number(highest * (b - a) / per, "%"),
                    "label": item.key,
                    "at": x(b) + 6 if on_the_left else x(a) - 6,
                    "anchor": "start" if on_the_left else "end",
                }
            )
    both = " before and after processing" if len(series) > 1 else ""
    return {
        "title": f"Histogram of intensities{both}",
        "width": _WIDTH,
        "height": _HEIGHT,
        "left": _LEFT,
        "right": _WIDTH - _RIGHT,
        "top": _TOP,
        "bottom": _HEIGHT - _BOTTOM,
        "series": paths,
        "x_ticks": [{"at": x(value), "text": tick(value)} for value in ticks(low, high, 7)],
        "y_ticks": [{"at": y(value), "text": tick(value)} for value in _root_ticks(peak)],
        "x_label": f"Intensity [{units}]" if units else "Intensity",
        "y_label": f"Voxels [% per {tick(per)} {units}".rstrip() + "]",
        "trimmed": low > min(item.edges[0] for item in series) or high < max(item.edges[-1] for item in series),
        "cuts": cuts,
    }


def _peak(shares: Sequence[Sequence[float]]) -> float:
    """The top of the vertical axis: the highest bin, unless it is a lone spike (air, padding) that dwarfs the rest."""
    highest = max(map(max, shares))
    rest = max((sorted(heights)[-2] for heights in shares if len(heights) > 1), default=0.0)
    return 1.25 * rest if 0 < rest < 0.2 * highest else highest


def _visible_range(series: Sequence[_Series]) -> tuple[float, float]:
    """Everything but the thin tails: a metal filling must not squeeze the anatomy into a corner."""
    lows, highs = [], []
    for item in series:
        tail = 0.0005 * sum(item.counts)
        first = _bins_within(item.counts, tail)
        last = len(item.counts) - _bins_within(item.counts[::-1], tail)
        lows.append(item.edges[first])
        highs.append(item.edges[last])
    return min(lows), max(highs)


def _bins_within(counts: Sequence[float], tail: float) -> int:
    """How many bins from the start hold no more than `tail` together."""
    return sum(1 for total in itertools.accumulate(counts) if total <= tail)


def _root_ticks(peak: float) -> list[float]:
    """Ticks of a square-root axis: round values that stand at least 24 pixels apart."""
    scale = 10.0 ** math.floor(math.log10(peak))
    candidates = sorted({digit * scale * power for digit in (1, 2, 5) for power in (0.001, 0.01, 0.1, 1)}, reverse=True)
    chosen: list[float] = []
    above = math.inf
    for value in candidates:
        at = math.sqrt(value / peak) * (_HEIGHT - _TOP - _BOTTOM)
        if value <= peak and at >= 24 and above - at >= 24:
            chosen.append(value)
            above = at
    return [0.0, *reversed(chosen)]
