"""The file that type checkers read calls every public function."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import cormack

SOURCE = Path(__file__).with_name("public_api.py")
# Twins of others, with their signatures, and the same functions on other arrays.
ELSEWHERE = {"compat", "dask"}
NAMESPACES = sorted(name for name in cormack.__all__ if isinstance(getattr(cormack, name), type(cormack)))


@pytest.fixture(scope="module")
def used() -> set[str]:
    return {
        ast.unparse(node) for node in ast.walk(ast.parse(SOURCE.read_text("utf-8"))) if isinstance(node, ast.Attribute)
    }


@pytest.mark.parametrize("name", sorted(set(NAMESPACES) - ELSEWHERE))
def test_every_public_function_is_used(name, used):
    namespace = getattr(cormack, name)
    functions = [f for f in namespace.__all__ if callable(getattr(namespace, f)) and f[0].islower()]
    assert [f for f in functions if f"{name}.{f}" not in used] == []
