"""The fixture `device`: what --device asks for, beside the CPU, which every result is compared with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cormack import _backends

from .shim import Device

KNOWN = ("cpu", "shim", "cuda", "cupy")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "device" not in metafunc.fixturenames:
        return
    names = [name.strip() for name in metafunc.config.getoption("--device").split(",")]
    unknown = set(names) - set(KNOWN)
    if unknown:
        raise pytest.UsageError(f"--device takes {', '.join(KNOWN)}, got {', '.join(sorted(unknown))}")
    metafunc.parametrize("device", [name for name in names if name != "cpu"], indirect=True, scope="session")


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
