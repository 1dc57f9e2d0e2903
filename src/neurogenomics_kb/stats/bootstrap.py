"""Bootstrap intervals of fold-averaged scores, resampling subjects, families or sites."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurogenomics_kb.errors import InputError
from neurogenomics_kb.stats.roc import fold_overlap, logit_interval

FEW_CLUSTERS = 10


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
    n_resamples: int = 500,
    confidence: float = 0.95,
    random_state: int = 0,
) -> BootstrapInterval:
    """Interval of a fold-averaged score between 0 and 1, by its bootstrap standard error.

    Made on the logit scale. Percentiles are not used: a resample repeats subjects, which shifts
    precision upwards in small folds. The interval is about the score expected in test folds of
    this size.

    Whole clusters are drawn inside each test fold. Where every fold is a single cluster (leave one
    site out) clusters are drawn over the whole sample instead, and folds weigh as often as drawn.

    Parameters
    ----------
    metric : callable
        ``metric(y, score, weights)`` with ``weights`` (n_resamples, n) of draw counts, returning
        (n_resamples,), NaN where a resample cannot be scored.
    y_true, scores, folds : ndarray (n,)
    clusters : ndarray (n,), optional
        Families or sites that are drawn as wholes; subjects by default.
    n_resamples : int
    confidence : float
    random_state : int

    Returns
    -------
    BootstrapInterval

    Raises
    ------
    InputError
        If there is a single cluster.
    """
    rng = np.random.default_rng(random_state)
    folds = np.asarray(folds)
    labels = np.arange(len(folds)) if clusters is None else np.asarray(clusters)
    n_clusters = len(np.unique(labels))
    if n_clusters < 2:
        raise InputError(
            "a bootstrap needs several clusters, there is one", subjects=len(folds),
            remedy="Resample subjects, or use more sites.",
        )  # fmt: skip
    numbers = np.unique(folds)
    rows_of = [np.flatnonzero(folds == fold) for fold in numbers]
    across = all(len(np.unique(labels[rows])) == 1 for rows in rows_of)
    values, resampled, shares = [], [], []
    drawn = _draw(rng, n_clusters, n_resamples) if across else None
    overall = np.unique(labels, return_inverse=True)[1]
    for rows in rows_of:
        values.append(metric(y_true[rows], scores[rows], np.ones((1, len(rows))))[0])
        if across:
            shares.append(drawn[:, overall[rows[0]]])
            resampled.append(np.full(n_resamples, values[-1]))
        else:
            codes = np.unique(labels[rows], return_inverse=True)[1]
            weights = _draw(rng, codes.max() + 1, n_resamples)[:, codes]
            shares.append(np.ones(n_resamples))
            resampled.append(metric(y_true[rows], scores[rows], weights.astype(float)))
    scored, weight = np.stack(resampled), np.stack(shares).astype(float)
    weight[np.isnan(scored)] = 0.0
    total = weight.sum(axis=0)
    averaged = np.divide(
        (np.nan_to_num(scored) * weight).sum(axis=0), total, out=np.full(n_resamples, np.nan),
        where=total > 0,
    )  # fmt: skip
    value = float(np.mean(values))
    # A bootstrap of m units has (m − 1)/m of the variance; in a small fold the rarer class counts.
    rarest = np.mean([_fewest(y_true[rows]) for rows in rows_of])
    se = float(np.nanstd(averaged, ddof=1)) * np.sqrt(rarest / max(rarest - 1, 1))
    se *= fold_overlap(len(numbers))
    low, high = logit_interval(value, se, confidence, n_clusters - 1)
    note = f"only {n_clusters} clusters: unreliable" if n_clusters < FEW_CLUSTERS else ""
    return BootstrapInterval(value, low, high, n_clusters, note)


def _draw(rng: np.random.Generator, n: int, n_resamples: int) -> np.ndarray:
    return rng.multinomial(n, np.full(n, 1 / n), size=n_resamples)


def _fewest(y: np.ndarray) -> int:
    """Subjects of the rarer class, or all where the outcome is no class."""
    levels, counts = np.unique(y, return_counts=True)
    return int(counts.min()) if len(levels) == 2 else len(y)
