"""Configurations: presets are valid, and what is wrong is said in one line with file, line, place and what to write."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from cormack import pipeline
from cormack.pipeline.config import ConfigError, preset_path
from cormack.pipeline.step_models import METHODS, SINGLE, ScreenStep

MINIMAL = """\
name: mine
steps:
  - step: filter
    method: median
    size: 3
  - step: segment
    method: threshold
    lower: otsu
    output: bright
  - step: screen
    input: bright
    volume_mm3: [10, null]
  - step: features
  - step: export
    window: {center: 40, width: 400}
"""


def message(tmp_path, text, name="mine.yaml"):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        pipeline.load_config(path)
    text = str(error.value)
    assert "\n" not in text
    assert text.startswith(str(path))
    return text.removeprefix(str(path))


def test_presets_are_valid_and_described():
    presets = pipeline.list_presets()
    assert {"generic", "ct-lung", "mr-brain", "radiomics"} <= set(presets)
    for name, config in presets.items():
        assert config.name == name
        assert len(config.description) > 40
        assert "# " in preset_path(name).read_text(), "a preset explains its numbers"
    assert presets["ct-lung"].modality == "CT"
    assert presets["mr-brain"].modality == "MR"


def test_minimal_file_and_round_trip(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(MINIMAL)
    config = pipeline.load_config(path)
    assert [step.step for step in config.steps] == ["filter", "segment", "screen", "features", "export"]
    assert config.steps[2].criteria == {"volume_mm3": (10.0, None)}
    again = pipeline.load_config(config.model_dump(mode="json"))
    assert again == config
    assert pipeline.load_config(config) is config
    assert pipeline.load_config(str(path)) == config


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("size: 3", "sise: 3", r":5: steps\[0\] \(filter median\): unknown key 'sise' \(did you mean 'size'\?\)"),
        ("method: median", "method: medain", r":3: steps\[0\] \(filter\): method 'medain' .*did you mean 'median'\?"),
        ("step: filter", "step: fliter", r":3: steps\[0\]: step 'fliter' .*did you mean 'filter'\?.*segment"),
        ("step: filter", "stp: filter", r":3: steps\[0\]: key 'step' is missing .*'stp'"),
        ("lower: otsu", "treshold: 3", r":8: steps\[1\] \(segment threshold\): unknown key 'treshold'"),
        ("lower: otsu", "lower: ostu", r":8: steps\[1\] \(segment threshold\): lower: .*'ostu'"),
        (
            "input: bright",
            "input: brigth",
            r":11: steps\[2\] \(screen\): input: .*'brigth' yet \(did you mean 'bright'",
        ),
        ("[10, null]", "[10, 3]", r":12: steps\[2\] \(screen\): volume_mm3: a range rises"),
        ("[10, null]", "[null, null]", r":12: steps\[2\] \(screen\): volume_mm3: a range needs"),
        ("[10, null]", "10", r":12: steps\[2\] \(screen\): volume_mm3: expected two numbers in brackets"),
        ("[10, null]", "[10]", r":12: steps\[2\] \(screen\): volume_mm3: expected two numbers in brackets"),
        ("size: 3", "size: 4", r":5: steps\[0\] \(filter median\): size: .*odd"),
        ("size: 3", "size: [3, 3, 2]", r":5: steps\[0\] \(filter median\): size: .*odd"),
        ("center: 40", "centre: 40", r":15: steps\[4\] \(export\): unknown key 'centre' \(did you mean 'center'"),
        ("width: 400", "width: -1", r":15: steps\[4\] \(export\): window.width: .*greater than 0"),
        ("width: 400", "width: .inf", r":15: steps\[4\] \(export\): window.width: .*finite"),
        ("name: mine", "nam: mine", r":1: unknown key 'nam' \(did you mean 'name'\?\)"),
        ("name: mine", "", r": key 'name' is missing"),
        ("name: mine", "name: mine\nname: yours", r":2: not valid YAML: key 'name' is given twice"),
        ("steps:", "steps: [", r":\d+: not valid YAML"),
        ("output: bright", "output: original\n    within: none", r"there is no label map 'none' yet; a segment step"),
        ("    size: 3", "    size: 3\n    output: original", r"'original' is never changed"),
    ],
)
def test_mistakes_are_one_line(tmp_path, old, new, expected):
    assert old in MINIMAL
    assert re.search(expected, message(tmp_path, MINIMAL.replace(old, new, 1)))


def segment(method, **keys):
    return {"step": "segment", "method": method, "output": "x", **keys}


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({"step": "enhance", "method": "rescale", "percentiles": [99, 1]}, "percentiles: the first number must be"),
        ({"step": "enhance", "method": "rescale", "percentiles": [5, 5]}, "percentiles: the first number must be"),
        (segment("region-growing", lower=9, upper=3), "lower must not exceed upper"),
        (segment("threshold", lower=9, upper=3), "lower must not exceed upper"),
        (segment("threshold"), "lower or upper is needed"),
        (segment("threshold", fill_holes=True), "lower or upper is needed"),
        (segment("threshold", lower="otsu", upper="otsu"), "lower and upper are both otsu"),
        (segment("lungs", mean_hu=[-400, -900]), "mean_hu: the first number must be smaller"),
        (segment("nodule-candidates", diameter_mm=[30, 3]), "diameter_mm: the first number must be smaller"),
        ({"step": "filter", "method": "median", "size": []}, "size: "),
        ({"step": "filter", "method": "median", "size": [3]}, "size: one number for all axes, or one per axis"),
        ({"step": "filter", "method": "uniform", "size": [3, 3, 3, 3]}, "size: one number for all axes"),
        ({"step": "filter", "method": "gaussian", "sigma": [1.0]}, "sigma: one number for all axes"),
    ],
)
def test_what_would_select_nothing_or_everything_is_refused(step, expected):
    with pytest.raises(ConfigError) as error:
        pipeline.load_config({"name": "x", "steps": [step]})
    text = str(error.value)
    assert text.startswith(f"configuration: steps[0] ({step['step']} {step['method']}): {expected}")
    assert "\n" not in text


@pytest.mark.parametrize(
    "step",
    [
        segment("threshold", lower=3, upper=3),
        segment("threshold", lower="otsu", upper=5),
        segment("region-growing", lower=3, upper=3),
        {"step": "filter", "method": "median", "size": [3, 3]},
        {"step": "filter", "method": "gaussian", "sigma": [1, 2, 2]},
    ],
)
def test_what_looks_odd_and_is_none(step):
    pipeline.load_config({"name": "x", "steps": [step]})


def test_a_threshold_without_limits_may_mend_a_label_map():
    steps = [segment("threshold", lower=1), segment("threshold", within="x") | {"output": "y"}]
    with pytest.raises(ConfigError, match="lower or upper is needed"):
        pipeline.load_config({"name": "x", "steps": steps})
    for work in ({"keep": "largest"}, {"fill_holes": True}):
        pipeline.load_config({"name": "x", "steps": [steps[0], steps[1] | work]})


@pytest.mark.parametrize(
    "step",
    [
        segment("threshold", upper=1),
        {"step": "enhance", "method": "rescale", "output": "x"},
        {"step": "screen", "input": "y", "output": "x"},
    ],
)
def test_an_output_is_made_once(step):
    steps = [segment("threshold", lower=1), segment("threshold", lower=2, output="y"), step]
    with pytest.raises(ConfigError, match=r"steps\[2\] \(.*\): output: 'x' is the output of steps\[0\] \(segment thr"):
        pipeline.load_config({"name": "x", "steps": steps})


def test_images_and_label_maps_may_be_changed_in_place():
    smooth = {"step": "filter", "method": "median", "output": "smooth"}
    steps = [smooth, smooth | {"input": "smooth"}, {"step": "filter", "method": "median", "input": "smooth"}]
    steps += [{"step": "enhance", "method": "rescale"}, segment("threshold", lower=1), {"step": "screen", "input": "x"}]
    pipeline.load_config({"name": "x", "steps": steps})
    with pytest.raises(ConfigError, match="'smooth' is the output of"):
        pipeline.load_config({"name": "x", "steps": [smooth, smooth]})


def test_a_modality_is_in_upper_case():
    config = pipeline.load_config({"name": "x", "modality": "ct", "steps": [{"step": "export"}]})
    assert config.modality == "CT"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "a configuration is a mapping"),
        ("- a\n- b\n", "a configuration is a mapping"),
        ("name: x\nsteps: []\n", "steps"),
        ("name: x\nsteps:\n  - step: export\n  - step: features\n", "export comes once"),
        ("1: x\n", "is no word"),
        ("name: !!python/object/apply:os.system [id]\n", "not valid YAML"),
        ("a: &a [*a]\n", ""),
        ("[" * 3000, "not valid YAML"),
    ],
)
def test_files_that_are_no_configuration(tmp_path, text, expected):
    assert expected in message(tmp_path, text)


def test_presets_and_files_that_do_not_exist(tmp_path):
    with pytest.raises(
        ConfigError, match=r"no preset 'ct-lnug' \(did you mean 'ct-lung'\?\); presets: ct-lung, ct-lung-deep, generic"
    ):
        pipeline.load_config("ct-lnug")
    with pytest.raises(ConfigError, match=r"there is no such file.*ct-lung"):
        pipeline.load_config(tmp_path / "nothing.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        pipeline.load_config(tmp_path)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ConfigError, match="not UTF-8"):
        pipeline.load_config(tmp_path / "binary.yaml")
    assert issubclass(ConfigError, ValueError)


def test_the_page_names_every_method_and_its_example_is_valid():
    page = (Path(__file__).resolve().parents[2] / "docs" / "pipeline.md").read_text("utf-8")
    example = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1]
    pipeline.load_config(yaml.safe_load(example))
    for step, models in METHODS.items():
        (methods,) = re.findall(rf"^\| `{step}` \| (.*) \|$", page, re.MULTILINE)
        assert methods.strip("`").split("`, `") == [model.model_fields["method"].default for model in models]
    single = re.findall(r"^\| `(\w+)` \| ", page.partition("A pipeline of your own")[2], re.MULTILINE)[len(METHODS) :]
    assert single == list(SINGLE)


def test_every_criterion_is_a_column_of_the_screened_table():
    import numpy as np

    from cormack import segment

    box = np.zeros((5, 5, 5), np.int32)
    box[1:3, 1:3, 1:3] = 1
    columns = set(segment.label_statistics(box, box)) | set(segment.label_statistics(box[1], box[1]))
    other = {"step", "input", "output", "image", "connectivity", "score", "score_image"}
    assert set(ScreenStep.model_fields) - other <= columns
    assert set(get_args(get_args(ScreenStep.model_fields["score"].annotation)[0])) <= columns
