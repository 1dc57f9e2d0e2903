"""Features of rivals of the analysed people, and what every fold sees of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.wide import StoredTable
from neurogenomics_kb.pipelines.integration.cohort import select_features
from neurogenomics_kb.pipelines.integration.design import covariates_for
from neurogenomics_kb.pipelines.integration.transformers import build_transformer
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL
from neurogenomics_kb.registry.recipe import Recipe

# Share of people without a rival's features from which on nothing is said of it.
MOST_WITHOUT = 0.10


@dataclass(frozen=True)
class RivalFeatures:
    """Features of one rival.

    Parameters
    ----------
    table : DataFrame
        Rows as in the cohort; empty where there are none to be had.
    without : str
        How many people have none, small counts as a bound.
    not_told : str
        Why there is no comparison.
    """

    table: pd.DataFrame
    without: str = "0"
    not_told: str = ""


def features_of(
    recipe: Recipe,
    rival: str,
    cohort: pd.DataFrame,
    features: Mapping[str, pd.DataFrame | StoredTable],
) -> RivalFeatures:
    """A rival's features of the analysed people; nobody leaves because of them.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    rival : str
        Its name in the recipe.
    cohort : DataFrame
        Analysed people.
    features : mapping of str to DataFrame or StoredTable
        Features by modality, rows as in the participants' table; of a table in a file, the rival's
        columns alone are read.
    """
    none = pd.DataFrame(index=cohort.index)
    strategy = recipe.rivals[rival].strategy
    table = features[strategy.modality]
    if table.shape[1] == 0:
        return RivalFeatures(
            none, not_told=f"cohort '{recipe.cohort}' has no {strategy.modality} features"
        )
    try:
        own = select_features(table, strategy, recipe.gene_sets.get(strategy.gene_set or ""))
    except InputError:
        named = listing(strategy.groups)
        return RivalFeatures(none, not_told=f"{strategy.modality} features hold no {named}")
    own = own.reindex(cohort.index)
    missing = int(own.isna().all(axis=1).sum())
    told = say_number(missing)
    if missing > MOST_WITHOUT * len(own):
        return RivalFeatures(
            none, told, f"{told} of {len(own)} people have no features of {rival}"
        )  # fmt: skip
    return RivalFeatures(own, told)


def say_number(people: int) -> str:
    """A number of people that may be published."""
    return f"fewer than {MINIMUM_CELL}" if 0 < people < MINIMUM_CELL else str(people)


def project_rival(
    recipe: Recipe, rival: str, cohort: pd.DataFrame, features: pd.DataFrame, train: np.ndarray
) -> np.ndarray:
    """A rival as one fold sees it, in the place of its block and adjusted as that is.

    Fitted on the training people who have features; whoever has none gets their mean.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    rival : str
        Its name in the recipe.
    cohort : DataFrame
        Analysed people.
    features : DataFrame
        Of the rival, rows as in `cohort`.
    train : ndarray of int
        Positions of the training people.

    Raises
    ------
    InputError
        If the strategy cannot be fitted, for instance because no feature varies.
    """
    stand_in, of = recipe.in_place(rival), recipe.rivals[rival].of
    covariates = covariates_for(stand_in, cohort)
    table = pd.concat([features, covariates], axis=1)
    there = features.notna().any(axis=1).to_numpy()
    trained = train[there[train]]
    transformer = build_transformer(stand_in, of, covariates.columns).fit(table.iloc[trained])
    known = transformer.transform(table[there])
    projected = np.empty((len(table), known.shape[1]))
    projected[there] = known.to_numpy()
    projected[~there] = projected[trained].mean(axis=0)
    return projected
