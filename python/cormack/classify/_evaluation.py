"""A model against cases whose truth is known, and which it has not seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _metrics
from ._model import Model, load_model, read_cases
from ._rows import id_column, key_of, with_columns
from ._tables import read_table


def evaluate(model: Any, table: Any, *, labels: Any = None, ignore_extra: bool = False) -> dict[str, Any]:
    """Apply a model to cases whose truth is known, and measure it.

    Parameters
    ----------
    model : Model or path-like
        A model, or the folder of one.
    table : path-like, mapping, pandas or Polars frame
        As `train` takes it.
    labels : path-like, mapping or frame, optional
        A table with ``case`` and the target, where `table` lacks it. Where it has the column of groups too, intervals
        are those of whole groups.
    ignore_extra : bool, default False
        As for `Model.predict`.

    Returns
    -------
    dict
        ``predictions`` (``row``, ``id``, ``group``, ``truth``, ``probabilities``, ``predicted``) and ``metrics`` as in
        ``evaluation.json``; ``grouped``, whether intervals know of groups; and numbers of cases: ``left_out``, without
        truth; ``unmeasured``, without any feature and so without a prediction; ``in_training``, with an id of the
        training, for which metrics say little.

    Raises
    ------
    TableRefused, ValueError
        The table does not fit the model, or its truth not the classes.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import classify
    >>> table = {"size": np.arange(40.0), "large": np.arange(40) > 19}
    >>> model = classify.train(table, "large", model="logistic", folds=2, inner_folds=2)
    >>> found = classify.evaluate(model, {"size": [1.0, 25, 38], "large": [False, True, True]})
    >>> found["metrics"]["accuracy"]["value"]
    1.0
    """
    known = model if isinstance(model, Model) else load_model(model)
    target, groups = known.card["target"], known.card["group_column"]
    source = read_cases(table, known)
    predicted = known.predict(source, ignore_extra=ignore_extra)
    other = None if labels is None else read_table(labels, "evaluate")
    grouped = groups is not None and (groups in source.columns or (other is not None and groups in other.columns))
    wanted = [target, groups] if grouped else [target]
    # What the model was applied to has its rows by now.
    columns = with_columns(source, wanted, other, "evaluate", objects=True).columns
    numbers = {key_of(name): number for number, name in enumerate(known.classes)}
    truths = [key_of(value) for value in columns[target].tolist()]
    for truth in truths:
        if truth is not None and truth not in numbers:
            names = ", ".join(map(repr, known.classes))
            raise ValueError(f"column {target!r} must hold the model's classes, {names}, got {truth!r}")
    true = [row for row, truth in enumerate(truths) if truth is not None]
    if not true:
        raise ValueError(f"column {target!r} is empty: no case has a truth")
    rows = [row for row in true if predicted["predicted"][row] is not None]
    if not rows:
        raise ValueError(f"no case of {source.name} that has a truth has a feature of the model")
    probabilities = np.column_stack([predicted[f"probability_{name}"] for name in known.classes])
    back = {name: number for number, name in enumerate((*known.classes, None))}
    decided = np.array([back[name] for name in predicted["predicted"]])
    # Rows of the same id are one case, whose patient is not known.
    units = [key_of(value) for value in (columns[groups].tolist() if grouped else predicted["case"].tolist())]
    truth_numbers = np.array([numbers[truths[row]] for row in rows])
    # A case without a group is one of its own.
    resampled = np.array([str(row) if units[row] is None else f"group {units[row]}" for row in rows])
    metrics = _metrics.with_intervals([(truth_numbers, probabilities[rows], decided[rows])], resampled, 0)
    ids = predicted["case"].tolist()
    trained = {key_of(row["id"]) for row in known.evaluation["predictions"]} if id_column(columns) else set()
    return {
        "predictions": [
            {
                "row": row,
                "id": ids[row],
                "group": units[row] if grouped else None,
                "truth": known.classes[number],
                "probabilities": probabilities[row].tolist(),
                "predicted": known.classes[decided[row]],
            }
            for row, number in zip(rows, truth_numbers.tolist(), strict=True)
        ],
        "metrics": metrics,
        "grouped": grouped,
        "left_out": len(truths) - len(true),
        "unmeasured": len(true) - len(rows),
        "in_training": sum(key_of(ids[row]) in trained for row in rows),
    }
