"""Are rows exchangeable? Scale and likeness that both blocks share beyond their axes.

A permutation test of canonical correlation takes every row of a block to be as good as another.
Rows whose noise is larger in both blocks (sites with noisier scanners, people who move), and
relatives of whom some are more alike than others, break that without a trace in any correlation.
What can be seen is the length of a row, and the likeness of two rows, in both blocks at once.
A true axis relates them too, so what the axes explain is taken out first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from neurogenomics_kb.stats.inference.canonical import Side
from neurogenomics_kb.stats.inference.exchangeability import (
    Blocks,
    Exchangeability,
    Level,
)
from neurogenomics_kb.stats.inference.permutation import permutation_p_value
from neurogenomics_kb.stats.inference.residual_space import HuhJhun, ResidualSpace

# Whitened rows of as many columns as rows all have one length, whatever their scale was.
ROWS_PER_COLUMN = 10
POWER = 0.80
# How strongly ranks of two lengths must go together where the noise is normal and the scale is.
Z_POWER = stats.norm.ppf(POWER)


@dataclass(frozen=True)
class RowCheck:
    """Outcome of one check of the rows.

    Attributes
    ----------
    value : float
        Rank correlation of the lengths, or share of the rows' spread that groups explain.
    p_value : float
        By permutation.
    visible : float
        Smallest value that is seen with 80 % power at the level asked for.
    """

    value: float
    p_value: float
    visible: float


UNKNOWN = RowCheck(np.nan, np.nan, np.nan)


def beside_axes(sides: tuple[Side, Side], n_axes: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Whitened rows of both sides (m, d) once the leading canonical variates are taken out.

    Parameters
    ----------
    sides : tuple of Side
        Both blocks in one residual space.
    n_axes : int
        How many variates go; never more than leave half of the smaller side.

    Returns
    -------
    tuple of ndarray, or None
        None where a side has one dimension, of which nothing is left.
    """
    left, _, right = np.linalg.svd(sides[1].basis.T @ sides[0].basis, full_matrices=False)
    k = max(1, min(n_axes, min(side.dim for side in sides) // 2))
    rows = []
    for side, axes in zip(sides, (right[:k].T, left[:, :k]), strict=True):
        if side.dim < 2:
            return None
        kept = side.basis[:, : max(2, len(side.basis) // ROWS_PER_COLUMN)]
        variates = side.basis @ axes
        rows.append(kept - variates @ (variates.T @ kept))
    return rows[0], rows[1]


def row_lengths(rows: np.ndarray, space: ResidualSpace) -> np.ndarray:
    """Squared lengths of rows: of people where rows are mixtures of all, else of the rows.

    Huh–Jhun's rows belong to nobody, so they are taken back to people, whose residuals are shorter
    where the confounds fit them closely; that is divided out.
    """
    if not isinstance(space, HuhJhun):
        return (rows**2).sum(axis=1)
    basis = np.linalg.qr(space.design)[0]
    leverage = (basis**2).sum(axis=1)
    return (space.lift(rows) ** 2).sum(axis=1) / np.clip(1 - leverage, 0.05, None)


def shared_scale(
    lengths: tuple[np.ndarray, np.ndarray],
    classes: np.ndarray,
    exchange: Exchangeability,
    *,
    level: float,
    n_permutations: int = 999,
    random_state: int | None = None,
) -> RowCheck:
    """Do long rows of one block meet long rows of the other?

    Parameters
    ----------
    lengths : tuple of ndarray (m,)
        From `row_lengths`.
    classes : ndarray (m,)
        Rows of one class have one expected length; ranks are compared inside classes.
    exchange : Exchangeability
        How rows may change places.
    level : float
        At which `visible` is stated.
    n_permutations : int
        Default 999.
    random_state : int, optional
        Seed of the random numbers.

    Returns
    -------
    RowCheck
        ``value`` is Spearman's correlation inside classes; one-sided, since only lengths that go
        together make a permutation test reject too often.
    """
    first, second = (_centred_ranks(part, classes) for part in lengths)
    norm = np.sqrt((first @ first) * (second @ second))
    if norm <= 1e-9:  # lengths that are all one
        return UNKNOWN
    rng = np.random.default_rng(random_state)
    null = np.array([first @ second[exchange.draw(rng)] for _ in range(n_permutations)])
    observed = first @ second
    p = permutation_p_value(observed, null[:, None])[0]
    visible = (stats.norm.isf(level) + Z_POWER) * null.std() / norm
    return RowCheck(float(observed / norm), float(p), float(visible))


def _centred_ranks(values: np.ndarray, classes: np.ndarray) -> np.ndarray:
    ranks = np.empty(len(values))
    for number in np.unique(classes):
        own = classes == number
        ranks[own] = stats.rankdata(values[own]) / max(own.sum(), 1)
        ranks[own] -= ranks[own].mean()
    return ranks


def scale_by_group(
    lengths: tuple[np.ndarray, np.ndarray],
    groups: np.ndarray,
    *,
    level: float,
    n_permutations: int = 999,
    random_state: int | None = None,
) -> RowCheck:
    """Do both blocks scatter more in the same groups (sites)?

    The rank form of Brown and Forsythe's test (JASA 1974) for each block: differences of the mean
    ranked length between groups, groups relabelled. A permutation test suffers only where both
    blocks differ and the differences go together, so the larger of the two p-values counts, and
    only with a positive covariance of the groups' means.

    Parameters
    ----------
    lengths : tuple of ndarray (n,)
        Of people.
    groups : ndarray (n,)
        Site of every person.
    level : float
        Level at which `visible` is stated.
    n_permutations : int
        Default 999.
    random_state : int, optional
        Seed of the random numbers.

    Returns
    -------
    RowCheck
        ``value`` is the smaller of the two shares of spread between groups.
    """
    labels = np.unique(groups, return_inverse=True)[1]
    member = np.eye(labels.max() + 1)[labels]
    sizes = member.sum(axis=0)
    if len(sizes) < 2:
        return UNKNOWN
    rng = np.random.default_rng(random_state)
    orders = [
        np.arange(len(labels)),
        *(rng.permutation(len(labels)) for _ in range(n_permutations)),
    ]
    shares, means, p_values = [], [], []
    for part in lengths:
        ranks = stats.rankdata(part)
        ranks = (ranks - ranks.mean()) / max(np.linalg.norm(ranks - ranks.mean()), 1e-12)
        each = np.array([((member.T @ ranks[order]) ** 2 / sizes).sum() for order in orders])
        p_values.append(permutation_p_value(each[0], each[1:, None])[0])
        means.append(member.T @ ranks / sizes)
        shares.append(each)
    null = np.concatenate([each[1:] for each in shares])
    together = (sizes * means[0] * means[1]).sum() > 0
    visible = np.quantile(null, 1 - level) + Z_POWER * null.std()
    return RowCheck(
        float(min(each[0] for each in shares)),
        float(max(p_values)) if together else 1.0,
        float(visible),
    )


def shared_likeness(
    rows: tuple[np.ndarray, np.ndarray],
    families: np.ndarray,
    *,
    level: float,
    n_permutations: int = 999,
    random_state: int | None = None,
) -> RowCheck:
    """Inside families, are the same pairs alike in both blocks?

    Members of a family change places in a permutation test. Where pairs among them are closer than
    others (sibships in an extended family, twins), the same pairs are alike in both blocks, and the
    test rejects too often.

    Parameters
    ----------
    rows : tuple of ndarray (n, d)
        Rows of people, confounds and axes taken out.
    families : ndarray (n,)
        Innermost units whose members change places.
    level : float
        Level at which `visible` is stated.
    n_permutations : int
        Of members inside families. Default 999.
    random_state : int, optional
        Seed of the random numbers.

    Returns
    -------
    RowCheck
        ``value`` is the correlation of the likeness of pairs in one block with that in the other;
        unknown where too few people are in families of three or more.
    """
    codes = np.unique(families, return_inverse=True)[1]
    large = np.bincount(codes)[codes] > 2
    if large.sum() < 2 * ROWS_PER_COLUMN:
        return UNKNOWN
    codes = np.unique(codes[large], return_inverse=True)[1]
    first, second = (_inside(part[large], codes) for part in rows)
    exchange = Exchangeability(Blocks((Level(codes, exchange=False),)), len(codes))
    rng = np.random.default_rng(random_state)
    places = _families(codes)
    of_first, of_second = _products(first, places), _products(second, places)
    observed = _pairs_alike(of_first, of_second)
    null = np.array(
        [
            _pairs_alike(of_first, _rearranged(of_second, exchange.draw(rng), places))
            for _ in range(n_permutations)
        ]
    )
    scale = np.sqrt(_pairs_alike(of_first, of_first) * _pairs_alike(of_second, of_second))
    if not scale > 0:
        return UNKNOWN
    p = permutation_p_value(observed, null[:, None])[0]
    visible = (np.quantile(null, 1 - level) + Z_POWER * null.std() - null.mean()) / scale
    return RowCheck(float((observed - null.mean()) / scale), float(p), float(visible))


def _inside(rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
    sums = np.zeros((codes.max() + 1, rows.shape[1]))
    np.add.at(sums, codes, rows)
    return rows - (sums / np.bincount(codes)[:, None])[codes]


def _families(codes: np.ndarray) -> list[np.ndarray]:
    """Positions of the members (families, size) of the families of every size."""
    order, sizes = np.argsort(codes, kind="stable"), np.bincount(codes)
    starts = np.cumsum(sizes) - sizes
    return [order[starts[sizes == size][:, None] + np.arange(size)] for size in np.unique(sizes)]


def _products(rows: np.ndarray, places: list[np.ndarray]) -> list[np.ndarray]:
    """Inner products of the pairs (families, size, size) of every family, none with itself."""
    out = []
    for members in places:
        own = rows[members]
        gram = own @ own.transpose(0, 2, 1)
        gram[:, np.arange(gram.shape[1]), np.arange(gram.shape[1])] = 0
        out.append(gram)
    return out


def _rearranged(
    products: list[np.ndarray], order: np.ndarray, places: list[np.ndarray]
) -> list[np.ndarray]:
    """Products of pairs once members have changed places inside their families; none is new."""
    own = np.empty(len(order), dtype=int)
    for members in places:
        own[members] = np.arange(members.shape[1])
    out = []
    for gram, members in zip(products, places, strict=True):
        at = own[order[members]]
        out.append(gram[np.arange(len(gram))[:, None, None], at[:, :, None], at[:, None, :]])
    return out


def _pairs_alike(first: list[np.ndarray], second: list[np.ndarray]) -> float:
    """Sum over pairs of one family of the product of their inner products in two blocks."""
    return float(sum((a * b).sum() for a, b in zip(first, second, strict=True)))
