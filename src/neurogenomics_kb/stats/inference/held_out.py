"""Canonical correlations of held-out subjects, with a test of their own."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from neurogenomics_kb.foundation.loops import chunk_of, iterate_loop
from neurogenomics_kb.stats.inference.canonical import (
    leading_pairs,
    refuse_degenerate,
    whitening,
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
from neurogenomics_kb.stats.transformers.projection import mean_of, scores_of

# Numbers of rearranged rows that are held at once: 32 MB.
BATCH = 4_000_000
# Multiplications of a permutation from which products are made in single precision, the distance
# from an observed value within which they are made again, and of two axes as a share of their size.
SINGLE_FROM, BESIDE, SAME_SIZE = 5e8, 1e-4, 1e-4


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

    @cached_property
    def training(self) -> tuple[np.ndarray, np.ndarray]:
        """Training rows of X, and all rows of Y."""
        return self.x[self.train], self.y

    @cached_property
    def single(self) -> tuple[np.ndarray, np.ndarray]:
        """The same in single precision."""
        return self.x[self.train].astype(np.float32), self.y.astype(np.float32)


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
    rows = held_out_rows(
        X, Y, folds,
        confounds=confounds, pca=pca, blocks=blocks, unit_rows=unit_rows,
        random_state=random_state,
    )  # fmt: skip
    return held_out_of_rows(
        rows,
        n_components=n_components,
        n_permutations=n_permutations,
        max_permutations=max_permutations,
        alpha=alpha,
    )


def held_out_of_rows(
    rows: HeldOutRows,
    *,
    n_components: int = 3,
    n_permutations: int = 1000,
    max_permutations: int | None = None,
    alpha: float = 0.05,
) -> HeldOutTest:
    """`held_out_test` of rows that are prepared.

    Parameters
    ----------
    rows : HeldOutRows
        From `held_out_rows`.
    n_components, n_permutations, max_permutations, alpha
        As in `held_out_test`.
    """
    C = min(n_components, rows.most_components)
    budget = Budget.of(n_permutations, max_permutations, alpha)
    correlations = rows.correlations(None, C)[0][:, 0]

    mean = correlations.mean(axis=0)

    def draw(first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        batches = rows.batches(np.arange(first, last))
        found = rows.loop(_of_batch, batches, (C, mean), label="held-out test: permutations")
        done = list(found)
        for numbers, (_, axes) in zip(batches, done, strict=True):
            rows.remember(numbers, C, axes)
        # Behind a true first axis the second is the leading axis of chance, which folds share more
        # than a second one: every component is compared with the leading one under permutation.
        null = np.concatenate([null for null, _ in done])
        return null[:, :1], null

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


@dataclass(frozen=True)
class HeldOutRows:
    """Rows of a residual space that change places inside folds, and what every fold sees of them.

    The held-out test and that of the features permute the same rows in the same order, so that
    they share folds, whitened blocks and the axes of a permutation.

    Attributes
    ----------
    X, Y : ndarray (m, p), (m, q)
        Rows of the residual space.
    folds : list of WhitenedFold
    exchange : Exchangeability
        How rows of Y may change places.
    rng : Generator
        Its state gives the seeds of the permutations; it is never advanced.
    keep : int
        Permutations whose axes are remembered.
    """

    X: np.ndarray
    Y: np.ndarray
    folds: list[WhitenedFold]
    exchange: Exchangeability
    rng: np.random.Generator
    keep: int
    _seeds: list = field(default_factory=list, compare=False)
    _axes: dict = field(default_factory=dict, compare=False)

    @property
    def size(self) -> int:
        """Number of rows, m."""
        return len(self.folds[0].x)

    @property
    def most_components(self) -> int:
        """Components that every fold has."""
        return min(min(f.x.shape[1], f.y.shape[1]) for f in self.folds)

    def orders(self, numbers: np.ndarray | None) -> np.ndarray:
        """Rows that stand where in each of some permutations (B, m); None is the data."""
        if numbers is None:
            return np.arange(self.size)[None]
        if len(self._seeds) <= max(numbers):
            # A longer draw from the same state begins with the shorter one.
            size = 2 * (int(max(numbers)) + 1)
            self._seeds[:] = deepcopy(self.rng).integers(2**63, size=size)
        return np.stack(
            [self.exchange.draw(np.random.default_rng(self._seeds[b])) for b in numbers]
        )

    def batches(self, numbers: np.ndarray) -> list[np.ndarray]:
        """Permutations in as many parts as keep their rearranged rows in memory that is small."""
        width = max(fold.y.shape[1] for fold in self.folds)
        size = max(1, BATCH // (self.size * width))
        return [numbers[i : i + size] for i in range(0, len(numbers), size)]

    def axes(
        self, numbers: np.ndarray | None, orders: np.ndarray, C: int, *, exact: bool = True
    ) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
        """Leading axes (B, q, C) and (B, p, C) of every fold's training rows.

        With them, which permutations (B,) have a first axis that is hardly larger than the second.
        """
        known = [] if numbers is None else [self._axes.get((int(b), C)) for b in numbers]
        if known and all(axes is not None for axes in known):
            found = [
                tuple(map(np.stack, zip(*fold, strict=True))) for fold in zip(*known, strict=True)
            ]
            return found, np.zeros(len(orders), dtype=bool)
        found = [_training_axes(fold, orders, C, exact=exact) for fold in self.folds]
        return [axes[:2] for axes in found], np.any([axes[2] for axes in found], axis=0)

    def remember(self, numbers: np.ndarray, C: int, axes: list) -> None:
        """Keep the axes of the first permutations, for a test that follows."""
        for i, b in enumerate(numbers if axes else []):
            if b < self.keep:
                self._axes[int(b), C] = [(left[i], right[i]) for left, right in axes]

    def correlations(
        self, numbers: np.ndarray | None, C: int, *, exact: bool = True
    ) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
        """Correlations of test rows' variates (K, B, C), and what `axes` gives."""
        orders = self.orders(numbers)
        found, close = self.axes(numbers, orders, C, exact=exact)
        held_out = [
            _held_out(fold, orders, *axes) for fold, axes in zip(self.folds, found, strict=True)
        ]
        return np.stack(held_out), found, close

    def loop(self, function, batches: list[np.ndarray], shared: tuple, *, label: str) -> Iterator:
        """``function(numbers, rows, *shared)`` of every batch; the rows without the blocks."""
        rows = replace(self, X=np.empty(0), Y=np.empty(0))
        sizes = sum(len(fold.x) * fold.x.shape[1] * fold.y.shape[1] for fold in self.folds)
        chunk = chunk_of(sizes * len(batches[0])) if batches else 1
        return iterate_loop(function, batches, shared=(rows, *shared), chunk=chunk, label=label)


