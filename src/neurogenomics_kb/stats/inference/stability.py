"""How far canonical axes would change with other subjects: bootstrap and split halves.

Halves of families also say how often a feature is among the largest of its axis: stability
selection (Meinshausen & Bühlmann, JRSS B 2010) over complementary pairs (Shah & Samworth, JRSS B
2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh, svd

from neurogenomics_kb.stats.inference.canonical import (
    align_components,
    column_correlations,
    orthonormal_side,
    structure_coefficients,
)
from neurogenomics_kb.stats.inference.permutation import in_one_thread


@dataclass(frozen=True)
class AxisStability:
    """Outcome of `axis_stability`; C components.

    Attributes
    ----------
    bootstrap_x, bootstrap_y : ndarray (C,)
        Mean absolute correlation, over the original subjects, of a resample's variate with that
        of the full sample.
    split_half_x, split_half_y : ndarray (C,)
        Mean absolute correlation of the variates from the weights of two disjoint halves.
    x_loading_se, y_loading_se : ndarray (p, C), (q, C)
        Bootstrap standard errors of the structure coefficients.
    x_selection, y_selection : ndarray (p, C), (q, C)
        Share of halves in which the feature is among the `x_top` (`y_top`) largest absolute
        structure coefficients of its side, with its sign in the full sample.
    x_top, y_top : int
        ``floor(sqrt(0.8 p))``, see `selected_per_half`.
    n_bootstraps, n_splits : int
    """

    bootstrap_x: np.ndarray
    bootstrap_y: np.ndarray
    split_half_x: np.ndarray
    split_half_y: np.ndarray
    x_loading_se: np.ndarray
    y_loading_se: np.ndarray
    x_selection: np.ndarray
    y_selection: np.ndarray
    x_top: int
    y_top: int
    n_bootstraps: int
    n_splits: int


class _Rows:
    """One adjusted block, ready to be refitted on weighted rows.

    With more columns than rows, weights of resampled rows only touch the n × n Gram matrix, so a
    block with thousands of columns costs no more than one with a hundred. With fewer, the p × p
    cross-products are the smaller problem.
    """

    def __init__(self, data: np.ndarray, dim: int) -> None:
        self.data, self.dim = data, dim
        self.gram = data @ data.T if data.shape[1] > len(data) else None

    def basis(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Orthonormal basis of the weighted rows and the same axes applied to all rows."""
        share, root, used = weights / weights.sum(), np.sqrt(weights), np.flatnonzero(weights)
        if self.gram is None:
            centred = self.data - share @ self.data
            inner = root[used, None] * centred[used]
            values, vectors = self._largest(inner.T @ inner, len(used))
            axes = vectors / np.sqrt(values)
            return inner @ axes, centred @ axes
        centre = self.gram @ share
        centred = self.gram - centre[:, None] - centre[None, :] + share @ centre
        inner = root[used, None] * centred[np.ix_(used, used)] * root[used]
        values, vectors = self._largest(inner, len(used))
        return vectors, centred[:, used] @ (root[used, None] * vectors / values)

    def _largest(self, inner: np.ndarray, n_used: int) -> tuple[np.ndarray, np.ndarray]:
        """Largest eigenvalues, null ones left out, and their vectors."""
        k = min(self.dim, n_used - 1, len(inner))
        values, vectors = eigh(inner, subset_by_index=(len(inner) - k, len(inner) - 1))
        keep = values > max(values[-1], 0) * n_used * 1e-12
        return values[keep], vectors[:, keep]


