"""Audit of leakage and confounding: what the blocks give away beside the outcome.

Diagnostic, after the fact and on the same folds; its p-values are no part of the confirmatory
family of tests.
"""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.audit.context import (
    ADJUSTED,
    MAX_PERMUTATIONS,
    UNADJUSTED,
    Audit,
    merge_small,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.decoding import (
    batch_rows,
    decodability_rows,
    fold_rows,
    outcome_rows,
    run_decoders,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.proxies import proxy_rows
from neurogenomics_kb.pipelines.integration.analyses.audit.refits import refit_rows
from neurogenomics_kb.pipelines.integration.analyses.audit.relatives import (
    relative_rows,
    repeat_rows,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.table import AUDIT, row
from neurogenomics_kb.pipelines.integration.analyses.audit.undeclared import likeness_rows
from neurogenomics_kb.pipelines.integration.analyses.audit.units import (
    missing_by_batch,
    missing_rates,
    missingness_rows,
    unit_rows,
    units_of_large_loss,
)
from neurogenomics_kb.pipelines.integration.design import cluster_labels
from neurogenomics_kb.registry.recipe import Recipe

__all__ = ["ADJUSTED", "AUDIT", "UNADJUSTED", "audit_run", "merge_small"]

logger = logging.getLogger(__name__)


def audit_run(
    recipe: Recipe,
    cohort: pd.DataFrame,
    blocks: dict[str, pd.DataFrame],
    folds: pd.Series,
    projections: dict[str, pd.DataFrame],
    metrics: pd.DataFrame,
    call_rates: pd.DataFrame,
    haplotypes: pd.DataFrame,
    attribution: pd.DataFrame | None = None,
    *,
    refit: bool = True,
) -> pd.DataFrame:
    """Every check, as one tidy table.

    Its parameters are the tables that the checks read, which is why there are many.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Analysed people, named by the index.
    blocks : dict of str to DataFrame
        Raw features.
    folds : Series
        Test fold of every person.
    projections : dict of str to DataFrame
        Blocks as every fold sees them.
    metrics : DataFrame
        Metrics of the run, or of quality control.
    call_rates : DataFrame
        Share of missing calls, subjects by genes.
    haplotypes : DataFrame
        Who carries which sequence; empty where there are no genotypes.
    attribution : DataFrame, optional
        Leave-one-group-out losses, whose largest ones are looked at inside batches.
    refit : bool
        Whether the primary model is fitted again on relabelled outcomes, which takes most of the
        time.

    Returns
    -------
    DataFrame
        `AUDIT`; no row is about a subject.
    """
    experiment = recipe.experiment
    audit = Audit(
        recipe,
        cohort,
        blocks,
        folds.loc[cohort.index].to_numpy(),
        cluster_labels(recipe, cohort),
        min(experiment.n_permutations, MAX_PERMUTATIONS),
    )
    decoders = run_decoders(audit, projections)
    rows = model_rows(recipe, metrics)
    rows += decodability_rows(audit, decoders)
    rows += outcome_rows(audit, decoders)
    if refit:
        rows += refit_rows(audit, projections)
    rows += proxy_rows(audit)
    for block, features in blocks.items():
        rows += repeat_rows(block, features, audit.folds)
    rows += fold_rows(audit)
    places = {"folds": audit.folds}
    if audit.families is not None:
        places["families"] = audit.families
    rows += relative_rows(cohort, haplotypes, places)
    rows += likeness_rows(audit)
    rows += batch_rows(audit)
    rates = {b: missing_rates(recipe, b, features, call_rates) for b, features in blocks.items()}
    rows += missingness_rows(audit, rates)
    for block, rate in rates.items():
        found, watched = missing_by_batch(audit, block, rate)
        rows += found
        lost = units_of_large_loss(block, attribution)
        if not (recipe.continuous or recipe.multiclass):
            rows += unit_rows(audit, block, watched, lost)
    logger.info("audit: %d checks", len(rows))
    return pd.DataFrame(rows, columns=list(AUDIT.names))


def model_rows(recipe: Recipe, metrics: pd.DataFrame) -> list[dict]:
    """Models with their confounds in and out, and the covariates alone."""
    name = recipe.primary_metric
    first = recipe.experiment.algorithms[0]
    chosen = metrics[(metrics["metric"] == name) & (metrics["algorithm"] == first)]
    by_key = chosen.set_index(["model", "variant"])["value"]
    rows = []
    for model in chosen["model"].unique():
        value = by_key.get((model, "adjusted"), np.nan)
        rows.append(
            row("model", model, name, value, by_key.get((model, "unadjusted"), np.nan),
                detail="value: confounds regressed out of the blocks; reference: left in")
        )  # fmt: skip
    return rows
