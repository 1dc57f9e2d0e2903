"""PCA whose dimension respects rank and sample size, and says what it did."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.linalg import eigh, svd
from scipy.linalg.blas import dsyrk
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.threads import large_product
from neurogenomics_kb.foundation.tiles import tiles

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


def principal_axes(
    X: np.ndarray, dim: int, *, rows: np.ndarray | None = None, centre: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Leading right singular vectors and singular values.

    Parameters
    ----------
    X : ndarray (n, p)
        Values of n people in p columns.
    dim : int
        Number asked for; fewer are returned when the rank is lower.
    rows : ndarray of int, optional
        Positions of the people to learn from; all by default.
    centre : ndarray (p,), optional
        Taken off every row; nothing by default. With fewer columns than people, neither rows nor
        differences are copied.

    Returns
    -------
    axes : ndarray (p, k)
        Signs are fixed so that the largest entry of each axis is positive.
    singular_values : ndarray (k,)
    """
    n, p = X.shape if rows is None else (len(rows), X.shape[1])
    if min(n, p) == 0:
        return np.empty((p, 0)), np.empty(0)
    with large_product(float(n) * p * min(n, p)):
        found = _leading_axes(X, dim, rows, centre) if dim < p <= n else None
        if found is None:
            part = X if rows is None else X[rows]
            part = part if centre is None else part - centre
            found = _leading_of_few(part, dim) if dim < n < p else None
            axes, values = _all_axes(part, dim) if found is None else found
        else:
            axes, values = found
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(len(values))])
    return axes * np.where(signs == 0, 1, signs), values


def mean_of(X: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Mean of some rows (p,), in tiles of them."""
    return sum(X[rows[tile]].sum(axis=0) for tile in tiles(len(rows), X.shape[1])) / len(rows)


def gram_of(
    X: np.ndarray, rows: np.ndarray | None = None, centre: np.ndarray | None = None
) -> np.ndarray:
    """Cross-products of columns (p, p), in tiles of rows; the lower triangle alone is filled."""
    n, p = X.shape if rows is None else (len(rows), X.shape[1])
    gram = np.zeros((p, p), order="F")
    for tile in tiles(n, p):
        part = _part(X, rows, centre, tile)
        gram = dsyrk(1.0, part.T, beta=1.0, c=gram, lower=1, overwrite_c=1)
    return gram


def scores_of(
    X: np.ndarray,
    weights: np.ndarray,
    rows: np.ndarray | None = None,
    centre: np.ndarray | None = None,
) -> np.ndarray:
    """``(X[rows] − centre) @ weights`` (n, k), in tiles of rows."""
    n = len(X) if rows is None else len(rows)
    out = np.empty((n, weights.shape[1]))
    with large_product(float(n) * X.shape[1] * weights.shape[1]):
        for tile in tiles(n, X.shape[1]):
            np.matmul(_part(X, rows, centre, tile), weights, out=out[tile])
    return out


def _part(X: np.ndarray, rows, centre, tile: slice) -> np.ndarray:
    part = X[tile] if rows is None else X[rows[tile]]
    return part if centre is None else part - centre


def _leading_axes(X: np.ndarray, dim: int, rows, centre) -> tuple[np.ndarray, np.ndarray] | None:
    """The wanted axes from the cross-products; None where they cannot be told that way.

    Cross-products square the condition number, so that small singular values drown in rounding.
    Among the wanted directions an SVD of the data undoes that; whether they are the wanted ones is
    sure only as long as the smallest of them stands out.
    """
    values, vectors = _largest(gram_of(X, rows, centre), dim)
    if values[0] <= values[-1] * SQUARED:
        return None
    scores = scores_of(X, vectors, rows, centre)
    _, singular, turn = svd(scores, full_matrices=False, check_finite=False, overwrite_a=True)
    return vectors @ turn.T, singular


def _leading_of_few(X: np.ndarray, dim: int) -> tuple[np.ndarray, np.ndarray] | None:
    """`_leading_axes` of more columns than people, from the products of people."""
    values, vectors = _largest(X @ X.T, dim)
    if values[0] <= values[-1] * SQUARED:
        return None
    axes, singular, _ = svd(X.T @ vectors, full_matrices=False, check_finite=False)
    return axes, singular


def _largest(gram: np.ndarray, dim: int) -> tuple[np.ndarray, np.ndarray]:
    size = len(gram)
    return eigh(gram, subset_by_index=(size - dim, size - 1), overwrite_a=True, check_finite=False)


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
        cap = cap_dimension(
            self.dim,
            n=n,
            n_blocks=self.n_blocks,
            subjects_per_dimension=self.subjects_per_dimension,
        )
        axes, singular = principal_axes(values, cap, centre=self.mean_)
        self.n_components_ = axes.shape[1]
        total = sum(float(((values[t] - self.mean_) ** 2).sum()) for t in tiles(*values.shape))
        self.explained_variance_ratio_ = float((singular**2).sum() / total) if total else 0.0
        self.weights_ = axes / singular * np.sqrt(max(n - 1, 1))
        return self

    def transform(self, X: pd.DataFrame | np.ndarray) -> pd.DataFrame | np.ndarray:
        """Component scores (n, n_components_), unit variance in training; a table for a table."""
        check_is_fitted(self)
        scores = scores_of(self._values(X, reset=False), self.weights_, centre=self.mean_)
        if not isinstance(X, pd.DataFrame):
            return scores
        return pd.DataFrame(scores, index=X.index, columns=self.get_feature_names_out(), copy=False)

    def _values(self, X, *, reset: bool) -> np.ndarray:
        if isinstance(X, pd.DataFrame) and len(X) and (X.dtypes == np.float64).all():
            # Names and number of columns; scikit-learn would look at the type of each again.
            values = validate_data(self, X, reset=reset, skip_check_array=True).to_numpy()
        else:
            values = validate_data(self, X, reset=reset, dtype=np.float64, ensure_all_finite=False)
        if not all(np.isfinite(values[t]).all() for t in tiles(*values.shape)):
            bad = ~np.isfinite(values)
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
