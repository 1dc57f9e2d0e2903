"""Inference over cross-validation folds, whose training sets overlap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from neurogenomics_kb.errors import InputError


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
        Two-sided corrected resampled t-test.
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
) -> FoldDifference:
    """Compare two procedures by their scores on the same K test folds.

    The variance is inflated by ``1/K + n_test/n_train`` (Nadeau & Bengio, Machine Learning 2003)
    with K − 1 degrees of freedom. The Bayesian correlated t-test (Corani & Benavoli, Machine
    Learning 2015; Benavoli et al., JMLR 2017) has the same location and scale.

    Parameters
    ----------
    differences : ndarray (K,)
        Score of the first procedure minus that of the second, per test fold.
    test_fraction : float, optional
        Share of subjects in a test fold, 1/K by default.
    rope : float
        Half-width of the region of practical equivalence, in units of the score.
    confidence : float

    Returns
    -------
    FoldDifference

    Raises
    ------
    InputError
        With fewer than three folds.
    """
    differences = np.asarray(differences, dtype=float)
    K = len(differences)
    if K < 3:
        raise InputError(
            f"{K} folds leave {K - 1} degrees of freedom for a comparison",
            remedy="Use at least three folds.",
        )
    fraction = 1 / K if test_fraction is None else test_fraction
    mean = float(differences.mean())
    se = float(np.sqrt((1 / K + fraction / (1 - fraction)) * differences.var(ddof=1)))
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
        float(2 * stats.t.sf(abs(t), df)),
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


def bootstrap_folds(
    metric,
    y_true: np.ndarray,
    scores: np.ndarray,
    folds: np.ndarray,
    *,
    clusters: np.ndarray | None = None,
    n_resamples: int = 500,
    confidence: float = 0.95,
    random_state: int = 0,
) -> tuple[float, float, float]:
    """Percentile interval of a fold-averaged score, resampling whole clusters in each test fold.

    Parameters
    ----------
    metric : callable
        ``metric(y, score, weights)`` with ``weights`` (n_resamples, n) of draw counts, returning
        (n_resamples,).
    y_true, scores, folds : ndarray (n,)
    clusters : ndarray (n,), optional
        Families or sites that are drawn as wholes.
    n_resamples : int
    confidence : float
    random_state : int

    Returns
    -------
    value, low, high : float
        The interval is conditional on the fitted models.
    """
    rng = np.random.default_rng(random_state)
    values, resampled = [], []
    for fold in np.unique(folds):
        rows = np.flatnonzero(folds == fold)
        labels = rows if clusters is None else clusters[rows]
        codes = np.unique(labels, return_inverse=True)[1]
        n_clusters = codes.max() + 1
        draws = rng.multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters), size=n_resamples)
        values.append(metric(y_true[rows], scores[rows], np.ones((1, len(rows))))[0])
        resampled.append(metric(y_true[rows], scores[rows], draws[:, codes].astype(float)))
    averaged = np.nanmean(np.stack(resampled), axis=0)
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(averaged, [tail, 1 - tail])
    return float(np.mean(values)), float(low), float(high)
