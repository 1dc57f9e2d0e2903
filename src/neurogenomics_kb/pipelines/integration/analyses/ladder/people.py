"""Blocks as rungs see them in each fold: projected, and before the projector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.design import covariates_for
from neurogenomics_kb.pipelines.integration.incomplete import fit_present, has_block
from neurogenomics_kb.pipelines.integration.transformers import build_transformer
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.ladder.inputs import Inputs, Splits
from neurogenomics_kb.stats.ladder.selection import unrelated
from neurogenomics_kb.stats.prediction.folds import fold_splits, inner_splits


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
    """

    number: int
    train: np.ndarray
    test: np.ndarray
    inputs: Inputs
    unlabelled: Inputs | None
    inside: Splits


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
    groups, others = group_codes(recipe, people)
    whole = any(card.rung.reads_features for card in recipe.rungs.values())
    there = {name: has_block(table) for name, table in people.blocks.items()}
    present = {name: has for name, has in there.items() if not has.all()}
    for number, (train, test) in enumerate(fold_splits(folds)):
        free = np.ones(len(people.unlabelled), dtype=bool)
        if others is not None:
            free = ~np.isin(others, groups[test])
        features, columns, beside = {}, {}, {}
        for name, table in people.blocks.items():
            if whole:
                features[name], beside[name], columns[name] = fold_features(
                    recipe, people, name, train, free
                )
            else:
                features[name], columns[name] = np.empty((len(table), 0)), []
        inputs = Inputs(
            blocks={n: projections[f"{n}-adjusted-{number}"].to_numpy() for n in people.blocks},
            features=features,
            columns=columns,
            groups=groups,
            present=present,
        )
        unlabelled = None
        if whole and free.any():
            unlabelled = Inputs(
                blocks={n: np.empty((int(free.sum()), 0)) for n in beside},
                features=beside,
                columns=columns,
                groups=None if others is None else others[free],
                present={
                    n: has[free]
                    for n in beside
                    if not (has := has_block(people.unlabelled_blocks[n])).all()
                },
            )
        inside = inner_splits(
            y[train],
            None if groups is None else groups[train],
            seed=recipe.experiment.seed,
            continuous=recipe.continuous,
        )
        outside = unrelated(unlabelled, None if groups is None else groups[test])
        yield Fold(number, train, test, inputs, outside, inside)


def group_codes(recipe: Recipe, people: People) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Families of the analysed people and of the others, coded alike; None where there are none."""
    column = recipe.experiment.folds.group
    if column is None:
        return None, None
    n = len(people.cohort)
    labels = [*people.cohort[column], *people.unlabelled.get(column, [])]
    codes = pd.factorize(pd.Series(labels, dtype=object))[0]
    return codes[:n], codes[n:]


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
    n, cohort = len(people.cohort), people.cohort
    features = people.blocks[name]
    if len(people.unlabelled):
        cohort = pd.concat([cohort, people.unlabelled], join="inner")
        features = pd.concat([features, people.unlabelled_blocks[name]])
    covariates = covariates_for(recipe, cohort)
    table = pd.concat([features, covariates], axis=1)
    rows = np.concatenate([train, n + np.flatnonzero(free)])
    transformer = build_transformer(recipe, name, covariates.columns, project=False)
    found = fit_present(transformer, table, rows, has_block(features))
    values = found.to_numpy(dtype=float)
    gaps = ~np.isfinite(values)
    if gaps.any():
        raise InputError(
            f"block '{name}' has {int(gaps.any(axis=0).sum())} features with gaps after its steps",
            column=str(found.columns[int(gaps.any(axis=0).argmax())]),
            subjects=int(gaps.any(axis=1).sum()),
            of=len(values),
            remedy="Give the strategy a step `impute`: rungs on features cannot read gaps.",
        )
    return values[:n], values[n:][free], [str(c) for c in found.columns]
