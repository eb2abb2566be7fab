"""Tables: every kind that is taken, rows of regions to rows of cases, what is a feature, settings of the extraction."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest

from cormack.classify import _rows, _tables
from cormack.pipeline.files import csv_table, parquet_table

pyarrow = pytest.importorskip("pyarrow")

COLUMNS = {"case": str, "count": int, "size": float, "bright": bool}
ROWS = [
    {"case": "007", "count": 3, "size": 1.5, "bright": True},
    {"case": "-8", "count": None, "size": None, "bright": False},
]


def listed(source: _tables.Source) -> dict[str, list]:
    return {name: column.tolist() for name, column in source.columns.items()}


def written(path, rows=ROWS, columns=COLUMNS, **settings):
    writing = parquet_table(path, columns, **settings) if path.suffix == ".parquet" else csv_table(path, columns)
    with writing as add:
        add(rows)
    return path


# --- Kinds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_files_of_cormack_come_back(tmp_path, suffix):
    source = _tables.read_table(written(tmp_path / f"a{suffix}"))
    assert listed(source)["case"] == ["007", "-8"]
    assert listed(source)["bright"] == [True, False]
    for name, first in (("count", 3), ("size", 1.5)):
        column = source.columns[name]
        assert (column.dtype.kind, column[0]) == ("f", first)
        assert np.isnan(column[1])


def test_frames_and_mappings_are_one():
    pandas = pytest.importorskip("pandas")
    columns = {"case": ["a", None], "size": [1.0, None], "sick": [True, False]}
    frame = pandas.DataFrame(columns)
    kinds = [columns, frame, frame.convert_dtypes()]
    if importlib.util.find_spec("polars") is not None:
        kinds.append(importlib.import_module("polars").DataFrame(columns))
    for each in kinds:
        found = _tables.read_table(each)
        assert listed(found)["case"] == ["a", None]
        assert listed(found)["sick"] == [True, False]
        assert np.isnan(found.columns["size"][1])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xlsx", b"", "is no table that can be read; give a .parquet or .csv file"),
        ("a.parquet", b"PAR1", "is no Parquet file"),
        ("a.csv", b"a,b\n1\n", "line 2 has 1 cells and the header 2"),
        ("a.csv", b"a,a\n1,2\n", "columns of the same name: a"),
        ("a.csv", b"", "is empty"),
        ("a.csv", b"a\n", "has no rows"),
        ("a.csv", b"\xff\xfe\x00", "is no CSV file"),
    ],
)
def test_files_that_are_no_tables_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        _tables.read_table(tmp_path / name)


def test_what_is_no_table_is_refused():
    with pytest.raises(TypeError, match=r"must be a path of \.parquet or \.csv"):
        _tables.read_table(3)
    with pytest.raises(ValueError, match="must have one value for each row"):
        _tables.read_table({"a": np.zeros((2, 2))})


# --- Settings of the extraction --------------------------------------------------------------------------------------


def test_settings_travel_with_parquet_and_beside_csv(tmp_path):
    settings = {"steps": [{"step": "features", "bin_size": 25}]}
    about = {"extraction": settings, "cormack": "0.1.0"}
    assert _tables.read_table(written(tmp_path / "features.parquet", about=about)).extraction == settings
    assert _tables.read_table(written(tmp_path / "plain.parquet")).extraction is None
    (tmp_path / "run.json").write_text(json.dumps(about))
    assert _tables.read_table(written(tmp_path / "features.csv")).extraction == settings
    assert _tables.read_table(written(tmp_path / "other.csv")).extraction is None


def test_settings_are_in_columns_of_pyradiomics():
    table = {
        "Image": ["/data/a.nrrd", "/data/b.nrrd"],
        "Mask": ["m", "m"],
        "diagnostics_Configuration_Settings": ["{'binWidth': 25, 'label': 1}"] * 2,
        "diagnostics_Configuration_EnabledImageTypes": ["{'Original': {}}"] * 2,
        "original_shape_Elongation": [0.5, 0.7],
    }
    source = _tables.read_table(table)
    assert source.extraction == {"setting": {"binWidth": 25, "label": 1}, "imageType": {"Original": {}}}
    assert _rows.feature_names(source.columns, [])[0] == ["original_shape_Elongation"]
    # As `cormack run` calls them.
    assert _rows.ids_of(source.columns) == ["a", "b"]
    table["diagnostics_Configuration_Settings"] = ["{'binWidth': 25}", "{'binWidth': 10}"]
    with pytest.raises(ValueError, match="were extracted with different settings"):
        _tables.read_table(table)


def test_differences_name_the_place_and_both_values():
    ours = {"steps": [{"size": 3}, {"bins": {"size": 25}}], "regions": "masks", "same": [1, 2]}
    theirs = {"steps": [{"size": 3}, {"bins": {"size": 10, "n": 1}}, {"x": 1}], "same": (1, 2)}
    assert _rows.differences(ours, theirs) == [
        ("steps[1].bins.size", 25, 10),
        ("steps[1].bins.n", "absent", 1),
        ("steps[2]", "absent", {"x": 1}),
        ("regions", "masks", "absent"),
    ]


# --- Rows of cases ---------------------------------------------------------------------------------------------------


def run_table() -> dict[str, list]:
    rows = [
        # case, status, region, label, volume_mm3, stat_mean
        ("a", "completed", "lungs", None, None, 1.0),
        ("a", "completed", "nodules", None, None, 2.0),
        ("a", "completed", "nodules", 1, 30.0, 3.0),
        ("a", "completed", "nodules", 2, 50.0, 4.0),
        ("b", "failed", "", None, None, None),
        ("c", "completed", "lungs", None, None, 5.0),
        ("d", "completed", "", None, None, None),
    ]
    names = ("case", "status", "region", "label", "volume_mm3", "stat_mean")
    table = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    return {**table, "centroid_z": [1.0] * 7, "reason": [""] * 7}


def test_regions_become_columns_and_failed_cases_are_counted():
    source = _rows.one_row_per_case(_tables.read_table(run_table()))
    assert source.failed == 1
    found = {name: [None if value != value else value for value in values] for name, values in listed(source).items()}
    assert found == {
        "case": ["a", "c", "d"],
        "lungs__volume_mm3": [None] * 3,
        "lungs__stat_mean": [1.0, 5.0, None],
        "nodules__volume_mm3": [None] * 3,
        "nodules__stat_mean": [2.0, None, None],
        "nodules__largest__volume_mm3": [50.0, None, None],
        "nodules__largest__stat_mean": [4.0, None, None],
        "nodules__objects": [2.0, 0.0, 0.0],
    }
    # Once more changes nothing.
    assert listed(_rows.one_row_per_case(source)).keys() == found.keys()


def test_targets_of_objects_keep_their_rows():
    table = {**run_table(), "kind": [0, 0, 1, 0, None, 0, 0]}
    assert _rows.one_row_per_case(_tables.read_table(table), ["kind"]).columns.row_count == 6


def test_labels_are_joined_by_case(tmp_path):
    (tmp_path / "labels.csv").write_text("case,diagnosis,patient\na,sick,P1\nc,well,P1\nz,sick,P2\n")
    data = _rows.prepare(run_table(), "diagnosis", groups="patient", labels=tmp_path / "labels.csv")
    assert (data.target.tolist(), data.groups.tolist(), data.ids) == (["sick", "well"], ["P1", "P1"], ["a", "c"])
    assert data.left_out == {"failed": 1, "without target": 1}
    assert {"feature": "lungs__volume_mm3", "why": "has no number"} in data.dropped


def test_ids_are_compared_as_written():
    labels = {"id": [1, 2.0, "3"], "y": ["a", "b", "c"]}
    source = _rows.join_labels(_tables.read_table({"case": ["1", "2", "3", "4"], "f": [1.0] * 4}), labels, ["y"])
    assert source.columns["y"].tolist() == ["a", "b", "c", None]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"case": ["x"], "y": [1]}, "names none of the cases: its first is 'x', that of the table 'a'"),
        ({"case": ["a", "a"], "y": [1, 2]}, "names case 'a' twice, with different values"),
        ({"value": [1.0], "y": [1]}, "has no column that names the case"),
        ({"case": ["a"], "z": [1]}, "there is no column 'y' in the table, nor in"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        _rows.prepare({"case": ["a", "b"], "f": [1.0, 2.0]}, "y", labels=labels)


def test_ids_and_places_are_no_features():
    one = [1.0, 2.0]
    names = ("patient_id", "ID", "Unnamed: 0", "Study UID", "bbox_z_start", "centroid_x", "voxel_count", "y", "age")
    columns = {name: np.array(one) for name in names} | {"text": np.array(["a", "b"], object)}
    found, dropped = _rows.feature_names(columns, ["y"])
    assert found == ["age"]
    assert {item["feature"] for item in dropped} == set(names) - {"y", "age"}
    # Named, they are.
    assert _rows.feature_names(columns, ["y"], ["ID", "a*"])[0] == ["ID", "age"]
    assert _rows.feature_names(columns, ["y"], ["*"], ["[!a]*"])[0] == ["age"]


# --- The same table in every form ------------------------------------------------------------------------------------


def test_csv_and_parquet_give_the_same_columns(tmp_path):
    """Bools are numbers in both, and ids of 16 digits and more stay as they are."""
    columns = {"case": int, "flag": bool, "gaps": bool, "size": float}
    rows = [
        {"case": 1234567890123456700 + n, "flag": n > 1, "gaps": None if n == 0 else n > 1, "size": n / 3}
        for n in range(3)
    ]
    one, other = (_tables.read_table(written(tmp_path / f"a{kind}", rows, columns)) for kind in (".csv", ".parquet"))
    assert listed(one) == listed(other)
    assert {name: column.dtype.kind for name, column in one.columns.items()} == {
        name: column.dtype.kind for name, column in other.columns.items()
    }
    assert len(set(one.columns["case"].tolist())) == 3
    assert one.columns["flag"].dtype == bool


def test_what_is_missing_in_a_column_of_text_is_no_class(tmp_path):
    (tmp_path / "a.csv").write_text("case,diagnosis\n12345678901234567890,NA\n2,nan\n3,None\n4,sick\n")
    source = _tables.read_table(tmp_path / "a.csv")
    assert source.columns["diagnosis"].tolist() == [None, None, "None", "sick"]
    assert source.columns["case"].tolist() == ["12345678901234567890", "2", "3", "4"]


def test_columns_of_the_same_name_and_semicolons_are_named(tmp_path):
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="has columns of the same name: f"):
        _tables.read_table(pandas.DataFrame(np.zeros((2, 3)), columns=["f", "f", "y"]))
    (tmp_path / "a.csv").write_text("case;f\na;1,5\n")
    with pytest.raises(ValueError, match="has semicolons between its columns"):
        _tables.read_table(tmp_path / "a.csv")


# --- What training gets ----------------------------------------------------------------------------------------------


def test_rows_of_one_case_are_a_group_and_rows_without_features_are_left_out():
    table = {
        "case": ["a", "a", "b", "c"],
        "size": [1.0, 2.0, np.nan, 3.0],
        "dirty": ["<5", "7", "8", "9"],
        "y": [0, 1, 1, 1],
    }
    data = _rows.prepare(table, "y")
    assert (data.ids, data.group_column) == (["a", "a", "c"], "case")
    assert data.groups.tolist() == ["a", "a", "c"]
    assert data.left_out == {"without features": 1}
    assert "several rows have the same 'case'" in data.notes[0]
    assert data.dropped == [{"feature": "dirty", "why": "holds text beside numbers"}]
    assert _rows.prepare({**table, "case": ["a", "b", "c", "d"]}, "y").groups is None
    with pytest.raises(ValueError, match="cannot be the target and the groups"):
        _rows.prepare(table, "y", groups="y")


def test_letters_that_look_alike_are_one():
    composed, decomposed = "M\u00fcller", "Mu\u0308ller"
    labels = {"case": [decomposed], "y": ["a"]}
    source = _rows.join_labels(_tables.read_table({"case": [composed], "f": [1.0]}), labels, ["y"])
    assert source.columns["y"].tolist() == ["a"]
