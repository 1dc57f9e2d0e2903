"""How far canonical axes would change with other subjects: bootstrap and split halves.

Halves of families also say how often a feature is among the largest of its axis: stability
selection (Meinshausen & Bühlmann, JRSS B 2010) over complementary pairs (Shah & Samworth, JRSS B
2013).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.linalg import eigh, svd

from neurogenomics_kb.foundation.loops import chunk_of, parallel_loop
from neurogenomics_kb.foundation.tiles import tiles
from neurogenomics_kb.stats.inference.canonical import (
    align_components,
    column_correlations,
    structure_coefficients,
)
from neurogenomics_kb.stats.inference.permutation import in_one_thread
from neurogenomics_kb.stats.transformers.projection import principal_axes


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


# Components of all people that are kept, beside the number wanted, where resamples are refitted.
COMPONENTS, TIMES = 1024, 3
# Resamples whose variates are held at once.
BATCH = 32


class _Rows:
    """One adjusted block, ready to be refitted on weighted rows.

    Refits happen in principal coordinates of all people, which cost as much as the block is wide
    only once. Coordinates of full rank lose nothing. Of a block with more than
    ``max(1024, 3 dim)`` of them the leading ones are kept: those that a resample wants and as many
    again that it may mix with them.

    Parameters
    ----------
    data : ndarray (n, p)
        Adjusted block.
    dim : int or None
        Components that every refit keeps; None for all.
    """

    def __init__(self, data: np.ndarray, dim: int | None) -> None:
        kept = min(data.shape) if dim is None else max(COMPONENTS, TIMES * dim)
        axes, singular = principal_axes(data, min(kept, *data.shape))
        self.dim = len(singular) if dim is None else dim
        self.coordinates = data @ axes

    def basis(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Orthonormal basis of the weighted rows and the same axes applied to all rows."""
        share, root, used = weights / weights.sum(), np.sqrt(weights), np.flatnonzero(weights)
        centred = self.coordinates - share @ self.coordinates
        inner = root[used, None] * centred[used]
        if len(used) < inner.shape[1]:
            values, vectors = self._largest(inner @ inner.T, len(used))
            return vectors, centred @ (inner.T @ (vectors / values))
        values, vectors = self._largest(inner.T @ inner, len(used))
        axes = vectors / np.sqrt(values)
        return inner @ axes, centred @ axes

    def _largest(self, inner: np.ndarray, n_used: int) -> tuple[np.ndarray, np.ndarray]:
        """Largest eigenvalues, null ones left out, and their vectors."""
        k = min(self.dim, n_used - 1, len(inner))
        values, vectors = eigh(
            inner,
            subset_by_index=(len(inner) - k, len(inner) - 1),
            overwrite_a=True,
            check_finite=False,
        )
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
    blocks = [_Rows(A, dim) for A, dim in ((X, dims[0]), (Y, dims[1]))]
    reference = _variates(blocks, np.ones(n), n_components)
    C = reference[0].shape[1]
    stacked = np.vstack(reference)

    size = sum(A.coordinates.shape[0] * A.coordinates.shape[1] ** 2 for A in blocks)
    refit = partial(
        parallel_loop, _refit,
        shared=(blocks, C, stacked), chunk=min(chunk_of(size), BATCH), label="stability: refits",
    )  # fmt: skip
    draws = [
        np.bincount(rng.integers(n_clusters, size=n_clusters), minlength=n_clusters)
        for _ in range(n_bootstraps)
    ]
    similar, loadings = [], ([], [])
    for weights in _weights(draws, codes):
        found = refit(weights)
        similar += [_correlations(each, reference) for each in found]
        for kept, data, variates in zip(loadings, (X, Y), zip(*found, strict=True), strict=True):
            kept.append(weighted_loadings(data, np.stack(variates), weights))
    tops = [selected_per_half(data.shape[1]) for data in (X, Y)]
    signs = [
        np.sign(structure_coefficients(data, variates))
        for data, variates in zip((X, Y), reference, strict=True)
    ]
    sides = [rng.permutation(n_clusters) < n_clusters // 2 for _ in range(n_splits)]
    both = [half for side in sides for half in (side, ~side)]
    halves, chosen = [], [np.zeros_like(sign) for sign in signs]
    for weights in _weights(both, codes):
        found = refit(weights)
        halves += [_correlations(a, b) for a, b in zip(found[::2], found[1::2], strict=True)]
        for counts, data, variates, sign, top in zip(
            chosen, (X, Y), zip(*found, strict=True), signs, tops, strict=True
        ):
            for values in weighted_loadings(data, np.stack(variates), weights):
                counts += _among_largest(values, top) & (np.sign(values) == sign)
    bootstrap, split = np.mean(similar, axis=0), np.mean(halves, axis=0)
    loadings = [np.concatenate(kept) for kept in loadings]
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


def weighted_loadings(data: np.ndarray, variates: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Structure coefficients (R, p, C) of weighted rows, many weightings at once.

    Parameters
    ----------
    data : ndarray (n, p)
        Adjusted block.
    variates : ndarray (R, n, C)
        Variates of all people.
    weights : ndarray (R, n)
        Weights of the people.
    """
    R, n, C = variates.shape
    share = weights / weights.sum(axis=1, keepdims=True)
    variates = variates - np.einsum("rn,rnc->rc", share, variates)[:, None]
    weighted = weights[:, :, None] * variates
    # Variates are centred by the weights, so that the mean of a column takes no part.
    products = (data.T @ weighted.transpose(1, 0, 2).reshape(n, R * C)).reshape(-1, R, C)
    means = data.T @ share.T
    squares = np.zeros(means.shape)
    for rows in tiles(n, data.shape[1]):
        squares += (data[rows] ** 2).T @ weights[:, rows].T
    norms = np.sqrt(np.clip(squares - weights.sum(axis=1) * means**2, 0, None))
    floor = 1e-9 * np.maximum(norms.max(axis=0), 1e-300)
    norms = np.where(norms > floor, norms, np.inf)
    lengths = np.sqrt((weighted * variates).sum(axis=1))
    return products.transpose(1, 0, 2) / norms.T[:, :, None] / lengths[:, None]


def _among_largest(values: np.ndarray, top: int) -> np.ndarray:
    """Whether an entry is among the `top` largest absolute ones of its column."""
    rank = np.argsort(np.argsort(-np.abs(values), axis=0, kind="stable"), axis=0)
    return rank < top


def _variates(blocks: list[_Rows], weights: np.ndarray, C: int) -> list[np.ndarray]:
    """Variates of all subjects from axes fitted on the weighted rows."""
    (basis_x, scores_x), (basis_y, scores_y) = (block.basis(weights) for block in blocks)
    left, _, right = svd(basis_y.T @ basis_x, full_matrices=False)
    return [scores_x @ right[:C].T, scores_y @ left[:, :C]]


def _refit(weights: np.ndarray, blocks: list[_Rows], C: int, stacked: np.ndarray):
    """Variates of both sides from weighted rows, matched to those of all."""
    return tuple(_aligned(_variates(blocks, weights, C), stacked))


def _aligned(found: list[np.ndarray], stacked: np.ndarray) -> list[np.ndarray]:
    both = np.vstack(found)
    norms = np.linalg.norm(both, axis=0)
    order, signs = align_components(stacked, both / np.where(norms > 0, norms, 1.0))
    return [A[:, order] * signs for A in found]


def _weights(draws: list[np.ndarray], codes: np.ndarray) -> Iterator[np.ndarray]:
    """How often every person is drawn (R, n), an even number of resamples at a time."""
    for start in range(0, len(draws), BATCH):
        yield np.stack([draw[codes].astype(float) for draw in draws[start : start + BATCH]])


def _correlations(found, reference) -> list[np.ndarray]:
    """Absolute correlations of matching variates, side by side."""
    return [np.abs(column_correlations(a, b)) for a, b in zip(found, reference, strict=True)]
