"""Partial association of canonical axes with outcomes."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.partial_correlations.tables import (
    ASSOCIATIONS,
)
from neurogenomics_kb.pipelines.integration.design import cluster_labels, confound_matrix
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.inference.multiplicity import adjust
from neurogenomics_kb.stats.inference.partial import Association, odds_ratio, partial_correlation
from neurogenomics_kb.stats.inference.trajectories import trajectory

ADJUSTMENT = "Benjamini-Hochberg over the table"
# Measures that ask what another one of the same axis and outcome asks; they are shown, not tested.
DESCRIBED = {"partial spearman": "none: beside Pearson's as description"}


def over_visits(
    recipe: Recipe, cohort: pd.DataFrame, axis, outcome, covariates, clusters
) -> dict[str, Association]:
    """Mixed-model associations by measure; empty where nobody has several visits."""
    visits = recipe.dataset.visits
    if visits is None or not cohort[visits.subject].duplicated().any():
        return {}
    child = cohort[visits.subject].to_numpy()
    age = None if visits.age not in cohort else cohort[visits.age].to_numpy(dtype=float)
    found = trajectory(
        axis, outcome, child, covariates, age=age, clusters=clusters,
        slopes=recipe.experiment.random_slopes,
    )  # fmt: skip
    unit = recipe.columns[visits.age].unit.removesuffix("s") if age is not None else ""
    rows = {"between children": found.between, "within child": found.within}
    return rows if found.growth is None else {**rows, f"growth per {unit or 'unit'}": found.growth}


def associate_axes(recipe: Recipe, cohort: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Out-of-fold axis scores against every outcome, adjusted for all confounds.

    Odds ratios for binary outcomes, partial Pearson and Spearman correlations for scores; where
    children have several visits, scores are also followed between and within children. The false
    discovery rate is controlled over the table. Pearson's and Spearman's correlation of one axis
    and outcome are one claim, made by Pearson's; Spearman's describes it and is not adjusted.
    Families are clusters.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Analysed people.
    scores : DataFrame
        Out-of-fold variates; columns are tuples of x, y, component and side.

    Returns
    -------
    DataFrame
        One row per axis, outcome and measure.
    """
    experiment = recipe.experiment
    covariates = confound_matrix(recipe, cohort)
    families = cluster_labels(recipe, cohort)
    rows = []
    for key in scores.columns:
        first, second, component, side = key
        axis = scores[key]
        for outcome in [experiment.outcome, *experiment.associations]:
            known = (axis.notna() & cohort[outcome].notna()).to_numpy()
            x, y = axis.to_numpy()[known], cohort[outcome].to_numpy(dtype=float)[known]
            Z = covariates[known]
            clusters = None if families is None else families[known]
            if recipe.columns[outcome].type == "binary":
                found = {"odds ratio per SD": odds_ratio(x, y, Z, clusters=clusters)}
            else:
                found = {
                    f"partial {method}": partial_correlation(
                        x, y, Z, method=method, clusters=clusters
                    )
                    for method in ("pearson", "spearman")
                }
                found |= over_visits(recipe, cohort[known], x, y, Z, clusters)
            for measure, result in found.items():
                rows.append(
                    {
                        "x": first,
                        "y": second,
                        "component": component,
                        "side": side,
                        "block": first if side == "x" else second,
                        "outcome": outcome,
                        "measure": measure,
                        "effect": result.effect,
                        "ci_low": result.ci[0],
                        "ci_high": result.ci[1],
                        "p_raw": result.p_value,
                        "adjustment": ADJUSTMENT,
                        "df": result.df,
                        "correction": result.correction,
                        "n": result.n,
                        "note": result.note,
                    }
                )
    table = pd.DataFrame(rows, columns=list(ASSOCIATIONS.names))
    described = table["measure"].isin(list(DESCRIBED))
    table["p_adjusted"] = adjust(table["p_raw"].mask(described), "fdr_bh")
    table.loc[described, "adjustment"] = table.loc[described, "measure"].map(DESCRIBED)
    return table
