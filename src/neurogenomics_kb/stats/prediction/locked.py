"""Compare two fitted models on one locked test set, such as later enrolments."""

from __future__ import annotations

import numpy as np

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction.multiclass import checked_scores
from neurogenomics_kb.stats.prediction.resampling import (
    Alternative,
    FoldDifference,
    cluster_codes,
    t_difference,
)
from neurogenomics_kb.stats.roc import placements


def locked_auc_difference(
    y_true, scores_a, scores_b, *, clusters=None,
    alternative: Alternative = "two-sided",
) -> FoldDifference:  # fmt: skip
    """Difference of two AUCs on the same test subjects, models taken as fitted.

    DeLong's variance (Biometrics 1988) summed over clusters (Obuchowski, Biometrics 1997), with t
    of as many degrees of freedom as the rarer class has clusters, less one. It says nothing of how
    the models would differ had they been trained on other people.

    Parameters
    ----------
    y_true : array-like (n,)
        Two classes; the larger label is the case.
    scores_a, scores_b : array-like (n,)
        Scores of the two models for the same people.
    clusters : array-like (n,), optional
        Families, or children with several visits.
    alternative : {"two-sided", "greater"}
        Which difference counts. Default two-sided.
    """
    y = np.asarray(y_true) == np.max(y_true)
    codes = _codes(clusters, len(y))
    difference, contribution, size = _auc_gap(y, scores_a, scores_b, codes)
    se = float(np.sqrt((np.bincount(codes, contribution) ** 2).sum()))
    return t_difference(difference, se, size - 1, largest=1.0, alternative=alternative)


def locked_macro_auc_difference(
    y_true, scores_a, scores_b, *, classes=None, clusters=None,
    alternative: Alternative = "two-sided",
) -> FoldDifference:  # fmt: skip
    """`locked_auc_difference` of the mean over classes of one-against-rest AUCs.

    What a subject adds to the difference is averaged over classes, so the test allows for their
    dependence; degrees of freedom are those of the class with fewest clusters.

    Parameters
    ----------
    y_true : array-like (n,)
        True outcome, 0 or 1.
    scores_a, scores_b : array-like (n, C)
        One column per class.
    classes : sequence, optional
        Order of the columns; sorted by default.
    clusters, alternative
        As for `locked_auc_difference`.
    """
    y, a, names = checked_scores(y_true, scores_a, classes)
    _, b, _ = checked_scores(y_true, scores_b, classes)
    codes = _codes(clusters, len(y))
    each = [_auc_gap(y == c, a[:, k], b[:, k], codes) for k, c in enumerate(names)]
    contribution = np.mean([one[1] for one in each], axis=0)
    se = float(np.sqrt((np.bincount(codes, contribution) ** 2).sum()))
    return t_difference(
        float(np.mean([one[0] for one in each])),
        se,
        min(one[2] for one in each) - 1,
        largest=1.0,
        alternative=alternative,
    )


def _auc_gap(y: np.ndarray, scores_a, scores_b, codes) -> tuple[float, np.ndarray, int]:
    """Difference of two AUCs, what every subject adds to it, and clusters of the rarer class."""
    a, b = placements(y, scores_a), placements(y, scores_b)
    contribution = np.empty(len(y))
    sizes = []
    for rows, own_a, own_b in ((y, a[0], b[0]), (~y, a[1], b[1])):
        gap = own_a - own_b
        size = len(np.unique(codes[rows]))
        if size < 2:
            raise InputError(
                "all test subjects of a class are in one cluster",
                subjects=int(rows.sum()),
                of=len(y),
                remedy="Move the cut so that more of them are tested.",
            )
        sizes.append(size)
        contribution[rows] = (gap - gap.mean()) / rows.sum() * np.sqrt(size / (size - 1))
    return float((a[0] - b[0]).mean()), contribution, min(sizes)


def locked_r2_difference(
    y, predicted_a, predicted_b, training_mean: float, *, clusters=None,
    alternative: Alternative = "two-sided",
) -> FoldDifference:  # fmt: skip
    """Difference of two held-out R² on the same test subjects, models taken as fitted.

    Mean difference of squared errors over the test set's spread, which is taken as known (as
    Diebold & Mariano, Journal of Business & Economic Statistics 1995, do), summed over clusters.

    Parameters
    ----------
    y, predicted_a, predicted_b : array-like (n,)
        Outcome, and predictions of the two models.
    training_mean : float
        What a model without features would predict.
    clusters, alternative
        As for `locked_auc_difference`.
    """
    y = np.asarray(y, dtype=float)
    codes = _codes(clusters, len(y))
    gain = (y - np.asarray(predicted_b)) ** 2 - (y - np.asarray(predicted_a)) ** 2
    spread = float(((y - training_mean) ** 2).sum())
    size = len(np.unique(codes))
    sums = np.bincount(codes, (gain - gain.mean()) / spread)
    se = float(np.sqrt((sums**2).sum() * size / (size - 1)))
    return t_difference(float(gain.sum() / spread), se, size - 1, alternative=alternative)


def _codes(clusters, n: int) -> np.ndarray:
    return np.arange(n) if clusters is None else cluster_codes(clusters, n)
