"""The report, built from a folder that a run could have left."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import struct
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2")

from cormack import BackendUnavailable
from cormack._errors import ReadError
from cormack._report import formatting
from cormack.pipeline import report
from cormack.pipeline.report import pictures, tables, write_report
from cormack.pipeline.report.reading import read_run
from cormack.pipeline.report.run import overview

VOID = {"meta", "img", "br", "link", "input", "hr", "base", "area", "col", "embed", "source", "track", "wbr"}
SVG_LEAVES = {"path", "line", "rect"}
HOSTILE = """<script>alert(1)</script>"><img src=x onerror=alert(2)> ' & {{ 7 * 7 }}"""


class Page(HTMLParser):
    """Collects tags, attributes and text, and refuses what is not well nested."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute of <{tag}> is given twice"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SVG_LEAVES
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def png(width: int = 4, height: int = 3) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(range(width)) for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def case(name: str, **changes: Any) -> dict[str, Any]:
    features = {"mean [HU]": -742.314, "skewness": 1.88, "energy [HU²]": 4.2113e11, "volume_mm3": 0.0}
    return {
        "id": name,
        "status": "completed",
        "reason": "",
        "preset": "ct-lung",
        "modality": "CT",
        "shape": [60, 201, 204],
        "spacing_mm": [3.0, 0.977, 0.977],
        "dtype": "int16",
        "units": "HU",
        "source": f"studies/{name}",
        "seconds": 0.98,
        "steps": [
            {"name": "import", "kind": "import", "seconds": 0.4, "parameters": {}},
            {"name": "filter median", "kind": "filter", "seconds": 0.012, "parameters": {"size": 3, "output": "image"}},
        ],
        "pictures": [{"file": "axial.png", "plane": "axial", "caption": "slice 30 of 60, z = 90.0 mm"}],
        "histograms": {
            "before": {"edges": [-1000.0, -500.0, 0.0, 500.0], "counts": [50, 20, 30]},
            "after": {"edges": [-1000.0, -750.0, -500.0, 0.0], "counts": [40, 30, 30]},
        },
        "label_maps": [{"file": "labels.nii.gz", "names": {"1": "lung"}}],
        "regions": [{"name": "lung", "label": 1, "volume_ml": 1432.2, "features": features}],
        "objects": {
            "columns": ["region", "label", "volume_mm3", "equivalent_diameter_mm", "kept", "decided_by", "new_label"],
            "rows": [["nodules", 2, 412.25, 9.2345, True, "", 1], ["nodules", 1, 12.5, 2.879, False, "volume_mm3", 0]],
        },
        "summary": {"lung volume [ml]": 1432.21, "nodule candidates": 1},
        **changes,
    }


PLANES: dict[str, Any] = {
    "file": "planes.png",
    "thumbnail": "thumbnail.png",
    "levels": [float(level) for level in range(-1000, 1000, 8)],
    "window": {"center": -600.0, "width": 1500.0},
    "units": "HU",
    "labels": ["lung"],
    "slices": {"file": "slices.png", "size": [2, 2], "in_row": 2, "at": [0, 1], "count": 2},
    "views": [
        {
            "plane": "axial",
            "box": [0, 0, 8, 4],
            "size_mm": [4.0, 8.0],
            "letters": "RLAP",
            "caption": "slice 1 of 2 from the feet",
        }
    ],
}


def with_planes(out: Path) -> Path:
    """Give every case of a folder planes: half bright, half dark, labels on the bright half."""
    image = pytest.importorskip("PIL.Image")
    sheet = [0] * 4 * 8
    sheet += [1 if x < 4 else 0 for _ in range(4) for x in range(8)]
    sheet[:32] = [240 if x < 4 else 10 for _ in range(4) for x in range(8)]
    for place in sorted((out / "cases").iterdir()):
        record = json.loads((place / "case.json").read_text())
        if record["status"] == "completed":
            (place / "case.json").write_text(json.dumps({**record, "planes": PLANES}))
            picture = image.new("L", (8, 8))
            picture.putdata(sheet)
            picture.save(place / "planes.png")
            picture.save(place / "thumbnail.png")
            stack = image.new("L", (4, 4))
            stack.putdata([240, 240, 50, 50] * 2 + [0] * 8)
            stack.save(place / "slices.png")
    return out


def cohort(count: int = 12, odd: int = 7) -> list[dict[str, Any]]:
    """Cases of which one lies far out, in a feature that is otherwise quiet."""
    cases = []
    for n in range(count):
        features = {"stat_mean": 100.0 + n % 5, "cm_contrast": 3.0 + 0.1 * (n % 3), "ih_mode": 7.0}
        features["cm_contrast"] += 50.0 if n == odd else 0.0
        row = {"case": f"c{n}", "region": "lung", "voxel_count": 10, **features}
        cases.append(case(f"c{n}", rows=[row, {**row, "label": 1, "stat_mean": 1e6}]))
    return cases


TRUTH: dict[str, Any] = {
    "lesions": {
        "columns": ["nodule", "diameter_mm", "found", "diameter_error_mm"],
        "rows": [[1, 6.0, True, -0.31], [2, 3.0, False, None]],
    },
    "found": 1,
    "missed": 1,
    "false_candidates": 2,
    "mean_abs_diameter_error_mm": 0.312,
}


def folder(out: Path, *cases: dict[str, Any], **changes: Any) -> Path:
    for index, item in enumerate(cases):
        place = out / "cases" / f"{index:03d}"
        place.mkdir(parents=True, exist_ok=True)
        (place / "case.json").write_text(json.dumps(item), "utf-8")
        for picture in item.get("pictures", []):
            (place / picture["file"]).write_bytes(png())
        for item_map in item.get("label_maps", []):
            (place / item_map["file"]).write_bytes(b"labels")
    rows = [
        {"id": item["id"], "status": item["status"], "reason": item.get("reason", ""), "seconds": 1.0}
        | {"folder": f"cases/{index:03d}"}
        for index, item in enumerate(cases)
    ]
    run = {
        "schema": 1,
        "config": {"name": "ct-lung", "steps": [{"median_filter": {"size": 3}}]},
        "config_name": "ct-lung",
        "source": "studies",
        "started": "2026-11-23T01:12:44+00:00",
        "seconds": 4.0,
        "versions": {"cormack": "0.1.0", "python": "3.11.9"},
        "machine": {"threads": 2, "isa": "x86-64-v3", "cpu_count": 2},
        "cases": rows,
        "totals": {"completed": 1, "failed": 0},
        "timings": {"import": 0.4, "denoise": 0.012},
        "kernel_seconds": 0.5,
        **changes,
    }
    out.mkdir(exist_ok=True)
    (out / "run.json").write_text(json.dumps(run), "utf-8")
    return out


def build(out: Path) -> tuple[str, Page]:
    path = write_report(out)
    assert path == out / "report.html"
    html = path.read_text("utf-8")
    return html, Page(html)


def assert_self_contained(html: str, page: Page) -> None:
    assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?\s*(?:https?:)?//""", html)
    assert "http://" not in html
    assert "https://" not in html
    for tag, attributes in page.tags:
        source = attributes.get("src")
        assert source is None or source.startswith("data:image/png;base64,"), tag
        assert not any(name.startswith("on") for name in attributes), tag
        assert tag not in ("link", "iframe", "object", "embed", "form", "base")
        target = attributes.get("href") or "#"
        # Anchors of the page, and files below the folder of the report.
        assert target.startswith(("#", "cases/")), target
        assert ":" not in target
    assert len(page.all("script")) == 1


