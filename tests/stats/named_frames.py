"""Arrays as tables with named columns, for estimators that read them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data


def covariates(X: np.ndarray) -> pd.DataFrame:
    """Site, age, sex, head size and child of a row; the same row always has the same ones."""
    total = np.round(np.abs(X) @ np.arange(1, X.shape[1] + 1) * 1e4).astype(np.int64)
    total = total * 2654435761 % 2**31 >> 7  # scattered, since many tables hold round numbers
    return pd.DataFrame(
        {
            "site": np.where(total % 2 == 0, "north", "south"),
            "age": 20.0 + total % 97 / 2,
            "sex": np.where(total // 2 % 2 == 0, "female", "male"),
            "etiv": 1e6 + total % 89 * 1e3,
            "child": [f"c{c}" for c in total // 3 % 7],
        }
    )


def features(X: np.ndarray) -> pd.DataFrame:
    """One volume per column, and waves of the first ones where there are fewer than three."""
    more = [np.sin((j + 2) * X[:, :1]) for j in range(3 - X.shape[1])]
    X = np.hstack([X, *more])
    return pd.DataFrame(X, columns=[f"smri__volume__R{j}" for j in range(X.shape[1])])


def covariances(X: np.ndarray) -> pd.DataFrame:
    """Upper triangle of I + xx' of the first two numbers of a row."""
    a, b = X[:, 0], X[:, min(1, X.shape[1] - 1)]
    return pd.DataFrame({"00": 1 + a * a, "01": a * b, "11": 1 + b * b})


class Framed(TransformerMixin, BaseEstimator):
    """A transformer of tables that takes arrays.

    Parameters
    ----------
    transformer : estimator
        Reads named columns.
    reads : tuple of str
        Covariates that stand beside the features.
    as_covariances : bool
        Rows are turned into covariances.
    gaps : bool
        Whether the transformer takes missing values.
    """

    def __init__(self, transformer=None, reads=(), as_covariances=False, gaps=False):
        self.transformer = transformer
        self.reads = reads
        self.as_covariances = as_covariances
        self.gaps = gaps

    def _frame(self, X: np.ndarray) -> pd.DataFrame:
        if self.as_covariances:
            return covariances(X)
        return pd.concat([features(X), covariates(np.nan_to_num(X))[list(self.reads)]], axis=1)

    def _array(self, X, *, reset: bool) -> np.ndarray:
        finite = "allow-nan" if self.gaps else True
        return validate_data(
            self, X, reset=reset, dtype=np.float64, ensure_all_finite=finite,
            ensure_min_samples=2 if reset else 1,
        )  # fmt: skip

    def fit(self, X, y=None):
        X = self._array(X, reset=True)
        self.transformer_ = clone(self.transformer).fit(self._frame(X), y)
        return self

    def transform(self, X):
        check_is_fitted(self, "transformer_")
        return np.asarray(self.transformer_.transform(self._frame(self._array(X, reset=False))))

    def get_feature_names_out(self, input_features=None):
        check_is_fitted(self, "transformer_")
        return self.transformer_.get_feature_names_out()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.gaps
        return tags
