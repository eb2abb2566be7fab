"""Code in README and in the pages fits the library: it compiles, its names exist, and calls have arguments that fit."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import cormack

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
UNKNOWN = object()
# Modules that stand on libraries which the tests do without.
OPTIONAL = {"cormack.compat.monai": "monai"}


class Names(ast.NodeVisitor):
    """Follows names of Cormack through a piece of code, and asserts that they exist and take what they are given."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name.partition(".")[0] == "cormack":
                module = importlib.import_module(alias.name)
                self.known[alias.asname or "cormack"] = module if alias.asname else cormack

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        library = OPTIONAL.get(node.module or "")
        if library is not None and importlib.util.find_spec(library) is None:
            return
        if (node.module or "").partition(".")[0] == "cormack":
            for alias in node.names:
                self.known[alias.asname or alias.name] = getattr(importlib.import_module(node.module), alias.name)

    def value(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name):
            return self.known.get(node.id, UNKNOWN)
        if isinstance(node, ast.Attribute):
            owner = self.value(node.value)
            if inspect.ismodule(owner) or inspect.isclass(owner):
                assert hasattr(owner, node.attr), f"line {node.lineno}: {owner.__name__} has no {node.attr}"
                return getattr(owner, node.attr)
        return UNKNOWN

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.value(node)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        function = self.value(node.func)
        if callable(function) and not any(isinstance(argument, ast.Starred) for argument in node.args):
            keywords = {keyword.arg: None for keyword in node.keywords if keyword.arg}
            # TypeError: a missing argument, or one that there is not.
            inspect.signature(function).bind(*node.args, **keywords)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        for target in node.targets:
            for name in ast.walk(target):
                if isinstance(name, ast.Name):
                    self.known.pop(name.id, None)


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_code_fits_the_library(page):
    names = Names()
    for code in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        names.visit(ast.parse(code))


def test_the_page_names_every_transform_of_monai():
    # Read, not imported: MONAI need not be installed.
    source = ast.parse((ROOT / "python/cormack/compat/monai/__init__.py").read_text(encoding="utf-8"))
    (public,) = [
        ast.literal_eval(node.value)
        for node in source.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "__all__"
    ]
    page = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8").partition("## MONAI")[2].partition("\n## ")[0]
    named = {name for row in re.findall(r"^\|.*\|$", page, re.MULTILINE) for name in re.findall(r"`([A-Z]\w+)`", row)}
    assert {name + end for name in named for end in ("", "d")} == set(public)
