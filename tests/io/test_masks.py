"""Masks: structure sets, segmentations, NRRD and label maps; truth is SimpleITK, what was written, real data."""

from __future__ import annotations

import gzip

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless, generate_uid

import cormack
from cormack import io
from cormack.io._contours import _inside, fill
from cormack.volume import Volume

RTSTRUCT, SEG, LABELMAP = (f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("481.3", "66.4", "66.7"))
RNG = np.random.default_rng(4)
SHAPE = (6, 9, 11)
IDENTITY = ("Secret", "Person", "hidden")


def rotation(a=0.3, b=-0.5, c=1.2):
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return x @ y @ z


def image(direction=None, shape=SHAPE):
    return Volume(np.zeros(shape, np.int16), (3.0, 0.8, 0.7), (-30.0, 12.5, 40.0), direction)


def sequence(*items):
    return pydicom.Sequence([item if isinstance(item, Dataset) else dataset(**item) for item in items])


def dataset(**fields):
    made = Dataset()
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def save(made, path, syntax=ExplicitVRLittleEndian):
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    made.SOPInstanceUID = generate_uid()
    made.PatientName, made.PatientID = "Secret^Person", "hidden"
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.save_as(path, enforce_file_format=True)
    return path


def decimals(values):
    return [f"{value:.9g}" for value in np.ravel(values)]


def contour(volume, k, points_yx, kind="CLOSED_PLANAR"):
    """Return a contour item from points in voxels on slice k."""
    index = np.column_stack([np.full(len(points_yx), k), np.asarray(points_yx, float)])
    return dataset(
        ContourGeometricType=kind,
        NumberOfContourPoints=len(points_yx),
        ContourData=decimals(volume.index_to_world(index)[:, ::-1]),
    )


def structure_set(path, regions, syntax=ExplicitVRLittleEndian):
    """Write {(number, name): contours}."""
    made = dataset(
        SOPClassUID=RTSTRUCT,
        Modality="RTSTRUCT",
        StructureSetROISequence=sequence(*({"ROINumber": n, "ROIName": name} for n, name in regions)),
        ROIContourSequence=sequence(
            *({"ReferencedROINumber": n, "ContourSequence": sequence(*items)} for (n, _), items in regions.items())
        ),
    )
    return save(made, path, syntax)


def segmentation(path, volume, segments, kind="BINARY", *, bits=None, skip_empty=True, axes=None, **fields):
    """Write {number: (name, array)} on the grid of a volume; 'LABELMAP' takes one array of numbers."""
    x, y = volume.direction_xyz[:, 0], volume.direction_xyz[:, 1]
    bits = bits or (1 if kind == "BINARY" else 8)
    frames, groups = [], []
    for number, (_, array) in segments.items():
        for k, plane in enumerate(array):
            if skip_empty and not plane.any():
                continue
            frames.append(plane)
            group = {
                "PlanePositionSequence": sequence(
                    {"ImagePositionPatient": decimals(volume.index_to_world([k, 0, 0])[::-1])}
                )
            }
            if kind != "LABELMAP":
                group["SegmentIdentificationSequence"] = sequence({"ReferencedSegmentNumber": number})
            groups.append(group)
    pixels = np.array(frames)
    measures = {
        "PixelSpacing": decimals(volume.spacing[1:]),
        "SliceThickness": decimals([volume.spacing[0]]),
        "SpacingBetweenSlices": decimals([volume.spacing[0]]),
    }
    made = dataset(
        SOPClassUID=LABELMAP if kind == "LABELMAP" else SEG,
        Modality="SEG",
        SegmentationType=kind,
        MaximumFractionalValue=200,
        NumberOfFrames=len(frames),
        Rows=pixels.shape[1],
        Columns=pixels.shape[2],
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        PixelRepresentation=0,
        BitsAllocated=bits,
        BitsStored=bits,
        HighBit=bits - 1,
        SegmentSequence=sequence(*({"SegmentNumber": n, "SegmentLabel": name} for n, (name, _) in segments.items())),
        SharedFunctionalGroupsSequence=sequence(
            {
                "PlaneOrientationSequence": sequence({"ImageOrientationPatient": decimals([*x, *y])}),
                "PixelMeasuresSequence": sequence(measures),
            }
        ),
        PerFrameFunctionalGroupsSequence=sequence(*groups),
    )
    packed = np.packbits(pixels.ravel() != 0, bitorder="little") if bits == 1 else pixels.astype(f"<u{bits // 8}")
    content = packed.tobytes()
    made.PixelData = content + bytes(len(content) % 2)
    made["PixelData"].VR = "OB" if bits <= 8 else "OW"
    for name, value in fields.items():
        setattr(made, name, value)
    return save(made, path)


def blob(shape=SHAPE, seed=0):
    array = np.zeros(shape, bool)
    array[1:5, 2:7, 3:9] = np.random.default_rng(seed).random((4, 5, 6)) < 0.6
    array[2] = False
    return array


def box(y0, x0, y1, x1):
    return [(y0, x0), (y0, x1), (y1, x1), (y1, x0)]


# Structure sets


