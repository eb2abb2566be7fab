"""Rows and columns to learn from: one row for each case, its target and group, and what of it is a feature."""

from __future__ import annotations

import fnmatch
import math
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .._table import Table
from ._tables import Source, read_table

# Names of columns that say which row it is, the best one first; compared without case.
ID_NAMES = ("case", "id", "case_id", "image", "name", "file")
_IDS = re.compile(
    r"(.*[_ ])?(id|uid|pid|case|patient|subject|study|series|accession|index|row)|unnamed: \d+|__index_level_\d+__|",
    re.I,
)
# What a table says about the place and the making of a row, and not about what was measured.
_BOOKKEEPING = re.compile(
    r"status|reason|region|label|error|bbox_.*|centroid_.*|touches_border|voxel_count|diagnostics_.*"
    r"|predicted|probability_.*"
)
_IMAGE = re.compile(r"\.(nii|nii\.gz|nrrd|mha|mhd|dcm|png|jpe?g|tiff?)$", re.I)
_RUN_COLUMNS = {"case", "status", "region", "label"}
SEPARATOR = "__"
"""Between region and feature, in columns of a table that had a row for each region."""


@dataclass
class Data:
    """Rows to learn from."""

    values: np.ndarray
    names: list[str]
    target: np.ndarray
    groups: np.ndarray | None
    ids: list[Any]
    named: bool
    rows: np.ndarray
    extraction: Mapping[str, Any] | None
    left_out: dict[str, int] = field(default_factory=dict)
    dropped: list[dict[str, str]] = field(default_factory=list)
    group_column: str | None = None
    notes: list[str] = field(default_factory=list)


# --- From rows of regions to rows of cases ---------------------------------------------------------------------------


def one_row_per_case(source: Source, keep: Sequence[str | None] = (), *, objects: bool = False) -> Source:
    """Leave out failed cases, and turn a row for each region and object into one row for each case.

    A column is named ``region__feature``. Of several objects of a region, ``region__objects`` is their number and
    ``region__largest__feature`` a feature of the largest.

    Parameters
    ----------
    source : Source
        A table of `cormack.pipeline.run`; any other comes back as it is, without failed rows.
    keep : sequence of str
        Columns of the case, as the target: they must be the same in all rows of a case.
    objects : bool, default False
        Leave rows as they are, for models of single objects.

    Returns
    -------
    Source
    """
    columns = source.columns
    failed = source.failed
    if "status" in columns and columns["status"].dtype == object:
        lost = columns["status"] == "failed"
        failed += len(set(columns["case"][lost])) if "case" in columns else int(lost.sum())
        if lost.all():
            raise ValueError(f"{source.name} has no case that did not fail")
        columns = columns.select(~lost)
    if objects or not set(columns) >= _RUN_COLUMNS:
        return replace(source, columns=columns, failed=failed)
    kept = [name for name in keep if name is not None and name in columns]
    cases = columns["case"].tolist()
    places = {case: number for number, case in enumerate(dict.fromkeys(cases))}
    result = Table({"case": np.array(list(places), object)})
    for name in kept:
        of_case: dict[Any, Any] = {}
        for case, value in zip(cases, columns[name].tolist(), strict=True):
            if of_case.setdefault(case, value) != value and value == value:
                # Objects have targets of their own: each row stays.
                return replace(source, columns=columns, failed=failed)
        values = np.empty(len(places), columns[name].dtype)
        values[:] = list(of_case.values())
        result[name] = values
    names = [
        name
        for name, column in columns.items()
        if column.dtype.kind in "iuf" and not _BOOKKEEPING.fullmatch(name) and name not in kept
    ]
    regions = [region or "" for region in columns["region"].tolist()]
    labels = columns["label"].astype(np.float64).tolist()
    sizes = _sizes(columns)
    numbers = {name: columns[name].astype(np.float64) for name in names}
    largest: dict[tuple[str, int], int] = {}
    whole: dict[tuple[str, int], int] = {}
    counts: dict[tuple[str, int], int] = {}
    for row, (case, region, label) in enumerate(zip(cases, regions, labels, strict=True)):
        key = region, places[case]
        if not region:
            continue
        if math.isnan(label):
            whole[key] = row
            continue
        counts[key] = counts.get(key, 0) + 1
        if key not in largest or sizes[row] > sizes[largest[key]]:
            largest[key] = row
    for region in dict.fromkeys(region for region in regions if region):
        for middle, chosen in ((SEPARATOR, whole), (f"{SEPARATOR}largest{SEPARATOR}", largest)):
            rows = [chosen.get((region, place)) for place in range(len(places))]
            if all(row is None for row in rows):
                continue
            for name in names:
                column = numbers[name]
                result[region + middle + name] = np.array([math.nan if row is None else column[row] for row in rows])
        if any(key[0] == region for key in counts):
            result[f"{region}{SEPARATOR}objects"] = np.array(
                [float(counts.get((region, place), 0)) for place in range(len(places))]
            )
    return Source(
        result, source.extraction, source.name, failed, frozenset(filter(None, regions)), frozenset((*names, "objects"))
    )


