"""Tests of one coefficient where rows come in clusters, few or many, of any size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from neurogenomics_kb.foundation.choices import refuse_unknown

Working = Literal["independent", "exchangeable"]
# A cluster that alone decides a column has a leverage of one; its residuals are zero then.
FULL_LEVERAGE = 1 - 1e-9


@dataclass(frozen=True)
class ClusterRobust:
    """Standard error of a coefficient with its degrees of freedom.

    Attributes
    ----------
    error : float
        Standard error; NaN where no cluster is left to estimate it from.
    df : float
        Degrees of freedom of the t distribution that the estimate over its error is compared with.
    """

    error: float
    df: float


def bias_reduced_error(
    x: np.ndarray,
    design: np.ndarray,
    residuals: np.ndarray,
    clusters: np.ndarray,
    *,
    working: Working = "exchangeable",
) -> ClusterRobust:
    """Bias-reduced sandwich error (CR2) of a regression coefficient, Satterthwaite's df.

    A plain sandwich of few clusters is too small, since a cluster that pulls the fit towards itself
    has small residuals, and G − 1 degrees of freedom are too many where clusters differ in size or
    in what they hold of the regressor. Here residuals of a cluster are multiplied by ``(I −
    H_gg)^(−1/2)``, which makes the variance unbiased for independent rows, and the degrees of
    freedom match the first two moments of that variance under a working model (Bell & McCaffrey,
    Survey Methodology 2002; Pustejovsky & Tipton, Journal of Business & Economic Statistics 2018,
    doi:10.1080/07350015.2016.1247004).

    Parameters
    ----------
    x : ndarray (n,)
        Regressor of the coefficient.
    design : ndarray (n, p)
        The other columns, intercept included, of full rank together with `x`.
    residuals : ndarray (n,)
        What the regression on `x` and `design` leaves of the outcome.
    clusters : ndarray (n,)
        Cluster of every row.
    working : {"independent", "exchangeable"}
        What the degrees of freedom take for granted: independent rows, as Pustejovsky and Tipton,
        or rows of a cluster that are alike by the correlation that the residuals show (Imbens &
        Kolesár, Review of Economics and Statistics 2016, doi:10.1162/REST_a_00552). With members
        alike by 0.8 and 12 or 30 clusters of 1 to 30 members the first rejected 8 % of true nulls
        and the second 5 %.

    Returns
    -------
    ClusterRobust

    Notes
    -----
    For a weighted regression multiply all rows by the square roots of the weights first.
    """
    refuse_unknown("working", working, get_args(Working))
    codes = np.unique(clusters, return_inverse=True)[1]
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes)
    starts = np.cumsum(counts) - counts
    basis = np.linalg.qr(np.column_stack([design, x])[order])[0]
    along = basis[:, -1]  # what `x` has that the design has not, scaled to length one
    left, weight = residuals[order], np.empty(len(x))
    for count in np.unique(counts):  # clusters of one size at once
        rows = starts[counts == count][:, None] + np.arange(count)
        weight[rows] = _inverse_roots(basis[rows], along[rows])
    scores = np.add.reduceat(weight * left, starts)
    alike = 0.0
    if working == "exchangeable":
        alike = _likeness(left, starts, counts, basis.shape[1])
    level, spread = _moments(basis, weight, starts, alike)
    if level <= 1e-12 or spread <= 0:
        return ClusterRobust(float("nan"), float("nan"))
    partial = abs(float(along @ x[order]))
    return ClusterRobust(float(np.sqrt(scores @ scores)) / partial, level**2 / spread)


def _moments(
    basis: np.ndarray, weight: np.ndarray, starts: np.ndarray, alike: float
) -> tuple[float, float]:
    """Trace of the covariance of the clusters' scores under the working model, and of its square.

    The variance is a quadratic form in the scores, whose mean and spread follow from them. With
    weights w and P = sums of ``w Q`` by cluster the covariance is ``diag(Σ w²) − PP'``, and with
    sums S of Q and of w, for rows that are all alike, ``TT'`` of ``T = diag(Σ w) − PS'``. Both are
    a diagonal plus ``U C U'`` of a few columns, so that no matrix over pairs of clusters is made.
    """
    pulled = np.add.reduceat(weight[:, None] * basis, starts, axis=0)
    sums, total = np.add.reduceat(basis, starts, axis=0), np.add.reduceat(weight, starts)
    diagonal = (1 - alike) * np.add.reduceat(weight**2, starts) + alike * total**2
    U, unit = np.hstack([pulled, total[:, None] * sums]), np.eye(basis.shape[1])
    C = np.block(
        [[alike * (sums.T @ sums) - (1 - alike) * unit, -alike * unit], [-alike * unit, 0 * unit]]
    )
    products = C @ (U.T @ U)
    low = ((U @ C) * U).sum(axis=1)
    level = diagonal.sum() + np.trace(products)
    spread = (diagonal**2).sum() + 2 * diagonal @ low + (products * products.T).sum()
    return float(level), float(spread)


def _inverse_roots(basis: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """``(I − QQ')^(−1/2) v`` of clusters (G, c) for rows Q (G, c, p) of an orthonormal basis.

    Zero where it does not exist.
    """
    left, sizes, _ = np.linalg.svd(basis, full_matrices=False)
    rest = np.maximum(1 - np.minimum(sizes, 1.0) ** 2, 1e-300)
    gain = np.where(sizes < FULL_LEVERAGE, 1 / np.sqrt(rest), 0.0)
    inside = np.einsum("gck,gc->gk", left, vectors)
    return vectors + np.einsum("gck,gk->gc", left, (gain - 1) * inside)


def _likeness(
    residuals: np.ndarray, starts: np.ndarray, counts: np.ndarray, n_columns: int
) -> float:
    """Correlation of two rows of a cluster, by moments of the residuals, not below zero."""
    pairs = int((counts * (counts - 1)).sum())
    total = float(residuals @ residuals)
    if pairs == 0 or total == 0:
        return 0.0
    sums = np.add.reduceat(residuals, starts)
    variance = total / max(len(residuals) - n_columns, 1)
    return float(np.clip((sums @ sums - total) / pairs / variance, 0, 1))
