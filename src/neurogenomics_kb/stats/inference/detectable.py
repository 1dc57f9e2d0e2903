"""What a check could have seen: the tail of its null distribution, and the size it finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

# A check that says "ok" would have found the size that it names in so many of 100 such cohorts.
POWER = 0.80


@dataclass(frozen=True)
class Tail:
    """Null distribution of a statistic, as its mean and spread over relabellings.

    A hundred relabellings give no p-value below 0.01, but they give a mean and a standard deviation
    to some percent; the tail beyond is that of a t-distribution, which carries the error of the
    spread. It is for statistics that are nearly normal under the null: AUC and correlation
    averaged over folds, and powers of others that make them so.

    Attributes
    ----------
    mean, spread : float
        NaN where nothing could be relabelled.
    n : int
        Relabellings.
    """

    mean: float
    spread: float
    n: int

    @classmethod
    def of(cls, null: np.ndarray) -> Tail:
        """Tail of what relabellings (B,) gave; undefined ones do not count.

        Parameters
        ----------
        null : ndarray (B,)
            Statistic under every relabelling.
        """
        known = null[np.isfinite(null)]
        if len(known) < 3 or not np.std(known) > 0:
            return cls(np.nan, np.nan, len(known))
        return cls(float(known.mean()), float(known.std(ddof=1)), len(known))

    def p_value(self, value: float, n_tests: int = 1) -> float:
        """Probability of so large a value, times the tests that are looked at together.

        Parameters
        ----------
        value : float
            What was found.
        n_tests : int
            Tests among which the smallest p-value is looked for.

        Returns
        -------
        float
            NaN where value or null are unknown.
        """
        if not np.isfinite([value, self.mean, self.spread]).all():
            return float("nan")
        distance = (value - self.mean) / (self.spread * np.sqrt(1 + 1 / self.n))
        return float(min(1.0, n_tests * stats.t.sf(distance, self.n - 1)))

    def seen(self, level: float, n_tests: int = 1, *, least: float = -np.inf) -> float:
        """True value that is found in `POWER` of such cohorts, or in more.

        Parameters
        ----------
        level : float
            Of the check, over all its tests.
        n_tests : int
            Tests that are looked at together.
        least : float
            Values below are not spoken of, however small their p-value.

        Returns
        -------
        float
        """
        critical = stats.t.isf(level / n_tests, self.n - 1) if self.n > 1 else np.nan
        edge = self.mean + critical * np.sqrt(1 + 1 / max(self.n, 1)) * self.spread
        # About a true value estimates vary as much as about none, or less: an AUC of 0.75 by 0.6 to
        # 0.9 of it, so that the size named is seen in 80 of 100 cohorts or more.
        return float(max(edge, least) + stats.norm.ppf(POWER) * self.spread)


def share_tail(null: np.ndarray) -> Tail:
    """Tail of shares of variance (V², eta²), whose cube roots are nearly normal.

    Parameters
    ----------
    null : ndarray (B,)
        Shares under relabelling (Wilson & Hilferty, PNAS 1931).
    """
    return Tail.of(np.cbrt(null))
