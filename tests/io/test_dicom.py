"""DICOM: order, geometry, values; truth is SimpleITK, pydicom, and what was written."""

from __future__ import annotations

import contextlib
import pickle
import random
import shutil
import subprocess
import sys

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

import cormack
from cormack import io

IDENTITY = ("Secret", "Person", "hidden")


def itk_series(folder):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return cormack.Volume.from_sitk(reader.Execute())


def rotation(angles):
    a, b, c = angles
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return x @ y @ z


# Order and geometry


def test_ct_of_the_ibsi_phantom_is_its_nifti(data):
    folder = data / "ibsi_ct_phantom"
    volume = io.read(folder / "dicom" / "image")
    nifti = io.read(folder / "image.nii.gz")
    itk = itk_series(folder / "dicom" / "image")
    assert volume.dtype == np.int16
    assert volume.array.flags.c_contiguous
    assert volume.array.flags.writeable
    assert volume.meta["units"] == "HU"
    np.testing.assert_array_equal(volume.array, nifti.array)
    np.testing.assert_array_equal(volume.array, itk.array)
    volume.check_geometry(nifti, 1e-4)
    volume.check_geometry(itk, 1e-4)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    angles=st.tuples(*[st.floats(-3, 3)] * 3),
    spacing=st.tuples(st.floats(0.5, 9), st.floats(0.2, 2), st.floats(0.2, 2)),
    seed=st.integers(0, 1000),
)
def test_oblique_series_with_shuffled_names_equals_itk(tmp_path_factory, write_series, stack, angles, spacing, seed):
    folder = tmp_path_factory.mktemp("series")
    names = [f"{i}.dcm" for i in range(len(stack))]
    random.Random(seed).shuffle(names)
    write_series(folder, stack, spacing=spacing, rotation=rotation(angles), names=names, RescaleIntercept="-1024")
    volume = io.read(folder)
    np.testing.assert_array_equal(volume.array, stack.astype(np.int16) - 1024)
    itk = itk_series(folder)
    np.testing.assert_array_equal(volume.array, itk.array)
    volume.check_geometry(itk, 1e-4)
    np.testing.assert_allclose(volume.spacing, spacing, rtol=1e-5)


def test_spacing_comes_from_positions_not_from_thickness(tmp_path, write_series, stack):
    write_series(tmp_path, stack, spacing=(2.5, 0.8, 0.7), SliceThickness=5.0, SpacingBetweenSlices=5.0)
    volume = io.read(tmp_path)
    np.testing.assert_allclose(volume.spacing, (2.5, 0.8, 0.7))
    assert volume.meta["spacing_source"] == "positions"


def test_descending_instance_numbers_do_not_matter(tmp_path, write_series, stack):
    write_series(tmp_path, stack, each={"InstanceNumber": list(range(6, 0, -1))})
    np.testing.assert_array_equal(io.read(tmp_path).array, stack)


def test_single_slice_takes_its_thickness_and_says_so(tmp_path, write_series, stack):
    (path,) = write_series(tmp_path, stack[:1])
    volume = io.read(path)
    assert volume.shape == (1, 5, 7)
    assert volume.spacing[0] == 9
    assert volume.meta["spacing_source"] == "SliceThickness"


@pytest.mark.parametrize(
    ("offsets", "words"),
    [
        ([0, 3, 6, 12, 15, 18], r"not evenly spaced: 3 mm apart, but 6 mm between .*36\) mm \[002.dcm\] and .*42\)"),
        ([0, 3, 6, 9, 12, 15.2], "3.2 mm between"),
    ],
)
def test_gap_is_refused_and_names_the_positions(tmp_path, write_series, stack, offsets, words):
    write_series(tmp_path, stack, offsets=[float(x) for x in offsets])
    with pytest.raises(io.ReadError, match=words) as caught:
        io.read(tmp_path)
    assert "ImagePositionPatient" in caught.value.tag


