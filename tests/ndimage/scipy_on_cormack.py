"""A pytest plugin: SciPy's own tests of `scipy.ndimage` call `cormack.ndimage`, and a file says what became of them.

Used by test_scipy_suite.py in a process of its own: ``pytest -p scipy_on_cormack --results FILE PATH``.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import scipy
import scipy.ndimage as theirs
from scipy._lib._array_api import xp_capabilities_table

import cormack.ndimage as ours
from cormack.ndimage import _binary, _grey, _images, _interpolation, _measurements

# Of the test that runs: the functions of Cormack that it has called, and those that were handed on to SciPy.
called: set[str] = set()
handed: set[str] = set()
results: dict[str, dict[str, Any]] = {}


def _noted(name: str) -> Any:
    function = getattr(ours, name)

    @functools.wraps(function)
    def noted(*args: Any, **keywords: Any) -> Any:
        called.add(name)
        return function(*args, **keywords)

    # What SciPy's fixtures ask of the functions that they test.
    xp_capabilities_table[noted] = xp_capabilities_table[getattr(theirs, name)]
    return noted


def _stand_in() -> ModuleType:
    module = ModuleType("scipy.ndimage")
    # Private modules, which some tests look into.
    module.__getattr__ = lambda name: getattr(theirs, name)  # type: ignore[method-assign]
    for name in dir(ours):
        own = name in ours.__all__ and name != "provided_by"
        setattr(module, name, _noted(name) if own else getattr(ours, name))
    return module


for _module in (_binary, _grey, _images, _interpolation, _measurements):

    def _scipys(name: str, what: str, find: Any = _module.scipys) -> Any:
        handed.add(name)
        return find(name, what)

    _module.scipys = _scipys
scipy.ndimage = _stand_in()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--results", metavar="FILE", help="where to write what became of each test")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Any:
    called.clear()
    handed.clear()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    if report.when == "call" or report.outcome != "passed":
        error = call.excinfo
        results[item.nodeid.split("/")[-1]] = {
            "outcome": "xfailed" if hasattr(report, "wasxfail") else report.outcome,
            "error": "" if error is None else error.exconly(),
            "called": sorted(called),
            "handed": sorted(handed),
        }
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    Path(session.config.getoption("--results")).write_text(json.dumps(results), encoding="utf-8")
