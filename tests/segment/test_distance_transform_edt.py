"""distance_transform_edt: SciPy's distances for any shape, spacing and mask; indices that point at a nearest zero."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from cormack import Volume, _cormack_cpu, segment
from cormack.segment import distance_transform_edt

SHAPES = [
    *((n,) for n in (1, 2, 63, 64, 65, 130)),
    *((1, 1), (3, 5), (64, 65), (17, 129), (129, 17), (1, 200), (200, 1)),
    *((5, 6, 7), (9, 33, 70), (1, 20, 20), (20, 1, 130), (4, 3, 1), (33, 31, 64)),
]
FRACTIONS = (0.02, 0.5, 0.9, 0.999)


def masks(shape, seed=0):
    rng = np.random.default_rng(seed)
    for fraction in FRACTIONS:
        mask = rng.random(shape) < fraction
        mask.flat[rng.integers(mask.size)] = False
        yield mask


def spacings(shape):
    yield None
    yield 0.7
    yield tuple(np.random.default_rng(len(shape)).uniform(0.3, 5, len(shape)))


def check_indices(mask, spacing, distances, indices):
    assert indices.dtype == np.int32
    assert indices.shape == (mask.ndim, *mask.shape)
    assert not mask[tuple(indices)].any()
    sizes = np.broadcast_to(1.0 if spacing is None else spacing, mask.ndim).reshape(-1, *(1,) * mask.ndim)
    steps = (indices - np.indices(mask.shape)) * sizes
    np.testing.assert_allclose(np.sqrt((steps**2).sum(0)), distances, rtol=1e-14)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_scipy(isa, shape):
    for mask in masks(shape):
        for spacing in spacings(shape):
            expected = ndimage.distance_transform_edt(mask, spacing)
            distances, indices = distance_transform_edt(mask, spacing, return_indices=True)
            assert distances.dtype == np.float64
            # Three squares, two sums, a root and the scale round once each.
            np.testing.assert_allclose(distances, expected, rtol=4e-15, atol=0)
            check_indices(mask, spacing, expected, indices)
            # Without indices another way may be taken, and of two sums that differ in their rounding the other one.
            np.testing.assert_allclose(distance_transform_edt(mask, spacing), distances, rtol=4e-15, atol=0)


@pytest.mark.parametrize("spacing", [None, (2.5, 0.7, 0.7), (1.0, 3.0, 0.2)], ids=str)
def test_matches_scipy_for_bodies(spacing):
    z, y, x = np.indices((24, 70, 150))
    mask = (z - 12) ** 2 * 9 + (y - 30) ** 2 + (x - 60) ** 2 / 4 < 600
    mask |= (y > 50) & (x > 90)
    mask[:, 55:60, 100:140:13] = False
    expected = ndimage.distance_transform_edt(mask, spacing)
    np.testing.assert_allclose(distance_transform_edt(mask, spacing), expected, rtol=4e-15, atol=0)


def test_matches_brute_force():
    rng = np.random.default_rng(3)
    mask = rng.random((6, 9, 11)) < 0.97
    spacing = np.array((3.0, 0.5, 1.25))
    zeros = np.argwhere(~mask) * spacing
    steps = np.argwhere(np.ones_like(mask))[:, None] * spacing - zeros
    expected = np.sqrt((steps**2).sum(-1).min(1)).reshape(mask.shape)
    np.testing.assert_allclose(distance_transform_edt(mask, spacing), expected, rtol=4e-15)


@given(
    hnp.arrays(bool, hnp.array_shapes(min_dims=1, max_dims=3, max_side=12)),
    st.lists(st.floats(0.1, 10), min_size=3, max_size=3),
    st.integers(1, 4),
)
def test_matches_scipy_for_any_mask(mask, spacing, workers):
    spacing = spacing[: mask.ndim]
    distances, indices = distance_transform_edt(mask, spacing, return_indices=True, workers=workers)
    if mask.all():
        assert (distances == np.inf).all()
        assert (indices == -1).all()
        return
    np.testing.assert_allclose(distances, ndimage.distance_transform_edt(mask, spacing), rtol=4e-15, atol=0)
    check_indices(mask, spacing, distances, indices)


@pytest.mark.parametrize("spacing", [None, (2.5, 0.7, 0.7)], ids=str)
def test_squares_of_one_spacing_are_whole(spacing):
    mask = np.ones((40, 60, 70), bool)
    mask[3, 5, 7] = mask[35, 50, 1] = False
    squares = distance_transform_edt(mask, None) ** 2
    np.testing.assert_allclose(squares, np.rint(squares), rtol=1e-15)


@pytest.mark.parametrize("spacing", [None, (2.5, 0.7, 0.7)], ids=str)
def test_float32_is_close(isa, spacing):
    for mask in masks((20, 30, 70)):
        result = distance_transform_edt(mask, spacing, dtype="float32")
        assert result.dtype == np.float32
        # Half an ulp for the square after each axis and for the root.
        np.testing.assert_allclose(result, distance_transform_edt(mask, spacing), rtol=1.2e-7, atol=0)


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "float16", "float32", "float64"]
)
def test_every_dtype_is_a_mask(dtype):
    values = np.random.default_rng(1).integers(0, 2, (5, 20, 70))
    expected = ndimage.distance_transform_edt(values)
    np.testing.assert_allclose(distance_transform_edt(values.astype(dtype)), expected, rtol=4e-15)


def test_not_a_number_is_foreground():
    image = np.array([[0.0, np.nan, np.nan, -1.0]])
    np.testing.assert_array_equal(distance_transform_edt(image), [[0, 1, 2, 3]])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_without_background_all_is_infinite(dtype):
    for shape in [(3,), (3, 70), (2, 3, 70)]:
        distances, indices = distance_transform_edt(np.ones(shape), return_indices=True, dtype=dtype)
        assert (distances == np.inf).all()
        assert (indices == -1).all()


def test_without_foreground_all_is_zero():
    distances, indices = distance_transform_edt(np.zeros((2, 3, 70)), return_indices=True)
    assert not distances.any()
    np.testing.assert_array_equal(indices, np.indices((2, 3, 70)))


@pytest.mark.parametrize("shape", [(0,), (0, 5), (4, 0, 3), (0, 0, 0)], ids=str)
def test_empty(shape):
    distances, indices = distance_transform_edt(np.ones(shape), return_indices=True)
    assert distances.shape == shape
    assert indices.shape == (len(shape), *shape)


def test_strides_do_not_matter():
    mask = np.random.default_rng(4).random((14, 30, 140)) < 0.8
    for view in (mask[::-1, ::2, ::-1], mask.transpose(2, 0, 1), np.asfortranarray(mask), mask[3], mask[:, 4, 3]):
        expected = ndimage.distance_transform_edt(view)
        np.testing.assert_allclose(distance_transform_edt(view), expected, rtol=4e-15)


def test_outputs_are_filled():
    mask = np.random.default_rng(5).random((6, 30, 70)) < 0.8
    expected, where = distance_transform_edt(mask, return_indices=True)
    for distances in (np.empty(mask.shape), np.empty(mask.shape, np.float32), np.empty((6, 60, 140))[:, ::2, ::-2]):
        assert distance_transform_edt(mask, distances=distances) is None
        np.testing.assert_allclose(distances, expected, rtol=1.2e-7)
    for indices in (np.empty((3, *mask.shape), np.int32), np.empty((3, 12, 30, 70), np.int32)[:, ::2]):
        assert distance_transform_edt(mask, return_distances=False, return_indices=True, indices=indices) is None
        np.testing.assert_array_equal(indices, where)
    plane = np.empty((2, 30, 70), np.int32)
    distance_transform_edt(mask[0], return_indices=True, indices=plane)
    np.testing.assert_array_equal(plane, distance_transform_edt(mask[0], return_distances=False, return_indices=True))


def test_writes_to_unaligned_arrays_and_over_its_input():
    mask = (np.random.default_rng(0).random((5, 9, 40)) < 0.9).astype(np.float64)
    expected, places = distance_transform_edt(mask, return_indices=True)
    distances = np.zeros(mask.nbytes + 1, np.uint8)[1:].view(np.float64).reshape(mask.shape)
    indices = np.zeros(places.nbytes + 1, np.uint8)[1:].view(np.int32).reshape(places.shape)
    distance_transform_edt(mask, return_indices=True, distances=distances, indices=indices)
    np.testing.assert_array_equal(distances, expected)
    np.testing.assert_array_equal(indices, places)
    expected = distance_transform_edt(mask[::-1])
    distance_transform_edt(mask[::-1], distances=mask)
    np.testing.assert_array_equal(mask, expected)


def test_any_number_of_threads_gives_the_same_bits():
    for mask in masks((30, 40, 130)):
        one = distance_transform_edt(mask, (2.5, 0.7, 0.9), return_indices=True, workers=1)
        for workers in (2, 3):
            more = distance_transform_edt(mask, (2.5, 0.7, 0.9), return_indices=True, workers=workers)
            assert one[0].tobytes() == more[0].tobytes()
            assert one[1].tobytes() == more[1].tobytes()


def test_every_instruction_set_gives_the_same_bits():
    before = _cormack_cpu.isa()
    found = set()
    for name in _cormack_cpu.available_isas():
        _cormack_cpu.use_isa(name)
        results = [distance_transform_edt(mask, (2.5, 0.7, 0.9)).tobytes() for mask in masks((30, 40, 130))]
        found.add(tuple(results))
    _cormack_cpu.use_isa(before)
    assert len(found) == 1


@pytest.mark.parametrize("holes", [0, 3, 400])
def test_long_columns_match_scipy(holes):
    # Short searches, envelopes, and both in one image.
    rng = np.random.default_rng(holes)
    mask = np.ones((300, 200), bool)
    mask[:, 100:] = rng.random((300, 100)) < 0.6
    mask.flat[rng.integers(0, mask.size, holes)] = False
    for spacing in (None, (0.3, 1.7)):
        expected = ndimage.distance_transform_edt(mask, spacing)
        np.testing.assert_allclose(distance_transform_edt(mask, spacing), expected, rtol=4e-15, atol=0)


def test_a_volume_brings_its_spacing():
    mask = np.random.default_rng(6).random((6, 30, 70)) < 0.9
    volume = distance_transform_edt(Volume(mask, (2.5, 0.7, 0.8)))
    assert isinstance(volume, Volume)
    assert volume.spacing == (2.5, 0.7, 0.8)
    np.testing.assert_array_equal(volume.array, distance_transform_edt(mask, (2.5, 0.7, 0.8)))
    np.testing.assert_array_equal(
        distance_transform_edt(Volume(mask, (2.5, 0.7, 0.8)), 1).array, distance_transform_edt(mask)
    )


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"sampling": 0}, ValueError, "`sampling` must be above 0, got 0"),
        ({"sampling": -1.0}, ValueError, "`sampling` must be above 0, got -1.0"),
        ({"sampling": np.nan}, ValueError, "`sampling` must be finite, got nan"),
        ({"sampling": np.inf}, ValueError, "`sampling` must be finite, got inf"),
        ({"sampling": (1, 2)}, ValueError, "`sampling` must be one value or one for each of 3 axes, got (1, 2)"),
        ({"sampling": (1e-7, 1, 1e7)}, ValueError, "`sampling` must differ by at most a factor of 1e+12 between axes"),
        ({"sampling": "a"}, TypeError, "`sampling` must be a number, got 'a'"),
        ({"return_distances": False}, ValueError, "`return_distances` must be True where `return_indices` is not"),
        ({"dtype": "int32"}, TypeError, "`dtype` must be float64 or float32, got 'int32'"),
        ({"dtype": "nonsense"}, TypeError, "`dtype` must be float64 or float32, got 'nonsense'"),
        ({"distances": np.zeros((2, 3))}, ValueError, "`distances` must have shape (2, 3, 4), got (2, 3)"),
        ({"distances": np.zeros((2, 3, 4), int)}, TypeError, "`distances` must be float64 or float32, got int64"),
        ({"distances": [1]}, TypeError, "`distances` must be an array, got [1]"),
        ({"return_indices": True, "indices": np.zeros((3, 2, 3, 4))}, TypeError, "`indices` must be int32"),
        ({"workers": 0}, ValueError, "`workers` must be at least 1, got 0"),
    ],
    ids=str,
)
def test_rejects(keywords, error, message):
    with pytest.raises(error, match="^distance_transform_edt: " + re.escape(message)):
        distance_transform_edt(np.ones((2, 3, 4)), **keywords)


def test_rejects_four_axes():
    with pytest.raises(ValueError, match="`input` must be 1-D or 2-D or 3-D"):
        segment.distance_transform_edt(np.ones((2, 2, 2, 2)))
