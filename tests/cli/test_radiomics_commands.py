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
from cormack.compat import _parameters
from cormack.compat.radiomics import RadiomicsFeatureExtractor

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


def test_one_image_and_settings_without_a_table(study, capsys):
    image, mask = str(study / "image.nii.gz"), str(study / "mask.nii.gz")
    ours = ["radiomics", image, mask, "-p", str(study / "Params.yaml"), "-q"]
    assert main(ours) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Case-1_Image: {image}"
    before = dict(line.split(": ", 1) for line in lines)
    assert main([*ours, "-s", "binWidth:7", "--setting", "additionalInfo:false", "-l", "2", "-f", "json"]) == 0
    (after,) = json.loads(capsys.readouterr().out)
    assert not any(name.startswith("diagnostics_") for name in after)
    assert after["original_firstorder_Mean"] != float(before["Case-1_original_firstorder_Mean"])
    extractor = RadiomicsFeatureExtractor(str(study / "Params.yaml"), binWidth=7, label=2, additionalInfo=False)
    assert {"Image": image, "Mask": mask} | extractor.execute(image, mask) == after


def test_settings_as_pyradiomics_takes_them():
    texts = ["binWidth:7", "force2D:1", "normalize:False", "sigma:1,2.5", "interpolator:sitkLinear", "binCount:none"]
    assert dict(map(_parameters.parsed, texts)) == {
        "binWidth": 7,
        "force2D": True,
        "normalize": False,
        "sigma": [1, 2.5],
        "interpolator": "sitkLinear",
        "binCount": None,
    }


def test_formats_paths_and_nan(study, capsys):
    write(study / "cases.csv", "Image,Mask,Label", "image.nii.gz,mask.nii.gz,1", "image.nii.gz,apart.nii.gz,1")
    apart = np.zeros((8, 9, 10), np.uint8)
    apart[2, 2, 2] = apart[4, 3, 5] = 1
    sitk.WriteImage(Volume(apart, spacing=(2, 1, 1)).to_sitk(), study / "apart.nii.gz")
    for name, options in {
        "out.csv": [],
        "out.json": ["--format-path", "basename"],
        "out.txt": ["--format-path", "relative", "-up"],
        "out.data": ["-f", "csv", "--skip-nans"],
    }.items():
        assert main(["radiomics", str(study / "cases.csv"), "-o", str(study / name), "-q", *options]) == 0
    whole, less = table(study / "out.csv"), table(study / "out.data")
    assert whole[0]["Image"] == str(study / "image.nii.gz")
    assert whole[1]["original_glcm_MCC"] == "nan"
    assert less[1]["original_glcm_MCC"] == ""
    rows = json.loads((study / "out.json").read_text())
    assert [row["Mask"] for row in rows] == ["mask.nii.gz", "apart.nii.gz"]
    assert rows[0]["original_shape_MeshVolume"] == float(whole[0]["original_shape_MeshVolume"])
    lines = (study / "out.txt").read_text().splitlines()
    assert "Case-2_Mask: apart.nii.gz" in lines
    assert f"Case-1_original_ngtdm_Contrast: {whole[0]['original_ngtdm_Contrast']}" in lines


def test_a_folder_of_cases_goes_on_where_it_stopped(study, capsys):
    write(study / "cases.csv", "Image,Mask", "image.nii.gz,mask.nii.gz", "absent.nii.gz,mask.nii.gz")
    options = ["-q", "-p", str(study / "Params.yaml"), "-od", str(study / "kept")]
    assert run(study, *options) == 1
    assert [path.name for path in (study / "kept").iterdir()] == ["features_1.csv"]
    first = table(study / "out.csv")
    text = (study / "kept" / "features_1.csv").read_text()
    (study / "kept" / "features_1.csv").write_text(text.replace(first[0]["original_firstorder_Mean"], "12345"))
    (study / "image.nii.gz").rename(study / "absent.nii.gz")
    assert run(study, *options) == 0
    second = table(study / "out.csv")
    assert second[0]["original_firstorder_Mean"] == "12345"
    assert second[1]["original_firstorder_Mean"] == first[0]["original_firstorder_Mean"]
    (study / "kept" / "features_2.csv").write_text("Image\n")
    assert run(study, *options) == 2
    assert "must have one row" in capsys.readouterr().err


