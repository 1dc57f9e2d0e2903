"""Whether a model earned its place: it adds to every rival, its twins and the covariates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.twins import NO_WEIGHTS
from neurogenomics_kb.pipelines.integration.analyses.prediction import ANALYSIS as PREDICTION
from neurogenomics_kb.pipelines.integration.analyses.prediction.predict import (
    COVARIATES,
    with_covariates,
)
from neurogenomics_kb.pipelines.integration.analyses.rivals.compete import blocks_with_encoders
from neurogenomics_kb.pipelines.integration.analyses.rivals.lines import TWIN
from neurogenomics_kb.pipelines.integration.analyses.rivals.tables import VERDICTS
from neurogenomics_kb.pipelines.integration.design import first_algorithm
from neurogenomics_kb.pipelines.view import STANDS
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.registry.rivals import TWINS

SOURCE = "adds to the rival"
LABEL = "{block} adds to {rival}, {algorithm}"
SHOWN, NOT_SHOWN, NOT_TOLD = "shown", "not shown", "not told"


def judge_models(
    recipe: Recipe, cohort: pd.DataFrame, rivals: pd.DataFrame, tests: pd.DataFrame
) -> pd.DataFrame:
    """Verdict on the encoder of every block, by the first algorithm and over the run.

    Each comparison must stand over the family of the run. One that was made and does not stand
    decides against the model whatever the others say; one that could not be made decides nothing,
    and neither then does the model.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Analysed people.
    rivals : DataFrame
        Table of the comparisons.
    tests : DataFrame
        Family of the run.
    """
    algorithm = first_algorithm(recipe)
    standing = {(t.source, t.test): t.standing == STANDS for t in tests.itertuples()}
    rows = []
    for block in blocks_with_encoders(recipe):
        own = rivals[
            (rivals["block"] == block)
            & (rivals["algorithm"] == algorithm)
            & (rivals["kind"] != TWIN)
        ]
        if own.empty:
            continue
        encoder = recipe.blocks[block].encoder
        rows.append(
            {
                "block": block,
                "model": encoder,
                "strategy": recipe.blocks[block].id,
                **verdict_of(recipe, block, own.to_dict("records"), standing),
                "metric": recipe.primary_metric,
                "n_subjects": len(cohort),
                "licence": recipe.weights_licences.get(encoder, licence_of(recipe, block)),
            }
        )
    return pd.DataFrame(rows, columns=list(VERDICTS.names))


def verdict_of(
    recipe: Recipe,
    block: str,
    rows: list[dict[str, Any]],
    standing: dict[tuple[str, str], bool],
) -> dict[str, Any]:
    """Verdict, reason and the smallest difference that could have been seen."""
    told = [row for row in rows if not row["not_told"]]
    fails = [row for row in told if not stands(row, standing)]
    gaps = [f"{row['rival']}: {row['not_told']}" for row in rows if row["not_told"]]
    reason = recipe.no_twins.get(block, "")
    if reason and reason != NO_WEIGHTS:
        gaps.append(f"{TWINS}: {reason}")
    if all(row["kind"] == COVARIATES for row in rows):
        gaps.append("there is no rival of its modality")
    if fails:
        names = ", ".join(row["rival"] for row in fails)
        return _verdict(NOT_SHOWN, f"does not demonstrably add to {names}", fails)
    if gaps:
        return _verdict(NOT_TOLD, "; ".join(gaps), told)
    return _verdict(SHOWN, "", told)


def stands(row: dict[str, Any], standing: dict[tuple[str, str], bool]) -> bool:
    """Whether a comparison stands over the run; that with the covariates is the prediction's."""
    if row["kind"] == COVARIATES:
        (claims,) = PREDICTION.claims
        named = {"model": with_covariates(row["block"]), "reference": COVARIATES}
        test = claims.label.format(**named, algorithm=row["algorithm"])
        return standing.get((claims.source, test), False)
    return standing.get((SOURCE, LABEL.format(**row)), False)


def licence_of(recipe: Recipe, block: str) -> str:
    """What there is to say where a card states no terms of weights."""
    return "no weights" if recipe.no_twins.get(block) == NO_WEIGHTS else "not stated"


def _verdict(verdict: str, reason: str, rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    sizes = [row["smallest_difference"] for row in rows]
    known = [size for size in sizes if np.isfinite(size)]
    return {
        "verdict": verdict,
        "reason": reason,
        "smallest_difference": max(known, default=np.nan),
    }
