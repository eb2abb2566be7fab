"""The option that writes docs/ndimage.md, and the summary of SciPy's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from .page import page, summary


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes docs/ndimage.md."""
    parser.addoption("--ndimage-page", metavar="PATH", help="write a page of what became of SciPy's tests")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what became of SciPy's tests: what the test of the whole suite recorded as "scipy suite"."""
    reports = [report for key in ("passed", "failed") for report in terminalreporter.getreports(key)]
    properties = [pair for report in reports for pair in getattr(report, "user_properties", ())]
    for results in (value for name, value in properties if name == "scipy suite"):
        terminalreporter.section("SciPy's tests of scipy.ndimage on cormack.ndimage")
        for way, count in summary(results):
            terminalreporter.write_line(f"{count:6d} {way}")
        path = terminalreporter.config.getoption("--ndimage-page", default=None)
        if path is not None:
            Path(path).write_text(page(results), encoding="utf-8")