def _sizes(columns: Table) -> np.ndarray:
    for name in ("volume_mm3", "area_mm2", "voxel_count"):
        if name in columns:
            sizes = np.nan_to_num(columns[name].astype(np.float64), nan=-1.0)
            if (sizes > 0).any():
                return sizes
    return np.zeros(columns.row_count)


# --- Targets, groups, features ---------------------------------------------------------------------------------------


def key_of(value: Any) -> str | None:
    """Return a value as ids are compared: 12, 12.0 and "12" are one; None for what is missing."""
    if value is None or value != value or value == "":
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    # File systems write one and the same letter in two ways.
    return unicodedata.normalize("NFC", str(value))


def _case_of(value: Any) -> str | None:
    """An id as the ids of two tables are compared: of an image, with or without its ending."""
    key = key_of(value)
    return None if key is None else _IMAGE.sub("", key)


def id_column(columns: Mapping[str, np.ndarray]) -> str | None:
    """Return the column that says which row it is; None where there is none."""
    by_name = {name.lower(): name for name in reversed(list(columns))}
    for name in ID_NAMES:
        if name in by_name and (name in ("case", "id", "case_id") or columns[by_name[name]].dtype == object):
            return by_name[name]
    return None


def ids_of(columns: Table) -> list[Any]:
    """Return what rows are called in results: their id, without folders, else their number from 0."""
    name = id_column(columns)
    if name is None:
        return list(range(columns.row_count))
    values: list[Any] = columns[name].tolist()
    if name.lower() in ("image", "file"):
        return [None if value is None else _stem(str(value)) for value in values]
    return values


def _stem(path: str) -> str:
    """What `cormack run` calls the case of an image: its name, without folders and ending."""
    return _IMAGE.sub("", os.path.basename(path))


def join_labels(source: Source, labels: Any, wanted: Sequence[str], function: str = "train") -> Source:
    """Add columns of a second table by case; a case that it does not name has nothing there.

    Parameters
    ----------
    source : Source
    labels : table
        With a column ``case`` (or another that is an id in both), and those that are wanted.
    wanted : sequence of str
        Columns to take.
    function : str
        For messages.

    Returns
    -------
    Source
    """
    other = read_table(labels, function)
    key, mine = id_column(other.columns), id_column(source.columns)
    if key is None or mine is None:
        which = other if key is None else source
        raise ValueError(f"{which.name} has no column that names the case; call it `case`, got {_some(which.columns)}")
    known: dict[str, int] = {}
    for row, value in enumerate(other.columns[key].tolist()):
        name = _case_of(value)
        if name is None:
            continue
        if name in known and any(
            key_of(other.columns[column][row]) != key_of(other.columns[column][known[name]]) for column in wanted
        ):
            raise ValueError(f"{other.name} names case {name!r} twice, with different values")
        known.setdefault(name, row)
    rows = [known.get(_case_of(value) or "") for value in ids_of(source.columns)]
    if all(row is None for row in rows):
        theirs, ours = next(iter(known), "none"), ids_of(source.columns)[0]
        raise ValueError(
            f"{other.name} names none of the cases: its first is {theirs!r}, that of {source.name} {ours!r}"
        )
    columns = Table(source.columns)
    for column in wanted:
        values = np.empty(len(rows), object)
        values[:] = [None if row is None else other.columns[column][row : row + 1].tolist()[0] for row in rows]
        columns[column] = values
    return replace(source, columns=columns)


