"""Subsamples of training rows and columns for a model that does not take all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np


class Limits(NamedTuple):
    """What a version of a model was made for.

    Parameters
    ----------
    samples, features : int
        Training rows and columns at most.
    classes : int, optional
        Classes at most; None where there is no bound.
    """

    samples: int
    features: int
    classes: int | None = None


class Member(NamedTuple):
    """Rows and columns that one model of an ensemble sees."""

    rows: np.ndarray
    columns: np.ndarray


def plan_members(y: np.ndarray, p: int, limits: Limits, *, fewest: int, seed: int) -> list[Member]:
    """Subsamples that respect the limits: every row and every column is in one of them at least.

    Parameters
    ----------
    y : ndarray (n,)
        Classes or scores, which every subsample of rows has in like shares.
    p : int
        Columns.
    limits : Limits
        Rows and columns of one model at most.
    fewest : int
        Models at least, where one does not do.
    seed : int
        Seed of the subsamples.

    Returns
    -------
    list of Member
        One with everything where it fits.
    """
    everybody, everything = np.arange(len(y)), np.arange(p)
    groups = -(-len(y) // limits.samples), -(-p // limits.features)
    if max(groups) == 1:
        return [Member(everybody, everything)]
    rng = np.random.default_rng(seed)
    rows = _deal(len(y), groups[0], rng, by=y)
    columns = _deal(p, groups[1], rng)
    return [Member(next(rows), next(columns)) for _ in range(max(*groups, fewest))]


def _deal(n: int, groups: int, rng, by: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """Groups of numbers below n, of partition after partition, alike in what they are dealt by."""
    while True:
        order = rng.permutation(n)
        if by is not None:
            order = order[np.argsort(by[order], kind="stable")]
        for first in range(groups):
            yield np.sort(order[first::groups])