def test_rounded_positions_are_no_gap(tmp_path, write_series, stack):
    write_series(tmp_path, stack, offsets=[0.0, 0.66, 1.33, 2.0, 2.66, 3.33])
    assert io.read(tmp_path).spacing[0] == pytest.approx(0.666)


def test_tilted_gantry_is_refused(tmp_path, write_series, stack):
    axes = np.eye(3)
    axes[:, 2] = 0, np.sin(0.2), np.cos(0.2)
    write_series(tmp_path, stack, rotation=axes)
    with pytest.raises(io.ReadError, match=r"gantry tilt.*11\.5 degrees"):
        io.read(tmp_path)


def test_slice_shifted_sideways_is_refused(tmp_path, write_series, stack):
    write_series(tmp_path, stack, each={"ImagePositionPatient": [[float(k == 3), 0.0, 3.0 * k] for k in range(6)]})
    with pytest.raises(io.ReadError, match=r"shifted sideways by 1 mm") as caught:
        io.read(tmp_path)
    assert caught.value.path.endswith("003.dcm")


# Values


@pytest.mark.parametrize(
    ("slopes", "intercepts", "dtype"),
    [
        (None, None, np.uint16),
        ([1] * 6, [0] * 6, np.uint16),
        ([1] * 6, [-1024] * 6, np.int16),
        ([1, 2, 3, 4, 5, 6], [0, -1, -2, -3, -4, -5], np.int16),
        ([-1] * 6, [0] * 6, np.int16),
        ([1] * 6, [65000] * 6, np.uint16),
        ([1] * 6, [40000, -40000] * 3, np.int32),
        ([1000] * 6, [-7] * 6, np.int32),
        ([0.5] * 6, [0] * 6, np.float32),
        ([0.123, 0.456, 0.789, 1.0, 2.0, 3.3], [0.1] * 6, np.float32),
        ([1] * 6, [0.5] * 6, np.float32),
    ],
)
def test_slope_and_intercept_of_each_slice(tmp_path, write_series, stack, slopes, intercepts, dtype):
    each = {} if slopes is None else {"RescaleSlope": slopes, "RescaleIntercept": intercepts}
    write_series(tmp_path, stack, "PT", each=each)
    volume = io.read(tmp_path)
    slope, intercept = (np.array(x or [y] * 6, float)[:, None, None] for x, y in ((slopes, 1), (intercepts, 0)))
    assert volume.dtype == dtype
    assert volume.meta["rescaled"] is (slopes is not None)
    assert volume.meta["units"] == ""
    np.testing.assert_array_equal(volume.array, (stack * slope + intercept).astype(dtype))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from([np.uint8, np.int8, np.uint16, np.int16]),
    slope=st.integers(-300, 300).filter(bool),
    intercept=st.integers(-70000, 70000),
    seed=st.integers(0, 99),
)
def test_integers_never_wrap(tmp_path_factory, write_series, kind, slope, intercept, seed):
    limits = np.iinfo(kind)
    stored = np.random.default_rng(seed).integers(limits.min, limits.max + 1, (2, 4, 6)).astype(kind)
    folder = tmp_path_factory.mktemp("series")
    write_series(folder, stored, RescaleSlope=slope, RescaleIntercept=intercept)
    np.testing.assert_array_equal(io.read(folder).array, stored.astype(np.int64) * slope + intercept)


def test_values_beyond_32_bits_are_refused(tmp_path, write_series):
    write_series(tmp_path, np.full((2, 3, 3), 2**31, np.uint32), RescaleSlope=2)
    with pytest.raises(io.ReadError, match="do not fit in 32 bits"):
        io.read(tmp_path)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("low", [0, 4])
def test_twelve_bits_in_sixteen_with_an_overlay_around(tmp_path, write_dicom, signed, low):
    rng = np.random.default_rng(0)
    values = rng.integers(-2048, 2048, (8, 8)) if signed else rng.integers(0, 4096, (8, 8))
    garbage = rng.integers(0, 1 << 16, (8, 8)) & ~(0xFFF << low)
    stored = (((values & 0xFFF) << low) | garbage).astype(np.uint16)
    path = write_dicom(
        tmp_path / "a", stored, "CR", BitsStored=12, HighBit=11 + low, PixelRepresentation=int(signed)
    )  # fmt: skip
    volume = io.read(path)
    assert volume.dtype == (np.int16 if signed else np.uint16)
    np.testing.assert_array_equal(volume.array, values)


