"""Reading of the records that reports are built from: what is missing or of another kind must not harm the page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .formatting import real

__all__ = ["Json", "fields", "load"]

Json = dict[str, Any]


def load(path: Path) -> Json:
    """Read a JSON object; ValueError where the file holds something else."""
    # NaN and infinity, which Python would read, are no JSON.
    value = json.loads(path.read_text("utf-8"), parse_constant=lambda name: None)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def fields(record: Json, kinds: Mapping[str, type]) -> Json:
    """The named fields of a record; one that is missing or of another kind is empty."""
    result: Json = {}
    for name, kind in kinds.items():
        value = record.get(name)
        if kind is float:
            result[name] = real(value)
        else:
            result[name] = value if isinstance(value, kind) else kind()
    return result
