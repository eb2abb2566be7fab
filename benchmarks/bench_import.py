"""Import of DICOM: a CT of 200 slices of 512 x 512 (105 MB), and the headers of 10 000 small files, beside the peers.

Files are in the page cache. "plain read" reads every file whole; pydicom stacks the slices by position and rescales, as
SimpleITK does. The columns ``cpu_ms`` (of all threads, the least of the rounds) and ``MB_per_s`` or ``files_per_s``
stand in the extra information. Run one thread with ``--threads 1``.
"""

from __future__ import annotations

import functools
import itertools
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, RLELossless

from benchmarks.data import ct_volume
from cormack import io
from cormack.io import _dicom, _dicom_header

SLICES, SIDE = 200, 512
HEADERS = 10_000
ROUNDS = 9


@functools.cache
def voxels() -> np.ndarray:
    """A CT with noise: each voxel of a smaller one four times."""
    small = ct_volume("int16")
    large = small[np.arange(SLICES) % len(small)].repeat(2, axis=1).repeat(2, axis=2)
    noise = np.random.default_rng(0).integers(-12, 13, large.shape, np.int16)
    return np.ascontiguousarray(large + noise)


def slice_of(number: int, stored: np.ndarray, slope: str = "1") -> pydicom.Dataset:
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{number}"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = "1.2.1", "1.2.2", "1.2.3"
    dataset.Modality, dataset.PatientName, dataset.PatientID = "CT", "Nobody", "0"
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = "20200101"
    dataset.Manufacturer, dataset.SeriesDescription, dataset.ConvolutionKernel = "Cormack", "Benchmark", "B30f"
    dataset.KVP, dataset.SliceThickness, dataset.SeriesNumber = "120", "1", 1
    dataset.InstanceNumber, dataset.ImagePositionPatient = number + 1, ["-180", "-180", str(number)]
    dataset.ImageOrientationPatient, dataset.PixelSpacing = ["1", "0", "0", "0", "1", "0"], ["0.7", "0.7"]
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 1
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = slope, "-1024", "HU"
    dataset.PixelData = stored.tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


def pack_plane(plane: np.ndarray) -> bytes:
    """PackBits of each row, as scanners do: runs of three or more, literals between."""
    packed = bytearray()
    for row in plane:
        literal = bytearray()
        for value, run in itertools.groupby(row.tobytes()):
            count = len(list(run))
            while count:
                part = min(count, 128)
                if part > 2:
                    if literal:
                        packed += bytes([len(literal) - 1]) + literal
                        literal.clear()
                    packed += bytes([257 - part, value])
                else:
                    for _ in range(part):
                        literal.append(value)
                        if len(literal) == 128:
                            packed += bytes([127]) + literal
                            literal.clear()
                count -= part
        if literal:
            packed += bytes([len(literal) - 1]) + literal
    return bytes(packed) + b"\0" * (len(packed) % 2)


def rle(stored: np.ndarray) -> bytes:
    planes = stored.view(np.uint8).reshape(SIDE, SIDE, 2)
    high, low = pack_plane(planes[:, :, 1].copy()), pack_plane(planes[:, :, 0].copy())
    return struct.pack("<16I", 2, 64, 64 + len(high), *[0] * 13) + high + low


# Transfer syntax and encoder of 16-bit values, all of them lossless.
ENCODINGS: dict[str, tuple[UID, Callable[[np.ndarray], bytes]]] = {
    "rle": (RLELossless, rle),
    "jpeg lossless": (UID("1.2.840.10008.1.2.4.70"), lambda v: imagecodecs.ljpeg_encode(v, bitspersample=16)),
    "jpeg-ls": (UID("1.2.840.10008.1.2.4.80"), imagecodecs.jpegls_encode),
    "jpeg 2000": (
        UID("1.2.840.10008.1.2.4.90"),
        lambda v: imagecodecs.jpeg2k_encode(v, level=0, codecformat="j2k", reversible=True),
    ),
    "htj2k": (UID("1.2.840.10008.1.2.4.201"), lambda v: imagecodecs.htj2k_encode(v, reversible=True)),
}


@functools.cache
def packed_slices(kind: str) -> list[bytes]:
    """Twenty different ones: packing is slow."""
    encode = ENCODINGS[kind][1]
    return [bytes(encode(stored if kind == "rle" else unsigned(stored))) for stored in voxels()[:20]]


