"""Rows against scikit-learn's own scores; calibration; folders; refusals."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("skops")

from sklearn.covariance import LedoitWolf, MinCovDet
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor

from cormack import ModelRefused, anomaly
from cormack.classify import TableRefused


def named(values: np.ndarray, **more: object) -> dict[str, object]:
    return {"case": [f"c{i}" for i in range(len(values))], **{f"f{j}": v for j, v in enumerate(values.T)}, **more}


def z_of(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    middle = np.median(reference, axis=0)
    return (values - middle) / (1.4826 * np.median(np.abs(reference - middle), axis=0))


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    return np.random.default_rng(0).normal(2, 3, (80, 4))


@pytest.fixture(scope="module")
def forest(values: np.ndarray) -> anomaly.TableDetector:
    return anomaly.fit_table(named(values), seed=3)


@pytest.fixture(scope="module")
def others(values: np.ndarray) -> dict[str, anomaly.TableDetector]:
    return {
        method: anomaly.fit_table(named(values), method=method) for method in ("mahalanobis", "local-outlier-factor")
    }


def test_isolation_forest_scores_as_scikit_learn(values, forest):
    z = z_of(values, values)
    expected = -IsolationForest(random_state=3).fit(z).score_samples(z)
    np.testing.assert_array_equal(forest.score(named(values))["score"], expected)


@pytest.mark.parametrize(
    ("method", "score"),
    [
        ("mahalanobis", lambda z: np.sqrt(MinCovDet(random_state=0).fit(z).mahalanobis(z))),
        ("local-outlier-factor", lambda z: -LocalOutlierFactor(20, novelty=True).fit(z).score_samples(z)),
    ],
)
def test_scores_are_scikit_learns(values, others, method, score):
    np.testing.assert_allclose(others[method].score(named(values))["score"], score(z_of(values, values)), rtol=1e-12)


def test_more_features_than_rows_are_shrunk_as_ledoit_and_wolf():
    wide = np.random.default_rng(1).normal(size=(20, 30))
    detector = anomaly.fit_table(named(wide), method="mahalanobis")
    z = z_of(wide, wide)
    expected = np.sqrt(LedoitWolf().fit(np.clip(z, -3, 3)).mahalanobis(z))
    np.testing.assert_allclose(detector.score(named(wide))["score"], expected, rtol=1e-12)
    assert "Ledoit" in detector.notes[0]
    assert "20 rows, 30 features" in detector.notes[0]


def test_a_combination_of_features_is_no_reason_to_fail(values):
    table = named(np.column_stack([values, values[:, 0] + values[:, 1]]))
    assert "combinations" in anomaly.fit_table(table, method="mahalanobis").notes[0]


def test_deviating_features_and_missing_values(values, others):
    detector = others["mahalanobis"]
    odd = values[:2].copy()
    odd[0, 2] += 300
    odd[1, 0] = np.nan
    found = detector.score(named(odd))
    assert found["feature_1"][0] == "f2"
    np.testing.assert_allclose(found["z_1"][0], z_of(odd, values)[0, 2])
    assert found["missing"].tolist() == [0, 1]
    assert found["outlier"].tolist() == [True, False]
    assert found["case"].tolist() == ["c0", "c1"]


@pytest.mark.parametrize("method", ["mahalanobis", "local-outlier-factor"])
def test_normal_rows_are_called_outliers_as_often_as_said(method):
    rng = np.random.default_rng(5)
    detector = anomaly.fit_table(named(rng.normal(size=(300, 5))), method=method, contamination=0.1)
    found = detector.score(named(rng.normal(size=(2000, 5))))
    # The threshold itself varies by sqrt(0.1 * 0.9 / 300) = 0.017.
    assert 0.05 < found["outlier"].mean() < 0.15
    assert abs(found["p_value"].mean() - 0.5) < 0.06


def test_malignant_nuclei_against_benign_ones(made):
    data = load_breast_cancer()
    order = np.random.default_rng(0).permutation(np.flatnonzero(data.target == 1))
    held = np.concatenate([order[238:], np.flatnonzero(data.target == 0)])
    for method, least in (("mahalanobis", 0.92), ("local-outlier-factor", 0.93)):
        detector = anomaly.fit_table(named(data.data[order[:238]]), method=method)
        found = detector.score(named(data.data[held]))
        assert made.auc(data.target[held] == 0, found["score"]) > least
        assert found["outlier"][: len(order) - 238].mean() < 0.1


def test_reference_by_column_and_by_rows(values):
    normal = np.arange(80) < 60
    words = np.where(normal, "benign", "malignant").tolist()
    by_column = anomaly.fit_table(
        named(values, kind=words), reference={"kind": "benign"}, method="local-outlier-factor"
    )
    by_rows = anomaly.fit_table(named(values), reference=normal, method="local-outlier-factor")
    assert by_column.rows == 60
    np.testing.assert_array_equal(by_column.calibration.scores, by_rows.calibration.scores)
    assert by_column.score(named(values, kind=words))["kind"].tolist() == words


def test_constant_and_empty_columns_are_left_out(values):
    table = named(values, same=np.full(80, 7.0), gaps=np.where(np.arange(80) < 50, np.nan, values[:, 0]))
    detector = anomaly.fit_table(table, method="local-outlier-factor")
    assert detector.features == ["f0", "f1", "f2", "f3"]
    assert {entry["feature"]: entry["why"] for entry in detector.dropped} == {
        "same": "constant in the reference",
        "gaps": "missing in 50 of 80 rows",
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"method": "svm"}, "`method` must be one of"),
        ({"contamination": 0.9}, "`contamination` must be at most 0.5"),
        ({"reference": {"f9": 1}}, "`reference` must name a column"),
        ({"reference": {"case": "nobody"}}, "`reference` must name a value of case"),
        ({"reference": np.arange(80) < 4}, "at least 10 rows"),
        ({"reference": [1, 2]}, "80 truth values"),
    ],
)
def test_wrong_arguments(values, arguments, words):
    with pytest.raises(ValueError, match=words):
        anomaly.fit_table(named(values), **arguments)


def test_a_table_without_a_feature_is_refused(forest):
    with pytest.raises(TableRefused, match="lacks 1 of the detector's features: f3"):
        forest.score(named(np.zeros((3, 3))))


def test_other_extraction_settings_are_refused(values):
    kept = {"diagnostics_Configuration_Settings": ["{'binWidth': 25}"] * 80}
    kept["diagnostics_Configuration_EnabledImageTypes"] = ["{'Original': {}}"] * 80
    detector = anomaly.fit_table(named(values, **kept), method="local-outlier-factor")
    other = {**kept, "diagnostics_Configuration_Settings": ["{'binWidth': 10}"] * 80}
    assert detector.score(named(values, **kept))["case"].size == 80
    with pytest.raises(TableRefused, match="binWidth: reference 25, table 10"):
        detector.score(named(values, **other))


@pytest.mark.slow
def test_pyods_detectors(values, tmp_path):
    pytest.importorskip("pyod")
    from pyod.models.knn import KNN

    detector = anomaly.fit_table(named(values), method="KNN")
    z = z_of(values, values)
    found = detector.score(named(values))["score"]
    np.testing.assert_array_equal(found, KNN().fit(z).decision_function(z))
    again = anomaly.load_detector(anomaly.save_detector(detector, tmp_path / "m"))
    np.testing.assert_array_equal(again.score(named(values))["score"], found)


@pytest.fixture(scope="module")
def saved(forest, tmp_path_factory) -> Path:
    return anomaly.save_detector(forest, tmp_path_factory.mktemp("models") / "forest")


@pytest.mark.parametrize("method", ["mahalanobis", "local-outlier-factor"])
def test_a_saved_detector_scores_the_same(values, others, method, tmp_path):
    detector = others[method]
    again = anomaly.load_detector(anomaly.save_detector(detector, tmp_path / "m"))
    ours, theirs = (item.score(named(values)) for item in (detector, again))
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_a_saved_forest_scores_the_same(values, forest, saved):
    again = anomaly.load_detector(saved)
    np.testing.assert_array_equal(again.score(named(values))["score"], forest.score(named(values))["score"])


def copied(saved: Path, folder: Path) -> Path:
    folder.mkdir()
    for path in saved.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_tampered_folders_are_refused(saved, tmp_path):
    more = copied(saved, tmp_path / "more")
    (more / "model.pkl").write_bytes(b"")
    with pytest.raises(ModelRefused, match=r"model\.pkl"):
        anomaly.load_detector(more)
    linked = copied(saved, tmp_path / "linked")
    (linked / "model.skops").unlink()
    (linked / "model.skops").symlink_to(saved / "model.skops")
    with pytest.raises(ModelRefused, match="is a link"):
        anomaly.load_detector(linked)
    changed = copied(saved, tmp_path / "changed")
    content = bytearray((changed / "model.skops").read_bytes())
    content[len(content) // 2] ^= 1
    (changed / "model.skops").write_bytes(content)
    with pytest.raises(ModelRefused, match="checksum"):
        anomaly.load_detector(changed)


def test_other_features_in_the_card_and_other_types_are_refused(others, tmp_path):
    detector = others["mahalanobis"]
    fewer = anomaly.save_detector(detector, tmp_path / "fewer")
    card = json.loads((fewer / "card.json").read_text())
    for features in (card["features"][:-1], ["f0", "f1", "f2", "f2"], "abcd"):
        (fewer / "card.json").write_text(json.dumps({**card, "features": features}))
        with pytest.raises(ModelRefused, match="do not fit together"):
            anomaly.load_detector(fewer)
    (fewer / "card.json").write_text(json.dumps({**card, "kind": [card["kind"]]}))
    with pytest.raises(ModelRefused, match="must be of kind"):
        anomaly.load_detector(fewer)

    other = anomaly.save_detector(detector, tmp_path / "other")
    with zipfile.ZipFile(other / "model.skops") as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents["schema.json"] = contents["schema.json"].replace(b'"MinCovDet"', b'"EllipticEnvelope"')
    with zipfile.ZipFile(other / "model.skops", "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    card["files"]["model.skops"] = hashlib.sha256((other / "model.skops").read_bytes()).hexdigest()
    (other / "card.json").write_text(json.dumps(card))
    with pytest.raises(ModelRefused, match="types that no model has"):
        anomaly.load_detector(other)


def test_a_tree_that_leads_outside_itself_is_refused(saved, tmp_path, monkeypatch):
    detector = anomaly.load_detector(saved)
    tree = detector.estimator.estimators_[3].tree_
    state = tree.__getstate__()
    state["nodes"]["left_child"][0] = 10_000
    tree.__setstate__(state)
    # It would be walked.
    monkeypatch.setattr(anomaly.TableDetector, "scores_of", lambda self, z: np.zeros(len(z)))
    folder = anomaly.save_detector(detector, tmp_path / "m")
    with pytest.raises(ModelRefused, match="its trees lead nowhere"):
        anomaly.load_detector(folder)


def test_another_folder_is_not_replaced(forest, tmp_path):
    (tmp_path / "letters.txt").write_text("keep me")
    with pytest.raises(FileExistsError):
        anomaly.save_detector(forest, tmp_path)
