"""Nodes of the canonical correlation analysis."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.cca import held_out, inference, tables
from neurogenomics_kb.pipelines.integration.partitions import Lazily, Partitions, blocks_in_turn
from neurogenomics_kb.registry.recipe import Recipe


def infer_canonical_correlations(
    recipe: Recipe, cohort: pd.DataFrame, blocks: Partitions, folds: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Permutation inference on the full sample."""
    asked = "cca" in recipe.experiment.analyses
    found = blocks_in_turn(recipe, blocks) if asked else {}
    table, null, loadings, axes = inference.infer_pairs(recipe, cohort, found, folds["fold"])
    return table, null, loadings, tables.axes_to_rows(axes, tables.AXES)


def hold_out_canonical_correlations(
    recipe: Recipe,
    cohort: pd.DataFrame,
    folds: pd.DataFrame,
    axes: pd.DataFrame,
    projections: Partitions,
    blocks: Partitions,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Canonical correlations of test subjects, and how the axes go with the outcome."""
    wide = tables.axes_of_rows(axes, cohort.index)
    present = [b for b in recipe.blocks if b in blocks] if len(wide.columns) else []
    found = Lazily(projections) if present else {}
    table, scores = held_out.hold_out_pairs(folds["fold"], wide, found, present)
    return (
        table,
        tables.axes_to_rows(scores, tables.SCORES),
        held_out.axis_direction(recipe, cohort, scores),
    )
