"""Pixels into the volume: against pydicom and plain NumPy, and for damaged data."""

from __future__ import annotations

import itertools
import random
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pydicom.data
import pytest
from pydicom.encaps import encapsulate, parse_fragments
from pydicom.uid import UID, RLELossless

import cormack
from cormack import _cormack_cpu, io
from cormack.io import _dicom_codecs, _dicom_pixels
from cormack.io._decoders import _decode_file
from cormack.io._dicom_header import parse

DTYPES = [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32]


def noise(dtype: Any, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    limits = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(limits.min, limits.max, shape, dtype, endpoint=True)


def frames_of(paths: list[Path]) -> list[Any]:
    return [frame for path in paths for frame in parse(path)]


def compress(path: Path, encode: Any, syntax: UID | str) -> None:
    """Replace the pixels of a file by what `encode` makes of them."""
    dataset = pydicom.dcmread(path)
    stored = np.dtype(f"<{'i' if dataset.PixelRepresentation else 'u'}{dataset.BitsAllocated // 8}")
    pixels = np.frombuffer(dataset.PixelData, stored)[: dataset.Rows * dataset.Columns]
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.PixelData = encapsulate([encode(pixels.reshape(dataset.Rows, dataset.Columns))])
    dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path, implicit_vr=False, little_endian=True)


def pack_bits(data: bytes) -> bytes:
    """Runs of two equal bytes or more, and what lies between them."""
    packed, literal = bytearray(), bytearray()

    def flush() -> None:
        for begin in range(0, len(literal), 128):
            part = literal[begin : begin + 128]
            packed.extend([len(part) - 1, *part])
        literal.clear()

    for value, run in itertools.groupby(data):
        count = len(list(run))
        if count == 1:
            literal.append(value)
            continue
        flush()
        for begin in range(0, count, 128):
            part = min(128, count - begin)
            packed.extend([257 - part, value] if part > 1 else [0, value])
    flush()
    return bytes(packed) + b"\0" * (len(packed) % 2)


def pack_rle(pixels: np.ndarray) -> bytes:
    size = pixels.dtype.itemsize
    planes = np.ascontiguousarray(pixels).reshape(-1).view(np.uint8).reshape(-1, size)
    segments = [pack_bits(planes[:, size - 1 - k].tobytes()) for k in range(size)]
    offsets = np.cumsum([64, *map(len, segments[:-1])]).tolist()
    return struct.pack("<16I", size, *offsets, *[0] * (15 - size)) + b"".join(segments)


def rle(path: Path) -> None:
    compress(path, pack_rle, RLELossless)


def expected_values(stored: np.ndarray, bits: int, high: int, turned: bool) -> np.ndarray:
    """Each value with the bits high - bits + 1 .. high alone, in Python's integers."""
    signed = stored.dtype.kind == "i"
    values = (stored.astype(np.int64) >> (high + 1 - bits)) & ((1 << bits) - 1)
    if signed:
        values -= (values >> (bits - 1)) << bits
    return (-1 if signed else (1 << bits) - 1) - values if turned else values


