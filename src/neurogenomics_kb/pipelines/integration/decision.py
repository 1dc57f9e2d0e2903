"""The escalation rule: stay with late fusion unless fusion beats every single block."""

from __future__ import annotations

from typing import Any

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.prediction.predict import FUSION
from neurogenomics_kb.pipelines.integration.design import first_algorithm
from neurogenomics_kb.registry.recipe import Recipe

RULE = (
    "Stay at late fusion unless fusion beats every single block (corrected resampled t over folds, "
    "one-sided p < {alpha:g} against each, so the largest p decides); then try two-tower "
    "contrastive alignment, stacking, and hub tokens, in this order."
)


def decide_escalation(recipe: Recipe, comparisons: pd.DataFrame) -> dict[str, Any]:
    """Evaluate the rule on the experiment's first algorithm.

    Returns
    -------
    dict
        ``escalate``, ``next_stage``, the rule in words and its inputs.
    """
    experiment = recipe.experiment
    algorithm = first_algorithm(recipe)
    rows = comparisons[
        (comparisons["model"] == FUSION)
        & (comparisons["algorithm"] == algorithm)
        & (comparisons["variant"] == "adjusted")
        & comparisons["reference"].isin(list(recipe.blocks))
    ]
    inputs = [
        {
            "reference": row.reference,
            "difference": float(row.difference),
            "p_raw": float(row.p_raw),
        }
        for row in rows.itertuples()
    ]
    wins = bool(inputs) and all(
        i["difference"] > 0 and i["p_raw"] < experiment.alpha for i in inputs
    )
    largest = max((i["p_raw"] for i in inputs), default=None)
    return {
        "rule": RULE.format(alpha=experiment.alpha),
        "stage": "late_fusion",
        "escalate": wins,
        "next_stage": "two_tower_contrastive" if wins else "late_fusion",
        "algorithm": algorithm,
        "p_raw": largest,
        "inputs": inputs,
    }
