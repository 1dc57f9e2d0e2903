"""Linear algebra of canonical correlation: bases, trailing blocks, weights for new subjects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh, eigvalsh, solve_triangular, svd
from scipy.linalg.blas import dsyrk
from scipy.linalg.lapack import dpotrf
from scipy.optimize import linear_sum_assignment

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.tiles import column_squares
from neurogenomics_kb.stats.transformers.projection import principal_axes

# Up to this side a stack of small matrices is decomposed whole, all of them at once.
SMALL = 24


@dataclass(frozen=True)
class Side:
    """One block in its residual space: orthonormal basis and the way back to columns.

    Attributes
    ----------
    data : ndarray (m, p)
    basis : ndarray (m, k)
        Left singular vectors, largest variance first.
    singular : ndarray (k,)
    to_columns : ndarray (p, k)
        ``data @ to_columns`` is the basis.
    """

    data: np.ndarray
    basis: np.ndarray
    singular: np.ndarray
    to_columns: np.ndarray

    @property
    def dim(self) -> int:
        """Dimension of the basis."""
        return self.basis.shape[1]

    def variance_kept(self, shrinkage: np.ndarray | None = None) -> float:
        """Share of the variance of `data` that the (shrunk) basis keeps."""
        kept = self.singular**2 if shrinkage is None else (self.singular * shrinkage) ** 2
        return float(kept.sum() / column_squares(self.data).sum())


def orthonormal_side(data: np.ndarray, dim: int | None) -> Side:
    """Rank-revealing orthonormal basis, after PCA in the residual space if asked for.

    Raises
    ------
    InputError
        If nothing varies.
    """
    to_columns, singular = whitening(data, dim)
    return Side(data, data @ to_columns, singular, to_columns)


def whitening(
    data: np.ndarray,
    dim: int | None,
    *,
    rows: np.ndarray | None = None,
    centre: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (p, k) of columns that make the rows orthonormal, and the singular values (k,).

    Parameters
    ----------
    data : ndarray (n, p)
        A block.
    dim : int or None
        Components; None for all.
    rows, centre
        As in `principal_axes`.

    Raises
    ------
    InputError
        If nothing varies.
    """
    n = len(data) if rows is None else len(rows)
    most = min(n, data.shape[1])
    axes, singular = principal_axes(data, most if dim is None else dim, rows=rows, centre=centre)
    if axes.shape[1] == 0:
        raise InputError(
            "nothing varies once the confounds are removed",
            remedy="Check for constant features and for confounds that determine the block.",
        )
    return axes / singular, singular


def refuse_degenerate(p: int, q: int, size: int, n: int) -> None:
    """Refuse p + q variables in `size` dimensions, where every canonical correlation is 1.

    Raises
    ------
    InputError
    """
    if p + q >= size:
        raise InputError(
            f"{p} + {q} variables with {size} residual degrees of freedom (N = {n}) make every "
            "canonical correlation 1",
            remedy=f"Reduce both blocks by PCA to at most {max(1, size // 20)} dimensions each, or "
            "use ridge regularisation.",
        )


def trailing_roots(G: np.ndarray, C: int) -> np.ndarray:
    """Largest root of the blocks ``G[k:, k:]``, k = 0 … C − 1 (C,)."""
    return np.array([largest_root(G[k:, k:]) for k in range(C)])


def largest_root(G: np.ndarray) -> float:
    """Largest singular value of G, at most 1."""
    gram = G @ G.T if G.shape[0] <= G.shape[1] else G.T @ G
    last = len(gram) - 1
    return float(np.sqrt(np.clip(eigvalsh(gram, subset_by_index=(last, last))[0], 0, 1)))


def wilks(G: np.ndarray, n_blocks: int | None = None) -> np.ndarray:
    """``−ln det(I − G_k G_k')`` of the trailing blocks ``G[k:, k:]``, k = 0 … n_blocks − 1.

    One factorisation serves all of them. With m = n_blocks − 1, the smallest block is reduced once
    to its smaller side, ``I − T'T``; the m pairs of variates before it border that factor, and each
    pair that is added from the last to the first gives the determinant of the next larger block.

    Parameters
    ----------
    G : ndarray (q, p)
        Coupling of two orthonormal bases.
    n_blocks : int, optional
        Blocks wanted, from the whole matrix on. Default all, the smaller of q and p.

    Returns
    -------
    ndarray (n_blocks,)
        A correlation of 1 to rounding counts as one of 1 − 1e-300, so that no value is infinite.
    """
    G = G if G.shape[0] >= G.shape[1] else G.T
    n_blocks = min(G.shape) if n_blocks is None else n_blocks
    m = n_blocks - 1
    trailing, columns, rows = G[m:, m:], G[m:, :m], G[:m, m:]
    factor, failed = dpotrf(_one_minus_gram(trailing), lower=0, clean=0, overwrite_a=1)
    # Eliminating the rows of the smallest block leaves its columns and the pairs: v first, then u.
    border = np.hstack([-(trailing.T @ columns), rows.T])
    corner = np.eye(2 * m)
    corner[:m, :m] -= columns.T @ columns
    corner[:m, m:] = G[:m, :m].T
    corner[m:, :m] = G[:m, :m]
    order = np.stack([np.arange(m)[::-1], m + np.arange(m)[::-1]], axis=1).ravel()
    if not failed and m:
        solved = solve_triangular(factor, border, trans="T", check_finite=False)
        corner = (corner - solved.T @ solved)[np.ix_(order, order)]
        small, failed = dpotrf(corner, lower=0, clean=0)
    if failed:  # a correlation of 1 to rounding: determinant zero
        roots = [svd(G[k:, k:], compute_uv=False) for k in range(n_blocks)]
        return -np.array([np.log(np.clip(1 - r**2, 1e-300, None)).sum() for r in roots])
    found = np.empty(n_blocks)
    found[m] = 2 * np.log(factor.diagonal()).sum()
    if m:
        found[:m] = found[m] + np.cumsum(2 * np.log(small.diagonal()))[1::2][::-1]
    return -found