def test_contours_of_the_ibsi_phantom_give_its_mask(data):
    folder = data / "ibsi_ct_phantom"
    volume, truth = io.read(folder / "dicom" / "image"), io.read(folder / "mask.nii.gz")
    path = folder / "dicom" / "rtstruct.dcm"
    assert io.list_regions(path) == [(1, "GTV-1", "CLOSED_PLANAR")]
    mask = io.read_mask(path, reference=volume, label="GTV-1")
    assert mask.dtype == bool
    assert np.count_nonzero(mask.array != (truth.array != 0)) == 0
    assert mask.array.sum() == 125256
    mask.check_geometry(volume, 0)
    labels = io.read_mask(folder / "dicom", reference=volume)
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels.array, truth.array)
    nifti = io.read_mask(folder / "mask.nii.gz", reference=volume, label=1)
    np.testing.assert_array_equal(nifti.array, mask.array)


def even_odd(contours, rows, columns):
    """Crossings of a ray from each pixel centre to smaller x, one edge after another."""
    inside = np.zeros((rows, columns), bool)
    for y in range(rows):
        for x in range(columns):
            for points in contours:
                for (ya, xa), (yb, xb) in zip(points, np.roll(points, -1, axis=0), strict=True):
                    if (ya <= y) != (yb <= y) and xa + (y - ya) * (xb - xa) / (yb - ya) <= x:
                        inside[y, x] ^= True
    return inside


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 3), points=st.integers(1, 12), whole=st.booleans())
def test_fill_equals_counting_crossings(seed, count, points, whole):
    rng = np.random.default_rng(seed)
    contours = [rng.uniform(-3, 13, (points, 2)) for _ in range(count)]
    if whole:
        # Halves and quarters: centres lie on edges and corners, and no rounding blurs which.
        contours = [np.round(2 * part) / 2 for part in contours]
    inside = even_odd(contours, 9, 11)
    np.testing.assert_array_equal(fill(contours, 9, 11), inside)
    np.testing.assert_array_equal(_inside(contours, 9, 11), np.flatnonzero(inside))


def test_polygons_that_share_an_edge_share_no_pixel():
    ring = np.array([(4 + 5 * np.sin(a), 5 + 5 * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 9)[:-1]])
    parts = [fill([np.array([(4.0, 5.0), ring[i], ring[(i + 1) % 8]])], 10, 12) for i in range(8)]
    np.testing.assert_array_equal(np.sum(parts, axis=0), fill([ring], 10, 12).astype(int))


@pytest.mark.parametrize("direction", [None, rotation(), rotation() @ np.diag([1, -1, 1])])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_holes_and_two_regions_on_any_plane(tmp_path, direction, syntax):
    volume = image(direction)
    outer, hole = box(0.5, 1.5, 7.5, 8.5), box(2.5, 3.5, 4.5, 6.5)
    channel = [(0.5, 1.5), (0.5, 8.5), (7.5, 8.5), (7.5, 1.5), (2.5, 1.5), (2.5, 3.5), (4.5, 3.5), (4.5, 6.5),
               (2.5, 6.5), (2.5, 3.5), (2.5, 1.5)]  # fmt: skip
    regions = {
        (3, "ring"): [contour(volume, 1, outer), contour(volume, 1, hole), contour(volume, 2, channel)],
        (7, "core"): [contour(volume, 1, hole), contour(volume, 4, box(-5, -5, 2.5, 2.5))],
        (8, "isocentre"): [contour(volume, 1, [(1, 1)], "POINT")],
        (9, "nothing"): [],
    }
    path = structure_set(tmp_path / "rs.dcm", regions, syntax)
    truth = np.zeros(SHAPE, np.uint8)
    truth[1:3, 1:8, 2:9] = 3
    truth[1:3, 3:5, 4:7] = 0
    truth[1, 3:5, 4:7] = 7
    truth[4, :3, :3] = 7
    labels = io.read_mask(path, reference=volume)
    assert labels.dtype == np.uint8
    assert labels.meta["regions"] == {3: "ring", 7: "core"}
    np.testing.assert_array_equal(labels.array, truth)
    for label, number in (("ring", 3), (7, 7), (np.int64(3), 3)):
        np.testing.assert_array_equal(io.read_mask(path, reference=volume, label=label).array, truth == number)
    both = io.read_mask(path, reference=volume, label=["core", 3])
    np.testing.assert_array_equal(both.array, truth)
    assert [tuple(region) for region in io.list_regions(path)] == [
        (3, "ring", "CLOSED_PLANAR"), (7, "core", "CLOSED_PLANAR"), (8, "isocentre", "POINT"), (9, "nothing", ""),
    ]  # fmt: skip


