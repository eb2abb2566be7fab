"""Whole archives of images to one file for each volume, without anything that says whose they are."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .. import __version__, _check
from .._config import get_num_threads
from .._errors import ReadError
from .._table import Table
from .._workers import Outcome, map_isolated
from . import _scan
from ._catalog import Item, Memory, Stamp
from ._deidentify import without_names
from ._import_store import ImportRefused, Known, Store, opened
from ._import_task import Result, SourceFile, Stop, Task, Wanted, bring, stamp
from ._limits import limited, max_bytes_in_force
from ._pet import SUV
from ._pseudonyms import pseudonym, secret
from ._studies import _natural, existing

__all__ = ["ImportRefused", "Imported", "import_archive"]

Progress = Callable[[str, int, int, int, int], None]

_SUFFIXES = {"nifti": ".nii.gz", "zarr": ".ome.zarr"}
_VERSION = 1
# Of an archive as much is unpacked at a time; of a packed one more, since each time all of it has to be gone through.
_ROOM = 256 << 20
_ROOM_OF_PACKED = 1 << 30
_MOST_MEMBERS = 500
_PACKED = (".gz", ".tgz", ".bz2", ".tbz2", ".tbz", ".xz", ".txz")
# Of memory: a volume as it is stored and as it becomes, and what decoders and libraries take.
_TIMES_MEMORY = 4
_MEMORY = 1 << 30
_GONE = "its source is no longer there; the file was kept"
_OBJECT = "no image in it"
_AGAIN = ("cannot be read", "folder cannot be read")

_COLUMNS: dict[str, type] = {
    "key": str,
    "series": str,
    "folder": str,
    "file": str,
    "status": str,
    "problem": str,
    "format": str,
    "modality": str,
    "body_part": str,
    "size_z": int,
    "size_y": int,
    "size_x": int,
    "spacing_z": float,
    "spacing_y": float,
    "spacing_x": float,
    "orientation": str,
    "dtype": str,
    "units": str,
    "files": int,
    "bytes": int,
    "sha256": str,
}
_IDENTITY_COLUMNS = {"path": str, "series_uid": str, "patient_id": str}
_NOTHING: dict[type, Any] = {str: "", int: 0, float: math.nan}
_DTYPES: dict[type, Any] = {str: np.str_, int: np.int64, float: np.float64}


class Imported(Table):
    """The table that `import_archive` returns, and what it did.

    Parameters
    ----------
    columns : mapping
        As for `Table`.

    Attributes
    ----------
    imported, refused, failed, skipped : int
        Rows of each status.
    new : int
        Volumes that this import read and wrote; the others were there, as their sources are.
    gone : int
        Volumes whose source is no longer there.
    files_seen, files_read : int
        Files of the source, archives counting as one; and those whose headers were read.
    notes : list of str
        What was passed over, with its number.

    Examples
    --------
    >>> table = Imported({"key": np.array(["a"]), "status": np.array(["refused"])})
    >>> table.row_count, table.new, table.notes
    (1, 0, [])
    """

    def __init__(self, columns: Any = (), /) -> None:
        super().__init__(columns)
        self.imported = self.refused = self.failed = self.skipped = 0
        self.new = self.gone = 0
        self.files_seen = self.files_read = 0
        self.notes: list[str] = []


def import_archive(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    to: Literal["nifti", "zarr"] = "nifti",
    keep_identity: bool = False,
    allow_burned_in: bool = False,
    retry_failed: bool = False,
    units: str | None = None,
    workers: int | None = None,
    timeout_s: float | None = 600.0,
    max_bytes: int | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Turn every volume of a tree into a NIfTI or OME-Zarr file that names nobody.

    Volumes are those of `scan`, in folders and in zip and tar archives; each that `read` accepts becomes
    ``<folder>/<key>.nii.gz`` (or ``.ome.zarr``) under ``target``. The table, also kept as ``import.csv`` there, says
    for each what became of it, and why where nothing did.

    Parameters
    ----------
    source : path-like
        A folder, or one file or archive. It is only read.
    target : path-like
        A folder, made when it is not there; empty, or filled by an earlier import of the same source. Not within the
        source, nor around it.
    to : {"nifti", "zarr"}, default "nifti"
        Format of the files.
    keep_identity : bool, default False
        Add the columns ``path``, ``series_uid`` and ``patient_id`` to the table. **It then says whose images these
        are.** Names of files, and what is in them, stay the same.
    allow_burned_in : bool, default False
        Import images too whose pixels may show a name, see below.
    retry_failed : bool, default False
        Try volumes again that failed before, though their files are the same.
    units : {"SUVbw"}, optional
        For PET: standardised uptake values by body weight, see `read`; what does not allow them is refused. All else
        stays what it is.
    workers : int, optional
        Processes that read and write; `cormack.get_num_threads` when not given. The files are the same for any number.
    timeout_s : float or None, default 600
        A volume that takes longer has failed. None: no limit.
    max_bytes : int, optional
        A volume that would take more memory is refused; as for `read` when not given.
    progress : callable, optional
        Called with what is done ("scan", "import"), files and all files, bytes and all bytes.

    Returns
    -------
    Imported
        A `Table` ordered by folder and key with the columns of `scan` but for ``frames``, ``transfer_syntax``, and

        - ``file``: below ``target``; "" where there is none
        - ``status``: "imported"; "refused" (what is in the source cannot or must not be imported); "failed" (crashed,
          took too long, could not be read this time); "skipped" (DICOM objects without an image, and, with an empty
          key, files that are none)
        - ``problem``: why, in words
        - ``spacing_*``, ``dtype``, ``units`` of the volume as it was written; ``bytes`` of its source files
        - ``sha256`` of the voxels, (z, y, x) in C order, little endian: the same for every format

    Raises
    ------
    ReadError
        ``source`` does not exist.
    ImportRefused
        A ValueError: another import into ``target`` runs, it holds files of something else or of another source, or
        the source lies in it.
    OSError
        ``target`` cannot be written: a full disk, a folder that is read-only. What was complete stays.
    BackendUnavailable
        A library that reads or writes is not installed.

    Notes
    -----
    **Again.** An import that was ended in any way, also by SIGKILL, goes on where it was when it is started again, and
    leaves the same files, byte for byte, as one that was not. Files appear under their names when they are complete. A
    later import opens only files that are new or have changed (size, time of change or inode); imports what they hold
    anew, also when ``to``, ``units``, ``keep_identity`` or ``allow_burned_in`` differ, or when the result is missing.
    Where a changed source is no longer accepted the earlier result is removed. Where the source has gone the result
    stays, and ``problem`` says so: archives are often emptied after an import.

    The folder ``.cormack`` under ``target`` keeps what is needed for that. Nothing in it names anybody (with
    ``keep_identity`` it does); without it, the next import does not take the folder.

    **Identity.** Of the Basic Application Confidentiality Profile of DICOM PS3.15, annex E: all attributes that it
    lists are absent, since the files have no DICOM header; they hold voxels, size, type and place (spacing, origin,
    direction), and OME-Zarr modality and units. That is the option Retain Device Identity *not* taken, nor any other
    that retains dates, UIDs, descriptions or characteristics of patients. Names of folders and files are pseudonyms,
    those of `scan`: hashes keyed with a secret of this user. The table takes of free text (modality, body part, units)
    only terms that the standard knows. Messages leave out paths, UIDs and values that could be anything.

    Clean Pixel Data: no text is removed from pixels. What may have some is refused: DICOM whose BurnedInAnnotation is
    YES; secondary captures, ultrasound, endoscopy and photographs where it is not NO; PNG, JPEG, TIFF and BMP, which
    cannot say. Clean Recognizable Visual Features: **faces are not removed** from scans of heads, from which a surface
    can be rendered. NIfTI and NRRD are taken as they are: only voxels and place are carried over.

    **Bounds.** Volumes are read and written in processes of their own, see ``timeout_s`` and ``max_bytes``; one that
    crashes costs that volume. Members of archives are unpacked into memory or nameless files, never under a name.

    Examples
    --------
    >>> import tempfile, os
    >>> from cormack import Volume, io
    >>> root = tempfile.mkdtemp()
    >>> os.mkdir(os.path.join(root, "export"))
    >>> io.write(Volume(np.zeros((4, 5, 6), np.int16), (3, 1, 1)), os.path.join(root, "export", "Meyer.nii"))
    >>> table = io.import_archive(os.path.join(root, "export"), os.path.join(root, "images"))
    >>> table.imported, io.read(os.path.join(root, "images", table["file"][0])).spacing
    (1, (3.0, 1.0, 1.0))
    """
    name = "import_archive"
    _check.choice(name, "to", to, _SUFFIXES)
    count = _check.workers(name, workers) or get_num_threads()
    if units is not None:
        _check.choice(name, "units", units, (SUV,))
    if timeout_s is not None:
        _check.real(name, "timeout_s", timeout_s, above=0)
    if max_bytes is not None:
        _check.integer(name, "max_bytes", max_bytes, minimum=1)
    root, folder = existing(source), Path(target)
    _check_apart(root, folder)
    key = secret()
    names = _scan._Names(key, False, True)
    options = _Options(to, keep_identity, allow_burned_in, units, retry_failed, timeout_s, max_bytes)
    try:
        with opened(folder, names.seal, pseudonym(key, "root", os.path.realpath(root))) as store:
            return _Import(root, store, names, key, options, count, progress).run()
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror, os.fspath(folder)) from error
        raise


