"""The table of a run on a GPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .rows import ROWS, Row

_HEAD = ("operation", "ms", "x floor", "goal", "host ms", "first ms", "CPU ms", "agrees", "cupyx", "cuCIM", "torch")


def cells(found: Mapping[str, Any], row: Row) -> list[str]:
    """Return the columns of a row."""
    ours = found.get("cormack")
    if ours is None:
        return [
            row.name,
            "failed",
            "",
            _goal(row),
            "",
            "",
            _number(found.get("cpu_ms")),
            found.get("error", "?"),
            *_peers(found),
        ]
    return [
        row.name,
        _number(ours["median"]),
        f"{found['times_floor']:.2f}" if "times_floor" in found else "",
        _goal(row, found),
        _number(ours["host"]),
        _number(ours["first"]),
        _number(found["cpu_ms"]),
        found.get("agrees") or f"NO: {found.get('error')}",
        *_peers(found),
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _goal(row: Row, found: Mapping[str, Any] | None = None) -> str:
    if row.times_floor is not None:
        text, reached = f"{row.times_floor:g} x floor", found and found["times_floor"] <= row.times_floor
    elif row.milliseconds is not None:
        text, reached = f"{row.milliseconds:g} ms", found and found["cormack"]["median"] <= row.milliseconds
    else:
        return ""
    return text if found is None else f"{text}, {'met' if reached else 'MISSED'}"


def _peers(found: Mapping[str, Any]) -> list[str]:
    """Return each peer's milliseconds and how many times longer than ours they are."""
    texts = []
    for name in ("cupyx", "cucim", "torch"):
        peer = found.get(name)
        if not peer:
            texts.append("")
        elif "error" in peer:
            texts.append(peer["error"][:60])
        else:
            ours = found.get("cormack")
            factor = f" ({peer['median'] / ours['median']:.1f} x)" if ours and ours["median"] else ""
            texts.append(_number(peer["median"]) + factor)
    return texts


def line(found: Mapping[str, Any], row: Row) -> str:
    """Return a row as one line of a terminal."""
    return " | ".join(
        f"{name} {text}" if name != "operation" else f"{text:<38}"
        for name, text in zip(_HEAD, cells(found, row), strict=True)
        if text
    )


def markdown(known: Mapping[str, Any]) -> str:
    """Return the whole table, in the rows' own order; what was not measured says so."""
    results = {one["row"]: one for one in known["rows"]}
    text = [
        f"# {known['machine']['gpu']}, {known['when']}",
        "",
        ", ".join(f"{name} {value}" for name, value in known["machine"].items() if name != "gpu") + ".",
        f"A copy within the device's memory moves {known['copy_rate'] / 1e9:.0f} GB/s, read and written: the floor of "
        "a row is the time of its inputs and results at that rate. Milliseconds are medians between two events on the "
        "device; `host ms` is how long Python waits, `first ms` compiles. A volume has 512 x 512 x 512 voxels.",
        "",
        "| " + " | ".join(_HEAD) + " |",
        "| --- | ---: | ---: | --- | ---: | ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    for row in ROWS:
        columns = (
            cells(results[row.name], row)
            if row.name in results
            else [row.name, "not measured", "", _goal(row), *[""] * 7]
        )
        text.append("| " + " | ".join(one.replace("|", "/").replace("\n", " ") for one in columns) + " |")
    return "\n".join(text) + "\n"