def _of_batch(numbers: np.ndarray, rows: HeldOutRows, C: int, observed: np.ndarray):
    """Mean correlations (B, C) of permutations, and the axes of those that are remembered.

    Products of large blocks are made in single precision, which moves a held-out correlation by
    less than a millionth. Where that could decide (a draw beside an observed value, or two axes of
    nearly one size) the permutation is made again in double precision.
    """
    keeps = bool(numbers[0] < rows.keep)
    exact = keeps or rows.size * rows.folds[0].x.shape[1] * rows.folds[0].y.shape[1] < SINGLE_FROM
    found, axes, close = rows.correlations(numbers, C, exact=exact)
    null = found.mean(axis=0)
    if not exact:
        close |= (np.abs(null[:, :1] - observed) < BESIDE).any(axis=1)
        if close.any():
            null[close] = rows.correlations(numbers[close], C)[0].mean(axis=0)
    return null, axes if keeps else []


def held_out_rows(
    X: np.ndarray,
    Y: np.ndarray,
    folds: np.ndarray,
    *,
    confounds: np.ndarray | None = None,
    pca: tuple[int | None, int | None] = (None, None),
    blocks=None,
    unit_rows: bool = False,
    random_state: int | None = None,
    keep: int = 0,
) -> HeldOutRows:
    """Prepare `held_out_test` and `feature_tests`, whose parameters these are.

    Parameters
    ----------
    X, Y, folds, confounds, pca, blocks, unit_rows, random_state
        As in `held_out_test`.
    keep : int
        Permutations whose axes are remembered for a second test. Default none.

    Raises
    ------
    InputError
        If a training fold has too few subjects for p + q, or no permutation is allowed.
    """
    n = len(X)
    structure = as_blocks(blocks, n)
    space = make_space(independent_design(confounds, n), structure, default_space(structure))
    rng = np.random.default_rng(random_state)
    folds = folds_of_space(space, folds, rng)
    X, Y = (project_rows(space, A, unit=unit_rows) for A in (X, Y))
    prepared = whitened_folds(X, Y, folds, pca)
    exchange = Exchangeability(inside_folds(rows_of_space(space, structure), folds), len(folds))
    return HeldOutRows(X, Y, prepared, exchange, rng, keep)


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
    centre = mean_of(A, train)
    weights, _ = whitening(A, dim, rows=train, centre=centre)
    return scores_of(A, weights, centre=centre)


def _training_axes(
    fold: WhitenedFold, orders: np.ndarray, C: int, *, exact: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Leading axes of training rows, and where the first is hardly larger than the second."""
    # A permutation inside folds maps training rows to training rows: Y stays whitened.
    x, y = fold.training if exact else fold.single
    y = y[orders[:, fold.train].T]
    m, B, q = y.shape
    coupling = (x.T @ y.reshape(m, B * q)).astype(float, copy=False)
    coupling = coupling.reshape(-1, B, q).transpose(1, 2, 0)
    if exact:
        return (*leading_pairs(coupling, C), np.zeros(B, dtype=bool))
    two = min(max(C, 2), *coupling.shape[1:])
    left, right = leading_pairs(coupling, two)
    sizes = np.linalg.norm(coupling @ right, axis=1)
    close = sizes[:, 0] - sizes[:, min(1, two - 1)] < SAME_SIZE * sizes[:, 0]
    return left[:, :, :C], right[:, :, :C], close


def _held_out(
    fold: WhitenedFold, orders: np.ndarray, left: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """Correlations (B, C) of test rows, axes from training rows."""
    U, V = fold.x[fold.test] @ right, fold.y[orders[:, fold.test]] @ left
    U, V = U - U.mean(axis=1, keepdims=True), V - V.mean(axis=1, keepdims=True)
    out = np.empty((len(U), U.shape[2]))
    for k in range(U.shape[2]):
        # An earlier axis that training missed by a little would show again in this one.
        u, v = U[:, :, k], V[:, :, k]
        if k:
            basis = np.linalg.qr(np.concatenate([U[:, :, :k], V[:, :, :k]], axis=2))[0]
            both = np.stack([u, v], axis=2)
            both = both - basis @ (basis.transpose(0, 2, 1) @ both)
            u, v = both[:, :, 0], both[:, :, 1]
        norm = np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1)
        out[:, k] = np.divide((u * v).sum(axis=1), norm, out=np.zeros(len(u)), where=norm > 0)
    return out
