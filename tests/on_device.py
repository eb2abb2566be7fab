"""The CPU's tests on a GPU: `--device cuda` makes that the default `device` of every function that has a GPU form.

Images of the tests then go to the device and results come back, whatever way a test gets hold of a function; its oracle
stays. What a GPU form refuses by name, and what computes nothing on a device, is skipped.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Generator, Iterator
from types import FunctionType
from typing import Any

import pytest

from cormack import BackendUnavailable, _backends, _cormack_cpu, detect, enhance, features, filters, segment

from .gpu.shim import ShimLibrary

FAMILIES = {"detect": detect, "enhance": enhance, "features": features, "filters": filters, "segment": segment}


def with_a_device() -> list[FunctionType]:
    """Return all public functions that take `device`."""
    functions = (getattr(family, name) for family in FAMILIES.values() for name in family.__all__)
    return [one for one in functions if inspect.isfunction(one) and "device" in (one.__kwdefaults__ or {})]


def _refusals(error: BaseException) -> list[BackendUnavailable]:
    """Return what an error, or every part of a group, refuses; none where it is anything else."""
    if isinstance(error, BaseExceptionGroup):
        parts = [_refusals(part) for part in error.exceptions]
        return [one for part in parts for one in part] if all(parts) else []
    return [error] if isinstance(error, BackendUnavailable) else []


class OnDevice:
    """What pytest does for `--device` in the folders of FAMILIES."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.uploads = 0

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if metafunc.definition.path.parent.name in FAMILIES:
            metafunc.parametrize("computing_on", self.names, indirect=True)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        # A GPU has no instruction sets, and nothing of what is marked.
        best = _cormack_cpu.isa()
        dropped = {
            item
            for item in items
            if _elsewhere(item) and (item.callspec.params.get("isa", best) != best or item.get_closest_marker("host"))
        }
        if dropped:
            config.hook.pytest_deselected(items=list(dropped))
            items[:] = [item for item in items if item not in dropped]

    @pytest.fixture(autouse=True)
    def computing_on(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        name = getattr(request, "param", "cpu")
        with contextlib.nullcontext() if name == "cpu" else self.elsewhere(name, monkeypatch):
            yield

    @contextlib.contextmanager
    def elsewhere(self, name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Make a device the default one of every function."""
        if name == "shim":
            library = ShimLibrary()
            library.uploads = True
            monkeypatch.setattr(_backends, "LIBRARIES", [library, *_backends.LIBRARIES])
        else:
            if reason := _backends.ENGINES[name].missing():
                pytest.skip(reason)
            monkeypatch.setenv("CORMACK_BACKEND", name)
        monkeypatch.setattr(_backends, "waiting", self._counted(_backends.waiting))
        functions = with_a_device()
        before = [one.__kwdefaults__ for one in functions]
        for one in functions:
            one.__kwdefaults__ = {**one.__kwdefaults__, "device": "cuda"}
        try:
            yield
        finally:
            for one, defaults in zip(functions, before, strict=True):
                one.__kwdefaults__ = defaults

    def _counted(self, waiting: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            self.uploads += 1
            return waiting(*arguments)

        return counted

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
        if not _elsewhere(pyfuncitem):
            return (yield)
        self.uploads = 0
        try:
            result = yield
        except BaseException as error:
            if not (refusals := _refusals(error)):
                raise
            pytest.skip(str(refusals[0]))
        if not self.uploads:
            pytest.skip("computes nothing on a device")
        return result


def _elsewhere(item: pytest.Item) -> bool:
    """Return whether a test computes elsewhere than on the CPU."""
    return hasattr(item, "callspec") and item.callspec.params.get("computing_on", "cpu") != "cpu"