def test_signed_and_unsigned_slices_in_one_series(tmp_path, write_series):
    stored = np.array([[[60000, 1]], [[65535, 2]]], np.uint16)
    write_series(tmp_path, stored, "MR", each={"PixelRepresentation": [0, 1]})
    np.testing.assert_array_equal(io.read(tmp_path).array, [[[60000, 1]], [[-1, 2]]])


@pytest.mark.parametrize(
    ("stored", "bits", "expected"),
    [
        (np.array([[0, 4095, 7]], np.uint16), 12, [[4095, 0, 4088]]),
        (np.array([[0, 255]], np.uint8), 8, [[255, 0]]),
        (np.array([[-2048, 2047, 0]], np.int16), 12, [[2047, -2048, -1]]),
    ],
)
def test_monochrome1_is_turned_over_in_its_stored_range(tmp_path, write_dicom, stored, bits, expected):
    fields = {"PhotometricInterpretation": "MONOCHROME1", "BitsStored": bits, "HighBit": bits - 1}
    volume = io.read(write_dicom(tmp_path / "a.dcm", stored, "DX", **fields))
    np.testing.assert_array_equal(volume.array, expected)
    assert volume.meta["inverted"] is True


def test_monochrome1_does_not_touch_hounsfield_units(tmp_path, write_series, stack):
    write_series(tmp_path, stack, PhotometricInterpretation="MONOCHROME1", RescaleIntercept=-5)
    volume = io.read(tmp_path)
    np.testing.assert_array_equal(volume.array, stack.astype(int) - 5)
    assert volume.meta["inverted"] is False


@pytest.mark.parametrize(
    "name",
    ["MR_small_RLE.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_jp2klossless.dcm", "MR_small_bigendian.dcm",
     "MR_small_implicit.dcm", "MR_small_expb.dcm", "MR_small_padded.dcm"],
)  # fmt: skip
def test_every_way_to_store_the_same_pixels(name):
    reference = io.read(get_testdata_file("MR_small.dcm", download=False))
    volume = io.read(get_testdata_file(name, download=False))
    np.testing.assert_array_equal(volume.array, reference.array)
    assert volume.dtype == reference.dtype == np.int16
    volume.check_geometry(reference)


def test_deflated_file():
    path = get_testdata_file("image_dfl.dcm", download=False)
    np.testing.assert_array_equal(io.read(path).array, pydicom.dcmread(path).pixel_array)


@pytest.mark.parametrize("name", ["SC_rgb_small_odd.dcm", "examples_ybr_color.dcm", "SC_rgb_rle_16bit.dcm"])
def test_colours_become_luma(name):
    path = get_testdata_file(name, download=False)
    if name == "examples_ybr_color.dcm":
        with pytest.raises(io.ReadError, match=r"multi-frame Ultrasound .*30 frames.* not supported yet"):
            io.read(path)
        return
    volume = io.read(path)
    rgb = pydicom.dcmread(path).pixel_array.astype(float)
    assert volume.meta["colour"] == "luma BT.601"
    assert np.abs(volume.array - rgb @ [0.299, 0.587, 0.114]).max() <= 0.5 + 1e-6


# Several volumes


