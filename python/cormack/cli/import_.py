"""``cormack import``: whole archives to one file for each volume."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    _say,
    _size,
    app,
)
from cormack.cli.scan import _without_nan

_MOST_PROBLEMS = 50


@app.command(
    name="import",
    help="Turn every volume under SRC into a NIfTI or OME-Zarr file under DST that names nobody.\n\n"
    "Reads what `cormack scan` lists: DICOM without any names, NIfTI, NRRD, MetaImage and 2D images, in folders and in "
    "zip and tar archives. DST/import.csv says for each volume what became of it, and why. Started again after "
    "whatever ended it, it goes on; later it imports what is new or has changed. Pseudonyms are those of `cormack "
    "scan`. Images that may show names are refused; faces in scans of heads are not removed. Exit code: 0 all "
    "imported, 1 some were refused or failed, 2 wrong use.",
    epilog="Example:  [bold]cormack import export/ images/ --to nifti[/bold]  and again later: only what changed is "
    "read.",
)
def import_(
    source: Annotated[
        Path, typer.Argument(metavar="SRC", parser=_path, help="A folder, or one archive or image file; only read.")
    ],
    target: Annotated[
        Path, typer.Argument(metavar="DST", parser=_path, help="A folder, new or of an earlier import of SRC.")
    ],
    to: Annotated[str, typer.Option("--to", metavar="nifti|zarr", help="Format of the files.")] = "nifti",
    keep_identity: Annotated[
        bool,
        typer.Option(
            "--keep-identity",
            help="Add paths, series UIDs and patient ids to import.csv: it then says whose images these are.",
        ),
    ] = False,
    allow_burned_in: Annotated[
        bool,
        typer.Option(
            "--allow-burned-in",
            help="Import images too that may show names: text burned in, screenshots, ultrasound, photographs, PNG.",
        ),
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what failed before, though its files are the same.")
    ] = False,
    units: Annotated[
        str | None, typer.Option("--units", metavar="UNITS", help="SUVbw: PET as SUV by body weight.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", metavar="N", min=1, help="Processes; chosen when not given.")
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", help="A volume that takes longer has failed; 0: no limit.")
    ] = 600.0,
    max_bytes: Annotated[
        int | None,
        typer.Option("--max-bytes", metavar="SIZE", parser=_size, help="Refuse larger volumes, as 500MB or 2GiB."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary; only problems.")] = False,
) -> int:
    """``cormack import``."""
    _check_input(source, "SRC")
    if to not in ("nifti", "zarr"):
        raise WrongUse(f"--to must be nifti or zarr; got {to!r}")
    if units not in (None, "SUVbw"):
        raise WrongUse(f"--units must be SUVbw; got {units!r}")
    if not 0 <= timeout < math.inf:
        raise WrongUse(f"--timeout must be at least 0 seconds; got {timeout:g}")
    if target.exists() and not target.is_dir():
        raise WrongUse(f"DST {target} is a file; give a folder")
    from cormack.io import _import

    with _progress(quiet=quiet) as progress:
        try:
            table = _import.import_archive(
                source,
                target,
                to=to,  # type: ignore[arg-type]
                keep_identity=keep_identity,
                allow_burned_in=allow_burned_in,
                retry_failed=retry_failed,
                units=units,
                workers=jobs,
                timeout_s=timeout or None,
                max_bytes=max_bytes,
                progress=progress,
            )
        except _import.ImportRefused as error:
            raise WrongUse(str(error)) from error
    rows = list(table.rows())
    if not any(row["key"] for row in rows):
        raise WrongUse(f"no image found in {source}, in its folders or in their archives")
    problems = [row for row in rows if row["status"] in ("refused", "failed")]
    code = _SOME_FAILED if problems else _OK
    if as_json:
        _print_json(
            {
                "volumes": [{name: _without_nan(value) for name, value in row.items()} for row in rows if row["key"]],
                **{name: getattr(table, name) for name in _COUNTS},
                "notes": table.notes,
            }
        )
        return code
    console = _console(stderr=quiet)
    # The same problem of many volumes is one line.
    grouped: dict[tuple[str, str], list[str]] = {}
    for row in problems:
        grouped.setdefault((str(row["status"]), str(row["problem"])), []).append(str(row["key"]))
    for (status, problem), keys in list(grouped.items())[:_MOST_PROBLEMS]:
        more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
        _say(console, f"{keys[0]}{more} {status}: {_one_line(problem)}", "red")
    if len(grouped) > _MOST_PROBLEMS:
        _say(console, f"and {len(grouped) - _MOST_PROBLEMS} other problems; import.csv has them all", "red")
    if not quiet:
        for line in _summary(table):
            _say(console, f"note: {_one_line(line)}")
        bad = f", {table.refused} refused, {table.failed} failed" if problems else ""
        count = f"{table.imported} volume{'' if table.imported == 1 else 's'} imported"
        _say(console, f"{count} ({table.new} now){bad}; the table is {target / 'import.csv'}", "bold")
    return code


_COUNTS = ("imported", "new", "refused", "failed", "skipped", "gone", "files_seen", "files_read")


def _summary(table: Any) -> Iterator[str]:
    if table.skipped:
        kinds: dict[str, int] = {}
        for row in table.rows():
            if row["key"] and row["status"] == "skipped":
                kinds[row["modality"] or "unknown"] = kinds.get(row["modality"] or "unknown", 0) + 1
        shown = ", ".join(f"{kind} ({count})" for kind, count in sorted(kinds.items()))
        yield f"DICOM objects without an image: {shown}"
    yield from table.notes
    if table.gone:
        one = table.gone == 1
        yield f"{table.gone} volume{' has' if one else 's have'} no source any more; what was imported is kept"


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[str, int, int, int, int], None] | None]:
    """A bar of files and bytes on stderr, for people only."""
    console = _console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bar

    files = (BarColumn(bar_width=28), MofNCompleteColumn(), TextColumn("files  {task.fields[size]}"))
    with Bar(TextColumn("{task.description}"), *files, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("scan", total=None, size="")
        sizes = DownloadColumn(binary_units=True)
        speed = TransferSpeedColumn()
        # Only their ways of writing numbers: the bar itself counts files.
        hidden = Bar(disable=True)
        volume = hidden.add_task("bytes")

        def advance(stage: str, files: int, all_files: int, size: int, all_size: int) -> None:
            if all_size:
                hidden.update(volume, completed=size, total=all_size)
            shown = f"{sizes.render(hidden.tasks[0])}  {speed.render(hidden.tasks[0])}" if all_size else ""
            if bar.tasks[0].description != stage:
                bar.reset(task, description=stage, size=shown)
            bar.update(task, completed=files, total=all_files or None, size=shown)

        yield advance
