"""The HTML report of a run, built from the files of the output folder alone, so that it can be rebuilt at any time."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..._errors import BackendUnavailable
from ..._files import replacing
from .case import case_view
from .cohort import cohort_view
from .detection import detection_view
from .formatting import memory, number, seconds
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
    template = _template()
    pictures = Pictures(out, run["cases"])
    cases, columns, outliers = overview(out, run["cases"], pictures)
    context: dict[str, Any] = {
        **_style_and_script("page.js", "viewer.js", "cohort.js"),
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
        stream.writelines(template.generate(context))
    if pictures.embeds_planes:
        return path
    page = _template("planes.html.jinja")
    style = _style_and_script("viewer.js")
    for case in cases:
        if case["planes"] and case["folder"]:
            entry = read_case(out, case["entry"])["planes"]
            stack = pictures.slices(case["folder"], entry)
            planes = {**case["planes"], "sheet": pictures.data(case["folder"], entry["file"]), "slices": stack}
            with replacing(case["folder"] / "planes.html") as temporary:
                temporary.write_text(page.render(style, case=case, planes=planes), "utf-8", errors="replace")
    return path


def _style_and_script(*scripts: str) -> dict[str, str]:
    script = "".join((_HERE / name).read_text("utf-8") for name in scripts)
    return {
        "style": (_HERE / "page.css").read_text("utf-8"),
        "script": script,
        # Allows the page's one script, and no other, in its content policy.
        "script_digest": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    }


def _template(name: str = "page.html.jinja") -> Any:
    try:
        import jinja2
    except ImportError as error:
        raise BackendUnavailable('the report needs Jinja2; install it with: pip install "cormack[cohort]"') from error
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(number=number, seconds=seconds, memory=memory)
    environment.filters["beside"] = _beside
    return environment.get_template(name)


def _beside(anchor: str, case: Json) -> str:
    """Where the planes of a case are: in its section, or in a page beside it."""
    return f"{quote(case['entry']['folder'])}/planes.html" if case["planes"]["beside"] else f"#{anchor}"
