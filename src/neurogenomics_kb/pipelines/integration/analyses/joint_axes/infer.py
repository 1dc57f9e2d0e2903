"""Permutation inference of axes in common, on the full sample."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.joint_axes.tables import (
    AXES,
    BLOCKS,
    LOADINGS,
)
from neurogenomics_kb.pipelines.integration.design import (
    capped,
    confound_matrix,
    exchange_blocks,
    ready_blocks,
)
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.inference.multiset import FEWEST, MultisetResult, multiset_test
from neurogenomics_kb.stats.inference.residual_space import independent_design

OVER_COMPONENTS = "closed over components"
OVER_BLOCKS = "Holm over the blocks of a component"


def infer_axes(
    recipe: Recipe, cohort: pd.DataFrame, blocks: dict[str, pd.DataFrame]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Axes in common of all blocks that the cohort has.

    Blocks are prepared as for canonical correlation; confounds are handled in the residual space.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Analysed people.
    blocks : dict of str to DataFrame
        Raw features of every block, rows as in `cohort`.

    Returns
    -------
    axes, parts, loadings : DataFrame
        `AXES`, `BLOCKS` and `LOADINGS`; empty where the cohort has fewer than three blocks.
    """
    if len(blocks) < FEWEST:
        return AXES.empty(), BLOCKS.empty(), LOADINGS.empty()
    experiment = recipe.experiment
    Z = confound_matrix(recipe, cohort)
    design = independent_design(Z, len(cohort))
    ready = ready_blocks(recipe, cohort, blocks, design)
    result = multiset_test(
        {name: table.to_numpy() for name, table in ready.items()},
        confounds=Z,
        pca={name: capped(recipe, name, len(cohort) - design.shape[1]) for name in ready},
        n_components=experiment.n_components,
        n_permutations=experiment.n_permutations,
        blocks=exchange_blocks(recipe, cohort),
        unit_rows=experiment.unit_rows,
        random_state=experiment.seed,
    )
    loadings = [
        pd.DataFrame(
            {
                "component": k + 1,
                "block": name,
                "feature": list(ready[name].columns),
                "loading": result.loadings[name][:, k],
            }
        )
        for k in range(len(result.shared))
        for name in ready
    ]
    return (
        pd.DataFrame(_axis_rows(result), columns=list(AXES.names)),
        pd.DataFrame(_block_rows(result), columns=list(BLOCKS.names)),
        pd.concat(loadings, ignore_index=True),
    )


def _axis_rows(result: MultisetResult) -> list[dict]:
    return [
        {
            "component": k + 1,
            "shared": result.shared[k],
            "null_mean": result.null[:, k].mean(),
            "p_raw": result.p_values_uncorrected[k],
            "p_adjusted": result.p_values[k],
            "adjustment": OVER_COMPONENTS,
            "p_error": result.p_value_errors[k],
            "n": result.n,
            "n_effective": result.n_effective,
            "n_permutations": result.n_permutations,
            "smallest_p": result.smallest_p,
        }
        for k in range(len(result.shared))
    ]


def _block_rows(result: MultisetResult) -> list[dict]:
    return [
        {
            "component": k + 1,
            "block": name,
            "dim": dim,
            "correlation": result.block_correlations[j, k],
            "p_raw": result.block_p_raw[j, k],
            "p_adjusted": result.block_p_values[j, k],
            "adjustment": OVER_BLOCKS,
        }
        for k in range(len(result.shared))
        for j, (name, dim) in enumerate(result.dims.items())
    ]
