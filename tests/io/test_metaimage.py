"""MetaImage: values and place; truth is SimpleITK."""

from __future__ import annotations

import contextlib
import os
import random
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cormack import Volume, io
from cormack.io import _bytes

DTYPES = [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32, np.float32, np.float64]
SLOW_FIXTURES = [HealthCheck.function_scoped_fixture]
VALUES = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
FIELDS = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "BinaryDataByteOrderMSB": "False",
    "TransformMatrix": "1 0 0 0 1 0 0 0 1",
    "Offset": "1 2 3",
    "ElementSpacing": "1 2 3",
    "DimSize": "4 3 2",
    "ElementType": "MET_SHORT",
}


def rotation(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def save(path: Path, content: bytes = VALUES.tobytes(), data_file: str = "LOCAL", **fields: str | None) -> Path:
    """Write a header, fields of None left out, and what follows it."""
    header = {name: value for name, value in {**FIELDS, **fields}.items() if value is not None}
    lines = [f"{name} = {value}\n" for name, value in header.items()]
    path.write_bytes("".join([*lines, f"ElementDataFile = {data_file}\n"]).encode() + content)
    return path


def from_itk(path: Path) -> Volume:
    return Volume.from_sitk(sitk.ReadImage(str(path)))


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW_FIXTURES)
@given(
    kind=st.sampled_from([*DTYPES, np.bool_, np.float16, np.int64]),
    ndim=st.sampled_from([2, 3]),
    angle=st.floats(-3, 3),
    spacing=st.tuples(*[st.floats(0.3, 5)] * 3),
    origin=st.tuples(*[st.floats(-500, 500)] * 3),
)
def test_itk_reads_what_is_written(tmp_path, kind, ndim, angle, spacing, origin):
    array = np.random.default_rng(1).integers(0, 100, (2, 3, 4)[:ndim]).astype(kind)
    direction = (
        rotation(angle) if ndim == 3 else np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    )
    volume = Volume(array, spacing[:ndim], origin[:ndim], direction)
    path = tmp_path / "a.mha"
    io.write(volume, path)
    back, itk = io.read(path), from_itk(path)
    np.testing.assert_array_equal(back.array, array)
    assert (back.spacing, back.origin) == (volume.spacing, volume.origin)
    np.testing.assert_array_equal(back.direction, volume.direction)
    # ITK reads no subnormal numbers.
    np.testing.assert_array_equal(itk.array, array)
    volume.check_geometry(itk, 1e-12)
    assert back.dtype == {np.bool_: np.uint8, np.float16: np.float32, np.int64: np.int32}.get(kind, kind)
    io.write(back, tmp_path / "b.mha")
    assert (tmp_path / "b.mha").read_bytes() == path.read_bytes()


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW_FIXTURES)
@given(
    kind=st.sampled_from([*DTYPES, np.int64, np.uint64]),
    ndim=st.sampled_from([2, 3]),
    angle=st.floats(-3, 3),
    spacing=st.tuples(*[st.floats(0.3, 5)] * 3),
    name=st.sampled_from(["a.mha", "a.mhd"]),
    packed=st.booleans(),
)
def test_what_itk_writes_is_read(tmp_path, kind, ndim, angle, spacing, name, packed):
    array = np.random.default_rng(1).integers(0, 100, (2, 3, 4)[:ndim]).astype(kind)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing[:ndim])
    image.SetOrigin((1.5, -2, 3)[:ndim])
    if ndim == 3:
        image.SetDirection(rotation(angle).ravel().tolist())
    sitk.WriteImage(image, str(tmp_path / name), packed)
    volume = io.read(tmp_path / name)
    volume.check_geometry(from_itk(tmp_path / name), 1e-9)
    np.testing.assert_array_equal(volume.array, array)
    assert volume.array.flags.c_contiguous
    assert volume.array.flags.writeable
    assert volume.meta["format"] == "metaimage"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"AnatomicalOrientation": "LAS"},
        {"AnatomicalOrientation": "RAI", "CenterOfRotation": "5 5 5", "Comment": "a = b: c"},
        {"ElementSpacing": None},
        {"ElementSpacing": None, "ElementSize": "5 6 7"},
        {"ElementSize": "5 6 7"},
        {"ElementSpacing": "1 -2 3"},
        {"Offset": None, "Position": "7 8 9"},
        {"Offset": None, "Origin": "7 8 9"},
        {"Offset": None},
        {"TransformMatrix": None, "Rotation": "0 1 0 -1 0 0 0 0 1"},
        {"TransformMatrix": None, "Orientation": "0 1 0 0 0 1 1 0 0"},
        {"TransformMatrix": None},
        {"ObjectType": None},
        {"BinaryData": None, "BinaryDataByteOrderMSB": None},
        {"HeaderSize": "-1"},
        {"DistanceUnits": "mm"},
        {"ElementType": "MET_USHORT"},
        {"ElementToIntensityFunctionSlope": "1", "ElementToIntensityFunctionOffset": "0"},
    ],
)
def test_fields_mean_what_they_mean_to_itk(tmp_path, fields):
    content = b"spare" + VALUES.tobytes() if "HeaderSize" in fields else VALUES.tobytes()
    path = save(tmp_path / "a.mha", content, **fields)
    volume, itk = io.read(path), from_itk(path)
    np.testing.assert_array_equal(volume.array, itk.array)
    assert volume.dtype == itk.dtype
    volume.check_geometry(itk, 1e-12)