def test_tolerance_of_planes(tmp_path):
    volume = image()
    for away, good in ((0.09, True), (-0.09, True), (0.12, False), (0.5, False)):
        path = structure_set(tmp_path / "rs.dcm", {(1, "a"): [contour(volume, 2 + away, box(1.5, 1.5, 3.5, 3.5))]})
        if good:
            assert io.read_mask(path, reference=volume).array[2, 2:4, 2:4].all()
        else:
            with pytest.raises(io.ReadError, match=r"contour 1 of region 1 lies up to .* mm .*; 0\.3 mm are allowed"):
                io.read_mask(path, reference=volume)


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (lambda v: [contour(v, 8, box(1, 1, 3, 3))], r"on slices 8 to 8 of an image with slices 0 to 5"),
        (lambda v: [contour(v, -1, box(1, 1, 3, 3))], r"on slices -1 to -1"),
        (lambda v: [contour(v, 1, [(1, 1)], "POINT")], r"type 'POINT'.*\(3006,0042\) ContourGeometricType"),
        (lambda v: [contour(v, 1, box(1, 1, 3, 3)), contour(v, 1, box(1, 1, 3, 3), "OPEN_PLANAR")], "'OPEN_PLANAR'"),
        (lambda v: [contour(v, 1, box(1, 1, 3, 3))] * 2, "there twice"),
        (lambda v: [contour(v, 1, box(1.2, 1.2, 1.4, 1.4))], "no voxel centre"),
        (lambda v: [contour(v, 1, [(0, 0), (8, 8)])], "no voxel centre"),
        (lambda v: [dataset(ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=1,
                            ContourData=["1e300", "0", "0"])], r"finite numbers \[\(3006,0050\) ContourData"),
        (lambda v: [], r"no contours \[\(3006,0040\) ContourSequence\]"),
        (lambda v: [dataset(ContourGeometricType="CLOSED_PLANAR")], r"0 coordinates.*\(3006,0050\) ContourData"),
        (lambda v: [dataset(ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=3, ContourData=["1"] * 7)],
         "7 coordinates for 3 points"),
    ],
)  # fmt: skip
def test_contours_that_enclose_nothing_are_refused(tmp_path, items, words):
    volume = image()
    path = structure_set(tmp_path / "rs.dcm", {(1, "a"): items(volume)})
    with pytest.raises(io.ReadError, match=words) as caught:
        io.read_mask(path, reference=volume, label="a")
    assert str(path) in str(caught.value)
    assert not any(word in str(caught.value) for word in IDENTITY)


def test_regions_that_overlap_need_a_choice(tmp_path):
    volume = image()
    regions = {(n, "ab"[n - 1]): [contour(volume, 1, box(n, n, n + 3, n + 3))] for n in (1, 2)}
    path = structure_set(tmp_path / "rs.dcm", regions)
    with pytest.raises(io.ReadError, match=r"regions 1 and 2 overlap in 4 voxels.*choose one with label="):
        io.read_mask(path, reference=volume)
    assert io.read_mask(path, reference=volume, label="b").array.sum() == 9


def test_structure_set_needs_an_image(tmp_path):
    path = structure_set(tmp_path / "rs.dcm", {(1, "a"): [contour(image(), 1, box(1, 1, 3, 3))]})
    with pytest.raises(io.ReadError, match=r"reference=cormack\.io\.read"):
        io.read_mask(path)
    with pytest.raises(ValueError, match="reference must be a 3D volume"):
        io.read_mask(path, reference=Volume(np.zeros((3, 4))))
    with pytest.raises(io.ReadError, match=r"RTSTRUCT \(1\); cormack.io.read_mask reads regions"):
        io.read(path)


def test_numbers_and_names_that_are_not_unique(tmp_path):
    volume = image()
    path = structure_set(tmp_path / "rs.dcm", {(1, "a"): [contour(volume, 1, box(1, 1, 3, 3))], (2, "a"): []})
    with pytest.raises(io.ReadError, match=r"2 regions 'a' here; there are: 1 'a', 2 'a'"):
        io.read_mask(path, reference=volume, label="a")
    with pytest.raises(io.ReadError, match=r"no region 5 here"):
        io.read_mask(path, reference=volume, label=5)
    made = pydicom.dcmread(path)
    made.StructureSetROISequence[1].ROINumber = 1
    made.save_as(path)
    with pytest.raises(io.ReadError, match=r"two regions have the number 1 \[\(3006,0022\) ROINumber\]"):
        io.list_regions(path)


# Segmentations


@pytest.mark.parametrize("direction", [None, rotation()])
@pytest.mark.parametrize("shape", [SHAPE, (6, 8, 16)])
def test_binary_segments_come_on_the_grid_of_the_image(tmp_path, direction, shape):
    volume = image(direction, shape)
    one = blob(shape)
    two = blob(shape, 1) & ~one
    path = segmentation(tmp_path / "seg.dcm", volume, {1: ("Liver", one), 300: ("Lesion", two)})
    assert io.list_regions(path) == [(1, "Liver", "BINARY"), (300, "Lesion", "BINARY")]
    labels = io.read_mask(path, reference=volume)
    assert labels.dtype == np.uint16
    np.testing.assert_array_equal(labels.array, np.where(one, 1, np.where(two, 300, 0)))
    mask = io.read_mask(path, reference=volume, label="Lesion")
    assert mask.dtype == bool
    np.testing.assert_array_equal(mask.array, two)
    mask.check_geometry(volume, 0)


@pytest.mark.parametrize("orientation", ["RAS", "LPI", "SAR"])
def test_segments_come_on_flipped_and_turned_images(tmp_path, orientation):
    volume, truth = image(), blob()
    path = segmentation(tmp_path / "seg.dcm", volume, {1: ("a", truth)})
    turned = volume.reorient(orientation)
    mask = io.read_mask(path, reference=turned, label=1)
    np.testing.assert_array_equal(mask.array, volume.replace(truth).reorient(orientation).array)


