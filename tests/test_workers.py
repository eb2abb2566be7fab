"""Calls in processes that may die."""

import itertools
import math
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import cormack
from cormack._workers import Isolated, map_isolated

# `eval` is a function that every worker can import, and an expression an argument that says what it does.


def outcomes(expressions, **options):
    options = {"workers": 1, **options}
    return sorted(map_isolated(eval, expressions, **options), key=lambda outcome: outcome.index)


def failure(expression, **options):
    (outcome,) = outcomes([expression], **options)
    assert outcome.value is None
    assert outcome.error is None
    return outcome.failure


def is_alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until_dead(processes):
    limit = time.monotonic() + 5
    while any(map(is_alive, processes)) and time.monotonic() < limit:
        time.sleep(0.01)
    assert not any(map(is_alive, processes))


def test_gives_values_and_the_functions_own_errors():
    one, two, three = outcomes(["1 + 1", "1 / 0", "'x' * 1_000_000"])
    assert (one.index, one.value, one.error, one.failure) == (0, 2, None, "")
    assert (two.index, two.value, type(two.error), two.failure) == (1, None, ZeroDivisionError, "")
    assert three.value == "x" * 1_000_000


def test_gives_a_read_error_with_its_parts():
    (outcome,) = map_isolated(cormack.io.read, ["/not/there"], workers=1)
    assert type(outcome.error) is cormack.io.ReadError
    assert outcome.error.path == "/not"


def test_a_worker_serves_many_calls():
    assert len({outcome.value for outcome in outcomes(["__import__('os').getpid()"] * 20)}) == 1


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("__import__('ctypes').string_at(0)", "was killed by SIGSEGV"),
        ("__import__('os').abort()", "was killed by SIGABRT"),
        (
            "__import__('os').kill(__import__('os').getpid(), 9)",
            "was killed by SIGKILL, most likely for lack of memory",
        ),
        ("__import__('os')._exit(3)", "ended its process with exit code 3"),
        ("__import__('sys').exit('enough')", "ended with SystemExit: enough"),
        ("lambda: 0", "gave a result that cannot be pickled"),
        ("(_ for _ in ()).throw(type('Odd', (Exception,), {})('words'))", "failed with Odd: words"),
    ],
)
def test_a_dead_worker_costs_one_call(expression, words, capfd):
    before, outcome, after = outcomes(["1", expression, "2"])
    assert (before.value, after.value) == (1, 2)
    assert outcome.failure.startswith(words)
    assert capfd.readouterr() == ("", "")


def test_what_a_call_prints_is_kept_and_stays_off_the_console(capfd):
    said, crashed, silent = outcomes(
        ["print('one') or __import__('os').write(2, b'two\\n')", "__import__('ctypes').string_at(0)", "0"]
    )
    assert sorted(said.output.split()) == ["one", "two"]
    assert "Segmentation fault" in crashed.output
    assert silent.output == ""
    assert capfd.readouterr() == ("", "")


def test_output_is_bounded():
    (outcome,) = outcomes(["[print('x' * 99_999) for _ in range(500)] and None"])
    assert len(outcome.output) <= 2000


def test_a_long_call_is_killed_with_all_that_it_started(tmp_path):
    started = tmp_path / "started"
    command = f"__import__('subprocess').run(['sh', '-c', 'echo $$ > {started}; sleep 60'])"
    start = time.monotonic()
    assert failure(command, timeout_s=0.5) == "took longer than 0.5 s"
    assert time.monotonic() - start < 5
    wait_until_dead([int(started.read_text())])


def test_the_time_to_start_is_not_the_calls():
    assert outcomes(["1"], timeout_s=0.02)[0].value == 1


@pytest.mark.parametrize(
    "expression",
    [
        "len(b'x' * (200 << 20))",
        "__import__('numpy').ones(200 << 17).sum()",
        # Memory that no limit on allocations counts.
        "[m := __import__('mmap').mmap(-1, 200 << 20), m.write(bytes(1 << 20) * 90), __import__('time').sleep(0.5)"
        " or m.write(bytes(1 << 20) * 110), __import__('time').sleep(9)] and None",
    ],
)
def test_a_call_that_needs_too_much_memory_fails(expression):
    too_much, enough = outcomes([expression, "len(b'x' * (80 << 20))"], max_memory_bytes=100 << 20)
    assert too_much.failure == "needed more than 100 MiB of memory"
    assert enough.value == 80 << 20


def test_a_worker_that_keeps_memory_is_replaced():
    keep = "__import__('sys').__dict__.setdefault('kept', []).append(b'x' * (60 << 20))"
    pids = "__import__('os').getpid()"
    results = outcomes([pids, keep, keep, keep, pids], max_memory_bytes=100 << 20)
    assert [result.failure for result in results] == [""] * 5
    assert results[0].value != results[-1].value


def test_takes_arguments_as_workers_are_free():
    taken = []

    def arguments():
        for i in itertools.count():
            taken.append(i)
            yield str(i)

    calls = map_isolated(eval, arguments(), workers=2)
    for count in range(1, 50):
        next(calls)
        assert len(taken) <= count + 4
    calls.close()


def test_outcomes_come_as_calls_end():
    calls = map_isolated(eval, ["__import__('time').sleep(0.6)", "1", "2"], workers=2)
    assert [outcome.index for outcome in calls][-1] == 0


def test_calls_cost_little():
    start = time.perf_counter()
    assert sum(outcome.value for outcome in map_isolated(abs, range(2000), workers=2)) == 1999 * 1000
    assert time.perf_counter() - start < 4


