"""PCA whose dimension respects rank and sample size, and says what it did."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.linalg import eigh, svd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.threads import large_product

# Eigenvalues of a cross-product below this share of the largest are left to an SVD.
SQUARED = 1e-8


def cap_dimension(requested: int, *, n: int, n_blocks: int, subjects_per_dimension: float) -> int:
    """Largest dimension that leaves enough subjects per variable over all blocks.

    Parameters
    ----------
    requested : int
        Dimension on the strategy card.
    n : int
        Subjects (or residual degrees of freedom) to learn from.
    n_blocks : int
        Blocks that share the sample; canonical correlation depends on N / (p + q).
    subjects_per_dimension : float
        Subjects asked for per variable, summed over blocks.

    Returns
    -------
    int
        At least 1.
    """
    return max(1, min(requested, int(n / subjects_per_dimension / n_blocks)))


def principal_axes(X: np.ndarray, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Leading right singular vectors and singular values, without centring.

    Parameters
    ----------
    X : ndarray (n, p)
        Values of n people in p columns.
    dim : int
        Number asked for; fewer are returned when the rank is lower.

    Returns
    -------
    axes : ndarray (p, k)
        Signs are fixed so that the largest entry of each axis is positive.
    singular_values : ndarray (k,)
    """
    n, p = X.shape
    if min(n, p) == 0:
        return np.empty((p, 0)), np.empty(0)
    with large_product(float(n) * p * min(n, p)):
        found = _leading_axes(X, dim) if dim < min(n, p) else None
        axes, values = _all_axes(X, dim) if found is None else found
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(len(values))])
    return axes * np.where(signs == 0, 1, signs), values


def _leading_axes(X: np.ndarray, dim: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The wanted axes from the smaller cross-product; None where they cannot be told that way.

    A cross-product squares the condition number, so that small singular values drown in rounding.
    Among the wanted directions an SVD of the data undoes that; whether they are the wanted ones is
    sure only as long as the smallest of them stands out.
    """
    n, p = X.shape
    size = min(n, p)
    gram = X @ X.T if n < p else X.T @ X
    values, vectors = eigh(
        gram, subset_by_index=(size - dim, size - 1), overwrite_a=True, check_finite=False
    )
    if values[0] <= values[-1] * SQUARED:
        return None
    del gram
    if n < p:
        axes, singular, _ = svd(X.T @ vectors, full_matrices=False, check_finite=False)
        return axes, singular
    _, singular, turn = svd(X @ vectors, full_matrices=False, check_finite=False)
    return vectors @ turn.T, singular


def _all_axes(X: np.ndarray, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Axes of a block whose rank may be lower than what is asked for."""
    n, p = X.shape
    if p > 4 * n:  # wide: the small cross-product is much cheaper than an SVD
        eigenvalues, vectors = eigh(X @ X.T)
        values = np.sqrt(np.clip(eigenvalues[::-1], 0, None))
        # Forming X X' squares the condition number, so the rank is cut at the square root of eps.
        rank = int((values > values[0] * max(n, p) ** 0.5 * 1e-8).sum()) if values[0] > 0 else 0
        k = min(dim, rank)
        return X.T @ (vectors[:, ::-1][:, :k] / values[:k]), values[:k]
    _, values, rows = svd(X, full_matrices=False, check_finite=False)
    cut = values[0] * max(n, p) * np.finfo(float).eps
    k = min(dim, int((values > cut).sum()) if values[0] > 0 else 0)
    return rows[:k].T, values[:k]


class CappedPCA(TransformerMixin, BaseEstimator):
    """Whitened principal components, capped by rank and by subjects per dimension.

    Parameters
    ----------
    dim : int
        Dimension on the strategy card.
    n_blocks : int
        Blocks that share the subjects.
    subjects_per_dimension : float
        See `cap_dimension`.
    prefix : str
        Prefix of the output columns.

    Attributes
    ----------
    n_components_ : int
        Effective dimension.
    explained_variance_ratio_ : float
        Share of the training variance that was kept.
    """

    def __init__(
        self,
        dim: int = 512,
        *,
        n_blocks: int = 2,
        subjects_per_dimension: float = 10.0,
        prefix: str = "pc",
    ) -> None:
        self.dim = dim
        self.n_blocks = n_blocks
        self.subjects_per_dimension = subjects_per_dimension
        self.prefix = prefix

    def fit(self, X: pd.DataFrame | np.ndarray, y=None) -> CappedPCA:
        """Learn axes from the training subjects of `X` (n, p).

        Raises
        ------
        InputError
            If a value is missing or infinite.
        """
        values = self._values(X, reset=True)
        n, self.n_features_ = values.shape
        self.mean_ = values.mean(axis=0)
        centred = values - self.mean_
        cap = cap_dimension(
            self.dim,
            n=n,
            n_blocks=self.n_blocks,
            subjects_per_dimension=self.subjects_per_dimension,
        )
        axes, singular = principal_axes(centred, cap)
        self.n_components_ = axes.shape[1]
        total = float((centred**2).sum())
        self.explained_variance_ratio_ = float((singular**2).sum() / total) if total else 0.0
        self.weights_ = axes / singular * np.sqrt(max(n - 1, 1))
        return self

    def transform(self, X: pd.DataFrame | np.ndarray) -> pd.DataFrame | np.ndarray:
        """Component scores (n, n_components_), unit variance in training; a table for a table."""
        check_is_fitted(self)
        scores = (self._values(X, reset=False) - self.mean_) @ self.weights_
        if not isinstance(X, pd.DataFrame):
            return scores
        return pd.DataFrame(scores, index=X.index, columns=self.get_feature_names_out())

    def _values(self, X, *, reset: bool) -> np.ndarray:
        values = validate_data(self, X, reset=reset, dtype=np.float64, ensure_all_finite=False)
        bad = ~np.isfinite(values)
        if bad.any():
            at = int(np.flatnonzero(bad.any(axis=0))[0])
            raise InputError(
                "a feature is missing (NaN) or infinite (inf)",
                column=str(getattr(self, "feature_names_in_", np.arange(values.shape[1]))[at]),
                subjects=int(bad[:, at].sum()),
                of=len(values),
                remedy="Put an impute step before the projector.",
            )
        return values

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Component names."""
        check_is_fitted(self)
        return np.array([f"{self.prefix}{i + 1}" for i in range(self.n_components_)], dtype=object)
