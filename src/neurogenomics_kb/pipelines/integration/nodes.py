"""Nodes of the integration pipeline: parse the recipe, call one function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from neurogenomics_kb.extracts.standardize import standardize_table
from neurogenomics_kb.extracts.visits import check_visits
from neurogenomics_kb.pipelines.integration import (
    associations,
    audit,
    audit_harmonization,
    audit_verdict,
    canonical,
    cohort,
    decision,
    dimension_search,
    family,
    leave_one_out,
    prediction,
    projection,
)
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.prediction.folds import (
    NEVER_TESTED,
    hash_folds,
    hash_subjects,
    make_folds,
    refuse_one_class,
    split_in_time,
)

# In the order of the pipeline's inputs.
MODALITIES = ("genomics", "smri", "dmri", "fmri", "eeg", "behaviour")
Partitions = dict[str, Callable[[], pd.DataFrame]]


def load_all(partitions: Partitions) -> dict[str, pd.DataFrame]:
    """Load every partition."""
    return {name: load() if callable(load) else load for name, load in partitions.items()}


def load_blocks(recipe: Recipe, partitions: Partitions) -> dict[str, pd.DataFrame]:
    """Load blocks in the experiment's order, which partitions on disk do not keep."""
    loaded = load_all(partitions)
    return {name: loaded[name] for name in recipe.blocks if name in loaded}


def standardize_participants(participants: pd.DataFrame, recipe: dict[str, Any]) -> pd.DataFrame:
    """Participants under canonical names, validated against the dataset card."""
    parsed = Recipe.model_validate(recipe)
    dataset, outcome = parsed.dataset, parsed.experiment.outcome
    card = dataset.tables["participants"]
    table = standardize_table(participants, card)
    if dataset.visits is not None:
        check_visits(table, dataset.visits, card.file)
    if outcome in table:  # hours of features later would be late to hear of it
        refuse_one_class(table[outcome], file=card.file)
    return table


def assemble_cohort(recipe: dict[str, Any], participants: pd.DataFrame, *tables: pd.DataFrame):
    """Intersect blocks, outcome and confounds.

    `tables` are features and quality of `MODALITIES`, in turn.
    """
    features = dict(zip(MODALITIES, tables[0::2], strict=True))
    quality = dict(zip(MODALITIES, tables[1::2], strict=True))
    return cohort.assemble_cohort(Recipe.model_validate(recipe), participants, features, quality)


def split_folds(recipe: dict[str, Any], cohort_table: pd.DataFrame):
    """Folds shared by every analysis, and their public summary."""
    recipe = Recipe.model_validate(recipe)
    design = recipe.experiment.folds
    outcome = cohort_table[recipe.experiment.outcome]
    groups = None if design.group is None else cohort_table[design.group]
    if design.scheme == "temporal":
        time = cohort_table[design.column]
        folds = split_in_time(outcome, time, design.cut, groups, continuous=recipe.continuous)
    else:
        folds = make_folds(
            outcome,
            scheme=design.scheme,
            n_splits=design.n_splits,
            groups=groups,
            seed=design.seed,
            continuous=recipe.continuous,
        )
    tested = folds[folds != NEVER_TESTED]
    summary = {
        **design.model_dump(exclude_none=True),
        "group": design.group,
        "n_folds": int(tested.nunique()),
        "hash": hash_folds(folds),
        "subjects": hash_subjects(folds.index),
        "test_sizes": [int(n) for n in tested.value_counts().sort_index()],
    }
    return folds.to_frame(), summary


def infer_canonical_correlations(recipe: dict[str, Any], cohort_table, blocks: Partitions, folds):
    """Permutation inference on the full sample."""
    recipe = Recipe.model_validate(recipe)
    tables = load_blocks(recipe, blocks)
    if "cca" not in recipe.experiment.analyses:
        tables = {}
    return canonical.infer_pairs(recipe, cohort_table, tables, folds["fold"])


def project_blocks(recipe: dict[str, Any], cohort_table, blocks: Partitions, folds):
    """Recipes fitted in every training fold."""
    recipe = Recipe.model_validate(recipe)
    tables = load_blocks(recipe, blocks)
    return projection.project_blocks(recipe, cohort_table, tables, folds["fold"])


