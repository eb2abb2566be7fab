"""The reader of the reference tables itself: the numbers of values that its description promises."""

from __future__ import annotations

import pytest

from .tables import CONFIGS, diagnostics, matches, reference


@pytest.mark.parametrize(("config", "count"), list(zip(CONFIGS, (482, 346, 346, 210, 210), strict=True)))
def test_every_value_of_a_table_is_read(config, count):
    assert sum(row.value is not None for row in reference(config)) == count


def test_every_diagnostic_is_read():
    assert [len(diagnostics(config)) for config in "ABCD"] == [60] * 4


def test_a_value_matches_in_three_digits():
    assert matches(2.1486, 2.15, 0)
    assert not matches(2.1449, 2.15, 0)
    assert matches(-47.0, -46.9, 0.1)
    assert not matches(float("nan"), 1.0, 5.0)
