"""Training: metrics as scikit-learn's, no leakage, the same numbers for the same seed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

pytest.importorskip("sklearn")

from cormack import classify
from cormack.classify import _estimators, _metrics, _training

sklearn_metrics = pytest.importorskip("sklearn.metrics")

# Fits of the last two have no threads of their own.
NAMES = ["random-forest", "boosting", *(pytest.param(name, marks=pytest.mark.slow) for name in ("svm", "logistic"))]


def train(table, **settings):
    chosen = {"model": "logistic", "folds": 2, "inner_folds": 2, "workers": 1, **settings}
    return classify.train(table, chosen.pop("target", "diagnosis"), **chosen)


# --- Metrics ---------------------------------------------------------------------------------------------------------


def by_sklearn(truth, probabilities, predicted, weights):
    m, w = sklearn_metrics, {"sample_weight": weights}
    classes = probabilities.shape[1]
    positives = [1] if classes == 2 else range(classes)
    one = [(truth == k, probabilities[:, k], predicted == k) for k in positives]
    return {
        "auc": np.mean([m.roc_auc_score(t, p, **w) for t, p, _ in one]),
        "average_precision": np.mean([m.average_precision_score(t, p, **w) for t, p, _ in one]),
        "accuracy": m.accuracy_score(truth, predicted, **w),
        "balanced_accuracy": m.balanced_accuracy_score(truth, predicted, **w),
        "sensitivity": np.mean([m.recall_score(t, g, **w) for t, _, g in one]),
        "specificity": np.mean([m.recall_score(~t, ~g, **w) for t, _, g in one]),
        "ppv": np.mean([m.precision_score(t, g, **w) for t, _, g in one]),
        "npv": np.mean([m.precision_score(~t, ~g, **w) for t, _, g in one]),
        "f1": np.mean([m.f1_score(t, g, **w) for t, _, g in one]),
        "mcc": m.matthews_corrcoef(truth, predicted, **w),
        "brier": np.average(
            (probabilities[:, 1] - truth) ** 2
            if classes == 2
            else ((probabilities - np.eye(classes)[truth]) ** 2).sum(axis=1),
            weights=weights,
        ),
        "log_loss": m.log_loss(truth, probabilities, labels=range(classes), **w),
    }


@pytest.mark.parametrize(("classes", "ties"), [(2, False), (2, True), (3, False)])
def test_metrics_match_sklearn(classes, ties):
    rng = np.random.default_rng(classes)
    truth = rng.integers(0, classes, 80)
    scores = rng.random((80, classes)) + np.eye(classes)[truth] * 0.6
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    if ties:
        probabilities = np.round(probabilities, 1)
    predicted = probabilities.argmax(axis=1)
    weights = rng.integers(0, 4, (3, 80)).astype(float)
    found = _metrics.measure(truth, probabilities, predicted, weights)
    for place, each in enumerate(weights):
        expected = by_sklearn(truth, probabilities, predicted, each)
        assert {name: values[place] for name, values in found.items()} == pytest.approx(expected, rel=1e-9)


def test_intervals_resample_groups_and_do_not_shrink_with_copies():
    rng = np.random.default_rng(1)
    truth = np.arange(60) % 2
    probabilities = np.clip(0.5 + (truth - 0.5) * 0.4 + rng.normal(0, 0.3, 60), 0, 1)
    probabilities = np.column_stack([1 - probabilities, probabilities])
    predicted = (probabilities[:, 1] > 0.5).astype(int)
    once = _metrics.with_intervals([(truth, probabilities, predicted)], np.arange(60), 0)
    four = [np.repeat(each, 4, axis=0) for each in (truth, probabilities, predicted)]
    copied = _metrics.with_intervals([tuple(four)], np.repeat(np.arange(60), 4), 0)
    for name, each in once.items():
        # Nearly: how much groups vary is estimated, and trials are at most as many as rows.
        widths = [found[name]["high"] - found[name]["low"] for found in (once, copied)]
        assert copied[name]["value"] == pytest.approx(each["value"])
        assert widths[0] * 0.8 < widths[1] < widths[0] * 1.15
    assert all(each["low"] < each["value"] < each["high"] for each in once.values())


def test_faultless_predictions_have_an_interval():
    truth = np.arange(40) % 2
    found = _metrics.with_intervals([(truth, np.eye(2)[truth], truth)], np.arange(40), 0)
    # Wilson's interval of 20 of 20, and for both classes together of 40 of 40.
    assert found["sensitivity"] == pytest.approx({"value": 1.0, "low": 0.8389, "high": 1.0}, abs=1e-4)
    assert found["auc"]["low"] == found["accuracy"]["low"] == pytest.approx(0.9124, abs=1e-4)
    assert found["mcc"]["low"] < 0.9
    # Cases of one class alone have a sensitivity.
    found = _metrics.with_intervals([(truth[1::2], np.eye(2)[truth[1::2]], truth[1::2])], np.arange(20), 0)
    assert found["sensitivity"]["low"] == pytest.approx(0.8389, abs=1e-4)
    assert found["auc"] == {"value": None, "low": None, "high": None}


def test_shares_of_rows_have_wilsons_interval():
    """By percentiles of a bootstrap 47 of 50 would reach to 1."""
    truth = np.arange(50) % 2
    predicted = np.where(np.arange(50) < 3, 1 - truth, truth)
    found = _metrics.with_intervals([(truth, np.eye(2)[predicted], predicted)], np.arange(50), 0)
    assert found["accuracy"] == pytest.approx({"value": 0.94, "low": 0.8378, "high": 0.9794}, abs=1e-4)
    assert all(found[name]["high"] < 1 for name in ("auc", "balanced_accuracy", "mcc", "f1"))


def test_intervals_hold_the_truth_as_often_as_they_say(monkeypatch):
    """Normal scores of two classes, also five alike for each patient; the share of misses is that of 95 % or nearly."""
    monkeypatch.setattr(_metrics, "RESAMPLES", 100)
    rng = np.random.default_rng(0)
    for patients, size in ((30, 1), (24, 5)):
        truth, patient = np.repeat(np.arange(patients) % 2, size), np.repeat(np.arange(patients), size)
        hits = np.zeros(2)
        for _ in range(60):
            scores = 2 * truth + 0.8 * rng.normal(size=patients)[patient] + 0.6 * rng.normal(size=len(truth))
            probability = 1 / (1 + np.exp(1 - scores))
            each = (truth, np.column_stack([1 - probability, probability]), (probability > 0.5).astype(int))
            found = _metrics.with_intervals([each], patient, 0)
            expected = {"auc": 0.9214, "accuracy": 0.8413}
            hits += [found[name]["low"] <= value <= found[name]["high"] for name, value in expected.items()]
        # Of 60 intervals that hold it in 95 % of cases, fewer than 52 do so once in a hundred.
        assert min(hits) >= 52


# --- Leakage ---------------------------------------------------------------------------------------------------------


def test_no_group_is_on_both_sides_of_a_fold(model):
    folds: dict[str, set[int]] = {}
    for row in model.evaluation["predictions"]:
        folds.setdefault(row["group"], set()).add(row["fold"])
    assert all(len(each) == 1 for each in folds.values())
    assert sorted(row["row"] for row in model.evaluation["predictions"]) == list(range(90))
    assert [entry["train_rows"] + entry["test_rows"] for entry in model.evaluation["folds"]] == [90] * 3


def test_the_number_of_the_patient_lifts_no_score():
    """A patient's rows are alike in number and class: known groups would give it away."""
    rng = np.random.default_rng(3)
    patient = np.repeat(np.arange(24), 6)
    sick = rng.permutation(np.arange(24) % 2)[patient]
    table = {"sick": sick, "patient": patient, "number": patient + 0.25}
    with_number = train(table, target="sick", groups="patient", model="random-forest")
    leaky = train({**table, "patient": np.arange(144)}, target="sick", groups="patient", model="random-forest")
    assert with_number.features == ("number",)
    assert with_number.card["metrics"]["auc"]["value"] < 0.65
    # What the groups prevent.
    assert leaky.card["metrics"]["auc"]["value"] > 0.9


