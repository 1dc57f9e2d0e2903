"""Attribution of a block's prediction to its units: genes, regions, scales."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from neurogenomics_kb.naming import units_of
from neurogenomics_kb.pipelines.integration.canonical import covariates_for
from neurogenomics_kb.pipelines.integration.prediction import fold_groups
from neurogenomics_kb.pipelines.integration.transformers import build_transformer, projector
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.attribution import (
    LeaveOneOutPCA,
    attribution_table,
    paired_swap_test,
    wilcoxon_floor,
)
from neurogenomics_kb.stats.folds import fold_splits, inner_splits
from neurogenomics_kb.stats.metrics import held_out_r2
from neurogenomics_kb.stats.predictors import fit_linear, predict_score, same_settings
from neurogenomics_kb.stats.projection import cap_dimension
from neurogenomics_kb.stats.roc import auc_score

logger = logging.getLogger(__name__)

ATTRIBUTION_COLUMNS = [
    "unit", "delta", "ci_low", "ci_high", "p_t", "q_t", "p_swap", "p_swap_fwe", "p_wilcoxon",
    "q_wilcoxon", "single_score", "block", "metric", "full_score",
]  # fmt: skip


def attribute_block(
    recipe: Recipe, cohort: pd.DataFrame, blocks: dict[str, pd.DataFrame], folds: pd.Series
) -> tuple[pd.DataFrame, list[str]]:
    """Leave every unit of a block out in turn, refitting the projection without it.

    Returns
    -------
    table : DataFrame
        One row per unit, largest loss first.
    notes : list of str
        What the tests can and cannot show with this design.
    """
    experiment = recipe.experiment
    name = experiment.attribution_block or next(iter(recipe.blocks))
    if name not in blocks:
        return pd.DataFrame(columns=ATTRIBUTION_COLUMNS), [f"LOGO: block '{name}' is absent."]
    n_folds, n_units = folds.nunique(), len(units_of(blocks[name].columns))
    notes = attainable_notes(n_folds, n_units, experiment.n_permutations, experiment.alpha)
    for note in notes:
        logger.info(note)
    covariates = covariates_for(recipe, cohort)
    table = pd.concat([blocks[name], covariates], axis=1)
    y = cohort[experiment.outcome].to_numpy(dtype=float)
    groups = fold_groups(recipe, cohort)
    units = list(units_of(blocks[name].columns))
    full = np.empty(len(y))
    reduced, single = np.empty((len(y), len(units))), np.empty((len(y), len(units)))
    means = np.empty(len(y))
    for fold, (train, test) in enumerate(fold_splits(folds)):
        transformer = build_transformer(recipe, name, covariates.columns, project=False)
        fitted = transformer.fit(table.iloc[train])
        X = fitted.transform(table)
        pca = LeaveOneOutPCA(
            X.to_numpy()[train], X.to_numpy()[test], dimension(recipe, name, train, X)
        )
        inner = inner_splits(
            y[train],
            None if groups is None else groups[train],
            seed=experiment.seed,
            continuous=recipe.continuous,
        )
        inside, outside = pca.everything()
        chosen = fit_linear(inside, y[train], inner, continuous=recipe.continuous)
        full[test] = predict_score(chosen, outside, continuous=recipe.continuous)
        means[test] = y[train].mean()
        columns = units_of(X.columns)
        for g, unit in enumerate(units):
            # The penalty stays that of the full model, so that only the unit differs.
            kept = np.array(columns.get(unit, []), dtype=int)
            reduced[test, g] = refit(recipe, chosen, *pca.without(kept), y[train])
            single[test, g] = (
                refit(recipe, chosen, *pca.only(kept), y[train]) if len(kept) else y[train].mean()
            )
        logger.info("leave-one-out models fitted in fold %d of %d", fold + 1, n_folds)
    score = fold_scores(recipe, y, means, folds.to_numpy())
    differences = np.column_stack([score(full) - score(reduced[:, g]) for g in range(len(units))])
    swap = paired_swap_test(
        y, full, reduced, folds.to_numpy(),
        continuous=recipe.continuous,
        n_permutations=experiment.n_permutations,
        random_state=experiment.seed,
    )  # fmt: skip
    alone = np.array([score(single[:, g]).mean() for g in range(len(units))])
    result = attribution_table(units, differences, swap, alone)
    result["block"] = name
    result["metric"] = "r2" if recipe.continuous else "auroc"
    result["full_score"] = score(full).mean()
    return result[ATTRIBUTION_COLUMNS], notes


def attainable_notes(n_folds: int, n_units: int, n_permutations: int, alpha: float) -> list[str]:
    """State, before anything is fitted, what each test could show at best."""
    floor = wilcoxon_floor(n_folds)
    best = floor  # q of n equal p-values at the floor is the floor itself
    notes = [
        f"LOGO over {n_units} units: the paired swap test can reach p = "
        f"{1 / (1 + n_permutations):.4f} family-wise; a Wilcoxon test over {n_folds} folds cannot "
        f"go below p = {floor:.4g}"
        + (f", so no q can fall below {alpha:g} with it." if best > alpha else ".")
    ]
    return notes


def dimension(recipe: Recipe, name: str, train, X: pd.DataFrame) -> int:
    """Dimension that the block's projector would have in this fold."""
    card = recipe.blocks[name].projector
    if card.type != "pca":
        return X.shape[1]
    settings = projector(recipe, recipe.blocks[name])
    return cap_dimension(
        settings.dim,
        n=len(train),
        n_blocks=settings.n_blocks,
        subjects_per_dimension=settings.subjects_per_dimension,
    )


def refit(recipe: Recipe, chosen, inside: np.ndarray, outside: np.ndarray, y: np.ndarray):
    """Test predictions of the chosen model on other features."""
    model = same_settings(chosen).fit(inside, y)
    return predict_score(model, outside, continuous=recipe.continuous)


def fold_scores(recipe: Recipe, y: np.ndarray, means: np.ndarray, folds: np.ndarray):
    """Function from out-of-fold predictions (n,) to the score of every fold (K,)."""

    def score(predicted: np.ndarray) -> np.ndarray:
        out = []
        for fold in np.unique(folds):
            rows = folds == fold
            if recipe.continuous:
                out.append(held_out_r2(y[rows], predicted[rows], means[rows][0]))
            else:
                out.append(auc_score(y[rows], predicted[rows]))
        return np.array(out)

    return score
