"""``cormack train`` and ``cormack predict``: from a table to a model, from a model to predictions."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("typer")
pytest.importorskip("pyarrow")
pytest.importorskip("sklearn")
pytest.importorskip("skops")

from cormack.classify import _estimators, _metrics
from cormack.cli import main
from cormack.pipeline.files import parquet_table

TYPES = {"case": str, "status": str, "region": str, "label": int, "stat_mean": float, "stat_var": float}


def write(path: Path, extraction=None, failed: bool = True) -> Path:
    """A table of a run with 40 cases of which 20 are bright, and one that failed."""
    rng = np.random.default_rng(0)
    rows = [
        {"case": f"c{n:02d}", "status": "completed", "region": "lesion", "stat_mean": n % 2 + noise, "stat_var": noise}
        for n, noise in enumerate(rng.normal(0, 0.3, 40).tolist())
    ]
    rows += [{"case": "c99", "status": "failed", "region": ""}] if failed else []
    with parquet_table(path, TYPES, {"extraction": extraction}) as add:
        add(rows)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A table, labels and a model."""
    patch = pytest.MonkeyPatch()
    patch.setitem(_estimators._CANDIDATES, "logistic", [{"C": 1.0}])
    patch.setitem(_estimators._PREPARATIONS, "logistic", _estimators.preparations("logistic")[:1])
    patch.setattr(_metrics, "RESAMPLES", 200)
    folder = tmp_path_factory.mktemp("train")
    table = write(folder / "features.parquet", {"bins": {"size": 25}, "regions": "masks"})
    labels = "".join(f"c{n:02d},{'sick' if n % 2 else 'well'},p{n // 4}\n" for n in range(40))
    (folder / "labels.csv").write_text("case,diagnosis,patient\n" + labels)
    options = ["--labels", folder / "labels.csv", "--target", "diagnosis", "--groups", "patient", "--model", "logistic"]
    fast = ["--folds", 3, "--inner-folds", 2, "--threads", 1, "--json"]
    with redirect_stdout(StringIO()) as said:
        assert main([*map(str, ["train", table, *options, *fast, "--out", folder / "model"])]) == 0
    (folder / "said.json").write_text(said.getvalue())
    yield folder
    patch.undo()


def run(capsys, *arguments) -> tuple[int, str, str]:
    code = main([*map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_train_writes_a_model_and_says_how_good_it_is(folder, tmp_path, capsys):
    assert sorted(path.name for path in (folder / "model").iterdir()) == [
        "card.json",
        "evaluation.json",
        "model.skops",
        "report.html",
    ]
    command = ["train", folder / "features.parquet", "-l", folder / "labels.csv", "-t", "diagnosis", "-m", "logistic"]
    code, out, err = run(capsys, *command, "--folds", 2, "--inner-folds", 2, "-o", tmp_path / "model")
    assert (code, err) == (0, "")
    assert out.startswith("40 cases: 20 sick, 20 well; 2 features, ")
    assert "left out: 1 failed" in out
    assert "  AUC                " in out
    assert f"Report: {tmp_path / 'model' / 'report.html'}" in out
    card = json.loads((folder / "said.json").read_text())
    assert card == json.loads((folder / "model" / "card.json").read_text())
    assert (card["rows"], card["positive"], card["extraction"]["bins"]) == (40, "well", {"size": 25})


def test_predict_writes_a_row_for_each_case_and_measures(folder, tmp_path, capsys):
    table, model, out = folder / "features.parquet", folder / "model", tmp_path / "predictions.csv"
    code, shown, err = run(capsys, "predict", model, table, "--out", out, "--labels", folder / "labels.csv")
    assert (code, err) == (1, "")
    assert "1 failed cases have no prediction" in shown
    assert "40 of these have ids of the training" in shown
    assert "accuracy" in shown
    lines = out.read_text().splitlines()
    assert lines[0] == "case,predicted,probability_sick,probability_well"
    assert len(lines) == 41
    assert (tmp_path / "predictions.html").stat().st_size > 10_000
    whole = write(tmp_path / "whole.parquet", failed=False)
    code, shown, err = run(capsys, "predict", model, whole, "-o", tmp_path / "p.parquet", "--json")
    summary = json.loads(shown)
    assert (code, err) == (0, "")
    assert (summary["cases"], summary["settings_compared"], summary["metrics"]) == (40, False, None)
    assert not (tmp_path / "p.html").exists()


def test_predict_says_which_settings_differ(folder, tmp_path, capsys):
    table = write(tmp_path / "other.parquet", {"bins": {"size": 10}, "regions": "masks"})
    code, out, err = run(capsys, "predict", folder / "model", table, "--out", tmp_path / "p.csv")
    assert (code, out) == (2, "")
    first, second = err.splitlines()
    assert first == "bins.size: the model's features have 25, the table's 10"
    assert second.endswith(
        "was extracted with other settings than the model's features: 1 differs; extract it with the model's"
    )
    assert not (tmp_path / "p.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "{table}", "-t", "diagnosis", "-o", "{new}"], "there is no column 'diagnosis' in features.parquet"),
        (["train", "{table}", "-t", "x", "-o", "{new}", "-m", "network"], "`model` must be one of 'svm'"),
        (["train", "{folder}/feature.parquet", "-t", "x", "-o", "{new}"], "did you mean"),
        (["train", "{folder}", "-t", "x", "-o", "{new}"], "is a folder; give a table"),
        (["train", "{table}", "-t", "x", "-o", "{folder}"], "exists and is no model"),
        (["predict", "{folder}", "{table}", "-o", "{new}.csv"], "is no part of a model"),
        (["predict", "{folder}/model", "{table}", "-o", "{new}"], "must end in .csv or .parquet"),
        (["predict", "{folder}/model", "{table}", "-o", "{table}"], "is an input"),
        (["predict", "{folder}/model", "{folder}/labels.csv", "-o", "{new}.csv"], "lacks 2 of the model's features"),
    ],
)
def test_wrong_use_is_one_line(folder, tmp_path, capsys, arguments, message):
    names = {"table": folder / "features.parquet", "folder": folder, "new": tmp_path / "new"}
    code, out, err = run(capsys, *(word.format(**names) for word in arguments))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
