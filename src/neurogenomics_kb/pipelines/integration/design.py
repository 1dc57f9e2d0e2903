"""Design of a run on its subjects: confounds, families, exchange, blocks before a projection."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.tiles import tiles
from neurogenomics_kb.pipelines.integration.transformers import (
    as_features,
    build_norms,
    build_transformer,
    projector,
)
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.confounds import ConfoundDesign, holds_codes, is_categorical
from neurogenomics_kb.stats.inference.exchangeability import Blocks, Level
from neurogenomics_kb.stats.inference.normal_scores import normal_scores
from neurogenomics_kb.stats.prediction.folds import inner_splits
from neurogenomics_kb.stats.transformers.curves import CurvedConfounds, usual_products
from neurogenomics_kb.stats.transformers.projection import cap_dimension

# Columns of participants that hold ancestry components.
ANCESTRY = re.compile(r"^(ancestry_|genetic_)?pc_?\d+$", re.IGNORECASE)


def confound_matrix(recipe: Recipe, cohort: pd.DataFrame) -> np.ndarray:
    """Confounds of all blocks over the full sample, coded as numbers (n, r).

    Means by age and sex, where a block's features are scored by norms, are among them.
    """
    required = [c for c in recipe.confounds if c in cohort]
    optional = [c for c in recipe.optional_confounds if c in cohort]
    design = ConfoundDesign(
        required,
        optional=optional,
        categorical=recipe.categorical_confounds,
        smooth=recipe.smooth_confounds,
        products=[p for p in recipe.product_confounds if {*p} <= {*required, *optional}],
    )
    coded = design.fit(cohort).transform(cohort)
    norms = [
        build_norms(step).mean_design(cohort)
        for strategy in recipe.blocks.values()
        for step in strategy.norms
        if set(step.columns) <= set(cohort.columns)
    ]
    return np.hstack([coded, *norms])


def curved_confounds(recipe: Recipe, cohort: pd.DataFrame, degree: int = 2) -> CurvedConfounds:
    """Curves of all numeric confounds and products of age, sex and site, to be fitted in a fold.

    Confounds that a card bends already (`smooth`) get no second curve.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Analysed people.
    degree : int
        Highest power. Default 2, squares.
    """
    names = [c for c in [*recipe.confounds, *recipe.optional_confounds] if c in cohort]
    coded = recipe.categorical_confounds
    numbers = [
        c
        for c in names
        if not is_categorical(cohort[c]) and c not in coded and not holds_codes(c, cohort[c])
    ]
    sites = [c for c in names if c in recipe.columns and recipe.columns[c].role == "site"]
    return CurvedConfounds(
        [c for c in numbers if c not in recipe.smooth_confounds],
        products=usual_products(names, sites),
        categorical=[c for c in coded if c in names],
        degree=degree,
    )


def curves_of_confounds(recipe: Recipe, cohort: pd.DataFrame) -> np.ndarray:
    """Squares and cubes, and the usual products, of the full sample (n, w)."""
    return curved_confounds(recipe, cohort, degree=3).fit_transform(cohort).to_numpy()


def exchange_blocks(recipe: Recipe, cohort: pd.DataFrame) -> Blocks | None:
    """Exchangeability levels of the experiment on the analysed subjects."""
    experiment = recipe.experiment
    levels = tuple(
        Level(cohort[level.column].to_numpy(), level.exchange)
        for level in experiment.exchangeability_levels
    )
    return Blocks(levels, experiment.exchange_rows) if levels else None


def cluster_labels(recipe: Recipe, cohort: pd.DataFrame) -> np.ndarray | None:
    """Families (or children) that are resampled as wholes; None where subjects are unrelated."""
    column = recipe.experiment.cluster_column
    return None if column is None else cohort[column].to_numpy()


def capped(recipe: Recipe, block: str, n_effective: int) -> int | None:
    """Components of a block that the test finds itself, bounded by the sample; None for none."""
    card = recipe.blocks[block].projector
    if card.in_test != "components":
        return None
    return cap_dimension(
        card.asked,
        n=n_effective,
        n_blocks=len(recipe.blocks),
        subjects_per_dimension=recipe.experiment.subjects_per_dimension,
    )


def residual_factors(
    recipe: Recipe, block: str, ready: pd.DataFrame, design: np.ndarray
) -> pd.DataFrame:
    """What a block's projector makes of it, where the test does not find components itself.

    A factor analysis (and any other projector that is fitted to residuals) learns from the
    covariance that the confounds leave, as the components of other blocks do: it does not change
    when residuals change places.

    Parameters
    ----------
    ready : DataFrame (n, p)
        From `prepare_block`.
    design : ndarray (n, r)
        Confounds with the intercept.
    """
    strategy = recipe.blocks[block]
    if strategy.projector.in_test != "fitted":
        return ready
    left = pd.DataFrame(residuals(ready.to_numpy(), design), ready.index, ready.columns)
    return as_features(strategy, projector(recipe, strategy).fit(left).transform(ready))


def ready_blocks(
    recipe: Recipe, cohort: pd.DataFrame, blocks: dict[str, pd.DataFrame], design: np.ndarray
) -> dict[str, pd.DataFrame]:
    """Every block as the permutation test takes it, confounds still in.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Analysed people.
    blocks : dict of str to DataFrame
        Raw features, rows as in `cohort`.
    design : ndarray (n, r)
        Confounds with the intercept.
    """
    return {
        name: residual_factors(recipe, name, prepare_block(recipe, name, table, cohort), design)
        for name, table in blocks.items()
    }


def residuals(A: np.ndarray, design: np.ndarray) -> np.ndarray:
    """What the confounds leave of every column."""
    out = np.empty(A.shape)
    for columns in tiles(A.shape[1], len(A)):
        part = A[:, columns]
        out[:, columns] = part - design @ np.linalg.lstsq(design, part, rcond=None)[0]
    return out


def prepare_block(
    recipe: Recipe, block: str, features: pd.DataFrame, cohort: pd.DataFrame
) -> pd.DataFrame:
    """Impute, harmonize and scale a block on the full sample; confounds stay in."""
    covariates = covariates_for(recipe, cohort)
    transformer = build_transformer(
        recipe, block, covariates.columns, residualize=False, project=False
    )
    ready = transformer.fit_transform(pd.concat([features, covariates], axis=1))
    if recipe.experiment.normal_scores:
        ready = pd.DataFrame(normal_scores(ready.to_numpy()), ready.index, ready.columns)
    return ready


def covariates_for(recipe: Recipe, cohort: pd.DataFrame) -> pd.DataFrame:
    """Columns of the cohort that recipes read beside the features."""
    names = [
        *recipe.confounds,
        *recipe.optional_confounds,
        *recipe.divisors,
        *recipe.harmonization_columns,
    ]
    return cohort[[c for c in dict.fromkeys(names) if c in cohort]]


def fold_groups(recipe: Recipe, cohort: pd.DataFrame) -> np.ndarray | None:
    """Groups that may not straddle folds, inner ones included."""
    group = recipe.experiment.folds.group
    return None if group is None else pd.factorize(cohort[group])[0]


def inner_folds(
    recipe: Recipe, y: np.ndarray, groups: np.ndarray | None, train: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Inner folds of one training fold, positions in it.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    y : ndarray (n,)
        Outcome of everybody.
    groups : ndarray (n,), optional
        What stays in one fold, see `fold_groups`.
    train : ndarray of int
        Positions of the training people.
    """
    return inner_splits(
        y[train],
        None if groups is None else groups[train],
        seed=recipe.experiment.seed,
        continuous=recipe.continuous,
    )


def clusters_of(recipe: Recipe, cohort: pd.DataFrame, frame: pd.DataFrame) -> np.ndarray | None:
    """Family (or child, or group of the folds) of every predicted row; None where unrelated."""
    families = cluster_labels(recipe, cohort)
    groups = fold_groups(recipe, cohort) if families is None else families
    if groups is None or recipe.experiment.folds.scheme == "leave_site_out":
        return None
    return pd.Series(groups, index=cohort.index).loc[frame.index].to_numpy()


def ancestry_columns(cohort: pd.DataFrame) -> list[str]:
    """Columns of a cohort that hold ancestry components, in order."""
    return [c for c in cohort if ANCESTRY.match(str(c))]


def site_columns(recipe: Recipe, cohort: pd.DataFrame) -> list[str]:
    """Columns of a cohort that say where somebody was measured."""
    return [n for n, c in recipe.columns.items() if c.role == "site" and n in cohort]


def first_algorithm(recipe: Recipe) -> str:
    """Name of the experiment's first predictor, which findings and decisions speak of."""
    return recipe.experiment.algorithms[0]
