"""Attribution of a block's prediction to its units: genes, regions, scales."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.loops import parallel_loop
from neurogenomics_kb.foundation.naming import units_of
from neurogenomics_kb.pipelines.integration.analyses.logo.tables import ATTRIBUTION
from neurogenomics_kb.pipelines.integration.design import (
    cluster_labels,
    confound_matrix,
    covariates_for,
    fold_groups,
    prepare_block,
    residuals,
)
from neurogenomics_kb.pipelines.integration.transformers import build_transformer, projector
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.inference.attribution import (
    attainable_significance,
    attribution_table,
    paired_swap_test,
)
from neurogenomics_kb.stats.inference.clusters import correlated_units
from neurogenomics_kb.stats.inference.leave_one_out import LeaveOneOutPCA
from neurogenomics_kb.stats.inference.permutation import interval_of_p_value
from neurogenomics_kb.stats.inference.residual_space import independent_design
from neurogenomics_kb.stats.prediction.bounds import AT_MOST_ONE
from neurogenomics_kb.stats.prediction.folds import fold_splits, inner_splits
from neurogenomics_kb.stats.prediction.metrics import held_out_r2
from neurogenomics_kb.stats.prediction.predictors import fit_linear, predict_score, same_settings
from neurogenomics_kb.stats.prediction.resampling import fold_mean_interval
from neurogenomics_kb.stats.roc import auc_score, cv_auc
from neurogenomics_kb.stats.transformers.factor_analysis import FactorAnalysis, LeaveOneOutFactors
from neurogenomics_kb.stats.transformers.projection import CappedPCA, cap_dimension
from neurogenomics_kb.stats.transformers.refit import LeaveOneOutRefit

logger = logging.getLogger(__name__)

ADJUSTMENT = "maximum over all units and clusters"


def attribute_block(
    recipe: Recipe, cohort: pd.DataFrame, blocks: dict[str, pd.DataFrame], folds: pd.Series
) -> tuple[pd.DataFrame, list[str]]:
    """Leave every unit of a block out in turn, refitting the projection without it.

    Units that carry the same information share credit, so correlated units are also left out
    together (rows of level ``cluster``), in one family of tests with the single ones.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Analysed people.
    blocks : dict of str to DataFrame
        Raw features of every block.
    folds : Series
        Test fold of every person.

    Returns
    -------
    table : DataFrame
        One row per unit and cluster, largest loss first.
    notes : list of str
        What the tests can and cannot show with this design.

    Raises
    ------
    InputError
        If the primary test could not reach `alpha` with the experiment's permutations.
    """
    experiment = recipe.experiment
    name = experiment.attribution_block or next(iter(recipe.blocks))
    if name not in blocks:
        return ATTRIBUTION.empty(), [f"LOGO: block '{name}' is absent."]
    groups_of_units = {unit: [unit] for unit in units_of(blocks[name].columns)}
    for cluster in clusters_of(recipe, name, blocks[name], cohort):
        groups_of_units[" + ".join(cluster)] = cluster
    notes = attainable_notes(recipe, name, folds.nunique(), groups_of_units)
    for note in notes:
        logger.info(note)
    found = predict_without(recipe, cohort, name, blocks[name], folds, groups_of_units)
    y = cohort[experiment.outcome].to_numpy(dtype=float)
    score = fold_scores(recipe, y, found.means, folds.to_numpy())
    swap = paired_swap_test(
        y, found.full, found.reduced, folds.to_numpy(),
        clusters=cluster_labels(recipe, cohort),
        continuous=recipe.continuous,
        n_permutations=experiment.n_permutations,
        random_state=experiment.seed,
    )  # fmt: skip
    groups = fold_groups(recipe, cohort)
    result = attribution_table(
        list(groups_of_units),
        np.column_stack([score(found.full) - score(column) for column in found.reduced.T]),
        swap,
        np.array([score_alone(recipe, y, c, folds, score, groups) for c in found.single.T]),
        largest=np.inf if recipe.continuous else 1.0,
    )
    result["level"] = [
        "unit" if len(groups_of_units[unit]) == 1 else "cluster" for unit in result["unit"]
    ]
    result["block"] = name
    result["metric"] = "r2" if recipe.continuous else "auroc"
    result["full_score"] = score(found.full).mean()
    result["adjustment"] = ADJUSTMENT
    result = result.rename(columns={"p_swap": "p_raw", "p_swap_fwe": "p_adjusted"})
    for name in ("p_raw", "p_adjusted"):
        ends = interval_of_p_value(result[name].to_numpy(), experiment.n_permutations)
        result[f"{name}_low"], result[f"{name}_high"] = ends
    return result[list(ATTRIBUTION.names)], notes


@dataclass(frozen=True)
class WithoutUnits:
    """Out-of-fold predictions with every unit, without each, and of each alone.

    Parameters
    ----------
    full : ndarray (n,)
        Predictions of the whole block.
    reduced, single : ndarray (n, G)
        Predictions without each unit, and of each alone.
    means : ndarray (n,)
        Mean outcome of the training fold, which a model of nothing predicts.
    """

    full: np.ndarray
    reduced: np.ndarray
    single: np.ndarray
    means: np.ndarray


def predict_without(
    recipe: Recipe,
    cohort: pd.DataFrame,
    name: str,
    features: pd.DataFrame,
    folds: pd.Series,
    groups_of_units: dict[str, list[str]],
) -> WithoutUnits:
    """Leave every group of units out in every fold; the projection is fitted anew without it.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Analysed people.
    name : str
        Block.
    features : DataFrame
        Raw features of the block.
    folds : Series
        Test fold of every person.
    groups_of_units : dict of str to list of str
        Units that are left out together.
    """
    covariates = covariates_for(recipe, cohort)
    table = pd.concat([features, covariates], axis=1)
    y = cohort[recipe.experiment.outcome].to_numpy(dtype=float)
    groups = fold_groups(recipe, cohort)
    shape = (len(y), len(groups_of_units))
    found = WithoutUnits(np.empty(len(y)), np.empty(shape), np.empty(shape), np.empty(len(y)))
    for fold, (train, test) in enumerate(fold_splits(folds)):
        transformer = build_transformer(recipe, name, covariates.columns, project=False)
        transformer.fit(table.iloc[train])
        X = transformer.transform(table)
        width, columns = X.shape[1], units_of(X.columns)
        names, values = X.columns, X.to_numpy()
        parts = values[train], values[test]
        del X, values  # the parts are a second copy of a large block already
        projection = leave_one_out(recipe, name, *parts, names)
        del parts
        inner = inner_splits(
            y[train],
            None if groups is None else groups[train],
            seed=recipe.experiment.seed,
            continuous=recipe.continuous,
        )
        inside, outside = projection.everything()
        chosen = fit_linear(inside, y[train], inner, continuous=recipe.continuous)
        found.full[test] = predict_score(chosen, outside, continuous=recipe.continuous)
        found.means[test] = y[train].mean()
        tasks = [
            np.array([c for unit in members for c in columns.get(unit, [])], dtype=int)
            for members in groups_of_units.values()
        ]
        pairs = parallel_loop(
            _without_and_alone, tasks,
            shared=(recipe, chosen, projection, width, y[train], len(test)),
            label=f"leave one out: fold {fold + 1} of {folds.nunique()}",
        )  # fmt: skip
        found.reduced[test], found.single[test] = (
            np.stack(side, axis=1) for side in zip(*pairs, strict=True)
        )
        # The next fold's tables are made while this one's names still stand.
        del projection, inside, outside, chosen, pairs
        logger.info("leave-one-out models fitted in fold %d of %d", fold + 1, folds.nunique())
    return found


def _without_and_alone(
    kept: np.ndarray, recipe: Recipe, chosen, projection, width: int, y: np.ndarray, n_test: int
) -> tuple[np.ndarray, np.ndarray]:
    """Test predictions (n_test,) without some columns, and of them alone.

    The penalty stays that of the full model, so that only the unit differs. Where nothing is left
    the mean is predicted.
    """
    nothing = np.full(n_test, y.mean())
    everything = len(kept) == width
    without = nothing if everything else refit(recipe, chosen, *projection.without(kept), y)
    alone = refit(recipe, chosen, *projection.only(kept), y) if len(kept) else nothing
    return without, alone


def clusters_of(
    recipe: Recipe, name: str, features: pd.DataFrame, cohort: pd.DataFrame
) -> list[list[str]]:
    """Clusters of correlated units once the confounds are removed, by features alone."""
    ready = prepare_block(recipe, name, features, cohort)
    design = independent_design(confound_matrix(recipe, cohort), len(cohort))
    columns = {unit: np.array(c) for unit, c in units_of(ready.columns).items()}
    left = residuals(ready.to_numpy(), design)
    del ready
    found = correlated_units(left, columns)
    # A cluster of everything leaves no model to compare with.
    return [cluster for cluster in found if len(cluster) < len(columns)]


def score_alone(recipe: Recipe, y, predicted, folds: pd.Series, score, groups) -> list[float]:
    """Score of a unit alone with its interval."""
    if recipe.continuous:
        return list(fold_mean_interval(score(predicted), bounds=AT_MOST_ONE))
    result = cv_auc(y, predicted, folds.to_numpy(), clusters=groups)
    return [result.auc, *result.ci]


def attainable_notes(recipe: Recipe, block: str, n_folds: int, tests: dict) -> list[str]:
    """State, before anything is fitted, what each test could show at best.

    Raises
    ------
    InputError
        If the primary test cannot show anything.
    """
    experiment = recipe.experiment
    best = attainable_significance(n_folds, len(tests), experiment.n_permutations, experiment.alpha)
    if best.swap > experiment.alpha:
        raise InputError(
            f"LOGO with {experiment.n_permutations} permutations cannot go below p = "
            f"{best.swap:.3g}, alpha is {experiment.alpha:g}",
            column="n_permutations",
            remedy=f"Use at least {best.permutations_needed} permutations for {len(tests)} units.",
        )
    clusters = [unit for unit, members in tests.items() if len(members) > 1]
    return [
        f"LOGO over {len(tests) - len(clusters)} units and {len(clusters)} clusters of correlated "
        f"units of block '{block}': the paired swap test can reach p = {best.swap:.4f} family-wise "
        f"and, for one unit alone, q = {best.swap_alone:.3g}"
        + (
            f" (at least {best.permutations_needed:,} permutations would be needed for q below "
            f"{experiment.alpha:g})."
            if best.swap_alone > experiment.alpha
            else "."
        ),
        f"A Wilcoxon test over {n_folds} folds, as often planned, cannot go below p = "
        f"{best.wilcoxon:.4g}, for one unit alone q = {best.wilcoxon_alone:.3g}"
        + (
            f": nothing could be significant with it at {experiment.alpha:g}."
            if best.wilcoxon_alone > experiment.alpha
            else "."
        )
        + " It is shown for comparison only; folds share training subjects.",
    ]


def leave_one_out(
    recipe: Recipe, name: str, train: np.ndarray, test: np.ndarray, names: pd.Index
) -> LeaveOneOutPCA | LeaveOneOutRefit:
    """The block's projector in this fold, with any group of columns left out or alone.

    Principal components share one decomposition; any other projector is fitted again.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    name : str
        Block.
    train, test : ndarray (n_train, p), (n_test, p)
        Features after every earlier step; centred in place.
    names : Index (p,)
        Of the features.
    """
    model = projector(recipe, recipe.blocks[name])
    if model is None:
        return LeaveOneOutPCA(train, test, train.shape[1], overwrite=True)
    if not isinstance(model, CappedPCA):
        kind = LeaveOneOutFactors if isinstance(model, FactorAnalysis) else LeaveOneOutRefit
        tables = (pd.DataFrame(part, columns=names, copy=False) for part in (train, test))
        return kind(model, *tables)
    dim = cap_dimension(
        model.dim,
        n=len(train),
        n_blocks=model.n_blocks,
        subjects_per_dimension=model.subjects_per_dimension,
    )
    return LeaveOneOutPCA(train, test, dim, overwrite=True)


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
