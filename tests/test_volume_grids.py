"""Volumes on other grids: resample_to and resample (truth is SimpleITK); orientations and affines to the last bit."""

from __future__ import annotations

import copy
import itertools
import pickle

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cormack import Volume, features
from cormack.io import read, write

ITK = {"nearest": sitk.sitkNearestNeighbor, "linear": sitk.sitkLinear, "cubic": sitk.sitkBSpline}
ORIENTATIONS = [
    "".join(("RL", "AP", "SI")[axis][end] for axis, end in zip(order, ends, strict=True))
    for order in itertools.permutations(range(3))
    for ends in np.ndindex(2, 2, 2)
]


def rotation(angles):
    a, b, c = angles
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return x @ y @ z


def grid(seed, ndim=3, dtype=np.float64, around=(30, 40, 50)):
    """A volume at some angle whose middle lies near a place."""
    rng = np.random.default_rng(seed)
    shape = rng.integers(5, 24, ndim)
    spacing = rng.uniform(0.5, 3, ndim)
    direction = rotation(rng.uniform(-0.6, 0.6, 3)) if ndim == 3 else rotation((0, 0, 0.3))[:2, :2]
    direction = direction[:, rng.permutation(ndim)] * rng.choice([-1, 1], ndim)
    origin = np.array(around[:ndim]) + rng.uniform(-4, 4, ndim) - direction @ (spacing * (shape - 1) / 2)
    array = rng.normal(size=shape) * 300
    return Volume(array.astype(dtype), spacing, origin, direction, {"modality": "CT"})


def with_itk(volume, reference, interpolation, cval):
    image = sitk.Resample(
        volume.to_sitk(), reference.to_sitk(), sitk.Transform(), ITK[interpolation], cval, sitk.sitkUnknown
    )
    return sitk.GetArrayFromImage(image)


def borders(volume, reference):
    """Where a place lies so close to the end of the image, or to half way, that rounding decides."""
    index = np.moveaxis(np.indices(reference.shape), 0, -1)
    places = volume.world_to_index(reference.index_to_world(index))
    return (np.abs((places % 1) - 0.5) < 1e-7).any(axis=-1)


@pytest.mark.parametrize("interpolation", ITK)
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("ndim", [2, 3])
def test_resample_to_matches_simpleitk(ndim, seed, interpolation):
    volume, reference = grid(seed, ndim), grid(seed + 100, ndim)
    result = volume.resample_to(reference, interpolation=interpolation, cval=-1024)
    expected = with_itk(volume, reference, interpolation, -1024)
    result.check_geometry(reference, 0)
    assert result.meta == volume.meta
    assert (expected != -1024).any() or seed > 8
    sure = ~borders(volume, reference)
    assert sure.mean() > 0.99
    if interpolation == "nearest":
        np.testing.assert_array_equal(result.array[sure], expected[sure])
        return
    # ITK's spline solves its boundary to 1e-10 and works in float64; a step between neighbours is at most 4000 high.
    np.testing.assert_allclose(
        result.array[sure], expected[sure], rtol=0, atol=2e-5 if interpolation == "cubic" else 1e-5
    )


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32])
def test_resample_to_matches_simpleitk_for_pixel_types(dtype):
    volume, reference = grid(1), grid(2)
    volume = volume.replace(np.clip(volume.array, 0, 255).astype(dtype))
    for interpolation in ITK:
        result = volume.resample_to(reference, interpolation=interpolation, cval=7)
        assert result.dtype == dtype
        exact = with_itk(volume.replace(volume.array.astype(np.float64)), reference, interpolation, 7)
        limits = (0, 255) if dtype == np.uint8 else (-np.inf, np.inf)
        rounding = 0 if interpolation == "nearest" else 1e-3 if dtype == np.float32 else 0.5 + 1e-5
        assert np.abs(result.array - exact.clip(*limits)).max() <= rounding
        # As they are, ITK cuts fractions of integers off.
        assert np.abs(result.array - with_itk(volume, reference, interpolation, 7).astype(float)).max() <= 1


@pytest.mark.parametrize("interpolation", ITK)
def test_resample_to_its_own_grid_changes_nothing(interpolation):
    for volume in (grid(3), grid(4, 2), grid(5, dtype=np.int16)):
        same = volume.resample_to(volume, interpolation=interpolation)
        np.testing.assert_array_equal(same.array, volume.array)


@pytest.mark.parametrize("target", ORIENTATIONS)
def test_resample_to_another_orientation_is_reorient(target):
    volume = grid(6, dtype=np.int16)
    turned = volume.reorient(target)
    for interpolation in ITK:
        np.testing.assert_array_equal(volume.resample_to(turned, interpolation=interpolation).array, turned.array)


