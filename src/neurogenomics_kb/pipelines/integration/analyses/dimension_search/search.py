"""How many principal components of a block a prediction needs, by nested cross-validation."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.loops import parallel_loop
from neurogenomics_kb.pipelines.integration.analyses.dimension_search.tables import SEARCH
from neurogenomics_kb.pipelines.integration.design import covariates_for, fold_groups
from neurogenomics_kb.pipelines.integration.transformers import build_transformer
from neurogenomics_kb.registry.cards.strategies import PCAProjector
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.prediction.dimension import smallest_within_one_se
from neurogenomics_kb.stats.prediction.folds import fold_splits, inner_splits
from neurogenomics_kb.stats.prediction.metrics import held_out_r2
from neurogenomics_kb.stats.prediction.predictors import fit_linear, predict_score
from neurogenomics_kb.stats.roc import auc_score

logger = logging.getLogger(__name__)

INNER_FOLDS = 5


def search_dimensions(
    recipe: Recipe, cohort: pd.DataFrame, blocks: dict[str, pd.DataFrame], folds: pd.Series
) -> pd.DataFrame:
    """Choose a dimension in every training fold, and score it on the test fold.

    In an inner split the whole recipe (imputation, scaling, confounds, harmonization, PCA) is
    fitted on the inner training subjects; the leading k columns of a PCA are the PCA to k. The
    outer test fold takes no part in the choice.

    Returns
    -------
    DataFrame
        One row per block, outer fold and dimension. ``held_out`` is the score of the outer test
        fold; it is shown for all dimensions and used for none.

    Raises
    ------
    InputError
        If the sample allows no two dimensions of the grid.
    """
    y = cohort[recipe.experiment.outcome].to_numpy(dtype=float)
    groups = fold_groups(recipe, cohort)
    covariates = covariates_for(recipe, cohort)
    rows = []
    for block in blocks:
        if recipe.blocks[block].projector.type != "pca":
            continue
        widest = with_dimension(recipe, block, max(recipe.experiment.dimension_grid))
        table = pd.concat([blocks[block], covariates], axis=1)
        splits = list(fold_splits(folds.loc[cohort.index]))
        found = parallel_loop(
            search_fold, splits, shared=(recipe, block, widest, table, y, groups),
            label=f"dimension of block {block}: folds",
        )  # fmt: skip
        rows += [(block, fold, *row) for fold, rows_of in enumerate(found) for row in rows_of]
        logger.info("dimension of block %s searched in %d folds", block, folds.nunique())
    return pd.DataFrame(rows, columns=list(SEARCH.names))


def search_fold(
    split: tuple[np.ndarray, np.ndarray],
    recipe: Recipe,
    block: str,
    widest: Recipe,
    table: pd.DataFrame,
    y: np.ndarray,
    groups: np.ndarray | None,
) -> list[tuple]:
    """Rows of one outer fold, without block and fold."""
    train, test = split
    inner = inner_splits(
        y[train],
        None if groups is None else groups[train],
        n_splits=INNER_FOLDS,
        seed=recipe.experiment.seed,
        continuous=recipe.continuous,
    )
    splits = [(train[a], train[b]) for a, b in inner]
    fitted = [project(widest, block, table, a) for a, _ in [*splits, (train, test)]]
    dims = offered(recipe, block, min(X.shape[1] for X in fitted), len(train))
    scores = np.array(
        [
            score_dimensions(recipe, X, y, a, b, groups, dims)
            for X, (a, b) in zip(fitted, [*splits, (train, test)], strict=True)
        ]
    )
    choice = smallest_within_one_se(dims, scores[:-1])
    return [
        (k, choice.mean[i], choice.se[i], k == choice.best, k == choice.chosen, scores[-1, i],
         "r2" if recipe.continuous else "auroc")
        for i, k in enumerate(choice.dims)
    ]  # fmt: skip


def with_dimension(recipe: Recipe, block: str, dim: int) -> Recipe:
    """The recipe with another PCA dimension of one block."""
    card = recipe.blocks[block].model_copy(update={"projector": PCAProjector(type="pca", dim=dim)})
    return recipe.model_copy(update={"blocks": {**recipe.blocks, block: card}})


def project(recipe: Recipe, block: str, table: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """All subjects on the components of some."""
    carried = list(covariates_for(recipe, table).columns)
    transformer = build_transformer(recipe, block, carried)
    return transformer.fit(table.iloc[rows]).transform(table).to_numpy()


def offered(recipe: Recipe, block: str, rank: int, n: int) -> list[int]:
    """Dimensions of the grid that every fit allows.

    Raises
    ------
    InputError
        If fewer than two are left.
    """
    grid = sorted(set(recipe.experiment.dimension_grid))
    dims = [k for k in grid if k <= rank]
    if len(dims) < 2:
        raise InputError(
            f"block '{block}' allows {rank} components in the inner folds, and the grid offers "
            f"{grid}",
            column="dimension_grid",
            subjects=n,
            remedy="Offer at least two dimensions up to that, or lower subjects_per_dimension.",
        )
    return dims


def score_dimensions(recipe: Recipe, X, y, train, test, groups, dims: list[int]) -> list[float]:
    """Score on `test` of linear models of the leading columns, penalties chosen inside `train`."""
    inner = inner_splits(
        y[train],
        None if groups is None else groups[train],
        seed=recipe.experiment.seed,
        continuous=recipe.continuous,
    )
    out = []
    for k in dims:
        model = fit_linear(X[train, :k], y[train], inner, continuous=recipe.continuous)
        predicted = predict_score(model, X[test, :k], continuous=recipe.continuous)
        out.append(
            held_out_r2(y[test], predicted, y[train].mean())
            if recipe.continuous
            else auc_score(y[test], predicted)
        )
    return out
