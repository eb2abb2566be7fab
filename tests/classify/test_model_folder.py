"""The folder of a model: what is written is what is read, and whatever is not a model is refused before it is run."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import os
import pickle
import shutil
import zipfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("skops")

from cormack import classify
from cormack.classify import ModelRefused, TableRefused, _estimators


@pytest.fixture
def folder(saved, tmp_path):
    """A copy that may be changed."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


class Evil:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return (os.mkdir, ("evil",))


def rewrite(folder: Path, **contents: bytes) -> None:
    """Change files of a model, and its card's checksums with them, as a forger would."""
    card = json.loads((folder / "card.json").read_text())
    for name, content in contents.items():
        name = {"skops": "model.skops", "evaluation": "evaluation.json"}[name]
        (folder / name).write_bytes(content)
        card["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / "card.json").write_text(json.dumps(card))


def edit_archive(folder: Path, change) -> bytes:
    """Return model.skops after ``change(name, content)`` of each entry."""
    out = io.BytesIO()
    with zipfile.ZipFile(folder / "model.skops") as given, zipfile.ZipFile(out, "w") as made:
        for name in given.namelist():
            made.writestr(*change(name, given.read(name)))
    return out.getvalue()


def edit_card(folder: Path, **changes) -> None:
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | changes))


# --- What is written -------------------------------------------------------------------------------------------------


def test_a_folder_holds_four_files_and_its_checksums(saved):
    assert sorted(os.listdir(saved)) == ["card.json", "evaluation.json", "model.skops", "report.html"]
    card = json.loads((saved / "card.json").read_text())
    for name, checksum in card["files"].items():
        assert hashlib.sha256((saved / name).read_bytes()).hexdigest() == checksum
    assert "not a medical device" in card["note"]


def kinds(classes):
    kind = np.arange(90) % classes
    return {"size": kind + np.sin(np.arange(90)), "texture": np.cos(np.arange(90) ** 2), "kind": kind}


@lru_cache
def trained(name, calibration, classes):
    """A model that is not to be changed."""
    return classify.train(
        kinds(classes), "kind", model=name, calibration=calibration, folds=2, inner_folds=2, workers=1
    )


@pytest.mark.parametrize(
    ("name", "calibration", "classes"),
    [
        ("random-forest", "isotonic", 3),
        ("boosting", "isotonic", 3),
        ("logistic", "sigmoid", 2),
    ],
)
def test_what_is_read_predicts_what_was_trained(tmp_path, name, calibration, classes):
    table, model = kinds(classes), trained(name, calibration, classes)
    read = classify.load_model(model.save(tmp_path / "model"))
    ours, theirs = model.predict(table), read.predict(table)
    assert all(np.array_equal(ours[column], theirs[column]) for column in ours)
    assert list(ours) == ["case", "predicted", *(f"probability_{k}" for k in range(classes))]
    assert read.card == model.card
    assert read.evaluation == model.evaluation


def test_support_vectors_are_read_as_they_were(model, saved, cells):
    ours, theirs = model.predict(cells), classify.load_model(saved).predict(cells)
    assert all(np.array_equal(ours[column], theirs[column]) for column in ours)


def test_every_candidate_is_of_known_types():
    """Whatever a search may choose can be read again; the two of the other tests are not all."""
    steps = {
        type(step).__name__
        for name in _estimators.MODELS
        for prep in _estimators.preparations(name)
        for _, step in _estimators.preparation(prep, 0).steps
    }
    assert steps <= {
        "VaryingFeatures",
        "SimpleImputer",
        "UncorrelatedFeatures",
        "StandardScaler",
        "RobustScaler",
        "RelevantFeatures",
    }


def test_saving_again_gives_the_same_bytes_and_replaces_no_other_folder(model, saved, tmp_path):
    again = model.save(tmp_path / "again")
    names = ("model.skops", "evaluation.json", "card.json")
    assert all((again / name).read_bytes() == (saved / name).read_bytes() for name in names)
    model.save(again)
    (again / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="exists and is no model"):
        model.save(again)
    assert (again / "notes.txt").read_text() == "mine"


# --- What is refused when it is read ---------------------------------------------------------------------------------


