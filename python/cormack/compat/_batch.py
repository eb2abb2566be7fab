"""Many cases from a table, as PyRadiomics' command line takes it, and the comparison with its results."""

from __future__ import annotations

import ast
import csv
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from .._files import replacing
from ._images import simpleitk
from .radiomics import RadiomicsFeatureExtractor

_WANTED = ("Image", "Mask")


@dataclass
class Case:
    """One row of the input, and what became of it."""

    row: dict[str, str]
    values: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.row.get("ID") or self.row["Image"] or "without an image"


def read_cases(path: Path) -> list[Case]:
    """Return the rows of a CSV file with the columns Image and Mask; raise ValueError where it has none."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        try:
            reader = csv.DictReader(file)
            names = list(reader.fieldnames or ())
            missing = [name for name in _WANTED if name not in names]
            if missing:
                found = ", ".join(names) or "none"
                raise ValueError(f"{path}: must have the columns Image and Mask, got {found}")
            rows = [{key: value or "" for key, value in row.items() if key is not None} for row in reader]
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: not a CSV file: {error}") from error
    if not rows:
        raise ValueError(f"{path}: has no case")
    return [Case(row) for row in rows]


def paths_of(case: Case, folder: Path) -> list[Path]:
    """Return image and mask of a case; paths are relative to a folder."""
    return [_found(case.row[name], name, folder) for name in _WANTED]


def extract(extractor: RadiomicsFeatureExtractor, case: Case, folder: Path, maps: str | None = None) -> Case:
    """Fill in the values of a case, or the reason why there are none; paths are relative to a folder.

    `maps` is how files with maps of features begin; their paths are the values.
    """
    if case.values:
        return case
    try:
        image, mask = paths_of(case, folder)
        labels = _whole(case.row, "Label"), _whole(case.row, "Label_channel")
        values = dict(extractor.execute(image, mask, *labels, voxelBased=maps is not None))
        for name, value in values.items():
            if hasattr(value, "GetPixelID"):
                values[name] = f"{maps}_{name}.nrrd"
                simpleitk("to write maps").WriteImage(value, values[name], True)
        case.values = values
    except MemoryError:
        case.reason = "not enough memory"
    except Exception as error:
        # One bad case must not end the run, whatever it is.
        known = isinstance(error, ValueError | TypeError | OSError | RuntimeError)
        case.reason = " ".join((str(error) if known else f"{type(error).__name__}: {error}").split())
    return case


def extract_all(
    extractor: RadiomicsFeatureExtractor, cases: Sequence[Case], folder: Path, jobs: int, maps: Path | None = None
) -> Iterator[Case]:
    """Give the cases as they become ready, with maps of features in a folder where one is given."""
    with ThreadPoolExecutor(jobs) as pool:
        tasks = [
            pool.submit(extract, extractor, case, folder, None if maps is None else str(maps / f"Case-{number}"))
            for number, case in enumerate(cases, 1)
        ]
        try:
            for task in as_completed(tasks):
                yield task.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _whole(row: Mapping[str, str], column: str) -> int | None:
    text = row.get(column, "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value.is_integer():
        raise ValueError(f"column {column} must be a whole number, got {text!r}")
    return int(value)


def _found(text: str, name: str, folder: Path) -> Path:
    """Return a path of a table: as it is, or relative to the table's folder."""
    if not text:
        raise ValueError(f"column {name} is empty")
    path = Path(text)
    beside = folder / path
    return beside if beside.exists() or not path.exists() else path


def columns_of(cases: Sequence[Case]) -> list[str]:
    """Return the columns of the result: those of the input, then values in the order in which they appeared."""
    return list(
        dict.fromkeys([key for case in cases for key in case.row] + [key for case in cases for key in case.values])
    )


def _shown_path(text: str, folder: Path, how: str) -> str:
    path = Path(text)
    if not text or how == "basename":
        return path.name
    beside = folder / path
    path = Path(os.path.abspath(beside if beside.exists() or not path.exists() else path))
    return str(path) if how == "absolute" else os.path.relpath(path, folder or ".")


