"""Volume: geometry; truth is SimpleITK and nibabel."""

from __future__ import annotations

import pickle

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

import cormack
from cormack import GeometryError, Volume


def rotation(angles):
    a, b, c = angles
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return x @ y @ z


@st.composite
def volumes(draw, ndim=3):
    shape = draw(st.tuples(*[st.integers(1, 5)] * ndim))
    spacing = draw(st.tuples(*[st.floats(0.1, 10)] * ndim))
    origin = draw(st.tuples(*[st.floats(-500, 500)] * ndim))
    angles = draw(st.tuples(*[st.floats(-3.2, 3.2)] * 3))
    direction = rotation(angles) if ndim == 3 else rotation((0, 0, angles[0]))[:2, :2]
    if draw(st.booleans()):
        direction = direction * np.array([-1] + [1] * (ndim - 1))
    array = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    return Volume(array, spacing, origin, direction, {"modality": "MR"})


ORIENTATIONS = [
    "".join(letters)
    for order in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
    for ends in np.ndindex(2, 2, 2)
    for letters in [[("RL", "AP", "SI")[axis][end] for axis, end in zip(order, ends, strict=True)]]
]

both = st.one_of(volumes(2), volumes(3))


@given(both, st.data())
def test_index_to_world_is_that_of_itk(volume, data):
    index = [data.draw(st.integers(0, n - 1)) for n in volume.shape]
    world = volume.index_to_world(index)
    image = volume.to_sitk()
    np.testing.assert_allclose(world[::-1], image.TransformIndexToPhysicalPoint(index[::-1]), atol=1e-9)
    np.testing.assert_allclose(volume.world_to_index(world), index, atol=1e-7)
    formula = np.array(volume.origin) + volume.direction @ (np.array(volume.spacing) * index)
    np.testing.assert_allclose(world, formula, atol=1e-9)
    xyz = np.array(volume.origin_xyz) + volume.direction_xyz @ (np.array(volume.spacing_xyz) * index[::-1])
    np.testing.assert_allclose(world[::-1], xyz, atol=1e-9)


@given(volumes(), st.data())
def test_affine_is_that_of_nibabel(volume, data):
    index = [data.draw(st.integers(0, n - 1)) for n in volume.shape]
    image = nibabel.Nifti1Image(volume.array.T, volume.affine)
    ras = nibabel.affines.apply_affine(image.affine, index[::-1])
    lps = ras * [-1, -1, 1]
    np.testing.assert_allclose(lps[::-1], volume.index_to_world(index), atol=1e-9)
    np.testing.assert_allclose(nibabel.affines.voxel_sizes(volume.affine), volume.spacing_xyz)
    assert "".join(nibabel.aff2axcodes(volume.affine)) == volume.orientation or _oblique(volume)


def _oblique(volume):
    """Whether two axes are about equally close to one side, where the choice of letters is a matter of taste."""
    strength = np.sort(np.abs(volume.direction), axis=0)
    return (strength[-1] - strength[-2]).min() < 0.35


@given(both)
def test_affine_there_and_back(volume):
    back = Volume.from_affine(volume.array, volume.affine, meta=volume.meta)
    assert back.same_geometry(volume, 1e-9)
    np.testing.assert_allclose(back.spacing, volume.spacing)
    np.testing.assert_allclose(back.direction, volume.direction, atol=1e-9)
    assert back.meta == volume.meta


@given(both)
def test_sitk_there_and_back(volume):
    back = Volume.from_sitk(volume.to_sitk(), meta=volume.meta)
    assert back.spacing == volume.spacing
    assert back.origin == volume.origin
    np.testing.assert_array_equal(back.direction, volume.direction)
    np.testing.assert_array_equal(back.array, volume.array)


@settings(max_examples=60)
@given(volumes(), st.sampled_from(ORIENTATIONS))
def test_reorient_moves_no_voxel(volume, target):
    turned = volume.reorient(target)
    assert turned.orientation == target
    assert turned.array.flags.c_contiguous
    indices = np.argwhere(np.ones(turned.shape, bool))
    places = np.rint(volume.world_to_index(turned.index_to_world(indices))).astype(int)
    np.testing.assert_allclose(volume.index_to_world(places), turned.index_to_world(indices), atol=1e-7)
    np.testing.assert_array_equal(turned.array[tuple(indices.T)], volume.array[tuple(places.T)])
    assert turned.reorient(volume.orientation).same_geometry(volume, 1e-6)
    assert turned.meta == volume.meta


