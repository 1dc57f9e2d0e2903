"""Nodes of the audit."""

from __future__ import annotations

from typing import Any

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.audit import checks, harmonization, verdict
from neurogenomics_kb.pipelines.integration.partitions import OneAtATime, Partitions, load_blocks
from neurogenomics_kb.registry.recipe import Recipe


def check_harmonization(recipe: Recipe, cohort: pd.DataFrame, manifest: Any) -> list[str]:
    """Manifest of a harmonization that was done before the run."""
    return harmonization.check_external(recipe, cohort, manifest)


def audit_confounding(
    recipe: Recipe,
    cohort: pd.DataFrame,
    blocks: Partitions,
    folds: pd.DataFrame,
    projections: Partitions,
    metrics: pd.DataFrame,
    call_rates: pd.DataFrame,
    haplotypes: pd.DataFrame,
    attribution: pd.DataFrame,
) -> pd.DataFrame:
    """Check for leakage and confounding.

    Every parameter is a dataset that a check reads, which is why there are nine.
    """
    if "audit" not in recipe.experiment.analyses:
        return checks.AUDIT.empty()
    return checks.audit_run(
        recipe,
        cohort,
        load_blocks(recipe, blocks),
        folds["fold"],
        OneAtATime(projections),
        metrics,
        call_rates,
        haplotypes,
        attribution,
    )


def judge_audit(
    recipe: Recipe,
    cohort: pd.DataFrame,
    blocks: Partitions,
    folds: pd.DataFrame,
    checked: pd.DataFrame,
    harmonization_notes: list[str],
) -> tuple[pd.DataFrame, list[dict[str, str]]]:
    """Put the checks and the harmonization's effects into one table, and judge it.

    Harmonization is always looked at, also where the experiment asks for no audit.
    """
    table = harmonization.harmonization_table(
        recipe, cohort, load_blocks(recipe, blocks), folds["fold"], harmonization_notes
    )
    if not checked.empty:
        table = checked if table.empty else pd.concat([checked, table], ignore_index=True)
    return table, verdict.judge_audit(recipe, table)
