"""Reading of ``run.json`` and ``case.json``: damaged ones, and files outside the folder, must not harm the report."""

from __future__ import annotations

from pathlib import Path

from ..._errors import ReadError
from ..._report.reading import Json, fields, load

__all__ = ["Json", "inside", "read_case", "read_run"]

_RUN = {
    "config": dict,
    "config_name": str,
    "source": str,
    "started": str,
    "seconds": float,
    "versions": dict,
    "networks": list,
    "machine": dict,
    "cases": list,
    "timings": dict,
    "kernel_seconds": float,
    "detection": dict,
}
_CASE = {
    "id": str,
    "status": str,
    "reason": str,
    "seconds": float,
    "folder": str,
    "preset": str,
    "modality": str,
    "shape": list,
    "spacing_mm": list,
    "dtype": str,
    "units": str,
    "source": str,
    "steps": list,
    "pictures": list,
    "planes": dict,
    "rows": list,
    "label_maps": list,
    "histograms": dict,
    "regions": list,
    "objects": dict,
    "truth": dict,
    "decision": dict,
    "summary": dict,
}


def read_run(out: Path) -> Json:
    """``run.json`` of an output folder; a field that is missing or of another kind is empty."""
    path = out / "run.json"
    try:
        return fields(load(path), _RUN)
    except FileNotFoundError:
        raise ReadError(
            path, "there is no such file", suggestion="give the folder that `cormack run --out` wrote"
        ) from None
    except (OSError, ValueError) as error:
        raise ReadError(path, f"is not the record of a run ({error})", suggestion="run the analysis again") from error


def read_case(out: Path, row: Json) -> Json:
    """``case.json`` of a row of ``run.json``; a case that died early has only the row."""
    case: Json = {}
    problem = ""
    folder = inside(out, str(row.get("folder")))
    if folder is not None:
        try:
            case = load(folder / "case.json")
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            problem = f"case.json cannot be read ({error})"
    merged = fields({**case, **row}, _CASE)
    return {**merged, "reason": merged["reason"] or problem, "folder": folder}


def inside(out: Path, relative: str) -> Path | None:
    """The path below `out`, or None: the page shows only files of its own folder, whatever a JSON file says."""
    root = out.resolve()
    path = (root / relative).resolve()
    return path if path != root and path.is_relative_to(root) else None