def test_maps_are_files(study, capsys):
    image, mask = str(study / "image.nii.gz"), str(study / "mask.nii.gz")
    (study / "Params.yaml").write_text("featureClass: {firstorder: [Mean], glcm: [Contrast]}\nvoxelSetting: {}\n")
    options = ["-p", str(study / "Params.yaml"), "-m", "voxel", "-od", str(study / "maps"), "-f", "json", "-q"]
    assert main(["radiomics", image, mask, *options]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    path = row["original_firstorder_Mean"]
    assert path == str(study / "maps" / "Case-1_original_firstorder_Mean.nrrd")
    expected = RadiomicsFeatureExtractor(str(study / "Params.yaml")).execute(image, mask, voxelBased=True)
    for name in ("original_firstorder_Mean", "original_glcm_Contrast"):
        found = sitk.GetArrayFromImage(sitk.ReadImage(row[name]))
        np.testing.assert_array_equal(found, sitk.GetArrayFromImage(expected[name]))


def test_validate_writes_nothing(study, capsys):
    write(study / "cases.csv", "Image,Mask", "image.nii.gz,mask.nii.gz", "absent.nii.gz,mask.nii.gz")
    assert run(study, "--validate") == 1
    captured = capsys.readouterr()
    assert "no such file" in captured.err
    assert "1 have their files, 1 have not" in captured.out
    assert not (study / "out.csv").exists()


def test_messages_go_where_they_are_asked_for(study, capsys):
    write(study / "cases.csv", "Image,Mask", "image.nii.gz,mask.nii.gz")
    log = ["-q", "--log-file", str(study / "log.txt"), "--logging-level", "INFO"]
    assert run(study, "-p", str(study / "Params.yaml"), "-s", "sigma:2", *log) == 0
    (study / "Params.yaml").write_text("setting: {}\n")
    assert run(study, "-p", str(study / "Params.yaml"), "-v", "1", *log) == 0
    assert capsys.readouterr().err == ""
    assert "shape2D features left out" in (study / "log.txt").read_text()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["image.nii.gz"], "give a table, or the mask"),
        (["cases.csv", "mask.nii.gz"], "is for one image"),
        (["image.nii.gz", "mask.nii.gz", "-s", "binWdith:3"], "did you mean `binWidth`"),
        (["image.nii.gz", "mask.nii.gz", "-s", "binWidth"], "must be NAME:VALUE"),
        (["image.nii.gz", "mask.nii.gz", "-s", "binWidth:wide"], "`binWidth` must be a number above 0, got 'wide'"),
        (["image.nii.gz", "mask.nii.gz", "--mode", "maps"], "--mode must be one of segment, voxel, got 'maps'"),
        (["image.nii.gz", "mask.nii.gz", "-f", "xml"], "--format must be one of csv, json, txt, got 'xml'"),
        (["image.nii.gz", "mask.nii.gz", "-o", "mask.nii.gz"], "is an input; give another file"),
        (["image.nii.gz", "musk.nii.gz"], "did you mean mask.nii.gz"),
    ],
)
def test_wrong_arguments_are_one_line(study, capsys, monkeypatch, arguments, word):
    write(study / "cases.csv", "Image,Mask", "image.nii.gz,mask.nii.gz")
    monkeypatch.chdir(study)
    assert main(["radiomics", *arguments]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert word in errors[0]


def test_compare_takes_the_settings_from_the_result(study, capsys):
    write(study / "cases.csv", "Image,Mask", "absent.nii.gz,mask.nii.gz", "image.nii.gz,mask.nii.gz")
    (study / "Params.yaml").write_text(PARAMS + "    - MCC\n    - JointEnergy\nimageType:\n  Square: {binWidth: 3}\n")
    assert run(study, "-p", str(study / "Params.yaml"), "-q") == 1
    (study / "absent.nii.gz").write_bytes((study / "image.nii.gz").read_bytes())
    assert main(["compare", str(study / "out.csv")]) == 0
    printed = capsys.readouterr().out
    assert f"{14 + 18 + 2} of {14 + 18 + 2} values within" in printed
    assert "1 case has no values of PyRadiomics'" in printed
    assert main(["compare", str(study / "out.csv"), "-s", "binWidth:50"]) == 0
    assert main(["compare", str(study / "out.csv"), "-s", "normalize:1"]) == 1


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


def test_compare_takes_what_is_no_number_as_text(study, capsys):
    write(study / "cases.csv", "Image,Mask", "image.nii.gz,mask.nii.gz")
    assert run(study, "-p", str(study / "Params.yaml"), "-q") == 0
    row = table(study / "out.csv")[0]
    row["original_firstorder_Maximum"] = "n/a"
    row["original_firstorder_Mean"] = ""
    row["original_glcm_Homogeneity1"] = ""
    write(study / "out.csv", ",".join(row), ",".join(f'"{value}"' for value in row.values()))
    compare = ["compare", str(study / "out.csv"), "-p", str(study / "Params.yaml")]
    assert main(compare) == 1
    lines = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert lines["original_firstorder_Maximum"][0] == "n/a"
    assert lines["original_firstorder_Mean"][0] == "absent"
    # Absent here and there.
    assert "original_glcm_Homogeneity1" not in lines
    assert lines["55"][:3] == ["of", "57", "values"]
    assert main([*compare, "--json"]) == 1
    found = {item["feature"]: item for item in json.loads(capsys.readouterr().out)}
    assert found["original_firstorder_Maximum"]["theirs"] == "n/a"
    assert found["original_firstorder_Maximum"]["difference"] is None


def test_compare_needs_features(study, capsys):
    write(study / "cases.csv", "Image,Mask", "image.nii.gz,mask.nii.gz")
    assert main(["compare", str(study / "cases.csv")]) == 2
    assert "has no columns of features" in capsys.readouterr().err
