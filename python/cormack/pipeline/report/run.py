"""The whole run: the table of cases, times, versions, machine and configuration."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..._report.formatting import DASH, cell, column, real, size, spacing, when, words
from .cohort import Features, Outliers
from .methods import methods, references
from .pictures import Pictures
from .reading import Json, read_case

__all__ = ["key_number", "outliers_first", "overview", "run_view"]

_MAX_KEY_COLUMNS = 4
_MACHINE = {"isa": "Instruction set", "cpu_count": "Processors", "implementation": "Python implementation"}


def overview(
    out: Path, entries: Sequence[Json], pictures: Pictures | None = None
) -> tuple[list[Json], list[Json], Outliers]:
    """One row per case for the first table, the key numbers that deserve a column of their own, and who lies far out.

    In the order of the run; `outliers_first` gives that of the page.
    """
    rows: list[Json] = []
    features = Features()
    frequency: Counter[str] = Counter()
    for index, entry in enumerate(entries, start=1):
        case = read_case(out, entry)
        features.add(case["rows"] if case["status"] == "completed" else [])
        peaks: dict[str, float] = {}
        for step in case["steps"]:
            if (peak := real(step.get("peak_bytes"))) is not None:
                peaks[step["kind"]] = max(peak, peaks.get(step["kind"], 0.0))
        frequency.update(case["summary"].keys())
        rows.append(
            {
                "entry": entry,
                "anchor": f"case-{index}",  # never from the id, which may hold anything
                "id": case["id"],
                "status": "completed" if case["status"] == "completed" else "failed",
                "reason": case["reason"],
                "modality": case["modality"] or DASH,
                "size": size(case["shape"]),
                "voxels": math.prod(case["shape"]) if case["shape"] else "",
                "spacing": spacing(case["spacing_mm"]),
                "voxel_mm3": math.prod(case["spacing_mm"]) if case["spacing_mm"] else "",
                "seconds": case["seconds"],
                "summary": case["summary"],
                "units": case["units"],
                "peaks": peaks,
                "planes": pictures.planes(case["folder"], case["planes"]) if pictures else None,
                "folder": case["folder"],
            }
        )
    completed = sum(row["status"] == "completed" for row in rows)
    # A cohort of one kind gets sortable columns; a mixture (the demo) would be mostly holes, so it gets one cell.
    common = [name for name, count in frequency.items() if count >= 0.75 * completed and completed > 1]
    shown = common[:_MAX_KEY_COLUMNS]
    for row in rows:
        # Rounded as in the section of the case: one number must not read differently in two places.
        row["key_cells"] = [key_number(name, row["summary"].get(name)) for name in shown]
        row["others"] = [key_number(name, value) for name, value in row["summary"].items() if name not in common]
    outliers = Outliers(features)
    for index, row in enumerate(rows):
        row["outlier"] = outliers.of(index)
        row["states"] = row["status"] + (" outlier" if row["outlier"] and row["outlier"]["is_far"] else "")
    return rows, [_head(name, [row["summary"].get(name) for row in rows]) for name in shown], outliers


def outliers_first(rows: Sequence[Json]) -> list[Json]:
    """Rows by their largest robust z-score, highest first, where it says that they lie far out."""
    return sorted(rows, key=lambda row: -row["outlier"]["score"] if "outlier" in row["states"] else 0.0)


def _head(name: str, values: Sequence[Any]) -> Json:
    return {**column(name), "numeric": any(real(value) is not None for value in values)}


def key_number(name: str, value: Any) -> Json:
    """A number of the summary with its label and unit."""
    head = column(name)
    return {**head, **cell(value, head["unit"])}


def run_view(run: Json, overviews: Sequence[Json]) -> Json:
    """What the page says of the run as a whole."""
    kernels = run["kernel_seconds"]
    timings = {name: value for name, value in run["timings"].items() if value}
    busy = sum(timings.values())
    # With several workers the steps' sum exceeds the clock, and the share refers to the time that was worked.
    whole = max(run["seconds"] or 0.0, busy)
    failed = sum(row["status"] == "failed" for row in overviews)
    peaks: dict[str, float] = {}
    for row in overviews:
        for kind, peak in row["peaks"].items():
            peaks[kind] = max(peak, peaks.get(kind, 0.0))
    return {
        "name": run["config_name"] or "unnamed configuration",
        "source": run["source"],
        "started": when(run["started"]),
        "seconds": run["seconds"],
        "kernel_seconds": kernels,
        "kernel_share": 100 * kernels / whole if kernels is not None and whole > 0 else None,
        "count": len(overviews),
        "completed": len(overviews) - failed,
        "failed": failed,
        "timings": [
            {"name": name, "seconds": value, "percent": 100 * value / busy, "peak": peaks.get(name)}
            for name, value in timings.items()
        ],
        "has_peaks": bool(peaks),
        "methods": methods(run, [row["units"] for row in overviews if row["status"] == "completed"]),
        "references": references(run),
        "busy": busy,
        "versions": run["versions"],
        "machine": {_MACHINE.get(name, words(name)): value for name, value in run["machine"].items()},
        "config": _as_yaml(run["config"]),
    }


def _as_yaml(config: Json) -> str:
    import yaml

    return str(yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=100)).rstrip() if config else ""
