"""Linear models with a random intercept per subject, for thousands of features at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurogenomics_kb.foundation.errors import InputError

# log of the ratio of variances, between subjects over within, that is searched.
LOWEST, HIGHEST = np.log(1e-6), np.log(1e6)
GOLDEN = (np.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class RandomIntercept:
    """Estimates by restricted maximum likelihood; p features.

    Attributes
    ----------
    coef : ndarray (k, p)
        Fixed effects.
    ratio : ndarray (p,)
        Variance between subjects over variance within, 0 where subjects do not differ.
    sigma : ndarray (p,)
        Standard deviation within subjects.
    """

    coef: np.ndarray
    ratio: np.ndarray
    sigma: np.ndarray

    def weight(self, visits: np.ndarray) -> np.ndarray:
        """Factor from the sum of a subject's residuals to its intercept (m, p).

        The best linear unbiased prediction shrinks by the number of visits (m,).
        """
        return self.ratio / (1 + np.asarray(visits)[:, None] * self.ratio)


def fit_random_intercept(
    design: np.ndarray, values: np.ndarray, subjects: np.ndarray
) -> RandomIntercept:
    """Fit every feature by restricted maximum likelihood.

    With one variance ratio the likelihood needs only cross-products of the rows and of the sums
    over subjects, so no matrix larger than the design's columns is solved (Laird & Ware,
    Biometrics 1982, for the model).

    Parameters
    ----------
    design : ndarray (n, k)
        Fixed effects; may be dependent.
    values : ndarray (n, p)
        Values of n people in p columns.
    subjects : ndarray of int (n,)
        Codes 0 … m − 1.

    Returns
    -------
    RandomIntercept

    Raises
    ------
    InputError
        If no subject has two rows, or the design uses up the rows.
    """
    n, p = values.shape
    visits = np.bincount(subjects)
    if visits.max(initial=0) < 2:
        raise InputError(
            "no subject has two visits in training, so its intercept cannot be told from noise",
            subjects=len(visits),
            remedy="Use ComBat or ComBat-GAM for data of one visit.",
        )
    left, singular, right = np.linalg.svd(design, full_matrices=False)
    kept = singular > singular.max() * 1e-10
    Q = left[:, kept]
    r = Q.shape[1]
    if r >= n - 1:
        raise InputError(
            f"{r} fixed effects leave {n - r} of {n} degrees of freedom",
            remedy="Preserve fewer covariates.",
        )
    sums_q, sums_y = np.zeros((len(visits), r)), np.zeros((len(visits), p))
    np.add.at(sums_q, subjects, Q)
    np.add.at(sums_y, subjects, values)
    kinds, kind = np.unique(visits, return_inverse=True)
    groups = [kind == i for i in range(len(kinds))]
    qq = np.stack([sums_q[g].T @ sums_q[g] for g in groups])  # (M, r, r)
    qy = np.stack([sums_q[g].T @ sums_y[g] for g in groups])  # (M, r, p)
    yy = np.stack([(sums_y[g] ** 2).sum(axis=0) for g in groups])  # (M, p)
    number = np.array([g.sum() for g in groups])
    cross, total = Q.T @ values, (values**2).sum(axis=0)

    def solve(ratio: np.ndarray):
        w = ratio / (1 + kinds[:, None] * ratio)  # (M, p)
        A = np.eye(r) - np.einsum("mp,mrs->prs", w, qq)
        b = cross - np.einsum("mp,mrp->rp", w, qy)
        coef = np.linalg.solve(A, b.T[:, :, None])[:, :, 0].T
        residual = total - (w * yy).sum(axis=0) - (b * coef).sum(axis=0)
        return coef, np.maximum(residual, 1e-300), np.linalg.slogdet(A)[1]

    def deviance(ratio: np.ndarray) -> np.ndarray:
        _, residual, log_det = solve(ratio)
        spread = (number[:, None] * np.log1p(kinds[:, None] * ratio)).sum(axis=0)
        return (n - r) * np.log(residual) + spread + log_det

    ratio = _minimise(deviance, p)
    coef, residual, _ = solve(ratio)
    to_design = right[kept].T / singular[kept]
    return RandomIntercept(to_design @ coef, ratio, np.sqrt(residual / (n - r)))


def _minimise(deviance, p: int, n_grid: int = 25, iterations: int = 45) -> np.ndarray:
    """Golden-section search in the logarithm, from the best cell of a grid, per feature."""
    grid = np.linspace(LOWEST, HIGHEST, n_grid)
    found = np.stack([deviance(np.full(p, np.exp(g))) for g in grid])
    best = found.argmin(axis=0)
    low, high = grid[np.maximum(best - 1, 0)], grid[np.minimum(best + 1, n_grid - 1)]
    a, b = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_a, at_b = deviance(np.exp(a)), deviance(np.exp(b))
    for _ in range(iterations):
        left = at_a < at_b
        low, high = np.where(left, low, a), np.where(left, b, high)
        new = np.where(left, high - GOLDEN * (high - low), low + GOLDEN * (high - low))
        value = deviance(np.exp(new))
        a, b = np.where(left, new, b), np.where(left, a, new)
        at_a, at_b = np.where(left, value, at_b), np.where(left, at_a, value)
    ratio = np.exp((low + high) / 2)
    return np.where(deviance(np.zeros(p)) <= deviance(ratio), 0.0, ratio)
