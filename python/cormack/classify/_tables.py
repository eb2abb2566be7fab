"""Tables of every accepted kind as columns, with the settings under which they were computed."""

from __future__ import annotations

import ast
import csv
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .._errors import BackendUnavailable, ReadError
from .._table import Table


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
        header = [str(name) for name in table.columns]
        if len(set(header)) < len(header):
            twice = ", ".join(sorted({name for name in header if header.count(name) > 1}))
            raise ValueError(f"{function}: `table` has columns of the same name: {twice}")
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
    # A list of numbers and text is taken as it is, before NumPy made text of all.
    given = values if isinstance(values, (list, tuple)) else array.tolist()
    items = [None if item is None or str(item) in ("<NA>", "NaT", "nan") else item for item in given]
    present = [item for item in items if item is not None]
    if present and all(isinstance(item, (int, float)) and not isinstance(item, bool) for item in present):
        return np.array([math.nan if item is None else item for item in items], np.float64)
    result = np.empty(len(items), object)
    result[:] = [item if item is None or isinstance(item, bool) else _as_text(item) for item in items]
    return result


def _as_text(item: Any) -> str:
    return str(int(item)) if isinstance(item, float) and item.is_integer() else str(item)


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
        kind = pyarrow.types
        plain = kind.is_floating(column.type) or kind.is_integer(column.type)
        # Without gaps a bool is a number, as it is in CSV.
        plain = plain or (kind.is_boolean(column.type) and not column.null_count)
        values = column.to_numpy() if plain else np.array([*column.to_pylist(), None], object)[:-1]
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
    if len(header) == 1 and ";" in header[0] and delimiter == ",":
        raise ReadError(path, "has semicolons between its columns", suggestion="save it with commas, or as Parquet")
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(header):
            raise ReadError(path, f"line {number} has {len(row)} cells and the header {len(header)}")
    cells = zip(*rows[1:], strict=True) if len(rows) > 1 else [()] * len(header)
    columns = {name: _csv_column(values) for name, values in zip(header, cells, strict=True)}
    return _source(columns, _settings_beside(path), path.name)


def _csv_column(cells: Sequence[str]) -> np.ndarray:
    texts = [cell.strip() for cell in cells]
    missing = ("", "nan", "NaN", "NA", "null", "None")
    if texts and all(re.fullmatch(r"[+-]?\d{1,19}", text) and not _is_code(text) for text in texts):
        whole = [int(text) for text in texts]
        if min(whole) >= -(2**63) and max(whole) < 2**63:
            return np.array(whole, np.int64)
    if not any(_is_code(text) or re.fullmatch(r"\d{16,}", text) for text in texts):
        try:
            return np.array([math.nan if text in missing else float(text) for text in texts])
        except ValueError:
            pass
    result = np.empty(len(texts), object)
    # "None" may be a class of its own.
    result[:] = [None if text in missing[:-1] else _unquoted(text) for text in texts]
    if set(texts) <= {"True", "False", *missing}:
        result[:] = [None if text in missing else text == "True" for text in texts]
        return result if None in result else result.astype(bool)
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
