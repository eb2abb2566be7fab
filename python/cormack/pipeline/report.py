"""The HTML report of a run, built from the files of the output folder alone, so that it can be rebuilt at any time."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import math
import os
import re
import struct
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cormack._errors import BackendUnavailable, ReadError

__all__ = ["write_report"]

Json = dict[str, Any]

_FOLD_CASES = 20  # with more cases than this each one is folded away in <details>
_MAX_OBJECTS = 100  # rows of one object table; the kept ones come first, so a cap never hides them behind the rejected
_MAX_KEY_COLUMNS = 4
_PICTURE_BUDGET = 96 * 2**20  # bytes of PNG in one page; beyond it browsers crawl, and pictures become links
_MINUS, _TIMES, _THIN, _DASH = "\u2212", "\u00d7", "\u202f", "\u2013"  # spelt out: they look like others
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_UNIT_SUFFIXES = {
    "mm3": "mm³",
    "mm2": "mm²",
    "mm": "mm",
    "cm3": "cm³",
    "ml": "ml",
    "hu": "HU",
    "s": "s",
    "seconds": "s",
    "percent": "%",
    "voxels": "voxels",
    "deg": "°",
}
# IBSI's intensity-based statistics as they are called in print, with the power of the image's unit that each has.
_STATISTICS = {
    "stat_mean": ("Mean", 1),
    "stat_var": ("Variance", 2),
    "stat_skew": ("Skewness", 0),
    "stat_kurt": ("Excess kurtosis", 0),
    "stat_median": ("Median", 1),
    "stat_min": ("Minimum", 1),
    "stat_p10": ("10th percentile", 1),
    "stat_p90": ("90th percentile", 1),
    "stat_max": ("Maximum", 1),
    "stat_iqr": ("Interquartile range", 1),
    "stat_range": ("Range", 1),
    "stat_mad": ("Mean absolute deviation", 1),
    "stat_rmad": ("Robust mean absolute deviation", 1),
    "stat_medad": ("Median absolute deviation", 1),
    "stat_cov": ("Coefficient of variation", 0),
    "stat_qcod": ("Quartile coefficient of dispersion", 0),
    "stat_energy": ("Energy", 2),
    "stat_rms": ("Root mean square", 1),
}
_MACHINE = {"isa": "Instruction set", "cpu_count": "Processors", "implementation": "Python implementation"}
# Columns of the object table that would only widen it; they stay in case.json.
_UNSHOWN = re.compile(r"bbox_.*|voxel_count|intensity_(min|max)")
_ACRONYMS = {"hu": "HU", "id": "ID", "glcm": "GLCM", "glrlm": "GLRLM", "iqr": "IQR", "ct": "CT", "mr": "MR", "3d": "3D"}


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
    run = _read_run(out)
    template = _template()
    overviews, columns = _overviews(out, run)
    pictures = _Pictures(out)
    context: Json = {
        "run": _run_view(run, overviews),
        "overviews": overviews,
        "key_columns": [_column(name) for name in columns],
        "fold": len(overviews) > _FOLD_CASES,
        # One case at a time is read and rendered, so the memory does not grow with the cohort.
        "cases": (_case_view(pictures, overview) for overview in overviews),
        "max_objects": _MAX_OBJECTS,
    }
    path = out / "report.html"
    handle, temporary = tempfile.mkstemp(prefix=".report-", suffix=".html.tmp", dir=out)
    try:
        # File names may carry lone surrogates, which UTF-8 refuses; a question mark in the page is the lesser evil.
        with open(handle, "w", encoding="utf-8", errors="replace", newline="\n") as stream:
            for chunk in template.generate(context):
                stream.write(chunk)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)  # mkstemp makes files that only their owner can read
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _template() -> Any:
    try:
        import jinja2
    except ImportError as error:
        raise BackendUnavailable('the report needs Jinja2; install it with: pip install "cormack[cohort]"') from error
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(number=_number, seconds=_seconds, digest=_digest)
    return environment.get_template("report.html.jinja")


def _digest(script: str) -> str:
    """The hash that allows the page's one script, and no other, in its content policy."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


# --- Reading, tolerantly -----------------------------------------------------------------------------------------


def _load(path: Path) -> Json:
    value = json.loads(path.read_text("utf-8"))
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _read_run(out: Path) -> Json:
    path = out / "run.json"
    try:
        return _load(path)
    except FileNotFoundError:
        raise ReadError(
            path, "there is no such file", suggestion="give the folder that `cormack run --out` wrote"
        ) from None
    except (OSError, ValueError) as error:
        raise ReadError(path, f"is not the record of a run ({error})", suggestion="run the analysis again") from error


