"""The folder of a model: how it is written, and what is refused when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._errors import ModelRefused
from .._model_folder import check_target, json_bytes, mapping_of, packed, read_model, unpacked, write_model

FORMAT = 1
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


def listed(names: list[str]) -> str:
    """Return the first few names, and how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def check_folder(path: Path) -> None:
    """Raise FileExistsError where a model must not be written: the folder holds something else."""
    check_target(path, _FILES)


def write_folder(
    path: Path, stored: Mapping[str, Any], card: Mapping[str, Any], evaluation: Mapping[str, Any]
) -> dict[str, str]:
    """Write a model, and return the checksums that were added to its card."""
    complete = dict(card)
    contents = {"model.skops": packed(dict(stored)), "evaluation.json": json_bytes(evaluation)}
    write_model(path, complete, contents, _FILES, _report)
    files: dict[str, str] = complete["files"]
    return files


def _report(folder: Path) -> None:
    from .report import write_report

    write_report(folder)


# --- Reading ---------------------------------------------------------------------------------------------------------


def read_folder(path: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return card, evaluation and what ``model.skops`` holds, after all of it has been checked."""
    card, contents = read_model(path, ["classifier"], FORMAT, _CHECKED, "`cormack train`", beside=["report.html"])
    missing = [name for name in _CHECKED if name not in contents]
    if missing:
        raise ModelRefused(path, f"{', '.join(missing)} is missing; give the folder that `cormack train` wrote")
    evaluation = mapping_of(contents["evaluation.json"], path / "evaluation.json")
    _check_card(card, evaluation, path)
    stored = _restored(contents["model.skops"], path)
    names, classes = card["features"], [str(name) for name in card["classes"]]
    trained = stored["features"], stored["classes"], evaluation.get("classes")
    if trained != (names, classes, card["classes"]):
        raise ModelRefused(path, "the card has other features or classes than the model was trained with")
    from ._sound import check

    try:
        check(stored["estimator"], len(names), len(classes))
    except Exception as error:
        # Also what is missing: such an archive was written by nobody's training.
        raise ModelRefused(path / "model.skops", f"holds no sound model: {error or type(error).__name__}") from error
    return card, evaluation, stored


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
        and isinstance(card.get("model"), str)
        and _are_metrics(card.get("metrics"))
        and isinstance(card.get("group_column"), (str, type(None)))
        and all(isinstance(name, (str, int)) for name in classes)
        and _are_mappings(evaluation.get("dropped_features"), "feature")
        and _are_mappings(evaluation.get("predictions"), "id")
    )
    if not good:
        raise ModelRefused(path, "card.json lacks what a model needs, or holds it in another form")


def _are_metrics(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and "auc" in value
        and all(isinstance(each, dict) and {"value", "low", "high"} <= each.keys() for each in value.values())
        and all(isinstance(end, (float, int, type(None))) for each in value.values() for end in each.values())
        and isinstance(value["auc"]["value"], (float, int))
    )


def _are_mappings(value: Any, key: str) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) and key in each for each in value)


def _restored(content: bytes, path: Path) -> dict[str, Any]:
    file = path / "model.skops"
    stored = unpacked(content, file, _TYPES)
    if not isinstance(stored, dict) or set(stored) != {"estimator", "features", "classes"}:
        raise ModelRefused(file, "holds no model of Cormack")
    return stored
