"""Scanning trees of files and archives for volumes: truth from trees that are made here."""

from __future__ import annotations

import contextlib
import gzip
import io as streams
import json
import os
import shutil
import socket
import struct
import tarfile
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pandas
import pyarrow.parquet
import pydicom
import pytest
from PIL import Image

from cormack import Volume, io
from cormack.io import _archives, _catalog, _pseudonyms, _scan

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
}


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("CORMACK_PSEUDONYM_KEY", "a key for tests")


def rows(table):
    return list(table.rows())


def nifti(path, shape=(2, 3, 4), **kwargs):
    path.parent.mkdir(parents=True, exist_ok=True)
    io.write(Volume(np.zeros(shape, np.int16), **kwargs), path)
    return path


@pytest.fixture
def tree(tmp_path, write_series, write_dicom, stack) -> Path:
    """Return a folder with one of everything, whose names name a patient."""
    root = tmp_path / "tree"
    person = root / "Person, Secret"
    write_series(person / "ct", stack, names=[f"IM{k}" for k in (3, 1, 5, 0, 2, 4)], **SECRETS)
    write_dicom(person / "ct" / "structures", None, "RTSTRUCT")
    write_dicom(person / "film", stack[0], "DX", SeriesInstanceUID="1.77", ImagerPixelSpacing=[0.2, 0.3])
    nifti(root / "nifti" / "a.nii.gz", spacing=(3, 2, 1), direction=np.diag([1, -1, -1]))
    shutil.copy(nifti(root / "nifti" / "b.nii"), root / "nifti" / "without_suffix")
    io.write(Volume(np.zeros((5, 6, 7), np.uint8), (3, 2, 1)), root / "c.nrrd")
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(root / "d.png")
    (root / "readme.txt").write_text("text")
    (root / "notes").write_text("text without a suffix")
    (root / "empty").write_bytes(b"")
    return root


def test_every_volume_is_a_row(tree):
    table = io.scan(tree)
    found = {(r["format"], r["modality"], r["files"]): r for r in table.rows()}
    assert table.row_count == len(rows(table)) == 7
    ct = found["dicom", "CT", 6]
    assert [ct[f"size_{axis}"] for axis in "zyx"] == [6, 5, 7]
    assert [ct[f"spacing_{axis}"] for axis in "zyx"] == [3.0, 0.8, 0.7]
    assert (ct["orientation"], ct["dtype"], ct["frames"]) == ("LPS", "uint16", 6)
    assert (ct["transfer_syntax"], ct["problem"]) == ("Explicit VR Little Endian", "")
    assert ct["bytes"] == sum(p.stat().st_size for p in (tree / "Person, Secret" / "ct").glob("IM*"))
    film = found["dicom", "DX", 1]
    assert [film[f"spacing_{axis}"] for axis in "yx"] == [0.2, 0.3]
    assert np.isnan(film["spacing_z"])
    assert (film["size_z"], film["orientation"]) == (1, "")
    niftis = [r for r in table.rows() if r["format"] == "nifti"]
    assert [(r["size_z"], r["orientation"]) for r in niftis] == [(2, "RAS"), (2, "LPS"), (2, "LPS")]
    assert [r["spacing_z"] for r in niftis] == [3.0, 1.0, 1.0]
    assert found["nrrd", "", 1]["size_x"] == 7
    assert found["image", "", 1]["dtype"] == "uint8"
    assert table.notes == ["DICOM objects without an image: RTSTRUCT (1)"]
    assert table.files_seen == 16
    assert table.files_read == 15


def test_volumes_and_grids_are_those_of_read_all(data):
    table = [r for r in io.scan(data / "ibsi_ct_phantom").rows() if not r["problem"]]
    paths = [p for p in io.find_studies(data / "ibsi_ct_phantom")]
    assert len(table) == len(paths)
    for row, source in zip(sorted(table, key=lambda r: r["bytes"]), sorted(paths, key=_bytes), strict=True):
        volume = source.read()
        assert tuple(row[f"size_{axis}"] for axis in "zyx") == volume.shape
        assert [row[f"spacing_{axis}"] for axis in "zyx"] == pytest.approx(volume.spacing, rel=1e-5)
        assert row["orientation"] == volume.orientation


def _bytes(source):
    return sum(path.stat().st_size for path in source.files)


