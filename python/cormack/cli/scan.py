"""``cormack scan``: what lies in a tree of files, as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cormack.cli.app import (
    _OK,
    _SOME_FAILED,
    WrongUse,
    _check_input,
    _console,
    _one_line,
    _path,
    _print_json,
    _progress,
    _say,
    app,
)

_MOST_PROBLEMS = 50
_WIDTH_OF_FILES = 200


@app.command(
    help="List the volumes under DIR, from headers alone: one row for each, and what is wrong with it.\n\n"
    "DICOM without any names, NIfTI, NRRD, MetaImage and 2D images, in folders and in zip and tar archives. Nothing "
    "that is printed or kept says whose images they are, unless --keep-identity asks for it. Exit code: 0 all good, "
    "1 some volumes have problems, 2 wrong use.",
    epilog="Example:  [bold]cormack scan export/ -o catalog.csv[/bold]  and again later: only what changed is read.",
)
def scan(
    source: Annotated[
        Path, typer.Argument(metavar="DIR", parser=_path, help="A folder, or one archive or image file.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            parser=_path,
            help="Keep the table (.parquet or .csv), and beside it what the next scan need not read again.",
        ),
    ] = None,
    keep_identity: Annotated[
        bool,
        typer.Option(
            "--keep-identity",
            help="Show paths and series UIDs, also in FILE: names of folders may be names of patients.",
        ),
    ] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", metavar="N", min=1, help="Threads; chosen when not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table; only problems.")] = False,
) -> int:
    """``cormack scan``."""
    _check_input(source, "DIR")
    if out is not None:
        if out.suffix.lower() not in (".parquet", ".csv"):
            raise WrongUse(f"--out {out} must end in .parquet or .csv")
        if out.is_dir():
            raise WrongUse(f"--out {out} is a folder; give a file")
        if not out.absolute().parent.is_dir():
            raise WrongUse(f"--out {out}: the folder {out.parent} does not exist")
    from cormack.io import _scan

    with _progress(quiet=quiet) as progress:
        table = _scan.survey(
            source,
            workers=jobs,
            catalog=out,
            keep_identity=keep_identity,
            progress=None if progress is None else lambda read, seen: progress("files", "files", "", read, seen),
        )
    rows = list(table.rows())
    if not rows:
        notes = f" ({'; '.join(table.notes)})" if table.notes else ""
        raise WrongUse(f"no image found in {source}, in its folders or in their archives{notes}")
    problems = [row for row in rows if row["problem"]]
    code = _SOME_FAILED if problems else _OK
    if as_json:
        _print_json(
            {
                "volumes": [{name: _without_nan(value) for name, value in row.items()} for row in rows],
                "problems": len(problems),
                "files_seen": table.files_seen,
                "files_read": table.files_read,
                "notes": table.notes,
            }
        )
        return code
    console = _console(stderr=quiet)
    if not quiet:
        _print_table(console, rows)
        for note in table.notes:
            _say(console, f"note: {_one_line(note)}")
    # The same problem of many files is one line.
    grouped: dict[str, list[str]] = {}
    for row in problems:
        grouped.setdefault(str(row["problem"]), []).append(str(row["key"]))
    for problem, keys in list(grouped.items())[:_MOST_PROBLEMS]:
        more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
        _say(console, f"{keys[0]}{more}: {_one_line(problem)}", "red")
    if len(grouped) > _MOST_PROBLEMS:
        _say(console, f"and {len(grouped) - _MOST_PROBLEMS} other problems; --json and --out have them all", "red")
    if not quiet:
        bad = f", {len(problems)} with problems" if problems else ""
        volumes = f"{len(rows)} volume{'' if len(rows) == 1 else 's'}{bad}"
        _say(console, f"{volumes}; {table.files_read} of {table.files_seen} files read", "bold")
    return code


def _without_nan(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _print_table(console: Any, rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("key", "folder", "kind", "size", "spacing, mm", "axes", "type", "files", "coding"):
        table.add_column(name, justify="right" if name == "files" else "left", no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row), style="red" if row["problem"] else None)
    # In a pipe or a file lines may be as long as they like; cut columns would help no one.
    if not console.is_terminal:
        console = Console(width=_WIDTH_OF_FILES, highlight=False, markup=False, emoji=False)
    console.print(table)


def _cells(row: Mapping[str, Any]) -> list[str]:
    kind = " ".join(word for word in (row["modality"] or row["format"], row["body_part"].lower()) if word)
    size = " x ".join(str(row[f"size_{axis}"]) for axis in "xyz") if row["size_x"] else ""
    steps = [row[f"spacing_{axis}"] for axis in "xyz"]
    spacing = (
        "" if all(map(math.isnan, steps)) else " x ".join("?" if step != step else f"{step:.4g}" for step in steps)
    )
    cells = [row["key"], row["folder"], kind, size, spacing, row["orientation"], row["dtype"], str(row["files"])]
    return [_one_line(cell) for cell in (*cells, row["transfer_syntax"])]
