"""The journal and its folder: damage costs nothing, nobody writes beside another, a full disk ends a run."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading

import numpy as np
import pytest

from cormack import Volume, io, pipeline
from cormack.pipeline import job, journal

pytest.importorskip("pyarrow")


@pytest.fixture
def studies(tmp_path):
    folder = tmp_path / "studies"
    folder.mkdir()
    array = np.full((6, 20, 20), 10, np.int16)
    array[2:4, 5:15, 5:15] = 90
    for number in range(3):
        array[0, 0, 0] = number
        io.write(Volume(array), folder / f"case{number}.nii")
    return folder


def begun(studies, out, **options):
    """Run, and say which cases were begun."""
    events = []
    result = pipeline.run(studies, "generic", out, progress=lambda *event: events.append(event), **options)
    assert (result.completed, result.failed) == (3, 0)
    return [event[1] for event in events if event[0] == "start"]


def garbled(path):
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


def cut(path):
    path.write_bytes(path.read_bytes()[:4096])


def changed(*statements):
    def change(path):
        connection = sqlite3.connect(path)
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()

    return change


@pytest.mark.parametrize(
    "damage",
    [
        garbled,
        cut,
        changed("DROP TABLE cases"),
        changed("ALTER TABLE cases DROP COLUMN lost"),
        changed("PRAGMA user_version=7"),
        changed("UPDATE cases SET state='nonsense'"),
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
    ],
)
def test_a_damaged_journal_costs_nothing_that_was_done(damage, studies, tmp_path):
    out = tmp_path / "out"
    assert len(begun(studies, out)) == 3
    damage(out / journal.FILE_NAME)
    assert begun(studies, out) == []
    assert pipeline.read_status(out)["state"] == "finished"


def test_whoever_looks_leaves_nothing_beside_a_journal(studies, tmp_path):
    out = tmp_path / "out"
    begun(studies, out)
    before = sorted(path.name for path in out.iterdir())
    assert pipeline.read_status(out)["completed"] == 3
    assert sorted(path.name for path in out.iterdir()) == before


def test_a_run_of_another_machine_is_not_called_interrupted(studies, tmp_path, monkeypatch):
    out = tmp_path / "out"
    results = pipeline.run_iter(studies, "generic", out)
    next(results)
    monkeypatch.setattr(journal, "_is_alive", lambda process: False)
    assert pipeline.read_status(out)["state"] == "interrupted"
    monkeypatch.setattr(journal.platform, "node", lambda: "login")
    status = pipeline.read_status(out)
    assert status["state"] == "running"
    assert status["host"] not in ("", "login")
    results.close()


def test_one_process_does_not_write_to_a_folder_twice(studies, tmp_path):
    out = tmp_path / "out"
    results = pipeline.run_iter(studies, "generic", out)
    next(results)
    (tmp_path / "link").symlink_to(out)
    for name in ("out", "link"):
        with pytest.raises(BlockingIOError, match="this process is writing to this folder already"):
            pipeline.run(studies, "generic", tmp_path / name)
    assert len(list(results)) == 2
    assert begun(studies, out) == []


def test_results_may_be_taken_by_any_thread(studies, tmp_path):
    out = tmp_path / "out"
    results = pipeline.run_iter(studies, "generic", out)
    next(results)
    taken = []

    def go_on():
        taken.append(next(results).id)
        results.close()

    thread = threading.Thread(target=go_on)
    thread.start()
    thread.join()
    assert taken == ["case1"]
    assert pipeline.read_status(out)["state"] == "interrupted"
    assert begun(studies, out) == ["case2"]


@pytest.mark.parametrize("where", ["case", "journal"])
def test_a_full_disk_ends_a_run_and_fails_no_case(where, studies, tmp_path, monkeypatch):
    out = tmp_path / "out"
    write, update = job.write_json, journal.Journal.update

    def write_case(path, value):
        if where == "case" and value["id"] == "case1":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write(path, value)

    def update_journal(self, number, entry):
        if where == "journal" and (number, entry.state) == (1, "completed"):
            # Sets the limit to what there is.
            self._connection.execute("PRAGMA max_page_count=1")
            with self._transaction():
                self._connection.executemany("INSERT INTO run VALUES (?, ?)", ((str(n), "x" * 4000) for n in range(9)))
        update(self, number, entry)

    monkeypatch.setattr(job, "write_json", write_case)
    monkeypatch.setattr(journal.Journal, "update", update_journal)
    with pytest.raises(OSError, match="No space left on device") as caught:
        pipeline.run(studies, "generic", out)
    assert caught.value.errno == errno.ENOSPC
    status = pipeline.read_status(out)
    assert (status["state"], status["failed"]) == ("interrupted", 0)
    monkeypatch.undo()
    assert begun(studies, out) == (["case1", "case2"] if where == "case" else ["case2"])


@pytest.mark.parametrize("workers", [None, 1])
def test_names_that_are_no_text(workers, studies, tmp_path):
    odd = os.fsdecode(b"M\xfcller")
    os.rename(studies / "case1.nii", studies / f"{odd}.nii")
    (studies / f"{odd} 2.nii").write_bytes(b"no image")
    for _ in range(2):
        result = pipeline.run(studies, "generic", tmp_path / "out", workers=workers)
        assert (result.completed, result.failed) == (3, 1)
        cases = pipeline.read_status(tmp_path / "out")["cases"]
        assert [case.attempts for case in cases] == [1, 1, 1, 1]
        assert any("ller 2.nii" in case.reason for case in cases)


def test_folders_given_in_short_survive_a_change_of_folder(studies, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    for workers in (None, 1):
        monkeypatch.chdir(tmp_path)
        for _ in pipeline.run_iter("studies/case0.nii", "generic", f"out{workers}", workers=workers):
            monkeypatch.chdir(tmp_path / "elsewhere")
        assert (tmp_path / f"out{workers}" / "features.csv").exists()
    assert not list((tmp_path / "elsewhere").iterdir())
