"""What holds for all texture families: layouts, dtypes, masks, threads, levels, errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import cormack
from cormack import GeometryError, Volume, features

from .texture_oracles import IN_SPACE, cooccurrence, region, run_lengths, table, zones

BY_DIRECTION = ("2D averaged", "2D slice-merged", "2.5D direction-merged", "2.5D merged", "3D averaged", "3D merged")
BY_SLICE = ("2D", "2.5D", "3D")
FAMILIES = {
    "glcm": BY_DIRECTION,
    "glrlm": BY_DIRECTION,
    "glszm": BY_SLICE,
    "gldzm": BY_SLICE,
    "ngtdm": BY_SLICE,
    "ngldm": BY_SLICE,
}
DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]


def all_of(image, mask=None, **keywords):
    """Every feature of every family and aggregation."""
    result = {}
    for name, ways in FAMILIES.items():
        ways = ways if np.ndim(image) == 3 else tuple(way for way in ways if not way.startswith("3D"))
        result[name] = getattr(features, name)(image, mask, aggregation=ways, **keywords)
        assert tuple(result[name]) == ways
    return result


@pytest.fixture(scope="module")
def image():
    return region(20, (37, 18, 33), 9, 0.9)


@pytest.fixture(scope="module")
def expected(image):
    return all_of(np.ascontiguousarray(image.astype(np.int32)), workers=1)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtype_and_level_of_instructions_do_not_matter(image, expected, dtype, isa):
    assert all_of(image.astype(dtype)) == expected


@pytest.mark.parametrize("workers", [1, 2, 3, None])
def test_number_of_threads_does_not_matter(image, expected, workers):
    assert all_of(image, workers=workers) == expected


def layouts(array):
    wide = np.zeros([2 * n + 1 for n in array.shape], array.dtype)
    part = wide[1::2, 1::2, 1::2]
    part[...] = array
    turned = np.ascontiguousarray(array[::-1, ::-1, ::-1])[::-1, ::-1, ::-1]
    return [np.asfortranarray(array), part, turned, np.ascontiguousarray(array.transpose(1, 0, 2)).transpose(1, 0, 2)]


def test_memory_layout_does_not_matter(image, expected, isa):
    values = np.where(image > 0, image, 5).astype(np.int16)
    mask = image > 0
    for levels, inside in zip(layouts(values), reversed(layouts(mask)), strict=True):
        assert all_of(levels, inside) == expected
        assert all_of(np.where(mask, levels, 0).astype(np.int16)) == expected


def test_masks_and_what_lies_around_do_not_matter(image, expected):
    around = np.pad(image, ((2, 3), (4, 0), (1, 5)))
    for mask in (around > 0, (around > 0).astype(np.float32) * 0.5, (around > 0) * np.uint8(255)):
        noise = np.where(around > 0, around, np.random.default_rng(0).integers(-9, 99, around.shape))
        assert all_of(noise, mask) == expected
    assert all_of(np.broadcast_to(image, (1, *image.shape))[0]) == expected
    assert all_of(cormack.Volume(image)) == expected


def test_repeated_slices_match_a_copy(image):
    repeated = np.broadcast_to(image[7], (5, *image.shape[1:]))
    assert all_of(repeated) == all_of(repeated.copy())


@pytest.mark.parametrize("way", ["2D averaged", "2D slice-merged", "2.5D direction-merged", "2.5D merged"])
def test_a_2d_image_matches_its_volume_of_one_slice(image, way):
    plane = image[4]
    for name in ("glcm", "glrlm"):
        function = getattr(features, name)
        assert function(plane, aggregation=way) == function(plane[np.newaxis], aggregation=way)
        assert function(plane) == function(plane, aggregation="2.5D merged")
    for name in ("glszm", "gldzm", "ngtdm", "ngldm"):
        function = getattr(features, name)
        assert function(plane) == function(plane[np.newaxis], aggregation="2D")


def test_matrices_of_slices_are_those_of_the_image(image):
    inside = np.zeros_like(image)
    inside[5:9] = image[5:9]
    for name, ways in FAMILIES.items():
        function = getattr(features, f"{name}_matrix")
        result = function(inside, level_count=9, aggregation=ways[0])
        assert len(result) == len(image)
        assert [plane.any() for plane in result] == [5 <= z < 9 for z in range(len(image))]


def test_more_levels_change_what_depends_on_their_number(image):
    few, many = features.glcm(image), features.glcm(image, level_count=100)
    changed = {name for name in few if few[name] != many[name]}
    assert {"cm_inv_diff_norm", "cm_inv_diff_mom_norm"} <= changed
    for name in set(few) - {"cm_inv_diff_norm", "cm_inv_diff_mom_norm"}:
        assert few[name] == pytest.approx(many[name], rel=1e-12)


def test_nothing_of_the_arguments_is_changed(image):
    before = image.copy()
    all_of(image, image > 2)
    np.testing.assert_array_equal(image, before)


@given(
    image=hnp.arrays(
        st.sampled_from(["uint8", "int16", "int32"]),
        hnp.array_shapes(min_dims=3, max_dims=3, max_side=6),
        elements=st.integers(0, 3),
    ),
    workers=st.sampled_from([1, 2]),
)
@settings(max_examples=60, deadline=None)
def test_matrices_match_the_definitions_for_any_region(image, workers):
    if not image.any():
        return
    pairs = features.glcm_matrix(image, level_count=3, aggregation="3D averaged", workers=workers)
    runs = features.glrlm_matrix(image, level_count=3, aggregation="3D averaged", workers=workers)
    for step, pair, run in zip(IN_SPACE, pairs, runs, strict=True):
        np.testing.assert_array_equal(pair, cooccurrence(image, step, 3))
        expected = table(run_lengths(image, step), 3)
        np.testing.assert_array_equal(run[:, : expected.shape[1]], expected)
    found = zones(image)
    sizes = features.glszm_matrix(image, level_count=3, workers=workers)
    np.testing.assert_array_equal(sizes, table([(level, size) for level, size, _ in found], 3))
    distances = features.gldzm_matrix(image, level_count=3, workers=workers)
    np.testing.assert_array_equal(distances, table([(level, distance) for level, _, distance in found], 3))


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(
    ("image", "keywords", "error", "message"),
    [
        (np.ones((2, 2)), {}, TypeError, "`levels` must have one of the dtypes bool, uint8,"),
        (np.ones(3, int), {}, ValueError, "`levels` must be 2-D or 3-D, got shape (3,)"),
        (np.zeros((2, 2), int), {}, ValueError, "`levels` must contain a voxel, got none"),
        (np.zeros((0, 2), int), {}, ValueError, "`levels` must contain a voxel, got none"),
        (np.ones((2, 2), int), {"mask": np.zeros((2, 2))}, ValueError, "`mask` must contain a voxel, got none"),
        (np.ones((2, 2), int), {"mask": np.ones(2)}, ValueError, "`mask` must have shape (2, 2), got (2,)"),
        (np.array([[1, -2]]), {}, ValueError, "`levels` must be at least 1 in the region and 0 outside, got -"),
        (np.array([[1, 0]]), {"mask": np.ones((1, 2))}, ValueError, "`levels` must be at least 1 in the region, got 0"),
        (np.array([[1, 65536]]), {}, ValueError, "`levels` must be at most 65535, got 65536"),
        (np.array([[1, 1 << 40]]), {}, ValueError, "`levels` must be at most 65535, got 65536"),
        (np.array([[1, 4]]), {"level_count": 3}, ValueError,
         "`level_count` must be from the highest level, 4, to 65535, got 3"),
        (np.array([[1, 4]]), {"level_count": 70000}, ValueError,
         "`level_count` must be from the highest level, 4, to 65535, got 70000"),
        (np.array([[1, 4]]), {"level_count": 4.0}, TypeError, "`level_count` must be an int, got 4.0"),
        (np.array([[1, 4]]), {"workers": 0}, ValueError, "`workers` must be at least 1, got 0"),
        (np.array([[1, 4]]), {"aggregation": "4D"}, ValueError, "`aggregation` must be one of '2"),
        (np.array([[1, 4]]), {"aggregation": ("4D",)}, ValueError, "`aggregation` must be one of '2"),
        (np.array([[1, 4]]), {"aggregation": "3D"}, ValueError, "`aggregation` must be one of '2"),
        (np.array([[1, 4]]), {"aggregation": ()}, ValueError, "`aggregation` must name at least one way, got ()"),
    ],
)  # fmt: skip
def test_rejects(name, image, keywords, error, message):
    with pytest.raises(error) as raised:
        getattr(features, name)(image, **keywords)
    assert str(raised.value).startswith(f"{name}: {message}")


@pytest.mark.parametrize("name", FAMILIES)
def test_a_matrix_has_one_aggregation(name):
    with pytest.raises(ValueError, match=f"{name}_matrix: `aggregation` must be one name, got "):
        getattr(features, f"{name}_matrix")(np.array([[1, 4]]), aggregation=("2D", "2.5D"))


@pytest.mark.parametrize("function", [features.gldzm, features.glrlm_matrix, features.ngtdm])
def test_regions_that_are_too_long_are_refused(function):
    with pytest.raises(ValueError, match=rf"{function.__name__}: the box of the region must have at most 65535 voxels"):
        function(np.ones((2, 65535), np.uint8))


def test_a_long_region_that_radiomics_cannot_take_names_it():
    image = np.arange(2 * 70000, dtype=np.int32).reshape(2, 70000)
    with pytest.raises(ValueError, match="radiomics: the box of the region must have at most 65535 voxels"):
        features.radiomics(image, image >= 0, settings={"families": ["glszm"]})


LEVELS = np.ones((3, 4, 5), np.int16)
ELSEWHERE = Volume(LEVELS, spacing=(2, 1, 1), origin=(50, 0, 0))
TEXTURES = {name: getattr(features, name) for name in FAMILIES}
MASKED = TEXTURES | {f"{name}_matrix": getattr(features, f"{name}_matrix") for name in FAMILIES} | {
    "first_order": features.first_order,
    "local_intensity": features.local_intensity,
    "intensity_histogram": features.intensity_histogram,
    "intensity_volume_histogram": features.intensity_volume_histogram,
    "discretise": lambda image, mask: features.discretise(image, mask, bin_number=2),
    "resegment": features.resegment,
    "morphology": lambda image, mask: features.morphology(mask, image),
    "morphology intensity_mask": lambda image, mask: features.morphology(LEVELS, image, mask),
    "morphology both masks": lambda image, mask: features.morphology(image, LEVELS, mask),
    "gldzm morphological_mask": lambda image, mask: features.gldzm(image, morphological_mask=mask),
    "feature_map": lambda image, mask: features.feature_map(image, mask, "stat_mean"),
    "feature_map neighbourhood_mask": lambda image, mask: features.feature_map(
        image, LEVELS, "stat_mean", neighbourhood_mask=mask
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MASKED)
def test_masks_on_another_grid_are_refused_with_both(name):
    image = Volume(LEVELS, spacing=(2, 1, 1))
    with pytest.raises(GeometryError, match=r"(?s)do not share one grid.*origin \(0, 0, 0\).*origin \(50, 0, 0\)"):
        MASKED[name](image, ELSEWHERE)
    MASKED[name](image, image)