def test_segmentation_keeps_its_own_grid_and_is_refused_elsewhere(tmp_path):
    volume, truth = image(rotation()), blob()
    path = segmentation(tmp_path / "seg.dcm", volume, {1: ("a", truth)})
    own = io.read_mask(path, label=1)
    # Slice 2 is empty and has no frame; slices before the first and after the last frame are unknown to the file.
    np.testing.assert_array_equal(own.array, truth[1:5])
    own.check_geometry(Volume(truth[1:5], volume.spacing, volume.index_to_world([1, 0, 0]), volume.direction), 1e-4)
    fine = Volume(np.zeros((12, 18, 22)), (1.5, 0.4, 0.35), volume.index_to_world([-0.25] * 3), volume.direction)
    with pytest.raises(cormack.GeometryError, match=r"(?s)image: shape \(12, 18, 22\).*mask : shape \(4, 9, 11\)"):
        io.read_mask(path, reference=fine)
    mask = io.read_mask(path, reference=fine, label=1, resample=True)
    np.testing.assert_array_equal(mask.array, truth.repeat(2, 0).repeat(2, 1).repeat(2, 2))
    assert mask.dtype == bool


def test_spacing_of_slices_without_the_field(tmp_path):
    volume, truth = image(), blob()
    path = segmentation(tmp_path / "seg.dcm", volume, {1: ("a", truth)})
    made = pydicom.dcmread(path)
    for wrong in (None, "7", "70", "300"):
        measures = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        if wrong is None:
            del measures.SpacingBetweenSlices
        else:
            measures.SpacingBetweenSlices = wrong
        made.save_as(path)
        np.testing.assert_array_equal(io.read_mask(path, label=1).array, truth[1:5])


@pytest.mark.parametrize("threshold", [0.25, 0.5, 1.0])
def test_fractional_segments(tmp_path, threshold):
    volume = image()
    values = RNG.integers(0, 201, SHAPE).astype(np.uint8)
    path = segmentation(tmp_path / "seg.dcm", volume, {1: ("a", values)}, "FRACTIONAL")
    mask = io.read_mask(path, reference=volume, label=1, threshold=threshold)
    np.testing.assert_array_equal(mask.array, values / 200 >= threshold)


@pytest.mark.parametrize("bits", [8, 16])
def test_label_map_segmentation(tmp_path, bits):
    volume = image()
    values = RNG.integers(0, 4, SHAPE)
    path = segmentation(tmp_path / "seg.dcm", volume, {1: ("all", values)}, "LABELMAP", bits=bits)
    made = pydicom.dcmread(path)
    made.SegmentSequence = sequence(*({"SegmentNumber": n, "SegmentLabel": f"s{n}"} for n in (1, 2, 3)))
    made.save_as(path)
    np.testing.assert_array_equal(io.read_mask(path, reference=volume).array, values)
    np.testing.assert_array_equal(io.read_mask(path, reference=volume, label="s2").array, values == 2)


def test_compressed_segmentation(tmp_path):
    volume = image()
    values = RNG.integers(0, 201, SHAPE).astype(np.uint8)
    path = segmentation(tmp_path / "seg.dcm", volume, {1: ("a", values)}, "FRACTIONAL")
    made = pydicom.dcmread(path)
    made.compress(RLELossless, encoding_plugin="pydicom")
    made.save_as(path)
    np.testing.assert_array_equal(io.read_mask(path, reference=volume, label=1).array, values >= 100)


def test_declared_segment_without_frames_is_empty(tmp_path):
    volume = image()
    path = segmentation(tmp_path / "seg.dcm", volume, {1: ("a", blob()), 2: ("none", np.zeros(SHAPE, bool))})
    assert not io.read_mask(path, reference=volume, label="none").array.any()


def test_segments_that_overlap_need_a_choice(tmp_path):
    volume = image()
    path = segmentation(tmp_path / "seg.dcm", volume, {1: ("a", blob()), 2: ("b", blob())})
    with pytest.raises(io.ReadError, match="regions 1 and 2 overlap"):
        io.read_mask(path, reference=volume)
    np.testing.assert_array_equal(io.read_mask(path, reference=volume, label=2).array, blob())


def test_real_segmentation(data, tmp_path):
    path = data / "pydicom_samples" / "liver_1frame.dcm"
    # Of its three frames two have been cut out, and their descriptions have not.
    with pytest.raises(io.ReadError, match=r"1 frames but 3 descriptions.*PerFrameFunctionalGroupsSequence"):
        io.read_mask(path)
    made = pydicom.dcmread(path)
    frame = made.pixel_array
    made.NumberOfFrames = 3
    made.PixelData *= 3
    made.save_as(tmp_path / "liver.dcm")
    assert io.list_regions(tmp_path / "liver.dcm") == [(1, "Liver", "BINARY")]
    mask = io.read_mask(tmp_path / "liver.dcm", label="Liver")
    assert mask.shape == (3, 512, 512)
    assert mask.spacing == pytest.approx((1, 0.810547, 0.810547))
    for plane in mask.array:
        np.testing.assert_array_equal(plane, frame != 0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: setattr(d, "SegmentationType", "WHAT"), r"\(0062,0001\) SegmentationType"),
        (lambda d: setattr(d, "NumberOfFrames", 2), r"2 frames but 3 descriptions"),
        (lambda d: delattr(d, "PerFrameFunctionalGroupsSequence"), r"PerFrameFunctionalGroupsSequence"),
        (lambda d: delattr(d, "SharedFunctionalGroupsSequence"), r"ImageOrientationPatient"),
        (lambda d: delattr(d, "Rows"), r"missing \[\(0028,0010\) Rows\]"),
        (lambda d: setattr(d, "Rows", 0), r"0 x 11"),
        (lambda d: setattr(d, "BitsAllocated", 32), r"\(0028,0100\) BitsAllocated"),
        (lambda d: setattr(d, "PixelData", d.PixelData[:20]), r"\(7FE0,0010\) PixelData"),
        (lambda d: delattr(d, "PixelData"), r"\(7FE0,0010\) PixelData"),
        (lambda d: setattr(d.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0], "ImagePositionPatient",
                           d.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient),
         "where another frame of its segment lies"),
        (lambda d: setattr(d.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0], "ImagePositionPatient",
                           ["1", "2", "3e8"]), "slices"),
        (lambda d: setattr(d.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0], "ImagePositionPatient",
                           ["1", "2"]), r"expected 3 finite numbers \[\(0020,0032\)"),
    ],
)  # fmt: skip
def test_damaged_segmentation_names_file_and_tag(tmp_path, change, words):
    path = segmentation(tmp_path / "seg.dcm", image(), {1: ("a", blob())})
    made = pydicom.dcmread(path)
    change(made)
    made.save_as(path)
    with pytest.raises(io.ReadError, match=words) as caught:
        io.read_mask(path)
    assert str(path) in str(caught.value)
    assert not any(word in str(caught.value) for word in IDENTITY)


