"""Gzip data: what Cormack writes is read by all, and what others write by Cormack; truth is Python's gzip."""

from __future__ import annotations

import gzip
import io as streams
import os
import random
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

import cormack
from cormack import Volume, io
from cormack.io import _bytes, _gzip


@pytest.fixture(params=["isal", "zlib"])
def codec(request, monkeypatch):
    """Both libraries; isal is what users of the extra io have."""
    chosen = zlib if request.param == "zlib" else pytest.importorskip("isal.isal_zlib")
    monkeypatch.setattr(_gzip, "codec", lambda: chosen)
    return chosen


@pytest.fixture(scope="module")
def voxels() -> np.ndarray:
    """A few pieces, of noise that deflates to half and of zeros."""
    array = np.random.default_rng(0).integers(-40, 40, (11, 512, 512), np.int16)
    array[3:5] = 0
    return array


def content_of(array: np.ndarray) -> bytes:
    file = streams.BytesIO()
    _gzip.write_gzip(file, b"", array)
    return file.getvalue()


def bgzf(content: bytes, block: int = 65280) -> bytes:
    """As bgzip writes it (SAM specification, 4.1)."""
    result = b""
    for start in [*range(0, len(content), block), len(content)]:
        part = content[start : start + block]
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        packed = packer.compress(part) + packer.flush()
        head = struct.pack("<4BI2BH2sHH", 31, 139, 8, 4, 0, 0, 255, 6, b"BC", 2, len(packed) + 25)
        result += head + packed + struct.pack("<II", zlib.crc32(part), len(part))
    return result


def mgzip(content: bytes, block: int = 1 << 20) -> bytes:
    """As mgzip and pgzip write it."""
    result = b""
    for start in range(0, len(content), block):
        part = content[start : start + block]
        packer = zlib.compressobj(1, zlib.DEFLATED, -15)
        packed = packer.compress(part) + packer.flush()
        head = struct.pack("<4BI2BH2sHI", 31, 139, 8, 4, 0, 0, 255, 8, b"SZ", 4, len(packed) + 28)
        result += head + packed + struct.pack("<II", zlib.crc32(part), len(part))
    return result


def is_indexed(path: Path) -> bool:
    with open(path, "rb") as file:
        return bool(_gzip.pieces_of(file.fileno(), 0))


@pytest.mark.parametrize("length", [0, 1, 1000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 19])
@pytest.mark.parametrize("start", [b"", b"x" * 352])
def test_any_length_is_read_by_gzip_and_zlib(codec, length, start):
    array = np.random.default_rng(length).integers(0, 9, length).astype(np.uint8)
    file = streams.BytesIO()
    file.write(b"before")
    _gzip.write_gzip(file, start, array)
    packed = file.getvalue()[6:]
    assert gzip.decompress(packed) == start + array.tobytes()
    whole = zlib.decompressobj(31)
    # One member: readers that stop after the first have all of it.
    assert whole.decompress(packed) == start + array.tobytes()
    assert (whole.eof, whole.unused_data) == (True, b"")


@pytest.mark.parametrize("length", [0, 1, 1000, 1 << 20, 5 << 19])
def test_zlib_data_are_read_by_zlib(codec, length):
    array = np.random.default_rng(length).integers(0, 9, length).astype(np.uint8)
    file = streams.BytesIO()
    assert _gzip.write_zlib(file, array) == len(file.getvalue())
    assert zlib.decompress(file.getvalue()) == array.tobytes()


@settings(deadline=None, max_examples=50)
@given(parts=st.lists(st.binary(max_size=300), max_size=5), long=st.integers(0, 200_000))
def test_joined_checksums_equal_those_of_zlib(parts, long):
    parts.append(bytes([255]) * long)
    crc, adler = 0, 1
    for part in parts:
        crc = _gzip.joined_crc32(crc, zlib.crc32(part), len(part))
        adler = _gzip.joined_adler32(adler, zlib.adler32(part), len(part))
    assert (crc, adler) == (zlib.crc32(b"".join(parts)), zlib.adler32(b"".join(parts)))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_same_bytes_on_any_number_of_threads(voxels, threads):
    before = cormack.get_num_threads()
    try:
        cormack.set_num_threads(threads)
        packed = content_of(voxels)
    finally:
        cormack.set_num_threads(before)
    assert packed == content_of(voxels)
    assert gzip.decompress(packed) == voxels.tobytes()


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_large_volume_is_read_by_itk_gunzip_and_cormack(tmp_path, codec, voxels, suffix):
    path = tmp_path / f"a{suffix}"
    io.write(Volume(voxels), path)
    np.testing.assert_array_equal(io.read(path).array, voxels)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), voxels)
    if suffix == ".nii.gz":
        assert is_indexed(path)
        if program := shutil.which("gunzip"):
            plain = subprocess.run([program, "-c", str(path)], capture_output=True, check=True).stdout
            assert plain[352:] == voxels.tobytes()


