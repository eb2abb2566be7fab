"""What is fitted: transformers that look at training rows alone, the models and what is tried of each."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import SelectorMixin, f_classif
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.utils.validation import check_is_fitted, validate_data

MODELS = ("svm", "random-forest", "boosting", "logistic")
# Absolute rank correlation from which one of two features says nothing new.
_CORRELATION = 0.95
# Fewer trees choose parameters as well, in a third of the time.
_TREES, _TREES_OF_SEARCH = 300, 100
_ROUNDS = 100
_MOST_ITERATIONS = 20_000
_SCALERS = {"standard": StandardScaler, "robust": RobustScaler}
_HALF = 0.5


class _Selector(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Keeps some columns."""

    def _get_support_mask(self) -> np.ndarray:
        check_is_fitted(self, "support_")
        mask: np.ndarray = self.support_
        return mask

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class VaryingFeatures(_Selector):
    """Leaves out features that have one value, or none, in the training rows.

    Examples
    --------
    >>> import numpy as np
    >>> VaryingFeatures().fit(np.array([[1, 2, np.nan], [1, 3, np.nan]])).get_support()
    array([False,  True, False])
    """

    def fit(self, X: Any, y: Any = None) -> VaryingFeatures:
        """Find out which features vary."""
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        first = np.take_along_axis(X, np.argmax(~np.isnan(X), axis=0)[None], axis=0)
        # NaN equals nothing, so a gap alone must not count as another value.
        self.support_ = ((first != X) & ~np.isnan(X)).any(axis=0)
        if not self.support_.any():
            raise ValueError("no feature varies in the training rows; give features that differ between rows")
        return self


class UncorrelatedFeatures(_Selector):
    """Leaves out features whose ranks in the training rows are nearly those of an earlier one.

    Parameters
    ----------
    threshold : float
        Of two features whose rank correlation (Spearman) is more than this, in absolute value, the first stays.

    Examples
    --------
    >>> import numpy as np
    >>> UncorrelatedFeatures().fit(np.array([[1, 1, 3], [2, 4, 1], [3, 9, 2]])).get_support()
    array([ True, False,  True])
    """

    def __init__(self, threshold: float = _CORRELATION) -> None:
        self.threshold = threshold

    def fit(self, X: Any, y: Any = None) -> UncorrelatedFeatures:
        """Find out which features repeat others."""
        X = validate_data(self, X, dtype=np.float64)
        ranks = rankdata(X, axis=0)
        ranks -= ranks.mean(axis=0)
        norms = np.sqrt((ranks**2).sum(axis=0))
        ranks /= np.where(norms > 0, norms, 1.0)
        related = np.abs(ranks.T @ ranks) > self.threshold
        keep = np.ones(X.shape[1], bool)
        for column in range(X.shape[1]):
            if keep[column]:
                keep[column + 1 :] &= ~related[column, column + 1 :]
        self.support_ = keep
        return self


