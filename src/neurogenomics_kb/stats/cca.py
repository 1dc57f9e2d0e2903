"""Canonical correlation with permutation inference that survives confounds and families.

The algorithm is that of Winkler, Renaud, Smith & Nichols (NeuroImage 2020,
doi:10.1016/j.neuroimage.2020.117065): work in a residual space with exchangeable rows, test
component k on the block of variates that earlier components leave over, and close the tests.
The intercept is part of the confounds, which their software leaves to the user.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from joblib import Parallel, delayed
from scipy.linalg import cholesky, eigvalsh, svd
from scipy.optimize import linear_sum_assignment

from neurogenomics_kb.errors import InputError
from neurogenomics_kb.stats.permutation import (
    Exchangeability,
    monte_carlo_error,
    permutation_p_value,
)
from neurogenomics_kb.stats.projection import principal_axes
from neurogenomics_kb.stats.residual_space import HuhJhun, ResidualSpace, Theil, independent_design


@dataclass(frozen=True)
class CCAResult:
    """Outcome of `permutation_cca`; K = min(rank X, rank Y), C = reported components.

    Attributes
    ----------
    correlations : ndarray (C,)
        In-sample canonical correlations of the confound-adjusted data; optimistic by construction.
    p_values : ndarray (C,)
        Family-wise error controlled over components, by closure.
    p_values_uncorrected : ndarray (C,)
    p_value_errors : ndarray (C,)
        Monte-Carlo standard errors of the uncorrected p-values.
    statistic : ndarray (C,)
        Observed Wilks or Roy statistic of each trailing block.
    null : ndarray (B, C)
        The same under permutation.
    null_correlations : ndarray (B, C)
        Leading canonical correlation of each trailing block under permutation.
    x_weights, y_weights : ndarray (p, C), (q, C)
        Weights on the input columns; scores have unit variance in the residual space.
    x_loadings, y_loadings : ndarray (p, C), (q, C)
        Structure coefficients: correlation of each adjusted input column with its own variate.
    x_scores, y_scores : ndarray (n, C)
        Canonical variates of the subjects, adjusted for confounds.
    x_dim, y_dim : int
        Effective number of variables per side, after rank and PCA.
    x_variance, y_variance : float
        Share of adjusted variance kept by the PCA, 1 without one.
    n, n_effective : int
        Subjects, and rows left after the confounds (N − R).
    n_permutations : int
    method : str
        ``"huh-jhun"`` or ``"theil"``, with the statistic.
    """

    correlations: np.ndarray
    p_values: np.ndarray
    p_values_uncorrected: np.ndarray
    p_value_errors: np.ndarray
    statistic: np.ndarray
    null: np.ndarray
    null_correlations: np.ndarray
    x_weights: np.ndarray
    y_weights: np.ndarray
    x_loadings: np.ndarray
    y_loadings: np.ndarray
    x_scores: np.ndarray
    y_scores: np.ndarray
    x_dim: int
    y_dim: int
    x_variance: float
    y_variance: float
    n: int
    n_effective: int
    n_permutations: int
    method: str


@dataclass(frozen=True)
class _Side:
    """One side in its residual space: orthonormal basis, weights back to columns."""

    data: np.ndarray
    basis: np.ndarray
    to_columns: np.ndarray
    variance: float


def permutation_cca(
    X: np.ndarray,
    Y: np.ndarray,
    *,
    confounds: np.ndarray | None = None,
    n_components: int = 3,
    n_permutations: int = 1000,
    blocks=None,
    statistic: Literal["wilks", "roy"] = "wilks",
    random_state: int | None = None,
    n_jobs: int | None = None,
    y_confounds: np.ndarray | None = None,
    pca: tuple[int | None, int | None] = (None, None),
) -> CCAResult:
    """Test canonical correlations between two blocks, adjusted for confounds.

    Parameters
    ----------
    X : ndarray (n, p)
    Y : ndarray (n, q)
    confounds : ndarray (n, r), optional
        Numeric confounds of both sides (partial CCA). An intercept is always added and dependent
        columns are dropped.
    n_components : int
        Components to report.
    n_permutations : int
        Random permutations B beside the identity.
    blocks : array-like (n,), optional
        Exchangeability blocks such as family ids; see `Exchangeability`. With blocks the residual
        space is Theil's, whose rows keep their subject.
    statistic : {"wilks", "roy"}
        Wilks' lambda of the trailing block, or its largest root.
    random_state : int, optional
        The result does not depend on `n_jobs`.
    n_jobs : int, optional
        Processes over permutations.
    y_confounds : ndarray (n, s), optional
        Confounds of Y when they differ from those of X (bipartial CCA; an empty array gives part
        CCA).
    pca : tuple of int or None
        Number of principal components to reduce X and Y to, inside the residual space.

    Returns
    -------
    CCAResult

    Raises
    ------
    InputError
        If N is too small for p + q, sides differ in length, values are missing, or the blocks
        allow no permutation.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> z = rng.normal(size=(200, 1))
    >>> X = z + rng.normal(size=(200, 3))
    >>> Y = z + rng.normal(size=(200, 2))
    >>> result = permutation_cca(X, Y, n_permutations=99, random_state=1)
    >>> bool(result.p_values[0] == 0.01), result.n_effective
    (True, 199)
    """
    X, Y = _checked(X, "X"), _checked(Y, "Y")
    n = len(X)
    if len(Y) != n:
        raise InputError(f"X has {n} rows and Y has {len(Y)}", remedy="Align the subjects first.")
    if statistic not in ("wilks", "roy"):
        raise ValueError(f"statistic={statistic!r} is neither 'wilks' nor 'roy'")
    design_x = independent_design(_optional(confounds, n), n)
    shared = y_confounds is None
    design_y = design_x if shared else independent_design(_optional(y_confounds, n), n)

    spaces, exchange = _residual_spaces(design_x, design_y, shared, blocks, n)
    side_x = _orthonormal_side(_project(spaces[0], X), pca[0])
    side_y = _orthonormal_side(_project(spaces[1], Y), pca[1])
    _refuse_degenerate(side_x, side_y, min(s.size for s in spaces), n)

    left, values, right = _couple(side_x, side_y, spaces, shared)
    U, V = side_y.basis @ left, side_x.basis @ right
    K = min(left.shape[1], right.shape[1])
    C = min(n_components, K)

    observed_roots, observed = _trailing(
        np.eye(len(left), len(right)) * _pad(values, left, right), C, statistic
    )
    seeds = np.random.default_rng(random_state).integers(2**63, size=n_permutations)
    chunks = np.array_split(seeds, max(1, min(n_permutations, 8 * abs(n_jobs or 1))))
    done = Parallel(n_jobs=n_jobs)(
        delayed(_permuted)(chunk, U, V, spaces, shared, exchange, C, statistic) for chunk in chunks
    )
    null = np.concatenate([d[1] for d in done])
    null_roots = np.concatenate([d[0] for d in done])

    uncorrected = permutation_p_value(observed, null)
    # Columns of a Q-projected block are scaled so that scores have unit variance over N − R rows.
    x_weights = side_x.to_columns @ right[:, :C] * np.sqrt(spaces[0].size)
    y_weights = side_y.to_columns @ left[:, :C] * np.sqrt(spaces[1].size)
    flip = np.sign(x_weights[np.abs(x_weights).argmax(axis=0), np.arange(C)])
    flip[flip == 0] = 1
    return CCAResult(
        correlations=observed_roots,
        p_values=np.maximum.accumulate(uncorrected),
        p_values_uncorrected=uncorrected,
        p_value_errors=monte_carlo_error(uncorrected, n_permutations),
        statistic=observed,
        null=null,
        null_correlations=null_roots,
        x_weights=x_weights * flip,
        y_weights=y_weights * flip,
        x_loadings=_loadings(side_x.data, V[:, :C]) * flip,
        y_loadings=_loadings(side_y.data, U[:, :C]) * flip,
        x_scores=spaces[0].lift(V[:, :C]) * np.sqrt(spaces[0].size) * flip,
        y_scores=spaces[1].lift(U[:, :C]) * np.sqrt(spaces[1].size) * flip,
        x_dim=side_x.basis.shape[1],
        y_dim=side_y.basis.shape[1],
        x_variance=side_x.variance,
        y_variance=side_y.variance,
        n=n,
        n_effective=min(s.size for s in spaces),
        n_permutations=n_permutations,
        method=f"{'huh-jhun' if blocks is None else 'theil'}, {statistic}",
    )


def _checked(A, name: str) -> np.ndarray:
    A = np.asarray(A, dtype=float)
    if A.ndim != 2 or A.shape[1] == 0:
        raise InputError(
            f"{name} has shape {A.shape}", remedy="Give a table of subjects × variables."
        )
    bad = int((~np.isfinite(A)).any(axis=1).sum())
    if bad:
        raise InputError(
            f"{name} holds missing or infinite values",
            subjects=bad,
            of=len(A),
            remedy="Impute or drop these subjects first.",
        )
    return A


def _optional(Z, n: int) -> np.ndarray | None:
    if Z is None or np.size(Z) == 0:
        return None
    Z = np.asarray(Z, dtype=float)
    Z = Z[:, None] if Z.ndim == 1 else Z
    Z = _checked(Z, "confounds")
    if len(Z) != n:
        raise InputError(
            f"confounds have {len(Z)} rows for {n} subjects", remedy="Align them first."
        )
    return Z


def _residual_spaces(design_x, design_y, shared, blocks, n):
    """Residual space and exchangeability of each side."""
    for name, design in (("X", design_x), ("Y", design_y)):
        if design.shape[1] >= n - 1:
            raise InputError(
                f"{design.shape[1]} independent confounds (intercept included) of {name} leave "
                f"{n - design.shape[1]} of {n} degrees of freedom",
                remedy="Use fewer confounds or more subjects.",
            )
    if blocks is None:
        space_x = HuhJhun(design_x)
        space_y = space_x if shared else HuhJhun(design_y)
        return (space_x, space_y), tuple(Exchangeability(None, s.size) for s in (space_x, space_y))
    blocks = np.asarray(blocks)
    if len(blocks) != n:
        raise InputError(f"{len(blocks)} block labels for {n} subjects", remedy="Give one per row.")
    _, codes, counts = np.unique(blocks, return_inverse=True, return_counts=True)
    singleton = (counts[codes] == 1).astype(float)
    space_x = Theil(design_x, singleton)
    space_y = space_x if shared else Theil(design_y, singleton)
    return (space_x, space_y), tuple(
        Exchangeability(blocks[s.rows], s.size) for s in (space_x, space_y)
    )


def _project(space: ResidualSpace, A: np.ndarray) -> np.ndarray:
    """Project a side; what the confounds explain entirely is zero, not rounding noise."""
    projected = space.project(A)
    gone = np.linalg.norm(projected, axis=0) <= 1e-10 * np.linalg.norm(A, axis=0)
    projected[:, gone] = 0.0
    return projected


def _orthonormal_side(data: np.ndarray, dim: int | None) -> _Side:
    """Rank-revealing orthonormal basis, after PCA in the residual space if asked for."""
    axes, singular = principal_axes(data, min(data.shape) if dim is None else dim)
    if axes.shape[1] == 0:
        raise InputError(
            "nothing varies once the confounds are removed",
            remedy="Check for constant features and for confounds that determine the block.",
        )
    total = float((data**2).sum())
    to_columns = axes / singular
    return _Side(data, data @ to_columns, to_columns, float((singular**2).sum() / total))


def _refuse_degenerate(side_x: _Side, side_y: _Side, size: int, n: int) -> None:
    p, q = side_x.basis.shape[1], side_y.basis.shape[1]
    if p + q >= size:
        raise InputError(
            f"{p} + {q} variables with {size} residual degrees of freedom (N = {n}) make every "
            "canonical correlation 1",
            remedy=f"Reduce both blocks by PCA to at most {max(1, size // 20)} dimensions each.",
        )


def _couple(side_x: _Side, side_y: _Side, spaces, shared):
    """Full SVD of B_y' C B_x."""
    product = _between(side_y.basis, side_x.basis, spaces, shared)
    left, values, right = svd(product, full_matrices=True)
    return left, np.clip(values, 0, 1), right.T


