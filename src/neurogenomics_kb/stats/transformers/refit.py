"""Leave columns out of any projector, by fitting it again."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import clone


class LeaveOneOutRefit:
    """Output of any projector in a fold, with any group of columns left out or alone.

    Parameters
    ----------
    model : estimator
        Unfitted transformer of DataFrames; a copy is fitted for every set of columns.
    train, test : DataFrame (n_train, p), (n_test, p)
        Features after every earlier step of the recipe.
    """

    def __init__(self, model, train: pd.DataFrame, test: pd.DataFrame) -> None:
        self.model, self.train, self.test = model, train, test

    def everything(self) -> tuple[np.ndarray, np.ndarray]:
        """Training and test scores from all columns."""
        return self._project(np.arange(self.train.shape[1]))

    def without(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Training and test scores when `columns` (positions) are left out."""
        return self._project(np.setdiff1d(np.arange(self.train.shape[1]), columns))

    def only(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Training and test scores from `columns` (positions) alone."""
        return self._project(np.sort(columns))

    def _project(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        train, test = self.train.iloc[:, columns], self.test.iloc[:, columns]
        model = clone(self.model).fit(train)
        return np.asarray(model.transform(train)), np.asarray(model.transform(test))
