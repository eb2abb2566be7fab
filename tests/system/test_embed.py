"""The C++ package inside an installed wheel: find_package, compile, link, run, without Python."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import cormack


def test_find_package_from_the_wheel(tmp_path):
    package = Path(cormack.__file__).parent / "cmake"
    cmake = shutil.which("cmake")
    if cmake is None or not package.is_dir():
        pytest.skip("needs CMake and an installed wheel")
    source = Path(__file__).resolve().parents[1] / "cpp" / "embed"
    for command in (
        [cmake, "-S", source, "-B", tmp_path, f"-Dcormack_DIR={package}"],
        [cmake, "--build", tmp_path],
    ):
        result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
    result = subprocess.run([tmp_path / "embed"], capture_output=True, text=True, timeout=10, check=True)
    assert result.stdout == "100\n"
