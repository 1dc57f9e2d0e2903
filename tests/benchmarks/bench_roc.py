"""Cross-validated AUC and DeLong's test of a million people beside plain versions."""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score
from tests.benchmarks.harness import Record, Side, compare, near

from neurogenomics_kb.stats.roc import cv_auc, delong_test

PEOPLE, TURNS, FOLDS = 1_000_000, 5, 5


def draw(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Outcome, two scores, folds."""
    rng = np.random.default_rng(0)
    y = (rng.random(n) < 0.3).astype(int)
    a = y + rng.normal(size=n)
    return y, a, 0.5 * a + rng.normal(size=n), rng.permutation(n) % FOLDS


def plain_cv_auc(y, scores, folds) -> float:
    """Mean over folds by scikit-learn, without an interval."""
    return np.mean([roc_auc_score(y[folds == f], scores[folds == f]) for f in range(FOLDS)])


def plain_delong(y, *scores) -> np.ndarray:
    """AUCs and their covariance, by mid-ranks of SciPy (Sun & Xu 2014)."""
    case = y == 1
    m, n = case.sum(), (~case).sum()
    aucs, of_cases, of_controls = [], [], []
    for score in scores:
        everybody = rankdata(score)
        of_cases.append((everybody[case] - rankdata(score[case])) / n)
        of_controls.append(1 - (everybody[~case] - rankdata(score[~case])) / m)
        aucs.append(of_cases[-1].mean())
    covariance = np.cov(of_cases) / m + np.cov(of_controls) / n
    difference = aucs[0] - aucs[1]
    spread = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    return np.array([*aucs, difference / spread])


def run(tiny: bool = False) -> list[Record]:
    """All comparisons.

    Parameters
    ----------
    tiny : bool
        Sizes at which only agreement is of interest.
    """
    n, turns = (2_000, 2) if tiny else (PEOPLE, TURNS)
    y, a, b, folds = draw(n)

    def same_test(mine, theirs) -> str:
        found = [mine.auc_a, mine.auc_b, mine.z]
        return near(1e-6, "AUCs and z differ by")(found, theirs)

    return [
        compare(
            "cross-validated AUC with its interval",
            Side(partial(cv_auc, y, a, folds)),
            Side(partial(plain_cv_auc, y, a, folds)),
            size=f"{n:,} people, {FOLDS} folds",
            alternative="scikit-learn's AUC alone",
            agree=lambda mine, theirs: near(1e-12, "AUC differs by")(mine.auc, theirs),
            turns=turns,
        ),
        compare(
            "DeLong's test",
            Side(partial(delong_test, y, a, b)),
            Side(partial(plain_delong, y, a, b)),
            size=f"{n:,} people",
            alternative="SciPy's mid-ranks",
            agree=same_test,
            turns=turns,
        ),
    ]