@pytest.mark.parametrize("name", ["BinaryDataByteOrderMSB", "ElementByteOrderMSB"])
@pytest.mark.parametrize("kind", ["i2", "u2", "i4", "f4", "f8"])
def test_byte_order(tmp_path, name, kind):
    types = {"i2": "MET_SHORT", "u2": "MET_USHORT", "i4": "MET_LONG", "f4": "MET_FLOAT", "f8": "MET_DOUBLE"}
    fields = {"BinaryDataByteOrderMSB": None, name: "True", "ElementType": types[kind]}
    path = save(tmp_path / "a.mha", VALUES.astype(f">{kind}").tobytes(), **fields)
    np.testing.assert_array_equal(io.read(path).array, from_itk(path).array)
    assert io.read(path).dtype == np.dtype(kind)


def test_separators_line_ends_and_letters(tmp_path):
    path = tmp_path / "a.mha"
    text = "".join(f"{name}:\t{value}\r\n" for name, value in FIELDS.items()) + "ElementDataFile: Local\r\n"
    path.write_bytes(text.encode() + VALUES.tobytes())
    np.testing.assert_array_equal(io.read(path).array, VALUES)
    # ITK passes over such a field, and takes spacing 1.
    assert io.read(save(path, ElementSpacing=None, elementspacing="4 5 6")).spacing == (6, 5, 4)


def test_compressed_without_its_size(tmp_path):
    """ITK shows memory that nobody wrote."""
    for packed in (zlib.compress(VALUES.tobytes()), zlib.compress(VALUES.tobytes(), wbits=31)):
        path = save(tmp_path / "a.mha", packed, CompressedData="True")
        np.testing.assert_array_equal(io.read(path).array, VALUES)


def test_4d(tmp_path):
    data = np.arange(48, dtype=np.int16).reshape(2, 2, 3, 4)
    fields = {
        "NDims": "4",
        "DimSize": "4 3 2 2",
        "Offset": "1 2 3 4",
        "ElementSpacing": "1 2 3 4",
        "TransformMatrix": "0 1 0 0 -1 0 0 0 0 0 1 0 0 0 0 1",
    }
    for packed in ("False", "True"):
        content = zlib.compress(data.tobytes()) if packed == "True" else data.tobytes()
        path = save(tmp_path / "a.mha", content, **fields, CompressedData=packed)
        with pytest.raises(io.ReadError, match=r"2 volumes in one file, size \[4, 3, 2, 2\] .*volume=0 to volume=1"):
            io.read(path)
        for index, volume in enumerate(io.read_all(path)):
            np.testing.assert_array_equal(volume.array, data[index])
            assert (volume.spacing, volume.origin) == ((3, 2, 1), (3, 2, 1))
            np.testing.assert_array_equal(volume.direction_xyz, [[0, -1, 0], [1, 0, 0], [0, 0, 1]])
        with pytest.raises(io.ReadError, match="no volume 2"):
            io.read(path, volume=2)
    path = save(tmp_path / "a.mha", **{**fields, "DimSize": "4 3 2 1"})
    np.testing.assert_array_equal(io.read(path).array, VALUES)


