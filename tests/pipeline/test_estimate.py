"""What a run would take, from headers alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pydantic")

from cormack import Volume, io, pipeline
from cormack.cli import main


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    folder = tmp_path / "studies"
    folder.mkdir()
    for name, shape, dtype in (("a.nii.gz", (4, 5, 6), np.int16), ("b.nrrd", (8, 9, 10), np.float32)):
        io.write(Volume(np.zeros(shape, dtype)), folder / name)
    io.write(Volume(np.zeros((40, 50, 60), np.uint8)), folder / "c.mha")
    io.write(Volume(np.zeros((7, 8, 9), np.uint16)), folder / "d.ome.zarr")
    (folder / "broken.nii").write_bytes(b"")
    return folder


def test_sources_know_shape_and_type_as_read_gives_them(studies: Path) -> None:
    sources = [source for source in io.find_studies(studies) if source.error is None]
    assert len(sources) == 4
    for source in sources:
        volume = source.read()
        assert (source.shape, source.dtype) == (volume.shape, str(volume.dtype)), source.id


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "RGB"])
def test_flat_images_too(tmp_path: Path, mode: str) -> None:
    image = pytest.importorskip("PIL.Image")
    image.new(mode, (7, 5)).save(tmp_path / "flat.png")
    (source,) = io.find_studies(tmp_path)
    assert (source.shape, source.dtype) == ((5, 7), str(source.read().dtype))


def test_a_file_that_is_scaled_becomes_a_float(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    io.write(Volume(np.ones((3, 4, 5), np.int16)), path)
    data = bytearray(path.read_bytes())
    data[112:116] = np.float32(2).tobytes()  # scl_slope
    path.write_bytes(data)
    (source,) = io.find_studies(tmp_path)
    assert (source.shape, source.dtype) == ((3, 4, 5), str(source.read().dtype))


def test_an_estimate_grows_with_voxels_and_names_what_fails(studies: Path, tmp_path: Path) -> None:
    plan = pipeline.estimate(studies, "generic", tmp_path / "out", workers=2)
    cases = {case.id: case for case in plan.cases}
    assert plan.steps[0] == "import"
    assert plan.steps[-1] == "export"
    assert cases["broken"].error
    assert cases["a"].memory_bytes < cases["b"].memory_bytes < cases["c"].memory_bytes
    assert cases["a"].seconds < cases["b"].seconds < cases["c"].seconds
    assert plan.memory_bytes > cases["c"].memory_bytes
    assert not (tmp_path / "out").exists()


def test_given_masks_replace_the_segmentation(studies: Path, tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    io.write(Volume(np.ones((4, 5, 6), np.uint8)), masks / "a.nii.gz")
    plan = pipeline.estimate(studies, "generic", tmp_path / "out", masks=masks)
    assert "import mask" in plan.steps
    assert not any(step.startswith(("segment", "screen")) for step in plan.steps)
    assert {case.id for case in plan.cases if case.error} == {"b", "c", "d", "broken"}


def test_a_dry_run_writes_nothing(studies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    command = ["run", str(studies), "--out", str(out), "--dry-run", "-j", "1"]
    assert main(command) == 1  # one would fail
    text = capsys.readouterr().out
    for expected in ("60 x 50 x 40", "uint8", "would fail", "Steps: import, ", "Nothing was written", "5 cases, 1 of"):
        assert expected in text, expected
    assert main([*command, "--json"]) == 1
    plan = json.loads(capsys.readouterr().out)
    assert plan["is_estimate"]
    assert [case["shape"] for case in plan["cases"] if case["id"] == "c"] == [[40, 50, 60]]
    assert not out.exists()
    assert main([*command, "--scheduler", "tcp://nowhere:1"]) == 2


def test_the_schema_knows_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets", "--schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert "MedianFilter" in schema["$defs"]
    assert set(schema["properties"]) == {"name", "description", "modality", "steps", "device"}
    assert main(["presets", "ct-lung", "--schema"]) == 2


def test_a_dry_run_names_dicom_as_the_run_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = pytest.importorskip("pydicom.data")
    folder = tmp_path / "DOE_JOHN"
    folder.mkdir()
    (folder / "a.dcm").write_bytes(Path(data.get_testdata_file("CT_small.dcm")).read_bytes())
    command = ["run", str(tmp_path), "--out", str(tmp_path / "out"), "--dry-run"]
    assert main(command) == 0
    assert "DOE" not in capsys.readouterr().out
    assert main([*command, "--keep-identity"]) == 0
    assert "DOE_JOHN_a" in capsys.readouterr().out
