"""The chest phantom is what it says, and the score counts what it says."""

from __future__ import annotations

import numpy as np
import pytest

from cormack import phantoms
from cormack._table import Table

SMALL = {"shape": (48, 128, 128), "spacing": (4.0, 2.6, 2.6)}


@pytest.fixture(scope="module")
def chest():
    return phantoms.chest_ct()


def test_is_a_ct_with_lungs_of_human_size(chest):
    image = chest.volume
    voxel_ml = np.prod(image.spacing) / 1000
    assert image.array.dtype == np.int16
    assert image.shape == (96, 256, 256)
    assert image.meta["units"] == "HU"
    assert 2000 < chest.lungs.sum() * voxel_ml < 5000
    assert abs(image.array[chest.lungs & ~chest.vessels & (chest.nodule_labels == 0)].mean() + 860) < 30
    assert image.array[chest.airways].mean() < -930
    assert not (chest.airways & chest.lungs).any()
    # A table outside of the body, so that a lung segmentation has something to fail on.
    assert np.median(image.array[:, -35:-25, 128]) < -900
    assert not chest.lungs[:, -60:].any()


def test_is_the_same_for_the_same_seed_and_another_for_another():
    first, again, other = (phantoms.chest_ct(**SMALL, seed=seed, nodules=3) for seed in (5, 5, 6))
    assert np.array_equal(first.volume.array, again.volume.array)
    assert first.nodules["diameter_mm"].tolist() == again.nodules["diameter_mm"].tolist()
    assert not np.array_equal(first.volume.array, other.volume.array)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nodules_have_their_size_place_and_density(seed):
    chest = phantoms.chest_ct(seed=seed, noise=0)
    voxel = np.prod(chest.volume.spacing)
    assert chest.nodules.row_count == 9
    assert set(chest.nodules["attachment"]) == {"isolated", "vessel", "pleura"}
    assert np.allclose(sorted(chest.nodules["diameter_mm"]), np.linspace(4, 20, 9))
    for row in chest.nodules.rows():
        inside = chest.nodule_labels == row["nodule"]
        true = np.pi / 6 * row["diameter_mm"] ** 3
        assert inside.sum() * voxel == pytest.approx(true, rel=0.35 if row["diameter_mm"] < 7 else 0.08)
        centre = [row[f"centroid_{a}"] for a in "zyx"]
        assert np.abs(np.argwhere(inside).mean(axis=0) - centre).max() < 0.5
        if row["diameter_mm"] > 7:  # smaller ones have no voxel of their own
            assert chest.volume.array[tuple(round(c) for c in centre)] == pytest.approx(row["hu"], abs=2)
        # Partial volume: the mass above lung is that of the ball, not that of whole voxels.
        if row["attachment"] == "isolated":
            box = tuple(slice(int(c - 12), int(c + 13)) for c in centre)
            excess = np.clip((chest.volume.array[box] + 860.0) / (row["hu"] + 860.0), 0, 1)
            near = sum(
                ((np.arange(s.start, s.stop) - c) * d).reshape([-1 if i == j else 1 for j in range(3)]) ** 2
                for i, (s, c, d) in enumerate(zip(box, centre, chest.volume.spacing, strict=True))
            )
            near = near < (row["diameter_mm"] / 2 + 3) ** 2
            background = 0.03 * near.sum()  # the density of the lung rises to the back
            assert excess[near].sum() * voxel == pytest.approx(true, abs=(background + 2) * voxel, rel=0.05)


def test_noise_has_the_given_strength():
    quiet, loud = (phantoms.chest_ct(**SMALL, noise=noise, nodules=0).volume.array for noise in (0, 30))
    inside = quiet > -900  # air is clipped at -1024
    assert (loud.astype(float) - quiet)[inside].std() == pytest.approx(30, rel=0.03)


@pytest.mark.parametrize(
    "wrong",
    [{"shape": (10, 10)}, {"spacing": (1, 0, 1)}, {"noise": -1}, {"nodules": -1}, {"diameters_mm": (9, 3)}],
)
def test_wrong_arguments_are_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        phantoms.chest_ct(**wrong)


def test_no_room_says_so():
    with pytest.raises(ValueError, match="no room for nodule"):
        phantoms.chest_ct(**SMALL, nodules=4, diameters_mm=(90, 120))


def candidates(chest, rows):
    columns = {f"centroid_{a}": [] for a in "zyx"} | {"equivalent_diameter_mm": [], "label": []}
    for number, (nodule, shift, diameter) in enumerate(rows, start=1):
        for axis, a in enumerate("zyx"):
            at = chest.nodules[f"centroid_{a}"][nodule] + (shift / chest.volume.spacing[0] if axis == 0 else 0)
            columns[f"centroid_{a}"].append(at)
        columns["equivalent_diameter_mm"].append(diameter)
        columns["label"].append(number)
    return Table({name: np.array(values) for name, values in columns.items()})


def test_score_counts_found_missed_and_false():
    chest = phantoms.chest_ct(**SMALL, nodules=4, diameters_mm=(10, 20))
    sizes = chest.nodules["diameter_mm"]
    # Two hits, one of them twice (one of the two is false), one far away, two nodules missed.
    score = phantoms.score_nodules(
        candidates(chest, [(0, 1.0, sizes[0] + 2), (1, 0.0, sizes[1] - 1), (1, 3.0, 4.0), (2, 60.0, 9.0)]), chest
    )
    assert (score["found"], score["missed"], score["false_candidates"]) == (2, 2, 2)
    assert score["mean_abs_diameter_error_mm"] == pytest.approx(1.5)
    assert score["mean_diameter_error_mm"] == pytest.approx(0.5)
    assert score["lesions"]["found"].tolist() == [True, True, False, False]
    assert score["lesions"]["candidate"].tolist() == [1, 2, 0, 0]


def test_score_of_nothing_and_of_rejected_candidates():
    chest = phantoms.chest_ct(**SMALL, nodules=2, diameters_mm=(10, 12))
    table = candidates(chest, [(0, 0.0, 10.0)])
    table["kept"] = np.array([False])
    score = phantoms.score_nodules(table, chest)
    assert (score["found"], score["missed"], score["false_candidates"]) == (0, 2, 0)
    assert np.isnan(score["mean_abs_diameter_error_mm"])


def test_score_of_the_truth_itself_is_perfect(chest):
    score = phantoms.score_nodules(chest.nodule_labels, chest)
    assert (score["found"], score["missed"], score["false_candidates"]) == (9, 0, 0)
    assert score["mean_abs_diameter_error_mm"] < 0.2
    with pytest.raises(ValueError, match="do not fit"):
        phantoms.score_nodules(chest.nodule_labels[1:], chest)