def test_all_volumes_are_inflated_once(tmp_path, monkeypatch):
    data = np.arange(960, dtype=np.int16)
    fields = {"NDims": "4", "DimSize": "4 3 2 40", "Offset": None, "ElementSpacing": None, "TransformMatrix": None}
    path = save(tmp_path / "a.mha", zlib.compress(data.tobytes()), **fields, CompressedData="True")
    opened = []
    inflate = _bytes.Bytes.fill
    monkeypatch.setattr(_bytes.Bytes, "fill", lambda self, target: opened.append(len(target)) or inflate(self, target))
    volumes = io.read_all(path)
    np.testing.assert_array_equal(np.stack([volume.array for volume in volumes]).ravel(), data)
    assert sum(size for size in opened if size < 1 << 18) == data.nbytes


def test_voxels_in_another_file(tmp_path):
    (tmp_path / "b.raw").write_bytes(b"spare" + VALUES.tobytes())
    path = save(tmp_path / "a.mhd", b"", "b.raw", HeaderSize="5")
    np.testing.assert_array_equal(io.read(path).array, VALUES)
    np.testing.assert_array_equal(from_itk(path).array, VALUES)
    (source,) = io.find_studies(tmp_path)
    assert (source.kind, source.id, source.files) == ("metaimage", "a", (path, tmp_path / "b.raw"))
    np.testing.assert_array_equal(source.read().array, VALUES)


# What is wrong


@pytest.mark.parametrize("name", ["../b.raw", "/etc/passwd", "x/b.raw", "x\\b.raw", "..", "C:b.raw", "b\0.raw", " "])
def test_no_file_of_another_folder_is_read(tmp_path, name):
    folder = tmp_path / "inner"
    folder.mkdir()
    (tmp_path / "b.raw").write_bytes(VALUES.tobytes())
    with pytest.raises(io.ReadError, match="only a file in the same folder is read"):
        io.read(save(folder / "a.mhd", b"", name))