def test_the_table_goes_to_pandas(tree):
    frame = io.scan(tree).to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert len(frame) == 7
    assert frame["size_z"].dtype == np.int64
    assert frame["key"].is_unique


def test_one_file_and_an_empty_folder(tree, tmp_path):
    (row,) = rows(io.scan(tree / "nifti" / "b.nii"))
    assert row["format"] == "nifti"
    (tmp_path / "empty").mkdir()
    table = io.scan(tmp_path / "empty")
    assert table.row_count == 0
    assert set(table) >= {"key", "problem"}
    with pytest.raises(io.ReadError, match="no such file"):
        io.scan(tmp_path / "absent")
    with pytest.raises(io.ReadError, match="parquet"):
        io.scan(tree, catalog=tmp_path / "x.xlsx")
    with pytest.raises(ValueError, match="workers"):
        io.scan(tree, workers=0)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_any_number_of_threads_gives_the_same_table(tree, workers):
    assert str(rows(io.scan(tree, workers=workers))) == str(rows(io.scan(tree)))


# --- Identity -----------------------------------------------------------------------------------------------------


def secrets_of(root):
    words = [word.encode() for value in SECRETS.values() for word in (value, *value.split("^")) if word != "Secret"]
    names = [part.encode() for path in root.rglob("*") for part in (path.stem,) if len(part) > 3]
    for path in root.rglob("*"):
        if path.is_file() and path.read_bytes()[128:132] == b"DICM":
            header = pydicom.dcmread(path, stop_before_pixels=True)
            words += [str(header.SOPInstanceUID).encode(), str(header.SeriesInstanceUID).encode() + b'"']
    return {*words, *names, b"Secret", b"Person"} - {b"nifti", b"film"}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_nothing_tells_whose_images_they_are(tree, tmp_path, suffix):
    with zipfile.ZipFile(tree / "Secret.zip", "w") as archive:
        for path in (tree / "Person, Secret" / "ct").iterdir():
            archive.write(path, f"Person/{path.name}")
    # Problems, too, must not name files.
    broken = tree / "Person, Secret" / "ct" / "IM2"
    position = pydicom.dcmread(broken)
    position.ImagePositionPatient[2] = 31.5
    position.save_as(broken)
    (tree / "Person, Secret" / "Secret.dcm").write_bytes(b"no image")
    catalog = tmp_path / f"catalog{suffix}"
    for _ in range(2):
        table = io.scan(tree, catalog=catalog)
        assert any("evenly" in row["problem"] for row in table.rows())
        written = catalog.read_bytes() + (tmp_path / f"catalog{suffix}.files.json").read_bytes()
        if suffix == ".parquet":
            written += str(pyarrow.parquet.read_table(catalog).to_pylist()).encode()
        said = str(rows(table)).encode() + str(table.notes).encode() + written
        assert [word for word in secrets_of(tree) if word in said] == []


def test_with_identity_the_same_keys_lead_to_the_files(tree):
    hidden, shown = io.scan(tree), io.scan(tree, keep_identity=True)
    assert hidden["key"].tolist() == shown["key"].tolist()
    assert "path" not in hidden
    (ct,) = (r for r in shown.rows() if r["modality"] == "CT")
    assert (ct["folder"], ct["path"]) == ("Person, Secret/ct", "Person, Secret/ct/IM3")
    assert ct["series_uid"] == SECRETS["SeriesInstanceUID"]
    assert ct["key"] != SECRETS["SeriesInstanceUID"]


def test_keys_depend_on_the_secret_and_on_nothing_else(tree, tmp_path, monkeypatch):
    first = io.scan(tree)
    assert io.scan(tree)["key"].tolist() == first["key"].tolist()
    monkeypatch.setenv("CORMACK_PSEUDONYM_KEY", "another")
    assert not set(io.scan(tree)["key"].tolist()) & set(first["key"].tolist())
    monkeypatch.delenv("CORMACK_PSEUDONYM_KEY")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    own = io.scan(tree)["key"].tolist()
    assert io.scan(tree)["key"].tolist() == own
    key = tmp_path / "config" / "cormack" / "pseudonym.key"
    assert (key.stat().st_mode & 0o777, len(key.read_bytes())) == (0o600, 32)
    assert [p.name for p in key.parent.iterdir()] == [key.name]


