"""minimum_filter and maximum_filter: equal to SciPy for every dtype, window, mode and layout; NaN; threads; errors."""

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
# Lane counts of every level and type, one less and one more; groups of four vectors; single rows, columns and slices.
SHAPES = [
    *[(1, n) for n in (1, 2, 7, 8, 9)],
    *[(3, n) for n in (15, 16, 17, 31, 32, 33)],
    *[(n, 5) for n in (1, 2, 15, 16, 17, 33)],
    *[(4, n) for n in (63, 64, 65, 127, 128, 129, 255, 257)],
    (300, 9),
    (1, 1, 1),
    (2, 1, 9),
    (1, 6, 40),
    (33, 2, 65),
    (4, 37, 17),
    (70, 3, 2),
]
SIZES_2D = [3, 1, 2, 4, 5, (1, 7), (9, 1), (17, 16), (2, 70)]
SIZES_3D = [3, 2, 5, (4, 1, 1), (1, 4, 6), (7, 1, 12), (3, 9, 1), (40, 2, 3)]
BALL = np.hypot.reduce(np.meshgrid(*[np.arange(-3, 4)] * 3)) < 3.3
LOPSIDED = np.array([[1, 0, 1, 1], [0, 1, 1, 0]])
NAMES = ["minimum_filter", "maximum_filter"]

either = pytest.mark.parametrize("name", NAMES)


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
    return np.where(rng.random(shape) < 0.1, np.array(info.max, dtype), values)


def check(array: np.ndarray, *args: object, names: list[str] = NAMES, **kwargs: object) -> None:
    for name in names:
        expected = getattr(scipy.ndimage, name)(array, *args, **kwargs)
        result = getattr(filters, name)(array, *args, **kwargs)
        assert result.dtype == array.dtype
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_scipy_at_every_size(shape: tuple[int, ...], dtype: str, isa: str) -> None:
    array = image(shape, dtype)
    for i, size in enumerate(SIZES_2D if len(shape) == 2 else SIZES_3D):
        check(array, size, names=NAMES[i % 2 :][:1])


@either
def test_every_size_along_every_axis_matches_scipy(name: str, isa: str) -> None:
    array = image((37, 37, 37), "int16")
    for size in (*range(1, 36), 47, 48, 49, 63, 64, 65, 79):
        line = np.random.default_rng(size).integers(-99, 99, 70).astype("int16")
        check(line, size, names=[name])
        for shape in ((1, 37, 37), (37, 1, 37), (37, 37, 1)):
            axis = shape.index(1)
            sizes = [1, 1, 1]
            sizes[axis] = size
            part = array[:, :4, :4] if axis == 0 else array[:4, :, :4] if axis == 1 else array[:4, :4]
            check(part, tuple(sizes), names=[name])


