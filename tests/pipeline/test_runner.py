"""The runner: files and tables are complete, one bad case harms no other, and nothing is ever half written."""

from __future__ import annotations

import contextlib
import csv
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import cormack
from cormack import GeometryError, Volume, features, io, phantoms, pipeline
from cormack.pipeline import job, runner, steps
from cormack.pipeline.job import Job
from cormack.pipeline.report import write_report
from cormack.pipeline.results import FEATURE_COLUMNS
from cormack.pipeline.runner import run_jobs

parquet = pytest.importorskip("pyarrow.parquet")


def blocks(seed=0, count=3):
    """A dark noisy volume with bright blocks of 6 x 10 x 10 voxels."""
    rng = np.random.default_rng(seed)
    array = rng.normal(100, 5, (12, 40, 40))
    for number in range(count):
        array[3:9, 3 + 12 * number : 13 + 12 * number, 10:20] += 200
    return Volume(np.rint(array).astype(np.int16), spacing=(2.0, 1.0, 1.0), origin=(5, -3, 2))


@pytest.fixture
def studies(tmp_path):
    folder = tmp_path / "studies"
    folder.mkdir()
    for number in range(3):
        io.write(blocks(number, number + 1), folder / f"case{number}.nii.gz")
    return folder


@pytest.fixture
def config():
    return {
        "name": "blocks",
        "steps": [
            {"step": "filter", "method": "median", "size": 3},
            {"step": "enhance", "method": "rescale"},
            {"step": "segment", "method": "threshold", "lower": "otsu", "output": "bright"},
            {"step": "screen", "input": "bright", "volume_mm3": [20, None]},
            {"step": "features"},
        ],
    }


def records(out):
    run = json.loads((out / "run.json").read_text())
    return run, {c["id"]: json.loads((out / c["folder"] / "case.json").read_text()) for c in run["cases"]}


