"""Fixtures that every test may use."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cormack import _cormack_cpu

try:
    import hypothesis
except ModuleNotFoundError:
    # A machine with a GPU may have little more than what computes there.
    hypothesis = None  # type: ignore[assignment]

# Random examples of a test that asks for no number of its own, and what the numbers of others are multiplied by.
# Timings never gate a test: on a busy machine any example may take long. `--hypothesis-profile` chooses.
PROFILES = {"quick": (10, 0.2), "default": (50, 1.0), "thorough": (2000, 20.0)}
if hypothesis is not None:
    for _name, (_examples, _) in PROFILES.items():
        hypothesis.settings.register_profile(_name, deadline=None, max_examples=_examples)
    hypothesis.settings.load_profile("default")


DEVICES = ("cpu", "shim", "cuda", "cupy")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--device",
        help="what tests run on, joined by commas: cpu, shim (GPU kernels on the CPU), cuda (the extension) and cupy "
        "(run-time compilation); default: shim for tests/gpu, cpu for all others",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    factor = PROFILES.get(config.getoption("--hypothesis-profile", None) or "default", (0, 1.0))[1]
    if factor == 1.0 or hypothesis is None:
        return
    usual = hypothesis.settings().max_examples
    for test in {getattr(item, "obj", None) for item in items if getattr(item, "originalname", None)}:
        chosen = getattr(test, "_hypothesis_internal_use_settings", None)
        if chosen is not None and chosen.max_examples != usual:
            examples = max(1, round(chosen.max_examples * factor))
            test._hypothesis_internal_use_settings = hypothesis.settings(chosen, max_examples=examples)


def pytest_collection_finish() -> None:
    # 28 000 tests are many objects, which no collection of garbage has to go through again.
    gc.collect()
    gc.freeze()


def pytest_configure(config: pytest.Config) -> None:
    names = devices(config, "cpu")
    if names != ["cpu"]:
        from .on_device import OnDevice

        config.pluginmanager.register(OnDevice(names))


def devices(config: pytest.Config, default: str) -> list[str]:
    """Return what --device asks for."""
    names = [name.strip() for name in (config.getoption("--device") or default).split(",")]
    unknown = set(names) - set(DEVICES)
    if unknown:
        raise pytest.UsageError(f"--device takes {', '.join(DEVICES)}, got {', '.join(sorted(unknown))}")
    return names


@pytest.fixture(params=_cormack_cpu.available_isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each instruction-set level that this processor runs, in use for the time of the test."""
    before = _cormack_cpu.isa()
    _cormack_cpu.use_isa(request.param)
    yield request.param
    _cormack_cpu.use_isa(before)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder with data/ (real images) and reference/ (IBSI tables), which no test may need: skip without."""
    root = Path(os.environ.get("CORMACK_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    if not (root / "data").is_dir():
        pytest.skip("the folder with sample images is not here (CORMACK_SHARED names it)")
    return root


@pytest.fixture(scope="session")
def data(shared: Path) -> Path:
    """Return the folder with real images; skip without."""
    return shared / "data"
