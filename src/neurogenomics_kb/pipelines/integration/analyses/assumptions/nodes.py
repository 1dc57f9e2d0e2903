"""Node of the assumptions."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.assumptions import checks
from neurogenomics_kb.pipelines.integration.partitions import Partitions, blocks_in_turn
from neurogenomics_kb.registry.recipe import Recipe


def check_assumptions(
    recipe: Recipe, cohort: pd.DataFrame, blocks: Partitions, cca: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Check what canonical correlations rest on; made wherever they are, asked for or not."""
    found = {} if cca.empty else blocks_in_turn(recipe, blocks)
    return checks.check_pairs(recipe, cohort, found, cca)
