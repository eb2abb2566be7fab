"""``cormack radiomics`` and ``cormack compare``: PyRadiomics' tables in, its columns out."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")
pytest.importorskip("yaml")

from cormack import Volume
from cormack.cli import main

sitk = pytest.importorskip("SimpleITK")

PARAMS = "setting:\n  binWidth: 20\nfeatureClass:\n  shape:\n  firstorder:\n  glcm:\n"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    rng = np.random.default_rng(3)
    image = Volume(rng.integers(-100, 100, (8, 9, 10), dtype=np.int16), spacing=(2, 1, 1))
    labels = np.zeros(image.shape, np.uint8)
    labels[2:6, 2:7, 2:5] = 1
    labels[2:6, 2:7, 5:8] = 2
    sitk.WriteImage(image.to_sitk(), tmp_path / "image.nii.gz")
    sitk.WriteImage(image.replace(labels).to_sitk(), tmp_path / "mask.nii.gz")
    (tmp_path / "broken.nii.gz").write_bytes(b"no image")
    (tmp_path / "Params.yaml").write_text(PARAMS)
    return tmp_path


def write(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n")
    return path


def table(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def run(study: Path, *arguments: str) -> int:
    return main(["radiomics", str(study / "cases.csv"), "-o", str(study / "out.csv"), *arguments])


def test_features_of_every_case_in_the_order_of_the_input(study, capsys):
    write(
        study / "cases.csv",
        "ID,Image,Mask,Label",
        "a,image.nii.gz,mask.nii.gz,2",
        f"b,{study / 'image.nii.gz'},{study / 'mask.nii.gz'},1",
        "c,image.nii.gz,mask.nii.gz,",
    )
    assert run(study, "-p", str(study / "Params.yaml"), "-j", "2") == 0
    rows = table(study / "out.csv")
    assert [row["ID"] for row in rows] == ["a", "b", "c"]
    assert list(rows[0])[:4] == ["ID", "Image", "Mask", "Label"]
    features = [name for name in rows[0] if name.startswith("original_")]
    assert len(features) == 14 + 18 + 24
    assert rows[0]["original_firstorder_Mean"] != rows[1]["original_firstorder_Mean"]
    assert all(rows[1][name] == rows[2][name] for name in features)
    assert "3 cases: 3 completed, 0 failed" in capsys.readouterr().out
    # One job or several give the same file.
    first = (study / "out.csv").read_bytes()
    assert run(study, "-p", str(study / "Params.yaml"), "-q") == 0
    assert (study / "out.csv").read_bytes() == first


def test_a_bad_case_does_not_end_the_run(study, capsys):
    write(
        study / "cases.csv",
        "Image,Mask,Label",
        "broken.nii.gz,mask.nii.gz,1",
        "absent.nii.gz,mask.nii.gz,1",
        "image.nii.gz,mask.nii.gz,9",
        "image.nii.gz,mask.nii.gz,one",
        ",mask.nii.gz,1",
        "image.nii.gz,mask.nii.gz,1",
    )
    assert run(study) == 1
    rows = table(study / "out.csv")
    assert [row["original_firstorder_Mean"] != "" for row in rows] == [False] * 5 + [True]
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 5
    for error, word in zip(
        errors, ("broken", "no such file", "`label` 9", "'one'", "column Image is empty"), strict=True
    ):
        assert error.startswith("cormack radiomics: case ")
        assert word in error


@pytest.mark.parametrize(
    ("text", "params", "word"),
    [
        ("Picture,Mask\na,b\n", PARAMS, "columns Image and Mask, got Picture, Mask"),
        ("Image,Mask\n", PARAMS, "has no case"),
        ("", PARAMS, "columns Image and Mask"),
        ("Image,Mask\na,b\n", "setting:\n  binWdith: 5\n", "`binWdith` is not supported; did you mean `binWidth`?"),
        ("Image,Mask\na,b\n", "setting: [\n", "not YAML"),
    ],
)
def test_wrong_use_writes_nothing(study, capsys, text, params, word):
    (study / "cases.csv").write_text(text)
    (study / "Params.yaml").write_text(params)
    assert run(study, "-p", str(study / "Params.yaml")) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert word in errors[0]
    assert not (study / "out.csv").exists()


def test_files_that_are_not_there(study, capsys):
    assert run(study) == 2
    write(study / "cases.csv", "Image,Mask", "image.nii.gz,mask.nii.gz")
    assert run(study, "-p", str(study / "Param.yaml")) == 2
    assert "did you mean" in capsys.readouterr().err
    assert main(["radiomics", str(study / "cases.csv"), "-o", str(study / "no" / "out.csv")]) == 2
    assert main(["radiomics", str(study / "cases.csv"), "-o", str(study / "cases.csv")]) == 2
    assert table(study / "cases.csv")[0]["Mask"] == "mask.nii.gz"


def test_a_failed_write_keeps_the_old_file(study, monkeypatch, capsys):
    write(study / "cases.csv", "Image,Mask", "image.nii.gz,mask.nii.gz")
    (study / "out.csv").write_text("precious")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "out.csv")

    monkeypatch.setattr(os, "replace", full)
    assert run(study, "-p", str(study / "Params.yaml")) == 1
    assert (study / "out.csv").read_text() == "precious"
    assert "No space left" in capsys.readouterr().err


def test_compare_shows_what_differs(study, capsys):
    write(study / "cases.csv", "Image,Mask", "image.nii.gz,mask.nii.gz")
    assert run(study, "-p", str(study / "Params.yaml"), "-q") == 0
    compare = ["compare", str(study / "out.csv"), "-p", str(study / "Params.yaml")]
    assert main(compare) == 0
    assert "56 of 56 values within 1e-06 of PyRadiomics'" in capsys.readouterr().out
    assert main([*compare, "--all"]) == 0
    assert "original_glcm_MCC" in capsys.readouterr().out
    row = table(study / "out.csv")[0]
    row["original_firstorder_Maximum"] = "5000"
    row["original_glcm_Homogeneity1"] = "0.5"
    write(study / "out.csv", ",".join(row), ",".join(f'"{value}"' for value in row.values()))
    assert main(compare) == 1
    printed = capsys.readouterr().out
    assert "original_firstorder_Maximum" in printed
    assert "absent" in printed
    assert "original_glcm_MCC" not in printed
    assert "55 of 57" in printed
    assert main([*compare, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert {"case", "feature", "theirs", "ours", "difference"} == set(found[0])


def test_compare_needs_features(study, capsys):
    write(study / "cases.csv", "Image,Mask", "image.nii.gz,mask.nii.gz")
    assert main(["compare", str(study / "cases.csv")]) == 2
    assert "has no columns of features" in capsys.readouterr().err
