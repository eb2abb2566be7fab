"""``cormack anomaly``: what it writes, prints and returns."""

from __future__ import annotations

import csv
import json
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("typer")
pytest.importorskip("pydantic")
pytest.importorskip("jinja2")
pytest.importorskip("sklearn")
pytest.importorskip("skops")

from cormack import Volume, anomaly, filters, io
from cormack._workers import Outcome
from cormack.anomaly import _cohort
from cormack.cli import main


def write_image(path: Path, seed: int, lesion: bool = False) -> None:
    image = filters.gaussian_filter(np.random.default_rng(seed).normal(0, 30, (12, 32, 32)).astype(np.float32), 1.0)
    if lesion:
        image[4:9, 10:17, 12:19] += 40
    path.parent.mkdir(parents=True, exist_ok=True)
    io.write(Volume(image, (2.0, 1.0, 1.0)), path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("anomaly")
    for seed in range(5):
        write_image(root / "normal" / f"n{seed}.nii", seed)
    (root / "normal" / "broken.nii").write_text("no image")
    # Not what the others are measured by, although they come first.
    io.write(Volume(np.ones((9, 9), np.int16)), root / "normal" / "a-flat.nii")
    io.write(Volume(np.ones((4, 9, 9), np.int16), 7.0), root / "normal" / "a-coarse.nii")
    io.write(Volume(np.full((4, 9, 9), np.nan, np.float32), (2.0, 1.0, 1.0)), root / "normal" / "hole.nii")
    write_image(root / "new" / "healthy.nii", 50)
    write_image(root / "new" / "ill.nii", 51, lesion=True)
    (root / "new" / "broken.nii").write_text("no image")
    return root


@pytest.fixture(scope="module", autouse=True)
def no_processes():
    """Starting one takes seconds: what would be sent to it is packed and unpacked here, as it is sent."""

    def here(call, jobs, **_):
        for index, job in enumerate(jobs):
            function, given = pickle.loads(pickle.dumps((call, job)))
            yield Outcome(index, function(given))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_cohort, "map_isolated", here)
        yield


@pytest.fixture(scope="module")
def out(folder: Path) -> Path:
    assert (
        main(["anomaly", "images", f"{folder / 'normal'}", f"{folder / 'new'}", "-o", f"{folder / 'out'}", "-q"]) == 1
    )
    return folder / "out"


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_images_are_scored_and_a_broken_one_ends_nothing(out):
    rows = {row["case"]: row for row in rows_of(out / "scores.csv")}
    assert {name: row["status"] for name, row in rows.items()} == {
        "broken": "failed",
        "healthy": "completed",
        "ill": "completed",
    }
    assert rows["ill"]["outlier"] == "1"
    assert rows["healthy"]["outlier"] == "0"
    assert float(rows["ill"]["p_value"]) == pytest.approx(1 / 6)
    assert "NIfTI" in rows["broken"]["reason"]
    record = json.loads((out / "anomaly.json").read_text())
    assert record["normal"]["images"] == 5
    assert record["normal"]["cases"] == [f"n{seed}" for seed in range(5)]
    left_out = {entry["case"]: entry["reason"] for entry in record["normal"]["left_out"]}
    assert left_out.keys() == {"broken", "hole", "a-flat", "a-coarse"}
    assert "must be finite" in left_out["hole"]
    assert left_out["a-flat"] == "it is 2-D, most are 3-D"
    assert "that of most is (2.0, 1.0, 1.0) mm" in left_out["a-coarse"]
    assert record["notes"] == []
    ill = next(case for case in record["cases"] if case["id"] == "ill")
    heat = io.read(out / ill["folder"] / "heat.nii.gz")
    assert heat.spacing == (2.0, 1.0, 1.0)
    assert heat.shape == (12, 32, 32)
    assert np.unravel_index(np.asarray(heat).argmax(), heat.shape) == tuple(ill["peak"])
    assert (out / ill["folder"] / "axial.png").read_bytes().startswith(b"\x89PNG")


def test_the_report_is_one_file(out):
    page = (out / "report.html").read_text("utf-8")
    assert page.count("data:image/png;base64,") >= 2
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page)
    assert "was left out of the normal images" in page
    assert str(out) not in page


