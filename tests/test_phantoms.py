"""The phantoms are what they say, and the score counts what it says."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest

from cormack import io, phantoms
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


# --- Lesions ---------------------------------------------------------------------------------------------------------


def roundness(mask, spacing):
    """Spread of the distances of a region's voxels from its centre, against that of a ball: 1, more where it is not."""
    points = (np.argwhere(mask) - np.argwhere(mask).mean(axis=0)) * spacing
    radius = (3 / (4 * np.pi) * len(points) * np.prod(spacing)) ** (1 / 3)
    return (points**2).sum(axis=1).mean() / (0.6 * radius**2)


def test_a_lesion_shows_each_of_its_traits():
    calm = dict.fromkeys(("lobulation", "spiculation", "heterogeneity", "necrosis", "blur"), -6.0)

    def drawn(**traits):
        return phantoms.lesion("malignant", seed=2, noise=0, traits=calm | traits)

    plain = drawn()
    assert plain.volume.array.dtype == np.int16
    assert plain.volume.meta == {"modality": "CT", "units": "HU"}
    assert plain.traits == calm
    spacing = plain.volume.spacing
    volume = plain.mask.sum() * np.prod(spacing)
    assert volume == pytest.approx(np.pi / 6 * plain.diameter_mm**3, rel=0.06)
    assert roundness(plain.mask, spacing) == pytest.approx(1, abs=0.02)
    inside = plain.volume.array[plain.mask].astype(float)
    assert inside.mean() > plain.volume.array[~plain.mask].mean() + 20
    for shaped in ("lobulation", "spiculation"):
        assert roundness(drawn(**{shaped: 3}).mask, spacing) > 1.02
    assert drawn(heterogeneity=3).volume.array[plain.mask].std() > 1.3 * inside.std()
    centre = tuple(n // 2 for n in plain.mask.shape)
    assert drawn(necrosis=3).volume.array[centre] < plain.volume.array[centre] - 15
    slopes = [np.abs(np.diff(p.volume.array.astype(float), axis=2)).max() for p in (plain, drawn(blur=3))]
    assert slopes[1] < 0.8 * slopes[0]


def test_scores_of_lesions_are_as_far_apart_as_they_say():
    scores = {
        kind: np.array([sum(phantoms.lesion(kind, (12, 12, 12), seed=n, diameters_mm=(3, 4)).traits.values())
                        for n in range(150)]) / np.sqrt(5)
        for kind in ("benign", "malignant")
    }  # fmt: skip
    # 4.5 with a standard error of 0.1; each of variance 1.
    assert scores["malignant"].mean() - scores["benign"].mean() == pytest.approx(4.5, abs=0.5)
    assert scores["benign"].std() == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"diagnosis": "bad"}, "`diagnosis` must be one of 'benign', 'malignant', got 'bad'"),
        ({"shape": (32, 48)}, "`shape` must be three numbers"),
        ({"spacing": (1, 0, 1)}, "`spacing` must be above 0"),
        ({"noise": -1}, "`noise` must be at least 0"),
        ({"diameters_mm": (9, 3)}, "`diameters_mm` must rise"),
        ({"shape": (32, 32, 32)}, "need an image of 46.9 mm along each axis, got 48 x 32 x 32"),
        ({"traits": {"size": 1}}, "`traits` must be one of 'lobulation'"),
    ],
)
def test_wrong_arguments_of_a_lesion_are_named(wrong, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        phantoms.lesion(**wrong)


def test_a_cohort_of_lesions_has_images_masks_and_labels(tmp_path):
    small = {"shape": (12, 16, 16), "spacing": (1.5, 1.0, 1.0), "diameters_mm": (4.0, 5.0)}
    path = phantoms.write_lesions(tmp_path / "a", 25, seed=3, **small)
    assert path == tmp_path / "a" / "labels.csv"
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["case", "diagnosis", "patient"]
    assert [row["case"] for row in rows] == [f"lesion-{n:03d}" for n in range(1, 26)]
    by_patient = {}
    for row in rows:
        by_patient.setdefault(row["patient"], []).append(row["diagnosis"])
    assert len(by_patient) == 20
    assert all(len(set(kinds)) == 1 for kinds in by_patient.values())
    assert sum(len(kinds) == 2 for kinds in by_patient.values()) == 5
    assert sum(kinds[0] == "malignant" for kinds in by_patient.values()) == 10
    assert len({p.name for folder in ("images", "masks") for p in (tmp_path / "a" / folder).iterdir()}) == 25
    image, mask = (io.read(tmp_path / "a" / part / "lesion-007.nii.gz") for part in ("images", "masks"))
    assert image.spacing == mask.spacing == pytest.approx((1.5, 1.0, 1.0))
    assert set(np.unique(mask.array)) == {0, 1}

    # The same seed gives the same files, of a smaller count the first ones.
    phantoms.write_lesions(tmp_path / "b", 5, seed=3, **small)
    for file in sorted((tmp_path / "b").rglob("*.nii.gz")):
        assert file.read_bytes() == (tmp_path / "a" / file.relative_to(tmp_path / "b")).read_bytes()
    assert (tmp_path / "b" / "labels.csv").read_text().splitlines() == path.read_text().splitlines()[:6]

    with pytest.raises(ValueError, match="`count` must be at least 1"):
        phantoms.write_lesions(tmp_path / "c", 0)
    with pytest.raises(ValueError, match="`malignant` must be at most 1"):
        phantoms.write_lesions(tmp_path / "c", 1, malignant=1.5)
    assert not (tmp_path / "c").exists()
