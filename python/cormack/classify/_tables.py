"""Feature tables as learners take them: one row per case, numbers apart from everything else."""

from __future__ import annotations

import ast
import csv
import fnmatch
import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from .._errors import BackendUnavailable, ReadError
from .._table import Table

# Names of columns that say which row it is, the best one first; compared without case.
ID_NAMES = ("case", "id", "case_id", "image", "name", "file")
_IDS = re.compile(
    r"(.*[_ ])?(id|uid|pid|case|patient|subject|study|series|accession|index|row)|unnamed: \d+|__index_level_\d+__|",
    re.I,
)
# What a table says about the place and the making of a row, and not about what was measured.
_BOOKKEEPING = re.compile(
    r"status|reason|region|label|error|bbox_.*|centroid_.*|touches_border|voxel_count|diagnostics_.*"
    r"|predicted|probability_.*"
)
_RUN_COLUMNS = {"case", "status", "region", "label"}
SEPARATOR = "__"
"""Between region and feature, in columns of a table that had a row for each region."""


@dataclass(frozen=True)
class Source:
    """A table as it was given.

    Parameters
    ----------
    columns : Table
        Numbers, bools, or objects that are text or None.
    extraction : mapping or None
        The settings under which its features were computed; None where the table does not say.
    name : str
        What messages call it.
    failed : int
        Rows that were left out, because their case had failed.
    regions : frozenset of str
        Of a table that had a row for each region, which are in it.
    measured : frozenset of str
        Of such a table, the columns of features.
    """

    columns: Table
    extraction: Mapping[str, Any] | None = None
    name: str = "the table"
    failed: int = 0
    regions: frozenset[str] = frozenset()
    measured: frozenset[str] = frozenset()


@dataclass
class Data:
    """Rows to learn from."""

    values: np.ndarray
    names: list[str]
    target: np.ndarray
    groups: np.ndarray | None
    ids: list[Any]
    rows: np.ndarray
    extraction: Mapping[str, Any] | None
    left_out: dict[str, int] = field(default_factory=dict)
    dropped: list[dict[str, str]] = field(default_factory=list)


# --- Reading ---------------------------------------------------------------------------------------------------------


def read_table(table: Any, function: str = "train") -> Source:
    """Return a table of any accepted kind as columns.

    Parameters
    ----------
    table : path-like, mapping, pandas or Polars frame
        A path ends in ``.parquet`` or ``.csv``.
    function : str
        For messages.

    Returns
    -------
    Source

    Raises
    ------
    ReadError
        The file cannot be read as a table.
    TypeError, ValueError
        What was given is no table.
    """
    if isinstance(table, Source):
        return table
    if isinstance(table, (str, os.PathLike)):
        path = Path(table)
        suffix = path.suffix.lower()
        if suffix == ".parquet":
            return _read_parquet(path)
        if suffix in (".csv", ".tsv"):
            return _read_csv(path, "\t" if suffix == ".tsv" else ",")
        raise ReadError(path, "is no table that can be read", suggestion="give a .parquet or .csv file")
    if isinstance(table, Mapping):
        columns = {str(name): values for name, values in table.items()}
    elif hasattr(table, "columns") and hasattr(table, "__getitem__"):
        columns = {str(name): table[name].to_numpy() for name in table.columns}
    else:
        raise TypeError(
            f"{function}: `table` must be a path of .parquet or .csv, a mapping of columns or a pandas or Polars "
            f"frame, got {type(table).__name__}"
        )
    return _source({name: _column(name, values, function) for name, values in columns.items()}, None, "the table")


def _source(columns: Mapping[str, np.ndarray], extraction: Mapping[str, Any] | None, name: str) -> Source:
    lengths = {len(column) for column in columns.values()}
    if not columns or lengths == {0}:
        raise ValueError(f"{name} has no rows")
    if len(lengths) > 1:
        raise ValueError(f"{name}: columns must have one length, got {sorted(lengths)}")
    return Source(Table(columns), extraction or _pyradiomics_settings(columns, name), name)