@pytest.mark.parametrize("packed", [False, True], ids=["native", "rle"])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_plain_numpy(tmp_path, write_dicom, isa, dtype, turned, packed):
    width = 8 * np.dtype(dtype).itemsize
    for bits, high in ((width, width - 1), (width - 3, width - 4), (width - 3, width - 2), (1, 0)):
        for columns in (1, 7, 33, 129):
            stored = noise(dtype, (3, columns), bits + columns)
            stored[0] = stored[0, 0]  # a run
            photometric = "MONOCHROME1" if turned else "MONOCHROME2"
            path = write_dicom(
                tmp_path / "a.dcm", stored, "DX", BitsStored=bits, HighBit=high, PhotometricInterpretation=photometric
            )
            if packed:
                rle(path)
            (frame,) = parse(path)
            values = expected_values(stored, bits, high, turned)
            source = _dicom_pixels._Sources().of(frame, None)
            assert source is not None
            kind = frame.file.stored_dtype.str[1:]
            out = np.empty((1, 3, columns), dtype)
            assert _cormack_cpu.dicom_frames([source], kind, 0, out)[0][0] == 0
            np.testing.assert_array_equal(out[0], values)
            for slope, intercept in ((3, -1024), (1, 7), (-1, 0)):
                whole = (*source[:6], float(slope), float(intercept), slope % 2**32, intercept % 2**32)
                for wide in (np.int16, np.int32):
                    out = np.empty((1, 3, columns), wide)
                    ((state, _, low, high_value),) = _cormack_cpu.dicom_frames([whole], kind, 1, out)
                    assert (state, low, high_value) == (0, values.min(), values.max())
                    np.testing.assert_array_equal(out[0], (values * slope + intercept).astype(wide))
            real = (*source[:6], 0.123, -7.25, 0, 0)
            out = np.empty((1, 3, columns), np.float32)
            assert _cormack_cpu.dicom_frames([real], kind, 2, out)[0][2:] == (values.min(), values.max())
            np.testing.assert_array_equal(out[0], (values.astype(np.float64) * 0.123 - 7.25).astype(np.float32))


@pytest.mark.parametrize("slope", [1.0, 2.0, 0.37, 40000.0])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_compiled_path_gives_what_the_slow_one_gives(tmp_path, write_series, monkeypatch, dtype, slope):
    stored = noise(dtype, (5, 9, 11)) // (1 if np.dtype(dtype).itemsize < 4 else 50000)
    write_series(
        tmp_path, stored.astype(dtype), each={"RescaleIntercept": [k - 2 for k in range(5)]}, RescaleSlope=slope
    )

    def read() -> Any:
        try:
            return io.read(tmp_path).array
        except io.ReadError as error:
            return str(error)

    fast = read()
    monkeypatch.setattr(_dicom_pixels._Sources, "of", lambda *_: None)
    slow = read()
    assert getattr(fast, "dtype", fast) == getattr(slow, "dtype", slow)
    np.testing.assert_array_equal(fast, slow)


def test_large_frames_are_read_in_parts(tmp_path, write_dicom, monkeypatch):
    stored = noise(np.uint16, (1025, 1539))
    path = write_dicom(tmp_path / "a.dcm", stored, "CT", BitsStored=12, HighBit=11, RescaleIntercept=-1024, **PLACE)
    results = []
    for workers in (1, 2, 3):
        cormack.set_num_threads(workers)
        results.append(io.read(path).array)
    cormack.set_num_threads(None)
    np.testing.assert_array_equal(results[0][0], (stored & 4095).astype(np.int64) - 1024)
    assert results[0].tobytes() == results[1].tobytes() == results[2].tobytes()


PLACE = {
    "ImagePositionPatient": [0.0, 0.0, 0.0],
    "ImageOrientationPatient": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
    "PixelSpacing": [1.0, 1.0],
}


@pytest.mark.parametrize("shape", [(23, 3, 7), (23, 90, 61), (23, 512, 640), (7, 2000, 700)])
def test_frames_are_read_in_turns_of_threads(tmp_path, shape):
    stored = noise(np.int16, shape)
    last = shape[0] - 1
    read = [(0, 0, int(frame.min()), int(frame.max())) for frame in stored]
    path = tmp_path / "frames"
    stored[::-1].tofile(path)
    size = stored[0].nbytes
    frames = [(bytes(path), (last - i) * size, 0, 0, 0, None, 1.5, -7.0, 1, 0xFFFFFFF9) for i in range(last + 1)]
    for rescale, expected in ((1, stored - np.int16(7)), (2, stored * np.float32(1.5) - np.float32(7))):
        for workers in (1, 2, 3, 16):
            out = np.zeros_like(expected)
            result = _cormack_cpu.dicom_frames(frames, "i2", rescale, out, workers)
            np.testing.assert_array_equal(out, expected)
            assert result == read
    cut = [*frames[:-3], *[(*frame[:1], (last + 1) * size - 10, *frame[2:]) for frame in frames[-3:]]]
    states = [state for state, *_ in _cormack_cpu.dicom_frames(cut, "i2", 1, out.astype(np.int16))]
    assert states == [0] * (last - 2) + [1] * 3


