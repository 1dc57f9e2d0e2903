"""Associations in repeated visits: between children, within a child, and with a child's growth."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from neurogenomics_kb.stats.inference.mixed import fit_mixed, whiten_rows
from neurogenomics_kb.stats.inference.partial import Association
from neurogenomics_kb.stats.inference.residual_space import independent_design

MIN_CLUSTERS = 10
SUMMED = "sums over clusters, G − 1 df"


@dataclass(frozen=True)
class Trajectory:
    """What an axis says of an outcome over visits; effects per standard deviation of each.

    Attributes
    ----------
    between : Association
        Children with a higher mean of the axis.
    within : Association
        Visits at which the axis is above the child's own mean.
    growth : Association or None
        Change of the outcome per unit of age, for children with a higher mean of the axis; None
        without ages.
    """

    between: Association
    within: Association
    growth: Association | None


def trajectory(
    axis: np.ndarray,
    outcome: np.ndarray,
    child: np.ndarray,
    covariates: np.ndarray | None = None,
    *,
    age: np.ndarray | None = None,
    clusters: np.ndarray | None = None,
    confidence: float = 0.95,
    slopes: bool = False,
) -> Trajectory:
    """Linear mixed model of an outcome on an axis, between and within children.

    The axis enters as the child's mean and the deviation from it (Mundlak, Econometrica 1978), so
    that lasting differences between children cannot pass for change within them. A random intercept
    per child (restricted maximum likelihood, statsmodels' MixedLM) gives the weights; errors are
    sums over clusters and t has clusters − 1 degrees of freedom (Liang & Zeger, Biometrika 1986),
    which holds when growth differs between children and siblings are alike as well.

    Parameters
    ----------
    axis, outcome : ndarray (n_visits,)
        Score on the axis, and the outcome, at every visit.
    child : ndarray (n_visits,)
        Child of every visit.
    covariates : ndarray (n_visits, r), optional
        With age as a curve, if growth is not straight.
    age : ndarray (n_visits,), optional
        Age at every visit; no growth is fitted without it.
    clusters : ndarray (n_visits,), optional
        Families; children by default.
    confidence : float
        Coverage of the interval, 0 to 1. Default 0.95.
    slopes : bool
        Let children differ in growth, too: a random slope of age beside the intercept gives the
        weights (`fit_mixed`). Errors hold with and without; where growth differs between children,
        effects on growth are estimated more precisely with it. Needs ages, and more visits than
        twice the children; otherwise intercepts serve, and the note says so.

    Returns
    -------
    Trajectory

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> child = np.repeat(np.arange(60), 3)
    >>> axis = rng.normal(size=60)[child] + rng.normal(size=180)
    >>> found = trajectory(axis, axis + rng.normal(size=180), child)
    >>> bool(found.within.p_value < 0.01)
    True
    """
    x = _standard(axis)
    y = _standard(outcome)
    codes = np.unique(child, return_inverse=True)[1]
    groups = codes if clusters is None else np.unique(clusters, return_inverse=True)[1]
    mean = (np.bincount(codes, x) / np.bincount(codes))[codes]
    terms = [mean, x - mean]
    if age is not None:
        centred = age - age.mean()
        # Age itself is among the covariates; here only that growth depends on the axis.
        terms.append(mean * centred)
    n, n_clusters = len(y), len(np.unique(groups))
    design = independent_design(covariates, n)
    if age is not None:
        design = independent_design(np.column_stack([design[:, 1:], centred]), n)
    X = np.column_stack([*terms, design])
    repeated = np.bincount(codes).max() > 1
    note = ""
    if n_clusters < MIN_CLUSTERS or n_clusters <= X.shape[1]:
        note = f"{n_clusters} clusters are too few for {X.shape[1]} terms"
    elif not repeated or np.linalg.matrix_rank(X) < X.shape[1]:
        note = "the axis does not vary within children beyond the covariates"
    if note:
        blank = Association(np.nan, (np.nan, np.nan), np.nan, n_clusters - 1, n, note, SUMMED)
        return Trajectory(blank, blank, None if age is None else blank)
    if slopes and age is not None and n > 2 * (codes.max() + 1):
        Z = np.column_stack([np.ones(n), centred])
        fit = fit_mixed(y, X, codes, Z)
        note = "" if fit.converged else "the mixed model did not converge: weights are approximate"
        relative = fit.covariance / fit.residual
        coefficient, error = weighted_fit(y, X, codes, groups, relative, Z)
    else:
        ratio, note = intercept_ratio(y, X, codes)
        if slopes:
            note = note or "too few visits, or no ages, for random slopes: intercepts only"
        coefficient, error = weighted_fit(y, X, codes, groups, ratio)
    df = n_clusters - 1
    half = stats.t.ppf(0.5 + confidence / 2, df) * error

    def association(k: int) -> Association:
        b = float(coefficient[k])
        p = float(2 * stats.t.sf(abs(b) / error[k], df))
        return Association(b, (b - float(half[k]), b + float(half[k])), p, df, n, note, SUMMED)

    return Trajectory(association(0), association(1), None if age is None else association(2))


def intercept_ratio(y: np.ndarray, X: np.ndarray, codes: np.ndarray) -> tuple[float, str]:
    """Variance of children's intercepts over that of visits, and what to say if it is not sure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("ignore", UserWarning)
        try:
            fitted = MixedLM(y, X, codes).fit(reml=True)
        except np.linalg.LinAlgError:
            return 0.0, "the mixed model did not fit: visits weigh the same"
    ratio = float(np.asarray(fitted.cov_re).reshape(-1)[0]) / float(fitted.scale)
    if not np.isfinite(ratio):
        return 0.0, "the mixed model did not fit: visits weigh the same"
    # Weights only: at the boundary children simply have no intercept of their own.
    return max(ratio, 0.0), ""


def weighted_fit(
    y: np.ndarray,
    X: np.ndarray,
    codes: np.ndarray,
    groups: np.ndarray,
    ratio: float | np.ndarray,
    Z: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Generalised least squares with errors summed over clusters; coefficients and their errors.

    `ratio` is the (co)variance of children's effects over that of visits, `Z` what has effects of
    its own in every child: intercepts by default.
    """
    Z = np.ones((len(y), 1)) if Z is None else Z
    WX = whiten_rows(X, Z, codes, np.atleast_2d(ratio))
    bread = np.linalg.inv(X.T @ WX)
    coefficient = bread @ (WX.T @ y)
    residual = y - X @ coefficient
    scores = np.zeros((groups.max() + 1, X.shape[1]))
    # X'W is whitened on the left: a cluster's score is the sum of its rows of WX times residuals.
    np.add.at(scores, groups, WX * residual[:, None])
    G, k = len(scores), X.shape[1]
    n = len(y)
    meat = scores.T @ scores * G / (G - 1) * (n - 1) / (n - k)
    return coefficient, np.sqrt(np.diag(bread @ meat @ bread))


def _standard(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    spread = values.std()
    return (values - values.mean()) / (spread if spread > 0 else 1.0)
