"""Few clusters, large families, repeated folds and curves of the confounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.calibration.cohorts import CohortSettings, make_recipe, simulate_tables
from neurogenomics_kb.calibration.coverage import Population, draw
from neurogenomics_kb.calibration.runs import PValues
from neurogenomics_kb.pipelines.integration import nodes
from neurogenomics_kb.pipelines.integration.analyses.prediction.nodes import (
    compare_curved,
    predict_outcome,
)
from neurogenomics_kb.stats.inference.partial import odds_ratio, partial_correlation
from neurogenomics_kb.stats.prediction.folds import (
    fold_splits,
    inner_splits,
    make_folds,
    repeat_folds,
)
from neurogenomics_kb.stats.prediction.predictors import fit_linear, predict_score
from neurogenomics_kb.stats.prediction.resampling import corrected_resampled_t
from neurogenomics_kb.stats.roc import auc_score


@dataclass(frozen=True)
class Clusters:
    """Clusters of unequal size, and an axis and an outcome that have nothing in common.

    Attributes
    ----------
    number : int
        Clusters.
    sizes : tuple of int
        Sizes that they have, equally often.
    likeness : float
        Correlation of two members, in axis, outcome and covariates.
    covariates : int
    """

    number: int = 12
    sizes: tuple[int, ...] = (2, 4, 6, 10, 20, 30)
    likeness: float = 0.4
    covariates: int = 3


def cluster_p_values(settings: Clusters, seed: int) -> PValues:
    """P-values of associations in a few clusters."""
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(settings.number), rng.choice(settings.sizes, settings.number))

    def noise() -> np.ndarray:
        shared = rng.normal(size=settings.number)[clusters]
        own = rng.normal(size=len(clusters))
        return np.sqrt(settings.likeness) * shared + np.sqrt(1 - settings.likeness) * own

    Z = np.column_stack([noise() for _ in range(settings.covariates)])
    axis, outcome = 0.4 * Z[:, 0] + noise(), 0.5 * Z[:, -1] + noise()
    found = {
        f"association in clusters, partial {method}": partial_correlation(
            axis, outcome, Z, method=method, clusters=clusters
        )
        for method in ("pearson", "spearman")
    }
    found["association in clusters, odds ratio"] = odds_ratio(
        axis, (outcome > 0).astype(float), Z, clusters=clusters
    )
    return {kind: result.p_value for kind, result in found.items()}


def compare_over_repeats(population: Population, seed: int, n_repeats: int = 10) -> PValues:
    """Two blocks of equal strength on repeated folds: tests of a difference that is none."""
    rng = np.random.default_rng(seed)
    y, blocks, family = draw(rng, population, population.n)
    blocks[1][:, 0] += population.effect / 2 * y
    related = max(population.family_sizes) > 1
    outcome, groups = pd.Series(y, name="outcome"), pd.Series(family, name="family")
    scheme = "stratified_grouped" if related else "stratified"
    folds = repeat_folds(
        lambda own: make_folds(
            outcome, scheme=scheme, groups=groups if related else None, seed=own
        ),
        n_repeats,
        seed,
    )
    gaps = []
    for train, test in fold_splits(folds):
        inner = inner_splits(y[train], family[train] if related else None, seed=seed)
        scores = [
            predict_score(
                fit_linear(X[train], y[train], inner, continuous=False), X[test], continuous=False
            )
            for X in blocks
        ]
        gaps.append(auc_score(y[test], scores[0]) - auc_score(y[test], scores[1]))
    table = np.reshape(gaps, (n_repeats, -1))
    return {
        "comparison over repeats, corrected t, two-sided": corrected_resampled_t(table).p_value,
        "comparison over repeats, corrected t, one-sided": corrected_resampled_t(
            table, alternative="greater"
        ).p_value,
    }


def curve_p_values(
    settings: CohortSettings, seed: int, *, curve: float = 0.0, **experiment: Any
) -> PValues:
    """What all blocks add to the covariates, with and without curves of the confounds.

    Parameters
    ----------
    settings : CohortSettings
        What is planted, and how strongly.
    seed : int
        Seed of the cohort.
    curve : float
        Effect of age² on every feature, and one and a half times as much on the outcome.
    **experiment
        What differs in the experiment.
    """
    recipe = make_recipe(settings, analyses=["prediction"], seed=seed, **experiment)
    participants, features, quality = simulate_tables(settings, seed)
    age = ((participants["age"] - 60) / 10).to_numpy()
    bend = curve * (age**2 - np.mean(age**2))
    for name in ("genomics", "smri"):
        features[name] = features[name].add(pd.Series(bend, features[name].index), axis=0)
    liability = participants["score"] + 1.5 * bend
    cut = liability.quantile(1 - settings.prevalence)
    participants = participants.assign(score=liability, diagnosis=(liability > cut).astype(float))
    tables = [t for m in nodes.MODALITIES for t in (features[m], quality[m])]
    cohort, blocks, *_ = nodes.assemble_cohort(recipe, participants, *tables)
    folds, _ = nodes.split_folds(recipe, cohort)
    projections, _ = nodes.project_blocks(recipe, cohort, blocks, folds)
    predictions = predict_outcome(recipe, cohort, folds, projections, blocks)
    row = compare_curved(recipe, cohort, predictions).iloc[0]
    straight = "comparison, fusion + covariates against covariates"
    return {
        f"naive: straight lines, {straight}" if curve else straight: row["p_raw"],
        "the same with curves of the confounds": row["curved_p_raw"],
        "change of the comparison with curves": row["p_change"],
    }
