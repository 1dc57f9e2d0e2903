"""Audit of leakage and confounding: what the blocks give away beside the outcome.

Diagnostic, after the fact and on the same folds; its p-values are no part of the confirmatory
family of tests.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

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
    decoder_rows,
    fold_rows,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.looking import (
    look_through,
    unadjusted_units,
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
    watched_units,
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
    projections: Mapping[str, pd.DataFrame],
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
    projections : mapping of str to DataFrame
        Blocks as every fold sees them; one is read at a time.
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
    rows = model_rows(recipe, metrics)
    rows += decoder_rows(audit, projections)
    if refit:
        rows += refit_rows(audit, projections)
    rates = {b: missing_rates(recipe, b, features, call_rates) for b, features in blocks.items()}
    by_batch, looked, plans = {}, {}, {}
    for block in blocks:
        by_batch[block], watched = missing_by_batch(audit, block, rates[block])
        plans[block] = watched_units(audit, watched, units_of_large_loss(block, attribution))
        looked[block] = look_through(audit, block, plans[block][ADJUSTED])
    rows += proxy_rows(audit, looked)
    for block, features in blocks.items():
        rows += repeat_rows(block, features, audit.folds)
    rows += fold_rows(audit)
    places = {"folds": audit.folds}
    if audit.families is not None:
        places["families"] = audit.families
    rows += relative_rows(cohort, haplotypes, places)
    rows += likeness_rows({block: each.alike for block, each in looked.items()})
    rows += batch_rows(audit)
    rows += missingness_rows(audit, rates)
    for block, plan in plans.items():
        rows += by_batch[block]
        if plan[UNADJUSTED]:
            left_in = unadjusted_units(audit, block, plan[UNADJUSTED])
            rows += unit_rows(audit, block, UNADJUSTED, left_in)
        rows += unit_rows(audit, block, ADJUSTED, looked[block].units)
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