@in_one_thread
def axis_stability(
    X: np.ndarray,
    Y: np.ndarray,
    *,
    dims: tuple[int | None, int | None] = (None, None),
    n_components: int = 3,
    clusters: np.ndarray | None = None,
    n_bootstraps: int = 100,
    n_splits: int = 50,
    random_state: int | None = None,
) -> AxisStability:
    """Refit PCA and canonical axes on resampled families and on random halves.

    Variates are compared over the same subjects, since weights and loadings of collinear columns
    can differ where the axis does not. Components are matched to the full sample by the Hungarian
    algorithm. Confounds are removed once, beforehand.

    Parameters
    ----------
    X, Y : ndarray (n, p), (n, q)
        Confound-adjusted blocks.
    dims : tuple of int or None
        Principal components per block, as in the fit on all subjects.
    n_components : int
        Number of components. Default 3.
    clusters : ndarray (n,), optional
        Families, which are drawn and split as wholes.
    n_bootstraps, n_splits : int
        Bootstrap samples, and random halves. Default 100 and 50.
    random_state : int, optional
        Seed of the random numbers; another draw at every call by default.

    Returns
    -------
    AxisStability
    """
    rng = np.random.default_rng(random_state)
    n = len(X)
    codes = np.arange(n) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    n_clusters = int(codes.max()) + 1
    blocks = [
        _Rows(A, orthonormal_side(A, None).dim if dim is None else dim)
        for A, dim in ((X, dims[0]), (Y, dims[1]))
    ]
    reference = _variates(blocks, np.ones(n), n_components)
    C = reference[0].shape[1]
    stacked = np.vstack(reference)
    similar, loadings = [], ([], [])
    for _ in range(n_bootstraps):
        draws = np.bincount(rng.integers(n_clusters, size=n_clusters), minlength=n_clusters)
        weights = draws[codes].astype(float)
        found = _aligned(_variates(blocks, weights, C), stacked)
        similar.append([np.abs(column_correlations(a, b)) for a, b in
                        zip(found, reference, strict=True)])  # fmt: skip
        for kept, block, variates in zip(loadings, blocks, found, strict=True):
            kept.append(_weighted_loadings(block.data, variates, weights))
    tops = [selected_per_half(block.data.shape[1]) for block in blocks]
    signs = [
        np.sign(structure_coefficients(block.data, variates))
        for block, variates in zip(blocks, reference, strict=True)
    ]
    halves, chosen = [], [np.zeros_like(sign) for sign in signs]
    for _ in range(n_splits):
        side = rng.permutation(n_clusters) < n_clusters // 2
        masks = [mask[codes].astype(float) for mask in (side, ~side)]
        first, second = (_aligned(_variates(blocks, mask, C), stacked) for mask in masks)
        for weights, found in zip(masks, (first, second), strict=True):
            for counts, block, variates, sign, top in zip(
                chosen, blocks, found, signs, tops, strict=True
            ):
                values = _weighted_loadings(block.data, variates, weights)
                counts += _among_largest(values, top) & (np.sign(values) == sign)
        halves.append([np.abs(column_correlations(a, b)) for a, b in
                       zip(first, second, strict=True)])  # fmt: skip
    bootstrap, split = np.mean(similar, axis=0), np.mean(halves, axis=0)
    return AxisStability(
        bootstrap[0], bootstrap[1], split[0], split[1],
        np.std(loadings[0], axis=0, ddof=1), np.std(loadings[1], axis=0, ddof=1),
        chosen[0] / (2 * n_splits), chosen[1] / (2 * n_splits), *tops,
        n_bootstraps, n_splits,
    )  # fmt: skip


def selected_per_half(n_features: int) -> int:
    """Features that a half selects, so that those chosen in 90 % of halves are hardly ever chance.

    With q of p features chosen in every half, at most ``q² / ((2 · 0.9 − 1) p)`` unrelated features
    are expected among those chosen in 90 % (Meinshausen & Bühlmann's theorem 1, which supposes that
    unrelated features are alike); this q makes it at most one.

    Examples
    --------
    >>> selected_per_half(20), selected_per_half(500)
    (4, 20)
    """
    return max(1, int(np.sqrt(0.8 * n_features)))


def _among_largest(values: np.ndarray, top: int) -> np.ndarray:
    """Whether an entry is among the `top` largest absolute ones of its column."""
    rank = np.argsort(np.argsort(-np.abs(values), axis=0, kind="stable"), axis=0)
    return rank < top


def _variates(blocks: list[_Rows], weights: np.ndarray, C: int) -> list[np.ndarray]:
    """Variates of all subjects from axes fitted on the weighted rows."""
    (basis_x, scores_x), (basis_y, scores_y) = (block.basis(weights) for block in blocks)
    left, _, right = svd(basis_y.T @ basis_x, full_matrices=False)
    return [scores_x @ right[:C].T, scores_y @ left[:, :C]]


def _aligned(found: list[np.ndarray], stacked: np.ndarray) -> list[np.ndarray]:
    both = np.vstack(found)
    norms = np.linalg.norm(both, axis=0)
    order, signs = align_components(stacked, both / np.where(norms > 0, norms, 1.0))
    return [A[:, order] * signs for A in found]


def _weighted_loadings(data: np.ndarray, variates: np.ndarray, weights: np.ndarray) -> np.ndarray:
    root = np.sqrt(weights)[:, None]
    share = weights / weights.sum()
    return structure_coefficients(
        (data - share @ data) * root, (variates - share @ variates) * root
    )
