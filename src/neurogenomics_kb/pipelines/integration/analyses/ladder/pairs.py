"""Do a person's blocks find each other among people of the same site and ancestry?"""

from __future__ import annotations

import itertools
import logging

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.ladder.climb import Climbed
from neurogenomics_kb.pipelines.integration.analyses.ladder.tables import RETRIEVAL
from neurogenomics_kb.pipelines.integration.design import (
    ancestry_columns,
    site_columns,
)
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.ladder.retrieval import join_labels, retrieval

logger = logging.getLogger(__name__)

# Groups of people by the first component of ancestry, as many as leave enough of each.
SHARES = 3
FOLD = "test fold"


def find_pairs(recipe: Recipe, cohort: pd.DataFrame, climbed: Climbed) -> pd.DataFrame:
    """Recall of held-out pairs of every rung that has a common space.

    Spaces of folds differ, so a bin lies inside one test fold.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Analysed people.
    climbed : Climbed
        What the folds gave.

    Returns
    -------
    DataFrame
        `RETRIEVAL`; a rung whose bins are too small is left out, and the log says so.
    """
    rows = []
    for name, parts in climbed.embedded.items():
        tests, spaces, kin = zip(*parts, strict=True)
        own = cohort.iloc[np.concatenate(tests)]
        fold = np.repeat(np.arange(len(parts)), [len(test) for test in tests])
        bins, words = bins_of(recipe, own, fold)
        families = None if kin[0] is None else np.concatenate(kin)
        for x, y in itertools.combinations(spaces[0], 2):
            left, right = (np.vstack([space[side] for space in spaces]) for side in (x, y))
            both = (np.abs(left).sum(axis=1) > 0) & (np.abs(right).sum(axis=1) > 0)
            try:
                found = retrieval(
                    left[both],
                    right[both],
                    bins=bins[both],
                    groups=None if families is None else families[both],
                    n_permutations=recipe.experiment.n_permutations,
                    seed=recipe.experiment.seed,
                )
            except InputError as error:
                logger.warning("ladder: pairs of %s and %s were not looked for: %s", x, y, error)
                continue
            rows += [
                {
                    "rung": name, "x": x, "y": y, "k": line.k, "recall": line.recall,
                    "chance": line.chance, "p_raw": line.p_value, "bins": words,
                    "n_permutations": found.n_permutations,
                }
                for line in found.table.itertuples()
            ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(RETRIEVAL.names))


def bins_of(recipe: Recipe, people: pd.DataFrame, fold: np.ndarray) -> tuple[np.ndarray, str]:
    """One label per combination of fold, site and ancestry, and what they are in words.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    people : DataFrame
        Held-out people.
    fold : ndarray of int (n,)
        Test fold of each.
    """
    labels, words = [fold], [FOLD]
    for name in site_columns(recipe, people):
        labels.append(people[name].astype(str).to_numpy())
        words.append(name)
    first = ancestry_columns(people)[:1]
    if first:
        shares = people[first[0]].rank(pct=True, method="first")
        labels.append(np.ceil(shares * SHARES).fillna(0).astype(int).to_numpy())
        words.append(f"thirds of {first[0]}")
    return join_labels(*labels), ", ".join(words)
