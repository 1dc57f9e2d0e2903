"""Association of one axis with an outcome, covariates taken into account."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from neurogenomics_kb.foundation.choices import refuse_unknown
from neurogenomics_kb.stats.inference.firth import (
    cluster_robust_error,
    fit_firth,
    is_separated,
    profile_interval,
)
from neurogenomics_kb.stats.inference.residual_space import independent_design

MIN_CLUSTERS = 10


@dataclass(frozen=True)
class Association:
    """Effect of an axis, with its interval.

    Attributes
    ----------
    effect : float
        Odds ratio per standard deviation, or partial correlation.
    ci : tuple of float
    p_value : float
        NaN where the test cannot be made; `note` says why.
    df : int
        Residual degrees of freedom; clusters − 1 with clusters.
    n : int
    note : str
    """

    effect: float
    ci: tuple[float, float]
    p_value: float
    df: int
    n: int
    note: str = ""


def _impossible(df: int, n: int, note: str) -> Association:
    return Association(np.nan, (np.nan, np.nan), np.nan, df, n, note)


def odds_ratio(
    axis: np.ndarray,
    outcome: np.ndarray,
    covariates: np.ndarray | None = None,
    *,
    clusters: np.ndarray | None = None,
    confidence: float = 0.95,
) -> Association:
    """Odds ratio per standard deviation of the axis, adjusted for covariates.

    Firth's penalised logistic regression: with 160 subjects and nine covariates the ordinary
    likelihood-ratio test rejects 6.6 % of true nulls (7.9 % with one case in ten), the penalised
    one 5.4 and 3.9 %, and it stays finite under separation, which is said in the note.
    Profile interval and penalised likelihood-ratio p-value; with clusters a sandwich error and the
    t distribution of clusters − 1 degrees of freedom.

    Parameters
    ----------
    axis : ndarray (n,)
        Score of every person on the axis.
    outcome : ndarray (n,)
        0/1.
    covariates : ndarray (n, r), optional
        What is adjusted for; nothing by default.
    clusters : ndarray (n,), optional
        Families or children, whose members are not independent.
    confidence : float
        Coverage of the interval, 0 to 1. Default 0.95.

    Returns
    -------
    Association
    """
    outcome = np.asarray(outcome, dtype=float)
    n = len(axis)
    design = independent_design(covariates, n)
    design = np.column_stack([design[:, :1], design[:, 1:] * np.sqrt(n)])
    df = n - design.shape[1] - 1
    spread = np.std(axis)
    cases = int(outcome.sum())
    if spread < 1e-12:
        return _impossible(df, n, "the axis is constant")
    if min(cases, n - cases) < 2:
        return _impossible(df, n, f"one class has {min(cases, n - cases)} subjects")
    if df < 1:
        return _impossible(df, n, "no degrees of freedom are left")
    standard = (axis - np.mean(axis)) / spread
    if np.linalg.norm(standard - design @ np.linalg.lstsq(design, standard, rcond=None)[0]) < 1e-8:
        return _impossible(df, n, "nothing varies once covariates are removed")
    X = np.column_stack([standard, design])
    fit = fit_firth(X, outcome)
    if not fit.converged:
        return _impossible(df, n, "the logistic regression did not converge")
    notes = ["separation: finite by Firth's penalty only"] if is_separated(X, outcome) else []
    beta = fit.params[0]
    if clusters is None:
        null = fit_firth(X, outcome, fixed={0: 0.0})
        p = float(stats.chi2.sf(max(0.0, 2 * (fit.log_likelihood - null.log_likelihood)), 1))
        low, high = profile_interval(X, outcome, fit, 0, confidence=confidence)
    else:
        df, note = _cluster_df(clusters)
        notes += note
        error = cluster_robust_error(X, outcome, fit, clusters)[0]
        p = float(2 * stats.t.sf(abs(beta) / error, df))
        half = stats.t.ppf(0.5 + confidence / 2, df) * error
        low, high = beta - half, beta + half
    return Association(
        float(np.exp(beta)), (float(np.exp(low)), float(np.exp(high))), p, df, n, "; ".join(notes)
    )


def _cluster_df(clusters) -> tuple[int, list[str]]:
    """Degrees of freedom of a cluster-robust test, with a caution where clusters are few."""
    n_clusters = len(np.unique(clusters))
    few = n_clusters < MIN_CLUSTERS
    return max(n_clusters - 1, 1), [f"only {n_clusters} clusters: unreliable"] if few else []


def partial_correlation(
    axis: np.ndarray,
    outcome: np.ndarray,
    covariates: np.ndarray | None = None,
    *,
    method: str = "pearson",
    clusters: np.ndarray | None = None,
    confidence: float = 0.95,
) -> Association:
    """Correlation of axis and outcome after regressing covariates out of both.

    Degrees of freedom are n − 2 minus the rank of the covariates; the interval is Fisher's z with
    n − 3 minus that rank. For ``"spearman"`` all variables are ranked first. With clusters the
    test is that of the regression coefficient with a sandwich error summed inside clusters, and
    the interval is scaled accordingly.

    Parameters
    ----------
    axis, outcome : ndarray (n,)
        Score on the axis, and the outcome.
    covariates : ndarray (n, r), optional
        What is adjusted for; nothing by default.
    method : {"pearson", "spearman"}
        Correlation of values, or of ranks. Default pearson.
    clusters : ndarray (n,), optional
        Family, or child with several visits, of every row; unrelated by default.
    confidence : float
        Coverage of the interval, 0 to 1. Default 0.95.

    Returns
    -------
    Association
    """
    n = len(axis)
    refuse_unknown("method", method, ("pearson", "spearman"))
    if method == "spearman":
        axis, outcome = stats.rankdata(axis), stats.rankdata(outcome)
        covariates = None if covariates is None else stats.rankdata(covariates, axis=0)
    design = independent_design(covariates, n)
    df = n - 2 - (design.shape[1] - 1)
    if df < 1:
        return _impossible(df, n, "no degrees of freedom are left")
    both = np.column_stack([axis, outcome]).astype(float)
    residuals = both - design @ np.linalg.lstsq(design, both, rcond=None)[0]
    norms = np.linalg.norm(residuals, axis=0)
    if norms.min() < 1e-10 * np.linalg.norm(both - both.mean(axis=0)):
        return _impossible(df, n, "nothing varies once covariates are removed")
    x, y = (residuals / norms).T
    r = float(np.clip(x @ y, -1, 1))
    z = np.arctanh(np.clip(r, -1 + 1e-15, 1 - 1e-15))
    if clusters is None:
        t = r * np.sqrt(df / max(1 - r**2, 1e-300))
        half = stats.norm.ppf(0.5 + confidence / 2) / np.sqrt(max(df - 1, 1))
        p, notes = float(2 * stats.t.sf(abs(t), df)), []
    else:
        codes = np.unique(clusters, return_inverse=True)[1]
        rank = n - df
        df, notes = _cluster_df(clusters)
        scores = np.bincount(codes, x * (y - r * x))
        error = np.sqrt((df + 1) / df * (n - 1) / (n - rank) * (scores @ scores))
        p = float(2 * stats.t.sf(abs(r) / max(error, 1e-300), df))
        half = stats.t.ppf(0.5 + confidence / 2, df) * error / max(1 - r**2, 1e-12)
    low, high = np.tanh(z + np.array([-half, half]))
    return Association(r, (float(low), float(high)), p, df, n, "; ".join(notes))