def table(out):
    with open(out / "features.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = parquet.read_table(out / "features.parquet")
    assert columns.column_names == list(FEATURE_COLUMNS)
    assert columns.num_rows == len(rows)
    assert columns["case"].to_pylist() == [row["case"] for row in rows]
    return rows


def test_a_run_leaves_what_it_promises(studies, config, tmp_path):
    events = []
    result = pipeline.run(studies, config, tmp_path / "out", progress=lambda *event: events.append(event))
    assert (result.completed, result.failed) == (3, 0)
    run, cases = records(tmp_path / "out")
    assert run["schema"] == 1
    assert run["config_name"] == "blocks"
    assert run["config"]["steps"][0]["size"] == 3
    assert run["totals"] == {"completed": 3, "failed": 0}
    assert {"import", "filter", "enhance", "segment", "screen", "features", "export"} <= set(run["timings"])
    assert run["kernel_seconds"] == pytest.approx(
        sum(run["timings"][kind] for kind in ("filter", "enhance", "segment", "screen", "features"))
    )
    assert run["versions"]["numpy"] == np.__version__
    assert run["versions"]["cormack"] == cormack.__version__
    assert run["machine"]["isa"] == cormack.show_config("dict")["instruction_set"]
    assert run["machine"]["threads"] >= 1
    for number, (name, case) in enumerate(cases.items()):
        folder = tmp_path / "out" / "cases" / name
        assert case["shape"] == [12, 40, 40]
        assert case["spacing_mm"] == [2, 1, 1]
        assert [step["kind"] for step in case["steps"]] == [
            *("import", "filter", "enhance", "segment", "screen", "features", "export")
        ]
        assert {picture["plane"] for picture in case["pictures"]} == {"axial", "coronal", "sagittal"}
        assert all((folder / picture["file"]).stat().st_size > 500 for picture in case["pictures"])
        for histogram in case["histograms"].values():
            assert len(histogram["edges"]) == len(histogram["counts"]) + 1 <= 129
        assert set(case["histograms"]) == {"before", "after"}
        only_in_json = {"label", "kept", "decided_by", "new_label"}
        assert set(case["objects"]["columns"]) - only_in_json <= set(FEATURE_COLUMNS)
        (region,) = case["regions"]
        assert region["name"] == "bright"
        # Blocks of 6 x 10 x 10 voxels of 2 mm³; the median rounds their edges.
        assert region["volume_ml"] == pytest.approx((number + 1) * 1.2, rel=0.2)
        assert set(region["features"]) == {column for column in FEATURE_COLUMNS if column.startswith("stat_")}
        kept = case["objects"]["columns"].index("kept")
        assert sum(row[kept] for row in case["objects"]["rows"]) == number + 1
        assert case["summary"]["bright kept"] == number + 1
        labels = io.read(folder / case["label_maps"][0]["file"])
        assert labels.same_geometry(blocks())
        assert set(np.unique(labels.array)) == {0, 1}
        assert case["label_maps"][0]["names"] == {"1": "bright"}
    objects = io.read(tmp_path / "out" / "cases" / "case2" / "bright-objects.nii.gz")
    assert set(np.unique(objects.array)) == {0, 1, 2, 3}
    rows = table(tmp_path / "out")
    assert [(row["case"], row["label"]) for row in rows] == [
        *(("case0", ""), ("case0", "1"), ("case1", ""), ("case1", "1"), ("case1", "2")),
        *(("case2", ""), ("case2", "1"), ("case2", "2"), ("case2", "3")),
    ]
    assert all(row["status"] == "completed" for row in rows)
    assert [event[0] for event in events if event[0] in ("completed", "failed")] == ["completed"] * 3
    assert events[-1][0] == "end"
    assert max(event[3] for event in events) == events[-1][4] == 3
    assert not [path for path in (tmp_path / "out").rglob("*") if path.name.startswith(".")]


@pytest.mark.parametrize("workers", [None, 2])
@pytest.mark.parametrize("patient", ["Mustermann_Erika", "Mustermann  Erika"])
def test_no_output_says_where_the_images_were(patient, workers, config, tmp_path):
    images = tmp_path / patient / "cases"
    images.mkdir(parents=True)
    io.write(blocks(), images / "a.nii.gz")
    (images / "b.nii.gz").write_bytes((images / "a.nii.gz").read_bytes()[:2000])
    out = tmp_path / "out"
    result = pipeline.run(images, config, out, workers=workers)
    write_report(out)
    assert [case.status for case in result.cases] == ["completed", "failed"]
    assert "b.nii.gz" in result.cases[1].reason
    assert records(out)[0]["source"] == "cases"
    written = [path for path in out.rglob("*") if path.is_file()]
    assert {"run.json", "case.json", "features.csv", "report.html"} <= {path.name for path in written}
    for path in written:
        assert b"Mustermann" not in path.read_bytes(), path
        assert os.fsencode(tmp_path) not in path.read_bytes(), path


def test_the_source_is_the_last_part_of_the_path(studies, config, tmp_path, monkeypatch):
    monkeypatch.chdir(studies)
    link = tmp_path / "link"
    link.symlink_to(studies)
    for number, (source, name) in enumerate([(".", "studies"), (f"{studies}/", "studies"), (link, "link")]):
        pipeline.run(source, config, tmp_path / f"out{number}")
        assert records(tmp_path / f"out{number}")[0]["source"] == name


def test_a_second_run_does_what_is_missing_and_gives_the_same(studies, config, tmp_path):
    out = studies / "results"  # inside the input: its label maps are no studies
    first = pipeline.run(studies, config, out)
    content = {name: (out / name).read_bytes() for name in ("features.csv", "features.parquet")}
    kept = (out / "cases" / "case0" / "case.json").stat().st_mtime_ns
    for leftover in (".case1.4711.tmp", ".case2.4711.old"):
        (out / "cases" / leftover).mkdir()
    shutil.rmtree(out / "cases" / "case1")
    events = []
    second = pipeline.run(studies, config, out, progress=lambda *event: events.append(event))
    assert [event[1] for event in events if event[0] == "start"] == ["case1"]
    assert [case.id for case in first.cases] == [case.id for case in second.cases]
    assert {name: (out / name).read_bytes() for name in content} == content
    assert (out / "cases" / "case0" / "case.json").stat().st_mtime_ns == kept
    assert sorted(path.name for path in (out / "cases").iterdir()) == ["case0", "case1", "case2"]


def test_what_changed_is_done_again(studies, config, tmp_path):
    def begun(**options):
        events = []
        pipeline.run(studies, config, tmp_path / "out", progress=lambda *event: events.append(event), **options)
        return [event[1] for event in events if event[0] == "start"]

    (studies / "broken.nii.gz").write_bytes(b"\x1f\x8bnonsense")
    everything = ["broken", "case0", "case1", "case2"]
    assert begun() == everything
    stale = tmp_path / "out" / "cases" / "case2" / "stale.txt"
    stale.write_text("from the first run")
    assert begun() == []
    assert begun(retry_failed=True) == ["broken"]
    io.write(blocks(7), studies / "case2.nii.gz")
    assert begun() == ["case2"]
    assert not stale.exists()
    # Without the journal the folders still tell.
    (tmp_path / "out" / "journal.sqlite").write_bytes(b"not a database, but long enough to be looked at" * 100)
    assert begun() == ["broken"]
    config["steps"][0]["size"] = 5
    assert begun() == everything


def test_files_that_change_names_are_done_again(config, tmp_path):
    studies, masks = tmp_path / "studies", tmp_path / "masks"
    studies.mkdir()
    masks.mkdir()
    for number in range(2):
        io.write(blocks(number), studies / f"case{number}.nii")
        labels = np.zeros((12, 40, 40), np.uint8)
        labels[4:8, 4 + number : 9, 12:20] = 1
        io.write(blocks().replace(labels), masks / f"case{number}.nii")

    def exchange(folder):
        os.rename(folder / "case0.nii", folder / "other")
        os.rename(folder / "case1.nii", folder / "case0.nii")
        os.rename(folder / "other", folder / "case1.nii")

    def means(out):
        result = pipeline.run(studies, config, out, masks=masks)
        return [row["stat_mean"] for row in table(out)], result.failed

    for file in (*studies.iterdir(), *masks.iterdir()):
        os.utime(file, (0, 0))
    before = means(tmp_path / "out")
    for folder in (studies, masks):
        exchange(folder)
        after = means(tmp_path / "out")
        assert after == means(tmp_path / f"fresh {folder.name}")
        assert after != before
        before = after


def test_a_run_can_be_watched_and_gone_on_with(studies, config, tmp_path):
    out = tmp_path / "out"
    results = pipeline.run_iter(studies, config, out)
    assert next(results).status == "completed"
    status = pipeline.read_status(out)
    assert (status["state"], status["completed"], status["waiting"]) == ("running", 1, 2)
    second = "import sys; from cormack import pipeline; pipeline.run(sys.argv[1], 'generic', sys.argv[2])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    arguments = [sys.executable, "-c", second, str(studies), str(out)]
    refused = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=60)
    assert "another process is writing to this folder" in refused.stderr
    results.close()
    assert pipeline.read_status(out)["state"] == "interrupted"
    assert not (out / "features.csv").exists()
    assert [case.id for case in pipeline.run_iter(studies, config, out)] == ["case0", "case1", "case2"]
    assert pipeline.read_status(out)["state"] == "finished"
    assert [entry.attempts for entry in pipeline.read_status(out)["cases"]] == [1, 1, 1]
    with pytest.raises(io.ReadError, match="no such file"):
        pipeline.read_status(studies)