def _column(name: str, values: Any, function: str) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{function}: column {name!r} must have one value for each row, got shape {array.shape}")
    if array.dtype.kind in "biuf":
        return array
    # Every library has its own word for what is missing: pandas.NA, NaT and NaN do not equal themselves.
    items = [None if item is None or str(item) in ("<NA>", "NaT", "nan") else item for item in array.tolist()]
    present = [item for item in items if item is not None]
    if present and all(isinstance(item, (int, float)) and not isinstance(item, bool) for item in present):
        return np.array([math.nan if item is None else item for item in items], np.float64)
    result = np.empty(len(items), object)
    result[:] = [item if item is None or isinstance(item, bool) else str(item) for item in items]
    return result


def _read_parquet(path: Path) -> Source:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise BackendUnavailable('Parquet needs pyarrow; install it with: pip install "cormack[ml]"') from error
    if not path.exists():
        raise FileNotFoundError(2, "No such file", str(path))
    try:
        file = pyarrow.parquet.ParquetFile(path)
        read = file.read()
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise ReadError(path, f"is no Parquet file ({_line(error)})") from error
    columns = {}
    for name in read.column_names:
        column = read.column(name)
        numeric = pyarrow.types.is_floating(column.type) or pyarrow.types.is_integer(column.type)
        values = column.to_numpy() if numeric else np.array([*column.to_pylist(), None], object)[:-1]
        columns[str(name)] = _column(name, values, str(path))
    told = (read.schema.metadata or {}).get(b"cormack")
    try:
        record = json.loads(told) if told else {}
        extraction = record.get("extraction")
        if not (extraction is None or isinstance(extraction, dict)):
            raise ValueError("extraction is no mapping")
    except (ValueError, AttributeError) as error:
        raise ReadError(path, f"its extraction settings cannot be read ({_line(error)})") from error
    return _source(columns, extraction, path.name)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


def _read_csv(path: Path, delimiter: str) -> Source:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file, delimiter=delimiter) if row]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ReadError(path, f"is no CSV file ({_line(error)})") from error
    if not rows:
        raise ReadError(path, "is empty", suggestion="give a table with a header")
    header = rows[0]
    if len(set(header)) < len(header):
        twice = sorted({name for name in header if header.count(name) > 1})
        raise ReadError(path, f"has columns of the same name: {', '.join(twice)}")
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(header):
            raise ReadError(path, f"line {number} has {len(row)} cells and the header {len(header)}")
    cells = zip(*rows[1:], strict=True) if len(rows) > 1 else [()] * len(header)
    columns = {name: _csv_column(values) for name, values in zip(header, cells, strict=True)}
    return _source(columns, _settings_beside(path), path.name)


def _csv_column(cells: Sequence[str]) -> np.ndarray:
    texts = [cell.strip() for cell in cells]
    missing = ("", "nan", "NaN", "NA", "null", "None")
    if not any(_is_code(text) for text in texts):
        try:
            numbers = np.array([math.nan if text in missing else float(text) for text in texts])
        except ValueError:
            pass
        else:
            whole = all(re.fullmatch(r"[+-]?\d{1,15}", text) for text in texts)
            return numbers.astype(np.int64) if whole and texts else numbers
    if texts and set(texts) <= {"True", "False"}:
        return np.array([text == "True" for text in texts])
    result = np.empty(len(texts), object)
    result[:] = [None if text == "" else _unquoted(text) for text in texts]
    return result


def _is_code(text: str) -> bool:
    """Whether it looks like a number and is none: 007, 1_000."""
    return re.fullmatch(r"0\d+", text) is not None or "_" in text


def _unquoted(text: str) -> str:
    # As tables of Cormack keep a text from being run as a formula.
    return text[1:] if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@") else text


def _settings_beside(path: Path) -> Mapping[str, Any] | None:
    """What ``run.json`` says about the table of a run."""
    record = path.with_name("run.json")
    if path.name != "features.csv" or not record.is_file():
        return None
    try:
        extraction = json.loads(record.read_text("utf-8")).get("extraction")
    except (OSError, ValueError, AttributeError) as error:
        raise ReadError(record, f"cannot be read ({_line(error)})", suggestion="run the analysis again") from error
    return extraction if isinstance(extraction, dict) else None


