"""The C++ package: find_package, compile, link, run, without Python."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import cormack

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_example_builds_from_the_wheel(tmp_path):
    prefix = Path(os.environ.get("CORMACK_PREFIX", cormack.__path__[0]))
    cmake = shutil.which("cmake")
    if cmake is None or not (prefix / "lib" / "cmake" / "cormack").is_dir():
        pytest.skip("needs CMake and an installed wheel, or a prefix that CORMACK_PREFIX names")
    for command in (
        [cmake, "-S", REPOSITORY / "examples" / "cpp", "-B", tmp_path, f"-Dcormack_ROOT={prefix}"],
        [cmake, "--build", tmp_path],
    ):
        result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
    programs = [path for path in tmp_path.glob("grow_region*") if path.is_file()]
    assert programs
    for program in programs:
        result = subprocess.run([program], capture_output=True, text=True, timeout=10, check=True)
        assert re.search(r"^volume +4\d\d\.\d mm3$", result.stdout, re.MULTILINE), result.stdout
        missing = subprocess.run(
            [program, "no.raw", *"111111000", "0", "1"], capture_output=True, text=True, check=False
        )
        assert missing.returncode == 1
        assert "no.raw cannot be read" in missing.stderr


def includes(path: Path) -> set[str]:
    return set(re.findall(r'^#include "([^"]+)"', path.read_text(), re.MULTILINE))


def test_the_public_header_has_what_python_has():
    bound = set().union(*map(includes, (REPOSITORY / "cpp" / "bindings").glob("*.cpp")))
    # What Python finishes for a GPU that has counted.
    bound -= {"features/mesh.hpp", "features/mesh_tables.hpp"}
    bound = {header for header in bound if not header.startswith(("bindings/", "cuda/"))}
    assert includes(REPOSITORY / "cpp" / "cormack.hpp") == bound
