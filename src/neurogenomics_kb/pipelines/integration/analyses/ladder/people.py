"""Blocks as rungs see them in each fold: projected, and before the projector."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.design import covariates_for, inner_folds
from neurogenomics_kb.pipelines.integration.incomplete import fit_present, has_block
from neurogenomics_kb.pipelines.integration.transformers import build_transformer
from neurogenomics_kb.registry.disclosure import public_reason
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.ladder.inputs import Inputs, Splits
from neurogenomics_kb.stats.prediction.folds import fold_splits

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class People:
    """Everybody whom the ladder learns from.

    Parameters
    ----------
    cohort : DataFrame
        Analysed people.
    blocks : dict of str to DataFrame
        Their raw features.
    unlabelled : DataFrame
        People with every block and confound and no outcome; may have no row.
    unlabelled_blocks : dict of str to DataFrame
        Their raw features.
    """

    cohort: pd.DataFrame
    blocks: Mapping[str, pd.DataFrame]
    unlabelled: pd.DataFrame
    unlabelled_blocks: Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Fold:
    """One training fold and its test people.

    Attributes
    ----------
    number : int
        Test fold, from 0.
    train, test : ndarray of int
        Positions in the analysed people.
    inputs : Inputs
        Blocks of all analysed people (n), fitted to the training ones.
    unlabelled : Inputs or None
        People without an outcome who are no relatives of a test person.
    inside : list of (train, test)
        Inner folds, positions in the training people.
    problem : str
        Why blocks before their projector could not be made; empty where they could.
    """

    number: int
    train: np.ndarray
    test: np.ndarray
    inputs: Inputs
    unlabelled: Inputs | None
    inside: Splits
    problem: str = ""


def make_folds(
    recipe: Recipe,
    people: People,
    folds: pd.Series,
    projections: Mapping[str, pd.DataFrame],
    y: np.ndarray,
) -> Iterator[Fold]:
    """Blocks of every fold in turn, so that one fold is in memory at a time.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    people : People
        Who is there.
    folds : Series (n,)
        Test fold of everybody.
    projections : mapping of str to DataFrame
        As `project_blocks` gives them.
    y : ndarray (n,)
        Outcome of the analysed people.
    """
    groups, others = codes_of(people, group_columns(recipe))
    kin, other_kin = codes_of(people, kin_columns(recipe))
    whole = any(card.rung.reads_features for card in recipe.rungs.values())
    there = {name: has_block(recipe, table) for name, table in people.blocks.items()}
    present = {name: has for name, has in there.items() if not has.all()}
    for number, (train, test) in enumerate(fold_splits(folds)):
        free = np.ones(len(people.unlabelled), dtype=bool)
        for own, beside in ((groups, others), (kin, other_kin)):
            if own is not None:
                free &= ~np.isin(beside, own[test])
        features, unlabelled, problem = {}, None, ""
        if whole:
            features, unlabelled, problem = all_features(recipe, people, train, free)
        empty = {n: np.empty((len(table), 0)) for n, table in people.blocks.items()}
        inputs = Inputs(
            blocks={n: projections[f"{n}-adjusted-{number}"].to_numpy() for n in people.blocks},
            features={n: values for n, (values, _) in features.items()} or empty,
            columns={n: names for n, (_, names) in features.items()} or {n: [] for n in empty},
            groups=groups,
            kin=kin,
            present=present,
        )
        if unlabelled is not None:
            unlabelled = replace(
                unlabelled,
                groups=None if others is None else others[free],
                kin=None if other_kin is None else other_kin[free],
            )
        yield Fold(number, train, test, inputs, unlabelled, inner_folds(recipe, y, groups, train),
                   problem)  # fmt: skip


def group_columns(recipe: Recipe) -> list[str]:
    """Column whose levels stay in one fold."""
    return [recipe.experiment.folds.group] if recipe.experiment.folds.group else []


def kin_columns(recipe: Recipe) -> list[str]:
    """Columns that say who is a relative or the same child; sites that are held out are neither."""
    experiment, visits = recipe.experiment, recipe.dataset.visits
    sites = experiment.folds.scheme in ("leave_site_out", "leave_groups_out")
    named = [
        None if sites else experiment.folds.group,
        experiment.cluster_column,
        None if visits is None else visits.subject,
    ]
    return [column for column in dict.fromkeys(named) if column]


def codes_of(people: People, columns: list[str]) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Whoever shares a level of any column, coded alike in both tables; None without columns."""
    if not columns:
        return None, None
    n = len(people.cohort)
    both = pd.concat([people.cohort[columns], people.unlabelled.reindex(columns=columns)])
    rows, nodes, offset = [], [], len(both)
    for column in columns:
        codes, levels = pd.factorize(both[column].astype(object))
        rows.append(np.arange(len(both)))
        nodes.append(np.where(codes < 0, np.arange(len(both)), codes + offset))
        offset += len(levels)
    rows, nodes = np.concatenate(rows), np.concatenate(nodes)
    graph = coo_array((np.ones(len(rows)), (rows, nodes)), shape=(offset, offset))
    labels = connected_components(graph, directed=False)[1][: len(both)]
    codes = pd.factorize(labels)[0]
    return codes[:n], codes[n:]


