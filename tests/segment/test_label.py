"""label: equal to scipy.ndimage.label, numbers included, on every level, for any layout and number of threads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage
from skimage.segmentation import relabel_sequential as relabel_of_skimage

from cormack import _cormack_cpu
from cormack.segment import label, relabel_sequential

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
SHAPES = [(1, 1), (1, 7), (7, 1), (5, 63), (4, 64), (3, 65), (9, 129), (33, 31), (1, 1, 1), (3, 4, 5), (4, 1, 70)]
SHAPES += [(1, 6, 33), (5, 7, 64), (3, 17, 130), (17, 5, 191), (2, 40, 15)]


def by_scipy(mask, connectivity):
    return ndimage.label(mask, ndimage.generate_binary_structure(mask.ndim, connectivity))


def check(mask, **keywords):
    for connectivity in range(1, mask.ndim + 1):
        labels, count = label(mask, connectivity=connectivity, **keywords)
        expected, expected_count = by_scipy(mask != 0, connectivity)
        assert labels.dtype == np.int32
        assert count == expected_count
        np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("density", [0, 0.1, 0.31, 0.59, 0.9, 1])
def test_matches_scipy(isa, shape, density):
    check(np.random.default_rng(0).random(shape) < density)


@pytest.mark.parametrize("dtype", [*DTYPES, "int64", "uint64", "float16"])
def test_matches_scipy_for_every_dtype(isa, dtype):
    rng = np.random.default_rng(1)
    mask = rng.integers(0, 2, (5, 9, 130)).astype(dtype)
    if dtype != "bool":
        mask *= rng.choice(np.array([1, 3, 127]), mask.shape).astype(dtype)
    if dtype.startswith(("int", "float")):
        mask[rng.random(mask.shape) < 0.2] *= -1
    check(mask)


# Site percolation: 0.5927 on the square lattice; 0.3116, 0.1372, 0.0976 on the cubic one with 6, 18, 26 neighbours.
@pytest.mark.parametrize(
    ("shape", "density"),
    [
        ((300, 301), 0.5927),
        ((300, 301), 0.4073),
        ((40, 41, 70), 0.3116),
        ((40, 41, 70), 0.1372),
        ((40, 41, 70), 0.0976),
    ],
)
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_matches_scipy_at_critical_densities(shape, density, workers):
    check(np.random.default_rng(2).random(shape) < density, workers=workers)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_matches_scipy_where_slabs_meet(workers):
    # Combs and spirals whose parts meet only in slabs of other threads.
    comb = np.zeros((64, 64, 130), bool)
    comb[:, ::2, ::2] = True
    comb[-1] = True
    check(comb, workers=workers)
    rings = np.indices((400, 400)).sum(0) % 4 < 2
    check(rings, workers=workers)
    stairs = (np.indices((64, 64, 64)).sum(0) % 3 == 0) & (np.indices((64, 64, 64))[2] % 7 > 0)
    check(stairs, workers=workers)


def test_matches_scipy_on_long_rows():
    rng = np.random.default_rng(3)
    for width in (65535, 65536, 65537, 200_003):
        check(rng.random((3, width)) < 0.5)
        check(np.ones((2, width), np.uint8))


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::-1, ::-1, ::-1],
        lambda a: a.transpose(2, 0, 1),
        lambda a: a[1::2, ::3, 5::2],
        lambda a: np.asfortranarray(a),
        lambda a: np.broadcast_to(a[:, :1], a.shape),
        lambda a: np.broadcast_to(a[..., :1], a.shape),
        lambda a: a[3],
        lambda a: a[:, :, 9],
    ],
)
@pytest.mark.parametrize("dtype", ["bool", "int16", "float64"])
def test_matches_scipy_for_any_strides(view, dtype):
    check(view(np.random.default_rng(4).integers(0, 2, (8, 13, 80)).astype(dtype)))


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=3, max_side=12)), st.integers(1, 3))
@settings(max_examples=80, deadline=None)
def test_matches_scipy_on_random_input(mask, workers):
    check(mask, workers=workers)


def test_result_does_not_depend_on_threads_or_level():
    mask = np.random.default_rng(5).random((64, 64, 100)) < 0.3
    expected = label(mask, workers=1)[0].tobytes()
    for level in _cormack_cpu.available_isas():
        _cormack_cpu.use_isa(level)
        for workers in (1, 2, 3, -1):
            assert label(mask, workers=workers)[0].tobytes() == expected


def test_nan_is_foreground_and_negative_zero_is_not():
    labels, count = label(np.array([[np.nan, 0.0, -0.0, np.inf]], np.float32))
    assert labels.tolist() == [[1, 0, 0, 2]]
    assert count == 2


def test_lists_are_masks():
    labels, count = label([[1, 0], [0, 1]], connectivity=2)
    assert labels.tolist() == [[1, 0], [0, 1]]
    assert count == 1


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0, 0), (3, 0, 4)], ids=str)
def test_empty(shape):
    labels, count = label(np.zeros(shape, bool))
    assert labels.shape == shape
    assert count == 0


@pytest.mark.slow
def test_more_runs_than_int32_are_an_error():
    # Rows that share memory: 2 ** 31 runs in 512 MiB of bits.
    row = np.arange(65536) % 2 == 0
    mask = np.broadcast_to(row, (65536, 65536))
    labels = np.lib.stride_tricks.as_strided(np.zeros(1, np.int32), mask.shape, (0, 0))
    with pytest.raises(OverflowError, match="more than 2147483647 runs"):
        _cormack_cpu.label(mask, labels, 1, False)


@pytest.mark.parametrize(
    ("mask", "keywords", "error", "message"),
    [
        (np.zeros(4), {}, ValueError, "label: `mask` must be 2-D or 3-D, got shape (4,)"),
        (np.zeros((2, 2, 2, 2)), {}, ValueError, "label: `mask` must be 2-D or 3-D, got shape (2, 2, 2, 2)"),
        (np.zeros((2, 2), complex), {}, TypeError, "label: `mask` must have one of the dtypes"),
        (np.zeros((2, 2)), {"connectivity": 3}, ValueError, "label: `connectivity` must be 1 to 2 for 2-D, got 3"),
        (np.zeros((2, 2)), {"connectivity": True}, TypeError, "label: `connectivity` must be an int, got True"),
        (np.zeros((2, 2)), {"workers": 0}, ValueError, "label: `workers` must be at least 1, got 0"),
    ],
)
def test_rejects(mask, keywords, error, message):
    with pytest.raises(error) as caught:
        label(mask, **keywords)
    assert message in str(caught.value)


def test_long_runs_into_new_memory_match_scipy(isa):
    """Above 32 MiB the result is written into pages of zeros, of which only the objects are touched."""
    mask = np.zeros((9, 1000, 1001), bool)
    rng = np.random.default_rng(0)
    for _ in range(60):
        z, y, x = rng.integers(0, mask.shape)
        mask[z : z + 3, y : y + 200, x : x + rng.integers(1, 300)] = True
    labels, count = label(mask)
    expected, expected_count = ndimage.label(mask)
    assert count == expected_count
    np.testing.assert_array_equal(labels, expected)


def test_output_is_written_to():
    mask = np.random.default_rng(0).random((7, 20, 33)) < 0.4
    expected, count = label(mask)
    output = np.full((7, 33, 20), -1, np.int32).transpose(0, 2, 1)
    result, found = label(mask, output=output)
    assert result is output
    assert found == count
    np.testing.assert_array_equal(output, expected)
    for wrong, kind in (
        (np.zeros(mask.shape, np.int64), TypeError),
        (1, TypeError),
        (np.zeros((7, 20, 32), np.int32), ValueError),
    ):
        with pytest.raises(kind, match="label: `output` must"):
            label(mask, output=wrong)
    shared = np.zeros((4, 5), np.int32)
    with pytest.raises(ValueError, match="share no memory"):
        label(shared, output=shared)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "int32", "int64", "uint64"])
@pytest.mark.parametrize("offset", [1, 5])
def test_relabel_sequential_matches_skimage(dtype, offset):
    numbers = np.array([0, 3, 4, 90, 120], dtype)
    if dtype == "uint64":
        numbers[-1] = 2**63 + 1
    labels = numbers[np.random.default_rng(0).integers(0, 5, (6, 9, 20))]
    relabeled, forward_map, inverse_map = relabel_sequential(labels, offset)
    if dtype != "uint64":
        expected, forward, inverse = relabel_of_skimage(labels, offset)
        np.testing.assert_array_equal(relabeled, expected)
        assert [forward_map[int(k)] for k in numbers] == forward[numbers].tolist()
        new = np.arange(offset, offset + 4)
        assert inverse_map[new].tolist() == inverse[new].tolist()
    np.testing.assert_array_equal(inverse_map[relabeled], labels)
    assert inverse_map.dtype == (np.int64 if np.dtype(dtype).itemsize < 8 else dtype)
    assert relabeled.dtype == np.int32


def test_relabel_sequential_rejects():
    with pytest.raises(ValueError, match="relabel_sequential: `offset` must be at least 1, got 0"):
        relabel_sequential(np.eye(3, dtype=int), 0)
    with pytest.raises(ValueError, match="relabel_sequential: `offset` must leave numbers within int32"):
        relabel_sequential(np.eye(3, dtype=int), 2**31)
    with pytest.raises(ValueError, match="relabel_sequential: `labels` must have no negative values, got -1"):
        relabel_sequential(-np.eye(3, dtype=int))
    with pytest.raises(TypeError, match="relabel_sequential: `labels` must have an integer dtype"):
        relabel_sequential(np.eye(3))
    assert relabel_sequential(np.zeros((0, 3), int))[1] == {0: 0}
