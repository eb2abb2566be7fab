"""Files that are damaged or meant to harm: each is read as it should be, or gives a named error; none crashes, hangs or
takes memory beyond the cap.

The mutations come from `tests/fuzz/fuzz_readers.py`, which also runs as a fuzzer.
"""

from __future__ import annotations

import gzip
import io as streams
import random
import struct
import sys
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate

from cormack import BackendUnavailable, Volume, io
from cormack._workers import map_isolated
from cormack.io import _limits

sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))
import fuzz_readers

FILES = fuzz_readers.pydicom_files()
ROOT = Path(pydicom.__file__).parent / "data"
MEMORY = 2 << 30


# --- pydicom's own files ----------------------------------------------------------------------------------------------


def grey_frames(path: Path) -> list[np.ndarray[Any, Any]] | None:
    """What pydicom makes of a file, with the rules of `cormack.io.read`; None where it makes nothing."""
    dataset = pydicom.dcmread(path, force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    try:
        pixels = dataset.pixel_array
    except Exception:
        return None
    frames = list(pixels) if dataset.get("NumberOfFrames", 1) > 1 else [pixels]
    if dataset.get("SamplesPerPixel", 1) == 3:
        weights = np.array([299, 587, 114], np.uint64)
        return [(((frame * weights).sum(axis=-1) + 500) // 1000).astype(frame.dtype) for frame in frames]
    bits = dataset.BitsStored
    grey = []
    for frame in frames:
        values = frame.astype(np.int64) & ((1 << bits) - 1)
        if dataset.PixelRepresentation == 1:
            values -= (values >> (bits - 1)) << bits
        if dataset.PhotometricInterpretation == "MONOCHROME1" and dataset.Modality not in ("CT", "PT", "NM"):
            values = (-1 if dataset.PixelRepresentation else (1 << bits) - 1) - values
        slope, intercept = float(dataset.get("RescaleSlope") or 1), float(dataset.get("RescaleIntercept") or 0)
        grey.append(values * slope + intercept)
    return grey


# What pydicom decodes and Cormack refuses by name, and the word that says why.
REFUSED = {
    "multi-frame": "not supported yet",
    "colour of 32 bits": "colour image with 32 bits",
    "palette": "PALETTE COLOR",
    "dose": "RTDOSE",
    "segmentation": "SEG",
    "truncated": "truncated",
    "no marks of DICOM": "not a DICOM file",
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
@pytest.mark.filterwarnings("ignore")
def test_pydicoms_files_load_with_its_pixels_or_a_named_error(path: Path) -> None:
    try:
        volumes = io.read_all(path)
    except (io.ReadError, BackendUnavailable) as error:
        known = any(words in str(error) for words in REFUSED.values())
        assert known or grey_frames(path) is None, str(error)  # noqa: PT017
        return
    expected = grey_frames(path)
    if expected is None:
        pytest.skip("pydicom's decoders cannot read it: nothing to compare with")
    read = [frame for volume in volumes for frame in volume.array.reshape(-1, *volume.shape[-2:])]
    assert len(read) == len(expected)
    for frame, truth in zip(
        sorted(read, key=lambda a: a.tobytes()), sorted(expected, key=lambda a: a.tobytes()), strict=True
    ):
        # Rescaled by fractions it is float32, rounded once.
        np.testing.assert_array_equal(frame, truth.astype(frame.dtype))


@pytest.mark.parametrize("name", ["rtstruct.dcm", "liver_1frame.dcm", "liver_expb_1frame.dcm"])
def test_pydicoms_masks_are_listed_or_give_a_named_error(name: str) -> None:
    path = ROOT / "test_files" / name
    if not path.exists():
        pytest.skip("not among the files of this version of pydicom")
    if name.startswith("liver"):
        # Cut down to one frame, with the descriptions of three.
        for read in (io.list_regions, io.read_mask):
            with pytest.raises(io.ReadError, match="1 frames but 3 descriptions"):
                read(path)
        return
    assert [region.number for region in io.list_regions(path)] == [
        roi.ROINumber for roi in pydicom.dcmread(path, force=True).StructureSetROISequence
    ]
    with pytest.raises(io.ReadError, match="a structure set holds contours"):
        io.read_mask(path)
    with pytest.raises(io.ReadError, match="contour"):
        io.read_mask(path, reference=fuzz_readers._patient())


@pytest.mark.parametrize("tag", [b"\xe0\x7f\x10\0OB", b"\x02\0\x10\0UI"], ids=["pixels", "syntax"])
@pytest.mark.parametrize("number", [0, 1])
def test_a_segmentation_with_a_value_of_an_unknown_kind(tmp_path: Path, tag: bytes, number: int) -> None:
    path = tmp_path / "seg.dcm"
    data = fuzz_readers.segmentations()[number]
    assert data.count(tag) == 1
    path.write_bytes(data.replace(tag, tag[:4] + b"O\xbe"))
    try:
        assert io.read_mask(path).shape == (3, 12, 10)
    except io.ReadError as error:
        assert "damaged" in str(error) or "cannot be decoded" in str(error)  # noqa: PT017


# --- Damage -----------------------------------------------------------------------------------------------------------


def damaged(truncations: int, flips: int) -> Iterator[tuple[str, bytes]]:
    """Every file cut off at random places, and flipped bytes, spread over the files; always the same."""
    random_ = random.Random(7)
    regions = (b"RTSTRUCT", b"CS\x04\x00SEG ")
    files = [(path, path.read_bytes()) for path in FILES]
    tasks = []
    for _, data in files:
        target = "regions" if any(word in data for word in regions) else "dicom"
        tasks += [(target, data[: random_.randrange(len(data))]) for _ in range(truncations)]
    for _ in range(flips):
        _, data = random_.choice(files)
        changed = bytearray(data)
        # Half of them where the header is.
        changed[random_.randrange(len(data) if random_.random() < 0.5 else min(len(data), 1500))] ^= random_.randrange(
            1, 256
        )
        target = "regions" if any(word in data for word in regions) else "dicom"
        tasks.append((target, bytes(changed)))
    return iter(tasks)


def assert_harmless(tasks: Iterator[tuple[str, bytes]], at_least: int) -> None:
    words: dict[str, int] = {}
    kept = list(tasks)
    outcomes = map_isolated(fuzz_readers.read_everything, kept, workers=2, timeout_s=5, max_memory_bytes=MEMORY)
    for outcome in outcomes:
        failure = outcome.failure or (f"{type(outcome.error).__name__}: {outcome.error}" if outcome.error else "")
        if failure:
            pytest.fail(f"{failure} for {kept[outcome.index][0]} {kept[outcome.index][1][:4000]!r}\n{outcome.output}")
        words[str(outcome.value)] = words.get(str(outcome.value), 0) + 1
    assert sum(words.values()) == len(kept)
    assert words["ReadError"] >= at_least


@pytest.fixture(autouse=True)
def _workers_find_the_fuzzer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")


def test_damaged_dicom_neither_crashes_nor_hangs_nor_takes_memory() -> None:
    assert_harmless(damaged(truncations=3, flips=300), at_least=200)


@pytest.mark.slow
def test_much_damaged_dicom_neither_crashes_nor_hangs_nor_takes_memory() -> None:
    assert_harmless(damaged(truncations=20, flips=2000), at_least=2000)


@pytest.mark.parametrize("target", ["codecs", "pet", "regions", "nifti", "nrrd", "metaimage", "image", "archive"])
@pytest.mark.parametrize("each", [12, pytest.param(300, marks=pytest.mark.slow)])
def test_damaged_files_neither_crash_nor_hang_nor_take_memory(target: str, each: int) -> None:
    if target == "codecs":
        pytest.importorskip("imagecodecs")
    random_ = random.Random(11)
    seeds = fuzz_readers.seeds(target)
    tasks = ((target, data) for seed in seeds for data in islice(fuzz_readers.mutants(seed, random_), each))
    assert_harmless(tasks, at_least=1)


# --- Sizes ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def ct() -> pydicom.Dataset:
    return pydicom.dcmread(ROOT / "test_files" / "CT_small.dcm")


def image_files(folder: Path) -> list[Path]:
    """A volume of 240 voxels of 16 bits in every format."""
    from PIL import Image

    volume = Volume(np.arange(240, dtype=np.int16).reshape(4, 6, 10))
    paths = [folder / name for name in ("a.nii", "a.nii.gz", "a.nrrd", "a.mha")]
    for path in paths:
        io.write(volume, path)
    Image.new("L", (20, 24)).save(folder / "a.png")
    return [*paths, folder / "a.png"]


def test_the_cap_is_kept_by_every_reader(tmp_path: Path) -> None:
    dicom = ROOT / "test_files" / "CT_small.dcm"
    for path, size in [*((path, 480) for path in image_files(tmp_path)), (dicom, 2 * 128 * 128)]:
        # Pillow's four channels.
        enough = size if path.suffix != ".png" else 4 * size
        for read in (io.read, io.read_all):
            read(path, max_bytes=enough)
            with pytest.raises(io.ReadError, match=r"would take .* of memory; the limit is"):
                read(path, max_bytes=size - 1)
        (source,) = io.find_studies(path)
        with pytest.raises(io.ReadError, match="would take"):
            source.read(max_bytes=size - 1)
        assert source.read(max_bytes=enough).array.size * 2 >= size or path.suffix == ".png"


def test_the_cap_is_kept_by_masks(tmp_path: Path) -> None:
    path = tmp_path / "labels.nii"
    io.write(Volume(np.ones((4, 6, 10), np.uint8)), path)
    assert io.read_mask(path, max_bytes=240).shape == (4, 6, 10)
    for read in (io.read_mask, io.list_regions):
        with pytest.raises(io.ReadError, match="would take 240 bytes of memory; the limit is 239 bytes"):
            read(path, max_bytes=239)
    segmentation = ROOT / "test_files" / "liver_1frame.dcm"
    with pytest.raises(io.ReadError, match="would take"):
        io.read_mask(segmentation, max_bytes=1000)


def test_the_cap_counts_what_scaling_takes(tmp_path: Path) -> None:
    path = image_files(tmp_path)[0]
    data = bytearray(path.read_bytes())
    data[112:116] = struct.pack("<f", 0.5)
    path.write_bytes(data)
    with pytest.raises(io.ReadError, match="would take 960 bytes"):
        io.read(path, max_bytes=480)


def test_the_cap_counts_what_scaling_of_all_volumes_takes(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    io.write(Volume(np.zeros((4, 6, 10), np.uint8)), path)
    data = bytearray(path.read_bytes())
    data[40:50] = struct.pack("<5h", 4, 10, 6, 2, 2)
    data[112:116] = struct.pack("<f", 0.5)
    path.write_bytes(data)
    assert len(io.read_all(path, max_bytes=960)) == 2
    with pytest.raises(io.ReadError, match="2 volumes would take 960 bytes"):
        io.read_all(path, max_bytes=959)


@pytest.mark.parametrize("value", [0, -1, 2.5, "1GB", True])
def test_a_cap_that_makes_no_sense_is_refused(value: Any, tmp_path: Path) -> None:
    with pytest.raises((ValueError, TypeError), match="max_bytes"):
        io.read(image_files(tmp_path)[0], max_bytes=value)


def test_a_cap_in_force_holds_where_none_is_given(tmp_path: Path) -> None:
    path = image_files(tmp_path)[0]
    with _limits.limited(100), pytest.raises(io.ReadError, match="100 bytes"):
        io.read(path)
    assert _limits.max_bytes_in_force() <= _limits.DEFAULT_MAX_BYTES
    assert io.read(path).shape == (4, 6, 10)


def test_ordinary_volumes_are_far_below_the_default() -> None:
    # Whole-body CT and a stack of 1200 fMRI volumes.
    for shape, size in (((2000, 512, 512), 2), ((1200, 36, 128, 128), 4)):
        _limits.check_size("a", int(np.prod(shape)) * size)


def test_gzip_that_unpacks_to_gigabytes(tmp_path: Path) -> None:
    path = image_files(tmp_path)[0]
    head = bytearray(path.read_bytes()[:352])
    head[40:56] = struct.pack("<8h", 3, 2048, 2048, 1024, 1, 1, 1, 1)
    bomb = tmp_path / "bomb.nii.gz"
    with gzip.open(bomb, "wb", 9) as file:
        file.write(head)
        for _ in range(40):
            file.write(bytes(1 << 20))
    # 8 GiB promised and 40 MB there.
    with pytest.raises(io.ReadError, match="more than the file can hold"):
        io.read(bomb)
    zeros = gzip.compress(bytes(64 << 20), 9)
    bomb.write_bytes(gzip.compress(bytes(head)) + zeros * 130)
    with pytest.raises(io.ReadError, match="would take 8 GiB"):
        io.read(bomb, max_bytes=4 << 30)


def test_a_deflated_data_set_that_inflates_without_end(
    tmp_path: Path, ct: pydicom.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    ct.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    plain = streams.BytesIO()
    ct.save_as(plain)
    meta = plain.getvalue()[: 144 + int.from_bytes(plain.getvalue()[140:144], "little")]
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    pieces = [packer.compress(bytes(1 << 24)) for _ in range(6)]
    bomb = tmp_path / "bomb.dcm"
    bomb.write_bytes(b"".join([meta, *pieces, packer.flush()]))
    monkeypatch.setattr(_limits, "_LARGEST_DEFLATED", 64 << 20)
    for read in (io.read, io.list_regions, io.find_studies):
        with pytest.raises(io.ReadError, match="inflates to more than 64 MiB"):
            read(bomb)
    plain_file = tmp_path / "plain.dcm"
    plain_file.write_bytes(plain.getvalue())
    np.testing.assert_array_equal(io.read(plain_file).array, io.read(ROOT / "test_files" / "CT_small.dcm").array)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"])
def test_huge_images_of_a_few_compressed_bytes(tmp_path: Path, ct: pydicom.Dataset, syntax: str) -> None:
    ct.Rows = ct.Columns = 65535
    ct.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    ct.PixelData = encapsulate([b"\xff\xd8\xff\xd9" * 20])
    ct["PixelData"].VR = "OB"
    ct.save_as(tmp_path / "huge.dcm")
    with pytest.raises(io.ReadError, match=r"of compressed pixels would become 8 GiB"):
        io.read(tmp_path / "huge.dcm")


@pytest.mark.parametrize("kind", ["jpeg", "jpeg2k"])
def test_code_streams_larger_than_the_header_says(tmp_path: Path, ct: pydicom.Dataset, kind: str) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    pixels = np.zeros((2000, 2000), np.uint8)
    stream = imagecodecs.jpeg_encode(pixels) if kind == "jpeg" else imagecodecs.jpeg2k_encode(pixels, codecformat="jp2")
    ct.Rows = ct.Columns = 16
    ct.BitsAllocated = ct.BitsStored = 8
    ct.HighBit, ct.PixelRepresentation = 7, 0
    ct.file_meta.TransferSyntaxUID = pydicom.uid.UID("1.2.840.10008.1.2.4." + ("50" if kind == "jpeg" else "90"))
    ct.PixelData = encapsulate([stream])
    ct["PixelData"].VR = "OB"
    ct.save_as(tmp_path / "small.dcm")
    with pytest.raises(io.ReadError, match="2000 x 2000 in 1 components, where the header has 16 x 16"):
        io.read(tmp_path / "small.dcm")


def test_length_fields_larger_than_the_file_allocate_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    data = (ROOT / "test_files" / "rtstruct.dcm").read_bytes()
    at = data.index(b"RTSTRUCT")
    tasks = []
    for place in rng.integers(at, len(data) - 4, 40):
        changed = bytearray(data)
        changed[place : place + 4] = struct.pack("<I", 0xFFFFFFF0)
        tasks.append(("regions", bytes(changed)))
    outcomes = list(
        map_isolated(fuzz_readers.read_everything, tasks, workers=2, timeout_s=5, max_memory_bytes=300 << 20)
    )
    assert {outcome.failure or repr(outcome.error) for outcome in outcomes} == {"None"}


# --- Shapes that cost more than their bytes ---------------------------------------------------------------------------


def structure_set(contours: list[np.ndarray[Any, Any]], path: Path) -> Path:
    dataset = pydicom.dcmread(ROOT / "test_files" / "rtstruct.dcm", force=True)
    roi = pydicom.Dataset()
    roi.ROINumber, roi.ROIName = 1, "a"
    dataset.StructureSetROISequence = [roi]
    items = []
    for points in contours:
        item = pydicom.Dataset()
        item.ContourGeometricType = "CLOSED_PLANAR"
        item.NumberOfContourPoints = len(points)
        item.ContourData = [f"{value:.6g}" for value in points.ravel()]
        items.append(item)
    part = pydicom.Dataset()
    part.ReferencedROINumber, part.ContourSequence = 1, items
    dataset.ROIContourSequence = [part]
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=False, implicit_vr=True, little_endian=True)
    return path


def test_many_contours_on_one_slice_take_linear_time(tmp_path: Path) -> None:
    reference = Volume(np.zeros((4, 300, 300), np.int16))
    corners = np.array([[0, 0, 1.0], [0.5, 0, 1], [0.5, 0.5, 1], [0, 0.5, 1]])
    places = [(x, y, 0) for x in np.arange(0.75, 50) for y in np.arange(0.75, 25)]
    path = structure_set([corners + place for place in places], tmp_path / "many.dcm")
    (outcome,) = map_isolated(read_mask_shape, [(path, reference)], workers=1, timeout_s=30)
    assert outcome.value == reference.shape, outcome


def test_a_zigzag_over_all_rows_takes_bounded_memory(tmp_path: Path) -> None:
    reference = Volume(np.zeros((1, 1000, 50), np.int16))
    zigzag = np.array([[i * 7 % 49.3, (i % 2) * 999.0, 0.0] for i in range(3001)])
    path = structure_set([zigzag], tmp_path / "zigzag.dcm")
    (outcome,) = map_isolated(read_mask_shape, [(path, reference)], workers=1, timeout_s=30, max_memory_bytes=160 << 20)
    assert outcome.value == reference.shape, outcome


def read_mask_shape(task: tuple[Path, Volume]) -> tuple[int, ...]:
    return io.read_mask(task[0], reference=task[1]).shape


def test_nrrd_with_a_header_of_nothing_but_axes(tmp_path: Path) -> None:
    path = tmp_path / "axes.nrrd"
    count = 200_000
    lines = f"NRRD0004\ntype: uint8\ndimension: {count}\nsizes:{' 9' * count}\nencoding: raw\n\n"
    path.write_text(lines)
    (outcome,) = map_isolated(io.read, [path], workers=1, timeout_s=5)
    assert type(outcome.error) is io.ReadError


def test_an_nrrd_list_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "list.nrrd"
    head = "NRRD0004\ntype: uint8\ndimension: 4\nsizes: 8000 2 2 2\nkinds: list domain domain domain\nencoding: raw\n\n"
    voxels = np.random.default_rng(5).integers(0, 255, (2, 2, 2, 8000), np.uint8)
    path.write_bytes(head.encode() + voxels.tobytes())
    volumes = io.read_all(path)
    np.testing.assert_array_equal(np.stack([volume.array for volume in volumes], axis=-1), voxels)
    assert all(volume.array.flags.owndata for volume in volumes[:3])


def test_millions_of_elements_are_no_header(tmp_path: Path) -> None:
    path = tmp_path / "elements.dcm"
    start = (ROOT / "test_files" / "CT_small.dcm").read_bytes()
    start = start[: 144 + int.from_bytes(start[140:144], "little")]
    elements = b"".join(struct.pack("<HH2sH", 9, number, b"LO", 0) for number in range(0x10, 60000))
    path.write_bytes(start + elements * 20)
    for read in (io.read, io.list_regions):
        with pytest.raises(io.ReadError, match="more than 100000 elements"):
            read(path)


@pytest.mark.parametrize("depth", [900, 100_000])
def test_sequences_in_sequences(tmp_path: Path, depth: int) -> None:
    path = tmp_path / "deep.dcm"
    start = (ROOT / "test_files" / "CT_small.dcm").read_bytes()
    start = start[: 144 + int.from_bytes(start[140:144], "little")]
    level = struct.pack("<HH2s2xI", 8, 0x1140, b"SQ", 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    path.write_bytes(start + level * depth)
    tasks = [("regions", path.read_bytes())]
    (outcome,) = map_isolated(fuzz_readers.read_everything, tasks, workers=1, timeout_s=20, max_memory_bytes=MEMORY)
    assert outcome.value == "ReadError", outcome


def test_a_label_map_where_every_voxel_is_a_region(tmp_path: Path) -> None:
    path = tmp_path / "labels.nii"
    io.write(Volume(np.arange(1 << 20, dtype=np.int32).reshape(64, 128, 128)), path)
    with pytest.raises(io.ReadError, match="1048575 different values"):
        io.list_regions(path)


def test_a_stream_that_makes_gdcm_end_its_process(tmp_path: Path) -> None:
    path = tmp_path / "cut.dcm"
    data = (ROOT / "test_files" / "SC_rgb_dcmtk_+eb+cy+s2.dcm").read_bytes()
    # One byte less in the code stream, and the rest out of step.
    path.write_bytes(data[:1890] + data[1891:])
    with pytest.raises(io.ReadError):
        io.read(path)
    assert io.read(ROOT / "test_files" / "SC_rgb_dcmtk_+eb+cy+s2.dcm").shape == (100, 100)


def test_a_jp2_box_of_no_length(tmp_path: Path) -> None:
    path = tmp_path / "boxes.dcm"
    data = (ROOT / "test_files" / "GDCMJ2K_TextGBR.dcm").read_bytes()
    at = data.index(b"ftypjp2")
    path.write_bytes(data[: at - 4] + bytes(4) + data[at:])
    with pytest.raises(io.ReadError, match="0 x 0 in 0 components"):
        io.read(path)


def test_where_no_process_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    from cormack import _workers
    from cormack.io import _decoders

    decoder = _workers.Isolated(_decoders._decode_file)
    monkeypatch.setattr(_decoders, "_file_decoder", lambda: decoder)
    monkeypatch.setattr(_workers, "get_executable", lambda: "/not/there")
    with pytest.raises(BackendUnavailable, match="none can be started"):
        io.read(ROOT / "test_files" / "SC_rgb_jpeg_dcmtk.dcm")
    monkeypatch.undo()
    assert decoder(None, timeout_s=60).error is not None
    decoder.close()


def test_a_codec_that_kills_its_process_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cormack import _workers
    from cormack.io import _decoders

    killer = _workers.Isolated(eval)
    monkeypatch.setattr(_decoders, "_file_decoder", lambda: lambda file, **limits: killer("__import__('os').abort()"))
    with pytest.raises(io.ReadError, match="the decoder was killed by SIGABRT"):
        io.read(ROOT / "test_files" / "SC_rgb_jpeg_dcmtk.dcm")
    killer.close()
