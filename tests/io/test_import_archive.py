"""Importing archives: the same volumes as reading gives, whatever happens on the way, and nobody's name anywhere."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image

from cormack import BackendUnavailable, Volume, io
from cormack._files import locked
from cormack.io import _import, _import_store, _import_task

SECRETS = {
    "PatientName": "Secret^Person",
    "PatientID": "HIDDEN4711",
    "PatientBirthDate": "19611223",
    "InstitutionName": "Saint Nowhere",
    "StudyInstanceUID": "1.2.826.0.1.77.1",
    "SeriesInstanceUID": "1.2.826.0.1.77.2",
    "AccessionNumber": "ACC0815",
    "StudyDate": "20190203",
    "SeriesDescription": "Personal remark",
    "BodyPartExamined": "SECRETPART",
    "RescaleType": "SECRETUNIT",
    "SequenceName": "SECRETSEQUENCE",
    "ImageComments": "of Person",
}
META = "ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_SHORT\nElementDataFile = {}\n"
US = "1.2.840.10008.5.1.4.1.1.6.1"


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("CORMACK_PSEUDONYM_KEY", "a key for tests")
    # To start a worker takes longer than what these trees need of it.
    monkeypatch.setattr(_import, "get_num_threads", lambda: 1)


@pytest.fixture
def tree(tmp_path, write_series, write_dicom, stack) -> Path:
    """Return a folder with one of everything, whose names name a patient."""
    root = tmp_path / "tree of Person"
    person = root / "Person, Secret"
    write_series(person / "ct", stack, names=[f"IM{k}" for k in (3, 1, 5, 0, 2, 4)], **SECRETS)
    write_dicom(person / "ct" / "structures", None, "RTSTRUCT")
    write_dicom(person / "film", stack[0], "DX", SeriesInstanceUID="1.77", ImagerPixelSpacing=[0.2, 0.3])
    echoes = np.concatenate([stack, stack + 100])
    write_series(
        person / "echoes",
        echoes,
        "MR",
        offsets=[3.0 * (k % 6) for k in range(12)],
        each={"EchoTime": [10.0] * 6 + [20.0] * 6},
        SeriesInstanceUID="1.78",
    )
    io.write(Volume(stack.astype(np.int16), (3, 2, 1), direction=np.diag([1, -1, -1])), root / "Person_Secret.nii.gz")
    four = nibabel.Nifti1Image(np.arange(120, dtype=np.float32).reshape(2, 3, 4, 5), np.diag([1, 2, 3, 1]))
    four.header["descrip"] = b"Secret^Person"
    nibabel.save(four, root / "four.nii")
    io.write(Volume(stack.astype(np.uint8), (3, 2, 1)), root / "c.nrrd")
    Image.fromarray(np.arange(20, dtype=np.uint8).reshape(4, 5)).save(root / "d.png")
    (root / "readme.txt").write_text("text")
    for ending, other in ((".zip", "1.79"), (".tar.gz", "1.80")):
        paths = write_series(tmp_path / f"series{other}", stack * 2, **{**SECRETS, "SeriesInstanceUID": other})
        if ending == ".zip":
            with zipfile.ZipFile(root / "Secret.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                for path in paths:
                    archive.write(path, f"Person/{path.name}")
        else:
            with tarfile.open(root / "Secret.tar.gz", "w:gz") as tar:
                for path in reversed(paths):
                    tar.add(path, f"Secret^Person/{path.name}")
    (root / "Secret.nii").write_bytes((root / "four.nii").read_bytes()[:400])
    (person / "Secret.dcm").write_bytes(b"no image")
    header = (
        "ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_SHORT\nElementDataFile = Secret_Person.raw\n"
    )
    (root / "Secret.mhd").write_text(header)
    return root


def rows(table):
    return list(table.rows())


def contents(folder):
    """Return every file below a folder by its path."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def folders(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_dir())


def one(table, **wanted):
    (row,) = (r for r in table.rows() if all(r[name] == value for name, value in wanted.items()))
    return row


# --- What comes out -----------------------------------------------------------------------------------------------


