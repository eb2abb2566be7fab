"""glcm: counted pair by pair, the reference manual's formulas cell by cell."""

from __future__ import annotations

import numpy as np
import pytest

from cormack import features

from .texture_oracles import IN_SLICE, IN_SPACE, cooccurrence, cooccurrence_features, region

SHAPES = [(1, 5, 7), (4, 5, 6), (3, 1, 33), (5, 9, 1), (2, 3, 67)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("distance", [1, 2, 5])
def test_matrices_match_counting_pair_by_pair(shape, distance, isa):
    image = region(1, shape, 6)
    steps = {"3D": [tuple(distance * s for s in step) for step in IN_SPACE]}
    steps["2D"] = [step for step in steps["3D"] if step[0] == 0]
    assert IN_SPACE[:4] == IN_SLICE
    in_space = np.array([cooccurrence(image, step, 9) for step in steps["3D"]])
    in_slice = np.array([[cooccurrence(plane[np.newaxis], step, 9) for step in steps["2D"]] for plane in image])
    expected = {
        "3D averaged": in_space,
        "3D merged": in_space.sum(axis=0),
        "2D averaged": in_slice,
        "2D slice-merged": in_slice.sum(axis=1),
        "2.5D direction-merged": in_slice.sum(axis=0),
        "2.5D merged": in_slice.sum(axis=(0, 1)),
    }
    for way, matrix in expected.items():
        result = features.glcm_matrix(image, level_count=9, aggregation=way, distance=distance)
        assert result.dtype == np.int64
        np.testing.assert_array_equal(result, matrix, err_msg=way)


@pytest.mark.parametrize("way", ["3D averaged", "3D merged", "2D averaged", "2D slice-merged", "2.5D direction-merged",
                                 "2.5D merged"])  # fmt: skip
@pytest.mark.parametrize(("seed", "levels", "fill"), [(2, 5, 0.9), (3, 2, 0.3), (4, 1, 0.7), (5, 40, 1.0)])
def test_features_match_the_formulas_cell_by_cell(way, seed, levels, fill):
    image = region(seed, (4, 6, 5), levels, fill)
    matrices = features.glcm_matrix(image, level_count=levels, aggregation=way).reshape(-1, levels, levels)
    expected = np.mean([cooccurrence_features(matrix) for matrix in matrices if matrix.any()], axis=0)
    result = features.glcm(image, level_count=levels, aggregation=way)
    assert list(result) == list(features.definitions("LFYI"))
    # Terms of either sign cancel in the correlations and the cluster shade: the bound is on their magnitude. The second
    # one is the square root of what may be a rounding error.
    np.testing.assert_allclose(list(result.values())[:-1], expected[:-1], rtol=1e-12, atol=1e-12 * levels**3)
    np.testing.assert_allclose(result["cm_info_corr2"] ** 2, expected[-1] ** 2, rtol=1e-6, atol=1e-12)


def test_a_region_without_a_pair_is_refused():
    image = np.zeros((3, 3), np.uint8)
    image[1, 1] = 2
    with pytest.raises(ValueError, match=r"glcm: the region must have two voxels 1 apart \(2.5D merged\), got none"):
        features.glcm(image)
    assert not features.glcm_matrix(image).any()
    image[1, 2] = 2
    assert features.glcm(image)["cm_corr"] == 1
    with pytest.raises(ValueError, match="3 apart"):
        features.glcm(image, distance=3)


def test_a_distance_beyond_the_region_takes_no_memory():
    image = region(5, (3, 4, 9), 4)
    for distance in (9, 1000):
        assert not features.glcm_matrix(image, distance=distance).any()
        with pytest.raises(ValueError, match=f"two voxels {distance} apart"):
            features.glcm(image, distance=distance)
    along = sum(cooccurrence(image, (0, 0, 8 * step[2]), 4) for step in IN_SPACE if step[:2] == (0, 0))
    assert np.array_equal(features.glcm_matrix(image, level_count=4, distance=8), along)


def test_rejects_matrices_beyond_memory():
    levels = np.full((2, 2, 2), 4545)
    with pytest.raises(ValueError, match="glcm_matrix: there must be at most 4544 levels for 13"):
        features.glcm_matrix(levels, level_count=5000)
    with pytest.raises(ValueError, match="glcm: there must be at most 4544 levels for 13 co-occurrence matrices, got"):
        features.glcm(levels)


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"distance": 0}, ValueError, "glcm: `distance` must be at least 1, got 0"),
        ({"distance": 1001}, ValueError, "glcm: `distance` must be at most 1000, got 1001"),
        ({"distance": 1.5}, TypeError, "glcm: `distance` must be an int, got 1.5"),
    ],
)
def test_rejects(keywords, error, message):
    with pytest.raises(error) as raised:
        features.glcm(np.ones((2, 2), int), **keywords)
    assert str(raised.value) == message


def test_haralick_names_are_of_scikit_image_where_it_has_them():
    feature = pytest.importorskip("skimage.feature")
    image = np.random.default_rng(6).integers(0, 8, (23, 31)).astype(np.uint8)
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    matrix = feature.graycomatrix(image, [1], angles, levels=8, symmetric=True, normed=True)
    found = features.glcm(image + 1, aggregation="2D averaged")
    for name in ("ASM", "contrast", "correlation", "homogeneity", "dissimilarity"):
        assert found[features.HARALICK[name.lower()]] == pytest.approx(feature.graycoprops(matrix, name).mean(), 1e-12)
    entropy = -np.where(matrix > 0, matrix * np.log2(np.where(matrix > 0, matrix, 1)), 0).sum(axis=(0, 1)).mean()
    assert found[features.HARALICK["entropy"]] == pytest.approx(entropy, 1e-12)


def test_every_haralick_name_leads_to_a_feature_of_the_family():
    family = features.definitions("LFYI")
    assert set(features.HARALICK.values()) <= set(family)
    assert all(name == name.lower() for name in features.HARALICK)
