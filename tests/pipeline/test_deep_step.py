"""The step `segment deep`, and the network that comes with Cormack: what it finds, and that every record names it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cormack import BackendUnavailable, Volume, io, phantoms, pipeline
from cormack.cli.app import run_app
from cormack.pipeline import networks
from cormack.pipeline.config import ConfigError
from cormack.pipeline.report import write_report
from cormack.pipeline.steps import Case

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SHIPPED = "ct-lung-nodules"
# Half the size of a chest: few windows.
SMALL = {"shape": (40, 96, 96), "spacing": (2.5, 1.8, 1.8), "diameters_mm": (11.0, 13.0)}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    """A network of one node whose output is its input: voxels of 300 have a probability of a half."""
    folder = tmp_path_factory.mktemp("tiny")
    write_network(folder, ["bright"], "sigmoid")
    return folder


def write_network(folder: Path, labels: list[str], activation: str, task: str = "segment") -> None:
    helper = onnx.helper
    count = len(labels)
    inputs = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 1, 4, 8, 8])
    outputs = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", count, 4, 8, 8])
    node = helper.make_node("Concat", ["x"] * count, ["y"], axis=1)
    graph = helper.make_graph([node], "tiny", [inputs], [outputs])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    (folder / "tiny.onnx").write_bytes(model.SerializeToString())
    card = {
        "name": "tiny",
        "task": task,
        "labels": labels,
        "activation": activation,
        "patch": [4, 8, 8],
        "intensity": {"type": "zscore", "mean": 300, "std": 100},
    }
    (folder / "tiny.json").write_text(json.dumps(card))


def case_of(array: np.ndarray, **maps: np.ndarray) -> Case:
    case = Case.from_volume("a", Volume(array, spacing=(2.0, 1.0, 1.0), origin=(3.0, 4.0, 5.0)))
    for name, mask in maps.items():
        case = case.with_labels(name, mask)
    return case


def step_of(model: Path | str, **given) -> pipeline.Config:
    # The label map that `within` names is made by an earlier step.
    field = {"step": "segment", "method": "threshold", "lower": 0, "output": "field"}
    deep = {"step": "segment", "method": "deep", "model": str(model), "output": "found", **given}
    return pipeline.load_config({"name": "test", "steps": [field, deep]}).steps[1]


def test_labels_are_the_voxels_from_the_threshold_on(tiny):
    array = np.random.default_rng(0).integers(0, 600, (9, 20, 21)).astype(np.int16)
    done = pipeline.apply(case_of(array), step_of(tiny))
    expected = 1 / (1 + np.exp(-(array - 300.0) / 100))
    np.testing.assert_allclose(done.volumes["probability"].array, expected, rtol=1e-5)
    np.testing.assert_array_equal(done.label_maps["found"], array >= 300)
    assert done.label_maps["found"].dtype == bool
    strict = pipeline.apply(case_of(array), step_of(tiny, threshold=0.9))
    np.testing.assert_array_equal(strict.label_maps["found"], expected >= 0.9)


def test_it_looks_within_a_map_that_may_be_closed(tiny):
    array = np.full((12, 40, 40), 900, np.int16)
    field = np.zeros(array.shape, bool)
    field[4:9, 10:30, 10:30] = True
    field[5:8, 15:20, 15:20] = False
    done = pipeline.apply(case_of(array, field=field), step_of(tiny, within="field"))
    np.testing.assert_array_equal(done.label_maps["found"], field)
    np.testing.assert_array_equal(done.volumes["probability"].array > 0, field)
    done = pipeline.apply(case_of(array, field=field), step_of(tiny, within="field", closing_mm=3))
    closed = done.label_maps["found"]
    assert closed[4:9, 10:30, 10:30].all()
    assert not closed[:, :8].any()
    nothing = pipeline.apply(case_of(array, field=np.zeros_like(field)), step_of(tiny, within="field"))
    assert not nothing.label_maps["found"].any()
    assert not nothing.volumes["probability"].array.any()


def test_one_label_or_any_but_the_background(tmp_path):
    write_network(tmp_path, ["background", "a", "b"], "softmax")
    array = np.zeros((4, 8, 8), np.int16)
    for given, expected in (({}, 2 / 3), ({"label": "b"}, 1 / 3)):
        done = pipeline.apply(case_of(array), step_of(tmp_path, **given))
        np.testing.assert_allclose(done.volumes["probability"].array, expected, rtol=1e-6)
    with pytest.raises(ConfigError, match="label: the network 'tiny' has no label 'c'; it has a, b"):
        step_of(tmp_path, label="c")


def test_what_is_wrong_is_said_before_a_case_is_read(tiny, tmp_path):
    with pytest.raises(ConfigError, match=f"model: there is no network 'ct-lnug'.*comes with Cormack: {SHIPPED}"):
        step_of("ct-lnug")
    with pytest.raises(ConfigError, match=r"sha256: the network .* is another file than this one: its checksum is"):
        step_of(tiny, sha256="0" * 64)
    write_network(tmp_path, ["a"], "none", task="classify")
    with pytest.raises(ConfigError, match="the network 'tiny' is made to classify, not to segment"):
        step_of(tmp_path)
    (tmp_path / "tiny.json").unlink()
    with pytest.raises(ConfigError, match="has no card"):
        step_of(tmp_path)


def test_another_file_than_the_configuration_was_read_with_is_refused(tmp_path):
    write_network(tmp_path, ["a"], "sigmoid")
    step = step_of(tmp_path)
    write_network(tmp_path, ["a", "b"], "sigmoid")
    case = case_of(np.zeros((4, 8, 8), np.int16))
    with pytest.raises(ValueError, match="has changed since the run began"):
        pipeline.apply(case, step)
    for path in tmp_path.iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=f"^the network '{tmp_path.name}' is no longer there$"):
        pipeline.apply(case, step)


def test_another_card_is_another_network(tmp_path):
    write_network(tmp_path, ["a"], "sigmoid")
    step = step_of(tmp_path)
    case = case_of(np.full((4, 8, 8), 300, np.int16))
    assert pipeline.apply(case, step).label_maps["found"].all()
    card = json.loads((tmp_path / "tiny.json").read_text())
    (tmp_path / "tiny.json").write_text(json.dumps(card | {"threshold": 0.9}))
    # In the process that knows the old one.
    later = step_of(tmp_path)
    assert later.sha256 == step.sha256
    assert later.model_dump_json() != step.model_dump_json()
    assert not pipeline.apply(case, later).label_maps["found"].any()
    with pytest.raises(ConfigError, match=r"card_sha256: the card of the network .* is another file than this one"):
        step_of(tmp_path, card_sha256=step.card_sha256)


def test_a_path_is_relative_to_the_configuration_and_records_do_not_have_it(tmp_path, monkeypatch):
    (tmp_path / "Mrs Doe").mkdir()
    (tmp_path / "Mrs Doe" / "net").mkdir()
    write_network(tmp_path / "Mrs Doe" / "net", ["bright"], "sigmoid")
    settings = tmp_path / "Mrs Doe" / "mine.yaml"
    settings.write_text(
        "name: mine\nsteps:\n- {step: segment, method: deep, model: net/tiny.onnx, output: found}\n- {step: features}\n"
    )
    (tmp_path / "in").mkdir()
    io.write(Volume(np.full((4, 8, 8), 400, np.int16)), tmp_path / "in" / "a.nii")
    monkeypatch.chdir(tmp_path / "in")
    result = pipeline.run(tmp_path / "in", settings, tmp_path / "out")
    assert result.failed == 0, result.cases[0].reason
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert [facts["model"] for facts in run["networks"]] == ["tiny.onnx"]
    assert run["networks"][0]["name"] == "tiny"
    write_report(tmp_path / "out")
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(written) > 4
    assert [path for path in written if b"Mrs Doe" in path.read_bytes()] == []


def test_values_in_other_files_are_refused(tmp_path):
    write_network(tmp_path, ["a"], "sigmoid")
    model = onnx.load(tmp_path / "tiny.onnx")
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32([1, 2, 3]), "unused"))
    onnx.save_model(model, tmp_path / "tiny.onnx", save_as_external_data=True, location="values", size_threshold=0)
    with pytest.raises(ValueError, match="has values in other files, which its checksum does not cover"):
        pipeline.apply(case_of(np.zeros((4, 8, 8), np.int16)), step_of(tmp_path))


def test_grey_values_by_statistics_are_those_of_the_whole_image(tmp_path):
    write_network(tmp_path, ["a"], "none")
    card = json.loads((tmp_path / "tiny.json").read_text())
    (tmp_path / "tiny.json").write_text(json.dumps(card | {"intensity": {"type": "percentile", "low": 0, "high": 100}}))
    array = np.arange(20 * 40 * 40).reshape(20, 40, 40).astype(np.float32)
    field = np.zeros(array.shape, bool)
    field[9:11, 18:22, 18:22] = True
    done = pipeline.apply(case_of(array, field=field), step_of(tmp_path, within="field"))
    expected = np.where(field, array / array.max(), 0)
    np.testing.assert_allclose(done.volumes["probability"].array, expected, rtol=1e-5)


def test_without_onnx_runtime_a_run_ends_with_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "in").mkdir()
    io.write(Volume(np.zeros((4, 5, 6), np.int16)), tmp_path / "in" / "a.nii")
    find = networks.find_spec
    monkeypatch.setattr(networks, "find_spec", lambda name: None if name == "onnxruntime" else find(name))
    for call in (pipeline.run, pipeline.estimate):
        with pytest.raises(BackendUnavailable, match=r'onnxruntime is needed .*; pip install "cormack\[onnx\]"'):
            call(tmp_path / "in", "ct-lung-deep", tmp_path / "out")
    for more in ([], ["--dry-run"]):
        command = ["run", str(tmp_path / "in"), "--preset", "ct-lung-deep", "--out", str(tmp_path / "out"), *more]
        assert run_app(command) == 2
        assert capsys.readouterr().err.strip().count("\n") == 0
    assert not (tmp_path / "out").exists()


def test_the_card_of_the_shipped_network_is_true():
    path = networks.model_path(SHIPPED)
    card = networks.card_of(path)
    assert networks.shipped_models() == [SHIPPED]
    assert card.sha256 == networks.checksum_of(path)
    assert path.stat().st_size <= 2_000_000
    assert "medical device" in card.note
    assert card.licence == "Apache-2.0"
    assert "no patient" in card.trained_on


def test_the_shipped_network_finds_nodules_and_every_record_names_it(tmp_path):
    truth = phantoms.write_chests(tmp_path / "in", 1, nodules=(2, 2), seed=3, **SMALL)
    result = pipeline.run(tmp_path / "in", "ct-lung-deep", tmp_path / "out", truth=truth, workers=1)
    assert result.failed == 0, result.cases[0].reason
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["detection"]["found"] == run["detection"]["lesions"] == 2
    assert run["detection"]["sensitivity"]["sensitivity"] == [1, 1, 1]
    digest = networks.checksum_of(networks.model_path(SHIPPED))
    (facts,) = run["networks"]
    assert (facts["model"], facts["sha256"]) == (SHIPPED, digest)
    assert "no patient" in facts["trained_on"]
    assert run["versions"]["onnxruntime"]
    (said,) = pipeline.estimate(tmp_path / "in", "ct-lung-deep", tmp_path / "out").cases
    assert 150e6 < said.memory_bytes < 300e6
    steps = {step["name"]: step for step in result.cases[0].record["steps"]}
    assert steps["segment deep"]["parameters"]["sha256"] == digest
    page = Path(write_report(tmp_path / "out")).read_text()
    assert digest in page
    assert facts["name"] in page
    assert "The network was trained on" in page


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_the_example_trains_exports_and_evaluates(tmp_path):
    pytest.importorskip("torch")
    script = Path(__file__).resolve().parents[2] / "examples" / "train_unet.py"
    done = subprocess.run(
        [sys.executable, str(script), "--quick", "--threads", "1", "--out", str(tmp_path / "net")],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    assert networks.card_of(tmp_path / "net" / "model.onnx").patch == (32, 96, 96)
    results = json.loads((tmp_path / "net" / "evaluation.json").read_text())
    assert set(results) == {"network", "classical"}
    assert 0.5 < results["classical"]["dice_mean"] <= 1
