"""Runs on a GPU: the CPU's results, one upload of each image, and what has no GPU form says so."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cormack import BackendUnavailable, Volume, io, pipeline
from cormack.pipeline.placement import Placement

from .shim import Device

# The extra "cohort".
for _name in ("pydantic", "yaml", "nibabel"):
    pytest.importorskip(_name)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A file with two bright blocks in noise, in a grid of its own."""
    random = np.random.default_rng(5)
    array = random.normal(20, 6, (8, 14, 15))
    array[2:6, 2:8, 2:7] += 200
    array[3:7, 9:13, 9:13] += 260
    path = tmp_path / "images" / "blocks.nii.gz"
    path.parent.mkdir()
    io.write(Volume(np.rint(array).astype(np.int16), spacing=(1.5, 1.0, 1.25)), path)
    return path


@pytest.fixture
def gpu(device: Device) -> Iterator[Device]:
    with device.uploads():
        yield device


def ran(image: Path, config: Any, out: Path, device: str | None) -> dict[str, Any]:
    """Run, and return what the case's record says."""
    result = pipeline.run(image.parent, config, out, device=device)
    assert result.failed == 0, result.cases[0].reason
    return json.loads((out / "cases" / "blocks" / "case.json").read_text("utf-8"))


def same(found: Any, expected: Any) -> None:
    """Compare tables: numbers within 1e-9, all else as it is."""
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key, value in expected.items():
            same(found[key], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-11, nan_ok=True)
    else:
        assert found == expected


@pytest.mark.parametrize("preset", ["generic", "radiomics"])
def test_presets_equal_cpu(gpu: Device, image: Path, tmp_path: Path, preset: str) -> None:
    # Not the textures of all directions, which take the shim long.
    config = pipeline.load_config(preset).model_dump(mode="json", exclude_none=True)
    for step in config["steps"]:
        if step["step"] == "features":
            step["settings"] = {"bin_number": 8, "aggregations": ["3D merged"]}
        if step["step"] == "export":
            step["pictures"] = False
    expected = ran(image, config, tmp_path / "cpu", None)
    found = ran(image, config, tmp_path / "gpu", "cuda")
    assert expected["rows"]
    for key in ("rows", "regions", "objects", "summary", "histograms", "label_maps", "fingerprint"):
        same(found[key], expected[key])
    labels = [io.read(tmp_path / where / "cases" / "blocks" / "labels.nii.gz") for where in ("cpu", "gpu")]
    np.testing.assert_array_equal(labels[0].array, labels[1].array)
    assert {step["device"] for step in found["steps"] if step["kind"] not in ("import", "export")} == {"cuda"}
    record = json.loads((tmp_path / "gpu" / "run.json").read_text("utf-8"))
    assert record["machine"]["device"] == record["config"]["device"] == "cuda"


def test_an_image_is_uploaded_once(gpu: Device, image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uploads: list[int] = []
    upload = Placement.on_gpu

    def counted(self: Placement, array: Any) -> Any:
        if isinstance(array, np.ndarray) and id(array) not in self._pairs:
            uploads.append(array.ndim)
        return upload(self, array)

    monkeypatch.setattr(Placement, "on_gpu", counted)
    steps = [
        {"step": "filter", "method": "gaussian", "sigma": 1},
        {"step": "filter", "method": "median", "input": "original", "output": "denoised"},
        {"step": "enhance", "method": "window", "center": 100, "width": 300, "output": "shown"},
        {
            "step": "segment",
            "method": "region-growing",
            "input": "denoised",
            "seeds": [[4, 5, 5]],
            "lower": 100,
            "upper": 999,
            "output": "block",
        },
    ]
    case = pipeline.Case.from_volume("a", io.read(image))
    expected = case
    case = replace(case, placement=Placement())
    for step in pipeline.load_config({"name": "x", "steps": steps}).steps:
        case, expected = pipeline.apply(case, step), pipeline.apply(expected, step)
    assert uploads == [3]
    assert not isinstance(case.volumes["image"].array, np.ndarray)
    case = case.on_host()
    for name, volume in expected.volumes.items():
        np.testing.assert_allclose(case.volumes[name].array, volume.array, 1e-6)
    for name, labels in expected.label_maps.items():
        np.testing.assert_array_equal(case.label_maps[name], labels)


def test_what_has_no_gpu_form_is_done_on_the_cpu_and_says_so(
    gpu: Device, image: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    steps = [
        {"step": "filter", "method": "median"},
        {"step": "enhance", "method": "gamma", "gamma": 0.8, "in_range": [0, 300], "output": "curved"},
        {"step": "filter", "method": "unsharp"},
        {"step": "segment", "method": "threshold", "lower": 100, "output": "bright"},
        {"step": "filter", "method": "gaussian", "sigma": 1, "within": "bright", "output": "inner"},
        {"step": "features", "image": "image", "families": ["first_order"]},
        {"step": "export", "pictures": False},
    ]
    config = {"name": "x", "steps": steps, "device": "cuda"}
    with caplog.at_level(logging.INFO, "cormack"):
        found = ran(image, config, tmp_path / "gpu", None)
    expected = ran(image, config, tmp_path / "cpu", "cpu")
    same(found["rows"], expected["rows"])
    where = [step["device"] for step in found["steps"]]
    assert where == [None, "cuda", "cpu", "cpu", "cuda", "cpu", "cuda", None]
    lines = [record.getMessage() for record in caplog.records if "runs on the CPU" in record.getMessage()]
    assert lines == [
        "case blocks: enhance gamma runs on the CPU: it has no GPU form",
        "case blocks: filter unsharp runs on the CPU: it has no GPU form",
        "case blocks: filter gaussian runs on the CPU: means inside a label map have no GPU form",
    ]


def test_a_device_that_is_not_there_is_refused_before_any_case(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cormack.cli.app import run_app

    monkeypatch.setenv("CORMACK_BACKEND", "cuda")
    out = tmp_path / "out"
    monkeypatch.setattr("cormack._backends.CompiledEngine.missing", lambda self: "it is away")
    for call in (pipeline.run, pipeline.estimate):
        with pytest.raises(BackendUnavailable, match=r"cannot run on a GPU here \(cuda: it is away\); install CuPy"):
            call(image.parent, "generic", out, device="cuda")
    with pytest.raises(ValueError, match="`device` must be one of 'cpu', 'cuda', got 'gpu'"):
        pipeline.run(image.parent, "generic", out, device="gpu")
    for more in ([], ["--dry-run"]):
        assert run_app(["run", str(image.parent), "--out", str(out), "--device", "cuda", *more]) == 2
        assert "it is away" in capsys.readouterr().err
    assert run_app(["run", str(image.parent), "--out", str(out), "--device", "gpu"]) == 2
    assert "--device is cpu or cuda, not gpu" in capsys.readouterr().err
    assert not out.exists()
