"""Adjusted p-values; NaN marks a test that could not be made and is left out of the family."""

from __future__ import annotations

import numpy as np
from statsmodels.stats.multitest import multipletests


def adjust(p_values, method: str) -> np.ndarray:
    """Adjust the finite p-values of one family.

    Parameters
    ----------
    p_values : array-like (n,)
        p-values of the family; gaps stay gaps.
    method : {"fdr_bh", "fdr_by", "holm"}
        False discovery rate of Benjamini & Hochberg, the same under any dependence (Benjamini &
        Yekutieli), or family-wise error of Holm.

    Returns
    -------
    ndarray (n,)
        NaN stays NaN.
    """
    p = np.asarray(p_values, dtype=float)
    out = np.full(len(p), np.nan)
    known = np.isfinite(p)
    if known.any():
        out[known] = multipletests(p[known], method=method)[1]
    return out
