"""One simulated cohort through the pipeline's own nodes, and the p-values that come out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.calibration import naive
from neurogenomics_kb.calibration.cohorts import CohortSettings, make_recipe, simulate_tables
from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.pipelines.integration import nodes
from neurogenomics_kb.pipelines.integration.analyses.audit import checks
from neurogenomics_kb.pipelines.integration.analyses.audit.table import WITHIN
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
from neurogenomics_kb.pipelines.integration.analyses.prediction.predict import (
    COVARIATES,
    FUSION,
    with_covariates,
)
from neurogenomics_kb.pipelines.integration.design import capped, confound_matrix, prepare_block
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.inference.residual_space import independent_design
from neurogenomics_kb.stats.roc import cv_auc

# kind of p-value -> value in this cohort; exactly one per kind, so that cohorts are independent.
PValues = dict[str, float]


def prepare(recipe: Recipe, settings: CohortSettings, seed: int) -> dict[str, Any]:
    """Cohort, blocks and folds, by the pipeline's nodes."""
    participants, features, _ = simulate_tables(settings, seed)
    return prepare_tables(recipe, participants, features)


def prepare_tables(
    recipe: Recipe, participants: pd.DataFrame, features: dict[str, pd.DataFrame]
) -> dict[str, Any]:
    """Cohort, blocks and folds of given tables, by the pipeline's nodes.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    participants : DataFrame
        People under canonical names.
    features : dict of str to DataFrame
        By modality; others are not collected.
    """
    nothing = pd.DataFrame(index=pd.Index([], name=SUBJECT))
    tables = []
    for modality in nodes.MODALITIES:
        table = features.get(modality, nothing)
        quality = pd.DataFrame({"included": True, "reason": ""}, index=table.index)
        tables += [table, quality if len(table) else nothing]
    cohort, blocks, *_ = nodes.assemble_cohort(recipe, participants, *tables)
    folds, _ = nodes.split_folds(recipe, cohort)
    return {
        "recipe": recipe, "cohort": cohort, "blocks": blocks, "folds": folds, "tables": tables,
    }  # fmt: skip


def canonical_p_values(
    settings: CohortSettings, seed: int, *, with_naive: bool = True, **experiment: Any
) -> PValues:
    """P-values of the canonical correlation of two blocks."""
    recipe = make_recipe(settings, analyses=["cca"], seed=seed, **experiment)
    run = prepare(recipe, settings, seed)
    table = infer_canonical_correlations(run["recipe"], run["cohort"], run["blocks"], run["folds"])[
        0
    ]
    first = table.iloc[0]
    found = {
        "CCA, first component": first["p_adjusted"],
        "CCA, held-out correlation": first["p_held_out_adjusted"],
    }
    if len(table) > 1:
        found["CCA, second component"] = table.iloc[1]["p_raw"]
        found["CCA, second component, closed"] = table.iloc[1]["p_adjusted"]
    if with_naive:
        cohort, Z = run["cohort"], confound_matrix(recipe, run["cohort"])
        n_effective = len(cohort) - independent_design(Z, len(cohort)).shape[1]
        ready = {b: prepare_block(recipe, b, run["blocks"][b], cohort) for b in run["blocks"]}
        dims = tuple(capped(recipe, b, n_effective) for b in ready)
        p = naive.permute_residuals(
            *(block.to_numpy() for block in ready.values()),
            Z,
            dims=dims,
            n_permutations=recipe.experiment.n_permutations,
            n_components=2,
            seed=seed,
            statistic=recipe.experiment.statistic,
        )
        found["naive: permuted residuals, first component"] = p[0]
        found["naive: permuted residuals, second component"] = p[1]
    return found


def outcome_p_values(settings: CohortSettings, seed: int, **experiment: Any) -> PValues:
    """P-values of comparisons and partial associations."""
    recipe = make_recipe(
        settings,
        analyses=["cca", "prediction", "partial_correlations"],
        associations=["score"],
        seed=seed,
        **experiment,
    )
    run = prepare(recipe, settings, seed)
    card, cohort, blocks, folds = (run[k] for k in ("recipe", "cohort", "blocks", "folds"))
    projections, _ = nodes.project_blocks(card, cohort, blocks, folds)
    axes = infer_canonical_correlations(card, cohort, blocks, folds)[3]
    _, scores, _ = hold_out_canonical_correlations(card, cohort, folds, axes, projections, blocks)
    predictions = predict_outcome(card, cohort, folds, projections, blocks)
    _, comparisons = score_models(card, cohort, predictions)
    associations = associate_axes(card, cohort, scores)
    return {
        **comparison_p_values(comparisons),
        **naive_comparisons(predictions),
        **association_p_values(associations),
    }


