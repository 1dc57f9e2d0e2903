"""The space of a kernel as columns, in which linear models are kernel machines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Directions of the space are left out where they hold less than this share of the largest.
SMALLEST = 1e-8


@dataclass(frozen=True)
class Mixture:
    """A kernel over the parts of a model.

    Parameters
    ----------
    kernel : {"linear", "rbf"}
        Of one block.
    share : float
        Of the product of the blocks' kernels; the rest goes to their mean.
    width : float
        Inverse squared width of an RBF kernel, times half the number of columns.
    """

    kernel: str
    share: float
    width: float = 1.0

    def between(self, A: np.ndarray, B: np.ndarray, parts: np.ndarray) -> np.ndarray:
        """Kernel (n, m) between scaled rows (n, p) and (m, p).

        Parameters
        ----------
        A, B : ndarray (n, p), (m, p)
            Scaled rows.
        parts : ndarray of int (p,)
            Block of every column; negative for covariates.
        """
        K = np.zeros((len(A), len(B)))
        own = [self._of_block(A[:, parts == b], B[:, parts == b]) for b in blocks_of(parts)]
        if own:
            # One block is its own product, and its mean: the shares add up to it.
            K += self.share * np.prod(own, axis=0) + (1 - self.share) * np.mean(own, axis=0)
        if (parts < 0).any():
            K += linear_kernel(A[:, parts < 0], B[:, parts < 0])
        return K

    def _of_block(self, A: np.ndarray, B: np.ndarray) -> np.ndarray:
        if self.kernel == "linear":
            return linear_kernel(A, B)
        squares = (A**2).sum(axis=1)[:, None] + (B**2).sum(axis=1) - 2 * A @ B.T
        return np.exp(-self.width * np.maximum(squares, 0) / (2 * A.shape[1]))


def blocks_of(parts: np.ndarray) -> np.ndarray:
    """Blocks among the parts, in order."""
    return np.unique(parts[parts >= 0])


def linear_kernel(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Inner products (n, m), divided by the number of columns: about 1 for a row with itself."""
    return A @ B.T / A.shape[1]


class KernelSpace:
    """Columns whose inner products are the kernel, from the training rows.

    Parameters
    ----------
    mixture : Mixture
        The kernel.
    scaler : transformer
        Fitted to the training rows.
    landmarks : int
        Training rows that span the space; a random sample of this size where there are more.
    seed : int
        Seed of the sample.
    """

    def __init__(self, mixture: Mixture, scaler, landmarks: int, seed: int) -> None:
        self.mixture, self.scaler = mixture, scaler
        self.landmarks, self.seed = landmarks, seed

    def fit(self, X: np.ndarray, parts: np.ndarray) -> KernelSpace:
        """Find the directions that the scaled rows span.

        Parameters
        ----------
        X : ndarray (n, p)
            Training rows.
        parts : ndarray of int (p,)
            Block of every column; negative for covariates.
        """
        self.parts_, rows = parts, self.scaler.transform(X)
        if len(rows) > self.landmarks:
            rng = np.random.default_rng(self.seed)
            rows = rows[rng.choice(len(rows), self.landmarks, replace=False)]
        self.rows_ = rows
        sizes, V = np.linalg.eigh(self.mixture.between(rows, rows, parts))
        kept = sizes > SMALLEST * max(sizes[-1], 0)
        # Columns that are all constant leave no direction; a column of zeros leaves the intercept.
        self.directions_ = V[:, kept] / np.sqrt(sizes[kept]) if kept.any() else 0 * V[:, :1]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Coordinates (n, r) of rows (n, p)."""
        rows = self.scaler.transform(X)
        K = self.mixture.between(rows, self.rows_, self.parts_)
        return K @ self.directions_