def test_signed_and_unsigned_slices_in_one_volume(tmp_path, write_series, stack):
    paths = write_series(tmp_path, stack)
    dataset = pydicom.dcmread(paths[2])
    dataset.PixelRepresentation = 1
    dataset.save_as(paths[2])
    volume = io.read(tmp_path)
    assert volume.dtype == np.int32
    np.testing.assert_array_equal(volume.array, stack)


def test_native_and_compressed_slices_in_one_volume(tmp_path, write_series, stack):
    paths = write_series(tmp_path, stack)
    rle(paths[1])
    rle(paths[4])
    np.testing.assert_array_equal(io.read(tmp_path).array, stack)


def test_files_that_change_between_the_header_and_the_pixels(tmp_path, write_series, stack):
    paths = write_series(tmp_path, stack)
    frames = frames_of(paths)
    out = np.empty(stack.shape, stack.dtype)
    paths[3].write_bytes(paths[3].read_bytes()[:-1])
    with pytest.raises(io.ReadError, match=r"003.dcm: truncated while it was read"):
        _dicom_pixels.load(frames, out, _dicom_pixels.STORED)
    paths[2].unlink()
    with pytest.raises(FileNotFoundError, match=r"002.dcm"):
        _dicom_pixels.load(frames, out, _dicom_pixels.STORED)


def decode_with_pydicom(path: Path) -> np.ndarray:
    return _decode_file(parse(path)[0].file)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32])
def test_damaged_rle_is_refused_or_decoded_as_pydicom_does(tmp_path, write_dicom, dtype):
    stored = noise(dtype, (16, 24)) & 3
    path = write_dicom(tmp_path / "a.dcm", stored, "CT", **PLACE)
    rle(path)
    content = path.read_bytes()
    (frame,) = parse(path)
    ((offset, length),) = _cormack_cpu.dicom_fragments(bytes(path), frame.file.items)
    rng = random.Random(0)
    for _ in range(150):
        broken = bytearray(content)
        for _ in range(rng.choice([1, 2, 8])):
            broken[offset + rng.randrange(rng.choice([16, length]))] = rng.choice([0, 1, 127, 128, 129, 255, 64])
        path.write_bytes(broken)
        out = np.empty((1, 16, 24), dtype)
        ((state, *_),) = _cormack_cpu.dicom_frames(
            [_dicom_pixels._Sources().of(frame, None)], frame.file.stored_dtype.str[1:], 0, out
        )
        if state == 0:
            decoded = decode_with_pydicom(path)
            np.testing.assert_array_equal(out[0].view(decoded.dtype), decoded)
        else:
            assert state == 2


@pytest.mark.parametrize("name", ["MR_small_jpeg_ls_lossless.dcm", "JPEG2000.dcm", "MR_small_RLE.dcm"])
def test_fragments_match_pydicom(name):
    path = Path(pydicom.data.get_testdata_file(name, download=False))
    (frame,) = parse(path)
    count, offsets = parse_fragments(pydicom.dcmread(path).PixelData)
    found = _cormack_cpu.dicom_fragments(bytes(path), frame.file.items)
    assert [offset - frame.file.items - 8 for offset, _ in found] == offsets[1:]
    assert len(found) == count - 1


ENCODERS = {
    "1.2.840.10008.1.2.4.70": lambda codecs, a: codecs.ljpeg_encode(a, bitspersample=16),
    "1.2.840.10008.1.2.4.80": lambda codecs, a: codecs.jpegls_encode(a),
    "1.2.840.10008.1.2.4.90": lambda codecs, a: codecs.jpeg2k_encode(a, level=0, codecformat="j2k"),
    "1.2.840.10008.1.2.4.201": lambda codecs, a: codecs.htj2k_encode(a),
}


