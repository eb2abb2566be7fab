"""The folder that an import fills: who may write to it, what earlier imports brought, and how it ends."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from .._files import locked
from .._table import Table
from ._catalog import save
from ._import_task import remove, size_of

STATE = ".cormack"
TABLE = "import.csv"
_LOCK, _MEMORY, _RECORD, _JOURNAL, _UNFINISHED = "lock", "files.json", "record.json", "journal.jsonl", "unfinished"
_VERSION = 1


class ImportRefused(ValueError):
    """A folder cannot take an import: another one runs, or what lies in it comes from elsewhere."""


@dataclass(slots=True)
class Known:
    """What an import made of a volume."""

    # Fingerprint of its files and of how they were imported.
    source: str
    # With what: another release, or other limits, may do better where there is no image.
    means: str
    size: int
    row: dict[str, Any]


@dataclass
class Store:
    """A target folder, locked."""

    target: Path
    known: dict[str, Known] = field(default_factory=dict)
    _journal: IO[bytes] | None = None

    @property
    def memory(self) -> Path:
        return self.target / STATE / _MEMORY

    @property
    def unfinished(self) -> Path:
        return self.target / STATE / _UNFINISHED

    def has(self, known: Known) -> bool:
        """Whether the file of a volume is there, as it was written."""
        file = str(known.row.get("file", ""))
        return bool(file) and size_of(self.target / file) == known.size

    def begin(self, files: list[str]) -> None:
        """Keep which files may appear from now on, so that none is left over that no row tells of."""
        assert self._journal is not None
        self._journal.write(_line({"begun": files}))
        self._journal.flush()

    def note(self, key: str, known: Known) -> None:
        """Keep what became of a volume, whatever happens next."""
        before = self.known.get(key)
        if before is not None and before.row.get("file") and before.row["file"] != known.row.get("file"):
            self.discard(before)
        self.known[key] = known
        assert self._journal is not None
        self._journal.write(_line([key, known.source, known.means, known.size, known.row]))
        self._journal.flush()

    def discard(self, known: Known) -> None:
        """Remove the file of a volume that is no longer what its source says."""
        file = str(known.row.get("file", ""))
        if file:
            self._remove(file)

    def _remove(self, file: str) -> None:
        remove(self.target / file)
        with contextlib.suppress(OSError):
            (self.target / file).parent.rmdir()

    def finish(self, table: Table, keep: set[str]) -> None:
        """Write the table and the record; what is not to be kept is forgotten."""
        state = self.target / STATE
        self.unfinished.mkdir(exist_ok=True)
        aside = self.unfinished / TABLE
        save(table, aside)
        os.replace(aside, self.target / TABLE)
        self.known = {key: self.known[key] for key in sorted(keep)}
        aside = self.unfinished / _RECORD
        with open(aside, "wb") as file:
            file.write(self._head)
            for key, known in self.known.items():
                file.write(_line([key, known.source, known.means, known.size, known.row]))
        os.replace(aside, state / _RECORD)
        (state / _JOURNAL).unlink(missing_ok=True)
        remove(self.unfinished)

    # --- Beginning --------------------------------------------------------------------------------------------------

    _head: bytes = b""

    def _load(self, head: dict[str, Any]) -> None:
        state = self.target / STATE
        self._head = _line(head)
        begun: set[str] = set()
        for name in (_RECORD, _JOURNAL):
            lines = _lines(state / name)
            if lines and lines[0] != head:
                self._refuse(lines[0], head)
            for line in lines[1:]:
                if isinstance(line, dict):
                    begun.update(line.get("begun", ()))
                    continue
                with contextlib.suppress(ValueError, TypeError):
                    key, source, means, size, row = line
                    self.known[key] = Known(source, means, size, dict(row))
        for file in begun - {known.row.get("file") for known in self.known.values()}:
            self._remove(file)
        complete = b"".join(map(_line, _lines(state / _JOURNAL))) or self._head
        # Written anew: after a line that broke off no other may follow.
        aside = state / f"{_JOURNAL}.new"
        aside.write_bytes(complete)
        os.replace(aside, state / _JOURNAL)
        self._journal = open(state / _JOURNAL, "ab")  # noqa: SIM115  (closed by `opened`)

    def _refuse(self, theirs: Any, ours: dict[str, Any]) -> None:
        theirs = theirs if isinstance(theirs, dict) else {}
        if theirs.get("version") != ours["version"]:
            why = "was filled by another release of Cormack, or its record is damaged"
        elif theirs.get("seal") != ours["seal"]:
            why = "was filled under another key of pseudonyms (CORMACK_PSEUDONYM_KEY, or cormack/pseudonym.key)"
        else:
            why = "holds an import of another source"
        raise ImportRefused(f"{self.target} {why}; give another folder")


@contextlib.contextmanager
def opened(target: Path, seal: str, source: str) -> Iterator[Store]:
    """Make or take over a target folder; no other import can while the block runs."""
    state = target / STATE
    if target.is_dir() and not state.is_dir() and any(target.iterdir()):
        raise ImportRefused(f"{target} holds files that no import made; give another folder")
    state.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(state / _LOCK))
        except BlockingIOError:
            raise ImportRefused(f"another import into {target} is running; wait until it is done") from None
        store = Store(target)
        try:
            for entry in list(state.iterdir()):
                if entry.name not in (_LOCK, _MEMORY, _RECORD, _JOURNAL):
                    remove(entry)
            store._load({"version": _VERSION, "seal": seal, "source": source})
            store.unfinished.mkdir()
            yield store
        finally:
            if store._journal is not None:
                store._journal.close()
            with contextlib.suppress(OSError):
                remove(store.unfinished)


def _line(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _lines(path: Path) -> list[Any]:
    """Lines of a file, as far as they are whole."""
    result = []
    try:
        for line in path.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            result.append(json.loads(line))
    except (FileNotFoundError, ValueError):
        pass
    return result
