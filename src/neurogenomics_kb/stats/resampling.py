"""Inference over cross-validation folds, whose training sets overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from neurogenomics_kb.errors import InputError

Alternative = Literal["two-sided", "greater"]


@dataclass(frozen=True)
class FoldDifference:
    """Difference of two procedures over K folds.

    Attributes
    ----------
    difference : float
        Mean over folds, first minus second.
    se : float
        Standard error with the correction for overlapping training sets.
    t, df, p_value : float
        Corrected resampled t-test, two-sided unless asked for otherwise.
    ci : tuple of float
        Interval at the level asked for.
    p_below, p_rope, p_above : float
        Posterior probabilities that the difference is below, inside, above the region of practical
        equivalence.
    rope : float
    """

    difference: float
    se: float
    t: float
    df: int
    p_value: float
    ci: tuple[float, float]
    p_below: float
    p_rope: float
    p_above: float
    rope: float


def corrected_resampled_t(
    differences: np.ndarray,
    *,
    test_fraction: float | None = None,
    rope: float = 0.01,
    confidence: float = 0.95,
    alternative: Alternative = "two-sided",
) -> FoldDifference:
    """Compare two procedures by their scores on the same K test folds.

    The variance is inflated by ``1/K + n_test/n_train`` (Nadeau & Bengio, Machine Learning 2003)
    with K − 1 degrees of freedom. The Bayesian correlated t-test (Corani & Benavoli, Machine
    Learning 2015; Benavoli et al., JMLR 2017) has the same location and scale.

    Parameters
    ----------
    differences : ndarray (K,) or (repeats, K)
        Score of the first procedure minus that of the second, per test fold. Repeated
        cross-validation gains little, since all repeats share the subjects: degrees of freedom
        stay K − 1.
    test_fraction : float, optional
        Share of subjects in a test fold, 1/K by default.
    rope : float
        Half-width of the region of practical equivalence, in units of the score.
    confidence : float
    alternative : {"two-sided", "greater"}
        ``"greater"`` asks whether the first procedure beats the second; where the first is truly
        worse, as a model with a useless block is, a two-sided test would report that as well.

    Returns
    -------
    FoldDifference

    Raises
    ------
    InputError
        With fewer than three folds.
    """
    if alternative not in ("two-sided", "greater"):
        raise ValueError(f"alternative={alternative!r} is neither 'two-sided' nor 'greater'")
    differences = np.asarray(differences, dtype=float)
    K = differences.shape[-1]
    if K < 3:
        raise InputError(
            f"{K} folds leave {K - 1} degrees of freedom for a comparison",
            remedy="Use at least three folds.",
        )
    fraction = 1 / K if test_fraction is None else test_fraction
    mean = float(differences.mean())
    inflation = 1 / differences.size + fraction / (1 - fraction)
    se = float(np.sqrt(inflation * differences.var(ddof=1)))
    df = K - 1
    if se < 1e-12:
        # Identical procedures differ by nothing; a constant non-zero difference cannot be tested.
        same = abs(mean) < 1e-12
        below, above = float(mean < -rope), float(mean > rope)
        return FoldDifference(
            mean,
            0.0,
            0.0 if same else float("nan"),
            df,
            1.0 if same else float("nan"),
            (mean, mean),
            below,
            1.0 - below - above,
            above,
            rope,
        )
    t = mean / se
    half = float(stats.t.ppf(0.5 + confidence / 2, df)) * se
    posterior = stats.t(df, loc=mean, scale=se)
    below, above = float(posterior.cdf(-rope)), float(posterior.sf(rope))
    return FoldDifference(
        mean,
        se,
        float(t),
        df,
        float(2 * stats.t.sf(abs(t), df) if alternative == "two-sided" else stats.t.sf(t, df)),
        (mean - half, mean + half),
        below,
        1 - below - above,
        above,
        rope,
    )


def fold_mean_interval(
    scores: np.ndarray, *, test_fraction: float | None = None, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Mean of a fold-wise score with the same overlap correction.

    Returns
    -------
    mean, low, high : float
    """
    result = corrected_resampled_t(scores, test_fraction=test_fraction, confidence=confidence)
    return result.difference, *result.ci
