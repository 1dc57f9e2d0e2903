"""Linear models and boosted trees that choose their settings inside the training fold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator

from neurogenomics_kb.stats.prediction.predictors import (
    REGULARISATION,
    XGBOOST,
    fit_linear,
    fit_multinomial,
    fit_xgboost,
)
from neurogenomics_kb.stats.prediction.tuned import Splits, TunedClassifier, TunedRegressor


class PenalisedRegression(TunedRegressor, BaseEstimator):
    """Ridge regression whose penalty is chosen by inner cross-validation.

    Parameters
    ----------
    strengths : sequence of float
        Inverse penalties that are tried; six from 0.0001 to 10.

    Attributes
    ----------
    estimator_ : Ridge
        With the chosen penalty, fitted to all training rows.
    """

    def __init__(self, strengths: Sequence[float] = tuple(REGULARISATION)) -> None:
        self.strengths = strengths

    def _fit(self, X: np.ndarray, y: np.ndarray, splits: Splits):
        return fit_linear(X, y, splits, continuous=True, strengths=np.asarray(self.strengths))


class PenalisedClassifier(TunedClassifier, BaseEstimator):
    """Logistic regression, multinomial for several classes, with the penalty chosen inside.

    Parameters
    ----------
    strengths : sequence of float
        Inverse penalties that are tried; six from 0.0001 to 10.

    Attributes
    ----------
    estimator_ : LogisticRegression
        With the chosen penalty, fitted to all training rows.
    classes_ : ndarray (C,)
        Classes, sorted.
    """

    def __init__(self, strengths: Sequence[float] = tuple(REGULARISATION)) -> None:
        self.strengths = strengths

    def _fit(self, X: np.ndarray, y: np.ndarray, splits: Splits):
        strengths = np.asarray(self.strengths)
        if len(self.classes_) > 2:
            return fit_multinomial(X, y, splits, strengths=strengths)
        return fit_linear(X, y, splits, continuous=False, strengths=strengths)


class _Trees:
    """Settings of gradient-boosted trees that stop on an inner fold."""

    _gaps = True

    def __init__(
        self,
        *,
        n_estimators: int = XGBOOST["n_estimators"],
        learning_rate: float = XGBOOST["learning_rate"],
        max_depth: int = XGBOOST["max_depth"],
        subsample: float = XGBOOST["subsample"],
        colsample_bytree: float = XGBOOST["colsample_bytree"],
        early_stopping_rounds: int = XGBOOST["early_stopping_rounds"],
        random_state: int = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.early_stopping_rounds = early_stopping_rounds
        self.random_state = random_state

    def _fit(self, X: np.ndarray, y: np.ndarray, splits: Splits):
        settings = XGBOOST | {n: v for n, v in self.get_params().items() if n != "random_state"}
        return fit_xgboost(
            X, y, splits, continuous=self._numeric, seed=self.random_state, settings=settings
        )


class StoppedTreesRegressor(_Trees, TunedRegressor, BaseEstimator):
    """Gradient-boosted trees for a score, as many as the first inner fold wants.

    Parameters
    ----------
    n_estimators : int
        Most trees; 400.
    learning_rate : float
        Share of a tree that is added; 0.05.
    max_depth : int
        Splits above a leaf; 3.
    subsample, colsample_bytree : float
        Shares of subjects and features that a tree sees; 0.8.
    early_stopping_rounds : int
        Trees without progress on the inner fold after which no more are added; 25.
    random_state : int
        Seed of the shares; 0.

    Attributes
    ----------
    estimator_ : XGBRegressor
        With the number of trees found, fitted to all training rows.
    """


class StoppedTreesClassifier(_Trees, TunedClassifier, BaseEstimator):
    """Gradient-boosted trees for classes, as many as the first inner fold wants.

    Parameters
    ----------
    n_estimators : int
        Most trees; 400.
    learning_rate : float
        Share of a tree that is added; 0.05.
    max_depth : int
        Splits above a leaf; 3.
    subsample, colsample_bytree : float
        Shares of subjects and features that a tree sees; 0.8.
    early_stopping_rounds : int
        Trees without progress on the inner fold after which no more are added; 25.
    random_state : int
        Seed of the shares; 0.

    Attributes
    ----------
    estimator_ : XGBClassifier
        With the number of trees found, fitted to all training rows.
    classes_ : ndarray (C,)
        Classes, sorted.
    """


def build_linear(options, *, continuous: bool, seed: int) -> BaseEstimator:
    """Ridge or logistic regression from the options of a card."""
    kind = PenalisedRegression if continuous else PenalisedClassifier
    return kind(strengths=options.strengths)


def build_xgboost(options, *, continuous: bool, seed: int) -> BaseEstimator:
    """Gradient-boosted trees from the options of a card."""
    kind = StoppedTreesRegressor if continuous else StoppedTreesClassifier
    return kind(
        n_estimators=options.n_estimators,
        learning_rate=options.learning_rate,
        max_depth=options.max_depth,
        subsample=options.subsample,
        colsample_bytree=options.colsample_bytree,
        early_stopping_rounds=options.early_stopping_rounds,
        random_state=seed,
    )
