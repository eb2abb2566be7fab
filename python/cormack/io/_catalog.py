"""What a scan keeps for the next one: what each file held, beside its size, time and inode."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from operator import attrgetter
from pathlib import Path
from typing import Any, cast

from .._files import replacing
from .._table import Table
from ._common import require
from ._dicom_header import File, Frame

CATALOG_SUFFIXES = (".parquet", ".csv")
_VERSION = 1


class Place:
    """Stands for the path of a file in frames: `name` is what messages may show, the rest is the real path."""

    __slots__ = ("_path", "name")

    def __init__(self, path: str, name: str) -> None:
        self._path = path
        self.name = name

    def __fspath__(self) -> str:
        return self._path

    def __str__(self) -> str:
        return self._path

    @property
    def parent(self) -> Path:
        return Path(self._path).parent


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
    # What is wrong, or which object it is; and whose it is, when that could be read.
    text: str = ""
    series: str = ""


_FILE = tuple(f.name for f in fields(File))
_FRAME = tuple(f.name for f in fields(Frame))
# What differs from file to file; all other fields are kept once for all files that share them.
_OWN_FILE = tuple(name for name in ("sop_uid", "instance_number", "offset", "items") if name in _FILE)
_OWN_FRAME = ("index", "position")
_SHARED_FILE = tuple(name for name in _FILE if name not in (*_OWN_FILE, "path"))
_SHARED_FRAME = tuple(name for name in _FRAME if name not in (*_OWN_FRAME, "file"))
_file_values, _frame_values = attrgetter(*_FILE), attrgetter(*_FRAME)
_own_file, _own_frame = attrgetter(*_OWN_FILE), attrgetter(*_OWN_FRAME)
_shared_file, _shared_frame = attrgetter(*_SHARED_FILE), attrgetter(*_SHARED_FRAME)
_PATH, _SOP, _SERIES = _FILE.index("path"), _FILE.index("sop_uid"), _FILE.index("series_uid")
_OF_FILE = _FRAME.index("file")


def hidden(
    frames: list[Frame], place: Place, instance: Callable[[str], str], series: Callable[[str], str]
) -> list[Frame]:
    """The same frames, with what stands for the UIDs and the path of their file."""
    values = list(_file_values(frames[0].file))
    values[_PATH] = place
    values[_SOP] = instance(values[_SOP])
    values[_SERIES] = series(values[_SERIES])
    file = File(*values)
    result = []
    for frame in frames:
        own = list(_frame_values(frame))
        own[_OF_FILE] = file
        result.append(Frame(*own))
    return result


Stamp = tuple[int, int, int]


class Memory:
    """Files of earlier scans, and of this one, by their paths below the root."""

    def __init__(self, path: Path | None, seal: str, label: Callable[[str], str]) -> None:
        # The seal says with which key, root and options the names were made; under another they would not match.
        self._path = path
        self._seal = seal
        self._label = label
        self._known: dict[str, Any] = {}
        self._shared: list[Any] = []
        self._files: dict[str, Any] = {}
        self._numbers: dict[Any, int] = {}
        self._templates: list[Any] = []
        if path is not None and path.exists():
            self._load(path)

    def _load(self, path: Path) -> None:
        try:
            with open(path, encoding="utf-8") as file:
                record = json.load(file)
            # A table of another version, or one that is damaged, only costs the time to read the files again.
            if record["seal"] == self._seal and record["fields"] == _layout():
                self._shared = [_thawed(template) for template in record["shared"]]
                self._known = dict(record["files"])
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            self._known, self._shared = {}, []

    def recall(self, where: str, stamp: Stamp, folder: str, name: str, path: str) -> list[Item] | None:
        """What an unchanged file held, else None."""
        record = self._known.get(self._label(where)) if self._known else None
        if record is None or tuple(record[0]) != stamp:
            return None
        try:
            return [self._item(where, folder, name, path, values) for values in record[1]]
        except (TypeError, ValueError, IndexError, KeyError):
            return None

    def _item(self, where: str, folder: str, name: str, path: str, values: Any) -> Item:
        member, inner, size, kind, text, series, rows, file, frames = values
        item = Item(where, member, folder if member < 0 else inner, size, kind, rows=rows, text=text, series=series)
        if file is not None:
            shared = dict(zip(_SHARED_FILE, self._shared[file[0]], strict=True))
            shared.update(zip(_OWN_FILE, file[1:], strict=True))
            shared["path"] = Place(path if member < 0 else f"{path}!{member}", name)
            owner = File(**shared)
            for number, index, position in frames:
                rest = dict(zip(_SHARED_FRAME, self._shared[number], strict=True))
                place = None if position is None else tuple(position)
                item.frames.append(Frame(file=owner, index=index, position=place, **rest))
        return item

    def note(self, where: str, stamp: Stamp, items: list[Item]) -> None:
        """Keep what a file held."""
        if self._path is not None:
            self._files[self._label(where)] = (stamp, [self._values(item) for item in items])

    def _values(self, item: Item) -> list[Any]:
        file: list[Any] | None = None
        frames = []
        if item.frames:
            owner = item.frames[0].file
            file = [self._number(_shared_file(owner)), *_own_file(owner)]
            frames = [[self._number(_shared_frame(frame)), *_own_frame(frame)] for frame in item.frames]
        inner = "" if item.member < 0 else item.folder
        return [item.member, inner, item.size, item.kind, item.text, item.series, item.rows, file, frames]

    def _number(self, values: tuple[Any, ...]) -> int:
        key = tuple(tuple(value.items()) if isinstance(value, dict) else value for value in values)
        number = self._numbers.setdefault(key, len(self._templates))
        if number == len(self._templates):
            self._templates.append(values)
        return number

    def store(self) -> None:
        """Write the side table; it holds the files of this scan and no others."""
        if self._path is None:
            return
        record = {"seal": self._seal, "fields": _layout(), "shared": self._templates, "files": self._files}
        with replacing(self._path) as temporary, open(temporary, "x", encoding="utf-8") as file:
            json.dump(record, file, separators=(",", ":"), default=_plain)


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