def test_a_key_that_cannot_be_kept_is_told_of(tree, tmp_path, monkeypatch):
    monkeypatch.delenv("CORMACK_PSEUDONYM_KEY")
    (tmp_path / "config").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    _pseudonyms._of_process.cache_clear()
    with pytest.warns(UserWarning, match="no key for pseudonyms can be kept.*set CORMACK_PSEUDONYM_KEY"):
        first = io.scan(tree)["key"].tolist()
    assert io.scan(tree)["key"].tolist() == first


# --- Series -------------------------------------------------------------------------------------------------------


def test_a_series_in_several_folders_is_one_volume(tmp_path, write_series, stack):
    paths = write_series(tmp_path / "all", stack)
    for number, path in enumerate(paths):
        folder = tmp_path / f"part{number // 3}"
        folder.mkdir(exist_ok=True)
        path.rename(folder / path.name)
    (row,) = rows(io.scan(tmp_path))
    assert (row["size_z"], row["files"], row["problem"]) == (6, 6, "")


def test_a_copy_of_a_series_is_a_row_of_its_own(tmp_path, write_series, stack):
    write_series(tmp_path / "a", stack)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    shutil.copy(tmp_path / "a" / "000.dcm", tmp_path / "a" / "again")
    first, second = rows(io.scan(tmp_path))
    assert (first["size_z"], second["size_z"], first["files"], first["problem"]) == (6, 6, 6, "")
    assert second["key"] == first["key"] + "-2"
    assert second["series"] == first["series"]


def test_echoes_are_volumes(tmp_path, write_series, stack):
    for number in (1, 2):
        write_series(tmp_path, stack, "MR", EchoNumbers=number, names=[f"e{number}_{k}" for k in range(6)])
    assert [(r["modality"], r["size_z"]) for r in io.scan(tmp_path).rows()] == [("MR", 6), ("MR", 6)]


def test_what_is_wrong_is_said(tmp_path, write_series, write_dicom, stack):
    write_series(tmp_path / "gap", stack, offsets=[0.0, 3.0, 6.0, 12.0, 15.0, 18.0], SeriesInstanceUID="1.1")
    paths = write_series(tmp_path / "cut", stack, SeriesInstanceUID="1.2")
    paths[2].write_bytes(paths[2].read_bytes()[:-20])
    (tmp_path / "text.dcm").write_text("no image")
    (tmp_path / "broken.nii").write_bytes(b"no image")
    (tmp_path / "broken.nii.gz").write_bytes(gzip.compress(b"no image"))
    problems = [r["problem"] for r in io.scan(tmp_path).rows()]
    assert len(problems) == 5
    assert all(problems)
    for words in ("not evenly spaced", "a file of the series cannot be used: truncated", "not a DICOM file"):
        assert any(words in problem for problem in problems), problems
    assert not any("dcm" in problem or str(tmp_path) in problem for problem in problems)


# --- What else may lie in a tree ----------------------------------------------------------------------------------


