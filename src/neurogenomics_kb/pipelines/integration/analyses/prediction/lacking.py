"""Predictors that a run went without."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.registry.cards.predictors import PREDICTORS
from neurogenomics_kb.registry.recipe import Recipe


def not_run(recipe: Recipe, metrics: pd.DataFrame) -> list[str]:
    """Algorithms of the experiment without a row, and why this machine did not have them.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    metrics : DataFrame
        Table of the analysis; empty where it did not run.
    """
    if metrics.empty:
        return []
    out = []
    for name in recipe.experiment.algorithms:
        options = recipe.experiment.predictor(name)
        may_lack = PREDICTORS[getattr(options, PREDICTORS.tag)].lacking is not None
        if may_lack and not (metrics["algorithm"] == name).any():
            why = PREDICTORS.why_not(options, continuous=recipe.continuous)
            out.append(f"Not run: {name}: {why or 'it was lacking when the models were fitted.'}")
    return out
