"""The report of a model, built from a folder that a training could have left, and its curves against scikit-learn."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jinja2")

from cormack._errors import BackendUnavailable, ReadError
from cormack.classify.report import curves, figures, write_prediction_report, write_report
from cormack.classify.report.records import Judged, judged
from cormack.classify.report.tables import confusion_table, importance_table, metric_table, worst_table

HOSTILE = """<script>alert(1)</script>"><img src=x onerror=alert(2)> ' & {{ 7 * 7 }}"""
VOID = {"meta", "br"}
LEAVES = {"path", "line", "rect", "circle"}


class Page(HTMLParser):
    """Collects tags and text, and refuses what is not well nested."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute of <{tag}> is given twice"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in LEAVES
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["script"], ["style"]):
            self.texts.append(data)

    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def predictions(classes: list[Any], count: int = 120, repeats: int = 1, seed: int = 0) -> list[dict[str, Any]]:
    """Cases in five folds, patients of two cases each, probabilities that are right more often than not."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, len(classes), count)
    rows = []
    for repeat in range(repeats):
        scores = rng.normal(size=(count, len(classes))) + 1.6 * np.eye(len(classes))[truth]
        probabilities = np.round(np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True), 2)
        for row in range(count):
            rows.append(
                {
                    "row": row,
                    "id": f"case-{row}",
                    "group": f"patient-{row // 2}",
                    "fold": (row // 2) % 5,
                    "repeat": repeat,
                    "truth": classes[truth[row]],
                    "probabilities": probabilities[row].tolist(),
                    "predicted": classes[int(probabilities[row].argmax())],
                }
            )
    return rows


def records(classes: list[Any], repeats: int = 1, **changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    rows = predictions(classes, repeats=repeats)
    binary = len(classes) == 2
    metrics = {
        "auc": {"value": 0.91234, "low": 0.8812, "high": 0.9431},
        "sensitivity": {"value": 0.9996, "low": 0.8, "high": 1.0},
        "mcc": {"value": -0.25, "low": None, "high": None},
        "log_loss": {"value": None, "low": None, "high": None},
    }
    card = {
        "format": 1,
        "cormack": "0.1.0",
        "created": "2026-11-23T13:00:00+00:00",
        "kind": "classifier",
        "task": "binary" if binary else "multiclass",
        "target": "diagnosis",
        "classes": classes,
        "positive": classes[1] if binary else None,
        "model": "random-forest",
        "parameters": {"model__max_depth": None, "model__max_features": 0.333333333},
        "calibration": "sigmoid",
        "features": [f"feature {n}" for n in range(30)],
        "extraction": {"bin_size": 25.0},
        "rows": 120,
        "groups": 60,
        "group_column": "patient_id",
        "left_out": {"failed": 3},
        "seed": 7,
        "folds": {"outer": 5, "inner": 3, "repeats": repeats},
        "scoring": "roc_auc",
        "versions": {"cormack": "0.1.0", "scikit-learn": "1.9.0"},
        "metrics": metrics,
        "intervals": "95 % intervals: percentile bootstrap of groups",
        "threshold": 0.5 if binary else None,
        "notes": ["2 groups have rows of several classes"],
        "files": {},
        "note": "research tool, not a medical device",
    }
    evaluation = {
        "classes": classes,
        "positive": card["positive"],
        "predictions": rows,
        "folds": [
            {
                "repeat": repeat,
                "fold": fold,
                "train_rows": 96,
                "test_rows": 24,
                "test_groups": 12,
                "parameters": card["parameters"],
                "metrics": {"auc": 0.9 + 0.01 * fold, "log_loss": None},
                "features_kept": 17,
            }
            for repeat in range(repeats)
            for fold in range(5)
        ],
        "metrics": metrics,
        "importances": [
            {"feature": f"feature {n}", "mean": 0.03 - 0.002 * n, "std": 0.001 * (n % 3)} for n in range(30)
        ],
        "class_counts": {},
        "dropped_features": [{"feature": "spacing", "why": "is constant"}, {"feature": "age", "why": "excluded"}],
    }
    evaluation.update({key: changes[key] for key in changes if key in evaluation})
    card.update({key: changes[key] for key in changes if key in card})
    return card, evaluation


def folder(path: Path, card: dict[str, Any], evaluation: dict[str, Any]) -> Path:
    path.mkdir(exist_ok=True)
    (path / "card.json").write_text(json.dumps(card), "utf-8")
    (path / "evaluation.json").write_text(json.dumps(evaluation), "utf-8")
    return path


def build(path: Path) -> tuple[str, Page]:
    written = write_report(path)
    assert written == path / "report.html"
    assert sorted(file.name for file in path.iterdir()) == ["card.json", "evaluation.json", "report.html"]
    html = written.read_text("utf-8")
    return html, Page(html)


def assert_self_contained(html: str, page: Page) -> None:
    assert "http://" not in html
    assert "https://" not in html
    assert len(page.all("script")) == 1
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "embed", "form", "base", "img")
        assert not any(name.startswith("on") or name == "src" for name in attributes), tag
        assert (attributes.get("href") or "#").startswith("#")


# --- The page ----------------------------------------------------------------------------------------------------


def test_the_report_shows_what_was_trained_and_found(tmp_path: Path) -> None:
    html, page = build(folder(tmp_path, *records(["benign", "malignant"])))
    assert_self_contained(html, page)
    text = page.text()
    for expected in (
        "Random forest for diagnosis",
        "The random forest tells malignant from benign with an area under the ROC curve of 0.912 "
        "(95 % interval 0.881 to 0.943). Every case was judged by a model that had not seen it or any other of the "
        "same patient.",
        "Cases 120 Patients 60",
        "0.912 0.881 to 0.943 0.900 to 0.940",
        "> 0.999 0.800 to 1.000",
        "−0.250",
        "Log loss surprise at the truth; 0 at best –",
        "A case is called malignant where its probability is above 0.500.",
        "2 groups have rows of several classes.",
        "max_depth = none, max_features = 0.3333",
        "Mean and SD over folds 0.920 ± 0.016",
        "The first 20 of 30 features are shown; 15 cost nothing.",
        "Cases: 3 failed.",
        "Is constant : 1 feature spacing",
        "nested cross-validation with 5 outer folds, stratified by class and grouped so that all cases of a patient",
        "by 3-fold cross-validation, for the best area under the ROC curve",
        "percentile bootstrap of groups.",
        '"bin_size": 25.0',
        "scikit-learn 1.9.0",
        "not a medical device",
    ):
        assert expected in text, expected
    assert "No column said" not in text
    anchors = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(set(anchors)) == len(anchors)
    assert {(link["href"] or "")[1:] for link in page.all("a")} <= set(anchors)
    assert all(plot.get("aria-label") or plot.get("aria-hidden") for plot in page.all("svg"))
    thin = [path for path in page.all("path") if (path.get("class") or "").startswith("line thin s0")]
    assert len(thin) == 10  # five folds in two plots


def test_several_classes_have_a_curve_each(tmp_path: Path) -> None:
    html, page = build(folder(tmp_path, *records(["a", "b", "c"], group_column=None, groups=None)))
    assert_self_contained(html, page)
    text = page.text()
    assert "tells a, b and c apart with an area under the ROC curve, the mean over classes, each against" in text
    assert "No column said which cases belong to one patient." in text
    assert "A case is called what is most probable." in text
    styles = [path["class"] for path in page.all("path") if re.fullmatch(r"line s\d d\d", path.get("class") or "")]
    # Curves, calibration and legends: colour and dash differ together.
    assert {"line s0 d0", "line s1 d1", "line s2 d2"} == set(styles)


def test_classes_that_are_no_text_are_called_by_their_target(tmp_path: Path) -> None:
    _, page = build(folder(tmp_path, *records([False, True], target="malignant")))
    assert "tells malignant = True from malignant = False with" in page.text()


def test_repeats_count_each_case_once(tmp_path: Path) -> None:
    classes = ["benign", "malignant"]
    _, page = build(folder(tmp_path, *records(classes, repeats=3)))
    text = page.text()
    assert "Cases 120 " in text
    assert "each case counting once for each of 3 repeats" in text
    rows = judged(predictions(classes, repeats=3), classes)
    assert (rows.repeats, rows.case_count, len(rows.folds())) == (3, 120, 15)
    parts = [rows.repeat == repeat for repeat in range(3)]
    areas = [curves.area(*curves.roc(rows.truth[part] == 1, rows.probabilities[part, 1])[:2]) for part in parts]
    assert figures.roc_area(rows, 1) == pytest.approx(np.mean(areas), abs=1e-15)


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    classes = ["benign", HOSTILE]
    card, evaluation = records(classes, target=HOSTILE, model=HOSTILE, notes=[HOSTILE], left_out={HOSTILE: 1})
    card |= {"features": [HOSTILE], "versions": {HOSTILE: HOSTILE}, "extraction": {HOSTILE: HOSTILE}}
    card |= {"parameters": {HOSTILE: HOSTILE}, "group_column": HOSTILE, "created": HOSTILE, "cormack": HOSTILE}
    card |= {"scoring": HOSTILE, "calibration": HOSTILE, "intervals": HOSTILE, "seed": HOSTILE}
    evaluation["metrics"] = {HOSTILE: {"value": 0.5, "low": 0.4, "high": 0.6}}
    evaluation["importances"] = [{"feature": HOSTILE, "mean": 0.1, "std": 0.1}]
    evaluation["dropped_features"] = [{"feature": HOSTILE, "why": HOSTILE}]
    evaluation["folds"][0]["parameters"] = {HOSTILE: HOSTILE}
    for row in evaluation["predictions"]:
        row["id"] = row["group"] = HOSTILE + str(row["row"])
    html, page = build(folder(tmp_path, card, evaluation))
    assert_self_contained(html, page)
    assert html.count("<script>") == 1
    assert page.text().count("<script>alert(1)</script>") > 60
    assert "49" not in page.text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"predictions": []}, "there are no predictions"),
        ({"predictions": [{"truth": "a", "predicted": "b", "probabilities": [1.0]}]}, "one probability for each"),
        ({"predictions": [{"truth": "a", "predicted": "b", "probabilities": [1.5, -0.5]}]}, "outside 0 to 1"),
        ({"predictions": [{"truth": "?", "predicted": "b", "probabilities": [1.0, 0.0]}]}, "none of the classes"),
        ({"predictions": [7]}, "one probability for each"),
        ({"classes": ["a"]}, "two or more different classes"),
    ],
)
def test_an_evaluation_that_makes_no_sense_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    card, evaluation = records(["a", "b"])
    with pytest.raises(ReadError, match=message):
        write_report(folder(tmp_path, card, {**evaluation, **change}))
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_files_that_are_no_records_are_refused(tmp_path: Path, content: str) -> None:
    folder(tmp_path, *records(["a", "b"]))
    (tmp_path / "card.json").write_text(content)
    with pytest.raises(ReadError, match=r"card\.json: is not a record of a model"):
        write_report(tmp_path)
    (tmp_path / "card.json").unlink()
    with pytest.raises(ReadError, match=r"no such file; give the folder of a model"):
        write_report(tmp_path)


