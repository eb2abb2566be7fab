"""Scores of detectors: pairs against cases made by hand, the FROC curve against counting at every threshold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cormack import detect

SPACING = (2.0, 1.0, 0.5)


def table(*rows: tuple[float, float, float, float], **columns):
    """Candidates at (z, y, x) in mm with a diameter."""
    positions = np.array([row[:3] for row in rows], float).reshape(-1, 3) / SPACING
    made = {f"centroid_{axis}": positions[:, k] for k, axis in enumerate("zyx")}
    made["equivalent_diameter_mm"] = np.array([row[3] for row in rows], float)
    made["label"] = np.arange(1, len(rows) + 1)
    return made | {name: np.array(values) for name, values in columns.items()}


def lesions(*rows: tuple[float, float, float, float]):
    made = {f"centre_{axis}_mm": np.array([row[k] for row in rows], float) for k, axis in enumerate("zyx")}
    return made | {"diameter_mm": np.array([row[3] for row in rows], float)}


def test_pairs_are_made_once_and_nearest_first():
    known = lesions((10, 10, 10, 8), (30, 10, 10, 8))
    # Both pieces lie within reach of the first lesion: 4 mm of radius and 3 mm of slack.
    found = detect.score_lesions(
        table((10, 12, 10, 5), (10, 11, 10, 6), (60, 10, 10, 9), score=[0.5, 0.2, 0.9]), known, spacing=SPACING
    )
    assert (found["found"], found["missed"], found["false_candidates"]) == (1, 1, 2)
    assert found["lesions"]["candidate"].tolist() == [2, 0]
    assert found["lesions"]["measured_diameter_mm"][0] == 6
    assert found["mean_diameter_error_mm"] == -2
    assert found["mean_abs_diameter_error_mm"] == 2
    assert found["candidates"]["lesion"].tolist() == [-1, 0, -1]
    assert found["candidates"]["score"].tolist() == [0.5, 0.2, 0.9]


@pytest.mark.parametrize(("offset", "found"), [(6.9, 1), (7.1, 0)])
def test_the_reach_is_the_radius_and_the_slack_in_millimetres(offset, found):
    for axis in range(3):
        place = np.full(3, 20.0)
        place[axis] += offset
        score = detect.score_lesions(table((*place, 5.0)), lesions((20, 20, 20, 8)), spacing=SPACING)
        assert score["found"] == found


PLACE = {"centroid_z": [1.0], "centroid_y": [1.0], "centroid_x": [1.0], "equivalent_diameter_mm": [5.0]}
LESION = {"centre_z_mm": [1.0], "centre_y_mm": [1.0], "centre_x_mm": [1.0], "diameter_mm": [5.0]}


def test_candidates_without_labels_go_by_their_number():
    assert detect.score_lesions(PLACE, LESION, spacing=1)["candidates"]["candidate"].tolist() == [1]


@pytest.mark.parametrize(
    ("candidates", "lesions", "message"),
    [
        (PLACE, LESION | {"diameter_mm": [-5.0]}, "`lesions` must have finite centres and diameters above 0"),
        (PLACE, LESION | {"centre_y_mm": [float("nan")]}, "`lesions` must have finite centres"),
        (PLACE, LESION | {"diameter_mm": [5.0, 6.0]}, "`lesions` must have columns of one length"),
        (PLACE | {"centroid_x": [1.0, 2.0]}, LESION, "`candidates` must have columns of one length"),
    ],
)
def test_what_is_no_lesion_is_refused(candidates, lesions, message):
    with pytest.raises(ValueError, match=message):
        detect.score_lesions(candidates, lesions, spacing=1)


def test_rejected_candidates_do_not_count():
    score = detect.score_lesions(table((10, 10, 10, 8), kept=[False]), lesions((10, 10, 10, 8)), spacing=SPACING)
    assert (score["found"], score["missed"], score["false_candidates"]) == (0, 1, 0)
    assert np.isnan(score["mean_abs_diameter_error_mm"])


def test_neither_candidates_nor_lesions():
    score = detect.score_lesions(table(), lesions(), spacing=SPACING)
    assert (score["found"], score["missed"], score["false_candidates"]) == (0, 0, 0)


def test_wrong_tables_are_refused():
    with pytest.raises(ValueError, match="`candidates` must have the column centroid_z, got label"):
        detect.score_lesions({"label": [1]}, lesions(), spacing=SPACING)
    known = lesions()
    del known["diameter_mm"]
    with pytest.raises(ValueError, match="`lesions` must have the column diameter_mm"):
        detect.score_lesions(table(), known, spacing=SPACING)
    with pytest.raises(ValueError, match="tolerance_mm"):
        detect.score_lesions(table(), lesions(), spacing=SPACING, tolerance_mm=-1)
    with pytest.raises(ValueError, match="spacing"):
        detect.score_lesions(table(), lesions(), spacing=(0, 1, 1))


def counted(cases, rate):
    """Return the best sensitivity with at most `rate` false candidates per case, trying every threshold."""
    best = 0.0
    for threshold in {score for scores, _, _ in cases for score in scores}:
        hits = false = 0
        for scores, found, _ in cases:
            accepted = [lesion for score, lesion in zip(scores, found, strict=True) if score >= threshold]
            hits += len(set(accepted) - {-1})
            false += accepted.count(-1)
        if false <= rate * len(cases):
            best = max(best, hits / sum(count for *_, count in cases))
    return best


@st.composite
def detections(draw):
    count = draw(st.integers(1, 4))
    pairs = draw(st.lists(st.tuples(st.integers(0, 5), st.integers(-1, count - 1)), max_size=8))
    return [float(score) for score, _ in pairs], [lesion for _, lesion in pairs], count


@given(st.lists(detections(), min_size=1, max_size=4), st.sampled_from([0, 0.25, 0.5, 1, 2, 8]))
def test_sensitivity_is_what_counting_at_every_threshold_gives(cases, rate):
    assert detect.froc(cases, (rate,))["sensitivity"][0] == pytest.approx(counted(cases, rate))


def test_the_whole_curve():
    curve = detect.froc([([3, 2, 2, 1], [0, -1, 1, 1], 3), ([], [], 1)], None)
    assert curve["false_positives_per_case"].tolist() == [0, 0, 0.5]
    assert curve["sensitivity"].tolist() == [0, 0.25, 0.5]
    assert curve["threshold"].tolist() == [np.inf, 3, 2]


@pytest.mark.parametrize(
    ("cases", "message"),
    [
        ([], "must have a lesion"),
        ([([1.0], [-1], 0)], "must have a lesion"),
        ([([float("nan")], [-1], 1)], "NaN"),
        ([([1.0], [1], 1)], "number lesions from 0 to 0"),
        ([([1.0, 2.0], [0], 1)], "got 1 for 2"),
        ([([1.0], [-2], 1)], "number lesions from 0 to 0, or -1"),
    ],
)
def test_wrong_cases_are_refused(cases, message):
    with pytest.raises(ValueError, match=message):
        detect.froc(cases)
