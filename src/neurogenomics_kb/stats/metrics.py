"""Scores of a prediction beside the ROC: precision-recall, calibration, held-out R²."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

N_BINS = 10


def average_precision(y: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under the precision-recall curve, step-wise, for many sets of weights at once.

    Parameters
    ----------
    y : ndarray (n,)
        0/1.
    scores : ndarray (n,)
    weights : ndarray (B, n)
        Draw counts of bootstrap resamples; a row of ones gives the plain value.

    Returns
    -------
    ndarray (B,)
        NaN where a resample has no case.
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.diff(scores[order]) != 0, True)  # ties enter the curve together
    drawn = weights[:, order]
    hits = np.cumsum(drawn * y[order], axis=1)[:, ends]
    total = np.cumsum(drawn, axis=1)[:, ends]
    precision = np.divide(hits, total, out=np.zeros_like(hits), where=total > 0)
    gained = np.diff(hits, axis=1, prepend=0)
    cases = hits[:, -1]
    return np.divide(
        (precision * gained).sum(axis=1), cases, out=np.full(len(cases), np.nan), where=cases > 0
    )


def brier_score(y: np.ndarray, probability: np.ndarray) -> float:
    """Mean squared distance of probability and outcome."""
    return float(np.mean((probability - y) ** 2))


def calibration_table(y: np.ndarray, probability: np.ndarray, n_bins: int = N_BINS) -> pd.DataFrame:
    """Mean predicted probability and observed share in bins of equal size.

    Probabilities, unlike ranks, share a scale across folds, so out-of-fold ones may be pooled here.

    Returns
    -------
    DataFrame
        Columns ``predicted``, ``observed``, ``n``; bins of quantiles of the probability.
    """
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, n_bins + 1)))
    codes = np.clip(
        np.searchsorted(edges, probability, side="right") - 1, 0, max(len(edges) - 2, 0)
    )
    frame = pd.DataFrame({"predicted": probability, "observed": y, "bin": codes})
    grouped = frame.groupby("bin")
    return grouped.mean().assign(n=grouped.size()).reset_index(drop=True)


def expected_calibration_error(
    y: np.ndarray, probability: np.ndarray, n_bins: int = N_BINS
) -> float:
    """Mean gap between predicted and observed share, over `n_bins` bins of equal size."""
    table = calibration_table(y, probability, n_bins)
    return float(np.average((table["predicted"] - table["observed"]).abs(), weights=table["n"]))


def calibration_line(y: np.ndarray, probability: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of the outcome's logit on the predicted logit (ideal 1 and 0).

    Returns
    -------
    slope, intercept : float
        Slope below 1 means that predictions are too extreme (Cox 1958).
    """
    x = logit(np.clip(probability, 1e-6, 1 - 1e-6))[:, None]
    if np.ptp(x) < 1e-12:
        return float("nan"), float("nan")
    model = LogisticRegression(C=np.inf, max_iter=1000).fit(x, y)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def held_out_r2(y: np.ndarray, predicted: np.ndarray, training_mean: float) -> float:
    """``1 − SSE/SST`` on test subjects, SST about the mean of the *training* subjects.

    Negative when the model predicts worse than that mean; not a squared correlation.
    """
    return float(1 - np.sum((y - predicted) ** 2) / np.sum((y - training_mean) ** 2))


def mean_absolute_error(y: np.ndarray, predicted: np.ndarray) -> float:
    """Mean absolute error, in units of the outcome."""
    return float(np.mean(np.abs(y - predicted)))
