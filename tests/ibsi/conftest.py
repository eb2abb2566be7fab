"""The phantoms of IBSI 1 as arrays in (z, y, x) order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from .page import recorded

DATA = Path(__file__).parent / "data"


def _read(folder: Path) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    nibabel = pytest.importorskip("nibabel")
    image, mask = (nibabel.load(folder / f"{name}.nii.gz") for name in ("image", "mask"))
    spacing = tuple(float(size) for size in image.header.get_zooms()[::-1])
    return np.asarray(image.dataobj).T, np.asarray(mask.dataobj).T != 0, spacing


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes docs/ibsi.md."""
    parser.addoption("--ibsi-page", metavar="PATH", help="write a page of the reference values that match")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print, for each reference table, how many of its values match: what tests recorded as "ibsi"."""
    reports = [report for key in ("passed", "failed") for report in terminalreporter.getreports(key)]
    properties = [pair for report in reports for pair in getattr(report, "user_properties", ())]
    lines = [value for name, value in properties if name == "ibsi"]
    maps = [value for name, value in properties if name == "ibsi map"]
    if maps:
        lines.append(f"IBSI 2 response maps: {sum(maps)} of {len(maps)} within tolerance")
    if lines:
        terminalreporter.section("IBSI reference values")
        for line in lines:
            terminalreporter.write_line(line)
    path = terminalreporter.config.getoption("--ibsi-page", default=None)
    if path is not None:
        # A page of less than all tables would not say so.
        if terminalreporter.stats.get("skipped"):
            terminalreporter.write_line(f"{path} was not written: tests were skipped")
        else:
            Path(path).write_text(recorded(properties), encoding="utf-8")


@pytest.fixture(scope="session")
def digital_phantom() -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """Image, mask and spacing of the digital phantom."""
    return _read(DATA)


@pytest.fixture(scope="session")
def ct_phantom(data: Path) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """Image (rounded to integers, as the manual asks for), mask and spacing of the lung CT phantom; skip without."""
    image, mask, spacing = _read(data / "ibsi_ct_phantom")
    return np.rint(image).astype(np.int16), mask, spacing
