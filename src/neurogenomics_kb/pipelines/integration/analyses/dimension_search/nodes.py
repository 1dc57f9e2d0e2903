"""Node of the dimension search."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.dimension_search import search
from neurogenomics_kb.pipelines.integration.analyses.dimension_search.tables import SEARCH
from neurogenomics_kb.pipelines.integration.partitions import Partitions, load_blocks
from neurogenomics_kb.registry.recipe import Recipe


def search_dimensions(
    recipe: Recipe, cohort: pd.DataFrame, blocks: Partitions, folds: pd.DataFrame
) -> pd.DataFrame:
    """Smallest PCA dimension within one standard error of the best."""
    if "dimension_search" not in recipe.experiment.analyses:
        return SEARCH.empty()
    tables = load_blocks(recipe, blocks)
    return search.search_dimensions(recipe, cohort, tables, folds["fold"])
