"""One predictor on all blocks side by side: late fusion, and whatever else reads them so."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone

from neurogenomics_kb.stats.ladder.inputs import Inputs, Rung, Splits
from neurogenomics_kb.stats.prediction.predictors import fit_predictor, predict_score


class Concatenated:
    """A predictor that sees the projected blocks side by side.

    Parameters
    ----------
    predictor : estimator
        Fitted to the concatenation; one whose ``fit`` has a parameter ``parts`` gets the number of
        every column's block.
    continuous : bool
        Whether the outcome is a score. Default false.
    """

    def __init__(self, predictor: Any, *, continuous: bool = False) -> None:
        self.predictor = predictor
        self.continuous = continuous
        self.controls: dict[str, Rung] = {}
        self.history: list[dict[str, Any]] = []

    def fit(
        self, inputs: Inputs, y: np.ndarray, splits: Splits, unlabelled: Inputs | None = None
    ) -> Concatenated:
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
            Not used.
        """
        self._fitted = fit_predictor(
            clone(self.predictor), inputs.concatenated(), y, splits, parts=inputs.parts()
        )
        return self

    def predict(self, inputs: Inputs) -> np.ndarray:
        """Probability of the larger class, or predicted score (n,)."""
        return predict_score(self._fitted, inputs.concatenated(), continuous=self.continuous)