def test_folders_of_others_are_not_touched(studies, config, tmp_path):
    mine = tmp_path / "out" / "cases" / "case1"
    mine.mkdir(parents=True)
    (mine / "thesis.txt").write_text("years of work")
    result = pipeline.run(studies, config, tmp_path / "out")
    assert [case.status for case in result.cases] == ["completed", "failed", "completed"]
    assert "no run made" in result.cases[1].reason
    assert (mine / "thesis.txt").read_text() == "years of work"


def test_bad_cases_become_rows_with_their_reason(studies, config, tmp_path):
    (studies / "broken.nii.gz").write_bytes(b"\x1f\x8b" + b"nonsense" * 20)
    io.write(Volume(np.full((4, 8, 8), 7, np.int16)), studies / "constant.nii.gz")
    io.write(Volume(np.full((4, 8, 8), np.nan, np.float32)), studies / "nan.nii.gz")
    result = pipeline.run(studies, config, tmp_path / "out")
    status = {case.id: (case.status, case.reason) for case in result.cases}
    assert [status[f"case{n}"][0] for n in range(3)] == ["completed"] * 3
    assert status["broken"][0] == "failed"
    assert "broken" in status["broken"][1]
    assert status["constant"][0] == "failed"
    assert "one value only" in status["constant"][1]
    assert "no finite number" in status["nan"][1]
    run, cases = records(tmp_path / "out")
    assert run["totals"] == {"completed": 3, "failed": 3}
    assert cases["broken"]["status"] == "failed"
    rows = {row["case"]: row for row in table(tmp_path / "out")}
    assert rows["nan"]["status"] == "failed"
    assert rows["nan"]["reason"] == status["nan"][1]
    assert rows["nan"]["volume_ml"] == ""
    features = parquet.read_table(tmp_path / "out" / "features.parquet").to_pylist()
    (row,) = (row for row in features if row["case"] == "nan")
    assert math.isnan(row["stat_mean"])
    assert "\n" not in "".join(row["reason"] for row in rows.values())


