"""Rank-based inverse-normal transform."""

from __future__ import annotations

import numpy as np
from scipy import stats

BLOM = 3 / 8


def normal_scores(X: np.ndarray, *, offset: float = BLOM) -> np.ndarray:
    """Replace every column by the normal quantiles of its ranks.

    Permutation after confound regression assumes errors that are not too heavy in the tails: with
    t errors of 2 degrees of freedom and 40 confounds at N = 100 it rejects too often; ranks mend
    that at the price of the original scale.

    Parameters
    ----------
    X : ndarray (n, p)
        Ties share their mean rank.
    offset : float
        ``(rank − offset) / (n + 1 − 2 offset)``; 3/8 is Blom's (Beasley, Erickson & Allison,
        Behavior Genetics 2009).

    Returns
    -------
    ndarray (n, p)
    """
    X = np.asarray(X, dtype=float)
    ranks = stats.rankdata(X, axis=0)
    return stats.norm.ppf((ranks - offset) / (len(X) + 1 - 2 * offset))
