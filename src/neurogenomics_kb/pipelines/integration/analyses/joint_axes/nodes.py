"""Node of the axes in common."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.joint_axes import infer, tables
from neurogenomics_kb.pipelines.integration.partitions import Partitions, load_blocks
from neurogenomics_kb.registry.recipe import Recipe


def infer_joint_axes(
    recipe: Recipe, cohort: pd.DataFrame, blocks: Partitions
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Axes that all blocks of the run have in common."""
    if "joint_axes" not in recipe.experiment.analyses:
        return tables.AXES.empty(), tables.BLOCKS.empty(), tables.LOADINGS.empty()
    return infer.infer_axes(recipe, cohort, load_blocks(recipe, blocks))
