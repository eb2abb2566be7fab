"""Fixtures for reading and writing: a folder with real images, and DICOM files made to order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "OT": "1.2.840.10008.5.1.4.1.1.7",
    "RTSTRUCT": "1.2.840.10008.5.1.4.1.1.481.3",
}


def decimal(value: float) -> str:
    """Return a number as a DICOM decimal string, 16 characters at most."""
    return f"{value:.9g}"


@pytest.fixture(scope="session")
def write_dicom() -> Callable[..., Path]:
    """Return a function that writes one DICOM file; keyword arguments set fields, None removes them."""

    def write(path: Path, stored: np.ndarray | None, modality: str = "CT", **fields: Any) -> Path:
        dataset = pydicom.Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SOPClassUID = CLASSES[modality]
        dataset.SOPInstanceUID = generate_uid()
        dataset.SeriesInstanceUID = "1.2.3"
        dataset.Modality = modality
        dataset.PatientName = "Secret^Person"
        dataset.PatientID = "hidden"
        if stored is not None:
            dataset.Rows, dataset.Columns = stored.shape[-2:]
            dataset.SamplesPerPixel = 1
            dataset.PhotometricInterpretation = "MONOCHROME2"
            dataset.BitsAllocated = dataset.BitsStored = 8 * stored.dtype.itemsize
            dataset.HighBit = dataset.BitsAllocated - 1
            dataset.PixelRepresentation = int(stored.dtype.kind == "i")
            dataset.PixelData = stored.tobytes()
            dataset["PixelData"].VR = "OW"
        for name, value in fields.items():
            if value is None:
                if name in dataset:
                    del dataset[name]
            elif isinstance(value, float):
                setattr(dataset, name, decimal(value))
            elif isinstance(value, list | tuple | np.ndarray) and isinstance(value[0], float):
                setattr(dataset, name, [decimal(x) for x in value])
            else:
                setattr(dataset, name, value)
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        path.parent.mkdir(parents=True, exist_ok=True)
        dataset.save_as(path, enforce_file_format=True)
        return path

    return write


@pytest.fixture(scope="session")
def write_series(write_dicom: Callable[..., Path]) -> Callable[..., list[Path]]:
    """Return a function that writes a stack of slices, the given fields equal in all, lists of them one for each."""

    def write(
        folder: Path,
        stored: np.ndarray,
        modality: str = "CT",
        *,
        spacing: tuple[float, float, float] = (3.0, 0.8, 0.7),
        origin: tuple[float, float, float] = (-100.0, -120.0, 30.0),
        rotation: np.ndarray | None = None,
        names: list[str] | None = None,
        offsets: list[float] | None = None,
        each: dict[str, list[Any]] | None = None,
        **fields: Any,
    ) -> list[Path]:
        axes = np.eye(3) if rotation is None else rotation  # columns x, y, z
        paths = []
        for k, plane in enumerate(stored):
            along = spacing[0] * k if offsets is None else offsets[k]
            own = {name: values[k] for name, values in (each or {}).items()}
            place = {
                "ImagePositionPatient": (np.asarray(origin) + axes[:, 2] * along).tolist(),
                "ImageOrientationPatient": [*axes[:, 0].tolist(), *axes[:, 1].tolist()],
                "PixelSpacing": [float(spacing[1]), float(spacing[2])],
                "SliceThickness": 9.0,
                "InstanceNumber": k + 1,
            }
            name = names[k] if names else f"{k:03}.dcm"
            paths.append(write_dicom(folder / name, plane, modality, **{**place, **fields, **own}))
        return paths

    return write


@pytest.fixture
def stack() -> np.ndarray:
    """Return six slices of 5 x 7 distinct values."""
    return np.arange(6 * 5 * 7, dtype=np.uint16).reshape(6, 5, 7)
