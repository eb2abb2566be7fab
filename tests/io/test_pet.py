"""PET in SUVbw: numbers computed by hand, and QIBA's formula on headers as pydicom reads them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cormack import Volume
from cormack.io import ReadError, find_studies, read, read_all, write

HALF_LIFE = 6588.0  # of fluorine-18, s
STORED = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5) * 100


def injection(**fields):
    item = pydicom.Dataset()
    values = {
        "RadionuclideTotalDose": 370e6,
        "RadionuclideHalfLife": HALF_LIFE,
        "RadiopharmaceuticalStartTime": "090000",
        **fields,
    }
    for name, value in values.items():
        if value is not None:
            setattr(item, name, value)
    return pydicom.Sequence([item])


FIELDS = {
    "Units": "BQML",
    "CorrectedImage": ["DECY", "ATTN", "SCAT"],
    "DecayCorrection": "START",
    "PatientWeight": "70",
    "SeriesDate": "20240305",
    "SeriesTime": "100000",
    "AcquisitionDate": "20240305",
    "AcquisitionTime": "100000.00",
    "RescaleSlope": "2.5",
    "RescaleIntercept": "0",
}
# One hour after the injection.
FACTOR = 70 * 1000 / (370e6 * 2 ** (-3600 / HALF_LIFE))


@pytest.fixture
def pet(tmp_path, write_series):
    def make(name="pet", stored=STORED, sequence=None, **fields):
        sequence = injection() if sequence is None else sequence
        fields = {**FIELDS, "RadiopharmaceuticalInformationSequence": sequence, **fields}
        # Lists have a value for each slice, but for this one.
        each = {key: value for key, value in fields.items() if isinstance(value, list) and key != "CorrectedImage"}
        shared = {key: value for key, value in fields.items() if key not in each}
        write_series(tmp_path / name, stored, "PT", each=each, **shared)
        return tmp_path / name

    return make


def test_by_hand(pet):
    path = pet()
    volume = read(path, units="SUVbw")
    assert volume.dtype == np.float32
    assert volume.meta["units"] == "SUVbw"
    # 370 MBq, of which 253.34 are left after an hour, in 70 kg: 5900 * 2.5 Bq/ml are 4.0755.
    assert float(volume.array[-1, -1, -1]) == pytest.approx(4.07555, abs=1e-5)
    expected = (STORED * 2.5 * FACTOR).astype(np.float32)
    np.testing.assert_allclose(volume.array, expected, rtol=2e-7)
    activity = read(path)
    assert activity.meta["units"] == "BQML"
    np.testing.assert_array_equal(activity.array, (STORED * 2.5).astype(np.float32))
    volume.check_geometry(activity, 0)
    (again,) = read_all(path, units="SUVbw")
    np.testing.assert_array_equal(again.array, volume.array)
    (source,) = find_studies(path)
    np.testing.assert_array_equal(source.read(units="SUVbw").array, volume.array)
    assert source.read().meta["units"] == "BQML"


def test_each_slice_has_its_own_slope(pet):
    slopes = ["0.5", "1.25", "3"]
    volume = read(pet(RescaleSlope=slopes), units="SUVbw")
    factors = np.array([float(slope) for slope in slopes]).reshape(3, 1, 1) * FACTOR
    np.testing.assert_allclose(volume.array, STORED * factors, rtol=2e-7)


def test_nothing_about_the_patient_is_kept(pet):
    volume = read(pet(), units="SUVbw")
    assert set(volume.meta) == set(read(pet("again")).meta)
    assert not re.search(r"Secret|hidden|2024|370|253", repr(volume.meta))


def suv_by_qiba(path):
    """The formula, from one header, for a start time without a date."""
    header = pydicom.dcmread(path)
    item = header.RadiopharmaceuticalInformationSequence[0]
    scan = datetime.strptime(header.SeriesDate + header.SeriesTime[:6], "%Y%m%d%H%M%S")
    start = datetime.strptime(header.SeriesDate + item.RadiopharmaceuticalStartTime[:6], "%Y%m%d%H%M%S")
    if start > scan:
        start -= timedelta(days=1)
    left = 1.0
    if header.DecayCorrection == "START":
        left = 2 ** (-(scan - start).total_seconds() / float(item.RadionuclideHalfLife))
    values = header.pixel_array * float(header.RescaleSlope) + float(header.RescaleIntercept)
    return values * float(header.PatientWeight) * 1000 / (float(item.RadionuclideTotalDose) * left)


@settings(max_examples=40, deadline=None)
@given(
    weight=st.floats(0.02, 300),
    dose=st.floats(1e5, 1e10),
    half_life=st.sampled_from([1223.0, 4062.6, 6586.2]),
    scan=st.integers(0, 86399),
    before=st.integers(0, 20000),
    slope=st.floats(1e-3, 1e3),
    correction=st.sampled_from(["START", "ADMIN"]),
)
def test_matches_qiba(tmp_path_factory, write_series, weight, dose, half_life, scan, before, slope, correction):
    def clock(seconds):
        return f"{seconds // 3600:02}{seconds // 60 % 60:02}{seconds % 60:02}"

    folder = tmp_path_factory.mktemp("pet")
    item = injection(
        RadionuclideTotalDose=f"{dose:.9g}",
        RadionuclideHalfLife=half_life,
        RadiopharmaceuticalStartTime=clock((scan - before) % 86400),
    )
    write_series(
        folder, STORED, "PT",
        **{
            **FIELDS,
            "RadiopharmaceuticalInformationSequence": item,
            "PatientWeight": f"{weight:.9g}", "DecayCorrection": correction, "RescaleSlope": slope,
            "SeriesTime": clock(scan), "AcquisitionTime": clock(scan),
        },
    )  # fmt: skip
    volume = read(folder, units="SUVbw")
    slices = sorted(folder.iterdir(), key=lambda path: pydicom.dcmread(path).ImagePositionPatient[2])
    np.testing.assert_allclose(volume.array, [suv_by_qiba(path) for path in slices], rtol=1e-6)


def factor_of(path):
    values = read(path, units="SUVbw").array
    return float(values[-1, -1, -1]) / (float(STORED[-1, -1, -1]) * 2.5)


def left(seconds, dose=370e6):
    return 70e3 / (dose * 2 ** (-seconds / HALF_LIFE))


@pytest.mark.parametrize(
    ("seconds", "fields", "item"),
    [
        # Midnight between injection and scan.
        (3600, {"SeriesTime": "002000", "AcquisitionTime": "002000"}, {"RadiopharmaceuticalStartTime": "232000"}),
        # The injection has a date.
        (3600, {}, {"RadiopharmaceuticalStartTime": None, "RadiopharmaceuticalStartDateTime": "20240305090000"}),
        (3600.5, {}, {"RadiopharmaceuticalStartDateTime": "20240305085959.50"}),
        (25 * 3600, {}, {"RadiopharmaceuticalStartDateTime": "20240304090000"}),
        # Time zones.
        (
            3600,
            {"TimezoneOffsetFromUTC": "+0100"},
            {"RadiopharmaceuticalStartDateTime": "20240305080000+0000", "RadiopharmaceuticalStartTime": None},
        ),
        (3600, {}, {"RadiopharmaceuticalStartDateTime": "20240305090000+0000"}),
        # Short forms of times.
        (3600, {"SeriesTime": "10", "AcquisitionTime": "1000"}, {"RadiopharmaceuticalStartTime": "0900"}),
        # Corrected to the injection.
        (0, {"DecayCorrection": "ADMIN"}, {}),
        # The series begins before the acquisition of the first bed.
        (3600, {"AcquisitionTime": ["100300", "100300", "100000"]}, {}),
        # Made again the day after: then the acquisition counts, of the earliest slice.
        (3600, {"SeriesDate": "20240306", "AcquisitionTime": ["100300", "100600", "100000"]}, {}),
        # A reference time of zero says nothing, however it is written.
        *(
            (3600, {"SeriesTime": "120000", "ActualFrameDuration": "180000", "FrameReferenceTime": zero}, {})
            for zero in ("0", "0.0", "0.000000", "000", "")
        ),
    ],
    ids=lambda value: "" if isinstance(value, (int, float)) else str(value)[:60],
)
def test_when_the_scan_and_the_injection_were(pet, seconds, fields, item):
    assert factor_of(pet(sequence=injection(**item), **fields)) == pytest.approx(left(seconds), rel=1e-6)


def test_a_series_that_was_made_again_counts_from_its_reference_times(pet):
    # Three beds of 180 s from ten o'clock on; the average count rate of each lies shortly before its middle.
    rate = np.log(2) / HALF_LIFE
    average = np.log(rate * 180 / (1 - np.exp(-rate * 180))) / rate
    assert 89 < average < 90
    path = pet(
        SeriesTime="120000",
        AcquisitionTime=["100000", "100300", "100600"],
        ActualFrameDuration="180000",
        FrameReferenceTime=[f"{1000 * (average + 180 * i):.6f}" for i in range(3)],
    )
    assert factor_of(path) == pytest.approx(left(3600), rel=1e-6)
    # A dynamic scan whose first volume is not there: its time is still known.
    path = pet(
        "late",
        SeriesTime="120000",
        AcquisitionTime="103000",
        ActualFrameDuration="180000",
        FrameReferenceTime=f"{1000 * (average + 1800):.6f}",
    )
    assert factor_of(path) == pytest.approx(left(3600), rel=1e-6)
    path = pet(
        "contradictory",
        SeriesTime="120000",
        AcquisitionTime=["100000", "100300", "100600"],
        ActualFrameDuration="180000",
        FrameReferenceTime="89000",
    )
    with pytest.raises(ReadError, match=r"say different things about when the scan began .*FrameReferenceTime"):
        read(path, units="SUVbw")


def test_all_volumes_of_a_series_count_from_one_scan(pet):
    # Two times of a dynamic series, made again afterwards, whose frames say nothing but when they were acquired.
    stored = np.concatenate([STORED, STORED])
    path = pet(
        stored=stored,
        SeriesTime="120000",
        ImagePositionPatient=[[0.0, 0.0, 3.0 * (i % 3)] for i in range(6)],
        AcquisitionTime=["100000"] * 3 + ["103000"] * 3,
        AcquisitionNumber=["1"] * 3 + ["2"] * 3,
    )
    for volume in (*read_all(path, units="SUVbw"), read(path, volume=1, units="SUVbw")):
        np.testing.assert_allclose(volume.array, STORED * 2.5 * left(3600), rtol=2e-7)


def private(path, group, creator, values):
    for file in path.iterdir():
        dataset = pydicom.dcmread(file)
        block = dataset.private_block(group, creator, create=True)
        for element, (kind, value) in values.items():
            block.add_new(element, kind, value)
        dataset.save_as(file)


def test_ge_says_when_a_series_that_was_made_again_was_scanned(pet):
    path = pet(SeriesTime="120000", AcquisitionTime="101500")
    private(path, 0x0009, "GEMS_PETD_01", {0x0D: ("DT", "20240305100000.00")})
    assert factor_of(path) == pytest.approx(left(3600), rel=1e-6)


def test_philips(pet):
    path = pet(Units="CNTS")
    private(path, 0x7053, "Philips PET Private Group", {0x00: ("DS", "0.00125"), 0x09: ("DS", "7.5")})
    assert factor_of(path) == pytest.approx(0.00125, rel=1e-6)
    for first in (("DS", "0"), ("DS", "")):
        path = pet(f"activity{first[1]}", Units="CNTS")
        private(path, 0x7053, "Philips PET Private Group", {0x00: first, 0x09: ("DS", "7.5")})
        assert factor_of(path) == pytest.approx(7.5 * left(3600), rel=1e-6)
    path = pet("neither", Units="CNTS")
    with pytest.raises(ReadError, match=r"counts without a factor .*\(7053,1000\) PhilipsSUVScaleFactor"):
        read(path, units="SUVbw")


def test_suv_stay(pet):
    path = pet(Units="GML", SUVType="BW")
    assert factor_of(path) == pytest.approx(1, rel=1e-6)
    assert read(path).meta["units"] == "GML"
    with pytest.raises(ReadError, match=r"SUV by 'LBM', not by body weight .*\(0054,1006\) SUVType"):
        read(pet("lean", Units="GML", SUVType="LBM"), units="SUVbw")


@pytest.mark.parametrize(
    ("fields", "item", "words"),
    [
        ({"PatientWeight": None}, {}, "missing or empty [(0010,1030) PatientWeight]"),
        ({"PatientWeight": ""}, {}, "missing or empty [(0010,1030) PatientWeight]"),
        ({"PatientWeight": "0"}, {}, "no positive number [(0010,1030) PatientWeight]"),
        ({"PatientWeight": "-70"}, {}, "no positive number [(0010,1030) PatientWeight]"),
        ({"PatientWeight": "70000"}, {}, "more than 700 kg"),
        ({"PatientWeight": ["70", "70", "71"]}, {}, "differs from that of another slice of the volume [(0010,1030)"),
        ({}, {"RadionuclideTotalDose": None}, "missing or empty [(0018,1074) RadionuclideTotalDose]"),
        ({}, {"RadionuclideTotalDose": 0}, "no positive number [(0018,1074) RadionuclideTotalDose]"),
        ({}, {"RadionuclideTotalDose": 370}, "may be in MBq or mCi, not in Bq [(0018,1074)"),
        ({}, {"RadionuclideHalfLife": None}, "missing or empty [(0018,1075) RadionuclideHalfLife]"),
        ({}, {"RadionuclideHalfLife": 0}, "no positive number [(0018,1075) RadionuclideHalfLife]"),
        ({}, {"RadiopharmaceuticalStartTime": None}, "missing or empty [(0018,1072) RadiopharmaceuticalStartTime]"),
        ({}, {"RadiopharmaceuticalStartTime": "99"}, "no time [(0018,1072) RadiopharmaceuticalStartTime]"),
        ({}, {"RadiopharmaceuticalStartDateTime": "20240305110000"}, "says another time of day"),
        (
            {},
            {"RadiopharmaceuticalStartDateTime": "20240305110000", "RadiopharmaceuticalStartTime": None},
            "the injection lies after the scan [(0018,1078) RadiopharmaceuticalStartDateTime]",
        ),
        ({}, {"RadiopharmaceuticalStartDateTime": "20230305090000"}, "more than 20 half-lives before the scan"),
        ({}, {"RadionuclideHalfLife": 282276.0}, "may be days ago [(0018,1078) RadiopharmaceuticalStartDateTime]"),
        ({"DecayCorrection": "NONE"}, {}, "no rule for 'NONE' [(0054,1102) DecayCorrection]"),
        ({"DecayCorrection": None}, {}, "missing or empty [(0054,1102) DecayCorrection]"),
        ({"CorrectedImage": ["DECY"]}, {}, "not corrected for attenuation"),
        ({"CorrectedImage": ["ATTN"]}, {}, "not corrected for decay, as far as the field says [(0028,0051)"),
        ({"CorrectedImage": None}, {}, "(0028,0051) CorrectedImage"),
        ({"Units": "PROPCPS"}, {}, "no rule for values in 'PROPCPS' [(0054,1001) Units]"),
        ({"Units": None}, {}, "missing or empty [(0054,1001) Units]"),
        ({"SeriesDate": None}, {}, "missing or empty [(0008,0021) SeriesDate]"),
        ({"SeriesTime": ""}, {}, "missing or empty [(0008,0031) SeriesTime]"),
        ({"AcquisitionTime": None}, {}, "missing or empty [(0008,0032) AcquisitionTime]"),
        ({"AcquisitionTime": "256161"}, {}, "no point in time [(0008,0032) AcquisitionTime]"),
        ({"SeriesTime": ["100000", "095000", "100000"]}, {}, "(0008,0031) SeriesTime"),
    ],
    ids=lambda value: value[-40:] if isinstance(value, str) else "",
)
@pytest.mark.filterwarnings("ignore")
def test_what_is_missing_or_odd_is_named(pet, fields, item, words):
    path = pet(sequence=injection(**item), **fields)
    assert read(path).shape == (3, 4, 5)
    with pytest.raises(ReadError, match=re.escape(words)) as caught:
        read(path, units="SUVbw")
    assert "no SUV: " in str(caught.value)
    assert not re.search(r"20240305|20230305|70000|370", str(caught.value).replace(str(path), ""))


def test_two_injections_are_refused(pet):
    two = pydicom.Sequence([*injection(), *injection()])
    with pytest.raises(ReadError, match=r"about 2 radiopharmaceuticals .*\(0054,0016\)"):
        read(pet(sequence=two), units="SUVbw")
    with pytest.raises(ReadError, match=r"missing or empty .*\(0054,0016\)"):
        read(pet("none", RadiopharmaceuticalInformationSequence=None), units="SUVbw")


def test_other_images_have_no_suv(tmp_path, write_series, pet):
    write_series(tmp_path / "ct", STORED, "CT")
    with pytest.raises(ReadError, match=r"no SUV: this is not PET .*Modality"):
        read(tmp_path / "ct", units="SUVbw")
    write(Volume(STORED), tmp_path / "a.nii")
    for call in (read, read_all):
        with pytest.raises(ReadError, match="no SUVbw: it is not DICOM"):
            call(tmp_path / "a.nii", units="SUVbw")
        with pytest.raises(ValueError, match="units must be 'SUVbw' or None; got 'SUV'"):
            call(tmp_path / "a.nii", units="SUV")
    (source,) = find_studies(tmp_path / "a.nii")
    with pytest.raises(ReadError, match="it is not DICOM"):
        source.read(units="SUVbw")


def test_units_that_dicom_does_not_define_are_not_told(pet):
    assert read(pet("known")).meta["units"] == "BQML"
    assert read(pet("other", Units="DOE JOHN")).meta["units"] == ""
