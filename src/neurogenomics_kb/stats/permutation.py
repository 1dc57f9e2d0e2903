"""Permutations that respect which subjects may be exchanged."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import gammaln

from neurogenomics_kb.errors import InputError


class Exchangeability:
    """Whole blocks of equal size change places, and members change places inside their block.

    This is the restricted exchangeability of siblings: a pair may be swapped with another pair and
    the two of a pair with each other, but no child leaves its family (Winkler et al., NeuroImage
    2015, doi:10.1016/j.neuroimage.2015.05.092).

    Parameters
    ----------
    blocks : array-like (n,) or None
        Block label of every row; None means that all rows are freely exchangeable.
    n : int
        Number of rows.

    Raises
    ------
    InputError
        If the only valid permutation is the identity.
    """

    def __init__(self, blocks, n: int) -> None:
        self.n = n
        self._sizes: list[np.ndarray] | None = None
        if blocks is not None:
            codes = pd.factorize(np.asarray(blocks), use_na_sentinel=False)[0]
            order = np.argsort(codes, kind="stable")
            members = np.split(order, np.cumsum(np.bincount(codes))[:-1])
            by_size: dict[int, list[np.ndarray]] = {}
            for rows in members:
                by_size.setdefault(len(rows), []).append(rows)
            self._sizes = [np.array(rows) for _, rows in sorted(by_size.items())]
        if self.log_count == 0.0:
            raise InputError(
                f"the blocks allow a single permutation of {n} rows, so nothing can be tested",
                remedy="Give at least two blocks of one size, or blocks with several members.",
            )

    @property
    def log_count(self) -> float:
        """Natural logarithm of the number of valid permutations."""
        if self._sizes is None:
            return float(gammaln(self.n + 1))
        return float(
            sum(gammaln(len(g) + 1) + len(g) * gammaln(g.shape[1] + 1) for g in self._sizes)
        )

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """One random permutation: position i receives row ``draw(rng)[i]``."""
        if self._sizes is None:
            return rng.permutation(self.n)
        out = np.empty(self.n, dtype=np.intp)
        for group in self._sizes:
            source = rng.permuted(group[rng.permutation(len(group))], axis=1)
            out[group] = source
        return out


def permutation_p_value(observed: np.ndarray, null: np.ndarray) -> np.ndarray:
    """``(1 + #{null ≥ observed}) / (1 + B)``, never zero.

    Parameters
    ----------
    observed : ndarray (k,)
    null : ndarray (B, k)
        Statistics of B permutations, the identity not among them.

    Returns
    -------
    ndarray (k,)
    """
    observed = np.atleast_1d(observed)
    # Ties differ by rounding only; without the slack a tie would count for the null half the time.
    slack = 1e-10 * np.maximum(1.0, np.abs(observed))
    return (1 + (null >= observed - slack).sum(axis=0)) / (1 + len(null))


def monte_carlo_error(p: np.ndarray, n_permutations: int) -> np.ndarray:
    """Standard error of a permutation p-value from B random permutations."""
    p = np.asarray(p, dtype=float)
    return np.sqrt(p * (1 - p) / n_permutations)