@pytest.mark.parametrize("target", ORIENTATIONS)
def test_reorient_is_that_of_nibabel_and_itk(target):
    volume = Volume(np.arange(24).reshape(2, 3, 4).astype(np.int16), (3, 2, 1), (5, 6, 7))
    turned = volume.reorient(target)
    image = nibabel.Nifti1Image(volume.array.T, volume.affine)
    change = nibabel.orientations.ornt_transform(
        nibabel.orientations.axcodes2ornt("LPS"), nibabel.orientations.axcodes2ornt(target)
    )
    expected = image.as_reoriented(change)
    np.testing.assert_array_equal(turned.array, np.asanyarray(expected.dataobj).T)
    np.testing.assert_array_equal(turned.affine, expected.affine)
    itk = Volume.from_sitk(sitk.DICOMOrient(volume.to_sitk(), target))
    np.testing.assert_array_equal(turned.array, itk.array)
    turned.check_geometry(itk, 1e-9)


def test_reorient_keeps_what_is_right_already():
    volume = Volume(np.zeros((2, 3, 4)))
    assert volume.reorient("lps") is volume


@pytest.mark.parametrize("bad", ["RA", "RAR", "RLS", "XYZ", "RASS", ""])
def test_reorient_refuses_other_words(bad):
    with pytest.raises(ValueError, match="three letters"):
        Volume(np.zeros((2, 3, 4))).reorient(bad)


def test_reorient_refuses_2d():
    with pytest.raises(ValueError, match="needs a 3D volume"):
        Volume(np.zeros((3, 4))).reorient("RAS")


def test_defaults():
    volume = Volume(np.zeros((2, 3, 4), np.int16))
    assert (volume.spacing, volume.origin, volume.meta) == ((1, 1, 1), (0, 0, 0), {})
    assert (volume.shape, volume.ndim, volume.dtype) == ((2, 3, 4), 3, np.int16)
    np.testing.assert_array_equal(volume.direction, np.eye(3))
    assert Volume(np.zeros((3, 4)), 0.5).spacing == (0.5, 0.5)
    assert volume.orientation == "LPS"


def test_array_order_is_zyx():
    volume = Volume(np.zeros((2, 3, 4)), (3, 2, 1), (30, 20, 10))
    assert volume.spacing_xyz == (1, 2, 3)
    assert volume.origin_xyz == (10, 20, 30)
    assert volume.voxel_volume_mm3 == 6
    assert volume.to_sitk().GetSize() == (4, 3, 2)


def test_direction_columns_are_axes_and_rows_are_world():
    # A sagittal stack: slices (z) run to the left, rows (y) to the feet, columns (x) to the back.
    direction = np.array([[0, -1, 0], [0, 0, 1], [1, 0, 0]])
    volume = Volume(np.zeros((2, 3, 4)), direction=direction)
    assert volume.orientation == "PIL"
    np.testing.assert_array_equal(volume.index_to_world([1, 0, 0]), [0, 0, 1])
    np.testing.assert_array_equal(volume.index_to_world([0, 1, 0]), [-1, 0, 0])
    np.testing.assert_array_equal(volume.index_to_world([0, 0, 1]), [0, 1, 0])


def test_is_frozen_and_its_direction_too():
    volume = Volume(np.zeros((3, 4)))
    with pytest.raises(AttributeError):
        volume.spacing = (2, 2)
    with pytest.raises(ValueError, match="read-only"):
        volume.direction[0, 0] = 2
    meta = {"a": 1}
    volume = Volume(np.zeros((3, 4)), meta=meta)
    meta["a"] = 2
    assert volume.meta == {"a": 1}


def test_numpy_takes_it():
    array = np.arange(6, dtype=np.int16).reshape(2, 3)
    volume = Volume(array)
    assert np.asarray(volume) is array
    assert np.asarray(volume, dtype=np.float32).dtype == np.float32
    assert np.array(volume, copy=True) is not array
    assert np.mean(volume) == 2.5
    np.testing.assert_array_equal(np.add(volume, 1), array + 1)


def test_pickle():
    volume = Volume(np.arange(6).reshape(2, 3), 0.5, (1, 2), meta={"modality": "DX"})
    back = pickle.loads(pickle.dumps(volume))
    assert back.same_geometry(volume, 0)
    assert back.meta == volume.meta
    np.testing.assert_array_equal(back.array, volume.array)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"spacing": (1, 2)}, "spacing must be 3 finite numbers"),
        ({"spacing": (1, 2, 0)}, "spacing must be positive"),
        ({"spacing": -1}, "spacing must be positive"),
        ({"spacing": np.nan}, "spacing must be 3 finite"),
        ({"origin": (1, 2)}, "origin must be 3 finite"),
        ({"origin": (1, 2, np.inf)}, "origin must be 3 finite"),
        ({"direction": np.eye(2)}, "direction must be a finite 3 x 3"),
        ({"direction": 2 * np.eye(3)}, "not of length 1"),
        ({"direction": np.zeros((3, 3))}, "not of length 1"),
        ({"direction": [[1, 0.6, 0], [0, 0.8, 0], [0, 0, 1]]}, "not perpendicular"),
    ],
)
def test_nonsense_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        Volume(np.zeros((2, 3, 4)), **arguments)


