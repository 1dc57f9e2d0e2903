"""A residual space that stays exchangeable when family members resemble one another.

Theil residuals keep their subject, but once confounds are removed, siblings' covariance is no
longer the same in every family, and with few unrelated subjects the test rejects too often (0.106
instead of 0.05 with 180 people in families of two to four). Here families are rotated first: a
family of m becomes its mean and m − 1 contrasts (Helmert). If families of one size share a
covariance and siblings are exchangeable, means of families of one size have one variance, contrasts
another, and all are uncorrelated; so confounds are removed inside each of these classes by
Huh–Jhun's method, and rows change places freely inside a class. With unrelated people this is
Huh–Jhun's method itself.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import helmert, svd

from neurogenomics_kb.stats.inference.exchangeability import Blocks
from neurogenomics_kb.stats.inference.residual_space import HuhJhun


class FamilySpace:
    """Residuals of family means and contrasts, class by class.

    Parameters
    ----------
    design : ndarray (n, R)
        Confounds, intercept included.
    family : ndarray (n,)
        Family of every subject.
    outer : ndarray (n,), optional
        Fixed outer units (sites) whose members do not leave them.

    Attributes
    ----------
    classes : ndarray of int (size,)
        Class of every row of the residual space.
    """

    def __init__(
        self, design: np.ndarray, family: np.ndarray, outer: np.ndarray | None = None
    ) -> None:
        self.n = len(design)
        codes = np.unique(family, return_inverse=True)[1]
        outside = np.zeros(self.n, dtype=int)
        if outer is not None:
            outside = np.unique(outer, return_inverse=True)[1]
        order = np.argsort(codes, kind="stable")
        counts = np.bincount(codes)
        members = np.split(order, np.cumsum(counts)[:-1])
        self._groups = [
            np.array([rows for rows in members if len(rows) == size]) for size in np.unique(counts)
        ]
        labels = []
        for rows in self._groups:
            size, where = rows.shape[1], outside[rows[:, 0]]
            labels.append(np.stack([where, np.full(len(rows), size)], axis=1))
            # Contrasts of all sizes share one variance: that of siblings about their family.
            contrasts = np.repeat(where, size - 1)
            labels.append(np.stack([contrasts, np.zeros_like(contrasts)], axis=1))
        keys = np.unique(np.concatenate(labels), axis=0, return_inverse=True)[1].ravel()
        rotated = self._rotate(design)
        self._rows, self._spaces, classes = [], [], []
        for key in range(keys.max() + 1):
            rows = np.flatnonzero(keys == key)
            basis = _column_space(rotated[rows])
            if len(rows) - basis.shape[1] < 1:
                continue  # the confounds use this class up
            self._rows.append(rows)
            self._spaces.append(HuhJhun(basis) if basis.shape[1] else None)
            classes.append(np.full(len(rows) - basis.shape[1], len(classes)))
        self.classes = np.concatenate(classes) if classes else np.empty(0, dtype=int)

    @property
    def size(self) -> int:
        """Number of rows of the residual space."""
        return len(self.classes)

    @property
    def rank(self) -> int:
        """Degrees of freedom given up."""
        return self.n - self.size

    def _rotate(self, A: np.ndarray) -> np.ndarray:
        parts = []
        for rows in self._groups:
            turned = np.einsum("ij,fjq->fiq", helmert(rows.shape[1], full=True), A[rows])
            parts += [turned[:, 0], turned[:, 1:].reshape(-1, A.shape[1])]
        return np.concatenate(parts)

    def _rotate_back(self, A: np.ndarray) -> np.ndarray:
        out, start = np.empty((self.n, A.shape[1])), 0
        for rows in self._groups:
            families, size = rows.shape
            first = A[start : start + families]
            rest = A[start + families : start + families * size].reshape(
                families, size - 1, A.shape[1]
            )
            start += families * size
            both = np.concatenate([first[:, None], rest], axis=1)
            out[rows] = np.einsum("ij,fiq->fjq", helmert(size, full=True), both)
        return out

    def project(self, Y: np.ndarray) -> np.ndarray:
        """``Q'Y``: (n, q) to (size, q)."""
        rotated = self._rotate(np.asarray(Y, dtype=float))
        return np.concatenate(
            [
                rotated[rows] if space is None else space.project(rotated[rows])
                for rows, space in zip(self._rows, self._spaces, strict=True)
            ]
        )

    def lift(self, U: np.ndarray) -> np.ndarray:
        """``QU``: (size, q) to (n, q)."""
        rotated = np.zeros((self.n, U.shape[1]))
        start = 0
        for rows, space in zip(self._rows, self._spaces, strict=True):
            size = len(rows) if space is None else space.size
            part = U[start : start + size]
            rotated[rows] = part if space is None else space.lift(part)
            start += size
        return self._rotate_back(rotated)


def _column_space(A: np.ndarray) -> np.ndarray:
    left, values, _ = svd(A, full_matrices=False)
    scale = max(float(values[0]) if len(values) else 0.0, 1.0)
    return left[:, values > 1e-8 * scale]


def sibling_structure(blocks: Blocks | None) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Family and fixed outer labels, if the structure is that of exchangeable siblings.

    Returns
    -------
    tuple or None
        None for deeper trees, and for rows that may not change places (visits in order of time).
    """
    if blocks is None or not blocks.exchange_rows or blocks.kinds is not None:
        return None
    *outer, family = blocks.levels
    if not family.exchange or any(level.exchange for level in outer):
        return None
    return np.asarray(family.labels), (np.asarray(outer[-1].labels) if outer else None)