def test_pipe_beside_the_header_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "b.raw")
    with pytest.raises(io.ReadError, match="is no file"):
        io.read(save(tmp_path / "a.mhd", b"", "b.raw"))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"NDims": None}, "NDims|missing"),
        ({"NDims": "x"}, "expected a whole number, found 'x'"),
        ({"NDims": "2"}, "impossible size '4 3 2' for 2 dimensions"),
        ({"DimSize": "4 0 2"}, "impossible size"),
        ({"DimSize": "4 -3 -2"}, "impossible size"),
        ({"DimSize": "400 300 200"}, "truncated: the header announces 48000000 bytes"),
        ({"DimSize": f"{2**40} {2**40} 4"}, "truncated: the header announces"),
        ({"NDims": "1", "DimSize": "24"}, "neither 2D nor 3D"),
        ({"ElementType": "MET_OTHER"}, "type 'MET_OTHER' are not supported"),
        ({"ElementType": "MET_FLOAT_ARRAY"}, "not supported"),
        ({"ElementType": None}, "missing"),
        ({"ElementNumberOfChannels": "3"}, "each voxel has 3 values"),
        ({"BinaryData": "False"}, "written as text"),
        ({"BinaryData": "maybe"}, "expected True or False"),
        # ITK takes it for False.
        ({"BinaryDataByteOrderMSB": "yes"}, "expected True or False, found 'yes'"),
        ({"ElementByteOrderMSB": "True"}, "contradicts BinaryDataByteOrderMSB"),
        ({"Origin": "7 8 9"}, "contradicts Offset"),
        ({"Rotation": "0 1 0 -1 0 0 0 0 1"}, "contradicts TransformMatrix"),
        ({"ElementSpacing": "1 2"}, "expected 3 finite numbers, found '1 2'"),
        ({"ElementSpacing": "1 2 nan"}, "expected 3 finite numbers"),
        ({"ElementSpacing": "0 2 3"}, "is zero"),
        ({"Offset": "1 2 x"}, "expected 3 finite numbers"),
        ({"TransformMatrix": "1 0 0 0 1 0 0 0 0"}, "geometry"),
        ({"TransformMatrix": "1 0.3 0 0 1 0 0 0 1"}, "not perpendicular|geometry"),
        ({"TransformMatrix": "1 0 0"}, "expected 9 finite numbers"),
        ({"DistanceUnits": "um"}, "lengths must be in mm, found 'um'"),
        ({"ElementToIntensityFunctionSlope": "2"}, "scaled"),
        ({"ElementToIntensityFunctionOffset": "-1024"}, "scaled"),
        ({"HeaderSize": "-2"}, "cannot be -2"),
        ({"HeaderSize": "9"}, "cannot be 9 where the voxels follow the header"),
        ({"HeaderSize": "-1", "CompressedData": "True"}, "cannot be -1 for compressed voxels"),
        ({"CompressedData": "True"}, "damaged zlib data"),
        ({"ObjectType": "Tube"}, "'Tube' is no image"),
    ],
)
def test_nonsense_in_the_header_is_refused(tmp_path, fields, words):
    with pytest.raises(io.ReadError, match=words):
        io.read(save(tmp_path / "a.mha", **fields))


@pytest.mark.parametrize(("name", "value"), [("Offset", "4 5 6"), ("DimSize", "2 3 4"), ("elementtype", "MET_USHORT")])
def test_field_that_is_there_twice(tmp_path, name, value):
    """ITK takes the last of them."""
    path = save(tmp_path / "a.mha")
    content = path.read_bytes()
    path.write_bytes(f"{name} = {value}\n".encode() + content)
    with pytest.raises(io.ReadError, match=r"(?i)there twice, with different values \[" + name):
        io.read(path)
    path.write_bytes(b"Comment = a\nComment = b\nOther = a\nOther = b\nOffset = 1 2 3\n" + content)
    np.testing.assert_array_equal(io.read(path).array, VALUES)


@pytest.mark.parametrize(
    ("data_file", "words"),
    [
        ("LIST", "several files"),
        ("List 2D", "several files"),
        ("slice%03d.raw 1 10 1", "several files"),
        ("missing.raw", "'missing.raw', cannot be read: No such file"),
    ],
)
def test_other_places_of_voxels_are_refused(tmp_path, data_file, words):
    with pytest.raises(io.ReadError, match=words):
        io.read(save(tmp_path / "a.mhd", b"", data_file))


def test_header_without_end(tmp_path):
    path = tmp_path / "a.mha"
    for content, words in (
        (b"ObjectType = Image\nNDims = 3\n", "does not say where the voxels are"),
        (b"ObjectType = Image\n" + b"x" * (3 << 20), "does not say where the voxels are"),
        (b"ObjectType = Image\n" + b"a = b\n" * (1 << 20), "does not say where the voxels are"),
        (b"ObjectType = Image\nrubbish\n", "line 2 is no 'name = value'"),
        (b"\x89PNG but no image\n", "not a MetaImage|damaged"),
        (b"", "empty file"),
    ):
        path.write_bytes(content)
        with pytest.raises(io.ReadError, match=words):
            io.read(path)


