"""Canonical correlations of held-out subjects, with a test of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import svd

from neurogenomics_kb.stats.inference.canonical import (
    orthonormal_side,
    refuse_degenerate,
)
from neurogenomics_kb.stats.inference.exchangeability import (
    Blocks,
    Exchangeability,
    Level,
    as_blocks,
)
from neurogenomics_kb.stats.inference.permutation import (
    Budget,
    in_one_thread,
    monte_carlo_error,
    sequential_test,
)
from neurogenomics_kb.stats.inference.residual_space import independent_design
from neurogenomics_kb.stats.inference.spaces import (
    default_space,
    folds_of_space,
    make_space,
    project_rows,
    rows_of_space,
)


@dataclass(frozen=True)
class HeldOutTest:
    """Outcome of `held_out_test`; K folds, C components.

    Attributes
    ----------
    correlations : ndarray (K, C)
        Correlation of test subjects' variates, weights from training subjects.
    mean : ndarray (C,)
    p_values : ndarray (C,)
        One-sided, closed over components by the running maximum.
    p_value_errors : ndarray (C,)
        Monte-Carlo standard errors.
    p_values_low, p_values_high : ndarray (C,)
        95 % Monte-Carlo interval of each, closed like the p-values.
    draws : ndarray of int (C,)
        Permutations that each component's own p-value rests on.
    null : ndarray (B, C)
        Mean over folds under permutation; p-values of all components use its first column.
    """

    correlations: np.ndarray
    mean: np.ndarray
    p_values: np.ndarray
    p_value_errors: np.ndarray
    p_values_low: np.ndarray
    p_values_high: np.ndarray
    draws: np.ndarray
    null: np.ndarray


@dataclass(frozen=True)
class WhitenedFold:
    """One fold: its rows, and both blocks in coordinates orthonormal over its training rows."""

    train: np.ndarray
    test: np.ndarray
    x: np.ndarray
    y: np.ndarray


@in_one_thread
def held_out_test(
    X: np.ndarray,
    Y: np.ndarray,
    folds: np.ndarray,
    *,
    confounds: np.ndarray | None = None,
    pca: tuple[int | None, int | None] = (None, None),
    n_components: int = 3,
    n_permutations: int = 1000,
    blocks=None,
    unit_rows: bool = False,
    random_state: int | None = None,
    max_permutations: int | None = None,
    alpha: float = 0.05,
) -> HeldOutTest:
    """Do canonical weights of training subjects correlate the sides in test subjects?

    Residuals that were fitted in training folds are not exchangeable, so the test works in the
    residual space of the full sample, where confounds are gone and rows may change places; its
    rows are split into as many folds. Principal components and weights are learned from training
    rows. Rows of Y are permuted inside every test fold, all folds together, and weights are fitted
    again; each fold keeps its rows, so what was learned from one block alone stays what it is.
    Components keep the order of their own training fold; matching them to the full sample would
    look at the test rows. Variates of later components are taken given the earlier ones. The
    parameters are those of `permutation_cca`, beside which it stands.

    Its parameters are those of `permutation_cca`, as far as this test has them.

    Parameters
    ----------
    X, Y : ndarray (n, p), (n, q)
        Complete features; confounds still in.
    folds : ndarray (n,)
        Test fold of every subject.
    confounds : ndarray (n, r), optional
        An intercept is always added.
    pca : tuple of int or None
        Principal components per block, learned from training rows.
    n_components : int
        Number of components. Default 3.
    n_permutations : int
        Permutations, the identity left out. Default 1000.
    blocks : array-like (n,) or Blocks, optional
        Families or nested levels; they never straddle a fold.
    unit_rows : bool
        Rows of one length, as in `permutation_cca`.
    random_state : int, optional
        Seed of the random numbers; another draw at every call by default.
    max_permutations, alpha : int and float, optional
        Stop where nothing can be found and go on where p is small, as in `permutation_cca`.

    Returns
    -------
    HeldOutTest

    Raises
    ------
    InputError
        If a training fold has too few subjects for p + q, or no permutation is allowed.
    """
    n = len(X)
    structure = as_blocks(blocks, n)
    design = independent_design(confounds, n)
    space = make_space(design, structure, default_space(structure))
    rng = np.random.default_rng(random_state)
    folds = folds_of_space(space, folds, rng)
    rows = rows_of_space(space, structure)
    X, Y = (project_rows(space, A, unit=unit_rows) for A in (X, Y))
    prepared = whitened_folds(X, Y, folds, pca)
    C = min(n_components, *(min(f.x.shape[1], f.y.shape[1]) for f in prepared))
    exchange = Exchangeability(inside_folds(rows, folds), len(folds))
    correlations = np.stack([_held_out(f, np.arange(len(folds)), C) for f in prepared])
    budget = Budget.of(n_permutations, max_permutations, alpha)
    seeds = rng.integers(2**63, size=budget.most)

    def draw(first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        null = np.empty((last - first, C))
        for b, seed in enumerate(seeds[first:last]):
            rows = exchange.draw(np.random.default_rng(seed))
            null[b] = np.mean([_held_out(f, rows, C) for f in prepared], axis=0)
        # Behind a true first axis the second is the leading axis of chance, which folds share more
        # than a second one: every component is compared with the leading one under permutation.
        return null[:, :1], null

    mean = correlations.mean(axis=0)
    test = sequential_test(mean, draw, budget)
    return HeldOutTest(
        correlations,
        mean,
        np.maximum.accumulate(test.p_values),
        monte_carlo_error(test.p_values, test.draws),
        np.maximum.accumulate(test.low),
        np.maximum.accumulate(test.high),
        test.draws,
        test.null[1],
    )


def inside_folds(structure: Blocks | None, folds: np.ndarray) -> Blocks:
    """The block structure of the rows with folds as a fixed outermost level."""
    if structure is None:
        return Blocks((Level(folds, exchange=False),))
    levels = [
        level
        if level.exchange
        else Level(np.unique(np.stack([folds, np.unique(level.labels, return_inverse=True)[1]], 1),
                             axis=0, return_inverse=True)[1].ravel(), exchange=False)
        for level in structure.levels
    ]  # fmt: skip
    return Blocks((Level(folds, exchange=False), *levels), structure.exchange_rows, structure.kinds)


def whitened_folds(
    X: np.ndarray, Y: np.ndarray, folds: np.ndarray, pca: tuple[int | None, int | None]
) -> list[WhitenedFold]:
    """Both blocks as the training rows of every fold see them.

    Parameters
    ----------
    X, Y : ndarray (m, p), (m, q)
        Rows of a residual space.
    folds : ndarray (m,)
        Test fold of every row.
    pca : tuple of int or None
        Principal components per block, learned from training rows.

    Raises
    ------
    InputError
        If a training fold has too few rows for p + q.
    """
    prepared = []
    for number in np.unique(folds):
        train, test = np.flatnonzero(folds != number), np.flatnonzero(folds == number)
        x, y = (_whiten(A, train, dim) for A, dim in zip((X, Y), pca, strict=True))
        refuse_degenerate(x.shape[1], y.shape[1], len(train) - 1, len(train))
        prepared.append(WhitenedFold(train, test, x, y))
    return prepared


def _whiten(A: np.ndarray, train: np.ndarray, dim: int | None) -> np.ndarray:
    """All rows in coordinates that are orthonormal over the training rows."""
    centred = A - A[train].mean(axis=0)
    return centred @ orthonormal_side(centred[train], dim).to_columns


def _held_out(fold: WhitenedFold, rows: np.ndarray, C: int) -> np.ndarray:
    # A permutation inside folds maps training rows to training rows: Y stays whitened.
    y = fold.y[rows]
    left, _, right = svd(y[fold.train].T @ fold.x[fold.train], full_matrices=False)
    U, V = fold.x[fold.test] @ right[:C].T, y[fold.test] @ left[:, :C]
    U, V = U - U.mean(axis=0), V - V.mean(axis=0)
    out = np.empty(C)
    for k in range(C):
        # An earlier axis that training missed by a little would show again in this one.
        earlier = np.hstack([U[:, :k], V[:, :k]])
        u, v = U[:, k], V[:, k]
        if k:
            basis = np.linalg.qr(earlier)[0]
            u, v = u - basis @ (basis.T @ u), v - basis @ (basis.T @ v)
        norm = np.linalg.norm(u) * np.linalg.norm(v)
        out[k] = u @ v / norm if norm > 0 else 0.0
    return out
