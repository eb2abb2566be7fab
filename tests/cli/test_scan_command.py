"""``cormack scan``: what it prints, what it keeps, and with which exit code."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")

import cormack
from cormack.cli import main

SERIES = "1.2.826.0.1.4711.5"
SECRETS = ("Meyer", "Anna", "4711", "19611223", "Nowhere", SERIES)


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORMACK_PSEUDONYM_KEY", "a key for tests")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A series whose header, folder and files name a patient, and a NIfTI file."""
    pydicom = pytest.importorskip("pydicom")
    root = tmp_path / "export"
    (root / "Meyer^Anna").mkdir(parents=True)
    for number in range(4):
        image = pydicom.Dataset()
        image.file_meta = pydicom.dataset.FileMetaDataset()
        image.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"{SERIES}.{number}"
        image.SeriesInstanceUID, image.Modality = SERIES, "MR"
        image.PatientName, image.PatientID, image.PatientBirthDate = "Meyer^Anna", "4711", "19611223"
        image.InstitutionName, image.BodyPartExamined = "Saint Nowhere", "BRAIN"
        image.ImagePositionPatient, image.ImageOrientationPatient = [0, 0, 2 * number], [1, 0, 0, 0, 1, 0]
        image.PixelSpacing, image.Rows, image.Columns = [0.5, 0.5], 3, 4
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
        image.PixelData = bytes(24)
        image["PixelData"].VR = "OW"
        image.save_as(root / "Meyer^Anna" / f"Meyer{number}", enforce_file_format=True)
    cormack.io.write(cormack.Volume(np.zeros((5, 6, 7), np.int16), spacing=2), root / "Anna.nii.gz")
    return root


def test_the_table(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", str(tree)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0].split()[:3] == ["key", "folder", "kind"]
    assert "MR brain  4 x 3 x 4" in out
    assert "0.5 x 0.5 x 2" in out
    assert "Explicit VR Little Endian" in out
    assert lines[-1] == "2 volumes; 5 of 5 files read"
    assert not [word for word in SECRETS if word in out]


def test_json_csv_and_a_second_scan(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    catalog = tmp_path / "c.csv"
    for read in (5, 0):
        assert main(["scan", str(tree), "-o", str(catalog), "--json"]) == 0
        out = capsys.readouterr().out
        answer = json.loads(out)
        assert (answer["files_seen"], answer["files_read"], answer["problems"]) == (5, read, 0)
        assert [volume["modality"] for volume in answer["volumes"]] == ["", "MR"]
        with open(catalog, encoding="utf-8", newline="") as file:
            kept = list(csv.DictReader(file))
        assert [row["key"] for row in kept] == [volume["key"] for volume in answer["volumes"]]
        everything = out + "".join(path.read_text("utf-8") for path in tmp_path.glob("c.csv*"))
        assert not [word for word in SECRETS if word in everything]


def test_keep_identity(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", str(tree), "--keep-identity", "--json"]) == 0
    volumes = json.loads(capsys.readouterr().out)["volumes"]
    assert [volume["path"] for volume in volumes] == ["Anna.nii.gz", "Meyer^Anna/Meyer0"]
    assert volumes[1]["series_uid"] == SERIES


def test_problems_are_told_and_counted(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "Meyer^Anna" / "Meyer1").unlink()
    (tree / "Anna.dcm").write_text("no image")
    assert main(["scan", str(tree)]) == 1
    out = capsys.readouterr().out
    assert "not evenly spaced" in out
    assert "not a DICOM file" in out
    assert "3 volumes, 2 with problems" in out
    assert main(["scan", str(tree), "--quiet"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "not evenly spaced" in err
    assert not [word for word in SECRETS if word in out + err]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "-o", "c.xlsx"], ".parquet or .csv"),
        (["export", "-o", "absent/c.csv"], "the folder absent does not exist"),
        (["exprot"], "did you mean"),
        (["export", "-j", "0"], "-j"),
        (["empty"], "no image found"),
        ([], "DIR"),
    ],
)
def test_wrong_use(
    tree: Path,
    arguments: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tree.parent)
    (tree.parent / "empty").mkdir()
    assert main(["scan", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("cormack scan: ")
    assert words in err


def test_a_folder_that_cannot_be_written(tree: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cormack", "scan", str(tree), "-o", "/proc/c.csv"],
        capture_output=True,
        text=True,
        env={**os.environ},
        timeout=60,
    )
    assert done.returncode in (1, 2)
    assert done.stderr.startswith("cormack scan: ")
    assert "Traceback" not in done.stderr
