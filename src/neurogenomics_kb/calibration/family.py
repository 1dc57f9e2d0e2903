"""The family of a whole run: does any claim stand where there is nothing to find?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from neurogenomics_kb.calibration.cohorts import CohortSettings, make_recipe
from neurogenomics_kb.calibration.runs import PValues, prepare
from neurogenomics_kb.pipelines.contracts import CONTRACTS
from neurogenomics_kb.pipelines.integration import nodes
from neurogenomics_kb.pipelines.integration.analyses.cca.nodes import (
    hold_out_canonical_correlations,
    infer_canonical_correlations,
)
from neurogenomics_kb.pipelines.integration.analyses.logo.nodes import attribute_block
from neurogenomics_kb.pipelines.integration.analyses.partial_correlations.nodes import (
    associate_axes,
)
from neurogenomics_kb.pipelines.integration.analyses.prediction.nodes import (
    predict_outcome,
    score_models,
)
from neurogenomics_kb.stats.inference.multiplicity import adjust


def run_tests(settings: CohortSettings, seed: int, **experiment: Any) -> pd.DataFrame:
    """The family of tests of one cohort, by the pipeline's nodes.

    Parameters
    ----------
    settings : CohortSettings
        How the cohort is made.
    seed : int
        Of the cohort and of everything in the run.
    **experiment
        What differs in the experiment.

    Returns
    -------
    DataFrame
        `TESTS`.
    """
    recipe = make_recipe(
        settings,
        analyses=["cca", "prediction", "logo", "partial_correlations"],
        associations=["score"],
        seed=seed,
        # What stands over the run has p-values far below 0.05.
        **{"max_permutations": 990, **experiment},
    )
    run = prepare(recipe, settings, seed)
    card, cohort, blocks, folds = (run[k] for k in ("recipe", "cohort", "blocks", "folds"))
    projections, _ = nodes.project_blocks(card, cohort, blocks, folds)
    cca, _, _, axes = infer_canonical_correlations(card, cohort, blocks, folds)
    _, scores, _ = hold_out_canonical_correlations(card, cohort, folds, axes, projections, blocks)
    predictions = predict_outcome(card, cohort, folds, projections, blocks)
    tables = {
        "integration.cca": cca,
        "integration.comparisons": score_models(card, cohort, predictions)[1],
        "integration.attribution": attribute_block(card, cohort, blocks, folds)[0],
        "integration.associations": associate_axes(card, cohort, scores),
    }
    return nodes.collect_tests(
        card,
        *(tables.get(claims.table, CONTRACTS[claims.table].empty()) for _, claims in nodes.CLAIMS),
    )


def family_p_values(settings: CohortSettings, seed: int, **experiment: Any) -> PValues:
    """Smallest p over the run of all claims and of the primary ones, and Holm's over all."""
    tests = run_tests(settings, seed, **experiment)
    return {
        "run, any claim": tests["p_run"].min(),
        "run, any primary claim": tests.loc[tests["tier"] == "primary", "p_run"].min(),
        "run, a primary claim, Holm over all tests": adjust(tests["p_entered"], "holm")[
            (tests["tier"] == "primary").to_numpy()
        ].min(),
    }