def test_what_is_not_recorded_is_said_or_left_out(tmp_path: Path) -> None:
    bare = {"predictions": predictions([0, 1])}
    html, page = build(folder(tmp_path, {"classes": [0, 1]}, bare))
    assert_self_contained(html, page)
    text = page.text()
    assert "Classifier for an unnamed target" in text
    assert "No metrics were recorded." in text
    assert (
        f"with an area under the ROC curve of {figures.roc_area(judged(bare['predictions'], [0, 1]), 1):.3f}." in text
    )


def test_one_class_alone_has_no_curves(tmp_path: Path) -> None:
    rows = [{**row, "truth": "a"} for row in predictions(["a", "b"], count=20)]
    card, evaluation = records(["a", "b"])
    html, page = build(folder(tmp_path, card, {**evaluation, "predictions": rows, "metrics": {}, "folds": []}))
    assert "All cases are of one class, so there is nothing to tell apart." in page.text()
    assert not re.search(r"\bnan\b", html)


def test_a_result_by_chance_is_called_so(tmp_path: Path) -> None:
    metrics = {"auc": {"value": 0.55, "low": 0.44, "high": 0.66}}
    _, page = build(folder(tmp_path, *records(["a", "b"], metrics=metrics)))
    assert "these data do not show that the model is better than chance" in page.text()


