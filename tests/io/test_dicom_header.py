"""The compiled header parser against pydicom: the same frames, the same errors, for any bytes."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from cormack import _cormack_cpu, io
from cormack.io import _dicom_header
from cormack.io._dicom_header import _OWN_TAGS, _SHARED_TAGS, parse, parse_all, parse_with_pydicom

KINDS = ("native", "encapsulated", "no pixels", "not DICOM", "unsure")
# What comes with pydicom, without asking its server for more.
PYDICOM_FILES = sorted(
    path
    for path in Path(pydicom.data.__file__).parent.rglob("*")
    if path.is_file() and path.suffix not in (".py", ".pyc")
)


def outcome(parser: Callable[[Path], object], path: Path) -> object:
    try:
        return parser(path)
    except io.ReadError as error:
        return str(error)


def kind(path: Path) -> str:
    return KINDS[_cormack_cpu.dicom_headers([bytes(path)], _SHARED_TAGS, _OWN_TAGS)[0][0]]


@pytest.mark.parametrize("path", PYDICOM_FILES, ids=lambda path: path.name)
def test_matches_pydicom_on_its_own_files(path):
    assert outcome(parse, path) == outcome(parse_with_pydicom, path)


def test_most_of_the_files_of_pydicom_take_the_fast_path():
    kinds = [kind(path) for path in PYDICOM_FILES if path.suffix == ".dcm"]
    assert kinds.count("native") > len(kinds) // 4
    assert kinds.count("encapsulated") > len(kinds) // 8


@pytest.fixture
def series(tmp_path, write_series, stack):
    """Slices with a nested sequence, in several encodings."""
    inner = Dataset()
    inner.ReferencedSOPInstanceUID = "1.2.3"
    inner.PurposeOfReferenceCodeSequence = Sequence([Dataset(), Dataset()])
    inner.PurposeOfReferenceCodeSequence[0].CodeValue = "1"
    paths = write_series(tmp_path, stack, RescaleSlope=1.0, RescaleIntercept=-1024.0, RescaleType="HU")
    for k, path in enumerate(paths):
        dataset = pydicom.dcmread(path)
        dataset.SpecificCharacterSet = "ISO_IR 100"
        dataset.ReferencedImageSequence = Sequence([inner])
        open_ended = k % 2 == 0
        dataset["ReferencedImageSequence"].is_undefined_length = open_ended
        inner.is_undefined_length_sequence_item = open_ended
        inner["PurposeOfReferenceCodeSequence"].is_undefined_length = open_ended
        implicit = k in (1, 2, 5)
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        dataset.save_as(path, implicit_vr=implicit, little_endian=True)
        if k >= 4:
            # From before Part 10: no preamble, no group 0002.
            with open(path, "rb") as file:
                file.seek(132)
                pydicom.filereader._read_file_meta_info(file)
                rest = file.read()
            path.write_bytes(rest)
    return paths


def test_matches_pydicom_in_every_plain_encoding(series):
    parsed = dict(parse_all(series))
    assert [kind(path) for path in series] == ["native"] * len(series)
    for path in series:
        (frame,) = parsed[path]
        assert [frame] == parse_with_pydicom(path)
        assert frame.intercept == -1024


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_threads_change_nothing(series, workers):
    paths = [bytes(path) for path in series * 5]
    expected = [header for path in paths for header in _cormack_cpu.dicom_headers([path], _SHARED_TAGS, _OWN_TAGS, 1)]
    assert _cormack_cpu.dicom_headers(paths, _SHARED_TAGS, _OWN_TAGS, workers) == expected


def test_matches_pydicom_on_every_truncation(series, tmp_path):
    for source, step in ((series[0], 3), (series[2], 7), (series[3], 7), (series[4], 7)):
        content = source.read_bytes()
        path = tmp_path / "cut"
        for length in range(0, len(content), step):
            path.write_bytes(content[:length])
            assert outcome(parse, path) == outcome(parse_with_pydicom, path), length


def test_matches_pydicom_on_flipped_bytes(series, tmp_path):
    rng = random.Random(0)
    path = tmp_path / "flipped"
    fast = 0
    for trial in range(600):
        broken = bytearray(series[trial % len(series)].read_bytes())
        for _ in range(rng.choice([1, 1, 2, 5])):
            broken[rng.randrange(len(broken))] = rng.choice([0, 1, 0x7F, 0xFF, rng.randrange(256)])
        path.write_bytes(broken)
        fast += kind(path) in ("native", "no pixels")
        assert outcome(parse, path) == outcome(parse_with_pydicom, path), trial
    assert fast > 200


def test_odd_encodings_are_left_to_pydicom(tmp_path, write_series, stack):
    first, second, third, fourth, fifth = write_series(tmp_path, stack[:5])
    content = first.read_bytes()
    at = content.index(b"\x28\x00\x10\x00US")
    first.write_bytes(content[: at + 4] + b"ZZ" + content[at + 6 :])
    content = second.read_bytes()
    at = content.index(b"\x08\x00\x60\x00CS")
    second.write_bytes(content[:at] + content[at : at + 10] * 2 + content[at + 10 :])
    content = third.read_bytes()
    at = content.index(b"\x08\x00\x16\x00UI")
    third.write_bytes(content[:at] + b"\x08\x00\x05\x00CS\x06\x00ISO???" + content[at:])
    dataset = pydicom.dcmread(fourth)
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    dataset.save_as(fourth)
    fifth.write_bytes(fifth.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0"))
    for path in (first, second, third, fourth, fifth):
        assert kind(path) == "unsure"
        assert outcome(parse, path) == outcome(parse_with_pydicom, path)


def test_a_deep_nest_of_sequences_ends(tmp_path, write_series, stack):
    (path,) = write_series(tmp_path, stack[:1])
    content = path.read_bytes()
    at = content.index(b"\x08\x00\x60\x00CS")
    nest = (b"\x08\x00\x40\x11SQ\0\0" + b"\xff" * 4 + b"\xfe\xff\x00\xe0" + b"\xff" * 4) * 50_000
    path.write_bytes(content[:at] + nest + content[at:])
    assert kind(path) == "unsure"
    with pytest.raises(io.ReadError):
        parse(path)


def test_lengths_beyond_the_file_allocate_nothing(tmp_path, write_series, stack):
    (path,) = write_series(tmp_path, stack[:1])
    content = path.read_bytes()
    at = content.index(b"\x08\x00\x60\x00CS")
    for vr in (b"UT", b"OB", b"SQ"):
        path.write_bytes(content[:at] + b"\x08\x00\x50\x00" + vr + b"\0\0\xf0\xff\xff\xff" + content[at:])
        assert kind(path) == "unsure"
        assert outcome(parse, path) == outcome(parse_with_pydicom, path)


def test_large_values_before_the_pixels_are_skipped(tmp_path, write_series, stack):
    (path,) = write_series(tmp_path, stack[:1], TextValue="x" * 300_000)
    assert kind(path) == "native"
    assert parse(path) == parse_with_pydicom(path)


def test_fields_of_one_slice_do_not_leak_into_the_next(tmp_path, write_dicom, stack):
    place = {"ImageOrientationPatient": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0], "PixelSpacing": [1.0, 1.0]}
    cases = [
        {"ImagePositionPatient": [1.0, 2.0, 3.0], "InstanceNumber": 7},
        {"ImagePositionPatient": [4.0, 5.0, 6.0], "InstanceNumber": None},
        {"ImagePositionPatient": None},
        {"ImagePositionPatient": [4.0, 5.0]},
        {"ImagePositionPatient": [7.0, 8.0, 9.0], "Rows": 6},
        {"ImagePositionPatient": [7.0, 8.0, 9.0], "NumberOfFrames": 0},
        {"ImagePositionPatient": [7.0, 8.0, 9.0], "NumberOfFrames": -3},
    ]
    for modality in ("CT", "OT"):
        # Twice: in the second round every one has one like it before it.
        paths = [
            write_dicom(tmp_path / f"{modality}{turn}{k}.dcm", stack[0], modality, **{**place, **case})
            for turn in range(2)
            for k, case in enumerate(cases)
        ]
        for path, parsed in parse_all(paths):
            assert (str(parsed) if isinstance(parsed, io.ReadError) else parsed) == outcome(parse_with_pydicom, path)


def test_special_files_are_not_waited_for(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe")
    assert kind(tmp_path / "pipe") == "unsure"
    assert kind(tmp_path) == "unsure"
    assert kind(tmp_path / "missing") == "unsure"


def test_a_name_that_is_not_text(tmp_path, write_series, stack):
    (path,) = write_series(tmp_path, stack[:1])
    odd = Path(str(tmp_path) + "/\udcff.dcm")
    shutil.copy(path, odd)
    assert [frame.file.path for frame in parse(odd)] == [odd]


def test_errors_keep_their_order_among_many_files(tmp_path, write_series, stack, monkeypatch):
    monkeypatch.setattr(_dicom_header, "_BATCH", 4)
    paths = write_series(tmp_path, np.concatenate([stack, stack]))
    paths[5].write_bytes(b"")
    results = list(parse_all(paths))
    assert [path for path, _ in results] == paths
    assert [isinstance(parsed, io.ReadError) for _, parsed in results] == [k == 5 for k in range(12)]


@pytest.mark.parametrize("start", [132, 336, 1500, 3000])
def test_zeros_where_a_copy_broke_off_end_in_words_at_once(tmp_path, monkeypatch, start):
    whole = Path(pydicom.data.get_testdata_file("CT_small.dcm", download=False)).read_bytes()
    path = tmp_path / "broken.dcm"
    path.write_bytes(whole[:start] + bytes(1 << 16))
    read = 0

    def counted(*arguments, **settings):
        nonlocal read
        for element in elements(*arguments, **settings):
            read += 1
            yield element

    elements = pydicom.filereader.data_element_generator
    monkeypatch.setattr(pydicom.filereader, "data_element_generator", counted)
    with pytest.raises(io.ReadError, match="group 0000"):
        io.read(path)
    assert read < 200
