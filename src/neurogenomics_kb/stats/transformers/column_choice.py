"""Some columns of a table, without a copy where they stand together."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd


def columns_of(X: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Columns of a table in an order; a view of it where that is theirs and nothing is between.

    Parameters
    ----------
    X : DataFrame
        Table.
    names : sequence of str
        Columns that it has.
    """
    if not len(names):
        return X[list(names)]
    at = X.columns.get_indexer(names)
    together = at[0] >= 0 and (np.diff(at) == 1).all() and X.columns.is_unique
    return X.iloc[:, at[0] : at[-1] + 1] if together else X[list(names)]


def without(X: pd.DataFrame, names: Collection[str]) -> pd.DataFrame:
    """A table without some columns; a view of it where the others stand together.

    Parameters
    ----------
    X : DataFrame
        Table.
    names : collection of str
        Columns, which it need not have.
    """
    at = np.flatnonzero(~X.columns.isin(list(names)))
    together = len(at) > 0 and at[-1] - at[0] == len(at) - 1
    return X.iloc[:, at[0] : at[-1] + 1] if together else X.iloc[:, at]
