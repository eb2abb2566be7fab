"""A trained model, its predictions, and the tables that it refuses."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from .._table import Table
from ._folder import check_folder, listed, read_folder, write_folder
from ._rows import SEPARATOR, differences, feature_names, ids_of, matrix, one_row_per_case
from ._tables import Source, read_table

NOTE = (
    "A research tool, not a medical device: it has not been cleared for diagnosis, and its metrics hold for rows like "
    "those that it was trained on."
)


class TableRefused(ValueError):
    """A table that a model must not be applied to.

    Attributes
    ----------
    differences : list of (str, object, object)
        Settings of the extraction that differ: the place, the model's value and the table's.
    """

    def __init__(self, message: str, found: list[tuple[str, Any, Any]] | None = None) -> None:
        self.differences = found or []
        super().__init__(message)


def decide(probabilities: np.ndarray, priors: np.ndarray) -> np.ndarray:
    """Return the class of each row: the one whose probability stands highest over its share among training rows."""
    # Of two classes this is the same as to compare with the share of the positive one, without a division.
    if probabilities.shape[1] == 2:
        chosen: np.ndarray = (probabilities[:, 1] > priors[1]).astype(np.int64)
    else:
        chosen = np.argmax(probabilities / priors, axis=1)
    return chosen


class Model:
    """A trained classifier with its card.

    Parameters
    ----------
    estimator : object
        A fitted `sklearn.calibration.CalibratedClassifierCV` of a pipeline.
    card : dict
        What the model is: features and their extraction, parameters, metrics with intervals, versions.
    evaluation : dict
        Predictions of the cross-validation, row by row, folds and importances.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import classify
    >>> table = {"size": np.arange(40.0), "large": np.arange(40) > 19}
    >>> model = classify.train(table, "large", model="logistic", folds=2, inner_folds=2)
    >>> model.predict({"size": [1.0, 38.0]})["predicted"]
    array([False, True], dtype=object)
    """

    def __init__(self, estimator: Any, card: dict[str, Any], evaluation: dict[str, Any]) -> None:
        self.estimator = estimator
        self.card = card
        self.evaluation = evaluation

    @property
    def features(self) -> tuple[str, ...]:
        """Names of its features, in order."""
        return tuple(self.card["features"])

    @property
    def classes(self) -> tuple[Any, ...]:
        """Its classes; of two the second is the positive one."""
        return tuple(self.card["classes"])

    def __repr__(self) -> str:
        auc = self.card["metrics"]["auc"]["value"]
        return f"Model({self.card['model']} for {self.card['target']!r}, {len(self.features)} features, AUC {auc:.3f})"

    def predict(self, table: Any, *, ignore_extra: bool = False) -> Table:
        """Predict the class of each row.

        Parameters
        ----------
        table : path-like, mapping, pandas or Polars frame
            As `train` takes it; the target need not be in it. Failed cases are left out.
        ignore_extra : bool, default False
            Accept features that the training did not have, and leave them out.

        Returns
        -------
        Table
            The id of each row (its number from 0, where the table has none), ``predicted``, and ``probability_CLASS``
            for each class. A case without any feature that the model uses has None and NaN: medians of nothing are no
            case. Single features that are missing are the medians of the training.

        Raises
        ------
        TableRefused
            The table lacks features, has others, or was extracted with other settings.
        """
        source = read_cases(table, self)
        values = self._values(source, ignore_extra)
        unused = {item["feature"] for item in self.evaluation["dropped_features"]}
        used = np.array([name not in unused for name in self.features])
        probabilities = self.estimator.predict_proba(values)
        predicted = decide(probabilities, np.array(self.card["priors"]))
        empty = np.isnan(values[:, used]).all(axis=1)
        probabilities[empty], predicted[empty] = math.nan, -1
        # The last of them is what -1 stands for.
        classes = np.array([*self.classes, None], object)
        result = Table({"case": np.array(ids_of(source.columns), dtype=None)})
        result["predicted"] = classes[predicted]
        for number, name in enumerate(self.classes):
            result[f"probability_{name}"] = probabilities[:, number]
        return result

    def _values(self, source: Source, ignore_extra: bool) -> np.ndarray:
        card = self.card
        known = card["extraction"], source.extraction
        if None not in known:
            found = differences(*known)
            if found:
                shown = "; ".join(f"{place}: model {ours!r}, table {theirs!r}" for place, ours, theirs in found)
                raise TableRefused(f"{source.name} was extracted with other settings than the model's: {shown}", found)
        columns = Table(source.columns)
        for name in self.features:
            region, _, feature = name.partition(SEPARATOR)
            # No case of this table has the region: as where one case of many lacks it.
            absent = region not in source.regions and feature.removeprefix(f"largest{SEPARATOR}") in source.measured
            if name not in columns and (absent or _counts(name, source)) and None not in known:
                columns[name] = np.full(columns.row_count, 0.0 if feature == "objects" else math.nan)
        missing = [name for name in self.features if name not in columns]
        if missing:
            raise TableRefused(f"{source.name} lacks {len(missing)} of the model's features: {listed(missing)}")
        texts = [name for name in self.features if columns[name].dtype.kind not in "biuf"]
        empty = [name for name in texts if all(value is None for value in columns[name])]
        for name in empty:
            columns[name] = np.full(columns.row_count, math.nan)
        if len(texts) > len(empty):
            raise TableRefused(f"features must be numbers, {source.name} has text in {listed(texts)}")
        if not ignore_extra:
            others = {*self.features, *(item["feature"] for item in self.evaluation["dropped_features"])}
            numbers = {name: column for name, column in columns.items() if column.dtype.kind in "biuf"}
            names, _ = feature_names(numbers, [card["target"], card["group_column"]], required=False)
            extra = [name for name in names if name not in others]
            if extra:
                raise TableRefused(
                    f"{source.name} has {len(extra)} features that the training did not have: {listed(extra)}; "
                    "leave them out, or ask for them to be ignored"
                )
        return matrix(columns, self.features)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the model: ``model.skops``, ``card.json``, ``evaluation.json`` and ``report.html``.

        Parameters
        ----------
        folder : path-like
            Made, or replaced where it holds a model.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        FileExistsError
            The folder holds something else.
        """
        path = Path(folder)
        check_folder(path)
        stored = {"estimator": self.estimator, "features": list(self.features), "classes": list(map(str, self.classes))}
        self.card["files"] = write_folder(path, stored, self.card, self.evaluation)
        return path


