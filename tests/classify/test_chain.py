"""From generated lesions to a decision about ones that were not seen, by one command each: docs/classification.md."""

from __future__ import annotations

import csv
import json

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("skops")
pytest.importorskip("typer")

from cormack import phantoms, pipeline
from cormack.cli import main

SMALL = {"shape": (12, 18, 18), "diameters_mm": (6.0, 7.0), "noise": 4.0, "separation": 9}
EXPORT = {"step": "export", "pictures": False, "labels": False}


def measured(folder, name, **settings):
    """`cormack run`, without a process for each case and without its report."""
    step = {"step": "features", "families": ["first_order", "morphology"], "settings": settings}
    config = {"name": "shapes and intensities", "steps": [step, EXPORT]}
    out = folder / f"{name}-{len(settings)}"
    assert pipeline.run(folder / name / "images", config, out, masks=folder / name / "masks").failed == 0
    return out / "features.parquet"


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """A folder with generated lesions, others that are kept apart, and a model of the first."""
    folder = tmp_path_factory.mktemp("chain")
    phantoms.write_lesions(folder / "lesions", 30, **SMALL)
    phantoms.write_lesions(folder / "new", 12, seed=1, **SMALL)
    table, labels = measured(folder, "lesions"), folder / "lesions" / "labels.csv"
    train = ["train", str(table), "--labels", str(labels), "--target", "diagnosis", "--groups", "patient"]
    train += ["--model", "random-forest", "--folds", "2", "--inner-folds", "2", "--threads", "1", "--quiet"]
    train += ["--features", "mask__morph_sph*", "--features", "mask__stat_?ad"]
    assert main([*train, "--out", str(folder / "model")]) == 0
    return folder


def predicted(folder, capsys, table):
    out = folder / "predictions.csv"
    predict = ["predict", str(folder / "model"), str(table), "--labels", str(folder / "new" / "labels.csv"), "--json"]
    code = main([*predict, "--out", str(out)])
    return code, out, capsys.readouterr()


def test_lesions_that_were_not_seen_are_told_apart(chain, capsys):
    code, out, said = predicted(chain, capsys, measured(chain, "new"))
    assert code == 0, said.err
    summary = json.loads(said.out)
    assert (summary["cases"], summary["failed"], summary["settings_compared"]) == (12, 0, True)
    accuracy = summary["metrics"]["accuracy"]
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    with open(out, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with open(chain / "new" / "labels.csv", newline="", encoding="utf-8") as file:
        truths = {row["case"]: row["diagnosis"] for row in csv.DictReader(file)}
    right = [row["predicted"] == truths[row["case"]] for row in rows]
    assert len(right) == 12
    assert sum(right) / 12 == pytest.approx(accuracy["value"])
    # Nine standard deviations apart: whoever looks at the right features tells nearly all of them.
    assert sum(right) >= 9
    card = json.loads((chain / "model" / "card.json").read_text())
    assert card["rows"] == 30
    assert card["groups"] == 24
    assert card["metrics"]["auc"]["value"] > 0.8


def test_a_table_of_other_settings_is_refused(chain, capsys):
    code, _, said = predicted(chain, capsys, measured(chain, "new", resegmentation_sigma=3))
    assert code == 2
    assert "resegmentation_sigma" in said.err
    assert "other settings" in said.err
