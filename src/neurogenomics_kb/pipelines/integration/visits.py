"""Cohorts with repeated visits: which rows are analysed, and that nobody is on both sides."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from neurogenomics_kb.extracts.visits import natural_order, spread_over_visits
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.wide import in_memory
from neurogenomics_kb.registry.recipe import Recipe

Flow = list[tuple[str, int, int]]


def spread_tables(
    recipe: Recipe, participants: pd.DataFrame, tables: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Tables of all modalities with one row per visit; what is known once per child is repeated."""
    visits = recipe.dataset.visits
    if visits is None:
        return dict(tables)
    whose = participants[visits.subject]
    return {n: spread_over_visits(in_memory(table), whose) for n, table in tables.items()}


def choose_visits(recipe: Recipe, table: pd.DataFrame, flow: Flow) -> pd.DataFrame:
    """Visits that the experiment analyses, with the outcome of the wave it asks for.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    table : DataFrame
        Canonical, one row per visit.
    flow : list
        Sample flow, which is added to.

    Raises
    ------
    InputError
        If the cohort has no repeated visits, or a wave is unknown.
    """
    experiment, visits = recipe.experiment, recipe.dataset.visits
    if experiment.waves is None and experiment.prospective is None:
        return table
    if visits is None:
        raise InputError(
            f"cohort '{recipe.cohort}' has one visit per subject",
            column="waves" if experiment.waves else "prospective",
            remedy="Leave it out of the experiment, or name `visits` on the dataset card.",
        )
    waves = experiment.waves or [experiment.prospective.features, experiment.prospective.outcome]
    known = natural_order(table[visits.wave])
    for wave in waves:
        if wave not in known:
            raise InputError(
                f"wave '{wave}' is none of {listing(known, len(known))}",
                column=visits.wave,
                remedy="Correct the experiment.",
            )
    if experiment.waves is not None:
        chosen = table[table[visits.wave].isin(waves)]
        flow.append((f"visits of other waves than {listing(waves)}",
                     len(table) - len(chosen), len(chosen)))  # fmt: skip
        return chosen
    return look_ahead(recipe, table, flow)


def look_ahead(recipe: Recipe, table: pd.DataFrame, flow: Flow) -> pd.DataFrame:
    """Visits of the earlier wave, with outcome and associations of the later one."""
    experiment, visits = recipe.experiment, recipe.dataset.visits
    plan = experiment.prospective
    if plan.change and not recipe.continuous:
        raise InputError(
            "only a number can change by a difference",
            column=experiment.outcome,
            remedy="Leave `change` out, or choose an outcome of type number.",
        )
    now = table[table[visits.wave] == plan.features]
    flow.append((f"visits of other waves than {plan.features}", len(table) - len(now), len(now)))
    later = table[table[visits.wave] == plan.outcome].set_index(visits.subject)
    there = now[visits.subject].isin(later.index)
    chosen = now[there].copy()
    flow.append((f"no visit in {plan.outcome}", int((~there).sum()), len(chosen)))
    for column in dict.fromkeys([experiment.outcome, *experiment.associations]):
        value = chosen[visits.subject].map(later[column])
        both = plan.change and recipe.columns[column].type == "number"
        chosen[column] = value - chosen[column] if both else value
    return chosen


def check_design(recipe: Recipe, cohort: pd.DataFrame) -> None:
    """Refuse designs in which visits of one child count as different people.

    Raises
    ------
    InputError
        If folds or exchangeable units could part the visits of a child.
    """
    experiment, visits = recipe.experiment, recipe.dataset.visits
    if visits is None or not cohort[visits.subject].duplicated().any():
        return
    uses = {"folds.group": experiment.folds.group}
    if {"cca", "partial_correlations", "logo"} & set(experiment.analyses):
        uses["exchangeability"] = experiment.cluster_column
    repeated = int(cohort[visits.subject].duplicated(keep=False).sum())
    for where, column in uses.items():
        if column is None:
            problem = "there is no such column"
        elif cohort.groupby(visits.subject, observed=True)[column].nunique().max() > 1:
            problem = f"'{column}' parts the visits of a child"
        else:
            continue
        raise InputError(
            f"{repeated} of {len(cohort)} rows are visits of children with several, and {problem}",
            column=where,
            remedy=f"Name '{visits.subject}', or the family, there, or analyse one wave (`waves`).",
        )
