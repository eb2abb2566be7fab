"""median_filter: equal to SciPy for every dtype, window, mode and layout; the same bits everywhere; NaN; errors."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from cormack import _cormack_cpu, filters

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
MODES = ["reflect", "constant", "nearest", "mirror", "wrap"]
# Lane counts of every level and type, one less and one more; single rows, columns and slices; the band of 64 rows.
SHAPES = [
    *[(1, n) for n in (1, 2, 7, 8, 9)],
    *[(3, n) for n in (15, 16, 17, 31, 32, 33)],
    *[(n, 5) for n in (1, 2, 63, 64, 65)],
    *[(4, n) for n in (63, 64, 65, 127, 128, 129)],
    (66, 131),
    (1, 1, 1),
    (2, 1, 9),
    (1, 6, 40),
    (3, 2, 65),
    (4, 67, 17),
    (7, 8, 129),
]
# The boxes with networks, and windows for the selection: even, flat, anisotropic, larger than the image.
SIZES_2D = [3, 5, 7, 1, 2, 4, (1, 3), (5, 3), (2, 9)]
SIZES_3D = [3, 5, (1, 3, 3), (1, 5, 5), (1, 7, 7), 2, (3, 1, 1), (3, 3, 1), (3, 5, 3), (2, 1, 6)]


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


def levels() -> Iterator[str]:
    """Make every instruction-set level the active one in turn, the best one last."""
    for level in _cormack_cpu.available_isas():
        _cormack_cpu.use_isa(level)
        yield level


def check(array: np.ndarray, *args: object, **kwargs: object) -> None:
    expected = scipy.ndimage.median_filter(array, *args, **kwargs)
    result = filters.median_filter(array, *args, **kwargs)
    assert result.dtype == array.dtype
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_scipy_at_every_size(shape: tuple[int, ...], dtype: str, isa: str) -> None:
    array = image(shape, dtype)
    for size in SIZES_2D if len(shape) == 2 else SIZES_3D:
        check(array, size)


@pytest.mark.parametrize("mode", [*MODES, "grid-mirror", "grid-constant", "grid-wrap"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_matches_scipy_in_every_mode(mode: str, dtype: str, isa: str) -> None:
    for shape, sizes in (((9, 70), SIZES_2D), ((2, 3), SIZES_2D), ((5, 6, 37), SIZES_3D), ((2, 1, 3), SIZES_3D)):
        for size in sizes:
            check(image(shape, dtype), size, mode=mode, cval=7)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("size", "origin"),
    [(3, 1), (3, -1), (5, (2, -2, 1)), (5, -2), ((1, 7, 7), (0, 3, -3)), (4, (-2, 1, 0)), ((3, 5, 1), (1, -2, 0))],
)
def test_matches_scipy_with_origin(mode: str, size: object, origin: object, isa: str) -> None:
    for shape in ((6, 7, 70), (3, 2, 5)):
        check(image(shape, "int16"), size, mode=mode, cval=-3, origin=origin)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["bool", "uint16", "float32"])
def test_matches_scipy_with_footprint(mode: str, dtype: str) -> None:
    ball = np.hypot.reduce(np.meshgrid(*[np.arange(-2, 3)] * 3)) < 2.3
    lopsided = np.array([[1, 0, 1, 1], [0, 1, 1, 0]])
    volume, plane = image((5, 9, 33), dtype), image((20, 37), dtype)
    check(volume, footprint=ball, mode=mode)
    check(volume, footprint=np.ones((3, 3, 3)), mode=mode)
    check(volume, footprint=lopsided[None], mode=mode, origin=(0, -1, 1))
    check(plane, footprint=lopsided, mode=mode)
    check(plane, footprint=[[0, 0], [0, 1]], mode=mode)


LARGE_2D = [9, 11, 13, 15, 31, (1, 31), (2, 40), (40, 1), (10, 12), (9, 4)]
LARGE_3D = [7, 9, (3, 5, 7), (2, 7, 4), (9, 1, 5), (5, 5, 1), (1, 9, 9)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_scipy_for_large_windows(dtype: str) -> None:
    # Narrower and wider than a vector of every level; in "mirror" with an origin, too.
    for shape, sizes in (((33, 40), LARGE_2D), ((19, 131), LARGE_2D), ((7, 9, 70), LARGE_3D), ((2, 3, 5), LARGE_3D)):
        array = image(shape, dtype)
        for size in sizes:
            shift = tuple(-(n // 2) if i % 2 else (n - 1) // 2 for i, n in enumerate(np.broadcast_to(size, len(shape))))
            for kwargs in ({}, {"mode": "constant", "cval": 1, "origin": shift}):
                expected = scipy.ndimage.median_filter(array, size, **kwargs)
                for level in levels():
                    np.testing.assert_array_equal(filters.median_filter(array, size, **kwargs), expected, level)


@pytest.mark.parametrize("mode", MODES)
def test_matches_scipy_for_large_windows_in_every_mode(mode: str) -> None:
    for shape, sizes in (((20, 70), LARGE_2D), ((4, 5, 37), LARGE_3D)):
        for size in sizes:
            check(image(shape, "int16"), size, mode=mode, cval=-3)


def test_matches_scipy_where_the_window_has_more_places_than_a_16_bit_key_can_count() -> None:
    # Not "reflect": SciPy 1.17 loses its way where the window is more than eight times as long as the axis.
    check(image((3, 200), "int16"), 190, mode="mirror")
    check(image((3, 200), "uint16"), 190, mode="wrap")


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64"])
def test_matches_scipy_in_1d_4d_and_5d(dtype: str) -> None:
    check(image((70,), dtype), 3)
    check(image((70,), dtype), 4, origin=1)
    check(image((2, 3, 4, 35), dtype), (1, 3, 3, 3))
    check(image((2, 3, 4, 35), dtype), 3, axes=(1, 3))
    check(image((2, 3, 4, 5, 6), dtype), (3, 2), axes=(0, 4), origin=(0, -1))
    check(image((5, 6, 20), dtype), 5, axes=(1, 2))
    check(image((5, 6, 20), dtype), 3, axes=(-1,))
    check(image((5, 6, 7, 8), dtype), footprint=[[0, 1, 1], [1, 0, 0]], axes=(1, 3))


def test_axes_pair_with_size_origin_and_footprint_in_their_order() -> None:
    array = image((9, 10, 11), "int16")
    np.testing.assert_array_equal(
        filters.median_filter(array, (5, 3), origin=(2, -1), axes=(2, 0)),
        scipy.ndimage.median_filter(array, (3, 1, 5), origin=(-1, 0, 2)),
    )
    footprint = np.array([[1, 0, 1], [0, 1, 1]])
    np.testing.assert_array_equal(
        filters.median_filter(array, footprint=footprint, axes=(2, 0)),
        scipy.ndimage.median_filter(array, footprint=footprint.T[:, None, :]),
    )


def test_window_much_larger_than_the_image_matches_padding() -> None:
    array = image((2, 10), "int16")
    padded = np.pad(array, [(15, 15), (15, 15)], mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (31, 31)).reshape(2, 10, -1)
    np.testing.assert_array_equal(filters.median_filter(array, 31), np.median(windows, axis=-1))


def layouts(array: np.ndarray) -> dict[str, np.ndarray]:
    """Return arrays equal to `array` in other memory layouts."""
    padded = np.zeros([2 * n for n in array.shape], array.dtype)
    sliced = padded[tuple(slice(0, 2 * n, 2) for n in array.shape)]
    sliced[...] = array
    flipped = np.ascontiguousarray(array[::-1, ::-1, ::-1])[::-1, ::-1, ::-1]
    swapped = np.ascontiguousarray(array.swapaxes(0, 1)).swapaxes(0, 1)
    return {"fortran": np.asfortranarray(array), "sliced": sliced, "flipped": flipped, "swapped": swapped}


@pytest.mark.parametrize("layout", ["fortran", "sliced", "flipped", "swapped"])
@pytest.mark.parametrize("size", [3, 5, 7, 2, (1, 3, 3)], ids=str)
def test_matches_scipy_for_any_strides_of_input_and_output(layout: str, size: object) -> None:
    array = image((5, 70, 67), "int16")
    given = layouts(array)[layout]
    np.testing.assert_array_equal(given, array)
    expected = scipy.ndimage.median_filter(array, size)
    np.testing.assert_array_equal(filters.median_filter(given, size), expected)
    target = layouts(np.zeros_like(array))[layout]
    assert filters.median_filter(array, size, output=target) is target
    np.testing.assert_array_equal(target, expected)


@pytest.mark.parametrize("size", [3, 4])
def test_zero_strides(size: int) -> None:
    row = image((40,), "uint8")
    repeated = np.broadcast_to(row, (6, 7, 40))
    np.testing.assert_array_equal(filters.median_filter(repeated, size), scipy.ndimage.median_filter(repeated, size))
    constant = np.broadcast_to(np.int16(-5), (6, 7, 40))
    np.testing.assert_array_equal(filters.median_filter(constant, size), constant)


@pytest.mark.parametrize("size", [3, 5, 7, 2, (1, 3, 3), (1, 7, 7), (1, 11, 11)], ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_result_does_not_depend_on_threads_or_level(size: object, dtype: str) -> None:
    array = image((9, 200, 131), dtype)
    if dtype == "float32":
        array[np.random.default_rng(1).random(array.shape) < 0.1] = -0.0
        array[2, 100, 100] = np.nan
    results = set()
    best = _cormack_cpu.isa()
    try:
        for level in _cormack_cpu.available_isas():
            _cormack_cpu.use_isa(level)
            results |= {filters.median_filter(array, size, workers=n).tobytes() for n in (1, 2, 3)}
    finally:
        _cormack_cpu.use_isa(best)
    assert len(results) == 1


@pytest.mark.parametrize("size", [3, 5, 7, 2, (1, 3, 3)], ids=str)
@pytest.mark.parametrize("mode", ["reflect", "constant"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_is_larger_than_every_number(size: object, mode: str, dtype: str, isa: str) -> None:
    array = image((5, 70, 41), dtype)
    rng = np.random.default_rng(2)
    nan = rng.random(array.shape) < 0.2
    nan[3, 10:20, 10:30] = True
    array[nan] = np.where(rng.random(array.shape) < 0.5, np.nan, -np.nan)[nan]
    array[1, 2, 3:5] = np.inf, -np.inf
    # Ranks in place of values, NaN's above all: the median of ranks is the rank of the median.
    values, ranks = np.unique(array, return_inverse=True, equal_nan=True)
    cval = -7.5 if mode == "constant" else 0.0
    below = np.searchsorted(values, cval) - 0.5
    expected = scipy.ndimage.median_filter(ranks.reshape(array.shape).astype(float), size, mode=mode, cval=below)
    result = filters.median_filter(array, size, mode=mode, cval=cval)
    full = np.append(values, cval).astype(dtype)
    np.testing.assert_array_equal(result, full[np.where(expected == below, -1, expected).astype(int)])


@pytest.mark.parametrize("origin", [-1, 0, 1])
def test_nan_in_any_place_is_larger_than_every_number(origin: int, isa: str) -> None:
    for y, x in ((0, 0), (5, 69), (0, 69), (3, 64), (5, 16), (2, 63)):
        array = image((6, 70), "float32")
        array[y, x] = np.nan
        finite = np.where(np.isnan(array), np.inf, array)
        result = filters.median_filter(array, 3, origin=origin)
        expected = scipy.ndimage.median_filter(finite, 3, origin=origin)
        np.testing.assert_array_equal(np.where(np.isnan(result), np.inf, result), expected)


@pytest.mark.parametrize("width", [3, 40])
@pytest.mark.parametrize("size", [3, 4])
def test_nan_outside_the_image_is_larger_than_every_number(width: int, size: int) -> None:
    array = image((6, width), "float32")
    result = filters.median_filter(array, size, mode="constant", cval=np.nan)
    expected = scipy.ndimage.median_filter(array, size, mode="constant", cval=np.inf)
    np.testing.assert_array_equal(np.where(np.isnan(result), np.inf, result), expected)


def test_infinities_are_numbers() -> None:
    array = image((6, 70), "float32")
    array[:, ::3] = np.inf
    array[:, 1::5] = -np.inf
    check(array, 3)
    check(array, 4)


@given(
    array=hnp.array_shapes(min_dims=1, max_dims=3, max_side=20).flatmap(
        lambda shape: st.sampled_from(DTYPES).flatmap(
            lambda dtype: hnp.arrays(
                dtype,
                shape,
                elements={"allow_nan": False} if dtype.startswith("float") else None,
            )
        )
    ),
    data=st.data(),
)
@settings(max_examples=150, deadline=None)
def test_matches_scipy_on_anything(array: np.ndarray, data: st.DataObject) -> None:
    size = data.draw(st.one_of(st.sampled_from([3, 5]), st.tuples(*[st.integers(1, 6)] * array.ndim)))
    mode = data.draw(st.sampled_from(MODES))
    if array.ndim == 1:
        # SciPy's path for one axis reads outside of arrays shorter than the window.
        result = filters.median_filter(array, size, mode=mode, cval=1)
        array, size = array[np.newaxis], (1, *np.broadcast_to(size, 1))
        np.testing.assert_array_equal(result, filters.median_filter(array, size, mode=mode, cval=1)[0])
    check(array, size, mode=mode, cval=1)


@given(array=hnp.arrays("int16", hnp.array_shapes(min_dims=2, max_dims=3, max_side=30)))
@settings(max_examples=40, deadline=None)
def test_commutes_with_monotone_maps(array: np.ndarray) -> None:
    for size in (3, 5):
        filtered = filters.median_filter(array, size)
        np.testing.assert_array_equal(
            filters.median_filter(array.astype(np.float64) ** 3, size), filtered.astype(float) ** 3
        )
        np.testing.assert_array_equal(filters.median_filter(~array, size), ~filtered)


def test_output_array_dtype_and_aliasing() -> None:
    array = image((6, 70, 33), "int16")
    expected = scipy.ndimage.median_filter(array, 3)
    assert filters.median_filter(array, 3, output=np.float32).dtype == np.float32
    np.testing.assert_array_equal(filters.median_filter(array, 3, output="float64"), expected)
    in_place = array.copy()
    assert filters.median_filter(in_place, 3, output=in_place) is in_place
    np.testing.assert_array_equal(in_place, expected)


@pytest.mark.parametrize("shape", [(0,), (0, 5), (5, 0), (3, 0, 4), (0, 0, 0)])
def test_empty_arrays_stay_empty(shape: tuple[int, ...]) -> None:
    assert filters.median_filter(np.zeros(shape, np.int16), 3).shape == shape


def test_cval_is_the_nearest_float32_in_a_float32_image() -> None:
    check(image((3, 4), "float32"), 5, mode="constant", cval=0.1)


@pytest.mark.parametrize(
    ("kwargs", "kind", "message"),
    [
        ({}, ValueError, "`size` must be given, or `footprint`, but not both, got None"),
        (
            {"size": 3, "footprint": [[1]]},
            ValueError,
            "`size` must be given, or `footprint`, but not both, got 3",
        ),
        ({"size": 0}, ValueError, "`size` must be at least 1, got 0"),
        ({"size": 2.0}, TypeError, "`size` must be an int, got 2.0"),
        ({"size": (3, 3, 3)}, ValueError, "`size` must be one value or one for each of 2 axes, got (3, 3, 3)"),
        ({"size": 100000}, ValueError, "`size` must have at most 16777216 places, got 100000"),
        (
            {"footprint": [1, 1]},
            ValueError,
            "`footprint` must have one dimension for each of 2 axes, got shape (2,)",
        ),
        ({"footprint": [[0, 0]]}, ValueError, "`footprint` must have a place that takes part, got [[0, 0]]"),
        (
            {"size": 3, "origin": 2},
            ValueError,
            "`origin` must keep the voxel inside its window of size (3, 3), got 2",
        ),
        ({"size": 3, "origin": 0.5}, TypeError, "`origin` must be an int, got 0.5"),
        ({"size": 3, "axes": (0, 2)}, ValueError, "`axes` must name axes of a 2-D array, got (0, 2)"),
        ({"size": 3, "mode": "constant", "cval": 40000}, ValueError, "`cval` must be a value of int16, got 40000"),
        ({"size": 3, "mode": "constant", "cval": 0.5}, ValueError, "`cval` must be a value of int16, got 0.5"),
        ({"size": 3, "mode": "constant", "cval": np.nan}, ValueError, "`cval` must be a value of int16, got nan"),
        ({"size": 3, "mode": "constant", "cval": "x"}, TypeError, "`cval` must be a number, got 'x'"),
        (
            {"size": 3, "mode": "constant", "cval": 1e39, "output": "float32"},
            ValueError,
            "`cval` must be a value of float32, got 1e+39",
        ),
        ({"size": 3, "workers": 0}, ValueError, "`workers` must be at least 1, got 0"),
    ],
)
def test_rejects(kwargs: dict[str, object], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        filters.median_filter(np.zeros((4, 5), np.int16), **kwargs)
    assert str(error.value) == f"median_filter: {message}"


def test_rejects_an_unknown_mode_and_more_than_three_axes_of_many() -> None:
    with pytest.raises(ValueError, match=r"median_filter: `mode` must be one of 'reflect', .*, got 'mirrored'"):
        filters.median_filter(np.zeros((4, 5), np.int16), 3, mode="mirrored")
    with pytest.raises(ValueError, match="at most 3 axes"):
        filters.median_filter(np.zeros((4, 5, 6, 7), np.int16), 3)
    with pytest.raises(TypeError, match="complex128"):
        filters.median_filter(np.zeros((4, 5), complex), 3)