class RelevantFeatures(_Selector):
    """Keeps features that have to do with the classes in the training rows.

    Parameters
    ----------
    method : {"univariate", "l1"}
        The half with the largest F values, or those that a linear model with an L1 penalty uses; at least one.
    seed : int

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[0, 5], [0, 6], [1, 5], [1, 6]]) + np.array([[0.1, 0], [0, 0], [0, 0], [0.1, 0]])
    >>> RelevantFeatures("univariate").fit(x, [0, 0, 1, 1]).get_support()
    array([ True, False])
    """

    def __init__(self, method: str = "univariate", seed: int = 0) -> None:
        self.method = method
        self.seed = seed

    def fit(self, X: Any, y: Any) -> RelevantFeatures:
        """Rank the features."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        if self.method == "l1":
            linear = LinearSVC(
                penalty="l1", dual=False, C=0.1, class_weight="balanced", max_iter=1000, random_state=self.seed
            )
            with warnings.catch_warnings():
                # A ranking is good enough before the last digit has settled.
                warnings.simplefilter("ignore", ConvergenceWarning)
                weights = np.abs(linear.fit(X, y).coef_).max(axis=0)
            keep = weights > 1e-5
        else:
            weights = np.nan_to_num(f_classif(X, y)[0], nan=0.0, posinf=np.finfo(float).max)
            keep = np.zeros(X.shape[1], bool)
            keep[np.argsort(-weights, kind="stable")[: max(1, round(_HALF * X.shape[1]))]] = True
        if not keep.any():
            keep[np.argmax(weights)] = True
        self.support_ = keep
        return self


def _grid(**values: list[Any]) -> list[dict[str, Any]]:
    return [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]


# What is tried, the simplest first: of equal ones the first is taken.
_PREPARATIONS = {
    "svm": _grid(scaling=["standard", "robust"], selection=["none", "univariate", "l1"]),
    "logistic": _grid(scaling=["standard", "robust"], selection=["none", "univariate", "l1"]),
    "random-forest": _grid(scaling=["standard"], selection=["none"]),
    "boosting": _grid(scaling=["standard"], selection=["none"]),
}
_CANDIDATES = {
    "svm": [
        *_grid(kernel=["linear"], C=[0.01, 0.1, 1.0]),
        *_grid(kernel=["rbf"], C=[0.3, 1.0, 3.0, 10.0, 30.0], gamma=["scale", 0.01]),
    ],
    "logistic": _grid(C=[0.003, 0.03, 0.3, 3.0]),
    "random-forest": _grid(max_features=["sqrt", 0.3], min_samples_leaf=[1, 3]),
    "boosting": _grid(learning_rate=[0.05, 0.15], max_leaf_nodes=[3, 8]),
}


def preparations(model: str) -> list[dict[str, Any]]:
    """Return what is tried before a model."""
    return _PREPARATIONS[model]


def candidates(model: str) -> list[dict[str, Any]]:
    """Return the parameters of a model that are tried."""
    return _CANDIDATES[model]


def preparation(settings: Mapping[str, Any], seed: int) -> Pipeline:
    """Return what is done with features before a model sees them.

    Parameters
    ----------
    settings : mapping
        One of `preparations`.
    seed : int

    Returns
    -------
    Pipeline
        Not fitted.
    """
    steps = [
        ("varying", VaryingFeatures()),
        ("imputation", SimpleImputer(strategy="median")),
        ("uncorrelated", UncorrelatedFeatures()),
        ("scaling", _SCALERS[settings["scaling"]]()),
    ]
    if settings["selection"] != "none":
        steps.append(("selection", RelevantFeatures(settings["selection"], seed)))
    return Pipeline(steps)


def estimator(model: str, parameters: Mapping[str, Any], seed: int, *, final: bool = True) -> Any:
    """Return a model, not fitted; rare classes count as much as frequent ones.

    Parameters
    ----------
    model : str
        One of `MODELS`.
    parameters : mapping
        One of `candidates`.
    seed : int
    final : bool, default True
        Not one of many that are compared.

    Returns
    -------
    estimator
    """
    if model == "svm":
        return SVC(class_weight="balanced", cache_size=500, random_state=seed, **parameters)
    if model == "logistic":
        return LogisticRegression(class_weight="balanced", max_iter=_MOST_ITERATIONS, **parameters)
    if model == "random-forest":
        trees = _TREES if final else _TREES_OF_SEARCH
        return RandomForestClassifier(trees, class_weight="balanced", random_state=seed, n_jobs=1, **parameters)
    return HistGradientBoostingClassifier(
        # Without weights, whose quantiles take scikit-learn 1.9 forty times as long as the fit; the decision weighs
        # classes alike in any case, as it compares probabilities with shares.
        max_iter=_ROUNDS,
        # Tables of patients are short: scikit-learn's 20 would leave nothing to split.
        min_samples_leaf=5,
        early_stopping=False,
        random_state=seed,
        **parameters,
    )


def whole(model: str, settings: Mapping[str, Any], parameters: Mapping[str, Any], seed: int) -> Pipeline:
    """Return preparation and model as one pipeline, not fitted."""
    steps = preparation(settings, seed).steps
    return Pipeline([*steps, ("model", estimator(model, parameters, seed))])


def scores_of(fitted: Any, X: np.ndarray) -> np.ndarray:
    """Return what a fitted model ranks rows by: its decision function, else its probabilities."""
    decide = getattr(fitted, "decision_function", None)
    scores: np.ndarray = fitted.predict_proba(X) if decide is None else decide(X)
    return scores


def unused_by(fitted: Pipeline, names: list[str]) -> Iterator[tuple[str, str]]:
    """Give the features that a fitted pipeline does not use, with the reason."""
    left = list(names)
    why = {"varying": "is constant", "uncorrelated": "correlated with another", "selection": "not selected"}
    for step, reason in why.items():
        if step in fitted.named_steps:
            support = fitted.named_steps[step].get_support()
            yield from ((name, reason) for name, keep in zip(left, support, strict=True) if not keep)
            left = [name for name, keep in zip(left, support, strict=True) if keep]
