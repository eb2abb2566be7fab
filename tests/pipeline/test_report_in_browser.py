"""The report in headless Chromium; skipped where there is none."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2")
sys.path.insert(0, str(Path(__file__).parent))

from browser import Tab, chromium, tab
from test_report import case, cohort, folder, with_planes

from cormack.pipeline.report import write_report

pytestmark = pytest.mark.skipif(chromium() is None or sys.platform != "linux", reason="no Chromium here")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with tab(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    failed: dict[str, Any] = {"id": "broken", "status": "failed", "reason": "no voxels"}
    path = with_planes(folder(tmp_path_factory.mktemp("run"), *cohort(24), failed))
    write_report(path)
    return path


@pytest.fixture
def page(browser: Tab, out: Path) -> Iterator[Tab]:
    browser.problems.clear()
    browser.requests.clear()
    browser.open(out / "report.html")
    yield browser
    assert browser.problems == []
    assert [url for url in browser.requests if not url.endswith(".html")] == []


def names(page: Tab) -> list[str]:
    rows = "[...document.querySelectorAll('table.overview tbody tr:not([hidden])')]"
    found: list[str] = page.run(f"{rows}.map((row) => row.cells[1].textContent)")
    return found


def test_the_table_sorts_and_filters(page: Tab) -> None:
    assert names(page)[0] == "c7"
    page.run("document.querySelectorAll('table.overview thead button')[0].click()")
    assert names(page)[:3] == ["broken", "c0", "c1"]
    page.run(
        "(s => { s.value = 'outlier'; s.dispatchEvent(new Event('change')); })(document.querySelector('#cases select'))"
    )
    assert names(page) == ["c7"]
    page.run(
        "(s => { s.value = 'all'; s.dispatchEvent(new Event('change')); })(document.querySelector('#cases select'))"
    )
    page.run(
        "(f => { f.value = 'voxels'; f.dispatchEvent(new Event('input')); })(document.querySelector('#cases input'))"
    )
    assert names(page) == ["broken"]


def test_everything_is_reached_and_used_by_keyboard(page: Tab) -> None:
    focus = "document.activeElement.outerHTML.slice(0, 120)"
    seen = []
    for _ in range(14):
        page.key("Tab")
        seen.append(page.run(focus))
        assert page.run("getComputedStyle(document.activeElement).outlineStyle") != "none", seen[-1]
    assert "skip" in seen[0]
    assert any("<select" in item for item in seen)
    assert any("<button" in item for item in seen)
    page.run("document.querySelector('a[data-planes]').focus()")
    page.key("Enter")
    page.wait("document.querySelector('.viewer').dataset.ready === 'c7'")
    assert page.run("document.querySelector('dialog[open]').contains(document.activeElement)")
    page.key("ArrowRight")
    page.wait("document.querySelector('.viewer').dataset.ready === 'c0'")
    page.key("Escape")
    page.wait("!document.querySelector('dialog[open]')")
    page.wait("document.activeElement.dataset.planes === 'case-8'")  # back to where it was opened


def test_the_window_and_the_overlay_change_the_picture(page: Tab) -> None:
    page.run("document.querySelector('a[data-planes]').click()")
    page.wait("document.querySelector('.viewer').dataset.ready")
    pixel = """(x => { const c = document.querySelector('.viewer canvas');
        const copy = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
        copy.drawImage(c, -Math.floor(c.width * x), -Math.floor(c.height / 2));
        return [...copy.getImageData(0, 0, 1, 1).data.slice(0, 3)]; })"""
    fields = "document.querySelectorAll('.viewer input[type=number]')"

    def window(center: float, width: float, overlay: int) -> None:
        for number, value in ((0, center), (1, width)):
            page.run(f"(f => {{ f.value = {value}; f.dispatchEvent(new Event('change')); }})({fields}[{number}])")
        page.run(f"""(f => {{ f.value = {overlay}; f.dispatchEvent(new Event('input')); }})(
            document.querySelector('[aria-label="Overlay opacity"]'))""")

    window(0, 2000, 0)
    # Codes 240 and 10 are 920 and -920: (value + 1000) / 2000 of 255.
    assert page.run(f"{pixel}(0.1)") == pytest.approx([245] * 3, abs=1)
    assert page.run(f"{pixel}(0.9)") == pytest.approx([10] * 3, abs=1)
    window(-900, 200, 0)
    assert page.run(f"{pixel}(0.1)") == [255] * 3
    assert page.run(f"{pixel}(0.9)") == pytest.approx([102] * 3, abs=1)
    window(-900, 200, 100)
    assert page.run(f"{pixel}(0.1)") == pytest.approx([76, 201, 240], abs=2)
    assert page.run(f"{pixel}(0.9)") == pytest.approx([102] * 3, abs=1)


def test_slices_are_leafed_through(page: Tab) -> None:
    page.run("document.querySelector('a[data-planes]').click()")
    page.wait("document.querySelector('.viewer input.slices')")
    state = """(() => { const f = document.querySelector('.viewer figure'), c = f.querySelector('canvas');
        const copy = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
        copy.drawImage(c, -Math.floor(c.width / 4), -Math.floor(c.height / 2));
        return [f.querySelector('figcaption').textContent, copy.getImageData(0, 0, 1, 1).data[0]]; })()"""
    whole = page.run(state)
    page.run("document.querySelector('.viewer input.slices').focus()")
    page.key("ArrowRight")
    # Code 50 is -600, the centre of the window.
    assert page.run(state) == ["Axial slice 2 of 2 from the feet, coarse", pytest.approx(127, abs=1)]
    page.key("ArrowLeft")
    assert page.run(state) == whole


def test_a_feature_is_chosen_and_the_map_says_values(page: Tab) -> None:
    assert page.run("document.querySelector('#distribution svg').getAttribute('aria-label')").startswith("stat_mean")
    page.run("document.querySelectorAll('button.choose')[1].click()")
    label = page.run("document.querySelector('#distribution svg').getAttribute('aria-label')")
    assert label.startswith("cm_contrast: histogram of 24 cases, median 3.1")
    assert page.run("document.querySelector('#distribution svg a').getAttribute('href')") == "#case-8"
    page.run("document.querySelector('.heat').focus()")
    page.key("ArrowDown")
    assert page.run("document.getElementById('heat-says').textContent").startswith("cm_contrast and stat_mean: ρ = ")


def test_nothing_is_wider_than_the_page(page: Tab, tmp_path: Path) -> None:
    try:
        for zoom in (1.0, 1.5):
            page.size(1280, 900, zoom)
            page.run("document.body.getBoundingClientRect().height")
            assert page.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        page.dark()
        assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 26)"
        page.pdf(tmp_path / "report.pdf")
    finally:
        page.size(1280, 900)
        page.dark(False)


def test_planes_beside_the_page_show_themselves(browser: Tab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cormack.pipeline.report import pictures

    out = with_planes(folder(tmp_path, case("a")))
    monkeypatch.setattr(pictures, "_BUDGET", 0)
    write_report(out)
    browser.problems.clear()
    browser.open(out / "cases/000/planes.html")
    browser.wait("document.querySelector('.viewer').dataset.ready === 'a'")
    assert browser.problems == []
