"""Inference over cross-validation folds, whose training sets overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit, logit

from neurogenomics_kb.foundation.choices import refuse_unknown
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction.bounds import UNBOUNDED, bounded_interval

Alternative = Literal["two-sided", "greater"]
N_FEATURES = 20


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
        Interval at the level asked for, inside what a difference can be.
    """

    difference: float
    se: float
    t: float
    df: float
    p_value: float
    ci: tuple[float, float]


def corrected_resampled_t(
    differences: np.ndarray,
    *,
    test_fraction: float | None = None,
    largest: float = np.inf,
    confidence: float = 0.95,
    alternative: Alternative = "two-sided",
) -> FoldDifference:
    """Compare two procedures by their scores on the same K test folds.

    The variance is inflated by ``1/K + n_test/n_train`` (Nadeau & Bengio, Machine Learning 2003)
    with K − 1 degrees of freedom. With AUCs of five folds of 300 subjects and two equal procedures
    the two-sided test rejected 1 to 5 % of 1,000 runs at true AUCs of 0.6 to 0.8, and 7 % of 2,000
    where neither procedure predicts anything, since there folds correlate by 1/(K − 1) and not 1/K;
    ``test_fraction=1 / (K - 1)`` makes it 6 %. Ten repeats of five folds rejected 0.7 to 4.5 %,
    one-sided 2.3 to 6.0 % (400 to 600 cohorts each; families of 1 to 8 among them); with RK − 1
    degrees of freedom it would be 4.7 to 13.7 %.

    Parameters
    ----------
    differences : ndarray (K,) or (repeats, K)
        Score of the first procedure minus that of the second, per test fold. Repeated
        cross-validation gains little, since all repeats share the subjects: degrees of freedom
        stay K − 1.
    test_fraction : float, optional
        Share of subjects in a test fold, 1/K by default.
    largest : float
        Most that two scores can differ by, where the interval ends: 1 for areas under a curve.
    confidence : float
        Coverage of the interval, 0 to 1. Default 0.95.
    alternative : {"two-sided", "greater"}
        ``"greater"`` asks whether the first procedure beats the second; where the first is truly
        worse, as a model with a useless block is, a two-sided test would report that as well.

    Returns
    -------
    FoldDifference

    Raises
    ------
    InputError
        With fewer than three folds, or a fold without a score.
    """
    refuse_unknown("alternative", alternative, get_args(Alternative))
    differences = np.asarray(differences, dtype=float)
    if not np.isfinite(differences).all():
        raise InputError(
            f"{int((~np.isfinite(differences)).sum())} of {differences.size} folds have no score",
            remedy="Use folds in which every score is defined.",
        )
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
    return t_difference(
        mean, se, K - 1, largest=largest, confidence=confidence, alternative=alternative
    )


def t_difference(
    mean: float,
    se: float,
    df: float,
    *,
    largest: float = np.inf,
    confidence: float = 0.95,
    alternative: Alternative = "two-sided",
) -> FoldDifference:
    """Test and interval of a difference that is t-distributed with `df`."""
    if se < 1e-12:
        # Identical procedures differ by nothing; a constant non-zero difference cannot be tested.
        same = abs(mean) < 1e-12
        t, p = (0.0, 1.0) if same else (float("nan"), float("nan"))
        return FoldDifference(mean, 0.0, t, df, p, (mean, mean))
    t = mean / se
    half = float(stats.t.ppf(0.5 + confidence / 2, df)) * se
    p = float(2 * stats.t.sf(abs(t), df) if alternative == "two-sided" else stats.t.sf(t, df))
    # Cut and not bent: what the test does not reject stays what the interval holds.
    ci = max(-largest, mean - half), min(largest, mean + half)
    return FoldDifference(mean, se, float(t), df, p, ci)


def fold_mean_interval(
    scores: np.ndarray,
    *,
    bounds: tuple[float, float] = UNBOUNDED,
    test_fraction: float | None = None,
    confidence: float = 0.95,
) -> tuple[float, float, float]:
    """Mean of a fold-wise score with the same overlap correction.

    Parameters
    ----------
    scores : ndarray (K,) or (repeats, K)
        Score of every test fold.
    bounds : tuple of float
        What the score can be, see `bounds.bounded_interval`.
    test_fraction, confidence : float
        As for `corrected_resampled_t`.

    Returns
    -------
    mean, low, high : float
    """
    result = corrected_resampled_t(scores, test_fraction=test_fraction, confidence=confidence)
    half = (result.ci[1] - result.ci[0]) / 2
    return result.difference, *bounded_interval(result.difference, half, bounds)


def refuse_gaps(values: np.ndarray, what: str) -> None:
    """Refuse missing values by their number.

    Raises
    ------
    InputError
    """
    gaps = int(pd.isna(values).sum())
    if gaps:
        raise InputError(
            f"the {what} has missing values", subjects=gaps, of=len(values),
            remedy="Drop these subjects from the comparison.",
        )  # fmt: skip


def aligned_folds(y: np.ndarray, folds) -> np.ndarray:
    """Fold labels as an array, refused where they are missing or too few."""
    folds = np.asarray(folds)
    if len(folds) != len(y):
        raise InputError(
            f"{len(folds)} fold numbers for {len(y)} outcomes", remedy="Align the subjects first."
        )
    refuse_gaps(folds, "fold number")
    return folds


