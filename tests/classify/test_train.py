"""Training: metrics against scikit-learn's, no leakage, the same numbers for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from cormack import classify


def cells(rows: int = 120, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(rows // 2), 2)
    malignant = patient % 3 == 0
    size = malignant + rng.normal(0, 0.6, rows)
    return {
        "size": size,
        "texture": malignant * 0.5 + rng.normal(0, 0.6, rows),
        "double": 2 * size,
        "flat": np.ones(rows),
        "diagnosis": np.where(malignant, "malignant", "benign"),
        "patient": np.array([f"P{number:03d}" for number in patient]),
    }


@pytest.fixture(scope="module")
def model() -> classify.Model:
    return classify.train(cells(), "diagnosis", model="logistic", groups="patient", workers=1)


def test_no_patient_is_on_both_sides_of_a_fold(model):
    folds: dict[str, set[int]] = {}
    for row in model.evaluation["predictions"]:
        folds.setdefault(row["group"], set()).add(row["fold"])
    assert all(len(each) == 1 for each in folds.values())
    assert sorted(row["row"] for row in model.evaluation["predictions"]) == list(range(120))