def test_array_must_be_an_image():
    for shape in ((3,), (1, 2, 3, 4), ()):
        with pytest.raises(ValueError, match="2 or 3 axes"):
            Volume(np.zeros(shape))
    with pytest.raises(TypeError, match="Volume already"):
        Volume(Volume(np.zeros((2, 3))))
    with pytest.raises(TypeError, match="spacing must be 2 numbers"):
        Volume(np.zeros((2, 3)), spacing=("a", "b"))
    assert Volume([[1, 2], [3, 4]]).shape == (2, 2)


@pytest.mark.parametrize(
    ("affine", "words"),
    [
        (np.eye(3), "4 x 4"),
        (np.full((4, 4), np.nan), "finite"),
        (np.diag([1, 0, 1, 1]), "singular"),
        (np.array([[1, 0, 0.5, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "perpendicular"),
    ],
)
def test_from_affine_refuses(affine, words):
    with pytest.raises(ValueError, match=words):
        Volume.from_affine(np.zeros((2, 3, 4)), affine)


def test_from_affine_refuses_a_2d_image_out_of_its_plane():
    affine = np.eye(4)
    affine[2, 3] = 5
    with pytest.raises(ValueError, match="plane z = 0"):
        Volume.from_affine(np.zeros((3, 4)), affine)


def test_replace():
    volume = Volume(np.zeros((2, 3)), 0.5, (1, 2), meta={"units": "HU"})
    mask = volume.replace(np.ones((2, 3), bool))
    assert mask.dtype == bool
    assert mask.meta == {"units": "HU"}
    assert volume.replace(mask.array, meta={}).meta == {}
    mask.check_geometry(volume, 0)
    with pytest.raises(GeometryError, match=r"\(3, 2\)"):
        volume.replace(np.ones((3, 2)))


def test_geometry_check_prints_both():
    image = Volume(np.zeros((2, 3, 4)), (3, 1, 1))
    mask = Volume(np.zeros((2, 3, 4)), (3.3, 1, 1), (0, 0, 5))
    with pytest.raises(GeometryError) as caught:
        image.check_geometry(mask, names=("image", "mask"))
    text = str(caught.value)
    assert "image and mask do not share one grid" in text
    assert "spacing (3, 1, 1) mm, origin (0, 0, 0) mm" in text
    assert "spacing (3.3, 1, 1) mm, origin (0, 0, 5) mm" in text
    assert "5.009 mm apart; 0.01 mm are allowed" in text
    with pytest.raises(GeometryError, match=r"shape \(2, 3, 5\)"):
        image.check_geometry(Volume(np.zeros((2, 3, 5))))
    with pytest.raises(GeometryError, match=r"shape \(3, 4\)"):
        image.check_geometry(Volume(np.zeros((3, 4))))


@given(volumes(), st.floats(0, 0.02))
def test_tolerance_is_a_share_of_the_smallest_spacing(volume, share):
    origin = np.add(volume.origin, [share * min(volume.spacing), 0, 0])
    moved = Volume(volume.array, volume.spacing, origin, volume.direction)
    assert volume.same_geometry(moved, 0.01) == (share <= 0.01) or abs(share - 0.01) < 1e-9


def test_small_rotation_moves_far_corners():
    near, far = (Volume(np.broadcast_to(np.int8(0), (n, n, n))) for n in (2, 500))
    turn = rotation((1e-4, 0, 0))[::-1, ::-1]
    assert near.same_geometry(Volume(near.array, direction=turn))
    assert not far.same_geometry(Volume(far.array, direction=turn))


def test_sitk_refusals(monkeypatch):
    with pytest.raises(ValueError, match="one real number"):
        Volume.from_sitk(sitk.Image([2, 2], sitk.sitkVectorUInt8, 3))
    with pytest.raises(TypeError, match="float16"):
        Volume(np.zeros((2, 2), np.float16)).to_sitk()
    assert Volume(np.ones((2, 2), bool)).to_sitk().GetPixelID() == sitk.sitkUInt8
    monkeypatch.setitem(__import__("sys").modules, "SimpleITK", None)
    with pytest.raises(cormack.BackendUnavailable, match="SimpleITK"):
        Volume(np.ones((2, 2))).to_sitk()


def test_arrays_of_other_libraries_stay_what_they_are():
    class Foreign:
        shape, ndim, dtype = (2, 3), 2, np.dtype(np.float32)

    array = Foreign()
    assert Volume(array).array is array


def test_repr_is_short():
    volume = Volume(np.zeros((2, 3, 4), np.int16), (3, 0.5, 0.5), meta={"modality": "CT"})
    assert repr(volume) == (
        "Volume(shape (2, 3, 4), int16, spacing (3, 0.5, 0.5) mm, origin (0, 0, 0) mm, axes LPS, CT)"
    )