def feature_names(
    columns: Mapping[str, np.ndarray],
    apart: Iterable[str | None],
    features: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    *,
    required: bool = True,
) -> tuple[list[str], list[dict[str, str]]]:
    """Choose the columns that are features.

    Parameters
    ----------
    columns : mapping of str to array
    apart : iterable of str
        Columns that are none whatever they hold: target and groups.
    features, exclude : sequence of str
        Patterns of names, as ``stat_*``. A column that `features` names without a wildcard must be of numbers.
    required : bool, default True
        Whether it is an error that there is none.

    Returns
    -------
    names : list of str
    dropped : list of dict
        ``feature`` and ``why``, for columns that might be taken for features and are none.
    """
    never = set(apart)
    dropped: list[dict[str, str]] = []
    names = []
    for name, column in columns.items():
        if name in never:
            continue
        if features is not None:
            if not any(fnmatch.fnmatchcase(name, pattern) for pattern in features):
                if column.dtype.kind in "biuf":
                    dropped.append({"feature": name, "why": "not asked for"})
                continue
            if column.dtype.kind not in "biuf":
                if name in features:
                    shown = next((value for value in column if value is not None), None)
                    raise ValueError(f"feature {name!r} must be numbers, got {shown!r}")
                continue
        elif column.dtype.kind not in "biuf":
            # One cell of text among numbers must not make a feature vanish without a word.
            if _has_number(column):
                dropped.append({"feature": name, "why": "holds text beside numbers"})
            continue
        elif _IDS.fullmatch(name) or _BOOKKEEPING.fullmatch(name):
            dropped.append({"feature": name, "why": "says which row it is, or where"})
            continue
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in exclude):
            dropped.append({"feature": name, "why": "excluded"})
        elif not np.isfinite(column.astype(np.float64)).any():
            dropped.append({"feature": name, "why": "has no number"})
        else:
            names.append(name)
    for pattern in (*(features or ()), *exclude):
        if not any(fnmatch.fnmatchcase(name, pattern) for name in columns):
            raise ValueError(f"no column fits {pattern!r}; there are {_some(columns)}")
    if required and not names:
        raise ValueError(f"there is no feature: a column of numbers that is no id, target or group in {_some(columns)}")
    return names, dropped


def _has_number(column: np.ndarray) -> bool:
    for value in column.tolist():
        try:
            float(value)
        except (TypeError, ValueError):
            continue
        return True
    return False


