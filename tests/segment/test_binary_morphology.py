"""Binary erosion, dilation, opening and closing: SciPy's and scikit-image's sets for any footprint; balls in mm."""

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

from cormack import Volume
from cormack.segment import (
    ball,
    binary_closing,
    binary_dilation,
    binary_erosion,
    binary_opening,
    distance_transform_edt,
)

OPERATIONS = {
    "erosion": binary_erosion,
    "dilation": binary_dilation,
    "opening": binary_opening,
    "closing": binary_closing,
}
STEPS = {"erosion": "e", "dilation": "d", "opening": "ed", "closing": "de"}
SHAPES = [(1, 1), (3, 5), (64, 65), (17, 129), (129, 17), (5, 6, 7), (9, 33, 70), (1, 20, 20), (20, 1, 130), (4, 3, 1)]

every_operation = pytest.mark.parametrize("operation", OPERATIONS)


def scipy_steps(operation, mask, footprint, border_value=0, origin=0, iterations=1):
    """SciPy's results, step by step: `iterations` of SciPy 1.17 corrupts memory with large footprints."""
    for step in STEPS[operation]:
        function = ndimage.binary_erosion if step == "e" else ndimage.binary_dilation
        for _ in range(iterations):
            mask = function(mask, footprint, border_value=border_value, origin=origin)
    return mask