@pytest.mark.parametrize("mode", [*MODES, "grid-mirror", "grid-constant", "grid-wrap"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_matches_scipy_in_every_mode(mode: str, dtype: str) -> None:
    for shape, sizes in (((9, 70), SIZES_2D), ((2, 3), SIZES_2D), ((5, 6, 37), SIZES_3D), ((2, 1, 3), SIZES_3D)):
        for size in sizes:
            check(image(shape, dtype), size, mode=mode, cval=7)


def test_a_mode_per_axis_matches_scipy() -> None:
    array = image((5, 6, 40), "int16")
    for modes in (("constant", "wrap", "mirror"), ["nearest", "constant", "reflect"], ("wrap", "nearest", "constant")):
        for size in (3, (2, 5, 8), (1, 3, 3), (9, 1, 30)):
            check(array, size, mode=modes, cval=-32768)
            check(array, size, mode=modes, cval=32767)
        check(array, footprint=np.ones((3, 2, 4)), mode=modes, cval=5)
        check(array, (3, 4), mode=modes[:2], axes=(0, 2), cval=5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("size", "origin"),
    [(3, 1), (3, -1), (5, (2, -2, 1)), (5, -2), ((1, 7, 7), (0, 3, -3)), (4, (-2, 1, 0)), (21, (10, -10, 10))],
)
def test_matches_scipy_with_origin(mode: str, size: object, origin: object) -> None:
    for shape in ((6, 7, 70), (3, 2, 5)):
        check(image(shape, "int16"), size, mode=mode, cval=-3, origin=origin)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_scipy_with_footprint(mode: str, dtype: str, isa: str) -> None:
    volume, plane = image((11, 9, 33), dtype), image((40, 37), dtype)
    check(volume, footprint=BALL, mode=mode)
    check(volume, footprint=np.ones((3, 3, 3)), mode=mode)
    check(volume, footprint=LOPSIDED[None], mode=mode, cval=1, origin=(0, -1, 1))
    check(plane, footprint=LOPSIDED, mode=mode, cval=1)
    check(plane, footprint=[[0, 0], [0, 1]], mode=mode)
    check(plane[:3, :5], footprint=BALL[3], mode=mode)


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_matches_scipy_with_any_window(data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=40))
    array = image(shape, data.draw(st.sampled_from(DTYPES)), data.draw(st.integers(0, 99)))
    size = data.draw(st.tuples(*[st.integers(1, 12)] * array.ndim))
    origin = tuple(data.draw(st.integers(-(extent // 2), (extent - 1) // 2)) for extent in size)
    keywords = {"mode": data.draw(st.sampled_from(MODES)), "cval": 1, "origin": origin}
    if data.draw(st.booleans()):
        check(array, size, **keywords)
    else:
        footprint = data.draw(hnp.arrays(bool, size))
        footprint[tuple(extent // 2 for extent in size)] = True
        check(array, footprint=footprint, **keywords)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64"])
def test_matches_scipy_in_1d_4d_and_5d(dtype: str) -> None:
    check(image((70,), dtype), 3)
    check(image((70,), dtype), 4, origin=1)
    check(image((70,), dtype), footprint=[1, 0, 1, 1])
    check(image((2, 3, 4, 35), dtype), (1, 3, 3, 3))
    check(image((2, 3, 4, 35), dtype), 3, axes=(1, 3))
    check(image((2, 3, 4, 5, 6), dtype), (3, 2), axes=(0, 4), origin=(0, -1))
    check(image((5, 6, 20), dtype), 5, axes=(1, 2))
    check(image((5, 6, 7, 8), dtype), footprint=[[0, 1, 1], [1, 0, 0]], axes=(1, 3))


@either
def test_axes_pair_with_footprint_in_their_order(name: str) -> None:
    array = image((9, 10, 11), "int16")
    footprint = np.array([[1, 0, 1], [0, 1, 1]])
    np.testing.assert_array_equal(
        getattr(filters, name)(array, footprint=footprint, axes=(2, 0)),
        getattr(scipy.ndimage, name)(array, footprint=footprint.T[:, None, :]),
    )


@either
def test_huge_window_matches_the_global_extremum(name: str) -> None:
    array = image((9, 10, 11), "int16")
    result = getattr(filters, name)(array, (2**8 + 1, 2**8, 2**8 - 1))
    np.testing.assert_array_equal(result, np.full_like(array, array.min() if name == "minimum_filter" else array.max()))


@either
@pytest.mark.parametrize("size", [3, (4, 1, 1), (1, 5, 1), (1, 1, 6), "ball"], ids=str)
def test_any_strides_of_input_and_output(name: str, size: object) -> None:
    array = image((6, 40, 37), "int16")
    window = {"footprint": BALL} if size == "ball" else {"size": size}
    expected = getattr(scipy.ndimage, name)(array, **window)
    padded = np.zeros((12, 80, 74), np.int16)
    padded[::2, ::2, ::2] = array
    for given_array in (
        np.asfortranarray(array),
        padded[::2, ::2, ::2],
        np.ascontiguousarray(array[::-1, ::-1, ::-1])[::-1, ::-1, ::-1],
        np.ascontiguousarray(array.swapaxes(0, 1)).swapaxes(0, 1),
    ):
        np.testing.assert_array_equal(getattr(filters, name)(given_array, **window), expected)
        target = np.zeros_like(given_array)
        getattr(filters, name)(array, output=target, **window)
        np.testing.assert_array_equal(target, expected)
    wide = np.zeros((6, 40, 50), np.int16)
    getattr(filters, name)(array, output=wide[:, :, 5:42], **window)
    np.testing.assert_array_equal(wide[:, :, 5:42], expected)
    assert not wide[:, :, :5].any()
    assert not wide[:, :, 42:].any()
    repeated = np.broadcast_to(array[:, :1], array.shape)
    np.testing.assert_array_equal(
        getattr(filters, name)(repeated, **window), getattr(scipy.ndimage, name)(repeated, **window)
    )


@either
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_result_does_not_depend_on_threads_or_level(name: str, dtype: str) -> None:
    array = image((40, 90, 131), dtype)
    if dtype.startswith("float"):
        rng = np.random.default_rng(1)
        array[rng.random(array.shape) < 0.1] = -0.0
        array[rng.random(array.shape) < 0.1] = 0.0
        array[2, :, 100] = np.nan
        array[3, 3] = np.copysign(np.nan, -1)
    best = _cormack_cpu.isa()
    for window in ({"size": 3}, {"size": (9, 4, 17)}, {"footprint": BALL}):
        results = set()
        try:
            for level in _cormack_cpu.available_isas():
                _cormack_cpu.use_isa(level)
                results |= {getattr(filters, name)(array, **window, workers=n).tobytes() for n in (1, 2, 3)}
        finally:
            _cormack_cpu.use_isa(best)
        assert len(results) == 1


@pytest.mark.parametrize(
    "window", [{"size": 3}, {"size": (5, 1, 12)}, {"footprint": BALL}], ids=["cube", "box", "ball"]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_is_larger_than_every_number(window: dict[str, object], dtype: str, isa: str) -> None:
    array = image((5, 30, 41), dtype)
    rng = np.random.default_rng(2)
    nan = rng.random(array.shape) < 0.2
    nan[:, 10:24, 10:30] = True
    array[nan] = np.where(rng.random(array.shape) < 0.5, np.nan, -np.nan)[nan]
    array[1, 2, 3:5] = np.inf, -np.inf
    smallest = filters.minimum_filter(array, **window)
    np.testing.assert_array_equal(
        np.where(np.isnan(smallest), np.inf, smallest),
        scipy.ndimage.minimum_filter(np.where(nan, np.inf, array), **window),
    )
    np.testing.assert_array_equal(np.isnan(smallest), scipy.ndimage.minimum_filter(nan, **window))
    assert np.isnan(smallest).any()
    largest = filters.maximum_filter(array, **window)
    holds_nan = scipy.ndimage.maximum_filter(nan, **window)
    np.testing.assert_array_equal(np.isnan(largest), holds_nan)
    numbers = scipy.ndimage.maximum_filter(np.where(nan, -np.inf, array), **window)
    np.testing.assert_array_equal(largest[~holds_nan], numbers[~holds_nan])


def test_nan_and_zeros_agree_with_the_first_and_last_rank() -> None:
    array = np.array([[-0.0, 0.0, np.nan, 1.0, -np.inf], [0.0, -0.0, 2.0, np.nan, np.inf]], np.float32)
    count = 6
    for rank, name in ((0, "minimum_filter"), (count - 1, "maximum_filter")):
        expected = np.empty_like(array)
        _cormack_cpu.rank_filter(array, expected, rank, [1, 2, 3], [0, 0, 0], None, 0, 0.0)
        assert getattr(filters, name)(array, (2, 3)).tobytes() == expected.tobytes()


@pytest.mark.parametrize("cval", [np.nan, np.inf, -np.inf])
def test_cval_may_be_no_finite_number(cval: float) -> None:
    array = image((4, 40), "float32")
    array[0, 0] = np.nan
    for name, fill in (("minimum_filter", np.inf), ("maximum_filter", np.inf)):
        result = getattr(filters, name)(array, 3, mode="constant", cval=cval)
        clean = np.where(np.isnan(array), fill, array)
        expected = getattr(scipy.ndimage, name)(clean, 3, mode="constant", cval=fill if np.isnan(cval) else cval)
        np.testing.assert_array_equal(np.where(np.isnan(result), fill, result), expected)


@given(array=hnp.arrays("int16", hnp.array_shapes(min_dims=2, max_dims=3, max_side=30)), size=st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_maximum_is_the_complement_of_the_minimum_of_the_complement(array: np.ndarray, size: int) -> None:
    np.testing.assert_array_equal(filters.maximum_filter(array, size), ~filters.minimum_filter(~array, size))


def test_output_array_dtype_and_aliasing() -> None:
    array = image((6, 70, 33), "int16")
    expected = scipy.ndimage.minimum_filter(array, 5)
    assert filters.minimum_filter(array, 5, output=np.float32).dtype == np.float32
    np.testing.assert_array_equal(filters.minimum_filter(array, 5, output="float64"), expected)
    in_place = array.copy()
    assert filters.minimum_filter(in_place, 5, output=in_place) is in_place
    np.testing.assert_array_equal(in_place, expected)


@either
@pytest.mark.parametrize(
    ("kwargs", "kind", "message"),
    [
        ({}, ValueError, "`size` must be given, or `footprint`, but not both, got None"),
        ({"size": 3, "footprint": [[1]]}, ValueError, "`size` must be given, or `footprint`, but not both, got 3"),
        ({"size": 0}, ValueError, "`size` must be at least 1, got 0"),
        ({"size": 2.0}, TypeError, "`size` must be an int, got 2.0"),
        ({"size": (3, 3, 3)}, ValueError, "`size` must be one value or one for each of 2 axes, got (3, 3, 3)"),
        ({"footprint": [[0, 0]]}, ValueError, "`footprint` must have a place that takes part, got [[0, 0]]"),
        (
            {"footprint": [[0, 1]], "mode": ["wrap", "wrap"]},
            ValueError,
            "`mode` must be one mode where `footprint` is not a box, got ['wrap', 'wrap']",
        ),
        ({"size": 3, "mode": ["wrap"]}, ValueError, "`mode` must be one value or one for each of 2 axes, got ['wrap']"),
        ({"size": 3, "origin": 2}, ValueError, "`origin` must keep the voxel inside its window of size (3, 3), got 2"),
        ({"size": 3, "mode": "constant", "cval": 40000}, ValueError, "`cval` must be a value of int16, got 40000"),
        (
            {"size": 3, "mode": ("wrap", "constant"), "cval": 0.5},
            ValueError,
            "`cval` must be a value of int16, got 0.5",
        ),
        ({"size": 3, "workers": 0}, ValueError, "`workers` must be at least 1, got 0"),
    ],
)
def test_rejects(name: str, kwargs: dict[str, object], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        getattr(filters, name)(np.zeros((4, 5), np.int16), **kwargs)
    assert str(error.value) == f"{name}: {message}"