def test_each_volume_is_a_file_with_the_voxels_and_place_that_were_read(tree, tmp_path):
    done = io.import_archive(tree, tmp_path / "out", keep_identity=True)
    expected = {
        "Person, Secret/ct/IM3": [io.read_all(tree / "Person, Secret" / "ct", series=SECRETS["SeriesInstanceUID"])[0]],
        "Person, Secret/film": [io.read(tree / "Person, Secret" / "film")],
        "Person, Secret/echoes/000.dcm": [io.read_all(tree / "Person, Secret" / "echoes")[0]],
        "Person, Secret/echoes/006.dcm": [io.read_all(tree / "Person, Secret" / "echoes")[1]],
        "Person_Secret.nii.gz": [io.read(tree / "Person_Secret.nii.gz")],
        "four.nii": io.read_all(tree / "four.nii"),
        "c.nrrd": [io.read(tree / "c.nrrd")],
        "Secret.zip#0": [io.read(tmp_path / "series1.79")],
        "Secret.tar.gz#5": [io.read(tmp_path / "series1.80")],
    }
    imported = [r for r in done.rows() if r["status"] == "imported"]
    by_path = {path: [r for r in imported if r["path"] == path] for path in expected}
    assert done.imported == len(imported) == sum(map(len, by_path.values())) == 13
    for path, volumes in expected.items():
        for row, volume in zip(by_path[path], volumes, strict=True):
            image = nibabel.load(tmp_path / "out" / row["file"])
            array = np.asarray(volume.array)
            assert image.get_data_dtype() == array.dtype
            np.testing.assert_array_equal(np.asanyarray(image.dataobj).T.reshape(array.shape), array)
            np.testing.assert_allclose(image.affine, volume.affine, atol=1e-4)
            assert row["sha256"] == hashlib.sha256(array.tobytes()).hexdigest()
            assert row["dtype"] == array.dtype.name
            assert [row[f"size_{axis}"] for axis in "zyx"][-array.ndim :] == list(array.shape)
            assert row["file"] == f"{row['folder']}/{row['key']}.nii.gz"
            assert row["problem"] == ""
    assert one(done, path="Person, Secret/ct/IM3")["series_uid"] == SECRETS["SeriesInstanceUID"]
    assert one(done, path="Person, Secret/ct/IM3")["patient_id"] == SECRETS["PatientID"]


def test_zarr_has_the_same_voxels_and_place(tree, tmp_path):
    zarr = pytest.importorskip("zarr")
    as_nifti = io.import_archive(tree, tmp_path / "nifti")
    table = io.import_archive(tree, tmp_path / "out", to="zarr")
    assert (table.imported, table.new) == (13, 13)
    for row, other in zip(table.rows(), as_nifti.rows(), strict=True):
        assert {**row, "file": ""} == pytest.approx({**other, "file": ""}, nan_ok=True)
        if row["file"]:
            volume, reference = (io.read(tmp_path / n / r["file"]) for n, r in (("out", row), ("nifti", other)))
            store = zarr.open_group(tmp_path / "out" / row["file"], mode="r")
            voxels = np.asarray(store["0"]).reshape(volume.shape)
            np.testing.assert_array_equal(voxels, np.asarray(reference.array).reshape(volume.shape))
            assert hashlib.sha256(voxels.tobytes()).hexdigest() == row["sha256"]
            if reference.ndim == volume.ndim == 3:
                np.testing.assert_allclose(volume.affine, reference.affine, atol=1e-4)
    # The other format takes the place of the one before.
    io.import_archive(tree, tmp_path / "nifti", to="zarr")
    assert contents(tmp_path / "nifti") == contents(tmp_path / "out")


def test_a_zarr_store_is_a_source(tmp_path, stack):
    (tmp_path / "in").mkdir()
    for _ in range(2):
        io.write(Volume(stack.astype(np.int16), (3, 2, 1)), tmp_path / "in" / "Secret.ome.zarr")
        table = io.import_archive(tmp_path / "in", tmp_path / "out")
        assert table.imported == table.new == 1
        np.testing.assert_array_equal(io.read(tmp_path / "out" / table["file"][0]).array, stack)
        stack = stack + 1
    assert io.import_archive(tmp_path / "in", tmp_path / "out").new == 0
    assert io.import_archive(tmp_path / "in" / "Secret.ome.zarr", tmp_path / "one").imported == 1