def test_the_report_shows_what_the_run_found(tmp_path: Path) -> None:
    html, page = build(folder(tmp_path, case("thorax")))
    assert_self_contained(html, page)
    text = page.text()
    for expected in (
        "thorax",
        "204 × 201 × 60",
        "0.977 × 0.977 × 3",
        "23 November 2026, 01:12 UTC",
        "Lung volume",
        "1 432",
        "1 kept, 1 rejected",
        "rejected volume – 12 2.9",
        "Equivalent diameter",
        "−742.3",
        "4.21×10¹¹",
        "Intensity [HU]",
        "Voxels [% per 500 HU]",
        "filter median size = 3 12 ms",
        "12.5 %",
        "labels.nii.gz",
        "x86-64-v3",
        "median_filter",
        "not a diagnosis",
    ):
        assert expected in text, expected
    assert text.index("9.2") < text.index("2.9")  # the kept object stands before the rejected one
    assert [image["src"] for image in page.all("img")] == ["data:image/png;base64," + base64.b64encode(png()).decode()]
    assert page.all("img")[0]["alt"] == "Axial picture of thorax, slice 30 of 60, z = 90.0 mm"
    assert "details" not in {tag for tag, _ in page.tags}
    paths = [attributes["class"] for attributes in page.all("path")]
    assert paths.count("before") == paths.count("after") == 2  # the plot and its legend


