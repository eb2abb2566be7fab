"""The page of the command line: every command with its arguments, options and example, from the program itself."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from typing import Any


def page() -> str:
    """Return the page, as reStructuredText."""
    from typer.main import get_command

    from cormack import cli
    from cormack.cli.app import app

    for module in pkgutil.iter_modules(cli.__path__):
        # They add their commands to the application.
        importlib.import_module(f"cormack.cli.{module.name}")
    lines = ["Command line", "============", ""]
    lines += ['``pip install "cormack[cohort]"``. Exit codes: 0 all good, 1 some cases failed, 2 wrong use.', ""]
    return "\n".join([*lines, *_commands(get_command(app), "cormack")]) + "\n"


def _commands(command: Any, name: str) -> list[str]:
    commands = getattr(command, "commands", None)
    if commands is not None:
        shown = (inner for inner in commands.values() if not inner.hidden)
        return [line for inner in shown for line in _commands(inner, f"{name} {inner.name}")]
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    usage = " ".join([name, *map(_metavar, arguments), "[options]"])
    lines = [name, "-" * len(name), "", ".. code-block:: text", "", f"   {usage}", ""]
    lines += [_plain(inspect.cleandoc(command.help or "")), ""]
    rows = [(f"``{_metavar(one)}``", getattr(one, "help", "")) for one in arguments]
    for one in options:
        names = ", ".join([*one.opts, *one.secondary_opts])
        rows.append((f"``{names}{'' if one.is_flag else ' ' + _metavar(one)}``", getattr(one, "help", "")))
    if rows:
        lines += [".. list-table::", "   :widths: 35 65", ""]
        for left, text in rows:
            lines += [f"   * - {left}", f"     - {_plain(text or '')}"]
        lines += [""]
    if command.epilog:
        lines += [_plain(inspect.cleandoc(command.epilog)), ""]
    return lines


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _plain(text: str) -> str:
    """Rich markup as reStructuredText; what would be markup in the text itself stays as it is."""
    text = re.sub(r"(?<!`)`([^`]+)`", r"``\1``", text)
    text = re.sub(r"'(\w+_\*)'", r"``\1``", text)
    text = re.sub(r"\[bold\](.+?)\[/bold\]", r"``\1``", text)
    text = re.sub(r"\[/?(?:dim|green|red|yellow|cyan)\]", "", text)
    # What is typed, where it is no code yet: two hyphens would become a dash, and an address a link.
    parts = re.split(r"(``.+?``)", text)
    parts[::2] = (re.sub(r"(?<![\w-])(--[a-z][a-z-]*|tcp://[\w:]+)", r"``\1``", part) for part in parts[::2])
    return "".join(parts)
