"""Bootstrap intervals of fold-averaged scores, resampling subjects, families or sites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from neurogenomics_kb.foundation.choices import refuse_unknown
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction.resampling import (
    N_FEATURES,
    cluster_codes,
    fold_score_interval,
    refuse_gaps,
)

FEW_CLUSTERS = 10
N_REDRAWS = 20


@dataclass(frozen=True)
class BootstrapInterval:
    """Bootstrap interval, conditional on the fitted models.

    Attributes
    ----------
    value, low, high : float
    n_clusters : int
        Independent units that were drawn.
    note : str
        What makes the interval unreliable, if anything.
    """

    value: float
    low: float
    high: float
    n_clusters: int
    note: str = ""


def bootstrap_folds(
    metric,
    y_true: np.ndarray,
    scores: np.ndarray,
    folds: np.ndarray,
    *,
    clusters: np.ndarray | None = None,
    chance: float | None = None,
    n_features: float = N_FEATURES,
    scale: Literal["logit", "identity", "percentile"] = "logit",
    n_resamples: int = 500,
    confidence: float = 0.95,
    random_state: int = 0,
) -> BootstrapInterval:
    """Interval of a fold-averaged score, by its bootstrap standard error.

    The data, the design and the interval each have parameters of their own, all but the data with a
    default, as for other intervals.

    Whole clusters are drawn inside each test fold. Where some fold is a single cluster (leave one
    site out) clusters are drawn over the whole sample instead, and a fold weighs as its clusters
    were drawn. A resample that lacks a class is drawn again.

    The interval is about the score expected of the fitted models in test folds of this size. It is
    widened for subjects that also train the other folds' models, see `resampling.overlap_inflation`
    (not with ``scale="percentile"``). Coverage of 95 % intervals of average precision
    was measured as 93 to 98 % with five folds of 200 to 400 subjects, and 99 % with four cases per
    fold. The number of cases counts as sampled, so intervals are conservative in a case-control
    design.

    Parameters
    ----------
    metric : callable
        ``metric(y, score, weights)`` with ``weights`` (n_resamples, n) of draw counts, returning
        (n_resamples,), NaN where a resample cannot be scored.
    y_true, folds : ndarray (n,)
        True outcome, and test fold.
    scores : ndarray (n,) or (n, C)
        Scores, or probabilities of the classes.
    clusters : ndarray (n,), optional
        Families or sites that are drawn as wholes; subjects by default.
    chance : float, optional
        Score of a model that knows nothing (the prevalence for average precision). The further the
        score is from it, the less the interval is widened; without it the most.
    n_features : float
        Columns that the models were fitted to.
    scale : {"logit", "identity", "percentile"}
        ``"logit"`` for scores between 0 and 1, ``"identity"`` for others (larger is better).
        Percentiles are for single large test sets: a resample repeats subjects, which shifts
        precision upwards in small folds.
    n_resamples : int
        Bootstrap samples. Default 500.
    confidence : float
        Coverage of the interval, 0 to 1. Default 0.95.
    random_state : int
        Seed of the random numbers. Default 0.

    Returns
    -------
    BootstrapInterval

    Raises
    ------
    InputError
        If there is a single cluster, or a value is missing.
    """
    refuse_unknown("scale", scale, ("logit", "identity", "percentile"))
    rng = np.random.default_rng(random_state)
    y_true, scores, folds = np.asarray(y_true), np.asarray(scores), np.asarray(folds)
    for values, what in ((scores, "score"), (folds, "fold number")):
        if len(values) != len(y_true):
            raise InputError(
                f"{len(values)} values of the {what} for {len(y_true)} outcomes",
                remedy="Align the subjects first.",
            )
        refuse_gaps(values, what)
    codes = np.arange(len(folds)) if clusters is None else cluster_codes(clusters, len(folds))
    n_clusters = int(codes.max()) + 1
    rows_of = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    values = [metric(y_true[r], scores[r], np.ones((1, len(r))))[0] for r in rows_of]
    if any(len(np.unique(codes[rows])) == 1 for rows in rows_of):
        averaged = _across(metric, y_true, scores, rows_of, codes, n_resamples, rng)
    else:
        averaged = np.mean(
            [_within(metric, y_true[r], scores[r], codes[r], n_resamples, rng) for r in rows_of],
            axis=0,
        )
    value, K = float(np.mean(values)), len(rows_of)
    notes = [f"only {n_clusters} clusters: unreliable"] if n_clusters < FEW_CLUSTERS else []
    lost = int(np.isnan(averaged).sum())
    if lost:
        notes.append(f"{lost} of {n_resamples} resamples without a score")
    tail = (1 - confidence) / 2
    if scale == "percentile":
        low, high = np.nanquantile(averaged, [tail, 1 - tail])
    else:
        # A bootstrap of m units has (m − 1)/m of the variance; in a small fold the rarer class
        # counts.
        rarest = np.mean([_fewest(y_true[rows]) for rows in rows_of])
        se = float(np.nanstd(averaged, ddof=1)) * np.sqrt(rarest / max(rarest - 1, 1))
        low, high = fold_score_interval(
            value, se, chance=np.inf if chance is None else chance, n_folds=K,
            n_features=n_features, df=n_clusters - 1, confidence=confidence, scale=scale,
        )  # fmt: skip
    return BootstrapInterval(value, float(low), float(high), n_clusters, "; ".join(notes))


def _within(metric, y, scores, codes, n_resamples: int, rng) -> np.ndarray:
    """Scores of resamples of one fold; what cannot be scored is drawn again."""
    codes = np.unique(codes, return_inverse=True)[1]
    found = np.full(n_resamples, np.nan)
    for _ in range(N_REDRAWS):
        open_ = np.flatnonzero(np.isnan(found))
        if not len(open_):
            break
        weights = _draw(rng, codes.max() + 1, len(open_))[:, codes]
        found[open_] = metric(y, scores, weights.astype(float))
    return found


def _across(metric, y, scores, rows_of, codes, n_resamples: int, rng) -> np.ndarray:
    """Fold-averaged scores of resamples of clusters over the whole sample."""
    drawn = _draw(rng, int(codes.max()) + 1, n_resamples).astype(float)
    total, weight = np.zeros(n_resamples), np.zeros(n_resamples)
    for rows in rows_of:
        members = np.unique(codes[rows])
        share = drawn[:, members].mean(axis=1)
        found = np.full(n_resamples, np.nan)
        some = share > 0
        found[some] = metric(y[rows], scores[rows], drawn[some][:, codes[rows]])
        share = np.where(np.isnan(found), 0.0, share)
        total += share * np.nan_to_num(found)
        weight += share
    return np.divide(total, weight, out=np.full(n_resamples, np.nan), where=weight > 0)


def _draw(rng: np.random.Generator, n: int, n_resamples: int) -> np.ndarray:
    return rng.multinomial(n, np.full(n, 1 / n), size=n_resamples)


def _fewest(y: np.ndarray) -> int:
    """Subjects of the rarer class, or all where the outcome is no class."""
    levels, counts = np.unique(y, return_counts=True)
    return int(counts.min()) if len(levels) == 2 else len(y)
