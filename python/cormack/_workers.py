"""Calls in worker processes that may die: a crash, an endless loop or too much memory costs one call, nothing else.

The workers are started by exec, never forked from a process with threads in it, and need no
``if __name__ == "__main__":`` in the user's script. They live as long as the iteration; each does one call at a time.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import json
import math
import os
import pickle
import select
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from multiprocessing.spawn import get_executable
from typing import Any, Generic, TypeVar

from . import _check
from ._config import get_num_threads
from ._files import bytes_in_words

A = TypeVar("A")
R = TypeVar("R")

# How often a worker that may take too much memory is looked at, and how long one may take to start.
_LOOK_S = 0.05
_START_S = 120.0
_MOST_STARTS = 3
# What is kept of a call's output, and where a file of it is cut while the call runs.
_OUTPUT_CHARACTERS = 2000
_LARGEST_OUTPUT = 1 << 20
_PAGE = os.sysconf("SC_PAGE_SIZE")

_READY, _VALUE, _ERROR, _FAILURE, _REFUSED = range(5)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[R]):
    """What became of a call.

    Parameters
    ----------
    index : int
        Which argument, from 0.
    value : object
        What the function returned; None where it did not.
    error : Exception or None
        What the function raised.
    failure : str
        Why there is neither, in words that follow "the call": ``"was killed by SIGSEGV"``, ``"took longer than
        60 s"``, ``"needed more than 2 GiB of memory"``; ``""`` where there is.
    output : str
        The end of what the call wrote to standard output and standard error. It may quote the file that was read.
    """

    index: int
    value: R | None = None
    error: Exception | None = None
    failure: str = ""
    output: str = ""


def map_isolated(
    function: Callable[[A], R],
    arguments: Iterable[A],
    *,
    workers: int,
    timeout_s: float | None = None,
    max_memory_bytes: int | None = None,
) -> Generator[Outcome[R], None, None]:
    """Call a function with each argument, each call in a process that may die.

    Parameters
    ----------
    function : callable
        Of one argument, importable by its name in another process (not from ``__main__``, no lambda).
    arguments : iterable
        Taken one at a time, whenever a worker is free: there may be millions. Each must be picklable.
    workers : int
        Calls at a time. They share the threads of `cormack.get_num_threads`.
    timeout_s : float, optional
        A call that takes longer is killed, as soon as the next outcome is asked for.
    max_memory_bytes : int, optional
        By how much a call may make its process grow (Linux). Memory asked for beyond it is refused, and a process that
        gets it nevertheless is killed.

    Yields
    ------
    Outcome
        As the calls end; one for each argument.

    Raises
    ------
    TypeError, ValueError
        An argument of this function makes no sense, or `function` cannot be pickled; before any call.
    RuntimeError
        No worker can be started.

    Notes
    -----
    A worker that died or was killed is replaced. When the iteration ends, also by an exception or by ``close``, no
    process is left; when this process is killed, the workers and what they started are too. What the calls print does
    not reach the console.

    Examples
    --------
    >>> import math
    >>> sorted(outcome.value for outcome in map_isolated(math.sqrt, [9, 4], workers=1))
    [2.0, 3.0]
    """
    name = "map_isolated"
    packed = _packed_function(name, function)
    count = _check.integer(name, "workers", workers, minimum=1)
    limit_s = math.inf if timeout_s is None else _check.real(name, "timeout_s", timeout_s, above=0)
    memory = 0 if max_memory_bytes is None else _check.integer(name, "max_memory_bytes", max_memory_bytes, minimum=1)
    calls = _Calls(packed, count, get_num_threads() // count)
    return _all_outcomes(calls, enumerate(arguments), limit_s, memory)


def _all_outcomes(
    calls: _Calls, arguments: Iterator[tuple[int, Any]], limit_s: float, memory: int
) -> Generator[Outcome[Any], None, None]:
    with calls:
        yield from calls.outcomes(arguments, limit_s, memory)


class Isolated(Generic[A, R]):
    """A function whose calls are made in one worker process that stays for the next: for code that may crash.

    The worker starts with the first call. In a worker of `map_isolated` the function is called directly: a crash is
    contained already. Threads wait for one another.

    Parameters
    ----------
    function : callable
        As for `map_isolated`.

    Examples
    --------
    >>> import math
    >>> root = Isolated(math.sqrt)
    >>> root(9).value
    3.0
    >>> root.close()
    """

    def __init__(self, function: Callable[[A], R]) -> None:
        self._function = function
        self._packed = _packed_function("Isolated", function)
        self._lock = threading.Lock()
        self._calls: _Calls | None = None
        self._process = 0
        atexit.register(self.close)

    def __call__(self, argument: A, *, timeout_s: float = math.inf, max_memory_bytes: int = 0) -> Outcome[R]:
        """Make a call; its outcome.

        Parameters
        ----------
        argument : object
            What the function takes.
        timeout_s, max_memory_bytes
            As for `map_isolated`; infinite and 0 stand for no limit.

        Returns
        -------
        Outcome
        """
        if _inside:
            try:
                return Outcome(0, self._function(argument))
            except Exception as error:
                return Outcome(0, error=error)
        with self._lock:
            if self._calls is None or self._process != os.getpid():
                # The worker of a process that this one was forked from is not this one's.
                self._calls, self._process = _Calls(self._packed, 1, get_num_threads()), os.getpid()
            try:
                (outcome,) = self._calls.outcomes(iter([(0, argument)]), timeout_s, max_memory_bytes)
            except BaseException:
                self._calls.close()
                raise
            return outcome

    def close(self) -> None:
        """End the worker; the next call starts another."""
        if self._calls is not None and self._process == os.getpid():
            self._calls.close()


def _packed_function(name: str, function: Any) -> bytes:
    if not callable(function):
        raise _check.fail(name, "function", "be callable", function, TypeError)
    if getattr(function, "__module__", None) == "__main__":
        raise _check.fail(name, "function", "come from a module that workers can import", function)
    try:
        return pickle.dumps(function)
    except Exception as error:
        raise _check.fail(name, "function", f"be picklable ({type(error).__name__})", function) from error


class _Calls:
    """Calls of one function, and the workers that make them."""

    def __init__(self, function: bytes, count: int, threads: int) -> None:
        self._function = function
        self._count = count
        self._threads = max(1, threads)
        self._arguments: Iterator[tuple[int, Any]] = iter(())
        self._limit_s = math.inf
        self._memory = 0
        self._selector = selectors.DefaultSelector()
        self._workers: list[_Worker] = []
        # Calls whose worker died before it began.
        self._again: list[tuple[int, bytes]] = []
        self._failed_starts = 0

    def __enter__(self) -> _Calls:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
        self._selector.close()

    def close(self) -> None:
        for worker in list(self._workers):
            self._drop(worker)
        # What was interrupted is not made up for by a later call.
        self._again.clear()

    def outcomes(
        self, arguments: Iterator[tuple[int, Any]], limit_s: float, memory: int
    ) -> Generator[Outcome[Any], None, None]:
        """What becomes of each argument, given with its number; the workers stay."""
        self._arguments, self._limit_s, self._memory = arguments, limit_s, memory
        while True:
            # Refused arguments first: they need no worker.
            yield from self._give_work()
            if not any(worker.busy for worker in self._workers):
                return
            ended = self._wait()
            # The workers go on while the caller looks at what came.
            refused = list(self._give_work()) if ended else []
            yield from ended
            yield from refused

    def _give_work(self) -> Iterator[Outcome[Any]]:
        while (free := next((w for w in self._workers if not w.busy), None)) or len(self._workers) < self._count:
            if self._again:
                index, packed = self._again.pop()
            else:
                index, argument = next(self._arguments, (-1, None))
                if index < 0:
                    return
                try:
                    packed = pickle.dumps((self._memory, pickle.dumps(argument, protocol=pickle.HIGHEST_PROTOCOL)))
                except Exception as error:
                    yield Outcome(index, failure=f"was not made: its argument cannot be pickled ({_words(error)})")
                    continue
                del argument
            if free is None:
                free = _Worker(self._function, self._threads)
                self._workers.append(free)
                self._selector.register(free.connection, selectors.EVENT_READ, free)
            if not free.begin(index, packed):
                # It died while it had nothing to do.
                self._drop(free)
                self._again.append((index, packed))

    def _wait(self) -> list[Outcome[Any]]:
        """What ended; empty when nothing did for a while."""
        due = min(worker.due(self._limit_s) for worker in self._workers if worker.busy)
        wait = max(0.0, due - time.monotonic())
        if self._memory:
            wait = min(wait, _LOOK_S)
        ended = []
        for key, _ in self._selector.select(min(wait, 1.0)):
            outcome = self._hear(key.data)
            if outcome is not None:
                ended.append(outcome)
        for worker in list(self._workers):
            if worker.busy and (words := worker.offends(self._limit_s, self._memory)):
                if not worker.ready:
                    self._failed_starts = _MOST_STARTS
                ended += self._replace(worker, words)
        return ended

    def _hear(self, worker: _Worker) -> Outcome[Any] | None:
        try:
            kind, content, worn = pickle.loads(worker.connection.recv_bytes())
        except (EOFError, OSError):
            ended = self._replace(worker, "")
            return ended[0] if ended else None
        except Exception as error:
            kind, content, worn = _FAILURE, f"came back damaged ({_words(error)})", True
        if kind == _REFUSED:
            raise ValueError(f"map_isolated: workers cannot import `function`: {content}")
        if kind == _READY:
            self._failed_starts = 0
            worker.is_ready()
            return None
        index, output = worker.index, worker.output()
        worker.end()
        if worn:
            self._drop(worker)
        if kind == _FAILURE:
            return Outcome(index, failure=content, output=output)
        try:
            result = pickle.loads(content)
        except Exception as error:
            return Outcome(index, failure=f"gave a result that cannot be unpickled ({_words(error)})", output=output)
        return Outcome(index, error=result, output=output) if kind == _ERROR else Outcome(index, result, output=output)

    def _replace(self, worker: _Worker, words: str) -> list[Outcome[Any]]:
        """The outcome of a worker's call, if it had begun; the next call gets another worker."""
        self._drop(worker)
        output = worker.output()
        words = words or worker.how_it_died(output, self._memory)
        if worker.ready:
            return [Outcome(worker.index, failure=words, output=output)]
        self._failed_starts += 1
        if self._failed_starts >= _MOST_STARTS:
            raise RuntimeError(f"no worker process can be started: one {words}\n{output}".rstrip())
        self._again.append((worker.index, worker.packed))
        return []

    def _drop(self, worker: _Worker) -> None:
        self._selector.unregister(worker.connection)
        self._workers.remove(worker)
        worker.kill()


