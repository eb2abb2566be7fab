"""ngldm: neighbours visited one by one, the reference manual's formulas cell by cell."""

from __future__ import annotations

import numpy as np
import pytest

from cormack import features

from .texture_oracles import box_sums, dependences, region, size_features

SHAPES = [(1, 5, 7), (4, 5, 6), (3, 1, 33), (5, 9, 1), (2, 3, 35), (20, 3, 3)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("distance", "coarseness"), [(1, 0), (1, 1), (2, 0), (3, 2)])
def test_matrices_match_neighbours_one_by_one(shape, distance, coarseness, isa):
    image = region(14, shape, 6, 0.7)
    settings = {"distance": distance, "coarseness": coarseness}
    in_slice = np.array([dependences(plane[np.newaxis], 7, distance, coarseness, False) for plane in image])
    expected = {"2D": in_slice, "2.5D": in_slice.sum(axis=0), "3D": dependences(image, 7, distance, coarseness, True)}
    for way, matrix in expected.items():
        result = features.ngldm_matrix(image, level_count=7, aggregation=way, **settings)
        assert result.dtype == np.int64
        np.testing.assert_array_equal(result, matrix)


def test_the_largest_neighbourhood_matches_scipy(isa):
    image = region(13, (3, 36, 37), 2, 0.9)
    image[image == 2] = 60
    counts = [box_sums(image == level, 15) for level in (1, 60)]
    for coarseness in (0, 58, 59, 10**12):
        expected = np.zeros((60, 31**3), np.int64)
        for level, alike in zip((1, 60), counts, strict=True):
            near = (alike if coarseness < 59 else counts[0] + counts[1])[image == level]
            np.add.at(expected[level - 1], near - 1, 1)
        result = features.ngldm_matrix(image, distance=15, coarseness=coarseness)
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("way", ["2D", "2.5D", "3D"])
@pytest.mark.parametrize(("seed", "levels", "fill"), [(2, 5, 0.9), (3, 2, 0.1), (4, 1, 0.7), (5, 40, 1.0)])
def test_features_match_the_formulas_cell_by_cell(way, seed, levels, fill):
    image = region(seed, (4, 6, 5), levels, fill)
    voxels = (image != 0).sum(axis=(1, 2)) if way == "2D" else [(image != 0).sum()]
    matrices = features.ngldm_matrix(image, aggregation=way)
    matrices = matrices.reshape(-1, *matrices.shape[-2:])
    expected = [size_features(m, n) for m, n in zip(matrices, voxels, strict=True) if n]
    result = features.ngldm(image, aggregation=way)
    assert list(result) == list(features.definitions("REK0"))
    np.testing.assert_allclose(list(result.values()), np.mean(expected, axis=0), rtol=1e-12, atol=1e-12)


def test_rejects_a_negative_coarseness():
    with pytest.raises(ValueError, match="ngldm: `coarseness` must be at least 0, got -1"):
        features.ngldm([[1, 2]], coarseness=-1)
