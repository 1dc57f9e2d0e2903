"""Compare two models on the same folds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.prediction.classes import (
    compare_classes_once,
    macro_scores,
)
from neurogenomics_kb.pipelines.integration.design import clusters_of
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.prediction import metrics
from neurogenomics_kb.stats.prediction.locked import locked_auc_difference, locked_r2_difference
from neurogenomics_kb.stats.prediction.resampling import (
    Alternative,
    FoldDifference,
    corrected_resampled_t,
)
from neurogenomics_kb.stats.roc import fold_aucs

SUBJECT_IN_FOLD = "fold"


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of a model by fold and person, which are the same for every model."""
    index = frame.index.name
    return frame.reset_index().sort_values([SUBJECT_IN_FOLD, index]).set_index(index)


def compare(
    recipe: Recipe, cohort: pd.DataFrame, a: pd.DataFrame, b: pd.DataFrame
) -> FoldDifference:
    """Does the first model beat the second? One-sided corrected resampled t-test over the folds.

    One-sided, since a model with a useless part is truly a little worse, which is no finding. A
    single test set (later enrolments) gives no folds: there the fitted models are compared on its
    subjects, families summed.
    """
    if recipe.experiment.folds.scheme != "temporal":
        gaps = fold_scores(recipe, a) - fold_scores(recipe, b)
        return compare_gaps(recipe, gaps, alternative="greater")
    a, b = in_order(a), in_order(b)
    options = {"clusters": clusters_of(recipe, cohort, a), "alternative": "greater"}
    if recipe.multiclass:
        return compare_classes_once(a, b, **options)
    if recipe.continuous:
        mean = a["training_mean"].iloc[0]
        return locked_r2_difference(a["outcome"], a["score"], b["score"], mean, **options)
    return locked_auc_difference(a["outcome"], a["score"], b["score"], **options)


def compare_gaps(
    recipe: Recipe, gaps: np.ndarray, *, alternative: Alternative = "two-sided"
) -> FoldDifference:
    """Corrected resampled t-test of differences (repeats, K) of the primary metric."""
    largest = np.inf if recipe.continuous else 1.0
    return corrected_resampled_t(gaps, largest=largest, alternative=alternative)


def fold_scores(recipe: Recipe, frame: pd.DataFrame) -> np.ndarray:
    """Primary metric inside every test fold (repeats, K); scores of folds are never pooled."""
    if recipe.continuous:
        return over_repeats(frame, fold_r2(frame))
    frame = in_order(frame)
    if recipe.multiclass:
        return over_repeats(frame, macro_scores(frame))
    outcome = frame["outcome"].to_numpy() == frame["outcome"].max()
    found = fold_aucs(outcome, frame["score"].to_numpy(), frame["fold"].to_numpy())
    return over_repeats(frame, found)


def over_repeats(frame: pd.DataFrame, values: np.ndarray) -> np.ndarray:
    """Values of folds, whose numbers go on over repeats, as (repeats, K)."""
    return values.reshape(frame["repeat"].nunique(), -1)


def fold_r2(frame: pd.DataFrame) -> np.ndarray:
    """Held-out R² of every fold."""
    return np.array(
        [
            metrics.held_out_r2(
                f["outcome"].to_numpy(), f["score"].to_numpy(), f["training_mean"].iloc[0]
            )
            for _, f in frame.groupby("fold")
        ]
    )
