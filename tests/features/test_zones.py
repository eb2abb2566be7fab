"""glszm and gldzm: zones and distances of scipy.ndimage, the reference manual's formulas cell by cell."""

from __future__ import annotations

import numpy as np
import pytest

from cormack import features

from .texture_oracles import region, size_features, table, zones

SHAPES = [(1, 5, 7), (4, 5, 6), (40, 3, 9), (6, 1, 33), (5, 9, 1), (2, 3, 67), (50, 8, 7)]


def check(image, levels, mask=None, morphology=None, **keywords):
    inside = image if mask is None else np.where(mask, image, 0)
    found = {
        "3D": [zones(inside, morphology)],
        "2D": [zones(inside[z], None if morphology is None else morphology[z]) for z in range(len(image))],
    }
    found["2.5D"] = [[zone for group in found["2D"] for zone in group]]
    for way, groups in found.items():
        size = features.glszm_matrix(image, mask, level_count=levels, aggregation=way, **keywords)
        distance = features.gldzm_matrix(
            image, mask, morphological_mask=morphology, level_count=levels, aggregation=way, **keywords
        )
        for result, value in ((size, 1), (distance, 2)):
            assert result.dtype == np.int64
            assert result.shape[-1] == max(zone[value] for group in groups for zone in group)
            for matrix, group in zip(result.reshape(-1, *result.shape[-2:]), groups, strict=True):
                expected = table([(zone[0], zone[value]) for zone in group], levels)
                np.testing.assert_array_equal(matrix[:, : expected.shape[1]], expected, err_msg=way)
                assert matrix.sum() == expected.sum()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("levels", "fill"), [(1, 0.5), (2, 1.0), (3, 0.9), (30, 0.95)])
def test_matrices_match_scipy(shape, levels, fill, isa):
    image = region(10, shape, levels, fill)
    for workers in (1, 3):
        check(image, levels, workers=workers)


def test_distances_match_scipy_to_the_edge_of_another_mask():
    image = region(11, (9, 10, 11), 3, 0.5)
    mask = np.random.default_rng(0).random(image.shape) < 0.8
    mask[image == 0] = False
    morphology = np.zeros(image.shape, bool)
    morphology[1:-1, 2:-1, 1:] = True
    check(image, 3, mask, morphology)
    shifted = np.roll(morphology, 3, axis=1)
    check(image, 3, mask, shifted)


def test_one_large_zone_matches_its_size():
    image = np.ones((70, 40, 30), np.uint8)
    for workers in (1, 2, 3):
        matrix = features.glszm_matrix(image, workers=workers)
        assert np.argwhere(matrix).tolist() == [[0, image.size - 1]]
    image[::2, ::2] = 2
    assert features.glszm(image)["szm_z_perc"] == (1 + 35 * 20) / image.size


@pytest.mark.parametrize("way", ["2D", "2.5D", "3D"])
@pytest.mark.parametrize(("seed", "levels", "fill"), [(2, 5, 0.9), (3, 2, 0.1), (4, 1, 0.7), (5, 40, 1.0)])
def test_features_match_the_formulas_cell_by_cell(way, seed, levels, fill):
    image = region(seed, (4, 6, 5), levels, fill)
    voxels = (image != 0).sum(axis=(1, 2)) if way == "2D" else [(image != 0).sum()]
    for function, counts, family in (
        (features.glszm, features.glszm_matrix, "9SAK"),
        (features.gldzm, features.gldzm_matrix, "VMDZ"),
    ):
        matrices = counts(image, aggregation=way)
        matrices = matrices.reshape(-1, *matrices.shape[-2:])
        expected = [size_features(m, n)[:16] for m, n in zip(matrices, voxels, strict=True) if n]
        result = function(image, aggregation=way)
        assert list(result) == list(features.definitions(family))
        np.testing.assert_allclose(list(result.values()), np.mean(expected, axis=0), rtol=1e-12, atol=1e-12)


def test_a_voxel_of_the_intensities_belongs_to_the_morphological_mask():
    image = np.ones((5, 5, 5), np.uint8)
    assert features.gldzm(image, morphological_mask=np.zeros(image.shape))["dzm_lde"] == 1
    image[2, 2, 2] = 2
    assert features.gldzm(image, image == 2, morphological_mask=np.ones(image.shape))["dzm_lde"] == 9