@pytest.mark.parametrize("kind", ["RTSTRUCT", "SEG"])
def test_damaged_bytes_never_raise_anything_else(tmp_path, kind):
    volume = image()
    path = tmp_path / "a.dcm"
    if kind == "SEG":
        segmentation(path, volume, {1: ("a", blob())})
    else:
        structure_set(path, {(1, "a"): [contour(volume, k, box(1, 1, 5, 5)) for k in range(4)]})
    content = path.read_bytes()
    rng = np.random.default_rng(1)
    for i in range(150):
        damaged = bytearray(content)
        if i % 3 == 0:
            del damaged[int(rng.integers(140, len(content))) :]
        else:
            for place in rng.integers(140, len(content), 1 + i % 5):
                damaged[place] = int(rng.integers(256))
        path.write_bytes(damaged)
        try:
            io.read_mask(path, reference=volume)
        except (io.ReadError, cormack.GeometryError) as error:
            assert not any(word in str(error) for word in IDENTITY)  # noqa: PT017


def test_dicom_image_is_no_mask(tmp_path, write_series, stack):
    files = write_series(tmp_path, stack)
    with pytest.raises(io.ReadError, match="modality 'CT', neither a structure set"):
        io.read_mask(files[0])
    with pytest.raises(io.ReadError, match="no DICOM structure sets or segmentations"):
        io.read_mask(tmp_path)


# Label maps, geometry, arguments


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd"])
def test_label_maps(tmp_path, suffix):
    labels = RNG.integers(0, 4, SHAPE).astype(np.float32)
    volume = image(rotation())
    path = tmp_path / f"a.{suffix}"
    io.write(volume.replace(labels), path)
    assert io.list_regions(path) == [(n, "", "label") for n in (1, 2, 3)]
    mask = io.read_mask(path, reference=volume)
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask.array, labels)
    np.testing.assert_array_equal(io.read_mask(path, label=2).array, labels == 2)
    np.testing.assert_array_equal(io.read_mask(path, label=[1, 3]).array, np.where(labels == 2, 0, labels))
    with pytest.raises(io.ReadError, match="no region 9 here; there are: 1, 2, 3"):
        io.read_mask(path, label=9)
    io.write(volume.replace(labels + 0.5), path)
    with pytest.raises(io.ReadError, match="no whole numbers"):
        io.read_mask(path)


def test_picture_as_mask(tmp_path):
    from PIL import Image

    mask = RNG.random((9, 13)) < 0.5
    Image.fromarray(mask).save(tmp_path / "a.png")
    read = io.read_mask(tmp_path / "a.png", reference=Volume(np.zeros((9, 13))), label=1)
    np.testing.assert_array_equal(read.array, mask)


