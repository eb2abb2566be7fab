"""The commands that stand in for PyRadiomics: ``cormack radiomics`` and ``cormack compare``."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from cormack.cli.app import (
    _OK,
    _SOME_FAILED,
    WrongUse,
    _check_input,
    _complain,
    _console,
    _one_line,
    _path,
    _print_json,
    _progress,
    _say,
    app,
)

# Columns of PyRadiomics' results that are features: image type, class and name.
_FEATURE = re.compile(r"(?!diagnostics_)[A-Za-z0-9-]+_(firstorder|glcm|gldm|glrlm|glszm|ngtdm|shape|shape2D)_\w+")

_Input = Annotated[Path, typer.Argument(metavar="INPUT", parser=_path, help="A CSV file with columns Image, Mask.")]
_Params = Annotated[
    Path | None, typer.Option("--param", "-p", metavar="FILE", parser=_path, help="PyRadiomics' parameter file (YAML).")
]
_Jobs = Annotated[int, typer.Option("--jobs", "-j", metavar="N", min=1, help="Cases at a time.")]


def _prepared(source: Path, params: Path | None) -> tuple[Any, list[Any]]:
    """Return the extractor and the cases; what is wrong with them is wrong use."""
    _check_input(source)
    if params is not None:
        _check_input(params, "--param")
    for path in filter(None, (source, params)):
        if path.is_dir():
            raise WrongUse(f"{path} is a folder; give a file")
    from cormack.compat import _batch
    from cormack.compat.radiomics import RadiomicsFeatureExtractor

    try:
        return RadiomicsFeatureExtractor(params), _batch.read_cases(source)
    except (TypeError, ValueError) as error:
        raise WrongUse(str(error)) from error


def _extracted(extractor: Any, cases: list[Any], folder: Path, jobs: int, *, quiet: bool) -> None:
    from cormack.compat import _batch

    with _progress(quiet=quiet) as progress:
        for done, case in enumerate(_batch.extract_all(extractor, cases, folder, jobs), 1):
            if progress is not None:
                progress("case", case.name, "", done, len(cases))


def _complain_of_failed(command: str, cases: list[Any]) -> int:
    """Say on stderr which cases failed and why; return their number."""
    failed = [case for case in cases if case.reason is not None]
    for case in failed:
        _complain(f"cormack {command}", f"case {case.name} failed: {case.reason}", _SOME_FAILED)
    return len(failed)


@app.command(
    help="Extract features as PyRadiomics does: its CSV files and parameter files in, its columns out.\n\n"
    "INPUT has the columns Image and Mask, and Label where it is not 1; paths are relative to its folder. A case that "
    "fails is a row without features, and the others go on. Exit code: 0 all good, 1 some cases failed, 2 wrong use.",
    epilog="Example:  [bold]cormack radiomics cases.csv -o features.csv -p Params.yaml -j 2[/bold]",
)
def radiomics(
    source: _Input,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", parser=_path, help="The CSV file to write or to replace.")
    ],
    params: _Params = None,
    jobs: _Jobs = 1,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary; only what failed.")] = False,
) -> int:
    """``cormack radiomics``."""
    extractor, cases = _prepared(source, params)
    if out.is_dir() or not out.parent.is_dir():
        raise WrongUse(f"--out {out} must be a file in a folder that exists")
    if out.exists() and out.samefile(source):
        raise WrongUse(f"--out {out} is the input; give another file")
    from cormack._files import replacing
    from cormack.compat import _batch

    _extracted(extractor, cases, source.parent, jobs, quiet=quiet)
    with replacing(out) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _batch.columns_of(cases), restval="", lineterminator="\n")
        writer.writeheader()
        for case in cases:
            writer.writerow(case.row | case.values)
    failed = _complain_of_failed("radiomics", cases)
    if not quiet:
        _say(_console(), f"{len(cases)} cases: {len(cases) - failed} completed, {failed} failed; {out}")
    return _SOME_FAILED if failed else _OK


@app.command(
    help="Compare PyRadiomics' results with Cormack's: feature, theirs, ours, difference.\n\n"
    "INPUT is what PyRadiomics wrote: a CSV file with its columns beside Image and Mask. Give the parameter file that "
    "it was made with. Exit code: 0 all within the tolerance, 1 some not, 2 wrong use.",
    epilog="Example:  [bold]cormack compare pyradiomics.csv -p Params.yaml[/bold]",
)
def compare(
    source: _Input,
    params: _Params = None,
    tolerance: Annotated[
        float, typer.Option("--tolerance", "-t", min=0.0, help="Largest difference, in parts of the value.")
    ] = 1e-6,
    every: Annotated[bool, typer.Option("--all", "-a", help="Every feature, not only those that differ.")] = False,
    jobs: _Jobs = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> int:
    """``cormack compare``."""
    extractor, cases = _prepared(source, params)
    if not any(_FEATURE.fullmatch(name) for name in cases[0].row):
        raise WrongUse(f"{source} has no columns of features, as original_firstorder_Mean; give PyRadiomics' result")
    from cormack.compat import _batch

    _extracted(extractor, cases, source.parent, jobs, quiet=as_json)
    found = [
        item
        for case in cases
        if case.reason is None
        for item in _batch.compare(case, lambda name: _FEATURE.fullmatch(name) is not None)
    ]
    failed = _complain_of_failed("compare", cases)
    differ = [item for item in found if not item.relative <= tolerance]
    code = _SOME_FAILED if failed or differ or not found else _OK
    shown = found if every else differ
    if as_json:
        _print_json(
            [
                {"case": it.case, "feature": it.feature, "theirs": it.theirs, "ours": it.ours}
                | {"difference": it.relative if it.ours is not None else None}
                for it in found
            ]
        )
        return code
    console = _console()
    if shown:
        width = max(len(item.feature) for item in shown)
        _say(console, f"{'feature':<{width}}  {'theirs':>16}  {'ours':>16}  difference", "bold")
        several = len(cases) > 1
        last = None
        for item in shown:
            if several and item.case != last:
                last = item.case
                _say(console, _one_line(item.case), "bold")
            ours = "absent" if item.ours is None else f"{item.ours:.10g}"
            difference = "" if item.ours is None else f"{item.relative:.1e}"
            style = None if item.relative <= tolerance else "red"
            _say(console, f"{item.feature:<{width}}  {item.theirs:>16.10g}  {ours:>16}  {difference:>10}", style)
    _say(console, f"{len(found) - len(differ)} of {len(found)} values within {tolerance:g} of PyRadiomics'")
    return code
