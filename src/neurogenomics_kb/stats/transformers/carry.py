"""Let an ordinary transformer work on features while confound columns travel along."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted


class CarryColumns(TransformerMixin, BaseEstimator):
    """Apply a transformer to the features and pass the carried columns on untouched.

    Parameters
    ----------
    transformer : estimator
        Any transformer; it sees a DataFrame.
    carried : sequence of str
        Columns that later steps still need.
    reads : sequence of str
        Those of the carried columns that this transformer reads itself, as `ConfoundRegressor` and
        `ComBat` do.
    """

    def __init__(self, transformer, carried: Sequence[str], reads: Sequence[str] = ()) -> None:
        self.transformer = transformer
        self.carried = carried
        self.reads = reads

    def _seen(self, X: pd.DataFrame) -> pd.DataFrame:
        hidden = [c for c in self.carried if c not in set(self.reads)]
        return X.drop(columns=hidden, errors="ignore")

    def fit(self, X: pd.DataFrame, y=None) -> CarryColumns:
        """Fit the transformer on the features of `X`."""
        seen = self._seen(X)
        self.plain_ = _takes_arrays(self.transformer) and _one_kind(seen)
        self.transformer_ = clone(self.transformer).fit(seen.to_numpy() if self.plain_ else seen, y)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Transformed features, followed by the carried columns."""
        check_is_fitted(self)
        seen = self._seen(X)
        out = self.transformer_.transform(seen.to_numpy() if self.plain_ else seen)
        if self.plain_ or not isinstance(out, pd.DataFrame):
            names = self.transformer_.get_feature_names_out(np.asarray(seen.columns, dtype=object))
            out = pd.DataFrame(np.asarray(out), index=X.index, columns=list(names))
        carried = [c for c in self.carried if c in X]
        return pd.concat([out, X[carried]], axis=1)


def _takes_arrays(transformer) -> bool:
    """Whether a transformer is scikit-learn's own, which looks at every column of a table anew."""
    return type(transformer).__module__.startswith("sklearn.")


def _one_kind(X: pd.DataFrame) -> bool:
    """Whether all columns are floats, so that an array of them says the same."""
    return bool((X.dtypes == np.float64).all())


class DropColumns(TransformerMixin, BaseEstimator):
    """Drop the carried columns at the end of a recipe."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = columns

    def fit(self, X: pd.DataFrame, y=None) -> DropColumns:
        """Remember the remaining columns."""
        self.features_ = [c for c in X.columns if c not in set(self.columns)]
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The features alone."""
        check_is_fitted(self)
        return X[self.features_]
