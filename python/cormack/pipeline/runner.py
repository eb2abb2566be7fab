"""The runner: owns processes, budgets and files, and lets no case harm another.

What it writes (all files appear under their name only when they are complete)::

    OUT/run.json                 configuration, versions, machine, timings, one entry per case
    OUT/features.csv, .parquet   one row per case and region or object; a failed case is a row with its reason
    OUT/cases/ID/case.json       steps with parameters and seconds, regions, objects, histograms
    OUT/cases/ID/labels.nii.gz   label maps in one image; NAME-objects.nii.gz has the numbers of screened objects
    OUT/cases/ID/*.png           overlay pictures
"""

from __future__ import annotations

import importlib.metadata
import multiprocessing
import os
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__, _check, io
from .._config import get_num_threads, set_num_threads, show_config
from .._errors import ReadError
from .config import Config, ConfigError, load_config
from .files import folder_names, write_csv, write_json, write_parquet
from .job import Job, failed_case, reason_of, run_case
from .masks import find_masks
from .results import COLUMN_TYPES, CaseResult, RunResult
from .step_models import ScreenStep
from .steps import KERNEL_STEPS
from .truth import KnownLesions, detection, read_truth, truth_of

__all__ = ["Progress", "run", "run_jobs"]

Progress = Callable[[str, str, str, int, int], None]
"""``progress(event, case_id, step, done, total)``: event is ``start``, ``step``, ``completed``, ``failed`` or ``end``;
done and total count cases."""

_Task = tuple[Job, Path]


