"""Many cases from a table, as PyRadiomics' command line takes it, and the comparison with its results."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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


def extract(extractor: RadiomicsFeatureExtractor, case: Case, folder: Path) -> Case:
    """Fill in the values of a case, or the reason why there are none; paths are relative to a folder."""
    try:
        image, mask = (_found(case.row[name], name, folder) for name in _WANTED)
        case.values = dict(extractor.execute(image, mask, _whole(case.row, "Label"), _whole(case.row, "Label_channel")))
    except MemoryError:
        case.reason = "not enough memory"
    except Exception as error:
        # One bad case must not end the run, whatever it is.
        known = isinstance(error, ValueError | TypeError | OSError | RuntimeError)
        case.reason = " ".join((str(error) if known else f"{type(error).__name__}: {error}").split())
    return case


def extract_all(extractor: RadiomicsFeatureExtractor, cases: Sequence[Case], folder: Path, jobs: int) -> Iterator[Case]:
    """Give the cases as they become ready."""
    with ThreadPoolExecutor(jobs) as pool:
        tasks = [pool.submit(extract, extractor, case, folder) for case in cases]
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


@dataclass(frozen=True)
class Difference:
    """One feature of one case, computed by them and by us."""

    case: str
    feature: str
    theirs: float
    ours: float | None

    @property
    def relative(self) -> float:
        """The difference in parts of the larger value."""
        if self.ours is None:
            return math.inf
        if self.ours == self.theirs or (math.isnan(self.ours) and math.isnan(self.theirs)):
            return 0.0
        difference = abs(self.ours - self.theirs) / max(abs(self.ours), abs(self.theirs))
        return difference if math.isfinite(difference) else math.inf


def compare(case: Case, is_feature: Callable[[str], bool] | None = None) -> list[Difference]:
    """Compare the features in the row of a case with those that were computed."""
    result = []
    for name, text in case.row.items():
        if is_feature is not None and not is_feature(name):
            continue
        try:
            theirs = float(text)
        except ValueError:
            continue
        ours = case.values.get(name)
        result.append(Difference(case.name, name, theirs, None if ours is None else float(ours)))
    return result
