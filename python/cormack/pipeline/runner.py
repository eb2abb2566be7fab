"""The runner: owns processes, budgets and files, and lets no case harm another.

What it writes (all files appear under their name only when they are complete)::

    OUT/run.json                 configuration, versions, machine, timings, one entry per case
    OUT/features.csv, .parquet   one row per case and region or object; a failed case is a row with its reason
    OUT/cases/ID/case.json       steps with parameters and seconds, regions, objects, histograms
    OUT/cases/ID/labels.nii.gz   label maps in one image; NAME.nii.gz has the numbers of screened objects
    OUT/cases/ID/*.png           overlay pictures
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io as bytes_io
import json
import math
import os
import platform
import re
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from .._config import get_num_threads, set_num_threads
from .._errors import ReadError
from ..volume import Volume
from .config import Config, load_config
from .steps import KERNEL_STEPS, Case, StepRecord, apply, histogram, kept_objects, label_map, use_mask

__all__ = ["FEATURE_COLUMNS", "CaseResult", "CaseSource", "Job", "RunResult", "run", "run_jobs"]

Progress = Callable[[str, str, str, int, int], None]
"""``progress(event, case_id, step, done, total)``: event is ``start``, ``step``, ``completed``, ``failed`` or ``end``;
done and total count cases."""

# The 18 of IBSI's family "intensity-based statistics".
_STATISTICS = (
    *("mean", "var", "skew", "kurt", "median", "min", "p10", "p90", "max"),
    *("iqr", "range", "mad", "rmad", "medad", "cov", "qcod", "energy", "rms"),
)
_OBJECT_COLUMNS = [
    "voxel_count",
    "volume_mm3",
    "area_mm2",
    "equivalent_diameter_mm",
    *(f"centroid_{a}" for a in "zyx"),
    *(f"bbox_{a}_{end}" for a in "zyx" for end in ("start", "stop")),
    "touches_border",
    "axis_major_mm",
    "axis_minor_mm",
    "axis_least_mm",
    "elongation",
    "flatness",
    "roundness",
    *(f"intensity_{name}" for name in ("mean", "std", "min", "max")),
]
FEATURE_COLUMNS: tuple[str, ...] = (
    "case",
    "status",
    "reason",
    "region",
    "label",
    "volume_ml",
    "area_cm2",
    *(f"stat_{name}" for name in _STATISTICS),
    *_OBJECT_COLUMNS,
)
"""Columns of the feature table, the same for every run. ``label`` is empty for a region and the object's number for an
object."""
_TEXT_COLUMNS = ("case", "status", "reason", "region")
_MAX_OBJECT_ROWS = 500
_MAX_REASON = 500


@runtime_checkable
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
    mask : Path, optional
        A mask that replaces the segmentation.
    error : str, optional
        Why the case cannot be done; it then fails with this reason.
    truth : callable, optional
        Takes the finished `Case` and gives the entry ``truth`` of its record.
    """

    source: CaseSource
    config: Config
    mask: Path | None = None
    error: str | None = None
    truth: Callable[[Case], dict[str, Any]] | None = None


@dataclass(frozen=True)
class CaseResult:
    """What became of one case.

    Parameters
    ----------
    id, status, reason : str
        ``status`` is ``completed`` or ``failed``; ``reason`` says why it failed, in one line.
    seconds : float
        Wall time, s.
    folder : str
        Its folder, relative to the output folder.
    timings : mapping of str to float
        Seconds by kind of step.
    rows : list of dict
        Its rows of the feature table.
    summary : mapping of str to float
        The numbers that matter most, by name with unit.
    """

    id: str
    status: str
    reason: str
    seconds: float
    folder: str
    timings: Mapping[str, float] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Any]] = field(default_factory=list)
    summary: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class RunResult:
    """What a run did.

    Parameters
    ----------
    out : Path
        The output folder.
    cases : tuple of CaseResult
        In the order of the sources.
    seconds : float
        Wall time of the run, s.
    timings : mapping of str to float
        Seconds by kind of step, summed over cases.
    kernel_seconds : float
        Seconds in steps that are library kernels: filter, enhance, segment, screen, features.
    """

    out: Path
    cases: tuple[CaseResult, ...]
    seconds: float
    timings: Mapping[str, float]
    kernel_seconds: float

    @property
    def completed(self) -> int:
        """Number of cases that were completed."""
        return sum(case.status == "completed" for case in self.cases)

    @property
    def failed(self) -> int:
        """Number of cases that failed."""
        return len(self.cases) - self.completed