def _pyradiomics_settings(columns: Mapping[str, np.ndarray], name: str) -> Mapping[str, Any] | None:
    """What PyRadiomics' columns say about settings, the same in each row."""
    texts = [columns.get(f"diagnostics_Configuration_{key}") for key in ("Settings", "EnabledImageTypes")]
    if any(column is None for column in texts):
        return None
    different = {pair for pair in zip(*texts, strict=True) if None not in pair}
    if not different:
        return None
    if len(different) > 1:
        raise ValueError(f"{name}: its rows were extracted with different settings; extract them with one")
    try:
        settings, types = (ast.literal_eval(str(text)) for text in different.pop())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    # As JSON gives it back, so that settings compare equal after a card was read.
    result: dict[str, Any] = json.loads(json.dumps({"setting": settings, "imageType": types}, default=str))
    return result


# --- From rows of regions to rows of cases ---------------------------------------------------------------------------


def one_row_per_case(source: Source, keep: Sequence[str | None] = ()) -> Source:
    """Leave out failed cases, and turn a row for each region and object into one row for each case.

    A column is named ``region__feature``. Of several objects of a region, ``region__objects`` is their number and
    ``region__largest__feature`` a feature of the largest.

    Parameters
    ----------
    source : Source
        A table of `cormack.pipeline.run`; any other comes back as it is, without failed rows.
    keep : sequence of str
        Columns of the case, as the target: they must be the same in all rows of a case.

    Returns
    -------
    Source
    """
    columns = source.columns
    failed = source.failed
    if "status" in columns and columns["status"].dtype == object:
        lost = columns["status"] == "failed"
        failed += len(set(columns["case"][lost])) if "case" in columns else int(lost.sum())
        if lost.all():
            raise ValueError(f"{source.name} has no case that did not fail")
        columns = columns.select(~lost)
    if not set(columns) >= _RUN_COLUMNS:
        return replace(source, columns=columns, failed=failed)
    kept = [name for name in keep if name is not None and name in columns]
    cases = columns["case"].tolist()
    places = {case: number for number, case in enumerate(dict.fromkeys(cases))}
    result = Table({"case": np.array(list(places), object)})
    for name in kept:
        of_case: dict[Any, Any] = {}
        for case, value in zip(cases, columns[name].tolist(), strict=True):
            if of_case.setdefault(case, value) != value and value == value:
                # Objects have targets of their own: each row stays.
                return replace(source, columns=columns, failed=failed)
        values = np.empty(len(places), columns[name].dtype)
        values[:] = list(of_case.values())
        result[name] = values
    names = [
        name
        for name, column in columns.items()
        if column.dtype.kind in "iuf" and not _BOOKKEEPING.fullmatch(name) and name not in kept
    ]
    regions = [region or "" for region in columns["region"].tolist()]
    labels = columns["label"].astype(np.float64).tolist()
    sizes = _sizes(columns)
    numbers = {name: columns[name].astype(np.float64) for name in names}
    largest: dict[tuple[str, int], int] = {}
    whole: dict[tuple[str, int], int] = {}
    counts: dict[tuple[str, int], int] = {}
    for row, (case, region, label) in enumerate(zip(cases, regions, labels, strict=True)):
        key = region, places[case]
        if not region:
            continue
        if math.isnan(label):
            whole[key] = row
            continue
        counts[key] = counts.get(key, 0) + 1
        if key not in largest or sizes[row] > sizes[largest[key]]:
            largest[key] = row
    for region in dict.fromkeys(region for region in regions if region):
        for middle, chosen in ((SEPARATOR, whole), (f"{SEPARATOR}largest{SEPARATOR}", largest)):
            rows = [chosen.get((region, place)) for place in range(len(places))]
            if all(row is None for row in rows):
                continue
            for name in names:
                column = numbers[name]
                result[region + middle + name] = np.array([math.nan if row is None else column[row] for row in rows])
        if any(key[0] == region for key in counts):
            result[f"{region}{SEPARATOR}objects"] = np.array(
                [float(counts.get((region, place), 0)) for place in range(len(places))]
            )
    return Source(
        result, source.extraction, source.name, failed, frozenset(filter(None, regions)), frozenset((*names, "objects"))
    )


