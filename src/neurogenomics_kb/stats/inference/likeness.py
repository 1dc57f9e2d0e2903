"""Are the members of many small groups alike? Groups that nobody declared as families."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from neurogenomics_kb.stats.inference.detectable import Tail
from neurogenomics_kb.stats.inference.permutation import permutation_p_value
from neurogenomics_kb.stats.inference.target_proxy import column_spreads

# Groups larger than this are sites or classes, whose members are many; pairs of those who share
# one would make every fold impossible.
LARGEST = 12
# Fewer pairs are no column of groups.
FEWEST_PAIRS = 10
# Features that are gathered at a time.
COLUMNS = 512
EMPTY = Tail(np.nan, np.nan, 0)


@dataclass(frozen=True)
class Likeness:
    """How alike members of one group are.

    Attributes
    ----------
    value : float
        Intraclass correlation over all features: mean product of two members' standardised
        features, 0 for strangers.
    pairs, groups : int
        Pairs that share a group and no declared family, and groups with such pairs.
    p_value : float
        Of the permutation test.
    tail : Tail
        Null distribution.
    """

    value: float
    pairs: int
    groups: int
    p_value: float
    tail: Tail


def small_groups(labels: np.ndarray, families: np.ndarray | None = None) -> np.ndarray:
    """Labels (n,) as numbers, -1 for who is alone, in a large group, or in none.

    Parameters
    ----------
    labels : ndarray (n,)
        Group of every person; gaps belong to nobody.
    families : ndarray (n,), optional
        Declared families. A group inside one family is known already.
    """
    codes = pd.factorize(np.asarray(labels, dtype=object))[0]
    sizes = np.bincount(codes[codes >= 0], minlength=1)
    kept = (sizes >= 2) & (sizes <= LARGEST)
    if families is not None:
        inside = pd.factorize(np.asarray(families, dtype=object))[0]
        spans = pd.Series(inside).groupby(codes).nunique()
        one = spans.reindex(range(len(sizes))).fillna(1).to_numpy() <= 1
        kept &= ~one
    return np.where((codes >= 0) & kept[np.maximum(codes, 0)], codes, -1)


def likeness(
    features: np.ndarray,
    groups: np.ndarray,
    rows: np.ndarray,
    families: np.ndarray | None = None,
) -> Likeness:
    """Mean likeness of two members of one group, against relabelled people.

    Parameters
    ----------
    features : ndarray (n, p)
        Complete, confounds taken out; standardised here.
    groups : ndarray (n,)
        From `small_groups`; -1 for nobody.
    rows : ndarray (1 + B, n)
        From `label_permutations`: declared families change places as wholes, so that what they
        share is no likeness of the groups.
    families : ndarray (n,), optional
        Pairs of one declared family are left out.

    Returns
    -------
    Likeness
        NaN with fewer than `FEWEST_PAIRS` pairs.
    """
    member = groups >= 0
    codes = pd.factorize(groups[member])[0]
    n_groups = int(codes.max()) + 1 if len(codes) else 0
    cells = codes
    if families is not None and n_groups:
        own = pd.factorize(np.asarray(families, dtype=object)[member])[0]
        cells = np.unique(np.stack([codes, own]), axis=1, return_inverse=True)[1].ravel()
    sizes, inside = np.bincount(codes), np.bincount(cells)
    n_pairs = int((sizes**2).sum() - (inside**2).sum()) // 2 if families is not None else int(
        (sizes * (sizes - 1)).sum() // 2
    )  # fmt: skip
    spread = column_spreads(features)
    varying = np.flatnonzero(spread > 1e-12)
    if n_pairs < FEWEST_PAIRS or not len(varying):
        return Likeness(np.nan, n_pairs, n_groups, np.nan, EMPTY)
    at = np.flatnonzero(member)
    gather = _sums(codes)
    remove = _sums(cells) if families is not None else None
    values = np.zeros(len(rows))
    for start in range(0, len(varying), COLUMNS):
        own = varying[start : start + COLUMNS]
        Z = features[:, own]
        Z = (Z - Z.mean(axis=0)) / spread[own]
        for b, order in enumerate(rows):
            # The groups stay, and people change places among all.
            mine = Z[order[at]]
            total = float(((gather @ mine) ** 2).sum())
            less = float((mine**2).sum()) if remove is None else float(((remove @ mine) ** 2).sum())
            values[b] += total - less
    values /= 2 * n_pairs * len(varying)
    p = permutation_p_value(values[:1], values[1:, None])[0]
    return Likeness(float(values[0]), n_pairs, n_groups, float(p), Tail.of(values[1:]))


def _sums(codes: np.ndarray) -> sparse.csr_matrix:
    """Matrix that adds the rows of each group."""
    shape = (int(codes.max()) + 1, len(codes))
    return sparse.csr_matrix((np.ones(len(codes)), (codes, np.arange(len(codes)))), shape=shape)