def audit_p_values(settings: CohortSettings, seed: int, **experiment: Any) -> PValues:
    """P-values of the audit where no batch, fold or label is in the features."""
    recipe = make_recipe(settings, analyses=["audit"], seed=seed, **experiment)
    run = prepare(recipe, settings, seed)
    card, cohort, blocks, folds = (run[k] for k in ("recipe", "cohort", "blocks", "folds"))
    projections, _ = nodes.project_blocks(card, cohort, blocks, folds)
    metrics = pd.DataFrame(columns=["model", "variant", "algorithm", "metric", "value"])
    table = checks.audit_run(
        recipe, cohort, blocks, folds["fold"], projections, metrics, pd.DataFrame(), pd.DataFrame(),
        refit=False,
    )  # fmt: skip
    after = table[(table["detail"] == checks.ADJUSTED) & (table["block"] == "gene")]

    def p_of(rows: pd.DataFrame, check: str, target: str) -> float:
        return float(rows[(rows["check"] == check) & (rows["target"] == target)]["p_raw"].iloc[0])

    gene = table[table["block"] == "gene"]
    return {
        "audit, batch decodability": p_of(after, "decodability", "batch"),
        "audit, labels swapped within batch": p_of(
            after[after["scheme"] == WITHIN], "outcome, labels swapped", "batch"
        ),
        "audit, which fold": p_of(gene, "which fold", "fold"),
        "audit, batch by outcome": p_of(table, "batch by outcome", "batch"),
        "audit, missingness alone": p_of(gene, "missingness alone", "diagnosis"),
    }


def comparison_p_values(comparisons: pd.DataFrame) -> PValues:
    """Printed comparisons of models: does the first beat the second?"""
    out = {}
    for model, reference in ((with_covariates("gene"), COVARIATES), (FUSION, "gene")):
        row = comparisons.query("model == @model and reference == @reference").iloc[0]
        name = f"comparison, {model} against {reference}"
        out[name] = row["p_raw"]
    return out


def naive_comparisons(predictions: pd.DataFrame) -> PValues:
    """Two blocks compared as the field often does."""
    adjusted = predictions[predictions["variant"] == "adjusted"].sort_index()
    a, b = (adjusted[adjusted["model"] == m] for m in ("gene", "brain"))
    y, folds = a["outcome"].to_numpy(), a["fold"].to_numpy()
    scores = a["score"].to_numpy(), b["score"].to_numpy()
    per_fold = [cv_auc(y, s, folds).per_fold for s in scores]
    return {
        "naive: pooled DeLong, gene against brain": naive.pooled_delong(y, *scores),
        "naive: uncorrected t over folds, gene against brain": naive.paired_t_over_folds(
            per_fold[0] - per_fold[1]
        ),
    }


def attribution_p_values(settings: CohortSettings, seed: int, **experiment: Any) -> PValues:
    """Leave one gene out: one gene that is the same in every cohort, and the smallest of all."""
    recipe = make_recipe(settings, analyses=["prediction", "logo"], seed=seed, **experiment)
    run = prepare(recipe, settings, seed)
    table, _ = attribute_block(run["recipe"], run["cohort"], run["blocks"], run["folds"])
    units = table[table["level"] == "unit"]
    last = units[units["unit"] == units["unit"].max()].iloc[0]
    return {
        "LOGO, one gene": last["p_raw"],
        "LOGO, family-wise over genes": table["p_adjusted"].min(),
        "LOGO, corrected t, one gene": last["p_t"],
        "naive: LOGO by Wilcoxon over folds, smallest q": units["q_wilcoxon"].min(),
    }


def association_p_values(table: pd.DataFrame) -> PValues:
    """First axis of the gene block against both outcomes."""
    rows = table[(table["component"] == 1) & (table["block"] == "gene")]
    return {
        f"association, {row.measure}": row.p_raw
        for row in rows.itertuples()
        if np.isfinite(row.p_raw)
    }
