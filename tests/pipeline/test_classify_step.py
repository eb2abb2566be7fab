"""The step `classify` says of a case what the model says of its table, and refuses other features."""

from __future__ import annotations

import csv
import json
import pickle
import shutil
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("skops")

import pyarrow.parquet as parquet

from cormack import BackendUnavailable, classify, io, phantoms, pipeline
from cormack.pipeline import ConfigError, decisions
from cormack.pipeline.report import write_report

FEATURES = {"step": "features", "families": ["first_order", "morphology"]}
EXPORT = {"step": "export", "pictures": False, "labels": False}
COLUMNS = ["mask__stat_*", "mask__morph_*"]


@pytest.fixture(scope="module")
def lesions(tmp_path_factory):
    """Generated lesions, their features without a step classify, and two models of them."""
    folder = tmp_path_factory.mktemp("lesions")
    phantoms.write_lesions(folder, 24, seed=1, shape=(12, 18, 18), diameters_mm=(5.0, 7.0), separation=8)
    config = {"name": "plain", "steps": [FEATURES, EXPORT]}
    pipeline.run(folder / "images", config, folder / "plain", masks=folder / "masks")
    for seed in (0, 1):
        model = classify.train(
            folder / "plain" / "features.parquet",
            "diagnosis",
            labels=folder / "labels.csv",
            groups="patient",
            model="logistic",
            features=COLUMNS if seed == 0 else COLUMNS[:1],
            seed=seed,
            folds=2,
            inner_folds=2,
            workers=1,
        )
        model.save(folder / f"model-{seed}")
    few = folder / "few"
    (few / "images").mkdir(parents=True)
    for number in (1, 2, 3):
        shutil.copy(folder / "images" / f"lesion-{number:03d}.nii.gz", few / "images")
    return folder


def configured(lesions, model="model-0", **features):
    steps = [FEATURES | features, {"step": "classify", "model": str(lesions / model)}, EXPORT]
    return {"name": "deciding", "steps": steps}


def run(lesions, out, config, **others):
    return pipeline.run(lesions / "few" / "images", config, out, masks=lesions / "masks", **others)


