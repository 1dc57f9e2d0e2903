"""Canonical correlation between blocks: inference on the full sample, prediction across folds."""

from __future__ import annotations

import itertools
import logging

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import SUBJECT, parse_feature_name
from neurogenomics_kb.pipelines.integration.transformers import (
    as_features,
    build_norms,
    build_transformer,
    projector,
)
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.cca import CCAResult, permutation_cca
from neurogenomics_kb.stats.confounds import ConfoundDesign
from neurogenomics_kb.stats.inference.canonical import (
    align_components,
    column_correlations,
    fit_cca,
)
from neurogenomics_kb.stats.inference.exchangeability import Blocks, Level
from neurogenomics_kb.stats.inference.held_out import HeldOutTest, held_out_test
from neurogenomics_kb.stats.inference.normal_scores import normal_scores
from neurogenomics_kb.stats.inference.residual_space import independent_design
from neurogenomics_kb.stats.inference.stability import AxisStability, axis_stability
from neurogenomics_kb.stats.prediction.folds import fold_splits
from neurogenomics_kb.stats.transformers.projection import cap_dimension

logger = logging.getLogger(__name__)

INFERENCE_COLUMNS = [
    "pair", "x", "y", "component", "correlation", "null_mean", "p_value", "p_uncorrected",
    "p_error", "p_held_out", "held_out_projected", "n", "n_effective", "x_dim", "y_dim",
    "x_variance", "y_variance", "x_redundancy", "y_redundancy", "bootstrap_x", "bootstrap_y",
    "split_half_x", "split_half_y", "n_permutations", "smallest_p", "regularisation", "method",
]  # fmt: skip
LOADING_COLUMNS = ["pair", "block", "component", "feature", "unit", "loading", "loading_se"]


def pairs_of(blocks) -> list[tuple[str, str]]:
    """All pairs of blocks, in the order of the experiment."""
    return list(itertools.combinations(blocks, 2))


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
    )
    coded = design.fit(cohort).transform(cohort)
    norms = [
        build_norms(step).mean_design(cohort)
        for strategy in recipe.blocks.values()
        for step in strategy.norms
        if set(step.columns) <= set(cohort.columns)
    ]
    return np.hstack([coded, *norms])


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


