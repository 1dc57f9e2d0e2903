"""Shrinkage of a site's shift and spread towards the average over features.

Johnson, Li & Rabinovic, Biostatistics 2007 (doi:10.1093/biostatistics/kxj037).
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

# Variance below which a site's standardised values are all the same but for rounding.
CONSTANT = 1e-14


def estimate_site(
    rows: np.ndarray,
    *,
    parametric: bool = True,
    mean_only: bool = False,
    empirical_bayes: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Shift and variance of one site from its standardised rows.

    Parameters
    ----------
    rows : ndarray (n_site, p)
        Features with covariates and grand mean taken out, in units of the pooled residual.
    parametric : bool
        Normal and inverse-gamma priors, or the empirical distribution over features.
    mean_only : bool
        Leave variances alone (spread 1). As in sva and neuroCombat, the prior of the shift is then
        weighted as for a single subject, so shifts are pulled strongly to the site's mean shift.
    empirical_bayes : bool
        Without it the site's own moments are taken.

    Returns
    -------
    shift, spread : ndarray (p,)
    """
    shift = rows.mean(axis=0)
    spread = np.ones(rows.shape[1]) if mean_only else rows.var(axis=0, ddof=1)
    # What a site's subjects all agree on has no spread to take out, and no likelihood: it keeps its
    # own shift, and the prior is learned from the other features.
    varies = spread > CONSTANT * (1 + shift**2)
    spread = np.where(varies, spread, 1.0)
    # Without three features there is no prior to learn.
    if not empirical_bayes or varies.sum() < 3:
        return shift, spread
    if not parametric:
        estimate = _nonparametric
    elif mean_only:
        estimate = _weighted_as_one
    else:
        estimate = _parametric
    shift[varies], found = estimate(rows[:, varies], shift[varies], spread[varies])
    if not mean_only:
        spread[varies] = found
    return shift, spread


def _weighted_as_one(rows, shift, spread):
    """Shift with the prior weighted as for a single subject; the spread stays."""
    prior_variance = shift.var(ddof=1)
    return (prior_variance * shift + shift.mean()) / (prior_variance + 1), spread


def _parametric(rows, shift, spread, tolerance=1e-6, max_iterations=1000):
    """Iterate the conditional posterior means of shift and variance (eq. 2.4)."""
    n = len(rows)
    prior_mean, prior_variance = shift.mean(), shift.var(ddof=1)
    # The inverse gamma's a = (2v + m²) / v and b = (mv + m³) / v stand multiplied by v, so that
    # equal spreads (v = 0), as of balanced 0/1 features, shrink to their mean.
    m, v = spread.mean(), spread.var(ddof=1)
    g, d = shift, spread
    squares, sums = (rows**2).sum(axis=0), rows.sum(axis=0)
    for _ in range(max_iterations):
        g_new = (n * prior_variance * shift + d * prior_mean) / (n * prior_variance + d)
        residual = squares - 2 * g_new * sums + n * g_new**2
        d_new = (v * residual / 2 + m * v + m**3) / (v * (n / 2 + 1) + m**2)
        moved = max(np.abs(g_new - g).max(), np.abs(d_new - d).max())
        g, d = g_new, d_new
        if moved < tolerance:
            break
    return g, d


def _nonparametric(rows, shift, spread):
    """Average over the other features' estimates, weighted by their likelihood."""
    n, p = rows.shape
    squares, sums = (rows**2).sum(axis=0), rows.sum(axis=0)
    g, d = np.empty(p), np.empty(p)
    for i in range(p):
        others = np.arange(p) != i
        residual = squares[i] - 2 * shift[others] * sums[i] + n * shift[others] ** 2
        log_likelihood = -n / 2 * np.log(2 * np.pi * spread[others]) - residual / (
            2 * spread[others]
        )
        weight = np.exp(log_likelihood - logsumexp(log_likelihood))
        g[i], d[i] = weight @ shift[others], weight @ spread[others]
    return g, d
