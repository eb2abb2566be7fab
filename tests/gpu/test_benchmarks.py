"""The command that measures on a GPU, rehearsed without one: every row runs on tiny images, and equals the CPU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cormack import _backends

REPOSITORY = Path(__file__).resolve().parents[2]


def test_every_row_runs_and_every_operation_has_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(REPOSITORY)
    from benchmarks.gpu import measure, rehearsal, rows

    monkeypatch.setattr(measure, "_TIMED", 0)
    monkeypatch.setattr(measure, "_LEAST_RUNS", 1)
    device = rehearsal.Rehearsal()
    whole, launched = measure.measured, device.shim.engine.operations

    def measured(*arguments: Any) -> dict[str, Any]:
        before = len(launched)
        found = whole(*arguments)
        assert set(arguments[1].operations) <= set(launched[before:]), arguments[1]
        return found

    monkeypatch.setattr(measure, "measured", measured)
    try:
        path = measure.bench(device, rows.ROWS, tmp_path, seconds=600)
    finally:
        device.close()
    assert set(launched) == set(_backends.OPERATIONS)
    results = {one["row"]: one for one in json.loads(path.read_text())["rows"]}
    for row in rows.ROWS:
        found = results[row.name]
        assert "agrees" in found, found
        for name in measure.PEERS:
            error = found.get(name, {}).get("error", "")
            assert not error or error.startswith("absent"), found
    table = path.with_suffix(".md").read_text()
    assert all(f"| {row.name} |" in table for row in rows.ROWS)
    assert "failed" not in table
