"""SciPy's own tests of `scipy.ndimage` against `cormack.ndimage`: they pass, but for the listed differences."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .differences import VERSION, disagreements

scipy = pytest.importorskip("scipy")
TESTS = Path(scipy.__file__).parent / "ndimage" / "tests"
if not scipy.__version__.startswith(VERSION + "."):
    pytest.skip(f"the differences are those of SciPy {VERSION}, not {scipy.__version__}", allow_module_level=True)
if not TESTS.is_dir():
    pytest.skip("this SciPy comes without its tests", allow_module_level=True)


def outcomes(path: Path, folder: Path) -> dict[str, dict[str, Any]]:
    """Run SciPy's tests at a path in a process of their own, where `scipy.ndimage` is Cormack's."""
    results = folder / "results.json"
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(TESTS.parents[1]), "--tb=no"]
    command += ["-p", "no:cacheprovider", "-p", "scipy_on_cormack", "--results", str(results), str(path)]
    paths = [str(Path(__file__).parent), *filter(None, sys.path)]
    process = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    # 1: some tests failed, as the table says.
    assert process.returncode in (0, 1), process.stdout + process.stderr
    found: dict[str, dict[str, Any]] = json.loads(results.read_text(encoding="utf-8"))
    return found


def test_scipy_tests_of_measurements_pass_but_for_the_listed(tmp_path):
    results = outcomes(TESTS / "test_measurements.py", tmp_path)
    assert len(results) > 100
    assert not disagreements(results)


@pytest.mark.slow
def test_scipy_tests_pass_but_for_the_listed(tmp_path, record_property):
    results = outcomes(TESTS, tmp_path)
    record_property("scipy suite", results)
    assert len(results) > 5000
    assert not disagreements(results)
