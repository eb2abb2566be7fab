"""The command line: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")
pytest.importorskip("pydantic")
pytest.importorskip("yaml")

import cormack
import cormack.cli
from cormack import pipeline
from cormack.cli import main

COMMANDS = (
    *("run", "demo", "presets", "info", "radiomics", "compare", "scan", "status", "train", "predict", "anomaly"),
)


def spawn(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in its own process, in a pipe: no colours, no progress."""
    return subprocess.run(
        [sys.executable, "-m", "cormack", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        env={**os.environ, "COLUMNS": "80", **environment},
    )


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("cormack run: ")
    for word in words:
        assert word in done.stderr


# --- Wrong use, one line each -------------------------------------------------------------------------------------


def test_a_wrong_path(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    done = spawn("run", tmp_path / "studeis", "--out", tmp_path / "out")
    assert_one_line(done, "studeis does not exist", "did you mean", "studies")
    assert not (tmp_path / "out").exists()


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = spawn("run", tmp_path / "empty", "--out", tmp_path / "out")
    assert_one_line(done, str(tmp_path / "empty"))
    assert not (tmp_path / "out").exists()


def test_a_text_file_named_dcm(tmp_path: Path) -> None:
    file = tmp_path / "notes.dcm"
    file.write_text("Dear colleague,\nthe images are on the other disk.\n")
    done = spawn("run", file, "--out", tmp_path / "out")
    assert_one_line(done, str(file), "not a DICOM file")
    assert not (tmp_path / "out").exists()


def test_a_preset_that_does_not_exist(tmp_path: Path) -> None:
    done = spawn("run", tmp_path, "--out", tmp_path / "out", "--preset", "ct-lnug")
    assert_one_line(done, "ct-lnug", "did you mean 'ct-lung'?", "generic", "mr-brain")


def test_a_misspelt_key_in_a_configuration(tmp_path: Path, volume: Path) -> None:
    text = spawn("presets", "generic").stdout
    (tmp_path / "mine.yaml").write_text(text + "\nstpes: []\n")
    done = spawn("run", volume, "--out", tmp_path / "out", "--config", tmp_path / "mine.yaml")
    assert_one_line(done, "stpes")
    assert not (tmp_path / "out").exists()


def test_out_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("precious")
    done = spawn("run", tmp_path, "--out", tmp_path / "out")
    assert_one_line(done, "--out", "is a file", "give a folder")
    assert (tmp_path / "out").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run"], "INPUT"),
        (["run", "."], "--out"),
        (["run", ".", "--out", "o", "-j", "0"], "-j"),
        (["run", ".", "--out", "o", "-j", "many"], "-j"),
        (["run", ".", "--out", "o", "--presett", "x"], "--preset"),
        (["run", ".", "--out", "o", "--max-bytes", "2 apples"], "no size such as 500MB or 2GiB"),
        (["run", ".", "--out", "o", "--max-bytes", "0GiB"], "at least 1 byte"),
        (["run", ".", "--out", "o", "--preset", "generic", "--config", "c.yaml"], "exclude each other"),
        (["run", ".", "--out", "o", "--preset", "mine.yaml"], "--config"),
        (["run", ".", "--out", "o", "--config", "no-such.yaml"], "no-such.yaml does not exist"),
        (["run", ".", "--out", "o", "--config", "."], "is a folder"),
        (["run", ".", "--out", "o", "--masks", "no-such"], "no-such does not exist"),
        (["run", ".", "--out", "afile/below"], "is a file"),
        (["run", ".", "--out", "o", "--masks", "afile"], "is not a folder"),
        (["presets", "ct-lnug"], "did you mean 'ct-lung'?"),
        (["demo", "--out", "afile"], "is a file"),
        (["run", ".", "--out", ""], "'--out' / '-o': the path is empty"),
        (["run", "", "--out", "o"], "INPUT"),
        (["run", ".", "--out", "o", "--config", ""], "the path is empty"),
        (["run", ".", "--out", "o", "--masks", ""], "the path is empty"),
        (["demo", "--out="], "the path is empty"),
        (["rum"], "run"),
        (["--versoin"], "--version"),
    ],
)
def test_other_wrong_uses(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "afile").touch()
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert words in printed.err
    assert [path.name for path in tmp_path.iterdir()] == ["afile"]