def _between(U: np.ndarray, V: np.ndarray, spaces: tuple[ResidualSpace, ResidualSpace], shared):
    """``U' Q_y' Q_x V``; with one residual space Q'Q is the identity."""
    if shared:
        return U.T @ V
    return spaces[1].lift(U).T @ spaces[0].lift(V)


def _pad(values: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    padded = np.zeros(len(right))
    padded[: len(values)] = values[: len(right)]
    return padded


def _permuted(seeds, U, V, spaces, shared, exchange, C, statistic):
    roots = np.empty((len(seeds), C))
    values = np.empty((len(seeds), C))
    for i, seed in enumerate(seeds):
        rng = np.random.default_rng(seed)
        Up = U[exchange[1].draw(rng)]
        # One side is enough when both live in one space; otherwise each is permuted in its own.
        Vp = V if shared else V[exchange[0].draw(rng)]
        roots[i], values[i] = _trailing(_between(Up, Vp, spaces, shared), C, statistic)
    return roots, values


def _trailing(G: np.ndarray, C: int, statistic: str) -> tuple[np.ndarray, np.ndarray]:
    """Largest root and test statistic of the blocks ``G[k:, k:]``, k = 0 … C − 1."""
    roots = np.array([_largest_root(G[k:, k:]) for k in range(C)])
    return roots, (roots if statistic == "roy" else _wilks(G)[:C])


def _largest_root(G: np.ndarray) -> float:
    gram = G @ G.T if G.shape[0] <= G.shape[1] else G.T @ G
    last = len(gram) - 1
    return float(np.sqrt(np.clip(eigvalsh(gram, subset_by_index=(last, last))[0], 0, 1)))


def _wilks(G: np.ndarray) -> np.ndarray:
    """``−ln det(I − G_k G_k')`` for every trailing block of G (q × p).

    One Cholesky factor of [[I, G], [G', I]] serves all k when surplus variates come first and
    pairs follow from the last to the first: leading minors are then the determinants wanted.
    """
    q, p = G.shape
    K = min(q, p)
    surplus = np.concatenate([np.arange(K, q), q + np.arange(K, p)])
    pairs = np.stack([np.arange(K)[::-1], q + np.arange(K)[::-1]], axis=1).ravel()
    order = np.concatenate([surplus, pairs])
    joint = np.eye(q + p)
    joint[:q, q:] = G
    joint[q:, :q] = G.T
    joint = joint[np.ix_(order, order)]
    try:
        diagonal = np.diag(cholesky(joint, lower=True, check_finite=False))
        logs = 2 * np.log(diagonal)
        minors = np.cumsum(logs)[len(surplus) + 1 :: 2]
    except np.linalg.LinAlgError:  # a correlation of 1 to rounding: determinant zero
        minors = np.array(
            [
                np.sum(np.log(np.clip(1 - svd(G[k:, k:], compute_uv=False) ** 2, 1e-300, None)))
                for k in range(K)
            ]
        )[::-1]
    return -minors[::-1]


def _loadings(data: np.ndarray, variates: np.ndarray) -> np.ndarray:
    """Correlation of residual columns with variates (inner products, since Q' removed the mean)."""
    norms = np.linalg.norm(data, axis=0)
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
    Y : ndarray (n, q)
    n_components : int

    Raises
    ------
    InputError
        If p + q leaves no residual degrees of freedom.
    """
    x_mean, y_mean = X.mean(axis=0), Y.mean(axis=0)
    side_x = _orthonormal_side(X - x_mean, None)
    side_y = _orthonormal_side(Y - y_mean, None)
    _refuse_degenerate(side_x, side_y, len(X) - 1, len(X))
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
