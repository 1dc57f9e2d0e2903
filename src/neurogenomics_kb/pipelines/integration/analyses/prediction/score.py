"""Score out-of-fold predictions, and compare models on the same folds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.prediction.classes import score_classes
from neurogenomics_kb.pipelines.integration.analyses.prediction.compare import (
    compare,
    fold_r2,
    in_order,
)
from neurogenomics_kb.pipelines.integration.analyses.prediction.predict import (
    COVARIATES,
    FUSION,
    models_of,
    with_covariates,
)
from neurogenomics_kb.pipelines.integration.analyses.prediction.tables import COMPARISONS, METRICS
from neurogenomics_kb.pipelines.integration.design import clusters_of, first_algorithm
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.inference.multiplicity import adjust
from neurogenomics_kb.stats.prediction import metrics
from neurogenomics_kb.stats.prediction.bootstrap import bootstrap_folds
from neurogenomics_kb.stats.prediction.bounds import AT_MOST_ONE, POSITIVE
from neurogenomics_kb.stats.prediction.resampling import fold_mean_interval
from neurogenomics_kb.stats.roc import cv_auc

ADJUSTMENT = "Holm over the table"


def score_models(
    recipe: Recipe, cohort: pd.DataFrame, predictions: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Metrics with intervals, and paired comparisons over folds.

    Returns
    -------
    metrics, comparisons : DataFrame
    """
    keys = ["model", "variant", "algorithm"]
    by_model = dict(list(predictions.groupby(keys, sort=False)))
    score = score_continuous if recipe.continuous else score_binary
    if recipe.multiclass:
        score = score_several
    refuse_unequal_subjects(by_model)
    rows = []
    for key, frame in by_model.items():
        n = frame.index.nunique()
        for row in score_repeats(score, recipe, cohort, frame):
            rows.append({**dict(zip(keys, key, strict=True)), "n": n, **row})
    comparisons = []
    for (model, variant, algorithm), frame in by_model.items():
        if variant != "adjusted":
            continue
        for reference in references_of(model, list(recipe.blocks)):
            other = by_model.get((reference, variant, algorithm))
            if other is None:
                continue
            test = compare(recipe, cohort, frame, other)
            comparisons.append(
                {
                    "model": model,
                    "reference": reference,
                    "variant": variant,
                    "algorithm": algorithm,
                    "metric": recipe.primary_metric,
                    "difference": test.difference,
                    "ci_low": test.ci[0],
                    "ci_high": test.ci[1],
                    "t": test.t,
                    "df": test.df,
                    "p_raw": test.p_value,
                    "adjustment": ADJUSTMENT,
                }
            )
    table = pd.DataFrame(comparisons, columns=list(COMPARISONS.names))
    table["p_adjusted"] = adjust(table["p_raw"], "holm")
    return pd.DataFrame(rows, columns=list(METRICS.names)), table


def score_repeats(score, recipe: Recipe, cohort: pd.DataFrame, frame: pd.DataFrame) -> list[dict]:
    """Metrics of a model, mean of the repeats of its folds.

    An interval is the mean of the repeats' intervals, end by end: all repeats share the people, so
    that their mean is hardly surer than one of them.
    """
    repeats = [score(recipe, cohort, one) for _, one in frame.groupby("repeat")]
    if len(repeats) == 1:
        return repeats[0]
    table = pd.DataFrame([row for rows in repeats for row in rows])
    told = {"value": "mean", "ci_low": "mean", "ci_high": "mean", "method": "first"}
    found = table.groupby(["metric", "level"], sort=False).agg(told).reset_index()
    found["method"] += f"; mean of {len(repeats)} repeats"
    return found.to_dict("records")


def refuse_unequal_subjects(by_model: dict) -> None:
    """Every model must have predicted the same subjects in the same folds."""
    first = None
    for key, frame in by_model.items():
        placed = in_order(frame)["fold"]
        if first is not None and not placed.equals(first):
            raise InputError(
                f"model {key} was tested on other subjects or folds than the first model",
                remedy="Run the prediction again from the folds on.",
            )
        first = placed if first is None else first


