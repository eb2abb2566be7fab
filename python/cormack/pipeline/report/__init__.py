"""The HTML report of a run, built from the files of the output folder alone, so that it can be rebuilt at any time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..._files import replacing
from ..._report import style_and_script, template
from .case import case_view
from .cohort import cohort_view
from .detection import detection_view
from .pictures import Pictures
from .reading import Json, read_case, read_run
from .run import outliers_first, overview, run_view

__all__ = ["write_report"]

_HERE = Path(__file__).parent
_FOLD_CASES = 20  # with more cases than this each one is folded away in <details>


def write_report(out: str | os.PathLike[str]) -> Path:
    """Build ``OUT/report.html`` from the files that a run left in ``OUT``.

    The page holds everything (styles, pictures, histograms) and refers to nothing outside itself. It is written under
    a temporary name and renamed, so a reader never meets half a page.

    Parameters
    ----------
    out : path-like
        The folder given to ``cormack run --out``; it holds ``run.json`` and ``cases/ID/case.json``.

    Returns
    -------
    pathlib.Path
        The report that was written.

    Raises
    ------
    cormack.io.ReadError
        If ``out`` holds no readable ``run.json``.
    BackendUnavailable
        If Jinja2 is not installed.

    Examples
    --------
    >>> from cormack.pipeline.report import write_report
    >>> write_report("cormack-demo")  # doctest: +SKIP
    PosixPath('cormack-demo/report.html')
    """
    out = Path(out)
    run = read_run(out)
    page = template(_HERE, "page.html.jinja", beside=_beside)
    pictures = Pictures(out, run["cases"])
    cases, columns, outliers = overview(out, run["cases"], pictures)
    context: dict[str, Any] = {
        **style_and_script(_HERE, ("page.js", "viewer.js", "cohort.js")),
        "run": run_view(run, cases),
        "cohort": cohort_view(outliers, cases),
        "ordered": outliers_first(cases),
        "any_planes": any(case["planes"] for case in cases),
        "any_score": any(case["outlier"] for case in cases),
        "detection": detection_view(run["detection"]),
        "overviews": cases,
        "key_columns": columns,
        "fold": len(cases) > _FOLD_CASES,
        # One case at a time is read and rendered, so the memory does not grow with the cohort.
        "cases": (case_view(pictures, case) for case in cases),
    }
    path = out / "report.html"
    # File names may carry lone surrogates, which UTF-8 refuses; a question mark in the page is the lesser evil.
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", errors="replace", newline="\n") as stream:
        stream.writelines(page.generate(context))
    if pictures.embeds_planes:
        return path
    planes_page = template(_HERE, "planes.html.jinja")
    style = style_and_script(_HERE, ("viewer.js",))
    for case in cases:
        if case["planes"] and case["folder"]:
            entry = read_case(out, case["entry"])["planes"]
            stack = pictures.slices(case["folder"], entry)
            planes = {**case["planes"], "sheet": pictures.data(case["folder"], entry["file"]), "slices": stack}
            with replacing(case["folder"] / "planes.html") as temporary:
                temporary.write_text(planes_page.render(style, case=case, planes=planes), "utf-8", errors="replace")
    return path


def _beside(anchor: str, case: Json) -> str:
    """Where the planes of a case are: in its section, or in a page beside it."""
    return f"{quote(case['entry']['folder'])}/planes.html" if case["planes"]["beside"] else f"#{anchor}"
