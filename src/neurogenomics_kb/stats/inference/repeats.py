"""Subjects who occur twice, by their features, among any number of subjects."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from neurogenomics_kb.foundation.alike import row_keys
from neurogenomics_kb.foundation.tiles import tiles
from neurogenomics_kb.stats.inference.near_rows import near_pairs

# Pairs this close, relative to two unrelated subjects, are one subject measured once or twice.
NEAR = 0.01
# With fewer effective dimensions some of 100,000 unrelated pairs come that close.
NEAR_DIMENSIONS = 8
# Up to so many subjects pairs of genotypes are looked at; of more a random draw of so many.
MAX_PAIRED = 50_000
# Up to so many columns or subjects their products are made whole; of more their size is told from
# so many random combinations, and made whole only where that is near the cut.
WHOLE, PROBES, SURELY = 2000, 64, 3.0


def paired_subjects(n: int, *, largest: int = MAX_PAIRED, random_state: int = 0) -> np.ndarray:
    """Positions of the subjects whose pairs are looked at: all, or a random draw.

    Parameters
    ----------
    n : int
        Subjects.
    largest : int
        How many are looked at, at most.
    random_state : int
        Seed of the draw.
    """
    if n <= largest:
        return np.arange(n)
    return np.sort(np.random.default_rng(random_state).choice(n, largest, replace=False))


class Standardised:
    """Rows of standardised features, made when they are wanted; missing values are the mean.

    Parameters
    ----------
    X : ndarray (n, p)
        Features; not copied.
    """

    def __init__(self, X: np.ndarray) -> None:
        self.X = X
        n, p = X.shape
        self.mean, self.spread = np.empty(p), np.empty(p)
        with np.errstate(invalid="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # columns without a value
            for own in tiles(p, n):
                self.mean[own] = np.nanmean(X[:, own], axis=0)
                self.spread[own] = np.nanstd(X[:, own], axis=0)

    def rows(self, at: np.ndarray | slice) -> np.ndarray:
        """Some of the rows."""
        with np.errstate(invalid="ignore"):
            return np.nan_to_num(
                (self.X[at] - self.mean) / np.where(self.spread > 0, self.spread, 1.0)
            )

    def tiles(self, of: np.ndarray) -> Iterator[np.ndarray]:
        """Some of the rows, a few at a time."""
        for part in tiles(len(of), self.X.shape[1]):
            yield self.rows(of[part])


def identical_rows(X: np.ndarray, folds: np.ndarray, *, tolerance: float = 1e-9) -> int:
    """Pairs of subjects with the same features on both sides of a fold boundary.

    No table over all pairs is made. Of more than `near_rows.ALL_PAIRS` subjects equal rows are
    found by their hashes, all of them, and near ones by cells of random directions, all but one in
    `near_rows.MISSED`.

    Parameters
    ----------
    X : ndarray (n, p)
        Standardised here; missing values count as the mean, and subjects without half of their
        features are in no pair.
    folds : ndarray (n,)
        Test fold of every person.
    tolerance : float
        Largest squared distance, relative to that of unrelated subjects; see `repeat_tolerance`.
    """
    known = np.flatnonzero([np.isnan(row).mean() <= 0.5 for row in X])
    folds = np.unique(np.asarray(folds), return_inverse=True)[1][known]
    Z = Standardised(X)
    if tolerance < NEAR:
        # Equal up to a billionth.
        keys = [row_keys(np.round(part, 9)) for part in Z.tiles(known)]
        return _equal_pairs(np.concatenate([np.empty(0, np.uint64), *keys]), folds)
    total = sum(float((part**2).sum()) for part in Z.tiles(known))
    scale = max(total / max(len(known), 1), 1e-12)
    pairs = near_pairs(lambda at: Z.rows(known[at]), len(known), folds, 2 * tolerance * scale)
    return len(pairs)


def _equal_pairs(keys: np.ndarray, folds: np.ndarray) -> int:
    """Pairs of equal keys with different labels, by sorting."""
    row = np.unique(keys, return_inverse=True)[1].ravel()
    together = np.unique(np.stack([row, folds], axis=1), axis=0, return_counts=True)[1]
    alike = np.bincount(row)
    return int((alike * (alike - 1) // 2).sum() - (together * (together - 1) // 2).sum())


def repeat_tolerance(X: np.ndarray) -> float:
    """How near two rows may come to count as repeats: `NEAR` for many continuous columns.

    Rows of few dimensions, or of counts, come near by chance; there only equal rows count.
    """
    n, p = X.shape
    distinct = np.empty(p)
    for own in tiles(p, n):
        ordered = np.sort(np.ascontiguousarray(X[:, own].T), axis=1)
        # Missing values, which stand last, are one value.
        new = (ordered[:, 1:] != ordered[:, :-1]) & ~np.isnan(ordered[:, :-1])
        distinct[own] = new.sum(axis=1) + 1
    if not np.median(distinct) > n / 2:
        return 1e-9
    return NEAR if effective_dimensions(Standardised(X)) >= NEAR_DIMENSIONS else 1e-9


def effective_dimensions(Z: Standardised) -> float:
    """Sum squared over sum of squares of the eigenvalues of all features, without these.

    Parameters
    ----------
    Z : Standardised
        Features.
    """
    n, p = Z.X.shape
    everybody = np.arange(n)
    if min(n, p) > WHOLE:
        # The squares of random combinations of columns have the sum of squares as their mean, to a
        # fifth with so many of them (Hutchinson 1990).
        combined = np.random.default_rng(0).normal(size=(p, PROBES))
        total, back = 0.0, np.zeros((p, PROBES))
        for part in Z.tiles(everybody):
            total += float((part**2).sum())
            back += part.T @ (part @ combined)
        told = total**2 / max(float((back**2).sum()) / PROBES, 1e-12)
        if not NEAR_DIMENSIONS / SURELY < told < NEAR_DIMENSIONS * SURELY:
            return told
    if p < n:
        small = np.zeros((p, p))
        for part in Z.tiles(everybody):
            small += part.T @ part
    else:
        whole = Z.rows(everybody)
        small = whole @ whole.T
    return float(np.trace(small) ** 2 / max(float((small**2).sum()), 1e-12))


def commonest_row(X: np.ndarray) -> int:
    """Subjects who share the commonest row of features; rows with gaps do not count."""
    complete = np.flatnonzero([np.isfinite(row).all() for row in X])
    if not len(complete):
        return 0
    keys = [row_keys(X[complete[part]]) for part in tiles(len(complete), X.shape[1])]
    return int(np.unique(np.concatenate(keys), return_counts=True)[1].max())


def expected_repeats(X: np.ndarray, units: Iterable[Sequence[int]]) -> float:
    """Pairs of unrelated subjects that are expected to agree on every unit.

    Units (genes, regions, scales; positions of their columns) count as independent. A block of few
    coarse scales has pairs by nature, and then equal rows are no evidence of anything.
    """
    n = len(X)
    log_pairs = np.log(max(n * (n - 1) / 2, 1.0))
    for columns in units:
        part = np.ascontiguousarray(np.nan_to_num(X[:, list(columns)], nan=np.inf)) + 0.0
        rows = part.view(np.dtype((np.void, part.dtype.itemsize * part.shape[1]))).ravel()
        share = np.unique(rows, return_counts=True)[1] / n
        # Of a subject with another one; never zero, since no finite sample shows an impossible.
        same = (n * (share**2).sum() - 1) / max(n - 1, 1)
        log_pairs += np.log(max(same, 1.0 / n))
        if log_pairs < -20:
            break
    return float(np.exp(log_pairs))
