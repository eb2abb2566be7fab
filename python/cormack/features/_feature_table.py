"""FeatureTable: the features of one region, with what each of them means."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ._definitions import Definition, definitions
from ._settings import AGGREGATIONS


@dataclass(frozen=True, slots=True)
class Feature:
    """One number and what it means.

    Attributes
    ----------
    column : str
        Key in the table: the definition's short name, and a suffix for how texture matrices were combined.
    value : float
    definition : Definition
        Name, IBSI code, family and unit.
    aggregation, aggregation_code : str
        How texture matrices were combined, and IBSI's identifier of it; empty for other families.
    """

    column: str
    value: float
    definition: Definition
    aggregation: str = ""
    aggregation_code: str = ""


class FeatureTable(Mapping[str, float]):
    """The features of one region: a read-only mapping from column names to numbers, in IBSI's order.

    A column's name is the short name of `definitions`, and for textures a suffix that says how matrices were combined:
    ``stat_mean``, ``cm_joint_avg_3D_mrg``.

    Parameters
    ----------
    results : iterable of (str, mapping)
        How texture matrices were combined, or ``""``, and values by short name.
    label : int, optional
        The label of the region in its mask, which `to_pandas` and `to_polars` add as the first column.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> ct = np.arange(27).reshape(3, 3, 3).astype(np.int16)
    >>> table = features.radiomics(ct, ct > 9, settings=features.RadiomicsSettings(families=["first_order"]))
    >>> table["stat_mean"], len(table)
    (18.0, 18)
    >>> table.feature("stat_mean").definition.code
    'Q4LE'
    """

    __slots__ = ("_meanings", "_values", "label")

    def __init__(self, results: Iterable[tuple[str, Mapping[str, float]]], label: int | None = None) -> None:
        self._values: dict[str, float] = {}
        # Short name and aggregation of a column: definitions are looked up where they are asked for.
        self._meanings: dict[str, tuple[str, str]] = {}
        self.label = label
        for aggregation, values in results:
            suffix = f"_{AGGREGATIONS[aggregation][0]}" if aggregation else ""
            for name, value in values.items():
                self._values[name + suffix] = float(value)
                self._meanings[name + suffix] = name, aggregation

    def __getitem__(self, column: str) -> float:
        return self._values[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"FeatureTable({len(self)} features{'' if self.label is None else f' of label {self.label}'})"

    def feature(self, column: str) -> Feature:
        """Return the number of a column with its definition."""
        return self._feature(column, definitions())

    def _feature(self, column: str, known: Mapping[str, Definition]) -> Feature:
        name, aggregation = self._meanings[column]
        code = AGGREGATIONS[aggregation][1] if aggregation else ""
        return Feature(column, self._values[column], known[name], aggregation, code)

    @property
    def undefined(self) -> tuple[str, ...]:
        """The columns that are not a finite number, because their feature is not defined for the region."""
        return tuple(column for column, value in self.items() if not math.isfinite(value))

    def rows(self) -> list[dict[str, Any]]:
        """Return one dictionary per feature: column, value, code, feature, family, aggregation, unit."""
        known = definitions()
        return [
            {
                "column": f.column,
                "value": f.value,
                "code": f.definition.code,
                "feature": f.definition.feature,
                "family": f.definition.family,
                "family_code": f.definition.family_code,
                "aggregation": f.aggregation,
                "aggregation_code": f.aggregation_code,
                "unit": f.definition.unit,
            }
            for f in (self._feature(column, known) for column in self)
        ]

    def to_dict(self) -> dict[str, float]:
        """Return column names and numbers as a plain dictionary."""
        return dict(self)

    def to_json(self, *, indent: int | None = None) -> str:
        """Return column names and numbers as JSON, where NaN is null."""
        return json.dumps({key: value if math.isfinite(value) else None for key, value in self.items()}, indent=indent)

    def to_pandas(self) -> Any:
        """Return a ``pandas.DataFrame`` of one row."""
        import pandas

        return pandas.DataFrame(self._row())

    def to_polars(self) -> Any:
        """Return a ``polars.DataFrame`` of one row."""
        import polars

        return polars.DataFrame(self._row())

    def _row(self) -> dict[str, list[Any]]:
        first: dict[str, list[Any]] = {} if self.label is None else {"label": [self.label]}
        return first | {column: [value] for column, value in self.items()}