def cluster_codes(clusters, n: int) -> np.ndarray:
    """Number the clusters of `n` subjects from 0.

    Raises
    ------
    InputError
        If labels are missing, of another length, or all the same.
    """
    labels = np.asarray(clusters)
    if len(labels) != n:
        raise InputError(
            f"{len(labels)} cluster labels for {n} subjects", remedy="Align the subjects first."
        )
    gaps = int(pd.isna(labels).sum())
    if gaps:
        raise InputError(
            "the cluster labels have missing values", subjects=gaps, of=n,
            remedy="Give subjects without relatives a label of their own.",
        )  # fmt: skip
    codes = np.unique(labels, return_inverse=True)[1]
    if codes.max() == 0:
        raise InputError(
            "all subjects are in one cluster", subjects=n,
            remedy="Use clusters that are independent of one another.",
        )  # fmt: skip
    return codes


def effective_clusters(codes: np.ndarray) -> float:
    """Kish's effective number of clusters, the number of subjects where all are unrelated."""
    sizes = np.bincount(codes)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def disjoint_pairs(y: np.ndarray, folds: np.ndarray, codes: np.ndarray | None) -> int:
    """Pairs of a case and a control of the same fold that share no subject or cluster."""
    codes = np.arange(len(y)) if codes is None else codes
    total = 0
    for fold in np.unique(folds):
        rows = folds == fold
        case, control = (len(np.unique(codes[rows & (y == c)])) for c in (True, False))
        total += max(1, min(case, control, len(np.unique(codes[rows])) // 2))
    return total


def overlap_inflation(signal, n_folds: int, n_features: float = N_FEATURES) -> np.ndarray:
    """Factor on the variance of a fold-averaged score for subjects that also train models.

    A subject is tested in one fold and trains the models of all others, so the errors of two folds
    share the product of their subjects' noise. For a linear score whose direction is learnt from
    `n_features` features of equal variance the covariances of the folds add ``1 − R`` to the
    variance, where ``R`` is the squared cosine of learnt and true direction and solves ``R² /
    (1 − R) = (K − 1)/K · signal² / n_features``. The factor is 2 where nothing can be predicted
    and falls towards 1 as the direction becomes certain. It is kept above ``1 + 1/K``, since
    standardised errors were measured to keep a standard deviation of 1.06 to 1.13 at an AUC of
    0.9. Compare Bates, Hastie & Tibshirani, JASA 2024, on the dependence itself.

    Parameters
    ----------
    signal : array-like
        Distance of the score from chance, in standard errors; not above 0 means none.
    n_folds : int
        With one fold (a locked test set) the factor is 1.
    n_features : float
        Dimension of what a model is fitted to.
    """
    signal = np.maximum(np.asarray(signal, dtype=float), 0)
    if n_folds == 1:
        return np.ones_like(signal)
    with np.errstate(divide="ignore", over="ignore"):
        inverse = n_features * n_folds / (n_folds - 1) / signal**2
        certainty = 2 / (1 + np.sqrt(1 + 4 * inverse))
    return np.maximum(2 - certainty, 1 + 1 / n_folds)


def fold_score_interval(
    value: float,
    se: float,
    *,
    chance: float,
    n_folds: int,
    n_features: float = N_FEATURES,
    df: float | None = None,
    confidence: float = 0.95,
    scale: Literal["logit", "identity"] = "logit",
) -> tuple[float, float]:
    """Interval of a fold-averaged score from its standard error given the fitted models.

    Holds every true score that a test would not reject, with the variance that this true score
    implies (`overlap_inflation`): an estimate cannot tell by itself how far it is from chance.

    Parameters
    ----------
    value, se : float
        Score and its standard error, models taken as given.
    chance : float
        Score of a model that knows nothing; larger is better. Infinity if unknown, which
        widens most.
    n_folds : int
        Number of folds.
    n_features : float
        Columns that the models saw, mean of folds.
    df : float, optional
        Degrees of freedom of `se`; normal quantile without.
    confidence : float
        Coverage of the interval, 0 to 1. Default 0.95.
    scale : {"logit", "identity"}
        Logit for shares, so that the interval ends inside 0 and 1.

    Returns
    -------
    low, high : float
    """
    reach = _quantile(df, confidence)
    return _accepted(value, se, chance, n_folds, n_features, reach, scale, 1.0)


def fold_loss_interval(
    value: float,
    se: float,
    *,
    chance: float,
    n_folds: int,
    n_features: float = N_FEATURES,
    df: float | None = None,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """`fold_score_interval` of a loss between 0 and 1, where smaller is better."""
    reach = _quantile(df, confidence)
    return _accepted(value, se, chance, n_folds, n_features, reach, "logit", -1.0)


def _quantile(df: float | None, confidence: float) -> float:
    """Standard errors that an interval reaches to each side."""
    distribution = stats.norm if df is None else stats.t(df)
    return float(distribution.ppf(0.5 + confidence / 2))


def _accepted(value, se, chance, n_folds, n_features, reach, scale, sign):
    refuse_unknown("scale", scale, ("logit", "identity"))
    if se == 0 or (scale == "logit" and not 0 < value < 1):
        return float(value), float(value)
    half = reach * se
    if scale == "logit":
        half /= value * (1 - value)
    # The factor never exceeds 2, so all accepted values lie on this grid.
    offset = np.linspace(-half, half, 2001) * np.sqrt(2)
    truth = expit(logit(value) + offset) if scale == "logit" else value + offset
    inflation = overlap_inflation(sign * (truth - chance) / se, n_folds, n_features)
    kept = truth[np.abs(offset) <= half * np.sqrt(inflation)]
    return float(kept.min()), float(kept.max())
