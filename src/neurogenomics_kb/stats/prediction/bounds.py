"""Intervals that end inside what a score can be."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

SHARE = (0.0, 1.0)
POSITIVE = (0.0, np.inf)
# Held-out R² is at most 1 and has no lower end; so have scores like it.
AT_MOST_ONE = (-np.inf, 1.0)
UNBOUNDED = (-np.inf, np.inf)


def bounded_interval(
    value: float, half: float, bounds: tuple[float, float] = UNBOUNDED
) -> tuple[float, float]:
    """Interval of an estimate on the scale on which it has no ends.

    The logit between two ends, the logarithm of the distance to a single one (for R² that of
    ``1 − R²``, the share that is not explained), with the half-width carried over by its slope (the
    delta method).

    Parameters
    ----------
    value : float
        Estimate, inside the bounds.
    half : float
        Half-width of the plain interval, in units of `value`.
    bounds : tuple of float
        Lower and upper end of what the score can be, infinite where it has none.

    Returns
    -------
    low, high : float
        Inside the bounds and around `value`. An estimate that lies on an end, from which no scale
        leads away, has its plain interval cut there.

    Examples
    --------
    >>> low, high = bounded_interval(0.9, 0.15, AT_MOST_ONE)
    >>> round(low, 3), round(high, 3)
    (0.552, 0.978)
    """
    lowest, highest = bounds
    below, above = value - lowest, highest - value
    if half == 0 or not np.isfinite([value, half]).all():
        return (float(value), float(value)) if half == 0 else (float("nan"), float("nan"))
    if below <= 0 or above <= 0:
        return float(max(lowest, value - half)), float(min(highest, value + half))
    offset = np.array([-half, half])
    with np.errstate(over="ignore"):  # an end that lies at infinity
        if np.isfinite(below) and np.isfinite(above):
            width = highest - lowest
            at = below / width
            found = lowest + width * expit(logit(at) + offset / width / (at * (1 - at)))
        elif np.isfinite(above):
            found = highest - above * np.exp(-offset / above)
        elif np.isfinite(below):
            found = lowest + below * np.exp(offset / below)
        else:
            found = value + offset
    low, high = np.clip(found, lowest, highest)
    # Rounding next to an end must not put the estimate outside of its own interval.
    return float(min(low, value)), float(max(high, value))
