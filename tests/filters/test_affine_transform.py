"""affine_transform: truth is scipy.ndimage.affine_transform."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from cormack import Volume, _cormack_cpu, filters

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
ORDERS = [0, 1, 3]
MODES = ["constant", "nearest"]
SHAPES = [(1, 1), (1, 7), (9, 1), (5, 15), (4, 65), (130, 17), (1, 5, 6), (5, 1, 6), (5, 6, 1), (2, 2, 2), (7, 12, 33)]


def image_of(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return (rng.normal(size=shape) * 100).astype(dtype)
    limits = np.iinfo(dtype)
    # Room for what a spline adds.
    return rng.integers(limits.min // 3, limits.max // 3, shape).astype(dtype)


def map_of(ndim, kind, seed=0):
    rng = np.random.default_rng(seed)
    if kind == "stretch":
        matrix = np.diag(rng.uniform(0.3, 2, ndim) * rng.choice([-1, 1], ndim))
    elif kind == "turn by right angles":
        matrix = np.diag(rng.uniform(0.5, 1.5, ndim) * rng.choice([-1, 1], ndim))[rng.permutation(ndim)]
    elif kind == "flat":
        matrix = np.diag(rng.uniform(0.5, 1.5, ndim))
        matrix[0] = 0
    else:
        matrix = np.eye(ndim) + rng.normal(size=(ndim, ndim)) * 0.3
    return matrix, rng.uniform(-3, 6, ndim)


def bound(image, order, mode):
    """2^-32 voxel of a step between neighbours along each axis, which a spline may make three times as high."""
    values = image.astype(np.float64)
    eps = np.finfo(image.dtype if image.dtype.kind == "f" else np.float64).eps
    share = 2e-6 if order == 3 and mode == "nearest" else 3 * image.ndim * 2.0**-32
    return (values.max() - values.min()) * share + 100 * eps * np.abs(values).max()


def assert_matches_scipy(image, matrix, offset, shape, order, mode, cval=0.0):
    result = filters.affine_transform(image, matrix, offset, shape, order=order, mode=mode, cval=cval)
    assert result.dtype == image.dtype
    assert result.shape == shape
    expected = scipy.ndimage.affine_transform(
        image.astype(np.float64), matrix, offset, shape, order=order, mode=mode, cval=cval
    )
    if image.dtype.kind in "iu":
        expected = expected.clip(np.iinfo(image.dtype).min, np.iinfo(image.dtype).max)
    if order == 0:
        np.testing.assert_array_equal(result, expected)
        return
    error = np.abs(result - expected)
    allowed = bound(image, order, mode) + (0.5 if image.dtype.kind in "iu" else 0)
    assert error.max(initial=0) <= allowed


@pytest.mark.parametrize("kind", ["any", "stretch", "turn by right angles", "flat"])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_scipy_for_shapes(isa, shape, mode, order, kind):
    image = image_of(shape, "float64")
    matrix, offset = map_of(len(shape), kind, sum(shape))
    target = tuple(n + 9 for n in shape)
    assert_matches_scipy(image, matrix, offset, target, order, mode, -7.5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", ["any", "stretch"])
def test_matches_scipy_for_dtypes(isa, dtype, order, kind):
    matrix, offset = map_of(3, kind, 5)
    assert_matches_scipy(image_of((9, 20, 37), dtype), matrix, offset, (8, 21, 70), order, "constant", 3)
    assert_matches_scipy(image_of((20, 37), dtype), matrix[1:, 1:], offset[1:], (21, 70), order, "nearest")


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_matches_scipy_for_any_map(data):
    ndim = data.draw(st.integers(2, 3))
    shape = tuple(data.draw(st.lists(st.integers(1, 9), min_size=ndim, max_size=ndim)))
    target = tuple(data.draw(st.lists(st.integers(1, 12), min_size=ndim, max_size=ndim)))
    numbers = st.floats(-3, 3, allow_subnormal=False).map(lambda value: round(value, 3) + 1e-5)
    matrix = np.array(data.draw(st.lists(numbers, min_size=ndim**2, max_size=ndim**2))).reshape(ndim, ndim)
    offset = np.array(data.draw(st.lists(st.floats(-9, 9), min_size=ndim, max_size=ndim)))
    order, mode = data.draw(st.sampled_from(ORDERS)), data.draw(st.sampled_from(MODES))
    places = np.tensordot(matrix, np.indices(target), 1) + offset.reshape(-1, *[1] * ndim)
    # Where a place lies within 2^-32 of where the result jumps, rounding decides.
    jumps = [(0.5, mode == "nearest")] if order == 0 else []
    close = np.zeros(target, bool)
    for axis, n in enumerate(shape):
        if mode == "constant":
            close |= (np.abs(places[axis]) < 1e-8) | (np.abs(places[axis] - (n - 1)) < 1e-8)
        if jumps:
            close |= np.abs(places[axis] % 1 - 0.5) < 1e-8
    image = image_of(shape, "float64", 3)
    result = filters.affine_transform(image, matrix, offset, target, order=order, mode=mode, cval=5)
    expected = scipy.ndimage.affine_transform(image, matrix, offset, target, order=order, mode=mode, cval=5)
    error = np.where(close, 0, np.abs(result - expected))
    assert error.max() <= bound(image, order, mode) * 3


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", ["any", "stretch"])
@pytest.mark.parametrize("dtype", ["int16", "float32", "bool"])
def test_threads_and_instruction_sets_give_the_same_bits(dtype, kind, order):
    image = image_of((20, 30, 41), "int16") > 0 if dtype == "bool" else image_of((20, 30, 41), dtype)
    matrix, offset = map_of(3, kind, 8)
    best = _cormack_cpu.isa()
    results = set()
    try:
        for level, workers in itertools.product(_cormack_cpu.available_isas(), (1, 2, 3)):
            _cormack_cpu.use_isa(level)
            results.add(filters.affine_transform(image, matrix, offset, order=order, workers=workers).tobytes())
    finally:
        _cormack_cpu.use_isa(best)
    assert len(results) == 1


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", ["any", "stretch"])
def test_any_strides(kind, order):
    image = image_of((24, 18, 66), "int16")
    matrix, offset = map_of(3, kind, 3)
    for view in (image[::-1, ::2, ::-1], image.transpose(2, 0, 1), image[:, :, 7:30], np.asfortranarray(image)):
        expected = filters.affine_transform(np.ascontiguousarray(view), matrix, offset, (9, 10, 11), order=order)
        result = filters.affine_transform(view, matrix, offset, (9, 10, 11), order=order)
        np.testing.assert_array_equal(result, expected)
    repeated = np.broadcast_to(image[:, :1], (24, 18, 66))
    np.testing.assert_array_equal(
        filters.affine_transform(repeated, matrix, offset, order=order),
        filters.affine_transform(repeated.copy(), matrix, offset, order=order),
    )
    output = np.zeros((18, 20, 22), np.int16)[::2, ::-1, ::2]
    assert filters.affine_transform(image, matrix, offset, output=output, order=order) is output
    np.testing.assert_array_equal(output, filters.affine_transform(image, matrix, offset, output.shape, order=order))


def test_in_place():
    image = image_of((9, 10, 11), "int16")
    expected = filters.affine_transform(image, np.eye(3) * 0.7)
    np.testing.assert_array_equal(filters.affine_transform(image, np.eye(3) * 0.7, output=image), expected)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("turned", [False, True])
def test_nan_and_infinity_stay_where_they_are(order, turned):
    image = image_of((6, 7, 40), "float32")
    image[2, 3, 4], image[5, 6, 39], image[0, 0, 0] = np.nan, np.inf, -np.inf
    matrix = np.eye(3)
    if turned:
        # Positions that are whole numbers, by a matrix that is no permutation.
        matrix[0, 2] = 0
        matrix[1, 2] = 1
    offset = (0, -5, 0) if turned else 0
    result = filters.affine_transform(image, matrix, offset, order=order, cval=8)
    expected = np.full_like(image, 8)
    for z, y, x in np.ndindex(image.shape):
        if not turned:
            expected[z, y, x] = image[z, y, x]
        elif 0 <= y + x - 5 < 7:
            expected[z, y, x] = image[z, y + x - 5, x]
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("angle", [0.1, 0.5])
def test_one_voxel_more_than_int32_offsets_hold_is_not_needed_for_broadcast_images(angle):
    # 2^33 voxels that take the memory of one row.
    row = np.arange(1 << 11, dtype=np.int16)
    image = np.broadcast_to(row, (1 << 11, 1 << 11, 1 << 11))
    matrix = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    result = filters.affine_transform(image, matrix, (2000, 1900, 30), (2, 3, 50), output=np.float64, order=1)
    places = np.tensordot(matrix, np.indices((2, 3, 50)), 1) + np.reshape((2000, 1900, 30), (3, 1, 1, 1))
    np.testing.assert_allclose(result, places[2], atol=1e-6)


def test_far_strides():
    # Rows more than 2^31 elements apart; memory that is never touched costs nothing.
    image = np.zeros((3, 1 << 30, 1), np.uint8)[:, :: 1 << 29]
    image[1, 1] = 100
    matrix = np.array([[1, 0.5, 0], [0, 1, 0], [0, 0, 1]])
    result = filters.affine_transform(image, matrix, order=1)
    np.testing.assert_array_equal(result, filters.affine_transform(image.copy(), matrix, order=1))
    assert result.any()


def test_integers_round_and_saturate():
    line = np.array([[0, 255, 255, 0]], np.uint8)
    cubic = filters.affine_transform(line, [1, 0.5], 0, (1, 7), order=3)
    assert cubic[0, 3] == 255  # the spline overshoots
    halves = filters.affine_transform(np.array([[0, 1, 2]], np.int8), [1, 0.5], 0, (1, 5), order=1)
    assert halves.tolist() == [[0, 0, 1, 2, 2]]
    mask = filters.affine_transform(np.array([[False, True, True]]), [1, 0.25], 0, (1, 9), order=1)
    assert mask.tolist() == [[False] * 3 + [True] * 6]
    wide = filters.affine_transform(np.array([[2**32 - 1, 0]], np.uint32), [1, 0.5], 0, (1, 3), order=1)
    assert wide.tolist() == [[4294967295, 2147483648, 0]]
    assert filters.affine_transform(line, [1, 0.5], 0, (1, 3), np.float32, 1).tolist() == [[0, 127.5, 255]]


def test_places_on_the_border_are_inside():
    image = np.arange(10.0).reshape(1, 10)
    # 0.1 * 3 > 0.3: SciPy finds the last voxel outside.
    result = filters.affine_transform(image, [1, 0.1], [0, 8.7], (1, 4), order=1, cval=-1)
    np.testing.assert_allclose(result, [[8.7, 8.8, 8.9, 9.0]], atol=1e-9)


@pytest.mark.parametrize("matrix", [[0.9, 1.1, 1.3], np.eye(4) * [0.9, 1.1, 1.3, 1], np.eye(3, 4) * 0.8], ids=str)
def test_matches_scipy_for_every_form_of_matrix(matrix):
    image = image_of((8, 9, 10), "float64")
    result = filters.affine_transform(image, matrix, order=1)
    np.testing.assert_allclose(result, scipy.ndimage.affine_transform(image, matrix, order=1), atol=1e-6)


def test_scipy_argument_order():
    image = image_of((8, 9), "float64")
    positional = (np.eye(2) * 0.9, (1, 2), (5, 6), np.float32, 1, "nearest", 0.0)
    expected = scipy.ndimage.affine_transform(image, *positional)
    np.testing.assert_allclose(filters.affine_transform(image, *positional), expected, atol=1e-4)


def test_a_volume_keeps_its_values_where_they_were():
    volume = Volume(image_of((8, 9, 10), "float32"), (3, 2, 1), (5, 6, 7), meta={"modality": "MR"})
    angle = 0.3
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    # Perpendicular in the world: the voxels are not cubes.
    matrix = np.diag(1 / np.array(volume.spacing)) @ turn @ np.diag([2.0, 2.0, 2.0])
    moved = filters.affine_transform(volume, matrix, (1, 2, 3), (4, 5, 6), order=1, cval=-1)
    np.testing.assert_allclose(moved.spacing, 2)
    assert moved.meta == volume.meta
    places = volume.world_to_index(moved.index_to_world(np.moveaxis(np.indices(moved.shape), 0, -1)))
    expected = scipy.ndimage.map_coordinates(volume.array, np.moveaxis(places, -1, 0), order=1, cval=-1)
    np.testing.assert_allclose(moved.array, expected, atol=1e-4)
    with pytest.raises(ValueError, match="perpendicular"):
        filters.affine_transform(volume, [[1, 0.5, 0], [0, 1, 0], [0, 0, 1]])
    with pytest.raises(ValueError, match="`matrix` must not be singular"):
        filters.affine_transform(volume, [1, 1, 0])


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("turned", [False, True])
def test_places_beyond_all_numbers_are_those_of_the_border(order, turned):
    image = np.arange(20, dtype=np.float64).reshape(4, 5)
    matrix = np.array([[1e308, 1.0 * turned], [0.0, -1e308]])
    result = filters.affine_transform(image, matrix, (1e308, 1e308), (3, 4), order=order, mode="nearest", cval=-7)
    np.testing.assert_allclose(result[:, :1], [[19]] * 3, atol=1e-5)
    np.testing.assert_allclose(result[:, 1:], [[15] * 3] * 3, atol=1e-5)
    matrix = np.array([[1e308, -1e308], [1.0 * turned, 1.0]])
    result = filters.affine_transform(image, matrix, 0, (3, 4), order=order, mode="nearest", cval=-7)
    assert result.min() > -1
    assert result.max() < 20


def test_empty_images():
    assert filters.affine_transform(np.empty((0, 5)), np.eye(2), 0, (2, 2), cval=3).tolist() == [[3, 3], [3, 3]]
    assert filters.affine_transform(np.ones((4, 5)), np.eye(2), 0, (0, 2)).shape == (0, 2)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"matrix": np.eye(2)}, ValueError, "`matrix` must have one of the shapes (3, 3), (3,), (3, 4), (4, 4)"),
        ({"matrix": np.full((3, 3), np.nan)}, ValueError, "`matrix` must be finite"),
        ({"matrix": np.full((4, 4), 2.0)}, ValueError, "`matrix` must end with the row 0 ... 0 1"),
        ({"matrix": "abc"}, TypeError, "`matrix` must be an array of numbers"),
        ({"matrix": np.eye(3) * 1j}, TypeError, "`matrix` must be an array of numbers"),
        ({"offset": (1, 2)}, ValueError, "`offset` must be one number or one for each of 3 axes"),
        ({"offset": np.inf}, ValueError, "`offset` must be finite, got inf"),
        ({"order": 2}, ValueError, "`order` must be one of 0, 1, 3, got 2"),
        ({"order": 1.0}, TypeError, "`order` must be an int, got 1.0"),
        ({"order": np.array([0, 1])}, TypeError, "`order` must be an int"),
        ({"mode": "wrap"}, ValueError, "`mode` must be one of 'constant', 'nearest', got 'wrap'"),
        ({"cval": 1e9}, ValueError, "`cval` must be between -32768 and 32767, which int16 holds"),
        ({"cval": np.nan}, ValueError, "`cval` must be between"),
        ({"cval": "a"}, TypeError, "`cval` must be a number"),
        ({"output": "complex64"}, TypeError, "`output` must have one of the dtypes"),
        ({"output": "what"}, TypeError, "`output` must be an array, a dtype or None"),
        ({"output": np.empty((2, 2, 2)), "output_shape": (3, 3, 3)}, ValueError, "`output` must have shape (3, 3, 3)"),
        ({"output_shape": (2, 2)}, ValueError, "`output_shape` must be one value or one for each of 3 axes"),
        ({"output_shape": (2, 2, -1)}, ValueError, "`output_shape` must be at least 0"),
    ],
    ids=lambda value: "" if not isinstance(value, str) else value[:40],
)
def test_nonsense_is_refused(arguments, kind, message):
    call = {"input": np.zeros((3, 4, 5), np.int16), "matrix": np.eye(3), **arguments}
    with pytest.raises(kind, match="affine_transform: " + re.escape(message)):
        filters.affine_transform(**call)
