"""Scenarios of features of axes, maps of regions, growth, and other ways to relate blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurogenomics_kb.calibration.cohorts import CohortSettings, make_recipe
from neurogenomics_kb.calibration.runs import PValues, prepare
from neurogenomics_kb.pipelines.integration.analyses.cca.nodes import infer_canonical_correlations
from neurogenomics_kb.pipelines.integration.analyses.joint_axes.infer import infer_axes


def feature_p_values(settings: CohortSettings, seed: int, **experiment: Any) -> PValues:
    """Smallest family-wise p of a feature of the first axis, among features with and without it."""
    recipe = make_recipe(
        settings, analyses=["cca"], seed=seed, **({"n_components": 1} | experiment)
    )
    run = prepare(recipe, settings, seed)
    loadings = infer_canonical_correlations(
        run["recipe"], run["cohort"], run["blocks"], run["folds"]
    )[2]
    found: PValues = {}
    planted = {"gene": 2 * settings.features_per_gene, "brain": 2} if settings.gene_brain else {}
    last = loadings["component"].max()
    for (component, block), rows in loadings.groupby(["component", "block"], sort=False):
        if component != last:
            continue
        p = rows["p_adjusted"].to_numpy()
        carrying = np.arange(len(p)) < planted.get(block, 0)
        axis = "first" if component == 1 else "second"
        found[f"features of the {axis} axis, {block} without it"] = p[~carrying].min()
        if carrying.any() and component == 1:
            found[f"features of the first axis, {block} with it"] = p[carrying].min()
    return found


def related_p_values(settings: CohortSettings, seed: int, **experiment: Any) -> PValues:
    """Components of two blocks, in sample, by whatever the experiment relates them with."""
    recipe = make_recipe(settings, analyses=["cca"], seed=seed, **experiment)
    run = prepare(recipe, settings, seed)
    table = infer_canonical_correlations(run["recipe"], run["cohort"], run["blocks"], run["folds"])[
        0
    ]
    second = table.iloc[1]
    return {
        "first component": table.iloc[0]["p_adjusted"],
        "second component": second["p_raw"],
        "second component, closed": second["p_adjusted"],
    }


def joint_p_values(settings: CohortSettings, seed: int, **experiment: Any) -> PValues:
    """Axes in common of three blocks: genes that may carry one, other genes, the brain."""
    recipe = make_recipe(settings, analyses=["cca"], seed=seed, **experiment)
    run = prepare(recipe, settings, seed)
    gene = run["blocks"]["gene"]
    first = settings.features_per_gene * (settings.genes // 2)
    blocks = {
        "gene": gene.iloc[:, :first],
        "other": gene.iloc[:, first:],
        "brain": run["blocks"]["brain"],
    }
    recipe.blocks["other"] = recipe.blocks["gene"]
    axes, parts, _ = infer_axes(recipe, run["cohort"], blocks)
    own = parts[parts["component"] == 1].set_index("block")["p_raw"]
    return {
        "axis in common, first component": axes.iloc[0]["p_adjusted"],
        "axis in common, second component": axes.iloc[1]["p_raw"],
        "block in a common axis, unrelated": own["other"],
        "block in a common axis, related": own["gene"],
    }
