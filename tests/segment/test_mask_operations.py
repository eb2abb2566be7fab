"""fill_holes, clear_border, remove_small_objects, largest_component: equal to SciPy and scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from scipy import ndimage
from skimage.morphology import remove_small_holes as small_holes_of_skimage
from skimage.morphology import remove_small_objects as small_objects_of_skimage
from skimage.segmentation import clear_border as clear_border_of_skimage

from cormack import _cormack_cpu
from cormack.segment import clear_border, fill_holes, largest_component, remove_small_holes, remove_small_objects

SHAPES = [(1, 1), (1, 7), (7, 1), (5, 63), (4, 64), (3, 65), (9, 129), (33, 31), (1, 1, 1), (1, 9, 9), (3, 4, 5)]
SHAPES += [(4, 1, 70), (7, 7, 64), (5, 17, 130), (17, 9, 191)]


def structure(mask, connectivity):
    return ndimage.generate_binary_structure(mask.ndim, connectivity)


def filled_by_scipy(mask, connectivity):
    return ndimage.binary_fill_holes(mask, structure(mask, connectivity))


def cleared_by_labelling(mask, connectivity):
    labels, count = ndimage.label(mask, structure(mask, connectivity))
    border = np.ones(mask.shape, bool)
    border[(slice(1, -1),) * mask.ndim] = False
    keep = np.ones(count + 1, bool)
    keep[labels[border]] = keep[0] = False
    return keep[labels]


def without_small_by_labelling(mask, connectivity, size=4):
    labels, _ = ndimage.label(mask, structure(mask, connectivity))
    keep = np.bincount(labels.ravel()) >= size
    keep[0] = False
    return keep[labels]


def largest_by_labelling(mask, connectivity):
    labels, count = ndimage.label(mask, structure(mask, connectivity))
    if count == 0:
        return mask
    return labels == np.argmax(np.bincount(labels.ravel())[1:]) + 1


def remove_smaller_than_4(mask, **keywords):
    return remove_small_objects(mask, 4, **keywords)


def fill_up_to_3(mask, **keywords):
    return remove_small_holes(mask, max_size=3, **keywords)


def filled_by_labelling(mask, connectivity):
    return ~without_small_by_labelling(~mask, connectivity)


OPERATIONS = [
    (fill_up_to_3, filled_by_labelling),
    (fill_holes, filled_by_scipy),
    (clear_border, cleared_by_labelling),
    (remove_smaller_than_4, without_small_by_labelling),
    (largest_component, largest_by_labelling),
]


@pytest.mark.parametrize(("operation", "reference"), OPERATIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_scipy(isa, operation, reference, shape):
    for density in (0.3, 0.6, 0.85):
        mask = np.random.default_rng(0).random(shape) < density
        for connectivity in range(1, mask.ndim + 1):
            found = operation(mask, connectivity=connectivity)
            assert found.dtype == bool
            np.testing.assert_array_equal(found, reference(mask, connectivity))


@pytest.mark.parametrize("shape", [(40, 75), (9, 30, 66)], ids=str)
def test_clear_border_matches_skimage(shape):
    mask = np.random.default_rng(1).random(shape) < (0.3 if len(shape) == 2 else 0.08)
    found = clear_border(mask, connectivity=mask.ndim)
    assert found.any()
    np.testing.assert_array_equal(found, clear_border_of_skimage(mask))


@pytest.mark.parametrize("shape", [(40, 75), (9, 30, 66)], ids=str)
@pytest.mark.parametrize("size", [0, 1, 5, 64])
def test_small_objects_and_holes_match_skimage(shape, size):
    mask = np.random.default_rng(1).random(shape) < 0.5
    for steps in range(1, mask.ndim + 1):
        expected = small_objects_of_skimage(mask, max_size=size, connectivity=steps)
        np.testing.assert_array_equal(remove_small_objects(mask, max_size=size, connectivity=steps), expected)
        expected = small_holes_of_skimage(mask, max_size=size, connectivity=steps)
        np.testing.assert_array_equal(remove_small_holes(mask, max_size=size, connectivity=steps), expected)


def test_fill_holes_at_the_end_of_a_maze():
    wall = np.ones((101, 131), bool)
    wall[1:-1:2, 1:-1] = False
    wall[2:-1:4, -2] = wall[4:-1:4, 1] = False
    np.testing.assert_array_equal(fill_holes(wall), np.ones_like(wall))
    wall[0, 5] = False
    np.testing.assert_array_equal(fill_holes(wall), wall)


@pytest.mark.parametrize(("operation", "reference"), OPERATIONS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float32", "float64", "int64"])
def test_matches_scipy_for_every_type_and_layout(operation, reference, dtype):
    mask = np.random.default_rng(2).random((9, 30, 70)) < 0.5
    expected = reference(mask, 1)
    np.testing.assert_array_equal(operation(mask.astype(dtype) * 3), expected)
    np.testing.assert_array_equal(operation(np.asfortranarray(mask.astype(dtype))), expected)
    flipped = operation(mask.astype(dtype)[::-1, :, ::-1])
    np.testing.assert_array_equal(flipped, reference(mask[::-1, :, ::-1], 1))


@pytest.mark.parametrize(("operation", "reference"), OPERATIONS)
@given(mask=hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=3, max_side=10)))
@settings(max_examples=30, deadline=None)
def test_matches_scipy_on_random_input(operation, reference, mask):
    for connectivity in range(1, mask.ndim + 1):
        np.testing.assert_array_equal(operation(mask, connectivity=connectivity), reference(mask, connectivity))


@pytest.mark.parametrize(("operation", "reference"), OPERATIONS)
def test_result_does_not_depend_on_threads_or_level(operation, reference):
    mask = np.random.default_rng(3).random((64, 64, 100)) < 0.4
    expected = reference(mask, 1)
    for level in _cormack_cpu.available_isas():
        _cormack_cpu.use_isa(level)
        for workers in (1, 2, 3, -1):
            np.testing.assert_array_equal(operation(mask, workers=workers), expected)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 10**30])
def test_objects_of_the_least_size_stay(size):
    mask = np.array([[1, 0, 1, 1, 0, 1], [0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 1]], bool)
    sizes = np.array([[1, 0, 2, 2, 0, 3], [0, 0, 0, 0, 0, 3], [0, 0, 0, 0, 0, 3]])
    np.testing.assert_array_equal(remove_small_objects(mask, size), mask & (sizes >= size))


def test_the_first_of_equal_components_is_largest():
    assert largest_component(np.array([[0, 1, 0, 1]])).tolist() == [[False, True, False, False]]


@pytest.mark.parametrize(("operation", "reference"), OPERATIONS)
@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (3, 0, 4)], ids=str)
def test_empty(operation, reference, shape):
    assert operation(np.zeros(shape, bool)).shape == shape


@pytest.mark.parametrize(("operation", "reference"), OPERATIONS)
def test_rejects(operation, reference):
    names = {remove_smaller_than_4: "remove_small_objects", fill_up_to_3: "remove_small_holes"}
    name = names.get(operation, operation.__name__)
    with pytest.raises(ValueError, match=f"{name}: `mask` must be 2-D or 3-D, got shape"):
        operation(np.zeros(3))
    with pytest.raises(ValueError, match=f"{name}: `connectivity` must be 1 to 2 for 2-D, got 3"):
        operation(np.zeros((3, 3)), connectivity=3)
    with pytest.raises(ValueError, match=f"{name}: `workers` must be at least 1, got 0"):
        operation(np.zeros((3, 3)), workers=0)


def test_rejects_sizes():
    with pytest.raises(ValueError, match="remove_small_objects: `min_size` must be at least 0, got -1"):
        remove_small_objects(np.zeros((3, 3)), -1)
    with pytest.raises(TypeError, match=r"remove_small_objects: `min_size` must be an int, got 2\.5"):
        remove_small_objects(np.zeros((3, 3)), 2.5)
    with pytest.raises(ValueError, match="remove_small_objects: `min_size` or `max_size` must be given, got neither"):
        remove_small_objects(np.zeros((3, 3)))
    with pytest.raises(ValueError, match="remove_small_objects: `min_size` or `max_size` must be given, got both"):
        remove_small_objects(np.zeros((3, 3)), 3, max_size=2)
    with pytest.raises(ValueError, match="remove_small_holes: `max_size` must be at least 0, got -1"):
        remove_small_holes(np.zeros((3, 3)), max_size=-1)