def test_mixed_series_are_listed_and_chosen(tmp_path, write_series, stack):
    write_series(tmp_path, stack, names=[f"a{k}" for k in range(6)], SeriesInstanceUID="1.2.10", SeriesNumber=2)
    write_series(tmp_path, stack[:4] + 1, "MR", names=[f"b{k}" for k in range(4)], SeriesInstanceUID="1.2.9")
    with pytest.raises(io.ReadError) as caught:
        io.read(tmp_path)
    text = str(caught.value)
    assert "series=" in text
    assert "read_all" in text
    assert "MR, 7 x 5 pixels, 4 slices, series 1.2.9" in text
    assert "CT, 7 x 5 pixels, 6 slices, series 1.2.10" in text
    np.testing.assert_array_equal(io.read(tmp_path, series="1.2.10").array, stack)
    np.testing.assert_array_equal(io.read(tmp_path, volume=0).array, stack[:4] + 1)
    assert [v.meta["modality"] for v in io.read_all(tmp_path)] == ["MR", "CT"]
    assert len(io.read_all(tmp_path, series="1.2.9")) == 1
    with pytest.raises(io.ReadError, match=r"no series '5'.*1\.2\.9"):
        io.read(tmp_path, series="5")
    with pytest.raises(io.ReadError, match="no volume 2"):
        io.read(tmp_path, volume=2)


def test_localizer_in_the_series_stays_its_own_volume(tmp_path, write_series, write_dicom, stack):
    write_series(tmp_path, stack)
    coronal = [1.0, 0.0, 0.0, 0.0, 0.0, -1.0]
    place = {"ImagePositionPatient": [0.0, 0.0, 0.0], "ImageOrientationPatient": coronal, "PixelSpacing": [1.0, 1.0]}
    write_dicom(tmp_path / "scout", np.zeros((9, 9), np.uint16), **place, InstanceNumber=0)
    localizer, axial = io.read_all(tmp_path)
    assert localizer.shape == (1, 9, 9)
    assert localizer.orientation == "LIP"
    np.testing.assert_array_equal(axial.array, stack)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("EchoTime", ["4.6", "9.2"]),
        ("EchoNumbers", [1, 2]),
        ("DiffusionBValue", [0.0, 1000.0]),
        ("TemporalPositionIdentifier", [9, 10]),
        ("AcquisitionNumber", [1, 2]),
        ("ImageType", [["ORIGINAL", "PRIMARY", "M"], ["ORIGINAL", "PRIMARY", "P"]]),
    ],
)
def test_images_at_one_position_are_told_apart(tmp_path, write_series, write_dicom, stack, field, values):
    for k, value in enumerate(values):
        fields = {"each": {field: [value] * 6}}
        if field == "DiffusionBValue":
            write_series(tmp_path / "x", stack + 1000 * k, "MR", names=[f"{k}{i}" for i in range(6)])
            for path in sorted((tmp_path / "x").glob(f"{k}?")):
                dataset = pydicom.dcmread(path)
                dataset.DiffusionBValue = value
                dataset.save_as(path)
        else:
            write_series(tmp_path / "x", stack + 1000 * k, "MR", names=[f"{k}{i}" for i in range(6)], **fields)
    first, second = io.read_all(tmp_path / "x")
    np.testing.assert_array_equal(first.array, stack)
    np.testing.assert_array_equal(second.array, stack + 1000)
    np.testing.assert_array_equal(io.read(tmp_path / "x", volume=1).array, second.array)
    with pytest.raises(io.ReadError, match=r"2 volumes in one series; choose one with volume="):
        io.read(tmp_path / "x")


def test_two_echoes_at_two_times_with_a_clock_that_always_differs(tmp_path, write_series, stack):
    for echo in range(2):
        for time in range(2):
            write_series(
                tmp_path, stack + 1000 * echo + 2000 * time, "MR", names=[f"{echo}{time}{k}" for k in range(6)],
                EchoNumbers=echo, TemporalPositionIdentifier=time,
                each={"TriggerTime": [f"{100 * time + 10 * k + echo}" for k in range(6)]},
            )  # fmt: skip
    volumes = io.read_all(tmp_path)
    assert [v.array[0, 0, 0] for v in volumes] == [0, 2000, 1000, 3000]
    assert {v.shape for v in volumes} == {(6, 5, 7)}