def test_a_hostile_file_name_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "a\nb\x1b[31mc\u202e", "--out", "o"]) == 2
    printed = capsys.readouterr().err
    assert len(printed.splitlines()) == 1
    assert "\x1b" not in printed
    assert "\u202e" not in printed


# --- Help and information -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", ["40", "80", "200"])
@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_describes_and_gives_an_example(
    command: str | None, columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert main([command, "--help"] if command else ["--help"]) == 0
    printed = capsys.readouterr()
    words = " ".join(printed.out.split())
    assert f"Example: cormack {command or 'demo'}" in words
    assert printed.err == ""
    if command is None:
        for name in COMMANDS:
            assert f" {name} " in words


def test_no_command_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "Usage: cormack" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"cormack {cormack.__version__}\n"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from cormack.cli import main; main(['--help'])\n"
        "heavy = {'scipy', 'pandas', 'pydicom', 'nibabel', 'matplotlib', 'pyarrow', 'pydantic', 'jinja2', 'yaml'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    # 0.15 s on a quiet machine. Time itself is not tested: on a busy machine it says nothing.
    assert done.stderr.strip() == "[]"


def test_presets_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in ("generic", "ct-lung", "mr-brain"):
        line = next(line for line in lines if line.split()[:1] == [name])
        assert len(line.split()) > 4  # a description


@pytest.mark.parametrize("columns", ["20", "200"])
def test_a_preset_is_printed_as_shipped(
    columns: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for name in ("generic", "ct-lung", "mr-brain"):
        assert main(["presets", name]) == 0
        text = capsys.readouterr().out
        assert "#" in text  # the comments came along
        (tmp_path / "mine.yaml").write_text(text, "utf-8")
        pipeline.load_config(tmp_path / "mine.yaml")


def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    for word in ("instruction set", "threads", "CUDA", "pydicom", "rich"):
        assert word in text


def test_info_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--json"]) == 0
    information = json.loads(capsys.readouterr().out)
    assert information["version"] == cormack.__version__
    assert information["instruction_set"] in information["instruction_sets"]
    assert information["threads"] >= 1
    assert information["threads_source"]
    assert information["libraries"]["rich"]
    assert "cuda" in information


def test_without_the_libraries_of_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cormack.cli, "find_spec", lambda name: None)
    assert main(["--help"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        'cormack: the command line needs typer and rich; install with: pip install "cormack[cohort]"'
    ]


# --- A run's end --------------------------------------------------------------------------------------------------


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A small image that any preset takes."""
    nibabel = pytest.importorskip("nibabel")
    path = tmp_path / "input" / "small.nii.gz"
    path.parent.mkdir()
    values = np.random.default_rng(0).normal(100, 20, (12, 20, 24)).astype(np.int16)
    values[4:8, 5:15, 6:18] += 200
    nibabel.save(nibabel.Nifti1Image(values.T, np.diag([1.0, 1.0, 2.0, 1.0])), path)
    return path


@pytest.mark.parametrize(
    ("text", "count"),
    [("1", 1), ("500MB", 500_000_000), ("2GiB", 2 << 30), ("1.5 kib", 1536), ("7 b", 7), ("3T", 3 * 10**12)],
)
def test_sizes_as_typed(text: str, count: int) -> None:
    from cormack.cli.app import _size

    assert _size(text) == count


def test_run_fails_cases_larger_than_max_bytes(volume: Path, tmp_path: Path) -> None:
    size = 12 * 20 * 24 * 2
    for limit, code in ((size, 0), (size - 1, 1)):
        done = spawn("run", volume.parent, "--out", tmp_path / f"out{limit}", "--max-bytes", str(limit), "--json")
        assert done.returncode == code, done.stderr
        (case,) = json.loads((tmp_path / f"out{limit}" / "run.json").read_text())["cases"]
        assert ("the limit is" in case["reason"]) == bool(code)


@pytest.fixture
def fake_run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    """Replaces the runner by one that only writes its record, or raises."""

    def install(*failed: str, error: BaseException | None = None) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []

        def run(source: Any, config: Any, out: Path, **options: Any) -> None:
            calls.append({"source": source, "config": config, "out": out, **options})
            if error is not None:
                raise error
            out.mkdir()
            cases = [{"id": "good", "status": "completed", "reason": "", "seconds": 1.0, "folder": "cases/good"}]
            cases += [{"id": "bad", "status": "failed", "reason": reason, "seconds": 0.1} for reason in failed]
            timings = {"import": 0.75, "denoise": 0.25}
            record = {"seconds": 2.0, "cases": cases, "timings": timings, "kernel_seconds": 0.5}
            (out / "run.json").write_text(json.dumps(record))
            (out / "report.html").write_text("report")

        monkeypatch.setattr(pipeline, "run", run)
        return calls

    return install


def test_the_summary_of_a_good_run(fake_run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = fake_run()
    out = tmp_path / "out"
    assert main(["run", str(tmp_path), "--out", str(out), "-j", "2", "--masks", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = [line.split() for line in printed.out.splitlines()]
    assert "1 case: 1 completed, 0 failed, in 2.00 s" in printed.out
    assert ["import", "0.750", "s", "37.5", "%"] in lines
    assert ["in", "kernels", "0.500", "s", "25.0", "%", "of", "the", "whole"] in lines
    assert printed.out.splitlines()[-1] == f"Report: {out / 'report.html'}"
    assert calls[0]["workers"] == 2
    assert calls[0]["masks"] == tmp_path


@pytest.mark.parametrize("columns", ["20", "200"])
def test_a_failed_case_is_told_with_exit_code_1(
    fake_run: Any, columns: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    fake_run("[red]3 slices are missing between here and there[/red] :smile:")
    assert main(["run", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr().out
    assert "2 cases: 1 completed, 1 failed, in 2.00 s" in printed
    # Neither wrapped nor read as markup.
    assert "  failed: bad: [red]3 slices are missing between here and there[/red] :smile:\n" in printed


def test_quiet(fake_run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake_run("3 slices are missing")
    assert main(["run", str(tmp_path), "--out", str(tmp_path / "out"), "--quiet"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "cormack run: case bad failed: 3 slices are missing\n"


def test_json(fake_run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake_run("3 slices are missing")
    assert main(["run", str(tmp_path), "--out", str(tmp_path / "out"), "--json"]) == 1
    summary = json.loads(capsys.readouterr().out)
    assert (summary["completed"], summary["failed"], summary["kernel_share"]) == (1, 1, 0.25)
    assert summary["report"] == str(tmp_path / "out" / "report.html")
    assert [case["reason"] for case in summary["cases"]] == ["", "3 slices are missing"]


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (RuntimeError("the\nsky falls"), 1, "internal error: RuntimeError: the sky falls; set CORMACK_DEBUG=1"),
        (MemoryError(), 1, "internal error: MemoryError"),
        (OSError(28, "No space left on device", "out/x"), 1, "out/x: No space left on device"),
        (PermissionError(13, "Permission denied", "out"), 2, "out: Permission denied"),
        (ModuleNotFoundError("no", name="pyarrow"), 2, 'pyarrow is not installed; install with: pip install "cormack['),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_whatever_happens_ends_in_one_line(
    fake_run: Any, error: BaseException, code: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_run(error=error)
    assert main(["run", str(tmp_path), "--out", str(tmp_path / "out")]) == code
    printed = capsys.readouterr().err
    assert len(printed.strip().splitlines()) == 1
    assert words in printed


def test_the_traceback_comes_on_request(
    fake_run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CORMACK_DEBUG", "1")
    fake_run(error=RuntimeError("the sky falls"))
    assert main(["run", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_real_run(volume: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = spawn("run", volume.parent, "--out", out, "--preset", "generic", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    summary = json.loads(done.stdout)
    assert (summary["completed"], summary["failed"]) == (1, 0)
    assert Path(summary["report"]).stat().st_size > 10_000
    assert 0 < summary["kernel_share"] < 1
    assert (out / "features.csv").is_file()
    assert (out / "features.parquet").is_file()


def test_one_bad_case_among_good_ones(volume: Path, tmp_path: Path) -> None:
    (volume.parent / "broken.nii.gz").write_bytes(volume.read_bytes()[:200])
    done = spawn("run", volume.parent, "--out", tmp_path / "out")
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    assert "2 cases: 1 completed, 1 failed" in done.stdout
    assert "failed: broken" in done.stdout
