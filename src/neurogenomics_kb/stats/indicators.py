"""Columns that say what is missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from neurogenomics_kb.errors import InputError
from neurogenomics_kb.naming import parse_feature_name

MARK = "is_missing"


def indicator_name(column: str) -> str:
    """Name of a feature's indicator, of the same unit, so that both are attributed together."""
    try:
        component = parse_feature_name(column).component
    except ValueError:
        component = None
    return f"{column}{'__' if component is None else '.'}{MARK}"


def is_indicator(column: str) -> bool:
    """Whether a column was made by `MissingIndicators`."""
    return str(column).endswith((f"__{MARK}", f".{MARK}"))


class MissingIndicators(TransformerMixin, BaseEstimator):
    """Append, for features with gaps among training subjects, a column of 0 and 1.

    Of features whose gaps coincide in training, as the scales of a questionnaire that was not
    returned, the first gets the indicator. A feature that is complete in training gets none, since
    nothing could be learnt about its absence.

    Parameters
    ----------
    min_missing : int
        Training subjects who must lack the feature, and as many must have it.

    Attributes
    ----------
    marked_ : list of str
        Features with an indicator.
    """

    def __init__(self, min_missing: int = 1) -> None:
        self.min_missing = min_missing

    def fit(self, X: pd.DataFrame, y=None) -> MissingIndicators:
        """Look which features of the rows of `X` have gaps."""
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        gaps = X.isna()
        enough = (gaps.sum() >= self.min_missing) & ((~gaps).sum() >= self.min_missing)
        enough &= gaps.any() & ~gaps.all()
        candidates = gaps.loc[:, enough]
        # Two columns of gaps coincide where they do as strings of bytes.
        first = ~pd.Index([candidates[c].to_numpy().tobytes() for c in candidates]).duplicated()
        self.marked_ = list(candidates.columns[first])
        taken = [c for c in self.marked_ if indicator_name(c) in X]
        if taken:
            raise InputError(
                f"the name of its indicator, '{indicator_name(taken[0])}', is taken",
                column=taken[0],
                remedy="Rename the feature, or mark missing values once.",
            )
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """All features (n, p), then the indicators of `marked_`."""
        check_is_fitted(self)
        marks = X[self.marked_].isna().astype(float)
        marks.columns = [indicator_name(c) for c in self.marked_]
        return pd.concat([X, marks], axis=1)

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Names of the features and of the indicators."""
        check_is_fitted(self)
        names = [*self.feature_names_in_, *(indicator_name(c) for c in self.marked_)]
        return np.array(names, dtype=object)