def references_of(model: str, blocks: list[str]) -> list[str]:
    """Models that a model is tested against.

    Whether a block adds to the covariates is asked with the covariates on both sides. A block alone
    against the covariates alone is not tested: the block had the covariates regressed out, so the
    two differ even where the block carries nothing.
    """
    joint = [with_covariates(block) for block in blocks]
    if model == FUSION:
        return blocks
    if model == with_covariates(FUSION):
        return [COVARIATES, *joint]
    return [COVARIATES] if model in joint else []


def usual_comparison(recipe: Recipe) -> dict[str, str]:
    """All that there is over the covariates, by the first algorithm."""
    *_, everything = models_of(recipe.blocks)
    return {
        "model": everything,
        "reference": COVARIATES,
        "algorithm": first_algorithm(recipe),
    }


def score_continuous(recipe: Recipe, cohort: pd.DataFrame, frame: pd.DataFrame) -> list[dict]:
    """Held-out R² and mean absolute error, fold by fold."""
    errors = np.array(
        [
            metrics.mean_absolute_error(f["outcome"].to_numpy(), f["score"].to_numpy())
            for _, f in frame.groupby("fold")
        ]
    )
    rows = []
    for name, values, bounds, scale in (
        ("r2", fold_r2(frame), AT_MOST_ONE, "log of 1 − R²"),
        ("mae", errors, POSITIVE, "log scale"),
    ):
        if len(values) == 1:
            nan = float("nan")
            rows.append(metric_row(name, float(values[0]), nan, nan, "one locked test set"))
            continue
        value, low, high = fold_mean_interval(values, bounds=bounds)
        rows.append(metric_row(name, value, low, high, f"corrected t over folds, {scale}"))
    return rows


def score_binary(recipe: Recipe, cohort: pd.DataFrame, frame: pd.DataFrame) -> list[dict]:
    """AUROC and AUPRC inside folds; calibration of the pooled probabilities."""
    y, score = frame["outcome"].to_numpy(), frame["score"].to_numpy()
    fold = frame["fold"].to_numpy()
    clusters = clusters_of(recipe, cohort, frame)
    n_features = float(frame["n_features"].mean())
    auc = cv_auc(y, score, fold, clusters=clusters, n_features=n_features)
    auprc = bootstrap_folds(
        metrics.average_precision, y, score, fold, clusters=clusters, chance=float(y.mean()),
        n_features=n_features, random_state=recipe.experiment.seed,
    )  # fmt: skip
    slope, intercept = metrics.calibration_line(y, score, clusters=clusters)
    brier = metrics.brier_interval(
        y, score, clusters=clusters, n_folds=frame["fold"].nunique(), n_features=n_features
    )
    nan = float("nan")
    bins = f"pooled, {metrics.N_BINS} bins of equal size"
    resampled = "; ".join(filter(None, ["bootstrap inside folds", auprc.note]))
    return [
        metric_row("auroc", auc.auc, *auc.ci, "influence curve, folds averaged"),
        metric_row("auprc", auprc.value, auprc.low, auprc.high, resampled),
        metric_row("prevalence", float(y.mean()), nan, nan, "baseline of AUPRC"),
        metric_row("brier", brier.value, brier.low, brier.high, "pooled"),
        metric_row("calibration_slope", slope.value, slope.low, slope.high, "pooled, ideal 1"),
        metric_row(
            "calibration_intercept", intercept.value, intercept.low, intercept.high,
            "pooled, ideal 0",
        ),
        metric_row("ece", metrics.expected_calibration_error(y, score), nan, nan, bins),
        metric_row(
            "ece_if_calibrated",
            metrics.expected_error_if_calibrated(score, random_state=recipe.experiment.seed),
            nan, nan, f"{bins}; what exact probabilities would show",
        ),
    ]  # fmt: skip


def score_several(recipe: Recipe, cohort: pd.DataFrame, frame: pd.DataFrame) -> list[dict]:
    """AUROC of one class against the rest and its mean, balanced accuracy and Brier."""
    return score_classes(frame, clusters_of(recipe, cohort, frame))


def metric_row(metric: str, value: float, low: float, high: float, method: str) -> dict:
    """One line of the metrics table."""
    return {
        "metric": metric,
        "level": "",
        "value": value,
        "ci_low": low,
        "ci_high": high,
        "method": method,
    }
