"""People who lack a block, where an experiment keeps them (``incomplete: mask``)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry.recipe import Recipe

# Training people who must have a block for its recipe to be fitted.
FEWEST = 10


def has_block(recipe: Recipe, features: pd.DataFrame) -> np.ndarray:
    """Who has any value of a block (n,); everybody where people who lack one are left out."""
    if recipe.experiment.incomplete == "drop":
        return np.ones(len(features), dtype=bool)
    return features.notna().any(axis=1).to_numpy()


def fit_present(
    transformer: Pipeline, table: pd.DataFrame, rows: np.ndarray, has: np.ndarray, block: str
) -> pd.DataFrame:
    """Fit to training people who have the block; the others stand at the training mean.

    Parameters
    ----------
    transformer : Pipeline
        Of the block.
    table : DataFrame (n, p)
        Features and covariates of everybody.
    rows : ndarray of int
        Positions of the training people.
    has : ndarray of bool (n,)
        Who has the block.
    block : str
        Its name, for messages.

    Raises
    ------
    InputError
        If a block that some people lack is there in fewer than ten training people.
    """
    if has.all():
        return transformer.fit(table.iloc[rows]).transform(table)
    fitted = rows[has[rows]]
    if len(fitted) < FEWEST:
        raise InputError(
            f"block '{block}' is there in fewer than {FEWEST} people of a training fold",
            of=len(rows),
            remedy="Leave the block out, or use folds that share it (`incomplete: mask` needs it "
            "in every training fold).",
        )
    found = transformer.fit(table.iloc[fitted]).transform(table[has])
    mean = found.loc[table.index[fitted]].mean()
    whole = found.reindex(table.index)
    whole.loc[~has] = mean.to_numpy()
    return whole
