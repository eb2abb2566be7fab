"""Files of a run: complete or not there, safe names, cells that every reader understands."""

from __future__ import annotations

import json
import math

import pytest

from cormack.pipeline import files


def test_folder_names_are_safe_and_unique():
    names = files.folder_names(["a/b", "a b", "A_B", "..", "", "x" * 300, "ß", "con\n"])
    assert len({name.casefold() for name in names}) == 8
    assert all(name.strip(".") and "/" not in name and len(name) <= 110 for name in names)


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(TypeError):
        files.write_json(path, {"a": object()})
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_folder(tmp_path):
    def write(content):
        with files.case_folder(tmp_path / "a") as folder:
            (folder / "other.txt").write_text("half")
            files.write_json(folder / "case.json", content)

    write({"a": 1})
    with pytest.raises(TypeError):
        write(object())
    assert [path.read_text() for path in tmp_path.rglob("*.json")] == ['{\n "a": 1\n}']
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_json_has_no_nan(tmp_path):
    files.write_json(tmp_path / "a.json", {"a": [math.nan, 1.5, {"b": -math.inf}], "c": (1, "ß\udc80")})
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"a": [None, 1.5, {"b": None}], "c": [1, "ß\udc80"]}


def test_cells_that_a_spreadsheet_would_run_are_quoted(tmp_path):
    rows = [{"name": "=cmd()", "value": -1.5, "extra": 1}, {"value": math.nan}, {"name": "a,b", "value": math.inf}]
    with files.csv_table(tmp_path / "a.csv", ["name", "value"]) as add:
        add(rows[:1])
        add(rows[1:])
    assert (tmp_path / "a.csv").read_text().splitlines() == ["name,value", "'=cmd(),-1.5", ",", '"a,b",inf']


def test_parquet_has_types_and_nulls(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    types = {"name": str, "count": int, "flag": bool, "value": float}
    full = {"name": "ß", "count": 0, "flag": False, "value": 0.5}
    with files.parquet_table(tmp_path / "a.parquet", types) as add:
        add([full])
        add([{}, {**full, "flag": True, "count": -(2**40)}])
    first, second, third = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    assert first == full
    assert third == {**full, "flag": True, "count": -(2**40)}
    assert math.isnan(second.pop("value"))
    assert second == {"name": "", "count": None, "flag": None}
