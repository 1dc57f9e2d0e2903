"""What a comparison over folds could have seen."""

from __future__ import annotations

import numpy as np
from scipy import optimize, stats

POWER = 0.80


def smallest_difference(se: float, df: float, alpha: float, *, power: float = POWER) -> float:
    """True difference that a one-sided test finds with a given power.

    The statistic is noncentral t with `df` degrees of freedom about ``difference / se``. The
    standard error is that of the comparison itself, corrected for training sets that overlap, so
    the answer is as uncertain as it is: with five folds by a third or so.

    Parameters
    ----------
    se : float
        Standard error of the difference.
    df : float
        Its degrees of freedom, K − 1 over folds.
    alpha : float
        Level of the test.
    power : float
        Share of such cohorts in which it is found. Default 0.80.

    Returns
    -------
    float
        NaN where the standard error is zero or unknown.

    Examples
    --------
    >>> round(smallest_difference(0.02, 4, 0.05), 3)
    0.061
    """
    if not (np.isfinite(se) and se > 0):
        return float("nan")
    if not np.isfinite(df):
        return float(se * (stats.norm.isf(alpha) + stats.norm.ppf(power)))
    critical = stats.t.isf(alpha, df)

    def missing(shift: float) -> float:
        return float(stats.nct.sf(critical, df, shift)) - power

    return float(se * optimize.brentq(missing, 0.0, 20.0 + 5.0 * critical))
