"""Pictures: what is drawn where, which side is which, and that a voxel keeps its shape."""

from __future__ import annotations

import io

import numpy as np
import pytest

from cormack import Volume
from cormack.pipeline.pictures import COLOURS, cuts, overlay_pictures
from cormack.pipeline.planes import planes_of

Image = pytest.importorskip("PIL.Image")


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB")).astype(int)


def by_plane(pictures):
    return {picture.plane: picture for picture in pictures}


def colour_box(array, colour):
    """Rows and columns that a colour spans, as shares of the picture."""
    rows, columns = np.nonzero((array == colour).all(axis=2))
    assert rows.size, "the colour is not in the picture"
    height, width = array.shape[:2]
    return rows.min() / height, rows.max() / height, columns.min() / width, columns.max() / width


def marked(orientation="LPS"):
    """A volume with a bright block at the patient's left, front and head."""
    array = np.zeros((20, 30, 40), np.int16)
    array[14:18, 2:8, 28:36] = 1000
    volume = Volume(array, spacing=(3.0, 1.0, 1.0))
    return volume if orientation == "LPS" else volume.reorient(orientation)


@pytest.mark.parametrize("orientation", ["LPS", "RAS", "LAS", "SPL", "PIR"])
def test_radiological_orientation(orientation):
    volume = marked(orientation)
    mask = volume.array > 0
    pictures = by_plane(overlay_pictures(volume, {"block": mask}))
    assert set(pictures) == {"axial", "coronal", "sagittal"}
    top, bottom, left, right = colour_box(pixels(pictures["axial"]), COLOURS[0])
    assert (bottom < 0.5, left > 0.5) == (True, True), "front is up, the patient's left is on the right"
    top, bottom, left, right = colour_box(pixels(pictures["coronal"]), COLOURS[0])
    assert (bottom < 0.5, left > 0.5) == (True, True), "the head is up"
    top, bottom, left, right = colour_box(pixels(pictures["sagittal"]), COLOURS[0])
    assert (bottom < 0.5, right < 0.5) == (True, True), "the face looks to the left"
    assert top < bottom


def test_voxels_keep_their_shape():
    pictures = by_plane(overlay_pictures(marked()))
    width, height = pictures["coronal"].size
    assert width / height == pytest.approx(40 * 1.0 / (20 * 3.0), rel=0.02)
    width, height = pictures["axial"].size
    assert width / height == pytest.approx(40 / 30, rel=0.02)


def test_contours_lie_on_the_edge_and_planes_cut_the_label():
    volume = marked()
    pictures = overlay_pictures(volume, {"block": volume.array > 0})
    axial = pixels(by_plane(pictures)["axial"])
    top, bottom, left, right = colour_box(axial, COLOURS[0])
    assert (top, bottom) == (pytest.approx(2 / 30, abs=0.02), pytest.approx(8 / 30, abs=0.02))
    assert (left, right) == (pytest.approx(28 / 40, abs=0.02), pytest.approx(36 / 40, abs=0.02))
    height, width = axial.shape[:2]
    assert axial[int(5 / 30 * height), int(32 / 40 * width)].tolist() == [255, 255, 255], "the image shows inside"
    assert "block (blue)" in pictures[0].caption