def test_other_grid_is_refused_or_resampled_as_itk_does(tmp_path):
    labels = RNG.integers(0, 5, SHAPE).astype(np.uint8)
    mask = image().replace(labels)
    io.write(mask, tmp_path / "a.nrrd")
    reference = Volume(np.zeros((7, 12, 8), np.int16), (2.3, 0.71, 0.93), (-29.1, 12.9, 40.2), rotation(0.1, 0.05, 0.2))
    with pytest.raises(cormack.GeometryError, match=r"(?s)image and mask.*image: shape \(7, 12, 8\).*mask : shape"):
        io.read_mask(tmp_path / "a.nrrd", reference=reference)
    read = io.read_mask(tmp_path / "a.nrrd", reference=reference, resample=True)
    itk = sitk.Resample(mask.to_sitk(), reference.to_sitk(), sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    np.testing.assert_array_equal(read.array, sitk.GetArrayFromImage(itk))
    assert read.meta["resampled"]
    away = Volume(np.zeros(SHAPE), origin=(900, 900, 900))
    with pytest.raises(io.ReadError, match="no voxel of the mask lies inside the image"):
        io.read_mask(tmp_path / "a.nrrd", reference=away, resample=True)
    flat = Volume(np.zeros((9, 11)))
    with pytest.raises(cormack.GeometryError):
        io.read_mask(tmp_path / "a.nrrd", reference=flat, resample=True)


@pytest.mark.parametrize("direction", [None, rotation()])
def test_cropped_mask_goes_back_to_its_place(tmp_path, direction):
    volume, truth = image(direction), blob()
    crop = Volume(truth[1:5, 2:7, 3:9], volume.spacing, volume.index_to_world([1, 2, 3]), volume.direction)
    io.write(crop, tmp_path / "a.nrrd")
    read = io.read_mask(tmp_path / "a.nrrd", reference=volume, label=1, resample=True)
    np.testing.assert_array_equal(read.array, truth)


def test_arguments_that_make_no_sense(tmp_path):
    io.write(image().replace(blob()), tmp_path / "a.nrrd")
    for arguments, error, words in [
        ({"label": True}, TypeError, "label must be"), ({"label": []}, TypeError, "label must be"),
        ({"label": 1.5}, TypeError, "label must be"), ({"threshold": 0}, ValueError, "threshold must be"),
        ({"threshold": float("nan")}, ValueError, "threshold must be"),
        ({"reference": np.zeros(SHAPE)}, TypeError, "reference must be a cormack.Volume"),
    ]:  # fmt: skip
        with pytest.raises(error, match=words):
            io.read_mask(tmp_path / "a.nrrd", **arguments)
    with pytest.raises(io.ReadError, match=r"did you mean 'a\.nrrd'"):
        io.read_mask(tmp_path / "b.nrrd")


# NRRD


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"])
def test_nrrd_equals_itk_both_ways(tmp_path, dtype, compressed):
    array = RNG.integers(0, 100, SHAPE).astype(dtype)
    volume = image(rotation()).replace(array)
    sitk.WriteImage(volume.to_sitk(), str(tmp_path / "a.nrrd"), compressed)
    read = io.read(tmp_path / "a.nrrd")
    assert read.dtype == array.dtype
    assert read.array.flags.writeable
    np.testing.assert_array_equal(read.array, array)
    read.check_geometry(volume, 1e-9)
    io.write(read, tmp_path / "b.nrrd")
    itk = Volume.from_sitk(sitk.ReadImage(str(tmp_path / "b.nrrd")))
    assert itk.dtype == array.dtype
    np.testing.assert_array_equal(itk.array, array)
    itk.check_geometry(volume, 1e-9)
    again = io.read(tmp_path / "b.nrrd")
    assert (*again.spacing, *again.origin) == pytest.approx((*read.spacing, *read.origin), rel=1e-15)
    assert [source.kind for source in io.find_studies(tmp_path)] == ["nrrd", "nrrd"]
    assert not list(tmp_path.glob("*.tmp"))


def test_nrrd_of_two_axes(tmp_path):
    volume = Volume(RNG.integers(0, 9, (5, 7)).astype(np.int16), (2, 3), (4, 5))
    io.write(volume, tmp_path / "a.nrrd")
    read = io.read(tmp_path / "a.nrrd")
    read.check_geometry(volume, 0)
    Volume.from_sitk(sitk.ReadImage(str(tmp_path / "a.nrrd"))).check_geometry(volume, 1e-9)


def nrrd(path, voxels, *, remove=(), extra=(), **fields):
    header = {
        "type": "short", "dimension": "3", "space": "left-posterior-superior", "sizes": "4 3 2",
        "space directions": "(1,0,0) (0,2,0) (0,0,3)", "kinds": "domain domain domain", "endian": "little",
        "encoding": "raw", "space origin": "(5,6,7)",
    }  # fmt: skip
    header.update({name.replace("_", " "): value for name, value in fields.items()})
    lines = ["NRRD0005", *(f"{n}: {v}" for n, v in header.items() if n not in remove), *extra]
    path.write_bytes(("\n".join(lines) + "\n\n").encode() + voxels)
    return path


COUNT = np.arange(24, dtype="<i2").reshape(2, 3, 4)


@pytest.mark.parametrize(
    ("space", "origin", "direction"),
    [("left-posterior-superior", (7, 6, 5), (1, 1, 1)), ("LPS", (7, 6, 5), (1, 1, 1)),
     ("right-anterior-superior", (7, -6, -5), (1, -1, -1)), ("RAS", (7, -6, -5), (1, -1, -1)),
     ("left-anterior-superior", (7, -6, 5), (1, -1, 1)), ("scanner-xyz", (7, 6, 5), (1, 1, 1))],
)  # fmt: skip
def test_nrrd_spaces(tmp_path, space, origin, direction):
    path = nrrd(tmp_path / "a.nrrd", COUNT.tobytes(), space=space)
    volume = io.read(path)
    assert volume.origin == origin
    np.testing.assert_array_equal(volume.direction, np.diag(direction))
    assert volume.spacing == (3, 2, 1)
    np.testing.assert_array_equal(volume.array, COUNT)
    assert volume.meta["orientation_source"] == ("absent" if space == "scanner-xyz" else "space directions")
    volume.check_geometry(Volume.from_sitk(sitk.ReadImage(str(path))))


def test_nrrd_variants(tmp_path):
    path = tmp_path / "a.nrrd"
    for kwargs, voxels in [
        ({"endian": "big"}, COUNT.astype(">i2").tobytes()),
        ({"byte_skip": "5"}, b"xxxxx" + COUNT.tobytes()),
        ({"byte_skip": "-1"}, b"what" + COUNT.tobytes()),
        ({"encoding": "gz"}, gzip.compress(COUNT.tobytes())),
        ({"space directions": "(1, 0, 0) (0, 2, 0) (0, 0, 3)"}, COUNT.tobytes()),
        ({"extra": ["# a remark", "key:=value: with colon"]}, COUNT.tobytes()),
    ]:
        np.testing.assert_array_equal(io.read(nrrd(path, voxels, **kwargs)).array, COUNT)
    plain = ("space", "space directions", "space origin")
    volume = io.read(nrrd(path, COUNT.tobytes(), remove=plain, spacings="1 2 3"))
    assert (volume.spacing, volume.origin, volume.meta["orientation_source"]) == ((3, 2, 1), (0, 0, 0), "absent")
    metres = io.read(nrrd(path, COUNT.tobytes(), space_units='"m" "m" "m"'))
    assert (metres.spacing, metres.origin) == ((3000, 2000, 1000), (7000, 6000, 5000))
    lists = {"dimension": "4", "sizes": "2 4 3 1", "space directions": "none (1,0,0) (0,2,0) (0,0,3)"}
    path = nrrd(path, COUNT.tobytes(), kinds="list domain domain domain", **lists)
    with pytest.raises(io.ReadError, match="2 volumes in one file"):
        io.read(path)
    np.testing.assert_array_equal(io.read(path, volume=1).array, COUNT.reshape(1, 3, 4, 2)[..., 1])
    assert len(io.read_all(path)) == 2
    path = nrrd(path, COUNT.tobytes(), kinds="vector domain domain domain", **lists)
    with pytest.raises(io.ReadError, match=r"several values \('vector'\)"):
        io.read(path)


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"data_file": "a.raw"}, r"detached header.*\[data file\]"),
        ({"encoding": "bzip2"}, r"'bzip2' is not supported.*\[encoding\]"),
        ({"encoding": "gzip"}, "damaged gzip data"),
        ({"type": "block"}, r"'block' are not supported \[type\]"),
        ({"remove": ["type"]}, r"missing \[type\]"),
        ({"remove": ["endian"]}, r"missing \[endian\]"),
        ({"sizes": "4 3 x"}, r"whole number, found 'x' \[sizes\]"),
        ({"sizes": "4 3 0"}, r"impossible size"),
        ({"sizes": "4 3"}, r"impossible size"),
        ({"sizes": "4 3 3"}, r"truncated"),
        ({"sizes": "40000000 30000000 20000000"}, r"truncated"),
        ({"space directions": "(1,0,0) (0,2,0)"}, r"\[space directions\]"),
        ({"space directions": "(1,0,0) (0,2,0) (0,0,nan)"}, r"finite numbers.*\[space directions\]"),
        ({"space directions": "(1,0,0) (0,2,0) (0,0,0)"}, r"length zero"),
        ({"space directions": "(1,0,0) (0,2,0) (0,1,3)"}, r"sheared"),
        ({"space": "left-anterior-superior-time"}, r"not supported \[space\]"),
        ({"space_units": '"mm" "mm" "s"'}, r"\[space units\]"),
        ({"kinds": "domain"}, r"1 kinds for 3 axes"),
        ({"line_skip": "2"}, r"\[line skip\]"),
        ({"extra": ["nonsense"]}, "no 'field: value'"),
        ({"extra": ["space origin: (7,6,5)"]}, r"there twice, with different values \[space origin\]"),
        ({"extra": ["Endian: big"]}, r"there twice, with different values \[endian\]"),
    ],
)
def test_nrrd_that_cannot_be_read(tmp_path, kwargs, words):
    path = nrrd(tmp_path / "a.nrrd", COUNT.tobytes(), **kwargs)
    with pytest.raises(io.ReadError, match=words) as caught:
        io.read(path)
    assert "a.nrrd" in str(caught.value)


