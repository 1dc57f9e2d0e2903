"""Would curves and products of the confounds explain what a model adds to the covariates?"""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.prediction.compare import (
    compare,
    compare_gaps,
    fold_scores,
)
from neurogenomics_kb.pipelines.integration.analyses.prediction.curved_design import CURVED
from neurogenomics_kb.pipelines.integration.analyses.prediction.predict import COVARIATES
from neurogenomics_kb.pipelines.integration.analyses.prediction.tables import CURVES
from neurogenomics_kb.pipelines.integration.design import curved_confounds, first_algorithm
from neurogenomics_kb.registry.recipe import Recipe


def compare_curved(recipe: Recipe, cohort: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """The main comparison beside itself with the richer design, and the test of the change.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Analysed people.
    predictions : DataFrame
        Out-of-fold predictions of all models.

    Returns
    -------
    DataFrame
        `CURVES`; empty where the richer design could not be fitted.
    """
    by_model = dict(list(predictions.groupby(["model", "variant", "algorithm"], sort=False)))
    algorithm = first_algorithm(recipe)
    fullest = [m for m, variant, _ in by_model if variant == CURVED and m != COVARIATES]
    if not fullest:
        return CURVES.empty()
    top = fullest[0]
    keys = [(m, v, algorithm) for v in ("adjusted", CURVED) for m in (top, COVARIATES)]
    straight, bent = (
        compare(recipe, cohort, by_model[a], by_model[b]) for a, b in (keys[:2], keys[2:])
    )
    columns = curved_confounds(recipe, cohort).fit(cohort).columns_
    row = {
        "model": top,
        "reference": COVARIATES,
        "algorithm": algorithm,
        "metric": recipe.primary_metric,
        "curves": ", ".join(columns),
        "difference": straight.difference,
        "ci_low": straight.ci[0],
        "ci_high": straight.ci[1],
        "p_raw": straight.p_value,
        "curved_difference": bent.difference,
        "curved_ci_low": bent.ci[0],
        "curved_ci_high": bent.ci[1],
        "curved_p_raw": bent.p_value,
        "change": bent.difference - straight.difference,
    }
    row |= dict.fromkeys(("change_ci_low", "change_ci_high", "p_change"), float("nan"))
    if recipe.experiment.folds.scheme != "temporal":
        a, b, c, d = (fold_scores(recipe, by_model[key]) for key in keys)
        test = compare_gaps(recipe, (c - d) - (a - b))
        row |= {"change_ci_low": test.ci[0], "change_ci_high": test.ci[1]}
        row["p_change"] = test.p_value
    return pd.DataFrame([row], columns=list(CURVES.names))
