"""Linear mixed models of one grouping by restricted maximum likelihood, slopes included.

The criterion is profiled over the relative covariance factor, as in lme4 (Bates, Mächler, Bolker &
Walker, Journal of Statistical Software 2015, doi:10.18637/jss.v067.i01): with V = I + Z Λ Λ' Z' per
group, fixed effects and residual variance follow from Λ, so that the search has only the entries of
its lower triangle. Its diagonal may be zero, a group without effects of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from neurogenomics_kb.foundation.errors import InputError


@dataclass(frozen=True)
class MixedFit:
    """Outcome of `fit_mixed`; p fixed and q random effects.

    Attributes
    ----------
    coefficients, errors : ndarray (p,)
        Fixed effects and their model-based standard errors.
    covariance : ndarray (q, q)
        Covariance of the random effects between groups.
    residual : float
        Residual variance.
    criterion : float
        −2 log restricted likelihood.
    converged : bool
    """

    coefficients: np.ndarray
    errors: np.ndarray
    covariance: np.ndarray
    residual: float
    criterion: float
    converged: bool


class _Problem:
    """Cross-products by group, from which the criterion follows without the rows."""

    def __init__(self, y: np.ndarray, X: np.ndarray, Z: np.ndarray, codes: np.ndarray) -> None:
        self.n, self.p = X.shape
        self.q = Z.shape[1]
        A = np.column_stack([X, y])
        self.total = A.T @ A
        self.ZZ = sums_by_group(Z[:, :, None] * Z[:, None, :], codes)
        self.ZA = sums_by_group(Z[:, :, None] * A[:, None, :], codes)
        self.lower = np.tril_indices(self.q)

    def factor(self, theta: np.ndarray) -> np.ndarray:
        """Lower triangle of the relative covariance factor."""
        out = np.zeros((self.q, self.q))
        out[self.lower] = theta
        return out

    def solve(self, theta: np.ndarray) -> tuple[float, np.ndarray, float, np.ndarray]:
        """Criterion, fixed effects, residual variance, and X'V⁻¹X."""
        factor = self.factor(theta)
        inner = np.eye(self.q) + factor.T @ self.ZZ @ factor
        half = factor.T @ self.ZA
        joint = self.total - np.einsum("gij,gik->jk", half, np.linalg.solve(inner, half))
        XVX, XVy, yVy = joint[:-1, :-1], joint[:-1, -1], joint[-1, -1]
        coefficients = np.linalg.solve(XVX, XVy)
        free = self.n - self.p
        residual = max(float(yVy - XVy @ coefficients), 1e-300) / free
        logs = np.linalg.slogdet(inner)[1].sum() + np.linalg.slogdet(XVX)[1]
        criterion = logs + free * (1 + np.log(2 * np.pi * residual))
        return float(criterion), coefficients, residual, XVX


def fit_mixed(y: np.ndarray, X: np.ndarray, groups: np.ndarray, Z: np.ndarray) -> MixedFit:
    """Fixed effects, and covariance of random effects that vary between groups.

    Parameters
    ----------
    y : ndarray (n,)
        Outcome.
    X : ndarray (n, p)
        Fixed effects, intercept included; full column rank.
    groups : array-like (n,)
        Group (child) of every row.
    Z : ndarray (n, q)
        What has effects of its own in every group: a column of ones for intercepts, age for
        slopes.

    Returns
    -------
    MixedFit

    Raises
    ------
    InputError
        If there are no more rows than random effects, so that the variances cannot be told apart.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> group, age = np.repeat(np.arange(200), 5), np.tile(np.arange(5.0), 200)
    >>> Z = np.column_stack([np.ones(1000), age])
    >>> own = rng.normal(size=(200, 2)) * [2.0, 1.0]
    >>> y = (Z * own[group]).sum(axis=1) + 3 * age + rng.normal(size=1000)
    >>> fit = fit_mixed(y, Z, group, Z)
    >>> np.sqrt(np.diag(fit.covariance)).round(1).tolist()
    [2.0, 1.0]
    """
    codes = np.unique(groups, return_inverse=True)[1]
    n_groups, q = int(codes.max()) + 1, Z.shape[1]
    if len(y) <= q * n_groups:
        raise InputError(
            f"{len(y)} rows cannot tell {q} effects of {n_groups} groups from noise",
            remedy="Fit random intercepts only, or bring more visits.",
        )
    # Columns of one scale, so that one step of the search means as much in each.
    scale = np.sqrt((Z**2).mean(axis=0))
    problem = _Problem(y, X, Z / scale, codes)
    rows, columns = problem.lower
    diagonal = rows == columns
    bounds = [(0.0, None) if d else (None, None) for d in diagonal]
    found = [
        minimize(
            lambda theta: problem.solve(theta)[0], diagonal * start, method="L-BFGS-B",
            jac="3-point", bounds=bounds, options={"ftol": 1e-13, "gtol": 1e-6, "maxiter": 500},
        )
        for start in (1.0, 0.1)
    ]  # fmt: skip
    best = min(found, key=lambda result: result.fun)
    criterion, coefficients, residual, XVX = problem.solve(best.x)
    factor = problem.factor(best.x) / scale[:, None]
    return MixedFit(
        coefficients,
        np.sqrt(residual * np.diag(np.linalg.inv(XVX))),
        residual * factor @ factor.T,
        residual,
        criterion,
        # Both searches stop where the criterion is flat to rounding; where they agree, it is there.
        bool(best.success or abs(found[0].fun - found[1].fun) < 1e-4),
    )


def whiten_rows(
    A: np.ndarray, Z: np.ndarray, codes: np.ndarray, relative: np.ndarray
) -> np.ndarray:
    """``V⁻¹ A`` with V = I + Z Ψ Z' inside groups.

    Parameters
    ----------
    A : ndarray (n, k)
        Rows to weigh.
    Z : ndarray (n, q)
        Random effects.
    codes : ndarray of int (n,)
        Group of every row, from 0.
    relative : ndarray (q, q)
        Covariance Ψ of the random effects over the residual variance; may be singular.

    Returns
    -------
    ndarray (n, k)
    """
    ZZ = sums_by_group(Z[:, :, None] * Z[:, None, :], codes)
    ZA = sums_by_group(Z[:, :, None] * A[:, None, :], codes)
    # Woodbury without an inverse of Ψ: V⁻¹ = I − Z Ψ (I + Z'Z Ψ)⁻¹ Z'.
    effects = relative @ np.linalg.solve(np.eye(Z.shape[1]) + ZZ @ relative, ZA)
    return A - np.einsum("nq,nqk->nk", Z, effects[codes])


def sums_by_group(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Sums over the rows of each group, (n, …) to (groups, …)."""
    out = np.zeros((int(codes.max()) + 1, *values.shape[1:]))
    np.add.at(out, codes, values)
    return out
