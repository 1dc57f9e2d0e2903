"""Audit: the whole primary model, refitted on outcomes that mean nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.audit.context import Audit
from neurogenomics_kb.pipelines.integration.analyses.audit.table import row
from neurogenomics_kb.pipelines.integration.analyses.audit.thresholds import LEVEL
from neurogenomics_kb.pipelines.integration.analyses.prediction.classes import (
    PROBABILITY,
    class_codes,
)
from neurogenomics_kb.pipelines.integration.analyses.prediction.predict import (
    FUSION,
    fit,
    models_of,
    part,
    parts_of,
    predict,
)
from neurogenomics_kb.pipelines.integration.design import first_algorithm, fold_groups
from neurogenomics_kb.registry.cards.predictors import PREDICTORS
from neurogenomics_kb.stats.inference.audit import aucs, correlations
from neurogenomics_kb.stats.inference.detectable import POWER
from neurogenomics_kb.stats.prediction.folds import fold_splits, inner_splits
from neurogenomics_kb.stats.prediction.many_labels import many_logistic_scores, many_ridge_scores

logger = logging.getLogger(__name__)

CHECK = "outcome relabelled, model refitted"
# Each costs as much as the model itself, so they are few: their mean is what is looked at.
REFITS = 30
# Of algorithms other than the linear one, and of several classes, which take longer; their mean
# shows larger gaps only.
REFITS_OF_OTHERS = 10
FEWEST = 5


def refit_rows(audit: Audit, projections: Mapping[str, pd.DataFrame]) -> list[dict]:
    """Performance of the primary model with the true outcome and with relabelled ones.

    The model of all blocks (of the one block where there is one), by the experiment's first
    algorithm, is fitted again with its inner folds. Families change places as wholes, so that what
    relatives share across folds shows. A mean above chance means that test people were seen.
    """
    recipe = audit.recipe
    model = FUSION if len(audit.blocks) > 1 else next(iter(audit.blocks))
    rows = audit.relabel()
    # Those at the end, so that the other checks' first ones are not all that is looked at.
    linear = recipe.experiment.predictor(first_algorithm(recipe)).type == "linear"
    quick = linear and not recipe.multiclass
    chosen = rows[1:][-(REFITS if quick else REFITS_OF_OTHERS) :]
    found = performances(audit, projections, model, np.vstack([rows[:1], chosen]))
    truth, found = float(found[0]), found[1:]
    values = found[np.isfinite(found)]
    algorithm, n = first_algorithm(recipe), len(values)
    detail = f"{n} refits of {algorithm} in each fold"
    known = {"check": CHECK, "block": model, "target": recipe.experiment.outcome,
             "reference": truth, "chance": audit.chance}  # fmt: skip
    if n < FEWEST or not values.std() > 0:
        return [row(**known, value=np.nan, detail=detail)]
    error = float(values.std(ddof=1) / np.sqrt(n))
    p = float(stats.t.sf((values.mean() - audit.chance) / error, n - 1))
    margin = stats.t.isf(LEVEL, n - 1) + stats.norm.ppf(POWER)
    return [
        row(**known, value=float(values.mean()), p_raw=p, p_adjusted=p,
            seen=audit.chance + float(margin) * error, detail=detail)
    ]  # fmt: skip


def performances(
    audit: Audit, projections: Mapping[str, pd.DataFrame], model: str, orders: np.ndarray
) -> np.ndarray:
    """Fold-averaged AUC, or correlation, of the primary model on relabelled outcomes (R,).

    Parameters
    ----------
    audit : Audit
        What every check reads.
    projections : mapping of str to DataFrame
        Blocks as every fold sees them; those of one fold are in memory at a time.
    model : str
        Name of the model.
    orders : ndarray (R, n)
        Relabellings.
    """
    recipe, names = audit.recipe, None
    outcome = audit.outcome
    if recipe.multiclass:
        codes, names = class_codes(audit.cohort[recipe.experiment.outcome])
        outcome = np.asarray(codes)
    groups = fold_groups(recipe, audit.cohort)
    found: list[list[float]] = [[] for _ in orders]
    parts = models_of(audit.blocks)[model]
    for fold, (train, test) in enumerate(fold_splits(audit.folds)):
        columns = {name: part(projections, name, "adjusted", fold, train) for name in parts}
        X, origin = np.hstack(list(columns.values())), parts_of(columns)
        del columns
        inner = {}
        for r, order in enumerate(orders):
            y = outcome[order]
            if names is not None and len(np.unique(y[train])) < len(names):
                continue
            try:
                inner[r] = inner_splits(
                    y[train],
                    None if groups is None else groups[train],
                    seed=recipe.experiment.seed,
                    continuous=recipe.continuous,
                )
            except InputError as error:  # a relabelled fold without a class cannot be fitted
                logger.info("audit: fold %d not refitted: %s", fold, error)
        told = _told_together(recipe, X, outcome[orders], train, test, inner)
        for r, splits in inner.items():
            y = outcome[orders[r]]
            if r not in told:
                try:
                    fitted = fit(
                        recipe, first_algorithm(recipe), X[train], y[train], splits, origin
                    )
                except InputError as error:
                    logger.info("audit: fold %d not refitted: %s", fold, error)
                    continue
                told[r] = predict(recipe, fitted, X[test], y[test], y[train], names)
            found[r].append(_agreement(recipe, told[r], y[test], names))
    known = [[v for v in each if np.isfinite(v)] for each in found]
    return np.array([np.mean(each) if each else np.nan for each in known])


def _told_together(recipe, X, outcomes, train, test, inner) -> dict[int, dict]:
    """Predictions of the linear model, all relabellings at once; those it cannot reach are absent.

    Its parameters are what one fold's fits have in common.
    """
    experiment = recipe.experiment
    options = experiment.predictor(first_algorithm(recipe))
    if options.type != "linear" or recipe.multiclass or not inner:
        return {}
    model = PREDICTORS.build(options, continuous=recipe.continuous, seed=experiment.seed)
    together = many_ridge_scores if recipe.continuous else many_logistic_scores
    scores = together(
        X[train], outcomes[list(inner)][:, train].T, list(inner.values()),
        np.asarray(model.strengths), X[test],
    )  # fmt: skip
    return {
        r: {"score": own} for r, own in zip(inner, scores, strict=True) if np.isfinite(own).all()
    }


def _agreement(recipe, told: dict, y: np.ndarray, names) -> float:
    """AUC (several classes: the mean of one against the rest) or correlation in one fold."""
    if recipe.continuous:
        return float(correlations(np.asarray(told["score"])[:, None], y[:, None])[0])
    if not recipe.multiclass:
        return float(aucs(np.asarray(told["score"])[:, None], y[:, None] > 0.5)[0])
    values = [
        aucs(np.asarray(told[PROBABILITY + name])[:, None], (y == code)[:, None])[0]
        for code, name in enumerate(names)
    ]
    known = [v for v in values if np.isfinite(v)]
    return float(np.mean(known)) if known else float("nan")
