"""The C++ package: find_package, compile, link, run, without Python."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cormack

REPOSITORY = Path(__file__).resolve().parents[2]


CMAKE = shutil.which("cmake")


def run(*command: object, **options: object) -> str:
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def outputs_of_the_example(prefix: Path, folder: Path) -> dict[str, str]:
    """What each program of `examples/cpp` prints, built against what `prefix` has."""
    run(CMAKE, "-S", REPOSITORY / "examples" / "cpp", "-B", folder, f"-Dcormack_ROOT={prefix}", timeout=120)
    run(CMAKE, "--build", folder, timeout=120)
    outputs = {}
    for program in [path for path in folder.glob("grow_region*") if path.is_file()]:
        outputs[program.name] = run(program, timeout=10)
        assert re.search(r"^volume +4\d\d\.\d mm3$", outputs[program.name], re.MULTILINE), outputs
        missing = subprocess.run(
            [program, "no.raw", *"111111000", "0", "1"], capture_output=True, text=True, check=False
        )
        assert missing.returncode == 1
        assert "no.raw cannot be read" in missing.stderr
    return outputs


def test_the_example_builds_from_the_wheel(tmp_path):
    prefix = Path(os.environ.get("CORMACK_PREFIX", cormack.__path__[0]))
    if CMAKE is None or not (prefix / "lib" / "cmake" / "cormack").is_dir():
        pytest.skip("needs CMake and an installed wheel, or a prefix that CORMACK_PREFIX names")
    assert outputs_of_the_example(prefix, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(CMAKE is None or not sys.platform.startswith("linux"), reason="needs CMake, and reads ELF files")
def test_the_shared_library(tmp_path):
    """As `examples/cpp/README.md` builds it. CMAKE_CXX_COMPILER_LAUNCHER=ccache in the environment makes it short."""
    build, first, prefix = tmp_path / "build", tmp_path / "first", tmp_path / "moved to" / "prefix"
    run(CMAKE, "-S", REPOSITORY, "-B", build, "-DCORMACK_PYTHON=OFF", "-DCORMACK_WERROR=ON")
    run(CMAKE, "--build", build, "-j", "2")
    run(CMAKE, "--install", build, "--prefix", first)
    prefix.parent.mkdir()
    first.rename(prefix)
    outputs = outputs_of_the_example(prefix, tmp_path / "example")
    assert set(outputs) == {"grow_region", "grow_region_shared"}
    assert len(set(outputs.values())) == 1

    library = prefix / "lib" / "libcormack.so"
    symbols = run("nm", "-DC", "--defined-only", library).splitlines()
    assert symbols
    assert [line for line in symbols if " cormack::" not in line] == []
    dynamic = run("readelf", "-d", library)
    major_minor = ".".join(cormack.__version__.split(".")[:2])
    assert f"[libcormack.so.{major_minor}]" in dynamic
    assert re.search("RPATH|RUNPATH", dynamic) is None
    needed = set(re.findall(r"\(NEEDED\).*\[(\w[\w+-]*)\.so", dynamic))
    assert needed <= {"libstdc++", "libm", "libgcc_s", "libc", "libpthread", "ld-linux-x86-64", "ld-linux-aarch64"}

    other = tmp_path / "other"
    other.mkdir()
    (other / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(other LANGUAGES CXX)\nfind_package(cormack 9.9 REQUIRED)\n"
    )
    command = [CMAKE, "-S", other, "-B", other / "build", f"-Dcormack_ROOT={prefix}"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert 'requested version "9.9"' in refused.stderr


def includes(path: Path) -> set[str]:
    return set(re.findall(r'^#include "([^"]+)"', path.read_text(), re.MULTILINE))


def test_the_public_header_has_what_python_has():
    bound = set().union(*map(includes, (REPOSITORY / "cpp" / "bindings").glob("*.cpp")))
    # What Python finishes for a GPU that has counted.
    bound -= {"features/mesh.hpp", "features/mesh_tables.hpp"}
    bound = {header for header in bound if not header.startswith(("bindings/", "cuda/"))}
    assert includes(REPOSITORY / "cpp" / "cormack.hpp") == bound


def public_headers() -> list[Path]:
    waiting, seen = ["cormack.hpp"], []
    while waiting:
        header = waiting.pop()
        if header not in seen:
            seen.append(header)
            waiting += includes(REPOSITORY / "cpp" / header)
    return [REPOSITORY / "cpp" / header for header in seen]


def names_outside_of_cpu(header: Path) -> set[str]:
    """Functions that a header declares in namespace cormack itself, and classes whose members it declares there."""
    text = re.sub(r"//.*", "", header.read_text())
    text = re.sub(r"^namespace (cormack::)?cpu \{.*?^\}(?!;)", "", text, flags=re.MULTILINE | re.DOTALL)
    for _ in range(4):  # bodies within bodies, but for those of namespaces and classes, which start a line
        text = re.sub(r"(?<=[^\n])\{[^{}\n]*\}|(?<=\) )\{[^{}]*\}", "", text)
    functions = re.findall(r"^(?!inline|template|using|#)\w[\w:<>,&* ]*?\b(\w+)\([^{}()]*\)[ \w]*;", text, re.MULTILINE)
    classes = re.findall(r"(?<!>\n)^(?:class|struct) (\w+)[^{;]*\{\n(.*?)^\};", text, re.MULTILINE | re.DOTALL)
    with_members = [
        name for name, body in classes if re.search(r"^  [\w:&* ]*\w\([^{}()]*\)[ \w]*;", body, re.MULTILINE)
    ]
    return {f"cormack::{name}" for name in functions} | {f"cormack::{name}::" for name in with_members}


def test_the_shared_library_exports_what_headers_declare():
    exported = re.findall(r"^ +(cormack::.*);", (REPOSITORY / "cpp/cmake/exports.map").read_text(), re.MULTILINE)
    declared = set().union(*map(names_outside_of_cpu, public_headers()))
    assert {"cormack::set_num_threads", "cormack::dicom_frames", "cormack::Levels::"} <= declared
    assert [name for name in declared if not any(fnmatch.fnmatch(name, pattern) for pattern in exported)] == []
    assert [pattern for pattern in exported[1:] if not fnmatch.filter(declared, pattern)] == []
