"""Ceilings of prediction, against published values and against the exact integral."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from neurogenomics_kb.stats.prediction.ceilings import (
    maximal_auc,
    maximal_r,
    normal_auc,
    reliable_auc,
    reliable_share,
)


def test_depression_as_published():
    # Wray et al. 2010 at SNP and twin heritability of major depression, prevalence 0.15.
    assert maximal_auc(0.09, 0.15) == pytest.approx(0.65, abs=0.006)
    assert maximal_auc(0.37, 0.15) == pytest.approx(0.81, abs=0.006)
    assert round(normal_auc(0.37, 0.15), 2) == 0.81


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("prevalence", [0.001, 0.01, 0.15, 0.5])
def test_integral_is_near_the_published_formula_and_never_below(share, prevalence):
    formula = normal_auc(share, prevalence)
    assert maximal_auc(share, prevalence) == pytest.approx(formula, abs=0.006)
    assert maximal_auc(0.95, prevalence) > normal_auc(0.95, prevalence) - 1e-4


def test_a_median_split_is_known_exactly():
    # Two normal halves: P(known of a case exceeds that of a control) at half the variance.
    rng = np.random.default_rng(1)
    known = np.sqrt(0.8) * rng.normal(size=400_000)
    case = known + np.sqrt(0.2) * rng.normal(size=400_000) > 0
    auc = stats.mannwhitneyu(known[case], known[~case]).statistic / (case.sum() * (~case).sum())
    assert maximal_auc(0.8, 0.5) == pytest.approx(auc, abs=0.002)


def test_formula_holds_in_drawn_people_whatever_the_ratio_of_cases():
    rng = np.random.default_rng(0)
    known = np.sqrt(0.4) * rng.normal(size=200_000)
    case = known + np.sqrt(0.6) * rng.normal(size=200_000) > stats.norm.isf(0.1)
    cases, controls = known[case], rng.choice(known[~case], 5000)
    auc = stats.mannwhitneyu(cases, controls).statistic / (len(cases) * len(controls))
    assert maximal_auc(0.4, 0.1) == pytest.approx(auc, abs=0.01)


def test_ends():
    assert maximal_auc(0.0, 0.15) == 0.5
    assert maximal_auc(1.0, 0.5) == 1.0
    assert maximal_r(0.25) == 0.5
    assert reliable_share(0.0, 0.2) == 0.0
    assert reliable_share(1.0, 0.2) == 1.0


def test_two_raters_of_a_liability_agree_as_stated():
    rng = np.random.default_rng(0)
    share = reliable_share(0.4, 0.2)
    truth = rng.normal(size=300_000) * np.sqrt(share)
    cut = stats.norm.isf(0.2)
    a, b = (truth + np.sqrt(1 - share) * rng.normal(size=300_000) > cut for _ in range(2))
    kappa = (np.mean(a == b) - 0.68) / 0.32
    assert kappa == pytest.approx(0.4, abs=0.01)
    cases, controls = truth[a][:5000], truth[~a][:5000]
    auc = stats.mannwhitneyu(cases, controls).statistic / (len(cases) * len(controls))
    assert reliable_auc(0.4, 0.2) == pytest.approx(auc, abs=0.015)


@pytest.mark.parametrize(("share", "prevalence"), [(-0.1, 0.1), (1.1, 0.1), (0.5, 0), (0.5, 1)])
def test_numbers_of_no_population_are_refused(share, prevalence):
    with pytest.raises(ValueError, match="must lie between"):
        maximal_auc(share, prevalence)
    with pytest.raises(ValueError, match="must lie between"):
        reliable_share(share, prevalence)