# --- The run -----------------------------------------------------------------------------------------------------


def run(
    source: str | os.PathLike[str],
    config: str | os.PathLike[str] | Mapping[str, Any] | Config,
    out: str | os.PathLike[str],
    *,
    masks: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> RunResult:
    """Analyse every study under a folder.

    Parameters
    ----------
    source : path-like
        A folder of studies, a DICOM series, a NIfTI file or an image; see `cormack.io.find_studies`. Studies inside
        `out` are left out.
    config : str, path, mapping or Config
        What to do; see `load_config`.
    out : path-like
        Where the results go; made when it is not there, results of the same cases in it are replaced.
    masks : path-like, optional
        A folder of masks in NIfTI, named as the cases (``ID.nii.gz``, also ``ID_mask``, ``ID-seg``, ``ID_labels``, or
        a folder ``ID`` with one file), or one file when there is one case. Their labels replace the segmentation;
        `segment` and `screen` steps are then left out. A case without a mask fails.
    workers : int, optional
        Cases at a time, each in a process of its own with its share of the threads; by default one case at a time in
        this process with all threads, which is fastest for a few large volumes. With more than one, a script needs
        the usual ``if __name__ == "__main__":``.
    progress : callable, optional
        Called as ``progress(event, case_id, step, done, total)``.

    Returns
    -------
    RunResult
        Failed cases are in it; they raise nothing.

    Raises
    ------
    ConfigError
        A wrong configuration.
    ReadError
        There is nothing to read.
    OSError
        `out` cannot be written.

    Examples
    --------
    >>> from cormack import pipeline
    >>> result = pipeline.run("studies", "ct-lung", "results")  # doctest: +SKIP
    >>> result.completed, result.failed  # doctest: +SKIP
    (12, 0)
    """
    from .. import io

    resolved = load_config(config)
    if workers is not None and (isinstance(workers, bool) or int(workers) < 1):
        raise ValueError(f"run: `workers` must be at least 1 or None, got {workers!r}")
    target = Path(out)
    inside = target.resolve()
    sources: list[Any] = [s for s in io.find_studies(source) if not Path(s.path).resolve().is_relative_to(inside)]
    if not sources:
        raise ReadError(source, "nothing in it but results of earlier runs", suggestion="give the folder of the images")
    jobs = []
    for item in sources:
        mask, error = None, None
        if masks is not None:
            mask, error = _find_mask(Path(masks), item, alone=len(sources) == 1)
        jobs.append(Job(item, resolved, mask, error))
    return run_jobs(
        jobs,
        target,
        config=resolved.model_dump(mode="json", exclude_none=True),
        config_name=resolved.name,
        source=os.fspath(source),
        workers=workers,
        progress=progress,
    )


def run_jobs(
    jobs: Sequence[Job],
    out: Path,
    *,
    config: Mapping[str, Any],
    config_name: str,
    source: str,
    workers: int | None = None,
    progress: Progress | None = None,
) -> RunResult:
    """Do jobs that may differ in their configuration; `run` with the sources already found.

    Parameters
    ----------
    jobs : sequence of Job
        The cases. Ids that are given twice get a number.
    out : Path
        The output folder.
    config, config_name, source
        For the record in ``run.json``.
    workers, progress
        As for `run`.

    Returns
    -------
    RunResult
    """
    start, started = time.perf_counter(), datetime.now(UTC)
    (out / "cases").mkdir(parents=True, exist_ok=True)
    # A reader of a folder with a run in progress must not take the last run's record for this one's.
    for name in ("run.json", "report.html", "features.csv", "features.parquet"):
        (out / name).unlink(missing_ok=True)
    folders = _folders([job.source.id for job in jobs])
    tasks = [(job, name, out) for job, name in zip(jobs, folders, strict=True)]
    tell = progress or (lambda event, case_id, step, done, total: None)
    results: list[CaseResult | None] = [None] * len(jobs)
    count = min(workers or 1, len(jobs))
    outcomes = _one_by_one(tasks, tell) if count == 1 else _in_parallel(tasks, count, tell)
    for done, (index, result) in enumerate(outcomes, start=1):
        results[index] = result
        tell(result.status, result.id, "", done, len(jobs))
    cases = tuple(result for result in results if result is not None)

    timings: dict[str, float] = defaultdict(float)
    for case in cases:
        for kind, value in case.timings.items():
            timings[kind] += value
    kernel = sum(timings[kind] for kind in KERNEL_STEPS)
    writing = time.perf_counter()
    tell("end", "", "tables", len(jobs), len(jobs))
    rows = [row for case in cases for row in case.rows]
    _write_csv(out / "features.csv", rows)
    _write_parquet(out / "features.parquet", rows)
    ordered = {kind: timings[kind] for kind in ("import", *KERNEL_STEPS, "export") if kind in timings}
    ordered["tables"] = time.perf_counter() - writing
    seconds = time.perf_counter() - start
    record = {
        "schema": 1,
        "config": config,
        "config_name": config_name,
        "source": source,
        "started": started.isoformat(timespec="seconds"),
        "seconds": seconds,
        "versions": _versions(),
        "machine": _machine(count),
        "cases": [{key: value for key, value in asdict(case).items() if key in _CASE_KEYS} for case in cases],
        "totals": {
            "completed": sum(case.status == "completed" for case in cases),
            "failed": sum(case.status != "completed" for case in cases),
        },
        "timings": ordered,
        "kernel_seconds": kernel,
    }
    _write_json(out / "run.json", record)
    return RunResult(out, cases, seconds, ordered, kernel)


_CASE_KEYS = ("id", "status", "reason", "seconds", "folder", "summary")

Task = tuple[Job, str, Path]


def _one_by_one(tasks: Sequence[Task], tell: Progress) -> Iterator[tuple[int, CaseResult]]:
    for index, task in enumerate(tasks):
        tell("start", task[0].source.id, "import", index, len(tasks))

        def step(name: str, index: int = index, case_id: str = task[0].source.id) -> None:
            tell("step", case_id, name, index, len(tasks))

        yield index, _run_case(task, step)


def _in_parallel(tasks: Sequence[Task], count: int, tell: Progress) -> Iterator[tuple[int, CaseResult]]:
    """Cases in processes. One that kills its process (out of memory, a crash in a library) fails alone."""
    finished = 0
    left = list(range(len(tasks)))
    suspects: list[int] = []
    with _pool(count) as pool:
        futures: dict[Future[CaseResult], int] = {}
        waiting = iter(left)
        broken = False

        def submit() -> None:
            # Few at a time: a cohort of thousands is not pickled at once, and a broken pool has few suspects.
            index = next(waiting, None)
            if index is not None:
                futures[pool.submit(_run_case, tasks[index])] = index
                tell("start", tasks[index][0].source.id, "", finished, len(tasks))

        try:
            for _ in range(count):
                submit()
            while futures:
                complete, _ = wait(futures, return_when=FIRST_COMPLETED)
                for future in complete:
                    index = futures.pop(future)
                    try:
                        result = future.result()
                    except BrokenProcessPool:
                        suspects.append(index)
                        broken = True
                        continue
                    except Exception as error:  # a case that cannot be pickled, or its result
                        result = _failed(tasks[index], error, 0.0)
                    finished += 1
                    left.remove(index)
                    yield index, result
                    if not broken:
                        submit()
        except BrokenProcessPool:  # raised by submit
            broken = True
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if not left:
        return
    # The pool broke. Nobody knows who did it, so everybody left gets a process of their own.
    for index in left:
        with _pool(1) as alone:
            try:
                yield index, alone.submit(_run_case, tasks[index]).result()
            except BrokenProcessPool:
                reason = "its process was killed, most likely for lack of memory; use fewer cases at a time (-j)"
                yield index, _failed(tasks[index], RuntimeError(reason), 0.0)


def _pool(count: int) -> ProcessPoolExecutor:
    import multiprocessing

    # fork would copy a process with threads in it; a fork server starts clean and quickly where there is one.
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    threads = max(1, get_num_threads() // count)
    return ProcessPoolExecutor(
        count, mp_context=multiprocessing.get_context(method), initializer=set_num_threads, initargs=(threads,)
    )


# --- One case ----------------------------------------------------------------------------------------------------


def _run_case(task: Task, tell: Callable[[str], None] = lambda step: None) -> CaseResult:
    """Everything for one case, in this process; every exception becomes a reason."""
    start = time.perf_counter()
    try:
        return _do_case(task, tell, start)
    except Exception as error:
        return _failed(task, error, time.perf_counter() - start)


def _do_case(task: Task, tell: Callable[[str], None], start: float) -> CaseResult:
    job, name, out = task
    source, config = job.source, job.config
    if job.error is not None:
        raise ReadError(job.mask or source.id, job.error)
    volume = source.read()
    _check(volume, config, source)
    volume, notes = _finite(volume)
    records = [StepRecord("import", "import", time.perf_counter() - start, notes)]
    case = Case.from_volume(source.id, volume)
    if job.mask is not None:
        from .. import io

        began = time.perf_counter()
        mask = io.read(job.mask)
        case = use_mask(case, mask, seconds=time.perf_counter() - began, file=job.mask.name)
    last = "image"
    for step in config.steps:
        if step.step == "export":
            continue
        tell(step.step)
        case = apply(case, step)
        if step.step in ("filter", "enhance"):
            last = step.output
    records += case.provenance

    tell("export")
    began = time.perf_counter()
    with _case_folder(out / "cases" / name) as folder:
        files = _export(case, config, folder, last)
        truth = job.truth(case) if job.truth is not None else None
        records.append(StepRecord("export", "export", time.perf_counter() - began))
        seconds = time.perf_counter() - start
        summary = _summary(case)
        timings: dict[str, float] = defaultdict(float)
        for record in records:
            timings[record.kind] += record.seconds
        document = {
            "id": source.id,
            "status": "completed",
            "reason": "",
            "seconds": seconds,
            "preset": config.name,
            "modality": volume.meta.get("modality") or getattr(source, "modality", "") or "",
            "shape": list(volume.shape),
            "spacing_mm": [float(s) for s in volume.spacing],
            "dtype": str(volume.dtype),
            "units": volume.meta.get("units") or "",
            "source": _describe(source),
            "fingerprint": _fingerprint(volume),
            "steps": [asdict(record) for record in records],
            **files,
            "regions": [_region(region, case) for region in case.regions],
            "objects": _objects(case),
            "summary": summary,
        }
        if truth is not None:
            document["truth"] = truth
        _write_json(folder / "case.json", document)
    rows = list(_rows(case))
    return CaseResult(source.id, "completed", "", seconds, f"cases/{name}", dict(timings), rows, summary)


def _check(volume: Volume, config: Config, source: CaseSource) -> None:
    if not isinstance(volume, Volume):
        raise TypeError(f"the source gave {type(volume).__name__}, not a Volume")
    if volume.array.size == 0:
        raise ValueError(f"the image is empty, its shape is {volume.shape}")
    modality = str(volume.meta.get("modality") or getattr(source, "modality", "") or "")
    if config.modality and modality and modality != config.modality:
        raise ValueError(
            f"modality {modality} does not fit {config.name!r}, which is for {config.modality}; choose another preset"
        )


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
    return volume.replace(np.where(finite, volume.array, lowest)), {
        "not_finite": missing,
        "set_to": float(lowest),
    }


def _failed(task: Task, error: BaseException, seconds: float) -> CaseResult:
    job, name, out = task
    reason = _reason(error)
    with contextlib.suppress(OSError), _case_folder(out / "cases" / name) as folder:
        document = {
            "id": job.source.id,
            "status": "failed",
            "reason": reason,
            "seconds": seconds,
            "preset": job.config.name,
            "source": _describe(job.source),
            "steps": [],
        }
        _write_json(folder / "case.json", document)
    row = {"case": job.source.id, "status": "failed", "reason": reason, "region": ""}
    return CaseResult(job.source.id, "failed", reason, seconds, f"cases/{name}", {}, [row])


def _reason(error: BaseException) -> str:
    """One line for a table: the message alone for the errors that Cormack phrases, with the kind for all others."""
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        text = f"out of memory{': ' + text if text else ''}"
    elif not isinstance(error, ValueError) or not text:
        text = f"{type(error).__name__}: {text}".rstrip(": ")
    return text if len(text) <= _MAX_REASON else text[: _MAX_REASON - 3] + "..."


def _describe(source: CaseSource) -> str:
    """What the case was read from, without a path: folders are named after patients."""
    if description := getattr(source, "description", None):
        return str(description)
    kind = {"dicom": "DICOM", "nifti": "NIfTI", "image": "2D image"}.get(getattr(source, "kind", ""), "")
    files = len(getattr(source, "files", ()))
    return f"{kind}, {files} file{'' if files == 1 else 's'}" if kind else ""


def _fingerprint(volume: Volume) -> str:
    """Digest of voxels and geometry: says whether two results came from the same image, and nothing about it."""
    digest = hashlib.blake2b(digest_size=16)
    header = (volume.shape, str(volume.dtype), [round(v, 4) for v in (*volume.spacing, *volume.origin)])
    digest.update(repr(header).encode())
    digest.update(np.ascontiguousarray(volume.array).view(np.uint8).reshape(-1).data)
    return f"blake2b:{digest.hexdigest()}"


# --- Files of one case -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _case_folder(path: Path) -> Iterator[Path]:
    """A new folder that takes the place of the old one only when everything in it was written."""
    if path.exists() and not (path / "case.json").exists() and any(path.iterdir()):
        raise FileExistsError(f"{path} holds files that no run made; choose another --out")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if path.exists():
            old = path.with_name(f".{path.name}.{os.getpid()}.old")
            shutil.rmtree(old, ignore_errors=True)
            os.replace(path, old)
            os.replace(temporary, path)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _export(case: Case, config: Config, folder: Path, last: str) -> dict[str, Any]:
    """Write pictures and label maps; return their entries of ``case.json``, with the histograms."""
    step = config.export
    entries: dict[str, Any] = {"pictures": [], "label_maps": []}
    rows = [row for table in case.tables.values() for row in kept_objects(table)]
    rows += [row for table in case.tables.values() for row in table.rows() if not row["kept"]]
    if step.pictures:
        from .pictures import overlay_pictures

        window = (step.window.center, step.window.width) if step.window else None
        for picture in overlay_pictures(case.volumes[step.image], case.label_maps, rows, window=window):
            (folder / picture.file).write_bytes(picture.png)
            entries["pictures"].append({"file": picture.file, "plane": picture.plane, "caption": picture.caption})
    if step.labels and case.label_maps:
        from .. import io

        combined, names = label_map(case)
        io.write(case.original.replace(combined), folder / "labels.nii.gz")
        entries["label_maps"].append({"file": "labels.nii.gz", "names": names})
        for name, table in case.tables.items():
            labels = case.label_maps[name]
            count = int(np.count_nonzero(table["kept"]))
            if count > 1:  # one object is the map itself
                small = labels.astype(np.uint8 if count < 256 else np.int32)
                file = f"{re.sub(r'[^A-Za-z0-9]+', '-', name)}-objects.nii.gz"
                io.write(case.original.replace(small), folder / file)
                numbers = {str(n): f"{name} {n}" for n in range(1, min(count, _MAX_OBJECT_ROWS) + 1)}
                entries["label_maps"].append({"file": file, "names": numbers})
    after = case.volumes[step.histogram]
    if after is case.original:
        after = case.volumes[last]
    entries["histograms"] = {"before": histogram(np.asarray(case.original.array))}
    if after is not case.original:
        entries["histograms"]["after"] = histogram(np.asarray(after.array))
    return entries


def _region(region: Any, case: Case) -> dict[str, Any]:
    entry = {"name": region.name, "label": region.label, "features": dict(region.features)}
    entry["volume_ml" if case.original.ndim == 3 else "area_cm2"] = region.size
    return entry


def _objects(case: Case) -> dict[str, Any] | None:
    """All screened objects, kept ones first and largest first, with the map they belong to."""
    rows = [{"region": name, **row} for name, table in case.tables.items() for row in table.rows()]
    if not rows:
        return None
    rows.sort(key=lambda row: (not row["kept"], -row["voxel_count"]))
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table: dict[str, Any] = {"columns": columns, "rows": [[row.get(key) for key in columns] for row in rows]}
    if len(rows) > _MAX_OBJECT_ROWS:
        table["rows"] = table["rows"][:_MAX_OBJECT_ROWS]
        table["note"] = f"the largest {_MAX_OBJECT_ROWS} of {len(rows)} objects"
    return table


def _summary(case: Case) -> dict[str, float]:
    """The numbers that a reader asks for first."""
    numbers: dict[str, float] = {}
    units = case.original.meta.get("units") or ""
    size = "volume [ml]" if case.original.ndim == 3 else "area [cm²]"
    for region in case.regions:
        numbers[f"{region.name} {size}"] = region.size
        if "stat_mean" in region.features:
            numbers[f"{region.name} mean{f' [{units}]' if units else ''}"] = region.features["stat_mean"]
    for name, table in case.tables.items():
        numbers[f"{name} kept"] = int(np.count_nonzero(table["kept"]))
        numbers[f"{name} rejected"] = int(table.row_count - np.count_nonzero(table["kept"]))
    return numbers


def _rows(case: Case) -> Iterator[dict[str, Any]]:
    """Rows of the feature table: regions, then the objects that were kept."""
    base = {"case": case.id, "status": "completed", "reason": ""}
    size = "volume_ml" if case.original.ndim == 3 else "area_cm2"
    written = False
    for region in case.regions:
        yield {**base, "region": region.name, size: region.size, "voxel_count": region.voxel_count, **region.features}
        written = True
    for name, table in case.tables.items():
        for row in sorted(kept_objects(table), key=lambda row: row["new_label"]):
            values = {
                key: value for key, value in row.items() if key not in ("label", "kept", "decided_by", "new_label")
            }
            yield {**base, "region": name, "label": row["new_label"], **values}
            written = True
    if not written:  # every case is in the table, also one in which nothing was looked for
        yield {**base, "region": ""}


# --- Masks -------------------------------------------------------------------------------------------------------


def _find_mask(masks: Path, source: Any, *, alone: bool) -> tuple[Path | None, str | None]:
    """The mask of a case, or why there is none."""
    if masks.is_file():
        return (
            (masks, None) if alone else (None, f"{masks.name} is one mask and there are several cases; give a folder")
        )
    stems = list(dict.fromkeys([source.id, _stem(Path(source.path).name)]))
    endings = ("", "_mask", "-mask", "_seg", "-seg", "_label", "-label", "_labels", "-labels", "_roi", "-roi")
    found = {_stem(path.name).casefold(): path for path in sorted(masks.rglob("*.nii*")) if path.is_file()}
    for stem in stems:
        for ending in endings:
            if path := found.get(f"{stem}{ending}".casefold()):
                return path, None
        inside = sorted(path for path in (masks / stem).glob("*.nii*") if path.is_file()) if stem else []
        if len(inside) == 1:
            return inside[0], None
        if inside:
            return None, f"{len(inside)} masks in {masks.name}/{stem}; one is needed"
    return None, f"no mask in {masks.name}; looked for {stems[0]}.nii.gz, {stems[0]}_mask.nii.gz and the like"


def _stem(name: str) -> str:
    return re.sub(r"\.nii(\.gz)?$|\.[A-Za-z]{2,4}$", "", name)


# --- Names, files, facts -----------------------------------------------------------------------------------------


def _folders(ids: Iterable[str]) -> list[str]:
    """A folder name per case: safe on every file system, never twice, also where upper and lower case are one."""
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


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _write_json(path: Path, value: Any) -> None:
    text = json.dumps(_plain(value), indent=1, ensure_ascii=False, allow_nan=False)
    _write(path, text.encode("utf-8", "backslashreplace"))


def _plain(value: Any) -> Any:
    """JSON's own types; what is not a number becomes null, which every reader understands."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    return value


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    stream = bytes_io.StringIO(newline="")
    columns = _columns(rows)
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_csv_cell(row.get(column)) for column in columns])
    _write(path, stream.getvalue().encode("utf-8", "backslashreplace"))


def _csv_cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return "" if math.isnan(value) else repr(value)
    # A spreadsheet would run a text that begins like a formula; ids come from folder names.
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value


def _columns(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys([*FEATURE_COLUMNS, *(key for row in rows for key in row)]))


def _write_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields, arrays = [], []
    for column in _columns(rows):
        values = [row.get(column) for row in rows]
        if column in _TEXT_COLUMNS:
            kind = pa.string()
            text = [str(value or "").encode("utf-8", "backslashreplace") for value in values]
            ends = np.cumsum([0, *map(len, text)], dtype=np.int32)
            buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(text))]
        elif column == "touches_border" or column in ("label", "voxel_count") or column.startswith("bbox_"):
            kind = pa.bool_() if column == "touches_border" else pa.int64()
            numbers = np.array([0 if value is None else int(value) for value in values], np.int64)
            present = np.packbits([value is not None for value in values], bitorder="little")
            bits = np.packbits(numbers != 0, bitorder="little") if kind == pa.bool_() else numbers
            buffers = [pa.py_buffer(present), pa.py_buffer(bits)]
        else:
            kind = pa.float64()
            # Missing is NaN in a column of numbers, for readers that have no null.
            buffers = [None, pa.py_buffer(np.array([math.nan if v is None else v for v in values], np.float64))]
        fields.append(pa.field(column, kind))
        # From buffers and not with pyarrow.array, which imports pandas wherever it is installed: half a second.
        arrays.append(pa.Array.from_buffers(kind, len(values), buffers))
    stream = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), stream, compression="zstd")
    _write(path, stream.getvalue().to_pybytes())


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    versions = {"cormack": "", "python": platform.python_version()}
    for name in ("cormack", "numpy", "pydicom", "nibabel", "pydantic", "pyarrow", "pillow"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions.setdefault(name, "not installed")
    return versions


def _machine(workers: int) -> dict[str, Any]:
    from .. import show_config

    try:
        isa = str(show_config("dict").get("instruction_set", ""))
    except Exception:  # the run is done; a package without metadata must not spoil its record
        isa = ""
    return {
        "threads": get_num_threads(),
        "isa": isa,
        "cpu_count": os.cpu_count() or 1,
        "cases_at_a_time": workers,
        "system": f"{platform.system()} {platform.machine()}",
        "implementation": sys.implementation.name,
    }