def test_a_number_reads_the_same_in_both_places(tmp_path: Path) -> None:
    volumes = (469.717, 0.517, 0.321)
    cases = [case(f"c{n}", summary={"lung volume [ml]": volume}) for n, volume in enumerate(volumes)]
    html, _ = build(folder(tmp_path, *cases))
    run = read_run(tmp_path)
    rows, (head,), _ = overview(tmp_path, run["cases"])
    assert [row["key_cells"][0]["text"] for row in rows] == ["470", "0.517", "0.321"]
    assert head["numeric"]
    assert ">469.717<" not in html


def test_links_of_the_page_lead_somewhere(tmp_path: Path) -> None:
    _, page = build(folder(tmp_path, case("a"), case("b"), case("c")))
    anchors = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(set(anchors)) == len(anchors)
    for attributes in page.all("a"):
        target = attributes["href"]
        assert target is not None
        assert target[1:] in anchors if target.startswith("#") else (tmp_path / target).is_file()


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    hostile = case(
        HOSTILE,
        reason=HOSTILE,
        modality=HOSTILE,
        units=HOSTILE,
        source=HOSTILE,
        preset=HOSTILE,
        dtype=HOSTILE,
        summary={HOSTILE: 1.0, "text": HOSTILE},
        regions=[{"name": HOSTILE, "label": HOSTILE, "volume_ml": 1.0, "features": {HOSTILE: HOSTILE}}],
        objects={
            "columns": ["region", HOSTILE, "kept", "decided_by", "new_label"],
            "rows": [[HOSTILE, HOSTILE, True, HOSTILE, 1]],
        },
        label_maps=[{"file": "labels.nii.gz", "names": {HOSTILE: HOSTILE}}],
        truth={**TRUTH, "lesions": {"columns": [HOSTILE, "found"], "rows": [[HOSTILE, True]]}},
        pictures=[{"file": "axial.png", "plane": HOSTILE, "caption": HOSTILE}],
        steps=[{"name": HOSTILE, "kind": HOSTILE, "seconds": 1.0, "parameters": {HOSTILE: HOSTILE}}],
    )
    changes = {
        "config_name": HOSTILE,
        "source": HOSTILE,
        "started": HOSTILE,
        "config": {HOSTILE: HOSTILE},
        "versions": {HOSTILE: HOSTILE},
        "machine": {HOSTILE: HOSTILE},
        "timings": {HOSTILE: 1.0},
    }
    html, page = build(folder(tmp_path, hostile, case("b", status="failed", reason=HOSTILE), **changes))
    assert_self_contained(html, page)
    assert page.text().count("<script>alert(1)</script>") > 30
    assert "49" not in page.text()


def test_only_the_script_of_the_page_may_run(tmp_path: Path) -> None:
    html, page = build(folder(tmp_path, case("a")))
    script = re.search(r"<script>(.*?)</script>", html, re.DOTALL)
    assert script
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert policy is not None
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_a_failed_case_has_its_reason(tmp_path: Path) -> None:
    failed = {"id": "broken", "status": "failed", "reason": "3 slices are missing"}
    _, page = build(folder(tmp_path, case("good"), failed))
    text = page.text()
    assert text.count("3 slices are missing") == 3  # above the table, in it, and in its section
    assert "This case failed." in text
    assert "Completed 1 Failed 1" in text


def test_what_is_absent_is_said_or_left_out(tmp_path: Path) -> None:
    bare = {"id": "bare", "status": "completed"}
    empty = case("empty", objects={"columns": ["label"], "rows": []}, pictures=[], histograms={}, regions=[], steps=[])
    lost = case("lost")
    folder(tmp_path, bare, empty, lost)
    (tmp_path / "cases/002/axial.png").unlink()
    (tmp_path / "cases/002/labels.nii.gz").unlink()
    html, page = build(tmp_path)
    assert_self_contained(html, page)
    text = page.text()
    assert "No objects were found." in text
    assert "the picture is missing" in text
    assert page.all("img") == []


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"shape": 3, "steps": {}, "objects": [], "summary": 1}'])
def test_a_damaged_case_does_not_stop_the_report(tmp_path: Path, content: str) -> None:
    folder(tmp_path, case("good"), case("damaged"))
    (tmp_path / "cases/001/case.json").write_text(content)
    _, page = build(tmp_path)
    assert "damaged" in page.text()