def test_the_end_of_an_image_is_that_of_its_voxels_as_in_simpleitk():
    volume = Volume(np.array([[10.0, 20.0, 40.0, 30.0]]))
    line = Volume(np.zeros((1, 20)), (1, 0.25), (0, -1))
    for interpolation in ITK:
        result = volume.resample_to(line, interpolation=interpolation, cval=-1).array
        np.testing.assert_allclose(result, with_itk(volume, line, interpolation, -1), atol=1e-7)
    linear = volume.resample_to(line, cval=-1).array[0].tolist()
    assert linear == [-1, -1, 10, 10, 10, 12.5, 15, 17.5, 20, 25, 30, 35, 40, 37.5, 35, 32.5, 30, 30, -1, -1]


def test_masks_stay_masks():
    mask = Volume(grid(1).array > 0, (3, 1, 1))
    reference = Volume(np.zeros((20, 9, 9)), (1, 1.5, 1.5))
    result = mask.resample_to(reference)
    assert result.dtype == bool
    np.testing.assert_array_equal(result.array, with_itk(mask, reference, "nearest", 0) > 0)
    smooth = mask.resample_to(reference, interpolation="linear")
    np.testing.assert_array_equal(
        smooth.array, mask.resample_to(reference, interpolation="linear", dtype=float).array > 0.5
    )
    assert mask.resample(1.0).dtype == bool


def test_dtype_and_nan():
    volume = Volume(np.array([[1, 2, 4]], np.int16))
    fine = Volume(np.zeros((1, 8)), (1, 0.5))
    assert volume.resample_to(fine, dtype=np.float32, cval=np.nan).array[0, :5].tolist() == [1, 1.5, 2, 3, 4]
    assert np.isnan(volume.resample_to(fine, dtype=np.float32, cval=np.nan).array[0, 5:]).all()
    with pytest.raises(ValueError, match="resample_to: `cval` must be between -32768 and 32767"):
        volume.resample_to(fine, cval=np.nan)
    with pytest.raises(ValueError, match="`interpolation` must be one of 'nearest', 'linear', 'cubic', got 'bspline'"):
        volume.resample_to(fine, interpolation="bspline")
    with pytest.raises(ValueError, match="`reference` must be 2D, as this volume is, got 3D"):
        volume.resample_to(grid(1))
    with pytest.raises(TypeError, match="`reference` must be a Volume, got 'ndarray'"):
        volume.resample_to(np.zeros((2, 2)))
    with pytest.raises(TypeError, match="`dtype` must be one of bool"):
        volume.resample_to(fine, dtype=complex)


@pytest.mark.parametrize("interpolation", ITK)
@pytest.mark.parametrize("seed", range(4))
def test_resample_is_that_of_features(seed, interpolation):
    volume = grid(seed)
    result = volume.resample((2.0, 0.9, 1.3), interpolation=interpolation)
    expected = features.resample(volume, None, (2.0, 0.9, 1.3), interpolation=interpolation)
    np.testing.assert_array_equal(result.array, expected.array)
    result.check_geometry(expected, 1e-9)
    middles = [v.index_to_world((np.array(v.shape) - 1) / 2) for v in (volume, result)]
    np.testing.assert_allclose(*middles, atol=1e-9)
    assert result.spacing == (2.0, 0.9, 1.3)
    # On that grid, within the centres of the outermost voxels, resample_to says the same.
    there = volume.resample_to(result, interpolation=interpolation, cval=np.nan).array
    places = volume.world_to_index(result.index_to_world(np.moveaxis(np.indices(result.shape), 0, -1)))
    inside = ((places > 0) & (places < np.array(volume.shape) - 1)).all(axis=-1)
    if interpolation == "nearest":
        inside &= ~borders(volume, result)
    np.testing.assert_allclose(there[inside], result.array[inside], atol=1e-4)


def test_resample_refuses():
    with pytest.raises(ValueError, match="resample: `spacing` must leave at most 1048576 voxels"):
        grid(1).resample(1e-7)
    with pytest.raises(ValueError, match="resample: `spacing` must be above 0, got 0"):
        grid(1).resample((1, 0, 1))
    with pytest.raises(ValueError, match="must contain a voxel"):
        Volume(np.zeros((0, 2))).resample(1.0)


# --- 48 orientations ---

NUMBERS = st.floats(-2000, 2000)
DECIMALS = st.decimals(-999, 999, places=6).map(float)
SINGLES = st.floats(-2000, 2000, width=32)


@st.composite
def volumes(draw):
    numbers = draw(st.sampled_from([NUMBERS, DECIMALS, SINGLES]))
    shape = draw(st.tuples(*[st.integers(1, 4)] * 3))
    spacing = [abs(draw(numbers)) % 9 + 0.1 for _ in range(3)]
    kind = draw(st.sampled_from(["axial", "any", "diagonal"]))
    angles = draw(st.tuples(*[st.floats(-3.2, 3.2)] * 3))
    direction = {"axial": np.eye(3), "any": rotation(angles), "diagonal": rotation((np.pi / 4, 0, 0))}[kind]
    if draw(st.booleans()):
        # As in a file, with six decimals.
        direction = np.round(direction, 6)
    direction = direction[:, draw(st.permutations(range(3)))] * [draw(st.sampled_from([-1, 1])) for _ in range(3)]
    array = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    return Volume(array, spacing, [draw(numbers) for _ in range(3)], direction)


