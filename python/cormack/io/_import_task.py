"""The part of an import that runs in workers: from the files of volumes to a file for each."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import math
import os
import resource
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from .._errors import BackendUnavailable, ReadError
from ..volume import Volume
from . import _archives, _deidentify, _dicom, _metaimage, _studies
from ._catalog import Place, Stamp
from ._dicom_stack import volumes_of
from ._limits import limited
from ._scan import _wanted

# Files of archives up to this size are unpacked into memory, larger ones into a nameless file on the disk.
_LARGEST_IN_MEMORY = 1 << 30
_SPARE_DESCRIPTORS = 100
_MOST_ATTEMPTS = 10

_CHANGED = "its files changed while they were read; import again"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to read: its path, and its number in the archive or -1."""

    path: str
    member: int
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Wanted:
    """A volume to import."""

    key: str
    # Where it goes, below the target.
    file: str
    is_dicom: bool
    sources: tuple[SourceFile, ...]
    # Which of several volumes in the files: of DICOM the number of its first frame in the first of them.
    volume: int | None
    frames: int
    is_picture: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """Volumes that are imported together, and how."""

    target: str
    # Where files lie until they are complete; on the same file system.
    unfinished: str
    volumes: tuple[Wanted, ...]
    keep_identity: bool = False
    allow_burned_in: bool = False
    units: str | None = None
    max_bytes: int | None = None


@dataclass(slots=True)
class Result:
    """What became of a volume."""

    key: str
    # "imported", "refused" or "failed".
    status: str
    # For the table.
    facts: dict[str, Any] = field(default_factory=dict)
    problem: ReadError | str = ""
    # Bytes of the new file.
    size: int = 0


@dataclass(frozen=True, slots=True)
class Stop:
    """The target cannot be written; going on makes no sense."""

    number: int
    words: str


def bring(task: Task) -> list[Result] | Stop:
    """Import the volumes of a task."""
    with limited(task.max_bytes, "import_archive"):
        return _bring_all(task)


def _bring_all(task: Task) -> list[Result] | Stop:
    results = []
    archives: dict[str, set[int]] = {}
    for wanted in task.volumes:
        for source in wanted.sources:
            if source.member >= 0:
                archives.setdefault(source.path, set()).add(source.member)
    with contextlib.ExitStack() as stack:
        unpacked = {path: stack.enter_context(_unpacked(path, numbers)) for path, numbers in archives.items()}
        for wanted in task.volumes:
            result = _bring(task, wanted, unpacked)
            if isinstance(result, Stop):
                return result
            results.append(result)
    return results


def _bring(task: Task, wanted: Wanted, unpacked: dict[str, _Unpacked]) -> Result | Stop:
    places: list[Place] = []
    try:
        places = [_place(source, unpacked) for source in wanted.sources]
        if not task.allow_burned_in and (why := _burned_in(wanted, places)):
            return Result(wanted.key, "refused", problem=why)
        volume, facts = _read(task, wanted, places)
        if any(stamp(source.path) != source.stamp for source in wanted.sources):
            return Result(wanted.key, "failed", problem=_CHANGED)
    except ReadError as error:
        # What the disk or the network denied it may give another time.
        return Result(wanted.key, "failed" if isinstance(error.__cause__, OSError) else "refused", problem=error)
    except BackendUnavailable as error:
        text = str(error)
        for place in places:
            text = text.removeprefix(f"{place.path}: ")
        return Result(wanted.key, "failed", problem=text)
    except OSError as error:
        return Result(wanted.key, "failed", problem=f"cannot be read: {error.strerror or type(error).__name__}")
    try:
        size = _write(task, wanted, volume)
    except OSError as error:
        return Stop(error.errno or errno.EIO, error.strerror or type(error).__name__)
    except (ValueError, TypeError) as error:
        return Result(wanted.key, "refused", problem=f"cannot be written: {error}")
    return Result(wanted.key, "imported", facts, size=size)


def _burned_in(wanted: Wanted, places: Sequence[Place]) -> str:
    if wanted.is_picture:
        return "a picture has no header that says whether names are burned into it"
    return _deidentify.burned_in(places) if wanted.is_dicom else ""


def _read(task: Task, wanted: Wanted, places: list[Place]) -> tuple[Volume, dict[str, Any]]:
    facts: dict[str, Any] = {}
    if wanted.is_dicom:
        volume = _read_dicom(wanted, places, task.units)
        if task.keep_identity:
            facts["series_uid"] = volume.meta.get("series_uid", "")
            facts["patient_id"] = _deidentify.patient_id(places[0])
    else:
        volume = _studies.read(places[0].path, volume=wanted.volume)
    volume = _deidentify.without_identity(volume)
    array = np.asarray(volume.array)
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    facts["sha256"] = hashlib.sha256(little.reshape(-1).view(np.uint8).data).hexdigest()
    facts["dtype"], facts["units"] = array.dtype.name, volume.meta["units"]
    sizes, steps = ((fill,) * (3 - volume.ndim) + own for fill, own in ((1, volume.shape), (math.nan, volume.spacing)))
    for axis, size, step in zip("zyx", sizes, steps, strict=True):
        facts[f"size_{axis}"] = int(size)
        facts[f"spacing_{axis}"] = float(f"{step:.6g}")
    if volume.meta.get("spacing_source") == "absent":
        facts.update(dict.fromkeys(("spacing_y", "spacing_x") if volume.ndim == 2 else ("spacing_z",), math.nan))
    return volume, facts


