"""All confirmatory tests of a run as one family, asked in an order of three tiers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.base import Claims
from neurogenomics_kb.pipelines.integration.analyses.prediction.predict import models_of
from neurogenomics_kb.pipelines.integration.analyses.prediction.score import (
    references_of,
    usual_comparison,
)
from neurogenomics_kb.pipelines.integration.tables import TESTS
from neurogenomics_kb.pipelines.view import standing_of
from neurogenomics_kb.registry.cards.primary import PrimaryComparison, PrimaryTest
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.inference.multiplicity import adjust, gatekeep

STATEMENT = (
    "The family is every p-value of canonical correlations (in sample and held out), model "
    "comparisons, models over their rivals, the ladder's choice and rungs, leave-one-out "
    "attribution, partial associations, spatial correlations, and axes and blocks in words in "
    "this run; diagnostics of assumptions and audit are not claims and stand outside. Tests are "
    "asked in three tiers: primary ones (named by the experiment before the run), secondary ones "
    "(held-out correlations, first components of other pairs, blocks over covariates and over "
    "rivals), exploratory ones. A tier is tested by truncated Holm, the last by Holm, and hands "
    "on what its rejections leave of the level (Dmitrienko, Tamhane & Wiens 2008); p over the run"
    " is the smallest level of the whole family at which a claim stands. q is Benjamini and "
    "Yekutieli's over all tests. Both hold under any dependence between the tests. In brackets, "
    "the 95 % Monte-Carlo interval of permutation p-values; a claim is undecided where that of "
    "its p over the run holds alpha."
)
TIERS = ("primary", "secondary", "exploratory")
MADE = ("p_run", "p_run_low", "p_run_high", "q_run", "standing")


def collect_tests(
    recipe: Recipe, tables: Iterable[tuple[str, Claims, pd.DataFrame]]
) -> pd.DataFrame:
    """Every claim a run could make, adjusted over the whole run.

    Each p-value that enters is valid for its own null hypothesis (closed ones over components are
    larger than that), so gatekeeping over the tiers controls the family-wise error of the run and
    Benjamini–Yekutieli its false discovery rate whatever the dependence.

    Parameters
    ----------
    recipe : Recipe
        Names the primary tests.
    tables : iterable of (str, Claims, DataFrame)
        Name of an analysis, what it claims, and the table that the claims are rows of.

    Returns
    -------
    DataFrame
        `TESTS`, tier by tier, in each the smallest p over the run first.
    """
    lines = [
        line for name, claims, table in tables for line in _claims(recipe, name, claims, table)
    ]
    tests = pd.DataFrame(lines, columns=[n for n in TESTS.names if n not in MADE])
    tier = tests["tier"].map(TIERS.index).astype(int)
    for end in ("", "_low", "_high"):
        tests[f"p_run{end}"] = gatekeep(tests[f"p_entered{end}"].astype(float), tier)
    tests["q_run"] = adjust(tests["p_entered"], "fdr_by")
    tests["standing"] = [
        standing_of(*ps, recipe.experiment.alpha)
        for ps in tests[["p_run", "p_run_low", "p_run_high"]].itertuples(index=False)
    ]
    order = tests.assign(tier=tier).sort_values(["tier", "p_run"], kind="stable").index
    return tests.loc[order, list(TESTS.names)].reset_index(drop=True)


def _claims(recipe: Recipe, name: str, claims: Claims, table: pd.DataFrame) -> list[dict]:
    """Tests of one table; those that could not be made, or are no claims, are left out."""
    entering = claims.entering
    known = table[table[entering].notna() & table[claims.p_adjusted].notna()]
    rows = known.to_dict("records")
    primary = {
        found
        for test in recipe.experiment.primary_tests
        if test.test == claims.source
        and (found := _place(wanted(recipe, claims, test), rows)) is not None
    }
    return [
        {
            "analysis": name,
            "source": claims.source,
            "test": claims.label.format(**row),
            "tier": TIERS[0 if i in primary else 1 if claims.secondary(recipe, row) else 2],
            "p_raw": row[claims.p_raw] if claims.p_raw else np.nan,
            "p_adjusted": row[claims.p_adjusted],
            "adjustment": claims.adjustment,
            "p_entered": row[entering],
            # What no permutation gave has no Monte-Carlo error.
            "p_entered_low": row.get(f"{entering}_low", row[entering]),
            "p_entered_high": row.get(f"{entering}_high", row[entering]),
        }
        for i, row in enumerate(rows)
    ]


def wanted(recipe: Recipe, claims: Claims, test: PrimaryTest) -> dict[str, Any]:
    """Values by column of a primary test, those filled that the experiment leaves out.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    claims : Claims
        Claims among which it is.
    test : PrimaryTest
        As the experiment names it.
    """
    return {**claims.usual(recipe), **test.columns}


def _place(columns: Mapping[str, Any], rows: list[dict]) -> int | None:
    """The first row with these values."""
    fitting = (
        i for i, row in enumerate(rows) if all(row[name] == v for name, v in columns.items())
    )
    return next(fitting, None)


def refuse_unknown_primary(recipe: Recipe) -> None:
    """Refuse a primary comparison that the prediction does not make, before anything runs.

    Raises
    ------
    InputError
    """
    blocks = list(recipe.blocks)
    made = [(m, r) for m in models_of(blocks) for r in references_of(m, blocks)]
    for test in recipe.experiment.primary or []:
        if not isinstance(test, PrimaryComparison):
            continue
        named = {**usual_comparison(recipe), **test.columns}
        if (named["model"], named["reference"]) not in made:
            raise InputError(
                f"{named['model']} is not compared with {named['reference']}",
                file=f"experiment '{recipe.experiment.id}'",
                column="primary",
                remedy=f"Compared are {'; '.join(f'{m} over {r}' for m, r in made)}.",
            )
