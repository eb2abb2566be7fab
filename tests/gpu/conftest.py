"""The fixture `device`: what --device asks for, beside the CPU, which every result is compared with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cormack import _backends

from ..conftest import devices
from .shim import Device


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "device" not in metafunc.fixturenames:
        return
    names = [name for name in devices(metafunc.config, "shim") if name != "cpu"]
    metafunc.parametrize("device", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> Iterator[Device]:
    made = Device(request.param)
    if made.shim is not None:
        _backends.LIBRARIES.insert(0, made.shim)
        yield made
        _backends.LIBRARIES.remove(made.shim)
        return
    reason = _backends.ENGINES[made.name].missing()
    if reason:
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CORMACK_BACKEND", made.name)
        yield made
