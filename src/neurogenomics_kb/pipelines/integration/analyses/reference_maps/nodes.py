"""Node of the comparison with reference maps."""

from __future__ import annotations

from typing import Any

import pandas as pd

from neurogenomics_kb.brain.maps import load_places
from neurogenomics_kb.brain.sphere import load_sphere, region_centres
from neurogenomics_kb.pipelines.absent import is_absent
from neurogenomics_kb.pipelines.integration.analyses.reference_maps import compare
from neurogenomics_kb.pipelines.integration.analyses.reference_maps.tables import COMPARISONS
from neurogenomics_kb.registry.recipe import Recipe


def compare_reference_maps(
    recipe: Recipe,
    inference: pd.DataFrame,
    loadings: pd.DataFrame,
    maps: pd.DataFrame,
    sphere: dict[str, Any],
    regions: dict[str, Any],
) -> pd.DataFrame:
    """Maps of loadings against the reference maps of the catalog."""
    if "reference_maps" not in recipe.experiment.analyses or is_absent(maps):
        return COMPARISONS.empty()
    places = compare.Places(
        None if is_absent(sphere) else load_sphere(sphere),
        None if is_absent(regions) else region_centres(load_places(regions)),
    )
    return compare.compare_maps(recipe, inference, loadings, maps, places)
