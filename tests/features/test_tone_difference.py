"""ngtdm: neighbours visited one by one, the reference manual's formulas term by term."""

from __future__ import annotations

import numpy as np
import pytest

from cormack import features

from .texture_oracles import box_sums, region, tone_differences, tone_features

SHAPES = [(1, 5, 7), (4, 5, 6), (3, 1, 33), (5, 9, 1), (2, 3, 35), (20, 3, 3)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("distance", [1, 2])
def test_matrices_match_neighbours_one_by_one(shape, distance, isa):
    image = region(12, shape, 6, 0.5)
    in_slice = np.array([tone_differences(plane[np.newaxis], 7, distance, False) for plane in image])
    expected = {"2D": in_slice, "2.5D": in_slice.sum(axis=0), "3D": tone_differences(image, 7, distance, True)}
    for way, matrix in expected.items():
        result = features.ngtdm_matrix(image, level_count=7, aggregation=way, distance=distance)
        np.testing.assert_array_equal(result[..., 1], matrix[..., 1])
        np.testing.assert_allclose(result[..., 0], matrix[..., 0], rtol=1e-12)


@pytest.mark.parametrize(("distance", "highest"), [(15, 100), (1, 65535)])
def test_the_largest_neighbourhood_and_level_match_scipy(distance, highest, isa):
    image = region(13, (3, 36, 37), 2, 0.9)
    image[image == 2] = highest
    image[image == 1] = highest - 35
    image[0, 0, 0] = 1
    number = box_sums(image != 0, distance) - (image != 0)
    total = box_sums(image, distance) - image
    inside = (image != 0) & (number > 0)
    expected = np.zeros((highest, 2))
    np.add.at(expected[:, 0], image[inside] - 1, np.abs(image[inside] - total[inside] / number[inside]))
    np.add.at(expected[:, 1], image[inside] - 1, 1)
    result = features.ngtdm_matrix(image, distance=distance)
    np.testing.assert_array_equal(result[:, 1], expected[:, 1])
    np.testing.assert_allclose(result[:, 0], expected[:, 0], rtol=1e-11)


@pytest.mark.parametrize("way", ["2D", "2.5D", "3D"])
@pytest.mark.parametrize(("seed", "levels", "fill"), [(2, 5, 0.9), (3, 2, 0.1), (4, 1, 0.7), (5, 40, 1.0)])
def test_features_match_the_formulas_term_by_term(way, seed, levels, fill):
    image = region(seed, (4, 6, 5), levels, fill)
    matrices = features.ngtdm_matrix(image, aggregation=way).reshape(-1, image.max(), 2)
    used = [matrix for matrix in matrices if matrix[:, 1].any()] or [matrices[0]]
    expected = np.mean([tone_features(matrix) for matrix in used], axis=0)
    result = features.ngtdm(image, aggregation=way)
    assert list(result) == list(features.definitions("IPET"))
    np.testing.assert_allclose(list(result.values()), expected, rtol=1e-11)


@pytest.mark.parametrize("image", [[[1]], [[3, 3], [3, 3]]])
def test_a_region_without_differences_matches_the_manual(image):
    assert list(features.ngtdm(image).values()) == [1e6, 0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("distance", [0, 16])
def test_rejects_a_distance(distance):
    with pytest.raises(ValueError, match=f"ngtdm: `distance` must be at .*, got {distance}"):
        features.ngtdm([[1, 2]], distance=distance)


def test_rejects_tables_beyond_memory():
    with pytest.raises(ValueError, match="ngtdm: `distance` must be smaller for 65535 levels, got 15"):
        features.ngtdm([[[1, 2]]], level_count=65535, distance=15, aggregation="2.5D")
    for name in ("ngtdm_matrix", "ngldm_matrix"):
        with pytest.raises(ValueError, match=f"{name}: `distance` must be smaller for 65535 levels, got 15"):
            getattr(features, name)([[[1, 2]]], level_count=65535, distance=15, aggregation="2.5D")
