"""Node of the description in language."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.cca.loadings import significant_components
from neurogenomics_kb.pipelines.integration.analyses.cca.tables import axes_of_rows
from neurogenomics_kb.pipelines.integration.analyses.language.describe import describe
from neurogenomics_kb.pipelines.integration.analyses.language.tables import AXES, SPACES
from neurogenomics_kb.pipelines.integration.analyses.language.units import Found
from neurogenomics_kb.pipelines.integration.partitions import Partitions, load_blocks
from neurogenomics_kb.registry.recipe import Recipe


def describe_in_language(
    recipe: Recipe,
    cohort: pd.DataFrame,
    blocks: Partitions,
    inference: pd.DataFrame,
    loadings: pd.DataFrame,
    axes: pd.DataFrame,
) -> list[pd.DataFrame]:
    """Axes described by concepts, and blocks compared with texts of their units.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Analysed people.
    blocks : partitions
        Raw features of every block.
    inference, loadings, axes : DataFrame
        Tables of the canonical correlation.
    """
    if "language" not in recipe.experiment.analyses:
        return [AXES.empty(), SPACES.empty()]
    shown = significant_components(inference, recipe.experiment.alpha)
    found = Found(
        components=shown[["x", "y", "component"]],
        loadings=loadings,
        scores=axes_of_rows(axes, cohort.index),
    )
    return list(describe(recipe, cohort, load_blocks(recipe, blocks), found))
