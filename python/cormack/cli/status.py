"""``cormack status``: where a run stands, also while it goes on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cormack.cli.app import (
    _OK,
    _SOME_FAILED,
    _check_input,
    _console,
    _one_line,
    _path,
    _print_json,
    _say,
    _seconds,
    app,
)

_MOST_NAMED = 20


@app.command(
    help="Say where a run stands: how many cases wait, run, are completed or failed, and why.\n\n"
    "DIR is what `cormack run --out` was given; the run may be going on. Exit code: 0 all good, 1 some cases failed, "
    "2 wrong use.",
    epilog="Example:  [bold]cormack status results[/bold]",
)
def status(
    out: Annotated[Path, typer.Argument(metavar="DIR", parser=_path, help="The output folder of a run.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, with every case.")] = False,
) -> int:
    """``cormack status``."""
    _check_input(out, "DIR")
    from cormack.pipeline import read_status

    found = read_status(out)
    code = _SOME_FAILED if found["failed"] else _OK
    if as_json:
        hidden = ("stamp", "lost")
        cases = [{key: value for key, value in asdict(e).items() if key not in hidden} for e in found["cases"]]
        _print_json({**found, "cases": cases})
        return code
    console = _console()
    cases = found["cases"]
    done = found["completed"] + found["failed"]
    _say(console, f"{found['config_name']}: {found['state']}, {done} of {len(cases)} cases done", "bold")
    _say(console, "  " + ", ".join(f"{found[name]} {name}" for name in ("completed", "failed", "running", "waiting")))
    if found["state"] == "running":
        where = f" on {found['host']}" if found["host"] else ""
        _say(console, f"  begun {_seconds(found['seconds'])} ago{where}")
        for entry in [e for e in cases if e.state == "running"][:_MOST_NAMED]:
            _say(console, f"  running: {_one_line(entry.id)}")
    failed = [entry for entry in cases if entry.state == "failed"]
    for entry in failed[:_MOST_NAMED]:
        _say(console, f"  failed: {_one_line(entry.id)}: {_one_line(entry.reason)}", "red")
    if len(failed) > _MOST_NAMED:
        _say(console, f"  and {len(failed) - _MOST_NAMED} more; --json has them all", "red")
    if found["state"] == "interrupted":
        _say(console, "  Run the same command again to go on.")
    return code
