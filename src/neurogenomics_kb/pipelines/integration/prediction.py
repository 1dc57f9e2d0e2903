"""Predict the outcome from covariates, each block, and their fusion, on the same folds."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.pipelines.integration.canonical import cluster_labels
from neurogenomics_kb.pipelines.integration.classes import (
    class_codes,
    compare_classes,
    predicted_classes,
    refuse_rare_classes,
    score_classes,
)
from neurogenomics_kb.registry.cards.predictors import PREDICTORS
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.inference.multiplicity import adjust
from neurogenomics_kb.stats.prediction import metrics
from neurogenomics_kb.stats.prediction.bootstrap import bootstrap_folds
from neurogenomics_kb.stats.prediction.folds import fold_splits, inner_splits
from neurogenomics_kb.stats.prediction.locked import locked_auc_difference, locked_r2_difference
from neurogenomics_kb.stats.prediction.predictors import fit_predictor, predict_score
from neurogenomics_kb.stats.prediction.resampling import (
    corrected_resampled_t,
    fold_mean_interval,
)
from neurogenomics_kb.stats.roc import cv_auc, cv_auc_difference

logger = logging.getLogger(__name__)

PREDICTION_COLUMNS = [
    "model", "variant", "algorithm", "fold", "outcome", "score", "training_mean", "n_features",
]  # fmt: skip
METRIC_COLUMNS = [
    "model",
    "variant",
    "algorithm",
    "metric",
    "value",
    "ci_low",
    "ci_high",
    "method",
    "n",
]
COMPARISON_COLUMNS = [
    "model", "reference", "variant", "algorithm", "metric", "difference", "ci_low", "ci_high",
    "t", "df", "p_value", "p_holm", "p_below", "p_rope", "p_above", "rope",
]  # fmt: skip


def models_of(blocks) -> dict[str, list[str]]:
    """Parts that each model sees.

    Covariates, every block alone and with covariates, all blocks alone and with covariates.
    """
    blocks = list(blocks)
    models = {"covariates": ["covariates"]}
    for block in blocks:
        models[block] = [block]
        models[f"{block}_covariates"] = [block, "covariates"]
    if len(blocks) > 1:
        models["fusion"] = blocks
        models["fusion_covariates"] = [*blocks, "covariates"]
    return models


def predict_outcome(
    recipe: Recipe,
    cohort: pd.DataFrame,
    folds: pd.Series,
    projections: dict[str, pd.DataFrame],
    blocks,
) -> pd.DataFrame:
    """Out-of-fold predictions of every model and algorithm.

    The first algorithm is also run on blocks whose confounds were left in (variant
    ``unadjusted``), since adjusting can remove signal or create it.

    Returns
    -------
    DataFrame
        One row per subject, model, variant and algorithm. Where the outcome has several classes,
        ``outcome`` is the class and ``probability:<class>`` take the place of ``score`` and
        ``training_mean``.
    """
    if recipe.multiclass:
        y, names = class_codes(cohort[recipe.experiment.outcome])
    else:
        y, names = cohort[recipe.experiment.outcome].to_numpy(dtype=float), None
    groups = fold_groups(recipe, cohort)
    inside = [
        inner_splits(
            y[train],
            None if groups is None else groups[train],
            seed=recipe.experiment.seed,
            continuous=recipe.continuous,
        )
        for train, _ in fold_splits(folds)
    ]
    if recipe.multiclass:
        clusters = clusters_of(recipe, cohort, cohort)
        refuse_rare_classes(y, names, folds, inside, clusters, recipe.experiment.outcome)
    fits = fits_of(recipe, blocks, projections["covariates-adjusted-0"].shape[1] > 0)
    out = []
    for fold, (train, test) in enumerate(fold_splits(folds)):
        for (model, variant), (parts, algorithms) in fits.items():
            X = np.hstack([part(projections, p, variant, fold) for p in parts])
            for algorithm in algorithms:
                fitted = fit(recipe, algorithm, X[train], y[train], inside[fold])
                labels = {"model": model, "variant": variant, "algorithm": algorithm, "fold": fold}
                predicted = predict(recipe, fitted, X[test], y[test], y[train], names)
                columns = {**labels, **predicted, "n_features": X.shape[1]}
                out.append(pd.DataFrame(columns, index=cohort.index[test]))
        logger.info("models fitted in fold %d of %d", fold + 1, len(inside))
    frame = pd.concat(out)
    frame.index.name = SUBJECT
    return frame


def fits_of(recipe: Recipe, blocks, has_covariates: bool) -> dict[tuple[str, str], tuple]:
    """Parts and algorithms of every model and variant, in the order of the predictions.

    Blocks whose confounds were left in are for the first algorithm alone, and for models that do
    not hold the confounds anyway.
    """
    algorithms, out = recipe.experiment.algorithms, {}
    for model, parts in models_of(blocks).items():
        if "covariates" not in parts:
            out[model, "adjusted"] = (parts, algorithms)
            out[model, "unadjusted"] = (parts, algorithms[:1])
        elif has_covariates:
            out[model, "adjusted"] = (parts, algorithms)
    return out


def predict(recipe: Recipe, fitted, X, y, y_train, names) -> dict:
    """Outcome and prediction of test subjects, as columns."""
    if recipe.multiclass:
        return predicted_classes(fitted, X, y, names)
    return {
        "outcome": y,
        "score": predict_score(fitted, X, continuous=recipe.continuous),
        "training_mean": y_train.mean(),
    }


def part(projections, name: str, variant: str, fold: int) -> np.ndarray:
    """Columns of one part of a model."""
    key = f"{name}-{'adjusted' if name == 'covariates' else variant}-{fold}"
    return projections[key].to_numpy()


def fit(recipe: Recipe, algorithm: str, X, y, inner):
    """Fit one algorithm of the experiment."""
    experiment = recipe.experiment
    estimator = PREDICTORS.build(
        experiment.predictor(algorithm), continuous=recipe.continuous, seed=experiment.seed
    )
    return fit_predictor(estimator, X, y, inner)


def fold_groups(recipe: Recipe, cohort: pd.DataFrame) -> np.ndarray | None:
    """Groups that may not straddle folds, inner ones included."""
    group = recipe.experiment.folds.group
    return None if group is None else pd.factorize(cohort[group])[0]


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
        for row in score(recipe, cohort, frame):
            rows.append({**dict(zip(keys, key, strict=True)), "n": len(frame), **row})
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
                    "p_value": test.p_value,
                    "p_below": test.p_below,
                    "p_rope": test.p_rope,
                    "p_above": test.p_above,
                    "rope": test.rope,
                }
            )
    table = pd.DataFrame(comparisons, columns=COMPARISON_COLUMNS)
    table["p_holm"] = adjust(table["p_value"], "holm")
    return pd.DataFrame(rows, columns=METRIC_COLUMNS), table


def refuse_unequal_subjects(by_model: dict) -> None:
    """Every model must have predicted the same subjects in the same folds."""
    first = None
    for key, frame in by_model.items():
        placed = frame["fold"].sort_index()
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
    if model == "fusion":
        return blocks
    if model == "fusion_covariates":
        return ["covariates", *(f"{block}_covariates" for block in blocks)]
    return ["covariates"] if model in {f"{block}_covariates" for block in blocks} else []


def compare(recipe: Recipe, cohort: pd.DataFrame, a: pd.DataFrame, b: pd.DataFrame):
    """Does the first model beat the second? One-sided corrected resampled t-test over the folds.

    One-sided, since a model with a useless part is truly a little worse, which is no finding. A
    single test set (later enrolments) gives no folds: there the fitted models are compared on its
    subjects, families summed.
    """
    a, b = a.sort_index(), b.sort_index()
    options = {"rope": recipe.experiment.rope, "alternative": "greater"}
    if recipe.multiclass:
        locked = recipe.experiment.folds.scheme == "temporal"
        clusters = clusters_of(recipe, cohort, a)
        return compare_classes(a, b, locked=locked, clusters=clusters, **options)
    if recipe.experiment.folds.scheme == "temporal":
        clusters = clusters_of(recipe, cohort, a)
        if recipe.continuous:
            mean = a["training_mean"].iloc[0]
            return locked_r2_difference(
                a["outcome"], a["score"], b["score"], mean, clusters=clusters, **options
            )
        return locked_auc_difference(
            a["outcome"], a["score"], b["score"], clusters=clusters, **options
        )
    if recipe.continuous:
        return corrected_resampled_t(fold_r2(a) - fold_r2(b), **options)
    return cv_auc_difference(a["outcome"], a["score"], b["score"], a["fold"], **options)


def clusters_of(recipe: Recipe, cohort: pd.DataFrame, frame: pd.DataFrame) -> np.ndarray | None:
    """Family (or child, or group of the folds) of every predicted row; None where unrelated."""
    families = cluster_labels(recipe, cohort)
    groups = fold_groups(recipe, cohort) if families is None else families
    if groups is None or recipe.experiment.folds.scheme == "leave_site_out":
        return None
    return pd.Series(groups, index=cohort.index).loc[frame.index].to_numpy()


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


def score_continuous(recipe: Recipe, cohort: pd.DataFrame, frame: pd.DataFrame) -> list[dict]:
    """Held-out R² and mean absolute error, fold by fold."""
    errors = np.array(
        [
            metrics.mean_absolute_error(f["outcome"].to_numpy(), f["score"].to_numpy())
            for _, f in frame.groupby("fold")
        ]
    )
    rows = []
    for name, values in (("r2", fold_r2(frame)), ("mae", errors)):
        if len(values) == 1:
            nan = float("nan")
            rows.append(metric_row(name, float(values[0]), nan, nan, "one locked test set"))
            continue
        value, low, high = fold_mean_interval(values)
        rows.append(metric_row(name, value, low, high, "corrected t over folds"))
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
    return {"metric": metric, "value": value, "ci_low": low, "ci_high": high, "method": method}
