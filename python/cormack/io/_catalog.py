"""What a scan keeps for the next one: what each file held, beside its size, time and inode."""

from __future__ import annotations

import csv
import functools
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from operator import attrgetter
from pathlib import Path
from typing import Any, cast

from .._files import replacing
from .._table import Table
from . import _terms
from ._common import quiet, require
from ._dicom_header import File, Frame

CATALOG_SUFFIXES = (".parquet", ".csv")
_VERSION = 3


class Place:
    """Stands for the path of a file in frames: `name` is what messages may show, the rest is the real path."""

    __slots__ = ("name", "path")

    def __init__(self, path: str, name: str) -> None:
        self.path = path
        self.name = name

    def __fspath__(self) -> str:
        return self.path

    def __str__(self) -> str:
        return self.path

    @property
    def parent(self) -> Path:
        return Path(self.path).parent


@dataclass(slots=True)
class Item:
    """A file, or a member of an archive, and what it holds."""

    # Path on the disk below the root, number in the archive or -1, and what the table shows of the folder.
    where: str
    member: int
    folder: str
    size: int
    # "dicom", "object" (DICOM without an image), "image" (all other formats) or "error".
    kind: str
    frames: list[Frame] = field(default_factory=list)
    # Rows of the table, for images.
    rows: list[dict[str, Any]] = field(default_factory=list)
    # What is wrong, or which object it is.
    text: str = ""
    # What stands for the SeriesInstanceUID and the SOPInstanceUID, as far as they could be read.
    series: str = ""
    instance: str = ""


_FILE = tuple(f.name for f in fields(File))
_FRAME = tuple(f.name for f in fields(Frame))
# What differs from file to file; all other fields are kept once for all files that share them.
_OWN_FILE = ("instance_number", "offset", "items")
_OWN_FRAME = ("index", "position")
_file_values, _frame_values = attrgetter(*_FILE), attrgetter(*_FRAME)
_own_file, _own_frame = attrgetter(*_OWN_FILE), attrgetter(*_OWN_FRAME)
_KEYS = _FRAME.index("keys")
_BLANK_FILE = tuple(_FILE.index(name) for name in (*_OWN_FILE, "path", "sop_uid", "series_uid"))
_BLANK_FRAME = tuple(_FRAME.index(name) for name in (*_OWN_FRAME, "file"))
_PRIVATE = "private"


@functools.cache
def syntax_name(uid: str) -> str:
    """A transfer syntax in words, "" for none."""
    if not uid:
        return ""
    with quiet():
        known = require("pydicom.uid", "pydicom").UID(uid)
    # A private one is named by its number, which may be an institution's.
    return str(known.name) if not known.is_private and known.is_transfer_syntax else _PRIVATE


# Text of a header: whoever wrote it may have written anything, so of these only defined terms are kept, and of others
# nothing: volumes are made from the files themselves, not from what a scan keeps.
_DEFINED: dict[str, Callable[[str], str]] = {
    "modality": _terms.modality,
    "body_part": _terms.body_part,
    "photometric": _terms.photometric,
    "units": _terms.unit,
    "syntax": lambda text: text if syntax_name(text) != _PRIVATE else _PRIVATE,
}
_KEPT_OF_TEXT: dict[int, Callable[[str], str]] = {
    index: _DEFINED.get(f.name, lambda text: "") for index, f in enumerate(fields(File)) if f.type == "str"
}


Stamp = tuple[int, int, int]


