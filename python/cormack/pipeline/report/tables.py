"""Tables of one case: objects, regions, and the score of a phantom against its truth."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..._report.formatting import DASH, TIMES, cell, column, column_cells, group_digits, real, split_unit, words
from .reading import Json

__all__ = ["decision_table", "object_table", "region_tables", "truth_table"]

_MAX_OBJECTS = 100  # rows of one object table; the kept ones come first, so a cap never hides them behind the rejected
# Columns of the object table that would only widen it; they stay in case.json.
_UNSHOWN = re.compile(r"label|kept|decided_by|bbox_.*|voxel_count|intensity_(min|max)")
_IBSI = re.compile(r"(morph|loc|ih|ivh|cm|rlm|szm|dzm|ngt|ngl)_")
# IBSI's intensity-based statistics as they are called in print, with the power of the image's unit that each has.
_STATISTICS = {
    "stat_mean": ("Mean", 1),
    "stat_var": ("Variance", 2),
    "stat_skew": ("Skewness", 0),
    "stat_kurt": ("Excess kurtosis", 0),
    "stat_median": ("Median", 1),
    "stat_min": ("Minimum", 1),
    "stat_p10": ("10th percentile", 1),
    "stat_p90": ("90th percentile", 1),
    "stat_max": ("Maximum", 1),
    "stat_iqr": ("Interquartile range", 1),
    "stat_range": ("Range", 1),
    "stat_mad": ("Mean absolute deviation", 1),
    "stat_rmad": ("Robust mean absolute deviation", 1),
    "stat_medad": ("Median absolute deviation", 1),
    "stat_cov": ("Coefficient of variation", 0),
    "stat_qcod": ("Quartile coefficient of dispersion", 0),
    "stat_energy": ("Energy", 2),
    "stat_rms": ("Root mean square", 1),
}


# --- Objects -----------------------------------------------------------------------------------------------------


def object_table(table: Json, units: str, steps: Sequence[Json]) -> Json | None:
    """Candidates, kept ones first, each with its verdict and what decided; None where none were looked for."""
    if not table:
        return None
    names = table["columns"]
    rows = [dict(zip(names, row, strict=True)) for row in table["rows"]]
    shown = rows[:_MAX_OBJECTS]
    heads, lines = _object_columns(names, shown, units)
    screens = _screens(steps)
    return {
        "columns": heads,
        "rows": [
            {"kept": row["kept"], "decided_by": _decision(row, screens.get(row["region"], {})), "cells": line}
            for row, line in zip(shown, lines, strict=True)
        ],
        "total": len(rows),
        "shown": len(shown),
        "kept": sum(row["kept"] for row in rows),
        "note": table.get("note", ""),
    }


def _screens(steps: Sequence[Json]) -> dict[str, Json]:
    """The ranges of the screen steps, by the label map that each one judged."""
    screens = [step["parameters"] for step in steps if step["kind"] == "screen"]
    return {ranges.get("output", ranges["input"]): ranges for ranges in screens}


def _decision(row: Json, screen: Json) -> str:
    """The criterion that rejected an object, said in full: ``roundness 0.21 < 0.3``."""
    criterion = row["decided_by"]
    stem, unit = split_unit(criterion)
    name = stem.replace("_", " ")
    allowed, value = screen.get(criterion), row.get(criterion)
    if isinstance(allowed, bool):
        return f"not: {name}" if allowed else name
    measured = real(value)
    if allowed is None or measured is None:
        return name
    low, high = allowed
    limit, sign = (low, "<") if low is not None and measured < low else (high, ">")
    # Rounded alike, 0.2996 < 0.3 would read as a mistake.
    text = next(t for t in (f"{measured:.{n}g}" for n in (3, 4, 6, 17)) if float(t) != limit)
    return f"{name} {text} {sign} {limit:g} {unit}".rstrip()


def _centre(numbers: Sequence[float]) -> str:
    return ", ".join(f"{number:.0f}" for number in numbers)


def _axes(numbers: Sequence[float]) -> str:
    return f" {TIMES} ".join(f"{number:.1f}" for number in numbers)


def _mean_and_spread(numbers: Sequence[float]) -> str:
    # The spread says how many digits of the mean mean anything.
    spread = numbers[-1]
    decimals = min(6, max(0, 1 - math.floor(math.log10(spread)))) if spread else 2
    return " ± ".join(group_digits(f"{number:.{decimals}f}") for number in numbers)


@dataclass(frozen=True)
class _Joined:
    """Columns that belong together and share one on the page."""

    members: tuple[str, ...]
    label: str
    unit: str
    text: Callable[[Sequence[float]], str]

    def cell(self, row: Json) -> Json:
        numbers = [row[name] for name in self.members if row.get(name) is not None]
        if not numbers:
            return cell(None)
        return {"text": self.text(numbers), "raw": repr(numbers[0]), "title": ""}


def _object_columns(names: Sequence[str], rows: Sequence[Json], units: str) -> tuple[list[Json], list[list[Json]]]:
    """Headings and rows of cells for a page: what belongs together in one column, what nobody reads left out."""
    axes = [axis for axis in "xyz" if f"centroid_{axis}" in names]
    joined = (
        _Joined(tuple(f"centroid_{a}" for a in axes), "Centre", f"voxel {', '.join(axes)}", _centre),
        _Joined(tuple(f"axis_{a}_mm" for a in ("major", "minor", "least")), "Axes", "mm", _axes),
        _Joined(
            ("intensity_mean", "intensity_std"),
            "Intensity",
            f"{units}, mean ± SD" if units else "mean ± SD",
            _mean_and_spread,
        ),
    )
    one_region = len({row["region"] for row in rows}) < 2
    done = {"region"} if one_region else set[str]()
    heads, columns = [], []
    for name in ("new_label", *names):
        if name in done or _UNSHOWN.fullmatch(name):
            continue
        group = next((item for item in joined if name in item.members), None)
        if group is not None:
            head: Json = {"label": group.label, "unit": group.unit, "numeric": True}
            cells = [group.cell(row) for row in rows]
            done.update(group.members)
        elif name == "new_label":  # 0 stands for "rejected, hence without a number"
            head, cells = column_cells(name, [row[name] or None for row in rows])
            head["label"] = "No."
            done.add(name)
        else:
            head, cells = column_cells(name, [row[name] for row in rows])
        heads.append(head)
        columns.append(cells)
    return heads, [list(line) for line in zip(*columns, strict=True)]


# --- Regions and truth -------------------------------------------------------------------------------------------


def region_tables(regions: Sequence[Json], units: str) -> list[Json]:
    """Features as rows and regions as columns, a few regions to a table, so that regions are compared at a glance."""
    tables = []
    for start in range(0, len(regions), 4):
        group = regions[start : start + 4]
        rows: list[Json] = []
        for key, label, unit in (("volume_ml", "Volume", "ml"), ("area_cm2", "Area", "cm²")):
            if key in group[0]:
                cells = [cell(region[key], unit) for region in group]
                rows.append({"label": label, "unit": unit, "cells": cells, "strong": True})
        for name in dict.fromkeys(name for region in group for name in region["features"]):
            head = _feature(name, units)
            cells = [cell(region["features"].get(name), head["unit"]) for region in group]
            rows.append({**head, "cells": cells, "strong": False})
        # Long lists over few regions are broken into parallel columns instead of one endless narrow table.
        parts = {1: 3, 2: 2}.get(len(group), 1) if len(rows) > 6 else 1
        length = math.ceil(len(rows) / parts)
        tables.append(
            {
                "heads": [{"name": words(region["name"]) or DASH, "label": region["label"]} for region in group],
                "parts": [rows[first : first + length] for first in range(0, len(rows), length)],
            }
        )
    return tables


def _feature(name: str, units: str) -> Json:
    if name not in _STATISTICS:
        # The short names of IBSI's reference are names, not words.
        return {"label": name, "unit": ""} if _IBSI.match(name) else column(name)
    label, power = _STATISTICS[name]
    return {"label": label, "unit": ("", units, f"{units}²" if units else "")[power]}


def truth_table(truth: Json) -> Json | None:
    """Known lesions and what was found of them; None for a case whose truth nobody knows."""
    if not truth:
        return None
    names, rows = truth["lesions"]["columns"], truth["lesions"]["rows"]
    columns = [column_cells(name, [row[index] for row in rows]) for index, name in enumerate(names)]
    found = names.index("found")
    return {
        "found": truth["found"],
        "missed": truth["missed"],
        "total": truth["found"] + truth["missed"],
        "false_candidates": truth["false_candidates"],
        "error": truth["mean_abs_diameter_error_mm"],
        "columns": [head for head, _ in columns],
        "rows": [
            {"cells": [cells[index] for _, cells in columns], "found": row[found]} for index, row in enumerate(rows)
        ],
        "found_column": found,
    }


def decision_table(decision: Json) -> Json | None:
    """What a model says about a case, the likeliest class first; None without a model."""
    probabilities = {str(name): real(value) for name, value in _mapping(decision.get("probabilities")).items()}
    if not probabilities:
        return None
    ranked = sorted(probabilities.items(), key=lambda item: -(item[1] or 0.0))
    return {
        **{key: str(decision.get(key) or "") for key in ("model", "sha256", "predicted", "learner")},
        "target": words(str(decision.get("target") or "class")),
        "auc": [real(_mapping(decision.get("auc")).get(key)) for key in ("value", "low", "high")],
        "rows": [
            {"name": name, "cell": cell(value, decimals=3), "share": 100 * (value or 0.0)} for name, value in ranked
        ],
    }


def _mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}