def test_numbers_that_are_none(tmp_path: Path) -> None:
    objects = {
        "columns": ["region", "label", "roundness", "axis_major_mm", "kept", "decided_by", "new_label"],
        "rows": [["nodules", 1, None, None, True, "", 1], ["nodules", 2, float("nan"), 2.5, False, "roundness", 0]],
    }
    odd = case(
        "odd",
        seconds=None,
        summary={"volume [ml]": float("nan"), "count": None, "far": float("inf")},
        histograms={"before": {"edges": [], "counts": []}},
        objects=objects,
        truth={},
    )
    html, page = build(folder(tmp_path, odd, seconds=None, timings={}, kernel_seconds=None, config={}))
    assert_self_contained(html, page)
    assert "No. Roundness Axes [mm] kept – 1 – – rejected roundness – – 2.5" in page.text()
    assert "nan" not in page.text().lower().split()


def test_files_outside_the_folder_are_never_shown(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(png())
    out = tmp_path / "out"
    folder(out, case("a"), case("b", pictures=[]))
    sly = case("a", pictures=[])
    for file in ("../../../secret.png", str(tmp_path / "secret.png")):
        sly["pictures"].append({"file": file, "plane": "axial", "caption": ""})
    (out / "cases/000/case.json").write_text(json.dumps(sly))
    run = json.loads((out / "run.json").read_text())
    run["cases"][1]["folder"] = "../"
    (out / "run.json").write_text(json.dumps(run))
    html, page = build(out)
    assert_self_contained(html, page)
    assert page.all("img") == []


def test_a_large_cohort_is_folded_and_its_tables_capped(tmp_path: Path) -> None:
    rows = [["nodules", index, index / 7, index < 10, "size", 0] for index in range(500)]
    names = ["region", "label", "x_mm", "kept", "decided_by", "new_label"]
    many = case("many", objects={"columns": names, "rows": rows})
    _, page = build(folder(tmp_path, many, *(case(f"case {index}") for index in range(21))))
    assert len([tag for tag, _ in page.tags if tag == "details"]) == 22
    assert "The first 100 of 500 objects are shown" in page.text()
    assert "10 kept, 490 rejected" in page.text()


def test_pictures_beyond_the_budget_become_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_BUDGET", len(png()) + 1)
    html, page = build(folder(tmp_path, case("a"), case("b")))
    assert_self_contained(html, page)
    assert page.all("img") == []  # all cases alike
    assert {"href": "cases/000/axial.png"} in page.all("a")
    assert {"href": "cases/001/axial.png"} in page.all("a")


def test_phantoms_have_a_score(tmp_path: Path) -> None:
    _, page = build(folder(tmp_path, case("phantom", truth=TRUTH)))
    text = page.text()
    assert "Found 1 of 2 Missed 1 False candidates 2 Mean absolute diameter error 0.31 mm" in text
    assert "missed" in text
    assert "−0.31" in text


def test_histograms_of_different_scales_get_their_own_axes(tmp_path: Path) -> None:
    histograms = {
        "before": {"edges": [0.0, 1000.0, 4000.0], "counts": [1, 2]},
        "after": {"edges": [0.0, 0.5, 1.0], "counts": [1, 2], "units": ""},
    }
    _, page = build(folder(tmp_path, case("a", histograms=histograms)))
    assert len([svg for svg in page.all("svg") if svg.get("class") == "plot"]) == 2
    assert "no common axes" in page.text()
    assert "Intensity [HU] Voxels [% per 5 000 HU]" in page.text()
    assert "Intensity Voxels [% per 0.5]" in page.text()  # no longer Hounsfield units


def test_a_histogram_in_other_units_gets_its_own_axes(tmp_path: Path) -> None:
    same = {"edges": [0.0, 1000.0, 4000.0], "counts": [1, 2]}
    histograms = {"before": {**same, "units": "HU"}, "after": {**same, "units": ""}}
    _, page = build(folder(tmp_path, case("a", histograms=histograms)))
    assert "Intensity [HU] Voxels [% per 5 000 HU]" in page.text()
    assert "Intensity Voxels [% per 5 000]" in page.text()


def test_a_lone_spike_is_cut_and_said_so(tmp_path: Path) -> None:
    histograms = {"before": {"edges": [0.0, 1.0, 2.0, 3.0], "counts": [900, 50, 50]}}
    _, page = build(folder(tmp_path, case("a", histograms=histograms, units="")))
    assert "The bar at 0 to 1.00 is cut off: it reaches 90.0 % before." in page.text()


def test_rebuilding_gives_the_same_page_and_leaves_nothing_behind(tmp_path: Path) -> None:
    folder(tmp_path, case("a"))
    first, _ = build(tmp_path)
    os.chmod(tmp_path / "report.html", 0o600)
    second, _ = build(tmp_path)
    assert first == second
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cases", "report.html", "run.json"]


def test_a_failure_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path, case("a"))
    first, _ = build(tmp_path)

    def fail(*_: Any) -> Any:
        raise RuntimeError("no")

    monkeypatch.setattr(report, "case_view", fail)
    with pytest.raises(RuntimeError):
        write_report(tmp_path)
    assert (tmp_path / "report.html").read_text("utf-8") == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cases", "report.html", "run.json"]


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="cormack run --out"):
        write_report(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(ReadError, match="not the record of a run"):
        write_report(tmp_path)


def test_without_jinja(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    with pytest.raises(BackendUnavailable, match="pip install"):
        write_report(folder(tmp_path, case("a")))


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1432.21, "ml", "1 432"),
        (12345678, "", "12 345 678"),
        (0.0351, "ml", "0.0351"),
        (-742.31, "HU", "−742.3"),
        (14.23, "mm", "14.2"),
        (9.234, "mm", "9.23"),
        (0.0, "mm", "0"),
        (0.0009, "mm", "9.00×10⁻⁴"),
        (4.2113e11, "", "4.21×10¹¹"),
        (True, "", "yes"),
        (None, "", "–"),
        ("text", "", "text"),
    ],
)
def test_numbers(value: Any, unit: str, text: str) -> None:
    assert formatting.number(value, unit).replace("\u202f", " ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 ms"),
        (0.00001, "< 0.1 ms"),
        (0.0084, "8.4 ms"),
        (0.0123, "12 ms"),
        (0.98, "0.98 s"),
        (75.26, "75.3 s"),
        (125, "2 min 5 s"),
        (119.9, "2 min 0 s"),
        (7260, "2 h 1 min"),
        (None, "–"),
    ],
)
def test_durations(value: float | None, text: str) -> None:
    assert formatting.seconds(value) == text


