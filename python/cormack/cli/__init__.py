"""The ``cormack`` command: folders in, tables and a report out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the ``cormack`` command.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows ``cormack`` on the command line; ``sys.argv[1:]`` when not given.

    Returns
    -------
    int
        0: all good; 1: some cases failed, or an error inside the program; 2: wrong use; 130: interrupted.

    Examples
    --------
    >>> from cormack.cli import main
    >>> main(["--version"])  # doctest: +ELLIPSIS
    cormack ...
    0
    """
    missing = [name for name in ("typer", "rich") if find_spec(name) is None]
    if missing:
        # Checked by name and not by catching ImportError, which would also hide a fault of our own modules.
        print(
            f'cormack: the command line needs {" and ".join(missing)}; install with: pip install "cormack[cohort]"',
            file=sys.stderr,
        )
        return 2
    # They add their commands to the application.
    from cormack.cli import anomaly, bench, import_, predict, radiomics, scan, status, train  # noqa: F401
    from cormack.cli.app import run_app

    return run_app(sys.argv[1:] if arguments is None else list(arguments))