@pytest.mark.parametrize("syntax", ENCODERS)
def test_imagecodecs_decodes_straight_into_the_volume(tmp_path, write_series, syntax, monkeypatch):
    imagecodecs = pytest.importorskip("imagecodecs")
    stored = (np.cumsum(noise(np.int8, (4, 20, 24)) // 32, axis=2) + 2000).astype(np.uint16)
    paths = write_series(tmp_path, stored, RescaleIntercept=-1024)
    for path in paths:
        compress(path, lambda a: ENCODERS[syntax](imagecodecs, a), syntax)
    with monkeypatch.context() as patch:
        patch.setattr(_dicom_pixels, "decoded_file", None)  # pydicom is not asked
        np.testing.assert_array_equal(io.read(tmp_path).array, stored.astype(int) - 1024)
    if not syntax.endswith("201"):
        monkeypatch.setattr(_dicom_codecs, "_library", lambda: None)
        np.testing.assert_array_equal(io.read(tmp_path).array, stored.astype(int) - 1024)


@pytest.mark.parametrize("syntax", ENCODERS)
def test_damaged_streams_end_in_words(tmp_path, write_dicom, syntax):
    imagecodecs = pytest.importorskip("imagecodecs")
    stored = (np.cumsum(noise(np.int8, (20, 24)) // 32, axis=1) + 2000).astype(np.uint16)
    encoded = ENCODERS[syntax](imagecodecs, stored)
    path = write_dicom(tmp_path / "a.dcm", stored, "CT", **PLACE)
    rng = random.Random(0)
    (frame,) = parse(path)
    file = frame.file
    object.__setattr__(file, "syntax", syntax)
    for _ in range(60):
        broken = bytearray(encoded)
        broken[rng.randrange(len(broken))] = rng.randrange(256)
        decoded = _dicom_codecs.decode(file, bytes(broken[: rng.choice([len(broken), rng.randrange(len(broken))])]))
        assert decoded is None or (decoded.shape == stored.shape and decoded.dtype == np.uint16)


def test_a_stream_larger_than_its_header_is_not_decoded(tmp_path, write_dicom):
    imagecodecs = pytest.importorskip("imagecodecs")
    path = write_dicom(tmp_path / "a.dcm", noise(np.uint16, (20, 24)), "CT", **PLACE)
    (frame,) = parse(path)
    for syntax, encode in ENCODERS.items():
        object.__setattr__(frame.file, "syntax", syntax)
        packed = encode(imagecodecs, noise(np.uint16, (21, 24)) >> 4)
        assert _dicom_codecs._size(packed) == (21, 24)
        assert _dicom_codecs.decode(frame.file, packed) is None


def test_without_imagecodecs_pydicom_decodes(monkeypatch):
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    _dicom_codecs._library.cache_clear()
    path = pydicom.data.get_testdata_file("MR_small_jpeg_ls_lossless.dcm", download=False)
    np.testing.assert_array_equal(io.read(path).array[0], pydicom.dcmread(path).pixel_array)
    _dicom_codecs._library.cache_clear()


def test_bindings_refuse_what_is_not_safe(tmp_path):
    good = (b"a", 0, 0, 0, 0, None, 1.0, 0.0, 1, 0)
    out = np.empty((1, 4, 4), np.int16)
    for frame in ((b"a", -1, *good[2:]), (*good[:3], 9, 8, *good[5:]), (*good[:3], -1, 0, *good[5:])):
        with pytest.raises(ValueError, match="frames"):
            _cormack_cpu.dicom_frames([frame], "i2", 0, out)
    for stored, rescale, target in (
        ("u2", 0, out),
        ("i2", 2, out),
        ("i2", 3, out),
        ("f4", 0, out),
        ("i2", 0, np.empty((2, 4, 4), np.int16)),
        ("i2", 0, np.empty((1, 4, 8), np.int16)[:, :, ::2]),
    ):
        with pytest.raises(ValueError):
            _cormack_cpu.dicom_frames([good], stored, rescale, target)
    assert _cormack_cpu.dicom_frames([(bytes(tmp_path / "no"), *good[1:])], "i2", 0, out)[0][0] == 3
    for shape in ((1, 5, 0), (1, 0, 0)):
        empty = np.empty(shape, np.int16)
        assert _cormack_cpu.dicom_frames([(b"a", 0, 10, *good[3:])], "i2", 0, empty)[0][0] == 0
