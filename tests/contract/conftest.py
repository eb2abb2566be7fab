"""The option that writes docs/contract.md."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--contract-page", metavar="PATH", help="write a page of what functions take and give")