def unsigned(stored: np.ndarray) -> np.ndarray:
    """As scanners store values that have an intercept, here of -3072."""
    return (stored + np.int16(2048)).view(np.uint16)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    @functools.cache
    def folder(kind: str) -> Path:
        root = tmp_path_factory.mktemp(kind)
        if kind == "headers":
            stored = np.zeros((4, 4), np.int16)
            for number in range(HEADERS):
                pydicom.dcmwrite(root / f"{number:05}.dcm", slice_of(number, stored), enforce_file_format=True)
            return root
        for number in range(SLICES):
            source = number % 20 if kind in ENCODINGS else number
            dataset = slice_of(number, voxels()[source], "1.5" if kind == "float32" else "1")
            if kind in ENCODINGS:
                dataset.file_meta.TransferSyntaxUID = ENCODINGS[kind][0]
                dataset.PixelData = encapsulate([packed_slices(kind)[source]])
                dataset["PixelData"].is_undefined_length = True
                dataset["PixelData"].VR = "OB"
            if kind in ENCODINGS and kind != "rle":
                dataset.PixelRepresentation, dataset.RescaleIntercept = 0, "-3072"
            pydicom.dcmwrite(root / f"{number:03}.dcm", dataset, enforce_file_format=True)
        return root

    return folder


def plain_read(folder: Path) -> None:
    for entry in os.scandir(folder):
        file = os.open(entry.path, os.O_RDONLY)
        content = bytearray(os.fstat(file).st_size)
        os.readv(file, [content])
        os.close(file)


def with_pydicom(folder: Path) -> np.ndarray:
    slices = sorted(
        (pydicom.dcmread(path) for path in folder.iterdir()), key=lambda s: float(s.ImagePositionPatient[2])
    )
    return np.stack([pydicom.pixels.apply_rescale(s.pixel_array, s) for s in slices])


def with_sitk(folder: Path) -> np.ndarray:
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(os.fspath(folder))
    return sitk.GetArrayViewFromImage(sitk.ReadImage(names))


READERS: dict[str, Callable[[Path], Any]] = {
    "cormack": lambda folder: io.read(folder).array,
    "plain read": plain_read,
    "pydicom": with_pydicom,
    "SimpleITK": with_sitk,
}
SCANNERS: dict[str, Callable[[Path], Any]] = {
    "cormack": lambda folder: len(_dicom.scan(_dicom.candidates(folder)).frames),
    "pydicom": lambda folder: sum(pydicom.dcmread(p, stop_before_pixels=True) is not None for p in folder.iterdir()),
    "pydicom, these tags": lambda folder: sum(
        _dicom_header.parse_with_pydicom(path) is not None for path in folder.iterdir()
    ),
}


def run(benchmark: Any, function: Callable[[Path], Any], folder: Path, rounds: int) -> float:
    """Time a function; seconds of the fastest round."""
    spent = []

    def call() -> None:
        begin = time.process_time()
        function(folder)
        spent.append(time.process_time() - begin)

    benchmark.pedantic(call, rounds=rounds, warmup_rounds=int(rounds > 1))
    benchmark.extra_info["cpu_ms"] = round(1e3 * min(spent), 2)
    return float(benchmark.stats.stats.min)


@pytest.mark.parametrize("contender", READERS)
@pytest.mark.parametrize("kind", ["int16", "float32", *ENCODINGS])
def test_read(benchmark: Any, folders: Callable[[str], Path], kind: str, contender: str) -> None:
    if (kind, contender) == ("htj2k", "pydicom"):
        pytest.importorskip("openjpeg", reason="pydicom decodes HTJ2K with pylibjpeg-openjpeg alone")
    folder = folders(kind)
    if contender == "cormack":
        source = voxels()[np.arange(SLICES) % 20] if kind in ENCODINGS else voxels()
        expected = source.astype(np.float32) * 1.5 - 1024 if kind == "float32" else source - np.int16(1024)
        np.testing.assert_array_equal(io.read(folder).array, expected)
    benchmark.group = f"read a CT of 200 x 512 x 512, {kind}"
    seconds = run(benchmark, READERS[contender], folder, ROUNDS if contender in ("cormack", "plain read") else 1)
    benchmark.extra_info["MB_per_s"] = round(SLICES * SIDE * SIDE * 2 / seconds / 1e6)


@pytest.mark.parametrize("contender", SCANNERS)
def test_scan(benchmark: Any, folders: Callable[[str], Path], contender: str) -> None:
    folder = folders("headers")
    assert SCANNERS["cormack"](folder) == HEADERS
    benchmark.group = f"headers of {HEADERS} files"
    seconds = run(benchmark, SCANNERS[contender], folder, 5 if contender == "cormack" else 1)
    benchmark.extra_info["files_per_s"] = round(HEADERS / seconds)
