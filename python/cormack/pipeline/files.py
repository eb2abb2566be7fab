"""Files of a run: each appears under its name only when it is complete, whatever happens while it is written."""

from __future__ import annotations

import contextlib
import csv
import json
import math
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._files import replacing

__all__ = ["case_folder", "clear_leftovers", "csv_table", "folder_names", "parquet_table", "write_json"]

Rows = Sequence[Mapping[str, Any]]

# Enough for a good compression, few enough to be nothing beside a volume.
_ROWS_OF_GROUP = 4096


@contextlib.contextmanager
def case_folder(path: Path) -> Iterator[Path]:
    """Give a new folder to fill, which takes the place of the old one when the block ends without an error.

    Parameters
    ----------
    path : Path
        The folder of the case.

    Yields
    ------
    Path
        A folder beside it.

    Raises
    ------
    FileExistsError
        The old folder was not made by a run.
    """
    if path.exists() and not (path / "case.json").exists() and any(path.iterdir()):
        raise FileExistsError(f"{path} holds files that no run made; choose another --out")
    temporary, old = (path.with_name(f".{path.name}.{os.getpid()}.{ending}") for ending in ("tmp", "old"))
    # What a killed process of the same number left.
    for left in (temporary, old):
        shutil.rmtree(left, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if path.exists():
            os.replace(path, old)
        os.replace(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)


def clear_leftovers(folder: Path) -> None:
    """Delete what killed processes left of the folders that `case_folder` gave.

    Parameters
    ----------
    folder : Path
        The folder of all cases; nobody else may be writing to it.
    """
    for path in folder.glob(".*"):
        if re.fullmatch(r"\..+\.\d+\.(tmp|old)", path.name):
            shutil.rmtree(path, ignore_errors=True)


def folder_names(ids: Iterable[str]) -> list[str]:
    """Name a folder per case: safe on every file system, never twice, also where upper and lower case are one.

    Parameters
    ----------
    ids : iterable of str
        Names of the cases.

    Returns
    -------
    list of str
        In the same order.

    Examples
    --------
    >>> folder_names(["thorax/1", "Thorax_1"])
    ['thorax_1', 'Thorax_1-2']
    """
    taken: set[str] = set()
    names = []
    for case_id in ids:
        stem = re.sub(r"[^\w.+-]+", "_", case_id).strip(". ")[:100] or "case"
        name, number = stem, 2
        while name.casefold() in taken:
            name, number = f"{stem}-{number}", number + 1
        taken.add(name.casefold())
        names.append(name)
    return names


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a record; what is not a finite number becomes null, which every reader understands.

    Parameters
    ----------
    path : Path
        The file.
    value : mapping
        Of mappings, sequences, text, numbers and None.
    """
    _write_text(path, json.dumps(_finite(value), indent=1, ensure_ascii=False, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextlib.contextmanager
def csv_table(path: Path, columns: Iterable[str]) -> Iterator[Callable[[Rows], None]]:
    """Write a table as CSV, some rows at a time; what is missing or not a number is an empty cell.

    Parameters
    ----------
    path : Path
        The file; it appears when the block ends without an error.
    columns : iterable of str
        Their names, in order.

    Yields
    ------
    callable
        Takes rows: values by column.
    """
    columns = list(columns)
    with replacing(path) as temporary, _open_text(temporary) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        yield lambda rows: writer.writerows([_csv_cell(row.get(column)) for column in columns] for row in rows)


def _csv_cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    # A spreadsheet would run a text that begins like a formula; ids come from folder names.
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value


@contextlib.contextmanager
def parquet_table(
    path: Path, columns: Mapping[str, type], about: Mapping[str, Any] | None = None
) -> Iterator[Callable[[Rows], None]]:
    """Write a table as Parquet, some rows at a time.

    What is missing is null, in columns of float NaN, in columns of text the empty text.

    Parameters
    ----------
    path : Path
        The file; it appears when the block ends without an error.
    columns : mapping of str to type
        The type of each column (str, int, bool or float) by its name, in order.
    about : mapping, optional
        What the table says of itself: kept as JSON in the metadata of its schema, under ``cormack``.

    Yields
    ------
    callable
        Takes rows: values by column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {str: pa.string(), int: pa.int64(), bool: pa.bool_(), float: pa.float64()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    if about is not None:
        schema = schema.with_metadata({"cormack": json.dumps(about, ensure_ascii=False, sort_keys=True)})
    waiting: list[Mapping[str, Any]] = []

    with replacing(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:

        def add(rows: Rows) -> None:
            waiting.extend(rows)
            if len(waiting) >= _ROWS_OF_GROUP:
                flush()

        def flush() -> None:
            arrays = [_parquet_column(kind, [row.get(name) for row in waiting]) for name, kind in columns.items()]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            waiting.clear()

        yield add
        flush()


def _parquet_column(kind: type, values: list[Any]) -> Any:
    """An Arrow array from buffers: pyarrow.array would import pandas wherever it is installed, which takes long."""
    import pyarrow as pa

    if kind is str:
        text = [(value or "").encode("utf-8", "backslashreplace") for value in values]
        ends = np.cumsum([0, *map(len, text)], dtype=np.int32)
        return pa.Array.from_buffers(pa.string(), len(text), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(text))])
    if kind is float:
        # Not null, for readers that have none.
        numbers = np.array([math.nan if value is None else value for value in values], np.float64)
        return pa.Array.from_buffers(pa.float64(), len(values), [None, pa.py_buffer(numbers)])
    present = np.packbits([value is not None for value in values], bitorder="little")
    whole = np.array([value or 0 for value in values], np.int64)
    data = np.packbits(whole != 0, bitorder="little") if kind is bool else whole
    arrow = pa.bool_() if kind is bool else pa.int64()
    return pa.Array.from_buffers(arrow, len(values), [pa.py_buffer(present), pa.py_buffer(data)])


def _open_text(path: Path) -> Any:
    # Names of files may hold bytes that are no UTF-8.
    return open(path, "w", encoding="utf-8", errors="backslashreplace", newline="")


def _write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary, _open_text(temporary) as stream:
        stream.write(text)