@pytest.mark.parametrize("kept", [0.6, 0.9, 0.99])
@pytest.mark.parametrize("packed", [True, False])
def test_truncated_file_is_refused(tmp_path, kept, packed):
    path = tmp_path / "a.mha"
    array = np.random.default_rng(0).integers(0, 9999, (9, 20, 20), np.int16)
    if packed:
        io.write(Volume(array), path)
    else:
        save(path, array.tobytes(), DimSize="20 20 9")
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(io.ReadError, match="truncated"):
        io.read(path)


def test_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "a.mha"
    io.write(Volume(np.random.default_rng(0).integers(0, 9999, (9, 20, 20), np.int16)), path)
    content = path.read_bytes()
    for place in (len(content) // 2, len(content) - 3):
        broken = bytearray(content)
        broken[place] ^= 1
        path.write_bytes(broken)
        with pytest.raises(io.ReadError, match=r"damaged zlib data|truncated"):
            io.read(path)


def test_damaged_files_never_raise_anything_else(tmp_path):
    path = tmp_path / "a.mha"
    rng = random.Random(0)
    io.write(Volume(VALUES), path)
    starts = [path.read_bytes(), save(path).read_bytes()]
    for _ in range(300):
        broken = bytearray(rng.choice(starts))
        for _ in range(rng.choice([1, 3, 10])):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        path.write_bytes(broken[: rng.choice([len(broken), rng.randrange(len(broken))])])
        with contextlib.suppress(io.ReadError):
            io.read(path)


def test_find_studies_and_scan_list_them(tmp_path):
    io.write(Volume(VALUES, (3, 2, 1), (5, 6, 7), rotation(0)), tmp_path / "a.mha")
    save(tmp_path / "b.mhd", b"", "b.raw")
    (tmp_path / "b.raw").write_bytes(VALUES.tobytes())
    save(tmp_path / "c.mha", ElementNumberOfChannels="3")
    save(tmp_path / "noname")
    (tmp_path / "d.mha").write_text("no image\n")
    found = io.find_studies(tmp_path)
    # What has no suffix is looked at for DICOM only.
    assert [(source.id, source.kind, source.error is None) for source in found] == [
        ("a", "metaimage", True),
        ("b", "metaimage", True),
        ("c", "metaimage", False),
        ("d", "metaimage", False),
    ]
    rows = list(io.scan(tmp_path).rows())
    assert [row["format"] for row in rows] == ["metaimage", "metaimage", "", "", "metaimage"]
    first = rows[0]
    assert [first[f"size_{axis}"] for axis in "zyx"] == [2, 3, 4]
    assert [first[f"spacing_{axis}"] for axis in "zyx"] == [3, 2, 1]
    assert (first["orientation"], first["dtype"], first["problem"]) == ("LPS", "int16", "")
    assert "each voxel has 3 values" in rows[2]["problem"]


def test_label_map(tmp_path):
    io.write(Volume((VALUES > 9).astype(np.uint8)), tmp_path / "mask.mha")
    np.testing.assert_array_equal(io.read_mask(tmp_path / "mask.mha").array, VALUES > 9)


def test_cap_on_memory(tmp_path):
    path = save(tmp_path / "a.mha")
    assert io.read(path, max_bytes=48).shape == (2, 3, 4)
    with pytest.raises(io.ReadError, match="would take 48 bytes of memory; the limit is 47 bytes"):
        io.read(path, max_bytes=47)


def test_scan_of_archives_and_of_headers_without_voxels(tmp_path):
    io.write(Volume(VALUES, (3, 2, 1)), tmp_path / "a.mha")
    save(tmp_path / "b.mhd", b"", "Secret_Person.raw")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.write(tmp_path / "a.mha", "inner/a.mha")
        archive.write(tmp_path / "b.mhd", "inner/b.mhd")
    rows = list(io.scan(tmp_path).rows())
    assert [row["format"] for row in rows] == ["metaimage", "", "metaimage", ""]
    assert [rows[2][name] for name in ("size_z", "spacing_z", "dtype", "problem")] == [2, 3.0, "int16", ""]
    for row in (rows[1], rows[3]):
        assert "the file of the voxels" in row["problem"]
        assert "Secret" not in row["problem"]
