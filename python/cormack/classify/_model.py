"""The folder of a model: what is written, and what is refused when it is read."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import stat
import zipfile
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from .._errors import BackendUnavailable, ModelRefused
from .._files import replacing_folder
from .._table import Table
from ._tables import SEPARATOR, Source, differences, feature_names, ids_of, matrix, one_row_per_case, read_table

FORMAT = 1
NOTE = (
    "A research tool, not a medical device: it has not been cleared for diagnosis, and its metrics hold for rows like "
    "those that it was trained on."
)
_FILES = ("model.skops", "card.json", "evaluation.json", "report.html")
_CHECKED = ("model.skops", "evaluation.json")
# All that a model is made of; an archive that names anything else is not read.
_TYPES = frozenset(
    {
        *(f"builtins.{name}" for name in ("dict", "list", "str", "tuple")),
        *(f"cormack.classify._estimators.{name}Features" for name in ("Relevant", "Uncorrelated", "Varying")),
        *(
            f"numpy.{name}"
            for name in ("dtype", "float64", "int64", "uint64", "ndarray", "random._generator.Generator")
        ),
        *(f"sklearn._loss._loss.CyHalf{name}Loss" for name in ("Binomial", "Multinomial")),
        *(f"sklearn._loss.link.{name}" for name in ("Interval", "LogitLink", "MultinomialLogit")),
        *(f"sklearn._loss.loss.Half{name}Loss" for name in ("Binomial", "Multinomial")),
        *(
            f"sklearn.calibration.{n}"
            for n in ("CalibratedClassifierCV", "_CalibratedClassifier", "_SigmoidCalibration")
        ),
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.impute._base.SimpleImputer",
        "sklearn.isotonic.IsotonicRegression",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.RobustScaler",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.preprocessing._label.LabelEncoder",
        "sklearn.svm._classes.SVC",
        "sklearn.tree._classes.DecisionTreeClassifier",
        "sklearn.tree._tree.Tree",
    }
)
# How skops may make them: nothing that calls what an archive names.
_LOADERS = frozenset(
    f"{name}Node"
    for name in (
        *("Dict", "List", "Tuple", "Json", "Type", "Object", "DType", "NdArray", "RandomGenerator", "Loss", "Tree"),
        "Cached",
    )
)
_LARGEST = {"model.skops": 2 << 30, "card.json": 64 << 20, "evaluation.json": 1 << 30}
_LARGEST_UNPACKED = 8 << 30


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
            for each class.

        Raises
        ------
        TableRefused
            The table lacks features, has others, or was extracted with other settings.
        """
        source = read_cases(table, self)
        values = self._values(source, ignore_extra)
        probabilities = self.estimator.predict_proba(values)
        predicted = decide(probabilities, np.array(self.card["priors"]))
        classes = np.empty(len(self.classes), object)
        classes[:] = self.classes
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
            raise TableRefused(f"{source.name} lacks {len(missing)} of the model's features: {_listed(missing)}")
        texts = [name for name in self.features if columns[name].dtype.kind not in "biuf"]
        empty = [name for name in texts if all(value is None for value in columns[name])]
        for name in empty:
            columns[name] = np.full(columns.row_count, math.nan)
        if len(texts) > len(empty):
            raise TableRefused(f"features must be numbers, {source.name} has text in {_listed(texts)}")
        if not ignore_extra:
            others = {*self.features, *(item["feature"] for item in self.evaluation["dropped_features"])}
            numbers = {name: column for name, column in columns.items() if column.dtype.kind in "biuf"}
            names, _ = feature_names(numbers, [card["target"], card["group_column"]])
            extra = [name for name in names if name not in others]
            if extra:
                raise TableRefused(
                    f"{source.name} has {len(extra)} features that the training did not have: {_listed(extra)}; "
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
        path.parent.mkdir(parents=True, exist_ok=True)
        contents = {
            "model.skops": _skops().dumps(
                {"estimator": self.estimator, "features": list(self.features), "classes": list(map(str, self.classes))}
            ),
            "evaluation.json": _json(self.evaluation),
        }
        # The same model is the same file: a zip archive keeps times.
        contents["model.skops"] = _without_times(contents["model.skops"])
        files = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        self.card["files"] = files
        with replacing_folder(path) as temporary:
            temporary.mkdir()
            for name, content in (*contents.items(), ("card.json", _json(self.card))):
                (temporary / name).write_bytes(content)
            _report(temporary)
        return path


def check_folder(path: Path) -> None:
    """Raise FileExistsError where a model must not be written: the folder holds something else."""
    if os.path.lexists(path) and not (path.is_dir() and {item.name for item in path.iterdir()} <= {*_FILES}):
        raise FileExistsError(17, "exists and is no model; give another folder", os.fspath(path))


def read_cases(table: Any, model: Model) -> Source:
    """Return a table with one row for each case that did not fail, as a model is applied to it."""
    return one_row_per_case(read_table(table, "predict"), [model.card["target"], model.card["group_column"]])


def _report(folder: Path) -> None:
    if find_spec("cormack.classify.report") is not None:
        import_module("cormack.classify.report").write_report(folder)


def _counts(name: str, source: Source) -> bool:
    return name.endswith(f"{SEPARATOR}objects") and bool(source.measured)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _skops() -> Any:
    try:
        import skops.io
    except ImportError as error:
        raise BackendUnavailable('models need skops; install it with: pip install "cormack[ml]"') from error
    return skops.io


def _without_times(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in sorted(given.namelist()):
            made.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), given.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()


# --- Reading ---------------------------------------------------------------------------------------------------------


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
    path = Path(folder)
    if not path.is_dir():
        problem = "is not there" if not os.path.lexists(path) else "is no folder"
        raise ModelRefused(path, f"{problem}; give the folder that `cormack train` wrote")
    contents = _contents(path)
    card = _mapping(contents["card.json"], path / "card.json")
    if card.get("kind") != "classifier" or card.get("format") != FORMAT:
        raise ModelRefused(
            path,
            f"card.json must be of kind 'classifier' and format {FORMAT}, "
            f"got {card.get('kind')!r} and {card.get('format')!r}",
        )
    files = card.get("files")
    if not isinstance(files, dict) or set(files) != set(_CHECKED):
        raise ModelRefused(path, f"card.json must name the checksums of {' and '.join(_CHECKED)}, got {files!r:.200}")
    for name in _CHECKED:
        if hashlib.sha256(contents[name]).hexdigest() != files[name]:
            raise ModelRefused(path, f"{name} is not the file that was saved, its checksum differs from the card's")
    evaluation = _mapping(contents["evaluation.json"], path / "evaluation.json")
    _check_card(card, evaluation, path)
    stored = _restored(contents["model.skops"], path)
    names, classes = card["features"], [str(name) for name in card["classes"]]
    if stored["features"] != names or stored["classes"] != classes:
        raise ModelRefused(path, "the card has other features or classes than the model was trained with")
    estimator = stored["estimator"]
    if getattr(estimator, "n_features_in_", None) != len(names) or len(estimator.classes_) != len(classes):
        raise ModelRefused(path, "the model has another number of features or classes than the card")
    return Model(estimator, card, evaluation)


def _contents(path: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for entry in sorted(os.scandir(path), key=lambda item: item.name):
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            raise ModelRefused(path, f"{entry.name} is a link, which may lead out of the folder")
        if entry.name not in _FILES or not stat.S_ISREG(mode):
            raise ModelRefused(path, f"{entry.name!r} is no part of a model, which has {', '.join(_FILES)}")
        if entry.name in _LARGEST:
            with open(os.open(entry.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
                content = file.read(_LARGEST[entry.name] + 1)
            if len(content) > _LARGEST[entry.name]:
                raise ModelRefused(path, f"{entry.name} is larger than a model's may be")
            found[entry.name] = content
    missing = [name for name in _LARGEST if name not in found]
    if missing:
        raise ModelRefused(path, f"{', '.join(missing)} is missing; give the folder that `cormack train` wrote")
    return found


def _mapping(content: bytes, path: Path) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelRefused(path, f"is no JSON ({error})") from error
    if not isinstance(value, dict):
        raise ModelRefused(path, "must be a mapping")
    return value


def _check_card(card: Mapping[str, Any], evaluation: Mapping[str, Any], path: Path) -> None:
    """Check what predictions need; a report reads the rest."""
    classes, priors, names = card.get("classes"), card.get("priors"), card.get("features")
    extraction = card.get("extraction")
    good = (
        isinstance(names, list)
        and all(isinstance(name, str) for name in names)
        and isinstance(classes, list)
        and len(classes) >= 2
        and isinstance(priors, list)
        and len(priors) == len(classes)
        and all(isinstance(share, float) and 0 < share < 1 for share in priors)
        and (extraction is None or isinstance(extraction, dict))
        and isinstance(card.get("target"), str)
        and isinstance(card.get("metrics"), dict)
        and "auc" in card["metrics"]
        and isinstance(card.get("group_column"), (str, type(None)))
        and isinstance(evaluation.get("dropped_features"), list)
    )
    if not good:
        raise ModelRefused(path, "card.json lacks what a model needs, or holds it in another form")


def _restored(content: bytes, path: Path) -> dict[str, Any]:
    file = path / "model.skops"
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise ModelRefused(file, f"is no archive of skops (a pickle is never read): {error}") from error
    for entry in entries:
        name = entry.filename
        if "/" in name or "\\" in name or name in ("", ".", "..") or not name.endswith((".json", ".npy", ".npz")):
            raise ModelRefused(file, f"holds {name!r}: only schema.json and arrays are accepted, and no paths")
    if sum(entry.file_size for entry in entries) > _LARGEST_UNPACKED:
        raise ModelRefused(file, "is larger unpacked than a model may be")
    skops = _skops()
    try:
        unknown = sorted(_strange(content))
        if unknown:
            raise ModelRefused(file, f"holds types that no model has: {_listed(unknown)}")
        stored = skops.loads(content, trusted=sorted(set(skops.get_untrusted_types(data=content)) & _TYPES))
    except ModelRefused:
        raise
    except Exception as error:
        # Whatever a damaged archive makes its reader raise.
        raise ModelRefused(file, f"cannot be read: {type(error).__name__}: {error}") from error
    if not isinstance(stored, dict) or set(stored) != {"estimator", "features", "classes"}:
        raise ModelRefused(file, "holds no model of Cormack")
    from sklearn.calibration import CalibratedClassifierCV

    if type(stored["estimator"]) is not CalibratedClassifierCV:
        raise ModelRefused(file, f"holds a {type(stored['estimator']).__name__}, no calibrated classifier")
    return stored


def _strange(content: bytes) -> set[str]:
    """Types that an archive names and no model has."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        waiting = [json.loads(archive.read("schema.json"))]
    found = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if "__loader__" in node and node["__loader__"] not in _LOADERS:
                found.add(str(node["__loader__"]))
            if "__class__" in node or "__module__" in node:
                found.add(f"{node.get('__module__')}.{node.get('__class__')}")
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return {name for name in found if name not in _TYPES}


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