def test_a_change_of_voxels_alone_is_seen_where_they_lie_in_a_file_of_their_own(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mhd").write_text(META.format("a.raw"))
    for new, number in ((1, 0), (1, 7), (0, 7)):
        if new:
            (tmp_path / "in" / "a.raw").write_bytes(np.arange(number, number + 8, dtype=np.int16).tobytes())
        table = io.import_archive(tmp_path / "in", tmp_path / "out")
        assert (table.imported, table.new) == (1, new)
        assert io.read(tmp_path / "out" / table["file"][0]).array.ravel().tolist() == list(range(number, number + 8))
        time.sleep(0.01)


def test_the_table_says_what_was_not_imported_and_why(tree, tmp_path):
    table = io.import_archive(tree, tmp_path / "out")
    why = {(r["status"], r["problem"]) for r in table.rows() if r["status"] != "imported"}
    assert ("skipped", "no image in it") in why
    assert ("skipped", "files of other kinds, without an image: 1") in why
    assert any(status == "refused" and "burned into" in text for status, text in why)
    assert any(status == "refused" and "not a DICOM file" in text for status, text in why)
    assert any(status == "refused" and "truncated" in text for status, text in why)
    assert (table.refused, table.failed, table.skipped) == (4, 0, 1)
    with open(tmp_path / "out" / "import.csv", encoding="utf-8", newline="") as file:
        kept = list(csv.DictReader(file))
    assert [r["key"] for r in kept] == table["key"].tolist()
    assert list(kept[0]) == list(table)
    assert one(table, modality="RTSTRUCT")["status"] == "skipped"


def test_keys_are_those_of_a_scan(tree, tmp_path):
    scanned, imported = io.scan(tree), io.import_archive(tree, tmp_path / "out")
    keys = {(r["key"], r["folder"]) for r in scanned.rows()}
    assert {(r["key"], r["folder"]) for r in imported.rows() if r["status"] in ("imported", "refused")} == keys


def test_one_file_or_archive_is_a_source_too(tree, tmp_path):
    assert io.import_archive(tree / "Secret.zip", tmp_path / "a").imported == 1
    assert io.import_archive(tree / "four.nii", tmp_path / "b").imported == 5
    with pytest.raises(io.ReadError, match="no such file"):
        io.import_archive(tree / "absent", tmp_path / "c")
    assert not (tmp_path / "c").exists()
    (tmp_path / "empty").mkdir()
    assert io.import_archive(tmp_path / "empty", tmp_path / "d").row_count == 0


def test_any_number_of_workers_leaves_the_same_files(tree, tmp_path):
    io.import_archive(tree, tmp_path / "out", workers=1)
    io.import_archive(tree, tmp_path / "reference", workers=3)
    assert contents(tmp_path / "out") == contents(tmp_path / "reference")


# --- Identity -----------------------------------------------------------------------------------------------------


def words_of(root):
    """Return whatever in a tree names somebody: names of files and folders, UIDs, secrets."""
    words = {word for value in SECRETS.values() for word in (value, *value.split("^"))} | {"Secret", "Person"}
    for path in root.parent.rglob("*"):
        if path.is_file() and path.read_bytes()[128:132] == b"DICM":
            header = pydicom.dcmread(path, stop_before_pixels=True)
            words |= {str(header.SOPInstanceUID)}
    return [word.encode() for word in words | {"four", "echoes"}]


def everything(folder, *said):
    texts = [*said]
    for name, data in contents(folder).items():
        texts += [name.encode(), data]
        if name.endswith(".gz"):
            texts.append(gzip.decompress(data))
        if name.endswith((".nii", ".nii.gz")):
            header = nibabel.load(folder / name).header
            assert not any(bytes(header[field]).strip(b"\0") for field in ("descrip", "aux_file", "db_name"))
            assert header.extensions == []
    return b"\n".join(texts)


@pytest.mark.parametrize("to", ["nifti", "zarr"])
def test_nothing_tells_whose_images_they_are(tree, tmp_path, write_dicom, stack, capfd, to):
    words = words_of(tree)
    # Problems, too, must not name files: slices that do not fit, pixels that cannot be decoded, copies that differ.
    write_dicom(tree / "Person" / "Secret", stack[0], "OT", BurnedInAnnotation="YES", SeriesInstanceUID="1.81")
    odd = pydicom.dcmread(tree / "Person, Secret" / "ct" / "IM2")
    odd.ImagePositionPatient[2] = 31.5
    odd.save_as(tree / "Person, Secret" / "ct" / "IM2")
    packed = pydicom.dcmread(tree / "Person, Secret" / "film")
    packed.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000Lossless
    packed.PixelData = pydicom.encaps.encapsulate([b"Secret^Person is no JPEG 2000"])
    packed["PixelData"].is_undefined_length = True
    packed.save_as(tree / "Person, Secret" / "film")
    table = io.import_archive(tree, tmp_path / "out", to=to)
    problems = table["problem"].tolist()
    assert any("not evenly spaced" in text for text in problems)
    assert any("compressed pixels of 0 x 0" in text for text in problems)
    assert any("BurnedInAnnotation" in text for text in problems)
    out, err = capfd.readouterr()
    text = everything(tmp_path / "out", out.encode(), err.encode(), str(rows(table)).encode())
    assert [word for word in words if word in text] == []


def test_what_is_kept_on_request_is_not_kept_afterwards(tree, tmp_path):
    io.import_archive(tree, tmp_path / "out", keep_identity=True)
    assert b"HIDDEN4711" in everything(tmp_path / "out")
    io.import_archive(tree, tmp_path / "out")
    text = everything(tmp_path / "out")
    assert [word for word in words_of(tree) if word in text] == []
    io.import_archive(tree, tmp_path / "reference")
    assert contents(tmp_path / "out") == contents(tmp_path / "reference")


@pytest.mark.parametrize(
    ("modality", "fields", "accepted"),
    [
        ("CT", {"BurnedInAnnotation": "YES"}, False),
        ("CT", {"BurnedInAnnotation": "NO"}, True),
        ("CT", {}, True),
        ("DX", {}, True),
        ("OT", {}, False),
        ("OT", {"BurnedInAnnotation": "NO"}, True),
        ("OT", {"SOPClassUID": US, "Modality": "US"}, False),
        ("OT", {"SOPClassUID": US, "Modality": "US", "BurnedInAnnotation": "NO"}, True),
        ("DX", {"Modality": "ES"}, False),
    ],
)
def test_text_in_pixels(tmp_path, write_series, stack, modality, fields, accepted):
    write_series(tmp_path / "in", stack[:1], modality, **fields)
    table = io.import_archive(tmp_path / "in", tmp_path / "out")
    assert (table.imported, table.refused) == ((1, 0) if accepted else (0, 1))
    assert ("BurnedInAnnotation" in table["problem"][0]) == (not accepted)
    assert io.import_archive(tmp_path / "in", tmp_path / "out", allow_burned_in=True).imported == 1


# --- Again --------------------------------------------------------------------------------------------------------


def test_a_second_import_reads_nothing(tree, tmp_path):
    first = io.import_archive(tree, tmp_path / "out")
    before = contents(tmp_path / "out")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.nii.gz")}
    second = io.import_archive(tree, tmp_path / "out")
    assert (first.new, second.new) == (13, 0)
    assert (first.files_read > 20, second.files_read) == (True, 0)
    assert str(rows(second)) == str(rows(first))
    assert contents(tmp_path / "out") == before
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.nii.gz")}


def test_what_changed_or_is_missing_is_imported_again(tree, tmp_path, stack):
    first = io.import_archive(tree, tmp_path / "out", keep_identity=True)
    time.sleep(0.01)
    io.write(Volume(stack.astype(np.int16) + 7, (3, 2, 1)), tree / "Person_Secret.nii.gz")
    gone = one(first, path="c.nrrd")["file"]
    (tmp_path / "out" / gone).unlink()
    second = io.import_archive(tree, tmp_path / "out", keep_identity=True)
    assert (second.new, second.files_read) == (2, 1)
    row = one(second, path="Person_Secret.nii.gz")
    np.testing.assert_array_equal(io.read(tmp_path / "out" / row["file"]).array, stack + 7)
    assert (tmp_path / "out" / gone).exists()
    io.import_archive(tree, tmp_path / "reference", keep_identity=True)
    for name in ("import.csv", row["file"], gone):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "reference" / name).read_bytes()


