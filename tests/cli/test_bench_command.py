"""``cormack bench`` and ``cormack.bench``: what is measured, what is written, what is said of wrong use."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cormack import bench, get_num_threads
from cormack._report.formatting import milliseconds
from cormack.bench._rows import OPERATIONS, Subject
from cormack.cli import main


@pytest.fixture(scope="module")
def subject():
    return Subject((24, 48, 48))


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
def test_every_row_runs_and_peers_that_promise_it_give_equal_voxels(row, subject):
    result = row.ours(subject)
    assert result is not None
    for name, call in row.peers.items():
        if row.same:
            theirs = call(subject)
            if name == "SimpleITK":
                theirs = pytest.importorskip("SimpleITK").GetArrayFromImage(theirs)
            np.testing.assert_array_equal(theirs, result)


def test_the_seed_is_inside_a_lung_and_regions_grow_from_it(subject):
    grown = next(row for row in OPERATIONS if row.name.startswith("connected_threshold")).ours(subject)
    assert grown[subject.seed]
    assert grown.mean() > 0.05


def test_a_result_has_the_copy_the_rows_and_no_names(monkeypatch, tmp_path):
    monkeypatch.setenv("USER", "somebody")
    before = get_num_threads()
    result = bench.measure(quick=True, only="threshold_otsu", threads=1)
    assert get_num_threads() == before
    assert result["machine"]["threads"] == 1
    (row,) = result["rows"]
    assert row["ms_low"] <= row["ms"] <= row["ms_high"]
    assert row["copies"] == pytest.approx(row["ms"] / result["copy"]["ms"])
    assert set(row["peers"]) == {"scikit-image", "SimpleITK"}
    page = bench.write_page(result, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "bench.json").read_text()) == result
    text = page.read_text()
    assert "threshold_otsu" in text
    assert "<svg" in text
    assert "somebody" not in text + json.dumps(result)
    assert not list(tmp_path.glob("out/.*"))


def test_the_command_prints_a_table_and_names_its_files(capsys, tmp_path):
    assert main(["bench", "--quick", "--no-peers", "--only", "threshold_otsu", "--out", str(tmp_path / "b")]) == 0
    said = capsys.readouterr().out
    assert "threshold_otsu" in said
    assert "a copy takes" in said
    assert str(tmp_path / "b" / "bench.html") in said


def test_the_command_prints_json(capsys):
    assert main(["bench", "--quick", "--no-peers", "--only", "threshold_otsu", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)["rows"]] == ["threshold_otsu"]


def test_what_is_no_row_is_said_with_those_there_are(capsys, tmp_path):
    assert main(["bench", "--only", "nonsense"]) == 2
    assert "median_filter" in capsys.readouterr().err
    with pytest.raises(ValueError, match="`only` must be part"):
        bench.measure(only="nonsense")
    with pytest.raises(ValueError, match="`threads` must be at least 1"):
        bench.measure(threads=0)
    (tmp_path / "file").touch()
    assert main(["bench", "--out", str(tmp_path / "file")]) == 2


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123, "0.0123"), (0.5, "0.500"), (1.234, "1.23"), (12.34, "12.3"), (123.4, "123")]
)
def test_numbers_have_three_digits(value, text):
    assert milliseconds(value) == text
