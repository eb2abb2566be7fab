r"""Fuzzing of everything that reads files. Not a test: `tests/io/test_hostile.py` runs a sample of it.

Guided by coverage, which needs ``pip install atheris``; further options are those of libFuzzer::

    python tests/fuzz/fuzz_readers.py dicom FOLDER -max_total_time=1800 -timeout=10 -rss_limit_mb=3000

FOLDER keeps the inputs that reached something new; it starts with those of `seeds`. Inputs that crash, hang or raise
what no reader may raise are left as ``crash-*`` and ``timeout-*`` in the current folder, and are read again by::

    python tests/fuzz/fuzz_readers.py dicom crash-...

Without atheris, and with an extension built under AddressSanitizer in ``PYTHONPATH``::

    LD_PRELOAD=$(gcc -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 \
        python tests/fuzz/fuzz_readers.py loop dicom SECONDS

Targets: dicom, codecs (compressed DICOM), pet, regions (structure sets and segmentations), nifti, nrrd, metaimage,
image, archive.
"""

from __future__ import annotations

import atexit
import gzip
import io as streams
import os
import random
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

# What a hostile file may have allocated, at most, for the volume; libraries take a few times that for a moment.
MAX_BYTES = 64 << 20
SUFFIXES = {
    "dicom": "",
    "codecs": "",
    "pet": "",
    "regions": "",
    "nifti": ".nii",
    "nrrd": ".nrrd",
    "metaimage": ".mha",
    "image": ".tif",
    "archive": ".zip",
}

_folder = ""
_reference = None


def read_everything(task: tuple[str, bytes]) -> str:
    """Read the bytes of a file in every way there is; what came of it, in a word.

    Raises what no reader may raise.
    """
    from cormack import BackendUnavailable, GeometryError, io

    target, data = task
    folder = _scratch()
    # NIfTI also compressed: mutations of the compressed bytes would end at its checksum.
    kind = ".nii.gz" if target == "nifti" and len(data) % 2 else SUFFIXES[target]
    path = os.path.join(folder, "file" + kind)
    with open(path, "wb") as file:
        file.write(gzip.compress(data, 1) if kind == ".nii.gz" else data)
    known = (io.ReadError, BackendUnavailable, GeometryError)
    words = ""
    try:
        volumes = io.read_all(path, max_bytes=MAX_BYTES, units="SUVbw" if target == "pet" else None)
        words = "read"
        if sum(volume.array.nbytes for volume in volumes) > MAX_BYTES:
            raise AssertionError("more memory than the cap")
    except known as error:
        words = type(error).__name__
    if target in ("regions", "nrrd"):
        for read in (
            lambda: io.list_regions(path, max_bytes=MAX_BYTES),
            lambda: io.read_mask(path, max_bytes=MAX_BYTES),
            lambda: io.read_mask(path, reference=_patient(), max_bytes=MAX_BYTES),
        ):
            try:
                read()
                words = "read"
            except known:
                pass
    try:
        if target == "archive" or len(data) % 8 == 0:
            io.scan(folder)
        else:
            io.find_studies(folder)
    except known:
        pass
    os.unlink(path)
    return words


def _scratch() -> str:
    global _folder
    if not _folder:
        # In memory where that is possible: millions of files come and go.
        _folder = tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        atexit.register(shutil.rmtree, _folder, True)
    return _folder


def _patient():
    """An image that the contours of pydicom's structure set lie in."""
    global _reference
    if _reference is None:
        from cormack import Volume

        _reference = Volume(np.zeros((64, 64, 64), np.int16), spacing=(2, 8, 8), origin=(-64, -256, -256))
    return _reference


def pydicom_files() -> list[Path]:
    """What comes with pydicom."""
    import pydicom

    root = Path(pydicom.__file__).parent / "data"
    passed_over = (".py", ".pyc", ".json", ".md", ".txt", ".dump", ".icc")
    return [path for path in sorted(root.rglob("*")) if path.is_file() and path.suffix not in passed_over]