def test_a_pickle_is_refused_wherever_it_lies(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evil = pickle.dumps(Evil())
    (folder / "model.pkl").write_bytes(evil)
    with pytest.raises(ModelRefused, match=r"'model\.pkl' is no part of a model"):
        classify.load_model(folder)
    (folder / "model.pkl").unlink()
    archive = edit_archive(folder, lambda name, content: (name, content))
    rewrite(folder, skops=evil)
    with pytest.raises(ModelRefused, match="a pickle is never read"):
        classify.load_model(folder)
    with zipfile.ZipFile(added := io.BytesIO(archive), "a") as made:
        made.writestr("model.pkl", evil)
    rewrite(folder, skops=added.getvalue())
    with pytest.raises(ModelRefused, match=r"holds 'model\.pkl'"):
        classify.load_model(folder)
    # In the place of an array: NumPy would unpickle it if it were allowed to.
    rewrite(folder, skops=archive)
    hidden = io.BytesIO()
    np.save(hidden, np.array([Evil()], object), allow_pickle=True)
    rewrite(
        folder,
        skops=edit_archive(folder, lambda name, old: (name, hidden.getvalue() if name.endswith(".npy") else old)),
    )
    with pytest.raises(ModelRefused, match="cannot be read"):
        classify.load_model(folder)
    assert not Path("evil").exists()


@pytest.mark.parametrize(
    "node",
    [
        {"__class__": "system", "__module__": "posix", "__loader__": "FunctionNode", "content": "echo"},
        {"__class__": "partial", "__module__": "functools", "__loader__": "PartialNode"},
        {"__class__": "Evil", "__module__": "test_model_folder", "__loader__": "ObjectNode", "content": None},
        {"__class__": "dict", "__module__": "builtins", "__loader__": "MethodNode", "content": {}},
        {"__class__": "attrgetter", "__module__": "operator", "__loader__": "OperatorFuncNode", "content": []},
    ],
    ids=lambda node: node["__loader__"],
)
def test_types_that_no_model_has_are_refused(folder, node):
    def change(name, content):
        if name == "schema.json":
            schema = json.loads(content)
            schema["content"]["estimator"] = node
            content = json.dumps(schema).encode()
        return name, content

    rewrite(folder, skops=edit_archive(folder, change))
    with pytest.raises(ModelRefused, match="holds types that no model has"):
        classify.load_model(folder)


@pytest.mark.parametrize("name", ["../evil.npy", "/tmp/evil.npy", "a/b.npy", "..\\evil.npy"])
def test_paths_in_the_archive_are_refused(folder, name):
    with zipfile.ZipFile(folder / "model.skops", "a") as archive:
        archive.writestr(name, b"x")
    rewrite(folder, skops=(folder / "model.skops").read_bytes())
    with pytest.raises(ModelRefused, match="no paths"):
        classify.load_model(folder)


def test_links_and_other_files_are_refused(folder, tmp_path):
    outside = tmp_path / "outside.skops"
    shutil.move(folder / "model.skops", outside)
    (folder / "model.skops").symlink_to(outside)
    with pytest.raises(ModelRefused, match=r"model\.skops is a link"):
        classify.load_model(folder)
    (folder / "model.skops").unlink()
    with pytest.raises(ModelRefused, match=r"model\.skops is missing"):
        classify.load_model(folder)
    shutil.move(outside, folder / "model.skops")
    (folder / "more").mkdir()
    with pytest.raises(ModelRefused, match="'more' is no part"):
        classify.load_model(folder)


@pytest.mark.parametrize("name", ["model.skops", "evaluation.json"])
def test_changed_bytes_are_refused(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ModelRefused, match="checksum differs"):
        classify.load_model(folder)


def test_a_card_of_another_model_is_refused(folder):
    card = json.loads((folder / "card.json").read_text())
    edit_card(folder, features=[*card["features"][1:], "other"])
    with pytest.raises(ModelRefused, match="other features or classes"):
        classify.load_model(folder)
    edit_card(folder, features=card["features"], classes=["healthy", "sick"])
    with pytest.raises(ModelRefused, match="other features or classes"):
        classify.load_model(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "network"}, "must be of kind 'classifier'"),
        ({"format": 2}, "format 1"),
        ({"files": {"../model.skops": "0"}}, "must name the checksums"),
        ({"priors": [1]}, "lacks what a model needs"),
        ({"extraction": "none"}, "lacks what a model needs"),
        ({"metrics": {"auc": 3}}, "lacks what a model needs"),
        ({"classes": [["benign"], "malignant"]}, "lacks what a model needs"),
        ({"threshold": float("nan")}, "NaN is no number"),
    ],
)
def test_cards_of_another_form_are_refused(folder, changes, message):
    edit_card(folder, **changes)
    with pytest.raises(ModelRefused, match=message):
        classify.load_model(folder)