def mgzip_large(content: bytes) -> bytes:
    return mgzip(content, 4_000_000)


@pytest.mark.parametrize(
    "pack", [gzip.compress, bgzf, mgzip, mgzip_large], ids=["one member", "BGZF", "mgzip", "mgzip, large blocks"]
)
@pytest.mark.parametrize("padding", [b"", bytes(50)], ids=["", "padded"])
def test_files_of_others(tmp_path, codec, voxels, pack, padding):
    path = tmp_path / "a.nii"
    io.write(Volume(voxels), path)
    packed = tmp_path / "b.nii.gz"
    packed.write_bytes(pack(path.read_bytes()) + padding)
    assert is_indexed(packed) == (pack is not gzip.compress and not padding)
    np.testing.assert_array_equal(io.read(packed).array, voxels)


@pytest.mark.parametrize("flags", range(32))
def test_every_kind_of_header(tmp_path, codec, flags):
    """RFC 1952, 2.3.1: text, checksum of the header, extra field, name, comment."""
    volume = Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    path = tmp_path / "a.nii"
    io.write(volume, path)
    head = struct.pack("<4BI2B", 31, 139, 8, flags, 7, 0, 3)
    for flag, field in ((4, b"\5\0extra"), (8, b"name\0"), (16, b"comment\0")):
        head += field if flags & flag else b""
    if flags & 2:
        head += struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    packed = tmp_path / "b.nii.gz"
    packed.write_bytes(head + gzip.compress(path.read_bytes())[10:])
    np.testing.assert_array_equal(io.read(packed).array, volume.array)


def test_very_many_members(tmp_path, codec, monkeypatch, voxels):
    monkeypatch.setattr(_gzip, "_MOST_MEMBERS", 20)
    io.write(Volume(voxels), tmp_path / "a.nii")
    path = tmp_path / "b.nii.gz"
    path.write_bytes(bgzf((tmp_path / "a.nii").read_bytes()))
    assert not is_indexed(path)
    np.testing.assert_array_equal(io.read(path).array, voxels)


def test_4d_takes_what_it_needs(tmp_path, codec):
    data = np.random.default_rng(0).integers(0, 9, (3, 10, 512, 512), np.int16)
    header = io._nifti._nifti_header.make(data.shape[::-1], data.dtype, np.eye(4))
    with open(tmp_path / "a.nii.gz", "wb") as file:
        _gzip.write_gzip(file, header, data)
    for index in range(3):
        np.testing.assert_array_equal(io.read(tmp_path / "a.nii.gz", volume=index).array, data[index])


def inflated(path: Path) -> bytes | None:
    """What Python's gzip makes of a file; None for damage."""
    try:
        return gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error):
        return None


@pytest.mark.parametrize("writer", ["cormack", "BGZF"])
def test_damage_anywhere_is_noticed(tmp_path, voxels, writer, monkeypatch):
    # Small ones go the way of large ones.
    monkeypatch.setattr(_bytes, "_LARGE", 1 << 16)
    monkeypatch.setattr(_gzip, "_PIECE", 1 << 16)
    voxels = voxels[2:4, :256]
    path = tmp_path / "a.nii.gz"
    io.write(Volume(voxels), path)
    if writer == "BGZF":
        path.write_bytes(bgzf(gzip.decompress(path.read_bytes())))
    content = path.read_bytes()
    assert is_indexed(path)
    rng = random.Random(1)
    places = [*range(30), *range(len(content) - 30, len(content)), *(rng.randrange(len(content)) for _ in range(40))]
    for place in places:
        broken = bytearray(content)
        broken[place] ^= 1 << rng.randrange(8)
        path.write_bytes(broken)
        expected = inflated(path)
        if expected is not None and expected[352:] == voxels.tobytes():
            # Names, times and the index say nothing about the voxels.
            np.testing.assert_array_equal(io.read(path).array, voxels)
        else:
            with pytest.raises(io.ReadError):
                io.read(path)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999, 0.999999])
