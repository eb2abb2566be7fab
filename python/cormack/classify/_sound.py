"""Whether what was read is a model as training leaves it: compiled code follows its numbers without looking."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler
from sklearn.svm import SVC

from ._estimators import RelevantFeatures, UncorrelatedFeatures, VaryingFeatures

_STEPS: dict[str, tuple[type, ...]] = {
    "varying": (VaryingFeatures,),
    "imputation": (SimpleImputer,),
    "uncorrelated": (UncorrelatedFeatures,),
    "scaling": (StandardScaler, RobustScaler),
    "selection": (RelevantFeatures,),
    "model": (SVC, LogisticRegression, RandomForestClassifier, HistGradientBoostingClassifier),
}


def check(estimator: Any, features: int, classes: int) -> None:
    """Raise an exception where a model is not one of ours, or its parts do not fit each other.

    Parameters
    ----------
    estimator : object
        What a model folder holds.
    features, classes : int
        The numbers that the card has.
    """
    _must(type(estimator) is CalibratedClassifierCV, "it is no calibrated classifier")
    _must(_is_range(estimator.classes_, classes), "it has other classes than the card")
    _must(len(estimator.calibrated_classifiers_) == 1, "it has several models")
    pipeline = estimator.calibrated_classifiers_[0].estimator
    _must(type(pipeline) is Pipeline, "it has no pipeline")
    names = [name for name in _STEPS if name != "selection" or len(pipeline.steps) == len(_STEPS)]
    _must([name for name, _ in pipeline.steps] == names, "its steps are others")
    for name, step in pipeline.steps:
        _must(type(step) in _STEPS[name], f"its {name} is a {type(step).__name__}")
        _must(step.n_features_in_ == features, f"its {name} has another number of features")
        if name in ("varying", "uncorrelated", "selection"):
            support = step.support_
            _must(support.dtype == bool and support.shape == (features,), f"its {name} does not fit")
            features = int(support.sum())
    model = pipeline.steps[-1][1]
    _must(_is_range(model.classes_, classes), "its model has other classes")
    if isinstance(model, SVC):
        _check_vectors(model, features, classes)
    elif isinstance(model, RandomForestClassifier):
        for tree in model.estimators_:
            check_tree(tree.tree_, features, classes)
    elif isinstance(model, HistGradientBoostingClassifier):
        for trees in model._predictors:
            for tree in trees:
                _check_nodes(tree.nodes, "left", "right", "feature_idx", tree.nodes["is_leaf"] != 0, features)
                _must(not tree.nodes["is_categorical"].any(), "its trees have categories")


def _must(good: bool, otherwise: str) -> None:
    if not good:
        raise ValueError(otherwise)


def _is_range(classes: Any, count: int) -> bool:
    return np.array_equal(classes, np.arange(count))


def _check_vectors(model: SVC, features: int, classes: int) -> None:
    count = len(model.support_)
    shapes = {
        "support_vectors_": (count, features),
        "_n_support": (classes,),
        "_dual_coef_": (classes - 1, count),
        "_intercept_": (classes * (classes - 1) // 2,),
    }
    for name, shape in shapes.items():
        _must(getattr(model, name).shape == shape, f"its {name} has another shape")
    _must(model.support_.ndim == 1 and model.kernel in ("linear", "rbf"), "its support vectors are others")
    numbers = model._n_support
    _must(bool((numbers >= 0).all()) and int(numbers.sum()) == count, "its support vectors are not as many")
    _must(not model._sparse and model._probA.size == model._probB.size == 0, "its support vectors are others")


def check_tree(tree: Any, features: int, classes: int) -> None:
    """Raise ValueError where a `sklearn.tree._tree.Tree` leads outside itself; a regressor's has 1 class."""
    _must(0 < tree.node_count <= tree.capacity, "its trees have more nodes than there are")
    _must(tree.n_features == features and tree.n_outputs == 1 and tree.max_n_classes == classes, "its trees do not fit")
    nodes = tree.__getstate__()["nodes"]
    _check_nodes(nodes, "left_child", "right_child", "feature", nodes["left_child"] == -1, features)


def _check_nodes(nodes: np.ndarray, left: str, right: str, feature: str, leaves: np.ndarray, features: int) -> None:
    """Every way down a tree goes on to a later node of it, and so ends."""
    inner = nodes[~leaves]
    own = np.flatnonzero(~leaves)
    _must(len(nodes) > 0, "it has an empty tree")
    for side in (left, right):
        after = inner[side].astype(np.int64)
        _must(bool(((after > own) & (after < len(nodes))).all()), "its trees lead nowhere")
    column = inner[feature].astype(np.int64)
    _must(bool(((column >= 0) & (column < features)).all()), "its trees ask for other features")