def test_noise_has_no_score():
    """Selection outside the folds would make something of hundreds of columns of noise."""
    rng = np.random.default_rng(5)
    table = {f"f{number}": rng.normal(size=60) for number in range(200)} | {"y": np.arange(60) % 2}
    assert abs(train(table, target="y", model="svm").card["metrics"]["auc"]["value"] - 0.5) < 0.2


# --- The same numbers ------------------------------------------------------------------------------------------------


def comparable(model):
    rows = sorted(model.evaluation["predictions"], key=lambda row: (row["id"], row["repeat"]))
    return (
        model.card["metrics"],
        model.card["parameters"],
        model.evaluation["importances"],
        [{**row, "row": None} for row in rows],
    )


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_numbers_for_threads_and_order_of_rows(cells, name):
    cells = {"case": np.arange(60), **{key: column[:60] for key, column in cells.items()}}
    first = train(cells, model=name, groups="patient")
    order = np.random.default_rng(0).permutation(60)
    again = train({key: column[order] for key, column in cells.items()}, model=name, groups="patient", workers=3)
    assert comparable(again) == comparable(first)


def test_another_seed_splits_otherwise_and_the_positive_class_and_score_are_chosen(cells):
    one = train(cells)
    other = train(cells, seed=1, positive="benign", scoring="balanced_accuracy")
    folds = [{row["row"]: row["fold"] for row in model.evaluation["predictions"]} for model in (one, other)]
    assert folds[0] != folds[1]
    assert (other.classes, other.card["positive"]) == (("malignant", "benign"), "benign")
    assert other.card["metrics"]["auc"]["value"] > 0.8
    assert (one.card["scoring"], other.card["scoring"]) == ("roc_auc", "balanced_accuracy")