def test_a_source_that_is_no_longer_accepted_takes_its_file_with_it(tree, tmp_path):
    first = io.import_archive(tree, tmp_path / "out", keep_identity=True)
    file = one(first, path="Person, Secret/ct/IM3")["file"]
    (tree / "Person, Secret" / "ct" / "IM1").unlink()
    second = io.import_archive(tree, tmp_path / "out", keep_identity=True)
    assert "evenly" in one(second, path="Person, Secret/ct/IM3")["problem"]
    assert second.imported == 12
    assert not (tmp_path / "out" / file).exists()
    assert not (tmp_path / "out" / file).parent.exists()


def test_what_lost_its_source_stays_and_is_told(tree, tmp_path):
    first = io.import_archive(tree, tmp_path / "out", keep_identity=True)
    file = one(first, path="c.nrrd")["file"]
    (tree / "c.nrrd").rename(tmp_path / "aside")
    for _ in range(2):
        table = io.import_archive(tree, tmp_path / "out", keep_identity=True)
        row = one(table, file=file)
        assert (row["status"], table.gone, table.imported) == ("imported", 1, 12 + 1)
        assert "no longer there" in row["problem"]
        assert (tmp_path / "out" / file).exists()
    text = str(rows(io.import_archive(tree, tmp_path / "out")))
    assert "c.nrrd" not in text
    (tmp_path / "aside").rename(tree / "c.nrrd")
    table = io.import_archive(tree, tmp_path / "out")
    assert (one(table, file=file)["problem"], table.gone) == ("", 0)
    assert (tmp_path / "out" / "import.csv").read_text().count("no longer there") == 0


