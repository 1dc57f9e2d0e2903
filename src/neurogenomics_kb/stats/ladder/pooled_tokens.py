"""What hub tokens have to beat: pooled tokens, and the mere presence of blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurogenomics_kb.stats.ladder.inputs import Inputs, Rung, Splits
from neurogenomics_kb.stats.ladder.pairs import Scale
from neurogenomics_kb.stats.ladder.tokens import TokenPlan, plan_tokens
from neurogenomics_kb.stats.ladder.training import refuse_inner_class
from neurogenomics_kb.stats.prediction.estimators import PenalisedClassifier, PenalisedRegression
from neurogenomics_kb.stats.prediction.predictors import REGULARISATION, predict_score


class _Linear:
    """Penalised regression of a table that a rung makes of people."""

    def __init__(self, *, continuous: bool, strengths: Sequence[float]) -> None:
        self.continuous = continuous
        self.strengths = strengths
        self.controls: dict[str, Rung] = {}
        self.history: list[dict[str, Any]] = []

    def _fit(self, X: np.ndarray, y: np.ndarray, splits: Splits) -> None:
        if not self.continuous:
            refuse_inner_class(y, splits)
        kind = PenalisedRegression if self.continuous else PenalisedClassifier
        self.estimator_ = kind(strengths=self.strengths).fit(X, y, splits=splits)

    def _predict(self, X: np.ndarray) -> np.ndarray:
        return predict_score(self.estimator_, X, continuous=self.continuous)


class PooledTokens(_Linear):
    """Mean, standard deviation, maximum and minimum of every component over a block's tokens.

    Parameters
    ----------
    continuous : bool
        Whether the outcome is a score.
    strengths : sequence of float
        Inverse penalties that are tried.
    """

    def __init__(
        self, *, continuous: bool, strengths: Sequence[float] = tuple(REGULARISATION)
    ) -> None:
        super().__init__(continuous=continuous, strengths=strengths)

    def fit(
        self, inputs: Inputs, y: np.ndarray, splits: Splits, unlabelled: Inputs | None = None
    ) -> PooledTokens:
        """Fit training people.

        Parameters
        ----------
        inputs : Inputs
            Training people (n) with features by unit.
        y : ndarray (n,)
            0/1, or a score.
        splits : list of (train, test)
            Inner folds as positions in the training people.
        unlabelled : Inputs, optional
            Not used: without an outcome there is nothing to learn here.

        Raises
        ------
        InputError
            If a block has no tokens, or an inner fold one class.
        """
        self.table_ = PooledTable(inputs)
        self._fit(self.table_.of(inputs), np.asarray(y), splits)
        return self

    def predict(self, inputs: Inputs) -> np.ndarray:
        """Probability of the larger class, or predicted score (n,).

        Parameters
        ----------
        inputs : Inputs
            People with the blocks of the training.
        """
        return self._predict(self.table_.of(inputs))


class PooledTable:
    """Pooled tokens of all blocks side by side, on the scale of training people.

    Parameters
    ----------
    inputs : Inputs
        Training people with features by unit.
    """

    def __init__(self, inputs: Inputs) -> None:
        self.plans = plan_tokens(inputs)
        pooled = self._pooled(inputs)
        self.scales = {name: Scale.of(X[inputs.has(name)]) for name, X in pooled.items()}

    def of(self, inputs: Inputs) -> np.ndarray:
        """Table (n, 4 · sum of components); 0, the mean, where people lack the block.

        Parameters
        ----------
        inputs : Inputs
            People with the blocks of the training.
        """
        pooled = self._pooled(inputs)
        return np.hstack(
            [self.scales[name].apply(X, inputs.has(name)) for name, X in pooled.items()]
        )

    def _pooled(self, inputs: Inputs) -> dict[str, np.ndarray]:
        return {
            name: pool(plan, inputs.features[name], inputs.has(name))
            for name, plan in self.plans.items()
        }


def pool(plan: TokenPlan, values: np.ndarray, has: np.ndarray) -> np.ndarray:
    """Mean, standard deviation, maximum and minimum over tokens (n, 4 C).

    Parameters
    ----------
    plan : TokenPlan
        Tokens of the block.
    values : ndarray (n, p)
        Features of the block.
    has : ndarray of bool (n,)
        Who has it.
    """
    tokens, there = plan.apply(values, has), plan.there
    count = there.sum(axis=0)
    # Components that a unit lacks are 0 in the table, and neither largest nor smallest.
    mean = tokens.sum(axis=1) / count
    spread = np.sqrt((((tokens - mean[:, None]) * there) ** 2).sum(axis=1) / count)
    largest = np.where(there, tokens, -np.inf).max(axis=1)
    smallest = np.where(there, tokens, np.inf).min(axis=1)
    return np.hstack([mean, spread, largest, smallest])


class MasksOnly(_Linear):
    """Which blocks a person has, and nothing of what is in them.

    Where nobody lacks a block it predicts the same for all.

    Parameters
    ----------
    continuous : bool
        Whether the outcome is a score.
    strengths : sequence of float
        Inverse penalties that are tried.
    """

    def __init__(
        self, *, continuous: bool, strengths: Sequence[float] = tuple(REGULARISATION)
    ) -> None:
        super().__init__(continuous=continuous, strengths=strengths)

    @staticmethod
    def applies(inputs: Inputs) -> bool:
        """Whether anybody lacks a block.

        Parameters
        ----------
        inputs : Inputs
            People.
        """
        return any(not inputs.has(name).all() for name in inputs.features)

    def fit(
        self, inputs: Inputs, y: np.ndarray, splits: Splits, unlabelled: Inputs | None = None
    ) -> MasksOnly:
        """Fit training people.

        Parameters
        ----------
        inputs : Inputs
            Training people (n).
        y : ndarray (n,)
            0/1, or a score.
        splits : list of (train, test)
            Inner folds as positions in the training people.
        unlabelled : Inputs, optional
            Not used: without an outcome there is nothing to learn here.

        Raises
        ------
        InputError
            If an inner fold has one class.
        """
        # What everybody has is the intercept once more.
        self.lacking_ = [name for name in inputs.features if not inputs.has(name).all()]
        y = np.asarray(y, dtype=float)
        self.same_ = float(y.mean() if self.continuous else (y == y.max()).mean())
        if self.lacking_:
            self._fit(self._masks(inputs), y, splits)
        return self

    def predict(self, inputs: Inputs) -> np.ndarray:
        """Probability of the larger class, or predicted score (n,).

        Parameters
        ----------
        inputs : Inputs
            People with the blocks of the training.
        """
        if not self.lacking_:
            return np.full(len(inputs), self.same_)
        return self._predict(self._masks(inputs))

    def _masks(self, inputs: Inputs) -> np.ndarray:
        return np.column_stack([inputs.has(name) - 0.5 for name in self.lacking_])
