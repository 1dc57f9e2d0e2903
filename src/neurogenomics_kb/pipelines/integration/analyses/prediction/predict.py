"""Predict the outcome from covariates, each block, and their fusion, on the same folds."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.pipelines.integration.analyses.prediction.classes import (
    class_codes,
    fit_classes,
    predicted_classes,
    refuse_rare_classes,
)
from neurogenomics_kb.pipelines.integration.design import clusters_of, fold_groups
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.prediction.folds import fold_splits, inner_splits
from neurogenomics_kb.stats.prediction.predictors import fit_linear, fit_xgboost, predict_score

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
    folds: pd.Series,
    projections: dict[str, pd.DataFrame],
    blocks,
) -> pd.DataFrame:
    """Out-of-fold predictions of every model and algorithm.

    The linear models are also run on blocks whose confounds were left in (variant
    ``unadjusted``), since adjusting can remove signal or create it.

    Returns
    -------
    DataFrame
        One row per subject, model, variant and algorithm. Where the outcome has several classes,
        ``outcome`` is the class and ``probability:<class>`` take the place of ``score`` and
        ``training_mean``.
    """
    experiment = recipe.experiment
    names = None
    if recipe.multiclass:
        y, names = class_codes(cohort[experiment.outcome])
    else:
        y = cohort[experiment.outcome].to_numpy(dtype=float)
    groups = fold_groups(recipe, cohort)
    has_covariates = projections["covariates-adjusted-0"].shape[1] > 0
    out = []
    n_folds = len(list(fold_splits(folds)))
    inside = [
        inner_splits(
            y[train],
            None if groups is None else groups[train],
            seed=experiment.seed,
            continuous=recipe.continuous,
        )
        for train, _ in fold_splits(folds)
    ]
    if recipe.multiclass:
        clusters = clusters_of(recipe, cohort, cohort)
        refuse_rare_classes(y, names, folds, inside, clusters, experiment.outcome)
    for fold, (train, test) in enumerate(fold_splits(folds)):
        inner = inside[fold]
        for model, parts in models_of(blocks).items():
            if COVARIATES in parts and not has_covariates:
                continue
            for variant in ("adjusted", "unadjusted"):
                if variant == "unadjusted" and COVARIATES in parts:
                    continue
                X = np.hstack([part(projections, p, variant, fold) for p in parts])
                for algorithm in experiment.algorithms:
                    if variant == "unadjusted" and algorithm != experiment.algorithms[0]:
                        continue
                    fitted = fit(recipe, algorithm, X[train], y[train], inner)
                    predicted = (
                        predicted_classes(fitted, X[test], y[test], names)
                        if recipe.multiclass
                        else {
                            "outcome": y[test],
                            "score": predict_score(fitted, X[test], continuous=recipe.continuous),
                            "training_mean": y[train].mean(),
                        }
                    )
                    out.append(
                        pd.DataFrame(
                            {
                                "model": model,
                                "variant": variant,
                                "algorithm": algorithm,
                                "fold": fold,
                                **predicted,
                                "n_features": X.shape[1],
                            },
                            index=cohort.index[test],
                        )
                    )
        logger.info("models fitted in fold %d of %d", fold + 1, n_folds)
    frame = pd.concat(out)
    frame.index.name = SUBJECT
    return frame


def part(projections, name: str, variant: str, fold: int) -> np.ndarray:
    """Columns of one part of a model."""
    key = f"{name}-{'adjusted' if name == COVARIATES else variant}-{fold}"
    return projections[key].to_numpy()


def fit(recipe: Recipe, algorithm: str, X, y, inner):
    """Fit one algorithm of the experiment."""
    if recipe.multiclass:
        return fit_classes(algorithm, X, y, inner, seed=recipe.experiment.seed)
    if algorithm == "linear":
        return fit_linear(X, y, inner, continuous=recipe.continuous)
    return fit_xgboost(X, y, inner, continuous=recipe.continuous, seed=recipe.experiment.seed)