def test_cut_off(tmp_path, codec, voxels, kept):
    path = tmp_path / "a.nii.gz"
    io.write(Volume(voxels), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(io.ReadError, match="truncated"):
        io.read(path)


@pytest.mark.parametrize("large", [False, True])
def test_rubbish_behind_the_end(tmp_path, codec, voxels, large):
    path = tmp_path / "a.nii.gz"
    io.write(Volume(voxels if large else voxels[:1, :9]), path)
    with open(path, "ab") as file:
        file.write(b"rubbish")
    with pytest.raises(io.ReadError, match="damaged gzip data"):
        io.read(path)


def test_bomb_takes_no_memory(tmp_path, codec):
    path = tmp_path / "a.nii.gz"
    shape = (30_000, 30_000, 30_000)
    head = io._nifti._nifti_header.make(shape, np.dtype(np.int16), np.eye(4))
    path.write_bytes(gzip.compress(head + bytes(10 << 20), 9))
    with pytest.raises(io.ReadError, match="truncated: the header announces 54000000000352 bytes"):
        io.read(path)


@pytest.mark.parametrize(
    "index",
    [
        struct.pack("<QI", 1 << 60, 1 << 20),
        struct.pack("<QI", 100, 0),
        struct.pack("<QI", 1 << 20, 0xFFFFFFFF) + struct.pack("<II", 5, 5),
        struct.pack("<QI", 6 << 20, 1 << 20) + struct.pack("<II", 0xFFFFFFFF, 5) * 6,
        b"",
        b"odd",
    ],
)
def test_index_that_lies_is_not_believed(tmp_path, codec, voxels, index):
    path = tmp_path / "a.nii"
    io.write(Volume(voxels), path)
    member = gzip.compress(path.read_bytes(), 1)
    extra = b"Cm" + struct.pack("<H", len(index)) + index
    packed = tmp_path / "b.nii.gz"
    packed.write_bytes(member[:3] + b"\4" + member[4:10] + struct.pack("<H", len(extra)) + extra + member[10:])
    np.testing.assert_array_equal(io.read(packed).array, voxels)


def test_index_of_other_sizes_that_add_up_is_not_believed(tmp_path, codec, voxels):
    path = tmp_path / "a.nii.gz"
    io.write(Volume(voxels), path)
    content = bytearray(path.read_bytes())
    entries = 16 + 12
    (first, _), (second, _) = struct.iter_unpack("<II", bytes(content[entries : entries + 16]))
    struct.pack_into("<I", content, entries, first - 7)
    struct.pack_into("<I", content, entries + 8, second + 7)
    path.write_bytes(content)
    assert is_indexed(path)
    np.testing.assert_array_equal(io.read(path).array, voxels)


def test_no_second_copy_while_reading_and_writing(tmp_path):
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("the peak of a process can be read on Linux alone")
    code = """
import resource, sys, numpy as np
from cormack import Volume, io
array = np.random.default_rng(0).integers(-40, 40, (160, 512, 512), np.int16)
volume = Volume(array)
io.write(Volume(array[:12].copy()), sys.argv[1])
io.read(sys.argv[1])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
before = peak()
io.write(volume, sys.argv[1])
written = peak() - before
del volume, array
back = io.read(sys.argv[1])
print(written, peak() - before, back.array.nbytes)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "a.nii.gz")]
    printed = subprocess.run(command, capture_output=True, check=True, text=True, env=dict(os.environ)).stdout
    written, read, size = map(int, printed.split())
    assert written < 0.3 * size
    assert read < 0.3 * size


def test_pieces_of_very_large_volumes_are_longer(tmp_path, codec, voxels, monkeypatch):
    monkeypatch.setattr(_gzip, "_MOST_PIECES", 3)
    path = tmp_path / "a.nii.gz"
    io.write(Volume(voxels), path)
    with open(path, "rb") as file:
        sizes = [piece.size for piece in _gzip.pieces_of(file.fileno(), 0)]
    assert sizes == [2 << 20, 2 << 20, voxels.nbytes + 352 - (4 << 20)]
    np.testing.assert_array_equal(io.read(path).array, voxels)
    assert gzip.decompress(path.read_bytes())[352:] == voxels.tobytes()