@pytest.mark.parametrize(("size", "start"), [(3, "after filtering, the image 'image' has"), (1, "the image has")])
def test_which_image_has_one_value_only(size, start, config, tmp_path):
    array = np.zeros((6, 8, 8), np.int16)
    array[3, 4, 4] = 100 if size > 1 else 0
    config["steps"][0]["size"] = size
    jobs = [Job(Memory("a", Volume(array)), pipeline.load_config(config))]
    result = run_jobs(jobs, tmp_path, config={}, config_name="x", source="x")
    assert result.cases[0].reason.startswith(f"{start} one value only, 0")


def test_some_nans_are_set_to_the_lowest_value_and_recorded(config, tmp_path):
    array = blocks().array.astype(np.float32)
    array[0] = np.nan
    io.write(Volume(array, spacing=(2.0, 1.0, 1.0)), tmp_path / "map.nii.gz")
    pipeline.run(tmp_path / "map.nii.gz", config, tmp_path / "out")
    _, cases = records(tmp_path / "out")
    assert cases["map"]["status"] == "completed"
    assert cases["map"]["steps"][0]["parameters"]["not_finite"] == 1600


def test_two_dimensional_images(tmp_path):
    from PIL import Image

    array = np.full((60, 80), 30, np.uint8)
    array[10:30, 20:50] = 200
    Image.fromarray(array).save(tmp_path / "radiograph.png")
    result = pipeline.run(tmp_path / "radiograph.png", "generic", tmp_path / "out")
    assert result.failed == 0
    (case,) = records(tmp_path / "out")[1].values()
    assert [picture["plane"] for picture in case["pictures"]] == ["image"]
    assert case["regions"][0]["area_cm2"] == pytest.approx(6.0, rel=0.05)
    failed = pipeline.run(tmp_path / "radiograph.png", "ct-lung", tmp_path / "out2").cases[0]
    assert "needs a 3D volume" in failed.reason


@dataclass(frozen=True)
class Memory:
    """A source that needs no file."""

    id: str
    volume: Volume

    def read(self):
        return self.volume


def test_another_modality_fails(tmp_path):
    magnet = Memory("mr", Volume(np.zeros((4, 5, 6), np.int16), meta={"modality": "MR"}))
    jobs = [Job(magnet, pipeline.load_config("ct-lung"))]
    result = run_jobs(jobs, tmp_path, config={}, config_name="x", source="x")
    assert "modality MR does not fit 'ct-lung'" in result.cases[0].reason


def test_modalities_are_compared_without_case(config, tmp_path):
    config["modality"] = "ct"
    source = Memory("a", blocks().replace(blocks().array, meta={"modality": "CT"}))
    result = run_jobs([Job(source, pipeline.load_config(config))], tmp_path, config={}, config_name="x", source="x")
    assert result.failed == 0


@pytest.mark.parametrize(
    ("steps", "units"),
    [
        ([{"step": "filter", "method": "median"}], "HU"),
        ([{"step": "filter", "method": "median"}, {"step": "enhance", "method": "equalize"}], ""),
        ([{"step": "enhance", "method": "rescale"}, {"step": "filter", "method": "uniform"}], ""),
        ([{"step": "enhance", "method": "window", "center": 0, "width": 400, "output": "display"}], ""),
        (
            [
                {"step": "enhance", "method": "window", "center": 0, "width": 400, "output": "display"},
                {"step": "filter", "method": "median"},
            ],
            "HU",
        ),
    ],
)
def test_histograms_say_in_which_units_they_are(steps, units, tmp_path):
    volume = blocks()
    source = Memory("ct", volume.replace(volume.array, meta={"units": "HU"}))
    config = pipeline.load_config({"name": "x", "steps": steps})
    run_jobs([Job(source, config)], tmp_path, config={}, config_name="x", source="x")
    (case,) = records(tmp_path)[1].values()
    assert {key: value["units"] for key, value in case["histograms"].items()} == {"before": "HU", "after": units}


def test_a_screen_that_finds_nothing_is_told(config, tmp_path):
    config["steps"][2]["lower"] = 10.0
    jobs = [Job(Memory("a", blocks()), pipeline.load_config(config))]
    run_jobs(jobs, tmp_path, config={}, config_name="x", source="x")
    (case,) = records(tmp_path)[1].values()
    assert case["objects"]["rows"] == []
    assert {"region", "label", "kept"} <= set(case["objects"]["columns"])


