"""Columns of a model on scales that can be compared, for kernels and distances."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction.tuned import Splits


class _PartScaler(TransformerMixin, BaseEstimator):
    """Centre columns and divide every block by one number, and covariates column by column.

    A block comes from a projection whose leading components are larger: divided each by its own
    standard deviation, the many small ones would drown them (the AUROC of a planted product of two
    leading axes among 30 + 30 components was 0.58 so, and 0.72 with the proportions kept).

    Parameters
    ----------
    parts : ndarray of int (p,), optional
        Block of every column, negative for covariates; every column for itself without them.
    """

    def __init__(self, parts: np.ndarray | None = None) -> None:
        self.parts = parts

    def fit(self, X: np.ndarray, y=None) -> _PartScaler:
        """Means and scales of training rows; constant columns stay as they are."""
        self.mean_, spread = X.mean(axis=0), X.var(axis=0)
        if self.parts is not None:
            for block in np.unique(self.parts[self.parts >= 0]):
                columns = self.parts == block
                spread[columns] = spread[columns].mean()
        rounding = 10 * np.finfo(float).eps * np.maximum(np.abs(self.mean_), 1)
        scale = np.sqrt(spread)
        self.scale_ = np.where(scale > rounding, scale, 1.0)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Scaled rows (n, p)."""
        return (X - self.mean_) / self.scale_


class TakesParts:
    """A predictor whose ``fit`` is told which part of the model a column is from."""

    def fit(self, X, y, splits: Splits | None = None, parts=None):
        """Choose the settings on inner folds, then fit all rows.

        Parameters
        ----------
        X : array-like (n, p)
            Training features.
        y : array-like (n,)
            A score, or two classes or more.
        splits : list of (train, test), optional
            Inner folds, see `folds.inner_splits`; three without them.
        parts : array-like of int (p,), optional
            Block of every column, from 0, and −1 for covariates. A block is scaled as a whole, so
            that its components keep their proportions; covariates, and all columns where nothing
            is told, are standardised one by one.
        """
        self._parts = None if parts is None else np.asarray(parts, dtype=int)
        return super().fit(X, y, splits)

    def _parts_of(self, X: np.ndarray) -> np.ndarray | None:
        if self._parts is not None and len(self._parts) != X.shape[1]:
            raise InputError(
                f"{len(self._parts)} columns have a part, and there are {X.shape[1]}",
                column="parts",
                remedy="Name the part of every column.",
            )
        return self._parts
