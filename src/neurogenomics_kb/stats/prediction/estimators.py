"""Predictors as scikit-learn estimators, which choose their settings inside the training fold.

``fit`` takes the inner folds of the caller, since only he knows who is related to whom; without
them it draws stratified ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction.folds import inner_splits
from neurogenomics_kb.stats.prediction.predictors import (
    REGULARISATION,
    XGBOOST,
    fit_linear,
    fit_multinomial,
    fit_xgboost,
)

Splits = list[tuple[np.ndarray, np.ndarray]]


class _Tuned(BaseEstimator):
    """What is found on inner folds stands in ``estimator_`` and does the prediction."""

    # Gaps are the business of trees alone.
    _gaps = False

    def _checked(self, X, y):
        finite = "allow-nan" if self._gaps else True
        return validate_data(
            self, X, y, dtype=np.float64, ensure_all_finite=finite, y_numeric=self._numeric
        )

    def _seen(self, X) -> np.ndarray:
        check_is_fitted(self, "estimator_")
        finite = "allow-nan" if self._gaps else True
        return validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite=finite)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._gaps
        return tags


class _Regressor(RegressorMixin, _Tuned):
    _numeric = True

    def fit(self, X, y, splits: Splits | None = None):
        """Choose the settings on inner folds, then fit all rows.

        Parameters
        ----------
        X : array-like (n, p)
            Training features of comparable scale.
        y : array-like (n,)
            A score.
        splits : list of (train, test), optional
            Inner folds, see `folds.inner_splits`; three, stratified by quartile, without them.
        """
        X, y = self._checked(X, y)
        splits = inner_splits(y, None, continuous=True) if splits is None else splits
        self.estimator_ = self._fit(X, y, splits)
        return self

    def predict(self, X) -> np.ndarray:
        """Predicted scores (n,)."""
        X = self._seen(X)
        return self.estimator_.predict(X)


class _Classifier(ClassifierMixin, _Tuned):
    _numeric = False

    def fit(self, X, y, splits: Splits | None = None):
        """Choose the settings on inner folds, then fit all rows.

        Parameters
        ----------
        X : array-like (n, p)
            Training features of comparable scale.
        y : array-like (n,)
            Two classes or more.
        splits : list of (train, test), optional
            Inner folds with every class on both sides, see `folds.inner_splits`; three, stratified,
            without them.
        """
        X, y = self._checked(X, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(
                f"the training subjects are all of one class, {self.classes_[0]!r}",
                subjects=len(y),
                remedy="Use folds or subjects with two classes or more.",
            )
        splits = inner_splits(codes, None) if splits is None else splits
        self.estimator_ = self._fit(X, codes, splits)
        return self

    def predict_proba(self, X) -> np.ndarray:
        """Probability of every class (n, C), in the order of `classes_`."""
        X = self._seen(X)
        return self.estimator_.predict_proba(X)

    def predict(self, X) -> np.ndarray:
        """Most probable class (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]


class PenalisedRegression(_Regressor):
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


class PenalisedClassifier(_Classifier):
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


class StoppedTreesRegressor(_Trees, _Regressor):
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


class StoppedTreesClassifier(_Trees, _Classifier):
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


def build_linear(options, *, continuous: bool, seed: int) -> _Tuned:
    """Ridge or logistic regression from the options of a card."""
    kind = PenalisedRegression if continuous else PenalisedClassifier
    return kind(strengths=options.strengths)


def build_xgboost(options, *, continuous: bool, seed: int) -> _Tuned:
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
