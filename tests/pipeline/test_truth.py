"""Known lesions: read from CSV, compared with the candidates of a run, shown in its report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cormack import detect, io, phantoms, pipeline
from cormack._errors import ReadError
from cormack.cli.app import run_app
from cormack.pipeline.config import ConfigError
from cormack.pipeline.report import write_report
from cormack.pipeline.truth import KnownLesions, detection, read_truth, truth_of

SMALL = {"shape": (48, 128, 128), "spacing": (4.0, 2.6, 2.6), "diameters_mm": (14.0, 20.0)}


@pytest.fixture(scope="module")
def chests(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chests")
    return folder, phantoms.write_chests(folder, 2, nodules=(2, 3), seed=5, **SMALL)


def test_the_file_names_every_nodule(chests):
    folder, path = chests
    truth = read_truth(path)
    assert sorted(truth) == ["chest-01", "chest-02"]
    assert all(2 <= len(known.lesions) <= 3 for known in truth.values())
    assert sorted(item.name for item in folder.glob("*.nii.gz")) == ["chest-01.nii.gz", "chest-02.nii.gz"]


def test_a_run_finds_them_in_world_coordinates(chests, tmp_path):
    folder, path = chests
    result = pipeline.run(folder, "ct-lung", tmp_path, truth=path)
    assert result.failed == 0, [case.reason for case in result.cases]
    known = json.loads((tmp_path / "run.json").read_text())["detection"]
    lesions = sum(len(item.lesions) for item in read_truth(path).values())
    assert (known["cases"], known["lesions"]) == (2, lesions)
    assert known["found"] >= lesions - 1
    assert known["sensitivity"]["false_positives_per_case"] == [1, 2, 4]
    assert known["sensitivity"]["sensitivity"][2] == known["found"] / lesions
    case = json.loads((tmp_path / "cases" / "chest-01" / "case.json").read_text())
    found = [
        dict(zip(case["truth"]["lesions"]["columns"], row, strict=True)) for row in case["truth"]["lesions"]["rows"]
    ]
    assert all(abs(row["diameter_error_mm"]) < 3 for row in found if row["found"])


def test_the_report_and_the_command_say_it(chests, tmp_path, capsys):
    folder, path = chests
    arguments = ["run", str(folder), "--preset", "ct-lung", "--out", str(tmp_path), "--truth", str(path)]
    assert run_app(arguments) == 0
    assert "sensitivity at 2 false candidates per case: " in capsys.readouterr().out
    page = (tmp_path / "report.html").read_text()
    assert "Sensitivity at 2 false candidates per case" in page
    assert "Sensitivity against false candidates" in page
    assert run_app([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["detection"]["cases"] == 2


def test_a_run_without_a_truth_says_nothing_of_detection(chests, tmp_path):
    pipeline.run(chests[0], "generic", tmp_path)
    assert json.loads((tmp_path / "run.json").read_text())["detection"] == {}
    assert "Sensitivity" not in write_report(tmp_path).read_text()


def test_annotations_of_luna16_are_read(tmp_path):
    path = tmp_path / "annotations.csv"
    path.write_text("seriesuid,coordX,coordY,coordZ,diameter_mm\n1.2.3,-100.5,67.25,-231.8,6.4\n")
    assert read_truth(path)["1.2.3"].lesions == ((-100.5, 67.25, -231.8, 6.4),)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffcase,x_mm,y_mm,z_mm,diameter_mm\r\na,1,2,3,4\r\n\r\n,,,,\r\n",
        '"case", "x_mm", "y_mm", "z_mm", "diameter_mm"\n a , 1, 2, 3, 4\n'.replace(', "', ',"'),
        "case,x_mm,y_mm,z_mm,diameter_mm,reader\na,1,2,3,4,x\na,1.0,2,3,4,y\n,,,,,\n",
    ],
    ids=["spreadsheet", "spaces", "twice"],
)
def test_what_spreadsheets_write_is_read(tmp_path, text):
    path = tmp_path / "truth.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert {case: known.lesions for case, known in read_truth(path).items()} == {"a": ((1, 2, 3, 4),)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("case;x_mm;y_mm;z_mm;diameter_mm\na;1,5;2;3;4\n", "no column case; give the columns .*, between commas"),
        ("case,x_mm,y_mm,z_mm,diameter_mm\n,1,2,3,4\n", "line 2: it names no case"),
        (f"case,x_mm,y_mm,z_mm,diameter_mm\n{'a' * 200_000},1,2,3,4\n", "is no CSV file: field larger"),
        ("case,x_mm,y_mm,z_mm\na,1,2,3\n", "no column diameter_mm"),
        ("", "no column case"),
        ("case,x_mm,y_mm,z_mm,diameter_mm\na,1,2,3,4\na,1,two,3,4\n", "line 3: a coordinate"),
        ("case,x_mm,y_mm,z_mm,diameter_mm\na,1,2,3\n", "line 2: a coordinate"),
        ("case,x_mm,y_mm,z_mm,diameter_mm\na,1,inf,3,4\n", "line 2: coordinates must be finite"),
        (
            "case,x_mm,y_mm,z_mm,diameter_mm\na,1,2,3,0\n",
            "line 2: coordinates must be finite and the diameter positive",
        ),
    ],
)
def test_what_is_no_truth_is_refused(tmp_path, text, message):
    path = tmp_path / "truth.csv"
    path.write_text(text)
    with pytest.raises(ReadError, match=message):
        read_truth(path)


def test_cases_go_by_their_files_and_series():
    def source(name, path, uid=""):
        return io.Source(name, Path(path), "dicom" if uid else "nifti", (), uid)

    sources = [source("a_b", "a b.nii.gz"), source("x_ct", "x/ct.mhd", "1.2"), source("y_ct", "y/ct.mhd", "1.3")]
    known = {name: KnownLesions(((0, 0, 0, k),)) for k, name in enumerate(["a b", "ct", "1.3", "nobody"])}
    assert truth_of(known, sources) == [known["a b"], None, known["1.3"]]


def test_a_truth_of_other_cases_is_refused(chests, tmp_path):
    path = tmp_path / "truth.csv"
    path.write_text("case,x_mm,y_mm,z_mm,diameter_mm\nsomeone,1,2,3,4\n")
    with pytest.raises(ReadError, match="names none of the cases; its first case is someone, the images chest-01"):
        pipeline.run(chests[0], "ct-lung", tmp_path / "out", truth=path)


def test_a_truth_needs_candidates(chests, tmp_path):
    config = {"name": "lungs", "modality": "CT", "steps": [{"step": "segment", "method": "lungs"}]}
    with pytest.raises(ConfigError, match="screen"):
        pipeline.run(chests[0], config, tmp_path / "out", truth=chests[1])


def test_cases_without_lesions_count_their_false_candidates():
    def entry(found, missed, rows):
        columns = ["candidate", "lesion", "score"]
        return {
            "found": found,
            "missed": missed,
            "false_candidates": sum(row[1] < 0 for row in rows),
            "candidates": {"columns": columns, "rows": rows},
        }

    total = detection([entry(1, 1, [[1, 0, 0.9]]), entry(0, 0, [[1, -1, 0.95], [2, -1, 0.1]]), {}])
    assert (total["cases"], total["lesions"], total["found"], total["false_candidates"]) == (2, 2, 1, 2)
    assert total["sensitivity"]["sensitivity"] == [0.5, 0.5, 0.5]
    assert detect.froc([([0.9], [0], 2), ([0.95, 0.1], [-1, -1], 0)], (0,))["sensitivity"].tolist() == [0]
    assert detection([{}]) == {}


def test_candidates_without_a_score_rank_last():
    columns = ["candidate", "lesion", "score"]
    rows = [[1, 0, 3.0], [2, -1, float("nan")], [3, 1, None]]
    truth = {"found": 2, "missed": 0, "false_candidates": 1, "candidates": {"columns": columns, "rows": rows}}
    entry = detection([truth])
    assert entry["sensitivity"]["sensitivity"] == [1.0, 1.0, 1.0]
    assert entry["curve"]["sensitivity"] == [0.0, 0.5, 1.0]
