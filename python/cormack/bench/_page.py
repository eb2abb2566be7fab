"""The result of a measurement as files: JSON to share, and a page with table and plot."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from .._files import replacing
from .._report import style_and_script, template
from .._report.axes import tick
from .._report.formatting import milliseconds, size, when

__all__ = ["write_page"]

_HERE = Path(__file__).parent
_WIDTH, _LEFT, _RIGHT, _TOP, _STEP = 760.0, 250.0, 24.0, 8.0, 24.0
_COLOURS = {"Cormack": "ours", "SciPy": "scipy", "scikit-image": "skimage", "SimpleITK": "sitk"}

Json = dict[str, Any]


def write_page(result: Json, folder: str | os.PathLike[str]) -> Path:
    """Write what `measure` returned: ``bench.json`` and ``bench.html``.

    Parameters
    ----------
    result : dict
        Of `measure`.
    folder : path-like
        Made when it is not there; the two files in it are replaced.

    Returns
    -------
    pathlib.Path
        The page, self-contained: a table and a plot.

    Raises
    ------
    BackendUnavailable
        Jinja2 is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from cormack import bench
    >>> result = bench.measure(quick=True, peers=False, only="threshold_otsu")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bench.write_page(result, folder).name
    'bench.html'
    """
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    page = out / "bench.html"
    text = template(_HERE, "page.html.jinja", milliseconds=milliseconds).render(
        **style_and_script(_HERE, ["page.js"], ["page.css", "bench.css"]),
        **result,
        when=when(result["created"]),
        voxels=size(result["image"]["shape"]),
        plot=_plot(result),
        differing=[
            f"{row['name']}: {name}"
            for row in result["rows"]
            for name, peer in row["peers"].items()
            if peer["equal"] is False
        ],
    )
    with replacing(out / "bench.json") as temporary:
        temporary.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    with replacing(page) as temporary:
        temporary.write_text(text, "utf-8")
    return page


def _plot(result: Json) -> Json:
    """Dots on a logarithmic axis, a line per row; the copy as a line across."""
    rows = result["rows"]
    times = [row["ms"] for row in rows] + [peer["ms"] for row in rows for peer in row["peers"].values()]
    copy = result["copy"]["ms"]
    low = math.floor(math.log10(min([copy, *times])))
    high = max(low + 1, math.ceil(math.log10(max([copy, *times]))))
    bottom = _TOP + _STEP * len(rows)

    def x(value: float) -> float:
        return _LEFT + (math.log10(value) - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    lines = []
    for index, row in enumerate(rows):
        dots = [
            {"x": x(peer["ms"]), "kind": _COLOURS[name], "title": f"{name} {milliseconds(peer['ms'])} ms"}
            for name, peer in row["peers"].items()
        ]
        dots.append({"x": x(row["ms"]), "kind": "ours", "title": f"Cormack {milliseconds(row['ms'])} ms"})
        lines.append({"y": _TOP + _STEP * (index + 0.5), "name": row["name"], "dots": dots})
    shown = {name for row in rows for name in row["peers"]} | {"Cormack"}
    return {
        "width": _WIDTH,
        "height": bottom + 44,
        "left": _LEFT,
        "right": _WIDTH - _RIGHT,
        "top": _TOP,
        "bottom": bottom,
        "lines": lines,
        "copy_at": x(copy),
        "ticks": [{"at": x(10.0**power), "text": tick(10.0**power)} for power in range(low, high + 1)],
        "legend": [(name, kind) for name, kind in _COLOURS.items() if name in shown],
    }
