"""Penalised regression on projected blocks and embeddings, or on one of the two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurogenomics_kb.foundation.choices import refuse_unknown
from neurogenomics_kb.stats.ladder.inputs import Splits
from neurogenomics_kb.stats.ladder.training import refuse_inner_class
from neurogenomics_kb.stats.prediction.estimators import PenalisedClassifier, PenalisedRegression
from neurogenomics_kb.stats.prediction.predictors import (
    REGULARISATION,
    class_loss,
    predict_score,
    same_settings,
)

WAYS = ("append", "replace", "blocks")


class Head:
    """Logistic or ridge regression, and the choice of what it sees.

    With ``choose`` the inner folds tell whether embeddings are appended to the blocks, replace
    them, or are left out. The towers saw the pairs of inner validation people, as the projector of
    a block sees their features: both without outcomes, so that a choice by the outcome of people
    whose outcome was not fitted stays honest about it. What overfitting of pairs can cost is that
    embeddings of training people are closer to one another than those of new people; that is why
    towers stop early on held-out families.

    Parameters
    ----------
    continuous : bool
        Whether the outcome is a score.
    attach : {"choose", "append", "replace"}
        What the regression sees.
    strengths : sequence of float
        Inverse penalties that are tried.

    Attributes
    ----------
    way_ : str
        ``append``, ``replace`` or ``blocks``.
    losses_ : dict of str to float
        Mean loss on the inner folds of every way that was tried.
    """

    def __init__(
        self,
        *,
        continuous: bool,
        attach: str = "choose",
        strengths: Sequence[float] = tuple(REGULARISATION),
    ) -> None:
        refuse_unknown("attach", attach, ("choose", "append", "replace"))
        self.continuous = continuous
        self.attach = attach
        self.strengths = strengths

    def fit(self, blocks: np.ndarray, embeddings: np.ndarray, y: np.ndarray, splits: Splits):
        """Choose penalty and way on inner folds, then fit everybody.

        Parameters
        ----------
        blocks : ndarray (n, d)
            Projected blocks side by side.
        embeddings : ndarray (n, e)
            Embeddings side by side.
        y : ndarray (n,)
            Outcome.
        splits : list of (train, test)
            Inner folds.

        Raises
        ------
        InputError
            If an inner fold has one class.
        """
        if not self.continuous:
            refuse_inner_class(y, splits)
        # One number for all, so that the size of an axis still tells how much it holds; the
        # longest is as long as a principal component, and no axis is penalised less than that.
        self._size = float(embeddings.std(axis=0).max(initial=0)) or 1.0
        self._mean = embeddings.mean(axis=0)
        fitted, self.losses_ = {}, {}
        for way in WAYS if self.attach == "choose" else (self.attach,):
            X = self._seen(way, blocks, embeddings)
            kind = PenalisedRegression if self.continuous else PenalisedClassifier
            fitted[way] = kind(strengths=self.strengths).fit(X, y, splits=splits)
            self.losses_[way] = self._inner_loss(fitted[way].estimator_, X, y, splits)
        self.way_ = min(self.losses_, key=self.losses_.get)
        self.estimator_ = fitted[self.way_]
        return self

    def predict(self, blocks: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
        """Probability of the larger class, or score (n,).

        Parameters
        ----------
        blocks : ndarray (n, d)
            Projected blocks side by side.
        embeddings : ndarray (n, e)
            Embeddings side by side.
        """
        X = self._seen(self.way_, blocks, embeddings)
        return predict_score(self.estimator_, X, continuous=self.continuous)

    def _seen(self, way: str, blocks: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
        scaled = (embeddings - self._mean) / self._size
        parts = {"append": [blocks, scaled], "replace": [scaled], "blocks": [blocks]}
        return np.hstack(parts[way])

    def _inner_loss(self, estimator, X: np.ndarray, y: np.ndarray, splits: Splits) -> float:
        found = []
        for train, test in splits:
            model = same_settings(estimator).fit(X[train], y[train])
            predicted = predict_score(model, X[test], continuous=self.continuous)
            if self.continuous:
                found.append(float(np.mean((y[test] - predicted) ** 2)))
            else:
                found.append(
                    class_loss(y[test] == y.max(), np.column_stack([1 - predicted, predicted]))
                )
        return float(np.mean(found))