def _read_dicom(wanted: Wanted, places: list[Place], units: str | None) -> Volume:
    found = _dicom.scan(places)  # type: ignore[arg-type]  # (as good as paths)
    # In a message a number tells files apart; names of files may be names of patients.
    for number, place in enumerate(places):
        place.name = f"file {number + 1}"
    if found.errors:
        raise found.errors[0][0]
    stacks = volumes_of(found.frames) if found.frames else []
    for stack in stacks:
        first = stack[0]
        if os.fspath(first.file.path) == places[0].path and (first.index, len(stack)) == (wanted.volume, wanted.frames):
            # They are units of PET; what else a tree holds stays what it is.
            return _dicom.build(stack, units if first.file.modality == "PT" else None, found.frames)
    raise ReadError(places[0].path, _CHANGED)


def _write(task: Task, wanted: Wanted, volume: Volume) -> int:
    """Write a file aside, then put it in its place; returns its size."""
    final = Path(task.target, wanted.file)
    aside = Path(task.unfinished, final.name)
    remove(aside)
    try:
        _studies.write(volume, aside)
        size = size_of(aside)
        if aside.is_dir():
            remove(final)
        _put(aside, final)
    except BaseException:
        with contextlib.suppress(OSError):
            remove(aside)
        raise
    return size


def _put(aside: Path, final: Path) -> None:
    for attempt in range(_MOST_ATTEMPTS):
        final.parent.mkdir(exist_ok=True)
        try:
            os.replace(aside, final)
            return
        except FileNotFoundError:
            # The folder may be removed meanwhile, when the last earlier result in it goes.
            if attempt == _MOST_ATTEMPTS - 1:
                raise


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder; -1 where there is nothing."""
    if not path.is_dir():
        return path.stat().st_size if path.exists() else -1
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)


def stamp(path: str) -> Stamp:
    """What changes when a file does, or any file of an image that is several: a Zarr store, a MetaImage."""
    status = os.stat(path)
    files: list[str] | list[Path] = []
    if stat.S_ISDIR(status.st_mode):
        files = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    elif path.lower().endswith(".mhd"):
        with contextlib.suppress(ReadError):
            files = list(_metaimage.check(Path(path))[0])
    if files:
        each = [os.stat(file, follow_symlinks=False) for file in files]
        return sum(s.st_size for s in each), max((s.st_mtime_ns for s in each), default=0), len(each)
    return status.st_size, status.st_mtime_ns, status.st_ino


# --- Archives --------------------------------------------------------------------------------------------------------


@dataclass
class _Unpacked:
    """Members of an archive, as files without names: nothing of them outlives this process, however it ends."""

    files: dict[int, IO[bytes]] = field(default_factory=dict)
    problems: dict[int, ReadError] = field(default_factory=dict)


def _place(source: SourceFile, unpacked: dict[str, _Unpacked]) -> Place:
    if source.member < 0:
        return Place(source.path, os.path.basename(source.path))
    archive = unpacked[source.path]
    if source.member in archive.problems:
        raise archive.problems[source.member]
    # Not "self": decoders may run in a process of their own.
    return Place(f"/proc/{os.getpid()}/fd/{archive.files[source.member].fileno()}", "member")


@contextlib.contextmanager
def _unpacked(path: str, numbers: set[int]) -> Iterator[_Unpacked]:
    result = _Unpacked()
    try:
        _allow_files(path, len(numbers))
        total = 0
        for number, member in enumerate(_archives.members(path, _wanted)):
            if number not in numbers:
                continue
            if member.problem:
                result.problems[number] = ReadError(path, member.problem)
                continue
            total += member.size
            result.files[number] = file = _nameless(total > _LARGEST_IN_MEMORY)
            # Until it is complete.
            result.problems[number] = ReadError(path, "cannot be unpacked")
            try:
                member.copy(file)
                file.flush()
                del result.problems[number]
            except ReadError as error:
                result.problems[number] = error
                if error.path == path:
                    raise
            if len(result.files) == len(numbers):
                break
        why = ReadError(path, _CHANGED)
    except ReadError as error:
        why = error
    except OSError as error:
        why = ReadError(path, f"cannot be unpacked: {error.strerror or type(error).__name__}")
    for number in numbers - result.files.keys():
        result.problems.setdefault(number, why)
    try:
        yield result
    finally:
        for file in result.files.values():
            file.close()


def _allow_files(path: str, count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = count + _SPARE_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise ReadError(path, f"{count} files of an archive are more than a process may open; unpack it first")
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _nameless(large: bool) -> IO[bytes]:
    if large or not hasattr(os, "memfd_create"):
        return tempfile.TemporaryFile("w+b")
    return open(os.memfd_create("cormack"), "w+b")
