"""Lines of the table of rivals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.prediction.predict import (
    COVARIATES,
    with_covariates,
)
from neurogenomics_kb.pipelines.integration.analyses.rivals.features import RivalFeatures
from neurogenomics_kb.pipelines.integration.analyses.rivals.tables import RIVALS
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.registry.rivals import TWINS
from neurogenomics_kb.stats.prediction.power import smallest_difference
from neurogenomics_kb.stats.prediction.resampling import FoldDifference

ADJUSTMENT = "Holm over the claims of the table"
RIVAL, TWIN = "rival", "twin"


def row_of(
    recipe: Recipe,
    name: str,
    algorithm: str,
    features: RivalFeatures,
    tests: dict[str, FoldDifference] | str,
    seconds: float,
) -> dict[str, Any]:
    """One line of the table."""
    rival = recipe.rivals[name]
    told = {} if isinstance(tests, str) else numbers_of(recipe, tests[algorithm])
    return {
        **blank(recipe, rival.of, name, rival.kind, algorithm),
        **told,
        "without": features.without,
        "not_told": tests if isinstance(tests, str) else "",
        "seconds": seconds,
    }


def blank(recipe: Recipe, block: str, rival: str, kind: str, algorithm: str) -> dict[str, Any]:
    """A line without numbers."""
    return {
        **dict.fromkeys(RIVALS.names, np.nan),
        "block": block,
        "encoder": recipe.blocks[block].encoder,
        "rival": rival,
        "kind": kind,
        "algorithm": algorithm,
        "metric": recipe.primary_metric,
        "adjustment": ADJUSTMENT,
        "without": "0",
        "not_told": "",
    }


def numbers_of(recipe: Recipe, test: FoldDifference) -> dict[str, float]:
    """What a comparison gives."""
    return {
        "difference": test.difference,
        "ci_low": test.ci[0],
        "ci_high": test.ci[1],
        "df": test.df,
        "p_raw": test.p_value,
        "smallest_difference": smallest_difference(test.se, test.df, recipe.experiment.alpha),
    }


def covariate_rows(
    recipe: Recipe, block: str, comparisons: pd.DataFrame, algorithms: list[str]
) -> list[dict[str, Any]]:
    """What the block adds to the covariates alone, as the prediction found it."""
    rows = comparisons[
        (comparisons["model"] == with_covariates(block))
        & (comparisons["reference"] == COVARIATES)
        & (comparisons["variant"] == "adjusted")
        & comparisons["algorithm"].isin(algorithms)
    ]
    out = []
    for r in rows.itertuples():
        se = r.difference / r.t if r.t else np.nan
        out.append(
            {
                **blank(recipe, block, COVARIATES, COVARIATES, r.algorithm),
                **{c: getattr(r, c) for c in ("difference", "ci_low", "ci_high", "df", "p_raw")},
                "smallest_difference": smallest_difference(se, r.df, recipe.experiment.alpha),
                "seconds": 0.0,
            }
        )
    return out


def hardest(rows: list[dict[str, Any]], block: str, algorithm: str) -> dict[str, Any] | None:
    """The twin that a block adds least surely to, which stands for all of them.

    The largest p over the seeds is a valid p for "it does not add to every twin" (an
    intersection–union test), and needs no correction for their number. An average of the twins'
    scores would ask less: whether the block adds to the usual twin.
    """
    own = [
        row
        for row in rows
        if (row["block"], row["algorithm"], row["kind"]) == (block, algorithm, TWIN)
    ]
    if not own:
        return None
    worst = max(own, key=lambda r: (r["not_told"] != "", _last(r["p_raw"])))
    seconds = sum(row["seconds"] for row in own)
    return {**worst, "kind": TWINS, "rival": TWINS, "seconds": seconds}


def _last(p: float) -> float:
    """A p-value to sort by; one that is not defined decides against the block."""
    return 1.0 if np.isnan(p) else p