def test_two_acquisitions_that_overlap(tmp_path, write_series, stack):
    write_series(tmp_path, stack, names=[f"a{k}" for k in range(6)], AcquisitionNumber=1)
    write_series(
        tmp_path, stack[:4], names=[f"b{k}" for k in range(4)], AcquisitionNumber=2, origin=(-100.0, -120.0, 33.0)
    )
    assert [v.shape[0] for v in io.read_all(tmp_path)] == [6, 4]


def test_unexplained_duplicate_is_refused(tmp_path, write_series, stack):
    write_series(tmp_path, stack, offsets=[0.0, 3.0, 6.0, 6.0, 9.0, 12.0])
    with pytest.raises(io.ReadError, match=r"003\.dcm: lies at the same position as 002\.dcm, \(-100, -120, 36\) mm"):
        io.read_all(tmp_path)


def test_copy_of_a_file_counts_once_and_an_impostor_is_refused(tmp_path, write_series, stack):
    paths = write_series(tmp_path, stack)
    shutil.copy(paths[2], tmp_path / "copy of 2.dcm")
    np.testing.assert_array_equal(io.read(tmp_path).array, stack)
    dataset = pydicom.dcmread(paths[2])
    dataset.PixelData = bytes(70)
    dataset.save_as(tmp_path / "copy of 2.dcm")
    with pytest.raises(io.ReadError, match="same SOPInstanceUID"):
        io.read(tmp_path)


# Radiographs


@pytest.mark.parametrize(
    ("fields", "spacing", "source"),
    [
        ({"PixelSpacing": [0.2, 0.1], "ImagerPixelSpacing": [0.4, 0.4]}, (0.2, 0.1), "PixelSpacing"),
        ({"ImagerPixelSpacing": [0.4, 0.3]}, (0.4, 0.3), "ImagerPixelSpacing"),
        ({}, (1, 1), "absent"),
    ],
)
def test_radiograph_is_2d_with_the_spacing_there_is(tmp_path, write_dicom, stack, fields, spacing, source):
    volume = io.read(write_dicom(tmp_path / "x.dcm", stack[0], "DX", **fields))
    assert volume.shape == (5, 7)
    assert volume.spacing == spacing
    assert volume.meta["spacing_source"] == source
    np.testing.assert_array_equal(volume.array, stack[0])


def test_radiographs_of_one_series_are_a_volume_each(tmp_path, write_dicom, stack):
    for k in range(2):
        write_dicom(tmp_path / f"{k}.dcm", stack[k], "DX", InstanceNumber=k)
    assert [v.array[0, 0] for v in io.read_all(tmp_path)] == [0, 35]


# Multi-frame


def enhanced(path, write_dicom, stack, order, **fields):
    """Write an enhanced CT with the frames of a stack in another order."""
    orientation = pydicom.Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures = pydicom.Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.8, 0.7], 3
    transform = pydicom.Dataset()
    transform.RescaleSlope, transform.RescaleIntercept, transform.RescaleType = 1, -1000, "HU"
    shared = pydicom.Dataset()
    shared.PlaneOrientationSequence = Sequence([orientation])
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PixelValueTransformationSequence = Sequence([transform])
    frames = []
    for k in order:
        position = pydicom.Dataset()
        position.ImagePositionPatient = [-10, -20, 30 + 3 * k]
        frame = pydicom.Dataset()
        frame.PlanePositionSequence = Sequence([position])
        frames.append(frame)
    return write_dicom(
        path,
        stack[order],
        SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1",
        NumberOfFrames=len(order),
        SharedFunctionalGroupsSequence=Sequence([shared]),
        PerFrameFunctionalGroupsSequence=Sequence(frames),
        **fields,
    )


def test_enhanced_ct(tmp_path, write_dicom, stack):
    path = enhanced(tmp_path / "e.dcm", write_dicom, stack, [3, 0, 5, 1, 2, 4])
    volume = io.read(path)
    np.testing.assert_array_equal(volume.array, stack.astype(int) - 1000)
    np.testing.assert_allclose(volume.spacing, (3, 0.8, 0.7))
    assert volume.origin == (30, -20, -10)
    assert volume.meta["units"] == "HU"