def test_objects_get_boxes_and_crosses():
    volume = marked()
    box = {"bbox_z_start": 14, "bbox_z_stop": 18, "bbox_y_start": 2, "bbox_y_stop": 8}
    kept = {**box, "bbox_x_start": 28, "bbox_x_stop": 36, "kept": True, "new_label": 1, "label": 7}
    rejected = {**box, "bbox_x_start": 4, "bbox_x_stop": 8, "kept": False, "new_label": 0, "label": 8}
    axial = pixels(by_plane(overlay_pictures(volume, {}, [kept, rejected]))["axial"])
    assert colour_box(axial, (255, 214, 10))[2] > 0.5
    cross = (axial == (190, 140, 140)).all(axis=2)
    assert cross[:, : axial.shape[1] // 2].any()
    # Objects of other slices are not drawn: the planes go through the kept object, away from this one.
    far = {**rejected, "bbox_z_start": 0, "bbox_z_stop": 3}
    axial = pixels(by_plane(overlay_pictures(volume, {}, [kept, far]))["axial"])
    assert not (axial == (190, 140, 140)).all(axis=2).any()


def test_planes_cut_a_mask_near_its_centre():
    # Largest in the last slice, as lungs are at the end of a short scan; empty in the middle of x.
    mask = np.zeros((60, 30, 40), bool)
    mask[20:60, 10:20, 10:18] = mask[20:60, 10:20, 22:30] = True
    mask[59, 5:25, 10:18] = True
    volume = Volume(mask.astype(np.int16))
    pictures = by_plane(overlay_pictures(volume, {"lungs": mask}))
    slices = {plane: int(picture.caption.split()[1]) for plane, picture in pictures.items()}
    assert 39 <= slices["axial"] <= 42
    assert slices["coronal"] in (15, 16)
    assert slices["sagittal"] in (18, 23), "where the mask is, not in the gap"
    rejected = {f"bbox_{a}_{end}": n for a in "zyx" for end, n in (("start", 0), ("stop", 2))} | {"kept": False}
    again = by_plane(overlay_pictures(volume, {"lungs": mask}, [rejected]))
    assert again["axial"].caption == pictures["axial"].caption
    kept = rejected | {"kept": True, "label": 1, "new_label": 1}
    assert "slice 2 of 60" in by_plane(overlay_pictures(volume, {"lungs": mask}, [kept]))["axial"].caption


def test_two_dimensional_image():
    image = Volume(np.arange(3000, dtype=np.uint16).reshape(50, 60), spacing=(0.5, 0.25))
    (picture,) = overlay_pictures(image, {"right": np.arange(60) > np.full((50, 1), 40)})
    assert picture.plane == "image"
    assert picture.size[0] / picture.size[1] == pytest.approx(60 * 0.25 / (50 * 0.5), rel=0.02)


@pytest.mark.parametrize(
    ("shape", "planes"),
    [
        ((1, 64, 64), ["axial"]),
        ((7, 64, 64), ["axial"]),
        ((8, 64, 64), ["axial", "coronal", "sagittal"]),
        ((64, 1, 64), ["coronal"]),
        ((64, 64, 3), ["sagittal"]),
        ((2, 3, 64), ["axial"]),
    ],
)
def test_strips_are_no_pictures(shape, planes):
    volume = Volume(np.random.default_rng(0).integers(0, 9, shape), spacing=(5, 1, 1))
    assert [picture.plane for picture in overlay_pictures(volume)] == planes


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((8, 9, 10), np.int16),
        np.ones((8, 9, 10), bool),
        np.full((8, 9, 10), 3e38, np.float32),
        np.linspace(-1e30, 1e30, 720).reshape(8, 9, 10),
    ],
)
def test_odd_images_are_drawn(array):
    assert len(overlay_pictures(Volume(array))) == 3


def test_window_is_obeyed():
    volume = Volume(np.array([[-1000, 0, 1000]] * 3, np.int16).repeat(20, 0).repeat(20, 1))
    (picture,) = overlay_pictures(volume, window=(0, 1000))
    values = pixels(picture)[picture.size[1] // 2, :, 0]
    assert (values[5], values[-5]) == (0, 255)
    assert abs(values[len(values) // 2] - 128) <= 2


def codes_of(sheet):
    return np.asarray(Image.open(io.BytesIO(sheet)))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
@pytest.mark.parametrize("orientation", ["LPS", "PIR"])
def test_codes_of_planes_stand_for_the_voxels(dtype, orientation):
    rng = np.random.default_rng(3)
    volume = Volume(rng.normal(100, 30, (20, 30, 40)).astype(dtype), spacing=(3.0, 1.0, 1.0)).reorient(orientation)
    mask = np.asarray(volume.array) > 100
    planes = planes_of(volume, {"all": np.ones_like(mask), "bright": mask})
    sheet, levels = codes_of(planes.sheet), np.array(planes.entry["levels"])
    assert len(levels) <= 256
    assert (np.diff(levels) > 0).all()
    spread = np.ptp(np.asarray(volume.array, float))
    for cut, view in zip(cuts(volume, {"all": np.ones_like(mask), "bright": mask}), planes.entry["views"], strict=True):
        left, top, columns, rows = view["box"]
        shown = levels[sheet[top : top + rows, left : left + columns]]
        # Half of the levels lie evenly over the range: no voxel is further than half a step from one.
        assert abs(shown - cut.image).max() <= spread / 127 / 2 + 1e-3
        numbers = sheet[len(sheet) // 2 :][:rows, left : left + columns]
        assert np.array_equal(numbers, 1 + cut.masks[1])


def test_large_planes_become_smaller_and_slices_run_from_the_feet():
    rng = np.random.default_rng(4)
    volume = Volume(rng.normal(0, 300, (30, 600, 500)).astype(np.float32))
    planes = planes_of(volume, {})
    assert len(planes.sheet) <= 256 * 1024
    slices = planes.entry["slices"]
    assert (slices["at"][0], slices["at"][-1], len(slices["at"]), slices["count"]) == (0, 29, 24, 30)
    assert max(slices["size"]) == 128
    assert codes_of(planes.slices).shape == (2 * 4 * slices["size"][1], 6 * slices["size"][0])


@pytest.mark.parametrize("value", [0.0, np.inf, 1e300, 7.5])
def test_planes_of_constant_and_odd_images(value):
    planes = planes_of(Volume(np.full((12, 13), value)), {"all": np.ones((12, 13), bool)})
    assert planes.slices == b""
    assert planes.entry["slices"] is None
    assert codes_of(planes.sheet).shape == (24, 13)
    assert codes_of(planes.thumbnail).shape == (66, 72)