def _mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _real(value: Any) -> float | None:
    """The value as a finite float, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def _inside(out: Path, relative: str) -> Path | None:
    """The path below ``out``, or None: the page shows only files of its own folder, whatever a JSON file says."""
    try:
        root = out.resolve()
        path = (root / relative).resolve()
    except (OSError, ValueError):
        return None
    return path if path != root and path.is_relative_to(root) else None


def _read_case(out: Path, row: Json) -> Json:
    """``case.json`` of a row of ``run.json``; what only the row knows (a case that died early) fills the gaps."""
    folder = _inside(out, _text(row.get("folder")) or f"cases/{row.get('id')}")
    case: Json = {}
    if folder is not None:
        try:
            case = _load(folder / "case.json")
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            case = {"reason": row.get("reason") or f"case.json cannot be read ({error})"}
    merged = {**case, **{key: value for key, value in row.items() if value not in (None, "") or key not in case}}
    merged["folder"] = None if folder is None else folder
    return merged


# --- Words and numbers -------------------------------------------------------------------------------------------


def _group(digits: str) -> str:
    """Thousands apart by a thin space: 12 345."""
    whole, point, rest = digits.partition(".")
    sign, whole = (_MINUS, whole[1:]) if whole.startswith("-") else ("", whole)
    groups = [whole[max(0, end - 3) : end] for end in range(len(whole), 0, -3)][::-1]
    return sign + _THIN.join(groups) + point + rest


def _number(value: Any, unit: str = "") -> str:
    """A value for a reader: rounded to what the unit deserves, never to nothing."""
    if value is None:
        return _DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return _group(str(value)) if abs(value) < 10**15 else _number(float(value), unit)
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return _DASH
    if math.isinf(value):
        return "∞" if value > 0 else _MINUS + "∞"
    size = abs(value)
    if value == 0:
        return "0"
    if size >= 1e7 or size < 1e-3:
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa.replace('-', _MINUS)}{_TIMES}10{str(int(exponent)).translate(_SUPERSCRIPT)}"
    if size >= 1000:
        return _group(f"{value:.0f}")
    if unit in ("HU", "%") and size >= 0.1:
        return _group(f"{value:.1f}")
    if unit == "mm" and size >= 0.01:
        return _group(f"{value:.{1 if size >= 9.995 else 2}f}")
    decimals = max(0, 2 - math.floor(math.log10(size)))  # three significant digits
    return _group(f"{value:.{min(decimals, 6)}f}")


def _seconds(value: Any) -> str:
    """A duration: 8.4 ms, 0.98 s, 2 min 5 s."""
    seconds = _real(value)
    if seconds is None:
        return _DASH
    if seconds >= 119.5:
        minutes = round(seconds) // 60
        if minutes >= 120:
            return f"{minutes // 60} h {minutes % 60} min"
        return f"{minutes} min {round(seconds) % 60} s"
    if seconds >= 9.995:
        return f"{seconds:.1f} s"
    if seconds >= 0.0995:
        return f"{seconds:.2f} s"
    if seconds >= 0.0001:
        return f"{seconds * 1000:.{1 if seconds < 0.00995 else 0}f} ms"
    return "0 ms" if seconds <= 0 else "< 0.1 ms"


def _split_unit(name: str) -> tuple[str, str]:
    """``volume_mm3`` and ``volume [mm³]`` give ``("volume", "mm³")``."""
    match = re.fullmatch(r"(.+?)\s*\[([^\[\]]*)\]\s*", name, re.DOTALL)
    if match:
        return match[1], match[2]
    stem, underscore, suffix = name.rpartition("_")
    if underscore and stem and suffix.lower() in _UNIT_SUFFIXES:
        return stem, _UNIT_SUFFIXES[suffix.lower()]
    return name, ""


def _words(name: str) -> str:
    """A column's name as a heading: ``equivalent_diameter`` becomes ``Equivalent diameter``."""
    words = [_ACRONYMS.get(word.lower(), word) for word in name.replace("_", " ").split()]
    text = " ".join(words) or name
    # A lone x, y or z is the name of an axis and stays small.
    return text if len(text) == 1 else text[:1].upper() + text[1:]


def _column(name: str) -> Json:
    stem, unit = _split_unit(name)
    return {"name": name, "label": _words(stem), "unit": unit}