def bits(volume):
    geometry = np.array([*volume.spacing, *volume.origin, *volume.direction.ravel()])
    return volume.shape, geometry.tobytes(), np.ascontiguousarray(volume.array).tobytes()


def test_every_pair_of_orientations_is_one_way_to_the_last_bit():
    for seed in range(3):
        volume = Volume(grid(seed).array[:4, :5, :6], (0.1, 0.7, 1 / 3), (-123.456789, 0.1, 1e-3), grid(seed).direction)
        direct = {target: volume.reorient(target) for target in ORIENTATIONS}
        assert len({bits(turned) for turned in direct.values()}) == 48
        for first, second in itertools.product(ORIENTATIONS, repeat=2):
            assert bits(direct[first].reorient(second)) == bits(direct[second])
        assert all(bits(turned.reorient(volume.orientation)) == bits(volume) for turned in direct.values())


@settings(max_examples=200, deadline=None)
@given(volumes(), st.lists(st.sampled_from(ORIENTATIONS), min_size=1, max_size=6))
def test_no_way_round_changes_a_bit(volume, way):
    turned = volume
    for target in way:
        turned = turned.reorient(target)
        assert turned.orientation == target
        assert bits(turned) == bits(volume.reorient(target))
        # What is computed from it, copied or sent elsewhere knows the way back too.
        turned = turned.replace(turned.array.copy())
        turned = pickle.loads(pickle.dumps(copy.copy(turned)))
    assert bits(turned.reorient(volume.orientation)) == bits(volume)


@settings(max_examples=100, deadline=None)
@given(volumes())
def test_corners_are_rounded_once(volume):
    for target in ("RAS", "LPI", "SAR"):
        turned = volume.reorient(target)
        corner = np.rint(volume.world_to_index(turned.origin))
        np.testing.assert_allclose(turned.origin, volume.index_to_world(corner), rtol=0, atol=1e-11)


# --- affines ---


def affine_of(volume, dtype=np.float64):
    return volume.affine.astype(dtype).astype(np.float64) + 0.0


@settings(max_examples=300, deadline=None)
@given(volumes(), st.sampled_from([np.float32, np.float64]))
def test_a_matrix_comes_back_to_the_last_bit(volume, dtype):
    affine = affine_of(volume, dtype)
    there = Volume.from_affine(volume.array, affine)
    assert there.affine.tobytes() == affine.tobytes()
    again = Volume.from_affine(there.array, there.affine)
    assert bits(again) == bits(there)
    # Of the lengths that give the matrix back the nearest is taken, which is not always the nearest number.
    np.testing.assert_allclose(there.spacing, nibabel.affines.voxel_sizes(affine)[::-1], rtol=1e-11)


@pytest.mark.parametrize(
    "column",
    [
        (-1.52465332, -1.9651252, -1.29386926),
        (-1.76943088, 0.72730106, 1.84971964),
        (1.15005946, -0.58487236, 0.47139853),
    ],
)
def test_a_component_with_the_digits_of_the_length_comes_back(column):
    x = np.array(column, np.float32).astype(np.float64)
    y = np.cross(x, (0.3, 0.2, 0.1))
    affine = np.eye(4)
    affine[:3, :3] = np.stack([x, y, np.cross(x, y)], axis=1).astype(np.float32)
    assert Volume.from_affine(np.zeros((1, 1, 1)), affine).affine.tobytes() == affine.tobytes()


@settings(max_examples=100, deadline=None)
@given(volumes())
@example(Volume(np.zeros((2, 3, 4)), (0.1, 0.7, 1 / 3), (-123.456789, 0.1, 1e-3)))
def test_axes_along_the_world_come_back_to_the_last_bit(volume):
    straight = Volume(volume.array, volume.spacing, volume.origin, np.rint(np.eye(3)[:, [2, 0, 1]] * [-1, 1, -1]))
    assert bits(Volume.from_affine(straight.array, straight.affine)) == bits(straight)


@settings(max_examples=40, deadline=None)
@given(volumes())
def test_nifti_keeps_geometry_that_float32_holds(tmp_path_factory, volume):
    path = tmp_path_factory.mktemp("nifti") / "a.nii"
    stored = Volume.from_affine(volume.array, affine_of(volume, np.float32))
    write(stored, path)
    assert bits(read(path)) == bits(stored)
    assert nibabel.load(path).affine.tobytes() == stored.affine.tobytes()
    # Else it is rounded once.
    write(volume, path)
    np.testing.assert_array_equal(read(path).affine, affine_of(volume, np.float32))


def test_minus_zero_is_zero():
    volume = Volume(np.zeros((2, 3)), origin=(-0.0, 0), direction=[[1, -0.0], [0, 1]])
    assert not np.signbit(volume.direction).any()
    assert not np.signbit(volume.origin).any()
