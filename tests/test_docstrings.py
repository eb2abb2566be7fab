"""Every example in a docstring runs and prints what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import cormack

MODULES = sorted(
    module.name
    # A package that cannot be imported, for want of a library, is tested as one that has no modules.
    for module in pkgutil.walk_packages(cormack.__path__, "cormack.", onerror=lambda name: None)
    if not module.name.rsplit(".", 1)[-1].startswith(("__main__", "_cormack_"))
)
# Modules, and those below them, that stand on libraries which the tests do without.
NEEDS = {"cormack.compat.monai": "monai", "cormack.compat.napari._widgets": "napari"}


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    for module, library in NEEDS.items():
        if name.startswith(module):
            pytest.importorskip(library)
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.failed == 0
