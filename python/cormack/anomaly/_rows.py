"""``cormack anomaly score``: the scores of a table on disk, with a report."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__
from .._errors import ModelRefused
from .._files import replacing
from .._table import Table
from ..pipeline.files import csv_table, parquet_table
from ._model import load_detector
from ._table import TableDetector
from .report import render

__all__ = ["score_rows"]


def score_rows(model: Path, table: Path, out: Path, began: float) -> tuple[dict[str, Any], Path]:
    """Score a table with a detector on disk; write the scores and a report beside them.

    Parameters
    ----------
    model, table, out : Path
        The folder of the detector, the table, the .csv or .parquet file to write.
    began : float
        When the work began, by `time.perf_counter`.

    Returns
    -------
    record : dict
        What the report says.
    report : Path
        Named as `out`, with ``.html``.
    """
    detector = load_detector(model)
    if not isinstance(detector, TableDetector):
        raise ModelRefused(model, "is a detector for images; give one that `cormack anomaly fit` wrote")
    found = detector.score(table)
    _write(found, out)
    record = {
        "kind": "table",
        "cormack": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": time.perf_counter() - began,
        "normal": {"scores": detector.calibration.scores.tolist(), "left_out": []},
        "threshold": detector.calibration.threshold,
        "alarm": detector.calibration.alarm,
        "settings": {
            "method": detector.method,
            "features": len(detector.features),
            "rows of reference": detector.rows,
            "seed": detector.seed,
            "features left out": len(detector.dropped),
        },
        "notes": [*detector.notes, *_seen_before(found)],
        "cases": [_case(row) for row in found.rows()],
    }
    report = out.with_suffix(".html")
    with replacing(report) as temporary:
        temporary.write_text(render(record), "utf-8", errors="replace")
    return record, report


def _seen_before(found: Table) -> list[str]:
    count = int(found["in_reference"].sum())
    verb = "is" if count == 1 else "are"
    return [f"{count} of the rows {verb} of the reference: scores are too low, p-values too large"] if count else []


def _case(row: dict[str, Any]) -> dict[str, Any]:
    named = [(row[f"feature_{n}"], row[f"z_{n}"]) for n in range(1, 4) if f"feature_{n}" in row]
    kept = {key: row[key] for key in ("score", "p_value", "outlier", "missing")}
    return {"id": str(row["case"]), "status": "completed", "features": named, **kept}


def _write(table: Table, out: Path) -> None:
    rows = list(table.rows())
    if out.suffix.lower() == ".csv":
        with csv_table(out, list(table)) as add:
            add([{**row, **{name: int(row[name]) for name in ("outlier", "in_reference")}} for row in rows])
        return
    kinds = {"b": bool, "i": int, "u": int, "f": float}
    columns = {name: kinds.get(column.dtype.kind, str) for name, column in table.items()}
    texts = [name for name, kind in columns.items() if kind is str]
    with parquet_table(out, columns) as add:
        add([{**row, **{name: None if row[name] is None else str(row[name]) for name in texts}} for row in rows])