def seeds(target: str) -> list[bytes]:
    """Files to begin with."""
    from cormack import Volume, io

    if target in ("dicom", "regions"):
        found = [path.read_bytes() for path in pydicom_files() if path.stat().st_size < 100_000]
        # Of files that differ only in their voxels one is enough.
        by_size = {len(data): data for data in found}
        if target == "regions":
            found = [data for data in by_size.values() if b"RTSTRUCT" in data or b"CS\x04\x00SEG " in data]
            return [*found, structure_set(), *segmentations()]
        return list(by_size.values())
    if target == "pet":
        return [pet_file()]
    if target == "codecs":
        return compressed_files()
    ramp = np.arange(4 * 5 * 6).reshape(4, 5, 6)
    volumes = [Volume(ramp.astype(dtype), spacing=(3, 1, 2)) for dtype in (np.int16, np.float32, np.uint8)]
    folder = tempfile.mkdtemp()
    try:
        files = []
        for i, volume in enumerate(volumes):
            path = os.path.join(folder, f"{i}{SUFFIXES[target] if target in ('nrrd', 'metaimage') else '.nii'}")
            io.write(volume, path)
            data = Path(path).read_bytes()
            files += [data, data + b"\0"] if target == "nifti" else [data]
    finally:
        shutil.rmtree(folder)
    if target == "nrrd":
        head = b"NRRD0005\ntype: uint8\ndimension: 4\nsizes: 2 4 4 4\nencoding: raw\nkinds: list domain domain domain\n"
        segments = b"Segment0_Name:=a\nSegment0_Layer:=1\nSegment0_LabelValue:=1\nSegment1_Name:=b\n"
        files.append(head + segments + b"\n" + bytes(range(128)))
    if target == "metaimage":
        head = b"ObjectType = Image\nNDims = 3\nElementSpacing = 1 1 2\nDimSize = 4 4 8\nElementType = MET_UCHAR\n"
        files.append(head + b"HeaderSize = -1\nElementDataFile = LOCAL\n" + bytes(range(128)))
    if target == "image":
        from PIL import Image

        files = []
        for mode in ("L", "RGB", "I;16"):
            for kind in ("PNG", "TIFF") + (("JPEG", "BMP") if mode != "I;16" else ()):
                stream = streams.BytesIO()
                Image.new(mode, (9, 7)).save(stream, kind)
                files.append(stream.getvalue())
    if target == "archive":
        stream = streams.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for i, data in enumerate(files):
                archive.writestr(f"{i}.nii", data)
        files = [stream.getvalue()]
    return files


def structure_set() -> bytes:
    """Two regions of closed contours, with a hole, and a point, in `_patient`."""
    import pydicom

    dataset = pydicom.dcmread(next(path for path in pydicom_files() if path.name == "rtstruct.dcm"), force=True)
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    contours = {
        1: [(size, z) for z in (0, 2, 4) for size in (90, 30)],
        2: [(40, -10)],
        3: [(0, 0)],
    }
    dataset.StructureSetROISequence, dataset.ROIContourSequence = [], []
    for number, shapes in contours.items():
        roi, part = pydicom.Dataset(), pydicom.Dataset()
        roi.ROINumber, roi.ROIName = number, f"region {number}"
        part.ReferencedROINumber, part.ContourSequence = number, []
        for size, z in shapes:
            item = pydicom.Dataset()
            points = [[*(size * corner), z] for corner in square] if size else [[0, 0, z]]
            item.ContourGeometricType = "CLOSED_PLANAR" if size else "POINT"
            item.NumberOfContourPoints = len(points)
            item.ContourData = [str(value) for point in points for value in point]
            part.ContourSequence.append(item)
        dataset.StructureSetROISequence.append(roi)
        dataset.ROIContourSequence.append(part)
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    return _saved(dataset)


