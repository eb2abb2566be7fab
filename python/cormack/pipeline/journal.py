"""The journal of a run: what became of each case, so that a run can be gone on with and watched while it goes.

One SQLite file in the output folder. It is an index, not the result: a case is done when its folder is there with the
stamp that the case would get today, whatever the journal says; so a process may die between the two.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import sqlite3
import time
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from .._errors import ReadError

__all__ = ["STATES", "Entry", "Journal", "Stamp", "read_status"]

FILE_NAME = "journal.sqlite"
STATES = ("waiting", "running", "completed", "failed")

# Written into the file; a journal of another version is begun anew, the folders of the cases keep what was done.
_VERSION = 1
_ENTRIES = "SELECT id, folder, input, configuration, state, reason, lost, attempts, seconds FROM cases"
# What is wrong with the file, not with the disk that it lies on.
_DAMAGED = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY)
_TABLES = """
CREATE TABLE IF NOT EXISTS run (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cases (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, folder TEXT NOT NULL, input TEXT NOT NULL,
    configuration TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', lost INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0);
"""


@dataclass(frozen=True)
class Stamp:
    """What a result was made from; equal stamps mean that there is nothing to do again.

    Parameters
    ----------
    input : str
        Digest of the sizes and times of the files of image and mask, and of parts of them; "" where there are none,
        which equals nothing.
    configuration : str
        Digest of the configuration and of the versions that did it.
    """

    input: str = ""
    configuration: str = ""

    def covers(self, other: Stamp) -> bool:
        """Whether a result with this stamp is what the other one asks for."""
        return bool(self.input) and self == other


@dataclass
class Entry:
    """One case as the journal knows it.

    Parameters
    ----------
    id, folder : str
        Its name, and its folder below ``cases``.
    stamp : Stamp
        What it is made from.
    state : {"waiting", "running", "completed", "failed"}
        Where it stands.
    reason : str
        Why it failed, in one line.
    lost : bool
        It failed because its process died for a reason that may not lie in the case; it is repeated by the next run.
    attempts : int
        How often it was begun.
    seconds : float
        Time of the last attempt, s.
    """

    id: str
    folder: str
    stamp: Stamp
    state: str = "waiting"
    reason: str = ""
    lost: bool = False
    attempts: int = 0
    seconds: float = 0.0


class Journal:
    """The journal of a run in progress, for its one writer.

    Parameters
    ----------
    out : Path
        The output folder.
    """

    def __init__(self, out: Path) -> None:
        self._path = out / FILE_NAME
        with self._errors():
            try:
                self._connection = self._open()
            except sqlite3.DatabaseError as error:
                # Extended codes have more in their higher bytes.
                if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF not in _DAMAGED:
                    raise
                # No journal, or a damaged one: what was done stands in the folders of the cases.
                for ending in ("", "-wal", "-shm"):
                    Path(f"{self._path}{ending}").unlink(missing_ok=True)
                self._connection = self._open()

    def _open(self) -> sqlite3.Connection:
        # The thread that goes on with a run, or closes it, need not be the one that began; there are never two at once.
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            # A power cut may lose the last lines, never the file; the folders of the cases know better anyway.
            connection.execute("PRAGMA synchronous=NORMAL")
            if connection.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
                connection.executescript(f"DROP TABLE IF EXISTS run; DROP TABLE IF EXISTS cases; {_TABLES}")
                connection.execute(f"PRAGMA user_version={_VERSION}")
            if (found := connection.execute("PRAGMA quick_check").fetchone()[0]) != "ok":
                raise sqlite3.DatabaseError(found)
            # Says whether the columns are there.
            connection.execute(_ENTRIES)
        except BaseException:
            connection.close()
            raise
        return connection

    def entries(self) -> dict[str, Entry]:
        """What is known from earlier runs, by folder."""
        with self._errors():
            return {row[1]: _entry(row) for row in self._connection.execute(_ENTRIES)}

    def begin(self, facts: dict[str, Any], entries: Iterable[Entry]) -> None:
        """Start a run with these cases, in this order; what the journal knew of others is forgotten."""
        with self._transaction():
            self._connection.execute("DELETE FROM cases")
            self._connection.execute("DELETE FROM run")
            self._connection.executemany(
                "INSERT INTO cases VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (
                        number,
                        _text(e.id),
                        e.folder,
                        *astuple(e.stamp),
                        e.state,
                        _text(e.reason),
                        e.lost,
                        e.attempts,
                        e.seconds,
                    )
                    for number, e in enumerate(entries)
                ),
            )
        self.note(**facts, process=os.getpid(), host=platform.node(), started=time.time(), state="running")

    def note(self, **facts: Any) -> None:
        """Keep facts about the run as a whole."""
        with self._transaction():
            self._connection.executemany(
                "INSERT OR REPLACE INTO run VALUES (?, ?)", ((key, json.dumps(value)) for key, value in facts.items())
            )

    def update(self, number: int, entry: Entry) -> None:
        """Record where a case stands."""
        with self._errors():
            self._connection.execute(
                "UPDATE cases SET state=?, reason=?, lost=?, attempts=?, seconds=? WHERE number=?",
                (entry.state, _text(entry.reason), entry.lost, entry.attempts, entry.seconds, number),
            )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._errors():
            self._connection.execute("BEGIN")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # An error of the disk has done so already.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Raise what all other files raise when they cannot be written."""
        try:
            yield
        except sqlite3.Error as error:
            full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
            number, words = (errno.ENOSPC, os.strerror(errno.ENOSPC)) if full else (errno.EIO, str(error))
            raise OSError(number, words, os.fspath(self._path)) from error

    def close(self) -> None:
        """Close the file; nothing stays beside it."""
        self._connection.close()


def _text(text: str) -> str:
    """What a file of UTF-8 takes: names of files may hold other bytes, and messages quote them."""
    return text.encode("utf-8", "backslashreplace").decode()


def _entry(row: tuple[Any, ...]) -> Entry:
    id_, folder, input_, configuration, state, reason, lost, attempts, seconds = row
    return Entry(id_, folder, Stamp(input_, configuration), state, reason, bool(lost), attempts, seconds)


def read_status(out: str | os.PathLike[str]) -> dict[str, Any]:
    """Say where a run stands; also while it goes on.

    Parameters
    ----------
    out : path-like
        The output folder of `cormack.pipeline.run`.

    Returns
    -------
    dict
        ``state`` of the run (``running``, ``finished``, ``interrupted``; of a run on another machine nobody can say
        that it was killed), ``config_name``, ``host`` that it runs or ran on, the number of cases in each of the
        `STATES`, ``cases`` (an `Entry` each, in the order of the run), and ``seconds`` since it began.

    Raises
    ------
    ReadError
        There is no journal, or it is damaged.
    """
    path = Path(out) / FILE_NAME
    # Where nobody writes, nothing need be agreed upon in files beside it, which others' folders would not take.
    how = "mode=ro" if Path(f"{path}-wal").exists() else "mode=ro&immutable=1"
    if not path.is_file():
        raise ReadError(path, "there is no such file", suggestion="give the folder that `cormack run --out` wrote")
    try:
        # Read-only, and closed at once: whoever looks must not hinder whoever writes.
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, timeout=10)) as file:
            if file.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
                raise ReadError(path, "was written by another version of cormack", suggestion="run the analysis again")
            facts = {key: json.loads(value) for key, value in file.execute("SELECT key, value FROM run")}
            entries = [_entry(row) for row in file.execute(f"{_ENTRIES} ORDER BY number")]
    except sqlite3.Error as error:
        raise ReadError(path, f"is no journal of a run ({error})", suggestion="run the analysis again") from error
    state = facts.get("state", "interrupted")
    # Of a process on another machine nobody here can say whether it lives.
    here = facts.get("host", platform.node()) == platform.node()
    if state == "running" and here and not _is_alive(facts.get("process")):
        state = "interrupted"
    ended = facts.get("ended") or time.time()
    return {
        "state": state,
        "config_name": facts.get("config_name", ""),
        "host": facts.get("host", ""),
        **{name: sum(entry.state == name for entry in entries) for name in STATES},
        "seconds": max(0.0, ended - facts.get("started", ended)),
        "cases": entries,
    }


def _is_alive(process: Any) -> bool:
    if not isinstance(process, int) or process <= 0:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
