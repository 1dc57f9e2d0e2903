"""Scores of a prediction beside the ROC: precision-recall, calibration, held-out R²."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import logit
from statsmodels.discrete.discrete_model import Logit

from neurogenomics_kb.stats.firth import is_separated
from neurogenomics_kb.stats.roc import fold_overlap

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
    codes = _bins(probability, n_bins)
    frame = pd.DataFrame({"predicted": probability, "observed": y, "bin": codes})
    grouped = frame.groupby("bin")
    return grouped.mean().assign(n=grouped.size()).reset_index(drop=True)


def _bins(probability: np.ndarray, n_bins: int) -> np.ndarray:
    """Bin of every subject, by quantiles of the probability."""
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, n_bins + 1)))
    found = np.searchsorted(edges, probability, side="right") - 1
    return np.clip(found, 0, max(len(edges) - 2, 0))


def expected_calibration_error(
    y: np.ndarray, probability: np.ndarray, n_bins: int = N_BINS
) -> float:
    """Mean gap between predicted and observed share, over `n_bins` bins of equal size."""
    table = calibration_table(y, probability, n_bins)
    return float(np.average((table["predicted"] - table["observed"]).abs(), weights=table["n"]))


def expected_error_if_calibrated(
    probability: np.ndarray, *, n_bins: int = N_BINS, n_draws: int = 200, random_state: int = 0
) -> float:
    """Mean of the expected calibration error if the probabilities were exactly right.

    The error is never zero in a finite sample, so it is read against this value: outcomes are drawn
    from the probabilities themselves.
    """
    rng = np.random.default_rng(random_state)
    codes = _bins(probability, n_bins)
    drawn = (rng.random((n_draws, len(probability))) < probability) - probability
    member = (codes[:, None] == np.unique(codes)).astype(float)
    return float(np.abs(drawn @ member).sum(axis=1).mean() / len(probability))


@dataclass(frozen=True)
class Estimate:
    """A value with its interval."""

    value: float
    low: float
    high: float


def brier_interval(
    y: np.ndarray,
    probability: np.ndarray,
    *,
    clusters=None,
    n_folds: int = 1,
    confidence: float = 0.95,
) -> Estimate:
    """Brier score with a t interval of its mean, clusters summed.

    `n_folds` is that of out-of-fold probabilities, see `roc.fold_overlap`.
    """
    loss = (probability - y) ** 2
    mean = float(loss.mean())
    codes = np.arange(len(y)) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    sums = np.bincount(codes, loss - mean)
    G = len(sums)
    se = np.sqrt(G / max(G - 1, 1) * (sums @ sums)) / len(y) * fold_overlap(n_folds)
    half = float(stats.t.ppf(0.5 + confidence / 2, max(G - 1, 1)) * se)
    return Estimate(mean, max(0.0, mean - half), min(1.0, mean + half))


def calibration_line(
    y: np.ndarray, probability: np.ndarray, *, clusters=None, confidence: float = 0.95
) -> tuple[Estimate, Estimate]:
    """Slope and intercept of the outcome's logit on the predicted logit (ideal 1 and 0).

    Slope below 1 means that predictions are too extreme (Cox 1958). Wald intervals; clusters enter
    as a sandwich error with the t distribution of clusters − 1 degrees of freedom.

    Returns
    -------
    slope, intercept : Estimate
        NaN where all predictions are equal or the classes are separated.
    """
    gap = Estimate(np.nan, np.nan, np.nan)
    x = logit(np.clip(probability, 1e-6, 1 - 1e-6))
    design = np.column_stack([x, np.ones(len(x))])
    if np.ptp(x) < 1e-12 or is_separated(design, y):
        return gap, gap
    fitted = Logit(y, design).fit(disp=False)
    if clusters is None:
        errors, quantile = fitted.bse, stats.norm.ppf(0.5 + confidence / 2)
    else:
        codes = np.unique(clusters, return_inverse=True)[1]
        scores = np.zeros((codes.max() + 1, 2))
        np.add.at(scores, codes, design * (y - fitted.predict())[:, None])
        bread, G = fitted.cov_params(), len(scores)
        errors = np.sqrt(np.diag(bread @ (scores.T @ scores) @ bread) * G / max(G - 1, 1))
        quantile = stats.t.ppf(0.5 + confidence / 2, max(G - 1, 1))
    slope, intercept = (
        Estimate(float(b), float(b - quantile * e), float(b + quantile * e))
        for b, e in zip(fitted.params, errors, strict=True)
    )
    return slope, intercept


def held_out_r2(y: np.ndarray, predicted: np.ndarray, training_mean: float) -> float:
    """``1 − SSE/SST`` on test subjects, SST about the mean of the *training* subjects.

    Negative when the model predicts worse than that mean; not a squared correlation.
    """
    return float(1 - np.sum((y - predicted) ** 2) / np.sum((y - training_mean) ** 2))


def mean_absolute_error(y: np.ndarray, predicted: np.ndarray) -> float:
    """Mean absolute error, in units of the outcome."""
    return float(np.mean(np.abs(y - predicted)))