def infer_pairs(
    recipe: Recipe, cohort: pd.DataFrame, blocks: dict[str, pd.DataFrame], folds: pd.Series
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Permutation test of every pair of blocks.

    Confounds are handled in the residual space of the test, where rows are exchangeable, and PCA
    follows inside it; fold-fitted residuals would not be exchangeable.

    Returns
    -------
    inference : DataFrame
        One row per pair and component.
    null : DataFrame
        Canonical correlations under permutation: pair, component, correlation.
    loadings : DataFrame
        Structure coefficients of all features with bootstrap standard errors.
    axes : DataFrame
        Canonical variates of the subjects, columns ``<pair>:<component>:x`` and ``…:y``.
    """
    experiment = recipe.experiment
    Z = confound_matrix(recipe, cohort)
    design = independent_design(Z, len(cohort))
    structure = exchange_blocks(recipe, cohort)
    ready = {
        name: residual_factors(
            recipe, name, prepare_block(recipe, name, blocks[name], cohort), design
        )
        for name in blocks
    }
    inference, null, loadings, axes = [], [], [], {}
    for x, y in pairs_of(blocks):
        pair = f"{x}~{y}"
        dims = tuple(capped(recipe, b, len(cohort) - design.shape[1]) for b in (x, y))
        logger.info(
            "CCA %s: %d permutations of %d subjects", pair, experiment.n_permutations, len(cohort)
        )
        X, Y = ready[x].to_numpy(), ready[y].to_numpy()
        chosen = experiment.regularisation
        result = permutation_cca(
            X,
            Y,
            confounds=Z,
            n_components=experiment.n_components,
            n_permutations=experiment.n_permutations,
            blocks=structure,
            statistic=experiment.statistic,
            random_state=experiment.seed,
            pca=dims if chosen == "none" else (None, None),
            regularisation=chosen,
            grid=experiment.regularisation_grid,
        )
        refuse_hopeless(recipe, pair, result)
        held_out = held_out_test(
            X,
            Y,
            folds.loc[cohort.index].to_numpy(),
            confounds=Z,
            pca=dims,
            n_components=len(result.correlations),
            n_permutations=experiment.n_permutations,
            blocks=structure,
            random_state=experiment.seed,
        )
        stability = None
        if experiment.n_bootstraps:
            stability = axis_stability(
                residuals(X, design),
                residuals(Y, design),
                dims=dims,
                n_components=len(result.correlations),
                clusters=cluster_labels(recipe, cohort),
                n_bootstraps=experiment.n_bootstraps,
                random_state=experiment.seed,
            )
        inference += inference_rows(pair, x, y, result, held_out, stability)
        for component in range(len(result.correlations)):
            name = component + 1
            null.append(
                pd.DataFrame(
                    {"pair": pair, "component": name,
                     "correlation": result.null_correlations[:, component]}
                )
            )  # fmt: skip
            axes[f"{pair}:{name}:x"] = result.x_scores[:, component]
            axes[f"{pair}:{name}:y"] = result.y_scores[:, component]
            for block, values, errors in (
                (x, result.x_loadings, stability and stability.x_loading_se),
                (y, result.y_loadings, stability and stability.y_loading_se),
            ):
                se = np.nan if errors is None else errors[:, component]
                loadings.append(
                    loading_rows(pair, block, name, ready[block].columns, values[:, component], se)
                )
    return (
        pd.DataFrame(inference, columns=INFERENCE_COLUMNS),
        concat(null, ["pair", "component", "correlation"]),
        concat(loadings, LOADING_COLUMNS),
        pd.DataFrame(axes, index=cohort.index),
    )


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


def residuals(A: np.ndarray, design: np.ndarray) -> np.ndarray:
    """What the confounds leave of every column."""
    return A - design @ np.linalg.lstsq(design, A, rcond=None)[0]


def refuse_hopeless(recipe: Recipe, pair: str, result: CCAResult) -> None:
    """Refuse a design in which no result could be significant.

    Raises
    ------
    InputError
    """
    experiment = recipe.experiment
    floor = result.smallest_p
    if floor > experiment.alpha:
        raise InputError(
            f"CCA {pair}: exchangeability and {result.n_permutations} permutations allow no "
            f"p-value below {floor:.3g}, alpha is {experiment.alpha:g}",
            column=",".join(level.column for level in experiment.exchangeability_levels) or None,
            subjects=result.n,
            remedy="Let more units change places, or raise n_permutations.",
        )


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


def inference_rows(
    pair: str,
    x: str,
    y: str,
    result: CCAResult,
    held_out: HeldOutTest,
    stability: AxisStability | None,
) -> list[dict]:
    """One row per component; held-out test and stability may know fewer components."""
    shared = {
        name: getattr(result, name)
        for name in (
            "n", "n_effective", "x_dim", "y_dim", "x_variance", "y_variance", "n_permutations",
            "smallest_p", "regularisation", "method",
        )
    }  # fmt: skip
    per_component = {
        "correlation": result.correlations,
        "null_mean": result.null_correlations.mean(axis=0),
        "p_value": result.p_values,
        "p_uncorrected": result.p_values_uncorrected,
        "p_error": result.p_value_errors,
        "p_held_out": held_out.p_values,
        "held_out_projected": held_out.mean,
        **{name: getattr(result, name) for name in ("x_redundancy", "y_redundancy")},
        **{
            name: () if stability is None else getattr(stability, name)
            for name in ("bootstrap_x", "bootstrap_y", "split_half_x", "split_half_y")
        },
    }
    return [
        {
            "pair": pair,
            "x": x,
            "y": y,
            "component": k + 1,
            **{name: v[k] if k < len(v) else np.nan for name, v in per_component.items()},
            **shared,
        }
        for k in range(len(result.correlations))
    ]


def loading_rows(pair: str, block: str, component: int, columns, values, errors) -> pd.DataFrame:
    """Structure coefficients of one block and component."""
    return pd.DataFrame(
        {
            "pair": pair,
            "block": block,
            "component": component,
            "feature": list(columns),
            "unit": [parse_feature_name(c).unit for c in columns],
            "loading": values,
            "loading_se": errors,
        }
    )


def concat(frames: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    """Frames below one another, or an empty frame with the same columns."""
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def hold_out_pairs(
    recipe: Recipe,
    folds: pd.Series,
    axes: pd.DataFrame,
    projections: dict[str, pd.DataFrame],
    blocks,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Canonical correlations in test folds with weights from training folds.

    Returns
    -------
    held_out : DataFrame
        pair, component, fold, training correlation, held-out correlation, and the stability of
        the axis: its absolute correlation with the full-sample axis, per side.
    scores : DataFrame
        Out-of-fold variates, standardised by training subjects, aligned to the full-sample axes.
    """
    rows, scores = [], pd.DataFrame(np.nan, index=axes.index, columns=axes.columns)
    for x, y in pairs_of(blocks):
        pair = f"{x}~{y}"
        names = [c for c in axes.columns if c.startswith(f"{pair}:") and c.endswith(":x")]
        others = [c[:-1] + "y" for c in names]
        for fold, (train, test) in enumerate(fold_splits(folds)):
            X, Y = (projections[f"{b}-adjusted-{fold}"].loc[axes.index].to_numpy() for b in (x, y))
            model = fit_cca(X[train], Y[train], len(names))
            U, V = model.score(X, Y)
            # In the fold's own order: matching to the full sample would look at test subjects.
            held_out = column_correlations(U[test], V[test])
            # Aligned in subject space by both sides at once, from training subjects.
            k = U.shape[1]
            reference = np.vstack(
                [axes[names[:k]].to_numpy()[train], axes[others[:k]].to_numpy()[train]]
            )
            order, signs = align_components(reference, np.vstack([U[train], V[train]]))
            U, V = U[:, order] * signs, V[:, order] * signs
            stable_x = column_correlations(U[train], axes[names[:k]].to_numpy()[train])
            stable_y = column_correlations(V[train], axes[others[:k]].to_numpy()[train])
            for c in range(k):
                rows.append(
                    {
                        "pair": pair,
                        "component": c + 1,
                        "fold": fold,
                        "training": model.correlations[c],
                        "held_out": held_out[c],
                        "stability_x": abs(stable_x[c]),
                        "stability_y": abs(stable_y[c]),
                    }
                )
            for columns, variates in ((names[:k], U), (others[:k], V)):
                centre, spread = variates[train].mean(axis=0), variates[train].std(axis=0)
                scores.iloc[test, scores.columns.get_indexer(columns)] = (
                    variates[test] - centre
                ) / spread
    columns = ["pair", "component", "fold", "training", "held_out", "stability_x", "stability_y"]
    scores.index.name = SUBJECT
    return pd.DataFrame(rows, columns=columns), scores
