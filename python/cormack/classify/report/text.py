"""The sentences of the report: what was found, how it was done, and how far it goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..._report.formatting import number, real
from ..._report.reading import Json
from .figures import roc_area
from .numbers import interval, parameters, share
from .records import Judged

__all__ = ["REFERENCES", "group_word", "has_groups", "kind_of_model", "limits", "methods", "summary", "warnings"]

REFERENCES = (
    "Pedregosa F, Varoquaux G, Gramfort A, et al. Scikit-learn: machine learning in Python. Journal of Machine "
    "Learning Research 2011;12:2825-2830.",
    "Varma S, Simon R. Bias in error estimation when using cross-validation for model selection. BMC Bioinformatics "
    "2006;7:91. doi:10.1186/1471-2105-7-91",
    "Collins GS, Moons KGM, Dhiman P, et al. TRIPOD+AI statement: updated guidance for reporting clinical prediction "
    "models that use regression or machine learning methods. BMJ 2024;385:e078378. doi:10.1136/bmj-2023-078378",
)

_MODELS = {
    "svm": "support vector machine",
    "random-forest": "random forest",
    "boosting": "gradient-boosted tree ensemble",
    "logistic": "logistic regression",
}
_SCORES = {"roc_auc": "area under the ROC curve"}
_CALIBRATIONS = {"sigmoid": "Platt's sigmoid", "isotonic": "isotonic regression"}
_MOST_NAMES = 6  # classes in a sentence
_FEW = 30  # cases of the rarest class below which a figure says little


def kind_of_model(name: str) -> str:
    """``svm`` in words."""
    return _MODELS.get(name.replace("_", "-"), name.replace("_", " ")) or "classifier"


def counted(count: float | None, one: str, many: str = "") -> str:
    """``1 case``, ``569 cases``."""
    if count is None:
        return f"an unknown number of {many or one + 's'}"
    return f"{number(int(count))} {one if count == 1 else many or one + 's'}"


def _list(items: Sequence[str]) -> str:
    return ", ".join(items[:-1]) + (" and " if len(items) > 1 else "") + items[-1] if items else ""


def group_word(card: Json, many: bool = True) -> str:
    """What a group is called: patients, where the column says so."""
    column = str(card.get("group_column") or "").lower()
    word = next((word for word in ("patient", "subject", "participant", "person") if word in column), "group")
    return word + "s" if many else word


def has_groups(card: Json) -> bool:
    """Whether a column said which cases belong together."""
    return bool(card.get("group_column"))


def _auc(metrics: Json, rows: Judged) -> tuple[str, Any]:
    """The area under the ROC curve as the metrics have it, or else that of the plotted curves."""
    if isinstance(entry := metrics.get("auc"), dict) and real(entry.get("value")) is not None:
        return share(entry["value"]), entry
    areas = [roc_area(rows, index) for index in rows.shown if 0 < rows.of_class(index) < rows.case_count]
    return (share(sum(areas) / len(areas)) if areas else ""), None


def summary(metrics: Json, rows: Judged, card: Json, trained: bool) -> str:
    """The result in one sentence, with its interval and who judged whom."""
    if rows.positive is None:
        names = _list(rows.classes) if len(rows.classes) <= _MOST_NAMES else f"{len(rows.classes)} classes"
        task = f"tells {names} apart"
    else:
        task = f"tells {rows.classes[rows.positive]} from {rows.classes[1 - rows.positive]}"
    value, entry = _auc(metrics, rows)
    each = "" if rows.positive is not None else ", the mean over classes, each against the rest,"
    said = f"with an area under the ROC curve{each} of {value}" if value else "with no area under the ROC curve known"
    if between := interval(entry):
        said += f" (95 % interval {between})"
    text = f"The {kind_of_model(str(card.get('model') or ''))} {task} {said}."
    if not trained:
        return text + f" This is on {counted(rows.case_count, 'case')} whose truth was known."
    who = f" or any other of the same {group_word(card, many=False)}" if has_groups(card) else ""
    return text + f" Every case was judged by a model that had not seen it{who}."


def warnings(metrics: Json, rows: Judged, card: Json, trained: bool) -> list[str]:
    """What must be known before the figures are believed."""
    said = []
    _, entry = _auc(metrics, rows)
    low = real(entry.get("low")) if entry else None
    if low is not None and low <= 0.5:
        said.append(
            "The interval of the area under the ROC curve includes 0.5: these data do not show that the model is "
            "better than chance."
        )
    rarest = min(range(len(rows.classes)), key=rows.of_class)
    if rows.of_class(rarest) < _FEW:
        said.append(
            f"There {'is' if rows.of_class(rarest) == 1 else 'are'} only {counted(rows.of_class(rarest), 'case')} of "
            f"{rows.classes[rarest]}: the figures may change much with other data."
        )
    if trained and not has_groups(card):
        said.append(
            "No column said which cases belong to one patient. If patients have several cases, the figures are better "
            "than they would be on new patients."
        )
    return said + [str(note)[:1].upper() + str(note)[1:] + "." for note in card["notes"]]


def methods(card: Json, evaluation: Json, rows: Judged) -> list[str]:
    """Paragraphs for the methods section of a paper."""
    return [_data(card, rows), _estimate(card, rows), _model(card, evaluation, rows)]


def _data(card: Json, rows: Judged) -> str:
    versions = card["versions"]
    names = (("cormack", "Cormack"), ("scikit-learn", "scikit-learn"))
    tools = [f"{name} {versions[key]}" for key, name in names if versions.get(key)]
    classes = _list([f"{rows.of_class(index)} {name}" for index, name in enumerate(rows.classes)])
    groups = ""
    if has_groups(card) and card["groups"] is not None:
        groups = f" of {counted(card['groups'], group_word(card, many=False), group_word(card))}"
    return (
        f"A {kind_of_model(card['model'])} was trained to predict {card['target'] or 'the target'} "
        f"from {counted(len(card['features']), 'feature')} of {counted(rows.case_count, 'case')}{groups} ({classes})"
        f"{', with ' + _list(tools) if tools else ''}. Imputation, scaling, and removal and selection of features were "
        "part of the model and were fitted on training cases alone."
    )


def _estimate(card: Json, rows: Judged) -> str:
    folds = len(rows.folds()) // rows.repeats
    text = (
        f"Performance was estimated by nested cross-validation with {counted(folds, 'outer fold')}"
        f"{f', {rows.repeats} times with different splits' if rows.repeats > 1 else ''}, stratified by class"
    )
    if has_groups(card):
        text += f" and grouped so that all cases of a {group_word(card, many=False)} fell into one fold"
    text += ". Hyper-parameters were chosen within the training part of each fold"
    if inner := real(card["folds"].get("inner")):
        text += f", by {int(inner)}-fold cross-validation"
    if card["scoring"]:
        text += f", for the best {_SCORES.get(card['scoring'], card['scoring'].replace('_', ' '))}"
    if card["calibration"]:
        text += (
            f"; probabilities were calibrated there by {_CALIBRATIONS.get(card['calibration'], card['calibration'])}"
        )
    return text + ". All figures are of cases that the model had not seen."


def _model(card: Json, evaluation: Json, rows: Judged) -> str:
    said = []
    if card["intervals"]:
        said.append(card["intervals"].rstrip(".") + ".")
    if card["parameters"]:
        said.append(f"The final model was fitted on all cases, with {parameters(card['parameters'])}.")
    if card["threshold"] is not None and rows.positive is not None:
        said.append(
            f"A case is called {rows.classes[rows.positive]} where its probability is above {share(card['threshold'])}."
        )
    if evaluation["importances"]:
        said.append(
            "The importance of a feature is the mean loss of area under the ROC curve when its values are shuffled "
            "among cases that the model had not seen (permutation importance)."
        )
    if (seed := card.get("seed")) is not None:
        said.append(f"The seed of all random choices was {seed}.")
    return " ".join(said)


def limits(card: Json, rows: Judged, trained: bool) -> list[str]:
    """How far the figures go."""
    rarest = min(rows.of_class(index) for index in range(len(rows.classes)))
    said = ["This is a research tool, not a medical device. Nothing here may decide about a patient."]
    if trained:
        said.append(
            "All cases come from one table. Performance on data of other scanners, protocols, hospitals or populations "
            "is usually lower and has not been measured."
        )
        if features := len(card["features"]):
            few = rarest < 10 * features
            said.append(
                f"{counted(features, 'feature')} against {counted(rarest, 'case')} of the rarest class, "
                f"{number(round(rarest / features, 2))} cases for each feature"
                + (": few, so other data are likely to choose other features." if few else ".")
            )
        said.append(
            "Correlated features share their importance: a low one does not mean that a feature says nothing, a high "
            "one does not mean a cause."
        )
        if not card["extraction"]:
            said.append(
                "How the features were computed is not recorded, so it cannot be checked that those of new cases are "
                "computed alike."
            )
    else:
        said.append(
            f"The figures rest on {counted(rows.case_count, 'case')}; how these were chosen, and whether the model saw "
            "any of them in training, this report cannot know."
        )
    said.append(
        "The share of each class among these cases may differ from that in practice; predictive values, precision and "
        "calibration change with it."
    )
    said.append("Intervals cover the chance in the choice of cases, not differences between these and other data.")
    return said
