"""Random forests whose leaf size is chosen inside the training fold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from neurogenomics_kb.stats.prediction.choosing import choose
from neurogenomics_kb.stats.prediction.tuned import Splits, TunedClassifier, TunedRegressor

LEAVES = (1, 5, 20)


class _ShrunkenForest(RandomForestClassifier):
    """A forest with one tree more, which says the shares of the classes to everybody.

    Pure leaves give probabilities of 0, which log loss would punish without bound.
    """

    def fit(self, X, y):
        self.shares_ = np.bincount(y) / len(y)
        return super().fit(X, y)

    def predict_proba(self, X) -> np.ndarray:
        n = self.n_estimators
        return (n * super().predict_proba(X) + self.shares_) / (n + 1)


class _Forest:
    """Settings of a forest; trees that are small enough to be sure of nothing give better odds."""

    _gaps = True

    def __init__(
        self,
        *,
        n_estimators: int = 300,
        min_samples_leaf: Sequence[int] = LEAVES,
        max_features: float | str = "sqrt",
        random_state: int = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.random_state = random_state

    def _grow(self, kind, X: np.ndarray, y: np.ndarray, splits: Splits, *, continuous: bool):
        def make(leaf: int):
            return kind(
                n_estimators=self.n_estimators,
                min_samples_leaf=leaf,
                max_features=self.max_features,
                random_state=self.random_state,
                n_jobs=1,
            )

        candidates = [{"leaf": leaf} for leaf in sorted(self.min_samples_leaf, reverse=True)]
        return choose(candidates, make, X, y, splits, continuous=continuous)


class ForestRegression(_Forest, TunedRegressor, BaseEstimator):
    """Random forest for a score (Breiman 2001); a gap goes where most of it was learned to go.

    Parameters
    ----------
    n_estimators : int
        Trees; 300.
    min_samples_leaf : sequence of int
        Fewest people of a leaf that are tried; 1, 5 and 20.
    max_features : float or {"sqrt", "log2"}
        Features among which a split is sought; the root of their number.
    random_state : int
        Seed of the people and features that a tree sees; 0.

    Attributes
    ----------
    estimator_ : RandomForestRegressor
        With the chosen leaf size, fitted to all training rows.
    """

    def _fit(self, X: np.ndarray, y: np.ndarray, splits: Splits):
        return self._grow(RandomForestRegressor, X, y, splits, continuous=True)


class ForestClassifier(_Forest, TunedClassifier, BaseEstimator):
    """Random forest for classes (Breiman 2001); probabilities are shares in leaves, averaged.

    One tree more says the shares of the classes, so that no probability is 0 or 1.

    Parameters
    ----------
    n_estimators : int
        Trees; 300.
    min_samples_leaf : sequence of int
        Fewest people of a leaf that are tried; 1, 5 and 20.
    max_features : float or {"sqrt", "log2"}
        Features among which a split is sought; the root of their number.
    random_state : int
        Seed of the people and features that a tree sees; 0.

    Attributes
    ----------
    estimator_ : RandomForestClassifier
        With the chosen leaf size, fitted to all training rows.
    classes_ : ndarray (C,)
        Classes, sorted.
    """

    def _fit(self, X: np.ndarray, y: np.ndarray, splits: Splits):
        return self._grow(_ShrunkenForest, X, y, splits, continuous=False)


def build_random_forest(options, *, continuous: bool, seed: int) -> BaseEstimator:
    """Random forest from the options of a card."""
    kind = ForestRegression if continuous else ForestClassifier
    return kind(
        n_estimators=options.n_estimators,
        min_samples_leaf=options.min_samples_leaf,
        max_features=options.max_features,
        random_state=seed,
    )
