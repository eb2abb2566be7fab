"""``cormack import``: what it prints, with which exit code, and that nobody is named by it, by a scan, or by a run."""

from __future__ import annotations

import csv
import gzip
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
SECRETS = ("Secret", "Person", "HIDDEN0815", "19611223", "Nowhere", "remark", SERIES)


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORMACK_PSEUDONYM_KEY", "a key for tests")


def write_slice(path: Path, number: int, **fields: object) -> None:
    pydicom = pytest.importorskip("pydicom")
    image = pydicom.Dataset()
    image.file_meta = pydicom.dataset.FileMetaDataset()
    image.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"{SERIES}.{number}"
    image.SeriesInstanceUID, image.Modality = SERIES, "MR"
    image.PatientName, image.PatientID, image.PatientBirthDate = "Secret^Person", "HIDDEN0815", "19611223"
    image.InstitutionName, image.BodyPartExamined = "Saint Nowhere", "BRAIN"
    image.SeriesDescription = image.ImageComments = "a remark"
    image.ImagePositionPatient, image.ImageOrientationPatient = [0, 0, 2 * number], [1, 0, 0, 0, 1, 0]
    image.PixelSpacing, image.Rows, image.Columns = [0.5, 0.5], 12, 16
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.PixelData = np.random.default_rng(number).integers(0, 4096, 192).astype(np.uint16).tobytes()
    image["PixelData"].VR = "OW"
    for name, value in fields.items():
        setattr(image, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save_as(path, enforce_file_format=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A series whose header, folder and files name a patient, and a NIfTI file."""
    root = tmp_path / "export"
    for number in range(6):
        write_slice(root / "Secret^Person" / f"Person{number}", number)
    noise = np.random.default_rng(1).integers(0, 100, (8, 12, 12)).astype(np.int16)
    cormack.io.write(cormack.Volume(noise, spacing=2), root / "Person Secret.nii.gz")
    return root


def test_the_summary(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for new in (2, 0):
        assert main(["import", str(tree), str(tmp_path / "out")]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        assert out == f"2 volumes imported ({new} now); the table is {tmp_path / 'out' / 'import.csv'}\n"
    assert len(list((tmp_path / "out").glob("*/*.nii.gz"))) == 2


def test_json(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(tree), str(tmp_path / "out"), "--json", "-j", "1"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert {name: answer[name] for name in ("imported", "new", "refused", "failed", "files_seen")} == {
        "imported": 2,
        "new": 2,
        "refused": 0,
        "failed": 0,
        "files_seen": 7,
    }
    with open(tmp_path / "out" / "import.csv", encoding="utf-8", newline="") as file:
        assert [row["file"] for row in csv.DictReader(file)] == [row["file"] for row in answer["volumes"]]


def test_problems_are_told_and_counted(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "Secret^Person" / "Person2").unlink()
    write_slice(tree / "Person" / "screenshot", 50, SeriesInstanceUID="1.2.3", BurnedInAnnotation="YES")
    assert main(["import", str(tree), str(tmp_path / "out")]) == 1
    out, err = capsys.readouterr()
    assert "not evenly spaced" in out
    assert "burned into the pixels" in out
    assert "1 volume imported (1 now), 2 refused, 0 failed" in out
    assert main(["import", str(tree), str(tmp_path / "out"), "--quiet"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "not evenly spaced" in err
    assert main(["import", str(tree), str(tmp_path / "out"), "--allow-burned-in", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["imported"] == 2


def test_what_failed_is_tried_again_when_asked(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    assert main(["import", str(tree), out, "--timeout", "1e-6"]) == 1
    assert "2 more failed" not in capsys.readouterr().out
    assert main(["import", str(tree), out]) == 1
    # One may have been quicker than the look at the clock.
    assert "failed: took longer than 1e-06 s" in capsys.readouterr().out
    assert main(["import", str(tree), out, "--retry-failed"]) == 0


def test_keep_identity(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(tree), str(tmp_path / "out"), "--keep-identity", "--json"]) == 0
    volumes = {row["path"]: row for row in json.loads(capsys.readouterr().out)["volumes"]}
    assert set(volumes) == {"Person Secret.nii.gz", "Secret^Person/Person0"}
    row = volumes["Secret^Person/Person0"]
    assert (row["series_uid"], row["patient_id"]) == (SERIES, "HIDDEN0815")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "out", "--to", "jpeg"], "--to must be nifti or zarr"),
        (["exprot", "out"], "did you mean"),
        (["export", "export/out"], "must lie apart"),
        (["export", "full"], "no import made"),
        (["export", "full/file"], "full/file is a file"),
        (["export", "full/file/out"], "full/file"),
        (["export", "/proc/out"], "/proc/out"),
        (["export", "out", "-j", "0"], "-j"),
        (["export", "out", "--timeout", "-1"], "--timeout"),
        (["export", "out", "--timeout", "inf"], "--timeout"),
        (["export", "out", "--units", "HU"], "--units must be SUVbw"),
        (["export", "out", "--max-bytes", "much"], "2GiB"),
        (["empty", "out"], "no image found"),
        (["export"], "DST"),
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
    (tree.parent / "full").mkdir()
    (tree.parent / "full" / "file").write_text("")
    assert main(["import", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("cormack import: ")
    assert words in err
    assert (tree.parent / "full" / "file").read_text() == ""


def test_a_full_disk_is_one_line(tree: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 30000, (30, 40, 50)).astype(np.int16)
    cormack.io.write(cormack.Volume(noise), tree / "b.nii")
    limit = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)); "
    script = limit + "from cormack.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", script, "import", str(tree), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        env={**os.environ},
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"cormack import: {tmp_path / 'out'}: File too large\n"


def everything(folder: Path) -> bytes:
    """Names and bytes of all files, unpacked too."""
    parts = []
    for path in sorted(folder.rglob("*")):
        parts.append(str(path.relative_to(folder)).encode())
        if path.is_file():
            parts.append(path.read_bytes())
            if path.suffix == ".gz":
                parts.append(gzip.decompress(parts[-1]))
    return b"\n".join(parts)


def test_nobody_is_named_by_import_scan_and_run(tree: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("jinja2")
    (tree / "Person.dcm").write_bytes(b"Secret^Person")
    outputs = tmp_path / "outputs"
    (outputs / "scan").mkdir(parents=True)
    assert main(["scan", str(tree), "-o", str(outputs / "scan" / "c.csv")]) == 1
    assert main(["import", str(tree), str(outputs / "images")]) == 1
    assert main(["run", str(outputs / "images"), "--out", str(outputs / "run")]) in (0, 1)
    # Straight from the hospital: DICOM goes by pseudonyms, other files by their names.
    (tree / "Person Secret.nii.gz").unlink()
    write_slice(tree / "Secret^Person gap" / "Person1", 1, SeriesInstanceUID="1.2.3")
    write_slice(tree / "Secret^Person gap" / "Person2", 2, SeriesInstanceUID="1.2.3", PixelSpacing=[0.5, -1])
    assert main(["run", str(tree), "--out", str(outputs / "raw")]) == 1
    assert main(["status", str(outputs / "raw"), "--json"]) == 1
    keys = {row["key"] for row in cormack.io.scan(tree).rows()}
    out, err = capfd.readouterr()
    text = everything(outputs) + out.encode() + err.encode()
    assert [word for word in SECRETS if word.encode() in text.replace(str(tree).encode(), b"")] == []
    with open(outputs / "raw" / "features.csv", encoding="utf-8", newline="") as file:
        assert keys >= {row["case"] for row in csv.DictReader(file) if row["status"] == "completed"} != set()
    # Where secrets would be found if they were there.
    assert b"Secret" in everything(tree)


def test_help_says_what_identity_means(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "--help"]) == 0
    words = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "it then says whose images these are" in words
    assert "Example: cormack import export/ images/ --to nifti" in words
    assert "faces in scans of heads are not removed" in words