def test_nrrd_cut_off_anywhere(tmp_path):
    path = tmp_path / "a.nrrd"
    io.write(image().replace(blob()), path)
    content = path.read_bytes()
    for kept in range(0, len(content), 7):
        path.write_bytes(content[:kept])
        with pytest.raises(io.ReadError, match=r"a\.nrrd"):
            io.read(path)


def test_damaged_nrrd_never_raises_anything_else(tmp_path):
    path = tmp_path / "a.nrrd"
    io.write(image().replace(blob()), path)
    content = path.read_bytes()
    rng = np.random.default_rng(2)
    for i in range(400):
        damaged = bytearray(content)
        for place in rng.integers(8, len(content), 1 + i % 3):
            damaged[place] = int(rng.integers(32, 127)) if i % 2 else int(rng.integers(256))
        path.write_bytes(damaged)
        try:
            io.read(path)
            io.list_regions(path)
        except io.ReadError:
            pass


def test_detached_header_in_a_folder_is_no_image_but_no_secret(tmp_path):
    nrrd(tmp_path / "a.nhdr", b"", data_file="a.raw")
    (source,) = io.find_studies(tmp_path)
    assert "detached header" in str(source.error)


def test_segments_of_3d_slicer(tmp_path):
    layers = np.zeros((*COUNT.shape, 2), "<i2")
    layers[0, 0, :2, 0], layers[1, :, 3, 0], layers[0, 0, 1:3, 1] = 1, 2, 1
    lines = []
    for n, (name, layer, value) in enumerate([("liver", 0, 1), ("kidney", 0, 2), ("vessel", 1, 1)]):
        lines += [f"Segment{n}_Name:={name}", f"Segment{n}_Layer:={layer}", f"Segment{n}_LabelValue:={value}"]
    path = nrrd(
        tmp_path / "a.seg.nrrd", layers.tobytes(), extra=lines, dimension="4", sizes="2 4 3 2",
        kinds="list domain domain domain", **{"space directions": "none (1,0,0) (0,2,0) (0,0,3)"},
    )  # fmt: skip
    assert io.list_regions(path) == [(1, "liver", "label"), (2, "kidney", "label"), (3, "vessel", "label")]
    np.testing.assert_array_equal(io.read_mask(path, label="vessel").array, layers[..., 1] == 1)
    np.testing.assert_array_equal(io.read_mask(path, label="kidney").array, layers[..., 0] == 2)
    with pytest.raises(io.ReadError, match="regions 1 and 3 overlap in 1 voxels"):
        io.read_mask(path)


