"""Pairs of near rows among any number of rows, by cells of random directions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from neurogenomics_kb.foundation.alike import count_in_cells, pairs_in_cells, row_keys

# Pairs of rows are looked at in tiles of so many rows: 32 MB a tile.
TILE = 2000
# Wider rows are looked through in so many random directions first; squared distances keep their
# size to a tenth there, and pairs that stay near are measured in all columns.
DIRECTIONS = 256
# Distance among the directions, relative to the limit, up to which a pair is measured.
SCREEN = 2.0
# Up to so many rows every pair is looked at.
ALL_PAIRS = 5000
# Of more rows those pairs that share a cell of one of the tables: in a table a cell is an interval
# in each of `HASHES` random directions, `WIDTH` times as wide as a pair at the limit is apart there
# (standard deviation). Such a pair shares a cell of a table with probability 0.23 and of one of
# them with 1 - 1e-6 (Datar et al., SCG 2004); rows ten times as far apart with 3e-6, so that the
# pairs that are measured stay few.
TABLES, HASHES, WIDTH = 53, 14, 8.0
# Of pairs at the limit itself at most one in so many is missed, those nearer still less often.
MISSED = 100_000


def near_pairs(
    rows: Callable[[np.ndarray], np.ndarray], n: int, labels: np.ndarray, limit: float
) -> np.ndarray:
    """Pairs (m, 2) of differently labelled rows whose squared distance is at most so large.

    Parameters
    ----------
    rows : callable
        Rows (k, p) by their positions (k,).
    n : int
        Rows.
    labels : ndarray of int (n,)
        Pairs of one label are none.
    limit : float
        Largest squared distance.
    """
    p = rows(np.arange(min(n, 1))).shape[1]
    if p <= DIRECTIONS:
        points, screen = rows(np.arange(n)), limit
    else:
        turn = np.random.default_rng(0).normal(size=(p, DIRECTIONS)) / np.sqrt(DIRECTIONS)
        step = max(1, 2**22 // p)
        points = np.concatenate([rows(np.arange(a, min(a + step, n))) @ turn
                                 for a in range(0, n, step)])  # fmt: skip
        screen = SCREEN * limit
    candidates = tiled_pairs if n <= ALL_PAIRS else shared_cells
    found = [np.empty((0, 2), dtype=int)]
    for a, b in candidates(points, screen, limit):
        apart = labels[a] != labels[b]
        a, b = a[apart], b[apart]
        if p > DIRECTIONS:
            close = _squared(rows, a, b, p) <= limit
            a, b = a[close], b[close]
        found.append(np.stack([a, b], axis=1))
    return np.unique(np.concatenate(found), axis=0)


def tiled_pairs(
    points: np.ndarray, screen: float, limit: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Near pairs among all pairs, tile by tile.

    Parameters
    ----------
    points : ndarray (n, d)
        Rows.
    screen : float
        Largest squared distance.
    limit : float
        Not used: all pairs are looked at.
    """
    norms = (points**2).sum(axis=1)
    for rows, columns in tiles(len(points)):
        squared = norms[rows, None] + norms[None, columns]
        squared -= 2 * (points[rows] @ points[columns].T)
        a, b = np.nonzero(squared <= screen)
        a, b = a + rows.start, b + columns.start
        yield a[a < b], b[a < b]


def shared_cells(
    points: np.ndarray, screen: float, limit: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Near pairs among those that share a cell; all pairs where cells are as good as shared by all.

    Parameters
    ----------
    points : ndarray (n, d)
        Rows.
    screen : float
        Largest squared distance.
    limit : float
        Squared distance that the cells are made for.
    """
    n, rng = len(points), np.random.default_rng(1)
    width = WIDTH * max(np.sqrt(limit), 1e-12)
    most = n * (n - 1) / 2
    for _ in range(TABLES):
        turn = rng.normal(size=(points.shape[1], HASHES))
        cells = np.floor(points @ turn / width + rng.random(HASHES)).astype(np.int64)
        keys = row_keys(cells)
        most -= count_in_cells(keys)
        if most < 0:
            # Rows lie so close together that cells part few of them.
            yield from tiled_pairs(points, screen, limit)
            return
        for a, b in pairs_in_cells(keys):
            near = ((points[a] - points[b]) ** 2).sum(axis=1) <= screen
            yield a[near], b[near]


def _squared(rows, a: np.ndarray, b: np.ndarray, p: int) -> np.ndarray:
    """Squared distances of pairs in all columns."""
    step = max(1, 2**22 // p)
    return np.concatenate([
        np.empty(0),
        *(((rows(a[i : i + step]) - rows(b[i : i + step])) ** 2).sum(axis=1)
          for i in range(0, len(a), step)),
    ])  # fmt: skip


def tiles(n: int, size: int | None = None) -> Iterator[tuple[slice, slice]]:
    """Pairs of slices that cover the upper triangle of an n by n table, its diagonal included."""
    size = TILE if size is None else size
    starts = range(0, n, size)
    for a in starts:
        for b in starts:
            if b >= a:
                yield slice(a, min(a + size, n)), slice(b, min(b + size, n))