SLEEPING = """
import time
def bring(task):
    time.sleep(60)
"""


def test_failures_are_rows_and_are_tried_again_when_asked(tree, tmp_path, monkeypatch):
    (tmp_path / "sleeping_for_test.py").write_text(SLEEPING)
    monkeypatch.syspath_prepend(tmp_path)
    import sleeping_for_test

    with monkeypatch.context() as patch:
        patch.setattr(_import, "bring", sleeping_for_test.bring)
        table = io.import_archive(tree, tmp_path / "out", timeout_s=0.1)
    assert (table.imported, table.failed) == (0, 14)
    assert set(table["problem"][table["status"] == "failed"]) == {"took longer than 0.1 s"}
    assert not list((tmp_path / "out").rglob("*.nii.gz"))
    assert io.import_archive(tree, tmp_path / "out").failed == table.failed
    assert io.import_archive(tree, tmp_path / "out", retry_failed=True).imported == 13
    io.import_archive(tree, tmp_path / "reference")
    assert contents(tmp_path / "out") == contents(tmp_path / "reference")


CRASHING = """
import os, signal
from cormack.io import _import_task
def bring(task):
    if any(wanted.sources[0].path.endswith(("four.nii", "Secret.zip")) for wanted in task.volumes):
        os.kill(os.getpid(), signal.SIGSEGV)
    if any(wanted.sources[0].path.endswith("c.nrrd") for wanted in task.volumes):
        raise KeyError("Secret^Person")
    return _import_task.bring(task)
"""


def test_a_crash_costs_one_volume(tree, tmp_path, monkeypatch):
    (tmp_path / "crashing_for_test.py").write_text(CRASHING)
    monkeypatch.syspath_prepend(tmp_path)
    import crashing_for_test

    monkeypatch.setattr(_import, "bring", crashing_for_test.bring)
    table = io.import_archive(tree, tmp_path / "out")
    assert (table.imported, table.failed) == (6, 7)
    assert set(table["problem"][table["status"] == "failed"]) == {
        "was killed by SIGSEGV",
        "internal error: KeyError",
    }