def footprints(rng, ndim):
    yield np.ones((3,) * ndim, bool)
    yield np.ones(rng.integers(1, 8, ndim), bool)
    yield ndimage.generate_binary_structure(ndim, 1)
    for fraction in (0.2, 0.6):
        places = rng.random(rng.integers(1, 7, ndim)) < fraction
        places.flat[rng.integers(places.size)] = True
        yield places
    long = rng.random((*rng.integers(1, 4, ndim - 1), rng.integers(60, 150))) < 0.99
    long.flat[0] = True
    yield long


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_scipy(isa, shape):
    rng = np.random.default_rng(len(shape))
    for fraction in (0.1, 0.5, 0.95):
        mask = rng.random(shape) < fraction
        for footprint in footprints(rng, len(shape)):
            origin = [int(rng.integers(-(n // 2), (n - 1) // 2 + 1)) for n in footprint.shape]
            for border_value in (0, 1):
                for operation, run in OPERATIONS.items():
                    expected = scipy_steps(operation, mask, footprint, border_value, origin)
                    result = run(mask, footprint, border_value=border_value, origin=origin)
                    assert result.dtype == bool
                    np.testing.assert_array_equal(result, expected, f"{operation} {footprint.shape} {origin}")


@every_operation
@pytest.mark.parametrize("ndim", [2, 3])
def test_iterations_match_scipy(operation, ndim):
    rng = np.random.default_rng(ndim)
    mask = rng.random((70, 80) if ndim == 2 else (12, 20, 70)) < 0.7
    footprint = ndimage.generate_binary_structure(ndim, 1)
    for iterations in (2, 5):
        expected = getattr(ndimage, f"binary_{operation}")(mask, iterations=iterations)
        result = OPERATIONS[operation](mask, iterations=iterations, border_value=False)
        np.testing.assert_array_equal(result, expected)
        np.testing.assert_array_equal(
            OPERATIONS[operation](mask, footprint, iterations=iterations, border_value=0), expected
        )


@every_operation
@pytest.mark.parametrize("shape", [(64, 65), (9, 33, 70)], ids=str)
def test_matches_scikit_image(operation, shape):
    rng = np.random.default_rng(7)
    peer = getattr(morphology, f"binary_{operation}")
    ndim = len(shape)
    for fraction in (0.3, 0.9):
        mask = rng.random(shape) < fraction
        for footprint in (
            None,
            np.ones((3,) * ndim),
            np.ones((5,) * ndim),
            (morphology.disk if ndim == 2 else morphology.ball)(3),
        ):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                expected = peer(mask, footprint)
            np.testing.assert_array_equal(OPERATIONS[operation](mask, footprint), expected)


@given(
    hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=3, max_side=9)),
    st.data(),
    st.sampled_from(sorted(OPERATIONS)),
    st.booleans(),
    st.integers(1, 3),
)
def test_matches_scipy_for_any_footprint(mask, data, operation, border_value, workers):
    # Footprints may be larger than the image.
    footprint = data.draw(hnp.arrays(bool, hnp.array_shapes(min_dims=mask.ndim, max_dims=mask.ndim, max_side=12)))
    footprint.flat[0] = True
    result = OPERATIONS[operation](mask, footprint, border_value=border_value, workers=workers)
    np.testing.assert_array_equal(result, scipy_steps(operation, mask, footprint, border_value))


@every_operation
def test_a_size_is_a_box(operation):
    mask = np.random.default_rng(8).random((9, 33, 70)) < 0.8
    for size in (3, (1, 4, 7), (3, 1, 1), (1, 1, 1)):
        footprint = np.ones(np.broadcast_to(size, 3), bool)
        np.testing.assert_array_equal(
            OPERATIONS[operation](mask, size=size, border_value=0), scipy_steps(operation, mask, footprint)
        )


@every_operation
def test_a_radius_is_a_ball(operation):
    mask = np.random.default_rng(9).random((9, 33, 70)) < 0.97
    spacing = (2.5, 0.7, 0.9)
    expected = OPERATIONS[operation](mask, ball(3.1, spacing))
    np.testing.assert_array_equal(OPERATIONS[operation](mask, radius_mm=3.1, spacing=spacing), expected)
    volume = OPERATIONS[operation](Volume(mask, spacing), radius_mm=3.1)
    assert isinstance(volume, Volume)
    np.testing.assert_array_equal(volume.array, expected)


@pytest.mark.parametrize(
    ("radius", "spacing"), [(4.9, (2.5, 0.7, 0.7)), (6, 1.0), (2.1, 0.7), (3, (1.0, 0.25))], ids=str
)
def test_balls_match_distances(radius, spacing):
    shape = (20, 50, 90)[3 - (np.size(spacing) if np.ndim(spacing) else 3) :]
    mask = np.random.default_rng(10).random(shape) < 0.999
    distances = distance_transform_edt(mask, spacing)
    eroded = binary_erosion(mask, radius_mm=radius, spacing=spacing)
    np.testing.assert_array_equal(eroded, distances > radius * (1 + 1e-9))
    # The footprint holds up to a radius, rounding aside.
    assert (distances[eroded] > radius).all()


@pytest.mark.parametrize("radius", range(6))
def test_balls_match_scikit_image(radius):
    np.testing.assert_array_equal(ball(radius), morphology.ball(radius))
    np.testing.assert_array_equal(ball(radius, (1, 1)), morphology.disk(radius))
    np.testing.assert_array_equal(ball(radius, ndim=2), morphology.disk(radius))


def test_balls_hold_what_lies_on_their_radius():
    for voxels in range(1, 40):
        assert ball(voxels * 0.7, 0.7, ndim=1).shape == (2 * voxels + 1,)
    assert ball(0.0, (1, 1)).shape == (1, 1)
    np.testing.assert_array_equal(ball(2.0, (3.0, 1.0)), [[True] * 5])


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "float16", "float32", "float64"]
)
def test_every_dtype_is_a_mask(dtype):
    mask = np.random.default_rng(1).random((5, 20, 70)) < 0.6
    values = (mask * 3).astype(dtype)
    for operation, run in OPERATIONS.items():
        np.testing.assert_array_equal(run(values, border_value=0), scipy_steps(operation, mask, None))


def test_strides_do_not_matter():
    mask = np.random.default_rng(4).random((14, 30, 140)) < 0.6
    repeated = np.broadcast_to(mask[:, :, :1], (14, 30, 70))
    for view in (mask[::-1, ::2, ::-1], mask.transpose(2, 0, 1), np.asfortranarray(mask), mask[3], repeated):
        for operation, run in OPERATIONS.items():
            np.testing.assert_array_equal(run(view, border_value=0), scipy_steps(operation, view, None))


def test_all_and_nothing():
    for shape in [(3, 70), (2, 3, 64)]:
        for run in OPERATIONS.values():
            assert run(np.ones(shape), size=5).all()
            assert not run(np.zeros(shape), size=5).any()
    assert not binary_erosion(np.ones((3, 70)), size=71, border_value=0).any()


@pytest.mark.parametrize("shape", [(0, 5), (4, 0, 3), (0, 0, 0)], ids=str)
@every_operation
def test_empty(operation, shape):
    assert OPERATIONS[operation](np.ones(shape)).shape == shape


