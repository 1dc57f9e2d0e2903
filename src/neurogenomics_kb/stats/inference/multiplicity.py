"""Adjusted p-values; NaN marks a test that could not be made and is left out of the family.

The few lines that each procedure needs stand here, since statsmodels' collects garbage at every
call, which takes longer than the adjustment. They are compared with it in the tests.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import false_discovery_control

from neurogenomics_kb.foundation.choices import Choices

# Share of a tier's level that Holm's procedure keeps inside the tier; what is left of a rejected
# hypothesis goes on to the next tier.
KEPT = 0.5


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

    Raises
    ------
    InputError
        If the method is unknown.
    """
    p = np.asarray(p_values, dtype=float)
    procedure = METHODS[method]
    out = np.full(len(p), np.nan)
    known = np.isfinite(p)
    if known.any():
        out[known] = procedure(p[known])
    return out


def _holm(p: np.ndarray) -> np.ndarray:
    return np.minimum(1.0, _truncated_holm(p, kept=1.0))


def _fdr_bh(p: np.ndarray) -> np.ndarray:
    return false_discovery_control(p, method="bh")


def _fdr_by(p: np.ndarray) -> np.ndarray:
    return false_discovery_control(p, method="by")


METHODS = Choices("adjustment of p-values", {"holm": _holm, "fdr_bh": _fdr_bh, "fdr_by": _fdr_by})


def gatekeep(p_values, tiers, *, kept: float = KEPT) -> np.ndarray:
    """Family-wise adjusted p-values of tests that are asked in an order of tiers.

    The first tier is tested at the level of the whole family by truncated Holm: the i-th smallest
    of its n p-values is compared with ``[kept / (n − i + 1) + (1 − kept) / n]`` times the level.
    With r of n hypotheses rejected, the next tier is tested at ``(1 − kept) r / n`` of the level,
    and at all of it if r = n; and so on. The last tier is tested by Holm. This is the multistage
    parallel gatekeeping of Dmitrienko, Tamhane & Wiens (Biometrical Journal 50:667, 2008,
    doi:10.1002/bimj.200710464); it controls the probability of any false rejection in any tier
    under any dependence between the tests, since the level that a tier spends on its true
    hypotheses and the level that it hands on never add up to more than it was given. Holm's
    procedure in full (``kept`` = 1) in the first tier would leave nothing for the second unless
    everything in the first is rejected; Bonferroni's (``kept`` = 0) hands on most and costs power
    in the first.

    Parameters
    ----------
    p_values : array-like (n,)
        Each valid for its own null hypothesis. Gaps stay gaps and leave the family.
    tiers : array-like of int (n,)
        Tier of every test, the smallest is asked first. Tiers without a test are passed over.
    kept : float
        Between 0 and 1.

    Returns
    -------
    ndarray (n,)
        Smallest level of the whole family at which each hypothesis is rejected.

    Raises
    ------
    ValueError
        If `kept` lies outside 0 to 1, or the lengths differ.

    Examples
    --------
    >>> gatekeep([0.01, 0.6, 0.002, 0.02], [1, 1, 2, 2]).round(3)
    array([0.02, 0.8 , 0.02, 0.08])
    """
    p, tiers = np.asarray(p_values, dtype=float), np.asarray(tiers)
    if p.shape != tiers.shape or not 0 <= kept <= 1:
        raise ValueError(f"{p.shape} p-values, {tiers.shape} tiers, kept {kept}")
    known = np.isfinite(p)
    numbers = np.unique(tiers[known])
    needed = np.full(len(p), np.nan)  # level of its own tier at which each is rejected
    for number in numbers:
        own = known & (tiers == number)
        needed[own] = _truncated_holm(p[own], kept=1.0 if number == numbers[-1] else kept)
    for i in range(len(numbers) - 1, 0, -1):  # from tier to the tier before it, up to the first
        later = known & (tiers >= numbers[i])
        gate = needed[known & (tiers == numbers[i - 1])]
        needed[later] = _before_gate(needed[later], gate, kept)
    return np.minimum(1.0, needed)


def _truncated_holm(p: np.ndarray, kept: float) -> np.ndarray:
    """Smallest level of the tier at which each is rejected; above 1 where no level suffices."""
    n = len(p)
    order = np.argsort(p, kind="stable")
    share = kept / np.arange(n, 0, -1) + (1 - kept) / n
    out = np.empty(n)
    out[order] = np.maximum.accumulate(p[order] / share)
    return out


def _before_gate(needed: np.ndarray, gate: np.ndarray, kept: float) -> np.ndarray:
    """Level before a gate that leaves at least the level `needed` behind it.

    With r hypotheses of the gate rejected, which happens from the r-th smallest of `gate` on, a
    share of the level comes through.
    """
    n = len(gate)
    share = (1 - kept) * np.arange(1, n + 1) / n
    share[-1] = 1.0
    passing = share > 0  # with all kept nothing comes through before everything is rejected
    ways = np.maximum(needed[:, None] / share[passing], np.sort(gate)[passing])
    return ways.min(axis=1)