def test_links_pipes_and_sockets_end_no_scan(tree):
    (tree / "loop").symlink_to(tree)
    (tree / "self").symlink_to(tree / "self")
    (tree / "nowhere").symlink_to(tree / "absent")
    os.mkfifo(tree / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        before = os.getcwd()
        os.chdir(tree)  # The name of a socket must be short.
        try:
            listener.bind("socket")
        finally:
            os.chdir(before)
        table = io.scan(tree)
    assert table.row_count == 7
    assert table.notes[1:] == [
        "links that lead nowhere, or files that vanished: 2",
        "links to folders, not followed: 1",
        "pipes, sockets and devices, not opened: 2",
    ]


def test_folders_and_files_that_cannot_be_read(tree, monkeypatch):
    real_scandir = os.scandir

    def scandir(path):
        if os.fspath(path).endswith("ct"):
            raise PermissionError(13, "Permission denied", path)
        return real_scandir(path)

    monkeypatch.setattr(os, "scandir", scandir)
    problems = [r["problem"] for r in io.scan(tree).rows() if r["problem"]]
    assert problems == ["folder cannot be read: Permission denied"]
    monkeypatch.undo()
    if os.geteuid() != 0:
        (tree / "notes").chmod(0)
        assert any("Permission denied" in r["problem"] for r in io.scan(tree).rows())


@pytest.mark.parametrize("keep_identity", [False, True])
def test_names_need_not_be_text(tmp_path, keep_identity):
    root = tmp_path / "root"
    source = nifti(tmp_path / "a.nii")
    folder = os.fsencode(root) + b"/f\xff\n\x1b[31m"
    os.makedirs(folder)
    shutil.copy(source, folder + b"/\xfe.nii")
    with zipfile.ZipFile(root / "z.zip", "w") as archive:
        archive.write(source, "\u00e9\n/\u4e00.nii")
    for suffix in (".csv", ".parquet"):
        options = {"catalog": tmp_path / f"c{suffix}", "keep_identity": keep_identity}
        first = io.scan(root, **options)
        assert first.row_count == 2
        assert first["problem"].tolist() == ["", ""]
        again = io.scan(root, **options)
        assert (again.files_read, str(rows(again))) == (0, str(rows(first)))


def test_a_fault_of_a_reader_costs_one_file(tree, monkeypatch):
    def fail(*arguments):
        raise KeyError("Secret")

    before = io.scan(tree).row_count
    monkeypatch.setattr(_scan, "_described", fail)
    table = io.scan(tree)
    problems = set(table["problem"])
    assert "internal error: KeyError" in problems
    assert table.row_count > before // 2


def test_a_very_deep_tree(tmp_path):
    here = os.getcwd()
    try:
        os.chdir(tmp_path)
        for _ in range(300):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(here)
    assert io.scan(tmp_path).row_count == 0


@pytest.mark.slow
def test_ten_thousand_images_of_one_series_take_linear_time(tmp_path, write_dicom, stack):
    first = write_dicom(tmp_path / "a", stack[0], "DX", SOPInstanceUID="1.2.3.4.100000").read_bytes()
    for count in (1000, 10000):
        for number in range(count):
            (tmp_path / f"f{number}").write_bytes(first.replace(b"1.2.3.4.100000", b"1.2.3.4.%06d" % number))
        (tmp_path / "a").unlink(missing_ok=True)
        start = time.perf_counter()
        assert io.scan(tmp_path).row_count == count
        seconds = time.perf_counter() - start
        if count == 1000:
            few = seconds
    # Ten times as many; a hundred times the time would be quadratic.
    assert seconds < 40 * few


# --- Archives -----------------------------------------------------------------------------------------------------


def packed(folder: Path, target: Path, kind: str) -> Path:
    if kind == "zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                archive.write(path, path.relative_to(folder))
    else:
        with tarfile.open(target, f"w:{kind}") as archive:
            archive.add(folder, ".")
    return target


@pytest.mark.parametrize("kind", ["zip", "", "gz", "bz2", "xz"])
def test_archives_hold_what_their_folders_hold(tree, tmp_path, kind):
    root = tmp_path / "packed"
    root.mkdir()
    packed(tree, root / ("export.zip" if kind == "zip" else f"export.tar{'.' if kind else ''}{kind}"), kind)
    columns = [name for name in io.scan(tree) if name not in ("key", "folder")]
    plain, inside = (sorted(str([r[c] for c in columns]) for r in io.scan(path).rows()) for path in (tree, root))
    assert inside == plain
    table = io.scan(root)
    assert (table.files_seen, table.files_read) == (1, 1)
    (root / "named_otherwise").write_bytes(next(root.iterdir()).read_bytes())
    assert io.scan(root).row_count == 14


def test_large_members_are_not_unpacked(tmp_path, write_dicom):
    image = write_dicom(tmp_path / "image", np.zeros((2048, 2048), np.uint16), "DX")
    root = tmp_path / "root"
    root.mkdir()
    with zipfile.ZipFile(root / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.write(image, f"{number}")
    taken = []
    original = _archives._Allowance.take
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            _archives._Allowance, "take", lambda self, piece: taken.append(len(piece)) or original(self, piece)
        )
        assert io.scan(root)["size_x"].tolist() == [2048]
    assert sum(taken) == 3 * (1 << 16)


def test_headers_of_members_are_read_as_far_as_they_go(tmp_path, write_dicom, stack):
    root = tmp_path / "root"
    root.mkdir()
    long = write_dicom(tmp_path / "long", stack[0], "DX", EncapsulatedDocument=bytes(3 << 20))
    volume = np.random.default_rng(1).integers(0, 9, (40, 60, 70)).astype(np.int16)
    for name in ("v.nii", "v.nii.gz", "v.nrrd"):
        io.write(Volume(volume), tmp_path / name)
    raw = tmp_path / "raw.nrrd"
    fields = b"NRRD0004\ntype: int16\ndimension: 3\nsizes: 70 60 40\nendian: little\nencoding: raw\n\n"
    raw.write_bytes(fields + volume.tobytes())
    Image.fromarray(np.random.default_rng(2).integers(0, 255, (400, 400), np.uint8)).save(tmp_path / "i.tif")
    names = ["long", "v.nii", "v.nii.gz", "v.nrrd", "raw.nrrd", "i.tif"]
    with zipfile.ZipFile(root / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.write(tmp_path / name, name)
    assert long.stat().st_size > 3 << 20
    table = io.scan(root)
    assert table["problem"].tolist() == [""] * 6
    assert table["size_x"].tolist() == [7, 70, 70, 70, 70, 400]
    huge = zipfile.ZipInfo("huge.nii")
    with zipfile.ZipFile(root / "a.zip", "w") as archive:
        archive.writestr(huge, (tmp_path / "v.nii").read_bytes())
    data = bytearray((root / "a.zip").read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\1\2") + 24, 0xFFFFFFF0)
    (root / "a.zip").write_bytes(data)
    assert io.scan(root).row_count == 1


def test_archives_that_lie(tmp_path, write_dicom, stack, monkeypatch):
    image = write_dicom(tmp_path / "image", stack[0], "DX").read_bytes()
    root = tmp_path / "root"
    root.mkdir()
    monkeypatch.setattr(_archives, "_SMALLEST_ALLOWANCE", 1 << 20)
    with zipfile.ZipFile(root / "outside.zip", "w") as archive:
        archive.writestr("../../outside", image)
        archive.writestr("/absolute", image)
        archive.writestr("fine", image)
        archive.writestr("inner.dcm.zip", b"PK\3\4")
        archive.writestr("nested", b"PK\3\4" + bytes(600))
    with tarfile.open(root / "outside.tar", "w") as archive:
        for name, kind in (("../up", tarfile.REGTYPE), ("link", tarfile.SYMTYPE), ("device", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            info.size = len(image) if kind == tarfile.REGTYPE else 0
            archive.addfile(info, streams.BytesIO(image))
    with tarfile.open(root / "bomb.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("zeros")
        info.size = 64 << 20
        archive.addfile(info, streams.BytesIO(bytes(info.size)))
    with zipfile.ZipFile(root / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(16 << 20))
    (root / "cut.zip").write_bytes((root / "outside.zip").read_bytes()[:-30])
    (root / "cut.tar.gz").write_bytes(gzip.compress((root / "outside.tar").read_bytes()[:900])[:-12])
    (root / "text.zip").write_text("no archive")
    before = set(tmp_path.rglob("*"))
    table = io.scan(root, keep_identity=True)
    by_archive = {}
    for row in table.rows():
        by_archive.setdefault(row["path"].split("!")[0], []).append(row["problem"])
    assert by_archive.pop("outside.zip") == ["its path leads out of the archive; not read"] * 2 + [""]
    assert by_archive.pop("outside.tar") == ["its path leads out of the archive; not read"]
    for name in ("bomb.tar.gz", "bomb.zip"):
        (problem,) = by_archive.pop(name)
        assert "more than 200 times its size" in problem
    for name in ("cut.zip", "cut.tar.gz"):
        assert "damaged archive" in by_archive.pop(name)[0]
    (problem,) = by_archive.pop("text.zip")
    assert "not an archive" in problem
    assert not by_archive
    assert table.notes == ["archives in archives, not opened: 1"]
    assert set(tmp_path.rglob("*")) == before


def test_bzip2_in_a_zip_archive_is_unpacked_as_far_as_it_is_wanted(tmp_path, write_dicom, stack):
    data = write_dicom(tmp_path / "image", stack[0], "DX").read_bytes()
    path = tmp_path / "root" / "a.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("image", data)
        archive.writestr("zeros", bytes(100 << 20))
    tracemalloc.start()
    found = []
    with contextlib.suppress(io.ReadError):
        for member in _archives.members(str(path), lambda name: True):
            target = streams.BytesIO()
            if member.name == "image":
                member.copy(target)
            else:
                member.copy_start(target, lambda head: len(head) > 100_000)
            found.append(target.getvalue())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found[0] == data
    assert not any(found[1])
    assert most < 10 << 20
    damaged = bytearray(path.read_bytes())
    damaged[damaged.index(b"BZh") + 40] ^= 1
    path.write_bytes(damaged)
    assert "damaged in the archive" in rows(io.scan(path.parent))[0]["problem"]


def test_holes_of_sparse_files_count_as_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(_archives, "_SMALLEST_ALLOWANCE", 1 << 20)
    info = tarfile.TarInfo("big.nii")
    info.size = 512
    info.pax_headers = {"GNU.sparse.map": "0,512", "GNU.sparse.size": str(1 << 40), "GNU.sparse.name": "big.nii"}
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info, streams.BytesIO(b"x" * 512))
    member = next(_archives.members(str(path), lambda name: True))
    assert member.size == 1 << 40
    sizes = []
    with pytest.raises(io.ReadError, match="more than 200 times"):
        member.copy(Counting(sizes))
    assert sum(sizes) <= 1 << 20


class Counting(streams.RawIOBase):
    def __init__(self, sizes):
        self.sizes = sizes

    def write(self, data):
        self.sizes.append(len(data))
        return len(data)


def test_a_huge_name_in_a_tar_archive_takes_no_memory(tmp_path):
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 8 << 30
    (tmp_path / "a.tar").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    (row,) = rows(io.scan(tmp_path))
    assert row["problem"].startswith("damaged archive")


def test_random_damage_to_archives(tree, tmp_path):
    random = np.random.default_rng(7)
    root = tmp_path / "root"
    root.mkdir()
    for kind in ("zip", "gz", "xz", "bz2", ""):
        good = packed(tree, tmp_path / "good", kind).read_bytes()
        for number in range(6):
            data = bytearray(good)
            for place in random.integers(0, len(data), 8):
                data[place] ^= 1 << int(random.integers(8))
            (root / f"{kind}{number}.zip").write_bytes(data[: random.integers(100, len(data))] if number % 2 else data)
    assert io.scan(root).row_count > 0


def test_encrypted_members_are_named(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("image", b"x" * 200)
    data = bytearray(path.read_bytes())
    for magic, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = data.index(magic) + place
        struct.pack_into("<H", data, start, 1)
    path.write_bytes(data)
    (row,) = rows(io.scan(tmp_path))
    assert row["problem"].startswith("encrypted")


# --- Scans again --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("keep_identity", [False, True])
def test_a_second_scan_reads_only_what_changed(tree, tmp_path, write_series, stack, suffix, keep_identity):
    packed(tree / "Person, Secret", tree / "export.zip", "zip")
    options = {"catalog": tmp_path / f"c{suffix}", "keep_identity": keep_identity}
    first = io.scan(tree, **options)
    assert first.files_read == 16
    again = io.scan(tree, **options)
    assert again.files_read == 0
    assert again.files_seen == first.files_seen == 17
    plain = io.scan(tree, keep_identity=keep_identity)
    assert str(rows(again)) == str(rows(first)) == str(rows(plain))
    assert again.notes == first.notes == plain.notes

    write_series(tree / "new", stack[:2], SeriesInstanceUID="1.99")
    (tree / "d.png").unlink()
    changed = tree / "Person, Secret" / "film"
    os.utime(changed, ns=(1, 1))
    third = io.scan(tree, **options)
    assert third.files_read == 3
    assert str(rows(third)) == str(rows(io.scan(tree, keep_identity=keep_identity)))
    assert third.row_count == first.row_count


def test_a_series_that_grows_joins_what_is_known(tmp_path, write_series, stack):
    write_series(tmp_path / "all", stack)
    late = tmp_path / "all" / "005.dcm"
    moved = late.rename(tmp_path / "late")
    catalog = tmp_path / "c.csv"
    (row,) = rows(io.scan(tmp_path / "all", catalog=catalog))
    assert row["size_z"] == 5
    moved.rename(late)
    table = io.scan(tmp_path / "all", catalog=catalog)
    assert (table.files_read, table["size_z"].tolist(), table["problem"].tolist()) == (1, [6], [""])


def test_enhanced_files_come_back_from_the_catalogue(tmp_path, write_dicom, stack):
    frames = [pydicom.Dataset() for _ in stack]
    for number, frame in enumerate(frames):
        place, orientation, measures = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
        place.ImagePositionPatient = [0, 0, 2 * number]
        orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        measures.PixelSpacing = [1, 1]
        frame.PlanePositionSequence = [place]
        frame.PlaneOrientationSequence = [orientation]
        frame.PixelMeasuresSequence = [measures]
    fields = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2.1", "NumberOfFrames": len(stack)}
    write_dicom(tmp_path / "a", stack, "CT", PerFrameFunctionalGroupsSequence=pydicom.Sequence(frames), **fields)
    first = rows(io.scan(tmp_path, catalog=tmp_path / "c.csv"))
    assert [(r["size_z"], r["files"], r["spacing_z"], r["problem"]) for r in first] == [(6, 1, 2.0, "")]
    table = io.scan(tmp_path, catalog=tmp_path / "c.csv")
    assert (table.files_read, str(rows(table))) == (0, str(first))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"seal": 1}', b"\xff\xfe", b"[" * 100000])
def test_a_damaged_side_table_only_costs_time(tree, tmp_path, content):
    catalog = tmp_path / "c.csv"
    first = io.scan(tree, catalog=catalog)
    _catalog.side_table(catalog).write_bytes(content)
    again = io.scan(tree, catalog=catalog)
    assert again.files_read == first.files_read
    assert str(rows(again)) == str(rows(first))
    damaged = json.loads(_catalog.side_table(catalog).read_text())
    for values in damaged["files"].values():
        values[1] = [[1, 2]]
    _catalog.side_table(catalog).write_text(json.dumps(damaged))
    assert str(rows(io.scan(tree, catalog=catalog))) == str(rows(first))


def test_another_key_or_option_does_not_use_the_side_table(tree, tmp_path, monkeypatch):
    catalog = tmp_path / "c.csv"
    read = io.scan(tree, catalog=catalog).files_read
    assert io.scan(tree, catalog=catalog, keep_identity=True).files_read == read
    assert io.scan(tree, catalog=catalog).files_read == read
    monkeypatch.setenv("CORMACK_PSEUDONYM_KEY", "another")
    assert io.scan(tree, catalog=catalog).files_read == read


def test_a_catalogue_appears_whole_or_not_at_all(tree, tmp_path, monkeypatch):
    catalog = tmp_path / "c.csv"
    io.scan(tree, catalog=catalog)
    before = {p.name: p.read_bytes() for p in tmp_path.glob("c.csv*")}
    assert set(before) == {"c.csv", "c.csv.files.json"}

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_catalog.json, "dumps", full)
    monkeypatch.setattr(_catalog.csv, "writer", full)
    with pytest.raises(OSError, match="No space"):
        io.scan(tree, catalog=catalog)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()} == before


def test_the_catalogue_may_lie_in_the_tree(tree):
    first = io.scan(tree, catalog=tree / "c.parquet")
    again = io.scan(tree, catalog=tree / "c.parquet")
    assert str(rows(again)) == str(rows(first))
    assert again.files_read == 0
    frame = pandas.read_parquet(tree / "c.parquet")
    assert frame["key"].tolist() == first["key"].tolist()


def test_progress_counts_files(tree):
    calls = []
    _scan.survey(tree, progress=lambda *counts: calls.append(counts))
    assert calls[-1] == (15, 16)


def test_the_kind_of_an_object_is_told_only_where_the_standard_knows_it(tmp_path):
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    for number, modality in enumerate(("SMITH JOHN", "RTSTRUCT")):
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.3.4", f"1.2.3.4.{number}"
        dataset.Modality = modality
        dataset.save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
    notes = " ".join(io.scan(tmp_path).notes)
    assert "RTSTRUCT (1)" in notes
    assert "unknown (1)" in notes
    assert "SMITH" not in notes


def test_a_side_table_that_is_cut_only_costs_the_time(tmp_path):
    series = tmp_path / "series"
    series.mkdir()
    io.write(Volume(np.zeros((3, 4, 5), np.int16)), series / "a.nii")
    first = io.scan(series, catalog=tmp_path / "c.csv")
    table = tmp_path / "c.csv.files.json"
    record = json.loads(table.read_text())
    record["shared"].append([])
    table.write_text(json.dumps(record))
    assert io.scan(series, catalog=tmp_path / "c.csv").row_count == first.row_count