def rows_of(cases: Sequence[Case], folder: Path, paths: str = "absolute", *, skip_nans: bool = False) -> list[Case]:
    """Return the cases as they are written: paths absolute, relative to the folder or names alone; NaN left out."""
    return [
        Case(
            case.row | {name: _shown_path(case.row[name], folder, paths) for name in _WANTED},
            {name: value for name, value in case.values.items() if not (skip_nans and _is_nan(value))},
        )
        for case in cases
    ]


def _is_nan(value: Any) -> bool:
    # Text is what an earlier run left.
    return value == "nan" or (isinstance(value, float) and math.isnan(value))


def write(cases: Sequence[Case], file: TextIO, form: str) -> None:
    """Write rows as PyRadiomics does: "csv", "json" (a list of mappings) or "txt" (a line for each value)."""
    if form == "csv":
        writer = csv.DictWriter(file, columns_of(cases), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(case.row | case.values for case in cases)
    elif form == "json":
        json.dump([case.row | case.values for case in cases], file, indent=2, default=str)
        file.write("\n")
    else:
        for number, case in enumerate(cases, 1):
            for name, value in (case.row | case.values).items():
                file.write(f"Case-{number}_{name}: {value}\n")


def reread(cases: Sequence[Case], folder: Path) -> None:
    """Take the values of cases that an earlier run left in a folder, which `keep` wrote."""
    for number, case in enumerate(cases, 1):
        path = folder / f"features_{number}.csv"
        if path.exists():
            with open(path, encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            if len(rows) != 1:
                raise ValueError(f"{path}: must have one row, got {len(rows)}; delete it to extract the case again")
            case.values = {name: value for name, value in rows[0].items() if name not in case.row}


def keep(cases: Sequence[Case], case: Case, folder: Path) -> None:
    """Write the values of one case, unless it failed, to a file of its own."""
    if case.reason is None:
        number = next(place for place, other in enumerate(cases, 1) if other is case)
        with (
            replacing(folder / f"features_{number}.csv") as temporary,
            open(temporary, "w", encoding="utf-8", newline="") as file,
        ):
            write([case], file, "csv")


def as_measured(cases: Sequence[Case]) -> dict[str, Any]:
    """Return the parameters that rows of PyRadiomics' results say they were made with; empty where none does."""
    for case in cases:
        texts = [case.row.get(f"diagnostics_Configuration_{name}", "") for name in ("Settings", "EnabledImageTypes")]
        try:
            settings, types = map(ast.literal_eval, texts)
        except (SyntaxError, ValueError):
            continue
        if isinstance(settings, dict) and isinstance(types, dict):
            return {"setting": settings, "imageType": types}
    return {}


def classes_of(features: Iterable[str]) -> dict[str, list[str]]:
    """Return the features by class that columns have, as ``original_glcm_MCC``."""
    found: dict[str, list[str]] = {}
    for column in features:
        _, name, feature = column.split("_", 2)
        if feature not in found.setdefault(name, []):
            found[name].append(feature)
    return found


@dataclass(frozen=True)
class Difference:
    """One feature of one case, computed by them and by us: a number, or the text of what is none; None is no value."""

    case: str
    feature: str
    theirs: float | str | None
    ours: float | str | None

    @property
    def relative(self) -> float:
        """The difference in parts of the larger value; infinite where not both are numbers and they are not equal."""
        theirs, ours = self.theirs, self.ours
        if not isinstance(theirs, float) or not isinstance(ours, float):
            return 0.0 if theirs == ours else math.inf
        if ours == theirs or (math.isnan(ours) and math.isnan(theirs)):
            return 0.0
        difference = abs(ours - theirs) / max(abs(ours), abs(theirs))
        return difference if math.isfinite(difference) else math.inf


def compare(case: Case, is_feature: Callable[[str], bool] | None = None) -> list[Difference]:
    """Compare the features in the row of a case with those that were computed; none where the row has no values."""
    theirs = {name: _number(text) for name, text in case.row.items() if is_feature is None or is_feature(name)}
    if all(value is None for value in theirs.values()):
        return []
    return [Difference(case.name, name, value, _number(case.values.get(name))) for name, value in theirs.items()]


def _number(value: Any) -> float | str | None:
    """Return a number where there is one, else the text; None for no value."""
    text = "" if value is None else str(value).strip()
    try:
        return float(value)
    except (TypeError, ValueError):
        return text or None