@every_operation
def test_any_number_of_threads_gives_the_same_bits(operation):
    mask = np.random.default_rng(11).random((30, 60, 130)) < 0.8
    for footprint in (None, np.ones((5, 5, 5)), ball(3)):
        one = OPERATIONS[operation](mask, footprint, workers=1)
        for workers in (2, 3):
            np.testing.assert_array_equal(OPERATIONS[operation](mask, footprint, workers=workers), one)


def test_dilation_is_the_erosion_of_the_background():
    mask = np.random.default_rng(14).random((12, 40, 90)) < 0.7
    footprint = np.random.default_rng(15).random((3, 3, 5)) < 0.7
    expected = ~binary_erosion(~mask, footprint[::-1, ::-1, ::-1])
    np.testing.assert_array_equal(binary_dilation(mask, footprint), expected)


def test_openings_and_closings_are_idempotent_and_ordered():
    mask = np.random.default_rng(12).random((12, 40, 90)) < 0.7
    footprint = np.random.default_rng(13).random((2, 3, 4)) < 0.7
    opened, closed = binary_opening(mask, footprint), binary_closing(mask, footprint)
    assert not (opened & ~mask).any()
    assert not (mask & ~closed).any()
    np.testing.assert_array_equal(binary_opening(opened, footprint), opened)
    np.testing.assert_array_equal(binary_closing(closed, footprint), closed)


@every_operation
@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"footprint": np.zeros((3, 3))}, ValueError, "`footprint` must have a place that takes part"),
        ({"footprint": np.ones(3)}, ValueError, "`footprint` must have 2 dimensions as `mask`, got shape (3,)"),
        ({"footprint": np.ones((3, 3)), "size": 3}, ValueError, "`footprint` must be given alone"),
        ({"size": 0}, ValueError, "`size` must be at least 1, got 0"),
        ({"size": 2.0}, TypeError, "`size` must be an int, got 2.0"),
        ({"size": (3, 3, 3)}, ValueError, "`size` must be one value or one for each of 2 axes, got (3, 3, 3)"),
        ({"size": 10**5}, ValueError, "`size` must have at most 16777216 places, got 100000"),
        ({"radius_mm": 2}, ValueError, "`spacing` must be given for `radius_mm` where `mask` is no Volume, got None"),
        ({"radius_mm": -1, "spacing": 1}, ValueError, "`radius_mm` must be at least 0, got -1"),
        ({"radius_mm": np.nan, "spacing": 1}, ValueError, "`radius_mm` must be finite, got nan"),
        ({"radius_mm": 1e9, "spacing": 1}, ValueError, "`radius_mm` must hold at most 16777216 voxels"),
        ({"radius_mm": 1, "spacing": 0}, ValueError, "`spacing` must be above 0, got 0"),
        ({"spacing": 1}, ValueError, "`spacing` must be None where `radius_mm` is, got 1"),
        ({"iterations": 0}, ValueError, "`iterations` must be at least 1, got 0"),
        ({"iterations": 2**64}, ValueError, "`iterations` must be at most 2147483647, got 18446744073709551616"),
        ({"border_value": np.ones(2)}, ValueError, "`border_value` must be True, False or None, got array([1., 1.])"),
        ({"border_value": 2}, ValueError, "`border_value` must be True, False or None, got 2"),
        ({"origin": 2}, ValueError, "`origin` must keep the voxel inside its window of size (3, 3), got 2"),
        ({"workers": "2"}, TypeError, "`workers` must be an int, got '2'"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_rejects(operation, keywords, error, message):
    with pytest.raises(error, match=f"^binary_{operation}: " + re.escape(message)):
        OPERATIONS[operation](np.ones((4, 5)), **keywords)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1,), "ball: `radius` must be at least 0, got -1"),
        ((1, 0), "ball: `spacing` must be above 0, got 0"),
        ((1, (1, 1, np.nan)), "ball: `spacing` must be finite, got nan"),
        ((200,), "ball: `radius` must hold at most 16777216 voxels, got 200"),
    ],
    ids=str,
)
def test_ball_rejects(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ball(*arguments)
    with pytest.raises(ValueError, match="`mask` must be 2-D or 3-D"):
        binary_erosion(np.ones(5))
