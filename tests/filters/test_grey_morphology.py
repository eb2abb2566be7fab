"""Grey-value morphology: SciPy's results for every dtype, window and mode; saturation; heights; balls in mm."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage
from skimage import morphology

from cormack import Volume, filters, segment
from cormack.filters import (
    black_tophat,
    grey_closing,
    grey_dilation,
    grey_erosion,
    grey_opening,
    morphological_gradient,
    white_tophat,
)

OPERATIONS = {
    "grey_erosion": grey_erosion,
    "grey_dilation": grey_dilation,
    "grey_opening": grey_opening,
    "grey_closing": grey_closing,
    "white_tophat": white_tophat,
    "black_tophat": black_tophat,
    "morphological_gradient": morphological_gradient,
}
DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
SHAPES = [(1, 1), (7,), (3, 5), (17, 65), (129, 33), (5, 6, 7), (4, 9, 66)]
MODES = ["reflect", "constant", "nearest", "mirror", "wrap"]

every_operation = pytest.mark.parametrize("operation", OPERATIONS)


def image_of(shape, dtype, seed=0):
    """Return values over a quarter of the range, so that no difference wraps in SciPy."""
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if dtype.startswith("float"):
        return rng.normal(0, 100, shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min // 4, info.max // 4, shape, dtype, endpoint=True)


def expected_of(operation, image, **keywords):
    if image.dtype == bool and operation == "morphological_gradient":
        # SciPy subtracts bool, which NumPy refuses.
        dilated, eroded = (getattr(ndimage, f"grey_{name}")(image, **keywords) for name in ("dilation", "erosion"))
        return dilated ^ eroded
    if image.dtype.kind == "u":
        # Where a window leaves its voxel out, differences fall below 0, and SciPy's wrap.
        wide = getattr(ndimage, operation)(image.astype(np.int64), **keywords)
        return wide.clip(0, np.iinfo(image.dtype).max)
    return getattr(ndimage, operation)(image, **keywords)


def windows(ndim):
    rng = np.random.default_rng(ndim)
    yield {"size": 3}
    yield {"size": tuple(int(n) for n in rng.integers(1, 7, ndim))}
    places = rng.random(rng.integers(2, 5, ndim)) < 0.6
    places.flat[0] = True
    yield {"footprint": places}
    yield {"footprint": np.ones((4,) * ndim)}


@every_operation
@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_scipy(isa, operation, dtype):
    for shape in SHAPES:
        image = image_of(shape, dtype)
        for window in windows(len(shape)):
            result = OPERATIONS[operation](image, **window)
            assert result.dtype == image.dtype
            np.testing.assert_array_equal(result, expected_of(operation, image, **window), f"{shape} {window}")


@every_operation
@pytest.mark.parametrize("mode", MODES)
def test_modes_and_origins_match_scipy(operation, mode):
    rng = np.random.default_rng(1)
    # Not below cval, so that no difference falls below 0 and wraps.
    image = rng.integers(0, 1000, (6, 9, 20)).astype(np.int32)
    for window in ({"size": (2, 3, 5)}, {"footprint": rng.random((3, 4, 3)) < 0.7}):
        box = window.get("size", np.shape(window.get("footprint")))
        for _ in range(3):
            origin = [int(rng.integers(-((n - 1) // 2), (n - 1) // 2 + 1)) for n in box]
            keywords = {**window, "mode": mode, "cval": 5, "origin": origin}
            expected = expected_of(operation, image, **keywords)
            if operation in ("white_tophat", "black_tophat", "morphological_gradient"):
                assert abs(expected).max() < 10**4
            np.testing.assert_array_equal(OPERATIONS[operation](image, **keywords), expected, f"{window} {origin}")


@every_operation
@pytest.mark.parametrize("dtype", ["int16", "int32", "float32", "float64", "uint8"])
def test_heights_match_scipy(isa, operation, dtype):
    rng = np.random.default_rng(2)
    for shape in [(7,), (17, 65), (4, 9, 66)]:
        image = (rng.integers(60, 120, shape)).astype(dtype)
        for _ in range(2):
            heights = rng.integers(0, 9, rng.integers(1, 5, len(shape)))
            footprint = rng.random(heights.shape) < 0.7
            footprint.flat[0] = True
            for keywords in ({"structure": heights}, {"structure": heights, "footprint": footprint}):
                for mode in MODES:
                    more = {**keywords, "mode": mode, "cval": 70}
                    expected = expected_of(operation, image.astype(np.float64), **more)
                    if dtype == "uint8":
                        expected = expected.clip(0, 255)
                    np.testing.assert_array_equal(OPERATIONS[operation](image, **more), expected)


def test_fractions_of_heights_are_rounded():
    image = np.array([[10, 10, 20, 10, 10]], np.int16)
    heights = [[0.4, 1.6, 0.6]]
    np.testing.assert_array_equal(grey_erosion(image, structure=heights), [[8, 8, 9, 8, 8]])
    np.testing.assert_array_equal(
        grey_dilation(image.astype(float), structure=heights),
        ndimage.grey_dilation(image.astype(float), structure=heights),
    )


def test_heights_saturate():
    image = np.array([[250, 3]], np.uint8)
    np.testing.assert_array_equal(grey_dilation(image, structure=[[9.0]]), [[255, 12]])
    np.testing.assert_array_equal(grey_erosion(image, structure=[[9.0]]), [[241, 0]])


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32"])
def test_differences_saturate(isa, dtype):
    info = np.iinfo(dtype)
    image = np.full((1, 70), info.min, dtype)
    image[:, 35] = info.max
    assert white_tophat(image, (1, 3)).max() == info.max
    assert black_tophat(-1 - image, (1, 3)).max() == info.max
    assert morphological_gradient(image, (1, 3)).max() == info.max
    # SciPy's wrap.
    assert ndimage.white_tophat(image, (1, 3)).max() == 0


def test_negative_differences_saturate():
    image = np.full((5, 5), 7, np.uint8)
    assert not black_tophat(image, 3, mode="constant").any()
    assert ndimage.black_tophat(image, 3, mode="constant").max() == 249


@pytest.mark.parametrize("name", ["erosion", "dilation", "opening", "closing", "white_tophat", "black_tophat"])
def test_matches_scikit_image(name):
    image = image_of((9, 30, 40), "uint16")
    run = OPERATIONS.get(f"grey_{name}") or OPERATIONS[name]
    footprint = morphology.ball(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        expected = getattr(morphology, name)(image, footprint, mode="reflect")
    np.testing.assert_array_equal(run(image, footprint=footprint), expected)


@every_operation
def test_a_radius_is_a_ball(operation):
    image, spacing = image_of((9, 30, 40), "int16"), (2.5, 0.7, 0.9)
    expected = OPERATIONS[operation](image, footprint=segment.ball(2.6, spacing))
    np.testing.assert_array_equal(OPERATIONS[operation](image, radius_mm=2.6, spacing=spacing), expected)
    volume = OPERATIONS[operation](Volume(image, spacing), radius_mm=2.6)
    assert isinstance(volume, Volume)
    np.testing.assert_array_equal(volume.array, expected)
    plane = OPERATIONS[operation](image, radius_mm=2.6, spacing=spacing, axes=(2, 1))
    disk = segment.ball(2.6, spacing[1:])
    np.testing.assert_array_equal(plane, [OPERATIONS[operation](z, footprint=disk) for z in image])


@every_operation
def test_axes_pair_with_heights(operation):
    image = image_of((5, 8, 9), "int16")
    heights = np.arange(6).reshape(2, 3)
    expected = [OPERATIONS[operation](z, structure=heights) for z in image]
    np.testing.assert_array_equal(OPERATIONS[operation](image, structure=heights, axes=(1, 2)), expected)
    np.testing.assert_array_equal(OPERATIONS[operation](image, structure=heights.T, axes=(2, 1)), expected)


@every_operation
def test_a_window_of_one_place(operation):
    image = image_of((5, 8), "int16")
    result = OPERATIONS[operation](image, size=1)
    np.testing.assert_array_equal(result, expected_of(operation, image, size=(1, 1)))
    np.testing.assert_array_equal(
        OPERATIONS[operation](image, structure=[[3]]), expected_of(operation, image, structure=[[3]])
    )


@every_operation
@given(
    image=hnp.arrays(
        st.sampled_from([np.dtype(d) for d in ("uint8", "int16", "int32")]),
        hnp.array_shapes(min_dims=1, max_dims=3, max_side=9),
        elements=st.integers(0, 100),
    ),
    size=st.integers(1, 5),
    mode=st.sampled_from(["reflect", "nearest", "mirror", "wrap"]),
)
def test_matches_scipy_for_any_image(operation, image, size, mode):
    if size == 1:
        return
    np.testing.assert_array_equal(
        OPERATIONS[operation](image, size, mode=mode).astype(int),
        # At the border of an image even windows may give differences below 0.
        np.maximum(
            expected_of(operation, image.astype(int), size=size, mode=mode), 0 if image.dtype.kind == "u" else -(10**9)
        ),
    )


@every_operation
@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({}, ValueError, "`size` must be given, or `footprint`, but not both, got None"),
        ({"size": 3, "footprint": np.ones((3, 3))}, ValueError, "`size` must be given, or `footprint`, but not both"),
        (
            {"size": 3, "structure": np.ones((3, 3))},
            ValueError,
            "`size` must be None where `structure` is given, got 3",
        ),
        ({"size": 3, "radius_mm": 1.0, "spacing": 1.0}, ValueError, "`radius_mm` must be given alone, got 1.0"),
        (
            {"radius_mm": 1.0},
            ValueError,
            "`spacing` must be given for `radius_mm` where `input` is no Volume, got None",
        ),
        (
            {"structure": np.ones(3)},
            ValueError,
            "`structure` must have one dimension for each of 2 axes, got shape (3,)",
        ),
        ({"structure": [["a"]]}, ValueError, "`structure` must be an array of numbers, got [['a']]"),
        ({"structure": [[np.nan]]}, ValueError, "`structure` must be finite, got [[nan]]"),
        (
            {"structure": np.ones((3, 3)), "footprint": np.ones((2, 2))},
            ValueError,
            "`footprint` must have the shape of `structure` (3, 3), got (2, 2)",
        ),
        (
            {"structure": np.ones((3, 3)), "mode": ("reflect", "wrap")},
            ValueError,
            "`mode` must be one mode where the window",
        ),
        ({"size": 3, "origin": 2}, ValueError, "`origin` must keep the voxel inside its window of size (3, 3), got 2"),
        ({"size": 3, "mode": "constant", "cval": 0.5}, ValueError, "`cval` must be a value of int16, got 0.5"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_rejects(operation, keywords, error, message):
    with pytest.raises(error, match=f"^{operation}: " + re.escape(message)):
        OPERATIONS[operation](np.ones((4, 5), np.int16), **keywords)


def test_bool_has_no_heights():
    with pytest.raises(TypeError, match="`input` must not be bool where `structure` is given"):
        filters.grey_erosion(np.ones((4, 5), bool), structure=np.ones((3, 3)))