class _Worker:
    """A process that does one call at a time, as the parent sees it."""

    def __init__(self, function: bytes, threads: int) -> None:
        self.ready = False
        self.busy = False
        self.index = -1
        self.packed = b""
        self._idle_resident = 0
        self._since = time.monotonic()
        self._output = _nameless_file()
        self._said = ""
        self.connection, theirs = Pipe()
        alive, self._alive = os.pipe()
        # Beside the pool's threads each library has its own; here the calls are what runs in parallel.
        environment = {**os.environ, "CORMACK_NUM_THREADS": str(threads)}
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            environment.setdefault(name, str(threads))
        start = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from cormack import _workers; "
        try:
            self._process = subprocess.Popen(
                [
                    os.fsdecode(get_executable()),
                    "-c",
                    start + f"_workers.serve({theirs.fileno()}, {alive})",
                    json.dumps(sys.path),
                ],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                pass_fds=(theirs.fileno(), alive),
                env=environment,
                # Ctrl-C is for the parent, and what a call started dies with it.
                start_new_session=True,
            )
        except BaseException:
            self._output.close()
            self.connection.close()
            os.close(self._alive)
            raise
        finally:
            theirs.close()
            os.close(alive)
        with contextlib.suppress(OSError):
            self.connection.send_bytes(function)

    def begin(self, index: int, packed: bytes) -> bool:
        """Start a call, at once or when the worker is ready; False when the worker is dead."""
        self.busy, self.index = True, index
        self._since = time.monotonic()
        if not self.ready:
            self.packed = packed
            return True
        try:
            self.connection.send_bytes(packed)
        except OSError:
            return False
        return True

    def is_ready(self) -> None:
        self.ready = True
        self._idle_resident = _resident(self._process.pid)
        packed, self.packed = self.packed, b""
        # One that died meanwhile is noticed when it is listened to.
        self.begin(self.index, packed)

    def end(self) -> None:
        self.busy = False

    def due(self, limit_s: float) -> float:
        return self._since + (limit_s if self.ready else _START_S)

    def offends(self, limit_s: float, memory: int) -> str:
        """Why the worker has to be killed, or ""."""
        if time.monotonic() >= self.due(limit_s) and not self.connection.poll():
            return f"took longer than {limit_s if self.ready else _START_S:g} s"
        if os.fstat(self._output.fileno()).st_size > _LARGEST_OUTPUT:
            os.ftruncate(self._output.fileno(), 0)
        if self.ready and memory and _resident(self._process.pid) - self._idle_resident > memory:
            return f"needed more than {bytes_in_words(memory)} of memory"
        return ""

    def how_it_died(self, output: str, memory: int) -> str:
        code = self._process.wait()
        if memory and "bad_alloc" in output:
            return f"needed more than {bytes_in_words(memory)} of memory"
        if code >= 0:
            return f"ended its process with exit code {code}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"was killed by {name}" + (", most likely for lack of memory" if name == "SIGKILL" else "")

    def output(self) -> str:
        """The end of what the call wrote."""
        if self._output.closed:
            return self._said
        file = self._output.fileno()
        size = os.fstat(file).st_size
        start = max(0, size - 4 * _OUTPUT_CHARACTERS)
        return os.pread(file, size - start, start).decode(errors="replace")[-_OUTPUT_CHARACTERS:].strip()

    def kill(self) -> None:
        """End the process and what it started; it does not matter whether it lives."""
        if self._process.returncode is None:
            # Not waited for yet, so the number is still its own; also what a dead one started is ended.
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if not self._output.closed:
            self._said = self.output()
            self._output.close()
            self.connection.close()
            os.close(self._alive)


