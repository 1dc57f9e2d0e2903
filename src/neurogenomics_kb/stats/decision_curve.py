"""Net benefit of acting on a predicted probability."""

from __future__ import annotations

import numpy as np
import pandas as pd

THRESHOLDS = np.round(np.arange(0.05, 0.96, 0.05), 2)


def net_benefit(y: np.ndarray, probability: np.ndarray, threshold: float, weights=None):
    """``TP/n − FP/n · t/(1 − t)`` at one threshold, for many sets of weights at once."""
    weights = np.ones((1, len(y))) if weights is None else weights
    treated = probability >= threshold
    total = weights.sum(axis=1)
    true = weights @ (treated & (y == 1)).astype(float)
    false = weights @ (treated & (y == 0)).astype(float)
    return (true - false * threshold / (1 - threshold)) / total


def decision_curve(
    y: np.ndarray,
    probability: np.ndarray,
    *,
    thresholds: np.ndarray = THRESHOLDS,
    clusters: np.ndarray | None = None,
    n_resamples: int = 500,
    confidence: float = 0.95,
    random_state: int = 0,
) -> pd.DataFrame:
    """Net benefit of a model beside treating everybody and nobody.

    Vickers & Elkin, Medical Decision Making 2006. Probabilities share a scale across folds, so
    out-of-fold ones may be pooled.

    Parameters
    ----------
    y : ndarray (n,)
        0/1.
    probability : ndarray (n,)
    thresholds : ndarray
        Probabilities above which one would act, between 0 and 1.
    clusters : ndarray (n,), optional
        Families that are drawn as wholes.
    n_resamples : int
    confidence : float
    random_state : int

    Returns
    -------
    DataFrame
        ``threshold, model, low, high, treat_all``; treating nobody has net benefit 0.
    """
    rng = np.random.default_rng(random_state)
    y, probability = np.asarray(y, dtype=float), np.asarray(probability, dtype=float)
    codes = np.arange(len(y)) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    size = codes.max() + 1
    weights = rng.multinomial(size, np.full(size, 1 / size), size=n_resamples)[:, codes]
    weights = weights.astype(float)
    tail = (1 - confidence) / 2
    rows = []
    for threshold in thresholds:
        low, high = np.quantile(net_benefit(y, probability, threshold, weights), [tail, 1 - tail])
        rows.append(
            {
                "threshold": float(threshold),
                "model": float(net_benefit(y, probability, threshold)[0]),
                "low": float(low),
                "high": float(high),
                "treat_all": float(net_benefit(y, np.ones(len(y)), threshold)[0]),
            }
        )
    return pd.DataFrame(rows)
