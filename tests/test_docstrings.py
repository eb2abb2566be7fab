"""Every example in a docstring runs and prints what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import cormack

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(cormack.__path__, "cormack.")
    if not module.name.rsplit(".", 1)[-1].startswith(("__main__", "_cormack_"))
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.failed == 0