def read_cases(table: Any, model: Model) -> Source:
    """Return a table with one row for each case that did not fail, as a model is applied to it.

    A model of single objects, whose targets differed within cases, has the columns of rows and gets these.
    """
    source = read_table(table, "predict")
    kept = [model.card["target"], model.card["group_column"]]
    return one_row_per_case(source, kept, objects=set(model.features) <= set(source.columns))


def _counts(name: str, source: Source) -> bool:
    return name.endswith(f"{SEPARATOR}objects") and bool(source.measured)


def load_model(folder: str | os.PathLike[str]) -> Model:
    """Read the folder of a model; nothing of it is run before all of it has been checked, and a pickle never is.

    Parameters
    ----------
    folder : path-like
        What `Model.save` wrote.

    Returns
    -------
    Model

    Raises
    ------
    ModelRefused
        Other files, links, a checksum that is not the card's, types that are none of a model's, other features than
        those that were trained.

    Notes
    -----
    Checksums find accidents, not forgers, who can write a card too; what keeps these from running code is that only
    arrays and known types are read.

    Examples
    --------
    >>> from cormack import classify
    >>> model = classify.load_model("model")  # doctest: +SKIP
    >>> model.card["metrics"]["auc"]  # doctest: +SKIP
    {'value': 0.994, 'low': 0.988, 'high': 0.998}
    """
    card, evaluation, stored = read_folder(Path(folder))
    return Model(stored["estimator"], card, evaluation)


def predict(folder: str | os.PathLike[str] | Model, table: Any, *, ignore_extra: bool = False) -> Table:
    """Predict with a saved model; see `Model.predict`.

    Parameters
    ----------
    folder : path-like or Model
        What `Model.save` wrote.
    table, ignore_extra
        As for `Model.predict`.

    Returns
    -------
    Table

    Raises
    ------
    ModelRefused, TableRefused

    Examples
    --------
    >>> from cormack import classify
    >>> classify.predict("model", "features.parquet")["predicted"]  # doctest: +SKIP
    array(['benign', 'malignant'], dtype=object)
    """
    return (folder if isinstance(folder, Model) else load_model(folder)).predict(table, ignore_extra=ignore_extra)
