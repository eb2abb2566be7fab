"""One small table and models of it, for all tests; few parameters are tried, so that training takes no time."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("skops")

from cormack import classify
from cormack.classify import _estimators, _metrics


def make_cells(rows: int = 90, seed: int = 0) -> dict[str, np.ndarray]:
    """Two rows for each patient, one of three of whom has a malignant lesion."""
    rng = np.random.default_rng(seed)
    patient = np.arange(rows) // 2
    malignant = patient % 3 == 0
    size = malignant + rng.normal(0, 0.6, rows)
    return {
        "size": size,
        "texture": malignant * 0.5 + rng.normal(0, 0.6, rows),
        "double": 2 * size + 1,
        "flat": np.ones(rows),
        "diagnosis": np.where(malignant, "malignant", "benign"),
        "patient": np.array([f"P{number:03d}" for number in patient]),
    }


@pytest.fixture(scope="session", autouse=True)
def few_candidates():
    patch = pytest.MonkeyPatch()
    patch.setattr(_estimators, "_TREES", 8)
    patch.setattr(_estimators, "_ROUNDS", 5)
    patch.setattr(_estimators, "_TREES_OF_SEARCH", 3)
    patch.setattr(_metrics, "RESAMPLES", 200)
    for name, tried in _estimators._CANDIDATES.items():
        patch.setitem(_estimators._CANDIDATES, name, tried[-2:] if name in ("svm", "logistic") else tried[:1])
    for name, tried in _estimators._PREPARATIONS.items():
        patch.setitem(_estimators._PREPARATIONS, name, [tried[0], *tried[2:3]] if name == "svm" else tried[:1])
    yield
    patch.undo()


@pytest.fixture
def cells() -> dict[str, np.ndarray]:
    return make_cells()


@pytest.fixture(scope="session")
def model(few_candidates) -> classify.Model:
    return classify.train(make_cells(), "diagnosis", model="svm", groups="patient", folds=3, inner_folds=2, workers=1)


@pytest.fixture(scope="session")
def saved(model, tmp_path_factory):
    """The folder of a model; not to be changed."""
    return model.save(tmp_path_factory.mktemp("models") / "model")
