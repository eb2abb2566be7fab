"""Patches: known lesions, calibration, geometry, masks, folders, any number of threads."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("sklearn")

from cormack import GeometryError, ModelRefused, Volume, anomaly


@pytest.fixture(scope="module")
def memory(made) -> anomaly.PatchMemory:
    return anomaly.fit_patches([made.texture(seed) for seed in range(8)], memory=400)


@pytest.fixture(scope="module")
def solid(made) -> anomaly.PatchMemory:
    normal = [Volume(made.texture(seed, (24, 40, 40)), (2.0, 1.0, 1.0)) for seed in range(5)]
    return anomaly.fit_patches(normal, memory=400, patch=7, stride=3)


def test_known_lesions_are_found(made, memory):
    scores = [memory.score(made.texture(100 + seed)) for seed in range(4)]
    found = [(made.with_lesion(200 + seed)) for seed in range(4)]
    lesions = [memory.score(image) for image, _ in found]
    truth = np.repeat([0, 1], 4)
    assert made.auc(truth, np.array([item.score for item in (*scores, *lesions)])) == 1.0
    for (_, inside), item in zip(found, lesions, strict=True):
        assert made.auc(inside, item.heat) > 0.97
        assert item.outlier
        assert item.p_value == pytest.approx(1 / 9)


def test_normal_images_score_within_their_reference(made, memory):
    scores = np.array([memory.score(made.texture(300 + seed)).score for seed in range(8)])
    normal = memory.calibration.scores
    assert np.median(scores) == pytest.approx(np.median(normal), rel=0.2)
    assert (scores <= normal.max() * 1.15).all()


def test_one_in_a_hundred_normal_patches_is_hot(made, memory):
    # Patches of one image overlap, so that the share varies more than that of independent ones.
    shares = [np.mean(memory.score(made.texture(400 + seed)).heat > 1) for seed in range(8)]
    assert 0.001 < np.mean(shares) < 0.03
    assert memory.p_values([0.0, 1.0, 1e9]) == pytest.approx([1.0, 0.01, 0.0], abs=0.002)


def test_known_lesions_are_found_in_volumes_on_their_grid(made, solid):
    image, inside = made.with_lesion(7, (24, 40, 40))
    volume = Volume(image, (2.0, 1.0, 1.0), origin=(5.0, 6.0, 7.0))
    found = solid.score(volume)
    assert isinstance(found.heat, Volume)
    assert found.heat.same_geometry(volume)
    assert found.heat.dtype == np.float32
    assert made.auc(inside, found.heat.array) > 0.97
    assert inside[found.peak]
    assert np.asarray(found.heat.array)[found.peak] == found.heat.array.max()


def test_images_of_another_spacing_are_resampled_and_the_map_comes_back(made):
    normal = [Volume(made.texture(seed, (48, 48)), 2.0) for seed in range(4)]
    memory = anomaly.fit_patches(normal, spacing=2.0, memory=200, patch=7)
    image, inside = made.with_lesion(9, (48, 48))
    fine = Volume(image, 2.0).resample(1.0)
    found = memory.score(fine)
    assert found.heat.same_geometry(fine)
    assert made.auc(np.kron(inside, np.ones((2, 2))), found.heat.array) > 0.97


def test_only_the_mask_is_looked_at(made, memory):
    image, inside = made.with_lesion(201)
    mask = ~inside
    mask[:, :10] = False
    found = memory.score(image, mask)
    assert not found.heat[~mask].any()
    assert memory.score(image, lambda given: inside & (given > -1e9)).score > found.score
    with pytest.raises(GeometryError):
        memory.score(Volume(image), Volume(mask, 2.0))


def test_the_same_for_any_number_of_threads_and_the_same_seed(made):
    normal = [made.texture(seed) for seed in range(3)]
    first, second = (anomaly.fit_patches(normal, memory=100, seed=5, workers=n) for n in (1, 2))
    np.testing.assert_array_equal(first.bank, second.bank)
    np.testing.assert_array_equal(first.calibration.scores, second.calibration.scores)
    image, _ = made.with_lesion(1)
    maps = [first.score(image, workers=n).heat for n in (1, 2)]
    np.testing.assert_array_equal(*maps)
    assert not np.array_equal(anomaly.fit_patches(normal, memory=100, seed=6).bank, first.bank)


def test_parts_of_an_image_are_described_as_the_whole(made, monkeypatch):
    from cormack.anomaly import _descriptors

    image = made.texture(3, (64, 40))
    whole = _descriptors.describe(image, 9, 3, 1)
    monkeypatch.setattr(_descriptors, "_PART", 40 * 9)
    parts = _descriptors.describe(image, 9, 3, 1)
    # Running sums begin elsewhere: a few last digits of values up to 100.
    np.testing.assert_allclose(parts, whole, atol=2e-3)


def test_descriptors_are_numpys(made):
    from cormack.anomaly._descriptors import CHANNELS, describe, grid_of

    image = made.texture(3, (40, 41))
    found = describe(image, 5, 4, 1)
    counts, start = grid_of(image.shape, 4)
    assert found.shape == (*counts, len(CHANNELS))
    y, x = start[0] + 4 * 3, start[1] + 4 * 5
    patch = image[y - 2 : y + 3, x - 2 : x + 3].astype(np.float64)
    inner = image[y - 1 : y + 2, x - 1 : x + 2].mean()
    expected = [patch.mean(), patch.std(), patch.min(), patch.max(), inner - patch.mean()]
    np.testing.assert_allclose(found[3, 5, :5], expected, rtol=1e-3, atol=1e-3)


def test_the_distance_is_to_the_nearest_in_the_bank(made, memory):
    image, _ = made.with_lesion(202)
    rows, _ = memory.recipe.patches(memory.recipe.prepared("t", image, None, 1), 1)
    z = (rows - memory.centre) / memory.scale
    distances = np.sqrt(((z[:, np.newaxis] - memory.bank) ** 2).sum(-1))
    nearest = np.sort(distances, axis=1)[:, :3].mean(axis=1) / memory.unit
    assert memory.score(image).score == pytest.approx(np.sort(nearest)[-10:].mean(), rel=1e-9)


def test_a_coreset_covers_more_than_chance(made):
    normal = [made.texture(seed) for seed in range(3)]
    both = {how: anomaly.fit_patches(normal, memory=60, subsampling=how) for how in ("k-centre", "random")}
    tops = {how: item.calibration.scores.max() * item.unit for how, item in both.items()}
    assert tops["k-centre"] < tops["random"]


def test_a_saved_memory_scores_the_same(made, solid, tmp_path):
    pytest.importorskip("skops")
    again = anomaly.load_detector(anomaly.save_detector(solid, tmp_path / "m"))
    image = Volume(made.with_lesion(7, (24, 40, 40))[0], (2.0, 1.0, 1.0))
    ours, theirs = solid.score(image), again.score(image)
    np.testing.assert_array_equal(ours.heat.array, theirs.heat.array)
    assert (ours.score, ours.p_value) == (theirs.score, theirs.p_value)
    (tmp_path / "m" / "network.onnx").write_bytes(b"")
    with pytest.raises(ModelRefused):
        anomaly.load_detector(tmp_path / "m")


@pytest.mark.parametrize(
    ("name", "value"),
    [("patch", 8), ("stride", 0), ("spacing", [1]), ("position", 1), ("unit", 0), ("alarm", 2), ("unit", 10**400)],
)
def test_a_card_with_other_settings_is_refused(memory, tmp_path_factory, name, value):
    pytest.importorskip("skops")
    folder = tmp_path_factory.getbasetemp() / "cards"
    card = json.loads((anomaly.save_detector(memory, folder) / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {name: value}))
    with pytest.raises(ModelRefused, match="do not fit together"):
        anomaly.load_detector(folder)


def test_wrong_arguments(made, memory):
    image = made.texture(0)
    for arguments, words in (
        ({"patch": 8}, "`patch` must be odd"),
        ({"subsampling": "all"}, "`subsampling` must be one of"),
        ({"masks": [None]}, "`masks` must be 2"),
        ({"memory": 1}, "`memory` must be at least 10"),
        ({"contamination": 2}, "`contamination` must be at most 0.5"),
    ):
        with pytest.raises(ValueError, match=words):
            anomaly.fit_patches([image, image], **arguments)
    with pytest.raises(ValueError, match="at least 2 images"):
        anomaly.fit_patches([image])
    with pytest.raises(ValueError, match="image 2 has the spacing"):
        anomaly.fit_patches([Volume(image, 1.0), Volume(image, 2.0)])
    with pytest.raises(ValueError, match="must be 2-D"):
        memory.score(np.zeros((5, 5, 5), np.float32))
    with pytest.raises(ValueError, match="finite"):
        memory.score(np.full((40, 40), np.nan, np.float32))