def test_a_case_has_what_the_model_says_of_the_table(lesions, tmp_path):
    result = run(lesions, tmp_path, configured(lesions))
    assert (result.completed, result.failed) == (3, 0)
    assert "classify" in result.timings
    expected = classify.predict(
        lesions / "model-0", lesions / "plain" / "features.parquet", ignore_extra=True
    ).to_pandas()
    expected = expected.set_index("case").loc[[case.id for case in result.cases]]
    with open(tmp_path / "features.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    table = parquet.read_table(tmp_path / "features.parquet")
    assert [row["predicted"] for row in rows] == table["predicted"].to_pylist() == expected["predicted"].tolist()
    for name in ("probability_benign", "probability_malignant"):
        assert [float(row[name]) for row in rows] == table[name].to_pylist()
        # One row at a time: BLAS adds the 50 products of a row in another order than in a table.
        assert table[name].to_pylist() == pytest.approx(expected[name].tolist(), rel=1e-12)

    card = json.loads((lesions / "model-0" / "card.json").read_text())
    record = json.loads((tmp_path / "cases" / "lesion-001" / "case.json").read_text())
    decision = record["decision"]
    assert decision["predicted"] == rows[0]["predicted"]
    assert decision["probabilities"]["malignant"] == float(rows[0]["probability_malignant"])
    assert (decision["model"], decision["target"], decision["learner"]) == ("model-0", "diagnosis", "logistic")
    assert decision["auc"] == card["metrics"]["auc"]
    assert record["summary"]["probability of malignant"] == decision["probabilities"]["malignant"]

    # Which model it was, in the record of the case and of the run; where it lies, nowhere.
    run_record = json.loads((tmp_path / "run.json").read_text())
    (step,) = [step for step in record["steps"] if step["kind"] == "classify"]
    assert step["parameters"] == {"model": "model-0", "sha256": decision["sha256"]}
    assert run_record["config"]["steps"][1] == {"step": "classify", **step["parameters"]}
    report = write_report(tmp_path).read_text("utf-8")
    assert f"Diagnosis: {decision['predicted']}" in report
    assert decision["sha256"][:12] in report
    for path in tmp_path.rglob("*.*"):
        assert path.is_dir() or str(lesions).encode() not in path.read_bytes(), path.name

    # Nothing is done again for the same model, everything for another one.
    def done(config):
        seen = []
        run(lesions, tmp_path, config, progress=lambda event, *rest: seen.append(event))
        return seen.count("start")

    assert done(configured(lesions)) == 0
    assert done(configured(lesions, "model-1")) == 3


def test_what_a_model_said_is_no_feature(lesions, tmp_path):
    run(lesions, tmp_path, configured(lesions))
    truths = {"case": ["lesion-001", "lesion-002", "lesion-003"], "kind": ["a", "b", "a"]}
    with pytest.raises(ValueError, match="no column fits 'mask__prob"):
        classify.train(tmp_path / "features.csv", "kind", labels=truths, features=["mask__prob*"])


def test_a_step_travels_to_other_processes(lesions):
    config = pipeline.load_config(configured(lesions))
    again = pickle.loads(pickle.dumps(config))
    assert again == config
    assert again.steps[1].model == str(lesions / "model-0")
    assert again.steps[1].extraction(True) == config.steps[1].extraction(True)


def test_features_of_other_settings_are_refused(lesions, tmp_path):
    config = configured(lesions, settings={"new_spacing": 2})
    with pytest.raises(ConfigError, match=r"classify.*other settings.*new_spacing.*2"):
        run(lesions, tmp_path, config)
    config = configured(lesions, families=["first_order"])
    with pytest.raises(ConfigError, match=r"classify.*families"):
        run(lesions, tmp_path, config)
    config = configured(lesions)
    config["steps"][0] |= {"image": "image"}
    config["steps"].insert(0, {"step": "filter", "method": "median"})
    with pytest.raises(ConfigError, match=r"classify.*other settings"):
        run(lesions, tmp_path, config)
    assert not (tmp_path / "run.json").exists()


def test_a_model_is_found_beside_the_configuration(lesions, tmp_path, monkeypatch):
    shutil.copytree(lesions / "model-0", tmp_path / "mine" / "model")
    text = "name: x\nsteps:\n  - step: features\n    families: [first_order, morphology]\n  - step: classify\n"
    (tmp_path / "mine" / "x.yaml").write_text(text + "    model: model\n")
    monkeypatch.chdir(lesions)
    config = pipeline.load_config(tmp_path / "mine" / "x.yaml")
    assert config.steps[1].model == str(tmp_path / "mine" / "model")
    assert config.model_dump()["steps"][1]["model"] == "model"
    mapping = {"name": "x", "steps": [FEATURES, {"step": "classify", "model": "model-0"}]}
    assert pipeline.load_config(mapping).steps[1].model == str(lesions / "model-0")
    # With a checksum no other model is taken.
    checksum = config.steps[1].sha256
    pinned = text + f"    model: model\n    sha256: {checksum}\n"
    (tmp_path / "mine" / "x.yaml").write_text(pinned)
    assert pipeline.load_config(tmp_path / "mine" / "x.yaml") == config
    (tmp_path / "mine" / "x.yaml").write_text(pinned.replace("model: model", f"model: {lesions / 'model-1'}"))
    with pytest.raises(
        ConfigError, match=r"x\.yaml:5: steps\[1\] \(classify\): .*is another one than this: its checksum is"
    ):
        pipeline.load_config(tmp_path / "mine" / "x.yaml")


def test_what_is_no_model_is_refused_before_any_case(lesions, tmp_path):
    def refused(words, *steps):
        with pytest.raises(ConfigError, match=words):
            pipeline.load_config({"name": "x", "steps": list(steps)})

    step = {"step": "classify", "model": str(lesions / "model-0")}
    refused("a features step must come before", step)
    refused("there is one already", FEATURES, step, step)
    refused("unknown key 'modle' .did you mean 'model'", FEATURES, {"step": "classify", "modle": "x"})
    refused("is no folder; give the folder that `cormack train` wrote", FEATURES, step | {"model": "nowhere"})
    refused("has no card.json", FEATURES, step | {"model": str(tmp_path)})
    shutil.copytree(lesions / "model-0", tmp_path / "model")
    damaged = tmp_path / "model" / "evaluation.json"
    damaged.write_text(damaged.read_text().replace("benign", "harmless"))
    refused("evaluation.json is not the file that was saved", FEATURES, step | {"model": str(tmp_path / "model")})


def test_a_case_without_the_regions_of_the_model_fails(lesions, tmp_path):
    masks = tmp_path / "masks"
    shutil.copytree(lesions / "masks", masks)
    mask = io.read(masks / "lesion-002.nii.gz")
    labels = np.asarray(mask.array) * np.where(np.arange(12) < 6, 1, 2)[:, None, None].astype(np.uint8)
    io.write(mask.replace(labels), masks / "lesion-002.nii.gz")
    result = pipeline.run(lesions / "few" / "images", configured(lesions), tmp_path / "out", masks=masks)
    assert [case.reason for case in result.cases] == [
        "",
        "the model decides by mask, and the case has mask 1, mask 2",
        "",
    ]
    with open(tmp_path / "out" / "features.csv", newline="", encoding="utf-8") as file:
        assert [bool(row["predicted"]) for row in csv.DictReader(file)] == [True, False, True]


def test_an_estimate_counts_the_libraries_of_a_model(lesions, tmp_path):
    images, masks = lesions / "few" / "images", lesions / "masks"
    with_model = pipeline.estimate(images, configured(lesions), tmp_path, masks=masks)
    without = pipeline.estimate(images, {"name": "x", "steps": [FEATURES, EXPORT]}, tmp_path, masks=masks)
    assert with_model.steps == ("import", "import mask", "features", "classify", "export")
    assert with_model.memory_bytes - without.memory_bytes == pytest.approx(360e6, rel=0.1)


def test_a_library_that_is_missing_is_named(lesions, monkeypatch):
    monkeypatch.setitem(sys.modules, "skops.io", None)
    decisions.load.cache_clear()
    with pytest.raises(BackendUnavailable, match=r"cormack\[ml\]"):
        pipeline.load_config(configured(lesions))


def test_a_model_that_changes_meanwhile_is_noticed(lesions, tmp_path, monkeypatch):
    shutil.copytree(lesions / "model-0", tmp_path / "model")
    config = pipeline.load_config(
        {"name": "x", "steps": [FEATURES, {"step": "classify", "model": str(tmp_path / "model")}]}
    )
    shutil.rmtree(tmp_path / "model")
    shutil.copytree(lesions / "model-1", tmp_path / "model")
    # As in another process, which reads it for the first time.
    decisions.load.cache_clear()
    with pytest.raises(ValueError, match="model: it was changed while it was in use"):
        run(lesions, tmp_path / "out", config)
    monkeypatch.setattr(decisions, "check", lambda config, masked: None)
    result = run(lesions, tmp_path / "out", config)
    assert result.failed == 3
    assert result.cases[0].reason == "model: it was changed while it was in use"