@pytest.mark.parametrize("change", [{"dropped_features": [1]}, {"predictions": 5}])
def test_evaluations_of_another_form_are_refused(folder, change):
    content = json.loads((folder / "evaluation.json").read_text()) | change
    rewrite(folder, evaluation=json.dumps(content).encode())
    with pytest.raises(ModelRefused, match="lacks what a model needs"):
        classify.load_model(folder)


def test_archives_that_would_fill_the_memory_are_refused(folder, monkeypatch):
    monkeypatch.setattr("cormack._model_folder._SMALL_UNPACKED", 1 << 20)
    with zipfile.ZipFile(folder / "model.skops", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.npy", bytes(1 << 23))
    rewrite(folder, skops=(folder / "model.skops").read_bytes())
    with pytest.raises(ModelRefused, match="larger unpacked than a model may be"):
        classify.load_model(folder)


def test_functions_of_numpy_are_not_called_as_generators(folder):
    def node(kind, content):
        return {"__class__": "dict", "__module__": "builtins", "__loader__": kind, "content": content}

    def change(name, content):
        if name == "schema.json":
            schema = json.loads(content)
            state = node("DictNode", {"bit_generator": node("JsonNode", '"seed"')})
            generator = {"__class__": "Generator", "__module__": "numpy.random._generator"}
            inside = {"bit_generator": state, "seed_seq": node("JsonNode", "null")}
            schema["content"]["estimator"] = generator | {"__loader__": "RandomGeneratorNode", "content": inside}
            content = json.dumps(schema).encode()
        return name, content

    rewrite(folder, skops=edit_archive(folder, change))
    with pytest.raises(ModelRefused, match=r"holds types that no model has: numpy\.random\.seed"):
        classify.load_model(folder)


def test_what_is_no_folder_of_a_model_is_refused(folder, tmp_path):
    with pytest.raises(ModelRefused, match="is not there"):
        classify.load_model(tmp_path / "nothing")
    with pytest.raises(ModelRefused, match="is no folder"):
        classify.load_model(folder / "card.json")
    (folder / "card.json").write_text("[" * 100_000)
    with pytest.raises(ModelRefused, match="is no JSON"):
        classify.load_model(folder)


def replaced(estimator, attribute, value):
    """Save a model with one of its parts changed; as what a forger writes who knows how."""
    old = getattr(estimator, attribute)
    setattr(estimator, attribute, value)
    return old


def test_numbers_that_would_lead_compiled_code_astray_are_refused(model, tmp_path):
    svm = model.estimator.calibrated_classifiers_[0].estimator[-1]
    old = replaced(svm, "_n_support", svm._n_support + np.int32(1000))
    try:
        model.save(tmp_path / "svm")
    finally:
        svm._n_support = old
    with pytest.raises(ModelRefused, match="support vectors are not as many"):
        classify.load_model(tmp_path / "svm")

    forest = copy.deepcopy(trained("random-forest", "isotonic", 3))
    tree = forest.estimator.calibrated_classifiers_[0].estimator[-1].estimators_[0].tree_
    state = tree.__getstate__()
    state["nodes"]["feature"][0] = 10**6
    tree.__setstate__(state)
    with pytest.raises(ModelRefused, match="ask for other features"):
        classify.load_model(forest.save(tmp_path / "forest"))
    state["nodes"]["feature"][0] = 0
    state["nodes"]["left_child"][0] = 0
    tree.__setstate__(state)
    with pytest.raises(ModelRefused, match="lead nowhere"):
        classify.load_model(forest.save(tmp_path / "forest"))


# --- Tables that are refused -----------------------------------------------------------------------------------------


def test_missing_and_other_features_are_refused(model, cells):
    with pytest.raises(TableRefused, match="lacks 2 of the model's features: texture, flat"):
        model.predict({"size": cells["size"], "double": cells["double"]})
    more = {**cells, "colour": cells["size"]}
    with pytest.raises(TableRefused, match="has 1 features that the training did not have: colour"):
        model.predict(more)
    assert np.array_equal(
        model.predict(more, ignore_extra=True)["probability_benign"], model.predict(cells)["probability_benign"]
    )
    with pytest.raises(TableRefused, match="must be numbers, the table has text in size"):
        model.predict({**cells, "size": np.full(90, "large")})


def test_a_case_without_features_gets_no_prediction(model, cells):
    """Not that of the medians of the training."""
    table = {name: cells[name][:3].copy() for name in ("size", "texture", "double", "flat", "diagnosis", "patient")}
    # What the model does not use says nothing: double is size once more, flat is constant.
    table["size"][0] = table["texture"][0] = np.nan
    table["size"][1] = np.nan
    found = model.predict(table)
    assert found["predicted"].tolist()[0] is None
    assert np.isnan(found["probability_malignant"]).tolist() == [True, False, False]
    measured = classify.evaluate(model, table)
    assert ([row["row"] for row in measured["predictions"]], measured["unmeasured"]) == ([1, 2], 1)
    alone = {name: column[:1] for name, column in table.items()}
    assert model.predict(alone)["predicted"].tolist() == [None]
    with pytest.raises(ValueError, match="no case of the table that has a truth has a feature"):
        classify.evaluate(model, alone)


def test_models_of_single_objects_predict_each_of_them():
    """Also where the targets, which say that rows are objects, are not in the table."""
    number = np.arange(40)
    rows = {"case": [f"c{n // 2}" for n in number], "status": ["completed"] * 40, "region": ["nodules"] * 40}
    rows |= {"label": number % 2 + 1, "size": number % 2 + np.sin(number)}
    kind = {"kind": np.where(number % 2, "solid", "cyst")}
    one = classify.train({**rows, **kind}, "kind", model="logistic", folds=2, inner_folds=2, workers=1)
    assert (one.features, one.card["group_column"]) == (("size",), "case")
    assert one.predict(rows)["predicted"].shape == (40,)
    assert len(classify.evaluate(one, {**rows, **kind})["predictions"]) == 40
    same = {**rows, "kind": np.where(number // 2 % 2, "solid", "cyst")}
    assert len(classify.evaluate(one, same)["predictions"]) == 40


def test_features_that_were_not_asked_for_are_not_extra(cells):
    table = {**cells, "case": np.arange(90)}
    one = classify.train(table, "diagnosis", model="logistic", features=["si*"], folds=2, inner_folds=2, workers=1)
    assert one.features == ("size",)
    assert one.predict(table)["predicted"].shape == (90,)
    with pytest.raises(TableRefused, match="did not have: colour"):
        one.predict({**table, "colour": cells["size"]})


def test_a_row_does_not_depend_on_the_others(model, cells):
    whole = model.predict(cells)
    alone = model.predict({name: column[5:6] for name, column in cells.items()})
    assert alone["probability_malignant"][0] == pytest.approx(whole["probability_malignant"][5], rel=1e-12)


def test_evaluate_measures_against_a_second_table(model, cells):
    numbers = np.arange(90)
    table = {"case": numbers, **{name: cells[name] for name in ("size", "texture", "double", "flat")}}
    labels = {"case": [str(n) for n in range(1, 91)], "diagnosis": np.roll(cells["diagnosis"], -1)}
    found = classify.evaluate(model, table, labels=labels)
    assert (len(found["predictions"]), found["left_out"]) == (89, 1)
    assert found["predictions"][0]["truth"] == cells["diagnosis"][1]
    assert found["metrics"]["auc"]["low"] < found["metrics"]["auc"]["value"]
    # The same rows four times are no more cases, and say so where groups are not known.
    four = {
        name: np.tile(column, 4) for name, column in {**table, "diagnosis": np.roll(labels["diagnosis"], 1)}.items()
    }
    again = classify.evaluate(model, four)
    assert not again["grouped"]
    ends = [(each["metrics"]["accuracy"]["low"], each["metrics"]["accuracy"]["high"]) for each in (found, again)]
    assert ends[1] == pytest.approx(ends[0], abs=0.03)
    with pytest.raises(ValueError, match="must hold the model's classes, 'benign', 'malignant', got 'healthy'"):
        classify.evaluate(model, table, labels={"case": numbers, "diagnosis": np.full(90, "healthy")})