# Where masks are taken from files


@pytest.mark.parametrize("kind", ["nrrd", "rtstruct", "seg"])
def test_pipeline_takes_every_kind_of_mask(tmp_path, kind):
    from cormack import pipeline

    volume, truth = image(), np.zeros(SHAPE, bool)
    truth[1:4, 2:6, 3:8] = True
    masks, images = tmp_path / "masks", tmp_path / "images"
    masks.mkdir()
    images.mkdir()
    io.write(volume.replace(RNG.integers(0, 100, SHAPE).astype(np.int16)), images / "case.nrrd")
    if kind == "nrrd":
        io.write(volume.replace(truth), masks / "case.seg.nrrd")
    elif kind == "rtstruct":
        items = [contour(volume, k, box(1.5, 2.5, 5.5, 7.5)) for k in (1, 2, 3)]
        structure_set(masks / "case.dcm", {(1, "a"): items})
    else:
        segmentation(masks / "case_seg.dcm", volume, {1: ("a", truth)})
    config = {"name": "t", "steps": [{"step": "features"}]}
    result = pipeline.run(images, config, tmp_path / "out", masks=masks)
    assert [case.status for case in result.cases] == ["completed"], result.cases


@pytest.mark.parametrize("kind", ["rtstruct", "seg", "slicer", "nifti"])
def test_all_masks_in_one_pass_equal_one_after_the_other(tmp_path, kind):
    volume = image(rotation())
    first, second = blob(seed=1), blob(seed=2)
    if kind == "rtstruct":
        square = [contour(volume, k, box(1, 1, 5, 6)) for k in range(2)]
        other = [contour(volume, k, box(3, 2, 7, 7)) for k in range(1, 3)]
        regions = {(5, "PTV"): square, (2, "point"): [contour(volume, 0, [(1, 1)], "POINT")], (1, "CTV"): other}
        path = structure_set(tmp_path / "a.dcm", {**regions, (9, "CTV"): other})
        names = {"PTV": 5, "CTV (1)": 1, "CTV (9)": 9}
    elif kind == "seg":
        path = segmentation(tmp_path / "a.dcm", volume, {1: ("a", first), 2: ("b", second | first), 3: ("", second)})
        names = {"a": 1, "b": 2, "3": 3}
    elif kind == "slicer":
        layers = np.stack([first.T * 1 + 0, second.T * 4]).astype(np.uint8)
        keys = [f"Segment{i}_{k}:={v}" for i, d in enumerate(("0 1 one", "1 4 four")) for k, v in zip(
            ("Layer", "LabelValue", "Name"), d.split(), strict=True)]  # fmt: skip
        path = tmp_path / "a.seg.nrrd"
        nrrd_of_layers(path, layers, volume, keys)
        names = {"one": 1, "four": 4}
    else:
        path = tmp_path / "a.nii"
        io.write(volume.replace(first * 3 + (second & ~first) * 7), path)
        names = {"3": 3, "7": 7}
    masks = io.read_masks(path, reference=volume)
    assert list(masks) == list(names)
    for name, number in names.items():
        one = io.read_mask(path, reference=volume, label=number)
        np.testing.assert_array_equal(masks[name].array, one.array)
        assert masks[name].dtype == bool
        assert masks[name].array.any()
        assert masks[name].same_geometry(volume)
        assert list(masks[name].meta["regions"]) == [number]
    chosen = list(names.values())[::-1][:2]
    assert [
        next(iter(mask.meta["regions"])) for mask in io.read_masks(path, reference=volume, labels=chosen).values()
    ] == chosen
    with pytest.raises(io.ReadError, match="no region 77"):
        io.read_masks(path, reference=volume, labels=[77])
    with pytest.raises(io.ReadError, match="would take"):
        io.read_masks(path, reference=volume, max_bytes=volume.array.size)
    with pytest.raises(TypeError, match="labels must be"):
        io.read_masks(path, reference=volume, labels=[])


def nrrd_of_layers(path, layers, volume, keys):
    """Write layers, (layer, x, y, z), as 3D Slicer does."""
    matrix = volume.direction_xyz * np.asarray(volume.spacing_xyz)
    vectors = " ".join("(" + ",".join(map(repr, column.tolist())) + ")" for column in matrix.T)
    lines = [
        "NRRD0004", "type: uint8", "dimension: 4", "space: left-posterior-superior", "encoding: raw",
        f"sizes: {' '.join(map(str, layers.shape))}", f"space directions: none {vectors}",
        "kinds: list domain domain domain", f"space origin: ({','.join(map(repr, volume.origin_xyz))})", *keys,
    ]  # fmt: skip
    path.write_bytes(("\n".join(lines) + "\n\n").encode() + layers.tobytes(order="F"))
