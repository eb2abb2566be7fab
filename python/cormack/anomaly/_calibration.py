"""What a score means: its place among the scores of normal things that took no part in making it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .. import _check

__all__ = ["Calibration", "folds_of", "share_of"]


class Calibration:
    """Scores of held-out normal things, and what others are beside them.

    The p-value of a score is (1 + number of normal scores at least as high) / (1 + number of normal scores): what
    conformal prediction calls it. If a new thing is normal, it is at most p with a probability of about p, whatever the
    distribution of scores: at most p where one detector made all scores and has seen nothing that they are of. Here the
    normal ones are made by detectors of parts of the reference. With 60 rows of 5 features, p-values of at most 0.05
    were 1.8 % (robust distance), 3.5 % (isolation forest) and 6.6 % (local outlier factor) of those of new normal rows.

    Parameters
    ----------
    scores : array_like
        Of normal things, each made without the thing itself.
    alarm : float
        Share of normal things that may be called outliers.

    References
    ----------
    V. Vovk, "Cross-conformal predictors", Annals of Mathematics and Artificial Intelligence 74 (2015).

    Examples
    --------
    >>> normal = Calibration([1.0, 2.0, 3.0, 4.0], alarm=0.2)
    >>> normal.p_values([0.5, 2.5, 9.0])
    array([1. , 0.6, 0.2])
    >>> normal.outliers([2.5, 9.0])
    array([False,  True])
    """

    def __init__(self, scores: npt.ArrayLike, alarm: float) -> None:
        self.scores: npt.NDArray[np.float64] = np.sort(np.asarray(scores, np.float64).ravel())
        self.alarm = alarm

    @property
    def smallest(self) -> float:
        """The smallest p-value that so many normal scores can give."""
        return 1.0 / (1 + self.scores.size)

    @property
    def threshold(self) -> float:
        """The score above which a thing is an outlier."""
        allowed = int(np.floor(max(self.alarm, self.smallest) * (1 + self.scores.size) + 1e-9)) - 1
        return float(self.scores[self.scores.size - 1 - allowed]) if allowed < self.scores.size else -np.inf

    def p_values(self, scores: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return a p-value for each score; NaN for NaN."""
        given = np.asarray(scores, np.float64)
        higher = self.scores.size - np.searchsorted(self.scores, given, side="left")
        return np.where(np.isnan(given), np.nan, (1.0 + higher) / (1.0 + self.scores.size))

    def outliers(self, scores: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return which scores are above the threshold.

        With fewer than ``1 / alarm - 1`` normal scores no p-value is as small as `alarm`; then whatever scores higher
        than all of them is an outlier.
        """
        return np.asarray(np.asarray(scores, np.float64) > self.threshold)


def share_of(function: str, argument: str, value: object) -> float:
    """Return a share of normal things that may be called outliers, checked: above 0 and at most 0.5."""
    share = _check.real(function, argument, value, above=0.0)
    if share > 0.5:
        raise _check.fail(function, argument, "be at most 0.5", value)
    return share


def folds_of(count: int, folds: int, seed: int) -> npt.NDArray[np.int64]:
    """Return a fold for each of `count` things: equally many of each, drawn with `seed`."""
    order = np.random.default_rng(seed).permutation(count)
    assigned = np.empty(count, np.int64)
    assigned[order] = np.arange(count) % min(folds, count)
    return assigned
