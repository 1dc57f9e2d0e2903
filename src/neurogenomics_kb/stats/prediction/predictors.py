"""Predictors whose hyper-parameters are chosen inside the training fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.utils.validation import has_fit_parameter
from xgboost import XGBClassifier, XGBRegressor

# Part of a model to which columns of covariates belong.
COVARIATES_PART = -1
# Rows times squared columns beyond which Newton steps cost more than gradient steps (0.1 s each).
NEWTON_UP_TO = 2e9
REGULARISATION = np.logspace(-4, 1, 6)
XGBOOST = {
    "n_estimators": 400,
    "learning_rate": 0.05,
    "max_depth": 3,
    "subsample": 0.8,
    "colsample_bytree": 0.8,
    "early_stopping_rounds": 25,
    "tree_method": "hist",
    "n_jobs": 1,
}


def fit_linear(
    X: np.ndarray,
    y: np.ndarray,
    splits,
    *,
    continuous: bool,
    strengths: np.ndarray = REGULARISATION,
):
    """Logistic or ridge regression with the L2 penalty chosen by inner cross-validation.

    Parameters
    ----------
    X : ndarray (n, p)
        Training features of comparable scale.
    y : ndarray (n,)
        0/1, or a score.
    splits : list of (train, test)
        Inner folds, see `folds.inner_splits`.
    continuous : bool
        Whether `y` is a score.
    strengths : ndarray of float (k,)
        Inverse penalties that are tried; one alone is taken.

    Returns
    -------
    estimator
        Refitted on all of `X`.
    """
    if continuous:
        search = GridSearchCV(
            Ridge(),
            {"alpha": 1 / strengths[::-1]},
            cv=splits,
            scoring="neg_mean_squared_error",
        )
        return search.fit(X, y).best_estimator_
    best = strengths[0]
    if len(strengths) > 1:
        best = strengths[penalty_losses(X, y, splits, strengths).argmin()]
    return LogisticRegression(C=best, max_iter=1000, **solver_for(X, 2)).fit(X, y)


def solver_for(X: np.ndarray, n_classes: int) -> dict[str, Any]:
    """Solver of a logistic regression that costs least on so many rows and columns.

    Newton steps build a p × p system from all rows, and for C classes one of p times C equations;
    components of comparable scale need a dozen gradient steps instead, each of two products with
    the data. Both go to the same optimum, the second with a tolerance that brings it as close.

    Parameters
    ----------
    X : ndarray (n, p)
        Training features.
    n_classes : int
        Classes of the outcome.
    """
    if n_classes > 2:
        return {"solver": "lbfgs"}
    if X.shape[0] * X.shape[1] ** 2 < NEWTON_UP_TO:
        return {"solver": "newton-cholesky"}
    return {"solver": "lbfgs", "tol": 1e-7}


def penalty_losses(
    X: np.ndarray, y: np.ndarray, splits, strengths: np.ndarray = REGULARISATION
) -> np.ndarray:
    """Log loss of logistic regression on inner folds, for every inverse penalty (k,).

    Parameters
    ----------
    X : ndarray (n, p)
        Training features of comparable scale.
    y : ndarray of int (n,)
        Classes 0 to C − 1.
    splits : list of (train, test)
        Inner folds, see `folds.inner_splits`.
    strengths : ndarray of float (k,)
        Inverse penalties, the strongest penalty first.
    """
    # Written out, since scikit-learn's scorers take most of the time of its own grid search.
    solver = solver_for(X, int(np.max(y)) + 1)
    losses = np.zeros(len(strengths))
    for train, test in splits:
        model = LogisticRegression(max_iter=1000, warm_start=True, **solver)
        for i, strength in enumerate(strengths):
            model.set_params(C=strength).fit(X[train], y[train])
            losses[i] += class_loss(y[test], predict_probabilities(model, X[test]))
    return losses / len(splits)


def class_loss(y: np.ndarray, P: np.ndarray) -> float:
    """Mean negative log-likelihood of classes 0 to C − 1 under probabilities (n, C)."""
    return float(-np.log(np.clip(P[np.arange(len(y)), y.astype(int)], 1e-15, 1)).mean())


def fit_multinomial(
    X: np.ndarray, y: np.ndarray, splits, *, strengths: np.ndarray = REGULARISATION
) -> LogisticRegression:
    """Multinomial logistic regression with the L2 penalty chosen by inner cross-validation.

    The penalty is chosen by the log loss, as for two classes, since an AUC does not see
    overconfident probabilities; of equal penalties the stronger one is taken.

    Parameters
    ----------
    X : ndarray (n, p)
        Training features of comparable scale.
    y : ndarray of int (n,)
        Classes 0 to C − 1, all of them on both sides of every split.
    splits : list of (train, test)
        Inner folds, see `folds.inner_splits`.
    strengths : ndarray of float (k,)
        Inverse penalties that are tried, the strongest penalty first.

    Returns
    -------
    LogisticRegression
        Refitted on all of `X`.
    """
    losses = penalty_losses(X, y, splits, strengths)
    best = np.flatnonzero(losses <= losses.min() + 1e-12)[0]
    return LogisticRegression(C=strengths[best], max_iter=1000).fit(X, y)


def fit_xgboost(
    X: np.ndarray,
    y: np.ndarray,
    splits,
    *,
    continuous: bool,
    seed: int,
    settings: Mapping[str, Any] = XGBOOST,
):
    """Gradient-boosted trees that stop early on an inner split, never on the test fold.

    Parameters
    ----------
    X : ndarray (n, p)
        Values of n people in p columns.
    y : ndarray (n,)
        0/1, a score, or classes 0 to C − 1, which get one set of trees each (softmax).
    splits : list of (train, test)
        The first inner split is held out for stopping.
    continuous : bool
        Whether `y` is a score.
    seed : int
        Seed of the subjects and features that a tree sees.
    settings : mapping
        Parameters of the trees, ``early_stopping_rounds`` among them.

    Returns
    -------
    estimator
        Refitted on all of `X` with the number of trees found.
    """
    kind = XGBRegressor if continuous else XGBClassifier
    train, held_out = splits[0]
    several = not continuous and np.max(y) > 1
    metric = "rmse" if continuous else "mlogloss" if several else "logloss"
    stopped = kind(**settings, eval_metric=metric, random_state=seed)
    stopped.fit(X[train], y[train], eval_set=[(X[held_out], y[held_out])], verbose=False)
    final = {k: v for k, v in settings.items() if k != "early_stopping_rounds"}
    final["n_estimators"] = max(1, int(stopped.best_iteration) + 1)
    return kind(**final, random_state=seed).fit(X, y)


def fit_predictor(estimator, X: np.ndarray, y: np.ndarray, splits, parts=None):
    """Fit an estimator, with the inner folds and the parts of the model where it takes them.

    Parameters
    ----------
    estimator : estimator
        With ``predict``, or ``predict_proba`` for classes; ``fit`` may have parameters ``splits``
        and ``parts``.
    X : ndarray (n, p)
        Training features of comparable scale.
    y : ndarray (n,)
        A score, 0/1, or classes 0 to C − 1.
    splits : list of (train, test)
        Inner folds, see `folds.inner_splits`.
    parts : ndarray of int (p,), optional
        Block of every column, from 0, and `COVARIATES_PART` for covariates.

    Returns
    -------
    estimator
    """
    given = {"splits": splits, "parts": parts}
    wanted = {name: each for name, each in given.items() if has_fit_parameter(estimator, name)}
    return estimator.fit(X, y, **wanted)


def predict_score(estimator, X: np.ndarray, *, continuous: bool) -> np.ndarray:
    """Predicted value, or probability of the larger class (n,)."""
    return estimator.predict(X) if continuous else estimator.predict_proba(X)[:, 1]


def predict_probabilities(estimator, X: np.ndarray) -> np.ndarray:
    """Probability of every class (n, C); rows add up to 1 in double precision."""
    P = estimator.predict_proba(X).astype(float)
    return P / P.sum(axis=1, keepdims=True)


def same_settings(estimator):
    """An unfitted linear model with the penalty that was chosen for `estimator`."""
    return type(estimator)(**estimator.get_params())
