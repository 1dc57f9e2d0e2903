"""Residual spaces in which rows are exchangeable.

Residuals of N subjects on R confounds live in N − R dimensions and depend on one another, so
permuting them is invalid. Multiplying by a semi-orthogonal Q with Q'Q = I and QQ' the
residual-forming matrix gives N − R values that may be permuted (Winkler, Renaud, Smith & Nichols,
NeuroImage 2020, doi:10.1016/j.neuroimage.2020.117065; Huh & Jhun, Biometrics 2001; Theil 1965).
The intercept is always among the confounds.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy.linalg import lapack, qr, svd

from neurogenomics_kb.stats.inference.exchangeability import Blocks


class ResidualSpace(Protocol):
    """Map between N subjects and the N − R rows that may be permuted."""

    n: int
    rank: int
    design: np.ndarray

    @property
    def size(self) -> int:
        """Number of exchangeable rows, N − R."""
        ...

    def project(self, Y: np.ndarray) -> np.ndarray:
        """``Q'Y``: (n, q) to (n − rank, q)."""
        ...

    def lift(self, U: np.ndarray) -> np.ndarray:
        """``QU``: (n − rank, q) to (n, q)."""
        ...


def independent_design(Z: np.ndarray | None, n: int) -> np.ndarray:
    """``[1, Z]`` without the columns that depend on earlier ones.

    Parameters
    ----------
    Z : ndarray (n, r) or None
        Confounds.
    n : int
        Number of subjects.

    Returns
    -------
    ndarray (n, R)
        Full column rank; the first column is the intercept.
    """
    ones = np.ones((n, 1))
    if Z is None or Z.shape[1] == 0:
        return ones
    centred = Z - Z.mean(axis=0)
    norms = np.linalg.norm(centred, axis=0)
    centred = centred[:, norms > 1e-10 * np.maximum(1.0, np.linalg.norm(Z, axis=0))]
    if centred.shape[1] == 0:
        return ones
    centred = centred / np.linalg.norm(centred, axis=0)
    _, R, pivots = qr(centred, mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(R))
    keep = np.sort(pivots[: len(diagonal)][diagonal > 1e-8 * diagonal[0]])
    return np.hstack([ones, centred[:, keep]])


class HuhJhun:
    """Last N − R columns of the complete QR decomposition, applied without forming them.

    Parameters
    ----------
    design : ndarray (n, R)
        Full column rank, intercept included.
    """

    def __init__(self, design: np.ndarray) -> None:
        self.n, self.rank = design.shape
        self.design = design
        (self._reflectors, self._tau), _ = qr(design, mode="raw")

    @property
    def size(self) -> int:
        """Number of exchangeable rows."""
        return self.n - self.rank

    def _apply(self, C: np.ndarray, transpose: bool) -> np.ndarray:
        C = np.asfortranarray(C, dtype=float)
        trans = "T" if transpose else "N"
        work = lapack.dormqr("L", trans, self._reflectors, self._tau, C, lwork=-1)[1]
        out, _, info = lapack.dormqr("L", trans, self._reflectors, self._tau, C, lwork=int(work[0]))
        if info != 0:
            raise np.linalg.LinAlgError(f"dormqr failed with info={info}")
        return out

    def project(self, Y: np.ndarray) -> np.ndarray:
        """``Q'Y``: (n, q) to (n − R, q)."""
        return self._apply(Y, transpose=True)[self.rank :]

    def lift(self, U: np.ndarray) -> np.ndarray:
        """``QU``: (n − R, q) to (n, q)."""
        return self._apply(np.vstack([np.zeros((self.rank, U.shape[1])), U]), transpose=False)


class Theil:
    """BLUS residuals: R subjects are given up, every other row keeps its subject.

    Because rows keep their identity, exchangeability blocks (families, visits) still make sense,
    which they do not after a Huh–Jhun rotation.

    Parameters
    ----------
    design : ndarray (n, R)
        Full column rank, intercept included.
    expendable : ndarray of float (n,), optional
        Preference for giving a subject up, higher first; singletons before members of a family.
    """

    def __init__(self, design: np.ndarray, expendable: np.ndarray | None = None) -> None:
        self.n, self.rank = design.shape
        self.design = design
        basis = qr(design, mode="economic")[0]
        dropped = choose_dropped_rows(basis, expendable)
        self.rows = np.setdiff1d(np.arange(self.n), dropped)
        self._basis = basis
        # S'R_ZS = I − VV' with V = basis on the kept rows, so its inverse square root is the
        # identity plus a correction of rank R: no (N − R)² matrix is ever formed.
        left, s, _ = svd(basis[self.rows], full_matrices=False)
        self._left = left
        self._gain = 1.0 / np.sqrt(np.clip(1.0 - s**2, 1e-12, None)) - 1.0

    @property
    def size(self) -> int:
        """Number of exchangeable rows."""
        return self.n - self.rank

    def _root(self, A: np.ndarray) -> np.ndarray:
        return A + self._left @ (self._gain[:, None] * (self._left.T @ A))

    def project(self, Y: np.ndarray) -> np.ndarray:
        """``Q'Y``: (n, q) to (n − R, q)."""
        residuals = Y - self._basis @ (self._basis.T @ Y)
        return self._root(residuals[self.rows])

    def lift(self, U: np.ndarray) -> np.ndarray:
        """``QU``: (n − R, q) to (n, q)."""
        placed = np.zeros((self.n, U.shape[1]))
        placed[self.rows] = self._root(U)
        return placed - self._basis @ (self._basis.T @ placed)


def expendable_rows(blocks: Blocks | None, n: int) -> np.ndarray:
    """Whom Theil's method may give up first (n,): singletons before members of a family."""
    if blocks is None:
        return np.ones(n)
    labels = np.asarray(blocks.levels[-1].labels)
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return (counts[codes] == 1).astype(float)


def choose_dropped_rows(basis: np.ndarray, expendable: np.ndarray | None) -> np.ndarray:
    """Pick R rows on which the design is well conditioned.

    Pivoted QR on the rows finds the best conditioned set. Rows are down-weighted, not excluded,
    when they are less expendable, so a solution exists even where no singleton has some level.
    """
    rank = basis.shape[1]
    weight = np.ones(len(basis)) if expendable is None else np.where(expendable > 0, 1.0, 1e-3)
    _, R, pivots = qr((basis * weight[:, None]).T, mode="economic", pivoting=True)
    if np.abs(np.diag(R)).min() < 1e-12:
        raise np.linalg.LinAlgError("no set of rows spans the confounds")
    return pivots[:rank]
