"""Equal rows by hashes, and pairs of rows that share a cell, without a table of pairs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

# Pairs that are given at a time.
CHUNK = 2**16


def row_keys(rows: np.ndarray) -> np.ndarray:
    """One 64-bit number per row, equal for equal rows and else for one in 10^19 pairs.

    Parameters
    ----------
    rows : ndarray of float64 or int64 (n, p)
        Compared by their bits, a negative nought as a positive one.

    Returns
    -------
    ndarray of uint64 (n,)
    """
    n, p = rows.shape
    places = _mixed(np.arange(1, p + 1, dtype=np.uint64))
    out = np.empty(n, dtype=np.uint64)
    step = max(1, 2**18 // max(p, 1))
    for start in range(0, n, step):
        bits = np.ascontiguousarray(rows[start : start + step] + rows.dtype.type(0)).view(np.uint64)
        out[start : start + step] = _mixed(bits + places).sum(axis=1, dtype=np.uint64)
    return out


def _mixed(bits: np.ndarray) -> np.ndarray:
    """Scatter 64-bit numbers, one to one (Steele, Lea & Flood, OOPSLA 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def count_in_cells(keys: np.ndarray) -> float:
    """How many pairs of positions have the same key (n,)."""
    sizes = _cells(keys)[1]
    return float((sizes * (sizes - 1) / 2).sum())


def pairs_in_cells(keys: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of positions with the same key, smaller position first, in chunks.

    Parameters
    ----------
    keys : ndarray of uint64 (n,)
        From `row_keys`.
    """
    order, sizes = _cells(keys)
    starts = np.cumsum(sizes) - sizes
    # Every member pairs with those that come after it in its cell.
    after = np.repeat(starts + sizes, sizes) - np.arange(len(order)) - 1
    members = np.flatnonzero(after)
    ends = np.cumsum(after[members])
    start = 0
    while start < len(members):
        base = ends[start] - after[members[start]]
        stop = max(start + 1, int(np.searchsorted(ends, base + CHUNK, side="right")))
        mine = members[start:stop]
        first = np.repeat(mine, after[mine])
        second = first + 1 + np.arange(len(first)) - np.repeat(
            np.cumsum(after[mine]) - after[mine], after[mine]
        )  # fmt: skip
        a, b = order[first], order[second]
        yield np.minimum(a, b), np.maximum(a, b)
        start = stop


def _cells(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions, those of one key together, and how many each key has."""
    order = np.argsort(keys, kind="stable")
    edges = np.flatnonzero(np.diff(keys[order])) + 1
    return order, np.diff(np.concatenate([[0], edges, [len(keys)]]))
