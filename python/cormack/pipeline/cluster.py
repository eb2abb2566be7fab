"""Cases on a Dask cluster: the same jobs, done by its workers; only paths and results travel."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from .._errors import BackendUnavailable
from .identity import NamelessSource, file_source
from .job import Task, ended, run_task
from .results import CaseResult

__all__ = ["absolute", "on_cluster"]

# Cases that wait at each thread of the cluster: enough that none is idle, few enough that ten thousand cases do not lie
# in the scheduler's memory.
_CASES_PER_THREAD = 2


def on_cluster(
    tasks: Iterator[tuple[int, Task]], client: Any
) -> Generator[tuple[int, tuple[CaseResult, bool]], None, None]:
    """Do tasks on a cluster.

    Parameters
    ----------
    tasks : iterator of (int, Task)
        Taken as the cluster has room for them.
    client : str or distributed.Client
        The scheduler's address, or a client of it.

    Yields
    ------
    number : int
    outcome : tuple of CaseResult and bool
        As `cormack.pipeline.job.ended` gives it. A worker that dies costs nothing: the scheduler gives its case to
        another. A case that took several workers with it fails.
    """
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError as error:
        raise BackendUnavailable('dask.distributed is not installed; pip install "cormack[dask]"') from error
    with contextlib.ExitStack() as stack:
        if isinstance(client, str):
            address = client
            try:
                client = stack.enter_context(distributed.Client(address, set_as_default=False))
            except OSError as error:
                words = f"there is no Dask scheduler at {address}, or it does not answer"
                raise ConnectionError(errno.ECONNREFUSED, words) from error
        elif not isinstance(client, distributed.Client) or client.asynchronous:
            raise TypeError(f"client must be a scheduler's address or a synchronous distributed.Client; got {client!r}")
        given: dict[str, tuple[int, Task]] = {}
        waiting = distributed.as_completed(loop=client.loop)
        # Whoever stops in the middle leaves nothing behind in the scheduler.
        stack.callback(_cancel, client, waiting)

        def submit(room: int) -> None:
            for _ in range(room):
                if (task := next(tasks, None)) is None:
                    return
                # Not pure: results are files, and the same case may be asked for again.
                future = client.submit(run_task, absolute(task[1]), pure=False, priority=-task[0])
                given[future.key] = task
                waiting.add(future)

        while True:
            # Looked up each time: a cluster grows and shrinks.
            try:
                threads = sum(client.nthreads().values())
            except Exception as error:
                # Of many kinds, for the client may notice first, or be closed by whoever made it.
                raise _lost() from error
            submit(max(1, _CASES_PER_THREAD * threads) - len(given))
            if not given:
                return
            future = next(waiting)
            number, task = given.pop(future.key)
            if future.status == "cancelled":
                raise _lost()
            reason = future.exception()
            if reason is None:
                result: CaseResult = future.result()
                yield number, ended(task, replace(result, out=task[1].parent.parent), None, "")
            elif isinstance(reason, distributed.scheduler.KilledWorker):
                yield number, ended(task, None, None, "took its worker process with it, several times")
            else:
                yield number, ended(task, None, reason, "")
            future.release()


def _lost() -> ConnectionError:
    return ConnectionError(errno.ECONNRESET, "the Dask scheduler was lost; run again to go on with what is missing")


def _cancel(client: Any, waiting: Any) -> None:
    # One that was lost has forgotten them.
    with contextlib.suppress(Exception):
        client.cancel(list(waiting.futures), force=True)


def absolute(task: Task) -> Task:
    """Return a task with paths that mean the same wherever a worker was started.

    Parameters
    ----------
    task : tuple of Job and Path
        The job and the folder of the case.

    Returns
    -------
    tuple of Job and Path
    """
    job, folder = task
    source = job.source
    if (found := file_source(source)) is not None:
        files = tuple(Path(os.path.abspath(file)) for file in found.files)
        found = replace(found, path=Path(os.path.abspath(found.path)), files=files)
        source = replace(source, source=found) if isinstance(source, NamelessSource) else found
    mask = Path(os.path.abspath(job.mask)) if isinstance(job.mask, Path) else job.mask
    return replace(job, source=source, mask=mask), Path(os.path.abspath(folder))
