"""Finding what there is to read under a folder."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cormack import Volume, io


def nifti(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    io.write(Volume(np.full((2, 3, 4), value, np.int16)), path)
    return path


def png(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(path)
    return path


@pytest.fixture
def cohort(tmp_path, write_series, write_dicom, stack) -> Path:
    """Return a folder with one of everything."""
    root = tmp_path / "cohort"
    write_series(root / "case10" / "ct", stack, SeriesInstanceUID="1.10")
    write_series(root / "case2" / "ct", stack, SeriesInstanceUID="1.2", names=[f"IM{k}" for k in range(6)])
    write_dicom(root / "case2" / "ct" / "rs.dcm", None, "RTSTRUCT")
    nifti(root / "case2" / "mask.nii.gz")
    png(root / "films" / "a film (1).png")
    write_dicom(root / "films" / "dx.dcm", stack[0], "DX", SeriesInstanceUID="1.77")
    for name in ("readme.txt", "notes.md", "table.csv", "x.json", ".DS_Store"):
        (root / name).write_text("text")
    nifti(root / ".git" / "hidden.nii")
    return root


def test_everything_is_found_in_natural_order(cohort):
    sources = io.find_studies(cohort)
    assert [(s.id, s.kind, s.modality, len(s.files)) for s in sources] == [
        ("case2_ct", "dicom", "CT", 6),
        ("case2_mask", "nifti", "", 1),
        ("case10_ct", "dicom", "CT", 6),
        ("films_a_film_1", "image", "", 1),
        ("films_dx", "dicom", "DX", 1),
    ]
    assert all(s.error is None for s in sources)
    assert [s.read().shape for s in sources] == [(6, 5, 7), (2, 3, 4), (6, 5, 7), (4, 5), (5, 7)]
    assert sources[0].series_uid == "1.2"
    assert sources == io.find_studies(str(cohort))
    assert pickle.loads(pickle.dumps(sources)) == sources


def test_real_data(data):
    sources = {s.id: s for s in io.find_studies(data)}
    ct = sources["ibsi_ct_phantom_dicom_image"]
    assert (ct.kind, ct.modality, len(ct.files)) == ("dicom", "CT", 60)
    assert ct.read().shape == (60, 201, 204)
    assert sources["ibsi_ct_phantom_mask"].kind == "nifti"
    assert "ibsi_ct_phantom_dicom_rtstruct" not in sources


def test_root_may_be_a_file_or_a_series(cohort):
    (source,) = io.find_studies(cohort / "case2" / "ct")
    assert (source.id, source.read().shape) == ("ct", (6, 5, 7))
    (source,) = io.find_studies(cohort / "case2" / "ct" / "IM3")
    assert (source.id, source.read().shape) == ("IM3", (1, 5, 7))
    (source,) = io.find_studies(cohort / "case2" / "mask.nii.gz")
    assert (source.id, source.kind) == ("mask", "nifti")
    (source,) = io.find_studies(cohort / "films" / "a film (1).png")
    assert source.kind == "image"


def test_several_series_in_one_folder(tmp_path, write_series, stack):
    for k, modality in enumerate(("CT", "MR", "CT")):
        names = [f"{k}{i}" for i in range(6)]
        write_series(tmp_path / "study", stack + k, modality, names=names, SeriesInstanceUID=f"1.{k}")
    sources = io.find_studies(tmp_path)
    assert len({s.id for s in sources}) == 3
    assert sorted(s.id.rsplit("-", 1)[0] for s in sources) == ["study-CT", "study-CT", "study-MR"]
    assert {s.series_uid: s.read().array[0, 0, 0] for s in sources} == {"1.0": 0, "1.1": 1, "1.2": 2}
    # Another series beside them changes no name.
    write_series(tmp_path / "study", stack, names=[f"9{i}" for i in range(6)], SeriesInstanceUID="0.5")
    assert {s.id for s in sources} < {s.id for s in io.find_studies(tmp_path)}


def test_volumes_of_one_series_are_sources_of_their_own(tmp_path, write_series, write_dicom, stack):
    write_series(tmp_path / "s", stack)
    sagittal = [0.0, 1.0, 0.0, 0.0, 0.0, -1.0]
    write_series(
        tmp_path / "s", stack[:1, :3], names=["scout"], each={"ImageOrientationPatient": [sagittal]}, InstanceNumber=0
    )
    sources = io.find_studies(tmp_path)
    assert sorted(s.read().shape for s in sources) == [(1, 3, 7), (6, 5, 7)]
    assert len({s.id for s in sources}) == 2


def test_same_name_with_another_suffix(tmp_path):
    nifti(tmp_path / "a.nii")
    png(tmp_path / "a.png")
    png(tmp_path / "A.tif")
    ids = [s.id for s in io.find_studies(tmp_path)]
    assert len({i.casefold() for i in ids}) == 3
    assert all(i.lower().startswith("a-") for i in ids)


@pytest.mark.parametrize("name", ["x" * 200, "ä b/ö:c", "..", "-rf", "日本"])
def test_ids_are_file_names(tmp_path, name):
    for part in ("ä b", "-rf", "x" * 200, "日本", "a'b\"c"):
        nifti(tmp_path / part / "image.nii")
    for source in io.find_studies(tmp_path):
        assert not set(source.id) & set("/\\ :'\"")
        assert not source.id.startswith((".", "-"))
        (tmp_path / f"{source.id}.json").write_text("")


def test_broken_files_become_failed_cases(cohort, write_series, stack):
    (cohort / "bad.dcm").write_text("no image " * 50)
    (cohort / "bad.nii.gz").write_bytes(b"\x1f\x8b broken")
    (cohort / "bad.png").write_text("no image")
    (cohort / "empty.nii").write_bytes(b"")
    write_series(cohort / "gap", stack, offsets=[0.0, 3.0, 6.0, 12.0, 15.0, 18.0], SeriesInstanceUID="1.55")
    paths = write_series(cohort / "cut", stack, SeriesInstanceUID="1.56")
    paths[-1].write_bytes(paths[-1].read_bytes()[:-30])
    sources = io.find_studies(cohort)
    failed = {s.id.split("-")[0]: s for s in sources if s.error}
    assert set(failed) == {"bad", "empty", "gap", "cut"}
    assert len([s for s in sources if s.error]) == 6
    assert "not evenly spaced" in str(failed["gap"].error)
    assert "005.dcm: truncated" in str(failed["cut"].error)
    for source in failed.values():
        with pytest.raises(io.ReadError) as caught:
            source.read()
        assert str(caught.value) == str(source.error)
    assert len([s for s in sources if not s.error]) == 5


@pytest.mark.parametrize("name", ["bad.dcm", "bad.nii", "bad.png", "bad.nii.gz"])
def test_broken_file_alone_is_an_error(tmp_path, name):
    (tmp_path / name).write_text("no image " * 50)
    with pytest.raises(io.ReadError, match=name):
        io.find_studies(tmp_path / name)
    (source,) = io.find_studies(tmp_path)
    assert source.error


def test_nothing_found(tmp_path, write_dicom):
    (tmp_path / "readme.txt").write_text("text")
    with pytest.raises(io.ReadError, match=r"looked for DICOM series, NIfTI"):
        io.find_studies(tmp_path)
    write_dicom(tmp_path / "a" / "rs.dcm", None, "RTSTRUCT")
    with pytest.raises(io.ReadError, match=r"without an image: RTSTRUCT \(1\)"):
        io.find_studies(tmp_path)
    with pytest.raises(io.ReadError, match="no such file or folder"):
        io.find_studies(tmp_path / "missing")


def test_links_in_a_circle_end(tmp_path):
    nifti(tmp_path / "a" / "x.nii")
    try:
        os.symlink(tmp_path, tmp_path / "a" / "loop", target_is_directory=True)
    except OSError:
        pytest.skip("no symbolic links here")
    assert [s.id for s in io.find_studies(tmp_path)] == ["a_x"]


def test_no_identity_in_a_source(cohort):
    text = repr(io.find_studies(cohort))
    assert "Secret" not in text
    assert "hidden" not in text


@pytest.mark.parametrize("number", ["0", 0.0, True, [0]])
def test_the_number_of_a_volume_is_an_int(tmp_path, number):
    for name in ("a.nii", "a.nrrd", "a.mha", "a.zarr"):
        io.write(Volume(np.zeros((2, 3, 4), np.uint8)), tmp_path / name)
        assert io.read(tmp_path / name, volume=np.int64(0)).shape == (2, 3, 4)
        with pytest.raises(TypeError, match="`volume` must be an int"):
            io.read(tmp_path / name, volume=number)
    with pytest.raises(TypeError, match="`volume` must be an int"):
        io.open_zarr(tmp_path / "a.zarr", volume=number)
    with pytest.raises(TypeError, match="`level` must be an int"):
        io.open_zarr(tmp_path / "a.zarr", level=number)


def test_a_source_travels_whatever_caused_its_error(tmp_path):
    # dask.distributed has exceptions pickled with their causes.
    pytest.importorskip("distributed")

    class OfAnotherLibrary(Exception):
        pass

    try:
        raise io.ReadError("a.nii", "damaged") from OfAnotherLibrary()
    except io.ReadError as error:
        source = io.Source("a", tmp_path / "a.nii", "nifti", (tmp_path / "a.nii",), error=error)
    with pytest.raises(io.ReadError, match="damaged"):
        pickle.loads(pickle.dumps(source)).read()
