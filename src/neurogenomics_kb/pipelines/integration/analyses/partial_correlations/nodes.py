"""Node of the partial associations."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.cca.tables import axes_of_rows
from neurogenomics_kb.pipelines.integration.analyses.partial_correlations import associations
from neurogenomics_kb.pipelines.integration.analyses.partial_correlations.tables import (
    ASSOCIATIONS,
)
from neurogenomics_kb.registry.recipe import Recipe


def associate_axes(recipe: Recipe, cohort: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Partial associations of the axes."""
    if "partial_correlations" not in recipe.experiment.analyses:
        return ASSOCIATIONS.empty()
    return associations.associate_axes(recipe, cohort, axes_of_rows(scores, cohort.index))
