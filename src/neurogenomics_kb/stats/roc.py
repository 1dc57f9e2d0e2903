"""ROC inference: inside folds for cross-validation, DeLong for a locked test set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from neurogenomics_kb.errors import InputError
from neurogenomics_kb.stats.resampling import FoldDifference, corrected_resampled_t


@dataclass(frozen=True)
class CrossValidatedAUC:
    """Fold-averaged area under the ROC curve with its influence-curve interval."""

    auc: float
    se: float
    ci: tuple[float, float]
    per_fold: np.ndarray


@dataclass(frozen=True)
class DeLongResult:
    """Comparison of two fixed score vectors on one independent test set.

    The p-value is conditional on the fitted scores: it does not cover the variability of training,
    and it is invalid for nested models.
    """

    auc_a: float
    auc_b: float
    difference: float
    z: float
    p_value: float
    ci: tuple[float, float]


def _binary(y_true) -> np.ndarray:
    y = np.asarray(y_true)
    levels = np.unique(y)
    if len(levels) != 2:
        raise InputError(
            f"an ROC curve needs two classes and the outcome has {len(levels)}",
            remedy="Check the outcome, or use folds that hold both classes.",
        )
    return y == levels[1]


def placements(y_true, scores) -> tuple[np.ndarray, np.ndarray]:
    """Placement values by mid-ranks, in O(n log n) (Sun & Xu, IEEE SPL 2014).

    Parameters
    ----------
    y_true : array-like (n,)
        Two classes; the larger label is the case.
    scores : array-like (n,)

    Returns
    -------
    cases : ndarray (n_cases,)
        Share of controls that each case outranks, ties counted half.
    controls : ndarray (n_controls,)
        Share of cases that outrank each control.
    """
    y = _binary(y_true)
    scores = np.asarray(scores, dtype=float)
    m, n = int(y.sum()), int((~y).sum())
    ranks = stats.rankdata(scores)
    cases = (ranks[y] - stats.rankdata(scores[y])) / n
    controls = 1 - (ranks[~y] - stats.rankdata(scores[~y])) / m
    return cases, controls


def auc_score(y_true, scores) -> float:
    """Area under the ROC curve (Mann–Whitney), ties counted half."""
    return float(placements(y_true, scores)[0].mean())


def delong_test(y_true, scores_a, scores_b, *, confidence: float = 0.95) -> DeLongResult:
    """DeLong's test for two correlated ROC curves on a locked test set.

    DeLong, DeLong & Clarke-Pearson, Biometrics 1988, with mid-ranks after Sun & Xu (2014). For
    independent or locked test data and non-nested models only; cross-validated scores belong in
    `cv_auc_difference`.

    Parameters
    ----------
    y_true : array-like (n,)
    scores_a, scores_b : array-like (n,)
    confidence : float
        Level of the interval for the difference.

    Returns
    -------
    DeLongResult
    """
    cases_a, controls_a = placements(y_true, scores_a)
    cases_b, controls_b = placements(y_true, scores_b)
    d_cases, d_controls = cases_a - cases_b, controls_a - controls_b
    if min(len(d_cases), len(d_controls)) < 2:
        raise InputError("a class has fewer than two subjects", remedy="Use a larger test set.")
    difference = float(d_cases.mean())
    variance = d_cases.var(ddof=1) / len(d_cases) + d_controls.var(ddof=1) / len(d_controls)
    se = float(np.sqrt(variance))
    if se < 1e-12:
        z, p = (
            (0.0, 1.0)
            if abs(difference) < 1e-12
            else (float("inf") * np.sign(difference), float("nan"))
        )
    else:
        z = difference / se
        p = float(2 * stats.norm.sf(abs(z)))
    half = float(stats.norm.ppf(0.5 + confidence / 2)) * se
    return DeLongResult(
        float(cases_a.mean()),
        float(cases_b.mean()),
        difference,
        float(z),
        p,
        (difference - half, difference + half),
    )


def cv_auc(y_true, scores, folds, *, confidence: float = 0.95) -> CrossValidatedAUC:
    """Cross-validated AUC with an influence-curve interval.

    The AUC is taken inside each test fold and averaged, because scores of models fitted on
    different folds have no common scale. Variance after LeDell, Petersen & van der Laan, Electronic
    Journal of Statistics 2015, doi:10.1214/15-EJS1035.

    Parameters
    ----------
    y_true : array-like (n,)
    scores : array-like (n,)
        Out-of-fold scores.
    folds : array-like (n,)
        Test fold of every subject.
    confidence : float

    Returns
    -------
    CrossValidatedAUC
    """
    y, scores, folds = _binary(y_true), np.asarray(scores, dtype=float), np.asarray(folds)
    share = y.mean()
    per_fold, variances = [], []
    for fold in np.unique(folds):
        rows = folds == fold
        cases, controls = placements(y[rows], scores[rows])
        auc = cases.mean()
        per_fold.append(auc)
        influence = np.concatenate([(cases - auc) / share, (controls - auc) / (1 - share)])
        variances.append(np.mean(influence**2))
    auc = float(np.mean(per_fold))
    se = float(np.sqrt(np.mean(variances) / len(y)))
    half = float(stats.norm.ppf(0.5 + confidence / 2)) * se
    return CrossValidatedAUC(
        auc, se, (max(0.0, auc - half), min(1.0, auc + half)), np.array(per_fold)
    )


def cv_auc_difference(
    y_true, scores_a, scores_b, folds, *, rope: float = 0.01, confidence: float = 0.95
) -> FoldDifference:
    """Compare two procedures by their AUC on the same test folds.

    Corrected resampled t-test with K − 1 degrees of freedom; see `corrected_resampled_t`.

    Parameters
    ----------
    y_true, scores_a, scores_b, folds : array-like (n,)
    rope : float
        Differences below this are practically nothing.
    confidence : float

    Returns
    -------
    FoldDifference
    """
    a = cv_auc(y_true, scores_a, folds).per_fold
    b = cv_auc(y_true, scores_b, folds).per_fold
    return corrected_resampled_t(a - b, rope=rope, confidence=confidence)