def test_enhanced_ct_in_order_equals_itk(tmp_path, write_dicom, stack):
    path = enhanced(tmp_path / "e.dcm", write_dicom, stack, [0, 1, 2, 3, 4, 5])
    itk = cormack.Volume.from_sitk(sitk.ReadImage(str(path)))
    volume = io.read(path)
    np.testing.assert_array_equal(volume.array, itk.array)
    volume.check_geometry(itk, 1e-4)


def test_multi_frame_without_positions_is_refused_by_name(tmp_path, write_dicom, stack):
    path = write_dicom(tmp_path / "m.dcm", stack, "OT", NumberOfFrames=6)
    with pytest.raises(io.ReadError, match=r"multi-frame Secondary Capture.* \(6 frames\) is not supported yet"):
        io.read(path)


# What is wrong


@pytest.mark.parametrize("name", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_slice_without_a_place_is_refused_with_the_tag(tmp_path, write_series, stack, name):
    write_series(tmp_path, stack, **{name: None})
    with pytest.raises(io.ReadError, match=rf"000\.dcm: .*\[\(00..,....\) {name}\]"):
        io.read(tmp_path)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"PixelSpacing": [0.0, 0.7]}, "is not positive"),
        ({"PixelSpacing": [-1.0, 0.7]}, "is not positive"),
        ({"ImageOrientationPatient": [0.0] * 6}, "instead of 1"),
        ({"ImageOrientationPatient": [1.0, 0.0, 0.0, 0.6, 0.8, 0.0]}, "not perpendicular"),
        ({"RescaleSlope": 0}, "RescaleSlope"),
        ({"BitsStored": 20}, "BitsStored"),
        ({"BitsAllocated": 1}, "BitsAllocated"),
        ({"Rows": None}, "Rows"),
        ({"Rows": 500}, "truncated: 70 of 7000 bytes"),
        ({"PixelData": None}, "no pixel data"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "PALETTE COLOR"),
    ],
)
def test_nonsense_in_the_header_is_refused(tmp_path, write_series, stack, fields, words):
    write_series(tmp_path, stack[:1], **fields)
    with pytest.raises(io.ReadError, match=words):
        io.read(tmp_path)


def test_number_that_is_none_is_refused(tmp_path, write_series, stack):
    (path,) = write_series(tmp_path, stack[:1], PixelSpacing=[0.25, 0.25])
    path.write_bytes(path.read_bytes().replace(b"0.25\\0.25", b"0.25\\o.25"))
    with pytest.raises(io.ReadError, match=r"expected 2 finite numbers, found '0\.25\\\\o\.25' .*PixelSpacing"):
        io.read(path)


def test_truncated_file_is_refused(tmp_path, write_series, stack):
    paths = write_series(tmp_path, stack)
    paths[5].write_bytes(paths[5].read_bytes()[:-30])
    with pytest.raises(io.ReadError, match=r"005\.dcm: truncated: 40 of 70 bytes"):
        io.read(tmp_path)
    paths[5].write_bytes(paths[5].read_bytes()[:300])
    with pytest.raises(io.ReadError, match=r"005\.dcm"):
        io.read(tmp_path)


@pytest.mark.parametrize("text", ["hello, I am no DICOM file\n" * 20, "short", ""])
def test_text_called_dcm(tmp_path, text):
    path = tmp_path / "notes.dcm"
    path.write_text(text)
    for target in (path, tmp_path):
        with pytest.raises(io.ReadError, match=r"notes\.dcm: (not a DICOM file|empty file)"):
            io.read(target)


def test_files_without_suffix_and_neighbours(tmp_path, write_series, stack):
    write_series(tmp_path, stack, names=["1.2.840.1", "IM2", "c", "d.IMA", "e.dcm", "F"])
    (tmp_path / "readme.txt").write_text("x")
    (tmp_path / "README").write_text("x" * 200)
    (tmp_path / "DICOMDIR").write_text("x" * 200)
    (tmp_path / ".hidden.dcm").write_text("x")
    np.testing.assert_array_equal(io.read(tmp_path).array, stack)


