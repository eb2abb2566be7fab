"""glrlm: runs followed voxel by voxel, the reference manual's formulas cell by cell."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from cormack import _cormack_cpu, features

from .texture_oracles import IN_SLICE, IN_SPACE, region, run_lengths, size_features, table

SHAPES = [(1, 5, 7), (4, 5, 6), (6, 1, 33), (5, 9, 1), (2, 3, 67)]


def joined(lists):
    return list(itertools.chain.from_iterable(lists))


def matrices_of(image, way):
    """The matrices that an aggregation averages over, with the voxels that each describes."""
    voxels = int((image != 0).sum())
    if way.startswith("3D"):
        runs = [run_lengths(image, step) for step in IN_SPACE]
        groups = [(r, voxels) for r in runs]
        return groups if way == "3D averaged" else [(joined(runs), 13 * voxels)]
    runs = [[run_lengths(plane[np.newaxis], step) for step in IN_SLICE] for plane in image]
    counts = [int((plane != 0).sum()) for plane in image]
    match way:
        case "2D averaged":
            return [(r, n) for plane, n in zip(runs, counts, strict=True) for r in plane]
        case "2D slice-merged":
            return [(joined(plane), 4 * n) for plane, n in zip(runs, counts, strict=True)]
        case "2.5D direction-merged":
            return [(joined(plane[k] for plane in runs), voxels) for k in range(4)]
    return [(joined(r for plane in runs for r in plane), 4 * voxels)]


WAYS = ["3D averaged", "3D merged", "2D averaged", "2D slice-merged", "2.5D direction-merged", "2.5D merged"]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_matrices_match_runs_voxel_by_voxel(shape, way, isa):
    image = region(7, shape, 3)
    result = features.glrlm_matrix(image, level_count=4, aggregation=way)
    assert result.dtype == np.int64
    groups = matrices_of(image, way)
    assert result.shape[-1] == max(length for runs, _ in groups for _, length in runs)
    for matrix, (runs, _) in zip(result.reshape(-1, *result.shape[-2:]), groups, strict=True):
        expected = table(runs, 4)
        np.testing.assert_array_equal(matrix[:, : expected.shape[1]], expected)
        assert matrix.sum() == expected.sum()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("seed", "levels", "fill"), [(2, 5, 0.9), (3, 2, 0.1), (4, 1, 0.7), (5, 40, 1.0)])
def test_features_match_the_formulas_cell_by_cell(way, seed, levels, fill):
    image = region(seed, (4, 6, 5), levels, fill)
    groups = [(table(runs, levels), voxels) for runs, voxels in matrices_of(image, way) if runs]
    expected = np.mean([size_features(matrix, voxels)[:16] for matrix, voxels in groups], axis=0)
    result = features.glrlm(image, aggregation=way)
    assert list(result) == list(features.definitions("TP0I"))
    np.testing.assert_allclose(list(result.values()), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("levels", [300, 65535])
def test_many_cells_match_runs_voxel_by_voxel(levels, isa):
    image = region(8, (2, 3, 300), 2)
    image[image == 2] = levels
    for way in ("3D merged", "2.5D merged"):
        result = features.glrlm(image, aggregation=way)
        ((runs, voxels),) = matrices_of(image, way)
        assert result["rlm_r_perc"] == len(runs) / voxels
        assert result["rlm_lre"] == sum(length**2 for _, length in runs) / len(runs)
        assert result["rlm_hgre"] == sum(level**2 for level, _ in runs) / len(runs)


def test_long_runs_match_their_length():
    image = np.ones((2, 3, 30000), np.uint8)
    matrix = features.glrlm_matrix(image, aggregation="3D averaged")
    assert matrix.shape == (13, 1, 30000)
    assert matrix[0, 0, -1] == 6
    assert matrix[:, 0, 1].sum() > 0


def test_merged_cells_match_a_sum_of_tables():
    rng = np.random.default_rng(9)
    cells = np.stack([rng.integers(n, size=500) for n in (6, 5, 4, 9)], axis=1) + 1 - np.eye(4, dtype=np.int64)[0]
    groups = np.array([2, 0, 0, 1, 2, 2])
    expected = np.zeros((3, 6, 5), np.int64)
    np.add.at(expected, (groups[cells[:, 0]], cells[:, 1], cells[:, 2]), cells[:, 3])
    # Sizes of millions have no table: cells are sorted instead.
    for scale in (1, 1 << 22):
        merged = _cormack_cpu.merge_cells(cells * [1, 1, scale, 1], groups)
        place = np.argwhere(expected)
        np.testing.assert_array_equal(merged[:, :3], place * [1, 1, scale])
        np.testing.assert_array_equal(merged[:, 3], expected[tuple(place.T)])