def test_predictions_against_the_truth(tmp_path: Path) -> None:
    classes = ["benign", "malignant"]
    metrics = {"accuracy": {"value": 0.8, "low": 0.7, "high": 0.9}}
    path = write_prediction_report(
        tmp_path / "p.html", predictions(classes, 20), classes=classes, metrics=metrics, title="Held-out cases"
    )
    html = path.read_text("utf-8")
    page = Page(html)
    assert_self_contained(html, page)
    text = page.text()
    for expected in ("Held-out cases", "0.700 to 0.900", "Most wrong cases", "whose truth was known", "There are only"):
        assert expected in text, expected
    for absent in ("For the methods section", "Out of fold", "Importance of features"):
        assert absent not in text
    with pytest.raises(ValueError, match="write_prediction_report: `predictions` must be usable"):
        write_prediction_report(path, [], classes=classes)


def test_predictions_are_measured_as_models_are(tmp_path: Path) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rows = predictions(["benign", "malignant"], 60)
    path = write_prediction_report(tmp_path / "a.html", rows, classes=["benign", "malignant"])
    text = Page(path.read_text("utf-8")).text()
    truth = [row["truth"] == "malignant" for row in rows]
    area = metrics.roc_auc_score(truth, [row["probabilities"][1] for row in rows])
    assert re.search(rf"AUC\) how often [^.]*[.]5 by chance {area:.3f} 0\.\d+ to [01]\.\d+ Average", text)
    # The order of the classes says nothing.
    turned = [{**row, "probabilities": row["probabilities"][::-1]} for row in rows]
    other = write_prediction_report(tmp_path / "b.html", turned, classes=["malignant", "benign"], positive="malignant")
    table = r"<table class=.metrics.*?</table>"
    found = [re.findall(table, page.read_text("utf-8"), re.DOTALL) for page in (path, other)]
    assert found[0] == found[1] != []


