"""Nearest neighbours whose number is chosen inside the training fold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline

from neurogenomics_kb.stats.prediction.choosing import choose
from neurogenomics_kb.stats.prediction.scaling import TakesParts, _PartScaler
from neurogenomics_kb.stats.prediction.tuned import Splits, TunedClassifier, TunedRegressor

NEIGHBOURS = (5, 15, 45, 101)


class _ShrunkenShares(KNeighborsClassifier):
    """Shares of classes among k neighbours and one person more, who is an average one.

    Five neighbours of one class are no certainty, which log loss would punish without bound.
    """

    def fit(self, X, y):
        self.shares_ = np.bincount(y) / len(y)
        return super().fit(X, y)

    def predict_proba(self, X) -> np.ndarray:
        k = self.n_neighbors
        return (k * super().predict_proba(X) + self.shares_) / (k + 1)


class _Neighbours:
    """Settings of nearest neighbours among scaled features."""

    def __init__(
        self, *, n_neighbors: Sequence[int] = NEIGHBOURS, weights: str = "distance"
    ) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights

    def _search(self, kind, X: np.ndarray, y: np.ndarray, splits: Splits, *, continuous: bool):
        # Nobody has more neighbours than there are people on the smallest training side.
        most = min(len(train) for train, _ in splits)
        numbers = sorted({min(k, most) for k in self.n_neighbors}, reverse=True)

        def make(k: int):
            scaler = _PartScaler(self._parts_of(X))
            return make_pipeline(scaler, kind(n_neighbors=k, weights=self.weights))

        candidates = [{"k": k} for k in numbers]
        return choose(candidates, make, X, y, splits, continuous=continuous)


class NeighboursRegression(_Neighbours, TakesParts, TunedRegressor, BaseEstimator):
    """Mean score of the k nearest people, features scaled in the training rows.

    Parameters
    ----------
    n_neighbors : sequence of int
        Numbers of neighbours that are tried; 5, 15, 45 and 101. One that is larger than the
        smallest inner training side counts as that many.
    weights : {"distance", "uniform"}
        Whether nearer people count more; they do.

    Attributes
    ----------
    estimator_ : Pipeline
        With the chosen number, fitted to all training rows.
    """

    def _fit(self, X: np.ndarray, y: np.ndarray, splits: Splits):
        return self._search(KNeighborsRegressor, X, y, splits, continuous=True)


class NeighboursClassifier(_Neighbours, TakesParts, TunedClassifier, BaseEstimator):
    """Shares of classes among the k nearest people, features scaled in the training rows.

    The shares are those of the neighbours and of one average person more, so that no probability
    is 0 or 1.

    Parameters
    ----------
    n_neighbors : sequence of int
        Numbers of neighbours that are tried; 5, 15, 45 and 101. One that is larger than the
        smallest inner training side counts as that many.
    weights : {"distance", "uniform"}
        Whether nearer people count more; they do.

    Attributes
    ----------
    estimator_ : Pipeline
        With the chosen number, fitted to all training rows.
    classes_ : ndarray (C,)
        Classes, sorted.
    """

    def _fit(self, X: np.ndarray, y: np.ndarray, splits: Splits):
        return self._search(_ShrunkenShares, X, y, splits, continuous=False)


def build_knn(options, *, continuous: bool, seed: int) -> BaseEstimator:
    """Nearest neighbours from the options of a card."""
    kind = NeighboursRegression if continuous else NeighboursClassifier
    return kind(n_neighbors=options.n_neighbors, weights=options.weights)
