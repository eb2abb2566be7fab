"""Whole studies to tables, label maps and a report: the engine of ``cormack run``.

Functions
---------
run, run_iter
    Every study under a folder through one configuration.
estimate
    What a run would do, and about what it would take.
read_status
    Where a run stands.
load_config, list_presets
    Configurations, checked.
run_demo
    A run on images that come with the dependencies and on a phantom with known truth.

Classes
-------
Config, ConfigError
    A configuration, and what is wrong with one.
Case
    What the steps take and give.
RunResult, CaseResult
    What a run did.
Estimate, CaseEstimate
    What a run would take.

Needs ``pip install "cormack[cohort]"``. A research tool: nothing here is a diagnosis.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .config import Config, ConfigError, list_presets, load_config
    from .demo import run_demo
    from .estimates import CaseEstimate, Estimate
    from .journal import read_status
    from .results import CaseResult, RunResult
    from .runner import estimate, run, run_iter
    from .steps import Case, apply

__all__ = [
    "Case",
    "CaseEstimate",
    "CaseResult",
    "Config",
    "ConfigError",
    "Estimate",
    "RunResult",
    "apply",
    "estimate",
    "list_presets",
    "load_config",
    "read_status",
    "run",
    "run_demo",
    "run_iter",
]

# At first use: the command line reads presets without paying for the kernels, and writes a report without pydantic.
_HOMES = {
    "Case": "steps",
    "apply": "steps",
    "Config": "config",
    "ConfigError": "config",
    "list_presets": "config",
    "Estimate": "estimates",
    "CaseEstimate": "estimates",
    "estimate": "runner",
    "load_config": "config",
    "CaseResult": "results",
    "RunResult": "results",
    "read_status": "journal",
    "run": "runner",
    "run_iter": "runner",
    "run_demo": "demo",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
