"""Permutation inference of canonical correlations between blocks, on the full sample."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import parse_feature_name
from neurogenomics_kb.pipelines.integration.analyses.cca.tables import (
    AXIS,
    INFERENCE,
    LOADINGS,
    NULL,
)
from neurogenomics_kb.pipelines.integration.design import (
    capped,
    cluster_labels,
    confound_matrix,
    exchange_blocks,
    ready_blocks,
    residuals,
)
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.cca import CCAResult, permutation_cca
from neurogenomics_kb.stats.inference.features import FeatureTests, features_of_rows
from neurogenomics_kb.stats.inference.held_out import HeldOutTest, held_out_of_rows, held_out_rows
from neurogenomics_kb.stats.inference.residual_space import independent_design
from neurogenomics_kb.stats.inference.stability import AxisStability, axis_stability

logger = logging.getLogger(__name__)

ADJUSTMENT = "closed over components"
OVER_FEATURES = "largest over the features of the side"
SHARED = (
    "n", "n_effective", "x_dim", "y_dim", "x_variance", "y_variance", "smallest_p",
    "regularisation", "method",
)  # fmt: skip


@dataclass(frozen=True)
class _Pair:
    """What was found for one pair of blocks."""

    x: str
    y: str
    result: CCAResult
    held_out: HeldOutTest
    features: FeatureTests
    stability: AxisStability | None

    @property
    def components(self) -> range:
        return range(len(self.result.correlations))


def pairs_of(blocks: Iterable[str]) -> list[tuple[str, str]]:
    """All pairs of blocks, in the order of the experiment."""
    return list(itertools.combinations(blocks, 2))


def infer_pairs(
    recipe: Recipe, cohort: pd.DataFrame, blocks: Mapping[str, pd.DataFrame], folds: pd.Series
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Permutation test of every pair of blocks.

    Confounds are handled in the residual space of the test, where rows are exchangeable, and PCA
    follows inside it; fold-fitted residuals would not be exchangeable.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Analysed people.
    blocks : mapping of str to DataFrame
        Raw features of every block, rows as in `cohort`; each is read once.
    folds : Series
        Test fold of every person, for the held-out test.

    Returns
    -------
    inference : DataFrame
        One row per pair and component.
    null : DataFrame
        Canonical correlations under permutation.
    loadings : DataFrame
        Structure coefficients of all features with bootstrap standard errors.
    axes : DataFrame
        Canonical variates of the people; columns are tuples of x, y, component and side.
    """
    Z = confound_matrix(recipe, cohort)
    design = independent_design(Z, len(cohort))
    ready = ready_blocks(recipe, cohort, blocks, design)
    found = [
        _infer_pair(recipe, cohort, (x, y), (ready[x], ready[y]), Z, design, folds)
        for x, y in pairs_of(blocks)
    ]
    axes = {
        (pair.x, pair.y, k + 1, side): scores[:, k]
        for pair in found
        for k in pair.components
        for side, scores in (("x", pair.result.x_scores), ("y", pair.result.y_scores))
    }
    columns = pd.MultiIndex.from_tuples(list(axes), names=AXIS) if axes else None
    return (
        pd.DataFrame(
            [line for pair in found for line in _inference_rows(pair)],
            columns=list(INFERENCE.names),
        ),
        _concat([_null_rows(pair, k) for pair in found for k in pair.components], NULL),
        _concat(
            [
                _loading_rows(pair, side, k, ready)
                for pair in found
                for k in pair.components
                for side in ("x", "y")
            ],
            LOADINGS,
        ),
        pd.DataFrame(dict(enumerate(axes.values())), index=cohort.index).set_axis(columns, axis=1)
        if axes
        else pd.DataFrame(index=cohort.index),
    )


def _infer_pair(
    recipe: Recipe,
    cohort: pd.DataFrame,
    names: tuple[str, str],
    tables: tuple[pd.DataFrame, pd.DataFrame],
    Z: np.ndarray,
    design: np.ndarray,
    folds: pd.Series,
) -> _Pair:
    """Inference, held-out test and stability of one pair."""
    experiment = recipe.experiment
    X, Y = (table.to_numpy() for table in tables)
    dims = tuple(capped(recipe, b, len(cohort) - design.shape[1]) for b in names)
    structure = exchange_blocks(recipe, cohort)
    pair = " and ".join(names)
    logger.info(
        "CCA %s: %d to %d permutations of %d subjects",
        pair, experiment.n_permutations, experiment.most_permutations, len(cohort),
    )  # fmt: skip
    result = cca_of_pair(recipe, cohort, names, tables, Z)
    _refuse_hopeless(recipe, pair, result)
    # Both tests permute the same rows, so that each axis of a fold is found once.
    rows = held_out_rows(
        X, Y, folds.loc[cohort.index].to_numpy(),
        confounds=Z,
        pca=dims,
        blocks=structure,
        unit_rows=experiment.unit_rows,
        random_state=experiment.seed,
        keep=experiment.n_permutations,
    )  # fmt: skip
    held_out = held_out_of_rows(
        rows,
        n_components=len(result.correlations),
        n_permutations=experiment.n_permutations,
        max_permutations=experiment.most_permutations,
        alpha=experiment.alpha,
    )
    features = features_of_rows(
        rows,
        pca=dims,
        n_components=len(result.correlations),
        n_permutations=experiment.n_permutations,
    )
    del rows
    stability = None
    if experiment.n_bootstraps:
        stability = axis_stability(
            residuals(X, design), residuals(Y, design),
            dims=dims,
            n_components=len(result.correlations),
            clusters=cluster_labels(recipe, cohort),
            n_bootstraps=experiment.n_bootstraps,
            random_state=experiment.seed,
        )  # fmt: skip
    return _Pair(*names, result, held_out, features, stability)


