"""The commands that stand in for PyRadiomics: ``cormack radiomics`` and ``cormack compare``."""

from __future__ import annotations

import logging
import math
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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

_Params = Annotated[
    Path | None, typer.Option("--param", "-p", metavar="FILE", parser=_path, help="PyRadiomics' parameter file (YAML).")
]
_Settings = Annotated[
    list[str] | None,
    typer.Option("--setting", "-s", metavar="NAME:VALUE", help="A setting, over --param; as often as needed."),
]
_Jobs = Annotated[int, typer.Option("--jobs", "-j", metavar="N", min=1, help="Cases at a time.")]
_LEVELS = ("NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_FORMATS, _PATHS = ("csv", "json", "txt"), ("absolute", "relative", "basename")


def _check_files(*paths: tuple[Path | None, str | None]) -> None:
    for path, option in paths:
        if path is None:
            continue
        _check_input(path, option) if option else _check_input(path)
        if path.is_dir():
            raise WrongUse(f"{path} is a folder; give a file")


def _extractor(params: Any, settings: list[str] | None, label: int | None = None) -> Any:
    from cormack.compat import _parameters
    from cormack.compat.radiomics import RadiomicsFeatureExtractor

    try:
        chosen = dict(_parameters.parsed(text) for text in settings or ())
        return RadiomicsFeatureExtractor(params, **chosen, **({} if label is None else {"label": label}))
    except (TypeError, ValueError) as error:
        raise WrongUse(str(error).replace("RadiomicsFeatureExtractor: ", "")) from error


def _cases(source: Path) -> list[Any]:
    from cormack.compat import _batch

    try:
        return _batch.read_cases(source)
    except ValueError as error:
        raise WrongUse(str(error)) from error


def _extracted(
    extractor: Any,
    cases: list[Any],
    folder: Path,
    jobs: int,
    *,
    quiet: bool,
    keep: Path | None = None,
    maps: Path | None = None,
) -> None:
    from cormack.compat import _batch

    with _progress(quiet=quiet) as progress:
        for done, case in enumerate(_batch.extract_all(extractor, cases, folder, jobs, maps), 1):
            if keep is not None:
                _batch.keep(cases, case, keep)
            if progress is not None:
                progress("case", case.name, "", done, len(cases))


def _complain_of_failed(command: str, cases: list[Any]) -> int:
    """Say on stderr which cases failed and why; return their number."""
    failed = [case for case in cases if case.reason is not None]
    for case in failed:
        _complain(f"cormack {command}", f"case {case.name} failed: {case.reason}", _SOME_FAILED)
    return len(failed)


def _one_of(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise WrongUse(f"{option} must be one of {', '.join(choices)}, got {value!r}")


@contextmanager
def _logged(level: str, file: Path | None, verbosity: int) -> Iterator[None]:
    """Send messages to stderr from a verbosity on (1 fatal to 5 debug), and to a file from a level on."""
    to_screen: logging.Handler = logging.StreamHandler()
    to_screen.setLevel((6 - verbosity) * 10)
    handlers = [to_screen]
    if file is not None:
        handlers.append(logging.FileHandler(file, mode="a", encoding="utf-8"))
        handlers[1].setLevel(level)
    logger = logging.getLogger("cormack")
    before = logger.level, logger.propagate
    for handler in handlers:
        handler.setFormatter(logging.Formatter("[%(asctime)s] %(levelname)-.1s: %(message)s", "%Y-%m-%d %H:%M:%S"))
        logger.addHandler(handler)
    logger.setLevel(min(handler.level for handler in handlers) or logging.DEBUG)
    logger.propagate = False
    try:
        yield
    finally:
        logger.level, logger.propagate = before
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


def _validated(cases: list[Any], folder: Path) -> int:
    """Say which files are not there; return the exit code."""
    from cormack.compat import _batch

    wrong = 0
    for case in cases:
        try:
            absent = [path for path in _batch.paths_of(case, folder) if not path.is_file()]
            reason = f"no such file: {', '.join(map(str, absent))}" if absent else None
        except ValueError as error:
            reason = str(error)
        if reason is not None:
            wrong += 1
            _complain("cormack radiomics", f"case {case.name}: {reason}", _SOME_FAILED)
    _say(
        _console(), f"{len(cases)} cases: {len(cases) - wrong} have their files, {wrong} have not; nothing was written"
    )
    return _SOME_FAILED if wrong else _OK


@app.command(
    help="Extract features as PyRadiomics does: its tables and parameter files in, its columns out.\n\n"
    "INPUT is a CSV file with the columns Image and Mask, and Label where it is not 1, whose paths are relative to its "
    "folder; or an image, with MASK. Options are those of pyradiomics. A case that fails is a row without features, "
    "and the others go on. Exit code: 0 all good, 1 some cases failed, 2 wrong use.",
    epilog="Example:  [bold]cormack radiomics cases.csv -o features.csv -p Params.yaml -j 2[/bold]",
)
def radiomics(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", parser=_path, help="A CSV file with columns Image, Mask; or an image.")
    ],
    mask: Annotated[Path | None, typer.Argument(metavar="MASK", parser=_path, help="The mask of an image.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", parser=_path, help="The file to write or to replace, else stdout."),
    ] = None,
    params: _Params = None,
    settings: _Settings = None,
    jobs: _Jobs = 1,
    form: Annotated[
        str | None,
        typer.Option("--format", "-f", metavar="FORMAT", help="csv, json or txt; else as FILE is named, else txt."),
    ] = None,
    paths: Annotated[
        str, typer.Option("--format-path", metavar="PATHS", help="Write paths absolute, relative or basename.")
    ] = "absolute",
    folder: Annotated[
        Path | None,
        typer.Option(
            "--out-dir",
            "-od",
            metavar="FOLDER",
            parser=_path,
            help="Also write each case to features_N.csv here, and take what is here; with --mode voxel, for maps.",
        ),
    ] = None,
    skip_nans: Annotated[bool, typer.Option("--skip-nans", help="Leave out features that are NaN.")] = False,
    label: Annotated[int | None, typer.Option("--label", "-l", metavar="N", help="The label in masks.")] = None,
    validate: Annotated[bool, typer.Option("--validate", help="Only check parameters and that files exist.")] = False,
    mode: Annotated[
        str, typer.Option("--mode", "-m", metavar="MODE", help="segment: numbers; voxel: maps, as NRRD files.")
    ] = "segment",
    unix: Annotated[bool, typer.Option("--unix-path", "-up", help="Write paths with / (as on Linux anyway).")] = False,
    level: Annotated[
        str, typer.Option("--logging-level", metavar="LEVEL", help="From where on --log-file gets messages.")
    ] = "WARNING",
    log_file: Annotated[
        Path | None, typer.Option("--log-file", metavar="FILE", parser=_path, help="Append messages to a file.")
    ] = None,
    verbosity: Annotated[
        int, typer.Option("--verbosity", "-v", metavar="N", min=1, max=5, help="Messages: 1 few to 5 all.")
    ] = 3,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary; only what failed.")] = False,
) -> int:
    """``cormack radiomics``."""
    _one_of("--mode", mode, ("segment", "voxel"))
    _one_of("--format-path", paths, _PATHS)
    _one_of("--logging-level", level, _LEVELS)
    if form is None:
        form = out.suffix[1:].lower() if out is not None and out.suffix[1:].lower() in _FORMATS else "txt"
    _one_of("--format", form, _FORMATS)
    table = source.suffix.lower() == ".csv"
    if table and mask is not None:
        raise WrongUse(f"MASK {mask} is for one image; {source} is a table, which names its masks")
    _check_files((source, None), (mask, None), (params, "--param"))
    if not table and mask is None:
        raise WrongUse(f"{source} is not a .csv table; give a table, or the mask of this image after it")
    extractor = _extractor(params, settings, label)
    from cormack.compat import _batch

    cases = _cases(source) if table else [_batch.Case({"Image": str(source), "Mask": str(mask)})]
    start = source.parent if table else Path()
    if validate:
        return _validated(cases, start)
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        raise WrongUse(f"--out {out} must be a file in a folder that exists")
    if out is not None and out.exists() and any(out.samefile(path) for path in (source, mask, params) if path):
        raise WrongUse(f"--out {out} is an input; give another file")
    maps = None
    if mode == "voxel":
        maps, folder = folder or Path(), None
        maps.mkdir(parents=True, exist_ok=True)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _batch.reread(cases, folder)
        except ValueError as error:
            raise WrongUse(str(error)) from error
    with _logged(level, log_file, verbosity):
        _extracted(extractor, cases, start, jobs, quiet=quiet, keep=folder, maps=maps)
    rows = _batch.rows_of(cases, start, paths, skip_nans=skip_nans)
    if out is None:
        _batch.write(rows, sys.stdout, form)
    else:
        from cormack._files import replacing

        with replacing(out) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
            _batch.write(rows, file, form)
    failed = _complain_of_failed("radiomics", cases)
    if not quiet and out is not None:
        _say(_console(), f"{len(cases)} cases: {len(cases) - failed} completed, {failed} failed; {out}")
    return _SOME_FAILED if failed else _OK


def _enable(extractor: Any, classes: dict[str, list[str]]) -> None:
    known = {name: extractor.getFeatureNames(name) for name in classes}
    extractor.disableAllFeatures()
    extractor.enableFeaturesByName(
        **{name: [feature for feature in features if feature in known[name]] for name, features in classes.items()}
    )


@app.command(
    help="Compare PyRadiomics' results with Cormack's: feature, theirs, ours, difference.\n\n"
    "INPUT is what PyRadiomics wrote with --format csv: its columns beside Image and Mask. Settings and image types "
    "are those of its diagnostics columns, unless a parameter file is given.\n\n"
    "Exit code: 0 all within the tolerance, 1 some not, 2 wrong use.",
    epilog="Example:  [bold]cormack compare pyradiomics.csv[/bold]",
)
def compare(
    source: Annotated[Path, typer.Argument(metavar="INPUT", parser=_path, help="A CSV file that PyRadiomics wrote.")],
    params: _Params = None,
    settings: _Settings = None,
    tolerance: Annotated[
        float, typer.Option("--tolerance", "-t", min=0.0, help="Largest difference, in parts of the value.")
    ] = 1e-6,
    every: Annotated[bool, typer.Option("--all", "-a", help="Every feature, not only those that differ.")] = False,
    jobs: _Jobs = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> int:
    """``cormack compare``."""
    _check_files((source, None), (params, "--param"))
    cases = _cases(source)
    columns = [name for name in cases[0].row if _FEATURE.fullmatch(name)]
    if not columns:
        raise WrongUse(f"{source} has no columns of features, as original_firstorder_Mean; give PyRadiomics' result")
    from cormack.compat import _batch

    extractor = _extractor(_batch.as_measured(cases) if params is None else params, settings)
    if params is None:
        # What its columns name, so that nothing is left out.
        _enable(extractor, _batch.classes_of(columns))
    _extracted(extractor, cases, source.parent, jobs, quiet=as_json)
    compared = [
        _batch.compare(case, lambda name: _FEATURE.fullmatch(name) is not None) for case in cases if case.reason is None
    ]
    found = [item for items in compared for item in items]
    failed = _complain_of_failed("compare", cases)
    differ = [item for item in found if not item.relative <= tolerance]
    code = _SOME_FAILED if failed or differ or not found else _OK
    shown = found if every else differ
    if as_json:
        _print_json(
            [
                {"case": it.case, "feature": it.feature, "theirs": it.theirs, "ours": it.ours}
                | {"difference": it.relative if math.isfinite(it.relative) else None}
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
            theirs, ours = (_value(value) for value in (item.theirs, item.ours))
            numbers = isinstance(item.theirs, float) and isinstance(item.ours, float)
            difference = f"{item.relative:.1e}" if numbers else ""
            style = None if item.relative <= tolerance else "red"
            _say(console, f"{item.feature:<{width}}  {theirs:>16}  {ours:>16}  {difference:>10}", style)
    empty = compared.count([])
    if empty:
        _say(console, f"{empty} case{'s have' if empty > 1 else ' has'} no values of PyRadiomics'")
    _say(console, f"{len(found) - len(differ)} of {len(found)} values within {tolerance:g} of PyRadiomics'")
    return code


def _value(value: float | str | None) -> str:
    return "absent" if value is None else _one_line(value) if isinstance(value, str) else f"{value:.10g}"
