"""The reference tables of the Image Biomarker Standardisation Initiative, and when a value matches one of them."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from functools import cache
from math import floor, isfinite, log10
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("CORMACK_SHARED", Path(__file__).resolve().parents[3] / "shared"))
DATA = Path(__file__).parent / "data"
CONFIGS = ("digital phantom", "A", "B", "C", "D")


@dataclass(frozen=True)
class Row:
    """One reference value; `value` is None where the feature is not standardised."""

    name: str
    aggregation: str
    family: str
    value: float | None
    tolerance: float
    check_value: float | None


def matches(x: float, value: float, tolerance: float) -> bool:
    """Say whether x, rounded to three significant digits as the reference values are, lies within the tolerance."""
    if x and isfinite(x):
        x = round(x, 2 - floor(log10(abs(x))))
    return abs(x - value) <= tolerance + 1e-9 * max(1.0, abs(value))


def reference(config: str, family: str | None = None) -> list[Row]:
    """Return the rows of "digital phantom", "A", "B", "C" or "D", of one family (IBSI code) if wanted; skip without."""
    return [row for row in _table(config) if family in (None, row.family)]


def diagnostics(config: str) -> list[tuple[str, str, float, float]]:
    """Return stage, name, value and tolerance of the CT phantom's processing diagnostics; skip without them."""
    rows = _read("ibsi1_ct_diagnostics_A-D.csv")
    return [(r["stage"], r["name"], float(r["value"]), float(r["tolerance"])) for r in rows if r["config"] == config]


def mismatches(result: dict[str, float], rows: list[Row], suffix: str = "") -> dict[str, tuple[float, float, float]]:
    """Return what of the standardised rows does not match: name to (computed, reference, tolerance)."""
    wrong = {}
    for row in rows:
        if row.value is None:
            continue
        x = result.get(row.name + suffix, float("nan"))
        if not matches(x, row.value, row.tolerance):
            wrong[row.name] = (x, row.value, row.tolerance)
    return wrong


@cache
def _table(config: str) -> tuple[Row, ...]:
    name = "ibsi1_digital_phantom.csv" if config == "digital phantom" else f"ibsi1_ct_config_{config}.csv"
    return tuple(
        Row(
            r["name"],
            r["aggregation"],
            r["family_id"],
            float(r["value"]) if r["value"] else None,
            float(r["tolerance"] or 0),
            float(r["check_value"]) if r["check_value"] else None,
        )
        for r in _read(name)
    )


def _read(name: str) -> list[dict[str, str]]:
    path = SHARED / "reference" / "ibsi" / name
    if not path.is_file():
        pytest.skip("the IBSI reference tables are not here (CORMACK_SHARED names their folder)")
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
