"""Who may use whom (the layers of CONTRIBUTING.md), and that every operation has all its parts."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import cormack
from cormack import _cormack_cpu

REPOSITORY = Path(__file__).resolve().parents[2]
CPP = REPOSITORY / "cpp"
PYTHON = REPOSITORY / "python" / "cormack"
FAMILIES = ("filters", "enhance", "segment", "features", "detect")

# Folder of cpp/ to the folders it may include from, beside itself.
CPP_LAYERS = {
    "cormack.hpp": {"core", "pointwise", *FAMILIES, "import"},
    "core": set(),
    "pointwise": {"core"},
    "filters": {"core", "pointwise"},
    "enhance": {"core", "pointwise", "filters"},
    "segment": {"core", "pointwise", "filters", "enhance"},
    "features": {"core", "pointwise", "filters", "enhance", "segment"},
    "detect": {"core", "pointwise", "filters", "enhance", "segment", "features"},
    "import": {"core", "pointwise"},
    "cuda": {"core"},
    "bindings": {"core", "pointwise", "filters", "enhance", "segment", "features", "detect", "import", "cuda"},
}
# Top-level module of the package to the ones it may import, beside the private ones of PRIVATE.
PRIVATE = {
    "_arrays",
    "_backends",
    "_check",
    "_config",
    "_cormack_cpu",
    "_cuts",
    "_device_arrays",
    "_docs",
    "_errors",
    "_files",
    "_gpu_memory",
    "_intensity",
    "_model_folder",
    "_neighbourhood",
    "_report",
    "_resampling",
    "_slabs",
    "_table",
    "_workers",
    "_yaml",
}
PYTHON_LAYERS = {
    "volume": set(),
    "filters": set(),
    "enhance": set(),
    "segment": {"enhance", "filters"},
    "features": {"enhance"},
    "detect": {"enhance", "features", "filters", "segment"},
    "anomaly": {"classify", "deep", "enhance", "filters", "io", "pipeline", "volume"},
    "anatomy": {"detect", "filters", "enhance", "segment", "volume"},
    "phantoms": {"detect", "io", "segment", "volume"},
    "io": {"volume"},
    "classify": {"features", "io", "volume"},
    "pipeline": {
        "anatomy",
        "classify",
        "deep",
        "detect",
        "enhance",
        "features",
        "filters",
        "io",
        "phantoms",
        "segment",
        "volume",
    },
    "compat": {"detect", "enhance", "features", "filters", "io", "segment", "volume"},
    "deep": {"detect", "volume"},
    "ndimage": {"enhance", "filters", "segment"},
    "dask": {"enhance", "filters", "segment", "volume"},
    "bench": {"detect", "enhance", "features", "filters", "phantoms", "segment"},
    "cli": {"anomaly", "bench", "classify", "pipeline", "io", "compat"},
}
ISA_HEADERS = {"cstdint", "cstddef", "cstring", "cmath", "limits", "type_traits", "immintrin.h", "bit", "utility"}


def sources(*suffixes: str) -> list[Path]:
    return sorted(path for suffix in suffixes for path in CPP.rglob(f"*{suffix}"))


@pytest.mark.parametrize("path", sources(".hpp", ".cpp", ".cu", ".cuh"), ids=lambda p: str(p.relative_to(CPP)))
def test_cpp_includes_follow_the_layers(path):
    folder = path.relative_to(CPP).parts[0]
    for included in re.findall(r'#include "([^"]+)"', path.read_text()):
        other = included.split("/")[0]
        # A plan and its kernels use what runs them; the extension's module is a binding.
        if (other == "cuda" and path.name.endswith((".plan.cpp", "_plan.hpp", ".cuh"))) or (
            other == "bindings" and path.name == "module.cpp"
        ):
            continue
        assert other == folder or other in CPP_LAYERS[folder], f"{path.name} includes {included}"
    if folder != "bindings" and path.name != "module.cpp":
        assert "pybind11" not in path.read_text()


@pytest.mark.parametrize("path", sources(".isa.cpp"), ids=lambda p: p.name)
def test_instruction_set_sources_use_no_containers(path):
    headers = set(re.findall(r"#include <([^>]+)>", path.read_text()))
    assert headers <= ISA_HEADERS


def imported_modules(path: Path) -> set[str]:
    """Return the top-level modules of cormack that a file imports, also inside functions."""
    package = ("cormack", *path.relative_to(PYTHON).with_suffix("").parts)[:-1]
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[1] for alias in node.names if alias.name.startswith("cormack."))
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = package[: len(package) - node.level + 1] + tuple((node.module or "").split("."))
                base = tuple(part for part in base if part)
            else:
                base = tuple((node.module or "").split("."))
            if base[:1] == ("cormack",):
                names.update([base[1]] if len(base) > 1 else [alias.name for alias in node.names])
    return names


@pytest.mark.parametrize("path", sorted(PYTHON.rglob("*.py")), ids=lambda p: str(p.relative_to(PYTHON)))
def test_python_imports_follow_the_layers(path):
    module = path.relative_to(PYTHON).parts[0].removesuffix(".py")
    if module.startswith("__") or module in PRIVATE:
        return
    allowed = PYTHON_LAYERS[module] | PRIVATE | {module, "__version__", "show_config", "get_num_threads"}
    assert imported_modules(path) <= allowed


def operations(family: str) -> dict[str, object]:
    """Return what a family offers by name, tables left out."""
    members = {name: getattr(cormack, family).__dict__[name] for name in getattr(cormack, family).__all__}
    return {name: member for name, member in members.items() if callable(member)}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_operation_has_a_test_file(family):
    tests = "".join(path.read_text() for path in (REPOSITORY / "tests").rglob("test_*.py"))
    for name, member in operations(family).items():
        called = rf"\b{name}\b" if isinstance(member, type) else rf"\b{name}\("
        assert re.search(called, tests), f"{family}.{name} is called by no test"


@pytest.mark.parametrize("family", FAMILIES)
def test_every_operation_has_a_complete_docstring(family):
    for name, member in operations(family).items():
        sections = ("Parameters", "Examples") if isinstance(member, type) else ("Parameters", "Returns", "Examples")
        for section in sections:
            assert f"{section}\n" in (member.__doc__ or ""), f"{family}.{name} has no section {section}"


def test_the_stub_names_what_the_extension_has():
    stub = ast.parse((PYTHON / "_cormack_cpu.pyi").read_text())
    declared = {node.name for node in stub.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    declared |= {node.target.id for node in stub.body if isinstance(node, ast.AnnAssign)}
    assert declared == {name for name in dir(_cormack_cpu) if not name.startswith("_")}
