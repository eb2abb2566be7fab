"""How much memory a volume may take: what a header announces is checked before anything is allocated."""

from __future__ import annotations

from pathlib import Path

from .._errors import ReadError

DEFAULT_MAX_BYTES = 64 << 30


def check_size(path: Path, nbytes: int, what: str) -> None:
    """Raise ReadError for more bytes than the cap in force."""
    if nbytes > DEFAULT_MAX_BYTES:
        raise ReadError(path, f"{what} would take {nbytes} bytes; at most {DEFAULT_MAX_BYTES} are allowed")
