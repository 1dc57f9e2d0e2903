"""P-values of permutation tests, how sure they are, and how many permutations they get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.threads import in_one_thread, one_thread  # noqa: F401, tests take both here

# Permutations that are made in any case, for figures and means of the null distribution.
FEWEST = 99
CONFIDENCE = 0.95


def at_least(observed: np.ndarray, null: np.ndarray) -> np.ndarray:
    """Which statistics under permutation reach the observed ones.

    Parameters
    ----------
    observed : ndarray (k,)
        Statistic of the data.
    null : ndarray (B, k) or (B, 1)
        Statistics under permutation.

    Returns
    -------
    ndarray of bool (B, k)
    """
    # Ties differ by rounding only; without the slack a tie would count for the null half the time.
    slack = 1e-10 * np.maximum(1.0, np.abs(observed))
    return null >= observed - slack


def permutation_p_value(observed: np.ndarray, null: np.ndarray) -> np.ndarray:
    """``(1 + #{null ≥ observed}) / (1 + B)``, never zero.

    Parameters
    ----------
    observed : ndarray (k,)
        Statistic of the data.
    null : ndarray (B, k)
        Statistics of B permutations, the identity not among them.

    Returns
    -------
    ndarray (k,)
    """
    hits = at_least(np.atleast_1d(observed), null).sum(axis=0)
    return (1 + hits) / (1 + len(null))


def monte_carlo_error(p: np.ndarray, n_permutations: int | np.ndarray) -> np.ndarray:
    """Standard error of a permutation p-value from B random permutations."""
    p = np.asarray(p, dtype=float)
    return np.sqrt(p * (1 - p) / n_permutations)


def monte_carlo_interval(
    hits: np.ndarray, draws: np.ndarray, stopped: np.ndarray | bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of the p-value that all permutations would give (Clopper & Pearson 1934).

    Parameters
    ----------
    hits, draws : ndarray of int (k,)
        Permutations that reach the observed statistic, of how many.
    stopped : ndarray of bool (k,) or bool
        Whether drawing ended with the last hit; the last draw then says nothing more, and the
        upper end comes from those before it.

    Returns
    -------
    low, high : ndarray (k,)
        0 without a hit, and 1 where every draw is one.
    """
    hits, draws = np.asarray(hits, dtype=float), np.asarray(draws, dtype=float)
    tail, missed = (1 - CONFIDENCE) / 2, draws - hits
    before = hits + np.where(stopped, 0, 1)
    low, high = np.zeros(hits.shape), np.ones(hits.shape)
    some, short = hits > 0, missed > 0
    low[some] = beta.ppf(tail, hits[some], missed[some] + 1)
    high[short] = beta.ppf(1 - tail, before[short], missed[short])
    return low, high


def interval_of_p_value(p_values: np.ndarray, n_permutations: int) -> tuple[np.ndarray, np.ndarray]:
    """`monte_carlo_interval` of p-values ``(1 + hits) / (1 + B)``.

    Parameters
    ----------
    p_values : ndarray (k,)
        Of a fixed number of permutations, as `permutation_p_value` gives them.
    n_permutations : int
        B.

    Returns
    -------
    low, high : ndarray (k,)
    """
    hits = np.rint(np.asarray(p_values) * (1 + n_permutations)) - 1
    return monte_carlo_interval(hits, np.full(hits.shape, n_permutations))


@dataclass(frozen=True)
class Budget:
    """How many permutations a test may take.

    Attributes
    ----------
    most : int
        Permutations at most.
    hits : int or None
        A statistic is done with that many permutations that reach it; None makes all `most`.
    """

    most: int
    hits: int | None = None

    @classmethod
    def of(cls, n_permutations: int, most: int | None = None, alpha: float = 0.05) -> Budget:
        """Budget that decides at `alpha` as `n_permutations` would, and goes on where p is small.

        Hits end a test at ``alpha × (n_permutations + 1)``: where p is at most `alpha`, at least
        `n_permutations` were needed to collect them.

        Parameters
        ----------
        n_permutations : int
            Permutations that decide at `alpha`.
        most : int or None
            Permutations for small p-values; None makes `n_permutations` for every p.
        alpha : float
            Level of the test. Default 0.05.

        Raises
        ------
        InputError
            If `most` is smaller than `n_permutations`.
        """
        if most is None:
            return cls(n_permutations)
        if most < n_permutations:
            raise InputError(
                f"at most {most:,} permutations, with {n_permutations:,} to begin with",
                column="max_permutations",
                remedy=f"Allow at least {n_permutations:,}.",
            )
        # Rounding of 0.05 × 100 must not lose a hit.
        return cls(most, max(1, int(alpha * (n_permutations + 1) + 1e-9)))


@dataclass(frozen=True)
class PermutationTest:
    """Outcome of `sequential_test`; k statistics.

    Attributes
    ----------
    p_values : ndarray (k,)
    low, high : ndarray (k,)
        95 % Monte-Carlo interval of each.
    draws : ndarray of int (k,)
        Permutations that each p-value rests on.
    null : tuple of ndarray (B, …)
        What was drawn, B the largest of `draws` and at least 99 (or all that were allowed).
    """

    p_values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    draws: np.ndarray
    null: tuple[np.ndarray, ...]


def sequential_test(
    observed: np.ndarray,
    draw: Callable[[int, int], tuple[np.ndarray, ...]],
    budget: Budget,
) -> PermutationTest:
    """Permutation test that stops where nothing can be found, and goes on where p is small.

    Sequential Monte-Carlo test of Besag & Clifford (Biometrika 78:301, 1991): draw until h
    permutations reach the observed statistic, at most L. ``p = h / l`` where that happened at draw
    l, ``p = (1 + hits) / (1 + L)`` where it did not. Both are exact: under the null hypothesis p
    is at most u with probability at most u, at whatever draw it stopped, and equality holds for
    every value that p can take if there are no ties. Each statistic stops at its own draw, so its
    p-value depends neither on the others nor on how the draws are cut into chunks.

    Parameters
    ----------
    observed : ndarray (k,)
        Statistics of the data; those under permutation are compared with them.
    draw : callable
        ``draw(first, last)`` gives what permutations first … last − 1 give, as arrays with a row
        per permutation; the first array, (n, k) or (n, 1), holds the statistics. A permutation has
        the same result whenever it is asked for.
    budget : Budget
        When to stop.

    Returns
    -------
    PermutationTest
    """
    observed = np.atleast_1d(observed)
    k, parts, counted = len(observed), [], np.zeros((0, len(observed)), dtype=int)
    last, wanted = 0, budget.most if budget.hits is None else min(FEWEST, budget.most)
    with one_thread():
        while last < wanted:
            parts.append(draw(last, wanted))
            reached = np.broadcast_to(at_least(observed, parts[-1][0]), (wanted - last, k))
            before = counted[-1] if len(counted) else 0
            counted = np.vstack([counted, before + np.cumsum(reached, axis=0)])
            last = wanted
            if budget.hits is not None and (counted[-1] < budget.hits).any():
                wanted = min(last + max(FEWEST + 1, last // 2), budget.most)
    draws, hits, stopped = _stops(counted, budget)
    p = np.where(stopped, hits / draws, (1 + hits) / (1 + draws))
    low, high = monte_carlo_interval(hits, draws, stopped)
    made = max(int(draws.max(initial=0)), min(FEWEST, budget.most))
    null = tuple(np.concatenate(part)[:made] for part in zip(*parts, strict=True))
    return PermutationTest(p, low, high, draws, null)


def _stops(counted: np.ndarray, budget: Budget) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draws and hits of every statistic when it stopped, and whether it stopped by its hits."""
    if budget.hits is None:
        every = np.full(counted.shape[1], len(counted))
        return every, counted[-1], np.zeros(len(every), dtype=bool)
    full = counted >= budget.hits
    stopped = full.any(axis=0)
    draws = np.where(stopped, full.argmax(axis=0) + 1, len(counted))
    return draws, np.where(stopped, budget.hits, counted[-1]), stopped
