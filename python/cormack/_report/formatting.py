"""Numbers, durations, names and cells of tables as a reader of the report sees them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

__all__ = [
    "DASH",
    "TIMES",
    "cell",
    "column",
    "column_cells",
    "group_digits",
    "memory",
    "milliseconds",
    "number",
    "parameters",
    "real",
    "seconds",
    "size",
    "spacing",
    "split_unit",
    "when",
    "words",
]

DASH = "\u2013"
TIMES = "\u00d7"
_MINUS, _THIN = "\u2212", "\u202f"  # spelt out: they look like others
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_UNITS = {"mm": "mm", "mm2": "mm²", "mm3": "mm³"}


def real(value: Any) -> float | None:
    """The value if it is a number, else None."""
    return None if isinstance(value, bool) or not isinstance(value, int | float) else float(value)


def group_digits(digits: str) -> str:
    """Thousands apart by a thin space: 12 345."""
    whole, point, rest = digits.partition(".")
    sign, whole = (_MINUS, whole[1:]) if whole.startswith("-") else ("", whole)
    groups = [whole[max(0, end - 3) : end] for end in range(len(whole), 0, -3)][::-1]
    return sign + _THIN.join(groups) + point + rest


def number(value: Any, unit: str = "") -> str:
    """A value for a reader: rounded to what the unit deserves, never to nothing."""
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return group_digits(str(value))
    if not isinstance(value, float):
        return str(value)
    magnitude = abs(value)
    if value == 0:
        return "0"
    if magnitude >= 1e7 or magnitude < 1e-3:
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa.replace('-', _MINUS)}{TIMES}10{str(int(exponent)).translate(_SUPERSCRIPT)}"
    if magnitude >= 1000:
        return group_digits(f"{value:.0f}")
    if unit in ("HU", "%") and magnitude >= 0.1:
        return group_digits(f"{value:.1f}")
    if unit == "mm" and magnitude >= 0.01:
        return group_digits(f"{value:.{1 if magnitude >= 9.995 else 2}f}")
    decimals = max(0, 2 - math.floor(math.log10(magnitude)))  # three significant digits
    return group_digits(f"{value:.{min(decimals, 6)}f}")


def seconds(value: float | None) -> str:
    """A duration: 8.4 ms, 0.98 s, 2 min 5 s."""
    if value is None:
        return DASH
    if value >= 119.5:
        minutes = round(value) // 60
        if minutes >= 120:
            return f"{minutes // 60} h {minutes % 60} min"
        return f"{minutes} min {round(value) % 60} s"
    if value >= 9.995:
        return f"{value:.1f} s"
    if value >= 0.0995:
        return f"{value:.2f} s"
    if value >= 0.0001:
        return f"{value * 1000:.{1 if value < 0.00995 else 0}f} ms"
    return "0 ms" if value <= 0 else "< 0.1 ms"


def milliseconds(value: float) -> str:
    """Three digits, no more and no exponent."""
    return f"{value:.{max(0, 2 - math.floor(math.log10(max(value, 1e-3))))}f}" if value < 100 else f"{value:.0f}"


def memory(value: float | None) -> str:
    """An amount of memory: 83 MB, 1.25 GB."""
    if value is None:
        return DASH
    return f"{value / 1e9:.3g} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"


def split_unit(name: str) -> tuple[str, str]:
    """``volume_mm3`` and ``volume [mm³]`` give ``("volume", "mm³")``."""
    if match := re.fullmatch(r"(.+?)\s*\[([^\[\]]*)\]\s*", name, re.DOTALL):
        return match[1], match[2]
    stem, _, suffix = name.rpartition("_")
    return (stem, _UNITS[suffix]) if stem and suffix in _UNITS else (name, "")


def words(name: str) -> str:
    """A name as a heading: ``equivalent_diameter`` becomes ``Equivalent diameter``."""
    text = " ".join(name.replace("_", " ").split()) or name
    # A lone x, y or z is the name of an axis and stays small.
    return text if len(text) == 1 else text[:1].upper() + text[1:]


def column(name: str) -> dict[str, Any]:
    """The heading of a column: its label and its unit."""
    stem, unit = split_unit(name)
    return {"label": words(stem), "unit": unit}


def cell(value: Any, unit: str = "", decimals: int | None = None) -> dict[str, Any]:
    """A cell of a table: its text, and the unrounded value to sort by and for a pointer that rests on it."""
    known = real(value)
    text = number(value, unit)
    if decimals is not None and known is not None:
        rounded = f"{known:.{decimals}f}"
        # What would be rounded to nothing keeps its own digits instead.
        text = group_digits(rounded) if known == 0 or float(rounded) != 0 else text
    return {
        "text": text,
        "raw": "" if known is None else repr(value),
        "title": repr(value) if isinstance(value, float) else "",
    }


def column_cells(name: str, values: Sequence[Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The heading of a column and its cells; a heading stands over its numbers, so it knows whether there are any."""
    head = column(name)
    decimals = _decimals(values, head["unit"])
    cells = [cell(value, head["unit"], decimals) for value in values]
    return {**head, "numeric": any(item["raw"] for item in cells)}, cells


def _decimals(values: Iterable[Any], unit: str) -> int | None:
    """Decimals that suit a whole column, so that its points stand below each other; None for a column of integers."""
    sizes = sorted(abs(value) for value in values if isinstance(value, float) and value)
    if not sizes:
        return None
    middle = sizes[len(sizes) // 2]
    if sizes[-1] >= 1e7 or middle < 1e-3:
        return None
    if unit == "mm":
        return 1 if middle >= 1 else 2
    return min(4, max(0, 2 - math.floor(math.log10(middle))))


def when(text: str) -> str:
    """A moment in ISO format as people write it."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text or DASH
    zone = moment.strftime(" %Z") if moment.tzinfo else ""
    return f"{moment.day} {moment:%B %Y, %H:%M}{zone}"


def size(shape: Sequence[Any]) -> str:
    """Array order (z, y, x) turned into what every viewer shows: columns, rows, slices."""
    return f" {TIMES} ".join(number(n) for n in reversed(shape)) or DASH


def spacing(lengths: Sequence[float]) -> str:
    """Voxel sizes in the order of `size`."""
    return f" {TIMES} ".join(f"{length:.3g}" for length in reversed(lengths)) or DASH


def parameters(values: Mapping[str, Any]) -> str:
    """Parameters of a step: ``size = 3; unit = mm``."""
    # The working copy is left out; the configuration in the report has every key.
    shown = {key: value for key, value in values.items() if key not in ("input", "output") or value != "image"}
    return "; ".join(f"{key} = {_parameter(value)}" for key, value in shown.items())


def _parameter(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_parameter, value))}]"
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)
