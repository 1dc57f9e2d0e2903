"""Fit every block's recipe in every training fold, once for all analyses."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from neurogenomics_kb.pipelines.integration.design import covariates_for, curved_confounds
from neurogenomics_kb.pipelines.integration.incomplete import fit_present, has_block
from neurogenomics_kb.pipelines.integration.transformers import build_transformer
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.confounds import ConfoundDesign
from neurogenomics_kb.stats.prediction.folds import fold_splits

logger = logging.getLogger(__name__)

SUMMARY_COLUMNS = [
    "block",
    "variant",
    "fold",
    "n_train",
    "features",
    "kept",
    "asked",
    "dim",
    "variance",
]


def project_blocks(
    recipe: Recipe, cohort: pd.DataFrame, blocks: dict[str, pd.DataFrame], folds: pd.DataFrame
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Blocks as each fold of each repeat sees them: fitted on training subjects, applied to all.

    Returns
    -------
    projections : dict of str to DataFrame
        ``<block>-<adjusted|unadjusted>-<fold>`` and ``covariates-<adjusted|curved>-<fold>``, the
        last with the curves and products of the confounds alone.
    summary : DataFrame
        Effective dimension and variance kept.
    """
    projections, dimensions = stream_projections(recipe, cohort, blocks, folds)
    return dict(projections.items()), dimensions()


def stream_projections(
    recipe: Recipe, cohort: pd.DataFrame, blocks: dict[str, pd.DataFrame], folds: pd.DataFrame
) -> tuple[Streamed, Callable[[], pd.DataFrame]]:
    """`project_blocks` with one projection in memory at a time.

    All of them take several times the memory of the largest block, so that each is stored before
    the next one is made.

    Returns
    -------
    projections : Streamed
        To be read once.
    dimensions : callable
        The summary of what was read.
    """
    rows: list[dict] = []

    def summary() -> pd.DataFrame:
        return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)

    return Streamed(_projections(recipe, cohort, blocks, folds, rows)), summary


class Streamed:
    """Named tables that are made one after the other while they are stored.

    Parameters
    ----------
    tables : iterator of (str, DataFrame)
        Read once.
    """

    def __init__(self, tables: Iterator[tuple[str, pd.DataFrame]]) -> None:
        self._tables = tables

    def items(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """Names and tables, in the order in which they are made."""
        return self._tables


def _projections(recipe: Recipe, cohort: pd.DataFrame, blocks, folds, rows: list[dict]):
    covariates = covariates_for(recipe, cohort)
    n_folds = sum(1 for _ in fold_splits(folds))
    for fold, (train, _) in enumerate(fold_splits(folds)):
        for name, features in blocks.items():
            has = has_block(recipe, features)
            table = pd.concat([features, covariates], axis=1)
            for variant in ("adjusted", "unadjusted"):
                transformer = build_transformer(
                    recipe, name, covariates.columns, residualize=variant == "adjusted"
                )
                projected = fit_present(transformer, table, train, has, name)
                n_train = int(has[train].sum())
                rows.append(
                    describe(recipe, name, variant, fold, n_train, features, transformer, projected)
                )
                yield f"{name}-{variant}-{fold}", projected
        yield f"covariates-adjusted-{fold}", project_covariates(recipe, cohort, train)
        bent = curved_confounds(recipe, cohort).fit(cohort.iloc[train])
        yield f"covariates-curved-{fold}", bent.transform(cohort)
        logger.info("recipes fitted in fold %d of %d", fold + 1, n_folds)


def fitted_block(recipe, block, features, cohort, train, *, residualize: bool) -> pd.DataFrame:
    """A block's features as the fold with these training people sees them, projector left out."""
    covariates = covariates_for(recipe, cohort)
    table = pd.concat([features, covariates], axis=1)
    transformer = build_transformer(
        recipe, block, covariates.columns, residualize=residualize, project=False
    )
    return transformer.fit(table.iloc[train]).transform(table)


def project_covariates(recipe: Recipe, cohort: pd.DataFrame, train) -> pd.DataFrame:
    """Confounds as predictors of the covariates-only model, coded from training subjects."""
    required = [c for c in recipe.confounds if c in cohort]
    # What is measured with a block has gaps where people may lack it (`incomplete: mask`).
    gaps = [c for c in required if cohort[c].isna().any()]
    required = [c for c in required if c not in gaps]
    optional = [*gaps, *(c for c in recipe.optional_confounds if c in cohort)]
    design = ConfoundDesign(
        required,
        optional=optional,
        categorical=recipe.categorical_confounds,
        smooth=recipe.smooth_confounds,
        products=[p for p in recipe.product_confounds if {*p} <= {*required, *optional}],
        # A held-out site is at the training average here: its own level cannot predict anything.
        unseen="reference",
    ).fit(cohort.iloc[train])
    return pd.DataFrame(design.transform(cohort), index=cohort.index, columns=design.columns_)


def describe(recipe, name, variant, fold, n_train, features, transformer, projected) -> dict:
    """What a fitted recipe did to the dimension of its block.

    A projector tells the features that it read as ``n_features_`` (or scikit-learn's
    ``n_features_in_``) and the share of their variance that it kept as
    ``explained_variance_ratio_``; what it does not tell is missing in the table.
    """
    width = projected.shape[1]
    told = {"kept": width, "asked": width, "variance": 1.0}
    projector = dict(transformer.steps).get("project")
    if projector is not None:
        read = getattr(projector, "n_features_in_", features.shape[1])
        asked = recipe.blocks[name].projector.asked
        told = {
            "kept": getattr(projector, "n_features_", read),
            "asked": width if asked is None else asked,
            # Scikit-learn's own projectors give a share per component.
            "variance": float(np.sum(getattr(projector, "explained_variance_ratio_", np.nan))),
        }
    return {
        "block": name,
        "variant": variant,
        "fold": fold,
        "n_train": n_train,
        "features": features.shape[1],
        "dim": width,
        **told,
    }
