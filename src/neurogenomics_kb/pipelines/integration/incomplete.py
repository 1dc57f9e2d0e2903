"""People who lack a block, where an experiment keeps them (``incomplete: mask``)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline


def has_block(features: pd.DataFrame) -> np.ndarray:
    """Who has any value of a block (n,)."""
    return features.notna().any(axis=1).to_numpy()


def fit_present(
    transformer: Pipeline, table: pd.DataFrame, rows: np.ndarray, has: np.ndarray
) -> pd.DataFrame:
    """Fit to training people who have the block; the others' rows are 0, the training mean.

    Parameters
    ----------
    transformer : Pipeline
        Of the block; centres its features.
    table : DataFrame (n, p)
        Features and covariates of everybody.
    rows : ndarray of int
        Positions of the training people.
    has : ndarray of bool (n,)
        Who has the block.
    """
    transformer.fit(table.iloc[rows[has[rows]]])
    if has.all():
        return transformer.transform(table)
    found = transformer.transform(table[has])
    return found.reindex(table.index, fill_value=0.0)
