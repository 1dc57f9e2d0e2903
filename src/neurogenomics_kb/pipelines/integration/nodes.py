"""Nodes of a run that no analysis owns: people, folds, projections, tests, decision."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd

from neurogenomics_kb.extracts.standardize import standardize_table
from neurogenomics_kb.extracts.visits import check_visits
from neurogenomics_kb.pipelines.integration import cohort, decision, family, projection
from neurogenomics_kb.pipelines.integration.analyses import load_analyses
from neurogenomics_kb.pipelines.integration.cost_said import announce_cost
from neurogenomics_kb.pipelines.integration.partitions import Partitions, load_blocks
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.prediction.folds import (
    NEVER_TESTED,
    hash_folds,
    hash_subjects,
    make_folds,
    refuse_one_class,
    repeat_folds,
    split_in_time,
)

MODALITIES = cohort.MODALITIES
CLAIMS = [(analysis.name, claims) for analysis in load_analyses() for claims in analysis.claims]


def standardize_participants(participants: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
    """Participants under canonical names, validated against the dataset card."""
    family.refuse_unknown_primary(recipe)
    card, outcome = recipe.dataset.tables["participants"], recipe.experiment.outcome
    table = standardize_table(participants, card)
    if recipe.dataset.visits is not None:
        check_visits(table, recipe.dataset.visits, card.file)
    if outcome in table:  # hours of features later would be late to hear of it
        refuse_one_class(table[outcome], file=card.file)
    return table


def assemble_cohort(
    recipe: Recipe, participants: pd.DataFrame, *tables: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame], pd.DataFrame, list[str]]:
    """Intersect blocks, outcome and confounds.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    participants : DataFrame
        People under canonical names.
    *tables : DataFrame
        Features and quality of `MODALITIES`, in turn.
    """
    features = dict(zip(MODALITIES, tables[0::2], strict=True))
    quality = dict(zip(MODALITIES, tables[1::2], strict=True))
    assembled = cohort.assemble_cohort(recipe, participants, features, quality)
    announce_cost(recipe, assembled[1])
    return assembled


def split_folds(recipe: Recipe, cohort_table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Folds shared by every analysis, and their public summary."""
    design = recipe.experiment.folds
    outcome = cohort_table[recipe.experiment.outcome]
    groups = None if design.group is None else cohort_table[design.group]
    if design.scheme == "temporal":
        time = cohort_table[design.column]
        once = split_in_time(outcome, time, design.cut, groups, continuous=recipe.continuous)
        folds = once.to_frame()
    else:
        make = partial(
            make_folds,
            outcome,
            scheme=design.scheme,
            n_splits=design.n_splits,
            groups=groups,
            groups_out=design.groups_out,
            continuous=recipe.continuous,
        )
        folds = repeat_folds(lambda seed: make(seed=seed), design.n_repeats, design.seed)
    tested = [folds[c][folds[c] != NEVER_TESTED] for c in folds]
    summary = {
        **design.model_dump(exclude_none=True),
        "group": design.group,
        "n_folds": int(tested[0].nunique()),
        "hash": hash_folds(folds),
        "subjects": hash_subjects(folds.index),
        "test_sizes": [int(n) for one in tested for n in one.value_counts().sort_index()],
    }
    return folds, summary


def project_blocks(
    recipe: Recipe, cohort_table: pd.DataFrame, blocks: Partitions, folds: pd.DataFrame
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Recipes fitted in every training fold."""
    tables = load_blocks(recipe, blocks)
    return projection.project_blocks(recipe, cohort_table, tables, folds)


def stream_projections(
    recipe: Recipe, cohort_table: pd.DataFrame, blocks: Partitions, folds: pd.DataFrame
) -> tuple[projection.Streamed, Callable[[], pd.DataFrame]]:
    """Recipes fitted in every training fold, each projection stored before the next is made."""
    tables = load_blocks(recipe, blocks)
    return projection.stream_projections(recipe, cohort_table, tables, folds)


def collect_tests(recipe: Recipe, *tables: pd.DataFrame) -> pd.DataFrame:
    """Every claim of the run, adjusted over the run.

    Parameters
    ----------
    recipe : Recipe
        Names the primary tests.
    *tables : DataFrame
        The table of each of `CLAIMS`, in turn.
    """
    return family.collect_tests(
        recipe,
        ((name, claims, table) for (name, claims), table in zip(CLAIMS, tables, strict=True)),
    )


def decide_escalation(
    recipe: Recipe, cohort_table: pd.DataFrame, rungs: pd.DataFrame, choice: pd.DataFrame
) -> dict[str, Any]:
    """What the ladder's choice is worth."""
    return decision.decide_escalation(recipe, cohort_table, rungs, choice)