def test_pet_in_suv(tmp_path, write_series, stack):
    write_series(tmp_path / "in" / "pet", stack, "PT", SeriesInstanceUID="1.5")
    write_series(tmp_path / "in" / "ct", stack, "CT", SeriesInstanceUID="1.6")
    assert io.import_archive(tmp_path / "in", tmp_path / "out").imported == 2
    table = io.import_archive(tmp_path / "in", tmp_path / "out", units="SUVbw")
    assert one(table, modality="CT")["status"] == "imported"
    assert "no SUV" in one(table, modality="PT")["problem"]
    assert table.imported == len(list((tmp_path / "out").rglob("*.nii.gz"))) == 1


def test_members_of_archives_that_are_damaged(tree, tmp_path, write_series, stack):
    data = (tree / "Secret.tar.gz").read_bytes()
    (tree / "Secret.tar.gz").write_bytes(data[: len(data) // 2])
    table = io.import_archive(tree, tmp_path / "out")
    assert table.imported == 12
    assert any("archive" in text for text in table["problem"].tolist())


# --- Killed, full, not allowed ------------------------------------------------------------------------------------

SCRIPT = """
import sys, numpy as np
from cormack import io
def tell(stage, done, of, *sizes):
    print(stage, done, of, flush=True)
to = sys.argv[3] if len(sys.argv) > 3 else "nifti"
io.import_archive(sys.argv[1], sys.argv[2], to=to, workers=2, progress=tell)
"""


@pytest.fixture
def volumes(tmp_path, write_series, stack) -> Path:
    """Return a folder with volumes in files and in archives, and some that are refused."""
    root = tmp_path / "volumes"
    random_ = np.random.default_rng(5)
    for number in range(10):
        noise = random_.integers(0, 1000, (20, 64, 64)).astype(np.int16)
        (root / f"case{number}").mkdir(parents=True)
        io.write(Volume(noise), root / f"case{number}" / "a.nii")
    for number in range(3):
        noise = random_.integers(0, 1000, (8, 64, 64)).astype(np.uint16)
        paths = write_series(tmp_path / f"s{number}", noise, SeriesInstanceUID=f"1.9.{number}")
        with zipfile.ZipFile(root / f"{number}.zip", "w") as archive:
            for path in paths:
                archive.write(path, path.name)
    (root / "broken.nii").write_bytes(b"no image")
    return root


@pytest.mark.parametrize(
    ("to", "kills"),
    [
        ("nifti", 3),
        ("zarr", 2),
        *(pytest.param(to, 10, marks=pytest.mark.slow) for to in ("nifti", "zarr")),
    ],
)
def test_killed_at_any_moment_it_ends_as_if_undisturbed(volumes, tmp_path, to, kills):
    io.import_archive(volumes, tmp_path / "reference", to=to)
    expected = contents(tmp_path / "reference"), folders(tmp_path / "reference")
    moments = random.Random(7)
    target, killed, finished = tmp_path / "out", 0, 0
    while killed < kills or not finished:
        # After some line of progress, and a little later: anywhere between two of them. Killed again where it goes on.
        lines, later = moments.randrange(0, 10) if killed < kills else 99, moments.random() * 0.02
        child = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(volumes), str(target), to], stdout=subprocess.PIPE, text=True
        )
        for _ in range(lines):
            child.stdout.readline()
        time.sleep(later)
        if killed < kills:
            child.send_signal(signal.SIGKILL)
        code = child.wait()
        child.stdout.close()
        assert code in (0, -signal.SIGKILL)
        assert not any(name.endswith(".nii.gz") and not _whole(data) for name, data in contents_outside(target))
        if code == 0:
            assert (contents(target), folders(target)) == expected
            finished += 1
            target = tmp_path / f"out{finished}"
        else:
            killed += 1


DYING = """
import os, signal, sys
from cormack import io
from cormack.io import _import_store
left = int(sys.argv[3])
def counting(function):
    def wrapped(*arguments, **options):
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return wrapped
for name in ("replace", "mkdir", "unlink", "rmdir"):
    setattr(os, name, counting(getattr(os, name)))
for name in ("save", "_line"):
    setattr(_import_store, name, counting(getattr(_import_store, name)))
io.import_archive(sys.argv[1], sys.argv[2], workers=1)
"""


