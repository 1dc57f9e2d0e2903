"""Columns that say what is missing."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from neurogenomics_kb.foundation.choices import refuse_unknown
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import feature_name, parse_feature_name

MARK = "is_missing"


def indicator_name(column: str) -> str:
    """Name of a feature's indicator, of the same unit, so that both are attributed together."""
    try:
        component = parse_feature_name(column).component
    except ValueError:
        component = None
    return f"{column}{'__' if component is None else '.'}{MARK}"


def group_indicator_name(column: str) -> str:
    """Name of the indicator of a feature's group."""
    modality, group = parse_feature_name(column)[:2]
    return feature_name(modality, group, group, MARK)


def is_indicator(column: str) -> bool:
    """Whether a column was made by `MissingIndicators`."""
    return str(column).endswith((f"__{MARK}", f".{MARK}"))


class MissingIndicators(TransformerMixin, BaseEstimator):
    """Append, for features with gaps among training subjects, columns that say who has them.

    Of features whose gaps coincide in training, as the scales of a questionnaire that was not
    returned, the first gets the indicator. A feature that is complete in training gets none, since
    nothing could be learnt about its absence.

    Parameters
    ----------
    level : {"feature", "group"}
        A column of 0 and 1 per feature, or the share of gaps per feature group: many items that
        are missed one by one would otherwise outnumber what they measure.
    min_missing : int
        Training subjects who must have a gap in the feature or group, and as many must have none.

    Attributes
    ----------
    marked_ : dict of str to list of str
        Indicator to the features whose gaps it counts.
    """

    def __init__(
        self, level: Literal["feature", "group"] = "feature", min_missing: int = 1
    ) -> None:
        self.level = level
        self.min_missing = min_missing

    def fit(self, X: pd.DataFrame, y=None) -> MissingIndicators:
        """Look which features of the rows of `X` have gaps."""
        refuse_unknown("level", self.level, ("feature", "group"))
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        name = indicator_name if self.level == "feature" else group_indicator_name
        members: dict[str, list[str]] = {}
        for column in X.columns:
            members.setdefault(name(column), []).append(column)
        gaps = X.isna()
        self.marked_ = {}
        seen = set()
        for indicator, columns in members.items():
            shares = gaps[columns].mean(axis=1).to_numpy()
            with_gap = int((shares > 0).sum())
            enough = min(with_gap, len(X) - with_gap) >= max(self.min_missing, 1)
            if enough and shares.tobytes() not in seen:
                self.marked_[indicator] = columns
                seen.add(shares.tobytes())
        taken = [indicator for indicator in self.marked_ if indicator in X]
        if taken:
            raise InputError(
                "the name of an indicator of missing values is taken",
                column=taken[0],
                remedy="Rename the feature, or mark missing values once.",
            )
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """All features (n, p), then the indicators."""
        check_is_fitted(self)
        marks = {name: X[columns].isna().mean(axis=1) for name, columns in self.marked_.items()}
        return pd.concat([X, pd.DataFrame(marks, index=X.index, dtype=float)], axis=1)

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Names of the features and of the indicators."""
        check_is_fitted(self)
        return np.array([*self.feature_names_in_, *self.marked_], dtype=object)
