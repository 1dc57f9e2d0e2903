"""Drop features that carry next to nothing in the training subjects."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from neurogenomics_kb.foundation.errors import InputError

# Columns that are sorted at a time.
COLUMNS = 256


class DropNearConstant(TransformerMixin, BaseEstimator):
    """Keep features in which enough training subjects differ from the commonest value.

    With ``min_different=1`` constant features go; with more, features that only a few subjects
    vary in, whose z-scores would be outliers, as a minor-allele-count filter does for variants.

    Parameters
    ----------
    min_different : int
        Training subjects that must be off the commonest value.

    Attributes
    ----------
    kept_ : list
        Names of the features that stay.
    """

    def __init__(self, min_different: int = 1) -> None:
        self.min_different = min_different

    def fit(self, X: pd.DataFrame, y=None) -> DropNearConstant:
        """Count, per column, the training subjects off the commonest value."""
        values = X.to_numpy(dtype=float)
        one = self.min_different == 1
        different = varies(values).astype(int) if one else count_different(values)
        keep = different >= self.min_different
        if not keep.any():
            raise InputError(
                f"none of {X.shape[1]} features differs in at least {self.min_different} subjects",
                column=str(X.columns[0]),
                of=len(X),
                subjects=int(different.max(initial=0)),
                remedy="Check the features, or lower min_different on the strategy card.",
            )
        self.kept_ = list(X.columns[keep])
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The features that stay."""
        check_is_fitted(self)
        return X if len(self.kept_) == X.shape[1] else X[self.kept_]

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Names of the features that stay."""
        check_is_fitted(self)
        return np.array(self.kept_, dtype=object)


def varies(values: np.ndarray) -> np.ndarray:
    """Per column, whether two values differ; missing ones are not counted.

    Parameters
    ----------
    values : ndarray (n, p)
        Values of n people in p columns.

    Returns
    -------
    ndarray of bool (p,)
    """
    if not len(values):
        return np.zeros(values.shape[1], dtype=bool)
    return np.fmin.reduce(values, axis=0) < np.fmax.reduce(values, axis=0)


def count_different(values: np.ndarray) -> np.ndarray:
    """Per column, rows that differ from the commonest value; missing values are not counted.

    Parameters
    ----------
    values : ndarray (n, p)
        Values of n people in p columns.

    Returns
    -------
    ndarray of int (p,)
    """
    n, p = values.shape
    out = np.zeros(p, dtype=int)
    place = np.arange(n)[:, None]
    for first in range(0, p if n else 0, COLUMNS):
        ordered = np.sort(values[:, first : first + COLUMNS], axis=0)  # missing ones last
        starts = np.zeros(ordered.shape, dtype=int)
        np.multiply(ordered[1:] != ordered[:-1], place[1:], out=starts[1:])
        runs = place - np.maximum.accumulate(starts, axis=0) + 1
        known = ~np.isnan(ordered)
        out[first : first + COLUMNS] = known.sum(axis=0) - (runs * known).max(axis=0)
    return out
