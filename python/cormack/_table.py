"""Table: named columns of equal length, the return type of everything that measures many objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np


class Table(dict[str, np.ndarray]):
    """Columns by name, all of one length, in the order in which they were added.

    It is a ``dict`` of NumPy arrays, so ``pandas.DataFrame(table)`` and ``polars.DataFrame(table)`` take it as it is.

    Examples
    --------
    >>> import numpy as np
    >>> table = Table({"label": np.array([1, 2]), "voxel_count": np.array([7, 9])})
    >>> len(table), table.row_count
    (2, 2)
    >>> next(table.rows())
    {'label': 1, 'voxel_count': 7}
    """

    @property
    def row_count(self) -> int:
        """Number of rows (``len`` counts columns, as for any dict)."""
        return len(next(iter(self.values()))) if self else 0

    def rows(self) -> Iterator[dict[str, Any]]:
        """Iterate over rows as dictionaries of Python scalars."""
        columns = [column.tolist() for column in self.values()]
        for values in zip(*columns, strict=True):
            yield dict(zip(self, values, strict=True))

    def select(self, keep: np.ndarray) -> Table:
        """Return the rows chosen by a boolean mask or by indices, in a new table."""
        return Table({name: column[keep] for name, column in self.items()})

    def to_pandas(self) -> Any:
        """Return a ``pandas.DataFrame``."""
        import pandas

        return pandas.DataFrame(dict(self))

    def to_polars(self) -> Any:
        """Return a ``polars.DataFrame``."""
        import polars

        return polars.DataFrame(dict(self))