def test_an_error_of_the_arguments_reaches_the_caller_and_leaves_no_process():
    def arguments():
        yield "__import__('os').getpid()"
        yield "__import__('os').getpid()"
        raise OSError("disk")

    seen = []
    with pytest.raises(OSError, match="disk"):  # noqa: PT012
        for outcome in map_isolated(eval, arguments(), workers=1):
            seen.append(outcome.value)
    wait_until_dead(seen)


@pytest.mark.parametrize("end", ["close", "throw"])
def test_an_end_halfway_leaves_no_process(end):
    calls = map_isolated(eval, itertools.repeat("__import__('os').getpid()"), workers=2)
    seen = {next(calls).value for _ in range(20)}
    if end == "close":
        calls.close()
    else:
        with pytest.raises(KeyboardInterrupt):
            calls.throw(KeyboardInterrupt())
    wait_until_dead(seen)


@pytest.mark.parametrize(
    "call",
    ["__import__('time').sleep(60)", "__import__('ctypes').PyDLL(None).sleep(60)"],
    ids=["waits", "holds the GIL"],
)
def test_workers_die_with_a_killed_parent(call, tmp_path):
    note = tmp_path / "worker"
    call = f"[open({str(note)!r}, 'w').write(str(__import__('os').getpid())), {call}]"
    script = f"""
        from cormack._workers import Isolated, map_isolated
        for _ in map_isolated(eval, [{call!r}], workers=1): pass
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])
    limit = time.monotonic() + 10
    while not (note.exists() and note.read_text()) and time.monotonic() < limit:
        time.sleep(0.01)
    worker = int(note.read_text())
    assert is_alive(worker)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until_dead([worker])


def test_ctrl_c_ends_parent_and_workers(tmp_path):
    note = tmp_path / "worker"
    call = f"[open({str(note)!r}, 'w').write(str(__import__('os').getpid())), __import__('time').sleep(60)]"
    # What a shell starts in the background ignores Ctrl-C, and so does what that starts.
    script = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    script += f"from cormack._workers import map_isolated; list(map_isolated(eval, [{call!r}], workers=1))"
    parent = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True)
    while not (note.exists() and note.read_text()):
        time.sleep(0.01)
    parent.send_signal(signal.SIGINT)
    assert parent.communicate(timeout=10)[1].rstrip().endswith("KeyboardInterrupt")
    wait_until_dead([int(note.read_text())])


def test_workers_share_the_threads():
    threads = "__import__('cormack').get_num_threads()"
    before = cormack.get_num_threads()
    try:
        cormack.set_num_threads(5)
        assert [outcomes([threads], workers=n)[0].value for n in (1, 2, 8)] == [5, 2, 1]
    finally:
        cormack.set_num_threads(before)


def test_a_script_needs_no_main_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from cormack._workers import map_isolated\nprint([o.value for o in map_isolated(abs, [-3], workers=1)])"
    )
    assert subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout == "[3]\n"


def test_arguments_that_cannot_be_sent_fail_alone():
    results = list(map_isolated(bool, [lambda: 0, 1, lambda: 0], workers=1))
    assert sorted(result.index for result in results) == [0, 1, 2]
    assert sum("its argument cannot be pickled" in result.failure for result in results) == 2


class Awkward(Exception):
    def __init__(self, one, two):
        super().__init__(one)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"function": 3}, TypeError, "callable"),
        ({"function": lambda argument: argument}, ValueError, "picklable"),
        ({"workers": 0}, ValueError, "workers"),
        ({"timeout_s": 0}, ValueError, "timeout_s"),
        ({"max_memory_bytes": 1.5}, TypeError, "max_memory_bytes"),
    ],
)
def test_wrong_arguments_are_refused_at_once(options, error, words):
    with pytest.raises(error, match=words):
        map_isolated(**{"function": abs, "arguments": [1], "workers": 1, **options})


def test_a_function_that_workers_cannot_import_is_an_error(monkeypatch):
    monkeypatch.setattr(Awkward, "__module__", "no_such_module")
    monkeypatch.setitem(sys.modules, "no_such_module", sys.modules[__name__])
    with pytest.raises(ValueError, match="cannot import"):
        list(map_isolated(Awkward, [1], workers=1))


def test_workers_that_cannot_start_are_an_error(monkeypatch):
    monkeypatch.setenv("CORMACK_ISA", "no such thing")
    with pytest.raises(RuntimeError, match=r"(?s)no worker process can be started.*no such thing"):
        list(map_isolated(abs, [1], workers=1))


def test_no_arguments_start_nothing():
    assert list(map_isolated(abs, [], workers=3)) == []


class Interrupted(list):
    def append(self, item):
        super().append(item)
        raise KeyboardInterrupt


def test_what_was_interrupted_is_not_made_up_for_by_the_next_call():
    root = Isolated(math.sqrt)
    assert root(4).value == 2
    (worker,) = root._calls._workers
    worker._process.kill()
    worker._process.wait()
    root._calls._again = Interrupted()
    # The worker is found dead, and before another begins comes Ctrl-C.
    with pytest.raises(KeyboardInterrupt):
        root(9)
    assert root(16).value == 4
    root.close()


def test_more_memory_than_a_system_can_count_is_no_limit():
    (outcome,) = map_isolated(math.sqrt, [4], workers=1, max_memory_bytes=1 << 70)
    assert outcome.value == 2
