"""A pytest plugin: scikit-image's own tests call `cormack.compat.skimage`, and a file says what became of them.

Used by test_skimage_suite.py in a process of its own: ``pytest -p skimage_on_cormack --results FILE PATH``.
"""

from __future__ import annotations

import functools
import importlib
import json
from pathlib import Path
from typing import Any

import pytest

MODULES = ("exposure", "feature", "filters", "measure", "morphology", "restoration", "segmentation", "transform")
# Of the test that runs: the functions of Cormack that it has called.
called: set[str] = set()
results: dict[str, dict[str, Any]] = {}
# By scikit-image's function: tests import them from private modules too.
_stand_ins: dict[Any, Any] = {}


def _noted(name: str, function: Any) -> Any:
    @functools.wraps(function)
    def noted(*args: Any, **keywords: Any) -> Any:
        called.add(name)
        return function(*args, **keywords)

    return noted


for _module in MODULES:
    _ours = importlib.import_module(f"cormack.compat.skimage.{_module}")
    _theirs = importlib.import_module(f"skimage.{_module}")
    for _name in _ours.__all__:
        _original = getattr(_theirs, _name)
        _stand_ins.setdefault(_original, _noted(_name, getattr(_ours, _name)))
        setattr(_theirs, _name, _stand_ins[_original])


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--results", metavar="FILE", help="where to write what became of each test")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Replace what tests have imported from private modules, and what they are parametrised with."""
    names = [vars(item.getparent(pytest.Module).obj) for item in items]  # type: ignore[union-attr]
    names += [item.callspec.params for item in items if hasattr(item, "callspec")]
    for scope in {id(scope): scope for scope in names}.values():
        for name, value in list(scope.items()):
            if callable(value) and getattr(value, "__hash__", None) and value in _stand_ins:
                scope[name] = _stand_ins[value]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Any:
    called.clear()
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
        }
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    Path(session.config.getoption("--results")).write_text(json.dumps(results), encoding="utf-8")