def _decimals(values: Iterable[Any], unit: str) -> int | None:
    """Decimals that suit a whole column, so that its points stand below each other; None for a column of integers."""
    sizes = sorted(abs(value) for value in values if isinstance(value, float) and math.isfinite(value) and value)
    if not sizes:
        return None
    middle = sizes[len(sizes) // 2]
    if sizes[-1] >= 1e7 or middle < 1e-3:
        return None
    if unit == "mm":
        return 1 if middle >= 1 else 2
    return min(4, max(0, 2 - math.floor(math.log10(middle))))


def _cell(value: Any, unit: str = "", decimals: int | None = None) -> Json:
    number = _real(value)
    text = _number(value, unit)
    if decimals is not None and number is not None:
        rounded = f"{number:.{decimals}f}"
        # What would be rounded to nothing keeps its own digits instead.
        text = _group(rounded) if number == 0 or float(rounded) != 0 else text
    return {
        "text": text,
        "numeric": number is not None,
        # The unrounded value: what sorting uses and what a pointer resting on the cell shows.
        "raw": "" if number is None else repr(value),
        "title": "" if number is None or isinstance(value, int) else repr(value),
        "missing": text == _DASH,
        "short": len(text) < 30,
    }


def _when(value: Any) -> str:
    try:
        moment = datetime.fromisoformat(_text(value))
    except ValueError:
        return _text(value) or _DASH
    zone = moment.strftime(" %Z") if moment.tzinfo else ""
    return f"{moment.day} {moment:%B %Y, %H:%M}{zone}"


def _size(shape: Any) -> str:
    """Array order (z, y, x) turned into what every viewer shows: columns, rows, slices."""
    numbers = [_number(n) for n in reversed(_list(shape))]
    return f" {_TIMES} ".join(numbers) if numbers else _DASH


def _spacing(spacing: Any) -> str:
    numbers = [f"{n:.3g}" for n in (_real(value) for value in reversed(_list(spacing))) if n is not None]
    return f" {_TIMES} ".join(numbers) if numbers else _DASH


def _product(values: Any) -> float | str:
    """What a column of sizes is sorted by; empty where nothing is known."""
    numbers = [number for number in map(_real, _list(values)) if number is not None]
    return math.prod(numbers) if numbers else ""


def _parameters(parameters: Any) -> str:
    pairs = []
    for key, value in _mapping(parameters).items():
        if key in ("input", "output") and value == "image":
            continue  # the working copy, unless said otherwise; the configuration below has every key
        pairs.append(f"{key} = {_parameter(value)}")
    return "; ".join(pairs)


def _parameter(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_parameter, value))}]"
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# --- The whole run -----------------------------------------------------------------------------------------------


def _overviews(out: Path, run: Json) -> tuple[list[Json], list[str]]:
    """One row per case for the first table, and the key numbers that deserve a column of their own."""
    rows: list[Json] = []
    frequency: Counter[str] = Counter()
    for index, entry in enumerate(_list(run.get("cases"))):
        row = _mapping(entry)
        case = _read_case(out, row)
        summary = _mapping(case.get("summary"))
        frequency.update(summary.keys())
        rows.append(
            {
                "row": row,
                "anchor": f"case-{index + 1}",  # never from the id, which may hold anything
                "id": _text(case.get("id")) or f"case {index + 1}",
                "status": "completed" if case.get("status") == "completed" else "failed",
                "reason": _text(case.get("reason")),
                "modality": _text(case.get("modality")) or _DASH,
                "size": _size(case.get("shape")),
                "voxels": _product(case.get("shape")),
                "spacing": _spacing(case.get("spacing_mm")),
                "voxel_mm3": _product(case.get("spacing_mm")),
                "seconds": _real(case.get("seconds")),
                "summary": summary,
            }
        )
    completed = sum(row["status"] == "completed" for row in rows)
    # A cohort of one kind gets sortable columns; a mixture (the demo) would be mostly holes, so it gets one cell.
    common = [name for name, count in frequency.items() if count >= 0.75 * completed and completed > 1]
    columns = common[:_MAX_KEY_COLUMNS]
    decimals = [_decimals((row["summary"].get(name) for row in rows), _split_unit(name)[1]) for name in columns]
    for row in rows:
        summary = row["summary"]
        row["key_cells"] = [
            _cell(summary.get(name), _split_unit(name)[1], places)
            for name, places in zip(columns, decimals, strict=True)
        ]
        row["others"] = [_key_number(name, value) for name, value in summary.items() if name not in common]
    return rows, columns


def _key_number(name: str, value: Any) -> Json:
    column = _column(str(name))
    return {**column, **_cell(value, column["unit"])}