def test_an_image_of_the_reference_is_not_taken_for_a_new_one(folder, tmp_path):
    record = anomaly.score_folder(folder / "normal", folder / "normal" / "n1.nii", tmp_path, memory=100)
    assert record["notes"] == ["1 of the images is among the normal ones: scores are too low, p-values too large"]
    assert record["notes"][0] in (tmp_path / "report.html").read_text("utf-8")


def test_a_model_is_used_again(folder, out, capsys):
    arguments = ["anomaly", "images", f"{out / 'model'}", f"{folder / 'new' / 'healthy.nii'}", "--json"]
    assert main([*arguments, "-o", f"{folder / 'again'}"]) == 0
    found = json.loads(capsys.readouterr().out)
    first = next(row for row in rows_of(out / "scores.csv") if row["case"] == "healthy")
    assert found["cases"][0]["score"] == float(first["score"])
    assert found["outliers"] == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--patch", "8"], "`patch` must be odd"),
        (["--smoothing", "2"], "--smoothing is for --model FILE.onnx"),
        (["--model", "nowhere.onnx"], "nowhere.onnx does not exist"),
        (["--masks", "nowhere"], "nowhere does not exist"),
        (["--spacing", "two"], "--spacing 'two' must be"),
    ],
)
def test_wrong_use_of_images(folder, options, words, capsys, tmp_path):
    normal, new = folder / "normal", folder / "new"
    assert main(["anomaly", "images", f"{normal}", f"{new}", "--out", f"{tmp_path / 'o'}", *options]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "o" / "scores.csv").exists()


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("tables")
    values = np.random.default_rng(0).normal(size=(60, 3))
    with open(root / "all.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["case", "diagnosis", "a", "b", "c"])
        writer.writerows([f"p{i}", "ill" if i >= 50 else "well", *row] for i, row in enumerate(values + 0.0))
        writer.writerow(["<i>odd", "ill", 50, 0, 0])
    return root


def test_a_table_is_learnt_and_scored(tables, capsys):
    model, scores = tables / "model", tables / "scores.csv"
    fitted = ["anomaly", "fit", f"{tables / 'all.csv'}", "-r", "diagnosis=well", "-m", "mahalanobis", "-o", f"{model}"]
    assert main([*fitted, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["features"]) == (50, ["a", "b", "c"])
    assert main(["anomaly", "score", f"{model}", f"{tables / 'all.csv'}", "--out", f"{scores}", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == 61
    assert found["cases"][-1]["outlier"] is True
    assert found["cases"][-1]["features"][0][0] == "a"
    row = rows_of(scores)[-1]
    assert (row["case"], row["diagnosis"], row["outlier"], row["feature_1"]) == ("<i>odd", "ill", "1", "a")
    assert [row["in_reference"] for row in rows_of(scores)] == ["1"] * 50 + ["0"] * 11
    page = (tables / "scores.html").read_text("utf-8")
    assert "robust z" in page
    assert "50 of the rows are of the reference" in page
    assert "&lt;i&gt;odd" in page
    assert "<i>odd" not in page


def test_scores_as_parquet(tables):
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tables / "scores.parquet"
    assert main(["anomaly", "score", f"{tables / 'model'}", f"{tables / 'all.csv'}", "-o", f"{out}", "-q"]) == 0
    found = parquet.read_table(out).to_pydict()
    assert found["case"][-1] == "<i>odd"
    assert found["outlier"][-1] is True


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fit", "all.csv", "--out", "m", "--reference", "diagnosis"], "is no COLUMN=VALUE"),
        (
            ["fit", "all.csv", "--out", "m", "-r", "diagnosis=green"],
            "must name a value of diagnosis, which has ill, well",
        ),
        (["fit", "all.csv", "--out", "m", "-m", "svm"], "`method` must be one of"),
        (["fit", "al.csv", "--out", "m"], "did you mean"),
        (["fit", "all.csv", "--out", ".", "-m", "svm"], "exists and is no model"),
        (["score", ".", "all.csv", "--out", "s.csv"], "is no part of a model"),
        (["score", "model", "all.csv", "--out", "s.txt"], "must end in .csv or .parquet"),
    ],
)
def test_wrong_use_of_tables(tables, arguments, words, capsys, monkeypatch):
    monkeypatch.chdir(tables)
    assert main(["anomaly", *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.startswith("cormack anomaly: ")
    assert len(error.splitlines()) == 1


def test_help_names_the_three(capsys):
    assert main(["anomaly", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ("fit", "score", "images"))