# --- Masks ---------------------------------------------------------------------------------------------------------


def test_masks_replace_the_segmentation(studies, config, tmp_path):
    masks = tmp_path / "masks"
    (masks / "case2").mkdir(parents=True)
    two = np.zeros((12, 40, 40), np.uint8)
    two[3:9, 3:13, 10:20], two[0, 0, 0] = 1, 3
    io.write(blocks().replace(two), masks / "case0.nii.gz")
    io.write(blocks().replace(two > 2), masks / "case1_mask.nii.gz")
    shifted = Volume(two, spacing=(2.0, 1.0, 1.0), origin=(5, -3, 9))
    io.write(shifted, masks / "case2" / "any.nii")
    io.write(blocks(9), studies / "case9.nii.gz")
    result = pipeline.run(studies, config, tmp_path / "out", masks=masks)
    assert [case.status for case in result.cases] == ["completed", "completed", "failed", "failed"]
    assert "do not share one grid" in result.cases[2].reason
    assert "no mask" in result.cases[3].reason
    _, cases = records(tmp_path / "out")
    assert [region["name"] for region in cases["case0"]["regions"]] == ["mask 1", "mask 3"]
    assert cases["case0"]["regions"][0]["volume_ml"] == pytest.approx(1.2)
    assert cases["case1"]["regions"][0]["name"] == "mask"
    kinds = [step["name"] for step in cases["case0"]["steps"]]
    assert kinds == ["import", "import mask", "filter median", "enhance rescale", "features", "export"]
    single = pipeline.run(studies / "case0.nii.gz", config, tmp_path / "out2", masks=masks / "case0.nii.gz")
    assert single.failed == 0


def test_use_mask_refuses_what_is_none():
    case = steps.Case.from_volume("a", blocks())
    with pytest.raises(GeometryError):
        steps.use_mask(case, Volume(np.ones((12, 40, 40), np.uint8)))
    with pytest.raises(ValueError, match="empty"):
        steps.use_mask(case, blocks().replace(np.zeros((12, 40, 40), np.uint8)))
    with pytest.raises(ValueError, match="no whole numbers"):
        steps.use_mask(case, blocks().replace(np.full((12, 40, 40), 0.5, np.float32)))
    with pytest.raises(ValueError, match="different labels"):
        steps.use_mask(case, blocks().replace(np.arange(19200).reshape(12, 40, 40)))


# --- Steps ---------------------------------------------------------------------------------------------------------


def test_steps_change_nothing_that_they_were_given(config):
    volume = blocks()
    before = volume.array.copy()
    case = steps.Case.from_volume("a", volume)
    done = case
    for step in pipeline.load_config(config).steps:
        done = steps.apply(done, step)
    assert np.array_equal(volume.array, before)
    assert case.label_maps == {}
    assert set(case.volumes) == {"original", "image"}
    assert done.original is volume
    assert [record.kind for record in done.provenance] == ["filter", "enhance", "segment", "screen", "features"]
    with pytest.raises(AttributeError):
        done.id = "b"


def test_more_kinds_of_steps():
    volume = blocks(count=1)
    config = pipeline.load_config({
        "name": "all",
        "steps": [
            {"step": "filter", "method": "gaussian", "sigma": 1.0, "output": "smooth"},
            {"step": "filter", "method": "uniform", "size": [1, 3, 3], "input": "smooth", "output": "smooth"},
            {"step": "enhance", "method": "window", "center": 150, "width": 200, "output": "display"},
            {"step": "segment", "method": "region-growing", "seeds": [[5, 7, 12]], "lower": 200, "upper": 400,
             "output": "grown"},
            {"step": "segment", "method": "threshold", "upper": "otsu", "keep": "largest", "output": "dark"},
            {"step": "segment", "method": "threshold", "lower": 0, "within": "grown", "output": "inside"},
            {"step": "enhance", "method": "equalize", "within": "dark"},
            {"step": "features", "regions": ["grown", "inside"]},
        ],
    })  # fmt: skip
    case = steps.Case.from_volume("a", volume)
    for step in config.steps:
        case = steps.apply(case, step)
    assert case.volumes["display"].dtype == np.uint8
    assert case.mask("grown").sum() == 600
    assert np.array_equal(case.mask("grown"), case.mask("inside"))
    assert case.mask("dark").sum() == volume.array.size - 600
    assert [region.name for region in case.regions] == ["grown", "inside"]
    assert case.regions[0].features["stat_mean"] == pytest.approx(volume.array[case.mask("grown")].mean())
    combined, names = steps.label_map(case)
    assert names == {"1": "grown", "2": "dark", "3": "inside"}
    assert set(np.unique(combined)) == {2, 3}
    outside = {"step": "segment", "method": "region-growing", "seeds": [[5, 7, 99]], "lower": 0, "upper": 1,
               "output": "x"}  # fmt: skip
    with pytest.raises(ValueError, match="outside an image"):
        steps.apply(case, pipeline.load_config({"name": "x", "steps": [outside]}).steps[0])


