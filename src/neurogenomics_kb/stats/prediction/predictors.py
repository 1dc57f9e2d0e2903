"""Predictors whose hyper-parameters are chosen inside the training fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.utils.validation import has_fit_parameter
from xgboost import XGBClassifier, XGBRegressor

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
        Inverse penalties that are tried.

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
    # Written out, since scikit-learn's scorers take most of the time of its own grid search.
    losses = np.zeros(len(strengths))
    for train, test in splits:
        model = LogisticRegression(solver="newton-cholesky", max_iter=1000, warm_start=True)
        for i, strength in enumerate(strengths):
            model.set_params(C=strength).fit(X[train], y[train])
            losses[i] += log_loss(y[test], model.predict_proba(X[test])[:, 1])
    best = strengths[losses.argmin()]
    return LogisticRegression(C=best, solver="newton-cholesky", max_iter=1000).fit(X, y)


def log_loss(y: np.ndarray, probability: np.ndarray) -> float:
    """Mean negative log-likelihood of 0/1 outcomes."""
    p = np.clip(probability, 1e-15, 1 - 1e-15)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))


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
    reached = np.zeros(len(strengths))
    for train, test in splits:
        # Newton steps would solve systems of p times C equations.
        model = LogisticRegression(max_iter=1000, warm_start=True)
        for i, strength in enumerate(strengths):
            model.set_params(C=strength).fit(X[train], y[train])
            P = predict_probabilities(model, X[test])
            reached[i] += np.log(np.clip(P[np.arange(len(test)), y[test]], 1e-15, 1)).mean()
    best = np.flatnonzero(reached >= reached.max() - 1e-12)[0]
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


def fit_predictor(
    estimator, X: np.ndarray, y: np.ndarray, splits, parts: np.ndarray | None = None
):
    """Fit an estimator, with the inner folds and the parts of the columns where ``fit`` takes them.

    Parameters
    ----------
    estimator : estimator
        With ``predict``, or ``predict_proba`` for classes.
    X : ndarray (n, p)
        Training features of comparable scale.
    y : ndarray (n,)
        A score, 0/1, or classes 0 to C − 1.
    splits : list of (train, test)
        Inner folds, see `folds.inner_splits`.
    parts : ndarray of int (p,), optional
        Number of every column's part of the model, -1 for covariates.

    Returns
    -------
    estimator
    """
    known = {"splits": splits, "parts": parts}
    taken = {name: value for name, value in known.items() if has_fit_parameter(estimator, name)}
    return estimator.fit(X, y, **taken)


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