def cca_of_pair(
    recipe: Recipe,
    cohort: pd.DataFrame,
    names: tuple[str, str],
    tables: tuple[pd.DataFrame, pd.DataFrame],
    Z: np.ndarray,
    *,
    unit_rows: bool = False,
) -> CCAResult:
    """Permutation test of two blocks, as the experiment sets it.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Analysed people.
    names : tuple of str
        The two blocks.
    tables : tuple of DataFrame
        Their features on the full sample, confounds still in.
    Z : ndarray (n, r)
        Confounds.
    unit_rows : bool
        Rows of one length also where the experiment does not ask for them.
    """
    experiment = recipe.experiment
    n_effective = len(cohort) - independent_design(Z, len(cohort)).shape[1]
    chosen = experiment.regularisation
    return permutation_cca(
        *(table.to_numpy() for table in tables),
        confounds=Z,
        n_components=experiment.n_components,
        n_permutations=experiment.n_permutations,
        blocks=exchange_blocks(recipe, cohort),
        statistic=experiment.statistic,
        random_state=experiment.seed,
        pca=tuple(capped(recipe, b, n_effective) for b in names)
        if chosen == "none"
        else (None, None),
        regularisation=chosen,
        grid=experiment.regularisation_grid,
        unit_rows=unit_rows or experiment.unit_rows,
        max_permutations=experiment.most_permutations,
        alpha=experiment.alpha,
    )


def _refuse_hopeless(recipe: Recipe, pair: str, result: CCAResult) -> None:
    """Refuse a design in which no result could be significant.

    Raises
    ------
    InputError
    """
    experiment = recipe.experiment
    floor = result.smallest_p
    if floor > experiment.alpha:
        raise InputError(
            f"CCA of {pair}: exchangeability and {experiment.most_permutations} permutations allow "
            f"no p-value below {floor:.3g}, alpha is {experiment.alpha:g}",
            column=",".join(level.column for level in experiment.exchangeability_levels) or None,
            subjects=result.n,
            remedy="Let more units change places, or raise n_permutations.",
        )


def _inference_rows(pair: _Pair) -> list[dict]:
    """One row per component; held-out test and stability may know fewer components."""
    result, held_out, stability = pair.result, pair.held_out, pair.stability
    shared = {name: getattr(result, name) for name in SHARED}
    per_component = {
        "correlation": result.correlations,
        "null_mean": result.null_correlations.mean(axis=0),
        "p_raw": result.p_values_uncorrected,
        "p_adjusted": result.p_values,
        "p_raw_low": result.p_values_low,
        "p_raw_high": result.p_values_high,
        "p_adjusted_low": np.maximum.accumulate(result.p_values_low),
        "p_adjusted_high": np.maximum.accumulate(result.p_values_high),
        "p_held_out_adjusted": held_out.p_values,
        "p_held_out_adjusted_low": held_out.p_values_low,
        "p_held_out_adjusted_high": held_out.p_values_high,
        "n_permutations": result.draws,
        "n_permutations_held_out": held_out.draws,
        "held_out_projected": held_out.mean,
        **{name: getattr(result, name) for name in ("x_redundancy", "y_redundancy")},
        **{
            name: () if stability is None else getattr(stability, name)
            for name in ("bootstrap_x", "bootstrap_y", "split_half_x", "split_half_y")
        },
    }
    return [
        {
            "x": pair.x,
            "y": pair.y,
            "component": k + 1,
            "adjustment": ADJUSTMENT,
            **{name: v[k] if k < len(v) else np.nan for name, v in per_component.items()},
            **shared,
        }
        for k in pair.components
    ]


def _null_rows(pair: _Pair, k: int) -> pd.DataFrame:
    """Canonical correlations of one component under permutation."""
    values = pair.result.null_correlations[:, k]
    return pd.DataFrame({"x": pair.x, "y": pair.y, "component": k + 1, "correlation": values})


def _loading_rows(pair: _Pair, side: str, k: int, ready: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Structure coefficients of one side and component."""
    block = pair.x if side == "x" else pair.y
    names = [parse_feature_name(c) for c in ready[block].columns]
    loadings = getattr(pair.result, f"{side}_loadings")[:, k]

    def told(source, name: str) -> np.ndarray | float:
        """Column of a component, which tests and resamples may know fewer of."""
        values = None if source is None else getattr(source, f"{side}_{name}")
        return np.nan if values is None or k >= values.shape[1] else values[:, k]

    return pd.DataFrame(
        {
            "x": pair.x,
            "y": pair.y,
            "component": k + 1,
            "side": side,
            "block": block,
            "feature": list(ready[block].columns),
            "group": [name.group for name in names],
            "unit": [name.unit for name in names],
            "loading": loadings,
            "loading_se": told(pair.stability, "loading_se"),
            "cross_loading": told(pair.features, "cross") * _same_way(pair, side, k),
            "p_raw": told(pair.features, "p_raw"),
            "p_adjusted": told(pair.features, "p_values"),
            "adjustment": OVER_FEATURES,
            "selection": told(pair.stability, "selection"),
        }
    )


def _same_way(pair: _Pair, side: str, k: int) -> float:
    """Sign that turns the cross-loadings of a component the way its loadings go."""
    own = getattr(pair.features, f"{side}_loadings")
    if k >= own.shape[1]:
        return 1.0
    return -1.0 if own[:, k] @ getattr(pair.result, f"{side}_loadings")[:, k] < 0 else 1.0


def _concat(frames: list[pd.DataFrame], contract) -> pd.DataFrame:
    """Frames below one another, or the contract's empty table."""
    return pd.concat(frames, ignore_index=True) if frames else contract.empty()