@pytest.mark.parametrize("syntax", ["explicit", "implicit"])
def test_file_without_preamble(tmp_path, write_series, stack, syntax):
    (path,) = write_series(tmp_path, stack[:1], names=["a"])
    dataset = pydicom.dcmread(path)
    if syntax == "implicit":
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.save_as(path, implicit_vr=syntax == "implicit", little_endian=True)
    content = path.read_bytes()
    start = content.index(b"\x08\x00\x16\x00")
    path.write_bytes(content[start:])
    np.testing.assert_array_equal(io.read(path).array[0], stack[0])


def test_tiff_in_the_preamble_is_still_dicom(tmp_path, write_series, stack):
    (path,) = write_series(tmp_path, stack[:1])
    path.write_bytes(b"II*\0" + path.read_bytes()[4:])
    np.testing.assert_array_equal(io.read(path).array[0], stack[0])


def test_deflated_series(tmp_path, write_series, stack):
    for path in write_series(tmp_path, stack):
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        dataset.save_as(path)
    np.testing.assert_array_equal(io.read(tmp_path).array, stack)


def test_objects_that_are_no_images_are_passed_over(tmp_path, write_series, write_dicom, stack):
    write_dicom(tmp_path / "rs.dcm", None, "RTSTRUCT")
    with pytest.raises(io.ReadError, match=r"no image among them: RTSTRUCT \(1\)"):
        io.read(tmp_path)
    with pytest.raises(io.ReadError, match="RTSTRUCT"):
        io.read(tmp_path / "rs.dcm")
    write_series(tmp_path, stack)
    np.testing.assert_array_equal(io.read(tmp_path).array, stack)


def test_real_objects_that_are_no_images(data):
    for name in (
        "pydicom_samples/liver_1frame.dcm",
        "pydicom_samples/rtdose.dcm",
        "ibsi_ct_phantom/dicom/rtstruct.dcm",
    ):
        with pytest.raises(io.ReadError, match="no image among them"):
            io.read(data / name)


def test_empty_folder_and_wrong_path(tmp_path, write_series, stack):
    (tmp_path / "empty").mkdir()
    with pytest.raises(io.ReadError, match=r"no DICOM image.*find_studies"):
        io.read(tmp_path / "empty")
    write_series(tmp_path / "patient1" / "ct", stack)
    with pytest.raises(io.ReadError, match=r"patient: no such file or folder; did you mean 'patient1'"):
        io.read(tmp_path / "patient" / "ct")


def test_meta_says_nothing_about_the_patient_or_the_path(tmp_path, write_series, stack):
    write_series(tmp_path, stack)
    text = repr(io.read(tmp_path).meta)
    assert not any(word in text for word in (*IDENTITY, str(tmp_path)))


def test_missing_library_says_what_to_install(tmp_path, write_series, stack, monkeypatch):
    write_series(tmp_path, stack)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(cormack.BackendUnavailable, match=r'pip install "cormack\[io\]"'):
        io.read(tmp_path)


def test_import_brings_no_library():
    code = "import sys, cormack.io; assert not {'pydicom', 'nibabel', 'PIL', 'SimpleITK'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_errors_survive_a_process_border():
    error = io.ReadError("a.dcm", "truncated", tag="Rows", suggestion="copy it again")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_damaged_files_never_raise_anything_else(tmp_path, write_series, stack):
    (path,) = write_series(tmp_path, stack[:1])
    content = path.read_bytes()
    rng = random.Random(0)
    for _ in range(150):
        broken = bytearray(content)
        for _ in range(rng.choice([1, 3, 10])):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        path.write_bytes(broken[: rng.choice([len(broken), rng.randrange(len(broken))])])
        with contextlib.suppress(io.ReadError):
            assert min(io.read(path).spacing) > 0