def test_all_families_of_regions_and_of_objects(studies, config, tmp_path):
    settings = {"discretisation": "fixed bin size", "bin_size": 25}
    config["steps"][4] = {
        "step": "features",
        "families": ["first_order", "glcm"],
        "settings": settings,
        "objects": True,
    }
    pipeline.run(studies / "case1.nii.gz", config, tmp_path / "out")
    with open(tmp_path / "out" / "features.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[: len(FEATURE_COLUMNS)] == list(FEATURE_COLUMNS)
    assert parquet.read_table(tmp_path / "out" / "features.parquet").column_names == list(rows[0])
    volume = io.read(studies / "case1.nii.gz")
    objects = io.read(tmp_path / "out" / "cases" / "case1" / "bright-objects.nii.gz")
    wanted = {"families": ["first_order", "glcm"], **settings}
    (whole,) = features.radiomics(volume, objects.array > 0, labels=[1], settings=wanted)
    for row, table in zip(
        rows, [whole, *features.radiomics(volume, objects, labels=[1, 2], settings=wanted)], strict=True
    ):
        assert {name: float(row[name]) for name in table} == dict(table)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"families": ["glmc"]}, "did you mean 'glcm'"),
        ({"settings": {"bin_sise": 25}}, "did you mean 'bin_size'"),
        ({"settings": {"bin_size": -1}}, "bin_size"),
        ({"settings": {"families": ["glcm"]}}, "a key of its own"),
    ],
)
def test_wrong_settings_of_features_are_found_before_the_run(step, message):
    with pytest.raises(pipeline.ConfigError, match=message):
        pipeline.load_config({"name": "x", "steps": [{"step": "features", **step}]})


# --- Processes -----------------------------------------------------------------------------------------------------

MODULE = """
    import os, signal
    from dataclasses import dataclass
    from pathlib import Path
    import numpy as np
    from cormack import Volume

    @dataclass(frozen=True)
    class Source:
        id: str
        does: str = ""
        def read(self):
            if self.does == "exits":
                os._exit(9)
            if self.does == "was killed once" and not Path("killed").exists():
                Path("killed").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            if self.does == "is killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.does == "hangs":
                while True: pass
            if self.does == "eats":
                hoard = [np.ones(1 << 20) for _ in range(100_000)]
            array = np.full((6, 20, 20), 10, np.int16)
            array[2:4, 5:15, 5:15] = 90
            return Volume(array)
"""


def test_cases_that_harm_their_process_fail_alone(tmp_path, monkeypatch):
    (tmp_path / "harmful.py").write_text(textwrap.dedent(MODULE))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    import harmful

    config = pipeline.load_config("generic")
    does = ["", "exits", "", "was killed once", "is killed", "hangs", "eats", ""]
    jobs = [Job(harmful.Source(f"case{n}", what), config) for n, what in enumerate(does)]
    jobs.append(Job(harmful.Source("case8"), config, truth=lambda case: {}))
    facts = {"config": {}, "config_name": "x", "source": "x"}
    budget = runner._Budget(workers=2, timeout_s=8, max_memory_bytes=1 << 28)
    result = runner._last(runner._iterate_jobs(jobs, tmp_path / "out", **facts, budget=budget))
    reasons = {case.id: case.reason for case in result.cases}
    assert [case.id for case in result.cases] == [f"case{n}" for n in range(9)]
    assert [case.id for case in result.cases if case.status == "completed"] == ["case0", "case2", "case3", "case7"]
    assert reasons["case1"] == "the case ended its process with exit code 9"
    assert reasons["case4"] == "the case was killed by SIGKILL, most likely for lack of memory"
    assert reasons["case5"] == "the case took longer than 8 s"
    assert reasons["case6"] == "the case needed more than 256 MiB of memory"
    assert "pickle" in reasons["case8"]
    status = pipeline.read_status(tmp_path / "out")
    assert [(entry.attempts, entry.lost) for entry in status["cases"]][3:5] == [(2, False), (2, True)]
    assert len(table(tmp_path / "out")) >= 9
    assert not [path for path in (tmp_path / "out").rglob("*") if path.name.startswith(".")]


