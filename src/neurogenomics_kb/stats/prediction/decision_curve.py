"""Net benefit of acting on a predicted probability."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction.metrics import refuse_improbable
from neurogenomics_kb.stats.prediction.resampling import cluster_codes

THRESHOLDS = np.round(np.arange(0.05, 0.96, 0.05), 2)


def net_benefit(y: np.ndarray, probability: np.ndarray, threshold: float, weights=None):
    """``TP/n − FP/n · t/(1 − t)`` at one threshold, for many sets of weights at once.

    Parameters
    ----------
    y : ndarray (n,)
        0/1.
    probability : ndarray (n,)
        Predicted probability, 0 to 1.
    threshold : float
        Between 0 and 1; the odds at which a needless action weighs against a missed case.
    weights : ndarray (B, n), optional
        Draw counts.

    Returns
    -------
    ndarray (B,)
        Cases found per subject, less the weighted false alarms; treating nobody gives 0.
    """
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
    out-of-fold ones may be pooled. The intervals are percentiles over resampled subjects, models
    taken as given, and hold for one threshold at a time.

    Parameters
    ----------
    y : ndarray (n,)
        0/1.
    probability : ndarray (n,)
        Predicted probability, 0 to 1.
    thresholds : ndarray
        Probabilities above which one would act, between 0 and 1.
    clusters : ndarray (n,), optional
        Families that are drawn as wholes.
    n_resamples : int
        Bootstrap samples. Default 500.
    confidence : float
        Coverage of the interval, 0 to 1. Default 0.95.
    random_state : int
        Seed of the random numbers. Default 0.

    Returns
    -------
    DataFrame
        ``threshold, model, low, high, treat_all, treat_none, gain, gain_low, gain_high``; ``gain``
        is the net benefit over the better of treating everybody and nobody.

    Raises
    ------
    InputError
        For missing values, probabilities outside 0 to 1, or thresholds not between 0 and 1.
    """
    thresholds = np.asarray(thresholds, dtype=float)
    if not ((thresholds > 0) & (thresholds < 1)).all():
        raise InputError(
            "a threshold probability is not between 0 and 1", remedy="Use values such as 0.1."
        )
    rng = np.random.default_rng(random_state)
    y, probability = np.asarray(y, dtype=float), np.asarray(probability, dtype=float)
    refuse_improbable(y, probability)
    codes = np.arange(len(y)) if clusters is None else cluster_codes(clusters, len(y))
    size = codes.max() + 1
    weights = rng.multinomial(size, np.full(size, 1 / size), size=n_resamples)[:, codes]
    weights = np.vstack([np.ones(len(y)), weights.astype(float)])
    tail = (1 - confidence) / 2
    rows = []
    for threshold in thresholds:
        model = net_benefit(y, probability, threshold, weights)
        everybody = net_benefit(y, np.ones(len(y)), threshold, weights)
        # The better alternative is chosen once, in the sample, not anew in every resample.
        gain = model - everybody if everybody[0] > 0 else model
        row = {"threshold": float(threshold), "treat_all": everybody[0], "treat_none": 0.0}
        for name, low, high, found in (
            ("model", "low", "high", model),
            ("gain", "gain_low", "gain_high", gain),
        ):
            row[name] = found[0]
            row[low], row[high] = np.quantile(found[1:], [tail, 1 - tail])
        rows.append(row)
    columns = ["threshold", "model", "low", "high", "treat_all", "treat_none", "gain"]
    return pd.DataFrame(rows)[[*columns, "gain_low", "gain_high"]]