def _one_minus_gram(T: np.ndarray) -> np.ndarray:
    """``I − T'T``, upper triangle only."""
    return dsyrk(-1.0, T.T, beta=1.0, c=np.eye(T.shape[1], order="F"), overwrite_c=1)


def leading_pairs(G: np.ndarray, C: int) -> tuple[np.ndarray, np.ndarray]:
    """Leading singular vectors (B, q, C) and (B, p, C) of a stack of couplings G (B, q, p).

    From the smaller cross-product; of larger matrices only the wanted ones are computed.
    """
    q, p = G.shape[1:]
    if q < p:
        right, left = leading_pairs(G.transpose(0, 2, 1), C)
        return left, right
    gram = G.transpose(0, 2, 1) @ G
    if p <= SMALL:
        right = np.linalg.eigh(gram)[1][:, :, : -C - 1 : -1]
    else:
        right = np.stack([_leading_vectors(each, C) for each in gram])
    left = G @ right
    norms = np.linalg.norm(left, axis=1, keepdims=True)
    return left / np.where(norms > 0, norms, 1.0), right


def _leading_vectors(gram: np.ndarray, C: int) -> np.ndarray:
    size = len(gram)
    return eigh(gram, subset_by_index=(size - C, size - 1), check_finite=False)[1][:, ::-1]


def structure_coefficients(data: np.ndarray, variates: np.ndarray) -> np.ndarray:
    """Correlation of residual columns with variates (inner products, since Q' removed the mean)."""
    norms = np.sqrt(column_squares(data))
    floor = 1e-9 * max(float(norms.max()), 1e-300)
    safe = np.where(norms > floor, norms, np.inf)
    return (data.T @ variates) / safe[:, None] / np.linalg.norm(variates, axis=0)


@dataclass(frozen=True)
class CanonicalWeights:
    """Weights learned on training data, for scoring others.

    Attributes
    ----------
    x_weights, y_weights : ndarray (p, C), (q, C)
    x_mean, y_mean : ndarray (p,), (q,)
    correlations : ndarray (C,)
        In-sample.
    """

    x_weights: np.ndarray
    y_weights: np.ndarray
    x_mean: np.ndarray
    y_mean: np.ndarray
    correlations: np.ndarray

    def score(self, X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Canonical variates (n, C) of both sides."""
        return (X - self.x_mean) @ self.x_weights, (Y - self.y_mean) @ self.y_weights


def fit_cca(X: np.ndarray, Y: np.ndarray, n_components: int) -> CanonicalWeights:
    """Canonical weights of two blocks, for prediction and held-out correlations.

    Parameters
    ----------
    X : ndarray (n, p)
        Values of n people in p columns.
    Y : ndarray (n, q)
        Values of n people in q columns.
    n_components : int
        Number of components.

    Raises
    ------
    InputError
        If p + q leaves no residual degrees of freedom.
    """
    x_mean, y_mean = X.mean(axis=0), Y.mean(axis=0)
    side_x = orthonormal_side(X - x_mean, None)
    side_y = orthonormal_side(Y - y_mean, None)
    refuse_degenerate(side_x.dim, side_y.dim, len(X) - 1, len(X))
    left, values, right = svd(side_y.basis.T @ side_x.basis, full_matrices=False)
    C = min(n_components, len(values))
    scale = np.sqrt(len(X) - 1)
    return CanonicalWeights(
        side_x.to_columns @ right[:C].T * scale,
        side_y.to_columns @ left[:, :C] * scale,
        x_mean,
        y_mean,
        np.clip(values[:C], 0, 1),
    )


def column_correlations(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Pearson correlation of matching columns of A and B (n, C); 0 where a column is constant."""
    A, B = A - A.mean(axis=0), B - B.mean(axis=0)
    norm = np.linalg.norm(A, axis=0) * np.linalg.norm(B, axis=0)
    return np.divide((A * B).sum(axis=0), norm, out=np.zeros(A.shape[1]), where=norm > 0)


def align_components(reference: np.ndarray, loadings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order and sign that bring a fold's components onto those of the full sample.

    Parameters
    ----------
    reference, loadings : ndarray (p, C)
        Structure coefficients; columns are matched by absolute cosine (Hungarian algorithm).

    Returns
    -------
    order : ndarray of int (C,)
        ``loadings[:, order] * signs`` matches `reference`.
    signs : ndarray (C,)
    """
    norm = np.outer(np.linalg.norm(reference, axis=0), np.linalg.norm(loadings, axis=0))
    cosine = (reference.T @ loadings) / np.where(norm > 0, norm, np.inf)
    rows, order = linear_sum_assignment(-np.abs(cosine))
    signs = np.sign(cosine[rows, order])
    return order, np.where(signs == 0, 1, signs)
