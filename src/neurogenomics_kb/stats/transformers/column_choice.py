"""Some columns of a table, without a copy where they stand together."""

from __future__ import annotations

from collections.abc import Sequence

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
