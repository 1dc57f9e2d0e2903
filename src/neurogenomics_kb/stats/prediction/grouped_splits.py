"""Stratified folds that keep groups together, quickly enough to be made for every relabelling."""

from __future__ import annotations

import math

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

# More classes are summed in another order by numpy, on which ties may hang.
MOST_CLASSES = 7


def stratified_group_splits(
    labels: np.ndarray, groups: np.ndarray, n_splits: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Training and test rows of scikit-learn's shuffled `StratifiedGroupKFold`, the same folds.

    Groups are dealt out one after the other, each to the fold that leaves the classes most even;
    written out in plain numbers, since most of the time goes into calls on arrays of three.

    Parameters
    ----------
    labels : ndarray (n,)
        Classes.
    groups : ndarray (n,)
        Group of every row.
    n_splits, seed : int
        Folds, and seed of the order of groups.
    """
    codes, counts = np.unique(labels, return_inverse=True, return_counts=True)[1:]
    names, group = np.unique(groups, return_inverse=True)
    if len(counts) > MOST_CLASSES or (counts < n_splits).any() or n_splits > len(names):
        splitter = StratifiedGroupKFold(n_splits, shuffle=True, random_state=seed)
        return list(splitter.split(np.zeros(len(labels)), labels, groups))
    order = np.arange(len(names))
    np.random.RandomState(seed).shuffle(order)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    group = place[group]
    table = np.zeros((len(names), len(counts)))
    np.add.at(table, (group, codes), 1)
    fold = np.empty(len(names), dtype=int)
    held = [[0.0] * len(counts) for _ in range(n_splits)]
    sizes = [float(count) for count in counts]
    rows = table.tolist()
    for g in np.argsort(-np.std(table, axis=1), kind="stable").tolist():
        best = _evenest(held, rows[g], sizes)
        fold[g] = best
        held[best] = [a + b for a, b in zip(held[best], rows[g], strict=True)]
    tested = fold[group]
    return [(np.flatnonzero(tested != k), np.flatnonzero(tested == k)) for k in range(n_splits)]


def _evenest(held: list[list[float]], own: list[float], sizes: list[float]) -> int:
    """Fold in which a group leaves the classes most even; of equal ones the smallest."""
    n, classes = len(held), range(len(sizes))
    shares = [[held[k][c] / sizes[c] for c in classes] for k in range(n)]
    best, least, fewest = 0, math.inf, math.inf
    for i in range(n):
        total = 0.0
        for c in classes:
            column = [shares[k][c] for k in range(n)]
            column[i] = (held[i][c] + own[c]) / sizes[c]
            mean = square = 0.0
            for x in column:  # `sum` of newer Pythons rounds differently
                mean += x
            mean /= n
            for x in column:
                square += (x - mean) * (x - mean)
            total += math.sqrt(square / n)
        uneven, members = total / len(sizes), sum(held[i])
        close = abs(uneven - least) <= 1e-8 + 1e-5 * abs(least)
        if uneven < least or (close and members < fewest):
            best, least, fewest = i, uneven, members
    return best