def _some(columns: Iterable[str]) -> str:
    names = list(columns)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def matrix(columns: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    """Return columns as float64, side by side; what is not finite is NaN."""
    values = np.column_stack([columns[name].astype(np.float64) for name in names])
    values[~np.isfinite(values)] = math.nan
    return values


def prepare(
    table: Any,
    target: str,
    *,
    groups: str | None = None,
    labels: Any = None,
    features: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
) -> Data:
    """Return rows to learn from, one for each case that has a target.

    Parameters
    ----------
    table, target, groups, labels, features, exclude
        As `cormack.classify.train` takes them.

    Returns
    -------
    Data
    """
    source = with_columns(table, [target, *([] if groups is None else [groups])], labels)
    columns = source.columns
    names, dropped = feature_names(columns, [target, groups], features, exclude)
    if groups == target:
        raise ValueError(f"column {target!r} cannot be the target and the groups at once")
    truths = columns[target].tolist()
    present = np.array([key_of(value) is not None for value in truths])
    if not present.any():
        raise ValueError(f"column {target!r} of {source.name} is empty")
    left_out = {"failed": source.failed, "without target": int((~present).sum())}
    values = matrix(columns, names)
    measured = ~np.isnan(values).all(axis=1)
    left_out["without features"] = int((present & ~measured).sum())
    rows = np.flatnonzero(present & measured)
    group_values = None
    notes = []
    ids = ids_of(columns)
    if groups is None and (key := _repeated(columns, rows)) is not None:
        # Rows of one case on both sides of a split would measure how well it is known again.
        groups = key
        notes.append(f"several rows have the same {key!r} and no groups are given: each {key!r} is kept together")
    if groups is not None:
        keys = [key_of(columns[groups][row : row + 1].tolist()[0]) for row in rows]
        if None in keys:
            raise ValueError(
                f"column {groups!r} of {source.name} is empty in {keys.count(None)} rows; name each's group"
            )
        group_values = np.array(keys, object)
    return Data(
        values=values[rows],
        names=names,
        target=columns[target][rows],
        groups=group_values,
        ids=[ids[row] for row in rows],
        named=id_column(columns) is not None,
        rows=rows,
        extraction=source.extraction,
        left_out={why: count for why, count in left_out.items() if count},
        dropped=dropped,
        group_column=groups,
        notes=notes,
    )


def _repeated(columns: Table, rows: np.ndarray) -> str | None:
    """Return the column of ids where it names several rows alike; None where each row is one case."""
    name = id_column(columns)
    keys = [] if name is None else [key_of(value) for value in columns[name][rows].tolist()]
    return name if None not in keys and len(set(keys)) < len(keys) else None


def with_columns(
    table: Any, wanted: Sequence[str], labels: Any = None, function: str = "train", *, objects: bool = False
) -> Source:
    """Return a table with one row per case and the columns that are wanted, from a second table where it lacks them."""
    given = read_table(table, function)
    source = one_row_per_case(given, wanted, objects=objects)
    missing = [name for name in wanted if name not in source.columns]
    if missing and labels is not None:
        other = read_table(labels, function)
        for name in missing:
            if name not in other.columns:
                raise ValueError(
                    f"there is no column {name!r} in {source.name}, nor in {other.name}: {_some(other.columns)}"
                )
        return join_labels(source, other, missing, function)
    for name in missing:
        raise ValueError(f"there is no column {name!r} in {source.name}: {_some(given.columns)}")
    return source


def differences(ours: Any, theirs: Any, where: str = "") -> list[tuple[str, Any, Any]]:
    """Return where two nested settings differ: the place, one value and the other; "absent" for what is not there.

    Examples
    --------
    >>> differences({"bins": {"size": 25}}, {"bins": {"size": 10}})
    [('bins.size', 25, 10)]
    """
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        found = []
        for key in dict.fromkeys((*ours, *theirs)):
            place = f"{where}.{key}" if where else str(key)
            found += differences(ours.get(key, "absent"), theirs.get(key, "absent"), place)
        return found
    if (
        isinstance(ours, list | tuple)
        and isinstance(theirs, list | tuple)
        and any(isinstance(item, Mapping) for item in (*ours, *theirs))
    ):
        found = []
        for index in range(max(len(ours), len(theirs))):
            a, b = (items[index] if index < len(items) else "absent" for items in (ours, theirs))
            found += differences(a, b, f"{where}[{index}]")
        return found
    if isinstance(ours, tuple):
        ours = list(ours)
    if isinstance(theirs, tuple):
        theirs = list(theirs)
    return [] if ours == theirs and isinstance(ours, bool) == isinstance(theirs, bool) else [(where, ours, theirs)]