@pytest.mark.parametrize(
    ("name", "heading", "unit"),
    [
        ("equivalent_diameter_mm", "Equivalent diameter", "mm"),
        ("volume_mm3", "Volume", "mm³"),
        ("area_mm2", "Area", "mm²"),
        ("lung volume [ml]", "Lung volume", "ml"),
        ("x_mm", "x", "mm"),
        ("kept", "Kept", ""),
        ("mm", "Mm", ""),
    ],
)
def test_headings(name: str, heading: str, unit: str) -> None:
    column = formatting.column(name)
    assert (column["label"], column["unit"]) == (heading, unit)


def test_objects_of_a_screen_are_told_in_few_columns(tmp_path: Path) -> None:
    columns = ["region", "label", "voxel_count", "roundness", "centroid_z", "centroid_y", "centroid_x", "bbox_z_start"]
    columns += ["axis_major_mm", "axis_minor_mm", "intensity_mean", "intensity_std", "touches_border"]
    columns += ["kept", "decided_by", "new_label"]
    rows = [
        ["nodules", 9, 12, 0.97, 4.0, 5.0, 6.0, 3, 9.0, 8.25, -20.7, 111.0, False, True, "", 1],
        ["nodules", 7, 10, 0.2968, 1.0, 2.0, 3.4, 0, 5.0, 4.0, -300.4, 12.3, False, False, "roundness", 0],
        ["nodules", 8, 3, 0.5, 4.0, 5.0, 6.0, 3, 9.0, 8.0, -20.7, 0.0, True, False, "touches_border", 0],
    ]
    screen = {"name": "screen", "kind": "screen", "seconds": 0.1}
    parameters = {"input": "nodules", "roundness": [0.3, None], "touches_border": False}
    found = case("a", objects={"columns": columns, "rows": rows}, steps=[{**screen, "parameters": parameters}])
    _, page = build(folder(tmp_path, found))
    text = page.text()
    assert "kept – 1 0.970 6, 5, 4 9.0 × 8.2 −21 ± 111 no" in text
    assert "rejected roundness 0.297 < 0.3 – 0.297 3, 2, 1 5.0 × 4.0 −300 ± 12 no" in text
    assert "rejected touches border – 0.500" in text
    assert "Numbers are those in the pictures." in text


