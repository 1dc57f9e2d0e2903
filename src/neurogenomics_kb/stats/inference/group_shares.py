"""Do groups of people (sites, batches) differ in what is missing, or share an outcome unevenly?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurogenomics_kb.stats.inference.detectable import Tail, share_tail
from neurogenomics_kb.stats.inference.permutation import permutation_p_value


@dataclass(frozen=True)
class GroupDifference:
    """Units whose rate depends on a group; U units, G groups.

    Attributes
    ----------
    rates : ndarray (U, G)
        Mean per group.
    p_values : ndarray (U,)
        Family-wise over units, by the maximum of the between-group share of variance.
    """

    rates: np.ndarray
    p_values: np.ndarray


def group_difference(
    values: np.ndarray, groups: np.ndarray, rows: np.ndarray
) -> tuple[list, GroupDifference]:
    """Does the mean of any unit differ between groups? Maximum statistic over units.

    Parameters
    ----------
    values : ndarray (n, U)
        Missing-call rates of units.
    groups : ndarray (n,)
        Group of every person.
    rows : ndarray (1 + B, n)
        From `label_permutations`.

    Returns
    -------
    levels : list
    difference : GroupDifference
    """
    levels, codes = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    member = np.eye(len(levels))[codes]
    sizes = member.sum(axis=0)
    centred = values - values.mean(axis=0)
    total = (centred**2).sum(axis=0)
    safe = np.where(total > 1e-12, total, np.inf)
    statistic = np.empty((len(rows), values.shape[1]))
    for b, order in enumerate(rows):
        means = member[order].T @ centred / sizes[:, None]
        statistic[b] = (sizes[:, None] * means**2).sum(axis=0) / safe
    p = permutation_p_value(statistic[0], statistic[1:].max(axis=1, keepdims=True))
    return list(levels), GroupDifference((member.T @ values / sizes[:, None]).T, p)


def cramers_v(a: np.ndarray, b: np.ndarray) -> float:
    """Cramér's V of two label vectors, 0 to 1."""
    return float(_cramers_v(np.asarray(a)[None, :], np.asarray(b))[0])


def _cramers_v(many: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cramér's V of label vectors (m, n) with one (n,)."""
    levels, codes = np.unique(many, return_inverse=True)
    codes = codes.reshape(many.shape)
    indicators = (b[:, None] == np.unique(b)[None, :]).astype(float)
    if min(len(levels), indicators.shape[1]) < 2:
        return np.zeros(len(many))
    table = np.stack([(codes == k) @ indicators for k in range(len(levels))], axis=1)
    expected = table.sum(2, keepdims=True) * table.sum(1, keepdims=True) / many.shape[1]
    chi2 = ((table - expected) ** 2 / expected).sum(axis=(1, 2))
    return np.sqrt(chi2 / many.shape[1] / (min(table.shape[1:]) - 1))


def _eta(many: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Correlation ratio eta of numbers (n,) with groups (m, n), 0 to 1."""
    levels, codes = np.unique(many, return_inverse=True)
    codes = codes.reshape(many.shape)
    centred = numbers - numbers.mean()
    total = float((centred**2).sum())
    if len(levels) < 2 or total <= 0:
        return np.zeros(len(many))
    between = np.zeros(len(many))
    for k in range(len(levels)):
        member = codes == k
        size = member.sum(axis=1)
        between += np.divide((member @ centred) ** 2, size, out=np.zeros(len(many)),
                             where=size > 0)  # fmt: skip
    return np.sqrt(between / total)


@dataclass(frozen=True)
class Shared:
    """Groups and an outcome: how unevenly is it shared?

    Attributes
    ----------
    value : float
        Cramér's V, or the correlation ratio eta of a number; both are a correlation where there
        are two groups.
    p_value : float
        Of the permutation test.
    tail : Tail
        Of the cube root of the squared value, which is nearly normal.
    """

    value: float
    p_value: float
    tail: Tail

    def p_tail(self, n_tests: int = 1) -> float:
        """p-value by the tail."""
        return self.tail.p_value(float(np.cbrt(self.value**2)), n_tests)

    def seen(self, level: float, n_tests: int = 1, *, least: float = 0.0) -> float:
        """Smallest true value that is found in 80 of 100 such cohorts."""
        found = self.tail.seen(level, n_tests, least=float(np.cbrt(least**2)))
        return float(found**1.5)


def uneven_groups(
    groups: np.ndarray, outcome: np.ndarray, rows: np.ndarray, *, continuous: bool = False
) -> Shared:
    """Association of groups with classes or a number, relabelling the groups.

    Parameters
    ----------
    groups : ndarray (n,)
        Site or batch of every person.
    outcome : ndarray (n,)
        Class, or number.
    rows : ndarray (1 + B, n)
        From `label_permutations`.
    continuous : bool
        Whether the outcome is a number.

    Returns
    -------
    Shared
    """
    many = np.unique(groups, return_inverse=True)[1][rows]
    outcome = np.asarray(outcome)
    values = _eta(many, outcome.astype(float)) if continuous else _cramers_v(many, outcome)
    p = permutation_p_value(values[:1], values[1:, None])[0]
    return Shared(float(values[0]), float(p), share_tail(values[1:] ** 2))