@pytest.mark.parametrize("step", [8, pytest.param(3, marks=pytest.mark.slow)])
def test_killed_before_a_call_that_changes_the_target(tmp_path, stack, step):
    (tmp_path / "in").mkdir()
    io.write(Volume(stack.astype(np.int16)), tmp_path / "in" / "a.nii")
    io.import_archive(tmp_path / "in", tmp_path / "reference")
    codes = []
    while 0 not in codes:
        arguments = [str(tmp_path / "in"), str(tmp_path / "out"), str(1 + step * len(codes))]
        codes.append(subprocess.run([sys.executable, "-c", DYING, *arguments], timeout=100).returncode)
    assert set(codes) == {0, -signal.SIGKILL}
    assert len(codes) > 3
    assert contents(tmp_path / "out") == contents(tmp_path / "reference")
    assert folders(tmp_path / "out") == folders(tmp_path / "reference")


def test_a_missing_library_is_said_without_the_place_of_the_file(tmp_path, stack, monkeypatch):
    def fail(task, wanted, places):
        raise BackendUnavailable(f"{places[0].path}: no decoder for JPEG")

    io.write(Volume(stack.astype(np.int16), (3, 2, 1)), tmp_path / "a.nii")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.nii", "a.nii")
    monkeypatch.setattr(_import_task, "_read", fail)
    for path, member in ((tmp_path / "a.nii", -1), (tmp_path / "a.zip", 0)):
        source = _import_task.SourceFile(str(path), member, _import_task.stamp(str(path)))
        wanted = _import_task.Wanted("key", "folder/key.nii.gz", False, (source,), None, 1)
        (result,) = _import_task.bring(_import_task.Task(str(tmp_path), str(tmp_path), (wanted,)))
        assert (result.status, result.problem) == ("failed", "no decoder for JPEG")


def test_a_folder_that_goes_while_a_volume_is_put_into_it(tmp_path, monkeypatch):
    source, target = tmp_path / "aside", tmp_path / "out" / "folder" / "file"
    source.write_text("voxels")
    (tmp_path / "out").mkdir()
    replace = os.replace
    left = [2]

    def unlucky(a, b):
        if left[0]:
            left[0] -= 1
            target.parent.rmdir()
        replace(a, b)

    monkeypatch.setattr(os, "replace", unlucky)
    _import_task._put(source, target)
    assert target.read_text() == "voxels"
    with pytest.raises(FileNotFoundError):
        _import_task._put(source, target)


def test_no_file_is_left_that_no_row_tells_of(volumes, tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(volumes), str(tmp_path / "out")], stdout=subprocess.PIPE, text=True
    )
    while (line := child.stdout.readline()) and "import 2" not in line:
        pass
    child.kill()
    child.wait()
    child.stdout.close()
    # What was written and not noted, too, goes when its source has.
    journal = tmp_path / "out" / ".cormack" / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:3]))
    for number in range(10):
        (volumes / f"case{number}" / "a.nii").unlink()
    table = io.import_archive(volumes, tmp_path / "out")
    assert sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.nii.gz")) == sorted(
        name for name in table["file"].tolist() if name
    )
    assert table.gone <= 1


def contents_outside(target):
    return [
        (name, data)
        for name, data in (contents(target) if target.exists() else {}).items()
        if not name.startswith(".cormack")
    ]


def _whole(data):
    try:
        return len(gzip.decompress(data)) > 352
    except EOFError:
        return False