def test_parallel_gives_what_one_by_one_gives(studies, config, tmp_path):
    (studies / "broken.nii.gz").write_bytes(b"\x1f\x8bnonsense")
    pipeline.run(studies, config, tmp_path / "one")
    result = pipeline.run(studies, config, tmp_path / "two", workers=2)
    assert (result.completed, result.failed) == (3, 1)
    for file in ("features.csv", "features.parquet", "cases/case1/labels.nii.gz", "cases/case1/axial.png"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


def test_a_cluster_gives_what_one_by_one_gives(studies, config, tmp_path):
    distributed = pytest.importorskip("distributed")
    (studies / "broken.nii.gz").write_bytes(b"\x1f\x8bnonsense")
    pipeline.run(studies, config, tmp_path / "one")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, silence_logs=50
    ) as cluster:
        result = pipeline.run(studies, config, tmp_path / "two", client=cluster.scheduler_address)
        with distributed.Client(cluster) as client:
            again = pipeline.run(studies, config, tmp_path / "two", client=client)
    assert (result.completed, result.failed) == (again.completed, again.failed) == (3, 1)
    for file in ("features.csv", "features.parquet", "cases/case1/labels.nii.gz"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file
    with pytest.raises(TypeError, match="client must be"):
        pipeline.run(studies, config, tmp_path / "three", client=7)
    with pytest.raises(ValueError, match="give it alone"):
        pipeline.run(studies, config, tmp_path / "three", client="tcp://nowhere:1", workers=2)


def test_an_error_of_the_caller_leaves_no_worker(studies, config, tmp_path):
    before = set(children_of(os.getpid()))

    def progress(event, case_id, step, done, total):
        if event == "completed":
            raise KeyError(case_id)

    # Whoever keeps the error keeps the frames that it came through.
    with pytest.raises(KeyError) as caught:
        pipeline.run(studies, config, tmp_path / "out", workers=2, progress=progress)
    assert set(children_of(os.getpid())) == before
    assert pipeline.read_status(tmp_path / "out")["state"] == "interrupted"
    assert pipeline.run(studies, config, tmp_path / "out").completed == 3
    assert caught.value.args[0].startswith("case")


def test_a_cluster_that_is_lost_ends_a_run_that_can_be_gone_on_with(studies, config, tmp_path):
    distributed = pytest.importorskip("distributed")
    out = tmp_path / "out"
    local = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    # How long a client looks for a scheduler that it lost.
    soon = pytest.importorskip("dask").config.set({"distributed.comm.timeouts.connect": "1s"})
    with soon, distributed.LocalCluster(**local, silence_logs=50) as cluster:
        address = cluster.scheduler_address
        with distributed.Client(cluster) as client:
            results = pipeline.run_iter(studies, config, out, client=client)
            next(results)
            cluster.close()
            with pytest.raises(ConnectionError, match="scheduler was lost; run again") as caught:
                list(results)
        with pytest.raises(ConnectionError, match="no Dask scheduler at"):
            pipeline.run(studies, config, out, client=address)
    assert caught.value.strerror, "what commands print"
    assert pipeline.read_status(out)["state"] == "interrupted"
    assert pipeline.run(studies, config, out).completed == 3


@pytest.mark.parametrize("count", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_any_moment_and_run_again(count, studies, config, tmp_path):
    for number in range(3, 8):
        io.write(blocks(number, 2), studies / f"case{number}.nii.gz")
    (studies / "broken.nii.gz").write_bytes(b"\x1f\x8bnonsense")
    pipeline.run(studies, config, tmp_path / "undisturbed")
    out = tmp_path / "out"
    script = "import json, sys; from cormack import pipeline; print('up', flush=True)\n"
    script += "pipeline.run(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3], workers=2)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    arguments = [sys.executable, "-c", script, str(studies), json.dumps(config), str(out)]
    random = np.random.default_rng(count)
    for _ in range(count):
        with subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE) as parent:
            parent.stdout.readline()
            time.sleep(random.uniform(0, 0.9))
            workers = [int(name) for name in children_of(parent.pid)]
            for process in [workers, [parent.pid], [*workers, parent.pid]][random.integers(3)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(random.uniform(0, 0.2))
            parent.kill()
    pipeline.run(studies, config, out)
    for file in ("features.csv", "features.parquet"):
        assert (out / file).read_bytes() == (tmp_path / "undisturbed" / file).read_bytes()
    attempts = [entry.attempts for entry in pipeline.read_status(out)["cases"]]
    # Two cases at a time are in flight when somebody dies, and begun again alone when only the workers do.
    assert sum(attempts) <= len(attempts) + 4 * count
    assert not [path for path in out.rglob("*") if path.name.startswith(".")]


def children_of(process):
    """Numbers of the processes that a process started."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if path.read_text().rpartition(")")[2].split()[1] == str(process):
                yield path.parent.name


def test_workers_and_sources_are_checked(studies, config, tmp_path):
    with pytest.raises(ValueError, match="workers"):
        pipeline.run(studies, config, tmp_path / "out", workers=0)
    with pytest.raises(io.ReadError):
        pipeline.run(tmp_path / "nowhere", config, tmp_path / "out")
    pipeline.run(studies, config, tmp_path / "out")
    with pytest.raises(io.ReadError):
        pipeline.run(tmp_path / "out", config, tmp_path / "out")


# --- Small things --------------------------------------------------------------------------------------------------


def test_reasons_are_one_line():
    assert job.reason_of(ValueError("a\n  b")) == "a b"
    assert job.reason_of(KeyError("x")) == "KeyError: 'x'"
    assert job.reason_of(MemoryError()) == "out of memory"
    assert len(job.reason_of(ValueError("y" * 2000))) <= 500


def test_reasons_name_no_folder(tmp_path):
    file = tmp_path / "Mustermann  Erika" / "a.nii"
    denied = PermissionError(13, "Permission denied", str(file))
    assert job.reason_of(denied) == "PermissionError: [Errno 13] Permission denied: 'a.nii'"
    assert job.reason_of(io.ReadError(file, "truncated")) == "a.nii: truncated"
    source = io.Source("a", file, "nifti", (file,))
    assert job.reason_of(RuntimeError(f"{file} is odd"), source) == "RuntimeError: a.nii is odd"


def test_histogram_counts_whole_numbers_per_bin():
    values = np.random.default_rng(0).integers(-1000, 1000, 100_000).astype(np.int16)
    counts = np.array(steps.histogram(values)["counts"])
    assert counts.size <= 128
    assert counts[2:-2].std() < 0.1 * counts.mean(), "no beat between bins and whole numbers"
    assert sum(steps.histogram(np.full((4, 4), 7, np.uint8))["counts"]) == 16
    assert sum(steps.histogram(np.zeros((4, 4), bool))["counts"]) == 16


# --- Real images ---------------------------------------------------------------------------------------------------


def test_the_real_ct(shared, tmp_path):
    result = pipeline.run(shared / "data" / "ibsi_ct_phantom" / "dicom" / "image", "ct-lung", tmp_path)
    (case,) = result.cases
    assert case.status == "completed"
    assert 980 < case.summary["lungs volume [ml]"] < 1100
    assert -800 < case.summary["lungs mean [HU]"] < -700
    (record,) = records(tmp_path)[1].values()
    assert record["modality"] == "CT"
    assert record["units"] == "HU"
    assert "PAT1" not in json.dumps(record)
    assert result.kernel_seconds < result.seconds


def test_the_real_brain(shared, tmp_path):
    result = pipeline.run(shared / "data" / "mni152", "mr-brain", tmp_path)
    (case,) = result.cases
    assert case.status == "completed", case.reason
    assert 1780 < case.summary["brain volume [ml]"] < 1900


def test_demo(tmp_path):
    result = pipeline.run_demo(tmp_path)
    assert result.failed == 0, [case.reason for case in result.cases]
    _, cases = records(tmp_path)
    assert len(cases) >= 4
    truth = cases["ct-chest-phantom"]["truth"]
    assert truth["found"] + truth["missed"] == phantoms.chest_ct().nodules.row_count
    assert truth["found"] >= 7
    assert truth["false_candidates"] <= 4
    assert truth["mean_abs_diameter_error_mm"] < 0.8
    assert len(truth["lesions"]["rows"]) == 9
    assert 600 < result.cases[1].summary["brain volume [ml]"] < 2000
    assert Path(tmp_path / "features.csv").exists()


def test_a_folder_of_nothing_readable_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.dcm").write_text("not an image")
    with pytest.raises(io.ReadError, match=r"notes\.dcm: not a DICOM file"):
        pipeline.run(tmp_path / "in", "generic", tmp_path / "out")
    assert not (tmp_path / "out").exists()