# --- What comes out --------------------------------------------------------------------------------------------------


def test_card_and_evaluation_say_what_was_done(model):
    card, evaluation = model.card, model.evaluation
    assert (card["kind"], card["task"], card["classes"], card["positive"]) == (
        "classifier",
        "binary",
        ["benign", "malignant"],
        "malignant",
    )
    assert (card["rows"], card["groups"], card["group_column"], card["extraction"]) == (90, 45, "patient", None)
    assert card["threshold"] == pytest.approx(30 / 90)
    assert card["metrics"]["auc"]["value"] > 0.8
    assert {item["feature"]: item["why"] for item in evaluation["dropped_features"]}["flat"] == "is constant"
    assert next(item["feature"] for item in evaluation["importances"]) in ("size", "double")
    assert evaluation["class_counts"] == {"benign": 60, "malignant": 30}
    truth = np.array([row["truth"] == "malignant" for row in evaluation["predictions"]])
    scores = np.array([row["probabilities"][1] for row in evaluation["predictions"]])
    assert sklearn_metrics.roc_auc_score(truth, scores) == pytest.approx(card["metrics"]["auc"]["value"])


def test_several_classes_repeats_and_gaps(cells):
    rng = np.random.default_rng(0)
    kind = np.arange(90) % 3
    size = kind + rng.normal(0, 0.3, 90)
    size[::9] = np.nan
    told = []
    model = train(
        {"size": size, "other": rng.normal(size=90), "empty": np.full(90, np.nan), "kind": kind},
        target="kind",
        repeats=2,
        calibration="isotonic",
        progress=lambda *each: told.append(each),
    )
    assert (model.card["task"], model.card["positive"], model.card["threshold"]) == ("multiclass", None, None)
    assert model.card["metrics"]["accuracy"]["value"] > 0.7
    assert len(model.evaluation["predictions"]) == 180
    assert {"feature": "empty", "why": "has no number"} in model.evaluation["dropped_features"]
    assert [each[0] for each in told] == sorted(each[0] for each in told)
    assert told[-1][0] == told[-1][1]
    probabilities = np.column_stack(
        [model.predict({"size": size, "other": np.zeros(90)})[f"probability_{k}"] for k in range(3)]
    )
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(90))


