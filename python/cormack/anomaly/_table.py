"""Rows of a table that differ from a reference: isolation forest, robust distance, local density, PyOD's detectors."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _check
from .._errors import BackendUnavailable
from .._table import Table
from ..classify._model import TableRefused
from ..classify._rows import differences, feature_names, ids_of, key_of, matrix, one_row_per_case
from ..classify._tables import read_table
from ._calibration import Calibration, folds_of, share_of

__all__ = ["METHODS", "PYOD", "TableDetector", "fit_table"]

METHODS = ("isolation-forest", "mahalanobis", "local-outlier-factor")
# PyOD's detectors that need nothing beyond what scikit-learn needs. ECOD and COPOD are not
# among them: there the score of a row depends on the rows that are scored with it.
PYOD = ("ABOD", "CBLOF", "GMM", "HBOS", "INNE", "KDE", "KNN", "LODA", "OCSVM", "PCA")

_FOLDS = 5
_LEAST_ROWS = 10
_NAMED = 3  # features named per row
_MOST_MISSING = 0.5
# A covariance of p features needs some times p rows: scikit-learn's advice for MinCovDet.
_ROWS_PER_FEATURE = 5
_CLIP = 3.0

Floats = npt.NDArray[np.float64]


def fit_table(
    table: Any,
    *,
    method: str = "isolation-forest",
    reference: Mapping[str, Any] | npt.ArrayLike | None = None,
    features: Sequence[str] | None = None,
    exclude: Iterable[str] = (),
    contamination: float = 0.05,
    seed: int = 0,
) -> TableDetector:
    """Learn from a table what normal rows look like.

    Parameters
    ----------
    table : path-like, Table, mapping of str to array, pandas or Polars frame
        One row per case; what `cormack.classify.train` takes.
    method : str, default "isolation-forest"
        ``"isolation-forest"``, ``"mahalanobis"`` or ``"local-outlier-factor"``, which are scikit-learn's; or where PyOD
        is installed the name of a detector of its: `PYOD`, as ``"HBOS"`` or ``"KNN"``.
    reference : mapping or boolean array, optional
        Which rows are normal: ``{"diagnosis": "benign"}`` (a value or several; such columns are no features), or a
        truth value per row. Default: all.
    features, exclude : sequence of str, optional
        Columns to look at and not to look at, also as patterns (``"stat_*"``); default: all columns of numbers that are
        no ids.
    contamination : float, default 0.05
        Share of normal rows that may be called outliers, above 0 and at most 0.5.
    seed : int, default 0
        The same seed and table give the same detector.

    Returns
    -------
    TableDetector

    Raises
    ------
    ValueError
        There is no such method or column, fewer than 10 rows of reference, or no feature that varies among them.
    BackendUnavailable
        scikit-learn, or PyOD for a detector of its, is not installed.

    See Also
    --------
    cormack.detect.rx_detector : Pixels that differ from their surroundings, within one image.

    Notes
    -----
    Columns that are constant among the reference, or missing in more than half of it, are left out. A value that is
    missing is replaced by the median of the reference; features are centred on their medians and divided by their
    median absolute deviations (times 1.4826), by the standard deviation where that is 0.

    The robust covariance is the minimum covariance determinant where there are 5 rows per feature and no feature is a
    combination of others. Otherwise no covariance can be estimated without further assumptions: then it is shrunk
    (Ledoit and Wolf), of values clipped at 3 robust standard deviations so that few odd rows do not shape it.
    ``detector.notes`` says which was done.

    An isolation forest does not tell far from farther: beyond the values of the reference its scores do not grow.

    p-values come from the reference by 5-fold cross-fitting: each of its rows is scored by a detector that has not
    seen it (but for the medians and deviations, which are of all). See `Calibration`.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> table = {"case": [f"p{i}" for i in range(100)], "volume": rng.normal(50, 5, 100), "mean": rng.normal(0, 1, 100)}
    >>> detector = fit_table(table, method="mahalanobis")
    >>> found = detector.score({"case": ["new"], "volume": [90.0], "mean": [0.1]})
    >>> bool(found["outlier"][0]), str(found["feature_1"][0])
    (True, 'volume')
    """
    name = "fit_table"
    _check.choice(name, "method", method, (*METHODS, *PYOD))
    share = share_of(name, "contamination", contamination)
    seed = _check.integer(name, "seed", seed, minimum=0)
    said = list(reference) if isinstance(reference, Mapping) else []
    source = one_row_per_case(read_table(table, name), said)
    chosen = _reference_rows(name, source.columns, reference)
    names, dropped = feature_names(source.columns, said, features, list(exclude))
    values = matrix(source.columns.select(chosen), names)
    if len(values) < _LEAST_ROWS:
        raise _check.fail(name, "reference", f"select at least {_LEAST_ROWS} rows", len(values))
    kept, centre, scale, unfit = _scales(names, values)
    if not kept:
        raise ValueError(f"{name}: no feature varies among the {len(values)} rows of the reference")
    z = _standardized(values[:, [names.index(key) for key in kept]], centre, scale)
    held_out = np.empty(len(z))
    assigned = folds_of(len(z), _FOLDS, seed)
    notes: list[str] = []
    for fold in range(int(assigned.max()) + 1):
        inside = assigned != fold
        held_out[~inside] = _scores(method, fitted(method, z[inside], seed, []), z[~inside])
    return TableDetector(
        method=method,
        features=kept,
        centre=centre,
        scale=scale,
        estimator=fitted(method, z, seed, notes),
        reference=z,
        calibration=Calibration(held_out, share),
        rows=len(z),
        seed=seed,
        dropped=dropped + unfit,
        notes=notes,
        shown=said,
        extraction=source.extraction,
        seen=_marks(z),
    )


@dataclass(frozen=True, eq=False)
class TableDetector:
    """What normal rows look like; made by `fit_table`.

    Parameters
    ----------
    method : str
        See `fit_table`.
    features : list of str
        The columns that it looks at.
    centre, scale : ndarray
        Median and robust standard deviation of each among the reference.
    estimator : object
        scikit-learn's or PyOD's.
    reference : ndarray
        The reference's rows, standardized; of a detector that was loaded and does not look them up, some of them.
    calibration : Calibration
        Scores of the reference's rows, each by a detector that has not seen it.
    rows, seed : int
        Size of the reference; the seed.
    dropped : list of dict
        ``feature`` and ``why`` of those that are not used.
    notes : list of str
        What was decided on the way.
    shown : list of str
        The columns that named the reference; where a table has them they come back with its scores.
    extraction : mapping or None
        Settings under which the features were computed, where the table says.
    seen : ndarray
        A checksum of each row of the reference, by which rows are known again.

    Examples
    --------
    >>> import numpy as np
    >>> detector = fit_table({"a": np.arange(50.0)}, contamination=0.1)
    >>> detector.features, detector.rows
    (['a'], 50)
    """

    method: str
    features: list[str]
    centre: Floats
    scale: Floats
    estimator: Any
    reference: Floats
    calibration: Calibration
    rows: int
    seed: int = 0
    dropped: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    extraction: Mapping[str, Any] | None = None
    seen: Floats = field(default_factory=lambda: np.empty(0))

    def score(self, table: Any) -> Table:
        """Say how far each row is from normal.

        Parameters
        ----------
        table : path-like, Table, mapping, pandas or Polars frame
            With the columns of `features`.

        Returns
        -------
        Table
            ``case`` (the number from 0, where the table has no ids); the columns that named the reference; ``score``
            (higher is odder; of ``"mahalanobis"`` the distance, in standard deviations), ``p_value`` among the
            reference, ``outlier``, ``in_reference`` (the detector has seen the same row: it scores too low),
            ``missing`` (number of values that were not there), and the three features that deviate most, ``feature_1``
            and so on, with robust z-scores ``z_1``.

        Raises
        ------
        cormack.classify.TableRefused
            A feature is absent, or the features were extracted with other settings than the reference's.
        """
        source = one_row_per_case(read_table(table, "score"), self.shown)
        if self.extraction is not None and source.extraction is not None:
            found = differences(self.extraction, source.extraction)
            if found:
                shown = "; ".join(f"{place}: reference {ours!r}, table {theirs!r}" for place, ours, theirs in found)
                raise TableRefused(f"{source.name} was extracted with other settings: {shown}", found)
        columns = source.columns
        absent = [key for key in self.features if key not in columns or columns[key].dtype.kind not in "biuf"]
        if absent:
            count = len(absent)
            raise TableRefused(f"{source.name} lacks {count} of the detector's features: {', '.join(absent[:5])}")
        values = matrix(columns, self.features)
        z = _standardized(values, self.centre, self.scale)
        scores = self.scores_of(z)
        result = Table({"case": np.array(ids_of(columns), dtype=None)})
        for key in self.shown:
            if key in columns and key != "case":
                result[key] = columns[key]
        result["score"] = scores
        result["p_value"] = self.calibration.p_values(scores)
        result["outlier"] = self.calibration.outliers(scores)
        result["in_reference"] = np.isin(_marks(z), self.seen)
        result["missing"] = np.isnan(values).sum(axis=1)
        order = np.argsort(-np.abs(z), axis=1, kind="stable")
        for place in range(min(_NAMED, len(self.features))):
            result[f"feature_{place + 1}"] = np.array(self.features, str)[order[:, place]]
            result[f"z_{place + 1}"] = np.take_along_axis(z, order[:, place : place + 1], axis=1)[:, 0]
        return result

    def scores_of(self, z: Floats) -> Floats:
        """Return the scores of rows that are standardized, in the order of `features`."""
        return _scores(self.method, self.estimator, z)


# --- Columns -------------------------------------------------------------------------------------------------------


def _reference_rows(function: str, columns: Mapping[str, np.ndarray], reference: Any) -> npt.NDArray[np.bool_]:
    """Which rows are normal."""
    count = len(next(iter(columns.values())))
    if reference is None:
        return np.ones(count, bool)
    if not isinstance(reference, Mapping):
        rows = np.asarray(reference)
        if rows.dtype != bool or rows.shape != (count,):
            raise _check.fail(function, "reference", f"hold {count} truth values or name a column", reference)
        return rows
    chosen = np.ones(count, bool)
    for column, wanted in reference.items():
        if column not in columns:
            raise _check.fail(function, "reference", f"name a column of {', '.join(list(columns)[:8])}, ...", column)
        values = [wanted] if isinstance(wanted, str) or not isinstance(wanted, Iterable) else list(wanted)
        # As ids are compared, so that "0" of a command line finds 0.
        keys = [key_of(value) for value in columns[column].tolist()]
        accepted = {key_of(value) for value in values}
        matching = np.array([key is not None and key in accepted for key in keys])
        if not matching.any():
            there = ", ".join(sorted({key for key in keys if key is not None})[:6])
            raise _check.fail(function, "reference", f"name a value of {column}, which has {there}", wanted)
        chosen &= matching
    return chosen


def _scales(names: Sequence[str], values: Floats) -> tuple[list[str], Floats, Floats, list[dict[str, str]]]:
    kept, centre, scale, dropped = [], [], [], []
    for key, column in zip(names, values.T, strict=True):
        present = column[~np.isnan(column)]
        if present.size < (1 - _MOST_MISSING) * column.size:
            dropped.append({"feature": key, "why": f"missing in {column.size - present.size} of {column.size} rows"})
            continue
        middle = float(np.median(present))
        width = 1.4826 * float(np.median(np.abs(present - middle))) or float(np.std(present))
        if not width > 1e-12 * abs(middle):
            dropped.append({"feature": key, "why": "constant in the reference"})
            continue
        kept.append(key)
        centre.append(middle)
        scale.append(width)
    return kept, np.array(centre), np.array(scale), dropped


def _standardized(values: Floats, centre: Floats, scale: Floats) -> Floats:
    return np.nan_to_num((values - centre) / scale, nan=0.0)


def _marks(z: Floats) -> Floats:
    """A number for each row that differs where rows do: 48 bits of a checksum, which a float holds."""
    rows = (hashlib.sha256(row.tobytes()).digest()[:6] for row in np.ascontiguousarray(z + 0.0, "<f8"))
    return np.array([int.from_bytes(row, "little") for row in rows], np.float64)


# --- Estimators ------------------------------------------------------------------------------------------------------


def fitted(method: str, z: Floats, seed: int, notes: list[str]) -> Any:
    """Return what has seen standardized rows; what was decided is added to `notes`."""
    try:
        from sklearn.covariance import LedoitWolf, MinCovDet
        from sklearn.ensemble import IsolationForest
        from sklearn.neighbors import LocalOutlierFactor
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise BackendUnavailable(
            'anomaly detection needs scikit-learn; install it with: pip install "cormack[ml]"'
        ) from error
    # The order of sums in a matrix product depends on the threads that share it.
    with threadpool_limits(1), warnings.catch_warnings():
        # A determinant that grows in its last digits, and subsets of rows that lie in a plane; both are looked at here.
        warnings.simplefilter("ignore")
        if method == "isolation-forest":
            return IsolationForest(random_state=seed).fit(z)
        if method == "local-outlier-factor":
            neighbours = min(20, len(z) - 1)
            notes.append(f"{neighbours} neighbours")
            return LocalOutlierFactor(n_neighbors=neighbours, novelty=True).fit(z)
        if method != "mahalanobis":
            detector = _pyod(method)
            seeded = "random_state" in inspect.signature(detector).parameters
            return detector(**({"random_state": seed} if seeded else {})).fit(z)
        rows, count = z.shape
        rank = int(np.linalg.matrix_rank(z - z.mean(axis=0), tol=1e-6 * np.sqrt(rows)))
        if rows >= _ROWS_PER_FEATURE * count and rank == count:
            notes.append("covariance: minimum covariance determinant")
            return MinCovDet(random_state=seed).fit(z)
        why = "features that are combinations of others" if rank < min(count, rows - 1) else "too few rows"
        notes.append(f"covariance: shrunk (Ledoit and Wolf) because of {why}: {rows} rows, {count} features")
        return LedoitWolf().fit(np.clip(z, -_CLIP, _CLIP))


def _scores(method: str, estimator: Any, z: Floats) -> Floats:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if method == "mahalanobis":
            return np.sqrt(np.asarray(estimator.mahalanobis(z), np.float64))
        if method in METHODS:
            return -np.asarray(estimator.score_samples(z), np.float64)
        return np.asarray(estimator.decision_function(z), np.float64)


def _pyod(method: str) -> Any:
    try:
        return getattr(importlib.import_module(f"pyod.models.{method.lower()}"), method)
    except ImportError as error:
        raise BackendUnavailable(f"{method} is PyOD's; install it with: pip install pyod") from error