def run(
    source: str | os.PathLike[str],
    config: str | os.PathLike[str] | Mapping[str, Any] | Config,
    out: str | os.PathLike[str],
    *,
    masks: str | os.PathLike[str] | None = None,
    truth: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    max_bytes: int | None = None,
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
        Cases at a time, each in a process of its own with its share of the threads; by default one case at a time in
        this process with all threads, which is fastest for a few large volumes. With more than one, a script needs
        the usual ``if __name__ == "__main__":``.
    max_bytes : int, optional
        What an image may take in memory; see `cormack.io.read`. A case with a larger one fails.
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
        There is nothing to read, or nothing of it can be read.
    OSError
        `out` cannot be written.

    Examples
    --------
    >>> from cormack import pipeline
    >>> result = pipeline.run("studies", "ct-lung", "results")  # doctest: +SKIP
    >>> result.completed, result.failed  # doctest: +SKIP
    (12, 0)
    """
    resolved = load_config(config)
    if workers is not None:
        workers = _check.integer("run", "workers", workers, minimum=1)
    if max_bytes is not None:
        max_bytes = _check.integer("run", "max_bytes", max_bytes, minimum=1)
    target = Path(out)
    inside = target.resolve()
    sources = [item for item in io.find_studies(source) if not item.path.resolve().is_relative_to(inside)]
    if not sources:
        raise ReadError(source, "nothing in it but results of earlier runs", suggestion="give the folder of the images")
    broken = [item.error for item in sources if item.error is not None]
    if len(broken) == len(sources):
        # Nothing to analyse is a wrong INPUT, not a cohort with failures.
        raise broken[0]
    found = [None] * len(sources) if masks is None else find_masks(Path(masks), sources)
    if truth is not None and (masks is not None or not any(isinstance(step, ScreenStep) for step in resolved.steps)):
        raise ConfigError("a truth is compared with the candidates of a step `screen`, and this run has none")
    known = {} if truth is None else read_truth(Path(truth))
    lesions_of = truth_of(known, sources)
    if truth is not None and not any(lesions_of):
        names = f"{next(iter(known), 'none')}, the images {sources[0].id}"
        raise ReadError(truth, "names none of the cases", suggestion=f"its first case is {names}")
    truths = [None if truth is None else each or KnownLesions(()) for each in lesions_of]
    return run_jobs(
        [
            Job(item, resolved, mask, lesions, max_bytes)
            for item, mask, lesions in zip(sources, found, truths, strict=True)
        ],
        target,
        config=resolved.model_dump(mode="json", exclude_none=True),
        config_name=resolved.name,
        # Folders are named after patients: the record says which folder, not where. No symbolic link is followed.
        source=os.path.basename(os.path.abspath(source)),
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
    start, started = time.perf_counter(), datetime.now(UTC)
    (out / "cases").mkdir(parents=True, exist_ok=True)
    # A reader of a folder with a run in progress must not take the last run's record for this one's.
    for name in ("run.json", "report.html", "features.csv", "features.parquet"):
        (out / name).unlink(missing_ok=True)
    names = folder_names(job.source.id for job in jobs)
    tasks = [(job, out / "cases" / name) for job, name in zip(jobs, names, strict=True)]
    tell = progress or (lambda event, case_id, step, done, total: None)
    results: dict[int, CaseResult] = {}
    count = min(workers or 1, len(jobs))
    for index, result in _one_by_one(tasks, tell) if count == 1 else _in_parallel(tasks, count, tell):
        results[index] = result
        tell(result.status, result.id, "", len(results), len(jobs))
    cases = tuple(results[index] for index in range(len(jobs)))

    writing = time.perf_counter()
    tell("end", "", "tables", len(jobs), len(jobs))
    rows = [row for case in cases for row in case.rows]
    write_csv(out / "features.csv", COLUMN_TYPES, rows)
    write_parquet(out / "features.parquet", COLUMN_TYPES, rows)
    timings = _sum_of_timings(cases)
    timings["tables"] = time.perf_counter() - writing
    run_result = RunResult(out, cases, time.perf_counter() - start, timings)
    listed = ("id", "status", "reason", "seconds", "folder", "summary")
    record = {
        "schema": 1,
        "config": config,
        "config_name": config_name,
        "source": source,
        "started": started.isoformat(timespec="seconds"),
        "seconds": run_result.seconds,
        "versions": _versions(),
        "machine": _machine(count),
        "cases": [{key: getattr(case, key) for key in listed} for case in cases],
        "totals": {"completed": run_result.completed, "failed": run_result.failed},
        "timings": timings,
        "kernel_seconds": run_result.kernel_seconds,
        "detection": detection(case.truth for case in cases),
    }
    write_json(out / "run.json", record)
    return run_result


def _sum_of_timings(cases: Sequence[CaseResult]) -> dict[str, float]:
    sums: dict[str, float] = defaultdict(float)
    for case in cases:
        for kind, seconds in case.timings.items():
            sums[kind] += seconds
    return {kind: sums[kind] for kind in ("import", *KERNEL_STEPS, "export") if kind in sums}


# --- Processes ---------------------------------------------------------------------------------------------------


def _one_by_one(tasks: Sequence[_Task], tell: Progress) -> Iterator[tuple[int, CaseResult]]:
    for index, (job, folder) in enumerate(tasks):
        tell("start", job.source.id, "import", index, len(tasks))

        def step(name: str, index: int = index, case_id: str = job.source.id) -> None:
            tell("step", case_id, name, index, len(tasks))

        yield index, run_case(job, folder, step)


def _in_parallel(tasks: Sequence[_Task], count: int, tell: Progress) -> Iterator[tuple[int, CaseResult]]:
    """Cases in processes. One that kills its process (out of memory, a crash in a library) fails alone."""
    left = dict(enumerate(tasks))
    waiting = iter(list(left))
    futures: dict[Future[CaseResult], int] = {}
    with _pool(count) as pool:

        def submit() -> None:
            # Few at a time: a cohort of thousands is not pickled at once, and a broken pool has few suspects.
            index = next(waiting, None)
            if index is not None:
                futures[pool.submit(run_case, *tasks[index])] = index
                tell("start", tasks[index][0].source.id, "", len(tasks) - len(left), len(tasks))

        try:
            for _ in range(count):
                submit()
            while futures:
                for future in wait(futures, return_when=FIRST_COMPLETED).done:
                    index = futures.pop(future)
                    result = _result(future, tasks[index])
                    del left[index]
                    yield index, result
                    submit()
        except BrokenProcessPool:
            pass
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    # Where the pool broke nobody knows who did it, so everybody left gets a process of their own.
    for index, task in left.items():
        with _pool(1) as alone:
            try:
                yield index, _result(alone.submit(run_case, *task), task)
            except BrokenProcessPool:
                reason = "its process was killed, most likely for lack of memory; use fewer cases at a time (-j)"
                yield index, failed_case(*task, reason)


def _result(future: Future[CaseResult], task: _Task) -> CaseResult:
    try:
        return future.result()
    except BrokenProcessPool:
        raise
    except Exception as error:  # the case or its result cannot be pickled
        return failed_case(*task, reason_of(error, task[0].source))


def _pool(count: int) -> ProcessPoolExecutor:
    # fork would copy a process with threads in it; a fork server starts clean and quickly where there is one.
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    threads = max(1, get_num_threads() // count)
    return ProcessPoolExecutor(
        count, mp_context=multiprocessing.get_context(method), initializer=set_num_threads, initargs=(threads,)
    )


# --- Facts for the record ----------------------------------------------------------------------------------------


def _versions() -> dict[str, str]:
    versions = {"cormack": __version__, "python": platform.python_version()}
    for name in ("numpy", "pydicom", "isal", "pydantic", "pyarrow", "pillow"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def _machine(workers: int) -> dict[str, Any]:
    return {
        "threads": get_num_threads(),
        "isa": show_config("dict")["instruction_set"],
        "cpu_count": os.cpu_count(),
        "cases_at_a_time": workers,
        "system": f"{platform.system()} {platform.machine()}",
        "implementation": sys.implementation.name,
    }
