"""Nodes of the rivals."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.rivals import compete, judge
from neurogenomics_kb.pipelines.integration.analyses.rivals.tables import RIVALS, VERDICTS
from neurogenomics_kb.pipelines.integration.partitions import Partitions
from neurogenomics_kb.pipelines.integration.visits import spread_tables
from neurogenomics_kb.registry.recipe import Recipe

# Modalities that have encoders, in the order of the node's inputs.
MODALITIES = ("genomics", "smri", "fmri", "eeg", "behaviour")


def compare_rivals(
    recipe: Recipe,
    cohort: pd.DataFrame,
    participants: pd.DataFrame,
    folds: pd.DataFrame,
    projections: Partitions,
    comparisons: pd.DataFrame,
    *tables: pd.DataFrame,
) -> pd.DataFrame:
    """What every block from an encoder adds to its rivals.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort, participants : DataFrame
        Analysed people, and everybody under canonical names.
    folds : DataFrame
        Test fold of everybody.
    projections : dict of str to DataFrame or callable
        Blocks and covariates as every fold sees them.
    comparisons : DataFrame
        Of the prediction.
    *tables : DataFrame
        Features of `MODALITIES`, in turn.
    """
    if recipe.experiment.rival_settings is None or not compete.blocks_with_encoders(recipe):
        return RIVALS.empty()
    features = spread_tables(recipe, participants, dict(zip(MODALITIES, tables, strict=True)))
    return compete.compare_rivals(recipe, cohort, folds, projections, comparisons, features)


def judge_models(
    recipe: Recipe, cohort: pd.DataFrame, rivals: pd.DataFrame, tests: pd.DataFrame
) -> pd.DataFrame:
    """Verdict on the encoder of every block."""
    if rivals.empty:
        return VERDICTS.empty()
    return judge.judge_models(recipe, cohort, rivals, tests)