def hold_out_canonical_correlations(
    recipe: dict[str, Any], folds, axes, projections: Partitions, blocks: Partitions
):
    """Canonical correlations of test subjects."""
    recipe = Recipe.model_validate(recipe)
    present = [b for b in recipe.blocks if b in blocks] if len(axes.columns) else []
    return canonical.hold_out_pairs(recipe, folds["fold"], axes, load_all(projections), present)


def predict_outcome(recipe: dict[str, Any], cohort_table, folds, projections, blocks):
    """Out-of-fold predictions of all models."""
    recipe = Recipe.model_validate(recipe)
    if "prediction" not in recipe.experiment.analyses:
        return pd.DataFrame(columns=prediction.PREDICTION_COLUMNS)
    present = [b for b in recipe.blocks if b in blocks]
    return prediction.predict_outcome(
        recipe, cohort_table, folds["fold"], load_all(projections), present
    )


def score_models(recipe: dict[str, Any], cohort_table, predictions):
    """Metrics and comparisons."""
    return prediction.score_models(Recipe.model_validate(recipe), cohort_table, predictions)


def search_dimensions(recipe: dict[str, Any], cohort_table, blocks: Partitions, folds):
    """Smallest PCA dimension within one standard error of the best."""
    recipe = Recipe.model_validate(recipe)
    if "dimension_search" not in recipe.experiment.analyses:
        return pd.DataFrame(columns=dimension_search.SEARCH_COLUMNS)
    tables = load_blocks(recipe, blocks)
    return dimension_search.search_dimensions(recipe, cohort_table, tables, folds["fold"])


def attribute_block(recipe: dict[str, Any], cohort_table, blocks: Partitions, folds):
    """Leave-one-group-out attribution."""
    recipe = Recipe.model_validate(recipe)
    if "logo" not in recipe.experiment.analyses:
        return pd.DataFrame(columns=leave_one_out.ATTRIBUTION_COLUMNS), []
    return leave_one_out.attribute_block(
        recipe, cohort_table, load_blocks(recipe, blocks), folds["fold"]
    )


def associate_axes(recipe: dict[str, Any], cohort_table, scores):
    """Partial associations of the axes."""
    recipe = Recipe.model_validate(recipe)
    if "partial_correlations" not in recipe.experiment.analyses:
        return pd.DataFrame(columns=associations.ASSOCIATION_COLUMNS)
    return associations.associate_axes(recipe, cohort_table, scores)


def decide_escalation(recipe: dict[str, Any], comparisons):
    """Escalation rule."""
    return decision.decide_escalation(Recipe.model_validate(recipe), comparisons)


def audit_confounding(
    recipe: dict[str, Any], cohort_table, blocks: Partitions, folds, projections, metrics,
    call_rates, haplotypes, attribution, harmonization_notes,
):  # fmt: skip
    """Audit of leakage and confounding, and its verdict; harmonization is always looked at."""
    recipe = Recipe.model_validate(recipe)
    tables = load_blocks(recipe, blocks)
    table = audit_harmonization.harmonization_table(
        recipe, cohort_table, tables, folds["fold"], harmonization_notes
    )
    if "audit" in recipe.experiment.analyses:
        rest = audit.audit_run(
            recipe,
            cohort_table,
            tables,
            folds["fold"],
            load_all(projections),
            metrics,
            call_rates,
            haplotypes,
            attribution,
        )
        table = rest if table.empty else pd.concat([rest, table], ignore_index=True)
    return table, audit_verdict.judge_audit(recipe, table)


def check_harmonization(recipe: dict[str, Any], cohort_table, manifest) -> list[str]:
    """Manifest of a harmonization that was done before the run."""
    return audit_harmonization.check_external(Recipe.model_validate(recipe), cohort_table, manifest)


def collect_tests(cca, comparisons, attribution, associations):
    """Every claim of the run, adjusted over the run."""
    return family.collect_tests(cca, comparisons, attribution, associations)