def test_a_full_disk_ends_it_with_one_error_and_no_half_file(volumes, tmp_path):
    target = tmp_path / "out"
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
    done = subprocess.run(
        [sys.executable, "-c", limited + SCRIPT, str(volumes), str(target)], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("OSError: [Errno 27] File too large")
    assert str(target) in done.stderr
    assert not (target / ".cormack" / "unfinished").exists()
    files = contents_outside(target)
    assert all(_whole(data) for name, data in files)
    io.import_archive(volumes, target)
    io.import_archive(volumes, tmp_path / "reference")
    assert contents(target) == contents(tmp_path / "reference")


def test_a_target_that_cannot_be_made(volumes, tmp_path):
    (tmp_path / "file").write_text("")
    for target in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(OSError):
            io.import_archive(volumes, target)
    with pytest.raises(OSError):
        io.import_archive(volumes, "/proc/out")


def test_where_the_folder_of_a_volume_should_be_lies_a_file(volumes, tmp_path):
    table = io.import_archive(volumes, tmp_path / "reference")
    target = tmp_path / "out"
    (target / ".cormack").mkdir(parents=True)
    (target / table["folder"][table["status"] == "imported"][0]).write_text("")
    with pytest.raises(OSError, match=r"exists|directory"):
        io.import_archive(volumes, target)


def test_only_one_import_at_a_time(volumes, tmp_path):
    (tmp_path / "out" / ".cormack").mkdir(parents=True)
    running = pytest.raises(io.ImportRefused, match=r"another import into .* is running")
    with locked(tmp_path / "out" / ".cormack" / "lock"), running:
        io.import_archive(volumes, tmp_path / "out")
    assert io.import_archive(volumes, tmp_path / "out").imported == 13


def test_a_folder_of_something_else_is_not_taken(volumes, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("")
    with pytest.raises(io.ImportRefused, match="no import made"):
        io.import_archive(volumes, tmp_path / "mine")
    with pytest.raises(io.ImportRefused, match="lie apart"):
        io.import_archive(volumes, volumes / "out")
    with pytest.raises(io.ImportRefused, match="lie apart"):
        io.import_archive(volumes, tmp_path)
    io.import_archive(volumes, tmp_path / "out")
    with pytest.raises(io.ImportRefused, match="another source"):
        io.import_archive(volumes / "case1", tmp_path / "out")
    monkeypatch.setenv("CORMACK_PSEUDONYM_KEY", "another key")
    with pytest.raises(io.ImportRefused, match="another key"):
        io.import_archive(volumes, tmp_path / "out")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"to": "jpeg"}, "to` must"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"max_bytes": 0}, "max_bytes"),
        ({"workers": 0}, "workers"),
        ({"units": "SUVlbm"}, "units"),
    ],
)
def test_arguments_that_make_no_sense(volumes, tmp_path, arguments, words):
    with pytest.raises(ValueError, match=words):
        io.import_archive(volumes, tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()


def test_volumes_that_would_take_too_much_memory_are_refused(volumes, tmp_path):
    table = io.import_archive(volumes, tmp_path / "out", max_bytes=100_000)
    assert (table.imported, table.refused) == (3, 11)
    assert any("the limit is 97.66 KiB" in text for text in table["problem"].tolist())
    assert io.import_archive(volumes, tmp_path / "out", max_bytes=100_000).new == 0
    assert io.import_archive(volumes, tmp_path / "out").imported == 13
    # What is there stays.
    assert io.import_archive(volumes, tmp_path / "out", max_bytes=100_000).imported == 13


def test_damaged_records_cost_time_and_nothing_else(volumes, tmp_path):
    io.import_archive(volumes, tmp_path / "out")
    expected = contents(tmp_path / "out")
    state = tmp_path / "out" / _import_store.STATE
    for name in ("files.json", "record.json"):
        data = (state / name).read_bytes()
        (state / name).write_bytes(data[: len(data) // 2])
        io.import_archive(volumes, tmp_path / "out")
        assert contents(tmp_path / "out") == expected
    lines = (state / "record.json").read_bytes().splitlines()
    (state / "record.json").write_bytes(lines[0] + b"\n" + json.dumps(["no record"]).encode() + b"\n")
    assert io.import_archive(volumes, tmp_path / "out").new == 13
    assert contents(tmp_path / "out") == expected


def test_progress_in_files_and_bytes(volumes, tmp_path):
    told = []
    io.import_archive(volumes, tmp_path / "out", progress=lambda *what: told.append(what))
    stages = [what[0] for what in told]
    assert stages == sorted(stages, reverse=True)
    imports = [what for what in told if what[0] == "import"]
    assert imports[0][1:] == (0, imports[-1][2], 0, imports[-1][4])
    assert imports[-1][1:] == (34, 34, imports[-1][4], imports[-1][4])
    assert imports[-1][4] == sum(
        os.path.getsize(path) for path in (*volumes.rglob("a.nii"), *tmp_path.glob("s[0-9]/*"))
    )
