"""DICOM segmentations out; highdicom and pydicom read them as the oracles."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from cormack import GeometryError, Volume, io

hd = pytest.importorskip("highdicom")

STUDY = {"StudyInstanceUID": "1.2.9", "FrameOfReferenceUID": "1.2.7"}
PATIENT = {
    "PatientBirthDate": "19500101", "PatientSex": "F", "StudyID": "S-17", "AccessionNumber": "A-23",
    "StudyDate": "20200102", "StudyTime": "030405", "ReferringPhysicianName": "House^G",
    "InstitutionName": "Princeton", "StudyDescription": "hush",
    "Manufacturer": "Acme", "DeviceSerialNumber": "SN42", "StationName": "CT9", "PatientComments": "quiet",
}  # fmt: skip
SECRETS = (
    "Secret",
    "hidden",
    "19500101",
    "S-17",
    "A-23",
    "20200102",
    "House",
    "Princeton",
    "hush",
    "SN42",
    "CT9",
    "quiet",
)


def rotation(a=0.3, b=-0.5, c=1.2):
    rx = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    ry = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rz = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return rx @ ry @ rz


@pytest.fixture
def source(request, tmp_path, write_series, stack):
    """A series, its files in any order."""
    kind = getattr(request, "param", "axial")
    more = {"rotation": rotation()} if kind == "oblique" else {}
    if kind == "reversed names":
        more["names"] = [f"{9 - k}.dcm" for k in range(len(stack))]
    write_series(tmp_path / "ct", stack, **more, **STUDY, **PATIENT)
    return tmp_path / "ct"


def random_labels(image, count=3, seed=0):
    return np.random.default_rng(seed).integers(0, count + 1, image.shape, np.uint8)


@pytest.mark.parametrize("source", ["axial", "oblique", "reversed names"], indirect=True)
def test_random_labels_come_back(tmp_path, source):
    image = io.read(source)
    labels = random_labels(image)
    labels[2] = 0
    names = {1: "left lung", 2: "GTV-1", 3: "something"}
    io.write_segmentation(image.replace(labels), tmp_path / "out.dcm", source=source, segments=names)
    back = io.read_mask(tmp_path / "out.dcm", reference=image)
    np.testing.assert_array_equal(back.array, labels)
    assert back.meta["regions"] == names
    own = io.read_mask(tmp_path / "out.dcm")
    assert own.same_geometry(image)
    np.testing.assert_array_equal(own.array, labels)

    # What highdicom sees: each source slice with the labels that lie on it.
    seg = hd.seg.segread(tmp_path / "out.dcm")
    files = {}
    for file in source.iterdir():
        dataset = pydicom.dcmread(file)
        k = round(image.world_to_index(np.array(dataset.ImagePositionPatient, float)[::-1])[0])
        files[k] = dataset.SOPInstanceUID
    pixels = seg.get_pixels_by_source_instance(
        source_sop_instance_uids=[files[k] for k in range(6)],
        combine_segments=True,
        assert_missing_frames_are_empty=True,
    )
    np.testing.assert_array_equal(pixels, labels)
    # Slices without a label have no frame.
    assert seg.NumberOfFrames == sum(len(np.unique(part[part > 0])) for part in labels)
    assert [seg.get_segment_description(n).segmented_property_type.meaning for n in (1, 2, 3)] == [
        "Lung",
        "Neoplasm",
        "Tissue",
    ]
    assert seg.get_segment_description(1).algorithm_type.value == "AUTOMATIC"
    assert "SegmentationAlgorithmIdentificationSequence" not in seg.SegmentSequence[0]
    assert seg.SegmentSequence[0].SegmentAlgorithmName == "Cormack"


@pytest.mark.parametrize("source", ["axial", "oblique"], indirect=True)
@pytest.mark.parametrize("orientation", ["RAS", "LPI", "SPL", "AIR"])
def test_flipped_and_permuted_labels_are_put_back(tmp_path, source, orientation):
    image = io.read(source)
    labels = image.replace(random_labels(image))
    io.write_segmentation(labels.reorient(orientation), tmp_path / "out.dcm", source=source)
    back = io.read_mask(tmp_path / "out.dcm", reference=image)
    np.testing.assert_array_equal(back.array, labels.array)
    assert back.meta["regions"] == {1: "Segment 1", 2: "Segment 2", 3: "Segment 3"}


def test_masks_may_overlap(tmp_path, source):
    image = io.read(source)
    rng = np.random.default_rng(1)
    arrays = {
        "liver": rng.random(image.shape) > 0.5,
        "lesion": rng.random(image.shape) > 0.5,
        "empty": np.zeros(image.shape, bool),
    }
    masks = {name: image.replace(array) for name, array in arrays.items()}
    io.write_segmentation(masks, tmp_path / "out.dcm", source=source)
    for name, array in arrays.items():
        np.testing.assert_array_equal(io.read_mask(tmp_path / "out.dcm", reference=image, label=name).array, array)
    seg = hd.seg.segread(tmp_path / "out.dcm")
    assert seg.SegmentsOverlap == "YES"
    del masks["lesion"]
    io.write_segmentation(masks, tmp_path / "out.dcm", source=source)
    assert io.read_mask(tmp_path / "out.dcm", reference=image).array.sum() == arrays["liver"].sum()


def test_numbers_that_are_not_1_2_3(tmp_path, source):
    image = io.read(source)
    labels = np.array([0, 7, 300, 70_000], np.int32)[random_labels(image)]
    io.write_segmentation(
        image.replace(labels), tmp_path / "out.dcm", source=source, segments={300: "b", 7: "a", 70_000: "c", 9: "none"}
    )
    back = io.read_mask(tmp_path / "out.dcm", reference=image)
    assert back.meta["regions"] == {1: "a", 2: "none", 3: "b", 4: "c"}
    np.testing.assert_array_equal(np.array([0, 7, 9, 300, 70_000])[back.array], labels)


@pytest.mark.parametrize("kind", ["int8", "uint16", "int64", "bool"])
def test_types_of_labels_and_names_from_meta(tmp_path, source, kind):
    image = io.read(source)
    labels = random_labels(image, 1).astype(kind)
    io.write_segmentation(image.replace(labels, meta={"regions": {1: "Heart"}}), tmp_path / "out.dcm", source=source)
    np.testing.assert_array_equal(io.read_mask(tmp_path / "out.dcm", reference=image, label="Heart").array, labels)


def test_no_labels_at_all(tmp_path, source):
    image = io.read(source)
    io.write_segmentation(
        image.replace(np.zeros(image.shape, np.uint8)), tmp_path / "out.dcm", source=source, segments={1: "a"}
    )
    assert not io.read_mask(tmp_path / "out.dcm", reference=image).array.any()


def test_identity_stays_behind_unless_it_is_asked_for(tmp_path, source):
    image = io.read(source)
    labels = image.replace(random_labels(image))
    io.write_segmentation(labels, tmp_path / "out.dcm", source=source)
    content = (tmp_path / "out.dcm").read_bytes()
    assert not [word for word in (*SECRETS, "Acme") if word.encode() in content]
    assert "1.2.9" in str(pydicom.dcmread(tmp_path / "out.dcm").StudyInstanceUID)
    io.write_segmentation(labels, tmp_path / "out.dcm", source=source, keep_identity=True)
    kept = pydicom.dcmread(tmp_path / "out.dcm")
    assert (kept.PatientName, kept.PatientID, kept.AccessionNumber) == ("Secret^Person", "hidden", "A-23")
    assert kept.StudyInstanceUID == "1.2.9"


def test_codes_and_algorithm(tmp_path, source):
    image = io.read(source)
    mine = io.Segment("odd", ("T-D0060", "99MINE", "Mine"), ("M-1", "99MINE", "Odd"))
    labels = image.replace(random_labels(image, 1))
    io.write_segmentation(
        labels, tmp_path / "out.dcm", source=source, segments={1: mine}, algorithm_type="MANUAL", series_number=7
    )
    seg = hd.seg.segread(tmp_path / "out.dcm")
    description = seg.get_segment_description(1)
    assert (description.segmented_property_category.meaning, description.segmented_property_type.value) == (
        "Mine",
        "M-1",
    )
    assert description.algorithm_type.value == "MANUAL"
    assert seg.SeriesNumber == 7
    assert seg.SeriesInstanceUID != image.meta["series_uid"]


def test_every_default_code_is_the_one_of_the_dictionary():
    from pydicom.sr.codedict import codes

    from cormack.io._segmentation_out import _ABNORMAL, _ANATOMY, _TISSUE, _TYPES

    for value, _, meaning in _TYPES.values():
        keyword = "".join(word.capitalize() for word in meaning.split())
        assert (getattr(codes.SCT, keyword).value, getattr(codes.SCT, keyword).meaning) == (value, meaning)
    assert codes.cid7150.Tissue.value == _TISSUE[0]
    assert codes.cid7150.MorphologicallyAbnormalStructure.value == _ABNORMAL[0]
    assert codes.cid7150.AnatomicalStructure.value == _ANATOMY[0]
    assert io.Segment("Kidney_right").codes()[1][2] == "Kidney"
    assert io.Segment("lungfish").codes()[1][2] == "Tissue"


def test_multiframe_source(tmp_path, write_dicom, stack):
    def sequence(**fields):
        item = pydicom.Dataset()
        for name, value in fields.items():
            setattr(item, name, value)
        return pydicom.Sequence([item])

    frames = pydicom.Sequence()
    order = [3, 0, 5, 1, 4, 2]
    for k in order:
        item = pydicom.Dataset()
        item.PlanePositionSequence = sequence(ImagePositionPatient=[-10, -20, 3.0 * k])
        frames.append(item)
    shared = sequence(
        PlaneOrientationSequence=sequence(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
        PixelMeasuresSequence=sequence(PixelSpacing=[0.8, 0.7], SliceThickness=3),
    )
    fields = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2.1", "NumberOfFrames": 6, "PerFrameFunctionalGroupsSequence": frames,
        "SharedFunctionalGroupsSequence": shared, **STUDY,
    }  # fmt: skip
    path = write_dicom(tmp_path / "ct.dcm", stack[order], **fields)
    image = io.read(path)
    np.testing.assert_array_equal(image.array, stack)
    labels = random_labels(image)
    io.write_segmentation(image.replace(labels), tmp_path / "out.dcm", source=path)
    np.testing.assert_array_equal(io.read_mask(tmp_path / "out.dcm", reference=image).array, labels)
    seg = hd.seg.segread(tmp_path / "out.dcm")
    pixels = seg.get_pixels_by_source_frame(
        source_sop_instance_uid=pydicom.dcmread(path).SOPInstanceUID,
        source_frame_numbers=list(range(1, 7)),
        combine_segments=True,
    )
    np.testing.assert_array_equal(pixels, labels[order])


def test_arguments_that_make_no_sense(tmp_path, source, write_series, stack):
    image = io.read(source)
    labels = image.replace(random_labels(image))

    def write(labels=labels, **more):
        io.write_segmentation(labels, **{"path": tmp_path / "out.dcm", "source": source, **more})

    with pytest.raises(GeometryError, match="source and labels"):
        write(Volume(labels.array, image.spacing, np.array(image.origin) + 1, image.direction))
    with pytest.raises(GeometryError, match="source and labels"):
        write(Volume(labels.array[1:], image.spacing, image.origin, image.direction))
    with pytest.raises(ValueError, match="no name for 2 of the labels: 2, 3"):
        write(segments={1: "a"})
    for bad in ("", "x" * 65, "a\\b", "a\nb", 3):
        with pytest.raises(ValueError, match="name of a segment"):
            write(segments={1: bad, 2: "b", 3: "c"})
    with pytest.raises(ValueError, match="labels from 1 on"):
        write(segments={0: "a", 1: "a", 2: "b", 3: "c"})
    with pytest.raises(ValueError, match="negative"):
        write(image.replace(-labels.array.astype(int)))
    with pytest.raises(ValueError, match="1 to 65535 segments"):
        write(image.replace(labels.array * 0))
    with pytest.raises(ValueError, match="is no mask"):
        write({"a": image.replace(labels.array > 1)}, segments={"b": "c"})
    with pytest.raises(TypeError, match="bool"):
        write({"a": labels})
    with pytest.raises(TypeError, match="whole numbers"):
        write(image.replace(labels.array.astype(float)))
    for bad in (labels.array, {}, {"a": labels.array}):
        with pytest.raises(TypeError, match=r"cormack\.Volume"):
            write(bad)
    with pytest.raises(ValueError, match="algorithm_type"):
        write(algorithm_type="MAGIC")
    with pytest.raises(FileNotFoundError):
        write(path=tmp_path / "no" / "out.dcm")
    with pytest.raises(io.ReadError, match="no such file"):
        write(source=tmp_path / "no")
    with pytest.raises(ValueError, match="category must be"):
        io.Segment("a", category="lung")
    write_series(tmp_path / "bare", stack)
    with pytest.raises(io.ReadError, match="frame of reference"):
        write(io.read(tmp_path / "bare").replace(labels.array), source=tmp_path / "bare")
    assert not list(tmp_path.glob("*out*"))
