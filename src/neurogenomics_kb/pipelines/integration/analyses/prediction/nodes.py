"""Nodes of the prediction."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.prediction import curved, predict, score
from neurogenomics_kb.pipelines.integration.analyses.prediction.tables import PREDICTIONS
from neurogenomics_kb.pipelines.integration.partitions import Lazily, Partitions
from neurogenomics_kb.registry.recipe import Recipe


def predict_outcome(
    recipe: Recipe,
    cohort: pd.DataFrame,
    folds: pd.DataFrame,
    projections: Partitions,
    blocks: Partitions,
) -> pd.DataFrame:
    """Out-of-fold predictions of all models."""
    if "prediction" not in recipe.experiment.analyses:
        return PREDICTIONS.empty()
    present = [b for b in recipe.blocks if b in blocks]
    return predict.predict_outcome(recipe, cohort, folds, Lazily(projections), present)


def score_models(
    recipe: Recipe, cohort: pd.DataFrame, predictions: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Metrics and comparisons."""
    return score.score_models(recipe, cohort, predictions)


def compare_curved(recipe: Recipe, cohort: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """The main comparison with curves and products of the confounds."""
    return curved.compare_curved(recipe, cohort, predictions)
