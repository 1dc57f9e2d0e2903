"""P-values of permutation tests."""

from __future__ import annotations

import numpy as np


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
    observed = np.atleast_1d(observed)
    # Ties differ by rounding only; without the slack a tie would count for the null half the time.
    slack = 1e-10 * np.maximum(1.0, np.abs(observed))
    return (1 + (null >= observed - slack).sum(axis=0)) / (1 + len(null))


def monte_carlo_error(p: np.ndarray, n_permutations: int) -> np.ndarray:
    """Standard error of a permutation p-value from B random permutations."""
    p = np.asarray(p, dtype=float)
    return np.sqrt(p * (1 - p) / n_permutations)