def _nameless_file() -> Any:
    if hasattr(os, "memfd_create"):
        file = open(os.memfd_create("output"), "r+b", buffering=0)  # noqa: SIM115
        fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND)
        return file
    return tempfile.TemporaryFile("a+b", buffering=0)


def _statm(process: int | str, field: int) -> int:
    """Bytes of a field of /proc/PID/statm: 1 what is in memory, 5 data and stack; 0 where that is not known."""
    try:
        with open(f"/proc/{process}/statm", "rb") as file:
            return int(file.read().split()[field]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def _resident(process: int) -> int:
    return _statm(process, 1)


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:500] if str(error) else type(error).__name__


# --- In the worker -----------------------------------------------------------------------------------------------


# Whether this process is a worker.
_inside = False


def serve(channel: int, alive: int) -> None:
    """Do calls until the parent closes the channel; what a worker process runs.

    Parameters
    ----------
    channel, alive : int
        Descriptors: of the connection, and of a pipe that ends with the parent.
    """
    import faulthandler
    import resource

    global _inside
    _inside = True
    _die_with_parent(alive)
    # Memory of patients goes into no file.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()
    connection = Connection(channel)
    try:
        function = pickle.loads(connection.recv_bytes())
    except EOFError:
        return
    except Exception as error:
        connection.send_bytes(pickle.dumps((_REFUSED, _words(error), True)))
        return
    idle = _statm("self", 5)
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    connection.send_bytes(pickle.dumps((_READY, None, False)))
    while True:
        try:
            memory, packed = pickle.loads(connection.recv_bytes())
        except EOFError:
            return
        # What is asked for by malloc or mmap; not the address space, most of which threads reserve and never touch.
        limit = min(idle + memory, sys.maxsize) if memory else soft
        resource.setrlimit(resource.RLIMIT_DATA, (limit if hard < 0 else min(limit, hard), hard))
        os.ftruncate(1, 0)
        kind, content = _call(function, packed, memory)
        del packed
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        # One that keeps much of what it took would leave the next call less than its share.
        worn = memory > 0 and _statm("self", 5) > limit - memory // 2
        connection.send_bytes(pickle.dumps((kind, content, worn)))
        del content


