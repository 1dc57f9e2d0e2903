"""Who lacks which block, and what that alone predicts."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.ladder.inputs import Inputs, Rung, Splits
from neurogenomics_kb.stats.prediction.estimators import PenalisedClassifier, PenalisedRegression
from neurogenomics_kb.stats.prediction.predictors import predict_score


class MasksOnly:
    """Penalised regression on one column per block: whether a person has it.

    Where who was scanned follows the outcome, every rung that sees gaps predicts, biology or not;
    this is what it must beat.

    Parameters
    ----------
    continuous : bool
        Whether the outcome is a score. Default false.
    """

    def __init__(self, *, continuous: bool = False) -> None:
        self.continuous = continuous
        self.controls: dict[str, Rung] = {}
        self.history: list[dict[str, Any]] = []

    def fit(
        self, inputs: Inputs, y: np.ndarray, splits: Splits, unlabelled: Inputs | None = None
    ) -> MasksOnly:
        """Fit training people.

        Parameters
        ----------
        inputs : Inputs
            Training people (n), some of whom lack a block.
        y : ndarray (n,)
            0/1, or a score.
        splits : list of (train, test)
            Inner folds as positions in the training people.
        unlabelled : Inputs, optional
            Not used.
        """
        if not inputs.present:
            raise InputError(
                "nobody lacks a block, so masks say nothing",
                subjects=len(inputs),
                remedy="Leave this control out.",
            )
        kind = PenalisedRegression if self.continuous else PenalisedClassifier
        self._model = kind().fit(_masks(inputs), y, splits=splits)
        return self

    def predict(self, inputs: Inputs) -> np.ndarray:
        """Probability of the larger class, or predicted score (n,)."""
        return predict_score(self._model, _masks(inputs), continuous=self.continuous)


def _masks(inputs: Inputs) -> np.ndarray:
    """One column per block (n, blocks)."""
    return np.column_stack([inputs.has(name) for name in inputs.names]).astype(float)
