"""Canonical correlations of test subjects, with weights from training folds."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.pipelines.integration.analyses.cca.inference import pairs_of
from neurogenomics_kb.pipelines.integration.analyses.cca.tables import DIRECTION, HELD_OUT
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.inference.canonical import (
    align_components,
    column_correlations,
    fit_cca,
)
from neurogenomics_kb.stats.prediction.folds import fold_splits


def hold_out_pairs(
    folds: pd.Series,
    axes: pd.DataFrame,
    projections: dict[str, pd.DataFrame],
    blocks: Iterable[str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Canonical correlations in test folds with weights from training folds.

    Parameters
    ----------
    folds : Series
        Test fold of every person.
    axes : DataFrame
        In-sample variates; columns are tuples of x, y, component and side.
    projections : dict of str to DataFrame
        Blocks as every fold sees them.
    blocks : iterable of str
        Blocks that the cohort has, in the experiment's order.

    Returns
    -------
    held_out : DataFrame
        Training and held-out correlation per pair, component and fold, and the stability of the
        axis: its absolute correlation with the full-sample axis, per side.
    scores : DataFrame
        Out-of-fold variates, standardised by training subjects, aligned to the full-sample axes.
    """
    rows: list[dict] = []
    scores = pd.DataFrame(np.nan, index=axes.index, columns=axes.columns)
    for x, y in pairs_of(blocks):
        names = [key for key in axes.columns if key[:2] == (x, y) and key[3] == "x"]
        others = [(*key[:3], "y") for key in names]
        full_x, full_y = axes[names].to_numpy(), axes[others].to_numpy()
        for fold, (train, test) in enumerate(fold_splits(folds)):
            X, Y = (projections[f"{b}-adjusted-{fold}"].loc[axes.index].to_numpy() for b in (x, y))
            model = fit_cca(X[train], Y[train], len(names))
            U, V = model.score(X, Y)
            # In the fold's own order: matching to the full sample would look at test subjects.
            held_out = column_correlations(U[test], V[test])
            # Aligned in subject space by both sides at once, from training subjects.
            k = U.shape[1]
            reference = np.vstack([full_x[train, :k], full_y[train, :k]])
            order, signs = align_components(reference, np.vstack([U[train], V[train]]))
            U, V = U[:, order] * signs, V[:, order] * signs
            stable_x = column_correlations(U[train], full_x[train, :k])
            stable_y = column_correlations(V[train], full_y[train, :k])
            rows += [
                {
                    "x": x,
                    "y": y,
                    "component": c + 1,
                    "fold": fold,
                    "training": model.correlations[c],
                    "held_out": held_out[c],
                    "stability_x": abs(stable_x[c]),
                    "stability_y": abs(stable_y[c]),
                }
                for c in range(k)
            ]
            for columns, variates in ((names[:k], U), (others[:k], V)):
                centre, spread = variates[train].mean(axis=0), variates[train].std(axis=0)
                places = [scores.columns.get_loc(column) for column in columns]
                scores.iloc[test, places] = (variates[test] - centre) / spread
    scores.index.name = SUBJECT
    return pd.DataFrame(rows, columns=list(HELD_OUT.names)), scores


def axis_direction(recipe: Recipe, cohort: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """How the out-of-fold variates go with the outcome.

    The sign of a canonical axis is arbitrary, so a loading means something only beside this
    correlation.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Analysed people, named by the index.
    scores : DataFrame
        Out-of-fold variates; columns are tuples of x, y, component and side.

    Returns
    -------
    DataFrame
        One row per axis; none where the outcome has several classes, which have no order.
    """
    if recipe.multiclass:
        return DIRECTION.empty()
    outcome = cohort[recipe.experiment.outcome].astype(float)
    rows = []
    for x, y, component, side in scores.columns:
        axis = scores[x, y, component, side]
        known = axis.notna() & outcome.notna()
        rows.append(
            {
                "x": x,
                "y": y,
                "component": component,
                "side": side,
                "block": x if side == "x" else y,
                "outcome": recipe.experiment.outcome,
                "correlation": float(np.corrcoef(axis[known], outcome[known])[0, 1]),
                "n": int(known.sum()),
            }
        )
    return pd.DataFrame(rows, columns=list(DIRECTION.names))