def all_features(
    recipe: Recipe, people: People, train: np.ndarray, free: np.ndarray
) -> tuple[dict[str, tuple[np.ndarray, list[str]]], Inputs | None, str]:
    """Every block before its projector, people without an outcome, and what went wrong.

    Where people without an outcome make it impossible (a site of their own with too few of them),
    the analysed people are tried alone.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    people : People
        Who is there.
    train : ndarray of int
        Positions of the training people.
    free : ndarray of bool
        Who of the people without an outcome may train.
    """
    for used in (free, np.zeros_like(free)):
        try:
            found = {n: fold_features(recipe, people, n, train, used) for n in people.blocks}
        except InputError as error:
            problem = error
            logger.warning("ladder: blocks before their projector: %s", error)
            if not free.any():
                break
            continue
        features = {n: (values, names) for n, (values, _, names) in found.items()}
        if not used.any():
            return features, None, ""
        present = {
            n: has[used]
            for n in people.blocks
            if not (has := has_block(recipe, people.unlabelled_blocks[n])).all()
        }
        unlabelled = Inputs(
            blocks={n: np.empty((int(used.sum()), 0)) for n in found},
            features={n: beside for n, (_, beside, _) in found.items()},
            columns={n: names for n, (_, _, names) in found.items()},
            present=present,
        )
        return features, unlabelled, ""
    return {}, None, public_reason(problem)


def fold_features(
    recipe: Recipe, people: People, name: str, train: np.ndarray, free: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """A block before its projector, confounds out, fitted to all training people.

    Training people without an outcome count: what is fitted here knows of no outcome.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    people : People
        Who is there.
    name : str
        Block.
    train : ndarray of int
        Positions of the training people.
    free : ndarray of bool
        Who of the people without an outcome may train.

    Returns
    -------
    analysed, others : ndarray
        One row per analysed person, and per free person without an outcome.
    columns : list of str
        Features that are left.
    """
    cohort, features = people.cohort, people.blocks[name]
    n = len(cohort)
    if free.any():
        beside = people.unlabelled[free]
        # A confound that none of them has is a gap of theirs, and still one of the analysed.
        cohort = pd.concat([cohort, beside.reindex(columns=cohort.columns)])
        features = pd.concat([features, people.unlabelled_blocks[name][free]])
    covariates = covariates_for(recipe, cohort)
    table = pd.concat([features, covariates], axis=1)
    rows = np.concatenate([train, np.arange(n, len(cohort))])
    transformer = build_transformer(recipe, name, covariates.columns, project=False)
    found = fit_present(transformer, table, rows, has_block(recipe, features), name)
    values = found.to_numpy(dtype=float)
    gaps = ~np.isfinite(values)
    if gaps.any():
        raise InputError(
            f"block '{name}' has {int(gaps.any(axis=0).sum())} features with gaps after its steps",
            column=str(found.columns[int(gaps.any(axis=0).argmax())]),
            remedy="Give the strategy a step `impute`: rungs on features cannot read gaps.",
        )
    return values[:n], values[n:], [str(c) for c in found.columns]
