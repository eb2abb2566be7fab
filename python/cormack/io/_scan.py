"""What lies in a tree of files: one row for each volume, from headers alone."""

from __future__ import annotations

import functools
import itertools
import math
import os
import re
import stat
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, cast

import numpy as np

from .. import _check
from .._errors import BackendUnavailable, ReadError
from .._table import Table
from ..volume import Volume
from . import _archives, _dicom, _dicom_stack, _image, _metaimage, _nifti, _nrrd, _terms, _zarr
from ._catalog import CATALOG_SUFFIXES, Item, Memory, Place, Stamp, save, side_table, syntax_name
from ._common import (
    IMAGE_SUFFIXES,
    METAIMAGE_SUFFIXES,
    NIFTI_SUFFIXES,
    NRRD_SUFFIXES,
    OTHER_SUFFIXES,
    ZARR_SUFFIXES,
    suffix_of_name,
)
from ._dicom_header import Frame
from ._pseudonyms import pseudonym, secret
from ._studies import _natural, existing
from ._zarr_array import METADATA_FILES

# Files that are looked at together: enough to keep all threads busy, and of archives no more on the disk at a time.
_BATCH = 4096
_BATCH_OF_ARCHIVE = 128
_ROOM_OF_ARCHIVE = 256 << 20
_LONGEST_PROBLEM = 400
_IMAGES = frozenset((*NIFTI_SUFFIXES, *NRRD_SUFFIXES, *METAIMAGE_SUFFIXES, *IMAGE_SUFFIXES))
# In place of a suffix, for the folder of a Zarr store; no file's name has it.
_STORE = "/zarr"
_PIXELS = (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")

_COLUMNS: dict[str, type] = {
    "key": str,
    "series": str,
    "folder": str,
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
    "files": int,
    "frames": int,
    "bytes": int,
    "transfer_syntax": str,
    "problem": str,
}
_IDENTITY_COLUMNS = {"path": str, "series_uid": str}
_NOTHING = {str: "", int: 0, float: math.nan}


class Catalog(Table):
    """The table that `scan` returns, and what the scan did.

    Parameters
    ----------
    columns : mapping
        As for `Table`.

    Attributes
    ----------
    files_seen : int
        Files in the tree, archives counting as one.
    files_read : int
        Those of them that were opened; the others were unchanged since the catalogue was written, or are of kinds that
        hold no image.
    notes : list of str
        What was passed over, with its number: links, pipes, DICOM objects without an image.

    Examples
    --------
    >>> catalog = Catalog({"key": np.array(["a", "b"])})
    >>> catalog.row_count, catalog.files_read, catalog.notes
    (2, 0, [])
    """

    def __init__(self, columns: Any = (), /) -> None:
        super().__init__(columns)
        self.files_seen = 0
        self.files_read = 0
        self.notes: list[str] = []


def scan(
    root: str | os.PathLike[str],
    *,
    workers: int | None = None,
    catalog: str | os.PathLike[str] | None = None,
    keep_identity: bool = False,
) -> Catalog:
    """List the volumes under a folder, from headers alone: one row for each, and what is wrong with it.

    What a file is, its content decides: DICOM needs no names. Files in zip and tar archives (also .tar.gz, .tar.bz2,
    .tar.xz) are listed as those in folders are. Nothing that can lie in a folder ends a scan: what cannot be read is a
    row with its ``problem``, what is no file is in the ``notes``.

    Parameters
    ----------
    root : path-like
        A folder, or one file or archive.
    workers : int, optional
        Threads that read headers; `cormack.get_num_threads` when not given. The table is the same for any number.
    catalog : path-like, optional
        A file that the table is written to, ending in .parquet or .csv; a second one beside it, with ``.files.json``
        after its name, keeps what each file held, and a hash of its size, time of change and inode. A scan that finds
        it opens only files that are new or have changed.
    keep_identity : bool, default False
        Show paths and SeriesInstanceUIDs, also in the catalogue. **Folders and files are often named after patients.**

    Returns
    -------
    Catalog
        A `Table` (``to_pandas``, ``to_polars``), ordered by path, with the columns

        - ``key``: stands for the volume; ``series`` for its DICOM series ("" for other formats)
        - ``folder``: stands for the folder or archive; with ``keep_identity`` its path below the root
        - ``format`` ("dicom", "nifti", "nrrd", "metaimage", "zarr", "image"); ``modality`` and ``body_part`` of DICOM
          headers where they are terms that the standard defines, else ""
        - ``size_z, size_y, size_x`` and ``spacing_z, spacing_y, spacing_x`` in voxels and mm; NaN when the header has
          no spacing. 2D images have ``size_z`` 1
        - ``orientation``: as `Volume.orientation`, "" when the header does not say
        - ``dtype``: of the stored voxels, before any rescaling
        - ``files``, ``frames`` (2D images), ``bytes`` of the files
        - ``transfer_syntax``: how DICOM pixels are coded, in words
        - ``problem``: why `read` would refuse it, or ""
        - with ``keep_identity``: ``path`` of its first file (``folder#n`` for file n of an archive) and ``series_uid``

        Its ``files_seen``, ``files_read`` and ``notes`` say what the scan did.

    Raises
    ------
    ReadError
        ``root`` does not exist, or the catalogue has another suffix.
    BackendUnavailable
        pydicom, Pillow or pyarrow is not installed.

    Notes
    -----
    **Identity.** By default no row, no message and no byte of the catalogue has text of the source: no name, id, date,
    institution, UID or path. Of headers it tells numbers (sizes, spacing, positions, echo times and the like) and words
    that a standard defines (modality, body part, transfer syntax, colour model); all other text of a header, in a
    ``problem`` or kept beside the catalogue to tell images apart, is left out or hashed. ``key``, ``series`` and
    ``folder`` are BLAKE2b hashes, keyed with a secret of this user (``cormack/pseudonym.key`` in the configuration
    folder, made at first use, or what the environment variable CORMACK_PSEUDONYM_KEY says): equal from scan to scan and
    of no use to anyone without it. ``keep_identity=True`` gives the same keys beside the paths, for whoever has to find
    the files again.

    **Volumes** are those that `read_all` gives. A series whose slices lie in several folders is one volume when
    together they make one; copies of a series in other folders are rows of their own, with ``-2`` after their key.
    Copies of a slice in one folder are told by its header and size; the voxels are not read.

    **Bounds.** Hidden files (a dot before their names) and files whose suffix says that they hold no image (.txt, .pdf,
    .py) are passed over. Links to folders are not followed, pipes and devices never opened. A Zarr store is one row
    for each volume, whatever lies in it; in an archive it is not looked for. Of a file in an archive
    only the header is unpacked (at most 64 MiB, into memory or a file whose name is not from the archive); an archive
    that unpacks to more than 200 times its size, and more than 256 MiB, ends as a problem. Archives in archives are
    not opened.

    Examples
    --------
    >>> import tempfile, os, numpy as np
    >>> from cormack import Volume, io
    >>> root = tempfile.mkdtemp()
    >>> io.write(Volume(np.zeros((4, 5, 6), np.int16), spacing=(3, 1, 1)), os.path.join(root, "a.nii"))
    >>> row = next(io.scan(root).rows())
    >>> row["format"], row["size_z"], row["spacing_z"], row["orientation"], row["dtype"], row["problem"]
    ('nifti', 4, 3.0, 'LPS', 'int16', '')
    """
    return survey(root, workers=workers, catalog=catalog, keep_identity=keep_identity)


def survey(
    root: str | os.PathLike[str],
    *,
    workers: int | None = None,
    catalog: str | os.PathLike[str] | None = None,
    keep_identity: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Catalog:
    """`scan`, telling after each batch how many files of how many have been looked at."""
    root = existing(root)
    kept = None
    if catalog is not None:
        kept = Path(catalog)
        if kept.suffix.lower() not in CATALOG_SUFFIXES:
            raise ReadError(kept, "a catalogue must end in .parquet or .csv")
        if not kept.absolute().parent.is_dir():
            raise ReadError(kept, f"the folder {kept.parent} does not exist")
    names = _Names(secret(), keep_identity, kept is not None)
    memory = Memory(side_table(kept) if kept else None, names.seal, names.of_file, names.of_stamp)
    search = _Search(root, names, memory, _check.workers("scan", workers), progress)
    search.run()
    columns = _COLUMNS | (_IDENTITY_COLUMNS if keep_identity else {})
    rows = [entry.row for entry in entries(search.items, names)]
    result = Catalog(
        {
            name: np.array([row.get(name, _NOTHING[kind]) for row in rows], _DTYPES[kind])
            for name, kind in columns.items()
        }
    )
    result.files_seen, result.files_read = search.seen, search.read
    shown = _dicom.counted(item.text for item in search.items if item.kind == "object")
    result.notes = [*([f"DICOM objects without an image: {shown}"] if shown else []), *search.notes()]
    if kept is not None:
        save(result, kept)
        memory.store()
    return result


_DTYPES: dict[type, Any] = {str: np.str_, int: np.int64, float: np.float64}


class _Names:
    """What stands for paths and UIDs in everything that leaves a scan."""

    def __init__(self, key: bytes, keep_identity: bool, stored: bool) -> None:
        self._key = key
        self._stored = stored
        self.keep = keep_identity
        self.seal = pseudonym(key, "seal", "identity" if keep_identity else "")
        self._folders: dict[str, str] = {}
        self._series: dict[str, str] = {}

    def of_series(self, uid: str) -> str:
        if self.keep or not uid:
            return uid
        known = self._series.get(uid)
        if known is None:
            known = self._series[uid] = pseudonym(self._key, "series", uid)
        return known

    def of_instance(self, uid: str) -> str:
        # In memory it may stay what it is; it takes time to hide ten thousand.
        return uid if self.keep or not self._stored or not uid else pseudonym(self._key, "instance", uid)

    def of_folder(self, path: str) -> str:
        if self.keep:
            return _text(path)
        known = self._folders.get(path)
        if known is None:
            known = self._folders[path] = pseudonym(self._key, "folder", path, 12)
        return known

    def of_file(self, path: str) -> str:
        return path if self.keep else pseudonym(self._key, "file", path)

    def of_stamp(self, stamp: Stamp) -> str:
        # The time of a file is a date, too.
        size, time, inode = stamp
        text = f"{size} {time} {inode}"
        return text if self.keep else pseudonym(self._key, "stamp", text)

    def hide_keys(self, keys: dict[str, str]) -> None:
        """Put pseudonyms in the place of text in what tells images apart: equal ones stay equal, numbers stay."""
        for name, text in keys.items():
            if name == "ImageType":
                keys[name] = "\\".join(
                    value if _terms.is_image_type(value) else self._of_value(value) for value in text.split("\\")
                )
            elif name == "SequenceName" or not _terms.is_numbers(text):
                keys[name] = self._of_value(text)

    def _of_value(self, text: str) -> str:
        return pseudonym(self._key, "value", text) if text else ""

    def key_of_series(self, series: str) -> str:
        # What frames carry is the pseudonym already, unless the identity is kept.
        return pseudonym(self._key, "series", series) if self.keep and series else series

    def key_of_file(self, where: str, member: int) -> str:
        return pseudonym(self._key, "file", where if member < 0 else f"{where}!{member}")

    def name(self, path: str) -> str:
        return os.path.basename(path) if self.keep else "a file"

    def words(self, error: ReadError) -> str:
        """The reason of an error, without what headers and names of files may have brought into it."""
        reason = error.reason
        if not self.keep:
            reason = _terms.without_free_text(reason)
        if error.tag:
            reason += f" [{error.tag}]"
        return " ".join(reason.split())[:_LONGEST_PROBLEM]


def _text(path: str) -> str:
    """A path as text that can be written: names of files need not be any."""
    return os.fsencode(path).decode("utf-8", "replace")


@dataclass(slots=True)
class _Job:
    """A file to open, and where what it holds belongs."""

    place: Place
    suffix: str
    where: str
    member: int
    folder: str
    size: int
    stamp: Stamp


@dataclass
class _Search:
    root: Path
    names: _Names
    memory: Memory
    workers: int
    progress: Callable[[int, int], None] | None
    items: list[Item] = field(default_factory=list)
    seen: int = 0
    read: int = 0
    passed: Counter[str] = field(default_factory=Counter)

    def notes(self) -> list[str]:
        return [f"{what}: {count}" for what, count in sorted(self.passed.items())]

    def run(self) -> None:
        jobs: list[_Job] = []
        archives: list[_Job] = []
        for job in self._files():
            self.seen += 1
            recalled = self.memory.recall(job.where, job.stamp, job.folder, job.place.name, job.place.path)
            if recalled is not None:
                self.items += recalled
                continue
            kind = job.suffix
            if kind in _archives.ARCHIVE_SUFFIXES:
                archives.append(job)
            elif kind in _IMAGES or kind not in OTHER_SUFFIXES:
                jobs.append(job)
            if len(jobs) == _BATCH:
                archives += self._batch(jobs)
                jobs = []
        archives += self._batch(jobs)
        for job in archives:
            self._archive(job)
            self._tell()

    def _tell(self) -> None:
        if self.progress is not None:
            self.progress(self.read, self.seen)

    # --- The tree ---------------------------------------------------------------------------------------------------

    def _files(self) -> Iterator[_Job]:
        """Regular files, folder by folder in the order of their names; hidden ones are passed over."""
        root = os.fspath(self.root)
        if not self.root.is_dir():
            name = self.root.name
            status = os.stat(root)
            if stat.S_ISREG(status.st_mode):
                yield self._job(root, name, name, "", status)
            else:
                raise ReadError(root, "neither a file nor a folder")
            return
        # A list of folders to visit instead of calls within calls: trees may be as deep as they like.
        folders = [("", root)]
        while folders:
            below, folder = folders.pop()
            try:
                with os.scandir(folder) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
            except OSError as error:
                text = f"folder cannot be read: {error.strerror}"
                self.items.append(Item(below, -1, self.names.of_folder(below), 0, "error", text=text))
                continue
            if METADATA_FILES.intersection(entry.name for entry in entries) or suffix_of_name(folder) in ZARR_SUFFIXES:
                yield self._store(folder, below)
                continue
            inner = []
            for entry in entries:
                name = entry.name
                if name.startswith(".") or name == "__MACOSX" or name.upper() == "DICOMDIR":
                    continue
                where = f"{below}/{name}" if below else name
                try:
                    if entry.is_dir(follow_symlinks=False):
                        inner.append((where, entry.path))
                        continue
                    status = entry.stat()
                except OSError:
                    self.passed["links that lead nowhere, or files that vanished"] += 1
                    continue
                if stat.S_ISREG(status.st_mode):
                    yield self._job(entry.path, name, where, below, status)
                elif stat.S_ISDIR(status.st_mode):
                    self.passed["links to folders, not followed"] += 1
                else:
                    self.passed["pipes, sockets and devices, not opened"] += 1
            folders += reversed(inner)

    def _job(self, path: str, name: str, where: str, below: str, status: os.stat_result) -> _Job:
        stamp = status.st_size, status.st_mtime_ns, status.st_ino
        folder = self.names.of_folder(below)
        return _Job(Place(path, name), suffix_of_name(name), where, -1, folder, status.st_size, stamp)

    def _store(self, folder: str, below: str) -> _Job:
        where = below or self.root.name
        outer = self.names.of_folder(where.rpartition("/")[0])
        size, stamp = _zarr.stamp(folder)
        return _Job(Place(folder, os.path.basename(folder)), _STORE, where, -1, outer, size, stamp)

    # --- Files ------------------------------------------------------------------------------------------------------

    def _batch(self, jobs: list[_Job]) -> list[_Job]:
        """Look at files on the disk; returns those that are archives."""
        if not jobs:
            return []
        self.read += len(jobs)
        found, archives = self._examine(jobs)
        unpack = set(map(id, archives))
        for job, item in zip(jobs, found, strict=True):
            self.items += [item] if item else []
            if item or id(job) not in unpack:
                self.memory.note(job.where, job.stamp, [item] if item else [])
        self._tell()
        self.read -= len(archives)
        return archives

    def _examine(self, jobs: Sequence[_Job]) -> tuple[list[Item | None], list[_Job]]:
        """What each file holds; and those that are archives."""
        results: dict[int, Item] = {}
        archives: list[_Job] = []
        by_path = {job.place.path: number for number, job in enumerate(jobs)}
        # As good as a path: the parser opens it and takes its name.
        candidates = [cast("Path", job.place) for job in jobs if job.suffix not in _IMAGES and job.suffix != _STORE]
        found = _dicom.scan(candidates, self.workers)
        # Files of one series share them.
        for keys in {id(frame.keys): frame.keys for frame in found.frames}.values():
            self.names.hide_keys(keys)
        for frame in found.frames:
            number = by_path[str(frame.file.path)]
            item = results.get(number)
            if item is None:
                item = results[number] = self._item(jobs[number], "dicom")
                item.series = self.names.of_series(frame.file.series_uid)
                item.instance = self.names.of_instance(frame.file.sop_uid)
            item.frames.append(frame)
        for other in found.non_images:
            number = by_path[str(other.path)]
            # A modality is free text to whoever wrote it.
            kind = other.kind if self.names.keep else _terms.modality(other.kind) or "unknown"
            results[number] = self._item(jobs[number], "object", kind)
        for error, uid in found.errors:
            number = by_path[error.path]
            results[number] = self._item(jobs[number], "error", self.names.words(error))
            results[number].series = self.names.of_series(uid)
        for number, job in enumerate(jobs):
            if number not in results:
                other_item, is_archive = self._other(job)
                if is_archive:
                    archives.append(job)
                elif other_item is not None:
                    results[number] = other_item
            # Its real name and the path of the temporary file were for the parsers.
            job.place.name = self.names.name(job.place.name)
            if job.member >= 0:
                job.place.path = f"{job.where}!{job.member}"
        return [results.get(number) for number in range(len(jobs))], archives

    def _item(self, job: _Job, kind: str, text: str = "") -> Item:
        return Item(job.where, job.member, job.folder, job.size, kind, text=text)

    def _other(self, job: _Job) -> tuple[Item | None, bool]:
        """What a file is that is no DICOM."""
        if job.suffix == _STORE:
            item = self._item(job, "image")
            self._describe(item, lambda: _described_store(Path(job.place)))
            return item, False
        try:
            with open(job.place, "rb") as file:
                head = file.read(540)
        except OSError as error:
            return self._item(job, "error", f"cannot be read: {error.strerror or type(error).__name__}"), False
        kind = job.suffix
        named = kind in _IMAGES
        if _archives.is_archive(head) and not named:
            return None, True
        if not head and not named:
            return None, False
        item = self._item(job, "image")
        self._describe(item, lambda: _described(Path(job.place), head, kind))
        return (item if item.rows or item.kind == "error" else None), False

    def _describe(self, item: Item, describe: Callable[[], list[dict[str, Any]]]) -> None:
        try:
            item.rows = describe()
        except ReadError as error:
            item.kind, item.text = "error", self.names.words(error)
        except BackendUnavailable:
            raise
        except Exception as error:
            # A fault of a reader costs that file, not the scan.
            item.kind, item.text = "error", f"internal error: {type(error).__name__}"

    # --- Archives ---------------------------------------------------------------------------------------------------

    def _archive(self, job: _Job) -> None:
        self.read += 1
        items: list[Item] = []
        try:
            with tempfile.TemporaryDirectory(prefix="cormack-") as folder:
                items = self._unpack(job, Path(folder), items)
        except ReadError as error:
            items.append(self._item(job, "error", self.names.words(error)))
        except OSError as error:
            items.append(self._item(job, "error", f"cannot be read: {error.strerror or type(error).__name__}"))
        self.items += items
        self.memory.note(job.where, job.stamp, items)

    def _unpack(self, job: _Job, folder: Path, items: list[Item]) -> list[Item]:
        batch: list[_Job] = []
        scratches: list[_Scratch] = []
        room = 0

        def flush() -> None:
            found, nested = self._examine(batch)
            items.extend(item for item in found if item)
            if nested:
                self.passed["archives in archives, not opened"] += len(nested)
            for scratch in scratches:
                scratch.close()
            scratches.clear()
            batch.clear()

        try:
            for number, member in enumerate(_archives.members(job.place.path, _wanted)):
                name = PurePosixPath(member.name.replace("\\", "/"))
                inner = f"{job.where}!/{name.parent}" if name.parent.parts else f"{job.where}!"
                suffix = suffix_of_name(name.name)
                path = folder / f"{number:06}{suffix}"
                place = Place(str(path), path.name)
                part = _Job(place, suffix, job.where, number, self.names.of_folder(inner), member.size, job.stamp)
                if member.problem:
                    items.append(self._item(part, "error", member.problem))
                    continue
                kept = len(scratches)
                try:
                    scratch = _Scratch(folder)
                    scratches.append(scratch)
                    place.path = scratch.path
                    room += member.copy_start(scratch.file, _enough)
                    scratch.file.flush()
                except (ReadError, OSError) as error:
                    if isinstance(error, ReadError) and error.path == job.place.path:
                        raise
                    if isinstance(error, ReadError):
                        text = self.names.words(error)
                    else:
                        text = f"cannot be unpacked: {error.strerror or type(error).__name__}"
                    items.append(self._item(part, "error", text))
                    # Members that cannot be unpacked one after another must not use up the files of a process.
                    for spoilt in scratches[kept:]:
                        spoilt.close()
                    del scratches[kept:]
                    continue
                batch.append(part)
                if len(scratches) >= _BATCH_OF_ARCHIVE or room > _ROOM_OF_ARCHIVE:
                    flush()
                    room = 0
        except ReadError as error:
            # What came before the damage counts.
            flush()
            items.append(self._item(job, "error", self.names.words(error)))
        else:
            flush()
        finally:
            for scratch in scratches:
                scratch.close()
        return items


class _Scratch:
    """A file in memory where the system has them, else in a folder; what is read of archives needs one each."""

    def __init__(self, folder: Path) -> None:
        self._named: str | None = None
        if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
            # On a disk making the file takes longer than all else that is done with it.
            number = os.memfd_create("cormack")
            self.path = f"/proc/self/fd/{number}"
        else:
            number, self.path = tempfile.mkstemp(dir=folder)
            self._named = self.path
        self.file = open(number, "wb")  # noqa: SIM115  (closed by the owner, after the parsers)

    def close(self) -> None:
        self.file.close()
        if self._named is not None:
            os.unlink(self._named)


def _wanted(name: str) -> bool:
    """Whether a member of an archive may be an image."""
    parts = name.replace("\\", "/").split("/")
    if any((part.startswith(".") and part not in (".", "..")) or part == "__MACOSX" for part in parts):
        return False
    kind = suffix_of_name(parts[-1])
    return parts[-1].upper() != "DICOMDIR" and (kind in _IMAGES or kind not in OTHER_SUFFIXES)


def _enough(head: bytes) -> bool:
    """Whether the start of a file has its whole header."""
    if head[:2] == b"\x1f\x8b" or _nifti.looks_like_nifti(head):
        return len(head) >= 1 << 16
    if _nrrd.looks_like_nrrd(head):
        return b"\n\n" in head or b"\n\r\n" in head
    if _metaimage.looks_like_metaimage(head):
        return re.search(rb"(?i)elementdatafile[^\n]*\n", head) is not None
    return not _image.looks_like_image(head[:16]) and any(tag in head for tag in _PIXELS)


# --- Formats without series ------------------------------------------------------------------------------------------


def _described(path: Path, head: bytes, kind: str) -> list[dict[str, Any]]:
    """Rows for the volumes of a file by its content; none when it is no image."""
    if _nifti.looks_like_nifti(head) or kind in NIFTI_SUFFIXES or (head[:2] == b"\x1f\x8b" and _nifti.sniff(path)):
        with _nifti._open(path) as (_, nifti):
            shape = nifti.shape[:3]
            grid = Volume.from_affine if len(shape) == 3 else None
            placeholder = np.broadcast_to(np.zeros((), np.uint8), shape[::-1])
            try:
                volume = grid(placeholder, nifti.affine) if grid else None
            except ValueError as error:
                raise ReadError(path, f"geometry: {error}".splitlines()[0], tag=nifti.orientation_source) from error
            steps = np.sqrt((nifti.affine[:3, :3] ** 2).sum(axis=0))
            row = _row("nifti", shape[::-1], tuple(steps[: len(shape)][::-1]), nifti.dtype)
            known = volume is not None and nifti.orientation_source != "absent"
            row["orientation"] = volume.orientation if volume is not None and known else ""
            return [dict(row) for _ in range(nifti.volume_count)]
    if _nrrd.looks_like_nrrd(head) or kind in NRRD_SUFFIXES:
        with _nrrd._open(path) as (_, nrrd):
            sizes = tuple(size for axis, size in enumerate(nrrd.sizes) if axis != nrrd.list_axis)
            row = _row("nrrd", sizes[::-1], tuple(nrrd.spacing[: len(sizes)][::-1]), nrrd.dtype)
            if len(sizes) == 3 and nrrd.orientation_source != "absent":
                row["orientation"] = _letters(tuple(map(tuple, nrrd.direction.T.tolist())))
            return [dict(row) for _ in range(nrrd.volume_count)]
    if _metaimage.looks_like_metaimage(head) or kind in METAIMAGE_SUFFIXES:
        with _metaimage._open(path) as (_, meta):
            row = _row("metaimage", meta.sizes[:3][::-1], tuple(meta.spacing[::-1]), meta.dtype)
            if len(meta.sizes) > 2 and meta.orientation_source != "absent":
                row["orientation"] = _letters(tuple(map(tuple, meta.direction.T.tolist())))
            return [dict(row) for _ in range(meta.volume_count)]
    if _image.looks_like_image(head) or kind in IMAGE_SUFFIXES:
        with _image._open(path) as image:
            width, height = image.size
            return [_row("image", (height, width), (math.nan, math.nan), np.dtype(_depth(str(image.mode))))]
    return []


def _described_store(path: Path) -> list[dict[str, Any]]:
    """Rows for the volumes of a Zarr store."""
    grid, dtype, count = _zarr.described(path)
    unknown = (math.nan,) * grid.ndim
    row = _row("zarr", grid.shape, unknown if grid.meta["spacing_source"] == "absent" else grid.spacing, dtype)
    if grid.ndim == 3 and grid.meta["orientation_source"] != "absent":
        row["orientation"] = grid.orientation
    return [dict(row) for _ in range(count)]


def _depth(mode: str) -> str:
    return {"1": "bool", "I": "int32", "F": "float32"}.get(mode, "uint16" if ";16" in mode else "uint8")


def _row(kind: str, shape: tuple[int, ...], spacing: tuple[float, ...], dtype: np.dtype[Any]) -> dict[str, Any]:
    shape = (1,) * (3 - len(shape)) + tuple(shape)
    spacing = (math.nan,) * (3 - len(spacing)) + tuple(map(float, spacing))
    row: dict[str, Any] = {"format": kind, "dtype": dtype.newbyteorder("=").name, "files": 1, "frames": shape[0]}
    for axis, size, step in zip("zyx", shape, spacing, strict=True):
        row[f"size_{axis}"] = int(size)
        # Digits beyond these are rounding of the header's numbers.
        row[f"spacing_{axis}"] = float(f"{step:.6g}")
    return row


@functools.lru_cache(maxsize=4096)
def _letters(axes: tuple[tuple[float, ...], ...]) -> str:
    """Sides that the axes x, y, z run to, from their directions in LPS; as `Volume.orientation`."""
    n = len(axes)
    best = max(itertools.permutations(range(n)), key=lambda order: sum(abs(axes[j][w]) for j, w in enumerate(order)))
    return "".join("LPS"[world] if axes[j][world] >= 0 else "RAI"[world] for j, world in enumerate(best))


# --- Rows ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Entry:
    """A row of the table, and what it is of."""

    row: dict[str, Any]
    # Its files, the first of which says where the row belongs; of DICOM also the copies that were left out.
    files: list[Item]
    # Which of several volumes in these files: of DICOM the number of its first frame in the first file.
    volume: int | None = None


def entries(items: list[Item], names: _Names) -> list[Entry]:
    """Rows of the table, in the order of the files' paths."""
    rows: list[Entry] = []
    parts: dict[str, dict[str, list[Item]]] = {}
    broken: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        if item.kind == "dicom":
            series = item.series
            # Without a UID there is nothing that ties files of several folders together.
            parts.setdefault(series or f"\0{item.folder}", {}).setdefault(item.folder, []).append(item)
        elif item.kind == "error" and item.series:
            broken.setdefault((item.series, item.folder), []).append(item)
        elif item.kind == "error":
            rows.append(Entry(_unreadable(item, names), [item]))
        elif item.kind == "image":
            for number, row in enumerate(item.rows):
                key = names.key_of_file(item.where, item.member) + (f"-{number + 1}" if number else "")
                which = number if len(item.rows) > 1 else None
                rows.append(Entry({**row, "key": key, "bytes": item.size}, [item], which))
    for folders in parts.values():
        for group in _groups(list(folders.values())):
            reasons = [
                bad for folder in dict.fromkeys(item.folder for item in group) for bad in _of(broken, group[0], folder)
            ]
            rows += _series_rows(group, reasons, names)
    for rest in broken.values():
        rows += [Entry(_unreadable(item, names), [item]) for item in rest]
    order = {path: rank for rank, path in enumerate(sorted({entry.files[0].where for entry in rows}, key=_by_path))}
    rows.sort(key=lambda entry: (order[entry.files[0].where], entry.files[0].member))
    counts: Counter[str] = Counter()
    for entry in rows:
        row, item = entry.row, entry.files[0]
        key = row["key"]
        counts[key] += 1
        if counts[key] > 1:
            row["key"] = f"{key}-{counts[key]}"
        row["folder"] = item.folder
        if names.keep:
            row["path"] = _text(item.where) if item.member < 0 else f"{item.folder}#{item.member}"
    return rows


def _by_path(path: str) -> list[Any]:
    return [_natural(part) for part in path.split("/")]


def _of(broken: dict[tuple[str, str], list[Item]], first: Item, folder: str) -> list[Item]:
    """Broken files of a stack; those of radiographs stand for themselves."""
    return broken.pop((first.series, folder), []) if first.frames[0].has_place else []


def _unreadable(item: Item, names: _Names) -> dict[str, Any]:
    row = {"key": names.key_of_file(item.where, item.member), "series": names.key_of_series(item.series)}
    if item.series:
        row["format"] = "dicom"
    return {**row, "files": 1, "bytes": item.size, "problem": item.text}


def _groups(parts: list[list[Item]]) -> list[list[Item]]:
    """Join what a series has in several folders where that makes fewer volumes, and no new problem."""
    if len(parts) == 1:
        return parts
    joined: list[tuple[set[str], list[list[Item]]]] = []
    for part in parts:
        uids = {item.instance for item in part if item.instance}
        for known, members in joined:
            # A copy in another folder stays a series of its own.
            if known.isdisjoint(uids):
                known |= uids
                members.append(part)
                break
        else:
            joined.append((uids, [part]))
    result: list[list[Item]] = []
    for _, members in joined:
        together = [item for part in members for item in part]
        if len(members) > 1:
            whole, whole_bad = _quality(together)
            single = [_quality(part) for part in members]
            if whole >= sum(count for count, _ in single) or whole_bad > sum(bad for _, bad in single):
                result += members
                continue
        result.append(together)
    return result


def _quality(items: list[Item]) -> tuple[int, int]:
    """Number of volumes, and how many of them have problems."""
    stacks = _stacks(items)
    return len(stacks), sum(problem is not None for _, _, problem in stacks)


def _stacks(items: list[Item]) -> list[tuple[list[Frame], float, ReadError | None]]:
    """Volumes of some files, the distance of their slices, and what is wrong with them."""
    frames = [frame for item in items for frame in item.frames]
    try:
        stacks = _dicom_stack.volumes_of(_without_copies(items))
    except ReadError as error:
        return [(frames, math.nan, error)]
    result: list[tuple[list[Frame], float, ReadError | None]] = []
    for stack in stacks:
        distance, problem = math.nan, None
        try:
            if len(stack) > 1:
                distance = _dicom_stack.slice_spacing(stack)
            elif stack[0].has_place:
                _dicom_stack.axes(stack[0])
                distance = stack[0].thickness or math.nan
        except ReadError as error:
            problem = error
        result.append((stack, distance, problem))
    return result


def _without_copies(items: list[Item]) -> list[Frame]:
    """Leave out copies of a file, by header and size; two different images with one SOPInstanceUID are an error."""
    first: dict[str, Item] = {}
    kept: list[Frame] = []
    for item in items:
        uid = item.instance
        known = first.setdefault(uid, item) if uid else item
        if known is item:
            kept += item.frames
        elif known.size != item.size or not _equal(known.frames, item.frames):
            raise ReadError(
                item.frames[0].file.path,
                "two files have the same SOPInstanceUID, but other contents",
                tag="(0008,0018) SOPInstanceUID",
            )
    return kept


def _equal(a: list[Frame], b: list[Frame]) -> bool:
    return len(a) == len(b) and all(
        (x.position, x.orientation, x.spacing, x.slope, x.intercept, x.keys)
        == (y.position, y.orientation, y.spacing, y.slope, y.intercept, y.keys)
        for x, y in zip(a, b, strict=True)
    )


def _series_rows(items: list[Item], broken: list[Item], names: _Names) -> list[Entry]:
    owner = {id(frame.file): item for item in items for frame in item.frames[:1]}
    if not names.keep:
        # In a message a number tells files apart.
        for number, item in enumerate(items):
            cast("Place", item.frames[0].file.path).name = f"file {number + 1}"
    copies: dict[str, list[Item]] = {}
    for item in items:
        if item.instance:
            copies.setdefault(item.instance, []).append(item)
    rows = []
    for stack, distance, error in _stacks(items):
        files = list({id(frame.file): owner[id(frame.file)] for frame in stack}.values())
        row = _dicom_row(stack, distance, error)
        row["key"] = row["series"] = names.key_of_series(items[0].series)
        if not row["key"]:
            row["key"] = names.key_of_file(files[0].where, files[0].member)
        if names.keep:
            row["series_uid"] = items[0].series
        row["files"], row["bytes"] = len(files), sum(item.size for item in files)
        problems = [names.words(error)] if error else []
        if broken:
            count = "a file" if len(broken) == 1 else f"{len(broken)} files"
            problems.append(f"{count} of the series cannot be used: {broken[0].text}")
        row["problem"] = "; ".join(problems)
        known = set(map(id, files))
        again = [copy for item in files for copy in copies.get(item.instance, ()) if id(copy) not in known]
        rows.append(Entry(row, files + again, stack[0].index))
    return rows


def _dicom_row(stack: list[Frame], distance: float, error: ReadError | None) -> dict[str, Any]:
    first = stack[0]
    file = first.file
    orientation = ""
    if first.has_place and error is None:
        x, y, normal = (tuple(axis.tolist()) for axis in _dicom_stack.axes(first))
        orientation = _letters((x, y, normal))
    spacing = (distance, *(first.spacing or (math.nan, math.nan)))
    row = _row("dicom", (len(stack), file.rows, file.columns), spacing, file.stored_dtype)
    row["modality"], row["body_part"] = _terms.modality(file.modality), _terms.body_part(file.body_part)
    row["orientation"] = orientation
    row["transfer_syntax"] = syntax_name(file.syntax)
    return row
