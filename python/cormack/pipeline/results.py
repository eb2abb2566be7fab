"""Results of a run and of its cases: rows of the feature table, tables of ``case.json``, the numbers that matter."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import ReadError
from .step_models import FeaturesStep
from .steps import KERNEL_STEPS, Case, kept_objects

if TYPE_CHECKING:
    from .config import Config
    from .job import Job

__all__ = [
    "COLUMN_TYPES",
    "FEATURE_COLUMNS",
    "MAX_OBJECT_ROWS",
    "CaseResult",
    "RunResult",
    "columns_of",
    "configs_of",
    "extraction",
    "extraction_of",
    "feature_rows",
    "object_table",
    "region_entries",
    "summary",
    "timings_of",
]

# The 18 of IBSI's family "intensity-based statistics".
_STATISTICS = (
    *("mean", "var", "skew", "kurt", "median", "min", "p10", "p90", "max"),
    *("iqr", "range", "mad", "rmad", "medad", "cov", "qcod", "energy", "rms"),
)
_OBJECT_TYPES: dict[str, type] = {
    "voxel_count": int,
    "volume_mm3": float,
    "area_mm2": float,
    "equivalent_diameter_mm": float,
    **{f"centroid_{axis}": float for axis in "zyx"},
    **{f"bbox_{axis}_{end}": int for axis in "zyx" for end in ("start", "stop")},
    "touches_border": bool,
    "axis_major_mm": float,
    "axis_minor_mm": float,
    "axis_least_mm": float,
    "elongation": float,
    "flatness": float,
    "roundness": float,
    **{f"intensity_{name}": float for name in ("mean", "std", "min", "max")},
    "score": float,
}
COLUMN_TYPES: dict[str, type] = {
    "case": str,
    "status": str,
    "reason": str,
    "region": str,
    "label": int,
    "volume_ml": float,
    "area_cm2": float,
    **{f"stat_{name}": float for name in _STATISTICS},
    **_OBJECT_TYPES,
}
"""Columns of the feature table and what they hold."""
FEATURE_COLUMNS: tuple[str, ...] = tuple(COLUMN_TYPES)
"""Columns that every feature table has; those of other families than the statistics follow. ``label`` is empty for a
region and the object's number for an object."""
MAX_OBJECT_ROWS = 500
"""Objects of a case that ``case.json`` lists."""


