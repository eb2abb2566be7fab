from __future__ import annotations

import numpy as np

from cormack._table import Table

TABLE = Table({"label": np.array([1, 2, 3]), "volume_mm3": np.array([1.5, 2.5, 3.5])})


def test_rows_are_python_scalars():
    rows = list(TABLE.rows())
    assert rows[1] == {"label": 2, "volume_mm3": 2.5}
    assert type(rows[0]["label"]) is int
    assert TABLE.row_count == 3
    assert Table().row_count == 0
    assert list(Table().rows()) == []


def test_select_by_mask_and_by_index():
    assert TABLE.select(TABLE["volume_mm3"] > 2)["label"].tolist() == [2, 3]
    assert TABLE.select(np.array([2, 0]))["label"].tolist() == [3, 1]


def test_to_pandas_keeps_columns_and_types():
    frame = TABLE.to_pandas()
    assert list(frame.columns) == ["label", "volume_mm3"]
    assert frame["label"].tolist() == [1, 2, 3]
