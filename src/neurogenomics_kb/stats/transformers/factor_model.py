"""Maximum likelihood of the factor model when values are missing."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from statsmodels.multivariate.factor_rotation import rotate_factors

logger = logging.getLogger(__name__)

# Smallest unique variance of a standardised variable, against Heywood cases.
FLOOR = 0.005


def most_factors(n_variables: int) -> int:
    """Largest number of factors that a covariance matrix can identify (Ledermann's bound).

    Parameters
    ----------
    n_variables : int
        Number of columns.

    Returns
    -------
    int
        Largest k with (p − k)² ≥ p + k; 0 for fewer than three variables.
    """
    return max(0, math.floor((2 * n_variables + 1 - math.sqrt(8 * n_variables + 1)) / 2 + 1e-9))


@dataclass(frozen=True)
class FactorModel:
    """x = mean + loadings z + e, with z ~ N(0, I) and e ~ N(0, diag(unique)).

    Attributes
    ----------
    mean, unique : ndarray (p,)
    loadings : ndarray (p, k)
    log_likelihood : float
        Of the observed values, per row.
    n_iterations : int
    converged : bool
    """

    mean: np.ndarray
    loadings: np.ndarray
    unique: np.ndarray
    log_likelihood: float = math.nan
    n_iterations: int = 0
    converged: bool = True

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Regression (Thomson) scores (n, k): the mean of z given the observed values.

        A row without any observed value is at the mean, 0.
        """
        return _expect(X, ~np.isnan(X), _patterns(~np.isnan(X)), self)[0]

    def complete(self, X: np.ndarray) -> np.ndarray:
        """`X` (n, p) with the mean of every missing value given the observed ones."""
        return np.where(np.isnan(X), self.mean + self.scores(X) @ self.loadings.T, X)


@dataclass(frozen=True)
class _Patterns:
    """Rows sorted by which values they have."""

    observed: np.ndarray  # (n_patterns, p) of 0 and 1
    of_row: np.ndarray  # (n,)
    counts: np.ndarray  # (n_patterns,)


def _patterns(observed: np.ndarray) -> _Patterns:
    found, of_row, counts = np.unique(observed, axis=0, return_inverse=True, return_counts=True)
    return _Patterns(found.astype(float), of_row.reshape(-1), counts)


def fit_factor_model(
    X: np.ndarray, k: int, *, tolerance: float = 1e-7, max_iterations: int = 2000
) -> FactorModel:
    """Factor model by maximum likelihood of the observed values.

    The EM algorithm of Rubin & Thayer (Psychometrika 1982, 47:69–76), with the factors as the only
    missing data, so that gaps in `X` are not filled but left out of each row's likelihood: right
    under missingness at random. The covariance of the factors is a parameter that is expanded and
    folded back into the loadings (Liu, Rubin & Wu, Biometrika 1998, 85:755–770), which saves most
    of the iterations.

    Parameters
    ----------
    X : ndarray (n, p)
        Standardised variables; missing ones are NaN.
    k : int
        Number of factors, at most `most_factors` of p.
    tolerance : float
        Gain of the log-likelihood per row at which iterations end.
    max_iterations : int
        Reaching it is logged.

    Returns
    -------
    FactorModel
        Oriented so that loadings' Ψ⁻¹ loadings is diagonal, in decreasing order.
    """
    observed = ~np.isnan(X)
    rows = observed.any(axis=1)
    X, observed = X[rows], observed[rows]
    patterns = _patterns(observed)
    filled = np.where(observed, X, 0.0)
    model = _start(X, observed, k)
    before, iterations = -np.inf, 0
    while True:
        z, covariances, likelihood = _expect(X, observed, patterns, model)
        converged = likelihood - before < tolerance
        if converged or iterations == max_iterations:
            break
        before, iterations = likelihood, iterations + 1
        model = _maximise(filled, observed, patterns, z, covariances)
    if not converged:
        logger.warning("the factor model did not converge in %d iterations", max_iterations)
    return FactorModel(model.mean, _orient(model), model.unique, likelihood, iterations, converged)


def _start(X: np.ndarray, observed: np.ndarray, k: int) -> FactorModel:
    """Principal factors of the correlations, gaps at the mean."""
    mean = np.nanmean(X, axis=0)
    centred = np.where(observed, X - mean, 0.0)
    counts = np.maximum(observed.T.astype(float) @ observed, 1)
    covariance = centred.T @ centred / counts
    values, vectors = eigh(covariance)
    values, vectors = values[::-1][:k], vectors[:, ::-1][:, :k]
    loadings = vectors * np.sqrt(np.maximum(values - 1, 0.1))
    variance = np.diag(covariance)
    # No variable may be explained entirely, or its unique variance never leaves the floor.
    share = (loadings**2).sum(axis=1) / variance
    loadings *= np.sqrt(np.minimum(1, 0.9 / np.maximum(share, 1e-12)))[:, None]
    return FactorModel(mean, loadings, np.maximum(variance - (loadings**2).sum(axis=1), FLOOR))


def _expect(
    X: np.ndarray, observed: np.ndarray, patterns: _Patterns, model: FactorModel
) -> tuple[np.ndarray, np.ndarray, float]:
    """Means (n, k) and covariances (n_patterns, k, k) of the factors, log-likelihood per row."""
    k = model.loadings.shape[1]
    scaled = model.loadings / model.unique[:, None]
    products = (model.loadings[:, :, None] * scaled[:, None, :]).reshape(-1, k * k)
    precision = (patterns.observed @ products).reshape(-1, k, k) + np.eye(k)
    covariances = np.linalg.inv(precision)
    residual = np.where(observed, X - model.mean, 0.0)
    weighted = residual @ scaled
    if len(covariances) == 1:
        z = weighted @ covariances[0]
    else:
        z = np.einsum("nk,nkl->nl", weighted, covariances[patterns.of_row])
    quadratic = (residual**2 / model.unique).sum() - (weighted * z).sum()
    spread = patterns.observed @ np.log(2 * np.pi * model.unique)
    spread = patterns.counts @ (spread + np.linalg.slogdet(precision)[1])
    return z, covariances, float(-(spread + quadratic) / 2 / max(len(X), 1))


def _maximise(
    filled: np.ndarray,
    observed: np.ndarray,
    patterns: _Patterns,
    z: np.ndarray,
    covariances: np.ndarray,
) -> FactorModel:
    """Regress every variable on the expected factors, over the rows that have it."""
    n, k = z.shape
    design = np.column_stack([np.ones(n), z])
    moments = np.zeros((len(covariances), k + 1, k + 1))
    for g in range(len(covariances)) if len(covariances) < n // 4 else ():
        rows = design[patterns.of_row == g]
        moments[g] = rows.T @ rows
    if len(covariances) >= n // 4:
        np.add.at(moments, patterns.of_row, design[:, :, None] * design[:, None, :])
    moments[:, 1:, 1:] += patterns.counts[:, None, None] * covariances
    of_variable = (patterns.observed.T @ moments.reshape(len(moments), -1)).reshape(
        -1, k + 1, k + 1
    )
    cross = filled.T @ design
    weights = np.linalg.solve(of_variable, cross[:, :, None])[:, :, 0]
    counts = observed.sum(axis=0)
    unique = ((filled**2).sum(axis=0) - (weights * cross).sum(axis=1)) / counts
    # The expanded factors: their mean and covariance go into the mean and the loadings.
    total = moments.sum(axis=0) / n
    centre = total[0, 1:]
    root = np.linalg.cholesky(total[1:, 1:] - np.outer(centre, centre))
    return FactorModel(
        weights[:, 0] + weights[:, 1:] @ centre, weights[:, 1:] @ root, np.maximum(unique, FLOOR)
    )


def _orient(model: FactorModel) -> np.ndarray:
    """Loadings in the orientation that no rotation of the factors can change."""
    _, vectors = eigh((model.loadings / model.unique[:, None]).T @ model.loadings)
    return model.loadings @ vectors[:, ::-1]


def varimax(loadings: np.ndarray) -> np.ndarray:
    """Varimax rotation with Kaiser's normalisation (Kaiser, Psychometrika 1958, 23:187–200).

    Parameters
    ----------
    loadings : ndarray (p, k)
        Loadings of p columns on k factors.

    Returns
    -------
    ndarray (p, k)
    """
    if loadings.shape[1] < 2:
        return loadings
    length = np.sqrt((loadings**2).sum(axis=1, keepdims=True))
    length = np.where(length > 0, length, 1)
    return rotate_factors(loadings / length, "varimax")[0] * length


def order_factors(loadings: np.ndarray) -> np.ndarray:
    """Factors by the variance they explain, each with its heaviest side positive.

    The side is that of the sum of cubes, which does not depend on the order of variables and, other
    than the plain sum, is far from zero where a factor has one heavy side.

    Parameters
    ----------
    loadings : ndarray (p, k)
        Loadings of p columns on k factors.

    Returns
    -------
    ndarray (p, k)
    """
    order = np.argsort(-(loadings**2).sum(axis=0), kind="stable")
    loadings = loadings[:, order]
    return loadings * np.where((loadings**3).sum(axis=0) < 0, -1, 1)
