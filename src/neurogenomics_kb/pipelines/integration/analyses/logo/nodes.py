"""Node of the attribution."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.logo import leave_one_out
from neurogenomics_kb.pipelines.integration.analyses.logo.tables import ATTRIBUTION
from neurogenomics_kb.pipelines.integration.partitions import Partitions, load_blocks
from neurogenomics_kb.registry.recipe import Recipe


def attribute_block(
    recipe: Recipe, cohort: pd.DataFrame, blocks: Partitions, folds: pd.DataFrame
) -> tuple[pd.DataFrame, list[str]]:
    """Leave-one-group-out attribution."""
    if "logo" not in recipe.experiment.analyses:
        return ATTRIBUTION.empty(), []
    return leave_one_out.attribute_block(recipe, cohort, load_blocks(recipe, blocks), folds["fold"])