@dataclass(frozen=True)
class CaseResult:
    """What became of one case; all but these few words stays in its folder until it is asked for.

    Parameters
    ----------
    id, status, reason : str
        ``status`` is ``completed`` or ``failed``; ``reason`` says why it failed, in one line.
    seconds : float
        Wall time, s.
    folder : str
        Its folder, relative to the output folder.
    out : Path
        The output folder.
    """

    id: str
    status: str
    reason: str
    seconds: float
    folder: str
    out: Path = field(repr=False)

    @property
    def record(self) -> dict[str, Any]:
        """``case.json``; empty for a case that failed."""
        if self.status != "completed":
            return {}
        path = self.out / self.folder / "case.json"
        try:
            record: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            raise ReadError(path, "is gone", suggestion="run the analysis again") from None
        except (OSError, ValueError) as error:
            raise ReadError(path, f"cannot be read ({error})", suggestion="run the analysis again") from error
        return record

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Its rows of the feature table; one that says why for a case that failed."""
        if self.status != "completed":
            return [{"case": self.id, "status": self.status, "reason": self.reason, "region": ""}]
        rows: list[dict[str, Any]] = self.record["rows"]
        return rows

    @property
    def summary(self) -> dict[str, float]:
        """The numbers that matter most, by name with unit."""
        return dict(self.record.get("summary", {}))

    @property
    def truth(self) -> dict[str, Any]:
        """The case against its known lesions; empty when nobody knows them."""
        return dict(self.record.get("truth", {}))

    @property
    def timings(self) -> dict[str, float]:
        """Seconds by kind of step."""
        return timings_of(self.record)


def columns_of(cases: Iterable[CaseResult]) -> dict[str, type]:
    """Columns of the feature table of these cases, and what they hold.

    Parameters
    ----------
    cases : iterable of CaseResult
        Looked at one after the other.

    Returns
    -------
    dict
        `COLUMN_TYPES`, then what the cases have beside, in the order in which it comes.
    """
    columns = dict(COLUMN_TYPES)
    for case in cases:
        for row in case.rows:
            columns.update(
                {name: str if isinstance(value, str) else float for name, value in row.items() if name not in columns}
            )
    return columns


def extraction_of(jobs: Iterable[Job]) -> dict[str, Any] | None:
    """The settings under which the features of a table were computed: equal ones make comparable features.

    Parameters
    ----------
    jobs : iterable of Job
        What was done.

    Returns
    -------
    dict or None
        The steps up to the features with all their parameters, and whether regions came from masks; None where cases
        were done in different ways.
    """
    found = [extraction(config, masked) for config, masked in _ways(jobs)]
    return found[0] if found and all(each == found[0] for each in found) else None


def configs_of(jobs: Iterable[Job]) -> list[Config]:
    """Return the configurations of jobs, each once."""
    return list({id(job.config): job.config for job in jobs}.values())


def _ways(jobs: Iterable[Job]) -> Iterable[tuple[Config, bool]]:
    # Mostly one configuration for all.
    return {(id(job.config), job.mask is not None): (job.config, job.mask is not None) for job in jobs}.values()


def extraction(config: Config, masked: bool) -> dict[str, Any]:
    """The settings under which a configuration computes features; see `extraction_of`.

    Parameters
    ----------
    config : Config
        What is done.
    masked : bool
        Whether masks are given.

    Returns
    -------
    dict
    """
    steps = []
    for step in config.steps:
        if step.step in ("classify", "export") or (masked and step.step in ("segment", "screen")):
            continue
        values = step.model_dump(mode="json", exclude_none=True)
        if isinstance(step, FeaturesStep):
            # With its defaults, which another file may spell out.
            values["settings"] = step.radiomics_settings().to_dict()
            del values["settings"]["families"]
        if "sha256" in values:
            # Which network it is, wherever it lies.
            values.pop("model", None)
        steps.append(values)
    return {"by": "cormack run", "regions": "masks" if masked else "segmentation", "steps": steps}


def timings_of(record: Mapping[str, Any]) -> dict[str, float]:
    """Seconds by kind of step of a ``case.json``.

    Parameters
    ----------
    record : mapping
        The document.

    Returns
    -------
    dict
    """
    sums: dict[str, float] = defaultdict(float)
    for step in record.get("steps", []):
        sums[step["kind"]] += step["seconds"]
    return dict(sums)


@dataclass(frozen=True)
class RunResult:
    """What a run did.

    Parameters
    ----------
    out : Path
        The output folder.
    cases : tuple of CaseResult
        In the order of the sources.
    seconds : float
        Wall time of the run, s.
    timings : mapping of str to float
        Seconds by kind of step, summed over cases.
    """

    out: Path
    cases: tuple[CaseResult, ...]
    seconds: float
    timings: Mapping[str, float]

    @property
    def kernel_seconds(self) -> float:
        """Seconds in steps that are library kernels: filter, enhance, segment, screen, features."""
        return sum(self.timings.get(kind, 0.0) for kind in KERNEL_STEPS)

    @property
    def completed(self) -> int:
        """Number of cases that were completed."""
        return sum(case.status == "completed" for case in self.cases)

    @property
    def failed(self) -> int:
        """Number of cases that failed."""
        return len(self.cases) - self.completed


def feature_rows(case: Case) -> list[dict[str, Any]]:
    """Rows of the feature table: regions, then the objects that were kept.

    Parameters
    ----------
    case : Case
        A finished case.

    Returns
    -------
    list of dict
        Values by column of `FEATURE_COLUMNS`. Every case has a row, also one in which nothing was looked for.
    """
    base = {"case": case.id, "status": "completed", "reason": ""}
    size = _size_column(case)
    rows = [
        {**base, "region": region.name, size: region.size, "voxel_count": region.voxel_count, **region.features}
        for region in case.regions
    ]
    for name, table in case.tables.items():
        for row in sorted(kept_objects(table), key=lambda row: row["new_label"]):
            values = {column: row[column] for column in _OBJECT_TYPES if column in row}
            computed = case.object_features.get(name, {}).get(row["new_label"], {})
            rows.append({**base, "region": name, "label": row["new_label"], **values, **computed})
    decided = {} if case.decision is None else case.decision.columns
    return [{**row, **decided} for row in rows or [{**base, "region": ""}]]


def region_entries(case: Case) -> list[dict[str, Any]]:
    """Regions as ``case.json`` lists them.

    Parameters
    ----------
    case : Case
        A finished case.

    Returns
    -------
    list of dict
        Name, label, features, and ``volume_ml`` or in 2D ``area_cm2``.
    """
    return [
        {
            "name": region.name,
            "label": region.label,
            "features": region.features,
            _size_column(case): region.size,
            "note": region.note,
        }
        for region in case.regions
    ]


def _size_column(case: Case) -> str:
    return "volume_ml" if case.original.ndim == 3 else "area_cm2"


def object_table(case: Case) -> dict[str, Any] | None:
    """All screened objects as ``case.json`` lists them.

    Parameters
    ----------
    case : Case
        A finished case.

    Returns
    -------
    dict or None
        ``columns`` and ``rows``, kept objects first and largest first, with the label map that each belongs to; a
        ``note`` when there are more than `MAX_OBJECT_ROWS`. None when nothing was screened.
    """
    if not case.tables:
        return None
    columns = list(dict.fromkeys(["region", *(column for table in case.tables.values() for column in table)]))
    rows = [{"region": name, **row} for name, table in case.tables.items() for row in table.rows()]
    rows.sort(key=lambda row: (not row["kept"], -row["voxel_count"]))
    entry: dict[str, Any] = {
        "columns": columns,
        "rows": [[row.get(column) for column in columns] for row in rows[:MAX_OBJECT_ROWS]],
    }
    if len(rows) > MAX_OBJECT_ROWS:
        entry["note"] = f"the largest {MAX_OBJECT_ROWS} of {len(rows)} objects"
    return entry


def summary(case: Case) -> dict[str, float]:
    """The numbers that a reader asks for first.

    Parameters
    ----------
    case : Case
        A finished case.

    Returns
    -------
    dict of str to float
        By name with unit.
    """
    numbers: dict[str, float] = {}
    if case.decision is not None:
        shown = case.decision.shown
        numbers[f"probability of {shown}"] = case.decision.probabilities[shown]
    units = case.original.meta.get("units")
    size = "volume [ml]" if case.original.ndim == 3 else "area [cm²]"
    for region in case.regions:
        numbers[f"{region.name} {size}"] = region.size
        if "stat_mean" in region.features:
            numbers[f"{region.name} mean{f' [{units}]' if units else ''}"] = region.features["stat_mean"]
    for name, table in case.tables.items():
        kept = int(np.count_nonzero(table["kept"]))
        numbers[f"{name} kept"] = kept
        numbers[f"{name} rejected"] = table.row_count - kept
    return numbers