def _sizes(columns: Table) -> np.ndarray:
    for name in ("volume_mm3", "area_mm2", "voxel_count"):
        if name in columns:
            sizes = np.nan_to_num(columns[name].astype(np.float64), nan=-1.0)
            if (sizes > 0).any():
                return sizes
    return np.zeros(columns.row_count)


# --- Targets, groups, features ---------------------------------------------------------------------------------------


def key_of(value: Any) -> str | None:
    """Return a value as ids are compared: 12, 12.0 and "12" are one; None for what is missing."""
    if value is None or value != value or value == "":
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)


def id_column(columns: Mapping[str, np.ndarray]) -> str | None:
    """Return the column that says which row it is; None where there is none."""
    by_name = {name.lower(): name for name in reversed(list(columns))}
    for name in ID_NAMES:
        if name in by_name and (name in ("case", "id", "case_id") or columns[by_name[name]].dtype == object):
            return by_name[name]
    return None


def ids_of(columns: Table) -> list[Any]:
    """Return what rows are called in results: their id, without folders, else their number from 0."""
    name = id_column(columns)
    if name is None:
        return list(range(columns.row_count))
    values: list[Any] = columns[name].tolist()
    if name.lower() in ("image", "file"):
        return [None if value is None else os.path.basename(str(value)) for value in values]
    return values


def join_labels(source: Source, labels: Any, wanted: Sequence[str], function: str = "train") -> Source:
    """Add columns of a second table by case; a case that it does not name has nothing there.

    Parameters
    ----------
    source : Source
    labels : table
        With a column ``case`` (or another that is an id in both), and those that are wanted.
    wanted : sequence of str
        Columns to take.
    function : str
        For messages.

    Returns
    -------
    Source
    """
    other = read_table(labels, function)
    key, mine = id_column(other.columns), id_column(source.columns)
    if key is None or mine is None:
        which = other if key is None else source
        raise ValueError(f"{which.name} has no column that names the case; call it `case`, got {_some(which.columns)}")
    known: dict[str, int] = {}
    for row, value in enumerate(other.columns[key].tolist()):
        name = key_of(value)
        if name is None:
            continue
        if name in known and any(
            key_of(other.columns[column][row]) != key_of(other.columns[column][known[name]]) for column in wanted
        ):
            raise ValueError(f"{other.name} names case {name!r} twice, with different values")
        known.setdefault(name, row)
    rows = [known.get(key_of(value) or "") for value in ids_of(source.columns)]
    if all(row is None for row in rows):
        theirs, ours = next(iter(known), "none"), ids_of(source.columns)[0]
        raise ValueError(
            f"{other.name} names none of the cases: its first is {theirs!r}, that of {source.name} {ours!r}"
        )
    columns = Table(source.columns)
    for column in wanted:
        values = np.empty(len(rows), object)
        values[:] = [None if row is None else other.columns[column][row : row + 1].tolist()[0] for row in rows]
        columns[column] = values
    return replace(source, columns=columns)


def feature_names(
    columns: Mapping[str, np.ndarray],
    apart: Iterable[str | None],
    features: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
) -> tuple[list[str], list[dict[str, str]]]:
    """Choose the columns that are features.

    Parameters
    ----------
    columns : mapping of str to array
    apart : iterable of str
        Columns that are none whatever they hold: target and groups.
    features, exclude : sequence of str
        Patterns of names, as ``stat_*``. A column that `features` names without a wildcard must be of numbers.

    Returns
    -------
    names : list of str
    dropped : list of dict
        ``feature`` and ``why``, for columns that might be taken for features and are none.
    """
    never = set(apart)
    dropped: list[dict[str, str]] = []
    names = []
    for name, column in columns.items():
        if name in never:
            continue
        if features is not None:
            if not any(fnmatch.fnmatchcase(name, pattern) for pattern in features):
                continue
            if column.dtype.kind not in "biuf":
                if name in features:
                    shown = next((value for value in column if value is not None), None)
                    raise ValueError(f"feature {name!r} must be numbers, got {shown!r}")
                continue
        elif column.dtype.kind not in "biuf":
            continue
        elif _IDS.fullmatch(name) or _BOOKKEEPING.fullmatch(name):
            dropped.append({"feature": name, "why": "says which row it is, or where"})
            continue
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in exclude):
            dropped.append({"feature": name, "why": "excluded"})
        elif not np.isfinite(column.astype(np.float64)).any():
            dropped.append({"feature": name, "why": "has no number"})
        else:
            names.append(name)
    for pattern in (*(features or ()), *exclude):
        if not any(fnmatch.fnmatchcase(name, pattern) for name in columns):
            raise ValueError(f"no column fits {pattern!r}; there are {_some(columns)}")
    if not names:
        raise ValueError(f"there is no feature: a column of numbers that is no id, target or group in {_some(columns)}")
    return names, dropped


