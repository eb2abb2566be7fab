"""docs/contract.md is what the functions do."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "contract.md"


def test_the_page_says_what_the_functions_do(request):
    rows = {
        name: [table.row(getattr(module, function)) for function in table.functions(module, name)]
        for name, module in table.MODULES.items()
    }
    target = request.config.getoption("--contract-page", default=None)
    if target is not None:
        Path(target).write_text(table.page(rows), encoding="utf-8")
    elif not PAGE.parent.is_dir():
        pytest.skip("docs/ is not here")
    else:
        now, said = (text.splitlines() for text in (table.page(rows), PAGE.read_text(encoding="utf-8")))
        assert now == said, "`python -m pytest tests/contract --contract-page docs/contract.md` writes it anew"
