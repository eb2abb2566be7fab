"""One case from its image to its folder; whatever goes wrong becomes its reason and harms no other case."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .. import __version__, io
from .._errors import ReadError
from ..io._limits import limited
from ..io._terms import without_free_text
from ..volume import Volume
from .config import Config
from .files import case_folder, write_json
from .identity import NamelessSource, file_source
from .journal import Stamp
from .memory import peak_bytes, start_peak
from .placement import Placement
from .results import MAX_OBJECT_ROWS, CaseResult, feature_rows, object_table, region_entries, summary
from .steps import Case, StepRecord, apply, histogram, kept_objects, label_map, use_mask
from .truth import KnownLesions

__all__ = [
    "CaseSource",
    "Job",
    "Task",
    "ended",
    "failed_case",
    "full_disk",
    "reason_of",
    "run_case",
    "run_task",
    "stamp_of",
]

_MAX_REASON = 500


class CaseSource(Protocol):
    """Where a case comes from; `cormack.io.Source` is one. Must pickle when cases run in parallel."""

    @property
    def id(self) -> str:
        """Name of the case, also that of its folder."""
        ...

    def read(self) -> Volume:
        """Return the volume."""
        ...


@dataclass(frozen=True)
class Job:
    """One case and what to do with it.

    Parameters
    ----------
    source : CaseSource
        Where the image comes from.
    config : Config
        What to do.
    mask : Path or ReadError, optional
        A mask that replaces the segmentation; or why there is none, and the case then fails with it.
    truth : callable, optional
        Takes the finished `Case` and gives the entry ``truth`` of its record.
    max_bytes : int, optional
        What the image, and the mask, may take in memory; see `cormack.io.read`.
    stamp : Stamp
        What the result is made from; written into its record.
    """

    source: CaseSource
    config: Config
    mask: Path | ReadError | None = None
    truth: Callable[[Case], dict[str, Any]] | None = None
    max_bytes: int | None = None
    stamp: Stamp = field(default_factory=Stamp)


Task = tuple[Job, Path]
"""A job and the folder of its case."""

# Signals that come from outside: the system short of memory, an operator, a batch system.
_KILLED = ("was killed by SIGKILL", "was killed by SIGTERM")

# What no case can help, and all that follow would fail with.
_FULL_DISK = {f"[Errno {number}]": number for number in (errno.ENOSPC, errno.EDQUOT)}


def run_case(job: Job, folder: Path, tell: Callable[[str], None] = lambda step: None) -> CaseResult:
    """Do one job in this process.

    Parameters
    ----------
    job : Job
        What to do.
    folder : Path
        The folder of the case; replaced when it is there.
    tell : callable, optional
        Called with the kind of each step before it starts.

    Returns
    -------
    CaseResult
        Also of a case that failed.
    """
    start = time.perf_counter()
    try:
        with limited(job.max_bytes):
            return _complete(job, folder, tell, start)
    except Exception as error:
        return failed_case(job, folder, reason_of(error, job.source), time.perf_counter() - start)


def run_task(task: Task) -> CaseResult:
    """Do a job in a worker process: `run_case`, but what exceeds the memory of the process is its owner's to name.

    Parameters
    ----------
    task : tuple of Job and Path
        The job and the folder of the case.

    Returns
    -------
    CaseResult
    """
    job, folder = task
    start = time.perf_counter()
    try:
        with limited(job.max_bytes):
            return _complete(job, folder, lambda step: None, start)
    except MemoryError:
        raise
    except Exception as error:
        return failed_case(job, folder, reason_of(error, job.source), time.perf_counter() - start)


def ended(task: Task, result: CaseResult | None, error: Exception | None, failure: str) -> tuple[CaseResult, bool]:
    """Tell how a job in a worker process ended.

    Parameters
    ----------
    task : tuple of Job and Path
        The job and the folder of the case.
    result : CaseResult or None
        What it gave.
    error : Exception or None
        What it raised instead.
    failure : str
        Why there is neither, in words that follow "the case"; see `cormack._workers.Outcome`.

    Returns
    -------
    result : CaseResult
    lost : bool
        Whether the process was killed from outside, which may have nothing to do with the case.
    """
    if result is not None:
        return result, False
    if error is not None:
        return failed_case(*task, reason_of(error, task[0].source)), False
    return failed_case(*task, f"the case {failure}"), failure.startswith(_KILLED)


def full_disk(result: CaseResult) -> int:
    """Tell whether a case failed because the disk is full.

    Parameters
    ----------
    result : CaseResult
        What became of it.

    Returns
    -------
    int
        The number of the error; 0 where that was not the reason.
    """
    found = re.match(r"OSError: (\[Errno \d+\])", result.reason)
    return _FULL_DISK.get(found[1], 0) if found else 0


def stamp_of(job: Job) -> Stamp:
    """Tell what the result of a job is made from.

    Parameters
    ----------
    job : Job
        What to do.

    Returns
    -------
    Stamp
        Without an input where the image is no file, or where the truth is code.
    """
    configuration = _digest(__version__, job.config.model_dump_json(), repr(job.truth))
    source = file_source(job.source)
    is_data = job.truth is None or isinstance(job.truth, KnownLesions)
    if source is None or not source.files or not is_data or isinstance(job.mask, ReadError):
        return Stamp("", configuration)
    files = [*source.files]
    if job.mask is not None:
        files += sorted(path for path in job.mask.rglob("*") if path.is_file()) if job.mask.is_dir() else [job.mask]
    try:
        facts: list[Any] = [(status.st_size, status.st_mtime_ns) for status in map(os.stat, files)]
        # Archives and copies keep sizes and times alike for many files: two that changed names must not go unnoticed.
        # A series of many files has its number.
        if source.kind != "dicom":
            facts += map(_sample, source.files)
        if job.mask is not None and job.mask.is_file():
            facts.append((job.mask.name, _sample(job.mask)))
    except OSError:
        return Stamp("", configuration)
    return Stamp(_digest(source.kind, source.series_uid, repr(source.volume), repr(facts)), configuration)


def _sample(path: Path, size: int = 4096) -> str:
    """Digest of the beginning, the middle and the end of a file, which has the checksum of what is compressed."""
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        whole = os.fstat(file.fileno()).st_size
        for start in sorted({0, max(0, (whole - size) // 2), max(0, whole - size)}):
            file.seek(start)
            digest.update(file.read(size))
    return digest.hexdigest()


def _digest(*texts: str) -> str:
    return hashlib.blake2b("\0".join(texts).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def failed_case(job: Job, folder: Path, reason: str, seconds: float = 0.0) -> CaseResult:
    """Record a case that failed.

    Parameters
    ----------
    job : Job
        What was to be done.
    folder : Path
        The folder of the case; replaced unless it is somebody else's.
    reason : str
        Why it failed, in one line.
    seconds : float
        Time that was spent on it.

    Returns
    -------
    CaseResult
    """
    document = {
        "id": job.source.id,
        "status": "failed",
        "reason": reason,
        "seconds": seconds,
        "preset": job.config.name,
        "source": _describe(job.source),
        "stamp": asdict(job.stamp),
        "steps": [],
    }
    with contextlib.suppress(OSError), case_folder(folder) as temporary:
        write_json(temporary / "case.json", document)
    return _result(job, folder, "failed", reason, seconds)


def _result(job: Job, folder: Path, status: str, reason: str, seconds: float) -> CaseResult:
    return CaseResult(job.source.id, status, reason, seconds, f"cases/{folder.name}", folder.parent.parent)


def _complete(job: Job, folder: Path, tell: Callable[[str], None], start: float) -> CaseResult:
    source, config = job.source, job.config
    if isinstance(job.mask, ReadError):
        raise job.mask
    measured = start_peak()
    volume = source.read()
    modality = str(volume.meta.get("modality") or getattr(source, "modality", ""))
    if volume.array.size == 0:
        raise ValueError(f"the image is empty, its shape is {volume.shape}")
    if config.modality and modality and modality.upper() != config.modality:
        raise ValueError(
            f"modality {modality} does not fit {config.name!r}, which is for {config.modality}; choose another preset"
        )
    volume, notes = _finite(volume)
    imported = StepRecord("import", "import", time.perf_counter() - start, notes, peak_bytes() if measured else None)
    case = Case.from_volume(source.id, volume)
    if config.device == "cuda":
        case = replace(case, placement=Placement())
    if job.mask is not None:
        began = time.perf_counter()
        mask = mask_of(job.mask, volume, hides=isinstance(source, NamelessSource))
        file = "" if isinstance(source, NamelessSource) else job.mask.name
        case = use_mask(case, mask, seconds=time.perf_counter() - began, file=file)
    for step in config.steps:
        if step.step != "export":
            tell(step.step)
            case = apply(case, step)
    case = case.on_host()

    tell("export")
    measured = start_peak()
    began = time.perf_counter()
    with case_folder(folder) as temporary:
        document: dict[str, Any] = {
            "id": source.id,
            "status": "completed",
            "reason": "",
            "preset": config.name,
            "modality": modality,
            "shape": volume.shape,
            "spacing_mm": volume.spacing,
            "dtype": str(volume.dtype),
            "units": _units(volume),
            "source": _describe(source),
            "fingerprint": _fingerprint(volume),
            **_write_pictures(case, config, temporary),
            "label_maps": _write_label_maps(case, config, temporary),
            "histograms": _histograms(case, config),
            "decision": {} if case.decision is None else case.decision.to_dict(),
            "regions": region_entries(case),
            "objects": object_table(case),
            "summary": summary(case),
            "rows": feature_rows(case),
            "stamp": asdict(job.stamp),
        }
        if job.truth is not None:
            document["truth"] = job.truth(case)
        peak = peak_bytes() if measured else None
        exported = StepRecord("export", "export", time.perf_counter() - began, peak_bytes=peak)
        records = [imported, *case.provenance, exported]
        document["steps"] = [asdict(record) for record in records]
        document["seconds"] = seconds = time.perf_counter() - start
        write_json(temporary / "case.json", document)
    return _result(job, folder, "completed", "", seconds)


def mask_of(path: Path, volume: Volume, *, hides: bool) -> Volume:
    """Read the mask of a case; where it `hides` whose it is, so does the error."""
    try:
        return io.read_mask(path, reference=volume)
    except ReadError as error:
        if not hides:
            raise
        reason = without_free_text(error.reason)
    raise ReadError("the mask", reason)


def _finite(volume: Volume) -> tuple[Volume, dict[str, Any]]:
    """Set what is not a number (the background of many maps) to the lowest number, and say so in the record."""
    if volume.dtype.kind != "f":
        return volume, {}
    finite = np.isfinite(volume.array)
    missing = int(finite.size - np.count_nonzero(finite))
    if missing == 0:
        return volume, {}
    if missing == finite.size:
        raise ValueError("the image holds no finite number")
    lowest = volume.array[finite].min()
    notes = {"not_finite": missing, "set_to": float(lowest)}
    return volume.replace(np.where(finite, volume.array, lowest)), notes


def reason_of(error: Exception, source: CaseSource | None = None) -> str:
    """Say in one line, for a table, why a case failed.

    Parameters
    ----------
    error : Exception
        What happened.
    source : CaseSource, optional
        Where the case comes from; its folder is taken out of the message.

    Returns
    -------
    str
        The message alone for the errors that Cormack phrases, with the kind for all others.
    """
    text = str(error)
    # Folders are named after patients: the record says which file, not where. OSError shows its paths quoted.
    for path in (getattr(error, name, None) for name in ("path", "filename", "filename2")):
        if isinstance(path, str | os.PathLike) and (whole := os.fspath(path)):
            name = Path(str(whole)).name
            text = text.replace(repr(whole), repr(name)).replace(str(whole), name)
    if (where := getattr(source, "path", None)) is not None:
        for folder in (str(Path(where).parent), os.path.dirname(os.path.abspath(where))):
            text = text.replace(folder + os.sep, "") if folder not in (".", os.sep) else text
    text = " ".join(text.split())
    if isinstance(error, MemoryError):
        text = f"out of memory{': ' + text if text else ''}"
    elif not isinstance(error, ValueError) or not text:
        text = f"{type(error).__name__}: {text}".rstrip(": ")
    return text if len(text) <= _MAX_REASON else text[: _MAX_REASON - 3] + "..."


_FORMATS = {"dicom": "DICOM", "nifti": "NIfTI", "nrrd": "NRRD", "metaimage": "MetaImage", "image": "2D image"}


def _describe(source: CaseSource) -> str:
    """What the case was read from, without a path: folders are named after patients."""
    if (files := file_source(source)) is not None:
        source = files
        return f"{_FORMATS[source.kind]}, {len(source.files)} file{'' if len(source.files) == 1 else 's'}"
    return str(getattr(source, "description", ""))


def _fingerprint(volume: Volume) -> str:
    """Digest of voxels and geometry: says whether two results came from the same image, and nothing about it."""
    digest = hashlib.blake2b(digest_size=16)
    header = (volume.shape, str(volume.dtype), [round(v, 4) for v in (*volume.spacing, *volume.origin)])
    digest.update(repr(header).encode())
    digest.update(np.ascontiguousarray(volume.array).view(np.uint8).reshape(-1).data)
    return f"blake2b:{digest.hexdigest()}"


def _units(volume: Volume) -> str:
    return str(volume.meta.get("units", ""))


def _write_pictures(case: Case, config: Config, folder: Path) -> dict[str, Any]:
    """Write the overlay pictures and the planes of the viewer; return their entries of ``case.json``."""
    step = config.export
    if not step.pictures:
        return {"pictures": []}
    from .pictures import overlay_pictures
    from .planes import planes_of

    rows = [row for table in case.tables.values() for row in kept_objects(table)]
    rows += [row for table in case.tables.values() for row in table.rows() if not row["kept"]]
    window = (step.window.center, step.window.width) if step.window else None
    volume = case.volumes[step.image]
    entries = []
    for picture in overlay_pictures(volume, case.label_maps, rows, window=window):
        (folder / picture.file).write_bytes(picture.png)
        entries.append({"file": picture.file, "plane": picture.plane, "caption": picture.caption})
    planes = planes_of(volume, case.label_maps, rows, window=window)
    (folder / planes.entry["file"]).write_bytes(planes.sheet)
    (folder / planes.entry["thumbnail"]).write_bytes(planes.thumbnail)
    if planes.slices:
        (folder / planes.entry["slices"]["file"]).write_bytes(planes.slices)
    return {"pictures": entries, "planes": planes.entry}


def _write_label_maps(case: Case, config: Config, folder: Path) -> list[dict[str, Any]]:
    """Write all label maps in one image and the numbers of screened objects; return their entries of ``case.json``."""
    if not config.export.labels or not case.label_maps:
        return []
    combined, names = label_map(case)
    io.write(case.original.replace(combined), folder / "labels.nii.gz")
    entries: list[dict[str, Any]] = [{"file": "labels.nii.gz", "names": names}]
    for name, table in case.tables.items():
        count = int(np.count_nonzero(table["kept"]))
        if count > 1:  # one object is the map itself
            numbers = case.label_maps[name].astype(np.uint8 if count < 256 else np.int32)
            file = f"{re.sub(r'[^A-Za-z0-9]+', '-', name)}-objects.nii.gz"
            io.write(case.original.replace(numbers), folder / file)
            shown = range(1, min(count, MAX_OBJECT_ROWS) + 1)
            entries.append({"file": file, "names": {str(number): f"{name} {number}" for number in shown}})
    return entries


def _histograms(case: Case, config: Config) -> dict[str, Any]:
    """The image as imported and as processed: the one that export names, else the last that a step made."""
    after = case.volumes[config.export.histogram]
    made = [step.output for step in config.steps if step.step in ("filter", "enhance")]
    if after is case.original and made:
        after = case.volumes[made[-1]]
    volumes = {"before": case.original} if after is case.original else {"before": case.original, "after": after}
    return {key: {**histogram(volume.array), "units": _units(volume)} for key, volume in volumes.items()}
