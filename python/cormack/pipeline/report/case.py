"""One case: its facts, steps, pictures and files."""

from __future__ import annotations

from ..._report.formatting import parameters, real
from .histogram import plots
from .pictures import Pictures, grid
from .reading import Json, read_case
from .run import key_number
from .tables import decision_table, object_table, region_tables, truth_table

__all__ = ["case_view"]


def case_view(pictures: Pictures, overview: Json) -> Json:
    """What the page says of a case, beside its row in the first table."""
    case = read_case(pictures.out, overview["entry"])
    folder, steps, units = case["folder"], case["steps"], case["units"]
    views = [pictures.view(folder, picture) for picture in case["pictures"]]
    times = [step["seconds"] or 0.0 for step in steps]
    longest = max(times, default=0.0)
    return {
        **overview,
        "preset": case["preset"],
        "dtype": case["dtype"],
        "units": units,
        "source": case["source"],
        "key_numbers": [key_number(name, value) for name, value in case["summary"].items()],
        "pictures": views,
        "layout": grid(views),
        "links": not pictures.embeds_pictures,
        "histograms": plots(case["histograms"], units),
        "steps": [
            {
                "name": step["name"],
                "parameters": parameters(step["parameters"]),
                "seconds": step["seconds"],
                "peak": real(step.get("peak_bytes")),
                "bar": 100 * time / longest if longest > 0 else 0.0,
            }
            for step, time in zip(steps, times, strict=True)
        ],
        "steps_seconds": sum(times),
        "regions": region_tables(case["regions"], units),
        "objects": object_table(case["objects"], units, steps),
        "truth": truth_table(case["truth"]),
        "decision": decision_table(case["decision"]),
        "label_maps": [
            {
                "file": item["file"],
                "link": pictures.link(folder, item["file"]),
                "names": _label_names(item["names"]),
            }
            for item in case["label_maps"]
        ],
        "record": pictures.link(folder, "case.json"),
    }


def _label_names(names: Json) -> str:
    """``1: lung, 2: nodules``; a map of numbered objects is told in one word instead of a list."""
    if len(names) > 3 and all(name.endswith(f" {label}") for label, name in names.items()):
        labels = list(names)
        return f"one number per object, {labels[0]} to {labels[-1]}"
    return ", ".join(f"{label}: {name}" for label, name in names.items())
