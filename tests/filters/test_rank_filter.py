"""rank_filter and percentile_filter: equal to SciPy for every rank, dtype, window, mode and layout; NaN; errors."""

from __future__ import annotations

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from cormack import _cormack_cpu, filters

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
MODES = ["reflect", "constant", "nearest", "mirror", "wrap"]
# Lane counts of every level and type and twice as many, one less and one more.
SHAPES = [
    *[(1, n) for n in (1, 2, 7, 8, 9)],
    *[(3, n) for n in (15, 16, 17, 31, 32, 33)],
    *[(4, n) for n in (63, 64, 65, 127, 128, 129)],
    (40, 5),
    (1, 1, 1),
    (3, 2, 65),
    (4, 7, 17),
]
LOPSIDED = np.array([[1, 0, 1, 1], [0, 1, 1, 0]])


def image(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    """Return noise over the whole range of the dtype, with ties."""
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if dtype.startswith("float"):
        values = rng.standard_normal(shape).astype(dtype)
        return np.where(rng.random(shape) < 0.2, np.round(values) + 0.0, values)
    info = np.iinfo(dtype)
    values = rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    return np.where(rng.random(shape) < 0.3, np.array(info.max, dtype), values)


def check(name: str, array: np.ndarray, *args: object, **kwargs: object) -> None:
    expected = getattr(scipy.ndimage, name)(array, *args, **kwargs)
    result = getattr(filters, name)(array, *args, **kwargs)
    assert result.dtype == array.dtype
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_scipy_at_every_width(shape: tuple[int, ...], dtype: str, isa: str) -> None:
    array = image(shape, dtype)
    for rank, size in ((1, 3), (6, 3), (-2, 3), (1, 2), (5, (1, 3, 4)[-len(shape) :]), (12, (3, 5, 7)[-len(shape) :])):
        check("rank_filter", array, rank, size)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float64"])
def test_every_rank_matches_scipy(dtype: str) -> None:
    array = image((6, 37), dtype)
    for rank in range(-15, 15):
        check("rank_filter", array, rank, (3, 5))
        check("rank_filter", array[None], np.int64(rank), (1, 5, 3))
    for rank in range(-5, 5):
        check("rank_filter", array, rank, footprint=LOPSIDED)


# 8-bit keys count up to 127 values, 16-bit ones up to 32767.
@pytest.mark.parametrize("size", [(1, 126), (127, 1), (1, 128), (12, 12), (16, 16), (256, 1), (180, 183)], ids=str)
@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", "uint16"])
def test_matches_scipy_around_the_counts_that_keys_hold(size: tuple[int, int], dtype: str, isa: str) -> None:
    array = image((5, 40), dtype)
    count = size[0] * size[1]
    # Not "reflect": SciPy 1.17 loses its way where the window is more than eight times as long as the axis.
    for rank in (1, count // 3, count - 2)[: 3 if count < 999 else 1]:
        check("rank_filter", array, rank, size, mode="wrap")


@pytest.mark.parametrize("dtype", ["uint32", "int32", "float32", "float64"])
def test_matches_scipy_where_keys_are_near_and_far_apart(dtype: str, isa: str) -> None:
    for spread in (0.5, 100.0, 1e5, 2e9):
        values = np.random.default_rng(0).uniform(0, spread, (6, 90))
        for rank in (1, 7, 20):
            check("rank_filter", values.astype(dtype), rank, 5)


@pytest.mark.parametrize("mode", [*MODES, "grid-mirror", "grid-constant", "grid-wrap"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_matches_scipy_in_every_mode(mode: str, dtype: str) -> None:
    for shape in ((9, 35), (2, 3), (5, 6, 37), (2, 1, 3)):
        for size in (3, 2, (3, 5, 4)[-len(shape) :]):
            for rank in (0, 2, -1):
                check("rank_filter", image(shape, dtype), rank, size, mode=mode, cval=1)
            check("percentile_filter", image(shape, dtype), 35, size, mode=mode, cval=1)


def test_a_mode_per_axis_matches_scipy_at_the_first_and_last_rank() -> None:
    array = image((6, 33), "int16")
    for rank in (0, -1):
        check("rank_filter", array, rank, (3, 4), mode=("wrap", "constant"), cval=5)
    check("percentile_filter", array, 100, 3, mode=("mirror", "nearest"))


@pytest.mark.parametrize("percentile", [0, 1e-9, 10, 33.3, 50, 77, 99.9, 100, -1, -20, -50, -99.99, -100, -1e-30])
def test_every_percentile_matches_scipy(percentile: float) -> None:
    for size in (3, 2, (1, 4), (5, 7)):
        check("percentile_filter", image((7, 33), "int16"), percentile, size)
    check("percentile_filter", image((7, 33), "float32"), percentile, footprint=LOPSIDED, origin=(-1, 1))


def test_a_percentile_just_below_the_largest_stays_in_the_window() -> None:
    array = image((7, 33), "int16")
    almost = np.nextafter(100.0, 0)
    for size in (2, 3, (2, 9), (5, 7)):
        np.testing.assert_array_equal(
            filters.percentile_filter(array, almost, size), filters.percentile_filter(array, 100, size)
        )


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_matches_scipy_on_anything(data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=2, max_dims=3, max_side=20))
    array = image(shape, data.draw(st.sampled_from(DTYPES)), data.draw(st.integers(0, 99)))
    size = data.draw(st.tuples(*[st.integers(1, 6)] * array.ndim))
    origin = tuple(data.draw(st.integers(-(extent // 2), (extent - 1) // 2)) for extent in size)
    keywords = {"mode": data.draw(st.sampled_from(MODES)), "cval": 1, "origin": origin}
    footprint = np.ones(size, bool)
    if data.draw(st.booleans()):
        keywords["size"] = size
    else:
        footprint = data.draw(hnp.arrays(bool, size))
        footprint.flat[0] = True
        keywords["footprint"] = footprint
    count = int(footprint.sum())
    check("rank_filter", array, data.draw(st.integers(-count, count - 1)), **keywords)
    check("percentile_filter", array, data.draw(st.floats(-100, 99.99)), **keywords)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64"])
def test_matches_scipy_in_1d_4d_and_5d(dtype: str) -> None:
    check("rank_filter", image((70,), dtype), 1, 5)
    check("rank_filter", image((2, 3, 4, 35), dtype), 5, (1, 3, 3, 3))
    check("rank_filter", image((2, 3, 4, 35), dtype), 2, 3, axes=(1, 3))
    check("rank_filter", image((2, 3, 4, 5, 6), dtype), 4, (3, 2), axes=(0, 4), origin=(0, -1))
    check("rank_filter", image((5, 6, 7, 8), dtype), 1, footprint=[[0, 1, 1], [1, 0, 0]], axes=(1, 3))


def test_axes_pair_with_size_origin_and_footprint_in_their_order() -> None:
    array = image((9, 10, 11), "int16")
    np.testing.assert_array_equal(
        filters.rank_filter(array, 3, (5, 3), origin=(2, -1), axes=(2, 0)),
        scipy.ndimage.rank_filter(array, 3, (3, 1, 5), origin=(-1, 0, 2)),
    )
    footprint = np.array([[1, 0, 1], [0, 1, 1]])
    np.testing.assert_array_equal(
        filters.rank_filter(array, 1, footprint=footprint, axes=(2, 0)),
        scipy.ndimage.rank_filter(array, 1, footprint=footprint.T[:, None, :]),
    )


def test_the_middle_rank_is_the_median() -> None:
    array = image((9, 70, 33), "float32")
    for size in (3, 5, 2, (1, 3, 3)):
        expected = filters.median_filter(array, size)
        count = int(np.prod(np.broadcast_to(size, 3)))
        np.testing.assert_array_equal(filters.rank_filter(array, count // 2, size), expected)
        np.testing.assert_array_equal(filters.percentile_filter(array, 50, size), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_is_larger_than_every_number(dtype: str, isa: str) -> None:
    array = image((5, 40, 41), dtype)
    rng = np.random.default_rng(2)
    nan = rng.random(array.shape) < 0.4
    array[nan] = np.where(rng.random(array.shape) < 0.5, np.nan, -np.nan)[nan]
    array[1, 2, 3:5] = np.inf, -np.inf
    # Ranks in place of values, NaN's above all: the rank filter of ranks is the rank of the rank filter.
    values, ranks = np.unique(array, return_inverse=True, equal_nan=True)
    for rank in (0, 1, 8, 13, 20, 25, 26):
        expected = scipy.ndimage.rank_filter(ranks.reshape(array.shape).astype(np.int32), rank, 3)
        np.testing.assert_array_equal(filters.rank_filter(array, rank, 3), values[expected])


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
def test_result_does_not_depend_on_threads_or_level(dtype: str) -> None:
    array = image((5, 100, 131), dtype)
    if dtype == "float32":
        array[np.random.default_rng(1).random(array.shape) < 0.1] = -0.0
        array[2, 50, 100] = np.nan
    best = _cormack_cpu.isa()
    for rank in (0, 7, 13, 26):
        results = set()
        try:
            for level in _cormack_cpu.available_isas():
                _cormack_cpu.use_isa(level)
                results |= {filters.rank_filter(array, rank, 3, workers=n).tobytes() for n in (1, 2, 3)}
        finally:
            _cormack_cpu.use_isa(best)
        assert len(results) == 1


@pytest.mark.parametrize(
    ("rank", "kwargs", "kind", "message"),
    [
        (9, {"size": 3}, ValueError, "`rank` must be at least -9 and less than 9, got 9"),
        (-10, {"size": 3}, ValueError, "`rank` must be at least -9 and less than 9, got -10"),
        (2, {"footprint": [[0, 1, 1]]}, ValueError, "`rank` must be at least -2 and less than 2, got 2"),
        (1.0, {"size": 3}, TypeError, "`rank` must be an int, got 1.0"),
        (1, {}, ValueError, "`size` must be given, or `footprint`, but not both, got None"),
        (1, {"size": 0}, ValueError, "`size` must be at least 1, got 0"),
        (
            1,
            {"size": 3, "origin": -2},
            ValueError,
            "`origin` must keep the voxel inside its window of size (3, 3), got -2",
        ),
        (1, {"size": 3, "mode": "constant", "cval": -0.5}, ValueError, "`cval` must be a value of int16, got -0.5"),
    ],
)
def test_rank_filter_rejects(rank: object, kwargs: dict[str, object], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        filters.rank_filter(np.zeros((4, 5), np.int16), rank, **kwargs)
    assert str(error.value) == f"rank_filter: {message}"


@pytest.mark.parametrize(
    ("percentile", "kind", "message"),
    [
        (100.1, ValueError, "`percentile` must be at most 100, got 100.1"),
        (-100.1, ValueError, "`percentile` must be at least -100, got -100.1"),
        (np.nan, ValueError, "`percentile` must be finite, got nan"),
        ("half", TypeError, "`percentile` must be a number, got 'half'"),
    ],
)
def test_percentile_filter_rejects(percentile: object, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        filters.percentile_filter(np.zeros((4, 5), np.int16), percentile, 3)
    assert str(error.value) == f"percentile_filter: {message}"


def test_a_mode_per_axis_is_refused_between_the_first_and_last_rank() -> None:
    with pytest.raises(ValueError, match=r"rank_filter: `mode` must be one of 'reflect', .*, got \['wrap', 'wrap'\]"):
        filters.rank_filter(np.zeros((4, 5), np.int16), 1, 3, mode=["wrap", "wrap"])