@pytest.mark.parametrize(
    ("criterion", "value", "allowed", "text"),
    [
        ("roundness", 0.2996, [0.3, None], "roundness 0.2996 < 0.3"),
        ("equivalent_diameter_mm", 40.25, [3.5, 35], "equivalent diameter 40.2 > 35 mm"),
        ("touches_border", True, False, "touches border"),
        ("touches_border", False, True, "not: touches border"),
        ("roundness", None, [0.3, None], "roundness"),
        ("roundness", 0.2, None, "roundness"),
    ],
)
def test_the_criterion_that_decided(criterion: str, value: Any, allowed: Any, text: str) -> None:
    row = {"decided_by": criterion, criterion: value}
    assert tables._decision(row, {} if allowed is None else {criterion: allowed}) == text


def test_statistics_have_names_and_units(tmp_path: Path) -> None:
    features = {"stat_mean": -742.0, "stat_var": 9.0, "stat_kurt": 1.5}
    flat = case("flat", regions=[{"name": "bright", "label": 1, "area_cm2": 3.25, "features": features}])
    _, page = build(folder(tmp_path, flat))
    for expected in ("Area [cm²] 3.25", "Mean [HU] −742.0", "Variance [HU²] 9.00", "Excess kurtosis 1.50"):
        assert expected in page.text()


def test_flat_pictures_stand_beside_a_tall_one(tmp_path: Path) -> None:
    names = ["axial", "coronal", "sagittal"]
    wide = case("a", pictures=[{"file": f"{name}.png", "plane": name, "caption": ""} for name in names])
    folder(tmp_path, wide)
    for name in names[1:]:
        (tmp_path / "cases/000" / f"{name}.png").write_bytes(png(12, 4))
    _, page = build(tmp_path)
    (pictures,) = [tag for tag in page.all("div") if "beside" in (tag.get("class") or "")]
    assert pictures["style"] == "grid-template-columns: 0.889fr 1fr"


def test_many_objects_of_a_label_map_are_told_in_one_word(tmp_path: Path) -> None:
    names = {str(n): f"nodules {n}" for n in range(1, 12)}
    _, page = build(folder(tmp_path, case("a", label_maps=[{"file": "nodules.nii.gz", "names": names}])))
    assert "nodules.nii.gz – one number per object, 1 to 11" in page.text()


def test_planes_come_with_the_page_and_without_a_network(tmp_path: Path) -> None:
    html, page = build(with_planes(folder(tmp_path, case("a"), case("b"))))
    assert_self_contained(html, page)
    holders = [tag for tag in page.all("p") if tag.get("class") == "planes"]
    assert [holder["id"] for holder in holders] == ["planes-case-1", "planes-case-2"]
    assert base64.b64decode(holders[0]["data-sheet"] or "") == (tmp_path / "cases/000/planes.png").read_bytes()
    assert json.loads(holders[0]["data-facts"] or "")["window"] == PLANES["window"]
    assert not (tmp_path / "cases/000/planes.html").exists()


def test_planes_that_do_not_fit_lie_beside_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_planes(folder(tmp_path, case("a"), case("b", status="failed")))
    monkeypatch.setattr(pictures, "_BUDGET", (tmp_path / "cases/000/thumbnail.png").stat().st_size)
    html, page = build(tmp_path)
    assert_self_contained(html, page)
    assert "cases/000/planes.html" in [tag["href"] for tag in page.all("a") if tag.get("class") == "open"]
    beside = (tmp_path / "cases/000/planes.html").read_text("utf-8")
    assert "http" not in beside.replace("http-equiv", "")
    assert "default-src 'none'" in beside
    assert next(tag for tag in Page(beside).all("p") if "data-sheet" in tag)["data-name"] == "a"
    assert not (tmp_path / "cases/001/planes.html").exists()


@pytest.mark.parametrize("planes", [{"file": "planes.png"}, {"file": 3}, {"levels": []}])
def test_damaged_planes_do_not_stop_the_report(tmp_path: Path, planes: Any) -> None:
    with_planes(folder(tmp_path, case("a")))
    (tmp_path / "cases/000/case.json").write_text(json.dumps(case("a", planes=planes)))
    _, page = build(tmp_path)
    assert "viewer" not in {tag.get("class") for _, tag in page.tags}


