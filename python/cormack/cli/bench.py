"""``cormack bench``: how fast this machine is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cormack.cli.app import _OK, WrongUse, _check_out, _console, _path, _print_json, _progress, _say, app


@app.command(
    help="Measure Cormack on this machine: milliseconds of the main operations on a synthetic chest CT, as multiples "
    "of a copy of the image in memory, beside SciPy, scikit-image and SimpleITK where they are installed.\n\n"
    "Close other programs first. Takes about a minute, with --quick some seconds. What is written names the "
    "processor and versions, not the machine or its user. Exit code: 0 all good, 2 wrong use.",
    epilog="Example:  [bold]cormack bench --quick[/bold]",
)
def bench(
    quick: Annotated[bool, typer.Option("--quick", help="A smaller image and fewer rounds.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", parser=_path, help="Write bench.json and bench.html (plot) there."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", metavar="N", min=1, help="Threads; all of this process if not given.")
    ] = None,
    only: Annotated[
        str | None, typer.Option("--only", metavar="TEXT", help="Rows with TEXT in their name: median, segment.")
    ] = None,
    no_peers: Annotated[bool, typer.Option("--no-peers", help="Cormack alone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")] = False,
) -> int:
    """``cormack bench``."""
    if out is not None:
        _check_out(out)
    from cormack.bench import OPERATIONS, measure, write_page

    if only is not None and not any(only in row.family or only in row.name for row in OPERATIONS):
        raise WrongUse(f"--only {only} is in no row; there are: {', '.join(row.name for row in OPERATIONS)}")
    with _progress(quiet=as_json, first="making the image") as advance:
        result = measure(
            quick=quick,
            peers=not no_peers,
            only=only,
            threads=threads,
            progress=None if advance is None else lambda name, done, total: advance("measuring", name, "", done, total),
        )
    page = None if out is None else write_page(result, out)
    if as_json:
        _print_json(result)
        return _OK
    _show(result)
    if page is not None:
        console = _console()
        _say(console, f"Plot and table: {page}")
        _say(console, f"To share: {page.with_name('bench.json')}")
    return _OK


def _show(result: dict[str, Any]) -> None:
    from rich import box
    from rich.table import Table

    from cormack._report.formatting import milliseconds

    console = _console()
    machine, image, copy = result["machine"], result["image"], result["copy"]
    versions = ", ".join(f"{name} {text}" for name, text in result["versions"].items() if name != "cormack")
    _say(console, f"Cormack {result['versions']['cormack']} on {machine['processor']}", "bold")
    _say(console, f"{machine['threads']} threads, instruction set {machine['instruction_set']}; {versions}")
    shape = " x ".join(str(n) for n in image["shape"])
    _say(
        console, f"{image['dtype']}, {shape}: a copy takes {milliseconds(copy['ms'])} ms ({copy['gb_per_s']:.0f} GB/s)"
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("operation", overflow="fold")
    table.add_column("ms", justify="right")
    table.add_column("copies", justify="right")
    table.add_column("peers, ms (times slower)", overflow="fold")
    for row in result["rows"]:
        peers = ", ".join(
            f"{name} {milliseconds(peer['ms'])} ({milliseconds(peer['times_slower'])} x"
            f"{'; other voxels' if peer['equal'] is False else ''})"
            for name, peer in row["peers"].items()
        )
        table.add_row(row["name"], milliseconds(row["ms"]), milliseconds(row["copies"]), peers)
    console.print(table)