class Memory:
    """Files of earlier scans, and of this one, by their paths below the root."""

    def __init__(self, path: Path | None, seal: str, label: Callable[[str], str], mark: Callable[[Stamp], str]) -> None:
        # The seal says with which key and options the names were made; under another they would not match.
        self._path = path
        self._seal = seal
        self._label = label
        self._mark = mark
        self._known: dict[str, Any] = {}
        self._shared: list[Any] = []
        self._files: dict[str, Any] = {}
        self._numbers: dict[Any, int] = {}
        if path is not None and path.exists():
            self._load(path)

    def _load(self, path: Path) -> None:
        try:
            with open(path, encoding="utf-8") as file:
                record = json.load(file)
            # A table of another version, or one that is damaged, only costs the time to read the files again.
            if record["seal"] == self._seal and record["fields"] == _layout():
                self._shared = [_thawed(template) for template in record["shared"]]
                self._numbers = {_key(template): number for number, template in enumerate(self._shared)}
                self._known = dict(record["files"])
        except (OSError, ValueError, TypeError, LookupError, RecursionError):
            self._known, self._shared, self._numbers = {}, [], {}

    def recall(self, where: str, stamp: Stamp, folder: str, name: str, path: str) -> list[Item] | None:
        """What an unchanged file held, else None."""
        label = self._label(where) if self._known else ""
        record = self._known.get(label)
        try:
            if record is None or record[0] != self._mark(stamp):
                return None
            items = [self._item(where, folder, name, path, values) for values in record[1]]
        except (TypeError, ValueError, IndexError, KeyError):
            return None
        # The templates stay where they are, so the record holds for the next scan as it is.
        self._files[label] = record
        return items

    def _item(self, where: str, folder: str, name: str, path: str, values: Any) -> Item:
        member, inner, size, kind, text, series, instance, rows, file, frames = values
        inside = member >= 0
        item = Item(where, member, inner if inside else folder, size, kind, [], rows, text, series, instance)
        if file is not None:
            place = Place(f"{path}!{member}" if inside else path, name)
            owner = File(*_filled(self._shared[file[0]], _BLANK_FILE, (*file[1:], place, instance, series)))
            for number, index, position in frames:
                where_in_body = None if position is None else tuple(position)
                item.frames.append(Frame(*_filled(self._shared[number], _BLANK_FRAME, (index, where_in_body, owner))))
        return item

    def note(self, where: str, stamp: Stamp, items: list[Item]) -> None:
        """Keep what a file held."""
        if self._path is not None:
            self._files[self._label(where)] = (self._mark(stamp), [self._values(item) for item in items])

    def _values(self, item: Item) -> list[Any]:
        file: list[Any] | None = None
        frames = []
        if item.frames:
            owner = item.frames[0].file
            file = [self._number(_emptied(_file_values(owner), _BLANK_FILE), _KEPT_OF_TEXT), *_own_file(owner)]
            for frame in item.frames:
                number = self._number(_emptied(_frame_values(frame), _BLANK_FRAME), {})
                frames.append([number, *_own_frame(frame)])
        inner = "" if item.member < 0 else item.folder
        facts = [item.member, inner, item.size, item.kind, item.text, item.series, item.instance, item.rows]
        return [*facts, file, frames]

    def _number(self, values: list[Any], kept_of_text: dict[int, Callable[[str], str]]) -> int:
        key = _key(values)
        number = self._numbers.get(key)
        if number is None:
            for index, kept in kept_of_text.items():
                values[index] = kept(values[index])
            number = self._numbers.setdefault(_key(values), len(self._shared))
            self._numbers[key] = number
            if number == len(self._shared):
                self._shared.append(values)
        return number

    def store(self) -> None:
        """Write the side table; it holds the files of this scan and no others."""
        if self._path is None:
            return
        # In one order, whether they were read or recalled.
        files = dict(sorted(self._files.items()))
        record = {"seal": self._seal, "fields": _layout(), "shared": self._shared, "files": files}
        with replacing(self._path) as temporary, open(temporary, "x", encoding="utf-8") as file:
            # As one string: json.dump, which writes piece by piece, takes ten times as long.
            file.write(json.dumps(record, separators=(",", ":"), default=_plain))


def _key(values: list[Any]) -> tuple[Any, ...]:
    """Something hashable that says which template it is; of dictionaries there is one, in frames."""
    if not isinstance(values[_KEYS], dict):
        return tuple(values)
    return (*values[:_KEYS], tuple(values[_KEYS].items()), *values[_KEYS + 1 :])


def _emptied(values: tuple[Any, ...], blank: tuple[int, ...]) -> list[Any]:
    result = list(values)
    for index in blank:
        result[index] = None
    return result


def _filled(template: list[Any], blank: tuple[int, ...], values: tuple[Any, ...]) -> list[Any]:
    result = template.copy()
    for index, value in zip(blank, values, strict=True):
        result[index] = value
    return result


def _layout() -> list[Any]:
    # Another release may keep other fields.
    return [_VERSION, list(_FILE), list(_FRAME)]


def _thawed(values: Any) -> list[Any]:
    return [tuple(value) if isinstance(value, list) else value for value in values]


def _plain(value: Any) -> Any:
    return value.item()


def side_table(catalog: Path) -> Path:
    """Where the catalogue keeps what each file held."""
    return catalog.with_name(catalog.name + ".files.json")


def save(table: Table, path: Path) -> None:
    """Write a table to .parquet or .csv."""
    with replacing(path) as temporary:
        if path.suffix.lower() == ".parquet":
            arrow = require("pyarrow", "pyarrow")
            parquet = require("pyarrow.parquet", "pyarrow")
            columns = {name: arrow.array(column.tolist(), _arrow_type(arrow, column)) for name, column in table.items()}
            parquet.write_table(arrow.table(columns), os.fspath(temporary))
            return
        with open(temporary, "x", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(table)
            # A number that is not there is an empty cell.
            for row in table.rows():
                writer.writerow(["" if value != value else value for value in row.values()])


def _arrow_type(arrow: Any, column: Any) -> Any:
    return {"U": arrow.string(), "i": arrow.int64(), "f": arrow.float64()}[cast("str", column.dtype.kind)]
