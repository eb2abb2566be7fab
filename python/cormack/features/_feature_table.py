"""FeatureTable: the features of one region, with what each of them means; FeatureTables: those of many."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, overload

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


@lru_cache(maxsize=256)
def _meanings_of(aggregation: str, names: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """Return the columns of features, each with its short name and aggregation; not to be changed."""
    suffix = f"_{AGGREGATIONS[aggregation][0]}" if aggregation else ""
    return {name + suffix: (name, aggregation) for name in names}


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
    error : str, optional
        Why families are missing, where `radiomics` went on to other labels.

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

    __slots__ = ("_meanings", "_values", "error", "label")

    def __init__(
        self,
        results: Iterable[tuple[str, Mapping[str, float]]],
        label: int | None = None,
        error: str | None = None,
    ) -> None:
        self._values: dict[str, float] = {}
        # Short name and aggregation of a column: definitions are looked up where they are asked for.
        self._meanings: dict[str, tuple[str, str]] = {}
        self.label = label
        self.error = error
        for aggregation, values in results:
            meanings = _meanings_of(aggregation, tuple(values))
            self._values.update(zip(meanings, map(float, values.values()), strict=True))
            self._meanings.update(meanings)

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


class FeatureTables(Sequence[FeatureTable]):
    """The features of many regions: a sequence of one `FeatureTable` per label, which turns into rows.

    A row has the ``label``, every column that any of the regions has, NaN where it is missing, and ``error``: None, or
    why families are missing.

    Parameters
    ----------
    tables : iterable of FeatureTable

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> ct = np.arange(27).reshape(3, 3, 3).astype(np.int16)
    >>> tables = features.radiomics(ct, ct // 9, labels=[2, 4], settings={"families": ["first_order"]})
    >>> tables[0]["stat_mean"], tables.errors
    (22.0, {4: 'radiomics: `label` must be in the mask, got 4'})
    >>> tables.to_dicts()[1]["stat_mean"]
    nan
    """

    __slots__ = ("_tables",)

    def __init__(self, tables: Iterable[FeatureTable]) -> None:
        self._tables = tuple(tables)

    @overload
    def __getitem__(self, index: int) -> FeatureTable: ...

    @overload
    def __getitem__(self, index: slice) -> FeatureTables: ...

    def __getitem__(self, index: int | slice) -> FeatureTable | FeatureTables:
        return FeatureTables(self._tables[index]) if isinstance(index, slice) else self._tables[index]

    def __len__(self) -> int:
        return len(self._tables)

    def __repr__(self) -> str:
        return f"FeatureTables({len(self)} labels, {len(self.errors)} with errors)"

    @property
    def errors(self) -> dict[int | None, str]:
        """What went wrong, by label."""
        return {table.label: table.error for table in self if table.error is not None}

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return one dictionary per label; all have the same keys."""
        columns = self._columns()
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def to_pandas(self) -> Any:
        """Return a ``pandas.DataFrame`` of one row per label."""
        import pandas

        return pandas.DataFrame(self._columns())

    def to_polars(self) -> Any:
        """Return a ``polars.DataFrame`` of one row per label."""
        import polars

        return polars.DataFrame(self._columns(), schema_overrides={"label": polars.Int64, "error": polars.String})

    def _columns(self) -> dict[str, list[Any]]:
        # The fullest table first: its columns are in IBSI's order.
        names = dict.fromkeys(name for table in sorted(self, key=len, reverse=True) for name in table)
        return {
            "label": [table.label for table in self],
            **{name: [table.get(name, math.nan) for table in self] for name in names},
            "error": [table.error for table in self],
        }
