"""The HTML report of anomaly detection, built from ``anomaly.json`` and the pictures beside it."""

from __future__ import annotations

import base64
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..._errors import ReadError
from ..._files import replacing
from ..._report import style_and_script, template
from ..._report.formatting import DASH, number, size, spacing, when
from ._charts import histogram, sorted_scores

__all__ = ["RECORD", "write_report"]

RECORD = "anomaly.json"

_HERE = Path(__file__).parent
_BUDGET = 10 << 20  # bytes of pictures in one page
_MOST_ROWS = 2000
_MOST_SHOWN = 60  # cases with pictures

Json = dict[str, Any]

_HOW = {
    "patches": "Each image was cut into overlapping patches, described by eight numbers (mean, deviation, extremes, "
    "centre against surroundings, gradient, fine and coarse texture). The heat of a patch is its distance from the "
    "most similar patches that are remembered of the normal images, the score of an image the mean over its ten "
    "hottest patches.",
    "network": "A network that was trained to reconstruct normal images was given each image. The heat is what its "
    "reconstruction differs by, smoothed; the score of an image is its hottest place.",
    "table": "Each row was compared with the rows of the reference, and its features with theirs: z is a feature's "
    "distance from the median of the reference in robust standard deviations (1.4826 median absolute deviations).",
}
_HEAT = (
    "Heat is in units of normal variation: 99 of 100 places of normal images, each looked at as if it were new, stay "
    "below 1. "
)
_P = (
    "The p-value is the share of normal scores at least as high, the case itself counted in: a normal case has one of "
    "p or less with a probability of about p. "
)


def write_report(out: str | os.PathLike[str], record: str = RECORD, page: str = "report.html") -> Path:
    """Build the page from what `score_folder` or `cormack anomaly score` left in a folder.

    Parameters
    ----------
    out : path-like
        The folder.
    record, page : str
        Names of the record and of the page.

    Returns
    -------
    pathlib.Path
        The page. It refers to nothing outside itself but files of the folder.

    Raises
    ------
    ReadError
        There is no record.
    BackendUnavailable
        Jinja2 is not installed.
    """
    folder = Path(out)
    try:
        data = json.loads((folder / record).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ReadError(folder / record, f"is no record of anomaly detection: {error}") from None
    path = folder / page
    with replacing(path) as temporary:
        temporary.write_text(render(data, folder), "utf-8", errors="replace")
    return path


def render(data: Json, folder: Path | None = None) -> str:
    """Return the page for a record; pictures are looked for in the folder."""
    page: str = template(_HERE, "page.html.jinja").render(
        **style_and_script(_HERE, ["page.js"], ["page.css", "anomaly.css"]), **_view(data, folder)
    )
    return page


def _view(data: Json, folder: Path | None) -> Json:
    cases = data["cases"]
    done = sorted((case for case in cases if case["status"] == "completed"), key=lambda case: -case["score"])
    failed = [case for case in cases if case["status"] != "completed"]
    normal, threshold = data["normal"], data["threshold"]
    scores = [case["score"] for case in done]
    finite = isinstance(threshold, float) and math.isfinite(threshold)
    tables = data["kind"] == "table"
    shown, beyond = ([], 0) if tables or folder is None else _with_pictures(done, folder)
    return {
        "tables": tables,
        "kind": data["kind"],
        "unit": "row" if tables else "image",
        "created": when(data["created"]),
        "seconds": data["seconds"],
        "version": data["cormack"],
        "rows": [_row(case) for case in done[:_MOST_ROWS]],
        "completed": len(done),
        "failed": failed,
        "outliers": sum(bool(case["outlier"]) for case in done),
        "normal": normal,
        "normal_count": len(normal["scores"]),
        "threshold": number(threshold) if finite else DASH,
        "alarm": number(100 * max(data["alarm"], 1 / (1 + len(normal["scores"])))),
        "smallest_p": number(1 / (1 + len(normal["scores"]))),
        "sorted": sorted_scores(normal["scores"], [(c["score"], c["id"]) for c in done], threshold) if scores else None,
        "histogram": histogram(normal["scores"], scores, threshold) if scores else None,
        "shown": shown,
        "beyond": beyond,
        "scale": _scale(data, threshold) if not tables else None,
        "how": (_HOW[data["kind"]], ("" if tables else _HEAT) + _P),
        "settings": _settings(data["settings"]),
        "masks": data.get("masks", False),
        "notes": data.get("notes", []),
    }


def _row(case: Mapping[str, Any]) -> Json:
    at = case.get("peak_mm") or {}
    return {
        **case,
        "score_text": number(float(case["score"])),
        "p_text": number(float(case["p_value"])),
        "where": ", ".join(f"{at[axis]:.0f}" for axis in "xyz" if axis in at),
        "hot": f"{100 * case['hot_share']:.2f}" if "hot_share" in case else "",
        "deviates": [{"name": name, "z": f"{z:+.1f}".replace("-", "\u2212")} for name, z in case.get("features", [])],
    }


def _settings(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    def text(value: Any) -> str:
        if isinstance(value, list):
            return spacing(value) if all(isinstance(item, float) for item in value) else ", ".join(map(str, value))
        return number(value) or DASH

    return [(name.replace("_mm", " [mm]").replace("_", " "), text(value)) for name, value in settings.items()]


def _scale(data: Json, threshold: float) -> Json:
    from .._pictures import COLOURS

    low, high = data["scale"]
    stops = [
        {"colour": "rgb({}, {}, {})".format(*colour), "at": f"{100 * place / (len(COLOURS) - 1):.0f}%"}
        for place, colour in enumerate(COLOURS)
    ]
    inside = low < threshold < high
    return {
        "low": number(float(low)),
        "high": number(float(high)),
        "stops": stops,
        "mark": f"{100 * (threshold - low) / (high - low):.1f}" if inside else "",
    }


def _with_pictures(done: list[Json], folder: Path) -> tuple[list[Json], int]:
    """The cases of the highest scores with their pictures, as many as a page can hold; how many are left out."""
    shown: list[Json] = []
    budget = _BUDGET
    root = folder.resolve()
    for case in done[:_MOST_SHOWN]:
        views = []
        for picture in case["pictures"]:
            path = (folder / case["folder"] / picture["file"]).resolve()
            if not path.is_relative_to(root) or not path.is_file():
                continue
            content = path.read_bytes()
            budget -= len(content)
            data = "data:image/png;base64," + base64.b64encode(content).decode()
            width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
            views.append({**picture, "data": data, "width": width, "height": height})
        if budget < 0:
            break
        heat = quote(f"{case['folder']}/heat.nii.gz")
        facts = {"size": size(case["shape"]), "step": spacing(case["spacing"]), "heat": heat}
        shown.append({**_row(case), "views": views, **facts})
    return shown, len(done) - len(shown)