def segmentations() -> list[bytes]:
    """Three frames of two segments: bits, shares and labels."""
    import pydicom

    source = next(path for path in pydicom_files() if path.name == "liver_1frame.dcm")
    found = []
    for kind in ("BINARY", "FRACTIONAL", "LABELMAP"):
        dataset = pydicom.dcmread(source)
        groups = dataset.PerFrameFunctionalGroupsSequence
        for group in groups:
            # What they refer to is most of the file, and nobody reads it.
            for name in [element.keyword for element in group]:
                if name not in ("PlanePositionSequence", "SegmentIdentificationSequence"):
                    delattr(group, name)
        frames, rows, columns = len(groups), 12, 10
        dataset.NumberOfFrames, dataset.Rows, dataset.Columns = frames, rows, columns
        dataset.SegmentationType = kind
        bits = 1 if kind == "BINARY" else 8
        dataset.BitsAllocated = dataset.BitsStored = bits
        dataset.HighBit, dataset.MaximumFractionalValue = bits - 1, 255
        dataset.PixelData = bytes(range(256)) * 2
        dataset.PixelData = dataset.PixelData[: (frames * rows * columns * bits + 15) // 16 * 2]
        dataset["PixelData"].VR = "OB"
        found.append(_saved(dataset))
    return found


def pet_file() -> bytes:
    """A slice that has all that SUV by body weight needs."""
    import pydicom

    dataset = pydicom.dcmread(next(path for path in pydicom_files() if path.name == "CT_small.dcm"))
    dataset.SOPClassUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.128", "PT"
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.Units, dataset.DecayCorrection, dataset.PatientWeight = "BQML", "START", "70"
    dataset.CorrectedImage = ["ATTN", "DECY"]
    dataset.SeriesDate = dataset.AcquisitionDate = "20240305"
    dataset.SeriesTime = dataset.AcquisitionTime = "100000"
    injection = pydicom.Dataset()
    injection.RadionuclideTotalDose, injection.RadionuclideHalfLife = "370000000", "6588"
    injection.RadiopharmaceuticalStartTime = "090000"
    dataset.RadiopharmaceuticalInformationSequence = [injection]
    dataset.Rows = dataset.Columns = 16
    dataset.PixelData = dataset.PixelData[:512]
    return _saved(dataset)


def _saved(dataset: Any) -> bytes:
    file = streams.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def compressed_files() -> list[bytes]:
    """A small CT slice in every syntax that imagecodecs decodes, in this process."""
    import imagecodecs
    import pydicom

    dataset = pydicom.dcmread(next(path for path in pydicom_files() if path.name == "CT_small.dcm"))
    pixels = np.ascontiguousarray(dataset.pixel_array[:48, :40].astype(np.uint16) & 0xFFF)
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.PixelRepresentation, dataset.BitsStored, dataset.HighBit = 0, 12, 11
    streams_of = {
        "4.51": imagecodecs.jpeg_encode(pixels, bitspersample=12),
        "4.70": imagecodecs.ljpeg_encode(pixels, bitspersample=12),
        "4.80": imagecodecs.jpegls_encode(pixels),
        "4.90": imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", level=0, reversible=True, bitspersample=12),
        "4.201": imagecodecs.htj2k_encode(pixels),
    }
    files = []
    for syntax, stream in streams_of.items():
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID("1.2.840.10008.1.2." + syntax)
        dataset.PixelData = pydicom.encaps.encapsulate([stream])
        dataset["PixelData"].VR = "OB"
        files.append(_saved(dataset))
    return files


def mutants(data: bytes, random_: random.Random) -> Iterator[bytes]:
    """Files that differ from one in a few places, for ever."""
    telling = [0, 1, 0x7F, 0x80, 0xFF]
    while True:
        changed = bytearray(data)
        # Headers are at the start, and are what the rest is understood by; pixels are at the end.
        size = len(changed)
        first, last = random_.choice(((0, size), (0, min(size, 2000)), (max(0, size - 4000), size)))
        for _ in range(random_.choice((1, 1, 1, 2, 4, 16))):
            place = random_.randrange(first, max(first + 1, last))
            kind = random_.random()
            if kind < 0.4:
                changed[place : place + 1] = bytes([random_.randrange(256)])
            elif kind < 0.7:
                count = random_.choice((1, 2, 4))
                changed[place : place + count] = bytes([random_.choice(telling)]) * count
            elif kind < 0.8:
                del changed[place : place + random_.choice((1, 2, 4, 64))]
            elif kind < 0.9:
                count = random_.choice((2, 4, 8, 64))
                changed[place:place] = changed[place : place + count]
            else:
                del changed[random_.randrange(len(changed) + 1) :]
        yield bytes(changed)


def loop(target: str, seconds: float) -> None:
    """Mutate without guidance, in this process."""
    random_ = random.Random(time.time_ns())
    sources = [mutants(data, random_) for data in seeds(target)]
    end = time.monotonic() + seconds
    count = 0
    told = time.monotonic()
    words: dict[str, int] = {}
    while time.monotonic() < end:
        data = next(random_.choice(sources))
        Path("last-input").write_bytes(data)
        start = time.monotonic()
        try:
            word = read_everything((target, data))
        except Exception as error:
            word = f"{type(error).__name__}: {error}"[:100]
            Path(f"crash-{hash(word) & 0xFFFFFF:06x}").write_bytes(data)
        if time.monotonic() - start > 5:
            Path(f"timeout-{count}").write_bytes(data)
        words[word] = words.get(word, 0) + 1
        count += 1
        if time.monotonic() - told > 60:
            told = time.monotonic()
            print(count, words, flush=True)
    print(count, words, flush=True)


def guided(arguments: list[str]) -> None:
    """Fuzz with atheris."""
    import atheris

    with atheris.instrument_imports(include=["cormack.io"]):
        import cormack.io
        import cormack.io._scan  # noqa: F401
    target, *rest = arguments
    if rest and not rest[0].startswith("-") and not os.path.isfile(rest[0]):
        os.makedirs(rest[0], exist_ok=True)
        for i, data in enumerate(seeds(target)):
            Path(rest[0], f"seed-{i}").write_bytes(data)

    def one(data: bytes) -> None:
        read_everything((target, data))

    atheris.Setup([sys.argv[0], *rest], one)
    atheris.Fuzz()


if __name__ == "__main__":
    if len(sys.argv) < 3 or (sys.argv[-2] not in SUFFIXES and sys.argv[1] not in SUFFIXES):
        raise SystemExit(__doc__)
    if sys.argv[1] == "loop":
        loop(sys.argv[2], float(sys.argv[3]))
    else:
        guided(sys.argv[1:])