def _call(function: Callable[[Any], Any], packed: bytes, memory: int) -> tuple[int, Any]:
    try:
        argument = pickle.loads(packed)
    except Exception as error:
        return _FAILURE, f"was not made: its argument cannot be unpickled ({_words(error)})"
    try:
        value = function(argument)
    except MemoryError:
        return _FAILURE, f"needed more {f'than {bytes_in_words(memory)} of ' if memory else ''}memory" + (
            "" if memory else " than there is"
        )
    except Exception as error:
        return _packed_error(error)
    except BaseException as error:
        return _FAILURE, f"ended with {_words(error)}"
    try:
        return _VALUE, pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        return _FAILURE, f"gave a result that cannot be pickled ({_words(error)})"


def _packed_error(error: Exception) -> tuple[int, Any]:
    try:
        packed = pickle.dumps(error)
        # Some can be pickled and not unpickled.
        if type(pickle.loads(packed)) is type(error):
            return _ERROR, packed
    except Exception:
        pass
    return _FAILURE, f"failed with {_words(error)}"


def _die_with_parent(alive: int) -> None:
    """Have this process, and those that it starts, killed when the other end of a pipe is closed."""
    if hasattr(fcntl, "F_SETSIG"):
        with contextlib.suppress(OSError):
            # The kernel does it, also while native code never gives Python a turn.
            fcntl.fcntl(alive, fcntl.F_SETOWN, -os.getpgrp())
            fcntl.fcntl(alive, fcntl.F_SETSIG, signal.SIGKILL)
            fcntl.fcntl(alive, fcntl.F_SETFL, fcntl.fcntl(alive, fcntl.F_GETFL) | os.O_ASYNC)
            if not select.select([alive], [], [], 0)[0]:
                return

    def watch() -> None:
        os.read(alive, 1)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