def test_rare_class_is_found():
    rng = np.random.default_rng(0)
    rare = np.arange(200) % 10 == 0
    model = train({"size": rare * 1.5 + rng.normal(0, 0.7, 200), "rare": rare}, target="rare")
    assert model.card["metrics"]["sensitivity"]["value"] > 0.6


def test_repeated_rows_without_groups_are_noted():
    rows = np.repeat(np.arange(6.0)[:, None], 2, axis=0)
    assert "6 rows repeat" in _training._notes(rows, np.arange(12) % 2, None)[0]
    assert _training._notes(rows, np.arange(12) // 6, np.arange(12) // 2) == []


# --- Transformers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        ([[1.0, 5.0], [1.0, 6.0]], [False, True]),
        ([[np.nan, 5.0], [1.0, 6.0]], [False, True]),
        ([[np.nan, 5.0], [np.nan, 6.0]], [False, True]),
    ],
)
def test_features_without_two_values_are_left_out(rows, kept):
    assert _estimators.VaryingFeatures().fit(np.array(rows)).get_support().tolist() == kept


def test_correlated_features_match_scipy():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    base = rng.normal(size=(50, 4))
    x = np.column_stack([base, np.exp(base[:, :2]), base + rng.normal(0, 0.15, (50, 4))])
    keep = _estimators.UncorrelatedFeatures(0.9).fit(x).get_support()
    related = np.abs(stats.spearmanr(x).statistic)
    chosen = np.flatnonzero(keep)
    assert all(related[a, b] <= 0.9 for a, b in itertools.combinations(chosen, 2))
    assert all((related[column, chosen[chosen < column]] > 0.9).any() for column in np.flatnonzero(~keep))


# --- What is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        ({"diagnosis": np.full(90, "benign")}, {}, "has one class only, 'benign'"),
        ({"diagnosis": np.linspace(0, 1, 90)}, {}, "must hold classes .* got measurements"),
        ({"diagnosis": np.arange(90)}, {}, "has 90 classes, at most 20"),
        ({}, {"target": "outcome"}, "there is no column 'outcome' in the table: size, texture"),
        ({}, {"groups": "hospital"}, "there is no column 'hospital'"),
        (
            {},
            {"features": ["diagnosis", "size"], "target": "flat"},
            "feature 'diagnosis' must be numbers, got 'malignant'",
        ),
        ({}, {"features": ["shape_*"]}, "no column fits 'shape_\\*'"),
        ({}, {"exclude": ["*"]}, "there is no feature"),
        ({}, {"positive": "healthy"}, "`positive` must be one of 'benign', 'malignant', got 'healthy'"),
        ({}, {"folds": 1}, "`folds` must be at least 2"),
        ({}, {"model": "network"}, "`model` must be one of 'svm'"),
        ({}, {"scoring": "beauty"}, "`scoring` must be a name"),
        ({}, {"folds": 20, "groups": "patient"}, "class 'malignant' has 15 groups, too few for 20 outer"),
        ({"diagnosis": np.array(["a"] * 89 + ["b"])}, {}, "class 'b' has 1 rows, too few"),
        ({"patient": np.array(["A"] * 89 + [None], object)}, {"groups": "patient"}, "is empty in 1 rows"),
        ({"size": np.ones(90), "texture": np.ones(90), "double": np.ones(90)}, {}, "no feature varies"),
        ({"size": np.ones(3)}, {}, "columns must have one length"),
    ],
)
def test_errors_say_what_is_wrong(cells, change, settings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        train({**cells, **change}, **settings)
