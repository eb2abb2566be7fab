"""Known lesions of cases, and how well a run detects them."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import detect
from .._errors import ReadError
from .._table import Table
from ..io import Source
from .identity import NamelessSource
from .masks import stem_of
from .steps import Case

__all__ = ["KnownLesions", "detection", "read_truth", "truth_entry", "truth_of"]

# The columns, and what the annotations of the LUNA16 challenge call them.
_COLUMNS = {"case": "seriesuid", "x_mm": "coordx", "y_mm": "coordy", "z_mm": "coordz", "diameter_mm": "diameter_mm"}
_RATES = (1.0, 2.0, 4.0)


@dataclass(frozen=True)
class KnownLesions:
    """The lesions of a case.

    Parameters
    ----------
    lesions : tuple of (x, y, z, diameter)
        World coordinates (LPS) and diameter, mm.
    """

    lesions: tuple[tuple[float, float, float, float], ...]

    def __call__(self, case: Case) -> dict[str, Any]:
        """Compare the candidates of a finished case with them: the entry ``truth`` of its record."""
        if not case.tables:
            raise ValueError("a truth needs a step `screen`, whose candidates it is compared with")
        if case.original.ndim != 3:
            raise ValueError("a truth needs a 3D volume, this is a single 2D image")
        candidates = list(case.tables.values())[-1]
        known = np.array(self.lesions, float).reshape(-1, 4)
        centres = case.original.world_to_index(known[:, 2::-1]) * np.array(case.spacing)
        lesions = Table({f"{axis}_mm": known[:, k] for k, axis in enumerate("xyz")})
        lesions |= {f"centre_{axis}_mm": centres[:, k] for k, axis in enumerate("zyx")}
        lesions["diameter_mm"] = known[:, 3]
        score = detect.score_lesions(candidates, lesions, spacing=case.spacing)
        return truth_entry(score, ("x_mm", "y_mm", "z_mm"))


def truth_entry(score: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    """The entry ``truth`` of ``case.json``.

    Parameters
    ----------
    score : mapping
        Of `cormack.detect.score_lesions`.
    columns : sequence of str
        What to list of each lesion, beside its size and what was found.

    Returns
    -------
    dict
        The numbers, and ``lesions`` and ``candidates`` as ``columns`` and ``rows``.
    """
    listed = [*columns, "diameter_mm", "found", "candidate", "measured_diameter_mm", "diameter_error_mm"]
    entry = {key: value for key, value in score.items() if not isinstance(value, Table)}
    entry["lesions"] = {"columns": listed, "rows": [[row[name] for name in listed] for row in score["lesions"].rows()]}
    pairs = score["candidates"]
    entry["candidates"] = {"columns": list(pairs), "rows": [list(row.values()) for row in pairs.rows()]}
    return entry


def read_truth(path: Path) -> dict[str, KnownLesions]:
    """Read known lesions from a CSV file.

    Parameters
    ----------
    path : Path
        Columns ``case``, ``x_mm``, ``y_mm``, ``z_mm`` (world coordinates, LPS) and ``diameter_mm``, or those of the
        annotations of LUNA16; others are ignored, and so are empty lines. A lesion that is there twice counts once.

    Returns
    -------
    dict of str to KnownLesions
        By case.

    Raises
    ------
    ReadError
        A column is missing, or a number is none.
    """
    # Of a case the lesions in their order, each once: a row that is there twice would be one that nothing finds.
    found: dict[str, dict[tuple[float, float, float, float], None]] = {}
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        try:
            for line, row in _rows(path, csv.DictReader(stream)):
                case, lesion = _lesion(path, line, row)
                found.setdefault(case, {})[lesion] = None
        except csv.Error as error:
            raise ReadError(path, f"is no CSV file: {error}") from None
    return {case: KnownLesions(tuple(lesions)) for case, lesions in found.items()}


def truth_of(known: Mapping[str, KnownLesions], cases: Sequence[Source | NamelessSource]) -> list[KnownLesions | None]:
    """Return the lesions of each case by its name, or by its file's or its series' where no other case has that."""
    names = []
    for case in cases:
        source = case.source if isinstance(case, NamelessSource) else case
        names.append((case.id, source.id, stem_of(source.path.name), source.series_uid))
    counts = Counter(name for each in names for name in set(each))
    result = []
    for own, *others in names:
        fitting = [own, *(name for name in others if counts[name] == 1)]
        result.append(next((known[name] for name in fitting if name in known), None))
    return result


def _rows(path: Path, reader: csv.DictReader[str]) -> Iterator[tuple[int, list[str]]]:
    """Give the number of each line that is not empty, and what it has in `_COLUMNS`."""
    names = {name.strip().casefold(): name for name in reader.fieldnames or ()}
    used = {column: names.get(column) or names.get(other) for column, other in _COLUMNS.items()}
    if missing := [column for column, name in used.items() if name is None]:
        needed = ", ".join(_COLUMNS)
        raise ReadError(path, f"has no column {missing[0]}", suggestion=f"give the columns {needed}, between commas")
    for row in reader:
        values = [(row[used[column] or ""] or "").strip() for column in _COLUMNS]
        # Spreadsheets leave lines of nothing but commas.
        if any(values):
            yield reader.line_num, values


def _lesion(path: Path, line: int, values: list[str]) -> tuple[str, tuple[float, float, float, float]]:
    case, *numbers = values
    try:
        x, y, z, diameter = map(float, numbers)
    except ValueError:
        raise ReadError(path, f"line {line}: a coordinate or diameter is no number") from None
    if not all(map(math.isfinite, (x, y, z, diameter))) or diameter <= 0:
        raise ReadError(path, f"line {line}: coordinates must be finite and the diameter positive")
    if not case:
        raise ReadError(path, f"line {line}: it names no case")
    return case, (x, y, z, diameter)


def detection(truths: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """How well lesions were detected over all cases whose truth is known.

    Parameters
    ----------
    truths : iterable of mapping
        Of `truth_entry`.

    Returns
    -------
    dict
        Counts over ``cases``; where candidates have scores, ``sensitivity`` at 1, 2 and 4 false candidates per case and
        the points of the ``curve``. Empty when no lesion is known.
    """
    known = [truth for truth in truths if truth]
    lesions = sum(truth["found"] + truth["missed"] for truth in known)
    if not lesions:
        return {}
    counts = {key: sum(truth[key] for truth in known) for key in ("found", "missed", "false_candidates")}
    entry: dict[str, Any] = {"cases": len(known), "lesions": lesions, **counts}
    if all("score" in truth["candidates"]["columns"] for truth in known):
        cases = [_ranked(truth) for truth in known]
        entry["sensitivity"] = _columns(detect.froc(cases, _RATES))
        entry["curve"] = _columns(detect.froc(cases, None))
    return entry


def _ranked(truth: Mapping[str, Any]) -> tuple[list[float], list[int], int]:
    columns, rows = truth["candidates"]["columns"], truth["candidates"]["rows"]
    score, lesion = columns.index("score"), columns.index("lesion")
    # A candidate whose score is no number, over NaN in the image, ranks last: the run is not lost for it.
    scores = [-math.inf if row[score] is None or math.isnan(row[score]) else row[score] for row in rows]
    return scores, [row[lesion] for row in rows], truth["found"] + truth["missed"]


def _columns(table: Table) -> dict[str, list[float]]:
    return {name: column.tolist() for name, column in table.items()}