def _run_view(run: Json, overviews: Sequence[Json]) -> Json:
    seconds = _real(run.get("seconds"))
    kernels = _real(run.get("kernel_seconds"))
    sums = {str(name): _real(value) for name, value in _mapping(run.get("timings")).items()}
    timings = {name: value for name, value in sums.items() if value}
    busy = sum(timings.values())
    # With several workers the steps' sum exceeds the clock, and the share refers to the time that was worked.
    whole = max(seconds or 0.0, busy)
    failed = sum(row["status"] == "failed" for row in overviews)
    versions = {str(k): _text(v) for k, v in _mapping(run.get("versions")).items()}
    machine = {_MACHINE.get(str(k), _words(str(k))): v for k, v in _mapping(run.get("machine")).items()}
    return {
        "name": _text(run.get("config_name")) or "unnamed configuration",
        "source": _text(run.get("source")) or _DASH,
        "started": _when(run.get("started")),
        "seconds": seconds,
        "kernel_seconds": kernels,
        "kernel_share": 100 * kernels / whole if kernels is not None and whole > 0 else None,
        "count": len(overviews),
        "completed": len(overviews) - failed,
        "failed": failed,
        "timings": _bars(timings.items(), busy),
        "busy": busy,
        "versions": versions,
        "machine": machine,
        "config": _config(run.get("config")),
        "schema": _text(run.get("schema")),
    }


def _bars(timings: Iterable[tuple[str, float]], total: float) -> list[Json]:
    return [
        {"name": name, "seconds": value, "percent": 100 * value / total if total > 0 else 0.0}
        for name, value in timings
    ]


def _config(config: Any) -> str:
    if not config:
        return ""
    try:
        import yaml
    except ImportError:
        return json.dumps(config, indent=2, ensure_ascii=False)
    return str(yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=100)).rstrip()


# --- One case ----------------------------------------------------------------------------------------------------


def _case_view(pictures: _Pictures, overview: Json) -> Json:
    case = _read_case(pictures.out, overview["row"])
    folder: Path | None = case["folder"]
    steps = [_mapping(step) for step in _list(case.get("steps"))]
    units = _text(case.get("units"))
    total = sum(_real(step.get("seconds")) or 0.0 for step in steps)
    views = [pictures.view(folder, _mapping(picture)) for picture in _list(case.get("pictures"))]
    longest = max((_real(step.get("seconds")) or 0.0 for step in steps), default=0.0)
    return {
        **overview,
        "preset": _text(case.get("preset")),
        "dtype": _text(case.get("dtype")),
        "units": units,
        "source": _text(case.get("source")),
        "key_numbers": [_key_number(name, value) for name, value in _mapping(case.get("summary")).items()],
        "pictures": views,
        "layout": _layout(views),
        "histograms": _histograms(_mapping(case.get("histograms")), units),
        "steps": [
            {
                "name": _text(step.get("name")) or _text(step.get("kind")),
                "kind": "" if _text(step.get("name")).startswith(_text(step.get("kind"))) else _text(step.get("kind")),
                "parameters": _parameters(step.get("parameters")),
                "seconds": _real(step.get("seconds")),
                "bar": 100 * (_real(step.get("seconds")) or 0.0) / longest if longest > 0 else 0.0,
            }
            for step in steps
        ],
        "steps_seconds": total,
        "regions": _regions(_list(case.get("regions")), units),
        "objects": _objects(case.get("objects"), units, _screens(steps)),
        "truth": _truth(case.get("truth")),
        "label_maps": [
            {
                "file": _text(item.get("file")),
                "link": pictures.link(folder, _text(item.get("file"))),
                "names": _label_names(_mapping(item.get("names"))),
            }
            for item in map(_mapping, _list(case.get("label_maps")))
        ],
        "record": pictures.link(folder, "case.json"),
    }


def _label_names(names: Json) -> str:
    """``1: lung, 2: nodules``; a map of numbered objects is told in one word instead of a list."""
    if len(names) > 3 and all(_text(name).endswith(f" {label}") for label, name in names.items()):
        labels = list(names)
        return f"one number per object, {labels[0]} to {labels[-1]}"
    return ", ".join(f"{label}: {_text(name)}" for label, name in names.items())


