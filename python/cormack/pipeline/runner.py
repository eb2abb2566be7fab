"""The runner: owns processes, budgets and files, and lets no case harm another.

A case is done when its folder is there, made from the same files by the same configuration; tables and record are built
from the folders alone. So a run may be killed at any moment, and the next one does what is missing.

What it writes (all files appear under their name only when they are complete)::

    OUT/run.json                 configuration, versions, machine, timings, one entry per case
    OUT/features.csv, .parquet   one row per case and region or object; a failed case is a row with its reason
    OUT/journal.sqlite           where each case stands, while the run goes on and after it
    OUT/cases/ID/case.json       steps with parameters and seconds, regions, objects, histograms, rows of the table
    OUT/cases/ID/labels.nii.gz   label maps in one image; NAME-objects.nii.gz has the numbers of screened objects
    OUT/cases/ID/*.png           overlay pictures; planes, slices and thumbnail of the report's viewer
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import logging
import os
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__, _check, io
from .._config import get_num_threads, show_config
from .._errors import ReadError
from .._files import locked
from .._workers import map_isolated
from . import decisions
from .cluster import absolute, on_cluster
from .config import Config, ConfigError, load_config
from .estimates import Estimate, estimate_of
from .files import clear_leftovers, csv_table, folder_names, parquet_table, write_json
from .identity import NamelessSource, name_cases
from .job import Job, Task, ended, full_disk, run_case, run_task, stamp_of
from .journal import Entry, Journal, Stamp
from .masks import find_masks
from .networks import networks_of, require_runtime
from .placement import DEVICES, require_device
from .results import CaseResult, RunResult, columns_of, configs_of, extraction_of, timings_of
from .step_models import ScreenStep
from .steps import KERNEL_STEPS
from .truth import KnownLesions, detection, read_truth, truth_of

__all__ = ["Progress", "estimate", "run", "run_iter", "run_jobs"]

Progress = Callable[[str, str, str, int, int], None]
"""``progress(event, case_id, step, done, total)``: event is ``start``, ``step``, ``completed``, ``failed``, ``lost``
(its process was killed; it is done again at the end) or ``end``; done and total count cases."""

# A case, how it ended, and whether that may have been somebody else's fault.
_Ended = tuple[int, tuple[CaseResult, bool]]

_logger = logging.getLogger(__name__)
# A library speaks when it is asked to: without a handler Python would print warnings.
logging.getLogger("cormack").addHandler(logging.NullHandler())


def run(
    source: str | os.PathLike[str],
    config: str | os.PathLike[str] | Mapping[str, Any] | Config,
    out: str | os.PathLike[str],
    *,
    masks: str | os.PathLike[str] | None = None,
    truth: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    max_bytes: int | None = None,
    timeout_s: float | None = None,
    max_memory_bytes: int | None = None,
    client: Any = None,
    retry_failed: bool = False,
    keep_identity: bool = False,
    device: str | None = None,
    progress: Progress | None = None,
) -> RunResult:
    """Analyse every study under a folder.

    A run that was interrupted, or whose folder of images has grown, is gone on with: cases that were done from the same
    files by the same configuration and version are not done again.

    Parameters
    ----------
    source : path-like
        A folder of studies, a DICOM series, a NIfTI file or an image; see `cormack.io.find_studies`. Studies inside
        `out` are left out.
    config : str, path, mapping or Config
        What to do; see `load_config`.
    out : path-like
        Where the results go; made when it is not there.
    masks : path-like, optional
        A folder of masks (NIfTI, NRRD, MetaImage, DICOM RTSTRUCT or SEG; see `cormack.io.read_mask`), named as the
        cases (``ID.nii.gz``, also ``ID_mask``, ``ID-seg``, ``ID_labels``, or a folder ``ID`` with one file), or one
        file when there is one case. Their labels replace the segmentation; `segment` and `screen` steps are then left
        out. A case without a mask fails.
    truth : path-like, optional
        A CSV file of known lesions: ``case``, ``x_mm``, ``y_mm``, ``z_mm`` (world coordinates, LPS), ``diameter_mm``,
        or the annotations of LUNA16. A case goes by its name in the results, or by its file's or its series' where no
        other case has that. The report then says which were found, and the sensitivity at given numbers of false
        candidates. A case that the file does not name has no lesion.
    workers : int, optional
        Cases at a time, each in a process of its own with its share of the threads, which may die without harm to the
        others. By default, and without budgets, cases are done in this process, one at a time with all threads.
    max_bytes : int, optional
        What an image may take in memory; see `cormack.io.read`. A case with a larger one fails.
    timeout_s : float, optional
        A case that takes longer is stopped and fails.
    max_memory_bytes : int, optional
        A case that needs more memory is stopped and fails (Linux).
    client : str or distributed.Client, optional
        A Dask cluster (``"tcp://host:8786"``) that does the cases. Its workers must see the images and `out` under the
        same paths; volumes do not travel. Time and memory are then the cluster's to limit.
    retry_failed : bool, default False
        Do cases again that failed before. Those whose process was killed from outside are repeated in any case.
    keep_identity : bool, default False
        Name DICOM cases by their folders and files, which may be names of patients. By default they go by pseudonyms,
        the keys of `cormack.io.scan`, and nothing of their headers but the image reaches a result. Other formats go by
        the names of their files.
    device : {"cpu", "cuda"}, optional
        Where steps compute; by default as the configuration says. On a GPU an image is uploaded once and stays there
        from step to step; what has no GPU form is done on the CPU, which the log and each step of a case's record say.
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
    BackendUnavailable
        What a step, or the device, needs is not installed.
    ReadError
        There is nothing to read, or nothing of it can be read.
    OSError
        `out` cannot be written, its disk is full, another run writes to it, or the cluster was lost (ConnectionError).
        The next run goes on with what is missing.

    Notes
    -----
    What happens is told to ``logging.getLogger("cormack")``.

    Examples
    --------
    >>> from cormack import pipeline
    >>> result = pipeline.run("studies", "ct-lung", "results")  # doctest: +SKIP
    >>> result.completed, result.failed  # doctest: +SKIP
    (12, 0)
    """
    budget = _budget(workers, timeout_s, max_memory_bytes, client)
    return _last(
        _iterate(
            source, config, Path(out), masks, truth, max_bytes, budget, retry_failed, keep_identity, device, progress
        )
    )


def run_iter(
    source: str | os.PathLike[str],
    config: str | os.PathLike[str] | Mapping[str, Any] | Config,
    out: str | os.PathLike[str],
    *,
    masks: str | os.PathLike[str] | None = None,
    truth: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    max_bytes: int | None = None,
    timeout_s: float | None = None,
    max_memory_bytes: int | None = None,
    client: Any = None,
    retry_failed: bool = False,
    keep_identity: bool = False,
    device: str | None = None,
    progress: Progress | None = None,
) -> Iterator[CaseResult]:
    """Analyse every study under a folder, and give each result as it comes.

    Parameters
    ----------
    source, config, out, masks, truth, workers, max_bytes, timeout_s, max_memory_bytes, client
        As for `run`.
    retry_failed, keep_identity, device, progress
        As for `run`.

    Yields
    ------
    CaseResult
        In the order in which they end. Tables and record are written when the last one has been taken; whoever stops
        earlier leaves a run that can be gone on with.

    Raises
    ------
    ConfigError, ReadError, OSError
        As for `run`, when the first result is asked for.

    Examples
    --------
    >>> from cormack import pipeline
    >>> for case in pipeline.run_iter("studies", "ct-lung", "results", workers=4):  # doctest: +SKIP
    ...     print(case.id, case.status, case.summary)
    """
    budget = _budget(workers, timeout_s, max_memory_bytes, client)
    yield from _iterate(
        source, config, Path(out), masks, truth, max_bytes, budget, retry_failed, keep_identity, device, progress
    )


@dataclass(frozen=True)
class _Budget:
    """Who does the cases, with what."""

    workers: int | None = None
    timeout_s: float | None = None
    max_memory_bytes: int | None = None
    client: Any = None

    @property
    def in_this_process(self) -> bool:
        return self == _Budget()


def _budget(workers: Any, timeout_s: Any, max_memory_bytes: Any, client: Any) -> _Budget:
    if client is not None and not (workers is timeout_s is max_memory_bytes is None):
        raise ValueError("run: a client decides how many cases it does at a time and with what budgets; give it alone")
    return _Budget(
        None if workers is None else _check.integer("run", "workers", workers, minimum=1),
        None if timeout_s is None else _check.real("run", "timeout_s", timeout_s, above=0),
        None if max_memory_bytes is None else _check.integer("run", "max_memory_bytes", max_memory_bytes, minimum=1),
        client,
    )


def _last(results: Generator[CaseResult, None, RunResult]) -> RunResult:
    while True:
        try:
            next(results)
        except StopIteration as end:
            result: RunResult = end.value
            return result


def _iterate(
    source: str | os.PathLike[str],
    config: str | os.PathLike[str] | Mapping[str, Any] | Config,
    out: Path,
    masks: str | os.PathLike[str] | None,
    truth: str | os.PathLike[str] | None,
    max_bytes: int | None,
    budget: _Budget,
    retry_failed: bool,
    keep_identity: bool,
    device: str | None,
    progress: Progress | None,
) -> Generator[CaseResult, None, RunResult]:
    resolved = _placed(load_config(config), "run", device)
    require_runtime(resolved)
    # The GPUs of a cluster are not here.
    if budget.client is None:
        require_device("run", resolved.device)
    if max_bytes is not None:
        max_bytes = _check.integer("run", "max_bytes", max_bytes, minimum=1)
    decisions.check(resolved, masks is not None)
    cases, found = _find_cases(source, out, masks, keep_identity)
    if truth is not None and (masks is not None or not any(isinstance(step, ScreenStep) for step in resolved.steps)):
        raise ConfigError("a truth is compared with the candidates of a step `screen`, and this run has none")
    known = {} if truth is None else read_truth(Path(truth))
    lesions_of = truth_of(known, cases)
    if truth is not None and not any(lesions_of):
        names = f"{next(iter(known), 'none')}, the images {cases[0].id}"
        raise ReadError(truth, "names none of the cases", suggestion=f"its first case is {names}")
    truths = [None if truth is None else each or KnownLesions(()) for each in lesions_of]
    return (
        yield from _iterate_jobs(
            [
                Job(item, resolved, mask, lesions, max_bytes)
                for item, mask, lesions in zip(cases, found, truths, strict=True)
            ],
            out,
            config=resolved.model_dump(mode="json", exclude_none=True),
            config_name=resolved.name,
            # Folders are named after patients: the record says which folder, not where, and not even that of DICOM
            # files. No symbolic link is followed.
            source=""
            if any(isinstance(case, NamelessSource) for case in cases)
            else os.path.basename(os.path.abspath(source)),
            budget=budget,
            retry_failed=retry_failed,
            progress=progress,
        )
    )


def _placed(config: Config, function: str, device: str | None) -> Config:
    """Return the configuration with the device that was asked for."""
    if device is None:
        return config
    return config.model_copy(update={"device": _check.choice(function, "device", device, DEVICES)})


def _find_cases(
    source: str | os.PathLike[str], out: Path, masks: str | os.PathLike[str] | None, keep_identity: bool
) -> tuple[list[io.Source | NamelessSource], list[Path | ReadError | None]]:
    """The images, and the mask of each, or why it has none."""
    inside = out.resolve()
    sources = [item for item in io.find_studies(source) if not item.path.resolve().is_relative_to(inside)]
    if not sources:
        raise ReadError(source, "nothing in it but results of earlier runs", suggestion="give the folder of the images")
    broken = [item.error for item in sources if item.error is not None]
    if len(broken) == len(sources):
        # Nothing to analyse is a wrong INPUT, not a cohort with failures.
        raise broken[0]
    cases = name_cases(sources, keep_identity=keep_identity)
    found: list[Path | ReadError | None] = [None] * len(cases)
    if masks is not None:
        found[:] = find_masks(Path(masks), cases)
    return cases, found


def estimate(
    source: str | os.PathLike[str],
    config: str | os.PathLike[str] | Mapping[str, Any] | Config,
    out: str | os.PathLike[str],
    *,
    masks: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    keep_identity: bool = False,
    device: str | None = None,
) -> Estimate:
    """Tell what `run` would do and about what it would take, from the headers alone; nothing is written.

    Parameters
    ----------
    source, config, out, masks, workers, keep_identity, device
        As for `run`; the time is that of the CPU.

    Returns
    -------
    Estimate
        Cases with their sizes, steps, and memory and time of each and in all.

    Raises
    ------
    ConfigError, ReadError, BackendUnavailable
        As for `run`.

    Examples
    --------
    >>> from cormack import pipeline
    >>> pipeline.estimate("studies", "ct-lung", "results").seconds  # doctest: +SKIP
    41.7
    """
    resolved = _placed(load_config(config), "estimate", device)
    if workers is not None:
        workers = _check.integer("estimate", "workers", workers, minimum=1)
    require_runtime(resolved)
    require_device("estimate", resolved.device)
    decisions.check(resolved, masks is not None)
    cases, found = _find_cases(source, Path(out), masks, keep_identity)
    return estimate_of(cases, found, resolved, workers or 1, get_num_threads())


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
        The cases, at least one. Ids that are given twice get a number.
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
    facts: Any = {"config": config, "config_name": config_name, "source": source}
    return _last(_iterate_jobs(jobs, out, **facts, budget=_Budget(workers), progress=progress))


def _iterate_jobs(
    jobs: Sequence[Job],
    out: Path,
    *,
    config: Mapping[str, Any],
    config_name: str,
    source: str,
    budget: _Budget,
    retry_failed: bool = False,
    progress: Progress | None = None,
) -> Generator[CaseResult, None, RunResult]:
    """Do jobs, giving each result as it comes, those that were done before first; the whole is the value at the end."""
    # Who takes the results may go to another folder meanwhile.
    out = Path(os.path.abspath(out))
    (out / "cases").mkdir(parents=True, exist_ok=True)
    with locked(out / ".lock"):
        journal = Journal(out)
        try:
            work = _Run(jobs, out, journal, progress, retry_failed)
            return (yield from work.do(config, config_name, source, budget))
        except BaseException:
            # On a full disk that fails too, and must not hide why.
            with contextlib.suppress(OSError):
                journal.note(state="interrupted", ended=time.time())
            raise
        finally:
            journal.close()


class _Run:
    """A run in progress: what is to be done, what is known of it, whom it is told."""

    def __init__(
        self, jobs: Sequence[Job], out: Path, journal: Journal, progress: Progress | None, retry_failed: bool
    ) -> None:
        self._start, self._started = time.perf_counter(), datetime.now(UTC)
        self._out = out
        self._journal = journal
        self._tell = progress or (lambda event, case_id, step, done, total: None)
        self._done = 0
        self._total = len(jobs)
        clear_leftovers(out / "cases")
        # A reader of a folder with a run in progress must not take the last run's record for this one's.
        for name in ("run.json", "report.html", "features.csv", "features.parquet"):
            (out / name).unlink(missing_ok=True)
        names = folder_names(job.source.id for job in jobs)
        known = journal.entries()
        self._tasks: list[Task] = []
        self._entries: list[Entry] = []
        for job, name in zip(jobs, names, strict=True):
            stamped = replace(job, stamp=stamp_of(job))
            self._tasks.append((stamped, out / "cases" / name))
            before = known.get(name) or Entry(job.source.id, name, Stamp())
            self._entries.append(_resumed(stamped, out / "cases" / name, before, retry_failed))

    def do(
        self, config: Mapping[str, Any], config_name: str, source: str, budget: _Budget
    ) -> Generator[CaseResult, None, RunResult]:
        self._journal.begin({"config_name": config_name}, self._entries)
        left = []
        for number, entry in enumerate(self._entries):
            if entry.state == "waiting":
                left.append(number)
            else:
                yield self._ended(number)
        if len(left) < self._total:
            _logger.info("%d of %d cases were done before", self._total - len(left), self._total)
        yield from self._cases(left, budget)
        # Whoever was lost with its process gets another one, alone: it may have been another's fault.
        lost = [number for number in left if self._entries[number].lost]
        if lost:
            _logger.info("%d cases were lost with their process and are repeated, one at a time", len(lost))
            yield from self._cases(lost, replace(budget, workers=1))
        clear_leftovers(self._out / "cases")
        result = self._write(config, config_name, source, budget)
        self._journal.note(state="finished", ended=time.time())
        return result

    def _ended(self, number: int) -> CaseResult:
        self._done += 1
        entry = self._entries[number]
        if entry.state == "failed":
            _logger.warning("case %s failed: %s", _as_text(entry.id), _as_text(entry.reason))
        self._tell(entry.state, entry.id, "", self._done, self._total)
        return self._result(number)

    def _result(self, number: int) -> CaseResult:
        entry = self._entries[number]
        return CaseResult(entry.id, entry.state, entry.reason, entry.seconds, f"cases/{entry.folder}", self._out)

    def _cases(self, numbers: Sequence[int], budget: _Budget) -> Iterator[CaseResult]:
        again = numbers and self._entries[numbers[0]].lost
        if again:
            self._done -= len(numbers)
        tasks = self._begun(numbers)
        if budget.in_this_process:
            ended = self._in_this_process(tasks)
        elif budget.client is not None:
            ended = on_cluster(tasks, budget.client)
        else:
            ended = self._in_processes(tasks, budget)
        # Also where an error is kept, and the frames with it: no worker goes on behind the lock.
        with contextlib.closing(ended):
            for number, (result, lost) in ended:
                entry = self._entries[number]
                if error := full_disk(result):
                    # The others would fail too, hour after hour; this one waits with them for the next run.
                    entry.state = "waiting"
                    with contextlib.suppress(OSError):
                        self._journal.update(number, entry)
                    raise OSError(error, os.strerror(error), os.fspath(self._out))
                entry.state, entry.reason, entry.seconds, entry.lost = (
                    result.status,
                    result.reason,
                    result.seconds,
                    lost,
                )
                self._journal.update(number, entry)
                if lost and not again:
                    self._done += 1
                    self._tell("lost", entry.id, "", self._done, self._total)
                    continue
                yield self._ended(number)

    def _begun(self, numbers: Sequence[int]) -> Iterator[tuple[int, Task]]:
        """Tasks as they are asked for, which is when they begin."""
        for number in numbers:
            entry = self._entries[number]
            entry.state, entry.lost = "running", False
            entry.attempts += 1
            self._journal.update(number, entry)
            self._tell("start", entry.id, "", self._done, self._total)
            yield number, self._tasks[number]

    def _in_this_process(self, tasks: Iterator[tuple[int, Task]]) -> Generator[_Ended, None, None]:
        for number, (job, folder) in tasks:
            # Bound now: the step is told while this case runs.
            def step(name: str, case_id: str = job.source.id) -> None:
                self._tell("step", case_id, name, self._done, self._total)

            yield number, (run_case(job, folder, step), False)

    def _in_processes(self, tasks: Iterator[tuple[int, Task]], budget: _Budget) -> Generator[_Ended, None, None]:
        numbers: dict[int, int] = {}

        def given() -> Iterator[Task]:
            for index, (number, task) in enumerate(tasks):
                numbers[index] = number
                # What runs in a worker may go to another folder.
                yield absolute(task)

        outcomes = map_isolated(
            run_task,
            given(),
            workers=budget.workers or 1,
            timeout_s=budget.timeout_s,
            max_memory_bytes=budget.max_memory_bytes,
        )
        with contextlib.closing(outcomes):
            for outcome in outcomes:
                number = numbers.pop(outcome.index)
                yield number, ended(self._tasks[number], outcome.value, outcome.error, outcome.failure)

    def _write(self, config: Mapping[str, Any], config_name: str, source: str, budget: _Budget) -> RunResult:
        """Tables and record, from the folders of the cases alone, one after the other."""
        writing = time.perf_counter()
        self._tell("end", "", "tables", self._total, self._total)
        # What a model is told of its table, and compares with that of another.
        extraction = extraction_of([job for job, _ in self._tasks])
        listed: list[dict[str, Any]] = []
        truths: list[Mapping[str, Any]] = []
        sums: dict[str, float] = defaultdict(float)
        columns = columns_of(self._result(number) for number in range(self._total))
        with (
            csv_table(self._out / "features.csv", columns) as to_csv,
            parquet_table(
                self._out / "features.parquet", columns, {"extraction": extraction, "cormack": __version__}
            ) as to_parquet,
        ):
            for number in range(self._total):
                case = self._result(number)
                record = case.record
                rows = record["rows"] if record else case.rows
                to_csv(rows)
                to_parquet(rows)
                for kind, seconds in timings_of(record).items():
                    sums[kind] += seconds
                if truth := record.get("truth"):
                    truths.append(truth)
                entry = {key: getattr(case, key) for key in ("id", "status", "reason", "seconds", "folder")}
                listed.append({**entry, "summary": record.get("summary", {})})
        timings = {kind: sums[kind] for kind in ("import", *KERNEL_STEPS, "classify", "export") if kind in sums}
        timings["tables"] = time.perf_counter() - writing
        cases = tuple(self._result(number) for number in range(self._total))
        result = RunResult(self._out, cases, time.perf_counter() - self._start, timings)
        networks = networks_of(configs_of([job for job, _ in self._tasks]))
        record = {
            "schema": 1,
            "config": config,
            "config_name": config_name,
            "extraction": extraction,
            "source": source,
            "started": self._started.isoformat(timespec="seconds"),
            "seconds": result.seconds,
            "versions": _versions(networks),
            "networks": networks,
            "machine": _machine(budget, {one.device for one in configs_of([job for job, _ in self._tasks])}),
            "cases": listed,
            "totals": {"completed": result.completed, "failed": result.failed},
            "timings": timings,
            "kernel_seconds": result.kernel_seconds,
            "detection": detection(truths),
        }
        write_json(self._out / "run.json", record)
        return result


def _resumed(job: Job, folder: Path, before: Entry, retry_failed: bool) -> Entry:
    """Where a case stands before the run: done, or to be done."""
    entry = Entry(job.source.id, folder.name, job.stamp, attempts=before.attempts)
    if before.state == "failed":
        if before.stamp.covers(job.stamp) and not before.lost and not retry_failed:
            entry.state, entry.reason, entry.seconds = "failed", before.reason, before.seconds
        return entry
    # The folder says so when the process died before it could write it into the journal, or the journal is gone.
    if (seconds := _done_before(folder, job.stamp)) is not None:
        entry.state, entry.seconds = "completed", seconds
    return entry


def _done_before(folder: Path, stamp: Stamp) -> float | None:
    """Seconds that a completed case took; None when it has to be done."""
    if not stamp.input:
        return None
    try:
        record = json.loads((folder / "case.json").read_text("utf-8"))
        if record["status"] == "completed" and Stamp(**record["stamp"]).covers(stamp) and record["rows"]:
            return float(record["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def _as_text(text: str) -> str:
    # Names of files need not be any, and what writes logs would fail on them.
    return text.encode("utf-8", "backslashreplace").decode()


# --- Facts for the record ----------------------------------------------------------------------------------------


def _versions(networks: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    versions = {"cormack": __version__, "python": platform.python_version()}
    for name in ("numpy", "pydicom", "isal", "pydantic", "pyarrow", "pillow", *(["onnxruntime"] if networks else [])):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def _machine(budget: _Budget, devices: Set[str | None]) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "threads": get_num_threads(),
        "isa": show_config("dict")["instruction_set"],
        "cpu_count": os.cpu_count(),
        "cases_at_a_time": budget.workers or 1,
        "system": f"{platform.system()} {platform.machine()}",
        "implementation": sys.implementation.name,
    }
    if "cuda" in devices:
        facts["device"] = "cuda"
    if budget.client is not None:
        facts["cases_at_a_time"] = "as many as the cluster has threads"
    return facts