def test_without_jinja(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(BackendUnavailable, match=r"cormack\[cohort\]"):
        write_report(folder(tmp_path, *records(["a", "b"])))


def test_the_same_records_make_the_same_page(tmp_path: Path) -> None:
    first = build(folder(tmp_path / "a", *records(["a", "b"])))[0]
    assert build(folder(tmp_path / "b", *records(["a", "b"])))[0] == first


# --- The numbers -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["few", "ties", "many"])
def sample(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    count = {"few": 7, "ties": 300, "many": 2000}[request.param]
    positive = rng.random(count) < 0.3
    positive[:2] = True, False
    scores = np.clip(0.3 * rng.normal(size=count) + 0.3 + 0.3 * positive, 0, 1)
    return positive, np.round(scores, 1) if request.param == "ties" else scores


def test_curves_match_scikit_learn(sample: tuple[np.ndarray, np.ndarray]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    positive, scores = sample
    for ours, theirs in zip(
        curves.roc(positive, scores), metrics.roc_curve(positive, scores, drop_intermediate=False), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    for ours, theirs in zip(
        curves.precision_recall(positive, scores), metrics.precision_recall_curve(positive, scores), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-15)
    area = curves.area(*curves.roc(positive, scores)[:2])
    assert area == pytest.approx(metrics.roc_auc_score(positive, scores), abs=1e-12)
    precision = curves.average_precision(*curves.precision_recall(positive, scores)[:2])
    assert precision == pytest.approx(metrics.average_precision_score(positive, scores), abs=1e-12)


@pytest.mark.parametrize("bins", [5, 10])
def test_calibration_matches_scikit_learn(sample: tuple[np.ndarray, np.ndarray], bins: int) -> None:
    calibration_curve = pytest.importorskip("sklearn.calibration").calibration_curve
    positive, scores = sample
    observed, predicted, counts = curves.calibration(positive, scores, bins)
    theirs = calibration_curve(positive, scores, n_bins=bins, strategy="uniform")
    np.testing.assert_allclose(observed, theirs[0], rtol=1e-14)
    np.testing.assert_allclose(predicted, theirs[1], rtol=1e-14)
    assert counts.sum() == len(positive)


@pytest.mark.parametrize("classes", [2, 3])
def test_brier_matches_scikit_learn(classes: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rows = judged(predictions(list(range(classes)), 50), list(range(classes)))
    probabilities = rows.probabilities / rows.probabilities.sum(axis=1, keepdims=True)
    expected = (
        metrics.brier_score_loss(rows.truth, probabilities[:, 1])
        if classes == 2
        else np.mean(np.sum((probabilities - np.eye(classes)[rows.truth]) ** 2, axis=1))
    )
    assert curves.brier(rows.truth, probabilities) == pytest.approx(expected, abs=1e-14)


def test_wilson_matches_scipy() -> None:
    binomtest = pytest.importorskip("scipy.stats").binomtest
    for hits, count in ((0, 1), (0, 12), (7, 12), (12, 12), (300, 1000)):
        expected = binomtest(hits, count).proportion_ci(method="wilson")
        assert curves.wilson(hits / count, count) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_confusion_matrix_matches_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rows = judged(predictions(["a", "b", "c"]), ["a", "b", "c"])
    table = confusion_table(rows)
    counts = [[cell["count"] for cell in row["cells"]] for row in table["rows"]]
    np.testing.assert_array_equal(counts, metrics.confusion_matrix(rows.truth, rows.predicted))
    expected = metrics.recall_score(rows.truth, rows.predicted, average=None)
    assert [row["found"] for row in table["rows"]] == [f"{value:.3f}" for value in expected]
    assert sum(cell["share"] for cell in table["rows"][0]["cells"]) == pytest.approx(100)


def test_the_worst_cases_are_those_whose_truth_was_least_expected() -> None:
    rows = judged(predictions(["a", "b"]), ["a", "b"])
    table = worst_table(rows)
    given = rows.probabilities[np.arange(len(rows.truth)), rows.truth]
    wrong = rows.predicted != rows.truth
    assert table["wrong"] == wrong.sum()
    assert [row["raw"] for row in table["rows"]] == [repr(value) for value in np.sort(given[wrong])[:20].tolist()]


def path_points(path: str) -> list[tuple[float, float]]:
    return [(float(a), float(b)) for a, b in re.findall(r"([-\d.e]+),([-\d.e]+)", path)]


def test_a_drawn_curve_is_the_curve() -> None:
    rows = judged(predictions(["a", "b"], 400), ["a", "b"])
    plot = figures.roc_plot(rows)
    points = path_points(plot["series"][0]["path"])
    x = [(a - plot["left"]) / (plot["right"] - plot["left"]) for a, _ in points]
    y = [(plot["bottom"] - b) / (plot["bottom"] - plot["top"]) for _, b in points]
    assert (x[0], y[0], x[-1], y[-1]) == pytest.approx((0, 0, 1, 1))
    area = sum((b - a) * (c + d) / 2 for a, b, c, d in zip(x, x[1:], y, y[1:], strict=False))
    assert area == pytest.approx(figures.roc_area(rows, 1), abs=1e-3)  # rounded to a tenth of a pixel
    assert plot["series"][0]["value"] == f"{figures.roc_area(rows, 1):.3f}"


def test_a_page_of_many_cases_stays_small() -> None:
    count = 30_000
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, count)
    scores = np.clip(0.5 + 0.2 * rng.normal(size=count) + 0.2 * (truth - 0.5), 0, 1)
    names = tuple(map(str, range(count)))
    fold = np.arange(count) % 5
    rows = Judged(("a", "b"), 1, names, names, truth, truth, np.stack((1 - scores, scores), 1), fold, 0 * fold)
    for plot in (figures.roc_plot(rows), figures.precision_recall_plot(rows)):
        assert sum(len(line["path"]) for line in plot["series"] + plot["thin"]) < 120_000


def test_importances_share_one_scale() -> None:
    table = importance_table([{"feature": "a", "mean": 0.2, "std": 0.1}, {"feature": "b", "mean": -0.1, "std": 0.0}])
    assert table is not None
    assert [row["feature"] for row in table["rows"]] == ["a", "b"]
    assert table["rows"][1]["mean"] == "−0.100"
    assert table["rows"][0]["bar"][0] == table["zero"] == pytest.approx(1 + 98 * 0.1 / 0.4)
    assert importance_table([{"feature": "a"}, 3]) is None


def test_metrics_are_drawn_from_one_half_where_all_are_above() -> None:
    entry = {"value": 0.75, "low": 0.6, "high": 1.0}
    table = metric_table({"auc": entry}, (), 2)
    assert (table["scale"], table["rows"][0]["at"], table["rows"][0]["high"]) == ("0.5", 50.0, 100.0)
    assert metric_table({"auc": {**entry, "low": 0.4}}, (), 2)["scale"] == "0"