def test_cases_that_lie_far_out_come_first_and_say_in_what(tmp_path: Path) -> None:
    failed = {"id": "broken", "status": "failed", "reason": "no voxels"}
    html, page = build(folder(tmp_path, *cohort(), failed))
    assert_self_contained(html, page)
    states = [tag["data-state"] for tag in page.all("tr") if tag.get("data-state")]
    assert states[0] == "completed outlier"
    assert states.count("completed outlier") == 1
    # 0.6745 |53.1 - 3.1| / 0.1, by hand.
    assert "337 cm_contrast" in page.text()
    assert "ih_mode" in page.text()  # constant: shown, and in no score
    assert "12 cases, 3 features of regions, 1 of them the same in every case" in page.text()


def test_scores_are_those_of_the_rule() -> None:
    import numpy as np

    from cormack.pipeline.report.cohort import Features, Outliers

    rng = np.random.default_rng(1)
    values = rng.normal(size=(40, 3))
    values[3, 1] = np.nan
    features = Features()
    for row in values:
        features.add([{"region": "r", **{f"f{n}": float(v) for n, v in enumerate(row)}}])
    outliers = Outliers(features)
    median = np.nanmedian(values, axis=0)
    expected = 0.6745 * abs(values - median) / np.nanmedian(abs(values - median), axis=0)
    assert np.allclose(outliers.scores, np.nan_to_num(expected), rtol=1e-12, atol=0)


def test_correlations_are_those_of_scipy() -> None:
    import numpy as np

    from cormack.pipeline.report.cohort import _spearman

    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(2).integers(0, 6, (30, 5)).astype(float)  # with ties
    assert np.allclose(_spearman(values), stats.spearmanr(values).statistic, atol=1e-12)
    values[4, 2] = np.nan
    pair = np.delete(values[:, [0, 2]], 4, axis=0)
    assert _spearman(values)[0, 2] == pytest.approx(stats.spearmanr(pair).statistic, abs=1e-12)


def test_few_cases_are_no_cohort(tmp_path: Path) -> None:
    _, page = build(folder(tmp_path, *cohort(4)))
    assert "Features over the cohort" not in page.text()
    assert "outlier" not in page.text()


def test_many_features_are_named_and_not_all_in_the_map(tmp_path: Path) -> None:
    cases = []
    for n in range(6):
        features = {f"{family}_{k}": float((n * (k + 3)) % 7 + n / 10) for k in range(40) for family in ("a", "b")}
        cases.append(case(f"c{n}", rows=[{"case": f"c{n}", "region": "lung", **features}]))
    _, page = build(folder(tmp_path, *cases))
    assert "20 features are not in the map, which takes 60" in page.text()
    labels = next(tag["data-labels"] for tag in page.all("div") if tag.get("class") == "heat")
    assert labels is not None
    assert len(labels.split("\n")) == 60


def test_the_methods_say_the_settings(tmp_path: Path) -> None:
    settings = {"new_spacing": 2, "resegmentation_range": [-1000, 400], "discretisation": "fixed bin size"}
    step = {"step": "features", "families": ["first_order", "glcm", "ngldm"], "settings": settings}
    config = {"name": "x", "steps": [step]}
    _, page = build(folder(tmp_path, case("a"), config=config))
    text = page.text()
    for expected in (
        "Features were computed with Cormack 0.1.0",
        "Zwanenburg et al., 2020",
        "doi:10.1148/radiol.2020191145",
        "intensity-based statistics, grey level co-occurrence matrix (GLCM) and neighbouring",
        "resampled to voxels of 2 mm in every direction by trilinear interpolation",
        "re-segmented to the range [-1000, 400] HU",
        "fixed bin size of 25 HU from the lower limit of re-segmentation",
        "aggregated as 3D averaged and 3D merged, with a Chebyshev distance of 1 for GLCM and NGLDM",
        "coarseness of 0",
    ):
        assert expected in text, expected


def test_peaks_of_memory_are_told(tmp_path: Path) -> None:
    steps = [{"name": "import", "kind": "import", "seconds": 0.4, "parameters": {}, "peak_bytes": 83_000_000}]
    _, page = build(folder(tmp_path, case("a", steps=steps)))
    assert "Peak memory" in page.text()
    assert page.text().count("83 MB") == 3  # the step, the case, the run