def _check_apart(source: Path, target: Path) -> None:
    inside, outside = Path(os.path.realpath(source)), Path(os.path.realpath(target))
    if inside == outside or inside in outside.parents or outside in inside.parents:
        raise ImportRefused(f"the source and {target} must lie apart, neither in the other; give another folder")


@dataclass(frozen=True)
class _Options:
    to: str
    keep_identity: bool
    allow_burned_in: bool
    units: str | None
    retry_failed: bool
    timeout_s: float | None
    max_bytes: int | None

    @property
    def of_result(self) -> list[Any]:
        """What another result follows from."""
        return [_VERSION, self.to, self.keep_identity, self.allow_burned_in, self.units]

    @property
    def means(self) -> str:
        return f"{__version__} {self.max_bytes}"


class _Memory(Memory):
    """What an import remembers of files."""

    def note(self, where: str, stamp: Stamp, items: list[Item]) -> None:
        # What was denied may be given next time, and the stamp would not show it.
        if not any(item.kind == "error" and item.text.startswith(_AGAIN) for item in items):
            super().note(where, stamp, items)


class _Search(_scan._Search):
    """A scan that knows the stamp of every file."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.stamps: dict[str, Stamp] = {}
        self.paths: dict[str, str] = {}

    def _files(self) -> Iterator[_scan._Job]:
        for job in super()._files():
            self.paths[job.where] = job.place.path
            self.stamps[job.where] = job.stamp
            if job.suffix in (_scan._STORE, ".mhd"):
                # Also when voxels change and nothing else.
                with contextlib.suppress(OSError):
                    self.stamps[job.where] = stamp(job.place.path)
            yield job


@dataclass
class _Import:
    root: Path
    store: Store
    names: _scan._Names
    key: bytes
    options: _Options
    workers: int
    progress: Progress | None

    def run(self) -> Imported:
        search = self._search()
        entries = _scan.entries(search.items, self.names)
        rows: dict[str, dict[str, Any]] = {}
        pending: list[tuple[_scan.Entry, Wanted]] = []
        stamps: dict[str, str] = {}
        for entry in entries:
            row = self._row(entry)
            key = row["key"]
            before = self.store.known.get(key)
            if row["status"] == "refused":
                if before is not None:
                    self.store.discard(before)
                rows[key] = row
                continue
            stamps[key] = self._fingerprint(entry, search)
            if before is not None and self._is_done(before, stamps[key]):
                if before.row.get("problem") == _GONE:
                    # It is back.
                    before.row["problem"] = ""
                rows[key] = {**before.row, **self._identity(entry, before.row)}
                continue
            pending.append((entry, self._wanted(entry, search)))
        new = self._bring(pending, rows, stamps)
        kept = set(stamps)
        gone = self._gone(rows)
        others = [self._object(item) for item in search.items if item.kind == "object"]
        others += self._notes(search)
        table = self._table([*rows.values(), *gone.values(), *others])
        table.new, table.gone = new, len(gone)
        table.files_seen, table.files_read = search.seen, search.read
        table.notes = [row["problem"] for row in others if not row["key"]]
        self.store.finish(Table(table), kept | set(gone))
        return table

    def _search(self) -> _Search:
        def tell(read: int, seen: int) -> None:
            if self.progress is not None:
                self.progress("scan", read, seen, 0, 0)

        memory = _Memory(self.store.memory, self.names.seal, self.names.of_file, self.names.of_stamp)
        search = _Search(self.root, self.names, memory, self.workers, tell)
        search.run()
        memory.store()
        return search

    # --- What is to be done -----------------------------------------------------------------------------------------

    def _row(self, entry: _scan.Entry) -> dict[str, Any]:
        row = {name: entry.row[name] for name in _COLUMNS if name in entry.row}
        row["status"] = "refused" if row.get("problem") else "imported"
        return {**row, **self._identity(entry, {})}

    def _identity(self, entry: _scan.Entry, known: dict[str, Any]) -> dict[str, Any]:
        if not self.options.keep_identity:
            return {}
        item = entry.files[0]
        path = _scan._text(item.where) + (f"#{item.member}" if item.member >= 0 else "")
        return {"path": path, **{name: known.get(name, "") for name in ("series_uid", "patient_id")}}

    def _fingerprint(self, entry: _scan.Entry, search: _Search) -> str:
        files = [[item.where, item.member, search.stamps[item.where]] for item in entry.files]
        return pseudonym(self.key, "source", json.dumps([self.options.of_result, entry.volume, files]), 32)

    def _is_done(self, before: Known, fingerprint: str) -> bool:
        if before.source != fingerprint:
            return False
        status = before.row["status"]
        if status == "imported":
            return self.store.has(before)
        return before.means == self.options.means and not (status == "failed" and self.options.retry_failed)

    def _wanted(self, entry: _scan.Entry, search: _Search) -> Wanted:
        row = entry.row
        files = tuple(
            SourceFile(search.paths[item.where], item.member, search.stamps[item.where]) for item in entry.files
        )
        name = f"{row['folder']}/{row['key']}{_SUFFIXES[self.options.to]}"
        kind = row["format"]
        return Wanted(row["key"], name, kind == "dicom", files, entry.volume, row["frames"], kind == "image")

    # --- Doing it ---------------------------------------------------------------------------------------------------

    def _bring(
        self, pending: list[tuple[_scan.Entry, Wanted]], rows: dict[str, dict[str, Any]], fingerprints: dict[str, str]
    ) -> int:
        """Import volumes, and note what became of each; returns how many were written."""
        by_key = {wanted.key: entry for entry, wanted in pending}
        all_files = sum(entry.row["files"] for entry, _ in pending)
        all_bytes = sum(entry.row["bytes"] for entry, _ in pending)
        done_files = done_bytes = new = 0

        def settle(result: Result, wanted: Wanted) -> None:
            nonlocal done_files, done_bytes, new
            entry = by_key[result.key]
            row = {**self._row(entry), **result.facts, "status": result.status}
            if result.status == "imported":
                row["file"] = wanted.file
                new += 1
            row["problem"] = self._words(result.problem, wanted)
            rows[result.key] = row
            self.store.note(result.key, Known(fingerprints[result.key], self.options.means, result.size, row))
            done_files += entry.row["files"]
            done_bytes += entry.row["bytes"]
            tell()

        def tell() -> None:
            if self.progress is not None:
                self.progress("import", done_files, all_files, done_bytes, all_bytes)

        tell()
        if pending:
            self.store.begin([wanted.file for _, wanted in pending])
        groups = self._groups([wanted for _, wanted in pending], by_key)
        while groups:
            again: list[list[Wanted]] = []
            # Closed at once when anything goes wrong: no worker shall write then.
            with contextlib.closing(self._outcomes(groups)) as outcomes:
                for outcome in outcomes:
                    group = groups[outcome.index]
                    if isinstance(outcome.value, Stop):
                        raise OSError(outcome.value.number, outcome.value.words, os.fspath(self.store.target))
                    if outcome.value is not None:
                        for result, wanted in zip(outcome.value, group, strict=True):
                            settle(result, wanted)
                    elif len(group) > 1:
                        # One of them is to blame, the others shall not suffer.
                        again += [[wanted] for wanted in group]
                    else:
                        settle(Result(group[0].key, "failed", problem=_failure(outcome)), group[0])
            groups = again
        return new

    def _outcomes(self, groups: list[list[Wanted]]) -> Generator[Outcome[list[Result] | Stop], None, None]:
        options = self.options
        tasks = (
            Task(
                os.fspath(self.store.target),
                os.fspath(self.store.unfinished),
                tuple(group),
                options.keep_identity,
                options.allow_burned_in,
                options.units,
                options.max_bytes,
            )
            for group in groups
        )
        with limited(options.max_bytes):
            memory = _TIMES_MEMORY * max_bytes_in_force() + _MEMORY
        return map_isolated(
            bring,
            tasks,
            workers=min(self.workers, len(groups)),
            timeout_s=options.timeout_s,
            max_memory_bytes=memory,
        )

    def _groups(self, pending: list[Wanted], by_key: dict[str, _scan.Entry]) -> list[list[Wanted]]:
        """Volumes that are imported together: those of an archive, as far as they fit, the others each for itself."""
        groups: list[list[Wanted]] = []
        before: set[str] = set()
        room = members = 0
        for wanted in pending:
            archives = {file.path for file in wanted.sources if file.member >= 0}
            size, count = by_key[wanted.key].row["bytes"], len(wanted.sources)
            limit = _ROOM_OF_PACKED if any(path.lower().endswith(_PACKED) for path in archives) else _ROOM
            fits = room + size <= limit and members + count <= _MOST_MEMBERS
            if archives and archives == before and fits:
                groups[-1].append(wanted)
                room, members = room + size, members + count
            else:
                groups.append([wanted])
                before, room, members = archives, size, count
        return groups

    def _words(self, problem: ReadError | str, wanted: Wanted) -> str:
        text = self.names.words(problem) if isinstance(problem, ReadError) else problem
        return without_names(text, list({file.path for file in wanted.sources})) if text else ""

    # --- What else there is -----------------------------------------------------------------------------------------

    def _gone(self, rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Rows of results whose source has gone."""
        gone = {}
        for key, known in self.store.known.items():
            if key not in rows and known.row["status"] == "imported" and self.store.has(known):
                gone[key] = known.row = {**known.row, "problem": _GONE}
                if not self.options.keep_identity:
                    for name in _IDENTITY_COLUMNS:
                        known.row.pop(name, None)
        return gone

    def _object(self, item: Item) -> dict[str, Any]:
        row = {
            "key": self.names.key_of_file(item.where, item.member),
            "folder": item.folder,
            "status": "skipped",
            "format": "dicom",
            "modality": item.text if item.text != "unknown" else "",
            "problem": _OBJECT,
            "files": 1,
            "bytes": item.size,
        }
        if self.options.keep_identity:
            row["path"] = _scan._text(item.where) + (f"#{item.member}" if item.member >= 0 else "")
        return row

    def _notes(self, search: _Search) -> list[dict[str, Any]]:
        counts = Counter(search.passed)
        counts["files of other kinds, without an image"] = len(search.stamps.keys() - {i.where for i in search.items})
        return [
            {"key": "", "status": "skipped", "problem": f"{what}: {count}", "files": count}
            for what, count in sorted(counts.items())
            if count
        ]

    def _table(self, rows: Iterable[dict[str, Any]]) -> Imported:
        columns = _COLUMNS | (_IDENTITY_COLUMNS if self.options.keep_identity else {})
        # Not by path: the order would tell something of the names.
        ordered = sorted(
            rows, key=lambda row: (not row["key"], row.get("folder", ""), _natural(row["key"]), row.get("problem", ""))
        )
        table = Imported(
            {
                name: np.array([_value(row.get(name), kind) for row in ordered], _DTYPES[kind])
                for name, kind in columns.items()
            }
        )
        counts = Counter(row["status"] for row in ordered if row["key"])
        table.imported, table.refused = counts["imported"], counts["refused"]
        table.failed, table.skipped = counts["failed"], counts["skipped"]
        return table


def _value(value: Any, kind: type) -> Any:
    return _NOTHING[kind] if value is None else value


def _failure(outcome: Outcome[Any]) -> str:
    """Why there is no result; what may quote the file is left out."""
    if outcome.error is not None:
        return f"internal error: {type(outcome.error).__name__}"
    return outcome.failure.partition(" (")[0].partition(": ")[0]
