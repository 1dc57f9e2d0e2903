"""Settings of a predictor by its loss on inner folds, and probabilities from decision values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from neurogenomics_kb.stats.prediction.predictors import class_loss, predict_probabilities
from neurogenomics_kb.stats.prediction.tuned import Splits

# Slope of probabilities over standardised decision values where the inner folds see none or a
# falling one: what ranks people stays, and says next to nothing about chances.
FLAT = 0.01
# Inverse penalty of the line through decision values, next to none.
LOOSE = 1e4


def choose(
    candidates: Sequence[dict[str, Any]],
    make: Callable[..., Any],
    X: np.ndarray,
    y: np.ndarray,
    splits: Splits,
    *,
    continuous: bool,
):
    """Fit the candidate with the smallest loss on inner folds to all rows.

    Parameters
    ----------
    candidates : sequence of dict
        Settings, the simplest first, which is taken of equal ones; one alone is not tried.
    make : callable
        Settings in by keyword, unfitted estimator out.
    X : ndarray (n, p)
        Training features.
    y : ndarray (n,)
        A score, or classes 0 to C − 1.
    splits : list of (train, test)
        Inner folds.
    continuous : bool
        Squared error for a score; log loss for classes.

    Returns
    -------
    estimator
        Fitted to all rows.
    """
    best = candidates[0]
    if len(candidates) > 1:
        losses = [inner_loss(make, each, X, y, splits, continuous) for each in candidates]
        best = candidates[int(np.argmin(losses))]
    return make(**best).fit(X, y)


def inner_loss(make, settings: dict[str, Any], X, y, splits: Splits, continuous: bool) -> float:
    """Mean loss over inner folds of an estimator with these settings."""
    losses = []
    for train, test in splits:
        fitted = make(**settings).fit(X[train], y[train])
        if continuous:
            losses.append(np.mean((y[test] - fitted.predict(X[test])) ** 2))
        else:
            losses.append(class_loss(y[test], predict_probabilities(fitted, X[test])))
    return float(np.mean(losses))


class DecisionCalibration:
    """Probabilities from decision values, fitted where these are out of fold (Platt 2000).

    Two classes have one decision value, through which a logistic line goes; several have one each,
    from which a multinomial regression makes probabilities. The line never falls: where the inner
    folds want that, it is nearly flat, and people keep their order.
    """

    def fit(self, D: np.ndarray, y: np.ndarray) -> DecisionCalibration:
        """Fit to decision values (n,) or (n, C) of people whom their models did not see.

        Parameters
        ----------
        D : ndarray (n,) or (n, C)
            Decision values.
        y : ndarray of int (n,)
            Classes 0 to C − 1.
        """
        D = D.reshape(len(D), -1)
        self.mean_, self.scale_ = D.mean(axis=0), np.maximum(D.std(axis=0), 1e-12)
        self.line_ = LogisticRegression(C=LOOSE, max_iter=1000).fit(self._scaled(D), y)
        if self.line_.coef_.shape == (1, 1) and self.line_.coef_[0, 0] < FLAT:
            share = y.mean()
            self.line_.coef_[:] = FLAT
            self.line_.intercept_[:] = np.log(share / (1 - share))
        return self

    def probabilities(self, D: np.ndarray) -> np.ndarray:
        """Probability of every class (n, C)."""
        return self.line_.predict_proba(self._scaled(D.reshape(len(D), -1)))

    def _scaled(self, D: np.ndarray) -> np.ndarray:
        return (D - self.mean_) / self.scale_