def _some(columns: Iterable[str]) -> str:
    names = list(columns)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def matrix(columns: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    """Return columns as float64, side by side; what is not finite is NaN."""
    values = np.column_stack([columns[name].astype(np.float64) for name in names])
    values[~np.isfinite(values)] = math.nan
    return values


def prepare(
    table: Any,
    target: str,
    *,
    groups: str | None = None,
    labels: Any = None,
    features: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
) -> Data:
    """Return rows to learn from, one for each case that has a target.

    Parameters
    ----------
    table, target, groups, labels, features, exclude
        As `cormack.classify.train` takes them.

    Returns
    -------
    Data
    """
    source = with_columns(table, [target, *([] if groups is None else [groups])], labels)
    columns = source.columns
    names, dropped = feature_names(columns, [target, groups], features, exclude)
    truths = columns[target].tolist()
    present = np.array([key_of(value) is not None for value in truths])
    if not present.any():
        raise ValueError(f"column {target!r} of {source.name} is empty")
    left_out = {"failed": source.failed, "without target": int((~present).sum())}
    rows = np.flatnonzero(present)
    group_values = None
    if groups is not None:
        keys = [key_of(columns[groups][row : row + 1].tolist()[0]) for row in rows]
        if None in keys:
            raise ValueError(
                f"column {groups!r} of {source.name} is empty in {keys.count(None)} rows; name each's group"
            )
        group_values = np.array(keys, object)
    ids = ids_of(columns)
    return Data(
        values=matrix(columns.select(rows), names),
        names=names,
        target=columns[target][rows],
        groups=group_values,
        ids=[ids[row] for row in rows],
        rows=rows,
        extraction=source.extraction,
        left_out={why: count for why, count in left_out.items() if count},
        dropped=dropped,
    )


def with_columns(table: Any, wanted: Sequence[str], labels: Any = None, function: str = "train") -> Source:
    """Return a table with one row per case and the columns that are wanted, from a second table where it lacks them."""
    given = read_table(table, function)
    source = one_row_per_case(given, wanted)
    missing = [name for name in wanted if name not in source.columns]
    if missing and labels is not None:
        other = read_table(labels, function)
        for name in missing:
            if name not in other.columns:
                raise ValueError(
                    f"there is no column {name!r} in {source.name}, nor in {other.name}: {_some(other.columns)}"
                )
        return join_labels(source, other, missing, function)
    for name in missing:
        raise ValueError(f"there is no column {name!r} in {source.name}: {_some(given.columns)}")
    return source


def differences(ours: Any, theirs: Any, where: str = "") -> list[tuple[str, Any, Any]]:
    """Return where two nested settings differ: the place, one value and the other; "absent" for what is not there.

    Examples
    --------
    >>> differences({"bins": {"size": 25}}, {"bins": {"size": 10}})
    [('bins.size', 25, 10)]
    """
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        found = []
        for key in dict.fromkeys((*ours, *theirs)):
            place = f"{where}.{key}" if where else str(key)
            found += differences(ours.get(key, "absent"), theirs.get(key, "absent"), place)
        return found
    if (
        isinstance(ours, list | tuple)
        and isinstance(theirs, list | tuple)
        and any(isinstance(item, Mapping) for item in (*ours, *theirs))
    ):
        found = []
        for index in range(max(len(ours), len(theirs))):
            a, b = (items[index] if index < len(items) else "absent" for items in (ours, theirs))
            found += differences(a, b, f"{where}[{index}]")
        return found
    if isinstance(ours, tuple):
        ours = list(ours)
    if isinstance(theirs, tuple):
        theirs = list(theirs)
    return [] if ours == theirs and isinstance(ours, bool) == isinstance(theirs, bool) else [(where, ours, theirs)]