class _Pictures:
    """PNG files as data URIs, within a budget for the whole page."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.left = _PICTURE_BUDGET

    def link(self, folder: Path | None, file: str) -> str:
        """A relative address for a file that exists, or the empty string."""
        path = None if folder is None or not file else _inside(self.out, str(folder / file))
        if path is None or not path.is_file():
            return ""
        relative = path.relative_to(self.out.resolve()).as_posix()
        return quote(relative.encode("utf-8", "surrogateescape"))  # a colon is quoted too: never a scheme

    def view(self, folder: Path | None, picture: Json) -> Json:
        file = _text(picture.get("file"))
        link = self.link(folder, file)
        view: Json = {
            "file": file,
            "plane": _words(_text(picture.get("plane"))) or "Picture",
            "caption": _text(picture.get("caption")),
            "link": link,
            "data": "",
            "width": 1,
            "height": 1,
            "problem": "" if link else "the picture is missing",
        }
        if not link or folder is None:
            return view
        try:
            content = (folder / file).read_bytes()
        except OSError as error:
            return {**view, "link": "", "problem": f"the picture cannot be read ({error.strerror})"}
        size = _png_size(content)
        if size is None:
            return {**view, "problem": "the file is not a PNG picture"}
        if len(content) > self.left:
            return {**view, "problem": "not embedded, to keep this page light"}
        self.left -= len(content)
        data = "data:image/png;base64," + base64.b64encode(content).decode()
        return {**view, "data": data, "width": size[0], "height": size[1]}


def _layout(views: list[Json]) -> str:
    """Widths in proportion to shapes, hence equal heights; beside two flat pictures the first gets their height.

    Returns the columns of a CSS grid, empty for a plain row.
    """
    shapes = [min(8.0, max(0.4, view["width"] / view["height"])) for view in views]
    for view, shape in zip(views, shapes, strict=True):
        view["share"] = f"{min(2.6, max(0.5, shape)):.3f}"
    if len(shapes) == 3 and min(shapes[1:]) > 1.4 and all(view["data"] for view in views):
        first = shapes[0] * (1 / shapes[1] + 1 / shapes[2])
        return f"{min(1.6, max(0.5, first)):.3f}fr 1fr"
    return ""


def _png_size(content: bytes) -> tuple[int, int] | None:
    if len(content) < 24 or content[:8] != b"\x89PNG\r\n\x1a\n" or content[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", content[16:24])
    return (width, height) if width and height else None


def _table(value: Any) -> tuple[list[Json], list[list[Any]]]:
    table = _mapping(value)
    columns = [_column(_text(name)) for name in _list(table.get("columns"))]
    rows = [_list(row)[: len(columns)] for row in _list(table.get("rows"))]
    return columns, [row + [None] * (len(columns) - len(row)) for row in rows]


def _screens(steps: Sequence[Json]) -> dict[str, Json]:
    """The ranges of the screen steps, by the label map that each one judged."""
    screens = {}
    for step in steps:
        parameters = _mapping(step.get("parameters"))
        if step.get("kind") == "screen":
            screens[_text(parameters.get("output") or parameters.get("input"))] = parameters
    return screens


def _decision(criterion: str, value: Any, allowed: Any) -> str:
    """``roundness`` said in full: ``roundness 0.21 < 0.3``."""
    stem, unit = _split_unit(criterion)
    name = stem.replace("_", " ")
    number = _real(value)
    low, high = (_real(limit) for limit in allowed) if isinstance(allowed, list) and len(allowed) == 2 else (None, None)
    for limit, sign in ((low, "<"), (high, ">")):
        if number is not None and limit is not None and (number < limit if sign == "<" else number > limit):
            # Rounded alike, 0.2996 < 0.3 would read as a mistake.
            text = next(t for t in (f"{number:.{n}g}" for n in (3, 4, 6, 17)) if float(t) != limit or t == str(number))
            return f"{name} {text} {sign} {limit:g} {unit}".rstrip()
    if isinstance(value, bool) and isinstance(allowed, bool):
        return name if value else f"not: {name}"
    return name


def _objects(value: Any, units: str, screens: dict[str, Json]) -> Json | None:
    """Candidates, kept ones first, with the criterion that decided next to the verdict."""
    if not isinstance(value, dict):
        return None
    columns, rows = _table(value)
    places = {column["name"]: index for index, column in enumerate(columns)}
    verdict, reason, region = places.get("kept"), places.get("decided_by"), places.get("region")
    if verdict is not None:
        rows.sort(key=lambda row: not row[verdict])
    regions = {_text(row[region]) for row in rows} if region is not None else set()
    only = next(iter(screens)) if len(screens) == 1 else ""
    shown: list[Json] = []
    for row in rows[:_MAX_OBJECTS]:
        criterion = "" if reason is None else _text(row[reason])
        screen = _mapping(screens.get(_text(row[region]) if region is not None else only))
        measured = row[places[criterion]] if criterion in places else None
        shown.append(
            {
                "kept": None if verdict is None else bool(row[verdict]),
                "decided_by": _decision(criterion, measured, screen.get(criterion)) if criterion else "",
                "cells": [],
            }
        )
    others = [index for index in range(len(columns)) if index not in (verdict, reason)]
    if len(regions) < 2:
        others = [index for index in others if index != region]
    heads, cells = _compact(
        [columns[index] for index in others], [[row[index] for index in others] for row in rows], units
    )
    for item, line in zip(shown, cells, strict=True):
        item["cells"] = line
    return {
        "columns": heads,
        "rows": shown,
        "total": len(rows),
        "kept": None if verdict is None else sum(bool(row[verdict]) for row in rows),
        "has_reason": reason is not None,
        "numbered": "new_label" in places,
        "hidden": any(_UNSHOWN.fullmatch(name) for name in places),
        "note": _text(value.get("note")),
        "omitted": len(rows) - len(shown),
    }


def _compact(columns: list[Json], rows: list[list[Any]], units: str) -> tuple[list[Json], list[list[Json]]]:
    """The same table for a page: what belongs together in one column, what nobody reads left out."""
    names = [column["name"] for column in columns]
    renumbered = "new_label" in names
    groups = {
        "centroid": ([f"centroid_{a}" for a in "xyz"], {"label": "Centre", "unit": "voxel x, y, z"}),
        "axes": ([f"axis_{a}_mm" for a in ("major", "minor", "least")], {"label": "Axes", "unit": "mm"}),
        "intensity": (
            ["intensity_mean", "intensity_std"],
            {"label": "Intensity", "unit": f"{units}, mean ± SD" if units else "mean ± SD"},
        ),
    }
    heads: list[Json] = []
    lines: list[list[Json]] = [[] for _ in rows[:_MAX_OBJECTS]]
    done: set[str] = set()
    order = ["new_label", *(name for name in names if name != "new_label")] if renumbered else names
    for name in order:
        group = next((key for key, (members, _) in groups.items() if name in members), "")
        if name in done or _UNSHOWN.fullmatch(name) or (renumbered and name == "label"):
            continue
        if group:
            members, head = groups[group]
            present = [names.index(member) for member in members if member in names]
            done.update(members)
            heads.append({"name": group, "numeric": True, **head})
            for line, row in zip(lines, rows, strict=False):
                line.append(_joined(group, [_real(row[index]) for index in present]))
            continue
        index = names.index(name)
        values = [row[index] for row in rows]
        if name == "new_label":  # 0 stands for "rejected, hence without a number"
            values = [value or None for value in values]
        (head,), cells = _format([columns[index]], [[value] for value in values])
        heads.append({**head, "label": "No."} if name == "new_label" else head)
        for line, (cell,) in zip(lines, cells, strict=True):
            line.append(cell)
    return heads, lines


def _joined(group: str, numbers: Sequence[float | None]) -> Json:
    """Several numbers in one cell, sorted by the first."""
    known = [number for number in numbers if number is not None]
    if not known:
        return _cell(None)
    if group == "centroid":
        text = ", ".join(f"{number:.0f}" for number in known)
    elif group == "axes":
        text = f" {_TIMES} ".join(f"{number:.1f}" for number in known)
    else:
        # The spread says how many digits of the mean mean anything.
        spread = abs(known[-1])
        decimals = min(6, max(0, 1 - math.floor(math.log10(spread)))) if spread else 2
        text = " ± ".join(_group(f"{number:.{decimals}f}") for number in known)
    return {"text": text, "numeric": True, "raw": repr(known[0]), "title": "", "missing": False, "short": True}


def _format(columns: Sequence[Json], rows: Sequence[Sequence[Any]]) -> tuple[list[Json], list[list[Json]]]:
    """Cells of a table; a heading stands over its numbers, so numeric columns are marked as such."""
    by_column = [[row[index] for row in rows] for index in range(len(columns))]
    heads = [
        {**column, "numeric": any(_real(value) is not None for value in values)}
        for column, values in zip(columns, by_column, strict=True)
    ]
    decimals = [_decimals(values, column["unit"]) for column, values in zip(columns, by_column, strict=True)]
    cells = [
        [_cell(row[index], column["unit"], decimals[index]) for index, column in enumerate(columns)]
        for row in rows[:_MAX_OBJECTS]
    ]
    return heads, cells


def _truth(value: Any) -> Json | None:
    if not isinstance(value, dict):
        return None
    columns, rows = _table(value.get("nodules"))
    heads, cells = _format(columns, rows)
    names = [column["name"] for column in columns]
    found = names.index("found") if "found" in names else None
    counts = {key: value.get(key) if isinstance(value.get(key), int) else None for key in ("found", "missed")}
    total = None if None in counts.values() else sum(count for count in counts.values() if count is not None)
    return {
        **counts,
        "total": total,
        "false_candidates": value.get("false_candidates"),
        "error": _real(value.get("mean_abs_diameter_error_mm")),
        "columns": heads,
        "rows": [
            {"cells": row, "found": None if found is None else bool(raw[found])}
            for row, raw in zip(cells, rows, strict=False)
        ],
        "found_column": found,
    }


def _feature(name: str, units: str) -> Json:
    if name in _STATISTICS:
        label, power = _STATISTICS[name]
        return {"name": name, "label": label, "unit": ("", units, f"{units}²" if units else "")[power]}
    return _column(name)


def _regions(regions: Sequence[Any], units: str) -> list[Json]:
    """Features as rows and regions as columns, a few regions to a table, so that regions are compared at a glance."""
    views = [_mapping(region) for region in regions]
    tables = []
    for start in range(0, len(views), 4):
        group = views[start : start + 4]
        names = list(dict.fromkeys(str(name) for region in group for name in _mapping(region.get("features"))))
        rows: list[Json] = []
        for key, label, unit in (("volume_ml", "Volume", "ml"), ("area_cm2", "Area", "cm²")):
            sizes = [_real(region.get(key)) for region in group]
            if any(size is not None for size in sizes):
                cells = [_cell(size, unit) for size in sizes]
                rows.append({"label": label, "unit": unit, "cells": cells, "strong": True})
        for name in names:
            feature = _feature(name, units)
            cells = [_cell(_mapping(region.get("features")).get(name), feature["unit"]) for region in group]
            rows.append({**feature, "cells": cells, "strong": False})
        # Long lists over few regions are broken into parallel columns instead of one endless narrow table.
        parts = {1: 3, 2: 2}.get(len(group), 1) if len(rows) > 6 else 1
        length = math.ceil(len(rows) / parts) or 1
        tables.append(
            {
                "heads": [
                    {"name": _words(_text(region.get("name"))) or _DASH, "label": _text(region.get("label"))}
                    for region in group
                ],
                "parts": [rows[first : first + length] for first in range(0, len(rows), length)] or [[]],
            }
        )
    return tables


# --- Histograms as SVG -------------------------------------------------------------------------------------------

_PLOT = {"width": 560.0, "height": 250.0, "left": 52.0, "right": 12.0, "top": 12.0, "bottom": 44.0}


def _histograms(histograms: Json, units: str) -> list[Json]:
    """One plot with both histograms on the same axes; two plots where a step changed the scale altogether."""
    series: list[Json] = []
    for key, label in (("before", "Before"), ("after", "After")):
        data = _mapping(histograms.get(key))
        edges = [edge for edge in map(_real, _list(data.get("edges"))) if edge is not None]
        counts = [max(0.0, count) for count in map(_real, _list(data.get("counts"))) if count is not None]
        increasing = all(a < b for a, b in itertools.pairwise(edges))
        if len(edges) == len(counts) + 1 and counts and increasing and sum(counts) > 0:
            series.append(
                {"key": key, "label": label, "edges": edges, "counts": counts, "units": _text(data.get("units"))}
            )
    if not series:
        return []
    spans = [item["edges"][-1] - item["edges"][0] for item in series]
    union = max(item["edges"][-1] for item in series) - min(item["edges"][0] for item in series)
    if len(series) == 2 and min(spans) < 0.04 * union:
        # A step has put the grey values on another scale, so the image's unit no longer holds after it.
        return [_plot([item], item["units"] or (units if item["key"] == "before" else "")) for item in series]
    return [_plot(series, units)]


def _plot(series: list[Json], units: str) -> Json:
    width, height, left, right, top, bottom = _PLOT.values()
    low, high = _visible_range(series)
    widest = max(b - a for item in series for a, b in itertools.pairwise(item["edges"]))
    per = _nice(widest)
    for item in series:
        total = sum(item["counts"])
        bins = zip(item["edges"], item["edges"][1:], item["counts"], strict=False)
        # Bins differ in width between the two, so shares are given per a common width.
        item["density"] = [100 * count / total / (b - a) * per for a, b, count in bins]
    peak = _peak(series)

    def x(value: float) -> float:
        return left + (min(max(value, low), high) - low) / (high - low) * (width - left - right)

    def y(value: float) -> float:
        # The square root keeps a lung visible beside the air around the patient.
        return height - bottom - math.sqrt(min(1.0, value / peak)) * (height - top - bottom)

    for item in series:
        points = []
        for a, b, density in zip(item["edges"], item["edges"][1:], item["density"], strict=False):
            if b <= low or a >= high:
                continue
            points.append(f"{x(a):.1f},{y(density):.1f} {x(b):.1f},{y(density):.1f}")
        first, last = x(item["edges"][0]), x(item["edges"][-1])
        base = y(0.0)
        item["path"] = f"M{first:.1f},{base:.1f} L{' '.join(points)} {last:.1f},{base:.1f}"
    cuts = []
    for item in series:
        highest = max(range(len(item["counts"])), key=item["density"].__getitem__)
        if item["density"][highest] > peak * (1 + 1e-9):
            a, b = item["edges"][highest : highest + 2]
            on_the_left = x(a) < (left + width - right) / 2
            cuts.append(
                {
                    "where": f"{_number(a)} to {_number(b)} {units}".rstrip(),
                    "percent": _number(100 * item["counts"][highest] / sum(item["counts"]), "%"),
                    "label": item["label"].lower(),
                    "at": x(b) + 6 if on_the_left else x(a) - 6,
                    "anchor": "start" if on_the_left else "end",
                }
            )
    return {
        **_PLOT,
        "series": series,
        "x_ticks": [{"at": x(value), "text": _tick(value)} for value in _ticks(low, high, 7)],
        "y_ticks": [{"at": y(value), "text": _tick(value)} for value in _root_ticks(peak, height - top - bottom)],
        "x_label": f"Intensity [{units}]" if units else "Intensity",
        "y_label": f"Voxels [% per {_tick(per)} {units}".rstrip() + "]",
        "trimmed": low > min(item["edges"][0] for item in series) or high < max(item["edges"][-1] for item in series),
        "cuts": cuts,
        "both": len(series) == 2,
    }


def _peak(series: Sequence[Json]) -> float:
    """The top of the vertical axis: the highest bin, unless it is a lone spike (air, padding) that dwarfs the rest."""
    highest = max(max(item["density"]) for item in series)
    rest = max((sorted(item["density"])[-2] for item in series if len(item["density"]) > 1), default=0.0)
    return 1.25 * rest if 0 < rest < 0.2 * highest else highest


def _visible_range(series: Sequence[Json]) -> tuple[float, float]:
    """Everything but the thin tails: a metal filling must not squeeze the anatomy into a corner."""
    lows, highs = [], []
    for item in series:
        tail = 0.0005 * sum(item["counts"])
        counts, edges = item["counts"], item["edges"]
        total, first = 0.0, 0
        while first < len(counts) - 1 and total + counts[first] <= tail:
            total += counts[first]
            first += 1
        total, last = 0.0, len(counts) - 1
        while last > first and total + counts[last] <= tail:
            total += counts[last]
            last -= 1
        lows.append(edges[first])
        highs.append(edges[last + 1])
    return min(lows), max(highs)


def _nice(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, ... at or above the value."""
    if value <= 0:
        return 1.0
    scale = 10.0 ** math.floor(math.log10(value))
    return next(step * scale for step in (1.0, 2.0, 5.0, 10.0) if step * scale >= value * (1 - 1e-9))


def _ticks(low: float, high: float, count: int) -> Iterator[float]:
    step = _nice((high - low) / count)
    for index in range(math.ceil(low / step), math.floor(high / step) + 1):
        yield index * step


def _root_ticks(peak: float, pixels: float) -> list[float]:
    """Ticks of a square-root axis: round values that stand at least 24 pixels apart."""
    scale = 10.0 ** math.floor(math.log10(peak))
    candidates = sorted({digit * scale * power for digit in (1, 2, 5) for power in (0.001, 0.01, 0.1, 1)}, reverse=True)
    chosen: list[float] = []
    for value in candidates:
        if value > peak:
            continue
        at = math.sqrt(value / peak) * pixels
        if at >= 24 and (not chosen or math.sqrt(chosen[-1] / peak) * pixels - at >= 24):
            chosen.append(value)
    return [0.0, *reversed(chosen)]


def _tick(value: float) -> str:
    return _group(f"{value:.6g}") if "e" not in f"{value:.6g}" else _number(value)
