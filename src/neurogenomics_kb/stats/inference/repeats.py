"""Subjects who occur twice, by their features, among any number of subjects."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

# Pairs this close, relative to two unrelated subjects, are one subject measured once or twice.
NEAR = 0.01
# With fewer effective dimensions some of 100,000 unrelated pairs come that close.
NEAR_DIMENSIONS = 8


# Pairs of subjects are looked at in tiles of so many subjects: 32 MB a tile.
TILE = 2000
# Wider blocks are looked through in so many random directions first; squared distances keep their
# size to a tenth there, and pairs that stay near are measured in all columns.
DIRECTIONS = 256
# Distance among the directions, relative to the tolerance, up to which a pair is measured.
SCREEN = 2.0
# Up to so many subjects every pair is looked at; of more a random draw of so many. Equal rows are
# found among any number.
MAX_PAIRED = 50_000


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


def tiles(n: int, size: int = TILE) -> Iterator[tuple[slice, slice]]:
    """Pairs of slices that cover the upper triangle of an n by n table, its diagonal included."""
    starts = range(0, n, size)
    for a in starts:
        for b in starts:
            if b >= a:
                yield slice(a, min(a + size, n)), slice(b, min(b + size, n))


def identical_rows(X: np.ndarray, folds: np.ndarray, *, tolerance: float = 1e-9) -> int:
    """Pairs of subjects with the same features on both sides of a fold boundary.

    No table over all pairs is made, so that the number of subjects is not bounded by memory.

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
    known = np.flatnonzero(np.isnan(X).mean(axis=1) <= 0.5)
    folds = np.unique(np.asarray(folds), return_inverse=True)[1][known]
    Z = _standardised(X)[known]
    if tolerance < NEAR:
        return _equal_pairs(Z, folds)
    scale = max(float((Z**2).sum(axis=1).mean()), 1e-12)
    return len(_near_pairs(Z, folds, 2 * tolerance * scale))


def _equal_pairs(Z: np.ndarray, folds: np.ndarray) -> int:
    """Pairs of equal rows with different labels, by sorting; equal up to a billionth."""
    rounded = np.ascontiguousarray(np.round(Z, 9)) + 0.0
    rows = rounded.view(np.dtype((np.void, rounded.dtype.itemsize * Z.shape[1]))).ravel()
    row = np.unique(rows, return_inverse=True)[1].ravel()
    together = np.unique(np.stack([row, folds], axis=1), axis=0, return_counts=True)[1]
    alike = np.bincount(row)
    return int((alike * (alike - 1) // 2).sum() - (together * (together - 1) // 2).sum())


def _near_pairs(Z: np.ndarray, folds: np.ndarray, nearest: float) -> np.ndarray:
    """Pairs (m, 2) of different folds whose squared distance is at most so large."""
    screened, limit = Z, nearest
    if Z.shape[1] > DIRECTIONS:
        rng = np.random.default_rng(0)
        screened = Z @ rng.normal(size=(Z.shape[1], DIRECTIONS)) / np.sqrt(DIRECTIONS)
        limit = SCREEN * nearest
    norms = (screened**2).sum(axis=1)
    found = []
    for rows, columns in tiles(len(Z)):
        squared = norms[rows, None] + norms[None, columns]
        squared -= 2 * (screened[rows] @ screened[columns].T)
        near = (squared <= limit) & (folds[rows, None] != folds[None, columns])
        a, b = np.nonzero(near)
        a, b = a + rows.start, b + columns.start
        a, b = a[a < b], b[a < b]
        if screened is not Z:
            close = ((Z[a] - Z[b]) ** 2).sum(axis=1) <= nearest
            a, b = a[close], b[close]
        found.append(np.stack([a, b], axis=1))
    return np.concatenate(found)


def repeat_tolerance(X: np.ndarray) -> float:
    """How near two rows may come to count as repeats: `NEAR` for many continuous columns.

    Rows of few dimensions, or of counts, come near by chance; there only equal rows count.
    """
    continuous = np.median([len(np.unique(column)) for column in X.T]) > len(X) / 2
    Z = _standardised(X)
    # Effective dimensions, sum squared over sum of squares of the eigenvalues, without these.
    small = Z.T @ Z if Z.shape[1] < len(Z) else Z @ Z.T
    dimensions = np.trace(small) ** 2 / max(float((small**2).sum()), 1e-12)
    return NEAR if continuous and dimensions >= NEAR_DIMENSIONS else 1e-9


def commonest_row(X: np.ndarray) -> int:
    """Subjects who share the commonest row of features; rows with gaps do not count."""
    complete = X[np.isfinite(X).all(axis=1)]
    if not len(complete):
        return 0
    return int(np.unique(complete, axis=0, return_counts=True)[1].max())


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


def _standardised(X: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # columns without a value
        mean, spread = np.nanmean(X, axis=0), np.nanstd(X, axis=0)
    return np.nan_to_num((X - mean) / np.where(spread > 0, spread, 1.0))
