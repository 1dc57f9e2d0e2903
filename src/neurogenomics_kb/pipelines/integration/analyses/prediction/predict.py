"""Predict the outcome from covariates, each block, and their fusion, on the same folds."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.loops import iterate_loop
from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.pipelines.integration.analyses.prediction.classes import (
    class_codes,
    predicted_classes,
    refuse_rare_classes,
)
from neurogenomics_kb.pipelines.integration.analyses.prediction.curved_design import (
    CURVED,
    can_be_curved,
    curved_covariates,
    without_curves,
)
from neurogenomics_kb.pipelines.integration.design import clusters_of, fold_groups, inner_folds
from neurogenomics_kb.registry.cards.predictors import PREDICTORS
from neurogenomics_kb.registry.predictors import lacking_predictors
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.prediction.folds import fold_splits
from neurogenomics_kb.stats.prediction.predictors import (
    COVARIATES_PART,
    fit_predictor,
    predict_score,
)

logger = logging.getLogger(__name__)

COVARIATES, FUSION = "covariates", "fusion"


def models_of(blocks: Iterable[str]) -> dict[str, list[str]]:
    """Parts that each model sees, by the model's name for a reader.

    Covariates, every block alone and with covariates, all blocks alone and with covariates. Names
    are looked up here and never taken apart.

    Parameters
    ----------
    blocks : iterable of str
        Blocks that the cohort has, in the experiment's order.
    """
    blocks = list(blocks)
    models = {COVARIATES: [COVARIATES]}
    for block in blocks:
        models[block] = [block]
        models[with_covariates(block)] = [block, COVARIATES]
    if len(blocks) > 1:
        models[FUSION] = blocks
        models[with_covariates(FUSION)] = [*blocks, COVARIATES]
    return models


def with_covariates(model: str) -> str:
    """Name of a model that also sees the covariates; no block can be called so."""
    return f"{model} + {COVARIATES}"


def predict_outcome(
    recipe: Recipe,
    cohort: pd.DataFrame,
    folds: pd.Series | pd.DataFrame,
    projections: dict[str, pd.DataFrame],
    blocks,
) -> pd.DataFrame:
    """Out-of-fold predictions of every model and algorithm, in every repeat of the folds.

    The first algorithm is also run on blocks whose confounds were left in (variant
    ``unadjusted``), since adjusting can remove signal or create it, and, for the covariates and for
    all blocks with them, with curves and products of the confounds beside the covariates and taken
    out of the blocks (variant ``curved``).

    An algorithm that this machine lacks (an optional package, weights that are not here) is left
    out before anything is fitted, and so is not in the result.

    Returns
    -------
    DataFrame
        One row per subject, repeat, model, variant and algorithm. Where the outcome has several
        classes, ``outcome`` is the class and ``probability:<class>`` take the place of ``score``
        and ``training_mean``.

    Raises
    ------
    InputError
        If the first algorithm, or one that a primary test names, is lacking.
    """
    lacking = lacking_predictors(recipe.experiment, continuous=recipe.continuous)
    for algorithm, reason in lacking.items():
        logger.warning("'%s' is left out: %s", algorithm, reason)
    if recipe.multiclass:
        y, names = class_codes(cohort[recipe.experiment.outcome])
    else:
        y, names = cohort[recipe.experiment.outcome].to_numpy(dtype=float), None
    groups = fold_groups(recipe, cohort)
    splits = list(fold_splits(folds))
    per_repeat = len(splits) // pd.DataFrame(folds).shape[1]
    inside = [inner_folds(recipe, y, groups, train) for train, _ in splits]
    if recipe.multiclass:
        clusters = clusters_of(recipe, cohort, cohort)
        refuse_rare_classes(y, names, folds, inside, clusters, recipe.experiment.outcome)
    has_covariates = projections["covariates-adjusted-0"].shape[1] > 0
    curved = has_covariates and can_be_curved(projections, [train for train, _ in splits])
    fits = fits_of(recipe, blocks, has_covariates, curved=curved, without=lacking)
    tasks = (
        (
            *fitting_task(recipe, projections, parts, variant, fold, train, algorithms),
            y[train], y[test], inside[fold], train, test,
        )
        for fold, (train, test) in enumerate(splits)
        for (_, variant), (parts, algorithms) in fits.items()
    )  # fmt: skip
    results = iterate_loop(
        fit_and_predict, tasks, shared=(recipe, names), total=len(splits) * len(fits),
        label="prediction: models",
    )  # fmt: skip
    out = []
    for fold, (_, test) in enumerate(splits):
        for (model, variant), (_, algorithms) in fits.items():
            for algorithm, columns in zip(algorithms, next(results), strict=True):
                labels = {
                    "model": model,
                    "variant": variant,
                    "algorithm": algorithm,
                    "repeat": fold // per_repeat,
                    "fold": fold,
                }
                out.append(pd.DataFrame({**labels, **columns}, index=cohort.index[test]))
        logger.info("models fitted in fold %d of %d", fold + 1, len(splits))
    frame = pd.concat(out)
    frame.index.name = SUBJECT
    return frame


def fits_of(
    recipe: Recipe,
    blocks,
    has_covariates: bool,
    *,
    curved: bool = False,
    without: Collection[str] = (),
) -> dict[tuple[str, str], tuple]:
    """Parts and algorithms of every model and variant, in the order of the predictions.

    Blocks whose confounds were left in are for the first algorithm alone, and for models that do
    not hold the confounds anyway; curves of the confounds for the first algorithm, the covariates
    and the fullest model.
    """
    algorithms = [name for name in recipe.experiment.algorithms if name not in without]
    out: dict[tuple[str, str], tuple] = {}
    models = models_of(blocks)
    for model, parts in models.items():
        if COVARIATES not in parts:
            out[model, "adjusted"] = (parts, algorithms)
            out[model, "unadjusted"] = (parts, algorithms[:1])
        elif has_covariates:
            out[model, "adjusted"] = (parts, algorithms)
    if curved and len(models) > 1:
        for model in (COVARIATES, list(models)[-1]):
            out[model, CURVED] = (models[model], algorithms[:1])
    return out


def fitting_task(
    recipe: Recipe,
    projections: Mapping[str, pd.DataFrame],
    parts: list[str],
    variant: str,
    fold: int,
    train: np.ndarray,
    algorithms: list[str],
) -> tuple:
    """Estimators of a model in a fold, its columns and the block of each."""
    columns_of = {p: part(projections, p, variant, fold, train) for p in parts}
    estimators = [estimator_of(recipe, algorithm) for algorithm in algorithms]
    return estimators, np.hstack(list(columns_of.values())), parts_of(columns_of)


def fit_and_predict(task: tuple, recipe: Recipe, names) -> list[dict]:
    """Predictions of every algorithm for one model and fold, as columns."""
    estimators, X, origin, y_train, y_test, inner, train, test = task
    out = []
    for estimator in estimators:
        fitted = fit_predictor(estimator, X[train], y_train, inner, origin)
        predicted = predict(recipe, fitted, X[test], y_test, y_train, names)
        out.append({**predicted, "n_features": X.shape[1]})
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


def part(projections, name: str, variant: str, fold: int, train: np.ndarray) -> np.ndarray:
    """Columns of one part of a model."""
    if variant != CURVED:
        key = f"{name}-{'adjusted' if name == COVARIATES else variant}-{fold}"
        return projections[key].to_numpy()
    design = curved_covariates(projections, fold)
    if name == COVARIATES:
        return design
    return without_curves(projections[f"{name}-adjusted-{fold}"].to_numpy(), design, train)


def parts_of(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Block of every column of a model (p,), numbered in order; covariates are no block.

    Parameters
    ----------
    columns : mapping of str to ndarray (n, p_i)
        Columns of every part of the model, in order.
    """
    blocks = [name for name in columns if name != COVARIATES]
    numbers = [COVARIATES_PART if name == COVARIATES else blocks.index(name) for name in columns]
    return np.repeat(numbers, [X.shape[1] for X in columns.values()])


def fit(recipe: Recipe, algorithm: str, X, y, inner, parts: np.ndarray | None = None):
    """Fit one algorithm of the experiment."""
    return fit_predictor(estimator_of(recipe, algorithm), X, y, inner, parts)


def estimator_of(recipe: Recipe, algorithm: str):
    """An algorithm of the experiment, not fitted yet."""
    experiment = recipe.experiment
    return PREDICTORS.build(
        experiment.predictor(algorithm), continuous=recipe.continuous, seed=experiment.seed
    )
